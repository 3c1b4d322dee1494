//! What GitLab's refusals mean. It answers many of them with status 200, and says which only in words.

use serde::Deserialize;

use crate::base::text::is_printable;

/// One entry of `errors`.
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
pub(super) enum Meaning {
    /// The query took too long; it may pass later.
    Timeout,
    /// The query asks for something this release does not have.
    Unknown,
    /// The role, tier or add-on does not allow it.
    Denied,
    /// Anything else.
    Other,
}

impl GraphQlError {
    /// The text.
    pub(super) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// The path to the node in a list that the error is of; `None` when it is not of a single node. Such a node is null, and the
    /// others are as they should be.
    pub(super) fn node(&self) -> Option<&[serde_json::Value]> {
        let path = self.path.as_deref()?;
        let index = path.iter().position(serde_json::Value::is_u64)?;
        Some(&path[..=index])
    }
}

/// Codes of graphql-ruby for names that the schema does not have.
const UNKNOWN_CODES: &[&str] = &[
    "undefinedField",
    "undefinedType",
    "argumentNotAccepted",
    "argumentLiteralsIncompatible",
    "variableRequiresValidType",
    "variableMismatch",
    "missingRequiredArguments",
];

/// The same in words, for servers that send no code.
const UNKNOWN_WORDS: &[&str] = &[
    "doesn't exist on type",
    "doesn't accept argument",
    "isn't a defined input type",
    "No such type",
    "has an invalid value",
];

const DENIED_WORDS: &[&str] = &[
    "Not available for this resource",
    "don't have permission",
    "not authorized",
    "not licensed",
    "ClickHouse data store is not available",
];

pub(super) fn meaning(error: &GraphQlError) -> Meaning {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.code.as_ref()?.as_str());
    let says = |words: &[&str]| words.iter().any(|word| error.message().contains(word));
    if says_timeout(error.message()) {
        Meaning::Timeout
    } else if code.is_some_and(|code| UNKNOWN_CODES.contains(&code)) || says(UNKNOWN_WORDS) {
        Meaning::Unknown
    } else if says(DENIED_WORDS) {
        Meaning::Denied
    } else {
        Meaning::Other
    }
}

/// Whether GitLab says that it ran out of time.
pub(super) fn says_timeout(message: &str) -> bool {
    message.starts_with("Timeout on ") || message.starts_with("Request timed out")
}

/// What the body of a refusal says, in one short line: the first error's message, a page's title, or its text.
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

/// Text of a server made fit for one line of an error: no control characters, at most 200 characters.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None if words.is_empty() => "no text".to_owned(),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(json: &str) -> Meaning {
        meaning(&serde_json::from_str(json).expect("a literal"))
    }

    #[test]
    fn words_and_codes_tell_refusals_apart() {
        assert_eq!(meaning_of(r#"{"message":"Timeout on AiUsageData.all"}"#), Meaning::Timeout);
        assert_eq!(
            meaning_of(r#"{"message":"Field 'all' doesn't exist on type 'AiUsageData'"}"#),
            Meaning::Unknown
        );
        assert_eq!(meaning_of(r#"{"message":"x","extensions":{"code":"undefinedField"}}"#), Meaning::Unknown);
        assert_eq!(meaning_of(r#"{"message":"Not available for this resource."}"#), Meaning::Denied);
        assert_eq!(
            meaning_of(r#"{"message":"the ClickHouse data store is not available"}"#),
            Meaning::Denied
        );
        assert_eq!(meaning_of(r#"{"message":"maximum date range is 1 month"}"#), Meaning::Other);
        assert_eq!(meaning_of(r#"{"extensions":{}}"#), Meaning::Other);
    }

    #[test]
    fn bodies_become_one_line() {
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
