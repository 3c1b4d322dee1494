//! The lines that pass between the commands: one struct a line type, nothing else.
//!
//! Every line is one JSON object with a `"type"`. Readers skip types they do not know, so a type or a
//! field may be added at any time; names and meanings stay.

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

/// The sum that stands for every one that a number cannot hold: sums that reach it stay there, and it is refused before
/// anything is written of it.
pub const TOO_LARGE: u64 = u64::MAX;

/// The scope of the union of several groups.
pub const ALL_SCOPES: &str = "*";

/// The scope of an instance as a whole, with and without a group: the root of all groups, and the path of none.
pub const INSTANCE_SCOPE: &str = "/";

/// Whether a group lies within another one, by their paths; everything lies within the instance.
pub fn is_within(scope: &str, ancestor: &str) -> bool {
    if ancestor == INSTANCE_SCOPE {
        return scope != INSTANCE_SCOPE;
    }
    scope.strip_prefix(ancestor).is_some_and(|rest| rest.starts_with('/'))
}

/// The language of a suggestion whose source says that it has none.
pub const NO_LANGUAGE: &str = "(none)";

/// The user of an event whose source names nobody. It is no person.
pub const NOBODY: &str = "(none)";

/// Whether this is the id of no user: [`NOBODY`], or an id that is empty or blank.
pub fn is_nobody(user: &str) -> bool {
    user == NOBODY || user.trim().is_empty()
}

/// A page of nodes exactly as GitLab returned them, from `fetch`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename = "raw")]
pub struct Raw<'a> {
    /// The collector that asked.
    #[serde(borrow)]
    pub collector: Cow<'a, str>,
    /// The GitLab that answered, as a URL without a trailing slash.
    pub instance: Cow<'a, str>,
    /// The group path asked for.
    pub scope: Cow<'a, str>,
    /// The first day asked for, where the nodes are sums over several days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
    /// The UTC day asked for, the last one where there are several; for snapshots the day of `fetched_at`.
    pub day: Day,
    /// The page within this collector, scope and day, from 1.
    pub page: u32,
    /// The server's `Date` at the first page: the same on all lines of a collector, scope and day.
    pub fetched_at: Timestamp,
    /// The nodes, untouched.
    #[serde(borrow)]
    pub nodes: Vec<&'a RawValue>,
}

/// What `fetch` got for one collector, scope and day, also when it got nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "coverage")]
pub struct Coverage {
    /// The collector that asked.
    pub collector: String,
    /// The GitLab asked.
    pub instance: String,
    /// The group path asked for.
    pub scope: String,
    /// The UTC day asked for; for snapshots the day of `fetched_at`.
    pub day: Day,
    /// How it ended.
    pub status: Status,
    /// Nodes of that day that were received; null where nothing was received.
    pub rows: Option<u64>,
    /// The server's `Date` at the first page; null when the server never answered.
    pub fetched_at: Option<Timestamp>,
    /// Why the day is not complete, or why rows of it could not be read; null otherwise.
    pub reason: Option<String>,
    /// Nodes that GitLab returned as null, with an error or without one: a row whose user was deleted, say. They are not in `rows`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    /// The check value of the pseudonym key that `normalize` used; absent where it used none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_check: Option<String>,
    /// True where a newer fetch had fewer rows or was cut, so that an older one counts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shrunk: bool,
    /// True where the user named the collector: then a refusal is a gap.
    #[serde(default, skip_serializing_if = "is_false")]
    pub named: bool,
}

/// A group that is no longer asked for, from `aggregate` with a history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "former_group")]
pub struct FormerGroup {
    /// The GitLab.
    pub instance: String,
    /// The group path.
    pub scope: String,
    /// The last day on which it is part of the union of all groups.
    pub until: Day,
}

/// The reason of a day that is known from imported events alone: they do not state whether they are all of that day.
pub const IMPORTED: &str = "imported events, completeness unknown";

impl Coverage {
    /// Whether nothing is known to be missing: the day was imported, and only its completeness is unknown.
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
    /// The role, tier or add-on does not allow it.
    Denied,
    /// This GitLab has no such field.
    Unsupported,
    /// No page arrived.
    Failed,
    /// Left out on purpose (sampling).
    Skipped,
}

