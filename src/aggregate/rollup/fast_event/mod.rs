//! The fast path for event lines in canonical form.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Map;

use super::batch::CountedEvent;
use super::field_cache::{CachedFields, FieldCache};
use super::line_prefix::{LinePrefix, ParsedPrefix};
use super::reader::{AgentFields, FetchTexts, Reader, global_id};
use super::row_set::EventId;
use super::sessions::LabelFields;
use crate::base::calendar::is_timestamp_on;
use crate::events::agents::Tokens;
use crate::json::{Fields, Keys, Next, Value};

/// A cache of fields of earlier lines.
pub(super) struct LineCache {
    keys: Keys,
    /// The fields of the last fetch: most lines belong to the same fetch as the line before.
    fetch: Option<CachedFields>,
    /// The start of lines of that fetch in the usual field order.
    line_prefix: Option<LinePrefix>,
    actions: FieldCache,
    editors: FieldCache,
}

/// Adjacent fields of one kind in a line.
#[derive(Clone, Default)]
struct FieldSpan {
    range: Range<usize>,
    fields: u64,
    first: usize,
    last: usize,
}

/// The fields of a line that were read so far.
struct ParsedEvent<'a> {
    text: &'a str,
    /// The fields of the start of the line, if it matches.
    prefix: Option<ParsedPrefix>,
    /// Start and end of the text of each field that the line has. 32 bits suffice: a line is
    /// shorter than 4 GiB.
    ranges: [(u32, u32); COUNTED_TEXTS],
    bot: bool,
    lines: Option<u32>,
    counts: [Option<u64>; COUNTS.end - COUNTS.start],
    /// Bit mask of the fields that the line has.
    fields: u64,
    /// Bit mask of the fields whose value is null: the line does not have them, and they cannot
    /// come again.
    nulls: u64,
    /// The ids of cached fields, by kind.
    cached_ids: [Option<u32>; FIELDS_OF_KIND.len()],
    /// The adjacent fields of each kind that are not cached.
    spans: [Option<FieldSpan>; FIELDS_OF_KIND.len()],
    /// Whether there are any.
    has_new_fields: bool,
}

/// The fields of an event: texts, of which the first eleven are required; then fields that are not
/// texts; then texts that are not counted; then an object that is not counted, and the kind of
/// rollup lines.
const FIELDS: &[&str] = &[
    "type",
    "ts",
    "instance",
    "collector",
    "scope",
    "day",
    "fetched_at",
    "row",
    "event",
    "feature",
    "user",
    "language",
    "ide",
    "event_id",
    "session",
    "flow",
    "environment",
    "tool",
    "model",
    "outcome",
    "agent",
    "flow_version",
    "item_type",
    "item",
    "item_version",
    "bot",
    "lines",
    "input_tokens",
    "output_tokens",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "cache_write",
    "total_tokens",
    "username",
    "tracking_id",
    "namespace",
    "project",
    "model_engine",
    "language_original",
    "ide_original",
    "model_provider",
    "agent_type",
    "component",
    "user_type",
    "global_user_id",
    "reason",
    "source",
    "context",
    "kind",
];

/// Bit mask of the required fields.
const REQUIRED: u64 = (1 << LANGUAGE) - 1;

/// The index of a field in [`FIELDS`].
const fn index_of(name: &str) -> usize {
    let name = name.as_bytes();
    let mut index = 0;
    loop {
        let field = FIELDS[index].as_bytes();
        let mut at = 0;
        while at < name.len() && field.len() == name.len() && field[at] == name[at] {
            at += 1;
        }
        if at == name.len() {
            return index;
        }
        index += 1;
    }
}

