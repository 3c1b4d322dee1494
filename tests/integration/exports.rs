//! `export` writes the same values as the site, suppresses the same ones, and is safe for programs
//! that read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use duo_metrics::model::line::RECORD_TYPES;

use crate::bench::{Bench, lines, run_command};
use crate::documents::root;
use crate::tools::{Tool, are_available};

const FORMATS: [&str; 3] = ["csv", "openmetrics", "markdown"];

/// Malicious names of groups and languages.
const HOSTILE_NAMES: [&str; 4] = [
    "=cmd()|' /C calc'!A0",
    "@all <script>alert(1)</script> [here](https://evil.example) `x` | ![](https://evil.example/x.png)",
    "a\nb\"c\\d\n/close",
    "# EOF",
];

fn export(bench: &Bench, format: &str, metrics: &[u8]) -> String {
    export_with(bench, &["--format", format], metrics)
}

fn export_with(bench: &Bench, arguments: &[&str], metrics: &[u8]) -> String {
    let result = bench.pipe(&[&["export"], arguments].concat(), metrics);
    assert_eq!(result.code, 0, "{}", result.stderr);
    String::from_utf8(result.stdout).expect("exports are UTF-8")
}

/// The rows of a CSV file: non-empty cells by header. Without the instance, which the site shows
/// only if there are several.
fn rows(csv: &[u8]) -> BTreeSet<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv);
    let headings = reader.headers().expect("a heading").clone();
    let cells = |row: csv::StringRecord| {
        let cells =
            headings.iter().zip(&row).filter(|(heading, cell)| *heading != "instance" && !cell.is_empty());
        cells.map(|(heading, cell)| (heading.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|row| cells(row.expect("a row of as many cells as the heading"))).collect()
}

/// Metric families as parsed by Prometheus' parser: type, unit and samples.
fn parsed(exposition: &str) -> Vec<Value> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus/bin/python");
    let mut command = Command::new(python);
    command.args([
        "-c",
        "import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.buffer.read().decode()):
    samples = [[sample.name, sample.labels, sample.value] for sample in family.samples]
    print(json.dumps([family.name, family.type, family.unit, family.documentation, samples]))",
    ]);
    let result = run_command(command, exposition.as_bytes());
    assert_eq!(result.code, 0, "{}", result.stderr);
    series_of_exposition(&result.stdout)
}

