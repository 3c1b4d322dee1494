//! `failing`: agent sessions or tool calls fail too often, or more often than usual.

use super::{Kind, Test};
use crate::base::dimensions::Dimensions;
use crate::base::severity::Severity;
use crate::base::yaml::LineError;
use crate::check::context::Context;
use crate::check::fields::Fields;
use crate::check::finding::{Finding, Judgment};
use crate::publish::answer::{Sentence, Tone, Trend};
use crate::publish::number::{Style, count, percent, period};
use crate::publish::place::Place;
use crate::publish::privacy::Line;
use crate::publish::text::{MAX_LABEL_LEN, plain};

pub(super) const KIND: Kind = Kind {
    name: "failing",
    severity: Severity::Warning,
    is_builtin: true,
    title: "Agent sessions and tool calls fail no more often than usual",
    read,
};

const SHARE: f64 = 0.3;

/// Sessions or calls below which a share says little.
const CASES: u16 = 30;

/// How many times the noise of a [`Trend`] a change must exceed, as for falls.
const TREND_FACTOR: f64 = 2.0;

/// A rate of success or failure.
struct Rate {
    metric: &'static str,
    cases: &'static str,
    counts_successes: bool,
    /// The dimension of what fails.
    dimension: &'static str,
}

const RATES: [Rate; 2] = [
    Rate {
        metric: "agents.success_rate",
        cases: "agent sessions",
        counts_successes: true,
        dimension: "flow",
    },
    Rate {
        metric: "agents.tool_failure_rate",
        cases: "tool calls",
        counts_successes: false,
        dimension: "tool",
    },
];

#[derive(Debug)]
struct Failing {
    /// The greatest share of failures.
    share: f64,
    min_cases: u64,
    /// A flow or a tool; empty: all together.
    by: Dimensions,
}

fn read(fields: &mut Fields<'_>) -> Result<Box<dyn Test>, LineError> {
    let (share, by) = (fields.share("share", SHARE)?, fields.dimensions("by")?);
    let min_cases = fields.count("min_cases", 1..=u16::MAX)?.unwrap_or(CASES).into();
    if by.len() > 1 || by.names().any(|name| RATES.iter().all(|rate| rate.dimension != name)) {
        return Err((fields.line, "by is one flow or one tool".to_owned()));
    }
    Ok(Box::new(Failing { share, min_cases, by }))
}

impl Test for Failing {
    fn judge(&self, context: &Context<'_, '_>) -> Judgment {
        let mut judgment = Judgment::default();
        for place in context.places() {
            for rate in RATES.iter().filter(|rate| self.by.is_empty() || self.by.contains(rate.dimension)) {
                let by: Vec<(&str, &str)> = self.by.iter().collect();
                let Some(line) = place.window(rate.metric, &by) else { continue };
                if line.is_suppressed {
                    judgment.add_unknown(place, rate.metric, "suppressed for privacy");
                    continue;
                }
                let finding =
                    self.above_limit(rate, line).or_else(|| self.above_usual(place, rate, line, &by));
                judgment.findings.extend(finding);
            }
        }
        judgment
    }
}

impl Failing {
    /// More failures than the limit in the last 28 days.
    fn above_limit(&self, rate: &Rate, line: &Line<'_>) -> Option<Finding> {
        let (n, of) = (line.n?.as_f64() as u64, line.of?.as_f64() as u64);
        let failed = if rate.counts_successes { of.saturating_sub(n) } else { n };
        let share = failed as f64 / of as f64;
        if of < self.min_cases || share <= self.share {
            return None;
        }
        let sentence = subject(rate, line).then(format!(
            " failed in {} of {} cases ({}, limit {}), {}",
            count(failed),
            count(of),
            percent(share),
            percent(self.share),
            period(line.period)
        ));
        Some(Finding::of_line(rate.metric, line, sentence).with_values(share, self.share))
    }

    /// More failures in the newest four weeks than in the four before.
    fn above_usual(
        &self,
        place: &Place<'_>,
        rate: &Rate,
        line: &Line<'_>,
        by: &[(&str, &str)],
    ) -> Option<Finding> {
        let change = Trend::of(place, rate.metric, by, Style::Percent).known()?;
        let failed = |share: f64| if rate.counts_successes { 1.0 - share } else { share };
        let (now, before) = (failed(change.now), failed(change.before));
        let limit = before + TREND_FACTOR * change.noise;
        if now <= limit || (line.of?.as_f64() as u64) < self.min_cases {
            return None;
        }
        let sentence = subject(rate, line).then(format!(
            " failed in {} of cases in four weeks, {} in the four before (up to {} is usual)",
            percent(now),
            percent(before),
            percent(limit)
        ));
        let days = Some((change.days.start, change.days.end));
        Some(Finding { days, ..Finding::of_line(rate.metric, line, sentence).with_values(now, limit) })
    }
}

fn subject(rate: &Rate, line: &Line<'_>) -> Sentence {
    match line.by.get(rate.dimension) {
        Some(name) => {
            Sentence::plain(format!("{} of ", rate.cases)).with(Tone::Name, plain(name, MAX_LABEL_LEN))
        }
        None => Sentence::plain(rate.cases),
    }
}
