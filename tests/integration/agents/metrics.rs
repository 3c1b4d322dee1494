//! Agents: random sessions as each source tells them, and what they come to by a second calculation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use fastrand::Rng;
use serde_json::{Value, json};

use super::writers::{self, Happening, Telling};
use crate::bench::{Bench, lines_of, metric_text};
use crate::figures::is_same;
use crate::reference::{Number, Period, Put, based, count, periods, quantiles, rate, unknown};

/// A session as it was.
struct Session {
    id: u64,
    person: usize,
    flow: &'static str,
    created: DateTime<Utc>,
    /// Seconds of each stretch of work, and of the pause after it but for the last.
    stretches: Vec<(i64, i64)>,
    end: End,
    calls: Vec<Call>,
    tools: Vec<(&'static str, bool)>,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Finished,
    Failed,
    Stopped,
    Cancelled,
    Stuck,
    Open,
}

/// A call of a model.
struct Call {
    model: &'static str,
    input: u64,
    output: u64,
    /// What was read from the cache and written to it for five minutes and for an hour; `None` is not told.
    cache: Option<[u64; 3]>,
}

/// Who tells: GitLab itself, the service that runs sessions, or both; and whether GitLab says what it cleaned up.
#[derive(Clone, Copy)]
struct Teller {
    collector: &'static str,
    gitlab: bool,
    service: bool,
}

const SNOWPLOW: Teller = Teller { collector: "snowplow", gitlab: true, service: true };
const INTERNAL_EVENTS: Teller = Teller { collector: "internal_events", ..SNOWPLOW };
const SERVICE_LOG: Teller = Teller { collector: "service_log", gitlab: false, service: true };
const INSTANCE: Teller = Teller { collector: "instance_usage_events", gitlab: true, service: false };

const FLOWS: [&str; 4] = ["chat", "fix_pipeline", "developer", "code_review"];
const MODELS: [&str; 3] = ["claude-sonnet-4-5-20250929", "claude-opus-4-7@default", "self-hosted"];
const TOOLS: [&str; 4] = ["read_file", "run_command", "get_job_logs", "create_merge_request"];
const BOT: usize = 7;

/// Prices of two of the three models.
const PRICES: &str = r#"{
    "anthropic/claude-sonnet-4-5": {"input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6,
        "cache_read_input_token_cost": 3e-7, "cache_creation_input_token_cost": 3.75e-6,
        "cache_creation_input_token_cost_above_1hr": 6e-6},
    "claude-opus-4-7": {"input_cost_per_token": 5e-6, "output_cost_per_token": 25e-6}
}"#;

fn invented(count: usize, seed: u64) -> Vec<Session> {
    let mut rng = Rng::with_seed(seed);
    let first: DateTime<Utc> = "2026-10-05T00:00:00Z".parse().expect("a moment");
    (0..count as u64)
        .map(|number| Session {
            id: 4_000 + number,
            person: rng.usize(0..12),
            flow: FLOWS[rng.usize(0..FLOWS.len())],
            created: first + TimeDelta::seconds(rng.i64(0..15 * 86_400)),
            stretches: (0..rng.usize(1..4)).map(|_| (rng.i64(1..900), rng.i64(1..4_000))).collect(),
            end: [
                End::Finished,
                End::Finished,
                End::Failed,
                End::Stopped,
                End::Cancelled,
                End::Stuck,
                End::Open,
            ][rng.usize(0..7)],
            calls: (0..rng.usize(0..4))
                .map(|_| {
                    let cache = [rng.u64(0..9_000), rng.u64(0..3_000), rng.u64(0..2_000)];
                    // Most input holds the cache, and some does not.
                    let holds = if rng.u32(0..5) > 0 { cache.iter().sum() } else { 0 };
                    Call {
                        model: MODELS[rng.usize(0..MODELS.len())],
                        input: holds + rng.u64(0..500),
                        output: rng.u64(0..900),
                        cache: (rng.u32(0..6) > 0).then_some(cache),
                    }
                })
                .collect(),
            tools: (0..rng.usize(0..5))
                .map(|_| (TOOLS[rng.usize(0..TOOLS.len())], rng.u32(0..4) > 0))
                .collect(),
        })
        .collect()
}

