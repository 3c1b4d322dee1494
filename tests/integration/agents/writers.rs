//! Writers of every form in which the Agent Platform is told: each takes the same happenings and says of them what its
//! source would.

use serde_json::{Map, Value, json};

/// The host of the instance that all happenings are of.
pub(crate) const HOST: &str = "gitlab.example.com";

/// The id of that instance.
const INSTANCE_ID: &str = "ea8bf810-1d6f-4a6a-b4fd-93e8cbd8b57f";

/// A text that stands wherever a source tells what was said or went wrong, and that no record may hold.
pub(crate) const SECRET: &str = "the secret text";

/// An event, before anybody tells it.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    pub(crate) id: String,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) event: &'static str,
    pub(crate) by: By,
    pub(crate) session: u64,
    pub(crate) user: u64,
    /// Without its version.
    pub(crate) flow: String,
    pub(crate) property: String,
    pub(crate) extra: Value,
    pub(crate) call: Option<Call>,
}

/// Who tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
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

/// Happenings of one session, as they come.
pub(crate) struct Telling {
    session: u64,
    user: u64,
    flow: String,
    pub(crate) happenings: Vec<Happening>,
}

impl Telling {
    pub(crate) fn of(session: u64, user: u64, flow: &str) -> Telling {
        Telling { session, user, flow: flow.to_owned(), happenings: Vec::new() }
    }

    pub(crate) fn rails(&mut self, at: i64, event: &'static str, property: &str) -> &mut Telling {
        self.add(at, event, By::Rails, property, json!({}), None)
    }

    pub(crate) fn service(
        &mut self,
        at: i64,
        event: &'static str,
        property: &str,
        extra: Value,
    ) -> &mut Telling {
        self.add(at, event, By::Service, property, extra, None)
    }

    pub(crate) fn call(&mut self, at: i64, call: Call) -> &mut Telling {
        self.add(at, "token_usage_duo_agent_platform", By::Service, "", json!({}), Some(call))
    }

    fn add(
        &mut self,
        at: i64,
        event: &'static str,
        by: By,
        property: &str,
        extra: Value,
        call: Option<Call>,
    ) -> &mut Telling {
        self.happenings.push(Happening {
            id: format!("{:08x}-0000-4000-8000-{:012x}", self.session, self.happenings.len()),
            at,
            event,
            by,
            session: self.session,
            user: self.user,
            flow: self.flow.clone(),
            property: property.to_owned(),
            extra,
            call,
        });
        self
    }
}

impl Happening {
    fn time(&self) -> String {
        let seconds = chrono::DateTime::from_timestamp_millis(self.at).expect("a time");
        seconds.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    fn category(&self) -> &str {
        match (self.by, &self.call) {
            (By::Rails, _) => "Ai::DuoWorkflows::UpdateWorkflowStatusService",
            (By::Service, Some(_)) => "ai_gateway.instrumentators.model_requests",
            (By::Service, None) => &self.flow,
        }
    }

    fn label(&self) -> String {
        match (self.by, &self.call) {
            (By::Rails, _) => format!("{}/v1", self.flow),
            (By::Service, Some(_)) => "cache_details".to_owned(),
            (By::Service, None) => "workflow_event".to_owned(),
        }
    }

    /// Token events tell their session in the AI Context alone.
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
            "context_generated_at": self.time(), "plan": null, "extra": self.extra()});
        match self.by {
            By::Rails => {
                standard["source"] = json!("gitlab-rails");
                standard["user_id"] = json!(hash_of_user(self.user));
            }
            By::Service => standard["source"] = json!("duo-workflow-service-python"),
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
        match (&self.call, self.by) {
            (Some(call), _) => json!({"session_id": null, "workflow_id": self.session.to_string(),
                "flow_type": self.flow, "agent_name": call.agent, "input_tokens": call.input,
                "output_tokens": call.output, "total_tokens": call.input + call.output, "cache_read": call.read,
                "cache_creation": call.creation, "ephemeral_5m_input_tokens": call.write_5m,
                "ephemeral_1h_input_tokens": call.write_1h}),
            (None, By::Service) => {
                json!({"session_id": self.session.to_string(), "workflow_id": null, "flow_type": null})
            }
            (None, By::Rails) => json!({"session_id": null, "workflow_id": null, "flow_type": null}),
        }
    }

    fn contexts(&self) -> Value {
        json!({"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1", "data": [
            {"schema": "iglu:com.gitlab/gitlab_standard/jsonschema/1-1-8", "data": self.standard()},
            {"schema": "iglu:com.gitlab/gitlab_service_ping/jsonschema/1-0-1", "data": {"event_name": self.event}},
            {"schema": "iglu:com.gitlab/ai_context/jsonschema/1-0-2", "data": self.ai()}]})
    }

    /// The number and the name that GitLab's table and GraphQL have for it.
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

