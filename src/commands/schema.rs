//! `schema`: the JSON schema of the lines of every command, from the types that write them.
//!
//! A schema states what this version writes. Fields, types and values may be added, so an object may
//! have further fields, and a line may have another type.

use std::io::Write;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::base::error::{Error, Outcome};
use crate::base::suggestion::did_you_mean;
use crate::check::report::AlertLine;
use crate::cli::SchemaArgs;
use crate::collect::request_log::RequestLine;
use crate::commands::doctor::Check;
use crate::commands::history::HistoryEntry;
use crate::commands::metrics::{DefinitionLine, ReachedLine};
use crate::lint::report::{FindingLine, RuleLine};
use crate::model::coverage::Coverage;
use crate::model::event::Event;
use crate::model::former_group::FormerGroup;
use crate::model::history_loss::HistoryLoss;
use crate::model::metric::Metric;
use crate::model::raw::Raw;
use crate::model::record::{
    AgentSession, Credit, CreditMonth, Dora, GroupTotal, Member, MergeRequest, Pipeline, Project, Seat,
    SeatPool, SessionDuration, SessionTotal, SuggestionTotal, UserTotal,
};
use crate::model::rollup::{AgentRollup, SessionRollup, UsageRollup};
use crate::normalize::dead_letter::DeadLetter;
use crate::system::log::{ErrorReport, Notice};
use crate::system::progress::ProgressLine;
use crate::system::summary::SummaryLine;

/// The schema language of the output.
const LANGUAGE: &str = "https://json-schema.org/draft/2020-12/schema";

/// The one kind of lines without a type.
const SUMMARY: &str = "summary";

/// The field that distinguishes rollup lines.
const KIND: &str = "kind";

/// A schema of a Rust type.
type TypeSchema = fn(&mut SchemaGenerator) -> Schema;

/// Every type of lines, in the order in which the stages write them.
const LINE_TYPES: &[(&str, TypeSchema)] = &[
    ("raw", Raw::json_schema),
    ("coverage", Coverage::json_schema),
    ("event", Event::json_schema),
    ("seat", Seat::json_schema),
    ("seat_pool", SeatPool::json_schema),
    ("member", Member::json_schema),
    ("merge_request", MergeRequest::json_schema),
    ("pipeline", Pipeline::json_schema),
    ("project", Project::json_schema),
    ("credit", Credit::json_schema),
    ("credit_month", CreditMonth::json_schema),
    ("dora", Dora::json_schema),
    ("group_total", GroupTotal::json_schema),
    ("user_total", UserTotal::json_schema),
    ("session_total", SessionTotal::json_schema),
    ("session_duration", SessionDuration::json_schema),
    ("suggestion_total", SuggestionTotal::json_schema),
    ("agent_session", AgentSession::json_schema),
    ("rejected", DeadLetter::json_schema),
    ("rollup", rollup),
    ("metric", Metric::json_schema),
    ("former_group", FormerGroup::json_schema),
    ("history_loss", HistoryLoss::json_schema),
    ("finding", FindingLine::json_schema),
    ("rule", RuleLine::json_schema),
    ("check", Check::json_schema),
    ("alert", AlertLine::json_schema),
    ("definition", DefinitionLine::json_schema),
    ("exposed", ReachedLine::json_schema),
    ("kept", HistoryEntry::json_schema),
    ("notice", Notice::json_schema),
    ("progress", ProgressLine::json_schema),
    ("request", RequestLine::json_schema),
    ("error", ErrorReport::json_schema),
    (SUMMARY, SummaryLine::json_schema),
];

/// Runs the command.
pub fn run(args: &SchemaArgs, mut stdout: impl Write) -> Result<Outcome, Error> {
    let schema = match &args.line_type {
        None => schema_of_all(),
        Some(name) => {
            let line_type = LINE_TYPES.iter().find(|(known, _)| known == name).ok_or_else(|| {
                let names = LINE_TYPES.iter().map(|(known, _)| *known);
                let hint = did_you_mean(name, names, "\"duo-metrics schema\" has all of them");
                Error::Usage(format!("unknown type {name:?}; {hint}"))
            })?;
            let mut schema = schema_of(*line_type);
            schema["$schema"] = LANGUAGE.into();
            schema
        }
    };
    let text = format!("{schema:#}\n");
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::writing)?;
    Ok(Outcome::Complete)
}

