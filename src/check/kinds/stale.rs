//! `stale`: the newest complete day is too old, so the pipeline does not run or does not collect.

use std::collections::BTreeMap;

use super::{Kind, Test};
use crate::base::calendar::Day;
use crate::base::severity::Severity;
use crate::base::yaml::LineError;
use crate::check::context::Context;
use crate::check::fields::Fields;
use crate::check::finding::{Finding, Judgment};
use crate::model::coverage::{Coverage, Status};
use crate::publish::answer::Sentence;
use crate::publish::completeness::{is_core, topic_of};
use crate::publish::number::{count, counted, long_day};

pub(super) const KIND: Kind = Kind {
    name: "stale",
    severity: Severity::Error,
    is_builtin: true,
    title: "The newest complete day is recent",
    read,
};

/// A daily run has yesterday. Two runs can fail before anybody has to act.
const DAYS: u16 = 3;

#[derive(Debug)]
struct Stale {
    /// The greatest age of the newest complete day.
    days: i64,
}

fn read(fields: &mut Fields<'_>) -> Result<Box<dyn Test>, LineError> {
    Ok(Box::new(Stale { days: fields.count("days", 1..=366)?.unwrap_or(DAYS).into() }))
}

impl Test for Stale {
    fn judge(&self, context: &Context<'_, '_>) -> Judgment {
        let mut found = Judgment::default();
        let mut newest: BTreeMap<(&str, &str, _), Option<&Coverage>> = BTreeMap::new();
        let counts = |line: &&Coverage| {
            (is_core(&line.collector) || line.is_imported()) && context.includes_group(&line.scope)
        };
        for line in context.input.coverage.iter().filter(counts) {
            let key = (line.instance.as_str(), line.scope.as_str(), topic_of(&line.collector));
            let newest = newest.entry(key).or_default();
            let is_known = line.status == Status::Complete || line.is_imported();
            if is_known && newest.is_none_or(|newest| newest.day < line.day) {
                *newest = Some(line);
            }
        }
        if newest.is_empty() {
            found
                .unknown
                .push("the age of the data: there is no coverage line of a core collector".to_owned());
        }
        for ((instance, scope, topic), newest) in newest {
            let Some(line) = newest else {
                let sentence =
                    Sentence::plain(format!("no day of {} data is complete; {NEXT_STEP}", topic.as_str()));
                let subject = topic.as_str().to_owned();
                found.findings.push(Finding { subject, ..Finding::new(instance, scope, sentence) });
                continue;
            };
            let age = context.input.today.days_since(line.day);
            if age > self.days {
                found.findings.push(Finding {
                    subject: topic.as_str().to_owned(),
                    days: Some((line.day, line.day)),
                    ..Finding::new(instance, scope, self.sentence(topic.as_str(), line.day, age))
                        .with_values(age as f64, self.days as f64)
                });
            }
        }
        found
    }
}

const NEXT_STEP: &str = "check the schedule and the last pipelines, or run \"duo-metrics doctor\"";

impl Stale {
    fn sentence(&self, topic: &str, day: Day, age: i64) -> Sentence {
        let (age, limit) = (counted(age as u64, "day", "days"), count(self.days as u64));
        let day = long_day(day);
        Sentence::plain(format!(
            "the newest complete day of {topic} data, {day}, is {age} old (limit {limit}); {NEXT_STEP}"
        ))
    }
}
