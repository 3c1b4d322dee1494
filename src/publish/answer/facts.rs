//! Inputs of the rules: published lines, and what they leave unknown.

use crate::base::calendar::{Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::metric::{Metric, Population, Reason};
use crate::model::number::Number;
use crate::publish::number;
use crate::publish::place::Place;
use crate::publish::privacy::Line;

/// The value of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fact {
    /// A count.
    Known(u64),
    /// It is suppressed.
    Suppressed,
    /// It is unknown, for a reason; without one, there is no line.
    Unknown(Option<Reason>),
}

impl Fact {
    /// The value of a line.
    pub(super) fn of(line: Option<&Line<'_>>) -> Fact {
        let Some(line) = line else { return Fact::Unknown(None) };
        match line.value {
            _ if line.is_suppressed => Fact::Suppressed,
            Some(value) => Fact::Known(value.as_f64() as u64),
            None => Fact::Unknown(line.reason),
        }
    }

    /// The sum; suppressed or unknown if one of the two is.
    pub(super) fn plus(self, other: Fact) -> Fact {
        match (self, other) {
            (Fact::Known(one), Fact::Known(other)) => Fact::Known(one.saturating_add(other)),
            (Fact::Known(_), missing) | (missing @ Fact::Suppressed, _) => missing,
            (Fact::Unknown(_), Fact::Suppressed) => Fact::Suppressed,
            (unknown, _) => unknown,
        }
    }

    /// The count, if it is known.
    pub fn known(self) -> Option<u64> {
        match self {
            Fact::Known(count) => Some(count),
            _ => None,
        }
    }

    /// Why it cannot be said, as the end of a sentence; empty for a known value.
    pub fn why(self) -> &'static str {
        match self {
            Fact::Known(_) => "",
            Fact::Suppressed => "suppressed for privacy",
            Fact::Unknown(None) => "no data",
            Fact::Unknown(reason) => number::reason(reason),
        }
    }
}

/// The numerator and denominator of a rate; `None` if it is suppressed or unknown.
pub(super) fn parts(line: Option<&Line<'_>>) -> Option<Share> {
    let line = line.filter(|line| !line.is_suppressed && line.value.is_some())?;
    match (line.n, line.of) {
        (Some(n), Some(of)) => Some(Share { n: n.as_f64() as u64, of: of.as_f64() as u64 }),
        _ => None,
    }
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The part.
    pub n: u64,
    /// The whole.
    pub of: u64,
}

impl Share {
    /// The quotient; 0 of nothing is 0.
    pub fn value(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.n as f64 / self.of as f64 }
    }

    /// Whether it has at least this size and this share.
    pub(super) fn reaches(self, size: u64, share: f64) -> bool {
        self.n >= size.max(1) && self.value() >= share
    }
}

/// The newest line of the last 28 days with exactly these dimensions and this population.
pub(super) fn window<'a>(
    place: &Place<'a>,
    metric: &'a str,
    by: &[(&str, &str)],
    population: Option<Population>,
) -> Option<&'a Line<'a>> {
    let series = place.series(metric, Grain::Window, by);
    series.into_iter().rfind(|line| line.population == population)
}

/// A line of the answer. It rests on published lines only.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerLine {
    metric: Metric,
    is_suppressed: bool,
}

impl AnswerLine {
    /// A line about the period of the first input. It is as complete as the least complete input,
    /// and final if all of them are. `None` without inputs.
    pub(super) fn from(
        metric: &'static str,
        by: &[(&str, &str)],
        inputs: &[&Line<'_>],
    ) -> Option<AnswerLine> {
        let first = inputs.first()?;
        let least = |field: fn(&Line<'_>) -> f64| inputs.iter().map(|line| field(line)).fold(1.0, f64::min);
        let most = |field: fn(&Line<'_>) -> f64| inputs.iter().map(|line| field(line)).fold(0.0, f64::max);
        let coverage = least(|line| line.coverage);
        let metric = Metric {
            metric: metric.into(),
            instance: first.instance.to_owned(),
            scope: first.scope.to_owned(),
            grain: first.period.grain,
            start: first.period.start,
            end: first.period.end,
            by: by.iter().copied().collect::<Dimensions>(),
            population: None,
            value: None,
            n: None,
            of: None,
            people: None,
            coverage,
            imported: most(|line| line.imported).min(1.0 - coverage),
            basis: None,
            is_final: inputs.iter().all(|line| line.is_final),
            reason: None,
            prices: None,
            source: None,
            explanation: None,
        };
        Some(AnswerLine { metric, is_suppressed: false })
    }

    /// Sets a count, or why there is none.
    pub(super) fn with_fact(mut self, fact: Fact) -> AnswerLine {
        match fact {
            Fact::Known(count) => {
                self.metric.value = Some(Number::Count(count));
                self.metric.n = self.metric.value;
            }
            Fact::Suppressed => self.is_suppressed = true,
            Fact::Unknown(reason) => self.metric.reason = Some(reason.unwrap_or(Reason::NotCollected)),
        }
        self
    }

    /// Sets a share of two counts.
    pub(super) fn with_share(self, share: Share) -> AnswerLine {
        let (n, of) = (Number::Count(share.n), Number::Count(share.of));
        self.with_value(share.value(), n, of)
    }

    /// Sets a measure with the two values it compares.
    pub(super) fn with_value(mut self, value: f64, n: Number, of: Number) -> AnswerLine {
        (self.metric.value, self.metric.n, self.metric.of) =
            (Some(Number::Measure(value)), Some(n), Some(of));
        self
    }

    /// Sets the share of inputs that are published.
    pub(super) fn with_basis(mut self, basis: f64) -> AnswerLine {
        self.metric.basis = Some(basis);
        self
    }

    /// Sets the period.
    pub(super) fn over(mut self, period: Period) -> AnswerLine {
        (self.metric.grain, self.metric.start, self.metric.end) = (period.grain, period.start, period.end);
        self
    }

    /// Marks it as resting on complete days only.
    pub(super) fn complete(mut self, is_final: bool) -> AnswerLine {
        (self.metric.coverage, self.metric.imported) = (1.0, 0.0);
        self.metric.is_final = is_final;
        self
    }

    /// The period.
    pub fn period(&self) -> Period {
        self.metric.period()
    }

    /// The line as it is published.
    pub fn line(&self) -> Line<'_> {
        Line::published(&self.metric, self.is_suppressed)
    }
}
