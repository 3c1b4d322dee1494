//! `duoWorkflows`: the sessions themselves, with the status they have now.

use std::collections::HashSet;

use apollo_compiler::resolvers::{FieldError, ResolveInfo};
use chrono::{DateTime, Utc};

use super::super::super::organization::Session;
use super::super::{Scope, TimeRange};
use super::engine::{Arguments, Fact, Measured, Shared, TypeNames};
use super::{Analytics, Filter};

impl<'q> Analytics<'q> {
    /// The sessions that pass the filters.
    pub(super) fn workflows(&self, info: &ResolveInfo<'_>) -> Result<Vec<&'q Session>, FieldError> {
        let organization = self.context.organization;
        let range = TimeRange::read(info, "createdAtFrom", "createdAtTo")?;
        let (flows, statuses) = (Filter::texts(info, "workflowDefinition"), Filter::texts(info, "status"));
        let models = Filter::texts(info, "modelUsed");
        let (users, projects) = (Filter::ids(info, "userId"), Filter::ids(info, "projectId"));
        let sources = self.sources(info)?;
        let is_asked = |session: &&Session| {
            let is_in = |scope: &Scope| scope.has_session(organization, session);
            is_in(&self.scope)
                && range.contains(Some(session.began_at))
                && flows.has_text(Some(session.flow_type))
                && statuses.has_text(Some(session.status))
                && models.has_text(session.model())
                && users.has_id(Some(organization.people[session.person].id))
                && projects.has_id(session.project.map(|project| organization.projects[project].id))
                && sources.as_ref().is_none_or(|sources| sources.iter().any(is_in))
        };
        Ok(organization.sessions.iter().filter(is_asked).collect())
    }
}

fn distinct<T: Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> Measured {
    values.collect::<HashSet<T>>().len().into()
}

impl Fact for &Session {
    const TYPES: TypeNames = TypeNames {
        scope: "DuoWorkflowsAggregationScope",
        connection: "DuoWorkflowsAggregationResponseConnection",
        edge: "DuoWorkflowsAggregationResponseEdge",
        row: "DuoWorkflowsAggregationResponse",
        dimensions: "DuoWorkflowsAggregationResponseDimensions",
    };
    const TIME: &'static str = "createdAt";
    const OLD_GRANULARITIES: &'static [&'static str] = &[];

    fn time(self) -> DateTime<Utc> {
        self.began_at
    }

    fn dimension(self, name: &str) -> Option<Shared> {
        Some(match name {
            "workflowDefinition" => Shared::Text(Some(self.flow_type)),
            "status" => Shared::Text(Some(self.status)),
            // Empty where no bill was seen.
            "modelUsed" => Shared::Text(Some(self.model().unwrap_or_default())),
            "user" => Shared::Person(self.person),
            "project" => Shared::Project(self.project),
            _ => return None,
        })
    }

    fn metric(facts: &[Self], name: &str, arguments: &Arguments) -> Option<Measured> {
        let is_counted = |session: &&&Session| {
            let asked = arguments.status.as_deref().unwrap_or_default();
            asked.is_empty() || asked.iter().any(|status| status == session.status)
        };
        Some(match name {
            "totalCount" => facts.iter().filter(is_counted).count().into(),
            "usersCount" => distinct(facts.iter().map(|session| session.person)),
            "flowTypesCount" => distinct(facts.iter().map(|session| session.flow_type)),
            "projectsCount" => distinct(facts.iter().filter_map(|session| session.project)),
            _ => return None,
        })
    }
}
