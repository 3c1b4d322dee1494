//! Each fault alone, and seeded mixes of them: the figures are those of a run without faults, or the coverage says
//! which days differ. Twenty mixes here; `tests/soak` runs two hundred.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use duo_metrics::collect::collectors::{Span, by_name};
use serde_json::Value;

use crate::bench::{Bench, Done, done, lines_of};
use crate::stand_in::{Fault, Settings, Trouble};

/// Working days, on which everybody does something, so that no day is the same with and without its rows.
const ARGUMENTS: &[&str] = &["fetch", "--duo", "--project", "--since", "2026-10-27", "--until", "2026-10-30"];

/// One request after the other, since faults are scripted by their order.
const IN_TURN: &[&str] = &["--jobs", "1", "--retry-wait", "0.005"];

/// A day of a collector.
type CollectorDay = (String, String);

/// The records of each day of each collector.
type Rows = BTreeMap<CollectorDay, Vec<String>>;

fn settings() -> Settings {
    Settings { people: 40, days: 6, clickhouse: true, ..Settings::default() }
}

/// How many mixes are run, and from which seed on.
fn seeds() -> std::ops::Range<u64> {
    let mixes = std::env::var("SOAK").ok().and_then(|mixes| mixes.parse().ok()).unwrap_or(20);
    0..mixes
}

/// Metric lines by what they speak of, without the address of the GitLab, which differs from stand-in to stand-in.
fn by_key(metrics: &[u8]) -> BTreeMap<String, Value> {
    let lines = lines_of(metrics, "metric").into_iter().map(|mut line| {
        line["instance"] = Value::Null;
        (crate::reference::key(&line), line)
    });
    lines.collect()
}

/// Requests before the first page of anything.
fn before_pages() -> usize {
    static BEFORE: OnceLock<usize> = OnceLock::new();
    *BEFORE.get_or_init(|| Bench::requests_before_pages(&["--duo", "--project"]))
}

/// The records, without what differs from run to run.
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

/// What a run came to, compared with a run without faults.
struct Compared {
    code: i32,
    told: String,
    /// Days that are not complete by their coverage line.
    gaps: BTreeSet<CollectorDay>,
}

/// Runs without faults, and holds what came of a run with faults against it: every figure is right or says that it
/// rests on less, and the days whose rows differ are those that the coverage names.
fn compare(bench: &Bench, fetched: &Done) -> Compared {
    static FAULTLESS: OnceLock<(Rows, BTreeMap<String, Value>)> = OnceLock::new();
    let (expected_rows, expected) = FAULTLESS.get_or_init(|| {
        let bench = Bench::with(settings());
        let records = bench.normalize(&bench.run(ARGUMENTS).stdout);
        (rows(&records), by_key(&bench.aggregate(&records)))
    });
    assert!(expected.len() > 300 && expected_rows.len() > 12);
    let told = &fetched.stderr;
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new(), "{told}");
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
        assert!(differ.is_subset(&gaps), "{differ:?} differ, and only {gaps:?} are said to: {told}");
        // Of a collector that is not asked by day, every day is in doubt when one of its projects is missing; and of
        // a day without rows nothing can be missed.
        let has_to_differ = |day: &&CollectorDay| {
            by_name(&day.0).expect("a collector").span() != Span::Range && expected_rows.contains_key(*day)
        };
        let named: BTreeSet<CollectorDay> = gaps.iter().filter(has_to_differ).cloned().collect();
        assert!(named.is_subset(&differ), "{named:?} are said to differ, and only {differ:?} do: {told}");
    }
    if fetched.code == 0 {
        assert!(!coverage.iter().any(is_gap), "{gaps:?} with exit code 0");
        // Rows that GitLab returned as null are no gap: every figure that lacks some states a lower basis.
        let lower = |key: &String, line: &Value| line["basis"].as_f64() < expected[key]["basis"].as_f64();
        let differ = found.iter().filter(|(key, line)| expected.get(*key) != Some(*line));
        let untrue: Vec<_> = differ.filter(|(key, line)| gaps.is_empty() || !lower(key, line)).collect();
        assert!(untrue.is_empty(), "{untrue:?} differ with exit code 0");
    }
    assert_figures_are_true(&found, expected, told);
    Compared { code: fetched.code, told: fetched.stderr.clone(), gaps }
}

