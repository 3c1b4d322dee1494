//! Output formats of findings: text, JSON lines, and GitLab's Code Quality report.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Finding, Rule, Severity};
use crate::base::paint::{Painter, Tone};
use crate::base::text::escape_controls;
use crate::publish::code_quality::{Issue, fingerprint, first_bytes};

/// A finding as a JSON line.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "finding")]
pub(crate) struct FindingLine<'a> {
    path: &'a str,
    line: u64,
    severity: Severity,
    rule: &'static str,
    event: Option<&'a str>,
    message: &'a str,
    fingerprint: String,
}

/// Computes fingerprints. They are stable across runs, even when lines move, and unique within a
/// run.
#[derive(Default)]
pub struct Fingerprints {
    /// How many findings with the same input were hashed, by the hash of the first one.
    counts: HashMap<[u8; 16], u64, foldhash::fast::RandomState>,
}

impl Fingerprints {
    fn fingerprint(&mut self, finding: &Finding, path: &str) -> String {
        let Finding { rule, subject, text, .. } = finding;
        // The subject is better input than the message, whose wording changes between releases.
        let identity = if subject.is_empty() { text } else { subject };
        let digest = |count: u64| {
            let hash = Sha256::new()
                .chain_update(rule.id)
                .chain_update([0])
                .chain_update(path)
                .chain_update([0])
                .chain_update(identity)
                .chain_update(count.to_be_bytes());
            first_bytes(hash)
        };
        let count = self.counts.entry(digest(0)).or_default();
        let digest = digest(*count);
        *count += 1;
        fingerprint(&digest)
    }
}

/// A finding as a line of text: `path:line: severity: event: message [rule]`.
pub fn text_line(finding: &Finding, path: &str, painter: Painter) -> String {
    let Finding { rule, location, text, event, .. } = finding;
    let event = event.as_ref().map_or_else(String::new, |event| format!("{event}: "));
    let place = format!("{path}:{}:", location.line);
    let tone = match rule.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warning,
        Severity::Info => Tone::Faint,
    };
    let severity = format!("{}:", rule.severity);
    format!(
        "{} {} {} {}\n",
        escape_controls(&place),
        painter.paint(tone, &severity),
        escape_controls(&format!("{event}{text}")),
        painter.paint(Tone::Faint, &format!("[{}]", rule.id))
    )
}

/// A finding as a JSON line.
pub fn json_line<'a>(
    finding: &'a Finding,
    path: &'a str,
    fingerprints: &mut Fingerprints,
) -> impl Serialize + use<'a> {
    FindingLine {
        path,
        line: finding.location.line,
        severity: finding.rule.severity,
        rule: finding.rule.id,
        event: finding.event.as_deref(),
        message: &finding.text,
        fingerprint: fingerprints.fingerprint(finding, path),
    }
}

/// A finding as an issue of a Code Quality report.
pub fn code_quality_issue<'a>(
    finding: &'a Finding,
    path: &'a str,
    fingerprints: &mut Fingerprints,
) -> impl Serialize + use<'a> {
    let event = finding.event.as_ref().map_or_else(String::new, |event| format!("{event}: "));
    Issue::new(
        format!("{event}{}", finding.text),
        finding.rule.id,
        fingerprints.fingerprint(finding, path),
        finding.rule.severity,
        (path, finding.location.line),
    )
}

/// A rule as a JSON line.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "rule")]
pub(crate) struct RuleLine {
    rule: &'static str,
    severity: Severity,
    profiles: Vec<&'static str>,
    title: &'static str,
    explanation: &'static str,
}

/// A rule as a JSON line, for `lint --list`.
pub fn rule_json(rule: &Rule) -> impl Serialize + use<> {
    RuleLine {
        rule: rule.id,
        severity: rule.severity,
        profiles: rule.profiles.iter().map(|profile| profile.as_str()).collect(),
        title: rule.title,
        explanation: rule.explanation,
    }
}

/// A rule with its explanation and examples, as text.
pub fn explanation(rule: &Rule) -> String {
    let Rule { id, severity, profiles, title, explanation, passes, fails, .. } = rule;
    let profiles: Vec<&str> = profiles.iter().map(|profile| profile.as_str()).collect();
    let example = |heading: &str, example: &super::Example| {
        let definition = example
            .definition
            .map_or_else(String::new, |(file, text)| format!("\n{file}\n{}", indented(text)));
        format!("\n{heading}\n\n{}\n{}{definition}", example.file, indented(example.text))
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
