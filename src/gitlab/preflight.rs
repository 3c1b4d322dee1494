//! What has to hold before the first page is asked for: a token that GitLab takes, and groups it shows.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::collectors::{Fault, GraphQl};
use crate::line;

/// Checks the token and every group, in order.
pub fn preflight(gitlab: &dyn GraphQl, groups: &[String]) -> Result<(), Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Found<'a> {
        #[serde(borrow)]
        current_user: Option<&'a RawValue>,
        #[serde(borrow)]
        group: Option<&'a RawValue>,
    }
    for group in groups {
        let answer =
            gitlab.query(include_str!("preflight.graphql"), "Preflight", &json!({"scope": group}))?;
        let found: Found = line::parse(answer.data.get())
            .map_err(|error| Fault::Answer(format!("GitLab's answer cannot be read: {error}")))?;
        if found.current_user.is_none() {
            return Err(Fault::Token(
                "GitLab answers as to somebody without a token; check DUO_TOKEN, and that no proxy takes the Authorization header away".to_owned(),
            ));
        }
        if found.group.is_none() {
            return Err(Fault::Configuration(format!(
                "group {group:?} not found or not readable with this token; check GROUP_PATH and the token's membership"
            )));
        }
    }
    Ok(())
}
