//! The collectors: one file pair each, the query and what to make of its answer. To add one, add two files
//! and one line to [`COLLECTORS`].

pub mod agent_sessions;
pub mod ai_metrics;
pub mod ai_user_metrics;
mod answer;
mod borrowed;
pub mod code_suggestion_events;
pub mod credits;
pub mod dora;
mod extras;
pub mod group_tree;
pub mod instance_usage_events;
pub mod merge_requests;
pub mod own;
pub mod pipelines;
mod portion;
mod scalar;
pub mod seats;
mod totals;
pub mod usage_events;
mod usage_node;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;
use serde_json::value::RawValue;

pub use answer::Connection;
pub use usage_node::NodeKeys;

use crate::base::calendar::{Day, Timestamp};
use crate::model::line::Record;
use crate::model::record::{INSTANCE_SCOPE, Origin};
use crate::model::topic::Topic;
use crate::model::usage_event::UsageEvent;

/// Every collector, in the order they run.
pub const COLLECTORS: &[&dyn Collector] = &[
    &usage_events::UsageEvents,
    &code_suggestion_events::CodeSuggestionEvents,
    &instance_usage_events::InstanceUsageEvents,
    &seats::Seats,
    &merge_requests::MergeRequests,
    &pipelines::Pipelines,
    &group_tree::GroupTree,
    &ai_metrics::AiMetrics,
    &ai_user_metrics::AiUserMetrics,
    &agent_sessions::AgentSessions,
    &credits::Credits,
    &dora::DoraFigures,
];

/// Something that can be collected from GitLab.
pub trait Collector: Sync {
    /// What it is.
    fn about(&self) -> &About;

    /// The scopes to ask it of in a run for these groups, each once.
    fn scopes(&self, _gitlab: &dyn GraphQl, groups: &[String]) -> Result<Vec<String>, Fault> {
        Ok(self.about().level.scopes(groups))
    }

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

    /// Makes a record of one node; `since` is the first of the days it was asked for, the last one is that of its
    /// origin. The error says what is wrong with it, without repeating its content.
    fn read<'a>(&self, node: &'a str, origin: Origin<'a>, since: Day) -> Result<Record<'a>, String>;

    /// Reads the same from the node of usage events that a text begins with, in a fraction of the time, and says how long the node
    /// is. No text of it needs escapes, and whether its moment is one, is not looked at. `None` when it is not spelled plainly, and
    /// [`Collector::read`] has to look at it.
    fn read_plain<'a>(
        &self,
        _text: &'a str,
        _keys: &mut NodeKeys,
    ) -> Option<(UsageEvent<'a, &'a str>, usize)> {
        None
    }
}

/// What a collector is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name: of the file pair, of the lines, of the command-line value.
    pub name: &'static str,
    /// The dashboard it serves.
    pub topic: Topic,
    /// When it runs, and what a refusal means.
    pub standing: Standing,
    /// What the token's user and GitLab need for it, as half a sentence.
    pub needs: &'static str,
    /// What it is asked of.
    pub level: Level,
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

/// What a collector is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Every group.
    Group,
    /// What pays: the top-level groups of the groups, or the instance.
    Subscription,
    /// The instance.
    Instance,
}

impl Level {
    /// The scopes of this level in a run for these groups, each once.
    pub fn scopes(self, groups: &[String]) -> Vec<String> {
        match self {
            Level::Group => groups.to_vec(),
            Level::Subscription => {
                let roots = groups.iter().filter_map(|group| group.split('/').next());
                roots.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
            }
            Level::Instance => vec![INSTANCE_SCOPE.to_owned()],
        }
    }
}

/// When a collector runs, and what it means that GitLab refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It runs by default, and the dashboards rest on it.
    Core,
    /// It runs by default. It needs what not every GitLab has, and the dashboards do without it: a refusal is a fact,
    /// not a gap.
    Extra,
    /// It runs only when it is named: it needs an administrator.
    OnRequest,
}

/// How much one walk of a collector brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The events of one day.
    Day,
    /// All days asked for at once, because GitLab cannot be asked for one; each node says of which day it is.
    Range,
    /// Sums over all days asked for at once; they are of the last one.
    Sum,
    /// The state of now: it is of the day it was fetched.
    Snapshot,
}

/// What one walk is to bring: a scope and its days, both included.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// The group path, or [`INSTANCE_SCOPE`].
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
    /// The errors that GitLab reported beside the data, each of a single node; `None` when there were none.
    pub node_errors: Option<NodeErrors>,
}

/// Errors of single nodes. A deleted user makes such a node null, and so does an event type that only a newer release can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeErrors {
    /// How many nodes they name.
    pub nodes: u64,
    /// The message of the first one, in one line.
    pub message: String,
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
    Sink(crate::base::error::Error),
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
