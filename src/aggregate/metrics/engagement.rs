//! How often people use GitLab Duo: segments by active days.

use super::definition::{CountRef, CountedOver};
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Thresholds, Unit};
use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Grain, Period, WINDOW_DAYS};
use crate::model::metric::{Population, Reason};

pub(super) const FAMILY: Family = Family { definitions: &[&USERS, &MOVEMENT], compute };

const USERS: Definition = Definition {
    metric: "engagement.users",
    title: "People by engagement",
    unit: Unit::People,
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &["segment", "segment×team", "segment×cost_center"],
    relations: &[
        Relation::Partition,
        Relation::PartsOf {
            over: &["segment"],
            only: None,
            except: Some(("segment", "inactive")),
            total: CountRef::of("users.active").over(CountedOver::Window),
        },
    ],
    text: "People by their number of days with an event of intentional use, in the 28 days that end \
           with the period: inactive 0, experimenting 1 to 3, regular 4 to 11, heavy 12 or more \
           (the thresholds are configurable). There is one series for each population: people is \
           everyone ever seen up to the end of the period, without bots; seat_holders is everyone \
           with a seat, if there is a seat list for the period. Never compare or add the two. If \
           one of the 28 days is missing or partial, there is no value. By team, only its people \
           count; teams overlap, so they do not add up.",
};

const MOVEMENT: Definition = Definition {
    metric: "engagement.movement",
    title: "Movement between segments",
    unit: Unit::People,
    grains: &[Grain::Window],
    by: &["from×to"],
    relations: &[
        Relation::Partition,
        Relation::MarginOf { dimension: "to", metric: "engagement.users", as_dimension: "segment" },
    ],
    text: "The same people by their segment 28 days ago (from) and now (to), for the same \
           populations. If one of the 56 days is missing or partial, there is no value.",
};

const SEGMENTS: [&str; 4] = ["inactive", "experimenting", "regular", "heavy"];

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    let period = sink.period;
    if !USERS.grains.contains(&period.grain) || !sink.require(Source::Usage, &[]) {
        return;
    }
    let look_back = Period::containing(Grain::Window, period.end, period.end);
    sink.cover(Source::Usage, look_back);
    let now = sink.activity.active_days(look_back);
    let unknown = unknown(view, period, look_back);
    let populations = populations(view, sink);
    for (population, members) in &populations {
        let mut counts = [0; SEGMENTS.len()];
        for person in members {
            counts[segment(&now, *person, sink.thresholds)] += 1;
        }
        for (segment, people) in SEGMENTS.iter().zip(counts) {
            let value = unknown.map_or_else(|| MetricValue::people(people), MetricValue::unknown);
            sink.emit(&USERS, &[("segment", segment)], value.with_population(*population));
        }
    }
    if period.grain == Grain::Window {
        for (population, members) in &populations {
            movement(view, sink, *population, members, &now);
        }
    }
}

/// The populations: everyone ever seen who is not a bot at the end of the period and, if there is a
/// seat list for the period, everyone with a seat. They are separate series: switching between them
/// from one period to the next would look like a change.
fn populations(view: &View<'_>, sink: &MetricSink<'_, '_>) -> Vec<(Population, Vec<PersonId>)> {
    let end = sink.period.end;
    let seen = sink.activity.seen_until(end).filter(|person| !view.is_bot(*person, end));
    let everyone = (Population::People, seen.collect());
    let holders = view.holders_of(sink.period);
    let holders = holders.map(|holders| (Population::SeatHolders, holders.iter().copied().collect()));
    [everyone].into_iter().chain(holders).collect()
}

fn movement(
    view: &View<'_>,
    sink: &mut MetricSink<'_, '_>,
    population: Population,
    members: &[PersonId],
    now: &[u32],
) {
    let period = sink.period;
    let both = Period { start: period.start.plus(-WINDOW_DAYS), ..period };
    sink.cover(Source::Usage, both);
    let unknown = unknown(view, period, both);
    let before = sink.activity.active_days(Period { end: period.start.plus(-1), ..both });
    let mut counts = [[0; SEGMENTS.len()]; SEGMENTS.len()];
    for person in members {
        let segment = |days: &[u32]| segment(days, *person, sink.thresholds);
        counts[segment(&before)][segment(now)] += 1;
    }
    for (from, counts) in SEGMENTS.iter().zip(counts) {
        for (to, people) in SEGMENTS.iter().zip(counts) {
            let value = unknown.map_or_else(|| MetricValue::people(people), MetricValue::unknown);
            sink.emit(&MOVEMENT, &[("from", from), ("to", to)], value.with_population(population));
        }
    }
}

/// Why the segments are unknown, if they are. On a day that is missing or partial, anyone could
/// have been active, so no one is known to be inactive.
fn unknown(view: &View<'_>, period: Period, look_back: Period) -> Option<Reason> {
    if period.end > view.until {
        Some(Reason::PeriodIncomplete)
    } else if !view.is_complete(Source::Usage, look_back) {
        Some(Reason::LookBackIncomplete)
    } else {
        None
    }
}

/// The index in [`SEGMENTS`] of a person; `active_days` is indexed by [`PersonId`].
fn segment(active_days: &[u32], person: PersonId, thresholds: Thresholds) -> usize {
    match active_days.get(person.0 as usize).copied().unwrap_or(0) {
        0 => 0,
        days if days >= thresholds.heavy_from => 3,
        days if days >= thresholds.regular_from => 2,
        _ => 1,
    }
}
