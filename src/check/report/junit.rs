//! Findings as a JUnit report, which GitLab shows in merge requests and pipelines.

use std::fmt::Write as _;

use minijinja::HtmlEscape;

use super::Report;
use crate::base::severity::Severity;
use crate::base::text::escape_controls;
use crate::check::{Judgment, Rule};

/// The report: a test case for each finding, and one for each rule without a finding. A finding of a
/// severity that `fails` fails its case; another one is its output. A rule that judged nothing and
/// states why is skipped, because it did not pass.
pub fn junit(report: &Report<'_>, fails: impl Fn(Severity) -> bool) -> String {
    let mut cases = String::new();
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for (rule, Judgment { findings, unknown }) in report.judged {
        for finding in findings {
            tests += 1;
            let headline = report.headline(finding);
            let name = match finding.metric {
                Some(metric) => format!("{}: {metric}", finding.scope),
                None => format!("{}: {}", finding.scope, finding.subject),
            };
            open(&mut cases, rule, &name);
            if fails(rule.severity) {
                failures += 1;
                let (kind, message) = (rule.severity, escape(&headline));
                let _ = writeln!(
                    cases,
                    "      <failure type=\"{kind}\" message=\"{message}\">{message}</failure>"
                );
            } else {
                let _ = writeln!(
                    cases,
                    "      <system-out>{}: {}</system-out>",
                    rule.severity,
                    escape(&headline)
                );
            }
            cases.push_str("    </testcase>\n");
        }
        if findings.is_empty() {
            tests += 1;
            open(&mut cases, rule, rule.kind.title);
            if !unknown.is_empty() {
                skipped += 1;
                let _ = writeln!(cases, "      <skipped message=\"{}\"/>", escape(&unknown.join("; ")));
            }
            cases.push_str("    </testcase>\n");
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{tests}\" failures=\"{failures}\">\n  \
         <testsuite name=\"duo-metrics check\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\" \
         errors=\"0\">\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

fn open(cases: &mut String, rule: &Rule, name: &str) {
    let _ = writeln!(cases, "    <testcase classname=\"{}\" name=\"{}\">", escape(&rule.name), escape(name));
}

/// Text for XML, which has no control characters, not even escaped.
fn escape(text: &str) -> String {
    HtmlEscape(&escape_controls(text)).to_string()
}
