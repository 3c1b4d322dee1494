//! What others got wrong, a test each, on streams that are made for it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::bench::{Bench, bare_command, done, lines_of};

pub(crate) const INSTANCE: &str = "https://gitlab.example.com";

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn days_between(first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    first.iter_days().take_while(move |day| *day <= last)
}

fn before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).expect("a day")
}

/// Records, with coverage lines that say that they are all.
#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) lines: Vec<String>,
    rows: BTreeMap<(String, String, NaiveDate), usize>,
    partial: BTreeSet<NaiveDate>,
    /// When everything was fetched, where not when each day was over.
    fetched: Option<&'static str>,
}

impl Stream {
    /// Says that a day was collected, be there rows or not.
    fn cover(&mut self, collector: &str, days: impl IntoIterator<Item = NaiveDate>) {
        self.cover_scope(collector, "acme", days);
    }

    /// The same of another scope.
    pub(crate) fn cover_scope(
        &mut self,
        collector: &str,
        scope: &str,
        days: impl IntoIterator<Item = NaiveDate>,
    ) {
        for day in days {
            self.rows.entry((collector.to_owned(), scope.to_owned(), day)).or_default();
        }
    }

    /// Says that of a day some rows are missing.
    pub(crate) fn break_off(&mut self, day: NaiveDate) {
        self.partial.insert(day);
    }

    pub(crate) fn add(&mut self, collector: &str, scope: &str, day: NaiveDate, fields: Value) {
        let rows = self.rows.entry((collector.to_owned(), scope.to_owned(), day)).or_default();
        let mut line = origin(collector, scope, day);
        line["row"] = json!(format!("1:{rows}"));
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        self.lines.push(line.to_string());
        *rows += 1;
    }

    pub(crate) fn event(&mut self, user: &str, day: NaiveDate, event: &str) {
        self.event_with(user, day, event, json!({}));
    }

    pub(crate) fn event_with(&mut self, user: &str, day: NaiveDate, event: &str, more: Value) {
        self.add("usage_events", "acme", day, event_of(user, day, event, more));
    }

    /// An event of an export, which has no coverage line.
    pub(crate) fn exported(&mut self, collector: &str, scope: &str, user: &str, day: NaiveDate, more: Value) {
        let mut line = origin(collector, scope, day);
        line["row"] = json!(self.lines.len().to_string());
        line["event_id"] = json!(format!("{collector} {}", self.lines.len()));
        let event = more["event"].as_str().unwrap_or("request_duo_chat_response").to_owned();
        let fields = event_of(user, day, &event, more);
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        self.lines.push(line.to_string());
    }

    /// A list of seats: who has one, and their last day of activity as GitLab tells it.
    pub(crate) fn seats(&mut self, day: NaiveDate, holders: &[(&str, Option<NaiveDate>)]) {
        for (user, last) in holders {
            let fields = json!({"type": "seat", "user": user, "assigned": true, "add_on": "DUO_ENTERPRISE",
                "last_duo_activity_on": last.map(|last| last.to_string())});
            self.add("seats", "acme", day, fields);
        }
    }

    /// The lines with their coverage lines.
    pub(crate) fn covered(&self) -> Vec<String> {
        let coverage = self.rows.iter().map(|((collector, scope, day), rows)| {
            let mut line = origin(collector, scope, *day);
            line["type"] = json!("coverage");
            line["status"] = json!(if self.partial.contains(day) { "partial" } else { "complete" });
            line["rows"] = json!(rows);
            line["reason"] = Value::Null;
            line.to_string()
        });
        let fetched = |line: String| match self.fetched {
            Some(moment) => {
                let mut line: Value = serde_json::from_str(&line).expect("JSON");
                line["fetched_at"] = json!(moment);
                line.to_string()
            }
            None => line,
        };
        self.lines.iter().cloned().chain(coverage).map(fetched).collect()
    }

    /// The metric lines up to a day.
    pub(crate) fn figures(&self, until: NaiveDate, more: &[&str]) -> Vec<Value> {
        let lines = self.covered();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let until = until.to_string();
        let arguments = [&["aggregate", "--until", &until], more].concat();
        let normalized = done(bare_command(folder.path(), &["normalize"]), lines.join("\n").as_bytes());
        assert_eq!(normalized.code, 0, "{}", normalized.stderr);
        let aggregated = done(bare_command(folder.path(), &arguments), &normalized.stdout);
        assert_eq!(aggregated.code, 0, "{}", aggregated.stderr);
        lines_of(&aggregated.stdout, "metric")
    }
}

fn event_of(user: &str, day: NaiveDate, event: &str, more: Value) -> Value {
    let feature = duo_metrics::events::features::feature_of(event);
    let mut fields = json!({"type": "event", "ts": format!("{day}T10:00:00Z"), "event": event, "feature": feature,
        "user": user, "bot": user.ends_with("bot")});
    fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    fields
}

fn origin(collector: &str, scope: &str, day: NaiveDate) -> Value {
    // Lists are of the day they are taken on, everything else is fetched when its day is over.
    let fetched = if collector == "seats" { day } else { day.succ_opt().expect("a day") };
    json!({"instance": INSTANCE, "collector": collector, "scope": scope, "day": day.to_string(),
        "fetched_at": format!("{fetched}T03:00:00Z")})
}

/// The one line of a metric, grain, start and dimensions.
pub(crate) fn line<'a>(lines: &'a [Value], metric: &str, grain: &str, start: &str, by: &Value) -> &'a Value {
    line_of(lines, "acme", metric, grain, start, by)
}

/// The same of another scope. Who is counted stands among the dimensions, where that is a choice.
pub(crate) fn line_of<'a>(
    lines: &'a [Value],
    scope: &str,
    metric: &str,
    grain: &str,
    start: &str,
    by: &Value,
) -> &'a Value {
    let mut dimensions = by.clone();
    let population = dimensions.as_object_mut().and_then(|by| by.remove("population")).unwrap_or(Value::Null);
    let mut found = lines.iter().filter(|line| {
        line["scope"] == scope
            && line["metric"] == metric
            && line["grain"] == grain
            && line["by"] == dimensions
            && line["population"] == population
            && (start.is_empty() || line["start"] == start)
    });
    let first = found.next().unwrap_or_else(|| panic!("no {metric} {grain} {start} {by}"));
    assert!(found.next().is_none(), "two of {metric} {grain} {start} {by}");
    first
}

fn value<'a>(lines: &'a [Value], metric: &str, grain: &str, start: &str, by: &Value) -> &'a Value {
    &line(lines, metric, grain, start, by)["value"]
}