/// Whether a coverage line says that its day did not arrive in full.
fn is_gap(line: &Value) -> bool {
    line["status"] != "complete"
}

/// Whether GitLab returned rows of the day as null.
fn has_nulls(line: &Value) -> bool {
    line["unreadable"].as_u64().is_some_and(|nulls| nulls > 0)
}

/// Holds figures of a run with gaps against the right ones.
fn assert_figures_are_true(
    found: &BTreeMap<String, Value>,
    expected: &BTreeMap<String, Value>,
    context: &str,
) {
    for (key, line) in found {
        // Code suggestions whose own source failed come without their language, and say so.
        if key.contains("(not attributed)") || key.starts_with("coverage.") {
            continue;
        }
        // A line that says it rests on as much as the faultless one has its numbers; one that rests on less says so.
        let Some(right) = expected.get(key) else { panic!("{context}: {key} should not be there: {line}") };
        let at_least = |name: &str| line[name].as_f64() >= right[name].as_f64();
        let is_whole = at_least("coverage") && at_least("basis");
        let rests_on_seats = key.starts_with("seats.") || key.contains(" seat_holders ");
        assert!(line == right || !is_whole || rests_on_seats, "{context}: {line} is not {right}");
    }
}

/// A run in which every fourth request meets this fault once, and a run in which some requests meet it at every try.
fn alone(fault: &Fault, options: &[&str]) -> (Compared, Compared) {
    let before = before_pages();
    let first = || std::iter::repeat_n(Fault::None, before);
    let run = |script: Vec<Fault>, retries: &str| {
        let bench = Bench::with(settings());
        bench.gitlab.inject(first().chain(script));
        let fetched = bench.run(&[ARGUMENTS, IN_TURN, &["--retries", retries], options].concat());
        let struck = bench
            .gitlab
            .requests()
            .iter()
            .any(|request| !matches!(request.outcome, crate::stand_in::Outcome::Answered));
        assert!(struck, "{fault:?} did not strike");
        compare(&bench, &fetched)
    };
    let now_and_then = (0..3).flat_map(|_| [Fault::None, Fault::None, fault.clone(), Fault::None]).collect();
    let at_every_try = [16, 3]
        .into_iter()
        .flat_map(|good| std::iter::repeat_n(Fault::None, good).chain(std::iter::repeat_n(fault.clone(), 3)));
    (run(now_and_then, "3"), run(at_every_try.collect(), "2"))
}

/// A fault that passes, and that leaves gaps where it does not.
fn assert_passes_or_is_named(fault: &Fault, options: &[&str]) {
    let (passing, lasting) = alone(fault, options);
    assert_eq!(passing.code, 0, "{fault:?} passes");
    assert_eq!(lasting.code, 3, "{fault:?} lasts: {}", lasting.told);
    assert!(!lasting.gaps.is_empty());
}

#[test]
fn too_many_requests_with_headers() {
    assert_passes_or_is_named(&Fault::TooManyRequests { retry_after: Some(0) }, &[]);
}

#[test]
fn too_many_requests_without_headers() {
    assert_passes_or_is_named(&Fault::TooManyRequests { retry_after: None }, &[]);
}

#[test]
fn a_bad_gateway_with_a_page_of_html() {
    assert_passes_or_is_named(&Fault::BadGateway, &[]);
}

