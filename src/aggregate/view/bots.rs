//! From which day on which users are bots or service accounts.
//!
//! Records say of their user to be a bot, or do not. The newest one of a source decides, from its day on: what is said once
//! does not hold for the days before, and a later record takes it back. A source that does not know bots takes nothing
//! back that another one said: with several, a user is a bot if one of them says so.

use std::collections::{BTreeMap, HashMap};

use super::{CODE_SUGGESTION_EVENTS, CountedDays, Root};
use crate::aggregate::rollup::{Fetch, Name, Names, People, PersonId};
use crate::base::calendar::Day;
use crate::model::record::INSTANCE_SCOPE;

/// Who is a bot or service account on which days.
#[derive(Default)]
pub(super) struct Bots {
    /// Whether a user is one on any day, by number; nobody beyond the end is.
    on_any_day: Vec<bool>,
    /// From which days on each of those is one, and is none, in order; the first of them counts for the days before it, too:
    /// nothing says otherwise of those.
    since: HashMap<PersonId, Vec<(Day, bool)>>,
}

/// What one source says of a user, by day.
type Said<'a> = HashMap<(PersonId, &'a str), BTreeMap<Day, bool>>;

impl Bots {
    /// By the fetches that count. Of records of one day of a source one that says it is enough.
    pub(super) fn of<'a>(
        days: &BTreeMap<(Name, Root), CountedDays<'a>>,
        names: &Names,
        people: &People,
    ) -> Bots {
        let fetches = || {
            days.iter().flat_map(|((collector, (_, scope)), days)| {
                let source = source_of(names.text(*collector), names.text(*scope));
                days.iter().filter_map(move |(day, (_, fetch))| Some((source, *day, (*fetch)?)))
            })
        };
        let mut on_any_day = vec![false; people.len()];
        let mut said = Said::new();
        for (source, day, fetch) in fetches() {
            for person in &fetch.bots {
                on_any_day[person.0 as usize] = true;
                said.entry((*person, source)).or_default().insert(day, true);
            }
        }
        if said.is_empty() {
            return Bots::default();
        }
        // Of everybody else nothing has to be known.
        for (source, day, fetch) in fetches() {
            let mut last = None;
            for person in users(fetch).filter(|person| on_any_day[person.0 as usize]) {
                // Many rows one after the other are of the same user.
                if last.replace(person) != Some(person) {
                    said.entry((person, source)).or_default().entry(day).or_insert(false);
                }
            }
        }
        let mut by_person: HashMap<PersonId, Vec<BTreeMap<Day, bool>>> = HashMap::new();
        for ((person, _), by_day) in said {
            by_person.entry(person).or_default().push(by_day);
        }
        let since = by_person.into_iter().map(|(person, sources)| (person, united(&sources))).collect();
        Bots { on_any_day, since }
    }

    /// Whether a user is a bot or service account on a day.
    #[inline]
    pub(super) fn is_bot(&self, person: PersonId, day: Day) -> bool {
        self.on_any_day.get(person.0 as usize).is_some_and(|is_one| *is_one) && self.was_bot(person, day)
    }

    fn was_bot(&self, person: PersonId, day: Day) -> bool {
        let Some(since) = self.since.get(&person) else { return false };
        let after = since.partition_point(|(from, _)| *from <= day);
        since.get(after.saturating_sub(1)).is_some_and(|(_, is_bot)| *is_bot)
    }
}

/// By days on which it changes, whether somebody is a bot by the newest record of any of these sources.
fn united(sources: &[BTreeMap<Day, bool>]) -> Vec<(Day, bool)> {
    let mut days: Vec<Day> = sources.iter().flat_map(|by_day| by_day.keys().copied()).collect();
    days.sort_unstable();
    days.dedup();
    let is_bot =
        |day: Day| sources.iter().any(|by_day| by_day.range(..=day).next_back().is_some_and(|(_, is)| *is));
    let mut since: Vec<(Day, bool)> = days.into_iter().map(|day| (day, is_bot(day))).collect();
    since.dedup_by_key(|(_, is_bot)| *is_bot);
    since
}

/// Everybody that records of a fetch are of.
fn users(fetch: &Fetch) -> impl Iterator<Item = PersonId> {
    let of_events = fetch.usage().flat_map(|(_, entries)| entries.map(|(person, _)| person));
    let of_seats = fetch.seats.values().flatten().copied();
    let authors = fetch.merge_requests.iter().filter_map(|told| told.state.author);
    of_events.chain(of_seats).chain(authors)
}

/// Whose word the records of a collector are. What GitLab's API returns of groups and seats always says it of bots, and
/// the newest of all of these counts. Any other collector speaks for itself alone: exports know it at times, and GitLab's
/// own tables in ClickHouse, which are events of the whole instance, do not.
fn source_of<'a>(collector: &'a str, scope: &str) -> &'a str {
    match collector {
        "usage_events" | "seats" | "merge_requests" => "",
        CODE_SUGGESTION_EVENTS if scope != INSTANCE_SCOPE => "",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a literal day")
    }

    #[test]
    fn the_newest_record_of_a_source_decides_from_its_day_on() {
        let by_day = |days: &[(&str, bool)]| days.iter().map(|(text, is)| (day(text), *is)).collect();
        let person = PersonId(1);
        let is_bot = |sources: &[BTreeMap<Day, bool>], on: &str| {
            let bots = Bots { on_any_day: vec![false, true], since: [(person, united(sources))].into() };
            bots.is_bot(person, day(on))
        };
        let turns = [by_day(&[("2026-10-03", false), ("2026-10-05", true), ("2026-10-09", false)])];
        for (on, expected) in [
            ("2026-10-01", false),
            ("2026-10-04", false),
            ("2026-10-05", true),
            ("2026-10-08", true),
            ("2026-10-09", false),
            ("2026-12-01", false),
        ] {
            assert_eq!(is_bot(&turns, on), expected, "{on}");
        }
        // Nothing says otherwise of the days before the first record.
        assert!(is_bot(&[by_day(&[("2026-10-05", true)])], "2026-10-01"));
        // A source that does not know it takes nothing back.
        let two = [by_day(&[("2026-10-05", true)]), by_day(&[("2026-10-02", false), ("2026-10-08", false)])];
        assert!(!is_bot(&two, "2026-10-04") && is_bot(&two, "2026-10-05") && is_bot(&two, "2026-10-08"));
        assert!(!is_bot(&two, "2026-10-01"), "the first record of any source");
        assert!(!Bots::default().is_bot(person, day("2026-10-05")));
    }
}
