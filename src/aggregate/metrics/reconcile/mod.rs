//! Reconciliation: our counts of events beside GitLab's own counts, by day.

mod counts;
mod table;

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::{Fetch, GitlabTotals, UserTotals};
use crate::aggregate::view::{DayState, View};
use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::coverage::Status;
use crate::model::metric::{Explanation, Metric, Reason};
use counts::{OurDay, complete, only};
use table::{Comparison, FLOWS, GROUP, Ours, SESSIONS, USERS};

pub(super) const FAMILY: Family = Family { definitions: &[&DIFFERENCE], compute };

const DIFFERENCE: Definition = Definition {
    metric: METRIC,
    title: "Difference from GitLab's own counts",
    unit: Unit::Events,
    grains: &[Grain::Day, Grain::Window],
    by: &["collector×feature×measure"],
    relations: &[Relation::Statistics],
    text: "Our count of events (n) minus GitLab's own count (of), by the collector of GitLab's count; \
           negative if GitLab counts more. Both include bots and events that GitLab stored twice. \
           duo_used_count is a count of users, also with bots. Only days that both sides have \
           completely, fetched at least an hour after their end, are compared; the last 28 days are \
           the sum of these days. GitLab's counts of users (ai_user_metrics) are compared over all \
           requested days together. explanation states the known reason of a difference; a difference \
           of more than 1% without one ends the run with exit code 3.",
};

/// The name of the metric.
pub const METRIC: &str = "reconcile.difference";

/// Seconds after the end of a day until GitLab's aggregates contain all its events: they lag by up
/// to 15 minutes (GitLab's GraphQL reference, analytics of the Agent Platform).
const LAG_SECONDS: i64 = 3600;

/// Seconds between two fetches from which on late events can explain a difference.
const APART_SECONDS: i64 = 3600;

/// The share of GitLab's count above which a difference without an explanation is a gap.
const TOLERANCE: f64 = 0.01;

/// A comparison on one day, or over several.
struct Compared {
    ours: u64,
    theirs: u64,
    /// The people behind our count, without bots.
    people: PeopleSet,
    explanation: Option<Explanation>,
    /// The states of the days.
    days: Vec<DayState>,
}

/// GitLab's count of the users of the first moment of the next day.
const USED_AT_NEXT_MIDNIGHT: &str = "all.duo_used_at_next_midnight_count";

/// The result of a comparison; the error is the reason why there is none.
type Outcome = Result<Compared, Reason>;

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    // A subgroup has no events of its own, and GitLab counts there by place.
    if view.scope.contains('/') || !DIFFERENCE.grains.contains(&sink.period.grain) {
        return;
    }
    // One comparison of all days is enough.
    if sink.period.grain == Grain::Window && sink.period.end != view.until {
        return;
    }
    let mut results: BTreeMap<Key, Outcome> = BTreeMap::new();
    for day in sink.period.days().filter(|day| *day <= view.until) {
        for (comparison, outcome) in compare_day(view, day) {
            add(results.entry(key(comparison)), outcome);
        }
    }
    if sink.period.grain == Grain::Window {
        results
            .extend(compare_users(view, sink.period).into_iter().map(|(one, outcome)| (key(one), outcome)));
    }
    for ((collector, feature, measure), outcome) in results {
        let by = [("collector", collector), ("feature", feature), ("measure", measure)];
        let value = match outcome {
            Ok(compared) => {
                let in_period = compared.days.len().min(sink.period.length() as usize);
                sink.cover_states(compared.days[..in_period].iter());
                value(&compared)
            }
            Err(reason) => {
                sink.cover_states(std::iter::empty());
                MetricValue::unknown(reason)
            }
        };
        sink.emit(&DIFFERENCE, &by, value);
    }
}

