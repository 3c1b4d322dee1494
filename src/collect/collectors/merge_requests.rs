//! Merge requests by the days on which they were opened and merged.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::{
    Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, just_before, walk,
};
use crate::base::calendar::{Day, Timestamp};
use crate::model::line::{self, Record};
use crate::model::record::{MergeRequest, Origin};
use crate::model::topic::Topic;

/// The collector `merge_requests`.
pub struct MergeRequests;

/// The project of a node.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Project<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) full_path: Cow<'a, str>,
}

const INFO: CollectorInfo = CollectorInfo {
    name: "merge_requests",
    topic: Topic::Project,
    requirement: Requirement::Core,
    needs: "read access to the group",
    level: Level::Group,
    document: include_str!("merge_requests.graphql"),
    span: Span::Day,
    retention_days: None,
};

impl Collector for MergeRequests {
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
        let path = ["group", "mergeRequests"];
        for operation in ["MergeRequestsOpened", "MergeRequestsMerged"] {
            let end = target.until.plus(1).midnight();
            let variables = json!({"scope": target.scope, "start": just_before(target.since), "end": end});
            walk(gitlab, INFO.document, operation, variables, &path, &mut |page, answer| {
                sink.page(&page.nodes, answer)
            })?;
        }
        Ok(())
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            #[serde(borrow)]
            iid: Cow<'a, str>,
            #[serde(borrow)]
            state: Cow<'a, str>,
            created_at: Timestamp,
            merged_at: Option<Timestamp>,
            #[serde(borrow)]
            project: Project<'a>,
            #[serde(borrow)]
            author: Option<Author<'a>>,
            diff_stats_summary: Option<DiffStats>,
        }
        #[derive(Deserialize)]
        struct Author<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
            #[serde(default)]
            bot: bool,
        }
        #[derive(Deserialize)]
        struct DiffStats {
            additions: u64,
            deletions: u64,
        }
        let node: Node = line::parse(node)?;
        Ok(Record::MergeRequest(MergeRequest {
            origin,
            project_id: node.project.id,
            project: node.project.full_path,
            iid: node.iid,
            bot: node.author.as_ref().is_some_and(|author| author.bot),
            author: node.author.map(|author| author.id),
            state: node.state.to_lowercase().into(),
            created_at: node.created_at,
            merged_at: node.merged_at,
            additions: node.diff_stats_summary.as_ref().map(|stats| stats.additions),
            deletions: node.diff_stats_summary.as_ref().map(|stats| stats.deletions),
        }))
    }
}
