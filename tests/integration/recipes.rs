//! The recipes of docs/exports.md, run as they are, and the columns that they rely on.

use std::process::Command;

use crate::bench::{Bench, CommandResult, run_command};
use crate::documents::root;
use crate::tools::{Tool, are_available};

fn document() -> String {
    std::fs::read_to_string(root().join("docs/exports.md")).expect("a file")
}

/// The code blocks of a language in the section of recipes, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = document();
    let recipes = text.split("\n## Recipes\n").nth(1).expect("a section");
    let recipes = recipes.split("\n## ").next().expect("a first part");
    let start = format!("```{language}\n");
    recipes
        .split(&start)
        .skip(1)
        .map(|rest| rest.split("```").next().expect("a first part").to_owned())
        .collect()
}

/// Writes `metrics.jsonl` and `metrics.csv` to the folder of a bench.
fn bench_with_metrics() -> Bench {
    let bench = Bench::new(60, 60);
    let metrics = bench.aggregate(&bench.normalize(&bench.fetch(&["--duo", "--since", "2026-09-10"])));
    std::fs::write(bench.path("metrics.jsonl"), metrics).expect("written");
    let csv = bench.run(&["export", "-f", "csv", "metrics.jsonl"]);
    assert_eq!(csv.code, 0, "{}", csv.stderr);
    std::fs::write(bench.path("metrics.csv"), csv.stdout).expect("written");
    bench
}

fn python(bench: &Bench, script: &str) -> String {
    let mut command = Command::new(root().join("target/analysts/bin/python"));
    command.args(["-c", script]).current_dir(bench.folder());
    let CommandResult { code, stdout, stderr } = run_command(command, b"");
    assert_eq!(code, 0, "{stderr}\n{script}");
    String::from_utf8(stdout).expect("text")
}

#[test]
fn the_recipes_run_and_keep_every_value() {
    if !are_available(&[Tool::Analysts]) {
        return;
    }
    let bench = bench_with_metrics();
    let sql = blocks("sql");
    assert_eq!(sql.len(), 3);
    let run = format!(
        "import duckdb\ndatabase = duckdb.connect()\nfor text in {sql:?}:\n    result = database.execute(text)\nprint(result.fetchall())"
    );
    let shown = python(&bench, &run);
    assert!(shown.contains("('go', "), "{shown}");
    // Not by DuckDB's reader of CSV or JSON, which wrote the files.
    let compare = r#"
import csv, json, duckdb
parquet = duckdb.sql("SELECT metric, scope, grain, start::VARCHAR, value, n, \"of\", people, coverage FROM 'metrics.parquet'").fetchall()
lines = [json.loads(line) for line in open("metrics.jsonl", encoding="utf-8")]
names = ["metric", "scope", "grain", "start", "value", "n", "of", "people", "coverage"]
lines = [tuple(line[name] for name in names) for line in lines if line["type"] == "metric"]
key = lambda row: tuple((value is None, value if value is not None else 0) for value in row)
assert len(lines) > 1000 and sorted(parquet, key=key) == sorted(lines, key=key)
published = duckdb.sql("SELECT metric, start::VARCHAR, value, n, hidden FROM 'published.parquet'").fetchall()
number = lambda text: float(text) if text else None
rows = [(row["metric"], row["start"], number(row["value"]), number(row["n"]), row["hidden"] or None) for row in csv.DictReader(open("metrics.csv", encoding="utf-8", newline=""))]
assert len(rows) > 100 and sorted(published, key=key) == sorted(rows, key=key)
assert any(row[4] == "suppressed" for row in rows)
print(len(lines), len(rows))
"#;
    python(&bench, compare);
    let [pandas] = &blocks("python")[..] else { panic!("one block") };
    let checked = r#"
import csv
rows = [row for row in csv.DictReader(open("metrics.csv", encoding="utf-8", newline="")) if row["metric"] == "code_suggestions.acceptance_rate" and row["grain"] == "week" and row["scope"] == "acme" and not any(value for name, value in row.items() if name.startswith("by."))]
expected = {row["start"]: float(row["value"]) for row in rows if row["value"]}
assert len(expected) > 3 and {str(day.date()): value for day, value in weekly["acme"].dropna().items()} == expected, (weekly, expected)
"#;
    python(&bench, &format!("{pandas}\n{checked}"));
}

#[test]
fn the_columns_of_the_csv_are_those_of_the_document_in_that_order() {
    let bench = bench_with_metrics();
    let text = document();
    let section =
        text.split("\n## CSV\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let rows =
        section.lines().filter_map(|line| line.strip_prefix("| `")).take_while(|line| line.contains('|'));
    let documented: Vec<(String, bool)> = rows
        .map(|row| {
            let (name, rest) = row.split_once('`').expect("a name");
            (name.to_owned(), rest.starts_with(" | always"))
        })
        .collect();
    assert!(documented.len() > 18, "{documented:?}");
    let csv = std::fs::read_to_string(bench.path("metrics.csv")).expect("a file");
    let site = bench.run(&["dashboard", "metrics.jsonl", "-q"]);
    assert_eq!(site.code, 0, "{}", site.stderr);
    let of_site = std::fs::read_to_string(bench.path("public/duo-metrics/metrics.csv")).expect("a file");
    for table in [csv, of_site] {
        let header: Vec<&str> = table.lines().next().expect("a header").trim_end().split(',').collect();
        let dimensions: Vec<&str> = header.iter().copied().filter(|name| name.starts_with("by.")).collect();
        assert!(dimensions.is_sorted() && dimensions.contains(&"by.language"), "{dimensions:?}");
        let mut named = Vec::new();
        for (name, is_always) in &documented {
            if name == "by.<dimension>" {
                named.extend(dimensions.iter().copied());
            } else if *is_always || header.contains(&name.as_str()) {
                named.push(name.as_str());
            }
        }
        assert_eq!(header, named);
    }
}
