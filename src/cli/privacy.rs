//! Flags of `privacy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value::number_from;

/// Flags of `privacy`.
#[derive(Debug, Args)]
pub struct PrivacyCommandArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PrivacyCommand,
}

/// The commands of `privacy`.
#[derive(Debug, Subcommand)]
pub enum PrivacyCommand {
    /// Attack published sites: list every count of few people that they reveal, alone or together
    Audit(AuditArgs),
}

/// Flags of `privacy audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Folders of published sites, or their metrics.csv: sites of several days reveal more than one
    #[arg(required = true, value_name = "SITE")]
    pub sites: Vec<PathBuf>,

    /// Report counts that are known within fewer neighboring values than this
    #[arg(long, value_name = "PEOPLE", default_value_t = 5, value_parser = number_from(3_u64))]
    pub small_group: u64,
}
