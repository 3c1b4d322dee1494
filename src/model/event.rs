//! The event record, and the one table of its fields.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::base::calendar::{Day, Timestamp};
use crate::model::record::{Origin, Row};

/// Passes the fields of an event that follow its origin to a macro, in line order. A row contains
/// the name, the form of the value, and whether a metric depends on it: if an `uncounted` field has
/// a value of another form, the record counts without that field.
///
/// Forms: `required` text, optional `text`, `flag` (absent is false), `lines` (of code, 32 bits),
/// `count` (64 bits), `object` (any JSON object).
macro_rules! event_fields {
    ($callback:path) => {
        $callback! {
            /// The event's name in lower case; an unknown one is kept as it is.
            event: required counted,
            /// The feature the event belongs to ([`crate::events::features`]).
            feature: required counted,
            /// The user's global id, or the pseudonym in its place.
            user: required counted,
            /// The username; absent when people are pseudonyms.
            username: text uncounted,
            /// True for bots and service accounts.
            bot: flag counted,
            /// The canonical name of the programming language ([`crate::events::aliases`]);
            /// `(none)` if the source states that there is none.
            language: text counted,
            /// The language as the source writes it, if that is not the canonical name.
            language_original: text uncounted,
            /// The canonical name of the editor ([`crate::events::aliases`]).
            ide: text counted,
            /// The editor as the source writes it, if that is not the canonical name.
            ide_original: text uncounted,
            /// Size of the suggestion in lines of code.
            lines: lines counted,
            /// The ids of the namespace it happened in and of its ancestors, joined by slashes, as
            /// GitLab returns them.
            namespace: text uncounted,
            /// The global id of the project it happened in.
            project: text uncounted,
            /// The id of the session that it belongs to.
            session: text counted,
            /// The flow type of that session.
            flow: text counted,
            /// Where the session runs.
            environment: text counted,
            /// The tool that was called.
            tool: text counted,
            /// The model that answered.
            model: text counted,
            /// The engine that runs the model.
            model_engine: text uncounted,
            /// The provider of the model.
            model_provider: text uncounted,
            /// The agent that acted in the session.
            agent: text counted,
            /// The kind of agent or flow: foundational, custom or external.
            agent_type: text uncounted,
            /// The version of the flow.
            flow_version: text counted,
            /// What ran, in the source's own terms: a foundational or custom agent, flow or external
            /// agent (`custom_flow`).
            item_type: text counted,
            /// The id of the custom agent or flow within its instance.
            item: text counted,
            /// The version of the agent or flow; newer releases report it in place of
            /// `flow_version`.
            item_version: text counted,
            /// The component of the flow that acted.
            component: text uncounted,
            /// The kind of user, in the source's own term: human, or one of several kinds of bots.
            user_type: text uncounted,
            /// The user's id across all instances, or the pseudonym in its place.
            global_user_id: text uncounted,
            /// How a tool call or session ended, if the event's name does not include it:
            /// `success`, `failure`, `completed` or `cancelled`.
            outcome: text counted,
            /// The type of the error; never its message, which can contain anything.
            reason: text uncounted,
            /// Input tokens of the model; whether cached ones are included depends on the source.
            input_tokens: count counted,
            /// Output tokens of the model.
            output_tokens: count counted,
            /// Input and output tokens together, as the source reports them.
            total_tokens: count counted,
            /// Input tokens read from the cache.
            cache_read: count counted,
            /// Tokens written to the cache for five minutes.
            cache_write_5m: count counted,
            /// Tokens written to the cache for an hour.
            cache_write_1h: count counted,
            /// Tokens written to the cache, including those for five minutes and for an hour.
            cache_write: count counted,
            /// The emitter of the event, by its own name: `gitlab-rails`,
            /// `duo-workflow-service-python`.
            source: text uncounted,
            /// The id that the shown, accepted and rejected events of one suggestion share.
            tracking_id: text uncounted,
            /// The source's own id of the event; if present, it is the event's identity.
            event_id: text counted,
            /// The other fields of the Standard Context and the AI Context, under their original
            /// names.
            context: object uncounted,
        }
    };
}
pub(crate) use event_fields;

