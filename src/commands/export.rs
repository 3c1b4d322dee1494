//! `export`: numbers that travel, with the same hidden as on the site.

use std::io::{Read, Write};

use crate::aggregate::metrics::{Definition, definitions};
use crate::base::error::{Error, Outcome};
use crate::base::text::counted;
use crate::cli::{ExportArgs, ExportFormat};
use crate::commands::dashboard::read_some_figures;
use crate::commands::people;
use crate::publish::export::{Instances, digest, openmetrics, table};
use crate::publish::privacy::publish;
use crate::system::settings::Environment;
use crate::system::summary::Summary;

/// Runs the command.
pub fn run(
    args: &ExportArgs,
    environment: &Environment,
    stdin: impl Read + Send,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    if let Some(path) = &args.people.people {
        return people::run(path, &args.people, environment, stdin, summary);
    }
    let Some(format) = args.format else {
        return Err(Error::Usage("nothing to write; give --format or --people".to_owned()));
    };
    let figures = read_some_figures(stdin, summary)?;
    // All lines together: hiding needs the whole of each sum, whatever part of them is written.
    let lines = publish(&figures.metrics, args.privacy.small_group);
    let hidden = lines.iter().filter(|line| line.hidden.is_some()).count() as u64;
    let mut outcome = Outcome::Complete;
    let text = match format {
        ExportFormat::Csv => table(&lines, Instances::Always)
            .map_err(|error| Error::Bug(format!("cannot write the numbers as CSV: {error}")))?,
        ExportFormat::Openmetrics => {
            let definitions: Vec<&Definition> = definitions().collect();
            let exposition = openmetrics(&lines, &definitions);
            summary.say(format!("{} of newest whole periods", counted(exposition.samples, "number")));
            if exposition.left_out > 0 {
                outcome = Outcome::Partial;
                summary.say(format!(
                    "{} left out: of a metric this version does not know, or with a dimension that cannot be a label",
                    counted(exposition.left_out, "line")
                ));
            }
            exposition.text.into_bytes()
        }
        ExportFormat::Markdown => digest(&lines, &figures.coverage, args.privacy.small_group).into_bytes(),
    };
    stdout.write_all(&text).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    summary.say(format!(
        "{} read, {hidden} hidden for the sake of few people",
        counted(figures.metrics.len() as u64, "metric line")
    ));
    summary.field("metrics", figures.metrics.len());
    summary.field("hidden", hidden);
    Ok(outcome)
}
