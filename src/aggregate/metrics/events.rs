//! How many events there were, of which feature and name.

use std::collections::HashMap;

use super::activity::Events;
use super::definition::{EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Name;
use crate::aggregate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&COUNT], compute };

const COUNT: Definition = Definition {
    metric: "events.count",
    title: "Events",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "feature", "event", "kind", "feature×event"],
    text: "Usage events, those of bots and service accounts included (kind tells them apart). An event that this version \
           does not know is counted under its own name.",
};

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut by_both: HashMap<(Name, Name), Events> = HashMap::new();
    for (feature, event, events) in page.activity.events_in(page.period) {
        by_both.entry((feature, event)).or_default().add(events);
    }
    let mut total = Events::default();
    let mut by_feature: HashMap<Name, Events> = HashMap::new();
    let mut by_event: HashMap<Name, Events> = HashMap::new();
    for ((feature, event), events) in &by_both {
        total.add(events);
        by_feature.entry(*feature).or_default().add(events);
        by_event.entry(*event).or_default().add(events);
    }
    let figure = |events: &Events| Figure::count(events.count(), Some(events.people.len()));
    let text = |name: &Name| view.names.text(*name);
    page.emit(&COUNT, &[], figure(&total));
    page.emit(&COUNT, &[("kind", "person")], Figure::count(total.of_people, Some(total.people.len())));
    page.emit(&COUNT, &[("kind", "bot")], Figure::count(total.of_bots, None));
    for (feature, events) in &by_feature {
        page.emit(&COUNT, &[("feature", text(feature))], figure(events));
    }
    for (event, events) in &by_event {
        page.emit(&COUNT, &[("event", text(event))], figure(events));
    }
    for ((feature, event), events) in &by_both {
        page.emit(&COUNT, &[("feature", text(feature)), ("event", text(event))], figure(events));
    }
}
