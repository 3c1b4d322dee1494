//! The fields of the contexts, as GitLab's schemas have them: types, limits, and the version that brought each.

use serde_json::{Map, Value};

/// A context of an event.
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
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// What it holds; `null` is allowed unless it is required.
    pub kind: Kind,
    /// The version of the schema that brought it.
    pub since: &'static str,
    /// Whether an event without it is rejected.
    pub is_required: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number from 0 to [`MOST`].
    Whole,
    /// A number from 0 to [`MOST`].
    Number,
    /// A text of at most so many characters.
    Text(usize),
    /// A text of at most so many characters, or a whole number.
    Id(usize),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A list of whole numbers.
    Wholes,
    /// A list of texts of 1 to so many characters.
    Texts(usize),
    /// Anything with keys.
    Object,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is of another type.
    Type,
    /// It is too long, out of range, or none of the values allowed.
    Limit,
}

/// The largest whole number of the schemas.
pub(super) const MOST: u64 = 2_147_483_647;

const fn field(name: &'static str, kind: Kind, since: &'static str) -> Field {
    Field { name, kind, since, is_required: false }
}

const fn required(name: &'static str, kind: Kind, since: &'static str) -> Field {
    Field { name, kind, since, is_required: true }
}

use Kind::{Flag, Id, Number, Object, OneOf, Text, Texts, Whole, Wholes};

const REALMS: Kind = OneOf(&["self-managed", "saas", "dedicated"]);
const DEPLOYMENTS: Kind = OneOf(&["self-managed", ".com", "dedicated"]);

const STANDARD: &[Field] = &[
    required("environment", Text(32), "1-0-0"),
    field("source", Text(32), "1-0-0"),
    field("plan", Text(32), "1-0-0"),
    field("google_analytics_id", Text(32), "1-0-0"),
    field("user_id", Id(255), "1-0-0"),
    field("namespace_id", Whole, "1-0-0"),
    field("project_id", Whole, "1-0-0"),
    field("is_gitlab_team_member", Flag, "1-0-0"),
    field("feature_enabled_by_namespace_ids", Wholes, "1-0-0"),
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
    field("input_tokens", Whole, "1-1-4"),
    field("output_tokens", Whole, "1-1-4"),
    field("total_tokens", Whole, "1-1-4"),
    field("unique_instance_id", Text(255), "1-1-5"),
    field("ultimate_parent_namespace_id", Whole, "1-1-6"),
    field("user_type", Text(255), "1-1-7"),
    field("deployment_type", DEPLOYMENTS, "1-1-7"),
    field("organization_id", Whole, "1-1-8"),
];

const AI: &[Field] = &[
    field("session_id", Id(255), "1-0-0"),
    field("workflow_id", Text(255), "1-0-0"),
    field("flow_type", Text(64), "1-0-0"),
    field("flow_version", Text(64), "1-0-0"),
    field("flow_registry_version", Text(64), "1-0-0"),
    field("agent_name", Text(64), "1-0-0"),
    field("agent_type", Text(64), "1-0-0"),
    field("input_tokens", Whole, "1-0-0"),
    field("output_tokens", Whole, "1-0-0"),
    field("total_tokens", Whole, "1-0-0"),
    field("ephemeral_5m_input_tokens", Whole, "1-0-0"),
    field("ephemeral_1h_input_tokens", Whole, "1-0-0"),
    field("cache_read", Whole, "1-0-0"),
    field("model_engine", Text(64), "1-0-0"),
    field("model_name", Text(64), "1-0-0"),
    field("model_provider", Text(64), "1-0-0"),
    field("cache_creation", Whole, "1-0-1"),
    field("flow_name", Text(64), "1-0-2"),
    field("component_name", Text(64), "1-0-2"),
    field("item_type", Text(32), "1-0-2"),
    field("item_version", Text(32), "1-0-2"),
    field("item_schema_version", Text(32), "1-0-2"),
    field("custom_item_id", Whole, "1-0-2"),
];

const BILLING: &[Field] = &[
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
    field("project_id", Whole, "1-0-2"),
    field("namespace_id", Whole, "1-0-2"),
    field("organization_id", Whole, "1-0-2"),
    field("root_namespace_id", Whole, "1-0-2"),
    field("subject", Text(255), "1-0-2"),
    field("subject_type", Text(255), "1-0-2"),
    field("correlation_id", Text(64), "1-0-2"),
    field("seat_ids", Texts(255), "1-0-2"),
    field("assignments", Texts(255), "1-0-2"),
    field("entity_id", Text(255), "1-0-2"),
    field("metadata", Object, "1-0-2"),
];

impl Context {
    /// All of them.
    pub const ALL: [Context; 3] = [Context::Standard, Context::Ai, Context::Billing];

