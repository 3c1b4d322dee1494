//! What a history is of: addresses, groups and the pseudonym key. A run of something else is refused, never mixed in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Head;
use crate::base::calendar::Day;
use crate::model::record::{INSTANCE_SCOPE, is_within};

/// What a history is of; the file `identity.json` in its folder, and the first line of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "history_identity")]
pub struct Identity {
    /// By canonical address.
    pub instances: BTreeMap<String, KnownInstance>,
    /// What was renamed: an older export of the history still has the former names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<Rename>,
    /// What was dropped, as (address, group): an older export still has it. Asking for it again takes it out of here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dropped: BTreeSet<(String, String)>,
    /// In an export, how many files follow: one that is cut between two of them shows no other damage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

/// What is known of one GitLab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownInstance {
    /// The scopes that were asked for, by path.
    pub groups: BTreeMap<String, Membership>,
    /// The check value of the pseudonym key ([`crate::normalize::pseudonym::PseudonymKey::check`]); `None` while no pseudonym was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_check: Option<String>,
    /// The address that pseudonyms are made with, where that is a former one: they cannot be made anew from the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonyms_of: Option<String>,
}

/// Whether a group is still part of the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The last day on which it is; `None` while it is asked for.
    pub until: Option<Day>,
}

/// A change of name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rename {
    /// A GitLab has another address.
    Instance {
        /// The former address.
        from: String,
        /// The address now.
        to: String,
    },
    /// A group has another path, and so have the groups and projects within it.
    Group {
        /// The GitLab; `None` for whichever has the group.
        instance: Option<String>,
        /// The former path.
        from: String,
        /// The path now.
        to: String,
    },
}

/// What one run brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// By canonical address.
    pub instances: BTreeMap<String, RunInstance>,
    /// Groups that the settings name beside those of the stream.
    pub named_groups: BTreeSet<String>,
}

/// What one run brings of one GitLab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunInstance {
    /// The scopes asked for.
    pub groups: BTreeSet<String>,
    /// The check values of the keys that its pseudonyms were made with.
    pub key_checks: BTreeSet<String>,
}

/// Why a run does not belong to a history. The text says what differs and which command repairs it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another address.
    #[error(
        "it is of {known}, and this run is of {new}; if GitLab moved, run \"duo-metrics history rename --url {known} {new}\", else give this run a history of its own"
    )]
    Address {
        /// The address in the history.
        known: String,
        /// The address of the run.
        new: String,
    },
    /// Another group.
    #[error(
        "it is of group {known}, and this run is of group {new} alone; if the group was renamed, run \"duo-metrics history rename --group {known} {new}\"; to count both, set GROUP_PATH to {known},{new}; if {known} is no longer wanted, run \"duo-metrics history drop --group {known}\""
    )]
    Group {
        /// The group in the history.
        known: String,
        /// The group of the run.
        new: String,
    },
    /// Another pseudonym key.
    #[error(
        "its pseudonyms were made with another DUO_METRICS_PSEUDONYM_KEY, so everyone would count twice; set the earlier key, or give this run a history of its own"
    )]
    Key,
    /// A run that did not know under which address the pseudonyms of the history were made.
    #[error(
        "its pseudonyms were made under the former address {former} of {instance}; set DUO_METRICS_HISTORY for \"duo-metrics normalize\" too, so that it makes the same ones"
    )]
    FormerAddress {
        /// The address now.
        instance: String,
        /// The address that pseudonyms are made with.
        former: String,
    },
}

