//! Agent sessions as GitLab aggregates them.

use stand_in::Session;

use super::*;

/// Which of GitLab's aggregates counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    /// `duoWorkflows`: the sessions with their status.
    Flows,
    /// `agentPlatformSessions`: the sessions with a created event, and whether they finished.
    Sessions,
}

/// A session of one day.
struct Counted<'a> {
    session: &'a Session,
    day: NaiveDate,
    flow: &'a str,
    version: Option<&'a str>,
    status: &'static str,
    project: String,
}

/// The metric lines of sessions from this aggregate: one scope per group, and the union if there are
/// several.
pub(crate) fn aggregated_sessions(
    collected: &Collected<'_>,
    aggregate: Aggregate,
    groups: &[&str],
    with_durations: bool,
) -> Lines {
    let mut lines = Lines::new();
    let mut scopes: Vec<(&str, Vec<&str>)> = groups.iter().map(|group| (*group, vec![*group])).collect();
    if groups.len() > 1 {
        scopes.push(("*", groups.to_vec()));
    }
    for (name, groups) in scopes {
        let groups: Vec<usize> =
            groups.iter().map(|group| collected.organization.group(group).expect("a group")).collect();
        for period in periods(collected.since, collected.until) {
            let mut put = |metric: &str, by: &[(&str, &str)], number: Number| {
                let by: Value = by.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
                let line = json!({"metric": metric, "scope": name, "grain": period.grain, "by": by,
                    "start": period.start.to_string(), "end": period.end.to_string(), "value": number.value,
                    "n": number.n, "of": number.of, "people": number.people, "basis": number.basis,
                    "reason": number.reason, "source": "gitlab_aggregate"});
                assert!(lines.insert(key(&line), line).is_none(), "twice: {metric} {by}");
            };
            of_period(collected, aggregate, &groups, period, with_durations, &mut put);
        }
    }
    lines
}

fn of_period(
    collected: &Collected<'_>,
    aggregate: Aggregate,
    groups: &[usize],
    period: Period,
    with_durations: bool,
    put: &mut Put<'_>,
) {
    let sessions: Vec<Counted<'_>> = collected
        .organization
        .sessions
        .iter()
        .filter(|session| groups.contains(&session.group))
        .filter_map(|session| counted(collected, aggregate, session))
        .filter(|counted| {
            (period.start..=period.end).contains(&counted.day) && collected.in_range(counted.day)
        })
        .collect();
    let flows: BTreeSet<&str> = sessions.iter().map(|counted| counted.flow).collect();
    for flow in std::iter::once(None).chain(flows.into_iter().map(Some)) {
        let of_flow: Vec<&Counted<'_>> =
            sessions.iter().filter(|counted| flow.is_none_or(|flow| counted.flow == flow)).collect();
        put_sessions(collected, aggregate, flow, &of_flow, period, put);
        if with_durations && period.grain != "day" {
            put_durations(collected, groups, flow, &of_flow, period, put);
        }
    }
    if sessions.iter().any(|counted| counted.version.is_some()) {
        let flows: BTreeSet<(&str, &str)> =
            sessions.iter().map(|counted| (counted.flow, counted.version.unwrap_or("(none)"))).collect();
        for (flow, version) in flows {
            let is_meant = |counted: &&Counted<'_>| {
                (counted.flow, counted.version.unwrap_or("(none)")) == (flow, version)
            };
            let of_version: Vec<&Counted<'_>> = sessions.iter().filter(is_meant).collect();
            let by = [("flow", flow), ("flow_version", version)];
            put_split(collected, aggregate, &by, &of_version, period, put);
        }
    }
    let projects: BTreeSet<&str> = sessions.iter().map(|counted| &*counted.project).collect();
    if projects.iter().any(|project| *project != "(none)") {
        for project in projects {
            let inside: Vec<&Counted<'_>> =
                sessions.iter().filter(|counted| counted.project == project).collect();
            let by = [("project", project)];
            put("agents.sessions", &by, count(inside.len(), Some(people(collected, &inside))));
        }
    }
}

fn counted<'a>(collected: &Collected<'a>, aggregate: Aggregate, session: &'a Session) -> Option<Counted<'a>> {
    let (at, status) = match aggregate {
        Aggregate::Flows => {
            let waiting = ["created", "running", "paused", "input_required", "plan_approval_required"];
            let status = match session.status {
                "finished" => "finished",
                "failed" => "failed",
                "stopped" => "stopped",
                "tool_call_approval_required" => "open",
                status if waiting.contains(&status) => "open",
                _ => "other",
            };
            (session.began_at, status)
        }
        Aggregate::Sessions => {
            (session.created_at?, if session.finished_at.is_some() { "finished" } else { "other" })
        }
    };
    let projects = &collected.organization.projects;
    let project = session.project.map(|project| projects[project].full_path.clone());
    Some(Counted {
        session,
        day: at.date_naive(),
        flow: session.flow_type.trim_end_matches("/v1"),
        version: session.flow_type.split_once('/').map(|(_, version)| version),
        status,
        project: project.unwrap_or("(none)".to_owned()),
    })
}

