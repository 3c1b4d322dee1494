//! Reading an event line that is spelled plainly.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Map;

use super::batch::CountedEvent;
use super::opening::{Opened, Opening};
use super::phrases::{Phrase, Phrases};
use super::reader::{FetchTexts, Reader, Told, global_id};
use super::rows::EventId;
use crate::base::calendar::is_moment_of;
use crate::events::agents::Tokens;
use crate::json::{Fields, Keys, Next, Value};

/// What lines are expected to say.
pub(super) struct Expected {
    keys: Keys,
    /// What is said of the fetch: most lines are of the same as the one before.
    fetch: Option<Phrase>,
    /// How lines of the same begin, if they are in the usual order.
    opening: Option<Opening>,
    action: Phrases,
    editor: Phrases,
}

/// Neighbouring fields of a kind, as they come in a line.
#[derive(Clone, Default)]
struct Run {
    place: Range<usize>,
    fields: u64,
    first: usize,
    last: usize,
}

/// What a line says, as far as it was read.
struct Said<'a> {
    text: &'a str,
    /// What its beginning says, where that is known.
    opened: Option<Opened>,
    /// Where the texts of the fields stand that it has; a line is shorter than four gigabytes.
    places: [(u32, u32); COUNTED_TEXTS],
    bot: bool,
    lines: Option<u32>,
    counts: [Option<u64>; COUNTS.end - COUNTS.start],
    /// The fields that it has, a bit each.
    fields: u64,
    /// The fields whose value is null, a bit each.
    nulls: u64,
    /// What phrases say that are known, by their kinds.
    known: [Option<u32>; OF_KIND.len()],
    /// Where the fields of each kind stand together, of which no phrase is known.
    runs: [Option<Run>; OF_KIND.len()],
    /// Whether there are any.
    is_new: bool,
}

/// The fields of an event: texts, of which it cannot do without the first eleven, then what is no text, then texts that do not
/// count, then an object that does not, and what only lines of other types have.
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
    "agent",
    "agent_type",
    "flow_version",
    "user_type",
    "global_user_id",
    "reason",
    "source",
    "context",
    "kind",
];

/// The fields without which there is no event, a bit each.
const REQUIRED: u64 = (1 << 11) - 1;

/// The places of fields that are named in the reader. Session, flow, environment, tool, model and outcome follow the id.
const TYPE: usize = 0;
const TS: usize = 1;
const INSTANCE: usize = 2;
const COLLECTOR: usize = 3;
const SCOPE: usize = 4;
const DAY: usize = 5;
const FETCHED_AT: usize = 6;
const ROW: usize = 7;
const EVENT: usize = 8;
const FEATURE: usize = 9;
const USER: usize = 10;
const LANGUAGE: usize = 11;
const IDE: usize = 12;
const EVENT_ID: usize = 13;
const BOT: usize = 20;
const LINES: usize = 21;
const COUNTS: Range<usize> = 22..28;
const TOTAL_TOKENS: usize = 28;
const LANGUAGE_ORIGINAL: usize = 34;
const IDE_ORIGINAL: usize = 35;
const UNCOUNTED: usize = TOTAL_TOKENS + 1;
const CONTEXT: usize = FIELDS.len() - 2;
const KIND: usize = FIELDS.len() - 1;

/// How many texts count.
const COUNTED_TEXTS: usize = BOT;

/// The kinds of phrases, and the fields of each, a bit each.
const FETCH: usize = 0;
const ACTION: usize = 1;
const EDITOR: usize = 2;
const OF_KIND: [u64; 3] = [
    0b11111 << INSTANCE,
    1 << EVENT | 1 << FEATURE,
    1 << LANGUAGE | 1 << LANGUAGE_ORIGINAL | 1 << IDE | 1 << IDE_ORIGINAL,
];

/// The kind of each field; fields of none have the number behind the last one.
const KINDS: [usize; FIELDS.len()] = {
    let mut kinds = [OF_KIND.len(); FIELDS.len()];
    let mut field = 0;
    while field < FIELDS.len() {
        let mut kind = 0;
        while kind < OF_KIND.len() {
            if OF_KIND[kind] & (1 << field) != 0 {
                kinds[field] = kind;
            }
            kind += 1;
        }
        field += 1;
    }
    kinds
};

