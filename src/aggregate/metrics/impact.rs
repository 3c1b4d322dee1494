//! Merge requests of people active with Duo beside those of others. Nothing here says that one is the cause of the
//! other: those who take up a tool early differ from those who do not in much else.

use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::statistics::{median_interval, nearest_rank};
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;

pub(super) const FAMILY: Family = Family { definitions: &[&TIME_TO_MERGE, &SIZE], compute };

const GRAINS: &[Grain] = &[Grain::Month, Grain::Window];

const TIME_TO_MERGE: Definition = Definition {
    metric: "impact.time_to_merge_seconds",
    title: "Time to merge, with and without Duo",
    unit: Unit::Seconds,
    grains: GRAINS,
    by: &["with_duo×stat"],
    text: "Median (p50) of the seconds from opening to merging of the merge requests merged in the period, of authors with a \
           deliberate Duo event in the period (with_duo true) and of all others (false), with a bootstrap interval \
           of 95 % (low, high): that of infinitely many resamples, which can be computed, so that no chance is in it. n \
           are the merge requests; the basis says which share of all has a person for an author. A difference is no proof \
           of a cause.",
};

const SIZE: Definition = Definition {
    metric: "impact.size_lines",
    title: "Size of merge requests, with and without Duo",
    unit: Unit::Lines,
    grains: GRAINS,
    by: &["with_duo×stat"],
    text: "The same of the lines added and deleted, over the merge requests of which GitLab tells them.",
};

#[derive(Default)]
struct Group {
    merged: u64,
    authors: PeopleSet,
    seconds: Vec<u64>,
    lines: Vec<u64>,
    lines_authors: PeopleSet,
}

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    let sources = [Source::MergeRequests, Source::Usage];
    if !GRAINS.contains(&page.period.grain) || !sources.iter().all(|source| page.rest_on(*source, &[])) {
        return;
    }
    page.rest_on_all(&sources);
    let active = page.activity.active_in(page.period);
    let mut merged = 0;
    let mut groups = [Group::default(), Group::default()];
    for (merged_at, state) in view.merged_in(page.period) {
        merged += 1;
        let is_person = |author: &PersonId| view.is_person(*author, merged_at.day());
        let Some(author) = state.author.filter(is_person) else { continue };
        let group = &mut groups[usize::from(active.contains(author))];
        group.merged += 1;
        group.authors.add(author);
        // A clock that ran backwards tells no duration.
        group.seconds.extend(u64::try_from(merged_at.seconds_since(state.created_at)));
        if let Some(lines) = state.lines {
            group.lines.push(lines);
            group.lines_authors.add(author);
        }
    }
    let of_people = groups.iter().map(|group| group.merged).sum::<u64>();
    let share = if merged == 0 { 1.0 } else { of_people as f64 / merged as f64 };
    for (with_duo, group) in ["false", "true"].into_iter().zip(groups) {
        for (definition, mut values, authors) in
            [(&TIME_TO_MERGE, group.seconds, &group.authors), (&SIZE, group.lines, &group.lines_authors)]
        {
            values.sort_unstable();
            let (low, high) = median_interval(&values).unzip();
            for (stat, value) in [("p50", nearest_rank(&values, 50)), ("low", low), ("high", high)] {
                let figure = Figure::statistic(value, values.len(), Some(authors.len()))
                    .on_basis(values.len() as u64, group.merged)
                    .out_of(share);
                page.emit(definition, &[("with_duo", with_duo), ("stat", stat)], figure);
            }
        }
    }
}
