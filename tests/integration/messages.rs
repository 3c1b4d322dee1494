//! Standard error: how much it contains, in which format and color, at a terminal and in a log, and
//! what it states when a run is interrupted.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use stand_in::{Fault, Settings};

use crate::bench::{Bench, CommandResult, TOKEN, lines_of, run_command};
use crate::tools::{Tool, are_available};

/// A fetch of two days.
const FETCH: &[&str] = &["fetch", "--duo", "--since", "2026-10-30"];

/// Runs a command of the bench with its standard error, and its standard output unless that is in a
/// file, at a terminal. Returns what the terminal received.
fn at_terminal(bench: &Bench, arguments: &str, environment: &[(&str, &str)]) -> String {
    let inner = bench.command(&[]);
    let line = format!("{} {arguments}", inner.get_program().to_string_lossy());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(bench.folder()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("TERM", "xterm").env("COLUMNS", "120").envs(environment.iter().copied());
    let done = run_command(command, b"");
    String::from_utf8(done.stdout).expect("text")
}

/// The lines of standard error, each as JSON.
fn json_lines(result: &CommandResult) -> Vec<Value> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    result.stderr.lines().map(read).collect()
}

#[test]
fn a_quiet_run_reports_only_what_changes_the_exit_code() {
    let bench = Bench::new(20, 3);
    let normal = bench.run(FETCH);
    let quiet = bench.run(&[FETCH, &["-q"]].concat());
    assert!(normal.stderr.lines().count() > 5, "{}", normal.stderr);
    // Optional collectors without permission are no gap, and are not mentioned.
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
    assert_eq!(lines_of(&quiet.stdout, "raw").len(), lines_of(&normal.stdout, "raw").len());

    let arguments = ["--collector", "usage_events", "--retries", "0", "--jobs", "1"];
    let partial = [FETCH, &arguments, &["--quiet"]].concat();
    let requests_before_pages = Bench::requests_before_pages(&[&arguments[..], &FETCH[1..]].concat());
    for format in ["text", "json"] {
        bench.gitlab.inject(vec![Fault::None; requests_before_pages]);
        bench.gitlab.inject([Fault::BadGateway]);
        let result = bench.run(&[&partial[..], &["--log-format", format]].concat());
        assert_eq!(result.code, 3, "{}", result.stderr);
        let [line] = result.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{}", result.stderr) };
        assert!(line.contains("usage_events of acme: failed on 2026-10-30: "), "{line}");
        if format == "json" {
            assert_eq!(json_lines(&result)[0]["messages"].as_array().map(Vec::len), Some(1), "{line}");
        }
    }
    let failed = bench.run(&["aggregate", "-q", "none.jsonl"]);
    assert_eq!((failed.code, failed.stderr.lines().count()), (78, 1), "{}", failed.stderr);
    let both = bench.run(&["aggregate", "-q", "-v", "none.jsonl"]);
    assert_eq!(both.code, 2, "{}", both.stderr);
}

