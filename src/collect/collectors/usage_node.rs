//! A node of a connection of usage events, for all three collectors of them.

use std::borrow::Cow;

use serde::Deserialize;

use super::extras::Extras;
use super::scalar::Scalar;
use super::serde_borrow;
use crate::base::calendar::Timestamp;
use crate::events::features;
use crate::json::{Fields, Keys, Next, Value};
use crate::model::line;
use crate::model::usage_event::UsageEvent;

/// The fields of a node. Which ones are present depends on the collector. `T` is the timestamp,
/// parsed or as in the text.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageNode<'a, T> {
    #[serde(borrow)]
    pub(super) event: Cow<'a, str>,
    pub(super) timestamp: T,
    #[serde(borrow)]
    pub(super) user: User<'a>,
    #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
    pub(super) language: Option<Cow<'a, str>>,
    // Text in GitLab's schema, and a number in an older example. Any other value counts as missing,
    // so that the event is kept.
    #[serde(borrow, default)]
    pub(super) suggestion_size: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
    pub(super) unique_tracking_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
    pub(super) namespace_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) extras: Extras<'a>,
}

/// The user of a node.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
    pub(super) username: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) bot: bool,
}

/// The keys of nodes of usage events, in the order in which they appeared last.
#[derive(Debug)]
pub struct NodeKeys {
    node: Keys,
    user: Keys,
    extras: Keys,
}

impl Default for NodeKeys {
    fn default() -> NodeKeys {
        NodeKeys {
            node: Keys::new(&[
                "event",
                "timestamp",
                "user",
                "language",
                "suggestionSize",
                "uniqueTrackingId",
                "namespacePath",
                "extras",
            ]),
            user: Keys::new(&["id", "username", "bot"]),
            extras: Keys::new(Extras::KEYS),
        }
    }
}

impl<'a> UsageNode<'a, Timestamp> {
    /// Parses a node. The error describes what is wrong, without content of the node.
    pub(super) fn read(node: &'a str) -> Result<UsageNode<'a, Timestamp>, String> {
        line::parse(node)
    }
}

impl<'a> UsageNode<'a, &'a str> {
    /// Decodes the node at the start of `text`, and returns its length in bytes; `None` if it is
    /// not in canonical form. The timestamp is not validated.
    // Inlined like its callers, which saves a copy of the node.
    #[inline(always)]
    pub(super) fn decode_fast(text: &'a str, keys: &mut NodeKeys) -> Option<(UsageNode<'a, &'a str>, usize)> {
        let (mut event, mut timestamp, mut user, mut extras) = (None, None, None, None);
        let mut texts = [None; 3];
        let mut size = None;
        let mut seen = 0_u8;
        let mut fields = Fields::new(text, &keys.node);
        loop {
            let number = match fields.next(&mut keys.node)? {
                Next::Key(number) => number,
                Next::Other => {
                    fields.value()?;
                    continue;
                }
                Next::End => break,
            };
            if seen & (1 << number) != 0 {
                return None;
            }
            seen |= 1 << number;
            match number {
                0 => event = Some(fields.text()?),
                1 => timestamp = Some(fields.text()?),
                2 => {
                    let mut object = fields.object(&keys.user);
                    user = Some(User::decode_fast(&mut object, &mut keys.user)?);
                    fields.continue_after(&object);
                }
                3 => texts[0] = fields.text_or_null()?,
                4 => size = Some(Scalar::decode_fast(&mut fields)?),
                5 => texts[1] = fields.text_or_null()?,
                6 => texts[2] = fields.text_or_null()?,
                _ => extras = Some(Extras::decode_fast(&mut fields, &mut keys.extras)?),
            }
        }
        let [language, unique_tracking_id, namespace_path] = texts.map(|text| text.map(Cow::from));
        let node = UsageNode {
            event: event?.into(),
            timestamp: timestamp?,
            user: user?,
            language,
            suggestion_size: size.unwrap_or_default(),
            unique_tracking_id,
            namespace_path,
            extras: extras.unwrap_or_default(),
        };
        Some((node, fields.position()))
    }
}

