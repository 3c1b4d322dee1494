//! The site as files: which dashboards are there, what the landing page finds, and that nothing is left half done.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::{Bench, Done, TOKEN, done, files_below, is_compressed, text_of};

/// What is in the site, but for the compressed copies of its first page.
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

fn run_with(bench: &Bench, duo: Option<&str>, project: Option<&str>) -> Done {
    let mut command = bench.command(&["run", "--since", "2026-10-20"]);
    for (name, value) in [("ENABLE_DUO_METRICS", duo), ("ENABLE_PROJECT_METRICS", project)] {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    done(command, b"")
}

#[test]
fn the_four_combinations_of_the_two_variables_give_the_right_sites() {
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
        // Only what was asked for was collected.
        let asked: Vec<String> =
            bench.gitlab.requests().into_iter().map(|request| request.operation).collect();
        assert_eq!(asked.iter().any(|name| name == "UsageEvents"), expected.contains(&"duo-metrics"));
        assert_eq!(asked.iter().any(|name| name == "Pipelines"), expected.contains(&"project-metrics"));
    }
    let bench = Bench::new(60, 14);
    let nothing = run_with(&bench, Some("false"), Some("false"));
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
    assert!(!bench.path("public").exists());
}

#[test]
fn the_filters_and_run_make_the_same_site() {
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
    // Neither order nor repetition of the lines shows in the site.
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
fn the_landing_page_finds_what_is_there_and_survives_what_is_not_a_dashboard() {
    let bench = Bench::new(60, 14);
    assert_eq!(bench.run(&["run", "--since", "2026-10-20"]).code, 0);
    let put = |name: &str, content: &[u8]| {
        let path = bench.path("public").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
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
fn a_landing_page_without_any_dashboard_says_so() {
    let bench = Bench::new(20, 3);
    let result = bench.pipe(&["landing", "--site", "empty"], b"");
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert_eq!(folders(&bench.path("empty")), ["index.html"]);
}

#[test]
fn a_dashboard_that_was_switched_off_goes_and_one_nobody_spoke_of_stays() {
    let bench = Bench::new(60, 14);
    assert_eq!(run_with(&bench, Some("true"), Some("true")).code, 0);
    assert_eq!(run_with(&bench, None, Some("true")).code, 0);
    assert_eq!(folders(&bench.path("public")), ["duo-metrics", "index.html", "project-metrics"]);
    assert_eq!(run_with(&bench, Some("false"), Some("true")).code, 0);
    assert_eq!(folders(&bench.path("public")), ["index.html", "project-metrics"]);
}

#[test]
fn a_run_that_fails_leaves_the_site_as_it_was() {
    let bench = Bench::new(60, 14);
    assert_eq!(run_with(&bench, Some("true"), Some("true")).code, 0);
    let before = files_below(&bench.path("public"));
    let mut command = bench.command(&["run", "--since", "2026-10-20", "--retries", "0"]);
    command.env("DUO_TOKEN", "wrong");
    assert_eq!(done(command, b"").code, 77);
    assert!(before == files_below(&bench.path("public")));
    assert_eq!(bench.pipe(&["dashboard"], b"{\"type\":\"metric\",\"metric\":").code, 65);
    assert!(before == files_below(&bench.path("public")));
}

#[test]
fn a_page_asks_nobody_for_anything_and_says_of_when_it_is() {
    let bench = Bench::new(60, 14);
    assert_eq!(run_with(&bench, Some("true"), Some("true")).code, 0);
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
            assert_eq!(card["period"], serde_json::json!({"start": "2026-10-20", "end": "2026-10-31"}));
            assert_eq!(card["generated_at"], "2026-11-01T03:00:00Z");
        }
    }
}

#[test]
fn nothing_at_all_does_not_replace_a_site_and_days_without_figures_make_a_page_that_says_so() {
    let bench = Bench::new(20, 3);
    let nothing = bench.pipe(&["dashboard", "--duo", "--project", "--site", "empty"], b"");
    assert_eq!(nothing.code, 65, "{}", nothing.stderr);
    assert!(!bench.path("empty").exists());
    let mut command = bench.command(&["fetch", "--since", "2026-10-30", "--duo"]);
    command.env("DUO_TOKEN", format!("{TOKEN}-guest"));
    let denied = bench.pipe(&["aggregate"], &done(command, b"").stdout);
    let result = bench.pipe(&["dashboard", "--duo", "--site", "empty"], &denied.stdout);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let card = std::fs::read(bench.path("empty/duo-metrics/dashboard.json")).expect("the file");
    let card: Value = serde_json::from_slice(&card).expect("JSON");
    assert_eq!(card["status"], "empty");
}

#[test]
fn what_is_not_ours_is_not_replaced() {
    let bench = Bench::new(60, 14);
    let precious = bench.path("public/duo-metrics/main.rs");
    std::fs::create_dir_all(precious.parent().expect("a folder")).expect("made");
    std::fs::write(&precious, "precious").expect("written");
    let result = run_with(&bench, None, None);
    assert_eq!(result.code, 78, "{}", result.stderr);
    assert!(result.stderr.contains("is not replaced"), "{}", result.stderr);
    assert!(bench.gitlab.requests().is_empty(), "that is found before anything is collected");
    assert_eq!(std::fs::read(&precious).expect("it is there"), b"precious");
    std::fs::create_dir(bench.path("folder")).expect("made");
    let refused = bench.pipe(&["normalize", "--dead-letter", "folder"], b"");
    assert_eq!(refused.code, 78, "{}", refused.stderr);
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let bench = Bench::new(60, 14);
    let records = bench.normalize(&bench.fetch(&["--since", "2026-10-20", "--jobs", "1"]));
    let whole = bench.aggregate(&records);
    let half: Vec<&str> = std::str::from_utf8(&records)
        .expect("text")
        .lines()
        .filter(|line| !line.contains("2026-10-2"))
        .collect();
    let part = bench.pipe(&["aggregate"], half.join("\n").as_bytes()).stdout;
    let result = bench.pipe(&["dashboard"], &[whole, part].concat());
    assert_eq!(result.code, 65, "{}", result.stderr);
    assert!(result.stderr.contains("and differ"), "{}", result.stderr);
    assert!(!bench.path("public").exists());
}

#[test]
fn a_site_is_replaced_whole_with_the_compressed_copies_of_its_own_files() {
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
    assert_eq!(folders(&bench.path("public")), ["duo-metrics", "index.html"], "nothing is left beside it");
}

#[test]
fn a_theme_brings_logo_colours_and_texts_of_its_own() {
    let bench = Bench::new(60, 14);
    let put = |name: &str, content: &str| {
        let path = bench.path("theme").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
    };
    put(
        "theme.json",
        r##"{
        "name": "Acme <b>",
        "colours": {"light": {"accent": "#7a1f6b"}},
        "texts": {"duo-metrics": {"title": "Duo at Acme", "summary": "Ask in #duo."}, "landing": {"title": "Acme figures"}},
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
        page("index.html").contains("<h1>Acme figures</h1>")
            && page("index.html").contains(">Duo at Acme</a>")
    );
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/theme");
    let result = bench.run(&["landing", "--theme", shipped]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(page("index.html").contains("<h1>Figures of Acme Engineering</h1>"));
    put("theme.json", r##"{"colours":{"light":{"accent":"#ffee00"}}}"##);
    let pale = bench.run(&["landing", "--theme", "theme"]);
    assert_eq!(pale.code, 78, "{}", pale.stderr);
    assert!(pale.stderr.contains("contrast"), "{}", pale.stderr);
    assert_eq!(bench.run(&["landing", "--theme", "nowhere"]).code, 78);
}

#[test]
fn a_dashboard_nobody_spoke_of_is_carried_over_for_35_days_and_marked() {
    let bench = Bench::new(40, 14);
    let figures_of = |topic: &str, now: &str| {
        let mut command = bench.command(&["fetch", topic, "--since", "2026-10-25", "--until", "2026-10-31"]);
        command.env("DUO_METRICS_NOW", now);
        let fetched = done(command, b"");
        assert_eq!(fetched.code, 0, "{}", fetched.stderr);
        bench.aggregate(&bench.normalize(&fetched.stdout))
    };
    for (now, folder) in [("2026-11-01T03:00:00Z", "older"), ("2026-11-03T03:00:00Z", "newer")] {
        let made = bench.pipe(&["dashboard", "--project", "--site", folder], &figures_of("--project", now));
        assert_eq!(made.code, 0, "{}", made.stderr);
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
    assert!(late.contains("not carried over any more"), "{late}");
    // What is made this time is not replaced by what was.
    let both = figures_of("--duo", "2026-11-04T03:00:00Z");
    let made =
        bench.pipe(&["dashboard", "--duo", "--project", "--site", "both", "--carry-over", "newer"], &both);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(card("both/project-metrics/dashboard.json")["carried_over"], false);
}
