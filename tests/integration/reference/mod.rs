//! The reference calculation: computes all metric lines from the invented organization, in a slow
//! and simple way. It shares no code with the program, only the definitions.

mod agents;
mod aggregates;
mod credits;
mod delivery;
mod engagement;
mod features;
pub(crate) mod reconcile;
mod seats;
mod teams;
mod usage;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Timelike, Utc};
use serde_json::{Value, json};
use stand_in::{Organization, Person, UsageEvent};

pub(crate) use self::aggregates::{Aggregate, aggregated_sessions};

use self::agents::{created_sessions, credits, sessions};
use self::credits::{balances, outlook};
use self::delivery::{delivery, dora, impact};
use self::engagement::{engagement, retention};
use self::features::REACHED;
use self::seats::seats;
use self::teams::{members, teams};
use self::usage::{by_editor, usage};

/// The data of a run, as input of the reference calculation.
#[derive(Clone)]
pub(crate) struct Collected<'a> {
    pub(crate) organization: &'a Organization,
    pub(crate) since: NaiveDate,
    pub(crate) until: NaiveDate,
    pub(crate) fetched_at: DateTime<Utc>,
    /// The days of the seat lists, in order; see [`Collected::lists_of`].
    pub(crate) seat_lists: Vec<NaiveDate>,
    /// Days of the range without usage events and coverage lines.
    pub(crate) missing: BTreeSet<NaiveDate>,
    /// Days whose usage events end at noon, except those that another collector provides too.
    pub(crate) truncated: BTreeSet<NaiveDate>,
    /// People who are reported as bots for a while; see [`misreported_bots`].
    pub(crate) misreported: MisreportedBots,
    /// Whether the members of subgroups were collected, at the time of the fetch.
    pub(crate) members: bool,
    /// The people who count, if not everyone does.
    pub(crate) only: Option<BTreeSet<usize>>,
    /// Whether bots are among them.
    pub(crate) only_with_bots: bool,
}

/// People who are reported as bots: from the first day (included) to the second one (excluded).
pub(crate) type MisreportedBots = BTreeMap<usize, (NaiveDate, NaiveDate)>;

/// Some people whose records report them as bots for a while. They have events before, and on the
/// first and last day.
pub(crate) fn misreported_bots(
    organization: &Organization,
    since: NaiveDate,
    groups: &[&str],
) -> MisreportedBots {
    let groups: Vec<usize> = groups.iter().filter_map(|group| organization.group(group)).collect();
    let mut days: BTreeMap<usize, BTreeSet<NaiveDate>> = BTreeMap::new();
    for event in organization.usage_events.iter().filter(|event| groups.contains(&event.group)) {
        let day = event.timestamp.date_naive();
        if (since..=organization.last_day).contains(&day) {
            days.entry(event.person).or_default().insert(day);
        }
    }
    let is_chosen = |person: usize| person % 5 == 1 && !organization.people[person].bot;
    let chosen = days.into_iter().filter(|(person, days)| is_chosen(*person) && days.len() > 5);
    chosen
        .map(|(person, days)| {
            let days = Vec::from_iter(days);
            (person, (days[2], days[days.len() * 2 / 3]))
        })
        .collect()
}

