//! What a metric is, said once: the text feeds the pages, docs/metrics.md and the help.

use crate::calendar::Grain;

/// The definition of one metric.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The name in the streams, for example `code_suggestions.acceptance_rate`.
    pub metric: &'static str,
    /// A short title for a page.
    pub title: &'static str,
    /// What the value is measured in.
    pub unit: Unit,
    /// The grains it is computed for.
    pub grains: &'static [Grain],
    /// What it is split by: `-` is the total, `feature` one dimension, `feature×event` two crossed.
    pub by: &'static [&'static str],
    /// What is counted, in one or two sentences.
    pub text: &'static str,
}

/// What a value is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Distinct people.
    People,
    /// Events.
    Events,
    /// A share from 0 to 1 (`n` of `of`).
    Share,
    /// Events or things per person.
    PerPerson,
    /// Lines of code.
    Lines,
    /// Seats.
    Seats,
    /// Merge requests.
    MergeRequests,
    /// Pipelines.
    Pipelines,
    /// Seconds.
    Seconds,
    /// Days.
    Days,
    /// Deployments a day.
    DeploymentsADay,
    /// Sessions of agents.
    Sessions,
    /// Tokens of models.
    Tokens,
    /// US dollars.
    Dollars,
    /// GitLab Credits.
    Credits,
}

impl Unit {
    /// The unit in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::People => "people",
            Unit::Events => "events",
            Unit::Share => "share",
            Unit::PerPerson => "per person",
            Unit::Lines => "lines of code",
            Unit::Seats => "seats",
            Unit::MergeRequests => "merge requests",
            Unit::Pipelines => "pipelines",
            Unit::Seconds => "seconds",
            Unit::Days => "days",
            Unit::DeploymentsADay => "deployments a day",
            Unit::Sessions => "sessions",
            Unit::Tokens => "tokens",
            Unit::Dollars => "dollars",
            Unit::Credits => "credits",
        }
    }
}

/// Day, ISO week, month and the 28-day window.
pub(super) const EVERY_GRAIN: &[Grain] = &[Grain::Day, Grain::Week, Grain::Month, Grain::Window];

/// The total, where a metric has one, beside what it is split by.
pub(super) const TOTAL: &str = "-";

impl Definition {
    /// Whether the metric is told for all together.
    pub fn has_total(&self) -> bool {
        self.by.contains(&TOTAL)
    }

    /// Whether the metric is told by these dimensions.
    pub(super) fn is_split_by(&self, by: &[(&str, &str)]) -> bool {
        let mut names: Vec<&str> = by.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        match names.is_empty() {
            true => self.has_total(),
            false => self.by.iter().any(|split| {
                let mut dimensions: Vec<&str> = split.split('×').collect();
                dimensions.sort_unstable();
                dimensions == names
            }),
        }
    }
}
