//! Reads a line of any type, and repairs it if necessary.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::calendar::{Day, Grain, Period, Timestamp};
use crate::json;
use crate::model::coverage::Coverage;
use crate::model::event::{self, Event};
use crate::model::former_group::FormerGroup;
use crate::model::history_loss::HistoryLoss;
use crate::model::log_line::is_log_noise;
use crate::model::metric::Metric;
use crate::model::raw::Raw;
use crate::model::record::{
    AgentSession, Credit, CreditMonth, Dora, GroupTotal, Member, MergeRequest, Origin, Pipeline, Project,
    Seat, SeatPool, SessionDuration, SessionTotal, SuggestionTotal, UserTotal,
};
use crate::model::rollup::{AgentRollup, SessionRollup, UsageRollup};

/// One line of a stream: a JSON object whose `type` selects the variant.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly every line is a record, and one is held at a time")]
pub enum Line<'a> {
    /// One page of nodes as GitLab returned them.
    Raw(Raw<'a>),
    /// The status and row count of one collector, scope and day.
    Coverage(Coverage),
    /// One validated row.
    Record(Record<'a>),
    /// Counts of the rows of one fetch.
    Rollup(Rollup<'a>),
    /// One metric of one scope, period and set of dimensions.
    Metric(Box<Metric>),
    /// A group that is no longer collected.
    FormerGroup(FormerGroup),
    /// The stored history was lost.
    HistoryLoss(HistoryLoss),
    /// A type that this version does not know.
    Unknown,
}

/// Counts of the rows of one fetch, as a JSON object whose `kind` selects the variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Rollup<'a> {
    /// Counts of usage events.
    Usage(UsageRollup<'a>),
    /// The facts about one session.
    Session(SessionRollup<'a>),
    /// Counts of tool calls, model calls and tokens.
    Agent(Box<AgentRollup<'a>>),
}

/// One validated row of any source: a flat JSON object whose `type` selects the variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Record<'a> {
    /// A usage event. Boxed because it is larger than the others.
    Event(Box<Event<'a>>),
    /// A person's seat.
    Seat(Seat<'a>),
    /// One purchase of seats.
    SeatPool(SeatPool<'a>),
    /// The state of a merge request.
    MergeRequest(MergeRequest<'a>),
    /// The state of a pipeline.
    Pipeline(Pipeline<'a>),
    /// A project.
    Project(Project<'a>),
    /// GitLab Credits used on one day.
    Credit(Credit<'a>),
    /// Totals of a group, counted by GitLab.
    GroupTotal(GroupTotal<'a>),
    /// Totals of a user, counted by GitLab.
    UserTotal(UserTotal<'a>),
    /// One DORA metric of one month.
    Dora(Dora<'a>),
    /// Agent sessions, counted by GitLab.
    SessionTotal(SessionTotal<'a>),
    /// Durations of agent sessions, computed by GitLab.
    SessionDuration(SessionDuration<'a>),
    /// Code suggestions by editor, counted by GitLab.
    SuggestionTotal(SuggestionTotal<'a>),
    /// One agent session of a project.
    AgentSession(AgentSession<'a>),
    /// A direct member of a group or subgroup.
    Member(Member<'a>),
    /// GitLab Credits of one calendar month.
    CreditMonth(CreditMonth<'a>),
}

/// Every type of records with its fields, without those of the origin.
pub const RECORD_TYPES: &[(&str, &[&str])] = &[
    ("event", Event::FIELDS),
    ("seat", Seat::FIELDS),
    ("seat_pool", SeatPool::FIELDS),
    ("merge_request", MergeRequest::FIELDS),
    ("pipeline", Pipeline::FIELDS),
    ("project", Project::FIELDS),
    ("credit", Credit::FIELDS),
    ("credit_month", CreditMonth::FIELDS),
    ("group_total", GroupTotal::FIELDS),
    ("user_total", UserTotal::FIELDS),
    ("session_total", SessionTotal::FIELDS),
    ("session_duration", SessionDuration::FIELDS),
    ("suggestion_total", SuggestionTotal::FIELDS),
    ("agent_session", AgentSession::FIELDS),
    ("member", Member::FIELDS),
    ("dora", Dora::FIELDS),
];

/// Whether a line is a JSON object with a `type`.
pub fn is_typed(text: &str) -> bool {
    parse::<Tag<'_>>(text).is_ok()
}

/// Whether a line may have a `type`, without parsing it. A key that is written with escapes is not
/// found.
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

/// The start of a rollup line as this program writes it.
pub const ROLLUP_START: &str = r#"{"type":"rollup","kind":""#;

impl<'a> Line<'a> {
    /// Parses a line. The error contains the reason, but none of the line's content.
    pub fn parse(text: &'a str) -> Result<Line<'a>, String> {
        if let Some(metric) = parse_canonical_metric(text) {
            return Ok(Line::Metric(Box::new(metric)));
        }
        // Nearly all lines are events, which check their type and kind themselves.
        if text.starts_with(r#"{"type":"event","#) {
            return Ok(Line::Record(Record::Event(parse(text)?)));
        }
        // So are most lines of a history.
        if let Some(kind) = text.strip_prefix(ROLLUP_START) {
            if kind.starts_with("session\",") {
                return Ok(Line::Rollup(Rollup::Session(parse(text)?)));
            }
            if kind.starts_with("agent\",") {
                return Ok(Line::Rollup(Rollup::Agent(Box::new(parse(text)?))));
            }
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
            "history_loss" => Line::HistoryLoss(parse(text)?),
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
            "session_total" => Line::Record(Record::SessionTotal(parse(text)?)),
            "session_duration" => Line::Record(Record::SessionDuration(parse(text)?)),
            "suggestion_total" => Line::Record(Record::SuggestionTotal(parse(text)?)),
            "agent_session" => Line::Record(Record::AgentSession(parse(text)?)),
            "member" => Line::Record(Record::Member(parse(text)?)),
            "credit_month" => Line::Record(Record::CreditMonth(parse(text)?)),
            _ => Line::Unknown,
        })
    }

    /// Parses a line, and [repairs](repair) it if that fails; `buffer` then holds the repaired
    /// text. Separators that shell tools print between lines (`grep -C`, `tail -n 5 a b`) are
    /// [`Line::Unknown`].
    pub fn parse_or_repair(text: &'a str, buffer: &'a mut Option<RepairedLine>) -> Result<Line<'a>, String> {
        Line::parse(text).or_else(|reason| match repair(text) {
            _ if is_log_noise(text) => Ok(Line::Unknown),
            Some(repaired) => Line::parse(&buffer.insert(repaired).text),
            None => Err(reason),
        })
    }
}

impl Rollup<'_> {
    /// The UTC day that the fetch requested.
    pub fn day(&self) -> Day {
        match self {
            Rollup::Usage(rollup) => rollup.day,
            Rollup::Session(rollup) => rollup.counted_rows.day,
            Rollup::Agent(rollup) => rollup.counted_rows.day,
        }
    }

    /// Whether its counts are consistent with each other.
    pub fn is_consistent(&self) -> bool {
        match self {
            Rollup::Usage(rollup) => rollup.is_consistent(),
            Rollup::Session(_) => true,
            Rollup::Agent(rollup) => rollup.counts.are_consistent(),
        }
    }

    /// Sets the GitLab URL and the group path.
    pub fn set_origin(&mut self, instance: &str, scope: &str) {
        let (old_instance, old_scope) = match self {
            Rollup::Usage(usage) => (&mut usage.instance, &mut usage.scope),
            Rollup::Session(session) => (&mut session.counted_rows.instance, &mut session.counted_rows.scope),
            Rollup::Agent(agent) => (&mut agent.counted_rows.instance, &mut agent.counted_rows.scope),
        };
        (*old_instance, *old_scope) = (instance.to_owned().into(), scope.to_owned().into());
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
            Record::SessionTotal(total) => &total.origin,
            Record::SessionDuration(duration) => &duration.origin,
            Record::SuggestionTotal(total) => &total.origin,
            Record::AgentSession(session) => &session.origin,
            Record::Member(member) => &member.origin,
            Record::CreditMonth(month) => &month.origin,
        }
    }

    /// Sets the GitLab URL and the group path.
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
            Record::SessionTotal(total) => &mut total.origin,
            Record::SessionDuration(duration) => &mut duration.origin,
            Record::SuggestionTotal(total) => &mut total.origin,
            Record::AgentSession(session) => &mut session.origin,
            Record::Member(member) => &mut member.origin,
            Record::CreditMonth(month) => &mut month.origin,
        };
        (origin.instance, origin.scope) = (instance.to_owned().into(), scope.to_owned().into());
    }

    /// The full path of the project that the record belongs to.
    pub fn project(&self) -> Option<&str> {
        match self {
            Record::MergeRequest(merge_request) => Some(&merge_request.project),
            Record::Pipeline(pipeline) => Some(&pipeline.project),
            Record::Project(project) => Some(&project.project),
            _ => None,
        }
    }

    /// Sets the full path of that project; does nothing if the record belongs to none.
    pub fn set_project(&mut self, path: String) {
        match self {
            Record::MergeRequest(merge_request) => merge_request.project = path.into(),
            Record::Pipeline(pipeline) => pipeline.project = path.into(),
            Record::Project(project) => project.project = path.into(),
            _ => {}
        }
    }

    /// The UTC days of the record's own timestamps. None for snapshots, which belong to the day
    /// they were taken, and for DORA metrics, which cover many days.
    pub fn days(&self) -> impl Iterator<Item = Day> {
        let (first, second) = match self {
            Record::Event(event) => (Some(event.ts.day()), None),
            Record::Seat(_)
            | Record::SeatPool(_)
            | Record::Project(_)
            | Record::Dora(_)
            | Record::Member(_) => (None, None),
            Record::MergeRequest(merge_request) => {
                (Some(merge_request.created_at.day()), merge_request.merged_at.map(Timestamp::day))
            }
            Record::Pipeline(pipeline) => (Some(pipeline.created_at.day()), None),
            Record::AgentSession(session) => (Some(session.created_at.day()), None),
            Record::Credit(credit) => (Some(credit.date), None),
            Record::GroupTotal(total) => (Some(total.end), None),
            Record::UserTotal(total) => (Some(total.end), None),
            Record::SessionTotal(total) => (Some(total.end), None),
            Record::SuggestionTotal(total) => (Some(total.end), None),
            Record::SessionDuration(duration) => (Some(duration.end), None),
            Record::CreditMonth(month) => (Some(month.end), None),
        };
        first.into_iter().chain(second)
    }

    /// Whether the record belongs to the day that its fetch requested. GitLab also returns rows of
    /// other days because the time ranges of requests overlap.
    pub fn belongs_to_requested_day(&self) -> bool {
        match self {
            // The records of the last two have periods of their own within the requested days.
            Record::Seat(_)
            | Record::SeatPool(_)
            | Record::Project(_)
            | Record::Member(_)
            | Record::SessionDuration(_)
            | Record::CreditMonth(_) => true,
            Record::Dora(dora) => {
                dora.period == Period::containing(Grain::Month, dora.origin.day, dora.origin.day).start
            }
            Record::Event(_)
            | Record::MergeRequest(_)
            | Record::Pipeline(_)
            | Record::Credit(_)
            | Record::GroupTotal(_)
            | Record::UserTotal(_)
            | Record::SessionTotal(_)
            | Record::AgentSession(_)
            | Record::SuggestionTotal(_) => self.days().any(|day| day == self.origin().day),
        }
    }
}

/// Parses a metric line in the canonical form that `aggregate` writes: its type comes first and
/// only once. Most lines that `dashboard` and `export` read have this form, and finding the type of
/// a line takes as long as parsing it.
fn parse_canonical_metric(text: &str) -> Option<Metric> {
    static TYPE: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(r#""type":"#));
    let rest = text.strip_prefix(r#"{"type":"metric","#)?;
    TYPE.find(rest.as_bytes()).is_none().then(|| json::from_str(text))?
}

/// A day of a metric by what people did, as far as the first fields of its line show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyBreakdown<'a> {
    /// The name of the metric.
    pub metric: &'a str,
    /// The day, unchecked.
    pub day: &'a str,
    /// The first dimension.
    pub dimension: &'a str,
    /// Whether there are surely more dimensions.
    pub has_more_dimensions: bool,
}

/// The start of a line in the canonical form that `aggregate` writes, if its grain is `day` and it has
/// a dimension. The rest of the line is not checked: most metric lines are like this, and parsing
/// them would take most of the time.
pub fn daily_breakdown(text: &str) -> Option<DailyBreakdown<'_>> {
    // An escaped quote within a text is not followed by the next key.
    let (metric, rest) = text.strip_prefix(r#"{"type":"metric","metric":""#)?.split_once('"')?;
    let (_, rest) = rest.strip_prefix(r#","instance":""#)?.split_once('"')?;
    let (_, rest) = rest.strip_prefix(r#","scope":""#)?.split_once('"')?;
    let (day, rest) = rest.strip_prefix(r#","grain":"day","start":""#)?.split_once('"')?;
    let (_, rest) = rest.strip_prefix(r#","end":""#)?.split_once('"')?;
    let by = rest.strip_prefix(r#","by":{""#).filter(|_| rest.ends_with('}'))?;
    let (dimension, rest) = by.split_once('"')?;
    let (value, rest) = rest.strip_prefix(":\"")?.split_once('"')?;
    // After a backslash, the quote can be part of the value.
    let has_more_dimensions = !value.ends_with('\\') && rest.starts_with(",\"");
    Some(DailyBreakdown { metric, day, dimension, has_more_dimensions })
}

/// Parses a JSON object. The error states what is wrong and where, but contains no value: values
/// can be personal data.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    // serde reads a struct from an array, too; a line or a node is an object.
    if !text.trim_start().starts_with('{') {
        return Err("not a JSON object".to_owned());
    }
    if let Some(value) = json::from_str(text) {
        return Ok(value);
    }
    serde_json::from_str(text).map_err(|error| reason(&error))
}

/// Repairs defects that make a line unreadable but affect no metric; `None` if it has none of them.
/// Readers only call it for lines that they cannot read, so readable lines cost nothing extra.
///
/// - A lone surrogate in an escape becomes U+FFFD. Python's `json.dumps` and `JSON.stringify`
///   before ES2019 write one, such as `\ud83d`, for text that was truncated within a character.
/// - A field of an event record is dropped if no metric depends on it and its value has the wrong
///   form.
pub fn repair(text: &str) -> Option<RepairedLine> {
    let valid = replace_lone_surrogates(text);
    let repaired = drop_malformed_fields(valid.as_deref().unwrap_or(text));
    match (valid, repaired) {
        (_, Some(repaired)) => Some(repaired),
        (Some(text), None) => Some(RepairedLine { text, dropped_fields: 0 }),
        (None, None) => None,
    }
}

/// A line after its repair.
#[derive(Debug, PartialEq, Eq)]
pub struct RepairedLine {
    /// The repaired line.
    pub text: String,
    /// The number of fields that were dropped.
    pub dropped_fields: u64,
}

/// Replaces each escaped surrogate without its counterpart with `\ufffd`; `None` if there is none.
pub fn replace_lone_surrogates(text: &str) -> Option<String> {
    /// The UTF-16 code unit of the escape `\uXXXX` at the start of a text.
    fn unit(text: &[u8]) -> Option<u16> {
        let digits = text.strip_prefix(b"\\u")?.get(..4)?;
        // `from_str_radix` would accept a plus sign.
        let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        u16::from_str_radix(str::from_utf8(digits).ok().filter(|_| is_hexadecimal)?, 16).ok()
    }
    const ESCAPE: usize = "\\uXXXX".len();
    let bytes = text.as_bytes();
    let (mut valid, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(next) = memchr::memchr(b'\\', &bytes[at..]) {
        at += next;
        at += match unit(&bytes[at..]) {
            Some(0xd800..0xdc00)
                if matches!(bytes.get(at + ESCAPE..).and_then(unit), Some(0xdc00..0xe000)) =>
            {
                2 * ESCAPE
            }
            Some(0xd800..0xe000) => {
                valid.push_str(&text[copied..at]);
                valid.push_str("\\ufffd");
                copied = at + ESCAPE;
                ESCAPE
            }
            // The character after a backslash does not start another escape.
            _ => 2,
        };
        if at >= bytes.len() {
            break;
        }
    }
    (copied > 0).then(|| valid + &text[copied..])
}

/// Drops the fields of an event record that no metric depends on and whose values have the wrong
/// form; `None` if there is none.
fn drop_malformed_fields(text: &str) -> Option<RepairedLine> {
    let mut object: Map<String, Value> = serde_json::from_str(text).ok()?;
    if object.get("type").and_then(Value::as_str) != Some("event") {
        return None;
    }
    let before = object.len();
    object.retain(|name, value| !event::is_droppable(name, value));
    let dropped_fields = (before - object.len()) as u64;
    (dropped_fields > 0).then(|| RepairedLine { text: Value::Object(object).to_string(), dropped_fields })
}

/// The reason and position of a JSON error, without any value of the text.
pub fn reason(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let column = error.column();
    let message = error.to_string();
    match error.classify() {
        Category::Eof => "cut off before its end".to_owned(),
        Category::Syntax if message.starts_with("recursion limit") => "nested too deeply".to_owned(),
        Category::Syntax | Category::Io => format!("not JSON at column {column}"),
        // These two messages contain the field's name and no value; others can contain values.
        Category::Data if message.starts_with("missing field") || message.starts_with("duplicate field") => {
            message.split(" at line").next().unwrap_or_default().to_owned()
        }
        Category::Data => format!("a value of the wrong type or form before column {column}"),
    }
}

/// Parses any JSON value, with lone surrogates replaced if necessary. The error contains no value.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if let Some(value) = json::from_str(text) {
        return Ok(value);
    }
    serde_json::from_str(text).or_else(|error| {
        let valid = replace_lone_surrogates(text).ok_or_else(|| reason(&error))?;
        serde_json::from_str(&valid).map_err(|error| reason(&error))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_contain_the_position_and_no_value() {
        let cases = [
            (r#"{"type":"event","user":"ana"#, "cut off before its end"),
            (r#"{"type":"event",user:"ana"}"#, "not JSON at column"),
            (r#"{"kind":"event","user":"ana"}"#, "missing field `type`"),
            (r#"{"type":["ana"]}"#, "a value of the wrong type or form"),
            (r#"{"type":"event","ts":"ana"}"#, "a value of the wrong type or form"),
            (r#"["ana"]"#, "not a JSON object"),
        ];
        for (text, reason) in cases {
            let message = Line::parse(text).expect_err(text);
            assert!(message.starts_with(reason), "{text}: {message}");
            assert!(!message.contains("ana"), "{message}");
        }
        assert!(matches!(Line::parse(r#"{"type":"of_tomorrow","x":1}"#), Ok(Line::Unknown)));
    }

    #[test]
    fn replaces_only_lone_surrogates() {
        for (text, valid) in [
            (r"cut \ud83d", r"cut \ufffd"),
            (r"\uDE00 cut", r"\ufffd cut"),
            (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
            (r"\ud83d\n", r"\ufffd\n"),
            (r"\ud83dx\ude00", r"\ufffdx\ufffd"),
            (r"\\\ud83d", r"\\\ufffd"),
            (r"\ud83d\ud8zz", r"\ufffd\ud8zz"),
        ] {
            assert_eq!(replace_lone_surrogates(text).as_deref(), Some(valid), "{text}");
            assert_eq!(replace_lone_surrogates(valid), None, "{valid}");
        }
        for text in
            [r"\ud83d\ude00", r"\\ud83d", r"\ud8zz", r"\u+83d", r"\ud8", r"\u", r"\", "", "é", r"\u00e9"]
        {
            assert_eq!(replace_lone_surrogates(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn repaired_text_reads_like_lossy_utf16(units in proptest::collection::vec(0xd7fe..0xe002_u16, 0..12)) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let valid = replace_lone_surrogates(&escaped).unwrap_or_else(|| escaped.clone());
            let read: String = serde_json::from_str(&format!("\"{valid}\"")).expect("no lone surrogate is left");
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }

    #[test]
    fn drops_malformed_fields_that_no_metric_needs() {
        let line = |more: &str| {
            format!(
                r#"{{"type":"event","ts":"2026-10-01T12:34:56Z","instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","row":"1:1","event":"x","feature":"other","user":"u"{more}}}"#
            )
        };
        for (more, dropped_fields) in [
            (r#","source":5,"agent_type":["a"],"input_tokens":7"#, 2),
            (r#","context":"x","username":null,"input_tokens":7"#, 1),
            (r#","model_provider":{},"reason":"\ud83d","input_tokens":7"#, 1),
        ] {
            let text = line(more);
            assert!(Line::parse(&text).is_err(), "{more}");
            let repaired = repair(&text).expect(more);
            assert_eq!(repaired.dropped_fields, dropped_fields, "{more}");
            let Ok(Line::Record(Record::Event(event))) = Line::parse(&repaired.text) else {
                panic!("{more}")
            };
            assert_eq!(event.input_tokens, Some(7));
        }
        // A field that a metric depends on is not dropped: the line is rejected.
        for more in [r#","bot":"yes""#, r#","input_tokens":-1"#, r#","session":5"#, r#","event_id":5"#] {
            assert_eq!(repair(&line(more)), None, "{more}");
        }
    }

    #[test]
    fn recognizes_daily_breakdowns_without_parsing() {
        let line = |scope: &str, grain: &str, by: &str| {
            let keys = format!(r#""instance":"https://g.example","scope":"{scope}","grain":"{grain}","#);
            format!(
                r#"{{"type":"metric","metric":"chat.users",{keys}"start":"2026-10-01","end":"2026-10-01","by":{by},"value":1}}"#
            )
        };
        let split = line("acme", "day", r#"{"ide":"zed"}"#);
        let found = daily_breakdown(&split).expect("a day by a dimension");
        assert_eq!((found.metric, found.dimension), ("chat.users", "ide"));
        for (by, has_more) in [
            (r#"{"ide":"zed"}"#, false),
            (r#"{"ide":"zed","language":"go"}"#, true),
            (r#"{"ide":"a\","}"#, false),
            (r#"{"ide":"a\",\"b\":\""}"#, false),
        ] {
            let line = line("acme", "day", by);
            let found = daily_breakdown(&line).expect("a day by a dimension");
            assert_eq!(found.has_more_dimensions, has_more, "{line}");
        }
        for other in [
            line("acme", "day", "{}"),
            line("acme", "week", r#"{"ide":"zed"}"#),
            line(r#"a\",\"grain\":\"day"#, "week", r#"{"ide":"zed"}"#),
            line(r#"a\\"#, "week", r#"{"ide":"zed","grain":"day"}"#),
            split.trim_end_matches('}').to_owned(),
            split.replace("\"metric\",", "\"event\","),
        ] {
            assert_eq!(daily_breakdown(&other), None, "{other}");
        }
    }

    #[test]
    fn records_survive_a_round_trip_in_any_key_order_and_with_escapes() {
        let text = r#"{"user":"gid:\/\/gitlab\/User\/42","row":"3:17","type":"event","event":"x","feature":"other","extra":{"a":[1]},
            "ts":"2026-10-01T12:34:56Z","instance":"https://gitlab.example.com","collector":"usage_events","scope":"acme",
            "day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","username":"a\u00e9"}"#;
        let Ok(Line::Record(record)) = Line::parse(text) else { panic!("a record") };
        let written = serde_json::to_string(&record).expect("records serialize");
        let Ok(Line::Record(again)) = Line::parse(&written) else { panic!("a record: {written}") };
        assert_eq!(record, again);
        assert!(record.belongs_to_requested_day());
    }
}
