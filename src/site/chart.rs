//! Charts as inline SVG, with the table of the same numbers beside each.
//!
//! A chart is as wide as its place: positions along the time axis are percentages, and what must be a path
//! lies in an inner drawing that is stretched. Text is therefore never scaled. Colours come from the style
//! sheet, by class.

use std::fmt::Write as _;

use minijinja::{Value, context};

use crate::calendar::{Day, Grain, Period};
use crate::record::Reason;

use super::number::{self, Style};
use super::privacy::Line;
use super::table::{self, Cell, Column, Table};
use super::text::escape;

/// Height of the area where values are drawn, in pixels.
const HEIGHT: f64 = 160.0;
/// Room above it for the topmost label.
const TOP: f64 = 10.0;
/// Slots up to which each gets its own tooltip; beyond, the table serves.
const MOST_TOOLTIPS: usize = 120;
/// Slots up to which weekends are shaded; beyond, shading would be a texture.
const MOST_WEEKENDS: usize = 130;
/// Slots from which columns touch: gaps below a pixel would flicker.
const COLUMNS_TOUCH: usize = 150;

/// The time axis: every day, week or month of the range, whether something is known of it or not.
pub(super) struct Axis {
    periods: Vec<Period>,
}

/// What is known of one slot of the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    /// A value.
    Value {
        /// The height.
        value: f64,
        /// Whether it can no longer change.
        settled: bool,
        /// Whether it rests on few observations.
        small: bool,
    },
    /// Not collected: a gap, never zero.
    Missing,
    /// Too few people are behind it.
    Hidden,
    /// Collected, and there is nothing to divide by.
    Nothing,
    /// There is no value for another reason.
    Unknown,
}

/// One row of marks, and how it is drawn.
pub(super) struct Layer {
    /// What it counts.
    pub(super) name: &'static str,
    /// A class of the style sheet: `main`, `quiet`, `s1` to `s4`.
    pub(super) class: &'static str,
    /// One mark a slot of the axis.
    pub(super) marks: Vec<Mark>,
    texts: Vec<String>,
}

/// What a chart shows and how.
pub(super) struct Chart {
    /// Unique on its page.
    pub(super) id: &'static str,
    /// Says what is counted.
    pub(super) title: &'static str,
    /// Further words below the title.
    pub(super) note: &'static str,
    /// How values are written.
    pub(super) style: Style,
    /// How they are drawn.
    pub(super) form: Form,
}

/// How the layers of a chart are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Columns, each layer before the one it is a part of.
    Columns,
    /// Columns on top of each other: parts of a whole.
    Stacked,
    /// Points, joined where neighbours are known.
    Line,
}

impl Axis {
    /// Every period of the grain from the first to the last day.
    pub(super) fn new(grain: Grain, first: Day, last: Day) -> Axis {
        Axis { periods: Period::covering(grain, first, last) }
    }

    fn len(&self) -> usize {
        self.periods.len()
    }
}

impl Layer {
    /// The lines laid on the axis.
    pub(super) fn new(
        name: &'static str,
        class: &'static str,
        axis: &Axis,
        lines: &[&Line],
        style: Style,
    ) -> Layer {
        let (marks, texts) = axis
            .periods
            .iter()
            .map(|period| {
                let line = lines.iter().find(|line| line.period.start == period.start).copied();
                (mark(line), text(line, style))
            })
            .unzip();
        Layer { name, class, marks, texts }
    }

    fn is_empty(&self) -> bool {
        !self.marks.iter().any(|mark| matches!(mark, Mark::Value { .. }))
    }
}

fn mark(line: Option<&Line>) -> Mark {
    let Some(line) = line else { return Mark::Missing };
    match line.value {
        _ if line.hidden.is_some() => Mark::Hidden,
        // A day that was only partly collected is drawn as one that may still change.
        Some(value) => Mark::Value {
            value: value.as_f64(),
            settled: line.is_final && line.coverage >= 1.0,
            small: table::is_small(line),
        },
        None => match line.reason {
            Some(Reason::NothingShown) => Mark::Nothing,
            Some(Reason::NotCollected) => Mark::Missing,
            _ => Mark::Unknown,
        },
    }
}