/// Where a record comes from. Together these six fields are a record's identity, unless it is an event with an id of its
/// own: then the id stands in the place of the row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin<'a> {
    /// The GitLab, as a URL without a trailing slash.
    #[serde(borrow)]
    pub instance: Cow<'a, str>,
    /// The collector, or the kind of export.
    #[serde(borrow)]
    pub collector: Cow<'a, str>,
    /// The group path asked for.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The UTC day the fetch asked for.
    pub day: Day,
    /// When that day was fetched.
    pub fetched_at: Timestamp,
    /// The place in that fetch.
    pub row: Row,
}

/// The place of a row in its fetch: `page:index`, or a line number for event exports (`page` 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// The page, from 1; 0 where the source has no pages.
    pub page: u32,
    /// The node in the page, from 0; or the line number, from 1.
    pub index: u32,
}

/// Defines records: structs with an origin, whose fields stand beside the others in a line.
///
/// `#[serde(flatten)]` would do the same, and would keep every value of a line in memory first: reading takes twice as
/// long. What serde reads and writes is a struct with all fields in one row, of which nothing else knows.
macro_rules! records {
    ($($(#[$outer:meta])* $type:literal $name:ident {
        $($(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])? $field:ident: $field_type:ty,)*
    })*) => {$(
        $(#[$outer])*
        pub struct $name<'a> {
            /// Where the record comes from; the day of a snapshot is that of the fetch.
            pub origin: Origin<'a>,
            $($(#[doc = $doc])* pub $field: $field_type,)*
        }

        impl $name<'_> {
            /// The names of its fields behind those of its origin, in the order in which lines have them.
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
        /// The user name; never there when people are pseudonyms.
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
        /// The last day with any Duo activity, as GitLab tells it.
        last_duo_activity_on: Option<Day>,
    }
}

records! {
    /// One purchase of seats, as of the day of the snapshot.
    #[derive(Clone, Debug, PartialEq)]
    "seat_pool" SeatPool {
        /// The purchase's global id: what keeps a purchase seen through two groups from counting twice.
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
        /// The author's global id or pseudonym; null when GitLab names no author.
        #[serde(borrow)]
        author: Option<Cow<'a, str>>,
        /// True when the author is a bot or service account.
        #[serde(default, skip_serializing_if = "is_false")]
        bot: bool,
        /// `opened`, `merged`, `closed`, `locked`, or what GitLab says.
        #[serde(borrow)]
        state: Cow<'a, str>,
        /// When it was opened.
        created_at: Timestamp,
        /// When it was merged; null when it is not.
        merged_at: Option<Timestamp>,
        /// Lines added; null where GitLab does not tell.
        additions: Option<u64>,
        /// Lines deleted; null where GitLab does not tell.
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
        /// Seconds it ran; null where GitLab does not tell.
        duration: Option<u64>,
    }
}

/// Usage events of one fetch, person, event and what it is split by, counted: the mergeable middle between events
/// and metrics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "rollup")]
pub struct UsageRollup<'a> {
    /// What is counted.
    pub kind: RollupKind,
    /// The GitLab, as a URL without a trailing slash.
    #[serde(borrow)]
    pub instance: Cow<'a, str>,
    /// The collector, or the kind of export.
    #[serde(borrow)]
    pub collector: Cow<'a, str>,
    /// The group path asked for.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The UTC day the fetch asked for.
    pub day: Day,
    /// When that day was fetched.
    pub fetched_at: Timestamp,
    /// Which rows of the fetch were counted together: [`crate::aggregate::rollup::RowSet::digest`]. The same part counts once,
    /// different parts add up.
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
    /// The language; absent where the source does not tell.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Cow<'a, str>>,
    /// The editor; absent where the source does not tell.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub ide: Option<Cow<'a, str>>,
    /// Events, each of a row of its own.
    #[serde(deserialize_with = "lenient::integer")]
    pub events: u64,
    /// Events that carry a size.
    #[serde(default, deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub sized: u64,
    /// Sum of their sizes, in lines of code.
    #[serde(default, deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub lines: u64,
}

impl UsageRollup<'_> {
    /// Whether its counts can be true together.
    pub fn is_possible(&self) -> bool {
        self.events > 0 && self.sized <= self.events && (self.sized > 0 || self.lines == 0)
    }
}

/// What one fetch tells of one session of agents. The same session of several fetches is put together: nothing in it
/// counts twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "rollup")]
pub struct SessionRollup<'a> {
    /// What is counted.
    pub kind: RollupKind,
    /// Which rows it is of.
    #[serde(borrow, flatten)]
    pub of: RowsCounted<'a>,
    /// The id of the session within its instance.
    #[serde(borrow)]
    pub session: Cow<'a, str>,
    /// Global ids or pseudonyms of its users, with the moment of the first event of each.
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
    /// Where it runs.
    #[serde(borrow, default, skip_serializing_if = "BTreeSet::is_empty")]
    pub environments: BTreeSet<Cow<'a, str>>,
    /// Its steps, sorted, each with its moment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub steps: BTreeSet<(Timestamp, Step)>,
}