#[test]
fn a_window_has_28_dates_and_people_of_days_do_not_add_up() {
    for until in ["2026-10-31", "2028-03-05", "2027-01-05"].map(day) {
        let mut stream = Stream::default();
        for days in 0..28 {
            stream.event("ana", before(until, days), "troubleshoot_job");
        }
        stream.event("bo", before(until, 28), "troubleshoot_job");
        let lines = stream.figures(until, &[]);
        let window = line(&lines, "users.active", "window", "", &json!({}));
        assert_eq!(
            (&window["value"], &window["n"], &window["of"]),
            (&json!(1), &json!(1), &Value::Null),
            "{until}"
        );
        assert_eq!(window["start"], before(until, 27).to_string());
        assert_eq!((&window["coverage"], &window["people"]), (&json!(1.0), &json!(1)));
        let days = lines.iter().filter(|line| line["metric"] == "users.active" && line["grain"] == "day");
        assert_eq!(days.filter(|line| line["by"] == json!({})).count(), 29, "one of each day");
    }
}

#[test]
fn todays_seats_never_divide_last_years_users() {
    let (then, today) = (day("2025-10-15"), day("2026-10-31"));
    let mut stream = Stream::default();
    stream.event("ana", then, "troubleshoot_job");
    stream.event("ana", today, "troubleshoot_job");
    stream.seats(day("2026-11-01"), &[("ana", None), ("bo", None)]);
    let lines = stream.figures(today, &[]);
    let rate = |start: &str| line(&lines, "seats.active", "month", start, &json!({}));
    assert_eq!(
        (&rate("2025-10-01")["value"], &rate("2025-10-01")["reason"]),
        (&Value::Null, &json!("no_snapshot"))
    );
    assert_eq!(rate("2025-10-01")["of"], Value::Null);
    assert_eq!((&rate("2026-10-01")["value"], &rate("2026-10-01")["of"]), (&json!(0.5), &json!(2)));
    assert_eq!(
        value(&lines, "users.active", "month", "2025-10-01", &json!({})),
        &json!(1),
        "counts need no seats"
    );
}

#[test]
fn nothing_shown_is_not_nought_percent() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    stream.event_with("ana", today, "code_suggestion_rejected_in_ide", json!({"language": "go"}));
    let lines = stream.figures(today, &[]);
    for by in [json!({}), json!({"language": "go"})] {
        let rate = line(&lines, "code_suggestions.acceptance_rate", "day", "", &by);
        assert_eq!(
            (&rate["value"], &rate["of"], &rate["reason"]),
            (&Value::Null, &json!(0), &json!("nothing_shown"))
        );
        assert_eq!(value(&lines, "code_suggestions.rejected", "day", "", &by), &json!(1));
    }
    assert_eq!(line(&lines, "chat.messages_per_user", "day", "", &json!({}))["reason"], "nothing_shown");
    assert_eq!(value(&lines, "chat.messages", "day", "", &json!({})), &json!(0), "and zero is zero");
}

#[test]
fn a_filter_narrows_after_the_sums_are_made() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    for days in 0..60 {
        stream.event("ana", before(today, days), "request_duo_chat_response");
    }
    let all = stream.figures(today, &[]);
    let narrow = stream.figures(today, &["--since", "2026-10-29"]);
    assert!(narrow.len() < all.len());
    assert!(narrow.iter().all(|line| all.contains(line)), "the same lines, only fewer");
    assert_eq!(value(&narrow, "chat.messages", "month", "2026-10-01", &json!({})), &json!(31));
    assert_eq!(
        value(
            &narrow,
            "engagement.movement",
            "window",
            "",
            &json!({"population": "people", "from": "heavy", "to": "heavy"})
        ),
        &json!(1)
    );
}

#[test]
fn a_rate_of_languages_is_one_of_sums_and_what_is_not_told_has_its_row() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    let mut show = |count: usize, accepted: usize, more: Value| {
        for number in 0..count {
            stream.event_with("ana", today, "code_suggestion_shown_in_ide", more.clone());
            if number < accepted {
                stream.event_with("bo", today, "code_suggestion_accepted_in_ide", more.clone());
            }
        }
    };
    show(90, 9, json!({"language": "golang", "ide": "Visual Studio Code", "lines": 2}));
    show(10, 9, json!({"language": "GO", "ide": "VSCode"}));
    show(5, 0, json!({"language": "rs", "ide": "nvim"}));
    show(20, 2, json!({"language": "rs"}));
    show(25, 0, json!({}));
    let lines = stream.figures(today, &[]);
    let shown =
        |by: Value| value(&lines, "code_suggestions.shown", "window", "", &by).as_u64().expect("a count");
    assert_eq!(shown(json!({"language": "go", "ide": "vscode"})), 100);
    assert_eq!(shown(json!({"language": "rust", "ide": "neovim"})), 5);
    assert_eq!(shown(json!({"language": "rust", "ide": "(not attributed)"})), 20);
    assert_eq!(shown(json!({"language": "(not attributed)", "ide": "(not attributed)"})), 25);
    assert_eq!((shown(json!({"language": "rust"})), shown(json!({"ide": "(not attributed)"}))), (25, 45));
    assert_eq!(shown(json!({})), 150);
    let rate = |by: Value| line(&lines, "code_suggestions.acceptance_rate", "window", "", &by);
    assert_eq!(rate(json!({"language": "go"}))["value"], 0.18, "not the mean of 10 % and 90 %");
    assert_eq!(rate(json!({"language": "go", "ide": "vscode"}))["people"], 2);
    assert_eq!(rate(json!({"language": "go"}))["basis"], 145.0 / 170.0, "of the shown and accepted ones");
    let size = line(&lines, "code_suggestions.line_acceptance_rate", "window", "", &json!({}));
    assert_eq!((&size["n"], &size["of"], &size["basis"]), (&json!(18), &json!(180), &json!(99.0 / 170.0)));
    let unsized_lines =
        line(&lines, "code_suggestions.lines_shown", "window", "", &json!({"language": "rust"}));
    assert_eq!((&unsized_lines["value"], &unsized_lines["reason"]), (&Value::Null, &json!("not_in_source")));
}

#[test]
fn how_many_lines_were_shown_is_not_nothing_where_nobody_tells_it() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    stream.event("ana", today, "code_suggestion_shown_in_ide");
    stream.event_with("ana", today, "code_suggestion_accepted_in_ide", json!({"lines": 3}));
    let lines = stream.figures(today, &[]);
    let rate = line(&lines, "code_suggestions.line_acceptance_rate", "window", "", &json!({}));
    assert_eq!((&rate["value"], &rate["reason"]), (&Value::Null, &json!("not_in_source")));
}

