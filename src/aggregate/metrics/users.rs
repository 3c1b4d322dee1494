//! The users of GitLab Duo: distinct people, never a sum of days.

use std::collections::HashMap;

use super::definition::{ALL_GRAINS, CountRef, CountedOver, TOTAL};
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Symbol;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Day, Grain};
use crate::model::coverage::Status;
use crate::model::metric::Reason;
use crate::model::number::Number;

pub(super) const FAMILY: Family = Family { definitions: &[&ACTIVE, &REACHED, &STICKINESS], compute };

const ACTIVE: Definition = Definition {
    metric: "users.active",
    title: "Active people",
    unit: Unit::People,
    grains: ALL_GRAINS,
    by: &[TOTAL, "feature", "kind", "team", "cost_center"],
    relations: &[Relation::ActivePeople, Relation::SubsetOf(CountRef::of("users.exposed"))],
    text: "Distinct people with at least one event of intentional use in the period: they accepted, \
           rejected, asked, started, applied or reacted. Unknown events count as intentional use. \
           Events that a service logs for a request do not, because agents cause the same ones; the \
           person who asks has a separate event. Bots and service accounts are counted separately \
           (kind bot). By team, only its people count; teams overlap, so they do not add up.",
};

const REACHED: Definition = Definition {
    metric: "users.exposed",
    title: "People reached",
    unit: Unit::People,
    grains: ALL_GRAINS,
    by: &[TOTAL, "feature", "kind", "team", "cost_center"],
    relations: &[Relation::AtMost(CountRef::of("events.count")), Relation::ActivePeople],
    text: "Distinct people with any event in the period, including events by which something was \
           only shown to them or done for them. Bots and service accounts are counted separately \
           (kind bot). By team, only its people count; teams overlap, so they do not add up.",
};

const STICKINESS: Definition = Definition {
    metric: "users.stickiness",
    title: "Stickiness",
    unit: Unit::Share(&[
        &[CountRef::of("users.active")],
        &[CountRef::of("users.active").over(CountedOver::WorkingDays)],
    ]),
    grains: &[Grain::Month, Grain::Window],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "Mean number of active people per working day (Monday to Friday, in UTC), over the \
           complete days of the period, divided by the active people of the period.",
};

#[derive(Default)]
struct UserSets {
    all: PeopleSet,
    bots: PeopleSet,
    by_feature: HashMap<Symbol, PeopleSet>,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut active = UserSets::default();
    let mut reached = UserSets::default();
    for (feature, _, events) in sink.activity.events_in(sink.period) {
        let active = events.is_intentional.then_some(&mut active);
        for counts in [Some(&mut reached), active].into_iter().flatten() {
            counts.bots.add_all(&events.bots);
            if !events.people.is_empty() {
                counts.by_feature.entry(feature).or_default().add_all(&events.people);
            }
        }
    }
    for counts in [&mut active, &mut reached] {
        counts.by_feature.values().for_each(|people| counts.all.add_all(people));
    }
    for (definition, counts) in [(&ACTIVE, &active), (&REACHED, &reached)] {
        sink.emit(definition, &[], MetricValue::people(counts.all.len()));
        sink.emit(definition, &[("kind", "person")], MetricValue::people(counts.all.len()));
        sink.emit(definition, &[("kind", "bot")], MetricValue::count(counts.bots.len(), None));
        for (feature, people) in &counts.by_feature {
            sink.emit(
                definition,
                &[("feature", view.symbols.text(*feature))],
                MetricValue::people(people.len()),
            );
        }
    }
    let complete_days =
        view.known_days(Source::Usage, sink.period).filter(|(_, state)| state.status == Status::Complete);
    let working_days: Vec<Day> =
        complete_days.map(|(day, _)| day).filter(|day| day.is_working_day()).collect();
    let active_on = |day: &Day| sink.activity.count_on(*day);
    let value = match working_days.len() {
        0 => MetricValue::unknown(Reason::PeriodIncomplete),
        days => {
            let mean = working_days.iter().map(active_on).sum::<u64>() as f64 / days as f64;
            MetricValue::rate(Number::Measure(mean), Number::Count(active.all.len()), Some(active.all.len()))
        }
    };
    sink.emit(&STICKINESS, &[], value);
}
