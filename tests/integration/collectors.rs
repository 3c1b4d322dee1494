//! Compares the records of each collector's fixture (`tests/fixtures/<collector>.jsonl`, nodes as
//! GitLab returns them) with its golden file (`tests/golden/<collector>.jsonl`: the records, then
//! the rejected lines). After an intended change, `BLESS=1 tests/run` updates the golden files;
//! review the difference before you commit it.

use std::path::Path;

use duo_metrics::collect::collectors::COLLECTORS;
use duo_metrics::model::line::{Line, RECORD_TYPES};

use serde_json::{Map, Value};

use crate::bench::{Bench, bare_command, lines_of, run_command};
use crate::tools::{Tool, are_available};

#[test]
fn each_collector_produces_the_records_of_its_golden_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for collector in COLLECTORS {
        let name = collector.name();
        let fixture = std::fs::read(tests.join(format!("fixtures/{name}.jsonl")))
            .expect("every collector has a fixture");
        let arguments =
            ["normalize", "--max-rejects", "100", "--dead-letter", "rejected.jsonl", "--dead-letter-content"];
        let result = run_command(bare_command(folder.path(), &arguments), &fixture);
        assert!([0, 3].contains(&result.code), "{name}: {}", result.stderr);
        let rejected = std::fs::read(folder.path().join("rejected.jsonl")).expect("the dead-letter file");
        let found = String::from_utf8([result.stdout, rejected].concat()).expect("streams are UTF-8");
        let golden = tests.join(format!("golden/{name}.jsonl"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &found).expect("the golden file can be written");
        }
        let expected = std::fs::read_to_string(&golden).expect("every collector has a golden file");
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.lines().count(), expected.lines().count(), "{name}");
        let is_record = |line: &&str| {
            !["coverage", "rejected"].iter().any(|other| line.starts_with(&format!("{{\"type\":\"{other}\"")))
        };
        let records: Vec<&str> = found.lines().filter(is_record).collect();
        assert!(!records.is_empty(), "{name}: its golden file has no record");
        for record in records {
            let line = Line::parse(record).expect("a line of a stream");
            assert!(matches!(line, Line::Record(_)), "{name}: Line::parse does not know {record}");
            let fields: Map<String, Value> = serde_json::from_str(record).expect("an object");
            let types = RECORD_TYPES.iter().map(|(name, _)| *name);
            assert!(
                types.clone().any(|known| fields["type"] == known),
                "{name}: RECORD_TYPES lacks {record}"
            );
        }
    }
}

#[test]
fn a_pseudonym_key_replaces_all_people_in_records() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for collector in COLLECTORS {
        let fixture = std::fs::read(tests.join(format!("{}.jsonl", collector.name())))
            .expect("every collector has a fixture");
        let with_key = |key: &str| {
            let mut command = bare_command(folder.path(), &["normalize", "--max-rejects", "100"]);
            command.env("DUO_METRICS_PSEUDONYM_KEY", key);
            run_command(command, &fixture)
        };
        let result = with_key("a key that nobody guesses");
        let text = String::from_utf8(result.stdout).expect("streams are UTF-8");
        for personal in
            ["gid://gitlab/User", "ana", "\"bo\"", "chidi", "<script", "bot\",", "svc", "nobody guesses"]
        {
            assert!(!text.contains(personal), "{}: {personal} in {text}", collector.name());
            assert!(!result.stderr.contains(personal), "{}: {personal}", collector.name());
        }
        assert_eq!(with_key("short").code, 2);
    }
}

