//! One event as its source reports it, without validation.

use serde_json::{Map, Value};

/// The format of a line or document.
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
    /// The payload that a Snowplow tracker posts.
    Tp2,
    /// Valid events as Snowplow Micro lists them.
    Micro,
    /// GitLab's `product_usage_data.log`.
    ProductUsageLog,
    /// The events in the log of the Duo Workflow Service or the AI Gateway.
    ServiceLog,
    /// The model calls in that log.
    ServiceCall,
    /// Nodes of `aiInstanceUsageData`.
    InstanceNode,
    /// Nodes of `aiUsageData` of a group or project.
    GroupNode,
    /// Rows of GitLab's table `ai_usage_events`.
    UsageTable,
}

/// An event as its source reports it. Names are those of the source; nothing is canonicalized,
/// validated or omitted except envelopes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The form; `None` only in a default value.
    pub form: Option<Form>,
    /// The event's name; for Snowplow its action.
    pub event: Option<String>,
    /// The timestamp as text. A tracker's milliseconds since 1970 are converted to RFC 3339.
    pub timestamp: Option<String>,
    /// The source's id of the event.
    pub event_id: Option<String>,
    /// Snowplow's category.
    pub category: Option<String>,
    /// The base property `label`.
    pub label: Option<Value>,
    /// The base property `property`.
    pub property: Option<Value>,
    /// The base property `value`: a number, or a text with one.
    pub value: Option<Value>,
    /// The user outside the contexts, if the form has one.
    pub user: Option<UserRef>,
    /// The id of the project outside the contexts.
    pub project: Option<Value>,
    /// The id of the namespace outside the contexts.
    pub namespace: Option<Value>,
    /// The ids of the namespace and its ancestors, joined by slashes.
    pub namespace_path: Option<String>,
    /// The classification, if it was copied from the definition of the event.
    pub classification: Option<Value>,
    /// Custom properties: `additional_properties` without the base ones, `extra` of the Standard
    /// Context, or `extras`.
    pub extra: Map<String, Value>,
    /// The Standard Context without its `extra`; `None` if there is none.
    pub standard: Option<Map<String, Value>>,
    /// The AI Context; `None` if there is none.
    pub ai: Option<Map<String, Value>>,
    /// The billing context; `None` if there is none.
    pub billing: Option<Map<String, Value>>,
}

/// A user outside the contexts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserRef {
    /// The id: a number, a text with one, or a global id.
    pub id: Option<Value>,
    /// The user name.
    pub username: Option<String>,
    /// Whether it is a bot or service account, if reported.
    pub bot: Option<bool>,
}
