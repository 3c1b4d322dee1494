//! Our counts beside GitLab's own: equal in a clean world, and a planted difference is named with
//! its day.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use serde_json::{Value, json};
use stand_in::{Release, Settings, UsageEvent};

use crate::bench::{Bench, CommandResult, lines_of};
use crate::reference::reconcile::{self as reference, DifferenceKey};

/// The aggregate of a complete fetch since a day.
fn aggregate(bench: &Bench, since: &str) -> CommandResult {
    let raw = bench.fetch(&["--since", since, "--jobs", "8"]);
    bench.pipe(&["aggregate"], &bench.normalize(&raw))
}

fn differences(stream: &[u8]) -> Vec<Value> {
    let metrics = lines_of(stream, "metric").into_iter();
    metrics.filter(|line| line["metric"] == "reconcile.difference").collect()
}

#[test]
fn a_clean_world_has_no_unexplained_difference_in_ninety_days() {
    for (release, clickhouse) in
        [(Release::V18_7, true), (Release::V19_1, true), (Release::Newest, true), (Release::Newest, false)]
    {
        let settings = Settings { people: 25, days: 92, release, clickhouse, ..Settings::default() };
        let bench = Bench::with(settings);
        let result = aggregate(&bench, "2026-08-03");
        assert_eq!(result.code, 0, "{release}: {}", result.stderr);
        let lines = differences(&result.stdout);
        assert_eq!(lines.is_empty(), !clickhouse, "{release}");
        let mut days: BTreeMap<String, usize> = BTreeMap::new();
        for line in &lines {
            let is_equal = line["value"] == 0 && line["n"] == line["of"] && line["of"].is_u64();
            let is_explained = line["explanation"].is_string();
            assert!(is_equal || is_explained || line["grain"] == "window", "{release}: {line}");
            // A session with two stored creations is one session.
            let may_differ =
                line["by"]["measure"] == "duo_used_count" || line["by"]["measure"] == "total_count";
            assert!(may_differ || is_equal, "{release}: {line}");
            *days.entry(format!("{} {}", line["by"]["collector"], line["grain"])).or_default() += 1;
        }
        if clickhouse {
            assert!(days[r#""ai_metrics" "day""#] >= 90, "{days:?}");
        }
    }
}

/// The differences by collector, measure, grain and day, as the second calculation has them.
fn by_key(stream: &[u8]) -> BTreeMap<DifferenceKey, (Value, Value, Value, Value, Value)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let lines = differences(stream).into_iter().map(|line| {
        let [collector, feature, measure] =
            ["collector", "feature", "measure"].map(|name| text(&line["by"][name]));
        let key = (collector, feature, measure, text(&line["grain"]), text(&line["start"]));
        let whole = |name: &str| match line[name].as_f64() {
            Some(number) => (number as i64).into(),
            None => Value::Null,
        };
        (key, (whole("value"), whole("n"), whole("of"), whole("people"), line["explanation"].clone()))
    });
    lines.collect()
}

fn check(bench: &Bench, since: &str, shifted: Option<&UsageEvent>) -> CommandResult {
    let result = aggregate(bench, since);
    let since = since.parse().expect("a day");
    let expected = reference::differences(bench.gitlab.organization(), since, shifted);
    let expected: BTreeMap<_, _> = expected
        .into_iter()
        .map(|(key, (value, n, of, people, explanation))| {
            let explanation = explanation.map_or(Value::Null, Value::from);
            (key, (value.into(), n.into(), of.into(), people.into(), explanation))
        })
        .collect();
    let found = by_key(&result.stdout);
    let keys = |lines: &BTreeMap<DifferenceKey, _>| lines.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&found), keys(&expected));
    for (key, value) in &found {
        assert_eq!(value, &expected[key], "{key:?}");
    }
    result
}

#[test]
fn differences_match_the_reference() {
    let bench = Bench::with(Settings { people: 60, days: 40, clickhouse: true, ..Settings::default() });
    let result = check(&bench, "2026-09-23", None);
    assert_eq!(result.code, 0, "{}", result.stderr);
    // A range shorter than the window.
    assert_eq!(check(&bench, "2026-10-20", None).code, 0);
}

