//! The identity of a history: addresses, groups and the pseudonym key. A run with another identity
//! is refused, so data never mixes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::content::Head;
use crate::base::calendar::Day;
use crate::model::scope::{INSTANCE_SCOPE, is_within};

/// The identity of a history: the file `identity.json` in its folder, and the first line of an
/// export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "history_identity")]
pub struct Identity {
    /// By canonical address.
    pub instances: BTreeMap<String, KnownInstance>,
    /// Renames so far: an older export of the history still has the former names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<Rename>,
    /// Dropped groups, as (address, group): an older export still has them. Collecting a group
    /// again removes it from this list.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dropped: BTreeSet<(String, String)>,
    /// The last day on which a run found neither the history nor a copy of it, although there had
    /// been one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Day>,
    /// In an export, the number of files that follow: an export that is truncated between two files
    /// shows no other damage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

/// What the history knows about one GitLab instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownInstance {
    /// The scopes that were collected, by path.
    pub groups: BTreeMap<String, Membership>,
    /// The check value of the pseudonym key ([`crate::normalize::pseudonym::PseudonymKey::check`]);
    /// `None` while no pseudonym was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_check: Option<String>,
    /// The address that pseudonyms are derived from, if it is a former one: the history cannot
    /// derive them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonyms_of: Option<String>,
}

/// Whether a group is still part of the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The last day in the total; `None` while the group is collected.
    pub until: Option<Day>,
}

/// A change of name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rename {
    /// A GitLab instance has another address.
    Instance {
        /// The former address.
        from: String,
        /// The address now.
        to: String,
    },
    /// A group, and with it the groups and projects within it, has another path.
    Group {
        /// The GitLab instance; `None` for any that has the group.
        instance: Option<String>,
        /// The former path.
        from: String,
        /// The path now.
        to: String,
    },
}

/// The identity of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunIdentity {
    /// By canonical address.
    pub instances: BTreeMap<String, RunInstance>,
    /// Groups from the settings, in addition to those in the stream.
    pub named_groups: BTreeSet<String>,
}

/// The identity of one run for one GitLab instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunInstance {
    /// The scopes that the run collects.
    pub groups: BTreeSet<String>,
    /// The check values of the keys of its pseudonyms.
    pub key_checks: BTreeSet<String>,
}

/// Why a run does not belong to a history. The text states what differs and which command fixes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another address.
    #[error(
        "it belongs to {known}, and this run collects {new}; if GitLab moved, run \"duo-metrics history rename --url {known} {new}\", else use a separate history for this run"
    )]
    Address {
        /// The address in the history.
        known: String,
        /// The address of the run.
        new: String,
    },
    /// Another group.
    #[error(
        "it contains group {known}, and this run collects only {new}; if the group was renamed, run \"duo-metrics history rename --group {known} {new}\"; to count both, set GROUP_PATH to {known},{new}; if {known} is no longer wanted, run \"duo-metrics history drop --group {known}\""
    )]
    Group {
        /// The group in the history.
        known: String,
        /// The group of the run.
        new: String,
    },
    /// Another pseudonym key.
    #[error(
        "its pseudonyms were made with another DUO_METRICS_PSEUDONYM_KEY, so everyone would count twice; set the earlier key, or use a separate history for this run"
    )]
    Key,
    /// The run derived pseudonyms from the current address, and the history from a former one.
    #[error(
        "its pseudonyms were derived from {former}, the former address of {instance}; set DUO_METRICS_HISTORY for \"duo-metrics normalize\", too, so that it derives the same ones"
    )]
    FormerAddress {
        /// The address now.
        instance: String,
        /// The address that the history derives pseudonyms from.
        former: String,
    },
}

