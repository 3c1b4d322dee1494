//! The direct members of a group and of each of its subgroups: a snapshot, because GitLab keeps no
//! history of membership.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{
    Answer, Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, walk,
};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{Member, Origin};
use crate::model::topic::Topic;

/// The collector `members`.
pub struct Members;

const INFO: CollectorInfo = CollectorInfo {
    name: MEMBERS,
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "a token that can see the members of the group and of its subgroups",
    level: Level::Group,
    document: include_str!("members.graphql"),
    span: Span::Snapshot,
    retention_days: None,
};

/// The name of the collector.
pub const MEMBERS: &str = "members";

/// The path of a group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group<'a> {
    #[serde(borrow)]
    full_path: Cow<'a, str>,
}

impl Collector for Members {
    fn info(&self) -> &CollectorInfo {
        &INFO
    }

    /// The group and each of its subgroups is a partition.
    fn partitions(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        on_answer: &mut dyn FnMut(&Answer),
    ) -> Result<Vec<String>, Fault> {
        let mut groups = vec![target.scope.to_owned()];
        let variables = json!({"scope": target.scope});
        let path = ["group", "descendantGroups"];
        walk(gitlab, INFO.document, "MembersSubgroups", variables, &path, &mut |page, answer| {
            on_answer(answer);
            for group in &page.nodes {
                let group: Group = line::parse(group.get()).map_err(|error| {
                    Fault::Answer(format!("GitLab returned an invalid subgroup: {error}"))
                })?;
                groups.push(group.full_path.into_owned());
            }
            Ok(())
        })?;
        Ok(groups)
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        _target: &FetchTarget<'_>,
        group: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let path = ["group", "groupMembers"];
        walk(gitlab, INFO.document, "Members", json!({"group": group}), &path, &mut |page, answer| {
            // An invitation by mail has no user yet: it is nobody's membership.
            let members: Vec<&RawValue> =
                page.nodes.iter().copied().filter(|node| !is_invitation(node.get())).collect();
            sink.page(&members, answer)
        })
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        struct Node<'a> {
            #[serde(borrow)]
            group: Group<'a>,
            #[serde(borrow)]
            user: Option<User<'a>>,
        }
        #[derive(Deserialize)]
        struct User<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
            #[serde(borrow)]
            username: Option<Cow<'a, str>>,
            #[serde(default)]
            bot: bool,
        }
        let node: Node = line::parse(node)?;
        let user = node.user.ok_or("an invitation, which has no user")?;
        Ok(Record::Member(Member {
            origin,
            team: node.group.full_path,
            user: user.id,
            username: user.username,
            bot: user.bot,
        }))
    }
}

/// Whether a member has no user.
fn is_invitation(node: &str) -> bool {
    #[derive(Deserialize)]
    struct Node<'a> {
        #[serde(borrow)]
        user: Option<&'a RawValue>,
    }
    // A node that cannot be parsed is rejected later.
    line::parse::<Node<'_>>(node).is_ok_and(|node| node.user.is_none())
}
