//! The feature of each event, and whether the event is intentional use.
//!
//! Names and features are those of GitLab's registry of AI events (18.3 to 19.5). The registry
//! grows with every release, so an event that is not in these lists keeps its own name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

/// The feature of all other events.
pub const OTHER_FEATURE: &str = "other";

/// The feature of code suggestion events.
pub const CODE_SUGGESTIONS: &str = "code_suggestions";

/// The numbers of events in GitLab's database.
const NUMBERS: &[(u64, &str)] = &[
    (1, "code_suggestions_requested"),
    (2, "code_suggestion_shown_in_ide"),
    (3, "code_suggestion_accepted_in_ide"),
    (4, "code_suggestion_rejected_in_ide"),
    (5, "code_suggestion_direct_access_token_refresh"),
    (6, "request_duo_chat_response"),
    (7, "troubleshoot_job"),
    (8, "agent_platform_session_created"),
    (9, "agent_platform_session_started"),
    (10, "encounter_duo_code_review_error_during_review"),
    (11, "find_no_issues_duo_code_review_after_review"),
    (12, "find_nothing_to_review_duo_code_review_on_mr"),
    (13, "post_comment_duo_code_review_on_diff"),
    (14, "react_thumbs_up_on_duo_code_review_comment"),
    (15, "react_thumbs_down_on_duo_code_review_comment"),
    (16, "request_review_duo_code_review_on_mr_by_author"),
    (17, "request_review_duo_code_review_on_mr_by_non_author"),
    (18, "excluded_files_from_duo_code_review"),
    (19, "agent_platform_session_finished"),
    (20, "agent_platform_session_dropped"),
    (21, "agent_platform_session_stopped"),
    (22, "agent_platform_session_resumed"),
    (23, "start_mcp_tool_call"),
    (24, "finish_mcp_tool_call"),
    (25, "fix_pipeline_suggestion_posted"),
    (26, "fix_pipeline_suggestion_applied"),
    (27, "duo_workflow_workload_completed"),
    (28, "view_duo_agentic_subscription_expired_empty_state"),
    (29, "click_duo_agentic_subscription_expired_upgrade"),
    (30, "click_duo_agentic_subscription_expired_learn_more"),
    (31, "restore_ai_catalog_item"),
    (32, "publish_duo_code_review_comments"),
    (33, "summarize_new_merge_request"),
    (34, "request_duo_vulnerability_resolution"),
    (35, "explain_vulnerability"),
    (36, "summarize_review"),
    (37, "generate_merge_commit_message"),
    (38, "ai_duo_messaging_feedback_submitted"),
    (46, "resolve_feature_discovery_search"),
];

