//! Metrics: one file per family with its definitions and their computation. To add a family, add a
//! file and one line to [`FAMILIES`].

mod activity;
mod agents;
mod agents_cost;
mod agents_credits;
mod agents_duration;
mod agents_labels;
mod agents_sessions;
mod agents_tokens;
mod agents_tools;
pub mod answer;
mod chat;
mod code_review;
mod code_suggestions;
mod coverage;
mod credits;
pub mod definition;
mod dora;
mod engagement;
mod events;
mod forecast;
pub mod idle;
mod impact;
mod merge_requests;
mod people;
mod pipelines;
pub mod reconcile;
mod relation;
mod retention;
mod seats;
mod sink;
mod statistics;
mod teams;
mod troubleshoot;
mod users;
mod value;
mod workflow;

pub use definition::{CountRef, Definition, Unit};
pub use relation::{Dimension, Relation};

use std::sync::OnceLock;

use crate::aggregate::prices::Prices;
use crate::aggregate::view::{Membership, Resolved, ScopeKey, View};
use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::metric::{Metric, Population};
use activity::Activity;
use sink::MetricSink;
use teams::{TeamContext, TeamReport};

/// Metrics that are defined and computed together.
pub struct Family {
    /// The definitions of its metrics.
    pub definitions: &'static [&'static Definition],
    /// Computes the metrics of one scope and period.
    compute: fn(&View<'_>, &mut MetricSink<'_, '_>),
}

/// Every family, in the order of docs/metrics.md and of the pages.
pub const FAMILIES: &[Family] = &[
    users::FAMILY,
    events::FAMILY,
    seats::FAMILY,
    code_suggestions::FAMILY,
    chat::FAMILY,
    code_review::FAMILY,
    troubleshoot::FAMILY,
    workflow::FAMILY,
    engagement::FAMILY,
    retention::FAMILY,
    teams::FAMILY,
    agents_sessions::FAMILY,
    agents_duration::FAMILY,
    agents_tools::FAMILY,
    agents_tokens::FAMILY,
    agents_cost::FAMILY,
    agents_credits::FAMILY,
    credits::FAMILY,
    merge_requests::FAMILY,
    pipelines::FAMILY,
    dora::FAMILY,
    impact::FAMILY,
    coverage::FAMILY,
    reconcile::FAMILY,
];

/// The thresholds of the engagement segments.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Minimum of active days in 28 days for a regular user.
    pub regular_from: u32,
    /// Minimum of active days in 28 days for a heavy user.
    pub heavy_from: u32,
}

/// Every definition, in the order of [`FAMILIES`], then those of the answer.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    FAMILIES.iter().flat_map(|family| family.definitions.iter().copied()).chain(answer::DEFINITIONS)
}

/// The metrics of one scope: what they are computed from, and for which periods.
pub struct ScopeReport<'a> {
    view: View<'a>,
    /// Computed on first use.
    activity: OnceLock<Activity>,
    periods: Vec<Period>,
    teams: Vec<TeamReport>,
    /// Whether it includes the snapshots, which belong to no period.
    has_snapshots: bool,
    since: Day,
    thresholds: Thresholds,
    prices: Option<&'a Prices>,
}

/// A part of the metrics of a scope that can be computed independently.
pub struct Task<'s, 'a> {
    report: &'s ScopeReport<'a>,
    kind: TaskKind,
}

/// What a [`Task`] computes.
#[derive(Clone, Copy)]
enum TaskKind {
    /// The index of agent sessions that [`TaskKind::Agents`] reads; no metrics.
    AgentGrouping,
    /// The metrics of a period, except those of agents.
    Period(Period),
    /// The metrics of snapshots, which have days only.
    Snapshots,
    /// The agent metrics of a period.
    Agents(Period),
    /// The number of people of each team.
    TeamSizes,
    /// The metrics of a team, by its position.
    Team(usize),
}

