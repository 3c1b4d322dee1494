//! GitLab Credits by calendar month: the commitment, what is used of it, and who is blocked. The
//! commitment starts anew on the first of each month (GitLab's documentation, "GitLab Credits and
//! usage billing"), so whole months are requested, whatever days the run collects.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::unusable;
use super::credits::{namespace_of, payers, usage_of};
use super::{
    Answer, Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, walk,
};
use crate::base::calendar::{Day, Grain, Period, Timestamp};
use crate::model::line::{self, Record};
use crate::model::record::{CreditMonth, Origin};
use crate::model::topic::Topic;

/// The collector `credit_months`.
pub struct CreditMonths;

const INFO: CollectorInfo = CollectorInfo {
    name: "credit_months",
    topic: Topic::Duo,
    requirement: Requirement::Optional,
    needs: "the role Owner in the top-level group on GitLab.com, an administrator elsewhere, and GitLab 18.5 or newer",
    level: Level::Subscription,
    document: include_str!("credit_months.graphql"),
    span: Span::Sum,
    retention_days: None,
};

/// GitLab's type of a person among the users of credits; others are service accounts.
const PERSON: &str = "user";

impl Collector for CreditMonths {
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
        // The newest month first: what failed before the subscription began does not matter.
        for month in Period::covering(Grain::Month, target.since, target.until).into_iter().rev() {
            let (answer, is_dated) = request_month(gitlab, target, month)?;
            let usage = usage_of(&answer)?;
            let start = start_of(usage)?;
            if start.is_some_and(|start| start > month.end) {
                return Ok(());
            }
            // Blocked now says nothing about another month.
            let is_current = is_dated && (month.start..=month.end).contains(&answer.at.day());
            let blocked = if is_current { blocked_users(gitlab, target, month)? } else { None };
            let node = with_blocked_users(usage, blocked)?;
            sink.page(&[&node], &answer)?;
            let began = start.is_some_and(|start| start > month.start);
            if !is_dated || began {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Node {
            start_date: Option<Day>,
            end_date: Option<Day>,
            last_event_transaction_at: Option<Timestamp>,
            credits_used: Option<f64>,
            monthly_commitment: Option<Balance>,
            monthly_waiver: Option<Balance>,
            overage: Option<Overage>,
            users_usage: Option<Users>,
            budget_caps: Option<Caps>,
            blocked_users: Option<u64>,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Balance {
            total_credits: Option<f64>,
            credits_used: Option<f64>,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Overage {
            is_allowed: Option<bool>,
            credits_used: Option<f64>,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Users {
            total_active_users: Option<u64>,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Caps {
            subscription_cap: Option<f64>,
            subscription_cap_enabled: Option<bool>,
            flat_user_cap: Option<f64>,
            flat_user_cap_enabled: Option<bool>,
        }
        let node: Node = line::parse(node)?;
        // Without dates, GitLab counted the month of the fetch up to then.
        let today = origin.fetched_at.day();
        let end = node.end_date.unwrap_or(today);
        let month = Period::containing(Grain::Month, end, end);
        let start = node.start_date.unwrap_or(month.start);
        if start < month.start || start > end {
            return Err(format!("expected the days of one month, found {start} to {end}"));
        }
        let commitment = node.monthly_commitment.unwrap_or_default();
        let waiver = node.monthly_waiver.unwrap_or_default();
        let overage = node.overage.unwrap_or_default();
        let caps = node.budget_caps.unwrap_or_default();
        // A cap that is switched off is none.
        let enabled = |cap: Option<f64>, is_enabled: Option<bool>| cap.filter(|_| is_enabled != Some(false));
        Ok(Record::CreditMonth(CreditMonth {
            origin,
            start,
            end,
            used: node.credits_used,
            commitment: commitment.total_credits,
            commitment_used: commitment.credits_used,
            waiver: waiver.total_credits,
            waiver_used: waiver.credits_used,
            overage_used: overage.credits_used,
            overage_allowed: overage.is_allowed,
            active_users: node.users_usage.unwrap_or_default().total_active_users,
            blocked_users: node.blocked_users,
            subscription_cap: enabled(caps.subscription_cap, caps.subscription_cap_enabled),
            user_cap: enabled(caps.flat_user_cap, caps.flat_user_cap_enabled),
            last_event_at: node.last_event_transaction_at,
        }))
    }
}

/// The first day that GitLab counted, if it reports it: not before the start of the subscription.
fn start_of(usage: &str) -> Result<Option<Day>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Usage {
        start_date: Option<Day>,
    }
    let usage: Usage = line::parse(usage).map_err(|error| unusable("subscriptionUsage", &error))?;
    Ok(usage.start_date)
}

/// The answer for a month, and whether GitLab accepts dates. Where it does not, it answers for the
/// current month.
fn request_month(
    gitlab: &dyn GraphQl,
    target: &FetchTarget<'_>,
    month: Period,
) -> Result<(Answer, bool), Fault> {
    let namespace = namespace_of(target);
    let variables = json!({"namespace": namespace, "start": month.start, "end": month.end});
    match gitlab.query(INFO.document, "CreditMonth", &variables) {
        Ok(answer) => Ok((answer, true)),
        Err(Fault::Unsupported(reason)) => {
            let answer =
                gitlab.query(INFO.document, "CurrentCreditMonth", &json!({"namespace": namespace}))?;
            let today = answer.at.day();
            let current = Period::containing(Grain::Month, today, today);
            if target.until < current.start || current.end < target.since {
                return Err(Fault::Unsupported(format!(
                    "this GitLab reports credits for the current month only: {reason}"
                )));
            }
            Ok((answer, false))
        }
        Err(fault) => Err(fault),
    }
}

/// The number of people whom a cap blocks now; `None` if this GitLab does not report it.
fn blocked_users(
    gitlab: &dyn GraphQl,
    target: &FetchTarget<'_>,
    month: Period,
) -> Result<Option<u64>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct User {
        entity_type: Option<String>,
        blocked_status: Option<BlockedStatus>,
    }
    #[derive(Deserialize)]
    struct BlockedStatus {
        blocked: bool,
    }
    let path = ["subscriptionUsage", "usersUsage", "users"];
    let variables = json!({
        "namespace": namespace_of(target), "start": month.start, "end": month.end, "after": null,
    });
    let (mut users, mut known, mut blocked) = (0_u64, 0_u64, 0_u64);
    let walked = walk(gitlab, INFO.document, "BlockedUsers", variables, &path, &mut |page, _| {
        for node in &page.nodes {
            let user: Option<User> =
                line::parse(node.get()).map_err(|error| unusable(&path.join("."), &error))?;
            let Some(user) = user else { continue };
            if user.entity_type.is_some_and(|name| !name.eq_ignore_ascii_case(PERSON)) {
                continue;
            }
            users += 1;
            known += u64::from(user.blocked_status.is_some());
            blocked += u64::from(user.blocked_status.is_some_and(|status| status.blocked));
        }
        Ok(())
    });
    match walked {
        Ok(()) => Ok((users == 0 || known > 0).then_some(blocked)),
        // Older releases have no caps, and a null list is no reason to lose the month.
        Err(Fault::Unsupported(_) | Fault::Denied(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// GitLab's object with the number of blocked people as one more field, so that their ids are not
/// written.
fn with_blocked_users(usage: &str, blocked: Option<u64>) -> Result<Box<RawValue>, Fault> {
    let text = match (blocked, usage.strip_prefix('{')) {
        (Some(blocked), Some(rest)) => format!("{{\"blockedUsers\":{blocked},{rest}"),
        _ => usage.to_owned(),
    };
    RawValue::from_string(text).map_err(|error| unusable("subscriptionUsage", &error.to_string()))
}
