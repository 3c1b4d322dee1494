//! The context fields of GitLab's Snowplow schemas: types, limits, and the version that added each.

use serde_json::{Map, Value};

/// A Snowplow context of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// `com.gitlab/gitlab_standard`.
    Standard,
    /// `com.gitlab/ai_context`.
    Ai,
    /// `com.gitlab/billable_usage`.
    Billing,
}

/// A field of a context.
#[derive(Debug)]
pub struct ContextField {
    /// The name.
    pub name: &'static str,
    /// The type. `null` is allowed unless the field is required.
    pub kind: FieldKind,
    /// The schema version that added the field.
    pub since: &'static str,
    /// Whether an event without it is rejected.
    pub is_required: bool,
}

/// The type of a field.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// An integer from 0 to [`MAX_INTEGER`].
    Integer,
    /// A number from 0 to [`MAX_INTEGER`].
    Number,
    /// A string of at most this many characters.
    Text(usize),
    /// A string of at most this many characters, or an integer.
    Id(usize),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A boolean.
    Boolean,
    /// An array of integers.
    Integers,
    /// An array of strings of 1 to this many characters; only the maximum is checked.
    Texts(usize),
    /// Any object.
    Object,
}

/// How a value violates its field's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Wrong type.
    Type,
    /// Too long, out of range, or not one of the allowed values.
    Limit,
}

/// The largest number that the schemas allow.
pub(super) const MAX_INTEGER: u64 = 2_147_483_647;

const fn field(name: &'static str, kind: FieldKind, since: &'static str) -> ContextField {
    ContextField { name, kind, since, is_required: false }
}

const fn required(name: &'static str, kind: FieldKind, since: &'static str) -> ContextField {
    ContextField { name, kind, since, is_required: true }
}

use FieldKind::{Boolean, Id, Integer, Integers, Number, Object, OneOf, Text, Texts};

const REALMS: FieldKind = OneOf(&["self-managed", "saas", "dedicated"]);
const DEPLOYMENTS: FieldKind = OneOf(&["self-managed", ".com", "dedicated"]);

const STANDARD: &[ContextField] = &[
    required("environment", Text(32), "1-0-0"),
    field("source", Text(32), "1-0-0"),
    field("plan", Text(32), "1-0-0"),
    field("google_analytics_id", Text(32), "1-0-0"),
    field("user_id", Id(255), "1-0-0"),
    field("namespace_id", Integer, "1-0-0"),
    field("project_id", Integer, "1-0-0"),
    field("is_gitlab_team_member", Boolean, "1-0-0"),
    field("feature_enabled_by_namespace_ids", Integers, "1-0-0"),
    field("context_generated_at", Text(64), "1-0-0"),
    field("extra", Object, "1-0-0"),
    field("instance_id", Text(255), "1-1-0"),
    field("host_name", Text(255), "1-1-0"),
    field("instance_version", Text(255), "1-1-0"),
    field("realm", REALMS, "1-1-0"),
    field("global_user_id", Text(64), "1-1-0"),
    field("correlation_id", Text(64), "1-1-1"),
    field("client_name", Text(64), "1-1-2"),
    field("client_version", Text(64), "1-1-2"),
    field("client_type", Text(64), "1-1-2"),
    field("interface", Text(255), "1-1-2"),
    field("feature_category", Text(255), "1-1-2"),
    field("feature_enablement_type", Text(64), "1-1-3"),
    field("model_engine", Text(64), "1-1-4"),
    field("model_name", Text(64), "1-1-4"),
    field("model_provider", Text(64), "1-1-4"),
    field("input_tokens", Integer, "1-1-4"),
    field("output_tokens", Integer, "1-1-4"),
    field("total_tokens", Integer, "1-1-4"),
    field("unique_instance_id", Text(255), "1-1-5"),
    field("ultimate_parent_namespace_id", Integer, "1-1-6"),
    field("user_type", Text(255), "1-1-7"),
    field("deployment_type", DEPLOYMENTS, "1-1-7"),
    field("organization_id", Integer, "1-1-8"),
];

