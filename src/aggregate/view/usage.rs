//! Which usage of a scope counts, where several collectors report it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bots::Bots;
use super::resolve::{Resolved, ScopeKey};
use super::source::{EXPORTS, Source, is_export};
use super::state::{CountedDays, DayState, Days, merge_states};
use crate::aggregate::rollup::{Entries, Fetch, PeopleSet, PersonId, Symbol, Usage};
use crate::base::calendar::Day;
use crate::collect::collectors::by_name;
use crate::model::coverage::Status;

/// The part of the usage of a fetch that counts.
#[derive(Clone)]
pub(super) struct CountedFetch<'a> {
    pub(super) fetch: &'a Fetch,
    /// Whether each cell counts, by its id.
    pub(super) counts: Arc<[bool]>,
    /// The people who count, if not everyone does.
    pub(super) only: Option<Arc<PeopleSet>>,
}

/// The people of a cell with their counts, as far as they count.
pub struct CountedPeople<'s, 'a> {
    entries: Entries<'a>,
    only: [Option<&'s PeopleSet>; 2],
    /// Whether everyone counts.
    is_everyone: bool,
    /// The bots of the day to leave out, if bots do not count.
    without_bots: Option<(&'s Bots, Day)>,
}

impl<'s, 'a> CountedPeople<'s, 'a> {
    pub(super) fn new(
        entries: Entries<'a>,
        only: [Option<&'s PeopleSet>; 2],
        without_bots: Option<(&'s Bots, Day)>,
    ) -> CountedPeople<'s, 'a> {
        let is_everyone = only.iter().all(Option::is_none) && without_bots.is_none();
        CountedPeople { entries, only, is_everyone, without_bots }
    }
}

impl Iterator for CountedPeople<'_, '_> {
    type Item = (PersonId, Usage);

    #[inline]
    fn next(&mut self) -> Option<(PersonId, Usage)> {
        loop {
            let (person, usage) = self.entries.next()?;
            let counts = || {
                self.only.iter().flatten().all(|only| only.contains(person))
                    && self.without_bots.is_none_or(|(bots, day)| !bots.is_bot(person, day))
            };
            if self.is_everyone || counts() {
                return Some((person, usage));
            }
        }
    }
}

/// The usage of a source by day.
pub(super) type SourceDays<'a> = Days<Vec<CountedFetch<'a>>>;

/// The usage of a scope that counts.
pub(super) struct ScopeUsage<'a> {
    usage: Option<SourceDays<'a>>,
    suggestions: Option<SourceDays<'a>>,
}

impl<'a> ScopeUsage<'a> {
    pub(super) fn of(&self, source: Source) -> Option<&SourceDays<'a>> {
        match source {
            Source::CodeSuggestions => self.suggestions.as_ref(),
            _ => self.usage.as_ref(),
        }
    }

    /// Restricts the usage of a top-level group to the members of a subgroup. If they are not known,
    /// neither is the usage.
    pub(super) fn only(mut self, members: Option<&Arc<PeopleSet>>) -> ScopeUsage<'a> {
        for days in [&mut self.usage, &mut self.suggestions].into_iter().flatten() {
            for (state, rows) in days.values_mut() {
                match members {
                    Some(members) => rows.iter_mut().for_each(|row| row.only = Some(members.clone())),
                    None => {
                        rows.clear();
                        if state.is_known() {
                            let reason = Some(NO_MEMBERS.to_owned());
                            *state = DayState::without_rows(Status::Failed, state.fetched_at, reason);
                        }
                    }
                }
            }
        }
        self
    }

    fn of_mut(&mut self, source: Source) -> &mut Option<SourceDays<'a>> {
        match source {
            Source::CodeSuggestions => &mut self.suggestions,
            _ => &mut self.usage,
        }
    }
}

impl<'a> Resolved<'a> {
    /// Code suggestions are collected twice, with and without their language: one source counts per
    /// day.
    pub(super) fn choose_usage(
        &self,
        all: Option<&CountedDays<'a>>,
        with_language: Option<&CountedDays<'a>>,
    ) -> ScopeUsage<'a> {
        let mut chosen = ScopeUsage { usage: all.map(|_| BTreeMap::new()), suggestions: None };
        let days: BTreeSet<Day> =
            all.into_iter().chain(with_language).flat_map(|days| days.keys().copied()).collect();
        for day in days {
            let get = |days: Option<&CountedDays<'a>>| days.and_then(|days| days.get(&day)).cloned();
            let (all, with_language) = (get(all), get(with_language));
            let all_known = all.as_ref().is_some_and(|(state, _)| state.is_known());
            let use_language = with_language
                .as_ref()
                .is_some_and(|(state, _)| state.status == Status::Complete || !all_known);
            let suggestions = if use_language { &with_language } else { &all };
            let suggestion_rows = suggestions.as_ref().and_then(|(_, fetch)| {
                Some(CountedFetch { fetch: (*fetch)?, counts: self.suggestions.clone(), only: None })
            });
            if let Some((state, fetch)) = &all {
                let mut state = state.clone();
                let mut usage_rows: Vec<CountedFetch<'a>> = Vec::new();
                if state.is_known() {
                    usage_rows.extend(fetch.map(|fetch| CountedFetch {
                        fetch,
                        counts: self.others.clone(),
                        only: None,
                    }));
                    usage_rows.extend(suggestion_rows.clone());
                    // A day that combines two fetches is as old as the older one.
                    let suggestions_at = suggestions.as_ref().and_then(|(state, _)| state.fetched_at);
                    state.fetched_at = state.fetched_at.min(suggestions_at.or(state.fetched_at));
                    // Both sources can lack rows. Rows that both lack lower the share of rows
                    // twice, which is better than ignoring them.
                    if use_language {
                        state.unreadable += suggestions.as_ref().map_or(0, |(state, _)| state.unreadable);
                    }
                }
                chosen.usage.get_or_insert_default().insert(day, (state, usage_rows));
            }
            if let Some((state, _)) = suggestions {
                chosen
                    .suggestions
                    .get_or_insert_default()
                    .insert(day, (state.clone(), suggestion_rows.into_iter().collect()));
            }
        }
        chosen
    }
}

