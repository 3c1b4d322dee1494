//! The metrics: one file a family with its definitions and how they are computed. To add a family, add a file
//! and one line to [`FAMILIES`].

mod activity;
mod agents;
mod agents_cost;
mod agents_credits;
mod agents_duration;
mod agents_sessions;
mod agents_tokens;
mod agents_tools;
mod chat;
mod code_review;
mod code_suggestions;
mod coverage;
pub mod definition;
mod dora;
mod engagement;
mod events;
pub mod idle;
mod impact;
mod merge_requests;
mod page;
mod people;
mod pipelines;
mod retention;
mod seats;
mod statistics;
mod troubleshoot;
mod users;
mod workflow;

pub use definition::{Count, Definition, Unit};

use std::sync::OnceLock;

use crate::aggregate::prices::Prices;
use crate::aggregate::view::{Resolved, View};
use crate::base::calendar::{Day, Grain, Period};
use crate::base::dimensions::Dimensions;
use crate::model::record::{Metric, Population};
use activity::Activity;
use page::Page;

/// Metrics that belong together.
pub struct Family {
    /// What each of its metrics is.
    pub definitions: &'static [&'static Definition],
    /// Computes the metrics of one scope and period.
    compute: fn(&View<'_>, &mut Page<'_, '_>),
}

/// Every family, in the order they are shown.
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
    agents_sessions::FAMILY,
    agents_duration::FAMILY,
    agents_tools::FAMILY,
    agents_tokens::FAMILY,
    agents_cost::FAMILY,
    agents_credits::FAMILY,
    merge_requests::FAMILY,
    pipelines::FAMILY,
    dora::FAMILY,
    impact::FAMILY,
    coverage::FAMILY,
];

/// Where definitions can be set.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Active days in 28 from which on somebody is a regular user.
    pub regular_from: u32,
    /// Active days in 28 from which on somebody is a heavy user.
    pub heavy_from: u32,
}

/// Every definition, in the order they are shown.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    FAMILIES.iter().flat_map(|family| family.definitions.iter().copied())
}

/// The numbers of one scope: what they are computed from, and over which periods.
pub struct Sheet<'a> {
    view: View<'a>,
    /// Put together when it is first asked for.
    activity: OnceLock<Activity>,
    periods: Vec<Period>,
    since: Day,
    thresholds: Thresholds,
    prices: Option<&'a Prices>,
}

/// A part of the numbers of a scope that can be computed by itself.
pub struct Task<'s, 'a> {
    sheet: &'s Sheet<'a>,
    part: Part,
}

/// A part of the numbers of a scope.
#[derive(Clone, Copy)]
enum Part {
    /// No numbers, but what those of agents are made of.
    OfAgentsTogether,
    /// The numbers of a period that are not of agents.
    Period(Period),
    /// What is told of single days alone.
    Snapshots,
    /// The numbers of agents of a period.
    Agents(Period),
}

impl<'a> Sheet<'a> {
    /// A sheet a scope: for the window that ends with `until`, and for the periods that hold a day from `since` to `until`
    /// of which a line speaks. A period is computed over all its days, also those before `since`; days after `until`
    /// do not count.
    pub fn all(
        resolved: &'a Resolved<'a>,
        (since, until): (Day, Day),
        thresholds: Thresholds,
        prices: Option<&'a Prices>,
    ) -> Vec<Sheet<'a>> {
        let sheet = |view: View<'a>| {
            let days = view.days();
            let mut periods = vec![Period::holding(Grain::Window, until, until)];
            for grain in [Grain::Month, Grain::Week, Grain::Day] {
                let mut of_grain: Vec<Period> =
                    days.range(since..=until).map(|day| Period::holding(grain, *day, until)).collect();
                of_grain.dedup();
                periods.extend(of_grain);
            }
            Sheet { activity: OnceLock::new(), view, periods, since, thresholds, prices }
        };
        resolved.views(until).into_iter().map(sheet).collect()
    }

    /// What is to be computed, the longest first, and what has to wait for another part last.
    pub fn tasks(&self) -> impl Iterator<Item = Task<'_, 'a>> {
        let periods = || self.periods.iter().copied();
        let parts = [Part::OfAgentsTogether].into_iter().chain(periods().map(Part::Period));
        let parts = parts.chain([Part::Snapshots]).chain(periods().map(Part::Agents));
        parts.map(|part| Task { sheet: self, part })
    }

    fn activity(&self) -> &Activity {
        self.activity.get_or_init(|| Activity::of(&self.view))
    }
}

impl Task<'_, '_> {
    /// Computes the numbers, in order.
    pub fn compute(&self) -> Vec<Metric> {
        let Sheet { view, since, thresholds, .. } = self.sheet;
        let mut metrics = Vec::new();
        match self.part {
            Part::OfAgentsTogether => view.put_agents_together(),
            Part::Period(period) => self.compute_families(period, false, &mut metrics),
            Part::Agents(period) => self.compute_families(period, true, &mut metrics),
            Part::Snapshots => {
                seats::compute_snapshots(view, self.sheet.activity(), *since, &mut metrics, *thresholds);
            }
        }
        metrics.sort_by(|one, other| place_of(one).cmp(&place_of(other)));
        metrics
    }