#[test]
fn a_verbose_run_names_each_request_without_names_of_people() {
    let bench = Bench::new(20, 3);
    bench.gitlab.inject([Fault::None, Fault::BadGateway]);
    let arguments = ["--retry-wait", "0.01", "-v"];
    let result = bench.run(&[FETCH, &arguments].concat());
    assert_eq!(result.code, 0, "{}", result.stderr);
    let requests: Vec<&str> = result.stderr.lines().filter(|line| line.contains(" byte")).collect();
    let attempts: Vec<&str> = requests.iter().copied().filter(|line| !line.contains("retrying")).collect();
    assert_eq!(attempts.len(), bench.gitlab.requests().len(), "{}", result.stderr);
    for expected in [
        "duo-metrics fetch: UsageEvents for usage_events of acme on 2026-10-31, page 1: 200, ",
        " for members of acme from 2026-10-30 to 2026-10-31, page 1: 200, ",
    ] {
        assert!(result.stderr.contains(expected), "{expected:?} in {}", result.stderr);
    }
    assert_eq!(attempts.iter().filter(|line| line.contains(": 502, ")).count(), 1);
    assert_eq!(attempts.iter().filter(|line| line.ends_with(", attempt 2")).count(), 1);
    let json = bench.run(&[FETCH, &["-v", "--log-format", "json"]].concat());
    let requests: Vec<Value> =
        json_lines(&json).into_iter().filter(|line| line["type"] == "request").collect();
    assert!(requests.len() > 10);
    for request in requests.iter().filter(|request| request["collector"] == "usage_events") {
        assert_eq!((&request["scope"], &request["status"]), (&"acme".into(), &200.into()));
        assert!(request["page"].as_u64() > Some(0) && request["bytes"].as_u64() > Some(2), "{request}");
        assert!(request["seconds"].is_f64() && request["attempt"] == 1, "{request}");
    }
    let names: Vec<Value> = lines_of(&result.stdout, "raw")
        .iter()
        .flat_map(|raw| raw["nodes"].as_array().expect("nodes").iter())
        .filter_map(|node| Some(node["user"]["username"].as_str()?.into()))
        .collect();
    assert!(!names.is_empty());
    for name in names.iter().filter_map(Value::as_str).chain([TOKEN]) {
        assert!(!result.stderr.contains(name) && !json.stderr.contains(name), "{name}");
    }
    let doctor = bench.run(&["doctor", "-v"]);
    for expected in ["duo-metrics doctor: GET: 200, ", " for usage_events of acme on 2026-10-31: 200, "] {
        assert!(doctor.stderr.contains(expected), "{expected:?} in {}", doctor.stderr);
    }
}

#[test]
fn errors_of_each_exit_code_are_json_lines() {
    let bench = Bench::new(20, 3);
    let raw = bench.fetch(&FETCH[1..]);
    let fast = ["--retries", "0", "--timeout", "5"];
    /// Arguments, environment, exit code, command and a part of the message.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, Option<&'a str>, &'a str);
    let guest = format!("{TOKEN}-guest");
    let cases: [Case<'_>; 10] = [
        (&["--nonsense"], &[], 2, None, "unexpected argument '--nonsense' found"),
        (&[], &[], 2, None, "no command"),
        (&["fetsch"], &[], 2, None, "unrecognized subcommand 'fetsch'"),
        (&["fetch", "--job", "2"], &[], 2, Some("fetch"), "unexpected argument '--job' found"),
        (&["export"], &[], 2, Some("export"), "the following required arguments were not provided"),
        (&["fetch", "--collector", "x"], &[], 2, Some("fetch"), "unknown collector \"x\""),
        (&["aggregate"], &[], 65, Some("aggregate"), "raw lines"),
        (&["fetch"], &[("DUO_TOKEN", guest.as_str())], 69, Some("fetch"), "nothing to collect here"),
        (&["fetch"], &[("DUO_TOKEN", "")], 77, Some("fetch"), "no token"),
        (&["fetch", "--group", "nowhere"], &[], 78, Some("fetch"), "\"nowhere\" not found"),
    ];
    for (arguments, environment, code, command, message) in cases {
        let mut process = bench.command(&[arguments, &["--log-format", "json"]].concat());
        process.envs(environment.iter().copied());
        let result = run_command(process, &raw);
        assert_eq!(result.code, code, "{arguments:?}: {}", result.stderr);
        let error = json_lines(&result).pop().expect("a line");
        assert_eq!(error["type"], "error", "{error}");
        assert_eq!((error["code"].as_i64(), error["command"].as_str()), (Some(code.into()), command));
        assert!(error["message"].as_str().is_some_and(|text| text.contains(message)), "{error}");
        // What to do is in the message, or in the hint.
        assert!(![2, 69, 77].contains(&code) || error["hint"].is_string(), "{error}");
    }
    bench.gitlab.inject([Fault::BadGateway]);
    let temporary = bench.run(&[&["fetch", "--log-format=json"], &fast[..]].concat());
    let error = json_lines(&temporary).pop().expect("a line");
    assert_eq!((temporary.code, &error["code"]), (75, &75.into()), "{error}");
    assert_eq!(error["hint"], "run the same command again later");
    bench.gitlab.inject([Fault::Status {
        status: 418,
        headers: Vec::new(),
        content_type: "application/json".to_owned(),
        body: "{}".to_owned(),
    }]);
    let unexpected = bench.run(&["fetch", "--log-format", "json"]);
    let error = json_lines(&unexpected).pop().expect("a line");
    assert_eq!((unexpected.code, &error["code"]), (1, &1.into()), "{error}");
    let typing = bench.run(&["fetch", "--sinc", "2026-10-30", "--log-format", "json"]);
    assert!(json_lines(&typing)[0]["hint"].as_str().is_some_and(|hint| hint.contains("'--since'")));
}

