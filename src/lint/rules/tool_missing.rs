//! `tool-missing`: the call of a tool without its name.

use serde_json::Value;

use crate::events::catalog::Role;
use crate::lint::facts::Facts;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "tool-missing",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A tool event tells the tool",
    explanation: "duo_workflow_tool_success and duo_workflow_tool_failure tell the tool as property, calls over the Model Context Protocol as \
        tool_name. Without it the call counts for no tool.",
    passes: events(
        r#"{"event":"duo_workflow_tool_failure","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"property":"read_file","error_type":"ToolException"},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"duo_workflow_tool_failure","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"error_type":"ToolException"},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    let (place, told) = match event.meaning.role? {
        Role::ToolSucceeded | Role::ToolFailed => ("property", event.told.property.as_ref()),
        Role::McpStarted | Role::McpFinished => ("tool_name", event.told.extra.get("tool_name")),
        _ => return None,
    };
    let is_told = told.and_then(Value::as_str).is_some_and(|tool| !tool.trim().is_empty());
    (!is_told && event.form() != Some(Form::GroupNode)).then(|| format!("{place} does not tell the tool"))
}
