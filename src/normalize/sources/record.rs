//! Builds the record of an observed event.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::observed::{Form, Observed};
use super::{parse_timestamp, short_digest};
use crate::base::address::canonical;
use crate::base::calendar::Day;
use crate::events::catalog::{self, Emitter, Entry, Meaning, Role, SessionField};
use crate::events::features::{self, CODE_SUGGESTIONS};
use crate::model::canonical::canonicalize;
use crate::model::event::Event;
use crate::model::placeholder::{NO_LANGUAGE, NO_USER};
use crate::model::record::{Origin, Row};
use crate::model::scalar;
use crate::model::scope::INSTANCE_SCOPE;

/// The instance of events that do not carry one.
pub const UNKNOWN_INSTANCE: &str = "unknown";

/// Defaults for events that do not carry these fields.
#[derive(Clone, Debug, Default)]
pub struct ImportDefaults {
    /// The GitLab, as a URL without a trailing slash.
    pub instance: Option<String>,
    /// The group path.
    pub scope: Option<String>,
}

/// Builds the record of an event. Its day and the time of its fetch derive from its own timestamp,
/// because an export does not contain the time of its creation, and all parts of an export must
/// belong to the same fetch. The error describes what is missing, without content of the event.
pub fn record(observed: &Observed, defaults: &ImportDefaults, row: Row) -> Result<Event<'static>, String> {
    let contexts = Contexts { observed };
    let name = observed_name(observed).ok_or("no event name")?;
    let entry = catalog::entry(&name);
    let name = entry.map_or(name, |entry| entry.name.to_owned());
    let role = catalog::role(&name);
    let time = observed.timestamp.as_deref().ok_or("no timestamp")?;
    let ts = parse_timestamp(time).ok_or("unrecognized timestamp")?;
    let feature = features::feature_of(&name);
    let base = BaseProperties { observed, entry };
    let user_type = contexts.standard("user_type");
    let is_suggestion = feature == CODE_SUGGESTIONS && observed.form != Some(Form::GroupNode);
    let writes @ [write_5m, write_1h, _] =
        ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "cache_creation"]
            .map(|name| contexts.count(name));
    let mut event = Event {
        ts,
        origin: contexts.origin(defaults, ts.day(), row),
        feature: feature.into(),
        user: contexts.user().into(),
        username: observed.user.as_ref().and_then(|user| user.username.clone()).map(Into::into),
        bot: contexts.is_bot(user_type.as_deref()),
        language: is_suggestion.then(|| contexts.extra("language").map_or(NO_LANGUAGE.into(), Into::into)),
        language_original: None,
        ide: contexts.extra("ide_name").map(Into::into),
        ide_original: None,
        lines: contexts.extra("suggestion_size").filter(|_| is_suggestion).and_then(|size| size.parse().ok()),
        namespace: observed.namespace_path.clone().map(Into::into),
        project: contexts.project().map(Into::into),
        session: base.session(&contexts).map(Into::into),
        flow: base.flow(&contexts).map(Into::into),
        environment: base.environment(&contexts).map(Into::into),
        tool: base.tool(&contexts, role).map(Into::into),
        model: contexts.model("model_name").map(Into::into),
        model_engine: contexts.model("model_engine").map(Into::into),
        model_provider: contexts.model("model_provider").map(Into::into),
        agent: contexts.agent(&["agent_name"]).map(Into::into),
        agent_type: contexts.agent(&["agent_type", "item_type"]).map(Into::into),
        flow_version: contexts.agent(&["flow_version", "item_version"]).map(Into::into),
        item_type: contexts.agent(&["item_type"]).map(Into::into),
        item: contexts.item().map(Into::into),
        item_version: contexts.agent(&["item_version"]).map(Into::into),
        component: contexts.agent(&["component_name"]).map(Into::into),
        user_type: user_type.map(Into::into),
        global_user_id: contexts.global_user().map(Into::into),
        outcome: base.outcome(&contexts, role).map(Into::into),
        reason: base.reason(&contexts).map(Into::into),
        input_tokens: contexts.count("input_tokens"),
        output_tokens: contexts.count("output_tokens"),
        total_tokens: contexts.count("total_tokens"),
        cache_read: contexts.count("cache_read"),
        cache_write_5m: write_5m,
        cache_write_1h: write_1h,
        cache_write: sum_of_known(writes),
        source: contexts.standard("source").map(Into::into),
        tracking_id: contexts.extra("unique_tracking_id").map(Into::into),
        event_id: observed.event_id.clone().filter(|id| !id.is_empty()).map(Into::into),
        context: contexts.context(),
        event: name.into(),
    };
    canonicalize(&mut event);
    Ok(event)
}

