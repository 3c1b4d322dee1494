//! How many people a group has, for values that do not say how many people are behind them.

use std::collections::BTreeMap;

use super::{Line, has_no_personal_data};
use crate::base::calendar::Period;
use crate::model::metric::Metric;
use crate::model::number::Number;

/// Everyone with any event.
const PEOPLE: &str = "users.exposed";

/// Metrics that count sessions, whose users are not always known.
const OF_SESSIONS: [&str; 4] =
    ["agents.sessions", "agents.success_rate", "agents.completion_rate", "agents.duration_seconds"];

/// Metrics of what people used, whose source does not say who did.
const OF_USE: [&str; 3] = ["agents.credits", "credits.used", "credits.overage"];

/// The people of each group.
pub(super) struct GroupSizes<'a> {
    /// The most people of any line of a group.
    largest: BTreeMap<(&'a str, &'a str), u64>,
    /// The people of a group with any event in a period.
    by_period: BTreeMap<(&'a str, &'a str, Period), u64>,
}

impl<'a> GroupSizes<'a> {
    pub(super) fn of(metrics: &[&'a Metric]) -> GroupSizes<'a> {
        let mut sizes = GroupSizes { largest: BTreeMap::new(), by_period: BTreeMap::new() };
        for metric in metrics {
            let Some(people) = metric.people else { continue };
            let (instance, scope) = (metric.instance.as_str(), metric.scope.as_str());
            let largest = sizes.largest.entry((instance, scope)).or_default();
            *largest = people.max(*largest);
            if metric.metric == PEOPLE && metric.by.is_empty() {
                sizes.by_period.insert((instance, scope, metric.period()), people);
            }
        }
        sizes
    }

    /// Whether fewer than `min_people` people are behind a line, but someone is.
    pub(super) fn has_few_people(&self, line: &Line<'_>, min_people: u64) -> bool {
        let group = self.largest.get(&(line.instance, line.scope)).copied().unwrap_or(0);
        if (1..min_people).contains(&group) {
            return !line.metric.starts_with("coverage.");
        }
        // A bot is not a person; its line is suppressed only if it would reveal people.
        if line.by.get("kind") == Some("bot") || has_no_personal_data(line.metric) {
            return false;
        }
        match line.people {
            // Where GitLab counts suggestions, people to whom some were shown are behind none that was accepted.
            Some(_) if counts_nothing(line) => false,
            Some(people) => (1..min_people).contains(&people),
            None if line.value.is_none_or(|value| value.as_f64() == 0.0) => false,
            None if OF_SESSIONS.contains(&line.metric) => has_few_sessions(line, min_people),
            None if OF_USE.contains(&line.metric) => {
                let people = self.by_period.get(&(line.instance, line.scope, line.period));
                people.is_some_and(|people| *people < min_people)
            }
            None => false,
        }
    }
}

/// Whether a line is a count, or a statistic, of nothing.
fn counts_nothing(line: &Line<'_>) -> bool {
    line.of.is_none() && line.n.or(line.value).is_some_and(|count| count.as_f64() == 0.0)
}

/// Whether sessions of unknown users can be those of few people: each can be another person's, and all
/// of one flow can be one person's.
fn has_few_sessions(line: &Line<'_>, min_people: u64) -> bool {
    let is_split = line.by.names().any(|name| name != "status" && name != "stat");
    let sessions = line.of.or(line.n).map_or(0.0, Number::as_f64);
    is_split || sessions < min_people as f64
}
