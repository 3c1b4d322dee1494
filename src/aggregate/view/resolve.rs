//! Which fetch of each collector, scope and day counts, and how complete the day is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bots::Bots;
use super::source::{is_aggregate, is_export};
use super::state::{CountedDays, DayState};
use super::teams::{MemberLists, member_lists};
use crate::aggregate::rollup::{
    Cell, Fetch, MergeRequestState, NewestStates, PipelineState, Rollups, Symbol, Target,
};
use crate::aggregate::teams::Teams;
use crate::base::calendar::{Day, Timestamp};
use crate::collect::collectors::{Span, by_name};
use crate::events::features::{CODE_SUGGESTIONS, feature_of};
use crate::model::coverage::{Coverage, IMPORTED, Status};

/// For all collected data: which fetches count, and how complete they are.
pub struct Resolved<'a> {
    pub(super) rollups: &'a Rollups,
    /// Whether each cell counts code suggestions, by its id; `others` is the complement.
    pub(super) suggestions: Arc<[bool]>,
    pub(super) others: Arc<[bool]>,
    pub(super) days: BTreeMap<(Symbol, ScopeKey), CountedDays<'a>>,
    pub(super) merge_requests: NewestStates<'a, MergeRequestState>,
    pub(super) pipelines: NewestStates<'a, PipelineState>,
    /// The last day on which a group that is no longer collected is part of the union.
    pub(super) former: BTreeMap<ScopeKey, Day>,
    pub(super) bots: Bots,
    pub(super) member_lists: MemberLists,
    /// The teams of a file, which replace the subgroups.
    pub(super) file_teams: Option<Teams>,
}

/// An instance and a scope.
pub type ScopeKey = (Symbol, Symbol);

impl<'a> Resolved<'a> {
    /// Decides for every collector, scope and day which fetch counts.
    pub fn of(rollups: &'a Rollups) -> Resolved<'a> {
        let mut days: BTreeMap<(Symbol, ScopeKey), CountedDays<'a>> = BTreeMap::new();
        let targets: BTreeSet<Target> =
            rollups.fetches.keys().chain(rollups.unanswered.keys()).copied().collect();
        for target in targets {
            let key = (target.collector, (target.instance, target.scope));
            days.entry(key).or_default().insert(target.day, Candidates::of(rollups, target).resolve());
        }
        let is_suggestion = |cell: &Cell| feature_of(rollups.symbols.text(cell.event)) == CODE_SUGGESTIONS;
        let suggestions: Arc<[bool]> = rollups.cells.all().iter().map(is_suggestion).collect();
        let others = suggestions.iter().map(|is_suggestion| !is_suggestion).collect();
        let counted = || {
            days.iter().flat_map(|((collector, (instance, scope)), days)| {
                days.iter().filter_map(|(day, (state, fetch))| {
                    let target =
                        Target { instance: *instance, collector: *collector, scope: *scope, day: *day };
                    Some((target, rollups.symbols.text(*scope), state.fetched_at?, (*fetch)?))
                })
            })
        };
        let merge_requests = NewestStates::of(counted(), |fetch| &fetch.merge_requests);
        let pipelines = NewestStates::of(counted(), |fetch| &fetch.pipelines);
        let bots = Bots::of(&days, &rollups.symbols, &rollups.people);
        let member_lists = member_lists(&days, &rollups.symbols, &bots);
        Resolved {
            rollups,
            suggestions,
            others,
            days,
            merge_requests,
            pipelines,
            former: BTreeMap::new(),
            bots,
            member_lists,
            file_teams: None,
        }
    }

    /// Sets the teams of a file, which replace the subgroups.
    #[must_use]
    pub fn with_teams(mut self, teams: Option<Teams>) -> Resolved<'a> {
        self.file_teams = teams;
        self
    }

