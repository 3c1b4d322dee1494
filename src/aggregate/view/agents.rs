//! Agent data of a view: sessions merged from all collectors, and tool calls and tokens from one
//! source per day.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::Peekable;

use super::View;
use super::resolve::{Resolved, ScopeKey};
use super::session_days::{DaySessions, Durations};
use super::source::{Source, reports_calls, source_rank};
use super::state::{CountedDays, DayState, MergedDays, SourceStates, StatesBySource};
use crate::aggregate::rollup::{
    AgentEntries, AgentKey, Ends, Facts, Fetch, Interner, PersonId, SessionFact, SessionLabel, Symbol,
};
use crate::base::calendar::{Day, Period, Timestamp};
use crate::events::agents::{self, AgentCounts, AgentRole, CHAT, SessionStatus, Step};
use crate::model::coverage::Status;

/// A session, or several ones of a day that differ in nothing that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The day of its first step.
    pub day: Day,
    /// The user, by the preferred source; `None` if not reported.
    pub person: Option<PersonId>,
    /// The flow type; `None` if not reported.
    pub flow: Option<Symbol>,
    /// The project; `None` if not reported, or if the session belongs to none.
    pub project: Option<Symbol>,
    /// The outcome.
    pub status: SessionStatus,
    /// What the source reports about the end of sessions.
    pub ends: Ends,
    /// Number of sessions: 1 if they are reported individually.
    pub count: u64,
    /// Milliseconds from start to end; `None` if one of them is not reported.
    pub wall: Option<u64>,
    /// Milliseconds of active work; `None` if not reported.
    pub active: Option<u64>,
    /// Its agent, version, type and item, if reported.
    pub labels: SessionLabels,
}

/// What the AI Context reports of a session. Of several values, the one that appeared last counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionLabels {
    /// The name of the agent.
    pub agent: Option<Symbol>,
    /// The version of the flow or agent.
    pub version: Option<Symbol>,
    /// What ran: a foundational or custom agent, flow or external agent.
    pub item_type: Option<Symbol>,
    /// The id of the custom agent or flow.
    pub item: Option<Symbol>,
}

/// What a source reports of a session individually: the rest of a [`Session`] follows. A large organization has hundreds of
/// thousands of them, so it is as small as possible.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndividualSession {
    person: Option<PersonId>,
    flow: Option<Symbol>,
    wall: Option<u64>,
    active: Option<u64>,
    /// The number of its labels in the [`LabelTable`].
    labels: u32,
    status: SessionStatus,
}

/// Labels of sessions, each once: few of them differ. The first ones are no labels.
pub(super) struct LabelTable {
    numbers: HashMap<SessionLabels, u32>,
    labels: Vec<SessionLabels>,
}

/// Counts of tool calls, or of tokens.
#[derive(Clone, Copy, Debug)]
pub struct AgentUse {
    /// The day.
    pub day: Day,
    /// The user and the other dimensions.
    pub key: AgentKey,
    /// The flow type of the event or of its session; `None` if not reported.
    pub flow: Option<Symbol>,
    /// The counts.
    pub counts: AgentCounts,
}

/// GitLab Credits with their product and flow, if reported.
pub type Credits = (Option<Symbol>, Option<Symbol>, f64);

/// The credits that one group used on a day.
#[derive(Clone, Copy, Debug)]
pub struct CreditsOfDay<'a> {
    /// A total, and the credits by product and by flow, as far as they were collected.
    pub rows: &'a [Credits],
    /// Whether nothing is missing.
    pub is_complete: bool,
}

/// The agent data of one view by day.
#[derive(Default)]
pub(super) struct Agents<'a> {
    /// The sessions of each known day up to the last day reported.
    pub(super) sessions: BTreeMap<Day, DaySessions<'a>>,
    /// The labels of individual sessions.
    pub(super) labels: LabelTable,
    /// The durations of sessions that GitLab computed.
    pub(super) durations: Durations<'a>,
    flows: FlowsOfSessions,
    tools: FetchesByDay<'a>,
    tokens: FetchesByDay<'a>,
    credits: BTreeMap<Day, Vec<CreditsOfDay<'a>>>,
    /// The states of sessions, tools and tokens.
    pub(super) sources: StatesBySource,
}

