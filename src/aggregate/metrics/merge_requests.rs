//! Merge requests: opened, merged, and how long that took.

use std::collections::BTreeMap;

use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::MetricSink;
use super::statistics::{QUANTILES, nearest_rank};
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::model::number::Number;

pub(super) const FAMILY: Family =
    Family { definitions: &[&OPENED, &MERGED, &TIME_TO_MERGE, &PER_AUTHOR], compute };

const OPENED: Definition = Definition {
    metric: "merge_requests.opened",
    title: "Merge requests opened",
    unit: Unit::MergeRequests,
    grains: ALL_GRAINS,
    by: &[TOTAL, "project"],
    relations: &[Relation::Sums],
    text: "Merge requests opened in the period, in projects of the group and its subgroups that are not archived.",
};

const MERGED: Definition = Definition {
    metric: "merge_requests.merged",
    title: "Merge requests merged",
    unit: Unit::MergeRequests,
    grains: ALL_GRAINS,
    by: &[TOTAL, "project"],
    relations: &[Relation::Sums],
    text: "Merge requests merged in the period, whenever they were opened.",
};

const TIME_TO_MERGE: Definition = Definition {
    metric: "merge_requests.time_to_merge_seconds",
    title: "Time to merge",
    unit: Unit::Seconds,
    grains: ALL_GRAINS,
    by: &["stat", "stat×project"],
    relations: &[Relation::Statistics, Relation::ObservationsOf("merge_requests.merged")],
    text: "Seconds from opening to merging, over the merge requests merged in the period: median \
           (p50) and 95th percentile (p95), by nearest rank.",
};

const PER_AUTHOR: Definition = Definition {
    metric: "merge_requests.per_author",
    title: "Merge requests per author",
    unit: Unit::PerPerson(&[&[CountRef::of("merge_requests.merged")]]),
    grains: &[Grain::Month, Grain::Window],
    by: &[TOTAL],
    relations: &[Relation::Statistics, Relation::AtMost(CountRef::of("merge_requests.merged"))],
    text: "Merge requests merged in the period whose author is known and a person (not a bot), \
           divided by the number of these authors.",
};

#[derive(Default)]
struct MergeRequestCounts {
    opened: u64,
    opened_by: PeopleSet,
    merged: u64,
    merged_by: PeopleSet,
    by_people: u64,
    seconds: Vec<u64>,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::MergeRequests, FAMILY.definitions) {
        return;
    }
    let mut all = MergeRequestCounts::default();
    let mut by_project: BTreeMap<&str, MergeRequestCounts> = BTreeMap::new();
    let person = |author: Option<PersonId>, day| author.filter(|author| view.is_person(*author, day));
    for state in view.opened_in(sink.period) {
        for counts in [&mut all, by_project.entry(view.symbols.text(state.project)).or_default()] {
            counts.opened += 1;
            counts.opened_by.extend(person(state.author, state.created_at.day()));
        }
    }
    for (merged_at, state) in view.merged_in(sink.period) {
        for counts in [&mut all, by_project.entry(view.symbols.text(state.project)).or_default()] {
            counts.merged += 1;
            let author = person(state.author, merged_at.day());
            counts.by_people += u64::from(author.is_some());
            counts.merged_by.extend(author);
            // Negative after a change of the clock: no duration.
            counts.seconds.extend(u64::try_from(merged_at.seconds_since(state.created_at)));
        }
    }
    all.emit(sink, None);
    let authors = all.merged_by.len();
    sink.emit(
        &PER_AUTHOR,
        &[],
        MetricValue::rate(Number::Count(all.by_people), Number::Count(authors), Some(authors)),
    );
    for (project, counts) in &mut by_project {
        counts.emit(sink, Some(project));
    }
}

impl MergeRequestCounts {
    fn emit(&mut self, sink: &mut MetricSink<'_, '_>, project: Option<&str>) {
        let project: Vec<(&str, &str)> = project.map(|project| ("project", project)).into_iter().collect();
        sink.emit(&OPENED, &project, MetricValue::count(self.opened, Some(self.opened_by.len())));
        sink.emit(&MERGED, &project, MetricValue::count(self.merged, Some(self.merged_by.len())));
        self.seconds.sort_unstable();
        for (stat, percent) in QUANTILES {
            let by: Vec<(&str, &str)> = project.iter().copied().chain([("stat", *stat)]).collect();
            let value = nearest_rank(&self.seconds, *percent);
            let value = MetricValue::statistic(value, self.seconds.len(), Some(self.merged_by.len()));
            sink.emit(&TIME_TO_MERGE, &by, value.with_basis(self.seconds.len() as u64, self.merged));
        }
    }
}