impl Default for Expected {
    fn default() -> Expected {
        let (action, editor) = (Phrases::default(), Phrases::default());
        Expected { keys: Keys::new(FIELDS), fetch: None, opening: None, action, editor }
    }
}

impl Expected {
    /// The phrase of this kind that comes next in these bytes, which follow the key of this field, if it is known.
    #[inline]
    fn phrase(&self, kind: usize, field: usize, bytes: &[u8]) -> Option<&Phrase> {
        match kind {
            FETCH => self.fetch.as_ref().filter(|phrase| phrase.is_next(field, bytes)),
            ACTION => self.action.next(field, bytes),
            _ => self.editor.next(field, bytes),
        }
    }

    /// What the beginning of a line says, if it is in the usual order and of the fetch of the line before.
    #[inline]
    fn opened(&self, text: &str) -> Option<Opened> {
        self.opening.as_ref()?.read(text, &self.action, EVENT)
    }

    /// Learns what fields of a kind say when they came one after the other; `day` is that of the fetch.
    fn learn(&mut self, kind: usize, run: &Run, (text, day): (&str, &str), says: u32) {
        let Run { place, fields, first, last } = run;
        let bytes = &text.as_bytes()[place.start..];
        let Some(phrase) = Phrase::new(&text[place.clone()], *fields, (*first, *last), says) else { return };
        match kind {
            FETCH => {
                self.opening = (*first == INSTANCE).then(|| Opening::new(day, &phrase));
                self.fetch = Some(phrase);
            }
            ACTION => self.action.learn(phrase, bytes),
            _ => self.editor.learn(phrase, bytes),
        }
    }
}

