//! The site contains no person: no name, username or id, in any file or encoding.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;

use duo_metrics::base::calendar::Grain;
use duo_metrics::model::metric::Metric;
use duo_metrics::publish::export::{InstanceColumn, table};
use duo_metrics::publish::privacy::{Disclosure, publish};
use serde_json::{Value, json};
use stand_in::Fault;

use crate::bench::{Bench, files_below, is_compressed, lines_of, run_command, text_of};
use crate::stream::{Stream, day};

/// Texts that identify people, in all possible encodings.
fn identifying_texts(bench: &Bench) -> BTreeSet<String> {
    let mut traces = BTreeSet::new();
    for person in &bench.gitlab.organization().people {
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
fn the_site_contains_no_person() {
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
    // Short names occur in ordinary words; those of the stand-in are long enough.
    let traces: Vec<String> =
        identifying_texts(&bench).into_iter().filter(|trace| trace.chars().count() >= 4).collect();
    assert!(traces.len() > 400);
    for (path, content) in files {
        let text = text_of(&path, &content);
        let found: Vec<&String> = traces.iter().filter(|trace| text.contains(trace.as_str())).collect();
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
    }
}

#[test]
fn a_site_with_open_periods_says_so() {
    let bench = Bench::new(60, 30);
    for (flags, is_open) in [(&[][..], false), (&["--open-periods"][..], true)] {
        let result =
            bench.run(&[&["run", "--duo", "--since", "2026-10-02", "--group", "acme"], flags].concat());
        assert_eq!(result.code, 0, "{}", result.stderr);
        let read = |name: &str| {
            std::fs::read_to_string(bench.path("public/duo-metrics").join(name)).expect("a file of the site")
        };
        assert_eq!(read("index.html").contains("<code>--open-periods</code>"), is_open);
        let card: Value = serde_json::from_str(&read("dashboard.json")).expect("JSON");
        assert_eq!(card["open_periods"] == true, is_open);
        let site = bench.path("public").display().to_string();
        let audit = bench.run(&["privacy", "audit", &site]);
        assert_eq!(audit.stderr.contains("--open-periods"), is_open, "{}", audit.stderr);
    }
}

/// The rows of a table with their cells that are not empty, without those of the answer.
fn rows(table: &[u8]) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(table);
    let names = reader.headers().expect("a header").clone();
    let cells = |record: csv::StringRecord| {
        let cells = names.iter().map(String::from).zip(record.iter().map(String::from));
        cells.filter(|(_, cell)| !cell.is_empty()).collect::<BTreeMap<String, String>>()
    };
    let rows = reader.records().map(|record| cells(record.expect("a row")));
    rows.filter(|row| !row["metric"].starts_with("answer.")).collect()
}

/// Commands do not read most of the days by dimension. The others reveal what is published.
#[test]
fn commands_suppress_what_all_lines_together_reveal() {
    let bench = Bench::new(60, 70);
    let mut fetch = bench.command(&["fetch", "--duo", "--project", "--since", "2026-08-24"]);
    fetch.env("GROUP_PATH", "acme,globex");
    let records = bench.normalize(&run_command(fetch, b"").stdout);
    let aggregated = bench.pipe(&["aggregate"], &records);
    let all: Vec<Metric> = lines_of(&aggregated.stdout, "metric")
        .into_iter()
        .map(|line| serde_json::from_value(line).expect("a metric line"))
        .collect();
    let of_all = publish(&all, Disclosure { min_people: 5, open_periods: false });
    let exported = bench.pipe(&["export", "--format", "csv"], &aggregated.stdout);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let expected = table(|| of_all.iter(), InstanceColumn::Always).expect("memory does not fail");
    assert!(rows(&exported.stdout) == rows(&expected), "the commands publish something else");
    let is_day_of_event = |line: &Metric| line.grain == Grain::Day && line.by.contains("event");
    let without_days = all.iter().filter(|line| !is_day_of_event(line));
    let of_published = publish(without_days, Disclosure { min_people: 5, open_periods: false });
    assert!(of_published != of_all, "the days of events matter");
}

#[test]
fn sites_of_successive_days_reveal_nothing_together() {
    let bench = Bench::new(60, 70);
    let mut fetch = bench.command(&["fetch", "--duo", "--project", "--since", "2026-08-24"]);
    fetch.env("GROUP_PATH", "acme,globex");
    let fetched = run_command(fetch, b"");
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let records = bench.normalize(&fetched.stdout);
    let mut audit = vec!["privacy".to_owned(), "audit".to_owned()];
    // The days on which a week is published, and those around one of them.
    for until in ["09-27", "10-04", "10-11", "10-17", "10-18", "10-19", "10-25"] {
        let day = format!("2026-{until}");
        let aggregated = bench.pipe(&["aggregate", "--until", &day], &records);
        let site = bench.path(&day).display().to_string();
        let built = bench.pipe(&["dashboard", "--duo", "--project", "--site", &site], &aggregated.stdout);
        assert_eq!(built.code, 0, "{}", built.stderr);
        audit.push(site);
    }
    let audited = bench.run(&audit.iter().map(String::as_str).collect::<Vec<&str>>());
    assert_eq!(audited.code, 0, "{}{}", String::from_utf8_lossy(&audited.stdout), audited.stderr);
    assert!(audited.stderr.contains("of 7 sites"), "{}", audited.stderr);
}

#[test]
fn server_messages_do_not_reach_the_site() {
    let bench = Bench::new(60, 5);
    let body = r#"{"errors":[{"message":"You (jane.secret) may not; not authorized"}]}"#.to_owned();
    let refusal =
        Fault::Status { status: 200, headers: Vec::new(), content_type: "application/json".to_owned(), body };
    let before = Bench::requests_before_pages(&["--duo"]);
    bench.gitlab.inject(std::iter::repeat_n(Fault::None, before).chain([refusal]));
    let result = bench.run(&["run", "--since", "2026-10-27", "--jobs", "1"]);
    assert!(result.stderr.contains("jane.secret"), "the operator sees the message: {}", result.stderr);
    for (path, content) in files_below(&bench.path("public")) {
        let text = text_of(&path, &content);
        assert!(!text.contains("jane"), "{}", path.display());
    }
    let page = std::fs::read_to_string(bench.path("public/duo-metrics/index.html")).expect("the page");
    assert!(page.contains("GitLab denied access"));
}

#[test]
fn rejects_an_invalid_key_before_writing_any_person() {
    let bench = Bench::new(20, 3);
    let raw = bench.fetch(&["--since", "2026-10-30"]);
    for key in
        [&b"$DUO_METRICS_PSEUDONYM_KEY"[..], b"                    ", b"short", b"\xff0123456789abcdef"]
    {
        let mut command = bench.command(&["normalize"]);
        command.env("DUO_METRICS_PSEUDONYM_KEY", std::ffi::OsStr::from_bytes(key));
        let result = run_command(command, &raw);
        assert_eq!((result.code, result.stdout.len()), (2, 0), "{key:?}: {}", result.stderr);
    }
}

#[test]
fn metric_lines_contain_no_person() {
    let bench = Bench::new(120, 30);
    let metrics =
        bench.aggregate(&bench.normalize(&bench.fetch(&["--duo", "--project", "--since", "2026-10-02"])));
    let text = String::from_utf8(metrics).expect("streams are UTF-8");
    for trace in identifying_texts(&bench).iter().filter(|trace| trace.chars().count() >= 4) {
        assert!(!text.contains(trace.as_str()), "{trace}");
    }
}

#[test]
fn small_groups_are_suppressed_in_all_outputs_and_totals_stay_correct() {
    let bench = Bench::new(120, 30);
    let metrics = bench.aggregate(&bench.normalize(&bench.fetch(&["--since", "2026-10-02"])));
    let result = bench.pipe(&["dashboard", "--site", "public"], &metrics);
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
    let total = lines_of(&metrics, "metric").into_iter().find(|line| {
        // The window of the last closed week.
        line["metric"] == "events.count"
            && line["grain"] == "window"
            && line["end"] == "2026-10-18"
            && line["by"] == Value::Object(Default::default())
    });
    let total = total.expect("the line")["value"].to_string();
    let mut total_is_correct = false;
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
        total_is_correct |=
            &row[metric] == "events.count" && &row[grain] == "window" && !is_split && row[value] == total;
    }
    assert!(shown > 50 && suppressed > 10, "{shown} shown, {suppressed} suppressed");
    assert!(total_is_correct);
}

