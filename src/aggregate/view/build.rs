//! Builds the views of a report.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::View;
use super::resolve::{Resolved, ScopeKey};
use super::source::{CODE_SUGGESTION_EVENTS, SUGGESTIONS_BY_EDITOR, Source};
use super::state::{CountedDays, SourceStates, states_of};
use super::teams::collected_for_subgroups;
use super::usage::{ScopeUsage, merge_rows};
use crate::aggregate::rollup::{SuggestionRow, Symbol};
use crate::base::calendar::Day;
use crate::collect::collectors::{Level, by_name};
use crate::model::scope::ALL_SCOPES;

impl<'a> Resolved<'a> {
    /// One view per scope, and one of the union if there are several. Subgroups have their members
    /// of the last day.
    pub fn views(&'a self, until: Day) -> Vec<View<'a>> {
        self.scope_sets().iter().map(|scopes| self.view(scopes, until, until)).collect()
    }

    /// The scopes of each view: each scope alone and, if there are several, all together.
    pub fn scope_sets(&self) -> Vec<Vec<ScopeKey>> {
        let symbols = &self.rollups.symbols;
        let mut scopes: Vec<ScopeKey> = self.days.keys().map(|(_, scope)| *scope).collect();
        scopes.sort_by_key(|(instance, scope)| (symbols.text(*instance), symbols.text(*scope)));
        scopes.dedup();
        // The scope of a subscription is not a group of the report.
        if scopes.iter().any(|scope| self.is_collected_at(*scope, |level| level != Level::Subscription)) {
            scopes.retain(|scope| self.is_collected_at(*scope, |level| level != Level::Subscription));
        }
        let collected = self.days.keys().copied();
        let roots = collected_for_subgroups(symbols, collected);
        scopes.retain(|scope| !roots.contains(scope));
        let mut sets: Vec<Vec<ScopeKey>> = scopes.iter().map(|scope| vec![*scope]).collect();
        if scopes.len() > 1 {
            sets.push(scopes);
        }
        sets
    }

    /// The view of these scopes together up to a day. Subgroups have their members of the day
    /// `members_on`.
    pub fn view(&'a self, scopes: &[ScopeKey], until: Day, members_on: Day) -> View<'a> {
        let symbols = &self.rollups.symbols;
        let mut view = View {
            instance: one_or_all(scopes.iter().map(|(instance, _)| symbols.text(*instance))),
            scope: match scopes {
                [(_, scope)] => symbols.text(*scope).to_owned(),
                _ => ALL_SCOPES.to_owned(),
            },
            until,
            symbols,
            people: &self.rollups.people,
            snapshots: BTreeMap::new(),
            reported_activity: Vec::new(),
            seat_lists: Vec::new(),
            dora: BTreeMap::new(),
            collectors: BTreeMap::new(),
            cells: &self.rollups.cells,
            usage: BTreeMap::new(),
            suggestions: BTreeMap::new(),
            suggestions_by_editor: BTreeMap::new(),
            opened: BTreeMap::new(),
            merged: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            sources: HashMap::new(),
            agents: Arc::default(),
            only: None,
            resolved: self,
            scopes: scopes.to_vec(),
        };
        self.add_objects(&mut view, scopes);
        self.add_states(&mut view, scopes);
        self.add_usage(&mut view, scopes, members_on);
        self.collect_snapshots(&mut view, scopes, members_on);
        // DORA values of several groups do not add up; those of a single group are reported.
        if let [scope] = self.expected(scopes, |scope| self.days_of("dora", scope).is_some())[..] {
            let days = self.days_of("dora", scope).into_iter().flatten();
            view.dora = days.filter_map(|(day, (_, fetch))| Some((*day, &(*fetch)?.dora))).collect();
        }
        view
    }

    /// Adds merge requests and pipelines.
    fn add_objects(&'a self, view: &mut View<'a>, scopes: &[ScopeKey]) {
        for state in self.merge_requests.in_scopes(scopes) {
            view.opened.entry(state.created_at.day()).or_default().push(state);
            if let Some(merged_at) = state.merged_at {
                view.merged.entry(merged_at.day()).or_default().push((merged_at, state));
            }
        }
        for state in self.pipelines.in_scopes(scopes) {
            view.pipelines.entry(state.created_at.day()).or_default().push(state);
        }
    }

    /// Adds the states of all collectors, and of the sources that are a single collector.
    fn add_states(&'a self, view: &mut View<'a>, scopes: &[ScopeKey]) {
        let collectors: BTreeSet<Symbol> = self.days.keys().map(|(collector, _)| *collector).collect();
        for collector in collectors {
            let days_of = |scope| self.days_of(self.rollups.symbols.text(collector), scope);
            if let Some(days) = self.merged_days(scopes, days_of) {
                view.collectors.insert(self.rollups.symbols.text(collector), states_of(days));
            }
        }
        for (source, collector) in [
            (Source::Seats, "seats"),
            (Source::MergeRequests, "merge_requests"),
            (Source::Pipelines, "pipelines"),
            (Source::Dora, "dora"),
            (Source::Credits, "credits"),
            (Source::CreditMonths, "credit_months"),
        ] {
            let days = self.merged_days(scopes, |scope| self.days_of(collector, scope));
            view.sources.extend(days.map(|days| (source, SourceStates::of(days))));
        }
    }

    /// Adds usage and code suggestions.
    fn add_usage(&'a self, view: &mut View<'a>, scopes: &[ScopeKey], members_on: Day) {
        let usage_of = |scope: &ScopeKey| {
            let usage = self.days_of("usage_events", *scope);
            let usage = usage.or_else(|| self.days_of("instance_usage_events", *scope));
            let suggestions = self.days_of(CODE_SUGGESTION_EVENTS, *scope);
            let mut chosen = self.choose_usage(usage, suggestions);
            if self.root_of(*scope).is_some() {
                chosen = chosen.only(self.members_of(*scope, members_on).as_ref());
            }
            (*scope, self.with_custom(chosen, *scope))
        };
        let mut chosen: BTreeMap<ScopeKey, ScopeUsage<'a>> = scopes.iter().map(usage_of).collect();
        self.fill_from_exports(&mut chosen, view.until);
        for source in [Source::Usage, Source::CodeSuggestions] {
            let Some(days) = self.merged_days(scopes, |scope| chosen[&scope].of(source)) else { continue };
            let rows = if source == Source::Usage { &mut view.usage } else { &mut view.suggestions };
            for (day, (_, counting)) in &days {
                let chosen = counting.iter().filter_map(|scope| chosen[scope].of(source)?.get(day));
                rows.insert(*day, merge_rows(chosen.flat_map(|(_, rows)| rows).cloned()));
            }
            view.sources.insert(source, SourceStates::of(days));
        }
        let by_editor = self.merged_days(scopes, |scope| self.days_of(SUGGESTIONS_BY_EDITOR, scope));
        for (day, (_, counting)) in by_editor.into_iter().flatten() {
            let rows: Vec<&[SuggestionRow]> =
                counting.iter().filter_map(|scope| self.suggestion_rows(*scope, day)).collect();
            if !rows.is_empty() {
                view.suggestions_by_editor.insert(day, rows);
            }
        }
    }

    /// The code suggestions by editor of a scope and day, if there are any.
    fn suggestion_rows(&self, scope: ScopeKey, day: Day) -> Option<&'a [SuggestionRow]> {
        let (_, fetch) = self.days_of(SUGGESTIONS_BY_EDITOR, scope)?.get(&day)?;
        let rows = &(*fetch)?.aggregates()?.suggestions;
        (!rows.is_empty()).then_some(rows)
    }

    /// The days of a collector in a scope. Events and seats of a subgroup are those of its top-level
    /// group.
    pub(super) fn days_of(&self, collector: &str, scope: ScopeKey) -> Option<&CountedDays<'a>> {
        let symbol = self.rollups.symbols.find(collector)?;
        let is_of_root = by_name(collector).is_some_and(|known| known.info().level == Level::TopLevelGroup);
        let root = self.root_of(scope).filter(|_| is_of_root);
        let of_root = root.and_then(|root| self.days.get(&(symbol, root)));
        of_root.or_else(|| self.days.get(&(symbol, scope)))
    }
}

fn one_or_all<'a>(mut texts: impl Iterator<Item = &'a str>) -> String {
    let first = texts.next().unwrap_or(ALL_SCOPES);
    if texts.all(|text| text == first) { first.to_owned() } else { ALL_SCOPES.to_owned() }
}