#[test]
fn bots_send_messages_and_are_nobody() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    for (user, messages) in [("ana", 4), ("bo", 5), ("chidi", 60), ("robot", 500)] {
        for _ in 0..messages {
            stream.event(user, today, "request_duo_chat_response");
        }
    }
    stream.event("dana", today, "complete_duo_chat_response");
    let lines = stream.figures(today, &[]);
    let of = |metric: &str, by: Value| value(&lines, metric, "window", "", &by).clone();
    assert_eq!((of("chat.messages", json!({})), of("chat.users", json!({}))), (json!(569), json!(3)));
    assert_eq!(of("chat.messages_per_user", json!({})), json!(23.0));
    let bands = ["1-4", "5-19", "20-49", "50+"].map(|band| of("chat.user_bands", json!({"band": band})));
    assert_eq!(bands, [1, 1, 0, 1].map(|people| json!(people)));
    let kinds = ["person", "bot"].map(|kind| of("users.active", json!({"kind": kind})));
    assert_eq!((kinds, of("users.active", json!({}))), ([json!(3), json!(1)], json!(3)));
    assert_eq!(of("users.exposed", json!({})), json!(4), "something was done for dana");
    assert_eq!(of("events.count", json!({"kind": "bot"})), json!(500));
}

#[test]
fn people_and_seat_holders_are_two_series_and_a_list_of_seats_changes_neither() {
    let end = day("2026-11-01");
    let figures = |with_list: bool| {
        let mut stream = Stream::default();
        stream.cover("usage_events", (0..70).map(|days| before(end, days)));
        for days in 0..60 {
            stream.event("with-seat", before(end, days), "troubleshoot_job");
            stream.event("without-seat", before(end, days), "troubleshoot_job");
        }
        if with_list {
            // Of the last week alone; one holder was never seen.
            stream.seats(before(end, 1), &[("with-seat", None), ("never-seen", None)]);
        }
        stream.figures(end, &[])
    };
    let of = |lines: &[Value], start: &str, population: &str, segment: &str| {
        let by = json!({"population": population, "segment": segment});
        value(lines, "engagement.users", "week", start, &by).clone()
    };
    let (before_list, with_list) = (figures(false), figures(true));
    for lines in [&before_list, &with_list] {
        for week in ["2026-10-19", "2026-10-26"] {
            let people = ["heavy", "inactive"].map(|segment| of(lines, week, "people", segment));
            assert_eq!(people, [json!(2), json!(0)], "{week}");
        }
    }
    let holders = ["heavy", "inactive"].map(|segment| of(&with_list, "2026-10-26", "seat_holders", segment));
    assert_eq!(holders, [json!(1), json!(1)]);
    let moved = json!({"population": "seat_holders", "from": "inactive", "to": "inactive"});
    assert_eq!(value(&with_list, "engagement.movement", "window", "", &moved), &json!(1));
    // Where there is no list, there is no such series, and every line of the two metrics says of whom it is.
    let of_engagement = |line: &&Value| {
        ["engagement.users", "engagement.movement"].iter().any(|metric| line["metric"] == *metric)
    };
    assert!(with_list.iter().filter(of_engagement).all(|line| line["population"].is_string()));
    let has_holders = |lines: &[Value], start: &str| {
        lines.iter().any(|line| line["population"] == "seat_holders" && line["start"] == start)
    };
    assert!(!has_holders(&with_list, "2026-10-19") && has_holders(&with_list, "2026-10-26"));
    assert!(before_list.iter().all(|line| line["population"] != "seat_holders"));
    assert!(
        with_list.iter().filter(|line| !of_engagement(line)).all(|line| line.get("population").is_none())
    );
}

#[test]
fn who_was_once_taken_for_a_bot_is_a_person_on_the_other_days() {
    let end = day("2026-10-31");
    let mut stream = Stream::default();
    stream.cover("usage_events", (0..28).map(|days| before(end, days)));
    for days in 0..28 {
        // Of three events of a day one is enough.
        for number in 0..3 {
            let bot = days == 15 && number == 1;
            stream.event_with("ana", before(end, days), "troubleshoot_job", json!({"bot": bot}));
        }
        // A person until it became a service account.
        stream.event_with("svc", before(end, days), "troubleshoot_job", json!({"bot": days <= 9}));
    }
    // Only the list of seats says it of this one, and later than the events.
    stream.event("bo", before(end, 20), "troubleshoot_job");
    stream.event("bo", before(end, 2), "troubleshoot_job");
    stream.add(
        "seats",
        "acme",
        before(end, 10),
        json!({"type": "seat", "user": "bo", "bot": true, "assigned": true,
        "add_on": "DUO_ENTERPRISE", "last_duo_activity_on": null}),
    );
    let active = |lines: &[Value], days: u64| {
        let of = |by: Value| {
            let start = before(end, days).to_string();
            value(lines, "users.active", "day", &start, &by).as_u64().expect("a count")
        };
        (of(json!({})), of(json!({"kind": "bot"})))
    };
    let lines = stream.figures(end, &[]);
    for (days, expected) in [
        (27, (2, 0)),
        (20, (3, 0)),
        (16, (2, 0)),
        (15, (1, 1)),
        (14, (2, 0)),
        (10, (2, 0)),
        (9, (1, 1)),
        (0, (1, 1)),
        // A record of GitLab that does not say it takes it back.
        (2, (2, 1)),
    ] {
        assert_eq!(active(&lines, days), expected, "{days} days before the end");
    }
    let window = |by: Value| value(&lines, "users.active", "window", "", &by).clone();
    assert_eq!((window(json!({})), window(json!({"kind": "bot"}))), (json!(3), json!(2)));
    // What was asked of whoever is a bot by now is no inactivity of a person.
    let by = |segment: &str| json!({"population": "people", "segment": segment});
    let segments = ["inactive", "experimenting", "regular", "heavy"]
        .map(|segment| value(&lines, "engagement.users", "window", "", &by(segment)).clone());
    assert_eq!(segments, [0, 1, 0, 1].map(|people| json!(people)));

    // In any order, twice, and by way of rollup lines and a history that is added to day by day.
    let bench = Bench::new(20, 3);
    let mut all = stream.covered();
    let aggregate = |lines: &[String], more: &[&str]| {
        let done = bench.pipe(&[&["aggregate"], more].concat(), lines.join("\n").as_bytes());
        assert_eq!(done.code, 0, "{}", done.stderr);
        done.stdout
    };
    let whole = aggregate(&all, &[]);
    let metrics = crate::bench::metric_text(&whole);
    all.reverse();
    all.extend(all.clone());
    assert_eq!(crate::bench::metric_text(&aggregate(&all, &[])), metrics);
    let mut counted: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for part in [0, 2, 1] {
        let of_part: Vec<String> = all
            .iter()
            .filter(|line| {
                let line: Value = serde_json::from_str(line).expect("JSON");
                day(line["day"].as_str().expect("a day"))
                    .format("%d")
                    .to_string()
                    .parse::<u32>()
                    .expect("a day")
                    % 3
                    == part
            })
            .cloned()
            .collect();
        let rollups = String::from_utf8(aggregate(&of_part, &["--emit", "rollups"])).expect("text");
        counted.extend(rollups.lines().map(str::to_owned));
        kept = aggregate(&of_part, &["--history", "kept"]);
    }
    assert_eq!(crate::bench::metric_text(&aggregate(&counted, &[])), metrics);
    assert_eq!(crate::bench::metric_text(&kept), metrics);
    assert_eq!(crate::bench::metric_text(&aggregate(&[], &["--history", "kept"])), metrics);
}

