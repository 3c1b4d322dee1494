//! The projects of a group and its subgroups, including archived ones: a snapshot, because GitLab
//! keeps no history of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, walk};
use crate::base::calendar::Day;
use crate::events::aliases::LANGUAGES;
use crate::model::line::{self, Record};
use crate::model::record::{Origin, Project};
use crate::model::topic::Topic;

/// The collector `group_tree`.
pub struct GroupTree;

const INFO: CollectorInfo = CollectorInfo {
    name: "group_tree",
    topic: Topic::Project,
    requirement: Requirement::Optional,
    needs: "read access to the projects",
    level: Level::Group,
    document: include_str!("group_tree.graphql"),
    span: Span::Snapshot,
    retention_days: None,
};

impl Collector for GroupTree {
    fn info(&self) -> &CollectorInfo {
        &INFO
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        _partition: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let variables = json!({"scope": target.scope});
        let path = ["group", "projects"];
        walk(gitlab, INFO.document, "GroupTree", variables, &path, &mut |page, answer| {
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
            full_path: Cow<'a, str>,
            archived: Option<bool>,
            #[serde(borrow)]
            languages: Option<Vec<Language<'a>>>,
        }
        #[derive(Deserialize)]
        struct Language<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
            share: Option<f64>,
        }
        let node: Node = line::parse(node)?;
        let mut languages: BTreeMap<Cow<'_, str>, f64> = BTreeMap::new();
        for Language { name, share } in node.languages.into_iter().flatten() {
            // Aliases of the same language are added up.
            if let Some(share) = share {
                *languages.entry(LANGUAGES.canonical_name(&name).unwrap_or(name)).or_default() += share;
            }
        }
        Ok(Record::Project(Project {
            origin,
            project: node.full_path,
            id: node.id,
            archived: node.archived,
            languages,
        }))
    }
}
