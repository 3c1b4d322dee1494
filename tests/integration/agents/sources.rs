//! The records of each source format.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use duo_metrics::model::event::Event;
use duo_metrics::normalize::sources::derived_id;

use super::writers::{self, Call, HOST, SECRET, SessionEvents, SourceEvent};
use crate::bench::{CommandResult, bare_command, lines, lines_of, run_command};

/// 2026-08-18, 09:00.
const MORNING: i64 = 1_787_043_600_000;

/// Events of GitLab and the service for three sessions: one that waited for approval and finished,
/// one that failed, and one that GitLab cleaned up as stuck.
pub(crate) fn source_events() -> Vec<SourceEvent> {
    let call = |agent: &str, input, output, read, write_5m, creation| Call {
        model: "claude-sonnet-4-5-20250929".to_owned(),
        engine: "anthropic-chat".to_owned(),
        provider: "anthropic".to_owned(),
        agent: agent.to_owned(),
        input,
        output,
        read,
        write_5m,
        write_1h: 0,
        creation,
    };
    let wait = "pause_request_by_agent_duo_workflow_await_approval";
    let mut fixed = SessionEvents::of(4711, 42, "fix_pipeline");
    fixed.context = json!({"item_type": "custom_flow", "custom_item_id": 17, "item_version": "1.0.2",
        "component_name": "planner"});
    fixed
        .rails(MORNING, "agent_platform_session_created", "ambient")
        .service(MORNING + 5_000, "receive_start_duo_workflow", "workflow_id", json!({}))
        .rails(MORNING + 6_000, "agent_platform_session_started", "ambient")
        .service(MORNING + 6_300, "request_duo_workflow", "workflow_id", json!({}))
        .call(MORNING + 12_000, call("fix_pipeline_context", 12_000, 400, 0, 9_000, 0))
        .service(
            MORNING + 14_000,
            "duo_workflow_tool_success",
            "get_job_logs",
            json!({"client_capabilities": []}),
        )
        .service(
            MORNING + 20_000,
            "duo_workflow_tool_failure",
            "read_file",
            json!({"error": SECRET, "error_type": "ToolException"}),
        )
        .call(MORNING + 40_000, call("fix_pipeline_context", 15_000, 900, 9_000, 3_000, 0))
        .service(
            MORNING + 41_000,
            "pause_duo_workflow",
            wait,
            json!({"duration_seconds": 34.7, "agent_output": SECRET}),
        )
        .rails(MORNING + 641_000, "agent_platform_session_resumed", "ambient")
        .service(MORNING + 641_200, "resume_duo_workflow", "resume_request_by_user_duo_workflow", json!({}))
        .service(MORNING + 650_000, "duo_workflow_tool_success", "create_merge_request", json!({}))
        .call(MORNING + 660_001, call("fix_pipeline_context", 18_000, 700, 12_000, 0, 0))
        .rails(MORNING + 661_000, "agent_platform_session_finished", "ambient")
        .service(
            MORNING + 662_000,
            "request_duo_workflow_success",
            "workflow_completed",
            json!({"duration_seconds": 20.8}),
        );
    let later = MORNING + 3_600_000;
    let mut failed = SessionEvents::of(4712, 57, "software_development");
    failed
        .rails(later, "agent_platform_session_created", "ide")
        .service(later + 1_100, "request_duo_workflow", "workflow_id", json!({}))
        .call(later + 8_000, call("planning_agent", 8_000, 300, 0, 0, 0))
        .service(
            later + 30_000,
            "request_duo_workflow_failure",
            &format!("InternalServerError('{SECRET}')"),
            json!({}),
        )
        .rails(later + 31_000, "agent_platform_session_dropped", "ide");
    let last = MORNING + 7_200_000;
    let mut stuck = SessionEvents::of(4713, 42, "developer");
    stuck
        .rails(last, "agent_platform_session_created", "web")
        .service(last + 5_200, "request_duo_workflow", "workflow_id", json!({}))
        .call(last + 11_000, call("developer_agent", 5_000, 200, 0, 0, 4_000))
        .rails(last + 2_400_000, "cleanup_stuck_agent_platform_session", "failed")
        .rails(last + 2_400_040, "agent_platform_session_dropped", "web");
    [fixed, failed, stuck].into_iter().flat_map(|session| session.source_events).collect()
}