#[test]
fn a_fetch_that_does_not_count_makes_a_bot_of_nobody_in_a_history_either() {
    let bench = Bench::new(20, 3);
    let row = |fetched: &str, index: u32, bot: bool| {
        let fields = event_of("ana", day("2026-10-05"), "troubleshoot_job", json!({"bot": bot}));
        let mut line = origin("usage_events", "acme", day("2026-10-05"));
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        (line["fetched_at"], line["row"]) = (fetched.into(), format!("1:{index}").into());
        line.to_string()
    };
    let covered = |fetched: &str| {
        let mut line = origin("usage_events", "acme", day("2026-10-05"));
        let fields = json!({"type": "coverage", "status": "complete", "rows": 2, "fetched_at": fetched, "reason": null});
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        line.to_string()
    };
    let (older, newer) = ("2026-10-06T03:00:00Z", "2026-10-07T03:00:00Z");
    let active = |lines: &[String]| {
        let done = bench.pipe(&["aggregate", "--history", "kept"], lines.join("\n").as_bytes());
        assert!([0, 3].contains(&done.code), "{}", done.stderr);
        value(&lines_of(&done.stdout, "metric"), "users.active", "day", "2026-10-05", &json!({})).clone()
    };
    let counted = [row(older, 0, false), row(older, 1, false), covered(older)];
    let broken_off = [row(newer, 0, true), covered(newer)];
    assert_eq!(active(&[&counted[..], &broken_off[..]].concat()), 1, "half of the newer one does not count");
    assert_eq!(active(&[]), 1, "from the history alone");
    assert_eq!(active(&[row(newer, 1, false)]), 0, "now it is whole, and one record of the day is enough");
    assert_eq!(active(&[]), 0);
}

#[test]
fn a_user_without_an_id_is_nobody() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    for user in ["", "  ", "\t", "(none)", "ana"] {
        stream.event(user, today, "request_duo_chat_response");
    }
    stream.seats(today, &[("", None), ("ana", None)]);
    stream.add(
        "merge_requests",
        "acme",
        today,
        json!({"type": "merge_request", "project": "acme/web", "iid": "1",
        "author": "", "state": "merged", "created_at": format!("{today}T08:00:00Z"),
        "merged_at": format!("{today}T09:00:00Z"), "additions": 1, "deletions": 1}),
    );
    let lines = stream.figures(today, &[]);
    let of = |metric: &str, by: Value| value(&lines, metric, "window", "", &by).clone();
    assert_eq!((of("chat.messages", json!({})), of("chat.users", json!({}))), (json!(5), json!(1)));
    assert_eq!((of("users.active", json!({})), of("users.exposed", json!({}))), (json!(1), json!(1)));
    let seats = line(&lines, "seats.active", "window", "", &json!({}));
    assert_eq!((&seats["n"], &seats["of"]), (&json!(1), &json!(1)));
    let merged = line(&lines, "merge_requests.merged", "window", "", &json!({}));
    assert_eq!((&merged["value"], &merged["people"]), (&json!(1), &json!(0)));
    assert_eq!(line(&lines, "merge_requests.per_author", "window", "", &json!({}))["of"], 0);

    // Nor does a key make somebody of it.
    let bench = Bench::new(20, 3);
    let mut command = bench.command(&["normalize"]);
    command.env("DUO_METRICS_PSEUDONYM_KEY", "a key of some length");
    let named = done(command, stream.lines.join("\n").as_bytes());
    let users: BTreeSet<String> = lines_of(&named.stdout, "event")
        .iter()
        .map(|line| line["user"].as_str().expect("text").trim().to_owned())
        .collect();
    assert_eq!(users.iter().filter(|user| user.starts_with("hmac:")).count(), 1, "{users:?}");
}

#[test]
fn a_sum_that_no_number_holds_is_refused_and_one_that_fits_is_exact() {
    let today = day("2026-10-31");
    let bench = Bench::new(20, 3);
    let tokens = |input: &[u64], days_apart: u64| {
        let mut stream = Stream::default();
        for (number, input) in (0..).zip(input) {
            let more = json!({"event": "token_usage_duo_agent_platform", "input_tokens": input, "session": "1",
                "model": "m", "flow": "f"});
            stream.exported("snowplow", "/", "ana", before(today, number * days_apart), more);
        }
        stream.lines
    };
    let half = 1 << 63;
    let fits = bench.pipe(&["aggregate"], tokens(&[half, half - 2], 0).join("\n").as_bytes());
    assert_eq!(fits.code, 0, "{}", fits.stderr);
    let lines = lines_of(&fits.stdout, "metric");
    let input = line_of(&lines, "/", "agents.tokens", "day", "", &json!({"kind": "input"}));
    assert_eq!(input["value"], u64::MAX - 1);
    // On one day and on two: the sum of the window is as large.
    let too_many = [(tokens(&[half, half], 0), true), (tokens(&[half, half], 1), false)];
    for (lines, of_one_day) in too_many {
        let aggregated = bench.pipe(&["aggregate"], lines.join("\n").as_bytes());
        assert_eq!((aggregated.code, aggregated.stdout.len()), (65, 0), "{}", aggregated.stderr);
        assert!(aggregated.stderr.contains("more than a number can hold"), "{}", aggregated.stderr);
        let counted = bench.pipe(&["aggregate", "--emit", "rollups"], lines.join("\n").as_bytes());
        assert_eq!(counted.code, if of_one_day { 65 } else { 0 }, "{}", counted.stderr);
    }
    // What was summed elsewhere, too: of events and of lines of code.
    let rollup = |part: &str, counts: &str| {
        format!(
            r#"{{"type":"rollup","kind":"usage","instance":"i","collector":"usage_events","scope":"acme","day":"2026-10-31","fetched_at":"2026-11-01T03:00:00Z","part":"{part}","user":"ana","event":"code_suggestion_shown_in_ide","feature":"code_suggestions",{counts}}}"#
        )
    };
    for counts in [r#""events":9223372036854775808"#, r#""events":2,"sized":2,"lines":9223372036854775808"#] {
        let lines = [rollup("1", counts), rollup("2", counts)].join("\n");
        let done = bench.pipe(&["aggregate"], lines.as_bytes());
        assert_eq!((done.code, done.stdout.len()), (65, 0), "{counts}: {}", done.stderr);
    }
}

