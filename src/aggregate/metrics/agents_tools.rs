//! Calls of tools by agents, and how many fail.

use super::agents::Split;
use super::definition::{Count, TOTAL};
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::model::record::{Number, Reason};

pub(super) const FAMILY: Family = Family { definitions: &[&CALLS, &FAILURE_RATE], compute };

const GRAINS: &[Grain] = &[Grain::Week, Grain::Month, Grain::Window];
const SPLITS: &[&str] = &[TOTAL, "tool", "flow", "tool×flow"];

const CALLS: Definition = Definition {
    metric: "agents.tool_calls",
    title: "Tool calls of agents",
    unit: Unit::Events,
    grains: GRAINS,
    by: SPLITS,
    text: "Calls of tools by agents that ended, well or not. Only the service that runs sessions tells them: where several \
           event streams do, the first of Snowplow, internal events and the service's log counts on a day. A tool or flow \
           that is not told is (none).",
};

const TOLD_FAILED: Count = Count::of("events.count").by(&[("event", "duo_workflow_tool_failure")]);
const TOLD_SUCCEEDED: Count = Count::of("events.count").by(&[("event", "duo_workflow_tool_success")]);

const FAILURE_RATE: Definition = Definition {
    metric: "agents.tool_failure_rate",
    title: "Tool calls of agents that fail",
    unit: Unit::Share(&[&[Count::of("agents.tool_calls")], &[TOLD_FAILED], &[TOLD_SUCCEEDED]]),
    grains: GRAINS,
    by: SPLITS,
    text: "Of the calls of tools that tell how they ended, the share that failed; the basis says how many tell it.",
};

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !GRAINS.contains(&page.period.grain) {
        return;
    }
    let split =
        Split::of(view, view.tool_calls_in(page.period), ["tool", "flow"], |used| [used.key.tool, used.flow]);
    if !page.rest_on_agents(Source::Tools, FAMILY.definitions, split.is_empty()) {
        return;
    }
    if split.is_empty() {
        FAMILY.definitions.iter().for_each(|one| page.emit(one, &[], Figure::unknown(Reason::NotInSource)));
    }
    split.for_each(|by, sums| {
        let counts = &sums.counts;
        page.emit(&CALLS, by, Figure::count(counts.events, sums.people()));
        let ended = counts.succeeded + counts.failed;
        let rate = Figure::rate(Number::Count(counts.failed), Number::Count(ended), sums.people());
        page.emit(&FAILURE_RATE, by, rate.on_basis(ended, counts.events));
    });
}
