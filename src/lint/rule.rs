//! What a rule is: its name, how grave a finding is, why it exists, an input that passes and one that fails, and the
//! check itself.

use std::fmt;

use serde::Serialize;

use super::definition::Definition;
use super::facts::Facts;
use super::session::Session;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Info,
    /// Numbers made from this can be wrong or incomplete.
    Warning,
    /// The event or definition breaks the rules: it is rejected, or cannot be counted right.
    Error,
}

/// Which of GitLab's two guides is followed, where they disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The instrumentation guide of the Duo Agent Platform.
    Guide,
    /// The newer description of the fields of the AI Context.
    AiContext,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// The name, in kebab-case. It stays, since people write it down.
    pub id: &'static str,
    /// How grave a finding is.
    pub severity: Severity,
    /// The profiles in which the rule holds.
    pub profiles: &'static [Profile],
    /// What has to be so, in a line.
    pub title: &'static str,
    /// Why, and what to do, in a few sentences.
    pub explanation: &'static str,
    /// An input without any finding.
    pub passes: Example,
    /// An input with findings of this rule and of no other.
    pub fails: Example,
    /// What is looked at.
    pub check: Check,
}

/// A small input.
#[derive(Debug)]
pub struct Example {
    /// The name of the file.
    pub file: &'static str,
    /// What is in it.
    pub text: &'static str,
    /// The name and text of a definition that is given beside it.
    pub beside: Option<(&'static str, &'static str)>,
}

/// What is wrong with an event, in a line without the place.
pub(super) type EventCheck = fn(&Facts<'_>) -> Option<String>;

/// What a rule looks at. A check returns what is wrong, in a line without the place.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// The form of a line or file: known to whoever reads it.
    Reading,
    /// One event: at most one finding, which names everything that is wrong.
    Event(EventCheck),
    /// The ids of all events: kept by the stream.
    Stream,
    /// The events of a session: the number of each event that is at fault.
    Session(fn(&Session<'_>) -> Vec<(usize, String)>),
    /// An event definition: the line of each fault.
    Definition(fn(&Definition) -> Vec<(usize, String)>),
}

/// The profiles of a rule on which both guides agree.
pub(super) const EVERY: &[Profile] = &[Profile::Guide, Profile::AiContext];

/// An example of events.
pub(super) const fn events(text: &'static str) -> Example {
    Example { file: "events.jsonl", text, beside: None }
}

/// An example of a definition.
pub(super) const fn definition(file: &'static str, text: &'static str) -> Example {
    Example { file, text, beside: None }
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Error];

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Profile {
    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Profile::Guide => "guide",
            Profile::AiContext => "ai-context",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
