//! The figures at the top of a dashboard: each says what it counts, of how many, since when and how fresh.

use minijinja::{Value, context};

use crate::calendar::Grain;
use crate::record::Number;

use super::card::Headline;
use super::headline::Figure;
use super::number::{self, Style, UNKNOWN};
use super::place::Place;
use super::privacy::Line;
use super::table;

/// One figure.
pub(super) struct Tile {
    label: &'static str,
    href: &'static str,
    value: String,
    note: String,
    change: String,
    fresh: String,
    warning: String,
}

impl Tile {
    /// The tile of a figure in a place.
    pub(super) fn new<'a>(figure: &Figure<'a>, place: &Place<'a>) -> Tile {
        let newest = |grain| place.newest(figure.metric, grain, figure.by);
        let line = newest(Grain::Window).or_else(|| newest(Grain::Month)).or_else(|| newest(Grain::Week));
        let mut tile = Tile {
            label: figure.label,
            href: figure.href,
            value: UNKNOWN.into(),
            note: String::new(),
            change: change(figure, place),
            fresh: String::new(),
            warning: String::new(),
        };
        let Some(line) = line else {
            tile.note = "no data".into();
            return tile;
        };
        tile.fresh = number::period(line.period);
        let days = line.period.length();
        if line.coverage < 1.0 && line.value.is_some() {
            let complete = (line.coverage * days as f64).round() as i64;
            tile.warning = format!("{complete} of {days} days collected");
        }
        match (line.hidden, line.value) {
            (Some(hidden), _) => {
                tile.value = hidden.text();
                tile.note = "few people are behind it".into();
            }
            (None, Some(value)) => {
                tile.value = figure.style.text(value.as_f64());
                tile.note = match (figure.style, table::n_of(line)) {
                    (Style::Percent, parts) if !parts.is_empty() => format!("{parts} {}", figure.of),
                    _ => figure.of.into(),
                };
            }
            (None, None) => tile.note = number::reason(line.reason).into(),
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
            fresh => &*self.fresh,
            warning => if self.warning == common_warning { "" } else { &*self.warning },
        }
    }

    /// The warning that every tile has, to be said once; empty when they differ.
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
        Headline { label: self.label.into(), value: self.value.clone(), note: self.note.clone() }
    }
}

/// The newest complete month (else week) against the one before it; empty when there are no two in a row.
fn change<'a>(figure: &Figure<'a>, place: &Place<'a>) -> String {
    let known = |line: &&Line<'_>| line.value.is_some() && line.coverage >= 1.0;
    for (grain, before) in [(Grain::Month, "the month before"), (Grain::Week, "the week before")] {
        let mut series = place.series(figure.metric, grain, figure.by);
        series.retain(known);
        let [.., earlier, later] = series.as_slice() else { continue };
        if earlier.period.end.plus(1) != later.period.start {
            continue;
        }
        let value = |line: &Line<'_>| line.value.map(Number::as_f64);
        let (Some(from), Some(to)) = (value(earlier), value(later)) else { continue };
        let Some(change) = number::change(figure.style, from, to) else { continue };
        return format!("{}: {}, {change} on {before}", number::period(later.period), figure.style.text(to));
    }
    String::new()
}
