//! How whole the data is: days by collector and status, and what is missing, why, and what helps.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use crate::calendar::{Day, Grain};
use crate::record::{Coverage, Status};

use super::Dashboard;
use super::gaps::{Gap, MOST_GAPS, gaps, published_reason};
use super::number;
use super::page::Frame;
use super::place::scope_name;
use super::table::{Cell, Column, Table};
use super::text::{LONGEST_LABEL, plain};

const STATUSES: [Status; 6] =
    [Status::Complete, Status::Partial, Status::Failed, Status::Denied, Status::Unsupported, Status::Skipped];

/// The tables of the section on data quality.
pub(super) fn value(frame: &Frame<'_>) -> Value {
    let gaps = gaps(&frame.coverage);
    let tables: Vec<Value> =
        [days_table(frame), gaps_table(&gaps)].into_iter().flatten().map(|table| table.value()).collect();
    let last_complete = last_whole_day(frame).map(number::long_day);
    context! {
        tables => tables,
        gaps => gaps.len(),
        known => !frame.coverage.is_empty(),
        last_complete => last_complete.unwrap_or_default(),
        source_limits => frame.kind == Dashboard::Duo,
        agents_told => agents_told(frame),
    }
}

/// Whether sessions of agents, their tools or their tokens are known: events tell of them where GitLab does not.
fn agents_told(frame: &Frame<'_>) -> bool {
    let of_agents = |metric: &str| {
        ["agents.sessions", "agents.tool_calls", "agents.tokens"].iter().any(|name| metric.starts_with(name))
    };
    frame
        .places
        .iter()
        .flat_map(|place| place.lines())
        .any(|line| of_agents(line.metric) && line.value.is_some())
}

/// The last reported day of which everything that was asked for arrived.
fn last_whole_day(frame: &Frame<'_>) -> Option<Day> {
    let (_, last) = frame.days?;
    let mut whole: BTreeMap<Day, bool> = BTreeMap::new();
    for line in frame.coverage.iter().filter(|line| line.day <= last) {
        *whole.entry(line.day).or_insert(true) &= line.status == Status::Complete;
    }
    whole.into_iter().rev().find_map(|(day, whole)| whole.then_some(day))
}

/// Why a collector has no data at all, in words; `None` when it has some or nothing is known of it.
pub(super) fn why_nothing(coverage: &[&Coverage], collector: &str) -> Option<String> {
    let mut lines = coverage.iter().filter(|line| line.collector == collector);
    if lines.clone().any(|line| line.status == Status::Complete) {
        return None;
    }
    let line = lines.next_back()?;
    let reason = published_reason(line);
    let helps = number::remedy(line.status);
    Some(match reason {
        Some(reason) => format!("The collection ended as {}: {reason}. {helps}", line.status.as_str()),
        None => format!("The collection ended as {}. {helps}", line.status.as_str()),
    })
}

fn days_table(frame: &Frame<'_>) -> Option<Table> {
    let mut days: BTreeMap<String, BTreeMap<&'static str, u64>> = BTreeMap::new();
    // The metric knows which days of several groups are whole together; the lines serve without it.
    for line in frame.main().map_or(&[][..], |place| place.every("coverage.days", Grain::Window)) {
        let (Some(collector), Some(status)) = (line.by.get("collector"), line.by.get("status")) else {
            continue;
        };
        let Some(status) = STATUSES.iter().find(|known| known.as_str() == status) else { continue };
        let count = line.value.map_or(0, |value| value.as_f64() as u64);
        *days.entry(collector.to_owned()).or_default().entry(status.as_str()).or_default() += count;
    }
    let caption = match days.is_empty() {
        true => "Days by collector and how their collection ended",
        false => "Days of the last 28 by collector and how their collection ended",
    };
    if days.is_empty() {
        for line in &frame.coverage {
            *days.entry(line.collector.clone()).or_default().entry(line.status.as_str()).or_default() += 1;
        }
    }
    let used: Vec<Status> = STATUSES
        .into_iter()
        .filter(|status| {
            *status == Status::Complete
                || days.values().any(|row| row.get(status.as_str()).is_some_and(|count| *count > 0))
        })
        .collect();
    let mut columns = vec![Column::words("Collector")];
    columns.extend(used.iter().map(|status| Column::numbers(status.as_str())));
    let mut table = Table::new("quality-days", caption, &columns);
    for (collector, row) in &days {
        let all: u64 = row.values().sum();
        let mut cells = vec![Cell::code(plain(collector, LONGEST_LABEL))];
        cells.extend(used.iter().map(|status| {
            let count = row.get(status.as_str()).copied().unwrap_or(0);
            let cell = Cell::number(number::count(count));
            match status {
                Status::Complete if all > 0 => cell.with_share(count as f64 / all as f64),
                _ => cell,
            }
        }));
        table.push(cells);
    }
    (!table.rows.is_empty()).then_some(table)
}

fn gaps_table(gaps: &[Gap<'_>]) -> Option<Table> {
    let columns = [
        Column::words("Days (UTC)"),
        Column::words("Collector"),
        Column::words("Group"),
        Column::words("Status"),
        Column::words("Reason"),
        Column::words("What helps"),
    ];
    let mut table = Table::new("quality-gaps", "Days that are not complete, and why", &columns);
    for gap in gaps.iter().take(MOST_GAPS) {
        let reason = published_reason(gap.line).unwrap_or_default();
        table.push(vec![
            Cell::dates(number::span(gap.first, gap.last)),
            Cell::code(plain(&gap.line.collector, LONGEST_LABEL)),
            Cell::words(match gap.scopes.as_slice() {
                [scope] => scope_name(scope),
                scopes => number::counted(scopes.len() as u64, "group", "groups"),
            }),
            Cell::words(gap.line.status.as_str()),
            Cell::words(reason),
            Cell::words(number::remedy(gap.line.status)),
        ]);
    }
    if gaps.len() > MOST_GAPS {
        let left = (gaps.len() - MOST_GAPS) as u64;
        table.more = format!("{} not listed.", number::counted(left, "further gap is", "further gaps are"));
    }
    (!table.rows.is_empty()).then_some(table)
}
