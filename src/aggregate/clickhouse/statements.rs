//! The statements, as files: what `duo-metrics sql` prints is what is sent.

use crate::events::agents::{CANCELLED, Role, Step, has_failed};
use crate::events::catalog::{self, CALL_OF_MODEL};
use crate::events::features::numbers;

const SCHEMA: &str = include_str!("schema.sql");
const CLUSTER: &str = include_str!("cluster.sql");

const LINES: &str = include_str!("lines.sql");
const USAGE: &str = include_str!("usage.sql");
const SESSIONS: &str = include_str!("sessions.sql");
const AGENTS: &str = include_str!("agents.sql");
const PARTS: &str = include_str!("parts.sql");

/// The version of the schema that is read and written.
pub(super) const VERSION: &str = "2";

/// The version of the schema that is there, on every shard.
pub(super) const VERSION_THERE: &str = "SELECT DISTINCT version FROM duo_schema FORMAT TabSeparatedRaw";

/// Tables and views for one server, or for each node of a cluster.
pub fn schema(cluster: Option<&str>) -> String {
    match cluster {
        None => SCHEMA.replace("{local}", ""),
        Some(cluster) => {
            format!("{}\n{}", SCHEMA.replace("{local}", "_local"), CLUSTER.replace("{cluster}", cluster))
        }
    }
}

/// The statements whose answers are all that is there: the lines that are kept as they are, and the rollup lines of each
/// kind. What the events of agents mean is told to them as lists of names.
pub fn rollups() -> [String; 4] {
    let names: Vec<&str> = agent_events().collect();
    let of_role =
        |is: fn(Role) -> bool| names.iter().copied().filter(move |name| Role::of(name).is_some_and(is));
    let tools = || of_role(|role| role.is_tool_call);
    let steps = || {
        of_role(|role| role.step.is_some()).flat_map(|name| {
            let step = |outcome| Role::of(name).and_then(|role| role.step(outcome)).map(word);
            [(name.to_owned(), step(None)), (format!("{name} {CANCELLED}"), step(Some(CANCELLED)))]
        })
    };
    let lists = [
        ("{parts}", PARTS.trim_end().to_owned()),
        ("{cancelled}", CANCELLED.to_owned()),
        ("{agent_events}", listed(of_role(|role| !role.tells_tokens))),
        ("{step_events}", listed(steps().map(|(name, _)| name))),
        ("{steps}", listed(steps().filter_map(|(_, step)| step))),
        ("{tools}", listed(tools())),
        ("{succeeded_tools}", listed(tools().filter(|name| has_failed(name, None) == Some(false)))),
        ("{failed_tools}", listed(tools().filter(|name| has_failed(name, None) == Some(true)))),
        ("{call_of_model}", CALL_OF_MODEL.to_owned()),
    ];
    [LINES, USAGE, SESSIONS, AGENTS].map(|statement| {
        lists.iter().fold(statement.to_owned(), |statement, (place, list)| statement.replace(place, list))
    })
}

/// What of the extras of GitLab's usage events counts.
const EXTRAS: &str = "session_id|flow_type|environment|tool_name|has_tool_call_success|model_name|language|suggestion_size|ide_name";

/// A value that is spelled plainly, and a pair of an object, as regular expressions in quotes of SQL.
const VALUE: &str = r#"(?:"[^"\\\x00-\x1f]*"|-?(?:0|[1-9][0-9]*)|true|false|null)"#;
const PAIR: &str = r#""[A-Za-z0-9_]+":"#;

/// A statement about a table of GitLab's own, from one day to another one.
pub(super) fn of_gitlab(statement: &str, table: &str, (first, last): (&str, &str)) -> String {
    let is_step = |event: &str| Role::of(event).is_some_and(|role| role.step.is_some());
    let steps = numbers().filter(|(_, event)| is_step(event)).map(|(number, _)| number.to_string());
    [
        ("{table}", table),
        ("{first}", first),
        ("{last}", last),
        ("{pair}", &format!("{PAIR}{VALUE}")),
        ("{value}", VALUE),
        ("{counted}", EXTRAS),
        ("{step_numbers}", &steps.collect::<Vec<_>>().join(", ")),
    ]
    .iter()
    .fold(statement.to_owned(), |statement, (place, text)| statement.replace(place, text))
}

/// The names of events that are something to agents.
fn agent_events() -> impl Iterator<Item = &'static str> {
    let names = catalog::entries().flat_map(|entry| [Some(entry.name), entry.older_name]).flatten();
    names.filter(|name| Role::of(name).is_some())
}

/// The word for a step in the streams.
fn word(step: Step) -> String {
    match serde_json::to_value(step) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("a step is a word"),
    }
}

/// Names as a list of SQL. None holds a sign that SQL escapes.
fn listed(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    names.map(|name| format!("'{}'", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A statement as HTTP takes it: servers of old take neither comments nor a semicolon there.
pub(super) fn bare(statement: &str) -> String {
    let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_end_matches(|sign: char| sign == ';' || sign.is_whitespace()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left_and_the_version_is_the_one_that_is_asked_for() {
        for schema in [schema(None), schema(Some("duo"))] {
            assert!(!schema.contains(['{', '}']), "{schema}");
            assert!(schema.contains(&format!("SELECT toUInt32({VERSION}) AS version")));
        }
        assert!(schema(Some("duo")).contains("Distributed(duo, currentDatabase(), duo_events_local"));
        assert!(!schema(None).contains("duo_events_local"), "a single server has one table of each");
    }

    #[test]
    fn a_bare_statement_has_no_comment_and_no_semicolon() {
        assert_eq!(bare("-- a; b\nSELECT 1 -- one\n  -- c\n;\n"), "SELECT 1 -- one");
        for statement in rollups() {
            assert!(!bare(&statement).contains(';') && !bare(&statement).contains("--"), "{statement}");
            assert!(!statement.contains(['{', '}']), "{statement}");
        }
    }

    #[test]
    fn statements_about_the_tables_of_gitlab_have_all_their_lists() {
        for statement in [
            include_str!("gitlab_rows.sql"),
            include_str!("gitlab_usage_events.sql"),
            include_str!("gitlab_code_suggestion_events.sql"),
        ] {
            let statement = of_gitlab(statement, "ai_usage_events", ("2026-10-01", "2026-10-31"));
            let is_name = |text: &str| {
                !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_lowercase() || sign == b'_')
            };
            let places = statement.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
            assert!(places.clone().all(|(place, _)| !is_name(place)), "{statement}");
            assert!(!statement.contains("SETTINGS") && statement.contains("FROM ai_usage_events FINAL"));
        }
        assert!(of_gitlab("({step_numbers})", "", ("", "")).starts_with("(8, 9, 19,"));
    }
}
