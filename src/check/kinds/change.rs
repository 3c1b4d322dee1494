//! `fall` and `rise`: a metric changed by more than its usual noise.
//!
//! Totals of counts are judged by day ([`DailyChange`]). Rates and values of a dimension, which are
//! not published by day, are judged by week ([`Trend`]).

use super::{Kind, Test};
use crate::aggregate::metrics::{Definition, Unit};
use crate::base::calendar::{Day, Grain};
use crate::base::dimensions::Dimensions;
use crate::base::severity::Severity;
use crate::base::yaml::LineError;
use crate::check::context::Context;
use crate::check::daily::{DailyChange, MIN_EVIDENCE, MIN_USUAL, NEWEST};
use crate::check::fields::{Fields, require_split};
use crate::check::finding::{Finding, Judgment};
use crate::model::number::Number;
use crate::publish::answer::{Sentence, Tone, Trend};
use crate::publish::number::{Style, counted, level, long_day, percent};
use crate::publish::place::Place;
use crate::publish::text::{MAX_LABEL_LEN, plain};

pub(super) const FALL: Kind = Kind {
    name: "fall",
    severity: Severity::Warning,
    is_builtin: true,
    title: "No metric fell below its usual noise",
    read: |fields| read(fields, Direction::Fall),
};

pub(super) const RISE: Kind = Kind {
    name: "rise",
    severity: Severity::Info,
    is_builtin: false,
    title: "No metric rose above its usual noise",
    read: |fields| read(fields, Direction::Rise),
};

/// The metrics of a rule that names none: who is active, and the main activity.
const METRICS: [&str; 4] = ["users.active", "events.count", "code_suggestions.shown", "chat.messages"];

/// The smallest change that is worth a finding.
const SHARE: f64 = 0.1;

/// How many times the noise of a [`Trend`], which is of two standard deviations, a change must exceed.
const TREND_FACTOR: f64 = 2.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Fall,
    Rise,
}

#[derive(Debug)]
struct Change {
    direction: Direction,
    metrics: Vec<&'static Definition>,
    /// Whether the file names the metrics: then it is reported if there is no data.
    is_named: bool,
    by: Dimensions,
    share: f64,
}

fn read(fields: &mut Fields<'_>, direction: Direction) -> Result<Box<dyn Test>, LineError> {
    let named = fields.texts("metrics")?;
    let by = fields.dimensions("by")?;
    let share = fields.share("share", SHARE)?;
    let is_named = named.is_some();
    let names = named.unwrap_or_else(|| METRICS.map(|name| (fields.line, name)).to_vec());
    let mut metrics = Vec::with_capacity(names.len());
    for (line, name) in names {
        let definition = Fields::definition((line, name))?;
        require_split(definition, &by, line)?;
        metrics.push(definition);
    }
    Ok(Box::new(Change { direction, metrics, is_named, by, share }))
}

/// A change beyond the noise.
struct Found {
    metric: &'static str,
    style: Style,
    now: f64,
    usual: f64,
    change: f64,
    /// How clear it is, in standard errors.
    evidence: f64,
    days: (Day, Day),
    by_week: bool,
}

impl Test for Change {
    /// One finding a place at most: what lowers one metric mostly lowers all.
    fn judge(&self, context: &Context<'_, '_>) -> Judgment {
        let mut judgment = Judgment::default();
        for place in context.places() {
            let mut found = Vec::new();
            for definition in &self.metrics {
                match self.compare(context, place, definition) {
                    Ok(change) => found.extend(change),
                    Err(None) if !self.is_named => {}
                    Err(why) => {
                        judgment.add_unknown(
                            place,
                            definition.metric,
                            &why.unwrap_or_else(|| "no data".to_owned()),
                        );
                    }
                }
            }
            found.sort_by(|one, other| other.evidence.abs().total_cmp(&one.evidence.abs()));
            let instance = place.lines().next().map_or("", |line| line.instance);
            judgment.findings.extend(self.finding(instance, place.scope(), &found));
        }
        judgment
    }
}

impl Change {
    /// The change of a metric, if it is beyond the noise. The error is why it cannot be judged; `None`
    /// if there is no line.
    fn compare(
        &self,
        context: &Context<'_, '_>,
        place: &Place<'_>,
        definition: &'static Definition,
    ) -> Result<Option<Found>, Option<String>> {
        let is_count = !matches!(definition.unit, Unit::Share(_) | Unit::PerPerson(_) | Unit::Seconds);
        let by_day = is_count && self.by.is_empty() && definition.grains.contains(&Grain::Day);
        let found = if by_day {
            by_days(context, place, definition.metric)?
        } else {
            self.by_weeks(place, definition)?
        };
        let is_wanted = match self.direction {
            Direction::Fall => found.change <= -self.share,
            Direction::Rise => found.change >= self.share,
        };
        Ok(Some(found).filter(|found| is_wanted && found.evidence.abs() >= MIN_EVIDENCE))
    }

