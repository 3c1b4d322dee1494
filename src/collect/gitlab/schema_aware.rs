//! A client that requests only what the schema of this GitLab version has.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Client;
use crate::collect::collectors::{Answer, Fault, GraphQl};
use crate::collect::gitlab::schema::{FieldInfo, FittedQuery, Schema, TypeInfo};
use crate::collect::parallel::map_parallel;

/// Types per introspection request: one type costs about 22 of the 250 points that GitLab allows as
/// query complexity.
const TYPES_PER_REQUEST: usize = 9;

/// A client with the schema of its GitLab.
pub struct SchemaAwareClient<'a> {
    client: &'a Client,
    schema: Schema,
    /// By document and name of the operation.
    fitted: Mutex<HashMap<(&'static str, &'static str), FitResult>>,
}

/// An operation that fits the schema, or what the schema lacks for it.
type FitResult = Result<Arc<FittedQuery>, String>;

impl<'a> SchemaAwareClient<'a> {
    /// Requests the types that these documents use, with a number of threads.
    pub fn new(
        client: &'a Client,
        documents: &[&str],
        threads: usize,
    ) -> Result<SchemaAwareClient<'a>, Fault> {
        let mut schema = Schema::default();
        loop {
            let unknown: Vec<String> = schema.unknown_types(documents).into_iter().collect();
            if unknown.is_empty() {
                return Ok(SchemaAwareClient { client, schema, fitted: Mutex::default() });
            }
            let requests: Vec<&[String]> = unknown.chunks(TYPES_PER_REQUEST).collect();
            for types in map_parallel(&requests, threads, |names| request_types(client, names)) {
                types?.into_iter().for_each(|(name, info)| schema.insert(&name, info));
            }
        }
    }
}

impl GraphQl for SchemaAwareClient<'_> {
    fn query(
        &self,
        document: &'static str,
        operation: &'static str,
        variables: &Value,
    ) -> Result<Answer, Fault> {
        let fitted = {
            let mut known = self.fitted.lock().unwrap_or_else(PoisonError::into_inner);
            let fit = || self.schema.fit(document, operation).map(Arc::new);
            known.entry((document, operation)).or_insert_with(fit).clone()
        };
        let fitted = fitted.map_err(|missing| {
            Fault::Unsupported(format!("not available in this GitLab version: {missing}"))
        })?;
        let used = |(name, value): (&String, &Value)| {
            fitted.variables.contains(name).then(|| (name.clone(), value.clone()))
        };
        let variables: serde_json::Map<String, Value> =
            variables.as_object().into_iter().flatten().filter_map(used).collect();
        self.client.send(&fitted.text, operation, &variables.into())
    }

    fn values(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.schema.values(name)
    }

    fn has_field(&self, type_name: &str, field: &str) -> bool {
        self.schema.has_field(type_name, field)
    }
}

/// The types with these names; `None` if the schema has no such type.
fn request_types(client: &Client, names: &[String]) -> Result<Vec<(String, Option<TypeInfo>)>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct IntrospectedType {
        fields: Option<Vec<IntrospectedField>>,
        enum_values: Option<Vec<Named>>,
    }
    #[derive(Deserialize)]
    struct IntrospectedField {
        name: String,
        r#type: Reference,
        args: Vec<Argument>,
    }
    #[derive(Deserialize)]
    struct Argument {
        name: String,
        r#type: Reference,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let mut query = String::from("query Types {\n");
    for (at, name) in names.iter().enumerate() {
        let name = json!(name);
        let _ = writeln!(query, "  t{at}: __type(name: {name}) {{ ...T }}");
    }
    query.push_str("}\nfragment T on __Type { fields(includeDeprecated: true) { name type { ...R } args { name type { ...R } } } enumValues(includeDeprecated: true) { name } }\n");
    query.push_str("fragment R on __Type { name ofType { name ofType { name ofType { name } } } }\n");
    let answer = client.send(&query, "Types", &json!({}))?;
    let unreadable = || Fault::Answer("GitLab's answer about its schema has an unexpected form".to_owned());
    let mut types: HashMap<String, Option<IntrospectedType>> =
        serde_json::from_str(answer.data.get()).map_err(|_| unreadable())?;
    let read = |(at, name): (usize, &String)| {
        let found = types.remove(&format!("t{at}")).ok_or_else(unreadable)?;
        let info = found.map(|found| {
            let field = |field: IntrospectedField| {
                let arguments = field
                    .args
                    .into_iter()
                    .map(|argument| (argument.name, argument.r#type.name_of_type()))
                    .collect();
                (field.name, FieldInfo { type_name: field.r#type.name_of_type(), arguments })
            };
            TypeInfo {
                fields: found.fields.unwrap_or_default().into_iter().map(field).collect(),
                values: found.enum_values.unwrap_or_default().into_iter().map(|value| value.name).collect(),
            }
        });
        Ok((name.clone(), info))
    };
    names.iter().enumerate().map(read).collect()
}

/// A type as introspection returns it: list and non-null wrappers around a named type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    name: Option<String>,
    of_type: Option<Box<Reference>>,
}

impl Reference {
    fn name_of_type(self) -> String {
        match (self.name, self.of_type) {
            (Some(name), _) => name,
            (None, Some(inner)) => inner.name_of_type(),
            (None, None) => String::new(),
        }
    }
}
