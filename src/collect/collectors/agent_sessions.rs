//! Agent sessions by flow type, as GitLab itself counted them, where it has ClickHouse. It tells no single session here, so
//! neither does this.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::totals::totals;
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit, walk};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{GroupTotal, Origin};
use crate::model::topic::Topic;

/// The collector `agent_sessions`.
pub struct AgentSessions;

const ABOUT: About = About {
    name: "agent_sessions",
    topic: Topic::Duo,
    standing: Standing::Extra,
    needs: "the role Reporter, ClickHouse, and GitLab 18.11 or newer",
    level: Level::Group,
    document: include_str!("agent_sessions.graphql"),
    span: Span::Day,
    keeps_days: None,
};

impl Collector for AgentSessions {
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
        let end = unit.until.plus(1).midnight();
        let variables = json!({"scope": unit.scope, "start": unit.since.midnight(), "end": end});
        let path = ["group", "analytics", "agentPlatformSessions", "aggregated"];
        walk(gitlab, ABOUT.document, "AgentSessions", variables, &path, &mut |page, answer| {
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
