//! Property tests of the streams, with random streams.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use duo_metrics::aggregate::aggregator::{self, aggregate};
use duo_metrics::aggregate::metrics::Thresholds;
use duo_metrics::base::error::Outcome;
use duo_metrics::normalize::dead_letter::DeadLetterFile;
use duo_metrics::normalize::normalizer::{self, normalize};
use duo_metrics::normalize::sources::ImportDefaults;
use duo_metrics::normalize::writer::JsonRecords;
use duo_metrics::system::summary::Summary;

pub(crate) const OPTIONS: aggregator::Options = aggregator::Options {
    since: None,
    until: None,
    thresholds: Thresholds { regular_from: 4, heavy_from: 12 },
    prices: None,
    teams: None,
    max_rejects: 0.0,
    threads: 2,
    history: None,
    groups: Vec::new(),
    pseudonyms: None,
};

/// The metric and coverage lines of records, and the outcome.
pub(crate) fn aggregated(records: &[String]) -> (String, Outcome) {
    let mut summary = Summary::new("aggregate");
    let (lines, outcome) =
        aggregate(&OPTIONS, records.join("\n").as_bytes(), &mut summary).expect("the records are good");
    let coverage = lines.coverage.iter().map(|line| serde_json::to_string(line).expect("serializes"));
    let metrics = lines.metrics.iter().map(|line| serde_json::to_string(line).expect("serializes"));
    (coverage.chain(metrics).collect::<Vec<_>>().join("\n"), outcome)
}

pub(crate) fn normalized(raw: &[String]) -> Vec<String> {
    let options = normalizer::Options {
        pseudonyms: None,
        max_rejects: 100.0,
        mappings: Vec::new(),
        threads: 2,
        import_defaults: ImportDefaults::default(),
    };
    let mut output = Vec::new();
    let input = raw.join("\n");
    let mut summary = Summary::new("normalize");
    normalize::<JsonRecords>(&options, input.as_bytes(), &mut output, DeadLetterFile::none(), &mut summary)
        .expect("memory does not fail");
    String::from_utf8(output).expect("streams are UTF-8").lines().map(str::to_owned).collect()
}

/// One fetch of a collector, scope and day: raw lines and their coverage line.
#[derive(Clone, Debug)]
struct Fetch {
    lines: Vec<String>,
}

const EVENTS: &[&str] = &[
    "CODE_SUGGESTION_SHOWN_IN_IDE",
    "CODE_SUGGESTION_ACCEPTED_IN_IDE",
    "REQUEST_DUO_CHAT_RESPONSE",
    "TROUBLESHOOT_JOB",
    "NEVER_HEARD_OF",
];

const AGENT_EVENTS: &[&str] = &[
    "AGENT_PLATFORM_SESSION_CREATED",
    "AGENT_PLATFORM_SESSION_FINISHED",
    "AGENT_PLATFORM_SESSION_DROPPED",
    "REQUEST_DUO_CHAT_RESPONSE",
];

const COLLECTORS: &[&str] = &[
    "usage_events",
    "code_suggestion_events",
    "instance_usage_events",
    "seats",
    "members",
    "credits",
    "agent_sessions",
    "agent_flows",
    "agent_durations",
    "suggestions_by_editor",
    "project_sessions",
    "credit_months",
    "merge_requests",
    "pipelines",
    "dora",
];

