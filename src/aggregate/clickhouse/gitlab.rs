//! Reads GitLab's own ClickHouse tables. ClickHouse groups equal rows; each group is read once, as
//! the node that `fetch` would get from GitLab's API. Nothing is written and no setting is changed,
//! so a read-only user is enough.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use super::server::Server;
use super::statements;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome};
use crate::base::text::format_count;
use crate::collect::collectors::{Collector, by_name};
use crate::events::features::by_number;
use crate::model::coverage::{Coverage, Status};
use crate::model::line::Record;
use crate::model::record::{Origin, Row};
use crate::model::scope::INSTANCE_SCOPE;
use crate::stream::rejects::Rejects;
use crate::system::summary::Summary;

const USAGE_EVENTS: Table = Table {
    name: "ai_usage_events",
    collector: "instance_usage_events",
    statement: include_str!("gitlab_usage_events.sql"),
};
const CODE_SUGGESTION_EVENTS: Table = Table {
    name: "code_suggestion_events",
    collector: "code_suggestion_events",
    statement: include_str!("gitlab_code_suggestion_events.sql"),
};
const SESSIONS: &str = include_str!("gitlab_sessions.sql");
const ROWS: &str = include_str!("gitlab_rows.sql");

/// Rows that one statement groups at most, unless a single day has more. Bounds the server's
/// memory.
const MAX_ROWS_PER_QUERY: u64 = 20_000_000;

/// A table of events.
struct Table {
    name: &'static str,
    /// The collector that gets the same events from GitLab's API.
    collector: &'static str,
    statement: &'static str,
}

/// Equal rows of either table of events.
#[derive(Deserialize)]
struct GroupedRow {
    day: String,
    number: String,
    user: String,
    /// The time of the first row.
    at: String,
    rows: String,
    /// The counted extras of usage events, as JSON.
    counted_extras: Option<String>,
    language: Option<String>,
    size: Option<String>,
}

/// The number of rows of one day.
#[derive(Deserialize)]
struct RowsOfDay {
    day: String,
    rows: String,
}

/// The counts of one day of a collector.
#[derive(Default)]
struct DayCounts {
    rows: u32,
    suggestions: u64,
    sessions: u64,
}

/// How to read GitLab's tables.
pub struct TableReader<'a> {
    /// The ClickHouse server.
    pub server: &'a Server,
    /// The GitLab, as a URL without a trailing slash.
    pub instance: &'a str,
    /// The time of this run, which becomes the time of the fetch.
    pub now: Timestamp,
    /// Maximum share of rejected rows, in percent. Above it, reading fails.
    pub max_rejects: f64,
}

