//! Nobody is in the site: not by name, not by user name, not by id, in no file and no form.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use crate::bench::{Bench, done, files_below, is_compressed, lines_of, text_of};
use crate::stand_in::Fault;

/// What would give somebody away, in the ways it could be written.
fn traces(bench: &Bench) -> BTreeSet<String> {
    let mut traces = BTreeSet::new();
    for person in &bench.gitlab.organisation().people {
        for text in [&person.username, &person.name, &person.gid()] {
            let json = serde_json::to_string(text).expect("text").trim_matches('"').to_owned();
            let html = text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#x27;")
                .replace('/', "&#x2f;");
            traces.extend([text.clone(), json, html]);
        }
        traces.insert(format!("User/{}", person.id));
        traces.insert(format!("User&#x2f;{}", person.id));
    }
    traces
}

#[test]
fn no_person_is_in_any_file_of_the_site() {
    let bench = Bench::new(120, 30);
    let result = bench.run(&[
        "run",
        "--duo",
        "--project",
        "--since",
        "2026-10-02",
        "--group",
        "acme",
        "--group",
        "globex",
    ]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let files = files_below(&bench.path("public"));
    let plain = files.iter().filter(|(path, _)| !is_compressed(path)).count();
    assert_eq!((plain, files.len()), (7, 21));
    // Short names would be found in ordinary words; those of the stand-in are long enough to be told apart.
    let traces: Vec<String> = traces(&bench).into_iter().filter(|trace| trace.chars().count() >= 4).collect();
    assert!(traces.len() > 400);
    for (path, content) in files {
        let text = text_of(&path, &content);
        let found: Vec<&String> = traces.iter().filter(|trace| text.contains(trace.as_str())).collect();
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
    }
}

#[test]
fn what_a_server_says_does_not_reach_the_site() {
    let bench = Bench::new(60, 5);
    let body = r#"{"errors":[{"message":"You (jane.secret) may not; not authorized"}]}"#.to_owned();
    let refusal =
        Fault::Status { status: 200, headers: Vec::new(), content_type: "application/json".to_owned(), body };
    let before = Bench::requests_before_pages(&["--duo"]);
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before).chain([refusal]));
    let result = bench.run(&["run", "--since", "2026-10-27", "--jobs", "1"]);
    assert!(result.stderr.contains("jane.secret"), "the operator is told: {}", result.stderr);
    for (path, content) in files_below(&bench.path("public")) {
        let text = text_of(&path, &content);
        assert!(!text.contains("jane"), "{}", path.display());
    }
    let page = std::fs::read_to_string(bench.path("public/duo-metrics/index.html")).expect("the page");
    assert!(page.contains("GitLab refuses"));
}

#[test]
fn a_key_that_is_none_is_refused_before_anybody_is_written_in_clear() {
    let bench = Bench::new(20, 3);
    let raw = bench.fetch(&["--since", "2026-10-30"]);
    for key in
        [&b"$DUO_METRICS_PSEUDONYM_KEY"[..], b"                    ", b"short", b"\xff0123456789abcdef"]
    {
        let mut command = bench.command(&["normalize"]);
        command.env("DUO_METRICS_PSEUDONYM_KEY", std::ffi::OsStr::from_bytes(key));
        let result = done(command, &raw);
        assert_eq!((result.code, result.stdout.len()), (2, 0), "{key:?}: {}", result.stderr);
    }
}

#[test]
fn metric_lines_hold_counts_and_no_person() {
    let bench = Bench::new(120, 30);
    let figures =
        bench.aggregate(&bench.normalize(&bench.fetch(&["--duo", "--project", "--since", "2026-10-02"])));
    let text = String::from_utf8(figures).expect("streams are UTF-8");
    for trace in traces(&bench).iter().filter(|trace| trace.chars().count() >= 4) {
        assert!(!text.contains(trace.as_str()), "{trace}");
    }
}

#[test]
fn small_groups_are_hidden_in_everything_that_leaves_and_totals_stay_true() {
    let bench = Bench::new(120, 30);
    let figures = bench.aggregate(&bench.normalize(&bench.fetch(&["--since", "2026-10-02"])));
    let result = bench.pipe(&["dashboard", "--site", "public"], &figures);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let csv = std::fs::read(bench.path("public/duo-metrics/metrics.csv")).expect("the file");
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let headers = reader.headers().expect("a header").clone();
    let column = |name: &str| {
        headers.iter().position(|header| header == name).unwrap_or_else(|| panic!("{name} in {headers:?}"))
    };
    let (value, people, grain, metric, hidden) =
        (column("value"), column("people"), column("grain"), column("metric"), column("hidden"));
    let dimensions: Vec<usize> = headers
        .iter()
        .enumerate()
        .filter(|(_, header)| header.starts_with("by."))
        .map(|(at, _)| at)
        .collect();
    let (mut shown, mut suppressed) = (0, 0);
    let total = lines_of(&figures, "metric").into_iter().find(|line| {
        line["metric"] == "events.count"
            && line["grain"] == "window"
            && line["by"] == Value::Object(Default::default())
    });
    let total = total.expect("it is told")["value"].to_string();
    let mut total_is_true = false;
    for row in reader.records().map(|row| row.expect("a row")) {
        match row[people].parse::<u64>() {
            Ok(people) => {
                assert!(people == 0 || people >= 5, "{row:?}");
                shown += 1;
            }
            Err(_) if !row[hidden].is_empty() => {
                assert!(row[value].is_empty(), "{row:?}");
                suppressed += 1;
            }
            Err(_) => {}
        }
        let is_split = dimensions.iter().any(|at| !row[*at].is_empty());
        assert!(!(is_split && &row[grain] == "day") || row[metric].starts_with("seats."), "{row:?}");
        total_is_true |=
            &row[metric] == "events.count" && &row[grain] == "window" && !is_split && row[value] == total;
    }
    assert!(shown > 50 && suppressed > 10, "{shown} shown, {suppressed} suppressed");
    assert!(total_is_true);
}
