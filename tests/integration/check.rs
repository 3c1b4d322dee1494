//! `check` finds what it should in metrics computed from events, finds nothing in quiet ones, and
//! reveals no more than `export`.

use std::collections::BTreeSet;
use std::process::Command;

use duo_metrics::aggregate::metrics::definitions;
use serde_json::{Value, json};

use crate::bench::{CommandResult, bare_command, lines, lines_of, run_command};
use crate::documents::root;
use crate::stream::{INSTANCE, Stream, day, days_between};
use crate::tools::{Tool, are_available};

const FIRST: &str = "2026-08-03";
const LAST: &str = "2026-10-30";

/// The metric and coverage lines of 40 people from 3 August to 30 October, with this share of the
/// usual events on a day.
fn metrics(stream: &mut Stream, share: impl Fn(&str) -> f64) -> Vec<u8> {
    for date in days_between(day(FIRST), day(LAST)) {
        stream.cover("usage_events", [date]);
        let number = (date - day(FIRST)).num_days();
        if number % 7 > 4 {
            continue;
        }
        let people = (40.0 * share(&date.to_string())).round() as i64;
        for person in 0..people {
            for _ in 0..2 + (person * 7 + number * 3) % 3 {
                stream.event(&format!("gid://gitlab/User/{person}"), date, "request_duo_chat_response");
            }
        }
    }
    aggregated(stream)
}

fn aggregated(stream: &Stream) -> Vec<u8> {
    let records = stream.covered().join("\n");
    let done = run_command(bare_command(root(), &["aggregate", "--until", LAST]), records.as_bytes());
    assert!([0, 3].contains(&done.code), "{}", done.stderr);
    done.stdout
}

/// Runs `check` on the day after the last one.
fn check(arguments: &[&str], metrics: &[u8]) -> CommandResult {
    let arguments = [&["check", "--today", "2026-10-31"], arguments].concat();
    run_command(bare_command(root(), &arguments), metrics)
}

fn findings(arguments: &[&str], metrics: &[u8]) -> Vec<Value> {
    let found = check(&[&["--format", "json"], arguments].concat(), metrics);
    assert!([0, 4].contains(&found.code), "{}", found.stderr);
    lines_of(&found.stdout, "alert")
}

fn text(result: &CommandResult) -> &str {
    std::str::from_utf8(&result.stdout).expect("text")
}

/// Runs `check` with a rules file.
fn check_with(rules: &str, arguments: &[&str], metrics: &[u8]) -> CommandResult {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("alerts.yml"), rules).expect("written");
    let fixed = ["check", "--today", "2026-10-31", "--rules", "alerts.yml", "--format", "json"];
    run_command(bare_command(folder.path(), &[&fixed, arguments].concat()), metrics)
}

fn metric_line(metric: &str, by: Value, value: Value, (n, of): (Value, Value), people: u64) -> String {
    let grain = definitions().find(|definition| definition.metric == metric).expect("a metric").grains;
    let (grain, start, end) = match grain.last().expect("a grain").to_string().as_str() {
        "month" => ("month", "2026-10-01", "2026-10-31"),
        "day" => ("day", "2026-10-25", "2026-10-25"),
        _ => ("window", "2026-09-28", "2026-10-25"),
    };
    let line = json!({"type": "metric", "metric": metric, "instance": INSTANCE, "scope": "acme", "grain": grain,
        "start": start, "end": end, "by": by, "value": value, "n": n, "of": of, "people": people, "coverage": 1.0,
        "basis": 1.0, "final": true, "reason": null});
    format!("{line}\n")
}

#[test]
fn quiet_metrics_have_no_finding_and_holidays_are_none() {
    let quiet = metrics(&mut Stream::default(), |_| 1.0);
    // A holiday on Monday, and another one on Thursday.
    let holidays =
        metrics(
            &mut Stream::default(),
            |day| {
                if ["2026-10-26", "2026-10-29"].contains(&day) { 0.1 } else { 1.0 }
            },
        );
    for metrics in [quiet, holidays] {
        for arguments in [&["--fail-on", "info"][..], &["--fail-on", "info", "--open-periods"]] {
            let checked = check(arguments, &metrics);
            assert_eq!((checked.code, text(&checked)), (0, ""), "{}", checked.stderr);
            assert!(checked.stderr.contains("0 errors, 0 warnings, 0 notes"), "{}", checked.stderr);
            assert!(!checked.stderr.contains("not judged: fall"), "{}", checked.stderr);
        }
    }
}