const AI: &[ContextField] = &[
    field("session_id", Id(255), "1-0-0"),
    field("workflow_id", Text(255), "1-0-0"),
    field("flow_type", Text(64), "1-0-0"),
    field("flow_version", Text(64), "1-0-0"),
    field("flow_registry_version", Text(64), "1-0-0"),
    field("agent_name", Text(64), "1-0-0"),
    field("agent_type", Text(64), "1-0-0"),
    field("input_tokens", Integer, "1-0-0"),
    field("output_tokens", Integer, "1-0-0"),
    field("total_tokens", Integer, "1-0-0"),
    field("ephemeral_5m_input_tokens", Integer, "1-0-0"),
    field("ephemeral_1h_input_tokens", Integer, "1-0-0"),
    field("cache_read", Integer, "1-0-0"),
    field("model_engine", Text(64), "1-0-0"),
    field("model_name", Text(64), "1-0-0"),
    field("model_provider", Text(64), "1-0-0"),
    field("cache_creation", Integer, "1-0-1"),
    field("flow_name", Text(64), "1-0-2"),
    field("component_name", Text(64), "1-0-2"),
    field("item_type", Text(32), "1-0-2"),
    field("item_version", Text(32), "1-0-2"),
    field("item_schema_version", Text(32), "1-0-2"),
    field("custom_item_id", Integer, "1-0-2"),
];

const BILLING: &[ContextField] = &[
    required("event_id", Text(255), "1-0-2"),
    required("event_type", Text(255), "1-0-2"),
    required("unit_of_measure", Text(255), "1-0-2"),
    required("realm", OneOf(&["SaaS", "Dedicated", "SM"]), "1-0-2"),
    required("timestamp", Text(64), "1-0-2"),
    field("quantity", Number, "1-0-2"),
    field("instance_id", Text(255), "1-0-2"),
    field("unique_instance_id", Text(255), "1-0-2"),
    field("instance_version", Text(255), "1-0-2"),
    field("global_user_id", Text(64), "1-0-2"),
    field("host_name", Text(255), "1-0-2"),
    field("deployment_type", DEPLOYMENTS, "1-0-2"),
    field("project_id", Integer, "1-0-2"),
    field("namespace_id", Integer, "1-0-2"),
    field("organization_id", Integer, "1-0-2"),
    field("root_namespace_id", Integer, "1-0-2"),
    field("subject", Text(255), "1-0-2"),
    field("subject_type", Text(255), "1-0-2"),
    field("correlation_id", Text(64), "1-0-2"),
    field("seat_ids", Texts(255), "1-0-2"),
    field("assignments", Texts(255), "1-0-2"),
    field("entity_id", Text(255), "1-0-2"),
    field("metadata", Object, "1-0-2"),
];

impl Context {
    /// All contexts.
    pub const ALL: [Context; 3] = [Context::Standard, Context::Ai, Context::Billing];

    /// The name, as used in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Context::Standard => "the Standard Context",
            Context::Ai => "the AI Context",
            Context::Billing => "the billing context",
        }
    }

    /// The fields, ordered by schema version.
    pub fn fields(self) -> &'static [ContextField] {
        match self {
            Context::Standard => STANDARD,
            Context::Ai => AI,
            Context::Billing => BILLING,
        }
    }

    /// The field with this name.
    pub fn field(self, name: &str) -> Option<&'static ContextField> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The fields that violate the schema in this way, each with its requirement (`has to be …`).
    pub fn violations(
        self,
        fields: &Map<String, Value>,
        kind: Violation,
    ) -> Vec<(&'static ContextField, String)> {
        let mut found = Vec::new();
        for (name, value) in fields {
            if let Some(field) = self.field(name)
                && let Some((violation, requirement)) = field.kind.check(value)
                && violation == kind
            {
                found.push((field, requirement));
            }
        }
        found
    }
}

