//! Collects the steps of every session of the input and runs the session rules over them.

use std::collections::HashMap;

use super::finding::Finding;
use super::rule::{Check, Rule};
use super::session::{Session, Step};

/// All sessions of the input: some fifty bytes an event.
#[derive(Default)]
pub(super) struct Sessions {
    steps: HashMap<Box<str>, Vec<Step>, foldhash::fast::RandomState>,
}

impl Sessions {
    /// Adds an event of the session with this key, which tells instance and session.
    pub(super) fn add(&mut self, key: Box<str>, step: Step) {
        self.steps.entry(key).or_default().push(step);
    }

    /// What these rules find in the sessions, in the order of places; the order in which events came does not matter.
    pub(super) fn findings(self, rules: &[&'static Rule]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (key, mut steps) in self.steps {
            // Of events of one moment the earlier ones of a session's life come first, as the roles stand.
            steps.sort_by_key(|step| (step.at, step.role, step.place));
            let session = Session { steps: &steps };
            for rule in rules {
                let Check::Session(check) = rule.check else { continue };
                for (number, text) in check(&session) {
                    let step = &steps[number];
                    let subject = format!("{key}\0{:?}\0{}", step.role, step.at);
                    findings.push(Finding { rule, place: step.place, text, subject, event: None });
                }
            }
        }
        findings.sort_by(|a, b| (a.place, a.rule.id).cmp(&(b.place, b.rule.id)));
        findings
    }
}
