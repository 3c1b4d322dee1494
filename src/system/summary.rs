//! The closing summary of a command, on standard error.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::base::error::Outcome;
use crate::base::text::in_one_line;
use crate::system::progress::LogFormat;

/// What a command did, for people and for machines.
#[derive(Debug)]
pub struct Summary {
    command: &'static str,
    lines: Vec<String>,
    fields: Map<String, Value>,
}

impl Summary {
    /// An empty summary.
    pub fn new(command: &'static str) -> Summary {
        Summary { command, lines: Vec::new(), fields: Map::new() }
    }

    /// Adds a line for people.
    pub fn say(&mut self, line: impl Into<String>) {
        self.lines.push(in_one_line(&line.into()));
    }

    /// Adds a field for machines.
    pub fn field(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// Puts another summary before this one.
    pub fn prepend(&mut self, mut earlier: Summary) {
        earlier.lines.append(&mut self.lines);
        earlier.fields.append(&mut self.fields);
        (self.lines, self.fields) = (earlier.lines, earlier.fields);
    }

    /// Writes the summary. Standard error that is closed is nobody's business.
    pub fn write(self, format: LogFormat, outcome: Option<Outcome>) {
        let mut text = String::new();
        match format {
            LogFormat::Text => {
                for line in self.lines {
                    text.push_str(&format!("duo-metrics {}: {line}\n", self.command));
                }
            }
            LogFormat::Json => {
                let mut fields = Map::new();
                fields.insert("command".to_owned(), self.command.into());
                let outcome = match outcome {
                    Some(Outcome::Complete) => "complete",
                    Some(Outcome::Partial) => "partial",
                    None => "error",
                };
                fields.insert("outcome".to_owned(), outcome.into());
                fields.extend(self.fields);
                fields.insert("messages".to_owned(), self.lines.into());
                text = format!("{}\n", Value::Object(fields));
            }
        }
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
