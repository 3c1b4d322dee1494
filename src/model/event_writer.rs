//! Writing event records: the same bytes as serde makes, in a fraction of the time.

use std::borrow::Cow;

use crate::base::calendar::is_whole_second_timestamp_on;
use crate::events::aliases::Canonical;
use crate::json::special_byte::has_special_byte;
use crate::model::event::{Event, event_fields};
use crate::model::record::Origin;
use crate::model::usage_event::UsageEvent;

/// A key with what stands before and after it, for a field that is not the first one.
macro_rules! key {
    ($name:expr) => {
        concat!(",\"", $name, "\":").as_bytes()
    };
}

/// The same with the quote that a text begins with.
macro_rules! opened {
    ($name:literal) => {
        concat!(",\"", $name, "\":\"").as_bytes()
    };
}

/// Appends a field of an event, by the form of its value.
macro_rules! write_field {
    (required, $output:expr, $key:expr, $value:expr) => {
        text($output, $key, $value)
    };
    (text, $output:expr, $key:expr, $value:expr) => {
        optional($output, $key, $value)
    };
    (flag, $output:expr, $key:expr, $value:expr) => {
        if *$value {
            $output.extend_from_slice($key);
            $output.extend_from_slice(b"true");
        }
    };
    (object, $output:expr, $key:expr, $value:expr) => {
        if let Some(object) = $value {
            $output.extend_from_slice($key);
            serde_json::to_writer(&mut *$output, object).expect("JSON values can be written to memory");
        }
    };
    // Counts of 32 and 64 bits.
    ($form:ident, $output:expr, $key:expr, $value:expr) => {
        if let Some(count) = *$value {
            $output.extend_from_slice($key);
            number($output, u64::from(count));
        }
    };
}

/// Writes events as lines.
#[derive(Debug, Default)]
pub struct EventWriter {
    /// The origin of the last event, as it is written from the quote after its moment up to its place in the page: most events
    /// are of the same page.
    origin: Vec<u8>,
    of: Option<Origin<'static>>,
    /// Its day, as it is written.
    day: String,
}

