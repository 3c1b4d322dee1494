//! All Duo usage events of a group. At group level GitLab returns only the event, its time and its
//! user.

use super::split::EventQueries;
use super::usage_node::{NodeKeys, UsageNode};
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::Day;
use crate::model::line::Record;
use crate::model::record::Origin;
use crate::model::topic::Topic;
use crate::model::usage_event::UsageEvent;

/// The collector `usage_events`.
pub struct UsageEvents;

/// Without ClickHouse, GitLab keeps usage events in monthly partitions and drops those that ended
/// more than three months ago.
pub(super) const RETENTION_DAYS: i64 = 89;

const INFO: CollectorInfo = CollectorInfo {
    name: "usage_events",
    topic: Topic::Duo,
    requirement: Requirement::Core,
    needs: "a top-level group, the role Reporter in it, and GitLab 18.2 or newer with Premium or Ultimate",
    level: Level::TopLevelGroup,
    document: include_str!("usage_events.graphql"),
    span: Span::Day,
    retention_days: Some(RETENTION_DAYS),
};

const QUERIES: EventQueries = EventQueries {
    document: INFO.document,
    operations: ["UsageEvents", "UsageEventsOfKinds", "UsageEventsOfPeople"],
    path: &["group", "aiUsageData", "all"],
};

impl Collector for UsageEvents {
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
        Ok(Record::Event(UsageNode::read(node)?.event().into_record(origin)))
    }

    fn decode_fast<'a>(
        &self,
        text: &'a str,
        keys: &mut NodeKeys,
    ) -> Option<(UsageEvent<'a, &'a str>, usize)> {
        let (node, length) = UsageNode::decode_fast(text, keys)?;
        Some((node.event(), length))
    }
}
