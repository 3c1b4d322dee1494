//! Finding a connection in an answer, without copying its nodes.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Fault;
use crate::model::line;

/// One page of a GraphQL connection.
#[derive(Debug)]
pub struct Connection<'a> {
    /// The nodes as GitLab wrote them.
    pub nodes: Vec<&'a RawValue>,
    /// The cursor of the next page, when there is one.
    pub next: Option<String>,
}

impl<'a> Connection<'a> {
    /// The connection at `path` below `data`. GitLab answers `null` on the way to it where the token's role,
    /// tier or add-on is not enough, without an error.
    pub fn at(data: &'a str, path: &[&str]) -> Result<Connection<'a>, Fault> {
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
        let next = match (page.page_info.has_next_page, page.page_info.end_cursor) {
            (false, _) => None,
            (true, Some(cursor)) => Some(cursor),
            (true, None) => return Err(unusable(&place, "there is a next page without a cursor")),
        };
        let nodes = page.nodes.ok_or_else(|| unusable(&place, "its nodes are null"))?;
        Ok(Connection { nodes, next })
    }
}

/// The JSON text at `path` below `data`; `None` where a null is on the way.
pub(super) fn value_at<'a>(data: &'a str, path: &[&str]) -> Result<Option<&'a str>, Fault> {
    let mut text = data;
    for (depth, key) in path.iter().enumerate() {
        if text == "null" {
            return Ok(None);
        }
        let place = path[..=depth].join(".");
        let mut object: HashMap<Cow<'a, str>, &'a RawValue> =
            line::parse(text).map_err(|error| unusable(&place, &error))?;
        text = object.remove(*key).ok_or_else(|| unusable(&place, "it is not in the answer"))?.get();
    }
    Ok((text != "null").then_some(text))
}

/// Fields that GitLab computes in ClickHouse alone.
const IN_CLICK_HOUSE: &[&str] = &["group.aiMetrics", "group.aiUserMetrics", "group.analytics"];

/// GitLab answers null there, which is its way to refuse.
pub(super) fn denied(place: &str) -> Fault {
    let why = match place {
        // It hangs on no group: the events of all.
        place if place.starts_with("aiUsageData") => "it takes the token of an administrator",
        place if IN_CLICK_HOUSE.iter().any(|field| place.starts_with(field)) => {
            "the token's role, the tier or the add-on is not enough, or this GitLab has no ClickHouse"
        }
        _ => "the token's role, the tier or the add-on is not enough",
    };
    Fault::Denied(format!("GitLab answers null for {place}: {why}"))
}

/// GitLab's answer is of another form than it says itself.
pub(super) fn unusable(place: &str, error: &str) -> Fault {
    Fault::Answer(format!("GitLab's answer cannot be read at {place}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &[&str] = &["group", "projects"];

    #[test]
    fn a_connection_is_found_and_its_nodes_are_untouched() {
        let data = r#"{"x":1,"group":{"id":"7","projects":{"nodes":[{"a": 1e2,"b":"\u0026"},null],"pageInfo":{"endCursor":"c","hasNextPage":true}}}}"#;
        let connection = Connection::at(data, PATH).expect("a connection");
        let nodes: Vec<&str> = connection.nodes.iter().map(|node| node.get()).collect();
        assert_eq!(nodes, [r#"{"a": 1e2,"b":"\u0026"}"#, "null"]);
        assert_eq!(connection.next.as_deref(), Some("c"));
    }

    #[test]
    fn null_on_the_way_is_a_refusal_and_a_missing_key_is_not() {
        for data in [r#"{"group":null}"#, r#"{"group":{"projects":null}}"#] {
            assert!(matches!(Connection::at(data, PATH), Err(Fault::Denied(_))), "{data}");
        }
        for data in [
            r#"{"group":{}}"#,
            r#"{"group":[]}"#,
            r#"{"group":{"projects":{"nodes":[]}}}"#,
            r#"{"group":{"projects":{"nodes":null,"pageInfo":{"hasNextPage":false,"endCursor":null}}}}"#,
            r#"{"group":{"projects":{"nodes":[],"pageInfo":{"hasNextPage":true,"endCursor":null}}}}"#,
        ] {
            assert!(matches!(Connection::at(data, PATH), Err(Fault::Answer(_))), "{data}");
        }
    }
}
