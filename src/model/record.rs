//! The line types of the streams between the commands, one struct each.
//!
//! Every line is one JSON object with a `type`. Readers skip unknown types and fields, so either
//! can be added at any time; existing names and meanings never change.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::base::calendar::{Day, Grain, Period, Timestamp};
use crate::base::digits;
use crate::base::dimensions::Dimensions;
use crate::base::lenient;
use crate::events::agents::{AgentCounts, Step};

/// The value of a count that overflowed: sums saturate here, and commands fail before they write
/// one.
pub const TOO_LARGE: u64 = u64::MAX;

/// The scope of the union of several groups.
pub const ALL_SCOPES: &str = "*";

/// The scope of a whole instance, including what belongs to no group. It is the ancestor of all
/// groups and the path of none.
pub const INSTANCE_SCOPE: &str = "/";

/// Whether a group is a descendant of another one, by their paths; every group is one of the
/// instance.
pub fn is_within(scope: &str, ancestor: &str) -> bool {
    if ancestor == INSTANCE_SCOPE {
        return scope != INSTANCE_SCOPE;
    }
    scope.strip_prefix(ancestor).is_some_and(|rest| rest.starts_with('/'))
}

/// The language of a suggestion whose source states that it has none.
pub const NO_LANGUAGE: &str = "(none)";

/// The user of an event whose source names no user. It does not count as a person.
pub const NO_USER: &str = "(none)";

/// Whether this is not the id of a user: [`NO_USER`], or empty or blank.
pub fn is_no_user(user: &str) -> bool {
    user == NO_USER || user.trim().is_empty()
}

/// One page of nodes exactly as GitLab returned them, from `fetch`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename = "raw")]
pub struct Raw<'a> {
    /// The collector that requested the page.
    #[serde(borrow)]
    pub collector: Cow<'a, str>,
    /// The GitLab that returned it, as a URL without a trailing slash.
    pub instance: Cow<'a, str>,
    /// The requested group path.
    pub scope: Cow<'a, str>,
    /// The first requested day, if the nodes are sums over several days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
    /// The requested UTC day, the last one of several; for snapshots, the day of `fetched_at`.
    pub day: Day,
    /// The page number within this collector, scope and day, from 1.
    pub page: u32,
    /// The server's `Date` header of the first page: the same in all lines of a collector, scope
    /// and day.
    pub fetched_at: Timestamp,
    /// The nodes, unchanged.
    #[serde(borrow)]
    pub nodes: Vec<&'a RawValue>,
}

/// The outcome of one collector, scope and day, from `fetch`, even if it received nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "coverage")]
pub struct Coverage {
    /// The collector.
    pub collector: String,
    /// The GitLab, as a URL without a trailing slash.
    pub instance: String,
    /// The requested group path.
    pub scope: String,
    /// The requested UTC day; for snapshots, the day of `fetched_at`.
    pub day: Day,
    /// How it ended.
    pub status: Status,
    /// The number of nodes of that day that were received; null if no page was received.
    pub rows: Option<u64>,
    /// The server's `Date` header of the first page; null if the server never responded.
    pub fetched_at: Option<Timestamp>,
    /// Why the day is not complete or why some of its rows could not be read; null otherwise.
    pub reason: Option<String>,
    /// The number of nodes that GitLab returned as null, with or without an error, for example
    /// because a user was deleted. They are not included in `rows`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    /// The check value of the pseudonym key that `normalize` used; absent if it used none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_check: Option<String>,
    /// True if a newer fetch had fewer rows or was truncated, so that an older one counts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shrunk: bool,
    /// True if the user named the collector: then a refusal is a gap.
    #[serde(default, skip_serializing_if = "is_false")]
    pub named: bool,
}

/// A group that is no longer collected, from `aggregate` with a history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "former_group")]
pub struct FormerGroup {
    /// The GitLab, as a URL without a trailing slash.
    pub instance: String,
    /// The group path.
    pub scope: String,
    /// The last day on which it is part of the union of all groups, included.
    pub until: Day,
}

/// The reason for a day with only imported events, which do not state whether they are all events
/// of that day.
pub const IMPORTED: &str = "imported events, completeness unknown";

impl Coverage {
    /// Whether the day was imported: nothing is known to be missing, but its completeness is
    /// unknown.
    pub fn is_imported(&self) -> bool {
        self.status == Status::Partial && self.reason.as_deref() == Some(IMPORTED)
    }
}

