//! Totals that GitLab calculates: taken unchanged, compared with events, and never added to them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;
use stand_in::{Fault, Release, Settings, UsageEvent};

use crate::bench::{Bench, TOKEN, lines_of, metric_text, run_command};

const TOTALS: &[&str] =
    &["--collector", "ai_metrics", "--collector", "ai_user_metrics", "--collector", "agent_sessions"];

fn bench(clickhouse: bool) -> Bench {
    Bench::with(Settings { people: 120, days: 10, clickhouse, ..Settings::default() })
}

/// The events of acme from October 28 on, by day.
fn events_by_day(bench: &Bench) -> BTreeMap<String, Vec<&UsageEvent>> {
    let organization = bench.gitlab.organization();
    let acme = organization.group("acme").expect("the group");
    let mut days: BTreeMap<String, Vec<&UsageEvent>> = BTreeMap::new();
    for event in organization.usage_events.iter().filter(|event| event.group == acme) {
        let day = event.timestamp.date_naive().to_string();
        if day.as_str() >= "2026-10-28" {
            days.entry(day).or_default().push(event);
        }
    }
    days
}

fn day_of(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn count(events: &[&UsageEvent], name: &str) -> usize {
    events.iter().filter(|event| event.event == name).count()
}

#[test]
fn totals_from_clickhouse_match_the_events_exactly() {
    let bench = bench(true);
    let raw = bench.fetch(&[TOTALS, &["--since", "2026-10-28"]].concat());
    let coverage = lines_of(&raw, "coverage");
    assert_eq!(coverage.len(), 4 + 1 + 4, "totals of several days are reported once, for the last day");
    assert!(coverage.iter().all(|line| line["status"] == "complete"));
    let records = bench.normalize(&raw);
    let days = events_by_day(&bench);
    assert_eq!(days.len(), 4);

    let totals: Vec<Value> = lines_of(&records, "group_total");
    let of_group = |day: &str| -> &Value {
        let mut found = totals.iter().filter(|line| line["collector"] == "ai_metrics" && line["day"] == day);
        let one = found.next().expect("a total a day");
        assert!(found.next().is_none() && one["start"] == day && one["end"] == day, "{one}");
        &one["values"]
    };
    for (day, events) in &days {
        // GitLab's range ends with the first moment of the next day.
        let next_midnight = day_of(day).succ_opt().expect("a day").and_time(NaiveTime::MIN).and_utc();
        let at_next_midnight = bench.gitlab.organization().usage_events.iter().filter(|event| {
            event.timestamp == next_midnight && bench.gitlab.organization().group("acme") == Some(event.group)
        });
        let at_next_midnight: BTreeSet<usize> = at_next_midnight.map(|event| event.person).collect();
        let people: BTreeSet<usize> =
            events.iter().map(|event| event.person).chain(at_next_midnight.iter().copied()).collect();
        for (name, expected) in [
            ("all.duo_used_count", people.len()),
            ("all.duo_used_at_next_midnight_count", at_next_midnight.len()),
            ("code_suggestions.shown_count", count(events, "CODE_SUGGESTION_SHOWN_IN_IDE")),
            ("code_suggestions.accepted_count", count(events, "CODE_SUGGESTION_ACCEPTED_IN_IDE")),
            ("chat.request_duo_chat_response_event_count", count(events, "REQUEST_DUO_CHAT_RESPONSE")),
            ("agent_platform.created_session_event_count", count(events, "AGENT_PLATFORM_SESSION_CREATED")),
        ] {
            assert!(expected > 0 || name.contains("midnight"), "{name} on {day}");
            assert_eq!(of_group(day)[name], expected, "{name} on {day}");
        }
    }

    let organization = bench.gitlab.organization();
    let mut of_users: BTreeMap<String, usize> = BTreeMap::new();
    for event in days.values().flatten() {
        *of_users.entry(organization.people[event.person].gid()).or_default() += 1;
    }
    let users = lines_of(&records, "user_total");
    let found: BTreeMap<String, usize> = users
        .iter()
        .map(|line| {
            assert_eq!(
                (&line["day"], &line["start"], &line["end"]),
                (&"2026-10-31".into(), &"2026-10-28".into(), &"2026-10-31".into())
            );
            let total = line["values"]["all.total_event_count"].as_u64().expect("a number");
            (line["user"].as_str().expect("text").to_owned(), total as usize)
        })
        .collect();
    assert_eq!((users.len(), &found), (of_users.len(), &of_users));
}

#[test]
fn totals_are_never_added_to_events() {
    let bench = bench(true);
    let since = ["--since", "2026-10-28"];
    let events = bench.fetch(&[&["--collector", "usage_events"], &since[..]].concat());
    let totals = bench.fetch(&[TOTALS, &since].concat());
    let metrics_of = |raw: &[u8]| {
        let text = metric_text(&bench.aggregate(&bench.normalize(raw)));
        // GitLab's sessions replace the events of their creation.
        let other = |line: &&str| {
            ["coverage.days", "reconcile.difference", r#""source":"#].iter().all(|part| !line.contains(part))
        };
        text.lines().filter(other).map(str::to_owned).collect::<Vec<_>>()
    };
    let events_alone = metrics_of(&events);
    assert!(events_alone.len() > 100);
    assert_eq!(metrics_of(&[events.as_slice(), totals.as_slice()].concat()), events_alone);
}

#[test]
fn without_clickhouse_totals_are_missing_and_not_zero() {
    let bench = bench(false);
    let by_default = bench.run(&["fetch", "--since", "2026-10-30", "--jobs", "1"]);
    assert_eq!(by_default.code, 0, "what this GitLab does not have is no gap: {}", by_default.stderr);
    let totals: Vec<Value> = lines_of(&by_default.stdout, "coverage")
        .into_iter()
        .filter(|line| {
            ["ai_metrics", "ai_user_metrics", "agent_sessions"].iter().any(|name| line["collector"] == *name)
        })
        .collect();
    assert_eq!(totals.len(), 2 + 1 + 2);
    let requests = bench.gitlab.requests();
    let requests = requests
        .iter()
        .filter(|request| ["AiMetrics", "AgentSessions"].contains(&request.operation.as_str()));
    assert_eq!(requests.count(), 2, "a refused collector is not requested for the next day");
    for line in totals {
        assert_eq!((&line["status"], &line["rows"]), (&"denied".into(), &Value::Null), "{line}");
        assert!(line["reason"].as_str().is_some_and(|reason| reason.contains("ClickHouse")), "{line}");
    }
    let page = bench.run(&["run", "--since", "2026-10-30"]);
    assert_eq!(page.code, 0, "{}", page.stderr);
    let card = std::fs::read_to_string(bench.path("public/duo-metrics/dashboard.json")).expect("the card");
    assert!(card.contains(r#""status": "complete""#), "{card}");

    let named = bench.run(&[&["fetch", "--since", "2026-10-30"], TOTALS].concat());
    assert_eq!((named.code, lines_of(&named.stdout, "raw").len()), (69, 0), "{}", named.stderr);
    let with_seats =
        bench.run(&[&["fetch", "--since", "2026-10-30", "--collector", "seats"], TOTALS].concat());
    assert_eq!(
        with_seats.code, 3,
        "a requested collector that is not available is a gap: {}",
        with_seats.stderr
    );
}

#[test]
fn an_empty_list_is_valid_with_clickhouse_and_a_guest_is_denied() {
    let bench = bench(true);
    let arguments = ["--collector", "ai_user_metrics", "--since", "2026-10-02", "--until", "2026-10-03"];
    let coverage = lines_of(&bench.fetch(&arguments), "coverage");
    assert_eq!((&coverage[0]["status"], &coverage[0]["rows"]), (&"complete".into(), &0.into()));
    let mut guest = bench.command(&[&["fetch", "--since", "2026-10-30"], TOTALS].concat());
    guest.env("DUO_TOKEN", format!("{TOKEN}-guest"));
    let guest = run_command(guest, b"");
    let coverage = lines_of(&guest.stdout, "coverage");
    assert_eq!((guest.code, coverage.len()), (69, 5), "{}", guest.stderr);
    assert!(coverage.iter().all(|line| line["status"] == "denied" && line["rows"].is_null()), "{coverage:?}");
}

#[test]
fn requests_at_most_a_year_at_once() {
    let bench = bench(true);
    let year = ["fetch", "--collector", "ai_user_metrics", "--until", "2026-10-31"];
    let longest = bench.run(&[&year[..], &["--since", "2025-10-31"]].concat());
    assert_eq!(longest.code, 0, "{}", longest.stderr);
    let longer = bench.run(&[&year[..], &["--since", "2025-10-30"]].concat());
    assert_eq!(longer.code, 69, "{}", longer.stderr);
    assert!(longer.stderr.contains("at most one year"), "{}", longer.stderr);
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
}

#[test]
fn totals_of_fewer_days_are_not_a_decrease() {
    let bench = bench(true);
    let sums = |since: &str, now: &str| {
        let mut command = bench.command(&["fetch", "--collector", "ai_user_metrics", "--since", since]);
        command.env("DUO_METRICS_NOW", now).env("DUO_METRICS_UNTIL", "2026-10-31");
        bench.normalize(&run_command(command, b"").stdout)
    };
    let (long, short) =
        (sums("2026-10-22", "2026-11-01T03:00:00Z"), sums("2026-10-31", "2026-11-01T04:00:00Z"));
    assert!(lines_of(&long, "user_total").len() > lines_of(&short, "user_total").len());
    bench.aggregate(&[long, short].concat());
}

/// Hundredths of a credit by scope and day in records. Asserts that the parts add up.
fn credits(records: &[u8]) -> BTreeMap<(String, String), u64> {
    let (mut totals, mut products, mut flows) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for line in lines_of(records, "credit") {
        let text = |name: &str| line[name].as_str().expect("text").to_owned();
        let hundredths = (line["credits"].as_f64().expect("a number") * 100.0).round() as u64;
        let sums = if !line["product"].is_null() {
            &mut products
        } else if !line["flow"].is_null() {
            &mut flows
        } else {
            &mut totals
        };
        *sums.entry((text("scope"), text("date"))).or_insert(0) += hundredths;
    }
    assert_eq!((&products, &flows), (&totals, &totals));
    totals
}

/// The same from the sessions of these groups, or of all groups.
fn used(bench: &Bench, groups: &[&str]) -> BTreeMap<(String, String), u64> {
    let organization = bench.gitlab.organization();
    let mut used = BTreeMap::new();
    for session in &organization.sessions {
        let Some(created_at) = session.created_at else { continue };
        let (group, day) =
            (organization.groups[session.group].full_path, created_at.date_naive().to_string());
        let scope = if groups.is_empty() { "/" } else { group };
        if day.as_str() >= "2026-10-28" && (groups.is_empty() || groups.contains(&group)) {
            *used.entry((scope.to_owned(), day)).or_insert(0) += u64::from(session.credits);
        }
    }
    used.retain(|_, used| *used > 0);
    used
}

#[test]
fn credits_are_requested_once_per_payer_and_match_the_sessions() {
    let bench = bench(false);
    let arguments = ["--collector", "credits", "--since", "2026-10-28"];
    let groups = ["--group", "acme/web", "--group", "acme", "--group", "globex", "--group", "acme/platform"];
    let raw = bench.fetch(&[&arguments[..], &groups].concat());
    let scopes: Vec<Value> = lines_of(&raw, "coverage").iter().map(|line| line["scope"].clone()).collect();
    assert_eq!(scopes.iter().filter(|scope| **scope == "acme").count(), 4);
    assert_eq!((scopes.len(), scopes.iter().filter(|scope| **scope == "globex").count()), (8, 4));
    let expected = used(&bench, &["acme", "globex"]);
    assert!(expected.len() >= 4, "{expected:?}");
    assert_eq!(credits(&bench.normalize(&raw)), expected);

    let settings = Settings { people: 120, days: 10, self_managed: true, ..Settings::default() };
    let own = Bench::with(settings);
    let admin = |arguments: &[&str]| {
        let mut command = own.command(&[&["fetch"], arguments].concat());
        command.env("DUO_TOKEN", format!("{TOKEN}-admin"));
        run_command(command, b"")
    };
    let of_instance = admin(&[&arguments[..], &groups].concat());
    assert_eq!(of_instance.code, 0, "{}", of_instance.stderr);
    assert_eq!(credits(&own.normalize(&of_instance.stdout)), used(&own, &[]));

    // The paying group is not in the report.
    let by_default = admin(&["--since", "2026-10-28"]);
    assert_eq!(by_default.code, 0, "{}", by_default.stderr);
    let scopes: BTreeSet<String> = lines_of(&own.aggregate(&own.normalize(&by_default.stdout)), "metric")
        .iter()
        .map(|line| line["scope"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(scopes, BTreeSet::from(["acme".to_owned()]));

    let owner = own.run(&[&["fetch"], &arguments[..]].concat());
    assert_eq!(owner.code, 69, "{}", owner.stderr);
    assert!(owner.stderr.contains("administrator"), "{}", owner.stderr);
}

#[test]
fn months_are_requested_whole_and_hold_the_sums_of_their_days() {
    let bench = Bench::with(Settings {
        people: 120,
        days: 40,
        until: "2026-10-20".parse().expect("a day"),
        ..Settings::default()
    });
    let fetch = |arguments: &[&str]| {
        let mut command = bench.command(&[&["fetch", "--since", "2026-09-28"], arguments].concat());
        command.env("DUO_METRICS_NOW", "2026-10-21T03:00:00Z");
        let fetched = run_command(command, b"");
        assert_eq!(fetched.code, 0, "{}", fetched.stderr);
        fetched.stdout
    };
    let raw = fetch(&["--collector", "credit_months"]);
    let coverage = lines_of(&raw, "coverage");
    assert_eq!(
        (coverage.len(), &coverage[0]["day"], &coverage[0]["rows"]),
        (1, &"2026-10-20".into(), &2.into())
    );
    let text = String::from_utf8(raw.clone()).expect("text");
    assert!(!text.contains("gid://gitlab/User") && !text.contains("entityType"), "people are only counted");
    let months = lines_of(&bench.normalize(&raw), "credit_month");
    let organization = bench.gitlab.organization();
    let acme = organization.group("acme").expect("the group");
    let seats: u32 = organization
        .add_on_purchases
        .iter()
        .filter(|bought| bought.group == acme)
        .map(|bought| bought.purchased)
        .sum();
    for (month, first, last) in
        [(&months[0], "2026-10-01", "2026-10-21"), (&months[1], "2026-09-01", "2026-09-30")]
    {
        assert_eq!((&month["start"], &month["end"]), (&first.into(), &last.into()));
        let mut by_person: BTreeMap<usize, u32> = BTreeMap::new();
        for session in organization.sessions.iter().filter(|session| session.group == acme) {
            let Some(created_at) = session.created_at else { continue };
            if (first..=last).contains(&created_at.date_naive().to_string().as_str()) {
                *by_person.entry(session.person).or_default() += session.credits;
            }
        }
        let used = f64::from(by_person.values().sum::<u32>()) / 100.0;
        assert!(used > 0.0);
        let number = |name: &str| month[name].as_f64();
        assert_eq!((number("used"), number("commitment")), (Some(used), Some(f64::from(seats) * 4.0)));
        let parts =
            ["commitment_used", "waiver_used", "overage_used"].map(|part| number(part).expect("a number"));
        assert!((parts.iter().sum::<f64>() - used).abs() < 1e-6, "{parts:?} {used}");
        assert_eq!(month["active_users"], by_person.len());
        let is_person = |person: &usize| !organization.people[*person].bot;
        let over_cap = by_person.iter().filter(|(person, used)| is_person(person) && **used >= 2_000).count();
        // Who is blocked is known for the current month only.
        let blocked = if last == "2026-10-21" { over_cap.into() } else { Value::Null };
        assert_eq!(month["blocked_users"], blocked);
        assert!(over_cap > 0, "{by_person:?}");
        assert_eq!((number("user_cap"), &month["subscription_cap"]), (Some(20.0), &Value::Null));
    }
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
}

#[test]
fn a_portal_that_does_not_answer_is_a_transient_failure() {
    let bench = bench(false);
    let arguments = ["--collector", "credit_months", "--since", "2026-10-28"];
    let before = Bench::requests_before_pages(&arguments);
    let body = r#"{"errors":[{"message":"Internal server error"}]}"#.to_owned();
    let failure =
        Fault::Status { status: 500, headers: Vec::new(), content_type: "application/json".to_owned(), body };
    let with_failures = |failures: usize| {
        let waits = ["--retries", "2", "--retry-wait", "0.02"];
        let failures = std::iter::repeat_n(failure.clone(), failures);
        bench.gitlab.inject(std::iter::repeat_n(Fault::None, before).chain(failures));
        bench.run(&[&["fetch"], &arguments[..], &waits].concat())
    };
    let recovered = with_failures(1);
    assert_eq!(recovered.code, 0, "{}", recovered.stderr);
    assert_eq!(lines_of(&recovered.stdout, "coverage")[0]["status"], "complete");
    let failed = with_failures(20);
    assert_eq!(lines_of(&failed.stdout, "coverage")[0]["status"], "failed");
    assert!(failed.stderr.contains("server error"), "{}", failed.stderr);
}

#[test]
fn an_older_gitlab_is_asked_for_the_current_month() {
    let settings = Settings { people: 60, days: 40, release: Release::V18_7, ..Settings::default() };
    let bench = Bench::with(Settings { until: "2026-10-20".parse().expect("a day"), ..settings });
    let mut command = bench.command(&["fetch", "--since", "2026-09-28", "--collector", "credit_months"]);
    command.env("DUO_METRICS_NOW", "2026-10-21T03:00:00Z");
    let fetched = run_command(command, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let months = lines_of(&bench.normalize(&fetched.stdout), "credit_month");
    assert_eq!(
        (months.len(), &months[0]["start"], &months[0]["end"]),
        (1, &"2026-10-01".into(), &"2026-10-21".into())
    );
    assert!(months[0]["used"].as_f64().is_some_and(|used| used > 0.0), "{}", months[0]);
    assert_eq!((&months[0]["active_users"], &months[0]["blocked_users"]), (&Value::Null, &Value::Null));
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
}

#[test]
fn reports_subgroups_whose_credits_the_top_level_group_pays() {
    let bench = bench(false);
    let fetched = bench.run(&["fetch", "--duo", "--project", "--since", "2026-10-28", "--group", "acme/web"]);
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let aggregated = bench.aggregate(&bench.normalize(&fetched.stdout));
    let metrics = lines_of(&aggregated, "metric");
    assert!(metrics.iter().all(|line| line["scope"] == "acme/web"));
    let merged =
        metrics.iter().find(|line| line["metric"] == "merge_requests.merged" && line["grain"] == "day");
    assert_eq!(merged.expect("the line")["coverage"], 1.0);
    assert!(lines_of(&aggregated, "coverage").iter().any(|line| line["scope"] == "acme"));
}

#[test]
fn recognizes_all_refusals_of_gitlab() {
    let bench = bench(true);
    let empty_page = r#""nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":null}"#;
    let usage = |rest: &str| format!(r#"{{"subscriptionUsage":{{"enabled":true,{rest}}}}}"#);
    for (collector, data, status, words) in [
        (
            "ai_metrics",
            r#"{"group":{"aiMetrics":{"codeContributorsCount":null,"chat":{"requestDuoChatResponseEventCount":null}}}}"#
                .to_owned(),
            "denied",
            "no ClickHouse",
        ),
        (
            "ai_user_metrics",
            format!(r#"{{"group":{{"aiMetrics":{{"codeContributorsCount":null}},"aiUserMetrics":{{{empty_page}}}}}}}"#),
            "denied",
            "no ClickHouse",
        ),
        ("agent_sessions", r#"{"group":{"analytics":null}}"#.to_owned(), "denied", "no ClickHouse"),
        ("credits", r#"{"subscriptionUsage":{"enabled":false}}"#.to_owned(), "denied", "not reported"),
        ("credit_months", r#"{"subscriptionUsage":{"enabled":false}}"#.to_owned(), "denied", "not reported"),
        ("credit_months", r#"{"subscriptionUsage":null}"#.to_owned(), "denied", "Owner role"),
        ("credits", usage(r#""dailyUsage":null"#), "denied", "null for subscriptionUsage.dailyUsage"),
        (
            "credits",
            usage(r#""startDate":"2026-10-01","endDate":"2026-10-31","dailyUsage":[],"products":[]"#),
            "unsupported",
            "2026-10-01 to 2026-10-31",
        ),
    ] {
        let arguments = ["--collector", collector, "--since", "2026-10-31"];
        let before = Bench::requests_before_pages(&arguments);
        let body = format!(r#"{{"data":{data}}}"#);
        let content_type = "application/json".to_owned();
        let response = Fault::Status { status: 200, headers: Vec::new(), content_type, body };
        bench.gitlab.inject(std::iter::repeat_n(Fault::None, before).chain([response]));
        let result = bench.run(&[&["fetch"], &arguments[..]].concat());
        let coverage = lines_of(&result.stdout, "coverage");
        let reason = coverage[0]["reason"].as_str().unwrap_or_default();
        assert_eq!((result.code, &coverage[0]["status"]), (69, &status.into()), "{collector}: {}", result.stderr);
        assert!(coverage.len() == 1 && reason.contains(words), "{collector}: {coverage:?}");
    }
}
