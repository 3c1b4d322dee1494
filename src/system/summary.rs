//! The summary that a command writes to standard error when it ends.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::base::error::Outcome;
use crate::base::text::to_single_line;
use crate::system::progress::LogFormat;

/// The summary of a command: messages, and fields for the JSON format.
#[derive(Debug)]
pub struct Summary {
    command: &'static str,
    messages: Vec<String>,
    fields: Map<String, Value>,
}

impl Summary {
    /// An empty summary.
    pub fn new(command: &'static str) -> Summary {
        Summary { command, messages: Vec::new(), fields: Map::new() }
    }

    /// Adds a message. In the text format it is a line.
    pub fn message(&mut self, message: impl Into<String>) {
        self.messages.push(to_single_line(&message.into()));
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

    /// Writes the summary. Errors are ignored: standard error may be closed.
    pub fn write(self, format: LogFormat, outcome: Option<Outcome>) {
        let mut text = String::new();
        match format {
            LogFormat::Text => {
                for message in self.messages {
                    text.push_str(&format!("duo-metrics {}: {message}\n", self.command));
                }
            }
            LogFormat::Json => {
                let mut fields = Map::new();
                fields.insert("command".to_owned(), self.command.into());
                let outcome = match outcome {
                    Some(Outcome::Complete) => "complete",
                    Some(Outcome::Partial) => "partial",
                    Some(Outcome::Findings) => "findings",
                    None => "error",
                };
                fields.insert("outcome".to_owned(), outcome.into());
                fields.extend(self.fields);
                fields.insert("messages".to_owned(), self.messages.into());
                text = format!("{}\n", Value::Object(fields));
            }
        }
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