const TYPE: usize = index_of("type");
const TS: usize = index_of("ts");
const INSTANCE: usize = index_of("instance");
const COLLECTOR: usize = index_of("collector");
const SCOPE: usize = index_of("scope");
const DAY: usize = index_of("day");
const FETCHED_AT: usize = index_of("fetched_at");
const ROW: usize = index_of("row");
const EVENT: usize = index_of("event");
const FEATURE: usize = index_of("feature");
const USER: usize = index_of("user");
const LANGUAGE: usize = index_of("language");
const IDE: usize = index_of("ide");
const EVENT_ID: usize = index_of("event_id");
const SESSION: usize = index_of("session");
const FLOW: usize = index_of("flow");
const ENVIRONMENT: usize = index_of("environment");
const TOOL: usize = index_of("tool");
const MODEL: usize = index_of("model");
const OUTCOME: usize = index_of("outcome");
const AGENT: usize = index_of("agent");
const FLOW_VERSION: usize = index_of("flow_version");
const ITEM_TYPE: usize = index_of("item_type");
const ITEM: usize = index_of("item");
const ITEM_VERSION: usize = index_of("item_version");
const BOT: usize = index_of("bot");
const LINES: usize = index_of("lines");
const COUNTS: Range<usize> = index_of("input_tokens")..TOTAL_TOKENS;
const TOTAL_TOKENS: usize = index_of("total_tokens");
const UNCOUNTED_TEXTS: usize = TOTAL_TOKENS + 1;
const LANGUAGE_ORIGINAL: usize = index_of("language_original");
const IDE_ORIGINAL: usize = index_of("ide_original");
const CONTEXT: usize = index_of("context");
const KIND: usize = index_of("kind");

/// Number of counted texts.
const COUNTED_TEXTS: usize = BOT;

/// The kinds of cached fields, and the bit mask of each.
const FETCH: usize = 0;
const ACTION: usize = 1;
const EDITOR: usize = 2;
const FIELDS_OF_KIND: [u64; 3] = [
    0b11111 << INSTANCE,
    1 << EVENT | 1 << FEATURE,
    1 << LANGUAGE | 1 << LANGUAGE_ORIGINAL | 1 << IDE | 1 << IDE_ORIGINAL,
];

/// The kind of each field; `FIELDS_OF_KIND.len()` if it has none.
const KINDS: [usize; FIELDS.len()] = {
    let mut kinds = [FIELDS_OF_KIND.len(); FIELDS.len()];
    let mut field = 0;
    while field < FIELDS.len() {
        let mut kind = 0;
        while kind < FIELDS_OF_KIND.len() {
            if FIELDS_OF_KIND[kind] & (1 << field) != 0 {
                kinds[field] = kind;
            }
            kind += 1;
        }
        field += 1;
    }
    kinds
};

impl Default for LineCache {
    fn default() -> LineCache {
        let (actions, editors) = (FieldCache::default(), FieldCache::default());
        LineCache { keys: Keys::new(FIELDS), fetch: None, line_prefix: None, actions, editors }
    }
}

impl LineCache {
    /// The cached fields of this kind that these bytes, which follow the key of this field, start
    /// with.
    #[inline]
    fn cached(&self, kind: usize, field: usize, bytes: &[u8]) -> Option<&CachedFields> {
        match kind {
            FETCH => self.fetch.as_ref().filter(|cached| cached.matches(field, bytes)),
            ACTION => self.actions.get(field, bytes),
            _ => self.editors.get(field, bytes),
        }
    }

    /// The fields at the start of a line, if it belongs to the last fetch and has the usual field
    /// order.
    #[inline]
    fn prefix(&self, text: &str) -> Option<ParsedPrefix> {
        self.line_prefix.as_ref()?.parse(text, &self.actions, EVENT)
    }

    /// Caches adjacent fields of a kind; `day` is that of the fetch.
    fn insert(&mut self, kind: usize, span: &FieldSpan, text: &str, day: &str, id: u32) {
        let FieldSpan { range, fields, first, last } = span;
        let bytes = &text.as_bytes()[range.start..];
        let Some(cached) = CachedFields::new(&text[range.clone()], *fields, *first, *last, id) else {
            return;
        };
        match kind {
            FETCH => {
                self.line_prefix = (*first == INSTANCE).then(|| LinePrefix::new(day, &cached));
                self.fetch = Some(cached);
            }
            ACTION => self.actions.insert(cached, bytes),
            _ => self.editors.insert(cached, bytes),
        }
    }
}

