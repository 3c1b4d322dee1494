//! Errors: exit codes and messages.

use std::process::Stdio;

use stand_in::Fault;

use crate::bench::{Bench, CommandResult, TOKEN, bare_command, files_below, lines_of, run_command};

/// Options that make a test fast.
const FAST_RETRIES: &[&str] = &["--retries", "1", "--retry-wait", "0.01", "--timeout", "5"];

/// Asserts the exit code, and that the last line on standard error contains all of `words`.
fn assert_refused(result: &CommandResult, code: i32, words: &[&str]) {
    let last = result.stderr.lines().last().unwrap_or_default();
    assert_eq!(result.code, code, "{}", result.stderr);
    assert!(last.starts_with("duo-metrics "), "{last}");
    // These errors end the run before it logs anything else.
    if [2, 75, 77, 78].contains(&code) {
        let lines = result.stderr.lines().filter(|line| !line.contains("; retrying ("));
        assert_eq!(lines.count(), 1, "{}", result.stderr);
    }
    for word in words {
        assert!(last.contains(word), "{word:?} is not in {last:?}");
    }
    assert!(!result.stderr.contains("panicked"), "{}", result.stderr);
}

#[test]
fn a_missing_token_or_an_unexpanded_variable_exits_with_77() {
    let bench = Bench::new(20, 3);
    for value in ["", " ", "$DUO_TOKEN", "${SECRET}"] {
        let mut command = bench.command(&["fetch"]);
        command.env("DUO_TOKEN", value);
        let result = run_command(command, b"");
        assert_refused(&result, 77, &["no token", "DUO_TOKEN"]);
        assert!(result.stdout.is_empty());
    }
    assert!(bench.gitlab.requests().is_empty(), "no requests without a token");
}

#[test]
fn a_bad_token_exits_with_77_and_writes_nothing() {
    let bench = Bench::new(20, 3);
    for token in ["wrong", &format!("{TOKEN}-expired")] {
        let mut command = bench.command(&["fetch", "--output-dir", "raw"]);
        command.env("DUO_TOKEN", token);
        let result = run_command(command, b"");
        assert_refused(&result, 77, &["401", "renew DUO_TOKEN"]);
        assert!(result.stdout.is_empty());
    }
    assert!(!bench.path("raw").exists());
}

#[test]
fn an_anonymous_response_exits_with_77() {
    let bench = Bench::new(20, 3);
    let body = r#"{"data":{"currentUser":null,"group":null}}"#.to_owned();
    let content_type = "application/json".to_owned();
    bench.gitlab.inject([Fault::Status { status: 200, headers: Vec::new(), content_type, body }]);
    assert_refused(&bench.run(&["fetch"]), 77, &["without a token"]);
}

#[test]
fn an_unknown_group_exits_with_78_and_is_named() {
    let bench = Bench::new(20, 3);
    let result = bench.run(&["fetch", "--group", "acme", "--group", "acme/nowhere", "--output-dir", "raw"]);
    assert_refused(&result, 78, &["\"acme/nowhere\"", "not found or not readable", "GROUP_PATH"]);
    assert!(result.stdout.is_empty() && !bench.path("raw").exists());
}

#[test]
fn a_closed_port_exits_with_75_after_all_retries() {
    let bench = Bench::new(20, 3);
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let url = format!("http://127.0.0.1:{port}");
    let result = bench.run(&[&["fetch", "--url", &url], FAST_RETRIES].concat());
    assert_refused(&result, 75, &["cannot reach", &url, "after 2 attempts"]);
    assert!(result.stdout.is_empty());
}

#[test]
fn bad_urls_exit_with_78_and_their_secrets_are_not_repeated() {
    let bench = Bench::new(20, 3);
    for url in [
        "gitlab.example.com",
        "http://gitlab.example.com",
        "https://me:hunter2@gitlab.example.com",
        "ftp://x",
    ] {
        let result = bench.run(&["fetch", "--url", url]);
        assert_refused(&result, 78, &["GITLAB_URL"]);
        assert!(!result.stderr.contains("hunter2"));
    }
    let result = bench.run(&["fetch", "--ca-file", "nothing.pem"]);
    assert_refused(&result, 78, &["cannot read nothing.pem"]);
}

