//! `missing_data`: days of core collectors are missing, a history got shorter, or events differ from
//! GitLab's own counts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Test};
use crate::aggregate::metrics::reconcile::METRIC;
use crate::base::calendar::{Day, Grain, WINDOW_DAYS};
use crate::base::severity::Severity;
use crate::base::yaml::LineError;
use crate::check::context::Context;
use crate::check::fields::Fields;
use crate::check::finding::{Finding, Judgment};
use crate::model::coverage::{Coverage, Status};
use crate::model::scope::ALL_SCOPES;
use crate::model::topic::Topic;
use crate::publish::answer::{Sentence, Tone};
use crate::publish::completeness::{Completeness, is_core};
use crate::publish::gaps::{best, published_reason};
use crate::publish::number::{count, counted, long_day, percent, remedy};
use crate::publish::privacy::Line;
use crate::publish::text::{MAX_LABEL_LEN, plain};

pub(super) const KIND: Kind = Kind {
    name: "missing_data",
    severity: Severity::Warning,
    is_builtin: true,
    title: "No day is missing, and the events are those that GitLab counts",
    read,
};

/// Up to two of the last 28 days can be missing: the next runs fetch them again.
const SHARE: f64 = 0.9;

#[derive(Debug)]
struct MissingData {
    /// The smallest share of complete days.
    share: f64,
    /// The smallest number of days from the first to the last one; `None`: any.
    history_days: Option<i64>,
    /// Whether differences from GitLab's own counts are reported.
    differences: bool,
}

fn read(fields: &mut Fields<'_>) -> Result<Box<dyn Test>, LineError> {
    Ok(Box::new(MissingData {
        share: fields.share("share", SHARE)?,
        history_days: fields.count("history_days", 1..=3660)?.map(i64::from),
        differences: fields.switch("differences", true)?,
    }))
}

impl Test for MissingData {
    fn judge(&self, context: &Context<'_, '_>) -> Judgment {
        let mut found = Judgment::default();
        let of_group = |line: &&Coverage| context.includes_group(&line.scope);
        let coverage: Vec<&Coverage> = context.input.coverage.iter().filter(of_group).collect();
        if coverage.is_empty() {
            found.unknown.push("completeness: there is no coverage line".to_owned());
        }
        let mut groups: BTreeMap<(&str, &str), Vec<&Coverage>> = BTreeMap::new();
        for line in coverage {
            groups.entry((&line.instance, &line.scope)).or_default().push(line);
        }
        for lines in groups.into_values() {
            let topics = [Topic::Duo, Topic::Project].into_iter();
            let refused: BTreeSet<&str> = topics
                .flat_map(|topic| Completeness::of(topic, lines.iter().copied()).refused.into_keys())
                .collect();
            let is_required = |line: &&Coverage| {
                is_core(&line.collector)
                    && !refused.contains(line.collector.as_str())
                    && line.status != Status::Skipped
            };
            let mut collectors: BTreeMap<&str, Vec<&Coverage>> = BTreeMap::new();
            for line in best(&lines).into_iter().filter(is_required) {
                collectors.entry(&line.collector).or_default().push(line);
            }
            for lines in collectors.into_values() {
                found.findings.extend(self.incomplete_days(&lines));
                found.findings.extend(self.short_history(&lines));
            }
        }
        found.findings.extend(self.difference(context));
        found.findings.extend(lost_history(context));
        found
    }
}

