//! Event exports: events of the Duo Agent Platform that did not come from `fetch`, in all their
//! forms.
//!
//! The form is recognized by the content of each line, so files of several forms can be
//! concatenated. Each form turns text into [`Observed`] events, which contain what the source
//! reports and nothing else; [`record()`] turns them into records.

mod base64;
mod context;
mod enriched;
mod envelope;
mod graphql;
mod internal;
mod observed;
mod record;
mod service_log;
mod table;
mod timestamp;
mod tracker;
mod usage_table;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::model::{line, log_line};

pub use observed::{Form, Observed, UserRef};
pub use record::{ImportDefaults, UNKNOWN_INSTANCE, derived_id, record, unusable_fields};
pub use table::Header;
pub use timestamp::parse_timestamp;

/// The longest line or element of a document, in bytes. An event has about 10 kB.
pub const MAX_LINE_LEN: usize = 8 << 20;

/// The contents of a line, or of an element of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Events, and anything else beside them.
    Events {
        /// The events in the order of the text, or why one of them is invalid.
        events: Vec<Result<Observed, String>>,
        /// The number of other items: page views in the payload of a tracker, other lines in the
        /// list of a log collector.
        skipped: u64,
    },
    /// A recognized form without an event: another line of a log, a log header, a page view, a
    /// table header.
    Nothing,
    /// An unrecognized form.
    Unknown,
}

impl Found {
    fn one(event: Result<Observed, String>) -> Found {
        Found::Events { events: vec![event], skipped: 0 }
    }

    /// From a list, in which `None` is no event.
    fn from_list(found: impl IntoIterator<Item = Option<Result<Observed, String>>>) -> Found {
        let (mut events, mut skipped) = (Vec::new(), 0);
        for event in found {
            match event {
                Some(event) => events.push(event),
                None => skipped += 1,
            }
        }
        if events.is_empty() { Found::Nothing } else { Found::Events { events, skipped } }
    }

    /// Whether it has a valid event.
    fn has_event(&self) -> bool {
        matches!(self, Found::Events { events, .. } if events.iter().any(Result::is_ok))
    }

    /// Whether it has events and all of them are invalid, or the form is unrecognized.
    fn is_damaged(&self) -> bool {
        match self {
            Found::Events { events, .. } => events.iter().all(Result::is_err),
            Found::Nothing => false,
            Found::Unknown => true,
        }
    }
}

/// Finds the events in a line. `header` is the header of the table that the line belongs to. Errors
/// describe what is wrong, without content of the line.
pub fn find(line: &str, header: Option<&Header>) -> Found {
    let line = line.trim_matches([' ', '\r']);
    if line.len() > MAX_LINE_LEN {
        return Found::one(Err("longer than 8 MiB".to_owned()));
    }
    let found = find_in_text(line, header, 0);
    match found.is_damaged().then(|| envelope::without_colors(line)).flatten() {
        Some(without_colors) => find_in_text(without_colors.trim(), header, 0),
        None => found,
    }
}

/// Finds the events in a text inside `depth` envelopes.
fn find_in_text(text: &str, header: Option<&Header>, depth: u32) -> Found {
    if text.starts_with('{') {
        return find_in_json(text, depth);
    }
    if let Some(header) = header {
        return if Header::parse(text).is_some() || log_line::is_log_noise(text) {
            Found::Nothing
        } else if header.is_of(text) {
            header.read(text)
        } else if enriched::is_separated(text) {
            enriched::read_separated(text)
        } else {
            Found::Unknown
        };
    }
    if enriched::is_separated(text) {
        return enriched::read_separated(text);
    }
    if log_line::is_log_noise(text) {
        return Found::Nothing;
    }
    if text.starts_with("Binary file ") && text.ends_with(" matches") {
        return Found::one(Err(
            "grep omitted lines of a file that it considered binary; use grep --text".to_owned()
        ));
    }
    // A JSON list that starts on this line.
    if let Some(list) =
        text.strip_prefix(['[', ',']).map(str::trim_start).filter(|list| list.starts_with('{'))
    {
        return find_in_json(list, depth);
    }
    let is_text = log_line::is_text(text);
    if let Some((prefix, json)) = envelope::split_prefix(text)
        && depth < envelope::MAX_DEPTH
    {
        // A log line can contain anything. After any other prefix there is an event, or the line is
        // damaged.
        let is_logged = is_text || log_line::is_text(prefix);
        return match find_in_json(json, depth + u32::from(is_logged)) {
            found if envelope::is_segment_prefix(prefix) && !found.has_event() => {
                Found::one(Err(envelope::SEGMENT.to_owned()))
            }
            Found::Unknown if is_logged => Found::Nothing,
            found => found,
        };
    }
    if is_text { Found::Nothing } else { Found::Unknown }
}

/// Finds the events in a text that starts with a JSON object.
fn find_in_json(text: &str, depth: u32) -> Found {
    let reason = match parsed(text) {
        Ok(object) => return find_in_object(object, depth),
        Err(reason) => reason,
    };
    if let Some(found) = find_in_row(text, depth) {
        return found;
    }
    // Envelopes also contain lines that are not events.
    if depth == 0 || envelope::is_of_event(text) { Found::one(Err(reason)) } else { Found::Nothing }
}

/// Finds the events in consecutive objects, which commas or blanks separate and the end of a list
/// may follow. `None` if the text is a single damaged object.
fn find_in_row(text: &str, depth: u32) -> Option<Found> {
    let whole = line::replace_lone_surrogates(text);
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
        // Other text follows, so the form of the line is unknown.
        _ => None,
    }
}

/// Why an object among others is rejected.
const UNKNOWN: &str = "unrecognized event format";

/// Finds the events in an object inside `depth` envelopes.
fn find_in_object(object: Map<String, Value>, depth: u32) -> Found {
    type Form = (fn(&Map<String, Value>) -> bool, Option<fn(Map<String, Value>) -> Found>);
    // If two forms can match, the one with more requirements comes first.
    const FORMS: [Form; 11] = [
        (enriched::is_micro, Some(enriched::read_micro)),
        (tracker::is_payload, Some(tracker::read_payload)),
        (tracker::is_logged, Some(tracker::read_logged)),
        (tracker::is_event, Some(tracker::read_event)),
        (enriched::is_enriched, Some(enriched::read_json)),
        (service_log::is_event, Some(service_log::read)),
        // Another line of that log; unless a log collector added message and level, and the message
        // is the original line.
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
    // Snowflake writes column names in upper case.
    let has_upper_case = |name: &String| name.bytes().any(|byte| byte.is_ascii_uppercase());
    if object.keys().any(has_upper_case)
        && !object.keys().any(|name| name.bytes().any(|byte| byte.is_ascii_lowercase()))
    {
        let lower_case = object.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        return find_in_object(lower_case, depth);
    }
    Found::Unknown
}

/// The JSON object in a text. The error describes what is wrong, without content of the text.
fn parsed(text: &str) -> Result<Map<String, Value>, String> {
    if !text.trim_start().starts_with('{') {
        return Err("not a JSON object".to_owned());
    }
    line::parse_json(text)
}

/// The first 128 bits of a digest, as an id.
fn short_digest(hash: Sha256) -> String {
    let digest = hash.finalize();
    digest[..16].iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
