//! Single faults and random mixes of them: metrics are the same as without faults, or the coverage
//! reports the days that differ. Tests run 20 mixes, `tests/soak` runs 200.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use duo_metrics::collect::collectors::{Span, by_name};
use serde_json::Value;
use stand_in::{Fault, RandomFaults, Settings};

use crate::bench::{Bench, CommandResult, lines_of, run_command};

/// Working days, so that each day has events and differs from an empty one.
const ARGUMENTS: &[&str] = &["fetch", "--duo", "--project", "--since", "2026-10-27", "--until", "2026-10-30"];

/// Sequential requests, because injected faults depend on their order.
const SEQUENTIAL: &[&str] = &["--jobs", "1", "--retry-wait", "0.005"];

/// A day of a collector.
type CollectorDay = (String, String);

/// The records of each day of each collector.
type Rows = BTreeMap<CollectorDay, Vec<String>>;

fn settings() -> Settings {
    Settings { people: 40, days: 6, clickhouse: true, ..Settings::default() }
}

/// The seeds of the random mixes.
fn seeds() -> std::ops::Range<u64> {
    let mixes = std::env::var("SOAK").ok().and_then(|mixes| mixes.parse().ok()).unwrap_or(20);
    0..mixes
}

/// Metric lines by key, without the instance, which differs between stand-ins.
fn by_key(metrics: &[u8]) -> BTreeMap<String, Value> {
    let lines = lines_of(metrics, "metric").into_iter().map(|mut line| {
        line["instance"] = Value::Null;
        (crate::reference::key(&line), line)
    });
    lines.collect()
}

/// Number of requests before the first page.
fn requests_before_pages() -> usize {
    static REQUESTS_BEFORE_PAGES: OnceLock<usize> = OnceLock::new();
    *REQUESTS_BEFORE_PAGES.get_or_init(|| Bench::requests_before_pages(&["--duo", "--project"]))
}

/// The records, without fields that differ between runs.
fn rows(records: &[u8]) -> Rows {
    let mut rows = Rows::new();
    for kind in ["event", "seat", "seat_pool", "merge_request", "pipeline"] {
        for mut record in lines_of(records, kind) {
            for name in ["instance", "fetched_at", "row"] {
                record[name] = Value::Null;
            }
            rows.entry(collector_day(&record)).or_default().push(record.to_string());
        }
    }
    rows.values_mut().for_each(|rows| rows.sort());
    rows
}

fn collector_day(line: &Value) -> CollectorDay {
    let text = |name: &str| line[name].as_str().expect("text").to_owned();
    (text("collector"), text("day"))
}

/// The result of a run, compared with a run without faults.
struct Compared {
    code: i32,
    stderr: String,
    /// Days that are incomplete according to their coverage line.
    gaps: BTreeSet<CollectorDay>,
}

/// Compares a run with faults with a run without: each metric is correct or reports lower coverage,
/// and the days with different rows are those that the coverage reports.
fn compare(bench: &Bench, fetched: &CommandResult) -> Compared {
    static WITHOUT_FAULTS: OnceLock<(Rows, BTreeMap<String, Value>)> = OnceLock::new();
    let (expected_rows, expected) = WITHOUT_FAULTS.get_or_init(|| {
        let bench = Bench::with(settings());
        let records = bench.normalize(&bench.run(ARGUMENTS).stdout);
        (rows(&records), by_key(&bench.aggregate(&records)))
    });
    assert!(expected.len() > 300 && expected_rows.len() > 12);
    let stderr = &fetched.stderr;
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new(), "{stderr}");
    let normalized = bench.pipe(&["normalize", "--max-rejects", "100"], &fetched.stdout).stdout;
    let found = by_key(&bench.pipe(&["aggregate"], &normalized).stdout);
    let coverage = lines_of(&fetched.stdout, "coverage");
    let gaps: BTreeSet<CollectorDay> =
        coverage.iter().filter(|line| is_gap(line) || has_nulls(line)).map(collector_day).collect();
    for line in &coverage {
        assert_eq!(is_gap(line) || has_nulls(line), !line["reason"].is_null(), "{line}");
    }
    let found_rows = rows(&normalized);
    let days: BTreeSet<&CollectorDay> = expected_rows.keys().chain(found_rows.keys()).collect();
    let differ: BTreeSet<CollectorDay> =
        days.into_iter().filter(|day| expected_rows.get(day) != found_rows.get(day)).cloned().collect();
    if !coverage.is_empty() {
        assert!(differ.is_subset(&gaps), "{differ:?} differ, but only {gaps:?} are reported: {stderr}");
        // For collectors without daily queries, a missing project makes all days incomplete. Days
        // without rows cannot differ.
        let has_to_differ = |day: &&CollectorDay| {
            by_name(&day.0).expect("a collector").span() != Span::Range && expected_rows.contains_key(*day)
        };
        let named: BTreeSet<CollectorDay> = gaps.iter().filter(has_to_differ).cloned().collect();
        assert!(named.is_subset(&differ), "{named:?} are reported, but only {differ:?} differ: {stderr}");
    }
    if fetched.code == 0 {
        assert!(!coverage.iter().any(is_gap), "{gaps:?} with exit code 0");
        // Rows that GitLab returned as null are not a gap: metrics without them have a lower share
        // of rows.
        let lower = |key: &String, line: &Value| line["basis"].as_f64() < expected[key]["basis"].as_f64();
        let differ = found.iter().filter(|(key, line)| expected.get(*key) != Some(*line));
        let wrong: Vec<_> = differ.filter(|(key, line)| gaps.is_empty() || !lower(key, line)).collect();
        assert!(wrong.is_empty(), "{wrong:?} differ with exit code 0");
    }
    assert_metrics_are_correct(&found, expected, stderr);
    Compared { code: fetched.code, stderr: fetched.stderr.clone(), gaps }
}

