//! `finish-without-start`: GitLab tells the end of a session whose start it does not tell.

use crate::events::catalog::Role;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::lint::session::Session;

pub(super) const RULE: Rule = Rule {
    id: "finish-without-start",
    severity: Severity::Info,
    profiles: EVERY,
    title: "A finished session was created or started",
    explanation: "GitLab records created and started of every session, so the window of what was fetched probably cuts this one. Its duration is \
        unknown.",
    passes: events(
        r#"{"event":"AGENT_PLATFORM_SESSION_FINISHED","timestamp":"2026-10-01T09:01:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}
{"event":"AGENT_PLATFORM_SESSION_CREATED","timestamp":"2026-10-01T09:00:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}"#,
    ),
    fails: events(
        r#"{"event":"AGENT_PLATFORM_SESSION_FINISHED","timestamp":"2026-10-01T09:01:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &Session<'_>) -> Vec<(usize, String)> {
    let start = session.first_start();
    session
        .those(&[Role::Finished])
        .filter(|(_, step)| start.is_none_or(|start| start > step.at))
        .map(|(number, _)| {
            (number, "the session finished, and nothing before it created or started it".to_owned())
        })
        .collect()
}
