//! Common mistakes of similar tools, one test each, with minimal streams.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::bench::{Bench, lines_of, run_command};
use crate::stream::{Stream, before, day, days_between, event_of, line, line_of, origin, value};

#[test]
fn a_window_has_28_days_and_people_are_not_summed_over_days() {
    for until in ["2026-10-31", "2028-03-05", "2027-01-05"].map(day) {
        let mut stream = Stream::default();
        for days in 0..28 {
            stream.event("ana", before(until, days), "troubleshoot_job");
        }
        stream.event("bo", before(until, 28), "troubleshoot_job");
        let lines = stream.metrics(until, &[]);
        let window = line(&lines, "users.active", "window", "", &json!({}));
        assert_eq!(
            (&window["value"], &window["n"], &window["of"]),
            (&json!(1), &json!(1), &Value::Null),
            "{until}"
        );
        assert_eq!(window["start"], before(until, 27).to_string());
        assert_eq!((&window["coverage"], &window["people"]), (&json!(1.0), &json!(1)));
        let days = lines.iter().filter(|line| line["metric"] == "users.active" && line["grain"] == "day");
        assert_eq!(days.filter(|line| line["by"] == json!({})).count(), 29, "one of each day");
    }
}

#[test]
fn current_seats_are_not_the_denominator_of_past_users() {
    let (then, today) = (day("2025-10-15"), day("2026-10-31"));
    let mut stream = Stream::default();
    stream.event("ana", then, "troubleshoot_job");
    stream.event("ana", today, "troubleshoot_job");
    stream.seats(day("2026-11-01"), &[("ana", None), ("bo", None)]);
    let lines = stream.metrics(today, &[]);
    let rate = |start: &str| line(&lines, "seats.active", "month", start, &json!({}));
    assert_eq!(
        (&rate("2025-10-01")["value"], &rate("2025-10-01")["reason"]),
        (&Value::Null, &json!("no_snapshot"))
    );
    assert_eq!(rate("2025-10-01")["of"], Value::Null);
    assert_eq!((&rate("2026-10-01")["value"], &rate("2026-10-01")["of"]), (&json!(0.5), &json!(2)));
    assert_eq!(
        value(&lines, "users.active", "month", "2025-10-01", &json!({})),
        &json!(1),
        "counts do not need seats"
    );
}

#[test]
fn nothing_shown_is_null_and_not_zero_percent() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    stream.event_with("ana", today, "code_suggestion_rejected_in_ide", json!({"language": "go"}));
    let lines = stream.metrics(today, &[]);
    for by in [json!({}), json!({"language": "go"})] {
        let rate = line(&lines, "code_suggestions.acceptance_rate", "day", "", &by);
        assert_eq!(
            (&rate["value"], &rate["of"], &rate["reason"]),
            (&Value::Null, &json!(0), &json!("nothing_shown"))
        );
        assert_eq!(value(&lines, "code_suggestions.rejected", "day", "", &by), &json!(1));
    }
    assert_eq!(line(&lines, "chat.messages_per_user", "day", "", &json!({}))["reason"], "nothing_shown");
    assert_eq!(value(&lines, "chat.messages", "day", "", &json!({})), &json!(0), "a count of zero is zero");
}

#[test]
fn since_filters_output_after_aggregation() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    for days in 0..60 {
        stream.event("ana", before(today, days), "request_duo_chat_response");
    }
    let all = stream.metrics(today, &[]);
    let narrow = stream.metrics(today, &["--since", "2026-10-29"]);
    assert!(narrow.len() < all.len());
    assert!(narrow.iter().all(|line| all.contains(line)), "a subset of the lines");
    assert_eq!(value(&narrow, "chat.messages", "month", "2026-10-01", &json!({})), &json!(31));
    assert_eq!(
        value(
            &narrow,
            "engagement.movement",
            "window",
            "",
            &json!({"population": "people", "from": "heavy", "to": "heavy"})
        ),
        &json!(1)
    );
}

#[test]
fn rates_divide_sums_and_unattributed_rows_have_their_own_line() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    let mut show = |count: usize, accepted: usize, more: Value| {
        for number in 0..count {
            stream.event_with("ana", today, "code_suggestion_shown_in_ide", more.clone());
            if number < accepted {
                stream.event_with("bo", today, "code_suggestion_accepted_in_ide", more.clone());
            }
        }
    };
    show(90, 9, json!({"language": "golang", "ide": "Visual Studio Code", "lines": 2}));
    show(10, 9, json!({"language": "GO", "ide": "VSCode"}));
    show(5, 0, json!({"language": "rs", "ide": "nvim"}));
    show(20, 2, json!({"language": "rs"}));
    show(25, 0, json!({}));
    let lines = stream.metrics(today, &[]);
    let shown =
        |by: Value| value(&lines, "code_suggestions.shown", "window", "", &by).as_u64().expect("a count");
    assert_eq!(shown(json!({"language": "go", "ide": "vscode"})), 100);
    assert_eq!(shown(json!({"language": "rust", "ide": "neovim"})), 5);
    assert_eq!(shown(json!({"language": "rust", "ide": "(not attributed)"})), 20);
    assert_eq!(shown(json!({"language": "(not attributed)", "ide": "(not attributed)"})), 25);
    assert_eq!((shown(json!({"language": "rust"})), shown(json!({"ide": "(not attributed)"}))), (25, 45));
    assert_eq!(shown(json!({})), 150);
    let rate = |by: Value| line(&lines, "code_suggestions.acceptance_rate", "window", "", &by);
    assert_eq!(rate(json!({"language": "go"}))["value"], 0.18, "not the mean of 10% and 90%");
    assert_eq!(rate(json!({"language": "go", "ide": "vscode"}))["people"], 2);
    assert_eq!(rate(json!({"language": "go"}))["basis"], 145.0 / 170.0, "share of shown and accepted rows");
    let size = line(&lines, "code_suggestions.line_acceptance_rate", "window", "", &json!({}));
    assert_eq!((&size["n"], &size["of"], &size["basis"]), (&json!(18), &json!(180), &json!(99.0 / 170.0)));
    let unsized_lines =
        line(&lines, "code_suggestions.lines_shown", "window", "", &json!({"language": "rust"}));
    assert_eq!((&unsized_lines["value"], &unsized_lines["reason"]), (&Value::Null, &json!("not_in_source")));
}

