//! Own files and thresholds in the jobs of the component, and variables with odd values.

use serde_json::json;

use crate::bench::{Bench, TOKEN, lines_of};
use crate::leaks::assert_no_leaks;
use crate::pipelines::{KEY, Project, read};
use crate::tools::{Tool, are_available};

const PROCESS: &str = "duo-metrics:process";
const PUBLISH: &str = "duo-metrics:publish";

#[test]
fn own_files_and_thresholds_reach_the_commands() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(40, 14);
    let pipeline = "include:
  - local: templates/duo-metrics.yml
    inputs:
      days: 7
      checkout: fetch
      collector_files: own files/tool_calls.graphql
      maps: own files/tool_calls.map.json
      teams: own files/teams.csv
      theme: own files/theme
      small_group: \"3\"
      regular_from: \"2\"
      heavy_from: \"3\"
";
    let mut project = Project::new(&bench, "own-files", pipeline).with("ENABLE_DUO_METRICS", "true");
    project.set("ENABLE_PROJECT_METRICS", Some("true"));
    project.set("DUO_METRICS_PSEUDONYM_KEY", Some(KEY));
    project.set("DUO_METRICS_OUTPUT_DIR", Some("responses/raw"));
    for name in ["tool_calls.graphql", "tool_calls.map.json"] {
        project
            .commit(&format!("own files/{name}"), read(&format!("examples/own-collector/{name}")).as_bytes());
    }
    project.commit("own files/theme/theme.json", read("examples/theme/theme.json").as_bytes());
    let people = &bench.gitlab.organization().people;
    let rows: String = people[..20].iter().map(|person| format!("{},Blue\n", person.gid())).collect();
    project.commit("own files/teams.csv", format!("user,team\n{rows}").as_bytes());
    let run = project.run();
    assert!(run.passed && run.jobs.values().all(|status| status == "PASS"), "{}", run.log);

    let raw = |job: &str| project.artifacts(job).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let has = |job: &str, name: &str| raw(job).iter().any(|path| path.ends_with(name));
    assert!(raw("duo-metrics:fetch-duo").iter().any(|path| path.starts_with("responses/raw/")));
    assert!(has("duo-metrics:fetch-duo", "tool_calls.jsonl"));
    assert!(!has("duo-metrics:fetch-project", "tool_calls.jsonl"), "custom collectors run once");
    let metrics = project.artifact(PROCESS, ".duo-metrics/metrics.jsonl").expect("the metrics");
    let metrics = lines_of(metrics.as_bytes(), "metric");
    assert!(metrics.iter().any(|line| line["by"]["team"] == "Blue"), "the teams of the file");
    assert!(metrics.iter().any(|line| line["metric"] == "events.count" && line["by"]["feature"] == "tools"));
    let page = project.artifact(PUBLISH, "public/duo-metrics/index.html").expect("the page");
    assert!(page.contains("GitLab Duo at Acme"), "the theme");
    assert!(page.contains("fewer than 3 people"), "the smallest number of people");
    assert_no_leaks(&project, &run);
}

#[test]
fn named_collectors_run_once_each_in_the_job_of_their_dashboard() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let pipeline = "include:\n  - local: component.yml\n    inputs:\n      days: 3\n      checkout: fetch\n      collectors: usage_events, merge_requests,seats\n";
    let mut project = Project::new(&bench, "named", pipeline).with("ENABLE_DUO_METRICS", "true");
    project.set("ENABLE_PROJECT_METRICS", Some("true"));
    let run = project.run();
    assert!(run.passed && run.jobs.values().all(|status| status == "PASS"), "{}", run.log);
    let files = |project: &Project<'_>, job: &str| {
        let paths = project.artifacts(job).into_iter().map(|(path, _)| path);
        let names =
            paths.filter_map(|path| Some(path.strip_suffix(".jsonl")?.rsplit('/').next()?.to_owned()));
        names.collect::<Vec<_>>()
    };
    assert_eq!(files(&project, "duo-metrics:fetch-duo"), ["seats", "usage_events"]);
    assert_eq!(files(&project, "duo-metrics:fetch-project"), ["merge_requests"]);

    project.set("DUO_METRICS_COLLECTORS", Some("usage_events"));
    let none = project.run();
    assert!(none.passed && none.log.contains("none of the named collectors"), "{}", none.log);

    // Custom collectors run in a job that has any.
    project.commit("tool_calls.graphql", read("examples/own-collector/tool_calls.graphql").as_bytes());
    project.set("DUO_METRICS_COLLECTOR_FILES", Some("tool_calls.graphql"));
    project.set("DUO_METRICS_COLLECTORS", Some("merge_requests"));
    let log = project.run().log;
    assert_eq!(files(&project, "duo-metrics:fetch-project"), ["merge_requests", "tool_calls"], "{log}");
    project.set("ENABLE_PROJECT_METRICS", None);
    let nowhere = project.run();
    assert_eq!(nowhere.jobs["duo-metrics:fetch-duo"], "FAIL", "{}", nowhere.log);
    assert!(nowhere.log.contains("name one that does"), "{}", nowhere.log);

    // The list in the component is that of the program.
    let reference = read("docs/reference.md");
    let of_project = reference.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let name = cells.next()?.trim_matches('`').to_owned();
        (cells.next()? == "project").then_some(name)
    });
    let listed = of_project.collect::<Vec<_>>().join(" | ");
    assert!(read("component.yml").contains(&format!("{listed}) is_project=true")), "{listed}");
}

