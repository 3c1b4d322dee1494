//! The features of events, and the events that are not intentional use.

pub(super) const FEATURES: &[(&str, &[&str])] = &[
    (
        "code_suggestions",
        &[
            "CODE_SUGGESTIONS_REQUESTED",
            "CODE_SUGGESTION_SHOWN_IN_IDE",
            "CODE_SUGGESTION_ACCEPTED_IN_IDE",
            "CODE_SUGGESTION_REJECTED_IN_IDE",
            "CODE_SUGGESTION_DIRECT_ACCESS_TOKEN_REFRESH",
        ],
    ),
    (
        "chat",
        &[
            "REQUEST_DUO_CHAT_RESPONSE",
            "COMPLETE_DUO_CHAT_RESPONSE",
            "REPORT_DUO_CHAT_TOKEN_USAGE",
            "TOOL_SUCCEEDED_DUO_CHAT",
            "TOOL_FAILED_DUO_CHAT",
        ],
    ),
    ("troubleshoot_job", &["TROUBLESHOOT_JOB"]),
    (
        "agent_platform",
        &[
            "AGENT_PLATFORM_SESSION_CREATED",
            "AGENT_PLATFORM_SESSION_STARTED",
            "AGENT_PLATFORM_SESSION_FINISHED",
            "AGENT_PLATFORM_SESSION_DROPPED",
            "AGENT_PLATFORM_SESSION_STOPPED",
            "AGENT_PLATFORM_SESSION_RESUMED",
            "VIEW_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_EMPTY_STATE",
            "CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_UPGRADE",
            "CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_LEARN_MORE",
        ],
    ),
    (
        "code_review",
        &[
            "ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW",
            "FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW",
            "FIND_NOTHING_TO_REVIEW_DUO_CODE_REVIEW_ON_MR",
            "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF",
            "REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT",
            "REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT",
            "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR",
            "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR",
            "EXCLUDED_FILES_FROM_DUO_CODE_REVIEW",
            "PUBLISH_DUO_CODE_REVIEW_COMMENTS",
        ],
    ),
    ("mcp", &["START_MCP_TOOL_CALL", "FINISH_MCP_TOOL_CALL"]),
    ("fix_pipeline", &["FIX_PIPELINE_SUGGESTION_POSTED", "FIX_PIPELINE_SUGGESTION_APPLIED"]),
    ("duo_workflow", &["DUO_WORKFLOW_WORKLOAD_COMPLETED"]),
    ("ai_catalog", &["RESTORE_AI_CATALOG_ITEM"]),
    ("summarize_new_merge_request", &["SUMMARIZE_NEW_MERGE_REQUEST"]),
    ("request_duo_vulnerability_resolution", &["REQUEST_DUO_VULNERABILITY_RESOLUTION"]),
    ("explain_vulnerability", &["EXPLAIN_VULNERABILITY"]),
    ("summarize_review", &["SUMMARIZE_REVIEW"]),
    ("generate_merge_commit_message", &["GENERATE_MERGE_COMMIT_MESSAGE"]),
    ("duo_messaging", &["AI_DUO_MESSAGING_FEEDBACK_SUBMITTED", "TRIGGER_SLACK_DUO"]),
    ("explain_code", &["EXPLAIN_CODE"]),
    ("fix_code", &["FIX_CODE"]),
    ("refactor_code", &["REFACTOR_CODE"]),
    ("write_tests", &["WRITE_TESTS"]),
    ("feature_discovery", &["RESOLVE_FEATURE_DISCOVERY_SEARCH"]),
    ("other", &["TELEPORT_CODE_BEAM"]),
];

/// Events that are not intentional use: something was shown to a person or done for them.
pub(super) const REACHED: &[&str] = &[
    "CODE_SUGGESTIONS_REQUESTED",
    "CODE_SUGGESTION_SHOWN_IN_IDE",
    "CODE_SUGGESTION_DIRECT_ACCESS_TOKEN_REFRESH",
    "AGENT_PLATFORM_SESSION_FINISHED",
    "AGENT_PLATFORM_SESSION_DROPPED",
    "START_MCP_TOOL_CALL",
    "FINISH_MCP_TOOL_CALL",
    "TOOL_SUCCEEDED_DUO_CHAT",
    "TOOL_FAILED_DUO_CHAT",
    "COMPLETE_DUO_CHAT_RESPONSE",
    "REPORT_DUO_CHAT_TOKEN_USAGE",
    "VIEW_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_EMPTY_STATE",
    "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF",
    "PUBLISH_DUO_CODE_REVIEW_COMMENTS",
    "ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW",
    "EXCLUDED_FILES_FROM_DUO_CODE_REVIEW",
    "FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW",
    "FIND_NOTHING_TO_REVIEW_DUO_CODE_REVIEW_ON_MR",
    "FIX_PIPELINE_SUGGESTION_POSTED",
    "DUO_WORKFLOW_WORKLOAD_COMPLETED",
];

pub(super) fn feature(event: &str) -> &'static str {
    let found = FEATURES.iter().find(|(_, events)| events.contains(&event));
    found.unwrap_or_else(|| panic!("unknown event {event}")).0
}
