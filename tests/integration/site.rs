//! The files of the site: dashboards, landing page, and atomic replacement.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::{Bench, CommandResult, TOKEN, files_below, is_compressed, run_command, text_of};

/// The entries of the site, without the compressed copies of its landing page.
fn folders(site: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(site)
        .map(|entries| {
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
        })
        .unwrap_or_default();
    names.retain(|name| !is_compressed(Path::new(name)));
    names.sort();
    names
}

fn run_with(bench: &Bench, duo: Option<&str>, project: Option<&str>) -> CommandResult {
    let mut command = bench.command(&["run", "--since", "2026-10-20"]);
    for (name, value) in [("ENABLE_DUO_METRICS", duo), ("ENABLE_PROJECT_METRICS", project)] {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    run_command(command, b"")
}

#[test]
fn the_two_variables_select_the_dashboards() {
    let both = ["duo-metrics", "index.html", "project-metrics"].as_slice();
    let (duo, project) =
        (["duo-metrics", "index.html"].as_slice(), ["index.html", "project-metrics"].as_slice());
    for (duo_variable, project_variable, expected) in [
        (Some("true"), Some("true"), both),
        (Some("true"), Some("false"), duo),
        (Some("false"), Some("true"), project),
        (Some("true"), None, duo),
        (None, Some("true"), project),
        (None, None, duo),
    ] {
        let bench = Bench::new(60, 14);
        let result = run_with(&bench, duo_variable, project_variable);
        assert_eq!(result.code, 0, "{}", result.stderr);
        assert_eq!(folders(&bench.path("public")), expected, "{duo_variable:?} {project_variable:?}");
        let landing = std::fs::read_to_string(bench.path("public/index.html")).expect("the page");
        for folder in ["duo-metrics", "project-metrics"] {
            assert_eq!(
                landing.contains(&format!("href=\"./{folder}/")),
                expected.contains(&folder),
                "{folder}"
            );
        }
        // Only the requested data was collected.
        let requests: Vec<String> =
            bench.gitlab.requests().into_iter().map(|request| request.operation).collect();
        assert_eq!(requests.iter().any(|name| name == "UsageEvents"), expected.contains(&"duo-metrics"));
        assert_eq!(requests.iter().any(|name| name == "Pipelines"), expected.contains(&"project-metrics"));
    }
    let bench = Bench::new(60, 14);
    let empty = run_with(&bench, Some("false"), Some("false"));
    assert_eq!(empty.code, 2, "{}", empty.stderr);
    assert!(!bench.path("public").exists());
}

#[test]
fn separate_filters_and_run_create_the_same_site() {
    let bench = Bench::new(60, 14);
    let figures =
        bench.aggregate(&bench.normalize(&bench.fetch(&["--duo", "--project", "--since", "2026-10-20"])));
    assert_eq!(bench.pipe(&["dashboard", "--site", "one", "--duo", "--project"], &figures).code, 0);
    assert_eq!(bench.pipe(&["landing", "--site", "one"], &figures).code, 0);
    assert_eq!(bench.run(&["run", "--site", "two", "--duo", "--project", "--since", "2026-10-20"]).code, 0);
    let (one, two) = (files_below(&bench.path("one")), files_below(&bench.path("two")));
    assert_eq!(one.len(), 21);
    for ((one_path, one_content), (two_path, two_content)) in one.iter().zip(&two) {
        assert_eq!(one_path.strip_prefix(bench.path("one")), two_path.strip_prefix(bench.path("two")));
        assert!(one_content == two_content, "{} differs", one_path.display());
    }
    // The site does not depend on the order and repetition of lines.
    let mut lines: Vec<&str> = std::str::from_utf8(&figures).expect("text").lines().collect();
    lines.reverse();
    let reversed = [lines.join("\n"), lines.join("\n")].join("\n");
    assert_eq!(
        bench.pipe(&["dashboard", "--site", "three", "--duo", "--project"], reversed.as_bytes()).code,
        0
    );
    assert!(
        files_below(&bench.path("three/duo-metrics"))
            .iter()
            .zip(files_below(&bench.path("one/duo-metrics")))
            .all(|(three, one)| three.1 == one.1)
    );
}

#[test]
fn the_landing_page_finds_dashboards_and_ignores_other_files() {
    let bench = Bench::new(60, 14);
    assert_eq!(bench.run(&["run", "--since", "2026-10-20"]).code, 0);
    let put = |name: &str, content: &[u8]| {
        let path = bench.path("public").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("written");
    };
    put("flaky-tests/index.html", b"<h1>Flaky tests</h1>");
    put("costs/dashboard.json", br#"{"title":"Cloud <b>costs</b>","headline":[{"label":"Spent","value":"<script>1</script>"}],"url":"javascript:alert(1)"}"#);
    put("broken/dashboard.json", b"{\"title\":");
    put("broken/index.html", b"x");
    put("notes/readme.txt", b"not a dashboard");
    put(".hidden/index.html", b"x");
    put("robots.txt", b"x");
    let result = bench.run(&["landing"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(result.stderr.contains("broken"), "{}", result.stderr);
    let page = std::fs::read_to_string(bench.path("public/index.html")).expect("the page");
    for linked in ["duo-metrics/", "flaky-tests/", "costs/", "broken/"] {
        assert!(page.contains(&format!("href=\"./{linked}")), "{linked}");
    }
    for absent in
        ["href=\"./notes", "href=\"./project-metrics", "hidden/", "<script>1", "<b>costs", "javascript:alert"]
    {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(page.contains("Cloud &lt;b&gt;costs"));
}

#[test]
fn a_landing_page_without_dashboards_has_a_message() {
    let bench = Bench::new(20, 3);
    let result = bench.pipe(&["landing", "--site", "empty"], b"");
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert_eq!(folders(&bench.path("empty")), ["index.html"]);
}

#[test]
fn a_disabled_dashboard_is_removed_and_an_unmentioned_one_stays() {
    let bench = Bench::new(60, 14);
    assert_eq!(run_with(&bench, Some("true"), Some("true")).code, 0);
    assert_eq!(run_with(&bench, None, Some("true")).code, 0);
    assert_eq!(folders(&bench.path("public")), ["duo-metrics", "index.html", "project-metrics"]);
    assert_eq!(run_with(&bench, Some("false"), Some("true")).code, 0);
    assert_eq!(folders(&bench.path("public")), ["index.html", "project-metrics"]);
}

#[test]
fn a_failed_run_leaves_the_site_unchanged() {
    let bench = Bench::new(60, 14);
    assert_eq!(run_with(&bench, Some("true"), Some("true")).code, 0);
    let before = files_below(&bench.path("public"));
    let mut command = bench.command(&["run", "--since", "2026-10-20", "--retries", "0"]);
    command.env("DUO_TOKEN", "wrong");
    assert_eq!(run_command(command, b"").code, 77);
    assert!(before == files_below(&bench.path("public")));
    assert_eq!(bench.pipe(&["dashboard"], b"{\"type\":\"metric\",\"metric\":").code, 65);
    assert!(before == files_below(&bench.path("public")));
}

#[test]
fn a_page_makes_no_requests_and_shows_its_date() {
    let bench = Bench::new(60, 40);
    assert_eq!(bench.run(&["run", "--duo", "--project", "--since", "2026-09-24"]).code, 0);
    for (path, content) in files_below(&bench.path("public")) {
        let text = text_of(&path, &content);
        assert!(!text.contains(&bench.gitlab.url()), "{}", path.display());
        if path.extension().is_some_and(|extension| extension == "html") {
            assert!(
                text.contains("Content-Security-Policy") && text.contains("default-src 'none'"),
                "{}",
                path.display()
            );
            for outside in
                ["src=\"http", "href=\"http", "url(http", "src=\"//", "href=\"//", "@import", "<script src"]
            {
                assert!(!text.contains(outside), "{}: {outside}", path.display());
            }
        }
        if path.ends_with("dashboard.json") {
            let card: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(card["period"], serde_json::json!({"start": "2026-09-24", "end": "2026-10-18"}));
            assert_eq!(card["generated_at"], "2026-11-01T03:00:00Z");
        }
    }
}

#[test]
fn empty_input_does_not_replace_a_site_and_days_without_data_are_reported() {
    let bench = Bench::new(20, 3);
    let empty = bench.pipe(&["dashboard", "--duo", "--project", "--site", "empty"], b"");
    assert_eq!(empty.code, 65, "{}", empty.stderr);
    assert!(!bench.path("empty").exists());
    let mut command = bench.command(&["fetch", "--since", "2026-10-30", "--duo"]);
    command.env("DUO_TOKEN", format!("{TOKEN}-guest"));
    let records = bench.normalize(&run_command(command, b"").stdout);
    let denied = bench.pipe(&["aggregate"], &records);
    let result = bench.pipe(&["dashboard", "--duo", "--site", "empty"], &denied.stdout);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let card = std::fs::read(bench.path("empty/duo-metrics/dashboard.json")).expect("the file");
    let card: Value = serde_json::from_slice(&card).expect("JSON");
    assert_eq!(card["status"], "empty");
}

#[test]
fn foreign_files_are_not_replaced() {
    let bench = Bench::new(60, 14);
    let precious = bench.path("public/duo-metrics/main.rs");
    std::fs::create_dir_all(precious.parent().expect("a folder")).expect("a folder");
    std::fs::write(&precious, "precious").expect("written");
    let result = run_with(&bench, None, None);
    assert_eq!(result.code, 78, "{}", result.stderr);
    assert!(result.stderr.contains("is not replaced"), "{}", result.stderr);
    assert!(bench.gitlab.requests().is_empty(), "detected before the collection");
    assert_eq!(std::fs::read(&precious).expect("it exists"), b"precious");
    std::fs::create_dir(bench.path("folder")).expect("a folder");
    let refused = bench.pipe(&["normalize", "--dead-letter", "folder"], b"");
    assert_eq!(refused.code, 78, "{}", refused.stderr);
}

#[test]
fn rejects_contradicting_metrics() {
    let bench = Bench::new(60, 14);
    let records = bench.normalize(&bench.fetch(&["--since", "2026-10-20", "--jobs", "1"]));
    let all_metrics = bench.aggregate(&records);
    let half: Vec<&str> = std::str::from_utf8(&records)
        .expect("text")
        .lines()
        .filter(|line| !line.contains("2026-10-2"))
        .collect();
    let part = bench.pipe(&["aggregate"], half.join("\n").as_bytes()).stdout;
    let result = bench.pipe(&["dashboard"], &[all_metrics, part].concat());
    assert_eq!(result.code, 65, "{}", result.stderr);
    assert!(result.stderr.contains("have different values"), "{}", result.stderr);
    assert!(!bench.path("public").exists());
}

#[test]
fn a_site_is_replaced_completely_with_compressed_copies() {
    let bench = Bench::new(60, 14);
    for since in ["2026-10-20", "2026-10-25"] {
        assert_eq!(bench.run(&["run", "--since", since]).code, 0);
        let files = files_below(&bench.path("public"));
        for (path, content) in files.iter().filter(|(path, _)| !is_compressed(path)) {
            for extension in ["br", "gz"] {
                let copy = PathBuf::from(format!("{}.{extension}", path.display()));
                let (_, compressed) = files.iter().find(|(path, _)| *path == copy).expect("it has a copy");
                assert!(text_of(&copy, compressed).as_bytes() == content, "{}", copy.display());
            }
        }
    }
    assert_eq!(folders(&bench.path("public")), ["duo-metrics", "index.html"], "no other files");
}

#[test]
fn a_theme_sets_logo_colors_and_texts() {
    let bench = Bench::new(60, 14);
    let put = |name: &str, content: &str| {
        let path = bench.path("theme").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("written");
    };
    put(
        "theme.json",
        r##"{
        "name": "Acme <b>",
        "colours": {"light": {"accent": "#7a1f6b"}},
        "texts": {"duo-metrics": {"title": "Duo at Acme", "summary": "Ask in #duo."}, "landing": {"title": "Acme metrics"}},
        "footer": "Questions: the platform team"
    }"##,
    );
    put("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    let result = bench.run(&["run", "--since", "2026-10-20", "--theme", "theme"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let page = |name: &str| std::fs::read_to_string(bench.path("public").join(name)).expect("a page");
    for name in ["index.html", "duo-metrics/index.html"] {
        let page = page(name);
        let logo = "<img src=\"data:image&#x2f;svg+xml;base64,PHN2";
        for own in [logo, "alt=\"Acme &lt;b&gt;\"", "--accent: #7a1f6b", "Questions: the platform team"] {
            assert!(page.contains(own), "{name} has no {own}");
        }
    }
    assert!(page("duo-metrics/index.html").contains("<h1>Duo at Acme</h1>"));
    assert!(
        page("index.html").contains("<h1>Acme metrics</h1>")
            && page("index.html").contains(">Duo at Acme</a>")
    );
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/theme");
    let result = bench.run(&["landing", "--theme", shipped]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(page("index.html").contains("<h1>Metrics of Acme Engineering</h1>"));
    put("theme.json", r##"{"colours":{"light":{"accent":"#ffee00"}}}"##);
    let pale = bench.run(&["landing", "--theme", "theme"]);
    assert_eq!(pale.code, 78, "{}", pale.stderr);
    assert!(pale.stderr.contains("contrast"), "{}", pale.stderr);
    assert_eq!(bench.run(&["landing", "--theme", "nowhere"]).code, 78);
}

#[test]
fn an_unmentioned_dashboard_is_carried_over_for_35_days_and_marked() {
    let bench = Bench::new(40, 14);
    let figures_of = |topic: &str, now: &str| {
        let mut command = bench.command(&["fetch", topic, "--since", "2026-10-25", "--until", "2026-10-31"]);
        command.env("DUO_METRICS_NOW", now);
        let fetched = run_command(command, b"");
        assert_eq!(fetched.code, 0, "{}", fetched.stderr);
        bench.aggregate(&bench.normalize(&fetched.stdout))
    };
    for (now, folder) in [("2026-11-01T03:00:00Z", "older"), ("2026-11-03T03:00:00Z", "newer")] {
        let created =
            bench.pipe(&["dashboard", "--project", "--site", folder], &figures_of("--project", now));
        assert_eq!(created.code, 0, "{}", created.stderr);
    }
    let make = |site: &str, now: &str, more: &[&str]| {
        let arguments =
            ["dashboard", "--duo", "--site", site, "--carry-over", "newer", "--carry-over", "older"];
        let all = [arguments.as_slice(), &["--carry-over", "none"], more].concat();
        let result = bench.pipe(&all, &figures_of("--duo", now));
        assert_eq!(result.code, 0, "{}", result.stderr);
        result.stderr
    };
    make("public", "2026-12-08T03:00:00Z", &[]);
    let card = |path: &str| -> Value {
        serde_json::from_slice(&std::fs::read(bench.path(path)).expect("the file")).expect("JSON")
    };
    let mut carried = card("public/project-metrics/dashboard.json");
    assert_eq!(carried["carried_over"], true);
    assert_eq!(carried["generated_at"], "2026-11-03T03:00:00Z", "the newest counts");
    carried["carried_over"] = false.into();
    assert_eq!(carried, card("newer/project-metrics/dashboard.json"));
    for file in ["index.html", "metrics.csv", "index.html.br", "metrics.csv.gz"] {
        let content =
            |site: &str| std::fs::read(bench.path(site).join("project-metrics").join(file)).expect("it");
        assert!(content("public") == content("newer"), "{file}");
    }
    assert_eq!(bench.pipe(&["landing"], b"").code, 0);
    let landing = std::fs::read_to_string(bench.path("public/index.html")).expect("the page");
    assert!(landing.contains("From an earlier run"));

    make("off", "2026-12-08T03:00:00Z", &["--no-project"]);
    assert_eq!(folders(&bench.path("off")), ["duo-metrics"]);
    let late = make("late", "2026-12-08T03:00:01Z", &[]);
    assert_eq!(folders(&bench.path("late")), ["duo-metrics"]);
    assert!(late.contains("too old to carry over"), "{late}");
    // A new dashboard is not replaced by the earlier one.
    let both = figures_of("--duo", "2026-11-04T03:00:00Z");
    let created =
        bench.pipe(&["dashboard", "--duo", "--project", "--site", "both", "--carry-over", "newer"], &both);
    assert_eq!(created.code, 0, "{}", created.stderr);
    assert_eq!(card("both/project-metrics/dashboard.json")["carried_over"], false);
}
