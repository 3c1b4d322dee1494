//! Sessions of agents that GitLab aggregated: which source counts, and what it reports.

use serde_json::{Value, json};

use crate::bench::{bare_command, lines_of, run_command};
use crate::stream::{Stream, day, days_between, line};

const TODAY: &str = "2026-10-31";

/// A row of sessions of a day.
fn sessions(on: &str, count: u64, more: Value) -> Value {
    let mut fields =
        json!({"type": "session_total", "start": on, "end": on, "sessions": count, "bot": false});
    fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    fields
}

fn of_day(stream: &Stream, metric: &str, on: &str, by: Value) -> Value {
    line(&stream.metrics(day(TODAY), &[]), metric, "day", on, &by).clone()
}

/// Value, people and source.
fn brief(line: &Value) -> (Value, Value, Value) {
    (line["value"].clone(), line["people"].clone(), line["source"].clone())
}

#[test]
fn each_day_comes_from_the_first_source_that_has_it_completely() {
    let all = ["agent_flows", "agent_sessions", "ai_metrics", "usage_events"];
    let counts = [5, 7, 11, 13];
    let with = |collectors: &[&str], partial: &[&str]| {
        let mut stream = Stream::default();
        for (collector, count) in all.iter().zip(counts).filter(|(name, _)| collectors.contains(name)) {
            let user = json!({"user": format!("{collector} person")});
            match *collector {
                "agent_flows" => {
                    let more = json!({"user": user["user"], "status": "running"});
                    stream.add(collector, "acme", day(TODAY), sessions(TODAY, count, more));
                }
                "agent_sessions" => {
                    let more = json!({"user": user["user"], "finished": 3});
                    stream.add(collector, "acme", day(TODAY), sessions(TODAY, count, more));
                }
                "ai_metrics" => {
                    let values = json!({"agent_platform.created_session_event_count": count,
                        "agent_platform.finished_session_event_count": 40});
                    let total =
                        json!({"type": "group_total", "start": TODAY, "end": TODAY, "values": values});
                    stream.add(collector, "acme", day(TODAY), total);
                }
                _ => (0..count).for_each(|at| {
                    stream.event(&format!("u{}", at % 2), day(TODAY), "agent_platform_session_created");
                }),
            }
        }
        stream.partial_of(partial, day(TODAY));
        brief(&of_day(&stream, "agents.sessions", TODAY, json!({})))
    };
    let (aggregate, events) = (json!("gitlab_aggregate"), json!("events"));
    assert_eq!(with(&all, &[]), (json!(5), json!(1), aggregate.clone()));
    assert_eq!(with(&all[1..], &[]), (json!(7), json!(1), aggregate.clone()));
    assert_eq!(with(&all[2..], &[]), (json!(11), Value::Null, aggregate.clone()));
    assert_eq!(with(&all[3..], &[]), (json!(13), json!(2), events.clone()));
    // A complete day is better than an incomplete one.
    assert_eq!(with(&all, &["agent_flows"]), (json!(7), json!(1), aggregate.clone()));
    assert_eq!(with(&all, &all[..3]), (json!(13), json!(2), events));
    assert_eq!(with(&all, &all), (json!(5), json!(1), aggregate));
}

#[test]
fn a_day_without_sessions_is_zero_only_where_the_source_counts_them() {
    let first = day("2026-10-29");
    let mut stream = Stream::default();
    stream.cover("agent_flows", days_between(first, first));
    // Totals of a release that does not count sessions.
    let total = json!({"type": "group_total", "start": "2026-10-30", "end": "2026-10-30",
        "values": {"chat.request_duo_chat_response_event_count": 4}});
    stream.add("ai_metrics", "acme", day("2026-10-30"), total);
    // Sessions by week cannot be assigned to a day.
    let mut week = sessions(TODAY, 9, json!({}));
    week["start"] = json!("2026-10-26");
    stream.add("agent_flows", "acme", day(TODAY), week);
    let lines = stream.metrics(day(TODAY), &[]);
    let days: Vec<&Value> =
        lines.iter().filter(|line| line["metric"] == "agents.sessions" && line["grain"] == "day").collect();
    assert_eq!(days.len(), 1, "{days:?}");
    assert_eq!((&days[0]["start"], &days[0]["value"]), (&json!("2026-10-29"), &json!(0)));
}

