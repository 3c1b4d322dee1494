//! Several scopes together: which of them count on a day, and how complete the day is.

use std::collections::{BTreeSet, HashMap};

use super::is_export;
use super::resolve::{Resolved, ScopeKey};
use super::state::{DayState, Days, MergedDays, imported_span, merge_states};
use crate::aggregate::rollup::Symbol;
use crate::base::calendar::Day;
use crate::collect::collectors::{Level, by_name};
use crate::model::scope::{INSTANCE_SCOPE, is_within};

impl Resolved<'_> {
    /// The scopes that have data and lie within no other scope that has: an ancestor contains its
    /// descendants.
    pub(super) fn outermost(&self, scopes: &[ScopeKey], has: impl Fn(ScopeKey) -> bool) -> Vec<ScopeKey> {
        let having: Vec<ScopeKey> = scopes.iter().copied().filter(|scope| has(*scope)).collect();
        having
            .iter()
            .copied()
            .filter(|scope| !having.iter().any(|other| self.is_within(*scope, *other)))
            .collect()
    }

    /// The state of several scopes together, by day, and which of them count: the outermost ones
    /// with a known state. So a scope that is collected from some day on removes nothing from the
    /// days before. The day is complete if it is complete in every scope of [`Resolved::expected`].
    /// `None` if no scope was collected.
    pub(super) fn merged_days<'s, T: 's>(
        &self,
        scopes: &[ScopeKey],
        days_of: impl Fn(ScopeKey) -> Option<&'s Days<T>>,
    ) -> Option<MergedDays> {
        let with_data: Vec<(ScopeKey, &Days<T>)> =
            scopes.iter().filter_map(|scope| Some((*scope, days_of(*scope)?))).collect();
        if with_data.is_empty() {
            return None;
        }
        let around: Vec<Vec<usize>> = with_data
            .iter()
            .map(|(scope, _)| {
                let others = with_data.iter().enumerate();
                others.filter(|(_, (other, _))| self.is_within(*scope, *other)).map(|(at, _)| at).collect()
            })
            .collect();
        let indexes: HashMap<ScopeKey, usize> = with_data.iter().map(|(scope, _)| *scope).zip(0..).collect();
        let spans: Vec<Option<(Day, Day)>> = with_data.iter().map(|(_, days)| imported_span(days)).collect();
        // Between days with imported events, a day without any may have had none.
        let missing_import = DayState::without_imported_events();
        let is_missing_import =
            |at: usize, day: Day| spans[at].is_some_and(|(first, last)| first < day && day < last);
        let all_days: BTreeSet<Day> = with_data.iter().flat_map(|(_, days)| days.keys().copied()).collect();
        let mut expected_of: HashMap<Vec<ScopeKey>, Vec<ScopeKey>> = HashMap::new();
        let merge_day = |day: Day| {
            let parts: Vec<ScopeKey> =
                scopes.iter().copied().filter(|scope| self.is_part_of(scopes, *scope, day)).collect();
            let expected = match expected_of.get(&parts) {
                Some(expected) => expected,
                None => {
                    let expected = self.expected(&parts, |scope| days_of(scope).is_some());
                    expected_of.entry(parts).or_insert(expected)
                }
            };
            let state_of = |at: usize| match with_data[at].1.get(&day) {
                _ if !self.is_part_of(scopes, with_data[at].0, day) => None,
                Some((state, _)) => Some(state),
                None => is_missing_import(at, day).then_some(&missing_import),
            };
            let states: Vec<Option<&DayState>> = (0..with_data.len()).map(state_of).collect();
            let knows = |at: &usize| states[*at].is_some_and(DayState::is_known);
            let counts = |at: &usize| knows(at) && !around[*at].iter().any(knows);
            let counting: Vec<usize> = (0..with_data.len()).filter(counts).collect();
            let others = counting.iter().filter(|at| !expected.contains(&with_data[**at].0));
            let expected = expected.iter().map(|scope| indexes.get(scope).and_then(|at| states[*at]));
            let all: Vec<Option<&DayState>> = expected.chain(others.map(|at| states[*at])).collect();
            // A day of former groups only is not part of the union.
            let state = (!all.is_empty()).then(|| merge_states(all.iter().copied()))?;
            Some((day, (state, counting.into_iter().map(|at| with_data[at].0).collect())))
        };
        Some(all_days.into_iter().filter_map(merge_day).collect())
    }

    /// Whether a scope is part of these scopes together on a day. A single scope always is, even if
    /// it is a group that is no longer collected.
    fn is_part_of(&self, scopes: &[ScopeKey], scope: ScopeKey, day: Day) -> bool {
        scopes.len() == 1 || self.former.get(&scope).is_none_or(|until| day <= *until)
    }

    /// The scopes that must be complete for a day to be complete: the outermost of those with data,
    /// and of those without data that are groups or the only scopes of their instance.
    pub(super) fn expected(&self, scopes: &[ScopeKey], has_data: impl Fn(ScopeKey) -> bool) -> Vec<ScopeKey> {
        let is_group = |scope: &ScopeKey| {
            self.is_collected_at(*scope, |level| matches!(level, Level::Group | Level::TopLevelGroup))
        };
        let groups: BTreeSet<ScopeKey> = scopes.iter().copied().filter(is_group).collect();
        let with_groups: BTreeSet<Symbol> = groups.iter().map(|(instance, _)| *instance).collect();
        // Most collectors cannot collect a scope that is not a group.
        self.outermost(scopes, |scope| {
            has_data(scope) || groups.contains(&scope) || !with_groups.contains(&scope.0)
        })
    }

    /// Whether a collector of such a level collects the scope; unknown collectors count as group
    /// collectors.
    pub(super) fn is_collected_at(&self, scope: ScopeKey, matches: impl Fn(Level) -> bool) -> bool {
        let is_instance = self.rollups.symbols.text(scope.1) == INSTANCE_SCOPE;
        let level = |collector: Symbol| match self.rollups.symbols.text(collector) {
            name if is_export(name) && is_instance => Level::Instance,
            name => by_name(name).map_or(Level::Group, |known| known.info().level),
        };
        self.days.keys().any(|(collector, collected)| *collected == scope && matches(level(*collector)))
    }

    pub(super) fn is_within(&self, scope: ScopeKey, other: ScopeKey) -> bool {
        let symbols = &self.rollups.symbols;
        scope.0 == other.0 && is_within(symbols.text(scope.1), symbols.text(other.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_within_its_ancestors_only() {
        assert!(is_within("acme/web", "acme") && is_within("acme/web/ui", "acme"));
        assert!(is_within("acme", INSTANCE_SCOPE) && !is_within(INSTANCE_SCOPE, INSTANCE_SCOPE));
        assert!(
            !is_within(INSTANCE_SCOPE, "acme")
                && !is_within("acme", "acme")
                && !is_within("acme-labs", "acme")
                && !is_within("acme", "acme/web")
        );
    }
}
