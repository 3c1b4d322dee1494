//! GitLab's own counts of code suggestions by day, editor and language, which need ClickHouse and no
//! administrator. A suggestion counts once, at the time of its first event, with all that happened
//! to it.

use std::borrow::Cow;

use serde::Deserialize;

use super::aggregates::{EngineQuery, non_empty, order_by};
use super::{
    Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, serde_borrow,
};
use crate::base::calendar::Day;
use crate::events::aliases::{IDES, LANGUAGES};
use crate::model::line::{self, Record};
use crate::model::record::{Origin, SuggestionTotal};
use crate::model::topic::Topic;

/// The collector `suggestions_by_editor`.
pub struct SuggestionsByEditor;

const INFO: CollectorInfo = CollectorInfo {
    name: "suggestions_by_editor",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Reporter, ClickHouse, and GitLab 18.11 or newer with Premium or Ultimate",
    level: Level::Group,
    document: include_str!("suggestions_by_editor.graphql"),
    span: Span::Day,
    retention_days: None,
};

impl Collector for SuggestionsByEditor {
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
        let query = EngineQuery {
            document: INFO.document,
            operation: "SuggestionsByEditor",
            engine: "duoCodeSuggestions",
            since: target.since,
            until: target.until,
            order: &order_by(&["ide_name", "language"]),
        };
        query.walk(gitlab, target, sink)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            #[serde(borrow)]
            dimensions: Dimensions<'a>,
            shown_count: u64,
            accepted_count: u64,
            rejected_count: u64,
            suggestion_size_sum: Option<u64>,
            users_count: Option<u64>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Dimensions<'a> {
            #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
            ide_name: Option<Cow<'a, str>>,
            #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
            language: Option<Cow<'a, str>>,
        }
        let node: Node = line::parse(node)?;
        let (ide, language) = (non_empty(node.dimensions.ide_name), non_empty(node.dimensions.language));
        Ok(Record::SuggestionTotal(SuggestionTotal {
            start: origin.day,
            end: origin.day,
            origin,
            ide: ide.map(|name| IDES.canonical_name(&name).unwrap_or(name)),
            language: language.map(|name| LANGUAGES.canonical_name(&name).unwrap_or(name)),
            shown: node.shown_count,
            accepted: node.accepted_count,
            rejected: node.rejected_count,
            lines: node.suggestion_size_sum,
            users: node.users_count,
        }))
    }
}
