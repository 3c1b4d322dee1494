//! The CI component in a consumer's project: its jobs, their artifacts and their results.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde_json::{Value, json};
use stand_in::Settings;

use crate::bench::{Bench, TOKEN, bare_command, is_compressed, run_command};
use crate::leaks::assert_no_leaks;
use crate::pipelines::{KEY, Pipeline, Project, documents, read, root};
use crate::tools::{Tool, are_available};

/// The component and nothing else.
pub(crate) const MINIMAL: &str = "include:\n  - local: component.yml\n";

/// A project that includes the component.
pub(crate) fn consumer<'a>(bench: &'a Bench, pipeline: &str) -> Project<'a> {
    Project::new(bench, "consumer", pipeline)
}

/// The jobs that ran, with their results.
pub(crate) fn jobs(pipeline: &Pipeline) -> Vec<(&str, &str)> {
    pipeline.jobs.iter().map(|(job, status)| (job.as_str(), status.as_str())).collect()
}

/// Asserts that the first job fails and no later job runs.
fn assert_only_first_job_fails(pipeline: &Pipeline) {
    assert!(!pipeline.passed, "{}", pipeline.log);
    assert!(pipeline.jobs.values().all(|status| status == "FAIL"), "{}", pipeline.log);
}

/// The folders and files at the root of the site.
pub(crate) fn site(project: &Project<'_>, job: &str) -> Vec<String> {
    let mut names: Vec<String> = project
        .artifacts(job)
        .into_iter()
        .filter(|(path, _)| !is_compressed(Path::new(path)))
        .filter_map(|(path, _)| Some(path.strip_prefix("public/")?.split('/').next()?.to_owned()))
        .collect();
    names.dedup();
    names
}

/// The card of a dashboard.
pub(crate) fn dashboard_json(project: &Project<'_>, folder: &str) -> Value {
    let dashboard_json = project.artifact("duo-metrics:publish", &format!("public/{folder}/dashboard.json"));
    serde_json::from_str(&dashboard_json.unwrap_or_else(|| panic!("{folder} has a dashboard.json")))
        .expect("JSON")
}

/// The first day that the dashboard reports.
pub(crate) fn start(project: &Project<'_>, folder: &str) -> String {
    dashboard_json(project, folder)["period"]["start"].as_str().expect("a day").to_owned()
}

#[test]
fn the_two_variables_select_the_jobs() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let mut project = consumer(&bench, MINIMAL);
    let (duo, projects, rest) = (
        "duo-metrics:fetch-duo",
        "duo-metrics:fetch-project",
        ["duo-metrics:process", "duo-metrics:publish"],
    );
    for (duo_variable, project_variable, expected) in [
        (Some("true"), Some("true"), vec![duo, projects]),
        (Some("true"), None, vec![duo]),
        (Some("false"), Some("true"), vec![projects]),
        (None, None, vec![]),
        (Some("TRUE"), Some("1"), vec![]),
    ] {
        project.set("ENABLE_DUO_METRICS", duo_variable);
        project.set("ENABLE_PROJECT_METRICS", project_variable);
        let expected = if expected.is_empty() { expected } else { [expected, rest.to_vec()].concat() };
        assert_eq!(project.jobs(), expected, "{duo_variable:?} {project_variable:?}");
    }
}

/// Pipeline sources with their branch: the default branch `main` or another one.
const PIPELINE_STARTS: [(&str, &str); 8] = [
    ("main", "schedule"),
    ("main", "web"),
    ("main", "push"),
    ("main", "api"),
    ("main", "parent_pipeline"),
    ("main", "merge_request_event"),
    ("feature/readme", "push"),
    ("feature/readme", "schedule"),
];