#[test]
fn an_internal_error_and_a_gateway_that_times_out() {
    for (status, body) in [(500, r#"{"errors":[{"message":"Internal server error"}]}"#), (504, "")] {
        let content_type = "application/json".to_owned();
        let body = body.to_owned();
        assert_passes_or_is_named(&Fault::Status { status, headers: Vec::new(), content_type, body }, &[]);
    }
}

#[test]
fn a_connection_that_is_reset_in_the_middle_of_a_body() {
    assert_passes_or_is_named(&Fault::Reset, &[]);
}

#[test]
fn json_that_is_cut_off() {
    assert_passes_or_is_named(&Fault::TruncatedJson, &[]);
}

#[test]
fn a_connection_that_closes_without_an_answer() {
    assert_passes_or_is_named(&Fault::Hang(Duration::ZERO), &[]);
}

#[test]
fn a_server_that_hangs() {
    assert_passes_or_is_named(&Fault::Hang(Duration::from_secs(600)), &["--timeout", "0.7"]);
}

#[test]
fn a_body_that_is_slow_and_one_that_is_too_slow() {
    let (slow, also_slow) = alone(&Fault::SlowBody(Duration::from_millis(50)), &[]);
    assert_eq!((slow.code, also_slow.code), (0, 0));
    assert_passes_or_is_named(&Fault::SlowBody(Duration::from_secs(600)), &["--timeout", "0.7"]);
}

#[test]
fn a_timeout_that_is_told_with_200_and_one_with_503() {
    for fault in [Fault::TimeoutAnswer, Fault::RequestTimedOut] {
        let (passing, lasting) = alone(&fault, &[]);
        assert_eq!(passing.code, 0, "{fault:?}");
        // What is too heavy twice is asked for in smaller portions, which may pass.
        assert!([0, 3].contains(&lasting.code), "{fault:?}: {}", lasting.code);
    }
}

#[test]
fn events_that_gitlab_cannot_name() {
    let (once, often) = alone(&Fault::NamelessEvents, &[]);
    assert_eq!((once.code, often.code), (0, 3), "a few rows are a remark, many are a gap");
}

#[test]
fn a_token_that_is_revoked_half_way() {
    let before = before_pages();
    for left in [before + 1, before + 7, before + 13] {
        let bench = Bench::with(settings());
        bench.gitlab.revoke_token_after(left);
        let fetched = bench.run(&[ARGUMENTS, IN_TURN].concat());
        assert_eq!(fetched.code, 77, "{}", fetched.stderr);
        assert!(!compare(&bench, &fetched).gaps.is_empty());
        assert_eq!(bench.gitlab.requests().len(), left + 1, "after a refused token nothing more is asked");
    }
}

#[test]
fn one_day_that_nobody_may_see_is_a_gap_and_not_a_fact_about_the_role() {
    let forbidden_day = chrono::NaiveDate::from_ymd_opt(2026, 10, 28);
    let bench = Bench::with(Settings { forbidden_day, ..settings() });
    let fetched = bench.run(ARGUMENTS);
    assert_eq!(fetched.code, 3, "{}", fetched.stderr);
    let day = |collector: &str| (collector.to_owned(), "2026-10-28".to_owned());
    let gaps = compare(&bench, &fetched).gaps;
    assert_eq!(gaps, BTreeSet::from([day("usage_events"), day("code_suggestion_events")]));
}

/// A run whose server goes down for this long while one of its requests is under way.
fn with_a_server_that_goes_down(duration: Duration, options: &[&str]) -> Compared {
    let before = before_pages();
    let bench = Bench::with(settings());
    let hanging = Fault::Hang(Duration::from_secs(600));
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before + 8).chain([hanging]));
    let command = bench.command(&[ARGUMENTS, options].concat());
    let fetched = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| done(command, b""));
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
fn a_server_that_is_down_for_ten_seconds_is_waited_for_and_one_that_stays_down_is_not() {
    std::thread::scope(|scope| {
        // The tries come after 0.4, 1.2, 2.8, 6 and 12.4 s.
        let patient = ["--jobs", "4", "--retries", "6", "--retry-wait", "0.4"];
        let waited_for = scope.spawn(move || with_a_server_that_goes_down(Duration::from_secs(10), &patient));
        let impatient = ["--jobs", "4", "--retries", "2", "--retry-wait", "0.01"];
        let given_up = with_a_server_that_goes_down(Duration::from_secs(600), &impatient);
        assert_eq!(given_up.code, 3);
        assert!(!given_up.gaps.is_empty());
        let bench = Bench::with(settings());
        bench.gitlab.down_for(Duration::from_secs(600));
        let nothing = bench.run(&[ARGUMENTS, &impatient].concat());
        assert_eq!(nothing.code, 75, "{}", nothing.stderr);
        assert!(nothing.stdout.is_empty());
        assert_eq!(waited_for.join().expect("no panic").code, 0);
    });
}

