//! `fetch`: queries to GitLab, and handling of its responses and errors.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use stand_in::{Fault, Release, Settings};

use crate::bench::{Bench, CommandResult, TOKEN, lines, lines_of, metric_text, run_command};

/// Options that make a test fast.
/// Sequential requests, because injected faults depend on their order.
const FAST_RETRIES: &[&str] = &["--retries", "3", "--retry-wait", "0.01", "--timeout", "2", "--jobs", "1"];

fn fetch(bench: &Bench, arguments: &[&str]) -> CommandResult {
    bench.run(&[&["fetch"], FAST_RETRIES, arguments].concat())
}

fn metrics(bench: &Bench, raw: &[u8]) -> String {
    let records = bench.pipe(&["normalize", "--max-rejects", "100"], raw).stdout;
    metric_text(&bench.pipe(&["aggregate"], &records).stdout)
}

#[test]
fn each_event_is_fetched_once_although_ranges_overlap_at_midnight() {
    let bench = Bench::new(300, 12);
    let raw = bench.fetch(&[
        "--since",
        "2026-10-20",
        "--collector",
        "usage_events",
        "--collector",
        "code_suggestion_events",
    ]);
    let normalized = bench.pipe(&["normalize", "--log-format", "json"], &raw);
    let records = lines_of(&normalized.stdout, "event");
    let organization = bench.gitlab.organization();
    let acme = organization.group("acme").expect("the group");
    let is_asked = |event: &&stand_in::UsageEvent| {
        event.group == acme && event.timestamp.date_naive().to_string().as_str() >= "2026-10-20"
    };
    let events: Vec<_> = organization.usage_events.iter().filter(is_asked).collect();
    let at_midnight =
        events.iter().filter(|event| event.timestamp.format("%T").to_string() == "00:00:00").count();
    assert!(at_midnight > 0, "the organization has events at midnight");
    let of = |collector: &str| records.iter().filter(|record| record["collector"] == collector).count();
    assert_eq!(of("usage_events"), events.len());
    assert_eq!(
        of("code_suggestion_events"),
        events.iter().filter(|event| event.is_code_suggestion()).count()
    );
    // Each node is a record, or belongs to another day.
    let nodes: usize =
        lines_of(&raw, "raw").iter().map(|line| line["nodes"].as_array().expect("a list").len()).sum();
    let summary: Value = serde_json::from_str(normalized.stderr.trim()).expect("one JSON line");
    let counts =
        ["records", "outside_the_day", "rejected"].map(|name| summary[name].as_u64().expect("a number"));
    assert_eq!(counts.iter().sum::<u64>(), nodes as u64);
    assert!(counts[1] >= at_midnight as u64, "events at midnight are in two time ranges");
    let bots: BTreeSet<String> =
        organization.people.iter().filter(|person| person.bot).map(|person| person.gid()).collect();
    for record in &records {
        assert_eq!(record["bot"] == true, bots.contains(record["user"].as_str().expect("text")));
    }
}

#[test]
fn queries_stay_within_gitlabs_limits() {
    let bench = Bench::with(Settings { people: 60, days: 40, clickhouse: true, ..Settings::default() });
    let result = fetch(
        &bench,
        &["--duo", "--project", "--since", "2026-09-22", "--group", "acme", "--group", "globex"],
    );
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
    for request in bench.gitlab.requests() {
        assert_eq!(request.status, 200, "{} {}", request.operation, request.variables);
        if request.operation == "Pipelines" {
            assert!(
                request.variables.get("end").is_none(),
                "a pipeline updated later still belongs to its day"
            );
        }
    }
    let coverage = lines_of(&result.stdout, "coverage");
    let expected = 2 * (10 * 40 + 6);
    assert_eq!(coverage.len(), expected, "one line per collector, scope and day");
    assert!(coverage.iter().all(|line| line["status"] == "complete" && line["reason"].is_null()));
    let fetches: BTreeSet<String> = lines_of(&result.stdout, "raw")
        .iter()
        .map(|line| format!("{}{}{}", line["collector"], line["scope"], line["fetched_at"]))
        .collect();
    assert_eq!(fetches.len(), 2 * 16, "one timestamp per collector, scope and day");
}