#[test]
fn by_default_only_schedules_and_manual_starts_on_the_default_branch_run_the_jobs() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    for (number, (inputs, expected)) in [
        ("", "110000 00"),
        ("schedule_only: true", "110000 00"),
        ("schedule_only: false", "111110 00"),
        ("sources: schedule|push", "101000 00"),
        ("sources: web|api|parent_pipeline", "010110 00"),
        ("branch: feature/readme", "000000 01"),
        ("branch: elsewhere", "000000 00"),
    ]
    .into_iter()
    .enumerate()
    {
        // Alternately with component.yml and the catalog component.
        let file = ["component.yml", "templates/duo-metrics.yml"][number % 2];
        let given = if inputs.is_empty() { String::new() } else { format!("    inputs:\n      {inputs}\n") };
        let pipeline = format!("include:\n  - local: {file}\n{given}");
        let mut project = Project::new(&bench, &format!("project-{number}"), &pipeline);
        project.set("ENABLE_DUO_METRICS", Some("true"));
        project.set("ENABLE_PROJECT_METRICS", Some("true"));
        let expected = expected.bytes().filter(|digit| *digit != b' ').map(|digit| digit == b'1');
        for ((branch, source), runs) in PIPELINE_STARTS.into_iter().zip(expected) {
            project.switch_to(branch);
            project.set("CI_PIPELINE_SOURCE", Some(source));
            // All jobs or none, so that no job needs a missing one.
            assert_eq!(
                project.jobs().len(),
                if runs { 4 } else { 0 },
                "{file} {inputs}: {source} on {branch}"
            );
        }
    }
    // Never for a tag, whatever the inputs are.
    let pipeline = "include:\n  - local: component.yml\n    inputs:\n      schedule_only: false\n";
    let mut project = consumer(&bench, pipeline).with("ENABLE_DUO_METRICS", "true");
    assert_eq!(project.jobs().len(), 3);
    project.set("CI_COMMIT_TAG", Some("1.0.0"));
    assert!(project.jobs().is_empty());
}

#[test]
fn history_and_the_other_dashboard_survive_lost_caches() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(40, 40);
    let mut project = consumer(&bench, MINIMAL).with("ENABLE_DUO_METRICS", "true");
    project.set("ENABLE_PROJECT_METRICS", Some("true"));
    project.set("DUO_METRICS_PSEUDONYM_KEY", Some(KEY));
    let kept = ["duo-metrics:process", "duo-metrics:publish"];

    let first = project.run();
    let all =
        ["duo-metrics:fetch-duo", "duo-metrics:fetch-project", "duo-metrics:process", "duo-metrics:publish"];
    assert_eq!(jobs(&first), all.map(|job| (job, "PASS")), "{}", first.log);
    assert_eq!(site(&project, "duo-metrics:publish"), ["duo-metrics", "index.html", "project-metrics"]);
    assert_eq!(start(&project, "duo-metrics"), "2026-08-03");
    assert_no_leaks(&project, &first);
    project.keep(&kept);

    // The caches are lost, and the variable of one dashboard is not set.
    project.lose_caches();
    project.set("ENABLE_PROJECT_METRICS", None);
    project.set("DUO_METRICS_NOW", Some("2026-11-20T03:00:00Z"));
    project.set("DUO_METRICS_UNTIL", Some("2026-10-31"));
    project.set("DUO_METRICS_DAYS", Some("14"));
    let before = bench.gitlab.requests().len();
    let second = project.run();
    assert_eq!(jobs(&second), [all[0], all[2], all[3]].map(|job| (job, "PASS")), "{}", second.log);
    assert!(second.log.contains("got the copy from the package registry"), "{}", second.log);
    assert_eq!(start(&project, "duo-metrics"), "2026-08-03", "earlier days are reported too");
    assert_eq!(site(&project, "duo-metrics:publish"), ["duo-metrics", "index.html", "project-metrics"]);
    assert_eq!(dashboard_json(&project, "project-metrics")["carried_over"], true);
    assert_eq!(dashboard_json(&project, "duo-metrics")["carried_over"], false);
    let landing = project.artifact("duo-metrics:publish", "public/index.html").expect("the page");
    assert!(landing.contains("./project-metrics/") && landing.contains("From an earlier run"));
    assert!(bench.gitlab.requests()[before..].iter().all(|request| request.operation != "Pipelines"));
    project.keep(&kept);

    // Now all days are final in the cached history, so none is requested again.
    let before = bench.gitlab.requests().len();
    project.set("ENABLE_PROJECT_METRICS", Some("false"));
    let third = project.run();
    assert!(third.passed, "{}", third.log);
    assert_eq!(
        site(&project, "duo-metrics:publish"),
        ["duo-metrics", "index.html"],
        "a disabled dashboard is removed"
    );
    let requests = &bench.gitlab.requests()[before..];
    assert!(requests.iter().all(|request| request.operation != "UsageEvents"), "{}", third.log);
    assert_eq!(start(&project, "duo-metrics"), "2026-08-03");
    assert_no_leaks(&project, &third);
}

