//! The commands, one file each: flags become options, and options run a stage. This is the only
//! place where the stages meet. `run` calls other commands; all other shared code is in the private
//! modules.

mod connection;
mod metric_lines;
mod people;
mod pipes;
mod pseudonyms;
mod site_files;

pub mod aggregate;
pub mod artifact;
pub mod dashboard;
pub mod doctor;
pub mod export;
pub mod fetch;
pub mod history;
pub mod landing;
pub mod lint;
pub mod metrics;
pub mod normalize;
pub mod privacy;
pub mod run;
pub mod sql;

use std::io::{self, BufReader, BufWriter, IsTerminal};

use crate::base::error::{Error, Outcome};
use crate::cli::Command;
use crate::stream::encoding::Decoder;
use crate::system::settings::Environment;
use crate::system::standard_output::standard_output;
use crate::system::summary::Summary;

/// Runs a command between standard input and standard output. Here rather than in `main`, so that
/// the commands are compiled for these streams in the library, on all cores.
pub fn run_command(command: &Command, summary: &mut Summary) -> Result<Outcome, Error> {
    let environment = Environment::load()?;
    let stdout = BufWriter::with_capacity(1 << 16, standard_output()?);
    let piped = || (!io::stdin().is_terminal()).then(|| BufReader::with_capacity(1 << 16, io::stdin()));
    let piped_text = || piped().map(Decoder::stdin);
    let stdin = || {
        piped_text().ok_or_else(|| {
            Error::Usage(
                "no input; pipe the output of another command in, as \"duo-metrics --help\" shows".to_owned(),
            )
        })
    };
    match command {
        Command::Fetch(args) => fetch::run(args, &environment, stdout, summary),
        Command::Normalize(args) => normalize::run(args, &environment, stdin()?, stdout, summary),
        Command::Aggregate(args) => {
            let input = if args.engine.reads_lines() { Some(stdin()?) } else { None };
            aggregate::run(args, &environment, input, stdout, summary)
        }
        Command::Dashboard(args) => dashboard::run(args, &environment, stdin()?, summary),
        Command::Landing(args) => landing::run(args, piped_text(), summary),
        Command::Export(args) => export::run(args, &environment, stdin()?, stdout, summary),
        Command::Run(args) => run::run(args, &environment, summary),
        Command::Doctor(args) => doctor::run(args, &environment, stdout, summary),
        Command::History(args) => history::run(args, &environment, piped(), stdout, summary),
        Command::Privacy(args) => privacy::run(args, stdout, summary),
        Command::Artifact(args) => artifact::run(args, &environment, summary),
        Command::Metrics(args) => metrics::run(args, stdout, summary),
        Command::Lint(args) => lint::run(args, piped_text(), stdout, summary),
        Command::Sql(args) => sql::run(args, stdout),
    }
}
