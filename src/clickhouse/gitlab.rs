//! GitLab's own tables in ClickHouse, read as the raw lines that `fetch` would have brought. Nothing is written, and no
//! setting is changed: a user who may only read can do it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use super::server::Server;
use crate::calendar::{Day, Timestamp};
use crate::error::Error;
use crate::events::by_number;
use crate::record::{Coverage, INSTANCE_SCOPE, Raw, Status};
use crate::stream::LineWriter;
use crate::summary::Summary;
use crate::wording::counted;

const USAGE_EVENTS: &str = include_str!("gitlab_usage_events.sql");
const CODE_SUGGESTION_EVENTS: &str = include_str!("gitlab_code_suggestion_events.sql");
const SESSIONS: &str = include_str!("gitlab_sessions.sql");

/// Nodes of a raw line.
const PAGE: usize = 100;

/// A row of either table of events.
#[derive(Deserialize)]
struct EventRow {
    day: Day,
    event: String,
    at: String,
    user: String,
    namespace_path: Option<String>,
    extras: Option<String>,
    unique_tracking_id: Option<String>,
    language: Option<String>,
    suggestion_size: Option<String>,
}

/// How many sessions were created on a day.
#[derive(Deserialize)]
struct SessionRow {
    day: Day,
    sessions: String,
}

/// How many rows a table has.
#[derive(Deserialize)]
struct CountRow {
    rows: String,
}

/// A day of a collector.
#[derive(Default)]
struct OfDay {
    waiting: Vec<Box<RawValue>>,
    pages: u32,
    rows: u64,
    suggestions: u64,
    sessions: u64,
}

/// What is written of one collector.
struct Pages<'a, W: Write> {
    collector: &'static str,
    instance: &'a str,
    now: Timestamp,
    output: &'a mut LineWriter<W>,
    days: BTreeMap<Day, OfDay>,
}

/// Writes raw and coverage lines of all that the tables hold. A day counts as complete when it is over and no other
/// table knows of more.
pub fn raw_lines(
    server: &Server,
    instance: &str,
    now: Timestamp,
    output: impl Write,
    summary: &mut Summary,
) -> Result<(), Error> {
    let mut output = LineWriter::new(output);
    if !server.has_table("ai_usage_events")? {
        return Err(Error::Nothing(
            "this ClickHouse has no table ai_usage_events, in which GitLab keeps its events; check --clickhouse-database, and that GitLab uses ClickHouse".to_owned(),
        ));
    }
    let mut usage = Pages {
        collector: "instance_usage_events",
        instance,
        now,
        output: &mut output,
        days: BTreeMap::new(),
    };
    let rows = server.for_each_row(USAGE_EVENTS, "ai_usage_events", |row: EventRow| {
        usage.add(row, |row| {
            let extras = row.extras.as_deref().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
            json!({
                "event": name_of(&row.event),
                "timestamp": row.at,
                "namespacePath": row.namespace_path,
                "extras": extras,
                "user": { "id": user_of(&row.user) },
            })
        })
    })?;
    summary.say(format!("{} of GitLab's ai_usage_events", counted(rows, "row")));
    let mut created: BTreeMap<Day, u64> = BTreeMap::new();
    if server.has_table("agent_platform_sessions")? {
        server.for_each(SESSIONS, |row: SessionRow| {
            created.insert(row.day, row.sessions.parse().unwrap_or(0));
            Ok(())
        })?;
    }
    let known = usage.finish(|day, of_day| {
        let sessions = created.get(&day).copied().unwrap_or(0);
        (sessions > of_day.sessions).then(|| {
            format!("{} of {sessions} sessions have no event of their creation", sessions - of_day.sessions)
        })
    })?;
    if server.has_table("code_suggestion_events")? {
        let mut pages = Pages {
            collector: "code_suggestion_events",
            instance,
            now,
            output: &mut output,
            days: BTreeMap::new(),
        };
        let rows =
            server.for_each_row(CODE_SUGGESTION_EVENTS, "code_suggestion_events", |row: EventRow| {
                pages.add(row, |row| {
                    json!({
                        "event": name_of(&row.event),
                        "timestamp": row.at,
                        "language": row.language,
                        "suggestionSize": row.suggestion_size,
                        "uniqueTrackingId": row.unique_tracking_id,
                        "user": { "id": user_of(&row.user) },
                    })
                })
            })?;
        summary.say(format!("{} of GitLab's code_suggestion_events", counted(rows, "row")));
        // A day without any row is left to the other table, which may have them.
        pages.finish(|day, of_day| {
            let known = known.get(&day).copied().unwrap_or(0);
            (known > of_day.suggestions).then(|| format!("ai_usage_events has {known} code suggestions"))
        })?;
    }
    output.flush()
}

