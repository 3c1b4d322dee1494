//! Who was active on which day: computed once per view, for all families.

use std::collections::BTreeMap;

use super::people::PeopleSet;
use crate::aggregate::rollup::{PersonId, Symbol};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Day, Grain, Period};

/// The active days of all people, without bots, up to the last reported day.
pub(super) struct Activity {
    /// The first day with known usage.
    pub(super) first_day: Option<Day>,
    /// People with an event of intentional use, by day.
    active: BTreeMap<Day, PeopleSet>,
    /// People with one in a week, and those of them for whom it was the first week, by its Monday.
    weeks: Cohorts,
    /// The same by the first day of the month.
    months: Cohorts,
    /// Indexed by [`PersonId`]; people beyond the end were never seen.
    of_person: Vec<PersonDays>,
    /// The events of each day, by feature and event name.
    events: BTreeMap<Day, BTreeMap<(Symbol, Symbol), Events>>,
}

/// People active in a period, and those of them for whom it was the first one, by its first day.
type Cohorts = BTreeMap<Day, (PeopleSet, PeopleSet)>;

/// The events of one feature and name, on one or more days.
#[derive(Clone, Default)]
pub(super) struct Events {
    /// Number of events of people.
    pub(super) of_people: u64,
    /// Number of events of bots.
    pub(super) of_bots: u64,
    /// Whether the event is intentional use.
    pub(super) is_intentional: bool,
    /// The people, without bots.
    pub(super) people: PeopleSet,
    /// The bots.
    pub(super) bots: PeopleSet,
}

/// The first and last days of one person.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PersonDays {
    /// The first day with any event.
    pub(super) first_seen: Option<Day>,
    /// The last day with any event, including days on which the account was a bot: the account is
    /// in use either way.
    pub(super) last_seen: Option<Day>,
    /// The first day with an event of intentional use.
    pub(super) first_active: Option<Day>,
    /// The last day with an event of intentional use.
    pub(super) last_active: Option<Day>,
}

impl Events {
    /// The number of events, saturating.
    pub(super) fn count(&self) -> u64 {
        self.of_people.saturating_add(self.of_bots)
    }

    /// Adds other events.
    pub(super) fn add(&mut self, other: &Events) {
        self.of_people = self.of_people.saturating_add(other.of_people);
        self.of_bots = self.of_bots.saturating_add(other.of_bots);
        self.people.add_all(&other.people);
        self.bots.add_all(&other.bots);
    }
}

impl Activity {
    pub(super) fn of(view: &View<'_>) -> Activity {
        let known = view.days_of(Source::Usage).and_then(|days| days.iter().find(|(_, day)| day.is_known()));
        let mut activity = Activity {
            first_day: known.map(|(first, _)| *first).filter(|first| *first <= view.until),
            active: BTreeMap::new(),
            weeks: BTreeMap::new(),
            months: BTreeMap::new(),
            of_person: vec![PersonDays::default(); view.people.len()],
            events: BTreeMap::new(),
        };
        let Some(first_day) = activity.first_day else { return activity };
        // The rows are sorted by day.
        let ever = Period { grain: Grain::Window, start: first_day, end: view.until };
        for (day, cell, people) in view.usage_in(ever) {
            let mut people = people.peekable();
            // No member of the subgroup has such an event.
            if people.peek().is_none() {
                continue;
            }
            let of_day = activity.events.entry(day).or_default();
            let events = of_day.entry((cell.feature, cell.event)).or_default();
            events.is_intentional = cell.is_intentional;
            for (person, usage) in people {
                if view.is_bot(person, day) {
                    events.of_bots = events.of_bots.saturating_add(usage.events);
                    events.bots.add(person);
                } else {
                    events.of_people = events.of_people.saturating_add(usage.events);
                    if !view.people.is_placeholder(person) {
                        events.people.add(person);
                    }
                }
            }
        }
        activity.index();
        activity
    }

    /// The activity of these people alone. It has no numbers of events.
    pub(super) fn only(&self, people: &PeopleSet) -> Activity {
        let restrict = |events: &Events| Events {
            of_people: 0,
            of_bots: 0,
            is_intentional: events.is_intentional,
            people: events.people.intersection(people),
            bots: events.bots.intersection(people),
        };
        let of_day = |events: &BTreeMap<(Symbol, Symbol), Events>| {
            let restricted = events.iter().map(|(key, events)| (*key, restrict(events)));
            restricted.filter(|(_, events)| !(events.people.is_empty() && events.bots.is_empty())).collect()
        };
        let mut activity = Activity {
            first_day: self.first_day,
            active: BTreeMap::new(),
            weeks: BTreeMap::new(),
            months: BTreeMap::new(),
            of_person: vec![PersonDays::default(); self.of_person.len()],
            events: self.events.iter().map(|(day, events)| (*day, of_day(events))).collect(),
        };
        activity.index();
        activity
    }