impl<'a> ParsedEvent<'a> {
    /// Nothing read yet of the line at the start of this text.
    // The struct takes some hundred bytes, and moving it costs as much as reading two fields:
    // inline this and the following functions.
    #[inline(always)]
    fn new(text: &'a str) -> ParsedEvent<'a> {
        ParsedEvent {
            text,
            prefix: None,
            ranges: [(0, 0); COUNTED_TEXTS],
            bot: false,
            lines: None,
            counts: [None; COUNTS.end - COUNTS.start],
            fields: 0,
            nulls: 0,
            cached_ids: [None; FIELDS_OF_KIND.len()],
            spans: [const { None }; FIELDS_OF_KIND.len()],
            has_new_fields: false,
        }
    }

    /// Reads the line and returns its length, including the line break; `None` if it is not an
    /// event in canonical form.
    #[inline(always)]
    fn read(&mut self, cache: &mut LineCache) -> Option<usize> {
        self.prefix = cache.prefix(self.text);
        let mut fields = Fields::new(self.text, &cache.keys);
        if let Some(ParsedPrefix { fetch, action, user, id, .. }) = self.prefix {
            fields.skip(user, USER);
            let range = match id {
                Some((_, length)) => fields.skip_text_of_len(length),
                None => fields.skip_text()?,
            };
            self.set_range(USER, range);
            self.fields = REQUIRED;
            (self.cached_ids[FETCH], self.cached_ids[ACTION]) = (Some(fetch), Some(action));
        }
        loop {
            let key = fields.position();
            match fields.next(&mut cache.keys)? {
                Next::Key(field) => self.read_field(field, key, &mut fields, cache)?,
                Next::Other => fields.skip_value()?,
                Next::End => break,
            }
        }
        let length = match fields.rest().first() {
            None => fields.position(),
            Some(b'\n') => fields.position() + 1,
            Some(_) => return None,
        };
        (self.fields & REQUIRED == REQUIRED).then_some(length)
    }

    /// Reads the value of the field with this index, whose key starts at `key`.
    #[inline(always)]
    fn read_field(
        &mut self,
        field: usize,
        key: usize,
        fields: &mut Fields<'a>,
        cache: &LineCache,
    ) -> Option<()> {
        if (self.fields | self.nulls) & (1 << field) != 0 {
            return None;
        }
        let kind = KINDS[field];
        if let Some(of_kind) = FIELDS_OF_KIND.get(kind)
            && (self.fields | self.nulls) & of_kind == 0
            && let Some(cached) = cache.cached(kind, field, fields.rest())
        {
            self.add_cached(kind, cached);
            fields.skip(cached.len(), cached.last);
            return Some(());
        }
        self.fields |= 1 << field;
        let start = fields.position();
        // Fields that are not counted must have the right type, too.
        match (field, fields.skip_text()) {
            (TYPE, Some(range)) if self.text[range.clone()] == *"event" => {}
            (TS..COUNTED_TEXTS, Some(range)) => self.set_range(field, range),
            (COUNTED_TEXTS.., Some(_)) if (UNCOUNTED_TEXTS..CONTEXT).contains(&field) || field == KIND => {}
            (_, None) if field >= LANGUAGE && field != BOT && fields.skip_if_next("null", field) => {
                self.nulls |= 1 << field;
                self.fields &= !(1 << field);
                return Some(());
            }
            (CONTEXT, None) => drop(fields.parse::<Map<String, serde_json::Value>>()?),
            (BOT, None) => {
                let Value::Bool(bot) = fields.value()? else { return None };
                self.bot = bot;
            }
            (LINES..=TOTAL_TOKENS, None) => {
                let Value::Count(count) = fields.value()? else { return None };
                match field {
                    LINES => self.lines = Some(u32::try_from(count).ok()?),
                    TOTAL_TOKENS => {}
                    _ => self.counts[field - COUNTS.start] = Some(count),
                }
            }
            // A text with escapes.
            (UNCOUNTED_TEXTS.., None) => drop(fields.parse::<Cow<'_, str>>()?),
            _ => return None,
        }
        if kind < FIELDS_OF_KIND.len() {
            // An additional field of this kind, which the cached ones do not include.
            if self.cached_ids[kind].is_some() {
                return None;
            }
            self.has_new_fields = true;
            self.spans[kind].get_or_insert_default().add(field, key, start..fields.position());
        }
        Some(())
    }

    #[inline]
    fn add_cached(&mut self, kind: usize, cached: &CachedFields) {
        self.fields |= cached.fields;
        self.cached_ids[kind] = Some(cached.id);
    }

    #[inline]
    fn set_range(&mut self, field: usize, range: Range<usize>) {
        self.ranges[field] = (range.start as u32, range.end as u32);
    }

    /// The text of a field that was read.
    fn required(&self, field: usize) -> &'a str {
        let (start, end) = self.ranges[field];
        &self.text[start as usize..end as usize]
    }

    /// The text of a field, if the line has it.
    #[inline]
    fn optional(&self, field: usize) -> Option<&'a str> {
        (self.fields & (1 << field) != 0).then(|| self.required(field))
    }

