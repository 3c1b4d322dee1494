//! Changes of weekly values, and the noise below which there is no clear change.

use crate::aggregate::metrics::answer::TREND;
use crate::base::calendar::{Grain, Period};
use crate::model::number::Number;
use crate::publish::number::Style;
use crate::publish::place::Place;
use crate::publish::privacy::Line;

use super::facts::AnswerLine;

/// Weeks on each side of a comparison.
const SIDE: usize = 4;

/// Weeks from which the noise is estimated, at most: a quarter.
const MAX_WEEKS: usize = 13;

/// The standard deviation of normal values divided by their median absolute deviation.
const MAD_SCALE: f64 = 1.4826;

/// The smallest noise of a count, as a share of its level.
const MIN_COUNT_NOISE: f64 = 0.02;

/// The smallest noise of a rate, as a share.
const MIN_RATE_NOISE: f64 = 0.005;

/// The 97.5% quantile of the normal distribution: 95% are within this many standard deviations.
const Z95: f64 = 1.96;

/// The newest four complete weeks compared with the four before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The mean of the newest four weeks or, of a rate, the ratio of their sums.
    pub now: f64,
    /// The same of the four weeks before.
    pub before: f64,
    /// The size below which there is no clear change, in the unit of the values.
    pub noise: f64,
    /// The newest four weeks.
    pub days: Period,
    /// Whether all eight weeks are final.
    pub is_final: bool,
}

/// Whether there is a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trend {
    /// There is one.
    Known(Change),
    /// One of the weeks is suppressed.
    Suppressed,
    /// There are too few complete weeks in a row: this many.
    TooShort(usize),
    /// There is no line.
    NoData,
}

/// The direction of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Clearly more than before.
    Up,
    /// Clearly less than before.
    Down,
    /// No more than the noise.
    NoClearChange,
}

impl Change {
    /// The direction: a change must exceed the noise.
    pub fn direction(&self) -> Direction {
        match self.now - self.before {
            change if change.abs() <= self.noise => Direction::NoClearChange,
            change if change > 0.0 => Direction::Up,
            _ => Direction::Down,
        }
    }
}

impl Trend {
    /// The comparison, if there is one.
    pub fn known(self) -> Option<Change> {
        match self {
            Trend::Known(change) => Some(change),
            _ => None,
        }
    }

    /// The comparison of a metric with these dimensions. Rates ([`Style::Percent`]) are ratios of
    /// sums.
    pub fn of<'a>(place: &Place<'a>, metric: &'a str, by: &[(&str, &str)], style: Style) -> Trend {
        match newest_weeks(place, metric, by) {
            Ok(weeks) if style == Style::Percent => of_rate(&weeks),
            Ok(weeks) => of_count(&weeks),
            Err(trend) => trend,
        }
    }
}

/// The newest complete weeks in a row, newest last.
fn newest_weeks<'a>(
    place: &Place<'a>,
    metric: &'a str,
    by: &[(&str, &str)],
) -> Result<Vec<&'a Line<'a>>, Trend> {
    let series = place.series(metric, Grain::Week, by);
    let mut weeks: Vec<&Line<'_>> = Vec::new();
    let Some(newest) = series.last() else { return Err(Trend::NoData) };
    for line in series.iter().rev().take(MAX_WEEKS + 1) {
        let Some(after) = weeks.last() else {
            // The newest week can be incomplete; an older one would be outdated.
            if newest.period.start.days_since(line.period.start) > 7 {
                break;
            }
            if line.coverage >= 1.0 {
                weeks.push(line);
            }
            continue;
        };
        let is_next = line.period.end.plus(1) == after.period.start && line.coverage >= 1.0;
        if !is_next || weeks.len() == MAX_WEEKS {
            break;
        }
        weeks.push(line);
    }
    if weeks.iter().take(2 * SIDE).any(|line| line.is_suppressed) {
        return Err(Trend::Suppressed);
    }
    let known = weeks.iter().take_while(|line| line.value.is_some()).count();
    weeks.truncate(known);
    if weeks.len() < 2 * SIDE {
        return Err(Trend::TooShort(weeks.len()));
    }
    weeks.reverse();
    Ok(weeks)
}