#[test]
fn only_terminals_get_colors_unless_they_are_asked_for() {
    if !are_available(&[Tool::Program("script")]) {
        return;
    }
    let bench = Bench::new(20, 3);
    std::fs::write(bench.path("bad.jsonl"), "{\"event\":\"x\"}\nnonsense\n").expect("written");
    let colored = "\u{1b}[";
    let plain = bench.run(&["doctor"]);
    assert!(
        !plain.stdout.windows(2).any(|bytes| bytes == colored.as_bytes()) && !plain.stderr.contains(colored)
    );
    let text = |result: CommandResult| String::from_utf8(result.stdout).expect("text") + &result.stderr;
    for arguments in [&["doctor"][..], &["lint", "bad.jsonl"], &["aggregate", "none"]] {
        let forced = text(bench.run(&[arguments, &["--color", "always"]].concat()));
        assert!(forced.contains(colored), "{arguments:?}: {forced}");
        let mut command = bench.command(arguments);
        command.env("CLICOLOR_FORCE", "1");
        assert_eq!(text(run_command(command, b"")), forced);
        let line = arguments.join(" ");
        assert!(at_terminal(&bench, &line, &[]).contains(colored), "{line}");
        for (more, environment) in
            [("", &[("NO_COLOR", "1")][..]), (" --color never", &[]), ("", &[("TERM", "dumb")])]
        {
            let shown = at_terminal(&bench, &format!("{line}{more}"), environment);
            assert!(!shown.contains(colored) && shown.len() > 10, "{line}{more}: {shown}");
        }
    }
    for arguments in [&["doctor", "--format", "json"][..], &["lint", "--format", "jsonl", "bad.jsonl"]] {
        let json = bench.run(&[arguments, &["--color", "always", "-q"]].concat());
        assert!(!String::from_utf8(json.stdout).expect("text").contains(colored), "{arguments:?}");
    }
    // Without the colors, the text is the same.
    let painted = text(bench.run(&["lint", "bad.jsonl", "--color", "always"]));
    let mut stripped = String::new();
    for part in painted.split(colored) {
        let starts_with_code = !stripped.is_empty() || painted.starts_with(colored);
        stripped.push_str(if starts_with_code {
            part.split_once('m').map_or(part, |(_, rest)| rest)
        } else {
            part
        });
    }
    assert_eq!(stripped, text(bench.run(&["lint", "bad.jsonl"])));
}

