//! `sql`: the statements of `aggregate --engine clickhouse`, for those who make the tables or run them themselves.

use std::io::Write;

use crate::aggregate::clickhouse::{rollups, schema};
use crate::base::error::{Error, Outcome};
use crate::cli::SqlArgs;

/// Runs the command.
pub fn run(args: &SqlArgs, mut stdout: impl Write) -> Result<Outcome, Error> {
    let text = match args.schema {
        true => schema(args.cluster.as_deref()),
        false => rollups().join("\n"),
    };
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    Ok(Outcome::Complete)
}
