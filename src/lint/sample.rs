//! A valid sample of each event, for `lint --example`.

use serde_json::{Map, Value, json};

use super::rule::Profile;
use crate::events::catalog::{Emitter, Entry, Meaning, Role, SessionField};

/// The session id of all samples.
const SESSION: u64 = 4711;

/// The format of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleFormat {
    /// A call as in the instrumentation guide.
    Guide,
    /// An enriched Snowplow event.
    Snowplow,
}

/// A valid event of this kind, with both contexts.
pub fn sample(entry: &Entry, profile: Profile, format: SampleFormat) -> Value {
    let mut base = Map::new();
    for (name, meaning) in [("label", entry.label), ("property", entry.property), ("value", entry.value)] {
        if let Some(value) = example_of(meaning) {
            base.insert(name.to_owned(), value);
        }
    }
    let is_call = entry.role == Role::TokenUsage;
    let has_session = is_call || entry.session() != SessionField::Nowhere;
    let mut custom = Map::new();
    for name in entry.extras {
        if let Some(value) = example_of_extra(name) {
            custom.insert((*name).to_owned(), value);
        }
    }
    let mut ai = Map::new();
    if has_session {
        ai.insert("session_id".to_owned(), SESSION.to_string().into());
    }
    let (flow, kind, version) = match profile {
        Profile::Guide => ("flow_type", "agent_type", "flow_version"),
        Profile::AiContext => ("flow_name", "item_type", "item_version"),
    };
    for (name, value) in [
        (flow, "software_development"),
        ("agent_name", "planning_agent"),
        (kind, "foundational_agent"),
        (version, "1.0.0"),
    ] {
        ai.insert(name.to_owned(), value.into());
    }
    if is_call {
        for (name, value) in TOKENS {
            ai.insert(name.to_owned(), value.into());
            if custom.contains_key(name) {
                custom.insert(name.to_owned(), value.into());
            }
        }
        let model_context = match profile {
            Profile::Guide => &mut custom,
            Profile::AiContext => &mut ai,
        };
        model_context.extend(MODEL.map(|(name, value)| (name.to_owned(), Value::from(value))));
    }
    match format {
        SampleFormat::Guide => as_call(entry, base, custom, ai),
        SampleFormat::Snowplow => as_snowplow(entry, base, custom, ai),
    }
}

const MODEL: [(&str, &str); 3] = [
    ("model_provider", "anthropic"),
    ("model_engine", "anthropic-chat"),
    ("model_name", "claude-sonnet-4-5-20250929"),
];

/// `input_tokens` includes tokens read from and written to the cache.
const TOKENS: [(&str, u64); 7] = [
    ("input_tokens", 12_000),
    ("output_tokens", 400),
    ("total_tokens", 12_400),
    ("ephemeral_5m_input_tokens", 3_000),
    ("ephemeral_1h_input_tokens", 0),
    ("cache_read", 9_000),
    ("cache_creation", 0),
];

const EVENT_ID: &str = "00000000-0000-4000-8000-000000004711";
const MOMENT: &str = "2026-10-01T09:00:00.000Z";

fn as_call(
    entry: &Entry,
    base: Map<String, Value>,
    custom: Map<String, Value>,
    ai: Map<String, Value>,
) -> Value {
    let mut properties = base;
    properties.extend(custom);
    json!({
        "event_id": EVENT_ID,
        "event": entry.name,
        "timestamp": MOMENT,
        "classification": "duo",
        "user": {"id": 42},
        "project": {"id": 278964, "path": "acme/web/shop"},
        "namespace": {"id": 9970, "path": "acme"},
        "additional_properties": properties,
        "ai_context": ai,
    })
}