/// Whether a coverage line reports an incomplete day.
fn is_gap(line: &Value) -> bool {
    line["status"] != "complete"
}

/// Whether GitLab returned rows of the day as null.
fn has_nulls(line: &Value) -> bool {
    line["unreadable"].as_u64().is_some_and(|nulls| nulls > 0)
}

/// Compares the metrics of a run with gaps with the correct ones.
fn assert_metrics_are_correct(
    found: &BTreeMap<String, Value>,
    expected: &BTreeMap<String, Value>,
    context: &str,
) {
    for (key, line) in found {
        // Code suggestions without their own collector have no language and are reported as not
        // attributed.
        if key.contains("(not attributed)") || key.starts_with("coverage.") {
            continue;
        }
        // A line with the same coverage as without faults has the same values; otherwise its
        // coverage is lower.
        let Some(right) = expected.get(key) else {
            // A day without credits has no line; if it was not collected, it has one that says so.
            let is_unknown = line["value"].is_null() && line["reason"] == "not_collected";
            let is_of_credits = key.starts_with("agents.credits ") && line["coverage"] == 0.0;
            assert!(is_unknown && is_of_credits, "{context}: unexpected {key}: {line}");
            continue;
        };
        let at_least = |name: &str| line[name].as_f64() >= right[name].as_f64();
        let is_complete = at_least("coverage") && at_least("basis");
        let rests_on_seats = key.starts_with("seats.") || key.contains(" seat_holders ");
        // Whether nothing finished or GitLab's durations are missing: neither has a value, only the
        // reason differs. A duration that has one has a basis, which must be lower without it.
        let has_no_value = |line: &Value| line["value"].is_null() && line["basis"].is_null();
        let is_no_duration =
            key.starts_with("agents.duration_seconds") && has_no_value(line) && has_no_value(right);
        assert!(
            line == right || !is_complete || rests_on_seats || is_no_duration,
            "{context}: {line} is not {right}"
        );
    }
}

/// A run in which every fourth request fails once, and a run in which some requests always fail.
fn compare_single_fault(fault: &Fault, options: &[&str]) -> (Compared, Compared) {
    let before = requests_before_pages();
    let first = || std::iter::repeat_n(Fault::None, before);
    let run = |script: Vec<Fault>, retries: &str| {
        let bench = Bench::with(settings());
        bench.gitlab.inject(first().chain(script));
        let fetched = bench.run(&[ARGUMENTS, SEQUENTIAL, &["--retries", retries], options].concat());
        let struck = bench
            .gitlab
            .requests()
            .iter()
            .any(|request| !matches!(request.outcome, stand_in::Outcome::Answered));
        assert!(struck, "{fault:?} did not occur");
        compare(&bench, &fetched)
    };
    let now_and_then = (0..3).flat_map(|_| [Fault::None, Fault::None, fault.clone(), Fault::None]).collect();
    let at_every_try = [16, 3, 3, 3]
        .into_iter()
        .flat_map(|good| std::iter::repeat_n(Fault::None, good).chain(std::iter::repeat_n(fault.clone(), 3)));
    (run(now_and_then, "3"), run(at_every_try.collect(), "2"))
}

