//! The page on the use of GitLab Duo.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Value, context};

use crate::calendar::Grain;
use crate::record::Number;

use super::Error;
use super::chart::{Axis, Chart, Form, Layer};
use super::headline::DUO;
use super::number::{self, Style};
use super::page::Frame;
use super::place::Place;
use super::privacy::Line;
use super::quality;
use super::table::{Cell, Column, Table};
use super::text::{LONGEST_LABEL, plain};
use super::tile::Tile;

/// Rows of a table by language, event and the like; the file of all numbers has the rest.
const MOST_ROWS: usize = 40;

const SEGMENTS: [(&str, &str, &str); 4] = [
    ("heavy", "heavy: 12 days or more", "s1"),
    ("regular", "regular: 4 to 11 days", "s2"),
    ("experimenting", "experimenting: 1 to 3 days", "s3"),
    ("inactive", "inactive: no day", "s4"),
];

/// The tiles and the page.
pub(super) fn page(frame: &Frame<'_>) -> Result<(Vec<Tile>, String), Error> {
    let (Some(place), Some(days), Some(weeks)) =
        (frame.main(), frame.axis(Grain::Day), frame.axis(Grain::Week))
    else {
        return Ok((Vec::new(), frame.render("duo.html", &[], Value::UNDEFINED)?));
    };
    let recent = frame.recent_days();
    let tiles: Vec<Tile> = DUO.iter().map(|figure| Tile::new(figure, place, recent.as_ref())).collect();
    let content = context! {
        months => table(months(place)),
        by_group => table(by_group(frame)),
        seats => table(seats(place)),
        no_seats => quality::why_nothing(&frame.coverage, "seats").unwrap_or_default(),
        active_people => daily(place, &days, Chart {
            id: "active-people",
            title: "Active people by day",
            note: "People who did something with Duo on purpose that day: accepted, rejected, asked, started.",
            style: Style::Plain,
            form: Form::Columns,
        }, &[("active people", "main", "users.active")]),
        segments => segments_over_time(place, &weeks),
        segments_now => table(segments_now(place)),
        suggestions => daily(place, &days, Chart {
            id: "suggestions-by-day",
            title: "Code suggestions shown and accepted by day",
            note: "Accepted is a part of shown.",
            style: Style::Plain,
            form: Form::Columns,
        }, &[("shown", "quiet", "code_suggestions.shown"), ("accepted", "main", "code_suggestions.accepted")]),
        acceptance => daily(place, &days, Chart {
            id: "acceptance-by-day",
            title: "Acceptance rate by day",
            note: "Accepted of shown.",
            style: Style::Percent,
            form: Form::Line,
        }, &[("acceptance rate", "main", "code_suggestions.acceptance_rate")]),
        languages => table(suggestions_by(place, "language", "Language", "Code suggestions by language")),
        editors => table(suggestions_by(place, "ide", "Editor", "Code suggestions by editor")),
        code_lines => table(lines(place)),
        messages => daily(place, &days, Chart {
            id: "messages-by-day",
            title: "Chat messages by day",
            note: "Questions people asked Duo Chat.",
            style: Style::Plain,
            form: Form::Columns,
        }, &[("messages", "main", "chat.messages")]),
        chat_people => daily(place, &days, Chart {
            id: "chat-people-by-day",
            title: "People in Chat by day",
            note: "People who asked at least once that day.",
            style: Style::Plain,
            form: Form::Columns,
        }, &[("people", "main", "chat.users")]),
        chat => table(chat(place)),
        features => table(features(place)),
        events => table(events(place)),
    };
    let html = frame.render("duo.html", &tiles, content)?;
    Ok((tiles, html))
}

/// A table for a template; nothing where it has no row.
pub(super) fn table(table: Table) -> Value {
    match table.rows.is_empty() {
        true => Value::from(""),
        false => table.value(),
    }
}

