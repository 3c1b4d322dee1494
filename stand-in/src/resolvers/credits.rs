//! `subscriptionUsage`: GitLab Credits that the sessions of a range used.
//!
//! A session is charged on the day it was created. In each month the sessions of a subscription use
//! up the commitment in order of time, then the waiver; the rest is overage. For each purchased seat
//! the commitment is 4 credits a month, and the waiver half a credit, so that they run out in some
//! months. A person who has used 20 credits in a month is blocked by the cap.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use apollo_compiler::resolvers::{ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use chrono::{DateTime, Datelike, Months, NaiveDate, SecondsFormat, TimeDelta, Utc};

use super::super::organization::{Organization, Session};
use super::metrics::rounded;
use super::record::{Record, Rows};
use super::{QueryContext, Resolved, Role, text, texts, validation};

/// Maximum and default page size.
const MAX_PAGE_SIZE: usize = 20;
/// A month, in hundredths of a credit.
const COMMITTED_PER_SEAT: u32 = 400;
/// A month, in hundredths of a credit.
const WAIVED_PER_SEAT: u32 = 50;
/// Of each person in a month, in hundredths of a credit.
const USER_CAP: u32 = 2_000;

/// Null for users who may not see it, and for subgroups.
pub(super) fn usage<'a>(context: &'a QueryContext<'a>, info: &ResolveInfo<'_>) -> Resolved<'a> {
    let organization = context.organization;
    let group = text(info, "namespacePath")
        .map(|path| organization.group(path).filter(|group| organization.groups[*group].parent.is_none()));
    let group = match (context.settings.self_managed, group) {
        (true, None) if context.role == Role::Administrator => None,
        (false, Some(Some(group))) if context.role.owns() => Some(group),
        _ => return Ok(ResolvedValue::null()),
    };
    let today = organization.now().date_naive();
    let first_of_month = today.with_day(1).expect("every month has a first");
    let date = |name| text(info, name).and_then(validation::day);
    let start = date("startDate").unwrap_or(first_of_month);
    let end = date("endDate").unwrap_or(first_of_month + Months::new(1) - TimeDelta::days(1)).min(today);
    let purchases = organization.add_on_purchases.iter();
    let bought = purchases.filter(|purchase| group.is_none_or(|group| purchase.group == group));
    let seats = bought.map(|purchase| purchase.purchased).sum::<u32>();
    let all = charges(organization, group, seats);
    let now = |charge: &&Charge<'_>| (first_of_month..=today).contains(&charge.at.date_naive());
    let mut used_now: BTreeMap<usize, u32> = BTreeMap::new();
    for charge in all.iter().filter(now) {
        *used_now.entry(charge.session.person).or_default() += total(charge);
    }
    let blocked = used_now.into_iter().filter(|(_, used)| *used >= USER_CAP).map(|(person, _)| person);
    let in_range = |charge: &Charge<'_>| (start..=end).contains(&charge.at.date_naive());
    Ok(ResolvedValue::object(Usage {
        context,
        start,
        end,
        seats,
        blocked: blocked.collect(),
        flows: texts(info, "flowTypes"),
        charges: all.into_iter().filter(in_range).collect(),
    }))
}

/// The charges of a subscription in order of time.
fn charges(organization: &Organization, group: Option<usize>, seats: u32) -> Vec<Charge<'_>> {
    let mut sessions: Vec<(DateTime<Utc>, &Session)> = organization
        .sessions
        .iter()
        .filter_map(|session| Some((session.created_at?, session)))
        .filter(|(_, session)| group.is_none_or(|group| session.group == group))
        .collect();
    sessions.sort_by_key(|(created_at, session)| (*created_at, session.id));
    let (mut month, mut committed_left, mut waived_left) = (None, 0, 0);
    let mut charges = Vec::new();
    for (at, session) in sessions {
        let of = (at.year(), at.month());
        if month.replace(of) != Some(of) {
            (committed_left, waived_left) = (seats * COMMITTED_PER_SEAT, seats * WAIVED_PER_SEAT);
        }
        let committed = session.credits.min(committed_left);
        let waived = (session.credits - committed).min(waived_left);
        (committed_left, waived_left) = (committed_left - committed, waived_left - waived);
        charges.push(Charge { at, session, committed, waived, over: session.credits - committed - waived });
    }
    charges
}