#[test]
fn credits_add_up_to_decimals_in_any_order() {
    let bench = Bench::new(20, 3);
    let first = day("2026-10-01");
    let mut stream = Stream::default();
    // 438.4 in 31 parts whose binary fractions do not add up to it.
    for (number, date) in (0..31).zip(days_between(first, day("2026-10-31"))) {
        let credits = if number == 0 { 438.4 - 0.1 * 30.0 } else { 0.1 };
        let credits = (credits * 10.0_f64).round() / 10.0;
        for product in [Value::Null, json!("duo_agent_platform")] {
            stream.add(
                "credits",
                "acme",
                date,
                json!({"type": "credit", "date": date.to_string(), "product": product,
                "credits": credits}),
            );
        }
    }
    let mut lines = stream.covered();
    for _ in 0..2 {
        let done = bench.pipe(&["aggregate"], lines.join("\n").as_bytes());
        assert_eq!(done.code, 0, "{}", done.stderr);
        let text = String::from_utf8(done.stdout).expect("text");
        let of_month: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("\"agents.credits\"") && line.contains("\"grain\":\"month\""))
            .collect();
        assert_eq!(of_month.len(), 2, "nothing is left over as (none): {of_month:?}");
        assert!(of_month.iter().all(|line| line.contains("\"value\":438.4,")), "{of_month:?}");
        lines.reverse();
    }
}

#[test]
fn idle_is_who_is_known_to_be_and_a_missing_day_proves_nothing() {
    let end = day("2026-10-31");
    let ago = |days| before(end, days);
    let figures = |missing: Option<u64>| {
        let mut stream = Stream::default();
        stream.cover("usage_events", (0..70).filter(|days| Some(*days) != missing).map(ago));
        stream.event("told-40", ago(65), "troubleshoot_job");
        stream.event("seen-30", ago(30), "code_suggestion_shown_in_ide");
        stream.event("seen-27", ago(27), "code_suggestion_shown_in_ide");
        stream.event("told-61-seen-1", ago(1), "troubleshoot_job");
        let long: Vec<(&str, Option<NaiveDate>)> = vec![
            ("told-60", Some(ago(60))),
            ("told-59", Some(ago(59))),
            ("told-40", Some(ago(40))),
            ("told-61-seen-1", Some(ago(61))),
            ("seen-30", None),
            ("seen-27", None),
            ("never", None),
        ];
        stream.seats(ago(30), &[&long[..], &[("gone", None), ("back", None)]].concat());
        stream.seats(ago(10), &[&long[..], &[("new", None)]].concat());
        stream.seats(end, &[&long[..], &[("new", None), ("back", None)]].concat());
        let lines = stream.figures(end, &[]);
        ["certain", "probable"].map(|tier| {
            let line = line(&lines, "seats.idle", "window", "", &json!({"tier": tier}));
            (line["value"].clone(), line["basis"].clone())
        })
    };
    // Certain: told-60, never. Probable: told-59, told-40, seen-30. Whoever is new, or came back, is neither.
    assert_eq!(figures(None), [(json!(2), json!(1.0)), (json!(3), json!(1.0))]);
    // GitLab's own date covers a missing day; without it nobody knows of never and seen-30.
    assert_eq!(figures(Some(5)), [(json!(1), json!(7.0 / 9.0)), (json!(2), json!(7.0 / 9.0))]);
    // Before somebody had the seat, or was last seen, nothing has to be known.
    assert_eq!(figures(Some(45)), figures(None));
}

#[test]
fn the_first_use_of_a_seat_needs_its_first_list_and_the_days_between() {
    let first = day("2026-10-01");
    let on = |offset: u64| first.checked_add_days(Days::new(offset)).expect("a day");
    let mut stream = Stream::default();
    stream.cover("usage_events", (0..31).filter(|offset| *offset != 20).map(on));
    let use_it =
        |stream: &mut Stream, user: &str, offset: u64| stream.event(user, on(offset), "troubleshoot_job");
    let lists: [(u64, &[&str]); 4] = [
        (0, &["old", "idle"]),
        (2, &["old", "idle", "three", "shown"]),
        (10, &["old", "idle", "three", "shown", "seven", "before", "gap", "never"]),
        (31, &["old", "idle", "three", "shown", "seven", "before", "gap", "never"]),
    ];
    for (offset, holders) in lists {
        stream.seats(on(offset), &holders.iter().map(|user| (*user, None)).collect::<Vec<_>>());
    }
    use_it(&mut stream, "old", 3);
    use_it(&mut stream, "three", 5);
    use_it(&mut stream, "three", 6);
    use_it(&mut stream, "seven", 17);
    use_it(&mut stream, "before", 9);
    use_it(&mut stream, "gap", 25);
    stream.event("shown", on(4), "code_suggestion_shown_in_ide");
    use_it(&mut stream, "shown", 14);
    let lines = stream.figures(on(30), &[]);
    let days = line(&lines, "seats.days_to_first_use", "month", "2026-10-01", &json!({}));
    // Three, seven and twelve days; left out are old and gap.
    assert_eq!((&days["value"], &days["n"], &days["people"]), (&json!(7), &json!(3), &json!(3)));
    assert_eq!(days["basis"], 3.0 / 5.0);
    // Of those with a seat, before had no event since; idle and never had none at all.
    let activated = line(&lines, "seats.activated", "window", "", &json!({}));
    assert_eq!(
        (&activated["n"], &activated["of"], &activated["value"]),
        (&json!(5), &json!(8), &json!(5.0 / 8.0))
    );
}