/// The sessions that sources report individually.
pub(super) struct IndividualSessions {
    /// The state of each day; `None` without such a source.
    pub(super) days: Option<MergedDays>,
    /// The sessions by the day of their first step.
    pub(super) by_day: BTreeMap<Day, Vec<IndividualSession>>,
}

/// The fetches that report tool calls or tokens, with their instance.
type FetchesByDay<'a> = BTreeMap<Day, Vec<(Symbol, &'a Fetch)>>;

/// The session facts of one part of a fetch, sorted by session, and the preference of their
/// collector.
struct EventSource<'a> {
    instance: Symbol,
    rank: usize,
    facts: Peekable<Facts<'a>>,
}

/// A fact about a session, by instance and id, with the preference of its source.
type SessionObservation = ((Symbol, Symbol), SessionFact, usize);

/// Size of the range of session symbols that are merged at once.
const SESSIONS_PER_MERGE: u32 = 1 << 14;

/// The flow types of sessions by instance and id, sorted. Contains only the sessions of calls and
/// tokens that do not report their flow type.
type FlowsOfSessions = Vec<((Symbol, Symbol), Symbol)>;

/// A filter on the role of an event.
type RoleFilter = fn(AgentRole) -> bool;

const IS_TOOL_CALL: RoleFilter = |role| role.is_tool_call;
const REPORTS_TOKENS: RoleFilter = |role| role.reports_tokens;

/// The state of each scope and day over several collectors, and the fetch with the data.
type DaysOfScopes<'a> = HashMap<ScopeKey, CountedDays<'a>>;

impl<'a> View<'a> {
    /// Merges agent data, which otherwise happens on first use.
    pub fn merge_agents(&self) {
        self.agents();
    }

    pub(super) fn agents(&self) -> &Agents<'a> {
        self.agents.get_or_init(|| {
            let (mut agents, individual) = self.resolved.agents(&self.scopes, self.until);
            self.select_sessions(&mut agents, individual);
            agents
        })
    }

    /// The tool calls of a period up to the last day reported.
    pub fn tool_calls_in(&self, period: Period) -> impl Iterator<Item = AgentUse> {
        self.uses_in(&self.agents().tools, IS_TOOL_CALL, period)
    }

    /// The tokens of a period up to the last day reported.
    pub fn tokens_in(&self, period: Period) -> impl Iterator<Item = AgentUse> {
        self.uses_in(&self.agents().tokens, REPORTS_TOKENS, period)
    }

    /// The GitLab Credits of a period up to the last day reported.
    pub fn credits_in(&self, period: Period) -> impl Iterator<Item = CreditsOfDay<'a>> {
        let until = self.until;
        let days = self.agents().credits.range(period.start..=period.end);
        // Credits have no person.
        let days = days.filter(move |(day, _)| **day <= until && self.only.is_none());
        days.flat_map(|(_, credits)| credits.iter().copied())
    }

    /// The user of a session, unless it is a bot.
    pub fn person_of(&self, session: &Session) -> Option<PersonId> {
        session.person.filter(|person| self.is_person(*person, session.day))
    }

    /// Whether a session belongs to agentic chat.
    pub fn is_chat(&self, session: &Session) -> bool {
        session.flow.is_some_and(|flow| self.symbols.text(flow) == CHAT)
    }

    fn uses_in(
        &self,
        fetches: &FetchesByDay<'a>,
        is_relevant: RoleFilter,
        period: Period,
    ) -> impl Iterator<Item = AgentUse> {
        let days = fetches.range(period.start..=period.end);
        let fetches = days.flat_map(|(day, fetches)| fetches.iter().map(|fetch| (*day, fetch)));
        fetches.flat_map(move |(day, (instance, fetch))| {
            let uses = matching_entries(fetch, self.symbols, is_relevant).flatten();
            let uses = uses.filter(|(key, _)| self.includes(key.person));
            uses.map(move |(key, counts)| AgentUse {
                day,
                key,
                flow: self.flow_of_use(*instance, &key),
                counts,
            })
        })
    }

    /// The flow type of the event, else of its session.
    fn flow_of_use(&self, instance: Symbol, key: &AgentKey) -> Option<Symbol> {
        let of_session = || {
            let session = (instance, key.session?);
            let at = self.agents().flows.binary_search_by_key(&session, |(of, _)| *of).ok()?;
            Some(self.agents().flows[at].1)
        };
        key.flow.or_else(of_session)
    }
}

