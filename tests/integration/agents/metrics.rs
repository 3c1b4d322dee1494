//! Agents: random sessions as events of each source, and their metrics from a reference
//! calculation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, TimeDelta};
use fastrand::Rng;
use serde_json::{Value, json};

use super::simulation::{
    BOT, Call, End, EventSource, INSTANCE, INTERNAL_EVENTS, PRICES, SERVICE_LOG, SNOWPLOW, Session,
    complete_sessions, random_sessions, records,
};
use super::writers::{self, SourceEvent};
use crate::bench::{Bench, lines_of, metric_text};
use crate::metrics::is_same;
use crate::reference::{Number, Period, Put, based, count, periods, quantiles, rate, unknown};

/// Metric values by metric, grain, first day and dimensions.
type Numbers = BTreeMap<String, Value>;

fn key(metric: &str, grain: &str, start: &str, by: &[(&str, &str)]) -> String {
    let by: BTreeSet<String> = by.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{metric} {grain} {start} {by:?}")
}

/// The values of `agents.*` metric lines.
fn found(stream: &[u8]) -> Numbers {
    let mut numbers = Numbers::new();
    for line in lines_of(stream, "metric") {
        let text = |name: &str| line[name].as_str().expect("text");
        if !text("metric").starts_with("agents.") {
            continue;
        }
        let by = line["by"].as_object().expect("an object");
        let by: Vec<(&str, &str)> =
            by.iter().map(|(name, value)| (&**name, value.as_str().expect("text"))).collect();
        let number = ["value", "n", "of", "people", "basis", "reason"]
            .map(|name| (name.to_owned(), line[name].clone()));
        let key = key(text("metric"), text("grain"), text("start"), &by);
        assert!(numbers.insert(key, Value::Object(number.into_iter().collect())).is_none());
    }
    numbers
}

/// The same values, calculated from the sessions.
fn expected(sessions: &[Session], source: EventSource, with_prices: bool) -> Numbers {
    let mut numbers = Numbers::new();
    let days: BTreeSet<NaiveDate> = sessions
        .iter()
        .flat_map(|session| {
            session
                .events_from(source)
                .into_iter()
                .map(|(after, ..)| (session.created + TimeDelta::seconds(after)).date_naive())
        })
        .collect();
    let (since, until) = (*days.first().expect("a day"), *days.last().expect("a day"));
    for period in periods(since, until) {
        let mut put = |metric: &str, by: &[(&str, &str)], number: Number| {
            // An export may be incomplete: no rows do not mean zero, and no matching rows do not
            // mean 0%.
            let is_nothing = [&number.value, &number.n].map(Value::as_f64).contains(&Some(0.0));
            let is_unknown = is_nothing && source.collector != "instance_usage_events";
            let number = if is_unknown { unknown("not_in_source") } else { number };
            let Number { value, n, of, people, basis, reason } = number;
            let number =
                json!({"value": value, "n": n, "of": of, "people": people, "basis": basis, "reason": reason});
            let key = key(metric, period.grain, &period.start.to_string(), by);
            assert!(numbers.insert(key.clone(), number).is_none(), "{key}");
        };
        let first = |session: &Session| {
            // In the service, a session starts with the request.
            let after = if source.gitlab { 0 } else { 4 };
            (session.created + TimeDelta::seconds(after)).date_naive()
        };
        let of_period: Vec<&Session> =
            sessions.iter().filter(|session| (period.start..=period.end).contains(&first(session))).collect();
        expect_sessions(&of_period, source, period, &mut put);
        if source.service {
            expect_tools(sessions, period, source, &mut put);
            expect_tokens(sessions, period, source, with_prices, &mut put);
        } else if period.grain != "day" {
            for metric in ["agents.tool_calls", "agents.tool_failure_rate", "agents.cache_hit_rate"] {
                put(metric, &[], unknown("not_in_source"));
            }
            for (kind, _) in KINDS {
                put("agents.tokens", &[("kind", kind)], unknown("not_in_source"));
            }
        }
    }
    numbers
}

/// Number of people, without bots, among the users of sessions.
fn people(users: impl Iterator<Item = usize>, source: EventSource) -> usize {
    let has_users = source.collector != "service_log";
    users.filter(|person| has_users && *person != BOT).collect::<BTreeSet<_>>().len()
}

fn expect_sessions(sessions: &[&Session], source: EventSource, period: Period, put: &mut Put<'_>) {
    let flows: BTreeSet<&str> = sessions.iter().map(|session| session.flow).collect();
    for flow in std::iter::once(None).chain(flows.into_iter().map(Some)) {
        let by: Vec<(&str, &str)> = flow.map(|flow| ("flow", flow)).into_iter().collect();
        let sessions: Vec<&Session> =
            sessions.iter().copied().filter(|session| flow.is_none_or(|flow| session.flow == flow)).collect();
        expect_statuses(&sessions, source, period, &by, put);
        expect_labeled(&sessions, source, period, &by, put);
        expect_durations(&ended(&sessions, source), source, period, &by, put);
    }
    let labels: [(&str, LabelOf); 3] = [
        ("agent", |session, source| session.agent().filter(|_| source.service)),
        ("item_type", |session, source| session.item_type().filter(|_| source.service).map(str::to_owned)),
        ("flow_version", |session, source| session.version(source).map(str::to_owned)),
    ];
    for (dimension, label_of) in labels {
        for (place, sessions) in by_label(sessions, source, dimension, label_of) {
            expect_labeled(&sessions, source, period, &place.by(dimension), put);
        }
        for (place, ended) in by_label(&ended(sessions, source), source, dimension, label_of) {
            expect_durations(&ended, source, period, &place.by(dimension), put);
        }
    }
}

