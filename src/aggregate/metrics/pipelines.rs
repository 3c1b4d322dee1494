//! Pipelines: how many, how many succeed, how long they take.

use std::collections::BTreeMap;

use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::relation::Relation;
use super::sink::MetricSink;
use super::statistics::{QUANTILES, nearest_rank};
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::model::number::Number;

pub(super) const FAMILY: Family = Family { definitions: &[&COUNT, &SUCCESS_RATE, &DURATION], compute };

const COUNT: Definition = Definition {
    metric: "pipelines.count",
    title: "Pipelines",
    unit: Unit::Pipelines,
    grains: ALL_GRAINS,
    by: &[TOTAL, "project"],
    relations: &[Relation::Sums],
    text: "Pipelines created in the period, with any status, in projects of the group and its \
           subgroups that are not archived.",
};

const SUCCESS_RATE: Definition = Definition {
    metric: "pipelines.success_rate",
    title: "Pipeline success rate",
    unit: Unit::Share(&[&[CountRef::of("pipelines.count")]]),
    grains: ALL_GRAINS,
    by: &[TOTAL, "project"],
    relations: &[Relation::Statistics],
    text: "Pipelines that succeeded, divided by those that succeeded or failed, over the pipelines \
           created in the period. Cancelled, skipped and unfinished pipelines are left out.",
};

const DURATION: Definition = Definition {
    metric: "pipelines.duration_seconds",
    title: "Pipeline duration",
    unit: Unit::Seconds,
    grains: ALL_GRAINS,
    by: &["stat", "stat×project"],
    relations: &[Relation::Statistics],
    text: "Run time in seconds of the finished pipelines created in the period: median (p50) and \
           95th percentile (p95), by nearest rank; basis is the share of finished pipelines with a \
           known duration.",
};

#[derive(Default)]
struct PipelineCounts {
    all: u64,
    succeeded: u64,
    failed: u64,
    finished: u64,
    seconds: Vec<u64>,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::Pipelines, FAMILY.definitions) {
        return;
    }
    let mut all = PipelineCounts::default();
    let mut by_project: BTreeMap<&str, PipelineCounts> = BTreeMap::new();
    for state in view.pipelines_in(sink.period) {
        for counts in [&mut all, by_project.entry(view.symbols.text(state.project)).or_default()] {
            counts.all += 1;
            match view.symbols.text(state.status) {
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
    all.emit(sink, None);
    for (project, counts) in &mut by_project {
        counts.emit(sink, Some(project));
    }
}

impl PipelineCounts {
    fn emit(&mut self, sink: &mut MetricSink<'_, '_>, project: Option<&str>) {
        let project: Vec<(&str, &str)> = project.map(|project| ("project", project)).into_iter().collect();
        sink.emit(&COUNT, &project, MetricValue::count(self.all, None));
        let ended = Number::Count(self.succeeded + self.failed);
        sink.emit(&SUCCESS_RATE, &project, MetricValue::rate(Number::Count(self.succeeded), ended, None));
        self.seconds.sort_unstable();
        for (stat, percent) in QUANTILES {
            let by: Vec<(&str, &str)> = project.iter().copied().chain([("stat", *stat)]).collect();
            let value =
                MetricValue::statistic(nearest_rank(&self.seconds, *percent), self.seconds.len(), None);
            sink.emit(&DURATION, &by, value.with_basis(self.seconds.len() as u64, self.finished));
        }
    }
}
