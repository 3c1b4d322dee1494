//! The report of `fetch`: the result of each collector in each scope, and its gaps.

use std::collections::BTreeMap;

use serde_json::json;

use crate::base::calendar::Day;
use crate::base::text::format_count;
use crate::collect::collectors::{Requirement, by_name};
use crate::model::coverage::{Coverage, Status};
use crate::system::summary::Summary;

/// The result of a collector in a scope.
#[derive(Default)]
struct ScopeTotal<'a> {
    complete_days: u64,
    rows: u64,
    unreadable: u64,
    /// Why rows were unreadable, on the first of their days.
    unreadable_reason: Option<&'a str>,
    /// The days of each status and reason.
    gaps: BTreeMap<(Status, &'a str), Vec<Day>>,
    /// Whether the user named the collector, or a dashboard needs it.
    is_required: bool,
}

impl ScopeTotal<'_> {
    /// Whether days with this status can make the run partial.
    fn is_gap(&self, status: Status) -> bool {
        match status {
            Status::Complete | Status::Skipped => false,
            Status::Partial | Status::Failed => true,
            // An optional collector without permission is a gap only if it has some on other days.
            Status::Denied | Status::Unsupported => self.is_required || self.complete_days > 0,
        }
    }
}

/// Adds a line per collector and scope to the summary, and one per gap, that is, for all its days
/// with the same status and reason. The coverage lines are sorted by day.
pub fn report(coverage: &[Coverage], summary: &mut Summary) {
    let mut collected = Vec::new();
    for ((scope, collector), total) in &totals(coverage) {
        let ScopeTotal { complete_days, rows, unreadable, unreadable_reason, gaps, .. } = total;
        summary.message(format!(
            "{collector} of {scope}: {} complete, {}",
            format_count(*complete_days, "day"),
            format_count(*rows, "row")
        ));
        if *unreadable > 0 {
            let all = rows + unreadable;
            summary.warning(format!(
                "{collector} of {scope}: GitLab returned {} of {all} ({:.1}%) as null, for example: {}",
                format_count(*unreadable, "row"),
                100.0 * *unreadable as f64 / all as f64,
                unreadable_reason.unwrap_or("no reason given")
            ));
        }
        for ((status, reason), days) in gaps {
            let (text, days) = (status_text(*status), format_days(days));
            let message = format!("{collector} of {scope}: {text} on {days}: {reason}");
            if total.is_gap(*status) { summary.warning(message) } else { summary.message(message) }
        }
        let gaps: Vec<_> = gaps
            .iter()
            .map(|((status, reason), days)| json!({"status": status, "reason": reason, "days": days}))
            .collect();
        collected.push(json!({
            "collector": collector,
            "scope": scope,
            "complete_days": complete_days,
            "rows": rows,
            "unreadable": unreadable,
            "gaps": gaps,
        }));
    }
    summary.field("collected", collected);
}

/// The result of each scope and collector.
fn totals(coverage: &[Coverage]) -> BTreeMap<(&str, &str), ScopeTotal<'_>> {
    let mut totals: BTreeMap<(&str, &str), ScopeTotal<'_>> = BTreeMap::new();
    for line in coverage {
        let total = totals.entry((&line.scope, &line.collector)).or_default();
        total.rows += line.rows.unwrap_or(0);
        total.is_required |= line.named
            || by_name(&line.collector).is_none_or(|known| known.info().requirement == Requirement::Core);
        total.unreadable += line.unreadable;
        if line.unreadable > 0 && total.unreadable_reason.is_none() {
            total.unreadable_reason = line.reason.as_deref();
        }
        match (line.status, line.reason.as_deref()) {
            (Status::Complete, _) => total.complete_days += 1,
            (status, reason) => {
                let key = (status, reason.unwrap_or("no reason given"));
                total.gaps.entry(key).or_default().push(line.day);
            }
        }
    }
    totals
}

/// A status in prose.
fn status_text(status: Status) -> &'static str {
    match status {
        Status::Denied => "no permission",
        Status::Unsupported => "not available",
        status => status.as_str(),
    }
}

/// Days as text, with runs of consecutive days as ranges.
fn format_days(days: &[Day]) -> String {
    let ranges = days.chunk_by(|one, next| next.days_since(*one) == 1).map(|run| match run {
        [first, .., last] => format!("{first} to {last}"),
        days => days.iter().map(Day::to_string).collect(),
    });
    ranges.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_consecutive_days_as_a_range() {
        let days = ["2026-10-01", "2026-10-29", "2026-10-30", "2026-10-31"]
            .map(|day| day.parse().expect("a literal day"));
        assert_eq!(format_days(&days), "2026-10-01, 2026-10-29 to 2026-10-31");
    }
}