fn text(line: Option<&Line>, style: Style) -> String {
    let Some(line) = line else { return "not collected".into() };
    if let Some(hidden) = line.hidden {
        return hidden.text();
    }
    match line.value {
        Some(value) => match (style, table::n_of(line)) {
            (Style::Percent, parts) if !parts.is_empty() => {
                format!("{} ({parts})", style.text(value.as_f64()))
            }
            _ => style.text(value.as_f64()),
        },
        None => number::reason(line.reason).into(),
    }
}

impl Chart {
    /// The figure for a template: drawing, legend and table; `none` when there is nothing to draw.
    pub(super) fn value(&self, axis: &Axis, layers: &[Layer]) -> Value {
        if axis.len() == 0 || layers.iter().all(Layer::is_empty) {
            let hidden = !slots(layers, |mark| matches!(mark, Mark::Hidden)).is_empty();
            return context! { id => self.id, title => self.title, note => self.note, svg => "", hidden => hidden };
        }
        context! {
            id => self.id,
            title => self.title,
            note => self.note,
            few => if axis.len() < 12 { axis.len() } else { 0 },
            legend => self.legend(axis, layers),
            svg => Value::from_safe_string(self.svg(axis, layers)),
            table => self.table(axis, layers).value(),
        }
    }

    fn svg(&self, axis: &Axis, layers: &[Layer]) -> String {
        let slots = axis.len() as f64;
        let scale = Scale::of(self, axis, layers);
        let mut svg = String::new();
        let total = TOP + HEIGHT + 28.0;
        let _ = write!(
            svg,
            "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{0}-title {0}-desc\" height=\"{total}\">\
             <desc id=\"{0}-desc\">{1}</desc>",
            self.id,
            escape(&self.description(axis, layers)),
        );
        weekends(&mut svg, axis);
        for tick in &scale.ticks {
            let y = TOP + scale.y(*tick);
            let class = if *tick == 0.0 { "base" } else { "grid" };
            let _ = write!(
                svg,
                "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"y\" x=\"-8\" y=\"{:.1}\">{}</text>",
                y + 4.0,
                escape(&self.style.text(*tick)),
            );
        }
        let mut open = String::new();
        let _ = write!(
            svg,
            "<svg y=\"{TOP}\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {slots} {HEIGHT}\" \
             preserveAspectRatio=\"none\">"
        );
        match self.form {
            Form::Columns => columns(&mut svg, &mut open, axis, layers, &scale),
            Form::Stacked => stacked(&mut svg, &mut open, axis, layers, &scale),
            Form::Line => lines(&mut svg, axis, layers, &scale),
        }
        svg.push_str("</svg>");
        svg.push_str(&open);
        strip(&mut svg, axis, layers);
        time_labels(&mut svg, axis);
        if axis.len() <= MOST_TOOLTIPS {
            tooltips(&mut svg, axis, layers);
        }
        svg.push_str("</svg>");
        svg
    }

    /// The chart in one or two sentences, for those who do not see it.
    fn description(&self, axis: &Axis, layers: &[Layer]) -> String {
        let mut words = String::new();
        if let (Some(first), Some(last)) = (axis.periods.first(), axis.periods.last()) {
            let _ = write!(words, "{}, {}.", unit(axis, axis.len()), number::span(first.start, last.end));
        }
        for layer in layers {
            let mut values = axis.periods.iter().zip(&layer.marks).filter_map(|(period, mark)| match mark {
                Mark::Value { value, .. } => Some((*value, *period)),
                _ => None,
            });
            let lowest = values.clone().min_by(|a, b| a.0.total_cmp(&b.0));
            let highest = values.clone().max_by(|a, b| a.0.total_cmp(&b.0));
            let (Some(lowest), Some(highest), Some(last)) = (lowest, highest, values.next_back()) else {
                let _ = write!(words, " {}: no values.", layer.name);
                continue;
            };
            let at = |(value, period): (f64, Period)| {
                format!("{} ({})", self.style.text(value), number::period(period))
            };
            let (lowest, highest, last) = (at(lowest), at(highest), at(last));
            let _ = write!(words, " {}: lowest {lowest}, highest {highest}, last {last}.", layer.name);
        }
        let missing = slots(layers, |mark| matches!(mark, Mark::Missing)).len();
        let hidden = slots(layers, |mark| matches!(mark, Mark::Hidden)).len();
        if missing > 0 {
            let _ = write!(words, " Not collected: {}.", unit(axis, missing));
        }
        if hidden > 0 {
            let _ = write!(words, " Hidden because few people are behind them: {}.", unit(axis, hidden));
        }
        words
    }

