//! The number of events, by feature and name.

use std::collections::HashMap;

use super::activity::Events;
use super::definition::{ALL_GRAINS, TOTAL};
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Symbol;
use crate::aggregate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&COUNT], compute };

const COUNT: Definition = Definition {
    metric: "events.count",
    title: "Events",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: &[TOTAL, "feature", "event", "kind", "feature×event"],
    relations: &[Relation::Sums],
    text: "Usage events, including those of bots and service accounts (kind separates them). An \
           event that this version does not know is counted under its own name.",
};

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut by_both: HashMap<(Symbol, Symbol), Events> = HashMap::new();
    for (feature, event, events) in sink.activity.events_in(sink.period) {
        by_both.entry((feature, event)).or_default().add(events);
    }
    let mut total = Events::default();
    let mut by_feature: HashMap<Symbol, Events> = HashMap::new();
    let mut by_event: HashMap<Symbol, Events> = HashMap::new();
    for ((feature, event), events) in &by_both {
        total.add(events);
        by_feature.entry(*feature).or_default().add(events);
        by_event.entry(*event).or_default().add(events);
    }
    let value = |events: &Events| MetricValue::count(events.count(), Some(events.people.len()));
    let text = |name: &Symbol| view.symbols.text(*name);
    sink.emit(&COUNT, &[], value(&total));
    sink.emit(&COUNT, &[("kind", "person")], MetricValue::count(total.of_people, Some(total.people.len())));
    sink.emit(&COUNT, &[("kind", "bot")], MetricValue::count(total.of_bots, None));
    for (feature, events) in &by_feature {
        sink.emit(&COUNT, &[("feature", text(feature))], value(events));
    }
    for (event, events) in &by_event {
        sink.emit(&COUNT, &[("event", text(event))], value(events));
    }
    for ((feature, event), events) in &by_both {
        sink.emit(&COUNT, &[("feature", text(feature)), ("event", text(event))], value(events));
    }
}
