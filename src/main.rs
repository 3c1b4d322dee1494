//! The binary: parses the command line, runs one command and returns its exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use duo_metrics::base::error::Error;
use duo_metrics::base::text::to_single_line;
use duo_metrics::cli::Cli;
use duo_metrics::commands;
use duo_metrics::system::progress;
use duo_metrics::system::standard_output::standard_output;
use duo_metrics::system::summary::Summary;
use duo_metrics::system::temporary;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return print_clap_message(&message),
    };
    let name = cli.command.name();
    progress::init_log(name, cli.log_format);
    temporary::remove_on_signal();
    let mut summary = Summary::new(name);
    let result = commands::run_command(&cli.command, &mut summary);
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