/// The name of the event in lower case, if it has one.
fn observed_name(observed: &Observed) -> Option<String> {
    let name = observed.event.as_deref().map(str::trim).filter(|name| !name.is_empty())?;
    Some(name.to_lowercase())
}

/// The sum of the counts that are known; `None` if none of them is.
fn sum_of_known(counts: [Option<u64>; 3]) -> Option<u64> {
    counts.into_iter().flatten().reduce(u64::saturating_add)
}

/// The id of an event whose source has none: a digest of the event without its position. It is
/// computed from the final record, so that with pseudonyms, no one can identify people by trying
/// out which user results in this id.
pub fn derived_id(event: &Event<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(event.origin.instance.as_bytes());
    if event.origin.collector == Form::UsageTable.collector() {
        // The fields that PostgreSQL and ClickHouse both have; they also identify a row in GitLab.
        let namespace =
            event.namespace.as_deref().and_then(|path| path.trim_end_matches('/').rsplit('/').next());
        let id_in_context =
            event.context.as_ref().and_then(|context| scalar::id(context.get("namespace_id")?));
        let milliseconds = event.ts.unix_milliseconds().to_string();
        let namespace = namespace.map(str::to_owned).or(id_in_context).unwrap_or_default();
        for part in [&*event.user, &*event.event, &milliseconds, &namespace] {
            hash.update([0]);
            hash.update(part.as_bytes());
        }
        return short_digest(hash);
    }
    let fields = serde_json::to_value(event).ok();
    if let Some(Value::Object(mut fields)) = fields {
        // The user name can change, and the position is not a part of the event. The last four are
        // also in `context`: without them, the id is that of releases whose records lack them.
        for field in [
            "instance",
            "collector",
            "scope",
            "fetched_at",
            "row",
            "event_id",
            "username",
            "item_type",
            "item",
            "item_version",
            "component",
        ] {
            fields.remove(field);
        }
        hash.update(Value::Object(fields).to_string());
    }
    short_digest(hash)
}

/// The number of fields whose type does not match the record. The record omits them.
pub fn unusable_fields(observed: &Observed) -> u64 {
    let Observed { label, property, value, standard, ai, extra, .. } = observed;
    let base = [label, property, value].into_iter().flatten();
    let is_nested = |value: &&Value| matches!(value, Value::Array(_) | Value::Object(_) | Value::Bool(_));
    let unusable = |(name, value): &(&String, &Value)| match value {
        Value::Null => false,
        Value::String(text) if text.trim().is_empty() => false,
        value if *name == SUGGESTION_SIZE || TOKEN_FIELDS.contains(&name.as_str()) => {
            scalar::count(value).is_none()
        }
        value => is_nested(value) && TEXT_FIELDS.contains(&name.as_str()),
    };
    let places = [standard.as_ref(), ai.as_ref(), Some(extra)].into_iter().flatten().flatten();
    (base.filter(is_nested).count() + places.filter(unusable).count()) as u64
}

/// The fields of the AI Context with counts of tokens.
pub(super) const TOKEN_FIELDS: [&str; 7] = [
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read",
    "cache_creation",
    "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens",
];

/// The custom property with the size of a suggestion, in lines.
const SUGGESTION_SIZE: &str = "suggestion_size";

/// The fields of contexts and custom properties that are texts in records.
const TEXT_FIELDS: &[&str] = &[
    "agent_name",
    "agent_type",
    "component_name",
    "custom_item_id",
    "flow_name",
    "flow_type",
    "flow_version",
    "global_user_id",
    "host_name",
    "ide_name",
    "instance_id",
    "item_type",
    "item_version",
    "language",
    "model_engine",
    "model_name",
    "model_provider",
    "project_id",
    "session_id",
    "source",
    "tool_name",
    "unique_tracking_id",
    "user_id",
    "user_type",
    "workflow_id",
];

impl Form {
    /// The collector in records of this form. All Snowplow forms have the same one, because they
    /// contain the same events.
    pub fn collector(self) -> &'static str {
        match self {
            Form::InternalEvent | Form::EventsApi => "internal_events",
            Form::SnowplowJson | Form::SnowplowTsv | Form::Tp2 | Form::Micro | Form::ProductUsageLog => {
                "snowplow"
            }
            Form::ServiceLog => "service_log",
            Form::ServiceCall => "service_calls",
            Form::InstanceNode => "instance_usage_events",
            Form::GroupNode => "usage_events",
            Form::UsageTable => "ai_usage_events",
        }
    }
}

