//! All Duo usage events of an instance, those outside every group too. Only here does GitLab tell what an event is about:
//! project, session, flow, editor, language, model.

use super::code_suggestion_events::said_language;
use super::extras::Extras;
use super::portion::EventQueries;
use super::scalar::Scalar;
use super::usage_events::KEPT_DAYS;
use super::usage_node::{NodeKeys, UsageNode, said};
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit};
use crate::base::calendar::Day;
use crate::events::aliases::{self, IDES, LANGUAGES};
use crate::events::features::CODE_SUGGESTIONS;
use crate::model::line::Record;
use crate::model::record::Origin;
use crate::model::topic::Topic;
use crate::model::usage_event::UsageEvent;

/// The collector `instance_usage_events`.
pub struct InstanceUsageEvents;

const ABOUT: About = About {
    name: "instance_usage_events",
    topic: Topic::Duo,
    standing: Standing::OnRequest,
    needs: "an administrator, and GitLab 18.7 or newer",
    level: Level::Instance,
    document: include_str!("instance_usage_events.graphql"),
    span: Span::Day,
    keeps_days: Some(KEPT_DAYS),
};

const QUERIES: EventQueries = EventQueries {
    document: ABOUT.document,
    operations: ["InstanceUsageEvents", "InstanceUsageEventsOfKinds", "InstanceUsageEventsOfPeople"],
    path: &["aiUsageData", "all"],
};

impl Collector for InstanceUsageEvents {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        unit: &Unit<'_>,
        _part: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        QUERIES.walk(gitlab, unit, sink)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        Ok(Record::Event(event(UsageNode::read(node)?).record(origin)))
    }

    fn read_plain<'a>(&self, text: &'a str, keys: &mut NodeKeys) -> Option<(UsageEvent<'a, &'a str>, usize)> {
        let (node, length) = UsageNode::read_plain(text, keys)?;
        Some((event(node), length))
    }
}

#[inline(always)]
fn event<'a, T>(node: UsageNode<'a, T>) -> UsageEvent<'a, T> {
    // Taken apart as a whole: what is taken out one by one is written anew first.
    let UsageNode { event, timestamp, user, namespace_path, extras, .. } = node;
    let Extras { is_told, is_success, fields } = extras;
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
    let event = said(&event, timestamp, user);
    let is_suggestion = is_told && event.feature == CODE_SUGGESTIONS;
    UsageEvent {
        namespace: namespace_path.filter(|path| !path.is_empty()),
        project: project.map(|id| match id.bytes().all(|byte| byte.is_ascii_digit()) {
            true => ("gid://gitlab/Project/", id),
            false => ("", id),
        }),
        language: is_suggestion.then(|| LANGUAGES.canonical(said_language(language))),
        ide: ide.map(|ide| IDES.canonical(ide)),
        lines: size.filter(|_| is_suggestion).and_then(|size| size.parse().ok()),
        tracking_id,
        session,
        flow: flow.map(aliases::flow),
        environment: environment.map(aliases::environment),
        tool,
        outcome: is_success.map(|is_success| if is_success { "success" } else { "failure" }),
        model,
        model_engine,
        ..event
    }
}
