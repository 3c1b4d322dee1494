//! The data in the page: published lines in a compact form, and nothing computed.
//!
//! Lines of one metric, grain, group and dimensions are a series: parallel lists over the periods
//! of the grain. Defaults are omitted (the `n` of a count is its value, a rate is `n / of`, a
//! period is complete and final), so that a year fits into a page.
//! `templates/html/script/metrics.js` decodes a cell back into its line.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::aggregate::metrics::definition::Definition;
use crate::aggregate::metrics::reconcile::METRIC;
use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::coverage::{Coverage, Status};
use crate::model::metric::{MetricSource, Population, Reason};
use crate::model::number::Number;

use super::Error;
use super::headline::HeadlineMetric;
use super::number::Style;
use super::page::Frame;
use super::place::Place;
use super::privacy::Line;
use super::text::{MAX_LABEL_LEN, plain};

/// Replaces a value that equals `n / of` exactly.
const RATIO: &str = "/";

/// Replaces an `n` that is not reported.
const NO_N: &str = "-";

/// Sources of code suggestions: the first one that is complete counts for a day.
const SOURCES: [&str; 3] = ["code_suggestion_events", "usage_events", "instance_usage_events"];

/// The number of values of a dimension in a page; `metrics.csv` has the rest.
const MAX_VALUES: usize = 80;

/// The weeks of retention in a page.
const RETENTION_WEEKS: i64 = 26;

/// The splits of weeks in a page; `metrics.csv` has the rest.
///
/// Totals are always included. Weeks are split where a filter applies to a chart, or where a table
/// has columns for weeks.
const WEEKLY: &[(&str, &[&str])] = &[
    ("code_suggestions.shown", &["language"]),
    ("code_suggestions.accepted", &["language"]),
    ("code_suggestions.acceptance_rate", &["language"]),
    ("users.active", &["feature", "team"]),
    ("events.count", &["feature"]),
    ("engagement.users", &["segment"]),
    ("engagement.retention", &["cohort×week"]),
    ("agents.sessions", &["status", "flow", "flow×status"]),
    ("agents.success_rate", &["flow"]),
    ("agents.tokens", &["kind"]),
    ("merge_requests.time_to_merge_seconds", &["stat"]),
    ("pipelines.duration_seconds", &["stat"]),
];

/// The metric whose source the page names.
const SESSIONS: &str = "agents.sessions";

/// Daily totals that no chart shows.
const NOT_DAILY: &[&str] = &[
    "chat.messages_per_user",
    "code_suggestions.line_acceptance_rate",
    "code_suggestions.lines_accepted",
    "code_suggestions.lines_shown",
    "code_suggestions.rejected",
    "code_suggestions.users",
    "events.count",
];

/// The input of the script.
#[derive(Serialize)]
struct Data<'a> {
    kind: &'static str,
    first: Option<Day>,
    last: Option<Day>,
    small: u64,
    groups: Vec<Group>,
    /// The first days of the periods of each grain; cells are at positions in these lists.
    starts: BTreeMap<String, Vec<Day>>,
    metrics: BTreeMap<&'static str, MetricInfo>,
    /// Days from which on another collector is the source.
    changes: Vec<SourceChange<'a>>,
    /// Why there is no seat list, if there is none.
    seats: String,
    /// The price file of cost estimates.
    #[serde(skip_serializing_if = "Option::is_none")]
    prices: Option<&'a str>,
    headline: Vec<Headline>,
    series: Vec<Series<'a>>,
}

#[derive(Serialize)]
struct Headline {
    label: &'static str,
    href: &'static str,
    metric: &'static str,
    by: BTreeMap<&'static str, &'static str>,
    style: &'static str,
    of: &'static str,
}

#[derive(Serialize)]
struct Group {
    name: String,
    union: bool,
}

#[derive(Serialize)]
struct MetricInfo {
    title: &'static str,
    unit: &'static str,
    text: &'static str,
}

#[derive(Serialize)]
struct SourceChange<'a> {
    group: usize,
    day: Day,
    to: &'a str,
}

