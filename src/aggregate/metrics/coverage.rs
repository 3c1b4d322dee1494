//! How much of what was asked for is there.

use std::collections::BTreeMap;

use super::page::{Figure, Page};
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
    text: "Days of the 28 by how their collection ended, for each collector: complete, partial (some rows are missing), \
           denied (role, tier or add-on), unsupported (this GitLab does not have it), failed, skipped (sampling), \
           imported (events that do not state whether they are all of the day), or not_collected (nobody asked). Lists of seats and projects are counted by the days they were taken, up to two days later, sums over \
           several days by the last of them.",
};

/// The status of days that no line speaks of.
const NOT_COLLECTED: &str = "not_collected";

/// The status of days of which only imported events are known.
const IMPORTED: &str = "imported";

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if page.period.grain != Grain::Window {
        return;
    }
    let (start, end) = (page.period.start, page.period.end);
    for (collector, days) in &view.collectors {
        // A snapshot is taken when the run is, and sums are of the last day; neither is asked for each day.
        let span = by_name(collector).map_or(Span::Day, |collector| collector.span());
        let is_of_days = matches!(span, Span::Day | Span::Range);
        let last = if span == Span::Snapshot { last_day_used(end) } else { end };
        let mut by_status: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, state) in days.range(start..=last) {
            let status = if state.is_imported { IMPORTED } else { state.status.as_str() };
            *by_status.entry(status).or_default() += 1;
        }
        let told: u64 = by_status.values().sum();
        let silent = (page.period.length() as u64).saturating_sub(told);
        // A day without imported events may have had none.
        if is_of_days && silent > 0 && !by_status.contains_key(IMPORTED) {
            by_status.insert(NOT_COLLECTED, silent);
        }
        page.rest_on_states(days.range(start..=end).map(|(_, state)| state));
        for (status, count) in by_status {
            page.emit(&DAYS, &[("collector", collector), ("status", status)], Figure::count(count, None));
        }
    }
}
