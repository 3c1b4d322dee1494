//! `unknown-event`: an event name that GitLab does not have.

use crate::lint::event::LintEvent;
use crate::lint::quote::sanitize;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "unknown-event",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "The event name is in GitLab's event catalog, or in a definition linted together with the events",
    explanation: "An unknown event name is counted as a separate feature. Two of GitLab's \
                  definition files are not named after their action: duo_workflow_pause.yml \
                  defines pause_duo_workflow, and duo_workflow_resume.yml defines \
                  resume_duo_workflow. For a custom event, pass its definition file together with \
                  the events.",
    passes: event_example(
        r#"{"event":"pause_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: event_example(
        r#"{"event":"duo_workflow_pause","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    // The service log omits the event name of calls outside of sessions.
    let is_logged_call = event.form() == Some(Form::ServiceCall) && event.info.is_token_usage();
    if event.info.is_known || is_logged_call || event.definition.is_some() || event.name.trim().is_empty() {
        return None;
    }
    let name = sanitize(event.observation.event.as_deref().unwrap_or_default());
    Some(match event.info.suggestion {
        Some(suggestion) => format!("GitLab has no event {name}; did you mean {suggestion}?"),
        None => format!("GitLab has no event {name}"),
    })
}