impl<'a> Resolved<'a> {
    /// The agent data of these scopes together, except sessions, and the individual sessions.
    fn agents(&self, scopes: &[ScopeKey], until: Day) -> (Agents<'a>, IndividualSessions) {
        let mut agents = Agents { durations: self.durations(scopes), ..Agents::default() };
        let individual = self.individual_sessions(&mut agents, scopes, until);
        agents.tools = self.select_source(&mut agents, scopes, until, Source::Tools, IS_TOOL_CALL);
        agents.tokens = self.select_source(&mut agents, scopes, until, Source::Tokens, REPORTS_TOKENS);
        let credits = self.rollups.symbols.find("credits");
        let days_of = |scope: ScopeKey| credits.and_then(|credits| self.days.get(&(credits, scope)));
        for (day, (_, counting)) in self.merged_days(scopes, days_of).into_iter().flatten() {
            let of_scope = |scope: &ScopeKey| {
                let (state, fetch) = days_of(*scope)?.get(&day)?;
                Some(CreditsOfDay { rows: &(*fetch)?.credits, is_complete: state.status == Status::Complete })
            };
            agents.credits.insert(day, counting.iter().filter_map(of_scope).collect());
        }
        (agents, individual)
    }

    /// Merges the sessions of all sources that report them individually. Facts are sets, so
    /// duplicates do not matter.
    fn individual_sessions(
        &self,
        agents: &mut Agents<'a>,
        scopes: &[ScopeKey],
        until: Day,
    ) -> IndividualSessions {
        let mut sources: Vec<EventSource<'_>> = Vec::new();
        let mut days_of: DaysOfScopes<'a> = HashMap::new();
        for ((collector, scope), days) in self.days.iter().filter(|((_, scope), _)| scopes.contains(scope)) {
            let rank = source_rank(self.rollups.symbols.text(*collector));
            let counted = days.range(..=until).filter(|(_, (state, _))| state.is_known());
            let before = sources.len();
            let facts = counted.filter_map(|(_, (_, fetch))| *fetch).flat_map(Fetch::sessions);
            sources.extend(facts.map(|facts| EventSource {
                instance: scope.0,
                rank,
                facts: facts.peekable(),
            }));
            let mut facts = sources[before..].iter().flat_map(|source| source.facts.clone());
            if facts.any(|(_, fact)| matches!(fact, SessionFact::Step(..))) {
                let known = days_of.entry(*scope).or_default();
                days.iter().for_each(|(day, (state, _))| add_day(known, *day, state, None));
            }
        }
        let wanted = self.sessions_without_flow(scopes);
        let mut flows = FlowsOfSessions::new();
        let mut steps = Vec::new();
        let mut by_day: BTreeMap<Day, Vec<IndividualSession>> = BTreeMap::new();
        // Merge a range of sessions at a time: all facts of all sessions would double the memory.
        while let Some(observations) = next_observations(&mut sources) {
            for of_session in observations.chunk_by(|(one, ..), (other, ..)| one == other) {
                let flow = self.flow_of(of_session);
                let session = of_session[0].0;
                flows.extend(flow.filter(|_| wanted.contains(&session)).map(|flow| (session, flow)));
                collect_steps(of_session, &mut steps);
                let Some((first, _)) = steps.first() else { continue };
                by_day.entry(first.day()).or_default().push(IndividualSession {
                    person: self.best_user(of_session),
                    flow,
                    wall: agents::wall_time(&steps),
                    active: agents::active_time(&steps),
                    labels: agents.labels.number(self.labels_of(of_session)),
                    status: agents::status(&steps),
                });
            }
        }
        by_day.values_mut().for_each(Vec::shrink_to_fit);
        flows.sort_unstable();
        agents.flows = flows;
        IndividualSessions { days: self.merged_days(scopes, |scope| days_of.get(&scope)), by_day }
    }

