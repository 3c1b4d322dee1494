//! The collectors. Each is a pair of files: a query, and the code that turns its nodes into
//! records. To add one, add two files and one line to [`COLLECTORS`].

pub mod agent_durations;
pub mod agent_flows;
pub mod agent_sessions;
mod aggregates;
pub mod ai_metrics;
pub mod ai_user_metrics;
mod answer;
pub mod code_suggestion_events;
pub mod credit_months;
pub mod credits;
pub mod custom;
pub mod dora;
mod extras;
pub mod group_tree;
pub mod instance_usage_events;
pub mod members;
pub mod merge_requests;
pub mod pipelines;
pub mod project_sessions;
mod scalar;
pub mod seats;
mod serde_borrow;
mod split;
pub mod suggestions_by_editor;
mod totals;
pub mod usage_events;
mod usage_node;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;
use serde_json::value::RawValue;

pub use answer::ConnectionPage;
pub use usage_node::NodeKeys;

use crate::base::calendar::{Day, Timestamp};
use crate::model::line::Record;
use crate::model::record::Origin;
use crate::model::scope::{INSTANCE_SCOPE, top_level};
use crate::model::topic::Topic;
use crate::model::usage_event::UsageEvent;

/// Every builtin collector, in the order they run.
pub const COLLECTORS: &[&dyn Collector] = &[
    &usage_events::UsageEvents,
    &code_suggestion_events::CodeSuggestionEvents,
    &instance_usage_events::InstanceUsageEvents,
    &seats::Seats,
    &members::Members,
    &merge_requests::MergeRequests,
    &pipelines::Pipelines,
    &group_tree::GroupTree,
    &ai_metrics::AiMetrics,
    &ai_user_metrics::AiUserMetrics,
    &agent_flows::AgentFlows,
    &agent_sessions::AgentSessions,
    &agent_durations::AgentDurations,
    &suggestions_by_editor::SuggestionsByEditor,
    &project_sessions::ProjectSessions,
    &credits::Credits,
    &credit_months::CreditMonths,
    &dora::DoraMetrics,
];

/// A query, and the code that turns its nodes into records.
pub trait Collector: Sync {
    /// The static description.
    fn info(&self) -> &CollectorInfo;

    /// The scopes to collect in a run for these groups, each once.
    fn scopes(&self, _gitlab: &dyn GraphQl, groups: &[String]) -> Result<Vec<String>, Fault> {
        Ok(self.info().level.scopes(groups))
    }

    /// The names of the partitions, which workers collect independently. Most collectors have a
    /// single one without a name. Calls `on_answer` for every answer needed to list them.
    fn partitions(
        &self,
        _gitlab: &dyn GraphQl,
        _target: &FetchTarget<'_>,
        _on_answer: &mut dyn FnMut(&Answer),
    ) -> Result<Vec<String>, Fault> {
        Ok(vec![String::new()])
    }

    /// Requests all pages of one partition, and passes the nodes of each page to `sink`.
    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        partition: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault>;

    /// Turns one node into a record. `since` is the first requested day; the day of `origin` is the
    /// last one. The error describes what is wrong, without content of the node.
    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, since: Day) -> Result<Record<'a>, String>;

    /// The fast path of [`Collector::read`] for usage events: decodes the node at the start of
    /// `text`, and returns its length in bytes. The texts of the event need no escaping. The
    /// timestamp is not validated. `None` if the node is not in canonical form; then call
    /// [`Collector::read`].
    fn decode_fast<'a>(
        &self,
        _text: &'a str,
        _keys: &mut NodeKeys,
    ) -> Option<(UsageEvent<'a, &'a str>, usize)> {
        None
    }
}

/// The static description of a collector.
#[derive(Clone, Copy, Debug)]
pub struct CollectorInfo {
    /// The name: of its files, in its lines and on the command line.
    pub name: &'static str,
    /// The dashboard that uses it.
    pub topic: Topic,
    /// Whether it runs by default, and whether a refusal is a gap.
    pub requirement: Requirement,
    /// The required role, tier and release; completes a sentence that starts with "It needs".
    pub needs: &'static str,
    /// The kind of its scopes.
    pub level: Level,
    /// The queries, for the newest GitLab.
    pub document: &'static str,
    /// The days that one fetch unit covers.
    pub span: Span,
    /// For how many days GitLab keeps the data at least; `None` if it deletes nothing.
    pub retention_days: Option<i64>,
}

