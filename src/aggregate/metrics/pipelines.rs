//! Pipelines: how many, how many succeed, how long they take.

use std::collections::BTreeMap;

use super::definition::{Count, EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::statistics::{QUANTILES, nearest_rank};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::model::record::Number;

pub(super) const FAMILY: Family = Family { definitions: &[&COUNT, &SUCCESS_RATE, &DURATION], compute };

const COUNT: Definition = Definition {
    metric: "pipelines.count",
    title: "Pipelines",
    unit: Unit::Pipelines,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "project"],
    text: "Pipelines created in the period, of every status, in projects of the group and its subgroups that are not archived.",
};

const SUCCESS_RATE: Definition = Definition {
    metric: "pipelines.success_rate",
    title: "Pipeline success rate",
    unit: Unit::Share(&[&[Count::of("pipelines.count")]]),
    grains: EVERY_GRAIN,
    by: &[TOTAL, "project"],
    text: "Of the pipelines created in the period that succeeded or failed, the share that succeeded. Cancelled, skipped \
           and unfinished ones are left out.",
};

const DURATION: Definition = Definition {
    metric: "pipelines.duration_seconds",
    title: "Pipeline duration",
    unit: Unit::Seconds,
    grains: EVERY_GRAIN,
    by: &["stat", "stat×project"],
    text: "Seconds that the finished pipelines created in the period ran: median (p50) and 95th percentile (p95), by \
           nearest rank; the basis says which share of the finished ones tells its duration.",
};

#[derive(Default)]
struct Counts {
    all: u64,
    succeeded: u64,
    failed: u64,
    finished: u64,
    seconds: Vec<u64>,
}

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::Pipelines, FAMILY.definitions) {
        return;
    }
    let mut all = Counts::default();
    let mut by_project: BTreeMap<&str, Counts> = BTreeMap::new();
    for state in view.pipelines_in(page.period) {
        for counts in [&mut all, by_project.entry(view.names.text(state.project)).or_default()] {
            counts.all += 1;
            match view.names.text(state.status) {
                "success" => counts.succeeded += 1,
                "failed" => counts.failed += 1,
                _ => {}
            }
            if state.finished {
                counts.finished += 1;
                counts.seconds.extend(state.duration);
            }
        }
    }
    all.emit(page, None);
    for (project, counts) in &mut by_project {
        counts.emit(page, Some(project));
    }
}

impl Counts {
    fn emit(&mut self, page: &mut Page<'_, '_>, project: Option<&str>) {
        let project: Vec<(&str, &str)> = project.map(|project| ("project", project)).into_iter().collect();
        page.emit(&COUNT, &project, Figure::count(self.all, None));
        let ended = Number::Count(self.succeeded + self.failed);
        page.emit(&SUCCESS_RATE, &project, Figure::rate(Number::Count(self.succeeded), ended, None));
        self.seconds.sort_unstable();
        for (stat, percent) in QUANTILES {
            let by: Vec<(&str, &str)> = project.iter().copied().chain([("stat", *stat)]).collect();
            let figure = Figure::statistic(nearest_rank(&self.seconds, *percent), self.seconds.len(), None);
            page.emit(&DURATION, &by, figure.on_basis(self.seconds.len() as u64, self.finished));
        }
    }
}
