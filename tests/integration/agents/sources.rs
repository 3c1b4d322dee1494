//! What is made of each form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::writers::{self, Call, HOST, Happening, SECRET, Telling};
use crate::bench::{Done, bare_command, done, lines, lines_of};

/// 2026-08-18, 09:00.
const MORNING: i64 = 1_787_043_600_000;

/// Three sessions as GitLab and the service tell them: one that waited for approval and was done, one that failed, and one
/// that was found to be stuck.
pub(crate) fn happenings() -> Vec<Happening> {
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
    let mut fixed = Telling::of(4711, 42, "fix_pipeline");
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
    let mut failed = Telling::of(4712, 57, "software_development");
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
    let mut stuck = Telling::of(4713, 42, "developer");
    stuck
        .rails(last, "agent_platform_session_created", "web")
        .service(last + 5_200, "request_duo_workflow", "workflow_id", json!({}))
        .call(last + 11_000, call("developer_agent", 5_000, 200, 0, 0, 4_000))
        .rails(last + 2_400_000, "cleanup_stuck_agent_platform_session", "failed")
        .rails(last + 2_400_040, "agent_platform_session_dropped", "web");
    [fixed, failed, stuck].into_iter().flat_map(|telling| telling.happenings).collect()
}

fn normalize_with(arguments: &[&str], input: &[u8]) -> (Done, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments =
        [&["normalize", "--dead-letter", "dead.jsonl", "--max-rejects", "100"], arguments].concat();
    let made = done(bare_command(folder.path(), &arguments), input);
    assert!([0, 3].contains(&made.code), "{}", made.stderr);
    let letters = std::fs::read(folder.path().join("dead.jsonl")).expect("the dead letters");
    (made, lines(&letters))
}

/// The records of an input of which nothing is rejected.
fn records(input: &str) -> Vec<Value> {
    let (made, letters) = normalize_with(&[], input.as_bytes());
    assert!(letters.is_empty(), "{letters:?}");
    lines_of(&made.stdout, "event")
}

/// Without the place they were found at.
fn placeless(mut records: Vec<Value>) -> Vec<Value> {
    records.iter_mut().for_each(|record| drop(record.as_object_mut().expect("an object").remove("row")));
    records
}

/// Input, output, total, read and written tokens and calls by session; each event once.
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
fn every_form_of_snowplow_gives_the_same_records() {
    let happenings = happenings();
    let json = records(&writers::snowplow_json(&happenings));
    assert_eq!(json.len(), happenings.len());
    let rows: Vec<&str> = json.iter().map(|record| record["row"].as_str().expect("a row")).collect();
    assert_eq!((rows[0], rows[24]), ("1", "25"));
    let expected = placeless(json);
    let pretty = |document: &Value| format!("{document:#}\n");
    let payload = writers::tp2(&happenings);
    let micro = writers::micro(&happenings);
    let entries: String =
        micro.as_array().expect("a list").iter().map(|entry| format!("{entry}\n")).collect();
    for (form, input) in [
        ("TSV", writers::snowplow_tsv(&happenings)),
        ("TSV with line ends of Windows", writers::snowplow_tsv(&happenings).replace('\n', "\r\n")),
        ("a payload that spans lines", pretty(&payload)),
        ("a payload in one line", payload.to_string()),
        ("product_usage_data.log", writers::product_usage_log(&happenings)),
        ("Micro", pretty(&micro)),
        ("Micro in one line", micro.to_string()),
        ("Micro, an event a line", entries),
    ] {
        assert_eq!(placeless(records(&input)), expected, "{form}");
    }
}