/// Asserts that a transient fault has no effect, and that a permanent one leaves reported gaps.
fn assert_recovers_or_is_reported(fault: &Fault, options: &[&str]) {
    let (transient, permanent) = compare_single_fault(fault, options);
    assert_eq!(transient.code, 0, "{fault:?} is transient");
    assert_eq!(permanent.code, 3, "{fault:?} is permanent: {}", permanent.stderr);
    assert!(!permanent.gaps.is_empty());
}

#[test]
fn survives_too_many_requests_with_headers() {
    assert_recovers_or_is_reported(&Fault::TooManyRequests { retry_after: Some(0) }, &[]);
}

#[test]
fn survives_too_many_requests_without_headers() {
    assert_recovers_or_is_reported(&Fault::TooManyRequests { retry_after: None }, &[]);
}

#[test]
fn survives_a_bad_gateway_with_an_html_page() {
    assert_recovers_or_is_reported(&Fault::BadGateway, &[]);
}

#[test]
fn survives_internal_errors_and_gateway_timeouts() {
    for (status, body) in [(500, r#"{"errors":[{"message":"Internal server error"}]}"#), (504, "")] {
        let content_type = "application/json".to_owned();
        let body = body.to_owned();
        assert_recovers_or_is_reported(
            &Fault::Status { status, headers: Vec::new(), content_type, body },
            &[],
        );
    }
}

#[test]
fn survives_a_connection_reset_within_a_body() {
    assert_recovers_or_is_reported(&Fault::Reset, &[]);
}

#[test]
fn survives_truncated_json() {
    assert_recovers_or_is_reported(&Fault::TruncatedJson, &[]);
}

#[test]
fn survives_a_connection_closed_without_a_response() {
    assert_recovers_or_is_reported(&Fault::Hang(Duration::ZERO), &[]);
}

#[test]
fn survives_a_hanging_server() {
    assert_recovers_or_is_reported(&Fault::Hang(Duration::from_secs(600)), &["--timeout", "0.7"]);
}

#[test]
fn survives_slow_bodies_and_times_out_on_slower_ones() {
    let (slow, also_slow) = compare_single_fault(&Fault::SlowBody(Duration::from_millis(50)), &[]);
    assert_eq!((slow.code, also_slow.code), (0, 0));
    assert_recovers_or_is_reported(&Fault::SlowBody(Duration::from_secs(600)), &["--timeout", "0.7"]);
}

#[test]
fn survives_graphql_timeouts_with_200_and_503() {
    for fault in [Fault::TimeoutAnswer, Fault::RequestTimedOut] {
        let (transient, permanent) = compare_single_fault(&fault, &[]);
        assert_eq!(transient.code, 0, "{fault:?}");
        // Requests that time out twice are split, and the parts may succeed.
        assert!([0, 3].contains(&permanent.code), "{fault:?}: {}", permanent.code);
    }
}

#[test]
fn survives_events_without_a_name() {
    let (once, often) = compare_single_fault(&Fault::NamelessEvents, &[]);
    assert_eq!((once.code, often.code), (0, 3), "a few null rows are a note, many are a gap");
}

#[test]
fn reports_a_token_that_is_revoked_during_the_run() {
    let before = requests_before_pages();
    for left in [before + 1, before + 7, before + 13] {
        let bench = Bench::with(settings());
        bench.gitlab.revoke_token_after(left);
        let fetched = bench.run(&[ARGUMENTS, SEQUENTIAL].concat());
        assert_eq!(fetched.code, 77, "{}", fetched.stderr);
        assert!(!compare(&bench, &fetched).gaps.is_empty());
        assert_eq!(bench.gitlab.requests().len(), left + 1, "no requests after a rejected token");
    }
}

#[test]
fn one_forbidden_day_is_a_gap_and_not_a_missing_permission() {
    let forbidden_day = chrono::NaiveDate::from_ymd_opt(2026, 10, 28);
    let bench = Bench::with(Settings { forbidden_day, ..settings() });
    let fetched = bench.run(ARGUMENTS);
    assert_eq!(fetched.code, 3, "{}", fetched.stderr);
    let day = |collector: &str| (collector.to_owned(), "2026-10-28".to_owned());
    let gaps = compare(&bench, &fetched).gaps;
    assert_eq!(gaps, BTreeSet::from([day("usage_events"), day("code_suggestion_events")]));
}

/// A run whose server goes down for this long during a request.
fn compare_with_downtime(duration: Duration, options: &[&str]) -> Compared {
    let before = requests_before_pages();
    let bench = Bench::with(settings());
    let hanging = Fault::Hang(Duration::from_secs(600));
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before + 12).chain([hanging]));
    let command = bench.command(&[ARGUMENTS, options].concat());
    let fetched = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| run_command(command, b""));
        while !bench.gitlab.requests().iter().any(|request| request.status == 0) {
            assert!(!fetching.is_finished(), "it ended before the server went down");
            std::thread::sleep(Duration::from_millis(1));
        }
        bench.gitlab.down_for(duration);
        fetching.join().expect("no panic")
    });
    compare(&bench, &fetched)
}