#[test]
fn a_server_that_is_not_gitlab_exits_with_78() {
    let bench = Bench::new(20, 3);
    let page = |status, headers, content_type: &str, body: &str| Fault::Status {
        status,
        headers,
        content_type: content_type.to_owned(),
        body: body.to_owned(),
    };
    let elsewhere = vec![("Location".to_owned(), "https://sso.example.com/login".to_owned())];
    bench.gitlab.inject([page(302, elsewhere, "text/html", "")]);
    assert_refused(&bench.run(&["fetch"]), 78, &["redirects to https://sso.example.com/login"]);
    bench.gitlab.inject([page(200, Vec::new(), "text/html; charset=utf-8", "<html><title>Sign in</title>")]);
    assert_refused(&bench.run(&["fetch"]), 78, &["web page", "GITLAB_URL"]);
    let result = bench.run(&["fetch", "--url", &format!("{}/nowhere", bench.gitlab.url())]);
    assert_refused(&result, 78, &["404", "GITLAB_URL"]);
}

#[test]
fn bad_days_ranges_and_names_exit_with_2() {
    let bench = Bench::new(20, 3);
    let cases: &[(&[&str], &str)] = &[
        (&["fetch", "--since", "2026-02-30"], "not a day"),
        (&["fetch", "--since", "yesterday"], "not a day"),
        (&["fetch", "--since", "2026-10-02", "--until", "2026-10-01"], "before it starts"),
        (&["aggregate", "--since", "2026-10-02", "--until", "2026-10-01"], "before it starts"),
        (&["fetch", "--collector", "everything"], "unknown collector \"everything\""),
        (&["fetch", "--quiet-stdout"], "--output-dir"),
        (&["fetch", "--no-duo"], "nothing is switched on"),
        (&["dashboard", "--no-duo"], "nothing is switched on"),
        (&["aggregate", "--regular-from", "12", "--heavy-from", "12"], "--heavy-from"),
        (&["dashboard", "--small-group", "1"], "must be a number of at least 3"),
        (&["normalize", "--dead-letter-content"], "--dead-letter"),
        (&["fetch", "--token", "x"], "--token"),
        (&["teleport"], "teleport"),
        (&[], "Usage"),
    ];
    for (arguments, words) in cases {
        let result = bench.run(arguments);
        assert_eq!(result.code, 2, "{arguments:?}: {}", result.stderr);
        assert!(result.stderr.contains(words), "{arguments:?}: {}", result.stderr);
        assert!(result.stdout.is_empty(), "{arguments:?}");
    }
    for (name, value, words) in [
        ("DUO_METRICS_UNTIL", "2026-13-01", "DUO_METRICS_UNTIL"),
        ("DUO_METRICS_NOW", "now", "DUO_METRICS_NOW"),
        ("GROUP_PATH", " , ", "no group"),
        ("ENABLE_DUO_METRICS", "\"true\"", "quotation marks"),
        ("ENABLE_PROJECT_METRICS", "'true'", "quotation marks"),
        ("ENABLE_DUO_METRICS", "TRUE", "nothing is switched on"),
        ("DUO_METRICS_COLLECTORS", "seats,chairs", "chairs"),
    ] {
        let mut command = bench.command(&["fetch"]);
        command.env(name, value);
        assert_refused(&run_command(command, b""), 2, &[words]);
    }
    assert!(bench.gitlab.requests().is_empty(), "no requests before the settings are valid");
}

