//! Splits a request for usage events when all events of a day exceed the server's time limit.
//!
//! It first requests smaller pages, which return the same events; then fewer kinds of event;
//! then the events of fewer people. A cursor is a time and an id, whatever the filter, so each
//! split continues at the page that failed, and no event is returned twice.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Answer, ConnectionPage, Fault, FetchTarget, GraphQl, Sink, walk_from};
use crate::model::line;

/// The queries for a connection of usage events.
pub(super) struct EventQueries {
    /// The document they are in.
    pub(super) document: &'static str,
    /// For all events, for some kinds of event, and for some kinds of event of some people.
    pub(super) operations: [&'static str; 3],
    /// The path of the connection in an answer.
    pub(super) path: &'static [&'static str],
}

/// Events per page: GitLab's maximum, and the sizes used if that is too much.
const PAGE_SIZES: [u32; 3] = [100, 25, 5];

/// The most people in one request.
const MAX_PEOPLE: usize = 100;

/// Some of the events of a target, from a cursor on.
#[derive(Clone)]
struct SplitRequest<'k> {
    /// Kinds of event. Empty means all, including those that this GitLab cannot name and returns as
    /// null.
    kinds: Vec<&'k str>,
    /// Global ids of people. Empty means everyone.
    people: Vec<String>,
    /// The index into [`PAGE_SIZES`].
    size: usize,
    /// The cursor; null at the start.
    after: Value,
    /// Whether pages of this size succeeded before one failed.
    has_begun: bool,
}

/// Fetches the splits of a target.
struct SplitFetcher<'a> {
    gitlab: &'a dyn GraphQl,
    queries: &'a EventQueries,
    target: &'a FetchTarget<'a>,
    sink: &'a mut dyn Sink,
    /// Every kind of event that can be filtered by.
    kinds: Vec<&'a str>,
    /// The error of the first request that was too heavy. People are collected only from then on.
    too_heavy: Option<String>,
    /// The people seen since then.
    people: BTreeSet<String>,
}

impl EventQueries {
    /// Fetches all usage events of a target. If a single kind of event is too much, it requests
    /// that kind by the people seen. Whether they are all people is unknown, so the result is then
    /// incomplete, and the function returns [`Fault::TooHeavy`].
    pub(super) fn walk(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let kinds = gitlab.values("AiUsageEventType").into_iter().flatten().map(String::as_str).collect();
        let mut walk = SplitFetcher {
            gitlab,
            queries: self,
            target,
            sink,
            kinds,
            too_heavy: None,
            people: BTreeSet::new(),
        };
        let all_events = SplitRequest {
            kinds: Vec::new(),
            people: Vec::new(),
            size: 0,
            after: Value::Null,
            has_begun: false,
        };
        let unsplittable = walk.fetch_all(vec![all_events])?;
        let Some(mut too_heavy) = walk.too_heavy.take().filter(|_| !unsplittable.is_empty()) else {
            return Ok(());
        };
        let people: Vec<String> = std::mem::take(&mut walk.people).into_iter().collect();
        let by_people = unsplittable.iter().flat_map(|split| {
            people.chunks(MAX_PEOPLE).map(|people| split.narrowed(|narrow| narrow.people = people.to_vec()))
        });
        let by_people: Vec<SplitRequest<'_>> = by_people.collect();
        let count = by_people.len();
        if walk.fetch_all(by_people)?.len() < count {
            too_heavy.push_str(
                "; the remaining events were requested for the people seen so far, who may not be all of them",
            );
        }
        Err(Fault::TooHeavy(too_heavy))
    }
}

impl<'a> SplitFetcher<'a> {
    /// Fetches these splits, and smaller ones where they are too heavy. Returns those that cannot
    /// be split further.
    fn fetch_all(&mut self, mut splits: Vec<SplitRequest<'a>>) -> Result<Vec<SplitRequest<'a>>, Fault> {
        let mut unsplittable = Vec::new();
        while let Some(mut split) = splits.pop() {
            match self.fetch(&mut split) {
                Ok(()) => {}
                Err(Fault::TooHeavy(text)) => {
                    self.too_heavy.get_or_insert(text);
                    match split.smaller(&self.kinds) {
                        smaller if smaller.is_empty() => unsplittable.push(split),
                        smaller => splits.extend(smaller),
                    }
                }
                // The filter is not available in this release, and the unfiltered request was too
                // heavy.
                Err(Fault::Unsupported(_)) if !(split.kinds.is_empty() && split.people.is_empty()) => {
                    unsplittable.push(split);
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(unsplittable)
    }

    /// Fetches the pages of a split. On failure, the split starts at the page that failed.
    fn fetch(&mut self, split: &mut SplitRequest<'_>) -> Result<(), Fault> {
        let operation = if !split.people.is_empty() {
            2
        } else if !split.kinds.is_empty() {
            1
        } else {
            0
        };
        let mut variables = json!({
            "scope": self.target.scope,
            "start": self.target.since,
            // GitLab takes `end` as the midnight at the start of that day.
            "end": self.target.until.plus(1),
            "first": PAGE_SIZES[split.size],
            "after": split.after.clone(),
        });
        if !split.kinds.is_empty() {
            variables["events"] = json!(split.kinds);
        }
        if !split.people.is_empty() {
            variables["people"] = json!(split.people);
        }
        let (sink, people) = (&mut *self.sink, &mut self.people);
        let notes_people = self.too_heavy.is_some() && split.people.is_empty();
        let EventQueries { document, operations, path } = self.queries;
        let mut take = |page: &ConnectionPage<'_>, answer: &Answer| {
            if notes_people {
                people.extend(page.nodes.iter().filter_map(|node| user_id(node)));
            }
            sink.page(&page.nodes, answer)
        };
        let result = walk_from(self.gitlab, document, operations[operation], &mut variables, path, &mut take);
        split.has_begun = variables["after"] != split.after;
        split.after = variables["after"].take();
        result
    }
}

impl<'k> SplitRequest<'k> {
    /// Smaller splits with the same events; empty if there are none.
    fn smaller(&self, all_kinds: &[&'k str]) -> Vec<SplitRequest<'k>> {
        let has_smaller_pages = self.size + 1 < PAGE_SIZES.len();
        let is_everything = self.kinds.is_empty() && self.people.is_empty();
        let kinds = if is_everything { all_kinds } else { &self.kinds };
        if self.people.len() > 1 {
            let (one, other) = self.people.split_at(self.people.len() / 2);
            [one, other].map(|half| self.narrowed(|narrow| narrow.people = half.to_vec())).into()
        } else if self.people.is_empty() && kinds.len() > 1 && !(is_everything && has_smaller_pages) {
            let (one, other) = kinds.split_at(kinds.len() / 2);
            [one, other].map(|half| self.narrowed(|narrow| narrow.kinds = half.to_vec())).into()
        } else if has_smaller_pages {
            vec![SplitRequest { size: self.size + 1, ..self.clone() }]
        } else {
            Vec::new()
        }
    }

    /// A split within this one. If small pages did not help, it starts with large ones again.
    fn narrowed(&self, narrow: impl FnOnce(&mut SplitRequest<'k>)) -> SplitRequest<'k> {
        let mut split = self.clone();
        split.size = if self.has_begun { self.size } else { 0 };
        narrow(&mut split);
        split
    }
}

/// The user id of a node; `None` if it has none.
fn user_id(node: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Node<'a> {
        #[serde(borrow)]
        user: Id<'a>,
    }
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    line::parse::<Node<'_>>(node.get()).ok().map(|node| node.user.id.into_owned())
}