/// How the collection of one collector, scope and day ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All pages arrived.
    Complete,
    /// Some pages arrived.
    Partial,
    /// No permission: the role, tier or add-on does not allow it.
    Denied,
    /// Not available in this GitLab version: it has no such field.
    Unsupported,
    /// No page arrived.
    Failed,
    /// Not requested because of sampling.
    Skipped,
}

/// The origin of a record. These six fields are the record's identity, unless it is an event with
/// its own id: then that id replaces the row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin<'a> {
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
    /// The position in that fetch.
    pub row: Row,
}

/// The position of a row in its fetch: `page:index`, or a line number for event exports (`page` 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// The page number, from 1; 0 if the source has no pages.
    pub page: u32,
    /// The index of the node in the page, from 0; or the line number, from 1.
    pub index: u32,
}

/// Defines record structs with an origin, whose fields are in the same JSON object as the others.
///
/// `#[serde(flatten)]` would do the same but buffer every value of a line first, which doubles the
/// time to read it. Instead, serde reads and writes a private struct with all fields.
macro_rules! records {
    ($($(#[$outer:meta])* $type:literal $name:ident {
        $($(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])? $field:ident: $field_type:ty,)*
    })*) => {$(
        $(#[$outer])*
        pub struct $name<'a> {
            /// The origin of the record; the day of a snapshot is that of the fetch.
            pub origin: Origin<'a>,
            $($(#[doc = $doc])* pub $field: $field_type,)*
        }

        impl $name<'_> {
            /// The names of its fields that follow those of its origin, in line order.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field),)*];
        }

        const _: () = {
            #[derive(Deserialize)]
            struct Read<'a> {
                #[serde(borrow)]
                instance: Cow<'a, str>,
                #[serde(borrow)]
                collector: Cow<'a, str>,
                #[serde(borrow)]
                scope: Cow<'a, str>,
                day: Day,
                fetched_at: Timestamp,
                row: Row,
                $($(#[serde($($serde)*)])? $field: $field_type,)*
            }

            impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name<'a>, D::Error> {
                    let Read { instance, collector, scope, day, fetched_at, row, $($field),* } =
                        Read::deserialize(deserializer)?;
                    let origin = Origin { instance, collector, scope, day, fetched_at, row };
                    Ok($name { origin, $($field),* })
                }
            }

            #[derive(Serialize)]
            struct Written<'w, 'a> {
                r#type: &'static str,
                instance: &'w Cow<'a, str>,
                collector: &'w Cow<'a, str>,
                scope: &'w Cow<'a, str>,
                day: Day,
                fetched_at: Timestamp,
                row: Row,
                $($(#[serde($($serde)*)])? $field: &'w $field_type,)*
            }

            impl Serialize for $name<'_> {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let Origin { instance, collector, scope, day, fetched_at, row } = &self.origin;
                    let (day, fetched_at, row) = (*day, *fetched_at, *row);
                    let $name { origin: _, $($field),* } = self;
                    let r#type = $type;
                    Written { r#type, instance, collector, scope, day, fetched_at, row, $($field),* }
                        .serialize(serializer)
                }
            }
        };
    )*};
}

records! {
    /// One person's seat, as of the day of the snapshot.
    #[derive(Clone, Debug, PartialEq)]
    "seat" Seat {
        /// The holder's global id, or the pseudonym in its place.
        #[serde(borrow)]
        user: Cow<'a, str>,
        /// The username; absent when people are pseudonyms.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        username: Option<Cow<'a, str>>,
        /// True for bots and service accounts.
        #[serde(default, skip_serializing_if = "is_false")]
        bot: bool,
        /// Whether the seat is assigned.
        assigned: bool,
        /// The add-on of the seat.
        #[serde(borrow)]
        add_on: Cow<'a, str>,
        /// The last day with any Duo activity, as GitLab returns it.
        last_duo_activity_on: Option<Day>,
    }
}

records! {
    /// One purchase of seats, as of the day of the snapshot.
    #[derive(Clone, Debug, PartialEq)]
    "seat_pool" SeatPool {
        /// The purchase's global id, so that a purchase returned for two groups counts only once.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        purchase: Option<Cow<'a, str>>,
        /// The add-on.
        #[serde(borrow)]
        add_on: Cow<'a, str>,
        /// Seats purchased.
        purchased: u32,
        /// Seats assigned.
        assigned: u32,
    }
}

