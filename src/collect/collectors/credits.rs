//! GitLab Credits by the day they were used, together and by product. Who pays is asked, once: on GitLab.com the top-level
//! group, elsewhere the instance.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::value_at;
use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{Credit, INSTANCE_SCOPE, Origin};
use crate::model::topic::Topic;

/// The collector `credits`.
pub struct Credits;

const ABOUT: About = About {
    name: "credits",
    topic: Topic::Duo,
    standing: Standing::Extra,
    needs: "the role Owner in the top-level group on GitLab.com, an administrator elsewhere, and GitLab 18.5 or newer",
    level: Level::Subscription,
    document: include_str!("credits.graphql"),
    span: Span::Day,
    keeps_days: None,
};

const FIELD: &str = "subscriptionUsage";

impl Collector for Credits {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn scopes(&self, gitlab: &dyn GraphQl, groups: &[String]) -> Result<Vec<String>, Fault> {
        let told = match gitlab.query(ABOUT.document, "CreditsOfInstance", &json!({})) {
            Ok(answer) => value_at(answer.data.get(), &[FIELD])?.is_some(),
            // Why, the groups will be told.
            Err(Fault::Denied(_) | Fault::Unsupported(_)) => false,
            Err(fault) => return Err(fault),
        };
        Ok(if told { Level::Instance } else { ABOUT.level }.scopes(groups))
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        unit: &Unit<'_>,
        _part: &str,
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
        let namespace = (unit.scope != INSTANCE_SCOPE).then_some(unit.scope);
        let variables = json!({"namespace": namespace, "start": unit.since, "end": unit.until});
        let answer = gitlab.query(ABOUT.document, "Credits", &variables)?;
        let usage = value_at(answer.data.get(), &[FIELD])?.ok_or_else(|| {
            Fault::Denied(
                "GitLab answers null for subscriptionUsage: it takes the Owner role in the top-level group (GitLab.com) or an administrator, and a subscription with GitLab Credits"
                    .to_owned(),
            )
        })?;
        let usage: Usage = line::parse(usage)
            .map_err(|error| Fault::Answer(format!("GitLab's answer cannot be read at {FIELD}: {error}")))?;
        if !usage.enabled {
            return Err(Fault::Denied(
                "GitLab Credits are not told here: the Customers Portal has no usage data for this subscription"
                    .to_owned(),
            ));
        }
        // Products have no date: of other days than those asked for they would be too much.
        let (start, end) = (usage.start_date.unwrap_or(unit.since), usage.end_date.unwrap_or(unit.until));
        if (start, end) != (unit.since, unit.until) {
            return Err(Fault::Unsupported(format!(
                "this GitLab tells credits of {start} to {end} and not of a day"
            )));
        }
        let Some(mut nodes) = usage.daily_usage else {
            return Err(Fault::Denied(format!("GitLab answers null for {FIELD}.dailyUsage")));
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
            return Err("neither a day nor a product".to_owned());
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