#[test]
fn imported_sessions_give_way_to_aggregates_and_not_to_bare_events() {
    let mut stream = Stream::default();
    for (session, end) in [("1", "finished"), ("2", "dropped")] {
        for name in ["created", end] {
            let event = format!("agent_platform_session_{name}");
            let more = json!({"event": event, "session": session, "flow": "developer/v1"});
            stream.add_exported("snowplow", "acme", "ana", day(TODAY), more);
        }
    }
    (0..9).for_each(|_| stream.event("bo", day(TODAY), "agent_platform_session_created"));
    let found = brief(&of_day(&stream, "agents.sessions", TODAY, json!({})));
    assert_eq!(found, (json!(2), json!(1), json!("sessions")));
    stream.add("agent_flows", "acme", day(TODAY), sessions(TODAY, 4, json!({"status": "finished"})));
    let found = brief(&of_day(&stream, "agents.sessions", TODAY, json!({})));
    assert_eq!(found, (json!(4), Value::Null, json!("gitlab_aggregate")));
}

#[test]
fn statuses_of_gitlab_add_up_and_unknown_ones_are_other() {
    let mut stream = Stream::default();
    let statuses = [
        ("finished", 10),
        ("failed", 4),
        ("stopped", 2),
        ("created", 1),
        ("running", 1),
        ("paused", 1),
        ("input_required", 1),
        ("plan_approval_required", 1),
        ("tool_call_approval_required", 1),
        ("archived_in_2031", 3),
    ];
    for (at, (status, count)) in statuses.into_iter().enumerate() {
        let project = (at % 3 > 0).then(|| format!("acme/{}", at % 3));
        let user = if at == 0 { Value::Null } else { json!(format!("u{at}")) };
        let mut more = json!({"status": status, "flow": "developer/v1", "bot": at == 1});
        for (name, value) in [("user", user), ("project", json!(project))] {
            if !value.is_null() {
                more[name] = value;
            }
        }
        stream.add("agent_flows", "acme", day(TODAY), sessions(TODAY, count, more));
    }
    stream.add(
        "agent_flows",
        "acme",
        day(TODAY),
        sessions(TODAY, 6, json!({"status": "finished", "flow": "chat"})),
    );
    let lines = stream.metrics(day(TODAY), &[]);
    let of = |metric: &str, by: Value| line(&lines, metric, "window", "", &by).clone();
    let value = |metric: &str, by: Value| of(metric, by)["value"].clone();
    assert_eq!(value("agents.sessions", json!({})), 31);
    for (status, count) in [("finished", 16), ("failed", 4), ("stopped", 2), ("open", 6), ("other", 3)] {
        assert_eq!(value("agents.sessions", json!({"status": status})), count, "{status}");
    }
    assert_eq!(value("agents.sessions", json!({"flow": "developer", "status": "finished"})), 10);
    for (project, count) in [("acme/1", 4 + 1 + 1), ("acme/2", 2 + 1 + 1), ("(none)", 10 + 1 + 1 + 3 + 6)] {
        assert_eq!(value("agents.sessions", json!({"project": project})), count, "{project}");
    }
    // Chat and sessions without a known result are left out.
    assert_eq!(value("agents.success_rate", json!({})), json!(10.0 / 16.0));
    assert_eq!(value("agents.completion_rate", json!({})), json!(16.0 / 31.0));
    // One of nine users is a bot; 16 sessions have no user.
    let users = of("agents.users", json!({}));
    assert_eq!((&users["value"], &users["basis"]), (&json!(8), &json!(15.0 / 31.0)));
}