/// The contexts and custom properties of an event.
struct Contexts<'a> {
    observed: &'a Observed,
}

/// The base properties of an event. Their meaning depends on the event.
struct BaseProperties<'a> {
    observed: &'a Observed,
    entry: Option<&'static Entry>,
}

impl Contexts<'_> {
    fn extra(&self, name: &str) -> Option<String> {
        scalar::text_in(&self.observed.extra, name)
    }

    fn ai(&self, name: &str) -> Option<String> {
        self.observed.ai.as_ref().and_then(|ai| scalar::text_in(ai, name))
    }

    /// A field of the Standard Context, else of the billing context, which repeats some fields.
    fn standard(&self, name: &str) -> Option<String> {
        let Observed { standard, billing, .. } = self.observed;
        [standard, billing].into_iter().flatten().find_map(|context| scalar::text_in(context, name))
    }

    /// A number of tokens; the AI Context has priority.
    fn count(&self, name: &str) -> Option<u64> {
        let Observed { ai, standard, extra, .. } = self.observed;
        let places = [ai.as_ref(), standard.as_ref(), Some(extra)];
        places.into_iter().flatten().find_map(|place| place.get(name).and_then(scalar::count))
    }

    /// A field of the model. One guide puts it into the Standard Context, another into the AI
    /// Context; some emitters send it as a custom property.
    fn model(&self, name: &str) -> Option<String> {
        self.standard(name).or_else(|| self.extra(name)).or_else(|| self.ai(name))
    }

    fn agent(&self, names: &[&str]) -> Option<String> {
        let in_ai = names.iter().find_map(|name| self.ai(name));
        in_ai.or_else(|| names.iter().find_map(|name| self.extra(name)))
    }

    /// The id of the custom agent or flow; 0 is none.
    fn item(&self) -> Option<String> {
        let Observed { ai, extra, .. } = self.observed;
        let places = [ai.as_ref(), Some(extra)].into_iter().flatten();
        places.filter_map(|place| scalar::id(place.get("custom_item_id")?)).find(|id| id != "0")
    }

    fn origin(&self, defaults: &ImportDefaults, day: Day, row: Row) -> Origin<'static> {
        Origin {
            instance: self.instance(defaults).into(),
            collector: self.observed.form.map_or("", Form::collector).into(),
            scope: defaults.scope.clone().map_or(INSTANCE_SCOPE.into(), Into::into),
            day,
            fetched_at: day.plus(1).midnight(),
            row,
        }
    }

    /// Whether the user is a bot or service account, as the event states it.
    fn is_bot(&self, user_type: Option<&str>) -> bool {
        self.observed.user.as_ref().is_some_and(|user| user.bot == Some(true))
            || user_type.is_some_and(|kind| kind != "human")
    }

    fn instance(&self, defaults: &ImportDefaults) -> String {
        let is_host = |host: &String| {
            host.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
        };
        self.standard("host_name")
            .filter(is_host)
            .map(|host| canonical(&format!("https://{host}")).into_owned())
            .or_else(|| defaults.instance.clone())
            .or_else(|| self.standard("instance_id").map(|id| format!("instance:{id}")))
            .unwrap_or_else(|| UNKNOWN_INSTANCE.to_owned())
    }

    fn global_user(&self) -> Option<String> {
        self.standard("global_user_id")
    }

    fn user(&self) -> String {
        let outside = self.observed.user.as_ref().and_then(|user| scalar::id(user.id.as_ref()?));
        let id = outside.or_else(|| scalar::id(self.observed.standard.as_ref()?.get("user_id")?));
        // The limit excludes hashes that happen to have only digits.
        let global = |id: &String| {
            if scalar::is_digits(id) && id.len() <= MAX_ID_DIGITS {
                Some(format!("gid://gitlab/User/{id}"))
            } else {
                id.starts_with("gid://").then(|| id.clone())
            }
        };
        id.as_ref()
            .and_then(global)
            // `global_user_id` is the same on all instances, so it has priority over the hash of an
            // id.
            .or_else(|| self.global_user())
            .or(id)
            .unwrap_or_else(|| NO_USER.to_owned())
    }

    fn project(&self) -> Option<String> {
        let project = self.observed.project.as_ref().and_then(scalar::id);
        let id = project.or_else(|| self.standard("project_id")).or_else(|| self.extra("project_id"))?;
        Some(if scalar::is_digits(&id) { format!("gid://gitlab/Project/{id}") } else { id })
    }

    /// The other fields, if the schemas define them. Unknown fields are omitted: they can contain
    /// anything.
    fn context(&self) -> Option<Box<Map<String, Value>>> {
        let Observed { standard, ai, billing, extra, namespace, .. } = self.observed;
        let mut context = Map::new();
        type Place<'a> = (&'a [&'a str], &'a str, Option<&'a Map<String, Value>>);
        let places: [Place<'_>; 5] = [
            (STANDARD_FIELDS, "", standard.as_ref()),
            (AI_FIELDS, "", ai.as_ref()),
            (EXTRA_FIELDS, "", Some(extra)),
            (BILLING_FIELDS, "billing_", billing.as_ref()),
            (
                BILLING_METADATA_FIELDS,
                "billing_",
                billing.as_ref().and_then(|billing| billing.get("metadata")?.as_object()),
            ),
        ];
        for (names, prefix, place) in places {
            for name in names {
                if let Some(value) = place.and_then(|place| place.get(*name)).filter(|value| is_simple(value))
                {
                    context.entry(format!("{prefix}{name}")).or_insert_with(|| value.clone());
                }
            }
        }
        if let Some(namespace) = namespace.as_ref().filter(|id| is_simple(id)) {
            context.entry("namespace_id").or_insert_with(|| namespace.clone());
        }
        (!context.is_empty()).then(|| Box::new(context))
    }
}