/// The costs of one session, in hundredths of a credit.
struct Charge<'q> {
    at: DateTime<Utc>,
    session: &'q Session,
    committed: u32,
    waived: u32,
    over: u32,
}

fn total(charge: &Charge<'_>) -> u32 {
    charge.committed + charge.waived + charge.over
}

struct Usage<'q> {
    context: &'q QueryContext<'q>,
    start: NaiveDate,
    end: NaiveDate,
    seats: u32,
    /// The people whom their cap blocks today.
    blocked: HashSet<usize>,
    /// The flows of credits used, of its days and of its average; all without it.
    flows: Option<Vec<String>>,
    charges: Vec<Charge<'q>>,
}

fn credits(hundredths: u32) -> f64 {
    f64::from(hundredths) / 100.0
}

fn sum<'a>(charges: impl IntoIterator<Item = &'a Charge<'a>>, part: fn(&Charge<'_>) -> u32) -> f64 {
    credits(charges.into_iter().map(part).sum())
}

/// Days with a charge, in order.
fn daily<'a>(
    charges: impl IntoIterator<Item = &'a Charge<'a>>,
    part: fn(&Charge<'_>) -> u32,
) -> Vec<(NaiveDate, u32)> {
    let mut days: BTreeMap<NaiveDate, u32> = BTreeMap::new();
    for charge in charges.into_iter().filter(|charge| part(charge) > 0) {
        *days.entry(charge.at.date_naive()).or_default() += part(charge);
    }
    days.into_iter().collect()
}

fn daily_records(days: &[(NaiveDate, u32)]) -> Vec<Record> {
    let record = |(day, used): &(NaiveDate, u32)| {
        let record = Record::new("GitlabSubscriptionDailyUsage").with("date", day.to_string());
        record.with("creditsUsed", credits(*used))
    };
    days.iter().map(record).collect()
}

fn product(flow_type: &str) -> (&'static str, &'static str) {
    match flow_type {
        "chat" => ("duo_agentic_chat", "GitLab Duo Agentic Chat"),
        "code_review/v1" => ("code_review", "GitLab Duo Code Review"),
        _ => ("duo_agent_platform", "GitLab Duo Agent Platform"),
    }
}

fn flow_records(flows: impl Iterator<Item = &'static str>, type_name: &'static str) -> Vec<Record> {
    let flows: BTreeSet<&str> = flows.collect();
    let title = |flow: &str| flow.trim_end_matches("/v1").replace('_', " ");
    flows.into_iter().map(|flow| Record::new(type_name).with("id", flow).with("title", title(flow))).collect()
}

fn time(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Usage<'_> {
    /// The charges of the requested flows.
    fn of_flows(&self) -> impl Iterator<Item = &Charge<'_>> {
        self.charges.iter().filter(|charge| {
            let flow = charge.session.flow_type;
            self.flows.as_ref().is_none_or(|flows| flows.iter().any(|requested| requested == flow))
        })
    }

    fn products(&self) -> Vec<Record> {
        let mut products: BTreeMap<_, Vec<&Charge<'_>>> = BTreeMap::new();
        for charge in &self.charges {
            products.entry(product(charge.session.flow_type)).or_default().push(charge);
        }
        let record = |((id, title), charges): ((&str, &str), Vec<&Charge<'_>>)| {
            let flows = charges.iter().map(|charge| charge.session.flow_type);
            Record::new("GitlabSubscriptionUsageProduct")
                .with("id", id)
                .with("title", title)
                .with("creditsUsed", sum(charges.iter().copied(), total))
                .with_list("flowTypes", flow_records(flows, "GitlabSubscriptionUsageProductFlowType"))
        };
        products.into_iter().map(record).collect()
    }
}

