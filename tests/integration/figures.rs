//! Every number against the second calculation.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bench::{Bench, lines_of};
use crate::reference::{Collected, Lines, key, metrics};

/// Reads the metric lines and fails when two lines speak of the same thing.
fn by_key(stream: &[u8]) -> Lines {
    let mut found = Lines::new();
    for mut line in lines_of(stream, "metric") {
        let fields = line.as_object_mut().expect("a line is an object");
        fields.remove("type");
        fields.remove("instance");
        let key = key(&line);
        assert!(found.insert(key.clone(), line).is_none(), "two lines of {key}");
    }
    found
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-12 * one.abs().max(1.0),
        _ => match (one.as_object(), other.as_object()) {
            (Some(one), Some(other)) => {
                one.len() == other.len()
                    && one
                        .iter()
                        .all(|(name, value)| other.get(name).is_some_and(|other| is_same(value, other)))
            }
            _ => one == other,
        },
    }
}

fn assert_same(found: &Lines, expected: &Lines) {
    let names = |lines: &Lines| lines.keys().cloned().collect::<BTreeSet<String>>();
    let (found_names, expected_names) = (names(found), names(expected));
    let first = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        one.difference(other).take(5).cloned().collect::<Vec<_>>()
    };
    assert_eq!(first(&found_names, &expected_names), Vec::<String>::new(), "lines that should not be there");
    assert_eq!(first(&expected_names, &found_names), Vec::<String>::new(), "lines that should be there");
    let wrong: Vec<String> = found
        .iter()
        .filter(|(key, line)| !is_same(line, &expected[*key]))
        .map(|(key, line)| format!("{key}\n  found    {line}\n  expected {}", expected[key]))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} differ, among them\n{}",
        wrong.len(),
        found.len(),
        wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
}

fn check(bench: &Bench, groups: &[&str], since: &str, least: usize) {
    let group_path = groups.join(",");
    let mut command = bench.command(&["fetch", "--duo", "--project", "--since", since]);
    command.env("GROUP_PATH", group_path);
    let fetched = crate::bench::done(command, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let found = by_key(&bench.aggregate(&bench.normalize(&fetched.stdout)));
    let organisation = bench.gitlab.organisation();
    let collected = Collected {
        organisation,
        since: since.parse().expect("a day"),
        until: organisation.last_day,
        fetched_at: organisation.now(),
    };
    let expected = metrics(&collected, groups);
    assert!(expected.len() >= least, "the reference has only {} lines", expected.len());
    assert_same(&found, &expected);
    assert_eq!(
        bench.gitlab.rejected(),
        Vec::<String>::new(),
        "requests the server rejects as invalid or too complex"
    );
}

#[test]
fn of_three_hundred_people_and_fifty_days_every_figure_is_that_of_the_second_calculation() {
    let bench = Bench::new(300, 50);
    check(&bench, &["acme"], "2026-09-12", 15_000);
}

#[test]
fn of_two_groups_that_share_people_and_their_union_too() {
    let bench = Bench::new(120, 30);
    check(&bench, &["acme", "globex"], "2026-10-02", 10_000);
}

#[test]
fn of_a_range_that_is_shorter_than_the_window_too() {
    let bench = Bench::new(40, 30);
    check(&bench, &["acme"], "2026-10-23", 1_000);
}