/// The label of a session in a source, if it has one there.
type LabelOf = fn(&Session, EventSource) -> Option<String>;

/// A flow, if the dimension is crossed with it, and a label.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place(Option<&'static str>, String);

impl Place {
    fn by<'p>(&'p self, dimension: &'p str) -> Vec<(&'p str, &'p str)> {
        let Place(flow, label) = self;
        flow.map(|flow| ("flow", flow)).into_iter().chain([(dimension, &**label)]).collect()
    }
}

/// The sessions of each label; none if no session has one.
fn by_label<'s>(
    sessions: &[&'s Session],
    source: EventSource,
    dimension: &str,
    label_of: LabelOf,
) -> BTreeMap<Place, Vec<&'s Session>> {
    let mut places: BTreeMap<Place, Vec<&Session>> = BTreeMap::new();
    if sessions.iter().any(|session| label_of(session, source).is_some()) {
        for session in sessions {
            let label = label_of(session, source).unwrap_or("(none)".to_owned());
            let flow = (dimension == "flow_version").then_some(session.flow);
            places.entry(Place(flow, label)).or_default().push(session);
        }
    }
    places
}

fn with<'s>(sessions: &[&'s Session], source: EventSource, statuses: &[&str]) -> Vec<&'s Session> {
    sessions.iter().copied().filter(|session| statuses.contains(&session.status(source))).collect()
}

fn ended<'s>(sessions: &[&'s Session], source: EventSource) -> Vec<&'s Session> {
    with(sessions, source, &["finished", "failed", "stopped", "stuck", "cancelled"])
}

fn people_of(sessions: &[&Session], source: EventSource) -> usize {
    people(sessions.iter().map(|session| session.person), source)
}

/// The metrics by status and the completion rate, which are split by flow only.
fn expect_statuses(
    sessions: &[&Session],
    source: EventSource,
    period: Period,
    by: &[(&str, &str)],
    put: &mut Put<'_>,
) {
    for status in ["finished", "failed", "stopped", "cancelled", "stuck", "open"] {
        let of_status = with(sessions, source, &[status]);
        if !of_status.is_empty() {
            let by = [by, &[("status", status)]].concat();
            put("agents.sessions", &by, count(of_status.len(), Some(people_of(&of_status, source))));
        }
    }
    if period.grain != "day" {
        let finished = with(sessions, source, &["finished"]).len() as f64;
        let number = rate(finished, sessions.len() as f64, Some(people_of(sessions, source)));
        put("agents.completion_rate", by, number);
    }
}

/// The metrics that are also split by agent, item type and version.
fn expect_labeled(
    sessions: &[&Session],
    source: EventSource,
    period: Period,
    by: &[(&str, &str)],
    put: &mut Put<'_>,
) {
    let people = people_of(sessions, source);
    put("agents.sessions", by, count(sessions.len(), Some(people)));
    let with_user = if source.collector == "service_log" { 0 } else { sessions.len() };
    put("agents.users", by, based(count(people, Some(people)), with_user, sessions.len()));
    if period.grain != "day" && !by.contains(&("flow", "chat")) {
        let mut ended = with(sessions, source, &["finished", "failed", "stopped", "stuck"]);
        ended.retain(|session| session.flow != "chat");
        let finished = ended.iter().filter(|session| session.end == End::Finished).count();
        let number = rate(finished as f64, ended.len() as f64, Some(people_of(&ended, source)));
        put("agents.success_rate", by, number);
    }
}

fn expect_durations(
    ended: &[&Session],
    source: EventSource,
    period: Period,
    by: &[(&str, &str)],
    put: &mut Put<'_>,
) {
    if period.grain == "day" {
        return;
    }
    type Seconds = fn(&Session, EventSource) -> Option<u64>;
    let times: [(Seconds, [&str; 2]); 2] =
        [(Session::wall, ["p50", "p95"]), (Session::active, ["active", "active_p95"])];
    for (seconds, names) in times {
        let timed: Vec<&Session> =
            ended.iter().copied().filter(|session| seconds(session, source).is_some()).collect();
        let values = timed.iter().filter_map(|session| seconds(session, source)).collect();
        let people = Some(people_of(&timed, source));
        quantiles("agents.duration_seconds", by, values, people, &mut |metric, by, number| {
            let stat = by.last().expect("a statistic").1;
            let name = if stat == "p50" { names[0] } else { names[1] };
            let by = [&by[..by.len() - 1], &[("stat", name)]].concat();
            put(metric, &by, based(number, timed.len(), ended.len()));
        });
    }
}

/// Whether the time `after` seconds after creation is in the period.
fn within(session: &Session, after: i64, period: Period) -> bool {
    let day = (session.created + TimeDelta::seconds(after)).date_naive();
    (period.start..=period.end).contains(&day)
}