impl Collected<'_> {
    /// Whether a person is a bot on a day, by the newest record up to that day.
    fn is_bot(&self, person: usize, day: NaiveDate) -> bool {
        let is_misreported =
            self.misreported.get(&person).is_some_and(|(from, to)| (*from..*to).contains(&day));
        self.organization.people[person].bot || is_misreported
    }

    fn is_of_bot(&self, event: &UsageEvent) -> bool {
        self.is_bot(event.person, event.timestamp.date_naive())
    }

    fn in_range(&self, day: NaiveDate) -> bool {
        (self.since..=self.until).contains(&day)
    }

    /// Whether usage of the day is known, at least in part.
    fn knows(&self, day: NaiveDate) -> bool {
        self.in_range(day) && !self.missing.contains(&day)
    }

    /// Whether the usage of the day is complete.
    fn knows_completely(&self, day: NaiveDate) -> bool {
        self.knows(day) && !self.truncated.contains(&day)
    }

    /// Whether the event arrived.
    fn has(&self, event: &UsageEvent) -> bool {
        let day = event.timestamp.date_naive();
        let is_missing = self.truncated.contains(&day) && event.timestamp.hour() >= 12;
        let counts = self.only.as_ref().is_none_or(|only| {
            only.contains(&event.person) && (self.only_with_bots || !self.is_of_bot(event))
        });
        counts && self.knows(day) && (!is_missing || event.is_code_suggestion())
    }

    /// The seat holders of these groups, by seat list. Lists without holders are left out: there
    /// are none for add-ons that
    /// everyone has.
    fn lists_of(&self, groups: &[usize]) -> Vec<(NaiveDate, BTreeSet<usize>)> {
        let people = || self.organization.people.iter().enumerate();
        let pools = || self.organization.add_on_purchases.iter().filter(|pool| groups.contains(&pool.group));
        let list = |day: &NaiveDate| -> BTreeSet<usize> {
            let holders = people().filter(|(place, person)| {
                !self.is_bot(*place, *day)
                    && self.only.as_ref().is_none_or(|only| only.contains(place))
                    && is_on_list(self.organization, &self.seat_lists, *day, *place)
                    && pools().any(|pool| pool.is_held_by(person))
            });
            holders.map(|(place, _)| place).collect()
        };
        let lists = self.seat_lists.iter().map(|day| (*day, list(day)));
        lists.filter(|(_, holders)| !holders.is_empty() || self.only.is_some()).collect()
    }

    /// Whether the usage of all days of the period is complete: missing rows could be of any
    /// person.
    fn knows_all(&self, period: Period) -> bool {
        days(period).into_iter().all(|day| self.knows_completely(day))
    }
}

/// Whether a current seat holder is on the seat list of a day. Earlier lists lack people who had
/// not joined yet, and the second list also lacks some other people.
pub(crate) fn is_on_list(
    organization: &Organization,
    lists: &[NaiveDate],
    day: NaiveDate,
    person: usize,
) -> bool {
    let is_last = lists.last() == Some(&day);
    let is_missing = lists.get(1) == Some(&day) && person % 5 == 2;
    is_last || (organization.people[person].joined <= day && !is_missing)
}

/// Metric lines by [`key`].
pub(crate) type Lines = BTreeMap<String, Value>;

/// The identity of a metric line.
pub(crate) fn key(line: &Value) -> String {
    let by = line["by"]
        .as_object()
        .expect("by is an object")
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().expect("text")));
    let by: Vec<String> = by.collect();
    let text = |name: &str| line[name].as_str().expect("text");
    let population = line[POPULATION].as_str().unwrap_or_default();
    let by = by.join(",");
    format!("{} {} {} {} {population} {by}", text("metric"), text("scope"), text("grain"), text("start"))
}

#[derive(Clone, Copy)]
pub(crate) struct Period {
    pub(crate) grain: &'static str,
    pub(crate) start: NaiveDate,
    pub(crate) end: NaiveDate,
}

/// Receives a value of a metric with dimensions.
pub(crate) type Put<'a> = dyn FnMut(&str, &[(&str, &str)], Number) + 'a;

/// The same for a metric that looks at other days than those of its period: at these look_back.
type PutOver<'a> = dyn FnMut(&str, &[(&str, &str)], &[Period], Number) + 'a;

/// The values of a metric line.
pub(crate) struct Number {
    pub(crate) value: Value,
    pub(crate) n: Value,
    pub(crate) of: Value,
    pub(crate) people: Value,
    pub(crate) basis: Value,
    pub(crate) reason: Value,
}

/// All metric lines of these groups: one scope per group, and the union if there are several.
pub(crate) fn metrics(collected: &Collected<'_>, groups: &[&str]) -> Lines {
    let mut lines = Lines::new();
    for group in groups {
        scope(collected, group, &[group], &mut lines);
    }
    if groups.len() > 1 {
        scope(collected, "*", groups, &mut lines);
    }
    lines
}

