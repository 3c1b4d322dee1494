//! Every number against the second calculation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::Value;

use crate::bench::{Bench, TOKEN, done, lines, lines_of};
use crate::reference::{
    Collected, Lines, Mistaken, instance_metrics, is_on_list, key, metrics, mistaken_for_bots,
};
use crate::stand_in::{OUTSIDE_GROUPS, Organisation, Person, Settings};

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

pub(crate) fn is_same(one: &Value, other: &Value) -> bool {
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

/// What went wrong on the way.
#[derive(Default)]
pub(crate) struct Trouble {
    /// Days whose usage nobody asked for.
    pub(crate) missing: &'static [&'static str],
    /// Days whose usage events broke off at noon.
    pub(crate) damaged: &'static [&'static str],
    /// Whether everything had been fetched before, when the evening was not there yet: events came late, merge requests
    /// were open, pipelines ran.
    pub(crate) came_late: bool,
    /// Whether some people are taken for bots for a while.
    pub(crate) mistaken: bool,
}

impl Trouble {
    /// The raw lines as they arrive with this trouble.
    pub(crate) fn befall(&self, raw: &[u8]) -> Vec<u8> {
        let of_usage = |line: &Value| {
            line["collector"] == "usage_events" || line["collector"] == "code_suggestion_events"
        };
        let is_one_of = |days: &[&str], line: &Value| days.iter().any(|day| line["day"] == *day);
        let mut whole = lines(raw);
        whole.retain(|line| !(of_usage(line) && is_one_of(self.missing, line)));
        let mut arrived = whole.clone();
        without_nodes_from(12, &mut arrived, &mut |line| {
            let is_hit = line["collector"] == "usage_events" && is_one_of(self.damaged, line);
            if is_hit && line["type"] == "coverage" {
                line["status"] = "partial".into();
            }
            is_hit
        });
        if self.came_late {
            // What broke off had not been fetched before, or that would count.
            let is_early = |line: &Value| {
                (of_usage(line) && !is_one_of(self.damaged, line))
                    || line["collector"] == "merge_requests"
                    || line["collector"] == "pipelines"
            };
            let mut early: Vec<Value> = whole.into_iter().filter(is_early).collect();
            for line in &mut early {
                let at = line["fetched_at"].as_str().expect("text").replace("T03:", "T02:");
                line["fetched_at"] = at.into();
            }
            without_nodes_from(18, &mut early, &mut |line| of_usage(line));
            for node in early.iter_mut().filter_map(|line| line["nodes"].as_array_mut()).flatten() {
                if node.get("mergedAt").is_some_and(|at| !at.is_null())
                    && node["mergedAt"].as_str().map(|at| &at[..10])
                        == node["createdAt"].as_str().map(|at| &at[..10])
                {
                    node["mergedAt"] = Value::Null;
                } else if node.get("finishedAt").is_some() {
                    node["status"] = "RUNNING".into();
                    node["finishedAt"] = Value::Null;
                    node["duration"] = Value::Null;
                }
            }
            arrived.extend(early);
        }
        arrived.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }
}

/// Takes the events of the rest of the day out of raw lines, and out of what their coverage lines say.
fn without_nodes_from(hour: u32, raw: &mut [Value], is_hit: &mut dyn FnMut(&mut Value) -> bool) {
    let mut gone: BTreeMap<String, u64> = BTreeMap::new();
    let of = |line: &Value| ["collector", "scope", "day"].map(|name| line[name].to_string()).concat();
    raw.sort_by_key(|line| line["type"] == "coverage");
    for line in raw.iter_mut() {
        if !is_hit(line) {
            continue;
        }
        let (target, day) = (of(line), line["day"].clone());
        if let Some(nodes) = line["nodes"].as_array_mut() {
            nodes.retain(|node| {
                let at = node["timestamp"].as_str().expect("a stamp");
                let is_of_day = day.as_str() == Some(&at[..10]);
                let is_gone = at[11..13].parse::<u32>().expect("an hour") >= hour;
                *gone.entry(target.clone()).or_default() += u64::from(is_of_day && is_gone);
                !is_gone
            });
        } else if let Some(rows) = line["rows"].as_u64() {
            line["rows"] = (rows - gone.get(&target).copied().unwrap_or(0)).into();
        }
    }
}

