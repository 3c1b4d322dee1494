//! `metrics`: lists the definitions of all metrics, which are also those of the pages and of
//! docs/metrics.md.

use std::io::Write;

use schemars::JsonSchema;
use serde::Serialize;

use crate::aggregate::metrics::{Definition, definitions};
use crate::base::error::{Error, Outcome};
use crate::base::suggestion::did_you_mean;
use crate::base::text::format_count;
use crate::cli::{ListFormat, MetricsArgs};
use crate::events::features::REACHED_EVENTS;
use crate::stream::lines::LineWriter;
use crate::system::summary::Summary;

/// A definition as a JSON line.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "definition")]
pub(super) struct DefinitionLine {
    metric: &'static str,
    title: &'static str,
    unit: &'static str,
    grains: Vec<String>,
    by: &'static [&'static str],
    definition: &'static str,
}

/// An event that does not make a person active, as a JSON line. All other events are intentional
/// use.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "exposed")]
pub(super) struct ReachedLine {
    event: &'static str,
}

const INTRODUCTION: &str =
    "All days are UTC. After \"by\", - is the total, and a×b are two dimensions crossed.";

const REACHED_TEXT: &str = "\
A person is active on a day with an event of intentional use. With the following events, something was \
only shown to them or done for them. All other events, including unknown ones, are intentional use:";

/// Runs the command.
pub fn run(args: &MetricsArgs, mut stdout: impl Write, summary: &mut Summary) -> Result<Outcome, Error> {
    let lines: Vec<DefinitionLine> =
        named(args.name.as_deref())?.into_iter().map(DefinitionLine::of).collect();
    let is_all = args.name.is_none();
    match args.format {
        ListFormat::Json => {
            let mut output = LineWriter::new(stdout);
            lines.iter().try_for_each(|line| output.write(line))?;
            if is_all {
                REACHED_EVENTS.iter().try_for_each(|event| output.write(&ReachedLine { event }))?;
            }
            output.flush()?;
        }
        ListFormat::Text => {
            let mut text = format!("{INTRODUCTION}\n");
            for DefinitionLine { metric, unit, grains, by, definition, .. } in &lines {
                let (grains, by) = (grains.join(" "), by.join(", "));
                text.push_str(&format!("\n{metric}\n  {unit}; {grains}; by {by}\n  {definition}\n"));
            }
            if is_all {
                text.push_str(&format!("\n{REACHED_TEXT}\n"));
                REACHED_EVENTS.iter().for_each(|event| text.push_str(&format!("  {event}\n")));
            }
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::writing)?;
        }
    }
    summary.message(format_count(lines.len() as u64, "definition"));
    summary.field("definitions", lines.len() as u64);
    Ok(Outcome::Complete)
}

/// The metric of this name, or the metrics of the family of this name; all metrics without a name.
fn named(name: Option<&str>) -> Result<Vec<&'static Definition>, Error> {
    let Some(name) = name else { return Ok(definitions().collect()) };
    let is_named = |metric: &str| metric == name || metric.split('.').next() == Some(name);
    let found: Vec<&Definition> = definitions().filter(|definition| is_named(definition.metric)).collect();
    if found.is_empty() {
        let hint = did_you_mean(
            name,
            definitions().map(|definition| definition.metric),
            "\"duo-metrics metrics\" lists them",
        );
        return Err(Error::Usage(format!("unknown metric {name:?}; {hint}")));
    }
    Ok(found)
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
