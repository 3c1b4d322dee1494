//! Root cause analysis of failed jobs.

use super::activity::Events;
use super::definition::{EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Name;
use crate::aggregate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&REQUESTS, &USERS], compute };

const REQUESTS: Definition = Definition {
    metric: "troubleshoot.requests",
    title: "Jobs troubleshot",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: &[TOTAL],
    text: "Requests for the root cause of a failed job, those of bots and service accounts included.",
};

const USERS: Definition = Definition {
    metric: "troubleshoot.users",
    title: "People troubleshooting jobs",
    unit: Unit::People,
    grains: EVERY_GRAIN,
    by: &[TOTAL],
    text: "Distinct people who asked for the root cause of a failed job.",
};

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut all = Events::default();
    let is_request = |event: Name| view.names.text(event) == "troubleshoot_job";
    for (_, _, events) in page.activity.events_in(page.period).filter(|(_, event, _)| is_request(*event)) {
        all.add(events);
    }
    page.emit(&REQUESTS, &[], Figure::count(all.count(), Some(all.people.len())));
    page.emit(&USERS, &[], Figure::people(all.people.len()));
}
