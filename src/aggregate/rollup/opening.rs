//! The beginning of an event line in the order in which `normalize` writes it, down to the user: read where it stands, without
//! finding out any key or the end of any text first.

use super::phrases::{Phrase, Phrases};
use super::reader::leading_global_id;
use crate::base::calendar::is_time_of_day;
use crate::model::record::Row;

/// How the lines of a fetch begin: what stands before and behind the time of day.
pub(super) struct Opening {
    before: Box<[u8]>,
    behind: Box<[u8]>,
    /// The number of the fetch.
    fetch: u32,
}

/// What the beginning of a line says.
#[derive(Clone, Copy)]
pub(super) struct Opened {
    /// The number of the fetch.
    pub(super) fetch: u32,
    pub(super) row: Row,
    /// The number of what happened.
    pub(super) action: u32,
    /// Where the user stands.
    pub(super) user: usize,
    /// The number in the user's global id, where it is one, and how long the id is.
    pub(super) id: Option<(u32, usize)>,
}

const START: &str = "{\"type\":\"event\",\"ts\":\"";
const TIME: usize = "HH:MM:SS".len();

impl Opening {
    /// How lines of this fetch begin, of this day. The phrase is what they say of it, from the value of `instance` on.
    pub(super) fn new(day: &str, fetch: &Phrase) -> Opening {
        Opening {
            before: format!("{START}{day}T").into_bytes().into(),
            behind: format!("Z\",\"instance\":{},\"row\":\"", fetch.spelling()).into_bytes().into(),
            fetch: fetch.says,
        }
    }

    /// Reads the beginning of a line of the fetch, if what happened is among these phrases, whose first field is `event`. `None`
    /// when it is another one, or says it in another way.
    #[inline]
    pub(super) fn read(&self, text: &str, actions: &Phrases, event: usize) -> Option<Opened> {
        let rest = text.as_bytes().strip_prefix(&*self.before)?;
        let (time, rest) = rest.split_first_chunk::<TIME>()?;
        let rest = rest.strip_prefix(&*self.behind).filter(|_| is_time_of_day(*time))?;
        let (row, length) = Row::leading(rest)?;
        let rest = rest[length..].strip_prefix(b"\",\"event\":")?;
        let action = actions.next(event, rest)?;
        let rest = rest[action.len()..].strip_prefix(b",\"user\":")?;
        let id = rest.strip_prefix(b"\"").and_then(leading_global_id);
        let id = id.filter(|(_, length)| rest.get(length + 1) == Some(&b'"'));
        Some(Opened { fetch: self.fetch, row, action: action.says, user: text.len() - rest.len(), id })
    }
}

impl Opened {
    /// The moment that a line says that begins so, in whole seconds.
    pub(super) fn moment(text: &str) -> &str {
        &text[START.len()..][.."YYYY-MM-DDTHH:MM:SSZ".len()]
    }
}