impl TableReader<'_> {
    /// Passes each group of rows to `take`: a record, and the number of rows from its own row on
    /// that are equal to it. Returns the coverage lines: a day is complete if it is over and no
    /// other table has more events of it.
    pub fn run(
        &self,
        take: &mut dyn FnMut(Record<'_>, u32) -> Result<(), Error>,
        summary: &mut Summary,
    ) -> Result<(Vec<Coverage>, Outcome), Error> {
        if !self.server.has_table(USAGE_EVENTS.name)? {
            return Err(Error::Unavailable(
                "ClickHouse has no table ai_usage_events, where GitLab stores its events; check --clickhouse-database, and that ClickHouse is enabled in GitLab".to_owned(),
            ));
        }
        let mut rejects = Rejects::new(self.max_rejects);
        let usage = self.read(&USAGE_EVENTS, take, &mut rejects, summary)?;
        let mut created: BTreeMap<String, u64> = BTreeMap::new();
        if self.server.has_table("agent_platform_sessions")? {
            self.server.for_each(SESSIONS, |RowsOfDay { day, rows }| {
                created.insert(day, rows.parse().unwrap_or(0));
                Ok(())
            })?;
        }
        let mut coverage = self.coverage(&USAGE_EVENTS, &usage, |day, counts| {
            let sessions = created.get(&day.to_string()).copied().unwrap_or(0);
            (sessions > counts.sessions).then(|| {
                format!("{} of {sessions} sessions have no creation event", sessions - counts.sessions)
            })
        });
        let mut records: u64 = usage.values().map(|counts| u64::from(counts.rows)).sum();
        if self.server.has_table(CODE_SUGGESTION_EVENTS.name)? {
            let suggestions = self.read(&CODE_SUGGESTION_EVENTS, take, &mut rejects, summary)?;
            records += suggestions.values().map(|counts| u64::from(counts.rows)).sum::<u64>();
            // A day without any row has no coverage line here: the other table may have its events.
            coverage.extend(self.coverage(&CODE_SUGGESTION_EVENTS, &suggestions, |day, counts| {
                let known = usage.get(&day).map_or(0, |counts| counts.suggestions);
                (known > counts.suggestions).then(|| format!("ai_usage_events has {known} code suggestions"))
            }));
        }
        summary.field("rejected", rejects.count());
        Ok((coverage, rejects.conclude(records.saturating_sub(rejects.count()), summary)?))
    }

    /// Reads a table. Returns what it has of each day.
    fn read(
        &self,
        table: &Table,
        take: &mut dyn FnMut(Record<'_>, u32) -> Result<(), Error>,
        rejects: &mut Rejects,
        summary: &mut Summary,
    ) -> Result<BTreeMap<Day, DayCounts>, Error> {
        let mut reader = GroupReader {
            instance: self.instance,
            now: self.now,
            table,
            collector: by_name(table.collector)
                .ok_or_else(|| Error::Bug(format!("no collector {}", table.collector)))?,
            rejects,
            days: BTreeMap::new(),
            rows: 0,
            groups: 0,
        };
        for range in self.day_ranges(table)? {
            let rows_before = reader.rows;
            let statement =
                statements::gitlab_statement(table.statement, table.name, &range.first, &range.last);
            self.server.for_each(&statement, |group: GroupedRow| reader.read(&group, take))?;
            // Fewer rows than the table has: the answer was truncated.
            let arrived = reader.rows - rows_before;
            if arrived < range.rows {
                return Err(Error::Transient(format!(
                    "the ClickHouse answer was truncated: {arrived} of {} rows of {} arrived; run again",
                    range.rows, table.name
                )));
            }
        }
        summary.message(format!(
            "{} of GitLab's {}, read as {}",
            format_count(reader.rows, "row"),
            table.name,
            format_count(reader.groups, "group")
        ));
        Ok(reader.days)
    }

    /// Ranges of consecutive days, each read with one statement.
    fn day_ranges(&self, table: &Table) -> Result<Vec<DayRange>, Error> {
        let mut days: BTreeMap<String, u64> = BTreeMap::new();
        let statement = statements::gitlab_statement(ROWS, table.name, "", "");
        self.server.for_each(&statement, |RowsOfDay { day, rows }| {
            days.insert(day, rows.parse().map_err(|_| too_many_rows(table))?);
            Ok(())
        })?;
        let mut day_ranges: Vec<DayRange> = Vec::new();
        for (day, rows) in days {
            match day_ranges.last_mut().filter(|range| range.rows + rows <= MAX_ROWS_PER_QUERY) {
                Some(range) => (range.last, range.rows) = (day, range.rows + rows),
                None => day_ranges.push(DayRange { first: day.clone(), last: day, rows }),
            }
        }
        Ok(day_ranges)
    }

    /// A coverage line for each day.
    fn coverage(
        &self,
        table: &Table,
        days: &BTreeMap<Day, DayCounts>,
        missing: impl Fn(Day, &DayCounts) -> Option<String>,
    ) -> Vec<Coverage> {
        let line = |(day, counts): (&Day, &DayCounts)| {
            let is_over = *day < self.now.day();
            let reason =
                if is_over { missing(*day, counts) } else { Some("the day had not ended".to_owned()) };
            Coverage {
                collector: table.collector.to_owned(),
                instance: self.instance.to_owned(),
                scope: INSTANCE_SCOPE.to_owned(),
                day: *day,
                status: if reason.is_none() { Status::Complete } else { Status::Partial },
                rows: Some(counts.rows.into()),
                fetched_at: Some(self.now),
                reason,
                unreadable: 0,
                key_check: None,
                shrunk: false,
                named: false,
            }
        };
        days.iter().map(line).collect()
    }
}

/// Reads the groups of rows of one table.
struct GroupReader<'a> {
    instance: &'a str,
    now: Timestamp,
    table: &'a Table,
    collector: &'static dyn Collector,
    rejects: &'a mut Rejects,
    /// What the table has of each day.
    days: BTreeMap<Day, DayCounts>,
    /// Rows and groups so far.
    rows: u64,
    groups: u64,
}