#[test]
fn unreported_line_counts_are_null_and_not_zero() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    stream.event("ana", today, "code_suggestion_shown_in_ide");
    stream.event_with("ana", today, "code_suggestion_accepted_in_ide", json!({"lines": 3}));
    let lines = stream.metrics(today, &[]);
    let rate = line(&lines, "code_suggestions.line_acceptance_rate", "window", "", &json!({}));
    assert_eq!((&rate["value"], &rate["reason"]), (&Value::Null, &json!("not_in_source")));
}

#[test]
fn bot_events_count_but_bots_are_not_people() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    for (user, messages) in [("ana", 4), ("bo", 5), ("chidi", 60), ("robot", 500)] {
        for _ in 0..messages {
            stream.event(user, today, "request_duo_chat_response");
        }
    }
    stream.event("dana", today, "complete_duo_chat_response");
    let lines = stream.metrics(today, &[]);
    let of = |metric: &str, by: Value| value(&lines, metric, "window", "", &by).clone();
    assert_eq!((of("chat.messages", json!({})), of("chat.users", json!({}))), (json!(569), json!(3)));
    assert_eq!(of("chat.messages_per_user", json!({})), json!(23.0));
    let bands = ["1-4", "5-19", "20-49", "50+"].map(|band| of("chat.user_bands", json!({"band": band})));
    assert_eq!(bands, [1, 1, 0, 1].map(|people| json!(people)));
    let kinds = ["person", "bot"].map(|kind| of("users.active", json!({"kind": kind})));
    assert_eq!((kinds, of("users.active", json!({}))), ([json!(3), json!(1)], json!(3)));
    assert_eq!(of("users.exposed", json!({})), json!(4), "dana was reached");
    assert_eq!(of("events.count", json!({"kind": "bot"})), json!(500));
}

#[test]
fn people_and_seat_holders_are_separate_series() {
    let end = day("2026-11-01");
    let metrics = |with_list: bool| {
        let mut stream = Stream::default();
        stream.cover("usage_events", (0..70).map(|days| before(end, days)));
        for days in 0..60 {
            stream.event("with-seat", before(end, days), "troubleshoot_job");
            stream.event("without-seat", before(end, days), "troubleshoot_job");
        }
        if with_list {
            // In the last week only; one holder was never active.
            stream.seats(before(end, 1), &[("with-seat", None), ("never-seen", None)]);
        }
        stream.metrics(end, &[])
    };
    let of = |lines: &[Value], start: &str, population: &str, segment: &str| {
        let by = json!({"population": population, "segment": segment});
        value(lines, "engagement.users", "week", start, &by).clone()
    };
    let (before_list, with_list) = (metrics(false), metrics(true));
    for lines in [&before_list, &with_list] {
        for week in ["2026-10-19", "2026-10-26"] {
            let people = ["heavy", "inactive"].map(|segment| of(lines, week, "people", segment));
            assert_eq!(people, [json!(2), json!(0)], "{week}");
        }
    }
    let holders = ["heavy", "inactive"].map(|segment| of(&with_list, "2026-10-26", "seat_holders", segment));
    assert_eq!(holders, [json!(1), json!(1)]);
    let moved = json!({"population": "seat_holders", "from": "inactive", "to": "inactive"});
    assert_eq!(value(&with_list, "engagement.movement", "window", "", &moved), &json!(1));
    // Without a seat list there is no series of seat holders, and all lines of the two metrics have
    // a population.
    let of_engagement = |line: &&Value| {
        ["engagement.users", "engagement.movement"].iter().any(|metric| line["metric"] == *metric)
    };
    assert!(with_list.iter().filter(of_engagement).all(|line| line["population"].is_string()));
    let has_holders = |lines: &[Value], start: &str| {
        let is_week = |line: &&Value| line["grain"] == "week" && line["start"] == start;
        lines.iter().filter(is_week).any(|line| line["population"] == "seat_holders")
    };
    // The list also counts for weeks that ended in the 14 days before it.
    assert!(!has_holders(&with_list, "2026-10-05") && has_holders(&with_list, "2026-10-12"));
    assert!(before_list.iter().all(|line| line["population"] != "seat_holders"));
    assert!(
        with_list.iter().filter(|line| !of_engagement(line)).all(|line| line.get("population").is_none())
    );
}