    /// Sets the groups that are no longer collected, each as (address, path, last day): they count
    /// in the union up to that day.
    pub fn with_former_groups<'f>(
        mut self,
        former: impl Iterator<Item = (&'f str, &'f str, Day)>,
    ) -> Resolved<'a> {
        let symbols = &self.rollups.symbols;
        let known = |(instance, scope, day): (&str, &str, Day)| {
            Some(((symbols.find(instance)?, symbols.find(scope)?), day))
        };
        self.former = former.filter_map(known).collect();
        self
    }

    /// The time of the fetch of a target that counts.
    pub fn counted(&self, target: Target) -> Option<Timestamp> {
        let days = self.days.get(&(target.collector, (target.instance, target.scope)))?;
        let (state, fetch) = days.get(&target.day)?;
        state.fetched_at.filter(|_| fetch.is_some())
    }

    /// The final coverage lines, each with whether rows were lost on the way here. A day whose rows
    /// did not all arrive is partial, whatever `fetch` declared.
    pub fn coverage(&self) -> Vec<(Coverage, bool)> {
        let symbols = &self.rollups.symbols;
        let mut lines: Vec<(Coverage, bool)> = Vec::new();
        for ((collector, (instance, scope)), days) in &self.days {
            for (day, (state, _)) in days {
                let line = Coverage {
                    collector: symbols.text(*collector).to_owned(),
                    instance: symbols.text(*instance).to_owned(),
                    scope: symbols.text(*scope).to_owned(),
                    day: *day,
                    status: state.status,
                    rows: state.rows,
                    fetched_at: state.fetched_at,
                    reason: state.reason.clone(),
                    unreadable: state.unreadable,
                    key_check: None,
                    shrunk: state.is_shrunk,
                    named: state.is_named,
                };
                lines.push((line, state.is_truncated));
            }
        }
        lines.sort();
        lines
    }
}

/// The fetches of a target, one of which counts.
struct Candidates<'a> {
    rollups: &'a Rollups,
    target: Target,
    is_snapshot: bool,
    /// Whether the newest complete fetch counts, even if it has fewer rows.
    counts_newest: bool,
    is_export: bool,
}