#[test]
fn as_many_requests_are_under_way_at_once_as_jobs_allow_and_no_more() {
    for jobs in [1, 2, 8] {
        let before = before_pages();
        let bench = Bench::with(settings());
        // Answers are held back until so many requests have been under way: this does not hang on timing.
        // The projects are listed first, by one request alone.
        let held = std::iter::repeat_n(Fault::Gather(jobs), jobs);
        bench.gitlab.inject(std::iter::repeat_n(Fault::None, before + 1).chain(held));
        let fetched = bench.run(&[ARGUMENTS, &["--jobs", &jobs.to_string()]].concat());
        assert_eq!(bench.gitlab.most_in_flight(), jobs);
        assert_eq!(compare(&bench, &fetched).code, 0, "{}", fetched.stderr);
    }
}

#[test]
fn under_any_mix_of_faults_no_figure_is_wrong_without_saying_so() {
    let settings = || Settings { people: 20, days: 3, ..Settings::default() };
    let arguments = ["fetch", "--duo", "--project", "--since", "2026-10-29", "--jobs", "4"];
    let faultless = Bench::with(settings());
    let expected = by_key(&faultless.aggregate(&faultless.normalize(&faultless.run(&arguments).stdout)));
    assert!(expected.len() > 300);
    let (mut whole, mut partial, mut nothing) = (0, 0, 0);
    for seed in seeds() {
        // From one request in a hundred to one in three goes wrong.
        let share = [0.01, 0.05, 0.15, 0.33][(seed % 4) as usize];
        let bench = Bench::with(Settings { trouble: Some(Trouble::mixed(seed, share)), ..settings() });
        let impatient = ["--retries", "3", "--retry-wait", "0.002", "--timeout", "1"];
        let fetched = bench.run(&[&arguments[..], &impatient[..]].concat());
        let told = &fetched.stderr;
        match fetched.code {
            0 => whole += 1,
            3 => partial += 1,
            75 => nothing += 1,
            code => panic!("seed {seed}: exit code {code}: {told}"),
        }
        assert_eq!(bench.gitlab.rejected(), Vec::<String>::new(), "seed {seed}");
        let normalized = bench.pipe(&["normalize"], &fetched.stdout);
        assert_eq!(normalized.code, 0, "seed {seed}: {}", normalized.stderr);
        let aggregated = bench.pipe(&["aggregate"], &normalized.stdout);
        assert_eq!(aggregated.code, 0, "seed {seed}: {}", aggregated.stderr);
        let found = by_key(&aggregated.stdout);
        if fetched.code == 0 {
            assert!(found == expected, "seed {seed}: figures differ with exit code 0");
        }
        assert_figures_are_true(&found, &expected, &format!("seed {seed}"));
        for day in lines_of(&fetched.stdout, "coverage") {
            assert_eq!(day["status"] == "complete", day["reason"].is_null(), "seed {seed}: {day}");
        }
    }
    assert!(whole > 0 && partial > 0, "{whole} whole, {partial} partial, {nothing} without anything");
}
