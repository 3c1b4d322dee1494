//! GitLab's own tables in ClickHouse, grouped by it: rows that say the same are read once, as the node that `fetch` would have
//! brought. Nothing is written, and no setting is changed: a user who may only read can do it.

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
use crate::base::text::counted;
use crate::collect::collectors::by_name;
use crate::events::features::by_number;
use crate::model::line::Record;
use crate::model::record::{Coverage, INSTANCE_SCOPE, Origin, Row, Status};
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

/// Rows that are grouped by one statement, at least where a day has no more: so its memory is bounded.
const MOST_ROWS: u64 = 20_000_000;

/// A table of events.
struct Table {
    name: &'static str,
    /// The collector that gets the same events from GitLab.
    collector: &'static str,
    statement: &'static str,
}

/// Rows of either table of events that say the same.
#[derive(Deserialize)]
struct Alike {
    day: String,
    number: String,
    user: String,
    /// The moment of the first of them.
    at: String,
    rows: String,
    /// What else counts of the usage events, as JSON.
    told: Option<String>,
    language: Option<String>,
    size: Option<String>,
}

/// How many rows there are of a day.
#[derive(Deserialize)]
struct RowsOfDay {
    day: String,
    rows: String,
}

/// A day of a collector.
#[derive(Default)]
struct OfDay {
    rows: u32,
    suggestions: u64,
    sessions: u64,
}

/// What reading the tables is about.
pub struct Reading<'a> {
    /// The server.
    pub server: &'a Server,
    /// The GitLab, as a URL without a trailing slash.
    pub instance: &'a str,
    /// When it is read.
    pub now: Timestamp,
    /// Share of rejected rows above which the tables are refused, in percent.
    pub max_rejects: f64,
}

