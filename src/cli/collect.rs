//! Flags of the commands that send requests to GitLab: `fetch`, `doctor` and `artifact`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::history::HistoryArgs;
use super::value::{number_in, seconds};
use crate::aggregate::history::LATE_EVENT_DAYS;
use crate::base::calendar::Day;
use crate::system::settings::Switch;

/// Connection to GitLab.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct GitlabArgs {
    /// Group or subgroup path; can be given multiple times [env: GROUP_PATH, comma-separated]
    #[arg(short, long = "group", value_name = "PATH")]
    pub groups: Vec<String>,

    /// GitLab URL [env: GITLAB_URL, CI_SERVER_URL] [default: https://gitlab.com]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// PEM file with the certificate authorities to trust in place of the public ones [env:
    /// DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,

    /// Allow unencrypted http:// to remote hosts
    #[arg(long)]
    pub allow_http: bool,

    /// Maximum number of concurrent requests, from 1 to 64 [env: DUO_METRICS_JOBS] [default: 4]
    #[arg(short, long, value_name = "N", value_parser = number_in(1_usize..=64))]
    pub jobs: Option<usize>,

    /// Seconds to wait for a response
    #[arg(long, value_name = "SECONDS", default_value_t = 100.0, value_parser = seconds)]
    pub timeout: f64,

    /// Retries after a transient error
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,

    /// Seconds to wait before the first retry; the wait doubles with each retry
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub retry_wait: f64,
}

/// What `fetch` and `run` collect.
#[derive(Debug, Args)]
#[command(next_help_heading = "What to collect")]
pub struct CollectArgs {
    /// Connection to GitLab.
    #[command(flatten)]
    pub gitlab: GitlabArgs,
    /// The history. Days that are final in it are not collected again.
    #[command(flatten)]
    pub history: HistoryArgs,

    /// Days after which a day is final, because late events have arrived: a day in the history that
    /// was collected completely later than that is not collected again
    #[arg(long, value_name = "DAYS", default_value_t = LATE_EVENT_DAYS, value_parser = number_in(0_i64..=90))]
    pub late_days: i64,

    /// Collector to run; can be given multiple times [env: DUO_METRICS_COLLECTORS, comma-separated]
    /// [default: those of the enabled dashboards that need no administrator]
    #[arg(short, long = "collector", value_name = "NAME")]
    pub collectors: Vec<String>,

    /// File with a custom query to run in addition to the collectors; can be given multiple times
    /// (see docs/extending.md)
    #[arg(long = "collector-file", value_name = "FILE.graphql")]
    pub collector_files: Vec<PathBuf>,

    /// First day, in UTC [env: DUO_METRICS_SINCE] [default: 28 days (or DUO_METRICS_DAYS) ending
    /// with --until; 90 days if the history is empty, or for `run` without one]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<Day>,

    /// Last day, in UTC [env: DUO_METRICS_UNTIL] [default: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<Day>,

    /// Folder for the raw lines, one file per collector [env: DUO_METRICS_OUTPUT_DIR]
    #[arg(short, long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,

    /// Folder for the checkpoint of an interrupted or partial run; the same command continues from
    /// there. Only one run at a time can use the folder; another one ends with exit code 75
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// Collect only every Nth day, for very large groups; skipped days are marked in every metric
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number_in(1_u32..=28))]
    pub every: u32,
}

/// Which dashboards are enabled.
#[derive(Debug, Args)]
#[command(next_help_heading = "Dashboards")]
pub struct SwitchArgs {
    /// Enable the Duo dashboard and its collectors [env: ENABLE_DUO_METRICS, exactly "true"]
    /// [default: enabled if neither variable is set]
    #[arg(long, overrides_with = "no_duo")]
    duo: bool,

    /// Disable the Duo dashboard and remove it from the site
    #[arg(long, overrides_with = "duo")]
    no_duo: bool,

    /// Enable the project dashboard and its collectors [env: ENABLE_PROJECT_METRICS, exactly
    /// "true"] [default: disabled]
    #[arg(long, overrides_with = "no_project")]
    project: bool,

    /// Disable the project dashboard and remove it from the site
    #[arg(long, overrides_with = "project")]
    no_project: bool,
}

impl SwitchArgs {
    /// The switch of the Duo dashboard.
    pub fn duo(&self) -> Switch {
        switch(self.duo, self.no_duo)
    }

    /// The switch of the project dashboard.
    pub fn project(&self) -> Switch {
        switch(self.project, self.no_project)
    }
}

fn switch(on: bool, off: bool) -> Switch {
    if on {
        Switch::On
    } else if off {
        Switch::Off
    } else {
        Switch::Unset
    }
}

/// Flags of `fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// What to collect.
    #[command(flatten)]
    pub collect: CollectArgs,
    /// Which dashboards to collect for.
    #[command(flatten)]
    pub switches: SwitchArgs,

    /// Write no lines to standard output (requires --output-dir)
    #[arg(long)]
    pub quiet_stdout: bool,
}

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Connection to GitLab.
    #[command(flatten)]
    pub gitlab: GitlabArgs,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = DoctorFormat::Text)]
    pub format: DoctorFormat,
}

/// Output format of `doctor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// Text, one line per check
    Text,
    /// JSON lines, one per check
    Json,
}

/// Flags of `artifact`. GitLab, project, branch and token are those of the running job.
#[derive(Debug, Args)]
pub struct ArtifactArgs {
    /// Name of the job that left the file
    #[arg(long, value_name = "NAME")]
    pub job: String,

    /// Path of the file in that job's artifacts
    #[arg(long, value_name = "PATH")]
    pub path: String,

    /// Name of a file that "duo-metrics package" stored, to take if the artifact does not exist
    #[arg(long, value_name = "NAME")]
    pub package: Option<String>,

    /// Where to write the file; nothing is written if there is none
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// PEM file with the certificate authorities to trust in place of the public ones [env:
    /// DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,
}

/// Flags of `package`.
#[derive(Debug, Args)]
pub struct PackageArgs {
    /// Name of the stored file; an earlier one of that name is replaced
    #[arg(long, value_name = "NAME")]
    pub name: String,

    /// The file to store
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,

    /// PEM file with the certificate authorities to trust in place of the public ones [env:
    /// DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,
}
