//! A rule: id, severity, explanation, an example that passes, an example that fails, and the check.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::definition::Definition;
use super::event::LintEvent;
use super::session::SessionTimeline;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For information: no action needed.
    Info,
    /// Metrics computed from this can be wrong or incomplete.
    Warning,
    /// The event or definition is invalid: GitLab rejects it, or it cannot be counted correctly.
    Error,
}

/// Which of GitLab's two guides applies where they disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The instrumentation guide of the Duo Agent Platform.
    Guide,
    /// The newer reference of the AI Context fields.
    AiContext,
}

/// A lint rule.
#[derive(Debug)]
pub struct Rule {
    /// The name, in kebab-case. It never changes: reports and pipelines refer to it.
    pub id: &'static str,
    /// How serious a finding is.
    pub severity: Severity,
    /// The profiles in which the rule applies.
    pub profiles: &'static [Profile],
    /// The requirement, in one line without a full stop.
    pub title: &'static str,
    /// Why, and how to fix a violation.
    pub explanation: &'static str,
    /// An input without findings.
    pub passes: Example,
    /// An input with findings of this rule only.
    pub fails: Example,
    /// The check.
    pub check: Check,
}

/// An example input.
#[derive(Debug)]
pub struct Example {
    /// The file name.
    pub file: &'static str,
    /// The content.
    pub text: &'static str,
    /// The file name and content of a definition that is linted together with it.
    pub definition: Option<(&'static str, &'static str)>,
}

/// Returns the violation of an event, in one line without the location.
pub(super) type EventCheck = fn(&LintEvent<'_>) -> Option<String>;

/// What a rule checks. Every check returns messages of one line, without the location.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// A line or file can be parsed. The parser reports the violations.
    Parser,
    /// One event. At most one finding, which lists all violations of the rule.
    Event(EventCheck),
    /// The ids of all events; [`super::StreamLinter`] checks them.
    Stream,
    /// The events of a session. Returns the index of each event that violates the rule.
    Session(fn(&SessionTimeline<'_>) -> Vec<(usize, String)>),
    /// An event definition. Returns the line of each violation.
    Definition(fn(&Definition) -> Vec<(usize, String)>),
}

/// For rules on which both guides agree.
pub(super) const ALL_PROFILES: &[Profile] = &[Profile::Guide, Profile::AiContext];

/// An example that consists of events.
pub(super) const fn event_example(text: &'static str) -> Example {
    Example { file: "events.jsonl", text, definition: None }
}

/// An example that consists of a definition.
pub(super) const fn definition_example(file: &'static str, text: &'static str) -> Example {
    Example { file, text, definition: None }
}

impl Severity {
    /// All severities, in ascending order.
    pub const ALL: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Error];

    /// The name in output and flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Profile {
    /// The name in output and flags.
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
