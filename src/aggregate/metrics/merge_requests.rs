//! Merge requests: opened, merged, and how long that took.

use std::collections::BTreeMap;

use super::definition::{Count, EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::statistics::{QUANTILES, nearest_rank};
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::model::record::Number;

pub(super) const FAMILY: Family =
    Family { definitions: &[&OPENED, &MERGED, &TIME_TO_MERGE, &PER_AUTHOR], compute };

const OPENED: Definition = Definition {
    metric: "merge_requests.opened",
    title: "Merge requests opened",
    unit: Unit::MergeRequests,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "project"],
    text: "Merge requests opened in the period, in projects of the group and its subgroups that are not archived.",
};

const MERGED: Definition = Definition {
    metric: "merge_requests.merged",
    title: "Merge requests merged",
    unit: Unit::MergeRequests,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "project"],
    text: "Merge requests merged in the period, whenever they were opened.",
};

const TIME_TO_MERGE: Definition = Definition {
    metric: "merge_requests.time_to_merge_seconds",
    title: "Time to merge",
    unit: Unit::Seconds,
    grains: EVERY_GRAIN,
    by: &["stat", "stat×project"],
    text: "Seconds from opening to merging of the merge requests merged in the period: median (p50) and 95th percentile \
           (p95), by nearest rank.",
};

const PER_AUTHOR: Definition = Definition {
    metric: "merge_requests.per_author",
    title: "Merge requests per author",
    unit: Unit::PerPerson(&[&[Count::of("merge_requests.merged")]]),
    grains: &[Grain::Month, Grain::Window],
    by: &[TOTAL],
    text: "Merge requests merged in the period whose author is a person (not a bot, and known), divided by those authors.",
};

#[derive(Default)]
struct Counts {
    opened: u64,
    opened_by: PeopleSet,
    merged: u64,
    merged_by: PeopleSet,
    of_people: u64,
    seconds: Vec<u64>,
}

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::MergeRequests, FAMILY.definitions) {
        return;
    }
    let mut all = Counts::default();
    let mut by_project: BTreeMap<&str, Counts> = BTreeMap::new();
    let person = |author: Option<PersonId>, day| author.filter(|author| view.is_person(*author, day));
    for state in view.opened_in(page.period) {
        for counts in [&mut all, by_project.entry(view.names.text(state.project)).or_default()] {
            counts.opened += 1;
            counts.opened_by.extend(person(state.author, state.created_at.day()));
        }
    }
    for (merged_at, state) in view.merged_in(page.period) {
        for counts in [&mut all, by_project.entry(view.names.text(state.project)).or_default()] {
            counts.merged += 1;
            let author = person(state.author, merged_at.day());
            counts.of_people += u64::from(author.is_some());
            counts.merged_by.extend(author);
            // A clock that ran backwards tells no duration.
            counts.seconds.extend(u64::try_from(merged_at.seconds_since(state.created_at)));
        }
    }
    all.emit(page, None);
    let authors = all.merged_by.len();
    page.emit(
        &PER_AUTHOR,
        &[],
        Figure::rate(Number::Count(all.of_people), Number::Count(authors), Some(authors)),
    );
    for (project, counts) in &mut by_project {
        counts.emit(page, Some(project));
    }
}

impl Counts {
    fn emit(&mut self, page: &mut Page<'_, '_>, project: Option<&str>) {
        let project: Vec<(&str, &str)> = project.map(|project| ("project", project)).into_iter().collect();
        page.emit(&OPENED, &project, Figure::count(self.opened, Some(self.opened_by.len())));
        page.emit(&MERGED, &project, Figure::count(self.merged, Some(self.merged_by.len())));
        self.seconds.sort_unstable();
        for (stat, percent) in QUANTILES {
            let by: Vec<(&str, &str)> = project.iter().copied().chain([("stat", *stat)]).collect();
            let value = nearest_rank(&self.seconds, *percent);
            let figure = Figure::statistic(value, self.seconds.len(), Some(self.merged_by.len()));
            page.emit(&TIME_TO_MERGE, &by, figure.on_basis(self.seconds.len() as u64, self.merged));
        }
    }
}
