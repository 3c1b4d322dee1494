//! Suppression of values with fewer than k people behind them, and of values that would reveal them
//! by subtraction.
//!
//! Every page, card and table is built from [`publish`]ed lines, so that suppression cannot be
//! forgotten in one place. Sums are computed earlier, in `aggregate`: totals stay correct.

mod constraints;
mod differences;
mod teams;

use crate::aggregate::metrics::reconcile::METRIC;
use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::metric::{Explanation, Metric, MetricSource, Population, Reason};
use crate::model::number::Number;
use constraints::Constraints;
use teams::{Combinations, is_internal};

/// A metric line as it is published. If `suppression` is set, everything that counts people or what
/// they did is `None`.
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
    /// Distinct people behind the value.
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
    /// Why the values are suppressed, if they are.
    pub suppression: Option<Suppression>,
}

/// Why the values of a line are suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suppression {
    /// Fewer than this many people are behind the value.
    FewPeople(u64),
    /// Subtraction would reveal a suppressed value (secondary suppression).
    Secondary,
}

impl Suppression {
    /// What is shown instead of the value.
    pub fn text(self) -> String {
        match self {
            Suppression::FewPeople(min_people) => format!("under {min_people}"),
            Suppression::Secondary => "hidden".into(),
        }
    }

    /// The value of the column `hidden` in the exported files.
    pub fn as_str(self) -> &'static str {
        match self {
            Suppression::FewPeople(_) => "small_group",
            Suppression::Secondary => "subtraction",
        }
    }
}

/// The published lines, in a fixed order.
///
/// - A line with at least one person but fewer than `min_people` behind it is suppressed.
/// - If the suppressed part of a sum is then the difference of the others, a second part is
///   suppressed too: across each dimension, from the groups to their union, and from the days to
///   their week, month and last 28 days. Without a second part, the sum is suppressed.
/// - A count of seat holders is suppressed if its difference from the count of all people would
///   reveal fewer than `min_people` people without a seat.
/// - A value of a team is suppressed if, together with others, it would reveal fewer than
///   `min_people` people: those outside the team, or those whom overlapping teams share or do not
///   share.
/// - A rate is suppressed if it reveals a suppressed count ([`Unit::revealed_counts`]).
/// - If two lines contain the same value under two names, both are suppressed or neither.
/// - Day lines by dimension are not published, except differences from GitLab's own counts without
///   these counts.
///
/// [`Unit::revealed_counts`]: crate::aggregate::metrics::Unit::revealed_counts
pub fn publish<'a>(metrics: impl IntoIterator<Item = &'a Metric>, min_people: u64) -> Vec<Line<'a>> {
    let mut combinations = Combinations::default();
    let noted = metrics.into_iter().inspect(|metric| combinations.add(metric));
    let is_published = |metric: &&Metric| {
        is_publishable(metric)
            && !is_internal(&metric.metric)
            && differences::is_published(metric, min_people)
    };
    let mut lines: Vec<Line> = noted.filter(is_published).map(Line::new).collect();
    lines.sort_by(|a, b| a.key().cmp(&b.key()));
    lines.dedup_by(|a, b| a.key() == b.key());

    for line in &mut lines {
        let people = line.people.or_else(|| line.max_unknown_people());
        let is_below = people.is_some_and(|people| people > 0 && people < min_people);
        // A bot is not a person; its line is suppressed only if it would reveal people.
        if is_below && line.by.get("kind").is_none_or(|kind| kind != "bot") {
            line.suppression = Some(Suppression::FewPeople(min_people));
        }
    }
    Constraints::of(&lines, &combinations).enforce(&mut lines, min_people);

    for line in lines.iter_mut().filter(|line| line.suppression.is_some()) {
        // An unknown value is not suppressed and keeps its reason, except for "too few", which
        // reveals the number of observations.
        if line.value.is_none() && line.reason.is_some_and(|reason| reason != Reason::TooFew) {
            line.suppression = None;
        } else {
            line.reason = None;
        }
        (line.value, line.n, line.of, line.people, line.basis) = (None, None, None, None, None);
        line.explanation = None;
    }
    differences::hide_counts(&mut lines);
    lines
}

/// Whether a line can be published: a day is not split by what people did.
pub fn is_publishable(metric: &Metric) -> bool {
    metric.grain != Grain::Day || metric.by.is_empty() || has_daily_breakdown(&metric.metric)
}

/// Whether days of a metric are published by their dimensions. Differences from GitLab's own counts
/// are, without the counts themselves.
pub fn has_daily_breakdown(metric: &str) -> bool {
    has_no_personal_data(metric) || metric == METRIC
}

/// The identity of a line, in the order of the lines.
type Key<'a> = (&'a str, &'a str, &'a str, Grain, Day, Day, Option<Population>, &'a Dimensions);

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
            suppression: None,
        }
    }

    /// A line of the answer, which rests on published lines.
    pub(super) fn of_answer(metric: &'a Metric, suppression: Option<Suppression>) -> Line<'a> {
        Line { suppression, ..Line::new(metric) }
    }

    fn key(&self) -> Key<'a> {
        let Period { grain, start, end } = self.period;
        (self.metric, self.instance, self.scope, grain, start, end, self.population, self.by)
    }

    /// The most people that can be behind agent sessions of unknown users: one for each session.
    fn max_unknown_people(&self) -> Option<u64> {
        let counts_sessions = ["sessions", "success_rate", "completion_rate", "duration_seconds"];
        let name = self.metric.strip_prefix("agents.")?;
        match self.of.or(self.n).filter(|_| counts_sessions.contains(&name)) {
            Some(Number::Count(sessions)) => Some(sessions),
            _ => None,
        }
    }

    /// The identity without dimensions.
    fn series(&self) -> impl Ord + use<'a> {
        (self.metric, self.instance, self.scope, self.period, self.population)
    }
}

/// Whether a metric contains nothing about what people did: seats by add-on, and days by collector.
fn has_no_personal_data(metric: &str) -> bool {
    metric.starts_with("coverage.") || metric == "seats.purchased" || metric == "seats.assigned"
}

#[cfg(test)]
mod tests;
