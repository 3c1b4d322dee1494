//! What an attacker knows: every number of every published file of every site, as bounds of
//! variables, and the truth beside it to judge what the attack finds.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use chrono::{Datelike as _, NaiveDate};
use duo_metrics::aggregate::aggregator::MetricReport;
use duo_metrics::model::metric::Metric;

use super::loss::Loss;
use super::meaning::{By, Field, Kind, Quantity, SUM_OF_DAYS, counts_people, is_about_people, quantity};
use super::site::{self, Cut, Row};
use super::worlds::{FIRST, World, day, is_weekend};

/// First and last day, as day numbers.
pub(crate) type Range = (i32, i32);

/// One quantity of one scope and population.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Series {
    pub(crate) quantity: Quantity,
    pub(crate) scope: String,
    pub(crate) population: String,
}

/// A number that the attacker knows, or looks for.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) series: usize,
    pub(crate) range: Range,
    /// How often the days of the range had been corrected; a cell is another one after that.
    pub(crate) vintage: u32,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Whether some file shows the number.
    pub(crate) is_shown: bool,
    /// Whether some file shows the cell with the mark of suppression.
    pub(crate) is_suppressed: bool,
    pub(crate) truth: Option<f64>,
    /// The people behind it, if at least one but fewer than k.
    pub(crate) few_people: Option<u64>,
}

impl Variable {
    /// Whether it rests on few people and is known more precisely than their number may be.
    pub(crate) fn is_derived(&self) -> bool {
        self.few_people.is_some() && self.high - self.low < (site::MIN_PEOPLE - 1) as f64 + 1e-6
    }
}

/// All knowledge about a world.
#[derive(Clone)]
pub(crate) struct Knowledge {
    pub(crate) series: Vec<Series>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) first: i32,
    pub(crate) last: i32,
    /// The sites before a correction, and the last one: at each, all ranges are of one vintage.
    pub(crate) epochs: Vec<i32>,
    pub(crate) rows: u64,
    /// What the last site shows.
    pub(crate) loss: Loss,
    pub(crate) suppressed_rows: u64,
    /// Suppressed rows with the mark that says which of them hold few people.
    pub(crate) telling_marks: u64,
    /// Numbers that contradict an earlier one without a correction: the meaning is wrong.
    pub(crate) contradictions: BTreeMap<String, u64>,
    corrections: Vec<(i32, i32)>,
    series_index: HashMap<Series, usize>,
    index: HashMap<(usize, Range, u32), usize>,
    /// Ranges for which a file shows the level: quantity name, scope, population, dimensions.
    levels: BTreeSet<(Level, Range)>,
    /// Published periods, and what is left of months without their weeks.
    ranges: BTreeSet<Range>,
    /// Suppressed zeros: with any, a suppressed number need not be at least 1.
    pub(crate) hidden_zeros: Vec<String>,
}

/// A quantity by the same dimensions.
pub(crate) type Level = (String, String, String, Vec<String>);

pub(crate) fn number(day: NaiveDate) -> i32 {
    day.num_days_from_ce()
}

pub(crate) fn date(number: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(number).expect("a day")
}

impl Series {
    pub(crate) fn level(&self) -> Level {
        let Series { quantity, scope, population } = self;
        (quantity.name.clone(), scope.clone(), population.clone(), quantity.by.keys().cloned().collect())
    }
}

/// The fields of a line that an internal and a published line share.
struct Cell<'a> {
    metric: &'a str,
    scope: &'a str,
    population: &'a str,
    grain: &'a str,
    start: NaiveDate,
    end: NaiveDate,
    by: &'a By,
}