#[test]
fn a_person_misreported_as_a_bot_counts_on_the_other_days() {
    let end = day("2026-10-31");
    let mut stream = Stream::default();
    stream.cover("usage_events", (0..28).map(|days| before(end, days)));
    for days in 0..28 {
        // One of three events of a day is enough.
        for number in 0..3 {
            let bot = days == 15 && number == 1;
            stream.event_with("ana", before(end, days), "troubleshoot_job", json!({"bot": bot}));
        }
        // A person who becomes a service account.
        stream.event_with("svc", before(end, days), "troubleshoot_job", json!({"bot": days <= 9}));
    }
    // For this person, only the seat list reports a bot, later than the events.
    stream.event("bo", before(end, 20), "troubleshoot_job");
    stream.event("bo", before(end, 2), "troubleshoot_job");
    stream.add(
        "seats",
        "acme",
        before(end, 10),
        json!({"type": "seat", "user": "bo", "bot": true, "assigned": true,
        "add_on": "DUO_ENTERPRISE", "last_duo_activity_on": null}),
    );
    let active = |lines: &[Value], days: u64| {
        let of = |by: Value| {
            let start = before(end, days).to_string();
            value(lines, "users.active", "day", &start, &by).as_u64().expect("a count")
        };
        (of(json!({})), of(json!({"kind": "bot"})))
    };
    let lines = stream.metrics(end, &[]);
    for (days, expected) in [
        (27, (2, 0)),
        (20, (3, 0)),
        (16, (2, 0)),
        (15, (1, 1)),
        (14, (2, 0)),
        (10, (2, 0)),
        (9, (1, 1)),
        (0, (1, 1)),
        // A later record of GitLab without the flag makes it a person again.
        (2, (2, 1)),
    ] {
        assert_eq!(active(&lines, days), expected, "{days} days before the end");
    }
    let window = |by: Value| value(&lines, "users.active", "window", "", &by).clone();
    assert_eq!((window(json!({})), window(json!({"kind": "bot"}))), (json!(3), json!(2)));
    // Accounts that are bots now are not inactive people.
    let by = |segment: &str| json!({"population": "people", "segment": segment});
    let segments = ["inactive", "experimenting", "regular", "heavy"]
        .map(|segment| value(&lines, "engagement.users", "window", "", &by(segment)).clone());
    assert_eq!(segments, [0, 1, 0, 1].map(|people| json!(people)));

    // In any order, repeated, from rollups, and from a history that grows day by day.
    let bench = Bench::new(20, 3);
    let mut all = stream.covered();
    let aggregate = |lines: &[String], more: &[&str]| {
        let done = bench.pipe(&[&["aggregate"], more].concat(), lines.join("\n").as_bytes());
        assert_eq!(done.code, 0, "{}", done.stderr);
        done.stdout
    };
    let complete = aggregate(&all, &[]);
    let metrics = crate::bench::metric_text(&complete);
    all.reverse();
    all.extend(all.clone());
    assert_eq!(crate::bench::metric_text(&aggregate(&all, &[])), metrics);
    let mut counted: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for part in [0, 2, 1] {
        let of_part: Vec<String> = all
            .iter()
            .filter(|line| {
                let line: Value = serde_json::from_str(line).expect("JSON");
                day(line["day"].as_str().expect("a day"))
                    .format("%d")
                    .to_string()
                    .parse::<u32>()
                    .expect("a day")
                    % 3
                    == part
            })
            .cloned()
            .collect();
        let rollups = String::from_utf8(aggregate(&of_part, &["--emit", "rollups"])).expect("text");
        counted.extend(rollups.lines().map(str::to_owned));
        kept = aggregate(&of_part, &["--history", "kept"]);
    }
    assert_eq!(crate::bench::metric_text(&aggregate(&counted, &[])), metrics);
    assert_eq!(crate::bench::metric_text(&kept), metrics);
    assert_eq!(crate::bench::metric_text(&aggregate(&[], &["--history", "kept"])), metrics);
}

#[test]
fn an_ignored_fetch_does_not_mark_bots_in_history() {
    let bench = Bench::new(20, 3);
    let row = |fetched: &str, index: u32, bot: bool| {
        let fields = event_of("ana", day("2026-10-05"), "troubleshoot_job", json!({"bot": bot}));
        let mut line = origin("usage_events", "acme", day("2026-10-05"));
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        (line["fetched_at"], line["row"]) = (fetched.into(), format!("1:{index}").into());
        line.to_string()
    };
    let covered = |fetched: &str| {
        let mut line = origin("usage_events", "acme", day("2026-10-05"));
        let fields = json!({"type": "coverage", "status": "complete", "rows": 2, "fetched_at": fetched, "reason": null});
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        line.to_string()
    };
    let (older, newer) = ("2026-10-06T03:00:00Z", "2026-10-07T03:00:00Z");
    let active = |lines: &[String]| {
        let done = bench.pipe(&["aggregate", "--history", "kept"], lines.join("\n").as_bytes());
        assert!([0, 3].contains(&done.code), "{}", done.stderr);
        value(&lines_of(&done.stdout, "metric"), "users.active", "day", "2026-10-05", &json!({})).clone()
    };
    let counted = [row(older, 0, false), row(older, 1, false), covered(older)];
    let broken_off = [row(newer, 0, true), covered(newer)];
    assert_eq!(
        active(&[&counted[..], &broken_off[..]].concat()),
        1,
        "an incomplete newer fetch does not count"
    );
    assert_eq!(active(&[]), 1, "from the history alone");
    assert_eq!(active(&[row(newer, 1, false)]), 0, "now it is complete, and one record of a bot is enough");
    assert_eq!(active(&[]), 0);
}

#[test]
fn a_user_without_an_id_is_not_a_person() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    for user in ["", "  ", "\t", "(none)", "ana"] {
        stream.event(user, today, "request_duo_chat_response");
    }
    stream.seats(today, &[("", None), ("ana", None)]);
    stream.add(
        "merge_requests",
        "acme",
        today,
        json!({"type": "merge_request", "project": "acme/web", "iid": "1",
        "author": "", "state": "merged", "created_at": format!("{today}T08:00:00Z"),
        "merged_at": format!("{today}T09:00:00Z"), "additions": 1, "deletions": 1}),
    );
    let lines = stream.metrics(today, &[]);
    let of = |metric: &str, by: Value| value(&lines, metric, "window", "", &by).clone();
    assert_eq!((of("chat.messages", json!({})), of("chat.users", json!({}))), (json!(5), json!(1)));
    assert_eq!((of("users.active", json!({})), of("users.exposed", json!({}))), (json!(1), json!(1)));
    let seats = line(&lines, "seats.active", "window", "", &json!({}));
    assert_eq!((&seats["n"], &seats["of"]), (&json!(1), &json!(1)));
    let merged = line(&lines, "merge_requests.merged", "window", "", &json!({}));
    assert_eq!((&merged["value"], &merged["people"]), (&json!(1), &json!(0)));
    assert_eq!(line(&lines, "merge_requests.per_author", "window", "", &json!({}))["of"], 0);

    // A pseudonym key does not change that.
    let bench = Bench::new(20, 3);
    let mut command = bench.command(&["normalize"]);
    command.env("DUO_METRICS_PSEUDONYM_KEY", "a key of some length");
    let pseudonymized = run_command(command, stream.lines.join("\n").as_bytes());
    let users: BTreeSet<String> = lines_of(&pseudonymized.stdout, "event")
        .iter()
        .map(|line| line["user"].as_str().expect("text").trim().to_owned())
        .collect();
    assert_eq!(users.iter().filter(|user| user.starts_with("hmac:")).count(), 1, "{users:?}");
}