impl Identity {
    /// What files without an identity are of, by their heads: histories that an earlier version wrote have none.
    pub fn of_files<'h>(heads: impl Iterator<Item = &'h Head>) -> Identity {
        let mut identity = Identity::default();
        for head in heads {
            let instance = identity.instances.entry(head.instance.clone()).or_default();
            instance.groups.entry(head.scope.clone()).or_default();
        }
        identity
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// Checks that a run is of what the history is of. New groups and addresses are welcome beside those that are known; in the
    /// place of one that is known they may be the same under another name.
    pub fn check(&self, run: &Run) -> Result<(), Mismatch> {
        let is_new = |instance: &&String| !self.instances.contains_key(*instance);
        let is_absent = |instance: &&String| !run.instances.contains_key(*instance);
        if let (Some(new), Some(known)) =
            (run.instances.keys().find(is_new), self.instances.keys().find(is_absent))
        {
            return Err(Mismatch::Address { known: known.clone(), new: new.clone() });
        }
        for (address, brought) in &run.instances {
            let Some(known) = self.instances.get(address) else { continue };
            known.check_groups(brought, &run.named_groups)?;
            if known
                .key_check
                .as_ref()
                .is_some_and(|check| brought.key_checks.iter().any(|other| other != check))
            {
                return Err(match &known.pseudonyms_of {
                    Some(former) => {
                        Mismatch::FormerAddress { instance: address.clone(), former: former.clone() }
                    }
                    None => Mismatch::Key,
                });
            }
        }
        Ok(())
    }

    /// Takes over what a run brings. `last_day` gives the last day that is kept of a group, which is the last one on which a group that
    /// is no longer asked for counts.
    pub fn admit(&mut self, run: &Run, last_day: impl Fn(&str, &str) -> Option<Day>) {
        for (address, brought) in &run.instances {
            let known = self.instances.entry(address.clone()).or_default();
            for group in &brought.groups {
                known.groups.insert(group.clone(), Membership::default());
                self.dropped.remove(&(address.clone(), group.clone()));
            }
            if known.key_check.is_none() {
                known.key_check = brought.key_checks.first().cloned();
            }
        }
        // A run that asks no group at all, such as one of event exports, says nothing of them.
        if run.instances.values().all(|brought| brought.groups.is_empty()) {
            return;
        }
        for (address, known) in &mut self.instances {
            let brought = run.instances.get(address);
            let asked = |group: &str| {
                let in_stream = brought.into_iter().flat_map(|brought| &brought.groups);
                in_stream.chain(&run.named_groups).any(|asked| asked == group || is_within(group, asked))
            };
            for (group, membership) in &mut known.groups {
                match asked(group) {
                    true => membership.until = None,
                    false => membership.until = membership.until.or_else(|| last_day(address, group)),
                }
            }
        }
    }

    /// The groups that are no longer asked for, as (address, group, last day in the total).
    pub fn former_groups(&self) -> impl Iterator<Item = (&str, &str, Day)> {
        self.instances.iter().flat_map(|(address, known)| {
            let until =
                |(group, membership): (&'_ String, &Membership)| Some((group.len(), membership.until?));
            known.groups.iter().filter_map(move |(group, membership)| {
                let (_, day) = until((group, membership))?;
                Some((address.as_str(), group.as_str(), day))
            })
        })
    }

    /// Adds what another identity of the same history knows. The error is that of [`Identity::check`].
    pub fn merge(&mut self, other: &Identity) -> Result<(), Mismatch> {
        for (address, theirs) in &other.instances {
            let known = self.instances.entry(address.clone()).or_default();
            match (&known.key_check, &theirs.key_check) {
                (Some(ours), Some(theirs)) if ours != theirs => return Err(Mismatch::Key),
                (None, check) => known.key_check.clone_from(check),
                (Some(_), _) => {}
            }
            if known.pseudonyms_of.is_none() {
                known.pseudonyms_of.clone_from(&theirs.pseudonyms_of);
            }
            for (group, membership) in &theirs.groups {
                known.groups.entry(group.clone()).or_insert(*membership);
            }
        }
        let new = other.renames.iter().filter(|rename| !self.renames.contains(rename));
        self.renames.extend(new.cloned().collect::<Vec<_>>());
        self.dropped.extend(other.dropped.iter().cloned());
        Ok(())
    }

    /// The names now of an address and a group that may be former ones.
    pub fn now(&self, instance: &str, scope: &str) -> (String, String) {
        let (mut instance, mut scope) = (instance.to_owned(), scope.to_owned());
        for rename in &self.renames {
            (instance, scope) = rename.apply(&instance, &scope);
        }
        (instance, scope)
    }

    /// Gives an address or a group its new name, and remembers that.
    pub fn rename(&mut self, rename: &Rename) {
        for (address, known) in std::mem::take(&mut self.instances) {
            let KnownInstance { groups, key_check, pseudonyms_of } = known;
            let (new_address, _) = rename.apply(&address, INSTANCE_SCOPE);
            let former = (new_address != address).then_some(&address).filter(|_| key_check.is_some());
            let into = self.instances.entry(new_address).or_default();
            into.pseudonyms_of = into.pseudonyms_of.take().or(pseudonyms_of).or_else(|| former.cloned());
            into.key_check = into.key_check.take().or(key_check);
            for (group, membership) in groups {
                let (_, group) = rename.apply(&address, &group);
                // Of two that become one, the one that is still asked for counts.
                let kept = into.groups.entry(group).or_insert(membership);
                kept.until = kept.until.and(membership.until);
            }
        }
        self.renames.retain(|other| other != rename);
        self.renames.push(rename.clone());
    }

    /// Forgets a group, or all of an address.
    pub fn drop(&mut self, instance: &str, group: &str) {
        if let Some(known) = self.instances.get_mut(instance) {
            known.groups.remove(group);
            if known.groups.is_empty() {
                self.instances.remove(instance);
            }
        }
        self.dropped.insert((instance.to_owned(), group.to_owned()));
    }
}

impl KnownInstance {
    /// A new group in the place of one that is not asked for any more may be that one under another path. Groups within each other are
    /// told apart by their paths.
    fn check_groups(&self, brought: &RunInstance, named: &BTreeSet<String>) -> Result<(), Mismatch> {
        let are_related =
            |one: &str, other: &str| one == other || is_within(one, other) || is_within(other, one);
        let asked = || brought.groups.iter().chain(named);
        let current = || self.groups.iter().filter(|(_, membership)| membership.until.is_none());
        let is_new = |group: &&String| !self.groups.keys().any(|known| are_related(known, group));
        let is_absent = |group: &&String| !asked().any(|asked| are_related(group, asked));
        let absent = current().map(|(group, _)| group).find(is_absent);
        match (brought.groups.iter().find(is_new), absent) {
            (Some(new), Some(known)) => Err(Mismatch::Group { known: known.clone(), new: new.clone() }),
            _ => Ok(()),
        }
    }
}

impl Rename {
    /// The names after the change.
    pub fn apply(&self, instance: &str, scope: &str) -> (String, String) {
        match self {
            Rename::Instance { from, to } if from == instance => (to.clone(), scope.to_owned()),
            Rename::Group { instance: of, from, to } if of.as_deref().is_none_or(|of| of == instance) => {
                (instance.to_owned(), renamed_path(scope, from, to).unwrap_or_else(|| scope.to_owned()))
            }
            _ => (instance.to_owned(), scope.to_owned()),
        }
    }

    /// The path of a project after the change; `None` when it stays.
    pub fn project(&self, instance: &str, project: &str) -> Option<String> {
        match self {
            Rename::Group { instance: of, from, to } if of.as_deref().is_none_or(|of| of == instance) => {
                renamed_path(project, from, to)
            }
            _ => None,
        }
    }
}

/// The path of something that is, or lies within, what was renamed.
fn renamed_path(path: &str, from: &str, to: &str) -> Option<String> {
    let rest = path.strip_prefix(from)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(instance: &str, groups: &[&str]) -> Run {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let brought = RunInstance { groups, key_checks: BTreeSet::new() };
        Run { instances: [(instance.to_owned(), brought)].into(), named_groups: BTreeSet::new() }
    }

    fn known(instance: &str, groups: &[&str]) -> Identity {
        let mut identity = Identity::default();
        identity.admit(&run(instance, groups), |_, _| None);
        identity
    }

    const HERE: &str = "https://gitlab.example.com";

    #[test]
    fn a_new_group_in_the_place_of_a_known_one_is_refused_and_beside_it_welcome() {
        let identity = known(HERE, &["acme", "globex/web"]);
        for welcome in [
            &["acme", "globex/web"][..],
            &["acme"],
            &["acme", "globex/web", "initech"],
            // A wider and a narrower group are the same by their paths.
            &["acme/web", "globex"],
            &[],
        ] {
            assert_eq!(identity.check(&run(HERE, welcome)), Ok(()), "{welcome:?}");
        }
        for renamed in [&["acme-corp"][..], &["acme-corp", "globex/web"], &["acme", "globex/frontend"]] {
            let refused = identity.check(&run(HERE, renamed));
            assert!(matches!(refused, Err(Mismatch::Group { .. })), "{renamed:?}: {refused:?}");
        }
        let mut named = run(HERE, &["acme-corp"]);
        named.named_groups = ["acme", "globex/web", "acme-corp"].map(str::to_owned).into();
        assert_eq!(identity.check(&named), Ok(()), "the settings ask for all of them");
    }

    #[test]
    fn another_address_is_refused_and_a_second_one_is_not() {
        let identity = known(HERE, &["acme"]);
        let elsewhere = run("http://gitlab.example.com", &["acme"]);
        let refused = identity.check(&elsewhere).expect_err("it may be the same GitLab").to_string();
        assert!(
            refused.contains(&format!("history rename --url {HERE} http://gitlab.example.com")),
            "{refused}"
        );
        let mut both = elsewhere;
        both.instances.extend(run(HERE, &["acme"]).instances);
        assert_eq!(identity.check(&both), Ok(()));
    }

    #[test]
    fn a_group_that_is_not_asked_for_any_more_leaves_on_its_last_day_and_may_come_back() {
        let mut identity = known(HERE, &["acme", "globex"]);
        let last = |_: &str, _: &str| "2026-10-31".parse().ok();
        identity.admit(&run(HERE, &[]), last);
        assert_eq!(identity.former_groups().count(), 0, "a run of exports alone asks for no group");
        identity.admit(&run(HERE, &["acme"]), last);
        let former: Vec<_> =
            identity.former_groups().map(|(_, group, day)| (group, day.to_string())).collect();
        assert_eq!(former, [("globex", "2026-10-31".to_owned())]);
        identity.admit(&run(HERE, &["acme"]), |_, _| "2026-12-31".parse().ok());
        assert_eq!(
            identity.former_groups().next().map(|(.., day)| day.to_string()).as_deref(),
            Some("2026-10-31")
        );
        identity.admit(&run(HERE, &["acme", "globex"]), last);
        assert_eq!(identity.former_groups().count(), 0);
    }

    #[test]
    fn names_follow_renames_in_order_and_an_address_keeps_what_its_pseudonyms_were_made_with() {
        let mut identity = known(HERE, &["acme/web", "acme-labs"]);
        identity.instances.get_mut(HERE).expect("it is there").key_check = Some("1a2b3c4d".to_owned());
        let group = |from: &str, to: &str| Rename::Group { instance: None, from: from.into(), to: to.into() };
        identity.rename(&group("acme", "acme-corp"));
        identity.rename(&group("acme-corp/web", "acme-corp/frontend"));
        let to = "https://git.example.org";
        identity.rename(&Rename::Instance { from: HERE.into(), to: to.into() });
        assert_eq!(identity.now(HERE, "acme/web/ui"), (to.into(), "acme-corp/frontend/ui".into()));
        assert_eq!(identity.now(HERE, "acme-labs"), (to.into(), "acme-labs".into()));
        let groups: Vec<&String> = identity.instances[to].groups.keys().collect();
        assert_eq!(groups, ["acme-corp/frontend", "acme-labs"]);
        assert_eq!(identity.instances[to].pseudonyms_of.as_deref(), Some(HERE));
        let json = serde_json::to_string(&identity).expect("it is JSON");
        assert_eq!(serde_json::from_str::<Identity>(&json).expect("it reads itself"), identity);
    }

    #[test]
    fn another_key_is_refused() {
        let mut identity = known(HERE, &["acme"]);
        let with = |check: &str| {
            let mut run = run(HERE, &["acme"]);
            run.instances.get_mut(HERE).expect("it is there").key_checks.insert(check.to_owned());
            run
        };
        identity.admit(&with("1a2b3c4d"), |_, _| None);
        assert_eq!(identity.check(&with("1a2b3c4d")), Ok(()));
        assert_eq!(identity.check(&with("00000000")), Err(Mismatch::Key));
        let mut other = known(HERE, &["acme"]);
        other.admit(&with("00000000"), |_, _| None);
        assert_eq!(identity.merge(&other), Err(Mismatch::Key));
    }
}
