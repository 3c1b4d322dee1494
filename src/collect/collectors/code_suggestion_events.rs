//! Code suggestion events with language and size. `usage_events` returns the same events without
//! these; `aggregate` selects one of the two sources.

use std::borrow::Cow;

use super::split::EventQueries;
use super::usage_events::RETENTION_DAYS;
use super::usage_node::{NodeKeys, UsageNode};
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::Day;
use crate::events::aliases::LANGUAGES;
use crate::model::line::Record;
use crate::model::placeholder::NO_LANGUAGE;
use crate::model::record::Origin;
use crate::model::topic::Topic;
use crate::model::usage_event::UsageEvent;

/// The collector `code_suggestion_events`.
pub struct CodeSuggestionEvents;

const INFO: CollectorInfo = CollectorInfo {
    name: "code_suggestion_events",
    topic: Topic::Duo,
    requirement: Requirement::Core,
    needs: "a top-level group, the role Reporter in it, and GitLab 17.5 or newer with Premium or Ultimate",
    level: Level::TopLevelGroup,
    document: include_str!("code_suggestion_events.graphql"),
    span: Span::Day,
    retention_days: Some(RETENTION_DAYS),
};

const QUERIES: EventQueries = EventQueries {
    document: INFO.document,
    operations: ["CodeSuggestionEvents", "CodeSuggestionEventsOfKinds", "CodeSuggestionEventsOfPeople"],
    path: &["group", "aiUsageData", "codeSuggestionEvents"],
};

impl Collector for CodeSuggestionEvents {
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
fn event<'a, T>(mut node: UsageNode<'a, T>) -> UsageEvent<'a, T> {
    let language = language_or_none(node.language.take());
    let size = node.suggestion_size.0.take();
    let tracking_id = node.unique_tracking_id.take();
    UsageEvent {
        language: Some(LANGUAGES.canonical(language)),
        lines: size.and_then(|size| size.parse().ok()),
        tracking_id,
        ..node.event()
    }
}

/// The language, or `(none)` if it is missing or blank.
pub(super) fn language_or_none(language: Option<Cow<'_, str>>) -> Cow<'_, str> {
    // Nearly all start with a visible character, which is checked first.
    let is_present = |language: &str| {
        matches!(language.as_bytes().first(), Some(b'!'..=b'~')) || !language.trim().is_empty()
    };
    language.filter(|language| is_present(language)).unwrap_or(NO_LANGUAGE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_blank_languages_are_none() {
        assert_eq!(language_or_none(Some("TypeScript".into())), "TypeScript");
        assert_eq!(language_or_none(Some("  ".into())), "(none)");
        assert_eq!(language_or_none(None), "(none)");
    }

    #[test]
    fn reads_sizes_from_text_or_numbers_only() {
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
