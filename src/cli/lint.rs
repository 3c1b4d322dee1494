//! Flags of `lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::normalize::ThreadArgs;
use crate::lint::{Profile, SampleFormat, Severity};

/// The text of `lint --help`.
pub(super) const LONG_ABOUT: &str = "\
Check the instrumentation of GitLab Duo events against rules, and explain each finding.

Reads the files on the command line, or events from standard input. Files that end in .yml or .yaml are event \
definitions (config/events/*.yml). All other files contain events, in any form that normalize reads. The events of the \
given definitions are known, and their properties are checked.

Of a folder, all files that end in .yml, .yaml, .json, .jsonl, .ndjson or .log are read.

Sessions are checked by the timestamps of their events, in any order and over all files of one call, so pass all events \
of a session. This takes a few hundred bytes of memory per event, and the findings of sessions come last. Events with the \
same event_id count once. In a document that spans several lines, the position is the number of the element.

The exit code is 65 if there are findings of severity error (--fail-on changes that), else 0. Warnings alone do not fail.";

/// Flags of `lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Event definitions (*.yml, *.yaml), files with events, and folders of both [default: events
    /// from standard input]
    #[arg(value_name = "FILE", conflicts_with_all = ["list", "explain", "example"])]
    pub files: Vec<PathBuf>,

    /// Which of GitLab's two guides to follow where they disagree
    #[arg(long, value_enum, default_value_t = LintProfile::Guide)]
    pub profile: LintProfile,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = LintFormat::Text)]
    pub format: LintFormat,

    /// Lowest severity that makes the exit code 65
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    pub fail_on: FailOn,

    /// List the rules
    #[arg(long, conflicts_with_all = ["explain", "example"])]
    pub list: bool,

    /// Explain a rule, with an example that passes and one that fails
    #[arg(long, value_name = "RULE", conflicts_with = "example")]
    pub explain: Option<String>,

    /// Print a valid event with this name and both contexts, to copy; without a name, list the events
    #[arg(long, value_name = "EVENT", num_args = 0..=1, default_missing_value = "")]
    pub example: Option<String>,

    /// Form of the example
    #[arg(long, value_enum, default_value_t = ExampleForm::Guide, requires = "example")]
    pub form: ExampleForm,

    /// Number of threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
}

/// The guide that `lint` follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintProfile {
    /// The instrumentation guide of the Duo Agent Platform: both contexts, and the model in the
    /// Standard Context
    Guide,
    /// The newer description of the AI Context: its new fields, the model in either context, and no
    /// context required
    AiContext,
}

impl From<LintProfile> for Profile {
    fn from(profile: LintProfile) -> Profile {
        match profile {
            LintProfile::Guide => Profile::Guide,
            LintProfile::AiContext => Profile::AiContext,
        }
    }
}

/// Output format of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// Text, one line per finding
    Text,
    /// JSON lines, one per finding
    Jsonl,
    /// GitLab Code Quality report, which merge requests show
    Codequality,
}

/// The lowest severity that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors
    Error,
    /// Errors and warnings
    Warning,
    /// Any finding
    Info,
    /// No finding
    Never,
}

impl FailOn {
    /// Whether findings of this severity fail.
    pub fn includes(self, severity: Severity) -> bool {
        match self {
            FailOn::Error => severity >= Severity::Error,
            FailOn::Warning => severity >= Severity::Warning,
            FailOn::Info => true,
            FailOn::Never => false,
        }
    }

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            FailOn::Error => "error",
            FailOn::Warning => "warning",
            FailOn::Info => "info",
            FailOn::Never => "never",
        }
    }
}

/// Form of an example event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExampleForm {
    /// The call in the instrumentation guide
    Guide,
    /// An enriched Snowplow event
    Snowplow,
}

impl From<ExampleForm> for SampleFormat {
    fn from(form: ExampleForm) -> SampleFormat {
        match form {
            ExampleForm::Guide => SampleFormat::Guide,
            ExampleForm::Snowplow => SampleFormat::Snowplow,
        }
    }
}