#[test]
fn an_event_shifted_over_midnight_is_named_with_both_days() {
    let shifted_event_on = "2026-10-21".parse().ok();
    let settings =
        Settings { people: 40, days: 20, clickhouse: true, shifted_event_on, ..Settings::default() };
    let bench = Bench::with(settings);
    let organization = bench.gitlab.organization();
    let is_shifted = |event: &&UsageEvent| {
        Some(event.timestamp.date_naive()) == shifted_event_on
            && event.event == "REQUEST_DUO_CHAT_RESPONSE"
            && organization.group("acme") == Some(event.group)
            && event.timestamp.time() != NaiveTime::MIN
    };
    let events = organization.usage_events.iter().filter(is_shifted);
    let shifted = events.min_by_key(|event| (event.timestamp, event.id)).expect("a chat message");
    let result = check(&bench, "2026-10-14", Some(shifted));
    assert_eq!(result.code, 3, "{}", result.stderr);
    let named: Vec<&str> = result.stderr.lines().filter(|line| line.contains("GitLab's own count")).collect();
    assert_eq!(named.len(), 2, "{}", result.stderr);
    for (line, day) in named.iter().zip(["2026-10-20", "2026-10-21"]) {
        let expected = format!("ai_metrics of acme on {day}: chat.request_duo_chat_response_event_count");
        assert!(line.contains(&expected), "{line}");
    }
    let run = bench.run(&["run", "--since", "2026-10-14"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("ai_metrics of acme on 2026-10-21"), "{}", run.stderr);
    let page = std::fs::read_to_string(bench.path("public/duo-metrics/index.html")).expect("the page");
    assert!(page.contains("own counts of the last 28 days: "));
    assert!(page.contains("2 days differ: ") || page.contains(" 2 without a known reason"), "the sentence");
    assert!(page.contains("no known reason") && page.contains("quality-differing-days"));
    // Days of earlier runs were reported then.
    let later = bench.run(&["run", "--since", "2026-10-25", "--history", "history"]);
    assert_eq!(later.code, 0, "{}", later.stderr);
}

#[test]
fn rows_lost_at_page_borders_are_named_with_their_day() {
    let lost_rows_on = "2026-10-28".parse().ok();
    let settings = Settings { people: 150, days: 6, clickhouse: true, lost_rows_on, ..Settings::default() };
    let bench = Bench::with(settings);
    let raw = bench.fetch(&["--since", "2026-10-27", "--jobs", "8"]);
    let complete = lines_of(&raw, "coverage").into_iter().filter(|line| line["day"] == "2026-10-28");
    assert!(complete.into_iter().all(|line| line["status"] != "partial"));
    let result = bench.pipe(&["aggregate"], &bench.normalize(&raw));
    assert_eq!(result.code, 3, "{}", result.stderr);
    assert!(result.stderr.contains("of acme on 2026-10-28: "), "{}", result.stderr);
    for day in ["2026-10-27", "2026-10-29", "2026-10-30"] {
        assert!(!result.stderr.contains(&format!("on {day}")), "{}", result.stderr);
    }
}

const CHAT: &str = "chat.request_duo_chat_response_event_count";

/// Records of one day: events of both sides, and when GitLab's counts were fetched.
struct World<'w> {
    /// Name, user and number of events.
    events: &'w [(&'w str, u32, u32)],
    /// Null rows among the usage events.
    unreadable: u32,
    /// Lines of totals: collector, and fields of the record.
    totals: &'w [(&'w str, Value)],
    fetched_at: &'w str,
}

impl World<'_> {
    fn lines(&self) -> Vec<u8> {
        let origin = |collector: &str, at: &str, row: u32| {
            json!({"instance": "https://gitlab.example.com", "collector": collector, "scope": "acme",
                "day": "2026-10-05", "fetched_at": at, "row": format!("1:{row}")})
        };
        let with = |mut line: Value, fields: &Value| {
            let line_fields = line.as_object_mut().expect("an object");
            line_fields.extend(fields.as_object().expect("an object").clone());
            line
        };
        let night = "2026-10-06T03:00:00Z";
        let mut lines: Vec<Value> = Vec::new();
        for (event, user, count) in self.events {
            for _ in 0..*count {
                let user = format!("gid://gitlab/User/{user}");
                let fields = json!({"type": "event", "ts": "2026-10-05T10:00:00Z", "event": event,
                    "feature": "any", "user": user});
                lines.push(with(origin("usage_events", night, lines.len() as u32), &fields));
            }
        }
        let mut rows = BTreeMap::from([("usage_events", lines.len())]);
        for (row, (collector, fields)) in (0..).zip(self.totals) {
            let line_type = match *collector {
                "ai_user_metrics" => "user_total",
                "seats" => "seat",
                _ => "group_total",
            };
            let span = json!({"type": line_type, "start": "2026-10-05", "end": "2026-10-05"});
            lines.push(with(with(origin(collector, self.fetched_at, row), &span), fields));
            *rows.entry(collector).or_default() += 1;
        }
        for (collector, rows) in rows {
            let (at, unreadable) =
                if collector == "usage_events" { (night, self.unreadable) } else { (self.fetched_at, 0) };
            let fields = json!({"type": "coverage", "status": "complete", "rows": rows, "reason": null,
                "unreadable": unreadable});
            lines.push(with(origin(collector, at, 0), &fields));
        }
        lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }
}

/// The exit code, and the lines of a measure as value and explanation or reason.
fn outcome(world: &World<'_>, measure: &str) -> (i32, Vec<String>) {
    let bench = Bench::new(1, 1);
    let result = bench.pipe(&["aggregate"], &world.lines());
    let is_it = |line: &Value| {
        let [collector, feature, name] =
            ["collector", "feature", "measure"].map(|name| line["by"][name].as_str().expect("text"));
        measure == format!("{collector}:{feature}.{name}")
            && (line["grain"] == "day" || collector == "ai_user_metrics")
    };
    let lines = differences(&result.stdout).into_iter().filter(is_it);
    let shown = lines.map(|line| format!("{} {} {}", line["value"], line["explanation"], line["reason"]));
    (result.code, shown.collect())
}

