//! `doctor`: its checks of working and misconfigured GitLabs.

use std::collections::BTreeMap;
use std::time::Duration;

use stand_in::{Release, Settings};

use crate::bench::{Bench, CommandResult, TOKEN, lines_of, run_command};

fn doctor(bench: &Bench, token: &str, group: &str) -> CommandResult {
    let mut command = bench.command(&["doctor", "--format", "json", "--retries", "0"]);
    command.env("DUO_TOKEN", token).env("GROUP_PATH", group);
    run_command(command, b"")
}

fn statuses(result: &CommandResult) -> BTreeMap<String, String> {
    let checks = lines_of(&result.stdout, "check");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    checks.iter().map(|check| (text(&check["check"]), text(&check["status"]))).collect()
}

#[test]
fn all_checks_pass_for_an_owner_and_cover_each_collector() {
    let bench = Bench::new(120, 14);
    let result = doctor(&bench, TOKEN, "acme");
    assert_eq!(result.code, 0, "{}", result.stderr);
    let statuses = statuses(&result);
    for check in [
        "token",
        "version",
        "group acme",
        "role in acme",
        "tier of acme",
        "people of acme",
        "usage_events of acme",
        "code_suggestion_events of acme",
        "seats of acme",
    ] {
        assert_eq!(statuses.get(check).map(String::as_str), Some("ok"), "{check}: {statuses:?}");
    }
    assert_eq!(statuses["history of acme"], "note", "without ClickHouse events are kept for three months");
    for check in ["ai_metrics of acme", "ai_user_metrics of acme", "instance_usage_events of the instance"] {
        assert_eq!(
            statuses[check], "note",
            "a collector that not every GitLab has is not a failure: {check}"
        );
    }
    assert_eq!(statuses["credits of acme"], "ok");
    assert!(statuses.contains_key("pipelines of acme") && statuses.contains_key("pages"));
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
    let text = bench.run(&["doctor"]);
    assert_eq!(String::from_utf8(text.stdout).expect("text").lines().count(), statuses.len());
}

#[test]
fn failed_checks_name_the_fix() {
    let bench = Bench::new(60, 14);
    let reporter = doctor(&bench, &format!("{TOKEN}-reporter"), "acme");
    assert_eq!((reporter.code, statuses(&reporter)["seats of acme"].as_str()), (0, "note"));
    let subgroup = doctor(&bench, TOKEN, "acme/web");
    let found = statuses(&subgroup);
    assert_eq!((subgroup.code, found["usage_events of acme"].as_str()), (0, "ok"));
    assert_eq!(found["Duo dashboard of acme/web"], "ok");
    let without_root = doctor(&bench, &format!("{TOKEN}-web"), "acme/web");
    let found = statuses(&without_root);
    assert_eq!((without_root.code, found["usage_events of acme"].as_str()), (69, "note"));
    assert_eq!((&*found["Duo dashboard of acme/web"], &*found["members of acme/web"]), ("fail", "ok"));
    assert_eq!(statuses(&reporter)["role in acme"], "note");
    assert_eq!(statuses(&reporter)["tier of acme"], "note", "the plan is not visible to reporters");
    let guest = doctor(&bench, &format!("{TOKEN}-guest"), "acme");
    assert_eq!((guest.code, statuses(&guest)["role in acme"].as_str()), (69, "fail"));
    assert!(
        !statuses(&guest).contains_key("people of acme"),
        "without access to events, people are not checked"
    );
    let bad_token = doctor(&bench, "wrong", "acme");
    assert_eq!((bad_token.code, statuses(&bad_token)["token"].as_str()), (77, "fail"));
    let nowhere = doctor(&bench, TOKEN, "nowhere");
    assert_eq!((nowhere.code, statuses(&nowhere)["group"].as_str()), (78, "fail"));
    for result in [&reporter, &without_root, &bad_token, &nowhere] {
        let output = format!("{}{}", String::from_utf8_lossy(&result.stdout), result.stderr);
        assert!(!output.contains("README"), "the image has no such file: {output}");
    }
    for result in [without_root, bad_token, nowhere] {
        let failed = lines_of(&result.stdout, "check").into_iter().filter(|check| check["status"] == "fail");
        assert!(failed.count() > 0);
        assert!(!result.stderr.contains(TOKEN) && !String::from_utf8_lossy(&result.stdout).contains(TOKEN));
    }
}

