//! `completions`: the completions of a shell.

use std::io::Write;

use clap::CommandFactory;

use crate::base::error::{Error, Outcome};
use crate::cli::{Cli, CompletionsArgs};

/// Runs the command.
pub fn run(args: &CompletionsArgs, mut stdout: impl Write) -> Result<Outcome, Error> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "duo-metrics", &mut text);
    let text = String::from_utf8_lossy(&text);
    // clap_complete writes the name of a program with a hyphen in two ways for bash, so that nothing
    // after a subcommand is completed: https://github.com/clap-rs/clap/issues/6421
    let text = text.replace("duo__subcmd__metrics", "duo__metrics");
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    Ok(Outcome::Complete)
}