/// A chart of daily totals.
pub(super) fn daily<'a>(
    place: &Place<'a>,
    axis: &Axis,
    chart: Chart,
    layers: &[(&'static str, &'static str, &'a str)],
) -> Value {
    let layers: Vec<Layer> = layers
        .iter()
        .map(|(name, class, metric)| {
            Layer::new(name, class, axis, &place.series(metric, Grain::Day, &[]), chart.style)
        })
        .collect();
    chart.value(axis, &layers)
}

/// One row a column of figures, for each month, newest first.
fn months(place: &Place<'_>) -> Table {
    by_month(
        place,
        &[
            ("Active people", "users.active", Style::Plain),
            ("Seats in use", "seats.active", Style::Percent),
            ("Accepted", "code_suggestions.accepted", Style::Plain),
            ("Acceptance rate", "code_suggestions.acceptance_rate", Style::Percent),
            ("People in Chat", "chat.users", Style::Plain),
            ("Chat messages", "chat.messages", Style::Plain),
        ],
    )
}

/// The figures of each month, newest first; months that are cut or not whole say so.
pub(super) fn by_month<'a>(place: &Place<'a>, figures: &[(&'static str, &'a str, Style)]) -> Table {
    let mut columns = vec![Column::words("Month")];
    columns.extend(figures.iter().map(|(label, _, _)| Column::numbers(label)));
    let mut table = Table::new("months", "By month, newest first", &columns);
    let series: Vec<_> =
        figures.iter().map(|(_, metric, _)| place.series(metric, Grain::Month, &[])).collect();
    let months: BTreeMap<_, _> =
        series.iter().flatten().map(|line| (line.period.start, (line.period, line.coverage))).collect();
    for (start, (period, coverage)) in months.iter().rev() {
        let name = Cell::words(number::period(*period));
        let mut cells = vec![match *coverage < 1.0 {
            true => name.with_note(format!("{} of its days", number::percent(*coverage))),
            false => name,
        }];
        cells.extend(series.iter().zip(figures).map(|(series, (_, _, style))| {
            Cell::line(series.iter().find(|line| line.period.start == *start).copied(), *style)
        }));
        table.push(cells);
    }
    if table.rows.len() < 2 {
        table.rows.clear();
    }
    table
}

fn by_group(frame: &Frame<'_>) -> Table {
    let columns = [
        Column::words("Group"),
        Column::numbers("Active people"),
        Column::numbers("Seats in use"),
        Column::numbers("Accepted"),
        Column::numbers("Acceptance rate"),
        Column::numbers("People in Chat"),
        Column::numbers("Chat messages"),
    ];
    let mut table =
        Table::new("groups", "By group, 28 days; a person who is in several groups counts in each", &columns);
    let most = largest(frame.groups().iter().map(|place| place.window("users.active", &[])));
    for place in frame.groups() {
        let active = place.window("users.active", &[]);
        table.push(vec![
            Cell::words(place.name()),
            Cell::line(active, Style::Plain).with_bar(active, most),
            Cell::line(place.window("seats.active", &[]), Style::Percent),
            Cell::line(place.window("code_suggestions.accepted", &[]), Style::Plain),
            Cell::line(place.window("code_suggestions.acceptance_rate", &[]), Style::Percent),
            Cell::line(place.window("chat.users", &[]), Style::Plain),
            Cell::line(place.window("chat.messages", &[]), Style::Plain),
        ]);
    }
    table
}

/// Purchased, assigned, in use: each as a part of the largest.
fn seats(place: &Place<'_>) -> Table {
    let columns = [Column::words("Seats"), Column::numbers("Number"), Column::words("As of")];
    let mut table = Table::new("seats", "Seats: purchased, assigned and in use", &columns);
    let purchased = place.split("seats.purchased", Grain::Day, "add_on", &[]);
    let assigned = place.split("seats.assigned", Grain::Day, "add_on", &[]);
    let active = place.window("seats.active", &[]);
    let holders = active.and_then(|line| line.of).map_or(0.0, Number::as_f64);
    let whole = largest(purchased.values().chain(assigned.values()).map(|line| Some(*line))).max(holders);
    let add_ons: BTreeSet<&str> = purchased.keys().chain(assigned.keys()).copied().collect();
    for (stage, lines) in [("Purchased", &purchased), ("Assigned", &assigned)] {
        for add_on in &add_ons {
            let Some(line) = lines.get(add_on) else { continue };
            let name = plain(&add_on.replace('_', " ").to_lowercase(), LONGEST_LABEL);
            table.push(vec![
                Cell::words(stage).with_note(name),
                Cell::line(Some(line), Style::Plain).with_bar(Some(line), whole),
                Cell::words(number::long_day(line.period.end)),
            ]);
        }
    }
    let Some(active) = active.filter(|line| line.value.is_some() || line.hidden.is_some()) else {
        return table;
    };
    let cell = match (active.n, active.hidden) {
        (Some(n), _) => Cell::number(number::number(n)).with_share(n.as_f64() / whole.max(1.0)),
        (None, Some(hidden)) => Cell::number(hidden.text()).with_share(0.0),
        (None, None) => Cell::number(number::UNKNOWN).with_share(0.0),
    };
    table.push(vec![
        Cell::words("In use").with_note("holder did something with Duo"),
        cell,
        Cell::words(number::period(active.period)),
    ]);
    table
}

