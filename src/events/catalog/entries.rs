//! The entries of the catalog. To add an event, add an [`Entry`] to [`EVENTS`].

use super::{Emitter, Entry, Meaning, Role};

const USER: &[&str] = &["user"];
const USER_AND_PROJECT: &[&str] = &["user", "project"];
const USER_AND_NAMESPACE: &[&str] = &["user", "namespace"];
const ALL_IDENTIFIERS: &[&str] = &["user", "project", "namespace"];
const PAID_TIERS: &[&str] = &["premium", "ultimate"];
const EVERY_TIER: &[&str] = &["free", "premium", "ultimate"];

const MODEL_CALL_EXTRAS: &[&str] = &[
    "cache_read",
    "cache_creation",
    "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens",
    "agent_name",
    "workflow_id",
    "workflow_type",
    "operation_type",
    "is_compaction_call",
];

const SUGGESTION_EXTRAS: &[&str] = &[
    "unique_tracking_id",
    "timestamp",
    "language",
    "suggestion_size",
    "branch_name",
    "ide_name",
    "ide_vendor",
    "ide_version",
    "extension_name",
    "extension_version",
    "language_server_version",
    "model_name",
    "model_engine",
];

const fn of(emitter: Emitter, name: &'static str, role: Role) -> Entry {
    Entry {
        name,
        emitter,
        role,
        category: Meaning::Nothing,
        label: Meaning::Nothing,
        property: Meaning::Nothing,
        value: Meaning::Nothing,
        extras: &[],
        identifiers: &[],
        is_classified: false,
        tiers: PAID_TIERS,
        milestone: None,
        file: None,
        former_name: None,
    }
}

const fn rails(name: &'static str, role: Role) -> Entry {
    of(Emitter::Rails, name, role)
}

/// An event of GitLab itself with a complete definition.
const fn classified(name: &'static str, role: Role) -> Entry {
    Entry { identifiers: ALL_IDENTIFIERS, is_classified: true, ..rails(name, role) }
}

/// A step of a session, as GitLab itself reports it.
const fn step(name: &'static str, role: Role) -> Entry {
    Entry {
        label: Meaning::Flow,
        property: Meaning::Environment,
        value: Meaning::Session,
        extras: &["verification_run"],
        ..classified(name, role)
    }
}

/// An event of the Duo Workflow Service. Its definitions have no classification.
const fn service(name: &'static str, role: Role) -> Entry {
    Entry { value: Meaning::Session, ..of(Emitter::Service, name, role) }
}

/// An event of the Duo Workflow Service with its flow.
const fn of_flow(name: &'static str, role: Role) -> Entry {
    Entry { category: Meaning::Flow, ..service(name, role) }
}

const fn suggestion(name: &'static str) -> Entry {
    Entry {
        extras: SUGGESTION_EXTRAS,
        identifiers: USER_AND_PROJECT,
        is_classified: true,
        milestone: Some("17.1"),
        ..of(Emitter::Ide, name, Role::CodeSuggestion)
    }
}

