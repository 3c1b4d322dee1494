//! The schema of the lines: it accepts what every command writes, and nothing that is wrong.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use stand_in::{Fault, Settings};

use crate::bench::{Bench, bare_command, lines, run_command};
use crate::documents::root;

/// Written once a minute only, with the fields of a notice; and after a loss that needs a package registry
/// (see `stored_history`).
const NOT_PRODUCED: [&str; 2] = ["history_loss", "progress"];

/// The schema that the command prints.
fn schema(arguments: &[&str]) -> String {
    let printed = run_command(bare_command(root(), &[&["schema"], arguments].concat()), b"");
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    String::from_utf8(printed.stdout).expect("text")
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The schema without room for fields that it does not list.
fn strict(mut schema: Value) -> Value {
    fn restrict(schema: &mut Value) {
        match schema {
            Value::Object(object) => {
                let has = |field: &str| !object["properties"][field].is_null();
                let is_line = object.contains_key("properties") && (has("type") || has("kind"));
                if is_line && !object.contains_key("oneOf") {
                    object.entry("additionalProperties").or_insert(false.into());
                }
                object.values_mut().for_each(restrict);
            }
            Value::Array(items) => items.iter_mut().for_each(restrict),
            _ => {}
        }
    }
    restrict(&mut schema);
    schema
}

/// The validators of each type: of what may be read, and of what is documented.
fn validators() -> BTreeMap<String, (Validator, Validator)> {
    let all = parse(&schema(&[]));
    let of_type = |(name, schema): (&String, &Value)| {
        let validator = |schema: &Value| jsonschema::validator_for(schema).expect("a valid schema");
        (name.clone(), (validator(schema), validator(&strict(schema.clone()))))
    };
    all["$defs"].as_object().expect("schemas").iter().map(of_type).collect()
}

/// Lines of every stage, from a world with everything that the stand-in has.
fn written_lines() -> Vec<Value> {
    let bench = Bench::with(Settings { people: 40, days: 12, ..Settings::default() });
    let mut written = Vec::new();
    for golden in std::fs::read_dir(root().join("tests/golden")).expect("a folder") {
        written.extend(lines(&std::fs::read(golden.expect("an entry").path()).expect("a file")));
    }
    let fetch =
        ["fetch", "--duo", "--project", "--group", "acme", "--group", "globex", "--since", "2026-10-22"];
    let fetched = bench.run(&fetch);
    assert!([0, 3].contains(&fetched.code), "{}", fetched.stderr);
    let records = bench.pipe(&["normalize"], &fetched.stdout).stdout;
    let rollups = bench.pipe(&["aggregate", "--emit", "rollups"], &records).stdout;
    let metrics = bench.pipe(&["aggregate", "--history", "history"], &records).stdout;
    written.extend([&fetched.stdout, &records, &rollups, &metrics].into_iter().flat_map(|text| lines(text)));
    // A group that is no longer collected.
    let later = bench.normalize(&bench.run(&["fetch", "--duo", "--since", "2026-10-30"]).stdout);
    written.extend(lines(&bench.pipe(&["aggregate", "--history", "history"], &later).stdout));
    let damaged = [records.as_slice(), b"{\"type\":\"event\"\n"].concat();
    let normalize = ["normalize", "--dead-letter", "rejected.jsonl", "--dead-letter-content"];
    assert_eq!(bench.pipe(&normalize, &damaged).code, 3);
    written.extend(lines(&std::fs::read(bench.path("rejected.jsonl")).expect("a file")));
    std::fs::write(bench.path("bad.jsonl"), "{\"event\":\"x\"}\nnonsense\n").expect("written");
    std::fs::write(bench.path("metrics.jsonl"), &metrics).expect("written");
    let commands: [&[&str]; 7] = [
        &["check", "--format", "json", "--today", "2026-12-31", "metrics.jsonl"],
        &["lint", "--format", "jsonl", "bad.jsonl"],
        &["lint", "--list", "--format", "jsonl"],
        &["doctor", "--format", "json", "--log-format", "json", "-v"],
        &["metrics", "--format", "json"],
        &["history", "list", "--history", "history", "--format", "json"],
        &["fetch", "--duo", "--history", "empty", "--log-format", "json", "-v", "--retry-wait", "0.01"],
    ];
    for command in commands {
        bench.gitlab.inject(command.contains(&"fetch").then_some(Fault::BadGateway));
        let result = bench.run(command);
        written.extend(lines(&result.stdout));
        if command.contains(&"json") && command.contains(&"--log-format") {
            written.extend(lines(result.stderr.as_bytes()));
        }
    }
    for failing in
        [&["fetch", "--nonsense", "--log-format", "json"][..], &["lint", "none", "--log-format", "json"]]
    {
        written.extend(lines(bench.run(failing).stderr.as_bytes()));
    }
    written
}

fn type_of(line: &Value) -> &str {
    line["type"].as_str().unwrap_or("summary")
}

/// The line without a field, or with another value of it.
fn changed(line: &Value, field: &str, value: Option<Value>) -> Value {
    let mut fields: Map<String, Value> = line.as_object().expect("an object").clone();
    match value {
        Some(value) => drop(fields.insert(field.to_owned(), value)),
        None => drop(fields.remove(field)),
    }
    fields.into()
}

#[test]
fn the_schema_accepts_every_line_and_rejects_changed_ones() {
    let validators = validators();
    let all = jsonschema::validator_for(&parse(&schema(&[]))).expect("a valid schema");
    let mut samples: BTreeMap<(String, String), Value> = BTreeMap::new();
    let mut fields_seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in written_lines() {
        let name = type_of(&line).to_owned();
        let (_, strict) = validators.get(&name).unwrap_or_else(|| panic!("no schema of {line}"));
        let errors: Vec<String> = strict.iter_errors(&line).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {line}");
        assert!(name == "summary" || all.is_valid(&line), "{line}");
        let fields = line.as_object().expect("an object").keys().cloned();
        let seen = fields_seen.entry(name.clone()).or_default();
        let before = seen.len();
        seen.extend(fields);
        // Of each type the lines that together have all fields.
        if seen.len() > before {
            let kind = format!("{}{before}", line["kind"].as_str().unwrap_or_default());
            samples.insert((name, kind), line);
        }
    }
    let seen: BTreeSet<&str> = fields_seen.keys().map(String::as_str).collect();
    let missing: Vec<&str> =
        validators.keys().map(String::as_str).filter(|name| !seen.contains(name)).collect();
    assert_eq!(missing, NOT_PRODUCED);
    let mut mutations = 0;
    for ((name, _), line) in &samples {
        let (lenient, strict) = &validators[name];
        let with_more = changed(line, "field_of_tomorrow", Some(json!({"x": [1]})));
        assert!(lenient.is_valid(&with_more), "{name} may have more fields");
        assert!(name == "summary" || !strict.is_valid(&with_more), "{name} has only known fields");
        let schema = parse(&self::schema(&[name.as_str()]));
        let of_kind = schema["oneOf"].as_array().into_iter().flatten();
        let of_kind = of_kind.filter(|one| one["properties"]["kind"]["const"] == line["kind"]);
        let [schema] = of_kind.chain(schema["oneOf"].is_null().then_some(&schema)).collect::<Vec<_>>()[..]
        else {
            panic!("{name}: one schema")
        };
        for field in line.as_object().expect("an object").keys() {
            if schema["properties"][field].is_null() {
                continue;
            }
            let wrong = if line[field].is_object() { json!("x") } else { json!({"x": [1]}) };
            assert!(!lenient.is_valid(&changed(line, field, Some(wrong))), "{name}: {field} of another form");
            mutations += 1;
            let is_required =
                schema["required"].as_array().is_some_and(|names| names.contains(&field.as_str().into()));
            assert_eq!(
                lenient.is_valid(&changed(line, field, None)),
                !is_required,
                "{name}: without {field}"
            );
        }
    }
    assert!(mutations > 200, "{mutations}");
    assert!(!all.is_valid(&json!({"type": "metric"})) && all.is_valid(&json!({"type": "of_tomorrow"})));
}

#[test]
fn the_document_is_the_schema_that_the_command_prints() {
    let path = root().join("docs/schema.json");
    let text = schema(&[]);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("the document can be written");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), text);
    let one = parse(&schema(&["metric"]));
    assert_eq!(one["properties"], parse(&text)["$defs"]["metric"]["properties"]);
    assert!(!text.contains("crate::") && !text.contains("[`"), "links to code");
    let unknown = run_command(bare_command(root(), &["schema", "metrics"]), b"");
    assert!(unknown.code == 2 && unknown.stderr.contains("did you mean \"metric\"?"), "{}", unknown.stderr);
}
