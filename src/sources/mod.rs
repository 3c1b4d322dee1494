//! Event streams that did not come from `fetch`: what an operator can have of the Duo Agent Platform, in the forms in
//! which it is told.
//!
//! A form is known by what a line holds, one line at a time, so that files of several forms can be put together. Each turns
//! text into [`Observed`] events, which say what is told and no more; [`record()`] makes records of them.

mod base64;
pub mod catalogue;
mod context;
mod enriched;
mod graphql;
mod internal;
mod moment;
mod observed;
mod record;
pub mod scalar;
mod service_log;
mod tracker;
mod usage_table;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{line, plain};

pub use moment::moment;
pub use observed::{Form, Observed, Who};
pub use record::{Setting, UNKNOWN_INSTANCE, derived_id, record};
pub use usage_table::Heading;

/// The longest line, or element of a document, that is read, in bytes. An event has about 10 kB.
pub const LONGEST: usize = 8 << 20;

/// What was found in a line, or in an element of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The events, or why one of them cannot be read.
    Events(Vec<Result<Observed, String>>),
    /// The form is known, and there is no event in it: another line of a log, a view of a page, a heading.
    Nothing,
    /// No form that is known.
    Unknown,
}

impl Found {
    fn one(event: Result<Observed, String>) -> Found {
        Found::Events(vec![event])
    }

    fn of(events: impl IntoIterator<Item = Result<Observed, String>>) -> Found {
        let events: Vec<_> = events.into_iter().collect();
        if events.is_empty() { Found::Nothing } else { Found::Events(events) }
    }
}

/// Finds the events in a line; `heading` is that of the dump the line is of. Reasons say what is wrong, without repeating
/// any of the content.
pub fn find(line: &str, heading: Option<&Heading>) -> Found {
    let line = line.trim_matches([' ', '\r']);
    if line.len() > LONGEST {
        return Found::one(Err("longer than 8 MiB".to_owned()));
    }
    if !line.starts_with('{') {
        return match heading {
            _ if enriched::is_separated(line) => enriched::read_separated(line),
            Some(_) if Heading::parse(line).is_some() => Found::Nothing,
            Some(heading) if !line.starts_with('[') => usage_table::read_line(line, heading),
            _ => Found::Unknown,
        };
    }
    match parsed(line) {
        Ok(object) => find_in(object),
        Err(reason) => Found::one(Err(reason)),
    }
}

fn find_in(object: Map<String, Value>) -> Found {
    type Form = (fn(&Map<String, Value>) -> bool, fn(Map<String, Value>) -> Found);
    // Where two forms could be meant, the one that asks for more comes first.
    const FORMS: [Form; 10] = [
        (enriched::is_micro, enriched::read_micro),
        (tracker::is_payload, tracker::read_payload),
        (tracker::is_logged, tracker::read_logged),
        (tracker::is_event, tracker::read_event),
        (enriched::is_enriched, enriched::read_json),
        (service_log::is_line, service_log::read),
        (usage_table::is_row, usage_table::read),
        (graphql::is_node, graphql::read),
        (internal::is_event, internal::read),
        (internal::is_batch, internal::read_batch),
    ];
    let form = FORMS.iter().find(|(is_of, _)| is_of(&object));
    form.map_or(Found::Unknown, |(_, read)| read(object))
}

/// The JSON object in a text; the error says what is wrong with it, without any of it.
fn parsed(text: &str) -> Result<Map<String, Value>, String> {
    if !text.trim_start().starts_with('{') {
        return Err("not a JSON object".to_owned());
    }
    if let Some(object) = plain::from_str(text) {
        return Ok(object);
    }
    serde_json::from_str(text).map_err(|error| line::reason(&error))
}

/// A digest as an id: 128 bits of it.
fn short_digest(hash: Sha256) -> String {
    let digest = hash.finalize();
    digest[..16].iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