fn normalize_with(arguments: &[&str], input: &[u8]) -> (CommandResult, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments =
        [&["normalize", "--dead-letter", "dead.jsonl", "--max-rejects", "100"], arguments].concat();
    let normalized = run_command(bare_command(folder.path(), &arguments), input);
    assert!([0, 3].contains(&normalized.code), "{}", normalized.stderr);
    let letters = std::fs::read(folder.path().join("dead.jsonl")).expect("the dead letters");
    (normalized, lines(&letters))
}

/// The records of an input without rejected lines.
fn records(input: &str) -> Vec<Value> {
    let (normalized, letters) = normalize_with(&[], input.as_bytes());
    assert!(letters.is_empty(), "{letters:?}");
    lines_of(&normalized.stdout, "event")
}

/// The records without `row`.
fn without_positions(mut records: Vec<Value>) -> Vec<Value> {
    records.iter_mut().for_each(|record| drop(record.as_object_mut().expect("an object").remove("row")));
    records
}

/// By session: input, output, total, cache read and cache write tokens, and calls. Repeated events
/// count once.
fn tokens(records: &[Value]) -> BTreeMap<String, [u64; 6]> {
    let mut sums: BTreeMap<String, [u64; 6]> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for record in records.iter().filter(|record| seen.insert(record["event_id"].to_string())) {
        let sum = sums.entry(record["session"].as_str().expect("a session").to_owned()).or_default();
        let names = ["input_tokens", "output_tokens", "total_tokens", "cache_read", "cache_write"];
        for (place, name) in names.iter().enumerate() {
            sum[place] += record[name].as_u64().unwrap_or(0);
        }
        sum[5] += u64::from(record["input_tokens"].is_u64());
    }
    sums
}

#[test]
fn all_snowplow_formats_give_the_same_records() {
    let source_events = source_events();
    let json = records(&writers::snowplow_json(&source_events));
    assert_eq!(json.len(), source_events.len());
    let rows: Vec<&str> = json.iter().map(|record| record["row"].as_str().expect("a row")).collect();
    assert_eq!((rows[0], rows[24]), ("1", "25"));
    let expected = without_positions(json);
    let pretty = |document: &Value| format!("{document:#}\n");
    let payload = writers::tp2(&source_events);
    let micro = writers::micro(&source_events);
    let entries: String =
        micro.as_array().expect("a list").iter().map(|entry| format!("{entry}\n")).collect();
    for (form, input) in [
        ("TSV", writers::snowplow_tsv(&source_events)),
        ("TSV with line ends of Windows", writers::snowplow_tsv(&source_events).replace('\n', "\r\n")),
        ("a payload that spans lines", pretty(&payload)),
        ("a payload in one line", payload.to_string()),
        ("product_usage_data.log", writers::product_usage_log(&source_events)),
        ("Micro", pretty(&micro)),
        ("Micro in one line", micro.to_string()),
        ("Micro, an event a line", entries),
    ] {
        assert_eq!(without_positions(records(&input)), expected, "{form}");
    }
}

