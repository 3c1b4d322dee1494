//! The tiles of the first screen: a key metric with its denominator, its period, its weeks and its
//! change.

use minijinja::{Value, context};

use crate::base::calendar::Grain;
use crate::publish::answer::{Change, Direction, Trend};

use super::card::{CardPeriod, Headline};
use super::days;
use super::headline::HeadlineMetric;
use super::number::{self, Style, UNKNOWN};
use super::place::Place;
use super::privacy::{Line, SUPPRESSED};
use super::spark::Spark;
use super::table;

/// The number of tiles.
const MAX_TILES: usize = 6;

/// The number of large tiles.
const LARGE_TILES: usize = 2;

/// The metric whose tile shows the use of a commitment.
const CREDITS: &str = "credits.used";

/// A tile.
pub(super) struct Tile {
    label: &'static str,
    href: &'static str,
    value: String,
    /// Whether the value is a number.
    has_number: bool,
    note: String,
    change: String,
    /// `up`, `down`, `unclear`, or `unknown` where there is no comparison.
    direction: &'static str,
    /// The days of the value, which differ from those of the dashboard.
    period: Option<CardPeriod>,
    warning: String,
    spark: Option<Spark>,
    /// The used share of a commitment.
    share: Option<f64>,
}

impl Tile {
    /// The tiles of a place: the first candidates with a value; if there are too few, also those
    /// whose value is suppressed, then those without one.
    pub(super) fn all<'a>(candidates: &[HeadlineMetric<'a>], place: &Place<'a>) -> Vec<Tile> {
        let rank = |metric: &HeadlineMetric<'a>| match newest(metric, place) {
            Some(line) if line.value.is_some() => 0,
            Some(line) if line.is_suppressed => 1,
            Some(_) => 2,
            None => 3,
        };
        let mut ranked: Vec<&HeadlineMetric<'a>> = candidates.iter().collect();
        ranked.sort_by_key(|metric| rank(metric));
        let has_any = ranked.iter().any(|metric| rank(metric) < 2);
        ranked.retain(|metric| rank(metric) < 2 || (!has_any && rank(metric) == 2));
        ranked.into_iter().take(MAX_TILES).map(|metric| Tile::new(metric, place)).collect()
    }

    /// The tile of a metric in a place.
    fn new<'a>(metric: &HeadlineMetric<'a>, place: &Place<'a>) -> Tile {
        let line = newest(metric, place);
        let trend = Trend::of(place, metric.metric, metric.by, metric.style);
        let mut tile = Tile {
            label: metric.label,
            href: metric.href,
            value: UNKNOWN.into(),
            has_number: false,
            note: String::new(),
            change: change_text(metric, trend),
            direction: direction(trend),
            period: None,
            warning: String::new(),
            spark: Spark::of(place, metric.metric, metric.by),
            share: None,
        };
        let Some(line) = line else {
            tile.note = "no data".into();
            return tile;
        };
        tile.period = Some(CardPeriod { start: line.period.start, end: line.period.end });
        if line.coverage < 1.0 && line.value.is_some() && metric.metric != CREDITS {
            tile.warning = days::collected(line);
        }
        match line.value {
            _ if line.is_suppressed => {
                tile.value = SUPPRESSED.into();
                tile.note = "for privacy".into();
                if trend == Trend::Suppressed {
                    tile.change.clear();
                }
            }
            Some(value) => {
                tile.value = metric.style.text(value.as_f64());
                tile.has_number = true;
                tile.note = match (metric.style, table::ratio_text(line)) {
                    (Style::Percent, parts) if !parts.is_empty() => format!("{parts} {}", metric.of),
                    _ => metric.of.into(),
                };
                if metric.metric == CREDITS {
                    tile.add_commitment(place, line);
                }
            }
            None => tile.note = number::reason(line.reason).into(),
        }
        tile
    }

    /// Adds what the credits of a month are used of, and how the month is expected to end.
    fn add_commitment(&mut self, place: &Place<'_>, used: &Line<'_>) {
        let of_month = |metric, by: &[(&str, &str)]| {
            let months = place.series(metric, Grain::Month, by);
            let line = months.into_iter().find(|line| line.period == used.period)?;
            line.value.map(|value| value.as_f64())
        };
        if let (Some(committed), Some(value)) = (of_month("credits.commitment", &[]), used.value) {
            self.note = format!("of {} committed", Style::Plain.text(committed));
            self.share = (committed > 0.0).then(|| value.as_f64() / committed);
        }
        if let Some(forecast) = of_month("credits.forecast", &[("stat", "p50")]) {
            self.change = format!("forecast {} by the end of the month", Style::Plain.text(forecast));
        }
        self.spark = None;
    }

    /// The tiles for a template. The first ones with a line of weeks are large, and come first.
    pub(super) fn values(tiles: &[Tile]) -> Vec<Value> {
        let common = Tile::common_notes(tiles);
        let mut large = LARGE_TILES;
        let is_large = |tile: &&Tile| {
            let is_large = large > 0 && tile.spark.is_some();
            large -= usize::from(is_large);
            is_large
        };
        let (large, small): (Vec<&Tile>, Vec<&Tile>) = tiles.iter().partition(is_large);
        let large = large.into_iter().map(|tile| tile.value(true, &common));
        large.chain(small.into_iter().map(|tile| tile.value(false, &common))).collect()
    }

    fn value(&self, is_large: bool, common: &CommonNotes) -> Value {
        context! {
            label => self.label,
            href => self.href,
            value => &*self.value,
            words => !self.has_number && self.value != UNKNOWN,
            note => &*self.note,
            change => if self.change == common.change { "" } else { &*self.change },
            direction => self.direction,
            fresh => self.period.map_or_else(String::new, CardPeriod::text),
            warning => if self.warning == common.warning { "" } else { &*self.warning },
            large => is_large,
            before => self.spark.as_ref().map_or("", |spark| &*spark.before),
            now => self.spark.as_ref().map_or("", |spark| &*spark.now),
            share => self.share.map_or_else(String::new, |share| format!("{:.1}", share.clamp(0.0, 1.0) * 100.0)),
        }
    }

    /// What the tiles have in common, to be shown once above them.
    pub(super) fn common_notes(tiles: &[Tile]) -> CommonNotes {
        let is_too_short = |tile: &&Tile| tile.change == TOO_SHORT;
        let is_compared = |tile: &Tile| !matches!(tile.direction, "unknown");
        let change = match tiles.iter().filter(is_too_short).count() {
            2.. if !tiles.iter().any(is_compared) => TOO_SHORT,
            _ => "",
        };
        // A tile without a value has no warning, and one of another period has its own.
        let newest = tiles.iter().filter_map(|tile| tile.period).map(|period| period.end).max();
        let of_newest = |tile: &&Tile| tile.has_number && tile.period.map(|period| period.end) == newest;
        let mut warnings = tiles.iter().filter(of_newest).map(|tile| &*tile.warning);
        let warning = match warnings.next() {
            Some(first) if warnings.all(|warning| warning == first) => first,
            _ => "",
        };
        CommonNotes { warning: warning.into(), change: change.into() }
    }

    /// The tile for the landing page.
    pub(super) fn headline(&self) -> Headline {
        Headline {
            label: self.label.into(),
            value: self.value.clone(),
            note: self.note.clone(),
            period: self.period,
        }
    }
}

