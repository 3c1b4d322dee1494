//! The value of a metric line, with what it is based on.

use crate::base::decimal::Decimal;
use crate::model::metric::{Explanation, MetricSource, Population, Reason};
use crate::model::number::{Number, TOO_LARGE};

/// A value, or the reason why there is none, with what it is based on.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetricValue {
    pub(super) value: Option<Number>,
    /// The numerator, the count or the number of observations.
    pub(super) n: Option<Number>,
    /// The denominator.
    pub(super) of: Option<Number>,
    /// Distinct people behind the value.
    pub(super) people: Option<u64>,
    /// Share of rows that carry the measured field, from 0 to 1.
    pub(super) basis: Option<f64>,
    /// Why there is no value.
    pub(super) reason: Option<Reason>,
    /// Whether the value depends on the price file.
    pub(super) uses_prices: bool,
    /// Who is counted, if a metric has several populations.
    pub(super) population: Option<Population>,
    /// The kind of source, if the metric has several.
    pub(super) source: Option<MetricSource>,
    /// Why a count differs from GitLab's own.
    pub(super) explanation: Option<Explanation>,
}

const EMPTY: MetricValue = MetricValue {
    value: None,
    n: None,
    of: None,
    people: None,
    basis: None,
    reason: None,
    uses_prices: false,
    population: None,
    source: None,
    explanation: None,
};

impl MetricValue {
    /// A count with `people` behind it.
    pub(super) fn count(n: u64, people: Option<u64>) -> MetricValue {
        let n = Some(Number::Count(n));
        MetricValue { value: n, n, people, basis: Some(1.0), ..EMPTY }
    }

    /// A count of people.
    pub(super) fn people(n: u64) -> MetricValue {
        MetricValue::count(n, Some(n))
    }

    /// The ratio `n / of`; without a value if `of` is zero.
    pub(super) fn rate(n: Number, of: Number, people: Option<u64>) -> MetricValue {
        let is_known = of.as_f64() != 0.0;
        MetricValue {
            value: is_known.then(|| Number::Measure(n.as_f64() / of.as_f64())),
            n: Some(n),
            of: Some(of),
            people,
            basis: Some(1.0),
            reason: (!is_known).then_some(Reason::NothingShown),
            ..EMPTY
        }
    }

    /// A statistic of `n` observations; some statistics have no value for few observations.
    pub(super) fn statistic(value: Option<u64>, n: usize, people: Option<u64>) -> MetricValue {
        let reason = if n == 0 { Reason::NothingShown } else { Reason::TooFew };
        MetricValue {
            value: value.map(Number::Count),
            n: Some(Number::Count(n as u64)),
            people,
            basis: Some(1.0),
            reason: value.is_none().then_some(reason),
            ..EMPTY
        }
    }

    /// A statistic of `n` durations in milliseconds, reported in seconds.
    pub(super) fn seconds(milliseconds: Option<u64>, n: usize, people: Option<u64>) -> MetricValue {
        let in_seconds = |milliseconds: u64| match milliseconds % 1000 {
            0 => Number::Count(milliseconds / 1000),
            _ => Number::Measure(milliseconds as f64 / 1000.0),
        };
        let value = milliseconds.map(in_seconds);
        MetricValue { value, ..MetricValue::statistic(milliseconds, n, people) }
    }

    /// A statistic of `n` durations in seconds, as GitLab returns it.
    pub(super) fn seconds_of(seconds: Option<f64>, n: u64, people: Option<u64>) -> MetricValue {
        let value = seconds.filter(|_| n > 0).map(|seconds| match seconds.fract() {
            0.0 if (0.0..1e15).contains(&seconds) => Number::Count(seconds as u64),
            _ => Number::Measure(seconds),
        });
        let reason = value.is_none().then_some(Reason::NothingShown);
        MetricValue { value, reason, ..MetricValue::count(n, people) }
    }

    /// A sum of `n` decimal amounts.
    pub(super) fn amount(sum: Decimal, n: u64, people: Option<u64>) -> MetricValue {
        let value = sum.as_f64().map_or(Number::Count(TOO_LARGE), Number::Measure);
        MetricValue { value: Some(value), ..MetricValue::count(n, people) }
    }

    /// A value that GitLab computed itself and returns without its `n`.
    pub(super) fn reported(value: Option<f64>) -> MetricValue {
        let reason = value.is_none().then_some(Reason::NothingShown);
        MetricValue { value: value.map(Number::Measure), basis: Some(1.0), reason, ..EMPTY }
    }

    /// The difference of a count of events from GitLab's own count.
    pub(super) fn difference(ours: u64, theirs: u64, people: u64) -> MetricValue {
        let difference = match ours.checked_sub(theirs) {
            Some(more) => Number::Count(more),
            None => Number::Measure(-((theirs - ours) as f64)),
        };
        MetricValue {
            value: Some(difference),
            of: Some(Number::Count(theirs)),
            ..MetricValue::count(ours, Some(people))
        }
    }

    /// Sets why a count differs from GitLab's own.
    pub(super) fn with_explanation(self, explanation: Option<Explanation>) -> MetricValue {
        MetricValue { explanation, ..self }
    }

    /// No value.
    pub(super) fn unknown(reason: Reason) -> MetricValue {
        MetricValue { reason: Some(reason), ..EMPTY }
    }

    /// Sets who is counted.
    pub(super) fn with_population(self, population: Population) -> MetricValue {
        MetricValue { population: Some(population), ..self }
    }

    /// Sets the kind of source.
    pub(super) fn with_source(self, source: Option<MetricSource>) -> MetricValue {
        MetricValue { source, ..self }
    }

    /// Marks the value as computed from the price file.
    pub(super) fn with_prices(self) -> MetricValue {
        MetricValue { uses_prices: true, ..self }
    }

    /// Replaces the reason of a missing value.
    pub(super) fn with_reason(self, reason: Reason) -> MetricValue {
        MetricValue { reason: self.reason.and(Some(reason)), ..self }
    }

    /// Multiplies the basis by a share from 0 to 1: the rows that could be part of the value.
    pub(super) fn scale_basis(self, share: f64) -> MetricValue {
        MetricValue { basis: self.basis.map(|basis| basis * share), ..self }
    }

    /// Sets the basis to `carrying / rows`. If there are rows and none carries the field, the value
    /// is unknown.
    pub(super) fn with_basis(self, carrying: u64, rows: u64) -> MetricValue {
        match (carrying, rows) {
            (_, 0) => MetricValue { basis: None, ..self },
            (0, _) => MetricValue {
                basis: Some(0.0),
                population: self.population,
                ..MetricValue::unknown(Reason::NotInSource)
            },
            _ => MetricValue { basis: Some(carrying as f64 / rows as f64), ..self },
        }
    }
}