fn segments_over_time(place: &Place<'_>, weeks: &Axis) -> Value {
    let chart = Chart {
        id: "segments-by-week",
        title: "People by how often they use Duo, week by week",
        note: "Active days in the 28 days that end with the week.",
        style: Style::Plain,
        form: Form::Stacked,
    };
    let layers: Vec<Layer> = SEGMENTS
        .iter()
        .map(|(segment, name, class)| {
            let lines = place.series("engagement.users", Grain::Week, &[("segment", segment)]);
            Layer::new(name, class, weeks, &lines, Style::Plain)
        })
        .collect();
    chart.value(weeks, &layers)
}

fn segments_now(place: &Place<'_>) -> Table {
    let columns = [Column::words("Segment"), Column::words("Active days of 28"), Column::numbers("People")];
    let mut table = Table::new("segments", "People by how often they use Duo, last 28 days", &columns);
    let cells = place.split("engagement.users", Grain::Window, "segment", &[]);
    let whole: f64 = cells.values().filter_map(|line| line.value).map(Number::as_f64).sum();
    for (segment, name, _) in SEGMENTS {
        let Some(line) = cells.get(segment) else { continue };
        let (title, days) = name.split_once(": ").unwrap_or((name, ""));
        table.push(vec![
            Cell::words(title),
            Cell::words(days),
            Cell::line(Some(line), Style::Plain).with_bar(Some(line), whole),
        ]);
    }
    table
}

fn suggestions_by(place: &Place<'_>, key: &'static str, heading: &'static str, caption: &str) -> Table {
    let columns = [
        Column::words(heading),
        Column::numbers("Shown"),
        Column::numbers("Accepted"),
        Column::numbers("Acceptance rate"),
        Column::numbers("People"),
    ];
    let mut table = Table::new(&format!("by-{key}"), &format!("{caption}, 28 days"), &columns);
    let split = |metric| place.split(metric, Grain::Window, key, &[]);
    let (shown, accepted) = (split("code_suggestions.shown"), split("code_suggestions.accepted"));
    let (rate, people) = (split("code_suggestions.acceptance_rate"), split("code_suggestions.users"));
    let most = largest(shown.values().map(|line| Some(*line)));
    let names = by_size(&[&shown, &accepted]);
    for name in names.iter().take(MOST_ROWS) {
        let (shown, rate) = (shown.get(name).copied(), rate.get(name).copied());
        table.push(vec![
            Cell::words(value_name(name)),
            Cell::line(shown, Style::Plain).with_bar(shown, most),
            Cell::line(accepted.get(name).copied(), Style::Plain),
            Cell::line(rate, Style::Percent).with_bar(rate, 1.0),
            Cell::line(people.get(name).copied(), Style::Plain),
        ]);
    }
    // Who uses which editor is not counted in every version of the metrics.
    if people.is_empty() {
        table.columns.pop();
        table.rows.iter_mut().for_each(|row| drop(row.cells.pop()));
    }
    table.more = left_out(names.len());
    table
}

fn lines(place: &Place<'_>) -> Table {
    let columns = [
        Column::words("Lines of code"),
        Column::numbers("Lines shown"),
        Column::numbers("Lines accepted"),
        Column::numbers("Of lines shown"),
        Column::numbers("Events that tell their size"),
    ];
    let caption = "Lines of code in suggestions, 28 days; only events that tell their size";
    let mut table = Table::new("code-lines", caption, &columns);
    let row = |name: String, shown: Option<&Line>, accepted: Option<&Line>, rate: Option<&Line>| {
        let basis = rate.or(shown).and_then(|line| line.basis);
        vec![
            Cell::words(name),
            Cell::line(shown, Style::Plain),
            Cell::line(accepted, Style::Plain),
            Cell::line(rate, Style::Percent),
            Cell::number(basis.map_or(number::UNKNOWN.into(), number::percent)),
        ]
    };
    let total = |metric| place.window(metric, &[]);
    let split = |metric| place.split(metric, Grain::Window, "language", &[]);
    let (shown, accepted) = (split("code_suggestions.lines_shown"), split("code_suggestions.lines_accepted"));
    let rate = split("code_suggestions.line_acceptance_rate");
    if let Some(all) = total("code_suggestions.lines_shown") {
        let others =
            (total("code_suggestions.lines_accepted"), total("code_suggestions.line_acceptance_rate"));
        table.push(row("all languages".into(), Some(all), others.0, others.1));
    }
    let names = by_size(&[&shown, &accepted]);
    for name in names.iter().take(MOST_ROWS) {
        let (shown, accepted) = (shown.get(name).copied(), accepted.get(name).copied());
        table.push(row(value_name(name), shown, accepted, rate.get(name).copied()));
    }
    table.more = left_out(names.len());
    table
}

