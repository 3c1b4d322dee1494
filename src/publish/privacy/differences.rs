//! Differences from GitLab's own counts: what of them is published.
//!
//! A day by event is not published otherwise, so a day's difference stands alone, without its counts,
//! and only if enough people are behind them. The counts of the last 28 days are those of
//! `events.count` or not published: the difference of the two would be the count of the days that
//! were not compared. Counts of users are never published with them: each day counts users anew,
//! bots included, and the published days would reveal a suppressed one.

use super::Line;
use crate::aggregate::metrics::reconcile::{METRIC, event_of};
use crate::base::calendar::Grain;
use crate::base::dimensions::Dimensions;
use crate::model::metric::Metric;

/// Whether a line is published, if it is a difference: a day only if there is a difference, and no
/// small group is behind it.
pub(super) fn is_published(metric: &Metric, min_people: u64) -> bool {
    let is_different = metric.value.is_some_and(|value| value.as_f64() != 0.0);
    metric.metric != METRIC
        || metric.grain != Grain::Day
        || (is_different && metric.people.is_some_and(|people| people >= min_people))
}

/// Removes the counts that must not be published from the lines, which are sorted by their keys.
pub(super) fn hide_counts(lines: &mut [Line<'_>]) {
    let hides = |line: &Line<'_>| line.metric == METRIC && !is_known_count(line, lines);
    let hidden: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| hides(line)).map(|(at, _)| at).collect();
    for at in hidden {
        let line = &mut lines[at];
        (line.n, line.of, line.people) = (None, None, None);
    }
}

/// Whether the count of a difference is published as `events.count` of the same event too.
fn is_known_count(line: &Line<'_>, lines: &[Line<'_>]) -> bool {
    let Some(event) = event_of(line.by).filter(|_| line.period.grain == Grain::Window) else { return false };
    let by: Dimensions = [("event", event)].into_iter().collect();
    let key = ("events.count", line.instance, line.scope, line.period, &by);
    let found = lines.binary_search_by(|other| {
        (other.metric, other.instance, other.scope, other.period, other.by).cmp(&key)
    });
    found.is_ok_and(|at| lines[at].n.is_some() && lines[at].n == line.n)
}