/// The features and their events. `*` matches any text.
pub const FEATURES: &[(&str, &[&str])] = &[
    (CODE_SUGGESTIONS, &["code_suggestion_*", "code_suggestions_*"]),
    (
        "chat",
        &[
            "request_duo_chat_response",
            "complete_duo_chat_response",
            "report_duo_chat_token_usage",
            "tool_succeeded_duo_chat",
            "tool_failed_duo_chat",
            "token_usage_duo_chat",
            "token_usage_duo_classic_chat",
            "token_usage_categorize_duo_chat_question",
            "request_duo_chat",
            "request_duo_classic_chat",
            "request_categorize_duo_chat_question",
        ],
    ),
    ("troubleshoot_job", &["troubleshoot_job"]),
    (
        "agent_platform",
        &[
            "agent_platform_session_*",
            "view_duo_agentic_subscription_expired_empty_state",
            "click_duo_agentic_subscription_expired_*",
            "cleanup_stuck_agent_platform_session",
            "reject_duo_agent_platform",
            "token_usage_duo_agent_platform",
            "token_usage_self_hosted_duo_agent_platform",
            "request_duo_agent_platform",
            "request_self_hosted_duo_agent_platform",
        ],
    ),
    (
        "code_review",
        &[
            "encounter_duo_code_review_error_during_review",
            "find_no_issues_duo_code_review_after_review",
            "find_nothing_to_review_duo_code_review_on_mr",
            "post_comment_duo_code_review_on_diff",
            "react_thumbs_up_on_duo_code_review_comment",
            "react_thumbs_down_on_duo_code_review_comment",
            "request_review_duo_code_review_on_mr_by_author",
            "request_review_duo_code_review_on_mr_by_non_author",
            "excluded_files_from_duo_code_review",
            "publish_duo_code_review_comments",
        ],
    ),
    ("mcp", &["*_mcp_tool_call"]),
    ("fix_pipeline", &["fix_pipeline_suggestion_*"]),
    (
        "duo_workflow",
        &[
            "duo_workflow_*",
            "receive_start_duo_workflow",
            "request_duo_workflow*",
            "pause_duo_workflow",
            "resume_duo_workflow",
            "retry_request_duo_workflow",
            "message_duo_workflow",
            "resolve_duo_workflow_tool_approval",
            "block_denied_duo_workflow_tool",
            "token_usage_duo_workflow*",
            "stop_duo_workflow",
            "*_duo_workflow_execution",
            "tokens_per_user_request_prompt",
        ],
    ),
    ("ai_catalog", &["restore_ai_catalog_item"]),
    ("summarize_new_merge_request", &["summarize_new_merge_request"]),
    ("request_duo_vulnerability_resolution", &["request_duo_vulnerability_resolution"]),
    ("explain_vulnerability", &["explain_vulnerability"]),
    ("summarize_review", &["summarize_review"]),
    ("generate_merge_commit_message", &["generate_merge_commit_message"]),
    ("duo_messaging", &["ai_duo_messaging_feedback_submitted", "trigger_slack_duo"]),
    ("explain_code", &["explain_code"]),
    ("fix_code", &["fix_code"]),
    ("refactor_code", &["refactor_code"]),
    ("write_tests", &["write_tests"]),
    ("feature_discovery", &["resolve_feature_discovery_search"]),
    ("orbit", &["orbit_dap_*"]),
    ("billing", &["usage_billing_event"]),
    (
        "ai_gateway",
        &[
            "token_usage_*",
            "request_access_*",
            "request_agent_quick_actions",
            "request_ai_gateway_*",
            "request_amazon_q_*",
            "request_ask_*",
            "request_code_suggestions",
            "request_codebase_search",
            "request_complete_code",
            "request_description_composer",
            "request_documentation_search",
            "request_explain_code",
            "request_explain_vulnerability",
            "request_feature_discovery_search",
            "request_fix_code",
            "request_generate_*",
            "request_glab_*",
            "request_include_*",
            "request_malware_advisories",
            "request_measure_*",
            "request_observability_all",
            "request_package_licenses",
            "request_refactor_code",
            "request_resolve_vulnerability",
            "request_review_merge_request",
            "request_security_scans",
            "request_self_hosted_*",
            "request_semantic_search_*",
            "request_summarize_*",
            "request_troubleshoot_job",
            "request_update_*",
            "request_write_tests",
        ],
    ),
];

