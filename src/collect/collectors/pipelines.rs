//! Pipelines by the day of their creation, project by project.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::merge_requests::Project;
use super::{
    Answer, Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span,
    just_before, walk,
};
use crate::base::calendar::{Day, Timestamp};
use crate::model::line::{self, Record};
use crate::model::record::{Origin, Pipeline};
use crate::model::topic::Topic;

/// The collector `pipelines`.
pub struct Pipelines;

const INFO: CollectorInfo = CollectorInfo {
    name: "pipelines",
    topic: Topic::Project,
    requirement: Requirement::Core,
    needs: "read access to the projects",
    level: Level::Group,
    document: include_str!("pipelines.graphql"),
    span: Span::Range,
    retention_days: None,
};

impl Collector for Pipelines {
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
            "PipelinesProjects",
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
        let path = ["project", "pipelines"];
        walk(gitlab, INFO.document, "Pipelines", variables, &path, &mut |page, answer| {
            sink.page(&page.nodes, answer)
        })
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
            #[serde(borrow)]
            status: Cow<'a, str>,
            created_at: Timestamp,
            finished_at: Option<Timestamp>,
            duration: Option<u64>,
            #[serde(borrow)]
            project: Project<'a>,
        }
        let node: Node = line::parse(node)?;
        Ok(Record::Pipeline(Pipeline {
            origin,
            project_id: node.project.id,
            project: node.project.full_path,
            id: node.id,
            status: node.status.to_lowercase().into(),
            created_at: node.created_at,
            finished_at: node.finished_at,
            duration: node.duration,
        }))
    }
}