fn node(collector: &'static str, day: u32) -> BoxedStrategy<Value> {
    let time = (0..=24_u32, 0..60_u32).prop_map(move |(hour, minute)| match hour {
        // 24:00 belongs to the next day.
        24 => format!("2026-10-{:02}T00:00:00Z", day + 1),
        hour => format!("2026-10-{day:02}T{hour:02}:{minute:02}:00Z"),
    });
    let user = (1..9_u32).prop_map(|id| json!({"id": format!("gid://gitlab/User/{id}"), "username": format!("user{id}"), "bot": id == 8}));
    match collector {
        "usage_events" => (time, user, select(EVENTS)).prop_map(|(time, user, event)| json!({"event": event, "timestamp": time, "user": user})).boxed(),
        "code_suggestion_events" => (time, user, select(&EVENTS[..2]), select(&["Rust", "rust", "Go", ""][..]), 0..40_u32)
            .prop_map(|(time, user, event, language, size)| {
                let size = if size == 0 { Value::Null } else { json!(size.to_string()) };
                json!({"event": event, "timestamp": time, "user": user, "language": language, "suggestionSize": size})
            })
            .boxed(),
        "instance_usage_events" => (time, user, select(AGENT_EVENTS), 1..4_u32)
            .prop_map(|(time, user, event, session)| {
                json!({"event": event, "timestamp": time, "user": user, "namespacePath": null,
                    "extras": {"session_id": session, "flow_type": if session == 1 { "chat" } else { "fix_pipeline/v1" }}})
            })
            .boxed(),
        "seats" => prop_oneof![
            3 => user.prop_map(|mut user| {
                user["lastDuoActivityOn"] = Value::Null;
                user["addOnAssignments"] = json!({"nodes": [{"addOnPurchase": {"id": "gid://gitlab/P/1", "name": "DUO_ENTERPRISE"}}]});
                user
            }),
            // Values of one purchase may differ.
            1 => (1..3_u32, 0..9_u32, 0..4_u32).prop_map(|(id, purchased, assigned)| {
                json!({"id": format!("gid://gitlab/P/{id}"), "name": "DUO_ENTERPRISE", "purchasedQuantity": purchased, "assignedQuantity": assigned})
            }),
        ]
        .boxed(),
        "members" => (user, select(&["acme", "acme/web", "acme/web/ui"][..]))
            .prop_map(|(user, group)| json!({"id": "gid://gitlab/GroupMember/1", "group": {"fullPath": group}, "user": user}))
            .boxed(),
        "credits" => (0..4_usize, 0..500_u32)
            .prop_map(move |(product, hundredths)| {
                let credits = f64::from(hundredths) / 100.0;
                match product {
                    0 => json!({"date": format!("2026-10-{day:02}"), "creditsUsed": credits}),
                    1 => json!({"flow": "flow1", "creditsUsed": credits}),
                    _ => json!({"id": format!("product{product}"), "creditsUsed": credits, "flowTypes": [{"id": format!("flow{product}")}]}),
                }
            })
            .boxed(),
        "agent_sessions" | "agent_flows" | "agent_durations" | "suggestions_by_editor" => {
            aggregate_node(collector, user.boxed())
        }
        "project_sessions" => (1..5_u32, time, proptest::option::of(user))
            .prop_map(|(id, time, user)| {
                json!({"id": format!("gid://gitlab/Ai::DuoWorkflows::Workflow/{id}"), "workflowDefinition": "developer/v1",
                    "status": "FINISHED", "createdAt": time, "updatedAt": time, "user": user,
                    "project": {"id": "gid://gitlab/Project/1", "fullPath": "acme/web"}})
            })
            .boxed(),
        "credit_months" => (0..500_u32, 0..4_u64, proptest::option::of(0..3_u64))
            .prop_map(move |(hundredths, people, blocked)| {
                let credits = f64::from(hundredths) / 100.0;
                json!({"startDate": "2026-10-01", "endDate": format!("2026-10-{day:02}"), "creditsUsed": credits,
                    "monthlyCommitment": {"totalCredits": 3, "creditsUsed": credits.min(3.0)},
                    "overage": {"isAllowed": true, "creditsUsed": (credits - 3.0).max(0.0)},
                    "usersUsage": {"totalActiveUsers": people}, "blockedUsers": blocked})
            })
            .boxed(),
        "dora" => (select(&["deploymentFrequency", "changeFailureRate"][..]), proptest::option::of(0..9_u32))
            .prop_map(|(measure, value)| json!({"date": "2026-10-01", measure: value.map(f64::from)}))
            .boxed(),
        "merge_requests" => (1..5_u32, time, proptest::option::of(user))
            .prop_map(move |(iid, time, author)| {
                let merged = if iid % 2 == 0 { json!(format!("2026-10-{:02}T23:00:00Z", day + 1)) } else { Value::Null };
                json!({"iid": iid.to_string(), "state": "opened", "createdAt": time, "mergedAt": merged, "project": {"fullPath": "acme/web"},
                    "author": author, "diffStatsSummary": null})
            })
            .boxed(),
        _ => (1..5_u32, time, select(&["SUCCESS", "FAILED", "RUNNING"][..]), proptest::option::of(0..900_u32))
            .prop_map(|(id, time, status, duration)| {
                json!({"id": format!("gid://gitlab/Ci::Pipeline/{id}"), "status": status, "createdAt": time, "finishedAt": time,
                    "duration": duration, "project": {"fullPath": "acme/web"}})
            })
            .boxed(),
    }
}

