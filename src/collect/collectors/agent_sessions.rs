//! GitLab's own counts of agent sessions by flow type, which need ClickHouse. GitLab does not
//! expose individual sessions here.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::totals::totals;
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, walk};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{GroupTotal, Origin};
use crate::model::topic::Topic;

/// The collector `agent_sessions`.
pub struct AgentSessions;

const INFO: CollectorInfo = CollectorInfo {
    name: "agent_sessions",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Reporter, ClickHouse, and GitLab 18.11 or newer",
    level: Level::Group,
    document: include_str!("agent_sessions.graphql"),
    span: Span::Day,
    retention_days: None,
};

impl Collector for AgentSessions {
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
        let end = target.until.plus(1).midnight();
        let variables = json!({"scope": target.scope, "start": target.since.midnight(), "end": end});
        let path = ["group", "analytics", "agentPlatformSessions", "aggregated"];
        walk(gitlab, INFO.document, "AgentSessions", variables, &path, &mut |page, answer| {
            sink.page(&page.nodes, answer)
        })
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        struct Node<'a> {
            #[serde(borrow)]
            dimensions: Dimensions<'a>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Dimensions<'a> {
            created_event_at: Day,
            #[serde(borrow)]
            flow_type: Option<Cow<'a, str>>,
        }
        let values = totals(node, Some("agent_platform"), &[])?;
        let Node { dimensions: Dimensions { created_event_at: day, flow_type: flow } } = line::parse(node)?;
        Ok(Record::GroupTotal(GroupTotal { origin, start: day, end: day, flow, values }))
    }
}
