//! The program as a black box: records in, metric lines and published files out.
//!
//! Nothing of the suppression is used here but its result.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use duo_metrics::aggregate::aggregator::{self, MetricReport, Options};
use duo_metrics::model::metric::Metric;
use duo_metrics::publish::export::{InstanceColumn, table};
use duo_metrics::publish::privacy::{Disclosure, is_used, publish};
use duo_metrics::system::summary::Summary;

use super::worlds::World;
use crate::properties;

/// The smallest number of people behind a published value.
pub(crate) const MIN_PEOPLE: u64 = 5;

/// A published row: a line of the table that contains every published line.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) metric: String,
    pub(crate) scope: String,
    pub(crate) grain: String,
    pub(crate) start: NaiveDate,
    pub(crate) end: NaiveDate,
    pub(crate) population: String,
    pub(crate) by: BTreeMap<String, String>,
    pub(crate) value: Option<f64>,
    pub(crate) n: Option<f64>,
    pub(crate) of: Option<f64>,
    pub(crate) people: Option<f64>,
    /// The mark of a suppressed value; empty for others.
    pub(crate) hidden: String,
    pub(crate) reason: String,
}

/// What the program computes from everything known when the site of a day is built.
pub(crate) fn report(world: &World, on: NaiveDate) -> MetricReport {
    let until = Some(on.to_string().parse().expect("a day"));
    let options = Options { until, ..properties::OPTIONS };
    let records = world.records(on);
    let mut summary = Summary::new("aggregate");
    let (report, _) =
        aggregator::aggregate(&options, records.as_bytes(), &mut summary).expect("valid records");
    report
}

/// Splits the lines of a report in two parts, between which suppression then knows no relation.
pub(crate) type Cut = fn(&Metric) -> bool;

/// The published rows of a report, without those that `seen` has; rows repeat from site to site.
pub(crate) fn published(report: &MetricReport, cut: Option<Cut>, seen: &mut HashSet<String>) -> Vec<Row> {
    let disclosure = Disclosure { min_people: MIN_PEOPLE, open_periods: false };
    let is_first = |line: &&Metric| cut.is_none_or(|cut| cut(line));
    let (first, second): (Vec<&Metric>, Vec<&Metric>) =
        report.metrics.iter().filter(|line| is_used(line)).partition(is_first);
    let mut lines = publish(first, disclosure);
    lines.extend(publish(second, disclosure));
    let text = table(|| lines.iter(), InstanceColumn::Always).expect("the table is written to memory");
    // No label of a world contains a line break.
    let text = String::from_utf8(text).expect("the table is text");
    let mut lines = text.lines();
    let header = lines.next().expect("a header");
    let mut new = header.to_owned();
    for line in lines.filter(|line| seen.insert(format!("{header}{line}"))) {
        new.push('\n');
        new.push_str(line);
    }
    let mut reader = csv::Reader::from_reader(new.as_bytes());
    let header: Vec<String> = reader.headers().expect("a header").iter().map(String::from).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.expect("a row");
        let cell = |name: &str| {
            let at = header.iter().position(|column| column == name);
            at.map_or("", |at| record[at].trim_start_matches('\'')).to_owned()
        };
        let number = |name: &str| cell(name).parse::<f64>().ok();
        let by = header.iter().enumerate().filter_map(|(at, column)| {
            let dimension = column.strip_prefix("by.").filter(|_| !record[at].is_empty())?;
            Some((dimension.to_owned(), record[at].trim_start_matches('\'').to_owned()))
        });
        rows.push(Row {
            metric: cell("metric"),
            scope: cell("scope"),
            grain: cell("grain"),
            start: cell("start").parse().expect("a day"),
            end: cell("end").parse().expect("a day"),
            population: cell("population"),
            by: by.collect(),
            value: number("value"),
            n: number("n"),
            of: number("of"),
            people: number("people"),
            hidden: cell("hidden"),
            reason: cell("reason"),
        });
    }
    rows
}
