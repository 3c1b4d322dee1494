//! Root cause analysis of failed jobs.

use super::activity::Events;
use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Symbol;
use crate::aggregate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&REQUESTS, &USERS], compute };

const REQUESTS: Definition = Definition {
    metric: "troubleshoot.requests",
    title: "Jobs troubleshot",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: &[TOTAL],
    relations: &[Relation::Sums, Relation::same_as_event(&[], &[("event", "troubleshoot_job")])],
    text: "Requests for the root cause of a failed job, including those of bots and service \
           accounts.",
};

const USERS: Definition = Definition {
    metric: "troubleshoot.users",
    title: "People troubleshooting jobs",
    unit: Unit::People,
    grains: ALL_GRAINS,
    by: &[TOTAL],
    relations: &[
        Relation::AtMost(CountRef::of("troubleshoot.requests")),
        Relation::ActivePeople,
        Relation::SubsetOf(CountRef::of("users.active")),
    ],
    text: "Distinct people who asked for the root cause of a failed job.",
};

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut all = Events::default();
    let is_request = |event: Symbol| view.symbols.text(event) == "troubleshoot_job";
    for (_, _, events) in sink.activity.events_in(sink.period).filter(|(_, event, _)| is_request(*event)) {
        all.add(events);
    }
    sink.emit(&REQUESTS, &[], MetricValue::count(all.count(), Some(all.people.len())));
    sink.emit(&USERS, &[], MetricValue::people(all.people.len()));
}