#[test]
fn rejects_overflowing_sums_and_keeps_the_largest_exact() {
    let today = day("2026-10-31");
    let bench = Bench::new(20, 3);
    let tokens = |input: &[u64], days_apart: u64| {
        let mut stream = Stream::default();
        for (number, input) in (0..).zip(input) {
            let more = json!({"event": "token_usage_duo_agent_platform", "input_tokens": input, "session": "1",
                "model": "m", "flow": "f"});
            stream.add_exported("snowplow", "/", "ana", before(today, number * days_apart), more);
        }
        stream.lines
    };
    let half = 1 << 63;
    let fits = bench.pipe(&["aggregate"], tokens(&[half, half - 2], 0).join("\n").as_bytes());
    assert_eq!(fits.code, 0, "{}", fits.stderr);
    let lines = lines_of(&fits.stdout, "metric");
    let input = line_of(&lines, "/", "agents.tokens", "day", "", &json!({"kind": "input"}));
    assert_eq!(input["value"], u64::MAX - 1);
    // On one day and on two: the sum of the window is the same.
    let too_many = [(tokens(&[half, half], 0), true), (tokens(&[half, half], 1), false)];
    for (lines, of_one_day) in too_many {
        let aggregated = bench.pipe(&["aggregate"], lines.join("\n").as_bytes());
        assert_eq!((aggregated.code, aggregated.stdout.len()), (65, 0), "{}", aggregated.stderr);
        assert!(aggregated.stderr.contains("overflow 64 bits"), "{}", aggregated.stderr);
        let counted = bench.pipe(&["aggregate", "--emit", "rollups"], lines.join("\n").as_bytes());
        assert_eq!(counted.code, if of_one_day { 65 } else { 0 }, "{}", counted.stderr);
    }
    // The same for rollups: sums of events and of lines of code.
    let rollup = |part: &str, counts: &str| {
        format!(
            r#"{{"type":"rollup","kind":"usage","instance":"i","collector":"usage_events","scope":"acme","day":"2026-10-31","fetched_at":"2026-11-01T03:00:00Z","part":"{part}","user":"ana","event":"code_suggestion_shown_in_ide","feature":"code_suggestions",{counts}}}"#
        )
    };
    for counts in [r#""events":9223372036854775808"#, r#""events":2,"sized":2,"lines":9223372036854775808"#] {
        let lines = [rollup("1", counts), rollup("2", counts)].join("\n");
        let done = bench.pipe(&["aggregate"], lines.as_bytes());
        assert_eq!((done.code, done.stdout.len()), (65, 0), "{counts}: {}", done.stderr);
    }
}

#[test]
fn credits_add_up_exactly_in_any_order() {
    let bench = Bench::new(20, 3);
    let first = day("2026-10-01");
    let mut stream = Stream::default();
    // 438.4 in 31 parts whose floating-point sum differs from it.
    for (number, date) in (0..31).zip(days_between(first, day("2026-10-31"))) {
        let credits = if number == 0 { 438.4 - 0.1 * 30.0 } else { 0.1 };
        let credits = (credits * 10.0_f64).round() / 10.0;
        for product in [Value::Null, json!("duo_agent_platform")] {
            stream.add(
                "credits",
                "acme",
                date,
                json!({"type": "credit", "date": date.to_string(), "product": product,
                "credits": credits}),
            );
        }
    }
    let mut lines = stream.covered();
    for _ in 0..2 {
        let done = bench.pipe(&["aggregate"], lines.join("\n").as_bytes());
        assert_eq!(done.code, 0, "{}", done.stderr);
        let text = String::from_utf8(done.stdout).expect("text");
        let of_month: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("\"agents.credits\"") && line.contains("\"grain\":\"month\""))
            .collect();
        assert_eq!(of_month.len(), 2, "no unattributed credits: {of_month:?}");
        assert!(of_month.iter().all(|line| line.contains("\"value\":438.4,")), "{of_month:?}");
        lines.reverse();
    }
}