#[test]
fn missing_data_makes_jobs_warn_and_appears_on_the_page() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let forbidden_day = NaiveDate::from_ymd_opt(2026, 10, 20);
    let bench = Bench::with(Settings { people: 40, days: 14, forbidden_day, ..Settings::default() });
    let project = consumer(&bench, MINIMAL).with("ENABLE_DUO_METRICS", "true");
    let partial = project.run();
    assert!(partial.passed, "{}", partial.log);
    assert_eq!(
        jobs(&partial),
        [("duo-metrics:fetch-duo", "WARN"), ("duo-metrics:process", "PASS"), ("duo-metrics:publish", "PASS")],
        "{}",
        partial.log
    );
    assert_eq!(dashboard_json(&project, "duo-metrics")["status"], "partial");
    let page = project.artifact("duo-metrics:publish", "public/duo-metrics/index.html").expect("the page");
    assert!(page.contains("20 Oct") || page.contains("2026-10-20") || page.contains("October 20"));
    assert!(partial.log.contains("no history is kept"), "{}", partial.log);
    assert!(project.artifact("duo-metrics:process", ".duo-metrics/history.jsonl.gz").is_none());
}

#[test]
fn a_role_without_access_is_reported_on_the_page_and_a_bad_token_creates_no_page() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let mut project = consumer(&bench, MINIMAL).with("ENABLE_DUO_METRICS", "true");
    project.set("DUO_TOKEN", Some(&format!("{TOKEN}-guest")));
    let denied = project.run();
    assert!(denied.passed, "{}", denied.log);
    assert_eq!(denied.jobs["duo-metrics:fetch-duo"], "WARN");
    assert_eq!(dashboard_json(&project, "duo-metrics")["status"], "empty");

    project.set("DUO_TOKEN", Some(&format!("{TOKEN}-expired")));
    let refused = project.run();
    assert_only_first_job_fails(&refused);
    assert!(refused.log.contains("rejected the token (401)"), "{}", refused.log);
    assert!(!refused.log.contains(TOKEN));

    project.set("DUO_TOKEN", None);
    let missing = project.run();
    assert_only_first_job_fails(&missing);
    assert!(missing.log.contains("no token"), "{}", missing.log);
}