/// Collector, feature and measure.
type Key = (&'static str, &'static str, &'static str);

fn key(comparison: &Comparison) -> Key {
    (comparison.collector, comparison.feature, comparison.measure)
}

/// Adds a day to those before. A day without a result is left out if there are others.
fn add(entry: Entry<'_, Key, Outcome>, day: Outcome) {
    match (entry, day) {
        (Entry::Vacant(entry), day) => {
            entry.insert(day);
        }
        (Entry::Occupied(mut entry), Ok(day)) => match entry.get_mut() {
            Ok(sum) => {
                sum.ours = sum.ours.saturating_add(day.ours);
                sum.theirs = sum.theirs.saturating_add(day.theirs);
                sum.people.add_all(&day.people);
                // Several days can differ for several reasons.
                sum.explanation = None;
                sum.days.extend(day.days);
            }
            other => *other = Ok(day),
        },
        (Entry::Occupied(_), Err(_)) => {}
    }
}

fn value(compared: &Compared) -> MetricValue {
    let Compared { ours, theirs, people, explanation, .. } = compared;
    // What GitLab counts in addition belongs to someone.
    let people = people.len().max(u64::from(theirs > ours));
    MetricValue::difference(*ours, *theirs, people).with_explanation(*explanation)
}

/// All comparisons of a day with the counts that this GitLab returns.
fn compare_day(view: &View<'_>, day: Day) -> Vec<(&'static Comparison, Outcome)> {
    let has_events =
        ["usage_events", "code_suggestion_events"].iter().any(|name| view.collectors.contains_key(name));
    let collectors: Vec<&str> = [GROUP, SESSIONS, FLOWS]
        .into_iter()
        .filter(|collector| has_events && view.collectors.contains_key(collector))
        .collect();
    if collectors.is_empty() {
        return Vec::new();
    }
    let ours = OurDay::of(view, day);
    let mut results: Vec<(&'static Comparison, Outcome)> = Vec::new();
    for collector in collectors {
        let theirs = complete(view, collector, day);
        let offered = theirs.is_none().then(|| last_complete(view, collector)).flatten();
        for comparison in Comparison::of(&[collector]) {
            let has_total = |fetch: &Fetch| total(view, comparison, fetch).is_some();
            match theirs {
                Some((state, fetch)) => {
                    let Some(count) = total(view, comparison, fetch) else { continue };
                    let theirs = Theirs { count, state, totals: &fetch.totals };
                    results.push((comparison, compare(view, comparison, day, ours.as_ref(), &theirs)));
                }
                None if offered.is_some_and(has_total) => {
                    results.push((comparison, Err(reason_without(view, collector, day))));
                }
                None => {}
            }
        }
    }
    confirm(&mut results);
    results
}

/// GitLab's count, with what else it counted.
struct Theirs<'t> {
    count: u64,
    state: &'t DayState,
    totals: &'t GitlabTotals,
}

/// GitLab's count in a fetch; `None` if this release has none.
fn total(view: &View<'_>, comparison: &Comparison, fetch: &Fetch) -> Option<u64> {
    match comparison.collector {
        GROUP => fetch.totals.of_group.get(&view.symbols.find(&comparison.total())?).copied(),
        _ => Some(fetch.totals.sessions),
    }
}

/// The last complete fetch of a collector, which shows what this GitLab counts.
fn last_complete<'a>(view: &View<'a>, collector: &str) -> Option<&'a Fetch> {
    let (first, last) = {
        let days = view.collectors.get(collector)?;
        (*days.keys().next()?, *days.keys().next_back()?)
    };
    let all = Period { grain: Grain::Day, start: first, end: last };
    let fetches = view.fetches_of(collector, all);
    fetches.filter(|(_, state, _)| state.status == Status::Complete).map(|(_, _, fetch)| fetch).last()
}

fn reason_without(view: &View<'_>, collector: &str, day: Day) -> Reason {
    match view.fetches_of(collector, only(day)).next() {
        Some(_) => Reason::PeriodIncomplete,
        None => Reason::NotCollected,
    }
}

fn compare(
    view: &View<'_>,
    comparison: &Comparison,
    day: Day,
    ours: Option<&OurDay>,
    theirs: &Theirs<'_>,
) -> Outcome {
    let unknown = || reason_without(view, "usage_events", day);
    let day_counts = ours.ok_or_else(unknown)?;
    let (count, users) = day_counts.count(view, comparison.ours).ok_or_else(unknown)?;
    let state = &day_counts.state;
    let end = day.plus(1).midnight().plus_seconds(LAG_SECONDS);
    if [state, theirs.state].iter().any(|state| state.fetched_at.is_none_or(|at| at < end)) {
        return Err(Reason::PeriodIncomplete);
    }
    let explanation = explain_day(view, comparison, count, state, theirs);
    let people = users.iter().filter(|user| view.is_person(*user, day)).collect();
    let fetched_at = state.fetched_at.min(theirs.state.fetched_at);
    let days = vec![DayState { fetched_at, ..state.clone() }];
    Ok(Compared { ours: count, theirs: theirs.count, people, explanation, days })
}

