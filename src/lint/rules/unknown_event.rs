//! `unknown-event`: a name that GitLab does not have.

use crate::lint::facts::Facts;
use crate::lint::quote::shown;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::normalize::sources::Form;

pub(super) const RULE: Rule = Rule {
    id: "unknown-event",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "The name is one that GitLab has, or that a definition beside it defines",
    explanation: "A name that nobody knows is counted as a feature of its own. Two definition files of GitLab are not named after their \
        action: duo_workflow_pause.yml defines pause_duo_workflow and duo_workflow_resume.yml resume_duo_workflow. For an event of your \
        own, name its definition file beside the events: then it is known.",
    passes: events(
        r#"{"event":"pause_duo_workflow","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    fails: events(
        r#"{"event":"duo_workflow_pause","timestamp":"2026-10-01T09:00:00Z","user":{"id":42},"ai_context":{"session_id":"4711"}}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &Facts<'_>) -> Option<String> {
    // A log tells calls outside of sessions without the name of their event.
    let is_call_of_log = event.form() == Some(Form::ServiceCall) && event.meaning.is_token_usage();
    if event.meaning.is_known || is_call_of_log || event.definition.is_some() || event.name.trim().is_empty()
    {
        return None;
    }
    let name = shown(event.told.event.as_deref().unwrap_or_default());
    Some(match event.meaning.meant {
        Some(meant) => format!("{name} is no event that GitLab has; {meant} is"),
        None => format!("{name} is no event that GitLab has"),
    })
}
