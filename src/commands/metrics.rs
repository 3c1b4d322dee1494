//! `metrics`: what each number means, from the definitions that the pages and docs/metrics.md are made of.

use std::io::Write;

use serde::Serialize;

use crate::aggregate::metrics::{Definition, definitions};
use crate::base::error::{Error, Outcome};
use crate::base::text::counted;
use crate::cli::{ListFormat, MetricsArgs};
use crate::events::features::EXPOSED;
use crate::stream::lines::LineWriter;
use crate::system::summary::Summary;

/// A definition as a line.
#[derive(Serialize)]
#[serde(tag = "type", rename = "definition")]
struct DefinitionLine {
    metric: &'static str,
    title: &'static str,
    unit: &'static str,
    grains: Vec<String>,
    by: &'static [&'static str],
    definition: &'static str,
}

/// Events after which nobody is active, as a line; every other event is deliberate.
#[derive(Serialize)]
#[serde(tag = "type", rename = "exposed")]
struct ExposedLine {
    event: &'static str,
}

const FOREWORD: &str = "All days are UTC. By: - is the total, a×b are two dimensions crossed.";

const EXPOSED_TEXT: &str = "Somebody is active by a deliberate event. By these events something was only shown to them or done for them; \
     every other event, an unknown one too, is deliberate:";

/// Runs the command.
pub fn run(args: &MetricsArgs, mut stdout: impl Write, summary: &mut Summary) -> Result<Outcome, Error> {
    let lines: Vec<DefinitionLine> = definitions().map(DefinitionLine::of).collect();
    match args.format {
        ListFormat::Json => {
            let mut output = LineWriter::new(stdout);
            lines.iter().try_for_each(|line| output.write(line))?;
            EXPOSED.iter().try_for_each(|event| output.write(&ExposedLine { event }))?;
            output.flush()?;
        }
        ListFormat::Text => {
            let mut text = format!("{FOREWORD}\n");
            for DefinitionLine { metric, unit, grains, by, definition, .. } in &lines {
                let (grains, by) = (grains.join(" "), by.join(", "));
                text.push_str(&format!("\n{metric}\n  {unit}; {grains}; by {by}\n  {definition}\n"));
            }
            text.push_str(&format!("\n{EXPOSED_TEXT}\n"));
            EXPOSED.iter().for_each(|event| text.push_str(&format!("  {event}\n")));
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::writing)?;
        }
    }
    summary.say(counted(lines.len() as u64, "definition"));
    summary.field("definitions", lines.len() as u64);
    Ok(Outcome::Complete)
}

impl DefinitionLine {
    fn of(definition: &Definition) -> DefinitionLine {
        DefinitionLine {
            metric: definition.metric,
            title: definition.title,
            unit: definition.unit.as_str(),
            grains: definition.grains.iter().map(ToString::to_string).collect(),
            by: definition.by,
            definition: definition.text,
        }
    }
}
