//! Real-world input: logs and exports of shells, loggers, log collectors, warehouses and container
//! platforms, through the real binary.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::agents::sources::source_events;
use crate::agents::writers;
use crate::bench::{CommandResult, bare_command, compressed, lines, lines_of, run_command};

fn run(arguments: &[&str], input: &[u8]) -> CommandResult {
    run_command(bare_command(tempfile::tempdir().expect("a folder").path(), arguments), input)
}

/// The summary of a run, as JSON.
fn summary(arguments: &[&str], input: &[u8]) -> (CommandResult, Value) {
    let result = run(&[arguments, &["--log-format", "json"]].concat(), input);
    let line = result.stderr.lines().next().unwrap_or_default();
    let summary = serde_json::from_str(line).unwrap_or_else(|_| panic!("a summary: {}", result.stderr));
    (result, summary)
}

/// The records of a run, without `row`, in any order.
fn records_of(result: &CommandResult) -> BTreeSet<String> {
    let mut records = lines_of(&result.stdout, "event");
    records.iter_mut().for_each(|record| drop(record.as_object_mut().expect("an object").remove("row")));
    records.iter().map(Value::to_string).collect()
}

/// All source formats with one event per line.
fn forms() -> Vec<(&'static str, String)> {
    let source_events = source_events();
    let micro = writers::micro(&source_events);
    let entries = micro.as_array().expect("a list").iter().map(|entry| format!("{entry}\n"));
    vec![
        ("internal events", writers::internal_events(&source_events)),
        ("Snowplow JSON", writers::snowplow_json(&source_events)),
        ("Snowplow TSV", writers::snowplow_tsv(&source_events)),
        ("a tracker's payload", format!("{}\n", writers::tp2(&source_events))),
        ("Micro", entries.collect()),
        ("product_usage_data.log", writers::product_usage_log(&source_events)),
        ("the log of the service", writers::service_log(&source_events)),
        ("nodes of an instance", writers::instance_nodes(&source_events)),
        ("nodes of a group", writers::group_nodes(&source_events)),
        ("rows of PostgreSQL", writers::postgres_json(&source_events)),
        ("rows of ClickHouse", writers::clickhouse_json(&source_events)),
    ]
}

/// The line as a JSON value: an object if it is JSON, else a string.
fn parse_or_text(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| line.into())
}

/// Wraps each line, and returns JSON lines.
fn wrap_each(text: &str, wrap: impl Fn(&str) -> Value) -> String {
    text.lines().map(|line| format!("{}\n", wrap(line))).collect()
}

/// Wraps each line, and returns one list.
fn wrap_all(text: &str, wrap: impl Fn(&str) -> Value) -> Value {
    text.lines().map(wrap).collect()
}

