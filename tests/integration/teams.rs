//! Teams: files of teams, lists of members, and subgroups.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bench::{Bench, TOKEN, bare_command, lines_of, run_command};
use crate::stream::{Stream, before, day, days_between, line_of, value};

const MONTH: &str = "2026-10-01";

/// The global id of a user.
fn id(number: u32) -> String {
    format!("gid://gitlab/User/{number}")
}

/// Ten people who ask each day of October, one of whom has a user name in the events only; a bot;
/// and a seat for each of the first four.
fn stream() -> Stream {
    let mut stream = Stream::default();
    let days = || days_between(day("2026-09-01"), day("2026-10-31"));
    stream.cover_scope("usage_events", "acme", days());
    for on in days_between(day("2026-10-05"), day("2026-10-31")) {
        for number in 1..=10 {
            let more = json!({"username": format!("Person{number}")});
            stream.event_with(&id(number), on, "request_duo_chat_response", more);
        }
        stream.event_with(&id(99), on, "request_duo_chat_response", json!({"bot": true}));
    }
    let holders: Vec<String> = (1..=4).map(id).collect();
    stream.seats(day("2026-10-31"), &holders.iter().map(|user| (&**user, None)).collect::<Vec<_>>());
    stream
}

fn of_team(team: &str) -> Value {
    json!({"team": team})
}

/// The metric lines with a team file, and standard error.
fn metrics_with(file: &str, key: Option<&str>) -> (i32, Vec<Value>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("teams.csv"), file).expect("the folder is writable");
    let with_key = |arguments: &[&str]| {
        let mut command = bare_command(folder.path(), arguments);
        command.envs(key.map(|key| ("DUO_METRICS_PSEUDONYM_KEY", key)));
        command
    };
    let records = run_command(with_key(&["normalize"]), stream().covered().join("\n").as_bytes());
    assert_eq!(records.code, 0, "{}", records.stderr);
    let arguments = ["aggregate", "--until", "2026-10-31", "--teams", "teams.csv"];
    let result = run_command(with_key(&arguments), &records.stdout);
    (result.code, lines_of(&result.stdout, "metric"), result.stderr)
}

#[test]
fn a_file_of_teams_matches_users_in_every_form() {
    let file = "user,team,cost_center\nperson1,Web,100\n@PERSON2,Web,100\n3,Web,200\n\
                gid://gitlab/User/4,Web,\nperson4,Data,200\n99,Web,\nnobody,Web,\n12345,Data,\n";
    let (code, lines, stderr) = metrics_with(file, None);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("2 of 8 users in teams.csv are not in the data"), "{stderr}");
    assert!(!stderr.contains("nobody"), "{stderr}");
    let value = |metric: &str, by: Value| value(&lines, metric, "month", MONTH, &by).clone();
    assert_eq!(value("users.active", of_team("Web")), 4);
    assert_eq!(value("users.active", of_team("Data")), 1);
    assert_eq!(value("users.active", json!({"cost_center": "200"})), 2);
    assert_eq!(value("users.active", json!({})), 10, "everyone counts once above a team");
    assert_eq!(value("chat.messages", of_team("Web")), 4 * 27, "without the bot");
    assert_eq!(value("chat.users", of_team("Data")), 1);
    // The users whom the data does not contain are people of their teams; the bot is not.
    assert_eq!(value("teams.people", of_team("Web")), 5);
    assert_eq!(value("teams.people", of_team("Data")), 2);
    assert_eq!(value("teams.people", json!({})), 6);
    assert_eq!(value("seats.active", of_team("Web")), 1.0);
    assert_eq!(value("seats.active", of_team("Data")), 1.0);
    let heavy = json!({"segment": "heavy", "team": "Web", "population": "people"});
    assert_eq!(value("engagement.users", heavy), 4);
    assert!(lines.iter().all(|line| line["by"]["team"].is_null() || line["grain"] != "day"));
}