#[test]
fn odd_values_of_variables_are_data_and_unset_ones_do_not_count() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let include = "include:\n  - local: component.yml\n    inputs:\n      days: 3\n";
    let mut project = Project::new(&bench, "odd", include).with("ENABLE_DUO_METRICS", "true");
    project.set("GROUP_PATH", Some(" acme , acme "));
    // gitlab-ci-local makes nothing of the name of an unset variable, and `$` of `$$`.
    for name in
        ["THEME", "MAPS", "COLLECTORS", "COLLECTOR_FILES", "TEAMS", "PRICES", "REGULAR_FROM", "SMALL_GROUP"]
    {
        project.set(&format!("DUO_METRICS_{name}"), Some("$$NOT_SET_ANYWHERE"));
    }
    let unset = project.run();
    assert!(unset.passed && unset.jobs.values().all(|status| status == "PASS"), "{}", unset.log);
    assert!(!unset.log.contains("NOT_SET_ANYWHERE"), "{}", unset.log);

    for name in ["THEME", "MAPS", "COLLECTORS", "TEAMS", "PRICES", "REGULAR_FROM", "SMALL_GROUP"] {
        project.set(&format!("DUO_METRICS_{name}"), None);
    }
    for odd in ["it's; touch pwned", "a\"b $(touch pwned) `touch pwned`", "* ?"] {
        project.set("DUO_METRICS_COLLECTOR_FILES", Some(odd));
        let refused = project.run();
        assert_eq!(refused.jobs["duo-metrics:fetch-duo"], "FAIL", "{odd}: {}", refused.log);
        assert!(!project.exists("pwned") && !refused.log.contains(TOKEN), "{odd}");
    }
    project.set("DUO_METRICS_COLLECTOR_FILES", None);
    for outside in ["/tmp/raw", "../raw"] {
        project.set("DUO_METRICS_OUTPUT_DIR", Some(outside));
        let refused = project.run();
        assert!(refused.log.contains("must be a folder in the project"), "{outside}: {}", refused.log);
    }
}

#[test]
fn the_token_is_a_variable_of_the_fetch_jobs_and_only_publish_checks_out_the_project() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let mut project = Project::new(&bench, "jobs", "include:\n  - local: component.yml\n");
    project.set("ENABLE_DUO_METRICS", Some("true"));
    project.set("ENABLE_PROJECT_METRICS", Some("true"));
    let merged = project.merged();
    for (job, strategy, has_token) in [
        ("fetch-duo", "none", true),
        ("fetch-project", "none", true),
        ("process", "none", false),
        ("publish", "fetch", false),
    ] {
        let variables = &merged[format!("duo-metrics:{job}")]["variables"];
        assert_eq!(variables["GIT_STRATEGY"], strategy, "{job}");
        assert_eq!(variables["DUO_METRICS_TOKEN"].is_string(), has_token, "{job}");
        assert!(has_token || !variables.to_string().contains("TOKEN"), "{job}");
    }
    assert_eq!(merged["duo-metrics:process"]["resource_group"], json!("duo-metrics-history"));
}