#[test]
fn waits_for_a_server_that_is_down_for_ten_seconds_but_not_longer() {
    std::thread::scope(|scope| {
        // The retries are after 0.4, 1.2, 2.8, 6 and 12.4 s.
        let long_retries = ["--jobs", "4", "--retries", "6", "--retry-wait", "0.4"];
        let waited_for = scope.spawn(move || compare_with_downtime(Duration::from_secs(10), &long_retries));
        let fast_retries = ["--jobs", "4", "--retries", "2", "--retry-wait", "0.01"];
        let given_up = compare_with_downtime(Duration::from_secs(600), &fast_retries);
        assert_eq!(given_up.code, 3);
        assert!(!given_up.gaps.is_empty());
        let bench = Bench::with(settings());
        bench.gitlab.down_for(Duration::from_secs(600));
        let without_data = bench.run(&[ARGUMENTS, &fast_retries].concat());
        assert_eq!(without_data.code, 75, "{}", without_data.stderr);
        assert!(without_data.stdout.is_empty());
        assert_eq!(waited_for.join().expect("no panic").code, 0);
    });
}

#[test]
fn the_number_of_concurrent_requests_is_that_of_jobs() {
    for jobs in [1, 2, 8] {
        let before = requests_before_pages();
        let bench = Bench::with(settings());
        // Responses are held until this many requests are in flight, so the test does not depend on
        // timing. First, single requests list the projects and the subgroups.
        let held = std::iter::repeat_n(Fault::HoldUntilConcurrent(jobs), jobs);
        bench.gitlab.inject(std::iter::repeat_n(Fault::None, before + 2).chain(held));
        let fetched = bench.run(&[ARGUMENTS, &["--jobs", &jobs.to_string()]].concat());
        assert_eq!(bench.gitlab.most_in_flight(), jobs);
        assert_eq!(compare(&bench, &fetched).code, 0, "{}", fetched.stderr);
    }
}

#[test]
fn random_faults_never_cause_unreported_errors() {
    let settings = || Settings { people: 20, days: 3, ..Settings::default() };
    let arguments = ["fetch", "--duo", "--project", "--since", "2026-10-29", "--jobs", "4"];
    let faultless = Bench::with(settings());
    let expected = by_key(&faultless.aggregate(&faultless.normalize(&faultless.run(&arguments).stdout)));
    assert!(expected.len() > 300);
    let (mut complete, mut partial, mut without_data) = (0, 0, 0);
    for seed in seeds() {
        // Between 1% and 33% of requests fail.
        let share = [0.01, 0.05, 0.15, 0.33][(seed % 4) as usize];
        let bench = Bench::with(Settings { trouble: Some(RandomFaults::mixed(seed, share)), ..settings() });
        let fast_retries = ["--retries", "3", "--retry-wait", "0.002", "--timeout", "1"];
        let fetched = bench.run(&[&arguments[..], &fast_retries[..]].concat());
        let stderr = &fetched.stderr;
        match fetched.code {
            0 => complete += 1,
            3 => partial += 1,
            75 => without_data += 1,
            code => panic!("seed {seed}: exit code {code}: {stderr}"),
        }
        assert_eq!(bench.gitlab.rejected(), Vec::<String>::new(), "seed {seed}");
        let normalized = bench.pipe(&["normalize"], &fetched.stdout);
        assert_eq!(normalized.code, 0, "seed {seed}: {}", normalized.stderr);
        let aggregated = bench.pipe(&["aggregate"], &normalized.stdout);
        assert_eq!(aggregated.code, 0, "seed {seed}: {}", aggregated.stderr);
        let found = by_key(&aggregated.stdout);
        if fetched.code == 0 {
            assert!(found == expected, "seed {seed}: metrics differ with exit code 0");
        }
        assert_metrics_are_correct(&found, &expected, &format!("seed {seed}"));
        for day in lines_of(&fetched.stdout, "coverage") {
            assert_eq!(day["status"] == "complete", day["reason"].is_null(), "seed {seed}: {day}");
        }
    }
    assert!(
        complete > 0 && partial > 0,
        "{complete} complete, {partial} partial, {without_data} without data"
    );
}