impl Knowledge {
    /// Reads all sites of a world.
    pub(crate) fn of(world: &World, cut: Option<Cut>) -> Knowledge {
        let sites = world.site_days();
        let last = number(*sites.last().expect("a site"));
        let corrections = world.corrections();
        let corrections: Vec<(i32, i32)> =
            corrections.into_iter().map(|(known, of)| (number(known), number(of))).collect();
        // The last site before each correction.
        let before =
            |(known, _): &(i32, i32)| sites.iter().map(|site| number(*site)).rfind(|site| site < known);
        let mut epochs: BTreeSet<i32> = corrections.iter().filter_map(before).collect();
        epochs.insert(last);
        let mut knowledge = Knowledge {
            series: Vec::new(),
            variables: Vec::new(),
            first: number(day(FIRST)),
            last,
            epochs: epochs.into_iter().collect(),
            rows: 0,
            loss: Loss::default(),
            suppressed_rows: 0,
            telling_marks: 0,
            contradictions: BTreeMap::new(),
            corrections,
            series_index: HashMap::new(),
            index: HashMap::new(),
            levels: BTreeSet::new(),
            ranges: BTreeSet::new(),
            hidden_zeros: Vec::new(),
        };
        knowledge.add_edges(world);
        let mut seen = HashSet::new();
        for (at, on) in sites.iter().copied().enumerate() {
            let report = site::report(world, on);
            let before = at.checked_sub(1).map_or(0, |before| number(sites[before]));
            let is_corrected =
                knowledge.corrections.iter().any(|(known, _)| (before + 1..=number(on)).contains(known));
            if at == 0 || is_corrected {
                seen.clear();
            }
            let is_all = seen.is_empty();
            let rows = site::published(&report, cut, &mut seen);
            if on == *sites.last().expect("a site") {
                knowledge.loss = Loss::of(&site::published(&report, cut, &mut HashSet::new()), &report);
            }
            rows.iter().for_each(|row| knowledge.add_row(row, number(on)));
            knowledge.add_truth(&report, number(on), is_all);
        }
        knowledge.bound_suppressed();
        knowledge.mark_small_groups();
        knowledge
    }

    /// The vintage of a range on the site of a day: the last correction within it.
    pub(crate) fn vintage(&self, range: Range, site: i32) -> u32 {
        let within = |(known, of): &(i32, i32)| *known <= site && (range.0..=range.1).contains(of);
        self.corrections.iter().rposition(within).map_or(0, |at| at as u32 + 1)
    }

    fn series_of(&mut self, quantity: Quantity, cell: &Cell<'_>) -> usize {
        let series =
            Series { quantity, scope: cell.scope.to_owned(), population: cell.population.to_owned() };
        if let Some(at) = self.series_index.get(&series) {
            return *at;
        }
        self.series.push(series.clone());
        self.series_index.insert(series, self.series.len() - 1);
        self.series.len() - 1
    }

    /// The variable of a series and range, if it exists.
    pub(crate) fn find(&self, series: usize, range: Range, site: i32) -> Option<usize> {
        self.index.get(&(series, range, self.vintage(range, site))).copied()
    }

    /// The series with these fields, if it exists.
    pub(crate) fn find_series(&self, series: &Series) -> Option<usize> {
        self.series_index.get(series).copied()
    }

    /// The variable of a series and range; a new one can be any number from 0.
    pub(crate) fn variable(&mut self, series: usize, range: Range, site: i32) -> usize {
        let vintage = self.vintage(range, site);
        *self.index.entry((series, range, vintage)).or_insert_with(|| {
            self.variables.push(Variable {
                series,
                range,
                vintage,
                low: 0.0,
                high: f64::INFINITY,
                is_shown: false,
                is_suppressed: false,
                truth: None,
                few_people: None,
            });
            self.variables.len() - 1
        })
    }

    /// Whether a file shows lines of a level for a range: then a missing line is zero.
    pub(crate) fn is_level_shown(&self, series: usize, range: Range) -> bool {
        self.levels.contains(&(self.series[series].level(), range))
    }

    /// The number in a field: of a mean over working days, the sum.
    fn amount(&self, variable: usize, value: f64) -> f64 {
        let Variable { series, range, .. } = self.variables[variable];
        if self.series[series].quantity.name != SUM_OF_DAYS {
            return value;
        }
        (value * working_days(range).count() as f64).round()
    }

    fn variable_of(&mut self, cell: &Cell<'_>, field: Field, site: i32) -> Option<usize> {
        let mut quantity = quantity(cell.metric, cell.by, field)?;
        let mut range = (number(cell.start).max(self.first), number(cell.end).min(site));
        if cell.metric.starts_with("engagement.") {
            // Everything up to the end counts, whatever the grain.
            range.0 = range.1;
            if cell.population == "seat_holders" || cell.metric.ends_with("retention") {
                quantity.name = format!("{}@{}", quantity.name, cell.grain);
            }
            if quantity.name.contains("retention#of") {
                range = (self.first, self.first);
            }
        } else if cell.metric.starts_with("seats.") || cell.metric.starts_with("impact.") {
            quantity.name = format!("{}@{}", quantity.name, cell.grain);
        }
        let series = self.series_of(quantity, cell);
        Some(self.variable(series, range, site))
    }

