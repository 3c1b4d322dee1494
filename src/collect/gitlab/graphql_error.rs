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
    /// The feature is switched off, or the instance lacks a store that it needs.
    NotEnabled,
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
    // Of the aggregation engines: a granularity that a later release has.
    "Unknown granularity",
    "Invalid value(s) for parameter `granularity`",
];

/// Codes of errors about what an instance lacks: the replication of its database to ClickHouse
/// (Siphon), or ClickHouse itself.
const NOT_ENABLED_CODES: &[&str] = &["SIPHON_REPLICATION_DISABLED", "CLICKHOUSE_NOT_CONFIGURED"];

/// The same in messages, and feature flags, for which there is no code.
const NOT_ENABLED_MESSAGES: &[&str] =
    &["feature flag is disabled", "Siphon replication is not enabled", "ClickHouse is not configured"];

const DENIED_CODES: &[&str] = &["AGGREGATION_NOT_AUTHORIZED"];

const DENIED_MESSAGES: &[&str] = &[
    "Not available for this resource",
    "don't have permission",
    "not authorized",
    "not licensed",
    "ClickHouse data store is not available",
    // Of the aggregation engines: the role and the tier, or a group that does not exist.
    "The following sources are not accessible",
];

pub(super) fn classify(error: &GraphQlError) -> ErrorKind {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.code.as_ref()?.as_str());
    let is_one_of = |codes: &[&str], messages: &[&str]| {
        code.is_some_and(|code| codes.contains(&code))
            || messages.iter().any(|part| error.message().contains(part))
    };
    if is_timeout(error.message()) {
        ErrorKind::Timeout
    } else if is_one_of(UNKNOWN_NAME_CODES, UNKNOWN_NAME_MESSAGES) {
        ErrorKind::UnknownName
    } else if is_one_of(NOT_ENABLED_CODES, NOT_ENABLED_MESSAGES) {
        ErrorKind::NotEnabled
    } else if is_one_of(DENIED_CODES, DENIED_MESSAGES) {
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
        for denied in [
            r#"{"message":"the ClickHouse data store is not available"}"#,
            r#"{"message":"The following sources are not accessible: acme"}"#,
            r#"{"message":"The resource that you are attempting to access does not exist or you don't have permission to perform this action"}"#,
            r#"{"message":"x","extensions":{"code":"AGGREGATION_NOT_AUTHORIZED"}}"#,
        ] {
            assert_eq!(kind_of(denied), ErrorKind::Denied, "{denied}");
        }
        for not_enabled in [
            r#"{"message":"`dap_impact_v1` feature flag is disabled."}"#,
            r#"{"message":"Siphon replication is not enabled on this instance."}"#,
            r#"{"message":"ClickHouse is not configured on this instance."}"#,
            r#"{"message":"x","extensions":{"code":"SIPHON_REPLICATION_DISABLED"}}"#,
            r#"{"message":"x","extensions":{"code":"CLICKHOUSE_NOT_CONFIGURED"}}"#,
        ] {
            assert_eq!(kind_of(not_enabled), ErrorKind::NotEnabled, "{not_enabled}");
        }
        for older in [
            r#"{"message":"Unknown granularity \"daily\""}"#,
            r#"{"message":"Granularity Invalid value(s) for parameter `granularity`: daily"}"#,
        ] {
            assert_eq!(kind_of(older), ErrorKind::UnknownName, "{older}");
        }
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
