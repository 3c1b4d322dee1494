//! Writers of all event formats of the Agent Platform. Each writes the same events the way its
//! source does.

use serde_json::{Map, Value, json};

/// The host of the instance of all events.
pub(crate) const HOST: &str = "gitlab.example.com";

/// The id of that instance.
const INSTANCE_ID: &str = "ea8bf810-1d6f-4a6a-b4fd-93e8cbd8b57f";

/// Stands for messages and error texts in sources. Records must not contain it.
pub(crate) const SECRET: &str = "the secret text";

/// An event, independent of source formats.
#[derive(Clone, Debug)]
pub(crate) struct SourceEvent {
    pub(crate) id: String,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) event: &'static str,
    pub(crate) emitter: Emitter,
    pub(crate) session: u64,
    pub(crate) user: u64,
    /// Without its version.
    pub(crate) flow: String,
    pub(crate) property: String,
    pub(crate) extra: Value,
    pub(crate) call: Option<Call>,
    /// More fields of the AI Context, which only the service sends.
    pub(crate) context: Value,
}

/// The component that emits an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emitter {
    /// GitLab itself.
    Rails,
    /// The Duo Workflow Service.
    Service,
}

/// A call of a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) model: String,
    pub(crate) engine: String,
    pub(crate) provider: String,
    pub(crate) agent: String,
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) read: u64,
    pub(crate) write_5m: u64,
    pub(crate) write_1h: u64,
    pub(crate) creation: u64,
}

/// Builder of the events of one session, in order.
pub(crate) struct SessionEvents {
    session: u64,
    user: u64,
    flow: String,
    /// More fields of the AI Context of the next events.
    pub(crate) context: Value,
    pub(crate) source_events: Vec<SourceEvent>,
}

impl SessionEvents {
    pub(crate) fn of(session: u64, user: u64, flow: &str) -> SessionEvents {
        let (flow, context) = (flow.to_owned(), json!({}));
        SessionEvents { session, user, flow, context, source_events: Vec::new() }
    }

    pub(crate) fn rails(&mut self, at: i64, event: &'static str, property: &str) -> &mut SessionEvents {
        self.add(at, event, Emitter::Rails, property, json!({}), None)
    }

    pub(crate) fn service(
        &mut self,
        at: i64,
        event: &'static str,
        property: &str,
        extra: Value,
    ) -> &mut SessionEvents {
        self.add(at, event, Emitter::Service, property, extra, None)
    }

    pub(crate) fn call(&mut self, at: i64, call: Call) -> &mut SessionEvents {
        self.add(at, "token_usage_duo_agent_platform", Emitter::Service, "", json!({}), Some(call))
    }

    fn add(
        &mut self,
        at: i64,
        event: &'static str,
        emitter: Emitter,
        property: &str,
        extra: Value,
        call: Option<Call>,
    ) -> &mut SessionEvents {
        self.source_events.push(SourceEvent {
            id: format!("{:08x}-0000-4000-8000-{:012x}", self.session, self.source_events.len()),
            at,
            event,
            emitter,
            session: self.session,
            user: self.user,
            flow: self.flow.clone(),
            property: property.to_owned(),
            extra,
            call,
            context: self.context.clone(),
        });
        self
    }
}