#[test]
fn each_input_has_its_documented_effect() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(30, 14);
    let mut project = consumer(
        &bench,
        r#"include:
  - local: component.yml
    inputs:
      job_prefix: "adoption-"
      stage_fetch: collect
      stage_process: compute
      stage_publish: show
      image: registry.example.com/tools/duo-metrics:9
      tags: [small, linux]
      days: 3
      groups: globex,acme
      token_variable: METRICS_TOKEN
      branch: main
      sources: schedule
      schedule_only: true
      publish: false
      needs: [flaky-tests]
      raw_expire_in: 2 hours
      history_expire_in: 90 days
stages: [collect, compute, show]
flaky-tests:
  stage: collect
  script:
    - mkdir -p .duo-metrics/dashboards/flaky-tests
    - echo '<h1>Flaky tests</h1>' > .duo-metrics/dashboards/flaky-tests/index.html
  artifacts:
    paths: [.duo-metrics/dashboards/]
# The site of the project stays its own: the dashboards become a part of it.
pages:
  stage: show
  needs: ["adoption-publish"]
  script:
    - mv public metrics
    - mkdir public
    - mv metrics public/metrics
    - echo '<h1>Ours</h1>' > public/index.html
  pages: true
  artifacts:
    paths: [public]
"#,
    );
    project.set("ENABLE_PROJECT_METRICS", Some("true"));
    project.set("GROUP_PATH", Some("nobody"));
    project.set("DUO_TOKEN", None);
    project.set("METRICS_TOKEN", Some(TOKEN));
    project.set("CI_PIPELINE_SOURCE", Some("web"));
    assert!(!project.jobs().contains(&"adoption-publish".to_owned()), "{:?}", project.jobs());
    project.set("CI_PIPELINE_SOURCE", Some("schedule"));

    let merged = project.merged();
    for (job, stage) in [("fetch-project", "collect"), ("process", "compute"), ("publish", "show")] {
        let job = &merged[format!("adoption-{job}")];
        assert_eq!(job["stage"], stage);
        assert_eq!(job["tags"], json!(["small", "linux"]));
        assert_eq!(job["image"]["name"], "$DUO_METRICS_IMAGE");
        assert_eq!(job["variables"]["DUO_METRICS_IMAGE"], "registry.example.com/tools/duo-metrics:9");
    }
    assert_eq!(merged["adoption-fetch-project"]["variables"]["DUO_METRICS_TOKEN"], "$METRICS_TOKEN");
    assert_eq!(merged["adoption-publish"]["pages"], false);
    assert_eq!(merged["adoption-publish"]["artifacts"]["expire_in"], "90 days");
    assert_eq!(merged["adoption-process"]["artifacts"]["expire_in"], "90 days");
    assert_eq!(merged["adoption-fetch-project"]["artifacts"]["expire_in"], "2 hours");

    let pipeline = project.run();
    assert!(pipeline.passed, "{}", pipeline.log);
    assert!(pipeline.log.contains("merge_requests of globex: 3 days complete"), "{}", pipeline.log);
    assert!(pipeline.log.contains("merge_requests of acme: 3 days complete"), "{}", pipeline.log);
    assert_eq!(site(&project, "adoption-publish"), ["flaky-tests", "index.html", "project-metrics"]);
    let landing = project.artifact("adoption-publish", "public/index.html").expect("the page");
    assert!(landing.contains("./flaky-tests/") && landing.contains("./project-metrics/"));
    assert_eq!(site(&project, "pages"), ["index.html", "metrics"]);
    assert_eq!(project.artifact("pages", "public/index.html").expect("the page"), "<h1>Ours</h1>\n");
    assert!(!pipeline.log.contains(TOKEN));
}

#[test]
fn the_configuration_contains_the_settings_that_only_gitlab_applies() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let mut project = consumer(&bench, MINIMAL).with("ENABLE_DUO_METRICS", "true");
    project.set("ENABLE_PROJECT_METRICS", Some("true"));
    let merged = project.merged();
    let job = |name: &str| &merged[format!("duo-metrics:{name}")];
    for name in ["fetch-duo", "fetch-project", "process", "publish"] {
        assert_eq!(job(name)["retry"]["exit_codes"], json!([75]), "{name}");
        assert_eq!(job(name)["retry"]["max"], 2, "{name}");
        assert_eq!(job(name)["image"]["entrypoint"], json!([""]), "{name}");
        assert_eq!(job(name)["inherit"]["default"], json!(["tags"]), "{name}");
        assert!(job(name)["tags"].is_null(), "{name}");
    }
    for name in ["fetch-duo", "fetch-project"] {
        assert_eq!(job(name)["allow_failure"]["exit_codes"], json!([3, 69]));
        assert_eq!(job(name)["artifacts"]["access"], "developer");
        assert_eq!(job(name)["artifacts"]["expire_in"], "1 day");
        assert_eq!(job(name)["artifacts"]["when"], "always");
        assert_eq!(job(name)["cache"][0]["policy"], "pull");
        assert_eq!(job(name)["dependencies"], json!([]));
    }
    assert_eq!(job("process")["allow_failure"]["exit_codes"], json!([3]));
    assert_eq!(job("process")["artifacts"]["access"], "developer");
    assert_eq!(job("publish")["artifacts"]["access"], "developer");
    assert_eq!(job("process")["artifacts"]["expire_in"], "35 days");
    assert_eq!(job("process")["cache"][0]["policy"], "push");
    assert!(job("process")["needs"].as_array().expect("a list").iter().all(|need| need["optional"] == true));
    // A job that fails does not deploy.
    assert!(job("publish")["allow_failure"].is_null());
    assert_eq!(job("publish")["pages"], true);
    assert_eq!(job("publish")["resource_group"], "duo-metrics");
    assert_eq!(
        job("publish")["artifacts"]["paths"],
        json!(["public", "public"]),
        "neither raw data nor people"
    );
    assert_eq!(
        job("publish")["artifacts"]["reports"],
        json!({"metrics": ".duo-metrics/openmetrics.txt", "annotations": ".duo-metrics/annotations.json"})
    );
    // The two jobs that use one cache do not both write it.
    assert_eq!(job("fetch-duo")["cache"][0]["key"], job("process")["cache"][0]["key"]);
    assert_ne!(job("publish")["cache"][0]["key"], job("process")["cache"][0]["key"]);
}

