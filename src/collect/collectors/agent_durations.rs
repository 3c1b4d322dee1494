//! How many agent sessions finished and how long they took, as GitLab computes it from their events,
//! for periods. Distinct users and quantiles of days cannot be added up, so each period is asked for.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::aggregates::{EngineQuery, non_empty, selected};
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::{Day, Grain, Period};
use crate::model::line::{self, Record};
use crate::model::record::{Origin, SessionDuration};
use crate::model::topic::Topic;

/// The collector `agent_durations`.
pub struct AgentDurations;

const INFO: CollectorInfo = CollectorInfo {
    name: "agent_durations",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Reporter, ClickHouse, and GitLab 18.11 or newer with Premium or Ultimate",
    level: Level::Group,
    document: include_str!("agent_durations.graphql"),
    span: Span::Sum,
    retention_days: None,
};

/// The flow type of sessions without one; a record without a flow type is of all flow types.
const NO_FLOW: &str = "(none)";

/// The periods, and the queries for them: of all flow types, and by flow type.
const QUERIES: [(Grain, [&str; 2]); 3] = [
    (Grain::Week, ["DurationsByWeek", "DurationsByWeekAndFlow"]),
    (Grain::Month, ["DurationsByMonth", "DurationsByMonthAndFlow"]),
    (Grain::Window, ["Durations", "DurationsByFlow"]),
];

impl Collector for AgentDurations {
    fn info(&self) -> &CollectorInfo {
        &INFO
    }

    /// Requests every week and month that overlaps the requested days, from its first day, and the
    /// 28 days that end with the last one. No later day is part of a period.
    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        _partition: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let until = target.until;
        for (grain, operations) in QUERIES {
            for operation in operations {
                let query = EngineQuery {
                    document: INFO.document,
                    operation,
                    engine: "agentPlatformSessions",
                    since: Period::containing(grain, target.since, until).start,
                    until,
                    order: &Value::Null,
                };
                query.walk(gitlab, target, sink)?;
            }
        }
        Ok(())
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            #[serde(borrow)]
            dimensions: Option<Dimensions<'a>>,
            total_count: u64,
            finished_count: u64,
            users_count: Option<u64>,
            p50: Option<f64>,
            p95: Option<f64>,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Dimensions<'a> {
            week: Option<Day>,
            month: Option<Day>,
            #[serde(borrow, default, deserialize_with = "selected")]
            flow_type: Option<Option<Cow<'a, str>>>,
        }
        let node: Node = line::parse(node)?;
        let Dimensions { week, month, flow_type } = node.dimensions.unwrap_or_default();
        let until = origin.day;
        let period = match (week, month) {
            (Some(week), None) => Period::containing(Grain::Week, week, until),
            (None, Some(month)) => Period::containing(Grain::Month, month, until),
            (None, None) => Period::containing(Grain::Window, until, until),
            (Some(_), Some(_)) => return Err("expected either a week or a month".to_owned()),
        };
        Ok(Record::SessionDuration(SessionDuration {
            start: period.start,
            // The last week and month may not be over.
            end: period.end.min(until),
            origin,
            flow: flow_type.map(|flow| non_empty(flow).unwrap_or_else(|| NO_FLOW.into())),
            sessions: node.total_count,
            finished: node.finished_count,
            users: node.users_count,
            p50: node.p50,
            p95: node.p95,
        }))
    }
}
