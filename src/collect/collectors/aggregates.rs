//! What the collectors of GitLab's aggregation engines (`Group.analytics`) share.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::usage_node::User;
use super::{Fault, FetchTarget, GraphQl, Sink, serde_borrow, walk};
use crate::base::calendar::Day;
use crate::model::record::{Origin, SessionTotal};

/// A query for rows of one engine.
pub(super) struct EngineQuery<'a> {
    /// The document of the query.
    pub(super) document: &'static str,
    /// The name of the query.
    pub(super) operation: &'static str,
    /// The field of `Group.analytics`.
    pub(super) engine: &'static str,
    /// The first day.
    pub(super) since: Day,
    /// The last day.
    pub(super) until: Day,
    /// What the rows are ordered by; null where the document states it.
    pub(super) order: &'a Value,
}

impl EngineQuery<'_> {
    /// Requests all rows, and passes them to `sink`.
    pub(super) fn walk(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let variables = json!({
            "scope": target.scope,
            "start": self.since.midnight(),
            "end": end_of(self.until),
            "order": self.order,
        });
        let path = ["group", "analytics", self.engine, "aggregated"];
        walk(gitlab, self.document, self.operation, variables, &path, &mut |page, answer| {
            sink.page(&page.nodes, answer)
        })
    }
}

/// The last moment of a day, as GitLab's `Time`. Both ends of a time filter are included (`BETWEEN`,
/// `ee/app/models/analytics/aggregation_engines/` of 18.9 to 19.5), so the next midnight would be counted on
/// both days. The time columns have milliseconds.
pub(super) fn end_of(day: Day) -> String {
    format!("{day}T23:59:59.999Z")
}

/// An order by these dimensions. Pages are offsets, and GitLab gives rows no order of its own, so
/// rows repeat and others are lost unless the order names every selected dimension. It may name
/// only those.
pub(super) fn order_by(dimensions: &[&str]) -> Value {
    dimensions.iter().map(|name| json!({"identifier": name, "direction": "ASC"})).collect()
}

/// A text, unless it is empty: GitLab's store has no null for most texts.
pub(super) fn non_empty<T: AsRef<str>>(text: Option<T>) -> Option<T> {
    text.filter(|text| !text.as_ref().trim().is_empty())
}

/// The dimensions of a row of sessions. An engine has some of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionDimensions<'a> {
    /// `None` if it was not selected.
    #[serde(default, deserialize_with = "selected")]
    pub(super) created_event_at: Option<Option<Day>>,
    #[serde(borrow, default, alias = "workflowDefinition", deserialize_with = "serde_borrow::text")]
    flow_type: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
    model_used: Option<Cow<'a, str>>,
    /// Null if the user was deleted.
    #[serde(borrow)]
    user: Option<User<'a>>,
    /// Null for the sessions of a group.
    #[serde(borrow)]
    project: Option<SessionProject<'a>>,
}

/// A field that the query selected, which may be null. A field that it did not select also needs
/// `default`.
pub(super) fn selected<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The project of a row of sessions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionProject<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    full_path: Cow<'a, str>,
}

impl<'a> SessionDimensions<'a> {
    /// The flow type, if there is one.
    pub(super) fn into_flow(self) -> Option<Cow<'a, str>> {
        non_empty(self.flow_type)
    }

    /// The record of so many sessions, of the day of `origin`.
    pub(super) fn into_total(self, origin: Origin<'a>, sessions: u64) -> SessionTotal<'a> {
        let (mut user, mut username, mut bot) = (None, None, false);
        if let Some(found) = self.user {
            (user, username, bot) = (Some(found.id), found.username, found.bot);
        }
        let (mut project, mut project_id) = (None, None);
        if let Some(found) = self.project {
            (project, project_id) = (Some(found.full_path), Some(found.id));
        }
        SessionTotal {
            start: origin.day,
            end: origin.day,
            origin,
            flow: non_empty(self.flow_type),
            status: non_empty(self.status).map(|status| status.to_lowercase().into()),
            user,
            username,
            bot,
            project,
            project_id,
            model: non_empty(self.model_used),
            sessions,
            finished: None,
        }
    }
}
