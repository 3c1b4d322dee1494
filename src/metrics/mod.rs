//! The metrics: one file a family with its definitions and how they are computed. To add a family, add a file
//! and one line to [`FAMILIES`].

mod activity;
mod agents;
mod agents_cost;
mod agents_credits;
mod agents_duration;
mod agents_sessions;
mod agents_tokens;
mod agents_tools;
mod chat;
mod code_review;
mod code_suggestions;
mod coverage;
pub mod definition;
mod dora;
mod engagement;
mod events;
pub mod idle;
mod impact;
mod merge_requests;
mod page;
mod people;
mod pipelines;
mod retention;
mod seats;
mod statistics;
mod troubleshoot;
mod users;
mod workflow;

pub use definition::{Count, Definition, Unit};

use crate::calendar::{Day, Grain, Period};
use crate::prices::Prices;
use crate::record::Metric;
use crate::view::{Resolved, View};
use activity::Activity;
use page::Page;

/// Metrics that belong together.
pub struct Family {
    /// What each of its metrics is.
    pub definitions: &'static [&'static Definition],
    /// Computes the metrics of one scope and period.
    compute: fn(&View<'_>, &mut Page<'_>),
}

/// Every family, in the order they are shown.
pub const FAMILIES: &[Family] = &[
    users::FAMILY,
    events::FAMILY,
    seats::FAMILY,
    code_suggestions::FAMILY,
    chat::FAMILY,
    code_review::FAMILY,
    troubleshoot::FAMILY,
    workflow::FAMILY,
    engagement::FAMILY,
    retention::FAMILY,
    agents_sessions::FAMILY,
    agents_duration::FAMILY,
    agents_tools::FAMILY,
    agents_tokens::FAMILY,
    agents_cost::FAMILY,
    agents_credits::FAMILY,
    merge_requests::FAMILY,
    pipelines::FAMILY,
    dora::FAMILY,
    impact::FAMILY,
    coverage::FAMILY,
];

/// Where definitions can be set.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Active days in 28 from which on somebody is a regular user.
    pub regular_from: u32,
    /// Active days in 28 from which on somebody is a heavy user.
    pub heavy_from: u32,
}

/// Every definition, in the order they are shown.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    FAMILIES.iter().flat_map(|family| family.definitions.iter().copied())
}

/// The numbers of one scope: what they are computed from, and over which periods.
pub struct Sheet<'a> {
    view: View<'a>,
    activity: Activity,
    periods: Vec<Period>,
    since: Day,
    thresholds: Thresholds,
    prices: Option<&'a Prices>,
}

/// A part of the numbers of a scope that can be computed by itself.
pub struct Task<'s, 'a> {
    sheet: &'s Sheet<'a>,
    /// `None` for what is told of single days alone.
    period: Option<Period>,
}

impl<'a> Sheet<'a> {
    /// A sheet a scope: for the window that ends with `until`, and for the periods that hold a day from `since` to `until`
    /// of which a line speaks. A period is computed over all its days, also those before `since`; days after `until`
    /// do not count.
    pub fn all(
        resolved: &Resolved<'a>,
        (since, until): (Day, Day),
        thresholds: Thresholds,
        prices: Option<&'a Prices>,
    ) -> Vec<Sheet<'a>> {
        let sheet = |view: View<'a>| {
            let days = view.days();
            let mut periods = vec![Period::holding(Grain::Window, until, until)];
            for grain in [Grain::Month, Grain::Week, Grain::Day] {
                let mut of_grain: Vec<Period> =
                    days.range(since..=until).map(|day| Period::holding(grain, *day, until)).collect();
                of_grain.dedup();
                periods.extend(of_grain);
            }
            Sheet { activity: Activity::of(&view), view, periods, since, thresholds, prices }
        };
        resolved.views(until).into_iter().map(sheet).collect()
    }

    /// What is to be computed, the longest first.
    pub fn tasks(&self) -> impl Iterator<Item = Task<'_, 'a>> {
        let periods = self.periods.iter().map(|period| Some(*period)).chain([None]);
        periods.map(|period| Task { sheet: self, period })
    }
}

impl Task<'_, '_> {
    /// Computes the numbers.
    pub fn compute(&self) -> Vec<Metric> {
        let Sheet { view, activity, since, thresholds, prices, .. } = self.sheet;
        let mut metrics = Vec::new();
        match self.period {
            Some(period) => {
                for family in FAMILIES {
                    let mut page = Page::new(view, activity, period, *thresholds, &mut metrics);
                    page.prices = *prices;
                    (family.compute)(view, &mut page);
                }
            }
            None => seats::compute_snapshots(view, activity, *since, &mut metrics, *thresholds),
        }
        metrics
    }
}

/// Puts metrics into the order in which they are written.
pub fn sort(metrics: &mut [Metric]) {
    metrics.sort_by(|one, other| {
        let key = |metric: &Metric| (metric.grain, metric.start, metric.end);
        (&one.metric, &one.instance, &one.scope, key(one), &one.by).cmp(&(
            &other.metric,
            &other.instance,
            &other.scope,
            key(other),
            &other.by,
        ))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate_says_what_it_tells_of_other_metrics() {
        for definition in definitions() {
            let is_rate = matches!(definition.unit, Unit::Share(_) | Unit::PerPerson(_));
            let counts = definition.unit.counts();
            // GitLab gives the one without its parts; the other tells of cohorts what nothing else does.
            let tells_nothing =
                ["dora.change_failure_rate", "engagement.retention"].contains(&definition.metric);
            assert_eq!(is_rate && !tells_nothing, !counts.is_empty(), "{}", definition.metric);
            for count in counts.iter().copied().flatten() {
                let told = definitions().find(|other| other.metric == count.metric).expect(count.metric);
                assert!(told.is_split_by(count.by) || count.by.is_empty(), "{count:?}");
                assert!(!matches!(told.unit, Unit::Share(_) | Unit::PerPerson(_)), "{count:?}");
            }
        }
    }

    #[test]
    fn every_metric_is_defined_once_and_said_in_full() {
        let mut names: Vec<&str> = definitions().map(|definition| definition.metric).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for definition in definitions() {
            assert!(definition.text.ends_with('.') && !definition.grains.is_empty(), "{}", definition.metric);
        }
    }
}