#[test]
fn both_component_files_have_the_same_inputs_and_use_and_describe_all_of_them() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let component = documents(&root().join("component.yml"));
    let template = documents(&root().join("templates/duo-metrics.yml"));
    assert_eq!(component[0], template[0]);
    assert_eq!(
        read("component.yml").split("\nspec:").nth(1).and_then(|text| text.split("\n---").next()),
        read("templates/duo-metrics.yml").split("\nspec:").nth(1).and_then(|text| text.split("\n---").next()),
        "in the same order"
    );
    let inputs = component[0]["spec"]["inputs"].as_object().expect("inputs");
    let passed = template[1]["include"][0]["inputs"].as_object().expect("inputs");
    assert_eq!(template[1]["include"][0]["local"], "/component.yml");
    assert_eq!(passed.len(), inputs.len());
    let body = component[1].to_string();
    for (name, input) in inputs {
        assert_eq!(passed[name], format!("$[[ inputs.{name} ]]"));
        assert!(body.contains(&format!("$[[ inputs.{name} ]]")), "{name} is used");
        assert!(input["description"].as_str().is_some_and(|text| text.len() > 20), "{name} is described");
        assert!(!input["default"].is_null(), "{name} has a default");
        assert!(input["default"].as_str().is_none_or(|text| !text.contains("$[[")), "{name}");
    }
    let image = inputs["image"]["default"].as_str().expect("text");
    assert!(
        image.starts_with("$CI_REGISTRY/") && image.ends_with(&format!(":{}", env!("CARGO_PKG_VERSION"))),
        "{image}"
    );
    // A component is every `.yml` directly below templates/, or one level down as template.yml.
    let templates: Vec<String> = std::fs::read_dir(root().join("templates"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(templates.iter().filter(|name| name.ends_with(".yml")).count(), 1, "{templates:?}");
    assert!(!root().join("templates/html/template.yml").exists());
}

#[test]
fn inputs_are_never_shell_code_and_no_host_is_hard_coded() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    for (name, job) in documents(&root().join("component.yml"))[1].as_object().expect("jobs") {
        let scripts = ["script", "before_script", "after_script"].map(|field| job[field].to_string());
        assert!(scripts.iter().all(|script| !script.contains("$[[")), "{name}");
    }
    for file in ["component.yml", "templates/duo-metrics.yml"] {
        let text = read(file);
        assert!(!text.contains("://") && !text.contains(".com") && !text.contains(".io"), "{file}");
        assert!(
            !text.contains("$CI_PROJECT_PATH") && !text.contains("$CI_REGISTRY_IMAGE"),
            "of the consumer: {file}"
        );
    }
    // Inputs reach the command unchanged.
    let bench = Bench::new(20, 3);
    let pipeline = "include:\n  - local: component.yml\n    inputs:\n      groups: \"acme'; touch $(echo pwned) `touch pwned`; \\\"\"\n";
    let project = consumer(&bench, pipeline).with("ENABLE_DUO_METRICS", "true");
    let run = project.run();
    assert_only_first_job_fails(&run);
    assert!(run.log.contains("not found or not readable"), "{}", run.log);
}

