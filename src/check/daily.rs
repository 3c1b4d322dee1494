//! Whether the newest five working days differ from the days before by more than the usual noise.
//!
//! 1. Only working days (Monday to Friday) with known values are compared, each with the same weekday
//!    of the twelve weeks before.
//! 2. Values are transformed to 2·√(value + 3/8) (Anscombe): independent events then have a standard
//!    deviation of 1, whatever their number.
//! 3. The trend is the median of the slopes between all pairs of equal weekdays (Theil and Sen), the
//!    usual level of a weekday the median of its days without that trend.
//! 4. The noise is the median absolute deviation from these, at least that of independent events.
//! 5. The evidence is the median of the five days' distances from what is usual, divided by its
//!    standard error.
//!
//! One or two of the five days with less than half of what is usual are taken for public holidays and
//! left out. Three are a fall.

use std::collections::BTreeMap;

use crate::base::calendar::Day;
use crate::publish::robust::{MAD_SCALE, median};

/// Working days that are judged together.
pub(super) const NEWEST: usize = 5;

/// The days before them that they are compared with.
const USUAL_DAYS: i64 = 84;

/// Days before them that must be known: six weeks.
pub(super) const MIN_USUAL: usize = 30;

/// The span of the newest working days: one week of them can be unknown.
const MAX_SPAN: i64 = 13;

/// The share of the usual value below which a day can be a public holiday.
const HOLIDAY: f64 = 0.5;

/// The most public holidays in five working days.
const MAX_HOLIDAYS: usize = 2;

/// Standard errors beyond which there is a change. A normal deviation this large is rare (1 in 3
/// million); the rest is for the noise being an estimate.
pub(super) const MIN_EVIDENCE: f64 = 5.0;

/// Parameters that the usual level has: five weekdays and a slope.
const PARAMETERS: f64 = 6.0;

/// The variance of the median of five normal values.
const MEDIAN_OF_FIVE: f64 = 0.287;

/// The variance of a median, times the number of normal values.
const MEDIAN_VARIANCE: f64 = std::f64::consts::FRAC_PI_2;

/// The variance of the slope of Theil and Sen, divided by that of least squares.
const SLOPE_VARIANCE: f64 = 1.1;

/// The newest five working days beside what is usual for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DailyChange {
    /// The median of the newest days.
    pub(super) now: f64,
    /// The median of what is usual for them.
    pub(super) usual: f64,
    /// The median change of a day, as a share of what is usual.
    pub(super) change: f64,
    /// The distance from what is usual, in standard errors; negative for a fall.
    pub(super) evidence: f64,
    /// The first and last of the newest days.
    pub(super) days: (Day, Day),
}

impl DailyChange {
    /// Compares the newest working days of a series, which is in order of time and contains known
    /// values only. The error is how many days are known for the comparison.
    pub(super) fn of(series: &[(Day, f64)]) -> Result<DailyChange, usize> {
        let working: Vec<(Day, f64)> =
            series.iter().filter(|(day, _)| day.is_working_day()).copied().collect();
        let Some((before, newest)) = working.split_last_chunk::<NEWEST>() else { return Err(working.len()) };
        let days = (newest[0].0, newest[NEWEST - 1].0);
        let usual: Vec<(Day, f64)> =
            before.iter().filter(|(day, _)| days.0.days_since(*day) <= USUAL_DAYS).copied().collect();
        if usual.len() < MIN_USUAL || days.1.days_since(days.0) > MAX_SPAN {
            return Err(usual.len());
        }
        let level = UsualLevel::of(&usual, days.1);
        let is_holiday = |(day, value): &(Day, f64)| *value < HOLIDAY * level.value(*day);
        if (1..=MAX_HOLIDAYS).contains(&newest.iter().filter(|day| is_holiday(day)).count()) {
            let others = newest.iter().filter(|day| !is_holiday(day));
            return DailyChange::of(&before.iter().chain(others).copied().collect::<Vec<_>>());
        }
        let distances = newest.map(|(day, value)| level.distance(day, value));
        let [mut distances, mut expected, mut values] =
            [distances, newest.map(|(day, _)| level.value(day)), newest.map(|(_, value)| value)];
        let mut changes: [f64; NEWEST] =
            std::array::from_fn(|at| if expected[at] > 0.0 { values[at] / expected[at] - 1.0 } else { 0.0 });
        let middle = |values: &mut [f64; NEWEST]| median(values).unwrap_or_default();
        let error = level.standard_error(newest.map(|(day, _)| level.weeks(day)));
        Ok(DailyChange {
            now: middle(&mut values),
            usual: middle(&mut expected),
            change: middle(&mut changes),
            evidence: middle(&mut distances) / error,
            days,
        })
    }
}