    /// The sessions of calls and tokens whose events do not report the flow type.
    fn sessions_without_flow(&self, scopes: &[ScopeKey]) -> BTreeSet<(Symbol, Symbol)> {
        let mut wanted = BTreeSet::new();
        for ((_, scope), days) in self.days.iter().filter(|((_, scope), _)| scopes.contains(scope)) {
            let cells = days.values().filter_map(|(_, fetch)| *fetch).flat_map(Fetch::agents);
            let without_flow = cells.filter(|(cell, _)| cell.flow.is_none()).flat_map(|(_, entries)| entries);
            wanted.extend(without_flow.filter_map(|(key, _)| Some((scope.0, key.session?))));
        }
        wanted
    }

    /// The user of a session: of its users, the first one by the preferred source.
    fn best_user(&self, observations: &[SessionObservation]) -> Option<PersonId> {
        let users = observations.iter().filter_map(|(_, fact, rank)| match fact {
            SessionFact::User(person, since) => {
                let people = &self.rollups.people;
                (!people.is_placeholder(*person)).then(|| (*rank, *since, people.user(*person), *person))
            }
            _ => None,
        });
        users.min().map(|(.., person)| person)
    }

    /// The flow type of a session. If sources differ, the first by its text: the choice must not
    /// depend on their order.
    fn flow_of(&self, observations: &[SessionObservation]) -> Option<Symbol> {
        let flows = observations.iter().filter_map(|(_, fact, _)| match fact {
            SessionFact::Flow(flow) => Some(*flow),
            _ => None,
        });
        flows.min_by_key(|flow| self.rollups.symbols.text(*flow))
    }

    /// The labels of a session. If sources differ, the value whose first event is the latest counts; of
    /// several with that time, the last by its text.
    fn labels_of(&self, observations: &[SessionObservation]) -> SessionLabels {
        let labeled = observations.iter().filter_map(|(_, fact, _)| match fact {
            SessionFact::Label(label, text, since) => Some((*label, *text, *since)),
            _ => None,
        });
        let mut labels = SessionLabels::default();
        let mut labeled: Vec<(SessionLabel, Symbol, Timestamp)> = labeled.collect();
        if labeled.is_empty() {
            return labels;
        }
        // Observations are sorted: of each text, the first event of all sources comes first.
        labeled.dedup_by_key(|(label, text, _)| (*label, *text));
        for of_label in labeled.chunk_by(|(one, ..), (other, ..)| one == other) {
            let last =
                of_label.iter().max_by_key(|(_, text, since)| (*since, self.rollups.symbols.text(*text)));
            let place = match of_label[0].0 {
                SessionLabel::Agent => &mut labels.agent,
                SessionLabel::Version => &mut labels.version,
                SessionLabel::ItemType => &mut labels.item_type,
                SessionLabel::Item => &mut labels.item,
            };
            *place = last.map(|(_, text, _)| *text);
        }
        labels
    }

    /// Selects the source of tool calls or tokens. Several collectors can report the same calls, so
    /// per scope and day only the first one that has any counts.
    fn select_source(
        &self,
        agents: &mut Agents<'a>,
        scopes: &[ScopeKey],
        until: Day,
        source: Source,
        is_relevant: RoleFilter,
    ) -> FetchesByDay<'a> {
        let symbols = &self.rollups.symbols;
        let mut collectors: Vec<Symbol> = self.days.keys().map(|(collector, _)| *collector).collect();
        collectors.retain(|collector| reports_calls(symbols.text(*collector)));
        // A service writes two logs; only the one of calls contains the model.
        let is_second = |collector: &str| source == Source::Tokens && collector == "service_log";
        collectors.sort_by_key(|collector| {
            let collector = symbols.text(*collector);
            (is_second(collector), source_rank(collector), collector)
        });
        collectors.dedup();
        let mut days_of: DaysOfScopes<'a> = HashMap::new();
        let pairs = collectors.iter().flat_map(|collector| scopes.iter().map(|scope| (*collector, *scope)));
        for (collector, scope) in pairs {
            let Some(days) = self.days.get(&(collector, scope)) else { continue };
            let has_entries =
                |fetch: &&'a Fetch| matching_entries(fetch, symbols, is_relevant).next().is_some();
            if !days.values().filter_map(|(_, fetch)| *fetch).any(|fetch| has_entries(&fetch)) {
                continue;
            }
            let known = days_of.entry(scope).or_default();
            for (day, (state, fetch)) in days {
                let with_data = fetch.filter(|fetch| state.is_known() && has_entries(fetch));
                // Events that an excerpt does not contain may be in other sources.
                if with_data.is_some() || !state.is_excerpt {
                    add_day(known, *day, state, with_data);
                }
            }
        }
        let mut by_day = FetchesByDay::new();
        let Some(days) = self.merged_days(scopes, |scope| days_of.get(&scope)) else { return by_day };
        for (day, (_, counting)) in days.range(..=until) {
            let fetches = counting.iter().filter_map(|scope| Some((scope.0, days_of[scope].get(day)?.1?)));
            by_day.insert(*day, fetches.collect());
        }
        agents.sources.insert(source, SourceStates::of(days));
        by_day
    }
}

