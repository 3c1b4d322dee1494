//! Merge requests of people who use GitLab Duo, compared with those of others. A difference is no
//! proof of a cause: early adopters of a tool differ from others in many respects.

use super::definition::CountRef;
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::MetricSink;
use super::statistics::{median_interval, nearest_rank};
use super::value::MetricValue;
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
    relations: &[
        Relation::PartsOf {
            over: &["with_duo", "stat"],
            only: Some(("stat", "p50")),
            except: None,
            total: CountRef::of("merge_requests.per_author"),
        },
        Relation::Statistics,
    ],
    text: "Median (p50) seconds from opening to merging, over the merge requests merged in the \
           period, for authors with an event of intentional use in the period (with_duo true) and \
           for all others (false), with a 95% bootstrap interval (low, high): that of infinitely \
           many resamples, computed exactly, so that it contains no randomness. n is the number of \
           merge requests; basis is the share of merge requests whose author is a person. A \
           difference does not prove a cause.",
};

const SIZE: Definition = Definition {
    metric: "impact.size_lines",
    title: "Size of merge requests, with and without Duo",
    unit: Unit::Lines,
    grains: GRAINS,
    by: &["with_duo×stat"],
    relations: &[Relation::Statistics, Relation::SameLinesAs("impact.time_to_merge_seconds")],
    text: "The same statistics for the lines added and deleted, over the merge requests for which \
           GitLab reports them.",
};

#[derive(Default)]
struct AuthorGroup {
    merged: u64,
    authors: PeopleSet,
    seconds: Vec<u64>,
    lines: Vec<u64>,
    authors_with_lines: PeopleSet,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    let sources = [Source::MergeRequests, Source::Usage];
    if !GRAINS.contains(&sink.period.grain) || !sources.iter().all(|source| sink.require(*source, &[])) {
        return;
    }
    sink.cover_all(&sources);
    // The authors of the merge requests of a subgroup need not be its members.
    let active = if view.is_of_members() {
        view.active_anywhere(sink.period)
    } else {
        sink.activity.active_in(sink.period)
    };
    let mut merged = 0;
    let mut groups = [AuthorGroup::default(), AuthorGroup::default()];
    for (merged_at, state) in view.merged_in(sink.period) {
        merged += 1;
        let is_person = |author: &PersonId| view.is_person(*author, merged_at.day());
        let Some(author) = state.author.filter(is_person) else { continue };
        let group = &mut groups[usize::from(active.contains(author))];
        group.merged += 1;
        group.authors.add(author);
        // Negative after a change of the clock: no duration.
        group.seconds.extend(u64::try_from(merged_at.seconds_since(state.created_at)));
        if let Some(lines) = state.lines {
            group.lines.push(lines);
            group.authors_with_lines.add(author);
        }
    }
    let of_people = groups.iter().map(|group| group.merged).sum::<u64>();
    let share = if merged == 0 { 1.0 } else { of_people as f64 / merged as f64 };
    for (with_duo, group) in ["false", "true"].into_iter().zip(groups) {
        for (definition, mut values, authors) in
            [(&TIME_TO_MERGE, group.seconds, &group.authors), (&SIZE, group.lines, &group.authors_with_lines)]
        {
            values.sort_unstable();
            let (low, high) = median_interval(&values).unzip();
            for (stat, value) in [("p50", nearest_rank(&values, 50)), ("low", low), ("high", high)] {
                let value = MetricValue::statistic(value, values.len(), Some(authors.len()))
                    .with_basis(values.len() as u64, group.merged)
                    .scale_basis(share);
                sink.emit(definition, &[("with_duo", with_duo), ("stat", stat)], value);
            }
        }
    }
}