    /// The name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Context::Standard => "the Standard Context",
            Context::Ai => "the AI Context",
            Context::Billing => "the billing context",
        }
    }

    /// The fields, those of older versions first.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Context::Standard => STANDARD,
            Context::Ai => AI,
            Context::Billing => BILLING,
        }
    }

    /// The field of this name.
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The fields of this context that are faulty in this way, each with what is wrong.
    pub fn faults(self, told: &Map<String, Value>, sought: Fault) -> Vec<(&'static Field, String)> {
        let mut found = Vec::new();
        for (name, value) in told {
            if let Some(field) = self.field(name)
                && let Some((fault, what)) = field.kind.fault(value)
                && fault == sought
            {
                found.push((field, what));
            }
        }
        found
    }
}

impl Kind {
    /// What is wrong with this value; what is null is not told, and nothing is wrong with that here.
    fn fault(self, value: &Value) -> Option<(Fault, String)> {
        let (fault, what) = match (self, value) {
            (_, Value::Null) => return None,
            (Whole | Id(_), Value::Number(number)) => match number.as_u64() {
                Some(number) if number <= MOST => return None,
                None if !is_whole(value) => (Fault::Type, "has to be a whole number".to_owned()),
                _ => (Fault::Limit, format!("has to be from 0 to {MOST}")),
            },
            (Number, Value::Number(number)) => match number.as_f64() {
                Some(number) if (0.0..=MOST as f64).contains(&number) => return None,
                _ => (Fault::Limit, format!("has to be from 0 to {MOST}")),
            },
            (Text(most) | Id(most), Value::String(text)) => {
                if text.len() <= most || text.chars().count() <= most {
                    return None;
                }
                (Fault::Limit, format!("has to be of {most} characters at most"))
            }
            (OneOf(allowed), Value::String(text)) => {
                if allowed.contains(&text.as_str()) {
                    return None;
                }
                (Fault::Limit, format!("has to be one of {}", allowed.join(", ")))
            }
            (Flag, Value::Bool(_)) | (Object, Value::Object(_)) => return None,
            (Wholes, Value::Array(items)) => {
                return items.iter().find_map(|item| Whole.fault(item)).map(of_items);
            }
            (Texts(most), Value::Array(items)) => {
                return items.iter().find_map(|item| Text(most).fault(item)).map(of_items);
            }
            _ => (Fault::Type, format!("has to be {}", self.name())),
        };
        Some((fault, what))
    }

    /// What it holds, in words.
    pub fn name(self) -> String {
        match self {
            Whole => "a whole number".to_owned(),
            Number => "a number".to_owned(),
            Text(most) => format!("a text of at most {most} characters"),
            Id(most) => format!("a text of at most {most} characters or a whole number"),
            OneOf(allowed) => format!("one of {}", allowed.join(", ")),
            Flag => "true or false".to_owned(),
            Wholes => "a list of whole numbers".to_owned(),
            Texts(most) => format!("a list of texts of at most {most} characters"),
            Object => "an object".to_owned(),
        }
    }
}

fn of_items((fault, what): (Fault, String)) -> (Fault, String) {
    (fault, format!("holds an item that {what}"))
}

/// Whether a number has no fraction.
fn is_whole(value: &Value) -> bool {
    value.as_i64().is_some() || value.as_u64().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(context: Context, told: Value, fault: Fault) -> Vec<String> {
        let Value::Object(told) = told else { panic!("an object") };
        context
            .faults(&told, fault)
            .into_iter()
            .map(|(field, what)| format!("{} {what}", field.name))
            .collect()
    }

    #[test]
    fn values_are_held_against_type_and_limit_of_their_field() {
        let told =
            json!({"session_id": 4711, "flow_type": "x".repeat(64), "cache_read": MOST, "workflow_id": null});
        assert!(faults(Context::Ai, told.clone(), Fault::Type).is_empty());
        assert!(faults(Context::Ai, told, Fault::Limit).is_empty());
        let told =
            json!({"input_tokens": "12", "cache_read": 1.5, "workflow_id": 4711, "flow_type": ["chat"]});
        assert_eq!(faults(Context::Ai, told.clone(), Fault::Type).len(), 4);
        assert!(faults(Context::Ai, told, Fault::Limit).is_empty());
        let told = json!({"input_tokens": -1, "cache_read": MOST + 1, "item_type": "é".repeat(33)});
        assert_eq!(faults(Context::Ai, told.clone(), Fault::Limit).len(), 3);
        let told = json!({"realm": "SaaS", "feature_enabled_by_namespace_ids": [1, -2], "is_gitlab_team_member": true});
        assert_eq!(faults(Context::Standard, told, Fault::Limit).len(), 2);
        let told = json!({"quantity": 0.5, "realm": "SaaS", "metadata": {}, "seat_ids": ["a", 1]});
        assert_eq!(
            faults(Context::Billing, told, Fault::Type),
            ["seat_ids holds an item that has to be a text of at most 255 characters"]
        );
    }

    #[test]
    fn names_of_fields_are_there_once() {
        for context in Context::ALL {
            let mut names: Vec<&str> = context.fields().iter().map(|field| field.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{context:?}");
        }
    }
}
