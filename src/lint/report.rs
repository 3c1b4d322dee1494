//! Findings as they leave: lines for people, JSON lines, or a Code Quality report of GitLab.

use std::collections::HashMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Finding, Rule, Severity};

/// A finding as a JSON line.
#[derive(Serialize)]
#[serde(tag = "type", rename = "finding")]
struct FindingLine<'a> {
    path: &'a str,
    line: u64,
    severity: Severity,
    rule: &'static str,
    event: Option<&'a str>,
    message: &'a str,
    fingerprint: String,
}

/// A finding as GitLab's Code Quality report has it.
#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u64,
}

/// Gives each finding a fingerprint: the same in every run, also when lines move, and never twice in one.
#[derive(Default)]
pub struct Fingerprints {
    given: HashMap<[u8; 16], u64, foldhash::fast::RandomState>,
}

impl Fingerprints {
    fn of(&mut self, finding: &Finding, path: &str) -> String {
        let Finding { rule, subject, text, .. } = finding;
        // Where there is no subject the words have to do; where there is one they may change from release to release.
        let what = if subject.is_empty() { text } else { subject };
        let digest = |count: u64| {
            let hash = Sha256::new()
                .chain_update(rule.id)
                .chain_update([0])
                .chain_update(path)
                .chain_update([0])
                .chain_update(what)
                .chain_update(count.to_be_bytes());
            let mut first = [0; 16];
            first.copy_from_slice(&hash.finalize()[..16]);
            first
        };
        let count = self.given.entry(digest(0)).or_default();
        let own = digest(*count);
        *count += 1;
        own.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
}

/// A finding as a line for people.
pub fn text(finding: &Finding, path: &str) -> String {
    let Finding { rule, place, text, event, .. } = finding;
    let event = event.as_ref().map_or_else(String::new, |event| format!("{event}: "));
    format!("{path}:{}: {}: {event}{text} [{}]\n", place.line, rule.severity, rule.id)
}

/// A finding as a JSON line.
pub fn json_line<'a>(
    finding: &'a Finding,
    path: &'a str,
    fingerprints: &mut Fingerprints,
) -> impl Serialize + use<'a> {
    FindingLine {
        path,
        line: finding.place.line,
        severity: finding.rule.severity,
        rule: finding.rule.id,
        event: finding.event.as_deref(),
        message: &finding.text,
        fingerprint: fingerprints.of(finding, path),
    }
}

/// A finding as an entry of a Code Quality report. GitLab wants the path from the root of the repository, without `./`.
pub fn issue<'a>(
    finding: &'a Finding,
    path: &'a str,
    fingerprints: &mut Fingerprints,
) -> impl Serialize + use<'a> {
    let event = finding.event.as_ref().map_or_else(String::new, |event| format!("{event}: "));
    Issue {
        description: format!("{event}{}", finding.text),
        check_name: finding.rule.id,
        fingerprint: fingerprints.of(finding, path),
        severity: match finding.rule.severity {
            Severity::Info => "info",
            Severity::Warning => "minor",
            Severity::Error => "major",
        },
        location: Location {
            path: path.trim_start_matches("./"),
            lines: Lines { begin: finding.place.line },
        },
    }
}

/// A rule as a JSON line.
#[derive(Serialize)]
#[serde(tag = "type", rename = "rule")]
struct RuleLine {
    rule: &'static str,
    severity: Severity,
    profiles: Vec<&'static str>,
    title: &'static str,
    explanation: &'static str,
}

/// A rule as a JSON line.
pub fn rule_line(rule: &Rule) -> impl Serialize + use<> {
    RuleLine {
        rule: rule.id,
        severity: rule.severity,
        profiles: rule.profiles.iter().map(|profile| profile.as_str()).collect(),
        title: rule.title,
        explanation: rule.explanation,
    }
}

/// A rule in full, for people.
pub fn explained(rule: &Rule) -> String {
    let Rule { id, severity, profiles, title, explanation, passes, fails, .. } = rule;
    let profiles: Vec<&str> = profiles.iter().map(|profile| profile.as_str()).collect();
    let example = |heading: &str, example: &super::Example| {
        let beside =
            example.beside.map_or_else(String::new, |(file, text)| format!("\n{file}\n{}", indented(text)));
        format!("\n{heading}\n\n{}\n{}{beside}", example.file, indented(example.text))
    };
    format!(
        "{id} ({severity}; profile {})\n\n{title}.\n\n{explanation}\n{}{}",
        profiles.join(", "),
        example("Passes:", passes),
        example("Fails:", fails)
    )
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
