//! The history in the package registry of a project: it outlives caches, artifacts and pipelines
//! without the jobs.

use std::path::Path;

use stand_in::Registry;

use crate::bench::{Bench, CommandResult, TOKEN, bare_command, compressed, decompressed, run_command};
use crate::component::{MINIMAL, consumer, dashboard_json, jobs, start};
use crate::leaks::assert_no_leaks;
use crate::pipelines::{KEY, Project};
use crate::tools::{Tool, are_available};

/// The first of 21 days.
const FIRST_DAY: &str = "2026-10-11";

const HISTORY: &str = "history.jsonl.gz";

/// A project with the component and a pseudonym key, that collects 21 days.
fn project<'a>(bench: &'a Bench) -> Project<'a> {
    consumer(bench, MINIMAL)
        .with("ENABLE_DUO_METRICS", "true")
        .with("DUO_METRICS_PSEUDONYM_KEY", KEY)
        .with("DUO_METRICS_UNTIL", "2026-10-31")
        .with("DUO_METRICS_DAYS", "21")
}

/// Moves on to a later pipeline, before which the runner lost its caches and another pipeline
/// succeeded.
fn next(bench: &Bench, project: &mut Project<'_>, day: &str) {
    project.lose_caches();
    bench.gitlab.lose_artifacts();
    project.set("DUO_METRICS_NOW", Some(&format!("{day}T03:00:00Z")));
    project.set("DUO_METRICS_DAYS", Some("7"));
}

#[test]
fn without_caches_and_artifacts_the_history_comes_from_the_package_registry() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 21);
    let mut project = project(&bench);
    let first = project.run();
    assert!(first.passed && first.jobs.values().all(|status| status == "PASS"), "{}", first.log);
    assert!(first.log.contains("the history is empty: this is the first run"), "{}", first.log);
    assert_eq!(start(&project, "duo-metrics"), FIRST_DAY);
    assert_no_leaks(&project, &first);

    next(&bench, &mut project, "2026-11-20");
    // GitLab.com redirects downloads of packages.
    bench.gitlab.set_registry(Registry::ObjectStorage);
    let before = bench.gitlab.requests().len();
    let second = project.run();
    assert!(second.passed && second.jobs.values().all(|status| status == "PASS"), "{}", second.log);
    assert!(second.log.contains("got the copy from the package registry"), "{}", second.log);
    assert!(!second.log.contains("first run") && !second.log.contains("lost"), "{}", second.log);
    assert_eq!(start(&project, "duo-metrics"), FIRST_DAY, "earlier days are reported too");
    let requests = &bench.gitlab.requests()[before..];
    let from_storage: Vec<u16> = requests
        .iter()
        .filter(|request| request.operation == "storage")
        .map(|request| request.status)
        .collect();
    assert!(!from_storage.is_empty() && from_storage.iter().all(|status| *status == 200), "{from_storage:?}");
    assert!(!second.log.contains("Signature"), "{}", second.log);
    assert_no_leaks(&project, &second);
}

#[test]
fn a_lost_history_is_no_first_run_and_the_page_reports_it() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 21);
    let mut project = project(&bench);
    assert!(project.run().passed);
    next(&bench, &mut project, "2026-11-20");
    bench.gitlab.delete_package_files(HISTORY);
    let lost = project.run();
    assert_eq!(
        jobs(&lost),
        [("duo-metrics:fetch-duo", "WARN"), ("duo-metrics:process", "PASS"), ("duo-metrics:publish", "PASS")],
        "{}",
        lost.log
    );
    assert!(lost.log.contains("the history is lost") && !lost.log.contains("first run"), "{}", lost.log);
    let sentence = "The stored history was lost before Fri 20 Nov 2026";
    let page = || project.artifact("duo-metrics:publish", "public/duo-metrics/index.html").expect("the page");
    assert!(page().contains(sentence));

    next(&bench, &mut project, "2026-11-21");
    let later = project.run();
    assert!(later.jobs.values().all(|status| status == "PASS"), "{}", later.log);
    let page = project.artifact("duo-metrics:publish", "public/duo-metrics/index.html").expect("the page");
    assert!(page.contains(sentence), "the earlier days are still missing");
    assert_eq!(dashboard_json(&project, "duo-metrics")["carried_over"], false);
}