records! {
    /// The state of one merge request at `fetched_at`. Identity is (instance, project, iid).
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    "merge_request" MergeRequest {
        /// The project's full path.
        #[serde(borrow)]
        project: Cow<'a, str>,
        /// The project's global id, which stays when the project is renamed or moved.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        project_id: Option<Cow<'a, str>>,
        /// The number within the project.
        #[serde(borrow)]
        iid: Cow<'a, str>,
        /// The author's global id or pseudonym; null if GitLab returns no author.
        #[serde(borrow)]
        author: Option<Cow<'a, str>>,
        /// True if the author is a bot or service account.
        #[serde(default, skip_serializing_if = "is_false")]
        bot: bool,
        /// `opened`, `merged`, `closed`, `locked`, or another value that GitLab returns.
        #[serde(borrow)]
        state: Cow<'a, str>,
        /// When it was opened.
        created_at: Timestamp,
        /// When it was merged; null if it was not.
        merged_at: Option<Timestamp>,
        /// Lines added; null if GitLab does not return it.
        additions: Option<u64>,
        /// Lines deleted; null if GitLab does not return it.
        deletions: Option<u64>,
    }
}

records! {
    /// The state of one pipeline at `fetched_at`. Identity is (instance, project, id).
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    "pipeline" Pipeline {
        /// The project's full path.
        #[serde(borrow)]
        project: Cow<'a, str>,
        /// The project's global id, which stays when the project is renamed or moved.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        project_id: Option<Cow<'a, str>>,
        /// The pipeline's global id.
        #[serde(borrow)]
        id: Cow<'a, str>,
        /// The status in lower case.
        #[serde(borrow)]
        status: Cow<'a, str>,
        /// When it was created.
        created_at: Timestamp,
        /// When it finished; null while it has not.
        finished_at: Option<Timestamp>,
        /// Duration in seconds; null if GitLab does not return it.
        duration: Option<u64>,
    }
}

/// Counts of the usage events of one fetch, person, event, feature, language and editor. They can
/// be merged with other counts before metrics are computed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
        deserialize_with = "lenient::earliest_by_user",
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
    /// Its steps, each with its time, in order of time.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub steps: BTreeSet<(Timestamp, Step)>,
}

/// Counts of the tool calls, model calls and tokens of one fetch, person, event, flow, session,
/// tool and model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollupKind {
    /// Usage events.
    Usage,
    /// One session.
    Session,
    /// Tool calls, model calls and tokens.
    Agent,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

records! {
    /// A project of a group, as of the day of the snapshot.
    #[derive(Clone, Debug, PartialEq)]
    "project" Project {
        /// The project's full path.
        #[serde(borrow)]
        project: Cow<'a, str>,
        /// The project's global id, which stays when the project is renamed or moved.
        #[serde(borrow)]
        id: Cow<'a, str>,
        /// Whether it is archived; null if GitLab does not return it.
        archived: Option<bool>,
        /// The share of each programming language in the repository, in percent, as GitLab detects
        /// it. Languages have the same names as in [`Event`](crate::model::event::Event).
        #[serde(borrow, default, skip_serializing_if = "BTreeMap::is_empty")]
        languages: BTreeMap<Cow<'a, str>, f64>,
    }
}

records! {
    /// Totals of a group that GitLab counted: for reconciliation only, never added to counts of
    /// events.
    #[derive(Clone, Debug, PartialEq)]
    "group_total" GroupTotal {
        /// The first day counted.
        start: Day,
        /// The last day counted.
        end: Day,
        /// The flow type that was counted; `None` for all flow types.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        flow: Option<Cow<'a, str>>,
        /// The totals by `feature.measure`; those that GitLab does not return are absent.
        #[serde(borrow)]
        values: Totals<'a>,
    }
}

