//! Suppression of values with fewer than k people behind them, and of values that would reveal them
//! by subtraction.
//!
//! Every page, card and table is built from [`publish`]ed lines, so that suppression cannot be
//! forgotten in one place. Sums are computed earlier, in `aggregate`: totals stay correct.

mod attack;
mod audit;
mod differences;
mod groups;
mod line_index;
mod open;
mod order;
mod partial_weeks;
mod relations;
mod suppress;
mod teams;

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use crate::aggregate::metrics::reconcile::METRIC;
use crate::aggregate::metrics::{Definition, Relation, Unit, definitions};
use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::metric::{Explanation, Metric, MetricSource, Population, Reason};
use crate::model::number::Number;
use groups::GroupSizes;
use line_index::LineIndex;
use open::OpenPeriods;
use order::Order;
use partial_weeks::is_partial_week;
use relations::Relations;
use suppress::Suppressor;
use teams::{Combinations, is_internal};

pub use attack::{Finding, Revealed, attack, combine};

/// A metric line as it is published. If it is suppressed, everything that counts people or what they
/// did is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// The name of the metric.
    pub metric: &'a str,
    /// The address of the GitLab instance.
    pub instance: &'a str,
    /// The group path, `/` for a whole instance, or `*` for the union.
    pub scope: &'a str,
    /// The grain, and the first and last day.
    pub period: Period,
    /// Who is counted, if the metric has several populations.
    pub population: Option<Population>,
    /// The dimensions.
    pub by: &'a Dimensions,
    /// The value; `None` if it is suppressed or unknown.
    pub value: Option<Number>,
    /// The numerator, the count or the number of observations.
    pub n: Option<Number>,
    /// The denominator.
    pub of: Option<Number>,
    /// Distinct people behind the value; published where they are the value.
    pub people: Option<u64>,
    /// Complete days divided by the days of the period.
    pub coverage: f64,
    /// Days known from imported events alone, divided by the days of the period.
    pub imported: f64,
    /// Share of rows that carry the measured field.
    pub basis: Option<f64>,
    /// Whether the period is final.
    pub is_final: bool,
    /// Why `value` is `None`, if it is not suppressed.
    pub reason: Option<Reason>,
    /// The name and date of the price file that the value depends on.
    pub prices: Option<&'a str>,
    /// The kind of source of the value, if the metric has several.
    pub source: Option<MetricSource>,
    /// The known reason of a difference from GitLab's own count.
    pub explanation: Option<Explanation>,
    /// Whether the values are suppressed.
    pub is_suppressed: bool,
}

/// What may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// Values with fewer people behind them, but at least one, are suppressed.
    pub min_people: u64,
    /// Whether periods that can still change are published, and days by what people did. Two sites of
    /// successive days then reveal what happened on the day between.
    pub open_periods: bool,
}

/// What is shown for a suppressed value. One mark for all of them: which ones have few people behind
/// them, and which ones protect those, would narrow the count down.
pub const SUPPRESSED: &str = "suppressed";

/// The published lines, in a fixed order.
///
/// - Only closed periods are published, unless the disclosure opens them: days and weeks up to the last
///   closed week, months that ended by then, and the 28 days that end with it. Their values do not
///   change any more, so that two sites differ by whole weeks.
/// - A line with at least one person but fewer than `min_people` behind it is suppressed. A value
///   without people of its own follows those of its group. A group of fewer people than that publishes
///   only which days were collected.
/// - What was published when a week closed stays as it was: the values of a week are decided without
///   those of later weeks.
/// - Further lines are suppressed until no suppressed count can be computed from published ones within
///   fewer than `min_people` neighboring values, and no difference of published counts counts fewer
///   than `min_people` people. The relations are those that each metric declares ([`Relation`]), and
///   those of teams.
/// - Day lines by dimension are not published, except differences from GitLab's own counts without
///   these counts.
/// - Numbers of people are published where they are the value.
///
/// [`Relation`]: crate::aggregate::metrics::Relation
pub fn publish<'a>(metrics: impl IntoIterator<Item = &'a Metric>, disclosure: Disclosure) -> Vec<Line<'a>> {
    let Disclosure { min_people, .. } = disclosure;
    let metrics: Vec<&Metric> = metrics.into_iter().collect();
    let mut combinations = Combinations::default();
    metrics.iter().for_each(|metric| combinations.add(metric));
    let groups = GroupSizes::of(&metrics);
    let open = OpenPeriods::of(&metrics, disclosure);
    let is_published = |metric: &&&Metric| {
        (is_publishable(metric) || is_implied(&metric.metric, metric.grain, &metric.by))
            && !is_internal(&metric.metric)
            && !open.leave_out(metric)
            && differences::is_published(metric, min_people)
    };
    let mut lines: Vec<Line> = metrics.iter().filter(is_published).map(|metric| Line::new(metric)).collect();
    let mut parts = partial_weeks::parts(&lines, &metrics);
    for part in &mut parts {
        // Not known how many, but few.
        if part.people.is_none() && groups.has_few_people(part, min_people) {
            part.people = Some(1);
        }
    }
    lines.append(&mut parts);
    lines.sort_by(|a, b| a.key().cmp(&b.key()));
    lines.dedup_by(|a, b| a.key() == b.key());

    for line in &mut lines {
        line.is_suppressed |=
            (line.is_implied() && !is_partial_week(line.period)) || groups.has_few_people(line, min_people);
    }
    let order = Order::of(&lines, |line| open.first_published(line.period));
    let index = LineIndex::of(&lines);
    let relations = Relations::of(&index, &order);
    let teams = combinations.relations(&index);
    teams.suppress(&mut lines, min_people);
    let is_suppressed = Suppressor::new(&lines, &order, &relations, &teams, min_people).run();
    for (at, line) in lines.iter_mut().enumerate() {
        line.is_suppressed = is_suppressed[order.place(at)];
    }
    lines.retain(|line| open.show(line) && !line.is_implied());

    for line in &mut lines {
        line.hide();
    }
    differences::hide_counts(&mut lines);
    lines
}

