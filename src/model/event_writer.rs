//! Writes event records: the same bytes as serde, in a fraction of the time.

use std::borrow::Cow;

use crate::base::calendar::is_whole_second_timestamp_on;
use crate::events::aliases::Canonical;
use crate::json::special_byte::has_special_byte;
use crate::model::event::{Event, event_fields};
use crate::model::record::Origin;
use crate::model::usage_event::UsageEvent;

/// A key with the comma before it and the colon after it; the first field of a line has no comma.
macro_rules! key {
    ($name:expr) => {
        concat!(",\"", $name, "\":").as_bytes()
    };
}

/// A key with the comma, the colon and the opening quote of its value.
macro_rules! string_key {
    ($name:literal) => {
        concat!(",\"", $name, "\":\"").as_bytes()
    };
}

/// Appends a field of an event, by the form of its value.
macro_rules! write_field {
    (required, $output:expr, $key:expr, $value:expr) => {
        text_field($output, $key, $value)
    };
    (text, $output:expr, $key:expr, $value:expr) => {
        optional_field($output, $key, $value)
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
    /// The serialized origin of the current page, from the closing quote of the event's time up to
    /// its index in the page. Most consecutive events are from the same page.
    prefix: Vec<u8>,
    origin: Option<Origin<'static>>,
    /// The day of the origin, serialized.
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

    /// Appends an event of the current page ([`start_page`](Self::start_page)) as a line, with its
    /// line break. No text of the event may need escapes. Returns false, and appends nothing,
    /// unless its time is in whole seconds and on the day of the page; then the time has to be
    /// parsed.
    pub fn write_fast(&self, event: &UsageEvent<'_, &str>, index: u32, output: &mut Vec<u8>) -> bool {
        if !is_whole_second_timestamp_on(event.ts, &self.day) {
            return false;
        }
        output.extend_from_slice(b"{\"type\":\"event\",\"ts\":\"");
        output.extend_from_slice(event.ts.as_bytes());
        self.write_row(index, output);
        unescaped_field(output, string_key!("event"), &event.event);
        unescaped_field(output, string_key!("feature"), event.feature);
        unescaped_field(output, string_key!("user"), &event.user);
        optional_unescaped_field(output, string_key!("username"), &event.username);
        if event.bot {
            output.extend_from_slice(b",\"bot\":true");
        }
        if let Some(Canonical { name, original }) = &event.language {
            unescaped_field(output, string_key!("language"), name);
            optional_unescaped_field(output, string_key!("language_original"), original);
        }
        if let Some(Canonical { name, original }) = &event.ide {
            unescaped_field(output, string_key!("ide"), name);
            optional_unescaped_field(output, string_key!("ide_original"), original);
        }
        if let Some(lines) = event.lines {
            output.extend_from_slice(key!("lines"));
            number(output, lines.into());
        }
        optional_unescaped_field(output, string_key!("namespace"), &event.namespace);
        if let Some((prefix, id)) = &event.project {
            output.extend_from_slice(string_key!("project"));
            output.extend_from_slice(prefix.as_bytes());
            output.extend_from_slice(id.as_bytes());
            output.push(b'"');
        }
        optional_unescaped_field(output, string_key!("session"), &event.session);
        let (flow, version) = event.flow.as_ref().map(|(flow, version)| (flow, version.as_ref())).unzip();
        if let Some(flow) = flow {
            unescaped_field(output, string_key!("flow"), flow);
        }
        optional_unescaped_field(output, string_key!("environment"), &event.environment);
        optional_unescaped_field(output, string_key!("tool"), &event.tool);
        optional_unescaped_field(output, string_key!("model"), &event.model);
        optional_unescaped_field(output, string_key!("model_engine"), &event.model_engine);
        if let Some(version) = version.flatten() {
            unescaped_field(output, string_key!("flow_version"), version);
        }
        if let Some(outcome) = event.outcome {
            unescaped_field(output, string_key!("outcome"), outcome);
        }
        optional_unescaped_field(output, string_key!("tracking_id"), &event.tracking_id);
        output.extend_from_slice(b"}\n");
        true
    }

    /// Sets the page of the next events. `origin.row.index` is ignored.
    pub fn start_page(&mut self, origin: &Origin<'_>) {
        let is_same = self.origin.as_ref().is_some_and(|last| {
            last.fetched_at == origin.fetched_at
                && last.day == origin.day
                && last.row.page == origin.row.page
                && last.scope == origin.scope
                && last.collector == origin.collector
                && last.instance == origin.instance
        });
        if !is_same {
            let Origin { instance, collector, scope, day, fetched_at, row } = origin;
            self.prefix.clear();
            self.prefix.push(b'"');
            text_field(&mut self.prefix, key!("instance"), instance);
            text_field(&mut self.prefix, key!("collector"), collector);
            text_field(&mut self.prefix, key!("scope"), scope);
            self.day = day.to_string();
            text_field(&mut self.prefix, key!("day"), &self.day);
            text_field(&mut self.prefix, key!("fetched_at"), &fetched_at.to_string());
            self.prefix.extend_from_slice(b",\"row\":\"");
            if row.page > 0 {
                number(&mut self.prefix, row.page.into());
                self.prefix.push(b':');
            }
            let owned = |text: &str| Cow::Owned(text.to_owned());
            self.origin = Some(Origin {
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
        output.extend_from_slice(&self.prefix);
        number(output, index.into());
        output.push(b'"');
    }
}

/// Appends a text field that needs no escapes. Inlined, so that the key is copied as a constant.
#[inline(always)]
fn unescaped_field(output: &mut Vec<u8>, string_key: &[u8], value: &str) {
    output.extend_from_slice(string_key);
    output.extend_from_slice(value.as_bytes());
    output.push(b'"');
}

#[inline(always)]
fn optional_unescaped_field(output: &mut Vec<u8>, string_key: &[u8], value: &Option<Cow<'_, str>>) {
    if let Some(value) = value {
        unescaped_field(output, string_key, value);
    }
}

#[inline]
fn optional_field(output: &mut Vec<u8>, key: &[u8], value: &Option<Cow<'_, str>>) {
    if let Some(value) = value {
        text_field(output, key, value);
    }
}

/// Appends a text field. Inlined, so that the key is copied as a constant.
#[inline(always)]
fn text_field(output: &mut Vec<u8>, key: &[u8], value: &str) {
    output.extend_from_slice(key);
    quoted(output, value);
}

fn quoted(output: &mut Vec<u8>, value: &str) {
    output.reserve(value.len() + 2);
    output.push(b'"');
    if !has_special_byte(value.as_bytes()) {
        output.extend_from_slice(value.as_bytes());
    } else {
        // The quotes are already written.
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
        let texts = proptest::collection::vec(optional(), 31);
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
                item_type: next(),
                item: next(),
                item_version: next(),
                component: next(),
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
        fn writes_the_same_bytes_as_serde(events in proptest::collection::vec(event(), 1..4)) {
            let (mut writer, mut written, mut expected) = (EventWriter::default(), Vec::new(), Vec::new());
            for event in &events {
                // Twice: the second time, the prefix is cached.
                for _ in 0..2 {
                    writer.write(event, &mut written);
                    serde_json::to_writer(&mut expected, event).expect("events serialize");
                    expected.push(b'\n');
                }
            }
            prop_assert_eq!(String::from_utf8(written), String::from_utf8(expected));
        }
    }
}
