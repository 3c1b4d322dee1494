//! The history loss line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::calendar::Day;

/// The stored history was lost, from `aggregate` with a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "history_loss")]
pub struct HistoryLoss {
    /// The day of the run that found neither the history nor a copy of it.
    pub day: Day,
}
