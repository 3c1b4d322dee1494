//! Flags of the commands that publish: `dashboard`, `landing` and `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::collect::SwitchArgs;
use super::normalize::InputArgs;
use super::value::number_from;
use crate::publish::answer::{SeatPrice, parse_target};

/// The folder of the site.
#[derive(Debug, Args)]
#[command(next_help_heading = "Site")]
pub struct SiteArgs {
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = "public")]
    pub site: PathBuf,
}

/// The look of the pages.
#[derive(Debug, Args)]
#[command(next_help_heading = "Site")]
pub struct ThemeArgs {
    /// Folder with your own logo (logo.svg or logo.png), colors and texts (theme.json)
    #[arg(long, value_name = "DIR")]
    pub theme: Option<PathBuf>,
}

/// Suppression.
#[derive(Debug, Args)]
#[command(next_help_heading = "Privacy")]
pub struct PrivacyArgs {
    /// Suppress values with fewer people than this behind them, at least 3
    #[arg(long, value_name = "PEOPLE", default_value_t = 5, value_parser = number_from(3_u64))]
    pub small_group: u64,

    /// Also publish days, weeks and months that can still change, up to the last collected day. Only
    /// for a site whose readers may see what happened on a single day: the difference of two days'
    /// sites shows it
    #[arg(long)]
    pub open_periods: bool,
}

/// What only the owner of the seats knows.
#[derive(Debug, Args)]
pub struct AssumptionArgs {
    /// Price of a seat per month with its currency, for example 39:USD: the cost of unused seats is
    /// shown; without it, nothing about money is [env: DUO_METRICS_SEAT_PRICE]
    #[arg(long, value_name = "PRICE:CURRENCY")]
    pub seat_price: Option<SeatPrice>,

    /// Percentage of the assigned seats that should be active: shown as a line
    /// [env: DUO_METRICS_TARGET]
    #[arg(long, value_name = "PERCENT", value_parser = parse_target)]
    pub target: Option<u8>,
}

/// Flags of `dashboard`.
#[derive(Debug, Args)]
pub struct DashboardArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,
    /// The folder of the site.
    #[command(flatten)]
    pub site: SiteArgs,
    /// Which dashboards to create.
    #[command(flatten)]
    pub switches: SwitchArgs,
    /// Suppression.
    #[command(flatten)]
    pub privacy: PrivacyArgs,
    /// The look of the pages.
    #[command(flatten)]
    pub theme: ThemeArgs,
    /// Price and target of the seats.
    #[command(flatten)]
    pub assumptions: AssumptionArgs,

    /// Folder of an earlier site: a dashboard that is neither created nor disabled this time is
    /// copied from there and marked as such, unless it is older than 35 days. Can be given multiple
    /// times; the newest one counts
    #[arg(long, value_name = "DIR")]
    pub carry_over: Vec<PathBuf>,
}

/// Flags of `landing`.
#[derive(Debug, Args)]
pub struct LandingArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,
    /// The folder of the site.
    #[command(flatten)]
    pub site: SiteArgs,
    /// The look of the page.
    #[command(flatten)]
    pub theme: ThemeArgs,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,
    /// Format of the metrics on standard output
    #[arg(short, long, value_enum, required_unless_present = "people", conflicts_with = "people")]
    pub format: Option<ExportFormat>,

    /// Suppression.
    #[command(flatten)]
    pub privacy: PrivacyArgs,

    /// Price and target of the seats, for the digest.
    #[command(flatten)]
    pub assumptions: AssumptionArgs,

    /// Reclaimable seats.
    #[command(flatten)]
    pub people: PeopleArgs,
}

/// Flags of `export --people`, which lists reclaimable seats.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reclaimable seats")]
pub struct PeopleArgs {
    /// Read records or rollup lines in place of metrics, and write all seats to this file, with
    /// names: who has one, how idle it is, and whether it is reclaimable. Only its owner can read
    /// the file; it cannot be standard output or in the site
    #[arg(long, value_name = "FILE")]
    pub people: Option<PathBuf>,

    /// Days for which the lists of seats must have contained a seat before it is reclaimable
    #[arg(long, value_name = "DAYS", default_value_t = 30, requires = "people")]
    pub grace_days: u32,

    /// File with users whose seat is never reclaimable: a user name, global ID or numeric ID per
    /// line
    #[arg(long, value_name = "FILE", requires = "people")]
    pub hold: Option<PathBuf>,

    /// File with seat records that contain names, to find the names behind pseudonyms [needs:
    /// DUO_METRICS_PSEUDONYM_KEY]
    #[arg(long, value_name = "FILE", requires = "people")]
    pub seats: Option<PathBuf>,

    /// Folder of the site; the file of --people cannot be in it
    #[arg(long, value_name = "DIR", default_value = "public")]
    pub site: PathBuf,
}

/// Format of exported metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// CSV for spreadsheets: every value that is not suppressed, one per line; no cell is a formula
    Csv,
    /// OpenMetrics for Prometheus: of each metric, group and grain (day, week, month, last 28 days)
    /// the newest complete period; unknown and suppressed values are left out
    Openmetrics,
    /// Markdown digest for an issue, a merge request or a chat: the headline metrics of the newest
    /// complete month (else week, else last 28 days) compared with the one before, and what is
    /// missing
    Markdown,
}