#[test]
fn what_a_source_does_not_report_is_unknown() {
    let mut stream = Stream::default();
    let more = json!({"finished": 9, "flow": "developer", "user": "ana"});
    stream.add("agent_sessions", "acme", day(TODAY), sessions(TODAY, 7, more));
    stream.event("bo", day("2026-10-30"), "agent_platform_session_created");
    let lines = stream.metrics(day(TODAY), &[]);
    let of = |metric: &str, grain: &str, start: &str, by: Value| {
        let line = line(&lines, metric, grain, start, &by);
        (line["value"].clone(), line["reason"].clone(), line["source"].clone())
    };
    // More finished sessions than sessions cannot be.
    let finished = of("agents.sessions", "day", TODAY, json!({"status": "finished"}));
    assert_eq!(finished, (json!(7), Value::Null, json!("gitlab_aggregate")));
    let unknown = (Value::Null, json!("not_in_source"), json!("mixed"));
    for (metric, by) in [
        ("agents.success_rate", json!({})),
        ("agents.completion_rate", json!({})),
        ("agents.duration_seconds", json!({"stat": "p50"})),
        ("agents.success_rate", json!({"flow": "(none)"})),
    ] {
        assert_eq!(of(metric, "window", "", by), unknown, "{metric}");
    }
    // All sessions of this flow finished.
    let rate = of("agents.success_rate", "window", "", json!({"flow": "developer"}));
    assert_eq!(rate, (json!(1.0), Value::Null, json!("mixed")));
    assert_eq!(of("agents.sessions", "window", "", json!({})), (json!(8), Value::Null, json!("mixed")));
    let projects =
        lines.iter().filter(|line| line["metric"] == "agents.sessions" && line["by"]["project"].is_string());
    assert_eq!(projects.count(), 0, "no source reports projects");
}

#[test]
fn durations_are_those_of_exactly_the_period_and_never_merged() {
    let mut stream = Stream::default();
    for (user, flow, finished) in [("ana", "developer/v1", 2), ("bo", "developer/v1", 0), ("cy", "chat", 1)] {
        let more = json!({"finished": finished, "flow": flow, "user": user});
        stream.add("agent_sessions", "acme", day(TODAY), sessions(TODAY, 4, more));
    }
    let duration = |start: &str, end: &str, flow: Option<&str>, p50: f64| {
        let mut fields = json!({"type": "session_duration", "start": start, "end": end, "sessions": 12,
            "finished": 3, "users": 9, "p50": p50, "p95": 2.0 * p50});
        if let Some(flow) = flow {
            fields["flow"] = json!(flow);
        }
        fields
    };
    let mut add = |on: &str, fields: Value| stream.add("agent_durations", "acme", day(on), fields);
    add(TODAY, duration("2026-10-26", "2026-10-31", None, 61.5));
    add(TODAY, duration("2026-10-26", "2026-10-31", Some("developer/v1"), 60.0));
    // Two versions of a flow, whose quantiles cannot be merged.
    add(TODAY, duration("2026-10-01", "2026-10-31", Some("developer/v1"), 50.0));
    add(TODAY, duration("2026-10-01", "2026-10-31", Some("developer"), 70.0));
    // An earlier fetch.
    add("2026-10-30", duration("2026-10-26", "2026-10-31", None, 40.0));
    add("2026-10-30", duration("2026-10-03", "2026-10-30", None, 30.0));
    let lines = stream.metrics(day(TODAY), &[]);
    let of = |grain: &str, by: Value| line(&lines, "agents.duration_seconds", grain, "", &by).clone();
    let week = of("week", json!({"stat": "p50"}));
    assert_eq!((&week["value"], &week["n"], &week["people"]), (&json!(61.5), &json!(3), &json!(2)));
    assert_eq!((&week["basis"], &week["source"]), (&json!(0.25), &json!("gitlab_aggregate")));
    let developer = of("week", json!({"stat": "p95", "flow": "developer"}));
    assert_eq!((&developer["value"], &developer["people"]), (&json!(120), &json!(1)));
    for (grain, by) in [
        ("week", json!({"stat": "p50", "flow": "chat"})),
        ("month", json!({"stat": "p50", "flow": "developer"})),
        ("window", json!({"stat": "p50"})),
    ] {
        let line = of(grain, by);
        assert_eq!((&line["value"], &line["reason"]), (&Value::Null, &json!("not_in_source")), "{line}");
    }
}

