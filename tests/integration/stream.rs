//! Builder of small streams of records, and access to metric lines.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::bench::{bare_command, lines_of, run_command};

pub(crate) const INSTANCE: &str = "https://gitlab.example.com";

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

pub(crate) fn days_between(first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    first.iter_days().take_while(move |day| *day <= last)
}

pub(crate) fn before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).expect("a day")
}

/// Builder of records with coverage lines.
#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) lines: Vec<String>,
    pub(crate) rows: BTreeMap<(String, String, NaiveDate), usize>,
    pub(crate) partial: BTreeSet<NaiveDate>,
    /// Collectors with the days on which they are partial.
    pub(crate) partial_collectors: BTreeSet<(String, NaiveDate)>,
    /// Time of the fetch, unless each day was fetched after its end.
    pub(crate) fetched: Option<&'static str>,
}

impl Stream {
    /// Adds collected days, with or without rows.
    pub(crate) fn cover(&mut self, collector: &str, days: impl IntoIterator<Item = NaiveDate>) {
        self.cover_scope(collector, "acme", days);
    }

    /// The same for another scope.
    pub(crate) fn cover_scope(
        &mut self,
        collector: &str,
        scope: &str,
        days: impl IntoIterator<Item = NaiveDate>,
    ) {
        for day in days {
            self.rows.entry((collector.to_owned(), scope.to_owned(), day)).or_default();
        }
    }

    /// Marks a day as partial.
    pub(crate) fn mark_partial(&mut self, day: NaiveDate) {
        self.partial.insert(day);
    }

    /// Marks a day of some collectors as partial.
    pub(crate) fn partial_of(&mut self, collectors: &[&str], day: NaiveDate) {
        self.partial_collectors.extend(collectors.iter().map(|name| ((*name).to_owned(), day)));
    }

    pub(crate) fn add(&mut self, collector: &str, scope: &str, day: NaiveDate, fields: Value) {
        let rows = self.rows.entry((collector.to_owned(), scope.to_owned(), day)).or_default();
        let mut line = origin(collector, scope, day);
        line["row"] = json!(format!("1:{rows}"));
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        self.lines.push(line.to_string());
        *rows += 1;
    }

    pub(crate) fn event(&mut self, user: &str, day: NaiveDate, event: &str) {
        self.event_with(user, day, event, json!({}));
    }

    pub(crate) fn event_with(&mut self, user: &str, day: NaiveDate, event: &str, more: Value) {
        self.add("usage_events", "acme", day, event_of(user, day, event, more));
    }

    /// Adds an event of an export, without a coverage line.
    pub(crate) fn add_exported(
        &mut self,
        collector: &str,
        scope: &str,
        user: &str,
        day: NaiveDate,
        more: Value,
    ) {
        let mut line = origin(collector, scope, day);
        line["row"] = json!(self.lines.len().to_string());
        line["event_id"] = json!(format!("{collector} {}", self.lines.len()));
        let event = more["event"].as_str().unwrap_or("request_duo_chat_response").to_owned();
        let fields = event_of(user, day, &event, more);
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        self.lines.push(line.to_string());
    }

    /// Adds a seat list: holders, and their last day of activity in GitLab.
    pub(crate) fn seats(&mut self, day: NaiveDate, holders: &[(&str, Option<NaiveDate>)]) {
        for (user, last) in holders {
            let fields = json!({"type": "seat", "user": user, "assigned": true, "add_on": "DUO_ENTERPRISE",
                "last_duo_activity_on": last.map(|last| last.to_string())});
            self.add("seats", "acme", day, fields);
        }
    }

    /// The records with their coverage lines.
    pub(crate) fn covered(&self) -> Vec<String> {
        let coverage = self.rows.iter().map(|((collector, scope, day), rows)| {
            let mut line = origin(collector, scope, *day);
            line["type"] = json!("coverage");
            let is_partial =
                self.partial.contains(day) || self.partial_collectors.contains(&(collector.clone(), *day));
            line["status"] = json!(if is_partial { "partial" } else { "complete" });
            line["rows"] = json!(rows);
            line["reason"] = Value::Null;
            line.to_string()
        });
        let fetched = |line: String| match self.fetched {
            Some(moment) => {
                let mut line: Value = serde_json::from_str(&line).expect("JSON");
                line["fetched_at"] = json!(moment);
                line.to_string()
            }
            None => line,
        };
        self.lines.iter().cloned().chain(coverage).map(fetched).collect()
    }

    /// The metric lines up to a day.
    pub(crate) fn metrics(&self, until: NaiveDate, more: &[&str]) -> Vec<Value> {
        let lines = self.covered();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let until = until.to_string();
        let arguments = [&["aggregate", "--until", &until], more].concat();
        let normalized =
            run_command(bare_command(folder.path(), &["normalize"]), lines.join("\n").as_bytes());
        assert_eq!(normalized.code, 0, "{}", normalized.stderr);
        let aggregated = run_command(bare_command(folder.path(), &arguments), &normalized.stdout);
        // A stream may contain events and totals of GitLab that differ on purpose.
        let differs = aggregated.code == 3 && aggregated.stderr.contains("differ from GitLab's own count");
        assert!(aggregated.code == 0 || differs, "{}", aggregated.stderr);
        lines_of(&aggregated.stdout, "metric")
    }
}

pub(crate) fn event_of(user: &str, day: NaiveDate, event: &str, more: Value) -> Value {
    let feature = duo_metrics::events::features::feature_of(event);
    let mut fields = json!({"type": "event", "ts": format!("{day}T10:00:00Z"), "event": event, "feature": feature,
        "user": user, "bot": user.ends_with("bot")});
    fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    fields
}

pub(crate) fn origin(collector: &str, scope: &str, day: NaiveDate) -> Value {
    // Seat lists are fetched on their day, everything else after the end of its day.
    let fetched = if collector == "seats" { day } else { day.succ_opt().expect("a day") };
    json!({"instance": INSTANCE, "collector": collector, "scope": scope, "day": day.to_string(),
        "fetched_at": format!("{fetched}T03:00:00Z")})
}

/// The only line of a metric, grain, start and dimensions.
pub(crate) fn line<'a>(lines: &'a [Value], metric: &str, grain: &str, start: &str, by: &Value) -> &'a Value {
    line_of(lines, "acme", metric, grain, start, by)
}

/// The same in another scope. `by` may also contain the population. Of windows, the newest.
pub(crate) fn line_of<'a>(
    lines: &'a [Value],
    scope: &str,
    metric: &str,
    grain: &str,
    start: &str,
    by: &Value,
) -> &'a Value {
    let mut dimensions = by.clone();
    let population = dimensions.as_object_mut().and_then(|by| by.remove("population")).unwrap_or(Value::Null);
    let found = lines.iter().filter(|line| {
        line["scope"] == scope
            && line["metric"] == metric
            && line["grain"] == grain
            && line["by"] == dimensions
            && line["population"] == population
            && (start.is_empty() || line["start"] == start)
    });
    let found: Vec<&Value> = found.collect();
    let newest = found.iter().copied().max_by_key(|line| line["end"].as_str());
    assert!(found.len() < 2 || grain == "window", "two of {metric} {grain} {start} {by}");
    newest.unwrap_or_else(|| panic!("no {metric} {grain} {start} {by}"))
}

pub(crate) fn value<'a>(lines: &'a [Value], metric: &str, grain: &str, start: &str, by: &Value) -> &'a Value {
    &line(lines, metric, grain, start, by)["value"]
}