impl FieldKind {
    /// How this value violates the schema, if it does. Null counts as missing, which is not checked
    /// here.
    fn check(self, value: &Value) -> Option<(Violation, String)> {
        let (violation, requirement) = match (self, value) {
            (_, Value::Null) => return None,
            (Integer | Id(_), Value::Number(number)) => match number.as_u64() {
                Some(number) if number <= MAX_INTEGER => return None,
                None if !is_integer(value) => (Violation::Type, "has to be an integer".to_owned()),
                _ => (Violation::Limit, format!("has to be from 0 to {MAX_INTEGER}")),
            },
            (Number, Value::Number(number)) => match number.as_f64() {
                Some(number) if (0.0..=MAX_INTEGER as f64).contains(&number) => return None,
                _ => (Violation::Limit, format!("has to be from 0 to {MAX_INTEGER}")),
            },
            (Text(max) | Id(max), Value::String(text)) => {
                if text.len() <= max || text.chars().count() <= max {
                    return None;
                }
                (Violation::Limit, format!("has to have at most {max} characters"))
            }
            (OneOf(allowed), Value::String(text)) => {
                if allowed.contains(&text.as_str()) {
                    return None;
                }
                (Violation::Limit, format!("has to be one of {}", allowed.join(", ")))
            }
            (Boolean, Value::Bool(_)) | (Object, Value::Object(_)) => return None,
            (Integers, Value::Array(items)) => {
                return items.iter().find_map(|item| Integer.check_item(item));
            }
            (Texts(max), Value::Array(items)) => {
                return items.iter().find_map(|item| Text(max).check_item(item));
            }
            _ => (Violation::Type, format!("has to be {}", self.description())),
        };
        Some((violation, requirement))
    }

    /// How this item of an array violates the schema, if it does.
    fn check_item(self, item: &Value) -> Option<(Violation, String)> {
        let (violation, requirement) = self.check(item)?;
        Some((violation, format!("contains an item that {requirement}")))
    }

    /// The type, as used in a sentence.
    pub fn description(self) -> String {
        match self {
            Integer => "an integer".to_owned(),
            Number => "a number".to_owned(),
            Text(max) => format!("a string of at most {max} characters"),
            Id(max) => format!("a string of at most {max} characters, or an integer"),
            OneOf(allowed) => format!("one of {}", allowed.join(", ")),
            Boolean => "a boolean".to_owned(),
            Integers => "an array of integers".to_owned(),
            Texts(max) => format!("an array of strings of at most {max} characters"),
            Object => "an object".to_owned(),
        }
    }
}

fn is_integer(value: &Value) -> bool {
    value.as_i64().is_some() || value.as_u64().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn violations(context: Context, fields: Value, violation: Violation) -> Vec<String> {
        let Value::Object(fields) = fields else { panic!("an object") };
        context
            .violations(&fields, violation)
            .into_iter()
            .map(|(field, requirement)| format!("{} {requirement}", field.name))
            .collect()
    }

    #[test]
    fn checks_types_and_limits_of_context_fields() {
        let fields = json!({"session_id": 4711, "flow_type": "x".repeat(64), "cache_read": MAX_INTEGER, "workflow_id": null});
        assert!(violations(Context::Ai, fields.clone(), Violation::Type).is_empty());
        assert!(violations(Context::Ai, fields, Violation::Limit).is_empty());
        let fields =
            json!({"input_tokens": "12", "cache_read": 1.5, "workflow_id": 4711, "flow_type": ["chat"]});
        assert_eq!(violations(Context::Ai, fields.clone(), Violation::Type).len(), 4);
        assert!(violations(Context::Ai, fields, Violation::Limit).is_empty());
        let fields = json!({"input_tokens": -1, "cache_read": MAX_INTEGER + 1, "item_type": "é".repeat(33)});
        assert_eq!(violations(Context::Ai, fields.clone(), Violation::Limit).len(), 3);
        let fields = json!({"realm": "SaaS", "feature_enabled_by_namespace_ids": [1, -2], "is_gitlab_team_member": true});
        assert_eq!(violations(Context::Standard, fields, Violation::Limit).len(), 2);
        let fields = json!({"quantity": 0.5, "realm": "SaaS", "metadata": {}, "seat_ids": ["a", 1]});
        assert_eq!(
            violations(Context::Billing, fields, Violation::Type),
            ["seat_ids contains an item that has to be a string of at most 255 characters"]
        );
    }

    #[test]
    fn field_names_are_unique() {
        for context in Context::ALL {
            let mut names: Vec<&str> = context.fields().iter().map(|field| field.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{context:?}");
        }
    }
}