#[test]
fn no_permission_for_usage_exits_with_69_but_not_for_seats_alone() {
    let bench = Bench::new(40, 5);
    let mut command = bench.command(&["fetch", "--since", "2026-10-30"]);
    command.env("DUO_TOKEN", format!("{TOKEN}-guest"));
    let result = run_command(command, b"");
    assert_refused(&result, 69, &["nothing to collect here", "role"]);
    let coverage = lines_of(&result.stdout, "coverage");
    // Everyone in a group can list its members.
    let (members, coverage): (Vec<_>, Vec<_>) =
        coverage.into_iter().partition(|line| line["collector"] == "members");
    assert_eq!((members.len(), &members[0]["status"]), (1, &"complete".into()));
    assert_eq!(coverage.len(), 18, "{coverage:?}");
    assert!(coverage.iter().all(|line| line["status"] == "denied" && line["rows"].is_null()), "{coverage:?}");

    let reporter = |arguments: &[&str]| {
        let mut command = bench.command(arguments);
        command.env("DUO_TOKEN", format!("{TOKEN}-reporter"));
        run_command(command, b"")
    };
    let by_default = reporter(&["fetch", "--since", "2026-10-30"]);
    assert_eq!(by_default.code, 0, "{}", by_default.stderr);
    assert!(
        by_default.stderr.contains("seats of acme: no permission on 2026-11-01"),
        "{}",
        by_default.stderr
    );
    let named =
        reporter(&["fetch", "--since", "2026-10-30", "--collector", "seats", "--collector", "usage_events"]);
    assert_eq!(named.code, 3, "{}", named.stderr);
}

#[test]
fn a_truncated_raw_stream_exits_with_3_and_names_the_day() {
    let bench = Bench::new(60, 5);
    let raw = bench.fetch(&["--since", "2026-10-27", "--collector", "usage_events", "--jobs", "1"]);
    // Complete lines are missing; the remaining lines are valid.
    let lines: Vec<&[u8]> = raw.split_inclusive(|byte| *byte == b'\n').collect();
    let cut = lines[..lines.len() - 1].concat();
    let normalized = bench.pipe(&["normalize"], &cut);
    assert_eq!(normalized.code, 0, "{}", normalized.stderr);
    let aggregated = bench.pipe(&["aggregate"], &normalized.stdout);
    assert_eq!(aggregated.code, 3, "{}", aggregated.stderr);
    assert!(
        aggregated.stderr.contains("usage_events of acme on 2026-10-31: truncated input"),
        "{}",
        aggregated.stderr
    );
    let truncated_day =
        lines_of(&aggregated.stdout, "coverage").into_iter().find(|line| line["day"] == "2026-10-31");
    let truncated_day = truncated_day.expect("the day");
    assert_eq!(truncated_day["status"], "partial", "{truncated_day}");
    let reason = "truncated input: rows without a coverage line";
    assert_eq!(truncated_day["reason"], reason);
    // All coverage lines are gone.
    let is_coverage = |line: &&[u8]| line.starts_with(b"{\"type\":\"coverage\"");
    let rows = lines.into_iter().filter(|line| !is_coverage(line)).collect::<Vec<_>>().concat();
    let aggregated = bench.pipe(&["aggregate"], &bench.normalize(&rows));
    assert_eq!(aggregated.code, 3, "{}", aggregated.stderr);
    let warnings: Vec<&str> = aggregated.stderr.lines().filter(|line| line.contains("truncated")).collect();
    assert_eq!(warnings.len(), 1, "one message: {warnings:?}");
    let words = "truncated input: rows without a coverage line, and rows of ";
    assert!(warnings[0].contains(words) && warnings[0].ends_with(" later days"), "{warnings:?}");
    // A line is truncated.
    let normalized = bench
        .pipe(&["normalize", "--dead-letter", "dead.jsonl", "--max-rejects", "50"], &raw[..raw.len() / 2]);
    assert_eq!(normalized.code, 3, "{}", normalized.stderr);
    assert!(normalized.stderr.contains("cut off before its end"), "{}", normalized.stderr);
    let dead = lines_of(&std::fs::read(bench.path("dead.jsonl")).expect("the file"), "rejected");
    assert_eq!(dead.len(), 1);
    let last_line_start = raw[..raw.len() / 2].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    assert_eq!(dead[0]["offset"], last_line_start);
}

