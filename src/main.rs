//! The binary: parses the command line, runs one command and returns its exit code.

use std::io::{self, BufReader, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use duo_metrics::base::error::{Error, Outcome};
use duo_metrics::base::text::to_single_line;
use duo_metrics::cli::{Cli, Command};
use duo_metrics::commands::{
    aggregate, artifact, dashboard, doctor, export, fetch, history, landing, lint, metrics, normalize, run,
    sql,
};
use duo_metrics::stream::encoding::Decoder;
use duo_metrics::system::files::standard_output;
use duo_metrics::system::progress;
use duo_metrics::system::settings::Environment;
use duo_metrics::system::summary::Summary;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return print_clap_message(&message),
    };
    let name = cli.command.name();
    progress::init_log(name, cli.log_format);
    let mut summary = Summary::new(name);
    let result = run_command(&cli.command, &mut summary);
    if !matches!(result, Err(Error::BrokenPipe)) {
        summary.write(cli.log_format, result.as_ref().ok().copied());
    }
    match result {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) => {
            if error.code() != 0 {
                let _ = writeln!(io::stderr(), "duo-metrics {name}: {}", to_single_line(&error.to_string()));
            }
            ExitCode::from(error.code())
        }
    }
}

/// Prints clap's message in place of a command: help and version to standard output, a usage error
/// to standard error.
fn print_clap_message(message: &clap::Error) -> ExitCode {
    if message.use_stderr() {
        let _ = message.print();
        return ExitCode::from(Error::Usage(String::new()).code());
    }
    // Writes zero bytes first to get the error: `print` treats a closed standard output as a broken
    // pipe.
    let written = standard_output().and_then(|mut output| {
        output
            .write(&[])
            .and_then(|_| message.print())
            .and_then(|()| io::stdout().flush())
            .map_err(Error::writing)
    });
    match written {
        Ok(()) | Err(Error::BrokenPipe) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "duo-metrics: {}", to_single_line(&error.to_string()));
            ExitCode::from(error.code())
        }
    }
}

fn run_command(command: &Command, summary: &mut Summary) -> Result<Outcome, Error> {
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
        Command::Artifact(args) => artifact::run(args, &environment, summary),
        Command::Metrics(args) => metrics::run(args, stdout, summary),
        Command::Lint(args) => lint::run(args, piped_text(), stdout, summary),
        Command::Sql(args) => sql::run(args, stdout),
    }
}