impl<'a, T> UsageNode<'a, T> {
    /// The event with the fields that all three collectors have.
    #[inline(always)]
    pub(super) fn event(self) -> UsageEvent<'a, T> {
        base_event(&self.event, self.timestamp, self.user)
    }
}

/// An event with only its name (as the source writes it), timestamp and user.
#[inline(always)]
pub(super) fn base_event<'a, T>(name: &str, ts: T, user: User<'a>) -> UsageEvent<'a, T> {
    let (event, feature) = features::canonical_event(name);
    UsageEvent {
        ts,
        event,
        feature,
        user: user.id,
        username: user.username,
        bot: user.bot,
        language: None,
        ide: None,
        lines: None,
        namespace: None,
        project: None,
        session: None,
        flow: None,
        environment: None,
        tool: None,
        model: None,
        model_engine: None,
        outcome: None,
        tracking_id: None,
    }
}

impl<'a> User<'a> {
    #[inline(always)]
    fn decode_fast(fields: &mut Fields<'a>, keys: &mut Keys) -> Option<User<'a>> {
        let (mut id, mut username, mut bot) = (None, None, None);
        loop {
            match fields.next(keys)? {
                Next::Key(0) if id.is_none() => id = Some(fields.text()?),
                Next::Key(1) if username.is_none() => username = Some(fields.text_or_null()?),
                Next::Key(2) if bot.is_none() => {
                    let Value::Bool(is) = fields.value()? else { return None };
                    bot = Some(is);
                }
                Next::Key(_) => return None,
                Next::Other => drop(fields.value()?),
                Next::End => break,
            }
        }
        Some(User { id: id?.into(), username: username.flatten().map(Cow::from), bot: bot.unwrap_or(false) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::calendar::Day;
    use crate::collect::collectors::by_name;
    use crate::model::canonical::canonicalize;
    use crate::model::event_writer::EventWriter;
    use crate::model::line::Record;
    use crate::model::record::{Origin, Row};

    /// Nodes that differ from a usual one in one field, or have one field twice.
    fn nodes() -> Vec<String> {
        let fields = [
            ("event", r#""CODE_SUGGESTION_SHOWN_IN_IDE""#),
            ("timestamp", r#""2026-10-05T10:00:00Z""#),
            ("language", r#""Rust""#),
            ("suggestionSize", "12"),
            ("uniqueTrackingId", r#""t""#),
            ("namespacePath", r#""acme""#),
            ("ofTomorrow", "1"),
            ("extras", r#"{"project_id":4,"ide_name":"VSCode","unique_tracking_id":"u","x":true}"#),
            ("user", r#"{"id":"gid://gitlab/User/1","username":"ana","bot":false}"#),
        ];
        let values = [
            "",
            "null",
            "true",
            "false",
            "7",
            "-7",
            "1.5",
            r#""""#,
            r#""x""#,
            r#"" x ""#,
            r#""\u0065""#,
            r#""événement""#,
            r#""2026-10-05T23:59:59Z""#,
            r#""2026-10-05T24:00:00Z""#,
            r#""2026-10-05T10:00:00.500Z""#,
            r#""2026-10-05T10:00:00.000Z""#,
            r#""2026-10-05T10:00:00+00:00""#,
            r#""2026-10-06T00:00:00Z""#,
            "{}",
            "[]",
            "[1]",
            r#"{"id":"1"}"#,
            r#"{"id":"1","id":"2","username":"a","bot":true}"#,
            r#"{"username":"a","id":"1","bot":null}"#,
            r#"{"id":1,"username":null}"#,
            r#"{"id":"1","name":{}}"#,
            r#"{"id":"1","username":null,"bot":true,"name":"x"}"#,
            r#"{"session_id":17,"session_id":"18"}"#,
            r#"{"session_id":" 17 ","flow_type":"","environment":null,"model_name":false,"language":1.5}"#,
            r#"{"has_tool_call_success":true,"tool_name":"t"}"#,
            r#"{"has_tool_call_success":"f"}"#,
            r#"{"has_tool_call_success":1,"language":"Go","suggestion_size":9}"#,
            r#"{"has_tool_call_success":null}"#,
            r#"{"has_tool_call_success":[1],"ide_name":{}}"#,
            r#"{"ide_name":-1}"#,
            r#"{"flow_type":"fix/v1","environment":"ide","project_id":"gid://gitlab/Project/4","ide_name":"Visual Studio Code"}"#,
            r#"{"flow_type":"/v1","environment":"web","project_id":"","model_name":"m","model_engine":"e","tool_name":" t"}"#,
            r#"{"flow_type":"fix/","language":"tsx","suggestion_size":"7","unique_tracking_id":"u"}"#,
            r#"{"flow_type":"triage \u0026 fix\u002fv1","environment":"i\u0064e","tool_name":" \u003cb\u003e\u0020"}"#,
            r#"{"flow_type":"\u0020","language":"T\u0073X","suggestion_size":"\u0037","model_name":"\u00e9\ud83d\ude00"}"#,
            r#"{"flow_type":"a\"b"}"#,
            r#"{"flow_type":"a\\"}"#,
            r#"{"flow_type":"a\u000ab"}"#,
            r#"{"flow_type":"\ud800"}"#,
            r#"{"flow_type":"\u00"}"#,
            r#"{"flow_type":"\"#,
        ];
        let node = |fields: &[(&str, &str)]| {
            let present = fields.iter().filter(|(_, value)| !value.is_empty());
            let fields: Vec<String> = present.map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
            format!("{{{}}}", fields.join(","))
        };
        let mut nodes = Vec::new();
        for place in 0..fields.len() {
            for value in values {
                let mut changed = fields.to_vec();
                changed[place].1 = value;
                let mut doubled = fields.to_vec();
                doubled.insert(place / 2, (fields[place].0, value));
                nodes.extend([node(&changed), node(&doubled), node(&fields)]);
            }
        }
        nodes.extend([format!("{} ", nodes[2]), format!("{}}}", nodes[2]), nodes[2].replace(':', ": ")]);
        nodes
    }

    #[test]
    fn fast_path_decodes_what_the_parser_reads() {
        let mut keys = NodeKeys::default();
        let (mut fast, mut slow) = (0, 0);
        for node in nodes() {
            match UsageNode::decode_fast(&node, &mut keys).filter(|(_, length)| *length == node.len()) {
                Some((decoded, _)) => {
                    assert_eq!(
                        Ok(decoded),
                        serde_json::from_str(&node).map_err(|error| error.to_string()),
                        "{node}"
                    );
                    fast += 1;
                }
                None => slow += 1,
            }
        }
        assert!(fast > 400 && slow > 50, "{fast} on the fast path, {slow} not");
    }

    #[test]
    fn fast_path_writes_the_line_of_the_record() {
        let day: Day = "2026-10-05".parse().expect("a literal day");
        let collectors = ["usage_events", "code_suggestion_events", "instance_usage_events"];
        let mut written = 0;
        for collector in collectors.map(|name| by_name(name).expect("a builtin collector")) {
            let (mut keys, mut writer) = (NodeKeys::default(), EventWriter::default());
            for (index, node) in (0..).zip(nodes()) {
                let origin = Origin {
                    instance: "https://gitlab.example.com".into(),
                    collector: collector.name().into(),
                    scope: "acme".into(),
                    day,
                    fetched_at: day.plus(1).midnight(),
                    row: Row { page: 1, index },
                };
                let (mut fast, mut line) = (Vec::new(), Vec::new());
                let Some((event, length)) = collector.decode_fast(&node, &mut keys) else { continue };
                writer.start_page(&origin);
                if length == node.len() && writer.write_fast(&event, index, &mut fast) {
                    let Ok(Record::Event(mut record)) = collector.read(&node, origin, day) else {
                        panic!("no record: {node}")
                    };
                    canonicalize(&mut record);
                    EventWriter::default().write(&record, &mut line);
                    written += 1;
                }
                assert_eq!(String::from_utf8(fast), String::from_utf8(line), "{node}");
            }
        }
        assert!(written > 1_000, "{written}");
    }
}