/// Adds lists of seats of earlier days, made of the one there is; they do not tell the last activity.
fn add_earlier_lists(raw: &[u8], organisation: &Organisation, lists: &[NaiveDate]) -> Vec<u8> {
    let mut added = lines(raw);
    let of_today: Vec<Value> = added.iter().filter(|line| line["collector"] == "seats").cloned().collect();
    let Some((_, earlier)) = lists.split_last() else { return raw.to_vec() };
    for day in earlier {
        let is_listed = |place: &usize, person: &Person| {
            is_on_list(organisation, lists, *day, *place) && person.seat.is_some()
        };
        let mut gone: BTreeMap<String, u64> = BTreeMap::new();
        let (coverage, pages): (Vec<Value>, Vec<Value>) =
            of_today.iter().cloned().partition(|line| line["type"] == "coverage");
        for mut line in pages.into_iter().chain(coverage) {
            line["day"] = day.to_string().into();
            line["fetched_at"] = format!("{day}T03:00:00Z").into();
            let scope = line["scope"].to_string();
            if let Some(rows) = line["rows"].as_u64() {
                line["rows"] = (rows - gone.get(&scope).copied().unwrap_or(0)).into();
            }
            if let Some(nodes) = line["nodes"].as_array_mut() {
                let before = nodes.len();
                nodes.retain(|node| {
                    let mut people = organisation.people.iter().enumerate();
                    let person = people.find(|(_, person)| node["id"] == person.gid());
                    person.is_none_or(|(place, person)| is_listed(&place, person))
                });
                *gone.entry(scope).or_default() += (before - nodes.len()) as u64;
                for node in nodes {
                    if node.get("lastDuoActivityOn").is_some() {
                        node["lastDuoActivityOn"] = Value::Null;
                    }
                    let pool = organisation.add_on_purchases.iter().find(|pool| {
                        node["id"] == format!("gid://gitlab/GitlabSubscriptions::AddOnPurchase/{}", pool.id)
                    });
                    if let Some(pool) = pool {
                        let people = organisation.people.iter().enumerate();
                        let assigned = people
                            .filter(|(place, person)| is_listed(place, person) && pool.is_held_by(person))
                            .count();
                        node["assignedQuantity"] = assigned.into();
                    }
                }
            }
            added.push(line);
        }
    }
    added.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// Lets raw lines of a while say of these people that they are bots.
fn mistake(raw: &[u8], organisation: &Organisation, mistaken: &Mistaken) -> Vec<u8> {
    let mut raw = lines(raw);
    let spans: BTreeMap<String, _> =
        mistaken.iter().map(|(person, span)| (organisation.people[*person].gid(), *span)).collect();
    for line in &mut raw {
        let Some(day) = line["day"].as_str().and_then(|day| day.parse::<NaiveDate>().ok()) else { continue };
        for node in line["nodes"].as_array_mut().into_iter().flatten() {
            // Who did it, who wrote it, or who has the seat.
            let users = ["/user", "/author", ""]
                .map(|place| node.pointer(place).and_then(|user| user["id"].as_str()));
            let place = users.iter().position(|user| user.is_some_and(|user| spans.contains_key(user)));
            let Some(place) = place else { continue };
            let (from, to) = spans[users[place].expect("a user")];
            if (from..to).contains(&day) {
                node.pointer_mut(["/user", "/author", ""][place]).expect("it is there")["bot"] = true.into();
            }
        }
    }
    raw.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

fn check(bench: &Bench, groups: &[&str], since: &str, trouble: &Trouble, least: usize) {
    check_with_lists(bench, groups, since, trouble, &[], least);
}

/// The same with lists of seats of these days, beside that of the day of the run.
fn check_with_lists(
    bench: &Bench,
    groups: &[&str],
    since: &str,
    trouble: &Trouble,
    earlier_lists: &[&str],
    least: usize,
) -> Lines {
    let organisation = bench.gitlab.organisation();
    let mut command = bench.command(&["fetch", "--duo", "--project", "--since", since]);
    command.env("GROUP_PATH", groups.join(","));
    command.env("DUO_METRICS_NOW", organisation.now().to_rfc3339());
    let fetched = crate::bench::done(command, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let day = |day: &&str| -> NaiveDate { day.parse().expect("a day") };
    let mut seat_lists: Vec<NaiveDate> = earlier_lists.iter().map(day).collect();
    seat_lists.push(organisation.now().date_naive());
    let mut raw = add_earlier_lists(&trouble.befall(&fetched.stdout), organisation, &seat_lists);
    let mistaken = match trouble.mistaken {
        true => mistaken_for_bots(organisation, day(&since), groups),
        false => Mistaken::new(),
    };
    if trouble.mistaken {
        assert!(mistaken.len() > 5, "{mistaken:?}");
        raw = mistake(&raw, organisation, &mistaken);
    }
    let found = by_key(&bench.aggregate(&bench.normalize(&raw)));
    let collected = Collected {
        organisation,
        since: day(&since),
        until: organisation.last_day,
        fetched_at: organisation.now(),
        seat_lists,
        missing: trouble.missing.iter().map(day).collect(),
        damaged: trouble.damaged.iter().map(day).collect(),
        mistaken,
    };
    let expected = metrics(&collected, groups);
    assert!(expected.len() >= least, "the reference has only {} lines", expected.len());
    assert_same(&found, &expected);
    assert_eq!(
        bench.gitlab.rejected(),
        Vec::<String>::new(),
        "requests the server rejects as invalid or too complex"
    );
    expected
}

/// A stand-in of this size whose last day is `until`.
fn until(people: usize, days: u32, until: &str) -> Bench {
    Bench::with(Settings { people, days, until: until.parse().expect("a day"), ..Settings::default() })
}

#[test]
fn of_three_hundred_people_and_fifty_days_every_figure_is_that_of_the_second_calculation() {
    let bench = Bench::new(300, 50);
    check(&bench, &["acme"], "2026-09-12", &Trouble::default(), 15_000);
}

#[test]
fn of_two_groups_that_share_people_and_their_union_too() {
    let bench = Bench::new(120, 30);
    check(&bench, &["acme", "globex"], "2026-10-02", &Trouble::default(), 10_000);
}

#[test]
fn of_people_who_are_taken_for_bots_for_a_while_too() {
    let bench = Bench::new(120, 40);
    let trouble = Trouble { mistaken: true, ..Trouble::default() };
    check(&bench, &["acme", "globex"], "2026-09-22", &trouble, 10_000);
}

#[test]
fn of_a_range_that_is_shorter_than_the_window_too() {
    let bench = Bench::new(40, 30);
    check(&bench, &["acme"], "2026-10-23", &Trouble::default(), 1_000);
}

#[test]
fn over_the_end_of_a_year_with_days_missing_and_a_past_that_is_long_enough_too() {
    let bench = until(60, 75, "2027-01-20");
    let trouble = Trouble { missing: &["2026-11-08", "2026-12-31"], ..Trouble::default() };
    check(&bench, &["acme", "globex"], "2026-11-07", &trouble, 20_000);
}

#[test]
fn of_days_that_broke_off_and_of_events_that_came_late_too() {
    let bench = Bench::new(80, 40);
    // A Thursday, a Sunday, and a day before the window.
    let damaged = &["2026-10-29", "2026-10-18", "2026-09-25"];
    check(
        &bench,
        &["acme"],
        "2026-09-22",
        &Trouble { damaged, missing: &["2026-10-08"], came_late: true, ..Trouble::default() },
        8_000,
    );
}

/// Metrics that the second calculation knows to be unknown, since the stand-in has one list of seats, and the tests that
/// work them out by hand.
const BY_HAND: &[(&str, &str)] = &[(
    "seats.days_to_first_use",
    "traps::the_first_use_of_a_seat_needs_its_first_list_and_the_days_between",
)];

#[test]
fn no_metric_is_without_a_second_calculation() {
    // What is compared over a leap day: long enough for what looks back.
    let bench = until(150, 70, "2028-03-05");
    let listed = bench.run(&["metrics", "--format", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let names: BTreeSet<String> = lines_of(&listed.stdout, "definition")
        .iter()
        .map(|line| line["metric"].as_str().expect("text").to_owned())
        .collect();
    let organisation = bench.gitlab.organisation();
    let collected = Collected {
        organisation,
        since: "2027-12-27".parse().expect("a day"),
        until: organisation.last_day,
        fetched_at: organisation.now(),
        seat_lists: vec![organisation.now().date_naive()],
        missing: BTreeSet::new(),
        damaged: BTreeSet::new(),
        mistaken: Mistaken::new(),
    };
    let second = metrics(&collected, &["acme"]);
    let with_value = second.values().filter(|line| !line["value"].is_null());
    let mut computed: BTreeSet<String> =
        with_value.map(|line| line["metric"].as_str().expect("text").to_owned()).collect();
    computed.extend(crate::agents::metrics::calculated_twice());
    for (metric, test) in BY_HAND {
        let (file, name) = test.split_once("::").expect("a file and a name");
        let path = format!("{}/tests/integration/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the file");
        assert!(text.contains(&format!("fn {name}()")) && text.contains(metric), "{test} of {metric}");
        assert!(computed.insert((*metric).to_owned()), "{metric} has a second calculation");
    }
    assert_eq!(computed, names, "on the left what is calculated twice, on the right what there is");
}

#[test]
fn with_a_past_that_is_long_enough_and_many_lists_of_seats_every_figure_that_looks_back_has_a_value_too() {
    let bench = until(120, 95, "2028-03-05");
    let trouble =
        Trouble { missing: &["2027-12-15"], damaged: &["2027-12-17"], came_late: true, ..Trouble::default() };
    let lists = ["2028-01-02", "2028-01-16", "2028-02-13"];
    let expected = check_with_lists(&bench, &["acme", "globex"], "2027-12-13", &trouble, &lists, 30_000);
    for metric in [
        "engagement.users",
        "engagement.movement",
        "engagement.retention",
        "seats.active",
        "seats.activated",
        "seats.idle",
        "seats.days_to_first_use",
    ] {
        for scope in ["*", "acme"] {
            let of_metric =
                expected.values().filter(|line| line["metric"] == metric && line["scope"] == scope);
            let told =
                of_metric.filter(|line| line["value"].as_f64().is_some_and(|value| value > 0.0)).count();
            assert!(told > 0, "{metric} of {scope} has no figure above nought");
        }
    }
}

#[test]
fn over_a_leap_day_too() {
    let bench = until(150, 70, "2028-03-05");
    check(&bench, &["acme"], "2027-12-27", &Trouble::default(), 10_000);
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
        seat_lists: Vec::new(),
        missing: BTreeSet::new(),
        damaged: BTreeSet::new(),
        mistaken: Mistaken::new(),
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
            seat_lists: Vec::new(),
            missing: BTreeSet::new(),
            damaged: BTreeSet::new(),
            mistaken: Mistaken::new(),
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
                    && !["pipelines.", "dora.", "seats.purchased", "seats.assigned", "agents.credits"]
                        .iter()
                        .any(|name| metric.starts_with(name))
            }),
        );
    }
}
