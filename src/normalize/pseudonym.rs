//! Pseudonyms: a keyed hash replaces people, so that they can be counted but not identified.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::address::canonical;
use crate::model::line::{Record, Rollup};
use crate::model::placeholder::is_no_user;
use crate::model::usage_event::UsageEvent;

/// The prefix of pseudonyms.
const PREFIX: &str = "hmac:";

/// The key of pseudonyms. It is never printed or written.
pub struct PseudonymKey {
    hmac: Hmac<Sha256>,
    /// The former address of a GitLab, by its present address. Pseudonyms use the former one: with
    /// another address, everyone would count as a new person.
    former_addresses: BTreeMap<String, String>,
}

/// The input of the check value, before the address. It is not an address, so no pseudonym reveals
/// the check value.
const KEY_CHECK_LABEL: &str = "duo-metrics key check";

/// The minimum length of a key, in bytes.
const MIN_KEY_BYTES: usize = 16;

/// The minimum number of different bytes in a key. Of 16 random digits, 1 in 10,000 has fewer.
const MIN_KEY_ALPHABET: usize = 5;

/// Whether a key is too short, has few different bytes, or repeats a short one.
fn is_weak(key: &[u8]) -> bool {
    let alphabet: BTreeSet<&u8> = key.iter().collect();
    let repeats = |length: usize| key.iter().skip(length).eq(&key[..key.len() - length]);
    key.len() < MIN_KEY_BYTES || alphabet.len() < MIN_KEY_ALPHABET || (1..=key.len() / 2 + 1).any(repeats)
}

/// Whether a user is a pseudonym.
pub fn is_pseudonym(user: &str) -> bool {
    user.starts_with(PREFIX)
}

impl PseudonymKey {
    /// Creates a key; `None` if it is so short or simple that trying keys reveals it.
    pub fn new(key: &str) -> Option<PseudonymKey> {
        (!is_weak(key.as_bytes())).then(|| PseudonymKey {
            hmac: Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length"),
            former_addresses: BTreeMap::new(),
        })
    }

    /// The same key with former addresses of GitLab instances, by present address.
    pub fn with_former_addresses(self, former_addresses: BTreeMap<String, String>) -> PseudonymKey {
        PseudonymKey { former_addresses, ..self }
    }

