//! Single agent sessions, project by project: those that ran on a runner, never those of a chat or
//! an editor.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::aggregates::non_empty;
use super::merge_requests::Project;
use super::usage_node::User;
use super::{
    Answer, Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span,
    just_before, serde_borrow, walk,
};
use crate::base::calendar::{Day, Timestamp};
use crate::events::aliases;
use crate::model::line::{self, Record};
use crate::model::record::{AgentSession, Origin};
use crate::model::topic::Topic;

/// The collector `project_sessions`.
pub struct ProjectSessions;

const INFO: CollectorInfo = CollectorInfo {
    name: "project_sessions",
    topic: Topic::Duo,
    requirement: Requirement::OnRequest,
    needs: "the role Developer in the projects, GitLab Duo there (without either GitLab returns empty lists), and GitLab 18.10 or newer",
    level: Level::Group,
    document: include_str!("project_sessions.graphql"),
    span: Span::Range,
    retention_days: None,
};

impl Collector for ProjectSessions {
    fn info(&self) -> &CollectorInfo {
        &INFO
    }

    /// Each project is a partition: there can be thousands, and each takes separate requests.
    fn partitions(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        on_answer: &mut dyn FnMut(&Answer),
    ) -> Result<Vec<String>, Fault> {
        let mut projects = Vec::new();
        let variables = json!({"scope": target.scope});
        walk(
            gitlab,
            INFO.document,
            "ProjectSessionsProjects",
            variables,
            &["group", "projects"],
            &mut |page, answer| {
                on_answer(answer);
                for project in &page.nodes {
                    let project: Project = line::parse(project.get()).map_err(|error| {
                        Fault::Answer(format!("GitLab returned an invalid project: {error}"))
                    })?;
                    projects.push(project.full_path.into_owned());
                }
                Ok(())
            },
        )?;
        Ok(projects)
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        project: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let variables = json!({"project": project, "start": just_before(target.since)});
        let path = ["project", "duoWorkflowWorkflows"];
        walk(gitlab, INFO.document, "ProjectSessions", variables, &path, &mut |page, answer| {
            sink.page(&page.nodes, answer)
        })
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
            #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
            workflow_definition: Option<Cow<'a, str>>,
            #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
            status: Option<Cow<'a, str>>,
            #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
            environment: Option<Cow<'a, str>>,
            created_at: Timestamp,
            updated_at: Timestamp,
            #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
            model_metadata_name: Option<Cow<'a, str>>,
            #[serde(borrow, default, deserialize_with = "serde_borrow::text")]
            flow_metadata_version: Option<Cow<'a, str>>,
            #[serde(borrow)]
            user: Option<User<'a>>,
            #[serde(borrow)]
            project: Project<'a>,
        }
        let node: Node = line::parse(node)?;
        let number = node.id.rsplit('/').next().filter(|number| !number.is_empty());
        let (mut user, mut username, mut bot) = (None, None, false);
        if let Some(found) = node.user {
            (user, username, bot) = (Some(found.id), found.username, found.bot);
        }
        let lower = |text: Option<Cow<'_, str>>| non_empty(text).map(|text| text.to_lowercase());
        let environment = lower(node.environment).map(|name| aliases::canonical_environment(name.into()));
        Ok(Record::AgentSession(AgentSession {
            origin,
            session: number.ok_or("no number of the session")?.to_owned().into(),
            flow: non_empty(node.workflow_definition),
            flow_version: non_empty(node.flow_metadata_version),
            status: lower(node.status).map(Into::into),
            created_at: node.created_at,
            updated_at: node.updated_at,
            user,
            username,
            bot,
            project: node.project.full_path,
            project_id: node.project.id,
            environment,
            model: non_empty(node.model_metadata_name),
        }))
    }
}