const fn call(name: &'static str, tiers: &'static [&'static str]) -> Entry {
    Entry {
        tiers,
        label: Meaning::Word("cache_details"),
        extras: MODEL_CALL_EXTRAS,
        milestone: Some("19.5"),
        ..of(Emitter::GatewayAndService, name, Role::TokenUsage)
    }
}

const fn access(name: &'static str, tiers: &'static [&'static str]) -> Entry {
    Entry { tiers, milestone: Some("17.3"), ..of(Emitter::GatewayAndService, name, Role::Access) }
}

/// The tiers of a unit primitive; the paid ones by default.
macro_rules! tiers {
    () => {
        PAID_TIERS
    };
    ($tiers:ident) => {
        $tiers
    };
}

/// The unit primitives, which are the purposes of requests to the AI Gateway. Each has an event for
/// authorized requests, and one for model calls.
macro_rules! unit_primitives {
    ($($name:literal $(($call:ident, $access:ident))?),* $(,)?) => {
        /// Model calls.
        pub(super) const TOKEN_USAGE: &[Entry] = &[$(call(concat!("token_usage_", $name), tiers!($($call)?))),*];

        /// Authorized requests.
        pub(super) const ACCESS: &[Entry] = &[$(access(concat!("request_", $name), tiers!($($access)?))),*];
    };
}

unit_primitives!(
    "access_artifact_registry",
    "agent_quick_actions",
    "ai_gateway_model_provider_proxy",
    "amazon_q_integration",
    "ask_build",
    "ask_commit",
    "ask_epic",
    "ask_issue",
    "ask_merge_request",
    "ask_work_item",
    "categorize_duo_chat_question",
    "codebase_search",
    "complete_code",
    "description_composer",
    "documentation_search"(PAID_TIERS, EVERY_TIER),
    "duo_agent_platform"(EVERY_TIER, EVERY_TIER),
    "duo_chat"(PAID_TIERS, EVERY_TIER),
    "duo_classic_chat",
    "duo_workflow_execute_workflow",
    "explain_code",
    "explain_vulnerability"(PAID_TIERS, EVERY_TIER),
    "feature_discovery_search",
    "fix_code",
    "generate_code",
    "generate_commit_message",
    "generate_cube_query",
    "generate_embeddings_codebase",
    "generate_issue_description",
    "glab_ask_git_command",
    "include_agent_platform_standard_context",
    "include_agent_user_environment_context",
    "include_dependency_context",
    "include_directory_context",
    "include_file_context",
    "include_issue_context",
    "include_local_git_context",
    "include_merge_request_context",
    "include_os_information_context",
    "include_repository_context",
    "include_snippet_context",
    "include_terminal_context",
    "include_user_rule_context",
    "malware_advisories",
    "measure_comment_temperature",
    "observability_all",
    "package_licenses",
    "refactor_code",
    "resolve_vulnerability"(PAID_TIERS, EVERY_TIER),
    "review_merge_request",
    "security_scans",
    "self_hosted_duo_agent_platform",
    "self_hosted_models",
    "semantic_search_issue",
    "summarize_comments",
    "summarize_issue_discussions",
    "summarize_new_merge_request",
    "summarize_review",
    "troubleshoot_job",
    "update_vulnerability_severity",
    "write_tests",
);

/// All events except those of unit primitives.
pub(super) const EVENTS: &[Entry] = &[
    Entry {
        label: Meaning::Word("workflow_receive_start_event"),
        property: Meaning::Word("workflow_id"),
        milestone: Some("18.3"),
        ..of_flow("receive_start_duo_workflow", Role::Received)
    },
    Entry {
        label: Meaning::Word("workflow_start_event"),
        property: Meaning::Word("workflow_id"),
        milestone: Some("17.6"),
        ..of_flow("request_duo_workflow", Role::Requested)
    },
    Entry {
        label: Meaning::Word("workflow_resume_event"),
        property: Meaning::Cause,
        milestone: Some("17.10"),
        file: Some("duo_workflow_resume"),
        ..of_flow("resume_duo_workflow", Role::Continued)
    },
    Entry {
        label: Meaning::Word("workflow_resume_event"),
        property: Meaning::Cause,
        milestone: Some("17.8"),
        ..of_flow("retry_request_duo_workflow", Role::Retried)
    },
    Entry {
        label: Meaning::Word("workflow_pause_event"),
        property: Meaning::Cause,
        extras: &["duration_seconds"],
        milestone: Some("17.10"),
        file: Some("duo_workflow_pause"),
        ..of_flow("pause_duo_workflow", Role::Paused)
    },
    Entry {
        label: Meaning::Word("workflow_message_event"),
        property: Meaning::Word("message_request_by_user_duo_workflow"),
        milestone: Some("17.10"),
        file: Some("duo_workflow_message"),
        ..service("message_duo_workflow", Role::Messaged)
    },
    Entry { value: Meaning::Nothing, ..service("stop_duo_workflow", Role::StopDeclared) },
    Entry {
        label: Meaning::Word("workflow_finish_event"),
        property: Meaning::Ending,
        extras: &["duration_seconds"],
        milestone: Some("17.6"),
        ..of_flow("request_duo_workflow_success", Role::Succeeded)
    },
    Entry {
        label: Meaning::Word("workflow_finish_event"),
        property: Meaning::Exception,
        extras: &["error_type"],
        milestone: Some("17.6"),
        ..of_flow("request_duo_workflow_failure", Role::Failed)
    },
    Entry {
        label: Meaning::Word("workflow_finish_event"),
        property: Meaning::Exception,
        extras: &["error_type"],
        milestone: Some("18.3"),
        ..of_flow("request_duo_workflow_aborted", Role::Aborted)
    },
    Entry {
        label: Meaning::Word("workflow_reject_event"),
        property: Meaning::Exception,
        milestone: Some("18.3"),
        ..of_flow("reject_duo_agent_platform", Role::Rejected)
    },
    Entry {
        label: Meaning::Word("workflow_tool_call"),
        property: Meaning::Tool,
        extras: &["client_capabilities"],
        milestone: Some("17.7"),
        ..of_flow("duo_workflow_tool_success", Role::ToolSucceeded)
    },
    Entry {
        label: Meaning::Word("workflow_tool_call"),
        property: Meaning::Tool,
        extras: &["error", "error_type", "client_capabilities"],
        milestone: Some("17.7"),
        ..of_flow("duo_workflow_tool_failure", Role::ToolFailed)
    },
    Entry {
        label: Meaning::Flow,
        property: Meaning::Tool,
        extras: &["tool_name"],
        milestone: Some("19.3"),
        ..of_flow("request_duo_workflow_tool_approval", Role::ApprovalRequested)
    },
    Entry {
        label: Meaning::Flow,
        property: Meaning::Decision,
        extras: &["tool_name"],
        milestone: Some("19.3"),
        ..of_flow("resolve_duo_workflow_tool_approval", Role::ApprovalResolved)
    },
    Entry {
        label: Meaning::Flow,
        property: Meaning::Tool,
        extras: &["tool_name"],
        milestone: Some("19.3"),
        ..of_flow("block_denied_duo_workflow_tool", Role::ToolDenied)
    },
    Entry {
        label: Meaning::Component,
        property: Meaning::Route,
        milestone: Some("18.10"),
        ..of_flow("duo_workflow_flow_route_decision", Role::Routed)
    },
    Entry {
        label: Meaning::Component,
        property: Meaning::Text,
        milestone: Some("18.10"),
        ..of_flow("duo_workflow_response_schema_output", Role::Output)
    },
    Entry {
        label: Meaning::Component,
        property: Meaning::Word("workflow_id"),
        extras: &["max_cycles", "cycle_count"],
        milestone: Some("19.3"),
        ..of_flow("duo_workflow_max_cycles_reached", Role::LimitReached)
    },
    Entry {
        label: Meaning::Tool,
        property: Meaning::MergeRequest,
        extras: &["merge_request_iid", "created_merge_request_url", "source_branch", "target_branch"],
        milestone: Some("19.4"),
        ..of_flow("duo_workflow_merge_request_created", Role::Artifact)
    },
    Entry {
        label: Meaning::Agent,
        property: Meaning::Word("workflow_id"),
        extras: &[
            "status",
            "model_name",
            "compaction_input_tokens",
            "compaction_output_tokens",
            "tokens_before",
            "tokens_after",
            "tokens_saved",
            "compaction_ratio",
            "messages_summarized",
            "token_budget",
            "max_context_tokens",
            "duration_seconds",
            "workflow_type",
            "error_type",
            "operation_type",
        ],
        milestone: Some("19.0"),
        ..service("duo_workflow_compaction_executed", Role::ContextTrimmed)
    },
    Entry {
        label: Meaning::Agent,
        property: Meaning::Word("workflow_id"),
        extras: &[
            "tokens_before",
            "tokens_after",
            "tokens_removed",
            "messages_before",
            "messages_after",
            "token_budget",
            "max_context_tokens",
            "workflow_type",
            "duration_ms",
        ],
        milestone: Some("19.0"),
        ..service("duo_workflow_legacy_trim_executed", Role::ContextTrimmed)
    },
    Entry {
        extras: &[
            "workflow_type",
            "session_ending",
            "total_tool_calls",
            "unique_tool_calls",
            "max_consecutive_identical_calls",
            "max_consecutive_identical_with_result",
        ],
        milestone: Some("19.4"),
        ..service("duo_workflow_tool_loop_session_summary", Role::Summary)
    },
    Entry {
        label: Meaning::Agent,
        property: Meaning::Agent,
        milestone: Some("19.5"),
        ..service("duo_workflow_subagent_delegated", Role::Subagent)
    },
    Entry {
        label: Meaning::Agent,
        property: Meaning::Agent,
        milestone: Some("19.5"),
        ..service("duo_workflow_subagent_delegation_rejected", Role::Subagent)
    },
    Entry {
        label: Meaning::Agent,
        property: Meaning::Agent,
        extras: &["subsession_id", "status", "parallel", "flow_version", "schema_version"],
        milestone: Some("19.5"),
        ..service("duo_workflow_subagent_returned", Role::Subagent)
    },
    Entry { value: Meaning::Nothing, ..service("duo_workflow_model_routing_decision", Role::Routed) },
    Entry {
        label: Meaning::Word("workflow_tool_call"),
        property: Meaning::Tool,
        extras: &["client_capabilities"],
        identifiers: USER,
        milestone: Some("18.11"),
        ..service("orbit_dap_tool_called", Role::Orbit)
    },
    Entry {
        label: Meaning::Word("workflow_tool_call"),
        property: Meaning::Tool,
        extras: &["client_capabilities", "error", "error_type"],
        identifiers: USER,
        milestone: Some("18.11"),
        ..service("orbit_dap_tool_failed", Role::Orbit)
    },
    Entry {
        extras: &["workflow_type", "orbit_calls_count", "non_orbit_tool_calls", "total_tool_calls"],
        identifiers: USER,
        milestone: Some("18.11"),
        ..service("orbit_dap_session_summary", Role::Summary)
    },
    Entry {
        label: Meaning::Agent,
        property: Meaning::Word("workflow_id"),
        extras: &["input_tokens", "output_tokens", "total_tokens", "estimated_input_tokens"],
        milestone: Some("17.6"),
        ..service("tokens_per_user_request_prompt", Role::LegacyTokens)
    },
    of(Emitter::Guide, "token_usage_duo_workflow", Role::TokenUsage),
    Entry {
        tiers: EVERY_TIER,
        milestone: Some("17.3"),
        ..of(Emitter::Gateway, "request_code_suggestions", Role::Access)
    },
    of(Emitter::Gateway, "request_amazon_q_integration_complete_code", Role::Access),
    of(Emitter::Gateway, "request_amazon_q_integration_generate_code", Role::Access),
    Entry {
        label: Meaning::BillingId,
        property: Meaning::BillingType,
        extras: &["metadata"],
        ..of(Emitter::All, "usage_billing_event", Role::Billing)
    },
    Entry {
        extras: &["source", "verification_run"],
        milestone: Some("18.3"),
        former_name: Some("create_agent_platform_session"),
        ..step("agent_platform_session_created", Role::Created)
    },
    Entry {
        milestone: Some("18.3"),
        former_name: Some("start_agent_platform_session"),
        ..step("agent_platform_session_started", Role::Started)
    },
    Entry { milestone: Some("18.4"), ..step("agent_platform_session_finished", Role::Finished) },
    Entry { milestone: Some("18.5"), ..step("agent_platform_session_dropped", Role::Dropped) },
    Entry { milestone: Some("18.4"), ..step("agent_platform_session_stopped", Role::Stopped) },
    Entry { milestone: Some("18.4"), ..step("agent_platform_session_resumed", Role::Resumed) },
    Entry {
        value: Meaning::Session,
        label: Meaning::Flow,
        property: Meaning::Word("failed"),
        milestone: Some("18.3"),
        ..classified("cleanup_stuck_agent_platform_session", Role::CleanedUp)
    },
    Entry {
        label: Meaning::Flow,
        property: Meaning::RequestId,
        extras: &["workflow_id"],
        identifiers: USER,
        is_classified: true,
        tiers: &["ultimate"],
        milestone: Some("17.4"),
        ..rails("start_duo_workflow_execution", Role::ExecutionStarted)
    },
    Entry {
        label: Meaning::Flow,
        property: Meaning::RequestId,
        extras: &["workflow_id"],
        identifiers: USER,
        is_classified: true,
        tiers: &["ultimate"],
        milestone: Some("17.4"),
        ..rails("finish_duo_workflow_execution", Role::ExecutionFinished)
    },
    Entry {
        label: Meaning::Flow,
        property: Meaning::RequestId,
        extras: &["workflow_id"],
        identifiers: USER,
        is_classified: true,
        tiers: &["ultimate"],
        ..rails("retry_duo_workflow_execution", Role::ExecutionRetried)
    },
    Entry {
        value: Meaning::Seconds,
        label: Meaning::Status,
        property: Meaning::Exception,
        extras: &["workflow_id", "workflow_definition"],
        milestone: Some("19.0"),
        ..classified("duo_workflow_workload_completed", Role::Workload)
    },
    Entry {
        extras: &["session_id", "duo_add_on", "tool_name"],
        identifiers: USER_AND_NAMESPACE,
        is_classified: true,
        milestone: Some("18.6"),
        ..rails("start_mcp_tool_call", Role::McpStarted)
    },
    Entry {
        extras: &[
            "session_id",
            "duo_add_on",
            "tool_name",
            "has_tool_call_success",
            "failure_reason",
            "error_status",
        ],
        identifiers: USER_AND_NAMESPACE,
        is_classified: true,
        milestone: Some("18.6"),
        ..rails("finish_mcp_tool_call", Role::McpFinished)
    },
    Entry { milestone: Some("16.11"), ..classified("request_duo_chat_response", Role::Chat) },
    Entry {
        extras: &["job_id", "project_id", "pipeline_id", "merge_request_id"],
        ..classified("troubleshoot_job", Role::Other)
    },
    suggestion("code_suggestion_shown_in_ide"),
    suggestion("code_suggestion_accepted_in_ide"),
    suggestion("code_suggestion_rejected_in_ide"),
    rails("code_suggestions_requested", Role::CodeSuggestion),
    rails("code_suggestion_direct_access_token_refresh", Role::CodeSuggestion),
    classified("encounter_duo_code_review_error_during_review", Role::CodeReview),
    classified("find_no_issues_duo_code_review_after_review", Role::CodeReview),
    classified("find_nothing_to_review_duo_code_review_on_mr", Role::CodeReview),
    Entry {
        value: Meaning::Count,
        milestone: Some("18.1"),
        ..classified("post_comment_duo_code_review_on_diff", Role::CodeReview)
    },
    classified("react_thumbs_up_on_duo_code_review_comment", Role::CodeReview),
    classified("react_thumbs_down_on_duo_code_review_comment", Role::CodeReview),
    Entry {
        property: Meaning::MergeRequest,
        milestone: Some("18.1"),
        ..classified("request_review_duo_code_review_on_mr_by_author", Role::CodeReview)
    },
    Entry {
        property: Meaning::MergeRequest,
        ..classified("request_review_duo_code_review_on_mr_by_non_author", Role::CodeReview)
    },
    classified("excluded_files_from_duo_code_review", Role::CodeReview),
    rails("fix_pipeline_suggestion_posted", Role::Other),
    rails("fix_pipeline_suggestion_applied", Role::Other),
    rails("view_duo_agentic_subscription_expired_empty_state", Role::Other),
    rails("click_duo_agentic_subscription_expired_upgrade", Role::Other),
    rails("click_duo_agentic_subscription_expired_learn_more", Role::Other),
    rails("publish_duo_code_review_comments", Role::Other),
    rails("restore_ai_catalog_item", Role::Other),
    rails("summarize_review", Role::Other),
    rails("summarize_new_merge_request", Role::Other),
    rails("generate_merge_commit_message", Role::Other),
];