impl MissingData {
    /// The last 28 days of a collector in a group, if too few of them are complete.
    fn incomplete_days(&self, lines: &[&Coverage]) -> Option<Finding> {
        let last = lines.iter().map(|line| line.day).max()?;
        let first = last.plus(1 - WINDOW_DAYS);
        let recent: Vec<&Coverage> = lines.iter().filter(|line| line.day >= first).copied().collect();
        let is_complete = |line: &Coverage| line.status == Status::Complete && !line.shrunk;
        let complete = recent.iter().filter(|line| is_complete(line)).count();
        let share = complete as f64 / recent.len() as f64;
        let newest_gap = recent.iter().filter(|line| !is_complete(line)).max_by_key(|line| line.day)?;
        if share >= self.share {
            return None;
        }
        let (complete, all) = (count(complete as u64), counted(recent.len() as u64, "day", "days"));
        let reason = published_reason(newest_gap).map_or_else(String::new, |reason| format!(": {reason}"));
        let sentence =
            Sentence::default().with(Tone::Name, plain(&newest_gap.collector, MAX_LABEL_LEN)).then(format!(
                " has {complete} of {all} complete (limit {}); the newest gap, {}, is {}{reason}. {}",
                percent(self.share),
                long_day(newest_gap.day),
                newest_gap.status.as_str(),
                remedy(newest_gap)
            ));
        Some(Finding {
            subject: newest_gap.collector.clone(),
            days: Some((first, last)),
            ..Finding::new(&newest_gap.instance, &newest_gap.scope, sentence).with_values(share, self.share)
        })
    }

    /// The days of a collector in a group, if they span less than a history that should be there.
    fn short_history(&self, lines: &[&Coverage]) -> Option<Finding> {
        let limit = self.history_days?;
        let days = lines.iter().map(|line| line.day);
        let (first, last): (Day, Day) = (days.clone().min()?, days.max()?);
        let span = last.days_since(first) + 1;
        if span >= limit {
            return None;
        }
        let line = lines.first()?;
        let sentence =
            Sentence::default().with(Tone::Name, plain(&line.collector, MAX_LABEL_LEN)).then(format!(
                " reaches back {}, less than {}: the history was lost or not read; see --history",
                counted(span as u64, "day", "days"),
                count(limit as u64)
            ));
        Some(Finding {
            subject: format!("history of {}", line.collector),
            days: Some((first, last)),
            ..Finding::new(&line.instance, &line.scope, sentence).with_values(span as f64, limit as f64)
        })
    }

    /// Differences from GitLab's own counts without a known reason, as the page states them. The days
    /// are those that are published.
    fn difference(&self, context: &Context<'_, '_>) -> Option<Finding> {
        if !self.differences || !context.input.differs {
            return None;
        }
        let lines = context.places.iter().flat_map(|place| place.every(METRIC, Grain::Day));
        let is_unexplained =
            |line: &&&Line<'_>| line.explanation.is_none() && context.includes_group(line.scope);
        let days: BTreeSet<Day> = lines.filter(is_unexplained).map(|line| line.period.end).collect();
        let published = match days.last() {
            Some(day) => format!(
                " (published: {}, the newest {})",
                counted(days.len() as u64, "day", "days"),
                long_day(*day)
            ),
            None => String::new(),
        };
        let text = format!(
            "events differ from GitLab's own counts without a known reason{published}; fetch these days again"
        );
        let instance = context.input.coverage.first().map_or("", |line| line.instance.as_str());
        let days = days.first().copied().zip(days.last().copied());
        Some(Finding {
            days,
            subject: METRIC.to_owned(),
            ..Finding::new(instance, ALL_SCOPES, Sentence::plain(text))
        })
    }
}

/// A history that was lost in the last 28 days. Older losses are no news.
fn lost_history(context: &Context<'_, '_>) -> Option<Finding> {
    let day = context.input.loss?.day;
    if day <= context.input.today.plus(-WINDOW_DAYS) {
        return None;
    }
    let text = format!(
        "the stored history was lost before {}; of earlier days there is only what GitLab still had then",
        long_day(day)
    );
    let instance = context.input.coverage.first().map_or("", |line| line.instance.as_str());
    Some(Finding {
        subject: "lost history".to_owned(),
        days: Some((day, day)),
        ..Finding::new(instance, ALL_SCOPES, Sentence::plain(text))
    })
}
