//! The days of a first run, and those of later ones.

use chrono::NaiveDate;
use stand_in::Settings;

use crate::bench::{Bench, CommandResult, lines_of, run_command};

const COLLECTOR: [&str; 3] = ["fetch", "--collector", "usage_events"];

/// The first day and the number of days that a fetch collected.
fn days(fetched: &CommandResult) -> (String, usize) {
    let coverage = lines_of(&fetched.stdout, "coverage");
    let first = coverage.iter().filter_map(|line| line["day"].as_str()).min().expect("a day");
    (first.to_owned(), coverage.len())
}

fn fetch(bench: &Bench, arguments: &[&str]) -> CommandResult {
    bench.run(&[&COLLECTOR, arguments].concat())
}

/// Adds what was fetched to the history.
fn keep(bench: &Bench, fetched: &CommandResult, history: &str) {
    let records = bench.pipe(&["normalize"], &fetched.stdout);
    let kept = bench.pipe(&["aggregate", "--history", history], &records.stdout);
    assert!([0, 3].contains(&kept.code), "{}", kept.stderr);
}

#[test]
fn a_first_run_collects_what_gitlab_keeps_and_later_ones_28_days() {
    let bench = Bench::new(20, 3);
    let first = fetch(&bench, &["--history", "kept"]);
    assert_eq!((first.code, days(&first)), (0, ("2026-08-03".to_owned(), 90)), "{}", first.stderr);
    for text in [
        "collecting 90 days (2026-08-03 to 2026-10-31), because the history is empty",
        "At least 90 requests",
    ] {
        assert!(first.stderr.contains(text), "{}", first.stderr);
    }
    keep(&bench, &first, "kept");
    let second = fetch(&bench, &["--history", "kept"]);
    assert_eq!((second.code, days(&second)), (0, ("2026-10-04".to_owned(), 28)), "{}", second.stderr);
    assert!(!second.stderr.contains("collecting"), "{}", second.stderr);
}

#[test]
fn a_fetch_without_history_and_any_explicit_range_are_as_requested() {
    let bench = Bench::new(20, 3);
    let plain = fetch(&bench, &[]);
    assert_eq!(days(&plain), ("2026-10-04".to_owned(), 28), "{}", plain.stderr);
    for (arguments, count) in
        [(&["--every", "7"][..], 28), (&["--since", "2026-10-30"], 2), (&["--until", "2026-10-30"], 90)]
    {
        let fetched = fetch(&bench, &[&["--history", "empty"], arguments].concat());
        assert_eq!(
            (days(&fetched).1, fetched.stderr.contains("collecting")),
            (count, count == 90),
            "{arguments:?}"
        );
    }
    let mut command = bench.command(&[&COLLECTOR[..], &["--history", "empty"]].concat());
    command.env("DUO_METRICS_DAYS", "3");
    assert_eq!(days(&run_command(command, b"")).1, 3);
}

#[test]
fn a_run_without_history_collects_what_retention_and_segments_look_back_on() {
    let bench = Bench::new(20, 3);
    let done = bench.run(&["run", "--collector", "usage_events", "--site", "site"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stderr.contains("collecting 90 days"), "{}", done.stderr);
    assert!(done.stderr.contains("because there is no history"), "{}", done.stderr);
}

#[test]
fn an_incomplete_first_run_continues_with_the_same_days() {
    let forbidden_day = NaiveDate::from_ymd_opt(2026, 8, 20);
    let bench = Bench::with(Settings { people: 20, days: 3, forbidden_day, ..Settings::default() });
    let arguments = ["--history", "kept", "--state", "state"];
    let first = fetch(&bench, &arguments);
    assert_eq!((first.code, days(&first).1), (3, 90), "{}", first.stderr);
    keep(&bench, &first, "kept");
    let second = fetch(&bench, &arguments);
    assert_eq!((second.code, days(&second).1), (3, 90), "{}", second.stderr);
    assert!(second.stderr.contains("because the first run is not complete yet"), "{}", second.stderr);
    // Without the checkpoint, it is a later run.
    assert_eq!(days(&fetch(&bench, &arguments[..2])).1, 28);
}