#[test]
fn bad_lines_are_counted_located_and_limited() {
    let bench = Bench::new(60, 5);
    let raw = bench.fetch(&["--since", "2026-10-30", "--collector", "usage_events"]);
    let hostile =
        b"{\"type\":\"raw\",\"user\":\"ana.private\"}\n\xff\xfe\nnull\n[1]\n{\"type\":\"of_tomorrow\"}\n\n";
    let input = [raw.as_slice(), hostile].concat();
    let generous = bench.pipe(&["normalize", "--dead-letter", "dead.jsonl", "--max-rejects", "50"], &input);
    assert_eq!(generous.code, 3, "{}", generous.stderr);
    assert_eq!(generous.stdout, bench.normalize(&raw), "valid lines are not affected");
    let dead_file = std::fs::read(bench.path("dead.jsonl")).expect("the file");
    let dead = lines_of(&dead_file, "rejected");
    let first = raw.iter().filter(|byte| **byte == b'\n').count() + 1;
    let lines: Vec<usize> =
        dead.iter().map(|line| line["line"].as_u64().expect("a number") as usize).collect();
    assert_eq!(lines, [first, first + 1, first + 2, first + 3]);
    assert!(
        !String::from_utf8_lossy(&dead_file).contains("ana.private"),
        "content is included only on request"
    );
    assert!(generous.stderr.contains("1 line of a type"), "{}", generous.stderr);
    let with_content = bench.pipe(
        &["normalize", "--dead-letter", "dead.jsonl", "--dead-letter-content", "--max-rejects", "50"],
        &input,
    );
    assert_eq!(with_content.code, 3);
    assert!(
        String::from_utf8_lossy(&std::fs::read(bench.path("dead.jsonl")).expect("the file"))
            .contains("ana.private")
    );
    let strict = bench.pipe(&["normalize"], b"not json\n");
    assert_refused(&strict, 65, &["100.0%", "line 1", "not a JSON object"]);
    assert_refused(&bench.pipe(&["aggregate"], &raw), 65, &["normalize"]);
    assert_refused(&bench.pipe(&["dashboard"], &raw), 65, &["aggregate"]);
    assert!(!bench.path("public").exists());
}

