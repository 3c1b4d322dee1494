//! Flags of `check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::lint::FailOn;
use super::normalize::InputArgs;
use super::publish::PrivacyArgs;
use crate::base::calendar::Day;

/// The text of `check --help`.
pub(super) const LONG_ABOUT: &str = "\
Check metrics against rules: alerts without a server.

Reads metric lines, suppresses values as export does, and writes findings: data that is stale or missing, a metric that \
fell by more than its usual noise, agents that fail, GitLab Credits that run out, idle seats, and limits of your own. \
docs/alerts.md explains the rules, their limits, and how often they are wrong.

Exit code 4: there are findings of severity error (--fail-on changes that). What a rule cannot judge, because values are \
missing or suppressed, is listed on standard error; it does not fail.";

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,

    /// YAML file with rules: it changes the built-in rules, switches them off, or adds others
    /// [env: DUO_METRICS_RULES]
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    pub rules: Option<PathBuf>,

    /// The day for which the age of the data is checked [default: the day of DUO_METRICS_NOW, else
    /// of the clock]
    #[arg(long, value_name = "DAY", help_heading = "Rules")]
    pub today: Option<Day>,

    /// Format of the findings on standard output
    #[arg(long, value_enum, default_value_t = CheckFormat::Text, help_heading = "Output")]
    pub format: CheckFormat,

    /// Lowest severity that makes the exit code 4
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    #[arg(help_heading = "Output")]
    pub fail_on: FailOn,

    /// Suppression.
    #[command(flatten)]
    pub privacy: PrivacyArgs,
}

/// Output format of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Text, one line per finding
    Text,
    /// JSON lines, one per finding
    Json,
    /// JUnit report (XML), which merge requests and pipelines show as tests
    Junit,
    /// GitLab Code Quality report
    Codequality,
    /// Markdown, for comments and issues
    Markdown,
    /// JSON for an incoming webhook of Slack or Mattermost
    Slack,
}
