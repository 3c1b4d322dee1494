//! Usage events in portions, where all of a day are more than the server can answer at once.
//!
//! Smaller pages come first, since they bring the same events; then fewer kinds of event; then fewer people. A cursor
//! is a moment and an id, whatever the filter, so that each portion goes on from the page that could not be answered
//! and no event comes twice.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Answer, Connection, Fault, GraphQl, Sink, Unit, walk_from};
use crate::model::line;

/// The queries of a connection of usage events.
pub(super) struct EventQueries {
    /// The document they are in.
    pub(super) document: &'static str,
    /// For all events, for kinds of event, and for kinds of event of some people.
    pub(super) operations: [&'static str; 3],
    /// Where the connection is in an answer.
    pub(super) path: &'static [&'static str],
}

/// Events in a page: GitLab's most, and what is asked for when that is too much.
const PAGE_SIZES: [u32; 3] = [100, 25, 5];

/// People who are asked for at once.
const MOST_PEOPLE: usize = 100;

/// Some of the events of a unit, from a cursor on.
#[derive(Clone)]
struct Portion<'k> {
    /// Kinds of event; none stands for all, also for those that this GitLab cannot name, which come as nulls.
    kinds: Vec<&'k str>,
    /// People by their global id; none stands for everybody.
    people: Vec<String>,
    /// The place in [`PAGE_SIZES`].
    size: usize,
    /// The cursor; null at the beginning.
    after: Value,
    /// Whether pages of this size came before one that did not.
    has_begun: bool,
}

/// A walk through the portions of a unit.
struct Walk<'a> {
    gitlab: &'a dyn GraphQl,
    queries: &'a EventQueries,
    unit: &'a Unit<'a>,
    sink: &'a mut dyn Sink,
    /// Every kind of event that can be asked for.
    kinds: Vec<&'a str>,
    /// What GitLab said of the first portion that was too much. Before, nobody need know who there is.
    heavy: Option<String>,
    /// Who was seen since.
    people: BTreeSet<String>,
}

impl EventQueries {
    /// Reads all usage events of a unit. Where a single kind of event is too much, the people who are known are asked
    /// for. Whether they are all cannot be known, so that the unit is not whole then.
    pub(super) fn walk(
        &self,
        gitlab: &dyn GraphQl,
        unit: &Unit<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let kinds = gitlab.values("AiUsageEventType").into_iter().flatten().map(String::as_str).collect();
        let mut walk =
            Walk { gitlab, queries: self, unit, sink, kinds, heavy: None, people: BTreeSet::new() };
        let everything =
            Portion { kinds: Vec::new(), people: Vec::new(), size: 0, after: Value::Null, has_begun: false };
        let stuck = walk.ask_for(vec![everything])?;
        let Some(mut heavy) = walk.heavy.take().filter(|_| !stuck.is_empty()) else { return Ok(()) };
        let people: Vec<String> = std::mem::take(&mut walk.people).into_iter().collect();
        let by_people = stuck.iter().flat_map(|portion| {
            people
                .chunks(MOST_PEOPLE)
                .map(|people| portion.narrowed(|narrow| narrow.people = people.to_vec()))
        });
        let by_people: Vec<Portion<'_>> = by_people.collect();
        let asked = by_people.len();
        if walk.ask_for(by_people)?.len() < asked {
            heavy.push_str("; what was too much was asked for by the people seen, who may not be all");
        }
        Err(Fault::TooHeavy(heavy))
    }
}

impl<'a> Walk<'a> {
    /// Asks for these portions, in smaller ones where they are too much. What is left cannot be asked for.
    fn ask_for(&mut self, mut portions: Vec<Portion<'a>>) -> Result<Vec<Portion<'a>>, Fault> {
        let mut stuck = Vec::new();
        while let Some(mut portion) = portions.pop() {
            match self.ask(&mut portion) {
                Ok(()) => {}
                Err(Fault::TooHeavy(text)) => {
                    self.heavy.get_or_insert(text);
                    match portion.smaller(&self.kinds) {
                        smaller if smaller.is_empty() => stuck.push(portion),
                        smaller => portions.extend(smaller),
                    }
                }
                // A release that does not know a filter was asked for too much before.
                Err(Fault::Unsupported(_)) if !(portion.kinds.is_empty() && portion.people.is_empty()) => {
                    stuck.push(portion);
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(stuck)
    }

    /// Asks for the pages of a portion. When it fails, the portion begins at the page that did not come.
    fn ask(&mut self, portion: &mut Portion<'_>) -> Result<(), Fault> {
        let operation = match (portion.kinds.is_empty(), portion.people.is_empty()) {
            (true, true) => 0,
            (false, true) => 1,
            (_, false) => 2,
        };
        let mut variables = json!({
            "scope": self.unit.scope,
            "start": self.unit.since,
            // The end is the midnight its day starts with.
            "end": self.unit.until.plus(1),
            "first": PAGE_SIZES[portion.size],
            "after": portion.after.clone(),
        });
        if !portion.kinds.is_empty() {
            variables["events"] = json!(portion.kinds);
        }
        if !portion.people.is_empty() {
            variables["people"] = json!(portion.people);
        }
        let (sink, people) = (&mut *self.sink, &mut self.people);
        let notes_people = self.heavy.is_some() && portion.people.is_empty();
        let EventQueries { document, operations, path } = self.queries;
        let mut take = |page: &Connection<'_>, answer: &Answer| {
            if notes_people {
                people.extend(page.nodes.iter().filter_map(|node| person(node)));
            }
            sink.page(&page.nodes, answer)
        };
        let result = walk_from(self.gitlab, document, operations[operation], &mut variables, path, &mut take);
        portion.has_begun = variables["after"] != portion.after;
        portion.after = variables["after"].take();
        result
    }
}

impl<'k> Portion<'k> {
    /// Smaller portions with the same events; none where there are no smaller ones.
    fn smaller(&self, all_kinds: &[&'k str]) -> Vec<Portion<'k>> {
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
            vec![Portion { size: self.size + 1, ..self.clone() }]
        } else {
            Vec::new()
        }
    }

    /// A portion within this one. Where small pages did not help, it starts with large ones again.
    fn narrowed(&self, narrow: impl FnOnce(&mut Portion<'k>)) -> Portion<'k> {
        let mut portion = self.clone();
        portion.size = if self.has_begun { self.size } else { 0 };
        narrow(&mut portion);
        portion
    }
}

/// Whose event a node is; `None` when it does not tell.
fn person(node: &RawValue) -> Option<String> {
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