#[test]
fn missing_days_do_not_make_seats_idle() {
    let end = day("2026-10-31");
    let ago = |days| before(end, days);
    let metrics = |missing: Option<u64>| {
        let mut stream = Stream::default();
        stream.cover("usage_events", (0..70).filter(|days| Some(*days) != missing).map(ago));
        stream.event("reported-40", ago(65), "troubleshoot_job");
        stream.event("seen-30", ago(30), "code_suggestion_shown_in_ide");
        stream.event("seen-27", ago(27), "code_suggestion_shown_in_ide");
        stream.event("reported-61-seen-1", ago(1), "troubleshoot_job");
        let long: Vec<(&str, Option<NaiveDate>)> = vec![
            ("reported-60", Some(ago(60))),
            ("reported-59", Some(ago(59))),
            ("reported-40", Some(ago(40))),
            ("reported-61-seen-1", Some(ago(61))),
            ("seen-30", None),
            ("seen-27", None),
            ("never", None),
        ];
        stream.seats(ago(30), &[&long[..], &[("gone", None), ("back", None)]].concat());
        stream.seats(ago(10), &[&long[..], &[("new", None)]].concat());
        stream.seats(end, &[&long[..], &[("new", None), ("back", None)]].concat());
        let lines = stream.metrics(end, &[]);
        ["certain", "probable"].map(|tier| {
            let line = line(&lines, "seats.idle", "window", "", &json!({"tier": tier}));
            (line["value"].clone(), line["basis"].clone())
        })
    };
    // Certain: reported-60, never. Probable: reported-59, reported-40, seen-30. New and returning
    // holders are neither.
    assert_eq!(metrics(None), [(json!(2), json!(1.0)), (json!(3), json!(1.0))]);
    // GitLab's activity day covers a missing day; without it, the state of never and seen-30 is
    // unknown.
    assert_eq!(metrics(Some(5)), [(json!(1), json!(7.0 / 9.0)), (json!(2), json!(7.0 / 9.0))]);
    // Days before a person got the seat or was last active do not matter.
    assert_eq!(metrics(Some(45)), metrics(None));
}

#[test]
fn days_to_first_use_need_the_first_seat_list_and_all_days_since() {
    let first = day("2026-10-01");
    let on = |offset: u64| first.checked_add_days(Days::new(offset)).expect("a day");
    let mut stream = Stream::default();
    stream.cover("usage_events", (0..31).filter(|offset| *offset != 20).map(on));
    let use_it =
        |stream: &mut Stream, user: &str, offset: u64| stream.event(user, on(offset), "troubleshoot_job");
    let lists: [(u64, &[&str]); 4] = [
        (0, &["old", "idle"]),
        (2, &["old", "idle", "three", "shown"]),
        (10, &["old", "idle", "three", "shown", "seven", "before", "gap", "never"]),
        (31, &["old", "idle", "three", "shown", "seven", "before", "gap", "never"]),
    ];
    for (offset, holders) in lists {
        stream.seats(on(offset), &holders.iter().map(|user| (*user, None)).collect::<Vec<_>>());
    }
    use_it(&mut stream, "old", 3);
    use_it(&mut stream, "three", 5);
    use_it(&mut stream, "three", 6);
    use_it(&mut stream, "seven", 17);
    use_it(&mut stream, "before", 9);
    use_it(&mut stream, "gap", 25);
    stream.event("shown", on(4), "code_suggestion_shown_in_ide");
    use_it(&mut stream, "shown", 14);
    let lines = stream.metrics(on(30), &[]);
    let days = line(&lines, "seats.days_to_first_use", "month", "2026-10-01", &json!({}));
    // 3, 7 and 12 days; old and gap are excluded.
    assert_eq!((&days["value"], &days["n"], &days["people"]), (&json!(7), &json!(3), &json!(3)));
    assert_eq!(days["basis"], 3.0 / 5.0);
    // Of the holders, before had no event since, and idle and never had no event.
    let activated = line(&lines, "seats.activated", "window", "", &json!({}));
    assert_eq!(
        (&activated["n"], &activated["of"], &activated["value"]),
        (&json!(5), &json!(8), &json!(5.0 / 8.0))
    );
}

#[test]
fn metrics_that_look_back_beyond_the_data_are_null() {
    // A Sunday.
    let end = day("2026-11-01");
    let mut stream = Stream::default();
    stream.cover("usage_events", (0..56).map(|days| before(end, days)));
    // Active from the second week on.
    for days in [2, 9, 16, 40] {
        stream.event("ana", before(end, days), "troubleshoot_job");
    }
    stream.event("bo", before(end, 10), "troubleshoot_job");
    stream.event("chidi", before(end, 11), "troubleshoot_job");
    stream.event("chidi", before(end, 1), "troubleshoot_job");
    let lines = stream.metrics(end, &[]);
    let cell = |start: &str, cohort: &str, week: &str| {
        line(&lines, "engagement.retention", "week", start, &json!({"cohort": cohort, "week": week}))
    };
    let cell_of_two = cell("2026-10-26", "2026-10-19", "1");
    assert_eq!(
        (&cell_of_two["value"], &cell_of_two["n"], &cell_of_two["of"], &cell_of_two["people"]),
        (&json!(0.5), &json!(1), &json!(2), &json!(1))
    );
    assert_eq!(cell("2026-10-19", "2026-10-19", "0")["value"], 1.0);
    assert_eq!(
        cell("2026-10-26", "2026-10-05", "3")["reason"],
        "nothing_shown",
        "no person started in that week"
    );
    assert_eq!(cell("2026-10-26", "2026-09-21", "5")["reason"], "look_back_incomplete");
    let heavy = json!({"population": "people", "from": "inactive", "to": "experimenting"});
    assert_eq!(value(&lines, "engagement.movement", "window", "", &heavy), &json!(2));
    let earlier = stream.metrics(before(end, 1), &[]);
    assert_eq!(line(&earlier, "engagement.movement", "window", "", &heavy)["reason"], "look_back_incomplete");
    let week = line(
        &earlier,
        "engagement.retention",
        "week",
        "2026-10-26",
        &json!({"cohort": "2026-10-19", "week": "1"}),
    );
    assert_eq!(
        (&week["value"], &week["reason"]),
        (&Value::Null, &json!("period_incomplete")),
        "Sunday is missing"
    );
}

