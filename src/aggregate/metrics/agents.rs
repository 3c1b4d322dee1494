//! What the families of agents share: sums by two dimensions, with the people behind them.

use std::collections::BTreeMap;

use super::page::By;
use super::people::PeopleSet;
use crate::aggregate::rollup::{Name, PersonId};
use crate::aggregate::view::{AgentUse, View};
use crate::events::agents::AgentCounts;

/// Stands for a flow, tool or model that nobody tells, so that the parts add up.
pub(super) const UNTOLD: &str = "(none)";

/// The text of a name, or [`UNTOLD`].
pub(super) fn told<'a>(view: &View<'a>, name: Option<Name>) -> &'a str {
    name.map_or(UNTOLD, |name| view.names.text(name))
}

/// Counts with the people behind them.
#[derive(Clone, Default)]
pub(super) struct Sums {
    /// The counts.
    pub(super) counts: AgentCounts,
    /// The people, without bots.
    people: PeopleSet,
}

/// Sums by one or both of two dimensions, or by none.
pub(super) struct Split<'a> {
    dimensions: [&'static str; 2],
    sums: BTreeMap<[Option<&'a str>; 2], Sums>,
}

impl Sums {
    /// How many people are behind them.
    pub(super) fn people(&self) -> Option<u64> {
        Some(self.people.len())
    }

    fn add(&mut self, counts: &AgentCounts, person: Option<PersonId>) {
        self.counts.add(counts);
        self.people.extend(person);
    }
}

impl<'a> Split<'a> {
    /// Sums of uses by two dimensions; `of` tells both of a use.
    pub(super) fn of(
        view: &View<'a>,
        uses: impl Iterator<Item = AgentUse>,
        dimensions: [&'static str; 2],
        of: impl Fn(&AgentUse) -> [Option<Name>; 2],
    ) -> Split<'a> {
        let mut sums: BTreeMap<[Option<&'a str>; 2], Sums> = BTreeMap::new();
        for used in uses {
            let [one, other] = of(&used).map(|name| Some(told(view, name)));
            let person = Some(used.key.person).filter(|person| view.is_person(*person, used.day));
            for place in [[None, None], [one, None], [None, other], [one, other]] {
                sums.entry(place).or_default().add(&used.counts, person);
            }
        }
        Split { dimensions, sums }
    }

    /// Every sum with its dimensions.
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

    /// Whether there was nothing to sum.
    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }
}