/// A stream with small groups of people in agent sessions and active days, with unique values.
fn stream_with_small_groups() -> Stream {
    let on = day("2026-10-10");
    let mut stream = Stream::default();
    stream.cover_scope("usage_events", "acme", days_of("2026-09-01", "2026-11-08"));
    let mut number = 0;
    // 61 failed and 43 stopped sessions, and 17 finished ones of three people.
    for (ends, people, event) in [(61, 40, "dropped"), (43, 30, "stopped"), (17, 3, "finished")] {
        for at in 0..ends {
            number += 1;
            for (name, time) in [("created", "10:00:00"), (event, "10:05:00")] {
                let name = format!("agent_platform_session_{name}");
                let more = json!({"session": number.to_string(), "flow": "f", "ts": format!("{on}T{time}Z")});
                stream.event_with(&format!("u{}", at % people), on, &name, more);
            }
        }
    }
    // All but two of 53 seat holders are active, some of them on one day.
    for user in 0..51 {
        let last = if user < 22 { "2026-10-09" } else { "2026-10-23" };
        for on in days_of("2026-10-05", last) {
            stream.event(&format!("u{user}"), on, "request_duo_chat_response");
        }
    }
    // On one working day there are only three.
    for user in 0..3 {
        stream.event(&format!("u{user}"), day("2026-10-30"), "troubleshoot_job");
    }
    let holders: Vec<String> = (0..53).map(|user| format!("u{user}")).collect();
    stream.seats(day("2026-10-31"), &holders.iter().map(|user| (&**user, None)).collect::<Vec<_>>());
    stream
}