    fn legend(&self, axis: &Axis, layers: &[Layer]) -> Vec<Value> {
        let has = |wanted: fn(&Mark) -> bool| layers.iter().any(|layer| layer.marks.iter().any(wanted));
        let mut legend = Vec::new();
        let mut item = |class: &str, text: &str| legend.push(context! { class => class, text => text });
        if layers.len() > 1 {
            for layer in layers {
                item(&format!("key-{}", layer.class), layer.name);
            }
        }
        if has(|mark| matches!(mark, Mark::Value { settled: false, .. })) {
            let class = if self.form == Form::Line { "key-dashed" } else { "key-open" };
            item(class, "partly collected, or may still change");
        }
        if self.form == Form::Line && has(|mark| matches!(mark, Mark::Value { small: true, .. })) {
            item("key-small", "of fewer than 30");
        }
        if has(|mark| matches!(mark, Mark::Missing)) {
            item("key-missing", "not collected");
        }
        if has(|mark| matches!(mark, Mark::Hidden)) {
            item("key-hidden", "few people: not shown");
        }
        // One reason is enough: what lies further back than the data does so for the whole chart.
        let unknown = layers.iter().find_map(|layer| {
            let at = layer.marks.iter().position(|mark| matches!(mark, Mark::Unknown))?;
            layer.texts.get(at)
        });
        if let Some(reason) = unknown {
            item("key-unknown", reason);
        }
        if has_weekends(axis) {
            item("key-weekend", "weekend");
        }
        legend
    }

    fn table(&self, axis: &Axis, layers: &[Layer]) -> Table {
        let first = match axis.periods.first().map(|period| period.grain) {
            Some(Grain::Week) => "Week of",
            Some(Grain::Month) => "Month",
            _ => "Day (UTC)",
        };
        let mut columns = vec![Column::words(first)];
        // What a name explains after a colon stands in the legend already.
        let short = |name: &'static str| name.split_once(':').map_or(name, |(short, _)| short);
        columns.extend(layers.iter().map(|layer| Column::numbers(short(layer.name))));
        let mut table = Table::new(&format!("{}-table", self.id), self.title, &columns);
        for (at, period) in axis.periods.iter().enumerate() {
            let mut cells = vec![Cell::words(match period.grain {
                Grain::Month => number::period(*period),
                _ => number::long_day(period.start),
            })];
            cells.extend(layers.iter().map(|layer| Cell::number(layer.texts[at].clone())));
            table.push(cells);
        }
        table
    }
}

/// A small line without axes, for a tile: the shape of the days, gaps where days are missing.
pub(super) fn sparkline(axis: &Axis, lines: &[&Line], style: Style) -> Value {
    let layer = Layer::new("", "main", axis, lines, style);
    if layer.is_empty() || axis.len() < 2 {
        return Value::from("");
    }
    let highest = match style {
        Style::Percent => 1.0,
        _ => highest(layer.marks.iter()).max(1.0),
    };
    let mut path = String::new();
    let mut joined = false;
    for (at, mark) in layer.marks.iter().enumerate() {
        match mark {
            Mark::Value { value, .. } => {
                let (x, y) = (at as f64 + 0.5, 34.0 - 32.0 * (value / highest).min(1.0));
                let _ = match joined {
                    true => write!(path, "L{x} {y:.1}"),
                    // The short stroke makes a day between two gaps a dot.
                    false => write!(path, "M{x} {y:.1}h.01"),
                };
                joined = true;
            }
            _ => joined = false,
        }
    }
    Value::from_safe_string(format!(
        "<svg class=\"spark\" aria-hidden=\"true\" height=\"36\" viewBox=\"0 0 {} 36\" preserveAspectRatio=\"none\">\
         <path d=\"{path}\"/></svg>",
        axis.len()
    ))
}

