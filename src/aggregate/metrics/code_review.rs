//! Code review by GitLab Duo: requests, comments and reactions.

use super::activity::Events;
use super::definition::{ALL_GRAINS, TOTAL};
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&REQUESTS, &COMMENTS, &REACTIONS], compute };

const REQUESTS: Definition = Definition {
    metric: "code_review.requests",
    title: "Reviews requested",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: &[TOTAL, "kind"],
    relations: &[
        Relation::Sums,
        Relation::same_as_event(
            &[("kind", "author")],
            &[("event", "request_review_duo_code_review_on_mr_by_author")],
        ),
        Relation::same_as_event(
            &[("kind", "other")],
            &[("event", "request_review_duo_code_review_on_mr_by_non_author")],
        ),
    ],
    text: "Reviews of a merge request requested from GitLab Duo, by its author (kind author) or by \
           someone else (kind other), including requests of bots and service accounts.",
};

const COMMENTS: Definition = Definition {
    metric: "code_review.comments",
    title: "Review comments",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: &[TOTAL, "kind"],
    relations: &[
        Relation::Sums,
        Relation::same_as_event(&[("kind", "posted")], &[("event", "post_comment_duo_code_review_on_diff")]),
    ],
    text: "Comments that GitLab Duo posted on a diff (kind posted). The people behind the value are \
           those for whom it posted them.",
};

const REACTIONS: Definition = Definition {
    metric: "code_review.reactions",
    title: "Reactions to review comments",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: &[TOTAL, "kind"],
    relations: &[
        Relation::Sums,
        Relation::same_as_event(
            &[("kind", "thumbs_down")],
            &[("event", "react_thumbs_down_on_duo_code_review_comment")],
        ),
        Relation::same_as_event(
            &[("kind", "thumbs_up")],
            &[("event", "react_thumbs_up_on_duo_code_review_comment")],
        ),
    ],
    text: "Thumbs up (kind thumbs_up) and thumbs down (kind thumbs_down) on comments of GitLab Duo. \
           Most comments get neither.",
};

/// What is counted: the metric, its kind and the event name.
const KINDS: [(&Definition, &str, &str); 5] = [
    (&REQUESTS, "author", "request_review_duo_code_review_on_mr_by_author"),
    (&REQUESTS, "other", "request_review_duo_code_review_on_mr_by_non_author"),
    (&COMMENTS, "posted", "post_comment_duo_code_review_on_diff"),
    (&REACTIONS, "thumbs_up", "react_thumbs_up_on_duo_code_review_comment"),
    (&REACTIONS, "thumbs_down", "react_thumbs_down_on_duo_code_review_comment"),
];

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut counts = vec![Events::default(); KINDS.len()];
    for (_, event, events) in sink.activity.events_in(sink.period) {
        let name = view.symbols.text(event);
        if let Some(kind) = KINDS.iter().position(|(_, _, event)| *event == name) {
            counts[kind].add(events);
        }
    }
    let value = |events: &Events| MetricValue::count(events.count(), Some(events.people.len()));
    for definition in FAMILY.definitions.iter().copied() {
        let mut total = Events::default();
        for ((counted, kind, _), events) in KINDS.into_iter().zip(&counts) {
            if counted.metric == definition.metric {
                sink.emit(definition, &[("kind", kind)], value(events));
                total.add(events);
            }
        }
        sink.emit(definition, &[], value(&total));
    }
}