#[test]
fn without_a_package_registry_cache_and_artifact_keep_the_history_and_the_log_says_so_once() {
    if !are_available(&[Tool::GitlabCiLocal]) {
        return;
    }
    let bench = Bench::new(20, 21);
    let mut project = project(&bench);
    for (registry, day) in [(Registry::TurnedOff, "2026-11-01"), (Registry::Forbidden, "2026-11-02")] {
        bench.gitlab.set_registry(registry);
        project.set("DUO_METRICS_NOW", Some(&format!("{day}T03:00:00Z")));
        let run = project.run();
        assert!(run.passed && run.jobs.values().all(|status| status == "PASS"), "{}", run.log);
        assert_eq!(run.log.matches("the package registry is not available").count(), 1, "{}", run.log);
        assert_eq!(start(&project, "duo-metrics"), FIRST_DAY);
        project.set("DUO_METRICS_DAYS", Some("7"));
    }
    project.set("DUO_METRICS_NOW", Some("2026-11-03T03:00:00Z"));
    project.keep(&["duo-metrics:process"]);
    project.lose_caches();
    let from_artifact = project.run();
    assert!(from_artifact.log.contains("got .duo-metrics/history.jsonl.gz"), "{}", from_artifact.log);
    assert_eq!(start(&project, "duo-metrics"), FIRST_DAY);

    // Everyone can read the packages of a public project.
    bench.gitlab.set_registry(Registry::Available);
    project.set("CI_PROJECT_VISIBILITY", Some("internal"));
    project.set("DUO_METRICS_NOW", Some("2026-11-04T03:00:00Z"));
    let internal = project.run();
    assert!(internal.log.contains("the history is not stored in the package registry"), "{}", internal.log);
    assert!(bench.gitlab.package_files().is_empty());
}

/// A command in a job of the project 7.
fn in_job(bench: &Bench, arguments: &[&str], token: &str) -> CommandResult {
    let mut command = bare_command(bench.folder(), arguments);
    command.env("CI_API_V4_URL", format!("{}/api/v4", bench.gitlab.url())).env("CI_PROJECT_ID", "7");
    command.env("CI_JOB_TOKEN", token).env("CI_COMMIT_REF_NAME", "main").env("CI_DEFAULT_BRANCH", "main");
    command.env("DUO_METRICS_NOW", "2026-11-01T03:00:00Z");
    run_command(command, b"")
}

/// Adds these days to a history, as fetched at this time.
fn collect(bench: &Bench, history: &str, since: &str, until: &str, now: &str) {
    let arguments = ["fetch", "--collector", "usage_events", "--since", since, "--until", until];
    let mut command = bench.command(&arguments);
    command.env("DUO_METRICS_NOW", now);
    let records = bench.normalize(&run_command(command, b"").stdout);
    let kept = bench.pipe(&["aggregate", "--history", history], &records);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
}

/// The first day, last day, and files of a history.
fn content(bench: &Bench, history: &str) -> String {
    let listed = bench.run(&["history", "list", "--history", history]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    String::from_utf8(listed.stdout).expect("text")
}

#[test]
fn pipelines_that_store_at_the_same_time_lose_nothing() {
    let bench = Bench::new(20, 20);
    let token = format!("{TOKEN}-job");
    for (number, history) in ["a", "b", "c"].into_iter().enumerate() {
        let days = (format!("2026-10-2{number}"), format!("2026-10-2{}", number + 2));
        collect(&bench, history, &days.0, &days.1, "2026-11-01T03:00:00Z");
    }
    std::thread::scope(|scope| {
        for history in ["a", "b", "c"] {
            let (bench, token) = (&bench, &token);
            scope.spawn(move || {
                let pushed = in_job(bench, &["history", "push", "--history", history], token);
                assert_eq!(pushed.code, 0, "{}", pushed.stderr);
            });
        }
    });
    // The job of the component runs one at a time; what another one stored meanwhile stays anyway.
    for history in ["a", "b", "c"] {
        assert_eq!(in_job(&bench, &["history", "push", "--history", history], &token).code, 0);
    }
    let pulled = in_job(&bench, &["history", "pull", "--history", "all"], &token);
    assert_eq!(pulled.code, 0, "{}", pulled.stderr);
    assert!(
        content(&bench, "all").contains("2026-10-20 to 2026-10-24, 5 days"),
        "{}",
        content(&bench, "all")
    );

    // A newer fetch of a day replaces an older one, and never the other way round.
    collect(&bench, "newer", "2026-10-20", "2026-10-20", "2026-11-20T03:00:00Z");
    let push = |history| in_job(&bench, &["history", "push", "--history", history], &token);
    assert_eq!((push("newer").code, push("a").code), (0, 0));
    let pulled = in_job(&bench, &["history", "pull", "--history", "result"], &token);
    assert_eq!(pulled.code, 0, "{}", pulled.stderr);
    let fetched = std::fs::read_dir(bench.path("result/usage_events")).expect("files");
    let first = fetched
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.to_string_lossy().contains("2026-10-20"))
        .expect("the day");
    assert!(unpacked(&first).contains("2026-11-20T03:00:00Z"));
}

