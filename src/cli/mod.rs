//! The command line: commands and flags. Flags that also have an environment variable name it in
//! their help.

mod aggregate;
mod collect;
mod history;
mod lint;
mod normalize;
mod privacy;
mod publish;
mod run;
mod value;

use clap::{Parser, Subcommand};

pub use aggregate::{
    AggregateArgs, Emit, Engine, EngineArgs, EngineSource, MetricsArgs, ReportArgs, SqlArgs,
};
pub use collect::{ArtifactArgs, CollectArgs, DoctorArgs, DoctorFormat, FetchArgs, GitlabArgs, SwitchArgs};
pub use history::{HistoryArgs, HistoryCommand, HistoryCommandArgs};
pub use lint::{ExampleForm, FailOn, LintArgs, LintFormat, LintProfile};
pub use normalize::{NormalizeArgs, RecordFormat, RejectArgs, ThreadArgs};
pub use privacy::{AuditArgs, PrivacyCommand, PrivacyCommandArgs};
pub use publish::{
    DashboardArgs, ExportArgs, ExportFormat, LandingArgs, PeopleArgs, PrivacyArgs, SiteArgs, ThemeArgs,
};
pub use run::RunArgs;
pub use value::ListFormat;

use crate::system::progress::LogFormat;

/// Measure the adoption of GitLab Duo and publish it as a static site.
///
/// The commands are filters that read and write JSON lines:
///
///   duo-metrics fetch | duo-metrics normalize | duo-metrics aggregate > metrics.jsonl
///   duo-metrics dashboard --site public < metrics.jsonl
///   duo-metrics landing   --site public < metrics.jsonl
///
/// `duo-metrics run` does all of this in one process. `duo-metrics doctor` checks whether it will
/// work. The token is read from DUO_TOKEN, never from a flag.
///
/// Exit codes: 0 complete, 2 usage error, 3 partial (standard error lists what is missing), 65 bad
/// input or lint errors, 69 nothing to collect, 75 temporary failure, 77 token, 78 configuration.
#[derive(Debug, Parser)]
#[command(
    name = "duo-metrics",
    version,
    verbatim_doc_comment,
    max_term_width = 110,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,

    /// Format of standard error: progress, notices and the final summary
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect data from GitLab; writes raw and coverage lines
    Fetch(FetchArgs),
    /// Convert raw responses and event exports to records, one per line
    Normalize(NormalizeArgs),
    /// Compute metrics from records; writes metric lines
    Aggregate(AggregateArgs),
    /// Create the dashboards from metric lines, one folder each under --site
    Dashboard(DashboardArgs),
    /// Create the landing page, which links every dashboard under --site
    Landing(LandingArgs),
    /// Collect, compute and publish in one process: from GitLab to the finished site
    Run(RunArgs),
    /// Export metrics to CSV, OpenMetrics or Markdown, or list reclaimable seats
    Export(ExportArgs),
    /// Check URL, token and permissions, and explain how to fix what fails
    Doctor(DoctorArgs),
    /// Manage stored history: list, verify, prune, move, rename, remove a person
    History(HistoryCommandArgs),
    /// Check that published sites reveal no count of few people
    Privacy(PrivacyCommandArgs),
    /// Download a file that a job left in the last successful pipeline (for use in a pipeline)
    Artifact(ArtifactArgs),
    /// Print the SQL of aggregate --engine clickhouse
    Sql(SqlArgs),
    /// List the metrics with name, unit, grains, dimensions and definition
    Metrics(MetricsArgs),
    /// Check the instrumentation of Duo events and their definitions, and explain each finding
    #[command(long_about = lint::LONG_ABOUT)]
    Lint(LintArgs),
}

impl Command {
    /// The name of the command on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Fetch(_) => "fetch",
            Command::Normalize(_) => "normalize",
            Command::Aggregate(_) => "aggregate",
            Command::Dashboard(_) => "dashboard",
            Command::Landing(_) => "landing",
            Command::Run(_) => "run",
            Command::Export(_) => "export",
            Command::Doctor(_) => "doctor",
            Command::History(_) => "history",
            Command::Privacy(_) => "privacy",
            Command::Artifact(_) => "artifact",
            Command::Metrics(_) => "metrics",
            Command::Sql(_) => "sql",
            Command::Lint(_) => "lint",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::settings::Switch;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_last_of_two_switches_wins() {
        let cli = Cli::parse_from(["duo-metrics", "fetch", "--duo", "--no-duo", "--project"]);
        let Command::Fetch(fetch) = cli.command else { panic!("fetch") };
        assert_eq!((fetch.switches.duo(), fetch.switches.project()), (Switch::Off, Switch::On));
    }

    #[test]
    fn a_number_out_of_range_is_rejected_with_the_range_in_words() {
        for (arguments, expected) in [
            (["fetch", "--jobs", "65"], "must be a number from 1 to 64"),
            (["fetch", "--late-days", "91"], "must be a number from 0 to 90"),
            (["dashboard", "--small-group", "2"], "must be a number of at least 3"),
            (["normalize", "--max-rejects", "101"], "must be a number from 0 to 100"),
        ] {
            let error =
                Cli::try_parse_from([&["duo-metrics"], &arguments[..]].concat()).expect_err("a range");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
