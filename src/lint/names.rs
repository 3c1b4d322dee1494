//! What is known of the events of a name, and which name was meant by one that nobody knows.

use std::collections::HashMap;

use crate::events::catalog::{Role, Session, entries, entry, role};

/// What is known of the events of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// Whether the catalogue has the name.
    pub is_known: bool,
    /// The name that was probably meant, where it is not known.
    pub meant: Option<&'static str>,
    /// What has happened, where the name tells.
    pub role: Option<Role>,
    /// Whether the event belongs to a session of the Agent Platform.
    pub is_of_session: bool,
    /// Whether the base property `value` is the session.
    pub is_session_in_value: bool,
}

/// What is known of names, each looked up once.
#[derive(Default)]
pub(super) struct Names {
    known: HashMap<Box<str>, Meaning, foldhash::fast::RandomState>,
}

/// So many names are remembered: more than there are, fewer than a faulty stream could bring.
const MOST: usize = 4096;

/// Calls of models that belong to a session of the Agent Platform; others may be of a chat or of code suggestions.
const CALLS_OF_SESSIONS: [&str; 2] = ["token_usage_duo_workflow", "token_usage_duo_agent_platform"];

impl Names {
    /// What is known of the events of this name, in lower case.
    pub(super) fn meaning(&mut self, name: &str) -> &Meaning {
        if !self.known.contains_key(name) {
            if self.known.len() >= MOST {
                self.known.clear();
            }
            self.known.insert(name.into(), Meaning::of(name));
        }
        &self.known[name]
    }
}

impl Meaning {
    /// What is known of the events of this name, in lower case.
    pub fn of(name: &str) -> Meaning {
        let entry = entry(name);
        let is_of_session = entry.is_some_and(|entry| entry.session() == Session::Value)
            || CALLS_OF_SESSIONS.iter().any(|start| name.starts_with(start));
        Meaning {
            is_known: entry.is_some(),
            meant: entry.is_none().then(|| meant(name)).flatten(),
            role: role(name),
            is_of_session,
            is_session_in_value: entry.is_some_and(|entry| entry.session() == Session::Value),
        }
    }

    /// Whether it tells the tokens of a call of a model.
    pub fn is_token_usage(&self) -> bool {
        self.role == Some(Role::TokenUsage)
    }

    /// Whether the guide wants an AI Context with it.
    pub fn is_agent(&self) -> bool {
        self.is_of_session || self.is_token_usage()
    }
}

/// The name that was probably meant: one of the same words in another order, or that of the definition file, or one
/// that differs by two letters at most.
fn meant(name: &str) -> Option<&'static str> {
    let words = |name: &str| {
        let mut words: Vec<String> = name.split('_').map(str::to_owned).collect();
        words.sort_unstable();
        words
    };
    let own = words(name);
    let by_file = entries().find(|entry| entry.file == Some(name));
    let by_words = || entries().find(|entry| words(entry.name) == own);
    let by_letters = || {
        let near = entries().map(|entry| (distance(name, entry.name), entry));
        near.filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, entry)| entry)
    };
    by_file.or_else(by_words).or_else(by_letters).map(|entry| entry.name)
}

/// How many letters have to be put in, taken out or changed to make one name of the other; 3 stands for more than 2.
fn distance(a: &str, b: &str) -> usize {
    const MANY: usize = 3;
    if a.len().abs_diff(b.len()) >= MANY {
        return MANY;
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
        if row.iter().min().is_some_and(|least| *least >= MANY) {
            return MANY;
        }
    }
    row[b.len()].min(MANY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_meant_is_found_by_file_words_or_letters() {
        for (name, expected) in [
            ("duo_workflow_pause", Some("pause_duo_workflow")),
            ("success_request_duo_workflow", Some("request_duo_workflow_success")),
            ("request_duo_workflow_sucess", Some("request_duo_workflow_success")),
            ("agent_platform_session_paused", None),
            ("something_else", None),
        ] {
            assert_eq!(Meaning::of(name).meant, expected, "{name}");
        }
        assert_eq!(Meaning::of("pause_duo_workflow").meant, None);
        assert!(Meaning::of("token_usage_of_tomorrow").is_token_usage());
    }

    #[test]
    fn what_belongs_to_a_session_is_told_apart() {
        for name in [
            "request_duo_workflow",
            "agent_platform_session_created",
            "token_usage_duo_workflow_execute_workflow",
        ] {
            assert!(Meaning::of(name).is_of_session, "{name}");
        }
        for name in [
            "request_duo_chat_response",
            "finish_mcp_tool_call",
            "token_usage_complete_code",
            "request_ask_epic",
        ] {
            assert!(!Meaning::of(name).is_of_session, "{name}");
        }
    }
}
