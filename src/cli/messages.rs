//! Flags of every command: what standard error contains. They also apply to usage errors, so those
//! are read before the command line is parsed.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Args, ColorChoice, CommandFactory, ValueEnum};

use super::Cli;
use crate::system::log::{ErrorReport, LogFormat, Verbosity};

/// What standard error contains.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub struct MessageArgs {
    /// Write only errors, and what changes the exit code, to standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Also write each request to standard error: what it asks for, status, bytes, time and attempt
    #[arg(short, long, global = true)]
    verbose: bool,

    /// When to use colors; NO_COLOR and CLICOLOR_FORCE decide for auto
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,

    /// Format of standard error: progress, notices, the final summary and errors
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl MessageArgs {
    /// How much standard error contains.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        }
    }
}

/// What of a command line applies to its own errors.
pub struct UsageContext {
    /// The command; `None` if there is none or an unknown one.
    command: Option<String>,
    /// When to use colors.
    pub color: ColorChoice,
    /// The format of errors.
    pub log_format: LogFormat,
}

impl UsageContext {
    /// Finds it in arguments that may be invalid. The first one is the program.
    pub fn of(arguments: &[OsString]) -> UsageContext {
        let texts = arguments.iter().skip(1).map(|argument| argument.to_str().unwrap_or_default());
        let options: Vec<&str> = texts.take_while(|text| *text != "--").collect();
        let names = Cli::command();
        let command = options.iter().find(|text| names.find_subcommand(text).is_some());
        UsageContext {
            command: command.map(|name| (*name).to_owned()),
            color: value_of(&options, "--color").unwrap_or(ColorChoice::Auto),
            log_format: value_of(&options, "--log-format").unwrap_or(LogFormat::Text),
        }
    }

    /// Reports a usage error as JSON.
    pub fn report(&self, error: &clap::Error, code: u8) {
        let text = error.to_string();
        let mut paragraphs =
            text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
        let message = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
                "no command".to_owned()
            }
            _ => paragraphs.next().unwrap_or_default(),
        };
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        let tip = paragraphs.find_map(|part| part.strip_prefix("tip: ").map(str::to_owned));
        let hint = tip.unwrap_or_else(|| match &self.command {
            Some(command) => format!("see \"duo-metrics {command} --help\""),
            None => "see \"duo-metrics --help\"".to_owned(),
        });
        let report =
            ErrorReport { command: self.command.as_deref(), message, code: code.into(), hint: Some(&hint) };
        report.write(LogFormat::Json);
    }
}

/// The last value of an option, if it is valid.
fn value_of<T: ValueEnum>(options: &[&str], name: &str) -> Option<T> {
    let mut values =
        options.iter().enumerate().filter_map(|(at, option)| match option.strip_prefix(name)? {
            "" => options.get(at + 1).copied(),
            rest => rest.strip_prefix('='),
        });
    values.next_back().and_then(|value| T::from_str(value, false).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_of_an_error_is_found_in_invalid_arguments() {
        let of = |arguments: &[&str]| {
            let program = ["duo-metrics"].iter().chain(arguments);
            UsageContext::of(&program.map(OsString::from).collect::<Vec<_>>())
        };
        let found =
            of(&["--nonsense", "fetch", "--log-format", "text", "--log-format=json", "--color", "never"]);
        assert_eq!(found.command.as_deref(), Some("fetch"));
        assert_eq!((found.color, found.log_format), (ColorChoice::Never, LogFormat::Json));
        let found = of(&["fetsch", "--log-format", "yaml", "--color", "--", "--log-format=json"]);
        assert_eq!(found.command, None);
        assert_eq!((found.color, found.log_format), (ColorChoice::Auto, LogFormat::Text));
    }
}
