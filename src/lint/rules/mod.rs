//! The rules, one per file.

use super::rule::Rule;

mod ai_context_missing;
mod classification;
mod context_limit;
mod context_required_field;
mod context_type;
mod context_unknown_field;
mod definition_action;
mod definition_classification_missing;
mod definition_classification_value;
mod definition_custom_property;
mod definition_file_name;
mod definition_milestone;
mod definition_removed;
mod definition_required_key;
mod definition_session_property;
mod definition_syntax;
mod definition_tiers;
mod definition_unknown_key;
mod definition_user_identifier;
mod definition_value;
mod deprecated_field;
mod duplicate_event;
mod environment_unknown;
mod event_name_missing;
mod finish_without_start;
mod model_incomplete;
mod model_mismatch;
mod model_placement;
mod property_type;
mod property_undeclared;
mod session_id_form;
mod session_mismatch;
mod session_missing;
mod standard_context_missing;
mod standard_context_sparse;
mod start_after_end;
mod started_before_created;
mod success_without_start;
mod timestamp;
mod tokens_cache;
mod tokens_incomplete;
mod tokens_mismatch;
mod tokens_missing;
mod tokens_total;
mod tool_after_end;
mod tool_missing;
mod unknown_event;
mod unreadable;
mod user_change;
mod user_missing;

/// All rules, in order: single events, the stream, sessions, definitions.
pub static RULES: &[Rule] = &[
    unreadable::RULE,
    event_name_missing::RULE,
    unknown_event::RULE,
    timestamp::RULE,
    user_missing::RULE,
    classification::RULE,
    session_missing::RULE,
    session_mismatch::RULE,
    session_id_form::RULE,
    ai_context_missing::RULE,
    standard_context_missing::RULE,
    standard_context_sparse::RULE,
    context_required_field::RULE,
    context_unknown_field::RULE,
    context_type::RULE,
    context_limit::RULE,
    deprecated_field::RULE,
    model_placement::RULE,
    model_incomplete::RULE,
    model_mismatch::RULE,
    tokens_missing::RULE,
    tokens_incomplete::RULE,
    tokens_total::RULE,
    tokens_mismatch::RULE,
    tokens_cache::RULE,
    environment_unknown::RULE,
    tool_missing::RULE,
    property_type::RULE,
    property_undeclared::RULE,
    duplicate_event::RULE,
    success_without_start::RULE,
    finish_without_start::RULE,
    tool_after_end::RULE,
    start_after_end::RULE,
    started_before_created::RULE,
    user_change::RULE,
    definition_syntax::RULE,
    definition_required_key::RULE,
    definition_unknown_key::RULE,
    definition_value::RULE,
    definition_action::RULE,
    definition_file_name::RULE,
    definition_milestone::RULE,
    definition_tiers::RULE,
    definition_classification_value::RULE,
    definition_classification_missing::RULE,
    definition_removed::RULE,
    definition_user_identifier::RULE,
    definition_session_property::RULE,
    definition_custom_property::RULE,
];
