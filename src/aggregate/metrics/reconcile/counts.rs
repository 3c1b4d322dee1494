//! Our counts of the events of one day, as GitLab counts: with bots and with events stored twice.

use std::collections::{BTreeSet, HashMap};

use super::super::people::PeopleSet;
use super::table::Ours;
use crate::aggregate::rollup::{Fetch, PersonId, Symbol};
use crate::aggregate::view::{CODE_SUGGESTION_EVENTS, DayState, View};
use crate::base::calendar::{Day, Grain, Period};
use crate::events::features::{CODE_SUGGESTIONS, feature_of};
use crate::model::coverage::Status;

/// The events of one day.
pub(super) struct OurDay {
    /// The state of the day: its rows arrived completely.
    pub(super) state: DayState,
    /// Whether all events are known, or code suggestions alone.
    knows_all: bool,
    by_event: HashMap<Symbol, OfEvent>,
}

#[derive(Default)]
struct OfEvent {
    events: u64,
    /// Distinct users, including bots.
    users: PeopleSet,
}

/// The period of a single day.
pub(super) fn only(day: Day) -> Period {
    Period { grain: Grain::Day, start: day, end: day }
}

/// The fetch of a collector and day, if it is complete.
pub(super) fn complete<'a>(view: &View<'a>, collector: &str, day: Day) -> Option<(&'a DayState, &'a Fetch)> {
    let (_, state, fetch) = view.fetches_of(collector, only(day)).next()?;
    (state.status == Status::Complete).then_some((state, fetch))
}

impl OurDay {
    /// The counts of a day; `None` if neither usage events nor code suggestion events are complete.
    /// Events of custom collectors are not GitLab's.
    pub(super) fn of(view: &View<'_>, day: Day) -> Option<OurDay> {
        let all = complete(view, "usage_events", day);
        let suggestions = complete(view, CODE_SUGGESTION_EVENTS, day);
        let mut state = all.or(suggestions)?.0.clone();
        if let (Some(_), Some((other, _))) = (all, suggestions) {
            state.fetched_at = state.fetched_at.min(other.fetched_at);
            state.unreadable += other.unreadable;
        }
        let mut counts = OurDay { state, knows_all: all.is_some(), by_event: HashMap::new() };
        let is_suggestion = |event: Symbol| feature_of(view.symbols.text(event)) == CODE_SUGGESTIONS;
        if let Some((_, fetch)) = all {
            counts.add(view, fetch, |event| suggestions.is_none() || !is_suggestion(event));
        }
        if let Some((_, fetch)) = suggestions {
            counts.add(view, fetch, is_suggestion);
        }
        Some(counts)
    }

    fn add(&mut self, view: &View<'_>, fetch: &Fetch, counts: impl Fn(Symbol) -> bool) {
        for (cell, entries) in fetch.usage() {
            let event = view.event_of(cell);
            if !counts(event) {
                continue;
            }
            let of_event = self.by_event.entry(event).or_default();
            for (person, usage) in entries {
                of_event.events = of_event.events.saturating_add(usage.events);
                of_event.users.add(person);
            }
        }
    }

    /// The count and its users; `None` if the events are not known.
    pub(super) fn count(&self, view: &View<'_>, ours: Ours) -> Option<(u64, PeopleSet)> {
        match ours {
            Ours::Event(name) if self.knows_all || feature_of(name) == CODE_SUGGESTIONS => {
                let of_event = view.symbols.find(name).and_then(|event| self.by_event.get(&event));
                Some(of_event.map_or_else(Default::default, |of| (of.events, of.users.clone())))
            }
            Ours::Users if self.knows_all => {
                let mut users = PeopleSet::default();
                self.by_event.values().for_each(|of| users.add_all(&of.users));
                let known = users.iter().filter(|user| !view.people.is_placeholder(*user));
                let users: PeopleSet = known.collect();
                Some((users.len(), users))
            }
            _ => None,
        }
    }

    /// The number of events of one name by these users, and all others who had some.
    pub(super) fn of_listed(
        view: &View<'_>,
        days: impl Iterator<Item = Day>,
        event: &str,
        listed: &BTreeSet<PersonId>,
    ) -> (u64, PeopleSet) {
        let is_suggestion = feature_of(event) == CODE_SUGGESTIONS;
        let fetch_of = |day: Day| {
            let suggestions = complete(view, CODE_SUGGESTION_EVENTS, day).filter(|_| is_suggestion);
            suggestions.or_else(|| complete(view, "usage_events", day)).map(|(_, fetch)| fetch)
        };
        let (mut events, mut others) = (0_u64, PeopleSet::default());
        for (cell, entries) in days.filter_map(fetch_of).flat_map(Fetch::usage) {
            if view.symbols.text(view.event_of(cell)) != event {
                continue;
            }
            for (person, usage) in entries {
                if listed.contains(&person) {
                    events = events.saturating_add(usage.events);
                } else {
                    others.add(person);
                }
            }
        }
        (events, others)
    }
}
