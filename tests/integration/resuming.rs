//! Runs that are killed, and runs that take a sample.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::bench::{Bench, lines_of, metric_text};
use crate::stand_in::Settings;

const ARGUMENTS: &[&str] = &["fetch", "--duo", "--project", "--since", "2026-10-20", "--state", "state"];

fn metrics(bench: &Bench, raw: &[u8]) -> String {
    metric_text(&bench.aggregate(&bench.normalize(raw)))
}

/// The (operation, first day) pairs whose parts are whole in the state's folder, read off its files.
fn whole_days(bench: &Bench) -> BTreeSet<(String, String)> {
    let mut whole = BTreeSet::new();
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
                whole.insert((operation.to_owned(), raw["day"].as_str().expect("text").to_owned()));
            }
        }
    }
    whole
}

/// Waits until so many requests were made in all, however fast the machine is; true when the run ended before.
fn ended_before(bench: &Bench, child: &mut Child, requests: usize) -> bool {
    while bench.gitlab.requests().len() < requests {
        if child.try_wait().expect("it can be asked").is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

#[test]
fn after_fifty_kills_the_result_is_that_of_an_unbroken_run_and_nothing_was_fetched_twice() {
    let latency = Duration::from_millis(4);
    let bench = Bench::with(Settings { people: 200, days: 12, latency, ..Settings::default() });
    let expected = metrics(&bench, &bench.fetch(&ARGUMENTS[1..5]));
    let asked_before_pages = Bench::requests_before_pages(&["--duo", "--project"]);
    let mut random = fastrand::Rng::with_seed(7);
    let (mut kills, mut resumed_with) = (0, 0);
    while kills < 50 {
        let whole = whole_days(&bench);
        resumed_with = resumed_with.max(whole.len());
        let before = bench.gitlab.requests().len();
        let mut command = bench.command(ARGUMENTS);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let asked = before + random.usize(5..asked_before_pages + 50);
        let ended = ended_before(&bench, &mut child, asked);
        if !ended {
            child.kill().expect("it can be killed");
            kills += 1;
        }
        child.wait().expect("it ends");
        for request in &bench.gitlab.requests()[before..] {
            let asked = (
                request.operation.clone(),
                request.variables["start"].as_str().unwrap_or_default().to_owned(),
            );
            assert!(!whole.contains(&asked), "{asked:?} was whole and is asked for again");
        }
    }
    assert!(resumed_with > 5, "the kills came too early to tell anything: {resumed_with}");
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
fn a_partial_run_is_made_whole_by_the_same_call_which_asks_for_the_gaps_alone() {
    let bench = Bench::new(60, 12);
    let expected = metrics(&bench, &bench.fetch(&ARGUMENTS[1..5]));
    let impatient = ["--retries", "0", "--retry-wait", "0.001", "--jobs", "1"];
    let before = Bench::requests_before_pages(&["--duo", "--project"]);
    let fault = crate::stand_in::Fault::BadGateway;
    bench.gitlab.inject(std::iter::repeat_n(crate::stand_in::Fault::None, before + 12).chain([fault]));
    let partial = bench.run(&[ARGUMENTS, &impatient].concat());
    assert_eq!(partial.code, 3, "{}", partial.stderr);
    let asked_before = bench.gitlab.requests().len();
    let whole = bench.run(&[ARGUMENTS, &impatient].concat());
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    assert_eq!(metrics(&bench, &whole.stdout), expected);
    let asked = bench.gitlab.requests().len() - asked_before;
    assert!(asked <= before + 10, "{asked} requests for one gap");
    // Another range is another run.
    let other = bench.run(&["fetch", "--since", "2026-10-30", "--state", "state"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
}

#[test]
fn a_sample_takes_the_same_days_each_time_and_every_number_shows_it() {
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
    let figures = bench.aggregate(&bench.normalize(&sampled));
    let of_sampled_collectors =
        |line: &Value| ["users.active", "code_suggestions.shown"].iter().any(|name| line["metric"] == *name);
    let window: Vec<Value> = lines_of(&figures, "metric")
        .into_iter()
        .filter(|line| of_sampled_collectors(line) && line["grain"] == "window")
        .collect();
    assert!(!window.is_empty() && window.iter().all(|line| line["coverage"] == taken.len() as f64 / 28.0));
    let none = bench.run(&["fetch", "--since", "2026-10-31", "--every", "28", "--collector", "usage_events"]);
    assert!([0, 2].contains(&none.code), "{}", none.stderr);
}

#[test]
fn all_tries_of_a_run_are_of_one_moment_and_together_they_are_a_stream_too() {
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
    assert!(!ended_before(&bench, &mut killed, 36), "there is more to ask");
    killed.kill().expect("it can be killed");
    killed.wait().expect("it ends");
    let first = std::fs::read(bench.path("first.jsonl")).expect("the file");
    let second = crate::bench::done(call("2026-11-01T03:10:00Z"), b"");
    assert_eq!(second.code, 0, "{}", second.stderr);
    let moments: BTreeSet<String> = lines_of(&second.stdout, "raw")
        .iter()
        .filter(|line| line["collector"] == "pipelines")
        .map(|line| line["fetched_at"].to_string())
        .collect();
    assert_eq!(moments.len(), 1, "{moments:?}");
    let expected = metrics(&bench, &second.stdout);
    // What the killed try had written, less its last line, which may be cut.
    let whole_lines = first.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let both = [&first[..whole_lines], &second.stdout].concat();
    let pipelines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("\"pipelines.")).map(str::to_owned).collect()
    };
    let together = bench.pipe(&["aggregate"], &bench.normalize(&both));
    assert_eq!(pipelines(&metric_text(&together.stdout)), pipelines(&expected));
}

#[test]
fn a_day_that_was_not_over_is_asked_for_again() {
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
        crate::bench::done(command, b"")
    };
    assert_eq!(call("2026-10-31T12:00:00Z").code, 3);
    let later = call("2026-11-01T03:00:00Z");
    assert_eq!(later.code, 0, "{}", later.stderr);
    let same = bench.run(&["fetch", "--state", "here", "--output-dir", "here"]);
    assert_eq!(same.code, 2, "{}", same.stderr);
}

#[test]
fn two_runs_at_a_time_do_not_work_in_one_folder() {
    let bench = Bench::new(20, 3);
    let hanging = crate::stand_in::Fault::Hang(Duration::from_secs(600));
    bench.gitlab.inject([hanging]);
    let arguments = ["fetch", "--since", "2026-10-30", "--state", "state"];
    let mut command = bench.command(&arguments);
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while bench.gitlab.requests().is_empty() {
        assert!(first.try_wait().expect("it can be asked").is_none(), "it has to wait for an answer");
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = bench.run(&arguments);
    assert_eq!(second.code, 75, "{}", second.stderr);
    assert!(second.stderr.contains("another run works in state"), "{}", second.stderr);
    assert!(second.stdout.is_empty() && bench.gitlab.requests().len() == 1, "nothing was asked");
    let elsewhere = bench.run(&["fetch", "--since", "2026-10-30", "--state", "another"]);
    assert_eq!(elsewhere.code, 0, "{}", elsewhere.stderr);
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    assert_eq!(bench.run(&arguments).code, 0, "who is killed holds nothing");
}