#[test]
fn what_looks_back_further_than_the_data_is_null() {
    // A Sunday.
    let end = day("2026-11-01");
    let mut stream = Stream::default();
    stream.cover("usage_events", (0..56).map(|days| before(end, days)));
    // Active from the second week on, and in the seventh for the first time.
    for days in [2, 9, 16, 40] {
        stream.event("ana", before(end, days), "troubleshoot_job");
    }
    stream.event("bo", before(end, 10), "troubleshoot_job");
    stream.event("chidi", before(end, 11), "troubleshoot_job");
    stream.event("chidi", before(end, 1), "troubleshoot_job");
    let lines = stream.figures(end, &[]);
    let cell = |start: &str, cohort: &str, week: &str| {
        line(&lines, "engagement.retention", "week", start, &json!({"cohort": cohort, "week": week}))
    };
    let told = cell("2026-10-26", "2026-10-19", "1");
    assert_eq!(
        (&told["value"], &told["n"], &told["of"], &told["people"]),
        (&json!(0.5), &json!(1), &json!(2), &json!(1))
    );
    assert_eq!(cell("2026-10-19", "2026-10-19", "0")["value"], 1.0);
    assert_eq!(cell("2026-10-26", "2026-10-05", "3")["reason"], "nothing_shown", "nobody began then");
    assert_eq!(cell("2026-10-26", "2026-09-21", "5")["reason"], "look_back_incomplete");
    let heavy = json!({"population": "people", "from": "inactive", "to": "experimenting"});
    assert_eq!(value(&lines, "engagement.movement", "window", "", &heavy), &json!(2));
    let earlier = stream.figures(before(end, 1), &[]);
    assert_eq!(line(&earlier, "engagement.movement", "window", "", &heavy)["reason"], "look_back_incomplete");
    let week = line(
        &earlier,
        "engagement.retention",
        "week",
        "2026-10-26",
        &json!({"cohort": "2026-10-19", "week": "1"}),
    );
    assert_eq!(
        (&week["value"], &week["reason"]),
        (&Value::Null, &json!("period_incomplete")),
        "Sunday is not known"
    );
}

#[test]
fn a_partial_day_tells_of_nobody_that_they_were_not_there() {
    // A Sunday; all is fetched so late that nothing changes any more.
    let end = day("2026-11-01");
    let partial = day("2026-10-07");
    let figures = |is_partial: bool| {
        let mut stream = Stream::default();
        stream.cover("usage_events", days_between(day("2026-09-01"), end));
        stream.event("shown", partial, "code_suggestion_shown_in_ide");
        for user in ["ana", "bo"] {
            stream.event(user, day("2026-10-06"), "troubleshoot_job");
        }
        stream.event("ana", day("2026-10-20"), "troubleshoot_job");
        if is_partial {
            stream.break_off(partial);
        }
        stream.fetched = Some("2026-12-01T03:00:00Z");
        stream.figures(end, &[])
    };
    let (whole, broken) = (figures(false), figures(true));
    let cohort = |week: &str| json!({"cohort": "2026-10-05", "week": week});
    let inactive = json!({"population": "people", "segment": "inactive"});
    let moved = json!({"population": "people", "from": "inactive", "to": "experimenting"});
    for (metric, grain, start, by, known, coverage) in [
        ("engagement.retention", "week", "2026-10-19", &cohort("2"), 0.5, 41.0 / 42.0),
        ("engagement.retention", "week", "2026-10-05", &cohort("0"), 1.0, 34.0 / 35.0),
        ("engagement.users", "window", "", &inactive, 1.0, 27.0 / 28.0),
        ("engagement.movement", "window", "", &moved, 2.0, 55.0 / 56.0),
    ] {
        let told = line(&whole, metric, grain, start, by);
        assert_eq!((told["value"].as_f64(), &told["coverage"]), (Some(known), &json!(1.0)), "{told}");
        assert_eq!(told["final"], true, "{told}");
        let untold = line(&broken, metric, grain, start, by);
        assert_eq!((&untold["value"], &untold["final"]), (&Value::Null, &json!(false)), "{untold}");
        assert_eq!(untold["coverage"].as_f64(), Some(coverage), "{untold}");
        let reason = if start == "2026-10-05" { "period_incomplete" } else { "look_back_incomplete" };
        assert_eq!(untold["reason"], reason, "{untold}");
    }
}

#[test]
fn a_list_of_seats_of_after_the_report_is_not_of_it() {
    for (until, grain, start) in [("2026-10-27", "week", "2026-10-26"), ("2026-10-15", "month", "2026-10-01")]
    {
        let until = day(until);
        let mut stream = Stream::default();
        stream.cover("usage_events", days_between(before(until, 20), before(until, 0)));
        stream.event("ana", until, "troubleshoot_job");
        stream.seats(before(until, 0).succ_opt().expect("a day"), &[("ana", None), ("bo", None)]);
        let later = day(if grain == "week" { "2026-11-01" } else { "2026-10-31" });
        stream.seats(later, &[("chidi", None), ("dana", None), ("eve", None), ("fay", None)]);
        let lines = stream.figures(until, &[]);
        let rate = line(&lines, "seats.active", grain, start, &json!({}));
        assert_eq!((&rate["n"], &rate["of"]), (&json!(1), &json!(2)), "{rate}");
    }
}

#[test]
fn of_two_figures_of_a_purchase_the_greater_counts_and_purchases_without_an_id_add_up() {
    let taken = day("2026-10-31");
    for (purchase, add_up, figures) in [("gid://gitlab/P/1", false, [1, 5, 3]), ("", true, [3, 5, 1])] {
        for turn in 0..3 {
            let mut stream = Stream::default();
            let mut figures = figures;
            figures.rotate_left(turn);
            for purchased in figures {
                let mut pool = json!({"type": "seat_pool", "add_on": "DUO_ENTERPRISE", "purchased": purchased, "assigned": 0});
                if !purchase.is_empty() {
                    pool["purchase"] = json!(purchase);
                }
                stream.add("seats", "acme", taken, pool);
            }
            let lines = stream.figures(taken, &[]);
            let by = json!({"add_on": "DUO_ENTERPRISE"});
            let expected = if add_up { 9 } else { 5 };
            assert_eq!(value(&lines, "seats.purchased", "day", "", &by), expected, "{purchase} {turn}");
        }
    }
}

