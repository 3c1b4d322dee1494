//! What a metric is, said once: the text feeds the pages, docs/metrics.md and the help.

use crate::base::calendar::{Grain, Period, WINDOW_DAYS};
use crate::model::record::Population;

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
    Share(Counts),
    /// Events or things per person.
    PerPerson(Counts),
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

/// What a rate tells beside its value, by lists of counts: those of each list add up to its numerator, to its
/// denominator or to the difference of the two. A rate cannot be told where one of a list is not.
pub type Counts = &'static [&'static [Count]];

/// A count that another metric tells, of the same place and period, and by the same dimensions and these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The metric.
    pub metric: &'static str,
    /// The dimensions that it has beside those of the rate.
    pub by: &'static [(&'static str, &'static str)],
    /// Of which periods.
    pub of: CountedOver,
    /// Who is counted, where that is a choice.
    pub population: Option<Population>,
}

/// The periods of a count that a rate tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedOver {
    /// The period of the rate.
    Period,
    /// The period of the rate, where it has 28 days.
    Window,
    /// The working days of the period, each by itself.
    WorkingDays,
}

impl Count {
    /// A count of the period of the rate.
    pub(super) const fn of(metric: &'static str) -> Count {
        Count { metric, by: &[], of: CountedOver::Period, population: None }
    }

    /// The same by more dimensions.
    pub(super) const fn by(self, by: &'static [(&'static str, &'static str)]) -> Count {
        Count { by, ..self }
    }

    /// The same of one of several populations.
    pub(super) const fn among(self, population: Population) -> Count {
        Count { population: Some(population), ..self }
    }

    /// The same over other periods.
    pub(super) const fn over(self, of: CountedOver) -> Count {
        Count { of, ..self }
    }

    /// The periods of it that a rate of this period tells.
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
    /// What a rate tells beside its value; nothing of what is no rate.
    pub fn counts(self) -> Counts {
        match self {
            Unit::Share(counts) | Unit::PerPerson(counts) => counts,
            _ => &[],
        }
    }

    /// The unit in words.
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
    pub fn is_split_by(&self, by: &[(&str, &str)]) -> bool {
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
