//! Each rule passes what it has to pass and finds what it has to find, and nothing else does.

use std::collections::BTreeSet;

use super::*;
use crate::events::catalog::entries;
use crate::normalize::sources::{Found, find};

/// Lints the text of an example, and returns rule and line of each finding.
fn lint(profile: Profile, file: &str, text: &str, beside: Option<(&str, &str)>) -> Vec<(&'static str, u64)> {
    let mut findings = Vec::new();
    let mut definitions = Definitions::new();
    if let Some((path, text)) = beside {
        let definition = lint_definition(profile, path, text, 0, &mut findings).expect("it can be read");
        definitions.insert(definition.action().expect("a name").to_owned(), definition);
    }
    match file.ends_with(".yml") {
        true => drop(lint_definition(profile, file, text, 0, &mut findings)),
        false => findings.extend(lint_events(profile, text, &definitions)),
    }
    findings.iter().map(|finding| (finding.rule.id, finding.place.line)).collect()
}

fn lint_events(profile: Profile, text: &str, definitions: &Definitions) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut linter = EventLinter::new(profile, definitions);
    let mut stream = Stream::new(profile);
    for (line, number) in text.lines().zip(1..) {
        let place = Place { file: 0, line: number };
        let Found::Events { events, .. } = find(line, None) else { panic!("no event: {line}") };
        for event in events {
            match event {
                Ok(event) => {
                    let trace = linter.lint(&event, place, &mut findings);
                    findings.extend(stream.take(trace, |_| "events.jsonl".to_owned()));
                }
                Err(reason) => findings.push(unreadable(place, &reason)),
            }
        }
    }
    findings.extend(stream.finish());
    findings
}

#[test]
fn the_passing_example_of_each_rule_passes_and_the_failing_one_fails_by_that_rule_alone() {
    for rule in RULES {
        for profile in rule.profiles {
            let Example { file, text, beside } = rule.passes;
            assert_eq!(lint(*profile, file, text, beside), [], "{} passes", rule.id);
            let Example { file, text, beside } = rule.fails;
            let found = lint(*profile, file, text, beside);
            let ids: BTreeSet<&str> = found.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids, BTreeSet::from([rule.id]), "{} fails: {found:?}", rule.id);
        }
    }
}

#[test]
fn rules_are_named_once_in_one_way_and_say_something() {
    let mut ids = BTreeSet::new();
    for rule in RULES {
        assert!(ids.insert(rule.id), "{}", rule.id);
        assert!(rule.id.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()), "{}", rule.id);
        assert!(rule.explanation.len() > 60 && rule.explanation.ends_with('.'), "{}", rule.id);
        assert!(!rule.title.ends_with('.') && !rule.profiles.is_empty(), "{}", rule.id);
    }
    for id in [UNREADABLE, DEFINITION_SYNTAX, DUPLICATE] {
        assert!(rule(id).is_some(), "{id}");
    }
}

#[test]
fn a_sample_of_each_event_has_no_finding() {
    for profile in [Profile::Guide, Profile::AiContext] {
        for shape in [Shape::Guide, Shape::Snowplow] {
            for entry in entries() {
                let text = sample(entry, profile, shape).to_string();
                let findings = lint_events(profile, &text, &Definitions::new());
                // A session that has only its end begins before the file.
                let found: Vec<&str> = findings
                    .iter()
                    .map(|finding| finding.rule.id)
                    .filter(|id| !["success-without-start", "finish-without-start"].contains(id))
                    .collect();
                assert_eq!(found, Vec::<&str>::new(), "{} {profile:?} {shape:?}: {findings:?}", entry.name);
            }
        }
    }
}
