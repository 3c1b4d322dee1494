//! Collects the steps of every session and runs the session rules over them.

use std::collections::HashMap;

use super::finding::Finding;
use super::rule::{Check, Rule};
use super::session::{SessionStep, SessionTimeline};

/// All sessions of the input: about 50 bytes per event.
#[derive(Default)]
pub(super) struct SessionIndex {
    steps: HashMap<Box<str>, Vec<SessionStep>, foldhash::fast::RandomState>,
}

impl SessionIndex {
    /// Adds an event to a session. The key contains the instance and the session id.
    pub(super) fn add(&mut self, key: Box<str>, step: SessionStep) {
        self.steps.entry(key).or_default().push(step);
    }

    /// The findings of these rules, ordered by location. The order of `add` does not matter.
    pub(super) fn findings(self, rules: &[&'static Rule]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (key, mut steps) in self.steps {
            // `Role` is ordered by the life of a session, which breaks ties of timestamps.
            steps.sort_by_key(|step| (step.at, step.role, step.location));
            let session = SessionTimeline { steps: &steps };
            for rule in rules {
                let Check::Session(check) = rule.check else { continue };
                for (index, text) in check(&session) {
                    let step = &steps[index];
                    let subject = format!("{key}\0{:?}\0{}", step.role, step.at);
                    findings.push(Finding { rule, location: step.location, text, subject, event: None });
                }
            }
        }
        findings.sort_by(|a, b| (a.location, a.rule.id).cmp(&(b.location, b.rule.id)));
        findings
    }
}
