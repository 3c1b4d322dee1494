//! The rollup lines: counts of the rows of one fetch, one struct per kind.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::calendar::{Day, Timestamp};
use crate::base::lenient;
use crate::events::agents::{AgentCounts, Step};
use crate::model::omit::{is_false, is_zero};

/// Counts of the usage events of one fetch, person, event, feature, language and editor. They can
/// be merged with other counts before metrics are computed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "rollup")]
pub struct UsageRollup<'a> {
    /// The kind of counts.
    pub kind: RollupKind,
    /// The GitLab, as a URL without a trailing slash.
    #[serde(borrow)]
    pub instance: Cow<'a, str>,
    /// The collector, or the kind of export.
    #[serde(borrow)]
    pub collector: Cow<'a, str>,
    /// The requested group path.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The UTC day that the fetch requested.
    pub day: Day,
    /// When that day was fetched.
    pub fetched_at: Timestamp,
    /// The checksum of the counted rows: [`crate::aggregate::rollup::RowSet::digest`]. The same
    /// part counts once, different parts add up.
    #[serde(borrow)]
    pub part: Cow<'a, str>,
    /// The user's global id, or the pseudonym in its place.
    #[serde(borrow)]
    pub user: Cow<'a, str>,
    /// True for bots and service accounts.
    #[serde(default, deserialize_with = "lenient::boolean", skip_serializing_if = "is_false")]
    pub bot: bool,
    /// The event's name.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// The feature the event belongs to.
    #[serde(borrow)]
    pub feature: Cow<'a, str>,
    /// The language; absent if the source does not report it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Cow<'a, str>>,
    /// The editor; absent if the source does not report it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub ide: Option<Cow<'a, str>>,
    /// The number of events, one per row.
    #[serde(deserialize_with = "lenient::integer")]
    pub events: u64,
    /// The number of events with a size.
    #[serde(default, deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub sized: u64,
    /// The sum of their sizes, in lines of code.
    #[serde(default, deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub lines: u64,
}

impl UsageRollup<'_> {
    /// Whether its counts are consistent with each other.
    pub fn is_consistent(&self) -> bool {
        self.events > 0 && self.sized <= self.events && (self.sized > 0 || self.lines == 0)
    }
}

/// The facts about one session in one fetch. Those of several fetches are merged: a fact that is in
/// several of them counts once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "rollup")]
pub struct SessionRollup<'a> {
    /// The kind of counts.
    pub kind: RollupKind,
    /// The counted rows.
    #[serde(borrow, flatten)]
    pub counted_rows: CountedRows<'a>,
    /// The id of the session within its instance.
    #[serde(borrow)]
    pub session: Cow<'a, str>,
    /// The global ids or pseudonyms of its users, each with the time of their first event.
    #[serde(
        borrow,
        default,
        deserialize_with = "lenient::earliest_by_text",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub users: BTreeMap<Cow<'a, str>, Timestamp>,
    /// Which of them are bots or service accounts.
    #[serde(borrow, default, skip_serializing_if = "BTreeSet::is_empty")]
    pub bots: BTreeSet<Cow<'a, str>>,
    /// Its flow types.
    #[serde(borrow, default, skip_serializing_if = "BTreeSet::is_empty")]
    pub flows: BTreeSet<Cow<'a, str>>,
    /// The environments it runs in.
    #[serde(borrow, default, skip_serializing_if = "BTreeSet::is_empty")]
    pub environments: BTreeSet<Cow<'a, str>>,
    /// The agents that acted in it, each with the time of its first event.
    #[serde(
        borrow,
        default,
        deserialize_with = "lenient::earliest_by_text",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub agents: BTreeMap<Cow<'a, str>, Timestamp>,
    /// The versions of its flow or agent, each with the time of its first event.
    #[serde(
        borrow,
        default,
        deserialize_with = "lenient::earliest_by_text",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub flow_versions: BTreeMap<Cow<'a, str>, Timestamp>,
    /// What ran (foundational or custom agent, flow or external agent), each with the time of its
    /// first event.
    #[serde(
        borrow,
        default,
        deserialize_with = "lenient::earliest_by_text",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub item_types: BTreeMap<Cow<'a, str>, Timestamp>,
    /// The ids of its custom agents or flows, each with the time of its first event.
    #[serde(
        borrow,
        default,
        deserialize_with = "lenient::earliest_by_text",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub items: BTreeMap<Cow<'a, str>, Timestamp>,
    /// Its steps, each with its time, in order of time.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub steps: BTreeSet<(Timestamp, Step)>,
}

/// Counts of the tool calls, model calls and tokens of one fetch, person, event, flow, session,
/// tool and model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "rollup")]
pub struct AgentRollup<'a> {
    /// The kind of counts.
    pub kind: RollupKind,
    /// The counted rows.
    #[serde(borrow, flatten)]
    pub counted_rows: CountedRows<'a>,
    /// The user's global id, or the pseudonym in its place.
    #[serde(borrow)]
    pub user: Cow<'a, str>,
    /// True for bots and service accounts.
    #[serde(default, deserialize_with = "lenient::boolean", skip_serializing_if = "is_false")]
    pub bot: bool,
    /// The event's name.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// The flow type; absent if the event does not contain it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Cow<'a, str>>,
    /// The session, if the flow is absent: other events of the session can contain the flow.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Cow<'a, str>>,
    /// The tool; absent if the event does not contain it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Cow<'a, str>>,
    /// The model; absent if the event does not contain it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Cow<'a, str>>,
    /// The counts.
    #[serde(flatten)]
    pub counts: AgentCounts,
}

/// The fetch and the part of a rollup line: which rows were counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct CountedRows<'a> {
    /// The GitLab, as a URL without a trailing slash.
    #[serde(borrow)]
    pub instance: Cow<'a, str>,
    /// The collector, or the kind of export.
    #[serde(borrow)]
    pub collector: Cow<'a, str>,
    /// The requested group path.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The UTC day that the fetch requested.
    pub day: Day,
    /// When that day was fetched.
    pub fetched_at: Timestamp,
    /// The checksum of the counted rows: [`crate::aggregate::rollup::RowSet::digest`].
    #[serde(borrow)]
    pub part: Cow<'a, str>,
}

/// What a rollup line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RollupKind {
    /// Usage events.
    Usage,
    /// One session.
    Session,
    /// Tool calls, model calls and tokens.
    Agent,
}