/// Why a level has no change yet.
const TOO_SHORT: &str = "not compared: fewer than 8 complete weeks";

/// What several tiles state, each empty if they differ.
pub(super) struct CommonNotes {
    pub(super) warning: String,
    pub(super) change: String,
}

/// The line of the last 28 days (else month, else week).
fn newest<'a>(metric: &HeadlineMetric<'a>, place: &Place<'a>) -> Option<&'a Line<'a>> {
    let newest = |grain| place.newest(metric.metric, grain, metric.by);
    newest(Grain::Window).or_else(|| newest(Grain::Month)).or_else(|| newest(Grain::Week))
}

/// The change of four complete weeks from the four before.
fn change_text(metric: &HeadlineMetric<'_>, trend: Trend) -> String {
    let change = match trend {
        Trend::NoData => return String::new(),
        Trend::Suppressed => return "not compared: suppressed for privacy".into(),
        Trend::TooShort(_) => return TOO_SHORT.into(),
        Trend::Known(change) => change,
    };
    let Change { now, before, noise, .. } = change;
    let [now, before] = [now, before].map(|value| match metric.style {
        Style::Plain => number::level(value),
        style => style.text(value),
    });
    let noise = match metric.style {
        Style::Plain => number::level(noise),
        Style::Percent => number::points(noise),
        Style::Duration => number::duration(noise),
    };
    match (metric.style, change.direction()) {
        (Style::Plain, Direction::NoClearChange) => {
            format!("{now} a week, no clear change (was {before}, ±{noise})")
        }
        (Style::Plain, _) => format!("{now} a week, was {before} (noise ±{noise})"),
        (_, Direction::NoClearChange) => format!("no clear change (was {before}, ±{noise})"),
        (Style::Percent, _) => {
            let points = number::change(metric.style, change.before, change.now).unwrap_or_default();
            format!("{points} on the 4 weeks before (noise ±{noise})")
        }
        (Style::Duration, _) => format!("{now} in the last 4 weeks, was {before} (noise ±{noise})"),
    }
}

fn direction(trend: Trend) -> &'static str {
    match trend.known().map(|change| change.direction()) {
        Some(Direction::Up) => "up",
        Some(Direction::Down) => "down",
        Some(Direction::NoClearChange) => "unclear",
        None => "unknown",
    }
}