fn as_snowplow(
    entry: &Entry,
    base: Map<String, Value>,
    mut custom: Map<String, Value>,
    ai: Map<String, Value>,
) -> Value {
    let is_rails = matches!(entry.emitter, Emitter::Rails | Emitter::Ide);
    let mut standard = Map::new();
    for (name, value) in [
        ("environment", json!(if is_rails { "self-managed" } else { "production" })),
        ("source", json!(if is_rails { "gitlab-rails" } else { "duo-workflow-service-python" })),
        ("realm", json!("self-managed")),
        ("deployment_type", json!("self-managed")),
        ("instance_id", json!("ea8bf810-1d6f-4a6a-b4fd-000000004711")),
        ("unique_instance_id", json!("b5fa1911-0638-5651-8ec4-000000004711")),
        ("host_name", json!("gitlab.example.com")),
        ("instance_version", json!("19.3.0")),
        ("global_user_id", json!("aW52ZW50ZWQgdXNlciwgYXMgYWxsIG9mIHRoaXM=")),
        ("user_type", json!("human")),
        ("project_id", json!(278964)),
        ("namespace_id", json!(9970)),
        ("ultimate_parent_namespace_id", json!(9970)),
        ("context_generated_at", json!(MOMENT)),
    ] {
        standard.insert(name.to_owned(), value);
    }
    for (name, _) in MODEL {
        if let Some(value) = custom.remove(name) {
            standard.insert(name.to_owned(), value);
        }
    }
    for name in ["input_tokens", "output_tokens", "total_tokens"] {
        if let Some(value) = ai.get(name) {
            standard.insert(name.to_owned(), value.clone());
        }
    }
    standard.insert("extra".to_owned(), custom.into());
    let mut event = json!({
        "app_id": if is_rails { "gitlab_sm" } else { "gitlab_ai_gateway" },
        "event": "struct",
        "event_id": EVENT_ID,
        "derived_tstamp": MOMENT,
        "se_category": "software_development",
        "se_action": entry.name,
        "contexts_com_gitlab_gitlab_standard_1": [standard],
        "contexts_com_gitlab_ai_context_1": [ai],
    });
    for (name, value) in base {
        event[format!("se_{name}")] = match value.as_u64() {
            Some(number) => json!(number as f64),
            None => value,
        };
    }
    event
}

/// An example value for a base property with this meaning.
fn example_of(meaning: Meaning) -> Option<Value> {
    Some(match meaning {
        Meaning::Nothing => return None,
        Meaning::Word(word) => word.into(),
        Meaning::Session => SESSION.into(),
        Meaning::Flow => "software_development/v1".into(),
        Meaning::Environment => "ambient".into(),
        Meaning::Tool => "read_file".into(),
        Meaning::Agent => "planning_agent".into(),
        Meaning::Component => "planner".into(),
        Meaning::Ending => "workflow_completed".into(),
        Meaning::Cause => "request_by_user".into(),
        Meaning::Decision => "approval".into(),
        Meaning::Route => "next".into(),
        Meaning::Exception => "TimeoutError()".into(),
        Meaning::Status => "success".into(),
        Meaning::Seconds => 60.into(),
        Meaning::Count => 1.into(),
        Meaning::MergeRequest => "gid://gitlab/MergeRequest/1".into(),
        Meaning::RequestId => "4d1f0c62-0000-4000-8000-000000004711".into(),
        Meaning::BillingId => EVENT_ID.into(),
        Meaning::BillingType => "duo_agent_platform_workflow_completion".into(),
        Meaning::Text => "{}".into(),
    })
}

/// An example value for a custom property, if its name is enough to choose one.
fn example_of_extra(name: &str) -> Option<Value> {
    Some(match name {
        "workflow_id" | "session_id" => SESSION.to_string().into(),
        "tool_name" => "read_file".into(),
        "error_type" => "TimeoutError".into(),
        "duration_seconds" => json!(34.7),
        "agent_name" => "planning_agent".into(),
        "workflow_type" | "workflow_definition" => "software_development".into(),
        "operation_type" => "standard".into(),
        "cache_read" | "cache_creation" | "ephemeral_5m_input_tokens" | "ephemeral_1h_input_tokens" => {
            0.into()
        }
        "language" => "ruby".into(),
        "suggestion_size" => 3.into(),
        "unique_tracking_id" => "4d1f0c62-0000-4000-8000-000000000001".into(),
        "ide_name" => "VSCode".into(),
        "max_cycles" | "cycle_count" | "total_tool_calls" => 10.into(),
        _ => return None,
    })
}