impl<'a> ScopeReport<'a> {
    /// One report per scope: for the last 28 days up to `until`, for the 28 days up to each closed week,
    /// which are published, and for each period that contains a day with data from `since` to `until`. A period is computed over all its days, also those
    /// before `since`; days after `until` do not count.
    ///
    /// A scope with subgroups has one report for all periods with the same members.
    pub fn all(
        resolved: &'a Resolved<'a>,
        since: Day,
        until: Day,
        thresholds: Thresholds,
        prices: Option<&'a Prices>,
    ) -> Vec<ScopeReport<'a>> {
        let mut reports = Vec::new();
        for scopes in resolved.scope_sets() {
            let view = resolved.view(&scopes, until, until);
            let days = view.days();
            let mut periods = vec![Period::containing(Grain::Window, until, until)];
            periods.extend(
                closed_windows(since, until)
                    .filter(|closed| days.range(closed.start..=closed.end).next().is_some()),
            );
            for grain in [Grain::Month, Grain::Week, Grain::Day] {
                let mut periods_of_grain: Vec<Period> =
                    days.range(since..=until).map(|day| Period::containing(grain, *day, until)).collect();
                periods_of_grain.dedup();
                periods.extend(periods_of_grain);
            }
            let mut view = Some(view);
            for (at, (members, periods)) in by_members(resolved, &scopes, periods).into_iter().enumerate() {
                let is_of_view = members == resolved.membership(&scopes, until);
                let of_members = view.take_if(|_| is_of_view);
                let of_period = || resolved.view(&scopes, until, periods[0].end);
                reports.push(ScopeReport {
                    activity: OnceLock::new(),
                    view: of_members.unwrap_or_else(of_period),
                    teams: TeamReport::all(resolved, &scopes, &periods),
                    periods,
                    has_snapshots: at == 0,
                    since,
                    thresholds,
                    prices,
                });
            }
        }
        reports
    }

    /// The tasks: the longest first, and those that wait for another task last.
    pub fn tasks(&self) -> impl Iterator<Item = Task<'_, 'a>> {
        let periods = || self.periods.iter().copied();
        let kinds = [TaskKind::AgentGrouping].into_iter().chain(periods().map(TaskKind::Period));
        let kinds = kinds.chain(self.has_snapshots.then_some(TaskKind::Snapshots));
        let kinds = kinds.chain(periods().map(TaskKind::Agents)).chain([TaskKind::TeamSizes]);
        let kinds = kinds.chain((0..self.teams.len()).map(TaskKind::Team));
        kinds.map(|kind| Task { report: self, kind })
    }

    fn activity(&self) -> &Activity {
        self.activity.get_or_init(|| Activity::of(&self.view))
    }
}

/// The 28 days up to each closed week from `since`, the last one first. Suppression has to know what
/// was published of them in earlier weeks.
fn closed_windows(since: Day, until: Day) -> impl Iterator<Item = Period> {
    let weeks = std::iter::successors(Some(until.last_closed()), |sunday| Some(sunday.plus(-7)));
    weeks
        .take_while(move |sunday| *sunday >= since)
        .map(|sunday| Period::containing(Grain::Window, sunday, sunday))
}

/// The periods with the same members of the subgroups among these scopes; all of them, if there are
/// no subgroups. Never empty lists.
fn by_members(
    resolved: &Resolved<'_>,
    scopes: &[ScopeKey],
    periods: Vec<Period>,
) -> Vec<(Membership, Vec<Period>)> {
    let mut groups: Vec<(Membership, Vec<Period>)> = Vec::new();
    for period in periods {
        let members = resolved.membership(scopes, period.end);
        match groups.iter_mut().find(|(known, _)| *known == members) {
            Some((_, periods)) => periods.push(period),
            None => groups.push((members, vec![period])),
        }
    }
    groups
}

impl Task<'_, '_> {
    /// Computes the metric lines, sorted.
    pub fn compute(&self) -> Vec<Metric> {
        let ScopeReport { view, since, thresholds, teams, .. } = self.report;
        let mut metrics = Vec::new();
        let context = || TeamContext { view, activity: self.report.activity(), thresholds: *thresholds };
        match self.kind {
            TaskKind::AgentGrouping => view.merge_agents(),
            TaskKind::Period(period) => self.compute_families(period, false, &mut metrics),
            TaskKind::Agents(period) => self.compute_families(period, true, &mut metrics),
            TaskKind::Snapshots => {
                seats::compute_snapshots(view, self.report.activity(), *since, &mut metrics, *thresholds);
            }
            TaskKind::TeamSizes => {
                teams::compute_sizes(context(), teams, &mut metrics);
            }
            TaskKind::Team(at) => teams[at].compute(context(), &mut metrics),
        }
        metrics.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
        metrics
    }

    fn compute_families(&self, period: Period, is_agents: bool, metrics: &mut Vec<Metric>) {
        let ScopeReport { view, thresholds, prices, .. } = self.report;
        for family in FAMILIES.iter().filter(|family| family.is_of_agents() == is_agents) {
            let mut sink = MetricSink::new(view, self.report.activity(), period, *thresholds, metrics);
            sink.prices = *prices;
            (family.compute)(view, &mut sink);
        }
    }
}

impl Family {
    /// Whether it is computed from agent sessions, which [`TaskKind::AgentGrouping`] prepares.
    fn is_of_agents(&self) -> bool {
        self.definitions.iter().any(|definition| definition.metric.starts_with("agents."))
    }
}

/// Metric, instance, scope and period.
type GroupKey<'a> = (&'a str, &'a str, &'a str, Grain, Day, Day);

