//! GitLab's own counts for a group and day, which need ClickHouse. They can be reconciled with the
//! events.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{denied, unusable, value_at};
use super::totals::totals;
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{GroupTotal, Origin};
use crate::model::topic::Topic;

/// The collector `ai_metrics`.
pub struct AiMetrics;

const INFO: CollectorInfo = CollectorInfo {
    name: "ai_metrics",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Reporter, ClickHouse, and Premium or Ultimate (before GitLab 18.7 Duo Enterprise or Pro)",
    level: Level::Group,
    document: include_str!("ai_metrics.graphql"),
    span: Span::Day,
    retention_days: None,
};

/// Names of counts before GitLab 18.0, and their names since then.
const RENAMED: &[(&str, &str)] = &[
    ("code_suggestions_shown_count", "code_suggestions.shown_count"),
    ("code_suggestions_accepted_count", "code_suggestions.accepted_count"),
    ("code_suggestions_contributors_count", "code_suggestions.contributors_count"),
    ("code_contributors_count", "all.code_contributors_count"),
    ("duo_used_count", "all.duo_used_count"),
    ("duo_chat_contributors_count", "chat.contributors_count"),
    ("root_cause_analysis_users_count", "troubleshoot.users_count"),
];

/// The users of a day, and of the first moment of the next one: those that GitLab counts with the
/// day although they may not belong to it.
const DUO_USED: &str = "all.duo_used_count";
const DUO_USED_AT_NEXT_MIDNIGHT: &str = "all.duo_used_at_next_midnight_count";

/// The parts of a node. In earlier raw lines a node is the content of `aiMetrics` alone, whose
/// `duoUsedCount` lacks the day itself.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    #[serde(borrow, default)]
    ai_metrics: Option<&'a RawValue>,
    #[serde(borrow, default)]
    duo_used: Option<&'a RawValue>,
    #[serde(borrow, default)]
    duo_used_at_next_midnight: Option<&'a RawValue>,
}

impl Collector for AiMetrics {
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
        let next = target.until.plus(1);
        let variables =
            json!({"scope": target.scope, "start": target.since, "end": target.until, "next": next});
        let answer = gitlab.query(INFO.document, "AiMetrics", &variables)?;
        let path = ["group", "aiMetrics"];
        let place = path.join(".");
        let node = value_at(answer.data.get(), &path)?.ok_or_else(|| denied(&place))?;
        // Without ClickHouse every value is null, which does not mean zero.
        if totals(node, None, &[]).is_err() {
            return Err(denied(&place));
        }
        let group = value_at(answer.data.get(), &path[..1])?.unwrap_or(node);
        let node: &RawValue =
            serde_json::from_str(group).map_err(|_| unusable(&place, "it is not an object"))?;
        sink.page(&[node], &answer)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        let parts: Node<'_> = line::parse(node).unwrap_or_default();
        let mut values = match parts.ai_metrics.or(parts.duo_used) {
            None => totals(node, None, RENAMED)?,
            Some(_) => totals(parts.ai_metrics.map_or("{}", RawValue::get), None, RENAMED)?,
        };
        let used = [(DUO_USED, parts.duo_used), (DUO_USED_AT_NEXT_MIDNIGHT, parts.duo_used_at_next_midnight)];
        for (name, node) in used {
            let count = node.and_then(|node| totals(node.get(), None, &[]).ok()?.remove("duo_used_count"));
            values.extend(count.map(|count| (name.into(), count)));
        }
        Ok(Record::GroupTotal(GroupTotal { start: origin.day, end: origin.day, origin, flow: None, values }))
    }
}
