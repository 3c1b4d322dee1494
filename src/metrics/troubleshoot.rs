//! Root cause analysis of failed jobs.

use super::definition::{EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::rollup::Group;
use crate::view::{Source, View};

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

fn compute(view: &View<'_>, page: &mut Page<'_>) {
    if !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut requests = 0;
    let mut people = PeopleSet::default();
    let is_request = |group: &Group| view.names.text(group.event) == "troubleshoot_job";
    for (_, _, askers) in view.usage_in(page.period).filter(|(_, group, _)| is_request(group)) {
        for (person, usage) in askers {
            requests += usage.events;
            people.add(person, view.people);
        }
    }
    page.emit(&REQUESTS, &[], Figure::count(requests, Some(people.len())));
    page.emit(&USERS, &[], Figure::people(people.len()));
}