/// Merges the sorted metric lines of all tasks into the order of the output. Lines are large, so
/// this moves complete groups, and sorts only the groups that come from several tasks.
pub fn merge_sorted(task_metrics: Vec<Vec<Metric>>) -> Vec<Metric> {
    let mut groups: Vec<(GroupKey<'_>, usize, usize)> = Vec::new();
    for (task, lines) in task_metrics.iter().enumerate() {
        let task_groups = lines.chunk_by(|one, other| group_key(one) == group_key(other));
        groups.extend(task_groups.map(|group| (group_key(&group[0]), task, group.len())));
    }
    groups.sort();
    let mut shared = Vec::new();
    let mut end = 0;
    for same_key in groups.chunk_by(|(one, ..), (other, ..)| one == other) {
        let start = end;
        end += same_key.iter().map(|(.., length)| length).sum::<usize>();
        if same_key.len() > 1 {
            shared.push(start..end);
        }
    }
    let moves: Vec<(usize, usize)> = groups.into_iter().map(|(_, task, length)| (task, length)).collect();
    let mut unmoved: Vec<_> = task_metrics.into_iter().map(Vec::into_iter).collect();
    let mut metrics = Vec::with_capacity(end);
    // The groups of a task are sorted too.
    moves.into_iter().for_each(|(task, length)| metrics.extend(unmoved[task].by_ref().take(length)));
    let in_group = |one: &Metric, other: &Metric| series_key(one).cmp(&series_key(other));
    shared.into_iter().for_each(|range| metrics[range].sort_by(in_group));
    metrics
}

fn sort_key(metric: &Metric) -> (GroupKey<'_>, (Option<Population>, &Dimensions)) {
    (group_key(metric), series_key(metric))
}

fn series_key(metric: &Metric) -> (Option<Population>, &Dimensions) {
    (metric.population, &metric.by)
}

/// The lines of a group differ only in population and dimensions.
fn group_key(metric: &Metric) -> GroupKey<'_> {
    let Metric { metric, instance, scope, grain, start, end, .. } = metric;
    (metric, instance, scope, *grain, *start, *end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::number::Number;

    #[test]
    fn merges_the_lines_of_all_tasks_in_order() {
        let mut metrics = Vec::new();
        let first: Day = "2026-10-01".parse().expect("a day");
        for place in 0..400_u32 {
            let of = |count: u32, step: u32| place.wrapping_mul(2_654_435_761) / step % count;
            metrics.push(Metric {
                metric: ["a", "b.c", "b"][of(3, 7) as usize].into(),
                instance: ["*", "https://gitlab.example.com"][of(2, 31) as usize].into(),
                scope: ["acme", "acme/b"][of(2, 101) as usize].into(),
                grain: [Grain::Day, Grain::Week][of(2, 1009) as usize],
                start: first.plus(of(2, 5003).into()),
                end: first.plus(7),
                by: [("language", ["rust", "go", "c"][of(3, 10_007) as usize])].into_iter().collect(),
                population: [None, Some(Population::People), Some(Population::SeatHolders)]
                    [of(3, 20_011) as usize],
                value: None,
                n: Some(Number::Count(place.into())),
                of: None,
                people: None,
                coverage: 1.0,
                imported: 0.0,
                basis: None,
                is_final: false,
                reason: None,
                prices: None,
                source: None,
                explanation: None,
            });
        }
        let mut expected = metrics.clone();
        expected.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
        for tasks in [1, 2, 7, 400] {
            let mut task_metrics: Vec<Vec<Metric>> =
                metrics.chunks(400_usize.div_ceil(tasks)).map(<[Metric]>::to_vec).collect();
            let lines = task_metrics.iter_mut();
            lines.for_each(|lines| lines.sort_by(|one, other| sort_key(one).cmp(&sort_key(other))));
            assert_eq!(merge_sorted(task_metrics), expected, "{tasks} tasks");
        }
        assert!(expected.chunk_by(|one, other| group_key(one) == group_key(other)).count() < 60);
    }

    #[test]
    fn every_rate_lists_the_counts_that_it_reveals() {
        for definition in definitions() {
            let is_rate = matches!(definition.unit, Unit::Share(_) | Unit::PerPerson(_));
            let counts = definition.unit.revealed_counts();
            // GitLab returns the first without its parts; no other metric counts the cohorts of the
            // second.
            let reveals_nothing = ["dora.change_failure_rate", "engagement.retention"].contains(&definition.metric)
                    // Computed from published lines.
                    || definition.metric.starts_with("answer.");
            assert_eq!(is_rate && !reveals_nothing, !counts.is_empty(), "{}", definition.metric);
            for count in counts.iter().copied().flatten() {
                let counted = definitions().find(|other| other.metric == count.metric).expect(count.metric);
                assert!(counted.is_split_by(count.by) || count.by.is_empty(), "{count:?}");
                assert!(!matches!(counted.unit, Unit::Share(_) | Unit::PerPerson(_)), "{count:?}");
            }
        }
    }

    /// Suppression knows only what is declared. The answer is made from published lines.
    #[test]
    fn every_metric_declares_its_relations() {
        for definition in definitions().filter(|definition| !definition.metric.starts_with("answer.")) {
            assert!(!definition.relations.is_empty(), "{}", definition.metric);
        }
    }

    #[test]
    fn every_metric_is_defined_once_with_a_full_text() {
        let mut names: Vec<&str> = definitions().map(|definition| definition.metric).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for definition in definitions() {
            assert!(definition.text.ends_with('.') && !definition.grains.is_empty(), "{}", definition.metric);
        }
    }
}