/// The lines of one metric, grain, group and dimensions.
#[derive(Serialize)]
struct Series<'a> {
    /// Position of the group.
    g: usize,
    m: &'a str,
    /// The grain.
    t: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by: BTreeMap<&'a str, String>,
    /// Position of the first period.
    #[serde(skip_serializing_if = "is_zero")]
    i: usize,
    /// The values; a reason if there is no value, null if there is no line.
    v: Vec<Cell>,
    /// The `n` of each value that differs from it; [`NO_N`] if there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    n: Vec<Option<Cell>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    of: Vec<Option<Number>>,
    /// Distinct people of the values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    p: Vec<Option<u64>>,
    /// The number of complete days, or their share if that number is not an integer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    c: Vec<Option<Number>>,
    /// Days with imported events only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    e: Vec<Option<Number>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    b: Vec<Option<f64>>,
    /// 1 if the period is final.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    f: Vec<u8>,
    /// The source of the sessions of agents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    s: Vec<Option<&'static str>>,
}

/// The key of a series: metric, grain, population and dimensions.
type Key<'a> = (&'a str, Grain, Option<Population>, &'a Dimensions);

/// The name of the population among the dimensions in the page.
const POPULATION: &str = "population";

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Cell {
    Value(Number),
    /// Why there is no value; or [`RATIO`].
    Why(&'static str),
    Nothing(()),
}

/// The data of a page as JSON that is safe in an HTML script element.
pub(super) fn json(
    frame: &Frame<'_>,
    definitions: &[&Definition],
    no_seats: String,
) -> Result<String, Error> {
    let starts = starts(&frame.places);
    let mut series = Vec::new();
    for (group, place) in frame.places.iter().enumerate() {
        series.extend(series_of(group, place, &starts, frame));
    }
    let data = Data {
        kind: frame.kind.folder(),
        first: frame.days.map(|(first, _)| first),
        last: frame.days.map(|(_, last)| last),
        small: frame.small_group,
        groups: groups(&frame.places),
        metrics: definitions
            .iter()
            .map(|definition| {
                let Definition { metric, title, unit, text, .. } = definition;
                (*metric, MetricInfo { title, unit: unit.as_str(), text })
            })
            .collect(),
        changes: source_changes(frame),
        seats: no_seats,
        prices: frame.places.iter().flat_map(Place::lines).find_map(|line| line.prices),
        headline: frame.kind.headline().iter().map(Headline::new).collect(),
        starts: starts.into_iter().map(|(grain, starts)| (grain.to_string(), starts)).collect(),
        series,
    };
    // `</script>` and `<!--` would end or change the element that holds it.
    Ok(serde_json::to_string(&data)?.replace('<', "\\u003c"))
}

/// The groups by name. Two GitLab instances can have a group of the same name: the second one gets
/// a number.
fn groups(places: &[Place<'_>]) -> Vec<Group> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let named = |place: &Place<'_>| {
        let name = place.name();
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        let name = if *count > 1 { format!("{name} ({count})") } else { name };
        Group { name, union: place.is_union() }
    };
    places.iter().map(named).collect()
}

/// The first days of all periods that have lines.
fn starts(places: &[Place<'_>]) -> BTreeMap<Grain, Vec<Day>> {
    let mut starts: BTreeMap<Grain, BTreeSet<Day>> = BTreeMap::new();
    for line in places.iter().flat_map(Place::lines) {
        starts.entry(line.period.grain).or_default().insert(line.period.start);
    }
    starts.into_iter().map(|(grain, starts)| (grain, starts.into_iter().collect())).collect()
}

fn series_of<'a>(
    group: usize,
    place: &Place<'a>,
    starts: &BTreeMap<Grain, Vec<Day>>,
    frame: &Frame<'_>,
) -> Vec<Series<'a>> {
    let mut cells: BTreeMap<Key<'_>, Vec<&Line<'_>>> = BTreeMap::new();
    let last = frame.days.map(|(_, last)| last);
    let projects = largest_projects(place);
    for line in place.lines().filter(|line| is_shown(line, last, &projects)) {
        cells.entry((line.metric, line.period.grain, line.population, line.by)).or_default().push(line);
    }
    let position = |line: &Line<'_>| starts[&line.period.grain].binary_search(&line.period.start).ok();
    cells
        .into_iter()
        .filter_map(|(key, lines)| {
            let first = lines.iter().find_map(|line| position(line))?;
            let last = lines.iter().rev().find_map(|line| position(line))?;
            let mut row: Vec<Option<&Line<'_>>> = vec![None; last + 1 - first];
            for line in lines {
                if let Some(at) = position(line) {
                    row[at - first] = Some(line);
                }
            }
            Some(Series::new(group, key, first, &row))
        })
        .collect()
}

impl Headline {
    fn new(headline: &HeadlineMetric<'static>) -> Headline {
        let style = match headline.style {
            Style::Plain => "plain",
            Style::Percent => "percent",
            Style::Duration => "duration",
        };
        let HeadlineMetric { label, href, metric, of, .. } = *headline;
        Headline {
            label,
            href: href.trim_start_matches('#'),
            metric,
            by: headline.by.iter().copied().collect(),
            style,
            of,
        }
    }
}

impl<'a> Series<'a> {
    fn new(
        group: usize,
        (metric, grain, population, by): Key<'a>,
        first: usize,
        row: &[Option<&'a Line<'a>>],
    ) -> Series<'a> {
        let shown = || row.iter().map(|line| line.filter(|line| !line.is_suppressed));
        // A column of defaults is omitted.
        fn column<T>(cells: impl Iterator<Item = Option<T>>) -> Vec<Option<T>> {
            let cells: Vec<Option<T>> = cells.collect();
            if cells.iter().any(Option::is_some) { cells } else { Vec::new() }
        }
        let finals: Vec<u8> = row.iter().map(|line| line.is_none_or(|line| line.is_final).into()).collect();
        Series {
            g: group,
            m: metric,
            t: grain.to_string(),
            by: by
                .iter()
                .map(|(key, value)| (key, plain(value, MAX_LABEL_LEN)))
                .chain(population.map(|population| (POPULATION, population.as_str().to_owned())))
                .collect(),
            i: first,
            v: row.iter().map(|line| cell(*line)).collect(),
            n: column(shown().map(|line| {
                let line = line.filter(|line| line.n != line.value)?;
                Some(line.n.map_or(Cell::Why(NO_N), Cell::Value))
            })),
            of: column(shown().map(|line| line?.of)),
            // No chart shows the people of a single day.
            p: column(shown().map(|line| {
                let line = line.filter(|line| matches!(line.period.grain, Grain::Month | Grain::Window))?;
                line.people
            })),
            c: column(row.iter().map(|line| line.and_then(complete_days))),
            e: column(row.iter().map(|line| line.filter(|line| line.imported > 0.0).map(imported))),
            b: column(shown().map(|line| line?.basis.filter(|basis| *basis < 1.0))),
            f: if finals.contains(&0) { finals } else { Vec::new() },
            s: column(row.iter().map(|line| {
                let line = line.filter(|line| line.metric == SESSIONS && line.by.is_empty())?;
                line.source.map(MetricSource::as_str)
            })),
        }
    }
}

