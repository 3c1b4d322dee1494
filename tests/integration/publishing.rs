//! The site of a consumer's project: what the publish job carries over, and what it never replaces.

use crate::bench::{Bench, TOKEN};
use crate::component::{MINIMAL, consumer, dashboard_json, jobs, site};
use crate::pipelines::{KEY, Project};
use crate::tools::{Tool, are_available};

const PUBLISH: &str = "duo-metrics:publish";

fn include(inputs: &str) -> String {
    format!("include:\n  - local: component.yml\n    inputs:\n      {inputs}\n")
}

fn quick<'a>(bench: &'a Bench, name: &str, pipeline: &str) -> Project<'a> {
    Project::new(bench, name, pipeline).with("ENABLE_DUO_METRICS", "true").with("DUO_METRICS_DAYS", "3")
}

#[test]
fn a_refused_carry_over_stops_before_the_deployment() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let mut project = consumer(&bench, MINIMAL).with("DUO_METRICS_DAYS", "3");
    project.set("ENABLE_DUO_METRICS", Some("true"));
    project.set("ENABLE_PROJECT_METRICS", Some("true"));
    assert!(project.run().passed);
    project.keep(&["duo-metrics:process", PUBLISH]);
    project.set("ENABLE_PROJECT_METRICS", None);
    for status in [403, 503] {
        project.lose_caches();
        bench.gitlab.refuse_artifacts(status);
        let refused = project.run();
        assert_eq!(refused.jobs[PUBLISH], "FAIL", "{status}: {}", refused.log);
        let sentence = "the earlier dashboard project-metrics cannot be carried over; set ENABLE_PROJECT_METRICS to false";
        assert!(refused.log.contains(sentence), "{}", refused.log);
    }
    bench.gitlab.refuse_artifacts(200);
    let carried = project.run();
    assert!(carried.passed, "{}", carried.log);
    assert_eq!(dashboard_json(&project, "project-metrics")["carried_over"], true);
    // From the cache, although the artifact is refused.
    bench.gitlab.refuse_artifacts(403);
    assert!(project.run().passed);
    assert_eq!(site(&project, PUBLISH), ["duo-metrics", "index.html", "project-metrics"]);
    project.set("ENABLE_PROJECT_METRICS", Some("false"));
    assert!(project.run().passed);
    assert_eq!(site(&project, PUBLISH), ["duo-metrics", "index.html"]);
}

#[test]
fn a_dashboard_of_another_schedule_outlives_cache_and_artifact() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let mut project = consumer(&bench, MINIMAL).with("DUO_METRICS_DAYS", "3");
    project.set("ENABLE_PROJECT_METRICS", Some("true"));
    assert!(project.run().passed);
    // No cache, and the last successful pipeline has none of these jobs.
    project.lose_caches();
    project.set("ENABLE_PROJECT_METRICS", None);
    project.set("ENABLE_DUO_METRICS", Some("true"));
    let run = project.run();
    assert!(run.passed, "{}", run.log);
    assert_eq!(site(&project, PUBLISH), ["duo-metrics", "index.html", "project-metrics"]);
    assert_eq!(dashboard_json(&project, "project-metrics")["carried_over"], true);
}

#[test]
fn the_site_of_the_project_is_never_replaced() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let project = quick(&bench, "own-site", MINIMAL);
    project.commit("public/index.html", b"<h1>Ours</h1>\n");
    let stopped = project.run();
    assert_eq!(stopped.jobs[PUBLISH], "FAIL", "{}", stopped.log);
    for word in ["public already exists", "input folder", "publish: false"] {
        assert!(stopped.log.contains(word), "{}", stopped.log);
    }
    let below = quick(&bench, "below", &include("folder: public/duo"));
    below.commit("public/index.html", b"<h1>Ours</h1>\n");
    let run = below.run();
    assert!(run.passed, "{}", run.log);
    assert_eq!(below.artifact(PUBLISH, "public/index.html").expect("the page"), "<h1>Ours</h1>\n");
    assert!(below.artifact(PUBLISH, "public/duo/duo-metrics/index.html").is_some());
}

#[test]
fn a_pages_job_of_the_project_and_a_public_project_stop_the_job() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 3);
    let pages = "ours:\n  stage: deploy\n  script: [mkdir -p public]\n  pages: true\n  artifacts:\n    paths: [public]\n";
    let own_job = quick(&bench, "own-job", &format!("{MINIMAL}{pages}")).run();
    assert_eq!(own_job.jobs[PUBLISH], "FAIL", "{}", own_job.log);
    assert!(own_job.log.contains("its own Pages job") && own_job.log.contains("publish: false"));

    let mut public = quick(&bench, "public", MINIMAL).with("CI_PROJECT_VISIBILITY", "public");
    let stopped = public.run();
    assert_eq!(stopped.jobs[PUBLISH], "FAIL", "{}", stopped.log);
    assert!(stopped.log.contains("allow_public_site: true"), "{}", stopped.log);
    public.set("DUO_METRICS_ALLOW_PUBLIC_SITE", Some("true"));
    assert!(public.run().passed);
}

#[test]
fn seats_that_the_token_no_longer_sees_do_not_make_pipelines_orange() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(40, 20);
    let mut project = quick(&bench, "seats", MINIMAL).with("DUO_METRICS_PSEUDONYM_KEY", KEY);
    let owner = project.run();
    assert!(owner.jobs.values().all(|status| status == "PASS"), "{}", owner.log);
    project.set("DUO_TOKEN", Some(&format!("{TOKEN}-reporter")));
    for day in ["2026-11-02", "2026-11-03"] {
        project.set("DUO_METRICS_NOW", Some(&format!("{day}T03:00:00Z")));
        let reporter = project.run();
        assert_eq!(
            jobs(&reporter),
            ["duo-metrics:fetch-duo", "duo-metrics:process", PUBLISH].map(|job| (job, "PASS")),
            "{}",
            reporter.log
        );
    }
    let page = project.artifact(PUBLISH, "public/duo-metrics/index.html").expect("the page");
    assert!(page.contains("Missing optional sources") && page.contains("seats"));
}