fn days_of(first: &str, last: &str) -> Vec<chrono::NaiveDate> {
    day(first).iter_days().take_while(|other| *other <= day(last)).collect()
}

#[test]
fn suppressed_counts_cannot_be_derived_by_subtraction() {
    let bench = Bench::new(20, 3);
    // October is closed on this day.
    let metrics = stream_with_small_groups().metrics(day("2026-11-08"), &[]);
    let text: String = metrics.iter().map(|line| format!("{line}\n")).collect();
    let result = bench.pipe(&["dashboard", "--site", "public"], text.as_bytes());
    assert_eq!(result.code, 0, "{}", result.stderr);
    let file = std::fs::read(bench.path("public/duo-metrics/metrics.csv")).expect("the file");
    let mut reader = csv::Reader::from_reader(&*file);
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(|row| row.expect("a row")).collect();
    let row_of = |line: &Value| {
        let found = rows.iter().find(|row| {
            let is_same = |name: &str| row[name] == line[name].as_str().expect("text");
            let by = row.iter().filter(|(name, value)| name.starts_with("by.") && !value.is_empty());
            let by: Value =
                by.map(|(name, value)| (name[3..].to_owned(), Value::from(value.as_str()))).collect();
            let population = line["population"].as_str().unwrap_or_default();
            ["metric", "scope", "grain", "start"].iter().all(|name| is_same(name))
                && row["population"] == population
                && by == line["by"]
        });
        found.unwrap_or_else(|| panic!("no row of {line}"))
    };
    let hidden_of = |metric: &str, grain: &str, by: Value| {
        let is_meant = |line: &&Value| {
            let is_of_october = line["start"].as_str() >= Some("2026-10-01");
            let is_of_holders = line["population"] != "people";
            line["metric"] == metric
                && line["grain"] == grain
                && line["by"] == by
                && is_of_october
                && is_of_holders
        };
        let line = metrics.iter().find(is_meant).unwrap_or_else(|| panic!("no {metric} {grain} {by}"));
        (!row_of(line)["hidden"].is_empty(), line["value"].as_f64())
    };
    // Small values, and those from which they could be derived.
    assert_eq!(hidden_of("agents.sessions", "month", json!({"status": "finished"})), (true, Some(17.0)));
    assert_eq!(hidden_of("agents.sessions", "month", json!({})), (false, Some(121.0)));
    assert_eq!(hidden_of("engagement.users", "window", json!({"segment": "inactive"})), (true, Some(2.0)));
    for (metric, grain) in [
        ("agents.completion_rate", "month"),
        ("agents.success_rate", "month"),
        ("seats.active", "window"),
        ("users.stickiness", "month"),
    ] {
        assert!(hidden_of(metric, grain, json!({})).0, "{metric}");
    }
    assert!(!hidden_of("seats.active", "week", json!({})).0, "a week does not reveal the window");
    // No published rate reveals a suppressed count: of the counts that it reveals, never exactly
    // one is suppressed.
    let mut checked = 0;
    for row in rows.iter().filter(|row| row["hidden"].is_empty() && !row["of"].is_empty()) {
        let definition =
            duo_metrics::aggregate::metrics::definitions().find(|one| one.metric == row["metric"]);
        for list in definition.expect("it is defined").unit.revealed_counts() {
            let cells = list.iter().flat_map(|count| {
                rows.iter().filter(move |other| {
                    let has = |(name, value): (&String, &String)| {
                        let more = count.by.iter().find(|(key, _)| name.strip_prefix("by.") == Some(*key));
                        more.map_or(&*row[name], |(_, value)| *value) == value.as_str()
                    };
                    let is_by = |(name, _): &(&String, &String)| name.starts_with("by.");
                    let is_same = |name: &str| row[name] == other[name];
                    let population = count.population.map_or("", |population| population.as_str());
                    other["metric"] == count.metric
                        && other["population"] == population
                        && ["scope", "grain", "start", "end"].iter().all(|name| is_same(name))
                        && other.iter().filter(is_by).all(has)
                })
            });
            let hidden = cells.filter(|cell| !cell["hidden"].is_empty()).count();
            let is_revealed = hidden == 1 && !(row["metric"] == "seats.active" && row["grain"] != "window");
            assert!(!is_revealed, "{row:?} reveals one of {list:?}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}
