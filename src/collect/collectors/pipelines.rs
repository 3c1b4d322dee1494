//! Pipelines by the day they were created, project by project.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::merge_requests::Project;
use super::{About, Answer, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit, just_before, walk};
use crate::base::calendar::{Day, Timestamp};
use crate::model::line::{self, Record};
use crate::model::record::{Origin, Pipeline};
use crate::model::topic::Topic;

/// The collector `pipelines`.
pub struct Pipelines;

const ABOUT: About = About {
    name: "pipelines",
    topic: Topic::Project,
    standing: Standing::Core,
    needs: "read access to the projects",
    level: Level::Group,
    document: include_str!("pipelines.graphql"),
    span: Span::Range,
    keeps_days: None,
};

impl Collector for Pipelines {
    fn about(&self) -> &About {
        &ABOUT
    }

    /// Each project is a part: there can be thousands of them, and each is asked for by itself.
    fn parts(
        &self,
        gitlab: &dyn GraphQl,
        unit: &Unit<'_>,
        dated: &mut dyn FnMut(&Answer),
    ) -> Result<Vec<String>, Fault> {
        let mut projects = Vec::new();
        let variables = json!({"scope": unit.scope});
        walk(
            gitlab,
            ABOUT.document,
            "PipelinesProjects",
            variables,
            &["group", "projects"],
            &mut |page, answer| {
                dated(answer);
                for project in &page.nodes {
                    let project: Project = line::parse(project.get())
                        .map_err(|error| Fault::Answer(format!("a project cannot be read: {error}")))?;
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
        unit: &Unit<'_>,
        project: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let variables = json!({"project": project, "start": just_before(unit.since)});
        let path = ["project", "pipelines"];
        walk(gitlab, ABOUT.document, "Pipelines", variables, &path, &mut |page, answer| {
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
