//! All Duo usage events of an instance, including those outside every group. Only here does GitLab
//! return the details of an event: project, session, flow, IDE, language and model.

use super::code_suggestion_events::language_or_none;
use super::extras::Extras;
use super::scalar::Scalar;
use super::split::EventQueries;
use super::usage_events::RETENTION_DAYS;
use super::usage_node::{NodeKeys, UsageNode, base_event};
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::Day;
use crate::events::aliases::{self, IDES, LANGUAGES};
use crate::events::features::CODE_SUGGESTIONS;
use crate::model::line::Record;
use crate::model::record::Origin;
use crate::model::topic::Topic;
use crate::model::usage_event::UsageEvent;

/// The collector `instance_usage_events`.
pub struct InstanceUsageEvents;

const INFO: CollectorInfo = CollectorInfo {
    name: "instance_usage_events",
    topic: Topic::Duo,
    requirement: Requirement::OnRequest,
    needs: "an administrator, and GitLab 18.7 or newer",
    level: Level::Instance,
    document: include_str!("instance_usage_events.graphql"),
    span: Span::Day,
    retention_days: Some(RETENTION_DAYS),
};

const QUERIES: EventQueries = EventQueries {
    document: INFO.document,
    operations: ["InstanceUsageEvents", "InstanceUsageEventsOfKinds", "InstanceUsageEventsOfPeople"],
    path: &["aiUsageData", "all"],
};

impl Collector for InstanceUsageEvents {
    fn info(&self) -> &CollectorInfo {
        &INFO
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        _partition: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        QUERIES.walk(gitlab, target, sink)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        Ok(Record::Event(event(UsageNode::read(node)?).into_record(origin)))
    }

    fn decode_fast<'a>(
        &self,
        text: &'a str,
        keys: &mut NodeKeys,
    ) -> Option<(UsageEvent<'a, &'a str>, usize)> {
        let (node, length) = UsageNode::decode_fast(text, keys)?;
        Some((event(node), length))
    }
}

#[inline(always)]
fn event<'a, T>(node: UsageNode<'a, T>) -> UsageEvent<'a, T> {
    // Destructured as a whole: fields taken out one by one would each be written back first.
    let UsageNode { event, timestamp, user, namespace_path, extras, .. } = node;
    let Extras { is_present, is_success, fields } = extras;
    let [
        Scalar(project),
        Scalar(ide),
        Scalar(tracking_id),
        Scalar(session),
        Scalar(flow),
        Scalar(environment),
        Scalar(tool),
        Scalar(model),
        Scalar(model_engine),
        Scalar(language),
        Scalar(size),
    ] = fields;
    let event = base_event(&event, timestamp, user);
    let is_suggestion = is_present && event.feature == CODE_SUGGESTIONS;
    UsageEvent {
        namespace: namespace_path.filter(|path| !path.is_empty()),
        project: project.map(|id| {
            let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
            (if is_number { "gid://gitlab/Project/" } else { "" }, id)
        }),
        language: is_suggestion.then(|| LANGUAGES.canonical(language_or_none(language))),
        ide: ide.map(|ide| IDES.canonical(ide)),
        lines: size.filter(|_| is_suggestion).and_then(|size| size.parse().ok()),
        tracking_id,
        session,
        flow: flow.map(aliases::split_flow_version),
        environment: environment.map(aliases::canonical_environment),
        tool,
        outcome: is_success.map(|is_success| if is_success { "success" } else { "failure" }),
        model,
        model_engine,
        ..event
    }
}