#[test]
fn a_partial_day_does_not_prove_inactivity() {
    // A Sunday; all days are fetched so late that they are final.
    let end = day("2026-11-01");
    let partial = day("2026-10-07");
    let metrics = |is_partial: bool| {
        let mut stream = Stream::default();
        stream.cover("usage_events", days_between(day("2026-09-01"), end));
        stream.event("shown", partial, "code_suggestion_shown_in_ide");
        for user in ["ana", "bo"] {
            stream.event(user, day("2026-10-06"), "troubleshoot_job");
        }
        stream.event("ana", day("2026-10-20"), "troubleshoot_job");
        if is_partial {
            stream.mark_partial(partial);
        }
        stream.fetched = Some("2026-12-01T03:00:00Z");
        stream.metrics(end, &[])
    };
    let (complete, partial_lines) = (metrics(false), metrics(true));
    let cohort = |week: &str| json!({"cohort": "2026-10-05", "week": week});
    let inactive = json!({"population": "people", "segment": "inactive"});
    let moved = json!({"population": "people", "from": "inactive", "to": "experimenting"});
    for (metric, grain, start, by, known, coverage) in [
        ("engagement.retention", "week", "2026-10-19", &cohort("2"), 0.5, 41.0 / 42.0),
        ("engagement.retention", "week", "2026-10-05", &cohort("0"), 1.0, 34.0 / 35.0),
        ("engagement.users", "window", "", &inactive, 1.0, 27.0 / 28.0),
        ("engagement.movement", "window", "", &moved, 2.0, 55.0 / 56.0),
    ] {
        let known_line = line(&complete, metric, grain, start, by);
        assert_eq!(
            (known_line["value"].as_f64(), &known_line["coverage"]),
            (Some(known), &json!(1.0)),
            "{known_line}"
        );
        assert_eq!(known_line["final"], true, "{known_line}");
        let unknown_line = line(&partial_lines, metric, grain, start, by);
        assert_eq!(
            (&unknown_line["value"], &unknown_line["final"]),
            (&Value::Null, &json!(false)),
            "{unknown_line}"
        );
        assert_eq!(unknown_line["coverage"].as_f64(), Some(coverage), "{unknown_line}");
        let reason = if start == "2026-10-05" { "period_incomplete" } else { "look_back_incomplete" };
        assert_eq!(unknown_line["reason"], reason, "{unknown_line}");
    }
}

#[test]
fn seat_lists_after_the_report_do_not_count() {
    for (until, grain, start) in [("2026-10-27", "week", "2026-10-26"), ("2026-10-15", "month", "2026-10-01")]
    {
        let until = day(until);
        let mut stream = Stream::default();
        stream.cover("usage_events", days_between(before(until, 20), before(until, 0)));
        stream.event("ana", until, "troubleshoot_job");
        stream.seats(before(until, 0).succ_opt().expect("a day"), &[("ana", None), ("bo", None)]);
        let later = day(if grain == "week" { "2026-11-01" } else { "2026-10-31" });
        stream.seats(later, &[("chidi", None), ("dana", None), ("eve", None), ("fay", None)]);
        let lines = stream.metrics(until, &[]);
        let rate = line(&lines, "seats.active", grain, start, &json!({}));
        assert_eq!((&rate["n"], &rate["of"]), (&json!(1), &json!(2)), "{rate}");
    }
}

#[test]
fn the_largest_value_of_a_purchase_counts_and_purchases_without_id_add_up() {
    let taken = day("2026-10-31");
    for (purchase, add_up, values) in [("gid://gitlab/P/1", false, [1, 5, 3]), ("", true, [3, 5, 1])] {
        for turn in 0..3 {
            let mut stream = Stream::default();
            let mut values = values;
            values.rotate_left(turn);
            for purchased in values {
                let mut pool = json!({"type": "seat_pool", "add_on": "DUO_ENTERPRISE", "purchased": purchased, "assigned": 0});
                if !purchase.is_empty() {
                    pool["purchase"] = json!(purchase);
                }
                stream.add("seats", "acme", taken, pool);
            }
            let lines = stream.metrics(taken, &[]);
            let by = json!({"add_on": "DUO_ENTERPRISE"});
            let expected = if add_up { 9 } else { 5 };
            assert_eq!(value(&lines, "seats.purchased", "day", "", &by), expected, "{purchase} {turn}");
        }
    }
}

#[test]
fn an_incomplete_seat_list_reports_its_share() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    stream.event("ana", today, "troubleshoot_job");
    stream.seats(today, &[("ana", None), ("bo", None)]);
    let pool = json!({"type": "seat_pool", "add_on": "DUO_ENTERPRISE", "purchase": "1", "purchased": 9, "assigned": 3});
    stream.add("seats", "acme", today, pool);
    let lines = stream.metrics(today, &[]);
    let rate = line(&lines, "seats.active", "month", "", &json!({}));
    assert_eq!((&rate["n"], &rate["of"], &rate["basis"]), (&json!(1), &json!(2), &json!(2.0 / 3.0)));
}

#[test]
fn the_cost_of_a_call_without_tokens_is_unknown() {
    let today = day("2026-10-31");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prices = folder.path().join("prices.json");
    let price = json!({"claude-x": {"input_cost_per_token": 0.5, "output_cost_per_token": 0.25}});
    std::fs::write(&prices, price.to_string()).expect("the file");
    let mut stream = Stream::default();
    for (flow, tokens) in [("reported", true), ("reported", false), ("unreported", false)] {
        let mut call = json!({"event": "token_usage_duo_agent_platform", "flow": flow, "model": "claude-x", "session": flow});
        if tokens {
            (call["input_tokens"], call["output_tokens"]) = (json!(100), json!(10));
        }
        stream.add_exported("snowplow", "acme", "ana", today, call);
    }
    let lines = stream.metrics(today, &["--prices", prices.to_str().expect("UTF-8")]);
    let of = |by: Value| line(&lines, "agents.cost_estimate", "month", "", &by).clone();
    let (reported, unreported, all) = (
        of(json!({"flow": "reported"})),
        of(json!({"flow": "unreported"})),
        of(json!({"model": "claude-x"})),
    );
    assert_eq!(
        (&reported["value"], &reported["n"], &reported["basis"]),
        (&json!(52.5), &json!(1), &json!(0.5))
    );
    assert_eq!((&unreported["value"], &unreported["reason"]), (&Value::Null, &json!("not_in_source")));
    assert_eq!((&all["value"], &all["basis"]), (&json!(52.5), &json!(1.0 / 3.0)));
}