#[test]
fn a_closed_pipe_ends_each_filter_quietly_with_0() {
    let bench = Bench::new(300, 50);
    let raw = bench.fetch(&["--since", "2026-09-12"]);
    let records = bench.normalize(&raw);
    std::fs::write(bench.path("raw.jsonl"), &raw).expect("written");
    std::fs::write(bench.path("records.jsonl"), &records).expect("written");
    for (arguments, input) in [
        (vec!["fetch", "--since", "2026-09-12"], None),
        (vec!["normalize"], Some("raw.jsonl")),
        (vec!["aggregate"], Some("records.jsonl")),
    ] {
        let mut command = bench.command(&arguments);
        let input = input
            .map_or(Stdio::null(), |name| std::fs::File::open(bench.path(name)).expect("it exists").into());
        let mut child =
            command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stderr.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn output_files_are_complete_or_absent() {
    let bench = Bench::new(60, 5);
    let stdout = bench.fetch(&["--since", "2026-10-30", "--output-dir", "raw"]);
    let files = files_below(&bench.path("raw"));
    let names: Vec<_> = files
        .iter()
        .map(|(path, _)| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    let collectors = [
        "agent_durations",
        "agent_flows",
        "agent_sessions",
        "ai_metrics",
        "ai_user_metrics",
        "code_suggestion_events",
        "credit_months",
        "credits",
        "members",
        "seats",
        "suggestions_by_editor",
        "usage_events",
    ];
    assert_eq!(names, collectors.map(|name| format!("{name}.jsonl")));
    let mut in_files: Vec<&str> =
        files.iter().flat_map(|(_, content)| std::str::from_utf8(content).expect("text").lines()).collect();
    let mut in_stdout: Vec<&str> = std::str::from_utf8(&stdout).expect("text").lines().collect();
    in_files.sort_unstable();
    in_stdout.sort_unstable();
    assert_eq!(in_files, in_stdout);
    let mut quiet = bench.command(&["fetch", "--since", "2026-10-30", "--quiet-stdout"]);
    quiet.env("DUO_METRICS_OUTPUT_DIR", "quiet");
    let quiet = run_command(quiet, b"");
    assert_eq!((quiet.code, quiet.stdout.len()), (0, 0), "{}", quiet.stderr);
    assert_eq!(files_below(&bench.path("quiet")).len(), files.len());
    // The target folder is a file: no partial files are left.
    std::fs::write(bench.path("taken"), "x").expect("written");
    let refused = bench.run(&["fetch", "--output-dir", "taken"]);
    assert_refused(&refused, 78, &["taken"]);
    assert_eq!(files_below(bench.folder()).len(), 2 * files.len() + 1);
}

#[test]
fn flags_override_the_environment_which_overrides_dotenv_and_ci_ignores_dotenv() {
    let bench = Bench::new(20, 3);
    let file = format!(
        "GITLAB_URL={}\nDUO_TOKEN={TOKEN}\nGROUP_PATH=acme\nDUO_METRICS_NOW=2026-11-01T03:00:00Z\n",
        bench.gitlab.url()
    );
    std::fs::write(bench.path(".env"), file).expect("written");
    let call = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = bare_command(bench.folder(), arguments);
        command.envs(variables.iter().copied());
        run_command(command, b"")
    };
    let scopes = |result: &CommandResult| -> Vec<String> {
        let mut scopes: Vec<String> = lines_of(&result.stdout, "coverage")
            .iter()
            .map(|line| line["scope"].as_str().expect("text").to_owned())
            .collect();
        scopes.dedup();
        scopes
    };
    assert_eq!(scopes(&call(&[], &["fetch"])), ["acme"]);
    assert_eq!(scopes(&call(&[("GROUP_PATH", "globex")], &["fetch"])), ["globex"]);
    assert_eq!(scopes(&call(&[("GROUP_PATH", "globex")], &["fetch", "--group", "acme"])), ["acme"]);
    assert_eq!(scopes(&call(&[("GROUP_PATH", "")], &["fetch"])), ["acme"], "an empty variable is not set");
    assert_refused(&call(&[("CI", "true"), ("GROUP_PATH", "acme")], &["fetch"]), 77, &["no token"]);
    std::fs::write(bench.path(".env"), format!("DUO_TOKEN=\"{TOKEN}\n")).expect("written");
    let broken = call(&[], &["fetch"]);
    assert_refused(&broken, 78, &[".env"]);
    assert!(!broken.stderr.contains(TOKEN));
}

#[test]
fn the_summary_can_be_json() {
    let bench = Bench::new(20, 3);
    let result = bench.run(&["fetch", "--since", "2026-10-30", "--log-format", "json"]);
    let summary: serde_json::Value = serde_json::from_str(result.stderr.trim()).expect("one JSON line");
    assert_eq!(summary["command"], "fetch");
    assert_eq!(summary["outcome"], "complete");
    assert_eq!(summary["collected"].as_array().expect("a list").len(), 12);
}

/// Runs a command with this file as standard output and waits for its end.
fn run_into_file(
    mut command: std::process::Command,
    stdout: std::fs::File,
    input: Option<std::fs::File>,
) -> CommandResult {
    command.stdin(input.map_or(Stdio::null(), Stdio::from)).stdout(stdout).stderr(Stdio::piped());
    let output = command.output().expect("it ends");
    let stderr = String::from_utf8(output.stderr).expect("messages are text");
    CommandResult { code: output.status.code().expect("it ends by itself"), stdout: Vec::new(), stderr }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_stdout_exits_with_75_and_an_unwritable_one_with_78() {
    let bench = Bench::new(20, 3);
    let raw = bench.fetch(&["--since", "2026-10-30"]);
    let records = bench.normalize(&raw);
    let metrics = bench.aggregate(&records);
    let events = br#"{"event":"no_event_of_gitlab","timestamp":"yesterday"}"#.to_vec();
    for (name, content) in [("raw", &raw), ("records", &records), ("metrics", &metrics), ("events", &events)]
    {
        std::fs::write(bench.path(name), content).expect("written");
    }
    let kept = bench.pipe(&["aggregate", "--history", "history"], &records);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    for (arguments, input) in [
        (vec!["--help"], ""),
        (vec!["--version"], ""),
        (vec!["fetch", "--help"], ""),
        (vec!["fetch"], ""),
        (vec!["fetch", "--output-dir", "out"], ""),
        (vec!["doctor"], ""),
        (vec!["doctor", "--format", "json"], ""),
        (vec!["metrics"], ""),
        (vec!["metrics", "--format", "json"], ""),
        (vec!["sql", "--schema"], ""),
        (vec!["lint", "--list"], ""),
        (vec!["lint", "--list", "--format", "jsonl"], ""),
        (vec!["lint", "--explain", "unknown-event"], ""),
        (vec!["lint"], "events"),
        (vec!["lint", "--format", "codequality"], "events"),
        (vec!["history", "--history", "history", "list"], ""),
        (vec!["history", "--history", "history", "list", "--format", "json"], ""),
        (vec!["history", "--history", "history", "export"], ""),
        (vec!["normalize"], "raw"),
        (vec!["normalize", "--format", "csv"], "raw"),
        (vec!["aggregate"], "records"),
        (vec!["aggregate", "--emit", "rollups"], "records"),
        (vec!["check", "--format", "junit", "--fail-on", "never"], "metrics"),
        (vec!["export", "--format", "csv"], "metrics"),
        (vec!["export", "--format", "openmetrics"], "metrics"),
        (vec!["export", "--format", "markdown"], "metrics"),
    ] {
        let input =
            || (!input.is_empty()).then(|| std::fs::File::open(bench.path(input)).expect("it exists"));
        let full = std::fs::File::create("/dev/full").expect("a device of Linux");
        let result = run_into_file(bench.command(&arguments), full, input());
        assert_eq!(result.code, 75, "{arguments:?}: {}", result.stderr);
        let last = result.stderr.lines().last().unwrap_or_default();
        assert!(last.contains("cannot write to standard output: No space left"), "{arguments:?}: {last}");
        assert!(last.contains("free some space"), "{last}");
        // Open for reading only, as with `1< file`.
        let readable = std::fs::File::open("/dev/null").expect("a device of Linux");
        let result = run_into_file(bench.command(&arguments), readable, input());
        assert_eq!(result.code, 78, "{arguments:?}: {}", result.stderr);
        assert!(result.stderr.contains("cannot write to standard output"), "{}", result.stderr);
    }
    assert!(!bench.path("out").exists() || files_below(&bench.path("out")).is_empty(), "no file stays");
}

/// This command with a temporary file system of this size mounted at `disk`; `None` without the
/// required privileges.
#[cfg(target_os = "linux")]
fn on_a_small_disk(command: &std::process::Command, size: &str) -> Option<std::process::Command> {
    let within = |script: &str| {
        let mut outer = std::process::Command::new("unshare");
        let mount = format!("mount -t tmpfs -o {size} tmpfs disk && {script}");
        outer.args(["--map-root-user", "--mount", "sh", "-c", &mount, "sh"]);
        outer.current_dir(command.get_current_dir().expect("a folder"));
        outer
    };
    let can = within("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    let mut outer = within("exec \"$@\"");
    outer.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        outer.env(name, value.expect("it is set"));
    }
    can.then_some(outer)
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_exits_with_75_and_names_the_target_file() {
    let bench = Bench::new(60, 10);
    let raw = bench.fetch(&["--collector", "usage_events", "--collector", "seats"]);
    let records = bench.normalize(&raw);
    let metrics = bench.aggregate(&records);
    bench.gitlab.keep_artifact("process", "history.gz", vec![7; 1 << 20]);
    std::fs::create_dir(bench.path("disk")).expect("a folder");
    let rejected = "not json\n".repeat(4000).into_bytes();
    for (arguments, input) in [
        (vec!["dashboard", "--site", "disk/site"], &metrics),
        (vec!["landing", "--site", "disk/site"], &metrics),
        (vec!["fetch", "--quiet-stdout", "--output-dir", "disk/raw"], &raw),
        (vec!["fetch", "--state", "disk/state"], &raw),
        (vec!["aggregate", "--history", "disk/history"], &records),
        (vec!["normalize", "--max-rejects", "1", "--dead-letter", "disk/dead.jsonl"], &rejected),
        (vec!["export", "--people", "disk/people.csv"], &records),
        (vec!["artifact", "--job", "process", "--path", "history.gz", "--output", "disk/got"], &raw),
        (vec!["run", "--site", "disk/site"], &raw),
    ] {
        // No space for the content, and no space for the directory entry.
        for size in ["size=4k", "size=64k,nr_inodes=1"] {
            let mut command = bench.command(&arguments);
            command.env("CI_API_V4_URL", format!("{}/api/v4", bench.gitlab.url())).env("CI_PROJECT_ID", "7");
            command.env("CI_COMMIT_REF_NAME", "main").env("CI_JOB_TOKEN", format!("{TOKEN}-job"));
            let Some(command) = on_a_small_disk(&command, size) else {
                eprintln!("skipped: user namespaces with mounts are not available");
                return;
            };
            let result = run_command(command, input);
            let last = result.stderr.lines().last().unwrap_or_default();
            assert_eq!(result.code, 75, "{size} {arguments:?}: {}", result.stderr);
            assert!(
                last.contains("disk") && !last.contains("standard output"),
                "{size} {arguments:?}: {last}"
            );
            assert!(last.contains("free some space"), "{size} {arguments:?}: {last}");
            assert!(!result.stderr.contains(".duo-metrics"), "{size} {arguments:?}: {}", result.stderr);
            assert!(!result.stderr.contains("panicked"), "{}", result.stderr);
        }
    }
}

#[test]
fn clickhouse_unreachable_exits_with_75_bad_url_with_78_bad_flags_with_2() {
    let bench = Bench::new(20, 3);
    let call = |flags: &[&str]| {
        bench.run(&[&["aggregate"], flags, &["--retries", "1", "--retry-wait", "0.01"]].concat())
    };
    let at = |url| ["--engine", "clickhouse", "--no-load", "--clickhouse-url", url];
    assert_refused(
        &call(&at("http://127.0.0.1:1")),
        75,
        &["cannot reach http://127.0.0.1:1", "2 attempts", "run again"],
    );
    assert_refused(&call(&at("http://clickhouse.example:8123")), 78, &["CLICKHOUSE_URL", "--allow-http"]);
    assert_refused(&call(&["--engine", "clickhouse", "--no-load"]), 2, &["CLICKHOUSE_URL"]);
    for alone in [&["--no-load"][..], &["--load-only"], &["--source", "gitlab"]] {
        assert_refused(&call(alone), 2, &["--engine clickhouse"]);
    }
    let both = [&at("http://127.0.0.1:1")[..], &["--source", "gitlab"]].concat();
    assert_refused(&call(&both), 2, &["--no-load"]);
    let mut command = bench.command(&[&["aggregate"][..], &at("http://127.0.0.1:1")].concat());
    command.env("CLICKHOUSE_PASSWORD", "$CLICKHOUSE_PASSWORD");
    assert_refused(&run_command(command, b""), 77, &["CLICKHOUSE_PASSWORD"]);
}
