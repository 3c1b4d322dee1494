//! Flags of `aggregate`, `sql` and `metrics`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::history::HistoryArgs;
use super::normalize::{InputArgs, RejectArgs, ThreadArgs};
use super::value::{ListFormat, cluster, number_in, seconds};
use crate::base::calendar::Day;

/// Flags of `aggregate`.
#[derive(Debug, Args)]
pub struct AggregateArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,

    /// The history to add to and to count.
    #[command(flatten)]
    pub history: HistoryArgs,

    /// Number of threads.
    #[command(flatten)]
    pub threads: ThreadArgs,

    /// How much input may be rejected.
    #[command(flatten)]
    pub rejects: RejectArgs,

    /// Thresholds and prices.
    #[command(flatten)]
    pub report: ReportArgs,

    /// The engine that counts.
    #[command(flatten)]
    pub engine: EngineArgs,

    /// What to write: metrics, or counts that can be merged with others before metrics are computed
    #[arg(long, value_enum, default_value_t = Emit::Metrics)]
    pub emit: Emit,

    /// First day to report [env: DUO_METRICS_SINCE] [default: first collected day]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<Day>,

    /// Last day to report [env: DUO_METRICS_UNTIL] [default: last collected day]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<Day>,
}

/// The engine that counts: this process, or ClickHouse.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Engine that counts usage events
    #[arg(long, value_enum, default_value_t = Engine::Process)]
    pub engine: Engine,

    /// URL of ClickHouse's HTTP interface; user and password are read from CLICKHOUSE_USER and
    /// CLICKHOUSE_PASSWORD [env: CLICKHOUSE_URL]
    #[arg(long, value_name = "URL")]
    pub clickhouse_url: Option<String>,

    /// ClickHouse database [env: CLICKHOUSE_DATABASE] [default: default]
    #[arg(long, value_name = "NAME")]
    pub clickhouse_database: Option<String>,

    /// What to count
    #[arg(long, value_enum, default_value_t = EngineSource::Lines)]
    pub source: EngineSource,

    /// Read no input; count what ClickHouse already has
    #[arg(long, conflicts_with = "load_only")]
    pub no_load: bool,

    /// Load the input into ClickHouse and compute nothing
    #[arg(long)]
    pub load_only: bool,

    /// PEM file with the certificate authorities to trust in place of the public ones [env:
    /// DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,

    /// Allow unencrypted http:// to remote hosts
    #[arg(long)]
    pub allow_http: bool,

    /// Seconds to wait for a response from ClickHouse
    #[arg(long, value_name = "SECONDS", default_value_t = 3600.0, value_parser = seconds)]
    pub timeout: f64,

    /// Retries after a transient error
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,

    /// Seconds to wait before the first retry; the wait doubles with each retry
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub retry_wait: f64,
}

/// The engine that counts usage events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// This process
    Process,
    /// A ClickHouse server or cluster; the input is loaded into it first (see docs/scale.md)
    Clickhouse,
}

/// What an engine counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineSource {
    /// Lines from standard input
    Lines,
    /// The ClickHouse tables in which a self-managed GitLab keeps its events (read only);
    /// GITLAB_URL states which GitLab it is
    Gitlab,
}

impl EngineArgs {
    /// Whether standard input is read.
    pub fn reads_lines(&self) -> bool {
        !self.no_load && self.source == EngineSource::Lines
    }
}

/// What `aggregate` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// Metric lines
    Metrics,
    /// Rollup lines: counts from many jobs that one job merges
    Rollups,
}

/// Thresholds and prices that metrics depend on.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Thresholds, prices and teams")]
pub struct ReportArgs {
    /// Active days in 28 days that make a person a regular user, from 2 to 27
    #[arg(long, value_name = "DAYS", default_value_t = 4, value_parser = number_in(2_u32..=27))]
    pub regular_from: u32,

    /// Active days in 28 days that make a person a heavy user, from 3 to 28
    #[arg(long, value_name = "DAYS", default_value_t = 12, value_parser = number_in(3_u32..=28))]
    pub heavy_from: u32,

    /// File with model prices, to estimate the cost of tokens: JSON in the format of LiteLLM's
    /// model_prices_and_context_window.json [env: DUO_METRICS_PRICES]
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,

    /// CSV file with the teams of users, in place of the subgroups that they are members of: columns
    /// user (user name, user id or pseudonym), team and optionally cost_center; a user can have
    /// several lines [env: DUO_METRICS_TEAMS]
    #[arg(long, value_name = "FILE")]
    pub teams: Option<PathBuf>,
}

/// Flags of `sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// Print the statements that create the tables on a single server
    #[arg(long, required_unless_present = "rollups", conflicts_with = "rollups")]
    pub schema: bool,

    /// Print them for every node of this cluster
    #[arg(long, value_name = "NAME", requires = "schema", value_parser = cluster)]
    pub cluster: Option<String>,

    /// Print the statements that create rollup lines and return all other lines
    #[arg(long)]
    pub rollups: bool,
}

/// Flags of `metrics`.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Metric to describe, or the first part of its name (agents) for all metrics of a family
    /// [default: all metrics]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// List the metrics; this is also what the command does without the flag
    #[arg(long)]
    pub list: bool,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}
