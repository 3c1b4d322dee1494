//! The catalog of Duo events: the emitter of each, what it reports about a session, and in which
//! fields.
//!
//! The names are those of GitLab 16.11 to 19.5. The three emitters differ: GitLab itself has the
//! session in `value` and the flow in `label`; the Duo Workflow Service has the session in `value`
//! and the flow in Snowplow's category; the AI Gateway has both only in the AI Context.

mod entries;

use self::entries::{ACCESS, EVENTS, TOKEN_USAGE};

/// An event of the catalog.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// The name, in lower case.
    pub name: &'static str,
    /// What emits it.
    pub emitter: Emitter,
    /// What happened.
    pub role: Role,
    /// What Snowplow's category contains.
    pub category: Meaning,
    /// What the base property `label` contains.
    pub label: Meaning,
    /// What the base property `property` contains.
    pub property: Meaning,
    /// What the base property `value` contains.
    pub value: Meaning,
    /// The custom properties.
    pub extras: &'static [&'static str],
    /// The identifiers that its definition requires.
    pub identifiers: &'static [&'static str],
    /// Whether its definition has `classification: duo`.
    pub is_classified: bool,
    /// The tiers in its definition.
    pub tiers: &'static [&'static str],
    /// The release that introduced it, if known.
    pub milestone: Option<&'static str>,
    /// The name of its definition file without the extension, if it differs from the event's name.
    pub file: Option<&'static str>,
    /// The former name.
    pub former_name: Option<&'static str>,
}

/// What emits an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emitter {
    /// GitLab itself.
    Rails,
    /// The Duo Workflow Service.
    Service,
    /// The AI Gateway.
    Gateway,
    /// The AI Gateway and the Duo Workflow Service.
    GatewayAndService,
    /// An editor, through GitLab's events API.
    Ide,
    /// All emitters.
    All,
    /// No emitter: an example of the instrumentation guide.
    Guide,
}

/// What an event reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// GitLab created the session.
    Created,
    /// GitLab: the session is running.
    Started,
    /// GitLab: the session runs again after a pause.
    Resumed,
    /// GitLab: the session finished.
    Finished,
    /// GitLab: the session failed.
    Dropped,
    /// GitLab: the session was stopped.
    Stopped,
    /// GitLab ended the session because it was stuck.
    CleanedUp,
    /// The service received a request to run the session: before each start, resume and retry.
    Received,
    /// The service starts the session.
    Requested,
    /// The service continues a paused session.
    Continued,
    /// The service restarts a session that had ended or was interrupted.
    Retried,
    /// The service pauses for a person.
    Paused,
    /// The session finished or was canceled; the property contains which.
    Succeeded,
    /// The service failed.
    Failed,
    /// The connection to the service was lost.
    Aborted,
    /// The service refused to start.
    Rejected,
    /// Declared for a stop by a person, but never sent.
    StopDeclared,
    /// A person wrote to the session.
    Messaged,
    /// A tool succeeded.
    ToolSucceeded,
    /// A tool failed.
    ToolFailed,
    /// A tool call waits for approval.
    ApprovalRequested,
    /// A tool call was approved or rejected.
    ApprovalResolved,
    /// A tool call was not allowed.
    ToolDenied,
    /// A tool call over the Model Context Protocol (MCP) started.
    McpStarted,
    /// A tool call over MCP ended.
    McpFinished,
    /// A model call, with its tokens.
    TokenUsage,
    /// Tokens, in the form before GitLab 18.11.
    LegacyTokens,
    /// Billed usage.
    Billing,
    /// A request that the AI Gateway authorized.
    Access,
    /// The flow chose a route or a model.
    Routed,
    /// The output of a component.
    Output,
    /// A limit was reached.
    LimitReached,
    /// The session created something.
    Artifact,
    /// The context sent to the model was shortened.
    ContextTrimmed,
    /// Statistics of a session, at its end.
    Summary,
    /// An agent delegated work to another, or returned it.
    Subagent,
    /// A tool of the knowledge graph was called.
    Orbit,
    /// A run of the older workflow started.
    ExecutionStarted,
    /// A run of the older workflow ended.
    ExecutionFinished,
    /// A run of the older workflow was retried.
    ExecutionRetried,
    /// The pipeline of a session ended.
    Workload,
    /// Duo Chat.
    Chat,
    /// A code suggestion.
    CodeSuggestion,
    /// Duo Code Review.
    CodeReview,
    /// Anything else.
    Other,
}

