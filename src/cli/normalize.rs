//! Flags of `normalize`, and those that every command with a long input has.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::history::HistoryArgs;
use super::value::number_in;
use crate::stream::rejects::DEFAULT_MAX_REJECTS;

/// Maximum number of threads. More do not help: only one at a time reads the stream itself.
const MAX_THREADS: usize = 64;

/// Number of threads.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Input")]
pub struct ThreadArgs {
    /// Number of threads, from 1 to 64 [default: number of cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = number_in(1..=MAX_THREADS))]
    threads: Option<usize>,
}

impl ThreadArgs {
    /// The number of threads: the flag, or one per core.
    pub fn count(self) -> usize {
        self.threads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS))
    }
}

/// The input.
#[derive(Debug, Default, Args)]
pub struct InputArgs {
    /// Files to read one after the other, - for standard input [default: standard input]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// How much input may be rejected.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct RejectArgs {
    /// Maximum share of rejected lines and rows, in percent; above it the command fails with exit
    /// code 65
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_MAX_REJECTS, value_parser = number_in(0.0_f64..=100.0))]
    pub max_rejects: f64,
}

/// Flags of `normalize`.
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,

    /// Number of threads.
    #[command(flatten)]
    pub threads: ThreadArgs,

    /// How much input may be rejected.
    #[command(flatten)]
    pub rejects: RejectArgs,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = RecordFormat::Jsonl)]
    pub format: RecordFormat,

    /// File that maps the rows of a custom collector to records; can be given multiple times (see
    /// docs/extending.md)
    #[arg(long = "map", value_name = "FILE.json")]
    pub maps: Vec<PathBuf>,

    /// The history that the records are for. If its GitLab moved, pseudonyms stay those of the
    /// former URL.
    #[command(flatten)]
    pub history: HistoryArgs,

    /// GitLab URL to assume for events that do not carry one [env: GITLAB_URL, CI_SERVER_URL]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// Group path to assume for event exports [default: the whole instance]
    #[arg(long, value_name = "PATH")]
    pub scope: Option<String>,

    /// Write rejected lines and rows to this file: position, reason and digest of each
    #[arg(long, value_name = "FILE")]
    pub dead_letter: Option<PathBuf>,

    /// Also write the rejected text to the dead-letter file; it may contain names
    #[arg(long, requires = "dead_letter")]
    pub dead_letter_content: bool,
}

/// Output format of `normalize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordFormat {
    /// JSON lines, which the other commands read
    Jsonl,
    /// CSV with one header row for records of all types, for other programs; no cell is a formula
    Csv,
}