/// What GitLab sends in place of a user's id.
pub(crate) fn hash_of_user(user: u64) -> String {
    format!("{user:064x}")
}

/// Objects shaped like the calls of the instrumentation guide.
pub(crate) fn internal_events(happenings: &[Happening]) -> String {
    lines(happenings.iter().map(|happening| {
        let mut ai = happening.ai();
        ai["session_id"] = json!(happening.session.to_string());
        ai["flow_type"] = json!(happening.flow);
        let mut additional = happening.extra.clone();
        if !happening.property.is_empty() {
            additional["property"] = json!(happening.property);
        }
        if let Some(call) = &happening.call {
            additional["model_name"] = json!(call.model);
            additional["model_engine"] = json!(call.engine);
            additional["model_provider"] = json!(call.provider);
        }
        json!({"event_id": happening.id, "event": happening.event, "timestamp": happening.time(),
            "user": {"id": happening.user, "username": format!("name-of-{}", happening.user)},
            "project": {"id": 278_964}, "namespace": {"id": 10_001},
            "additional_properties": additional, "ai_context": ai})
    }))
}

/// Enriched Snowplow events as JSON.
pub(crate) fn snowplow_json(happenings: &[Happening]) -> String {
    lines(happenings.iter().map(|happening| {
        let mut event = enriched(happening);
        event.insert("contexts_com_gitlab_gitlab_standard_1".to_owned(), json!([happening.standard()]));
        event.insert("contexts_com_gitlab_ai_context_1".to_owned(), json!([happening.ai()]));
        event.into()
    }))
}

/// Enriched Snowplow events, tab-separated.
pub(crate) fn snowplow_tsv(happenings: &[Happening]) -> String {
    let line = |happening: &Happening| {
        let event = enriched(happening);
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
        cells[52] = happening.contexts().to_string();
        cells.join("\t") + "\n"
    };
    happenings.iter().map(line).collect()
}

fn enriched(happening: &Happening) -> Map<String, Value> {
    let mut event = json!({"app_id": "gitlab_sm", "event": "struct", "event_id": happening.id,
        "collector_tstamp": happening.time().replace("Z", "9Z"), "dvce_created_tstamp": happening.time(),
        "derived_tstamp": happening.time(), "se_category": happening.category(), "se_action": happening.event,
        "se_label": happening.label()});
    if !happening.property.is_empty() {
        event["se_property"] = json!(happening.property);
    }
    if let Some(value) = happening.value() {
        event["se_value"] = json!(value as f64);
    }
    event.as_object().expect("an object").clone()
}