#[test]
fn credits_without_product_or_flow_have_their_own_line() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    let mut add = |on: NaiveDate, credits: f64, more: Value| {
        let mut fields = json!({"type": "credit", "date": on.to_string(), "credits": credits});
        fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        stream.add("credits", "acme", on, fields);
    };
    add(today, 5.5, json!({}));
    add(today, 2.0, json!({"product": "code_review"}));
    add(today, 2.0, json!({"flow": "code_review"}));
    add(today, 0.25, json!({"product": "chat"}));
    // A completely attributed day, and one without product and flow.
    add(before(today, 1), 0.3, json!({}));
    // Earlier versions took a flow from a product with a single one.
    add(before(today, 1), 0.1, json!({"product": "code_review", "flow": "guessed"}));
    add(before(today, 1), 0.1, json!({"flow": "code_review"}));
    add(before(today, 1), 0.2, json!({"product": "chat"}));
    add(before(today, 2), 7.0, json!({"product": "chat"}));
    let lines = stream.metrics(today, &[]);
    let of =
        |by: Value| value(&lines, "agents.credits", "month", "2026-10-01", &by).as_f64().expect("a number");
    assert!((of(json!({})) - 5.8).abs() < 1e-9);
    assert!((of(json!({"product": "(none)"})) - 3.25).abs() < 1e-9);
    assert!((of(json!({"flow": "(none)"})) - 3.7).abs() < 1e-9, "3.5 and 0.2");
    assert!((of(json!({"flow": "code_review"})) - 2.1).abs() < 1e-9);
    assert!(!lines.iter().any(|line| line["by"] == json!({"flow": "guessed"})), "a product is no flow");
    let whole_day = |by: Value| value(&lines, "agents.credits", "day", "2026-10-31", &by).as_f64();
    assert_eq!(whole_day(json!({"product": "(none)"})), Some(3.25));
    let is_unattributed = |line: &&Value| {
        line["metric"] == "agents.credits"
            && line["start"] == "2026-10-30"
            && line["by"] == json!({"product": "(none)"})
    };
    assert!(lines.iter().find(is_unattributed).is_none(), "all credits are attributed");
}

#[test]
fn missing_events_of_an_export_are_not_zero_percent() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    for number in 0..6 {
        let user = format!("u{number}");
        stream.add_exported(
            "snowplow",
            "acme",
            &user,
            today,
            json!({"event": "code_suggestion_shown_in_ide"}),
        );
        for event in ["agent_platform_session_created", "agent_platform_session_dropped"] {
            let ts = if event.ends_with("created") { "10:00:00" } else { "10:01:00" };
            let more = json!({"event": event, "session": user, "flow": "f", "ts": format!("{today}T{ts}Z")});
            stream.add_exported("snowplow", "acme", &user, today, more);
        }
        stream.add_exported(
            "snowplow",
            "acme",
            &user,
            today,
            json!({"event": "duo_workflow_tool_success", "tool": "grep"}),
        );
    }
    let lines = stream.metrics(today, &[]);
    for metric in [
        "code_suggestions.acceptance_rate",
        "agents.completion_rate",
        "agents.success_rate",
        "agents.tool_failure_rate",
    ] {
        let rate = line(&lines, metric, "window", "", &json!({}));
        assert_eq!((&rate["value"], &rate["reason"]), (&Value::Null, &json!("not_in_source")), "{metric}");
    }
    assert_eq!(value(&lines, "code_suggestions.shown", "window", "", &json!({})), 6);
}

#[test]
fn a_dora_month_has_the_value_of_its_last_day_and_groups_are_not_summed() {
    let mut stream = Stream::default();
    let mut add = |scope: &str, day: NaiveDate, value: Value| {
        let period = format!("{}-01", &day.to_string()[..7]);
        let fields =
            json!({"type": "dora", "measure": "deployment_frequency", "period": period, "value": value});
        stream.add("dora", scope, day, fields);
    };
    add("acme", day("2026-10-31"), json!(2.5));
    add("acme", day("2026-10-30"), json!(9.0));
    add("acme", day("2026-09-28"), Value::Null);
    let of = |lines: &[Value], start: &str| {
        line(lines, "dora.deployment_frequency", "month", start, &json!({})).clone()
    };
    let lines = stream.metrics(day("2026-11-01"), &[]);
    let (october, september) = (of(&lines, "2026-10-01"), of(&lines, "2026-09-01"));
    assert_eq!(
        (&october["value"], &october["coverage"], &october["n"]),
        (&json!(2.5), &json!(1.0), &Value::Null)
    );
    assert_eq!((&september["value"], &september["reason"]), (&Value::Null, &json!("nothing_shown")));
    assert_eq!(september["coverage"], 28.0 / 30.0);
    let mut stream = Stream { lines: stream.lines, rows: stream.rows, ..Stream::default() };
    stream.add(
        "dora",
        "globex",
        day("2026-10-31"),
        json!({"type": "dora", "measure": "deployment_frequency", "period": "2026-10-01", "value": 1.0}),
    );
    stream.add(
        "dora",
        "acme/web",
        day("2026-10-31"),
        json!({"type": "dora", "measure": "deployment_frequency", "period": "2026-10-01", "value": 0.5}),
    );
    let lines = stream.metrics(day("2026-11-01"), &[]);
    let union = lines.iter().find(|line| {
        line["scope"] == "*" && line["metric"] == "dora.deployment_frequency" && line["start"] == "2026-10-01"
    });
    assert_eq!(union.expect("the line")["reason"], "not_in_source");
    assert_eq!(of(&lines, "2026-10-01"), october);
}