impl dyn Collector {
    /// The name.
    pub fn name(&self) -> &'static str {
        self.info().name
    }

    /// The days that one fetch unit covers.
    pub fn span(&self) -> Span {
        self.info().span
    }
}

/// The kind of scopes of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Each group.
    Group,
    /// The top-level group of each group: GitLab has usage events and seats only there.
    TopLevelGroup,
    /// Whatever holds the subscription: the top-level groups of the groups, or the instance.
    Subscription,
    /// The instance.
    Instance,
}

impl Level {
    /// The scopes of this level in a run for these groups, each once.
    pub fn scopes(self, groups: &[String]) -> Vec<String> {
        match self {
            Level::Group => groups.to_vec(),
            Level::TopLevelGroup => {
                let mut roots: Vec<String> = Vec::new();
                for root in groups.iter().map(|group| top_level(group)) {
                    if !roots.iter().any(|known| known == root) {
                        roots.push(root.to_owned());
                    }
                }
                roots
            }
            Level::Subscription => {
                let roots = groups.iter().map(|group| top_level(group).to_owned());
                roots.collect::<BTreeSet<_>>().into_iter().collect()
            }
            Level::Instance => vec![INSTANCE_SCOPE.to_owned()],
        }
    }
}

/// Whether a collector runs by default, and whether a refusal is a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// It runs by default, and a dashboard needs it.
    Core,
    /// It runs by default. Not every GitLab supports it, and the dashboards can do without it: a
    /// refusal is reported and is not a gap.
    Optional,
    /// It runs only if it is named, because it needs an administrator, or many requests.
    OnRequest,
}

/// The days that one fetch unit of a collector covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The events of one day.
    Day,
    /// All requested days, because GitLab has no filter by day. Each node has its own day.
    Range,
    /// Sums over all requested days. They belong to the last one.
    Sum,
    /// The current state. It belongs to the day it was fetched.
    Snapshot,
}

/// The target of a collector: a scope and a range of days, both included.
#[derive(Clone, Copy, Debug)]
pub struct FetchTarget<'a> {
    /// The group path, or [`INSTANCE_SCOPE`].
    pub scope: &'a str,
    /// The first day.
    pub since: Day,
    /// The last day.
    pub until: Day,
}

/// GitLab's GraphQL API.
pub trait GraphQl {
    /// Runs one operation of a document, without the optional parts that this GitLab does not have.
    fn query(
        &self,
        document: &'static str,
        operation: &'static str,
        variables: &Value,
    ) -> Result<Answer, Fault>;

    /// The values of an enumeration, if they are known.
    fn values(&self, name: &str) -> Option<&BTreeSet<String>>;

    /// Whether a type of this GitLab has the field. The type must be used by a collector of the
    /// run.
    fn has_field(&self, type_name: &str, field: &str) -> bool;
}

/// A usable answer of GitLab.
#[derive(Debug)]
pub struct Answer {
    /// The JSON text of `data`.
    pub data: Box<RawValue>,
    /// The server's time, from its `Date` header.
    pub at: Timestamp,
    /// The errors beside the data, each of a single node; `None` if there were none.
    pub node_errors: Option<NodeErrors>,
}

/// Errors of single nodes. GitLab returns a node as null if its user was deleted, or if its event
/// type was stored by a newer release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeErrors {
    /// The number of nodes with an error.
    pub nodes: u64,
    /// The message of the first error, in one line.
    pub message: String,
}

/// Receives the pages of a collector.
pub trait Sink {
    /// Takes the nodes of one page of this answer.
    fn page(&mut self, nodes: &[&RawValue], answer: &Answer) -> Result<(), Fault>;
}

/// Why a fetch unit ended early. The texts are for people: the problem, then the next step.
#[derive(Debug)]
pub enum Fault {
    /// The role, tier or add-on is not sufficient.
    Denied(String),
    /// Not available in this GitLab version.
    Unsupported(String),
    /// Switched off in this GitLab, or it lacks a store that the feature needs.
    NotEnabled(String),
    /// Rate limit, network or server, after all retries.
    Transient(String),
    /// The token is invalid or expired.
    Token(String),
    /// The URL or the group is wrong.
    Configuration(String),
    /// The query takes more than the server's time limit.
    TooHeavy(String),
    /// The rate limit is still reached after all retries.
    RateLimited(String),
    /// GitLab returned an unusable answer.
    Answer(String),
    /// The lines could not be written.
    Sink(crate::base::error::Error),
}

