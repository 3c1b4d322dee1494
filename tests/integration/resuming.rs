//! Interrupted runs and samples.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use stand_in::Settings;

use crate::bench::{Bench, lines_of, metric_text};

const ARGUMENTS: &[&str] = &["fetch", "--duo", "--project", "--since", "2026-10-20", "--state", "state"];

fn metrics(bench: &Bench, raw: &[u8]) -> String {
    metric_text(&bench.aggregate(&bench.normalize(raw)))
}

/// The (operation, first day) pairs that are complete in the state folder.
fn complete_days(bench: &Bench) -> BTreeSet<(String, String)> {
    let mut complete = BTreeSet::new();
    for entry in std::fs::read_dir(bench.path("state")).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.to_string_lossy().ends_with(".part.jsonl") {
            let content = std::fs::read(&path).expect("the file");
            for raw in lines_of(&content, "raw") {
                let operation = match raw["collector"].as_str() {
                    Some("usage_events") => "UsageEvents",
                    Some("code_suggestion_events") => "CodeSuggestionEvents",
                    _ => continue,
                };
                complete.insert((operation.to_owned(), raw["day"].as_str().expect("text").to_owned()));
            }
        }
    }
    complete
}

/// Waits until this many requests were made in total; returns true if the run ended before.
fn ended_before(bench: &Bench, child: &mut Child, requests: usize) -> bool {
    while bench.gitlab.requests().len() < requests {
        if child.try_wait().expect("a child process").is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

#[test]
fn fifty_kills_give_the_result_of_one_run_without_fetching_twice() {
    let latency = Duration::from_millis(4);
    let bench = Bench::with(Settings { people: 200, days: 12, latency, ..Settings::default() });
    let expected = metrics(&bench, &bench.fetch(&ARGUMENTS[1..5]));
    let asked_before_pages = Bench::requests_before_pages(&["--duo", "--project"]);
    let mut random = fastrand::Rng::with_seed(7);
    let (mut kills, mut resumed_with) = (0, 0);
    while kills < 50 {
        let complete = complete_days(&bench);
        resumed_with = resumed_with.max(complete.len());
        let before = bench.gitlab.requests().len();
        let mut command = bench.command(ARGUMENTS);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let requested = before + random.usize(5..asked_before_pages + 50);
        let ended = ended_before(&bench, &mut child, requested);
        if !ended {
            child.kill().expect("it can be killed");
            kills += 1;
        }
        child.wait().expect("it ends");
        for request in &bench.gitlab.requests()[before..] {
            let requested = (
                request.operation.clone(),
                request.variables["start"].as_str().unwrap_or_default().to_owned(),
            );
            assert!(!complete.contains(&requested), "{requested:?} was complete and is requested again");
        }
    }
    assert!(resumed_with > 5, "the runs were killed too early: {resumed_with}");
    let last = bench.run(ARGUMENTS);
    assert_eq!(last.code, 0, "{}", last.stderr);
    assert_eq!(metrics(&bench, &last.stdout), expected);
    let left: Vec<_> = std::fs::read_dir(bench.path("state"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["run.lock"], "a complete run leaves no state");
}

#[test]
fn repeating_a_partial_run_fetches_only_the_gaps() {
    let bench = Bench::new(60, 12);
    let expected = metrics(&bench, &bench.fetch(&ARGUMENTS[1..5]));
    let fast_retries = ["--retries", "0", "--retry-wait", "0.001", "--jobs", "1"];
    let before = Bench::requests_before_pages(&["--duo", "--project"]);
    let fault = stand_in::Fault::BadGateway;
    bench.gitlab.inject(std::iter::repeat_n(stand_in::Fault::None, before + 12).chain([fault]));
    let partial = bench.run(&[ARGUMENTS, &fast_retries].concat());
    assert_eq!(partial.code, 3, "{}", partial.stderr);
    let asked_before = bench.gitlab.requests().len();
    let repeated = bench.run(&[ARGUMENTS, &fast_retries].concat());
    assert_eq!(repeated.code, 0, "{}", repeated.stderr);
    assert_eq!(metrics(&bench, &repeated.stdout), expected);
    let requested = bench.gitlab.requests().len() - asked_before;
    // Of them one each for the collectors that this GitLab refuses.
    assert!(requested <= before + 13, "{requested} requests for one gap, {before} before");
    // Another range is another run.
    let other = bench.run(&["fetch", "--since", "2026-10-30", "--state", "state"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
}

#[test]
fn a_sample_uses_the_same_days_each_time_and_marks_each_metric() {
    let bench = Bench::new(60, 12);
    let sampled = bench.fetch(&["--since", "2026-10-20", "--every", "3"]);
    let days = |stream: &[u8], status: &str| -> BTreeSet<String> {
        let lines = lines_of(stream, "coverage")
            .into_iter()
            .filter(|line| line["collector"] == "usage_events" && line["status"] == status);
        lines.map(|line| line["day"].as_str().expect("text").to_owned()).collect()
    };
    let taken = days(&sampled, "complete");
    assert_eq!(taken.len() + days(&sampled, "skipped").len(), 12);
    assert!((3..=5).contains(&taken.len()), "{taken:?}");
    let later = bench.fetch(&["--since", "2026-10-23", "--every", "3"]);
    assert!(days(&later, "complete").is_subset(&taken));
    let aggregated = bench.aggregate(&bench.normalize(&sampled));
    let of_sampled_collectors =
        |line: &Value| ["users.active", "code_suggestions.shown"].iter().any(|name| line["metric"] == *name);
    let window: Vec<Value> = lines_of(&aggregated, "metric")
        .into_iter()
        .filter(|line| of_sampled_collectors(line) && line["grain"] == "window")
        .collect();
    assert!(!window.is_empty() && window.iter().all(|line| line["coverage"] == taken.len() as f64 / 28.0));
    let none = bench.run(&["fetch", "--since", "2026-10-31", "--every", "28", "--collector", "usage_events"]);
    assert!([0, 2].contains(&none.code), "{}", none.stderr);
}

#[test]
fn all_attempts_of_a_run_have_one_timestamp_and_form_one_stream() {
    let latency = Duration::from_millis(4);
    let bench = Bench::with(Settings { people: 200, days: 12, latency, ..Settings::default() });
    let call = |now: &str| {
        let mut command = bench.command(&["fetch", "--project", "--since", "2026-10-20", "--state", "state"]);
        command.env("DUO_METRICS_NOW", now);
        command
    };
    let written = std::fs::File::create(bench.path("first.jsonl")).expect("a file");
    let mut killed =
        call("2026-11-01T03:00:00Z").stdout(written).stderr(Stdio::null()).spawn().expect("it starts");
    assert!(!ended_before(&bench, &mut killed, 36), "more requests are necessary");
    killed.kill().expect("it can be killed");
    killed.wait().expect("it ends");
    let first = std::fs::read(bench.path("first.jsonl")).expect("the file");
    let second = crate::bench::run_command(call("2026-11-01T03:10:00Z"), b"");
    assert_eq!(second.code, 0, "{}", second.stderr);
    let moments: BTreeSet<String> = lines_of(&second.stdout, "raw")
        .iter()
        .filter(|line| line["collector"] == "pipelines")
        .map(|line| line["fetched_at"].to_string())
        .collect();
    assert_eq!(moments.len(), 1, "{moments:?}");
    let expected = metrics(&bench, &second.stdout);
    // The output of the killed run, without its last line, which may be truncated.
    let whole_lines = first.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let both = [&first[..whole_lines], &second.stdout].concat();
    let pipelines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("\"pipelines.")).map(str::to_owned).collect()
    };
    let together = bench.pipe(&["aggregate"], &bench.normalize(&both));
    assert_eq!(pipelines(&metric_text(&together.stdout)), pipelines(&expected));
}

#[test]
fn an_unfinished_day_is_requested_again() {
    let bench = Bench::new(60, 12);
    let call = |now: &str| {
        let mut command = bench.command(&[
            "fetch",
            "--collector",
            "usage_events",
            "--collector",
            "pipelines",
            "--since",
            "2026-10-31",
            "--until",
            "2026-10-31",
            "--state",
            "state",
        ]);
        command.env("DUO_METRICS_NOW", now);
        crate::bench::run_command(command, b"")
    };
    assert_eq!(call("2026-10-31T12:00:00Z").code, 3);
    let later = call("2026-11-01T03:00:00Z");
    assert_eq!(later.code, 0, "{}", later.stderr);
    let same = bench.run(&["fetch", "--state", "here", "--output-dir", "here"]);
    assert_eq!(same.code, 2, "{}", same.stderr);
}

#[test]
fn concurrent_runs_cannot_share_a_state_folder() {
    let bench = Bench::new(20, 3);
    let hanging = stand_in::Fault::Hang(Duration::from_secs(600));
    bench.gitlab.inject([hanging]);
    let arguments = ["fetch", "--since", "2026-10-30", "--state", "state"];
    let mut command = bench.command(&arguments);
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while bench.gitlab.requests().is_empty() {
        assert!(first.try_wait().expect("a child process").is_none(), "it is waiting for a response");
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = bench.run(&arguments);
    assert_eq!(second.code, 75, "{}", second.stderr);
    assert!(second.stderr.contains("another run uses state"), "{}", second.stderr);
    assert!(second.stdout.is_empty() && bench.gitlab.requests().len() == 1, "no requests");
    let elsewhere = bench.run(&["fetch", "--since", "2026-10-30", "--state", "another"]);
    assert_eq!(elsewhere.code, 0, "{}", elsewhere.stderr);
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    assert_eq!(bench.run(&arguments).code, 0, "a killed run holds no lock");
}
