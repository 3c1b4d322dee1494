//! Runs the example pipelines unchanged.

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest, Sha256};

use stand_in::Registry;

use crate::agents::sources::source_events;
use crate::agents::writers;
use crate::bench::{Bench, TOKEN, bare_command, lines_of};
use crate::leaks::assert_no_leaks;
use crate::pipelines::{KEY, Project, documents, read, root};
use crate::tools::{Tool, are_available};

/// An example in a consumer's project; only the reference to the component is replaced by the
/// catalog component of this repository.
fn example<'a>(bench: &'a Bench, name: &str) -> Project<'a> {
    example_at(bench, name, &format!("examples/pipelines/{name}.yml"))
}

/// The example in this file.
fn example_at<'a>(bench: &'a Bench, name: &str, path: &str) -> Project<'a> {
    let text = read(path);
    let component = |project: &str| {
        format!("- component: $CI_SERVER_FQDN/{project}/duo-metrics@{}\n", env!("CARGO_PKG_VERSION"))
    };
    let ours =
        ["duo-metrics/duo-metrics", "platform/duo-metrics", "platform/tools/duo-metrics"].map(component);
    assert!(ours.iter().any(|line| text.contains(line)), "{name} includes this version");
    let text =
        ours.iter().fold(text, |text, line| text.replace(line, "- local: templates/duo-metrics.yml\n"));
    Project::new(bench, name, &text).with("ENABLE_DUO_METRICS", "true").with("DUO_METRICS_DAYS", "7")
}

#[test]
fn all_examples_have_a_test() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let mut names: Vec<String> = std::fs::read_dir(root().join("examples/pipelines"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "agent-events.yml",
            "digest.yml",
            "landing.yml",
            "minimal.yml",
            "mirror.yml",
            "monorepo-child.yml",
            "monorepo.yml",
            "own-pages.yml",
            "self-managed.yml",
            "several-groups.yml",
            "two-sites.yml"
        ]
    );
    // Each merged configuration is validated against GitLab's schema.
    let bench = Bench::new(20, 7);
    // The pipeline of a monorepo contains no component.
    let with_component = names.iter().filter(|name| *name != "monorepo.yml");
    for name in with_component.filter_map(|name| name.strip_suffix(".yml")) {
        assert!(example(&bench, name).merged()["stages"].is_array(), "{name}");
    }
    let lint = Project::new(&bench, "lint", &read("examples/lint/gitlab-ci.yml"));
    assert_eq!(lint.merged()["lint-events"]["stage"], "test");
}

#[test]
fn the_minimal_example_creates_both_dashboards() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let project = example(&bench, "minimal").with("ENABLE_PROJECT_METRICS", "true");
    let merged = project.merged();
    assert_eq!(merged["duo-metrics:publish"]["pages"], true);
    let pipeline = project.run();
    assert!(
        pipeline.jobs.len() == 4 && pipeline.jobs.values().all(|status| status == "PASS"),
        "{}",
        pipeline.log
    );
    for path in ["index.html", "duo-metrics/index.html", "project-metrics/index.html"] {
        assert!(project.artifact("duo-metrics:publish", &format!("public/{path}")).is_some(), "{path}");
    }
}

#[test]
fn several_groups_are_collected_in_parallel_and_merged() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(60, 7);
    let project =
        example(&bench, "several-groups").with("GROUP_PATH", "").with("DUO_METRICS_PSEUDONYM_KEY", KEY);
    let pipeline = project.run();
    assert!(pipeline.passed, "{}", pipeline.log);
    assert_eq!(pipeline.jobs.len(), 4, "{}", pipeline.log);
    let metrics = project.artifact("duo-metrics:process", ".duo-metrics/metrics.jsonl").expect("the metrics");
    for scope in ["acme", "globex", "*"] {
        assert!(metrics.contains(&format!("\"scope\":\"{scope}\"")), "{scope}");
    }
}

