//! Seats: what was bought, what was assigned, what is used.

use std::collections::BTreeMap;

use super::definition::TOTAL;
use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Thresholds, Unit};
use crate::calendar::{Day, Grain, Period};
use crate::events;
use crate::record::{Metric, Number, Reason};
use crate::view::{Source, View, last_day_used};

pub(super) const FAMILY: Family = Family { definitions: &[&PURCHASED, &ASSIGNED, &ACTIVE], compute };

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

const ACTIVE: Definition = Definition {
    metric: "seats.active",
    title: "Seats in use",
    unit: Unit::Share,
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL],
    text: "People with a seat who had at least one deliberate event in the period, divided by all people with a seat. Who \
           has a seat is taken from the last list of seats taken within the period or, failing that, the first one of the two \
           days after it. Without such a list, or where seats are assigned to people whom GitLab does not tell, there \
           is no rate. On Self-Managed and Dedicated the list is that of the whole instance.",
};

fn compute(view: &View<'_>, page: &mut Page<'_>) {
    if !page.rest_on(Source::Usage, &[&ACTIVE]) {
        return;
    }
    let Some(all_holders) = view.holders_of(page.period) else {
        page.emit(&ACTIVE, &[], Figure::unknown(Reason::NoSnapshot));
        return;
    };
    let mut active = PeopleSet::default();
    for (_, row) in view.usage_in(page.period) {
        if all_holders.contains(&row.person) && events::is_deliberate(view.names.text(row.group.event)) {
            active.add(row.person, view.people);
        }
    }
    let holders = Number::Count(all_holders.len() as u64);
    page.emit(&ACTIVE, &[], Figure::rate(Number::Count(active.len()), holders, Some(active.len())));
}

/// Seats bought and assigned on the days of the snapshots, which are not the days of the events: the list of
/// today belongs to a report that ends yesterday.
pub(super) fn compute_snapshots(
    view: &View<'_>,
    since: Day,
    metrics: &mut Vec<Metric>,
    thresholds: Thresholds,
) {
    for (day, snapshot) in
        view.snapshots.range(since..).take_while(|(day, _)| **day <= last_day_used(view.until))
    {
        let mut by_add_on: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for pool in snapshot.pools.values() {
            let (purchased, assigned) = by_add_on.entry(view.names.text(pool.add_on)).or_default();
            *purchased += pool.purchased;
            *assigned += pool.assigned;
        }
        let period = Period { grain: Grain::Day, start: *day, end: *day };
        let mut page = Page::new(view, period, thresholds, metrics);
        page.rest_on_states(view.days_of(Source::Seats).and_then(|days| days.get(day)).into_iter());
        for (add_on, (purchased, assigned)) in by_add_on {
            page.emit(&PURCHASED, &[("add_on", add_on)], Figure::count(purchased, None));
            page.emit(&ASSIGNED, &[("add_on", add_on)], Figure::count(assigned, None));
        }
    }
}
