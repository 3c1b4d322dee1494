//! The metric line.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::number::Number;
use crate::model::omit::is_zero_share;

/// One metric of one scope, period and set of dimensions. `docs/streams.md` explains the fields,
/// `docs/metrics.md` the metrics. The unit is the one of the metric's definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "metric")]
pub struct Metric {
    /// The metric's name, for example `code_suggestions.acceptance_rate`.
    pub metric: Cow<'static, str>,
    /// The GitLab, as a URL without a trailing slash; `*` for several that are merged.
    pub instance: String,
    /// The group path; [`ALL_SCOPES`](crate::model::scope::ALL_SCOPES) for the union of several groups.
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
    /// The kind of source that the value comes from; absent for metrics with a single kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<MetricSource>,
    /// The known reason why a count differs from GitLab's own; absent if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
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

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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

/// The kind of source that a value comes from, for metrics that have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricSource {
    /// Single sessions.
    Sessions,
    /// Values that GitLab aggregated.
    GitlabAggregate,
    /// Events without the ids of their sessions.
    Events,
    /// Several kinds, on different days of the period.
    Mixed,
    /// A kind of a newer version.
    #[serde(other)]
    Other,
}

impl MetricSource {
    /// The name used in the streams.
    pub fn as_str(self) -> &'static str {
        match self {
            MetricSource::Sessions => "sessions",
            MetricSource::GitlabAggregate => "gitlab_aggregate",
            MetricSource::Events => "events",
            MetricSource::Mixed => "mixed",
            MetricSource::Other => "other",
        }
    }
}

/// Why a count differs from GitLab's own, as far as the data proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Explanation {
    /// GitLab returned at least that many events as null, for example those of deleted users.
    NullRows,
    /// GitLab's range ends with the first moment of the next day.
    NextMidnight,
    /// GitLab's count was requested without its last day.
    LastDayMissing,
    /// GitLab's list lacks users: older releases list only those with a Duo Enterprise seat.
    UnlistedUsers,
    /// This release counts only people who contributed code.
    ContributorsOnly,
    /// The larger count was fetched later: events arrived in between.
    LateEvents,
    /// Another count by GitLab itself agrees with the events.
    OtherCountAgrees,
    /// An explanation of a newer version.
    #[serde(other)]
    Other,
}

impl Explanation {
    /// The name used in the streams.
    pub fn as_str(self) -> &'static str {
        match self {
            Explanation::NullRows => "null_rows",
            Explanation::NextMidnight => "next_midnight",
            Explanation::LastDayMissing => "last_day_missing",
            Explanation::UnlistedUsers => "unlisted_users",
            Explanation::ContributorsOnly => "contributors_only",
            Explanation::LateEvents => "late_events",
            Explanation::OtherCountAgrees => "other_count_agrees",
            Explanation::Other => "other",
        }
    }

    /// The explanation as a part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Explanation::NullRows => "GitLab returned as many events as null",
            Explanation::NextMidnight => "GitLab's range ends with the first moment of the next day",
            Explanation::LastDayMissing => "GitLab's count was requested without its last day",
            Explanation::UnlistedUsers => "GitLab's list lacks users without a Duo Enterprise seat",
            Explanation::ContributorsOnly => "this GitLab version counts only people who contributed code",
            Explanation::LateEvents => "events arrived between the two fetches",
            Explanation::OtherCountAgrees => "another count by GitLab agrees with the events",
            Explanation::Other => "a reason of a newer version",
        }
    }
}

/// Why a value is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No day of the period was collected.
    NotCollected,
    /// No seat list was taken within the period or up to 14 days after it.
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
    /// GitLab reports no commitment of credits.
    NoCommitment,
    /// What is asked for is not expected within the period.
    NotReached,
    /// A reason of a newer version.
    #[serde(other)]
    Other,
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
            Reason::NoCommitment => "no_commitment",
            Reason::NotReached => "not_reached",
            Reason::Other => "other",
        }
    }
}
