//! Code suggestion events with language and size. The same events come without them from `usage_events`;
//! which of the two counts is decided in `aggregate`.

use std::borrow::Cow;

use serde::Deserialize;

use super::borrowed;
use super::portion::EventQueries;
use super::scalar::Scalar;
use super::usage_events::{KEPT_DAYS, User, event};
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Topic, Unit};
use crate::calendar::{Day, Timestamp};
use crate::line::{self, Record};
use crate::record::{NO_LANGUAGE, Origin};

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
            #[serde(borrow, default, deserialize_with = "borrowed::text")]
            language: Option<Cow<'a, str>>,
            // Text in GitLab's schema and a number in an older example. One that is neither is not known, which is not
            // a reason to lose the event.
            #[serde(borrow, default)]
            suggestion_size: Scalar<'a>,
            #[serde(borrow, default, deserialize_with = "borrowed::text")]
            unique_tracking_id: Option<Cow<'a, str>>,
            #[serde(borrow)]
            user: User<'a>,
        }
        let node: Node = line::parse(node)?;
        let mut event = event(node.timestamp, origin, &node.event, node.user);
        event.language = Some(said_language(node.language));
        event.lines = node.suggestion_size.0.and_then(|size| size.parse().ok());
        event.tracking_id = node.unique_tracking_id;
        Ok(Record::Event(event))
    }
}

/// The language, `(none)` where the source says that there is none.
pub(super) fn said_language(language: Option<Cow<'_, str>>) -> Cow<'_, str> {
    language.filter(|language| !language.trim().is_empty()).unwrap_or(NO_LANGUAGE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_language_is_said() {
        assert_eq!(said_language(Some("TypeScript".into())), "TypeScript");
        assert_eq!(said_language(Some("  ".into())), "(none)");
        assert_eq!(said_language(None), "(none)");
    }

    #[test]
    fn sizes_are_text_or_numbers_and_anything_else_is_unknown() {
        let day: Day = "2026-10-05".parse().expect("a literal day");
        let lines = |size: &str| {
            let node = format!(
                r#"{{"event":"X","timestamp":"2026-10-05T10:00:00Z","language":null,"suggestionSize":{size},"user":{{"id":"1"}}}}"#
            );
            let row = crate::record::Row { page: 1, index: 0 };
            let texts = || "x".into();
            let origin = Origin {
                instance: texts(),
                collector: texts(),
                scope: texts(),
                day,
                fetched_at: day.midnight(),
                row,
            };
            match CodeSuggestionEvents.read(&node, origin, day) {
                Ok(Record::Event(event)) => event.lines,
                other => panic!("{size}: {other:?}"),
            }
        };
        assert_eq!((lines(r#""12""#), lines("12"), lines(r#"" 12 ""#)), (Some(12), Some(12), Some(12)));
        for unknown in ["null", r#""many""#, r#""-3""#, "-3", "1.5", "[1]", "4294967296", "true"] {
            assert_eq!(lines(unknown), None, "{unknown}");
        }
    }
}
