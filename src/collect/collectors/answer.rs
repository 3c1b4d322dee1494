//! Finds a connection or value in an answer, without copying nodes.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Fault;
use crate::model::line;

/// One page of a GraphQL connection.
#[derive(Debug)]
pub struct ConnectionPage<'a> {
    /// The nodes as GitLab wrote them.
    pub nodes: Vec<&'a RawValue>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

impl<'a> ConnectionPage<'a> {
    /// The connection at `path` below `data`. Where the role of the token, the tier or the add-on
    /// is not sufficient, GitLab returns null on the path, without an error.
    pub fn at(data: &'a str, path: &[&str]) -> Result<ConnectionPage<'a>, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page<'a> {
            #[serde(borrow)]
            nodes: Option<Vec<&'a RawValue>>,
            page_info: PageInfo,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct PageInfo {
            end_cursor: Option<String>,
            has_next_page: bool,
        }
        let place = path.join(".");
        let page = value_at(data, path)?.ok_or_else(|| denied(&place))?;
        let page: Page = line::parse(page).map_err(|error| unusable(&place, &error))?;
        let PageInfo { end_cursor, has_next_page } = page.page_info;
        if has_next_page && end_cursor.is_none() {
            return Err(unusable(&place, "the next page has no cursor"));
        }
        let next = end_cursor.filter(|_| has_next_page);
        let nodes = page.nodes.ok_or_else(|| unusable(&place, "nodes is null"))?;
        Ok(ConnectionPage { nodes, next })
    }
}

/// The JSON text at `path` below `data`; `None` if the path leads through a null.
pub(super) fn value_at<'a>(data: &'a str, path: &[&str]) -> Result<Option<&'a str>, Fault> {
    let mut text = data;
    for (depth, key) in path.iter().enumerate() {
        if text == "null" {
            return Ok(None);
        }
        let place = path[..=depth].join(".");
        let mut object: HashMap<Cow<'a, str>, &'a RawValue> =
            line::parse(text).map_err(|error| unusable(&place, &error))?;
        text = object.remove(*key).ok_or_else(|| unusable(&place, "the key is missing"))?.get();
    }
    Ok((text != "null").then_some(text))
}

/// Fields that GitLab computes only with ClickHouse.
const FIELDS_FROM_CLICKHOUSE: &[&str] = &["group.aiMetrics", "group.aiUserMetrics", "group.analytics"];

/// GitLab returned null there, which means no permission.
pub(super) fn denied(place: &str) -> Fault {
    let why = match place {
        // The events of the instance are outside every group.
        place if place.starts_with("aiUsageData") => "this requires the token of an administrator",
        place if FIELDS_FROM_CLICKHOUSE.iter().any(|field| place.starts_with(field)) => {
            "the role of the token, the tier or the add-on is not sufficient, or this GitLab has no ClickHouse"
        }
        _ => "the role of the token, the tier or the add-on is not sufficient",
    };
    Fault::Denied(format!("GitLab returned null for {place}: {why}"))
}

/// GitLab's answer does not match its schema.
pub(super) fn unusable(place: &str, error: &str) -> Fault {
    Fault::Answer(format!("GitLab's answer has an unexpected form at {place}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &[&str] = &["group", "projects"];

    #[test]
    fn finds_a_connection_and_keeps_its_nodes_unchanged() {
        let data = r#"{"x":1,"group":{"id":"7","projects":{"nodes":[{"a": 1e2,"b":"\u0026"},null],"pageInfo":{"endCursor":"c","hasNextPage":true}}}}"#;
        let connection = ConnectionPage::at(data, PATH).expect("a connection");
        let nodes: Vec<&str> = connection.nodes.iter().map(|node| node.get()).collect();
        assert_eq!(nodes, [r#"{"a": 1e2,"b":"\u0026"}"#, "null"]);
        assert_eq!(connection.next.as_deref(), Some("c"));
    }

    #[test]
    fn null_on_the_path_means_no_permission_and_a_missing_key_does_not() {
        for data in [r#"{"group":null}"#, r#"{"group":{"projects":null}}"#] {
            assert!(matches!(ConnectionPage::at(data, PATH), Err(Fault::Denied(_))), "{data}");
        }
        for data in [
            r#"{"group":{}}"#,
            r#"{"group":[]}"#,
            r#"{"group":{"projects":{"nodes":[]}}}"#,
            r#"{"group":{"projects":{"nodes":null,"pageInfo":{"hasNextPage":false,"endCursor":null}}}}"#,
            r#"{"group":{"projects":{"nodes":[],"pageInfo":{"hasNextPage":true,"endCursor":null}}}}"#,
        ] {
            assert!(matches!(ConnectionPage::at(data, PATH), Err(Fault::Answer(_))), "{data}");
        }
    }
}