/// All metric lines of the instance, from its own events: including those outside all groups, and
/// by editor.
pub(crate) fn instance_metrics(collected: &Collected<'_>, with_merge_requests: bool) -> Lines {
    let Collected { organization, since, until, .. } = *collected;
    let groups: Vec<usize> =
        (0..organization.groups.len()).filter(|group| organization.groups[*group].parent.is_none()).collect();
    let mut lines = Lines::new();
    for period in periods(since, until) {
        let mut put = |metric: &str, by: &[(&str, &str)], look_back: &[Period], number: Number| {
            put_line(collected, "/", period, NewLine { metric, by, look_back, number }, &mut lines);
        };
        usage(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        sessions(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        by_editor(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        seats(collected, &groups, period, &mut put);
        engagement(collected, &groups, period, &mut put);
        retention(collected, &groups, period, &mut put);
        if with_merge_requests {
            impact(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        }
        if period.grain == "window" && period.end == until {
            let days = days(period).into_iter().filter(|day| (since..=until).contains(day)).count();
            for (status, days) in [("complete", days), ("not_collected", 28 - days)] {
                if days > 0 {
                    let by = [("collector", "instance_usage_events"), ("status", status)];
                    put("coverage.days", &by, &[period], count(days, None));
                }
            }
        }
    }
    lines
}

/// A value of a metric with dimensions, whose coverage depends on `look_back`.
struct NewLine<'a> {
    metric: &'a str,
    by: &'a [(&'a str, &'a str)],
    look_back: &'a [Period],
    number: Number,
}

fn put_line(collected: &Collected<'_>, name: &str, period: Period, line: NewLine<'_>, lines: &mut Lines) {
    let NewLine { metric, by, look_back, number } = line;
    let population = by.iter().find(|(name, _)| *name == POPULATION).map(|(_, value)| *value);
    let by = by.iter().filter(|(name, _)| *name != POPULATION);
    let by: Value = by.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let days: Vec<NaiveDate> = look_back.iter().flat_map(|part| days(*part)).collect();
    let of_delivery = ["merge_requests", "pipelines", "dora", "credits", "agents.credits"]
        .iter()
        .any(|name| metric.starts_with(name) || by["collector"] == *name);
    let of_suggestions =
        metric.starts_with("code_suggestions.") || by["collector"] == "code_suggestion_events";
    let is_known = |day: &&NaiveDate| {
        if metric.starts_with("dora.") {
            // GitLab's DORA values of a month cover all its days up to the last requested one.
            **day <= collected.until
        } else if of_delivery {
            collected.in_range(**day)
        } else if of_suggestions {
            collected.knows(**day)
        } else {
            collected.knows_completely(**day)
        }
    };
    // A list of members is known as a whole.
    let of_teams = metric.starts_with("teams.");
    let known = if of_teams { days.len() } else { days.iter().filter(is_known).count() };
    let is_settled = |part: &Period| {
        let settled = part.end.checked_add_days(Days::new(8)).expect("a day");
        collected.fetched_at >= settled.and_hms_opt(0, 0, 0).expect("midnight").and_utc()
    };
    let is_final = !of_teams && known == days.len() && look_back.iter().all(is_settled);
    let mut line = json!({"metric": metric, "scope": name, "grain": period.grain, "start": period.start.to_string(),
        "end": period.end.to_string(), "by": by, "value": number.value, "n": number.n, "of": number.of,
        "people": number.people, "coverage": known as f64 / days.len() as f64, "basis": number.basis,
        "final": is_final, "reason": number.reason});
    if let Some(population) = population {
        line[POPULATION] = population.into();
    }
    let of_sessions = ["sessions", "users", "success_rate", "completion_rate", "duration_seconds"];
    if metric.strip_prefix("agents.").is_some_and(|name| of_sessions.contains(&name)) {
        // Only the events of the instance have the ids of sessions.
        line["source"] = if name == "/" { "sessions" } else { "events" }.into();
    }
    assert!(lines.insert(key(&line), line).is_none(), "twice: {metric} {by:?}");
}

/// The top-level groups of groups.
fn roots_of(organization: &Organization, groups: &[usize]) -> Vec<usize> {
    groups.iter().map(|group| organization.root_of(*group)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What counts of the events and seats of the top-level groups: for subgroups, those of their
/// members, with bots.
fn of_members<'a>(collected: &Collected<'a>, groups: &[usize]) -> Collected<'a> {
    let organization = collected.organization;
    let is_subgroup = |group: &usize| organization.groups[*group].parent.is_some();
    if !groups.iter().any(is_subgroup) {
        return collected.clone();
    }
    assert!(groups.iter().all(is_subgroup), "groups and subgroups together have no reference calculation");
    let members = groups.iter().flat_map(|group| members(organization, *group)).collect();
    Collected { only: Some(members), only_with_bots: true, ..collected.clone() }
}

fn scope(collected: &Collected<'_>, name: &str, groups: &[&str], lines: &mut Lines) {
    let Collected { organization, since, until, .. } = *collected;
    let groups: Vec<usize> =
        groups.iter().map(|group| organization.group(group).expect("a group of the stand-in")).collect();
    let (roots, of_members) = (roots_of(organization, &groups), of_members(collected, &groups));
    for period in periods(since, until) {
        let mut put = |metric: &str, by: &[(&str, &str)], look_back: &[Period], number: Number| {
            put_line(collected, name, period, NewLine { metric, by, look_back, number }, lines);
        };
        if days(period).into_iter().any(|day| collected.knows(day)) {
            usage(&of_members, &roots, period, &mut |metric, by, number| put(metric, by, &[period], number));
            created_sessions(&of_members, &roots, period, &mut |metric, by, number| {
                put(metric, by, &[period], number)
            });
            seats(&of_members, &roots, period, &mut put);
            engagement(&of_members, &roots, period, &mut put);
            retention(&of_members, &roots, period, &mut put);
        }
        teams(collected, &groups, period, &mut put);
        delivery(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        if days(period).into_iter().any(|day| collected.knows(day)) {
            impact(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        }
        credits(collected, &groups, period, &mut |metric, by, number| put(metric, by, &[period], number));
        if period.grain == "month" {
            // Credits belong to the subscription, not to a subgroup.
            if of_members.only.is_none() {
                outlook(collected, &groups, period, &mut |metric, by, number| {
                    put(metric, by, &[period], number)
                });
            }
            dora(collected, &groups, period, &mut |metric, number| put(metric, &[], &[period], number));
        }
        if period.grain == "window" && period.end == until {
            for collector in
                ["usage_events", "code_suggestion_events", "credits", "merge_requests", "pipelines", "dora"]
            {
                let status = |day: &NaiveDate| match collector {
                    "credits" | "merge_requests" | "pipelines" | "dora" if collected.in_range(*day) => {
                        "complete"
                    }
                    "usage_events" if collected.knows(*day) && collected.truncated.contains(day) => "partial",
                    "usage_events" | "code_suggestion_events" if collected.knows(*day) => "complete",
                    _ => "not_collected",
                };
                // Credits belong to the subscription, not to a subgroup.
                let is_there = collector != "credits" || of_members.only.is_none();
                for name in ["complete", "partial", "not_collected"] {
                    let days = days(period).iter().filter(|day| status(day) == name).count();
                    if days > 0 && is_there {
                        let by = [("collector", collector), ("status", name)];
                        put("coverage.days", &by, &[period], count(days, None));
                    }
                }
            }
        }
    }
    for month in periods(since, until).into_iter().filter(|period| period.grain == "month") {
        if of_members.only.is_none() {
            balances(collected, name, &groups, month, lines);
        }
    }
    let put = |metric: &str,
               grain: &str,
               start: NaiveDate,
               end: NaiveDate,
               coverage: f64,
               by: Value,
               n: u64,
               lines: &mut Lines| {
        let line = json!({"metric": metric, "scope": name, "grain": grain, "start": start.to_string(), "end": end.to_string(),
            "by": by, "value": n, "n": n, "of": null, "people": null, "coverage": coverage, "basis": 1.0, "final": false, "reason": null});
        lines.insert(key(&line), line);
    };
    for (add_on, list) in ["DUO_ENTERPRISE", "CODE_SUGGESTIONS"]
        .into_iter()
        .flat_map(|add_on| collected.seat_lists.iter().map(move |list| (add_on, *list)))
    {
        let pools = organization
            .add_on_purchases
            .iter()
            .filter(|pool| groups.contains(&pool.group) && pool.add_on.name() == add_on);
        if pools.clone().count() > 0 {
            let purchased: u32 = pools.clone().map(|pool| pool.purchased).sum();
            let is_held = |(place, person): &(usize, &Person)| {
                pools.clone().any(|pool| pool.is_held_by(person))
                    && is_on_list(organization, &collected.seat_lists, list, *place)
            };
            let assigned = organization.people.iter().enumerate().filter(is_held).count() as u64;
            let by = json!({"add_on": add_on});
            put("seats.purchased", "day", list, list, 1.0, by.clone(), purchased.into(), lines);
            put("seats.assigned", "day", list, list, 1.0, by, assigned, lines);
        }
    }
    let window = until.checked_sub_days(Days::new(27)).expect("a day");
    // Without ClickHouse GitLab has no totals. Coverage lines report this for each requested day,
    // or once for totals of a range.
    let requested_days = days(Period { grain: "window", start: window, end: until })
        .into_iter()
        .filter(|day| (since..=until).contains(day))
        .count() as u64;
    for (collector, status, days) in [
        ("seats", "complete", collected.seat_lists.iter().filter(|day| **day >= window).count() as u64),
        ("group_tree", "complete", 1),
        ("members", "complete", collected.members.into()),
        ("credit_months", "complete", of_members.only.is_none().into()),
        ("ai_user_metrics", "denied", 1),
        ("ai_metrics", "denied", requested_days),
        ("ai_metrics", "not_collected", 28 - requested_days),
        ("agent_sessions", "denied", requested_days),
        ("agent_sessions", "not_collected", 28 - requested_days),
        ("agent_durations", "denied", 1),
        ("agent_flows", "unsupported", requested_days),
        ("agent_flows", "not_collected", 28 - requested_days),
        ("suggestions_by_editor", "denied", requested_days),
        ("suggestions_by_editor", "not_collected", 28 - requested_days),
    ] {
        if days > 0 {
            let by = json!({"collector": collector, "status": status});
            // The seat list of the run is of the day after the window.
            let in_window = collected.seat_lists.iter().filter(|day| (window..=until).contains(*day)).count();
            let known = match collector {
                "seats" => in_window as f64 / 28.0,
                "credit_months" => 1.0 / 28.0,
                _ => 0.0,
            };
            put("coverage.days", "window", window, until, known, by, days, lines);
        }
    }
}

/// The known days with events of each person: all events, or only intentional use.
fn active_days(
    collected: &Collected<'_>,
    groups: &[usize],
    intentional: bool,
) -> BTreeMap<usize, BTreeSet<NaiveDate>> {
    let mut days: BTreeMap<usize, BTreeSet<NaiveDate>> = BTreeMap::new();
    for event in &collected.organization.usage_events {
        let day = event.timestamp.date_naive();
        let counts = !intentional || !REACHED.contains(&event.event);
        // Events of bots are not intentional use of a person, but they show that the account is in
        // use.
        let counts = counts && !(intentional && collected.is_of_bot(event));
        if counts && groups.contains(&event.group) && collected.has(event) {
            days.entry(event.person).or_default().insert(day);
        }
    }
    days
}

/// Passed like a dimension to [`Put`], but a field of its own in a metric line.
const POPULATION: &str = "population";

pub(crate) fn quantiles(
    metric: &str,
    by: &[(&str, &str)],
    mut values: Vec<u64>,
    people: Option<usize>,
    put: &mut Put<'_>,
) {
    values.sort_unstable();
    for (stat, share) in [("p50", 0.5), ("p95", 0.95)] {
        let by = [by, &[("stat", stat)]].concat();
        let rank = (share * values.len() as f64 - 1e-9).ceil() as usize;
        let number = if values.is_empty() {
            Number { n: json!(0), basis: json!(1.0), people: json!(people), ..unknown("nothing_shown") }
        } else {
            Number { value: json!(values[rank.max(1) - 1]), ..count(values.len(), people) }
        };
        put(metric, &by, number);
    }
}

pub(crate) fn periods(since: NaiveDate, until: NaiveDate) -> Vec<Period> {
    let window = |end: NaiveDate| Period {
        grain: "window",
        start: end.checked_sub_days(Days::new(27)).expect("a day"),
        end,
    };
    let mut periods = vec![window(until)];
    // The Sundays after which seven days have passed.
    let mut sunday = until.checked_sub_days(Days::new(7)).expect("a day");
    while sunday >= since {
        if sunday.weekday().num_days_from_sunday() == 0 {
            periods.push(window(sunday));
        }
        sunday = sunday.pred_opt().expect("a day");
    }
    for day in since.iter_days().take_while(|day| *day <= until) {
        periods.push(Period { grain: "day", start: day, end: day });
        let monday =
            day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).expect("a day");
        if day == since || day == monday {
            periods.push(Period {
                grain: "week",
                start: monday,
                end: monday.checked_add_days(Days::new(6)).expect("a day"),
            });
        }
        let first = day.with_day(1).expect("a month has a first day");
        if day == since || day == first {
            periods.push(Period {
                grain: "month",
                start: first,
                end: first
                    .checked_add_months(Months::new(1))
                    .and_then(|next| next.pred_opt())
                    .expect("a day"),
            });
        }
    }
    periods
}

fn days(period: Period) -> Vec<NaiveDate> {
    period.start.iter_days().take_while(|day| *day <= period.end).collect()
}

/// Whether the event was collected and is in the period.
fn happened_in(event: &UsageEvent, period: Period, collected: &Collected<'_>) -> bool {
    (period.start..=period.end).contains(&event.timestamp.date_naive()) && collected.has(event)
}

/// Whether a time (of something other than a usage event) is in the period and in the requested
/// range.
fn was_in(at: DateTime<Utc>, period: Period, collected: &Collected<'_>) -> bool {
    let day = at.date_naive();
    (period.start..=period.end).contains(&day) && collected.in_range(day)
}

fn seconds_between(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    u64::try_from(to.timestamp() - from.timestamp()).expect("merged after it was opened")
}

pub(crate) fn count(n: usize, people: Option<usize>) -> Number {
    Number {
        value: json!(n),
        n: json!(n),
        of: Value::Null,
        people: json!(people),
        basis: json!(1.0),
        reason: Value::Null,
    }
}

pub(crate) fn rate(n: f64, of: f64, people: Option<usize>) -> Number {
    let (value, reason) =
        if of == 0.0 { (Value::Null, json!("nothing_shown")) } else { (json!(n / of), Value::Null) };
    Number { value, n: json!(n), of: json!(of), people: json!(people), basis: json!(1.0), reason }
}

pub(crate) fn unknown(reason: &str) -> Number {
    Number {
        value: Value::Null,
        n: Value::Null,
        of: Value::Null,
        people: Value::Null,
        basis: Value::Null,
        reason: json!(reason),
    }
}

pub(crate) fn based(number: Number, carrying: usize, rows: usize) -> Number {
    match (carrying, rows) {
        (_, 0) => Number { basis: Value::Null, ..number },
        (0, _) => Number { basis: json!(0.0), ..unknown("not_in_source") },
        _ => Number { basis: json!(carrying as f64 / rows as f64), ..number },
    }
}