/// Why our count on a day differs from GitLab's, if the data proves a reason.
fn explain_day(
    view: &View<'_>,
    comparison: &Comparison,
    ours: u64,
    state: &DayState,
    theirs: &Theirs<'_>,
) -> Option<Explanation> {
    if ours == theirs.count {
        return None;
    }
    let missing = theirs.count.saturating_sub(ours);
    let of_group = |name| theirs.totals.of_group.get(&view.symbols.find(name)?).copied();
    let mut others = 0;
    if comparison.ours == Ours::Users {
        match of_group(USED_AT_NEXT_MIDNIGHT) {
            None if missing == 0 => return Some(Explanation::LastDayMissing),
            None => {}
            Some(users) if (1..=users).contains(&missing) => return Some(Explanation::NextMidnight),
            Some(users) => others = users,
        }
    }
    if (1..=state.unreadable.saturating_add(others)).contains(&missing) && state.unreadable > 0 {
        return Some(Explanation::NullRows);
    }
    if is_late(state, theirs.state, missing > 0) {
        return Some(Explanation::LateEvents);
    }
    // Older releases count only code contributors. Which ones is not documented; those that count
    // sessions do not.
    let is_contributed =
        comparison.collector == GROUP && ["all", "code_suggestions"].contains(&comparison.feature);
    let mut totals = theirs.totals.of_group.keys().map(|name| view.symbols.text(*name));
    (missing == 0 && is_contributed && !totals.any(|name| name.starts_with("agent_platform.")))
        .then_some(Explanation::ContributorsOnly)
}

/// Whether the side with the larger count was fetched so much later that events may have arrived in
/// between.
fn is_late(ours: &DayState, theirs: &DayState, theirs_is_larger: bool) -> bool {
    let Some((ours, theirs)) = ours.fetched_at.zip(theirs.fetched_at) else { return false };
    let later = if theirs_is_larger { theirs.seconds_since(ours) } else { ours.seconds_since(theirs) };
    later >= APART_SECONDS
}

/// Explains differences of a day where another count by GitLab of the same events equals ours.
fn confirm(results: &mut [(&'static Comparison, Outcome)]) {
    let is_equal = |compared: &&Compared| compared.ours == compared.theirs;
    let confirmed: Vec<Ours> = results
        .iter()
        .filter(|(_, outcome)| outcome.as_ref().ok().filter(is_equal).is_some())
        .map(|(comparison, _)| comparison.ours)
        .collect();
    for (comparison, outcome) in results {
        let Ok(compared) = outcome else { continue };
        if compared.ours != compared.theirs && confirmed.contains(&comparison.ours) {
            compared.explanation = compared.explanation.or(Some(Explanation::OtherCountAgrees));
        }
    }
}

/// The comparisons with GitLab's counts of users, which are sums over all requested days.
fn compare_users(view: &View<'_>, period: Period) -> Vec<(&'static Comparison, Outcome)> {
    let last = period.end;
    let Some((state, fetch)) = complete(view, USERS, last) else { return Vec::new() };
    let Some(totals) = &fetch.totals.of_users else { return Vec::new() };
    let days: Vec<(Day, Option<OurDay>)> =
        totals.since.through(last).map(|day| (day, OurDay::of(view, day))).collect();
    let of_totals = |comparison: &'static Comparison| {
        let count = *totals.sums.get(&view.symbols.find(&comparison.total())?)?;
        Some((comparison, compare_sum(view, comparison, &days, &UserSum { count, state, totals })))
    };
    let mut results: Vec<_> = Comparison::of(&[USERS]).filter_map(of_totals).collect();
    for (_, outcome) in &mut results {
        let Ok(compared) = outcome else { continue };
        // The line covers the window only.
        let first = totals.since.days_since(period.start).min(0).unsigned_abs() as usize;
        compared.days.drain(..first.min(compared.days.len()));
    }
    results
}

/// A sum over all users that GitLab lists.
struct UserSum<'t> {
    count: u64,
    state: &'t DayState,
    totals: &'t UserTotals,
}