/// Events by which a person was only reached: something was shown to them, or done for them. The
/// definition names some of them by pattern, and others one by one. Every other event is
/// intentional use (the person accepted, rejected, asked, started, applied or reacted), including
/// unknown events of any name.
pub const REACHED_EVENTS: &[&str] = &[
    "code_suggestion_shown_in_ide",
    "code_suggestions_requested",
    "code_suggestion_direct_access_token_refresh",
    "agent_platform_session_finished",
    "agent_platform_session_dropped",
    "*_mcp_tool_call",
    "duo_workflow_tool_*",
    "token_usage_*",
    "receive_start_*",
    "request_duo_workflow_success",
    "request_duo_workflow_failure",
    "request_duo_workflow_aborted",
    "cleanup_stuck_*",
    "reject_*",
    "block_denied_*",
    "*_compaction_*",
    "*_max_cycles_*",
    "*_tool_loop_*",
    "usage_billing_event",
    "tool_*_duo_chat",
    "complete_duo_chat_response",
    "report_*",
    "view_*",
    "post_comment_*",
    "publish_*",
    "encounter_*",
    "excluded_files_*",
    "find_no*",
    "fix_pipeline_suggestion_posted",
    "duo_workflow_workload_completed",
    // Requests that the services log. If a person made the request, there is another event of
    // theirs; if these events counted, requests of agents would count as use by people.
    "request_access_artifact_registry",
    "request_agent_quick_actions",
    "request_ai_gateway_model_provider_proxy",
    "request_amazon_q_integration",
    "request_amazon_q_integration_complete_code",
    "request_amazon_q_integration_generate_code",
    "request_ask_build",
    "request_ask_commit",
    "request_ask_epic",
    "request_ask_issue",
    "request_ask_merge_request",
    "request_ask_work_item",
    "request_categorize_duo_chat_question",
    "request_code_suggestions",
    "request_codebase_search",
    "request_complete_code",
    "request_description_composer",
    "request_documentation_search",
    "request_duo_agent_platform",
    "request_duo_chat",
    "request_duo_classic_chat",
    "request_duo_workflow_execute_workflow",
    "request_duo_workflow_tool_approval",
    "request_explain_code",
    "request_explain_vulnerability",
    "request_feature_discovery_search",
    "request_fix_code",
    "request_generate_code",
    "request_generate_commit_message",
    "request_generate_cube_query",
    "request_generate_embeddings_codebase",
    "request_generate_issue_description",
    "request_glab_ask_git_command",
    "request_include_agent_platform_standard_context",
    "request_include_agent_user_environment_context",
    "request_include_dependency_context",
    "request_include_directory_context",
    "request_include_file_context",
    "request_include_issue_context",
    "request_include_local_git_context",
    "request_include_merge_request_context",
    "request_include_os_information_context",
    "request_include_repository_context",
    "request_include_snippet_context",
    "request_include_terminal_context",
    "request_include_user_rule_context",
    "request_malware_advisories",
    "request_measure_comment_temperature",
    "request_observability_all",
    "request_package_licenses",
    "request_refactor_code",
    "request_resolve_vulnerability",
    "request_review_merge_request",
    "request_security_scans",
    "request_self_hosted_duo_agent_platform",
    "request_self_hosted_models",
    "request_semantic_search_issue",
    "request_summarize_comments",
    "request_summarize_issue_discussions",
    "request_summarize_new_merge_request",
    "request_summarize_review",
    "request_troubleshoot_job",
    "request_update_vulnerability_severity",
    "request_write_tests",
    // Actions of agents, and events about their sessions.
    "duo_workflow_flow_route_decision",
    "duo_workflow_legacy_trim_executed",
    "duo_workflow_merge_request_created",
    "duo_workflow_model_routing_decision",
    "duo_workflow_response_schema_output",
    "duo_workflow_subagent_delegated",
    "duo_workflow_subagent_delegation_rejected",
    "duo_workflow_subagent_returned",
    "finish_duo_workflow_execution",
    "orbit_dap_session_summary",
    "orbit_dap_tool_called",
    "orbit_dap_tool_failed",
    "pause_duo_workflow",
    "tokens_per_user_request_prompt",
];

/// The feature of an event; `event` in lower case.
pub fn feature_of(event: &str) -> &'static str {
    // Most entries are plain names, so only a few patterns have to be matched.
    static BY_NAME: LazyLock<HashMap<&str, usize, RandomState>> = LazyLock::new(|| {
        // If several features list a name, the first one counts.
        all_names().rev().map(|(place, name)| (name, place)).collect()
    });
    static PATTERNS: LazyLock<Vec<(usize, &str)>> =
        LazyLock::new(|| all_names().filter(|(_, name)| name.contains('*')).collect());
    let by_name = BY_NAME.get(event).copied();
    let by_pattern = PATTERNS.iter().find(|(_, pattern)| matches(pattern, event)).map(|(place, _)| *place);
    by_name.into_iter().chain(by_pattern).min().map_or(OTHER_FEATURE, |place| FEATURES[place].0)
}