    #[inline]
    fn agent_fields(&self) -> AgentFields<'a> {
        let [input, output, cache_read, cache_write_5m, cache_write_1h, cache_write] = self.counts;
        AgentFields {
            session: self.optional(SESSION),
            flow: self.optional(FLOW),
            environment: self.optional(ENVIRONMENT),
            labels: LabelFields {
                agent: self.optional(AGENT),
                flow_version: self.optional(FLOW_VERSION),
                item_type: self.optional(ITEM_TYPE),
                item: self.optional(ITEM),
                item_version: self.optional(ITEM_VERSION),
            },
            tool: self.optional(TOOL),
            model: self.optional(MODEL),
            outcome: self.optional(OUTCOME),
            tokens: Tokens { input, output, cache_read, cache_write_5m, cache_write_1h, cache_write },
        }
    }
}

impl FieldSpan {
    /// Adds a field, if it is adjacent to those before.
    fn add(&mut self, field: usize, key: usize, value: Range<usize>) {
        if self.fields == 0 {
            (self.range, self.fields) = (value, 1 << field);
            (self.first, self.last) = (field, field);
        } else if key == self.range.end {
            (self.range.end, self.fields, self.last) = (value.end, self.fields | 1 << field, field);
        }
    }
}

impl Reader {
    /// Reads an event, if the text starts with one in canonical form. Returns the length of its
    /// line, including the line break; `None` if the parser has to read the line.
    pub fn decode_event_fast(&mut self, text: &str) -> Option<usize> {
        if self.keeps_usernames() {
            return None;
        }
        let mut parsed = ParsedEvent::new(text);
        let length = parsed.read(&mut self.cache)?;
        // A matched start includes these checks.
        let row = match parsed.prefix {
            Some(ParsedPrefix { row, .. }) => row,
            None => {
                let known_day = parsed.cached_ids[FETCH].map(|fetch: u32| &*self.fetch_days[fetch as usize]);
                // A timestamp of another day may have an invalid day; the parser reports the
                // reason.
                let is_on_day =
                    is_timestamp_on(parsed.required(TS), known_day.unwrap_or_else(|| parsed.required(DAY)));
                parsed.required(ROW).parse().ok().filter(|_| is_on_day)?
            }
        };
        let fetch = match parsed.cached_ids[FETCH] {
            Some(fetch) => fetch,
            None => self.fetch(&FetchTexts {
                instance: parsed.required(INSTANCE),
                collector: parsed.required(COLLECTOR),
                scope: parsed.required(SCOPE),
                day: parsed.required(DAY),
                fetched_at: parsed.required(FETCHED_AT),
            })?,
        };
        let optional = |field| parsed.optional(field);
        let action = match parsed.cached_ids[ACTION] {
            Some(action) => action,
            None => self.action(parsed.required(EVENT), parsed.required(FEATURE)),
        };
        let editor = match parsed.cached_ids[EDITOR] {
            Some(editor) => editor,
            None => self.editor(optional(LANGUAGE), optional(IDE)),
        };
        if parsed.has_new_fields {
            for (kind, (span, id)) in parsed.spans.iter().zip([fetch, action, editor]).enumerate() {
                if let Some(span) = span
                    && span.fields == parsed.fields & FIELDS_OF_KIND[kind]
                {
                    self.cache.insert(kind, span, text, &self.fetch_days[fetch as usize], id);
                }
            }
        }
        let agent = if self.has_agent_role(action) {
            let ts =
                if parsed.prefix.is_some() { ParsedPrefix::timestamp(text) } else { parsed.required(TS) };
            self.agent_event(action, &parsed.agent_fields(), ts.parse().ok()?)
        } else {
            None
        };
        let cell = self.cell(action, editor);
        let id = parsed.prefix.and_then(|prefix| prefix.id).map(|(id, _)| id);
        let person = match id.or_else(|| global_id(parsed.required(USER))) {
            Some(id) if !parsed.bot => self.defer_person(fetch, id),
            _ => self.person(fetch, parsed.required(USER), parsed.bot),
        };
        let id = optional(EVENT_ID).map(EventId::of);
        self.count_event(CountedEvent { fetch, row, cell, person, lines: parsed.lines }, id, agent);
        Some(length)
    }
}

#[cfg(test)]
mod tests;
