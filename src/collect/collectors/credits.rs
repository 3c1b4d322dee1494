//! GitLab Credits by day of use, in total, by product and by flow. On GitLab.com the top-level group pays,
//! elsewhere the instance; one request determines which.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{unusable, value_at};
use super::{Answer, Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span};
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
    needs: "the role Owner in the top-level group on GitLab.com, an administrator elsewhere, and GitLab 18.11 or newer",
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
        payers(gitlab, INFO.document, groups)
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
            start_date: Option<Day>,
            end_date: Option<Day>,
            #[serde(borrow)]
            daily_usage: Option<Vec<&'a RawValue>>,
            #[serde(borrow)]
            products: Option<Vec<&'a RawValue>>,
        }
        let variables =
            json!({"namespace": namespace_of(target), "start": target.since, "end": target.until});
        let answer = gitlab.query(INFO.document, "Credits", &variables)?;
        let usage: Usage = line::parse(usage_of(&answer)?).map_err(|error| unusable(FIELD, &error))?;
        // Products have no date, so values of a longer range would be too high for the day.
        check_bounds(target, usage.start_date, usage.end_date)?;
        let Some(mut nodes) = usage.daily_usage else {
            return Err(Fault::Denied(format!("GitLab returned null for {FIELD}.dailyUsage")));
        };
        let products = usage.products.unwrap_or_default();
        nodes.extend(&products);
        sink.page(&nodes, &answer)?;
        for flow in flows_of(&products) {
            match request_flow(gitlab, target, &flow) {
                Ok((node, answer)) => sink.page(&[&node], &answer)?,
                // Older releases cannot select a flow.
                Err(Fault::Unsupported(_)) => return Ok(()),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node<'a> {
            date: Option<Day>,
            #[serde(borrow)]
            id: Option<Cow<'a, str>>,
            #[serde(borrow)]
            flow: Option<Cow<'a, str>>,
            credits_used: Option<f64>,
        }
        let node: Node = line::parse(node)?;
        let keys = [node.date.is_some(), node.id.is_some(), node.flow.is_some()];
        if keys.into_iter().filter(|is_there| *is_there).count() != 1 {
            return Err("expected one of a date, the id of a product, and a flow".to_owned());
        }
        Ok(Record::Credit(Credit {
            date: node.date.unwrap_or(origin.day),
            origin,
            product: node.id,
            flow: node.flow,
            credits: node.credits_used,
        }))
    }
}

/// The scopes that pay: the instance if it does, else the top-level groups of these groups.
/// `document` has the operation `CreditsOfInstance`.
pub(super) fn payers(
    gitlab: &dyn GraphQl,
    document: &'static str,
    groups: &[String],
) -> Result<Vec<String>, Fault> {
    let is_instance = match gitlab.query(document, "CreditsOfInstance", &json!({})) {
        Ok(answer) => value_at(answer.data.get(), &[FIELD])?.is_some(),
        // The requests for the groups report the reason.
        Err(Fault::Denied(_) | Fault::Unsupported(_) | Fault::NotEnabled(_)) => false,
        Err(fault) => return Err(fault),
    };
    Ok(if is_instance { Level::Instance } else { INFO.level }.scopes(groups))
}

/// The namespace of a scope; the instance has none.
pub(super) fn namespace_of<'a>(target: &FetchTarget<'a>) -> Option<&'a str> {
    (target.scope != INSTANCE_SCOPE).then_some(target.scope)
}

/// The JSON text of `subscriptionUsage`, if it has data.
pub(super) fn usage_of(answer: &Answer) -> Result<&str, Fault> {
    #[derive(Deserialize)]
    struct Usage {
        enabled: bool,
    }
    let text = value_at(answer.data.get(), &[FIELD])?.ok_or_else(|| {
        Fault::Denied(
            "GitLab returned null for subscriptionUsage: this requires the Owner role in the top-level group (GitLab.com) or an administrator (elsewhere), and a subscription with GitLab Credits"
                .to_owned(),
        )
    })?;
    let usage: Usage = line::parse(text).map_err(|error| unusable(FIELD, &error))?;
    if !usage.enabled {
        return Err(Fault::Denied(
            "GitLab Credits are not reported: the Customers Portal has no usage data for this subscription"
                .to_owned(),
        ));
    }
    Ok(text)
}

/// Older releases ignore the requested days, and GitLab counts none before the subscription.
fn check_bounds(target: &FetchTarget<'_>, start: Option<Day>, end: Option<Day>) -> Result<(), Fault> {
    let (start, end) = (start.unwrap_or(target.since), end.unwrap_or(target.until));
    if (start, end) == (target.since, target.until) {
        return Ok(());
    }
    Err(Fault::Unsupported(format!("this GitLab reports credits for {start} to {end} only, not by day")))
}

/// The flow types of these products, each once.
fn flows_of(products: &[&RawValue]) -> BTreeSet<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Product {
        #[serde(default)]
        flow_types: Vec<FlowType>,
    }
    #[derive(Deserialize)]
    struct FlowType {
        id: String,
    }
    // A product that cannot be read is rejected by `normalize`.
    let products = products.iter().filter_map(|product| line::parse::<Product>(product.get()).ok());
    products.flat_map(|product| product.flow_types).map(|flow| flow.id).collect()
}

/// The credits of one flow, with the flow in the node.
fn request_flow(
    gitlab: &dyn GraphQl,
    target: &FetchTarget<'_>,
    flow: &str,
) -> Result<(Box<RawValue>, Answer), Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Usage<'a> {
        start_date: Option<Day>,
        end_date: Option<Day>,
        #[serde(borrow)]
        credits_used: Option<&'a RawValue>,
    }
    let variables = json!({
        "namespace": namespace_of(target), "start": target.since, "end": target.until, "flows": [flow],
    });
    let answer = gitlab.query(INFO.document, "CreditsOfFlow", &variables)?;
    let usage: Usage = line::parse(usage_of(&answer)?).map_err(|error| unusable(FIELD, &error))?;
    check_bounds(target, usage.start_date, usage.end_date)?;
    let credits = usage.credits_used.map_or("null", RawValue::get);
    let node = format!("{{\"flow\":{},\"creditsUsed\":{credits}}}", json!(flow));
    let node = RawValue::from_string(node).map_err(|error| unusable(FIELD, &error.to_string()))?;
    Ok((node, answer))
}