/// From values to pixels.
struct Scale {
    top: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn of(chart: &Chart, axis: &Axis, layers: &[Layer]) -> Scale {
        if chart.style == Style::Percent {
            return Scale { top: 1.0, ticks: vec![0.0, 0.25, 0.5, 0.75, 1.0] };
        }
        let highest = match chart.form {
            Form::Stacked => (0..axis.len())
                .map(|at| layers.iter().map(|layer| height(&layer.marks[at]).unwrap_or(0.0)).sum())
                .fold(0.0, f64::max),
            _ => layers.iter().map(|layer| highest(layer.marks.iter())).fold(0.0, f64::max),
        };
        let step = match chart.style {
            Style::Duration => duration_step(highest / 4.0),
            _ => decimal_step(highest / 4.0),
        };
        let steps = (highest / step).ceil().max(1.0);
        Scale { top: steps * step, ticks: (0..=steps as u32).map(|at| f64::from(at) * step).collect() }
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - HEIGHT * (value / self.top).clamp(0.0, 1.0)
    }
}

/// 1, 2 or 5 times a power of ten, at least as large; whole, as what is counted is whole.
fn decimal_step(least: f64) -> f64 {
    let mut power = 1.0;
    loop {
        for step in [1.0, 2.0, 5.0] {
            if step * power >= least || power > 1e15 {
                return step * power;
            }
        }
        power *= 10.0;
    }
}

/// Steps that read well as minutes, hours and days.
fn duration_step(least: f64) -> f64 {
    const STEPS: [f64; 16] = [
        1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0, 43_200.0, 86_400.0,
        172_800.0, 432_000.0, 864_000.0,
    ];
    STEPS.into_iter().find(|step| *step >= least).unwrap_or_else(|| decimal_step(least / 86_400.0) * 86_400.0)
}

fn height(mark: &Mark) -> Option<f64> {
    match mark {
        Mark::Value { value, .. } => Some(*value),
        _ => None,
    }
}

fn highest<'a>(marks: impl Iterator<Item = &'a Mark>) -> f64 {
    marks.filter_map(height).fold(0.0, f64::max)
}

/// Slots where any layer has such a mark.
fn slots(layers: &[Layer], wanted: impl Fn(&Mark) -> bool) -> Vec<usize> {
    let count = layers.first().map_or(0, |layer| layer.marks.len());
    (0..count).filter(|&at| layers.iter().any(|layer| wanted(&layer.marks[at]))).collect()
}

fn unit(axis: &Axis, count: usize) -> String {
    match axis.periods.first().map(|period| period.grain) {
        Some(Grain::Week) => number::counted(count as u64, "week", "weeks"),
        Some(Grain::Month) => number::counted(count as u64, "month", "months"),
        _ => number::counted(count as u64, "day", "days"),
    }
}