impl<'a> Candidates<'a> {
    fn of(rollups: &'a Rollups, target: Target) -> Candidates<'a> {
        let collector = rollups.symbols.text(target.collector);
        let span = by_name(collector).map(|collector| collector.span());
        Candidates {
            rollups,
            target,
            is_snapshot: span == Some(Span::Snapshot),
            counts_newest: span == Some(Span::Sum) || is_aggregate(collector),
            is_export: is_export(collector),
        }
    }

    /// The fetch that counts: the newest complete one, unless an older complete one has more rows.
    /// Without a complete one, the fullest counts and the day is partial.
    fn resolve(&self) -> (DayState, Option<&'a Fetch>) {
        // Sums that end on the same day can start on different days, and sessions with the same
        // status are one row: fewer rows are not a loss then.
        let fullness = |fetch: &Fetch| if self.counts_newest { 0 } else { fetch.arrived() };
        if let Some((at, fetch)) = self.complete().max_by_key(|(at, fetch)| (fullness(fetch), *at)) {
            return (self.complete_state(at, fetch), Some(fetch));
        }
        let with_rows = self.fetches().filter(|(_, fetch)| fetch.arrived() > 0);
        if let Some((at, fetch)) = with_rows.max_by_key(|(at, fetch)| (fetch.arrived(), *at)) {
            return (self.partial_state(at, fetch), Some(fetch));
        }
        (self.empty_state(), None)
    }

    /// All fetches, from the oldest to the newest.
    fn fetches(&self) -> impl DoubleEndedIterator<Item = (Timestamp, &'a Fetch)> {
        self.rollups.fetches.get(&self.target).into_iter().flatten().map(|(at, fetch)| (*at, fetch))
    }

    fn complete(&self) -> impl Iterator<Item = (Timestamp, &'a Fetch)> {
        self.fetches()
            .filter(|(at, fetch)| (self.is_snapshot || self.target.day.is_over(*at)) && fetch.is_complete())
    }

    /// Whether a fetch comes from an export, whose completeness is unknown: an export has no
    /// coverage line, unless the user supplies one.
    fn is_excerpt(&self, fetch: &Fetch) -> bool {
        fetch.declared.is_none() && (self.is_export || fetch.has_only_event_ids())
    }

    fn lost_rows(&self, fetch: &Fetch) -> Option<String> {
        if self.is_excerpt(fetch) { None } else { fetch.lost_rows() }
    }

    fn any_lost_rows(&self) -> Option<String> {
        self.fetches().find_map(|(_, fetch)| self.lost_rows(fetch))
    }

    fn complete_state(&self, at: Timestamp, fetch: &Fetch) -> DayState {
        let rows = fetch.arrived();
        let fewer = self.complete().filter(|(newer, _)| *newer > at).map(|(_, newer)| newer.arrived()).max();
        let mut newer = self.fetches().filter(|(newer, _)| *newer > at);
        let lost = newer.find_map(|(_, newer)| self.lost_rows(newer));
        let reason = match (fewer, lost) {
            (Some(fewer), _) => {
                Some(format!("shrunk: a newer fetch has {fewer} of {rows} rows; the fuller one counts"))
            }
            (None, Some(lost)) => Some(format!("of a newer fetch {lost}; the older one counts")),
            (None, None) => None,
        };
        let is_shrunk = reason.is_some();
        let declared = fetch.declared.as_ref();
        let unreadable = declared.map_or(0, |declared| declared.unreadable);
        let why_unreadable = declared.filter(|_| unreadable > 0).and_then(|declared| declared.reason.clone());
        DayState {
            rows: Some(rows),
            unreadable,
            is_shrunk,
            is_named: declared.is_some_and(|declared| declared.named),
            is_truncated: is_shrunk,
            ..DayState::without_rows(Status::Complete, Some(at), reason.or(why_unreadable))
        }
    }

    fn partial_state(&self, at: Timestamp, fetch: &Fetch) -> DayState {
        let declared = fetch.declared.as_ref();
        let is_excerpt = self.is_excerpt(fetch);
        let not_over = (declared.is_some() && !self.is_snapshot && !self.target.day.is_over(at))
            .then(|| "the day had not ended".to_owned());
        let imported = is_excerpt.then(|| IMPORTED.to_owned());
        let declared_reason = declared.and_then(|declared| declared.reason.clone()).or(not_over).or(imported);
        let lost = self.lost_rows(fetch).or_else(|| self.any_lost_rows());
        let is_truncated = lost.is_some();
        let reason = [declared_reason, lost].into_iter().flatten().collect::<Vec<_>>().join("; ");
        DayState {
            status: Status::Partial,
            rows: Some(fetch.arrived()),
            fetched_at: Some(at),
            reason: (!reason.is_empty()).then_some(reason),
            unreadable: declared.map_or(0, |declared| declared.unreadable),
            is_shrunk: false,
            is_named: declared.is_some_and(|declared| declared.named),
            is_truncated,
            is_excerpt,
            is_imported: is_excerpt && !is_truncated,
        }
    }

    /// The state without anything to count: that of the newest coverage line, preferably one with a
    /// response of the server.
    fn empty_state(&self) -> DayState {
        let mut covered =
            self.fetches().filter_map(|(at, fetch)| Some((at, fetch, fetch.declared.as_ref()?)));
        if let Some((at, fetch, declared)) = covered.next_back() {
            let lost = self.lost_rows(fetch).or_else(|| self.any_lost_rows());
            let is_truncated = lost.is_some();
            let (status, reason) = match declared.status {
                Status::Complete if !is_truncated => {
                    (Status::Partial, Some("the day had not ended".to_owned()))
                }
                Status::Complete | Status::Partial if is_truncated => (Status::Failed, lost),
                status => (status, declared.reason.clone()),
            };
            return DayState {
                unreadable: declared.unreadable,
                is_named: declared.named,
                is_truncated,
                ..DayState::without_rows(status, Some(at), reason)
            };
        }
        match self.rollups.unanswered.get(&self.target).and_then(BTreeSet::first) {
            Some(line) => DayState {
                is_named: line.is_named,
                ..DayState::without_rows(line.status, None, line.reason.clone())
            },
            None => DayState::without_rows(Status::Failed, None, None),
        }
    }
}