impl Session {
    /// Seconds after its creation at which the work of each stretch starts and stops; GitLab is a second behind.
    fn spans(&self) -> Vec<(i64, i64)> {
        let mut at = 5;
        let span = |(work, pause): &(i64, i64)| {
            let span = (at, at + work);
            at += work + pause;
            span
        };
        self.stretches.iter().map(span).collect()
    }

    fn last(&self) -> i64 {
        self.spans().last().expect("it worked once").1
    }

    /// Its events as somebody tells them: seconds after its creation, name, and what else they say.
    fn told(&self, teller: Teller) -> Vec<(i64, &'static str, Value)> {
        let mut events: Vec<(i64, &'static str, Value)> = Vec::new();
        let spans = self.spans();
        let last = self.last();
        if teller.gitlab {
            events.push((0, "agent_platform_session_created", json!({})));
            events.push((2, "agent_platform_session_started", json!({})));
            events.extend(
                spans[1..].iter().map(|(start, _)| (*start, "agent_platform_session_resumed", json!({}))),
            );
            let end = match self.end {
                End::Finished => Some((last + 1, "finished")),
                End::Failed => Some((last + 1, "dropped")),
                End::Stopped | End::Cancelled => Some((last + 1, "stopped")),
                End::Stuck => Some((last + 2_400, "dropped")),
                End::Open => None,
            };
            let names = [
                ("finished", "agent_platform_session_finished"),
                ("dropped", "agent_platform_session_dropped"),
                ("stopped", "agent_platform_session_stopped"),
            ];
            events.extend(end.map(|(at, end)| {
                (at, names.iter().find(|(name, _)| *name == end).expect("an end").1, json!({}))
            }));
            if self.end == End::Stuck && teller.service {
                events.push((last + 2_400, "cleanup_stuck_agent_platform_session", json!({})));
            }
        }
        if teller.service {
            for (place, (start, stop)) in spans.iter().enumerate() {
                let name = if place == 0 { "request_duo_workflow" } else { "resume_duo_workflow" };
                events.push((start - 1, "receive_start_duo_workflow", json!({})));
                events.push((*start, name, json!({})));
                if place + 1 < spans.len() {
                    events.push((*stop, "pause_duo_workflow", json!({})));
                }
            }
            events.extend(match self.end {
                End::Finished => {
                    Some((last, "request_duo_workflow_success", json!({"outcome": "completed"})))
                }
                End::Cancelled => {
                    Some((last, "request_duo_workflow_success", json!({"outcome": "cancelled"})))
                }
                End::Failed => Some((last, "request_duo_workflow_failure", json!({"reason": "ModelError"}))),
                _ => None,
            });
            for (number, (tool, succeeded)) in (0..).zip(&self.tools) {
                let outcome = if *succeeded { "success" } else { "failure" };
                let name = if *succeeded { "duo_workflow_tool_success" } else { "duo_workflow_tool_failure" };
                events.push((6 + number, name, json!({"tool": tool, "outcome": outcome})));
            }
            for (number, call) in (0..).zip(&self.calls) {
                let mut told = json!({"model": call.model, "input_tokens": call.input, "output_tokens": call.output,
                    "total_tokens": call.input + call.output});
                if let Some([read, write_5m, write_1h]) = call.cache {
                    told["cache_read"] = read.into();
                    told["cache_write_5m"] = write_5m.into();
                    told["cache_write_1h"] = write_1h.into();
                    told["cache_write"] = (write_5m + write_1h).into();
                }
                events.push((20 + number, "token_usage_duo_agent_platform", told));
            }
        }
        events
    }

    /// The same as the writers of every form take it.
    fn happenings(&self) -> Vec<Happening> {
        let mut calls = self.calls.iter();
        let mut telling = Telling::of(self.id, self.person as u64, self.flow);
        for (after, event, told) in self.told(SNOWPLOW) {
            let at = (self.created + TimeDelta::seconds(after)).timestamp_millis();
            if event.starts_with("token_usage") {
                let Call { model, input, output, cache } = calls.next().expect("a call for each");
                let [read, write_5m, write_1h] = cache.expect("the writers tell all of it");
                telling.call(
                    at,
                    writers::Call {
                        model: (*model).to_owned(),
                        input: *input,
                        output: *output,
                        read,
                        write_5m,
                        write_1h,
                        ..writers::Call::default()
                    },
                );
            } else if event.starts_with("agent_platform") || event.starts_with("cleanup") {
                telling.rails(at, event, "ambient");
            } else {
                let property = match (told["tool"].as_str(), told["outcome"].as_str()) {
                    (Some(tool), _) => tool,
                    (_, Some("cancelled")) => "cancelled_by_user",
                    _ => "workflow_completed",
                };
                telling.service(at, event, property, json!({}));
            }
        }
        telling.happenings
    }

    fn status(&self, teller: Teller) -> &'static str {
        match (self.end, teller.gitlab, teller.service) {
            (End::Finished, ..) => "finished",
            (End::Failed, ..) => "failed",
            (End::Stopped, true, _) | (End::Cancelled, _, false) => "stopped",
            (End::Cancelled, _, true) => "cancelled",
            (End::Stuck, true, true) => "stuck",
            (End::Stuck, true, false) => "failed",
            (End::Stopped | End::Stuck, false, _) | (End::Open, ..) => "open",
        }
    }

