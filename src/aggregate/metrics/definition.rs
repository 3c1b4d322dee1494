//! Metric definitions: the text is shown on the pages, in docs/metrics.md, in the help and as the
//! `HELP` of OpenMetrics.

use super::relation::Relation;
use crate::base::calendar::{Grain, Period, WINDOW_DAYS};
use crate::model::metric::Population;

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
    /// What it is split by: `-` is the total, `feature` one dimension, `feature×event` two
    /// dimensions crossed.
    pub by: &'static [&'static str],
    /// How the lines reveal each other and those of other metrics, for suppression.
    pub relations: &'static [Relation],
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
    Share(RevealedCounts),
    /// Events or items per person.
    PerPerson(RevealedCounts),
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
    /// Deployments per day.
    DeploymentsPerDay,
    /// Agent sessions.
    Sessions,
    /// Model tokens.
    Tokens,
    /// US dollars.
    Dollars,
    /// GitLab Credits.
    Credits,
}

/// The counts that a rate reveals, as lists: the counts of each list add up to the numerator, the
/// denominator or the difference of the two. If one count of a list is suppressed, so is the rate.
pub type RevealedCounts = &'static [&'static [CountRef]];

/// A reference to a count of another metric: in the same scope, with the dimensions of the rate and
/// these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountRef {
    /// The metric.
    pub metric: &'static str,
    /// Its dimensions in addition to those of the rate.
    pub by: &'static [(&'static str, &'static str)],
    /// Its periods.
    pub of: CountedOver,
    /// Who is counted, if the metric has several populations.
    pub population: Option<Population>,
}

/// The periods of a count that a rate reveals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedOver {
    /// The period of the rate.
    Period,
    /// The period of the rate, if it has 28 days.
    Window,
    /// Each working day of the period.
    WorkingDays,
}

impl CountRef {
    /// The total of a metric in the period of the rate.
    pub(super) const fn of(metric: &'static str) -> CountRef {
        CountRef { metric, by: &[], of: CountedOver::Period, population: None }
    }

    /// Adds dimensions.
    pub(super) const fn by(self, by: &'static [(&'static str, &'static str)]) -> CountRef {
        CountRef { by, ..self }
    }

    /// Sets the population.
    pub(super) const fn with_population(self, population: Population) -> CountRef {
        CountRef { population: Some(population), ..self }
    }

    /// Sets the periods.
    pub(super) const fn over(self, of: CountedOver) -> CountRef {
        CountRef { of, ..self }
    }

    /// The periods of the count that a rate of this period reveals.
    pub fn periods(&self, rate: Period) -> Vec<Period> {
        match self.of {
            CountedOver::Period => vec![rate],
            CountedOver::Window if rate.length() == WINDOW_DAYS => vec![rate],
            CountedOver::Window => Vec::new(),
            CountedOver::WorkingDays => {
                let working = rate.days().filter(|day| day.is_working_day());
                working.map(|day| Period { grain: Grain::Day, start: day, end: day }).collect()
            }
        }
    }
}

impl Unit {
    /// The counts that a rate reveals; empty for other units.
    pub fn revealed_counts(self) -> RevealedCounts {
        match self {
            Unit::Share(counts) | Unit::PerPerson(counts) => counts,
            _ => &[],
        }
    }

    /// The unit as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::People => "people",
            Unit::Events => "events",
            Unit::Share(_) => "share",
            Unit::PerPerson(_) => "per person",
            Unit::Lines => "lines of code",
            Unit::Seats => "seats",
            Unit::MergeRequests => "merge requests",
            Unit::Pipelines => "pipelines",
            Unit::Seconds => "seconds",
            Unit::Days => "days",
            Unit::DeploymentsPerDay => "deployments a day",
            Unit::Sessions => "sessions",
            Unit::Tokens => "tokens",
            Unit::Dollars => "dollars",
            Unit::Credits => "credits",
        }
    }
}

/// Day, ISO week, month and the last 28 days.
pub(super) const ALL_GRAINS: &[Grain] = &[Grain::Day, Grain::Week, Grain::Month, Grain::Window];

/// Marks a metric with a total in [`Definition::by`].
pub(super) const TOTAL: &str = "-";

impl Definition {
    /// Whether the metric has a total.
    pub fn has_total(&self) -> bool {
        self.by.contains(&TOTAL)
    }

    /// Whether the metric is split by exactly these dimensions.
    pub fn is_split_by(&self, by: &[(&str, &str)]) -> bool {
        let mut names: Vec<&str> = by.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        if names.is_empty() {
            return self.has_total();
        }
        self.by.iter().any(|split| {
            let mut dimensions: Vec<&str> = split.split('×').collect();
            dimensions.sort_unstable();
            dimensions == names
        })
    }
}
