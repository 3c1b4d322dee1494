//! Seats: what was bought, what was assigned, what is used.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::activity::Activity;
use super::definition::{Count, CountedOver, TOTAL};
use super::idle::{Evidence, Held, Tier, held, last_unknown};
use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::statistics::nearest_rank;
use super::{Definition, Family, Thresholds, Unit};
use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{SeatList, Source, View};
use crate::base::calendar::{Day, Grain, Period};
use crate::model::record::{Metric, Number, Population, Reason, Status};

pub(super) const FAMILY: Family =
    Family { definitions: &[&PURCHASED, &ASSIGNED, &ACTIVE, &ACTIVATED, &IDLE, &DAYS_TO_FIRST_USE], compute };

const PURCHASED: Definition = Definition {
    metric: "seats.purchased",
    title: "Seats purchased",
    unit: Unit::Seats,
    grains: &[Grain::Day],
    by: &["add_on"],
    text: "Seats of the add-on that were purchased, as GitLab told on that day.",
};

const ASSIGNED: Definition = Definition {
    metric: "seats.assigned",
    title: "Seats assigned",
    unit: Unit::Seats,
    grains: &[Grain::Day],
    by: &["add_on"],
    text: "Seats of the add-on that were assigned to somebody, as GitLab told on that day.",
};

const INACTIVE: Count = of_segment(&[("segment", "inactive")]);
const EXPERIMENTING: Count = of_segment(&[("segment", "experimenting")]);
const REGULAR: Count = of_segment(&[("segment", "regular")]);
const HEAVY: Count = of_segment(&[("segment", "heavy")]);

/// The segments look back 28 days, and those of people with a seat are all of them.
const fn of_segment(segment: &'static [(&'static str, &'static str)]) -> Count {
    Count::of("engagement.users").by(segment).over(CountedOver::Window).among(Population::SeatHolders)
}

const ACTIVE: Definition = Definition {
    metric: "seats.active",
    title: "Seats in use",
    unit: Unit::Share(&[
        &[INACTIVE],
        &[EXPERIMENTING, REGULAR, HEAVY],
        &[INACTIVE, EXPERIMENTING, REGULAR, HEAVY],
    ]),
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL],
    text: "People with a seat who had at least one deliberate event in the period, divided by all people with a seat. Who \
           has a seat is taken from the last list of seats taken within the period or, failing that, the first one of the two \
           days after it. Without such a list, or where nobody of those with an assigned add-on is told, there is no \
           rate; the basis says of which share of the assigned seats the people are told. On Self-Managed and Dedicated \
           the list is that of the whole instance.",
};

const ACTIVATED: Definition = Definition {
    metric: "seats.activated",
    title: "Seats ever used",
    unit: Unit::Share(&[&[INACTIVE, EXPERIMENTING, REGULAR, HEAVY]]),
    grains: &[Grain::Window],
    by: &[TOTAL],
    text: "People with a seat who had at least one deliberate event since the first of the unbroken lists of seats that \
           have them, divided by all people with a seat. Of seats as old as the first list every event known counts. The \
           coverage is that of all days from the first one known.",
};

const IDLE: Definition = Definition {
    metric: "seats.idle",
    title: "Idle seats",
    unit: Unit::Seats,
    grains: &[Grain::Window],
    by: &["tier"],
    text: "People with a seat and without any event, by the events known and by the last day of activity that GitLab tells: \
           certain for 60 days and more, or never and with a seat for 30 days and more by the lists of seats; probable for 28 \
           to 59 days. Events by which something was only shown to them are activity here. People of whom days without \
           a source, or a partial one, could tell otherwise are left out; the basis says which share is not.",
};

const DAYS_TO_FIRST_USE: Definition = Definition {
    metric: "seats.days_to_first_use",
    title: "Days to first use",
    unit: Unit::Days,
    grains: &[Grain::Month],
    by: &[TOTAL],
    text: "Median of the days from the first list of seats that has somebody to their first deliberate event since then, over \
           the people for whom that event was in the period. Left out are people with a seat as old as the first list, whose \
           first event known was in the period, and people with a day between that is not known; the basis says which \
           share is not.",
};

/// The tiers that are counted.
const TIERS: [Tier; 2] = [Tier::Certain, Tier::Probable];

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    let grain = page.period.grain;
    if grain == Grain::Day || !page.rest_on(Source::Usage, &[&ACTIVE, &ACTIVATED, &DAYS_TO_FIRST_USE]) {
        return;
    }
    if grain == Grain::Month {
        page.emit(&DAYS_TO_FIRST_USE, &[], days_to_first_use(view, page));
    }
    let Some(list) = view.list_of(page.period) else {
        page.emit(&ACTIVE, &[], Figure::unknown(Reason::NoSnapshot));
        page.emit(&ACTIVATED, &[], Figure::unknown(Reason::NoSnapshot));
        for tier in TIERS {
            page.emit(&IDLE, &[("tier", tier.as_str())], Figure::unknown(Reason::NoSnapshot));
        }
        return;
    };
    let holders = Number::Count(list.holders.len() as u64);
    let in_use = page.activity.active_in(page.period).common(&list.holders.iter().copied().collect());
    let rate = |people| Figure::rate(Number::Count(people), holders, Some(people)).out_of(list.share_told());
    page.emit(&ACTIVE, &[], rate(in_use));
    if grain == Grain::Window {
        let held = held(view, list.taken_on);
        idle(view, page, list, &held);
        let is_activated = |person: &&PersonId| {
            let since = held.get(*person).filter(|held| !held.is_as_old_as_the_lists).map(|held| held.since);
            let last = page.activity.of_person(**person).last_active;
            last.is_some_and(|last| since.is_none_or(|since| last >= since))
        };
        let activated = list.holders.iter().filter(is_activated).count() as u64;
        let start = page.activity.first_day.unwrap_or(page.period.start).min(page.period.start);
        page.rest_on_days(Source::Usage, Period { start, ..page.period });
        page.emit(&ACTIVATED, &[], rate(activated));
    }
}