    /// From the first creation, else the first start, of any teller to the last end of any.
    fn wall(&self, teller: Teller) -> Option<u64> {
        let seconds = match (self.status(teller), teller.gitlab, self.end) {
            ("open", ..) => return None,
            (_, true, End::Stuck) => self.last() + 2_400,
            (_, true, _) => self.last() + 1,
            (_, false, _) => self.last() - 5,
        };
        u64::try_from(seconds).ok()
    }

    fn active(&self, teller: Teller) -> Option<u64> {
        let work: i64 = self.stretches.iter().map(|(work, _)| work).sum();
        let work = match (self.status(teller), self.end) {
            ("open" | "stuck", _) => return None,
            _ if !teller.service => return None,
            // The service does not tell that it was stopped: GitLab does, a second later.
            (_, End::Stopped) => work + 1,
            _ => work,
        };
        u64::try_from(work).ok()
    }
}

/// The records of sessions as somebody tells them; coverage lines where GitLab was asked.
fn records(sessions: &[Session], teller: Teller) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rows: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for session in sessions {
        for (number, (after, event, told)) in session.told(teller).into_iter().enumerate() {
            let at = session.created + TimeDelta::seconds(after);
            let day = at.date_naive();
            let row = rows.entry(day).or_default();
            *row += 1;
            let calls = event.starts_with("token_usage");
            let mut line = json!({"type": "event", "ts": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "instance": "https://gitlab.example.com", "collector": teller.collector, "scope": "/",
                "day": day.to_string(), "fetched_at": format!("{}T00:00:00Z", day + Days::new(1)),
                "row": row.to_string(), "event": event, "feature": "duo_workflow",
                "session": session.id.to_string()});
            let fields = line.as_object_mut().expect("an object");
            fields.extend(told.as_object().expect("an object").clone());
            fields.insert(
                "user".to_owned(),
                match teller.collector {
                    "instance_usage_events" => format!("gid://gitlab/User/{}", session.person),
                    "service_log" => "(none)".to_owned(),
                    _ => format!("hash{}", session.person),
                }
                .into(),
            );
            if session.person == BOT && teller.collector != "service_log" {
                fields.insert("bot".to_owned(), true.into());
            }
            // Calls of models do not tell the flow, and GitLab tells its version.
            if !calls {
                let version = if teller.gitlab && event.starts_with("agent_platform") { "/v1" } else { "" };
                fields.insert("flow".to_owned(), format!("{}{version}", session.flow).into());
            }
            if teller.collector == "instance_usage_events" {
                fields.insert("row".to_owned(), format!("1:{row}").into());
            } else {
                let id = format!("{}-{}-{number}", teller.collector, session.id);
                fields.insert("event_id".to_owned(), id.into());
            }
            lines.push(line.to_string());
        }
    }
    if teller.collector == "instance_usage_events" {
        for (day, rows) in rows {
            let line = json!({"type": "coverage", "collector": teller.collector,
                "instance": "https://gitlab.example.com", "scope": "/", "day": day.to_string(), "status": "complete",
                "rows": rows, "fetched_at": format!("{}T00:00:00Z", day + Days::new(1)), "reason": null});
            lines.push(line.to_string());
        }
    }
    lines
}

