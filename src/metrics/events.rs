//! How many events there were, of which feature and name.

use std::collections::HashMap;

use super::definition::{EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::rollup::Name;
use crate::view::{Source, View};

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

#[derive(Default)]
struct Count {
    events: u64,
    people: PeopleSet,
}

fn compute(view: &View<'_>, page: &mut Page<'_>) {
    if !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut total = Count::default();
    let (mut of_people, mut of_bots) = (Count::default(), Count::default());
    let mut by_feature: HashMap<Name, Count> = HashMap::new();
    let mut by_event: HashMap<Name, Count> = HashMap::new();
    let mut by_both: HashMap<(Name, Name), Count> = HashMap::new();
    for (_, group, people) in view.usage_in(page.period) {
        let mut of_group = Count::default();
        for (person, usage) in people {
            if view.people.is_bot(person) {
                of_bots.events += usage.events;
            } else {
                of_people.events += usage.events;
                of_people.people.add_any(person);
                of_group.people.add_any(person);
            }
            of_group.events += usage.events;
        }
        for count in [
            &mut total,
            by_feature.entry(group.feature).or_default(),
            by_event.entry(group.event).or_default(),
            by_both.entry((group.feature, group.event)).or_default(),
        ] {
            count.events += of_group.events;
            count.people.add_all(&of_group.people);
        }
    }
    let figure = |count: &Count| Figure::count(count.events, Some(count.people.len()));
    let text = |name: &Name| view.names.text(*name);
    page.emit(&COUNT, &[], figure(&total));
    page.emit(&COUNT, &[("kind", "person")], figure(&of_people));
    page.emit(&COUNT, &[("kind", "bot")], Figure::count(of_bots.events, None));
    for (feature, count) in &by_feature {
        page.emit(&COUNT, &[("feature", text(feature))], figure(count));
    }
    for (event, count) in &by_event {
        page.emit(&COUNT, &[("event", text(event))], figure(count));
    }
    for ((feature, event), count) in &by_both {
        page.emit(&COUNT, &[("feature", text(feature)), ("event", text(event))], figure(count));
    }
}