#[test]
fn the_newest_complete_fetch_counts_even_with_fewer_rows() {
    let fetched = |statuses: &[(&str, u64)], at: &'static str| {
        let mut stream = Stream { fetched: Some(at), ..Stream::default() };
        for (status, count) in statuses {
            let more = json!({"status": status, "user": "ana"});
            stream.add("agent_flows", "acme", day(TODAY), sessions(TODAY, *count, more));
        }
        stream.covered()
    };
    let earlier = fetched(&[("running", 2), ("paused", 1), ("finished", 4)], "2026-11-01T03:00:00Z");
    let later = fetched(&[("finished", 7)], "2026-11-02T03:00:00Z");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let records = [earlier, later].concat().join("\n");
    let aggregated = run_command(bare_command(folder.path(), &["aggregate"]), records.as_bytes());
    assert_eq!(aggregated.code, 0, "{}", aggregated.stderr);
    let lines = lines_of(&aggregated.stdout, "metric");
    assert_eq!(line(&lines, "agents.completion_rate", "window", "", &json!({}))["value"], 1.0);
    assert_eq!(line(&lines, "agents.sessions", "window", "", &json!({"status": "finished"}))["value"], 7);
}

#[test]
fn suggestions_by_editor_come_from_gitlab_on_days_whose_events_have_no_editor() {
    let mut stream = Stream::default();
    let shown = "code_suggestion_shown_in_ide";
    let language = json!({"language": "go"});
    (0..5).for_each(|_| stream.event_with("ana", day(TODAY), shown, language.clone()));
    stream.event_with("ana", day("2026-10-30"), shown, json!({"language": "go", "ide": "neovim"}));
    let row = |on: &str, ide: &str, language: &str, accepted: u64, users: u64| {
        json!({"type": "suggestion_total", "start": on, "end": on, "ide": ide, "language": language, "shown": 4,
            "accepted": accepted, "rejected": 1, "users": users})
    };
    for (on, ide, language, accepted, users) in [
        (TODAY, "neovim", "go", 2, 3),
        (TODAY, "neovim", "rust", 1, 2),
        (TODAY, "vscode", "go", 0, 9),
        ("2026-10-30", "vscode", "go", 4, 9),
    ] {
        stream.add("suggestions_by_editor", "acme", day(on), row(on, ide, language, accepted, users));
    }
    let lines = stream.metrics(day(TODAY), &[]);
    let of = |metric: &str, grain: &str, start: &str, by: Value| {
        let line = line(&lines, metric, grain, start, &by);
        (line["value"].clone(), line["people"].clone(), line["source"].clone())
    };
    let shown = |grain: &str, start: &str, by: Value| of("code_suggestions.shown", grain, start, by);
    // The total is that of the events.
    assert_eq!(shown("window", "", json!({})), (json!(6), json!(1), Value::Null));
    assert_eq!(shown("window", "", json!({"language": "go"})), (json!(6), json!(1), Value::Null));
    let aggregate = json!("gitlab_aggregate");
    assert_eq!(shown("day", TODAY, json!({"ide": "neovim"})), (json!(8), json!(3), aggregate.clone()));
    assert_eq!(shown("window", "", json!({"ide": "neovim"})), (json!(9), json!(3), json!("mixed")));
    assert_eq!(shown("window", "", json!({"ide": "vscode"})), (json!(4), json!(9), aggregate.clone()));
    assert_eq!(shown("day", "2026-10-30", json!({"ide": "neovim"})), (json!(1), json!(1), Value::Null));
    let rate =
        of("code_suggestions.acceptance_rate", "day", TODAY, json!({"ide": "neovim", "language": "go"}));
    assert_eq!(rate, (json!(0.5), json!(3), aggregate));
}