#[test]
fn a_list_of_seats_that_tells_some_of_them_says_which_share() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    stream.event("ana", today, "troubleshoot_job");
    stream.seats(today, &[("ana", None), ("bo", None)]);
    let pool = json!({"type": "seat_pool", "add_on": "DUO_ENTERPRISE", "purchase": "1", "purchased": 9, "assigned": 3});
    stream.add("seats", "acme", today, pool);
    let lines = stream.figures(today, &[]);
    let rate = line(&lines, "seats.active", "month", "", &json!({}));
    assert_eq!((&rate["n"], &rate["of"], &rate["basis"]), (&json!(1), &json!(2), &json!(2.0 / 3.0)));
}

#[test]
fn what_a_call_without_tokens_costs_is_not_known() {
    let today = day("2026-10-31");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prices = folder.path().join("prices.json");
    let price = json!({"claude-x": {"input_cost_per_token": 0.5, "output_cost_per_token": 0.25}});
    std::fs::write(&prices, price.to_string()).expect("the file");
    let mut stream = Stream::default();
    for (flow, tokens) in [("told", true), ("told", false), ("untold", false)] {
        let mut call = json!({"event": "token_usage_duo_agent_platform", "flow": flow, "model": "claude-x", "session": flow});
        if tokens {
            (call["input_tokens"], call["output_tokens"]) = (json!(100), json!(10));
        }
        stream.exported("snowplow", "acme", "ana", today, call);
    }
    let lines = stream.figures(today, &["--prices", prices.to_str().expect("UTF-8")]);
    let of = |by: Value| line(&lines, "agents.cost_estimate", "month", "", &by).clone();
    let (told, untold, all) =
        (of(json!({"flow": "told"})), of(json!({"flow": "untold"})), of(json!({"model": "claude-x"})));
    assert_eq!((&told["value"], &told["n"], &told["basis"]), (&json!(52.5), &json!(1), &json!(0.5)));
    assert_eq!((&untold["value"], &untold["reason"]), (&Value::Null, &json!("not_in_source")));
    assert_eq!((&all["value"], &all["basis"]), (&json!(52.5), &json!(1.0 / 3.0)));
}

#[test]
fn credits_of_no_product_or_flow_have_their_row_so_that_the_parts_add_up() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    let mut tell = |on: NaiveDate, credits: f64, more: Value| {
        let mut fields = json!({"type": "credit", "date": on.to_string(), "credits": credits});
        fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        stream.add("credits", "acme", on, fields);
    };
    tell(today, 5.5, json!({}));
    tell(today, 2.0, json!({"product": "code_review", "flow": "code_review"}));
    tell(today, 0.25, json!({"product": "chat"}));
    // A day of which all is told, and one of which it is not.
    tell(before(today, 1), 0.3, json!({}));
    tell(before(today, 1), 0.1, json!({"product": "code_review", "flow": "code_review"}));
    tell(before(today, 1), 0.2, json!({"product": "chat"}));
    tell(before(today, 2), 7.0, json!({"product": "chat"}));
    let lines = stream.figures(today, &[]);
    let of =
        |by: Value| value(&lines, "agents.credits", "month", "2026-10-01", &by).as_f64().expect("a number");
    assert!((of(json!({})) - 5.8).abs() < 1e-9);
    assert!((of(json!({"product": "(none)"})) - 3.25).abs() < 1e-9);
    assert!((of(json!({"flow": "(none)"})) - 3.7).abs() < 1e-9, "3.5 and 0.2");
    let whole_day = |by: Value| value(&lines, "agents.credits", "day", "2026-10-31", &by).as_f64();
    assert_eq!(whole_day(json!({"product": "(none)"})), Some(3.25));
    let is_told = |line: &&Value| {
        line["metric"] == "agents.credits"
            && line["start"] == "2026-10-30"
            && line["by"] == json!({"product": "(none)"})
    };
    assert!(lines.iter().find(is_told).is_none(), "all of it is of products");
}

#[test]
fn none_of_what_an_export_may_leave_out_is_not_nought_percent() {
    let today = day("2026-10-31");
    let mut stream = Stream::default();
    for number in 0..6 {
        let user = format!("u{number}");
        stream.exported("snowplow", "acme", &user, today, json!({"event": "code_suggestion_shown_in_ide"}));
        for event in ["agent_platform_session_created", "agent_platform_session_dropped"] {
            let ts = if event.ends_with("created") { "10:00:00" } else { "10:01:00" };
            let more = json!({"event": event, "session": user, "flow": "f", "ts": format!("{today}T{ts}Z")});
            stream.exported("snowplow", "acme", &user, today, more);
        }
        stream.exported(
            "snowplow",
            "acme",
            &user,
            today,
            json!({"event": "duo_workflow_tool_success", "tool": "grep"}),
        );
    }
    let lines = stream.figures(today, &[]);
    for metric in [
        "code_suggestions.acceptance_rate",
        "agents.completion_rate",
        "agents.success_rate",
        "agents.tool_failure_rate",
    ] {
        let rate = line(&lines, metric, "window", "", &json!({}));
        assert_eq!((&rate["value"], &rate["reason"]), (&Value::Null, &json!("not_in_source")), "{metric}");
    }
    assert_eq!(value(&lines, "code_suggestions.shown", "window", "", &json!({})), 6);
}

#[test]
fn a_month_of_dora_is_that_of_its_last_day_and_groups_do_not_add_up() {
    let mut stream = Stream::default();
    let mut tell = |scope: &str, day: NaiveDate, value: Value| {
        let period = format!("{}-01", &day.to_string()[..7]);
        let fields =
            json!({"type": "dora", "measure": "deployment_frequency", "period": period, "value": value});
        stream.add("dora", scope, day, fields);
    };
    tell("acme", day("2026-10-31"), json!(2.5));
    tell("acme", day("2026-10-30"), json!(9.0));
    tell("acme", day("2026-09-28"), Value::Null);
    let of = |lines: &[Value], start: &str| {
        line(lines, "dora.deployment_frequency", "month", start, &json!({})).clone()
    };
    let lines = stream.figures(day("2026-11-01"), &[]);
    let (october, september) = (of(&lines, "2026-10-01"), of(&lines, "2026-09-01"));
    assert_eq!(
        (&october["value"], &october["coverage"], &october["n"]),
        (&json!(2.5), &json!(1.0), &Value::Null)
    );
    assert_eq!((&september["value"], &september["reason"]), (&Value::Null, &json!("nothing_shown")));
    assert_eq!(september["coverage"], 28.0 / 30.0);
    let mut stream = Stream { lines: stream.lines, rows: stream.rows, ..Stream::default() };
    stream.add(
        "dora",
        "globex",
        day("2026-10-31"),
        json!({"type": "dora", "measure": "deployment_frequency", "period": "2026-10-01", "value": 1.0}),
    );
    stream.add(
        "dora",
        "acme/web",
        day("2026-10-31"),
        json!({"type": "dora", "measure": "deployment_frequency", "period": "2026-10-01", "value": 0.5}),
    );
    let lines = stream.figures(day("2026-11-01"), &[]);
    let union = lines.iter().find(|line| {
        line["scope"] == "*" && line["metric"] == "dora.deployment_frequency" && line["start"] == "2026-10-01"
    });
    assert_eq!(union.expect("it is told")["reason"], "not_in_source");
    assert_eq!(of(&lines, "2026-10-01"), october);
}

