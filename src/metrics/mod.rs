//! The metrics: one file a family with its definitions and how they are computed. To add a family, add a file
//! and one line to [`FAMILIES`].

mod chat;
mod code_suggestions;
mod coverage;
pub mod definition;
mod engagement;
mod events;
pub mod idle;
mod merge_requests;
mod page;
mod people;
mod pipelines;
mod seats;
mod statistics;
mod troubleshoot;
mod users;

pub use definition::{Definition, Unit};

use crate::calendar::{Day, Grain, Period};
use crate::record::Metric;
use crate::view::{Resolved, View};
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
    troubleshoot::FAMILY,
    engagement::FAMILY,
    merge_requests::FAMILY,
    pipelines::FAMILY,
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

/// All metrics of every scope, in a fixed order: for the window that ends with `until`, and for the periods that
/// hold a day from `since` to `until` of which a line speaks. A period is computed over all its days, also those
/// before `since`; days after `until` do not count.
pub fn compute(resolved: &Resolved<'_>, since: Day, until: Day, thresholds: Thresholds) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for view in resolved.views(until) {
        let days = view.days();
        for grain in [Grain::Day, Grain::Week, Grain::Month, Grain::Window] {
            let holding = |day| Period::holding(grain, day, until);
            let mut periods: Vec<Period> = match grain {
                Grain::Window => vec![holding(until)],
                _ => days.range(since..=until).map(|day| holding(*day)).collect(),
            };
            periods.dedup();
            for period in periods {
                for family in FAMILIES {
                    (family.compute)(&view, &mut Page::new(&view, period, thresholds, &mut metrics));
                }
            }
        }
        seats::compute_snapshots(&view, since, &mut metrics, thresholds);
    }
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
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

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