impl Fault {
    /// The text for people.
    pub fn text(&self) -> &str {
        match self {
            Fault::Denied(text)
            | Fault::Unsupported(text)
            | Fault::NotEnabled(text)
            | Fault::Transient(text)
            | Fault::Token(text)
            | Fault::Configuration(text)
            | Fault::TooHeavy(text)
            | Fault::RateLimited(text)
            | Fault::Answer(text) => text,
            Fault::Sink(_) => "the lines could not be written",
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Fault::Transient(_) | Fault::TooHeavy(_) | Fault::RateLimited(_))
    }

    /// A copy of the fault, if it prevents all further requests.
    pub fn as_stopping(&self) -> Option<Fault> {
        match self {
            Fault::Token(text) => Some(Fault::Token(text.clone())),
            Fault::Configuration(text) => Some(Fault::Configuration(text.clone())),
            Fault::RateLimited(text) => Some(Fault::RateLimited(text.clone())),
            _ => None,
        }
    }

    /// A copy of the fault, if it is the same on every day: the role, the tier, and what the
    /// instance lacks.
    pub fn as_refusal(&self) -> Option<Fault> {
        match self {
            Fault::Denied(text) => Some(Fault::Denied(text.clone())),
            Fault::NotEnabled(text) => Some(Fault::NotEnabled(text.clone())),
            _ => None,
        }
    }

    /// The fault of a fetch unit that is not requested because of this fault.
    pub fn as_not_asked(&self) -> Fault {
        Fault::Answer(format!("not requested: {}", self.text()))
    }
}

/// The builtin collector of this name.
pub fn by_name(name: &str) -> Option<&'static dyn Collector> {
    COLLECTORS.iter().copied().find(|collector| collector.name() == name)
}

/// The most consecutive pages without nodes. GitLab can return some before the next node.
const MAX_EMPTY_PAGES: usize = 100;

/// Receives a page of a connection.
type OnPage<'a> = dyn FnMut(&ConnectionPage<'_>, &Answer) -> Result<(), Fault> + 'a;

/// Requests all pages of the connection at `path` (keys below `data`), and passes each to `sink`.
fn walk(
    gitlab: &dyn GraphQl,
    document: &'static str,
    operation: &'static str,
    mut variables: Value,
    path: &[&str],
    sink: &mut OnPage<'_>,
) -> Result<(), Fault> {
    walk_from(gitlab, document, operation, &mut variables, path, sink)
}

/// Requests the pages from the cursor `after` in `variables` on. Afterwards `after` is the cursor
/// of the last requested page.
fn walk_from(
    gitlab: &dyn GraphQl,
    document: &'static str,
    operation: &'static str,
    variables: &mut Value,
    path: &[&str],
    sink: &mut OnPage<'_>,
) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    let mut empty_pages = 0;
    loop {
        let answer = gitlab.query(document, operation, variables)?;
        let connection = ConnectionPage::at(answer.data.get(), path)?;
        sink(&connection, &answer)?;
        empty_pages = if connection.nodes.is_empty() { empty_pages + 1 } else { 0 };
        let Some(cursor) = connection.next else { return Ok(()) };
        if empty_pages > MAX_EMPTY_PAGES {
            return Err(Fault::Answer(format!(
                "GitLab returns empty pages of {} without end",
                path.join(".")
            )));
        }
        let mut hasher = DefaultHasher::new();
        cursor.hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            return Err(Fault::Answer(format!(
                "GitLab returned the same cursor of {} twice",
                path.join(".")
            )));
        }
        variables["after"] = cursor.into();
    }
}

/// One second before the start of the day, as GitLab's `Time`. Whether a bound is included differs
/// from field to field, and nodes of another day are skipped anyway.
fn just_before(day: Day) -> String {
    day.midnight().plus_seconds(-1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_valid_graphql() {
        for collector in COLLECTORS {
            let document = graphql_parser::parse_query::<String>(collector.info().document);
            assert!(document.is_ok(), "{}: {document:?}", collector.name());
        }
    }

    #[test]
    fn every_collector_has_its_file_pair_and_every_file_its_collector() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/collect/collectors");
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
