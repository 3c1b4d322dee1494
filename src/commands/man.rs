//! `man`: manual pages, with the same texts as `--help`.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::base::error::{Error, Outcome};
use crate::base::suggestion::did_you_mean;
use crate::cli::{Cli, ManArgs};
use crate::system::files::write_public_files;

/// Runs the command.
pub fn run(args: &ManArgs, mut stdout: impl Write) -> Result<Outcome, Error> {
    let pages = pages().map_err(Error::writing)?;
    if let Some(folder) = &args.dir {
        let names: Vec<String> = pages.iter().map(|(name, _)| format!("{name}.1")).collect();
        let pages = pages.iter().map(|(_, page)| page.as_slice());
        write_public_files(folder, names.iter().map(String::as_str).zip(pages))?;
        return Ok(Outcome::Complete);
    }
    let wanted = match &args.command {
        Some(command) => format!("duo-metrics-{command}"),
        None => "duo-metrics".to_owned(),
    };
    let page = pages.iter().find(|(name, _)| *name == wanted).ok_or_else(|| {
        let command = args.command.as_deref().unwrap_or_default();
        let names = pages.iter().filter_map(|(name, _)| name.strip_prefix("duo-metrics-"));
        let hint = did_you_mean(command, names, "\"duo-metrics help\" lists the commands");
        Error::Usage(format!("unknown command {command:?}; {hint}"))
    })?;
    stdout.write_all(&page.1).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    Ok(Outcome::Complete)
}

/// The pages of `duo-metrics` and of every command, by name.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    // Gives each command its full name.
    command.build();
    std::iter::once(&command).chain(command.get_subcommands()).map(page).collect()
}

fn page(command: &Command) -> io::Result<(String, Vec<u8>)> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut text = Vec::new();
    Man::new(command.clone().version(env!("CARGO_PKG_VERSION"))).render(&mut text)?;
    Ok((name, text))
}
