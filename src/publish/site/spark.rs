//! Tiny charts of weekly values, as paths of SVG.

use crate::base::calendar::Grain;

use super::place::Place;
use super::privacy::Line;

/// The weeks of a tiny chart: a quarter.
const MAX_WEEKS: usize = 13;

/// The newest weeks, drawn in the accent; the others are pale.
const NEWEST_WEEKS: usize = 4;

/// The smallest height of the axis, as a share of the largest value: noise must not look like
/// change.
const MIN_RANGE: f64 = 0.25;

/// The size of the drawing.
const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 24.0;
/// Space above and below the line.
const PADDING: f64 = 2.0;

/// The path of a tiny chart, earlier weeks and newest ones.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Spark {
    /// The weeks before the newest four.
    pub(super) before: String,
    /// The newest four weeks.
    pub(super) now: String,
}

impl Spark {
    /// The complete weeks of a metric, with gaps where one is missing or suppressed. `None` for
    /// fewer than two of them.
    pub(super) fn of<'a>(place: &Place<'a>, metric: &'a str, by: &[(&str, &str)]) -> Option<Spark> {
        let series = place.series(metric, Grain::Week, by);
        let complete: Vec<&Line<'_>> = series.into_iter().filter(|line| line.coverage >= 1.0).collect();
        let newest = complete.last()?.period.start;
        let mut values = [None; MAX_WEEKS];
        for line in complete {
            let weeks_ago = newest.days_since(line.period.start) / 7;
            if let Some(at) = (MAX_WEEKS as i64 - 1).checked_sub(weeks_ago).filter(|at| *at >= 0) {
                values[at as usize] = line.value.map(|value| value.as_f64());
            }
        }
        Spark::draw(&values)
    }

    fn draw(values: &[Option<f64>]) -> Option<Spark> {
        let known = || values.iter().flatten().copied();
        // Single weeks between unknown ones are no line.
        if !values.windows(2).any(|pair| pair[0].is_some() && pair[1].is_some()) {
            return None;
        }
        let (low, high) =
            known().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let missing = (MIN_RANGE * high.abs() - (high - low)).max(f64::EPSILON);
        let (low, range) = (low - missing / 2.0, high - low + missing);
        let first = values.iter().position(Option::is_some)?;
        let step = WIDTH / (values.len() - 1 - first).max(1) as f64;
        let points: Vec<Option<(f64, f64)>> = values[first..]
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let height = (HEIGHT - 2.0 * PADDING) * (1.0 - ((*value)? - low) / range);
                Some((at as f64 * step, PADDING + height))
            })
            .collect();
        let split = points.len().saturating_sub(NEWEST_WEEKS);
        // The pale part ends where the newest begins, so that the line is not broken.
        Some(Spark { before: path(&points[..(split + 1).min(points.len())]), now: path(&points[split..]) })
    }
}

/// A path through the points; a single point between gaps is a dot.
fn path(points: &[Option<(f64, f64)>]) -> String {
    let mut path = String::new();
    for (at, point) in points.iter().enumerate() {
        let Some((x, y)) = point else { continue };
        let follows = at > 0 && points[at - 1].is_some();
        let leads = points.get(at + 1).is_some_and(Option::is_some);
        path.push_str(&format!("{}{x:.1} {y:.1}", if follows { 'L' } else { 'M' }));
        if !follows && !leads {
            path.push_str("h0");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_the_line() {
        let spark = Spark::draw(&[Some(1.0), None, Some(2.0), Some(3.0)]).expect("values");
        assert_eq!(spark.now, "M0.0 22.0h0M66.7 12.0L100.0 2.0");
    }

    #[test]
    fn earlier_weeks_meet_the_newest_four() {
        let spark = Spark::draw(&[Some(10.0); 6]).expect("values");
        assert_eq!(spark.before, "M0.0 12.0L20.0 12.0L40.0 12.0");
        assert!(spark.now.starts_with("M40.0 12.0L"), "{}", spark.now);
        assert_eq!(Spark::draw(&[None, Some(1.0), None]), None);
    }
}
