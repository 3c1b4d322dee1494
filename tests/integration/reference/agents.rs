//! Agent sessions and GitLab Credits.

use super::*;

/// Metrics that groups and the instance cannot provide: tool calls and tokens.
const UNAVAILABLE_AGENT_METRICS: [(&str, Option<&str>); 10] = [
    ("agents.tool_calls", None),
    ("agents.tool_failure_rate", None),
    ("agents.cache_hit_rate", None),
    ("agents.tokens", Some("input")),
    ("agents.tokens", Some("output")),
    ("agents.tokens", Some("cache_read")),
    ("agents.tokens", Some("cache_write_5m")),
    ("agents.tokens", Some("cache_write_1h")),
    ("agents.tokens", Some("cache_write")),
    ("agents.tokens", Some("gitlab_total")),
];

/// Adds the unavailable metrics of tools and tokens.
fn put_unavailable_work(period: Period, put: &mut Put<'_>) {
    for (metric, kind) in UNAVAILABLE_AGENT_METRICS.iter().filter(|_| period.grain != "day") {
        let by: Vec<(&str, &str)> = kind.map(|kind| ("kind", kind)).into_iter().collect();
        put(metric, &by, unknown("not_in_source"));
    }
}

fn is_of_session(event: &UsageEvent) -> bool {
    event.event.starts_with("AGENT_PLATFORM_SESSION_")
}

/// Groups have events of sessions, but not their ids: only those of a creation can be counted. They
/// report neither flow nor status.
pub(super) fn created_sessions(
    collected: &Collected<'_>,
    groups: &[usize],
    period: Period,
    put: &mut Put<'_>,
) {
    let events: Vec<&UsageEvent> = collected
        .organization
        .usage_events
        .iter()
        .filter(|event| groups.contains(&event.group) && is_of_session(event) && collected.has(event))
        .filter(|event| event.timestamp.date_naive() <= collected.until)
        .collect();
    let is_creation = |event: &&&UsageEvent| event.event == "AGENT_PLATFORM_SESSION_CREATED";
    let is_of_period =
        |event: &&&UsageEvent| (period.start..=period.end).contains(&event.timestamp.date_naive());
    let created: Vec<&UsageEvent> = events.iter().filter(is_creation).filter(is_of_period).copied().collect();
    if events.iter().filter(is_creation).count() > 0 {
        let people: BTreeSet<usize> =
            created.iter().filter(|event| !collected.is_of_bot(event)).map(|event| event.person).collect();
        let people = people.len();
        put_created(created.len(), people, &[], period, put);
        if !created.is_empty() {
            put_created(created.len(), people, &[("flow", "(none)")], period, put);
        }
    }
    if events.iter().filter(is_of_period).count() > 0 {
        put_unavailable_work(period, put);
    }
}

fn put_created(sessions: usize, people: usize, by: &[(&str, &str)], period: Period, put: &mut Put<'_>) {
    put("agents.sessions", by, count(sessions, Some(people)));
    put("agents.users", by, based(count(people, Some(people)), sessions, sessions));
    if sessions > 0 {
        put("agents.sessions", &[by, &[("status", "other")]].concat(), count(sessions, Some(people)));
    }
    if period.grain == "day" {
        return;
    }
    for metric in ["agents.success_rate", "agents.completion_rate"] {
        let number = if sessions > 0 { unknown("not_in_source") } else { rate(0.0, 0.0, Some(0)) };
        put(metric, by, number);
    }
    for stat in ["p50", "p95"] {
        let number = if sessions > 0 {
            unknown("not_in_source")
        } else {
            Number { n: json!(0), people: json!(0), ..unknown("nothing_shown") }
        };
        put("agents.duration_seconds", &[by, &[("stat", stat)]].concat(), number);
    }
}