fn idle(view: &View<'_>, page: &mut Page<'_, '_>, list: SeatList<'_>, held: &HashMap<PersonId, Held>) {
    let end = page.period.end;
    let unknown = last_unknown(view, end);
    let tiers: Vec<Tier> = list
        .holders
        .iter()
        .filter_map(|person| {
            let evidence = Evidence {
                told: view.last_told.get(person).copied(),
                seen: page.activity.of_person(*person).last_seen,
                since: held.get(person).map_or(list.taken_on, |held| held.since),
            };
            evidence.tier(end, unknown)
        })
        .collect();
    for tier in TIERS {
        let people = tiers.iter().filter(|other| **other == tier).count() as u64;
        let figure = Figure::people(people).on_basis(tiers.len() as u64, list.holders.len() as u64);
        page.emit(&IDLE, &[("tier", tier.as_str())], figure.out_of(list.share_told()));
    }
}

fn days_to_first_use(view: &View<'_>, page: &Page<'_, '_>) -> Figure {
    let period = page.period;
    let mut lists = view.lists().peekable();
    let Some(first_list) = lists.next() else { return Figure::unknown(Reason::NoSnapshot) };
    let is_in = |day: Option<Day>| day.is_some_and(|day| (period.start..=period.end).contains(&day));
    let first_active = |person: &PersonId| page.activity.of_person(*person).first_active;
    let mut left_out = first_list.holders.iter().filter(|person| is_in(first_active(person))).count() as u64;

    let known: BTreeSet<Day> = view
        .known_days(Source::Usage, Period { start: first_list.taken_on.min(period.start), ..period })
        .filter(|(_, state)| state.status == Status::Complete)
        .map(|(day, _)| day)
        .collect();
    let mut since: HashMap<PersonId, Day> = HashMap::new();
    // Who has used a seat, or one as old as the first list.
    let mut is_over: PeopleSet = first_list.holders.iter().copied().collect();
    let mut days_to_use: Vec<u64> = Vec::new();
    let ever = Period { start: first_list.taken_on, ..period };
    for (day, people) in page.activity.days_in(ever) {
        while let Some(list) = lists.next_if(|list| list.taken_on <= day) {
            for person in list.holders {
                since.entry(*person).or_insert(list.taken_on);
            }
        }
        for person in people.iter().filter(|person| !is_over.contains(*person)) {
            let Some(since) = since.get(&person) else { continue };
            if is_in(Some(day)) {
                match since.through(day).all(|day| known.contains(&day)) {
                    true => days_to_use.extend(u64::try_from(day.days_since(*since))),
                    false => left_out += 1,
                }
            }
        }
        is_over.extend(people.iter().filter(|person| since.contains_key(person)));
    }
    days_to_use.sort_unstable();
    let n = days_to_use.len();
    Figure::statistic(nearest_rank(&days_to_use, 50), n, Some(n as u64))
        .on_basis(n as u64, n as u64 + left_out)
        .unknown_because(if left_out > 0 { Reason::LookBackIncomplete } else { Reason::NothingShown })
}

/// Seats bought and assigned on the days of the snapshots, which are not the days of the events: the list of
/// today belongs to a report that ends yesterday.
pub(super) fn compute_snapshots(
    view: &View<'_>,
    activity: &Activity,
    since: Day,
    metrics: &mut Vec<Metric>,
    thresholds: Thresholds,
) {
    for (day, snapshot) in view.snapshots.range(since..) {
        let mut by_add_on: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for pool in snapshot.pools.values() {
            let (purchased, assigned) = by_add_on.entry(view.names.text(pool.add_on)).or_default();
            *purchased += pool.purchased;
            *assigned += pool.assigned;
        }
        let period = Period { grain: Grain::Day, start: *day, end: *day };
        let mut page = Page::new(view, activity, period, thresholds, metrics);
        page.rest_on_states(view.days_of(Source::Seats).and_then(|days| days.get(day)).into_iter());
        for (add_on, (purchased, assigned)) in by_add_on {
            page.emit(&PURCHASED, &[("add_on", add_on)], Figure::count(purchased, None));
            page.emit(&ASSIGNED, &[("add_on", add_on)], Figure::count(assigned, None));
        }
    }
}
