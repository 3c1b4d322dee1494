//! The collectors: one file pair each, the query and what to make of its answer. To add one, add two files
//! and one line to [`COLLECTORS`].

mod answer;
pub mod code_suggestion_events;
pub mod dora;
pub mod merge_requests;
pub mod own;
pub mod pipelines;
pub mod seats;
pub mod usage_events;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;
use serde_json::{Value, json};

pub use answer::Connection;

use crate::calendar::{Day, Timestamp};
use crate::line::Record;
use crate::record::Origin;

/// Every collector, in the order they run.
pub const COLLECTORS: &[&dyn Collector] = &[
    &usage_events::UsageEvents,
    &code_suggestion_events::CodeSuggestionEvents,
    &seats::Seats,
    &merge_requests::MergeRequests,
    &pipelines::Pipelines,
    &dora::DoraFigures,
];

/// Something that can be collected from GitLab.
pub trait Collector: Sync {
    /// What it is.
    fn about(&self) -> &About;

    /// The parts that can be walked by themselves, by name; most collectors have one without a name. Answers that
    /// it takes to find out are shown to `dated`.
    fn parts(
        &self,
        _gitlab: &dyn GraphQl,
        _unit: &Unit<'_>,
        _dated: &mut dyn FnMut(&Answer),
    ) -> Result<Vec<String>, Fault> {
        Ok(vec![String::new()])
    }

    /// Walks through GitLab's answers of one part and hands every page of nodes to `sink`.
    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        unit: &Unit<'_>,
        part: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault>;

    /// Makes a record of one node. The error says what is wrong with it, without repeating its content.
    fn read<'a>(&self, node: &'a str, origin: Origin<'a>) -> Result<Record<'a>, String>;
}

/// What a collector is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name: of the file pair, of the lines, of the command-line value.
    pub name: &'static str,
    /// The dashboard it serves.
    pub topic: Topic,
    /// The queries, as written for the newest GitLab.
    pub document: &'static str,
    /// How much one walk through GitLab brings.
    pub span: Span,
    /// For how many days GitLab surely keeps what is collected; `None` where it forgets nothing.
    pub keeps_days: Option<i64>,
}

impl dyn Collector {
    /// The name.
    pub fn name(&self) -> &'static str {
        self.about().name
    }

    /// How much one walk brings.
    pub fn span(&self) -> Span {
        self.about().span
    }
}

/// What a dashboard is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// GitLab Duo: who uses it, and how.
    Duo,
    /// Merge requests and pipelines.
    Project,
}

/// How much one walk of a collector brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The events of one day.
    Day,
    /// All days asked for at once, because GitLab cannot be asked for one; each node says of which day it is.
    Range,
    /// The state of now: it is of the day it was fetched.
    Snapshot,
}

/// What one walk is to bring: a scope and its days, both included.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// The group path.
    pub scope: &'a str,
    /// The first day.
    pub since: Day,
    /// The last day.
    pub until: Day,
}

/// GitLab's GraphQL API, as far as a collector needs it.
pub trait GraphQl {
    /// Runs one operation of a document, less what this GitLab does not know.
    fn query(
        &self,
        document: &'static str,
        operation: &'static str,
        variables: &Value,
    ) -> Result<Answer, Fault>;

    /// The values of an enumeration, where they are known.
    fn values(&self, name: &str) -> Option<&BTreeSet<String>>;
}

/// An answer of GitLab that can be used.
#[derive(Debug)]
pub struct Answer {
    /// The JSON text of `data`.
    pub data: Box<RawValue>,
    /// When the server says it answered.
    pub at: Timestamp,
    /// Why single nodes are null: GitLab cannot tell, for example, events that only a newer release can name.
    pub flaw: Option<String>,
}

/// Where a collector puts what it gets.
pub trait Sink {
    /// Takes the nodes of one page of this answer.
    fn page(&mut self, nodes: &[&RawValue], answer: &Answer) -> Result<(), Fault>;
}

/// Why a walk ended early. Texts are half a line for a person: what, and the next step.
#[derive(Debug)]
pub enum Fault {
    /// The role, tier or add-on does not allow it.
    Denied(String),
    /// This GitLab does not know what was asked for.
    Unsupported(String),
    /// Rate limit, network or server, after all retries.
    Temporary(String),
    /// The token is not or no longer good.
    Token(String),
    /// The URL or the group is wrong.
    Configuration(String),
    /// The query is more than the server can answer in its time.
    TooHeavy(String),
    /// The rate limit stays reached, after all retries.
    Exhausted(String),
    /// GitLab answered with something that cannot be used.
    Answer(String),
    /// What was got could not be put away.
    Sink(crate::error::Error),
}

impl Fault {
    /// The text for a person.
    pub fn text(&self) -> &str {
        match self {
            Fault::Denied(text)
            | Fault::Unsupported(text)
            | Fault::Temporary(text)
            | Fault::Token(text)
            | Fault::Configuration(text)
            | Fault::TooHeavy(text)
            | Fault::Exhausted(text)
            | Fault::Answer(text) => text,
            Fault::Sink(_) => "the lines could not be written",
        }
    }