#[test]
fn doctor_has_the_exit_code_of_a_run() {
    let bench = Bench::new(20, 3);
    let old = Settings { people: 20, days: 3, release: Release::V17_5, ..Settings::default() };
    let old = Bench::with(old);
    for (bench, role, variables) in [
        (&bench, "", &[][..]),
        (&bench, "-reporter", &[]),
        (&bench, "-reporter", &[("ENABLE_PROJECT_METRICS", "true")]),
        (&bench, "-reporter", &[("DUO_METRICS_COLLECTORS", "seats,usage_events")]),
        (&bench, "-guest", &[("DUO_METRICS_COLLECTORS", "usage_events")]),
        (&bench, "-expired", &[]),
        (&bench, "", &[("GROUP_PATH", "nowhere")]),
        (&bench, "", &[("ENABLE_DUO_METRICS", "false")]),
        (&old, "", &[]),
    ] {
        let code = |arguments: &[&str]| {
            let mut command = bench.command(arguments);
            command.env("DUO_TOKEN", format!("{TOKEN}{role}")).envs(variables.iter().copied());
            run_command(command, b"").code
        };
        let (doctor, run) = (code(&["doctor", "--retries", "0"]), code(&["run", "--retries", "0"]));
        assert_eq!(doctor, run, "{role} {variables:?}");
    }
}

#[test]
fn an_unreachable_gitlab_is_not_ok() {
    let bench = Bench::new(20, 3);
    bench.gitlab.down_for(Duration::from_secs(600));
    let result = doctor(&bench, TOKEN, "acme");
    assert_eq!((result.code, statuses(&result)), (75, [("gitlab".to_owned(), "fail".to_owned())].into()));
}

#[test]
fn recognizes_an_old_gitlab_with_clickhouse() {
    let settings =
        Settings { people: 60, days: 14, release: Release::V17_5, clickhouse: true, ..Settings::default() };
    let bench = Bench::with(settings);
    let result = doctor(&bench, TOKEN, "acme");
    let statuses = statuses(&result);
    assert_eq!(
        (result.code, statuses["usage_events of acme"].as_str(), statuses["history of acme"].as_str()),
        (0, "note", "ok"),
        "code suggestions are enough for a dashboard, as they are for a run"
    );
    assert_eq!(bench.gitlab.rejected(), Vec::<String>::new());
}

#[test]
fn recognizes_an_administrator_of_a_self_managed_gitlab() {
    let settings = Settings { people: 60, days: 14, self_managed: true, ..Settings::default() };
    let result = doctor(&Bench::with(settings), &format!("{TOKEN}-admin"), "acme");
    let checks = lines_of(&result.stdout, "check");
    let text = |name: &str| {
        let check = checks.iter().find(|check| check["check"] == name);
        check.unwrap_or_else(|| panic!("{name}: {checks:?}"))["text"].as_str().expect("text").to_owned()
    };
    assert!(text("role in acme").starts_with("administrator"));
    assert_eq!(text("tier of acme"), "ultimate");
}

#[test]
fn waits_for_an_unavailable_server_from_the_first_request_on() {
    let bench = Bench::new(20, 3);
    bench.gitlab.down_for(Duration::from_millis(500));
    let result = bench.run(&["doctor", "--format", "json", "--retries", "8", "--retry-wait", "0.05"]);
    assert_eq!(statuses(&result)["token"], "ok", "{}", result.stderr);
}
