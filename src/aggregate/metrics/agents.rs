//! Sums of agent data by two dimensions, with the people behind them.

use std::collections::BTreeMap;

use super::people::PeopleSet;
use super::sink::By;
use crate::aggregate::rollup::{PersonId, Symbol};
use crate::aggregate::view::{AgentUse, View};
use crate::events::agents::AgentCounts;

/// The label of an unknown flow, tool or model, so that the parts add up to the total.
pub(super) const NO_VALUE: &str = "(none)";

/// The text of a name, or [`NO_VALUE`].
pub(super) fn label<'a>(view: &View<'a>, name: Option<Symbol>) -> &'a str {
    name.map_or(NO_VALUE, |name| view.symbols.text(name))
}

/// Counts and the people behind them.
#[derive(Clone, Default)]
pub(super) struct Sums {
    /// The counts.
    pub(super) counts: AgentCounts,
    /// The people, without bots.
    people: PeopleSet,
}

/// Sums by none, one or both of two dimensions.
pub(super) struct Split<'a> {
    dimensions: [&'static str; 2],
    sums: BTreeMap<[Option<&'a str>; 2], Sums>,
}

impl Sums {
    /// The number of people behind the counts.
    pub(super) fn people(&self) -> Option<u64> {
        Some(self.people.len())
    }

    fn add(&mut self, counts: &AgentCounts, person: Option<PersonId>) {
        self.counts.add(counts);
        self.people.extend(person);
    }
}

impl<'a> Split<'a> {
    /// Sums `uses` by two dimensions; `of` returns both values of a use.
    pub(super) fn of(
        view: &View<'a>,
        uses: impl Iterator<Item = AgentUse>,
        dimensions: [&'static str; 2],
        of: impl Fn(&AgentUse) -> [Option<Symbol>; 2],
    ) -> Split<'a> {
        let mut sums: BTreeMap<[Option<&'a str>; 2], Sums> = BTreeMap::new();
        for used in uses {
            let [one, other] = of(&used).map(|name| Some(label(view, name)));
            let person = Some(used.key.person).filter(|person| view.is_person(*person, used.day));
            for place in [[None, None], [one, None], [None, other], [one, other]] {
                sums.entry(place).or_default().add(&used.counts, person);
            }
        }
        Split { dimensions, sums }
    }

    /// Calls `take` for every sum, with its dimensions.
    pub(super) fn for_each(&self, mut take: impl FnMut(By<'_>, &Sums)) {
        for (place, sums) in &self.sums {
            let dimensions = self.dimensions.iter().zip(place);
            let by: Vec<(&str, &str)> =
                dimensions.filter_map(|(dimension, value)| Some((*dimension, (*value)?))).collect();
            take(&by, sums);
        }
    }

    /// The sums by both dimensions.
    pub(super) fn cells(&self) -> impl Iterator<Item = ([&'a str; 2], &Sums)> {
        self.sums.iter().filter_map(|(place, sums)| Some(([place[0]?, place[1]?], sums)))
    }

    /// Whether there are no sums.
    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }
}