/// The number of distinct people, without bots.
fn people(collected: &Collected<'_>, sessions: &[&Counted<'_>]) -> usize {
    let of_people = sessions.iter().filter(|counted| !collected.is_bot(counted.session.person, counted.day));
    of_people.map(|counted| counted.session.person).collect::<BTreeSet<_>>().len()
}

fn put_sessions(
    collected: &Collected<'_>,
    aggregate: Aggregate,
    flow: Option<&str>,
    sessions: &[&Counted<'_>],
    period: Period,
    put: &mut Put<'_>,
) {
    let by: Vec<(&str, &str)> = flow.map(|flow| ("flow", flow)).into_iter().collect();
    let with = |statuses: &[&str]| -> Vec<&Counted<'_>> {
        sessions.iter().copied().filter(|counted| statuses.contains(&counted.status)).collect()
    };
    put_split(collected, aggregate, &by, sessions, period, put);
    for status in ["finished", "failed", "stopped", "open", "other"] {
        let found = with(&[status]);
        if !found.is_empty() {
            let by = [&*by, &[("status", status)]].concat();
            put("agents.sessions", &by, count(found.len(), Some(people(collected, &found))));
        }
    }
    if period.grain != "day" {
        let finished = with(&["finished"]).len() as f64;
        let users = people(collected, sessions);
        put("agents.completion_rate", &by, rate(finished, sessions.len() as f64, Some(users)));
    }
}

/// The metrics that are also split by version.
fn put_split(
    collected: &Collected<'_>,
    aggregate: Aggregate,
    by: &[(&str, &str)],
    sessions: &[&Counted<'_>],
    period: Period,
    put: &mut Put<'_>,
) {
    let with = |statuses: &[&str]| -> Vec<&Counted<'_>> {
        sessions.iter().copied().filter(|counted| statuses.contains(&counted.status)).collect()
    };
    let users = people(collected, sessions);
    put("agents.sessions", by, count(sessions.len(), Some(users)));
    put("agents.users", by, based(count(users, Some(users)), sessions.len(), sessions.len()));
    if period.grain == "day" || by.contains(&("flow", "chat")) {
        return;
    }
    let without_chat = |found: Vec<&'_ Counted<'_>>| -> usize {
        found.iter().filter(|counted| counted.flow != "chat").count()
    };
    let mut ended = with(&["finished", "failed", "stopped"]);
    ended.retain(|counted| counted.flow != "chat");
    let number = if aggregate == Aggregate::Sessions && without_chat(with(&["other"])) > 0 {
        unknown("not_in_source")
    } else {
        let finished = without_chat(with(&["finished"])) as f64;
        rate(finished, ended.len() as f64, Some(people(collected, &ended)))
    };
    put("agents.success_rate", by, number);
}

/// GitLab's durations, of the sessions created from the first day of the period to the last day
/// requested, even those before the first requested day.
fn put_durations(
    collected: &Collected<'_>,
    groups: &[usize],
    flow: Option<&str>,
    sessions: &[&Counted<'_>],
    period: Period,
    put: &mut Put<'_>,
) {
    let by: Vec<(&str, &str)> = flow.map(|flow| ("flow", flow)).into_iter().collect();
    let last = period.end.min(collected.until);
    // Only the durations of the last window are requested.
    let is_earlier_window = period.grain == "window" && period.end != collected.until;
    let created: Vec<&Session> = collected
        .organization
        .sessions
        .iter()
        .filter(|session| groups.contains(&session.group))
        .filter(|session| flow.is_none_or(|flow| session.flow_type.trim_end_matches("/v1") == flow))
        .filter(|session| {
            session.created_at.is_some_and(|at| (period.start..=last).contains(&at.date_naive()))
        })
        .collect();
    let mut seconds: Vec<i64> = created.iter().filter_map(|session| session.seconds()).collect();
    seconds.sort_unstable();
    let finished: Vec<&Counted<'_>> =
        sessions.iter().copied().filter(|counted| counted.status == "finished").collect();
    let users: BTreeSet<usize> = created.iter().map(|session| session.person).collect();
    let known = people(collected, &finished);
    let people = if known > 0 { known } else { users.len() };
    for (stat, share) in [("p50", 0.5), ("p95", 0.95)] {
        let by = [&*by, &[("stat", stat)]].concat();
        // Quantiles of two groups cannot be merged.
        let number = if sessions.is_empty() {
            Number { n: json!(0), people: json!(0), ..unknown("nothing_shown") }
        } else if groups.len() > 1 || created.is_empty() || is_earlier_window {
            unknown("not_in_source")
        } else if seconds.is_empty() {
            Number { n: json!(0), people: json!(people), ..unknown("nothing_shown") }
        } else {
            let place = share * (seconds.len() - 1) as f64;
            let (below, above) = (seconds[place.floor() as usize], seconds[place.ceil() as usize]);
            let value = below as f64 + (above - below) as f64 * (place - place.floor());
            let number = based(count(seconds.len(), Some(people)), seconds.len(), created.len());
            Number { value: json!(value), ..number }
        };
        put("agents.duration_seconds", &by, number);
    }
}