/// The usual level of each weekday, its trend and its noise, on the transformed scale.
struct UsualLevel {
    /// The last day of the series, from which weeks are counted.
    end: Day,
    /// The change per week.
    slope: f64,
    /// The level of a weekday on the last day.
    by_weekday: BTreeMap<i64, f64>,
    /// The standard deviation of a day.
    noise: f64,
    /// Number, mean and sum of squared deviations of the times of the days, in weeks.
    count: f64,
    mean_week: f64,
    squares: f64,
}

impl UsualLevel {
    fn of(days: &[(Day, f64)], end: Day) -> UsualLevel {
        let points: Vec<(i64, f64, f64)> = days
            .iter()
            .map(|(day, value)| (weekday(*day), weeks_between(end, *day), transformed(*value)))
            .collect();
        let mut slopes = Vec::with_capacity(points.len() * points.len() / 10);
        for (at, (weekday, week, value)) in points.iter().enumerate() {
            let later = points[at + 1..].iter().filter(|(other, ..)| other == weekday);
            slopes.extend(later.map(|(_, later, other)| (other - value) / (later - week)));
        }
        let slope = median(&mut slopes).unwrap_or_default();
        let mut values: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (weekday, week, value) in &points {
            values.entry(*weekday).or_default().push(value - slope * week);
        }
        let by_weekday: BTreeMap<i64, f64> = values
            .into_iter()
            .filter_map(|(weekday, mut values)| Some((weekday, median(&mut values)?)))
            .collect();
        let count = points.len() as f64;
        let mean_week = points.iter().map(|(_, week, _)| week).sum::<f64>() / count;
        let squares = points.iter().map(|(_, week, _)| (week - mean_week).powi(2)).sum();
        let mut level = UsualLevel { end, slope, by_weekday, noise: 1.0, count, mean_week, squares };
        let mut deviations: Vec<f64> =
            days.iter().map(|(day, value)| level.distance(*day, *value).abs()).collect();
        let fit = (count / (count - PARAMETERS)).sqrt();
        level.noise = (MAD_SCALE * fit * median(&mut deviations).unwrap_or_default()).max(1.0);
        level
    }

    fn weeks(&self, day: Day) -> f64 {
        weeks_between(self.end, day)
    }

    /// The usual transformed value of a day. A weekday without a known day has the mean of the others.
    fn expected(&self, day: Day) -> f64 {
        let mean = || self.by_weekday.values().sum::<f64>() / self.by_weekday.len() as f64;
        let level = self.by_weekday.get(&weekday(day)).copied().unwrap_or_else(mean);
        level + self.slope * self.weeks(day)
    }

    /// The distance of a value from what is usual on that day.
    fn distance(&self, day: Day, value: f64) -> f64 {
        transformed(value) - self.expected(day)
    }

    /// The usual value of a day.
    fn value(&self, day: Day) -> f64 {
        ((self.expected(day).max(0.0) / 2.0).powi(2) - 0.375).max(0.0)
    }

    /// The standard error of the median distance of five days: their own noise, that of the level, and
    /// that of the trend, which is continued up to them.
    fn standard_error(&self, weeks: [f64; NEWEST]) -> f64 {
        let ahead = weeks.iter().sum::<f64>() / NEWEST as f64 - self.mean_week;
        let variance = MEDIAN_OF_FIVE
            + MEDIAN_VARIANCE / self.count
            + SLOPE_VARIANCE * ahead * ahead / self.squares.max(f64::MIN_POSITIVE);
        self.noise * variance.sqrt()
    }
}

fn transformed(value: f64) -> f64 {
    2.0 * (value + 0.375).max(0.0).sqrt()
}

fn weekday(day: Day) -> i64 {
    day.number().rem_euclid(7)
}

fn weeks_between(end: Day, day: Day) -> f64 {
    -end.days_since(day) as f64 / 7.0
}

#[cfg(test)]
mod tests;
