//! What GitLab itself counted for each user over all days asked for, where it has ClickHouse: to reconcile with what the
//! events give.

use serde::Deserialize;
use serde_json::json;

use super::answer::{denied, value_at};
use super::totals::totals;
use super::usage_node::User;
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit, walk};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{Origin, UserTotal};
use crate::model::topic::Topic;

/// The collector `ai_user_metrics`.
pub struct AiUserMetrics;

const ABOUT: About = About {
    name: "ai_user_metrics",
    topic: Topic::Duo,
    standing: Standing::Extra,
    needs: "the role Reporter, ClickHouse, and Premium or Ultimate (before GitLab 18.7 Duo Enterprise or Pro)",
    level: Level::Group,
    document: include_str!("ai_user_metrics.graphql"),
    span: Span::Sum,
    keeps_days: None,
};

/// The most days from the first to the last that GitLab adds up at once: a year, whichever it is.
const LONGEST: i64 = 365;

/// Counts of releases before 18.8 by the names they have since.
const RENAMED: &[(&str, &str)] = &[
    ("code_suggestions_accepted_count", "code_suggestions.code_suggestion_accepted_in_ide_event_count"),
    ("duo_chat_interactions_count", "chat.request_duo_chat_response_event_count"),
    ("total_event_count", "all.total_event_count"),
];

impl Collector for AiUserMetrics {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        unit: &Unit<'_>,
        _part: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        if unit.until.days_since(unit.since) > LONGEST {
            return Err(Fault::Unsupported(
                "GitLab adds up a year at most, and the range is longer; collect it alone with a later --since"
                    .to_owned(),
            ));
        }
        let variables = json!({"scope": unit.scope, "start": unit.since, "end": unit.until});
        let path = ["group", "aiUserMetrics"];
        walk(gitlab, ABOUT.document, "AiUserMetrics", variables, &path, &mut |page, answer| {
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
