//! What GitLab counts itself, and which of our counts must equal it.
//!
//! Only counts with the same definition are compared. Left out are counts of sessions by a later
//! event, which GitLab assigns to the day of creation; chat users and contributors, who must also
//! have contributed code; and totals over events that differ from release to release (GitLab 18.9
//! to 19.4, `ee/app/services/analytics/ai_analytics`).

/// A count by GitLab, and the count of events that must equal it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// The collector of GitLab's count.
    pub(super) collector: &'static str,
    /// The feature of GitLab's count, and its name.
    pub(super) feature: &'static str,
    pub(super) measure: &'static str,
    pub(super) ours: Ours,
}

/// A count of ours, including bots and events that GitLab stored twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ours {
    /// Events of one name.
    Event(&'static str),
    /// Distinct users of any event.
    Users,
}

const fn of_event(
    collector: &'static str,
    feature: &'static str,
    measure: &'static str,
    event: &'static str,
) -> Comparison {
    Comparison { collector, feature, measure, ours: Ours::Event(event) }
}

pub(super) const GROUP: &str = "ai_metrics";
pub(super) const USERS: &str = "ai_user_metrics";
pub(super) const SESSIONS: &str = "agent_sessions";
pub(super) const FLOWS: &str = "agent_flows";

/// The event of a created session.
const CREATED: &str = "agent_platform_session_created";

/// Every comparison.
pub(super) const COMPARISONS: &[Comparison] = &[
    Comparison { collector: GROUP, feature: "all", measure: "duo_used_count", ours: Ours::Users },
    of_event(GROUP, "code_suggestions", "shown_count", "code_suggestion_shown_in_ide"),
    of_event(GROUP, "code_suggestions", "accepted_count", "code_suggestion_accepted_in_ide"),
    of_event(GROUP, "chat", "request_duo_chat_response_event_count", "request_duo_chat_response"),
    of_event(
        GROUP,
        "code_review",
        "request_review_duo_code_review_on_mr_by_author_event_count",
        "request_review_duo_code_review_on_mr_by_author",
    ),
    of_event(
        GROUP,
        "code_review",
        "request_review_duo_code_review_on_mr_by_non_author_event_count",
        "request_review_duo_code_review_on_mr_by_non_author",
    ),
    of_event(
        GROUP,
        "code_review",
        "post_comment_duo_code_review_on_diff_event_count",
        "post_comment_duo_code_review_on_diff",
    ),
    of_event(
        GROUP,
        "code_review",
        "publish_duo_code_review_comments_event_count",
        "publish_duo_code_review_comments",
    ),
    of_event(
        GROUP,
        "code_review",
        "find_no_issues_duo_code_review_after_review_event_count",
        "find_no_issues_duo_code_review_after_review",
    ),
    of_event(
        GROUP,
        "code_review",
        "encounter_duo_code_review_error_during_review_event_count",
        "encounter_duo_code_review_error_during_review",
    ),
    of_event(
        GROUP,
        "code_review",
        "react_thumbs_up_on_duo_code_review_comment_event_count",
        "react_thumbs_up_on_duo_code_review_comment",
    ),
    of_event(
        GROUP,
        "code_review",
        "react_thumbs_down_on_duo_code_review_comment_event_count",
        "react_thumbs_down_on_duo_code_review_comment",
    ),
    of_event(GROUP, "agent_platform", "created_session_event_count", CREATED),
    of_event(GROUP, "mcp", "start_mcp_tool_call_event_count", "start_mcp_tool_call"),
    of_event(GROUP, "mcp", "finish_mcp_tool_call_event_count", "finish_mcp_tool_call"),
    of_event(GROUP, "troubleshoot", "troubleshoot_job_event_count", "troubleshoot_job"),
    of_event(SESSIONS, "agent_platform", "total_count", CREATED),
    of_event(FLOWS, "agent_platform", "total_count", CREATED),
    of_event(
        USERS,
        "code_suggestions",
        "code_suggestion_shown_in_ide_event_count",
        "code_suggestion_shown_in_ide",
    ),
    of_event(
        USERS,
        "code_suggestions",
        "code_suggestion_accepted_in_ide_event_count",
        "code_suggestion_accepted_in_ide",
    ),
    of_event(
        USERS,
        "code_suggestions",
        "code_suggestion_rejected_in_ide_event_count",
        "code_suggestion_rejected_in_ide",
    ),
    of_event(USERS, "chat", "request_duo_chat_response_event_count", "request_duo_chat_response"),
    of_event(USERS, "agent_platform", "agent_platform_session_created_event_count", CREATED),
];

impl Comparison {
    /// The comparison of a metric line.
    pub(super) fn find(collector: &str, feature: &str, measure: &str) -> Option<&'static Comparison> {
        let is_it =
            |one: &&Comparison| (one.collector, one.feature, one.measure) == (collector, feature, measure);
        COMPARISONS.iter().find(is_it)
    }

    /// The name of GitLab's count in `group_total` and `user_total`.
    pub(super) fn total(&self) -> String {
        format!("{}.{}", self.feature, self.measure)
    }

    /// The comparisons of these collectors.
    pub(super) fn of(collectors: &[&str]) -> impl Iterator<Item = &'static Comparison> {
        COMPARISONS.iter().filter(move |one| collectors.contains(&one.collector))
    }
}