#[test]
fn beside_each_other_stand_only_merge_requests_of_people() {
    let end = day("2026-10-31");
    let mut stream = Stream::default();
    stream.event("ana", before(end, 3), "troubleshoot_job");
    stream.event("bo", before(end, 3), "code_suggestion_shown_in_ide");
    let mut merge = |author: Value, iid: u64, minutes: u64, lines: Value| {
        let fields = json!({"type": "merge_request", "project": "acme/web", "iid": iid.to_string(), "author": author,
            "bot": author == "robot", "state": "merged", "created_at": format!("{end}T10:00:00Z"),
            "merged_at": format!("{end}T10:{minutes:02}:00Z"), "additions": lines, "deletions": 1});
        stream.add("merge_requests", "acme", end, fields);
    };
    for (iid, minutes) in [(1, 9), (2, 1), (3, 5), (4, 7)] {
        merge(json!("ana"), iid, minutes, json!(iid));
    }
    merge(json!("bo"), 5, 30, Value::Null);
    merge(json!("robot"), 6, 31, json!(1));
    merge(Value::Null, 7, 32, json!(1));
    let lines = stream.figures(end, &[]);
    let of = |metric: &str, with_duo: &str, stat: &str| {
        line(&lines, metric, "window", "", &json!({"with_duo": with_duo, "stat": stat})).clone()
    };
    let time = |with_duo, stat| of("impact.time_to_merge_seconds", with_duo, stat);
    let p50 = time("true", "p50");
    assert_eq!(
        (&p50["value"], &p50["n"], &p50["people"], &p50["basis"]),
        (&json!(300), &json!(4), &json!(1), &json!(5.0 / 7.0))
    );
    assert_eq!((&time("true", "low")["value"], &time("true", "high")["value"]), (&json!(60), &json!(540)));
    assert_eq!(
        (&time("false", "p50")["value"], &time("false", "low")["value"]),
        (&json!(1800), &Value::Null),
        "one has no spread"
    );
    assert_eq!(time("false", "low")["reason"], "too_few", "there is one to divide by");
    assert_eq!(p50["coverage"], 0.0, "no day is known of both");
    let size = of("impact.size_lines", "true", "p50");
    assert_eq!((&size["value"], &size["n"]), (&json!(3), &json!(4)));
    assert_eq!(of("impact.size_lines", "false", "p50")["reason"], "not_in_source", "nobody told bo's lines");
}

#[test]
fn the_parts_of_an_invented_organisation_add_up() {
    let bench = Bench::new(120, 60);
    let raw = bench.fetch(&["--duo", "--project", "--since", "2026-09-02"]);
    let lines = lines_of(&bench.aggregate(&bench.normalize(&raw)), "metric");
    let sum = |metric: &str, grain: &str, start: &Value, has: &dyn Fn(&Value) -> bool| -> u64 {
        let parts = lines
            .iter()
            .filter(|line| line["metric"] == metric && line["grain"] == grain && line["start"] == *start);
        parts.filter(|line| has(&line["by"])).map(|line| line["value"].as_u64().expect("a count")).sum()
    };
    let is_by = |by: &Value, names: &[&str]| by.as_object().expect("an object").keys().eq(names.iter());
    let mut checked = 0;
    for whole in lines.iter().filter(|line| line["by"] == json!({}) && line["value"].is_u64()) {
        let (metric, grain, start) = (
            whole["metric"].as_str().expect("text"),
            whole["grain"].as_str().expect("text"),
            &whole["start"],
        );
        let splits: &[(&str, &[&str])] = match metric {
            "code_review.requests" | "code_review.comments" | "code_review.reactions" => {
                &[(metric, &["kind"])]
            }
            "chat.users" if ["month", "window"].contains(&grain) => &[("chat.user_bands", &["band"])],
            "code_suggestions.shown" | "code_suggestions.accepted" => &[(metric, &["language"])],
            "merge_requests.merged" | "pipelines.count" => &[(metric, &["project"])],
            "events.count" => &[(metric, &["feature"]), (metric, &["kind"]), (metric, &["event", "feature"])],
            _ => &[],
        };
        for (part, names) in splits {
            assert_eq!(
                sum(part, grain, start, &|by| is_by(by, names)),
                whole["value"],
                "{whole} by {names:?}"
            );
            checked += 1;
        }
        if metric == "events.count" && grain == "window" {
            let elsewhere = ["code_suggestions", "chat", "troubleshoot_job", "code_review", "agent_platform"];
            let of_families = sum("events.count", grain, start, &|by| {
                is_by(by, &["feature"]) && elsewhere.iter().any(|feature| by["feature"] == *feature)
            });
            for names in [&["feature"][..], &["event"], &["event", "feature"]] {
                let others = sum("workflow.events", grain, start, &|by| is_by(by, names));
                assert_eq!(json!(of_families + others), whole["value"]);
            }
            for segment in ["inactive", "experimenting", "regular", "heavy"] {
                for population in ["people", "seat_holders"] {
                    let of = |metric: &str, key: &str| -> u64 {
                        let is_meant = |line: &&Value| {
                            line["metric"] == metric
                                && line["grain"] == grain
                                && line["population"] == population
                                && line["by"][key] == segment
                        };
                        let people = lines.iter().filter(is_meant).map(|line| line["value"].as_u64());
                        people.map(|people| people.expect("a count")).sum()
                    };
                    let (now, moved) = (of("engagement.users", "segment"), of("engagement.movement", "to"));
                    assert_eq!(moved, now, "{segment} {population}");
                }
            }
            checked += 1;
        }
    }
    assert!(checked > 500, "{checked}");
}
