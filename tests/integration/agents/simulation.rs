//! Random sessions, and their events and records in each source.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use fastrand::Rng;
use serde_json::{Value, json};

use super::writers::{self, SessionEvents, SourceEvent};

/// A simulated session.
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) person: usize,
    pub(super) flow: &'static str,
    pub(super) created: DateTime<Utc>,
    /// Seconds of each stretch of work and of the pause after it; the last pause is ignored.
    pub(super) stretches: Vec<(i64, i64)>,
    pub(super) end: End,
    pub(super) calls: Vec<Call>,
    pub(super) tools: Vec<(&'static str, bool)>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum End {
    Finished,
    Failed,
    Stopped,
    Cancelled,
    Stuck,
    Open,
}

/// A call of a model.
pub(super) struct Call {
    pub(super) model: &'static str,
    pub(super) input: u64,
    pub(super) output: u64,
    /// Tokens read from the cache, and written to it for 5 minutes and for an hour; `None` if the
    /// event lacks them.
    pub(super) cache: Option<[u64; 3]>,
}

/// A source of events. `gitlab`: contains GitLab's own events. `service`: contains those of the
/// service that runs sessions, and GitLab's cleanup of stuck sessions.
#[derive(Clone, Copy)]
pub(super) struct EventSource {
    pub(super) collector: &'static str,
    pub(super) gitlab: bool,
    pub(super) service: bool,
    /// Whether the flow of GitLab's events contains its version.
    pub(super) has_flow_version: bool,
}

pub(super) const SNOWPLOW: EventSource =
    EventSource { collector: "snowplow", gitlab: true, service: true, has_flow_version: true };
pub(super) const INTERNAL_EVENTS: EventSource = EventSource { collector: "internal_events", ..SNOWPLOW };
pub(super) const SERVICE_LOG: EventSource =
    EventSource { collector: "service_log", gitlab: false, ..SNOWPLOW };
pub(super) const INSTANCE: EventSource =
    EventSource { collector: "instance_usage_events", service: false, ..SNOWPLOW };

pub(super) const FLOWS: [&str; 4] = ["chat", "fix_pipeline", "developer", "code_review"];
pub(super) const MODELS: [&str; 3] = ["claude-sonnet-4-5-20250929", "claude-opus-4-7@default", "self-hosted"];
pub(super) const TOOLS: [&str; 4] = ["read_file", "run_command", "get_job_logs", "create_merge_request"];
pub(super) const BOT: usize = 7;

/// Prices of two of the three models.
pub(super) const PRICES: &str = r#"{
    "anthropic/claude-sonnet-4-5": {"input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6,
        "cache_read_input_token_cost": 3e-7, "cache_creation_input_token_cost": 3.75e-6,
        "cache_creation_input_token_cost_above_1hr": 6e-6},
    "claude-opus-4-7": {"input_cost_per_token": 5e-6, "output_cost_per_token": 25e-6}
}"#;

