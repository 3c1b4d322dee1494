//! Tests of whole pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::aggregate::metrics::definition::{Definition, Unit};
use crate::base::calendar::{Day, Grain, Period};
use crate::model::coverage::{Coverage, Status};
use crate::model::metric::{Metric, Reason};
use crate::model::number::Number;
use crate::publish::answer::Assumptions;
use crate::publish::privacy::Disclosure;

use super::card::{CardPeriod, Headline};
use super::{
    Dashboard, DashboardFolder, MetricReport, Options, Published, SiteFile, Theme, landing, parse_card,
};

const HOSTILE: &str = "\"><script src=https://evil.example.com/x.js></script><img src=x onerror='alert(1)'>";

const DEFINITIONS: [Definition; 2] = [
    Definition {
        metric: "users.active",
        title: "Active people",
        unit: Unit::People,
        grains: &[Grain::Day, Grain::Window],
        by: &["feature"],
        relations: &[],
        text: "Distinct people with an intentional event.",
    },
    Definition {
        metric: "pipelines.count",
        title: "Pipelines",
        unit: Unit::Pipelines,
        grains: &[Grain::Day],
        by: &["project"],
        relations: &[],
        text: "Pipelines created in the period.",
    },
];

fn day(text: &str) -> Day {
    text.parse().expect("a literal day")
}

fn metric(metric: &'static str, grain: Grain, on: Day, by: &[(&str, &str)], value: u64) -> Metric {
    let period = Period::containing(grain, on, day("2026-10-31"));
    let rate = metric.ends_with("rate") || metric == "seats.active";
    Metric {
        metric: metric.into(),
        instance: "https://gitlab.example.com".into(),
        scope: "acme".into(),
        grain,
        start: period.start,
        end: period.end,
        by: by.iter().copied().collect(),
        population: None,
        value: Some(if rate { Number::Measure(value as f64 / 200.0) } else { Number::Count(value) }),
        n: Some(Number::Count(value)),
        of: rate.then_some(Number::Count(200)),
        people: Some(20),
        coverage: 1.0,
        imported: 0.0,
        basis: Some(1.0),
        is_final: true,
        reason: None,
        prices: None,
        source: None,
        explanation: None,
    }
}

fn report() -> MetricReport {
    let mut report = MetricReport::default();
    let last = day("2026-10-31");
    for name in
        ["users.active", "code_suggestions.shown", "code_suggestions.accepted", "chat.messages", "chat.users"]
    {
        for on in day("2026-10-04").through(last) {
            report.metrics.push(metric(name, Grain::Day, on, &[], 50));
        }
        report.metrics.push(metric(name, Grain::Window, last, &[], 60));
    }
    for name in ["code_suggestions.shown", "code_suggestions.acceptance_rate"] {
        report.metrics.push(metric(name, Grain::Window, last, &[("language", HOSTILE)], 60));
        report.metrics.push(metric(name, Grain::Window, last, &[("language", "=cmd|' /C calc'!A0")], 60));
    }
    report.metrics.push(metric("events.count", Grain::Window, last, &[("event", HOSTILE)], 60));
    report.metrics.push(metric(
        "events.count",
        Grain::Window,
        last,
        &[("event", HOSTILE), ("feature", HOSTILE)],
        60,
    ));
    report.metrics.push(metric("users.active", Grain::Window, last, &[("feature", HOSTILE)], 60));
    report.metrics.push(metric("pipelines.count", Grain::Window, last, &[("project", HOSTILE)], 60));
    report.metrics.push(metric("merge_requests.merged", Grain::Window, last, &[("project", HOSTILE)], 60));
    let mut secret = metric("code_suggestions.users", Grain::Window, last, &[("language", "cobol")], 98_765);
    secret.people = Some(3);
    report.metrics.push(secret);
    report.coverage.push(Coverage {
        collector: "usage_events".into(),
        instance: "https://gitlab.example.com".into(),
        scope: HOSTILE.into(),
        day: last,
        status: Status::Failed,
        rows: None,
        fetched_at: "2026-11-01T03:00:00Z".parse().ok(),
        reason: Some(HOSTILE.into()),
        unreadable: 0,
        key_check: None,
        shrunk: false,
        named: false,
    });
    report
}

