//! Checks before the first page: GitLab accepts the token and shows the groups.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::Client;
use crate::collect::collectors::Fault;
use crate::model::line;

/// Checks the token and every group, in order; without groups, only the token. Returns the groups
/// with GitLab's capitalization, each once: GitLab ignores the case of a path, and two forms of a
/// path must not count as two groups.
pub fn preflight(client: &Client, groups: &[String]) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Found<'a> {
        #[serde(borrow)]
        current_user: Option<&'a RawValue>,
        #[serde(borrow)]
        group: Option<Group<'a>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Group<'a> {
        #[serde(borrow)]
        full_path: Cow<'a, str>,
    }
    let query = |operation, variables| {
        let answer = client.send(include_str!("preflight.graphql"), operation, &variables)?;
        let found: Found = line::parse(answer.data.get())
            .map_err(|error| Fault::Answer(format!("GitLab's answer has an unexpected form: {error}")))?;
        match found.current_user {
            Some(_) => Ok(found.group.map(|group| group.full_path.into_owned())),
            None => Err(Fault::Token(
                "GitLab treats the request as one without a token; check DUO_TOKEN, and that no proxy removes the Authorization header".to_owned(),
            )),
        }
    };
    if groups.is_empty() {
        query("PreflightToken", json!({}))?;
    }
    let mut found_groups: Vec<String> = Vec::new();
    for group in groups {
        let Some(found) = query("Preflight", json!({"scope": group}))? else {
            return Err(Fault::Configuration(format!(
                "group {group:?} not found or not readable with this token; check GROUP_PATH and the token's membership"
            )));
        };
        if !found_groups.contains(&found) {
            found_groups.push(found);
        }
    }
    Ok(found_groups)
}
