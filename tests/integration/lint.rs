//! `lint`: findings, reports and exit codes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use duo_metrics::events::catalog::entry;
use duo_metrics::lint::{Context, RULES, SampleFormat, sample};
use serde_json::{Value, json};

use crate::bench::{CommandResult, bare_command, lines_of, run_command};

/// A folder with files to lint.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Files {
        Files { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn with(self, name: &str, text: &str) -> Files {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file can be written");
        self
    }

    fn lint(&self, arguments: &[&str]) -> CommandResult {
        self.pipe(arguments, b"")
    }

    fn pipe(&self, arguments: &[&str], input: &[u8]) -> CommandResult {
        run_command(bare_command(self.folder.path(), &[&["lint"], arguments].concat()), input)
    }

    /// File, line, severity and rule of each finding.
    fn found(&self, arguments: &[&str]) -> Vec<String> {
        let linted = self.lint(&[&["--format", "jsonl"], arguments].concat());
        let mut found: Vec<(u64, String)> = lines_of(&linted.stdout, "finding")
            .iter()
            .map(|line| {
                let text = |name: &str| line[name].as_str().expect("a text").to_owned();
                let number = line["line"].as_u64().expect("a line");
                (number, format!("{number} {} {}", text("severity"), text("rule")))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, text)| text).collect()
    }
}

/// An event as in the guide, with changes: keys are JSON pointers, and null removes a field.
fn event(name: &str, at: &str, changes: Value) -> Value {
    let mut event = json!({
        "event": name,
        "timestamp": format!("2026-08-18T{at}Z"),
        "classification": "duo",
        "user": {"id": 42},
        "project": {"id": 278964},
        "namespace": {"id": 9970},
        "additional_properties": {},
        "ai_context": {"flow_type": "fix_pipeline", "agent_name": "context", "agent_type": "foundational", "flow_version": "1.0.2"},
    });
    change(&mut event, changes);
    event
}

/// A token event, with a valid model and these tokens.
fn tokens(at: &str, [input, output, total, read, written]: [i64; 5], changes: Value) -> Value {
    let mut event = event(
        "token_usage_duo_workflow",
        at,
        json!({
            "additional_properties": {"model_provider": "anthropic", "model_engine": "claude-sonnet-4-5", "model_name": "claude-sonnet-4-5-20250929"},
            "ai_context": {
                "session_id": "5004", "input_tokens": input, "output_tokens": output, "total_tokens": total,
                "cache_read": read, "ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0,
            },
        }),
    );
    change(&mut event, changes);
    event
}

fn change(value: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { panic!("an object of changes") };
    for (name, new) in changes {
        match new {
            Value::Null => drop(value.as_object_mut().expect("an object").remove(&name)),
            Value::Object(_) if value[&name].is_object() => change(&mut value[&name], new),
            new => value[name] = new,
        }
    }
}

