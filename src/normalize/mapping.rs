//! Mappings for custom collectors: which part of a node becomes which field of a record. The result
//! is parsed like every other record, which rejects values of the wrong type or form with a reason.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::collect::collectors::by_name;
use crate::events::features;
use crate::model::record::Origin;

/// Converts the nodes of one collector to records.
#[derive(Debug, PartialEq)]
pub struct Mapping {
    collector: String,
    record: &'static RecordKind,
    fields: BTreeMap<String, FieldSource>,
}

/// A type of record: its required and optional fields, besides its origin.
#[derive(Debug, PartialEq)]
struct RecordKind {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

const KINDS: &[RecordKind] = &[
    RecordKind {
        name: "event",
        required: &["ts", "event", "user"],
        optional: &["feature", "username", "bot", "language", "ide", "lines", "tracking_id", "event_id"],
    },
    RecordKind {
        name: "seat",
        required: &["user", "assigned", "add_on"],
        optional: &["username", "bot", "last_duo_activity_on"],
    },
    RecordKind { name: "seat_pool", required: &["add_on", "purchased", "assigned"], optional: &["purchase"] },
    RecordKind {
        name: "merge_request",
        required: &["project", "iid", "state", "created_at"],
        optional: &["project_id", "author", "bot", "merged_at", "additions", "deletions"],
    },
    RecordKind {
        name: "pipeline",
        required: &["project", "id", "status", "created_at"],
        optional: &["project_id", "finished_at", "duration"],
    },
];

/// The source of the value of a field.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum FieldSource {
    /// Keys from the node down, separated by dots. A number is an index in a list.
    Path(String),
    /// The same value for every node.
    Fixed {
        /// The value.
        r#const: Value,
    },
}

impl Mapping {
    /// Parses a mapping. The error describes what is wrong and where.
    pub fn parse(text: &str) -> Result<Mapping, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            collector: String,
            record: String,
            fields: BTreeMap<String, FieldSource>,
        }
        let File { collector, record, fields } =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        if by_name(&collector).is_some() {
            return Err(format!(
                "{collector} is a builtin collector and needs no mapping; map a custom collector"
            ));
        }
        let names = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        let record = KINDS
            .iter()
            .find(|kind| kind.name == record)
            .ok_or_else(|| format!("unknown record {record:?}; available are {}", names()))?;
        let known = || record.required.iter().chain(record.optional);
        if let Some(field) = fields.keys().find(|field| !known().any(|known| known == field)) {
            let known = known().copied().collect::<Vec<_>>().join(", ");
            return Err(format!("{} has no field {field:?}; available are {known}", record.name));
        }
        if let Some(field) = record.required.iter().find(|field| !fields.contains_key(**field)) {
            return Err(format!("{} requires the field {field:?}", record.name));
        }
        Ok(Mapping { collector, record, fields })
    }

    /// The collector whose nodes it maps.
    pub fn collector(&self) -> &str {
        &self.collector
    }

    /// The record of a node as JSON text, to be parsed as a line of the stream.
    pub fn apply(&self, node: &str, origin: &Origin<'_>) -> Result<String, String> {
        let node: Value = serde_json::from_str(node).map_err(|_| "not JSON".to_owned())?;
        let origin = serde_json::to_value(origin).map_err(|error| error.to_string())?;
        let Value::Object(mut record) = origin else { return Err("the origin is not an object".to_owned()) };
        record.insert("type".to_owned(), self.record.name.into());
        self.add_fields(&node, &mut record);
        Ok(Value::Object(record).to_string())
    }

    /// Adds the mapped fields. Missing and null values are omitted.
    fn add_fields(&self, node: &Value, record: &mut Map<String, Value>) {
        for (field, source) in &self.fields {
            let value = match source {
                FieldSource::Path(path) => path.split('.').try_fold(node, child).cloned(),
                FieldSource::Fixed { r#const } => Some(r#const.clone()),
            };
            if let Some(value) = value.filter(|value| !value.is_null()) {
                record.insert(field.clone(), value);
            }
        }
        if let Some(Value::String(event)) = record.get("event") {
            let event = event.to_lowercase();
            let feature = || Cow::Borrowed(features::feature_of(&event)).into();
            record.entry("feature").or_insert_with(feature);
            record.insert("event".to_owned(), event.into());
        }
    }
}