/// What a base property or Snowplow's category of an event contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing relevant, or never set.
    Nothing,
    /// Always this word.
    Word(&'static str),
    /// The id of the session.
    Session,
    /// The flow, which may carry its version: `fix_pipeline/v1`.
    Flow,
    /// Where the session runs: `chat`, `ambient`, `chat_partial`; in older releases `ide` and
    /// `web`.
    Environment,
    /// The name of a tool.
    Tool,
    /// The name of an agent.
    Agent,
    /// The name of a component of the flow.
    Component,
    /// How a session ended: `workflow_completed` or `cancelled_by_user`.
    Ending,
    /// Why a session is paused or resumed.
    Cause,
    /// `approval`, `rejection` or `modification`.
    Decision,
    /// The route of a flow.
    Route,
    /// An error: a type, and in parentheses a text that can contain anything.
    Exception,
    /// The status of a pipeline.
    Status,
    /// Seconds.
    Seconds,
    /// A count.
    Count,
    /// The id of a merge request.
    MergeRequest,
    /// The id of a request.
    RequestId,
    /// The id of a billing event.
    BillingId,
    /// The type of a billing event.
    BillingType,
    /// Text that can contain anything.
    Text,
}

/// The field that contains the session of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionField {
    /// The base property `value`.
    Value,
    /// `workflow_id` of the AI Context.
    Context,
    /// `session_id` or `workflow_id` of the custom properties.
    Extra,
    /// None: the event belongs to no session.
    Nowhere,
}

impl Entry {
    /// The field in which the emitters send the session. The instrumentation guide requires
    /// `session_id` of the AI Context for all events.
    pub fn session(&self) -> SessionField {
        match self.value {
            Meaning::Session => SessionField::Value,
            _ if self.extras.iter().any(|name| ["session_id", "workflow_id"].contains(name)) => {
                SessionField::Extra
            }
            _ if self.role == Role::TokenUsage => SessionField::Context,
            _ => SessionField::Nowhere,
        }
    }
}

/// The prefix of the events of model calls, which carry tokens.
pub const MODEL_CALL_PREFIX: &str = "token_usage_";

/// The event of this name or former name; `name` in lower case.
pub fn entry(name: &str) -> Option<&'static Entry> {
    let by_name = |entry: &&Entry| entry.name == name;
    let by_former_name = |entry: &&Entry| entry.former_name == Some(name);
    EVENTS
        .iter()
        .chain(TOKEN_USAGE)
        .chain(ACCESS)
        .find(by_name)
        .or_else(|| EVENTS.iter().find(by_former_name))
}

/// What an event of this name reports; `name` in lower case. Model calls are recognized by their
/// prefix, because every release adds some.
pub fn role(name: &str) -> Option<Role> {
    let is_call = || name.starts_with(MODEL_CALL_PREFIX).then_some(Role::TokenUsage);
    entry(name).map(|entry| entry.role).or_else(is_call)
}

/// Every event.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    EVENTS.iter().chain(TOKEN_USAGE).chain(ACCESS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names = BTreeSet::new();
        for entry in entries() {
            assert!(names.insert(entry.name), "{}", entry.name);
            assert!(entry.former_name.is_none_or(|older| names.insert(older)), "{}", entry.name);
            assert!(entry.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        }
    }

    #[test]
    fn finds_events_by_name_and_former_name() {
        let name = |found: Option<&'static Entry>| found.map(|entry| entry.name);
        assert_eq!(name(entry("create_agent_platform_session")), Some("agent_platform_session_created"));
        assert_eq!(role("token_usage_of_tomorrow"), Some(Role::TokenUsage));
        assert_eq!(role("request_duo_workflow_success"), Some(Role::Succeeded));
        assert_eq!(role("duo_workflow_pause"), None);
    }

    #[test]
    fn the_session_is_in_the_field_of_its_emitter() {
        let session = |name| entry(name).map(Entry::session);
        assert_eq!(session("agent_platform_session_created"), Some(SessionField::Value));
        assert_eq!(session("pause_duo_workflow"), Some(SessionField::Value));
        assert_eq!(session("finish_mcp_tool_call"), Some(SessionField::Extra));
        // Its value is the duration of a pipeline in seconds.
        assert_eq!(session("duo_workflow_workload_completed"), Some(SessionField::Extra));
        assert_eq!(session("token_usage_duo_workflow"), Some(SessionField::Context));
        assert_eq!(session("request_duo_chat_response"), Some(SessionField::Nowhere));
    }
}