#[test]
fn sessions_tokens_and_tools_come_out_of_each_form_that_tells_them() {
    let happenings = happenings();
    let expected: BTreeMap<String, [u64; 6]> = [
        ("4711".to_owned(), [45_000, 2_000, 47_000, 21_000, 12_000, 3]),
        ("4712".to_owned(), [8_000, 300, 8_300, 0, 0, 1]),
        ("4713".to_owned(), [5_000, 200, 5_200, 0, 4_000, 1]),
    ]
    .into();
    let internal = records(&writers::internal_events(&happenings));
    let snowplow = records(&writers::snowplow_json(&happenings));
    let log = records(&writers::service_log(&happenings));
    assert_eq!((tokens(&internal), tokens(&snowplow)), (expected.clone(), expected));
    for told in [&internal, &snowplow, &log] {
        let is = |record: &&Value, name: &str, value: &str| record[name] == value;
        let tools = told.iter().filter(|record| record["tool"].is_string());
        let failed = tools.clone().filter(|record| is(record, "outcome", "failure"));
        assert_eq!((tools.count(), failed.count()), (3, 1));
        let of_failure = |record: &&Value| record["event"] == "request_duo_workflow_failure";
        let failure = told.iter().find(of_failure).expect("a failure");
        assert_eq!(failure["reason"], "InternalServerError");
    }
    let field = |records: &[Value], name: &str| -> BTreeSet<String> {
        records.iter().map(|record| record[name].as_str().unwrap_or("-").to_owned()).collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    for told in [&internal, &snowplow] {
        assert_eq!(field(told, "flow"), set(&["fix_pipeline", "software_development", "developer"]));
        assert_eq!(field(told, "project"), set(&["gid://gitlab/Project/278964"]));
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
fn the_log_of_the_service_tells_calls_twice_and_they_are_kept_apart() {
    let log = writers::service_log(&happenings());
    let told = records(&log);
    let of = |collector: &str| -> Vec<Value> {
        told.iter().filter(|record| record["collector"] == collector).cloned().collect()
    };
    let (calls, events) = (of("service_calls"), of("service_log"));
    assert_eq!(calls.len() + events.len(), told.len());
    let called: BTreeMap<_, _> = tokens(&events).into_iter().filter(|(_, sums)| sums[5] > 0).collect();
    assert_eq!((called.len(), &called), (3, &tokens(&calls)));
    assert!(calls.iter().all(|call| call["model"].is_string() && call["flow"].is_null()));
    let is_call = |event: &&Value| event["input_tokens"].is_u64();
    assert!(events.iter().filter(is_call).all(|call| call["model"].is_null() && call["flow"].is_string()));
    // Lines that tell of no event are counted, and no fault.
    let other = r#"{"level":"info","event":"heartbeat","logger":"x","timestamp":"2026-08-18T09:00:00Z"}"#;
    let (made, letters) = normalize_with(&[], format!("{other}\n{log}{other}\n").as_bytes());
    assert!(
        letters.is_empty() && made.stderr.contains("2 lines without an event passed over"),
        "{}",
        made.stderr
    );
}

#[test]
fn nodes_and_dumps_tell_what_gitlab_keeps() {
    let happenings = happenings();
    let nodes = records(&writers::instance_nodes(&happenings));
    let sessions: BTreeSet<&str> = nodes.iter().filter_map(|node| node["session"].as_str()).collect();
    assert_eq!((nodes.len(), sessions), (8, BTreeSet::from(["4711", "4712", "4713"])));
    assert!(nodes.iter().all(|node| node["flow_version"] == "v1" && node["namespace"] == "9970/10001/"));
    let bare = records(&writers::group_nodes(&happenings));
    assert!(
        bare.len() == 8 && bare.iter().all(|node| node["session"].is_null() && node["event_id"].is_string())
    );
    let csv = writers::postgres_csv(&happenings);
    let of_csv = records(&csv);
    assert_eq!(of_csv[0]["event"], "agent_platform_session_created");
    assert_eq!(of_csv[0]["user"], "gid://gitlab/User/42");
    let ids = |records: &[Value]| -> Vec<String> {
        records.iter().map(|record| record["event_id"].as_str().expect("an id").to_owned()).collect()
    };
    for input in [writers::postgres_json(&happenings), writers::clickhouse_json(&happenings)] {
        let rows = records(&input);
        assert_eq!(ids(&rows), ids(&of_csv));
        let without = |rows: Vec<Value>| {
            let mut rows = placeless(rows);
            for row in &mut rows {
                row["context"] = Value::Null;
                row["namespace"] = Value::Null;
            }
            rows
        };
        assert_eq!(without(rows), without(of_csv.clone()));
    }
    // Two dumps, one behind the other, with the columns in another order.
    let turned = "user_id,event,timestamp,namespace_path,extras\n7,6,2026-08-18 09:00:00.000000,0/,{}\n";
    let both = records(&format!("{csv}{turned}{csv}"));
    assert_eq!((both.len(), &both[8]["user"]), (17, &json!("gid://gitlab/User/7")));
    assert_eq!(both[8]["event"], "request_duo_chat_response");
}

#[test]
fn forms_mix_and_an_id_of_ours_depends_on_nothing_but_the_event() {
    let happenings = happenings();
    let forms = [
        writers::internal_events(&happenings),
        writers::snowplow_tsv(&happenings),
        writers::product_usage_log(&happenings),
        writers::service_log(&happenings),
        writers::instance_nodes(&happenings),
        writers::postgres_json(&happenings),
    ];
    let mut expected: Vec<Value> = forms.iter().flat_map(|form| placeless(records(form))).collect();
    let mut mixed: Vec<&str> = forms.iter().flat_map(|form| form.lines()).collect();
    mixed.reverse();
    let mut together = placeless(records(&mixed.join("\n")));
    for list in [&mut expected, &mut together] {
        list.sort_by_cached_key(Value::to_string);
    }
    assert_eq!(together, expected);
    let told = r#"{"event":"request_duo_chat_response","timestamp":"2026-08-18T09:00:00Z","user":{"id":42,"username":"ana"},"additional_properties":{}}"#;
    let again = r#"{ "user": {"username":"renamed", "id":"42"}, "additional_properties": {}, "timestamp": "2026-08-18T11:00:00+02:00", "event": "request_duo_chat_response"}"#;
    let twice = records(&format!("{told}\n{again}\n"));
    assert_eq!(twice[0]["event_id"], twice[1]["event_id"]);
    // What our own stream says passes as it is, and again the same.
    let (made, _) = normalize_with(&[], mixed.join("\n").as_bytes());
    assert_eq!(normalize_with(&[], &made.stdout).0.stdout, made.stdout);
}

#[test]
fn what_an_export_does_not_tell_can_be_said() {
    let happenings = happenings();
    let arguments = ["--url", "https://GitLab.example.org/", "--scope", "acme/web"];
    let (made, _) = normalize_with(&arguments, writers::group_nodes(&happenings).as_bytes());
    let record = &lines_of(&made.stdout, "event")[0];
    assert_eq!(
        (&record["instance"], &record["scope"]),
        (&json!("https://gitlab.example.org"), &json!("acme/web"))
    );
    let instance = |input: &str| records(input)[0]["instance"].clone();
    assert_eq!(instance(&writers::group_nodes(&happenings)), "unknown");
    assert!(
        instance(&writers::service_log(&happenings))
            .as_str()
            .is_some_and(|name| name.starts_with("instance:ea8b"))
    );
    // The host that an event tells is surer than what was said.
    let (made, _) = normalize_with(&arguments, writers::snowplow_json(&happenings).as_bytes());
    assert_eq!(lines_of(&made.stdout, "event")[0]["instance"], format!("https://{HOST}"));
}

#[test]
fn damaged_input_of_every_form_is_rejected_by_itself() {
    let happenings = &happenings()[..3];
    let json = writers::snowplow_json(happenings);
    let tsv = writers::snowplow_tsv(happenings);
    let log = writers::product_usage_log(happenings);
    let mut payload = writers::tp2(happenings);
    payload["data"][0]["cx"] = json!("eyJzY2hlbWEi!");
    payload["data"][1]["cx"] = json!("eyJzY");
    let object =
        r#"{"event":"x","user":{"id":1},"additional_properties":{},"timestamp":"2026-08-18T09:00:00Z"}"#;
    let deep = format!(r#"{{"event":"x","user":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let csv = writers::postgres_csv(&self::happenings());
    let cases: Vec<(&str, Vec<u8>, &str, usize)> = vec![
        ("cut off", json[..json.len() - 100].into(), "cut off before its end", 2),
        ("columns", tsv.replacen('\t', "", 1).into(), "130 columns where an enriched event has 131", 2),
        ("NUL", tsv.replacen("struct", "str\0ct", 1).into(), "a NUL byte", 2),
        ("NUL in JSON", json.replacen("struct", "str\0ct", 1).into(), "not JSON at column", 2),
        ("base64", payload.to_string().into(), "contexts that are no base64, or cut off", 1),
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
        ("no time", object.replace("timestamp", "x").into(), "no time", 0),
        ("time", object.replace("2026-08-18T09", "18/08/2026").into(), "a time that is none", 0),
        (
            "context",
            format!("{}\n{object}", object.replace("{}", "[]")).into(),
            "additional_properties is no object",
            1,
        ),
        ("row", csv.replacen(",10001\n", "\n", 1).into(), "7 columns where the heading has 8", 7),
        ("extras", csv.replacen("\"{", "\"", 1).into(), "extras: not a JSON object", 7),
        (
            "refused",
            json!([{"rawEvent": {}, "errors": ["x"]}]).to_string().into(),
            "an event that Snowplow refused",
            0,
        ),
    ];
    for (case, input, reason, kept) in cases {
        let (made, letters) = normalize_with(&[], &input);
        assert_eq!(lines_of(&made.stdout, "event").len(), kept, "{case}: {}", made.stderr);
        assert!(!letters.is_empty(), "{case}");
        for letter in &letters {
            let said = letter["reason"].as_str().expect("a reason");
            assert!(said.starts_with(reason), "{case}: {said}");
            assert!(letter["line"].is_u64() && letter["offset"].is_u64(), "{case}");
        }
    }
    // An element of a document is found by where it stands.
    let mut micro = writers::micro(happenings);
    micro[1]["event"]["contexts"] = json!([]);
    let text = format!("{micro:#}");
    let (made, letters) = normalize_with(&[], text.as_bytes());
    assert_eq!((lines_of(&made.stdout, "event").len(), letters.len()), (2, 1));
    let offset = letters[0]["offset"].as_u64().expect("an offset") as usize;
    assert!(text[offset..].trim_start().starts_with('{') && text[offset..].find(&happenings[1].id).is_some());
    assert!(!text[offset..].contains(&happenings[0].id));
}

#[test]
fn nothing_of_people_and_of_what_was_said_comes_out() {
    let happenings = happenings();
    let forms = [
        writers::internal_events(&happenings)
            .replace("\"ai_context\":{", "\"ai_context\":{\"prompt\":\"the secret text\","),
        writers::snowplow_json(&happenings),
        writers::snowplow_tsv(&happenings),
        writers::product_usage_log(&happenings),
        writers::service_log(&happenings),
        writers::instance_nodes(&happenings),
        writers::group_nodes(&happenings),
        writers::postgres_json(&happenings),
    ];
    for input in forms {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = bare_command(folder.path(), &["normalize", "--dead-letter", "dead.jsonl"]);
        command.env("DUO_METRICS_PSEUDONYM_KEY", "a key of some length");
        let made = done(command, input.as_bytes());
        assert_eq!(made.code, 0, "{}", made.stderr);
        let output = String::from_utf8(made.stdout).expect("text");
        assert!(output.lines().count() >= 8 && output.contains("hmac:"));
        for trace in [SECRET, "name-of-", "User/42", "XsZfAb677", "prompt", &writers::hash_of_user(42)] {
            assert!(!output.contains(trace), "{trace}: {output}");
        }
    }
    // An id made of who did it would tell who did it, to anybody who tries everybody.
    let node = writers::group_nodes(&happenings);
    let plain = records(&node)[0]["event_id"].clone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = bare_command(folder.path(), &["normalize"]);
    command.env("DUO_METRICS_PSEUDONYM_KEY", "a key of some length");
    assert_ne!(lines_of(&done(command, node.as_bytes()).stdout, "event")[0]["event_id"], plain);
}
