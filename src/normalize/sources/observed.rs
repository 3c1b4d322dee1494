//! One event as a source tells it, before anybody judges it.

use serde_json::{Map, Value};

/// The form of a line or document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Objects shaped like the calls of the instrumentation guide.
    InternalEvent,
    /// The body of GitLab's events API.
    EventsApi,
    /// Enriched Snowplow events as JSON.
    SnowplowJson,
    /// Enriched Snowplow events, tab-separated.
    SnowplowTsv,
    /// What a Snowplow tracker posts.
    Tp2,
    /// What Snowplow Micro lists as good.
    Micro,
    /// GitLab's `product_usage_data.log`.
    ProductUsageLog,
    /// The events in the log of the Duo Workflow Service or the AI Gateway.
    ServiceLog,
    /// The calls of models in that log.
    ServiceCall,
    /// Nodes of `aiInstanceUsageData`.
    InstanceNode,
    /// Nodes of `aiUsageData` of a group or project.
    GroupNode,
    /// Rows of GitLab's table `ai_usage_events`.
    UsageTable,
}

/// An event as it is told. Names are the source's; nothing is folded, checked or left out but what a form wraps around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The form; `None` only in a default value.
    pub form: Option<Form>,
    /// The event's name; for Snowplow its action.
    pub event: Option<String>,
    /// When it happened, as text. A tracker's milliseconds since 1970 are told as RFC 3339.
    pub timestamp: Option<String>,
    /// The source's id of the event.
    pub event_id: Option<String>,
    /// Snowplow's category.
    pub category: Option<String>,
    /// The base property `label`.
    pub label: Option<Value>,
    /// The base property `property`.
    pub property: Option<Value>,
    /// The base property `value`: a number, or a text that holds one.
    pub value: Option<Value>,
    /// The user beside the contexts, where the form has one.
    pub user: Option<Who>,
    /// The id of the project beside the contexts.
    pub project: Option<Value>,
    /// The id of the namespace beside the contexts.
    pub namespace: Option<Value>,
    /// The ids of the namespace and of those above it, joined by slashes.
    pub namespace_path: Option<String>,
    /// The classification, where it was copied from the event's definition.
    pub classification: Option<Value>,
    /// Custom properties: `additional_properties` less the base ones, `extra` of the Standard Context, or `extras`.
    pub extra: Map<String, Value>,
    /// The Standard Context less its `extra`; `None` where there is none.
    pub standard: Option<Map<String, Value>>,
    /// The AI Context; `None` where there is none.
    pub ai: Option<Map<String, Value>>,
    /// The billing context; `None` where there is none.
    pub billing: Option<Map<String, Value>>,
}

/// A user beside the contexts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Who {
    /// The id: a number, a text that holds one, or a global id.
    pub id: Option<Value>,
    /// The user name.
    pub username: Option<String>,
    /// Whether it is a bot or service account, where that is told.
    pub bot: Option<bool>,
}