fn text(packed: &[u8]) -> String {
    String::from_utf8(decompressed(packed)).expect("text")
}

fn unpacked(path: &Path) -> String {
    text(&std::fs::read(path).expect("a file"))
}

#[test]
fn a_damaged_copy_is_reported_and_a_registry_that_is_down_stops_the_job() {
    let bench = Bench::new(20, 20);
    let token = format!("{TOKEN}-job");
    collect(&bench, "kept", "2026-10-20", "2026-10-22", "2026-11-01T03:00:00Z");
    let pushed = in_job(&bench, &["history", "push", "--history", "kept"], &token);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let again = in_job(&bench, &["history", "push", "--history", "kept"], &token);
    assert!(again.stderr.contains("up to date"), "{}", again.stderr);

    let stored = bench.gitlab.package_files();
    let (path, copy) = stored.iter().find(|(path, _)| path.ends_with(HISTORY)).expect("the copy");
    bench.gitlab.store_package_file("7", path, copy[..copy.len() / 2].to_vec());
    let damaged = in_job(&bench, &["history", "pull", "--history", "empty"], &token);
    assert!(damaged.code == 3 && damaged.stderr.contains("the history is lost"), "{}", damaged.stderr);
    // The runner's cache still has everything, and the next push repairs the copy.
    let cached = in_job(&bench, &["history", "pull", "--history", "kept"], &token);
    assert!(cached.code == 3 && !cached.stderr.contains("the history is lost"), "{}", cached.stderr);
    in_job(&bench, &["history", "push", "--history", "kept"], &token);
    let repaired = in_job(&bench, &["history", "pull", "--history", "repaired"], &token);
    assert_eq!(repaired.code, 0, "{}", repaired.stderr);

    let bad = format!("{TOKEN}-wrong");
    let refused = in_job(&bench, &["history", "pull", "--history", "other"], &bad);
    assert!(refused.code == 0 && refused.stderr.contains("not available"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&bad), "{}", refused.stderr);
    bench.gitlab.set_registry(Registry::NoDuplicates);
    collect(&bench, "kept", "2026-10-25", "2026-10-25", "2026-11-01T03:00:00Z");
    let duplicate = in_job(&bench, &["history", "push", "--history", "kept"], &token);
    assert!(duplicate.code == 0 && duplicate.stderr.contains("Duplicate package"), "{}", duplicate.stderr);
    // The last artifact has what the registry refused.
    let exported = bench.run(&["history", "export", "--history", "kept"]);
    bench.gitlab.keep_artifact("process", "history.gz", exported.stdout.clone());
    let from_artifact = ["--job", "process", "--path", "history.gz"];
    let pull = [&["history", "pull", "--history", "later"], &from_artifact[..]].concat();
    assert_eq!(in_job(&bench, &pull, &token).code, 0);
    assert_eq!(content(&bench, "later"), content(&bench, "kept"));

    // A newer version stored it: an older one neither loses nor replaces anything.
    bench.gitlab.set_registry(Registry::Available);
    let newer = compressed(text(&exported.stdout).replace("\"version\":", "\"version\":9").as_bytes());
    bench.gitlab.store_package_file("7", path, newer.clone());
    for command in ["pull", "push"] {
        let refused = in_job(&bench, &["history", command, "--history", "kept"], &token);
        assert!(refused.code == 78 && refused.stderr.contains("update duo-metrics"), "{}", refused.stderr);
    }
    let stored = bench.gitlab.package_files();
    assert!(stored.iter().any(|(name, copy)| name.ends_with(path) && *copy == newer));

    bench.gitlab.set_registry(Registry::Forbidden);
    let earlier = ["artifact", "--job", "publish", "--path", "x", "--package", "x", "--output", "got"];
    let refused = in_job(&bench, &earlier, &token);
    assert!(refused.code == 0 && refused.stderr.contains("cannot get x"), "{}", refused.stderr);
    bench.gitlab.set_registry(Registry::Down);
    let down = in_job(&bench, &["history", "pull", "--history", "other"], &token);
    assert_eq!(down.code, 75, "{}", down.stderr);
}