#[test]
fn sessions_tokens_and_tools_are_read_from_each_format_that_has_them() {
    let source_events = source_events();
    let expected: BTreeMap<String, [u64; 6]> = [
        ("4711".to_owned(), [45_000, 2_000, 47_000, 21_000, 12_000, 3]),
        ("4712".to_owned(), [8_000, 300, 8_300, 0, 0, 1]),
        ("4713".to_owned(), [5_000, 200, 5_200, 0, 4_000, 1]),
    ]
    .into();
    let internal = records(&writers::internal_events(&source_events));
    let snowplow = records(&writers::snowplow_json(&source_events));
    let log = records(&writers::service_log(&source_events));
    assert_eq!((tokens(&internal), tokens(&snowplow)), (expected.clone(), expected));
    for records in [&internal, &snowplow, &log] {
        let is = |record: &&Value, name: &str, value: &str| record[name] == value;
        let tools = records.iter().filter(|record| record["tool"].is_string());
        let failed = tools.clone().filter(|record| is(record, "outcome", "failure"));
        assert_eq!((tools.count(), failed.count()), (3, 1));
        let of_failure = |record: &&Value| record["event"] == "request_duo_workflow_failure";
        let failure = records.iter().find(of_failure).expect("a failure");
        assert_eq!(failure["reason"], "InternalServerError");
    }
    let field = |records: &[Value], name: &str| -> BTreeSet<String> {
        records.iter().map(|record| record[name].as_str().unwrap_or("-").to_owned()).collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    for records in [&internal, &snowplow, &log] {
        for (name, value) in [
            ("item_type", "custom_flow"),
            ("item", "17"),
            ("item_version", "1.0.2"),
            ("component", "planner"),
        ] {
            assert_eq!(field(records, name), set(&[value, "-"]), "{name}");
            let of_session = records.iter().filter(|record| record[name] == value);
            assert!(
                of_session.clone().count() > 6
                    && of_session.clone().all(|record| record["session"] == "4711")
            );
        }
        let agents = ["fix_pipeline_context", "planning_agent", "developer_agent", "-"];
        assert_eq!(field(records, "agent"), set(&agents));
    }
    for records in [&internal, &snowplow] {
        assert_eq!(field(records, "flow"), set(&["fix_pipeline", "software_development", "developer"]));
        assert_eq!(field(records, "project"), set(&["gid://gitlab/Project/278964"]));
    }
    assert_eq!(field(&internal, "user"), set(&["gid://gitlab/User/42", "gid://gitlab/User/57"]));
    assert_eq!(field(&snowplow, "user"), set(&["XsZfAb677xjp9zut/42=", "XsZfAb677xjp9zut/57="]));
    assert_eq!(field(&snowplow, "environment"), set(&["ambient", "chat", "-"]));
    assert_eq!(field(&snowplow, "instance"), set(&[&format!("https://{HOST}")]));
    assert_eq!(field(&snowplow, "source"), set(&["gitlab-rails", "duo-workflow-service-python"]));
    let call = snowplow.iter().find(|record| record["input_tokens"].is_u64()).expect("a call");
    assert_eq!(call["context"]["operation_type"], "standard");
    assert_eq!(call["context"]["ultimate_parent_namespace_id"], 9_970);
    assert_eq!((&call["day"], &call["fetched_at"]), (&json!("2026-08-18"), &json!("2026-08-19T00:00:00Z")));
}

#[test]
fn a_derived_id_is_that_of_releases_without_the_fields_of_items() {
    let id = |more: &str| {
        let line = format!(
            r#"{{"ts":"2026-10-01T09:00:00Z","instance":"i","collector":"internal_events","scope":"/","day":"2026-10-01","fetched_at":"2026-10-02T00:00:00Z","row":"1","event":"request_duo_workflow","feature":"f","user":"u","context":{{"item_type":"custom_flow"}}{more}}}"#
        );
        derived_id(&serde_json::from_str::<Event<'_>>(&line).expect("an event"))
    };
    let items = r#","item_type":"custom_flow","item":"17","item_version":"1.0.2","component":"planner""#;
    assert_eq!(id(items), id(""));
    assert_ne!(id(r#","agent":"planner""#), id(""));
}

#[test]
fn calls_logged_twice_by_the_service_are_kept_separate() {
    let log = writers::service_log(&source_events());
    let all = records(&log);
    let of = |collector: &str| -> Vec<Value> {
        all.iter().filter(|record| record["collector"] == collector).cloned().collect()
    };
    let (calls, events) = (of("service_calls"), of("service_log"));
    assert_eq!(calls.len() + events.len(), all.len());
    let called: BTreeMap<_, _> = tokens(&events).into_iter().filter(|(_, sums)| sums[5] > 0).collect();
    assert_eq!((called.len(), &called), (3, &tokens(&calls)));
    assert!(calls.iter().all(|call| call["model"].is_string() && call["flow"].is_null()));
    let is_call = |event: &&Value| event["input_tokens"].is_u64();
    assert!(events.iter().filter(is_call).all(|call| call["model"].is_null() && call["flow"].is_string()));
    // Lines without an event are counted and are not errors.
    let other = r#"{"level":"info","event":"heartbeat","logger":"x","timestamp":"2026-08-18T09:00:00Z"}"#;
    let (normalized, letters) = normalize_with(&[], format!("{other}\n{log}{other}\n").as_bytes());
    assert!(
        letters.is_empty() && normalized.stderr.contains("skipped 2 lines without an event"),
        "{}",
        normalized.stderr
    );
}

#[test]
fn nodes_and_dumps_contain_gitlabs_fields() {
    let source_events = source_events();
    let nodes = records(&writers::instance_nodes(&source_events));
    let sessions: BTreeSet<&str> = nodes.iter().filter_map(|node| node["session"].as_str()).collect();
    assert_eq!((nodes.len(), sessions), (8, BTreeSet::from(["4711", "4712", "4713"])));
    assert!(nodes.iter().all(|node| node["flow_version"] == "v1" && node["namespace"] == "9970/10001/"));
    let bare = records(&writers::group_nodes(&source_events));
    assert!(
        bare.len() == 8 && bare.iter().all(|node| node["session"].is_null() && node["event_id"].is_string())
    );
    let csv = writers::postgres_csv(&source_events);
    let of_csv = records(&csv);
    assert_eq!(of_csv[0]["event"], "agent_platform_session_created");
    assert_eq!(of_csv[0]["user"], "gid://gitlab/User/42");
    let ids = |records: &[Value]| -> Vec<String> {
        records.iter().map(|record| record["event_id"].as_str().expect("an id").to_owned()).collect()
    };
    for input in [writers::postgres_json(&source_events), writers::clickhouse_json(&source_events)] {
        let rows = records(&input);
        assert_eq!(ids(&rows), ids(&of_csv));
        let without = |rows: Vec<Value>| {
            let mut rows = without_positions(rows);
            for row in &mut rows {
                row["context"] = Value::Null;
                row["namespace"] = Value::Null;
            }
            rows
        };
        assert_eq!(without(rows), without(of_csv.clone()));
    }
    // Concatenated dumps with columns in different order.
    let reordered = "user_id,event,timestamp,namespace_path,extras\n7,6,2026-08-18 09:00:00.000000,0/,{}\n";
    let both = records(&format!("{csv}{reordered}{csv}"));
    assert_eq!((both.len(), &both[8]["user"]), (17, &json!("gid://gitlab/User/7")));
    assert_eq!(both[8]["event"], "request_duo_chat_response");
}

#[test]
fn formats_can_be_mixed_and_generated_ids_depend_only_on_the_event() {
    let source_events = source_events();
    let forms = [
        writers::internal_events(&source_events),
        writers::snowplow_tsv(&source_events),
        writers::product_usage_log(&source_events),
        writers::service_log(&source_events),
        writers::instance_nodes(&source_events),
        writers::postgres_json(&source_events),
    ];
    let mut expected: Vec<Value> = forms.iter().flat_map(|form| without_positions(records(form))).collect();
    let mut mixed: Vec<&str> = forms.iter().flat_map(|form| form.lines()).collect();
    mixed.reverse();
    let mut together = without_positions(records(&mixed.join("\n")));
    for list in [&mut expected, &mut together] {
        list.sort_by_cached_key(Value::to_string);
    }
    assert_eq!(together, expected);
    let first = r#"{"event":"request_duo_chat_response","timestamp":"2026-08-18T09:00:00Z","user":{"id":42,"username":"ana"},"additional_properties":{}}"#;
    let again = r#"{ "user": {"username":"renamed", "id":"42"}, "additional_properties": {}, "timestamp": "2026-08-18T11:00:00+02:00", "event": "request_duo_chat_response"}"#;
    let twice = records(&format!(
        "{first}
{again}\n"
    ));
    assert_eq!(twice[0]["event_id"], twice[1]["event_id"]);
    // Records pass through unchanged.
    let (normalized, _) = normalize_with(&[], mixed.join("\n").as_bytes());
    assert_eq!(normalize_with(&[], &normalized.stdout).0.stdout, normalized.stdout);
}

#[test]
fn fields_missing_in_an_export_can_be_set_by_flags() {
    let source_events = source_events();
    let arguments = ["--url", "https://GitLab.example.org/", "--scope", "acme/web"];
    let (normalized, _) = normalize_with(&arguments, writers::group_nodes(&source_events).as_bytes());
    let record = &lines_of(&normalized.stdout, "event")[0];
    assert_eq!(
        (&record["instance"], &record["scope"]),
        (&json!("https://gitlab.example.org"), &json!("acme/web"))
    );
    let instance = |input: &str| records(input)[0]["instance"].clone();
    assert_eq!(instance(&writers::group_nodes(&source_events)), "unknown");
    assert!(
        instance(&writers::service_log(&source_events))
            .as_str()
            .is_some_and(|name| name.starts_with("instance:ea8b"))
    );
    // The host of an event overrides the flag.
    let (normalized, _) = normalize_with(&arguments, writers::snowplow_json(&source_events).as_bytes());
    assert_eq!(lines_of(&normalized.stdout, "event")[0]["instance"], format!("https://{HOST}"));
}

#[test]
fn damaged_input_is_rejected_individually_in_each_format() {
    let source_events = &source_events()[..3];
    let json = writers::snowplow_json(source_events);
    let tsv = writers::snowplow_tsv(source_events);
    let log = writers::product_usage_log(source_events);
    let mut payload = writers::tp2(source_events);
    payload["data"][0]["cx"] = json!("eyJzY2hlbWEi!");
    payload["data"][1]["cx"] = json!("eyJzY");
    let object =
        r#"{"event":"x","user":{"id":1},"additional_properties":{},"timestamp":"2026-08-18T09:00:00Z"}"#;
    let deep = format!(r#"{{"event":"x","user":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let csv = writers::postgres_csv(&self::source_events());
    let cases: Vec<(&str, Vec<u8>, &str, usize)> = vec![
        ("cut off", json[..json.len() - 100].into(), "cut off before its end", 2),
        (
            "columns",
            tsv.replacen('\t', "", 1).into(),
            "expected 131 columns of an enriched event, found 130",
            2,
        ),
        ("NUL", tsv.replacen("struct", "str\0ct", 1).into(), "contains a NUL byte", 2),
        ("NUL in JSON", json.replacen("struct", "str\0ct", 1).into(), "not JSON at column", 2),
        ("base64", payload.to_string().into(), "contexts: invalid or truncated base64", 1),
        ("payload", log.replacen(r#"{\"aid"#, r#"{aid"#, 1).into(), "payload: not JSON at column", 2),
        ("nested", format!("{deep}\n{object}\n").into(), "nested too deeply", 1),
        ("garbage", format!("{}\n{object}\n", "[{\"".repeat(1_000)).into(), "", 1),
        (
            "long",
            format!("{{\"event\":\"{}\"}}\n{object}\n", "x".repeat(10 << 20)).into(),
            "longer than 8 MiB",
            1,
        ),
        ("encoding", [object.as_bytes(), b"\n{\"event\":\"\xe9\xff\"}\n"].concat(), "not UTF-8", 1),
        ("no time", object.replace("timestamp", "x").into(), "no timestamp", 0),
        ("time", object.replace("2026-08-18T09", "18/08/2026").into(), "unrecognized timestamp", 0),
        (
            "context",
            format!("{}\n{object}", object.replace("{}", "[]")).into(),
            "additional_properties is not an object",
            1,
        ),
        ("row", csv.replacen(",10001\n", "\n", 1).into(), "expected 8 columns as in the header, found 7", 7),
        ("extras", csv.replacen("\"{", "\"", 1).into(), "extras: not a JSON object", 7),
        ("refused", json!([{"rawEvent": {}, "errors": ["x"]}]).to_string().into(), "rejected by Snowplow", 0),
    ];
    for (case, input, reason, kept) in cases {
        let (normalized, letters) = normalize_with(&[], &input);
        assert_eq!(lines_of(&normalized.stdout, "event").len(), kept, "{case}: {}", normalized.stderr);
        assert!(!letters.is_empty(), "{case}");
        for letter in &letters {
            let actual = letter["reason"].as_str().expect("a reason");
            assert!(actual.starts_with(reason), "{case}: {actual}");
            assert!(letter["line"].is_u64() && letter["offset"].is_u64(), "{case}");
        }
    }
    // A rejected element of a document is located by its offset.
    let mut micro = writers::micro(source_events);
    micro[1]["event"]["contexts"] = json!([]);
    let text = format!("{micro:#}");
    let (normalized, letters) = normalize_with(&[], text.as_bytes());
    assert_eq!((lines_of(&normalized.stdout, "event").len(), letters.len()), (2, 1));
    let offset = letters[0]["offset"].as_u64().expect("an offset") as usize;
    assert!(
        text[offset..].trim_start().starts_with('{') && text[offset..].find(&source_events[1].id).is_some()
    );
    assert!(!text[offset..].contains(&source_events[0].id));
}

#[test]
fn records_contain_no_personal_data_or_messages() {
    let source_events = source_events();
    let forms = [
        writers::internal_events(&source_events)
            .replace("\"ai_context\":{", "\"ai_context\":{\"prompt\":\"the secret text\","),
        writers::snowplow_json(&source_events),
        writers::snowplow_tsv(&source_events),
        writers::product_usage_log(&source_events),
        writers::service_log(&source_events),
        writers::instance_nodes(&source_events),
        writers::group_nodes(&source_events),
        writers::postgres_json(&source_events),
    ];
    for input in forms {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = bare_command(folder.path(), &["normalize", "--dead-letter", "dead.jsonl"]);
        command.env("DUO_METRICS_PSEUDONYM_KEY", "a key of some length");
        let normalized = run_command(command, input.as_bytes());
        assert_eq!(normalized.code, 0, "{}", normalized.stderr);
        let output = String::from_utf8(normalized.stdout).expect("text");
        assert!(output.lines().count() >= 8 && output.contains("hmac:"));
        for trace in [SECRET, "name-of-", "User/42", "XsZfAb677", "prompt", &writers::hash_of_user(42)] {
            assert!(!output.contains(trace), "{trace}: {output}");
        }
    }
    // An id derived from a plain user id could be reversed by trying all users.
    let node = writers::group_nodes(&source_events);
    let plain = records(&node)[0]["event_id"].clone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = bare_command(folder.path(), &["normalize"]);
    command.env("DUO_METRICS_PSEUDONYM_KEY", "a key of some length");
    assert_ne!(lines_of(&run_command(command, node.as_bytes()).stdout, "event")[0]["event_id"], plain);
}
