//! The result of a check, and its output.

use std::io::Write;

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::error::Error;
use crate::base::paint::{Painter, Tone};
use crate::base::text::to_single_line;
use crate::cli::DoctorFormat;

/// The result of a check.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename = "check")]
pub(in crate::commands) struct Check {
    check: String,
    pub(super) status: Status,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// It works with a limitation, or cannot be checked.
    Note,
    Fail,
}

impl Check {
    pub(super) fn ok(check: &str, text: String) -> Check {
        Check { check: check.to_owned(), status: Status::Ok, text, help: None }
    }

    pub(super) fn note(check: &str, text: &str, help: &str) -> Check {
        Check {
            check: check.to_owned(),
            status: Status::Note,
            text: text.to_owned(),
            help: Some(help.to_owned()),
        }
    }

    pub(super) fn fail(check: &str, text: &str, help: Option<&str>) -> Check {
        Check {
            check: check.to_owned(),
            status: Status::Fail,
            text: text.to_owned(),
            help: help.map(str::to_owned),
        }
    }
}

/// Writes checks, one line each.
pub(super) struct CheckWriter<W> {
    format: DoctorFormat,
    painter: Painter,
    output: W,
    failed: usize,
}

impl<W: Write> CheckWriter<W> {
    pub(super) fn new(format: DoctorFormat, painter: Painter, output: W) -> CheckWriter<W> {
        CheckWriter { format, painter, output, failed: 0 }
    }

    /// The number of checks that failed.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    /// Writes a check at once, because the next one may wait for a server.
    pub(super) fn add(&mut self, check: Check) -> Result<(), Error> {
        self.failed += usize::from(check.status == Status::Fail);
        let line = match self.format {
            DoctorFormat::Json => serde_json::to_string(&check)
                .map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?,
            DoctorFormat::Text => {
                let (tone, status) = match check.status {
                    Status::Ok => (Tone::Good, "ok  "),
                    Status::Note => (Tone::Warning, "note"),
                    Status::Fail => (Tone::Bad, "fail"),
                };
                let help = check.help.map(|help| format!("; {help}")).unwrap_or_default();
                let text = to_single_line(&format!("{}: {}{help}", check.check, check.text));
                format!("{}  {text}", self.painter.paint(tone, status))
            }
        };
        let written = self.output.write_all(format!("{line}\n").as_bytes());
        written.and_then(|()| self.output.flush()).map_err(Error::writing)
    }
}