impl<W: Write> Pages<'_, W> {
    fn add(&mut self, row: EventRow, node: impl FnOnce(&EventRow) -> serde_json::Value) -> Result<(), Error> {
        let of_day = self.days.entry(row.day).or_default();
        of_day.rows += 1;
        of_day.suggestions += u64::from(matches!(row.event.as_str(), "2" | "3" | "4"));
        of_day.sessions += u64::from(row.event == "8");
        let node = serde_json::value::to_raw_value(&node(&row))
            .map_err(|error| Error::Bug(format!("cannot build a node: {error}")))?;
        of_day.waiting.push(node);
        match of_day.waiting.len() {
            PAGE => self.write_page(row.day),
            _ => Ok(()),
        }
    }

    fn write_page(&mut self, day: Day) -> Result<(), Error> {
        let Some(of_day) = self.days.get_mut(&day).filter(|of_day| !of_day.waiting.is_empty()) else {
            return Ok(());
        };
        of_day.pages += 1;
        self.output.write(&Raw {
            collector: self.collector.into(),
            instance: self.instance.into(),
            scope: INSTANCE_SCOPE.into(),
            since: None,
            day,
            page: of_day.pages,
            fetched_at: self.now,
            nodes: of_day.waiting.iter().map(AsRef::as_ref).collect(),
        })?;
        of_day.waiting.clear();
        Ok(())
    }

    /// Writes what waits, and a coverage line a day. Returns the code suggestions of each day.
    fn finish(
        mut self,
        missing: impl Fn(Day, &OfDay) -> Option<String>,
    ) -> Result<BTreeMap<Day, u64>, Error> {
        let days: Vec<Day> = self.days.keys().copied().collect();
        days.into_iter().try_for_each(|day| self.write_page(day))?;
        for (day, of_day) in &self.days {
            let is_over = *day < self.now.day();
            let reason = if is_over { missing(*day, of_day) } else { Some("the day is not over".to_owned()) };
            self.output.write(&Coverage {
                collector: self.collector.to_owned(),
                instance: self.instance.to_owned(),
                scope: INSTANCE_SCOPE.to_owned(),
                day: *day,
                status: if reason.is_none() { Status::Complete } else { Status::Partial },
                rows: Some(of_day.rows),
                fetched_at: Some(self.now),
                reason,
            })?;
        }
        Ok(self.days.into_iter().map(|(day, of_day)| (day, of_day.suggestions)).collect())
    }
}

impl Server {
    fn has_table(&self, table: &str) -> Result<bool, Error> {
        let mut answer = String::new();
        let mut reader = self.ask_plainly(&format!("EXISTS TABLE {table}"))?;
        std::io::Read::read_to_string(&mut reader, &mut answer)
            .map_err(|error| Error::Temporary(self.broken_off(&error)))?;
        Ok(answer.trim() == "1")
    }

    /// Reads the rows of a statement that has one for each row of a table, and returns how many they were. Were they fewer
    /// than the table has, the answer was cut.
    fn for_each_row<T: DeserializeOwned>(
        &self,
        statement: &str,
        table: &str,
        take: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut there = 0;
        let count = format!("SELECT toString(count()) AS rows FROM {table} FINAL FORMAT JSONEachRow");
        self.for_each(&count, |row: CountRow| {
            there = row.rows.parse().unwrap_or(u64::MAX);
            Ok(())
        })?;
        let rows = self.for_each(statement, take)?;
        match rows >= there {
            true => Ok(rows),
            false => Err(Error::Temporary(format!(
                "ClickHouse stopped answering: {rows} of {there} rows of {table} arrived; run it again"
            ))),
        }
    }

    fn for_each<T: DeserializeOwned>(
        &self,
        statement: &str,
        mut take: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut rows = 0;
        let mut reader = BufReader::with_capacity(1 << 16, self.ask_plainly(statement)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line).map_err(|error| Error::Temporary(self.broken_off(&error)))?;
            if line.is_empty() {
                return Ok(rows);
            }
            let row = serde_json::from_slice(&line).map_err(|_| {
                Error::Temporary(format!(
                    "ClickHouse broke off after {}; run it again, and look into its log",
                    counted(rows, "row")
                ))
            })?;
            rows += 1;
            take(row)?;
        }
    }
}

/// The name of an event in GitLab's registry, in upper case as in GraphQL.
fn name_of(number: &str) -> String {
    number.parse().map_or_else(|_| format!("EVENT_{number}"), |number| by_number(number).to_ascii_uppercase())
}

fn user_of(number: &str) -> String {
    format!("gid://gitlab/User/{number}")
}