fn of_count(weeks: &[&Line<'_>]) -> Trend {
    let values: Vec<f64> = weeks.iter().filter_map(|line| Some(line.value?.as_f64())).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (before, now) = sides(&values);
    let (before, now) = (mean(before), mean(now));
    let noise = spread(&values).max(MIN_COUNT_NOISE * before);
    Trend::Known(Change { now, before, noise, days: newest_days(weeks), is_final: is_final(weeks) })
}

fn of_rate(weeks: &[&Line<'_>]) -> Trend {
    let counts: Vec<Counts> = weeks.iter().filter_map(|line| Counts::of(line)).collect();
    if counts.len() < weeks.len() {
        return Trend::TooShort(0);
    }
    let (before, now) = sides(&counts);
    let (before, now) = (Counts::sum(before), Counts::sum(now));
    if before.of == 0.0 || now.of == 0.0 {
        return Trend::TooShort(0);
    }
    let share = (before.n + now.n) / (before.of + now.of);
    let interval = Z95 * (share * (1.0 - share) * (1.0 / before.of + 1.0 / now.of)).sqrt();
    let rates: Vec<f64> = counts.iter().filter(|counts| counts.of > 0.0).map(Counts::rate).collect();
    let noise = spread(&rates).max(interval).max(MIN_RATE_NOISE);
    Trend::Known(Change {
        now: now.rate(),
        before: before.rate(),
        noise,
        days: newest_days(weeks),
        is_final: is_final(weeks),
    })
}

/// Numerator and denominator of a rate.
#[derive(Clone, Copy)]
struct Counts {
    n: f64,
    of: f64,
}

impl Counts {
    fn of(line: &Line<'_>) -> Option<Counts> {
        Some(Counts { n: line.n?.as_f64(), of: line.of?.as_f64() })
    }

    fn sum(all: &[Counts]) -> Counts {
        all.iter()
            .fold(Counts { n: 0.0, of: 0.0 }, |sum, one| Counts { n: sum.n + one.n, of: sum.of + one.of })
    }

    fn rate(&self) -> f64 {
        self.n / self.of
    }
}

/// The four values before the newest four, and these.
fn sides<T>(values: &[T]) -> (&[T], &[T]) {
    let (before, now) = values.split_at(values.len() - SIDE);
    (&before[before.len() - SIDE..], now)
}

fn newest_days(weeks: &[&Line<'_>]) -> Period {
    let (start, end) = (weeks[weeks.len() - SIDE].period.start, weeks[weeks.len() - 1].period.end);
    Period { grain: Grain::Window, start, end }
}

fn is_final(weeks: &[&Line<'_>]) -> bool {
    weeks[weeks.len() - 2 * SIDE..].iter().all(|line| line.is_final)
}

/// Two standard deviations of the difference between two means of four weeks. The weekly standard
/// deviation is that of neighboring weeks divided by √2, so that a steady trend adds little to it.
/// Robust: half of the differences can be outliers.
fn spread(values: &[f64]) -> f64 {
    let mut steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    steps.sort_unstable_by(f64::total_cmp);
    let middle = match steps.len() {
        0 => return 0.0,
        odd if odd % 2 == 1 => steps[odd / 2],
        even => (steps[even / 2 - 1] + steps[even / 2]) / 2.0,
    };
    // 2 × (MAD_SCALE × middle / √2) × √(1/4 + 1/4) = MAD_SCALE × middle.
    MAD_SCALE * middle
}

/// The lines of a trend.
pub(super) fn lines(place: &Place<'_>, about: &str, trend: Trend, style: Style) -> Vec<AnswerLine> {
    let (Trend::Known(change), Some(input)) = (trend, place.lines().next()) else { return Vec::new() };
    let is_rate = style == Style::Percent;
    if !is_rate && change.before == 0.0 {
        return Vec::new();
    }
    let scale = if is_rate { 1.0 } else { change.before };
    let (n, of) = (Number::Measure(change.now), Number::Measure(change.before));
    let values = [("change", (change.now - change.before) / scale), ("noise", change.noise / scale)];
    let line = |(stat, value): (&str, f64)| {
        let line = AnswerLine::from(TREND.metric, &[("about", about), ("stat", stat)], &[input])?;
        Some(line.complete(change.is_final).over(change.days).with_value(value, n, of))
    };
    values.into_iter().filter_map(line).collect()
}
