//! The raw line: what GitLab returned.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::base::calendar::{Day, Timestamp};

/// One page of nodes exactly as GitLab returned them, from `fetch`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
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
