//! Seats: purchased, assigned and in use.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::activity::Activity;
use super::definition::{CountRef, CountedOver, TOTAL};
use super::idle::{Evidence, SeatTenure, Tier, last_incomplete_day, seat_tenures};
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::MetricSink;
use super::statistics::nearest_rank;
use super::value::MetricValue;
use super::{Definition, Family, Thresholds, Unit};
use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{SeatList, Source, View, last_day_used};
use crate::base::calendar::{Day, Grain, Period};
use crate::model::coverage::Status;
use crate::model::metric::{Metric, Population, Reason};
use crate::model::number::Number;

pub(super) const FAMILY: Family =
    Family { definitions: &[&PURCHASED, &ASSIGNED, &ACTIVE, &ACTIVATED, &IDLE, &DAYS_TO_FIRST_USE], compute };

const PURCHASED: Definition = Definition {
    metric: "seats.purchased",
    title: "Seats purchased",
    unit: Unit::Seats,
    grains: &[Grain::Day],
    by: &["add_on"],
    relations: &[Relation::Impersonal],
    text: "Purchased seats of the add-on, as GitLab reported on that day.",
};

const ASSIGNED: Definition = Definition {
    metric: "seats.assigned",
    title: "Seats assigned",
    unit: Unit::Seats,
    grains: &[Grain::Day],
    by: &["add_on"],
    relations: &[Relation::Impersonal],
    text: "Assigned seats of the add-on, as GitLab reported on that day.",
};

const INACTIVE: CountRef = of_segment(&[("segment", "inactive")]);
const EXPERIMENTING: CountRef = of_segment(&[("segment", "experimenting")]);
const REGULAR: CountRef = of_segment(&[("segment", "regular")]);
const HEAVY: CountRef = of_segment(&[("segment", "heavy")]);

/// A segment of the seat holders, over 28 days; the four segments contain all seat holders.
const fn of_segment(segment: &'static [(&'static str, &'static str)]) -> CountRef {
    CountRef::of("engagement.users")
        .by(segment)
        .over(CountedOver::Window)
        .with_population(Population::SeatHolders)
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
    by: &[TOTAL, "team", "cost_center"],
    relations: &[Relation::People, Relation::SubsetOf(CountRef::of("seats.activated"))],
    text: "People with a seat and at least one event of intentional use in the period, divided by \
           all people with a seat. Seats come from the last seat list taken within the period or, \
           without one, from the first list of the 14 days after it. Without such a list, or if it \
           names no holder of the assigned seats, there is no rate; basis is the share of assigned \
           seats whose holder is known. On GitLab Self-Managed and GitLab Dedicated, the list \
           covers the whole instance. By team, only its people count; teams overlap, so they do not \
           add up.",
};

const ACTIVATED: Definition = Definition {
    metric: "seats.activated",
    title: "Seats ever used",
    unit: Unit::Share(&[&[INACTIVE, EXPERIMENTING, REGULAR, HEAVY]]),
    grains: &[Grain::Window],
    by: &[TOTAL],
    relations: &[Relation::People],
    text: "People with a seat and at least one event of intentional use since they got it, divided \
           by all people with a seat. People have a seat since the first of the consecutive seat \
           lists that contain them; for seats on the first list of all, every known event counts. \
           The coverage spans all days since the first known one.",
};

const IDLE: Definition = Definition {
    metric: "seats.idle",
    title: "Idle seats",
    unit: Unit::Seats,
    grains: &[Grain::Window],
    by: &["tier", "tier×team", "tier×cost_center"],
    relations: &[Relation::People],
    text: "People with a seat and without any event, according to the known events and to the last \
           day of activity that GitLab reports: certain for 60 days or more, or never and with a \
           seat for 30 days or more according to the seat lists; probable for 28 to 59 days. Events \
           by which something was only shown to a person count as activity. People whose tier could \
           be different because of missing or partial days are left out; basis is the share of \
           people that remain. By team, only its people count; teams overlap, so they do not add \
           up.",
};

const DAYS_TO_FIRST_USE: Definition = Definition {
    metric: "seats.days_to_first_use",
    title: "Days to first use",
    unit: Unit::Days,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "Median number of days from the first seat list that contains a person to the first event \
           of intentional use since then, over the people for whom that event is in the period. Left \
           out are people on the first list of all whose first known event is in the period, and \
           people with a missing or partial day in between; basis is the share of people that \
           remain.",
};