fn cell(line: Option<&Line<'_>>) -> Cell {
    let Some(line) = line else { return Cell::Nothing(()) };
    match line.value {
        _ if line.is_suppressed => Cell::Why("hidden"),
        Some(value) if is_ratio(line, value) => Cell::Why(RATIO),
        Some(value) => Cell::Value(value),
        None => Cell::Why(match line.reason {
            Some(Reason::Other) | None => "not_known",
            Some(reason) => reason.as_str(),
        }),
    }
}

/// Whether `n / of` equals the value exactly.
fn is_ratio(line: &Line<'_>, value: Number) -> bool {
    let (Number::Measure(value), Some(n), Some(of)) = (value, line.n, line.of) else { return false };
    (n.as_f64() / of.as_f64()).to_bits() == value.to_bits()
}

/// The complete days of a period that is incomplete.
fn complete_days(line: &Line<'_>) -> Option<Number> {
    if line.coverage >= 1.0 {
        return None;
    }
    Some(days_or_share(line.coverage, line.period))
}

/// The days of a period with imported events only.
fn imported(line: &Line<'_>) -> Number {
    days_or_share(line.imported, line.period)
}

fn days_or_share(share: f64, period: Period) -> Number {
    let days = (share * period.length() as f64).round();
    if days / period.length() as f64 == share { Number::Count(days as u64) } else { Number::Measure(share) }
}

