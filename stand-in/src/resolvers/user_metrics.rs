//! `aiUserMetrics`: one row for each user with an event in the range of days, both included.

use apollo_compiler::resolvers::{ObjectValue, ResolveInfo, ResolvedValue};
use chrono::NaiveDate;

use super::super::catalog::{CATALOG, Event, camel_case};
use super::super::complexity::MAX_PAGE_SIZE;
use super::record::{Record, Rows};
use super::{Kind, QueryContext, Resolved, Scope, text};

/// The connection, by default sorted by user id. Without ClickHouse it is empty.
pub(super) fn rows<'a>(context: &'a QueryContext<'a>, scope: Scope, info: &ResolveInfo<'_>) -> Resolved<'a> {
    let days = context.days(info)?;
    let mut users: Vec<Option<User<'a>>> = Vec::new();
    if context.settings.clickhouse {
        users.resize_with(context.organization.people.len(), || None);
        for event in context.events(scope, days) {
            let Some(kind) = CATALOG.iter().position(|known| known.name == event.event) else {
                continue;
            };
            let user = users[event.person].get_or_insert_with(|| User::new(context, event.person));
            user.counts[kind] += 1;
            let day = event.timestamp.date_naive();
            user.latest[kind] = user.latest[kind].max(Some(day));
        }
    }
    let mut users: Vec<User<'a>> = users.into_iter().flatten().collect();
    let sort = text(info, "sort").unwrap_or("ID_ASC");
    if let Some((column, descending)) = sort
        .strip_suffix("_DESC")
        .map(|column| (column, true))
        .or_else(|| Some((sort.strip_suffix("_ASC")?, false)))
        .filter(|(column, _)| *column != "ID")
    {
        let feature = column.strip_suffix("_TOTAL_COUNT").map(str::to_lowercase);
        let is_meant = |event: &Event| {
            column == "TOTAL_EVENTS_COUNT"
                || event.name == column
                || feature.as_ref().is_some_and(|feature| feature == event.feature)
        };
        users.sort_by_key(|user| {
            let count = i64::from(user.count(is_meant));
            if descending { -count } else { count }
        });
    }
    let people = &context.organization.people;
    let keyed = users.into_iter().map(|user| (people[user.person].id.to_string(), user)).collect();
    Rows::resolve(
        context,
        ("AiUserMetricsConnection", "AiUserMetricsEdge"),
        (sort, MAX_PAGE_SIZE),
        keyed,
        info,
    )
}

/// One row: count and last day of each event, by its position in the catalog.
struct User<'q> {
    context: &'q QueryContext<'q>,
    person: usize,
    counts: [u32; CATALOG.len()],
    latest: [Option<NaiveDate>; CATALOG.len()],
}

impl<'q> User<'q> {
    fn new(context: &'q QueryContext<'q>, person: usize) -> User<'q> {
        User { context, person, counts: [0; CATALOG.len()], latest: [None; CATALOG.len()] }
    }

    fn count(&self, is_meant: impl Fn(&Event) -> bool) -> u32 {
        let events = CATALOG.iter().zip(self.counts);
        events.filter(|(event, _)| is_meant(event)).map(|(_, count)| count).sum()
    }

    fn latest(&self, is_meant: impl Fn(&Event) -> bool) -> Option<String> {
        let events = CATALOG.iter().zip(self.latest);
        let days = events.filter(|(event, _)| is_meant(event)).filter_map(|(_, day)| day);
        days.max().map(|day| day.to_string())
    }
}

impl ObjectValue for User<'_> {
    fn type_name(&self) -> &str {
        "AiUserMetrics"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let field = info.field_name();
        Ok(match field {
            "user" => ResolvedValue::object(self.context.node(Kind::User("AddOnUser", self.person))),
            "totalEventCount" => ResolvedValue::leaf(self.count(|_| true)),
            "lastDuoActivityOn" => ResolvedValue::leaf(self.latest(|_| true)),
            "codeSuggestionsAcceptedCount" => {
                ResolvedValue::leaf(self.count(|event| event.name == "CODE_SUGGESTION_ACCEPTED_IN_IDE"))
            }
            "duoChatInteractionsCount" => {
                ResolvedValue::leaf(self.count(|event| event.name == "REQUEST_DUO_CHAT_RESPONSE"))
            }
            _ => {
                let Some(feature) = CATALOG.iter().find(|event| camel_case(event.feature) == field) else {
                    return Err(self.unknown_field_error(info));
                };
                let own = |event: &Event| event.feature == feature.feature;
                let mut record = Record::new(format!("{field}UserMetrics"))
                    .with("totalEventCount", self.count(own))
                    .with("lastDuoActivityOn", self.latest(own));
                for (event, count) in CATALOG.iter().zip(self.counts).filter(|(event, _)| own(event)) {
                    record = record.with(format!("{}EventCount", camel_case(event.name)), count);
                }
                ResolvedValue::object(record)
            }
        })
    }
}