records! {
    /// Totals of a user that GitLab counted: for reconciliation only, never added to counts of
    /// events.
    #[derive(Clone, Debug, PartialEq)]
    "user_total" UserTotal {
        /// The first day counted.
        start: Day,
        /// The last day counted.
        end: Day,
        /// The user's global id, or the pseudonym in its place.
        #[serde(borrow)]
        user: Cow<'a, str>,
        /// The username; absent when people are pseudonyms.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        username: Option<Cow<'a, str>>,
        /// True for bots and service accounts.
        #[serde(default, skip_serializing_if = "is_false")]
        bot: bool,
        /// The totals by `feature.measure`; those that GitLab does not return are absent.
        #[serde(borrow)]
        values: Totals<'a>,
    }
}

records! {
    /// GitLab Credits used on a day, as the Customers Portal counts them.
    #[derive(Clone, Debug, PartialEq)]
    "credit" Credit {
        /// The day they were used.
        date: Day,
        /// The product that used them; `None` for the total, which includes those of all products.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        product: Option<Cow<'a, str>>,
        /// The flow type, if the product has only one.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        flow: Option<Cow<'a, str>>,
        /// The number of GitLab Credits; null if GitLab does not return it.
        credits: Option<f64>,
    }
}

/// Totals by `feature.measure`.
pub type Totals<'a> = BTreeMap<Cow<'a, str>, Number>;

records! {
    /// One DORA metric of a group and its subgroups as GitLab computes it, for the days of a month
    /// up to the day of the fetch.
    #[derive(Clone, Debug, PartialEq)]
    "dora" Dora {
        /// The metric.
        measure: DoraMeasure,
        /// The first day of the month.
        period: Day,
        /// The value as GitLab returns it: deployments per day, a share from 0 to 1, or seconds;
        /// null if GitLab has none.
        value: Option<f64>,
    }
}

/// One of the four DORA metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoraMeasure {
    /// Deployments per day.
    DeploymentFrequency,
    /// Seconds from merge to deployment.
    LeadTimeForChanges,
    /// Seconds from the start of an incident to its end.
    TimeToRestoreService,
    /// The share of deployments that led to an incident, from 0 to 1.
    ChangeFailureRate,
}

/// One metric of one scope, period and set of dimensions. `docs/streams.md` explains the fields,
/// `docs/metrics.md` the metrics. The unit is the one of the metric's definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "metric")]
pub struct Metric {
    /// The metric's name, for example `code_suggestions.acceptance_rate`.
    pub metric: Cow<'static, str>,
    /// The GitLab, as a URL without a trailing slash; `*` for several that are merged.
    pub instance: String,
    /// The group path; [`ALL_SCOPES`] for the union of several groups.
    pub scope: String,
    /// The grain of the period.
    pub grain: Grain,
    /// The first day of the period, included.
    pub start: Day,
    /// The last day of the period, included.
    pub end: Day,
    /// The dimensions; empty for the total.
    pub by: Dimensions,
    /// Who is counted, if the metric has several populations; each of them is a separate series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
    /// The value; null if it is unknown, for the reason in `reason`.
    pub value: Option<Number>,
    /// The numerator of a rate, the count itself, or the number of observations of a statistic.
    pub n: Option<Number>,
    /// The denominator of a rate; null for counts and statistics.
    pub of: Option<Number>,
    /// The number of distinct people behind the value, which suppression needs; null if the metric
    /// is not about people.
    pub people: Option<u64>,
    /// Complete days divided by the days of the period, for the collectors the metric depends on.
    pub coverage: f64,
    /// Days of imported events, divided by the days of the period: their completeness is unknown
    /// only because imported events do not state it. The rest, `1 - coverage - imported`, is
    /// missing. Absent if 0.
    #[serde(default, skip_serializing_if = "is_zero_share")]
    pub imported: f64,
    /// The share of rows that carry the measured field, from 0 to 1; null if there are no rows.
    pub basis: Option<f64>,
    /// True if every day of the period was fetched completely, at least 7 days after the period
    /// ended.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Why `value` is null.
    pub reason: Option<Reason>,
    /// The price file that the value depends on, with its date; absent if it depends on none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<String>,
}

fn is_zero_share(share: &f64) -> bool {
    *share == 0.0
}

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// All people ever seen.
    People,
    /// The people with a seat in the seat list of the period.
    SeatHolders,
    /// A population of a newer version.
    #[serde(other)]
    Other,
}