#[test]
fn agent_events_from_snowplow_are_added_to_gitlabs_data() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    // Three sessions of the day before the pipeline.
    let mut source_events = source_events();
    source_events.iter_mut().for_each(|source_event| source_event.at += 74 * 86_400_000);
    let file = bench.path("events.jsonl");
    std::fs::write(&file, writers::snowplow_json(&source_events)).expect("a file in a folder of the test");
    let address = format!("file://{}", file.display());
    let project = example(&bench, "agent-events").with("AGENT_EVENTS_URL", &address);
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs.contains_key("agent-events"), "{}", pipeline.log);
    let metrics = project.artifact("duo-metrics:process", ".duo-metrics/metrics.jsonl").expect("the metrics");
    let value_of = |metric: &str, by: serde_json::Value| {
        let lines = lines_of(metrics.as_bytes(), "metric");
        let line = lines.into_iter().find(|line| {
            line["metric"] == metric && line["grain"] == "window" && line["scope"] == "*" && line["by"] == by
        });
        line.map(|line| line["value"].clone())
    };
    assert_eq!(value_of("agents.tokens", json!({"kind": "input"})), Some(json!(58_000)));
    assert_eq!(value_of("agents.success_rate", json!({"flow": "fix_pipeline"})), Some(json!(1.0)));
    assert!(value_of("code_suggestions.shown", json!({})).is_some_and(|shown| shown.as_u64() > Some(0)));
}

#[test]
fn without_a_registry_the_program_is_a_package_with_a_checked_digest() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let program = std::fs::read(bare_command(root(), &[]).get_program()).expect("the program");
    let digest: String = Sha256::digest(&program).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("duo-metrics/{}/duo-metrics-x86_64-linux", env!("CARGO_PKG_VERSION"));
    bench.gitlab.store_package_file("platform/duo-metrics", &path, program);
    let mut project = example(&bench, "self-managed")
        .with("DUO_METRICS_CA_FILE", "/etc/ssl/certs/ca-certificates.crt")
        .with("DUO_METRICS_SHA256", &digest);
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs.len() == 3, "{}", pipeline.log);
    assert!(project.artifact("duo-metrics:publish", "public/duo-metrics/index.html").is_some());
    assert!(!pipeline.log.contains(TOKEN), "{}", pipeline.log);
    // Its storage refuses a request with a token.
    bench.gitlab.set_registry(Registry::ObjectStorage);
    let redirected = project.run();
    assert!(redirected.passed, "{}", redirected.log);
    project.set("DUO_METRICS_SHA256", Some(&"0".repeat(64)));
    let refused = project.run();
    assert_eq!(refused.jobs["duo-metrics:fetch-duo"], "FAIL", "{}", refused.log);
    assert!(!refused.log.contains("days complete"), "{}", refused.log);
}

#[test]
fn the_digest_is_posted_as_a_comment() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    // The digest reports a closed month.
    let bench = Bench::new(60, 70);
    let mut project =
        example(&bench, "digest").with("DIGEST_TARGET", "issues/12").with("DIGEST_TOKEN", TOKEN);
    project.set("DUO_METRICS_DAYS", Some("65"));
    // Without the jobs of the component, these jobs do not exist either, because they need them.
    for (branch, source) in [("main", "push"), ("main", "web"), ("feature/readme", "schedule")] {
        project.switch_to(branch);
        project.set("CI_PIPELINE_SOURCE", Some(source));
        assert!(!project.jobs().contains(&"comment".to_owned()), "{source} on {branch}");
    }
    project.switch_to("main");
    project.set("CI_PIPELINE_SOURCE", Some("schedule"));
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs.len() == 5, "{}", pipeline.log);
    let comments = bench.gitlab.comments();
    assert_eq!(comments.len(), 1);
    assert_eq!(Some(&comments[0]), project.artifact("digest", "digest.md").as_ref());
    assert!(comments[0].contains("acme"), "{}", comments[0]);
    assert!(!pipeline.log.contains(TOKEN), "{}", pipeline.log);
    project.set("DIGEST_TARGET", Some("merge_requests/34"));
    let pipeline = project.run();
    assert!(pipeline.passed && bench.gitlab.comments().len() == 2, "{}", pipeline.log);
}