/// The names and patterns of events, with the index of their feature.
fn all_names() -> impl DoubleEndedIterator<Item = (usize, &'static str)> {
    FEATURES.iter().enumerate().flat_map(|(place, (_, names))| names.iter().map(move |name| (place, *name)))
}

/// The canonical name and the feature of an event in any case, such as the upper case of GitLab's
/// API.
pub fn canonical_event(name: &str) -> (Cow<'static, str>, &'static str) {
    type Known = HashMap<String, (&'static str, &'static str), RandomState>;
    static BY_UPPER_CASE: LazyLock<Known> = LazyLock::new(|| {
        let names = all_names().map(|(_, name)| name).filter(|name| !name.contains('*'));
        let events = numbers().map(|(_, event)| event).chain(names);
        events.map(|event| (event.to_uppercase(), (event, feature_of(event)))).collect()
    });
    if let Some((event, feature)) = BY_UPPER_CASE.get(name) {
        return ((*event).into(), feature);
    }
    let event = name.to_lowercase();
    let feature = feature_of(&event);
    (event.into(), feature)
}

/// The event with a number in GitLab's database. An unknown one is `ai_usage_event_<number>`.
pub fn by_number(number: u64) -> Cow<'static, str> {
    let known = NUMBERS.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("ai_usage_event_{number}").into(), |(_, event)| (*event).into())
}

/// The known numbers, with their events.
pub fn numbers() -> impl Iterator<Item = (u64, &'static str)> {
    NUMBERS.iter().copied()
}

/// Whether the event is intentional use, which makes its person active; `event` in lower case.
pub fn is_intentional_use(event: &str) -> bool {
    !REACHED_EVENTS.iter().any(|pattern| matches(pattern, event))
}

