//! `standard-context-missing`: an event without a Standard Context.

use crate::lint::event::LintEvent;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};

pub(super) const RULE: Rule = Rule {
    id: "standard-context-missing",
    severity: Severity::Error,
    profiles: ALL_PROFILES,
    title: "A Snowplow event has a Standard Context",
    explanation: "The Standard Context identifies instance, user, project and namespace. GitLab's \
                  trackers always send it; without it an event cannot be assigned to an instance.",
    passes: event_example(
        r#"{"event":"struct","event_id":"0b2c1a9e-0000-4000-8000-000000000001","derived_tstamp":"2026-10-01T09:00:00.000Z","se_category":"chat","se_action":"request_duo_workflow","se_value":4711.0,"contexts_com_gitlab_gitlab_standard_1":[{"environment":"production","realm":"saas","instance_id":"i","unique_instance_id":"u","host_name":"gitlab.example.com","global_user_id":"g","deployment_type":".com"}],"contexts_com_gitlab_ai_context_1":[{"session_id":"4711"}]}"#,
    ),
    fails: event_example(
        r#"{"event":"struct","event_id":"0b2c1a9e-0000-4000-8000-000000000001","derived_tstamp":"2026-10-01T09:00:00.000Z","se_category":"chat","se_action":"request_duo_workflow","se_value":4711.0,"contexts_com_gitlab_ai_context_1":[{"session_id":"4711"}]}"#,
    ),
    check: Check::Event(check),
};

fn check(event: &LintEvent<'_>) -> Option<String> {
    (event.is_snowplow() && event.observation.standard.is_none())
        .then(|| "the event has no Standard Context".to_owned())
}
