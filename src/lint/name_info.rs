//! What the event catalog contains about an event name, and a suggestion for unknown names.

use std::collections::HashMap;

use crate::events::catalog::{Role, SessionField, entries, entry, role};

/// What is known about an event name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameInfo {
    /// Whether the catalog contains the name.
    pub is_known: bool,
    /// For an unknown name: the known name that was probably meant.
    pub suggestion: Option<&'static str>,
    /// What the event means for a session, if the catalog has the event.
    pub role: Option<Role>,
    /// Whether the event belongs to a session of the Agent Platform.
    pub belongs_to_session: bool,
    /// Whether the base property `value` is the session id.
    pub has_session_in_value: bool,
}

/// Looks each name up once.
#[derive(Default)]
pub(super) struct NameInfoCache {
    by_name: HashMap<Box<str>, NameInfo, foldhash::fast::RandomState>,
}

/// Entries of the cache. There are fewer event names, but a faulty stream can contain any number.
const MAX_CACHED_NAMES: usize = 4096;

/// Prefixes of model calls that always belong to a session of the Agent Platform. Other calls can
/// belong to chat or code suggestions.
const SESSION_CALL_PREFIXES: [&str; 2] = ["token_usage_duo_workflow", "token_usage_duo_agent_platform"];

impl NameInfoCache {
    /// The information about a name, which has to be in lower case.
    pub(super) fn get(&mut self, name: &str) -> &NameInfo {
        if !self.by_name.contains_key(name) {
            if self.by_name.len() >= MAX_CACHED_NAMES {
                self.by_name.clear();
            }
            self.by_name.insert(name.into(), NameInfo::of(name));
        }
        &self.by_name[name]
    }
}

impl NameInfo {
    /// Looks up a name, which has to be in lower case.
    pub fn of(name: &str) -> NameInfo {
        let entry = entry(name);
        let belongs_to_session = entry.is_some_and(|entry| entry.session() == SessionField::Value)
            || SESSION_CALL_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        NameInfo {
            is_known: entry.is_some(),
            suggestion: entry.is_none().then(|| suggestion(name)).flatten(),
            role: role(name),
            belongs_to_session,
            has_session_in_value: entry.is_some_and(|entry| entry.session() == SessionField::Value),
        }
    }

    /// Whether the event reports the tokens of a model call.
    pub fn is_token_usage(&self) -> bool {
        self.role == Some(Role::TokenUsage)
    }

    /// Whether the guide requires an AI Context.
    pub fn requires_ai_context(&self) -> bool {
        self.belongs_to_session || self.is_token_usage()
    }
}

/// The known name that was probably meant: the action of the definition file with this name, or the
/// same words in another order, or the nearest name with an edit distance of at most 2.
fn suggestion(name: &str) -> Option<&'static str> {
    let words = |name: &str| {
        let mut words: Vec<String> = name.split('_').map(str::to_owned).collect();
        words.sort_unstable();
        words
    };
    let sorted = words(name);
    let by_file = entries().find(|entry| entry.file == Some(name));
    let by_words = || entries().find(|entry| words(entry.name) == sorted);
    let by_distance = || {
        let near = entries().map(|entry| (distance(name, entry.name), entry));
        near.filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, entry)| entry)
    };
    by_file.or_else(by_words).or_else(by_distance).map(|entry| entry.name)
}

/// The Levenshtein distance, capped at 3.
fn distance(a: &str, b: &str) -> usize {
    const MAX_DISTANCE: usize = 3;
    if a.len().abs_diff(b.len()) >= MAX_DISTANCE {
        return MAX_DISTANCE;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
        if row.iter().min().is_some_and(|least| *least >= MAX_DISTANCE) {
            return MAX_DISTANCE;
        }
    }
    row[b.len()].min(MAX_DISTANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_a_name_by_definition_file_words_or_distance() {
        for (name, expected) in [
            ("duo_workflow_pause", Some("pause_duo_workflow")),
            ("success_request_duo_workflow", Some("request_duo_workflow_success")),
            ("request_duo_workflow_sucess", Some("request_duo_workflow_success")), // typos: keep
            ("agent_platform_session_paused", None),
            ("something_else", None),
        ] {
            assert_eq!(NameInfo::of(name).suggestion, expected, "{name}");
        }
        assert_eq!(NameInfo::of("pause_duo_workflow").suggestion, None);
        assert!(NameInfo::of("token_usage_of_tomorrow").is_token_usage());
    }

    #[test]
    fn distinguishes_session_events_from_others() {
        for name in [
            "request_duo_workflow",
            "agent_platform_session_created",
            "token_usage_duo_workflow_execute_workflow",
        ] {
            assert!(NameInfo::of(name).belongs_to_session, "{name}");
        }
        for name in [
            "request_duo_chat_response",
            "finish_mcp_tool_call",
            "token_usage_complete_code",
            "request_ask_epic",
        ] {
            assert!(!NameInfo::of(name).belongs_to_session, "{name}");
        }
    }
}