/// Calls of tools and tokens of one fetch, person, event and what they are split by, counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename = "rollup")]
pub struct AgentRollup<'a> {
    /// What is counted.
    pub kind: RollupKind,
    /// Which rows it is of.
    #[serde(borrow, flatten)]
    pub of: RowsCounted<'a>,
    /// The user's global id, or the pseudonym in its place.
    #[serde(borrow)]
    pub user: Cow<'a, str>,
    /// True for bots and service accounts.
    #[serde(default, deserialize_with = "lenient::boolean", skip_serializing_if = "is_false")]
    pub bot: bool,
    /// The event's name.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// The flow type; absent where the event does not tell it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Cow<'a, str>>,
    /// The session, where the flow is not told: others of its events can tell it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Cow<'a, str>>,
    /// The tool; absent where the event does not tell it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Cow<'a, str>>,
    /// The model; absent where the event does not tell it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Cow<'a, str>>,
    /// The counts.
    #[serde(flatten)]
    pub counts: AgentCounts,
}

/// Which rows of which fetch were counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowsCounted<'a> {
    /// The GitLab, as a URL without a trailing slash.
    #[serde(borrow)]
    pub instance: Cow<'a, str>,
    /// The collector, or the kind of export.
    #[serde(borrow)]
    pub collector: Cow<'a, str>,
    /// The group path asked for.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The UTC day the fetch asked for.
    pub day: Day,
    /// When that day was fetched.
    pub fetched_at: Timestamp,
    /// Which rows of the fetch: [`crate::aggregate::rollup::RowSet::digest`].
    #[serde(borrow)]
    pub part: Cow<'a, str>,
}

/// What a rollup line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollupKind {
    /// Usage events.
    Usage,
    /// A session of agents.
    Session,
    /// Calls of tools and tokens.
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
        /// Whether it is archived; null where GitLab does not tell.
        archived: Option<bool>,
        /// The share of each programming language, in percent, as GitLab found them in the repository; languages as in
        /// [`Event`].
        #[serde(borrow, default, skip_serializing_if = "BTreeMap::is_empty")]
        languages: BTreeMap<Cow<'a, str>, f64>,
    }
}

records! {
    /// Numbers of a group that GitLab counted itself: for reconciliation, never added to what events give.
    #[derive(Clone, Debug, PartialEq)]
    "group_total" GroupTotal {
        /// The first day counted.
        start: Day,
        /// The last day counted.
        end: Day,
        /// The flow type that was counted; `None` where all were.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        flow: Option<Cow<'a, str>>,
        /// The numbers by `feature.measure`; one that GitLab does not tell is absent.
        #[serde(borrow)]
        values: Totals<'a>,
    }
}

records! {
    /// Numbers of a user that GitLab counted itself: for reconciliation, never added to what events give.
    #[derive(Clone, Debug, PartialEq)]
    "user_total" UserTotal {
        /// The first day counted.
        start: Day,
        /// The last day counted.
        end: Day,
        /// The user's global id, or the pseudonym in its place.
        #[serde(borrow)]
        user: Cow<'a, str>,
        /// The user name; never there when people are pseudonyms.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        username: Option<Cow<'a, str>>,
        /// True for bots and service accounts.
        #[serde(default, skip_serializing_if = "is_false")]
        bot: bool,
        /// The numbers by `feature.measure`; one that GitLab does not tell is absent.
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
        /// The product they were used by; `None` for all together, of which those of a product are a part.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        product: Option<Cow<'a, str>>,
        /// The flow type, where the product has a single one.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        flow: Option<Cow<'a, str>>,
        /// Credits; null where GitLab does not tell.
        credits: Option<f64>,
    }
}

/// Numbers by `feature.measure`.
pub type Totals<'a> = BTreeMap<Cow<'a, str>, Number>;

records! {
    /// One of GitLab's own DORA figures of a group and its subgroups, over the days of a month up to the day of the fetch.
    #[derive(Clone, Debug, PartialEq)]
    "dora" Dora {
        /// Which figure.
        measure: DoraMeasure,
        /// The first day of the month.
        period: Day,
        /// The figure as GitLab gives it: deployments a day, a share from 0 to 1, or seconds; null where GitLab has none.
        value: Option<f64>,
    }
}

