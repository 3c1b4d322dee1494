//! The state of collectors and sources, day by day.

use std::collections::{BTreeMap, HashMap};

use super::resolve::ScopeKey;
use super::source::Source;
use crate::aggregate::rollup::Fetch;
use crate::base::calendar::{Day, Timestamp};
use crate::model::coverage::{IMPORTED, Status};

/// The state of a collector and scope on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayState {
    /// How complete it is.
    pub status: Status,
    /// Rows that count; `None` if there are none to count.
    pub rows: Option<u64>,
    /// When it was fetched.
    pub fetched_at: Option<Timestamp>,
    /// Why it is not complete, or not the newest.
    pub reason: Option<String>,
    /// Nodes that GitLab returned as null: events that cannot be read.
    pub unreadable: u64,
    /// True if a newer fetch is truncated or has fewer rows, so that an older one counts.
    pub is_shrunk: bool,
    /// True if the user named the collector.
    pub is_named: bool,
    /// True if rows that the stream declares are missing, or a newer fetch had fewer.
    pub is_truncated: bool,
    /// True for an export of unknown completeness: events that it does not contain may exist.
    pub is_excerpt: bool,
    /// True if the only reason for being incomplete is that it is an export: nothing is known to be
    /// missing.
    pub is_imported: bool,
}

/// The state of each day, by source.
pub(super) type StatesBySource = HashMap<Source, SourceStates>;

/// The state of each day of a source.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceStates {
    pub(super) days: BTreeMap<Day, DayState>,
    /// The first and the last day with imported events, if there are any.
    pub(super) imported: Option<(Day, Day)>,
}

/// The fetch that counts of a collector and scope, by day.
pub(super) type CountedDays<'a> = Days<Option<&'a Fetch>>;

/// The state of each day, and a value.
pub(super) type Days<T> = BTreeMap<Day, (DayState, T)>;

/// The state of several scopes together by day, and which of them count.
pub(super) type MergedDays = Days<Vec<ScopeKey>>;

impl DayState {
    /// The rows that can be read, and those that cannot.
    pub fn row_counts(&self) -> (u64, u64) {
        (self.rows.unwrap_or(0), self.unreadable)
    }

    /// A day without rows.
    pub(super) fn without_rows(
        status: Status,
        fetched_at: Option<Timestamp>,
        reason: Option<String>,
    ) -> DayState {
        DayState {
            status,
            rows: None,
            fetched_at,
            reason,
            unreadable: 0,
            is_shrunk: false,
            is_named: false,
            is_truncated: false,
            is_excerpt: false,
            is_imported: false,
        }
    }

    /// A day without events, between days of an import that have some.
    pub(super) fn without_imported_events() -> DayState {
        let state = DayState::without_rows(Status::Partial, None, Some(IMPORTED.to_owned()));
        DayState { is_excerpt: true, is_imported: true, ..state }
    }

    /// Whether there is anything to count. A day that failed before its first row is unknown.
    pub fn is_known(&self) -> bool {
        match self.status {
            Status::Complete => true,
            Status::Partial => self.rows.is_some_and(|rows| rows > 0),
            _ => false,
        }
    }
}

impl SourceStates {
    pub(super) fn of(days: MergedDays) -> SourceStates {
        SourceStates { imported: imported_span(&days), days: states_of(days) }
    }
}

/// The first and the last day with imported events.
pub(super) fn imported_span<T>(days: &Days<T>) -> Option<(Day, Day)> {
    let mut imported = days.iter().filter(|(_, (state, _))| state.is_imported).map(|(day, _)| *day);
    let first = imported.next()?;
    Some((first, imported.next_back().unwrap_or(first)))
}

pub(super) fn states_of(days: MergedDays) -> BTreeMap<Day, DayState> {
    days.into_iter().map(|(day, (state, _))| (day, state)).collect()
}

/// The state of a day in several scopes together; `None` is a scope without a coverage line for the
/// day.
pub(super) fn merge_states<'a>(states: impl Iterator<Item = Option<&'a DayState>> + Clone) -> DayState {
    let known = states.clone().flatten();
    let is_complete = states.clone().all(|state| state.is_some_and(|state| state.status == Status::Complete));
    let is_complete_or_imported = |state: Option<&DayState>| {
        state.is_some_and(|state| state.status == Status::Complete || state.is_imported)
    };
    let some_known = known.clone().any(DayState::is_known);
    let worst = known
        .clone()
        .filter(|state| state.status != Status::Complete)
        .max_by_key(|state| (state.status, state.reason.as_deref()));
    let status = match worst {
        _ if is_complete => Status::Complete,
        _ if some_known => Status::Partial,
        Some(worst) => worst.status,
        None => Status::Failed,
    };
    DayState {
        status,
        rows: some_known.then(|| known.clone().filter_map(|state| state.rows).sum()),
        fetched_at: known.clone().filter_map(|state| state.fetched_at).min(),
        reason: worst.and_then(|worst| worst.reason.clone()),
        unreadable: known.clone().map(|state| state.unreadable).sum(),
        is_shrunk: known.clone().any(|state| state.is_shrunk),
        is_named: known.clone().any(|state| state.is_named),
        is_truncated: known.clone().any(|state| state.is_truncated),
        is_excerpt: known.clone().any(|state| state.is_excerpt),
        is_imported: !is_complete && states.clone().all(is_complete_or_imported),
    }
}
