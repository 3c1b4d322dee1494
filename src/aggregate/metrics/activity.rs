//! Who was active on which day: found once for each view, for all families.

use std::collections::BTreeMap;

use super::people::PeopleSet;
use crate::aggregate::rollup::{Name, PersonId};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Day, Grain, Period};

/// The days of everybody who is not a bot, up to the last day reported.
pub(super) struct Activity {
    /// The first day of which any usage is known.
    pub(super) first_day: Option<Day>,
    /// Who had a deliberate event, by day.
    active: BTreeMap<Day, PeopleSet>,
    /// Who had one in a week, and for whom that was the first one, by its Monday.
    weeks: BTreeMap<Day, (PeopleSet, PeopleSet)>,
    /// By person; nobody beyond the end was ever seen.
    of_person: Vec<Days>,
    /// The events of each day, whatever else they are split by.
    events: BTreeMap<Day, BTreeMap<(Name, Name), Events>>,
}

/// The events of one feature and name on a day, or on several.
#[derive(Clone, Default)]
pub(super) struct Events {
    /// How many there were of people.
    pub(super) of_people: u64,
    /// How many there were of bots.
    pub(super) of_bots: u64,
    /// Whether whoever did it did something.
    pub(super) is_deliberate: bool,
    /// The people, without bots.
    pub(super) people: PeopleSet,
    /// The bots.
    pub(super) bots: PeopleSet,
}

/// What is known of one person.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Days {
    /// The first day with any event.
    pub(super) first_seen: Option<Day>,
    /// The last day with any event, also of days on which it was a bot's: an account in use is in use.
    pub(super) last_seen: Option<Day>,
    /// The first day with a deliberate event.
    pub(super) first_active: Option<Day>,
    /// The last day with a deliberate event.
    pub(super) last_active: Option<Day>,
}

impl Events {
    /// All of them.
    pub(super) fn count(&self) -> u64 {
        self.of_people.saturating_add(self.of_bots)
    }

    /// Adds others.
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
            of_person: vec![Days::default(); view.people.len()],
            events: BTreeMap::new(),
        };
        let Some(first_day) = activity.first_day else { return activity };
        // The rows come by day, from the first to the last.
        let ever = Period { grain: Grain::Window, start: first_day, end: view.until };
        for (day, cell, people) in view.usage_in(ever) {
            let of_day = activity.events.entry(day).or_default();
            let events = of_day.entry((cell.feature, cell.event)).or_default();
            events.is_deliberate = cell.is_deliberate;
            for (person, usage) in people {
                if view.is_bot(person, day) {
                    events.of_bots = events.of_bots.saturating_add(usage.events);
                    events.bots.add(person);
                } else {
                    events.of_people = events.of_people.saturating_add(usage.events);
                    if !view.people.is_nobody(person) {
                        events.people.add(person);
                    }
                }
            }
        }
        for (day, of_day) in &activity.events {
            for events in of_day.values() {
                for user in events.people.iter().chain(events.bots.iter()) {
                    activity.of_person[user.0 as usize].last_seen = Some(*day);
                }
                for person in events.people.iter() {
                    let days = &mut activity.of_person[person.0 as usize];
                    days.first_seen.get_or_insert(*day);
                    if events.is_deliberate {
                        days.first_active.get_or_insert(*day);
                        days.last_active = Some(*day);
                    }
                }
                if events.is_deliberate && !events.people.is_empty() {
                    activity.active.entry(*day).or_default().add_all(&events.people);
                }
            }
        }
        let mut before = PeopleSet::default();
        for (day, people) in &activity.active {
            let monday = Period::holding(Grain::Week, *day, *day).start;
            let (week, new) = activity.weeks.entry(monday).or_default();
            week.add_all(people);
            let mut first_time = people.clone();
            first_time.remove_all(&before);
            new.add_all(&first_time);
            before.add_all(people);
        }
        activity
    }

    /// The events of a period up to the last day reported, each with its feature and its name.
    pub(super) fn events_in(&self, period: Period) -> impl Iterator<Item = (Name, Name, &Events)> {
        let days = self.events.range(period.start..).take_while(move |(day, _)| **day <= period.end);
        days.flat_map(|(_, of_day)| {
            of_day.iter().map(|((feature, event), events)| (*feature, *event, events))
        })
    }

    /// What is known of a person.
    pub(super) fn of_person(&self, person: PersonId) -> Days {
        self.of_person.get(person.0 as usize).copied().unwrap_or_default()
    }

    /// Everybody with any event up to a day, in the order of their numbers.
    pub(super) fn seen_until(&self, last: Day) -> impl Iterator<Item = PersonId> {
        let seen = move |days: &Days| days.first_seen.is_some_and(|first| first <= last);
        (0..).zip(&self.of_person).filter(move |(_, days)| seen(days)).map(|(number, _)| PersonId(number))
    }

    /// How many people were active on a day.
    pub(super) fn count_on(&self, day: Day) -> u64 {
        self.active.get(&day).map_or(0, PeopleSet::len)
    }

    /// Who was active on each day of a period that had somebody.
    pub(super) fn days_in(&self, period: Period) -> impl Iterator<Item = (Day, &PeopleSet)> {
        self.active
            .range(period.start..)
            .take_while(move |(day, _)| **day <= period.end)
            .map(|(day, people)| (*day, people))
    }

    /// Who was active in a period.
    pub(super) fn active_in(&self, period: Period) -> PeopleSet {
        let mut all = PeopleSet::default();
        self.days_in(period).for_each(|(_, people)| all.add_all(people));
        all
    }

    /// How many people of those whose first active week is `cohort` (a Monday) were active in the week of another
    /// Monday, and how many they are.
    pub(super) fn still_active(&self, cohort: Day, monday: Day) -> (u64, u64) {
        let Some((_, new)) = self.weeks.get(&cohort) else { return (0, 0) };
        (self.weeks.get(&monday).map_or(0, |(week, _)| week.common(new)), new.len())
    }

    /// On how many days of a period each person was active; nobody beyond the end was.
    pub(super) fn active_days(&self, period: Period) -> Vec<u32> {
        let mut counts = vec![0; self.of_person.len()];
        for (_, people) in self.days_in(period) {
            people.iter().for_each(|person| counts[person.0 as usize] += 1);
        }
        counts
    }
}