fn chat(place: &Place<'_>) -> Table {
    let columns = [
        Column::words("Period"),
        Column::numbers("People in Chat"),
        Column::numbers("Messages"),
        Column::numbers("Messages per person"),
        Column::numbers("People in Troubleshoot"),
        Column::numbers("Troubleshoot requests"),
    ];
    let mut table = Table::new("chat-table", "Chat and Troubleshoot by period", &columns);
    let mut periods: BTreeMap<_, _> = BTreeMap::new();
    for grain in [Grain::Window, Grain::Month] {
        for line in place.series("chat.messages", grain, &[]) {
            periods.insert((grain == Grain::Window, line.period.start), line.period);
        }
    }
    for period in periods.into_values().rev().take(13) {
        let cell = |metric| {
            let series = place.series(metric, period.grain, &[]);
            Cell::line(series.iter().find(|line| line.period == period).copied(), Style::Plain)
        };
        table.push(vec![
            Cell::words(number::period(period)),
            cell("chat.users"),
            cell("chat.messages"),
            cell("chat.messages_per_user"),
            cell("troubleshoot.users"),
            cell("troubleshoot.requests"),
        ]);
    }
    table
}

fn features(place: &Place<'_>) -> Table {
    let columns = [
        Column::words("Feature"),
        Column::numbers("Active people"),
        Column::numbers("Exposed people"),
        Column::numbers("Events"),
    ];
    let caption = "By feature, 28 days; a person who uses several features counts in each";
    let mut table = Table::new("features-table", caption, &columns);
    let split = |metric| place.split(metric, Grain::Window, "feature", &[]);
    let (active, exposed, events) = (split("users.active"), split("users.exposed"), split("events.count"));
    let most = largest(active.values().map(|line| Some(*line)));
    let names = by_size(&[&active, &events]);
    for name in names.iter().take(MOST_ROWS) {
        let active = active.get(name).copied();
        table.push(vec![
            Cell::words(value_name(&name.replace('_', " "))),
            Cell::line(active, Style::Plain).with_bar(active, most),
            Cell::line(exposed.get(name).copied(), Style::Plain),
            Cell::line(events.get(name).copied(), Style::Plain),
        ]);
    }
    table.more = left_out(names.len());
    table
}

fn events(place: &Place<'_>) -> Table {
    let columns = [
        Column::words("Event"),
        Column::words("Feature"),
        Column::numbers("Events"),
        Column::numbers("People"),
    ];
    let mut table = Table::new(
        "events-table",
        "By event, 28 days, names as GitLab sends them; unknown ones too",
        &columns,
    );
    let events = place.split("events.count", Grain::Window, "event", &[]);
    let crossed = place.every("events.count", Grain::Window).iter();
    let feature: BTreeMap<&str, &str> = crossed
        .filter_map(|line| Some((line.by.get("event")?.as_str(), line.by.get("feature")?.as_str())))
        .collect();
    let most = largest(events.values().map(|line| Some(*line)));
    let names = by_size(&[&events]);
    for name in names.iter().take(MOST_ROWS) {
        let line = events.get(name).copied();
        let people = match line {
            Some(line) if line.hidden.is_some() => Cell::line(Some(line), Style::Plain),
            line => {
                Cell::number(line.and_then(|line| line.people).map_or(number::UNKNOWN.into(), number::count))
            }
        };
        table.push(vec![
            Cell::code(plain(name, LONGEST_LABEL)),
            Cell::words(
                feature.get(name).map(|name| value_name(&name.replace('_', " "))).unwrap_or_default(),
            ),
            Cell::line(line, Style::Plain).with_bar(line, most),
            people,
        ]);
    }
    table.more = left_out(names.len());
    table
}

/// The names of the cells, largest first by the first table that knows them. Hidden ones come last by name:
/// their place must not tell their size.
pub(super) fn by_size<'a>(cells: &[&BTreeMap<&'a str, &'a Line>]) -> Vec<&'a str> {
    let names: BTreeSet<&str> = cells.iter().flat_map(|cells| cells.keys().copied()).collect();
    let size = |name: &&str| {
        let value = cells.first().and_then(|cells| cells.get(name)).and_then(|line| line.value);
        value.map_or(-1.0, Number::as_f64)
    };
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
    names
}

/// The largest value among the lines.
pub(super) fn largest<'a>(lines: impl Iterator<Item = Option<&'a Line>>) -> f64 {
    lines.flatten().filter_map(|line| line.value).map(Number::as_f64).fold(0.0, f64::max)
}

/// How many rows a table leaves out, in words.
pub(super) fn left_out(all: usize) -> String {
    match all.saturating_sub(MOST_ROWS) {
        0 => String::new(),
        left => format!(
            "{} in the file of all numbers.",
            number::counted(left as u64, "more row is", "more rows are")
        ),
    }
}

/// The value of a dimension as a reader sees it.
fn value_name(name: &str) -> String {
    match name {
        "(none)" => "no language".into(),
        "(not attributed)" => "the source does not tell".into(),
        name => plain(name, LONGEST_LABEL),
    }
}