/// The type of a field in [`Event`], by its form.
macro_rules! type_of {
    (required $a:lifetime) => { Cow<$a, str> };
    (text $a:lifetime) => { Option<Cow<$a, str>> };
    (flag $a:lifetime) => { bool };
    (lines $a:lifetime) => { Option<u32> };
    (count $a:lifetime) => { Option<u64> };
    (object $a:lifetime) => { Option<Box<Map<String, Value>>> };
}

/// The type that a field is deserialized as, by its form.
macro_rules! read_as {
    (required $a:lifetime) => { Text<$a> };
    (text $a:lifetime) => { Option<Text<$a>> };
    ($form:ident $a:lifetime) => { type_of!($form $a) };
}

/// Converts the deserialized value of a field, an `Option`, to the value in [`Event`].
macro_rules! value_of {
    (required, $read:expr, $name:expr) => {
        $read.ok_or_else(|| Error::missing_field($name))?.0
    };
    (text, $read:expr, $name:expr) => {
        $read.flatten().map(|text| text.0)
    };
    ($form:ident, $read:expr, $name:expr) => {
        $read.unwrap_or_default()
    };
}

/// Serializes a field, by its form.
macro_rules! serialize {
    (required, $fields:ident, $name:expr, $value:expr) => {
        $fields.serialize_field($name, &$value)?
    };
    (flag, $fields:ident, $name:expr, $value:expr) => {
        if $value {
            $fields.serialize_field($name, &true)?;
        }
    };
    ($form:ident, $fields:ident, $name:expr, $value:expr) => {
        if let Some(value) = &$value {
            $fields.serialize_field($name, value)?;
        }
    };
}

/// The schema of a field, by its form, and whether every event has it.
macro_rules! schema_of {
    (required) => {
        (json!({"type": "string"}), true)
    };
    (text) => {
        (json!({"type": "string"}), false)
    };
    (flag) => {
        (json!({"type": "boolean"}), false)
    };
    (lines) => {
        (json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}), false)
    };
    (count) => {
        (json!({"type": "integer", "minimum": 0}), false)
    };
    (object) => {
        (json!({"type": "object"}), false)
    };
}

/// Whether no metric depends on a field.
macro_rules! is_uncounted {
    (counted) => {
        false
    };
    (uncounted) => {
        true
    };
}