/// The digits of the largest 64-bit number.
const MAX_ID_DIGITS: usize = 20;

/// Fields of the Standard Context: all except people, fields of records, and what links to other
/// sites.
const STANDARD_FIELDS: &[&str] = &[
    "client_name",
    "client_type",
    "client_version",
    "context_generated_at",
    "correlation_id",
    "deployment_type",
    "environment",
    "feature_category",
    "feature_enabled_by_namespace_ids",
    "feature_enablement_type",
    "instance_id",
    "instance_version",
    "interface",
    "is_gitlab_team_member",
    "namespace_id",
    "organization_id",
    "plan",
    "realm",
    "ultimate_parent_namespace_id",
    "unique_instance_id",
];

/// Fields of the AI Context that are no fields of records, and those that earlier releases kept here
/// alone.
const AI_FIELDS: &[&str] = &[
    "cache_creation",
    "component_name",
    "custom_item_id",
    "flow_registry_version",
    "item_schema_version",
    "item_type",
    "item_version",
    "workflow_id",
];

/// Custom properties: numbers, and values of short lists.
const EXTRA_FIELDS: &[&str] = &[
    "compaction_input_tokens",
    "compaction_output_tokens",
    "compaction_ratio",
    "cycle_count",
    "duo_add_on",
    "duration_ms",
    "duration_seconds",
    "estimated_input_tokens",
    "is_compaction_call",
    "max_context_tokens",
    "max_cycles",
    "max_consecutive_identical_calls",
    "max_consecutive_identical_with_result",
    "merge_request_iid",
    "messages_after",
    "messages_before",
    "messages_summarized",
    "non_orbit_tool_calls",
    "operation_type",
    "orbit_calls_count",
    "parallel",
    "session_ending",
    "token_budget",
    "tokens_after",
    "tokens_before",
    "tokens_removed",
    "tokens_saved",
    "total_tool_calls",
    "unique_tool_calls",
    "verification_run",
];

/// Fields of the billing context: what was used.
const BILLING_FIELDS: &[&str] =
    &["event_id", "event_type", "unit_of_measure", "quantity", "is_billable", "estimated_cost"];

/// Fields of the metadata of the billing context.
const BILLING_METADATA_FIELDS: &[&str] =
    &["feature_qualified_name", "feature_ai_catalog_item", "execution_environment", "orbit_called"];

/// The longest text that a schema allows, in bytes.
const MAX_TEXT_LEN: usize = 255;

/// Whether a value is a text of at most [`MAX_TEXT_LEN`], a number, a boolean, or a list of
/// numbers.
fn is_simple(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= MAX_TEXT_LEN,
        Value::Number(_) | Value::Bool(_) => true,
        Value::Array(values) => !values.is_empty() && values.iter().all(Value::is_number),
        Value::Null | Value::Object(_) => false,
    }
}