    /// Whether the same call may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Fault::Temporary(_) | Fault::TooHeavy(_) | Fault::Exhausted(_))
    }

    /// The same fault, when nothing further can be collected after it.
    pub fn stopping(&self) -> Option<Fault> {
        match self {
            Fault::Token(text) => Some(Fault::Token(text.clone())),
            Fault::Configuration(text) => Some(Fault::Configuration(text.clone())),
            Fault::Exhausted(text) => Some(Fault::Exhausted(text.clone())),
            _ => None,
        }
    }

    /// The same fault, for what is not even asked for any more.
    pub fn again(&self) -> Fault {
        Fault::Answer(format!("not asked for: {}", self.text()))
    }
}

/// The collector of this name.
pub fn by_name(name: &str) -> Option<&'static dyn Collector> {
    COLLECTORS.iter().copied().find(|collector| collector.name() == name)
}

/// Pages without any node, one after the other, after which it is not believed that there will be one.
const MOST_EMPTY_PAGES: usize = 100;

/// Takes a page of a connection.
type TakePage<'a> = dyn FnMut(&Connection<'_>, &Answer) -> Result<(), Fault> + 'a;

/// Reads all pages of the connection at `path` (keys below `data`), each into `sink`.
fn walk(
    gitlab: &dyn GraphQl,
    document: &'static str,
    operation: &'static str,
    mut variables: Value,
    path: &[&str],
    sink: &mut TakePage<'_>,
) -> Result<(), Fault> {
    walk_from(gitlab, document, operation, &mut variables, path, sink)
}

/// Reads all usage events below this field of a group's usage data. What is more than the server can answer at once is asked for in two halves of the kinds
/// of event, from the page on that it could not answer: a cursor is a moment and an id, whatever the filter. Events
/// that this GitLab cannot name are of no kind it can be asked for; without the split they would come as nulls.
fn walk_events(
    gitlab: &dyn GraphQl,
    document: &'static str,
    [operation, narrowed]: [&'static str; 2],
    field: &str,
    unit: &Unit<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Fault> {
    // The end is the midnight its day starts with.
    let mut variables = json!({"scope": unit.scope, "start": unit.since, "end": unit.until.plus(1)});
    let path = ["group", "aiUsageData", field];
    let mut sink = |page: &Connection<'_>, answer: &Answer| sink.page(&page.nodes, answer);
    let heavy = match walk_from(gitlab, document, operation, &mut variables, &path, &mut sink) {
        Err(Fault::TooHeavy(text)) => text,
        result => return result,
    };
    let Some(kinds) = gitlab.values("AiUsageEventType").filter(|kinds| kinds.len() > 1) else {
        return Err(Fault::TooHeavy(heavy));
    };
    let kinds: Vec<&String> = kinds.iter().collect();
    let mut rest = vec![(kinds, variables["after"].take())];
    let mut fault = None;
    while let Some((kinds, after)) = rest.pop() {
        variables["events"] = kinds.iter().map(|kind| Value::from(kind.as_str())).collect();
        variables["after"] = after;
        match walk_from(gitlab, document, narrowed, &mut variables, &path, &mut sink) {
            Ok(()) => {}
            Err(Fault::TooHeavy(_)) if kinds.len() > 1 => {
                let (one, other) = kinds.split_at(kinds.len() / 2);
                let after = variables["after"].take();
                rest.extend([(one.to_vec(), after.clone()), (other.to_vec(), after)]);
            }
            // One kind alone is too much; the others can still be had.
            Err(heavy @ Fault::TooHeavy(_)) => fault = Some(heavy),
            // A release that cannot be asked for kinds of event was just asked for too much.
            Err(Fault::Unsupported(_)) => return Err(Fault::TooHeavy(heavy)),
            Err(fault) => return Err(fault),
        }
    }
    fault.map_or(Ok(()), Err)
}

/// Reads pages from the cursor in `variables` on, and leaves the cursor of the last page asked for there.
fn walk_from(
    gitlab: &dyn GraphQl,
    document: &'static str,
    operation: &'static str,
    variables: &mut Value,
    path: &[&str],
    sink: &mut TakePage<'_>,
) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    let mut empty_pages = 0;
    loop {
        let answer = gitlab.query(document, operation, variables)?;
        let connection = Connection::at(answer.data.get(), path)?;
        sink(&connection, &answer)?;
        empty_pages = if connection.nodes.is_empty() { empty_pages + 1 } else { 0 };
        let Some(cursor) = connection.next else { return Ok(()) };
        if empty_pages > MOST_EMPTY_PAGES {
            return Err(Fault::Answer(format!("GitLab's pages of {} do not end", path.join("."))));
        }
        let mut hasher = DefaultHasher::new();
        cursor.hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            return Err(Fault::Answer(format!("GitLab repeats the cursor of {}", path.join("."))));
        }
        variables["after"] = cursor.into();
    }
}

/// The start of the day as GitLab's `Time`, a second early: whether a bound is included differs from field to
/// field, and nodes of another day are left to that day anyway.
fn just_before(day: Day) -> String {
    day.midnight().plus_seconds(-1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queries_are_well_formed() {
        for collector in COLLECTORS {
            let document = graphql_parser::parse_query::<String>(collector.about().document);
            assert!(document.is_ok(), "{}: {document:?}", collector.name());
        }
    }

    #[test]
    fn every_collector_has_its_file_pair_and_every_file_its_collector() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/collectors");
        let mut queries: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of this file")
            .map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into_owned())
            .filter_map(|name| name.strip_suffix(".graphql").map(str::to_owned))
            .collect();
        queries.sort();
        let mut names: Vec<&str> = COLLECTORS.iter().map(|collector| collector.name()).collect();
        names.sort_unstable();
        assert_eq!(queries, names);
    }
}
