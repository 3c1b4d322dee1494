//! Tests of suppression.

use super::*;

/// Publishes open periods too.
pub(super) fn all_periods(min_people: u64) -> Disclosure {
    Disclosure { min_people, open_periods: true }
}

fn day(text: &str) -> Day {
    text.parse().expect("a literal day")
}

fn cell(metric: &'static str, by: &[(&str, &str)], value: u64, people: Option<u64>) -> Metric {
    Metric {
        metric: metric.into(),
        instance: "https://gitlab.example.com".into(),
        scope: "acme".into(),
        grain: Grain::Window,
        start: day("2026-10-04"),
        end: day("2026-10-31"),
        by: by.iter().copied().collect(),
        population: None,
        value: Some(Number::Count(value)),
        n: Some(Number::Count(value)),
        of: None,
        people,
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

fn on(day_text: &str, mut metric: Metric) -> Metric {
    (metric.grain, metric.start, metric.end) = (Grain::Day, day(day_text), day(day_text));
    metric
}

fn in_scope(scope: &str, mut metric: Metric) -> Metric {
    metric.scope = scope.into();
    metric
}

fn suppressed(lines: &[Line<'_>]) -> Vec<String> {
    let name = |line: &Line<'_>| match line.by.values().next() {
        Some(_) => line.by.values().collect::<Vec<_>>().join("×"),
        None => format!("{} {}", line.scope, line.period.start),
    };
    lines.iter().filter(|line| line.is_suppressed).map(name).collect()
}

#[test]
fn suppresses_every_value_of_few_people_and_keeps_zero() {
    let metrics = [
        cell("chat.messages", &[], 40, Some(4)),
        cell("troubleshoot.users", &[], 0, Some(0)),
        cell("users.exposed", &[], 20, Some(20)),
    ];
    let lines = publish(&metrics, all_periods(5));
    assert!(lines[0].is_suppressed);
    assert_eq!((lines[0].value, lines[0].n, lines[0].people, lines[0].basis), (None, None, None, None));
    assert_eq!((lines[1].is_suppressed, lines[1].value), (false, Some(Number::Count(0))));
}

#[test]
fn publishes_values_at_the_threshold() {
    let metrics = [cell("chat.messages", &[], 40, Some(5))];
    assert!(!publish(&metrics, all_periods(5))[0].is_suppressed);
    assert!(publish(&metrics, all_periods(6))[0].is_suppressed);
}

#[test]
fn suppresses_the_next_smallest_part_too() {
    let metrics = [
        cell("code_suggestions.shown", &[], 1_000, Some(40)),
        cell("code_suggestions.shown", &[("language", "rust")], 700, Some(30)),
        cell("code_suggestions.shown", &[("language", "go")], 250, Some(9)),
        cell("code_suggestions.shown", &[("language", "cobol")], 50, Some(2)),
        cell("code_suggestions.shown", &[("language", "lua")], 0, Some(0)),
    ];
    let lines = publish(&metrics, all_periods(5));
    assert_eq!(suppressed(&lines), ["cobol", "go"]);
    let by_reason = |language: &str| {
        let found = lines.iter().find(|line| line.by.get("language") == Some(language));
        found.is_some_and(|line| line.is_suppressed)
    };
    assert!(by_reason("cobol") && by_reason("go"));
}

#[test]
fn two_suppressed_parts_protect_each_other() {
    let metrics = [
        cell("events.count", &[("event", "a")], 700, Some(30)),
        cell("events.count", &[("event", "b")], 5, Some(2)),
        cell("events.count", &[("event", "c")], 5, Some(3)),
    ];
    let lines = publish(&metrics, all_periods(5));
    assert_eq!(suppressed(&lines), ["b", "c"]);
}

#[test]
fn a_weekly_cohort_cannot_be_subtracted_from_its_month() {
    // February 2027 consists of four weeks.
    let cohort = |grain, start: &str, end: &str, age: &str, people| {
        let by = [("cohort", start), (age, "0")];
        let line = cell("engagement.retention", &by, people, Some(people));
        Metric { grain, start: day(start), end: day(end), ..line }
    };
    let weeks = |last| {
        [("2027-02-01", "2027-02-07", 9), ("2027-02-08", "2027-02-14", 8), ("2027-02-15", "2027-02-21", 7)]
            .into_iter()
            .chain([("2027-02-22", "2027-02-28", last)])
            .map(|(start, end, people)| cohort(Grain::Week, start, end, "week", people))
    };
    let month = cohort(Grain::Month, "2027-02-01", "2027-02-28", "month", 26);
    let metrics: Vec<Metric> = weeks(2).chain([month]).collect();
    let lines = publish(&metrics, all_periods(5));
    assert_eq!(suppressed(&lines), ["2027-02-22×0", "2027-02-01×0"], "the month");
    let metrics: Vec<Metric> = weeks(9).collect();
    assert!(suppressed(&publish(&metrics, all_periods(5))).is_empty());
}

#[test]
fn versions_of_different_flows_are_not_parts_of_one_sum() {
    let of = |flow: &str, version: Option<&str>, sessions, people| {
        let by: Vec<(&str, &str)> =
            [("flow", flow)].into_iter().chain(version.map(|version| ("flow_version", version))).collect();
        cell("agents.sessions", &by, sessions, Some(people))
    };
    let metrics = [
        cell("agents.sessions", &[], 160, Some(40)),
        of("a", None, 90, 30),
        of("a", Some("v1"), 90, 30),
        of("b", None, 60, 20),
        of("b", Some("v1"), 40, 15),
        of("b", Some("v2"), 20, 9),
        of("c", None, 10, 6),
        of("c", Some("v1"), 8, 4),
        of("c", Some("v2"), 2, 2),
    ];
    assert_eq!(suppressed(&publish(&metrics, all_periods(5))), ["c×v1", "c×v2"]);
}

#[test]
fn a_suppressed_margin_cannot_be_summed_from_its_cells() {
    let metrics = [
        cell("code_suggestions.shown", &[], 1_000, Some(40)),
        cell("code_suggestions.shown", &[("language", "rust")], 700, Some(30)),
        cell("code_suggestions.shown", &[("language", "go")], 250, Some(9)),
        cell("code_suggestions.shown", &[("language", "lua")], 50, Some(2)),
        cell("code_suggestions.shown", &[("language", "go"), ("ide", "vim")], 100, Some(6)),
        cell("code_suggestions.shown", &[("language", "go"), ("ide", "zed")], 150, Some(7)),
        cell("code_suggestions.shown", &[("language", "rust"), ("ide", "vim")], 300, Some(16)),
        cell("code_suggestions.shown", &[("language", "rust"), ("ide", "zed")], 400, Some(17)),
    ];
    let lines = publish(&metrics, all_periods(5));
    // `go` goes with `lua`, then a cell of `go`, then another cell of that editor, and so on.
    let names = suppressed(&lines);
    assert!(names.contains(&"go".to_owned()) && names.contains(&"vim×go".to_owned()), "{names:?}");
    assert!(names.contains(&"vim×rust".to_owned()), "{names:?}");
}

#[test]
fn suppresses_the_same_value_under_its_other_name() {
    let by = |event| [("event", event)];
    let metrics = [
        cell("events.count", &by("explain_vulnerability"), 5, Some(2)),
        cell("events.count", &by("troubleshoot_job"), 20, Some(9)),
        cell("events.count", &by("react_thumbs_up_on_duo_code_review_comment"), 30, Some(10)),
        cell("events.count", &by("summarize_review"), 40, Some(11)),
        cell("troubleshoot.requests", &[], 20, Some(9)),
        cell("code_review.reactions", &[("kind", "thumbs_up")], 30, Some(10)),
        cell("workflow.events", &by("explain_vulnerability"), 5, Some(2)),
        cell("workflow.events", &by("summarize_review"), 40, Some(11)),
    ];
    let lines = publish(&metrics, all_periods(5));
    let is_suppressed = |metric: &str, value: &str| {
        let of = |line: &&Line<'_>| line.metric == metric && line.by.values().all(|text| text == value);
        lines.iter().find(of).expect("it is there").is_suppressed
    };
    // A second event goes with the first, under all of its names.
    for (metric, value, event) in [
        ("troubleshoot.requests", "", "troubleshoot_job"),
        ("code_review.reactions", "thumbs_up", "react_thumbs_up_on_duo_code_review_comment"),
        ("workflow.events", "summarize_review", "summarize_review"),
    ] {
        assert_eq!(is_suppressed(metric, value), is_suppressed("events.count", event), "{event}");
    }
    assert!(lines.iter().filter(|line| line.metric == "events.count" && line.is_suppressed).count() > 1);
}

#[test]
fn no_row_or_column_has_a_single_suppressed_cell() {
    let segments = ["heavy", "regular", "inactive"];
    let people = [[40, 7, 2], [9, 30, 12], [6, 8, 90]];
    let cells = (0..3).flat_map(|from| (0..3).map(move |to| (from, to)));
    let metrics: Vec<Metric> = cells
        .map(|(from, to)| {
            let by = [("from", segments[from]), ("to", segments[to])];
            cell("engagement.movement", &by, people[from][to], Some(people[from][to]))
        })
        .collect();
    let lines = publish(&metrics, all_periods(5));
    for side in ["from", "to"] {
        for segment in segments {
            let of_segment = lines.iter().filter(|line| line.by.get(side) == Some(segment));
            let count = of_segment.filter(|line| line.is_suppressed).count();
            assert!(count != 1, "{side} {segment}");
        }
    }
    assert!(lines.iter().any(|line| !line.is_suppressed), "some cells remain");
}

fn among(population: Population, mut metric: Metric) -> Metric {
    metric.population = Some(population);
    metric
}

/// Segments of all people, and of seat holders.
fn segments(people: [u64; 4], holders: [u64; 4]) -> Vec<Metric> {
    let names = ["heavy", "regular", "experimenting", "inactive"];
    let series = [(Population::People, people), (Population::SeatHolders, holders)];
    let cells = series.into_iter().flat_map(|(population, of)| {
        names.iter().zip(of).map(move |(name, people)| {
            among(population, cell("engagement.users", &[("segment", *name)], people, Some(people)))
        })
    });
    cells.collect()
}

fn suppressed_of(lines: &[Line<'_>], population: Population) -> Vec<String> {
    let of: Vec<Line<'_>> =
        lines.iter().filter(|line| line.population == Some(population)).cloned().collect();
    suppressed(&of)
}

#[test]
fn suppresses_small_differences_of_people_and_seat_holders() {
    // Three heavy users have no seat, which the difference would reveal. A second cell goes along.
    let metrics = segments([40, 30, 20, 50], [37, 20, 10, 80]);
    let lines = publish(&metrics, all_periods(5));
    assert_eq!(suppressed_of(&lines, Population::SeatHolders), ["experimenting", "heavy"]);
    assert_eq!(suppressed_of(&lines, Population::People), Vec::<String>::new());
    // Differences of zero or of many people are fine; the difference of the inactive is not a count
    // of people.
    let metrics = segments([40, 30, 20, 50], [40, 25, 0, 48]);
    assert!(publish(&metrics, all_periods(5)).iter().all(|line| !line.is_suppressed));
    // Seat holders narrow a value that is suppressed for all people: it needs a further one.
    let metrics = segments([40, 30, 7, 2], [40, 30, 7, 0]);
    let lines = publish(&metrics, all_periods(5));
    let of_people = suppressed_of(&lines, Population::People);
    assert!(
        ["experimenting", "inactive", "regular"].iter().all(|name| of_people.contains(&(*name).to_owned()))
    );
}

#[test]
fn populations_are_not_parts_of_one_sum() {
    // In one sum, the two small cells would protect each other.
    let metrics = segments([40, 30, 3, 50], [20, 12, 3, 30]);
    let lines = publish(&metrics, all_periods(5));
    for population in [Population::People, Population::SeatHolders] {
        assert_eq!(suppressed_of(&lines, population).len(), 2, "{population:?}");
    }
}

#[test]
fn an_unknown_value_is_not_suppressed_and_keeps_its_reason() {
    let unknown = |metric, reason, n: u64, people| {
        let mut line = cell(metric, &[], n, Some(people));
        (line.value, line.reason) = (None, Some(reason));
        line
    };
    let metrics = [
        unknown("code_suggestions.acceptance_rate", Reason::NothingShown, 3, 2),
        unknown("impact.size_lines", Reason::TooFew, 1, 1),
    ];
    let lines = publish(&metrics, all_periods(5));
    let [rate, interval] = &lines[..] else { panic!("two lines: {lines:?}") };
    assert_eq!((rate.is_suppressed, rate.reason), (false, Some(Reason::NothingShown)));
    assert_eq!((rate.n, rate.people, rate.basis), (None, None, None), "two people are behind it");
    // "Too few" reveals the number of observations.
    assert_eq!((interval.is_suppressed, interval.reason), (true, None));
}

#[test]
fn suppresses_a_second_day_if_days_add_up() {
    let mut metrics = vec![{
        let mut week = cell("chat.messages", &[], 60, Some(20));
        (week.grain, week.start, week.end) = (Grain::Week, day("2026-10-05"), day("2026-10-11"));
        week
    }];
    for (text, people) in [("2026-10-05", 20), ("2026-10-06", 11), ("2026-10-07", 12), ("2026-10-11", 2)] {
        metrics.push(on(text, cell("chat.messages", &[], 15, Some(people))));
        metrics.push(on(text, cell("chat.users", &[], people, Some(people))));
    }
    let lines = publish(&metrics, all_periods(5));
    assert_eq!(suppressed(&lines), ["acme 2026-10-06", "acme 2026-10-11", "acme 2026-10-11"]);
}

#[test]
fn suppresses_a_second_group() {
    let messages = |scope, value, people| in_scope(scope, cell("chat.messages", &[], value, Some(people)));
    let metrics = [messages("*", 100, 30), messages("a", 60, 20), messages("b", 35, 9), messages("c", 5, 1)];
    let lines = publish(&metrics, all_periods(5));
    assert_eq!(suppressed(&lines), ["b 2026-10-04", "c 2026-10-04"]);
}

#[test]
fn suppresses_a_rate_that_reveals_a_count() {
    let by = [("language", "go")];
    let metrics = [
        cell("code_suggestions.shown", &by, 100, Some(12)),
        cell("code_suggestions.accepted", &by, 10, Some(3)),
        cell("code_suggestions.acceptance_rate", &by, 10, Some(12)),
    ];
    let lines = publish(&metrics, all_periods(5));
    assert_eq!(lines[0].metric, "code_suggestions.acceptance_rate");
    assert!(lines[0].is_suppressed);
    assert!(!lines[2].is_suppressed);
}

#[test]
fn suppresses_bots_only_if_they_reveal_people() {
    let suppressed_with = |people| {
        suppressed(&publish(
            &[
                cell("events.count", &[("kind", "person")], 100, Some(people)),
                cell("events.count", &[("kind", "bot")], 9, Some(1)),
            ],
            all_periods(5),
        ))
    };
    assert_eq!(suppressed_with(20), Vec::<String>::new());
    assert_eq!(suppressed_with(2), ["bot", "person"]);
}

#[test]
fn does_not_publish_day_lines_by_dimension() {
    let metrics = [
        on("2026-10-05", cell("code_suggestions.shown", &[("language", "rust")], 9, Some(50))),
        on("2026-10-05", cell("code_suggestions.shown", &[], 9, Some(50))),
        on("2026-10-05", cell("seats.assigned", &[("add_on", "DUO_ENTERPRISE")], 300, None)),
    ];
    let lines = publish(&metrics, all_periods(5));
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| !line.by.contains("language")));
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let metrics = vec![
        cell("events.count", &[("event", "a")], 700, Some(30)),
        cell("events.count", &[("event", "b")], 5, Some(2)),
        cell("events.count", &[("event", "c")], 5, Some(30)),
    ];
    let lines = publish(&metrics, all_periods(5));
    let mut others = metrics.clone();
    others.reverse();
    others.push(metrics[0].clone());
    assert_eq!(publish(&others, all_periods(5)), lines);
}

#[test]
fn sessions_of_unknown_users_are_suppressed_by_their_number() {
    let metrics = [
        cell("agents.sessions", &[], 40, None),
        cell("agents.sessions", &[("status", "finished")], 4, None),
        cell("agents.sessions", &[("status", "other")], 36, None),
        Metric { of: Some(Number::Count(40)), ..cell("agents.completion_rate", &[], 4, None) },
        cell("agents.credits", &[], 4, None),
    ];
    let lines = publish(&metrics, all_periods(5));
    // The other part goes with the first, and the rate reveals either.
    assert_eq!(suppressed(&lines), ["acme 2026-10-04", "finished", "other"]);
    let metrics = [
        cell("agents.sessions", &[], 40, Some(20)),
        cell("agents.sessions", &[("status", "finished")], 9, Some(4)),
        cell("agents.sessions", &[("status", "failed")], 20, Some(9)),
        cell("agents.sessions", &[("status", "other")], 11, Some(7)),
        Metric { of: Some(Number::Count(40)), ..cell("agents.completion_rate", &[], 9, Some(20)) },
        Metric { of: Some(Number::Count(29)), ..cell("agents.success_rate", &[], 9, Some(13)) },
    ];
    let lines = publish(&metrics, all_periods(5));
    let rates = lines.iter().filter(|line| line.metric.ends_with("_rate"));
    assert!(rates.clone().count() == 2 && rates.clone().all(|line| line.is_suppressed));
    assert_eq!(suppressed(&lines)[1..3], ["finished", "other"]);
}

#[test]
fn durations_do_not_reveal_the_number_of_finished_sessions() {
    let duration = |stat, n| Metric {
        value: Some(Number::Measure(61.5)),
        ..cell("agents.duration_seconds", &[("flow", "chat"), ("stat", stat)], n, Some(7))
    };
    let metrics = |n| {
        [
            duration("p50", n),
            duration("p95", n),
            cell("agents.sessions", &[("flow", "chat")], 40, Some(20)),
            cell("agents.sessions", &[("flow", "chat"), ("status", "failed")], 31, Some(4)),
            cell("agents.sessions", &[("flow", "chat"), ("status", "finished")], 9, Some(7)),
        ]
    };
    assert_eq!(
        suppressed(&publish(&metrics(9), all_periods(5))),
        ["chat×p50", "chat×p95", "chat×failed", "chat×finished"]
    );
    assert_eq!(suppressed(&publish(&metrics(40), all_periods(5))), ["chat×failed", "chat×finished"]);
}

#[test]
fn differences_from_gitlabs_counts_reveal_no_small_count() {
    let by = |measure| [("collector", "ai_metrics"), ("feature", "chat"), ("measure", measure)];
    let messages = "request_duo_chat_response_event_count";
    let difference = |value: f64, n: u64, people: u64| Metric {
        value: Some(Number::Measure(value)),
        of: Some(Number::Count(n)),
        ..cell("reconcile.difference", &by(messages), n, Some(people))
    };
    let metrics = [
        on("2026-10-05", difference(-1.0, 30, 9)),
        on("2026-10-06", difference(-1.0, 30, 2)),
        on("2026-10-07", difference(0.0, 30, 9)),
        difference(-2.0, 60, 9),
        cell("events.count", &[("event", "request_duo_chat_response")], 60, Some(9)),
    ];
    let of = |metrics: &[Metric]| -> Vec<(Grain, Option<Number>, Option<Number>)> {
        let lines = publish(metrics, all_periods(5));
        let lines = lines.iter().filter(|line| line.metric == "reconcile.difference");
        lines.map(|line| (line.period.grain, line.value, line.n)).collect()
    };
    let [day, window] = [Some(Number::Measure(-1.0)), Some(Number::Measure(-2.0))];
    let known = Some(Number::Count(60));
    assert_eq!(of(&metrics), [(Grain::Day, day, None), (Grain::Window, window, known)]);
    // The events of a day that was not compared would be the difference of the two.
    let mut more = metrics;
    more[4].n = Some(Number::Count(61));
    assert_eq!(of(&more)[1], (Grain::Window, window, None));
    assert_eq!(of(&[difference(-2.0, 60, 4)]), [(Grain::Window, None, None)]);
    let users = Metric { by: by("duo_used_count").into_iter().collect(), ..difference(-2.0, 60, 9) };
    let users = Metric {
        by: users
            .by
            .iter()
            .map(|(name, value)| (name, if name == "feature" { "all" } else { value }))
            .collect(),
        ..users
    };
    assert_eq!(of(&[users]), [(Grain::Window, window, None)]);
}

#[test]
fn credits_follow_the_people_who_used_them() {
    let month = |mut metric: Metric| {
        metric.grain = Grain::Month;
        (metric.start, metric.end) = (day("2026-10-01"), day("2026-10-31"));
        metric
    };
    let p50 = [("stat", "p50")];
    let metrics = |people| {
        [
            month(cell("agents.credits", &[], 90, None)),
            month(cell("agents.credits", &[("product", "chat")], 60, None)),
            month(cell("agents.credits", &[("product", "code_review")], 30, None)),
            month(cell("credits.commitment", &[], 1_200, None)),
            month(cell("credits.forecast", &p50, 120, Some(people))),
            month(cell("credits.people_over_cap", &[], 1, Some(1))),
            month(cell("credits.run_out_on", &p50, 30, Some(people))),
            month(cell("credits.used", &[], 90, Some(people))),
            month(cell("users.exposed", &[], 20, Some(20))),
        ]
    };
    let published = |people| {
        let metrics = metrics(people);
        let lines = publish(&metrics, all_periods(5));
        let names = lines.iter().filter(|line| !line.is_suppressed);
        names.map(|line| format!("{} {:?}", line.metric, line.by.get("product"))).collect::<Vec<_>>()
    };
    // The total by its other name, and with it a product.
    assert_eq!(
        published(4),
        [r#"agents.credits Some("chat")"#, "credits.commitment None", "users.exposed None"]
    );
    let few_are_blocked = published(5);
    assert_eq!(few_are_blocked.len(), 8);
    assert!(!few_are_blocked.contains(&"credits.people_over_cap None".to_owned()), "{few_are_blocked:?}");
}

#[test]
fn people_of_several_groups_are_in_other_segments_of_the_union() {
    let by = [("segment", "inactive")];
    let inactive = |scope, people| in_scope(scope, cell("engagement.users", &by, people, Some(people)));
    // Three people fewer are inactive in one group than in both together, but those are not the others.
    let metrics = [inactive("*", 112), inactive("acme", 109), inactive("globex", 18)];
    let lines: Vec<Line<'_>> = metrics.iter().map(|metric| Line::published(metric, false)).collect();
    assert_eq!(attack(&lines, 5), []);
}

#[test]
fn people_to_whom_something_was_shown_are_not_behind_none_accepted() {
    let accepted = |ide: &str, count: u64, people: u64| {
        cell("code_suggestions.accepted", &[("ide", ide)], count, Some(people))
    };
    let metrics = [
        cell("code_suggestions.accepted", &[], 90, Some(20)),
        accepted("neovim", 0, 2),
        accepted("vscode", 60, 12),
        accepted("pycharm", 30, 9),
    ];
    assert_eq!(suppressed(&publish(&metrics, all_periods(5))), Vec::<String>::new());
}

/// A debug assertion of suppression fails if bounds do not contain the true count.
#[test]
fn a_suppressed_denominator_can_be_zero() {
    let rate = |language: &str, people| {
        let mut metric =
            cell("code_suggestions.line_acceptance_rate", &[("language", language)], 0, Some(people));
        // Lines were accepted, and how many were shown is not reported.
        (metric.n, metric.of, metric.value) = (Some(Number::Count(35)), Some(Number::Count(0)), None);
        metric.reason = Some(Reason::NothingShown);
        metric
    };
    let metrics = [rate("go", 2), rate("rust", 9), cell("users.exposed", &[], 20, Some(20))];
    assert_eq!(suppressed(&publish(&metrics, all_periods(5))), Vec::<String>::new());
}

/// The same.
#[test]
fn a_group_of_few_people_hides_measures_and_zeros() {
    let frequency = |scope, value| {
        let mut metric = cell("dora.deployment_frequency", &[], 0, None);
        (metric.grain, metric.start, metric.end) = (Grain::Month, day("2026-10-01"), day("2026-10-31"));
        (metric.n, metric.value) = (None, value);
        in_scope(scope, metric)
    };
    let count = |scope, metric, value, people| in_scope(scope, cell(metric, &[], value, Some(people)));
    let metrics = [
        frequency("*", None),
        frequency("acme", Some(Number::Measure(0.45))),
        frequency("globex", Some(Number::Measure(0.25))),
        count("*", "users.exposed", 23, 23),
        count("acme", "users.exposed", 20, 20),
        count("globex", "users.exposed", 3, 3),
        count("*", "chat.messages", 0, 0),
        count("globex", "chat.messages", 0, 0),
    ];
    let lines = publish(&metrics, all_periods(5));
    let of_globex = lines.iter().filter(|line| line.scope == "globex");
    assert!(of_globex.clone().count() == 3 && of_globex.clone().all(|line| line.is_suppressed), "{lines:?}");
    let zero = lines.iter().find(|line| line.scope == "*" && line.metric == "chat.messages");
    assert!(zero.is_some_and(|line| !line.is_suppressed), "a zero of the union stays published");
}

/// The days of September in its first and last week are known from the month, its weeks and the days of
/// October. So the week that ends in September reveals the last day of August, whatever other days
/// of that week are suppressed.
#[test]
fn weeks_that_two_months_share_reveal_no_single_day() {
    let on_days = |start: &str, end: &str, grain, n, people| {
        let line = cell("merge_requests.merged", &[], n, Some(people));
        Metric { grain, start: day(start), end: day(end), ..line }
    };
    let mut metrics = vec![
        on_days("2026-08-31", "2026-08-31", Grain::Day, 2, 2),
        on_days("2026-08-31", "2026-09-06", Grain::Week, 62, 20),
        on_days("2026-09-07", "2026-09-13", Grain::Week, 60, 20),
        on_days("2026-09-14", "2026-09-20", Grain::Week, 60, 20),
        on_days("2026-09-21", "2026-09-27", Grain::Week, 60, 20),
        on_days("2026-09-28", "2026-10-04", Grain::Week, 70, 20),
        on_days("2026-09-01", "2026-09-30", Grain::Month, 270, 30),
    ];
    for on in day("2026-09-01").through(day("2026-09-06")).chain(day("2026-09-28").through(day("2026-10-04")))
    {
        metrics.push(on_days(&on.to_string(), &on.to_string(), Grain::Day, 10, 10));
    }
    metrics.sort_by_key(Metric::period);
    let is_hidden = |metric: &Metric| metric.grain == Grain::Day && metric.start <= day("2026-09-02");
    let lines: Vec<Line<'_>> = metrics.iter().map(|line| Line::published(line, is_hidden(line))).collect();
    let hidden: Vec<Line<'_>> = lines
        .into_iter()
        .map(|mut line| {
            line.hide();
            line
        })
        .collect();
    let found = attack(&hidden, 5);
    let of_august = Finding { line: 0, revealed: Revealed::Suppressed { low: 2.0, high: 2.0 } };
    assert!(found.contains(&of_august), "{found:?}");

    let lines = publish(&metrics, all_periods(5));
    assert_eq!(attack(&lines, 5), []);
    assert!(lines.iter().filter(|line| !line.is_suppressed).count() >= 12, "{:?}", suppressed(&lines));
}
