//! All Duo usage events of an instance, those outside every group too. Only here does GitLab tell what an event is about:
//! project, session, flow, editor, language, model.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::code_suggestion_events::{said_language, size};
use super::portion::EventQueries;
use super::usage_events::{KEPT_DAYS, User, event};
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Topic, Unit};
use crate::calendar::{Day, Timestamp};
use crate::events::CODE_SUGGESTIONS;
use crate::line::{self, Record};
use crate::record::{Event, Origin};

/// The collector `instance_usage_events`.
pub struct InstanceUsageEvents;

const ABOUT: About = About {
    name: "instance_usage_events",
    topic: Topic::Duo,
    standing: Standing::OnRequest,
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
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            #[serde(borrow)]
            event: Cow<'a, str>,
            timestamp: Timestamp,
            #[serde(borrow)]
            namespace_path: Option<Cow<'a, str>>,
            // Free-form: whatever it holds must not lose the event.
            #[serde(default)]
            extras: Value,
            #[serde(borrow)]
            user: User<'a>,
        }
        let node: Node = line::parse(node)?;
        let extras = node.extras.as_object();
        let extra = |name: &str| extras.and_then(|extras| text(extras.get(name)?)).map(Cow::<str>::Owned);
        let event = event(node.timestamp, origin, &node.event, node.user);
        let told = extras.filter(|_| event.feature == CODE_SUGGESTIONS);
        Ok(Record::Event(Box::new(Event {
            namespace: node.namespace_path.filter(|path| !path.is_empty()),
            project: extra("project_id").map(|id| match id.bytes().all(|byte| byte.is_ascii_digit()) {
                true => format!("gid://gitlab/Project/{id}").into(),
                false => id,
            }),
            language: told.map(|extras| said_language(extras.get("language").and_then(text).map(Cow::Owned))),
            ide: extra("ide_name"),
            lines: told.and_then(|extras| size(extras.get("suggestion_size")?)),
            tracking_id: extra("unique_tracking_id"),
            session: extra("session_id"),
            flow: extra("flow_type"),
            environment: extra("environment"),
            tool: extra("tool_name"),
            model: extra("model_name"),
            model_engine: extra("model_engine"),
            ..event
        })))
    }
}

/// A text or number that says something.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
