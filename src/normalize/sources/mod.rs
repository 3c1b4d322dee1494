//! Event streams that did not come from `fetch`: what an operator can have of the Duo Agent Platform, in the forms in
//! which it is told.
//!
//! A form is known by what a line holds, one line at a time, so that files of several forms can be put together. Each turns
//! text into [`Observed`] events, which say what is told and no more; [`record()`] makes records of them.

mod base64;
mod context;
mod enriched;
mod envelope;
mod graphql;
mod internal;
mod moment;
mod observed;
mod record;
mod service_log;
mod table;
mod tracker;
mod usage_table;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::model::{line, log_line};

pub use moment::moment;
pub use observed::{Form, Observed, Who};
pub use record::{Setting, UNKNOWN_INSTANCE, derived_id, record, unusable_fields};
pub use table::Heading;

/// The longest line, or element of a document, that is read, in bytes. An event has about 10 kB.
pub const LONGEST: usize = 8 << 20;

/// What was found in a line, or in an element of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The events, or why one of them cannot be read; and how many other things stand beside them.
    Events {
        /// The events, in the order of the text.
        events: Vec<Result<Observed, String>>,
        /// What is no event: views of pages in a tracker's payload, other lines in a collector's list.
        skipped: u64,
    },
    /// The form is known, and there is no event in it: another line of a log, a header, a view of a page, a heading.
    Nothing,
    /// No form that is known.
    Unknown,
}

impl Found {
    fn one(event: Result<Observed, String>) -> Found {
        Found::Events { events: vec![event], skipped: 0 }
    }

    /// Of a list; `None` is what is no event.
    fn of(found: impl IntoIterator<Item = Option<Result<Observed, String>>>) -> Found {
        let (mut events, mut skipped) = (Vec::new(), 0);
        for event in found {
            match event {
                Some(event) => events.push(event),
                None => skipped += 1,
            }
        }
        if events.is_empty() { Found::Nothing } else { Found::Events { events, skipped } }
    }

    /// Whether an event could be read.
    fn holds_event(&self) -> bool {
        matches!(self, Found::Events { events, .. } if events.iter().any(Result::is_ok))
    }

    /// Whether nothing could be read.
    fn is_damaged(&self) -> bool {
        match self {
            Found::Events { events, .. } => events.iter().all(Result::is_err),
            Found::Nothing => false,
            Found::Unknown => true,
        }
    }
}

/// Finds the events in a line; `heading` is that of the dump the line is of. Reasons say what is wrong, without repeating
/// any of the content.
pub fn find(line: &str, heading: Option<&Heading>) -> Found {
    let line = line.trim_matches([' ', '\r']);
    if line.len() > LONGEST {
        return Found::one(Err("longer than 8 MiB".to_owned()));
    }
    let found = find_in_text(line, heading, 0);
    match found.is_damaged().then(|| envelope::without_colors(line)).flatten() {
        Some(plain) => find_in_text(plain.trim(), heading, 0),
        None => found,
    }
}

/// Finds the events in a text, in so many envelopes.
fn find_in_text(text: &str, heading: Option<&Heading>, depth: u32) -> Found {
    if text.starts_with('{') {
        return find_in_json(text, depth);
    }
    if let Some(heading) = heading {
        return match () {
            () if Heading::parse(text).is_some() || log_line::is_furniture(text) => Found::Nothing,
            () if heading.is_of(text) => heading.read(text),
            () if enriched::is_separated(text) => enriched::read_separated(text),
            () => Found::Unknown,
        };
    }
    if enriched::is_separated(text) {
        return enriched::read_separated(text);
    }
    if log_line::is_furniture(text) {
        return Found::Nothing;
    }
    if text.starts_with("Binary file ") && text.ends_with(" matches") {
        return Found::one(Err(
            "grep left out lines of a file that it took for binary; use grep --text".to_owned()
        ));
    }
    // A list that begins, or is, a line.
    if let Some(list) =
        text.strip_prefix(['[', ',']).map(str::trim_start).filter(|list| list.starts_with('{'))
    {
        return find_in_json(list, depth);
    }
    let is_text = log_line::is_text(text);
    if let Some((prefix, json)) = envelope::behind_prefix(text)
        && depth < envelope::MAX_DEPTH
    {
        // A line that was logged may hold anything; behind another prefix there is an event, or it is damaged.
        let is_logged = is_text || log_line::is_text(prefix);
        return match find_in_json(json, depth + u32::from(is_logged)) {
            found if envelope::is_of_part(prefix) && !found.holds_event() => {
                Found::one(Err(envelope::PART.to_owned()))
            }
            Found::Unknown if is_logged => Found::Nothing,
            found => found,
        };
    }
    if is_text { Found::Nothing } else { Found::Unknown }
}