impl BaseProperties<'_> {
    /// The base property with this meaning, if there is one.
    fn meaning(&self, meaning: Meaning) -> Option<&Value> {
        let entry = self.entry?;
        let Observed { label, property, value, .. } = self.observed;
        [(entry.label, label), (entry.property, property), (entry.value, value)]
            .into_iter()
            .find_map(|(defined, value)| value.as_ref().filter(|_| defined == meaning))
    }

    fn text(&self, meaning: Meaning) -> Option<String> {
        self.meaning(meaning).and_then(scalar::text)
    }

    /// The id of the session: in any field, an integer of the instance.
    fn session(&self, contexts: &Contexts<'_>) -> Option<String> {
        let Observed { ai, extra, billing, value, .. } = self.observed;
        let of = |place: Option<&Map<String, Value>>, name| scalar::id(place?.get(name)?);
        let metadata = || billing.as_ref()?.get("metadata")?.as_object();
        // The service sends the session in `value` for all events.
        let is_of_service =
            || contexts.standard("source").is_some_and(|source| source.starts_with("duo-workflow-service"));
        let is_value = match self.entry {
            Some(entry) => entry.session() == SessionField::Value,
            None => is_of_service(),
        };
        let in_value = value.as_ref().filter(|_| is_value).and_then(scalar::id);
        in_value
            .filter(|id| id != "0")
            .or_else(|| of(ai.as_ref(), "session_id"))
            .or_else(|| of(ai.as_ref(), "workflow_id"))
            .or_else(|| of(Some(extra), "workflow_id"))
            .or_else(|| of(Some(extra), "session_id"))
            .or_else(|| of(metadata(), "workflow_id"))
            .map(|session| self.local_session(session, contexts))
    }

    /// The id of the session within its instance. By the schema, `workflow_id` is the session
    /// followed by the id of the instance.
    fn local_session(&self, session: String, contexts: &Contexts<'_>) -> String {
        let instance = contexts.standard("instance_id").filter(|id| !id.is_empty());
        let local =
            instance.and_then(|id| Some(session.strip_suffix(&id)?.trim_end_matches(['-', '_']).to_owned()));
        local.filter(|local| !local.is_empty()).unwrap_or(session)
    }

    fn flow(&self, contexts: &Contexts<'_>) -> Option<String> {
        contexts
            .ai("flow_name")
            .or_else(|| contexts.ai("flow_type"))
            .or_else(|| {
                ["flow_name", "workflow_type", "flow_type", "workflow_definition"]
                    .iter()
                    .find_map(|name| contexts.extra(name))
            })
            .or_else(|| self.text(Meaning::Flow))
            .or_else(|| self.category_of_service(contexts))
            .or_else(|| {
                let metadata = self.observed.billing.as_ref()?.get("metadata")?.as_object()?;
                scalar::text_in(metadata, "feature_qualified_name")
            })
    }

    /// The flow in the category of the service. Other categories are names of modules, not of
    /// flows.
    fn category_of_service(&self, contexts: &Contexts<'_>) -> Option<String> {
        let is_of_service = match self.entry {
            Some(entry) => entry.emitter == Emitter::Service,
            None => {
                contexts.standard("source").is_some_and(|source| source.starts_with("duo-workflow-service"))
            }
        };
        let is_name = |name: &&String| {
            name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'/'))
        };
        self.observed.category.as_ref().filter(|_| is_of_service).filter(is_name).cloned()
    }

    fn environment(&self, contexts: &Contexts<'_>) -> Option<String> {
        self.text(Meaning::Environment).or_else(|| contexts.extra("environment"))
    }

    fn tool(&self, contexts: &Contexts<'_>, role: Option<Role>) -> Option<String> {
        let has_tool = matches!(
            role,
            Some(
                Role::McpStarted
                    | Role::McpFinished
                    | Role::ApprovalRequested
                    | Role::ApprovalResolved
                    | Role::ToolDenied
            )
        );
        self.text(Meaning::Tool).or_else(|| contexts.extra("tool_name").filter(|_| has_tool))
    }

    fn outcome(&self, contexts: &Contexts<'_>, role: Option<Role>) -> Option<&'static str> {
        let of_truth = |is_success| if is_success { "success" } else { "failure" };
        match role? {
            Role::ToolSucceeded => Some("success"),
            Role::ToolFailed => Some("failure"),
            Role::McpFinished => {
                contexts.observed.extra.get("has_tool_call_success").and_then(scalar::boolean).map(of_truth)
            }
            Role::Succeeded => match self.text(Meaning::Ending)?.as_str() {
                "workflow_completed" => Some("completed"),
                "cancelled_by_user" => Some("cancelled"),
                _ => None,
            },
            _ => None,
        }
    }

    /// The type of an error. Its message is never kept.
    fn reason(&self, contexts: &Contexts<'_>) -> Option<String> {
        let is_type = |text: &String| {
            text.len() <= 100
                && text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':'))
        };
        let of_exception = || {
            let exception = self.text(Meaning::Exception)?;
            let (name, _) = exception.split_once('(')?;
            Some(name.trim().to_owned())
        };
        contexts.extra("error_type").filter(is_type).or_else(|| of_exception().filter(is_type))
    }
}
