//! Code suggestion events with language and size. The same events come without them from `usage_events`;
//! which of the two counts is decided in `aggregate`.

use std::borrow::Cow;

use super::portion::EventQueries;
use super::usage_events::KEPT_DAYS;
use super::usage_node::{NodeKeys, UsageNode};
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit};
use crate::base::calendar::Day;
use crate::events::aliases::LANGUAGES;
use crate::model::line::Record;
use crate::model::record::{NO_LANGUAGE, Origin};
use crate::model::topic::Topic;
use crate::model::usage_event::UsageEvent;

/// The collector `code_suggestion_events`.
pub struct CodeSuggestionEvents;

const ABOUT: About = About {
    name: "code_suggestion_events",
    topic: Topic::Duo,
    standing: Standing::Core,
    needs: "a top-level group, the role Reporter in it, and GitLab 17.5 or newer with Premium or Ultimate",
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
        Ok(Record::Event(event(UsageNode::read(node)?).record(origin)))
    }

    fn read_plain<'a>(&self, text: &'a str, keys: &mut NodeKeys) -> Option<(UsageEvent<'a, &'a str>, usize)> {
        let (node, length) = UsageNode::read_plain(text, keys)?;
        Some((event(node), length))
    }
}

#[inline(always)]
fn event<'a, T>(mut node: UsageNode<'a, T>) -> UsageEvent<'a, T> {
    let language = said_language(node.language.take());
    let size = node.suggestion_size.0.take();
    let tracking_id = node.unique_tracking_id.take();
    UsageEvent {
        language: Some(LANGUAGES.canonical(language)),
        lines: size.and_then(|size| size.parse().ok()),
        tracking_id,
        ..node.event()
    }
}

/// The language, `(none)` where the source says that there is none.
pub(super) fn said_language(language: Option<Cow<'_, str>>) -> Cow<'_, str> {
    // Nearly all begin with something that is seen.
    let says = |language: &str| {
        matches!(language.as_bytes().first(), Some(b'!'..=b'~')) || !language.trim().is_empty()
    };
    language.filter(|language| says(language)).unwrap_or(NO_LANGUAGE.into())
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
            let row = crate::model::record::Row { page: 1, index: 0 };
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