fn jsonl(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

fn ai(session: &str) -> Value {
    json!({"ai_context": {"session_id": session}})
}

/// The events of a complete session as in the guide.
fn session(id: &str) -> Vec<Value> {
    let of = |name: &str, at: &str| event(name, at, ai(id));
    let tool = |name: &str, at: &str, tool: &str| {
        event(
            name,
            at,
            json!({"ai_context": {"session_id": id}, "additional_properties": {"property": tool}}),
        )
    };
    vec![
        of("receive_start_duo_workflow", "09:00:00"),
        of("request_duo_workflow", "09:00:02"),
        tokens("09:00:09", [12000, 400, 12400, 0, 9000], ai(id)),
        tool("duo_workflow_tool_failure", "09:00:20", "read_file"),
        tokens("09:00:40", [15000, 900, 15900, 9000, 3000], ai(id)),
        of("pause_duo_workflow", "09:00:41"),
        of("receive_start_duo_workflow", "09:10:39"),
        of("resume_duo_workflow", "09:10:41"),
        tool("duo_workflow_tool_success", "09:10:50", "create_merge_request"),
        of("request_duo_workflow_success", "09:11:02"),
    ]
}

#[test]
fn a_complete_session_has_no_findings_in_any_order() {
    let mut events = session("4711");
    let straight = jsonl(&events);
    events.reverse();
    let files = Files::new().with("a.jsonl", &straight).with("b.jsonl", &jsonl(&events));
    for file in ["a.jsonl", "b.jsonl"] {
        let linted = files.lint(&["--fail-on", "info", file]);
        assert_eq!((linted.code, linted.stdout.len()), (0, 0), "{}", linted.stderr);
        assert!(linted.stderr.contains("10 events: 0 errors, 0 warnings, 0 notes"), "{}", linted.stderr);
    }
}

/// Calls as in the guide, each with one mistake.
fn faulty_calls() -> Vec<Value> {
    let model_in_ai = json!({
        "additional_properties": {"model_provider": null, "model_engine": null, "model_name": null},
        "ai_context": {"session_id": "5001", "model_provider": "anthropic", "model_engine": "claude-sonnet-4-5", "model_name": "claude-sonnet-4-5-20250929"},
    });
    let none = json!({});
    vec![
        event(
            "duo_workflow_tool_success",
            "12:00:00",
            json!({"additional_properties": {"property": "read_file"}}),
        ),
        tokens("12:00:01", [1000, 100, 1100, 0, 0], model_in_ai),
        tokens("12:00:02", [1000, 100, 1200, 0, 0], none.clone()),
        event(
            "request_duo_workflow",
            "12:00:03",
            json!({"ai_context": {"session_id": "5002"}, "classification": "analytics"}),
        ),
        event("request_duo_workflow_success", "12:00:04", ai("5003")),
        event(
            "duo_workflow_tool_success",
            "12:00:30",
            json!({"ai_context": {"session_id": "5003"}, "additional_properties": {"property": "grep"}}),
        ),
        event("request_duo_workflow", "12:00:40", ai("5003")),
        event("duo_workflow_pause", "12:00:50", ai("5004")),
        tokens(
            "12:00:51",
            [800, 80, 880, 0, 0],
            json!({"additional_properties": {"model_engine": null, "model_name": null}}),
        ),
        tokens("12:00:52", [500, 50, 550, 2000, 300], none.clone()),
        tokens("12:00:53", [-10, 5, -5, 0, 0], none.clone()),
        event(
            "request_duo_workflow",
            "12:00:54",
            json!({"ai_context": {"session_id": "5005"}, "user": null}),
        ),
        event(
            "request_duo_workflow",
            "12:00:55",
            json!({"ai_context": {"session_id": "5006", "prompt": "secret"}}),
        ),
        event(
            "request_duo_workflow",
            "12:00:56",
            json!({"ai_context": {"session_id": "5007"}, "event_id": "twice"}),
        ),
        event(
            "request_duo_workflow",
            "12:00:56",
            json!({"ai_context": {"session_id": "5007"}, "event_id": "twice"}),
        ),
        event(
            "request_duo_workflow",
            "12:00:57",
            json!({"ai_context": {"session_id": "5009"}, "timestamp": "18/08/2026 12:00"}),
        ),
        event(
            "token_usage_duo_workflow",
            "12:00:58",
            json!({
                "ai_context": {"session_id": "5008"},
                "additional_properties": {"model_provider": "anthropic", "model_engine": "claude", "model_name": "claude-sonnet-4-5"},
            }),
        ),
        tokens("12:00:59", [100, 10, 110, 0, 0], json!({"ai_context": {"model_name": "gpt-5"}})),
    ]
}

const FINDINGS_OF_CALLS: [&str; 18] = [
    "1 error session-missing",
    "2 warning model-placement",
    "3 error tokens-total",
    "4 error classification",
    "5 warning success-without-start",
    "6 warning tool-after-end",
    "7 warning start-after-end",
    "8 warning unknown-event",
    "9 warning model-incomplete",
    "10 warning tokens-cache",
    "11 error context-limit",
    "12 error user-missing",
    "13 error context-unknown-field",
    "15 info duplicate-event",
    "16 error timestamp",
    "17 error tokens-missing",
    "18 error model-mismatch",
    "",
];

#[test]
fn each_faulty_call_has_exactly_its_finding() {
    let files = Files::new().with("calls.jsonl", &jsonl(&faulty_calls()));
    let expected: Vec<&str> = FINDINGS_OF_CALLS.iter().copied().filter(|line| !line.is_empty()).collect();
    assert_eq!(files.found(&["calls.jsonl"]), expected);
    let linted = files.lint(&["calls.jsonl"]);
    assert_eq!(linted.code, 65);
    let text = String::from_utf8(linted.stdout).expect("text");
    assert!(text.contains("calls.jsonl:8: warning: duo_workflow_pause: GitLab has no event duo_workflow_pause; did you mean pause_duo_workflow? [unknown-event]"), "{text}");
    // The other profile allows the model in its place, and reports the older fields.
    let other = files.found(&["--profile", "ai-context", "calls.jsonl"]);
    assert!(!other.iter().any(|line| line.ends_with("model-placement")));
    assert!(other.contains(&"1 info deprecated-field".to_owned()));
}

/// An enriched Snowplow event as the Duo Workflow Service sends it.
fn snowplow(name: &str, at: &str, session: &str, changes: Value) -> Value {
    let mut event = json!({
        "event": "struct",
        "derived_tstamp": format!("2026-08-18T{at}.000Z"),
        "se_category": "fix_pipeline",
        "se_action": name,
        "se_label": "workflow_start_event",
        "se_property": "grep",
        "se_value": session.parse::<f64>().expect("a number"),
        "standard": {
            "environment": "production", "source": "duo-workflow-service-python", "realm": "self-managed",
            "instance_id": "ea8bf810", "unique_instance_id": "b5fa1911", "host_name": "gitlab.example.com",
            "global_user_id": "XsZf", "user_type": "human", "deployment_type": "self-managed", "project_id": 278964,
            "input_tokens": null, "model_name": null, "extra": {"client_capabilities": []},
        },
        "ai": {"session_id": session, "workflow_id": null, "flow_type": null, "cache_read": null},
    });
    change(&mut event, changes);
    for (short, long) in
        [("standard", "contexts_com_gitlab_gitlab_standard_1"), ("ai", "contexts_com_gitlab_ai_context_1")]
    {
        if let Some(context) = event.as_object_mut().expect("an object").remove(short) {
            event[long] = json!([context]);
        }
    }
    event
}

fn call(at: &str, session: &str, [input, output, total, read]: [u64; 4], changes: Value) -> Value {
    let mut all = json!({
        "se_category": "ai_gateway.instrumentators.model_requests", "se_label": "cache_details", "se_value": null, "se_property": null,
        "standard": {
            "input_tokens": input, "output_tokens": output, "total_tokens": total, "model_engine": "anthropic-chat",
            "model_name": "claude-sonnet-4-5-20250929", "model_provider": "anthropic",
            "extra": {"cache_read": read, "workflow_id": session, "workflow_type": "fix_pipeline"},
        },
        "ai": {
            "session_id": null, "workflow_id": session, "flow_type": "fix_pipeline", "input_tokens": input,
            "output_tokens": output, "total_tokens": total, "cache_read": read,
        },
    });
    change(&mut all, changes);
    snowplow("token_usage_duo_agent_platform", at, session, all)
}

#[test]
fn each_faulty_snowplow_event_has_exactly_its_findings() {
    let no_session = json!({"se_value": null, "ai": {"session_id": null}});
    let no_model = json!({
        "standard": {"model_engine": null, "model_name": null, "model_provider": null},
        "ai": {"model_name": "claude-sonnet-4-5-20250929"},
    });
    let events = [
        snowplow("duo_workflow_tool_success", "12:00:00", "6000", no_session),
        call("12:00:01", "6001", [1000, 100, 1200, 0], json!({})),
        call("12:00:02", "6001", [1000, 100, 1100, 0], no_model),
        snowplow("request_duo_workflow", "12:00:03", "6002", json!({"ai": null})),
        snowplow("request_duo_workflow", "12:00:04", "6003", json!({"standard": {"prompt_text": "secret"}})),
        snowplow("request_duo_workflow_success", "12:00:05", "6004", json!({})),
        snowplow("duo_workflow_tool_success", "12:05:05", "6004", json!({})),
        snowplow("request_duo_workflow", "12:06:00", "6005", json!({"standard": {"environment": null}})),
        call("12:07:00", "6005", [1000, 100, 1100, 1500], json!({})),
        snowplow("request_duo_workflow", "12:08:00", "6006", json!({"ai": {"session_id": "9999"}})),
    ];
    let files = Files::new().with("events.jsonl", &jsonl(&events));
    assert_eq!(
        files.found(&["events.jsonl"]),
        [
            "1 error session-missing",
            "2 error tokens-total",
            "3 warning model-incomplete",
            "3 warning model-placement",
            "4 error ai-context-missing",
            "5 error context-unknown-field",
            "6 warning success-without-start",
            "7 warning tool-after-end",
            "8 error context-required-field",
            "9 warning tokens-cache",
            "10 error session-mismatch",
        ]
    );
}

fn node(name: &str, at: &str, user: u64, extras: Value) -> Value {
    json!({
        "event": format!("AGENT_PLATFORM_SESSION_{name}"), "timestamp": format!("2026-08-18T{at}.000Z"),
        "user": {"id": format!("gid://gitlab/User/{user}"), "username": "ana"}, "namespacePath": "9970/10001/", "extras": extras,
    })
}

#[test]
fn each_faulty_node_has_exactly_its_finding() {
    let of = |session: u64| json!({"project_id": 1, "session_id": session, "flow_type": "developer/v1", "environment": "ambient"});
    let nodes = [
        node("FINISHED", "17:00:00", 42, of(8001)),
        node("STARTED", "17:01:00", 42, json!({"project_id": 1, "environment": "ambient"})),
        node(
            "CREATED",
            "17:02:00",
            42,
            json!({"project_id": 1, "session_id": 8003, "environment": "toaster"}),
        ),
        node("STARTED", "17:03:05", 42, of(8004)),
        node("CREATED", "17:03:09", 42, of(8004)),
        node("PAUSED", "17:04:00", 42, of(8005)),
        node("CREATED", "17:05:00", 42, of(8006)),
        node("FINISHED", "17:06:00", 57, of(8006)),
    ];
    let files = Files::new().with("nodes.jsonl", &jsonl(&nodes));
    assert_eq!(
        files.found(&["nodes.jsonl"]),
        [
            "1 info finish-without-start",
            "2 error session-missing",
            "3 warning environment-unknown",
            "4 warning started-before-created",
            "6 warning unknown-event",
            "8 warning user-change",
        ]
    );
    // Realistic sessions: a retry has no event, a chat never ends, and the newest event comes
    // first.
    let good = [
        node("FINISHED", "15:20:00", 42, of(1)),
        node("DROPPED", "15:02:00", 42, of(1)),
        node("STARTED", "15:00:03", 42, of(1)),
        node("CREATED", "15:00:00", 42, of(1)),
        node("RESUMED", "13:09:00", 42, of(2)),
        node("STARTED", "13:00:01", 42, of(2)),
        node("CREATED", "13:00:00", 42, of(2)),
    ];
    let files = Files::new().with("nodes.jsonl", &jsonl(&good));
    assert_eq!(files.found(&["nodes.jsonl"]), Vec::<String>::new());
}

/// A valid definition.
const DEFINITION: &str = "---
description: A sample session starts
internal_events: true
status: active
action: ACTION
classification: duo
identifiers:
- project
- namespace
- user
additional_properties:
  label:
    description: Flow type
  property:
    description: Environment
  value:
    description: Session id
product_group: agent_execution
product_categories:
- duo_agent_platform
milestone: '19.3'
introduced_by_url: https://gitlab.example.com/merge_requests/1
tiers:
- premium
- ultimate
";

#[test]
fn faulty_definitions_have_findings() {
    let cases: [(&str, &str, &str, &[&str]); 10] = [
        ("ok_session_event", "", "", &[]),
        (
            "bad_classification_value",
            "classification: duo",
            "classification: analytics",
            &["6 error definition-classification-value"],
        ),
        ("request_duo_workflow", "classification: duo\n", "", &["5 error definition-classification-missing"]),
        ("Pause-DuoWorkflow", "", "", &["5 error definition-action"]),
        (
            "bad_removed",
            "status: active",
            "status: removed",
            &["4 error definition-removed", "4 error definition-removed"],
        ),
        ("bad_tier", "- premium\n- ultimate", "- platinum", &["24 error definition-tiers"]),
        ("bad_user", "- user\n", "", &["7 warning definition-user-identifier"]),
        (
            "bad_session",
            "  value:\n    description: Session id\n",
            "",
            &["11 warning definition-session-property"],
        ),
        (
            "token_usage_sample",
            "  property:\n    description: Environment\n  value:\n    description: Session id\n",
            "  cache_read:\n    description: tokens read from cache\n",
            &["11 info definition-custom-property"],
        ),
        ("bad_yaml", "tiers:", "tiers: [", &["27 error definition-syntax"]),
    ];
    for (action, old, new, expected) in cases {
        let text = DEFINITION.replace("ACTION", action);
        let text = if old.is_empty() { text } else { text.replace(old, new) };
        let file = format!("config/events/{action}.yml");
        let files = Files::new().with(&file, &text);
        let found = files.found(&[&file]);
        let is_syntax = expected.iter().any(|line| line.ends_with("definition-syntax"));
        if is_syntax {
            assert!(found.len() == 1 && found[0].ends_with("error definition-syntax"), "{found:?}");
        } else {
            assert_eq!(found, expected, "{action}");
        }
    }
    let files = Files::new()
        .with("ee/config/events/other.yml", &DEFINITION.replace("ACTION", "an_agent_started"))
        .with("draft.yml", &DEFINITION.replace("ACTION", "an_agent_started"));
    assert_eq!(files.found(&["ee/config/events/other.yml", "draft.yml"]), ["5 warning definition-file-name"]);
}

#[test]
fn events_are_checked_against_their_definition() {
    let own_event = |properties: Value| {
        event(
            "own_duo_event",
            "09:00:00",
            json!({"ai_context": {"session_id": "1"}, "additional_properties": properties}),
        )
    };
    let events = jsonl(&[own_event(json!({"label": "a"})), own_event(json!({"speed": "fast"}))]);
    let files = Files::new()
        .with("own_duo_event.yml", &DEFINITION.replace("ACTION", "own_duo_event"))
        .with("events.jsonl", &events);
    assert_eq!(files.found(&["events.jsonl", "own_duo_event.yml"]), ["2 warning property-undeclared"]);
    assert_eq!(files.found(&["events.jsonl"]), ["1 warning unknown-event", "2 warning unknown-event"]);
}

/// The keys of an object.
fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Checks a report against GitLab's documentation, and returns the rules by fingerprint.
fn checked_report(report: &[u8]) -> BTreeMap<String, String> {
    let Value::Array(issues) = serde_json::from_slice(report).expect("a report is JSON") else {
        panic!("a report is a list")
    };
    assert!(!report.starts_with(b"\xef\xbb\xbf"), "GitLab takes no byte order mark");
    let mut fingerprints = BTreeMap::new();
    for issue in &issues {
        assert_eq!(
            keys(issue),
            BTreeSet::from(["description", "check_name", "fingerprint", "severity", "location"])
        );
        assert_eq!(keys(&issue["location"]), BTreeSet::from(["path", "lines"]));
        assert_eq!(keys(&issue["location"]["lines"]), BTreeSet::from(["begin"]));
        let text = |name: &str| issue[name].as_str().filter(|text| !text.is_empty()).expect("a text");
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&text("severity")));
        assert!(RULES.iter().any(|rule| rule.id == text("check_name")));
        assert!(!text("description").contains('\n'));
        let path = issue["location"]["path"].as_str().expect("a path");
        assert!(!path.is_empty() && !path.starts_with("./") && !path.starts_with('/'), "{path}");
        assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0));
        let fingerprint = text("fingerprint");
        assert!(fingerprint.len() == 32 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let before = fingerprints.insert(fingerprint.to_owned(), text("check_name").to_owned());
        assert!(before.is_none(), "repeated fingerprint {fingerprint}");
    }
    fingerprints
}

