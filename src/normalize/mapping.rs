//! What the nodes of a collector of one's own mean: which part of a node is which field of a record. The record that
//! comes of it is read as every other record, so that a value of the wrong type or form is refused with its reason.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::collect::collectors::by_name;
use crate::events::features;
use crate::model::record::Origin;

/// How to make records of the nodes of one collector.
#[derive(Debug, PartialEq)]
pub struct Mapping {
    collector: String,
    record: &'static Kind,
    fields: BTreeMap<String, Part>,
}

/// A type of record: the fields it has to have, and those it may have, beside where it comes from.
#[derive(Debug, PartialEq)]
struct Kind {
    name: &'static str,
    needed: &'static [&'static str],
    optional: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "event",
        needed: &["ts", "event", "user"],
        optional: &["feature", "username", "bot", "language", "ide", "lines", "tracking_id", "event_id"],
    },
    Kind {
        name: "seat",
        needed: &["user", "assigned", "add_on"],
        optional: &["username", "bot", "last_duo_activity_on"],
    },
    Kind { name: "seat_pool", needed: &["add_on", "purchased", "assigned"], optional: &["purchase"] },
    Kind {
        name: "merge_request",
        needed: &["project", "iid", "state", "created_at"],
        optional: &["project_id", "author", "bot", "merged_at", "additions", "deletions"],
    },
    Kind {
        name: "pipeline",
        needed: &["project", "id", "status", "created_at"],
        optional: &["project_id", "finished_at", "duration"],
    },
];

/// Where the value of a field comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Part {
    /// Keys below the node, with a dot between them; a number is a place in a list.
    Path(String),
    /// The same value for every node.
    Fixed {
        /// The value.
        r#const: Value,
    },
}

impl Mapping {
    /// Reads a mapping. The error says what is wrong with it and where.
    pub fn parse(text: &str) -> Result<Mapping, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            collector: String,
            record: String,
            fields: BTreeMap<String, Part>,
        }
        let File { collector, record, fields } =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        if by_name(&collector).is_some() {
            return Err(format!("the records of {collector} are made already; map a collector of your own"));
        }
        let names = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        let record = KINDS
            .iter()
            .find(|kind| kind.name == record)
            .ok_or_else(|| format!("there is no record {record:?}; there are {}", names()))?;
        let known = || record.needed.iter().chain(record.optional);
        if let Some(field) = fields.keys().find(|field| !known().any(|known| known == field)) {
            let known = known().copied().collect::<Vec<_>>().join(", ");
            return Err(format!("{} has no field {field:?} to be mapped; there are {known}", record.name));
        }
        if let Some(field) = record.needed.iter().find(|field| !fields.contains_key(**field)) {
            return Err(format!("{} needs the field {field:?}", record.name));
        }
        Ok(Mapping { collector, record, fields })
    }

    /// The collector whose nodes it speaks of.
    pub fn collector(&self) -> &str {
        &self.collector
    }

    /// The record of a node as JSON text, to be read as a line of the stream.
    pub fn apply(&self, node: &str, origin: &Origin<'_>) -> Result<String, String> {
        let node: Value = serde_json::from_str(node).map_err(|_| "not JSON".to_owned())?;
        let origin = serde_json::to_value(origin).map_err(|error| error.to_string())?;
        let Value::Object(mut record) = origin else { return Err("no origin".to_owned()) };
        record.insert("type".to_owned(), self.record.name.into());
        self.fill_in(&node, &mut record);
        Ok(Value::Object(record).to_string())
    }

    /// Puts in what the node tells. What it does not tell is left out, as everywhere.
    fn fill_in(&self, node: &Value, record: &mut Map<String, Value>) {
        for (field, part) in &self.fields {
            let value = match part {
                Part::Path(path) => path.split('.').try_fold(node, step).cloned(),
                Part::Fixed { r#const } => Some(r#const.clone()),
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

fn step<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
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
    fn a_node_becomes_a_record_of_where_it_came_from() {
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
    fn what_is_missing_or_of_the_wrong_type_is_no_record() {
        let mapping = Mapping::parse(MAPPING).expect("it is a mapping");
        for (node, reason) in [
            (r#"{"at":"2026-10-01T12:00:00Z","people":[]}"#, "missing field `user`"),
            (r#"{"at":"yesterday","people":[{"id":"x"}]}"#, "a value of the wrong type or form"),
            (r#"{"at":"2026-10-01T12:00:00Z","people":[{"id":"x"}],"size":"big"}"#, "a value of the wrong"),
            ("[]", "missing field"),
        ] {
            let text = mapping.apply(node, &origin()).expect("JSON");
            let said = Line::parse(&text).expect_err(node);
            assert!(said.starts_with(reason), "{node}: {said}");
        }
    }

    #[test]
    fn a_mapping_that_cannot_be_meant_is_refused() {
        let refused =
            |from: &str, to: &str| Mapping::parse(&MAPPING.replace(from, to)).expect_err("it cannot be used");
        assert!(refused("\"mine\"", "\"seats\"").contains("made already"));
        assert!(refused("\"record\": \"event\"", "\"record\": \"deed\"").contains("seat_pool"));
        assert!(refused("lines", "size").contains("no field \"size\""));
        assert!(refused("lines", "fetched_at").contains("no field \"fetched_at\""));
        assert!(refused("\"ts\"", "\"language\"").contains("needs the field \"ts\""));
        assert!(refused("\"at\"", "7").contains("line 2"));
        assert!(refused("\"fields\"", "\"felder\"").contains("felder"));
    }

    #[test]
    fn the_fields_are_those_of_the_records() {
        for kind in KINDS {
            let record = |left_out: &str| {
                let mut record = serde_json::to_value(origin()).expect("JSON");
                record["type"] = kind.name.into();
                record["feature"] = "other".into();
                for field in kind.needed.iter().chain(kind.optional).filter(|field| **field != left_out) {
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
            let whole = record("");
            let Ok(Line::Record(read)) = Line::parse(&whole) else { panic!("{whole}") };
            let again = serde_json::to_value(&read).expect("JSON");
            let mut known: Vec<&str> =
                again.as_object().expect("an object").keys().map(String::as_str).collect();
            known.retain(|key| {
                !["type", "instance", "collector", "scope", "day", "fetched_at", "row"].contains(key)
            });
            let mut listed: Vec<&str> = kind.needed.iter().chain(kind.optional).copied().collect();
            listed.sort_unstable();
            known.sort_unstable();
            assert_eq!(listed, known, "{}", kind.name);
            for field in kind.needed {
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