#[test]
fn a_mirror_at_another_path_names_its_image_or_a_variable_does() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let project = example(&bench, "mirror");
    let job = &project.merged()["duo-metrics:process"];
    assert_eq!(job["image"]["name"], "$DUO_METRICS_IMAGE", "a variable of the group takes precedence");
    assert_eq!(
        job["variables"]["DUO_METRICS_IMAGE"],
        format!("$CI_REGISTRY/platform/tools/duo-metrics:{}", env!("CARGO_PKG_VERSION"))
    );
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs.len() == 3, "{}", pipeline.log);
}

#[test]
fn the_dashboards_become_a_part_of_an_existing_site() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let mut project = example(&bench, "own-pages");
    project.commit("site/index.html", b"<h1>Ours</h1>\n");
    project.set("CI_PIPELINE_SOURCE", Some("push"));
    assert_eq!(project.jobs().len(), 4);
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs.len() == 4, "{}", pipeline.log);
    assert_eq!(project.merged()["duo-metrics:publish"]["pages"], false);
    assert_eq!(project.artifact("pages", "public/index.html").expect("the page"), "<h1>Ours</h1>\n");
    for path in ["duo/index.html", "duo/duo-metrics/index.html"] {
        assert!(project.artifact("pages", &format!("public/{path}")).is_some(), "{path}");
    }
}

#[test]
fn two_includes_become_one_site() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(40, 7);
    let project =
        example(&bench, "two-sites").with("DUO_METRICS_PSEUDONYM_KEY", KEY).with("DUO_METRICS_DAYS", "3");
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs.len() == 6, "{}", pipeline.log);
    let landing = project.artifact("duo-metrics:publish", "public/index.html").expect("the page");
    assert!(landing.contains("./globex/index.html") && landing.contains("./duo-metrics/"), "{landing}");
    for (place, group) in [("public", "acme"), ("public/globex", "globex")] {
        let page = project.artifact("duo-metrics:publish", &format!("{place}/duo-metrics/index.html"));
        assert!(page.expect("the page").contains(group), "{place}");
    }
    let stored: Vec<String> = bench.gitlab.package_files().into_keys().collect();
    assert_eq!(stored.iter().filter(|path| path.ends_with("history.jsonl.gz")).count(), 2, "{stored:?}");
    assert_no_leaks(&project, &pipeline);
}

#[test]
fn in_a_monorepo_the_jobs_run_in_a_child_pipeline() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let mut project = example(&bench, "monorepo-child");
    assert!(project.jobs().is_empty(), "only the parent pipeline starts them");
    project.set("CI_PIPELINE_SOURCE", Some("parent_pipeline"));
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs.len() == 3, "{}", pipeline.log);

    let mut parent = Project::new(&bench, "monorepo", &read("examples/pipelines/monorepo.yml"));
    parent.commit("metrics/.gitlab-ci.yml", b"job:\n  script: [\"true\"]\n");
    assert_eq!(parent.jobs(), ["metrics"]);
    assert_eq!(parent.merged()["metrics"]["trigger"]["include"][0]["local"], "metrics/.gitlab-ci.yml");
    parent.switch_to("feature/readme");
    parent.set("CI_PIPELINE_SOURCE", Some("push"));
    assert!(parent.jobs().is_empty());
}

