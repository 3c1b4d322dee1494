//! GitLab's own counts of agent sessions by day, flow type, user and project, which need ClickHouse
//! and no administrator. GitLab does not expose individual sessions here.

use serde::Deserialize;

use super::aggregates::{EngineQuery, SessionDimensions, order_by};
use super::totals::totals;
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{GroupTotal, Origin, SessionTotal};
use crate::model::topic::Topic;

/// The collector `agent_sessions`.
pub struct AgentSessions;

const INFO: CollectorInfo = CollectorInfo {
    name: "agent_sessions",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Reporter, ClickHouse, and GitLab 18.11 or newer with Premium or Ultimate",
    level: Level::Group,
    document: include_str!("agent_sessions.graphql"),
    span: Span::Day,
    retention_days: None,
};

const DIMENSIONS: &str = "AgentPlatformSessionsAggregationResponseDimensions";

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
        let mut dimensions = vec!["flow_type", "user"];
        dimensions.extend(gitlab.has_field(DIMENSIONS, "project").then_some("project"));
        let query = EngineQuery {
            document: INFO.document,
            operation: "AgentSessions",
            engine: "agentPlatformSessions",
            since: target.since,
            until: target.until,
            order: &order_by(&dimensions),
        };
        query.walk(gitlab, target, sink)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            #[serde(borrow)]
            dimensions: SessionDimensions<'a>,
            total_count: Option<u64>,
            finished_count: Option<u64>,
        }
        let Node { dimensions, total_count, finished_count } = line::parse(node)?;
        // Raw lines of earlier versions of this program have days, and neither users nor projects.
        if let Some(day) = dimensions.created_event_at {
            let day = day.ok_or("no day")?;
            let values = totals(node, Some("agent_platform"), &[])?;
            let flow = dimensions.into_flow();
            return Ok(Record::GroupTotal(GroupTotal { origin, start: day, end: day, flow, values }));
        }
        let sessions = total_count.ok_or("no number of sessions")?;
        let total = dimensions.into_total(origin, sessions);
        Ok(Record::SessionTotal(SessionTotal { finished: finished_count, ..total }))
    }
}