fn child<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::line::{Line, Record};
    use crate::model::record::Row;

    const MAPPING: &str = r#"{"collector": "mine", "record": "event",
        "fields": {"ts": "at", "event": {"const": "MINE"}, "user": "people.0.id", "lines": "size"}}"#;

    fn origin() -> Origin<'static> {
        Origin {
            instance: "https://gitlab.example.com".into(),
            collector: "mine".into(),
            scope: "acme".into(),
            day: "2026-10-01".parse().expect("a day"),
            fetched_at: "2026-10-02T03:00:00Z".parse().expect("a moment"),
            row: Row { page: 1, index: 2 },
        }
    }

    #[test]
    fn maps_a_node_to_a_record_with_its_origin() {
        let mapping = Mapping::parse(MAPPING).expect("it is a mapping");
        let text = mapping
            .apply(
                r#"{"at":"2026-10-01T12:00:00Z","people":[{"id":"gid://gitlab/User/1"}],"size":null}"#,
                &origin(),
            )
            .expect("a record");
        let Ok(Line::Record(Record::Event(event))) = Line::parse(&text) else { panic!("{text}") };
        assert_eq!((event.event.as_ref(), event.user.as_ref()), ("mine", "gid://gitlab/User/1"));
        assert_eq!((event.feature.as_ref(), event.lines, event.origin), ("other", None, origin()));
    }

    #[test]
    fn rejects_missing_fields_and_wrong_types() {
        let mapping = Mapping::parse(MAPPING).expect("it is a mapping");
        for (node, reason) in [
            (r#"{"at":"2026-10-01T12:00:00Z","people":[]}"#, "missing field `user`"),
            (r#"{"at":"yesterday","people":[{"id":"x"}]}"#, "a value of the wrong type or form"),
            (r#"{"at":"2026-10-01T12:00:00Z","people":[{"id":"x"}],"size":"big"}"#, "a value of the wrong"),
            ("[]", "missing field"),
        ] {
            let text = mapping.apply(node, &origin()).expect("JSON");
            let error = Line::parse(&text).expect_err(node);
            assert!(error.starts_with(reason), "{node}: {error}");
        }
    }

    #[test]
    fn rejects_invalid_mappings() {
        let rejected =
            |from: &str, to: &str| Mapping::parse(&MAPPING.replace(from, to)).expect_err("it cannot be used");
        assert!(rejected("\"mine\"", "\"seats\"").contains("builtin collector"));
        assert!(rejected("\"record\": \"event\"", "\"record\": \"deed\"").contains("seat_pool"));
        assert!(rejected("lines", "size").contains("no field \"size\""));
        assert!(rejected("lines", "fetched_at").contains("no field \"fetched_at\""));
        assert!(rejected("\"ts\"", "\"language\"").contains("requires the field \"ts\""));
        assert!(rejected("\"at\"", "7").contains("line 2"));
        assert!(rejected("\"fields\"", "\"felder\"").contains("felder"));
    }

    #[test]
    fn the_fields_match_the_records() {
        for kind in KINDS {
            let record = |left_out: &str| {
                let mut record = serde_json::to_value(origin()).expect("JSON");
                record["type"] = kind.name.into();
                record["feature"] = "other".into();
                for field in kind.required.iter().chain(kind.optional).filter(|field| **field != left_out) {
                    record[*field] = match *field {
                        "ts" | "created_at" | "merged_at" | "finished_at" => "2026-10-01T12:00:00Z".into(),
                        "last_duo_activity_on" => "2026-10-01".into(),
                        "bot" => true.into(),
                        "assigned" if kind.name == "seat" => true.into(),
                        "lines" | "purchased" | "assigned" | "additions" | "deletions" | "duration" => {
                            1.into()
                        }
                        _ => "x".into(),
                    };
                }
                record.to_string()
            };
            let complete = record("");
            let Ok(Line::Record(read)) = Line::parse(&complete) else { panic!("{complete}") };
            let again = serde_json::to_value(&read).expect("JSON");
            let mut known: Vec<&str> =
                again.as_object().expect("an object").keys().map(String::as_str).collect();
            known.retain(|key| {
                !["type", "instance", "collector", "scope", "day", "fetched_at", "row"].contains(key)
            });
            let mut listed: Vec<&str> = kind.required.iter().chain(kind.optional).copied().collect();
            listed.sort_unstable();
            known.sort_unstable();
            assert_eq!(listed, known, "{}", kind.name);
            for field in kind.required {
                assert!(Line::parse(&record(field)).is_err(), "{} without {field}", kind.name);
            }
            for field in kind.optional {
                assert!(
                    Line::parse(&record(field)).is_ok() || *field == "feature",
                    "{} without {field}",
                    kind.name
                );
            }
        }
    }
}