#[test]
fn a_known_reason_needs_evidence() {
    let chat = |count: u32| ("ai_metrics", json!({"values": {CHAT: count}}));
    let used = |values: Value| ("ai_metrics", json!({"values": values}));
    let sessions = |count: u32| {
        ("agent_sessions", json!({"flow": "chat", "values": {"agent_platform.total_count": count}}))
    };
    let of_user = |user: u32, count: u32| {
        ("ai_user_metrics", json!({"user": format!("gid://gitlab/User/{user}"), "values": {CHAT: count}}))
    };
    let seat = (
        "seats",
        json!({"user": "gid://gitlab/User/2", "assigned": true,
        "add_on": "DUO_ENTERPRISE", "last_duo_activity_on": null}),
    );
    let message = "request_duo_chat_response";
    let shown = "code_suggestion_shown_in_ide";
    let created = "agent_platform_session_created";
    let [night, soon, later] = ["2026-10-06T03:00:00Z", "2026-10-06T00:30:00Z", "2026-10-06T05:00:00Z"];
    let two: &[(&str, u32, u32)] = &[(message, 1, 1), (message, 2, 1)];
    let many: &[(&str, u32, u32)] = &[(message, 1, 200)];
    let three_shown: &[(&str, u32, u32)] = &[(shown, 1, 3)];
    let three_created: &[(&str, u32, u32)] = &[(created, 1, 3)];
    let chat_of = "ai_metrics:chat.request_duo_chat_response_event_count";
    let users_of = "ai_metrics:all.duo_used_count";
    let shown_of = "ai_metrics:code_suggestions.shown_count";
    let sessions_of = "agent_sessions:agent_platform.total_count";
    let sum_of = "ai_user_metrics:chat.request_duo_chat_response_event_count";
    let used_count = "all.duo_used_count";
    let at_midnight = "all.duo_used_at_next_midnight_count";
    let created_count = "agent_platform.created_session_event_count";
    let shown_count = "code_suggestions.shown_count";
    for (events, unreadable, totals, at, measure, code, expected) in [
        (two, 0, vec![chat(2)], night, chat_of, 0, "0 null null"),
        (two, 0, vec![chat(3)], night, chat_of, 3, "-1.0 null null"),
        (two, 1, vec![chat(3)], night, chat_of, 0, r#"-1.0 "null_rows" null"#),
        (two, 1, vec![chat(4)], night, chat_of, 3, "-2.0 null null"),
        (two, 1, vec![chat(1)], night, chat_of, 3, "1 null null"),
        (two, 0, vec![chat(3)], later, chat_of, 0, r#"-1.0 "late_events" null"#),
        (two, 0, vec![chat(1)], later, chat_of, 3, "1 null null"),
        (two, 0, vec![chat(3)], soon, chat_of, 0, r#"null null "period_incomplete""#),
        (many, 0, vec![chat(198)], night, chat_of, 3, "2 null null"),
        (many, 0, vec![chat(199)], night, chat_of, 0, "1 null null"),
        (two, 0, vec![used(json!({used_count: 1}))], night, users_of, 0, r#"1 "last_day_missing" null"#),
        (
            two,
            0,
            vec![used(json!({used_count: 3, at_midnight: 1}))],
            night,
            users_of,
            0,
            r#"-1.0 "next_midnight" null"#,
        ),
        (two, 0, vec![used(json!({used_count: 4, at_midnight: 1}))], night, users_of, 3, "-2.0 null null"),
        (
            three_shown,
            0,
            vec![used(json!({shown_count: 2}))],
            night,
            shown_of,
            0,
            r#"1 "contributors_only" null"#,
        ),
        (
            three_shown,
            0,
            vec![used(json!({shown_count: 2, created_count: 0}))],
            night,
            shown_of,
            3,
            "1 null null",
        ),
        (three_created, 0, vec![sessions(2)], night, sessions_of, 3, "1 null null"),
        (
            three_created,
            0,
            vec![sessions(2), used(json!({created_count: 3}))],
            night,
            sessions_of,
            0,
            r#"1 "other_count_agrees" null"#,
        ),
        (two, 0, vec![of_user(1, 1), of_user(2, 1)], night, sum_of, 0, "0 null null"),
        (two, 0, vec![of_user(1, 1)], night, sum_of, 0, r#"1 "unlisted_users" null"#),
        (two, 0, vec![of_user(1, 1), seat.clone()], night, sum_of, 3, "1 null null"),
        (two, 0, vec![of_user(1, 1), of_user(2, 2)], night, sum_of, 3, "-1.0 null null"),
    ] {
        let world = World { events, unreadable, totals: &totals, fetched_at: at };
        let found = outcome(&world, measure);
        assert_eq!(found, (code, vec![expected.to_owned()]), "{measure} {totals:?} {unreadable} {at}");
    }
}
