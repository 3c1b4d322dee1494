//! All Duo usage events of an instance, those outside every group too. Only here does GitLab tell what an event is about:
//! project, session, flow, editor, language, model.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::borrowed;
use super::code_suggestion_events::said_language;
use super::portion::EventQueries;
use super::scalar::Scalar;
use super::usage_events::{KEPT_DAYS, User, event};
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Topic, Unit};
use crate::calendar::{Day, Timestamp};
use crate::events::CODE_SUGGESTIONS;
use crate::line::{self, Record};
use crate::record::Origin;
use crate::sources::scalar::truth;

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
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            #[serde(borrow)]
            event: Cow<'a, str>,
            timestamp: Timestamp,
            #[serde(borrow, default, deserialize_with = "borrowed::text")]
            namespace_path: Option<Cow<'a, str>>,
            #[serde(borrow, default)]
            extras: Extras<'a>,
            #[serde(borrow)]
            user: User<'a>,
        }
        let node: Node = line::parse(node)?;
        let Extras { is_told, is_success, fields } = node.extras;
        let [
            project,
            ide,
            tracking_id,
            session,
            flow,
            environment,
            tool,
            model,
            model_engine,
            language,
            size,
        ] = fields.map(|scalar| scalar.0);
        let mut event = event(node.timestamp, origin, &node.event, node.user);
        let is_suggestion = is_told && event.feature == CODE_SUGGESTIONS;
        event.namespace = node.namespace_path.filter(|path| !path.is_empty());
        event.project = project.map(|id| match id.bytes().all(|byte| byte.is_ascii_digit()) {
            true => format!("gid://gitlab/Project/{id}").into(),
            false => id,
        });
        event.language = is_suggestion.then(|| said_language(language));
        event.ide = ide;
        event.lines = size.filter(|_| is_suggestion).and_then(|size| size.parse().ok());
        event.tracking_id = tracking_id;
        event.session = session;
        event.flow = flow;
        event.environment = environment;
        event.tool = tool;
        event.outcome = is_success.map(|is_success| if is_success { "success" } else { "failure" }.into());
        event.model = model;
        event.model_engine = model_engine;
        Ok(Record::Event(event))
    }
}

/// What GitLab tells of an event beyond who and when. It is of free form: whatever it holds must not lose the event.
#[derive(Default)]
struct Extras<'a> {
    /// Whether it was an object, even an empty one.
    is_told: bool,
    /// Whether a call of a tool succeeded.
    is_success: Option<bool>,
    /// By the place of their names in [`EXTRAS`].
    fields: [Scalar<'a>; EXTRAS.len()],
}

const SUCCESS: &str = "has_tool_call_success";

const EXTRAS: [&str; 11] = [
    "project_id",
    "ide_name",
    "unique_tracking_id",
    "session_id",
    "flow_type",
    "environment",
    "tool_name",
    "model_name",
    "model_engine",
    "language",
    "suggestion_size",
];

impl<'de: 'a, 'a> Deserialize<'de> for Extras<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Extras<'a>, D::Error> {
        #[derive(serde::Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        struct Anything;
        impl<'de> Visitor<'de> for Anything {
            type Value = Extras<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Extras<'de>, A::Error> {
                let mut extras = Extras { is_told: true, ..Extras::default() };
                while let Some(Name(key)) = items.next_key()? {
                    if key == SUCCESS {
                        extras.is_success = truth(&items.next_value()?);
                        continue;
                    }
                    match EXTRAS.iter().position(|name| *name == key) {
                        Some(place) => extras.fields[place] = items.next_value()?,
                        None => drop(items.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(extras)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Extras<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Extras::default())
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }

            fn visit_unit<E: Error>(self) -> Result<Extras<'de>, E> {
                Ok(Extras::default())
            }
        }
        deserializer.deserialize_any(Anything)
    }
}