fn series_of_exposition(text: &[u8]) -> Vec<Value> {
    std::str::from_utf8(text)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Renames two groups and two languages to hostile names.
fn with_hostile_names(metrics: &[u8]) -> Vec<u8> {
    let rename = |text: &mut Value| {
        let renamed = match text.as_str() {
            Some("acme") => HOSTILE_NAMES[0],
            Some("globex") => HOSTILE_NAMES[1],
            Some("rust") => HOSTILE_NAMES[2],
            Some("ruby") => HOSTILE_NAMES[3],
            _ => return,
        };
        *text = renamed.into();
    };
    let mut text = String::new();
    for mut line in lines(metrics) {
        rename(&mut line["scope"]);
        if let Some(language) = line.pointer_mut("/by/language") {
            rename(language);
        }
        text.push_str(&format!("{line}\n"));
    }
    text.into_bytes()
}

/// Metric lines of two groups.
fn metrics_of_two_groups(bench: &Bench) -> Vec<u8> {
    let groups = ["--group", "acme", "--group", "globex", "--duo", "--project", "--since", "2026-09-28"];
    bench.aggregate(&bench.normalize(&bench.fetch(&groups)))
}

/// A text in CSV, where control characters are escape sequences.
fn escaped(text: &str) -> String {
    text.replace('\n', "\\n")
}

fn metric(name: &str, by: Value, value: u64, people: u64) -> String {
    let line = json!({
        "type": "metric", "metric": name, "instance": "https://gitlab.example.com", "scope": "acme", "grain": "month",
        "start": "2026-10-01", "end": "2026-10-31", "by": by, "value": value, "n": value, "of": null, "people": people,
        "coverage": 1.0, "basis": 1.0, "final": true, "reason": null,
    });
    format!("{line}\n")
}

#[test]
fn the_csv_export_has_the_rows_of_the_site() {
    let bench = Bench::new(60, 35);
    let metrics = metrics_of_two_groups(&bench);
    let exported = rows(export(&bench, "csv", &metrics).as_bytes());
    let site = bench.pipe(&["dashboard", "--duo", "--project"], &metrics);
    assert_eq!(site.code, 0, "{}", site.stderr);
    let mut on_site = BTreeSet::new();
    for folder in ["duo-metrics", "project-metrics"] {
        on_site.extend(rows(
            &std::fs::read(bench.path("public").join(folder).join("metrics.csv")).expect("the file"),
        ));
    }
    assert!(exported.len() > 1_000 && exported.iter().any(|row| row.contains_key("hidden")));
    assert_eq!(exported, on_site);
    // Each row has its instance.
    let url = bench.gitlab.url();
    assert!(export(&bench, "csv", &metrics).lines().skip(1).all(|line| line.contains(&url)));
}

#[test]
fn openmetrics_contains_the_newest_complete_periods_without_suppressed_values() {
    if !are_available(&[Tool::PrometheusParser]) {
        return;
    }
    let bench = Bench::new(60, 35);
    let metrics = metrics_of_two_groups(&bench);
    // The last day is partial, so it, its week and its window do not count, and September is
    // incomplete.
    let is_last_day = |line: &Value| line["end"].as_str().is_some_and(|end| end >= "2026-10-31");
    let partial_last_day: String = lines(&metrics)
        .into_iter()
        .map(|mut line| {
            if is_last_day(&line) && line["grain"] != "month" {
                line["coverage"] = json!(0.9);
            }
            format!("{line}\n")
        })
        .collect();
    let arguments = ["--format", "openmetrics", "--open-periods"];
    let families = parsed(&export_with(&bench, &arguments, partial_last_day.as_bytes()));
    let mut actual: BTreeMap<(String, BTreeMap<String, String>), f64> = BTreeMap::new();
    let (mut ends, mut units) = (BTreeSet::new(), BTreeSet::new());
    for family in &families {
        let (name, unit) = (family[0].as_str().expect("a name"), family[2].as_str().expect("a unit"));
        assert_eq!(family[1], "gauge", "{name}");
        assert!(!family[3].as_str().expect("a text").is_empty(), "{name}");
        assert!(unit.is_empty() || name.ends_with(&format!("_{unit}")), "{name} {unit}");
        units.insert(unit);
        for sample in family[4].as_array().expect("samples") {
            let labels: BTreeMap<String, String> = serde_json::from_value(sample[1].clone()).expect("labels");
            let value = sample[2].as_f64().expect("a number");
            if name == "duo_metrics_period_end_timestamp_seconds" {
                ends.insert((labels["grain"].clone(), value as i64));
                continue;
            }
            assert!(actual.insert((name.to_owned(), labels), value).is_none(), "each series once");
        }
    }
    assert!(units.contains("ratio") && units.contains("seconds") && units.contains("people"), "{units:?}");

    // The same values from CSV: complete, newest, known and not suppressed.
    let csv = export_with(&bench, &["--format", "csv", "--open-periods"], partial_last_day.as_bytes());
    let table = rows(csv.as_bytes());
    let is_complete = |row: &&BTreeMap<String, String>| row["coverage"] == "1";
    let mut newest: BTreeMap<[&str; 3], &str> = BTreeMap::new();
    for row in table.iter().filter(is_complete) {
        let end = newest.entry(["metric", "scope", "grain"].map(|key| &*row[key])).or_default();
        *end = (*end).max(&row["end"]);
    }
    let mut expected: BTreeMap<(String, BTreeMap<String, String>), f64> = BTreeMap::new();
    for row in table.iter().filter(is_complete).filter(|row| row.contains_key("value")) {
        if newest[&["metric", "scope", "grain"].map(|key| &*row[key])] != row["end"] {
            continue;
        }
        let mut labels = BTreeMap::from([("gitlab".to_owned(), bench.gitlab.url())]);
        labels.extend(["scope", "grain"].map(|key| (key.to_owned(), row[key].clone())));
        let by = row.iter().filter_map(|(key, value)| Some((key.strip_prefix("by.")?, value)));
        // In CSV, labels that a spreadsheet would convert start with an apostrophe.
        let label = |value: &String| value.strip_prefix('\'').unwrap_or(value).to_owned();
        labels.extend(by.map(|(key, value)| (format!("by_{key}"), label(value))));
        labels.extend(row.get("population").map(|of| ("population".to_owned(), of.clone())));
        let name = format!("duo_metrics_{}", row["metric"].replace('.', "_"));
        let family = families
            .iter()
            .filter_map(|family| family[0].as_str())
            .find(|family| *family == name || family.strip_prefix(&name).is_some_and(is_unit));
        let family = family.unwrap_or_else(|| panic!("{name} is missing")).to_owned();
        expected.insert((family, labels), row["value"].parse().expect("a number"));
    }
    assert!(expected.len() > 300, "{}", expected.len());
    let differ: Vec<_> = actual.iter().filter(|(key, value)| expected.get(key) != Some(value)).collect();
    let missing: Vec<_> = expected.keys().filter(|key| !actual.contains_key(*key)).collect();
    assert!(differ.is_empty() && missing.is_empty(), "{differ:#?} {missing:#?}");
    // 31 October, the Monday after 25 October, and the first of November, each at midnight UTC.
    let day = ("day".to_owned(), 1_793_404_800);
    assert!(ends.contains(&day) && ends.contains(&("week".to_owned(), 1_792_972_800)), "{ends:?}");
    assert!(
        ends.contains(&("month".to_owned(), 1_793_491_200))
            && ends.iter().all(|(grain, _)| grain != "window")
    );
}

fn is_unit(end: &str) -> bool {
    [
        "_people",
        "_events",
        "_ratio",
        "_lines",
        "_seats",
        "_merge_requests",
        "_pipelines",
        "_seconds",
        "_days",
        "_credits",
        "_sessions",
    ]
    .contains(&end)
}

#[test]
fn hostile_names_are_escaped_in_all_formats() {
    if !are_available(&[Tool::PrometheusParser]) {
        return;
    }
    let bench = Bench::new(60, 35);
    let metrics = with_hostile_names(&metrics_of_two_groups(&bench));

    let csv = export(&bench, "csv", &metrics);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
    let cells: BTreeSet<String> = reader
        .records()
        .flat_map(|row| row.expect("a row").iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    for cell in &cells {
        let is_number = cell.parse::<f64>().is_ok();
        assert!(is_number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
    }
    for name in [
        format!("'{}", HOSTILE_NAMES[0]),
        format!("'{}", HOSTILE_NAMES[1]),
        escaped(HOSTILE_NAMES[2]),
        HOSTILE_NAMES[3].to_owned(),
    ] {
        assert!(cells.contains(&name), "{name:?}");
    }

    let exposition = export(&bench, "openmetrics", &metrics);
    let mut labels = BTreeSet::new();
    for family in parsed(&exposition) {
        for sample in family[4].as_array().expect("samples") {
            let of_sample = sample[1].as_object().expect("labels");
            labels.extend(of_sample.values().map(|value| value.as_str().expect("text").to_owned()));
        }
    }
    for name in HOSTILE_NAMES {
        assert!(labels.contains(name), "{name:?}");
    }

    let digest = export(&bench, "markdown", &metrics);
    assert!(digest.contains("`=cmd()¦' /C calc'!A0`"), "{digest}");
    for harm in ["@", "<", "![](https://evil.example/x.png) |"] {
        assert!(!digest.contains(harm), "{harm:?}: {digest}");
    }
    for line in digest.lines() {
        assert!(!line.starts_with('/'), "{line}");
        // Names appear only inside code spans.
        let outside_code: String = line.split('`').step_by(2).collect();
        assert!(
            !outside_code.contains("evil")
                && !outside_code.contains('[')
                && line.matches('`').count() % 2 == 0,
            "{line}"
        );
    }
}

#[test]
fn small_values_are_suppressed_with_a_secondary_one_in_all_formats() {
    if !are_available(&[Tool::PrometheusParser]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let by = |language: &str| json!({"language": language});
    let input = [
        metric("code_suggestions.accepted", json!({}), 1_000, 40),
        metric("code_suggestions.accepted", by("rust"), 700, 30),
        metric("code_suggestions.accepted", by("go"), 290, 20),
        metric("code_suggestions.accepted", by("cobol"), 10, 3),
        metric("chat.users", json!({}), 4, 4),
    ]
    .concat();
    let table = rows(export(&bench, "csv", input.as_bytes()).as_bytes());
    let of = |language: Option<&str>| {
        let found = table.iter().find(|row| {
            row["metric"] == "code_suggestions.accepted"
                && row.get("by.language").map(String::as_str) == language
        });
        found.and_then(|row| row.get("value").cloned())
    };
    assert_eq!(of(None).as_deref(), Some("1000"), "totals are correct");
    assert_eq!((of(Some("rust")).as_deref(), of(Some("go")), of(Some("cobol"))), (Some("700"), None, None));

    let families = parsed(&export(&bench, "openmetrics", input.as_bytes()));
    let values: Vec<f64> = families
        .iter()
        .filter(|family| family[0] == "duo_metrics_code_suggestions_accepted_events")
        .flat_map(|family| {
            family[4].as_array().expect("samples").iter().map(|sample| sample[2].as_f64().expect("a number"))
        })
        .collect();
    assert_eq!(values, [1_000.0, 700.0]);
    assert!(!families.iter().any(|family| family[0] == "duo_metrics_chat_users_people"));

    let digest = export(&bench, "markdown", input.as_bytes());
    assert!(
        digest.contains("| People in Chat | suppressed |") && digest.contains("fewer than 5"),
        "{digest}"
    );

    let loose = bench.pipe(&["export", "--format", "csv", "--small-group", "3"], input.as_bytes());
    assert!(rows(&loose.stdout).iter().all(|row| !row.contains_key("hidden")));
    assert_eq!(bench.pipe(&["export", "--format", "csv", "--small-group", "2"], input.as_bytes()).code, 2);
}

#[test]
fn each_population_is_its_own_series_in_all_formats() {
    let bench = Bench::new(20, 3);
    let of = |population: &str, value: u64| {
        let text = metric("engagement.users", json!({"segment": "heavy"}), value, value);
        let mut line: Value = serde_json::from_str(&text).expect("our own line");
        line["population"] = population.into();
        format!("{line}\n")
    };
    let input = [of("people", 60), of("seat_holders", 40), metric("chat.users", json!({}), 30, 30)].concat();
    let table = rows(export(&bench, "csv", input.as_bytes()).as_bytes());
    let mut cells: Vec<[Option<&str>; 2]> = table
        .iter()
        .map(|row| ["population", "value"].map(|name| row.get(name).map(String::as_str)))
        .collect();
    cells.sort_unstable();
    assert_eq!(cells, [[None, Some("30")], [Some("people"), Some("60")], [Some("seat_holders"), Some("40")]]);
    let text = export(&bench, "openmetrics", input.as_bytes());
    for (population, value) in [("people", 60), ("seat_holders", 40)] {
        let labels = format!(r#"population="{population}",by_segment="heavy"}} {value}"#);
        assert!(text.contains(&labels), "{text}");
    }
    // Two different values of one series contradict each other; values of two series do not.
    let done = bench.pipe(&["export", "--format", "csv"], [input, of("people", 61)].concat().as_bytes());
    assert_eq!(done.code, 65, "{}", done.stderr);
}

#[test]
fn the_digest_reports_the_newest_complete_month_its_change_and_missing_data() {
    let bench = Bench::new(20, 3);
    let month = |value: u64, start: &str, end: &str, coverage: f64| {
        let mut line: Value =
            serde_json::from_str(&metric("users.active", json!({}), value, value)).expect("our own line");
        (line["start"], line["end"], line["coverage"]) = (start.into(), end.into(), coverage.into());
        format!("{line}\n")
    };
    let coverage = |day: &str, status: &str| {
        let line = json!({
            "type": "coverage", "collector": "usage_events", "instance": "https://gitlab.example.com", "scope": "acme",
            "day": day, "status": status, "rows": null, "fetched_at": "2026-11-12T03:00:00Z",
            "reason": "GitLab refuses: @jane may not",
        });
        format!("{line}\n")
    };
    let input = [
        month(50, "2026-09-01", "2026-09-30", 1.0),
        month(60, "2026-10-01", "2026-10-31", 1.0),
        month(20, "2026-11-01", "2026-11-30", 0.3),
        coverage("2026-07-05", "denied"),
        coverage("2026-09-05", "denied"),
        coverage("2026-09-06", "denied"),
    ]
    .concat();
    let digest = export(&bench, "markdown", input.as_bytes());
    assert!(
        digest.starts_with("### GitLab Duo, October 2026\n\n`acme`, compared with September 2026.\n"),
        "{digest}"
    );
    let row = |change: &str| format!("| Active people | 60 |  | {change} | 1–31 October 2026 | 31 of 31 |");
    assert!(digest.contains(&row("+20%")), "{digest}");
    // Not against 19 of its days.
    for (coverage, why) in [(19.0 / 30.0, "– (September 2026 is incomplete)"), (1.0, "+20%")] {
        let input =
            [month(50, "2026-09-01", "2026-09-30", coverage), month(60, "2026-10-01", "2026-10-31", 1.0)];
        let digest = export(&bench, "markdown", input.concat().as_bytes());
        assert!(digest.contains(&row(why)), "{digest}");
    }
    assert!(
        digest.contains("- 5–6 September 2026: `usage_events` of `acme` denied, `GitLab refuses`"),
        "{digest}"
    );
    assert!(!digest.contains("jane") && !digest.contains("July"), "{digest}");
}

#[test]
fn order_and_repetition_of_lines_do_not_change_the_output() {
    let bench = Bench::new(60, 14);
    let metrics = metrics_of_two_groups(&bench);
    let text = std::str::from_utf8(&metrics).expect("text");
    let mut shuffled: Vec<&str> = text.lines().chain(text.lines().take(500)).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut shuffled);
    let shuffled = shuffled.join("\n");
    for format in FORMATS {
        assert_eq!(export(&bench, format, &metrics), export(&bench, format, shuffled.as_bytes()), "{format}");
    }
}

#[test]
fn other_lines_exit_with_65_and_write_nothing() {
    let bench = Bench::new(20, 3);
    let records = bench.normalize(&bench.fetch(&["--since", "2026-10-30"]));
    for input in [&records[..], b"", b"not JSON\n"] {
        for format in FORMATS {
            let result = bench.pipe(&["export", "--format", format], input);
            assert_eq!((result.code, result.stdout.len()), (65, 0), "{format}: {}", result.stderr);
        }
    }
    assert_eq!(bench.pipe(&["export"], &records).code, 2);
    let of_tomorrow = metric("of.tomorrow", json!({}), 7, 7);
    let result = bench.pipe(&["export", "--format", "openmetrics"], of_tomorrow.as_bytes());
    assert_eq!((result.code, &*result.stdout), (3, &b"# EOF\n"[..]), "{}", result.stderr);
    assert!(result.stderr.contains("left out 1 line"), "{}", result.stderr);
}

/// Records of all types from the collectors' fixtures, with coverage and rollup lines.
fn records_of_all_types(bench: &Bench) -> Vec<u8> {
    let mut records = Vec::new();
    for entry in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")).expect("a folder")
    {
        let raw = std::fs::read(entry.expect("an entry").path()).expect("a fixture");
        records.extend(bench.pipe(&["normalize", "--max-rejects", "100"], &raw).stdout);
    }
    let rollups = bench.pipe(&["aggregate", "--emit", "rollups"], &records).stdout;
    records.extend(rollups);
    records
}

#[test]
fn records_as_csv_are_lossless_and_contain_no_formulas() {
    let bench = Bench::new(20, 3);
    let mut records = records_of_all_types(&bench);
    let mut hostile = lines(&records).into_iter().find(|line| line["type"] == "event").expect("an event");
    (hostile["username"], hostile["tool"]) = (HOSTILE_NAMES[0].into(), HOSTILE_NAMES[2].into());
    records.extend(format!("{hostile}\n").into_bytes());
    let expected: Vec<BTreeMap<String, String>> = lines(&records)
        .iter()
        .map(|line| {
            let fields = line.as_object().expect("an object").iter().filter(|(_, value)| !value.is_null());
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // A formula; a row position, which looks like a time; a digest that looks like a long
            // number.
            let is_converted = |field: &str, text: &str| {
                text.starts_with(['=', '@'])
                    || (field == "row" && text.contains(':'))
                    || (field == "part" && text.bytes().all(|byte| byte.is_ascii_digit()))
            };
            let harmless = |field: &str, text: String| {
                if is_converted(field, &text) { format!("'{text}") } else { text }
            };
            fields.map(|(field, value)| (field.clone(), harmless(field, escaped(&text(value))))).collect()
        })
        .collect();
    let types: BTreeSet<&str> = expected.iter().map(|row| &*row["type"]).collect();
    assert!(types.len() >= 10 && types.contains("rollup") && types.contains("coverage"), "{types:?}");

    let result = bench.pipe(&["normalize", "--format", "csv"], &records);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let mut reader = csv::Reader::from_reader(&*result.stdout);
    let headings = reader.headers().expect("a heading").clone();
    let found: Vec<BTreeMap<String, String>> = reader
        .records()
        .map(|row| {
            let row = row.expect("a row of as many cells as the heading");
            let cells = headings.iter().zip(&row).filter(|(_, cell)| !cell.is_empty());
            cells.map(|(heading, cell)| (heading.to_owned(), cell.to_owned())).collect()
        })
        .collect();
    let differ: Vec<_> = found.iter().zip(&expected).filter(|(found, expected)| found != expected).collect();
    assert!(differ.is_empty() && found.len() == expected.len(), "{differ:#?}");

    let empty = bench.pipe(&["normalize", "--format", "csv"], b"");
    assert_eq!(
        empty.stdout,
        result.stdout.split_inclusive(|byte| *byte == b'\n').next().expect("the heading")
    );
}

#[test]
fn each_field_of_each_record_has_a_column() {
    let source = |path: PathBuf| std::fs::read_to_string(path).expect("the source");
    // Flattened structs have their fields in the line.
    let flattened = ["counted_rows", "counts"];
    let fields_of = |definition: &str| -> Vec<String> {
        let body = definition.split_once("\n}").expect("an end").0;
        let names = body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
        names.map(|(name, _)| name.to_owned()).filter(|name| !flattened.contains(&&**name)).collect()
    };
    let of_records = RECORD_TYPES.iter().flat_map(|(_, fields)| *fields);
    let mut fields: BTreeSet<String> = of_records.map(|field| (*field).to_owned()).collect();
    // The other lines have no list of their fields.
    let model = std::fs::read_dir(root().join("src/model")).expect("a folder");
    let model: String = model.map(|file| source(file.expect("a file").path())).collect();
    for definition in model.split("#[serde(tag = \"type\", rename = \"").skip(1) {
        let (line_type, rest) = definition.split_once('"').expect("a type");
        if !["raw", "metric", "former_group"].contains(&line_type) {
            fields.extend(fields_of(rest));
        }
    }
    let agents = source(root().join("src/events/agents.rs"));
    for (text, name) in [(&model, "CountedRows"), (&agents, "AgentCounts")] {
        let (_, definition) = text.split_once(&format!("pub struct {name}")).expect("it exists");
        fields.extend(fields_of(definition));
    }
    assert!(fields.len() > 60, "{fields:?}");
    for field in fields {
        assert!(duo_metrics::publish::export::COLUMNS.contains(&&*field), "{field}");
    }
}

#[test]
fn a_closed_pipe_is_not_an_error_of_the_csv_export() {
    let bench = Bench::new(60, 14);
    let metrics = metrics_of_two_groups(&bench);
    let raw = bench.fetch(&["--since", "2026-10-02"]);
    for (arguments, input) in
        [(&["normalize", "--format", "csv"][..], &raw), (&["export", "--format", "csv"], &metrics)]
    {
        let mut child = bench
            .command(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the binary starts");
        drop(child.stdout.take());
        std::io::Write::write_all(&mut child.stdin.take().expect("it was piped"), input).ok();
        let output = child.wait_with_output().expect("the binary ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{arguments:?}");
    }
}