#[test]
fn permanent_faults_leave_gaps_that_the_coverage_reports() {
    let faultless = Bench::new(60, 5);
    let arguments = ["--since", "2026-10-27", "--collector", "usage_events"];
    let full_result = fetch(&faultless, &arguments);
    let complete: BTreeMap<String, Value> = days(&full_result);
    for (fault, status) in
        [(Fault::BadGateway, "failed"), (Fault::Reset, "failed"), (Fault::TruncatedJson, "failed")]
    {
        let bench = Bench::new(60, 5);
        // The preflight and the first day succeed, and all four attempts of the second day fail.
        let pages_of_first_day = pages(&full_result, "2026-10-27");
        let before = Bench::requests_before_pages(&["--collector", "usage_events"]);
        let passing = std::iter::repeat_n(Fault::None, before + pages_of_first_day);
        bench.gitlab.inject(passing.chain(std::iter::repeat_n(fault.clone(), 4)));
        let result = fetch(&bench, &arguments);
        assert_eq!(result.code, 3, "{fault:?}: {}", result.stderr);
        for (day, line) in days(&result) {
            match day.as_str() {
                "2026-10-28" => {
                    assert_eq!(line["status"], status, "{fault:?}");
                    assert!(
                        line["rows"].is_null()
                            && line["reason"]
                                .as_str()
                                .is_some_and(|reason| reason.contains("after 4 attempts")),
                        "{line}"
                    );
                }
                _ => assert_eq!(line["rows"], complete[&day]["rows"], "{fault:?} {day}"),
            }
        }
        let text = metrics(&bench, &result.stdout);
        let day = text.lines().find(|line| {
            line.contains(r#""metric":"users.active""#)
                && line.contains(r#""grain":"day","start":"2026-10-28""#)
        });
        let day: Value = serde_json::from_str(day.expect("the day")).expect("JSON");
        assert_eq!(
            (day["value"].clone(), day["reason"].clone()),
            (Value::Null, Value::from("not_collected"))
        );
    }
}

#[test]
fn a_day_that_fails_between_pages_is_partial() {
    let bench = Bench::new(300, 3);
    let before = Bench::requests_before_pages(&["--collector", "usage_events"]);
    let faults = std::iter::repeat_n(Fault::BadGateway, 4);
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before + 1).chain(faults));
    let result = fetch(&bench, &["--since", "2026-10-29", "--collector", "usage_events"]);
    assert_eq!(result.code, 3, "{}", result.stderr);
    let days = days(&result);
    assert_eq!(days["2026-10-29"]["status"], "partial");
    assert!(days["2026-10-29"]["rows"].as_u64().is_some_and(|rows| (1..=100).contains(&rows)));
    assert_eq!(days["2026-10-30"]["status"], "complete");
    let records = bench.normalize(&result.stdout);
    let aggregated = bench.pipe(&["aggregate"], &records);
    assert_eq!(
        aggregated.code, 0,
        "later commands do not repeat the warnings of fetch: {}",
        aggregated.stderr
    );
    let window = lines_of(&aggregated.stdout, "metric")
        .into_iter()
        .find(|line| line["metric"] == "users.active" && line["grain"] == "window");
    assert_eq!(window.expect("the line")["coverage"], 2.0 / 28.0);
}

#[test]
fn a_token_revoked_during_the_run_exits_with_77_and_keeps_the_data_so_far() {
    let bench = Bench::new(60, 5);
    let full_result = fetch(&Bench::new(60, 5), &["--since", "2026-10-27", "--collector", "usage_events"]);
    let before = Bench::requests_before_pages(&["--collector", "usage_events"]);
    let request_count = before + pages(&full_result, "2026-10-27");
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, request_count).chain([Fault::Unauthorized]));
    let result =
        fetch(&bench, &["--since", "2026-10-27", "--collector", "usage_events", "--output-dir", "raw"]);
    assert_eq!(result.code, 77, "{}", result.stderr);
    let coverage = lines_of(&result.stdout, "coverage");
    assert_eq!(coverage.len(), 5);
    assert!(
        coverage.iter().any(|line| line["status"] == "complete")
            && coverage.iter().any(|line| line["status"] == "failed")
    );
    assert_eq!(bench.gitlab.requests().len(), request_count + 1, "no requests after a rejected token");
    let kept = std::fs::read(bench.path("raw/usage_events.jsonl"))
        .expect("the file is kept, with coverage lines of missing days");
    assert_eq!(lines(&kept).len(), lines(&result.stdout).len());
}