fn expect_tools(sessions: &[Session], period: Period, source: EventSource, put: &mut Put<'_>) {
    if period.grain == "day" {
        return;
    }
    let calls: Vec<(&Session, &str, bool)> = sessions
        .iter()
        .flat_map(|session| {
            (0..)
                .zip(&session.tools)
                .filter(|(number, _)| within(session, 6 + number, period))
                .map(move |(_, (tool, succeeded))| (session, *tool, *succeeded))
        })
        .collect();
    let mut places: BTreeSet<[Option<&str>; 2]> = BTreeSet::new();
    for (session, tool, _) in &calls {
        let (tool, flow) = (Some(*tool), Some(session.flow));
        places.extend([[None, None], [tool, None], [None, flow], [tool, flow]]);
    }
    for [tool, flow] in places {
        let of_place: Vec<_> = calls
            .iter()
            .filter(|(session, name, _)| {
                tool.is_none_or(|tool| tool == *name) && flow.is_none_or(|flow| flow == session.flow)
            })
            .collect();
        let by: Vec<(&str, &str)> = [tool.map(|tool| ("tool", tool)), flow.map(|flow| ("flow", flow))]
            .into_iter()
            .flatten()
            .collect();
        let people = Some(people(of_place.iter().map(|(session, ..)| session.person), source));
        put("agents.tool_calls", &by, count(of_place.len(), people));
        let failed = of_place.iter().filter(|(.., succeeded)| !succeeded).count();
        put("agents.tool_failure_rate", &by, rate(failed as f64, of_place.len() as f64, people));
    }
}

