//! The coverage line: what was collected completely, and what was not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::calendar::{Day, Timestamp};
use crate::model::omit::{is_false, is_zero};

/// The outcome of one collector, scope and day, from `fetch`, even if it received nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All pages arrived.
    Complete,
    /// Some pages arrived.
    Partial,
    /// No permission: the role, tier or add-on does not allow it.
    Denied,
    /// Not available in this GitLab: its version has no such field, or the feature is switched off.
    Unsupported,
    /// No page arrived.
    Failed,
    /// Not requested because of sampling.
    Skipped,
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