impl EventWriter {
    /// Appends an event as a line, with its line break.
    pub fn write(&mut self, event: &Event<'_>, output: &mut Vec<u8>) {
        output.extend_from_slice(b"{\"type\":\"event\",\"ts\":\"");
        event.ts.write_to(output);
        self.start_page(&event.origin);
        self.write_row(event.origin.row.index, output);
        macro_rules! write_fields {
            ($($(#[doc = $doc:literal])* $name:ident: $form:ident $usage:ident,)*) => {
                $(write_field!($form, output, key!(stringify!($name)), &event.$name);)*
            };
        }
        event_fields!(write_fields);
        output.extend_from_slice(b"}\n");
    }

    /// Appends what a plain text tells of an event as a line, with its line break, of the page that was started last: no text of it
    /// needs escapes. False, and nothing is appended, when its moment is not one of the day of the page in whole seconds; then
    /// it has to be read.
    pub fn write_plain(&self, event: &UsageEvent<'_, &str>, index: u32, output: &mut Vec<u8>) -> bool {
        if !is_whole_second_timestamp_on(event.ts, &self.day) {
            return false;
        }
        output.extend_from_slice(b"{\"type\":\"event\",\"ts\":\"");
        output.extend_from_slice(event.ts.as_bytes());
        self.write_row(index, output);
        plain(output, opened!("event"), &event.event);
        plain(output, opened!("feature"), event.feature);
        plain(output, opened!("user"), &event.user);
        plain_or_none(output, opened!("username"), &event.username);
        if event.bot {
            output.extend_from_slice(b",\"bot\":true");
        }
        if let Some(Canonical { name, original }) = &event.language {
            plain(output, opened!("language"), name);
            plain_or_none(output, opened!("language_original"), original);
        }
        if let Some(Canonical { name, original }) = &event.ide {
            plain(output, opened!("ide"), name);
            plain_or_none(output, opened!("ide_original"), original);
        }
        if let Some(lines) = event.lines {
            output.extend_from_slice(key!("lines"));
            number(output, lines.into());
        }
        plain_or_none(output, opened!("namespace"), &event.namespace);
        if let Some((start, id)) = &event.project {
            output.extend_from_slice(opened!("project"));
            output.extend_from_slice(start.as_bytes());
            output.extend_from_slice(id.as_bytes());
            output.push(b'"');
        }
        plain_or_none(output, opened!("session"), &event.session);
        let (flow, version) = event.flow.as_ref().map(|(flow, version)| (flow, version.as_ref())).unzip();
        if let Some(flow) = flow {
            plain(output, opened!("flow"), flow);
        }
        plain_or_none(output, opened!("environment"), &event.environment);
        plain_or_none(output, opened!("tool"), &event.tool);
        plain_or_none(output, opened!("model"), &event.model);
        plain_or_none(output, opened!("model_engine"), &event.model_engine);
        if let Some(version) = version.flatten() {
            plain(output, opened!("flow_version"), version);
        }
        if let Some(outcome) = event.outcome {
            plain(output, opened!("outcome"), outcome);
        }
        plain_or_none(output, opened!("tracking_id"), &event.tracking_id);
        output.extend_from_slice(b"}\n");
        true
    }

    /// Says which page the next events come from; the place of the origin in it does not matter.
    pub fn start_page(&mut self, origin: &Origin<'_>) {
        let is_same = self.of.as_ref().is_some_and(|of| {
            of.fetched_at == origin.fetched_at
                && of.day == origin.day
                && of.row.page == origin.row.page
                && of.scope == origin.scope
                && of.collector == origin.collector
                && of.instance == origin.instance
        });
        if !is_same {
            let Origin { instance, collector, scope, day, fetched_at, row } = origin;
            self.origin.clear();
            self.origin.push(b'"');
            text(&mut self.origin, key!("instance"), instance);
            text(&mut self.origin, key!("collector"), collector);
            text(&mut self.origin, key!("scope"), scope);
            self.day = day.to_string();
            text(&mut self.origin, key!("day"), &self.day);
            text(&mut self.origin, key!("fetched_at"), &fetched_at.to_string());
            self.origin.extend_from_slice(b",\"row\":\"");
            if row.page > 0 {
                number(&mut self.origin, row.page.into());
                self.origin.push(b':');
            }
            let owned = |text: &str| Cow::Owned(text.to_owned());
            self.of = Some(Origin {
                instance: owned(instance),
                collector: owned(collector),
                scope: owned(scope),
                day: *day,
                fetched_at: *fetched_at,
                row: *row,
            });
        }
    }

    fn write_row(&self, index: u32, output: &mut Vec<u8>) {
        output.extend_from_slice(&self.origin);
        number(output, index.into());
        output.push(b'"');
    }
}

/// Appends a field whose value is a text that needs no escapes. Inlined, so that the key is copied as what it is: a constant.
#[inline(always)]
fn plain(output: &mut Vec<u8>, opened: &[u8], value: &str) {
    output.extend_from_slice(opened);
    output.extend_from_slice(value.as_bytes());
    output.push(b'"');
}

#[inline(always)]
fn plain_or_none(output: &mut Vec<u8>, opened: &[u8], value: &Option<Cow<'_, str>>) {
    if let Some(value) = value {
        plain(output, opened, value);
    }
}

#[inline]
fn optional(output: &mut Vec<u8>, key: &[u8], value: &Option<Cow<'_, str>>) {
    if let Some(value) = value {
        text(output, key, value);
    }
}

/// Appends a field whose value is a text. Inlined, so that the key is copied as what it is: a constant.
#[inline(always)]
fn text(output: &mut Vec<u8>, key: &[u8], value: &str) {
    output.extend_from_slice(key);
    quoted(output, value);
}

fn quoted(output: &mut Vec<u8>, value: &str) {
    output.reserve(value.len() + 2);
    output.push(b'"');
    if !has_special_byte(value.as_bytes()) {
        output.extend_from_slice(value.as_bytes());
    } else {
        // Its own quotes are left out: they are there.
        let quoted = serde_json::Value::from(value).to_string();
        output.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
    }
    output.push(b'"');
}

fn number(output: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    output.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::record::Row;

    type Text = Option<Cow<'static, str>>;

    fn text() -> impl Strategy<Value = String> {
        "[a-c\"\\\\/é\\x00-\\x22\\x7f\\u2028]{0,9}"
    }

    fn optional() -> impl Strategy<Value = Text> {
        proptest::option::of(text().prop_map(Cow::from))
    }

    fn event() -> impl Strategy<Value = Event<'static>> {
        let origin = (text(), text(), text(), 0..400_i64, any::<u32>(), any::<u32>(), 0..3_i64);
        let texts = proptest::collection::vec(optional(), 27);
        let rest =
            (text(), any::<bool>(), proptest::option::of(any::<u32>()), 0..200_000_000_i64, 0..2_000_u32);
        (origin, texts, rest).prop_map(|(origin, texts, (user, bot, lines, seconds, thousandths))| {
            let first: crate::base::calendar::Day = "2026-10-05".parse().expect("a literal day");
            let (instance, collector, scope, day, page, index, late) = origin;
            let moment = first.midnight().plus_seconds(seconds).to_string();
            let ts = match thousandths {
                ..1_000 => moment.replace('Z', &format!(".{thousandths:03}Z")),
                _ => moment,
            };
            let mut texts = texts.into_iter();
            let mut next = || texts.next().flatten();
            let day = first.plus(day);
            Event {
                ts: ts.parse().expect("a time"),
                origin: Origin {
                    instance: instance.into(),
                    collector: collector.into(),
                    scope: scope.into(),
                    day,
                    fetched_at: day.plus(late).midnight(),
                    row: Row { page, index },
                },
                event: next().unwrap_or_default(),
                feature: next().unwrap_or_default(),
                user: user.into(),
                username: next(),
                bot,
                language: next(),
                language_original: next(),
                ide: next(),
                ide_original: next(),
                lines,
                namespace: next(),
                project: next(),
                session: next(),
                flow: next(),
                environment: next(),
                tool: next(),
                model: next(),
                model_engine: next(),
                model_provider: next(),
                agent: next(),
                agent_type: next(),
                flow_version: next(),
                user_type: next(),
                global_user_id: next(),
                outcome: next(),
                reason: next(),
                input_tokens: lines.map(u64::from),
                output_tokens: None,
                total_tokens: lines.map(|lines| u64::MAX - u64::from(lines)),
                cache_read: lines.map(u64::from),
                cache_write_5m: None,
                cache_write_1h: lines.map(u64::from),
                cache_write: lines.map(u64::from),
                source: next(),
                tracking_id: next(),
                event_id: next(),
                context: next().map(|text| {
                    Box::new(serde_json::Map::from_iter([
                        (text.to_string(), text.as_ref().into()),
                        ("plan".to_owned(), serde_json::json!([seconds, null])),
                    ]))
                }),
            }
        })
    }

    proptest! {
        #[test]
        fn an_event_is_written_as_serde_writes_it(events in proptest::collection::vec(event(), 1..4)) {
            let (mut writer, mut written, mut expected) = (EventWriter::default(), Vec::new(), Vec::new());
            for event in &events {
                // Twice: the second time, the origin is known.
                for _ in 0..2 {
                    writer.write(event, &mut written);
                    serde_json::to_writer(&mut expected, event).expect("serialises");
                    expected.push(b'\n');
                }
            }
            prop_assert_eq!(String::from_utf8(written), String::from_utf8(expected));
        }
    }
}
