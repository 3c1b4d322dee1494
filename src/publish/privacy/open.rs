//! Periods that can still change, which are not published.

use std::collections::BTreeMap;

use super::{Disclosure, Line, METRIC, has_no_personal_data};
use crate::base::calendar::{Day, Grain, Period};
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

/// Which periods can still change.
pub(super) struct OpenPeriods<'a> {
    /// The last day of the last closed week; `None` if all periods are published.
    closed: Option<Day>,
    /// The end of the newest window of each group.
    newest_windows: BTreeMap<(&'a str, &'a str), Day>,
}

impl<'a> OpenPeriods<'a> {
    /// The open periods of these lines, for data up to the end of their newest window or day.
    pub(super) fn of(metrics: &[&'a Metric], disclosure: Disclosure) -> OpenPeriods<'a> {
        let newest = |grain| {
            let personal = metrics.iter().filter(|metric| !has_no_personal_data(&metric.metric));
            personal.filter(|metric| metric.grain == grain).map(|metric| metric.end).max()
        };
        let until = newest(Grain::Window).or_else(|| newest(Grain::Day));
        let mut newest_windows = BTreeMap::new();
        for metric in metrics.iter().filter(|metric| metric.grain == Grain::Window) {
            let group = (metric.instance.as_str(), metric.scope.as_str());
            let newest: &mut Day = newest_windows.entry(group).or_insert(metric.end);
            *newest = metric.end.max(*newest);
        }
        let closed = until.filter(|_| !disclosure.open_periods).map(Day::last_closed);
        OpenPeriods { closed, newest_windows }
    }

    /// Whether a line is published now, or was published when its week closed: windows of earlier weeks
    /// were.
    pub(super) fn leave_out(&self, metric: &Metric) -> bool {
        let Some(closed) = self.closed else {
            let newest = self.newest_windows.get(&(metric.instance.as_str(), metric.scope.as_str()));
            return metric.grain == Grain::Window && newest.is_some_and(|newest| metric.end < *newest);
        };
        !is_of_any_day(&metric.metric)
            && (metric.end > closed || (metric.grain == Grain::Window && metric.end.sunday() != metric.end))
    }

    /// Whether a line is published now.
    pub(super) fn show(&self, line: &Line<'_>) -> bool {
        let is_older_window = |closed| line.period.grain == Grain::Window && line.period.end != closed;
        is_of_any_day(line.metric) || !self.closed.is_some_and(is_older_window)
    }

    /// When a period is published for the first time: with the last day of the week in which it ends.
    /// `None` if all periods are published together.
    pub(super) fn first_published(&self, period: Period) -> Option<Day> {
        self.closed.map(|_| period.end.sunday())
    }
}

/// Whether a metric is published up to the last day.
pub(super) fn is_of_any_day(metric: &str) -> bool {
    has_no_personal_data(metric) || metric == METRIC || BILL.contains(&metric)
}