fn files(report: &MetricReport) -> Vec<SiteFile> {
    let definitions: Vec<&Definition> = DEFINITIONS.iter().collect();
    let theme = Theme::default();
    let assumptions = Assumptions::default();
    let options = Options { small_group: 5, open_periods: true, theme: &theme, assumptions: &assumptions };
    let lines = Published::lines(report, &options);
    let make = |kind| {
        let published = Published::new(kind, &lines, report, &options);
        let mut files = published.page(&definitions).expect("a page");
        files.push(published.table().expect("a table"));
        files
    };
    Dashboard::ALL.into_iter().flat_map(make).collect()
}

fn pages(report: &MetricReport) -> Vec<String> {
    let files = files(report);
    let text = |file: &SiteFile| String::from_utf8(file.content.clone()).expect("UTF-8");
    let mut pages: Vec<String> = files.iter().filter(|file| file.path == "index.html").map(text).collect();
    let found: Vec<DashboardFolder> = files
        .iter()
        .filter(|file| file.path == "dashboard.json")
        .map(|file| DashboardFolder {
            folder: HOSTILE.into(),
            index: true,
            card: parse_card(&file.content).ok(),
        })
        .collect();
    for (found, report) in [(&found[..], Some(report)), (&[], None)] {
        pages.push(text(&landing(found, report, &Theme::default()).expect("a landing page")));
    }
    pages
}

#[test]
fn the_policy_allows_only_the_style_and_the_script_of_the_page() {
    for page in pages(&report()) {
        let policy = between(&page, "Content-Security-Policy\" content=\"", "\">").expect("a policy");
        for (kind, element) in [("style-src", "style"), ("script-src", "script")] {
            let Some(inside) = between(&page, &format!("<{element}>"), &format!("</{element}>")) else {
                assert!(element == "script" && policy.contains("script-src 'none';"), "{policy}");
                continue;
            };
            let allowed = between(policy, &format!("{kind} 'sha256-"), "'").expect("a hash");
            assert_eq!(decode_base64(allowed), Sha256::digest(inside.as_bytes()).to_vec());
        }
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
        assert!(
            page.find("Content-Security-Policy").expect("is there") < page.find("<style>").expect("is there")
        );
        let scripts = page.matches("<script").count();
        let own = page.matches("<script>").count()
            + page.matches("<script type=\"application/json\" id=\"figures\">").count();
        assert_eq!(scripts, own);
        assert!(!page.contains(" style=") && !page.contains(" onload="));
    }
}

#[test]
fn no_page_contacts_a_host_or_runs_external_text() {
    for page in pages(&report()).into_iter().chain(pages(&MetricReport::default())) {
        for (at, _) in page.match_indices("://") {
            let before: String =
                page[..at].chars().rev().take(60).collect::<String>().chars().rev().collect();
            let is_text = ["&lt;script src=https", "\\u003cscript src=https", "(\"http"];
            assert!(is_text.iter().any(|text| before.contains(text)), "an address outside of text: {before}");
        }
        let markup = page.split("<script type=").next().expect("a first part");
        for link in markup.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()) {
            let relative = ["#", "../index.html", "./", "metrics.csv", "data:,"];
            assert!(relative.iter().any(|start| link.starts_with(start)), "{link}");
        }
        for tag in ["<script s", "<img", "<iframe", "<form", "<object", "<embed", "<base"] {
            assert!(!page.contains(tag), "{tag}");
        }
    }
}

#[test]
fn no_file_contains_the_address_of_the_instance() {
    for file in files(&report()) {
        assert!(!String::from_utf8_lossy(&file.content).contains("gitlab.example.com"), "{}", file.path);
    }
}

