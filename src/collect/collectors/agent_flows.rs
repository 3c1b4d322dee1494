//! GitLab's own counts of agent sessions by day, status, flow, user, project and model. Their source
//! are the sessions themselves, replicated to ClickHouse, and not their events. The status is the
//! one at the time of the request.

use serde::Deserialize;

use super::aggregates::{EngineQuery, SessionDimensions, order_by};
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::Origin;
use crate::model::topic::Topic;

/// The collector `agent_flows`.
pub struct AgentFlows;

const INFO: CollectorInfo = CollectorInfo {
    name: "agent_flows",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Reporter, ClickHouse with Siphon, the feature flag dap_impact_v1, and GitLab 19.4 or newer with Premium or Ultimate",
    level: Level::Group,
    document: include_str!("agent_flows.graphql"),
    span: Span::Day,
    retention_days: None,
};

const DIMENSIONS: &str = "DuoWorkflowsAggregationResponseDimensions";

impl Collector for AgentFlows {
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
        let mut dimensions = vec!["workflow_definition", "status", "user", "project"];
        dimensions.extend(gitlab.has_field(DIMENSIONS, "modelUsed").then_some("model_used"));
        let query = EngineQuery {
            document: INFO.document,
            operation: "AgentFlows",
            engine: "duoWorkflows",
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
            total_count: u64,
        }
        let Node { dimensions, total_count } = line::parse(node)?;
        Ok(Record::SessionTotal(dimensions.into_total(origin, total_count)))
    }
}
