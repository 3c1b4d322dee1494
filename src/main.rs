//! The binary: parses the command line, runs one command and returns its exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{CommandFactory, FromArgMatches};
use duo_metrics::base::error::Error;
use duo_metrics::cli::{Cli, UsageContext};
use duo_metrics::commands;
use duo_metrics::system::log::{self, ErrorReport, LogFormat, LogOptions};
use duo_metrics::system::standard_output::standard_output;
use duo_metrics::system::summary::Summary;
use duo_metrics::system::{interrupt, terminal};

/// The allocator of musl has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let context = UsageContext::of(&arguments);
    terminal::set_color(match context.color {
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
    });
    let matches = Cli::command().color(context.color).try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(message) => return print_clap_message(&message, &context),
    };
    let command = cli.command.name();
    let format = cli.messages.log_format;
    log::init(LogOptions { command, format, verbosity: cli.messages.verbosity() });
    interrupt::watch();
    let mut summary = Summary::new(command);
    let result = commands::run_command(&cli.command, &mut summary);
    if !matches!(result, Err(Error::BrokenPipe)) {
        summary.write(result.as_ref().ok().copied());
    }
    match result {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) => {
            if error.code() != 0 {
                ErrorReport::new(command, &error, &error.to_string()).write(format);
            }
            ExitCode::from(error.code())
        }
    }
}

/// Prints clap's message in place of a command: help and version to standard output, a usage error
/// to standard error.
fn print_clap_message(message: &clap::Error, context: &UsageContext) -> ExitCode {
    if message.use_stderr() {
        let code = Error::Usage(String::new()).code();
        match context.log_format {
            LogFormat::Json => context.report(message, code),
            LogFormat::Text => {
                let _ = message.print();
            }
        }
        return ExitCode::from(code);
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
            let text = error.to_string();
            let report =
                ErrorReport { command: None, message: &text, code: error.code().into(), hint: error.hint() };
            report.write(context.log_format);
            ExitCode::from(error.code())
        }
    }
}