/// Finds the events in a text that starts with an object.
fn find_in_json(text: &str, depth: u32) -> Found {
    let reason = match parsed(text) {
        Ok(object) => return find_in_object(object, depth),
        Err(reason) => reason,
    };
    if let Some(found) = find_in_row(text, depth) {
        return found;
    }
    // In an envelope there are lines of every kind.
    match depth == 0 || envelope::is_of_event(text) {
        true => Found::one(Err(reason)),
        false => Found::Nothing,
    }
}

/// Finds the events in objects in a row, with commas or blanks between them, and what is left of a list behind the last
/// one. `None` when it is a single object that is damaged.
fn find_in_row(text: &str, depth: u32) -> Option<Found> {
    let whole = line::with_whole_surrogates(text);
    let mut rest = whole.as_deref().unwrap_or(text);
    let (mut events, mut skipped, mut objects, mut unknown) = (Vec::new(), 0, 0, 0);
    while rest.starts_with('{') {
        let mut reader = serde_json::Deserializer::from_str(rest).into_iter::<Map<String, Value>>();
        let object = match reader.next()? {
            Ok(object) => object,
            Err(_) if objects == 0 => return None,
            Err(error) => {
                events.push(Err(line::reason(&error)));
                rest = "";
                break;
            }
        };
        objects += 1;
        match find_in_object(object, depth) {
            Found::Events { events: more, skipped: other } => {
                events.extend(more);
                skipped += other;
            }
            Found::Nothing => skipped += 1,
            Found::Unknown => {
                unknown += 1;
                events.push(Err(UNKNOWN.to_owned()));
            }
        }
        rest = rest[reader.byte_offset()..].trim_start_matches([' ', '\t', '\r', ',']);
    }
    match rest.trim_start_matches(']').trim() {
        "" if objects == unknown => Some(Found::Unknown),
        "" if events.is_empty() => Some(Found::Nothing),
        "" => Some(Found::Events { events, skipped }),
        // Something else follows, so that it is not known what the line was.
        _ => None,
    }
}

/// Why an object among others cannot be read.
const UNKNOWN: &str = "no event of a form that is known";

/// Finds the events in an object, in so many envelopes.
fn find_in_object(object: Map<String, Value>, depth: u32) -> Found {
    type Form = (fn(&Map<String, Value>) -> bool, Option<fn(Map<String, Value>) -> Found>);
    // Where two forms could be meant, the one that asks for more comes first.
    const FORMS: [Form; 11] = [
        (enriched::is_micro, Some(enriched::read_micro)),
        (tracker::is_payload, Some(tracker::read_payload)),
        (tracker::is_logged, Some(tracker::read_logged)),
        (tracker::is_event, Some(tracker::read_event)),
        (enriched::is_enriched, Some(enriched::read_json)),
        (service_log::is_event, Some(service_log::read)),
        // Another line of that log, unless a collector added message and level: then the message is the line.
        (service_log::is_line, None),
        (usage_table::is_row, Some(usage_table::read)),
        (graphql::is_node, Some(graphql::read)),
        (internal::is_event, Some(internal::read)),
        (internal::is_batch, Some(internal::read_batch)),
    ];
    let form = FORMS.iter().find(|(is_of, _)| is_of(&object));
    if let Some((_, Some(read))) = form {
        return read(object);
    }
    if let Some(found) = envelope::open(&object, depth) {
        return found;
    }
    if form.is_some() || log_line::is_other(&object) {
        return Found::Nothing;
    }
    // Snowflake writes the names of columns in capitals.
    let is_loud = |name: &String| name.bytes().any(|byte| byte.is_ascii_uppercase());
    if object.keys().any(is_loud)
        && !object.keys().any(|name| name.bytes().any(|byte| byte.is_ascii_lowercase()))
    {
        let lowered = object.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        return find_in_object(lowered, depth);
    }
    Found::Unknown
}

/// The JSON object in a text; the error says what is wrong with it, without any of it.
fn parsed(text: &str) -> Result<Map<String, Value>, String> {
    if !text.trim_start().starts_with('{') {
        return Err("not a JSON object".to_owned());
    }
    line::parse_json(text)
}

/// A digest as an id: 128 bits of it.
fn short_digest(hash: Sha256) -> String {
    let digest = hash.finalize();
    digest[..16].iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
