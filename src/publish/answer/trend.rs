//! Changes of weekly values, and the noise below which there is no clear change.

use crate::aggregate::metrics::answer::TREND;
use crate::base::calendar::{Day, Grain, Period, WINDOW_DAYS};
use crate::model::number::Number;
use crate::publish::number::Style;
use crate::publish::place::Place;
use crate::publish::privacy::Line;
use crate::publish::robust::{MAD_SCALE, median};

use super::facts::AnswerLine;

/// Weeks on each side of a comparison.
const SIDE: usize = 4;

/// Weeks that each side needs at least: one of the four can be missing or suppressed.
const MIN_SIDE: usize = 3;

/// Weeks from which the noise is estimated, at most: a quarter.
const MAX_WEEKS: usize = 13;

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
    /// Too many of the weeks are suppressed.
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

/// The newest complete weeks.
struct Weeks<'a> {
    /// By their distance from the newest; `None` where a week is missing or suppressed.
    lines: [Option<&'a Line<'a>>; MAX_WEEKS],
    /// The last day of the newest.
    end: Day,
}

/// The weeks of a metric, if each side has enough of them.
fn newest_weeks<'a>(place: &Place<'a>, metric: &'a str, by: &[(&str, &str)]) -> Result<Weeks<'a>, Trend> {
    let series = place.series(metric, Grain::Week, by);
    let last = series.last().ok_or(Trend::NoData)?.period.start;
    let complete: Vec<&Line<'_>> = series.into_iter().filter(|line| line.coverage >= 1.0).collect();
    // The last week can be incomplete; what ends earlier is outdated.
    let newest = complete.last().map(|line| line.period);
    let Some(newest) = newest.filter(|newest| last.days_since(newest.start) <= 7) else {
        return Err(Trend::TooShort(0));
    };
    let mut lines = [None; MAX_WEEKS];
    let (mut suppressed, mut in_row) = (0, 0);
    for line in complete.into_iter().rev() {
        let distance = newest.start.days_since(line.period.start) / 7;
        let Some(week) = usize::try_from(distance).ok().and_then(|at| lines.get_mut(at)) else { break };
        if in_row == distance {
            in_row += 1;
        }
        if line.is_suppressed && distance < 2 * SIDE as i64 {
            suppressed += 1;
        }
        *week = Some(line).filter(|line| !line.is_suppressed && line.value.is_some());
    }
    let (now, before) = sides(&lines);
    if [now, before].iter().all(|side| side.iter().flatten().count() >= MIN_SIDE) {
        return Ok(Weeks { lines, end: newest.end });
    }
    Err(if suppressed > 0 { Trend::Suppressed } else { Trend::TooShort(in_row as usize) })
}

fn of_count(weeks: &Weeks<'_>) -> Trend {
    let values = weeks.lines.map(|line| Some(line?.value?.as_f64()));
    let mean = |side: &[Option<f64>]| {
        let known = side.iter().flatten();
        known.clone().sum::<f64>() / known.count() as f64
    };
    let (now, before) = sides(&values);
    let (now, before) = (mean(now), mean(before));
    let noise = spread(&values).max(MIN_COUNT_NOISE * before);
    Trend::Known(Change { now, before, noise, days: newest_days(weeks), is_final: is_final(weeks) })
}

fn of_rate(weeks: &Weeks<'_>) -> Trend {
    let counts = weeks.lines.map(|line| Counts::of(line?));
    let (now, before) = sides(&counts);
    let (now, before) = (Counts::sum(now), Counts::sum(before));
    if before.of == 0.0 || now.of == 0.0 {
        return Trend::TooShort(0);
    }
    let share = (before.n + now.n) / (before.of + now.of);
    let interval = Z95 * (share * (1.0 - share) * (1.0 / before.of + 1.0 / now.of)).sqrt();
    let rates = counts.map(|counts| counts.filter(|counts| counts.of > 0.0).map(|counts| counts.rate()));
    let noise = spread(&rates).max(interval).max(MIN_RATE_NOISE);
    let (now, before) = (now.rate(), before.rate());
    Trend::Known(Change { now, before, noise, days: newest_days(weeks), is_final: is_final(weeks) })
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

    fn sum(all: &[Option<Counts>]) -> Counts {
        let add = |sum: Counts, one: &Counts| Counts { n: sum.n + one.n, of: sum.of + one.of };
        all.iter().flatten().fold(Counts { n: 0.0, of: 0.0 }, add)
    }

    fn rate(&self) -> f64 {
        self.n / self.of
    }
}

/// The newest four values, and the four before.
fn sides<T>(values: &[T; MAX_WEEKS]) -> (&[T], &[T]) {
    (&values[..SIDE], &values[SIDE..2 * SIDE])
}

fn newest_days(weeks: &Weeks<'_>) -> Period {
    Period { grain: Grain::Window, start: weeks.end.plus(1 - WINDOW_DAYS), end: weeks.end }
}

fn is_final(weeks: &Weeks<'_>) -> bool {
    weeks.lines[..2 * SIDE].iter().flatten().all(|line| line.is_final)
}

/// Two standard deviations of the difference between two means of four weeks. The weekly standard
/// deviation is that of neighboring weeks divided by √2, so that a steady trend adds little to it.
/// Robust: half of the differences can be outliers.
fn spread(values: &[Option<f64>]) -> f64 {
    let step = |pair: &[Option<f64>]| Some((pair[1]? - pair[0]?).abs());
    let mut steps: Vec<f64> = values.windows(2).filter_map(step).collect();
    // 2 × (MAD_SCALE × median / √2) × √(1/4 + 1/4) = MAD_SCALE × median.
    MAD_SCALE * median(&mut steps).unwrap_or(0.0)
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
