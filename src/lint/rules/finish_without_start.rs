//! `finish-without-start`: GitLab reports the end of a session but not its start.

use crate::events::catalog::Role;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::lint::session::SessionTimeline;

pub(super) const RULE: Rule = Rule {
    id: "finish-without-start",
    severity: Severity::Info,
    profiles: ALL_PROFILES,
    title: "A finished session was created or started",
    explanation: "GitLab records the events created and started of every session, so this session \
                  probably began before the first fetched day. Its duration is unknown.",
    passes: event_example(
        r#"{"event":"AGENT_PLATFORM_SESSION_FINISHED","timestamp":"2026-10-01T09:01:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}
{"event":"AGENT_PLATFORM_SESSION_CREATED","timestamp":"2026-10-01T09:00:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}"#,
    ),
    fails: event_example(
        r#"{"event":"AGENT_PLATFORM_SESSION_FINISHED","timestamp":"2026-10-01T09:01:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &SessionTimeline<'_>) -> Vec<(usize, String)> {
    let start = session.first_start();
    session
        .with_roles(&[Role::Finished])
        .filter(|(_, step)| start.is_none_or(|start| start > step.at))
        .map(|(index, _)| {
            (index, "the session finished, but no earlier event created or started it".to_owned())
        })
        .collect()
}
