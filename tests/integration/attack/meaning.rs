//! What the fields of a line mean, as docs/metrics.md and docs/streams.md define them: which fields
//! of which lines are the same quantity, which quantities add up, and which count people.

use std::collections::BTreeMap;

/// The dimensions of a quantity, sorted.
pub(crate) type By = BTreeMap<String, String>;

/// A field of a metric line that carries a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// The count, the numerator or the number of observations.
    N,
    /// The denominator.
    Of,
    /// The distinct people.
    People,
    /// The value itself, where it is not `n`: credits.
    Value,
}

/// How the values of a quantity combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Events and the like: parts, days and groups add up.
    Additive,
    /// Distinct people: the same person can be in several parts, on several days, in several
    /// groups.
    People,
    /// Distinct people of a state at one moment: parts add up, days do not.
    Partition,
}

/// A quantity: what a number counts, apart from scope, population and days.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Quantity {
    pub(crate) name: String,
    pub(crate) by: By,
    pub(crate) kind: Kind,
}

/// The events that metrics count under another name.
const EVENT_OF: [(&str, &str); 5] = [
    ("code_suggestions.shown", "code_suggestion_shown_in_ide"),
    ("code_suggestions.accepted", "code_suggestion_accepted_in_ide"),
    ("code_suggestions.rejected", "code_suggestion_rejected_in_ide"),
    ("chat.messages", "request_duo_chat_response"),
    ("troubleshoot.requests", "troubleshoot_job"),
];

/// The same by kind.
const EVENT_OF_KIND: [(&str, &str, &str); 5] = [
    ("code_review.requests", "author", "request_review_duo_code_review_on_mr_by_author"),
    ("code_review.requests", "other", "request_review_duo_code_review_on_mr_by_non_author"),
    ("code_review.comments", "posted", "post_comment_duo_code_review_on_diff"),
    ("code_review.reactions", "thumbs_up", "react_thumbs_up_on_duo_code_review_comment"),
    ("code_review.reactions", "thumbs_down", "react_thumbs_down_on_duo_code_review_comment"),
];

/// Metrics whose value counts people, with the metric whose people they are.
const PEOPLE_OF: [(&str, &str); 6] = [
    ("users.exposed", "events.count"),
    ("workflow.users", "events.count"),
    ("chat.users", "chat.messages"),
    ("troubleshoot.users", "troubleshoot.requests"),
    ("agents.users", "agents.sessions"),
    ("workflow.events", "events.count"),
];

/// Metrics of people at one moment; their value counts people.
const STATES: [&str; 6] = [
    "engagement.users",
    "engagement.movement",
    "seats.idle",
    "seats.active",
    "seats.activated",
    "engagement.retention",
];

/// The sum of the people of all working days, from the mean in `users.stickiness`.
pub(crate) const SUM_OF_DAYS: &str = "users.stickiness#sum";

/// Whether a metric says something about people at all.
pub(crate) fn is_about_people(metric: &str) -> bool {
    !["coverage.", "pipelines.", "dora.", "reconcile."].iter().any(|name| metric.starts_with(name))
        && metric != "seats.purchased"
}

/// Whether the value of a metric counts people.
pub(crate) fn counts_people(metric: &str) -> bool {
    metric.ends_with(".users")
        || ["users.active", "users.exposed", "teams.people", "chat.user_bands", "seats.assigned"]
            .contains(&metric)
        || STATES.contains(&metric)
}

/// The quantity in a field of a line, or none if the field says nothing of its own. Statistics such
/// as medians are not attacked, only the number of their observations.
pub(crate) fn quantity(metric: &str, by: &By, field: Field) -> Option<Quantity> {
    if !is_about_people(metric) {
        return None;
    }
    let mut by = by.clone();
    if let Some(stat) = by.get("stat")
        && ["p50", "p95", "low", "high"].contains(&&**stat)
    {
        by.remove("stat");
    }
    if metric.starts_with("agents.credits") {
        return (field == Field::Value).then(|| made("agents.credits#value", by, Kind::Additive));
    }
    if metric == "users.stickiness" {
        // The mean of the working days is their sum, divided by their number.
        return match field {
            Field::N => Some(made(SUM_OF_DAYS, by, Kind::Partition)),
            Field::Of => Some(people_of("users.active", by)),
            _ => None,
        };
    }
    if metric.starts_with("credits.") || field == Field::Value {
        return None;
    }
    if by.get("kind").is_some_and(|kind| kind == "bot") && (counts_people(metric) || field == Field::People) {
        // Bots are not people.
        return None;
    }
    if let Some(found) = rate(metric, &by, field) {
        return found;
    }
    if metric.starts_with("impact.") {
        // Who has used GitLab Duo depends on the period and the group.
        let name = if field == Field::People { "people" } else { "n" };
        return (field != Field::Of).then(|| made(&format!("{metric}#{name}"), by, Kind::Partition));
    }
    if metric == "engagement.retention" && field == Field::People {
        // Those who were active again or, without any, the cohort.
        return None;
    }
    if STATES.contains(&metric) || metric == "seats.assigned" || metric == "chat.user_bands" {
        return (field != Field::Of).then(|| made(metric, by, Kind::Partition));
    }
    if field == Field::Of {
        return None;
    }
    if counts_people(metric) || field == Field::People {
        return Some(people_of(metric, by));
    }
    Some(events_of(metric, by))
}