/// The schema of a line of any type, except the summary. A line of an unknown type is valid.
fn schema_of_all() -> Value {
    let schemas: Map<String, Value> =
        LINE_TYPES.iter().map(|line_type| (line_type.0.to_owned(), schema_of(*line_type))).collect();
    let of_type = |(name, _): &(&str, TypeSchema)| {
        json!({
            "if": {"properties": {"type": {"const": name}}},
            "then": {"$ref": format!("#/$defs/{name}")},
        })
    };
    let is_typed = |(name, _): &&(&str, TypeSchema)| *name != SUMMARY;
    let by_type: Vec<Value> = LINE_TYPES.iter().filter(is_typed).map(of_type).collect();
    json!({
        "$schema": LANGUAGE,
        "title": "Lines of duo-metrics",
        "description": "What this version writes. Fields, types and values may be added.",
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string"}},
        "allOf": by_type,
        "$defs": schemas,
    })
}

/// The schema of the lines of a type.
fn schema_of((name, type_schema): (&str, TypeSchema)) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut settings = settings.with(|settings| settings.inline_subschemas = true);
    settings.meta_schema = None;
    let mut schema = type_schema(&mut settings.into_generator()).to_value();
    simplify_descriptions(&mut schema);
    schema["title"] = name.into();
    if name != SUMMARY {
        set_type(&mut schema, name);
    }
    schema
}

/// Sets the type of the lines, which not every Rust type has as a field.
fn set_type(schema: &mut Value, name: &str) {
    schema["properties"]["type"] = json!({"const": name, "description": "The type of the line."});
    let required = schema["required"].take();
    let mut required: Vec<Value> = required.as_array().cloned().unwrap_or_default();
    if !required.contains(&"type".into()) {
        required.insert(0, "type".into());
    }
    schema["required"] = required.into();
}

/// The schema of rollup lines: one for each kind.
fn rollup(generator: &mut SchemaGenerator) -> Schema {
    let kinds: [(&str, TypeSchema); 3] = [
        ("usage", UsageRollup::json_schema),
        ("session", SessionRollup::json_schema),
        ("agent", AgentRollup::json_schema),
    ];
    let of_kind = |(kind, type_schema): (&str, TypeSchema)| {
        let mut schema = type_schema(generator).to_value();
        set_type(&mut schema, "rollup");
        schema["properties"][KIND] = json!({"const": kind, "description": "What the line counts."});
        schema
    };
    let kinds: Vec<Value> = kinds.into_iter().map(of_kind).collect();
    schemars::json_schema!({
        "description": "Counts of the rows of one fetch, which can be merged before metrics are computed.",
        "type": "object",
        "oneOf": kinds,
    })
}

/// Turns documentation into text: one line, without links to code.
fn simplify_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = without_links(&text.replace('\n', " "));
            }
            object.values_mut().for_each(simplify_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify_descriptions),
        _ => {}
    }
}

/// The text of a doc comment without the targets of links, and without links that stand in parentheses.
fn without_links(text: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("[`") {
        let Some(length) = rest[start..].find("`]") else { break };
        let (before, link) = (&rest[..start], &rest[start + 1..=start + length]);
        let mut after = &rest[start + length + 2..];
        if link.starts_with("`crate::") {
            kept.push_str(before.trim_end_matches(['(', ' ', ':']));
            after = after.trim_start_matches(')');
        } else {
            kept.push_str(before);
            kept.push_str(link);
            if let Some(target) = after.strip_prefix('(') {
                after = target.split_once(')').map_or("", |(_, after)| after);
            }
        }
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::line::RECORD_TYPES;

    #[test]
    fn every_record_type_has_a_schema_with_its_fields() {
        for (name, fields) in RECORD_TYPES {
            let line_type = LINE_TYPES.iter().find(|(known, _)| known == name);
            let schema = schema_of(*line_type.unwrap_or_else(|| panic!("{name}")));
            for field in *fields {
                assert!(schema["properties"][field].is_object(), "{name}: {field}");
            }
        }
    }

    #[test]
    fn descriptions_have_no_links() {
        for (text, expected) in [
            ("The language ([`crate::events::aliases`]);", "The language;"),
            ("as in [`Event`](crate::model::event::Event).", "as in `Event`."),
            ("The checksum: [`crate::rollup::RowSet::digest`]. The", "The checksum. The"),
            ("`x` [y", "`x` [y"),
        ] {
            assert_eq!(without_links(text), expected);
        }
    }
}