    fn compute_families(&self, period: Period, of_agents: bool, metrics: &mut Vec<Metric>) {
        let Sheet { view, thresholds, prices, .. } = self.sheet;
        for family in FAMILIES.iter().filter(|family| family.is_of_agents() == of_agents) {
            let mut page = Page::new(view, self.sheet.activity(), period, *thresholds, metrics);
            page.prices = *prices;
            (family.compute)(view, &mut page);
        }
    }
}

impl Family {
    /// Whether it rests on what is told of agents.
    fn is_of_agents(&self) -> bool {
        self.definitions.iter().any(|definition| definition.metric.starts_with("agents."))
    }
}

/// Metric, instance, scope and period.
type Group<'a> = (&'a str, &'a str, &'a str, Grain, Day, Day);

/// Puts the metrics of tasks into the order in which they are written. Those of a task are in order: whole groups of them are
/// moved, as each line is large, and only those that come of several tasks are sorted.
pub fn in_order(of_tasks: Vec<Vec<Metric>>) -> Vec<Metric> {
    let mut groups: Vec<(Group<'_>, usize, usize)> = Vec::new();
    for (task, lines) in of_tasks.iter().enumerate() {
        let of_task = lines.chunk_by(|one, other| group_of(one) == group_of(other));
        groups.extend(of_task.map(|group| (group_of(&group[0]), task, group.len())));
    }
    groups.sort();
    let mut of_several = Vec::new();
    let mut end = 0;
    for together in groups.chunk_by(|(one, ..), (other, ..)| one == other) {
        let start = end;
        end += together.iter().map(|(.., length)| length).sum::<usize>();
        if together.len() > 1 {
            of_several.push(start..end);
        }
    }
    let moves: Vec<(usize, usize)> = groups.into_iter().map(|(_, task, length)| (task, length)).collect();
    let mut unmoved: Vec<_> = of_tasks.into_iter().map(Vec::into_iter).collect();
    let mut metrics = Vec::with_capacity(end);
    // The groups of a task are in order too.
    moves.into_iter().for_each(|(task, length)| metrics.extend(unmoved[task].by_ref().take(length)));
    let in_group = |one: &Metric, other: &Metric| place_in_group(one).cmp(&place_in_group(other));
    of_several.into_iter().for_each(|place| metrics[place].sort_by(in_group));
    metrics
}

fn place_of(metric: &Metric) -> (Group<'_>, (Option<Population>, &Dimensions)) {
    (group_of(metric), place_in_group(metric))
}

fn place_in_group(metric: &Metric) -> (Option<Population>, &Dimensions) {
    (metric.population, &metric.by)
}

/// The lines of a group differ in their populations and dimensions alone.
fn group_of(metric: &Metric) -> Group<'_> {
    let Metric { metric, instance, scope, grain, start, end, .. } = metric;
    (metric, instance, scope, *grain, *start, *end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Number;

    #[test]
    fn lines_of_tasks_come_into_one_order() {
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
            });
        }
        let mut expected = metrics.clone();
        expected.sort_by(|one, other| place_of(one).cmp(&place_of(other)));
        for tasks in [1, 2, 7, 400] {
            let mut of_tasks: Vec<Vec<Metric>> =
                metrics.chunks(400_usize.div_ceil(tasks)).map(<[Metric]>::to_vec).collect();
            let lines = of_tasks.iter_mut();
            lines.for_each(|lines| lines.sort_by(|one, other| place_of(one).cmp(&place_of(other))));
            assert_eq!(in_order(of_tasks), expected, "{tasks} tasks");
        }
        assert!(expected.chunk_by(|one, other| group_of(one) == group_of(other)).count() < 60);
    }

    #[test]
    fn every_rate_says_what_it_tells_of_other_metrics() {
        for definition in definitions() {
            let is_rate = matches!(definition.unit, Unit::Share(_) | Unit::PerPerson(_));
            let counts = definition.unit.counts();
            // GitLab gives the one without its parts; the other tells of cohorts what nothing else does.
            let tells_nothing =
                ["dora.change_failure_rate", "engagement.retention"].contains(&definition.metric);
            assert_eq!(is_rate && !tells_nothing, !counts.is_empty(), "{}", definition.metric);
            for count in counts.iter().copied().flatten() {
                let told = definitions().find(|other| other.metric == count.metric).expect(count.metric);
                assert!(told.is_split_by(count.by) || count.by.is_empty(), "{count:?}");
                assert!(!matches!(told.unit, Unit::Share(_) | Unit::PerPerson(_)), "{count:?}");
            }
        }
    }

    #[test]
    fn every_metric_is_defined_once_and_said_in_full() {
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
