//! `started-before-created`: a session that starts before it is created.

use crate::events::catalog::Role;
use crate::lint::rule::{ALL_PROFILES, Check, Rule, Severity, event_example};
use crate::lint::session::SessionTimeline;

pub(super) const RULE: Rule = Rule {
    id: "started-before-created",
    severity: Severity::Warning,
    profiles: ALL_PROFILES,
    title: "A session is created before it starts",
    explanation: "GitLab records created when the session row is inserted, and started when it \
                  runs. If they are reversed, clocks differ or two sessions share an id, and \
                  waiting times are negative.",
    passes: event_example(
        r#"{"event":"AGENT_PLATFORM_SESSION_CREATED","timestamp":"2026-10-01T09:00:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}
{"event":"AGENT_PLATFORM_SESSION_STARTED","timestamp":"2026-10-01T09:00:04Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}"#,
    ),
    fails: event_example(
        r#"{"event":"AGENT_PLATFORM_SESSION_STARTED","timestamp":"2026-10-01T09:00:00Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}
{"event":"AGENT_PLATFORM_SESSION_CREATED","timestamp":"2026-10-01T09:00:04Z","user":{"id":"gid://gitlab/User/42"},"namespacePath":"9970/","extras":{"session_id":4711,"environment":"ambient"}}"#,
    ),
    check: Check::Session(check),
};

fn check(session: &SessionTimeline<'_>) -> Vec<(usize, String)> {
    let Some((_, created)) = session.with_roles(&[Role::Created]).next() else { return Vec::new() };
    session
        .with_roles(&[Role::Started])
        .filter(|(_, step)| step.at < created.at)
        .map(|(index, step)| {
            let milliseconds = created.at - step.at;
            (index, format!("the session started {milliseconds} ms before it was created"))
        })
        .collect()
}
