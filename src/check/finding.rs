//! What a rule found.

use crate::base::calendar::Day;
use crate::base::dimensions::Dimensions;
use crate::publish::answer::{Sentence, Tone};
use crate::publish::place::{Place, scope_name};
use crate::publish::privacy::Line;

/// A limit that the data exceeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The GitLab instance.
    pub instance: String,
    /// The group path, or the union or instance, as in metric lines.
    pub scope: String,
    /// The metric, if the finding is about one.
    pub metric: Option<&'static str>,
    /// Its dimensions.
    pub by: Dimensions,
    /// What else distinguishes the findings of one rule, for example the collector; mostly empty.
    pub subject: String,
    /// The first and the last day that the finding rests on.
    pub days: Option<(Day, Day)>,
    /// The value, in the unit of the limit.
    pub value: Option<f64>,
    /// The limit.
    pub limit: Option<f64>,
    /// The finding, and what to do. What a server named is a [`Tone::Name`].
    pub sentence: Sentence,
}

/// What a rule found, and what it could not judge.
#[derive(Debug, Default, PartialEq)]
pub struct Judgment {
    /// The findings.
    pub findings: Vec<Finding>,
    /// What could not be judged, and why, one line each.
    pub unknown: Vec<String>,
}

impl Finding {
    /// A finding about a group without further details.
    pub(super) fn new(instance: &str, scope: &str, sentence: Sentence) -> Finding {
        Finding {
            instance: instance.to_owned(),
            scope: scope.to_owned(),
            metric: None,
            by: Dimensions::default(),
            subject: String::new(),
            days: None,
            value: None,
            limit: None,
            sentence,
        }
    }

    /// A finding about a metric line.
    pub(super) fn of_line(metric: &'static str, line: &Line<'_>, sentence: Sentence) -> Finding {
        Finding {
            metric: Some(metric),
            by: line.by.clone(),
            days: Some((line.period.start, line.period.end)),
            ..Finding::new(line.instance, line.scope, sentence)
        }
    }

    /// Sets the value and its limit.
    pub(super) fn with_values(self, value: f64, limit: f64) -> Finding {
        Finding { value: Some(value), limit: Some(limit), ..self }
    }

    /// The finding with its group before it.
    pub fn headline(&self) -> Sentence {
        let scope = Sentence::default().with(Tone::Name, scope_name(&self.scope)).then(": ");
        Sentence { parts: scope.parts.into_iter().chain(self.sentence.parts.iter().cloned()).collect() }
    }
}

impl Judgment {
    /// Adds what could not be judged in a place.
    pub(super) fn add_unknown(&mut self, place: &Place<'_>, what: &str, why: &str) {
        self.unknown.push(format!("{}: {what}: {why}", place.name()));
    }
}