#[test]
fn pseudonyms_match_ids_and_never_user_names() {
    let key = Some("a key that nobody guesses");
    let (code, lines, stderr) = metrics_with("user,team\n1,Web\ngid://gitlab/User/2,Web\n777,Web\n", key);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("1 of 3 users"), "{stderr}");
    assert_eq!(value(&lines, "users.active", "month", MONTH, &of_team("Web")), 2);
    let (code, _, stderr) = metrics_with("user,team\n1,Web\nperson2,Web\n", key);
    assert_eq!(code, 78, "{stderr}");
    assert!(stderr.contains("teams.csv: line 3: user names cannot be matched"), "{stderr}");
    assert!(stderr.contains("use user ids") && !stderr.contains("person2"), "{stderr}");
    assert_eq!(stderr.trim().lines().count(), 1, "{stderr}");
}

#[test]
fn an_invalid_file_of_teams_is_one_line_without_a_name() {
    for (file, words) in [
        ("person1;Web\n", "line 1: the header must be"),
        ("user,team\nperson1\n", "line 2: it has 1 field"),
        ("user,team\nperson1,\n", "line 2: it has no team"),
        ("user,team\n,Web\n", "line 2: it has no user"),
        ("", "it is empty"),
    ] {
        let (code, _, stderr) = metrics_with(file, None);
        assert_eq!(code, 78, "{file:?}: {stderr}");
        assert!(stderr.contains(words) && !stderr.contains("person1"), "{file:?}: {stderr}");
    }
    let bench = Bench::new(20, 3);
    let mut command = bench.command(&["aggregate"]);
    command.env("DUO_METRICS_TEAMS", "missing.csv");
    let result = run_command(command, b"");
    assert!(result.code != 0 && result.stderr.contains("missing.csv"), "{}", result.stderr);
}

/// Adds a list of the direct members of groups.
fn add_members(stream: &mut Stream, scope: &str, on: &str, members: &[(&str, u32)]) {
    stream.cover_scope("members", scope, [day(on)]);
    for (team, number) in members {
        stream.add("members", scope, day(on), json!({"type": "member", "team": team, "user": id(*number)}));
    }
}

#[test]
fn the_list_of_members_up_to_the_end_of_a_period_counts_else_the_first_after_it() {
    let mut stream = stream();
    add_members(&mut stream, "acme", "2026-10-15", &[("acme", 9), ("acme/web", 1), ("acme/web/ui", 2)]);
    let later = [("acme/web", 1), ("acme/web/ui", 3), ("acme/web/ui", 1), ("acme/data/lake", 4)];
    add_members(&mut stream, "acme", "2026-10-25", &later);
    let lines = stream.metrics(day("2026-10-31"), &[]);
    let people = |start: &str, team: &str| {
        let found = lines.iter().find(|line| {
            line["metric"] == "users.active"
                && line["grain"] == "week"
                && line["start"] == start
                && line["by"] == of_team(team)
        });
        found.map(|line| line["value"].clone())
    };
    // The first list is of a later week.
    assert_eq!(people("2026-10-05", "acme/web"), Some(json!(2)), "with those of its subgroup");
    assert_eq!(people("2026-10-05", "acme/web/ui"), Some(json!(1)));
    assert_eq!(people("2026-10-05", "acme/data"), None);
    assert_eq!(people("2026-10-12", "acme/web"), Some(json!(2)));
    // The second one is of the Sunday of its week.
    assert_eq!(people("2026-10-19", "acme/web"), Some(json!(2)));
    assert_eq!(people("2026-10-19", "acme/web/ui"), Some(json!(2)));
    assert_eq!(people("2026-10-19", "acme/data"), Some(json!(1)), "a team without direct members");
    assert_eq!(people("2026-10-26", "acme"), None, "the group itself is no team");
    let of_month = |team: &str| value(&lines, "chat.messages", "month", MONTH, &of_team(team)).clone();
    assert_eq!(of_month("acme/web/ui"), 2 * 27, "the members of the end of the month");
}

