//! How much of the requested data was collected.

use std::collections::BTreeMap;

use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{View, last_day_used};
use crate::base::calendar::Grain;
use crate::collect::collectors::{Span, by_name};

pub(super) const FAMILY: Family = Family { definitions: &[&DAYS], compute };

const DAYS: Definition = Definition {
    metric: "coverage.days",
    title: "Days collected",
    unit: Unit::Days,
    grains: &[Grain::Window],
    by: &["collector×status"],
    relations: &[Relation::Impersonal],
    text: "Days of the last 28 (rolling) by the result of their collection, for each collector: \
           complete, partial (some rows are missing), denied (no permission: role, tier or add-on), \
           unsupported (not available in this GitLab version), failed, skipped (sampling), imported \
           (events that may not be all events of the day), or not_collected (not requested). Lists \
           of seats and projects are counted by the day they were taken, up to two days later; sums \
           over several days are counted by the last of them.",
};

/// The status of days without a coverage line.
const NOT_COLLECTED: &str = "not_collected";

/// The status of days with imported events only.
const IMPORTED: &str = "imported";

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if sink.period.grain != Grain::Window || sink.period.end != view.until {
        return;
    }
    let (start, end) = (sink.period.start, sink.period.end);
    for (collector, days) in &view.collectors {
        // A snapshot has the day of the run, and sums have the last day: neither has a line per
        // day.
        let span = by_name(collector).map_or(Span::Day, |collector| collector.span());
        let is_daily = matches!(span, Span::Day | Span::Range);
        let last = if span == Span::Snapshot { last_day_used(end) } else { end };
        let mut by_status: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, state) in days.range(start..=last) {
            let status = if state.is_imported { IMPORTED } else { state.status.as_str() };
            *by_status.entry(status).or_default() += 1;
        }
        let with_status: u64 = by_status.values().sum();
        let missing = (sink.period.length() as u64).saturating_sub(with_status);
        // A day without imported events may just have had no events.
        if is_daily && missing > 0 && !by_status.contains_key(IMPORTED) {
            by_status.insert(NOT_COLLECTED, missing);
        }
        sink.cover_states(days.range(start..=end).map(|(_, state)| state));
        for (status, count) in by_status {
            sink.emit(
                &DAYS,
                &[("collector", collector), ("status", status)],
                MetricValue::count(count, None),
            );
        }
    }
}
