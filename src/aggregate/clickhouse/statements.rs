//! The SQL statements, one file each. `duo-metrics sql` prints exactly what is sent.

use crate::events::agents::{AgentRole, CANCELLED, Step, has_failed};
use crate::events::catalog::{self, MODEL_CALL_PREFIX};
use crate::events::features::numbers;

const SCHEMA: &str = include_str!("schema.sql");
const CLUSTER: &str = include_str!("cluster.sql");

const LINES: &str = include_str!("lines.sql");
const USAGE: &str = include_str!("usage.sql");
const SESSIONS: &str = include_str!("sessions.sql");
const AGENTS: &str = include_str!("agents.sql");
const PARTS: &str = include_str!("parts.sql");

/// The version of the schema that this program reads and writes.
pub(super) const VERSION: &str = "3";

/// Selects the schema version of every shard.
pub(super) const SELECT_VERSION: &str = "SELECT DISTINCT version FROM duo_schema FORMAT TabSeparatedRaw";

/// The tables and views of one server, or of each node of a cluster.
pub fn schema(cluster: Option<&str>) -> String {
    match cluster {
        None => SCHEMA.replace("{local}", ""),
        Some(cluster) => {
            format!("{}\n{}", SCHEMA.replace("{local}", "_local"), CLUSTER.replace("{cluster}", cluster))
        }
    }
}

/// The statements that return everything: the stored lines unchanged, and the rollup lines of each
/// kind. They take the roles of agent events as lists of names.
pub fn rollups() -> [String; 4] {
    let names: Vec<&str> = agent_events().collect();
    let of_role = |is: fn(AgentRole) -> bool| {
        names.iter().copied().filter(move |name| AgentRole::of(name).is_some_and(is))
    };
    let tools = || of_role(|role| role.is_tool_call);
    let steps = || {
        of_role(|role| role.step.is_some()).flat_map(|name| {
            let step = |outcome| AgentRole::of(name).and_then(|role| role.step(outcome)).map(step_name);
            [(name.to_owned(), step(None)), (format!("{name} {CANCELLED}"), step(Some(CANCELLED)))]
        })
    };
    let lists = [
        ("{parts}", PARTS.trim_end().to_owned()),
        ("{cancelled}", CANCELLED.to_owned()),
        ("{agent_events}", sql_list(of_role(|role| !role.reports_tokens))),
        ("{step_events}", sql_list(steps().map(|(name, _)| name))),
        ("{steps}", sql_list(steps().filter_map(|(_, step)| step))),
        ("{tools}", sql_list(tools())),
        ("{succeeded_tools}", sql_list(tools().filter(|name| has_failed(name, None) == Some(false)))),
        ("{failed_tools}", sql_list(tools().filter(|name| has_failed(name, None) == Some(true)))),
        ("{call_of_model}", MODEL_CALL_PREFIX.to_owned()),
    ];
    [LINES, USAGE, SESSIONS, AGENTS].map(|statement| {
        lists
            .iter()
            .fold(statement.to_owned(), |statement, (placeholder, list)| statement.replace(placeholder, list))
    })
}

/// The extras of GitLab's usage events that are counted, as a regular expression.
const EXTRAS: &str = "session_id|flow_type|environment|tool_name|has_tool_call_success|model_name|language|suggestion_size|ide_name";

/// A canonical JSON value, and the key of a pair of an object, as regular expressions within SQL
/// quotes.
const VALUE: &str = r#"(?:"[^"\\\x00-\x1f]*"|-?(?:0|[1-9][0-9]*)|true|false|null)"#;
const PAIR: &str = r#""[A-Za-z0-9_]+":"#;

/// A statement about one of GitLab's own tables, for a range of days.
pub(super) fn gitlab_statement(statement: &str, table: &str, first: &str, last: &str) -> String {
    let is_step = |event: &str| AgentRole::of(event).is_some_and(|role| role.step.is_some());
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
    .fold(statement.to_owned(), |statement, (placeholder, text)| statement.replace(placeholder, text))
}

/// The names of the events that have a role for agents.
fn agent_events() -> impl Iterator<Item = &'static str> {
    let names = catalog::entries().flat_map(|entry| [Some(entry.name), entry.former_name]).flatten();
    names.filter(|name| AgentRole::of(name).is_some())
}

/// The name of a step in the streams.
fn step_name(step: Step) -> String {
    match serde_json::to_value(step) {
        Ok(serde_json::Value::String(step_name)) => step_name,
        _ => unreachable!("a step serializes as a string"),
    }
}

/// Names as an SQL list. No name contains a character that SQL escapes.
fn sql_list(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    names.map(|name| format!("'{}'", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A statement as HTTP accepts it: old servers accept neither comments nor a semicolon.
pub(super) fn strip_comments(statement: &str) -> String {
    let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_end_matches(|character: char| character == ';' || character.is_whitespace()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_has_no_placeholder_and_the_expected_version() {
        for schema in [schema(None), schema(Some("duo"))] {
            assert!(!schema.contains(['{', '}']), "{schema}");
            assert!(schema.contains(&format!("SELECT toUInt32({VERSION}) AS version")));
        }
        assert!(schema(Some("duo")).contains("Distributed(duo, currentDatabase(), duo_events_local"));
        assert!(!schema(None).contains("duo_events_local"), "a single server has one table of each");
    }

    #[test]
    fn strips_comments_and_the_semicolon() {
        assert_eq!(strip_comments("-- a; b\nSELECT 1 -- one\n  -- c\n;\n"), "SELECT 1 -- one");
        for statement in rollups() {
            assert!(
                !strip_comments(&statement).contains(';') && !strip_comments(&statement).contains("--"),
                "{statement}"
            );
            assert!(!statement.contains(['{', '}']), "{statement}");
        }
    }

    #[test]
    fn gitlab_statements_have_no_placeholder() {
        for statement in [
            include_str!("gitlab_rows.sql"),
            include_str!("gitlab_usage_events.sql"),
            include_str!("gitlab_code_suggestion_events.sql"),
        ] {
            let statement = gitlab_statement(statement, "ai_usage_events", "2026-10-01", "2026-10-31");
            let is_name = |text: &str| {
                !text.is_empty()
                    && text.bytes().all(|character| character.is_ascii_lowercase() || character == b'_')
            };
            let placeholders = statement.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
            assert!(placeholders.clone().all(|(placeholder, _)| !is_name(placeholder)), "{statement}");
            assert!(!statement.contains("SETTINGS") && statement.contains("FROM ai_usage_events FINAL"));
        }
        assert!(gitlab_statement("({step_numbers})", "", "", "").starts_with("(8, 9, 19,"));
    }
}