impl Reading<'_> {
    /// Hands all that the tables hold to `take`: a record, and how many rows from its own on say the same. Returns the coverage
    /// lines: a day counts as complete when it is over and no other table knows of more.
    pub fn run(
        &self,
        take: &mut dyn FnMut(Record<'_>, u32) -> Result<(), Error>,
        summary: &mut Summary,
    ) -> Result<(Vec<Coverage>, Outcome), Error> {
        if !self.server.has_table(USAGE_EVENTS.name)? {
            return Err(Error::Nothing(
                "this ClickHouse has no table ai_usage_events, in which GitLab keeps its events; check --clickhouse-database, and that GitLab uses ClickHouse".to_owned(),
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
        let mut coverage = self.covered(&USAGE_EVENTS, &usage, |day, of_day| {
            let sessions = created.get(&day.to_string()).copied().unwrap_or(0);
            (sessions > of_day.sessions).then(|| {
                format!(
                    "{} of {sessions} sessions have no event of their creation",
                    sessions - of_day.sessions
                )
            })
        });
        let mut records: u64 = usage.values().map(|of_day| u64::from(of_day.rows)).sum();
        if self.server.has_table(CODE_SUGGESTION_EVENTS.name)? {
            let suggestions = self.read(&CODE_SUGGESTION_EVENTS, take, &mut rejects, summary)?;
            records += suggestions.values().map(|of_day| u64::from(of_day.rows)).sum::<u64>();
            // A day without any row is left to the other table, which may have them.
            coverage.extend(self.covered(&CODE_SUGGESTION_EVENTS, &suggestions, |day, of_day| {
                let known = usage.get(&day).map_or(0, |of_day| of_day.suggestions);
                (known > of_day.suggestions).then(|| format!("ai_usage_events has {known} code suggestions"))
            }));
        }
        summary.field("rejected", rejects.count());
        Ok((coverage, rejects.conclude(records.saturating_sub(rejects.count()), summary)?))
    }

    /// Reads a table, and returns what it has of each day.
    fn read(
        &self,
        table: &Table,
        take: &mut dyn FnMut(Record<'_>, u32) -> Result<(), Error>,
        rejects: &mut Rejects,
        summary: &mut Summary,
    ) -> Result<BTreeMap<Day, OfDay>, Error> {
        let collector = by_name(table.collector)
            .ok_or_else(|| Error::Bug(format!("there is no collector {}", table.collector)))?;
        let mut days: BTreeMap<Day, OfDay> = BTreeMap::new();
        let (mut all, mut groups) = (0, 0);
        for span in self.spans(table)? {
            let mut arrived = 0;
            let statement = statements::of_gitlab(table.statement, table.name, (&span.first, &span.last));
            self.server.for_each(&statement, |alike: Alike| {
                let number_of_rows: u32 = alike.rows.parse().map_err(|_| too_many(table))?;
                arrived += u64::from(number_of_rows);
                groups += 1;
                let Ok(day) = alike.day.parse::<Day>() else {
                    (0..number_of_rows)
                        .for_each(|_| rejects.add(all + arrived, "a day before 2000 or after 2199"));
                    return Ok(());
                };
                let of_day = days.entry(day).or_default();
                let first = of_day.rows;
                of_day.rows = first.checked_add(number_of_rows).ok_or_else(|| too_many(table))?;
                let rows = u64::from(number_of_rows);
                of_day.suggestions += if matches!(alike.number.as_str(), "2" | "3" | "4") { rows } else { 0 };
                of_day.sessions += if alike.number == "8" { rows } else { 0 };
                let origin = Origin {
                    instance: self.instance.into(),
                    collector: table.collector.into(),
                    scope: INSTANCE_SCOPE.into(),
                    day,
                    fetched_at: self.now,
                    row: Row { page: 0, index: first },
                };
                let node = alike.node();
                match collector.read(&node, origin, day) {
                    Ok(record) if record.is_of_its_day() => take(record, number_of_rows),
                    Ok(_) => Ok(()),
                    Err(reason) => {
                        (0..number_of_rows).for_each(|_| rejects.add(all + arrived, &reason));
                        Ok(())
                    }
                }
            })?;
            // Were they fewer than the table has, the answer was cut.
            if arrived < span.rows {
                return Err(Error::Temporary(format!(
                    "ClickHouse stopped answering: {arrived} of {} rows of {} arrived; run it again",
                    span.rows, table.name
                )));
            }
            all += arrived;
        }
        summary.say(format!(
            "{} of GitLab's {}, which arrived as {}",
            counted(all, "row"),
            table.name,
            counted(groups, "group")
        ));
        Ok(days)
    }

    /// Days one after the other that are read at once.
    fn spans(&self, table: &Table) -> Result<Vec<Span>, Error> {
        let mut days: BTreeMap<String, u64> = BTreeMap::new();
        let statement = statements::of_gitlab(ROWS, table.name, ("", ""));
        self.server.for_each(&statement, |RowsOfDay { day, rows }| {
            days.insert(day, rows.parse().map_err(|_| too_many(table))?);
            Ok(())
        })?;
        let mut spans: Vec<Span> = Vec::new();
        for (day, rows) in days {
            match spans.last_mut().filter(|span| span.rows + rows <= MOST_ROWS) {
                Some(span) => (span.last, span.rows) = (day, span.rows + rows),
                None => spans.push(Span { first: day.clone(), last: day, rows }),
            }
        }
        Ok(spans)
    }

    /// A coverage line for each day.
    fn covered(
        &self,
        table: &Table,
        days: &BTreeMap<Day, OfDay>,
        missing: impl Fn(Day, &OfDay) -> Option<String>,
    ) -> Vec<Coverage> {
        let of_day = |(day, of_day): (&Day, &OfDay)| {
            let is_over = *day < self.now.day();
            let reason = if is_over { missing(*day, of_day) } else { Some("the day is not over".to_owned()) };
            Coverage {
                collector: table.collector.to_owned(),
                instance: self.instance.to_owned(),
                scope: INSTANCE_SCOPE.to_owned(),
                day: *day,
                status: if reason.is_none() { Status::Complete } else { Status::Partial },
                rows: Some(of_day.rows.into()),
                fetched_at: Some(self.now),
                reason,
                unreadable: 0,
                key_check: None,
                shrunk: false,
                named: false,
            }
        };
        days.iter().map(of_day).collect()
    }
}

/// Days that are read at once.
struct Span {
    first: String,
    last: String,
    rows: u64,
}

impl Alike {
    /// The node that GitLab would have answered with.
    fn node(&self) -> String {
        let extras = self.told.as_deref().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        json!({
            "event": name_of(&self.number),
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
        let mut reader = self.ask_plainly(&format!("EXISTS TABLE {table}"))?;
        std::io::Read::read_to_string(&mut reader, &mut answer)
            .map_err(|error| Error::Temporary(self.broken_off(&error)))?;
        Ok(answer.trim() == "1")
    }

    fn for_each<T: DeserializeOwned>(
        &self,
        statement: &str,
        mut take: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut lines = 0;
        let mut reader = BufReader::with_capacity(1 << 16, self.ask_plainly(statement)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line).map_err(|error| Error::Temporary(self.broken_off(&error)))?;
            if line.is_empty() {
                return Ok(());
            }
            let row = serde_json::from_slice(&line).map_err(|_| {
                Error::Temporary(format!(
                    "ClickHouse broke off after {}; run it again, and look into its log",
                    counted(lines, "line")
                ))
            })?;
            lines += 1;
            take(row)?;
        }
    }
}

fn too_many(table: &Table) -> Error {
    Error::Unexpected(format!("{} has more rows of a day than this version counts", table.name))
}

/// The name of an event in GitLab's registry, in upper case as in GraphQL.
fn name_of(number: &str) -> String {
    number.parse().map_or_else(|_| format!("EVENT_{number}"), |number| by_number(number).to_ascii_uppercase())
}
