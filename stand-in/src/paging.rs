//! Keyset pagination: cursors into sorted lists, and the pages between them.

use std::ops::Range;

use serde_json::{Value, json};

use super::complexity::MAX_PAGE_SIZE;
use super::errors;

/// The four arguments of every connection, and its limit.
pub(super) struct Paging<'a> {
    pub(super) first: Option<usize>,
    pub(super) last: Option<usize>,
    pub(super) after: Option<&'a str>,
    pub(super) before: Option<&'a str>,
    /// Maximum and default page size.
    pub(super) max: usize,
}

/// One page: its positions, and whether there are more.
pub(super) struct Page {
    pub(super) positions: Vec<usize>,
    pub(super) has_next: bool,
    pub(super) has_previous: bool,
}

/// A list in a fixed order, newest or smallest first, depending on the field.
pub(super) trait Sorted {
    fn len(&self) -> usize;
    /// Index of the first element at the cursor, or after it (`past`); `None` for an invalid
    /// cursor.
    fn seek(&self, cursor: &Value, past: bool) -> Option<usize>;
    /// The element at an index, if it passes the field's filters.
    fn get(&self, place: usize) -> Option<usize>;
}

impl Paging<'_> {
    /// The requested page, or GitLab's error.
    pub(super) fn page(&self, list: &impl Sorted) -> Result<Page, &'static str> {
        if self.first.is_some() && self.last.is_some() {
            return Err(errors::FIRST_AND_LAST);
        }
        let mut places = 0..list.len();
        if let Some(after) = self.after {
            places.start = seek(list, after, true)?;
        }
        if let Some(before) = self.before {
            places.end = seek(list, before, false)?;
        }
        places.end = places.end.max(places.start);
        let Some(last) = self.last else {
            let size = self.first.unwrap_or(self.max).min(self.max);
            let (positions, more) = take(list, places, size);
            return Ok(Page {
                positions,
                // With `before`, GitLab reports a next page without checking.
                has_next: more || self.before.is_some(),
                has_previous: self.after.is_some(),
            });
        };
        let (mut positions, more) = take(list, Reversed(places), last.min(self.max));
        positions.reverse();
        Ok(Page { positions, has_next: self.before.is_some(), has_previous: more })
    }
}

struct Reversed(Range<usize>);

impl Iterator for Reversed {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.0.next_back()
    }
}

fn take(list: &impl Sorted, places: impl Iterator<Item = usize>, size: usize) -> (Vec<usize>, bool) {
    let mut positions = Vec::with_capacity(size.min(MAX_PAGE_SIZE));
    for place in places {
        let Some(position) = list.get(place) else {
            continue;
        };
        if positions.len() == size {
            return (positions, true);
        }
        positions.push(position);
    }
    (positions, false)
}

fn seek(list: &impl Sorted, cursor: &str, past: bool) -> Result<usize, &'static str> {
    decode(cursor).and_then(|cursor| list.seek(&cursor, past)).ok_or(errors::BAD_CURSOR)
}

/// A cursor of named values, in this order: URL-safe base64 of a JSON object, without padding.
pub(super) fn encode(parts: &[(&str, String)]) -> String {
    let object: serde_json::Map<String, Value> =
        parts.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
    encode_base64(Value::Object(object).to_string().as_bytes())
}

/// The cursor of the row with this number, from 1, in a list paged by offset.
pub(super) fn encode_number(number: usize) -> String {
    encode_base64(number.to_string().as_bytes())
}

/// The id in a cursor.
pub(super) fn id_of(cursor: &Value) -> Option<u64> {
    cursor.get("id")?.as_str()?.parse().ok()
}

fn decode(cursor: &str) -> Option<Value> {
    serde_json::from_slice(&decode_base64(cursor)?).ok()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut bits = 0_u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(place).copied().unwrap_or(0));
        }
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'+' => 62,
            b'/' => 63,
            letter => ALPHABET.iter().position(|known| *known == letter)?,
        };
        bits = bits << 6 | u32::try_from(value).expect("an alphabet of 64 letters");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}
