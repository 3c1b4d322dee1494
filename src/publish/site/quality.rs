//! Data quality: days by collector and status; gaps with their reasons and remedies.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use crate::base::calendar::{Day, Grain};
use crate::model::coverage::{Coverage, Status};
use crate::model::former_group::FormerGroup;
use crate::model::history_loss::HistoryLoss;

use super::Dashboard;
use super::differences;
use super::gaps::{Gap, MAX_GAPS, gaps, published_reason};
use super::number;
use super::page::Frame;
use super::place::scope_name;
use super::table::{Cell, Column, Table};
use super::text::{MAX_LABEL_LEN, plain};

/// The status of days of imported events, as in the metric `coverage.days`.
const IMPORTED_STATUS: &str = "imported";

const COMPLETE: &str = "complete";

const STATUSES: [&str; 7] =
    [COMPLETE, "partial", "failed", "denied", "unsupported", "skipped", IMPORTED_STATUS];

/// The tables of the section on data quality.
pub(super) fn value(frame: &Frame<'_>) -> Value {
    let mut gaps = gaps(&frame.completeness.gaps);
    gaps.extend(super::gaps::gaps(&frame.completeness.imported));
    let tables = [days_table(frame), gaps_table(&gaps), refused_table(frame)];
    let comparison = [differences::features_table(frame), differences::days_table(frame)];
    let values = |tables: Vec<Option<Table>>| -> Vec<Value> {
        tables.into_iter().flatten().map(|table| table.value()).collect()
    };
    let last_complete = last_complete_day(frame).map(number::long_day);
    context! {
        tables => values(tables.into()),
        comparison => values(comparison.into()),
        gaps => gaps.len(),
        known => !frame.coverage.is_empty(),
        last_complete => last_complete.unwrap_or_default(),
        source_limits => frame.kind == Dashboard::Duo,
        has_agent_data => has_agent_data(frame),
        missing_sources => match frame.completeness.refused.len() as u64 {
            0 => String::new(),
            count => format!("without {}", number::counted(count, "optional source", "optional sources")),
        },
        unreadable => unreadable(frame),
        differences => differences::sentence(frame),
        former => frame.former.iter().map(former_group).collect::<Vec<String>>(),
        loss => frame.loss.map(history_loss).unwrap_or_default(),
    }
}

/// A sentence on rows that GitLab returned as null.
fn unreadable(frame: &Frame<'_>) -> String {
    match frame.completeness.rows {
        (_, 0) => String::new(),
        (rows, nulls) => format!(
            "GitLab returned {} of {} as null, for example for deleted users. They are not counted; otherwise the days are complete.",
            number::count(nulls),
            number::counted(rows + nulls, "row", "rows")
        ),
    }
}

/// A sentence on a group that is no longer collected.
fn former_group(group: &FormerGroup) -> String {
    let (name, until) = (scope_name(&group.scope), number::long_day(group.until));
    format!("{name} is no longer collected. It is included in the total up to {until}.")
}

/// A sentence on a history that was lost.
fn history_loss(loss: HistoryLoss) -> String {
    format!(
        "The stored history was lost before {}. Of earlier days there is only what GitLab still had then.",
        number::long_day(loss.day)
    )
}

/// Whether there are tool calls or tokens of agents, which only imported events contain.
fn has_agent_data(frame: &Frame<'_>) -> bool {
    let of_agents =
        |metric: &str| ["agents.tool_calls", "agents.tokens"].iter().any(|name| metric.starts_with(name));
    frame
        .places
        .iter()
        .flat_map(|place| place.lines())
        .any(|line| of_agents(line.metric) && line.value.is_some())
}

/// The last reported day that is complete.
fn last_complete_day(frame: &Frame<'_>) -> Option<Day> {
    let (_, last) = frame.days?;
    let mut whole: BTreeMap<Day, bool> = BTreeMap::new();
    let is_asked = |line: &&&Coverage| !frame.completeness.refused.contains_key(line.collector.as_str());
    for line in frame.coverage.iter().filter(|line| line.day <= last).filter(is_asked) {
        *whole.entry(line.day).or_insert(true) &= line.status == Status::Complete && !line.shrunk;
    }
    whole.into_iter().rev().find_map(|(day, whole)| whole.then_some(day))
}