/// A row of one of GitLab's aggregation engines.
fn aggregate_node(collector: &'static str, user: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let project = proptest::option::of((1..4_u32).prop_map(
        |id| json!({"id": format!("gid://gitlab/Project/{id}"), "fullPath": format!("acme/p{id}")}),
    ));
    let flow = select(&["chat", "fix_pipeline/v1", ""][..]);
    let status = select(&["finished", "failed", "input_required", "awaiting_budget"][..]);
    (flow, status, proptest::option::of(user), project, 0..9_u32)
        .prop_map(move |(flow, status, user, project, count)| match collector {
            "agent_sessions" => json!({"dimensions": {"flowType": flow, "user": user, "project": project},
                "totalCount": count + 1, "finishedCount": count}),
            "agent_flows" => {
                json!({"dimensions": {"workflowDefinition": flow, "status": status, "user": user,
                "project": project, "modelUsed": ""}, "totalCount": count + 1})
            }
            "agent_durations" => {
                json!({"dimensions": {"week": "2026-10-05", "flowType": flow}, "totalCount": count + 1,
                "finishedCount": count, "usersCount": 1, "p50": count, "p95": (count > 0).then_some(60.5)})
            }
            _ => json!({"dimensions": {"ideName": "Neovim", "language": flow}, "shownCount": count + 1,
                "acceptedCount": count, "rejectedCount": 0, "suggestionSizeSum": count, "usersCount": 1}),
        })
        .boxed()
}

fn fetch() -> impl Strategy<Value = Fetch> {
    let instance = select(&["https://gitlab.example.com", "https://gitlab.other.example"][..]);
    let place = (instance, select(&["acme", "acme/web", "globex"][..]));
    (select(COLLECTORS), 5..9_u32, place, 1..4_u32).prop_flat_map(
        |(collector, day, (instance, scope), hour)| {
            let scope = if collector == "instance_usage_events" { "/" } else { scope };
            let nodes = proptest::collection::vec(node(collector, day), 0..12);
            (nodes, 1..6_usize, 0..10_u32).prop_map(move |(nodes, page_size, fate)| {
                let common = json!({"collector": collector, "instance": instance, "scope": scope,
                "day": format!("2026-10-{day:02}"), "fetched_at": format!("2026-10-20T0{hour}:00:00Z")});
                let line = |fields: Value| {
                    let mut line = common.clone();
                    line.as_object_mut()
                        .expect("an object")
                        .extend(fields.as_object().expect("an object").clone());
                    line.to_string()
                };
                let mut lines: Vec<String> = nodes
                    .chunks(page_size)
                    .enumerate()
                    .map(|(page, nodes)| line(json!({"type": "raw", "page": page + 1, "nodes": nodes})))
                    .collect();
                let day_text = format!("2026-10-{day:02}");
                let of_day = |node: &&Value| {
                    let stamps = ["timestamp", "createdAt", "mergedAt"]
                        .map(|name| node[name].as_str().is_some_and(|stamp| stamp.starts_with(&day_text)));
                    let has_day_of_request = [
                        "seats",
                        "members",
                        "credits",
                        "credit_months",
                        "dora",
                        "agent_sessions",
                        "agent_flows",
                        "agent_durations",
                        "suggestions_by_editor",
                    ];
                    has_day_of_request.contains(&collector) || stamps.contains(&true)
                };
                let rows = nodes.iter().filter(of_day).count();
                match fate {
                    0 => {}
                    1 => lines.push(line(
                        json!({"type": "coverage", "status": "partial", "rows": rows, "reason": "broke off"}),
                    )),
                    2 => lines.push(line(
                        json!({"type": "coverage", "status": "complete", "rows": rows + 1, "reason": null}),
                    )),
                    _ => lines.push(line(
                        json!({"type": "coverage", "status": "complete", "rows": rows, "reason": null}),
                    )),
                }
                Fetch { lines }
            })
        },
    )
}