#[test]
fn no_file_contains_suppressed_values() {
    for file in files(&report()) {
        let text = String::from_utf8_lossy(&file.content).into_owned();
        assert!(!text.contains("98765") && !text.contains("98,765"), "{}", file.path);
    }
}

#[test]
fn the_table_file_keeps_hostile_names_as_text() {
    let csv = files(&report()).into_iter().find(|file| file.path == "metrics.csv").expect("a table file");
    let mut reader = csv::Reader::from_reader(csv.content.as_slice());
    let mut found = 0;
    for record in reader.records() {
        for cell in &record.expect("a row as long as the heading") {
            assert!(!cell.starts_with(['=', '+', '@', '\t', '\r']), "{cell}");
            found += usize::from(cell == "'=cmd|' /C calc'!A0" || cell == HOSTILE);
        }
    }
    assert!(found >= 4);
}

#[test]
fn a_dashboard_without_data_states_it() {
    for page in &pages(&MetricReport::default())[..2] {
        assert!(page.contains("No data yet") && !page.contains("id=\"overview\""));
    }
    let card = files(&MetricReport::default())
        .into_iter()
        .find(|file| file.path == "dashboard.json")
        .expect("a card");
    let card = parse_card(&card.content).expect("our own card");
    assert_eq!((card.status, card.headline.len()), (super::CardStatus::Empty, 0));
}

#[test]
fn an_unknown_value_is_a_dash_with_its_reason() {
    let mut report = report();
    let mut seats = metric("seats.active", Grain::Window, day("2026-10-31"), &[], 0);
    (seats.value, seats.n, seats.of, seats.reason) = (None, None, None, Some(Reason::NoSnapshot));
    report.metrics.push(seats);
    let page = &pages(&report)[0];
    assert!(page.contains("How many seats are used cannot be said: no seat list."), "the verdict");
    // Where no tile has a value, they show why.
    report.metrics.retain(|metric| metric.metric == "seats.active" || metric.grain == Grain::Day);
    let page = &pages(&report)[0];
    assert!(
        page.contains("<p class=\"value\">–</p>\n<p class=\"note\">no seat list</p>"),
        "a tile with a dash"
    );
}

#[test]
fn each_tile_shows_its_own_days() {
    let mut report = report();
    report.metrics.push(metric("users.active", Grain::Day, day("2026-08-03"), &[], 50));
    let own = CardPeriod { start: day("2026-10-04"), end: day("2026-10-31") };
    let card = files(&report).into_iter().find(|file| file.path == "dashboard.json").expect("a card");
    let card = parse_card(&card.content).expect("our own card");
    assert_eq!(card.period, Some(CardPeriod { start: day("2026-08-03"), end: day("2026-10-31") }));
    let known: Vec<&Headline> = card.headline.iter().filter(|figure| figure.note != "no data").collect();
    assert!(known.len() >= 3 && known.iter().all(|figure| figure.period == Some(own)), "{known:?}");

    let pages = pages(&report);
    let (duo, landing) = (&pages[0], &pages[2]);
    let tile = between(duo, "<li class=\"tile", "</li>").expect("a tile");
    assert!(tile.contains("<p class=\"fresh\">4–31 October 2026"), "{tile}");
    let figure = between(landing, "<dt>Active people</dt>", "</div>").expect("a figure");
    assert!(figure.contains("<small class=\"period\">4–31 October 2026</small>"), "{figure}");
    // The longer period has its own label.
    for page in [duo, landing] {
        assert!(page.contains("<dt>Days reported</dt><dd>3 August – 31 October 2026"));
    }
    assert!(landing.contains("<p>Days reported: 3 August – 31 October 2026</p>"));
}

