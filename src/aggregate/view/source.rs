//! The sources of metrics, and the collectors that supply them.

use crate::collect::collectors::by_name;

/// The source of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `usage_events`, or `instance_usage_events` for a whole instance, plus the events of custom
    /// collectors.
    Usage,
    /// `code_suggestion_events` on days where it is complete, else the source of usage.
    CodeSuggestions,
    /// `seats`.
    Seats,
    /// `merge_requests`.
    MergeRequests,
    /// `pipelines`.
    Pipelines,
    /// `dora`.
    Dora,
    /// All collectors that report the ids of agent sessions.
    Sessions,
    /// The first export that reports tool calls, else custom collectors.
    Tools,
    /// The first export that reports tokens, else custom collectors.
    Tokens,
    /// `credits`.
    Credits,
    /// `credit_months`.
    CreditMonths,
}

/// Event exports, in order of preference: on a day without GitLab's own events, the first that has
/// the day counts.
pub(super) const EXPORTS: [&str; 5] =
    ["ai_usage_events", "snowplow", "internal_events", "service_log", "service_calls"];

/// Whether a collector is an event export.
pub fn is_export(collector: &str) -> bool {
    EXPORTS.contains(&collector)
}

/// The collectors of sessions that GitLab aggregated, in order of preference.
pub(super) const SESSION_AGGREGATES: [&str; 3] = ["agent_flows", "agent_sessions", "ai_metrics"];

/// The collector of the durations of sessions.
pub(super) const SESSION_DURATIONS: &str = "agent_durations";

/// The collector of code suggestions by editor.
pub(super) const SUGGESTIONS_BY_EDITOR: &str = "suggestions_by_editor";

/// Whether a collector returns rows that GitLab aggregated. Their number changes when sessions
/// change: it does not show whether rows are missing.
pub(super) fn is_aggregate(collector: &str) -> bool {
    ["agent_flows", "agent_sessions", SESSION_DURATIONS, SUGGESTIONS_BY_EDITOR].contains(&collector)
}

/// The collector of code suggestions with their language.
pub const CODE_SUGGESTION_EVENTS: &str = "code_suggestion_events";

/// The collectors of GitLab's own events: the ids of their users are those of the rest of GitLab.
const BUILTIN_EVENTS: [&str; 2] = ["usage_events", "instance_usage_events"];

/// The preference among collectors that report the same event: GitLab's own, then the exports, then
/// custom collectors.
pub(super) fn source_rank(collector: &str) -> usize {
    let all = BUILTIN_EVENTS.iter().chain(&EXPORTS);
    all.into_iter().position(|name| *name == collector).unwrap_or(BUILTIN_EVENTS.len() + EXPORTS.len())
}

/// Whether a collector can report all tool calls and model calls. GitLab's own events include only
/// those over MCP.
pub(super) fn reports_calls(collector: &str) -> bool {
    by_name(collector).is_none() && collector != EXPORTS[0]
}
