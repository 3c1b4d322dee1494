//! The command line: completions, manual pages, files as arguments, and names with typing errors.

use std::process::Command;

use crate::bench::{Bench, CommandResult, bare_command, lines_of, metric_text, run_command};
use crate::pipelines::root;

fn run(arguments: &[&str]) -> CommandResult {
    run_command(bare_command(root(), arguments), b"")
}

fn text(result: CommandResult) -> String {
    assert_eq!(result.code, 0, "{}", result.stderr);
    String::from_utf8(result.stdout).expect("text")
}

#[test]
fn completions_load_in_bash_and_complete_commands_and_flags() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = text(run(&["completions", shell]));
        assert!(completions.contains("duo-metrics") && completions.contains("carry-over"), "{shell}");
    }
    std::fs::write(folder.path().join("completions"), text(run(&["completions", "bash"]))).expect("written");
    let complete = |words: &str| {
        let script = format!(
            "set -eu; . ./completions; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _duo__metrics duo-metrics \"${{COMP_WORDS[COMP_CWORD]}}\" x; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let mut command = Command::new("bash");
        command.args(["--norc", "-c", &script]).current_dir(folder.path());
        text(run_command(command, b""))
    };
    assert_eq!(complete("duo-metrics agg"), "aggregate\n");
    assert!(complete("duo-metrics dashboard --carr").contains("--carry-over"));
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = run(&["man", "--dir", folder.path().to_str().expect("text")]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let pages = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert!(pages > 14, "{pages}");
    let page = text(run(&["man", "fetch"]));
    assert_eq!(std::fs::read_to_string(folder.path().join("duo-metrics-fetch.1")).expect("a page"), page);
    // Roff writes a hyphen as \-.
    for expected in [".TH duo-metrics-fetch 1", "\\-\\-collector", "Examples:"] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    assert!(!page.lines().any(|line| line.starts_with("Examples:  ")));
    let unknown = run(&["man", "fetsch"]);
    assert_eq!(
        (unknown.code, unknown.stderr.contains("did you mean \"fetch\"?")),
        (2, true),
        "{}",
        unknown.stderr
    );
}

#[test]
fn files_on_the_command_line_are_the_stream_of_their_lines() {
    let bench = Bench::new(20, 3);
    let raw = bench.fetch(&["--duo", "--since", "2026-10-29"]);
    let records = bench.normalize(&raw);
    let metrics = bench.aggregate(&records);
    // The second part does not end with a line break.
    let middle = records.len() / 2
        + records[records.len() / 2..].iter().position(|byte| *byte == b'\n').expect("a line");
    let (one, other) = (&records[..middle], &records[middle + 1..]);
    for (name, content) in [("raw", raw.as_slice()), ("one", one), ("other", other), ("metrics", &metrics)] {
        std::fs::write(bench.path(name), content).expect("written");
    }
    let normalized = bench.run(&["normalize", "raw"]);
    assert!(normalized.code == 0 && normalized.stdout == records, "{}", normalized.stderr);
    for files in [["one", "other"], ["other", "one"]] {
        let aggregated = bench.run(&["aggregate", files[0], files[1]]);
        assert_eq!(aggregated.code, 0, "{}", aggregated.stderr);
        assert_eq!(metric_text(&aggregated.stdout), metric_text(&metrics));
    }
    let mixed = bench.pipe(&["aggregate", "one", "-"], other);
    assert_eq!(metric_text(&mixed.stdout), metric_text(&metrics));
    let csv = bench.run(&["export", "--format", "csv", "metrics"]);
    assert!(csv.code == 0 && csv.stdout == bench.pipe(&["export", "--format", "csv"], &metrics).stdout);
    for command in ["dashboard", "landing"] {
        let published = bench.run(&[command, "metrics"]);
        assert_eq!(published.code, 0, "{}", published.stderr);
    }
    assert!(bench.path("public/duo-metrics/index.html").is_file());
    let missing = bench.run(&["aggregate", "one", "none"]);
    assert_eq!((missing.code, missing.stdout.len()), (78, 0), "{}", missing.stderr);
    assert!(missing.stderr.contains("none"), "{}", missing.stderr);
    assert!(lines_of(&metrics, "metric").len() > 100);
}

#[test]
fn a_name_with_a_typing_error_names_the_closest_one() {
    let bench = Bench::new(20, 3);
    for (arguments, expected) in [
        (
            ["fetch", "--collector", "usage-event"],
            "unknown collector \"usage-event\"; did you mean \"usage_events\"?",
        ),
        (["fetch", "--collector", "x"], "unknown collector \"x\"; use one of "),
        (["lint", "--explain", "token-cache"], "unknown rule token-cache; did you mean \"tokens-cache\"?"),
        (["lint", "--example", "request_duo_workflw"], "did you mean \"request_duo_workflow\"?"),
        (["metrics", "acceptance_rate", "--list"], "did you mean \"code_suggestions.acceptance_rate\"?"),
        (["metrics", "x", "--list"], "unknown metric \"x\"; \"duo-metrics metrics\" lists them"),
    ] {
        let refused = bench.run(&arguments);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
    assert_eq!(bench.gitlab.requests().len(), 0);
}

#[test]
fn a_metric_or_a_family_can_be_described_alone() {
    let one = text(run(&["metrics", "users.active"]));
    assert!(one.contains("\nusers.active\n") && !one.contains("users.exposed\n"), "{one}");
    let family = lines_of(text(run(&["metrics", "agents", "--format", "json"])).as_bytes(), "definition");
    assert!(family.len() > 5);
    assert!(
        family.iter().all(|line| line["metric"].as_str().is_some_and(|metric| metric.starts_with("agents.")))
    );
    let events = text(run(&["lint", "--example"]));
    assert!(events.lines().any(|line| line.starts_with("request_duo_workflow ")), "{events}");
}

#[test]
fn a_run_states_the_address_of_the_site() {
    let bench = Bench::new(20, 3);
    let done = bench.run(&["run", "--duo", "--since", "2026-10-29"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let page = bench.path("public/index.html").canonicalize().expect("a page");
    assert!(done.stderr.contains(&format!("the site is at file://{}", page.display())), "{}", done.stderr);
}
