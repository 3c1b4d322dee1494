//! Every number against the second calculation.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::Value;

use crate::bench::{Bench, TOKEN, done, lines_of};
use crate::reference::{Collected, Lines, instance_metrics, key, metrics};
use crate::stand_in::{OUTSIDE_GROUPS, Settings};

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

fn check(bench: &Bench, groups: &[&str], since: &str, missing: &[&str], least: usize) {
    let organisation = bench.gitlab.organisation();
    let missing: BTreeSet<NaiveDate> = missing.iter().map(|day| day.parse().expect("a day")).collect();
    let mut command = bench.command(&["fetch", "--duo", "--project", "--since", since]);
    command.env("GROUP_PATH", groups.join(","));
    command.env("DUO_METRICS_NOW", organisation.now().to_rfc3339());
    let fetched = crate::bench::done(command, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    // As if nobody had asked for the usage of these days.
    let is_lost = |line: &&str| {
        let of_usage = line.contains(r#""collector":"usage_events""#)
            || line.contains(r#""collector":"code_suggestion_events""#);
        of_usage && missing.iter().any(|day| line.contains(&format!(r#""day":"{day}""#)))
    };
    let text = String::from_utf8(fetched.stdout).expect("streams are UTF-8");
    let raw: String = text.lines().filter(|line| !is_lost(line)).map(|line| format!("{line}\n")).collect();
    let found = by_key(&bench.aggregate(&bench.normalize(raw.as_bytes())));
    let collected = Collected {
        organisation,
        since: since.parse().expect("a day"),
        until: organisation.last_day,
        fetched_at: organisation.now(),
        with_seats: true,
        missing,
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

/// A stand-in of this size whose last day is `until`.
fn until(people: usize, days: u32, until: &str) -> Bench {
    Bench::with(Settings { people, days, until: until.parse().expect("a day"), ..Settings::default() })
}

#[test]
fn of_three_hundred_people_and_fifty_days_every_figure_is_that_of_the_second_calculation() {
    let bench = Bench::new(300, 50);
    check(&bench, &["acme"], "2026-09-12", &[], 15_000);
}

#[test]
fn of_two_groups_that_share_people_and_their_union_too() {
    let bench = Bench::new(120, 30);
    check(&bench, &["acme", "globex"], "2026-10-02", &[], 10_000);
}

#[test]
fn of_a_range_that_is_shorter_than_the_window_too() {
    let bench = Bench::new(40, 30);
    check(&bench, &["acme"], "2026-10-23", &[], 1_000);
}

#[test]
fn over_the_end_of_a_year_with_days_missing_and_a_past_that_is_long_enough_too() {
    let bench = until(60, 75, "2027-01-20");
    check(&bench, &["acme", "globex"], "2026-11-07", &["2026-11-08", "2026-12-31"], 20_000);
}

#[test]
fn over_a_leap_day_too() {
    let bench = until(60, 70, "2028-03-05");
    check(&bench, &["acme"], "2027-12-27", &[], 10_000);
}

/// A stand-in with events outside every group, and what an administrator gets from it.
fn fetch_as_admin(bench: &Bench, group_path: Option<&str>, collectors: &[&str]) -> Vec<u8> {
    let named = collectors.iter().flat_map(|name| ["--collector", *name]);
    let mut command = bench.command(&["fetch", "--since", "2026-10-10"]);
    command.args(named).env("DUO_TOKEN", format!("{TOKEN}-admin")).env_remove("GROUP_PATH");
    command.envs(group_path.map(|path| ("GROUP_PATH", path)));
    let fetched = done(command, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
    fetched.stdout
}

fn instance_bench() -> Bench {
    let settings = Settings { people: 120, days: 22, events_outside_groups: true, ..Settings::default() };
    let bench = Bench::with(settings);
    let organisation = bench.gitlab.organisation();
    let outside = organisation.group(OUTSIDE_GROUPS).expect("it was asked for");
    let count = organisation.usage_events.iter().filter(|event| event.group == outside).count();
    assert!(count > 100, "{count} events outside every group");
    bench
}

fn of_instance(bench: &Bench, with_merge_requests: bool) -> Lines {
    let organisation = bench.gitlab.organisation();
    let collected = Collected {
        organisation,
        since: "2026-10-10".parse().expect("a day"),
        until: organisation.last_day,
        fetched_at: organisation.now(),
        with_seats: false,
        missing: BTreeSet::new(),
    };
    instance_metrics(&collected, with_merge_requests)
}

#[test]
fn of_a_whole_instance_with_the_events_outside_every_group_too_and_without_naming_any() {
    let bench = instance_bench();
    let raw = fetch_as_admin(&bench, None, &["instance_usage_events"]);
    let found = by_key(&bench.aggregate(&bench.normalize(&raw)));
    let expected = of_instance(&bench, false);
    assert!(expected.len() > 5_000, "the reference has only {} lines", expected.len());
    assert!(expected.keys().any(|key| key.contains("ide=") && key.contains("language=")));
    assert_same(&found, &expected);
}

#[test]
fn beside_the_instance_its_groups_add_nothing_to_the_union_and_lose_nothing_of_what_only_they_have() {
    let bench = instance_bench();
    let collectors = ["instance_usage_events", "usage_events", "code_suggestion_events", "merge_requests"];
    let raw = fetch_as_admin(&bench, Some("acme,globex"), &collectors);
    let records = bench.normalize(&raw);
    let found = by_key(&bench.aggregate(&records));
    let of_scope = |lines: &Lines, scope: &str, is_meant: &dyn Fn(&str) -> bool| -> Lines {
        let lines = lines
            .values()
            .filter(|line| line["scope"] == scope && is_meant(line["metric"].as_str().expect("text")));
        let renamed = lines.map(|line| {
            let mut line = line.clone();
            line["scope"] = "x".into();
            (key(&line), line)
        });
        renamed.collect()
    };
    let of_events = |metric: &str| !metric.starts_with("coverage.") && !metric.starts_with("merge_requests.");
    let expected = of_scope(&of_instance(&bench, false), "/", &of_events);
    assert_same(&of_scope(&found, "/", &of_events), &expected);
    // Merge requests are those of the groups, and who used Duo is told by the instance.
    let expected = of_scope(&of_instance(&bench, true), "/", &of_events);
    assert_same(&of_scope(&found, "*", &of_events), &expected);
    let organisation = bench.gitlab.organisation();
    let of_groups = metrics(
        &Collected {
            organisation,
            since: "2026-10-10".parse().expect("a day"),
            until: organisation.last_day,
            fetched_at: organisation.now(),
            with_seats: false,
            missing: BTreeSet::new(),
        },
        &["acme", "globex"],
    );
    let of_delivery = |metric: &str| metric.starts_with("merge_requests.");
    for scope in ["*", "acme", "globex"] {
        assert_same(&of_scope(&found, scope, &of_delivery), &of_scope(&of_groups, scope, &of_delivery));
    }
    for scope in ["acme", "globex"] {
        assert_same(
            &of_scope(&found, scope, &of_events),
            &of_scope(&of_groups, scope, &|metric| {
                of_events(metric)
                    && !["pipelines.", "dora.", "seats.purchased", "seats.assigned"]
                        .iter()
                        .any(|name| metric.starts_with(name))
            }),
        );
    }
}
