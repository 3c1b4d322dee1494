//! An event as rules see it.

use serde_json::{Map, Value};

use super::context::{Context, Violation};
use super::definition::Definition;
use super::name_info::NameInfo;
use super::quote::quote;
use crate::base::calendar::Timestamp;
use crate::model::scalar::{id, is_digits};
use crate::normalize::sources::{Form, Observed, parse_timestamp};

/// One event, with what is known about its name.
pub struct LintEvent<'a> {
    /// The event as it was read.
    pub observation: &'a Observed,
    /// Its name in lower case; empty if it has none.
    pub name: &'a str,
    /// What the event catalog contains about the name.
    pub info: &'a NameInfo,
    /// The definition of the event, if one was given.
    pub definition: Option<&'a Definition>,
}

/// The fields that identify the model of a call.
pub(super) const MODEL_FIELDS: [&str; 3] = ["model_provider", "model_engine", "model_name"];

/// The fields for tokens read and written by the model.
pub(super) const TOKEN_FIELDS: [&str; 3] = ["input_tokens", "output_tokens", "total_tokens"];

/// The fields for tokens written to a cache.
pub(super) const CACHE_WRITE_FIELDS: [&str; 3] =
    ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "cache_creation"];

impl<'a> LintEvent<'a> {
    /// The format that the event was read from.
    pub fn form(&self) -> Option<Form> {
        self.observation.form
    }

    /// Whether the format carries contexts, so that a missing context was not sent.
    pub fn carries_contexts(&self) -> bool {
        self.is_snowplow() || self.form() == Some(Form::InternalEvent)
    }

    /// Whether the format carries the Standard Context exactly as it was sent.
    pub fn is_snowplow(&self) -> bool {
        matches!(
            self.form(),
            Some(Form::SnowplowJson | Form::SnowplowTsv | Form::Tp2 | Form::Micro | Form::ProductUsageLog)
        )
    }

    /// Whether this is a call of a tracking method, which GitLab validates before it sends the
    /// event.
    pub fn is_call(&self) -> bool {
        matches!(self.form(), Some(Form::InternalEvent | Form::EventsApi))
    }

    /// A context, if the event has it.
    pub fn context(&self, context: Context) -> Option<&'a Map<String, Value>> {
        match context {
            Context::Standard => self.observation.standard.as_ref(),
            Context::Ai => self.observation.ai.as_ref(),
            Context::Billing => self.observation.billing.as_ref(),
        }
    }

    /// A non-null field of the AI Context.
    pub fn ai_field(&self, name: &str) -> Option<&'a Value> {
        non_null(self.observation.ai.as_ref()?, name)
    }

    /// A non-null field of the Standard Context, else a custom property: calls do not distinguish
    /// the two.
    pub fn standard_field(&self, name: &str) -> Option<&'a Value> {
        let standard = self.observation.standard.as_ref().and_then(|standard| non_null(standard, name));
        standard.or_else(|| non_null(&self.observation.extra, name))
    }

    /// A non-null field of the AI Context, else of the Standard Context.
    pub fn field(&self, name: &str) -> Option<&'a Value> {
        self.ai_field(name).or_else(|| self.standard_field(name))
    }

    /// Every session id of the event with the name of its field, in order of precedence.
    pub fn session_ids(&self) -> Vec<(&'static str, String)> {
        let value = self.observation.value.as_ref().filter(|_| self.info.has_session_in_value);
        let fields = [
            ("value", value),
            ("session_id of the AI Context", self.ai_field("session_id")),
            ("workflow_id of the AI Context", self.ai_field("workflow_id")),
            ("workflow_id", non_null(&self.observation.extra, "workflow_id")),
            ("session_id", non_null(&self.observation.extra, "session_id")),
        ];
        fields.into_iter().filter_map(|(field, value)| Some((field, id(value?)?))).collect()
    }

    /// The session of the event.
    pub fn session_id(&self) -> Option<String> {
        self.session_ids().into_iter().next().map(|(_, session)| session)
    }

    /// The instance of the event; empty if it is missing.
    pub fn instance(&self) -> &'a str {
        ["host_name", "instance_id"].iter().find_map(|name| self.standard_field(name)?.as_str()).unwrap_or("")
    }

    /// The ids of the user: numeric id on the instance, hash of that id, global id. Ids of
    /// different kinds cannot be compared.
    pub fn user_ids(&self) -> [Option<String>; 3] {
        let user = self.observation.user.as_ref().and_then(|user| user.id.as_ref());
        let local = user.and_then(id).or_else(|| id(self.standard_field("user_id")?));
        let local =
            local.map(|user| user.strip_prefix("gid://gitlab/User/").map_or(user.clone(), str::to_owned));
        let (number, hash) = match local {
            Some(user) if is_digits(&user) => (Some(user), None),
            other => (None, other),
        };
        [number, hash, self.standard_field("global_user_id").and_then(id)]
    }

    /// The timestamp, if it can be parsed.
    pub fn timestamp(&self) -> Option<Timestamp> {
        parse_timestamp(self.observation.timestamp.as_deref()?)
    }

    /// The context fields that violate their schema in this way, as one line.
    pub fn context_violations(&self, violation: Violation) -> Option<String> {
        let mut found = Vec::new();
        for context in Context::ALL {
            let Some(fields) = self.context(context) else { continue };
            for (field, requirement) in context.violations(fields, violation) {
                let value = quote(&fields[field.name]);
                found.push(format!("{} of {} is {value}, but {requirement}", field.name, context.name()));
            }
        }
        (!found.is_empty()).then(|| found.join("; "))
    }

    /// A number of tokens, from the AI Context or else the Standard Context. `None` if the field is
    /// missing or is not a non-negative integer.
    pub fn token_count(&self, name: &str) -> Option<u64> {
        self.field(name)?.as_u64()
    }
}

fn non_null<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).filter(|value| !value.is_null())
}