pub(super) fn random_sessions(count: usize, seed: u64) -> Vec<Session> {
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
                    // Mostly, the input tokens include the cached ones.
                    let from_cache = if rng.u32(0..5) > 0 { cache.iter().sum() } else { 0 };
                    Call {
                        model: MODELS[rng.usize(0..MODELS.len())],
                        input: from_cache + rng.u64(0..500),
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
    /// Start and end of each stretch of work, in seconds after creation. GitLab's events are one
    /// second later.
    pub(super) fn spans(&self) -> Vec<(i64, i64)> {
        let mut at = 5;
        let span = |(work, pause): &(i64, i64)| {
            let span = (at, at + work);
            at += work + pause;
            span
        };
        self.stretches.iter().map(span).collect()
    }

    pub(super) fn last(&self) -> i64 {
        self.spans().last().expect("at least one stretch").1
    }

    /// Its events in a source: seconds after creation, name, and other fields.
    pub(super) fn events_from(&self, source: EventSource) -> Vec<(i64, &'static str, Value)> {
        let mut events: Vec<(i64, &'static str, Value)> = Vec::new();
        let spans = self.spans();
        let last = self.last();
        if source.gitlab {
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
            if self.end == End::Stuck && source.service {
                events.push((last + 2_400, "cleanup_stuck_agent_platform_session", json!({})));
            }
        }
        if source.service {
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
                let mut fields = json!({"model": call.model, "input_tokens": call.input, "output_tokens": call.output,
                    "total_tokens": call.input + call.output});
                if let Some([read, write_5m, write_1h]) = call.cache {
                    fields["cache_read"] = read.into();
                    fields["cache_write_5m"] = write_5m.into();
                    fields["cache_write_1h"] = write_1h.into();
                    fields["cache_write"] = (write_5m + write_1h).into();
                }
                events.push((20 + number, "token_usage_duo_agent_platform", fields));
            }
        }
        events
    }

    /// What the service reports of the session at this time, in seconds after creation: the name in
    /// the AI Context, the name in records, and the value. The version of some sessions changes when
    /// they continue.
    pub(super) fn context_at(&self, after: i64) -> Vec<(&'static str, &'static str, Value)> {
        let spans = self.spans();
        let is_updated = self.id % 5 == 0 && spans.len() > 1 && after >= spans[1].0;
        [
            ("agent_name", "agent", self.agent_name().map(Value::from)),
            ("item_type", "item_type", self.item_type().map(Value::from)),
            ("custom_item_id", "item", self.item().map(Value::from)),
            (
                "item_version",
                "item_version",
                (self.id % 7 > 0).then(|| if is_updated { "2.0.0" } else { "1.0.0" }.into()),
            ),
        ]
        .into_iter()
        .filter_map(|(in_context, in_record, value)| Some((in_context, in_record, value?)))
        .collect()
    }

    fn agent_name(&self) -> Option<&'static str> {
        [None, Some("planner"), Some("reviewer")][self.id as usize % 3]
    }

    fn item(&self) -> Option<u64> {
        self.item_type().filter(|kind| kind.starts_with("custom")).map(|_| 100 + self.id % 2)
    }

    /// The type of the agent or flow, of sources with the events of the service.
    pub(super) fn item_type(&self) -> Option<&'static str> {
        [Some("foundational_flow"), Some("custom_flow"), Some("custom_agent"), None][self.id as usize % 4]
    }

    /// The agent as metrics name it: by the id of the custom item if it has no name.
    pub(super) fn agent(&self) -> Option<String> {
        self.agent_name().map(str::to_owned).or_else(|| Some(format!("item {}", self.item()?)))
    }

    /// The version that appeared last: GitLab reports the version of the flow first.
    pub(super) fn version(&self, source: EventSource) -> Option<&'static str> {
        match (source.service && self.id % 7 > 0, source.gitlab && source.has_flow_version) {
            (true, _) if self.id % 5 == 0 && self.stretches.len() > 1 => Some("2.0.0"),
            (true, _) => Some("1.0.0"),
            (false, true) => Some("v1"),
            (false, false) => None,
        }
    }

    /// Its events as input of the writers.
    pub(super) fn source_events(&self) -> Vec<SourceEvent> {
        let mut calls = self.calls.iter();
        let mut telling = SessionEvents::of(self.id, self.person as u64, self.flow);
        for (after, event, fields) in self.events_from(SNOWPLOW) {
            let at = (self.created + TimeDelta::seconds(after)).timestamp_millis();
            let context = self.context_at(after).into_iter();
            telling.context = context.map(|(name, _, value)| (name.to_owned(), value)).collect();
            if event.starts_with("token_usage") {
                let Call { model, input, output, cache } = calls.next().expect("a call for each");
                let [read, write_5m, write_1h] = cache.expect("complete_sessions sets the cache");
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
                let property = match (fields["tool"].as_str(), fields["outcome"].as_str()) {
                    (Some(tool), _) => tool,
                    (_, Some("cancelled")) => "cancelled_by_user",
                    _ => "workflow_completed",
                };
                telling.service(at, event, property, json!({}));
            }
        }
        telling.source_events
    }

    pub(super) fn status(&self, source: EventSource) -> &'static str {
        match (self.end, source.gitlab, source.service) {
            (End::Finished, ..) => "finished",
            (End::Failed, ..) => "failed",
            (End::Stopped, true, _) | (End::Cancelled, _, false) => "stopped",
            (End::Cancelled, _, true) => "cancelled",
            (End::Stuck, true, true) => "stuck",
            (End::Stuck, true, false) => "failed",
            (End::Stopped | End::Stuck, false, _) | (End::Open, ..) => "open",
        }
    }

    /// Seconds from the first created event (else the first start) to the last end, over all
    /// sources.
    pub(super) fn wall(&self, source: EventSource) -> Option<u64> {
        let seconds = match (self.status(source), source.gitlab, self.end) {
            ("open", ..) => return None,
            (_, true, End::Stuck) => self.last() + 2_400,
            (_, true, _) => self.last() + 1,
            (_, false, _) => self.last() - 5,
        };
        u64::try_from(seconds).ok()
    }

    pub(super) fn active(&self, source: EventSource) -> Option<u64> {
        let work: i64 = self.stretches.iter().map(|(work, _)| work).sum();
        let work = match (self.status(source), self.end) {
            ("open" | "stuck", _) => return None,
            _ if !source.service => return None,
            // Only GitLab reports that it was stopped, one second later.
            (_, End::Stopped) => work + 1,
            _ => work,
        };
        u64::try_from(work).ok()
    }
}