#[test]
fn a_custom_query_produces_raw_lines_and_its_example_runs() {
    if !are_available(&[Tool::Program("jq")]) {
        return;
    }
    let bench = Bench::new(60, 5);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/own-collector");
    let file = example.join("stale_projects.graphql");
    let file = file.to_str().expect("a path that is text");
    let result =
        bench.run(&["fetch", "--collector", "seats", "--collector-file", file, "--since", "2026-10-30"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let nodes: Vec<Value> = lines_of(&result.stdout, "raw")
        .into_iter()
        .filter(|line| line["collector"] == "stale_projects")
        .flat_map(|line| line["nodes"].as_array().expect("a list").clone())
        .collect();
    let organization = bench.gitlab.organization();
    let acme = organization.group("acme").expect("the group");
    let expected =
        organization.projects.iter().filter(|project| organization.is_within(project.group, acme)).count();
    assert_eq!(nodes.len(), expected);
    let coverage =
        lines_of(&result.stdout, "coverage").into_iter().find(|line| line["collector"] == "stale_projects");
    assert_eq!(coverage.expect("the line")["rows"], expected);

    let mut run = std::process::Command::new(example.join("run"));
    let command = bench.command(&[]);
    let binary = Path::new(command.get_program()).parent().expect("a folder").to_owned();
    run.arg("9999")
        .current_dir(bench.folder())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path =
        std::env::join_paths([binary, "/usr/bin".into(), "/bin".into()]).expect("paths without colons");
    run.env("PATH", path);
    let listed = run_command(run, b"");
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert_eq!(String::from_utf8(listed.stdout).expect("text").lines().count(), expected);

    std::fs::write(bench.path("seats.graphql"), "query { x }").expect("written");
    for (name, code) in [("seats.graphql", 78), ("nothing.graphql", 78)] {
        assert_eq!(bench.run(&["fetch", "--collector-file", name]).code, code, "{name}");
    }
}

#[test]
fn a_custom_query_with_a_mapping_produces_metrics() {
    let bench = Bench::new(120, 5);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/own-collector");
    let file = |name: &str| example.join(name).to_str().expect("a path that is text").to_owned();
    let (query, map) = (file("tool_calls.graphql"), file("tool_calls.map.json"));
    let documented = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/extending.md"));
    let mapping = std::fs::read_to_string(&map).expect("the example");
    assert!(documented.expect("the document").contains(&mapping), "the document shows the example");
    let since = ["--since", "2026-10-27", "--until", "2026-10-30"];
    let collectors = ["--collector", "usage_events", "--collector-file", &query];
    let raw = bench.fetch(&[&since[..], &collectors[..]].concat());
    // Repeated lines count once.
    for raw in [raw.clone(), [&raw[..], &raw].concat()] {
        let records = bench.pipe(&["normalize", "--map", &map], &raw);
        assert_eq!(records.code, 0, "{}", records.stderr);
        let calls =
            lines_of(&records.stdout, "event").into_iter().filter(|event| event["collector"] == "tool_calls");
        assert!(calls.map(|call| call["event"].clone()).all(|event| event == "tool_called"));
        let figures = bench.aggregate(&records.stdout);
        let count = |event: &str| -> Vec<(Value, Value)> {
            let lines = lines_of(&figures, "metric").into_iter().filter(|line| {
                line["metric"] == "events.count"
                    && line["grain"] == "day"
                    && line["by"] == serde_json::json!({"event": event})
            });
            lines.map(|line| (line["start"].clone(), line["value"].clone())).collect()
        };
        assert!(!count("tool_called").is_empty());
        assert_eq!(count("tool_called"), count("start_mcp_tool_call"));
        let coverage = lines_of(&figures, "coverage");
        assert!(
            coverage
                .iter()
                .filter(|line| line["collector"] == "tool_calls")
                .all(|line| line["status"] == "complete")
        );
    }
    // An event that a built-in collector also provides counts once.
    let same = mapping.replace("tool_called", "START_MCP_TOOL_CALL");
    std::fs::write(bench.path("same.json"), same).expect("written");
    let usage_events =
        bench.aggregate(&bench.normalize(&bench.fetch(&[&since[..], &collectors[..2]].concat())));
    let doubled = bench.pipe(&["normalize", "--map", "same.json"], &raw).stdout;
    let counts = |figures: &[u8]| -> Vec<Value> {
        lines_of(figures, "metric").into_iter().filter(|line| line["metric"] == "events.count").collect()
    };
    assert_eq!(counts(&bench.aggregate(&doubled)), counts(&usage_events));

    // Time ranges overlap at midnight; events of another day do not make a day incomplete.
    let text = std::fs::read_to_string(&query).expect("the example");
    std::fs::write(bench.path("all_calls.graphql"), text.replace(", events: [START_MCP_TOOL_CALL]", ""))
        .expect("written");
    std::fs::write(bench.path("all.json"), mapping.replace("tool_calls", "all_calls")).expect("written");
    let all = bench
        .fetch(&[&since[..], &["--collector", "seats", "--collector-file", "all_calls.graphql"]].concat());
    let records = bench.pipe(&["normalize", "--map", "all.json", "--log-format", "json"], &all);
    let summary: Value = serde_json::from_str(records.stderr.trim()).expect("one JSON line");
    assert!(summary["outside_the_day"].as_u64().is_some_and(|rows| rows > 0), "{summary}");
    let coverage = lines_of(&bench.aggregate(&records.stdout), "coverage");
    assert!(coverage.iter().all(|line| line["status"] == "complete"), "{coverage:?}");

    let unmapped = bench.pipe(&["normalize"], &raw);
    assert!(unmapped.stderr.contains("map its rows to records with --map"), "{}", unmapped.stderr);
    std::fs::write(bench.path("bad.json"), r#"{"collector":"x","record":"event","fields":{"when":"at"}}"#)
        .expect("written");
    for (name, words) in [("bad.json", "no field \"when\""), ("nothing.json", "nothing.json")] {
        let refused = bench.pipe(&["normalize", "--map", name], &raw);
        assert_eq!(refused.code, 78, "{}", refused.stderr);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert_eq!(bench.pipe(&["normalize", "--map", &map, "--map", &map], &raw).code, 78);
}