/// One of the four DORA figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoraMeasure {
    /// Deployments a day.
    DeploymentFrequency,
    /// Seconds from merge to deployment.
    LeadTimeForChanges,
    /// Seconds from an incident to its end.
    TimeToRestoreService,
    /// Share of the deployments that led to an incident.
    ChangeFailureRate,
}

/// One number. What its fields mean is in docs/streams.md; which metrics there are, in docs/metrics.md.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "metric")]
pub struct Metric {
    /// The metric's name, for example `code_suggestions.acceptance_rate`.
    pub metric: Cow<'static, str>,
    /// The GitLab it speaks of; `*` where several are united.
    pub instance: String,
    /// The group path; [`ALL_SCOPES`] for the union of several groups.
    pub scope: String,
    /// The kind of period.
    pub grain: Grain,
    /// The period's first day.
    pub start: Day,
    /// The period's last day.
    pub end: Day,
    /// The dimensions; empty for the total.
    pub by: Dimensions,
    /// Who is counted, where that is a choice; the lines of each choice are a series of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
    /// The number; null when it cannot be known, for the reason in `reason`.
    pub value: Option<Number>,
    /// The numerator of a rate, the count itself, or the observations behind a statistic.
    pub n: Option<Number>,
    /// The denominator of a rate; null for counts and statistics.
    pub of: Option<Number>,
    /// Distinct people behind the value: what hiding small groups needs; null where no people are.
    pub people: Option<u64>,
    /// Complete days / days of the period, of the collectors the metric rests on.
    pub coverage: f64,
    /// Days / days of the period that are not known to be complete for no other reason than that they come from imported
    /// events, which do not state it. What is left of 1 after this and `coverage` is missing. Absent when 0.
    #[serde(default, skip_serializing_if = "is_none_of_it")]
    pub imported: f64,
    /// Share of the rows that carry the measured field; null when there is no row.
    pub basis: Option<f64>,
    /// True when every day of the period was fetched whole, 7 days or more after the period ended.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Why `value` is null.
    pub reason: Option<Reason>,
    /// The file of prices that it rests on, with its date; absent where it rests on none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<String>,
}

fn is_none_of_it(share: &f64) -> bool {
    *share == 0.0
}

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// Everybody ever seen.
    People,
    /// Who has a seat by the list of seats of the period.
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
    /// No list of seats was taken within the period or up to two days after it.
    NoSnapshot,
    /// The denominator is zero.
    NothingShown,
    /// The period is not over, or the collected range cuts it.
    PeriodIncomplete,
    /// The definition looks back further than the data goes.
    LookBackIncomplete,
    /// The source does not carry the measured field.
    NotInSource,
    /// There are observations, and too few of them: one has no interval.
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
    /// Whether it rests on a sum that a number cannot hold.
    pub fn is_too_large(&self) -> bool {
        [self.value, self.n, self.of].into_iter().flatten().any(Number::is_too_large)
    }

    /// The period the line speaks of.
    pub fn period(&self) -> Period {
        Period { grain: self.grain, start: self.start, end: self.end }
    }
}

impl Number {
    /// Whether it is a count that a number cannot hold.
    pub fn is_too_large(self) -> bool {
        matches!(self, Number::Count(TOO_LARGE))
    }

    /// The number as a float, for comparing and drawing.
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
    /// The word used in the streams.
    pub fn as_str(self) -> &'static str {
        match self {
            Population::People => "people",
            Population::SeatHolders => "seat_holders",
            Population::Other => "other",
        }
    }
}

impl Reason {
    /// The word used in the streams.
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
    /// The word used in the streams.
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
    /// The row that these bytes begin with, spelled in short numbers as nearly every one is, and how long that is.
    #[inline]
    pub fn leading(bytes: &[u8]) -> Option<(Row, usize)> {
        let (first, length) = digits::parse_short_prefix(bytes)?;
        let Some(b':') = bytes.get(length) else { return Some((Row { page: 0, index: first }, length)) };
        let (index, digits) = digits::parse_short_prefix(&bytes[length + 1..])?;
        Some((Row { page: first, index }, length + 1 + digits))
    }
}

impl FromStr for Row {
    type Err = String;

    fn from_str(text: &str) -> Result<Row, String> {
        if let Some((row, length)) = Row::leading(text.as_bytes())
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
    fn rows_are_read_whole_or_not_at_all() {
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