/// A kind of tokens, and its value for a call; `None` if the event lacks it.
type Kind = (&'static str, fn(&Call) -> Option<u64>);

const KINDS: [Kind; 7] = [
    ("input", |call| Some(call.input)),
    ("output", |call| Some(call.output)),
    ("cache_read", |call| call.cache.map(|[read, ..]| read)),
    ("cache_write_5m", |call| call.cache.map(|[_, write, _]| write)),
    ("cache_write_1h", |call| call.cache.map(|[.., write]| write)),
    ("cache_write", |call| call.cache.map(|[_, short, long]| short + long)),
    ("gitlab_total", |call| Some(call.input + call.output)),
];

fn expect_tokens(
    sessions: &[Session],
    period: Period,
    source: EventSource,
    with_prices: bool,
    put: &mut Put<'_>,
) {
    let calls: Vec<(&Session, &Call)> = sessions
        .iter()
        .flat_map(|session| {
            (0..)
                .zip(&session.calls)
                .filter(|(number, _)| within(session, 20 + number, period))
                .map(move |(_, call)| (session, call))
        })
        .collect();
    let mut places: BTreeSet<Option<(&str, &str)>> = BTreeSet::new();
    for (session, call) in &calls {
        places.extend([None, Some(("model", call.model)), Some(("flow", session.flow))]);
    }
    for place in places {
        let of_place: Vec<_> = calls
            .iter()
            .filter(|(session, call)| match place {
                None => true,
                Some(("model", model)) => call.model == model,
                Some((_, flow)) => session.flow == flow,
            })
            .collect();
        let people = Some(people(of_place.iter().map(|(session, _)| session.person), source));
        for (kind, tokens) in KINDS {
            let values: Vec<u64> = of_place.iter().filter_map(|(_, call)| tokens(call)).collect();
            let by: Vec<(&str, &str)> = place.into_iter().chain([("kind", kind)]).collect();
            let sum = usize::try_from(values.iter().sum::<u64>()).expect("it fits");
            put("agents.tokens", &by, based(count(sum, people), values.len(), of_place.len()));
        }
        let by: Vec<(&str, &str)> = place.into_iter().collect();
        if period.grain != "day" && place.is_none_or(|(name, _)| name == "model") {
            let cache_read = |call: &Call| {
                call.cache.filter(|cache| cache.iter().sum::<u64>() <= call.input).map(|[read, ..]| read)
            };
            let read: u64 = of_place.iter().filter_map(|(_, call)| cache_read(call)).sum();
            let input: u64 = of_place
                .iter()
                .filter(|(_, call)| cache_read(call).is_some())
                .map(|(_, call)| call.input)
                .sum();
            let compared = of_place.iter().filter(|(_, call)| cache_read(call).is_some()).count();
            let number = rate(read as f64, input as f64, people);
            put("agents.cache_hit_rate", &by, based(number, compared, of_place.len()));
        }
        if with_prices && ["month", "window"].contains(&period.grain) && place.is_some() {
            let costs: Vec<f64> = of_place.iter().filter_map(|(_, call)| cost(call)).collect();
            let number = Number { value: json!(costs.iter().sum::<f64>()), ..count(costs.len(), people) };
            put("agents.cost_estimate", &by, based(number, costs.len(), of_place.len()));
        }
    }
}

/// The cost of a call by [`PRICES`].
fn cost(call: &Call) -> Option<f64> {
    let [input, output, cached, short, long] = match call.model {
        "claude-sonnet-4-5-20250929" => [3e-6, 15e-6, 3e-7, 3.75e-6, 6e-6],
        "claude-opus-4-7@default" => [5e-6, 25e-6, 5e-6, 5e-6, 5e-6],
        _ => return None,
    };
    let cache = call.cache.unwrap_or_default();
    let cached_input = Some(cache.iter().sum::<u64>()).filter(|cached| *cached <= call.input).unwrap_or(0);
    let parts = [
        ((call.input - cached_input), input),
        (call.output, output),
        (cache[0], cached),
        (cache[1], short),
        (cache[2], long),
    ];
    Some(parts.iter().map(|(tokens, price)| *tokens as f64 * price).sum())
}

fn assert_same(found: &Numbers, expected: &Numbers, case: &str) {
    let wrong: Vec<String> = found
        .keys()
        .chain(expected.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|key| match (found.get(*key), expected.get(*key)) {
            (Some(one), Some(other)) => !is_same(one, other),
            _ => true,
        })
        .map(|key| format!("{key}\n  found    {:?}\n  expected {:?}", found.get(key), expected.get(key)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{case}: {} of {} differ\n{}",
        wrong.len(),
        expected.len(),
        wrong.into_iter().take(6).collect::<Vec<_>>().join("\n")
    );
}

/// The `agents.*` metrics with a reference calculation in this file.
pub(crate) fn metrics_with_reference() -> BTreeSet<String> {
    let numbers = expected(&random_sessions(60, 3), SNOWPLOW, true);
    let known = numbers.into_iter().filter(|(_, number)| !number["value"].is_null());
    known.map(|(key, _)| key.split(' ').next().expect("a metric").to_owned()).collect()
}

fn aggregated(bench: &Bench, lines: &[String], flags: &[&str]) -> Vec<u8> {
    let done = bench.pipe(&[&["aggregate"], flags].concat(), lines.join("\n").as_bytes());
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.stdout
}

#[test]
fn a_thousand_sessions_match_the_reference_in_each_source() {
    let bench = Bench::new(20, 3);
    std::fs::write(bench.path("prices.json"), PRICES).expect("a file in a folder of the test");
    let sessions = random_sessions(1_000, 20_261_118);
    for source in [SNOWPLOW, INTERNAL_EVENTS, SERVICE_LOG, INSTANCE] {
        let lines = records(&sessions, source);
        let metrics = aggregated(&bench, &lines, &["--prices", "prices.json"]);
        assert_same(&found(&metrics), &expected(&sessions, source, true), source.collector);
    }
}

#[test]
fn sessions_match_the_reference_in_each_export_format() {
    let bench = Bench::new(20, 3);
    let sessions = complete_sessions(1_000, 23);
    let source_events: Vec<SourceEvent> = sessions.iter().flat_map(Session::source_events).collect();
    let read = |input: &str| -> Numbers {
        let lines = String::from_utf8(bench.normalize(input.as_bytes())).expect("text");
        found(&aggregated(&bench, &lines.lines().map(str::to_owned).collect::<Vec<_>>(), &[]))
    };
    let nodes = EventSource { collector: "nodes of the instance", ..INSTANCE };
    // A tracker sends a few events per request.
    let payloads = source_events.chunks(40).map(|few| format!("{}\n", writers::tp2(few)));
    let table = EventSource { collector: "ai_usage_events", ..INSTANCE };
    for (form, source, written) in [
        (
            "internal events",
            EventSource { has_flow_version: false, ..INTERNAL_EVENTS },
            writers::internal_events(&source_events),
        ),
        ("enriched JSON", SNOWPLOW, writers::snowplow_json(&source_events)),
        ("enriched TSV", SNOWPLOW, writers::snowplow_tsv(&source_events)),
        ("tp2", SNOWPLOW, payloads.collect()),
        ("Micro", SNOWPLOW, writers::micro(&source_events).to_string()),
        ("product usage log", SNOWPLOW, writers::product_usage_log(&source_events)),
        ("nodes of the instance", nodes, writers::instance_nodes(&source_events)),
        ("a dump of PostgreSQL", table, writers::postgres_json(&source_events)),
        ("a dump of PostgreSQL as CSV", table, writers::postgres_csv(&source_events)),
        ("a dump of ClickHouse", table, writers::clickhouse_json(&source_events)),
    ] {
        assert_same(&read(&written), &expected(&sessions, source, false), form);
    }
    // The service log has the flow of a session only in its model calls, and no user.
    let with_calls: Vec<Session> = sessions.into_iter().filter(|session| !session.calls.is_empty()).collect();
    let source_events: Vec<SourceEvent> = with_calls.iter().flat_map(Session::source_events).collect();
    let log = EventSource { collector: "the log of the service", ..SERVICE_LOG };
    let read_log = read(&writers::service_log(&source_events));
    assert_same(&read_log, &expected(&with_calls, log, false), "the log of the service");
}

#[test]
fn a_call_logged_twice_by_the_service_counts_once_with_model_and_flow() {
    let bench = Bench::new(20, 3);
    let source_events: Vec<SourceEvent> =
        complete_sessions(60, 11).iter().flat_map(Session::source_events).collect();
    let log = writers::service_log(&source_events);
    // Tokens of the window without dimensions, or by one dimension.
    let tokens = |without: &str, by: &str| -> Numbers {
        let kept: Vec<&str> = log.lines().filter(|line| !line.contains(without)).collect();
        let lines = String::from_utf8(bench.normalize(kept.join("\n").as_bytes())).expect("text");
        let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        let is_meant = |key: &str| {
            let dimensions = 1 + usize::from(!by.is_empty());
            key.starts_with("agents.tokens window")
                && key.contains(by)
                && key.matches('=').count() == dimensions
        };
        let numbers = found(&aggregated(&bench, &lines, &[]));
        numbers.into_iter().filter(|(key, _)| is_meant(key)).collect()
    };
    let (nothing, calls, events) = ("no such text", "LLM call finished", r#""event_name":"token_usage"#);
    let both = tokens(nothing, "");
    assert!(both.len() > 5, "{both:?}");
    assert_eq!((tokens(calls, ""), tokens(events, "")), (both.clone(), both));
    let by_model = tokens(nothing, "model=");
    assert!(by_model.keys().any(|key| key.contains("claude")), "{by_model:?}");
    assert_eq!(tokens(events, "model="), by_model);
    let by_flow = tokens(nothing, "flow=");
    assert!(by_flow.keys().any(|key| key.contains("flow=chat")), "{by_flow:?}");
    assert_eq!(tokens(calls, "flow="), by_flow);
}

#[test]
fn sessions_from_all_sources_count_once_in_any_order_and_split() {
    let bench = Bench::new(20, 3);
    let sessions = random_sessions(150, 7);
    let mut all: Vec<String> = Vec::new();
    for source in [SNOWPLOW, INTERNAL_EVENTS, SERVICE_LOG, INSTANCE] {
        all.extend(records(&sessions, source));
    }
    let once = aggregated(&bench, &all, &[]);
    // Together they match Snowplow alone, except for users and for days without sessions, which
    // come from GitLab.
    let people = |numbers: Numbers| -> Numbers {
        let sessions = numbers.into_iter().filter(|(key, number)| {
            let is_session = ["agents.sessions", "agents.users", "agents.success", "agents.completion"]
                .iter()
                .any(|metric| key.starts_with(metric));
            is_session && !number["value"].is_null() && number["value"].as_f64() != Some(0.0)
        });
        sessions.collect()
    };
    assert_same(&people(found(&once)), &people(expected(&sessions, SNOWPLOW, false)), "all");
    let tokens = |numbers: Numbers| -> Numbers {
        numbers.into_iter().filter(|(key, _)| key.starts_with("agents.to")).collect()
    };
    assert_same(&tokens(found(&once)), &tokens(expected(&sessions, SNOWPLOW, false)), "tokens and tools");
    // Active people come from GitLab's own events only.
    let active = |lines: &[String]| {
        let metrics = lines_of(&aggregated(&bench, lines, &[]), "metric");
        let is_meant = |line: &&Value| {
            line["metric"] == "users.active" && line["grain"] == "window" && line["by"] == json!({})
        };
        metrics.iter().find(is_meant).expect("the line")["value"].clone()
    };
    assert_eq!(active(&all), active(&records(&sessions, INSTANCE)));

    let mut rng = Rng::with_seed(5);
    let mut files: Vec<Vec<String>> = vec![Vec::new(); 9];
    for line in &all {
        files[rng.usize(0..9)].push(line.clone());
    }
    let mut pieces: Vec<String> = Vec::new();
    for (number, mut file) in files.into_iter().enumerate() {
        rng.shuffle(&mut file);
        if number % 2 == 0 {
            pieces.extend(file.clone());
            pieces.extend(file);
            continue;
        }
        let counted = bench.pipe(&["aggregate", "--emit", "rollups"], file.join("\n").as_bytes());
        assert_eq!(counted.code, 0, "{}", counted.stderr);
        let text = String::from_utf8(counted.stdout).expect("text");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        pieces.extend(lines.iter().cloned().chain(lines.iter().cloned()));
    }
    rng.shuffle(&mut pieces);
    let again = aggregated(&bench, &pieces, &[]);
    assert_eq!(metric_text(&again), metric_text(&once));

    // With a history, and then from the history alone.
    for _ in 0..2 {
        let kept = aggregated(&bench, &pieces, &["--history", "history"]);
        assert_eq!(metric_text(&kept), metric_text(&once));
        pieces.clear();
    }
}

#[test]
fn events_are_identified_by_id_and_not_by_line_number() {
    let bench = Bench::new(20, 3);
    let event = |id: &str, row: u32| {
        format!(
            r#"{{"type":"event","ts":"2026-10-05T09:00:0{row}Z","instance":"i","collector":"snowplow","scope":"/","day":"2026-10-05","fetched_at":"2026-10-06T00:00:00Z","row":"{row}","event":"request_duo_chat_response","feature":"chat","user":"u","event_id":"{id}"}}"#
        )
    };
    let messages = |lines: &[String]| {
        let metrics = lines_of(&aggregated(&bench, lines, &[]), "metric");
        let is_meant = |line: &&Value| line["metric"] == "chat.messages" && line["grain"] == "day";
        metrics.iter().find(is_meant).expect("the line")["value"].clone()
    };
    assert_eq!(messages(&[event("a", 1), event("b", 1)]), 2);
    assert_eq!(messages(&[event("a", 1), event("a", 2)]), 1);
    // The completeness of an export is unknown without a coverage line.
    let coverage = |rows: u32| {
        format!(
            r#"{{"type":"coverage","collector":"snowplow","instance":"i","scope":"/","day":"2026-10-05","status":"complete","rows":{rows},"fetched_at":"2026-10-06T00:00:00Z","reason":null}}"#
        )
    };
    let share = |lines: &[String]| {
        let metrics = lines_of(&aggregated(&bench, lines, &[]), "metric");
        let is_meant = |line: &&Value| line["metric"] == "chat.messages" && line["grain"] == "day";
        metrics.iter().find(is_meant).expect("the line")["coverage"].clone()
    };
    assert_eq!(share(&[event("a", 1), event("b", 1)]), 0.0);
    assert_eq!(share(&[event("a", 1), event("b", 1), coverage(2)]), 1.0);
}

#[test]
fn imported_events_have_days_of_unknown_completeness_and_others_have_missing_days() {
    let bench = Bench::new(20, 3);
    let event = |day: u32| {
        format!(
            r#"{{"type":"event","ts":"2026-10-{day:02}T09:00:00Z","instance":"i","collector":"snowplow","scope":"/","day":"2026-10-{day:02}","fetched_at":"2026-11-06T00:00:00Z","row":"{day}","event":"request_duo_chat_response","feature":"chat","user":"u","event_id":"{day}"}}"#
        )
    };
    let coverage = |day: u32, status: &str| {
        format!(
            r#"{{"type":"coverage","collector":"snowplow","instance":"i","scope":"/","day":"2026-10-{day:02}","status":"{status}","rows":1,"fetched_at":"2026-11-06T00:00:00Z","reason":null}}"#
        )
    };
    let days = |lines: &[String], grain: &str, start: &str| {
        let metrics = lines_of(&aggregated(&bench, lines, &["--until", "2026-10-31"]), "metric");
        let line = metrics.into_iter().find(|line| {
            line["metric"] == "chat.messages" && line["grain"] == grain && line["start"] == start
        });
        let line = line.expect("the line");
        let length =
            [("day", 1.0), ("week", 7.0), ("window", 28.0)].into_iter().find(|(name, _)| *name == grain);
        let length = length.expect("a grain").1;
        let of = |share: &Value| (share.as_f64().unwrap_or(0.0) * length).round() as u64;
        (of(&line["coverage"]), of(&line["imported"]))
    };
    // Monday 5 to Friday 16 October: the weekend between may have had no events.
    let import: Vec<String> = (5..=9).chain(12..=16).map(event).collect();
    assert_eq!(days(&import, "day", "2026-10-06"), (0, 1));
    assert_eq!(days(&import, "week", "2026-10-05"), (0, 7));
    // Days before the first and after the last event are missing.
    assert_eq!(days(&import, "week", "2026-10-12"), (0, 5));
    assert_eq!(days(&import, "window", "2026-10-04"), (0, 12));
    // With coverage lines: one day is partial, another one is complete.
    let stated = [import.clone(), vec![coverage(7, "partial"), coverage(8, "complete")]].concat();
    assert_eq!(days(&stated, "week", "2026-10-05"), (1, 5));

    let lines = aggregated(&bench, &import, &["--until", "2026-10-31"]);
    let by_status: Vec<Value> = lines_of(&lines, "metric")
        .into_iter()
        .filter(|line| line["metric"] == "coverage.days")
        .map(|line| json!([line["by"]["status"], line["value"]]))
        .collect();
    assert_eq!(by_status, [json!(["imported", 10])]);
    let reasons = lines_of(&lines, "coverage");
    assert!(reasons.iter().all(|line| line["reason"] == "imported events, completeness unknown"));
    let digest = bench.pipe(&["export", "--format", "markdown"], &lines);
    let digest = String::from_utf8(digest.stdout).expect("text");
    assert!(digest.contains("Completeness unknown (imported events): `snowplow`."), "{digest}");
    assert!(digest.contains("12 of 28 days imported, completeness unknown"), "{digest}");
    assert!(!digest.contains("Missing:") && !digest.contains("0 of 28"), "{digest}");
}

/// A record of a Snowplow event on 2026-08-18.
fn record(number: usize, time: &str, event: &str, session: u64, more: &Value) -> String {
    let mut line = json!({"type": "event", "ts": format!("2026-08-18T{time}Z"), "instance": "https://gitlab.example.com",
        "collector": "snowplow", "scope": "/", "day": "2026-08-18", "fetched_at": "2026-08-19T00:00:00Z",
        "row": number.to_string(), "event": event, "feature": "duo_workflow", "user": "gid://gitlab/User/42",
        "session": session.to_string(), "event_id": format!("e{number}")});
    line.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    line.to_string()
}

/// The value of a metric of the window that ends on 2026-08-18.
fn value(numbers: &Numbers, metric: &str, by: &[(&str, &str)]) -> Value {
    let key = key(metric, "window", "2026-07-22", by);
    numbers.get(&key).unwrap_or_else(|| panic!("{key} is missing"))["value"].clone()
}

#[test]
fn distinguishes_waiting_failed_and_stuck_sessions() {
    let bench = Bench::new(20, 3);
    let call = |input: u64, output: u64, read: u64, write_5m: u64, write: u64| {
        json!({"model": "claude-sonnet-4-5-20250929", "input_tokens": input, "output_tokens": output,
            "cache_read": read, "cache_write_5m": write_5m, "cache_write": write})
    };
    let of = |flow: &str| json!({"flow": flow});
    let tool = |tool: &str| json!({"tool": tool});
    let events = [
        ("09:00:00", "agent_platform_session_created", 4711, of("fix_pipeline/v1")),
        ("09:00:05", "receive_start_duo_workflow", 4711, of("fix_pipeline")),
        ("09:00:06", "agent_platform_session_started", 4711, of("fix_pipeline/v1")),
        ("09:00:06.300", "request_duo_workflow", 4711, of("fix_pipeline")),
        ("09:00:12", "token_usage_duo_agent_platform", 4711, call(12_000, 400, 0, 9_000, 9_000)),
        ("09:00:14", "duo_workflow_tool_success", 4711, tool("get_job_logs")),
        ("09:00:20", "duo_workflow_tool_failure", 4711, tool("read_file")),
        ("09:00:40", "token_usage_duo_agent_platform", 4711, call(15_000, 900, 9_000, 3_000, 3_000)),
        ("09:00:41", "pause_duo_workflow", 4711, of("fix_pipeline")),
        ("09:10:39", "receive_start_duo_workflow", 4711, of("fix_pipeline")),
        ("09:10:41", "agent_platform_session_resumed", 4711, of("fix_pipeline/v1")),
        ("09:10:41.200", "resume_duo_workflow", 4711, of("fix_pipeline")),
        ("09:10:50", "duo_workflow_tool_success", 4711, tool("create_merge_request")),
        ("09:11:00", "token_usage_duo_agent_platform", 4711, call(18_000, 700, 12_000, 0, 0)),
        ("09:11:01", "agent_platform_session_finished", 4711, of("fix_pipeline/v1")),
        (
            "09:11:02",
            "request_duo_workflow_success",
            4711,
            json!({"flow": "fix_pipeline", "outcome": "completed"}),
        ),
        ("10:00:00", "agent_platform_session_created", 4712, of("software_development")),
        ("10:00:01.100", "request_duo_workflow", 4712, of("software_development")),
        ("10:00:08", "token_usage_duo_agent_platform", 4712, call(8_000, 300, 0, 0, 0)),
        ("10:00:11", "duo_workflow_tool_failure", 4712, tool("run_command")),
        ("10:00:30", "request_duo_workflow_failure", 4712, of("software_development")),
        ("10:00:31", "agent_platform_session_dropped", 4712, of("software_development")),
        ("11:00:00", "agent_platform_session_created", 4713, of("developer/v1")),
        ("11:00:05.200", "request_duo_workflow", 4713, of("developer")),
        ("11:00:11", "token_usage_duo_agent_platform", 4713, call(5_000, 200, 0, 0, 4_000)),
        ("11:40:00", "cleanup_stuck_agent_platform_session", 4713, of("developer/v1")),
        ("11:40:00.040", "agent_platform_session_dropped", 4713, of("developer/v1")),
    ];
    let records = events.iter().enumerate();
    let records =
        records.map(|(number, (time, event, session, more))| record(number, time, event, *session, more));
    let lines: Vec<String> = records.collect();
    let numbers = found(&aggregated(&bench, &lines, &[]));
    for (metric, by, expected) in [
        ("agents.sessions", &[][..], json!(3)),
        ("agents.sessions", &[("status", "finished")], json!(1)),
        ("agents.sessions", &[("flow", "software_development"), ("status", "failed")], json!(1)),
        ("agents.sessions", &[("flow", "developer"), ("status", "stuck")], json!(1)),
        ("agents.success_rate", &[], json!(1.0 / 3.0)),
        ("agents.duration_seconds", &[("flow", "fix_pipeline"), ("stat", "p50")], json!(662)),
        ("agents.duration_seconds", &[("flow", "fix_pipeline"), ("stat", "active")], json!(55.5)),
        ("agents.tool_calls", &[("flow", "fix_pipeline")], json!(3)),
        ("agents.tool_failure_rate", &[], json!(0.5)),
        ("agents.tokens", &[("kind", "input")], json!(58_000)),
        ("agents.tokens", &[("kind", "gitlab_total")], json!(60_500)),
        ("agents.tokens", &[("kind", "cache_read")], json!(21_000)),
        ("agents.tokens", &[("kind", "cache_write")], json!(16_000)),
        ("agents.tokens", &[("flow", "fix_pipeline"), ("kind", "cache_write")], json!(12_000)),
        ("agents.cache_hit_rate", &[], json!(21.0 / 58.0)),
    ] {
        assert!(is_same(&value(&numbers, metric, by), &expected), "{metric} {by:?}");
    }
}

#[test]
fn a_session_lasts_from_creation_to_end_across_sources() {
    let bench = Bench::new(20, 3);
    let of = |collector: &str| json!({"flow": "developer", "collector": collector});
    let one = |time, event: &str, collector: &str| (time, event.to_owned(), 4711_u64, of(collector));
    let created = one("09:00:00", "agent_platform_session_created", "instance_usage_events");
    let started = one("09:01:00", "agent_platform_session_started", "snowplow");
    let requested = one("09:05:00", "request_duo_workflow", "service_log");
    let succeeded = one("09:06:00", "request_duo_workflow_success", "service_log");
    let finished = one("09:06:30", "agent_platform_session_finished", "internal_events");
    let seconds = |events: &[&(&str, String, u64, Value)]| {
        let lines: Vec<String> = events
            .iter()
            .enumerate()
            .map(|(number, (time, event, session, more))| record(number, time, event, *session, more))
            .collect();
        let numbers = |lines: &[String]| {
            let numbers = found(&aggregated(&bench, lines, &[]));
            value(&numbers, "agents.duration_seconds", &[("stat", "p50")])
        };
        let mut reversed = lines.clone();
        reversed.reverse();
        let once = numbers(&lines);
        assert_eq!(numbers(&reversed), once);
        once
    };
    assert_eq!(seconds(&[&requested, &succeeded]), 60);
    assert_eq!(seconds(&[&created, &requested, &succeeded]), 360, "created event of another source");
    assert_eq!(
        seconds(&[&started, &requested, &succeeded]),
        300,
        "without a created event, the first start of any source"
    );
    assert_eq!(
        seconds(&[&created, &started, &requested, &succeeded, &finished]),
        390,
        "the last end of any source"
    );
    assert_eq!(seconds(&[&created, &finished]), 390, "start and end from different sources");
}

#[test]
fn the_last_end_counts_and_sessions_without_an_end_count() {
    let bench = Bench::new(20, 3);
    let of = |flow: &str| json!({"flow": flow});
    let step = |name: &str| format!("agent_platform_session_{name}");
    let sessions = [
        (4711, "fix_pipeline", vec![("09:00:00", "created"), ("09:11:01", "finished")]),
        (4712, "software_development", vec![("10:00:00", "created"), ("10:00:31", "dropped")]),
        (4713, "developer", vec![("11:00:00", "created"), ("11:40:00", "dropped")]),
        (4714, "chat", vec![("13:00:00", "created"), ("13:05:00", "resumed"), ("13:09:00", "resumed")]),
        (4715, "convert_to_gl_ci", vec![("14:00:00", "created"), ("14:03:00", "stopped")]),
        (4716, "developer", vec![("15:00:00", "created"), ("15:02:00", "dropped"), ("15:20:00", "finished")]),
        (4717, "developer", vec![("16:00:00", "created"), ("16:00:03", "started")]),
    ];
    let mut lines = Vec::new();
    for (session, flow, steps) in sessions {
        for (time, name) in steps {
            lines.push(record(lines.len(), time, &step(name), session, &of(flow)));
        }
    }
    let numbers = found(&aggregated(&bench, &lines, &[]));
    for (metric, by, expected) in [
        ("agents.sessions", &[][..], json!(7)),
        ("agents.sessions", &[("status", "finished")], json!(2)),
        ("agents.sessions", &[("status", "failed")], json!(2)),
        ("agents.sessions", &[("status", "stopped")], json!(1)),
        ("agents.sessions", &[("status", "open")], json!(2)),
        ("agents.completion_rate", &[], json!(2.0 / 7.0)),
        ("agents.success_rate", &[], json!(2.0 / 5.0)),
        ("agents.duration_seconds", &[("flow", "fix_pipeline"), ("stat", "p50")], json!(661)),
        ("agents.duration_seconds", &[("flow", "developer"), ("stat", "p50")], json!(1_200)),
        ("agents.duration_seconds", &[("stat", "active")], Value::Null),
        ("agents.tokens", &[("kind", "input")], Value::Null),
    ] {
        assert!(is_same(&value(&numbers, metric, by), &expected), "{metric} {by:?}");
    }
    let chat = key("agents.success_rate", "window", "2026-07-22", &[("flow", "chat")]);
    assert!(!numbers.contains_key(&chat), "chat has no success rate");
}

#[test]
fn forgotten_and_pseudonymized_people_are_in_no_session() {
    let bench = Bench::new(20, 3);
    let sessions = random_sessions(40, 11);
    let lines = records(&sessions, INSTANCE);
    aggregated(&bench, &lines, &["--history", "history"]);
    let user = format!("gid://gitlab/User/{}", sessions[0].person);
    let texts = || -> String {
        crate::bench::files_below(&bench.path("history"))
            .into_iter()
            .map(|(path, content)| crate::bench::text_of(&path, &content))
            .collect()
    };
    assert!(texts().contains(r#""kind":"session""#) && texts().contains(&format!("\"{user}\"")));
    let forgotten = bench.run(&["history", "--history", "history", "forget", &user]);
    assert_eq!(forgotten.code, 0, "{}", forgotten.stderr);
    assert!(!texts().contains(&format!("\"{user}\"")));

    let counted = bench.pipe(&["aggregate", "--emit", "rollups"], lines.join("\n").as_bytes());
    assert_eq!(counted.code, 0, "{}", counted.stderr);
    let mut command = bench.command(&["normalize"]);
    command.env("DUO_METRICS_PSEUDONYM_KEY", "a key of some length");
    let named = crate::bench::run_command(command, &counted.stdout);
    assert_eq!(named.code, 0, "{}", named.stderr);
    let text = String::from_utf8(named.stdout).expect("text");
    assert!(text.contains(r#""kind":"session""#) && text.contains("hmac:") && !text.contains("gitlab/User"));
    // Each field of session rollups has a CSV column.
    let table = bench.pipe(&["normalize", "--format", "csv"], &counted.stdout);
    assert_eq!(table.code, 0, "{}", table.stderr);
}