#[test]
fn a_terminal_shows_a_bar_that_notices_do_not_tear() {
    if !are_available(&[Tool::Program("script")]) {
        return;
    }
    let latency = Duration::from_millis(40);
    let bench = Bench::with(Settings { people: 20, days: 10, latency, ..Settings::default() });
    let fetch = "fetch --duo --jobs 1 --since 2026-10-22 --retry-wait 0.01";
    let mut faults = vec![Fault::None; 30];
    faults.push(Fault::BadGateway);
    bench.gitlab.inject(faults);
    let shown = at_terminal(&bench, &format!("{fetch} > raw.jsonl"), &[]);
    let bars: Vec<&str> = shown.split(['\r', '\n']).filter(|line| line.contains(" parts")).collect();
    assert!(bars.len() > 2 && bars.iter().any(|bar| bar.contains(" left")), "{shown:?}");
    let notice =
        shown.split(['\r', '\n']).find(|line| line.contains("; retrying (2 of 6)")).expect("a notice");
    // Before it, the bar is cleared.
    let (before, _) = notice.split_once("duo-metrics fetch: GitLab returned").expect("its start");
    assert!(before.ends_with("\u{1b}[1A") && !before.contains("parts"), "{notice:?}");
    let raw = std::fs::read(bench.path("raw.jsonl")).expect("a file");
    assert!(lines_of(&raw, "raw").len() > 10);
    for (more, environment) in [(" -q", &[][..]), ("", &[("TERM", "dumb")]), (" --log-format json", &[])] {
        let shown = at_terminal(&bench, &format!("{fetch}{more} > raw.jsonl"), environment);
        assert!(!shown.contains(" left") && !shown.contains('\u{1b}'), "{more}: {shown:?}");
    }
    // A file whose size is known.
    let records = bench.normalize(&raw).repeat(400);
    std::fs::write(bench.path("records.jsonl"), records).expect("written");
    let shown = at_terminal(&bench, "aggregate --threads 1 records.jsonl > metrics.jsonl", &[]);
    assert!(shown.contains("MiB of ") && shown.contains(" left"), "{shown:?}");
}

#[test]
fn a_pause_that_gitlab_asks_for_is_mentioned() {
    let bench = Bench::new(20, 3);
    bench.gitlab.inject([Fault::TooManyRequests { retry_after: Some(1) }]);
    let result = bench.run(&[FETCH, &["--retry-wait", "0.1"]].concat());
    assert!(
        result.stderr.contains("rate limit was reached (429); retrying (2 of 6) in 1 s"),
        "{}",
        result.stderr
    );
}

