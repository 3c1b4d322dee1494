//! The command line: commands and flags. Flags that also have an environment variable name it in
//! their help.

mod aggregate;
mod check;
mod collect;
mod examples;
mod history;
mod lint;
mod messages;
mod normalize;
mod privacy;
mod publish;
mod run;
mod schema;
mod shell;
mod value;

use clap::{Parser, Subcommand};

pub use aggregate::{
    AggregateArgs, Emit, Engine, EngineArgs, EngineSource, MetricsArgs, ReportArgs, SqlArgs,
};
pub use check::{CheckArgs, CheckFormat};
pub use collect::{
    ArtifactArgs, CollectArgs, DoctorArgs, DoctorFormat, FetchArgs, GitlabArgs, PackageArgs, SwitchArgs,
};
pub use history::{HistoryArgs, HistoryCommand, HistoryCommandArgs, PullArgs, PushArgs};
pub use lint::{ExampleForm, FailOn, LintArgs, LintFormat, LintProfile};
pub use messages::{MessageArgs, UsageContext};
pub use normalize::{InputArgs, NormalizeArgs, RecordFormat, RejectArgs, ThreadArgs};
pub use privacy::{AuditArgs, PrivacyCommand, PrivacyCommandArgs};
pub use publish::{
    AssumptionArgs, DashboardArgs, ExportArgs, ExportFormat, LandingArgs, PeopleArgs, PrivacyArgs, SiteArgs,
    ThemeArgs,
};
pub use run::RunArgs;
pub use schema::SchemaArgs;
pub use shell::{CompletionsArgs, ManArgs};
pub use value::ListFormat;

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
/// Exit codes: 0 complete, 2 usage error, 3 partial (standard error lists what is missing), 4 findings
/// of check, 65 bad input or lint errors, 69 nothing to collect, 75 temporary failure, 77 token, 78
/// configuration.
#[derive(Debug, Parser)]
#[command(name = "duo-metrics", version, verbatim_doc_comment, max_term_width = 110)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,

    /// What standard error contains.
    #[command(flatten)]
    pub messages: MessageArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect data from GitLab; writes raw and coverage lines
    #[command(after_help = examples::FETCH)]
    Fetch(FetchArgs),
    /// Convert raw responses and event exports to records, one per line
    #[command(after_help = examples::NORMALIZE)]
    Normalize(NormalizeArgs),
    /// Compute metrics from records; writes metric lines
    #[command(after_help = examples::AGGREGATE)]
    Aggregate(AggregateArgs),
    /// Create the dashboards from metric lines, one folder each under --site
    #[command(after_help = examples::DASHBOARD)]
    Dashboard(DashboardArgs),
    /// Create the landing page, which links every dashboard under --site
    #[command(after_help = examples::LANDING)]
    Landing(LandingArgs),
    /// Collect, compute and publish in one process: from GitLab to the finished site
    #[command(after_help = examples::RUN)]
    Run(RunArgs),
    /// Export metrics to CSV, OpenMetrics or Markdown, or list reclaimable seats
    #[command(after_help = examples::EXPORT)]
    Export(ExportArgs),
    /// Check metrics against rules: stale or missing data, falls, failures, credits, seats
    #[command(long_about = check::LONG_ABOUT, after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Check URL, token and permissions, and explain how to fix what fails
    #[command(after_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Manage stored history: list, verify, prune, move, rename, remove a person
    #[command(after_help = examples::HISTORY)]
    History(HistoryCommandArgs),
    /// Check that published sites reveal no count of few people
    #[command(after_help = examples::PRIVACY)]
    Privacy(PrivacyCommandArgs),
    /// Download a file that a job left in the last successful pipeline (for use in a pipeline)
    #[command(after_help = examples::ARTIFACT)]
    Artifact(ArtifactArgs),
    /// Store a file in the package registry of the project (for use in a pipeline)
    #[command(after_help = examples::PACKAGE)]
    Package(PackageArgs),
    /// Print the SQL of aggregate --engine clickhouse
    #[command(after_help = examples::SQL)]
    Sql(SqlArgs),
    /// List the metrics with name, unit, grains, dimensions and definition
    #[command(after_help = examples::METRICS)]
    Metrics(MetricsArgs),
    /// Check the instrumentation of Duo events and their definitions, and explain each finding
    #[command(long_about = lint::LONG_ABOUT, after_help = examples::LINT)]
    Lint(LintArgs),
    /// Print the JSON schema of the lines that the commands write
    #[command(after_help = examples::SCHEMA)]
    Schema(SchemaArgs),
    /// Print the completions of a shell, to save where it looks for them
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual page of duo-metrics or of one of its commands
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
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
            Command::Check(_) => "check",
            Command::Doctor(_) => "doctor",
            Command::History(_) => "history",
            Command::Privacy(_) => "privacy",
            Command::Artifact(_) => "artifact",
            Command::Package(_) => "package",
            Command::Metrics(_) => "metrics",
            Command::Sql(_) => "sql",
            Command::Lint(_) => "lint",
            Command::Schema(_) => "schema",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
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
    fn a_short_flag_means_the_same_everywhere() {
        let mut command = Cli::command();
        command.build();
        let mut meanings: std::collections::BTreeMap<char, std::collections::BTreeSet<String>> =
            Default::default();
        for (_, sub) in all_commands(&command, "duo-metrics") {
            for argument in sub.get_arguments() {
                if let (Some(short), Some(long)) = (argument.get_short(), argument.get_long()) {
                    meanings.entry(short).or_default().insert(long.to_owned());
                }
            }
        }
        let meanings: Vec<(char, Vec<String>)> =
            meanings.into_iter().map(|(short, longs)| (short, longs.into_iter().collect())).collect();
        let expected = [
            ('c', "collector"),
            ('f', "format"),
            ('g', "group"),
            ('h', "help"),
            // How much is done at a time.
            ('j', "jobs threads"),
            // Where the result is written.
            ('o', "output output-dir"),
            ('q', "quiet"),
            ('v', "verbose"),
        ];
        let expected: Vec<(char, Vec<String>)> =
            expected.map(|(short, longs)| (short, longs.split(' ').map(str::to_owned).collect())).into();
        assert_eq!(meanings, expected);
    }

    /// All commands and their subcommands, with the names before them.
    fn all_commands(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
        let mut all = Vec::new();
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            all.extend(all_commands(sub, &path));
            all.push((path, sub.clone()));
        }
        all
    }

    #[test]
    fn every_command_has_examples_that_are_valid() {
        let mut command = Cli::command();
        command.build();
        let mut seen = 0;
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (title, examples) = help.split_once('\n').unwrap_or_else(|| panic!("{}", sub.get_name()));
            assert_eq!(title, "Examples:", "{}", sub.get_name());
            for line in examples.lines() {
                let line = line.split('#').next().expect("a first part");
                let own = line.split('|').map(str::trim).filter(|part| part.starts_with("duo-metrics "));
                for part in own {
                    let arguments = part.split_whitespace().take_while(|word| !["<", ">"].contains(word));
                    let parsed = Cli::try_parse_from(arguments);
                    assert!(parsed.is_ok(), "{part}: {}", parsed.expect_err("an error"));
                    seen += 1;
                }
                assert!(line.contains(&format!("duo-metrics {}", sub.get_name())), "{line}");
            }
        }
        assert!(seen > 40, "{seen}");
    }

    #[test]
    fn every_flag_has_help_and_a_heading_where_a_command_has_many() {
        let mut command = Cli::command();
        command.build();
        for (path, sub) in all_commands(&command, "duo-metrics") {
            if path.contains(" help") {
                continue;
            }
            let arguments: Vec<_> = sub.get_arguments().filter(|argument| !argument.is_hide_set()).collect();
            for argument in &arguments {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.len() > 3, "{path}: {}", argument.get_id());
                // Where the program chooses a value, the help has the default.
                let takes_value = argument.get_action().takes_values() && !argument.is_required_set();
                let is_number = help.to_lowercase().starts_with("number") || help.contains("Seconds");
                let has_default = !argument.get_default_values().is_empty() || help.contains("[default:");
                assert!(!takes_value || !is_number || has_default, "{path}: {}", argument.get_id());
            }
            let headings: std::collections::BTreeSet<_> =
                arguments.iter().filter_map(|argument| argument.get_help_heading()).collect();
            assert!(arguments.len() < 12 || headings.len() > 1, "{path}: {headings:?}");
        }
    }

    #[test]
    fn the_folder_of_the_history_can_come_before_or_after_the_subcommand() {
        for arguments in [["history", "--history", "h", "list"], ["history", "list", "--history", "h"]] {
            let cli = Cli::parse_from([&["duo-metrics"], &arguments[..]].concat());
            let Command::History(history) = cli.command else { panic!("history") };
            assert_eq!(history.history.history, Some("h".into()));
        }
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