#[test]
fn the_reference_documents_all_inputs() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let component = documents(&root().join("component.yml"));
    let mut table = String::from("| input | default | meaning |\n|---|---|---|\n");
    let order: Vec<String> = read("component.yml")
        .lines()
        .take_while(|line| *line != "---")
        .filter_map(|line| Some(line.strip_prefix("    ")?.strip_suffix(':')?.to_owned()))
        .collect();
    let inputs: BTreeMap<&String, &Value> =
        component[0]["spec"]["inputs"].as_object().expect("inputs").iter().collect();
    assert_eq!(order.len(), inputs.len());
    for name in &order {
        let input = inputs[name];
        let default = input["default"].as_str().map_or_else(|| input["default"].to_string(), str::to_owned);
        let default = if default.is_empty() { "(empty)".to_owned() } else { format!("`{default}`") };
        // In a Markdown table, `|` ends the cell, even in code.
        let [default, text] =
            [&default, input["description"].as_str().expect("text")].map(|text| text.replace('|', "\\|"));
        table.push_str(&format!("| `{name}` | {default} | {text} |\n"));
    }
    let reference = read("docs/reference.md");
    let (start, end) = ("<!-- inputs of component.yml -->\n", "<!-- end -->");
    let (before, rest) = reference.split_once(start).expect("a place for the table");
    let (there, after) = rest.split_once(end).expect("its end");
    if std::env::var_os("BLESS").is_some() {
        let text = format!("{before}{start}{table}{end}{after}");
        std::fs::write(root().join("docs/reference.md"), text).expect("the document can be written");
    } else {
        assert_eq!(there, table);
    }
}

#[test]
fn earlier_artifacts_are_downloaded_with_the_job_token_or_reported_missing() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    bench.gitlab.keep_artifact("a b:c", "x/y.gz", b"content".to_vec());
    let call = |path: &str, token: Option<&str>| {
        let arguments = ["artifact", "--job", "a b:c", "--path", path, "--output", "got/file"];
        let mut command = bare_command(bench.folder(), &arguments);
        command.env("CI_API_V4_URL", format!("{}/api/v4", bench.gitlab.url())).env("CI_PROJECT_ID", "7");
        command.env("CI_COMMIT_REF_NAME", "feature/x").env("CI_DEFAULT_BRANCH", "main");
        if let Some(token) = token {
            command.env("CI_JOB_TOKEN", token);
        }
        run_command(command, b"")
    };
    let (good, bad) = (format!("{TOKEN}-job"), format!("{TOKEN}-wrong"));
    let none = call("x/none", Some(&good));
    assert_eq!((none.code, bench.path("got/file").exists()), (0, false), "{}", none.stderr);
    assert!(none.stderr.contains("no x/none of a b:c"), "{}", none.stderr);
    let refused = call("x/y.gz", Some(&bad));
    assert_eq!((refused.code, bench.path("got/file").exists()), (3, false), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&bad), "{}", refused.stderr);
    let outside = call("x/y.gz", None);
    assert_eq!((outside.code, bench.path("got/file").exists()), (0, false), "{}", outside.stderr);
    let got = call("x/y.gz", Some(&good));
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert_eq!(std::fs::read(bench.path("got/file")).expect("the file"), b"content");
}

#[test]
fn pipeline_only_settings_are_validated() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let fetch = |name: &str, value: &str| {
        let mut command = bench.command(&["fetch", "--collector", "seats", "--collector", "merge_requests"]);
        command.env(name, value);
        run_command(command, b"")
    };
    for bad in ["0", "-3", "many", "1.5", "4000"] {
        let refused = fetch("DUO_METRICS_DAYS", bad);
        assert!(
            refused.code == 2 && refused.stderr.contains("DUO_METRICS_DAYS"),
            "{bad}: {}",
            refused.stderr
        );
    }
    let three = fetch("DUO_METRICS_DAYS", "3");
    assert!(three.stderr.contains("merge_requests of acme: 3 days complete"), "{}", three.stderr);
    let missing = fetch("DUO_METRICS_CA_FILE", "none.pem");
    assert!(missing.code == 78 && missing.stderr.contains("none.pem"), "{}", missing.stderr);
}