#[test]
fn an_interrupted_run_states_how_to_continue_and_leaves_no_temporary_files() {
    let latency = Duration::from_millis(20);
    let bench = Bench::with(Settings { people: 40, days: 12, latency, ..Settings::default() });
    let resumed = "interrupted; the same command continues from state";
    let lost = "interrupted; nothing of this run is kept; with --state DIR, the same command continues";
    for (arguments, signal, number, expected) in [
        (&["fetch", "--duo", "--since", "2026-10-20", "--state", "state"][..], "INT", 2, resumed),
        (&["fetch", "--duo", "--since", "2026-10-20"], "TERM", 15, lost),
        (&["run", "--duo", "--since", "2026-10-20", "--output-dir", "raw", "-q"], "INT", 2, lost),
        (&["run", "--duo", "--since", "2026-10-20", "--log-format", "json"], "TERM", 15, lost),
    ] {
        let before = bench.gitlab.requests().len();
        // A shell that runs the tests in the background makes them ignore the interrupt.
        let mut command = Command::new("/usr/bin/env");
        let inner = bench.command(arguments);
        command.arg("--default-signal=INT").arg(inner.get_program()).args(arguments);
        command.current_dir(bench.folder()).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        while bench.gitlab.requests().len() < before + 28 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.signal(), Some(number), "{arguments:?}");
        let stderr = String::from_utf8(output.stderr).expect("text");
        let last = stderr.lines().last().unwrap_or_default();
        if arguments.contains(&"json") {
            let error: Value = serde_json::from_str(last).expect("JSON");
            assert_eq!((&error["type"], &error["code"]), (&"error".into(), &143.into()), "{error}");
            assert_eq!(error["message"], expected);
        } else {
            assert_eq!(last, format!("duo-metrics {}: {expected}", arguments[0]));
        }
        let temporary = |folder: &str| {
            let entries = std::fs::read_dir(bench.path(folder)).into_iter().flatten().flatten();
            entries
                .filter(|entry| entry.file_name().to_string_lossy().starts_with(".duo-metrics-tmp-"))
                .count()
        };
        assert_eq!(temporary("state") + temporary("raw") + temporary("."), 0, "{arguments:?}");
    }
    let complete = |folder: &str| {
        let entries = std::fs::read_dir(bench.path(folder)).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".part.jsonl")).count()
    };
    assert!(complete("state") > 0);
    let again = bench.run(&["fetch", "--duo", "--since", "2026-10-20", "--state", "state"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
}

#[test]
fn lines_of_another_stage_are_named_in_one_line() {
    let bench = Bench::new(20, 3);
    let raw = bench.fetch(&FETCH[1..]);
    let records = bench.normalize(&raw);
    let rollups = String::from_utf8(bench.pipe(&["aggregate", "--emit", "rollups"], &records).stdout);
    let rollups: String = rollups
        .expect("text")
        .split_inclusive('\n')
        .filter(|line| line.starts_with("{\"type\":\"rollup\""))
        .collect();
    let metrics = bench.aggregate(&records);
    let (raw, records, rollups, metrics) =
        (raw.as_slice(), records.as_slice(), rollups.as_bytes(), metrics.as_slice());
    let publishing: [&[&str]; 5] = [
        &["dashboard"],
        &["landing"],
        &["export", "--format", "csv"],
        &["export", "--format", "openmetrics"],
        &["export", "--format", "markdown"],
    ];
    let both = "put \"duo-metrics normalize | duo-metrics aggregate\" before this command";
    let aggregate = "put \"duo-metrics aggregate\" before this command";
    let mut cases: Vec<(&[&str], &[u8], &str, &str)> = Vec::new();
    for command in publishing {
        cases.push((command, raw, "raw line", both));
        cases.push((command, records, "record", aggregate));
        cases.push((command, rollups, "rollup line", aggregate));
    }
    let done = "they are the output of \"duo-metrics aggregate\"";
    for command in [&["aggregate"][..], &["aggregate", "--emit", "rollups"], &["export", "--people", "p.csv"]]
    {
        cases.push((command, raw, "raw line", "put \"duo-metrics normalize\" before this command"));
        cases.push((command, metrics, "metric line", done));
    }
    cases.push((&["normalize"], metrics, "metric line", done));
    for (input, kind) in [(raw, "raw line"), (records, "record"), (metrics, "metric line")] {
        cases.push((&["lint"], input, kind, "lint reads events as they were written"));
    }
    for (command, input, kind, advice) in cases {
        let result = bench.pipe(command, input);
        assert_eq!(result.code, 65, "{command:?} of {kind}s: {}", result.stderr);
        let [line] = result.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{command:?} of {kind}s: {}", result.stderr)
        };
        assert!(line.contains("the input has ") && line.contains(kind) && line.contains(advice), "{line}");
        assert!(lines_of(&result.stdout, "metric").is_empty(), "{command:?}");
    }
    let count = lines_of(metrics, "metric").len();
    assert!(count > 1_000);
    let named = bench.pipe(&["aggregate"], metrics).stderr.replace(',', "");
    assert!(named.contains(&format!("has {count} metric lines the first in line ")), "{named}");
    assert!(!bench.path("public").exists());
    // Among lines that a command reads, they are skipped or rejected as before.
    let mixed = bench.pipe(&["aggregate"], &[records, metrics].concat());
    assert_eq!(mixed.code, 0, "{}", mixed.stderr);
    assert_eq!(lines_of(&mixed.stdout, "metric"), lines_of(metrics, "metric"));
    let mixed = bench.pipe(&["aggregate", "--max-rejects", "100"], &[records, raw].concat());
    assert_eq!(mixed.code, 3, "{}", mixed.stderr);
    assert!(mixed.stderr.contains("a raw line; pipe it through"), "{}", mixed.stderr);
}