/// Rows of which each counts once: those of one fetch for several subgroups count for the members of
/// any of them.
pub(super) fn merge_rows<'a>(rows: impl Iterator<Item = CountedFetch<'a>>) -> Vec<CountedFetch<'a>> {
    let mut merged: Vec<CountedFetch<'a>> = Vec::new();
    for row in rows {
        let is_same = |other: &&mut CountedFetch<'a>| {
            std::ptr::eq(other.fetch, row.fetch) && Arc::ptr_eq(&other.counts, &row.counts)
        };
        match (merged.iter_mut().find(is_same), &row.only) {
            (None, _) => merged.push(row),
            (Some(other), None) => other.only = None,
            (Some(other), Some(more)) => {
                if let Some(only) = &mut other.only {
                    Arc::make_mut(only).add_all(more);
                }
            }
        }
    }
    merged
}

/// Why the usage of a subgroup is not known.
const NO_MEMBERS: &str = "the members of the subgroup are not known";

impl<'a> Resolved<'a> {
    /// Uses exports for instances without other usage: per scope and day, the first export that has
    /// any. Exports never complement GitLab's own events, not even on other days: the two have
    /// different ids for users, so people would count twice in every metric of several days.
    pub(super) fn fill_from_exports(&self, chosen: &mut BTreeMap<ScopeKey, ScopeUsage<'a>>, until: Day) {
        let every: Arc<[bool]> = vec![true; self.suggestions.len()].into();
        for (source, counts) in [(Source::Usage, every), (Source::CodeSuggestions, self.suggestions.clone())]
        {
            let has_usage = |fetch: &Fetch| fetch.usage().any(|(cell, _)| counts[cell.index()]);
            let is_known = |(day, (state, _)): (&Day, &(DayState, _))| *day <= until && state.is_known();
            let known: BTreeSet<Symbol> = chosen
                .iter()
                .filter(|(_, usage)| usage.of(source).into_iter().flatten().any(is_known))
                .map(|((instance, _), _)| *instance)
                .collect();
            let without_usage = chosen.iter_mut().filter(|((instance, _), _)| !known.contains(instance));
            for (scope, usage) in without_usage {
                let exports = EXPORTS.iter().filter_map(|name| self.rollups.symbols.find(name));
                for (day, (state, fetch)) in
                    exports.filter_map(|export| self.days.get(&(export, *scope))).flatten()
                {
                    let Some(fetch) = fetch.filter(|fetch| state.is_known() && has_usage(fetch)) else {
                        continue;
                    };
                    let days = usage.of_mut(source).get_or_insert_default();
                    if days.get(day).is_none_or(|(state, _)| !state.is_known()) {
                        let rows = vec![CountedFetch { fetch, counts: counts.clone(), only: None }];
                        days.insert(*day, (state.clone(), rows));
                    }
                }
            }
        }
    }

    /// Adds the events of custom collectors, except events that a builtin collector also reports,
    /// which would count twice. A day of usage is as complete as its worst part; without GitLab's
    /// own events it is never complete.
    pub(super) fn with_custom(&self, mut chosen: ScopeUsage<'a>, scope: ScopeKey) -> ScopeUsage<'a> {
        let symbols = &self.rollups.symbols;
        let custom = self.days.iter().filter(|((collector, of), days)| {
            let has_events =
                |(_, fetch): &(_, Option<&Fetch>)| fetch.is_some_and(|fetch| fetch.usage().next().is_some());
            let name = symbols.text(*collector);
            let is_custom = by_name(name).is_none() && !is_export(name);
            *of == scope && is_custom && days.values().any(has_events)
        });
        let cells = self.rollups.cells.all();
        let known: BTreeSet<Symbol> = chosen
            .usage
            .iter()
            .flat_map(BTreeMap::values)
            .flat_map(|(_, chosen)| chosen)
            .flat_map(|chosen| chosen.fetch.usage().filter(|(cell, _)| chosen.counts[cell.index()]))
            .map(|(cell, _)| cells[cell.index()].event)
            .collect();
        let unknown_events: Arc<[bool]> = cells.iter().map(|cell| !known.contains(&cell.event)).collect();
        for (day, (state, fetch)) in custom.flat_map(|(_, days)| days) {
            let usage = chosen.usage.get_or_insert_default();
            let others = usage.remove(day);
            let mut merged = merge_states([others.as_ref().map(|(state, _)| state), Some(state)].into_iter());
            let mut counted = others.map(|(_, counted)| counted).unwrap_or_default();
            if merged.is_known() {
                counted.extend(fetch.map(|fetch| CountedFetch {
                    fetch,
                    counts: unknown_events.clone(),
                    only: None,
                }));
            } else {
                counted.clear();
            }
            merged.fetched_at = merged.fetched_at.min(state.fetched_at);
            usage.insert(*day, (merged, counted));
        }
        chosen
    }
}
