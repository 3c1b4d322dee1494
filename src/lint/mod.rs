//! Lint: rules that check events and event definitions for instrumentation errors.
//!
//! An [`EventLinter`] checks one event at a time, on any thread. A [`StreamLinter`] checks what
//! depends on several events: their ids and their sessions. [`lint_definition`] checks a
//! definition.

mod context;
mod definition;
mod event;
mod finding;
mod location;
mod name_info;
mod quote;
pub mod report;
mod rule;
mod rules;
mod sample;
mod session;
mod session_index;

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

pub use context::Context;
pub use definition::{Definition, Definitions};
pub use finding::Finding;
pub use location::Location;
pub use rule::{Check, Example, Profile, Rule, Severity};
pub use rules::RULES;
pub use sample::{SampleFormat, sample};

use crate::normalize::sources::{Form, Observed};
use event::LintEvent;
use name_info::NameInfoCache;
use quote::sanitize;
use rule::EventCheck;
use session::SessionStep;
use session_index::SessionIndex;

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// The rule for lines that cannot be parsed.
const UNREADABLE: &str = "unreadable";

/// The rule for definitions that cannot be parsed.
const DEFINITION_SYNTAX: &str = "definition-syntax";

/// The rule for repeated event ids.
const DUPLICATE: &str = "duplicate-event";

fn rules_for(profile: Profile) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.profiles.contains(&profile))
}

/// Checks single events. Each thread has its own.
pub struct EventLinter<'a> {
    definitions: &'a Definitions,
    names: NameInfoCache,
    checks: Vec<(&'static Rule, EventCheck)>,
}

/// What [`StreamLinter`] needs to know about one event.
#[derive(Debug)]
pub struct StreamEntry {
    /// A hash of the event id, if the event has one.
    id: Option<u128>,
    /// The key of the session and the step that the event is in it.
    step: Option<(Box<str>, SessionStep)>,
    location: Location,
    /// Whether the source logs such an event twice: the service log contains both a call and the
    /// event of that call.
    is_logged_twice: bool,
    event: String,
    subject: String,
}

/// Checks event ids and sessions across all events, which can arrive in any order.
pub struct StreamLinter {
    rules: Vec<&'static Rule>,
    seen: HashMap<u128, Location, foldhash::fast::RandomState>,
    sessions: SessionIndex,
}

impl<'a> EventLinter<'a> {
    /// A linter for this profile. Events with a name in `definitions` are known events.
    pub fn new(profile: Profile, definitions: &'a Definitions) -> EventLinter<'a> {
        let checks = rules_for(profile).filter_map(|rule| match rule.check {
            Check::Event(check) => Some((rule, check)),
            _ => None,
        });
        EventLinter { definitions, names: NameInfoCache::default(), checks: checks.collect() }
    }

    /// Appends the findings of one event, and returns what [`StreamLinter::add`] needs.
    pub fn lint(
        &mut self,
        observation: &Observed,
        location: Location,
        findings: &mut Vec<Finding>,
    ) -> StreamEntry {
        let name = observation.event.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
        let info = self.names.get(&name);
        let definition = self.definitions.get(&name);
        let event = LintEvent { observation, name: &name, info, definition };
        let session = event.session_id();
        let id = observation.event_id.as_deref().filter(|id| !id.is_empty());
        let subject = match id {
            Some(id) => id.to_owned(),
            None => {
                let time = observation.timestamp.as_deref().unwrap_or_default();
                format!("{name}\0{time}\0{}", session.as_deref().unwrap_or_default())
            }
        };
        let display_name = sanitize(observation.event.as_deref().unwrap_or_default());
        for (rule, check) in &self.checks {
            if let Some(text) = check(&event) {
                let event = Some(display_name.clone()).filter(|name| !name.is_empty());
                findings.push(Finding { rule, location, text, event, subject: subject.clone() });
            }
        }
        let hash64 = |id: String| FixedState::with_seed(1).hash_one(id).max(1);
        let users = event.user_ids().map(|id| id.map_or(0, hash64));
        let step = event.timestamp().zip(session).map(|(at, session)| {
            let key = format!("{}\0{session}", event.instance()).into_boxed_str();
            (key, SessionStep { at: at.unix_milliseconds(), role: info.role, location, users })
        });
        // 128 bits: no two ids of any stream that fits into memory collide.
        let hash128 = |id: &str| {
            let half = |seed| u128::from(FixedState::with_seed(seed).hash_one(id));
            half(2) << 64 | half(3)
        };
        let is_logged_twice = observation.form == Some(Form::ServiceLog) && info.is_token_usage();
        StreamEntry { id: id.map(hash128), step, location, is_logged_twice, event: display_name, subject }
    }
}

impl StreamLinter {
    /// An empty linter for this profile.
    pub fn new(profile: Profile) -> StreamLinter {
        StreamLinter {
            rules: rules_for(profile).collect(),
            seen: HashMap::default(),
            sessions: SessionIndex::default(),
        }
    }

    /// Adds an event. A repeated id is reported, and that event is not part of its session.
    pub fn add(&mut self, entry: StreamEntry, file_of: impl Fn(Location) -> String) -> Option<Finding> {
        let StreamEntry { id, step, location, is_logged_twice, event, subject } = entry;
        if let Some(id) = id {
            if let Some(earlier) = self.seen.get(&id) {
                if is_logged_twice {
                    return None;
                }
                let text =
                    format!("the same event_id as in {}:{}; it counts once", file_of(*earlier), earlier.line);
                let rule = self.rules.iter().find(|rule| rule.id == DUPLICATE)?;
                return Some(Finding { rule, location, text, event: Some(event), subject });
            }
            self.seen.insert(id, location);
        }
        if let Some((key, step)) = step {
            self.sessions.add(key, step);
        }
        None
    }

    /// The findings of all sessions, ordered by location.
    pub fn finish(self) -> Vec<Finding> {
        self.sessions.findings(&self.rules)
    }
}

/// The finding for a line that cannot be parsed.
pub fn unreadable_line(location: Location, reason: &str) -> Finding {
    finding(UNREADABLE, location, reason.to_owned())
}

/// Parses a definition and appends its findings. `None` if it cannot be parsed.
pub fn lint_definition(
    profile: Profile,
    path: &str,
    text: &str,
    file: u32,
    findings: &mut Vec<Finding>,
) -> Option<Definition> {
    let location = |line: usize| Location { file, line: line as u64 };
    let definition = match Definition::parse(path, text) {
        Ok(definition) => definition,
        Err((line, reason)) => {
            findings.push(finding(DEFINITION_SYNTAX, location(line.max(1)), reason));
            return None;
        }
    };
    let start = findings.len();
    for rule in rules_for(profile) {
        let Check::Definition(check) = rule.check else { continue };
        for (line, text) in check(&definition) {
            let event = definition.action().map(sanitize);
            findings.push(Finding { rule, location: location(line), text, event, subject: String::new() });
        }
    }
    findings[start..].sort_by_key(|finding| finding.location.line);
    Some(definition)
}

fn finding(id: &'static str, location: Location, text: String) -> Finding {
    // A test checks that the three constants above are ids of rules.
    let rule = rule(id).unwrap_or(&RULES[0]);
    Finding { rule, location, text, event: None, subject: String::new() }
}

#[cfg(test)]
mod tests;
