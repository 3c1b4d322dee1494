//! GitLab Credits by day of use, in total and by product. On GitLab.com the top-level group pays,
//! elsewhere the instance; one request determines which.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::value_at;
use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{Credit, Origin};
use crate::model::scope::INSTANCE_SCOPE;
use crate::model::topic::Topic;

/// The collector `credits`.
pub struct Credits;

const INFO: CollectorInfo = CollectorInfo {
    name: "credits",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Owner in the top-level group on GitLab.com, an administrator elsewhere, and GitLab 18.5 or newer",
    level: Level::Subscription,
    document: include_str!("credits.graphql"),
    span: Span::Day,
    retention_days: None,
};

const FIELD: &str = "subscriptionUsage";

impl Collector for Credits {
    fn info(&self) -> &CollectorInfo {
        &INFO
    }

    fn scopes(&self, gitlab: &dyn GraphQl, groups: &[String]) -> Result<Vec<String>, Fault> {
        let is_instance = match gitlab.query(INFO.document, "CreditsOfInstance", &json!({})) {
            Ok(answer) => value_at(answer.data.get(), &[FIELD])?.is_some(),
            // The requests for the groups report the reason.
            Err(Fault::Denied(_) | Fault::Unsupported(_) | Fault::NotEnabled(_)) => false,
            Err(fault) => return Err(fault),
        };
        Ok(if is_instance { Level::Instance } else { INFO.level }.scopes(groups))
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        _partition: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Usage<'a> {
            enabled: bool,
            start_date: Option<Day>,
            end_date: Option<Day>,
            #[serde(borrow)]
            daily_usage: Option<Vec<&'a RawValue>>,
            #[serde(borrow)]
            products: Option<Vec<&'a RawValue>>,
        }
        let namespace = (target.scope != INSTANCE_SCOPE).then_some(target.scope);
        let variables = json!({"namespace": namespace, "start": target.since, "end": target.until});
        let answer = gitlab.query(INFO.document, "Credits", &variables)?;
        let usage = value_at(answer.data.get(), &[FIELD])?.ok_or_else(|| {
            Fault::Denied(
                "GitLab returned null for subscriptionUsage: this requires the Owner role in the top-level group (GitLab.com) or an administrator (elsewhere), and a subscription with GitLab Credits"
                    .to_owned(),
            )
        })?;
        let usage: Usage = line::parse(usage).map_err(|error| {
            Fault::Answer(format!("GitLab's answer has an unexpected form at {FIELD}: {error}"))
        })?;
        if !usage.enabled {
            return Err(Fault::Denied(
                "GitLab Credits are not reported: the Customers Portal has no usage data for this subscription"
                    .to_owned(),
            ));
        }
        // Products have no date, so values of a longer range would be too high for the day.
        let (start, end) = (usage.start_date.unwrap_or(target.since), usage.end_date.unwrap_or(target.until));
        if (start, end) != (target.since, target.until) {
            return Err(Fault::Unsupported(format!(
                "this GitLab reports credits for {start} to {end} only, not by day"
            )));
        }
        let Some(mut nodes) = usage.daily_usage else {
            return Err(Fault::Denied(format!("GitLab returned null for {FIELD}.dailyUsage")));
        };
        nodes.extend(usage.products.into_iter().flatten());
        sink.page(&nodes, &answer)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            date: Option<Day>,
            #[serde(borrow)]
            id: Option<Cow<'a, str>>,
            credits_used: Option<f64>,
            #[serde(borrow, default)]
            flow_types: Vec<Flow<'a>>,
        }
        #[derive(Deserialize)]
        struct Flow<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
        }
        let mut node: Node = line::parse(node)?;
        if node.date.is_some() == node.id.is_some() {
            return Err("expected either a date or the id of a product".to_owned());
        }
        let flow = if node.flow_types.len() == 1 { node.flow_types.pop() } else { None };
        Ok(Record::Credit(Credit {
            date: node.date.unwrap_or(origin.day),
            origin,
            product: node.id,
            flow: flow.map(|flow| flow.id),
            credits: node.credits_used,
        }))
    }
}