/// Whether a name matches a pattern, in which each `*` matches any text, including none.
fn matches(pattern: &str, name: &str) -> bool {
    // Most patterns differ from most names in the first letter, which is cheap to compare.
    if !pattern.starts_with('*') && pattern.as_bytes().first() != name.as_bytes().first() {
        return false;
    }
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    while let Some((middle, after)) = rest.split_once('*') {
        let Some(at) = name.find(middle) else { return false };
        name = &name[at + middle.len()..];
        rest = after;
    }
    name.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_at_both_ends_and_in_the_middle() {
        assert!(matches("find_no*", "find_nothing_to_review"));
        assert!(matches("*_mcp_tool_call", "start_mcp_tool_call"));
        assert!(matches("tool_*_duo_chat", "tool_failed_duo_chat"));
        assert!(matches("*_compaction_*", "duo_workflow_compaction_executed"));
        assert!(!matches("tool_*_duo_chat", "tool_duo_chat"));
        assert!(!matches("explain_code", "explain_code_review"));
        assert!(!matches("*_mcp_tool_call", "start_mcp_tool_call_twice"));
    }

    #[test]
    fn requests_are_intentional_use_and_impressions_are_not() {
        for event in [
            "code_suggestion_accepted_in_ide",
            "code_suggestion_rejected_in_ide",
            "request_duo_chat_response",
            "agent_platform_session_created",
            "agent_platform_session_stopped",
            "agent_platform_session_resumed",
            "request_duo_workflow",
            "fix_pipeline_suggestion_applied",
            "an_event_nobody_knows",
        ] {
            assert!(is_intentional_use(event), "{event}");
        }
        for event in [
            "code_suggestion_shown_in_ide",
            "agent_platform_session_finished",
            "finish_mcp_tool_call",
            "find_nothing_to_review_duo_code_review_on_mr",
            "duo_workflow_tool_success",
            "publish_duo_code_review_comments",
        ] {
            assert!(!is_intentional_use(event), "{event}");
        }
    }

    #[test]
    fn unknown_events_are_intentional_use_whatever_their_prefix() {
        for event in [
            "duo_workflow_of_tomorrow",
            "orbit_dap_of_tomorrow",
            "request_of_tomorrow",
            "request_include_of_tomorrow",
            "request_self_hosted_of_tomorrow",
            "request_summarize_of_tomorrow",
            "pause_of_tomorrow",
        ] {
            assert!(is_intentional_use(event), "{event}");
        }
        // The definition names some kinds by pattern. The catalog has all others.
        let kinds = REACHED_EVENTS.iter().filter(|name| name.contains('*'));
        assert_eq!(
            kinds.copied().collect::<Vec<_>>(),
            [
                "*_mcp_tool_call",
                "duo_workflow_tool_*",
                "token_usage_*",
                "receive_start_*",
                "cleanup_stuck_*",
                "reject_*",
                "block_denied_*",
                "*_compaction_*",
                "*_max_cycles_*",
                "*_tool_loop_*",
                "tool_*_duo_chat",
                "report_*",
                "view_*",
                "post_comment_*",
                "publish_*",
                "encounter_*",
                "excluded_files_*",
                "find_no*",
            ]
        );
        let known: Vec<&str> = NUMBERS
            .iter()
            .map(|(_, name)| *name)
            .chain(FEATURES.iter().flat_map(|(_, names)| names.iter().copied()))
            .chain(crate::events::catalog::entries().map(|entry| entry.name))
            .collect();
        for name in REACHED_EVENTS.iter().filter(|name| !name.contains('*')) {
            assert!(known.contains(name), "{name}");
        }
    }

    #[test]
    fn every_event_has_a_feature_and_only_actions_of_people_are_intentional_use() {
        use crate::events::catalog::{Role, entries};
        for entry in entries() {
            assert_ne!(feature_of(entry.name), OTHER_FEATURE, "{}", entry.name);
            let is_by_machine = matches!(
                entry.role,
                Role::Access
                    | Role::TokenUsage
                    | Role::LegacyTokens
                    | Role::Received
                    | Role::Paused
                    | Role::Succeeded
                    | Role::Failed
                    | Role::Aborted
                    | Role::Rejected
                    | Role::Finished
                    | Role::Dropped
                    | Role::CleanedUp
                    | Role::ToolSucceeded
                    | Role::ToolFailed
                    | Role::ToolDenied
                    | Role::ApprovalRequested
                    | Role::McpStarted
                    | Role::McpFinished
                    | Role::Routed
                    | Role::Output
                    | Role::LimitReached
                    | Role::Artifact
                    | Role::ContextTrimmed
                    | Role::Summary
                    | Role::Subagent
                    | Role::Orbit
                    | Role::Billing
                    | Role::ExecutionFinished
                    | Role::Workload
            );
            let is_by_person = matches!(
                entry.role,
                Role::Created
                    | Role::Started
                    | Role::Resumed
                    | Role::Stopped
                    | Role::StopDeclared
                    | Role::Requested
                    | Role::Continued
                    | Role::Retried
                    | Role::Messaged
                    | Role::ApprovalResolved
                    | Role::ExecutionStarted
                    | Role::ExecutionRetried
                    | Role::Chat
            );
            assert!(!is_by_machine || !is_intentional_use(entry.name), "{}", entry.name);
            assert!(!is_by_person || is_intentional_use(entry.name), "{}", entry.name);
        }
    }

    #[test]
    fn numbers_are_unique_and_their_events_have_a_feature() {
        assert!(NUMBERS.is_sorted_by(|one, other| one.0 < other.0));
        assert!(NUMBERS.iter().all(|(_, event)| feature_of(event) != OTHER_FEATURE));
        assert_eq!(
            (&*by_number(3), &*by_number(65_539)),
            ("code_suggestion_accepted_in_ide", "ai_usage_event_65539")
        );
    }

    #[test]
    fn the_first_matching_feature_counts_and_unknown_events_are_other() {
        assert_eq!(feature_of("code_suggestions_requested"), CODE_SUGGESTIONS);
        assert_eq!(feature_of("start_mcp_tool_call"), "mcp");
        assert_eq!(feature_of("request_review_duo_code_review_on_mr_by_non_author"), "code_review");
        assert_eq!(feature_of("duo_workflow_workload_completed"), "duo_workflow");
        assert_eq!(feature_of("teleport_code_beam"), OTHER_FEATURE);
    }
}
