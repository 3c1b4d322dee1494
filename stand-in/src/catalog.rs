//! The usage events that GitLab has names for, with feature and first release.

use super::activity::UNKNOWN_EVENT;
use super::release::Version;

/// One kind of usage event.
pub(super) struct Event {
    /// Enum value, in upper case.
    pub(super) name: &'static str,
    /// GitLab's key of the feature.
    pub(super) feature: &'static str,
    /// First release with this enum value.
    pub(super) since: Version,
}

// GitLab's registry was seen with 19, 30 and 46 events, which brackets the releases. If several
// releases are possible, this is the latest one.
const FIRST: Version = (17, 5);
const CHAT: Version = (17, 11);
const TROUBLESHOOT: Version = (18, 0);
const WITH_19_EVENTS: Version = (18, 4);
const WITH_30_EVENTS: Version = (18, 9);
const WITH_46_EVENTS: Version = (19, 1);
const NEWEST: Version = (19, 5);

/// All events, in the order of the numbers that GitLab stores; those without a known number last.
pub(super) const CATALOG: [Event; 49] = [
    event("CODE_SUGGESTIONS_REQUESTED", "code_suggestions", FIRST),
    event("CODE_SUGGESTION_SHOWN_IN_IDE", "code_suggestions", FIRST),
    event("CODE_SUGGESTION_ACCEPTED_IN_IDE", "code_suggestions", FIRST),
    event("CODE_SUGGESTION_REJECTED_IN_IDE", "code_suggestions", FIRST),
    event("CODE_SUGGESTION_DIRECT_ACCESS_TOKEN_REFRESH", "code_suggestions", FIRST),
    event("REQUEST_DUO_CHAT_RESPONSE", "chat", CHAT),
    event("TROUBLESHOOT_JOB", "troubleshoot_job", TROUBLESHOOT),
    event("AGENT_PLATFORM_SESSION_CREATED", "agent_platform", WITH_19_EVENTS),
    event("AGENT_PLATFORM_SESSION_STARTED", "agent_platform", WITH_19_EVENTS),
    event("ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW", "code_review", WITH_19_EVENTS),
    event("FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW", "code_review", WITH_19_EVENTS),
    event("FIND_NOTHING_TO_REVIEW_DUO_CODE_REVIEW_ON_MR", "code_review", WITH_19_EVENTS),
    event("POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF", "code_review", WITH_19_EVENTS),
    event("REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT", "code_review", WITH_19_EVENTS),
    event("REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT", "code_review", WITH_19_EVENTS),
    event("REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR", "code_review", WITH_19_EVENTS),
    event("REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR", "code_review", WITH_19_EVENTS),
    event("EXCLUDED_FILES_FROM_DUO_CODE_REVIEW", "code_review", WITH_19_EVENTS),
    event("AGENT_PLATFORM_SESSION_FINISHED", "agent_platform", WITH_19_EVENTS),
    event("AGENT_PLATFORM_SESSION_DROPPED", "agent_platform", WITH_30_EVENTS),
    event("AGENT_PLATFORM_SESSION_STOPPED", "agent_platform", WITH_30_EVENTS),
    event("AGENT_PLATFORM_SESSION_RESUMED", "agent_platform", WITH_30_EVENTS),
    event("START_MCP_TOOL_CALL", "mcp", WITH_30_EVENTS),
    event("FINISH_MCP_TOOL_CALL", "mcp", WITH_30_EVENTS),
    event("FIX_PIPELINE_SUGGESTION_POSTED", "fix_pipeline", WITH_30_EVENTS),
    event("FIX_PIPELINE_SUGGESTION_APPLIED", "fix_pipeline", WITH_30_EVENTS),
    event("DUO_WORKFLOW_WORKLOAD_COMPLETED", "duo_workflow", WITH_30_EVENTS),
    event("VIEW_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_EMPTY_STATE", "agent_platform", WITH_30_EVENTS),
    event("CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_UPGRADE", "agent_platform", WITH_30_EVENTS),
    event("CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_LEARN_MORE", "agent_platform", WITH_30_EVENTS),
    event("RESTORE_AI_CATALOG_ITEM", "ai_catalog", WITH_46_EVENTS),
    event("PUBLISH_DUO_CODE_REVIEW_COMMENTS", "code_review", WITH_46_EVENTS),
    event("SUMMARIZE_NEW_MERGE_REQUEST", "summarize_new_merge_request", WITH_46_EVENTS),
    event("REQUEST_DUO_VULNERABILITY_RESOLUTION", "request_duo_vulnerability_resolution", WITH_46_EVENTS),
    event("EXPLAIN_VULNERABILITY", "explain_vulnerability", WITH_46_EVENTS),
    event("SUMMARIZE_REVIEW", "summarize_review", WITH_46_EVENTS),
    event("GENERATE_MERGE_COMMIT_MESSAGE", "generate_merge_commit_message", WITH_46_EVENTS),
    event("AI_DUO_MESSAGING_FEEDBACK_SUBMITTED", "duo_messaging", WITH_46_EVENTS),
    event("RESOLVE_FEATURE_DISCOVERY_SEARCH", "feature_discovery", WITH_46_EVENTS),
    event("COMPLETE_DUO_CHAT_RESPONSE", "chat", NEWEST),
    event("REPORT_DUO_CHAT_TOKEN_USAGE", "chat", NEWEST),
    event("TOOL_SUCCEEDED_DUO_CHAT", "chat", NEWEST),
    event("TOOL_FAILED_DUO_CHAT", "chat", NEWEST),
    event("TRIGGER_SLACK_DUO", "duo_messaging", NEWEST),
    event("EXPLAIN_CODE", "explain_code", NEWEST),
    event("FIX_CODE", "fix_code", NEWEST),
    event("REFACTOR_CODE", "refactor_code", NEWEST),
    event("WRITE_TESTS", "write_tests", NEWEST),
    event(UNKNOWN_EVENT, "teleport", NEWEST),
];

const fn event(name: &'static str, feature: &'static str, since: Version) -> Event {
    Event { name, feature, since }
}

impl Event {
    /// Whether the field counts this event, in the metrics of a user or a group.
    pub(super) fn is_counted_by(&self, field: &str) -> bool {
        let Some(counted) = field.strip_suffix("EventCount") else {
            return false;
        };
        // Fields of a group's agent platform start with the verb: createdSessionEventCount.
        let verb = counted.strip_suffix("Session").filter(|_| self.feature == "agent_platform");
        let own = self.name.strip_prefix("AGENT_PLATFORM_SESSION_").unwrap_or(self.name);
        counted == camel_case(self.name) || verb.is_some_and(|verb| verb == camel_case(own))
    }
}

/// Converts `AGENT_PLATFORM` and `agent_platform` to `agentPlatform`.
pub(super) fn camel_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut capitalize = false;
    for letter in name.chars() {
        match letter {
            '_' => capitalize = true,
            letter if capitalize => {
                text.push(letter.to_ascii_uppercase());
                capitalize = false;
            }
            letter => text.push(letter.to_ascii_lowercase()),
        }
    }
    text
}
