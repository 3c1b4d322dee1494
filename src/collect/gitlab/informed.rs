//! A client that asks a GitLab only for what it knows.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Client;
use crate::collect::collectors::{Answer, Fault, GraphQl};
use crate::collect::gitlab::schema::{FieldInfo, Fitted, Schema, TypeInfo};

/// Types asked for in one request: a type costs about 22 of GitLab's 250 points of complexity.
const TYPES_A_REQUEST: usize = 9;

/// A client, and what its GitLab knows.
pub struct Informed<'a> {
    client: &'a Client,
    schema: Schema,
    fitted: Mutex<HashMap<(&'static str, &'static str), Fit>>,
}

/// An operation that was fitted, or what is missing.
type Fit = Result<Arc<Fitted>, String>;

impl<'a> Informed<'a> {
    /// Asks for the types that these documents speak of.
    pub fn new(client: &'a Client, documents: &[&str]) -> Result<Informed<'a>, Fault> {
        let mut schema = Schema::default();
        loop {
            let unknown: Vec<String> = schema.unknown_types(documents).into_iter().collect();
            if unknown.is_empty() {
                return Ok(Informed { client, schema, fitted: Mutex::default() });
            }
            for names in unknown.chunks(TYPES_A_REQUEST) {
                ask(client, names, &mut schema)?;
            }
        }
    }
}

impl GraphQl for Informed<'_> {
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
        let fitted = fitted
            .map_err(|missing| Fault::Unsupported(format!("this GitLab has no such field: {missing}")))?;
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
}

fn ask(client: &Client, names: &[String], schema: &mut Schema) -> Result<(), Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked {
        fields: Option<Vec<AskedField>>,
        enum_values: Option<Vec<Named>>,
    }
    #[derive(Deserialize)]
    struct AskedField {
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
    let unreadable = || Fault::Answer("GitLab's answer about its own types cannot be read".to_owned());
    let mut types: HashMap<String, Option<Asked>> =
        serde_json::from_str(answer.data.get()).map_err(|_| unreadable())?;
    for (at, name) in names.iter().enumerate() {
        let asked = types.remove(&format!("t{at}")).ok_or_else(unreadable)?;
        let info = asked.map(|asked| {
            let field = |field: AskedField| {
                let arguments =
                    field.args.into_iter().map(|argument| (argument.name, argument.r#type.named())).collect();
                (field.name, FieldInfo { of: field.r#type.named(), arguments })
            };
            TypeInfo {
                fields: asked.fields.unwrap_or_default().into_iter().map(field).collect(),
                values: asked.enum_values.unwrap_or_default().into_iter().map(|value| value.name).collect(),
            }
        });
        schema.learn(name, info);
    }
    Ok(())
}

/// A type as introspection wraps it: lists and non-null around a name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    name: Option<String>,
    of_type: Option<Box<Reference>>,
}

impl Reference {
    fn named(self) -> String {
        match (self.name, self.of_type) {
            (Some(name), _) => name,
            (None, Some(inner)) => inner.named(),
            (None, None) => String::new(),
        }
    }
}