    /// Adds the days between complete weeks and the ends of months: a month minus its weeks. They are
    /// weeks and months that are not over, which the program computes at their end.
    fn add_edges(&mut self, world: &World) {
        let first_site = number(world.site_days()[0]);
        for at in self.first..self.last {
            let on = date(at);
            let is_end_of_month = date(at + 1).day() == 1;
            let is_first_sunday = on.weekday() == chrono::Weekday::Sun && on.day() < 7;
            let edge = if is_end_of_month {
                (at - on.weekday().num_days_from_monday() as i32, at)
            } else if is_first_sunday {
                (at + 1 - on.day() as i32, at)
            } else {
                continue;
            };
            self.ranges.insert((edge.0.max(self.first), edge.1));
            if at < first_site {
                self.add_truth(&site::report(world, on), at, true);
            }
        }
    }

    /// Whether an attacker looks at a range: a day, a published period, or a part of it.
    pub(crate) fn is_examined(&self, range: Range) -> bool {
        range.0 == range.1 || self.ranges.contains(&range)
    }

    /// Adds what the program computed. Periods that ended before the site of the day before are
    /// known from that, unless something was corrected.
    fn add_truth(&mut self, report: &MetricReport, site: i32, is_all: bool) {
        let recent = date(site - 10).to_string().parse().expect("a day");
        for line in &report.metrics {
            if !is_about_people(&line.metric) || (!is_all && line.end < recent) {
                continue;
            }
            let by: By = line.by.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let grain = line.grain.to_string();
            let cell = Cell {
                metric: &line.metric,
                scope: &line.scope,
                population: line.population.map_or("", |population| population.as_str()),
                grain: &grain,
                start: line.start.to_string().parse().expect("a day"),
                end: line.end.to_string().parse().expect("a day"),
                by: &by,
            };
            let range = (number(cell.start).max(self.first), number(cell.end).min(site));
            if !self.is_examined(range) {
                continue;
            }
            let is_bot = by.get("kind").is_some_and(|kind| kind == "bot");
            for (field, value) in fields(line) {
                let Some(value) = value else { continue };
                let Some(at) = self.variable_of(&cell, field, site) else { continue };
                let value = self.amount(at, value);
                let truth = self.variables[at].truth.get_or_insert(value);
                if (*truth - value).abs() > 1e-6 {
                    let names = by.keys().cloned().collect::<Vec<_>>().join("×");
                    let name = format!("{} {names} {grain} {field:?}", line.metric);
                    *self.contradictions.entry(name).or_default() += 1;
                }
                if let Some(people) = line.people
                    && (1..site::MIN_PEOPLE).contains(&people)
                    && !is_bot
                    && is_sensitive(&line.metric, field, value)
                {
                    self.variables[at].few_people = Some(people);
                }
            }
        }
    }

    /// Adds a published row.
    fn add_row(&mut self, row: &Row, site: i32) {
        self.rows += 1;
        if !row.hidden.is_empty() {
            self.suppressed_rows += 1;
            self.telling_marks += u64::from(row.hidden == "small_group");
        }
        let cell = Cell {
            metric: &row.metric,
            scope: &row.scope,
            population: &row.population,
            grain: &row.grain,
            start: row.start,
            end: row.end,
            by: &row.by,
        };
        self.ranges.insert((number(cell.start).max(self.first), number(cell.end).min(site)));
        let is_unknown = row.hidden.is_empty() && !row.reason.is_empty();
        let fields =
            [(Field::N, row.n), (Field::Of, row.of), (Field::People, row.people), (Field::Value, row.value)];
        // What was not collected is not in the sums of longer periods.
        let is_missing = is_unknown && row.reason == "not_collected" && row.grain == "day";
        for (field, value) in fields {
            if is_missing && [Field::N, Field::People].contains(&field) {
                let Some(at) = self.variable_of(&cell, field, site) else { continue };
                let variable = &mut self.variables[at];
                (variable.low, variable.high, variable.truth) = (0.0, 0.0, Some(0.0));
            }
            if is_unknown && value.is_none() {
                continue;
            }
            let Some(at) = self.variable_of(&cell, field, site) else { continue };
            let value = value.map(|value| self.amount(at, value));
            let Variable { series, range, .. } = self.variables[at];
            let level = self.series[series].level();
            self.levels.insert((level, range));
            let variable = &mut self.variables[at];
            match value {
                Some(value) => {
                    (variable.low, variable.high, variable.is_shown) = (value, value, true);
                }
                // The numerator of a suppressed rate can be 0.
                None if !(row.hidden.is_empty() || field == Field::N && is_rate(&row.metric)) => {
                    variable.is_suppressed = true;
                }
                None => {}
            }
        }
    }

