//! `completions`: the completions of a shell.

use std::io::Write;

use clap::CommandFactory;

use crate::base::error::{Error, Outcome};
use crate::cli::{Cli, CompletionsArgs};

/// Runs the command.
pub fn run(args: &CompletionsArgs, mut stdout: impl Write) -> Result<Outcome, Error> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "duo-metrics", &mut text);
    stdout.write_all(&text).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    Ok(Outcome::Complete)
}
