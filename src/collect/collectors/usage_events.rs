//! All Duo usage events of a group. At group level GitLab tells who did what and when, and no more.

use super::portion::EventQueries;
use super::usage_node::{NodeKeys, UsageNode};
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit};
use crate::base::calendar::Day;
use crate::model::line::Record;
use crate::model::record::Origin;
use crate::model::topic::Topic;
use crate::model::usage_event::UsageEvent;

/// The collector `usage_events`.
pub struct UsageEvents;

/// Without ClickHouse, GitLab keeps usage events in partitions of a month and drops those older than three months.
pub(super) const KEPT_DAYS: i64 = 89;

const ABOUT: About = About {
    name: "usage_events",
    topic: Topic::Duo,
    standing: Standing::Core,
    needs: "a top-level group, the role Reporter in it, and GitLab 18.2 or newer with Premium or Ultimate",
    level: Level::Group,
    document: include_str!("usage_events.graphql"),
    span: Span::Day,
    keeps_days: Some(KEPT_DAYS),
};

const QUERIES: EventQueries = EventQueries {
    document: ABOUT.document,
    operations: ["UsageEvents", "UsageEventsOfKinds", "UsageEventsOfPeople"],
    path: &["group", "aiUsageData", "all"],
};

impl Collector for UsageEvents {
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
        QUERIES.walk(gitlab, unit, sink)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        Ok(Record::Event(UsageNode::read(node)?.event().record(origin)))
    }

    fn read_plain<'a>(&self, text: &'a str, keys: &mut NodeKeys) -> Option<(UsageEvent<'a, &'a str>, usize)> {
        let (node, length) = UsageNode::read_plain(text, keys)?;
        Some((node.event(), length))
    }
}