/// A tracker's event; every second one has its contexts in the alphabet for URLs and without padding.
fn tracked(happening: &Happening) -> Value {
    let mut event = json!({"e": "se", "se_ca": happening.category(), "se_ac": happening.event,
        "se_la": happening.label(), "eid": happening.id, "aid": "gitlab_sm", "tna": "gl", "tv": "rb-0.8.0", "p": "srv",
        "dtm": happening.at.to_string(), "stm": (happening.at + 425).to_string()});
    if !happening.property.is_empty() {
        event["se_pr"] = json!(happening.property);
    }
    if let Some(value) = happening.value() {
        event["se_va"] = json!(value.to_string());
    }
    let contexts = happening.contexts().to_string();
    match happening.at % 3 {
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
pub(crate) fn tp2(happenings: &[Happening]) -> Value {
    json!({"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
        "data": happenings.iter().map(tracked).collect::<Vec<_>>()})
}

/// GitLab's `product_usage_data.log`.
pub(crate) fn product_usage_log(happenings: &[Happening]) -> String {
    lines(happenings.iter().map(|happening| {
        json!({"severity": "INFO", "time": happening.time(), "correlation_id": "01KN", "message": "sending event",
            "payload": tracked(happening).to_string()})
    }))
}

/// What Snowplow Micro lists as good.
pub(crate) fn micro(happenings: &[Happening]) -> Value {
    let entry = |happening: &Happening| {
        let mut event = enriched(happening);
        event.insert("contexts".to_owned(), happening.contexts());
        event.insert("derived_contexts".to_owned(), json!({}));
        event.insert("user_id".to_owned(), Value::Null);
        json!({"rawEvent": {"parameters": tracked(happening)}, "eventType": "struct", "contexts": [], "event": event})
    };
    happenings.iter().map(entry).collect()
}

/// The log of the services: what the service tells, and a note of each call of a model besides.
pub(crate) fn service_log(happenings: &[Happening]) -> String {
    lines(happenings.iter().filter(|happening| happening.by == By::Service).flat_map(|happening| {
        let common = json!({"level": "info", "logger": "internal_events_client", "workflow_id": happening.session.to_string(),
            "gitlab_instance_id": INSTANCE_ID, "gitlab_realm": "self-managed",
            "gitlab_global_user_id": happening.global_user(), "timestamp": happening.time().replace("Z", "000Z")});
        let mut noted = happening.ai();
        let fields = noted.as_object_mut().expect("an object");
        fields.extend(common.as_object().expect("an object").clone());
        let mut event = noted.clone();
        event["event"] = json!("Building AIContext");
        event["event_name"] = json!(happening.event);
        event["label"] = json!(happening.label());
        event["property"] = json!(happening.property);
        if happening.call.is_none() {
            event["session_id"] = json!(happening.session);
        }
        let call = happening.call.as_ref().map(|call| {
            noted["event"] = json!("LLM call finished with token usage");
            noted["model_name"] = json!(call.model);
            noted["model_engine"] = json!(call.engine);
            noted["model_provider"] = json!(call.provider);
            noted.as_object_mut().expect("an object").remove("flow_type");
            noted.as_object_mut().expect("an object").remove("agent_name");
            noted
        });
        call.into_iter().chain([event])
    }))
}

/// Nodes of `aiInstanceUsageData`.
pub(crate) fn instance_nodes(happenings: &[Happening]) -> String {
    let nodes = group_node_values(happenings).map(|(happening, mut node)| {
        node["namespacePath"] = json!("9970/10001/");
        node["extras"] = happening.extras();
        node
    });
    lines(nodes)
}

/// Nodes of `aiUsageData` of a group.
pub(crate) fn group_nodes(happenings: &[Happening]) -> String {
    lines(group_node_values(happenings).map(|(_, node)| node))
}

fn group_node_values(happenings: &[Happening]) -> impl Iterator<Item = (&Happening, Value)> {
    happenings.iter().filter(|happening| happening.number().is_some()).map(|happening| {
        let node = json!({"event": happening.event.to_uppercase(), "timestamp": happening.time(),
            "user": {"id": format!("gid://gitlab/User/{}", happening.user),
                "username": format!("name-of-{}", happening.user)}});
        (happening, node)
    })
}

/// GitLab's table as PostgreSQL writes it: JSON lines.
pub(crate) fn postgres_json(happenings: &[Happening]) -> String {
    lines(rows(happenings).map(|(happening, number)| {
        json!({"id": happening.at, "timestamp": happening.time().replace('Z', "+00:00"), "user_id": happening.user,
            "organization_id": 1, "created_at": happening.time(), "event": number, "extras": happening.extras(),
            "namespace_id": 10_001})
    }))
}

/// The same as CSV with a heading.
pub(crate) fn postgres_csv(happenings: &[Happening]) -> String {
    let row = |(happening, number): (&Happening, u64)| {
        let extras = happening.extras().to_string().replace('"', "\"\"");
        let time = happening.time().replace('T', " ").replace('Z', "+00");
        format!("{},{time},{},1,{time},{number},\"{extras}\",10001\n", happening.at, happening.user)
    };
    let heading = "id,timestamp,user_id,organization_id,created_at,event,extras,namespace_id\n";
    heading.to_owned() + &rows(happenings).map(row).collect::<String>()
}

/// The same as ClickHouse writes it: JSON lines, with large numbers in quotes.
pub(crate) fn clickhouse_json(happenings: &[Happening]) -> String {
    lines(rows(happenings).map(|(happening, number)| {
        json!({"user_id": happening.user.to_string(), "event": number,
            "timestamp": happening.time().replace('T', " ").replace('Z', "000"), "namespace_path": "9970/10001/",
            "extras": happening.extras().to_string()})
    }))
}

fn rows(happenings: &[Happening]) -> impl Iterator<Item = (&Happening, u64)> {
    happenings.iter().filter_map(|happening| Some((happening, happening.number()?)))
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| format!("{value}\n")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const FIGURES: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            (0..3).fold(0_u32, |bits, place| bits << 8 | u32::from(group.get(place).copied().unwrap_or(0)));
        for place in 0..4 {
            let figure = FIGURES[(bits >> (18 - 6 * place) & 63) as usize] as char;
            text.push(if place > group.len() { '=' } else { figure });
        }
    }
    text
}
