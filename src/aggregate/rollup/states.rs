//! Things that have a state rather than events: merge requests and pipelines. Of all fetches that count, the newest
//! state of each is taken.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::names::{Name, PersonId};
use super::{Fetch, Target};
use crate::base::calendar::{Day, Timestamp};
use crate::model::record::Row;

/// Identity of a merge request or a pipeline. A project that is renamed or moved keeps its id, so the path serves
/// only where the source does not tell the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateKey {
    pub(super) instance: Name,
    pub(super) project: Name,
    pub(super) id: Name,
}

/// The part of a merge request that metrics need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeRequestState {
    /// The project's full path.
    pub project: Name,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// Who opened it.
    pub author: Option<PersonId>,
    /// Lines added and deleted; `None` where GitLab does not tell.
    pub lines: Option<u64>,
}

/// The part of a pipeline that metrics need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineState {
    /// The project's full path.
    pub project: Name,
    /// When it was created.
    pub created_at: Timestamp,
    /// The status in lower case.
    pub status: Name,
    /// Whether it has finished.
    pub finished: bool,
    /// Seconds it ran.
    pub duration: Option<u64>,
}

/// A state that a fetch told.
#[derive(Debug)]
pub struct Told<T> {
    pub(super) key: StateKey,
    pub(super) row: Row,
    /// The state.
    pub state: T,
}

/// The newest states.
#[derive(Debug)]
pub struct Newest<'a, T> {
    states: HashMap<StateKey, Known<'a, T>, RandomState>,
}

#[derive(Debug)]
struct Known<'a, T> {
    newest: &'a T,
    /// The scopes it was seen in.
    scopes: BTreeSet<Name>,
    /// Which of two states is the newer. Of two of the same moment that of the later day and row is taken, and of two
    /// groups the one whose path sorts last: a rule that does not depend on the order of the input.
    age: (Timestamp, Day, Row, &'a str),
}

impl<'a, T> Newest<'a, T> {
    /// The newest states that these fetches tell; each with its target, the text of its scope, and its moment.
    pub fn of(
        fetches: impl Iterator<Item = (Target, &'a str, Timestamp, &'a Fetch)>,
        told_by: impl Fn(&'a Fetch) -> &'a [Told<T>],
    ) -> Newest<'a, T> {
        let mut states: HashMap<StateKey, Known<'a, T>, RandomState> = HashMap::default();
        for (target, scope, fetched_at, fetch) in fetches {
            for Told { key, row, state } in told_by(fetch) {
                let age = (fetched_at, target.day, *row, scope);
                match states.entry(*key) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(Known { newest: state, scopes: BTreeSet::from([target.scope]), age });
                    }
                    Entry::Occupied(occupied) => {
                        let known = occupied.into_mut();
                        known.scopes.insert(target.scope);
                        if age > known.age {
                            (known.newest, known.age) = (state, age);
                        }
                    }
                }
            }
        }
        Newest { states }
    }

    /// Those seen in one of these scopes, each an instance and a group path.
    pub fn in_scopes(&self, scopes: &[(Name, Name)]) -> impl Iterator<Item = &'a T> {
        let is_in = |(key, known): &(&StateKey, &Known<'a, T>)| {
            scopes.iter().any(|(instance, scope)| key.instance == *instance && known.scopes.contains(scope))
        };
        self.states.iter().filter(is_in).map(|(_, known)| known.newest)
    }
}