impl Identity {
    /// The identity of files without a stored one, by their first lines: earlier releases did not
    /// store it.
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
        self.instances.is_empty() && self.lost.is_none()
    }

    /// Checks that a run belongs to the history. New groups and addresses may join known ones. A
    /// new one that appears while a known one is missing may be a rename and is refused.
    pub fn check(&self, run: &RunIdentity) -> Result<(), Mismatch> {
        let is_new = |instance: &&String| !self.instances.contains_key(*instance);
        let is_absent = |instance: &&String| !run.instances.contains_key(*instance);
        if let (Some(new), Some(known)) =
            (run.instances.keys().find(is_new), self.instances.keys().find(is_absent))
        {
            return Err(Mismatch::Address { known: known.clone(), new: new.clone() });
        }
        for (address, collected) in &run.instances {
            let Some(known) = self.instances.get(address) else { continue };
            known.check_groups(collected, &run.named_groups)?;
            if known
                .key_check
                .as_ref()
                .is_some_and(|check| collected.key_checks.iter().any(|other| other != check))
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

    /// Checks that the pseudonyms of the history were made with a key; `check` returns its check
    /// value for an instance.
    pub fn check_key(&self, check: impl Fn(&str) -> String) -> Result<(), Mismatch> {
        let is_other = |(instance, known): (&String, &KnownInstance)| {
            known.key_check.as_ref().is_some_and(|known| *known != check(instance))
        };
        if self.instances.iter().any(is_other) { Err(Mismatch::Key) } else { Ok(()) }
    }

    /// Adds the identity of a run. `last_day` returns the last day stored of a group: a group that
    /// is no longer collected stays in the total up to that day.
    pub fn add_run(&mut self, run: &RunIdentity, last_day: impl Fn(&str, &str) -> Option<Day>) {
        for (address, collected) in &run.instances {
            let known = self.instances.entry(address.clone()).or_default();
            for group in &collected.groups {
                known.groups.insert(group.clone(), Membership::default());
                self.dropped.remove(&(address.clone(), group.clone()));
            }
            if known.key_check.is_none() {
                known.key_check = collected.key_checks.first().cloned();
            }
        }
        // A run without any group, such as one of event exports, does not change which groups are
        // collected.
        if run.instances.values().all(|collected| collected.groups.is_empty()) {
            return;
        }
        for (address, known) in &mut self.instances {
            let collected = run.instances.get(address);
            let is_collected = |group: &str| {
                let in_stream = collected.into_iter().flat_map(|collected| &collected.groups);
                in_stream.chain(&run.named_groups).any(|path| path == group || is_within(group, path))
            };
            for (group, membership) in &mut known.groups {
                membership.until = if is_collected(group) {
                    None
                } else {
                    membership.until.or_else(|| last_day(address, group))
                };
            }
        }
    }

    /// The groups that are no longer collected, as (address, group, last day in the total).
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

    /// Adds what another identity of the same history knows. Returns the errors of
    /// [`Identity::check`].
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
        self.lost = self.lost.max(other.lost);
        Ok(())
    }

    /// The current names of an address and a group that may be former ones.
    pub fn current_names(&self, instance: &str, scope: &str) -> (String, String) {
        let (mut instance, mut scope) = (instance.to_owned(), scope.to_owned());
        for rename in &self.renames {
            (instance, scope) = rename.apply(&instance, &scope);
        }
        (instance, scope)
    }

    /// Renames an address or a group, and records the rename.
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
                // If two groups become one, the one that is still collected counts.
                let kept = into.groups.entry(group).or_insert(membership);
                kept.until = kept.until.and(membership.until);
            }
        }
        self.renames.retain(|other| other != rename);
        self.renames.push(rename.clone());
    }

    /// Removes a group, or everything of an address.
    pub fn drop_group(&mut self, instance: &str, group: &str) {
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
    /// A new group that appears while a known one is missing may be the same group under another
    /// path. A group within another one is recognized by its path.
    fn check_groups(&self, collected: &RunInstance, named: &BTreeSet<String>) -> Result<(), Mismatch> {
        let are_related =
            |one: &str, other: &str| one == other || is_within(one, other) || is_within(other, one);
        let paths = || collected.groups.iter().chain(named);
        let current = || self.groups.iter().filter(|(_, membership)| membership.until.is_none());
        let is_new = |group: &&String| !self.groups.keys().any(|known| are_related(known, group));
        let is_absent = |group: &&String| !paths().any(|path| are_related(group, path));
        let absent = current().map(|(group, _)| group).find(is_absent);
        match (collected.groups.iter().find(is_new), absent) {
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

    /// The path of a project after the change; `None` if it stays the same.
    pub fn project(&self, instance: &str, project: &str) -> Option<String> {
        match self {
            Rename::Group { instance: of, from, to } if of.as_deref().is_none_or(|of| of == instance) => {
                renamed_path(project, from, to)
            }
            _ => None,
        }
    }
}

/// The new path of the renamed group, or of something within it.
fn renamed_path(path: &str, from: &str, to: &str) -> Option<String> {
    let rest = path.strip_prefix(from)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(instance: &str, groups: &[&str]) -> RunIdentity {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let collected = RunInstance { groups, key_checks: BTreeSet::new() };
        RunIdentity { instances: [(instance.to_owned(), collected)].into(), named_groups: BTreeSet::new() }
    }

    fn known(instance: &str, groups: &[&str]) -> Identity {
        let mut identity = Identity::default();
        identity.add_run(&run(instance, groups), |_, _| None);
        identity
    }

    const HERE: &str = "https://gitlab.example.com";

    #[test]
    fn refuses_a_new_group_that_replaces_a_known_one() {
        let identity = known(HERE, &["acme", "globex/web"]);
        for accepted in [
            &["acme", "globex/web"][..],
            &["acme"],
            &["acme", "globex/web", "initech"],
            // The path shows that a wider or narrower group overlaps the known one.
            &["acme/web", "globex"],
            &[],
        ] {
            assert_eq!(identity.check(&run(HERE, accepted)), Ok(()), "{accepted:?}");
        }
        for renamed in [&["acme-corp"][..], &["acme-corp", "globex/web"], &["acme", "globex/frontend"]] {
            let refused = identity.check(&run(HERE, renamed));
            assert!(matches!(refused, Err(Mismatch::Group { .. })), "{renamed:?}: {refused:?}");
        }
        let mut named = run(HERE, &["acme-corp"]);
        named.named_groups = ["acme", "globex/web", "acme-corp"].map(str::to_owned).into();
        assert_eq!(identity.check(&named), Ok(()), "the settings name all of them");
    }

    #[test]
    fn refuses_another_address_and_accepts_a_second_one() {
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
    fn a_dropped_group_leaves_on_its_last_day_and_may_return() {
        let mut identity = known(HERE, &["acme", "globex"]);
        let last = |_: &str, _: &str| "2026-10-31".parse().ok();
        identity.add_run(&run(HERE, &[]), last);
        assert_eq!(identity.former_groups().count(), 0, "a run of exports alone asks for no group");
        identity.add_run(&run(HERE, &["acme"]), last);
        let former: Vec<_> =
            identity.former_groups().map(|(_, group, day)| (group, day.to_string())).collect();
        assert_eq!(former, [("globex", "2026-10-31".to_owned())]);
        identity.add_run(&run(HERE, &["acme"]), |_, _| "2026-12-31".parse().ok());
        assert_eq!(
            identity.former_groups().next().map(|(.., day)| day.to_string()).as_deref(),
            Some("2026-10-31")
        );
        identity.add_run(&run(HERE, &["acme", "globex"]), last);
        assert_eq!(identity.former_groups().count(), 0);
    }

    #[test]
    fn renames_apply_in_order_and_keep_the_address_of_pseudonyms() {
        let mut identity = known(HERE, &["acme/web", "acme-labs"]);
        identity.instances.get_mut(HERE).expect("it is there").key_check = Some("1a2b3c4d".to_owned());
        let group = |from: &str, to: &str| Rename::Group { instance: None, from: from.into(), to: to.into() };
        identity.rename(&group("acme", "acme-corp"));
        identity.rename(&group("acme-corp/web", "acme-corp/frontend"));
        let to = "https://git.example.org";
        identity.rename(&Rename::Instance { from: HERE.into(), to: to.into() });
        assert_eq!(identity.current_names(HERE, "acme/web/ui"), (to.into(), "acme-corp/frontend/ui".into()));
        assert_eq!(identity.current_names(HERE, "acme-labs"), (to.into(), "acme-labs".into()));
        let groups: Vec<&String> = identity.instances[to].groups.keys().collect();
        assert_eq!(groups, ["acme-corp/frontend", "acme-labs"]);
        assert_eq!(identity.instances[to].pseudonyms_of.as_deref(), Some(HERE));
        let json = serde_json::to_string(&identity).expect("it is JSON");
        assert_eq!(serde_json::from_str::<Identity>(&json).expect("it reads itself"), identity);
    }

    #[test]
    fn refuses_another_key() {
        let mut identity = known(HERE, &["acme"]);
        let with = |check: &str| {
            let mut run = run(HERE, &["acme"]);
            run.instances.get_mut(HERE).expect("it is there").key_checks.insert(check.to_owned());
            run
        };
        identity.add_run(&with("1a2b3c4d"), |_, _| None);
        assert_eq!(identity.check(&with("1a2b3c4d")), Ok(()));
        assert_eq!(identity.check(&with("00000000")), Err(Mismatch::Key));
        assert_eq!(identity.check_key(|_| "1a2b3c4d".to_owned()), Ok(()));
        assert_eq!(identity.check_key(|_| "00000000".to_owned()), Err(Mismatch::Key));
        assert_eq!(Identity::default().check_key(|_| "00000000".to_owned()), Ok(()));
        let mut other = known(HERE, &["acme"]);
        other.add_run(&with("00000000"), |_, _| None);
        assert_eq!(identity.merge(&other), Err(Mismatch::Key));
    }
}