/// The quantities of rates and statistics; the outer `None` is for other metrics.
fn rate(metric: &str, by: &By, field: Field) -> Option<Option<Quantity>> {
    let with = |name: &str, value: &str| {
        let mut by = by.clone();
        by.insert(name.to_owned(), value.to_owned());
        by
    };
    let found = match (metric, field) {
        ("code_suggestions.acceptance_rate", Field::N) => {
            Some(events_of("code_suggestions.accepted", by.clone()))
        }
        ("code_suggestions.acceptance_rate", Field::Of) => {
            Some(events_of("code_suggestions.shown", by.clone()))
        }
        ("code_suggestions.line_acceptance_rate", Field::N) => {
            Some(events_of("code_suggestions.lines_accepted", by.clone()))
        }
        ("code_suggestions.acceptance_rate" | "code_suggestions.line_acceptance_rate", _) => None,
        ("chat.messages_per_user", Field::N) => {
            Some(made("chat.messages_per_user#n", by.clone(), Kind::Additive))
        }
        ("chat.messages_per_user", _) => Some(people_of("chat.messages", by.clone())),
        ("agents.completion_rate", Field::N) => {
            Some(events_of("agents.sessions", with("status", "finished")))
        }
        ("agents.completion_rate", Field::Of) => Some(events_of("agents.sessions", by.clone())),
        ("agents.completion_rate", _) => Some(people_of("agents.sessions", by.clone())),
        ("agents.success_rate", Field::N) if by.contains_key("flow") => {
            Some(events_of("agents.sessions", with("status", "finished")))
        }
        ("agents.success_rate", Field::N) => Some(made("agents.success_rate#n", by.clone(), Kind::Additive)),
        ("agents.success_rate", Field::Of) => {
            Some(made("agents.success_rate#of", by.clone(), Kind::Additive))
        }
        ("agents.success_rate", _) => Some(made("agents.success_rate#people", by.clone(), Kind::People)),
        ("merge_requests.time_to_merge_seconds", Field::N) => {
            Some(events_of("merge_requests.merged", by.clone()))
        }
        ("merge_requests.time_to_merge_seconds", Field::People) => {
            Some(people_of("merge_requests.merged", by.clone()))
        }
        ("merge_requests.per_author", Field::N) => {
            Some(made("merge_requests.per_author#n", by.clone(), Kind::Additive))
        }
        ("merge_requests.per_author", _) => Some(people_of("merge_requests.merged", by.clone())),
        ("seats.active" | "seats.activated", Field::Of) => {
            Some(made("seats.active#of", by.clone(), Kind::Partition))
        }
        ("engagement.retention", Field::Of) => {
            let mut by = by.clone();
            by.retain(|name, _| name == "cohort");
            Some(made("engagement.retention#of", by, Kind::Partition))
        }
        (_, Field::Of) => None,
        _ => return None,
    };
    Some(found)
}

fn made(name: &str, by: By, kind: Kind) -> Quantity {
    Quantity { name: name.to_owned(), by, kind }
}

/// What a metric counts, under one name for each event.
fn events_of(metric: &str, mut by: By) -> Quantity {
    let (name, _) = named_event(metric, &mut by);
    made(&format!("{name}#n"), by, Kind::Additive)
}

/// The people behind a metric, under one name for each event.
fn people_of(metric: &str, by: By) -> Quantity {
    let mut metric = metric;
    while let Some((_, of)) = PEOPLE_OF.iter().find(|(name, _)| *name == metric) {
        metric = of;
    }
    let mut by = by;
    let (name, mut by) = {
        let (name, _) = named_event(metric, &mut by);
        (name, by)
    };
    // People are the same with and without their bots.
    if by.get("kind").is_some_and(|kind| kind == "person") {
        by.remove("kind");
    }
    made(&format!("{name}#people"), by, Kind::People)
}

/// Replaces a metric of one event by the count of that event.
fn named_event(metric: &str, by: &mut By) -> (String, bool) {
    let counts_events = ["events.count", "workflow.events"].contains(&metric);
    if counts_events && by.contains_key("event") {
        by.remove("feature");
    }
    let event = EVENT_OF.iter().find(|(name, _)| *name == metric && by.is_empty()).map(|(_, event)| *event);
    let of_kind = EVENT_OF_KIND.iter().find(|(name, kind, _)| {
        *name == metric && by.len() == 1 && by.get("kind").is_some_and(|found| found == kind)
    });
    match event.or(of_kind.map(|(_, _, event)| *event)) {
        Some(event) => {
            by.clear();
            by.insert("event".to_owned(), event.to_owned());
            ("events.count".to_owned(), true)
        }
        None if counts_events => ("events.count".to_owned(), false),
        None => (metric.to_owned(), false),
    }
}
