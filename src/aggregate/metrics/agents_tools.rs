//! Tool calls of agents, and how many fail.

use super::agents::Split;
use super::definition::{CountRef, TOTAL};
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::model::metric::Reason;
use crate::model::number::Number;

pub(super) const FAMILY: Family = Family { definitions: &[&CALLS, &FAILURE_RATE], compute };

const GRAINS: &[Grain] = &[Grain::Week, Grain::Month, Grain::Window];
const SPLITS: &[&str] = &[TOTAL, "tool", "flow", "tool×flow"];

const CALLS: Definition = Definition {
    metric: "agents.tool_calls",
    title: "Tool calls of agents",
    unit: Unit::Events,
    grains: GRAINS,
    by: SPLITS,
    relations: &[Relation::Sums],
    text: "Tool calls of agents that ended, successfully or not. Only the service that runs sessions \
           reports them. If several event streams do, each day comes from the first of Snowplow, \
           internal events and the service log. An unknown tool or flow is (none).",
};

const FAILED: CountRef = CountRef::of("events.count").by(&[("event", "duo_workflow_tool_failure")]);
const SUCCEEDED: CountRef = CountRef::of("events.count").by(&[("event", "duo_workflow_tool_success")]);

const FAILURE_RATE: Definition = Definition {
    metric: "agents.tool_failure_rate",
    title: "Tool failure rate of agents",
    unit: Unit::Share(&[&[CountRef::of("agents.tool_calls")], &[FAILED], &[SUCCEEDED]]),
    grains: GRAINS,
    by: SPLITS,
    relations: &[Relation::Statistics],
    text: "Failed tool calls divided by the tool calls with a known result; basis is the share of \
           calls with one.",
};

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !GRAINS.contains(&sink.period.grain) {
        return;
    }
    let split =
        Split::of(view, view.tool_calls_in(sink.period), ["tool", "flow"], |used| [used.key.tool, used.flow]);
    if !sink.require_agents(Source::Tools, FAMILY.definitions, split.is_empty()) {
        return;
    }
    if split.is_empty() {
        FAMILY
            .definitions
            .iter()
            .for_each(|one| sink.emit(one, &[], MetricValue::unknown(Reason::NotInSource)));
    }
    split.for_each(|by, sums| {
        let counts = &sums.counts;
        sink.emit(&CALLS, by, MetricValue::count(counts.events, sums.people()));
        let ended = counts.succeeded + counts.failed;
        let rate = MetricValue::rate(Number::Count(counts.failed), Number::Count(ended), sums.people());
        sink.emit(&FAILURE_RATE, by, rate.with_basis(ended, counts.events));
    });
}