impl ObjectValue for Usage<'_> {
    fn type_name(&self) -> &str {
        "GitlabSubscriptionUsage"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let used = sum(self.of_flows(), total);
        let part = |type_name, part: fn(&Charge<'_>) -> u32| {
            Record::new(type_name)
                .with("creditsUsed", sum(&self.charges, part))
                .with_list("dailyUsage", daily_records(&daily(&self.charges, part)))
        };
        let objects =
            |records: Vec<Record>| ResolvedValue::list(records.into_iter().map(ResolvedValue::object));
        Ok(match info.field_name() {
            "enabled" => ResolvedValue::leaf(true),
            "isOutdatedClient" => ResolvedValue::leaf(false),
            "startDate" => ResolvedValue::leaf(self.start.to_string()),
            "endDate" => ResolvedValue::leaf(self.end.to_string()),
            "creditsUsed" => ResolvedValue::leaf(used),
            "dailyAverage" => {
                let days = (self.end - self.start).num_days() + 1;
                ResolvedValue::leaf(rounded(used / days.max(1) as f64))
            }
            "lastEventTransactionAt" => {
                ResolvedValue::leaf(self.charges.last().map(|charge| time(charge.at)))
            }
            "dailyUsage" => {
                let mut days = daily(self.of_flows(), total);
                match text(info, "sort").unwrap_or("DATE_ASC") {
                    "DATE_DESC" => days.reverse(),
                    "CREDITS_USED_ASC" => days.sort_by_key(|(_, used)| *used),
                    "CREDITS_USED_DESC" => days.sort_by_key(|(_, used)| Reverse(*used)),
                    _ => {}
                }
                let limit = info.arguments().get("limit").and_then(JsonValue::as_u64);
                days.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
                objects(daily_records(&days))
            }
            "monthlyCommitment" => ResolvedValue::object(
                part("GitlabSubscriptionMonthlyCommitment", |charge| charge.committed)
                    .with("totalCredits", credits(self.seats * COMMITTED_PER_SEAT)),
            ),
            "monthlyWaiver" => ResolvedValue::object(
                part("GitlabSubscriptionMonthlyWaiver", |charge| charge.waived)
                    .with("totalCredits", credits(self.seats * WAIVED_PER_SEAT)),
            ),
            "overage" => ResolvedValue::object(
                part("GitlabSubscriptionOverage", |charge| charge.over).with("isAllowed", true),
            ),
            "products" => objects(self.products()),
            "budgetCaps" => ResolvedValue::object(
                Record::new("GitlabSubscriptionBudgetCaps")
                    .with("subscriptionCap", JsonValue::Null)
                    .with("subscriptionCapEnabled", false)
                    .with("flatUserCap", credits(USER_CAP))
                    .with("flatUserCapEnabled", true),
            ),
            "usersUsage" => ResolvedValue::object(Users { usage: self }),
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

struct Users<'u> {
    usage: &'u Usage<'u>,
}

impl ObjectValue for Users<'_> {
    fn type_name(&self) -> &str {
        "GitlabSubscriptionUsageUsersUsage"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let Usage { context, charges, blocked, .. } = self.usage;
        let people = |does: fn(&Charge<'_>) -> bool| {
            let people: HashSet<usize> =
                charges.iter().filter(|charge| does(charge)).map(|charge| charge.session.person).collect();
            ResolvedValue::leaf(people.len())
        };
        Ok(match info.field_name() {
            "creditsUsed" => ResolvedValue::leaf(sum(charges, total)),
            "dailyUsage" => ResolvedValue::list(
                daily_records(&daily(charges, total)).into_iter().map(ResolvedValue::object),
            ),
            "totalActiveUsers" => people(|_| true),
            "totalUsersUsingCredits" => people(|charge| total(charge) > 0),
            "totalUsersUsingMonthlyCommitment" => people(|charge| charge.committed > 0),
            "totalUsersUsingOverage" => people(|charge| charge.over > 0),
            "users" => {
                context.check_time(self.type_name(), info)?;
                let mut users: BTreeMap<usize, Vec<&Charge<'_>>> = BTreeMap::new();
                for charge in charges {
                    users.entry(charge.session.person).or_default().push(charge);
                }
                let search = text(info, "searchQuery").map(str::to_lowercase);
                let username = text(info, "username");
                let mut users: Vec<User<'_>> = users
                    .into_iter()
                    .map(|(person, charges)| User {
                        context,
                        person,
                        is_blocked: blocked.contains(&person),
                        charges,
                    })
                    .filter(|user| {
                        let person = &context.organization.people[user.person];
                        username.is_none_or(|username| person.username == username)
                            && search.as_ref().is_none_or(|search| {
                                person.name.to_lowercase().contains(search)
                                    || person.username.to_lowercase().contains(search)
                            })
                    })
                    .collect();
                let name = |user: &User<'_>| context.organization.people[user.person].name.clone();
                let used = |user: &User<'_>| user.charges.iter().map(|charge| total(charge)).sum::<u32>();
                let sort = text(info, "sort").unwrap_or("TOTAL_CREDITS_USED_DESC");
                match sort {
                    "NAME_ASC" => users.sort_by_key(name),
                    "NAME_DESC" => users.sort_by_key(|user| Reverse(name(user))),
                    "TOTAL_CREDITS_USED_ASC" => users.sort_by_key(used),
                    _ => users.sort_by_key(|user| Reverse(used(user))),
                }
                let people = &context.organization.people;
                let keyed =
                    users.into_iter().map(|user| (people[user.person].id.to_string(), user)).collect();
                return Rows::resolve(
                    context,
                    ("GitlabSubscriptionUsageUserConnection", "GitlabSubscriptionUsageUserEdge"),
                    (sort, MAX_PAGE_SIZE),
                    keyed,
                    info,
                );
            }
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

struct User<'u> {
    context: &'u QueryContext<'u>,
    person: usize,
    is_blocked: bool,
    /// In order of time.
    charges: Vec<&'u Charge<'u>>,
}

impl ObjectValue for User<'_> {
    fn type_name(&self) -> &str {
        "GitlabSubscriptionUsageUser"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let person = &self.context.organization.people[self.person];
        let sum = |part: fn(&Charge<'_>) -> u32| sum(self.charges.iter().copied(), part);
        Ok(match info.field_name() {
            "id" => ResolvedValue::leaf(person.gid()),
            "username" => ResolvedValue::leaf(person.username.as_str()),
            "name" => ResolvedValue::leaf(person.name.as_str()),
            "avatarUrl" => ResolvedValue::null(),
            "entityType" => ResolvedValue::leaf(if person.bot { "service_account" } else { "user" }),
            "blockedStatus" => ResolvedValue::object(
                Record::new("GitlabSubscriptionUsageBlockedStatus")
                    .with("blocked", self.is_blocked)
                    .with("capType", self.is_blocked.then_some("FLAT_USER_CAP")),
            ),
            "usage" => ResolvedValue::object(
                Record::new("GitlabSubscriptionUsageUserUsage")
                    .with("creditsUsed", sum(total))
                    .with("totalCreditsUsed", sum(total))
                    .with("monthlyCommitmentCreditsUsed", sum(|charge| charge.committed))
                    .with("monthlyWaiverCreditsUsed", sum(|charge| charge.waived))
                    .with("overageCreditsUsed", sum(|charge| charge.over))
                    .with("totalCredits", JsonValue::Null),
            ),
            "usedFlowTypes" => {
                let flows = self.charges.iter().map(|charge| charge.session.flow_type);
                let records = flow_records(flows, "GitlabSubscriptionUsageFlowTypeInfo");
                ResolvedValue::list(records.into_iter().map(ResolvedValue::object))
            }
            "events" => {
                self.context.check_time(self.type_name(), info)?;
                let flows = texts(info, "flowTypes");
                let newest_first = self.charges.iter().rev().filter(|charge| {
                    let own = charge.session.flow_type;
                    flows.as_ref().is_none_or(|flows| flows.iter().any(|flow| flow == own))
                });
                let keyed = newest_first.map(|charge| self.event(charge)).collect();
                return Rows::resolve(
                    self.context,
                    ("GitlabSubscriptionUsageUserEventConnection", "GitlabSubscriptionUsageUserEventEdge"),
                    ("", MAX_PAGE_SIZE),
                    keyed,
                    info,
                );
            }
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

impl User<'_> {
    fn event(&self, charge: &Charge<'_>) -> (String, Record) {
        let session = charge.session;
        let project = session.project.map(|project| &self.context.organization.projects[project]);
        let record = Record::new("GitlabSubscriptionUsageUserEvent")
            .with("eventType", "agent_platform_session")
            .with("flowType", session.flow_type)
            .with("timestamp", time(charge.at))
            .with("creditsUsed", credits(total(charge)))
            .with("locationId", project.map(|project| super::project_gid(project.id)))
            .with(
                "sessionLink",
                project.map(|project| {
                    let url = self.context.url;
                    format!("{url}/{}/-/automate/agent-sessions/{}", project.full_path, session.id)
                }),
            );
        (session.id.to_string(), record)
    }
}
