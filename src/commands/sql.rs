//! `sql`: prints the statements of `aggregate --engine clickhouse`, to create the tables or to run
//! them yourself.

use std::io::Write;

use crate::aggregate::clickhouse::{rollups, schema};
use crate::base::error::{Error, Outcome};
use crate::cli::SqlArgs;

/// Runs the command.
pub fn run(args: &SqlArgs, mut stdout: impl Write) -> Result<Outcome, Error> {
    let text = if args.schema { schema(args.cluster.as_deref()) } else { rollups().join("\n") };
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    Ok(Outcome::Complete)
}
