//! GitLab's own counts for a group and day, which need ClickHouse. They can be reconciled with the
//! events.

use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{denied, unusable, value_at};
use super::totals::totals;
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::Day;
use crate::model::line::Record;
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
        let variables = json!({"scope": target.scope, "start": target.since, "end": target.until});
        let answer = gitlab.query(INFO.document, "AiMetrics", &variables)?;
        let path = ["group", "aiMetrics"];
        let place = path.join(".");
        let node = value_at(answer.data.get(), &path)?.ok_or_else(|| denied(&place))?;
        // Without ClickHouse every value is null, which does not mean zero.
        if totals(node, None, &[]).is_err() {
            return Err(denied(&place));
        }
        let node: &RawValue =
            serde_json::from_str(node).map_err(|_| unusable(&place, "it is not an object"))?;
        sink.page(&[node], &answer)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        let values = totals(node, None, RENAMED)?;
        Ok(Record::GroupTotal(GroupTotal { start: origin.day, end: origin.day, origin, flow: None, values }))
    }
}
