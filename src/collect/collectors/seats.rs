//! Seats bought, and who has one: a snapshot of now, since GitLab keeps no history of assignments.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::value_at;
use super::{About, Answer, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit, walk};
use crate::base::calendar::Day;
use crate::model::line::{self, Record};
use crate::model::record::{Origin, Seat, SeatPool};
use crate::model::topic::Topic;

/// The collector `seats`.
pub struct Seats;

const ABOUT: About = About {
    name: "seats",
    topic: Topic::Duo,
    standing: Standing::Extra,
    needs: "the role Owner in the top-level group on GitLab.com, an administrator elsewhere",
    level: Level::Group,
    document: include_str!("seats.graphql"),
    span: Span::Snapshot,
    keeps_days: None,
};

/// The add-ons the newest GitLab can be asked for by type; a purchase of another one is counted without its people.
const ADD_ONS: &[&str] = &["CODE_SUGGESTIONS", "DUO_AMAZON_Q", "DUO_CORE", "DUO_ENTERPRISE"];

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
        let group = gitlab.query(ABOUT.document, "SeatsGroup", &json!({"scope": unit.scope}))?;
        let namespace = value_at(group.data.get(), &["group", "id"])?.map(namespace_id).transpose()?;
        let of_group = gitlab.query(ABOUT.document, "SeatsPurchases", &json!({"namespace": namespace}))?;
        let purchases = purchases(&of_group)?;
        if !purchases.is_empty() {
            let users = ("SeatsUsers", ["group", "addOnEligibleUsers"].as_slice());
            return collect_purchases(gitlab, unit, sink, &of_group, &purchases, users);
        }
        let of_instance = gitlab.query(ABOUT.document, "SeatsPurchases", &json!({}))?;
        let purchases = self::purchases(&of_instance)?;
        if purchases.is_empty() {
            // Without the role GitLab answers null or an empty list; that there is nothing cannot be told from it.
            return Err(Fault::Denied(
                "no seat purchase is visible: it takes the Owner role in the top-level group (GitLab.com) or an administrator".to_owned(),
            ));
        }
        let users = ("SeatsUsersOfInstance", ["selfManagedAddOnEligibleUsers"].as_slice());
        collect_purchases(gitlab, unit, sink, &of_instance, &purchases, users)
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
    let assignment = node
        .add_on_assignments
        .nodes
        .into_iter()
        .next()
        .ok_or("a user without the seat that was asked for")?;
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

/// Puts the purchases away as a page of their own, then the people of each.
fn collect_purchases(
    gitlab: &dyn GraphQl,
    unit: &Unit<'_>,
    sink: &mut dyn Sink,
    answer: &Answer,
    purchases: &[&RawValue],
    (operation, path): (&'static str, &[&str]),
) -> Result<(), Fault> {
    sink.page(purchases, answer)?;
    for purchase in purchases {
        let purchase: Purchase = line::parse(purchase.get())
            .map_err(|error| Fault::Answer(format!("a purchase cannot be read: {error}")))?;
        let can_be_asked = match gitlab.values("GitlabSubscriptionsAddOnType") {
            Some(types) => types.contains(purchase.name.as_ref()),
            None => ADD_ONS.contains(&purchase.name.as_ref()),
        };
        if can_be_asked {
            let variables = match operation {
                "SeatsUsers" => json!({"scope": unit.scope, "addOn": purchase.name, "purchase": purchase.id}),
                _ => json!({"addOn": purchase.name, "purchase": purchase.id}),
            };
            walk(gitlab, ABOUT.document, operation, variables, path, &mut |page, answer| {
                sink.page(&page.nodes, answer)
            })?;
        }
    }
    Ok(())
}

fn purchases(answer: &Answer) -> Result<Vec<&RawValue>, Fault> {
    match value_at(answer.data.get(), &["addOnPurchases"])? {
        None => Ok(Vec::new()),
        Some(list) => serde_json::from_str(list).map_err(|_| {
            Fault::Answer("GitLab's answer cannot be read at addOnPurchases: it is not a list".to_owned())
        }),
    }
}

/// A group's id as the `NamespaceID` that `addOnPurchases` takes: GitLab resolves group ids there.
fn namespace_id(id: &str) -> Result<String, Fault> {
    serde_json::from_str(id)
        .map_err(|_| Fault::Answer("GitLab's answer cannot be read at group.id: it is not text".to_owned()))
}
