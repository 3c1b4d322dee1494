//! All Duo usage events of a group. At group level GitLab tells who did what and when, and no more.

use std::borrow::Cow;

use serde::Deserialize;

use super::borrowed;
use super::portion::EventQueries;
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Topic, Unit};
use crate::calendar::{Day, Timestamp};
use crate::events;
use crate::line::{self, Record};
use crate::record::{Event, Origin};

/// The collector `usage_events`.
pub struct UsageEvents;

/// Without ClickHouse, GitLab keeps usage events in partitions of a month and drops those older than three months.
pub(super) const KEPT_DAYS: i64 = 89;

/// A user as a node holds it.
#[derive(Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "borrowed::text")]
    pub(super) username: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) bot: bool,
}

const ABOUT: About = About {
    name: "usage_events",
    topic: Topic::Duo,
    standing: Standing::Core,
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
        #[derive(Deserialize)]
        struct Node<'a> {
            #[serde(borrow)]
            event: Cow<'a, str>,
            timestamp: Timestamp,
            #[serde(borrow)]
            user: User<'a>,
        }
        let node: Node = line::parse(node)?;
        Ok(Record::Event(event(node.timestamp, origin, &node.event, node.user)))
    }
}

/// An event record with what every usage event has.
pub(super) fn event<'a>(ts: Timestamp, origin: Origin<'a>, name: &str, user: User<'a>) -> Box<Event<'a>> {
    let name = name.to_lowercase();
    Box::new(Event {
        ts,
        origin,
        feature: events::feature_of(&name).into(),
        event: name.into(),
        user: user.id,
        username: user.username,
        bot: user.bot,
        language: None,
        language_original: None,
        ide: None,
        ide_original: None,
        lines: None,
        namespace: None,
        project: None,
        session: None,
        flow: None,
        environment: None,
        tool: None,
        model: None,
        model_engine: None,
        model_provider: None,
        agent: None,
        agent_type: None,
        flow_version: None,
        user_type: None,
        global_user_id: None,
        outcome: None,
        reason: None,
        input_tokens: None,
        output_tokens: None,
        total_tokens: None,
        cache_read: None,
        cache_write_5m: None,
        cache_write_1h: None,
        cache_write: None,
        source: None,
        tracking_id: None,
        event_id: None,
        context: None,
    })
}