fn compare_sum(
    view: &View<'_>,
    comparison: &Comparison,
    days: &[(Day, Option<OurDay>)],
    theirs: &UserSum<'_>,
) -> Outcome {
    let mut compared = Compared {
        ours: 0,
        theirs: theirs.count,
        people: PeopleSet::default(),
        explanation: None,
        days: Vec::new(),
    };
    for (day, ours) in days {
        let of_day = ours.as_ref().ok_or(Reason::PeriodIncomplete)?;
        let (count, users) = of_day.count(view, comparison.ours).ok_or(Reason::PeriodIncomplete)?;
        let end = day.plus(1).midnight().plus_seconds(LAG_SECONDS);
        if [&of_day.state, theirs.state].iter().any(|state| state.fetched_at.is_none_or(|at| at < end)) {
            return Err(Reason::PeriodIncomplete);
        }
        compared.ours = compared.ours.saturating_add(count);
        compared.people.extend(users.iter().filter(|user| view.is_person(*user, *day)));
        compared.days.push(of_day.state.clone());
    }
    compared.explanation = explain_sum(view, comparison, &compared, theirs);
    Ok(compared)
}

fn explain_sum(
    view: &View<'_>,
    comparison: &Comparison,
    compared: &Compared,
    theirs: &UserSum<'_>,
) -> Option<Explanation> {
    let missing = compared.theirs.saturating_sub(compared.ours);
    let unreadable = compared.days.iter().map(|state| state.unreadable).sum();
    if (1..=unreadable).contains(&missing) {
        return Some(Explanation::NullRows);
    }
    if compared.ours == compared.theirs {
        return None;
    }
    if let Ours::Event(event) = comparison.ours
        && missing == 0
    {
        let totals = theirs.totals;
        let last = totals.since.plus(compared.days.len() as i64 - 1);
        let (listed, others) = OurDay::of_listed(view, totals.since.through(last), event, &totals.users);
        let has_seat = |person| view.lists().last().is_some_and(|list| list.holders.contains(&person));
        if listed == compared.theirs && !others.iter().any(has_seat) {
            return Some(Explanation::UnlistedUsers);
        }
    }
    let is_late = |state: &DayState| is_late(state, theirs.state, missing > 0);
    compared.days.iter().any(is_late).then_some(Explanation::LateEvents)
}

/// Whether a line is a difference above 1% of GitLab's count without an explanation. The sums of days
/// are not: each of their days is.
pub fn is_unexplained(line: &Metric) -> bool {
    let is_one =
        line.metric == METRIC && (line.grain == Grain::Day || line.by.get("collector") == Some(USERS));
    let difference = line.value.map_or(0.0, |value| value.as_f64().abs());
    let theirs = line.of.map_or(0.0, |of| of.as_f64());
    is_one && line.explanation.is_none() && difference >= 1.0 && difference > TOLERANCE * theirs
}

/// The differences above 1% of GitLab's count that have no explanation, on these days: collector,
/// group, day and measure. Those of users are named by the last of their days.
pub fn unexplained(metrics: &[Metric], days: &BTreeSet<Day>) -> Vec<String> {
    let first = metrics.partition_point(|line| line.metric.as_ref() < METRIC);
    let lines = metrics[first..].iter().take_while(|line| line.metric == METRIC);
    let name = |line: &Metric| {
        let [collector, feature, measure] =
            ["collector", "feature", "measure"].map(|name| line.by.get(name).unwrap_or_default());
        let day = match line.grain {
            Grain::Day => format!("on {}", line.end),
            _ => format!("up to {}", line.end),
        };
        format!("{collector} of {} {day}: {feature}.{measure}", line.scope)
    };
    lines.filter(|line| days.contains(&line.end) && is_unexplained(line)).map(name).collect()
}

/// The event that a line of [`METRIC`] counts; `None` for a count of users.
pub fn event_of(line: &Dimensions) -> Option<&'static str> {
    let [collector, feature, measure] = ["collector", "feature", "measure"].map(|name| line.get(name));
    match Comparison::find(collector?, feature?, measure?)?.ours {
        Ours::Event(event) => Some(event),
        Ours::Users => None,
    }
}
