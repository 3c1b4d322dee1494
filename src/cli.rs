//! The command line: commands and flags. Defaults that come from variables are told in the help of each flag.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::aggregate::history::DAYS_OF_LATE_EVENTS;
use crate::base::calendar::Day;
use crate::lint::{Profile, Severity, Shape};
use crate::stream::rejects::DEFAULT_MAX_REJECTS;
use crate::system::progress::LogFormat;
use crate::system::settings::Switch;

/// GitLab Duo adoption metrics you can believe.
///
/// The commands are filters that pass JSON lines:
///
///   duo-metrics fetch | duo-metrics normalize | duo-metrics aggregate > metrics.jsonl
///   duo-metrics dashboard --site public < metrics.jsonl
///   duo-metrics landing   --site public < metrics.jsonl
///
/// `duo-metrics run` does all of it in one process, `duo-metrics doctor` looks whether it will work. A token is taken from DUO_TOKEN, never from a flag.
///
/// Exit codes: 0 complete, 2 usage, 3 partial (what is missing is named), 65 bad input or lint errors, 69 nothing to
/// collect here, 75 temporary failure, 77 token, 78 configuration.
#[derive(Debug, Parser)]
#[command(
    name = "duo-metrics",
    version,
    verbatim_doc_comment,
    max_term_width = 110,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// How standard error is written: the closing summary, and what a command waits for before it
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect from GitLab: writes raw and coverage lines
    Fetch(FetchArgs),
    /// Make records: reads raw lines or event exports, writes one flat record a line
    Normalize(NormalizeArgs),
    /// Make numbers: reads records, writes metric lines
    Aggregate(AggregateArgs),
    /// Write the dashboards: reads metric lines, writes one folder a dashboard under --site
    Dashboard(DashboardArgs),
    /// Write the landing page: finds the dashboards under --site and links them
    Landing(LandingArgs),
    /// All of the above in one process: from GitLab to a finished site
    Run(RunArgs),
    /// Write numbers that travel (CSV, OpenMetrics, Markdown), or the list of seats
    Export(ExportArgs),
    /// Look before the first run: what will work, and what to do about the rest
    Doctor(DoctorArgs),
    /// Look after what was kept: list, verify, prune, forget a person
    History(HistoryCommandArgs),
    /// Get a file that a job left in the last successful pipeline; for use in a pipeline
    Artifact(ArtifactArgs),
    /// Print the SQL of aggregate --engine clickhouse
    Sql(SqlArgs),
    /// List the metrics: name, unit, grains, dimensions and definition of each
    Metrics(MetricsArgs),
    /// Find what is wrong with Duo events and their definitions, and say why
    #[command(long_about = LINT)]
    Lint(LintArgs),
}

const LINT: &str = "\
Find what is wrong with the instrumentation of GitLab Duo events, by rules that say why.

