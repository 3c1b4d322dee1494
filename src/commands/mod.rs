//! The commands, one file each: flags become options, and options run a stage. This is the only
//! place where the stages meet. `run` calls other commands; all other shared code is in the private
//! modules.

mod assumptions;
mod connection;
mod input;
mod job_files;
mod metric_lines;
mod people;
mod pipes;
mod pseudonyms;
mod site_files;

pub mod aggregate;
pub mod artifact;
pub mod check;
pub mod completions;
pub mod dashboard;
pub mod doctor;
pub mod export;
pub mod fetch;
pub mod history;
pub mod landing;
pub mod lint;
pub mod man;
pub mod metrics;
pub mod normalize;
pub mod package;
pub mod privacy;
pub mod run;
pub mod schema;
pub mod sql;

use std::io::{self, BufReader, BufWriter, IsTerminal};

use crate::base::error::{Error, Outcome};
use crate::cli::Command;
use crate::system::settings::Environment;
use crate::system::standard_output::standard_output;
use crate::system::summary::Summary;

use input::{input, optional_input, standard_input};

/// Runs a command between standard input and standard output. Here rather than in `main`, so that
/// the commands are compiled for these streams in the library, on all cores.
pub fn run_command(command: &Command, summary: &mut Summary) -> Result<Outcome, Error> {
    let environment = Environment::load()?;
    let stdout = BufWriter::with_capacity(1 << 16, standard_output()?);
    match command {
        Command::Fetch(args) => fetch::run(args, &environment, stdout, summary),
        Command::Normalize(args) => {
            normalize::run(args, &environment, input(&args.input.files)?, stdout, summary)
        }
        Command::Aggregate(args) => {
            let input = if args.engine.reads_lines() { Some(input(&args.input.files)?) } else { None };
            aggregate::run(args, &environment, input, stdout, summary)
        }
        Command::Dashboard(args) => dashboard::run(args, &environment, input(&args.input.files)?, summary),
        Command::Landing(args) => landing::run(args, optional_input(&args.input.files)?, summary),
        Command::Export(args) => export::run(args, &environment, input(&args.input.files)?, stdout, summary),
        Command::Check(args) => check::run(args, &environment, input(&args.input.files)?, stdout, summary),
        Command::Run(args) => run::run(args, &environment, summary),
        Command::Doctor(args) => doctor::run(args, &environment, stdout, summary),
        Command::History(args) => {
            // A compressed file, which is not decoded.
            let piped = (!io::stdin().is_terminal()).then(|| BufReader::with_capacity(1 << 16, io::stdin()));
            history::run(args, &environment, piped, stdout, summary)
        }
        Command::Privacy(args) => privacy::run(args, stdout, summary),
        Command::Artifact(args) => artifact::run(args, &environment, summary),
        Command::Package(args) => package::run(args, &environment, summary),
        Command::Metrics(args) => metrics::run(args, stdout, summary),
        Command::Lint(args) => lint::run(args, standard_input(), stdout, summary),
        Command::Sql(args) => sql::run(args, stdout),
        Command::Schema(args) => schema::run(args, stdout),
        Command::Completions(args) => completions::run(args, stdout),
        Command::Man(args) => man::run(args, stdout),
    }
}