/// Why a collector has no data at all; `None` if it has some or did not run.
pub(super) fn reason_without_data(coverage: &[&Coverage], collector: &str) -> Option<String> {
    let mut lines = coverage.iter().filter(|line| line.collector == collector);
    if lines.clone().any(|line| line.status == Status::Complete) {
        return None;
    }
    let line = lines.next_back()?;
    let reason = published_reason(line);
    let next_step = next_step(line);
    Some(match reason {
        Some(reason) => format!("Collection status {}: {reason}. {next_step}", line.status.as_str()),
        None => format!("Collection status {}. {next_step}", line.status.as_str()),
    })
}

/// How to complete a day.
fn next_step(line: &Coverage) -> String {
    if line.is_imported() {
        "No known gap: imported events do not state whether they are complete.".to_owned()
    } else {
        number::remedy(line)
    }
}

/// The status of a coverage line; [`IMPORTED_STATUS`] for imported events.
fn status_word(line: &Coverage) -> &'static str {
    if line.is_imported() { IMPORTED_STATUS } else { line.status.as_str() }
}

fn days_table(frame: &Frame<'_>) -> Option<Table> {
    let mut days: BTreeMap<String, BTreeMap<&'static str, u64>> = BTreeMap::new();
    // The metric also covers the union of groups; without it, the coverage lines are counted.
    for line in frame.main().map_or(&[][..], |place| place.every("coverage.days", Grain::Window)) {
        let (Some(collector), Some(status)) = (line.by.get("collector"), line.by.get("status")) else {
            continue;
        };
        let Some(status) = STATUSES.iter().find(|known| **known == status) else { continue };
        let count = line.value.map_or(0, |value| value.as_f64() as u64);
        *days.entry(collector.to_owned()).or_default().entry(status).or_default() += count;
    }
    let caption =
        if days.is_empty() { "Days by collector and status" } else { "Last 28 days by collector and status" };
    if days.is_empty() {
        for line in &frame.coverage {
            *days.entry(line.collector.clone()).or_default().entry(status_word(line)).or_default() += 1;
        }
    }
    let used: Vec<&str> = STATUSES
        .into_iter()
        .filter(|status| {
            *status == COMPLETE || days.values().any(|row| row.get(status).is_some_and(|count| *count > 0))
        })
        .collect();
    let mut columns = vec![Column::text("Collector")];
    columns.extend(used.iter().map(|status| Column::number(status)));
    let mut table = Table::new("quality-days", caption, &columns);
    for (collector, row) in &days {
        let all: u64 = row.values().sum();
        let mut cells = vec![Cell::code(plain(collector, MAX_LABEL_LEN))];
        cells.extend(used.iter().map(|status| {
            let count = row.get(status).copied().unwrap_or(0);
            let cell = Cell::number(number::count(count));
            if *status == COMPLETE && all > 0 { cell.with_share(count as f64 / all as f64) } else { cell }
        }));
        table.push(cells);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The optional sources that are missing, and why.
fn refused_table(frame: &Frame<'_>) -> Option<Table> {
    let columns = [
        Column::text("Collector"),
        Column::text("Status"),
        Column::text("Reason"),
        Column::text("How to fix it"),
    ];
    let mut table = Table::new("quality-refused", "Missing optional sources", &columns);
    for (collector, line) in &frame.completeness.refused {
        table.push(vec![
            Cell::code(plain(collector, MAX_LABEL_LEN)),
            Cell::text(line.status.as_str()),
            Cell::text(published_reason(line).unwrap_or_default()),
            Cell::text(number::remedy(line)),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

fn gaps_table(gaps: &[Gap<'_>]) -> Option<Table> {
    let columns = [
        Column::text("Days (UTC)"),
        Column::text("Collector"),
        Column::text("Group"),
        Column::text("Status"),
        Column::text("Reason"),
        Column::text("How to fix it"),
    ];
    let mut table = Table::new("quality-gaps", "Incomplete days, and why", &columns);
    for gap in gaps.iter().take(MAX_GAPS) {
        let reason = published_reason(gap.line).unwrap_or_default();
        table.push(vec![
            Cell::dates(number::span(gap.first, gap.last)),
            Cell::code(plain(&gap.line.collector, MAX_LABEL_LEN)),
            Cell::text(match gap.scopes.as_slice() {
                [scope] => scope_name(scope),
                scopes => number::counted(scopes.len() as u64, "group", "groups"),
            }),
            Cell::text(status_word(gap.line)),
            Cell::text(reason),
            Cell::text(next_step(gap.line)),
        ]);
    }
    if gaps.len() > MAX_GAPS {
        let left = (gaps.len() - MAX_GAPS) as u64;
        table.more = format!("{} not listed.", number::counted(left, "further gap is", "further gaps are"));
    }
    (!table.rows.is_empty()).then_some(table)
}
