//! `started-before-created`: a session starts before there is one.

use crate::events::catalog::Role;
use crate::lint::rule::{Check, EVERY, Rule, Severity, events};
use crate::lint::session::Session;

pub(super) const RULE: Rule = Rule {
    id: "started-before-created",
    severity: Severity::Warning,
    profiles: EVERY,
    title: "A session is created before it starts",
    explanation: "GitLab records created when the row of the session is made, and started when it runs. The other way round, clocks differ or \
        two sessions share an id, and waiting times come out negative.",
    passes: events(
        r#"{"event":"AGENT_PLATFORM_SESSION_CREATED","timestamp":"2026-10-01T09:00:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}
{"event":"AGENT_PLATFORM_SESSION_STARTED","timestamp":"2026-10-01T09:00:04Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}"#,
    ),
    fails: events(
        r#"{"event":"AGENT_PLATFORM_SESSION_STARTED","timestamp":"2026-10-01T09:00:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}
{"event":"AGENT_PLATFORM_SESSION_CREATED","timestamp":"2026-10-01T09:00:04Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &Session<'_>) -> Vec<(usize, String)> {
    let Some((_, created)) = session.those(&[Role::Created]).next() else { return Vec::new() };
    session
        .those(&[Role::Started])
        .filter(|(_, step)| step.at < created.at)
        .map(|(number, step)| {
            let milliseconds = created.at - step.at;
            (number, format!("the session started {milliseconds} ms before it was created"))
        })
        .collect()
}
