//! Lint: what is wrong with the instrumentation of Duo events, told by rules.
//!
//! Events of any source are held against the rules of single events, one at a time and on any thread; what needs to see
//! several of them (ids, sessions) goes through one [`Stream`]. Event definitions are held against theirs.

mod context;
mod definition;
mod facts;
mod finding;
mod names;
mod place;
mod quote;
pub mod report;
mod rule;
mod rules;
mod sample;
mod session;
mod sessions;
mod yaml;

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

pub use context::Context;
pub use definition::Definition;
pub use facts::Definitions;
pub use finding::Finding;
pub use place::Place;
pub use rule::{Check, Example, Profile, Rule, Severity};
pub use rules::RULES;
pub use sample::{Shape, sample};

use crate::normalize::sources::{Form, Observed};
use facts::Facts;
use names::Names;
use quote::shown;
use rule::EventCheck;
use session::Step;
use sessions::Sessions;

/// The rule of this name.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// The rule for lines that cannot be read.
const UNREADABLE: &str = "unreadable";

/// The rule for definitions that cannot be read.
const DEFINITION_SYNTAX: &str = "definition-syntax";

/// The rule for events that are there twice.
const DUPLICATE: &str = "duplicate-event";

/// The rules that hold in a profile.
fn rules_of(profile: Profile) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.profiles.contains(&profile))
}

/// Holds single events against the rules. Each thread has its own.
pub struct EventLinter<'a> {
    definitions: &'a Definitions,
    names: Names,
    checks: Vec<(&'static Rule, EventCheck)>,
}

/// What an event is to the events around it.
#[derive(Debug)]
pub struct Trace {
    /// A number for its id, where it has one.
    id: Option<u128>,
    /// Its session, and what it does to it.
    step: Option<(Box<str>, Step)>,
    place: Place,
    /// Whether it is told twice by nature: a log notes a call, and the event of that call.
    is_told_twice: bool,
    event: String,
    subject: String,
}

/// Holds what needs several events: their ids and their sessions. Events may come in any order.
pub struct Stream {
    rules: Vec<&'static Rule>,
    seen: HashMap<u128, Place, foldhash::fast::RandomState>,
    sessions: Sessions,
}

impl<'a> EventLinter<'a> {
    /// A linter that follows this guide and knows these definitions.
    pub fn new(profile: Profile, definitions: &'a Definitions) -> EventLinter<'a> {
        let checks = rules_of(profile).filter_map(|rule| match rule.check {
            Check::Event(check) => Some((rule, check)),
            _ => None,
        });
        EventLinter { definitions, names: Names::default(), checks: checks.collect() }
    }

    /// Adds what is wrong with an event, and returns what it is to those around it.
    pub fn lint(&mut self, told: &Observed, place: Place, findings: &mut Vec<Finding>) -> Trace {
        let name = told.event.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
        let meaning = self.names.meaning(&name);
        let definition = self.definitions.get(&name);
        let facts = Facts { told, name: &name, meaning, definition };
        let moment = facts.moment();
        let session = facts.session();
        let id = told.event_id.as_deref().filter(|id| !id.is_empty());
        let subject = match id {
            Some(id) => id.to_owned(),
            None => {
                let time = told.timestamp.as_deref().unwrap_or_default();
                format!("{name}\0{time}\0{}", session.as_deref().unwrap_or_default())
            }
        };
        let event = shown(told.event.as_deref().unwrap_or_default());
        for (rule, check) in &self.checks {
            if let Some(text) = check(&facts) {
                let event = Some(event.clone()).filter(|event| !event.is_empty());
                findings.push(Finding { rule, place, text, event, subject: subject.clone() });
            }
        }
        let numbered = |id: String| FixedState::with_seed(1).hash_one(id).max(1);
        let users = facts.users().map(|id| id.map_or(0, numbered));
        let step = moment.zip(session).map(|(at, session)| {
            let key = format!("{}\0{session}", facts.instance()).into_boxed_str();
            (key, Step { at: at.unix_milliseconds(), role: meaning.role, place, users })
        });
        // Twice 64 bits: among any number of events that memory can hold, no two ids share them.
        let number = |id: &str| {
            let half = |seed| u128::from(FixedState::with_seed(seed).hash_one(id));
            half(2) << 64 | half(3)
        };
        let is_told_twice = told.form == Some(Form::ServiceLog) && meaning.is_token_usage();
        Trace { id: id.map(number), step, place, is_told_twice, event, subject }
    }
}

impl Stream {
    /// Nothing yet, following this guide.
    pub fn new(profile: Profile) -> Stream {
        Stream { rules: rules_of(profile).collect(), seen: HashMap::default(), sessions: Sessions::default() }
    }

    /// Takes an event; one that was there before is told, and is no part of its session.
    pub fn take(&mut self, trace: Trace, file_of: impl Fn(Place) -> String) -> Option<Finding> {
        let Trace { id, step, place, is_told_twice, event, subject } = trace;
        if let Some(id) = id {
            if let Some(earlier) = self.seen.get(&id) {
                if is_told_twice {
                    return None;
                }
                let text =
                    format!("the same event_id as in {}:{}; it counts once", file_of(*earlier), earlier.line);
                let rule = self.rules.iter().find(|rule| rule.id == DUPLICATE)?;
                return Some(Finding { rule, place, text, event: Some(event), subject });
            }
            self.seen.insert(id, place);
        }
        if let Some((key, step)) = step {
            self.sessions.add(key, step);
        }
        None
    }

    /// What is wrong with the sessions, in the order of places.
    pub fn finish(self) -> Vec<Finding> {
        self.sessions.findings(&self.rules)
    }
}

/// What to say of a line that cannot be read.
pub fn unreadable(place: Place, reason: &str) -> Finding {
    finding(UNREADABLE, place, reason.to_owned())
}

/// Reads a definition and adds what is wrong with it. `None` when it cannot be read.
pub fn lint_definition(
    profile: Profile,
    path: &str,
    text: &str,
    file: u32,
    findings: &mut Vec<Finding>,
) -> Option<Definition> {
    let place = |line: usize| Place { file, line: line as u64 };
    let definition = match Definition::parse(path, text) {
        Ok(definition) => definition,
        Err((line, reason)) => {
            findings.push(finding(DEFINITION_SYNTAX, place(line.max(1)), reason));
            return None;
        }
    };
    let start = findings.len();
    for rule in rules_of(profile) {
        let Check::Definition(check) = rule.check else { continue };
        for (line, text) in check(&definition) {
            let event = definition.action().map(shown);
            findings.push(Finding { rule, place: place(line), text, event, subject: String::new() });
        }
    }
    findings[start..].sort_by_key(|finding| finding.place.line);
    Some(definition)
}

fn finding(id: &'static str, place: Place, text: String) -> Finding {
    // The names are those of rules: a test holds them to it.
    let rule = rule(id).unwrap_or(&RULES[0]);
    Finding { rule, place, text, event: None, subject: String::new() }
}

#[cfg(test)]
mod tests;