    fn by_weeks(&self, place: &Place<'_>, definition: &'static Definition) -> Result<Found, Option<String>> {
        let by: Vec<(&str, &str)> = self.by.iter().collect();
        let style = match definition.unit {
            Unit::Share(_) => Style::Percent,
            Unit::Seconds => Style::Duration,
            _ => Style::Plain,
        };
        let change = match Trend::of(place, definition.metric, &by, style) {
            Trend::Known(change) => change,
            Trend::NoData => return Err(None),
            Trend::Suppressed => return Err(Some("suppressed for privacy".to_owned())),
            Trend::TooShort(weeks) => {
                return Err(Some(format!("it takes eight complete weeks, and there are {weeks}")));
            }
        };
        if change.before == 0.0 {
            return Err(Some("it was 0 before".to_owned()));
        }
        let difference = change.now - change.before;
        Ok(Found {
            metric: definition.metric,
            style,
            now: change.now,
            usual: change.before,
            change: difference / change.before,
            // On the scale of the days: a change of the required size has exactly enough evidence.
            evidence: MIN_EVIDENCE * difference / (TREND_FACTOR * change.noise).max(f64::MIN_POSITIVE),
            days: (change.days.start, change.days.end),
            by_week: true,
        })
    }

    fn finding(&self, instance: &str, scope: &str, found: &[Found]) -> Option<Finding> {
        let strongest = found.first()?;
        let mut sentence = Sentence::default();
        for (at, found) in found.iter().enumerate() {
            let verb = if found.change < 0.0 { "fell" } else { "rose" };
            let text = |value: f64| match found.style {
                Style::Plain => level(value),
                style => style.text(value),
            };
            let each = match (found.style, found.by_week) {
                (Style::Plain, true) => " a week",
                (Style::Plain, false) => " a working day",
                _ => "",
            };
            let before = if found.by_week { "in the four weeks before" } else { "usual" };
            let separator = if at == 0 { "" } else { "; " };
            let by: String = self
                .by
                .iter()
                .map(|(key, value)| format!(", {key} {}", plain(value, MAX_LABEL_LEN)))
                .collect();
            sentence =
                sentence.then(separator).with(Tone::Name, format!("{}{by}", found.metric)).then(format!(
                    " {verb} by {} to {}{each} ({} {before})",
                    percent(found.change.abs()),
                    text(found.now),
                    text(found.usual)
                ));
        }
        let (first, last) = strongest.days;
        let span = if strongest.by_week { "the four weeks" } else { "the five working days" };
        let sentence = sentence.then(format!(", over {span} from {} to {}", long_day(first), long_day(last)));
        Some(Finding {
            metric: Some(strongest.metric),
            by: self.by.clone(),
            days: Some(strongest.days),
            value: Some(strongest.change),
            limit: Some(if strongest.change < 0.0 { -self.share } else { self.share }),
            ..Finding::new(instance, scope, sentence)
        })
    }
}

/// The newest working days of a total.
fn by_days(
    context: &Context<'_, '_>,
    place: &Place<'_>,
    metric: &'static str,
) -> Result<Found, Option<String>> {
    let lines = place.series(metric, Grain::Day, &[]);
    if lines.is_empty() {
        return Err(None);
    }
    let is_comparable = |day: &Day| !context.holidays.contains(day);
    let known: Vec<(Day, f64)> = lines
        .iter()
        .filter(|line| line.coverage >= 1.0)
        .filter_map(|line| Some((line.period.start, line.value.map(Number::as_f64)?)))
        .filter(|(day, _)| is_comparable(day))
        .collect();
    let change = DailyChange::of(&known).map_err(|days| {
        let needed = counted(MIN_USUAL as u64, "working day", "working days");
        Some(format!(
            "it takes {needed} before the newest {NEWEST}, without gaps of a week, and {days} are known"
        ))
    })?;
    Ok(Found {
        metric,
        style: Style::Plain,
        now: change.now,
        usual: change.usual,
        change: change.change,
        evidence: change.evidence,
        days: change.days,
        by_week: false,
    })
}