#[test]
fn the_code_quality_report_has_gitlabs_format_and_stable_fingerprints() {
    let twice = [faulty_calls(), faulty_calls()].concat();
    let moved = [session("4711"), twice.clone()].concat();
    let report = |events: &[Value]| {
        let files = Files::new()
            .with("events.jsonl", &jsonl(events))
            .with("a.yml", &DEFINITION.replace("ACTION", "A"));
        let linted = files.lint(&["--format", "codequality", "./a.yml", "./events.jsonl"]);
        assert_eq!(linted.code, 65);
        checked_report(&linted.stdout)
    };
    let first = report(&twice);
    assert!(first.len() > 2 * 15, "{}", first.len());
    assert_eq!(first, report(&twice));
    assert_eq!(first, report(&moved), "moved lines keep their fingerprints");
    let clean = Files::new().with("events.jsonl", &jsonl(&session("1")));
    assert_eq!(clean.lint(&["--format", "codequality", "events.jsonl"]).stdout, b"[]\n");
}

#[test]
fn the_exit_code_depends_on_the_most_severe_finding() {
    let [error, warning, info] = [
        event("request_duo_workflow", "09:00:00", json!({"ai_context": {"session_id": "1"}, "user": null})),
        event("duo_workflow_pause", "09:00:00", ai("1")),
        node("FINISHED", "17:00:00", 42, json!({"session_id": 1, "environment": "chat"})),
    ]
    .map(|event| format!("{event}\n"));
    let files = Files::new();
    for (text, codes) in [(&error, [65, 65, 65, 0]), (&warning, [0, 65, 65, 0]), (&info, [0, 0, 65, 0])] {
        for (fail_on, code) in ["error", "warning", "info", "never"].into_iter().zip(codes) {
            let linted = files.pipe(&["--fail-on", fail_on], text.as_bytes());
            assert_eq!(linted.code, code, "{fail_on}: {}", linted.stderr);
            assert!(String::from_utf8_lossy(&linted.stdout).starts_with("stdin:1: "));
        }
    }
    let usage = |arguments: &[&str]| files.lint(arguments).code;
    assert_eq!(usage(&["--explain", "no-such-rule"]), 2);
    assert_eq!(usage(&["--example", "no_such_event"]), 2);
    assert_eq!(usage(&["--list", "file.jsonl"]), 2);
    assert_eq!(usage(&["no-such-file.jsonl"]), 78);
    assert_eq!(usage(&[]), 0, "empty input has no findings");
}