/// The tiers that are counted.
const TIERS: [Tier; 2] = [Tier::Certain, Tier::Probable];

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    let grain = sink.period.grain;
    if grain == Grain::Day || !sink.require(Source::Usage, &[&ACTIVE, &ACTIVATED, &DAYS_TO_FIRST_USE]) {
        return;
    }
    if grain == Grain::Month {
        sink.emit(&DAYS_TO_FIRST_USE, &[], days_to_first_use(view, sink));
    }
    let Some(list) = view.seat_list(sink.period) else {
        sink.emit(&ACTIVE, &[], MetricValue::unknown(Reason::NoSnapshot));
        sink.emit(&ACTIVATED, &[], MetricValue::unknown(Reason::NoSnapshot));
        for tier in TIERS {
            sink.emit(&IDLE, &[("tier", tier.as_str())], MetricValue::unknown(Reason::NoSnapshot));
        }
        return;
    };
    let holders = Number::Count(list.holders.len() as u64);
    let in_use =
        sink.activity.active_in(sink.period).intersection_len(&list.holders.iter().copied().collect());
    let rate = |people| {
        MetricValue::rate(Number::Count(people), holders, Some(people)).scale_basis(list.share_listed())
    };
    sink.emit(&ACTIVE, &[], rate(in_use));
    if grain == Grain::Window {
        let tenures = seat_tenures(view, list.taken_on);
        idle(view, sink, list, &tenures);
        let is_activated = |person: &&PersonId| {
            let tenure = tenures.get(*person).filter(|tenure| !tenure.since_first_list);
            let since = tenure.map(|tenure| tenure.since);
            let last = sink.activity.of_person_until(**person, sink.period.end).last_active;
            last.is_some_and(|last| since.is_none_or(|since| last >= since))
        };
        let activated = list.holders.iter().filter(is_activated).count() as u64;
        let start = sink.activity.first_day.unwrap_or(sink.period.start).min(sink.period.start);
        sink.cover(Source::Usage, Period { start, ..sink.period });
        sink.emit(&ACTIVATED, &[], rate(activated));
    }
}

fn idle(
    view: &View<'_>,
    sink: &mut MetricSink<'_, '_>,
    list: SeatList<'_>,
    tenures: &HashMap<PersonId, SeatTenure>,
) {
    let end = sink.period.end;
    let unknown = last_incomplete_day(view, end);
    // Newer lists would change the value of a closed week.
    let lists_until = if end == view.until { last_day_used(end) } else { list.taken_on };
    let reported = view.last_activity(lists_until);
    let tiers: Vec<Tier> = list
        .holders
        .iter()
        .filter_map(|person| {
            let evidence = Evidence {
                reported: reported.get(person).copied(),
                seen: sink.activity.of_person_until(*person, end).last_seen,
                since: tenures.get(person).map_or(list.taken_on, |tenure| tenure.since),
            };
            evidence.tier(end, unknown)
        })
        .collect();
    for tier in TIERS {
        let people = tiers.iter().filter(|other| **other == tier).count() as u64;
        let value = MetricValue::people(people).with_basis(tiers.len() as u64, list.holders.len() as u64);
        sink.emit(&IDLE, &[("tier", tier.as_str())], value.scale_basis(list.share_listed()));
    }
}

fn days_to_first_use(view: &View<'_>, sink: &MetricSink<'_, '_>) -> MetricValue {
    let period = sink.period;
    let mut lists = view.lists().peekable();
    let Some(first_list) = lists.next() else { return MetricValue::unknown(Reason::NoSnapshot) };
    let is_in = |day: Option<Day>| day.is_some_and(|day| (period.start..=period.end).contains(&day));
    let first_active = |person: &PersonId| sink.activity.of_person(*person).first_active;
    let mut left_out = first_list.holders.iter().filter(|person| is_in(first_active(person))).count() as u64;

    let known: BTreeSet<Day> = view
        .known_days(Source::Usage, Period { start: first_list.taken_on.min(period.start), ..period })
        .filter(|(_, state)| state.status == Status::Complete)
        .map(|(day, _)| day)
        .collect();
    let mut since: HashMap<PersonId, Day> = HashMap::new();
    // People who have used their seat, or whose seat is on the first list.
    let mut done: PeopleSet = first_list.holders.iter().copied().collect();
    let mut days_to_use: Vec<u64> = Vec::new();
    let ever = Period { start: first_list.taken_on, ..period };
    for (day, people) in sink.activity.days_in(ever) {
        while let Some(list) = lists.next_if(|list| list.taken_on <= day) {
            for person in list.holders {
                since.entry(*person).or_insert(list.taken_on);
            }
        }
        for person in people.iter().filter(|person| !done.contains(*person)) {
            let Some(since) = since.get(&person) else { continue };
            if is_in(Some(day)) {
                if since.through(day).all(|day| known.contains(&day)) {
                    days_to_use.extend(u64::try_from(day.days_since(*since)));
                } else {
                    left_out += 1;
                }
            }
        }
        done.extend(people.iter().filter(|person| since.contains_key(person)));
    }
    days_to_use.sort_unstable();
    let n = days_to_use.len();
    MetricValue::statistic(nearest_rank(&days_to_use, 50), n, Some(n as u64))
        .with_basis(n as u64, n as u64 + left_out)
        .with_reason(if left_out > 0 { Reason::LookBackIncomplete } else { Reason::NothingShown })
}

/// Purchased and assigned seats by the day of their snapshot. The days differ from those of events:
/// a report that ends yesterday includes today's list.
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
            let (purchased, assigned) = by_add_on.entry(view.symbols.text(pool.add_on)).or_default();
            *purchased += pool.purchased;
            *assigned += pool.assigned;
        }
        let period = Period { grain: Grain::Day, start: *day, end: *day };
        let mut sink = MetricSink::new(view, activity, period, thresholds, metrics);
        sink.cover_states(view.days_of(Source::Seats).and_then(|days| days.get(day)).into_iter());
        for (add_on, (purchased, assigned)) in by_add_on {
            sink.emit(&PURCHASED, &[("add_on", add_on)], MetricValue::count(purchased, None));
            sink.emit(&ASSIGNED, &[("add_on", add_on)], MetricValue::count(assigned, None));
        }
    }
}