fn percent(axis: &Axis, position: f64) -> String {
    let text = format!("{:.3}", position / axis.len() as f64 * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Left edge and width of a column in its slot.
fn column(axis: &Axis) -> (f64, f64) {
    if axis.len() >= COLUMNS_TOUCH { (0.0, 1.0) } else { (0.12, 0.76) }
}

/// One column, or a part of a stacked one, in pixels from the top.
struct Block {
    at: usize,
    class: &'static str,
    top: f64,
    bottom: f64,
    settled: bool,
}

impl Block {
    /// Settled ones go into the path that is stretched, others are hatched boxes that are not.
    fn draw(&self, path: &mut String, open: &mut String, axis: &Axis) {
        let Block { at, class, top, bottom, settled } = *self;
        if bottom - top < 0.05 {
            return;
        }
        let (left, width) = column(axis);
        let x = at as f64 + left;
        let _ = match settled {
            true => write!(path, "M{x:.2} {bottom:.1}V{top:.1}h{width}V{bottom:.1}z"),
            false => write!(
                open,
                "<rect class=\"open {class}\" x=\"{}\" y=\"{:.1}\" width=\"{}\" height=\"{:.1}\"/>",
                percent(axis, x),
                TOP + top,
                percent(axis, width),
                bottom - top
            ),
        };
    }
}

fn columns(svg: &mut String, open: &mut String, axis: &Axis, layers: &[Layer], scale: &Scale) {
    for layer in layers {
        let mut path = String::new();
        for (at, mark) in layer.marks.iter().enumerate() {
            if let Mark::Value { value, settled, .. } = mark {
                let (top, bottom, settled) = (scale.y(*value), HEIGHT, *settled);
                Block { at, class: layer.class, top, bottom, settled }.draw(&mut path, open, axis);
            }
        }
        let _ = write!(svg, "<path class=\"fill {}\" d=\"{path}\"/>", layer.class);
    }
}

fn stacked(svg: &mut String, open: &mut String, axis: &Axis, layers: &[Layer], scale: &Scale) {
    let mut below = vec![0.0; axis.len()];
    for layer in layers {
        let mut path = String::new();
        for (at, mark) in layer.marks.iter().enumerate() {
            if let Mark::Value { value, settled, .. } = mark {
                let (bottom, top) = (scale.y(below[at]), scale.y(below[at] + value));
                // A hairline of paper keeps neighbours of similar shade apart.
                let top = if bottom - top > 3.0 { top + 1.0 } else { top };
                Block { at, class: layer.class, top, bottom, settled: *settled }.draw(&mut path, open, axis);
                below[at] += value;
            }
        }
        let _ = write!(svg, "<path class=\"fill {}\" d=\"{path}\"/>", layer.class);
    }
}

fn lines(svg: &mut String, axis: &Axis, layers: &[Layer], scale: &Scale) {
    let dots = axis.len() <= MOST_TOOLTIPS;
    for layer in layers {
        let (mut line, mut dashed, mut points, mut small_points) =
            (String::new(), String::new(), String::new(), String::new());
        let mut before: Option<(f64, f64, bool)> = None;
        for (at, mark) in layer.marks.iter().enumerate() {
            let Mark::Value { value, settled, small } = mark else {
                before = None;
                continue;
            };
            let (x, y) = (at as f64 + 0.5, scale.y(*value));
            if let Some((from_x, from_y, was_settled)) = before {
                let path = if *settled && was_settled { &mut line } else { &mut dashed };
                let _ = write!(path, "M{from_x} {from_y:.1}L{x} {y:.1}");
            }
            let joined_next = matches!(layer.marks.get(at + 1), Some(Mark::Value { .. }));
            if dots || (before.is_none() && !joined_next) {
                let path = if *small { &mut small_points } else { &mut points };
                let _ = write!(path, "M{x} {y:.1}h.01");
            }
            before = Some((x, y, *settled));
        }
        for (class, path) in
            [("stroke", line), ("stroke dashed", dashed), ("dots", points), ("dots small", small_points)]
        {
            if !path.is_empty() {
                let _ = write!(svg, "<path class=\"{class} {}\" d=\"{path}\"/>", layer.class);
            }
        }
    }
}

fn has_weekends(axis: &Axis) -> bool {
    let daily = axis.periods.first().is_some_and(|period| period.grain == Grain::Day);
    daily && axis.len() <= MOST_WEEKENDS && axis.periods.iter().any(|day| number::is_weekend(day.start))
}

fn weekends(svg: &mut String, axis: &Axis) {
    if !has_weekends(axis) {
        return;
    }
    let mut at = 0;
    while at < axis.len() {
        let length = axis.periods[at..].iter().take_while(|day| number::is_weekend(day.start)).count();
        if length > 0 {
            let _ = write!(
                svg,
                "<rect class=\"weekend\" x=\"{}\" y=\"{TOP}\" width=\"{}\" height=\"{HEIGHT}\"/>",
                percent(axis, at as f64),
                percent(axis, length as f64)
            );
        }
        at += length.max(1);
    }
}

/// Below the base line: what is not there, so that an empty slot cannot be read as zero.
fn strip(svg: &mut String, axis: &Axis, layers: &[Layer]) {
    let missing = slots(layers, |mark| matches!(mark, Mark::Missing));
    let hidden = slots(layers, |mark| matches!(mark, Mark::Hidden));
    let unknown = slots(layers, |mark| matches!(mark, Mark::Unknown));
    for (class, found) in [("missing", missing), ("hidden", hidden), ("unknown", unknown)] {
        let mut at = 0;
        while at < found.len() {
            let length = (at..found.len()).take_while(|&next| found[next] == found[at] + next - at).count();
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{}\" y=\"{:.1}\" width=\"{}\" height=\"4\"/>",
                percent(axis, found[at] as f64 + 0.06),
                TOP + HEIGHT + 2.5,
                percent(axis, length as f64 - 0.12)
            );
            at += length;
        }
    }
}

fn time_labels(svg: &mut String, axis: &Axis) {
    let grain = axis.periods.first().map(|period| period.grain);
    let count = axis.len();
    let months = match grain {
        Some(Grain::Day) => count > 75,
        Some(Grain::Week) => count > 14,
        _ => true,
    };
    let is_tick = |at: usize| -> bool {
        let period = axis.periods[at];
        match grain {
            _ if count <= 8 => true,
            Some(Grain::Day) if months => number::is_first_of_month(period.start),
            Some(Grain::Day) => number::is_monday(period.start),
            Some(Grain::Week) if months => at > 0 && period.days().any(number::is_first_of_month),
            _ => true,
        }
    };
    let ticks: Vec<usize> = (0..count).filter(|&at| is_tick(at)).collect();
    // About ten labels fit a wide page, about four a narrow one.
    let (wide, narrow) = (ticks.len().div_ceil(11).max(1), ticks.len().div_ceil(4).max(1));
    let (mut year, mut narrow_year) = (None, None);
    for (place, &at) in ticks.iter().enumerate() {
        let start = axis.periods[at].start;
        let first_of_month =
            axis.periods[at].days().find(|day| number::is_first_of_month(*day)).unwrap_or(start);
        if months && at as f64 > count as f64 * 0.97 || place % wide != 0 {
            continue;
        }
        let only_wide = place % (narrow.div_ceil(wide) * wide) != 0;
        let this_year = Some(number::year(first_of_month));
        let says_year = year != this_year || (!only_wide && narrow_year != this_year);
        year = this_year;
        if !only_wide {
            narrow_year = this_year;
        }
        let label = match months {
            true => number::axis_month(first_of_month, says_year),
            false => number::short_day(start),
        };
        let wide_class = if only_wide { " wide" } else { "" };
        // The first label would be cut at the left edge if it were centred there.
        let (x, anchor) = match (months, at) {
            (true, at) => (percent(axis, at as f64), "start"),
            (false, 0) if count > 8 => (percent(axis, 0.0), "start"),
            (false, at) => (percent(axis, at as f64 + 0.5), "middle"),
        };
        let _ = write!(
            svg,
            "<line class=\"tick{wide_class}\" x1=\"{x}\" x2=\"{x}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
             <text class=\"x{wide_class}\" x=\"{x}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
            TOP + HEIGHT + 1.0,
            TOP + HEIGHT + 8.0,
            TOP + HEIGHT + 22.0,
        );
    }
}

fn tooltips(svg: &mut String, axis: &Axis, layers: &[Layer]) {
    svg.push_str("<g class=\"tips\">");
    for (at, period) in axis.periods.iter().enumerate() {
        let mut words = match period.grain {
            Grain::Day => number::long_day(period.start),
            _ => number::period(*period),
        };
        for layer in layers {
            let _ = write!(words, "\n{}: {}", layer.name, layer.texts[at]);
        }
        let _ = write!(
            svg,
            "<rect x=\"{}\" y=\"{TOP}\" width=\"{}\" height=\"{HEIGHT}\"><title>{}</title></rect>",
            percent(axis, at as f64),
            percent(axis, 1.0),
            escape(&words)
        );
    }
    svg.push_str("</g>");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::record::Number;

    use crate::site::privacy::Hidden;

    fn day(text: &str) -> Day {
        text.parse().expect("a literal day")
    }

    fn line(text: &str, value: Option<u64>) -> Line {
        Line {
            metric: "chat.messages".into(),
            instance: "https://gitlab.example.com".into(),
            scope: "acme".into(),
            period: Period::holding(Grain::Day, day(text), day(text)),
            by: BTreeMap::new(),
            value: value.map(Number::Count),
            n: value.map(Number::Count),
            of: None,
            people: None,
            coverage: 1.0,
            basis: None,
            is_final: true,
            reason: value.is_none().then_some(Reason::NotCollected),
            hidden: None,
        }
    }

    fn chart(form: Form) -> Chart {
        Chart { id: "c", title: "Messages by day", note: "", style: Style::Plain, form }
    }

    fn drawn(form: Form, lines: &[Line]) -> String {
        let axis = Axis::new(Grain::Day, day("2026-10-05"), day("2026-10-09"));
        let lines: Vec<&Line> = lines.iter().collect();
        let layers = [Layer::new("messages", "main", &axis, &lines, Style::Plain)];
        chart(form).svg(&axis, &layers)
    }

    #[test]
    fn a_missing_day_is_a_gap_in_a_line_and_named() {
        let svg = drawn(
            Form::Line,
            &[
                line("2026-10-05", Some(4)),
                line("2026-10-06", Some(2)),
                line("2026-10-07", None),
                line("2026-10-09", Some(4)),
            ],
        );
        // 5 and 6 October are joined; 9 October stands alone; neither 7 (null) nor 8 (no line) is drawn.
        assert!(svg.contains("<path class=\"stroke main\" d=\"M0.5 0.0L1.5 80.0\"/>"), "{svg}");
        assert!(
            svg.contains("M4.5 0.0h.01")
                && !svg.contains("M2.5")
                && !svg.contains("L2.5")
                && !svg.contains("L4.5")
        );
        assert!(svg.contains("class=\"missing\"") && svg.contains("Not collected: 2 days."));
        assert!(svg.contains("Wed 7 Oct 2026\nmessages: not collected"));
    }

    #[test]
    fn zero_is_not_missing() {
        let svg = drawn(
            Form::Columns,
            &["2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08", "2026-10-09"]
                .map(|day| line(day, Some(0))),
        );
        assert!(!svg.contains("class=\"missing\"") && !svg.contains("Not collected"), "{svg}");
        assert!(svg.contains("messages: 0"));
    }

    #[test]
    fn days_that_may_change_and_hidden_ones_are_told_apart() {
        let (mut open, mut hidden) = (line("2026-10-05", Some(4)), line("2026-10-06", None));
        open.is_final = false;
        (hidden.hidden, hidden.reason) = (Some(Hidden::Under(5)), None);
        let svg = drawn(Form::Columns, &[open, hidden, line("2026-10-07", Some(4))]);
        assert_eq!(svg.matches("class=\"open main\"").count(), 1);
        assert_eq!(svg.matches("class=\"hidden\"").count(), 1);
        assert!(svg.contains("messages: under 5"));
    }

    #[test]
    fn rates_are_drawn_from_nothing_to_all() {
        let axis = Axis::new(Grain::Day, day("2026-10-05"), day("2026-10-05"));
        let scale = Scale::of(&Chart { style: Style::Percent, ..chart(Form::Line) }, &axis, &[]);
        assert_eq!((scale.top, scale.y(0.0), scale.y(1.0)), (1.0, HEIGHT, 0.0));
    }

    #[test]
    fn scales_start_at_zero_and_hold_the_highest_value() {
        for highest in [1.0, 3.0, 7.0, 10.0, 99.0, 101.0, 12_345.0] {
            let step = decimal_step(highest / 4.0);
            assert!(step >= 1.0 && step.fract() == 0.0 && step * 4.0 >= highest, "{highest}: {step}");
        }
        assert_eq!(duration_step(15_000.0), 21_600.0);
    }

    #[test]
    fn a_sparkline_has_gaps_too() {
        let axis = Axis::new(Grain::Day, day("2026-10-05"), day("2026-10-07"));
        let lines = [line("2026-10-05", Some(1)), line("2026-10-07", Some(1))];
        let svg = sparkline(&axis, &lines.iter().collect::<Vec<_>>(), Style::Plain).to_string();
        assert_eq!(svg.matches('M').count(), 2);
        assert!(!svg.contains('L'));
    }
}
