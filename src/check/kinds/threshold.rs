//! `threshold`: a metric is above or below a number.

use super::{Kind, Test};
use crate::aggregate::metrics::{Definition, Unit};
use crate::base::calendar::Grain;
use crate::base::dimensions::Dimensions;
use crate::base::severity::Severity;
use crate::base::yaml::LineError;
use crate::check::context::Context;
use crate::check::fields::{Fields, require_split};
use crate::check::finding::{Finding, Judgment};
use crate::model::metric::Population;
use crate::publish::answer::{Sentence, Tone};
use crate::publish::number::{Style, period, reason};
use crate::publish::text::{MAX_LABEL_LEN, plain};

pub(super) const KIND: Kind = Kind {
    name: "threshold",
    severity: Severity::Warning,
    is_builtin: false,
    title: "A metric is within its limits",
    read,
};

/// The grains of a rule that names none: the first one that the metric has.
const GRAINS: [Grain; 4] = [Grain::Window, Grain::Month, Grain::Week, Grain::Day];

#[derive(Debug)]
struct Threshold {
    definition: &'static Definition,
    grain: Grain,
    by: Dimensions,
    population: Option<Population>,
    above: Option<f64>,
    below: Option<f64>,
}

fn read(fields: &mut Fields<'_>) -> Result<Box<dyn Test>, LineError> {
    let metric = fields.text("metric")?.ok_or_else(|| (fields.line, "metric is missing".to_owned()))?;
    let definition = Fields::definition(metric)?;
    let by = fields.dimensions("by")?;
    require_split(definition, &by, metric.0)?;
    let has_it = |grain: &Grain| definition.grains.contains(grain);
    let grain = match fields.text("grain")? {
        Some((line, text)) => {
            GRAINS.into_iter().filter(has_it).find(|grain| grain.to_string() == text).ok_or_else(|| {
                let grains: Vec<String> = definition.grains.iter().map(Grain::to_string).collect();
                (line, format!("{} has the grains {}", definition.metric, grains.join(", ")))
            })?
        }
        None => GRAINS.into_iter().find(has_it).unwrap_or(Grain::Window),
    };
    let population = match fields.text("population")? {
        None => None,
        Some((_, "people")) => Some(Population::People),
        Some((_, "seat_holders")) => Some(Population::SeatHolders),
        Some((line, _)) => return Err((line, "population is people or seat_holders".to_owned())),
    };
    let (above, below) = (fields.number("above")?, fields.number("below")?);
    if above.is_none() && below.is_none() {
        return Err((fields.line, "above or below is missing: the number that is the limit".to_owned()));
    }
    Ok(Box::new(Threshold { definition, grain, by, population, above, below }))
}

impl Test for Threshold {
    /// The newest complete period counts.
    fn judge(&self, context: &Context<'_, '_>) -> Judgment {
        let mut judgment = Judgment::default();
        let metric = self.definition.metric;
        let by: Vec<(&str, &str)> = self.by.iter().collect();
        for place in context.places() {
            let lines = place.series(metric, self.grain, &by);
            let is_counted = |population: Option<Population>| match self.population {
                None => population.is_none_or(|population| population == Population::People),
                wanted => population == wanted,
            };
            let complete = lines.iter().filter(|line| line.coverage >= 1.0 && is_counted(line.population));
            let Some(line) = complete.max_by_key(|line| line.period.end) else {
                let why = if lines.is_empty() { "no data" } else { "no complete period" };
                judgment.add_unknown(place, metric, why);
                continue;
            };
            let Some(value) = line.value.map(|value| value.as_f64()) else {
                let why = if line.is_suppressed { "suppressed for privacy" } else { reason(line.reason) };
                judgment.add_unknown(place, metric, why);
                continue;
            };
            let above = self.above.filter(|limit| value > *limit).map(|limit| ("above", limit));
            let below = self.below.filter(|limit| value < *limit).map(|limit| ("below", limit));
            let Some((side, limit)) = above.or(below) else { continue };
            let style = match self.definition.unit {
                Unit::Share(_) => Style::Percent,
                Unit::Seconds => Style::Duration,
                _ => Style::Plain,
            };
            let by: String =
                by.iter().map(|(key, value)| format!(", {key} {}", plain(value, MAX_LABEL_LEN))).collect();
            let sentence = Sentence::default().with(Tone::Name, format!("{metric}{by}")).then(format!(
                " is {}, {side} {}, {}",
                style.text(value),
                style.text(limit),
                period(line.period)
            ));
            judgment.findings.push(Finding::of_line(metric, line, sentence).with_values(value, limit));
        }
        judgment
    }
}
