//! Output formats of findings.

mod junit;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Finding, Judgment, Rule};
use crate::base::calendar::Day;
use crate::base::dimensions::Dimensions;
use crate::base::severity::Severity;
use crate::base::text::{escape_controls, format_count};
use crate::publish::code_quality::{Issue, fingerprint, first_bytes};
use crate::publish::export::markdown as sentence_in_markdown;

pub use junit::junit;

/// The most findings in a chat message, which has a maximum length.
const MAX_CHAT_FINDINGS: usize = 20;

/// What a run of the rules found.
pub struct Report<'r> {
    judged: &'r [(&'r Rule, Judgment)],
    /// Whether the findings are of several instances, so that each has to name its own.
    names_instances: bool,
}

/// A finding of `check`, as a JSON line.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "alert")]
pub struct AlertLine<'a> {
    /// The name of the rule.
    rule: &'a str,
    /// The kind of the rule.
    kind: &'static str,
    /// The severity.
    severity: Severity,
    /// The GitLab, as a URL without a trailing slash.
    instance: &'a str,
    /// The group path, `/` for a whole instance, or `*` for the union.
    scope: &'a str,
    /// The metric, if the finding is about one.
    metric: Option<&'static str>,
    /// Its dimensions.
    by: &'a Dimensions,
    /// The first day that the finding rests on.
    start: Option<Day>,
    /// The last day that the finding rests on.
    end: Option<Day>,
    /// The value, in the unit of the limit.
    value: Option<f64>,
    /// The limit.
    limit: Option<f64>,
    /// The finding, and what to do.
    message: String,
    /// Stays the same while the finding lasts.
    fingerprint: String,
}

impl<'r> Report<'r> {
    /// The report of what [`check`](super::check) returned.
    pub fn new(judged: &'r [(&'r Rule, Judgment)]) -> Report<'r> {
        let findings = judged.iter().flat_map(|(_, judgment)| &judgment.findings);
        let instances: BTreeSet<&str> = findings.map(|finding| finding.instance.as_str()).collect();
        Report { judged, names_instances: instances.len() > 1 }
    }

    /// The findings, the most serious first, else in the order of the rules.
    pub fn findings(&self) -> Vec<(&'r Rule, &'r Finding)> {
        let of_rule = |(rule, judgment): &'r (&'r Rule, Judgment)| {
            judgment.findings.iter().map(move |finding| (*rule, finding))
        };
        let mut findings: Vec<_> = self.judged.iter().flat_map(of_rule).collect();
        findings.sort_by_key(|(rule, _)| std::cmp::Reverse(rule.severity));
        findings
    }

    /// The number of findings of a severity.
    pub fn count(&self, severity: Severity) -> u64 {
        self.findings().iter().filter(|(rule, _)| rule.severity == severity).count() as u64
    }

    /// `1 error, 2 warnings, 0 notes`.
    pub fn counts(&self) -> String {
        let of = |severity, unit| format_count(self.count(severity), unit);
        [of(Severity::Error, "error"), of(Severity::Warning, "warning"), of(Severity::Info, "note")]
            .join(", ")
    }

    /// A line for each finding: `severity: group: message [rule]`.
    pub fn text(&self) -> String {
        let line = |(rule, finding): (&Rule, &Finding)| {
            let line = format!("{}: {} [{}]", rule.severity, self.headline(finding), rule.name);
            escape_controls(&line).into_owned() + "\n"
        };
        self.findings().into_iter().map(line).collect()
    }

    /// The findings as JSON lines.
    pub fn json_lines(&self) -> impl Iterator<Item = AlertLine<'r>> {
        self.findings().into_iter().map(|(rule, finding)| AlertLine {
            rule: &rule.name,
            kind: rule.kind.name,
            severity: rule.severity,
            instance: &finding.instance,
            scope: &finding.scope,
            metric: finding.metric,
            by: &finding.by,
            start: finding.days.map(|(start, _)| start),
            end: finding.days.map(|(_, end)| end),
            value: finding.value,
            limit: finding.limit,
            message: finding.sentence.text(),
            fingerprint: fingerprint_of(rule, finding),
        })
    }

    /// The findings as issues of a Code Quality report, at the line of their rule in the file of this
    /// path.
    pub fn code_quality<'p>(&self, path: &'p str) -> Vec<Issue<'p>>
    where
        'r: 'p,
    {
        let issue = |(rule, finding): (&'r Rule, &'r Finding)| {
            let line = rule.line.max(1) as u64;
            let fingerprint = fingerprint_of(rule, finding);
            Issue::new(self.headline(finding), &rule.name, fingerprint, rule.severity, (path, line))
        };
        self.findings().into_iter().map(issue).collect()
    }

    /// A list in Markdown. What a server named is code, so that it cannot mention or link.
    pub fn markdown(&self) -> String {
        let mut text = format!("### Findings: {}\n", self.counts());
        for (at, (rule, finding)) in self.findings().into_iter().enumerate() {
            let gap = if at == 0 { "\n" } else { "" };
            let _ = writeln!(
                text,
                "{gap}- **{}** {} (`{}`)",
                rule.severity,
                self.headline_in_markdown(finding),
                rule.name
            );
        }
        text
    }

    /// A message for an incoming webhook of Slack, also understood by Mattermost: an object with the
    /// text in mrkdwn, in which `&`, `<` and `>` are escaped.
    pub fn slack(&self) -> String {
        let findings = self.findings();
        let mut text = format!("*duo-metrics*: {}", self.counts());
        for (rule, finding) in findings.iter().take(MAX_CHAT_FINDINGS) {
            let headline = escape_mrkdwn(&self.headline_in_markdown(finding));
            let _ = write!(text, "\n• *{}* {headline} [{}]", rule.severity, rule.name);
        }
        if let Some(more) = findings.len().checked_sub(MAX_CHAT_FINDINGS).filter(|more| *more > 0) {
            let _ = write!(text, "\nand {more} more");
        }
        format!("{}\n", serde_json::json!({ "text": text }))
    }

    fn headline(&self, finding: &Finding) -> String {
        format!("{}{}", self.instance_prefix(finding), finding.headline().text())
    }

    fn headline_in_markdown(&self, finding: &Finding) -> String {
        format!("{}{}", self.instance_prefix(finding), sentence_in_markdown(&finding.headline()))
    }

    fn instance_prefix(&self, finding: &Finding) -> String {
        if self.names_instances { format!("{}, ", finding.instance) } else { String::new() }
    }
}

/// What identifies a finding from one run to the next: its rule and what it is about, not its values.
fn fingerprint_of(rule: &Rule, finding: &Finding) -> String {
    let Finding { instance, scope, metric, by, subject, .. } = finding;
    let mut hash = Sha256::new();
    let by: Vec<&str> = by.iter().flat_map(|(key, value)| [key, value]).collect();
    for part in [&[&*rule.name, instance, scope, metric.unwrap_or_default(), subject][..], &by].concat() {
        hash.update(part);
        hash.update([0]);
    }
    fingerprint(&first_bytes(hash))
}

/// Escapes the characters that mark links and mentions in Slack.
fn escape_mrkdwn(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