#[test]
fn alerts_are_tests_and_code_quality_issues_of_the_pipeline() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let mut project = example_at(&bench, "alerts", "examples/alerts/gitlab-ci.yml");
    project.commit("alerts.yml", read("examples/alerts/alerts.yml").as_bytes());
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs["alerts"] == "PASS", "{}", pipeline.log);
    let issues = |project: &Project<'_>| -> Vec<serde_json::Value> {
        let report = project.artifact("alerts", "gl-code-quality-report.json").expect("the report");
        serde_json::from_str(&report).expect("JSON")
    };
    let is_stale = |issue: &serde_json::Value| issue["check_name"] == "stale";
    assert!(!issues(&project).iter().any(is_stale), "{:?}", issues(&project));
    // A history of seven days is shorter than the rules require.
    let history = |issue: &&serde_json::Value| {
        issue["check_name"] == "missing_data" && issue["location"]["path"] == "alerts.yml"
    };
    assert!(issues(&project).iter().any(|issue| history(&issue)), "{:?}", issues(&project));
    project.commit("alerts.yml", b"rules: {missing_data: {severity: error, history_days: 60}}\n");
    let pipeline = project.run();
    assert_eq!((pipeline.passed, &*pipeline.jobs["alerts"]), (true, "WARN"), "{}", pipeline.log);
    let tests = project.artifact("alerts", "junit.xml").expect("the report");
    assert!(tests.contains("<failure type=\"error\""), "{tests}");
    project.set("CI_PIPELINE_SOURCE", Some("web"));
    assert!(!project.jobs().contains(&"alerts".to_owned()));
}

#[test]
fn the_landing_page_links_other_dashboards() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let mut project = example(&bench, "landing");
    for source in ["merge_request_event", "push"] {
        project.set("CI_PIPELINE_SOURCE", Some(source));
        assert!(project.jobs().is_empty(), "{:?}", project.jobs());
    }
    project.set("CI_PIPELINE_SOURCE", Some("schedule"));
    let pipeline = project.run();
    assert!(pipeline.passed && pipeline.jobs.len() == 5, "{}", pipeline.log);
    let landing = project.artifact("duo-metrics:publish", "public/index.html").expect("the page");
    for linked in ["duo-metrics", "flaky-tests", "costs"] {
        assert!(landing.contains(&format!("href=\"./{linked}/index.html\"")), "{linked}");
    }
    assert!(landing.contains("Cloud costs") && landing.contains("1,234 €"), "{landing}");
}

#[test]
fn this_projects_pipeline_has_the_expected_jobs_and_publishes_on_schedule() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let mut project = Project::new(&bench, "duo-metrics", &read(".gitlab-ci.yml"));
    let builds = ["test", "advisories", "binary", "job-image", "try-image"];
    project.set("CI_PIPELINE_SOURCE", Some("push"));
    assert_eq!(project.jobs(), builds);
    project.set("ENABLE_DUO_METRICS", Some("true"));
    assert_eq!(project.jobs(), builds, "a push does not publish");
    project.set("ENABLE_DUO_METRICS", None);
    project.set("CI_PIPELINE_SOURCE", Some("merge_request_event"));
    assert_eq!(project.jobs(), builds[..3]);
    project.set("CI_PIPELINE_SOURCE", Some("schedule"));
    project.set("ENABLE_DUO_METRICS", Some("true"));
    project.set("DUO_METRICS_DAYS", Some("7"));
    let scheduled = [
        "binary",
        "job-image",
        "try-image",
        "duo-metrics:fetch-duo",
        "duo-metrics:process",
        "duo-metrics:publish",
        "verify",
    ];
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!(BTreeSet::from_iter(project.jobs()), set(&scheduled));
    // Build jobs need a registry and a network; the other jobs are run.
    let pipeline = project.run_only(&scheduled[3..]);
    assert!(pipeline.passed, "{}", pipeline.log);
    assert!(
        pipeline.jobs.values().all(|status| status == "PASS") && pipeline.jobs.len() == 4,
        "{}",
        pipeline.log
    );
    // The scripts of all jobs are valid shell.
    for (name, job) in documents(&root().join(".gitlab-ci.yml"))[0].as_object().expect("jobs") {
        for line in job["script"].as_array().into_iter().flatten() {
            let line = line.as_str().unwrap_or_else(|| panic!("{name}: {line} is no text"));
            let read = std::process::Command::new("sh").args(["-n", "-c", line]).status().expect("a shell");
            assert!(read.success(), "{name}: {line}");
        }
    }
}