impl SourceEvent {
    fn time(&self) -> String {
        let seconds = chrono::DateTime::from_timestamp_millis(self.at).expect("a time");
        seconds.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    fn category(&self) -> &str {
        match (self.emitter, &self.call) {
            (Emitter::Rails, _) => "Ai::DuoWorkflows::UpdateWorkflowStatusService",
            (Emitter::Service, Some(_)) => "ai_gateway.instrumentators.model_requests",
            (Emitter::Service, None) => &self.flow,
        }
    }

    fn label(&self) -> String {
        match (self.emitter, &self.call) {
            (Emitter::Rails, _) => format!("{}/v1", self.flow),
            (Emitter::Service, Some(_)) => "cache_details".to_owned(),
            (Emitter::Service, None) => "workflow_event".to_owned(),
        }
    }

    /// Token events have their session only in the AI Context.
    fn value(&self) -> Option<u64> {
        self.call.is_none().then_some(self.session)
    }

    fn global_user(&self) -> String {
        format!("XsZfAb677xjp9zut/{}=", self.user)
    }

    fn extra(&self) -> Value {
        let mut extra = self.extra.clone();
        if let Some(call) = &self.call {
            extra = json!({"cache_read": call.read, "cache_creation": call.creation,
                "ephemeral_5m_input_tokens": call.write_5m, "ephemeral_1h_input_tokens": call.write_1h,
                "agent_name": call.agent, "workflow_id": self.session.to_string(), "workflow_type": self.flow,
                "operation_type": "standard"});
        }
        extra
    }

    fn standard(&self) -> Value {
        let mut standard = json!({"environment": "production", "realm": "self-managed", "instance_id": INSTANCE_ID,
            "host_name": HOST, "global_user_id": self.global_user(), "user_type": "human", "project_id": 278_964,
            "namespace_id": 10_001, "ultimate_parent_namespace_id": 9_970, "correlation_id": "9e3db8bdad05f7bb",
            // Its base64 contains both characters in which the two alphabets differ.
            "client_name": "??????>>>>>>",
            "context_generated_at": self.time(), "plan": null, "extra": self.extra()});
        match self.emitter {
            Emitter::Rails => {
                standard["source"] = json!("gitlab-rails");
                standard["user_id"] = json!(hash_of_user(self.user));
            }
            Emitter::Service => standard["source"] = json!("duo-workflow-service-python"),
        }
        if let Some(call) = &self.call {
            for (name, value) in [
                ("input_tokens", json!(call.input)),
                ("output_tokens", json!(call.output)),
                ("total_tokens", json!(call.input + call.output)),
                ("model_name", json!(call.model)),
                ("model_engine", json!(call.engine)),
                ("model_provider", json!(call.provider)),
            ] {
                standard[name] = value;
            }
        }
        standard
    }

    fn ai(&self) -> Value {
        let mut ai = match (&self.call, self.emitter) {
            (Some(call), _) => json!({"session_id": null, "workflow_id": self.session.to_string(),
                "flow_type": self.flow, "agent_name": call.agent, "input_tokens": call.input,
                "output_tokens": call.output, "total_tokens": call.input + call.output, "cache_read": call.read,
                "cache_creation": call.creation, "ephemeral_5m_input_tokens": call.write_5m,
                "ephemeral_1h_input_tokens": call.write_1h}),
            (None, Emitter::Service) => {
                json!({"session_id": self.session.to_string(), "workflow_id": null, "flow_type": null})
            }
            (None, Emitter::Rails) => json!({"session_id": null, "workflow_id": null, "flow_type": null}),
        };
        let more = self.context.as_object().filter(|_| self.emitter == Emitter::Service);
        ai.as_object_mut().expect("an object").extend(more.cloned().unwrap_or_default());
        ai
    }

    fn contexts(&self) -> Value {
        json!({"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1", "data": [
            {"schema": "iglu:com.gitlab/gitlab_standard/jsonschema/1-1-8", "data": self.standard()},
            {"schema": "iglu:com.gitlab/gitlab_service_ping/jsonschema/1-0-1", "data": {"event_name": self.event}},
            {"schema": "iglu:com.gitlab/ai_context/jsonschema/1-0-2", "data": self.ai()}]})
    }

    /// The event's number in GitLab's tables; `None` for events that GitLab does not store.
    fn number(&self) -> Option<u64> {
        Some(match self.event {
            "agent_platform_session_created" => 8,
            "agent_platform_session_started" => 9,
            "agent_platform_session_finished" => 19,
            "agent_platform_session_dropped" => 20,
            "agent_platform_session_stopped" => 21,
            "agent_platform_session_resumed" => 22,
            _ => return None,
        })
    }

    fn extras(&self) -> Value {
        json!({"project_id": 278_964, "session_id": self.session, "flow_type": self.label(), "environment": self.property})
    }
}

/// The hash that GitLab sends instead of a user's id.
pub(crate) fn hash_of_user(user: u64) -> String {
    format!("{user:064x}")
}

/// JSON objects shaped like the calls of the instrumentation guide.
pub(crate) fn internal_events(source_events: &[SourceEvent]) -> String {
    lines(source_events.iter().map(|source_event| {
        let mut ai = source_event.ai();
        ai["session_id"] = json!(source_event.session.to_string());
        ai["flow_type"] = json!(source_event.flow);
        let mut additional = source_event.extra.clone();
        if !source_event.property.is_empty() {
            additional["property"] = json!(source_event.property);
        }
        if let Some(call) = &source_event.call {
            additional["model_name"] = json!(call.model);
            additional["model_engine"] = json!(call.engine);
            additional["model_provider"] = json!(call.provider);
        }
        json!({"event_id": source_event.id, "event": source_event.event, "timestamp": source_event.time(),
            "user": {"id": source_event.user, "username": format!("name-of-{}", source_event.user)},
            "project": {"id": 278_964}, "namespace": {"id": 10_001},
            "additional_properties": additional, "ai_context": ai})
    }))
}

/// Enriched Snowplow events as JSON.
pub(crate) fn snowplow_json(source_events: &[SourceEvent]) -> String {
    lines(source_events.iter().map(|source_event| {
        let mut event = enriched(source_event);
        event.insert("contexts_com_gitlab_gitlab_standard_1".to_owned(), json!([source_event.standard()]));
        event.insert("contexts_com_gitlab_ai_context_1".to_owned(), json!([source_event.ai()]));
        event.into()
    }))
}

/// Enriched Snowplow events, tab-separated.
pub(crate) fn snowplow_tsv(source_events: &[SourceEvent]) -> String {
    let line = |source_event: &SourceEvent| {
        let event = enriched(source_event);
        let cell = |name: &str| match &event.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        let time = |name: &str| cell(name).replace('T', " ").replace('Z', "");
        let mut cells = vec![String::new(); 131];
        for (place, name) in [
            (0, "app_id"),
            (5, "event"),
            (6, "event_id"),
            (53, "se_category"),
            (54, "se_action"),
            (55, "se_label"),
            (56, "se_property"),
            (57, "se_value"),
        ] {
            cells[place] = cell(name);
        }
        for (place, name) in [(3, "collector_tstamp"), (4, "dvce_created_tstamp"), (124, "derived_tstamp")] {
            cells[place] = time(name);
        }
        cells[52] = source_event.contexts().to_string();
        cells.join("\t") + "\n"
    };
    source_events.iter().map(line).collect()
}

fn enriched(source_event: &SourceEvent) -> Map<String, Value> {
    let mut event = json!({"app_id": "gitlab_sm", "event": "struct", "event_id": source_event.id,
        "collector_tstamp": source_event.time().replace("Z", "9Z"), "dvce_created_tstamp": source_event.time(),
        "derived_tstamp": source_event.time(), "se_category": source_event.category(), "se_action": source_event.event,
        "se_label": source_event.label()});
    if !source_event.property.is_empty() {
        event["se_property"] = json!(source_event.property);
    }
    if let Some(value) = source_event.value() {
        event["se_value"] = json!(value as f64);
    }
    event.as_object().expect("an object").clone()
}

/// A tracker's event, with contexts as JSON, as base64, or as URL-safe base64 without padding.
fn tracked(source_event: &SourceEvent) -> Value {
    let mut event = json!({"e": "se", "se_ca": source_event.category(), "se_ac": source_event.event,
        "se_la": source_event.label(), "eid": source_event.id, "aid": "gitlab_sm", "tna": "gl", "tv": "rb-0.8.0", "p": "srv",
        "dtm": source_event.at.to_string(), "stm": (source_event.at + 425).to_string()});
    if !source_event.property.is_empty() {
        event["se_pr"] = json!(source_event.property);
    }
    if let Some(value) = source_event.value() {
        event["se_va"] = json!(value.to_string());
    }
    let contexts = source_event.contexts().to_string();
    match source_event.at % 3 {
        0 => event["co"] = json!(contexts),
        1 => event["cx"] = json!(base64(contexts.as_bytes())),
        _ => {
            let encoded = base64(contexts.as_bytes()).replace('+', "-").replace('/', "_");
            event["cx"] = json!(encoded.trim_end_matches('='));
        }
    }
    event
}

/// The body of a tracker's request.
pub(crate) fn tp2(source_events: &[SourceEvent]) -> Value {
    json!({"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
        "data": source_events.iter().map(tracked).collect::<Vec<_>>()})
}

/// GitLab's `product_usage_data.log`.
pub(crate) fn product_usage_log(source_events: &[SourceEvent]) -> String {
    lines(source_events.iter().map(|source_event| {
        json!({"severity": "INFO", "time": source_event.time(), "correlation_id": "01KN", "message": "sending event",
            "payload": tracked(source_event).to_string()})
    }))
}

/// The list of good events of Snowplow Micro.
pub(crate) fn micro(source_events: &[SourceEvent]) -> Value {
    let entry = |source_event: &SourceEvent| {
        let mut event = enriched(source_event);
        event.insert("contexts".to_owned(), source_event.contexts());
        event.insert("derived_contexts".to_owned(), json!({}));
        event.insert("user_id".to_owned(), Value::Null);
        json!({"rawEvent": {"parameters": tracked(source_event)}, "eventType": "struct", "contexts": [], "event": event})
    };
    source_events.iter().map(entry).collect()
}

/// The log of the service: its events, and an additional line for each model call.
pub(crate) fn service_log(source_events: &[SourceEvent]) -> String {
    lines(source_events.iter().filter(|source_event| source_event.emitter == Emitter::Service).flat_map(|source_event| {
        let common = json!({"level": "info", "logger": "internal_events_client", "workflow_id": source_event.session.to_string(),
            "gitlab_instance_id": INSTANCE_ID, "gitlab_realm": "self-managed",
            "gitlab_global_user_id": source_event.global_user(), "timestamp": source_event.time().replace("Z", "000Z")});
        let mut logged = source_event.ai();
        let fields = logged.as_object_mut().expect("an object");
        fields.extend(common.as_object().expect("an object").clone());
        let mut event = logged.clone();
        event["event"] = json!("Building AIContext");
        event["event_name"] = json!(source_event.event);
        event["label"] = json!(source_event.label());
        event["property"] = json!(source_event.property);
        if source_event.call.is_none() {
            event["session_id"] = json!(source_event.session);
        }
        let call = source_event.call.as_ref().map(|call| {
            logged["event"] = json!("LLM call finished with token usage");
            logged["model_name"] = json!(call.model);
            logged["model_engine"] = json!(call.engine);
            logged["model_provider"] = json!(call.provider);
            logged.as_object_mut().expect("an object").remove("flow_type");
            logged.as_object_mut().expect("an object").remove("agent_name");
            logged
        });
        call.into_iter().chain([event])
    }))
}

/// Nodes of `aiInstanceUsageData`.
pub(crate) fn instance_nodes(source_events: &[SourceEvent]) -> String {
    let nodes = group_node_values(source_events).map(|(source_event, mut node)| {
        node["namespacePath"] = json!("9970/10001/");
        node["extras"] = source_event.extras();
        node
    });
    lines(nodes)
}

/// Nodes of `aiUsageData` of a group.
pub(crate) fn group_nodes(source_events: &[SourceEvent]) -> String {
    lines(group_node_values(source_events).map(|(_, node)| node))
}

fn group_node_values(source_events: &[SourceEvent]) -> impl Iterator<Item = (&SourceEvent, Value)> {
    source_events.iter().filter(|source_event| source_event.number().is_some()).map(|source_event| {
        let node = json!({"event": source_event.event.to_uppercase(), "timestamp": source_event.time(),
            "user": {"id": format!("gid://gitlab/User/{}", source_event.user),
                "username": format!("name-of-{}", source_event.user)}});
        (source_event, node)
    })
}

/// Rows of GitLab's table from PostgreSQL, as JSON lines.
pub(crate) fn postgres_json(source_events: &[SourceEvent]) -> String {
    lines(rows(source_events).map(|(source_event, number)| {
        json!({"id": source_event.at, "timestamp": source_event.time().replace('Z', "+00:00"), "user_id": source_event.user,
            "organization_id": 1, "created_at": source_event.time(), "event": number, "extras": source_event.extras(),
            "namespace_id": 10_001})
    }))
}

/// Rows of GitLab's table from PostgreSQL, as CSV with a header.
pub(crate) fn postgres_csv(source_events: &[SourceEvent]) -> String {
    let row = |(source_event, number): (&SourceEvent, u64)| {
        let extras = source_event.extras().to_string().replace('"', "\"\"");
        let time = source_event.time().replace('T', " ").replace('Z', "+00");
        format!("{},{time},{},1,{time},{number},\"{extras}\",10001\n", source_event.at, source_event.user)
    };
    let heading = "id,timestamp,user_id,organization_id,created_at,event,extras,namespace_id\n";
    heading.to_owned() + &rows(source_events).map(row).collect::<String>()
}

/// Rows of GitLab's table from ClickHouse: JSON lines, with large numbers in quotes.
pub(crate) fn clickhouse_json(source_events: &[SourceEvent]) -> String {
    lines(rows(source_events).map(|(source_event, number)| {
        json!({"user_id": source_event.user.to_string(), "event": number,
            "timestamp": source_event.time().replace('T', " ").replace('Z', "000"), "namespace_path": "9970/10001/",
            "extras": source_event.extras().to_string()})
    }))
}

fn rows(source_events: &[SourceEvent]) -> impl Iterator<Item = (&SourceEvent, u64)> {
    source_events.iter().filter_map(|source_event| Some((source_event, source_event.number()?)))
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| format!("{value}\n")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            (0..3).fold(0_u32, |bits, place| bits << 8 | u32::from(group.get(place).copied().unwrap_or(0)));
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize] as char;
            text.push(if place > group.len() { '=' } else { digit });
        }
    }
    text
}