Reads files named on the command line, or standard input. Files that end in .yml or .yaml are event definitions \
(config/events/*.yml); all others hold events in any form that normalize reads. Definitions that are given make their events \
known, and the properties of these are looked at.

  duo-metrics lint config/events/*.yml
  duo-metrics lint --format codequality events.jsonl > gl-code-quality-report.json
  duo-metrics lint --explain tokens-cache
  duo-metrics lint --example token_usage_duo_agent_platform

Whether a session is in order is judged by the timestamps of its events, whatever the order of the lines, and over all files \
of a call: give a session whole. That takes some hundred bytes of memory an event; its findings come last. An event_id that \
comes again counts once. Of a document that spans lines the place is the number of the element.

Exit code 65 when there are findings of severity error (--fail-on sets which), else 0: warnings alone do not fail.";

/// Which GitLab, and how to ask it.
#[derive(Debug, Args)]
pub struct GitlabArgs {
    /// Group or subgroup path; give it again for more groups [env: GROUP_PATH, comma-separated]
    #[arg(long = "group", value_name = "PATH")]
    pub groups: Vec<String>,

    /// Address of GitLab [env: GITLAB_URL, CI_SERVER_URL] [default: https://gitlab.com]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// File with the certificate authorities to trust, in PEM form, in place of the public ones [env: DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,

    /// Allow http:// to another machine than this one
    #[arg(long)]
    pub allow_http: bool,

    /// Requests under way at once, at most, from 1 to 64 [env: DUO_METRICS_JOBS] [default: 4]
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub jobs: Option<usize>,

    /// Seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 100.0, value_parser = seconds)]
    pub timeout: f64,

    /// Tries after the first one that fails for a passing reason
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,

    /// Seconds to wait before the second try; the wait doubles from try to try
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub retry_wait: f64,
}

/// What `fetch` and `run` need to collect.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// From where.
    #[command(flatten)]
    pub gitlab: GitlabArgs,
    /// What was collected before: days of it that are final are not collected again.
    #[command(flatten)]
    pub history: HistoryArgs,

    /// Days after which no late events are expected any more: a day in the history that was collected whole later than that is not collected again
    #[arg(long, value_name = "DAYS", default_value_t = DAYS_OF_LATE_EVENTS, value_parser = clap::value_parser!(i64).range(0..=90))]
    pub late_days: i64,

    /// Collector to run; give it again for more [env: DUO_METRICS_COLLECTORS, comma-separated] [default: those of the dashboards that are on, less those that need an administrator]
    #[arg(long = "collector", value_name = "NAME")]
    pub collectors: Vec<String>,

    /// File with a query of your own, which runs beside the collectors; give it again for more (docs/extending.md)
    #[arg(long = "collector-file", value_name = "FILE.graphql")]
    pub collector_files: Vec<PathBuf>,

    /// First day, in UTC [env: DUO_METRICS_SINCE] [default: 28 days with --until, or as many as DUO_METRICS_DAYS says]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<Day>,

    /// Last day, in UTC [env: DUO_METRICS_UNTIL] [default: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<Day>,

    /// Folder for the raw lines, one file a collector [env: DUO_METRICS_OUTPUT_DIR]
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,

    /// Folder in which a run that is killed or partial leaves what it got; the same call goes on from there. One run at a time works in it, another one ends with 75
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// Collect each Nth day only, for very large groups; the other days are told as skipped, and every number shows it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=28))]
    pub every: u32,
}

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Which GitLab.
    #[command(flatten)]
    pub gitlab: GitlabArgs,

    /// How the checks are written
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text)]
    pub format: DoctorFormat,
}

/// Form of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// One line a check, for people
    Text,
    /// One JSON line a check
    Json,
}

/// Flags of `artifact`. GitLab, project, branch and token are those of the job that runs.
#[derive(Debug, Args)]
pub struct ArtifactArgs {
    /// Name of the job that left the file
    #[arg(long, value_name = "NAME")]
    pub job: String,

    /// Path of the file as the job left it
    #[arg(long, value_name = "PATH")]
    pub path: String,

    /// Where to put it. When there is none, nothing is put there
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,

    /// File with the certificate authorities to trust, in PEM form, in place of the public ones [env: DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,
}

/// Flags of `metrics`.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// List them; so far the only thing to do with them, with or without the flag
    #[arg(long)]
    pub list: bool,

    /// How the list is written
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// Form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Text,
    /// JSON lines
    Json,
}

/// Flags of `lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Event definitions (*.yml, *.yaml) and files with events [default: events on standard input]
    #[arg(value_name = "FILE", conflicts_with_all = ["list", "explain", "example"])]
    pub files: Vec<PathBuf>,

    /// Which guide to follow where GitLab's two disagree
    #[arg(long, value_enum, default_value_t = LintProfile::Guide)]
    pub profile: LintProfile,

    /// How findings are written
    #[arg(long, value_enum, default_value_t = LintFormat::Text)]
    pub format: LintFormat,

    /// The least severity that makes the exit code 65
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    pub fail_on: FailOn,

    /// List the rules
    #[arg(long, conflicts_with_all = ["explain", "example"])]
    pub list: bool,

    /// Tell what a rule is for, with an example that passes and one that fails
    #[arg(long, value_name = "RULE", conflicts_with = "example")]
    pub explain: Option<String>,

    /// Print a valid event of this name with both contexts, to copy
    #[arg(long, value_name = "EVENT")]
    pub example: Option<String>,

    /// How the example is written
    #[arg(long, value_enum, default_value_t = ExampleForm::Guide, requires = "example")]
    pub form: ExampleForm,

    /// How much of the machine is used.
    #[command(flatten)]
    pub threads: ThreadArgs,
}

/// Which guide is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintProfile {
    /// The instrumentation guide of the Duo Agent Platform: both contexts, and the model in the Standard Context
    Guide,
    /// The newer description of the AI Context: its new fields, the model anywhere, no context required
    AiContext,
}

/// Form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// One line a finding, for people
    Text,
    /// One JSON line a finding
    Jsonl,
    /// GitLab's Code Quality report, which merge requests show
    Codequality,
}

/// The least severity of findings that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors
    Error,
    /// Errors and warnings
    Warning,
    /// Any finding
    Info,
    /// None
    Never,
}

/// Form of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExampleForm {
    /// As the call of the instrumentation guide
    Guide,
    /// As an enriched Snowplow event
    Snowplow,
}

/// Which dashboards are on.
#[derive(Debug, Args)]
pub struct SwitchArgs {
    /// The Duo dashboard and its collectors [env: ENABLE_DUO_METRICS, exactly "true"] [default: on when neither variable is set]
    #[arg(long, overrides_with = "no_duo")]
    duo: bool,

    /// No Duo dashboard
    #[arg(long, overrides_with = "duo")]
    no_duo: bool,

    /// The project dashboard and its collectors [env: ENABLE_PROJECT_METRICS, exactly "true"] [default: off]
    #[arg(long, overrides_with = "no_project")]
    project: bool,

    /// No project dashboard
    #[arg(long, overrides_with = "project")]
    no_project: bool,
}

/// Flags of `fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// What to collect.
    #[command(flatten)]
    pub collect: CollectArgs,
    /// For which dashboards.
    #[command(flatten)]
    pub switches: SwitchArgs,

    /// Write no lines to standard output; for use with --output-dir
    #[arg(long)]
    pub quiet_stdout: bool,
}

/// What becomes of input that cannot be read.
#[derive(Debug, Args)]
pub struct RejectArgs {
    /// Share of rejected lines and rows, in percent, above which the input is not the documented stream (exit 65)
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_MAX_REJECTS, value_parser = percent)]
    pub max_rejects: f64,
}

/// Where what was collected before is kept.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// Folder that keeps what was collected, for years [env: DUO_METRICS_HISTORY]
    #[arg(long, value_name = "DIR")]
    pub history: Option<PathBuf>,
}

/// Flags of `history`.
#[derive(Debug, Args)]
pub struct HistoryCommandArgs {
    /// Which one.
    #[command(flatten)]
    pub history: HistoryArgs,
    /// What to do with it.
    #[command(subcommand)]
    pub command: HistoryCommand,
}

/// What to do with a history.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// What is kept: each collector and group with its days
    List {
        /// Form of the list
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Read every file and name those that are damaged; changes nothing
    Verify,
    /// Remove old days
    Prune {
        /// Days to keep, counted back from the last day there is
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..))]
        keep_days: i64,
    },
    /// Write all of it to standard output, one compressed file, for another place
    Export,
    /// Read what `export` wrote from standard input, and keep of each day what is fuller, else newer
    Import,
    /// Take a person out of every file: the events, seats and totals, and the authorship of merge requests. Numbers made from the history then lack them
    Forget {
        /// Global id (gid://gitlab/User/42) or pseudonym; with DUO_METRICS_PSEUDONYM_KEY also the pseudonym of the id
        user: String,
    },
    /// Give a GitLab that moved its new address, or a renamed group its new path, in everything that is kept
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Rename {
        /// Former address and address now
        #[arg(long, group = "what", num_args = 2, value_names = ["FROM", "TO"])]
        url: Option<Vec<String>>,
        /// Former path and path now; groups and projects within it change too
        #[arg(long, group = "what", num_args = 2, value_names = ["FROM", "TO"])]
        group: Option<Vec<String>>,
    },
    /// Remove a group, or all groups of an address, from what is kept
    #[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
    Drop {
        /// Path of the group
        #[arg(long, group = "which")]
        group: Option<String>,
        /// Address of the GitLab; with --group, only the group there
        #[arg(long, group = "which")]
        url: Option<String>,
    },
}

/// How much of the machine is used.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ThreadArgs {
    /// Threads that read [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
}

impl ThreadArgs {
    /// How many threads read.
    pub fn count(self) -> usize {
        self.threads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS))
    }
}

/// More threads than this bring nothing: the stream itself is read by one of them at a time.
const MOST_THREADS: usize = 64;

/// Flags of `normalize`.
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// How much of the machine is used.
    #[command(flatten)]
    pub threads: ThreadArgs,

    /// Limit of rejected input.
    #[command(flatten)]
    pub rejects: RejectArgs,

    /// How records are written
    #[arg(long, value_enum, default_value_t = RecordFormat::Jsonl)]
    pub format: RecordFormat,

    /// File that says how the rows of a collector of your own become records; give it again for more (docs/extending.md)
    #[arg(long = "map", value_name = "FILE.json")]
    pub maps: Vec<PathBuf>,

    /// History that the records are for: where its GitLab has moved, pseudonyms stay those of the former address
    #[command(flatten)]
    pub history: HistoryArgs,

    /// Address of the GitLab that events are of which do not tell theirs [env: GITLAB_URL, CI_SERVER_URL]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// Group that event exports are of; without it they are of the instance as a whole
    #[arg(long, value_name = "PATH")]
    pub scope: Option<String>,

    /// File for rejected lines and rows: position, reason and digest of each
    #[arg(long, value_name = "FILE")]
    pub dead_letter: Option<PathBuf>,

    /// Put the rejected text itself into the dead-letter file too; it can hold names
    #[arg(long, requires = "dead_letter")]
    pub dead_letter_content: bool,
}

/// Form of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordFormat {
    /// JSON lines, which the other commands read
    Jsonl,
    /// A table for other programs, with one heading for records of all types: no cell is a formula
    Csv,
}

/// Flags of `aggregate`.
#[derive(Debug, Args)]
pub struct AggregateArgs {
    /// What was collected before.
    #[command(flatten)]
    pub history: HistoryArgs,

    /// How much of the machine is used.
    #[command(flatten)]
    pub threads: ThreadArgs,

    /// Limit of rejected input.
    #[command(flatten)]
    pub rejects: RejectArgs,

    /// What to report.
    #[command(flatten)]
    pub report: ReportArgs,

    /// Who counts.
    #[command(flatten)]
    pub engine: EngineArgs,

    /// What to write: numbers, or counts that can be put together with others before they become numbers
    #[arg(long, value_enum, default_value_t = Emit::Metrics)]
    pub emit: Emit,

    /// First day to report [env: DUO_METRICS_SINCE] [default: the first day that was collected]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<Day>,

    /// Last day to report [env: DUO_METRICS_UNTIL] [default: the last day that was collected]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<Day>,
}

/// Who counts: this process, or ClickHouse.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Who counts usage events
    #[arg(long, value_enum, default_value_t = Engine::Process)]
    pub engine: Engine,

    /// Address of ClickHouse's HTTP interface; user and password are taken from CLICKHOUSE_USER and CLICKHOUSE_PASSWORD [env: CLICKHOUSE_URL]
    #[arg(long, value_name = "URL")]
    pub clickhouse_url: Option<String>,

    /// Its database [env: CLICKHOUSE_DATABASE] [default: default]
    #[arg(long, value_name = "NAME")]
    pub clickhouse_database: Option<String>,

    /// What is counted
    #[arg(long, value_enum, default_value_t = Source::Lines)]
    pub source: Source,

    /// Read nothing: the numbers are of what ClickHouse has already
    #[arg(long, conflicts_with = "load_only")]
    pub no_load: bool,

    /// Load what is read into ClickHouse, and write nothing
    #[arg(long)]
    pub load_only: bool,

    /// File with the certificate authorities to trust, in PEM form, in place of the public ones [env: DUO_METRICS_CA_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_file: Option<PathBuf>,

    /// Allow http:// to another machine than this one
    #[arg(long)]
    pub allow_http: bool,

    /// Seconds to wait for ClickHouse's answer
    #[arg(long, value_name = "SECONDS", default_value_t = 3600.0, value_parser = seconds)]
    pub timeout: f64,

    /// Tries after the first one that fails for a passing reason
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,

    /// Seconds to wait before the second try; the wait doubles from try to try
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub retry_wait: f64,
}

/// What counts usage events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// This process
    Process,
    /// A ClickHouse server or cluster, into which what is read is loaded first (docs/scale.md)
    Clickhouse,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The lines that are piped in
    Lines,
    /// The tables in which a GitLab of one's own keeps its events in ClickHouse; they are only read. GITLAB_URL says which GitLab it is
    Gitlab,
}

impl EngineArgs {
    /// Whether standard input is read.
    pub fn reads_lines(&self) -> bool {
        !self.no_load && self.source == Source::Lines
    }
}

/// Flags of `sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// The tables, for a single server
    #[arg(long, required_unless_present = "rollups", conflicts_with = "rollups")]
    pub schema: bool,

    /// The tables, for each node of the cluster of this name
    #[arg(long, value_name = "NAME", requires = "schema", value_parser = cluster)]
    pub cluster: Option<String>,

    /// The statements that make rollup lines, and give back every other line
    #[arg(long)]
    pub rollups: bool,
}

/// What `aggregate` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// Metric lines
    Metrics,
    /// Rollup lines: what many jobs count side by side, and one puts together
    Rollups,
}

/// Definitions that can be set.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Active days in 28 from which on somebody counts as a regular user
    #[arg(long, value_name = "DAYS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=27))]
    pub regular_from: u32,

    /// Active days in 28 from which on somebody counts as a heavy user
    #[arg(long, value_name = "DAYS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(3..=28))]
    pub heavy_from: u32,

    /// File with the prices of models, for an estimate of what tokens cost: JSON in the format of LiteLLM's model_prices_and_context_window.json [env: DUO_METRICS_PRICES]
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}

/// Where the site is, and how small a group may be shown.
#[derive(Debug, Args)]
pub struct SiteArgs {
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = "public")]
    pub site: PathBuf,
}

/// What the pages look like.
#[derive(Debug, Args)]
pub struct ThemeArgs {
    /// Folder with a logo (logo.svg or logo.png), colours and texts (theme.json) of your own
    #[arg(long, value_name = "DIR")]
    pub theme: Option<PathBuf>,
}

/// How small a group may be shown.
#[derive(Debug, Args)]
pub struct PrivacyArgs {
    /// Hide numbers about fewer people than this
    #[arg(long, value_name = "PEOPLE", default_value_t = 5, value_parser = clap::value_parser!(u64).range(3..))]
    pub small_group: u64,
}

/// Flags of `dashboard`.
#[derive(Debug, Args)]
pub struct DashboardArgs {
    /// Where to write.
    #[command(flatten)]
    pub site: SiteArgs,
    /// Which dashboards.
    #[command(flatten)]
    pub switches: SwitchArgs,
    /// What to hide.
    #[command(flatten)]
    pub privacy: PrivacyArgs,
    /// What they look like.
    #[command(flatten)]
    pub theme: ThemeArgs,

    /// Folder of an earlier site: a dashboard that nobody spoke of this time is taken over from there, marked as such, unless it is older than 35 days; give it again for more, the newest counts
    #[arg(long, value_name = "DIR")]
    pub carry_over: Vec<PathBuf>,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// What to write to standard output
    #[arg(long, value_enum, required_unless_present = "people", conflicts_with = "people")]
    pub format: Option<ExportFormat>,

    /// What to hide.
    #[command(flatten)]
    pub privacy: PrivacyArgs,

    /// The list of seats.
    #[command(flatten)]
    pub people: PeopleArgs,
}

/// The list of seats to take back.
#[derive(Debug, Args)]
pub struct PeopleArgs {
    /// Read record or rollup lines instead and write the list of seats, with names, to this file: who has one, how idle it is, whether to take it back. Only its owner can read it, it is never on standard output, and not within a site
    #[arg(long, value_name = "FILE")]
    pub people: Option<PathBuf>,

    /// Days for which a seat has to be known by the lists of seats before it is taken back
    #[arg(long, value_name = "DAYS", default_value_t = 30, requires = "people")]
    pub grace_days: u32,

    /// File with users whose seat is never taken back: a user name, global id or number a line
    #[arg(long, value_name = "FILE", requires = "people")]
    pub hold: Option<PathBuf>,

    /// File with seat records with names, to tell who is behind the pseudonyms of the input [needs: DUO_METRICS_PSEUDONYM_KEY]
    #[arg(long, value_name = "FILE", requires = "people")]
    pub seats: Option<PathBuf>,

    /// Folder of the site, in which no list of people is put
    #[arg(long, value_name = "DIR", default_value = "public")]
    pub site: PathBuf,
}

/// Form of exported numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Every number that may leave, a line each, for spreadsheets: no cell is a formula
    Csv,
    /// For Prometheus: of each metric, group and grain (day, week, month, 28-day window) the newest period of which all days were collected; what is not known or hidden is left out
    Openmetrics,
    /// A digest for an issue, a merge request or a chat: the headline figures of the newest month of which all days were collected (else week, else the last 28 days), against the one before, and what is missing
    Markdown,
}

/// Flags of `landing`.
#[derive(Debug, Args)]
pub struct LandingArgs {
    /// Where to look and write.
    #[command(flatten)]
    pub site: SiteArgs,
    /// What it looks like.
    #[command(flatten)]
    pub theme: ThemeArgs,
}

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What to collect.
    #[command(flatten)]
    pub collect: CollectArgs,
    /// Which dashboards.
    #[command(flatten)]
    pub switches: SwitchArgs,
    /// What to report.
    #[command(flatten)]
    pub report: ReportArgs,
    /// What to hide.
    #[command(flatten)]
    pub privacy: PrivacyArgs,
    /// Where to write.
    #[command(flatten)]
    pub site: SiteArgs,
    /// What it looks like.
    #[command(flatten)]
    pub theme: ThemeArgs,
}

impl Command {
    /// The command's name.
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
            Command::Artifact(_) => "artifact",
            Command::Metrics(_) => "metrics",
            Command::Sql(_) => "sql",
            Command::Lint(_) => "lint",
        }
    }
}

impl From<LintProfile> for Profile {
    fn from(profile: LintProfile) -> Profile {
        match profile {
            LintProfile::Guide => Profile::Guide,
            LintProfile::AiContext => Profile::AiContext,
        }
    }
}

impl From<ExampleForm> for Shape {
    fn from(form: ExampleForm) -> Shape {
        match form {
            ExampleForm::Guide => Shape::Guide,
            ExampleForm::Snowplow => Shape::Snowplow,
        }
    }
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

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            FailOn::Error => "error",
            FailOn::Warning => "warning",
            FailOn::Info => "info",
            FailOn::Never => "never",
        }
    }
}

impl SwitchArgs {
    /// What was said about the Duo dashboard.
    pub fn duo(&self) -> Switch {
        switch(self.duo, self.no_duo)
    }

    /// What was said about the project dashboard.
    pub fn project(&self) -> Switch {
        switch(self.project, self.no_project)
    }
}

fn switch(on: bool, off: bool) -> Switch {
    match (on, off) {
        (true, _) => Switch::On,
        (_, true) => Switch::Off,
        _ => Switch::Unset,
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0.001 to 3600".to_owned()),
    }
}

fn cluster(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        true => Ok(text.to_owned()),
        false => Err("a name of letters, digits and underscores".to_owned()),
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=MOST_THREADS).contains(&threads) => Ok(threads),
        _ => Err(format!("a number from 1 to {MOST_THREADS}")),
    }
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs) if (1..=64).contains(&jobs) => Ok(jobs),
        _ => Err("a number from 1 to 64".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a number from 0 to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
