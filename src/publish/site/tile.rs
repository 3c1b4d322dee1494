//! The tiles at the top of a dashboard: a key metric with its denominator, its period and its
//! change.

use minijinja::{Value, context};

use crate::base::calendar::Grain;

use super::card::{CardPeriod, Headline};
use super::days;
use super::headline::HeadlineMetric;
use super::number::{self, Style, UNKNOWN};
use super::place::Place;
use super::privacy::{Line, SUPPRESSED};
use super::table;

/// A tile.
pub(super) struct Tile {
    label: &'static str,
    href: &'static str,
    value: String,
    note: String,
    change: String,
    /// The days of the value, which differ from those of the dashboard.
    period: Option<CardPeriod>,
    warning: String,
}

impl Tile {
    /// The tile of a metric in a place.
    pub(super) fn new<'a>(metric: &HeadlineMetric<'a>, place: &Place<'a>) -> Tile {
        let newest = |grain| place.newest(metric.metric, grain, metric.by);
        let line = newest(Grain::Window).or_else(|| newest(Grain::Month)).or_else(|| newest(Grain::Week));
        let mut tile = Tile {
            label: metric.label,
            href: metric.href,
            value: UNKNOWN.into(),
            note: String::new(),
            change: change(metric, place),
            period: None,
            warning: String::new(),
        };
        let Some(line) = line else {
            tile.note = "no data".into();
            return tile;
        };
        tile.period = Some(CardPeriod { start: line.period.start, end: line.period.end });
        if line.coverage < 1.0 && line.value.is_some() {
            tile.warning = days::collected(line);
        }
        match line.value {
            _ if line.is_suppressed => {
                tile.value = SUPPRESSED.into();
                tile.note = "for privacy".into();
            }
            Some(value) => {
                tile.value = metric.style.text(value.as_f64());
                tile.note = match (metric.style, table::ratio_text(line)) {
                    (Style::Percent, parts) if !parts.is_empty() => format!("{parts} {}", metric.of),
                    _ => metric.of.into(),
                };
            }
            None => tile.note = number::reason(line.reason).into(),
        }
        tile
    }

    /// The tile for a template.
    pub(super) fn value(&self, common_warning: &str) -> Value {
        context! {
            label => self.label,
            href => self.href,
            value => &*self.value,
            words => !self.value.starts_with(|first: char| first.is_ascii_digit() || "<>–".contains(first)),
            note => &*self.note,
            change => &*self.change,
            fresh => self.period.map_or_else(String::new, CardPeriod::text),
            warning => if self.warning == common_warning { "" } else { &*self.warning },
        }
    }

    /// The warning that all tiles share, to be shown once; empty if they differ.
    pub(super) fn common_warning(tiles: &[Tile]) -> String {
        match tiles {
            [first, rest @ ..] if rest.iter().all(|tile| tile.warning == first.warning) => {
                first.warning.clone()
            }
            _ => String::new(),
        }
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

/// The change of the newest complete month (else week) from the one before it, or why there is
/// none.
fn change<'a>(metric: &HeadlineMetric<'a>, place: &Place<'a>) -> String {
    let mut why_none = String::new();
    for (grain, before) in [(Grain::Month, "the previous month"), (Grain::Week, "the previous week")] {
        let series = place.series(metric.metric, grain, metric.by);
        let is_complete = |line: &&&Line<'_>| line.value.is_some() && line.coverage >= 1.0;
        let Some(later) = series.iter().rev().find(is_complete) else { continue };
        let is_before = |line: &&&Line<'_>| line.period.end.plus(1) == later.period.start;
        let Some(earlier) = series.iter().find(is_before) else { continue };
        match days::change(metric.style, earlier, later) {
            Some(Ok(change)) => {
                let value = later.value.map(|value| metric.style.text(value.as_f64())).unwrap_or_default();
                return format!("{}: {value}, {change} vs. {before}", number::period(later.period));
            }
            Some(Err(why)) if why_none.is_empty() => why_none = format!("not compared: {why}"),
            _ => {}
        }
    }
    why_none
}