/// The records of sessions in a source; with coverage lines if the source is GitLab's API.
pub(super) fn records(sessions: &[Session], source: EventSource) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rows: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for session in sessions {
        for (number, (after, event, more)) in session.events_from(source).into_iter().enumerate() {
            let at = session.created + TimeDelta::seconds(after);
            let day = at.date_naive();
            let row = rows.entry(day).or_default();
            *row += 1;
            let calls = event.starts_with("token_usage");
            let mut line = json!({"type": "event", "ts": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "instance": "https://gitlab.example.com", "collector": source.collector, "scope": "/",
                "day": day.to_string(), "fetched_at": format!("{}T00:00:00Z", day + Days::new(1)),
                "row": row.to_string(), "event": event, "feature": "duo_workflow",
                "session": session.id.to_string()});
            let fields = line.as_object_mut().expect("an object");
            fields.extend(more.as_object().expect("an object").clone());
            fields.insert(
                "user".to_owned(),
                match source.collector {
                    "instance_usage_events" => format!("gid://gitlab/User/{}", session.person),
                    "service_log" => "(none)".to_owned(),
                    _ => format!("hash{}", session.person),
                }
                .into(),
            );
            if session.person == BOT && source.collector != "service_log" {
                fields.insert("bot".to_owned(), true.into());
            }
            if !event.starts_with("agent_platform") && !event.starts_with("cleanup") {
                for (_, name, value) in session.context_at(after) {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    fields.insert(name.to_owned(), text.into());
                }
            }
            // Model calls lack the flow, and GitLab's events contain its version.
            if !calls {
                let version = if source.gitlab && event.starts_with("agent_platform") { "/v1" } else { "" };
                fields.insert("flow".to_owned(), format!("{}{version}", session.flow).into());
            }
            if source.collector == "instance_usage_events" {
                fields.insert("row".to_owned(), format!("1:{row}").into());
            } else {
                let id = format!("{}-{}-{number}", source.collector, session.id);
                fields.insert("event_id".to_owned(), id.into());
            }
            lines.push(line.to_string());
        }
    }
    if source.collector == "instance_usage_events" {
        for (day, rows) in rows {
            let line = json!({"type": "coverage", "collector": source.collector,
                "instance": "https://gitlab.example.com", "scope": "/", "day": day.to_string(), "status": "complete",
                "rows": rows, "fetched_at": format!("{}T00:00:00Z", day + Days::new(1)), "reason": null});
            lines.push(line.to_string());
        }
    }
    lines
}

/// Random sessions that the writers of all formats can represent: with all token counts, and
/// without bots.
pub(super) fn complete_sessions(count: usize, seed: u64) -> Vec<Session> {
    let mut sessions = random_sessions(count, seed);
    for session in &mut sessions {
        session.calls.iter_mut().for_each(|call| call.cache = Some(call.cache.unwrap_or_default()));
        session.person += usize::from(session.person == BOT);
    }
    sessions
}