#[test]
fn findings_do_not_depend_on_threads_or_chunks() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut events: Vec<Value> = Vec::new();
    for id in 0..750 {
        let mut session_events = session(&id.to_string());
        if id % 3 == 0 {
            // A success without a start.
            session_events.retain(|event| {
                event["event"] != "request_duo_workflow" && event["event"] != "resume_duo_workflow"
            });
        }
        if id % 5 == 0 {
            session_events.push(event("request_duo_workflow", "09:12:00", ai(&id.to_string())));
        }
        for (event, at) in session_events.iter_mut().zip(0..) {
            event["event_id"] = json!(format!("{id}-{at}"));
        }
        if id % 7 == 0 {
            session_events.push(session_events[random.usize(..session_events.len())].clone());
        }
        events.extend(session_events);
    }
    let lint = |events: &[Value], threads: &str| {
        let files = Files::new().with("events.jsonl", &jsonl(events));
        let linted = files.lint(&["--format", "codequality", "--threads", threads, "events.jsonl"]);
        (checked_report(&linted.stdout), linted.stdout)
    };
    let (straight, bytes) = lint(&events, "1");
    let of = |id: &str| straight.values().filter(|rule| *rule == id).count();
    assert_eq!((of("success-without-start"), of("start-after-end"), of("duplicate-event")), (250, 150, 108));
    assert!(jsonl(&events).len() > 2 << 20, "several chunks");
    assert_eq!(bytes, lint(&events, "3").1);
    random.shuffle(&mut events);
    assert_eq!(straight, lint(&events, "2").0);
}