    /// Zeros are shown, so a suppressed number is at least 1; unless a suppressed zero of the same
    /// metric proves the opposite. Bots are not people, so nothing is known about a suppressed count of bots, and a
    /// suppressed count can have no people behind it.
    fn bound_suppressed(&mut self) {
        let series = &self.series;
        let of_bots = |variable: &Variable| {
            series[variable.series].quantity.by.get("kind").is_some_and(|kind| kind == "bot")
        };
        let is_open =
            |variable: &Variable| variable.is_suppressed && !variable.is_shown && !of_bots(variable);
        let is_hidden_zero = |variable: &&Variable| {
            let is_people = series[variable.series].quantity.kind == Kind::People;
            is_open(variable) && variable.truth == Some(0.0) && !is_people
        };
        self.hidden_zeros = (self.variables.iter().filter(is_hidden_zero))
            .map(|variable| format!("{} {}", series[variable.series], days(variable.range)))
            .collect();
        let hiding: BTreeSet<&str> = (self.variables.iter().filter(is_hidden_zero))
            .map(|variable| &*series[variable.series].quantity.name)
            .collect();
        for variable in self.variables.iter_mut().filter(|variable| is_open(variable)) {
            let hides_zeros = hiding.contains(&*series[variable.series].quantity.name);
            if !hides_zeros && variable.truth.is_some_and(|truth| truth >= 1.0) {
                variable.low = 1.0;
            }
        }
    }

    /// Numbers without people of their own, such as credits and seats, rest on those of their
    /// group.
    fn mark_small_groups(&mut self) {
        let mut people: BTreeMap<&str, u64> = BTreeMap::new();
        for variable in &self.variables {
            let Series { quantity, scope, .. } = &self.series[variable.series];
            if quantity.name == "events.count#people" && quantity.by.is_empty() {
                let most = people.entry(scope).or_default();
                *most = (*most).max(variable.truth.unwrap_or_default() as u64);
            }
        }
        for variable in &mut self.variables {
            let Series { quantity, scope, .. } = &self.series[variable.series];
            let is_of_group = ["agents.credits#value", "seats.assigned", "seats.active#of"]
                .iter()
                .any(|name| quantity.name.starts_with(name));
            let people = people.get(&**scope).copied().unwrap_or_default();
            if is_of_group && people < site::MIN_PEOPLE && variable.truth.is_some_and(|truth| truth > 0.0) {
                variable.few_people = Some(people);
            }
        }
    }

    /// A variable as text.
    pub(crate) fn name(&self, at: usize) -> String {
        let Variable { series, range, vintage, .. } = self.variables[at];
        let vintage = if vintage == 0 { String::new() } else { format!(" (correction {vintage})") };
        format!("{} {}{vintage}", self.series[series], days(range))
    }
}

/// The fields of an internal line.
fn fields(line: &Metric) -> [(Field, Option<f64>); 4] {
    [
        (Field::N, line.n.map(|number| number.as_f64())),
        (Field::Of, line.of.map(|number| number.as_f64())),
        (Field::People, line.people.map(|people| people as f64)),
        (Field::Value, line.value.map(|number| number.as_f64())),
    ]
}

/// Whether a field of a line with few people is theirs. The denominators and numerators of rates
/// of events have lines of their own.
fn is_sensitive(metric: &str, field: Field, value: f64) -> bool {
    let is_rate_of_events = [
        "code_suggestions.acceptance_rate",
        "code_suggestions.line_acceptance_rate",
        "agents.completion_rate",
    ]
    .contains(&metric);
    if metric == "users.stickiness" {
        return false;
    }
    let few = value >= 1.0 && value < site::MIN_PEOPLE as f64;
    match field {
        _ if is_rate_of_events => false,
        Field::Of => metric == "agents.success_rate" || (counts_people(metric) && few),
        Field::N if counts_people(metric) => few,
        Field::N | Field::People | Field::Value => value > 0.0,
    }
}

/// Whether a metric is a rate, whose numerator has a line of its own or is no count of people.
fn is_rate(metric: &str) -> bool {
    metric.ends_with("_rate") || metric.ends_with("_per_user") || metric == "engagement.retention"
}

/// The days from Monday to Friday of a range.
pub(crate) fn working_days(range: Range) -> impl Iterator<Item = i32> {
    (range.0..=range.1).filter(|day| !is_weekend(date(*day)))
}

/// A range as text.
pub(crate) fn days(range: Range) -> String {
    if range.0 == range.1 {
        date(range.0).to_string()
    } else {
        format!("{}..{}", date(range.0), date(range.1))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Series { quantity, scope, population } = self;
        let by: Vec<String> = quantity.by.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let population = if population.is_empty() { String::new() } else { format!(" {population}") };
        write!(out, "{}{{{}}} {scope}{population}", quantity.name, by.join(","))
    }
}