impl<'a> Said<'a> {
    /// Nothing yet, of a line that this text begins with.
    // It takes some hundred bytes, and moving them costs as much as reading two fields: this and what follows become a part of the caller.
    #[inline(always)]
    fn new(text: &'a str) -> Said<'a> {
        Said {
            text,
            opened: None,
            places: [(0, 0); COUNTED_TEXTS],
            bot: false,
            lines: None,
            counts: [None; COUNTS.end - COUNTS.start],
            fields: 0,
            nulls: 0,
            known: [None; OF_KIND.len()],
            runs: [const { None }; OF_KIND.len()],
            is_new: false,
        }
    }

    /// Reads the line, and returns how long it is, with the line break; `None` when it is no event, or not plain.
    #[inline(always)]
    fn read(&mut self, expected: &mut Expected) -> Option<usize> {
        self.opened = expected.opened(self.text);
        let mut fields = Fields::of(self.text, &expected.keys);
        if let Some(Opened { fetch, action, user, id, .. }) = self.opened {
            fields.pass(user, USER);
            let place = match id {
                Some((_, length)) => fields.pass_text_of(length),
                None => fields.pass_text()?,
            };
            self.set_place(USER, place);
            self.fields = REQUIRED;
            (self.known[FETCH], self.known[ACTION]) = (Some(fetch), Some(action));
        }
        loop {
            let key = fields.position();
            match fields.next(&mut expected.keys)? {
                Next::Key(number) => self.read_field((number, key), &mut fields, expected)?,
                Next::Other => fields.pass_value()?,
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

    /// Reads the value of the field of this number, whose key stands there.
    #[inline(always)]
    fn read_field(
        &mut self,
        (number, key): (usize, usize),
        fields: &mut Fields<'a>,
        expected: &Expected,
    ) -> Option<()> {
        if (self.fields | self.nulls) & (1 << number) != 0 {
            return None;
        }
        let kind = KINDS[number];
        if let Some(of_kind) = OF_KIND.get(kind)
            && (self.fields | self.nulls) & of_kind == 0
            && let Some(phrase) = expected.phrase(kind, number, fields.rest())
        {
            self.add_phrase(kind, phrase);
            fields.pass(phrase.len(), phrase.last);
            return Some(());
        }
        self.fields |= 1 << number;
        let start = fields.position();
        // What does not count has to be of the right form all the same.
        match (number, fields.pass_text()) {
            (TYPE, Some(place)) if self.text[place.clone()] == *"event" => {}
            (TS..COUNTED_TEXTS, Some(place)) => self.set_place(number, place),
            (COUNTED_TEXTS.., Some(_)) if (UNCOUNTED..CONTEXT).contains(&number) || number == KIND => {}
            (_, None) if number >= LANGUAGE && number != BOT && fields.passes("null", number) => {
                self.nulls |= 1 << number;
                self.fields &= !(1 << number);
                return Some(());
            }
            (CONTEXT, None) => drop(fields.parse::<Map<String, serde_json::Value>>()?),
            (BOT, None) => {
                let Value::Bool(bot) = fields.value()? else { return None };
                self.bot = bot;
            }
            (LINES..=TOTAL_TOKENS, None) => {
                let Value::Count(count) = fields.value()? else { return None };
                match number {
                    LINES => self.lines = Some(u32::try_from(count).ok()?),
                    TOTAL_TOKENS => {}
                    _ => self.counts[number - COUNTS.start] = Some(count),
                }
            }
            // With escapes.
            (UNCOUNTED.., None) => drop(fields.parse::<Cow<'_, str>>()?),
            _ => return None,
        }
        if kind < OF_KIND.len() {
            // One more of a phrase that was known without it.
            if self.known[kind].is_some() {
                return None;
            }
            self.is_new = true;
            self.runs[kind].get_or_insert_default().add(number, key, start..fields.position());
        }
        Some(())
    }

    #[inline]
    fn add_phrase(&mut self, kind: usize, phrase: &Phrase) {
        self.fields |= phrase.fields;
        self.known[kind] = Some(phrase.says);
    }

    #[inline]
    fn set_place(&mut self, number: usize, place: Range<usize>) {
        self.places[number] = (place.start as u32, place.end as u32);
    }

    /// The text of a field that was read.
    fn required(&self, number: usize) -> &'a str {
        let (start, end) = self.places[number];
        &self.text[start as usize..end as usize]
    }

    /// The text of a field, if the line has it.
    #[inline]
    fn optional(&self, number: usize) -> Option<&'a str> {
        (self.fields & (1 << number) != 0).then(|| self.required(number))
    }
}

impl Run {
    /// Adds a field.
    fn add(&mut self, number: usize, key: usize, value: Range<usize>) {
        if self.fields == 0 {
            (self.place, self.fields) = (value, 1 << number);
            (self.first, self.last) = (number, number);
        } else if key == self.place.end {
            (self.place.end, self.fields, self.last) = (value.end, self.fields | 1 << number, number);
        }
    }
}

impl Reader {
    /// Reads an event if the text begins with one that is spelled plainly and ends its line, and returns how long that is, with the
    /// line break; `None` when the parser has to look at the line.
    pub fn read_plain_event(&mut self, text: &str) -> Option<usize> {
        let mut said = Said::new(text);
        let length = said.read(&mut self.expected)?;
        // What is opened was looked at there.
        let row = match said.opened {
            Some(Opened { row, .. }) => row,
            None => {
                let known_day = said.known[FETCH].map(|fetch: u32| &*self.fetch_days[fetch as usize]);
                // A stamp of another day may be no day at all: the parser says which.
                let is_of_day =
                    is_moment_of(said.required(TS), known_day.unwrap_or_else(|| said.required(DAY)));
                said.required(ROW).parse().ok().filter(|_| is_of_day)?
            }
        };
        let fetch = match said.known[FETCH] {
            Some(fetch) => fetch,
            None => self.fetch(&FetchTexts {
                instance: said.required(INSTANCE),
                collector: said.required(COLLECTOR),
                scope: said.required(SCOPE),
                day: said.required(DAY),
                fetched_at: said.required(FETCHED_AT),
            })?,
        };
        let optional = |number| said.optional(number);
        let action = match said.known[ACTION] {
            Some(action) => action,
            None => self.action(said.required(EVENT), said.required(FEATURE)),
        };
        let editor = match said.known[EDITOR] {
            Some(editor) => editor,
            None => self.editor(optional(LANGUAGE), optional(IDE)),
        };
        if said.is_new {
            for (kind, (run, says)) in said.runs.iter().zip([fetch, action, editor]).enumerate() {
                if let Some(run) = run
                    && run.fields == said.fields & OF_KIND[kind]
                {
                    self.expected.learn(kind, run, (text, &self.fetch_days[fetch as usize]), says);
                }
            }
        }
        let told = if self.is_of_agents(action) {
            let [input, output, cache_read, cache_write_5m, cache_write_1h, cache_write] = said.counts;
            let told = Told {
                session: optional(EVENT_ID + 1),
                flow: optional(EVENT_ID + 2),
                environment: optional(EVENT_ID + 3),
                tool: optional(EVENT_ID + 4),
                model: optional(EVENT_ID + 5),
                outcome: optional(EVENT_ID + 6),
                tokens: Tokens { input, output, cache_read, cache_write_5m, cache_write_1h, cache_write },
            };
            let ts = if said.opened.is_some() { Opened::moment(text) } else { said.required(TS) };
            self.agent_event(action, &told, ts.parse().ok()?)
        } else {
            None
        };
        let cell = self.cell(action, editor);
        let id = said.opened.and_then(|opened| opened.id).map(|(id, _)| id);
        let person = match id.or_else(|| global_id(said.required(USER))) {
            Some(id) if !said.bot => self.person_later(fetch, id),
            _ => self.person(fetch, said.required(USER), said.bot),
        };
        let id = optional(EVENT_ID).map(EventId::of);
        self.count_event(CountedEvent { fetch, row, cell, person, lines: said.lines }, id, told);
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::rollup::{Fetch, Meanings, Rollups};

    /// What comes of lines, when the parser reads each of them or only those that are not plain.
    fn read(lines: &[String], may_be_plain: bool) -> (Vec<String>, Vec<Result<(), String>>) {
        let (mut rollups, mut meanings, mut reader) =
            (Rollups::default(), Meanings::default(), Reader::default());
        let mut said = Vec::new();
        for line in lines {
            // A blank at the end is not plain, and says nothing.
            let line = if may_be_plain { line.clone() } else { format!("{line} ") };
            said.push(reader.read(&line).map(|_| ()));
            rollups.take(reader.batch(), &mut meanings);
        }
        rollups.fetches_mut().for_each(Fetch::finish);
        let mut lines = Vec::new();
        rollups
            .for_each_rollup(|line| {
                lines.push(serde_json::to_string(line).expect("serialises"));
                Ok::<(), ()>(())
            })
            .expect("nothing fails");
        (lines, said)
    }

    #[test]
    fn lines_of_the_fetch_before_say_the_same_as_alone_and_are_known_by_its_spelling() {
        let line = |fetch: &str, row: u32| {
            format!(
                r#"{{"type":"event","ts":"2026-10-01T12:34:56Z",{fetch},"row":"1:{row}","event":"x","feature":"y","user":"u{row}"}}"#
            )
        };
        let first = r#""instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z""#;
        let fetches = [
            first.to_owned(),
            first.replace("03:00", "04:00"),
            first.replace(r#""scope":"s""#, r#""scope":"st""#),
            first.replace(r#""instance":"i","collector":"c""#, r#""collector":"c","instance":"i""#),
            first.replace(r#""instance":"i","collector":"c""#, r#""instance":"c","instance":"i""#),
            first.replace("2026-10-01", "2026-10-03"),
            format!(r#"{first},"scope":"t""#),
            first.replace("instance", "scope"),
            first.replace("instance", "row"),
        ];
        let mut lines = Vec::new();
        for (one, other) in
            (0..fetches.len()).flat_map(|one| (0..fetches.len()).map(move |other| (one, other)))
        {
            for fetch in [one, one, other, one] {
                lines.push(line(&fetches[fetch], lines.len() as u32));
            }
        }
        let together = read(&lines, true);
        assert_eq!(together, read(&lines, false));
        assert!(together.1.iter().any(Result::is_err) && together.0.len() > 60);
        let mut reader = Reader::default();
        assert!(reader.read(&lines[0]).is_ok());
        let spelling = first.strip_prefix(r#""instance":"#).expect("its first key");
        let known = reader.expected.phrase(FETCH, INSTANCE, spelling.as_bytes()).map(Phrase::len);
        assert_eq!(known, Some(spelling.len()));
        // Only what is in the usual order begins so.
        for (number, line) in (0..).zip(&lines[..32]) {
            let mut reader = Reader::default();
            let is_read = reader.read(line).is_ok() && reader.read(line).is_ok();
            let is_usual = line.contains("\"ts\":\"2026-10-01T12:34:56Z\",\"instance\":");
            assert_eq!(reader.expected.opened(line).is_some(), is_read && is_usual, "{number}: {line}");
        }
    }

    #[test]
    fn what_was_said_before_says_the_same_whatever_stands_around_it() {
        let long = "a language with a name of more than a beginning";
        let editors = [
            String::new(),
            r#","language":"l""#.to_owned(),
            r#","language":"l","ide":"i""#.to_owned(),
            r#","ide":"i","language":"l""#.to_owned(),
            r#","ide":"i""#.to_owned(),
            r#","language":"l","language_original":"L","ide":"i","ide_original":"I""#.to_owned(),
            r#","language":"l","lines":3,"ide":"i""#.to_owned(),
            r#","language":"l","language":"m""#.to_owned(),
            r#","ide":"l""#.to_owned(),
            r#","language_original":"l""#.to_owned(),
            r#","ide_original":"l","ide":"i""#.to_owned(),
            r#","language_original":"l","ide":"i""#.to_owned(),
            r#","language":"l","ide":7"#.to_owned(),
            format!(r#","language":"{long}""#),
            format!(r#","language":"{long}","ide":"i""#),
            format!(r#","language":"{long}","ide":"i","feature":"other""#),
            format!(r#","language":"{long} again","lines":3,"ide":"i""#),
            format!(r#","language":"{long} again","lines":3"#),
        ];
        let actions = [
            r#""event":"x","feature":"y""#,
            r#""event":"x","feature":"z""#,
            r#""event":"xx","feature":"y""#,
            r#""feature":"y","event":"x""#,
            r#""event":"request_duo_workflow_success","feature":"agent_platform""#,
            r#""event":"x""#,
            r#""feature":"x","feature":"y""#,
            r#""event":"x","event":"y""#,
        ];
        let spelled: Vec<String> = actions
            .iter()
            .flat_map(|action| editors.iter().map(move |editor| format!("{action},\"user\":\"u\"{editor}")))
            .collect();
        let mut lines = Vec::new();
        for (one, other) in spelled.iter().flat_map(|one| spelled.iter().map(move |other| (one, other))) {
            for told in [one, one, other, one] {
                lines.push(format!(
                    r#"{{"type":"event","ts":"2026-10-01T12:34:56Z","instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","row":"1:{}",{told},"namespace":"n"}}"#,
                    lines.len()
                ));
            }
        }
        let together = read(&lines, true);
        assert_eq!(together, read(&lines, false));
        assert!(together.1.iter().any(Result::is_err) && together.0.len() > 20);
        let bytes = format!(r#"{},"user":"u""#, &actions[0]["\"event\":".len()..]);
        let mut reader = Reader::default();
        assert!(reader.read(&lines[0]).is_ok());
        let known = reader.expected.phrase(ACTION, EVENT, bytes.as_bytes()).map(Phrase::len);
        assert_eq!(known, Some(r#""x","feature":"y""#.len()));
    }

    #[test]
    fn plain_or_not_a_line_says_the_same_whatever_its_fields_hold() {
        let counted: usize = [r#""x""#, r#""request_duo_workflow_success""#, r#""token_usage_duo_chat""#]
            .map(says_the_same_plain_or_not)
            .into_iter()
            .sum();
        assert!(counted > 1_000, "most lines are events: {counted}");
    }

    /// How many lines came of events of this name with one field changed or doubled.
    fn says_the_same_plain_or_not(event: &str) -> usize {
        let fields = [
            ("type", r#""event""#),
            ("ts", r#""2026-10-01T12:34:56Z""#),
            ("instance", r#""https://gitlab.example.com""#),
            ("collector", r#""usage_events""#),
            ("scope", r#""acme""#),
            ("day", r#""2026-10-01""#),
            ("fetched_at", r#""2026-10-02T03:00:00Z""#),
            ("row", r#""3:17""#),
            ("event", event),
            ("feature", r#""y""#),
            ("user", r#""gid://gitlab/User/1""#),
            ("username", r#""ana""#),
            ("bot", "false"),
            ("language", r#""rust""#),
            ("ide", r#""neovim""#),
            ("lines", "7"),
            ("tracking_id", r#""t""#),
            ("event_id", r#""e""#),
            ("namespace", r#""acme""#),
            ("project", r#""p""#),
            ("session", r#""s""#),
            ("flow", r#""f""#),
            ("environment", r#""ide""#),
            ("tool", r#""t""#),
            ("model", r#""m""#),
            ("model_engine", r#""m""#),
            ("model_provider", r#""p""#),
            ("agent", r#""a""#),
            ("agent_type", r#""a""#),
            ("flow_version", r#""v1""#),
            ("user_type", r#""human""#),
            ("global_user_id", r#""g""#),
            ("outcome", r#""completed""#),
            ("reason", r#""r""#),
            ("input_tokens", "9"),
            ("output_tokens", "8"),
            ("total_tokens", "17"),
            ("cache_read", "3"),
            ("cache_write_5m", "2"),
            ("cache_write_1h", "1"),
            ("cache_write", "3"),
            ("source", r#""gitlab-rails""#),
            ("context", ""),
            ("kind", ""),
            ("language_original", r#""Rust""#),
            ("ide_original", r#""Neovim""#),
            ("of_tomorrow", "1"),
        ];
        let values = [
            "",
            r#""""#,
            r#""x""#,
            "null",
            "true",
            "7",
            "-7",
            "1.5",
            "4294967296",
            "[]",
            r#"{"plan":"free"}"#,
            r#""2026-10-01T24:00:00Z""#,
            r#""2026-10-01T12:34:60Z""#,
            r#""2026-10-01T12:34:56.5Z""#,
            r#""2026-10-01T12:34:56.789Z""#,
            r#""2026-10-01T12:34:56.78aZ""#,
            r#""2026-02-30T12:34:56Z""#,
            r#""2026-10-02T00:00:00Z""#,
            r#""2026-10-01T12:34:5aZ""#,
            r#""2026-10-01""#,
            r#""2026-13-01""#,
            r#""1:2:3""#,
            r#""17""#,
            r#""001:0002""#,
            r#""1:""#,
            r#""1:4294967296""#,
            r#""+1:2""#,
            r#""gid://gitlab/User/""#,
            r#""gid://gitlab/User/01""#,
            r#""gid://gitlab/User/1x""#,
            r#""gid://gitlab/User/1x"#,
            r#""gid://gitlab/User/1234567890123456789""#,
            r#""gid://gitlab/Users/1""#,
            r#""\u0065""#,
            r#""événement élémentaire""#,
        ];
        let line = |fields: &[(&str, &str)]| {
            let fields: Vec<String> = fields
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!(r#""{name}":{value}"#))
                .collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(Reader::default().read_plain_event(&line(&fields)).is_some());
        // Behind a line that says how lines of the fetch begin, and what happens in them.
        let mut usual = fields;
        usual[7].1 = r#""3:16""#;
        let usual = line(&usual[..11]);
        let mut counted = 0;
        for place in 0..fields.len() {
            for value in values {
                let mut changed = fields.to_vec();
                changed[place].1 = value;
                let mut doubled = fields.to_vec();
                doubled.push((fields[place].0, value));
                for line in [line(&changed), line(&doubled)] {
                    for lines in [vec![line.clone()], vec![usual.clone(), line]] {
                        let plain = read(&lines, true);
                        assert_eq!(plain, read(&lines, false), "{lines:?}");
                        counted += plain.0.len();
                    }
                }
            }
        }
        counted
    }
}
