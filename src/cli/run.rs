//! Flags of `run`.

use clap::Args;

use super::aggregate::ReportArgs;
use super::collect::{CollectArgs, SwitchArgs};
use super::publish::{PrivacyArgs, SiteArgs, ThemeArgs};

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What to collect.
    #[command(flatten)]
    pub collect: CollectArgs,
    /// Which dashboards to create.
    #[command(flatten)]
    pub switches: SwitchArgs,
    /// Thresholds and prices.
    #[command(flatten)]
    pub report: ReportArgs,
    /// Suppression.
    #[command(flatten)]
    pub privacy: PrivacyArgs,
    /// The folder of the site.
    #[command(flatten)]
    pub site: SiteArgs,
    /// The look of the pages.
    #[command(flatten)]
    pub theme: ThemeArgs,

    /// Open the finished site in a browser
    #[arg(long, help_heading = "Site")]
    pub open: bool,
}