#[test]
fn null_nodes_are_counted_as_unreadable_and_the_others_count() {
    let bench = Bench::new(60, 5);
    let expected = days(&fetch(&bench, &["--since", "2026-10-27", "--collector", "usage_events"]));
    let before = Bench::requests_before_pages(&["--collector", "usage_events"]);
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before).chain([Fault::NamelessEvents]));
    let result = fetch(&bench, &["--since", "2026-10-27", "--collector", "usage_events"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let days = days(&result);
    let day = &days["2026-10-27"];
    let count = |name: &str| day[name].as_u64().expect("a count");
    assert_eq!(day["status"], "complete", "all pages were fetched");
    assert!(count("unreadable") > 0, "{day}");
    assert_eq!(
        count("rows") + count("unreadable"),
        expected["2026-10-27"]["rows"].as_u64().expect("a count"),
        "a null row counts as a row"
    );
    assert!(day["reason"].as_str().is_some_and(|reason| reason.contains("GitLab could not return")), "{day}");
    assert!(result.stderr.contains("as null, for example"), "{}", result.stderr);
    let normalized = bench.pipe(&["normalize"], &result.stdout);
    assert_eq!(normalized.code, 0, "{}", normalized.stderr);
    assert_eq!(lines_of(&normalized.stdout, "event").len(), number_of_rows(&days));
    // `basis` of all metrics of the day contains the share of readable rows.
    let metrics = lines_of(&bench.aggregate(&normalized.stdout), "metric");
    let of_day = |line: &&Value| {
        line["metric"] == "events.count"
            && line["start"] == "2026-10-27"
            && line["by"] == serde_json::json!({})
    };
    let metric = metrics.iter().find(of_day).expect("the day is reported");
    assert_eq!((&metric["value"], &metric["coverage"]), (&day["rows"], &1.0.into()));
    let share = count("rows") as f64 / (count("rows") + count("unreadable")) as f64;
    assert_eq!(metric["basis"].as_f64(), Some(share));
}

/// Number of rows of all days.
fn number_of_rows(days: &BTreeMap<String, Value>) -> usize {
    days.values().map(|day| day["rows"].as_u64().expect("a count") as usize).sum()
}

#[test]
fn the_token_never_appears_in_output_logs_errors_or_files() {
    let bench = Bench::new(40, 3);
    let leak = Fault::Status {
        status: 500,
        headers: Vec::new(),
        content_type: "application/json".to_owned(),
        body: format!(r#"{{"errors":[{{"message":"bad header Bearer {TOKEN}"}}]}}"#),
    };
    let across_the_cut = Fault::Status {
        status: 403,
        headers: Vec::new(),
        content_type: "text/plain".to_owned(),
        body: format!("{}{TOKEN}", "x".repeat(195)),
    };
    let calls: [(&[&str], Vec<Fault>); 6] = [
        (&["fetch"], vec![across_the_cut]),
        (&["fetch", "--output-dir", "raw"], vec![]),
        (&["fetch", "--log-format", "json"], vec![]),
        (&["fetch"], std::iter::repeat_n(leak, 8).collect()),
        (&["fetch"], vec![Fault::Unauthorized]),
        (&["run", "--duo", "--project", "--output-dir", "raw"], vec![]),
    ];
    let mut seen = 0;
    for (arguments, faults) in calls {
        bench.gitlab.inject(faults);
        let mut command = bench.command(&[arguments, FAST_RETRIES].concat());
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        let result = run_command(command, b"");
        for text in [&result.stdout, result.stderr.as_bytes()] {
            assert!(!contains(text, &TOKEN.as_bytes()[..6]), "{arguments:?}");
            seen += text.len();
        }
    }
    assert!(seen > 10_000);
    for (path, content) in crate::bench::files_below(bench.folder()) {
        assert!(!contains(&content, TOKEN.as_bytes()), "{}", path.display());
    }
    for request in bench.gitlab.requests() {
        assert!(!request.operation.contains(TOKEN) && !request.variables.to_string().contains(TOKEN));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_number_of_events() {
    let peak = |events| {
        let bench = Bench::with(Settings {
            people: 300,
            days: 1,
            events_on_last_day: Some(events),
            ..Settings::default()
        });
        let mut command = bench.command(&["fetch", "--since", "2026-10-31", "--collector", "usage_events"]);
        let mut child = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        let mut peak = 0;
        while child.try_wait().expect("a child process").is_none() {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak =
                line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0).max(peak);
            std::thread::sleep(Duration::from_millis(2));
        }
        let pages =
            bench.gitlab.requests().into_iter().filter(|request| request.operation == "UsageEvents").count();
        assert_eq!(pages, events.div_ceil(100));
        peak
    };
    let (few, many): (u64, u64) = (peak(10_000), peak(100_000));
    assert!(few > 1_000, "{few} kB were seen");
    // 45 bytes kept of each of the 90,000 further events would be seen. Less than that disappears in
    // what the allocator keeps, which differs by more than 1 MB from run to run.
    assert!(many <= few + 4_000, "{few} kB for 10,000 events, {many} kB for 100,000");
}

fn days(result: &CommandResult) -> BTreeMap<String, Value> {
    lines_of(&result.stdout, "coverage")
        .into_iter()
        .map(|line| (line["day"].as_str().expect("text").to_owned(), line))
        .collect()
}

fn pages(result: &CommandResult, day: &str) -> usize {
    lines_of(&result.stdout, "raw").iter().filter(|line| line["day"] == day).count()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[test]
fn group_paths_are_canonicalized() {
    let bench = Bench::new(60, 5);
    let once = bench.fetch(&["--since", "2026-10-30", "--group", "acme", "--jobs", "1"]);
    let twice = bench.fetch(&["--since", "2026-10-30", "--group", "acme", "--group", "ACME", "--jobs", "1"]);
    assert_eq!(once, twice);
}

#[test]
fn today_is_partial_and_future_days_are_not_requested() {
    let bench = Bench::new(60, 5);
    let today =
        fetch(&bench, &["--since", "2026-10-31", "--until", "2026-11-01", "--collector", "usage_events"]);
    assert_eq!(today.code, 3, "{}", today.stderr);
    let days = days(&today);
    assert_eq!(
        (&days["2026-10-31"]["status"], &days["2026-11-01"]["status"]),
        (&"complete".into(), &"partial".into())
    );
    assert_eq!(days["2026-11-01"]["reason"], "the day had not ended");
    assert_eq!(fetch(&bench, &["--until", "2026-11-02"]).code, 2);
    let long_ago =
        fetch(&bench, &["--since", "2026-07-01", "--until", "2026-07-01", "--collector", "usage_events"]);
    assert_eq!(long_ago.code, 3, "an empty day that GitLab may have forgotten: {}", long_ago.stderr);
}

#[test]
fn concurrency_does_not_change_the_metrics() {
    let bench = Bench::with(Settings {
        people: 60,
        days: 14,
        latency: Duration::from_millis(5),
        ..Settings::default()
    });
    let metrics_with = |jobs| {
        let result = bench.run(&["fetch", "--duo", "--project", "--since", "2026-10-20", "--jobs", jobs]);
        assert_eq!(result.code, 0, "{}", result.stderr);
        metrics(&bench, &result.stdout)
    };
    let expected = metrics_with("1");
    assert!(expected.lines().count() > 1_000);
    for jobs in ["2", "8", "32"] {
        assert_eq!(metrics_with(jobs), expected, "--jobs {jobs}");
    }
}

#[test]
fn each_release_is_queried_only_for_fields_it_has() {
    for release in Release::ALL {
        for clickhouse in [false, true] {
            let settings = Settings { people: 40, days: 5, release, clickhouse, ..Settings::default() };
            let bench = Bench::with(settings);
            let result = bench.run(&["fetch", "--duo", "--project", "--since", "2026-10-30"]);
            assert_eq!(bench.gitlab.rejected(), Vec::<String>::new(), "{release}");
            assert_eq!(result.code, 0, "{release}: {}", result.stderr);
            let coverage = lines_of(&result.stdout, "coverage");
            let of = |status: &str| -> BTreeSet<String> {
                let lines = coverage.iter().filter(|line| line["status"] == status);
                lines.map(|line| line["collector"].as_str().expect("text").to_owned()).collect()
            };
            let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
            for (collector, since, needs_click_house) in [
                ("agent_durations", Release::V19_1, true),
                ("agent_flows", Release::Newest, true),
                ("agent_sessions", Release::V19_1, true),
                ("ai_metrics", Release::V17_5, true),
                ("ai_user_metrics", Release::V17_5, true),
                ("code_suggestion_events", Release::V17_5, false),
                ("credit_months", Release::V19_1, false),
                ("credits", Release::V19_1, false),
                ("dora", Release::V17_5, false),
                ("group_tree", Release::V17_5, false),
                ("members", Release::V17_5, false),
                ("merge_requests", Release::V17_5, false),
                ("pipelines", Release::V17_5, false),
                ("seats", Release::V17_5, false),
                ("suggestions_by_editor", Release::V19_1, true),
                ("usage_events", Release::V18_2, false),
            ] {
                let is_missing = needs_click_house && !clickhouse;
                // GitLab's error for flows states that ClickHouse is missing; the others are null.
                let status = if release < since || is_missing && collector == "agent_flows" {
                    "unsupported"
                } else if is_missing {
                    "denied"
                } else {
                    "complete"
                };
                expected.entry(status).or_default().insert(collector.to_owned());
            }
            for status in ["complete", "denied", "unsupported", "partial", "failed", "skipped"] {
                let expected = expected.remove(status).unwrap_or_default();
                assert_eq!(of(status), expected, "{status}, {release}, {clickhouse}: {}", result.stderr);
            }
            let reasons: Vec<&Value> = coverage
                .iter()
                .filter(|line| line["status"] == "unsupported")
                .map(|line| &line["reason"])
                .collect();
            assert!(
                reasons.iter().all(|reason| [
                    "not available in this GitLab version: no field AiUsageData.all",
                    "not available in this GitLab version: no field Analytics.duoWorkflows",
                    "not available in this GitLab version: no field Group.analytics",
                    "not available in this GitLab version: no field Query.subscriptionUsage",
                    "not available in this GitLab version: Query.subscriptionUsage has no argument startDate",
                    "not enabled in this GitLab: ClickHouse is not configured on this instance.",
                    "this GitLab reports credits for the current month only: not available in this GitLab \
                     version: Query.subscriptionUsage has no argument startDate"
                ]
                .contains(&reason.as_str().expect("text"))),
                "{reasons:?}"
            );
            let request_count = bench.gitlab.requests();
            assert!(
                request_count.iter().any(|request| request.operation == "UsageEvents")
                    == (release >= Release::V18_2)
            );
        }
    }
    let old = Bench::with(Settings { people: 40, days: 5, release: Release::V17_5, ..Settings::default() });
    let unavailable = old.run(&[
        "fetch",
        "--since",
        "2026-10-30",
        "--collector",
        "usage_events",
        "--collector",
        "code_suggestion_events",
    ]);
    assert_eq!(
        unavailable.code, 3,
        "a requested collector that is not available is a gap: {}",
        unavailable.stderr
    );
    let alone = old.run(&["fetch", "--since", "2026-10-30", "--collector", "usage_events"]);
    assert_eq!(alone.code, 69, "{}", alone.stderr);
}

/// Fetches the same days from a GitLab with these limits and one without.
fn with_limits(too_heavy: Option<usize>, largest_page: Option<usize>) -> (Bench, CommandResult, Vec<u8>) {
    let settings = || Settings { people: 120, days: 4, ..Settings::default() };
    let arguments = ["fetch", "--since", "2026-10-28", "--retries", "0", "--retry-wait", "0.001"];
    let bench = Bench::with(Settings { too_heavy, largest_page, ..settings() });
    let result = bench.run(&arguments);
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
    (bench, result, Bench::with(settings()).run(&arguments).stdout)
}

/// The events of raw lines, sorted, without fields that differ between fetches.
fn events(bench: &Bench, raw: &[u8]) -> Vec<String> {
    let records = bench.pipe(&["normalize", "--max-rejects", "100"], raw).stdout;
    let mut events: Vec<String> = lines_of(&records, "event")
        .into_iter()
        .map(|mut event| {
            for name in ["instance", "fetched_at", "row"] {
                event[name] = Value::Null;
            }
            event.to_string()
        })
        .collect();
    events.sort();
    events
}

fn was_requested(bench: &Bench, operation: &str) -> bool {
    bench.gitlab.requests().iter().any(|request| request.operation == operation)
}

#[test]
fn a_page_that_times_out_is_requested_in_smaller_pages() {
    let (bench, result, expected) = with_limits(None, Some(30));
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert_eq!(events(&bench, &result.stdout), events(&bench, &expected));
    assert!(!was_requested(&bench, "UsageEventsOfKinds"), "smaller pages are enough");
}

#[test]
fn a_timeout_between_pages_continues_from_there() {
    let arguments = ["--since", "2026-10-29", "--collector", "usage_events", "--retries", "0"];
    let full_result = fetch(&Bench::new(300, 3), &arguments[..4]);
    assert!(pages(&full_result, "2026-10-29") > 2);
    let before = Bench::requests_before_pages(&["--collector", "usage_events"]);
    let bench = Bench::new(300, 3);
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before + 2).chain([Fault::TimeoutAnswer]));
    let result = bench.run(&[&["fetch", "--jobs", "1"], &arguments[..]].concat());
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert_eq!(events(&bench, &result.stdout), events(&bench, &full_result.stdout));
}

#[test]
fn a_day_that_times_out_is_split_by_kinds_of_event() {
    for largest_page in [None, Some(30)] {
        let (bench, result, expected) = with_limits(Some(400), largest_page);
        assert_eq!(result.code, 0, "{}", result.stderr);
        assert_eq!(events(&bench, &result.stdout), events(&bench, &expected));
        assert!(was_requested(&bench, "UsageEventsOfKinds") && !was_requested(&bench, "UsageEventsOfPeople"));
    }
}

#[test]
fn a_kind_of_event_that_times_out_is_split_by_people_and_the_day_is_partial() {
    let (bench, result, expected) = with_limits(Some(60), None);
    assert_eq!(result.code, 3, "{}", result.stderr);
    assert!(was_requested(&bench, "UsageEventsOfPeople"));
    let (found, expected) = (events(&bench, &result.stdout), events(&bench, &expected));
    let is_twice = |event: &&String| {
        let count = |events: &[String]| events.iter().filter(|other| other == event).count();
        count(&found) > count(&expected)
    };
    assert_eq!(found.iter().find(is_twice), None, "no repeated and no unexpected events");
    assert!(found.len() * 10 > expected.len() * 8, "{} of {}", found.len(), expected.len());
    let coverage = lines_of(&result.stdout, "coverage");
    let is_short = |line: &&Value| ["partial", "failed"].iter().any(|status| line["status"] == *status);
    let by_people: Vec<&Value> = coverage.iter().filter(is_short).collect();
    assert!(!by_people.is_empty() && by_people.len() < coverage.len());
    for line in by_people {
        assert_eq!(line["status"], "partial");
        assert!(line["reason"].as_str().is_some_and(|reason| reason.contains("may not be all")), "{line}");
    }
}

#[test]
fn without_event_filters_smaller_pages_are_requested() {
    let settings = || Settings { people: 120, days: 4, release: Release::V17_5, ..Settings::default() };
    let arguments =
        ["fetch", "--since", "2026-10-28", "--collector", "code_suggestion_events", "--retry-wait", "0.001"];
    let bench = Bench::with(Settings { largest_page: Some(5), ..settings() });
    let result = bench.run(&arguments);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let expected = Bench::with(settings()).run(&arguments).stdout;
    assert_eq!(events(&bench, &result.stdout), events(&bench, &expected));
    let heavy = Bench::with(Settings { too_heavy: Some(60), ..settings() }).run(&arguments);
    assert!([3, 75].contains(&heavy.code), "{}", heavy.stderr);
    assert!(heavy.stderr.contains("timed out"), "{}", heavy.stderr);
}

#[test]
fn a_permanent_rate_limit_ends_the_run_and_keeps_valid_data() {
    let bench = Bench::new(60, 5);
    let before = Bench::requests_before_pages(&["--collector", "usage_events"]);
    let arguments = ["--since", "2026-10-27", "--collector", "usage_events"];
    let first_day = pages(&fetch(&Bench::new(60, 5), &arguments), "2026-10-27");
    let limited = || std::iter::repeat_n(Fault::TooManyRequests { retry_after: None }, 4);
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before + first_day).chain(limited()));
    let some = fetch(&bench, &arguments);
    assert_eq!(some.code, 3, "{}", some.stderr);
    let days = days(&some);
    assert_eq!(
        (&days["2026-10-27"]["status"], &days["2026-10-28"]["status"]),
        (&"complete".into(), &"failed".into())
    );
    assert!(days["2026-10-31"]["reason"].as_str().is_some_and(|reason| reason.starts_with("not requested")));
    assert_eq!(bench.gitlab.requests().len(), before + first_day + 4, "no further requests");
    let bench = Bench::new(60, 5);
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before).chain(limited()));
    assert_eq!(fetch(&bench, &arguments).code, 75, "without any data, the same command may succeed later");
}