/// Whether a line can be published: a day is not split by what people did.
///
/// Lines of the answer are made from published lines; those of an input are dropped.
fn is_publishable(metric: &Metric) -> bool {
    if metric.metric.starts_with("answer.") {
        return false;
    }
    metric.grain != Grain::Day || metric.by.is_empty() || has_daily_breakdown(&metric.metric)
}

/// Whether days of a metric are published by their dimensions. Differences from GitLab's own counts
/// are, without the counts themselves.
fn has_daily_breakdown(metric: &str) -> bool {
    has_no_personal_data(metric) || metric == METRIC
}

/// Whether [`publish`] uses a line: it is published, or published lines reveal it.
pub fn is_used(metric: &Metric) -> bool {
    let mut names = metric.by.names();
    let dimension = names.next().filter(|_| names.next().is_none());
    is_publishable(metric)
        || (metric.grain == Grain::Day && is_breakdown_used(&metric.metric, metric.start, dimension))
}

/// Whether [`publish`] uses a day of a metric by what people did; `dimension` is the only dimension,
/// or `None`.
pub fn is_breakdown_used(metric: &str, day: Day, dimension: Option<&str>) -> bool {
    has_daily_breakdown(metric)
        || dimension.is_some_and(|dimension| is_implied_day(metric, dimension))
        || partial_weeks::is_in_part(metric, day)
}

/// Whether a line is not published, but counts what published totals of single events and of all
/// events of a day count together.
fn is_implied(metric: &str, grain: Grain, by: &Dimensions) -> bool {
    let mut names = by.names();
    let dimension = names.next().filter(|_| names.next().is_none());
    grain == Grain::Day && dimension.is_some_and(|dimension| is_implied_day(metric, dimension))
}

fn is_implied_day(metric: &str, dimension: &str) -> bool {
    matches!(dimension, "event" | "kind" | "status")
        && declares(metric, |relation| *relation == Relation::Sums)
}

/// The identity of a line, in the order of the lines.
pub type Key<'a> = (&'a str, &'a str, &'a str, Grain, Day, Day, Option<Population>, &'a Dimensions);

impl<'a> Line<'a> {
    fn new(metric: &'a Metric) -> Line<'a> {
        Line {
            metric: &metric.metric,
            instance: &metric.instance,
            scope: &metric.scope,
            period: metric.period(),
            population: metric.population,
            by: &metric.by,
            value: metric.value,
            n: metric.n,
            of: metric.of,
            people: metric.people,
            coverage: metric.coverage,
            imported: metric.imported,
            basis: metric.basis,
            is_final: metric.is_final,
            reason: metric.reason,
            prices: metric.prices.as_deref(),
            source: metric.source,
            explanation: metric.explanation,
            is_suppressed: false,
        }
    }

    /// A line that was published before, or an answer that is made from published lines.
    pub fn published(metric: &'a Metric, is_suppressed: bool) -> Line<'a> {
        Line { is_suppressed, ..Line::new(metric) }
    }

    /// The identity of the line; lines are sorted by it.
    pub fn key(&self) -> Key<'a> {
        let Period { grain, start, end } = self.period;
        (self.metric, self.instance, self.scope, grain, start, end, self.population, self.by)
    }

    /// Whether the line is not published and only takes part in the relations of those that are.
    fn is_implied(&self) -> bool {
        is_implied(self.metric, self.period.grain, self.by) || is_partial_week(self.period)
    }

    /// Removes what must not be published.
    fn hide(&mut self) {
        if !self.is_suppressed {
            // Differences of the people behind two values would count people.
            if !counts_people(self.metric) {
                self.people = None;
            }
            return;
        }
        // An unknown value is not suppressed and keeps its reason, except for "too few", which reveals
        // the number of observations.
        if self.value.is_none() && self.reason.is_some_and(|reason| reason != Reason::TooFew) {
            self.is_suppressed = false;
        } else {
            self.reason = None;
        }
        (self.value, self.n, self.of, self.people, self.basis) = (None, None, None, None, None);
        self.explanation = None;
    }

    /// The identity without dimensions.
    fn series(&self) -> impl Ord + use<'a> {
        (self.metric, self.instance, self.scope, self.period, self.population)
    }
}

/// Whether a metric contains nothing about what people did: seats by add-on, and days by collector.
fn has_no_personal_data(metric: &str) -> bool {
    declares(metric, |relation| *relation == Relation::Impersonal)
}

/// Whether the value of a metric is a number of people.
fn counts_people(metric: &str) -> bool {
    definition_of(metric).is_some_and(|definition| definition.unit == Unit::People)
}

/// Whether a metric declares such a relation.
fn declares(metric: &str, is_wanted: impl Fn(&Relation) -> bool) -> bool {
    definition_of(metric).is_some_and(|definition| definition.relations.iter().any(is_wanted))
}

fn definition_of(metric: &str) -> Option<&'static Definition> {
    static BY_NAME: LazyLock<HashMap<&str, &Definition, FixedState>> =
        LazyLock::new(|| definitions().map(|definition| (definition.metric, definition)).collect());
    BY_NAME.get(metric).copied()
}

#[cfg(test)]
mod tests;
