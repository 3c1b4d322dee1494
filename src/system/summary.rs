//! The summary that a command writes to standard error when it ends.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::error::Outcome;
use crate::base::paint::Tone;
use crate::base::text::to_single_line;
use crate::system::log::{self, LogFormat, LogOptions, Verbosity};
use crate::system::terminal::stderr_painter;

/// The summary of a command that ended, on standard error with `--log-format json`. It has no
/// type. Each command adds counts of its own.
#[derive(Serialize, JsonSchema)]
pub struct SummaryLine {
    /// The command.
    command: &'static str,
    /// How it ended.
    outcome: SummaryOutcome,
    /// Counts, and other results.
    #[serde(flatten)]
    fields: Map<String, Value>,
    /// What the text format writes, one line each.
    messages: Vec<String>,
}

#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum SummaryOutcome {
    /// All data is included.
    Complete,
    /// The output is valid but incomplete.
    Partial,
    /// `check` found something that fails.
    Findings,
    /// The command failed; an error follows.
    Error,
}

/// The summary of a command: messages, and fields for the JSON format.
#[derive(Debug)]
pub struct Summary {
    command: &'static str,
    messages: Vec<Message>,
    fields: Map<String, Value>,
}

#[derive(Debug)]
struct Message {
    text: String,
    /// Whether it can be why the outcome is not complete.
    is_warning: bool,
}

impl Summary {
    /// An empty summary.
    pub fn new(command: &'static str) -> Summary {
        Summary { command, messages: Vec::new(), fields: Map::new() }
    }

    /// Adds a message. In the text format it is a line.
    pub fn message(&mut self, message: impl Into<String>) {
        self.messages.push(Message { text: to_single_line(&message.into()), is_warning: false });
    }

    /// Adds a message about what makes the outcome partial, or the command fail. It is written with
    /// `--quiet`, too.
    pub fn warning(&mut self, message: impl Into<String>) {
        self.messages.push(Message { text: to_single_line(&message.into()), is_warning: true });
    }

    /// Adds a field. Only the JSON format contains it.
    pub fn field(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// Inserts the messages and fields of an earlier summary before those of this one.
    pub fn prepend(&mut self, mut earlier: Summary) {
        earlier.messages.append(&mut self.messages);
        earlier.fields.append(&mut self.fields);
        (self.messages, self.fields) = (earlier.messages, earlier.fields);
    }

    /// Writes the summary; `None` if the command failed. Of a complete run, a quiet log has none.
    pub fn write(mut self, outcome: Option<Outcome>) {
        let LogOptions { format, verbosity, .. } = log::options();
        let is_complete = outcome == Some(Outcome::Complete);
        if verbosity == Verbosity::Quiet {
            if is_complete {
                return;
            }
            self.messages.retain(|message| message.is_warning);
        }
        let mut text = String::new();
        match format {
            LogFormat::Text => {
                let prefix = format!("duo-metrics {}:", self.command);
                let warning = stderr_painter().paint(Tone::Warning, &prefix);
                for Message { text: message, is_warning } in self.messages {
                    let prefix = if is_warning && !is_complete { &*warning } else { &*prefix };
                    text.push_str(&format!("{prefix} {message}\n"));
                }
            }
            LogFormat::Json => {
                let outcome = match outcome {
                    Some(Outcome::Complete) => SummaryOutcome::Complete,
                    Some(Outcome::Partial) => SummaryOutcome::Partial,
                    Some(Outcome::Findings) => SummaryOutcome::Findings,
                    None => SummaryOutcome::Error,
                };
                let Summary { command, messages, fields } = self;
                let messages = messages.into_iter().map(|message| message.text).collect();
                text = log::json_line(&SummaryLine { command, outcome, fields, messages });
            }
        }
        log::write(&text);
    }
}
