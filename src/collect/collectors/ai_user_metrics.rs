//! GitLab's own counts for each user over all requested days, which need ClickHouse. They can be
//! reconciled with the events.

use serde::Deserialize;
use serde_json::json;

use super::answer::{denied, value_at};
use super::totals::totals;
use super::usage_node::User;
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, walk};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{Origin, UserTotal};
use crate::model::topic::Topic;

/// The collector `ai_user_metrics`.
pub struct AiUserMetrics;

const INFO: CollectorInfo = CollectorInfo {
    name: "ai_user_metrics",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Reporter, ClickHouse, and Premium or Ultimate (before GitLab 18.7 Duo Enterprise or Pro)",
    level: Level::Group,
    document: include_str!("ai_user_metrics.graphql"),
    span: Span::Sum,
    retention_days: None,
};

/// The most days between the first and the last one that GitLab accepts: a year.
const MAX_DAYS: i64 = 365;

/// Names of counts before GitLab 18.8, and their names since then.
const RENAMED: &[(&str, &str)] = &[
    ("code_suggestions_accepted_count", "code_suggestions.code_suggestion_accepted_in_ide_event_count"),
    ("duo_chat_interactions_count", "chat.request_duo_chat_response_event_count"),
    ("total_event_count", "all.total_event_count"),
];

impl Collector for AiUserMetrics {
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
        if target.until.days_since(target.since) > MAX_DAYS {
            return Err(Fault::Unsupported(
                "GitLab sums up at most one year, and the range is longer; collect ai_user_metrics alone with a later --since"
                    .to_owned(),
            ));
        }
        let variables = json!({"scope": target.scope, "start": target.since, "end": target.until});
        let path = ["group", "aiUserMetrics"];
        walk(gitlab, INFO.document, "AiUserMetrics", variables, &path, &mut |page, answer| {
            let of_group = ["group", "aiMetrics", "codeContributorsCount"];
            if page.nodes.is_empty() && value_at(answer.data.get(), &of_group)?.is_none() {
                return Err(denied(&path.join(".")));
            }
            sink.page(&page.nodes, answer)
        })
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        struct Node<'a> {
            #[serde(borrow)]
            user: User<'a>,
        }
        let values = totals(node, None, RENAMED)?;
        let Node { user } = line::parse(node)?;
        Ok(Record::UserTotal(UserTotal {
            start: since,
            end: origin.day,
            origin,
            user: user.id,
            username: user.username,
            bot: user.bot,
            values,
        }))
    }
}