#[test]
fn imported_events_have_unknown_completeness() {
    let tile = |coverage: f64, imported: f64| {
        let mut report = report();
        for metric in report.metrics.iter_mut().filter(|metric| metric.grain == Grain::Window) {
            (metric.coverage, metric.imported, metric.is_final) = (coverage, imported, false);
        }
        let page = pages(&report).swap_remove(0);
        between(&page, "<p class=\"warning\">", ".</p>").expect("a warning").to_owned()
    };
    assert_eq!(tile(0.5, 0.0), "14 of 28 days collected");
    assert_eq!(tile(0.0, 1.0), "imported events, completeness unknown");
    assert_eq!(tile(0.0, 0.75), "21 of 28 days imported, completeness unknown");
    assert_eq!(tile(0.25, 0.75), "7 of 28 days collected, imported events, completeness unknown");
    assert_eq!(tile(0.25, 0.5), "7 of 28 days collected, 14 of 28 days imported, completeness unknown");
}

#[test]
fn compares_four_complete_weeks_with_the_four_before() {
    let tile = |people: [u64; 8], coverage: f64| {
        let mut report = report();
        for (at, people) in people.into_iter().enumerate() {
            let on = day("2026-08-31").plus(7 * at as i64);
            let mut week = metric("users.active", Grain::Week, on, &[], people);
            week.coverage = if at == 4 || at == 5 { coverage } else { 1.0 };
            report.metrics.push(week);
        }
        let page = pages(&report).swap_remove(0);
        between(&page, "<li class=\"tile", "</li>").expect("a tile").to_owned()
    };
    let steady = tile([70, 71, 70, 72, 71, 70, 72, 70], 1.0);
    assert!(steady.contains("71 a week, no clear change (was 71, ±1.5)"), "{steady}");
    let growing = tile([70, 70, 70, 70, 90, 90, 90, 90], 1.0);
    assert!(growing.contains("<p class=\"change up\">90 a week, was 70 (noise ±1.4)</p>"), "{growing}");
    let cut = tile([70, 70, 70, 70, 90, 90, 90, 90], 0.5);
    assert!(cut.contains("not compared: fewer than 8 complete weeks"), "{cut}");
}

#[test]
fn completeness_that_is_unknown_has_no_check_mark() {
    let pill = |is_covered: bool| {
        let mut report = report();
        let failed = report.coverage.pop().expect("a line");
        let day_of = |day| Coverage { day, status: Status::Complete, reason: None, ..failed.clone() };
        if is_covered {
            report.coverage = day("2026-10-04").through(day("2026-10-31")).map(day_of).collect();
        }
        let page = pages(&report).swap_remove(0);
        between(&page, "<details class=\"trust ", "</summary>").expect("the pill").to_owned()
    };
    let known = pill(true);
    assert!(known.contains("✓") && known.contains("28 of 28 days complete"), "{known}");
    let unknown = pill(false);
    assert!(!unknown.contains("✓") && unknown.contains("Completeness unknown"), "{unknown}");
}

#[test]
fn the_noise_of_a_duration_is_a_duration() {
    const METRIC: &str = "merge_requests.time_to_merge_seconds";
    const MEDIAN: &[(&str, &str)] = &[("stat", "p50")];
    let tile = |hours: [u64; 8]| {
        let mut report = report();
        let last = day("2026-10-31");
        report.metrics.push(metric(METRIC, Grain::Window, last, MEDIAN, hours[7] * 3600));
        for (at, hours) in hours.into_iter().enumerate() {
            let on = day("2026-08-31").plus(7 * at as i64);
            report.metrics.push(metric(METRIC, Grain::Week, on, MEDIAN, hours * 3600));
        }
        let page = pages(&report).swap_remove(1);
        between(&page, "Time to merge, median", "</li>").expect("a tile").to_owned()
    };
    let steady = tile([30, 33, 30, 33, 30, 33, 30, 33]);
    assert!(steady.contains("no clear change (was 31.5 h, ±4.4 h)"), "{steady}");
    let faster = tile([30, 30, 30, 30, 20, 20, 20, 20]);
    assert!(faster.contains("20 h in the last 4 weeks, was 30 h (noise ±36 min)"), "{faster}");
}

