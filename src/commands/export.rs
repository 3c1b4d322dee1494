//! `export`: writes metrics as CSV, OpenMetrics or Markdown, with the same suppression as the site.

use std::io::{Read, Write};

use crate::aggregate::metrics::{Definition, definitions};
use crate::base::error::{Error, Outcome};
use crate::base::text::format_count;
use crate::cli::{ExportArgs, ExportFormat};
use crate::commands::assumptions::assumptions;
use crate::commands::metric_lines::read_nonempty_metrics;
use crate::commands::people;
use crate::publish::answer::{AnswerLine, answer_lines};
use crate::publish::export::{InstanceColumn, digest, openmetrics, table};
use crate::publish::place::Place;
use crate::publish::privacy::{Disclosure, Line, publish};
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
        return Err(Error::Usage("nothing to export; add --format or --people".to_owned()));
    };
    let min_people = args.privacy.small_group;
    let assumptions = assumptions(&args.assumptions, environment)?;
    let report = read_nonempty_metrics(stdin, summary)?;
    // Suppression needs all values of each sum, even if only some of them are exported.
    let lines = publish(&report.metrics, Disclosure { min_people, open_periods: args.privacy.open_periods });
    let answers = answer_lines(&Place::all(&lines), min_people);
    let answers: Vec<Line<'_>> = answers.iter().map(AnswerLine::line).collect();
    let suppressed = lines.iter().filter(|line| line.is_suppressed).count() as u64;
    let mut outcome = Outcome::Complete;
    let text = match format {
        ExportFormat::Csv => table(|| answers.iter().chain(&lines), InstanceColumn::Always)
            .map_err(|error| Error::Bug(format!("cannot write the metrics as CSV: {error}")))?,
        ExportFormat::Openmetrics => {
            let definitions: Vec<&Definition> = definitions().collect();
            let exposition = openmetrics(|| answers.iter().chain(&lines), &definitions);
            summary
                .message(format!("{} of newest complete periods", format_count(exposition.samples, "value")));
            if exposition.left_out > 0 {
                outcome = Outcome::Partial;
                summary.warning(format!(
                    "left out {} with an unknown metric or with a dimension that cannot be a label",
                    format_count(exposition.left_out, "line")
                ));
            }
            exposition.text.into_bytes()
        }
        ExportFormat::Markdown => digest(&lines, &report.coverage, min_people, &assumptions).into_bytes(),
    };
    stdout.write_all(&text).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    summary.message(format!(
        "read {}; {} suppressed (fewer than {min_people} people)",
        format_count(report.metrics.len() as u64, "metric line"),
        format_count(suppressed, "value")
    ));
    summary.field("metrics", report.metrics.len());
    summary.field("hidden", suppressed);
    Ok(outcome)
}
