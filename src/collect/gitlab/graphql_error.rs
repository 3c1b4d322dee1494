//! What GitLab's GraphQL errors mean. GitLab sends most of them with status 200, and many differ
//! only in their message.

use serde::Deserialize;

use crate::base::text::is_printable;

/// One entry of `errors` in an answer.
#[derive(Debug, Deserialize)]
pub(super) struct GraphQlError {
    message: Option<String>,
    extensions: Option<Extensions>,
    path: Option<Vec<serde_json::Value>>,
}

#[derive(Debug, Deserialize)]
struct Extensions {
    code: Option<serde_json::Value>,
}

/// What an error means for a collector.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    /// The query took too long; it may pass later.
    Timeout,
    /// The query names something that this release does not have.
    UnknownName,
    /// The role, tier or add-on does not allow it.
    Denied,
    /// Anything else.
    Other,
}

impl GraphQlError {
    /// The message; empty if there is none.
    pub(super) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// The path to the node that the error concerns; `None` if it does not concern a single node of
    /// a list. Such a node is null, and the others are correct.
    pub(super) fn node(&self) -> Option<&[serde_json::Value]> {
        let path = self.path.as_deref()?;
        let index = path.iter().position(serde_json::Value::is_u64)?;
        Some(&path[..=index])
    }
}

/// Error codes of graphql-ruby for names that the schema does not have.
const UNKNOWN_NAME_CODES: &[&str] = &[
    "undefinedField",
    "undefinedType",
    "argumentNotAccepted",
    "argumentLiteralsIncompatible",
    "variableRequiresValidType",
    "variableMismatch",
    "missingRequiredArguments",
];

/// The same in messages, for servers that send no code.
const UNKNOWN_NAME_MESSAGES: &[&str] = &[
    "doesn't exist on type",
    "doesn't accept argument",
    "isn't a defined input type",
    "No such type",
    "has an invalid value",
];

const DENIED_MESSAGES: &[&str] = &[
    "Not available for this resource",
    "don't have permission",
    "not authorized",
    "not licensed",
    "ClickHouse data store is not available",
];

pub(super) fn classify(error: &GraphQlError) -> ErrorKind {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.code.as_ref()?.as_str());
    let has_message = |parts: &[&str]| parts.iter().any(|part| error.message().contains(part));
    if is_timeout(error.message()) {
        ErrorKind::Timeout
    } else if code.is_some_and(|code| UNKNOWN_NAME_CODES.contains(&code))
        || has_message(UNKNOWN_NAME_MESSAGES)
    {
        ErrorKind::UnknownName
    } else if has_message(DENIED_MESSAGES) {
        ErrorKind::Denied
    } else {
        ErrorKind::Other
    }
}

/// Whether the message reports a timeout of GitLab.
pub(super) fn is_timeout(message: &str) -> bool {
    message.starts_with("Timeout on ") || message.starts_with("Request timed out")
}

/// The body of an error response in one short line: the message of the first error, the title of a
/// web page, or its text.
pub(super) fn summary(text: &str) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<GraphQlError>,
    }
    let errors: Option<Errors> = serde_json::from_str(text).ok();
    let message = errors.and_then(|errors| errors.errors.into_iter().next()?.message);
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    one_line(message.as_deref().or(title.map(|(title, _)| title)).unwrap_or(text))
}

/// Text of a server, made safe for one line of an error: no control characters, at most 200
/// characters.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect();
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None if line.is_empty() => "no text".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(json: &str) -> ErrorKind {
        classify(&serde_json::from_str(json).expect("a literal"))
    }

    #[test]
    fn classifies_errors_by_code_and_message() {
        assert_eq!(kind_of(r#"{"message":"Timeout on AiUsageData.all"}"#), ErrorKind::Timeout);
        assert_eq!(
            kind_of(r#"{"message":"Field 'all' doesn't exist on type 'AiUsageData'"}"#),
            ErrorKind::UnknownName
        );
        assert_eq!(
            kind_of(r#"{"message":"x","extensions":{"code":"undefinedField"}}"#),
            ErrorKind::UnknownName
        );
        assert_eq!(kind_of(r#"{"message":"Not available for this resource."}"#), ErrorKind::Denied);
        assert_eq!(kind_of(r#"{"message":"the ClickHouse data store is not available"}"#), ErrorKind::Denied);
        assert_eq!(kind_of(r#"{"message":"maximum date range is 1 month"}"#), ErrorKind::Other);
        assert_eq!(kind_of(r#"{"extensions":{}}"#), ErrorKind::Other);
    }

    #[test]
    fn summarizes_a_body_in_one_line() {
        assert_eq!(summary("{\"errors\":[{\"message\":\"Query too\\nlarge\"}]}"), "Query too large");
        assert_eq!(
            summary("<html><title>GitLab is not\n responding (502)</title>"),
            "GitLab is not responding (502)"
        );
        assert_eq!(summary("Retry later\n"), "Retry later");
        assert_eq!(summary("\x1b[31m\u{202e}x"), "[31m x");
        assert_eq!(summary(""), "no text");
        assert_eq!(one_line(&"é".repeat(300)).chars().count(), 201);
    }
}