#[test]
fn ids_are_unique_and_labels_refer_to_them() {
    for page in pages(&report()) {
        let markup = page.split("<script type=").next().expect("a first part");
        let ids: Vec<&str> =
            markup.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ids.len());
        for label in markup.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(label.split(' ').all(|id| unique.binary_search(&id).is_ok()), "{label}");
        }
    }
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let mut shuffled = report();
    shuffled.metrics.reverse();
    shuffled.coverage.reverse();
    assert_eq!(files(&shuffled), files(&report()));
}

/// A simple decoder of the compact form: one cell of one series.
fn line_of(data: &Value, series: &Value, at: usize) -> Option<(String, Value)> {
    let grain = series["t"].as_str().expect("a grain");
    let start = &data["starts"][grain][at + series["i"].as_u64().unwrap_or(0) as usize];
    let cell = &series["v"][at];
    if cell.is_null() {
        return None;
    }
    let of = &series["of"][at];
    let n = match &series["n"][at] {
        n if n.is_null() => cell,
        n if n == "-" => &Value::Null,
        n => n,
    };
    let value = match cell.as_str() {
        None => cell.clone(),
        Some("/") => json!(n.as_f64().expect("n") / of.as_f64().expect("of")),
        Some(_) => Value::Null,
    };
    let by = if series["by"].is_null() { json!({}) } else { series["by"].clone() };
    let key = format!("{} {grain} {start} {by}", series["m"]);
    let why = cell.as_str().filter(|why| *why != "/");
    Some((key, json!([value, if value.is_null() { &Value::Null } else { n }, of, why])))
}

#[test]
fn page_data_equals_the_published_lines() {
    let mut report = report();
    let mut seats = metric("seats.active", Grain::Window, day("2026-10-31"), &[], 71);
    seats.value = Some(Number::Measure(71.0 / 200.0));
    let mut unlike = metric("users.stickiness", Grain::Window, day("2026-10-31"), &[], 3);
    (unlike.value, unlike.of) = (Some(Number::Measure(0.015_000_001)), Some(Number::Count(200)));
    let mut no_n = metric("chat.users", Grain::Month, day("2026-10-31"), &[], 12);
    no_n.n = None;
    report.metrics.extend([seats, unlike, no_n]);
    let page = &pages(&report)[0];
    let data = between(page, "id=\"figures\">", "</script>").expect("the data");
    let data: Value = serde_json::from_str(data).expect("JSON");
    let mut in_page = BTreeMap::new();
    for series in data["series"].as_array().expect("a list") {
        for at in 0..series["v"].as_array().expect("a list").len() {
            if let Some((key, values)) = line_of(&data, series, at) {
                assert!(in_page.insert(key.clone(), values).is_none(), "{key} is twice in the page");
            }
        }
    }
    let published =
        crate::publish::privacy::publish(&report.metrics, Disclosure { min_people: 5, open_periods: true });
    let published: Vec<_> = published.into_iter().filter(|line| Dashboard::Duo.owns(line)).collect();
    let mut shown = 0;
    for line in &published {
        let by: BTreeMap<&str, String> =
            line.by.iter().map(|(key, value)| (key, crate::publish::text::plain(value, 120))).collect();
        let key = format!(
            "{} {} {} {}",
            json!(line.metric),
            line.period.grain,
            json!(line.period.start),
            json!(by)
        );
        let why = line.is_suppressed.then_some("hidden");
        match in_page.remove(&key) {
            Some(values) => {
                assert_eq!(values, json!([line.value, line.n, line.of, why]), "{key}");
                shown += 1;
            }
            None => assert!(line.period.grain == Grain::Day, "{key} is not in the page"),
        }
    }
    assert!(in_page.is_empty(), "{in_page:?} are no lines");
    assert!(shown > 90, "{shown}");
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inside, _)| inside)
}

/// A simple base64 decoder.
fn decode_base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bits: String =
        text.trim_end_matches('=').bytes().map(|letter| format!("{:06b}", value(letter))).collect();
    let whole = bits.len() / 8;
    (0..whole).map(|at| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).expect("bits")).collect()
}