#[test]
fn a_lasting_fall_is_one_finding_about_all_metrics() {
    let fallen = metrics(&mut Stream::default(), |day| if day < "2026-10-26" { 1.0 } else { 0.7 });
    let found = findings(&["--open-periods"], &fallen);
    assert_eq!(found.len(), 1, "{found:?}");
    let finding = &found[0];
    assert_eq!((&finding["rule"], &finding["severity"]), (&json!("fall"), &json!("warning")));
    assert_eq!((&finding["start"], &finding["end"]), (&json!("2026-10-26"), &json!("2026-10-30")));
    let value = finding["value"].as_f64().expect("a change");
    assert!((-0.35..-0.25).contains(&value), "{value}");
    let message = finding["message"].as_str().expect("text");
    assert!(
        message.contains("events.count fell by") && message.contains("chat.messages fell by"),
        "{message}"
    );
    assert_eq!(check(&["--open-periods"], &fallen).code, 0);
    let failed = check(&["--open-periods", "--fail-on", "warning", "--log-format", "json"], &fallen);
    assert_eq!(failed.code, 4, "{}", failed.stderr);
    let summary: Value = serde_json::from_str(failed.stderr.trim()).expect("JSON");
    assert_eq!((&summary["outcome"], &summary["warnings"]), (&json!("findings"), &json!(1)));
    // The week is not published yet.
    assert!(findings(&[], &fallen).is_empty());
    // The same day after day has the same fingerprint, another group another one.
    let later = metrics(&mut Stream::default(), |day| if day < "2026-10-23" { 1.0 } else { 0.7 });
    assert_eq!(findings(&["--open-periods"], &later)[0]["fingerprint"], finding["fingerprint"]);
    let rise = check_with("rules:\n  fall: off\n  rise: {share: 20%}\n", &["--open-periods"], &{
        metrics(&mut Stream::default(), |day| if day < "2026-10-26" { 1.0 } else { 1.4 })
    });
    let rise = lines_of(&rise.stdout, "alert");
    assert!(rise.len() == 1 && rise[0]["rule"] == "rise" && rise[0]["severity"] == "info", "{rise:?}");
    let holidays = "holidays: [2026-10-26, 2026-10-27, 2026-10-28, 2026-10-29, 2026-10-30]\n";
    assert!(check_with(holidays, &["--open-periods"], &fallen).stdout.is_empty());
}

#[test]
fn unknown_days_are_not_zero() {
    let mut stream = Stream::default();
    for date in days_between(day("2026-10-26"), day(LAST)) {
        stream.mark_partial(date);
    }
    let incomplete = metrics(&mut stream, |day| if day < "2026-10-26" { 1.0 } else { 0.1 });
    let found = findings(&["--open-periods"], &incomplete);
    let rules: Vec<&Value> = found.iter().map(|finding| &finding["rule"]).collect();
    assert_eq!(rules, ["stale", "missing_data"], "the days are missing: {found:?}");
}

#[test]
fn stale_data_fails_on_the_day_of_the_flag_or_the_clock() {
    let quiet = metrics(&mut Stream::default(), |_| 1.0);
    let on = |today: &str| run_command(bare_command(root(), &["check", "--today", today]), &quiet);
    // The newest day is 30 October.
    assert_eq!(on("2026-11-02").code, 0);
    let stale = on("2026-11-03");
    assert_eq!(stale.code, 4, "{}", stale.stderr);
    assert!(text(&stale).starts_with("error: acme: the newest complete day of Duo data"), "{}", text(&stale));
    assert!(text(&stale).contains("Fri 30 Oct 2026, is 4 days old (limit 3)"), "{}", text(&stale));
    for (now, code) in [("2026-11-02T23:59:59Z", 0), ("2026-11-03T00:00:00Z", 4)] {
        let mut command = bare_command(root(), &["check"]);
        command.env("DUO_METRICS_NOW", now);
        assert_eq!(run_command(command, &quiet).code, code, "{now}");
    }
}

