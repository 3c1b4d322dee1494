//! The schema of the stand-in, and a cache of parsed queries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, ast};
use serde_json::{Value, json};

use super::release::{self, Release};
use super::validation;

/// Errors in the JSON shape of `errors` in a response.
pub(super) type Errors = Vec<Value>;

/// A valid document, or the errors with which GitLab rejects it.
pub(super) type Document = Result<Valid<ExecutableDocument>, Errors>;

/// The parsed schema and all parsed queries: parsing a query costs more than executing it.
pub(super) struct Schema {
    pub(super) types: Valid<apollo_compiler::Schema>,
    documents: Mutex<HashMap<String, Arc<Document>>>,
}

impl Schema {
    /// Parses `schema.graphql` and reduces it to the members that the release has.
    pub(super) fn load(release: Release) -> Schema {
        let text = include_str!("schema.graphql");
        let mut document = ast::Document::parse(text, "schema.graphql")
            .unwrap_or_else(|failure| panic!("the stand-in's own schema is wrong: {}", failure.errors));
        release::restrict(&mut document, release);
        let types = document
            .to_schema_validate()
            .unwrap_or_else(|failure| panic!("the stand-in's own schema is wrong: {}", failure.errors));
        Schema { types, documents: Mutex::new(HashMap::new()) }
    }

    /// The parsed query.
    pub(super) fn document(&self, text: &str) -> Arc<Document> {
        let mut documents = self.documents.lock().expect("no panic while reading a document");
        if let Some(document) = documents.get(text) {
            return Arc::clone(document);
        }
        let document = Arc::new(self.read(text));
        documents.insert(text.to_string(), Arc::clone(&document));
        document
    }

    fn read(&self, text: &str) -> Document {
        let syntax = ast::Document::parse(text, "query.graphql").map_err(|failure| {
            let first = failure.errors.iter().next().map(|diagnostic| diagnostic.to_json());
            let (message, locations) = match first {
                Some(error) => (error.message, error.locations),
                None => ("no reason given".to_string(), Vec::new()),
            };
            vec![json!({ "message": format!("Parse error: {message}"), "locations": locations })]
        })?;
        let mut errors = validation::errors(&self.types, &syntax);
        if !errors.is_empty() {
            errors.truncate(validation::MAX_ERRORS);
            return Err(errors);
        }
        // Other errors; their messages differ from GitLab's.
        ExecutableDocument::parse_and_validate(&self.types, text, "query.graphql").map_err(|failure| {
            let diagnostics = failure.errors.iter().take(validation::MAX_ERRORS);
            diagnostics.map(|diagnostic| json!(diagnostic.to_json())).collect()
        })
    }
}
