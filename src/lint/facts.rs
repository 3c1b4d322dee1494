//! What an event says, as the rules ask for it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::context::{Context, Fault};
use super::definition::Definition;
use super::names::Meaning;
use super::quote::quoted;
use crate::base::calendar::Timestamp;
use crate::model::scalar::{id, is_digits};
use crate::normalize::sources::{Form, Observed, moment};

/// One event, with what the rules need to know around it.
pub struct Facts<'a> {
    /// The event as it is told.
    pub told: &'a Observed,
    /// Its name in lower case; empty when it has none.
    pub name: &'a str,
    /// What is known of an event of this name.
    pub meaning: &'a Meaning,
    /// The definition of the event, where it was given.
    pub definition: Option<&'a Definition>,
}

/// The fields that say which model answered.
pub(super) const MODEL_FIELDS: [&str; 3] = ["model_provider", "model_engine", "model_name"];

/// The fields that say how many tokens went in and out.
pub(super) const TOKEN_FIELDS: [&str; 3] = ["input_tokens", "output_tokens", "total_tokens"];

/// The fields that say how many tokens were written to a cache.
pub(super) const CACHE_WRITES: [&str; 3] =
    ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "cache_creation"];

/// The definitions that were given, by the action they define.
pub type Definitions = BTreeMap<String, Definition>;

impl<'a> Facts<'a> {
    /// The form the event came in.
    pub fn form(&self) -> Option<Form> {
        self.told.form
    }

    /// Whether this form carries the contexts of an event, so that one that is missing was not sent.
    pub fn carries_contexts(&self) -> bool {
        self.is_snowplow() || self.form() == Some(Form::InternalEvent)
    }

    /// Whether this form carries the Standard Context as it is sent.
    pub fn is_snowplow(&self) -> bool {
        matches!(
            self.form(),
            Some(Form::SnowplowJson | Form::SnowplowTsv | Form::Tp2 | Form::Micro | Form::ProductUsageLog)
        )
    }

    /// Whether this is a call, which GitLab checks before it sends the event.
    pub fn is_call(&self) -> bool {
        matches!(self.form(), Some(Form::InternalEvent | Form::EventsApi))
    }

    /// A context of the event, as far as it is told.
    pub fn context(&self, context: Context) -> Option<&'a Map<String, Value>> {
        match context {
            Context::Standard => self.told.standard.as_ref(),
            Context::Ai => self.told.ai.as_ref(),
            Context::Billing => self.told.billing.as_ref(),
        }
    }

    /// A field of the AI Context that is told.
    pub fn of_ai(&self, name: &str) -> Option<&'a Value> {
        told(self.told.ai.as_ref()?, name)
    }

    /// A field of the Standard Context that is told, or a custom property: in calls both are the same.
    pub fn of_standard(&self, name: &str) -> Option<&'a Value> {
        let standard = self.told.standard.as_ref().and_then(|standard| told(standard, name));
        standard.or_else(|| told(&self.told.extra, name))
    }

    /// A field of either context that is told.
    pub fn of_either(&self, name: &str) -> Option<&'a Value> {
        self.of_ai(name).or_else(|| self.of_standard(name))
    }

    /// Every place that tells a session, with the session, in the order in which they count.
    pub fn sessions(&self) -> Vec<(&'static str, String)> {
        let value = self.told.value.as_ref().filter(|_| self.meaning.is_session_in_value);
        let places = [
            ("value", value),
            ("session_id of the AI Context", self.of_ai("session_id")),
            ("workflow_id of the AI Context", self.of_ai("workflow_id")),
            ("workflow_id", told(&self.told.extra, "workflow_id")),
            ("session_id", told(&self.told.extra, "session_id")),
        ];
        places.into_iter().filter_map(|(place, value)| Some((place, id(value?)?))).collect()
    }

    /// The session the event is of.
    pub fn session(&self) -> Option<String> {
        self.sessions().into_iter().next().map(|(_, session)| session)
    }

    /// The instance the event is of; empty where it is not told.
    pub fn instance(&self) -> &'a str {
        ["host_name", "instance_id"].iter().find_map(|name| self.of_standard(name)?.as_str()).unwrap_or("")
    }

    /// The ids of the user, each where it is told: the one on the instance, its hash, and the one that is the same on every
    /// instance. None of them says anything about another.
    pub fn users(&self) -> [Option<String>; 3] {
        let beside = self.told.user.as_ref().and_then(|who| who.id.as_ref());
        let local = beside.and_then(id).or_else(|| id(self.of_standard("user_id")?));
        let local =
            local.map(|user| user.strip_prefix("gid://gitlab/User/").map_or(user.clone(), str::to_owned));
        let (number, hash) = match local {
            Some(user) if is_digits(&user) => (Some(user), None),
            other => (None, other),
        };
        [number, hash, self.of_standard("global_user_id").and_then(id)]
    }

    /// The moment of the event, where it can be read.
    pub fn moment(&self) -> Option<Timestamp> {
        moment(self.told.timestamp.as_deref()?)
    }

    /// The fields of the contexts that are faulty in this way, in a line.
    pub fn context_faults(&self, fault: Fault) -> Option<String> {
        let mut found = Vec::new();
        for context in Context::ALL {
            let Some(told) = self.context(context) else { continue };
            for (field, what) in context.faults(told, fault) {
                let value = quoted(&told[field.name]);
                found.push(format!("{} of {} is {value}, and {what}", field.name, context.name()));
            }
        }
        (!found.is_empty()).then(|| found.join("; "))
    }

    /// A number of tokens: that of the AI Context, else that of the Standard Context. `None` where there is none, or
    /// none that can be counted.
    pub fn tokens(&self, name: &str) -> Option<u64> {
        self.of_either(name)?.as_u64()
    }
}

/// A value that is there and not null.
fn told<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).filter(|value| !value.is_null())
}
