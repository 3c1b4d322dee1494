//! Every feature that has no family of its own: tool calls over MCP, pipelines fixed, summaries, vulnerabilities, the
//! catalogue, messaging, and what is yet to come.

use std::collections::HashMap;

use super::activity::Events;
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Name;
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
    text: "Events of every feature but code suggestions, chat, troubleshooting, code review and sessions of agents: tool \
           calls over MCP, pipelines fixed, summaries, vulnerabilities, the catalogue, messaging and so on; an event that \
           no feature is known of is of the feature other. Those of bots and service accounts are included.",
};

const USERS: Definition = Definition {
    metric: "workflow.users",
    title: "People in other features",
    unit: Unit::People,
    grains: GRAINS,
    by: SPLITS,
    text: "Distinct people with an event of the feature, be it deliberate or not.",
};

/// Features with a family of their own.
const ELSEWHERE: [&str; 5] = [CODE_SUGGESTIONS, "chat", "troubleshoot_job", "code_review", "agent_platform"];

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !GRAINS.contains(&page.period.grain) || !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    // A part by feature has no event, a part by event alone no feature.
    let mut counts: HashMap<[Option<Name>; 2], Events> = HashMap::new();
    let is_other = |feature: Name| !ELSEWHERE.contains(&view.names.text(feature));
    let others = page.activity.events_in(page.period).filter(|(feature, ..)| is_other(*feature));
    for (feature, event, events) in others {
        let (feature, event) = (Some(feature), Some(event));
        for part in [[feature, None], [None, event], [feature, event]] {
            counts.entry(part).or_default().add(events);
        }
    }
    for (part, events) in &counts {
        let by: Vec<(&str, &str)> = ["feature", "event"]
            .into_iter()
            .zip(part)
            .filter_map(|(dimension, name)| Some((dimension, view.names.text((*name)?))))
            .collect();
        page.emit(&EVENTS, &by, Figure::count(events.count(), Some(events.people.len())));
        page.emit(&USERS, &by, Figure::people(events.people.len()));
    }
}