#[test]
fn example_events_are_valid_input() {
    for (arguments, profile) in [
        (&["--example", "token_usage_duo_agent_platform"][..], "guide"),
        (&["--example", "PAUSE_DUO_WORKFLOW", "--form", "snowplow"], "guide"),
        (&["--example", "agent_platform_session_created", "--profile", "ai-context"], "ai-context"),
    ] {
        let files = Files::new();
        let example = files.lint(arguments);
        assert_eq!(example.code, 0, "{}", example.stderr);
        let linted = files.pipe(&["--profile", profile, "--fail-on", "info"], &example.stdout);
        assert_eq!((linted.code, linted.stdout.len()), (0, 0), "{arguments:?}");
        assert!(linted.stderr.contains("1 event:"), "{}", linted.stderr);
    }
    let event = entry("duo_workflow_tool_success").expect("it exists");
    let example = sample(event, duo_metrics::lint::Profile::Guide, SampleFormat::Guide);
    assert_eq!(example["classification"], "duo");
    assert!(example["user"]["id"].is_number() && example["ai_context"]["session_id"].is_string());
}

#[test]
fn messages_truncate_user_text() {
    let secret = "the quick brown fox jumps over the lazy dog and writes a secret";
    let long = format!("\u{1b}[31m{}", secret.repeat(50));
    let events = [
        event(
            "request_duo_workflow",
            "09:00:00",
            json!({"ai_context": {"session_id": "1", "prompt": long, "agent_name": long}}),
        ),
        event(&long, "09:00:00", ai("1")),
        event(
            "request_duo_workflow",
            "09:00:00",
            json!({"ai_context": {"session_id": long}, "timestamp": long, "classification": long}),
        ),
    ];
    let files = Files::new().with("events.jsonl", &jsonl(&events));
    for format in ["text", "jsonl", "codequality"] {
        let linted = files.lint(&["--format", format, "events.jsonl"]);
        let text = String::from_utf8(linted.stdout).expect("text") + &linted.stderr;
        assert!(text.contains("context-limit") && !text.contains("lazy dog"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("\\u001b"), "{text}");
    }
}

#[test]
fn other_lines_are_reported_or_skipped_and_linting_continues() {
    let good = session("1");
    let text = format!("{}\nnot json\n{{\"a\":1}}\n\u{0}\u{0}{{\n{}", good[0], jsonl(&good[1..]));
    let files = Files::new();
    let linted = files.pipe(&["--format", "jsonl"], text.as_bytes());
    assert_eq!(linted.code, 65);
    let found = lines_of(&linted.stdout, "finding");
    let rules: Vec<&Value> = found.iter().map(|line| &line["rule"]).collect();
    assert_eq!(rules, ["unreadable", "unreadable", "unreadable"]);
    assert!(linted.stderr.contains("10 events"), "{}", linted.stderr);
    let own = r#"{"type":"event","ts":"2026-10-01T09:00:00Z","instance":"https://gitlab.example.com","collector":"usage_events","scope":"acme","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","row":"0:0","event":"x","feature":"other","user":"gid://gitlab/User/1"}"#;
    let linted = files.pipe(&[], own.as_bytes());
    assert_eq!((linted.code, linted.stdout.len()), (65, 0));
    assert!(linted.stderr.contains("1 record, the first in line 1"), "{}", linted.stderr);
}

#[test]
fn rules_are_listed_and_explained() {
    let files = Files::new();
    let listed = String::from_utf8(files.lint(&["--list"]).stdout).expect("text");
    let lines = lines_of(&files.lint(&["--list", "--format", "jsonl"]).stdout, "rule");
    assert_eq!((listed.lines().count(), lines.len()), (RULES.len(), RULES.len()));
    for (rule, line) in RULES.iter().zip(&lines) {
        assert!(listed.contains(rule.id) && line["rule"] == rule.id);
        let explained = String::from_utf8(files.lint(&["--explain", rule.id]).stdout).expect("text");
        for part in [rule.title, rule.explanation, "Passes:", "Fails:", rule.severity.as_str()] {
            assert!(explained.contains(part), "{}: {part}", rule.id);
        }
    }
}

#[test]
fn the_example_finds_its_mistakes_and_writes_a_report() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/lint");
    let pipeline = std::fs::read_to_string(example.join("gitlab-ci.yml")).expect("a readable file");
    let script =
        pipeline.lines().find_map(|line| line.trim().strip_prefix("- ")).expect("a script of one line");
    let report =
        pipeline.lines().find_map(|line| line.trim().strip_prefix("codequality: ")).expect("a report");
    let mut files = Files::new();
    for name in ["config/events/start_review_agent.yml", "events.jsonl"] {
        files = files.with(name, &std::fs::read_to_string(example.join(name)).expect("a readable file"));
    }
    let binary = bare_command(files.folder.path(), &[]).get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    let path = std::env::var("PATH").unwrap_or_default();
    let folder = Path::new(&binary).parent().expect("a folder").display();
    shell
        .args(["-c", script])
        .current_dir(files.folder.path())
        .env_clear()
        .env("PATH", format!("{folder}:{path}"));
    assert_eq!(run_command(shell, b"").code, 65);
    let report = std::fs::read(files.folder.path().join(report)).expect("the report is there");
    let rules: BTreeSet<String> = checked_report(&report).into_values().collect();
    let expected =
        ["definition-session-property", "definition-user-identifier", "tokens-cache", "tokens-total"];
    assert_eq!(rules, BTreeSet::from(expected.map(str::to_owned)));
    assert!(
        std::fs::read_to_string(example.join("README.md"))
            .is_ok_and(|text| expected.iter().all(|rule| text.contains(rule)))
    );
}