    /// The check value of this key for the users of a GitLab: 32 bits of an HMAC, as eight
    /// hexadecimal digits. They are too few to find the key, and enough to notice a different one.
    pub fn check(&self, instance: &str) -> String {
        let mut mac = self.hmac.clone();
        mac.update(KEY_CHECK_LABEL.as_bytes());
        mac.update(&[0]);
        mac.update(self.address_of(instance).as_bytes());
        let digest = mac.finalize().into_bytes();
        digest[..4].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    fn address_of<'i>(&'i self, instance: &'i str) -> Cow<'i, str> {
        let address = canonical(instance);
        match self.former_addresses.get(&*address) {
            Some(former) => former.into(),
            None => address,
        }
    }

    /// Replaces the people in a record. Pseudonyms stay unchanged.
    pub fn apply(&self, record: &mut Record<'_>) {
        let instance = record.origin().instance.clone().into_owned();
        let replace = |user: &mut Cow<'_, str>| self.replace(&instance, user);
        match record {
            Record::Event(event) => {
                replace(&mut event.user);
                event.username = None;
                event.global_user_id.as_mut().map(replace);
            }
            Record::Seat(seat) => {
                replace(&mut seat.user);
                seat.username = None;
            }
            Record::UserTotal(total) => {
                replace(&mut total.user);
                total.username = None;
            }
            Record::SessionTotal(total) => {
                total.user.as_mut().map(replace);
                total.username = None;
            }
            Record::AgentSession(session) => {
                session.user.as_mut().map(replace);
                session.username = None;
            }
            Record::Member(member) => {
                replace(&mut member.user);
                member.username = None;
            }
            Record::MergeRequest(merge_request) => {
                merge_request.author.as_mut().map(replace);
            }
            Record::SeatPool(_)
            | Record::Pipeline(_)
            | Record::Dora(_)
            | Record::Project(_)
            | Record::GroupTotal(_)
            | Record::SessionDuration(_)
            | Record::SuggestionTotal(_)
            | Record::CreditMonth(_)
            | Record::Credit(_) => {}
        }
    }

    /// Replaces the people in a usage event of this instance.
    pub fn apply_to_event<T>(&self, event: &mut UsageEvent<'_, T>, instance: &str) {
        self.replace(instance, &mut event.user);
        event.username = None;
    }

    /// Replaces the people in a rollup line.
    pub fn apply_to_counts(&self, rollup: &mut Rollup<'_>) {
        match rollup {
            Rollup::Usage(usage) => self.replace(&usage.instance, &mut usage.user),
            Rollup::Agent(agent) => self.replace(&agent.counted_rows.instance, &mut agent.user),
            Rollup::Session(session) => {
                let replaced = |mut user| {
                    self.replace(&session.counted_rows.instance, &mut user);
                    user
                };
                session.users = std::mem::take(&mut session.users)
                    .into_iter()
                    .map(|(user, since)| (replaced(user), since))
                    .collect();
                session.bots = std::mem::take(&mut session.bots).into_iter().map(replaced).collect();
            }
        }
    }

    /// Replaces the user of an instance, unless it is a pseudonym or the placeholder for no user.
    pub fn replace(&self, instance: &str, user: &mut Cow<'_, str>) {
        if !is_pseudonym(user) && !is_no_user(user) {
            *user = self.of(instance, user).into();
        }
    }

    /// The pseudonym of a user of an instance: 128 bits of the HMAC.
    pub fn of(&self, instance: &str, user: &str) -> String {
        let mut mac = self.hmac.clone();
        mac.update(self.address_of(instance).as_bytes());
        mac.update(&[0]);
        mac.update(user.as_bytes());
        let digest = mac.finalize().into_bytes();
        let half = digest.first_chunk().expect("a SHA-256 has 32 bytes");
        format!("{PREFIX}{:032x}", u128::from_be_bytes(*half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::line::Line;

    #[test]
    fn replaces_people_once_by_instance_and_key() {
        let key = PseudonymKey::new("a key of some length").expect("long enough");
        let text = r#"{"type":"seat","instance":"https://a.example","collector":"seats","scope":"acme","day":"2026-10-01",
            "fetched_at":"2026-10-01T03:00:00Z","row":"1:1","user":"gid://gitlab/User/42","username":"ana","assigned":true,
            "add_on":"DUO_ENTERPRISE","last_duo_activity_on":null}"#;
        let Ok(Line::Record(mut record)) = Line::parse(text) else { panic!("a record") };
        key.apply(&mut record);
        let once = serde_json::to_string(&record).expect("serializes");
        assert!(once.contains(&key.of("https://a.example", "gid://gitlab/User/42")), "{once}");
        assert!(!once.contains("ana") && !once.contains("User/42"), "{once}");
        key.apply(&mut record);
        assert_eq!(serde_json::to_string(&record).expect("serializes"), once);
        assert_ne!(key.of("https://a.example", "x"), key.of("https://b.example", "x"));
        let other = PseudonymKey::new("another key of length").expect("long enough");
        assert_ne!(key.of("https://a.example", "x"), other.of("https://a.example", "x"));
        for weak in ["too short", "aaaaaaaaaaaaaaaa", "0101010101010101010101", "password password"] {
            assert!(PseudonymKey::new(weak).is_none(), "{weak}");
        }
        for strong in ["0123456789abcdef0123", "correct horse battery", "8d1f0c6b94a7e352"] {
            assert!(PseudonymKey::new(strong).is_some(), "{strong}");
        }
    }

    #[test]
    fn check_values_differ_by_key_and_former_address() {
        let key = |text| PseudonymKey::new(text).expect("long enough");
        let (here, former) = ("https://git.example.org", "https://gitlab.example.com");
        let one = key("a key of some length");
        assert_eq!(one.check(here).len(), 8);
        assert_eq!(one.check(here), key("a key of some length").check("https://GIT.example.org:443/"));
        assert_ne!(one.check(here), key("another key of length").check(here));
        assert_ne!(one.check(here), one.check(former));
        let moved = key("a key of some length").with_former_addresses([(here.into(), former.into())].into());
        assert_eq!(moved.check(here), one.check(former));
        assert_eq!(moved.of(here, "x"), one.of(former, "x"));
    }
}