#[test]
fn an_incomplete_list_of_members_has_no_teams() {
    let mut stream = stream();
    add_members(&mut stream, "acme", "2026-11-01", &[("acme/web", 1)]);
    stream.mark_partial(day("2026-11-01"));
    let lines = stream.metrics(day("2026-10-31"), &[]);
    assert!(lines.iter().all(|line| line["by"].get("team").is_none()));
}

#[test]
fn the_members_of_a_subgroup_change_with_the_period() {
    let mut stream = stream();
    add_members(&mut stream, "acme/web", "2026-10-11", &[("acme/web", 1), ("acme/web/ui", 2)]);
    add_members(
        &mut stream,
        "acme/web",
        "2026-10-25",
        &[("acme/web", 1), ("acme/web/ui", 2), ("acme/web/ui", 3)],
    );
    let lines = stream.metrics(day("2026-10-31"), &[]);
    assert!(lines.iter().all(|line| line["scope"] == "acme/web"), "the top-level group was not requested");
    let of_scope = |metric: &str, grain: &str, start: &str| {
        line_of(&lines, "acme/web", metric, grain, start, &json!({}))["value"].clone()
    };
    assert_eq!(of_scope("users.active", "week", "2026-10-05"), 2);
    assert_eq!(of_scope("users.active", "week", "2026-10-19"), 3);
    assert_eq!(of_scope("users.active", "day", "2026-10-24"), 2);
    assert_eq!(of_scope("users.active", "day", "2026-10-25"), 3);
    assert_eq!(of_scope("chat.messages", "month", MONTH), 3 * 27);
    assert_eq!(of_scope("seats.active", "month", MONTH), 1.0);
    // Without a list of members, nothing is known; it is not zero.
    let mut unknown = self::stream();
    unknown.cover_scope("members", "acme/web", [day("2026-11-01")]);
    unknown.mark_partial(day("2026-11-01"));
    let lines = unknown.metrics(day("2026-10-31"), &[]);
    let line = line_of(&lines, "acme/web", "users.active", "month", MONTH, &json!({}));
    assert_eq!((&line["value"], &line["reason"]), (&Value::Null, &json!("not_collected")));
}

/// Adds sessions that GitLab aggregated.
fn add_sessions(stream: &mut Stream, scope: &str, on: &str, user: Option<u32>, sessions: u64) {
    let row = json!({"type": "session_total", "start": on, "end": on, "flow": "developer/v1",
        "status": "finished", "user": user.map(id), "bot": false, "project": "acme/web/shop",
        "sessions": sessions});
    stream.add("agent_flows", scope, day(on), row);
}

#[test]
fn aggregated_sessions_count_for_the_teams_of_their_users() {
    let mut stream = Stream::default();
    add_members(&mut stream, "acme", "2026-10-31", &[("acme/web", 1), ("acme/data", 2)]);
    stream.cover("agent_flows", days_between(day(MONTH), day("2026-10-31")));
    for (user, sessions) in [(Some(1), 3), (Some(5), 2), (None, 4)] {
        add_sessions(&mut stream, "acme", "2026-10-10", user, sessions);
    }
    let duration = json!({"type": "session_duration", "start": MONTH, "end": "2026-10-31", "sessions": 9,
        "finished": 9, "users": 2, "p50": 60.0, "p95": 90.0});
    stream.add("agent_durations", "acme", day("2026-10-31"), duration);
    let lines = stream.metrics(day("2026-10-31"), &[]);
    let of = |metric: &str, by: Value| {
        let line = line_of(&lines, "acme", metric, "month", MONTH, &by);
        (line["value"].clone(), line["people"].clone(), line["basis"].as_f64())
    };
    // Of four sessions, it is not known whose they are.
    let basis = Some(5.0 / 9.0);
    assert_eq!(of("agents.sessions", json!({})), (json!(9), json!(2), Some(1.0)));
    assert_eq!(of("agents.sessions", of_team("acme/web")), (json!(3), json!(1), basis));
    assert_eq!(of("agents.sessions", of_team("acme/data")), (json!(0), json!(0), basis));
    assert_eq!(of("agents.users", of_team("acme/web")), (json!(1), json!(1), basis));
    assert_eq!(of("agents.duration_seconds", json!({"stat": "p50"})).0, 60.0);
    // What GitLab reports without users has no teams.
    let split: BTreeSet<&str> = lines
        .iter()
        .filter(|line| line["by"]["team"].is_string())
        .map(|line| line["metric"].as_str().expect("a name"))
        .collect();
    assert_eq!(split, BTreeSet::from(["agents.sessions", "agents.users", "teams.people"]));
}

