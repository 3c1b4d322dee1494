//! Flags of `schema`.

use clap::Args;

/// Flags of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Type of the lines, for example metric; summary is the summary of a JSON log [default: all
    /// types]
    #[arg(value_name = "TYPE")]
    pub line_type: Option<String>,
}
