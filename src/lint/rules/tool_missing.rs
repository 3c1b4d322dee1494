//! `tool-missing`: a tool call without the name of the tool.

use serde_json::Value;

use crate::events::catalog::Role;
use crate::lint::event::LintEvent;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "tool-missing",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A tool event names the tool",
    explanation: "duo_workflow_tool_success and duo_workflow_tool_failure have the tool name as \
                  property, MCP tool calls have it as tool_name. Without it the call counts for no \
                  tool.",
    passes: event_example(
        r#"{"event":"duo_workflow_tool_failure","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"property":"read_file","error_type":"ToolException"},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"duo_workflow_tool_failure","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"additional_properties":{"error_type":"ToolException"},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    let (field, tool) = match event.info.role? {
        Role::ToolSucceeded | Role::ToolFailed => ("property", event.observation.property.as_ref()),
        Role::McpStarted | Role::McpFinished => ("tool_name", event.observation.extra.get("tool_name")),
        _ => return None,
    };
    let is_named = tool.and_then(Value::as_str).is_some_and(|tool| !tool.trim().is_empty());
    (!is_named && event.form() != Some(Form::GroupNode)).then(|| format!("{field} does not name the tool"))
}
