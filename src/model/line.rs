//! Which line type a line is, and reading it.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::calendar::{Day, Grain, Period, Timestamp};
use crate::json;
use crate::model::event::{self, Event};
use crate::model::log_line::is_furniture;
use crate::model::record::{
    AgentRollup, Coverage, Credit, Dora, FormerGroup, GroupTotal, MergeRequest, Metric, Origin, Pipeline,
    Project, Raw, Seat, SeatPool, SessionRollup, UsageRollup, UserTotal,
};

/// A line of any type.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly every line is a record, and one is held at a time")]
pub enum Line<'a> {
    /// A page of nodes.
    Raw(Raw<'a>),
    /// What became of a collector, scope and day.
    Coverage(Coverage),
    /// A typed row.
    Record(Record<'a>),
    /// Counted rows.
    Rollup(Rollup<'a>),
    /// A number.
    Metric(Box<Metric>),
    /// A group that is no longer asked for.
    FormerGroup(FormerGroup),
    /// A type this version does not know.
    Unknown,
}

/// Rows of one fetch, counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Rollup<'a> {
    /// Usage events.
    Usage(UsageRollup<'a>),
    /// A session of agents.
    Session(SessionRollup<'a>),
    /// Calls of tools and tokens.
    Agent(Box<AgentRollup<'a>>),
}

/// A typed row of any source.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Record<'a> {
    /// A usage event, in a box: it is larger than the others.
    Event(Box<Event<'a>>),
    /// A person's seat.
    Seat(Seat<'a>),
    /// A purchase of seats.
    SeatPool(SeatPool<'a>),
    /// The state of a merge request.
    MergeRequest(MergeRequest<'a>),
    /// The state of a pipeline.
    Pipeline(Pipeline<'a>),
    /// A project.
    Project(Project<'a>),
    /// GitLab Credits used on a day.
    Credit(Credit<'a>),
    /// Numbers of a group that GitLab counted itself.
    GroupTotal(GroupTotal<'a>),
    /// Numbers of a user that GitLab counted itself.
    UserTotal(UserTotal<'a>),
    /// A DORA figure of a month.
    Dora(Dora<'a>),
}

/// Whether a line says of which type it is.
pub fn is_typed(text: &str) -> bool {
    parse::<Tag<'_>>(text).is_ok()
}

/// Whether a line may say of which type it is, found without reading it. A type whose name is written with escapes is missed.
pub fn may_be_typed(text: &str) -> bool {
    text.starts_with("{\"type\":") || memmem::find(text.as_bytes(), b"\"type\"").is_some()
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
}

impl<'a> Line<'a> {
    /// Reads a line. The error says why it cannot be read, without repeating any of its content.
    pub fn parse(text: &'a str) -> Result<Line<'a>, String> {
        if let Some(metric) = plain_metric(text) {
            return Ok(Line::Metric(Box::new(metric)));
        }
        // Nearly all lines are events, which check their type and kind themselves.
        if text.starts_with(r#"{"type":"event","#) {
            return Ok(Line::Record(Record::Event(parse(text)?)));
        }
        let tag: Tag = parse(text)?;
        Ok(match tag.r#type.as_ref() {
            "raw" => Line::Raw(parse(text)?),
            "coverage" => Line::Coverage(parse(text)?),
            "rollup" => match tag.kind.as_deref() {
                Some("usage") => Line::Rollup(Rollup::Usage(parse(text)?)),
                Some("session") => Line::Rollup(Rollup::Session(parse(text)?)),
                Some("agent") => Line::Rollup(Rollup::Agent(Box::new(parse(text)?))),
                _ => Line::Unknown,
            },
            "metric" => Line::Metric(Box::new(parse(text)?)),
            "former_group" => Line::FormerGroup(parse(text)?),
            "event" => Line::Record(Record::Event(parse(text)?)),
            "seat" => Line::Record(Record::Seat(parse(text)?)),
            "seat_pool" => Line::Record(Record::SeatPool(parse(text)?)),
            "merge_request" => Line::Record(Record::MergeRequest(parse(text)?)),
            "pipeline" => Line::Record(Record::Pipeline(parse(text)?)),
            "project" => Line::Record(Record::Project(parse(text)?)),
            "credit" => Line::Record(Record::Credit(parse(text)?)),
            "group_total" => Line::Record(Record::GroupTotal(parse(text)?)),
            "user_total" => Line::Record(Record::UserTotal(parse(text)?)),
            "dora" => Line::Record(Record::Dora(parse(text)?)),
            _ => Line::Unknown,
        })
    }
}

impl<'a> Line<'a> {
    /// Reads a line, also one that can be [repaired]; `room` holds the repaired text then. What shells put between lines
    /// (`grep -C`, `tail -n 5 a b`) is of no known type.
    pub fn parse_or_repair(text: &'a str, room: &'a mut Option<Repaired>) -> Result<Line<'a>, String> {
        Line::parse(text).or_else(|reason| match repaired(text) {
            _ if is_furniture(text) => Ok(Line::Unknown),
            Some(repaired) => Line::parse(&room.insert(repaired).text),
            None => Err(reason),
        })
    }
}

impl Rollup<'_> {
    /// The day of the fetch.
    pub fn day(&self) -> Day {
        match self {
            Rollup::Usage(rollup) => rollup.day,
            Rollup::Session(rollup) => rollup.of.day,
            Rollup::Agent(rollup) => rollup.of.day,
        }
    }

    /// Whether its counts can be true together.
    pub fn is_possible(&self) -> bool {
        match self {
            Rollup::Usage(rollup) => rollup.is_possible(),
            Rollup::Session(_) => true,
            Rollup::Agent(rollup) => rollup.counts.are_consistent(),
        }
    }
}

impl Rollup<'_> {
    /// Gives the rows another address and group.
    pub fn set_origin(&mut self, instance: &str, scope: &str) {
        let (of_instance, of_scope) = match self {
            Rollup::Usage(usage) => (&mut usage.instance, &mut usage.scope),
            Rollup::Session(session) => (&mut session.of.instance, &mut session.of.scope),
            Rollup::Agent(agent) => (&mut agent.of.instance, &mut agent.of.scope),
        };
        (*of_instance, *of_scope) = (instance.to_owned().into(), scope.to_owned().into());
    }
}

impl Record<'_> {
    /// Where the record comes from.
    pub fn origin(&self) -> &Origin<'_> {
        match self {
            Record::Event(event) => &event.origin,
            Record::Seat(seat) => &seat.origin,
            Record::SeatPool(pool) => &pool.origin,
            Record::MergeRequest(merge_request) => &merge_request.origin,
            Record::Pipeline(pipeline) => &pipeline.origin,
            Record::Project(project) => &project.origin,
            Record::Credit(credit) => &credit.origin,
            Record::GroupTotal(total) => &total.origin,
            Record::UserTotal(total) => &total.origin,
            Record::Dora(dora) => &dora.origin,
        }
    }

    /// Gives the record another address and group.
    pub fn set_origin(&mut self, instance: &str, scope: &str) {
        let origin = match self {
            Record::Event(event) => &mut event.origin,
            Record::Seat(seat) => &mut seat.origin,
            Record::SeatPool(pool) => &mut pool.origin,
            Record::MergeRequest(merge_request) => &mut merge_request.origin,
            Record::Pipeline(pipeline) => &mut pipeline.origin,
            Record::Project(project) => &mut project.origin,
            Record::Credit(credit) => &mut credit.origin,
            Record::GroupTotal(total) => &mut total.origin,
            Record::UserTotal(total) => &mut total.origin,
            Record::Dora(dora) => &mut dora.origin,
        };
        (origin.instance, origin.scope) = (instance.to_owned().into(), scope.to_owned().into());
    }

    /// The full path of the project that the record is of.
    pub fn project(&self) -> Option<&str> {
        match self {
            Record::MergeRequest(merge_request) => Some(&merge_request.project),
            Record::Pipeline(pipeline) => Some(&pipeline.project),
            Record::Project(project) => Some(&project.project),
            _ => None,
        }
    }

    /// Gives the project that the record is of another path.
    pub fn set_project(&mut self, path: String) {
        match self {
            Record::MergeRequest(merge_request) => merge_request.project = path.into(),
            Record::Pipeline(pipeline) => pipeline.project = path.into(),
            Record::Project(project) => project.project = path.into(),
            _ => {}
        }
    }

    /// The UTC days the record's own stamps lie on; none for snapshots, which are of the day they were taken, and for
    /// figures that speak of many days.
    pub fn days(&self) -> impl Iterator<Item = Day> {
        let (first, second) = match self {
            Record::Event(event) => (Some(event.ts.day()), None),
            Record::Seat(_) | Record::SeatPool(_) | Record::Project(_) | Record::Dora(_) => (None, None),
            Record::MergeRequest(merge_request) => {
                (Some(merge_request.created_at.day()), merge_request.merged_at.map(Timestamp::day))
            }
            Record::Pipeline(pipeline) => (Some(pipeline.created_at.day()), None),
            Record::Credit(credit) => (Some(credit.date), None),
            Record::GroupTotal(total) => (Some(total.end), None),
            Record::UserTotal(total) => (Some(total.end), None),
        };
        first.into_iter().chain(second)
    }

    /// Whether the record is of the day its fetch asked for. The server's windows overlap, so some are not.
    pub fn is_of_its_day(&self) -> bool {
        match self {
            Record::Seat(_) | Record::SeatPool(_) | Record::Project(_) => true,
            Record::Dora(dora) => {
                dora.period == Period::containing(Grain::Month, dora.origin.day, dora.origin.day).start
            }
            _ => self.days().any(|day| day == self.origin().day),
        }
    }
}

/// The number in a line that is spelled as `aggregate` spells it, with its type first and once: most lines that
/// `dashboard` and `export` read are, and finding the type of a line takes as long as reading all of it.
fn plain_metric(text: &str) -> Option<Metric> {
    static TYPE: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(r#""type":"#));
    let rest = text.strip_prefix(r#"{"type":"metric","#)?;
    TYPE.find(rest.as_bytes()).is_none().then(|| json::from_str(text))?
}

/// The metric of a line that is spelled as `aggregate` spells it and is of a day and split by something. What follows its
/// first dimension is not looked at: most metric lines are such, and reading them would take most of the time.
pub fn metric_of_split_day(text: &str) -> Option<&str> {
    // An escaped quote within a text is not followed by the next key.
    let (metric, rest) = text.strip_prefix(r#"{"type":"metric","metric":""#)?.split_once('"')?;
    let (_, rest) = rest.strip_prefix(r#","instance":""#)?.split_once('"')?;
    let (_, rest) = rest.strip_prefix(r#","scope":""#)?.split_once('"')?;
    let (_, rest) = rest.strip_prefix(r#","grain":"day","start":""#)?.split_once('"')?;
    let (_, rest) = rest.strip_prefix(r#","end":""#)?.split_once('"')?;
    (rest.starts_with(r#","by":{""#) && rest.ends_with('}')).then_some(metric)
}

/// Reads JSON text. The error says what is wrong and where, but repeats no value: values can be personal.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    // serde reads a struct from an array too; a line or a node is an object.
    if !text.trim_start().starts_with('{') {
        return Err("not a JSON object".to_owned());
    }
    if let Some(value) = json::from_str(text) {
        return Ok(value);
    }
    serde_json::from_str(text).map_err(|error| reason(&error))
}

/// The same JSON text with what costs the line and matters to no metric put right; `None` when there is nothing of that
/// kind. Readers try it on lines that cannot be read, so that lines that can be read cost nothing more.
///
/// - Half a surrogate pair in an escape (`\ud83d`, which `json.dumps` of Python and `JSON.stringify` before ES2019 write
///   for text that was cut within a character) becomes U+FFFD.
/// - A field of an event record that no metric rests on is left out where its value is not text.
pub fn repaired(text: &str) -> Option<Repaired> {
    let whole = with_whole_surrogates(text);
    let left_out = without_unusable(whole.as_deref().unwrap_or(text));
    match (whole, left_out) {
        (_, Some(repaired)) => Some(repaired),
        (Some(text), None) => Some(Repaired { text, left_out: 0 }),
        (None, None) => None,
    }
}

/// A line that was put right.
#[derive(Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The line.
    pub text: String,
    /// How many fields were left out of it.
    pub left_out: u64,
}

/// The text with U+FFFD for every escaped surrogate that has no other half; `None` when all have one.
pub fn with_whole_surrogates(text: &str) -> Option<String> {
    /// The code unit of the escape `\uXXXX` that a text starts with.
    fn unit(text: &[u8]) -> Option<u16> {
        let digits = text.strip_prefix(b"\\u")?.get(..4)?;
        // `from_str_radix` would take a sign.
        let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        u16::from_str_radix(str::from_utf8(digits).ok().filter(|_| is_hexadecimal)?, 16).ok()
    }
    const ESCAPE: usize = "\\uXXXX".len();
    let bytes = text.as_bytes();
    let (mut whole, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(next) = memchr::memchr(b'\\', &bytes[at..]) {
        at += next;
        at += match unit(&bytes[at..]) {
            Some(0xd800..0xdc00)
                if matches!(bytes.get(at + ESCAPE..).and_then(unit), Some(0xdc00..0xe000)) =>
            {
                2 * ESCAPE
            }
            Some(0xd800..0xe000) => {
                whole.push_str(&text[copied..at]);
                whole.push_str("\\ufffd");
                copied = at + ESCAPE;
                ESCAPE
            }
            // The character behind a backslash does not start an escape of its own.
            _ => 2,
        };
        if at >= bytes.len() {
            break;
        }
    }
    (copied > 0).then(|| whole + &text[copied..])
}

/// An event record without the fields that no metric rests on and that have a value of the wrong form; `None` when
/// there is none of them.
fn without_unusable(text: &str) -> Option<Repaired> {
    let mut object: Map<String, Value> = serde_json::from_str(text).ok()?;
    if object.get("type").and_then(Value::as_str) != Some("event") {
        return None;
    }
    let before = object.len();
    object.retain(|name, value| !event::is_unusable(name, value));
    let left_out = (before - object.len()) as u64;
    (left_out > 0).then(|| Repaired { text: Value::Object(object).to_string(), left_out })
}

/// What is wrong with JSON text, and where, without any value.
pub fn reason(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let column = error.column();
    let said = error.to_string();
    match error.classify() {
        Category::Eof => "cut off before its end".to_owned(),
        Category::Syntax if said.starts_with("recursion limit") => "nested too deeply".to_owned(),
        Category::Syntax | Category::Io => format!("not JSON at column {column}"),
        // serde names the field in these two, and in no other it is safe to pass the text on.
        Category::Data if said.starts_with("missing field") || said.starts_with("duplicate field") => {
            said.split(" at line").next().unwrap_or_default().to_owned()
        }
        Category::Data => format!("a value of the wrong type or form before column {column}"),
    }
}

/// The JSON value in a text.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if let Some(value) = json::from_str(text) {
        return Ok(value);
    }
    serde_json::from_str(text).or_else(|error| {
        let whole = with_whole_surrogates(text).ok_or_else(|| reason(&error))?;
        serde_json::from_str(&whole).map_err(|error| reason(&error))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reasons_name_the_place_and_never_a_value() {
        let cases = [
            (r#"{"type":"event","user":"ana"#, "cut off before its end"),
            (r#"{"type":"event",user:"ana"}"#, "not JSON at column"),
            (r#"{"kind":"event","user":"ana"}"#, "missing field `type`"),
            (r#"{"type":["ana"]}"#, "a value of the wrong type or form"),
            (r#"{"type":"event","ts":"ana"}"#, "a value of the wrong type or form"),
            (r#"["ana"]"#, "not a JSON object"),
        ];
        for (text, reason) in cases {
            let said = Line::parse(text).expect_err(text);
            assert!(said.starts_with(reason), "{text}: {said}");
            assert!(!said.contains("ana"), "{said}");
        }
        assert!(matches!(Line::parse(r#"{"type":"of_tomorrow","x":1}"#), Ok(Line::Unknown)));
    }

    #[test]
    fn halves_of_surrogate_pairs_are_replaced_and_nothing_else_is() {
        for (text, whole) in [
            (r"cut \ud83d", r"cut \ufffd"),
            (r"\uDE00 cut", r"\ufffd cut"),
            (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
            (r"\ud83d\n", r"\ufffd\n"),
            (r"\ud83dx\ude00", r"\ufffdx\ufffd"),
            (r"\\\ud83d", r"\\\ufffd"),
            (r"\ud83d\ud8zz", r"\ufffd\ud8zz"),
        ] {
            assert_eq!(with_whole_surrogates(text).as_deref(), Some(whole), "{text}");
            assert_eq!(with_whole_surrogates(whole), None, "{whole}");
        }
        for text in
            [r"\ud83d\ude00", r"\\ud83d", r"\ud8zz", r"\u+83d", r"\ud8", r"\u", r"\", "", "é", r"\u00e9"]
        {
            assert_eq!(with_whole_surrogates(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_repaired_is_what_a_lossy_reader_reads(units in proptest::collection::vec(0xd7fe..0xe002_u16, 0..12)) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let whole = with_whole_surrogates(&escaped).unwrap_or_else(|| escaped.clone());
            let read: String = serde_json::from_str(&format!("\"{whole}\"")).expect("no half is left");
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }

    #[test]
    fn a_field_that_no_metric_needs_never_costs_the_record() {
        let line = |more: &str| {
            format!(
                r#"{{"type":"event","ts":"2026-10-01T12:34:56Z","instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","row":"1:1","event":"x","feature":"other","user":"u"{more}}}"#
            )
        };
        for (more, left_out) in [
            (r#","source":5,"agent":["a"],"input_tokens":7"#, 2),
            (r#","context":"x","username":null,"input_tokens":7"#, 1),
            (r#","model_provider":{},"reason":"\ud83d","input_tokens":7"#, 1),
        ] {
            let text = line(more);
            assert!(Line::parse(&text).is_err(), "{more}");
            let repaired = repaired(&text).expect(more);
            assert_eq!(repaired.left_out, left_out, "{more}");
            let Ok(Line::Record(Record::Event(event))) = Line::parse(&repaired.text) else {
                panic!("{more}")
            };
            assert_eq!(event.input_tokens, Some(7));
        }
        // What numbers rest on is not left out: the line is rejected.
        for more in [r#","bot":"yes""#, r#","input_tokens":-1"#, r#","session":5"#, r#","event_id":5"#] {
            assert_eq!(repaired(&line(more)), None, "{more}");
        }
    }

    #[test]
    fn a_split_day_is_known_by_its_text_and_nothing_else_is() {
        let line = |scope: &str, grain: &str, by: &str| {
            let keys = format!(r#""instance":"https://g.example","scope":"{scope}","grain":"{grain}","#);
            format!(
                r#"{{"type":"metric","metric":"chat.users",{keys}"start":"2026-10-01","end":"2026-10-01","by":{by},"value":1}}"#
            )
        };
        let split = line("acme", "day", r#"{"ide":"zed"}"#);
        assert_eq!(metric_of_split_day(&split), Some("chat.users"));
        for other in [
            line("acme", "day", "{}"),
            line("acme", "week", r#"{"ide":"zed"}"#),
            line(r#"a\",\"grain\":\"day"#, "week", r#"{"ide":"zed"}"#),
            line(r#"a\\"#, "week", r#"{"ide":"zed","grain":"day"}"#),
            split.trim_end_matches('}').to_owned(),
            split.replace("\"metric\",", "\"event\","),
        ] {
            assert_eq!(metric_of_split_day(&other), None, "{other}");
        }
    }

    #[test]
    fn records_read_back_as_they_were_written_in_any_key_order_and_with_escapes() {
        let text = r#"{"user":"gid:\/\/gitlab\/User\/42","row":"3:17","type":"event","event":"x","feature":"other","extra":{"a":[1]},
            "ts":"2026-10-01T12:34:56Z","instance":"https://gitlab.example.com","collector":"usage_events","scope":"acme",
            "day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","username":"a\u00e9"}"#;
        let Ok(Line::Record(record)) = Line::parse(text) else { panic!("a record") };
        let written = serde_json::to_string(&record).expect("records serialise");
        let Ok(Line::Record(again)) = Line::parse(&written) else { panic!("a record: {written}") };
        assert_eq!(record, again);
        assert!(record.is_of_its_day());
    }
}
