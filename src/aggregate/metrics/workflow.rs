//! Every feature without its own family: tool calls over MCP, fixed pipelines, summaries,
//! vulnerabilities, the AI Catalog, messaging, and future features.

use std::collections::HashMap;

use super::activity::Events;
use super::definition::CountRef;
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Symbol;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::events::features::CODE_SUGGESTIONS;

pub(super) const FAMILY: Family = Family { definitions: &[&EVENTS, &USERS], compute };

const GRAINS: &[Grain] = &[Grain::Week, Grain::Month, Grain::Window];
const SPLITS: &[&str] = &["feature", "event", "feature×event"];

const EVENTS: Definition = Definition {
    metric: "workflow.events",
    title: "Events of other features",
    unit: Unit::Events,
    grains: GRAINS,
    by: SPLITS,
    relations: &[Relation::Sums, Relation::SameLinesAs("events.count")],
    text: "Events of every feature except code suggestions, chat, troubleshooting, code review and \
           agent sessions: tool calls over MCP, fixed pipelines, summaries, vulnerabilities, the AI \
           Catalog, messaging and others. An event without a known feature has the feature other. \
           Events of bots and service accounts are included.",
};

const USERS: Definition = Definition {
    metric: "workflow.users",
    title: "People in other features",
    unit: Unit::People,
    grains: GRAINS,
    by: SPLITS,
    relations: &[
        Relation::AtMost(CountRef::of("workflow.events")),
        Relation::ActivePeople,
        Relation::SameLinesAs("users.exposed"),
    ],
    text: "Distinct people with an event of the feature, whether it is intentional use or not.",
};

/// Features with their own family.
const OTHER_FAMILIES: [&str; 5] =
    [CODE_SUGGESTIONS, "chat", "troubleshoot_job", "code_review", "agent_platform"];

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !GRAINS.contains(&sink.period.grain) || !sink.require(Source::Usage, FAMILY.definitions) {
        return;
    }
    // The key is (feature, event); a count by feature has no event, a count by event no feature.
    let mut counts: HashMap<[Option<Symbol>; 2], Events> = HashMap::new();
    let is_other = |feature: Symbol| !OTHER_FAMILIES.contains(&view.symbols.text(feature));
    let others = sink.activity.events_in(sink.period).filter(|(feature, ..)| is_other(*feature));
    for (feature, event, events) in others {
        let (feature, event) = (Some(feature), Some(event));
        for key in [[feature, None], [None, event], [feature, event]] {
            counts.entry(key).or_default().add(events);
        }
    }
    for (key, events) in &counts {
        let by: Vec<(&str, &str)> = ["feature", "event"]
            .into_iter()
            .zip(key)
            .filter_map(|(dimension, name)| Some((dimension, view.symbols.text((*name)?))))
            .collect();
        sink.emit(&EVENTS, &by, MetricValue::count(events.count(), Some(events.people.len())));
        sink.emit(&USERS, &by, MetricValue::people(events.people.len()));
    }
}
