//! Periods that can still change, which are not published.

use super::{Disclosure, METRIC, has_no_personal_data};
use crate::base::calendar::{Day, Grain};
use crate::model::metric::Metric;

/// Metrics of the bill for the current month, which the budget needs before it ends. They contain no
/// sum up to a day: the difference of two such sums would be what people used on the days between.
const BILL: [&str; 5] = [
    "credits.commitment",
    "credits.forecast",
    "credits.people_over_cap",
    "credits.run_out_on",
    "credits.waiver",
];

/// The periods that can still change.
pub(super) struct OpenPeriods {
    /// The last day of the last closed week; `None` if no period is open.
    closed: Option<Day>,
}

impl OpenPeriods {
    /// The open periods of these lines, for data up to the end of their newest window or day.
    pub(super) fn of(metrics: &[&Metric], disclosure: Disclosure) -> OpenPeriods {
        let newest = |grain| {
            let personal = metrics.iter().filter(|metric| !has_no_personal_data(&metric.metric));
            personal.filter(|metric| metric.grain == grain).map(|metric| metric.end).max()
        };
        let until = newest(Grain::Window).or_else(|| newest(Grain::Day));
        OpenPeriods { closed: until.filter(|_| !disclosure.open_periods).map(Day::last_closed) }
    }

    /// Whether the line is one of an open period.
    pub(super) fn contain(&self, metric: &Metric) -> bool {
        let Some(closed) = self.closed else { return false };
        let is_always_published = has_no_personal_data(&metric.metric)
            || metric.metric == METRIC
            || BILL.contains(&&*metric.metric);
        !is_always_published
            && match metric.grain {
                Grain::Window => metric.end != closed,
                Grain::Day | Grain::Week | Grain::Month => metric.end > closed,
            }
    }
}