/// Why a value is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No day of the period was collected.
    NotCollected,
    /// No seat list was taken within the period or up to two days after it.
    NoSnapshot,
    /// The denominator is zero.
    NothingShown,
    /// The period is not over, or the collected range does not include all of it.
    PeriodIncomplete,
    /// The definition needs older data than there is.
    LookBackIncomplete,
    /// The source does not carry the measured field.
    NotInSource,
    /// There are too few observations: a single one has no interval.
    TooFew,
    /// A reason of a newer version.
    #[serde(other)]
    Other,
}

/// A count (written without a fraction) or a measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A count.
    Count(u64),
    /// A rate, a mean or any other measure.
    Measure(f64),
}

impl Metric {
    /// Whether it contains a count that overflowed.
    pub fn is_too_large(&self) -> bool {
        [self.value, self.n, self.of].into_iter().flatten().any(Number::is_too_large)
    }

    /// The period of the line.
    pub fn period(&self) -> Period {
        Period { grain: self.grain, start: self.start, end: self.end }
    }
}

impl Number {
    /// Whether it is a count that overflowed ([`TOO_LARGE`]).
    pub fn is_too_large(self) -> bool {
        matches!(self, Number::Count(TOO_LARGE))
    }

    /// The number as a float, for comparisons and charts.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Count(count) => count as f64,
            Number::Measure(measure) => measure,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Count(count) => count.fmt(formatter),
            Number::Measure(measure) => measure.fmt(formatter),
        }
    }
}

impl Population {
    /// The name used in the streams.
    pub fn as_str(self) -> &'static str {
        match self {
            Population::People => "people",
            Population::SeatHolders => "seat_holders",
            Population::Other => "other",
        }
    }
}

impl Reason {
    /// The name used in the streams.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::NotCollected => "not_collected",
            Reason::NoSnapshot => "no_snapshot",
            Reason::NothingShown => "nothing_shown",
            Reason::PeriodIncomplete => "period_incomplete",
            Reason::LookBackIncomplete => "look_back_incomplete",
            Reason::NotInSource => "not_in_source",
            Reason::TooFew => "too_few",
            Reason::Other => "other",
        }
    }
}

impl Status {
    /// The name used in the streams.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Partial => "partial",
            Status::Denied => "denied",
            Status::Unsupported => "unsupported",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.page {
            0 => write!(formatter, "{}", self.index),
            page => write!(formatter, "{page}:{}", self.index),
        }
    }
}

impl Row {
    /// Parses the row at the start of the bytes, and returns it with its length in bytes. `None` if
    /// it has long numbers, which nearly no row has.
    #[inline]
    pub fn parse_prefix(bytes: &[u8]) -> Option<(Row, usize)> {
        let (first, length) = digits::parse_short_prefix(bytes)?;
        let Some(b':') = bytes.get(length) else { return Some((Row { page: 0, index: first }, length)) };
        let (index, digits) = digits::parse_short_prefix(&bytes[length + 1..])?;
        Some((Row { page: first, index }, length + 1 + digits))
    }
}

impl FromStr for Row {
    type Err = String;

    fn from_str(text: &str) -> Result<Row, String> {
        if let Some((row, length)) = Row::parse_prefix(text.as_bytes())
            && length == text.len()
        {
            return Ok(row);
        }
        let number = |text: &str| {
            text.parse::<u32>()
                .map_err(|_| format!("row {text:?} is neither \"page:index\" nor a line number"))
        };
        match text.split_once(':') {
            Some((page, index)) => Ok(Row { page: number(page)?, index: number(index)? }),
            None => Ok(Row { page: 0, index: number(text)? }),
        }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Row, D::Error> {
        struct RowText;
        impl Visitor<'_> for RowText {
            type Value = Row;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a row as \"page:index\" or a line number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Row, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(RowText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_malformed_rows() {
        let row = |text: &str| text.parse().map(|Row { page, index }| (page, index)).ok();
        for (text, read) in [
            ("3:17", Some((3, 17))),
            ("17", Some((0, 17))),
            ("0003:0000000017", Some((3, 17))),
            ("4294967295:4294967295", Some((u32::MAX, u32::MAX))),
            ("4294967296", None),
            ("1:99999999999999999999", None),
            ("", None),
            (":", None),
            ("1:", None),
            (":1", None),
            ("1:2:3", None),
            ("-1", None),
            ("1:2x", None),
            ("x1", None),
        ] {
            assert_eq!(row(text), read, "{text:?}");
        }
    }
}