impl IndividualSession {
    /// The session, of this day.
    pub(super) fn on(self, day: Day, labels: &LabelTable) -> Session {
        let IndividualSession { person, flow, wall, active, labels: number, status } = self;
        let labels = labels.labels[number as usize];
        Session {
            day,
            person,
            flow,
            project: None,
            status,
            ends: Ends::Status,
            count: 1,
            wall,
            active,
            labels,
        }
    }
}

impl LabelTable {
    /// The number of these labels.
    fn number(&mut self, labels: SessionLabels) -> u32 {
        if labels == SessionLabels::default() {
            return 0;
        }
        *self.numbers.entry(labels).or_insert_with(|| {
            self.labels.push(labels);
            self.labels.len() as u32 - 1
        })
    }
}

impl Default for LabelTable {
    fn default() -> LabelTable {
        LabelTable { numbers: HashMap::new(), labels: vec![SessionLabels::default()] }
    }
}

/// Replaces `steps` by the steps of a session, in order, each once.
fn collect_steps(observations: &[SessionObservation], steps: &mut Vec<(Timestamp, Step)>) {
    steps.clear();
    steps.extend(observations.iter().filter_map(|(_, fact, _)| match fact {
        SessionFact::Step(at, step) => Some((*at, *step)),
        _ => None,
    }));
    steps.dedup();
}

/// The entries of a fetch for events that pass the filter.
fn matching_entries<'a>(
    fetch: &'a Fetch,
    symbols: &Interner,
    is_relevant: RoleFilter,
) -> impl Iterator<Item = AgentEntries<'a>> {
    let cells = fetch.agents();
    let is_relevant = move |event| AgentRole::of(symbols.text(event)).is_some_and(is_relevant);
    cells.filter(move |(cell, _)| is_relevant(cell.event)).map(|(_, entries)| entries)
}

/// Takes the next sessions of all sources, sorted; `None` at the end.
fn next_observations(sources: &mut [EventSource<'_>]) -> Option<Vec<SessionObservation>> {
    let next = sources.iter_mut().filter_map(|source| source.facts.peek());
    let first = next.map(|(session, _)| *session).min()?;
    let mut observations = Vec::new();
    for EventSource { instance, rank, facts } in sources {
        let is_next = |(session, _): &(Symbol, SessionFact)| first.distance_to(*session) < SESSIONS_PER_MERGE;
        let next = std::iter::from_fn(|| facts.next_if(is_next));
        observations.extend(next.map(|(session, fact)| ((*instance, session), fact, *rank)));
    }
    // Each source is sorted, which a stable sort exploits.
    observations.sort();
    Some(observations)
}

/// Adds a day of another collector. The first one with data counts; without data, the one with the
/// best state.
fn add_day<'a>(known: &mut CountedDays<'a>, day: Day, state: &DayState, with_data: Option<&'a Fetch>) {
    let rank = |state: &DayState| (std::cmp::Reverse(state.status), state.fetched_at);
    match known.get(&day) {
        Some((_, Some(_))) => {}
        Some((there, None)) if with_data.is_none() && rank(there) >= rank(state) => {}
        _ => drop(known.insert(day, (state.clone(), with_data))),
    }
}