/// The raw lines of several fetches. A fetch cannot have two results, so only the first one of each
/// target and time is kept.
pub(crate) fn stream() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(fetch(), 1..12).prop_map(|fetches| {
        let mut seen = std::collections::BTreeSet::new();
        let mut lines = Vec::new();
        for fetch in fetches {
            let Some(first) = fetch.lines.first() else { continue };
            let line: Value = serde_json::from_str(first).expect("JSON");
            if seen.insert(
                ["instance", "collector", "scope", "day", "fetched_at"].map(|name| line[name].to_string()),
            ) {
                lines.extend(fetch.lines);
            }
        }
        lines
    })
}

pub(crate) fn shuffled(lines: &[String], keys: &[Index]) -> Vec<String> {
    let mut rest = lines.to_vec();
    let mut order = Vec::new();
    for key in keys.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        order.push(rest.remove(key.index(rest.len())));
    }
    order
}

/// The same JSON with another order of keys, whitespace between tokens, and escaped slashes and
/// letters.
fn reformatted(line: &str) -> String {
    fn write_value(value: &Value) -> String {
        match value {
            Value::Object(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .rev()
                    .map(|(name, value)| format!("{} : {}", Value::from(name.as_str()), write_value(value)))
                    .collect();
                format!("{{ {} }}", fields.join(" , "))
            }
            Value::Array(items) => {
                format!("[ {} ]", items.iter().map(write_value).collect::<Vec<_>>().join(" , "))
            }
            Value::String(text) => {
                Value::from(text.as_str()).to_string().replace('/', "\\/").replace('e', "\\u0065")
            }
            other => other.to_string(),
        }
    }
    write_value(&serde_json::from_str(line).expect("JSON"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_of_lines_does_not_matter(raw in stream(), keys in proptest::collection::vec(any::<Index>(), 1..40)) {
        let expected = aggregated(&normalized(&raw));
        prop_assert_eq!(&aggregated(&normalized(&shuffled(&raw, &keys))), &expected);
        prop_assert_eq!(&aggregated(&shuffled(&normalized(&raw), &keys)), &expected);
    }

    #[test]
    fn repeated_lines_count_once(raw in stream()) {
        let records = normalized(&raw);
        let expected = aggregated(&records);
        prop_assert_eq!(&aggregated(&[records.clone(), records.clone()].concat()), &expected);
        prop_assert_eq!(&aggregated(&normalized(&[raw.clone(), raw].concat())), &expected);
    }

    #[test]
    fn a_split_and_concatenated_stream_gives_the_same_result(raw in stream(), at in any::<Index>()) {
        let (head, tail) = raw.split_at(at.index(raw.len() + 1));
        prop_assert_eq!([normalized(head), normalized(tail)].concat(), normalized(&raw));
    }

    #[test]
    fn unknown_types_and_fields_are_ignored(raw in stream(), at in any::<Index>()) {
        let mut records = normalized(&raw);
        let expected = aggregated(&records);
        for record in &mut records {
            record.insert_str(1, r#""of_tomorrow":{"a":[1,null]},"#);
        }
        records.insert(at.index(records.len() + 1), r#"{"type":"of_tomorrow","value":1}"#.to_owned());
        prop_assert_eq!(&aggregated(&records), &expected);
    }

    #[test]
    fn json_formatting_does_not_matter(raw in stream()) {
        let expected = aggregated(&normalized(&raw));
        let reformatted_raw: Vec<String> = raw.iter().map(|line| reformatted(line)).collect();
        prop_assert_eq!(&aggregated(&normalized(&reformatted_raw)), &expected);
        let reformatted_records: Vec<String> = normalized(&raw).iter().map(|line| reformatted(line)).collect();
        prop_assert_eq!(&aggregated(&reformatted_records), &expected);
    }

    #[test]
    fn records_survive_a_round_trip(raw in stream()) {
        let records = normalized(&raw);
        prop_assert_eq!(&normalized(&records), &records);
    }

    #[test]
    fn dimensions_add_up_to_the_total(raw in stream()) {
        let (text, _) = aggregated(&normalized(&raw));
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let total = |metric: &str, of: &Value, by: &str| -> (u64, u64) {
            let same = |line: &&Value| line["metric"] == metric && ["instance", "scope", "grain", "start"].iter().all(|name| line[*name] == of[*name]);
            let by_names = |line: &&Value| line["by"].as_object().is_some_and(|names| names.keys().eq(by.split(',').filter(|name| !name.is_empty())));
            let sum = lines.iter().filter(same).filter(by_names).filter_map(|line| line["n"].as_u64()).sum();
            (sum, of["n"].as_u64().unwrap_or(0))
        };
        for line in &lines {
            let splits: &[&str] = match line["metric"].as_str() {
                Some("events.count") => &["feature", "event", "kind", "event,feature"],
                Some("code_suggestions.shown" | "code_suggestions.accepted" | "code_suggestions.lines_shown") => &["language"],
                Some("agents.sessions") => &["flow", "status", "flow,status"],
                Some("merge_requests.opened" | "merge_requests.merged" | "pipelines.count") => &["project"],
                _ => &[],
            };
            if line["by"] == json!({}) {
                for by in splits {
                    let (sum, expected) = total(line["metric"].as_str().expect("text"), line, by);
                    prop_assert_eq!(sum, expected, "{} by {}", line, by);
                }
            }
        }
    }
}

pub(crate) fn events_of(rows: usize, at: &str, declared: Option<(&str, usize)>) -> Vec<String> {
    let common = format!(
        r#""collector":"usage_events","instance":"https://gitlab.example.com","scope":"acme","day":"2026-10-05","fetched_at":"{at}""#
    );
    let mut lines: Vec<String> = (0..rows)
        .map(|row| format!(r#"{{"type":"event","ts":"2026-10-05T10:00:00Z",{common},"row":"1:{row}","event":"troubleshoot_job","feature":"troubleshoot_job","user":"gid://gitlab/User/{row}"}}"#))
        .collect();
    if let Some((status, rows)) = declared {
        lines.push(format!(
            r#"{{"type":"coverage",{common},"status":"{status}","rows":{rows},"reason":null}}"#
        ));
    }
    lines
}

/// The number of messages of the day, its coverage status and reason, and the outcome.
fn day_of(records: &[Vec<String>]) -> (Value, Value, Value, Outcome) {
    let (text, outcome) = aggregated(&records.concat());
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let count = lines
        .iter()
        .find(|line| line["metric"] == "events.count" && line["grain"] == "day" && line["by"] == json!({}))
        .expect("the line");
    let coverage = lines.iter().find(|line| line["type"] == "coverage").expect("the line");
    (count["value"].clone(), count["coverage"].clone(), coverage["status"].clone(), outcome)
}

#[test]
fn an_unfinished_day_is_incomplete_and_one_that_failed_before_its_first_row_unknown() {
    let early = events_of(3, "2026-10-05T12:00:00Z", Some(("complete", 3)));
    assert_eq!(day_of(&[early]), (json!(3), json!(0.0), json!("partial"), Outcome::Complete));
    let broken = events_of(0, "2026-10-06T12:00:00Z", Some(("partial", 0)));
    assert_eq!(day_of(&[broken]), (Value::Null, json!(0.0), json!("partial"), Outcome::Complete));
}

#[test]
fn conflicting_states_of_the_same_time_resolve_the_same_in_any_order() {
    let line = |row: &str, status: &str| {
        format!(
            r#"{{"type":"pipeline","collector":"pipelines","instance":"https://gitlab.example.com","scope":"acme","day":"2026-10-05",
            "fetched_at":"2026-10-06T03:00:00Z","row":"{row}","project":"acme/{status}","project_id":"gid://gitlab/Project/1","id":"7",
            "status":"{status}","created_at":"2026-10-05T10:00:00Z","finished_at":null,"duration":null}}"#
        )
        .replace('\n', " ")
    };
    let (running, success) = (line("1:99", "running"), line("2:0", "success"));
    assert_eq!(
        aggregated(&[running.clone(), success.clone()]),
        aggregated(&[success.clone(), running.clone()])
    );
    let (text, _) = aggregated(&[success, running]);
    let count = text
        .lines()
        .find(|line| line.contains("pipelines.count") && line.contains(r#""by":{}"#))
        .expect("the line");
    assert!(count.contains(r#""value":1"#), "a renamed project is one project: {count}");
    assert!(text.contains(r#""project":"acme/success""#) && !text.contains(r#""project":"acme/running""#));
}

#[test]
fn seats_without_known_holders_have_no_rate() {
    let common = r#""collector":"seats","instance":"https://gitlab.example.com","scope":"acme","day":"2026-10-06","fetched_at":"2026-10-06T03:00:00Z""#;
    let pool = |row: u32, add_on: &str, assigned: u32| {
        format!(
            r#"{{"type":"seat_pool",{common},"row":"1:{row}","add_on":"{add_on}","purchased":100,"assigned":{assigned}}}"#
        )
    };
    let seat = format!(
        r#"{{"type":"seat",{common},"row":"2:0","user":"gid://gitlab/User/0","assigned":true,"add_on":"DUO_ENTERPRISE","last_duo_activity_on":null}}"#
    );
    let covered = |rows: u32| {
        format!(r#"{{"type":"coverage",{common},"status":"complete","rows":{rows},"reason":null}}"#)
    };
    let events = events_of(3, "2026-10-06T03:00:00Z", Some(("complete", 3)));
    let adoption = |seats: &[String]| {
        let (text, _) = aggregated(&[seats, events.as_slice()].concat());
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let line = lines
            .into_iter()
            .find(|line| line["metric"] == "seats.active" && line["grain"] == "window")
            .expect("the line");
        (line["value"].clone(), line["reason"].clone())
    };
    let known = [pool(0, "DUO_ENTERPRISE", 1), seat.clone(), covered(2)];
    assert_eq!(adoption(&known), (json!(1.0), Value::Null));
    let others = [pool(0, "DUO_ENTERPRISE", 1), pool(1, "DUO_OF_TOMORROW", 90), seat, covered(3)];
    assert_eq!(adoption(&others), (Value::Null, json!("no_snapshot")));
    assert_eq!(adoption(&[pool(0, "DUO_CORE", 0), covered(1)]), (Value::Null, json!("no_snapshot")));
}

#[test]
fn the_newest_complete_fetch_of_a_day_counts_unless_it_shrank() {
    let complete = |rows, at| events_of(rows, at, Some(("complete", rows)));
    let (early, late) = ("2026-10-06T03:00:00Z", "2026-10-07T03:00:00Z");
    let expected_day = |value: u64, outcome| (json!(value), json!(1.0), json!("complete"), outcome);
    assert_eq!(
        day_of(&[complete(5, early), complete(7, late)]),
        expected_day(7, Outcome::Complete),
        "late events came"
    );
    assert_eq!(
        day_of(&[complete(7, early), complete(7, late)]),
        expected_day(7, Outcome::Complete),
        "fetches are not added up"
    );
    assert_eq!(day_of(&[complete(7, early), complete(5, late)]), expected_day(7, Outcome::Partial), "shrunk");
    assert_eq!(
        day_of(&[complete(7, early), events_of(9, late, Some(("partial", 9)))]),
        expected_day(7, Outcome::Complete),
        "complete beats partial"
    );
    assert_eq!(
        day_of(&[complete(7, early), events_of(9, late, None)]),
        expected_day(7, Outcome::Partial),
        "the newer one is truncated"
    );
    assert_eq!(
        day_of(&[events_of(9, early, None)]),
        (json!(9), json!(0.0), json!("partial"), Outcome::Partial),
        "no coverage line"
    );
    let truncated = events_of(8, early, Some(("complete", 9)));
    assert_eq!(
        day_of(&[truncated]),
        (json!(8), json!(0.0), json!("partial"), Outcome::Partial),
        "fewer rows than declared"
    );
    let lost = events_of(0, early, Some(("complete", 9)));
    assert_eq!(
        day_of(&[lost]),
        (Value::Null, json!(0.0), json!("failed"), Outcome::Partial),
        "unknown is not zero"
    );
    assert_eq!(day_of(&[complete(0, early)]), expected_day(0, Outcome::Complete), "a count of zero is zero");
}
