//! Runs the examples of all rules, and lints a sample of every event.

use std::collections::BTreeSet;

use super::*;
use crate::events::catalog::entries;
use crate::normalize::sources::{Found, find};

/// Lints an example, and returns the rule and line of each finding.
fn lint(profile: Profile, example: &Example) -> Vec<(&'static str, u64)> {
    let Example { file, text, definition } = *example;
    let mut findings = Vec::new();
    let mut definitions = Definitions::new();
    if let Some((path, text)) = definition {
        let definition = lint_definition(profile, path, text, 0, &mut findings).expect("valid YAML");
        definitions.insert(definition.action().expect("a name").to_owned(), definition);
    }
    if file.ends_with(".yml") {
        lint_definition(profile, file, text, 0, &mut findings);
    } else {
        findings.extend(lint_events(profile, text, &definitions));
    }
    findings.iter().map(|finding| (finding.rule.id, finding.location.line)).collect()
}

fn lint_events(profile: Profile, text: &str, definitions: &Definitions) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut linter = EventLinter::new(profile, definitions);
    let mut stream = StreamLinter::new(profile);
    for (line, number) in text.lines().zip(1..) {
        let location = Location { file: 0, line: number };
        let Found::Events { events, .. } = find(line, None) else { panic!("no event: {line}") };
        for event in events {
            match event {
                Ok(event) => {
                    let entry = linter.lint(&event, location, &mut findings);
                    findings.extend(stream.add(entry, |_| "events.jsonl".to_owned()));
                }
                Err(reason) => findings.push(unreadable_line(location, &reason)),
            }
        }
    }
    findings.extend(stream.finish());
    findings
}

#[test]
fn passing_examples_have_no_finding_and_failing_examples_violate_only_their_rule() {
    for rule in RULES {
        for profile in rule.profiles {
            assert_eq!(lint(*profile, &rule.passes), [], "{} passes", rule.id);
            let found = lint(*profile, &rule.fails);
            let ids: BTreeSet<&str> = found.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids, BTreeSet::from([rule.id]), "{} fails: {found:?}", rule.id);
        }
    }
}

#[test]
fn rules_have_unique_kebab_case_ids_and_an_explanation() {
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
        for format in [SampleFormat::Guide, SampleFormat::Snowplow] {
            for entry in entries() {
                let text = sample(entry, profile, format).to_string();
                let findings = lint_events(profile, &text, &Definitions::new());
                // A session that has only its end begins before the file.
                let found: Vec<&str> = findings
                    .iter()
                    .map(|finding| finding.rule.id)
                    .filter(|id| !["success-without-start", "finish-without-start"].contains(id))
                    .collect();
                assert_eq!(found, Vec::<&str>::new(), "{} {profile:?} {format:?}: {findings:?}", entry.name);
            }
        }
    }
}
