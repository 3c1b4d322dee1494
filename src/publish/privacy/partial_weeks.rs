//! The parts of weeks that two months share.
//!
//! No line of a part is published, but a month is the sum of its weeks and of the parts at its ends, and such a
//! week is the sum of its parts: from one month to the next, published weeks and months reveal them, and
//! so what remains for a single day. A part takes part in the relations as a line that is not published.

use std::collections::{BTreeMap, BTreeSet};

use super::audit::{self, TOLERANCE};
use super::relations::number_of;
use super::relations::rates::{DURATION, finished, without_stat};
use super::teams::is_of_teams;
use super::{Line, declares, is_implied};
use crate::aggregate::metrics::Relation;
use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::metric::{Metric, Population};
use crate::model::number::Number;

/// What a part counts, and at least how many people are behind it.
#[derive(Clone, Copy, Default)]
struct Sum {
    n: f64,
    value: f64,
    people: Option<u64>,
}

/// The identity of a part.
type Key<'a> = (&'a str, &'a str, &'a str, Option<Population>, &'a Dimensions, Day);

/// Whether a period is a part of a week.
pub(super) fn is_partial_week(period: Period) -> bool {
    period.grain == Grain::Week && period.length() < 7
}

/// The two parts of a week in which a month ends.
pub(super) fn parts_of_week(week: Period) -> Option<[Period; 2]> {
    let month = Period::containing(Grain::Month, week.start, week.end);
    (week.grain == Grain::Week && !is_partial_week(week) && month.end < week.end)
        .then(|| [Period { end: month.end, ..week }, Period { start: month.end.plus(1), ..week }])
}

/// Whether a day of this metric is in a part of a week.
pub(super) fn is_in_part(metric: &str, day: Day) -> bool {
    adds_up(metric) && parts_of_week(Period::containing(Grain::Week, day, day)).is_some()
}

/// The parts of the weeks among these lines, with the sums of their days; none if these do not add up to the
/// week. A part is not suppressed if everyone knows that nothing happened: its days are published, or those of
/// its events, or its month has other lines but none of this.
///
/// Teams have no days, so that only their week is known, and not what its parts count.
pub(super) fn parts<'a>(lines: &[Line<'a>], metrics: &[&'a Metric]) -> Vec<Line<'a>> {
    let sums = sums(metrics);
    let months = Months::of(lines);
    let units = audit::units();
    let mut all = Vec::new();
    for (week, parts) in weeks(lines) {
        if week.by.names().any(is_of_teams) {
            all.extend(parts.map(|part| unknown(week, part)));
            continue;
        }
        let number = |line: &Line<'_>| number_of(line, false, units.get(week.metric).copied());
        let is_week = |[one, other]: &[Line<'_>; 2]| {
            let sum = number(one).zip(number(other)).map(|(one, other)| one + other);
            sum.zip(number(week)).is_some_and(|(sum, week)| (sum - week).abs() <= TOLERANCE * week.max(1.0))
        };
        let sums_of = |metric: &str, by: &Dimensions| {
            parts.map(|period| {
                let key = (metric, week.instance, week.scope, week.population, by, period.start);
                let Sum { n, value, people } = sums.get(&key).copied().unwrap_or_default();
                let n = week.n.map(|of_week| number_like(of_week, n));
                let value = week.value.map(|of_week| number_like(of_week, value));
                Line { n, value, people, ..unknown(week, period) }
            })
        };
        let found = match week.metric {
            // Durations have no days, but are those of the finished, or of all sessions.
            DURATION => [finished(week.by), without_stat(week.by)]
                .iter()
                .map(|by| sums_of("agents.sessions", by))
                .find(is_week),
            metric => Some(sums_of(metric, week.by)).filter(is_week),
        };
        let Some(found) = found else { continue };
        let shows_days = week.by.is_empty() || is_implied(week.metric, Grain::Day, week.by);
        all.extend(found.map(|part| {
            let is_known = number(&part) == Some(0.0) && (shows_days || months.lack(&part));
            Line { is_suppressed: !is_known, ..part }
        }));
    }
    all
}

/// The sums of the days of each part.
fn sums<'a>(metrics: &[&'a Metric]) -> BTreeMap<Key<'a>, Sum> {
    let mut sums: BTreeMap<Key<'_>, Sum> = BTreeMap::new();
    for metric in metrics.iter().filter(|metric| metric.grain == Grain::Day) {
        let week = Period::containing(Grain::Week, metric.start, metric.start);
        let Some(parts) = parts_of_week(week).filter(|_| adds_up(&metric.metric)) else { continue };
        let part = parts[usize::from(metric.start > parts[0].end)];
        let key =
            (&*metric.metric, &*metric.instance, &*metric.scope, metric.population, &metric.by, part.start);
        let number = |number: Option<Number>| number.map_or(0.0, Number::as_f64);
        let sum = sums.entry(key).or_insert(Sum { people: Some(0), ..Sum::default() });
        sum.n += number(metric.n);
        sum.value += number(metric.value);
        sum.people = sum.people.zip(metric.people).map(|(most, people)| most.max(people));
    }
    sums
}

/// The months with lines.
struct Months<'a> {
    of_metrics: BTreeSet<(&'a str, &'a str, &'a str, Day)>,
    of_lines: BTreeSet<Key<'a>>,
}

impl<'a> Months<'a> {
    fn of(lines: &[Line<'a>]) -> Months<'a> {
        let mut months = Months { of_metrics: BTreeSet::new(), of_lines: BTreeSet::new() };
        let of_months = lines.iter().filter(|line| line.period.grain == Grain::Month);
        for line in of_months.filter(|line| adds_up(line.metric)) {
            let Line { metric, instance, scope, population, by, period, .. } = *line;
            months.of_metrics.insert((metric, instance, scope, period.start));
            months.of_lines.insert((metric, instance, scope, population, by, period.start));
        }
        months
    }

    /// Whether the month of a part has no line of what the part counts, but others.
    fn lack(&self, part: &Line<'_>) -> bool {
        let Line { metric, instance, scope, population, by, period, .. } = *part;
        let month = Period::containing(Grain::Month, period.start, period.start).start;
        self.of_metrics.contains(&(metric, instance, scope, month))
            && !self.of_lines.contains(&(metric, instance, scope, population, by, month))
    }
}

/// A sum as a number of the same kind.
fn number_like(other: Number, sum: f64) -> Number {
    match other {
        Number::Count(_) => Number::Count(sum as u64),
        Number::Measure(_) => Number::Measure(sum),
    }
}

/// The parts of the weeks among published lines: nobody knows what they count.
pub(super) fn unknown_parts<'a>(lines: &[Line<'a>]) -> Vec<Line<'a>> {
    weeks(lines).flat_map(|(week, parts)| parts.map(|part| unknown(week, part))).collect()
}

/// A part of a week, of which nobody knows what it counts.
fn unknown<'a>(week: &Line<'a>, part: Period) -> Line<'a> {
    Line { period: part, n: None, value: None, of: None, people: None, is_suppressed: true, ..week.clone() }
}

/// The weeks in which a month ends, and their parts.
fn weeks<'l, 'a>(lines: &'l [Line<'a>]) -> impl Iterator<Item = (&'l Line<'a>, [Period; 2])> {
    let lines = lines.iter().filter(|line| line.period.grain == Grain::Week && adds_up(line.metric));
    lines.filter_map(|line| Some((line, parts_of_week(line.period)?)))
}

/// Whether the periods of a metric add up to longer ones.
fn adds_up(metric: &str) -> bool {
    declares(metric, |relation| matches!(relation, Relation::Sums | Relation::Statistics))
}
