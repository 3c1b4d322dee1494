//! Code review by Duo: asked for, done, and what people thought of it.

use super::activity::Events;
use super::definition::{EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&REQUESTS, &COMMENTS, &REACTIONS], compute };

const REQUESTS: Definition = Definition {
    metric: "code_review.requests",
    title: "Reviews asked for",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "kind"],
    text: "Reviews of a merge request that were asked of Duo, by its author (kind author) or by somebody else (kind other), \
           those of bots and service accounts included.",
};

const COMMENTS: Definition = Definition {
    metric: "code_review.comments",
    title: "Review comments",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "kind"],
    text: "Comments that Duo put on a diff (kind posted). Behind them stand the people for whom it did.",
};

const REACTIONS: Definition = Definition {
    metric: "code_review.reactions",
    title: "Reactions to review comments",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "kind"],
    text: "Thumbs up (kind thumbs_up) and thumbs down (kind thumbs_down) on comments of Duo. Most comments get neither.",
};

/// What is counted: the metric, the kind, the event.
const KINDS: [(&Definition, &str, &str); 5] = [
    (&REQUESTS, "author", "request_review_duo_code_review_on_mr_by_author"),
    (&REQUESTS, "other", "request_review_duo_code_review_on_mr_by_non_author"),
    (&COMMENTS, "posted", "post_comment_duo_code_review_on_diff"),
    (&REACTIONS, "thumbs_up", "react_thumbs_up_on_duo_code_review_comment"),
    (&REACTIONS, "thumbs_down", "react_thumbs_down_on_duo_code_review_comment"),
];

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    let mut counts = vec![Events::default(); KINDS.len()];
    for (_, event, events) in page.activity.events_in(page.period) {
        let name = view.names.text(event);
        if let Some(kind) = KINDS.iter().position(|(_, _, event)| *event == name) {
            counts[kind].add(events);
        }
    }
    let figure = |events: &Events| Figure::count(events.count(), Some(events.people.len()));
    for definition in FAMILY.definitions.iter().copied() {
        let mut total = Events::default();
        for ((of, kind, _), events) in KINDS.into_iter().zip(&counts) {
            if of.metric == definition.metric {
                page.emit(definition, &[("kind", kind)], figure(events));
                total.add(events);
            }
        }
        page.emit(definition, &[], figure(&total));
    }
}