#[test]
fn an_administrator_can_collect_the_whole_instance_without_a_group() {
    let settings = |too_heavy| Settings { people: 120, days: 4, too_heavy, ..Settings::default() };
    let bench = Bench::with(settings(None));
    let arguments = ["fetch", "--since", "2026-10-28", "--collector", "instance_usage_events"];
    let run = |bench: &Bench, token: &str, arguments: &[&str], group: &str| {
        let mut command = bench.command(&[arguments, FAST_RETRIES].concat());
        command.env("DUO_TOKEN", format!("{TOKEN}{token}")).env("GROUP_PATH", group);
        run_command(command, b"")
    };
    let by_default = run(&bench, "-admin", &["fetch", "--since", "2026-10-28"], "acme");
    assert_eq!(by_default.code, 0, "{}", by_default.stderr);
    assert!(!bench.gitlab.requests().iter().any(|request| request.operation.starts_with("InstanceUsage")));

    let full_result = run(&bench, "-admin", &arguments, "");
    assert_eq!(full_result.code, 0, "{}", full_result.stderr);
    let rows = |result: &CommandResult| -> u64 {
        days(result).values().map(|line| line["rows"].as_u64().expect("a number")).sum()
    };
    let first = bench
        .gitlab
        .organization()
        .usage_events
        .iter()
        .filter(|event| event.timestamp.date_naive().to_string().as_str() >= "2026-10-28");
    assert_eq!(rows(&full_result), first.count() as u64);
    assert!(lines_of(&full_result.stdout, "raw").iter().all(|line| line["scope"] == "/"));

    let owner = run(&bench, "", &arguments, "acme");
    assert_eq!(owner.code, 69, "{}", owner.stderr);
    assert!(owner.stderr.contains("administrator"), "{}", owner.stderr);
    assert_eq!(run(&bench, "-wrong", &arguments, "").code, 77);
    let group = run(&bench, "-admin", &[&arguments[..], &["--collector", "seats"]].concat(), "");
    assert_eq!(group.code, 2, "the others need a group: {}", group.stderr);

    let heavy = Bench::with(settings(Some(250)));
    let split = run(&heavy, "-admin", &arguments, "");
    assert_eq!(split.code, 0, "{}", split.stderr);
    assert!(heavy.gitlab.requests().iter().any(|request| request.operation == "InstanceUsageEventsOfKinds"));
    let records =
        |bench: &Bench, result: &CommandResult| lines_of(&bench.normalize(&result.stdout), "event").len();
    assert_eq!(records(&heavy, &split), records(&bench, &full_result));
    assert_eq!(heavy.gitlab.rejected(), Vec::<String>::new());
}
