//! GitLab's Code Quality report, a JSON array of issues ("Code Quality report format" in GitLab's
//! documentation), which merge requests and pipelines show.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::base::severity::Severity;

/// An issue of the report.
#[derive(Serialize)]
pub struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: IssueLocation<'a>,
}

#[derive(Serialize)]
struct IssueLocation<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u64,
}

impl<'a> Issue<'a> {
    /// An issue of a rule at a path and a line. GitLab requires a path relative to the root of the
    /// repository, without `./`.
    pub fn new(
        description: String,
        rule: &'a str,
        fingerprint: String,
        severity: Severity,
        (path, line): (&'a str, u64),
    ) -> Issue<'a> {
        Issue {
            description,
            check_name: rule,
            fingerprint,
            severity: match severity {
                Severity::Info => "info",
                Severity::Warning => "minor",
                Severity::Error => "major",
            },
            location: IssueLocation { path: path.trim_start_matches("./"), lines: Lines { begin: line } },
        }
    }
}

/// The bytes of a hash that make a fingerprint.
pub fn first_bytes(hash: Sha256) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    first
}

/// A fingerprint as text.
pub fn fingerprint(bytes: &[u8; 16]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