/// Whether a value has the form of an uncounted field. Null means that the field is absent.
macro_rules! has_form {
    (object, $value:expr) => {
        $value.is_null() || $value.is_object()
    };
    ($form:ident, $value:expr) => {
        $value.is_null() || $value.is_string()
    };
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

macro_rules! define_event {
    ($($(#[doc = $doc:literal])* $name:ident: $form:ident $usage:ident,)*) => {
        /// One usage event of one user. `None` means that the source does not report it.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Event<'a> {
            /// When it happened.
            pub ts: Timestamp,
            /// Where the record comes from.
            pub origin: Origin<'a>,
            $($(#[doc = $doc])* pub $name: type_of!($form 'a),)*
        }

        impl<'a> Event<'a> {
            /// The names of its fields, including those of its origin, in line order.
            pub const FIELDS: &'static [&'static str] = &[
                "ts", "instance", "collector", "scope", "day", "fetched_at", "row",
                $(stringify!($name),)*
            ];

            /// Creates an event with no other fields; its required texts are empty.
            pub fn new(ts: Timestamp, origin: Origin<'a>) -> Event<'a> {
                Event { ts, origin, $($name: Default::default(),)* }
            }
        }

        /// Whether a line has to be read without this field: its value has the wrong form, and no
        /// metric depends on it.
        pub(crate) fn is_droppable(name: &str, value: &Value) -> bool {
            match name {
                $(stringify!($name) => is_uncounted!($usage) && !(has_form!($form, value)),)*
                _ => false,
            }
        }

        impl JsonSchema for Event<'_> {
            fn schema_name() -> Cow<'static, str> {
                "event".into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let mut fields = FieldSchemas(Origin::json_schema(generator));
                fields.0.insert("description".to_owned(), "One usage event of one user.".into());
                let ts = Timestamp::json_schema(generator).to_value();
                fields.add("ts", (ts, true), "When it happened.");
                $(fields.add(stringify!($name), schema_of!($form), concat!($($doc),*));)*
                fields.0
            }
        }

        impl Serialize for Event<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut fields = serializer.serialize_struct("Event", 1 + Event::FIELDS.len())?;
                fields.serialize_field("type", "event")?;
                fields.serialize_field("ts", &self.ts)?;
                let Origin { instance, collector, scope, day, fetched_at, row } = &self.origin;
                fields.serialize_field("instance", instance)?;
                fields.serialize_field("collector", collector)?;
                fields.serialize_field("scope", scope)?;
                fields.serialize_field("day", day)?;
                fields.serialize_field("fetched_at", fetched_at)?;
                fields.serialize_field("row", row)?;
                $(serialize!($form, fields, stringify!($name), self.$name);)*
                fields.end()
            }
        }

        /// The fields read so far. A duplicate field is an error.
        #[derive(Default)]
        struct Read<'a> {
            r#type: Option<Text<'a>>,
            kind: Option<Option<Text<'a>>>,
            ts: Option<Timestamp>,
            instance: Option<Text<'a>>,
            collector: Option<Text<'a>>,
            scope: Option<Text<'a>>,
            day: Option<Day>,
            fetched_at: Option<Timestamp>,
            row: Option<Row>,
            $($name: Option<read_as!($form 'a)>,)*
        }

        impl<'de: 'a, 'a> Visitor<'de> for EventVisitor<'a> {
            type Value = Event<'a>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event<'a>, A::Error> {
                let mut read = Read::default();
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "type" => put(&mut read.r#type, &mut map, "type")?,
                        "kind" => put(&mut read.kind, &mut map, "kind")?,
                        "ts" => put(&mut read.ts, &mut map, "ts")?,
                        "instance" => put(&mut read.instance, &mut map, "instance")?,
                        "collector" => put(&mut read.collector, &mut map, "collector")?,
                        "scope" => put(&mut read.scope, &mut map, "scope")?,
                        "day" => put(&mut read.day, &mut map, "day")?,
                        "fetched_at" => put(&mut read.fetched_at, &mut map, "fetched_at")?,
                        "row" => put(&mut read.row, &mut map, "row")?,
                        $(stringify!($name) => put(&mut read.$name, &mut map, stringify!($name))?,)*
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Event {
                    ts: read.ts.ok_or_else(|| Error::missing_field("ts"))?,
                    origin: Origin {
                        instance: value_of!(required, read.instance, "instance"),
                        collector: value_of!(required, read.collector, "collector"),
                        scope: value_of!(required, read.scope, "scope"),
                        day: read.day.ok_or_else(|| Error::missing_field("day"))?,
                        fetched_at: read.fetched_at.ok_or_else(|| Error::missing_field("fetched_at"))?,
                        row: read.row.ok_or_else(|| Error::missing_field("row"))?,
                    },
                    $($name: value_of!($form, read.$name, stringify!($name)),)*
                })
            }
        }
    };
}

event_fields!(define_event);

/// The schema of an object.
struct FieldSchemas(Schema);

impl FieldSchemas {
    /// Adds a field with its schema, and whether every object has it.
    fn add(&mut self, name: &str, (mut schema, is_required): (Value, bool), description: &str) {
        schema["description"] = description.trim().into();
        let object = self.0.ensure_object();
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        properties[name] = schema;
        let required = object.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut().filter(|_| is_required) {
            required.push(name.into());
        }
    }
}

struct EventVisitor<'a>(std::marker::PhantomData<&'a ()>);

impl<'de: 'a, 'a> Deserialize<'de> for Event<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Event<'a>, D::Error> {
        deserializer.deserialize_map(EventVisitor(std::marker::PhantomData))
    }
}

/// Deserializes the value of the field `name`; fails if the line has the field twice.
fn put<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    field: &mut Option<T>,
    map: &mut A,
    name: &'static str,
) -> Result<(), A::Error> {
    if field.is_some() {
        return Err(Error::duplicate_field(name));
    }
    *field = Some(map.next_value()?);
    Ok(())
}
