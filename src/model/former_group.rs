//! The former group line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::calendar::Day;

/// A group that is no longer collected, from `aggregate` with a history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "former_group")]
pub struct FormerGroup {
    /// The GitLab, as a URL without a trailing slash.
    pub instance: String,
    /// The group path.
    pub scope: String,
    /// The last day on which it is part of the union of all groups, included.
    pub until: Day,
}