#[test]
fn missing_days_name_the_collector_and_the_reason() {
    let mut stream = Stream::default();
    for date in days_between(day("2026-10-10"), day("2026-10-14")) {
        stream.partial_of(&["usage_events"], date);
    }
    let gaps = metrics(&mut stream, |_| 1.0);
    let found = findings(&[], &gaps);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["rule"], &found[0]["limit"]), (&json!("missing_data"), &json!(0.9)));
    let message = found[0]["message"].as_str().expect("text");
    assert!(message.starts_with("usage_events has 23 of 28 days complete"), "{message}");
    assert!(check_with("rules: {missing_data: {share: 0.8}}", &[], &gaps).stdout.is_empty());
    let history = check_with("rules: {missing_data: {share: 0.8, history_days: 200}}", &[], &gaps);
    assert!(text(&history).contains("reaches back 89 days, less than 200"), "{}", text(&history));
}

#[test]
fn a_lost_history_is_a_finding_for_28_days() {
    let metrics = metrics(&mut Stream::default(), |_| 1.0);
    let lost = |day: &str| {
        let loss = json!({"type": "history_loss", "day": day}).to_string();
        let found = findings(&[], &[&metrics, loss.as_bytes(), b"\n"].concat());
        let about = |alert: &&Value| alert["message"].as_str().expect("text").contains("history was lost");
        found.iter().filter(about).map(|alert| alert["kind"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(lost("2026-10-20"), ["missing_data"]);
    assert_eq!(lost("2026-10-03"), Vec::<Value>::new());
}

#[test]
fn seats_credits_failures_and_limits_of_your_own() {
    let share = |n: u64, of: u64| (json!(n), json!(of));
    let count = |n: u64| (json!(n), Value::Null);
    let stream = [
        metric_line("seats.idle", json!({"tier": "certain"}), json!(30), count(30), 30),
        metric_line("seats.active", json!({}), json!(0.6), share(60, 100), 100),
        metric_line("credits.run_out_on", json!({"stat": "p50"}), json!(23), count(0), 100),
        metric_line("agents.success_rate", json!({}), json!(0.5), share(50, 100), 50),
        metric_line("agents.tool_failure_rate", json!({}), json!(0.1), share(10, 100), 50),
        metric_line("chat.messages_per_user", json!({}), json!(2.5), share(250, 100), 100),
    ]
    .concat();
    let rules = |found: &[Value]| -> Vec<String> {
        found.iter().map(|finding| finding["rule"].as_str().expect("a name").to_owned()).collect()
    };
    let found = findings(&["--open-periods"], stream.as_bytes());
    assert_eq!(rules(&found), ["failing", "credits_run_out", "unused_seats"], "{found:?}");
    assert_eq!(found[1]["value"], 23.0);
    assert!(found[1]["message"].as_str().is_some_and(|text| text.contains("Fri 23 Oct 2026")), "{found:?}");
    // The month is over.
    let later = run_command(
        bare_command(root(), &["check", "--open-periods", "--today", "2026-11-01", "--format", "json"]),
        stream.as_bytes(),
    );
    assert_eq!(rules(&lines(&later.stdout)), ["failing", "unused_seats"]);
    let own = "rules:
  failing: {share: 60%}
  credits_run_out: off
  unused_seats: {share: 0.3}
  talk: {kind: threshold, metric: chat.messages_per_user, below: 3, severity: error}
  quiet: {kind: threshold, metric: chat.messages_per_user, above: 3}
";
    let own = check_with(own, &["--open-periods"], stream.as_bytes());
    assert_eq!((own.code, rules(&lines(&own.stdout))), (4, vec!["talk".to_owned()]), "{}", own.stderr);
}

#[test]
fn few_people_are_unknown_and_never_in_a_finding() {
    let mut stream = Stream::default();
    for date in days_between(day(FIRST), day(LAST)) {
        stream.cover("usage_events", [date]);
        for person in 0..4 {
            stream.event(&format!("gid://gitlab/User/{person}"), date, "request_duo_chat_response");
        }
    }
    let few = aggregated(&stream);
    let rules = "rules:
  few: {kind: threshold, metric: users.active, above: 0, severity: error}
  some: {kind: threshold, metric: users.active, below: 100, severity: error}
  week: {kind: threshold, metric: chat.users, grain: week, below: 100, severity: error}
";
    for arguments in [&[][..], &["--open-periods"]] {
        let checked = check_with(rules, arguments, &few);
        assert_eq!((checked.code, text(&checked)), (0, ""), "{}", checked.stderr);
        assert!(checked.stderr.contains("few: acme: users.active: suppressed"), "{}", checked.stderr);
    }
    let all = check_with(rules, &["--small-group", "4"], &few);
    assert_eq!(all.code, 4, "four people are published there");
}

#[test]
fn every_format_is_valid_and_has_every_finding() {
    if !are_available(&[Tool::Program("python3")]) {
        return;
    }
    let hostile = "<!channel> & `x`\"]]>\u{1b}[31m";
    let quiet = metrics(&mut Stream::default(), |day| if day < "2026-10-26" { 1.0 } else { 0.7 });
    let mut renamed = String::new();
    for mut line in lines(&quiet) {
        line["scope"] = json!(hostile);
        renamed.push_str(&format!("{line}\n"));
    }
    let late = ["--open-periods", "--today", "2026-11-20"];
    let run = |format: &str| {
        let arguments = [&["check", "--format", format], &late[..]].concat();
        let result = run_command(bare_command(root(), &arguments), renamed.as_bytes());
        assert_eq!(result.code, 4, "{format}: {}", result.stderr);
        assert!(!result.stdout.contains(&0x1b), "{format}: {}", text(&result));
        text(&result).to_owned()
    };
    assert_eq!(run("text").lines().count(), 2);
    let json = lines_of(run("json").as_bytes(), "alert");
    assert_eq!(json[0]["scope"], hostile);
    let issues: Value = serde_json::from_str(&run("codequality")).expect("JSON");
    let fingerprints: BTreeSet<&str> =
        issues.as_array().expect("a list").iter().filter_map(|issue| issue["fingerprint"].as_str()).collect();
    assert_eq!((issues[0]["severity"].as_str(), fingerprints.len()), (Some("major"), 2), "{issues}");
    assert_eq!(issues[0]["location"], json!({"path": "stdin", "lines": {"begin": 1}}));
    let markdown = run("markdown");
    assert!(!markdown.contains("<!channel>") && markdown.contains("- **error** `"), "{markdown}");
    let slack: Value = serde_json::from_str(&run("slack")).expect("JSON");
    let message = slack["text"].as_str().expect("text");
    assert!(
        !message.contains(['<', '>']) && message.contains("&amp;") && message.contains("[fall]"),
        "{message}"
    );
    let mut command = Command::new("python3");
    command.args([
        "-c",
        "import sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
cases = root.findall('.//testcase')
print(len(cases), [case.get('classname') for case in cases if case.find('failure') is not None],
      [case.get('classname') for case in cases if case.find('system-out') is not None])",
    ]);
    let parsed = run_command(command, run("junit").as_bytes());
    assert_eq!(text(&parsed), "6 ['stale'] ['fall']\n", "{}", parsed.stderr);
}

#[test]
fn a_mistake_in_the_rules_file_names_the_line_and_what_is_right() {
    for (rules, expected) in [
        ("rules:\n  stale: {dais: 3}\n", "alerts.yml:2: unknown field dais; did you mean \"days\"?"),
        ("rules:\n  stale:\n    days: 0.5\n", "alerts.yml:3: days is a whole number from 1 to 366"),
        ("rules:\n  stal: {}\n", "alerts.yml:2: unknown rule stal; did you mean \"stale\"?"),
        ("rules:\n  mine: off\n", "alerts.yml:2: unknown rule mine; add kind:"),
        ("rules:\n  fall: {metrics: user.active}\n", "did you mean \"users.active\"?"),
        ("rules:\n  fall: {by: {tool: red}}\n", "users.active has these dimensions"),
        ("rules:\n  x: {kind: threshold, metric: users.active}\n", "above or below is missing"),
        ("rules:\n  fall: {share: 120%}\n", "alerts.yml:2: share is a share from 0 to 1"),
        ("rules:\n  fall: {severity: high}\n", "severity is error, warning or info"),
        ("rules:\n  fall: {kind: rise}\n", "fall is a kind itself"),
        ("rules: [stale]\n", "rules maps the name of a rule to its fields"),
        ("rule: {}\n", "did you mean \"rules\"?"),
        ("holidays: [christmas]\n", "a holiday is a day such as 2026-12-25"),
        ("rules: {stale: 3}\n", "a rule is a mapping of its fields, or off"),
        ("rules: {stale: &x 3, fall: *x}\n", "aliases"),
    ] {
        let refused = check_with(rules, &[], b"");
        assert_eq!((refused.code, refused.stdout.len()), (78, 0), "{rules}: {}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{rules}: {}", refused.stderr);
    }
    let missing = check(&["--rules", "none.yml"], b"");
    assert_eq!(missing.code, 78, "{}", missing.stderr);
}

#[test]
fn the_example_rules_are_valid_and_their_variable_works() {
    let quiet = metrics(&mut Stream::default(), |_| 1.0);
    let mut command = bare_command(root(), &["check", "--today", "2026-11-02"]);
    command.env("DUO_METRICS_RULES", "examples/alerts/alerts.yml");
    let checked = run_command(command, &quiet);
    assert_eq!(checked.code, 4, "the example allows two days: {}", checked.stderr);
    assert!(text(&checked).contains("is 3 days old (limit 2)"), "{}", text(&checked));
}

#[test]
fn the_prometheus_rules_pass_their_tests() {
    if !are_available(&[Tool::Program("promtool")]) {
        return;
    }
    for arguments in [["check", "rules", "prometheus.yml"], ["test", "rules", "prometheus_test.yml"]] {
        let mut command = Command::new("promtool");
        command.args(arguments).current_dir(root().join("examples/alerts"));
        let result = run_command(command, b"");
        assert_eq!(result.code, 0, "{}{}", text(&result), result.stderr);
    }
}

#[test]
fn prometheus_rules_and_the_grafana_dashboard_name_only_exported_metrics_and_labels() {
    // A line of each metric with each of its splits.
    let mut stream = String::new();
    for definition in definitions() {
        for split in definition.by {
            let by: serde_json::Map<String, Value> = split
                .split('×')
                .filter(|name| *name != "-")
                .map(|name| (name.to_owned(), json!("x")))
                .collect();
            stream += &metric_line(definition.metric, by.into(), json!(100), (json!(100), json!(200)), 100);
        }
    }
    let arguments = ["export", "--format", "openmetrics", "--open-periods"];
    let exported = run_command(bare_command(root(), &arguments), stream.as_bytes());
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let exported = text(&exported);
    let families: BTreeSet<&str> =
        exported.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let dashboard: Value = serde_json::from_str(&example("grafana.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let expressions = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let expressions = expressions.map(|target| target["expr"].as_str().expect("an expression").to_owned());
    let mut seen = 0;
    for expression in expressions.chain([example("prometheus.yml"), example("prometheus_test.yml")]) {
        for (at, _) in expression.match_indices("duo_metrics_") {
            let rest = &expression[at..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            assert!(families.contains(&rest[..end]), "{} is not exported", &rest[..end]);
            let labels =
                rest[end..].strip_prefix('{').map_or("", |rest| rest.split('}').next().expect("a part"));
            for label in labels.split(',').filter_map(|label| label.trim().split(['=', '!']).next()) {
                let is_label = exported
                    .lines()
                    .any(|line| line.starts_with(&rest[..end]) && line.contains(&format!("{label}=\"")));
                assert!(label.is_empty() || is_label, "{} has no label {label}", &rest[..end]);
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("examples/alerts").join(name)).expect("a readable file")
}