#[test]
fn docs_list_the_rules_of_the_code() {
    let mut text = String::from(
        "# Lint rules\n\nGenerated from the rules in `src/lint/rules/`; `BLESS=1 tests/run` regenerates it.\n\
         `duo-metrics lint --explain RULE` also shows the examples. A rule applies in both profiles, `guide`\n\
         and `ai-context`, unless one is named.\n",
    );
    for rule in RULES {
        let only = match rule.profiles {
            [one] => format!(", only with `--profile {}`", one.as_str()),
            _ => String::new(),
        };
        text.push_str(&format!(
            "\n## {}\n\n{}{only}: {}.\n\n{}\n",
            rule.id, rule.severity, rule.title, rule.explanation
        ));
    }
    text.push_str("\n## Context fields\n\nFrom GitLab's Snowplow schemas, with the schema version that added each field. A field can be null or\nmissing unless it is required.\n");
    for context in Context::ALL {
        text.push_str(&format!(
            "\n### {}\n\n| field | type | since |\n|---|---|---|\n",
            context.name().trim_start_matches("the ")
        ));
        for field in context.fields() {
            let required = if field.is_required { ", required" } else { "" };
            text.push_str(&format!(
                "| `{}` | {}{required} | {} |\n",
                field.name,
                field.kind.description(),
                field.since
            ));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lint.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("the document can be written");
    }
    assert_eq!(std::fs::read_to_string(path).expect("docs/lint.md"), text);
}