#[test]
fn sessions_that_gitlab_only_counted_are_unknown_by_team() {
    let mut stream = Stream::default();
    add_members(&mut stream, "acme", "2026-10-31", &[("acme/web", 1)]);
    let values = json!({"agent_platform.created_session_event_count": 7,
        "agent_platform.finished_session_event_count": 4});
    let total = json!({"type": "group_total", "start": "2026-10-10", "end": "2026-10-10", "values": values});
    stream.add("ai_metrics", "acme", day("2026-10-10"), total);
    let lines = stream.metrics(day("2026-10-31"), &[]);
    assert_eq!(value(&lines, "agents.sessions", "month", MONTH, &json!({})), 7);
    for metric in ["agents.sessions", "agents.users"] {
        let line = line_of(&lines, "acme", metric, "month", MONTH, &of_team("acme/web"));
        assert_eq!((&line["value"], &line["reason"]), (&Value::Null, &json!("not_in_source")), "{metric}");
    }
}

#[test]
fn a_subgroup_has_aggregated_sessions_by_place_and_others_by_member() {
    let mut stream = Stream::default();
    add_members(&mut stream, "acme/web", "2026-10-31", &[("acme/web", 1)]);
    add_sessions(&mut stream, "acme/web", "2026-10-10", Some(5), 2);
    for number in [1, 5] {
        stream.event(&id(number), day("2026-10-11"), "agent_platform_session_created");
    }
    let lines = stream.metrics(day("2026-10-31"), &[]);
    let of = |grain: &str, start: &str| {
        let line = line_of(&lines, "acme/web", "agents.sessions", grain, start, &json!({}));
        (line["value"].clone(), line["source"].clone())
    };
    assert_eq!(of("day", "2026-10-10"), (json!(2), json!("gitlab_aggregate")));
    assert_eq!(of("day", "2026-10-11"), (json!(1), json!("events")));
    assert_eq!(of("month", MONTH), (json!(3), json!("mixed")));
}

#[test]
fn a_list_of_members_keeps_no_history_of_others() {
    // A later day of the same group, without events: the periods before have the first list.
    let mut stream = stream();
    add_members(&mut stream, "acme", "2026-11-01", &[("acme/web", 5)]);
    let lines = stream.metrics(before(day("2026-11-01"), 1), &[]);
    assert_eq!(value(&lines, "users.active", "month", MONTH, &of_team("acme/web")), 1);
}

#[test]
fn a_subgroup_uses_the_events_of_its_top_level_group() {
    let bench = Bench::new(60, 5);
    let arguments = ["--since", "2026-10-28", "--group", "acme/web", "--collector", "usage_events"];
    let raw = bench.fetch(&arguments);
    let scope_of = |collector: &str| {
        let coverage = lines_of(&raw, "coverage").into_iter().find(|line| line["collector"] == collector);
        coverage.expect("a coverage line")["scope"].clone()
    };
    assert_eq!((scope_of("usage_events"), scope_of("members")), (json!("acme"), json!("acme/web")));
    let site = bench.run(&["run", "--since", "2026-10-28", "--group", "acme/web", "--open-periods"]);
    assert_eq!(site.code, 0, "{}", site.stderr);
    let page = std::fs::read_to_string(bench.path("public/duo-metrics/index.html")).expect("the page");
    assert!(page.contains("acme/web") && !page.contains("No data yet"));
}