impl GroupReader<'_> {
    /// Reads one group, and passes its record to `take`.
    fn read(
        &mut self,
        group: &GroupedRow,
        take: &mut dyn FnMut(Record<'_>, u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let row_count: u32 = group.rows.parse().map_err(|_| too_many_rows(self.table))?;
        self.rows += u64::from(row_count);
        self.groups += 1;
        let Ok(day) = group.day.parse::<Day>() else {
            self.reject(row_count, "a day before 2000 or after 2199");
            return Ok(());
        };
        let counts = self.days.entry(day).or_default();
        let first = counts.rows;
        counts.rows = first.checked_add(row_count).ok_or_else(|| too_many_rows(self.table))?;
        let rows = u64::from(row_count);
        counts.suggestions += if matches!(group.number.as_str(), "2" | "3" | "4") { rows } else { 0 };
        counts.sessions += if group.number == "8" { rows } else { 0 };
        let origin = Origin {
            instance: self.instance.into(),
            collector: self.table.collector.into(),
            scope: INSTANCE_SCOPE.into(),
            day,
            fetched_at: self.now,
            row: Row { page: 0, index: first },
        };
        match self.collector.read(&group.node(), origin, day) {
            Ok(record) if record.belongs_to_requested_day() => take(record, row_count),
            Ok(_) => Ok(()),
            Err(reason) => {
                self.reject(row_count, &reason);
                Ok(())
            }
        }
    }

    /// Rejects the rows of the last group.
    fn reject(&mut self, row_count: u32, reason: &str) {
        (0..row_count).for_each(|_| self.rejects.add(self.rows, reason));
    }
}

/// A range of days that one statement reads.
struct DayRange {
    first: String,
    last: String,
    rows: u64,
}

impl GroupedRow {
    /// The node as GitLab's API would return it.
    fn node(&self) -> String {
        let extras =
            self.counted_extras.as_deref().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        json!({
            "event": event_name(&self.number),
            "timestamp": self.at,
            "extras": extras,
            "language": self.language,
            "suggestionSize": self.size,
            "user": { "id": format!("gid://gitlab/User/{}", self.user) },
        })
        .to_string()
    }
}

impl Server {
    fn has_table(&self, table: &str) -> Result<bool, Error> {
        let mut answer = String::new();
        let mut reader = self.query_without_settings(&format!("EXISTS TABLE {table}"))?;
        std::io::Read::read_to_string(&mut reader, &mut answer)
            .map_err(|error| Error::Transient(self.interrupted(&error)))?;
        Ok(answer.trim() == "1")
    }

    fn for_each<T: DeserializeOwned>(
        &self,
        statement: &str,
        mut take: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut lines = 0;
        let mut reader = BufReader::with_capacity(1 << 16, self.query_without_settings(statement)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            reader
                .read_until(b'\n', &mut line)
                .map_err(|error| Error::Transient(self.interrupted(&error)))?;
            if line.is_empty() {
                return Ok(());
            }
            let row = serde_json::from_slice(&line).map_err(|_| {
                Error::Transient(format!(
                    "the ClickHouse answer was truncated after {}; run again, and check the server's log",
                    format_count(lines, "line")
                ))
            })?;
            lines += 1;
            take(row)?;
        }
    }
}

fn too_many_rows(table: &Table) -> Error {
    Error::Unexpected(format!("{} has more rows on one day than this version can count", table.name))
}

/// The name of an event in GitLab's registry, in upper case as in GraphQL.
fn event_name(number: &str) -> String {
    number.parse().map_or_else(|_| format!("EVENT_{number}"), |number| by_number(number).to_ascii_uppercase())
}
