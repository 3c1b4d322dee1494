//! Merge requests and pipelines have a state rather than events. Of all fetches that count, the
//! newest state of each is used.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::interner::{PersonId, Symbol};
use super::{Fetch, Target};
use crate::base::calendar::{Day, Timestamp};
use crate::model::record::Row;

/// Identifies a merge request or a pipeline. A project that is renamed or moved keeps its id; the
/// path is used only if the source does not report the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateKey {
    pub(super) instance: Symbol,
    pub(super) project: Symbol,
    pub(super) id: Symbol,
}

/// The fields of a merge request that metrics need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeRequestState {
    /// The project's full path.
    pub project: Symbol,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// The author.
    pub author: Option<PersonId>,
    /// Lines added plus lines deleted; `None` if GitLab does not report them.
    pub lines: Option<u64>,
}

/// The fields of a pipeline that metrics need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineState {
    /// The project's full path.
    pub project: Symbol,
    /// When it was created.
    pub created_at: Timestamp,
    /// The status in lower case.
    pub status: Symbol,
    /// Whether it has finished.
    pub finished: bool,
    /// Duration in seconds.
    pub duration: Option<u64>,
}

/// The state of one object in a fetch.
#[derive(Debug)]
pub struct Observation<T> {
    pub(super) key: StateKey,
    pub(super) row: Row,
    /// The state.
    pub state: T,
}

/// The newest state of each object.
#[derive(Debug)]
pub struct NewestStates<'a, T> {
    states: HashMap<StateKey, NewestState<'a, T>, RandomState>,
}

#[derive(Debug)]
struct NewestState<'a, T> {
    newest: &'a T,
    /// The scopes it was seen in.
    scopes: BTreeSet<Symbol>,
    /// The order of states. With equal times, the later day and row is newer; of two groups, the
    /// one whose path sorts last. This order does not depend on the order of the input.
    age: (Timestamp, Day, Row, &'a str),
}

impl<'a, T> NewestStates<'a, T> {
    /// The newest states in these fetches. Each fetch comes with its target, the text of its scope,
    /// and its time.
    pub fn of(
        fetches: impl Iterator<Item = (Target, &'a str, Timestamp, &'a Fetch)>,
        states_of: impl Fn(&'a Fetch) -> &'a [Observation<T>],
    ) -> NewestStates<'a, T> {
        let mut states: HashMap<StateKey, NewestState<'a, T>, RandomState> = HashMap::default();
        for (target, scope, fetched_at, fetch) in fetches {
            for Observation { key, row, state } in states_of(fetch) {
                let age = (fetched_at, target.day, *row, scope);
                match states.entry(*key) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(NewestState {
                            newest: state,
                            scopes: BTreeSet::from([target.scope]),
                            age,
                        });
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
        NewestStates { states }
    }

    /// The states seen in one of these scopes, each an instance and a group path.
    pub fn in_scopes(&self, scopes: &[(Symbol, Symbol)]) -> impl Iterator<Item = &'a T> {
        let is_in = |(key, known): &(&StateKey, &NewestState<'a, T>)| {
            scopes.iter().any(|(instance, scope)| key.instance == *instance && known.scopes.contains(scope))
        };
        self.states.iter().filter(is_in).map(|(_, known)| known.newest)
    }
}
