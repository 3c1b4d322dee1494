//! Purchased seats and their holders: a snapshot, because GitLab keeps no history of assignments.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{unusable, value_at};
use super::{
    Answer, Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, walk,
};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{Origin, Seat, SeatPool};
use crate::model::topic::Topic;

/// The collector `seats`.
pub struct Seats;

const INFO: CollectorInfo = CollectorInfo {
    name: "seats",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Owner in the top-level group on GitLab.com, an administrator elsewhere",
    level: Level::TopLevelGroup,
    document: include_str!("seats.graphql"),
    span: Span::Snapshot,
    retention_days: None,
};

/// The add-on types that the newest GitLab accepts as a filter, used if the schema is not known.
/// Purchases of other add-ons are counted without their people.
const ADD_ONS: &[&str] = &["CODE_SUGGESTIONS", "DUO_AMAZON_Q", "DUO_CORE", "DUO_ENTERPRISE"];

/// A query for the people with a seat of one purchase.
struct UsersQuery {
    operation: &'static str,
    path: &'static [&'static str],
    takes_scope: bool,
}

/// On GitLab.com.
const GROUP_USERS: UsersQuery =
    UsersQuery { operation: "SeatsUsers", path: &["group", "addOnEligibleUsers"], takes_scope: true };

/// Elsewhere.
const INSTANCE_USERS: UsersQuery = UsersQuery {
    operation: "SeatsUsersOfInstance",
    path: &["selfManagedAddOnEligibleUsers"],
    takes_scope: false,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Purchase<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    purchased_quantity: u32,
    assigned_quantity: u32,
}

impl Collector for Seats {
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
        let group = gitlab.query(INFO.document, "SeatsGroup", &json!({"scope": target.scope}))?;
        let namespace = value_at(group.data.get(), &["group", "id"])?.map(namespace_id).transpose()?;
        let of_group = gitlab.query(INFO.document, "SeatsPurchases", &json!({"namespace": namespace}))?;
        let purchases = purchases(&of_group)?;
        if !purchases.is_empty() {
            return collect_purchases(gitlab, target, sink, &of_group, &purchases, &GROUP_USERS);
        }
        let of_instance = gitlab.query(INFO.document, "SeatsPurchases", &json!({}))?;
        let purchases = self::purchases(&of_instance)?;
        if purchases.is_empty() {
            // Without the role GitLab returns null or an empty list, as it does if there are no
            // purchases.
            return Err(Fault::Denied(
                "no seat purchase is visible: this requires the Owner role in the top-level group (GitLab.com) or an administrator (elsewhere)".to_owned(),
            ));
        }
        collect_purchases(gitlab, target, sink, &of_instance, &purchases, &INSTANCE_USERS)
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind<'a> {
            #[serde(borrow)]
            purchased_quantity: Option<&'a RawValue>,
        }
        let kind: Kind = line::parse(node)?;
        match kind.purchased_quantity {
            Some(_) => pool(node, origin),
            None => seat(node, origin),
        }
    }
}

fn pool<'a>(node: &'a str, origin: Origin<'a>) -> Result<Record<'a>, String> {
    let purchase: Purchase = line::parse(node)?;
    Ok(Record::SeatPool(SeatPool {
        origin,
        purchase: Some(purchase.id),
        add_on: purchase.name,
        purchased: purchase.purchased_quantity,
        assigned: purchase.assigned_quantity,
    }))
}

fn seat<'a>(node: &'a str, origin: Origin<'a>) -> Result<Record<'a>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Node<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
        #[serde(borrow)]
        username: Option<Cow<'a, str>>,
        #[serde(default)]
        bot: bool,
        last_duo_activity_on: Option<Day>,
        #[serde(borrow)]
        add_on_assignments: Assignments<'a>,
    }
    #[derive(Deserialize)]
    struct Assignments<'a> {
        #[serde(borrow)]
        nodes: Vec<Assignment<'a>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Assignment<'a> {
        #[serde(borrow)]
        add_on_purchase: AddOn<'a>,
    }
    #[derive(Deserialize)]
    struct AddOn<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
    }
    let node: Node = line::parse(node)?;
    let assignment =
        node.add_on_assignments.nodes.into_iter().next().ok_or("a user without the requested seat")?;
    Ok(Record::Seat(Seat {
        origin,
        user: node.id,
        username: node.username,
        bot: node.bot,
        assigned: true,
        add_on: assignment.add_on_purchase.name,
        last_duo_activity_on: node.last_duo_activity_on,
    }))
}

/// Passes on the purchases as a separate page, then the people of each purchase.
fn collect_purchases(
    gitlab: &dyn GraphQl,
    target: &FetchTarget<'_>,
    sink: &mut dyn Sink,
    answer: &Answer,
    purchases: &[&RawValue],
    users: &UsersQuery,
) -> Result<(), Fault> {
    sink.page(purchases, answer)?;
    for purchase in purchases {
        let purchase: Purchase = line::parse(purchase.get())
            .map_err(|error| Fault::Answer(format!("GitLab returned an invalid purchase: {error}")))?;
        let is_known_type = match gitlab.values("GitlabSubscriptionsAddOnType") {
            Some(types) => types.contains(purchase.name.as_ref()),
            None => ADD_ONS.contains(&purchase.name.as_ref()),
        };
        if is_known_type {
            let mut variables = json!({"addOn": purchase.name, "purchase": purchase.id});
            if users.takes_scope {
                variables["scope"] = target.scope.into();
            }
            walk(gitlab, INFO.document, users.operation, variables, users.path, &mut |page, answer| {
                sink.page(&page.nodes, answer)
            })?;
        }
    }
    Ok(())
}

fn purchases(answer: &Answer) -> Result<Vec<&RawValue>, Fault> {
    match value_at(answer.data.get(), &["addOnPurchases"])? {
        None => Ok(Vec::new()),
        Some(list) => serde_json::from_str(list).map_err(|_| unusable("addOnPurchases", "it is not a list")),
    }
}

/// A group's id as the `NamespaceID` that `addOnPurchases` takes: GitLab resolves group ids there.
fn namespace_id(id: &str) -> Result<String, Fault> {
    serde_json::from_str(id).map_err(|_| unusable("group.id", "it is not a text"))
}
