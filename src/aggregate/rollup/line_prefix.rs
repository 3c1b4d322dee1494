//! The start of an event line in the field order of `normalize`, up to the user. It is matched in
//! place, without looking up keys or finding the ends of texts.

use super::field_cache::{CachedFields, FieldCache};
use super::reader::leading_global_id;
use crate::base::calendar::is_time_of_day;
use crate::model::record::Row;

/// The start of the lines of a fetch: the bytes before and after the time of day.
pub(super) struct LinePrefix {
    before_time: Box<[u8]>,
    after_time: Box<[u8]>,
    /// The reader-local id of the fetch.
    fetch: u32,
}

/// The fields in the start of a line.
#[derive(Clone, Copy)]
pub(super) struct ParsedPrefix {
    /// The reader-local id of the fetch.
    pub(super) fetch: u32,
    pub(super) row: Row,
    /// The reader-local id of event and feature.
    pub(super) action: u32,
    /// The offset of the user.
    pub(super) user: usize,
    /// The number in the user's global id and the length of that id; `None` if the user has another
    /// form.
    pub(super) id: Option<(u32, usize)>,
}

const START: &str = "{\"type\":\"event\",\"ts\":\"";
const TIME: usize = "HH:MM:SS".len();

impl LinePrefix {
    /// The start of the lines of a fetch on a day. `fetch` caches its fields from the value of
    /// `instance` on.
    pub(super) fn new(day: &str, fetch: &CachedFields) -> LinePrefix {
        LinePrefix {
            before_time: format!("{START}{day}T").into_bytes().into(),
            after_time: format!("Z\",\"instance\":{},\"row\":\"", fetch.text()).into_bytes().into(),
            fetch: fetch.id,
        }
    }

    /// Matches the start of a line of the fetch, if `actions` contains its event and feature;
    /// `event` is the index of the field `event`. `None` if the line differs in any way.
    #[inline]
    pub(super) fn parse(&self, text: &str, actions: &FieldCache, event: usize) -> Option<ParsedPrefix> {
        let rest = text.as_bytes().strip_prefix(&*self.before_time)?;
        let (time, rest) = rest.split_first_chunk::<TIME>()?;
        let rest = rest.strip_prefix(&*self.after_time).filter(|_| is_time_of_day(*time))?;
        let (row, length) = Row::parse_prefix(rest)?;
        let rest = rest[length..].strip_prefix(b"\",\"event\":")?;
        let action = actions.get(event, rest)?;
        let rest = rest[action.len()..].strip_prefix(b",\"user\":")?;
        let id = rest.strip_prefix(b"\"").and_then(leading_global_id);
        let id = id.filter(|(_, length)| rest.get(length + 1) == Some(&b'"'));
        Some(ParsedPrefix { fetch: self.fetch, row, action: action.id, user: text.len() - rest.len(), id })
    }
}

impl ParsedPrefix {
    /// The timestamp of a line with this start, in whole seconds.
    pub(super) fn timestamp(text: &str) -> &str {
        &text[START.len()..][.."YYYY-MM-DDTHH:MM:SSZ".len()]
    }
}
