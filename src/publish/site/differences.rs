//! Our events beside GitLab's own counts, and the days on which they differ.

use std::collections::{BTreeMap, BTreeSet};

use crate::aggregate::metrics::reconcile::METRIC;
use crate::base::calendar::{Day, Grain};
use crate::model::metric::Explanation;

use super::number;
use super::page::Frame;
use super::place::Place;
use super::privacy::Line;
use super::table::{Cell, Column, Table};
use super::text::{MAX_LABEL_LEN, plain};

/// The most days that are listed.
const MAX_DAYS: usize = 20;

/// What is shown for a difference without a known reason.
const UNEXPLAINED: &str = "no known reason";

/// The published days that differ: those without a known reason first, then the newest.
fn days<'f, 'a>(frame: &'f Frame<'a>) -> Vec<(&'f Place<'a>, &'a Line<'a>)> {
    let of_place =
        |place: &'f Place<'a>| place.every(METRIC, Grain::Day).iter().map(move |line| (place, *line));
    let mut days: Vec<_> = frame.places.iter().flat_map(of_place).collect();
    days.sort_by(|(_, one), (_, other)| {
        let is_explained = one.explanation.is_some().cmp(&other.explanation.is_some());
        let newest = other.period.start.cmp(&one.period.start);
        is_explained.then(newest).then_with(|| (one.scope, one.by).cmp(&(other.scope, other.by)))
    });
    days
}

fn windows<'f, 'a>(frame: &'f Frame<'a>) -> impl Iterator<Item = (&'f Place<'a>, &'a Line<'a>)> {
    frame
        .places
        .iter()
        .flat_map(|place| place.every(METRIC, Grain::Window).iter().map(move |line| (place, *line)))
}

fn reason(line: &Line<'_>) -> &'static str {
    line.explanation.map_or(UNEXPLAINED, |explanation| explanation.text())
}

/// A sentence such as "6,305 of our events, 6,305 of GitLab's count; 3 days differ, because …",
/// without counts that are not published; empty if nothing was compared.
pub(super) fn sentence(frame: &Frame<'_>) -> String {
    let Some((_, window)) = windows(frame).next() else { return String::new() };
    let (first, last) = (window.period.start, window.period.end);
    let mut counts: Option<(u64, u64)> = None;
    for (_, line) in windows(frame).filter(|(_, line)| line.by.get("collector") == Some("ai_metrics")) {
        let Some((ours, theirs)) = line.n.zip(line.of) else { continue };
        let (n, of) = counts.unwrap_or_default();
        counts = Some((n + ours.as_f64() as u64, of + theirs.as_f64() as u64));
    }
    let mut differing: BTreeSet<Day> = BTreeSet::new();
    let mut by_reason: BTreeMap<Option<Explanation>, BTreeSet<Day>> = BTreeMap::new();
    for (_, line) in days(frame).iter().filter(|(_, line)| (first..=last).contains(&line.period.start)) {
        differing.insert(line.period.start);
        by_reason.entry(line.explanation).or_default().insert(line.period.start);
    }
    let reasons = by_reason.iter().map(|(explanation, days)| {
        let days = number::count(days.len() as u64);
        match explanation {
            Some(explanation) => format!("{days} because {}", explanation.text()),
            None => format!("{days} without a known reason"),
        }
    });
    let differ = match differing.len() as u64 {
        // Days of fewer people are not published.
        0 => format!("no day of at least {} differs", number::counted(frame.small_group, "person", "people")),
        count => {
            let days = number::counted(count, "day differs", "days differ");
            format!("{days}: {}", reasons.collect::<Vec<String>>().join(", "))
        }
    };
    let counts = counts.map_or_else(String::new, |(ours, theirs)| {
        format!("{} of our events, {} of GitLab's count; ", number::count(ours), number::count(theirs))
    });
    format!("Compared with GitLab's own counts of the last 28 days: {counts}{differ}.")
}

/// The counts by feature.
pub(super) fn features_table(frame: &Frame<'_>) -> Option<Table> {
    let columns = [
        Column::text("Feature"),
        Column::text("Group"),
        Column::text("Collector"),
        Column::number("Our events"),
        Column::number("GitLab's count"),
        Column::number("Difference"),
    ];
    let mut table = Table::new(
        "quality-differences",
        "Our events and GitLab's own counts, last 28 days, as far as they are published",
        &columns,
    );
    let mut sums: BTreeMap<(&str, &str, &str), Sum> = BTreeMap::new();
    for (place, line) in windows(frame) {
        let (Some(collector), Some(feature)) = (line.by.get("collector"), line.by.get("feature")) else {
            continue;
        };
        sums.entry((feature, place.scope(), collector)).or_default().add(line);
    }
    // Where everything is suppressed, there is nothing to read.
    sums.retain(|_, sum| sum.difference.is_some());
    for ((feature, scope, collector), sum) in sums {
        let count =
            |value: Option<f64>| Cell::number(value.map_or_else(|| number::UNKNOWN.to_owned(), signed));
        table.push(vec![
            Cell::code(plain(feature, MAX_LABEL_LEN)),
            Cell::text(super::place::scope_name(scope)),
            Cell::code(plain(collector, MAX_LABEL_LEN)),
            count(sum.ours),
            count(sum.theirs),
            count(sum.difference),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Sums of the published values; `None` if there are none.
#[derive(Default)]
struct Sum {
    ours: Option<f64>,
    theirs: Option<f64>,
    difference: Option<f64>,
}

impl Sum {
    fn add(&mut self, line: &Line<'_>) {
        for (sum, value) in
            [(&mut self.ours, line.n), (&mut self.theirs, line.of), (&mut self.difference, line.value)]
        {
            if let Some(value) = value {
                *sum = Some(sum.unwrap_or_default() + value.as_f64());
            }
        }
    }
}

/// An integer with its sign.
fn signed(value: f64) -> String {
    let size = number::count(value.abs() as u64);
    if value < 0.0 { format!("−{size}") } else { size }
}

/// The days that differ, and why.
pub(super) fn days_table(frame: &Frame<'_>) -> Option<Table> {
    let columns = [
        Column::text("Day (UTC)"),
        Column::text("Collector"),
        Column::text("Group"),
        Column::text("Count"),
        Column::number("Difference"),
        Column::text("Reason"),
    ];
    let mut table =
        Table::new("quality-differing-days", "Days that differ from GitLab's own counts", &columns);
    let days = days(frame);
    for (place, line) in days.iter().take(MAX_DAYS) {
        let name = |name: &str| plain(line.by.get(name).unwrap_or_default(), MAX_LABEL_LEN);
        table.push(vec![
            Cell::day(number::long_day(line.period.start)),
            Cell::code(name("collector")),
            Cell::text(place.name()),
            Cell::code(format!("{}.{}", name("feature"), name("measure"))),
            Cell::number(line.value.map_or_else(String::new, |value| signed(value.as_f64()))),
            Cell::text(reason(line)),
        ]);
    }
    if days.len() > MAX_DAYS {
        let left = (days.len() - MAX_DAYS) as u64;
        table.more = format!("{} not listed.", number::counted(left, "further one is", "further ones are"));
    }
    (!table.rows.is_empty()).then_some(table)
}