fn is_shown(line: &Line<'_>, last: Option<Day>, projects: &BTreeSet<&str>) -> bool {
    let Period { grain, start, .. } = line.period;
    let dimensions = line.by.names().collect::<Vec<_>>().join("×");
    let of_sessions = line.metric == SESSIONS;
    // No table shows sessions by project.
    if line.by.get("project").is_some_and(|project| of_sessions || !projects.contains(project)) {
        return false;
    }
    if line.metric == METRIC {
        // The tables of the section on data quality are not interactive.
        return false;
    }
    if ["team", "cost_center"].iter().any(|name| line.by.contains(name)) && !is_of_team_figure(line) {
        return false;
    }
    match grain {
        Grain::Day => !line.by.is_empty() || !NOT_DAILY.contains(&line.metric),
        Grain::Week if line.metric == "engagement.retention" => {
            let is_recent = |day: Day| last.is_none_or(|last| last.days_since(day) < 7 * RETENTION_WEEKS);
            is_recent(start) && line.by.get("cohort").and_then(|day| day.parse().ok()).is_some_and(is_recent)
        }
        Grain::Week => {
            line.by.is_empty()
                || WEEKLY
                    .iter()
                    .any(|(metric, by)| *metric == line.metric && by.contains(&dimensions.as_str()))
        }
        Grain::Month | Grain::Window => true,
    }
}

/// What is shown of a team, for months and the last 28 days.
const OF_TEAM: &[&str] = &[
    "teams.people",
    "users.active",
    "seats.active",
    "code_suggestions.shown",
    "code_suggestions.acceptance_rate",
    "chat.users",
    "chat.messages",
    "agents.sessions",
];

/// Whether the figures on teams show a line; `metrics.csv` has the others.
fn is_of_team_figure(line: &Line<'_>) -> bool {
    let is_team = |others: usize| line.by.contains("team") && line.by.len() == 1 + others;
    if line.metric == "engagement.users" {
        let is_frequent =
            line.by.get("segment").is_some_and(|segment| ["regular", "heavy"].contains(&segment));
        return is_team(1) && is_frequent && line.population == Some(Population::People);
    }
    is_team(0) && OF_TEAM.contains(&line.metric)
}

/// The projects with most merge requests and pipelines.
fn largest_projects<'a>(place: &Place<'a>) -> BTreeSet<&'a str> {
    let mut largest = BTreeSet::new();
    for metric in ["merge_requests.merged", "merge_requests.opened", "pipelines.count"] {
        let mut sizes: BTreeMap<&str, f64> = BTreeMap::new();
        for line in place.every(metric, Grain::Month).iter().chain(place.every(metric, Grain::Window)) {
            if let (Some(project), Some(value)) = (line.by.get("project"), line.value) {
                let size = sizes.entry(project).or_default();
                *size = size.max(value.as_f64());
            }
        }
        let mut sizes: Vec<_> = sizes.into_iter().collect();
        sizes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        largest.extend(sizes.into_iter().take(MAX_VALUES).map(|(project, _)| project));
    }
    largest
}

/// The days on which the source of code suggestions changes.
fn source_changes<'a>(frame: &Frame<'a>) -> Vec<SourceChange<'a>> {
    let mut found = Vec::new();
    for (group, place) in frame.places.iter().enumerate() {
        let mut sources: BTreeMap<Day, &Coverage> = BTreeMap::new();
        let of_place = frame.coverage.iter().filter(|line| {
            line.status == Status::Complete && (line.scope == place.scope() || frame.places.len() == 1)
        });
        for line in of_place {
            let rank = |line: &Coverage| SOURCES.iter().position(|name| *name == line.collector);
            if rank(line).is_none() {
                continue;
            }
            let kept = sources.entry(line.day).or_insert(line);
            if rank(line) < rank(kept) {
                *kept = line;
            }
        }
        let mut before: Option<&str> = None;
        for (day, line) in sources {
            if before.is_some_and(|before| before != line.collector) {
                found.push(SourceChange { group, day, to: &line.collector });
            }
            before = Some(&line.collector);
        }
    }
    found
}

fn is_zero(position: &usize) -> bool {
    *position == 0
}
