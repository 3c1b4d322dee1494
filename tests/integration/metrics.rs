//! Compares all metric lines with the reference calculation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::Value;
use stand_in::{OUTSIDE_GROUPS, Organization, Person, Settings};

use crate::bench::{Bench, TOKEN, lines, lines_of, run_command};
use crate::reference::{
    Aggregate, Collected, Lines, MisreportedBots, aggregated_sessions, instance_metrics, is_on_list, key,
    metrics, misreported_bots,
};

/// The metric lines by key. Fails if two lines have the same key.
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
    assert_eq!(first(&found_names, &expected_names), Vec::<String>::new(), "unexpected lines");
    assert_eq!(first(&expected_names, &found_names), Vec::<String>::new(), "missing lines");
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

/// Disruptions of a collection.
#[derive(Default)]
pub(crate) struct Disruption {
    /// Days whose usage was not requested.
    pub(crate) missing: &'static [&'static str],
    /// Days whose usage events end at noon.
    pub(crate) truncated: &'static [&'static str],
    /// Whether an earlier fetch, before the evening, is included: with fewer events, open merge
    /// requests and running pipelines.
    pub(crate) late_events: bool,
    /// Whether some people are reported as bots for a while.
    pub(crate) misreported: bool,
}

impl Disruption {
    /// The raw lines with this disruption.
    pub(crate) fn apply(&self, raw: &[u8]) -> Vec<u8> {
        let of_usage = |line: &Value| {
            line["collector"] == "usage_events" || line["collector"] == "code_suggestion_events"
        };
        let is_one_of = |days: &[&str], line: &Value| days.iter().any(|day| line["day"] == *day);
        let mut complete = lines(raw);
        complete.retain(|line| !(of_usage(line) && is_one_of(self.missing, line)));
        let mut arrived = complete.clone();
        without_nodes_from(12, &mut arrived, &mut |line| {
            let is_affected = line["collector"] == "usage_events" && is_one_of(self.truncated, line);
            if is_affected && line["type"] == "coverage" {
                line["status"] = "partial".into();
            }
            is_affected
        });
        if self.late_events {
            // Truncated days were not fetched earlier, because the earlier, complete fetch would
            // count.
            let is_early = |line: &Value| {
                (of_usage(line) && !is_one_of(self.truncated, line))
                    || line["collector"] == "merge_requests"
                    || line["collector"] == "pipelines"
            };
            let mut early: Vec<Value> = complete.into_iter().filter(is_early).collect();
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

/// Removes events from this hour on from raw lines, and from the row counts of their coverage
/// lines.
fn without_nodes_from(hour: u32, raw: &mut [Value], is_affected: &mut dyn FnMut(&mut Value) -> bool) {
    let mut removed: BTreeMap<String, u64> = BTreeMap::new();
    let of = |line: &Value| ["collector", "scope", "day"].map(|name| line[name].to_string()).concat();
    raw.sort_by_key(|line| line["type"] == "coverage");
    for line in raw.iter_mut() {
        if !is_affected(line) {
            continue;
        }
        let (target, day) = (of(line), line["day"].clone());
        if let Some(nodes) = line["nodes"].as_array_mut() {
            nodes.retain(|node| {
                let at = node["timestamp"].as_str().expect("a stamp");
                let is_of_day = day.as_str() == Some(&at[..10]);
                let is_removed = at[11..13].parse::<u32>().expect("an hour") >= hour;
                *removed.entry(target.clone()).or_default() += u64::from(is_of_day && is_removed);
                !is_removed
            });
        } else if let Some(rows) = line["rows"].as_u64() {
            line["rows"] = (rows - removed.get(&target).copied().unwrap_or(0)).into();
        }
    }
}

/// Adds seat lists of earlier days, derived from the existing one, without last activity.
fn add_earlier_lists(raw: &[u8], organization: &Organization, lists: &[NaiveDate]) -> Vec<u8> {
    let mut added = lines(raw);
    let of_today: Vec<Value> = added.iter().filter(|line| line["collector"] == "seats").cloned().collect();
    let Some((_, earlier)) = lists.split_last() else { return raw.to_vec() };
    for day in earlier {
        let is_listed = |place: &usize, person: &Person| {
            is_on_list(organization, lists, *day, *place) && person.seat.is_some()
        };
        let mut removed: BTreeMap<String, u64> = BTreeMap::new();
        let (coverage, pages): (Vec<Value>, Vec<Value>) =
            of_today.iter().cloned().partition(|line| line["type"] == "coverage");
        for mut line in pages.into_iter().chain(coverage) {
            line["day"] = day.to_string().into();
            line["fetched_at"] = format!("{day}T03:00:00Z").into();
            let scope = line["scope"].to_string();
            if let Some(rows) = line["rows"].as_u64() {
                line["rows"] = (rows - removed.get(&scope).copied().unwrap_or(0)).into();
            }
            if let Some(nodes) = line["nodes"].as_array_mut() {
                let before = nodes.len();
                nodes.retain(|node| {
                    let mut people = organization.people.iter().enumerate();
                    let person = people.find(|(_, person)| node["id"] == person.gid());
                    person.is_none_or(|(place, person)| is_listed(&place, person))
                });
                *removed.entry(scope).or_default() += (before - nodes.len()) as u64;
                for node in nodes {
                    if node.get("lastDuoActivityOn").is_some() {
                        node["lastDuoActivityOn"] = Value::Null;
                    }
                    let pool = organization.add_on_purchases.iter().find(|pool| {
                        node["id"] == format!("gid://gitlab/GitlabSubscriptions::AddOnPurchase/{}", pool.id)
                    });
                    if let Some(pool) = pool {
                        let people = organization.people.iter().enumerate();
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

/// Changes raw lines so that these people are reported as bots for a while.
fn mark_as_bots(raw: &[u8], organization: &Organization, misreported: &MisreportedBots) -> Vec<u8> {
    let mut raw = lines(raw);
    let spans: BTreeMap<String, _> =
        misreported.iter().map(|(person, span)| (organization.people[*person].gid(), *span)).collect();
    for line in &mut raw {
        let Some(day) = line["day"].as_str().and_then(|day| day.parse::<NaiveDate>().ok()) else { continue };
        for node in line["nodes"].as_array_mut().into_iter().flatten() {
            // The user of an event, the author of a merge request, or the holder of a seat.
            let users = ["/user", "/author", ""]
                .map(|place| node.pointer(place).and_then(|user| user["id"].as_str()));
            let place = users.iter().position(|user| user.is_some_and(|user| spans.contains_key(user)));
            let Some(place) = place else { continue };
            let (from, to) = spans[users[place].expect("a user")];
            if (from..to).contains(&day) {
                node.pointer_mut(["/user", "/author", ""][place]).expect("it exists")["bot"] = true.into();
            }
        }
    }
    raw.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

fn check(bench: &Bench, groups: &[&str], since: &str, disruption: &Disruption, min_lines: usize) {
    check_with_lists(bench, groups, since, disruption, &[], min_lines);
}

/// The same with additional seat lists of these days.
fn check_with_lists(
    bench: &Bench,
    groups: &[&str],
    since: &str,
    disruption: &Disruption,
    earlier_lists: &[&str],
    min_lines: usize,
) -> Lines {
    let organization = bench.gitlab.organization();
    let mut command = bench.command(&["fetch", "--duo", "--project", "--since", since]);
    command.env("GROUP_PATH", groups.join(","));
    command.env("DUO_METRICS_NOW", organization.now().to_rfc3339());
    let fetched = crate::bench::run_command(command, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let day = |day: &&str| -> NaiveDate { day.parse().expect("a day") };
    let mut seat_lists: Vec<NaiveDate> = earlier_lists.iter().map(day).collect();
    seat_lists.push(organization.now().date_naive());
    let mut raw = add_earlier_lists(&disruption.apply(&fetched.stdout), organization, &seat_lists);
    let misreported = if disruption.misreported {
        let roots: Vec<&str> =
            groups.iter().map(|group| group.split('/').next().expect("a first part")).collect();
        misreported_bots(organization, day(&since), &roots)
    } else {
        MisreportedBots::new()
    };
    if disruption.misreported {
        assert!(misreported.len() > 5, "{misreported:?}");
        raw = mark_as_bots(&raw, organization, &misreported);
    }
    let found = by_key(&bench.aggregate(&bench.normalize(&raw)));
    let collected = Collected {
        organization,
        since: day(&since),
        until: organization.last_day,
        fetched_at: organization.now(),
        seat_lists,
        missing: disruption.missing.iter().map(day).collect(),
        truncated: disruption.truncated.iter().map(day).collect(),
        misreported,
        members: true,
        only: None,
        only_with_bots: false,
    };
    let expected = metrics(&collected, groups);
    assert!(expected.len() >= min_lines, "the reference has only {} lines", expected.len());
    assert_same(&found, &expected);
    assert_eq!(
        bench.gitlab.rejected(),
        Vec::<String>::new(),
        "requests the server rejects as invalid or too complex"
    );
    expected
}

/// A bench whose last day with data is `until`.
fn bench_until(people: usize, days: u32, until: &str) -> Bench {
    Bench::with(Settings { people, days, until: until.parse().expect("a day"), ..Settings::default() })
}

#[test]
fn three_hundred_people_and_fifty_days_match_the_reference() {
    let bench = Bench::new(300, 50);
    check(&bench, &["acme"], "2026-09-12", &Disruption::default(), 15_000);
}

#[test]
fn two_overlapping_groups_and_their_union_match_the_reference() {
    let bench = Bench::new(120, 30);
    check(&bench, &["acme", "globex"], "2026-10-02", &Disruption::default(), 10_000);
}

#[test]
fn people_misreported_as_bots_for_a_while_match_the_reference() {
    let bench = Bench::new(120, 40);
    let disruption = Disruption { misreported: true, ..Disruption::default() };
    check(&bench, &["acme", "globex"], "2026-09-22", &disruption, 10_000);
}

#[test]
fn a_subgroup_is_the_team_of_its_members() {
    let bench = Bench::new(120, 30);
    check(&bench, &["acme/platform"], "2026-10-02", &Disruption::default(), 3_000);
}

#[test]
fn people_in_two_subgroups_count_once_in_their_union() {
    let bench = Bench::new(120, 30);
    let disruption = Disruption { misreported: true, ..Disruption::default() };
    check(&bench, &["acme/web", "acme/platform"], "2026-10-02", &disruption, 5_000);
    let organization = bench.gitlab.organization();
    let [web, platform] =
        ["acme/web", "acme/platform"].map(|group| organization.group(group).expect("a group"));
    let in_both = organization
        .people
        .iter()
        .filter(|person| person.teams.contains(&web) && person.teams.contains(&platform));
    assert!(in_both.count() > 10);
}

#[test]
fn a_range_shorter_than_28_days_matches_the_reference() {
    let bench = Bench::new(40, 30);
    check(&bench, &["acme"], "2026-10-23", &Disruption::default(), 1_000);
}

#[test]
fn a_range_over_the_end_of_a_year_with_missing_days_matches_the_reference() {
    let bench = bench_until(60, 75, "2027-01-20");
    let disruption = Disruption { missing: &["2026-11-08", "2026-12-31"], ..Disruption::default() };
    check(&bench, &["acme", "globex"], "2026-11-07", &disruption, 20_000);
}

#[test]
fn partial_days_and_late_events_match_the_reference() {
    let bench = Bench::new(80, 40);
    // A Thursday, a Sunday, and a day before the window.
    let truncated = &["2026-10-29", "2026-10-18", "2026-09-25"];
    check(
        &bench,
        &["acme"],
        "2026-09-22",
        &Disruption { truncated, missing: &["2026-10-08"], late_events: true, ..Disruption::default() },
        8_000,
    );
}

/// Metrics that are not in the reference calculation, because the stand-in has a single seat list,
/// or because another test compares them with theirs; and these tests.
const MANUALLY_TESTED: &[(&str, &str)] = &[
    ("seats.days_to_first_use", "pitfalls::days_to_first_use_need_the_first_seat_list_and_all_days_since"),
    ("reconcile.difference", "reconciliation::differences_match_the_reference"),
];

#[test]
fn each_metric_has_a_reference_calculation() {
    // The range of the test with a leap day: long enough for metrics that look back.
    let bench = bench_until(150, 70, "2028-03-05");
    let listed = bench.run(&["metrics", "--format", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    // `dashboard` makes the answer, from published lines.
    let names: BTreeSet<String> = lines_of(&listed.stdout, "definition")
        .iter()
        .map(|line| line["metric"].as_str().expect("text").to_owned())
        .filter(|metric| !metric.starts_with("answer."))
        .collect();
    let organization = bench.gitlab.organization();
    let collected = Collected {
        organization,
        since: "2027-12-27".parse().expect("a day"),
        until: organization.last_day,
        fetched_at: organization.now(),
        seat_lists: vec![organization.now().date_naive()],
        missing: BTreeSet::new(),
        truncated: BTreeSet::new(),
        misreported: MisreportedBots::new(),
        members: true,
        only: None,
        only_with_bots: false,
    };
    let reference = metrics(&collected, &["acme"]);
    let with_value = reference.values().filter(|line| !line["value"].is_null());
    let mut computed: BTreeSet<String> =
        with_value.map(|line| line["metric"].as_str().expect("text").to_owned()).collect();
    computed.extend(crate::agents::metrics::metrics_with_reference());
    for (metric, test) in MANUALLY_TESTED {
        let (file, name) = test.split_once("::").expect("a file and a name");
        let path = format!("{}/tests/integration/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the file");
        assert!(text.contains(&format!("fn {name}()")) && text.contains(metric), "{test} of {metric}");
        assert!(computed.insert((*metric).to_owned()), "{metric} already has a reference calculation");
    }
    assert_eq!(computed, names, "left: metrics with a reference calculation, right: all metrics");
}

#[test]
fn metrics_that_look_back_have_values_with_enough_history_and_seat_lists() {
    let bench = bench_until(120, 95, "2028-03-05");
    let disruption = Disruption {
        missing: &["2027-12-15"],
        truncated: &["2027-12-17"],
        late_events: true,
        ..Disruption::default()
    };
    let lists = ["2028-01-02", "2028-01-16", "2028-02-13"];
    let expected = check_with_lists(&bench, &["acme", "globex"], "2027-12-13", &disruption, &lists, 30_000);
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
            let positive =
                of_metric.filter(|line| line["value"].as_f64().is_some_and(|value| value > 0.0)).count();
            assert!(positive > 0, "{metric} of {scope} has no value above zero");
        }
    }
}

#[test]
fn a_range_with_a_leap_day_matches_the_reference() {
    let bench = bench_until(150, 70, "2028-03-05");
    check(&bench, &["acme"], "2027-12-27", &Disruption::default(), 10_000);
}

/// The raw lines that an administrator collects.
fn fetch_as_admin(bench: &Bench, group_path: Option<&str>, collectors: &[&str]) -> Vec<u8> {
    let named = collectors.iter().flat_map(|name| ["--collector", *name]);
    let mut command = bench.command(&["fetch", "--since", "2026-10-10"]);
    command.args(named).env("DUO_TOKEN", format!("{TOKEN}-admin")).env_remove("GROUP_PATH");
    command.envs(group_path.map(|path| ("GROUP_PATH", path)));
    let fetched = run_command(command, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
    fetched.stdout
}

fn instance_bench() -> Bench {
    let settings = Settings { people: 120, days: 22, events_outside_groups: true, ..Settings::default() };
    let bench = Bench::with(settings);
    let organization = bench.gitlab.organization();
    let outside = organization.group(OUTSIDE_GROUPS).expect("enabled in the settings");
    let count = organization.usage_events.iter().filter(|event| event.group == outside).count();
    assert!(count > 100, "{count} events outside every group");
    bench
}

fn expected_of_instance(bench: &Bench, with_merge_requests: bool) -> Lines {
    let organization = bench.gitlab.organization();
    let collected = Collected {
        organization,
        since: "2026-10-10".parse().expect("a day"),
        until: organization.last_day,
        fetched_at: organization.now(),
        seat_lists: Vec::new(),
        missing: BTreeSet::new(),
        truncated: BTreeSet::new(),
        misreported: MisreportedBots::new(),
        members: false,
        only: None,
        only_with_bots: false,
    };
    instance_metrics(&collected, with_merge_requests)
}

#[test]
fn an_instance_with_events_outside_groups_matches_the_reference() {
    let bench = instance_bench();
    let raw = fetch_as_admin(&bench, None, &["instance_usage_events"]);
    let found = by_key(&bench.aggregate(&bench.normalize(&raw)));
    let expected = expected_of_instance(&bench, false);
    assert!(expected.len() > 5_000, "the reference has only {} lines", expected.len());
    assert!(expected.keys().any(|key| key.contains("ide=") && key.contains("language=")));
    assert_same(&found, &expected);
}

#[test]
fn groups_of_a_collected_instance_do_not_change_the_union() {
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
    let expected = of_scope(&expected_of_instance(&bench, false), "/", &of_events);
    assert_same(&of_scope(&found, "/", &of_events), &expected);
    // Merge requests come from the groups, use of Duo from the instance.
    let expected = of_scope(&expected_of_instance(&bench, true), "/", &of_events);
    assert_same(&of_scope(&found, "*", &of_events), &expected);
    let organization = bench.gitlab.organization();
    let of_groups = metrics(
        &Collected {
            organization,
            since: "2026-10-10".parse().expect("a day"),
            until: organization.last_day,
            fetched_at: organization.now(),
            seat_lists: Vec::new(),
            missing: BTreeSet::new(),
            truncated: BTreeSet::new(),
            misreported: MisreportedBots::new(),
            members: false,
            only: None,
            only_with_bots: false,
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
                    && ![
                        "pipelines.",
                        "dora.",
                        "seats.purchased",
                        "seats.assigned",
                        "agents.credits",
                        "credits.",
                    ]
                    .iter()
                    .any(|name| metric.starts_with(name))
            }),
        );
    }
}

/// The lines of sessions, without their coverage.
fn of_sessions(lines: &Lines) -> Lines {
    let of_sessions = lines.iter().filter(|(_, line)| !line["source"].is_null());
    let without_coverage = |(key, line): (&String, &Value)| {
        let mut line = line.clone();
        for name in ["coverage", "final"] {
            line.as_object_mut().expect("a line is an object").remove(name);
        }
        (key.clone(), line)
    };
    of_sessions.map(without_coverage).collect()
}

/// The lines of sessions that a token can collect from these groups.
fn sessions_with_token(bench: &Bench, token: &str, groups: &str, collectors: &[&str]) -> Lines {
    let named = collectors.iter().flat_map(|name| ["--collector", *name]);
    let mut command = bench.command(&["fetch", "--since", "2026-09-15"]);
    command.args(named).env("DUO_TOKEN", format!("{TOKEN}{token}"));
    if groups.is_empty() {
        command.env_remove("GROUP_PATH");
    } else {
        command.env("GROUP_PATH", groups);
    }
    let fetched = run_command(command, b"");
    // A named collector that GitLab does not have is a gap.
    assert!([0, 3].contains(&fetched.code), "{}", fetched.stderr);
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
    of_sessions(&by_key(&bench.aggregate(&bench.normalize(&fetched.stdout))))
}

#[test]
fn owner_reporter_and_administrator_agree() {
    const COLLECTORS: &[&str] =
        &["usage_events", "agent_flows", "agent_sessions", "agent_durations", "ai_metrics"];
    let settings = Settings { people: 120, days: 47, clickhouse: true, ..Settings::default() };
    for (aggregate, duo_workflows) in [(Aggregate::Flows, true), (Aggregate::Sessions, false)] {
        let bench = Bench::with(Settings { duo_workflows, ..settings.clone() });
        let organization = bench.gitlab.organization();
        let collected = Collected {
            organization,
            since: "2026-09-15".parse().expect("a day"),
            until: organization.last_day,
            fetched_at: organization.now(),
            seat_lists: Vec::new(),
            missing: BTreeSet::new(),
            truncated: BTreeSet::new(),
            misreported: MisreportedBots::new(),
            members: false,
            only: None,
            only_with_bots: false,
        };
        let expected = aggregated_sessions(&collected, aggregate, &["acme", "globex"], true);
        assert!(expected.len() > 3_000, "{aggregate:?}: the reference has only {} lines", expected.len());
        for token in ["", "-reporter", "-admin"] {
            let found = sessions_with_token(&bench, token, "acme,globex", COLLECTORS);
            assert_same(&found, &expected);
        }
        if aggregate == Aggregate::Flows {
            let individual = sessions_with_token(&bench, "-admin", "", &["instance_usage_events"]);
            assert_agrees(&individual, &expected);
        }
    }
}

/// Compares individual sessions with those that GitLab aggregated, in periods before which nothing
/// is missing: a session belongs to the day of its first known step.
fn assert_agrees(individual: &Lines, aggregated: &Lines) {
    let mut compared = 0;
    let is_meant = |line: &&Value| {
        let metric = line["metric"].as_str().expect("text");
        // Only the status of now reports that a session waits; in the events, it is open.
        let is_open = ["open", "other"].iter().any(|status| line["by"]["status"] == *status);
        line["start"].as_str() > Some("2026-09-21") && !metric.ends_with("_seconds") && !is_open
    };
    for line in individual.values().filter(is_meant) {
        let mut of_union = line.clone();
        of_union["scope"] = "*".into();
        let other = aggregated.get(&key(&of_union)).unwrap_or_else(|| panic!("no line like {line}"));
        for name in ["value", "n", "of", "people"] {
            assert!(is_same(&line[name], &other[name]), "{line}\n{other}");
        }
        compared += 1;
    }
    assert!(compared > 500, "{compared}");
}