/// Numbers by metric, grain, first day and dimensions.
type Numbers = BTreeMap<String, Value>;

fn key(metric: &str, grain: &str, start: &str, by: &[(&str, &str)]) -> String {
    let by: BTreeSet<String> = by.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{metric} {grain} {start} {by:?}")
}

/// The numbers of agents in metric lines.
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

/// The same numbers once more, from the sessions themselves.
fn expected(sessions: &[Session], teller: Teller, with_prices: bool) -> Numbers {
    let mut numbers = Numbers::new();
    let days: BTreeSet<NaiveDate> = sessions
        .iter()
        .flat_map(|session| {
            session
                .told(teller)
                .into_iter()
                .map(|(after, ..)| (session.created + TimeDelta::seconds(after)).date_naive())
        })
        .collect();
    let (since, until) = (*days.first().expect("a day"), *days.last().expect("a day"));
    for period in periods(since, until) {
        let mut put = |metric: &str, by: &[(&str, &str)], number: Number| {
            // An export does not say what it leaves out: nothing in it is not zero, and none of some is not 0 %.
            let is_nothing = [&number.value, &number.n].map(Value::as_f64).contains(&Some(0.0));
            let is_unknown = is_nothing && teller.collector != "instance_usage_events";
            let number = if is_unknown { unknown("not_in_source") } else { number };
            let Number { value, n, of, people, basis, reason } = number;
            let number =
                json!({"value": value, "n": n, "of": of, "people": people, "basis": basis, "reason": reason});
            let key = key(metric, period.grain, &period.start.to_string(), by);
            assert!(numbers.insert(key.clone(), number).is_none(), "{key}");
        };
        let first = |session: &Session| {
            // The service tells a session from the request it gets.
            let after = if teller.gitlab { 0 } else { 4 };
            (session.created + TimeDelta::seconds(after)).date_naive()
        };
        let of_period: Vec<&Session> =
            sessions.iter().filter(|session| (period.start..=period.end).contains(&first(session))).collect();
        expect_sessions(&of_period, teller, period, &mut put);
        if teller.service {
            expect_tools(sessions, period, teller, &mut put);
            expect_tokens(sessions, period, teller, with_prices, &mut put);
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

/// The people among the users of sessions.
fn people(users: impl Iterator<Item = usize>, teller: Teller) -> usize {
    let told = teller.collector != "service_log";
    users.filter(|person| told && *person != BOT).collect::<BTreeSet<_>>().len()
}

fn expect_sessions(sessions: &[&Session], teller: Teller, period: Period, put: &mut Put<'_>) {
    let of = |sessions: &[&Session]| people(sessions.iter().map(|session| session.person), teller);
    let flows: BTreeSet<&str> = sessions.iter().map(|session| session.flow).collect();
    for flow in std::iter::once(None).chain(flows.into_iter().map(Some)) {
        let by: Vec<(&str, &str)> = flow.map(|flow| ("flow", flow)).into_iter().collect();
        let sessions: Vec<&Session> =
            sessions.iter().copied().filter(|session| flow.is_none_or(|flow| session.flow == flow)).collect();
        let with = |statuses: &[&str]| -> Vec<&Session> {
            sessions.iter().copied().filter(|session| statuses.contains(&session.status(teller))).collect()
        };
        put("agents.sessions", &by, count(sessions.len(), Some(of(&sessions))));
        for status in ["finished", "failed", "stopped", "cancelled", "stuck", "open"] {
            if !with(&[status]).is_empty() {
                let by = [&*by, &[("status", status)]].concat();
                put("agents.sessions", &by, count(with(&[status]).len(), Some(of(&with(&[status])))));
            }
        }
        let users = count(of(&sessions), Some(of(&sessions)));
        let told = if teller.collector == "service_log" { 0 } else { sessions.len() };
        put("agents.users", &by, based(users, told, sessions.len()));
        if period.grain == "day" {
            continue;
        }
        let finished = with(&["finished"]);
        let all = sessions.len() as f64;
        put("agents.completion_rate", &by, rate(finished.len() as f64, all, Some(of(&sessions))));
        if flow != Some("chat") {
            let mut ended = with(&["finished", "failed", "stopped", "stuck"]);
            ended.retain(|session| session.flow != "chat");
            let finished = ended.iter().filter(|session| session.end == End::Finished).count();
            let number = rate(finished as f64, ended.len() as f64, Some(of(&ended)));
            put("agents.success_rate", &by, number);
        }
        let ended = with(&["finished", "failed", "stopped", "stuck", "cancelled"]);
        type Seconds = fn(&Session, Teller) -> Option<u64>;
        let times: [(Seconds, [&str; 2]); 2] =
            [(Session::wall, ["p50", "p95"]), (Session::active, ["active", "active_p95"])];
        for (seconds, names) in times {
            let timed: Vec<&Session> =
                ended.iter().copied().filter(|session| seconds(session, teller).is_some()).collect();
            let values = timed.iter().filter_map(|session| seconds(session, teller)).collect();
            let people = Some(of(&timed));
            quantiles("agents.duration_seconds", &by, values, people, &mut |metric, by, number| {
                let stat = by.last().expect("a statistic").1;
                let name = if stat == "p50" { names[0] } else { names[1] };
                let by = [&by[..by.len() - 1], &[("stat", name)]].concat();
                put(metric, &by, based(number, timed.len(), ended.len()));
            });
        }
    }
}

/// Sessions with what they did after so many seconds, where that is in the period.
fn within(session: &Session, after: i64, period: Period) -> bool {
    let day = (session.created + TimeDelta::seconds(after)).date_naive();
    (period.start..=period.end).contains(&day)
}

fn expect_tools(sessions: &[Session], period: Period, teller: Teller, put: &mut Put<'_>) {
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
        let people = Some(people(of_place.iter().map(|(session, ..)| session.person), teller));
        put("agents.tool_calls", &by, count(of_place.len(), people));
        let failed = of_place.iter().filter(|(.., succeeded)| !succeeded).count();
        put("agents.tool_failure_rate", &by, rate(failed as f64, of_place.len() as f64, people));
    }
}

/// The tokens of a kind of a call, where it tells them.
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

fn expect_tokens(sessions: &[Session], period: Period, teller: Teller, with_prices: bool, put: &mut Put<'_>) {
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
        let people = Some(people(of_place.iter().map(|(session, _)| session.person), teller));
        for (kind, told) in KINDS {
            let values: Vec<u64> = of_place.iter().filter_map(|(_, call)| told(call)).collect();
            let by: Vec<(&str, &str)> = place.into_iter().chain([("kind", kind)]).collect();
            let sum = usize::try_from(values.iter().sum::<u64>()).expect("it fits");
            put("agents.tokens", &by, based(count(sum, people), values.len(), of_place.len()));
        }
        let by: Vec<(&str, &str)> = place.into_iter().collect();
        if period.grain != "day" && place.is_none_or(|(name, _)| name == "model") {
            let holds = |call: &Call| {
                call.cache.filter(|cache| cache.iter().sum::<u64>() <= call.input).map(|[read, ..]| read)
            };
            let read: u64 = of_place.iter().filter_map(|(_, call)| holds(call)).sum();
            let input: u64 =
                of_place.iter().filter(|(_, call)| holds(call).is_some()).map(|(_, call)| call.input).sum();
            let compared = of_place.iter().filter(|(_, call)| holds(call).is_some()).count();
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

/// What a call costs by [`PRICES`].
fn cost(call: &Call) -> Option<f64> {
    let [input, output, cached, short, long] = match call.model {
        "claude-sonnet-4-5-20250929" => [3e-6, 15e-6, 3e-7, 3.75e-6, 6e-6],
        "claude-opus-4-7@default" => [5e-6, 25e-6, 5e-6, 5e-6, 5e-6],
        _ => return None,
    };
    let cache = call.cache.unwrap_or_default();
    let held = Some(cache.iter().sum::<u64>()).filter(|cached| *cached <= call.input).unwrap_or(0);
    let parts = [
        ((call.input - held), input),
        (call.output, output),
        (cache[0], cached),
        (cache[1], short),
        (cache[2], long),
    ];
    Some(parts.iter().map(|(tokens, price)| *tokens as f64 * price).sum())
}

fn assert_same(found: &Numbers, expected: &Numbers, what: &str) {
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
        "{what}: {} of {} differ\n{}",
        wrong.len(),
        expected.len(),
        wrong.into_iter().take(6).collect::<Vec<_>>().join("\n")
    );
}

/// The metrics of agents that are calculated twice here.
pub(crate) fn calculated_twice() -> BTreeSet<String> {
    let numbers = expected(&invented(60, 3), SNOWPLOW, true);
    let known = numbers.into_iter().filter(|(_, number)| !number["value"].is_null());
    known.map(|(key, _)| key.split(' ').next().expect("a metric").to_owned()).collect()
}

/// Invented sessions that the writers of forms can tell: with all counts, and of nobody who is a bot.
fn tellable(count: usize, seed: u64) -> Vec<Session> {
    let mut sessions = invented(count, seed);
    for session in &mut sessions {
        session.calls.iter_mut().for_each(|call| call.cache = Some(call.cache.unwrap_or_default()));
        session.person += usize::from(session.person == BOT);
    }
    sessions
}

fn aggregated(bench: &Bench, lines: &[String], flags: &[&str]) -> Vec<u8> {
    let done = bench.pipe(&[&["aggregate"], flags].concat(), lines.join("\n").as_bytes());
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.stdout
}

#[test]
fn a_thousand_sessions_come_to_the_same_from_every_source_that_can_tell_them() {
    let bench = Bench::new(20, 3);
    std::fs::write(bench.path("prices.json"), PRICES).expect("a file in a folder of the test");
    let sessions = invented(1_000, 20_261_118);
    for teller in [SNOWPLOW, INTERNAL_EVENTS, SERVICE_LOG, INSTANCE] {
        let lines = records(&sessions, teller);
        let metrics = aggregated(&bench, &lines, &["--prices", "prices.json"]);
        assert_same(&found(&metrics), &expected(&sessions, teller, true), teller.collector);
    }
}

#[test]
fn written_and_read_in_every_form_they_come_to_the_same_too() {
    let bench = Bench::new(20, 3);
    let sessions = tellable(1_000, 23);
    let happenings: Vec<Happening> = sessions.iter().flat_map(Session::happenings).collect();
    let read = |input: &str| -> Numbers {
        let lines = String::from_utf8(bench.normalize(input.as_bytes())).expect("text");
        found(&aggregated(&bench, &lines.lines().map(str::to_owned).collect::<Vec<_>>(), &[]))
    };
    let nodes = Teller { collector: "nodes of the instance", ..INSTANCE };
    // A tracker posts a few events at a time.
    let payloads = happenings.chunks(40).map(|few| format!("{}\n", writers::tp2(few)));
    let table = Teller { collector: "ai_usage_events", ..INSTANCE };
    for (form, teller, written) in [
        ("internal events", INTERNAL_EVENTS, writers::internal_events(&happenings)),
        ("enriched JSON", SNOWPLOW, writers::snowplow_json(&happenings)),
        ("enriched TSV", SNOWPLOW, writers::snowplow_tsv(&happenings)),
        ("tp2", SNOWPLOW, payloads.collect()),
        ("Micro", SNOWPLOW, writers::micro(&happenings).to_string()),
        ("product usage log", SNOWPLOW, writers::product_usage_log(&happenings)),
        ("nodes of the instance", nodes, writers::instance_nodes(&happenings)),
        ("a dump of PostgreSQL", table, writers::postgres_json(&happenings)),
        ("a dump of PostgreSQL as CSV", table, writers::postgres_csv(&happenings)),
        ("a dump of ClickHouse", table, writers::clickhouse_json(&happenings)),
    ] {
        assert_same(&read(&written), &expected(&sessions, teller, false), form);
    }
    // The log tells the flow of a session by its calls alone, and whose it is.
    let calling: Vec<Session> = sessions.into_iter().filter(|session| !session.calls.is_empty()).collect();
    let happenings: Vec<Happening> = calling.iter().flat_map(Session::happenings).collect();
    let log = Teller { collector: "the log of the service", ..SERVICE_LOG };
    let read_log = read(&writers::service_log(&happenings));
    assert_same(&read_log, &expected(&calling, log, false), "the log of the service");
}

#[test]
fn a_call_that_the_log_of_the_service_notes_twice_counts_once_with_its_model_and_its_flow() {
    let bench = Bench::new(20, 3);
    let happenings: Vec<Happening> = tellable(60, 11).iter().flat_map(Session::happenings).collect();
    let log = writers::service_log(&happenings);
    // Tokens of the window, those split by something apart.
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
    let (nothing, calls, events) = ("nothing of it", "LLM call finished", r#""event_name":"token_usage"#);
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
fn told_by_all_at_once_in_pieces_in_any_order_and_twice_they_count_once() {
    let bench = Bench::new(20, 3);
    let sessions = invented(150, 7);
    let mut all: Vec<String> = Vec::new();
    for teller in [SNOWPLOW, INTERNAL_EVENTS, SERVICE_LOG, INSTANCE] {
        all.extend(records(&sessions, teller));
    }
    let once = aggregated(&bench, &all, &[]);
    // Together they tell what Snowplow does alone; but whose a session is, GitLab tells, and that there is none on a day.
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
    // Who was active, GitLab's own events say, and no export beside them.
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

    // By way of a history, and a second time from it alone.
    for _ in 0..2 {
        let kept = aggregated(&bench, &pieces, &["--history", "history"]);
        assert_eq!(metric_text(&kept), metric_text(&once));
        pieces.clear();
    }
}

#[test]
fn an_id_is_the_identity_and_a_line_number_is_none() {
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
    // An export says nothing of whether it is whole, unless somebody says it.
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
    // What is before the first of its days and after the last is missing.
    assert_eq!(days(&import, "week", "2026-10-12"), (0, 5));
    assert_eq!(days(&import, "window", "2026-10-04"), (0, 12));
    // A coverage line states it: of one day rows are missing, another one is complete.
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

/// A record of an event of Snowplow on 18 August 2026.
fn record(number: usize, (time, event, session, more): &(&str, &str, u64, Value)) -> String {
    let mut line = json!({"type": "event", "ts": format!("2026-08-18T{time}Z"), "instance": "https://gitlab.example.com",
        "collector": "snowplow", "scope": "/", "day": "2026-08-18", "fetched_at": "2026-08-19T00:00:00Z",
        "row": number.to_string(), "event": event, "feature": "duo_workflow", "user": "gid://gitlab/User/42",
        "session": session.to_string(), "event_id": format!("e{number}")});
    line.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    line.to_string()
}

/// The value of a metric of the day's window.
fn value(numbers: &Numbers, metric: &str, by: &[(&str, &str)]) -> Value {
    let key = key(metric, "window", "2026-07-22", by);
    numbers.get(&key).unwrap_or_else(|| panic!("{key} is not told"))["value"].clone()
}

#[test]
fn a_session_that_waits_one_that_fails_and_one_that_is_stuck_are_told_apart() {
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
    let lines: Vec<String> = events.iter().enumerate().map(|(number, event)| record(number, event)).collect();
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
fn a_session_lasts_from_its_creation_to_its_end_whoever_tells_each_of_them() {
    let bench = Bench::new(20, 3);
    let of = |collector: &str| json!({"flow": "developer", "collector": collector});
    let one = |time, event: &str, collector: &str| (time, event.to_owned(), 4711_u64, of(collector));
    let created = one("09:00:00", "agent_platform_session_created", "instance_usage_events");
    let started = one("09:01:00", "agent_platform_session_started", "snowplow");
    let requested = one("09:05:00", "request_duo_workflow", "service_log");
    let succeeded = one("09:06:00", "request_duo_workflow_success", "service_log");
    let finished = one("09:06:30", "agent_platform_session_finished", "internal_events");
    let seconds = |told: &[&(&str, String, u64, Value)]| {
        let told: Vec<String> = told
            .iter()
            .enumerate()
            .map(|(number, (time, event, session, more))| {
                record(number, &(time, event.as_str(), *session, more.clone()))
            })
            .collect();
        let numbers = |lines: &[String]| {
            let numbers = found(&aggregated(&bench, lines, &[]));
            value(&numbers, "agents.duration_seconds", &[("stat", "p50")])
        };
        let mut backwards = told.clone();
        backwards.reverse();
        let once = numbers(&told);
        assert_eq!(numbers(&backwards), once);
        once
    };
    assert_eq!(seconds(&[&requested, &succeeded]), 60);
    assert_eq!(seconds(&[&created, &requested, &succeeded]), 360, "the creation is another source's");
    assert_eq!(seconds(&[&started, &requested, &succeeded]), 300, "without one, the first start of any");
    assert_eq!(seconds(&[&created, &started, &requested, &succeeded, &finished]), 390, "the last end of any");
    assert_eq!(seconds(&[&created, &finished]), 390, "of two sources that tell one of them each");
}

#[test]
fn the_last_end_counts_and_so_does_a_session_that_has_none() {
    let bench = Bench::new(20, 3);
    let of = |flow: &str| json!({"flow": flow});
    let step = |name: &str| format!("agent_platform_session_{name}");
    let told = [
        (4711, "fix_pipeline", vec![("09:00:00", "created"), ("09:11:01", "finished")]),
        (4712, "software_development", vec![("10:00:00", "created"), ("10:00:31", "dropped")]),
        (4713, "developer", vec![("11:00:00", "created"), ("11:40:00", "dropped")]),
        (4714, "chat", vec![("13:00:00", "created"), ("13:05:00", "resumed"), ("13:09:00", "resumed")]),
        (4715, "convert_to_gl_ci", vec![("14:00:00", "created"), ("14:03:00", "stopped")]),
        (4716, "developer", vec![("15:00:00", "created"), ("15:02:00", "dropped"), ("15:20:00", "finished")]),
        (4717, "developer", vec![("16:00:00", "created"), ("16:00:03", "started")]),
    ];
    let mut lines = Vec::new();
    for (session, flow, steps) in told {
        for (time, name) in steps {
            lines.push(record(lines.len(), &(time, &step(name), session, of(flow))));
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
    assert!(!numbers.contains_key(&chat), "chat neither succeeds nor fails");
}

#[test]
fn who_is_forgotten_or_has_a_pseudonym_is_in_no_session() {
    let bench = Bench::new(20, 3);
    let sessions = invented(40, 11);
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
    let named = crate::bench::done(command, &counted.stdout);
    assert_eq!(named.code, 0, "{}", named.stderr);
    let text = String::from_utf8(named.stdout).expect("text");
    assert!(text.contains(r#""kind":"session""#) && text.contains("hmac:") && !text.contains("gitlab/User"));
    // Each field of them has a column.
    let table = bench.pipe(&["normalize", "--format", "csv"], &counted.stdout);
    assert_eq!(table.code, 0, "{}", table.stderr);
}
