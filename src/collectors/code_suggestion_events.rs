//! Code suggestion events with language and size. The same events come without them from `usage_events`;
//! which of the two counts is decided in `aggregate`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::portion::EventQueries;
use super::usage_events::{KEPT_DAYS, User, event};
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Topic, Unit};
use crate::calendar::{Day, Timestamp};
use crate::line::{self, Record};
use crate::record::{Event, NO_LANGUAGE, Origin};

/// The collector `code_suggestion_events`.
pub struct CodeSuggestionEvents;

const ABOUT: About = About {
    name: "code_suggestion_events",
    topic: Topic::Duo,
    standing: Standing::Core,
    level: Level::Group,
    document: include_str!("code_suggestion_events.graphql"),
    span: Span::Day,
    keeps_days: Some(KEPT_DAYS),
};

const QUERIES: EventQueries = EventQueries {
    document: ABOUT.document,
    operations: ["CodeSuggestionEvents", "CodeSuggestionEventsOfKinds", "CodeSuggestionEventsOfPeople"],
    path: &["group", "aiUsageData", "codeSuggestionEvents"],
};

impl Collector for CodeSuggestionEvents {
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
            language: Option<Cow<'a, str>>,
            #[serde(default)]
            suggestion_size: Value,
            #[serde(borrow)]
            unique_tracking_id: Option<Cow<'a, str>>,
            #[serde(borrow)]
            user: User<'a>,
        }
        let node: Node = line::parse(node)?;
        Ok(Record::Event(Box::new(Event {
            language: Some(said_language(node.language)),
            lines: size(&node.suggestion_size),
            tracking_id: node.unique_tracking_id,
            ..event(node.timestamp, origin, &node.event, node.user)
        })))
    }
}

/// The language, `(none)` where the source says that there is none.
pub(super) fn said_language(language: Option<Cow<'_, str>>) -> Cow<'_, str> {
    language.filter(|language| !language.trim().is_empty()).unwrap_or(NO_LANGUAGE.into())
}

/// The size is text in GitLab's schema and a number in an older example. One that is neither is not known,
/// which is not a reason to lose the event.
pub(super) fn size(size: &Value) -> Option<u32> {
    match size {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64().and_then(|size| size.try_into().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_language_is_said() {
        assert_eq!(said_language(Some("TypeScript".into())), "TypeScript");
        assert_eq!(said_language(Some("  ".into())), "(none)");
        assert_eq!(said_language(None), "(none)");
    }

    #[test]
    fn sizes_are_text_or_numbers_and_anything_else_is_unknown() {
        assert_eq!(size(&json!("12")), Some(12));
        assert_eq!(size(&json!(12)), Some(12));
        for unknown in [json!(null), json!("many"), json!("-3"), json!(-3), json!(1.5), json!([1])] {
            assert_eq!(size(&unknown), None, "{unknown}");
        }
    }
}