#[test]
fn a_token_that_cannot_read_the_top_level_group_leaves_the_counts_of_gitlab() {
    let settings = stand_in::Settings { people: 60, days: 5, clickhouse: true, ..Default::default() };
    let bench = Bench::with(settings);
    let mut command = bench.command(&["fetch", "--since", "2026-10-28", "--group", "acme/web"]);
    command.env("DUO_TOKEN", format!("{TOKEN}-web"));
    let result = run_command(command, b"");
    assert_eq!(result.code, 3, "{}", result.stderr);
    let coverage = lines_of(&result.stdout, "coverage");
    let of = |collector: &str| coverage.iter().find(|line| line["collector"] == collector).expect("a line");
    let denied = of("usage_events");
    assert_eq!((&denied["status"], &denied["scope"]), (&json!("denied"), &json!("acme")));
    let reason = denied["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("only for the top-level group acme, which the token must be able to read"),
        "{reason}"
    );
    assert_eq!(
        (&of("agent_sessions")["status"], &of("members")["status"]),
        (&json!("complete"), &json!("complete"))
    );
    let lines = lines_of(&bench.aggregate(&bench.normalize(&result.stdout)), "metric");
    assert!(!lines.is_empty() && lines.iter().all(|line| line["scope"] == "acme/web"));
    assert!(lines.iter().all(|line| line["metric"] != "users.active" || line["value"].is_null()));
}

#[test]
fn a_group_and_its_subgroup_are_both_reported() {
    let bench = Bench::new(60, 5);
    let raw = bench.fetch(&["--since", "2026-10-28", "--group", "acme", "--group", "acme/web"]);
    let lines = lines_of(&bench.aggregate(&bench.normalize(&raw)), "metric");
    let active =
        |scope: &str| line_of(&lines, scope, "users.active", "window", "", &json!({}))["value"].clone();
    assert_eq!(active("acme"), active("*"), "the subgroup is part of the group");
    let of_team = line_of(&lines, "acme", "users.active", "window", "", &of_team("acme/web"));
    assert_eq!(active("acme/web"), of_team["value"]);
    assert!(active("acme").as_u64() > active("acme/web").as_u64());
}

#[test]
fn the_restricted_list_of_a_subgroup_contains_the_seats_of_its_members_only() {
    let bench = Bench::new(60, 5);
    let collectors = ["--collector", "usage_events", "--collector", "seats"];
    let raw = bench.fetch(&[&["--since", "2026-10-28", "--group", "acme/web"], &collectors[..]].concat());
    let listed = bench.pipe(&["export", "--people", "seats.csv"], &bench.normalize(&raw));
    assert!([0, 3].contains(&listed.code), "{}", listed.stderr);
    let file = std::fs::read(bench.path("seats.csv")).expect("the list");
    let mut reader = csv::Reader::from_reader(&*file);
    let user = reader.headers().expect("headings").iter().position(|name| name == "user").expect("the user");
    let found: BTreeSet<String> = reader.records().map(|row| row.expect("a row")[user].to_owned()).collect();
    let organization = bench.gitlab.organization();
    let web = organization.group("acme/web").expect("the group");
    let with_seat =
        organization.direct_members(web).map(|member| &organization.people[member]).filter(|person| {
            organization.add_on_purchases.iter().any(|pool| pool.group == 0 && pool.is_held_by(person))
        });
    assert_eq!(found, with_seat.map(stand_in::Person::gid).collect::<BTreeSet<_>>());
    assert!(found.len() > 5);
}