/// The sessions in the events of the instance.
pub(super) fn sessions(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    struct ReferenceSession<'a> {
        flow: &'a str,
        version: Option<&'a str>,
        status: &'a str,
        person: usize,
        day: NaiveDate,
        seconds: Option<u64>,
    }
    let organization = collected.organization;
    let mut events: BTreeMap<u32, Vec<&UsageEvent>> = BTreeMap::new();
    let arrived = organization.usage_events.iter().filter(|event| {
        groups.contains(&event.group)
            && is_of_session(event)
            && collected.has(event)
            && event.timestamp.date_naive() <= collected.until
    });
    for event in arrived {
        events.entry(event.session.expect("an event of a session")).or_default().push(event);
    }
    let mut sessions = Vec::new();
    for (position, mut events) in events {
        events.sort_by_key(|event| event.timestamp);
        if !(period.start..=period.end).contains(&events[0].timestamp.date_naive()) {
            continue;
        }
        let ends = ["FINISHED", "DROPPED", "STOPPED"].map(|name| format!("AGENT_PLATFORM_SESSION_{name}"));
        let end = events.iter().rev().find(|event| ends.iter().any(|end| event.event == end));
        let of = |name: &str| events.iter().find(|event| event.event.ends_with(name));
        let start = of("_CREATED").or(of("_STARTED"));
        sessions.push(ReferenceSession {
            flow: organization.sessions[position as usize].flow_type.trim_end_matches("/v1"),
            version: organization.sessions[position as usize]
                .flow_type
                .split_once('/')
                .map(|(_, version)| version),
            status: end.map_or("open", |end| match end.event {
                "AGENT_PLATFORM_SESSION_FINISHED" => "finished",
                "AGENT_PLATFORM_SESSION_DROPPED" => "failed",
                _ => "stopped",
            }),
            person: events[0].person,
            day: events[0].timestamp.date_naive(),
            seconds: start
                .zip(end)
                .filter(|(start, end)| start.timestamp <= end.timestamp)
                .map(|(start, end)| u64::try_from((end.timestamp - start.timestamp).num_milliseconds()))
                .map(|milliseconds| milliseconds.expect("in order")),
        });
    }
    let people = |sessions: &[&ReferenceSession<'_>]| {
        let of_people = sessions.iter().filter(|session| !collected.is_bot(session.person, session.day));
        Some(of_people.map(|session| session.person).collect::<BTreeSet<_>>().len())
    };
    // Only the version in the name of the flow is known here.
    let has_version = sessions.iter().any(|session| session.version.is_some());
    let has_version_of_ended =
        sessions.iter().any(|session| session.version.is_some() && session.status != "open");
    let versions = sessions.iter().map(|session| (Some(session.flow), session.version));
    let flows = sessions.iter().map(|session| (Some(session.flow), None));
    let places: BTreeSet<(Option<&str>, Option<Option<&str>>)> = std::iter::once((None, None))
        .chain(flows)
        .chain(versions.map(|(flow, version)| (flow, Some(version))).filter(|_| has_version))
        .collect();
    for (flow, version) in places {
        let version_text = version.map(|version| version.unwrap_or("(none)"));
        let by: Vec<(&str, &str)> =
            [flow.map(|flow| ("flow", flow)), version_text.map(|text| ("flow_version", text))]
                .into_iter()
                .flatten()
                .collect();
        let sessions: Vec<&ReferenceSession<'_>> = sessions
            .iter()
            .filter(|session| flow.is_none_or(|flow| session.flow == flow))
            .filter(|session| version.is_none_or(|version| session.version == version))
            .collect();
        let of = |status: &str| {
            sessions.iter().copied().filter(|session| session.status == status).collect::<Vec<_>>()
        };
        put("agents.sessions", &by, count(sessions.len(), people(&sessions)));
        let statuses: &[&str] =
            if version.is_none() { &["finished", "failed", "stopped", "open"] } else { &[] };
        for status in statuses.iter().filter(|status| !of(status).is_empty()) {
            let by = [&*by, &[("status", *status)]].concat();
            put("agents.sessions", &by, count(of(status).len(), people(&of(status))));
        }
        let users = people(&sessions).expect("a number");
        put("agents.users", &by, based(count(users, Some(users)), sessions.len(), sessions.len()));
        if period.grain == "day" {
            continue;
        }
        let finished = of("finished").len() as f64;
        if version.is_none() {
            put("agents.completion_rate", &by, rate(finished, sessions.len() as f64, people(&sessions)));
        }
        if flow != Some("chat") {
            let ended: Vec<&ReferenceSession<'_>> = sessions
                .iter()
                .copied()
                .filter(|session| session.flow != "chat" && session.status != "open")
                .collect();
            let finished = ended.iter().filter(|session| session.status == "finished").count();
            put("agents.success_rate", &by, rate(finished as f64, ended.len() as f64, people(&ended)));
        }
        let ended: Vec<&ReferenceSession<'_>> =
            sessions.iter().copied().filter(|session| session.status != "open").collect();
        // A split of durations needs an ended session with a version, and has a line only where one ended.
        if version.is_some() && (!has_version_of_ended || ended.is_empty()) {
            continue;
        }
        let timed: Vec<&ReferenceSession<'_>> =
            ended.iter().copied().filter(|session| session.seconds.is_some()).collect();
        let times = timed.iter().filter_map(|session| session.seconds).collect();
        quantiles("agents.duration_seconds", &by, times, people(&timed), &mut |metric, by, number| {
            let in_seconds = number.value.as_u64().map(|value| json!(value as f64 / 1000.0));
            let number = Number { value: in_seconds.unwrap_or(Value::Null), ..number };
            put(metric, by, based(number, timed.len(), ended.len()));
        });
        for stat in ["active", "active_p95"] {
            let by = [&*by, &[("stat", stat)]].concat();
            let none = Number { n: json!(0), people: json!(0), ..unknown("nothing_shown") };
            put("agents.duration_seconds", &by, based(none, 0, ended.len()));
        }
    }
    if !sessions.is_empty() {
        put_unavailable_work(period, put);
    }
}

/// GitLab Credits: a session is charged when it was created.
pub(super) fn credits(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    if !["day", "month"].contains(&period.grain) {
        return;
    }
    // By day, group and part: hundredths of a credit.
    let mut used: BTreeMap<(NaiveDate, usize, (&str, &str)), u32> = BTreeMap::new();
    for session in &collected.organization.sessions {
        let Some(created_at) = session.created_at else { continue };
        if !groups.contains(&session.group) || !was_in(created_at, period, collected) {
            continue;
        }
        let product = match session.flow_type {
            "chat" => "duo_agentic_chat",
            "code_review/v1" => "code_review",
            _ => "duo_agent_platform",
        };
        let flow = session.flow_type.trim_end_matches("/v1");
        for part in [("", ""), ("product", product), ("flow", flow)] {
            *used.entry((created_at.date_naive(), session.group, part)).or_default() += session.credits;
        }
    }
    let mut days_of: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    for ((_, _, part), sum) in used {
        days_of.entry(part).or_default().push(sum);
    }
    for ((dimension, name), days) in days_of {
        let by: Vec<(&str, &str)> =
            Some((dimension, name)).filter(|(dimension, _)| !dimension.is_empty()).into_iter().collect();
        let sum: u32 = days.iter().sum();
        let number = count(days.len(), None);
        put("agents.credits", &by, Number { value: json!(f64::from(sum) / 100.0), ..number });
    }
}
