//! The records of the streams, one struct each, and the origin that all of them have.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::calendar::{Day, Timestamp};
use crate::base::digits;
use crate::model::number::Number;
use crate::model::omit::is_false;

/// The origin of a record. These six fields are the record's identity, unless it is an event with
/// its own id: then that id replaces the row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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

impl JsonSchema for Row {
    fn schema_name() -> Cow<'static, str> {
        "Row".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^([0-9]+:)?[0-9]+$"})
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

/// Defines record structs with an origin, whose fields are in the same JSON object as the others.
///
/// `#[serde(flatten)]` would do the same but buffer every value of a line first, which doubles the
/// time to read it. Instead, serde reads and writes a private struct with all fields.
macro_rules! records {
    ($(#[$derive:meta] $(#[doc = $about:literal])* $type:literal $name:ident {
        $($(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])? $field:ident: $field_type:ty,)*
    })*) => {$(
        $(#[doc = $about])*
        #[$derive]
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
            #[derive(Deserialize, JsonSchema)]
            $(#[doc = $about])*
            struct Read<'a> {
                /// The GitLab, as a URL without a trailing slash.
                #[serde(borrow)]
                instance: Cow<'a, str>,
                /// The collector, or the kind of export.
                #[serde(borrow)]
                collector: Cow<'a, str>,
                /// The requested group path.
                #[serde(borrow)]
                scope: Cow<'a, str>,
                /// The UTC day that the fetch requested; of a snapshot, that of the fetch.
                day: Day,
                /// When that day was fetched.
                fetched_at: Timestamp,
                /// The position in that fetch.
                row: Row,
                $($(#[doc = $doc])* $(#[serde($($serde)*)])? $field: $field_type,)*
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

            impl JsonSchema for $name<'_> {
                fn schema_name() -> Cow<'static, str> {
                    $type.into()
                }

                fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                    Read::json_schema(generator)
                }
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
    #[derive(Clone, Debug, PartialEq)]
    /// One person's seat, as of the day of the snapshot.
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
    #[derive(Clone, Debug, PartialEq)]
    /// One purchase of seats, as of the day of the snapshot.
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
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    /// The state of one merge request at `fetched_at`. Identity is (instance, project, iid).
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
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    /// The state of one pipeline at `fetched_at`. Identity is (instance, project, id).
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

records! {
    #[derive(Clone, Debug, PartialEq)]
    /// A project of a group, as of the day of the snapshot.
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

/// Totals by `feature.measure`.
pub type Totals<'a> = BTreeMap<Cow<'a, str>, Number>;

records! {
    #[derive(Clone, Debug, PartialEq)]
    /// Totals of a group that GitLab counted: for reconciliation only, never added to counts of
    /// events.
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
    #[derive(Clone, Debug, PartialEq)]
    /// Totals of a user that GitLab counted: for reconciliation only, never added to counts of
    /// events.
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
    #[derive(Clone, Debug, PartialEq)]
    /// GitLab Credits used on a day, as the Customers Portal counts them.
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

records! {
    #[derive(Clone, Debug, PartialEq, Eq)]
    /// Agent sessions that GitLab counted: those of one creation day with the same flow, status,
    /// user, project and model.
    "session_total" SessionTotal {
        /// The first day of creation.
        start: Day,
        /// The last day of creation.
        end: Day,
        /// The flow type; `None` if the sessions have none.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        flow: Option<Cow<'a, str>>,
        /// The status in lower case; `None` if the source does not report it.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        status: Option<Cow<'a, str>>,
        /// The global id or pseudonym of the user who started them; `None` if the user was deleted.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        user: Option<Cow<'a, str>>,
        /// The username; absent when people are pseudonyms.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        username: Option<Cow<'a, str>>,
        /// True for bots and service accounts.
        #[serde(default, skip_serializing_if = "is_false")]
        bot: bool,
        /// The project's full path; `None` if the sessions belong to no project, or if the source
        /// does not report it.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        project: Option<Cow<'a, str>>,
        /// The project's global id, which stays when the project is renamed or moved.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        project_id: Option<Cow<'a, str>>,
        /// The model; `None` if the source does not report it.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        model: Option<Cow<'a, str>>,
        /// The number of sessions.
        sessions: u64,
        /// How many of them finished; `None` if they have a status instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finished: Option<u64>,
    }

    #[derive(Clone, Debug, PartialEq)]
    /// How long the agent sessions of a period took, as GitLab computes it: from creation to
    /// finish, over finished sessions.
    "session_duration" SessionDuration {
        /// The first day of creation.
        start: Day,
        /// The last day of creation.
        end: Day,
        /// The flow type; `None` for all flow types.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        flow: Option<Cow<'a, str>>,
        /// The number of sessions.
        sessions: u64,
        /// How many of them finished.
        finished: u64,
        /// Their distinct users, including bots; null if GitLab does not return it.
        users: Option<u64>,
        /// The median in seconds; null if no session finished.
        p50: Option<f64>,
        /// The 95th percentile in seconds; null if no session finished.
        p95: Option<f64>,
    }

    #[derive(Clone, Debug, PartialEq, Eq)]
    /// Code suggestions that GitLab counted, by editor and language.
    "suggestion_total" SuggestionTotal {
        /// The first day of the suggestions.
        start: Day,
        /// The last day of the suggestions.
        end: Day,
        /// The editor; `None` if the suggestions have none.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        ide: Option<Cow<'a, str>>,
        /// The language; `None` if the suggestions have none.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        language: Option<Cow<'a, str>>,
        /// The number of suggestions shown.
        shown: u64,
        /// The number accepted.
        accepted: u64,
        /// The number rejected.
        rejected: u64,
        /// The sum of their sizes in lines of code; null if GitLab does not return it.
        lines: Option<u64>,
        /// Their distinct users, including bots; null if GitLab does not return it.
        users: Option<u64>,
    }

    #[derive(Clone, Debug, PartialEq, Eq)]
    /// The state of one agent session of a project at `fetched_at`. Only sessions that ran on a
    /// runner are listed.
    "agent_session" AgentSession {
        /// The session's number, as in events.
        #[serde(borrow)]
        session: Cow<'a, str>,
        /// The flow type, as GitLab names it, with its version.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        flow: Option<Cow<'a, str>>,
        /// The version of the flow; absent if GitLab does not return it.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        flow_version: Option<Cow<'a, str>>,
        /// GitLab's status, in lower case; null if GitLab does not return it.
        #[serde(borrow)]
        status: Option<Cow<'a, str>>,
        /// When it was created.
        created_at: Timestamp,
        /// When it last changed, which is not always its end.
        updated_at: Timestamp,
        /// The global id or pseudonym of the user who started it; absent if the user was deleted.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        user: Option<Cow<'a, str>>,
        /// The username; absent when people are pseudonyms.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        username: Option<Cow<'a, str>>,
        /// True for bots and service accounts.
        #[serde(default, skip_serializing_if = "is_false")]
        bot: bool,
        /// The project's full path.
        #[serde(borrow)]
        project: Cow<'a, str>,
        /// The project's global id, which stays when the project is renamed or moved.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        project_id: Option<Cow<'a, str>>,
        /// Where it was started, for example `ambient`; absent if GitLab does not return it.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        environment: Option<Cow<'a, str>>,
        /// The model; absent if GitLab does not return it.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        model: Option<Cow<'a, str>>,
    }

    #[derive(Clone, Debug, PartialEq, Eq)]
    /// A direct member of a group or subgroup, as of the day of the snapshot.
    "member" Member {
        /// The full path of the group or subgroup.
        #[serde(borrow)]
        team: Cow<'a, str>,
        /// The member's global id, or the pseudonym in its place.
        #[serde(borrow)]
        user: Cow<'a, str>,
        /// The username; absent when people are pseudonyms.
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        username: Option<Cow<'a, str>>,
        /// True for bots and service accounts.
        #[serde(default, skip_serializing_if = "is_false")]
        bot: bool,
    }
}

records! {
    #[derive(Clone, Debug, PartialEq)]
    /// GitLab Credits of a calendar month, as the Customers Portal counts them. A value that GitLab
    /// does not return is null.
    "credit_month" CreditMonth {
        /// The first day that GitLab counted.
        start: Day,
        /// The last day that GitLab counted.
        end: Day,
        /// Credits used, including beta and experiment features, which are not billed.
        used: Option<f64>,
        /// Credits of the monthly commitment.
        commitment: Option<f64>,
        /// Credits used of the commitment.
        commitment_used: Option<f64>,
        /// Credits of the monthly waiver.
        waiver: Option<f64>,
        /// Credits used of the waiver.
        waiver_used: Option<f64>,
        /// On-demand credits used.
        overage_used: Option<f64>,
        /// Whether on-demand credits are allowed.
        overage_allowed: Option<bool>,
        /// People who used credits.
        active_users: Option<u64>,
        /// People who are blocked because they reached their cap.
        blocked_users: Option<u64>,
        /// The cap of on-demand credits for the subscription.
        subscription_cap: Option<f64>,
        /// The cap of credits for each person.
        user_cap: Option<f64>,
        /// The time of the last event that changed a balance.
        last_event_at: Option<Timestamp>,
    }
}

records! {
    #[derive(Clone, Debug, PartialEq)]
    /// One DORA metric of a group and its subgroups as GitLab computes it, for the days of a month
    /// up to the day of the fetch.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
