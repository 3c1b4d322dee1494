//! Flags of `history`, and the flag that selects the folder.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value::{ListFormat, number_from};

/// The folder of the history.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "History")]
pub struct HistoryArgs {
    /// Folder of the history, which keeps the counts of all earlier runs [env: DUO_METRICS_HISTORY]
    #[arg(long, value_name = "DIR", global = true)]
    pub history: Option<PathBuf>,
}

/// Flags of `history`.
#[derive(Debug, Args)]
pub struct HistoryCommandArgs {
    /// The folder of the history.
    #[command(flatten)]
    pub history: HistoryArgs,
    /// The subcommand.
    #[command(subcommand)]
    pub command: HistoryCommand,
}

/// Flags of `history pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// Text before the name of the stored file, for several histories in one project
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub name: String,

    /// Job whose artifact in the last successful pipeline to take if the registry has no copy
    #[arg(long, value_name = "NAME", requires = "path")]
    pub job: Option<String>,

    /// Path of the exported history in that job's artifacts
    #[arg(long, value_name = "PATH", requires = "job")]
    pub path: Option<String>,

    /// PEM file with the certificate authorities to trust in place of the public ones [env:
    /// DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,
}

/// Flags of `history push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Text before the name of the stored file, for several histories in one project
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub name: String,

    /// PEM file with the certificate authorities to trust in place of the public ones [env:
    /// DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,
}

/// Subcommands of `history`.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// List each collector and group with its days
    List {
        /// Output format
        #[arg(short, long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Read every file and list the damaged ones; changes nothing
    Verify,
    /// Remove old days
    Prune {
        /// Number of days to keep, counted back from the last day in the history
        #[arg(long, value_name = "DAYS", value_parser = number_from(1_i64))]
        keep_days: i64,
    },
    /// Write the whole history to standard output as one compressed file
    Export,
    /// Merge an exported history from standard input; of each day the more complete copy is kept,
    /// and of equally complete ones the newer
    Import,
    /// Merge the copy that earlier pipelines stored in the package registry of the project (for use
    /// in a pipeline)
    Pull(PullArgs),
    /// Store the history in the package registry of the project, merged with the copy there (for use
    /// in a pipeline)
    Push(PushArgs),
    /// Remove a person from every file: events, seats, totals and the authorship of merge requests.
    /// Metrics computed from the history no longer include them
    Forget {
        /// Global ID (gid://gitlab/User/42) or pseudonym; with DUO_METRICS_PSEUDONYM_KEY, the
        /// pseudonym of the ID is removed too
        user: String,
    },
    /// Update the whole history after a GitLab moved to another URL or a group to another path
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Rename {
        /// Former and current GitLab URL
        #[arg(long, group = "what", num_args = 2, value_names = ["FROM", "TO"])]
        url: Option<Vec<String>>,
        /// Former and current group path; subgroups and projects move with it
        #[arg(long, group = "what", num_args = 2, value_names = ["FROM", "TO"])]
        group: Option<Vec<String>>,
    },
    /// Remove a group, or all groups of a GitLab, from the history
    #[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
    Drop {
        /// Group path
        #[arg(long, group = "which")]
        group: Option<String>,
        /// GitLab URL; with --group, only that group of this GitLab
        #[arg(long, group = "which")]
        url: Option<String>,
    },
}