    /// Computes everything else from the events.
    fn index(&mut self) {
        for (day, of_day) in &self.events {
            for events in of_day.values() {
                for user in events.people.iter().chain(events.bots.iter()) {
                    self.of_person[user.0 as usize].last_seen = Some(*day);
                }
                for person in events.people.iter() {
                    let days = &mut self.of_person[person.0 as usize];
                    days.first_seen.get_or_insert(*day);
                    if events.is_intentional {
                        days.first_active.get_or_insert(*day);
                        days.last_active = Some(*day);
                    }
                }
                if events.is_intentional && !events.people.is_empty() {
                    self.active.entry(*day).or_default().add_all(&events.people);
                }
            }
        }
        self.add_cohorts();
    }

    /// Adds the people of each week and month, and those who were never active before.
    fn add_cohorts(&mut self) {
        let mut before = PeopleSet::default();
        for (day, people) in &self.active {
            let mut first_time = people.clone();
            first_time.remove_all(&before);
            before.add_all(people);
            let of_grain = [(Grain::Week, &mut self.weeks), (Grain::Month, &mut self.months)];
            for (grain, cohorts) in of_grain {
                let start = Period::containing(grain, *day, *day).start;
                let (all, new) = cohorts.entry(start).or_default();
                all.add_all(people);
                new.add_all(&first_time);
            }
        }
    }

    /// The events of a period up to the last reported day, as (feature, event name, events).
    pub(super) fn events_in(&self, period: Period) -> impl Iterator<Item = (Symbol, Symbol, &Events)> {
        let days = self.events.range(period.start..).take_while(move |(day, _)| **day <= period.end);
        days.flat_map(|(_, of_day)| {
            of_day.iter().map(|((feature, event), events)| (*feature, *event, events))
        })
    }

    /// The first and last days of a person.
    pub(super) fn of_person(&self, person: PersonId) -> PersonDays {
        self.of_person.get(person.0 as usize).copied().unwrap_or_default()
    }

    /// The first and last days of a person up to a day; firsts after it are `None`.
    pub(super) fn of_person_until(&self, person: PersonId, last: Day) -> PersonDays {
        let days = self.of_person(person);
        let until = |day: Option<Day>| day.filter(|day| *day <= last);
        let last_day = |day: Option<Day>, is_on: &dyn Fn(Day) -> bool| match day {
            Some(day) if day > last => {
                self.events.range(..=last).rev().map(|(day, _)| *day).find(|day| is_on(*day))
            }
            other => other,
        };
        let has_event = |day: Day| {
            let mut events = self.events.get(&day).into_iter().flat_map(BTreeMap::values);
            events.any(|events| events.people.contains(person) || events.bots.contains(person))
        };
        let is_active = |day: Day| self.active.get(&day).is_some_and(|people| people.contains(person));
        PersonDays {
            first_seen: until(days.first_seen),
            last_seen: last_day(days.last_seen, &has_event),
            first_active: until(days.first_active),
            last_active: last_day(days.last_active, &is_active),
        }
    }

    /// Everyone with any event up to a day, in the order of their ids.
    pub(super) fn seen_until(&self, last: Day) -> impl Iterator<Item = PersonId> {
        let seen = move |days: &PersonDays| days.first_seen.is_some_and(|first| first <= last);
        (0..).zip(&self.of_person).filter(move |(_, days)| seen(days)).map(|(id, _)| PersonId(id))
    }

    /// The number of people who were active on a day.
    pub(super) fn count_on(&self, day: Day) -> u64 {
        self.active.get(&day).map_or(0, PeopleSet::len)
    }

    /// The active people of each day of a period; days without any are left out.
    pub(super) fn days_in(&self, period: Period) -> impl Iterator<Item = (Day, &PeopleSet)> {
        self.active
            .range(period.start..)
            .take_while(move |(day, _)| **day <= period.end)
            .map(|(day, people)| (*day, people))
    }

    /// Everyone who was active in a period.
    pub(super) fn active_in(&self, period: Period) -> PeopleSet {
        let mut all = PeopleSet::default();
        self.days_in(period).for_each(|(_, people)| all.add_all(people));
        all
    }

    /// The number of people whose first active week or month starts on `cohort` and who were active in
    /// the one that starts on `start`, and the size of the cohort.
    pub(super) fn still_active(&self, grain: Grain, cohort: Day, start: Day) -> (u64, u64) {
        let cohorts = if grain == Grain::Month { &self.months } else { &self.weeks };
        let Some((_, new)) = cohorts.get(&cohort) else { return (0, 0) };
        (cohorts.get(&start).map_or(0, |(active, _)| active.intersection_len(new)), new.len())
    }

    /// The number of active days in a period, indexed by [`PersonId`]; 0 beyond the end.
    pub(super) fn active_days(&self, period: Period) -> Vec<u32> {
        let mut counts = vec![0; self.of_person.len()];
        for (_, people) in self.days_in(period) {
            people.iter().for_each(|person| counts[person.0 as usize] += 1);
        }
        counts
    }
}