#[test]
fn impact_compares_only_merge_requests_of_people() {
    let end = day("2026-10-31");
    let mut stream = Stream::default();
    stream.event("ana", before(end, 3), "troubleshoot_job");
    stream.event("bo", before(end, 3), "code_suggestion_shown_in_ide");
    let mut merge = |author: Value, iid: u64, minutes: u64, lines: Value| {
        let fields = json!({"type": "merge_request", "project": "acme/web", "iid": iid.to_string(), "author": author,
            "bot": author == "robot", "state": "merged", "created_at": format!("{end}T10:00:00Z"),
            "merged_at": format!("{end}T10:{minutes:02}:00Z"), "additions": lines, "deletions": 1});
        stream.add("merge_requests", "acme", end, fields);
    };
    for (iid, minutes) in [(1, 9), (2, 1), (3, 5), (4, 7)] {
        merge(json!("ana"), iid, minutes, json!(iid));
    }
    merge(json!("bo"), 5, 30, Value::Null);
    merge(json!("robot"), 6, 31, json!(1));
    merge(Value::Null, 7, 32, json!(1));
    let lines = stream.metrics(end, &[]);
    let of = |metric: &str, with_duo: &str, stat: &str| {
        line(&lines, metric, "window", "", &json!({"with_duo": with_duo, "stat": stat})).clone()
    };
    let time = |with_duo, stat| of("impact.time_to_merge_seconds", with_duo, stat);
    let p50 = time("true", "p50");
    assert_eq!(
        (&p50["value"], &p50["n"], &p50["people"], &p50["basis"]),
        (&json!(300), &json!(4), &json!(1), &json!(5.0 / 7.0))
    );
    assert_eq!((&time("true", "low")["value"], &time("true", "high")["value"]), (&json!(60), &json!(540)));
    assert_eq!(
        (&time("false", "p50")["value"], &time("false", "low")["value"]),
        (&json!(1800), &Value::Null),
        "a single value has no interval"
    );
    assert_eq!(time("false", "low")["reason"], "too_few", "there is one case");
    assert_eq!(p50["coverage"], 0.0, "no day is complete in both collectors");
    let size = of("impact.size_lines", "true", "p50");
    assert_eq!((&size["value"], &size["n"]), (&json!(3), &json!(4)));
    assert_eq!(
        of("impact.size_lines", "false", "p50")["reason"],
        "not_in_source",
        "the size of bo's merge request is unknown"
    );
}

#[test]
fn dimensions_of_an_organization_add_up() {
    let bench = Bench::new(120, 60);
    let raw = bench.fetch(&["--duo", "--project", "--since", "2026-09-02"]);
    let lines = lines_of(&bench.aggregate(&bench.normalize(&raw)), "metric");
    let sum = |metric: &str, grain: &str, start: &Value, has: &dyn Fn(&Value) -> bool| -> u64 {
        let parts = lines
            .iter()
            .filter(|line| line["metric"] == metric && line["grain"] == grain && line["start"] == *start);
        parts.filter(|line| has(&line["by"])).map(|line| line["value"].as_u64().expect("a count")).sum()
    };
    let is_by = |by: &Value, names: &[&str]| by.as_object().expect("an object").keys().eq(names.iter());
    let mut checked = 0;
    for total in lines.iter().filter(|line| line["by"] == json!({}) && line["value"].is_u64()) {
        let (metric, grain, start) = (
            total["metric"].as_str().expect("text"),
            total["grain"].as_str().expect("text"),
            &total["start"],
        );
        let splits: &[(&str, &[&str])] = match metric {
            "code_review.requests" | "code_review.comments" | "code_review.reactions" => {
                &[(metric, &["kind"])]
            }
            "chat.users" if ["month", "window"].contains(&grain) => &[("chat.user_bands", &["band"])],
            "code_suggestions.shown" | "code_suggestions.accepted" => &[(metric, &["language"])],
            "merge_requests.merged" | "pipelines.count" => &[(metric, &["project"])],
            "events.count" => &[(metric, &["feature"]), (metric, &["kind"]), (metric, &["event", "feature"])],
            _ => &[],
        };
        for (part, names) in splits {
            assert_eq!(
                sum(part, grain, start, &|by| is_by(by, names)),
                total["value"],
                "{total} by {names:?}"
            );
            checked += 1;
        }
        if metric == "events.count" && grain == "window" && total["end"] == "2026-10-31" {
            let elsewhere = ["code_suggestions", "chat", "troubleshoot_job", "code_review", "agent_platform"];
            let of_families = sum("events.count", grain, start, &|by| {
                is_by(by, &["feature"]) && elsewhere.iter().any(|feature| by["feature"] == *feature)
            });
            for names in [&["feature"][..], &["event"], &["event", "feature"]] {
                let others = sum("workflow.events", grain, start, &|by| is_by(by, names));
                assert_eq!(json!(of_families + others), total["value"]);
            }
            for segment in ["inactive", "experimenting", "regular", "heavy"] {
                for population in ["people", "seat_holders"] {
                    let of = |metric: &str, key: &str| -> u64 {
                        let is_meant = |line: &&Value| {
                            line["metric"] == metric
                                && line["grain"] == grain
                                && line["start"] == *start
                                && line["population"] == population
                                && line["by"][key] == segment
                                && line["by"]["team"].is_null()
                        };
                        let people = lines.iter().filter(is_meant).map(|line| line["value"].as_u64());
                        people.map(|people| people.expect("a count")).sum()
                    };
                    let (now, moved) = (of("engagement.users", "segment"), of("engagement.movement", "to"));
                    assert_eq!(moved, now, "{segment} {population}");
                }
            }
            checked += 1;
        }
    }
    assert!(checked > 500, "{checked}");
}
