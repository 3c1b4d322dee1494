//! Who uses Duo: distinct people, never a sum of days.

use std::collections::HashMap;

use super::definition::{Count, CountedOver, EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Name;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Day, Grain};
use crate::model::record::{Number, Reason, Status};

pub(super) const FAMILY: Family = Family { definitions: &[&ACTIVE, &EXPOSED, &STICKINESS], compute };

const ACTIVE: Definition = Definition {
    metric: "users.active",
    title: "Active people",
    unit: Unit::People,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "feature", "kind"],
    text: "Distinct people with at least one deliberate event in the period: they accepted, rejected, asked, started, \
           applied or reacted. An event that nobody knows is deliberate. What a service notes of a request is not, since it is \
           the same for an agent: the person who asks has an event of their own for it. Bots and service accounts are \
           counted apart, as kind bot.",
};

const EXPOSED: Definition = Definition {
    metric: "users.exposed",
    title: "People reached",
    unit: Unit::People,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "feature", "kind"],
    text: "Distinct people with any event in the period, also one by which something was only shown to them or done for \
           them. Bots and service accounts are counted apart, as kind bot.",
};

const STICKINESS: Definition = Definition {
    metric: "users.stickiness",
    title: "Stickiness",
    unit: Unit::Share(&[
        &[Count::of("users.active")],
        &[Count::of("users.active").over(CountedOver::WorkingDays)],
    ]),
    grains: &[Grain::Month, Grain::Window],
    by: &[TOTAL],
    text: "Mean of the daily active people over the working days (Monday to Friday, in UTC) that were collected whole, \
           divided by the active people of the period.",
};

#[derive(Default)]
struct Counts {
    all: PeopleSet,
    bots: PeopleSet,
    by_feature: HashMap<Name, PeopleSet>,
}

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut active = Counts::default();
    let mut exposed = Counts::default();
    for (feature, _, events) in page.activity.events_in(page.period) {
        let active = events.is_deliberate.then_some(&mut active);
        for counts in [Some(&mut exposed), active].into_iter().flatten() {
            counts.bots.add_all(&events.bots);
            if !events.people.is_empty() {
                counts.by_feature.entry(feature).or_default().add_all(&events.people);
            }
        }
    }
    for counts in [&mut active, &mut exposed] {
        counts.by_feature.values().for_each(|people| counts.all.add_all(people));
    }
    for (definition, counts) in [(&ACTIVE, &active), (&EXPOSED, &exposed)] {
        page.emit(definition, &[], Figure::people(counts.all.len()));
        page.emit(definition, &[("kind", "person")], Figure::people(counts.all.len()));
        page.emit(definition, &[("kind", "bot")], Figure::count(counts.bots.len(), None));
        for (feature, people) in &counts.by_feature {
            page.emit(definition, &[("feature", view.names.text(*feature))], Figure::people(people.len()));
        }
    }
    let whole_days =
        view.known_days(Source::Usage, page.period).filter(|(_, state)| state.status == Status::Complete);
    let working_days: Vec<Day> = whole_days.map(|(day, _)| day).filter(|day| day.is_working_day()).collect();
    let active_on = |day: &Day| page.activity.count_on(*day);
    let figure = match working_days.len() {
        0 => Figure::unknown(Reason::PeriodIncomplete),
        days => {
            let mean = working_days.iter().map(active_on).sum::<u64>() as f64 / days as f64;
            Figure::rate(Number::Measure(mean), Number::Count(active.all.len()), Some(active.all.len()))
        }
    };
    page.emit(&STICKINESS, &[], figure);
}