#[test]
fn opens_envelopes_of_log_collectors_for_all_sources() {
    type Wrapper = (&'static str, fn(&str) -> String);
    let wrappers: &[Wrapper] = &[
        ("Docker", |text| {
            wrap_each(
                text,
                |line| json!({"log": format!("{line}\n"), "stream": "stdout", "time": "2026-10-01T09:00:00Z"}),
            )
        }),
        ("journald", |text| wrap_each(text, |line| json!({"MESSAGE": line, "PRIORITY": "6", "_PID": "1"}))),
        ("journald, bytes", |text| {
            wrap_each(text, |line| json!({"MESSAGE": line.as_bytes(), "PRIORITY": "6"}))
        }),
        ("Elasticsearch, text", |text| {
            wrap_each(
                text,
                |line| json!({"_index": "logs", "_source": {"message": line, "log": {"level": "info"}}}),
            )
        }),
        ("Elasticsearch, an answer", |text| {
            json!({"took": 1, "hits": {"hits": wrap_all(text, |line| json!({"_source": {"log": line}}))}})
                .to_string()
        }),
        ("Elasticsearch, bulk", |text| {
            text.lines()
                .map(|line| format!("{}\n{}\n", json!({"index": {"_index": "logs"}}), json!({"log": line})))
                .collect()
        }),
        ("Fluent Bit", |text| {
            wrap_each(
                text,
                |line| json!({"date": 1_787_043_605.5, "log": line, "kubernetes": {"pod_name": "a"}}),
            )
        }),
        ("Vector", |text| {
            wrap_each(
                text,
                |line| json!({"message": line, "source_type": "file", "timestamp": "2026-10-01T09:00:00Z"}),
            )
        }),
        ("Filebeat", |text| {
            wrap_each(
                text,
                |line| json!({"@timestamp": "2026-10-01T09:00:00Z", "message": line, "event": {"dataset": "a"}, "level": "info"}),
            )
        }),
        ("Cloud Logging", |text| {
            wrap_each(text, |line| match parse_or_text(line) {
                Value::String(line) => json!({"insertId": "a", "severity": "INFO", "textPayload": line}),
                object => json!({"insertId": "a", "severity": "INFO", "jsonPayload": object}),
            })
        }),
        ("CloudWatch", |text| {
            format!(
                "{:#}\n",
                json!({"events": wrap_all(text, |line| json!({"timestamp": 1, "message": line}))})
            )
        }),
        ("CloudWatch, a subscription", |text| {
            let events = wrap_all(text, |line| json!({"id": "1", "timestamp": 1, "message": line}));
            json!({"messageType": "DATA_MESSAGE", "logEvents": events}).to_string()
        }),
        ("CloudWatch, Insights", |text| {
            json!({"results": wrap_all(text, |line| json!([{"field": "@message", "value": line}]))})
                .to_string()
        }),
        ("Datadog", |text| {
            json!({"data": wrap_all(text, |line| json!({"type": "log", "attributes": {"message": line}}))})
                .to_string()
        }),
        ("Loki", |text| {
            wrap_each(text, |line| json!({"labels": {"app": "a"}, "line": line, "timestamp": "x"}))
        }),
        ("Loki, its API", |text| {
            let values = wrap_all(text, |line| json!(["1787043605000000000", line]));
            json!({"status": "success", "data": {"result": [{"stream": {"app": "a"}, "values": values}]}})
                .to_string()
        }),
        ("Splunk", |text| wrap_each(text, |line| json!({"preview": false, "result": {"_raw": line}}))),
        ("Splunk, HTTP Event Collector", |text| {
            wrap_each(text, |line| json!({"time": 1, "host": "a", "event": parse_or_text(line)}))
        }),
        ("OpenTelemetry", |text| {
            let records = wrap_all(text, |line| json!({"timeUnixNano": "1", "body": {"stringValue": line}}));
            json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string()
        }),
        ("Docker in Vector", |text| {
            wrap_each(
                text,
                |line| json!({"message": json!({"log": format!("{line}\n"), "stream": "stdout"}).to_string()}),
            )
        }),
        ("byte-order marks where files meet", |text| format!("\u{feff}{text}\u{feff}{text}")),
        ("NUL bytes", |text| format!("\0\0{text}\0\0\0\n{text}\0")),
        ("Windows", |text| text.replace('\n', "\r\n")),
        ("banners", |text| format!("==> a.log <==\n{text}\n==> b.log <==\n{text}--\n")),
        ("other lines of a log", |text| {
            let other = "2026-10-01 09:00:00,123 INFO started\nINFO:     Started server process [1]\n\
                 {\"method\":\"GET\",\"path\":\"/\",\"time\":\"2026-10-01T09:00:00Z\"}\n\
                 I, [2026-10-01T09:00:00.123456 #7]  INFO -- :   Parameters: {\"utf8\"=>\"x\"}\n";
            text.lines().map(|line| format!("{line}\n{other}")).collect()
        }),
    ];
    // Prefixes are not removed from tables, because they change the first column.
    let of_json: &[Wrapper] = &[
        ("a list over lines", |text| format!("[\n{}\n]\n", text.trim_end().replace('\n', ",\n"))),
        ("a list behind a header", |text| format!("# a\n[\n{}\n]\n", text.trim_end().replace('\n', ",\n"))),
        ("a list in a line", |text| format!("# a\n[{}]\n", text.trim_end().replace('\n', ","))),
        ("trailing commas", |text| text.replace('\n', ",\n")),
        ("one behind the other", |text| text.replace('\n', "")),
        ("carriage returns alone", |text| text.replace('\n', "\r")),
        ("colors", |text| text.replace("{\"", "\u{1b}[1;39m{\u{1b}[0m\"").replace("\":", "\"\u{1b}[36m:")),
        ("pretty", |text| text.lines().map(|line| format!("{:#}\n", parse_or_text(line))).collect()),
        ("pretty behind a header", |text| {
            let objects: String = text.lines().map(|line| format!("{:#}\n", parse_or_text(line))).collect();
            format!("# Logfile created on 2026-10-01 09:00:00 +0000 by logger.rb/v1.6.4\n{objects}")
        }),
        ("Kubernetes", |text| prefixed("2026-10-01T09:00:00.123456789Z stdout F ", text)),
        ("Kubernetes, pods", |text| prefixed("[pod/webservice-1/webservice] ", text)),
        ("Compose", |text| prefixed("\u{1b}[36mwebservice-1  |\u{1b}[0m ", text)),
        ("syslog", |text| prefixed("Oct  1 09:00:00 host gitlab[17]: ", text)),
        ("grep", |text| prefixed("product_usage_data.log:12:", text)),
        ("svlogd", |text| prefixed("2026-10-01_09:00:00.12345 ", text)),
        ("Fluentd", |text| prefixed("2026-10-01T09:00:00+00:00\tgitlab.log\t", text)),
    ];
    for (form, text) in forms() {
        let plain = run(&["normalize"], text.as_bytes());
        let expected = records_of(&plain);
        assert!(plain.code == 0 && expected.len() > 3, "{form}: {}", plain.stderr);
        let of_json = of_json.iter().filter(|_| form != "Snowplow TSV");
        for (wrapper, wrap) in wrappers.iter().chain(of_json) {
            let result = run(&["normalize"], wrap(&text).as_bytes());
            assert_eq!(
                (result.code, records_of(&result)),
                (0, expected.clone()),
                "{form}, {wrapper}: {}",
                result.stderr
            );
        }
    }
}

fn prefixed(prefix: &str, text: &str) -> String {
    text.lines().map(|line| format!("{prefix}{line}\n")).collect()
}

#[test]
fn joins_lines_split_by_container_runtimes() {
    let log = writers::product_usage_log(&source_events());
    let expected = records_of(&run(&["normalize"], log.as_bytes()));
    let halves = |line: &str| {
        let (one, other) = line.split_at(line.len() / 3);
        [one.to_owned(), other.to_owned()]
    };
    let cri: String = log
        .lines()
        .map(halves)
        .map(|[one, other]| {
            format!("2026-10-01T09:00:00.1Z stdout P {one}\n2026-10-01T09:00:00.1Z stdout F {other}\n")
        })
        .collect();
    // Docker splits at 16 KiB.
    let long = |line: &str| line.replacen('{', &format!("{{\"pad\":\"{}\",", "x".repeat(16 << 10)), 1);
    let docker: String = log
        .lines()
        .map(long)
        .flat_map(|line| [line[..16 << 10].to_owned(), format!("{}\n", &line[16 << 10..])])
        .map(|part| format!("{{\"log\":{},\"stream\":\"stdout\"}}\n", json!(part)))
        .collect();
    for text in [&cri, &docker] {
        let result = run(&["normalize"], text.as_bytes());
        assert_eq!((result.code, records_of(&result)), (0, expected.clone()), "{}", result.stderr);
        // A missing part is reported.
        let truncated: Vec<&str> = text.lines().take(text.lines().count() - 1).collect();
        let result = run(&["normalize"], truncated.join("\n").as_bytes());
        assert!(result.code == 65 && result.stderr.contains("a segment of a line"), "{}", result.stderr);
    }
}

#[test]
fn each_line_is_a_record_rejected_or_skipped_at_any_chunk_boundary() {
    let event = r#"{"event":"x","user":{"id":1},"additional_properties":{},"timestamp":"2026-08-18T09:00:00Z","event_id":"N"}"#;
    let noise = [
        "# Logfile created on 2026-08-18 00:00:00 +0000 by logger.rb/v1.6.4",
        "--",
        "2026-10-01 09:00:00 INFO started",
        "{\"log\":\"started\\n\",\"stream\":\"stderr\"}",
        "{\"level\":\"info\",\"msg\":\"access\",\"time\":\"x\"}",
    ];
    let damaged = [
        &event[..60],
        &event[40..],
        "not json",
        "{\"a\":1}",
        "{\"log\":\"{\\\"event\\\":\",\"stream\":\"stdout\"}",
    ];
    // More than one chunk, so that chunk boundaries are at any position.
    let mut rng = fastrand::Rng::with_seed(18);
    let (mut text, mut expected) = (Vec::new(), [0_u64; 3]);
    for number in 0..9_000 {
        let (kind, line) = match rng.u32(0..20) {
            0..3 => (2, noise[rng.usize(0..noise.len())].to_owned()),
            3..5 => (1, damaged[rng.usize(0..damaged.len())].to_owned()),
            _ => (0, event.replace("\"N\"", &format!("\"{number}\""))),
        };
        expected[kind] += 1;
        text.push(line);
    }
    let counts = |lines: &[String], threads: &str| {
        let arguments = ["normalize", "--max-rejects", "100", "--threads", threads];
        let (result, summary) = summary(&arguments, lines.join("\n").as_bytes());
        let count = |name: &str| summary[name].as_u64().expect("a count");
        ([count("records"), count("rejected"), count("skipped")], records_of(&result))
    };
    let (counted, records) = counts(&text, "1");
    assert_eq!(counted, expected);
    assert_eq!(counts(&text, "4"), (counted, records.clone()));
    rng.shuffle(&mut text);
    assert_eq!(counts(&text, "3"), (counted, records));
}

#[test]
fn never_skips_a_possibly_damaged_event() {
    let log = writers::product_usage_log(&source_events());
    let line = log.lines().next().expect("a line");
    let wrapped = json!({"message": &line[..200], "source_type": "file"}).to_string();
    let prefixed = format!("2026-10-01T09:00:00Z stdout F {}", &line[..200]);
    for damaged in [
        &line[..200],
        &line[200..],
        &wrapped,
        &prefixed,
        "Binary file a.log matches",
        "}",
        "<x> 17",
        "text {\"a\":",
    ] {
        let text = format!("# Logfile created on x\n{damaged}\n{log}");
        let (result, summary) = summary(&["normalize", "--max-rejects", "50"], text.as_bytes());
        assert_eq!(
            (result.code, &summary["rejected"], &summary["skipped"]),
            (3, &json!(1), &json!(1)),
            "{damaged}"
        );
    }
}

#[test]
fn reads_warehouse_tables_by_header() {
    let json = writers::snowplow_json(&source_events());
    let events: Vec<Map<String, Value>> =
        json.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let names: BTreeSet<&String> = events.iter().flat_map(Map::keys).collect();
    let expected = records_of(&run(&["normalize"], json.as_bytes()));
    let cell = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    for (delimiter, is_loud) in [(b',', false), (b',', true), (b'\t', false), (b';', false), (b'|', true)] {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        let heading = names.iter().map(|name| if is_loud { name.to_uppercase() } else { (*name).clone() });
        writer.write_record(heading).expect("memory");
        for event in &events {
            writer.write_record(names.iter().map(|name| cell(event.get(*name)))).expect("memory");
        }
        let table = writer.into_inner().expect("memory");
        let result = run(&["normalize"], &table);
        assert_eq!(
            (result.code, records_of(&result)),
            (0, expected.clone()),
            "{}: {}",
            delimiter as char,
            result.stderr
        );
    }
    // Snowflake writes column names in upper case, and lists as text.
    let upper_case: String = events
        .iter()
        .map(|event| {
            let member = |(name, value): (&String, &Value)| {
                let value = if value.is_array() { value.to_string().into() } else { value.clone() };
                (name.to_uppercase(), value)
            };
            format!("{}\n", event.iter().map(member).collect::<Value>())
        })
        .collect();
    let result = run(&["normalize"], upper_case.as_bytes());
    assert_eq!((result.code, records_of(&result)), (0, expected), "{}", result.stderr);
}

#[test]
fn an_invalid_optional_field_does_not_reject_the_event() {
    let event = |more: &str, ai: &str| {
        format!(
            r#"{{"event":"token_usage_duo_agent_platform","timestamp":"2026-08-18T09:00:00Z","user":{{"id":42}},"ai_context":{{"session_id":"1","input_tokens":7{ai}}}{more}}}"#
        )
    };
    for (line, dropped) in [
        (event("", r#","agent_name":["a"],"flow_version":{}"#), 2),
        (event("", r#","output_tokens":"many","cache_read":-1"#), 2),
        (event("", r#","agent_name":null,"output_tokens":null"#), 0),
        (event(r#","classification":{"a":1},"project":"x","unknown":[{}]"#, ""), 0),
        (event(r#","additional_properties":{"label":{}}"#, ""), 1),
    ] {
        let (result, summary) = summary(&["normalize"], line.as_bytes());
        let records = lines_of(&result.stdout, "event");
        assert_eq!(
            (result.code, records.len(), &summary["fields_dropped"]),
            (0, 1, &json!(dropped)),
            "{line}"
        );
        assert_eq!(records[0]["input_tokens"], 7, "{line}");
    }
    let numbers = event("", r#","output_tokens":"12.0","cache_read":" 3 ""#);
    let record = &lines_of(&run(&["normalize"], numbers.as_bytes()).stdout, "event")[0];
    assert_eq!((&record["output_tokens"], &record["cache_read"]), (&json!(12), &json!(3)));
    for time in [
        "1787043605",
        "1787043605250",
        "1787043605250000",
        "\"1787043605.25\"",
        "\"2026-08-18 09:00:05,250\"",
    ] {
        let line = numbers.replace("\"2026-08-18T09:00:00Z\"", time);
        let record = &lines_of(&run(&["normalize"], line.as_bytes()).stdout, "event")[0];
        assert!(
            record["ts"].as_str().is_some_and(|ts| ts.starts_with("2026-08-18T09:00:05")),
            "{time}: {record}"
        );
    }
}

#[test]
fn accepts_unpaired_surrogates_in_all_readers() {
    let half = r"\ud83d";
    let truncated = |text: &str| text.replace("fix_pipeline", &format!("fix_pipeline{half}"));
    for (form, text) in forms() {
        // In TSV, only the contexts are JSON. Payloads contain JSON as text, with escaped
        // backslashes, or in base64.
        let escaped = if form == "product_usage_data.log" { format!(r"\{half}") } else { half.to_owned() };
        let text = text.replace("fix_pipeline", &format!("fix_pipeline{escaped}"));
        let result = run(&["normalize"], text.as_bytes());
        let events = lines_of(&result.stdout, "event");
        assert!(result.code == 0 && !events.is_empty(), "{form}: {}", result.stderr);
        let is_kept = |event: &Value| event["flow"].as_str().is_some_and(|flow| flow.contains('\u{fffd}'));
        assert!(
            form == "Snowplow TSV" || !text.contains(half) || events.iter().any(is_kept),
            "{form}: {}",
            String::from_utf8_lossy(&result.stdout)
        );
        let linted = run(&["lint"], text.as_bytes());
        assert!(!String::from_utf8_lossy(&linted.stdout).contains("[unreadable]"), "{form}");
        let broken = text.replacen(half, r"\ud8zz", 1);
        assert!(
            form == "Snowplow TSV" || broken == text || run(&["normalize"], broken.as_bytes()).code == 65,
            "{form}"
        );
    }
    let normalized = run(&["normalize"], writers::internal_events(&source_events()).as_bytes());
    let records = truncated(&String::from_utf8(normalized.stdout).expect("text"));
    let result = run(&["aggregate"], records.as_bytes());
    assert_eq!(result.code, 0, "{}", result.stderr);
    let of_replaced = run(&["aggregate"], records.replace(half, "\u{fffd}").as_bytes());
    assert!(result.stdout == of_replaced.stdout && lines_of(&result.stdout, "metric").len() > 100);
    let metrics = String::from_utf8(result.stdout).expect("text").replace('\u{fffd}', half);
    assert!(metrics.contains(half));
    for arguments in [&["export", "--format", "csv"][..], &["dashboard", "--site", "public"]] {
        let result = run(arguments, metrics.as_bytes());
        assert_eq!(result.code, 0, "{}", result.stderr);
    }
    // A page of nodes, as `fetch` writes it.
    let node = r#"{"event":"CODE_SUGGESTION_SHOWN_IN_IDE","timestamp":"2026-10-01T09:00:00Z","user":{"id":"gid://gitlab/User/1","username":"a\ud83d"}}"#;
    let raw = format!(
        r#"{{"type":"raw","collector":"usage_events","instance":"https://gitlab.example.com","scope":"acme","day":"2026-10-01","page":1,"fetched_at":"2026-10-02T03:00:00Z","nodes":[{node},{node}]}}"#
    );
    let result = run(&["normalize"], raw.as_bytes());
    assert_eq!((result.code, lines_of(&result.stdout, "event").len()), (0, 2), "{}", result.stderr);
    assert_eq!(run(&["normalize"], raw.replacen(half, r"\ud8zz", 1).as_bytes()).code, 65);
}

#[test]
fn all_commands_read_utf16_and_name_other_encodings() {
    let utf16 = |text: &[u8], is_big_endian: bool| -> Vec<u8> {
        let text = std::str::from_utf8(text).expect("text").replace('\n', "\r\n");
        let bytes = |unit: u16| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
        format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect()
    };
    let events = writers::internal_events(&source_events()).into_bytes();
    let records = run(&["normalize"], &events).stdout;
    let metrics = run(&["aggregate"], &records).stdout;
    let cases: [(&[&str], &[u8]); 5] = [
        (&["normalize"], &events),
        (&["lint"], &events),
        (&["aggregate"], &records),
        (&["export", "--format", "csv"], &metrics),
        (&["landing", "--site", "public"], &metrics),
    ];
    for (arguments, input) in cases {
        let plain = run(arguments, input);
        for is_big_endian in [false, true] {
            let result = run(arguments, &utf16(input, is_big_endian));
            assert_eq!(
                (result.code, result.stdout),
                (plain.code, plain.stdout.clone()),
                "{arguments:?}: {}",
                result.stderr
            );
        }
        let result = run(arguments, &compressed(input));
        assert_eq!(result.code, 65, "{arguments:?}");
        assert!(result.stderr.contains("standard input is gzip; pipe it through zcat"), "{}", result.stderr);
    }
}

#[test]
fn a_folder_is_its_files_for_lint_and_an_error_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("logs/old")).expect("a folder");
    let lint = |path: &str| run_command(bare_command(folder.path(), &["lint", path]), b"");
    let empty = lint("logs");
    assert_eq!(empty.code, 78);
    assert!(empty.stderr.contains("logs has no file that ends in .yml"), "{}", empty.stderr);
    let events = writers::internal_events(&source_events());
    for name in ["logs/b.jsonl", "logs/old/a.log", "logs/notes.txt", "logs/.hidden.jsonl"] {
        std::fs::write(folder.path().join(name), &events).expect("written");
    }
    let one = lint("logs/b.jsonl");
    let both = lint("logs");
    let checked = |result: &CommandResult| -> u64 {
        let line = result.stderr.lines().find(|line| line.contains(" event")).expect("a summary");
        line.split(' ').nth(2).and_then(|count| count.replace(',', "").parse().ok()).expect("a count")
    };
    assert_eq!(checked(&both), 2 * checked(&one), "{}", both.stderr);
    let normalized = run_command(bare_command(folder.path(), &["normalize", "logs"]), b"");
    assert_eq!(normalized.code, 78);
    assert!(normalized.stderr.contains("logs is a directory; name its files"), "{}", normalized.stderr);
}

#[test]
fn skips_and_counts_shell_output_between_lines() {
    let records = run(&["normalize"], writers::internal_events(&source_events()).as_bytes()).stdout;
    let records = String::from_utf8(records).expect("text");
    let between = format!("==> a.jsonl <==\n{records}--\n\u{feff}{records}\0\0\0\n");
    let (result, summary) = summary(&["aggregate"], between.as_bytes());
    assert_eq!((result.code, &summary["skipped"], &summary["rejected"]), (0, &json!(2), &json!(0)));
    assert_eq!(result.stdout, run(&["aggregate"], records.as_bytes()).stdout);
    let metrics = format!("{}--\n", String::from_utf8(result.stdout).expect("text"));
    let result = run(&["export", "--format", "csv"], metrics.as_bytes());
    assert!(result.code == 0 && result.stderr.contains("1 line of an unknown type"), "{}", result.stderr);
    let result = run(&["aggregate"], format!("{records}garbage\n").as_bytes());
    assert_ne!(result.code, 0);
}

#[test]
fn spreadsheets_do_not_convert_labels_in_csv() {
    let mut events = String::new();
    // Enough messages for all bands, and names that spreadsheets convert.
    for (user, messages) in (1..=24).zip([2, 7, 30].into_iter().cycle()) {
        for number in 0..messages {
            events.push_str(&format!(
                "{}\n",
                json!({"event": "request_duo_chat_response", "timestamp": format!("2026-10-01T09:{number:02}:00Z"),
                    "user": {"id": user, "username": "MAR1"}, "additional_properties": {},
                    "ai_context": {"session_id": "1e5", "flow_version": "1.10", "agent_name": "1-2"}})
            ));
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str], input: &[u8]| {
        let result = run_command(bare_command(folder.path(), arguments), input);
        assert_eq!(result.code, 0, "{}", result.stderr);
        result.stdout
    };
    let records = run(&["normalize"], events.as_bytes());
    let metrics = run(&["aggregate"], &records);
    run(&["dashboard", "--site", "public"], &metrics);
    let tables = [
        run(&["normalize", "--format", "csv"], events.as_bytes()),
        run(&["export", "--format", "csv", "--open-periods"], &metrics),
        std::fs::read(folder.path().join("public/duo-metrics/metrics.csv")).expect("the table of the site"),
    ];
    // Columns of numbers and days may be converted.
    let typed = [
        "value",
        "n",
        "of",
        "people",
        "coverage",
        "imported",
        "basis",
        "start",
        "end",
        "day",
        "ts",
        "fetched_at",
    ];
    let mut seen = BTreeSet::new();
    for table in &tables {
        let mut reader = csv::Reader::from_reader(table.as_slice());
        let heading = reader.headers().expect("a heading").clone();
        for row in reader.records() {
            let row = row.expect("a row");
            for (name, cell) in heading.iter().zip(&row).filter(|(name, _)| !typed.contains(name)) {
                let is_made_of =
                    |allowed: &str| cell.chars().all(|c| c.is_ascii_digit() || allowed.contains(c));
                let is_plain = cell.bytes().all(|byte| byte.is_ascii_digit())
                    || !cell.contains(|c: char| c.is_ascii_digit());
                assert!(is_plain || !is_made_of("-/.:eE "), "{name}: {cell}");
                if let Some(label) = cell.strip_prefix('\'') {
                    seen.insert(format!("{name} {label}"));
                }
            }
        }
    }
    for label in [
        "by.band 1-4",
        "by.band 5-19",
        "by.band 20-49",
        "session 1e5",
        "flow_version 1.10",
        "agent 1-2",
        "username MAR1",
    ] {
        assert!(seen.contains(label), "{label}: {seen:?}");
    }
    // The streams are unchanged.
    assert!(lines(&metrics).iter().any(|line| line["by"]["band"] == "5-19"));
}
