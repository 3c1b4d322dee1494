//! What the collected rows say of agents: sessions put together from all that tell of them, and calls of tools and tokens
//! from one teller a day.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::Peekable;

use super::{CountedDays, DayState, Resolved, Root, Source, SourceStates, StatesOfSources, View, own_rank};
use crate::aggregate::rollup::{AgentEntries, AgentKey, Facts, Fetch, Name, Names, PersonId, SessionFact};
use crate::base::calendar::{Day, Period};
use crate::events::agents::{self, AgentCounts, CHAT, Role, SessionStatus};

/// A session, put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The day of its first step.
    pub day: Day,
    /// Whose it is, by the best teller; `None` where nobody tells.
    pub person: Option<PersonId>,
    /// Its flow type; `None` where nobody tells.
    pub flow: Option<Name>,
    /// How it ended.
    pub status: SessionStatus,
    /// Milliseconds from its start to its end; `None` where one is not told.
    pub wall: Option<u64>,
    /// Milliseconds that were worked on it; `None` where that is not told.
    pub active: Option<u64>,
}

/// Counts of calls of tools, or of tokens.
#[derive(Clone, Copy, Debug)]
pub struct AgentUse {
    /// The day.
    pub day: Day,
    /// Who, and by what else they are counted.
    pub key: AgentKey,
    /// The flow type, by the event or by its session; `None` where nobody tells.
    pub flow: Option<Name>,
    /// The counts.
    pub counts: AgentCounts,
}

/// GitLab Credits, with their product and flow where those are told.
pub type Credits = (Option<Name>, Option<Name>, f64);

/// What one view holds of agents, by day.
#[derive(Default)]
pub(super) struct Agents<'a> {
    sessions: BTreeMap<Day, Vec<Session>>,
    flows: FlowsOfSessions,
    tools: TellersByDay<'a>,
    tokens: TellersByDay<'a>,
    credits: BTreeMap<Day, Vec<&'a [Credits]>>,
    /// Of sessions, tools and tokens.
    pub(super) sources: StatesOfSources,
}

/// The fetches that tell of tools or tokens, with their instance.
type TellersByDay<'a> = BTreeMap<Day, Vec<(Name, &'a Fetch)>>;

/// What is told of the sessions of an instance at once, sorted, and the rank of who tells it.
struct Teller<'a> {
    instance: Name,
    rank: usize,
    facts: Peekable<Facts<'a>>,
}

/// What a teller says of a session, by its instance and id, and the rank of the teller.
type ToldOfSession = ((Name, Name), SessionFact, usize);

/// How many numbers of sessions are looked at together.
const SESSIONS_TOGETHER: u32 = 1 << 14;

/// The flow types of sessions, by instance and id; sorted. Only those of calls and tokens that do not tell them.
type FlowsOfSessions = Vec<((Name, Name), Name)>;

/// Whether an event of this role is one of those that are asked for.
type IsMeant = fn(Role) -> bool;

const IS_TOOL_CALL: IsMeant = |role| role.is_tool_call;
const TELLS_TOKENS: IsMeant = |role| role.tells_tokens;

/// What is known of each scope by several collectors, and the fetch that tells of it.
type DaysOfScopes<'a> = HashMap<Root, CountedDays<'a>>;

impl<'a> View<'a> {
    /// Puts together what is told of agents, as whoever asks for it first would do.
    pub fn put_agents_together(&self) {
        self.agents();
    }

    pub(super) fn agents(&self) -> &Agents<'a> {
        self.agents.get_or_init(|| self.resolved.agents(&self.scopes, self.until))
    }

    /// The sessions of a period up to the last day reported; each is of the day of its first step.
    pub fn sessions_in(&self, period: Period) -> impl Iterator<Item = &Session> {
        self.agents().sessions.range(period.start..=period.end).flat_map(|(_, sessions)| sessions)
    }

    /// The calls of tools of a period up to the last day reported.
    pub fn tool_calls_in(&self, period: Period) -> impl Iterator<Item = AgentUse> {
        self.uses_in(&self.agents().tools, IS_TOOL_CALL, period)
    }

    /// The tokens of a period up to the last day reported.
    pub fn tokens_in(&self, period: Period) -> impl Iterator<Item = AgentUse> {
        self.uses_in(&self.agents().tokens, TELLS_TOKENS, period)
    }

    /// The GitLab Credits of a period up to the last day reported: of each scope and day all that is told.
    pub fn credits_in(&self, period: Period) -> impl Iterator<Item = &'a [Credits]> {
        let until = self.until;
        let days = self.agents().credits.range(period.start..=period.end);
        days.filter(move |(day, _)| **day <= until).flat_map(|(_, credits)| credits.iter().copied())
    }

    /// The person whose session it is; a bot is none.
    pub fn person_of(&self, session: &Session) -> Option<PersonId> {
        session.person.filter(|person| self.is_person(*person, session.day))
    }

    /// Whether a session is of agentic chat.
    pub fn is_chat(&self, session: &Session) -> bool {
        session.flow.is_some_and(|flow| self.names.text(flow) == CHAT)
    }

    fn uses_in(
        &self,
        tellers: &TellersByDay<'a>,
        is_meant: IsMeant,
        period: Period,
    ) -> impl Iterator<Item = AgentUse> {
        let tellers = tellers.range(period.start..=period.end);
        let tellers = tellers.flat_map(|(day, tellers)| tellers.iter().map(|teller| (*day, teller)));
        tellers.flat_map(move |(day, (instance, fetch))| {
            let uses = meant(fetch, self.names, is_meant).flatten();
            uses.map(move |(key, counts)| AgentUse {
                day,
                key,
                flow: self.flow_of_use(*instance, &key),
                counts,
            })
        })
    }

    /// The flow type of a use, by its event, else by its session.
    fn flow_of_use(&self, instance: Name, key: &AgentKey) -> Option<Name> {
        let of_session = || {
            let session = (instance, key.session?);
            let at = self.agents().flows.binary_search_by_key(&session, |(of, _)| *of).ok()?;
            Some(self.agents().flows[at].1)
        };
        key.flow.or_else(of_session)
    }
}

impl<'a> Resolved<'a> {
    /// What these scopes say of agents together.
    fn agents(&self, scopes: &[Root], until: Day) -> Agents<'a> {
        let mut agents = Agents::default();
        self.add_sessions(&mut agents, scopes, until);
        agents.tools = self.add_tellers(&mut agents, scopes, until, (Source::Tools, IS_TOOL_CALL));
        agents.tokens = self.add_tellers(&mut agents, scopes, until, (Source::Tokens, TELLS_TOKENS));
        let credits = self.rollups.names.find("credits");
        let days_of = |root: Root| credits.and_then(|credits| self.days.get(&(credits, root)));
        for (day, (_, counting)) in self.united(scopes, days_of).into_iter().flatten() {
            let fetches = counting.iter().filter_map(|root| days_of(*root)?.get(&day)?.1);
            agents.credits.insert(day, fetches.map(|fetch| &*fetch.credits).collect());
        }
        agents
    }

    /// Puts the sessions together, of all tellers: everything told of them is a set, so what is told twice counts once.
    fn add_sessions(&self, agents: &mut Agents<'a>, scopes: &[Root], until: Day) {
        let mut tellers: Vec<Teller<'_>> = Vec::new();
        let mut days_of: DaysOfScopes<'a> = HashMap::new();
        for ((collector, root), days) in self.days.iter().filter(|((_, root), _)| scopes.contains(root)) {
            let rank = own_rank(self.rollups.names.text(*collector));
            let counted = days.range(..=until).filter(|(_, (state, _))| state.is_known());
            let before = tellers.len();
            let facts = counted.filter_map(|(_, (_, fetch))| *fetch).flat_map(Fetch::sessions);
            tellers.extend(facts.map(|facts| Teller { instance: root.0, rank, facts: facts.peekable() }));
            let mut told = tellers[before..].iter().flat_map(|teller| teller.facts.clone());
            if told.any(|(_, fact)| matches!(fact, SessionFact::Step(..))) {
                let known = days_of.entry(*root).or_default();
                days.iter().for_each(|(day, (state, _))| note_day(known, *day, state, None));
            }
        }
        let asked = self.sessions_asked_for_flows(scopes);
        let mut flows = FlowsOfSessions::new();
        let mut steps = Vec::new();
        // Some sessions after the other: all that is told of all of them would take as much memory again.
        while let Some(told) = next_told(&mut tellers) {
            for of_session in told.chunk_by(|(one, ..), (other, ..)| one == other) {
                let flow = self.flow_of(of_session);
                let session = of_session[0].0;
                flows.extend(flow.filter(|_| asked.contains(&session)).map(|flow| (session, flow)));
                steps.clear();
                steps.extend(of_session.iter().filter_map(|(_, fact, _)| match fact {
                    SessionFact::Step(at, step) => Some((*at, *step)),
                    _ => None,
                }));
                steps.dedup();
                let Some((first, _)) = steps.first() else { continue };
                let day = first.day();
                agents.sessions.entry(day).or_default().push(Session {
                    day,
                    person: self.best_user(of_session),
                    flow,
                    status: agents::status(&steps),
                    wall: agents::wall(&steps),
                    active: agents::active(&steps),
                });
            }
        }
        agents.sessions.values_mut().for_each(Vec::shrink_to_fit);
        flows.sort_unstable();
        let days = self.united(scopes, |root| days_of.get(&root));
        agents.sources.extend(days.map(|days| (Source::Sessions, SourceStates::of(days))));
        agents.flows = flows;
    }

    /// The sessions of calls and tokens whose events do not tell the flow.
    fn sessions_asked_for_flows(&self, scopes: &[Root]) -> BTreeSet<(Name, Name)> {
        let mut asked = BTreeSet::new();
        for ((_, root), days) in self.days.iter().filter(|((_, root), _)| scopes.contains(root)) {
            let cells = days.values().filter_map(|(_, fetch)| *fetch).flat_map(Fetch::agents);
            let untold = cells.filter(|(cell, _)| cell.flow.is_none()).flat_map(|(_, entries)| entries);
            asked.extend(untold.filter_map(|(key, _)| Some((root.0, key.session?))));
        }
        asked
    }

    /// Whose a session is: of its users the one that the best teller tells first.
    fn best_user(&self, told: &[ToldOfSession]) -> Option<PersonId> {
        let users = told.iter().filter_map(|(_, fact, rank)| match fact {
            SessionFact::User(person, since) => {
                let people = &self.rollups.people;
                (!people.is_nobody(*person)).then(|| (*rank, *since, people.user(*person), *person))
            }
            _ => None,
        });
        users.min().map(|(.., person)| person)
    }

    /// The flow type of a session: where tellers differ, the first by its text, as the choice must not depend on their
    /// order.
    fn flow_of(&self, told: &[ToldOfSession]) -> Option<Name> {
        let flows = told.iter().filter_map(|(_, fact, _)| match fact {
            SessionFact::Flow(flow) => Some(*flow),
            _ => None,
        });
        flows.min_by_key(|flow| self.rollups.names.text(*flow))
    }

    /// Chooses who tells of tools or tokens: the same calls can be told by several, and of each scope and day the first
    /// that tells any counts.
    fn add_tellers(
        &self,
        agents: &mut Agents<'a>,
        scopes: &[Root],
        until: Day,
        (source, is_meant): (Source, IsMeant),
    ) -> TellersByDay<'a> {
        let names = &self.rollups.names;
        let mut tellers: Vec<Name> = self.days.keys().map(|(collector, _)| *collector).collect();
        tellers.retain(|collector| super::tells_of_calls(names.text(*collector)));
        // Of the two that a service's log holds, only the calls tell the model.
        let is_second = |collector: &str| source == Source::Tokens && collector == "service_log";
        tellers.sort_by_key(|collector| {
            let collector = names.text(*collector);
            (is_second(collector), own_rank(collector), collector)
        });
        tellers.dedup();
        let mut days_of: DaysOfScopes<'a> = HashMap::new();
        for (teller, root) in tellers.iter().flat_map(|teller| scopes.iter().map(|root| (*teller, *root))) {
            let Some(days) = self.days.get(&(teller, root)) else { continue };
            let tells = |fetch: &&'a Fetch| meant(fetch, names, is_meant).next().is_some();
            if !days.values().filter_map(|(_, fetch)| *fetch).any(|fetch| tells(&fetch)) {
                continue;
            }
            let known = days_of.entry(root).or_default();
            for (day, (state, fetch)) in days {
                let told = fetch.filter(|fetch| state.is_known() && tells(fetch));
                // What an excerpt does not tell may still be told by others.
                if told.is_some() || !state.is_excerpt {
                    note_day(known, *day, state, told);
                }
            }
        }
        let mut telling = TellersByDay::new();
        let Some(days) = self.united(scopes, |root| days_of.get(&root)) else { return telling };
        for (day, (_, counting)) in days.range(..=until) {
            let told = counting.iter().filter_map(|root| Some((root.0, days_of[root].get(day)?.1?)));
            telling.insert(*day, told.collect());
        }
        agents.sources.insert(source, SourceStates::of(days));
        telling
    }
}

/// What a fetch tells of events with such a role.
fn meant<'a>(fetch: &'a Fetch, names: &Names, is_meant: IsMeant) -> impl Iterator<Item = AgentEntries<'a>> {
    let cells = fetch.agents();
    let is_meant = move |event| Role::of(names.text(event)).is_some_and(is_meant);
    cells.filter(move |(cell, _)| is_meant(cell.event)).map(|(_, entries)| entries)
}

/// Takes what all tellers say of the next sessions, sorted; `None` when nothing is left.
fn next_told(tellers: &mut [Teller<'_>]) -> Option<Vec<ToldOfSession>> {
    let next = tellers.iter_mut().filter_map(|teller| teller.facts.peek());
    let first = next.map(|(session, _)| *session).min()?;
    let mut told = Vec::new();
    for Teller { instance, rank, facts } in tellers {
        let is_next = |(session, _): &(Name, SessionFact)| first.distance_to(*session) < SESSIONS_TOGETHER;
        let next = std::iter::from_fn(|| facts.next_if(is_next));
        told.extend(next.map(|(session, fact)| ((*instance, session), fact, *rank)));
    }
    // What each of them says is in order, which a stable sort makes use of.
    told.sort();
    Some(told)
}

/// Notes a day that another collector tells of. The first one that has something to tell counts, and without one that of
/// the best state.
fn note_day<'a>(known: &mut CountedDays<'a>, day: Day, state: &DayState, told: Option<&'a Fetch>) {
    let worth = |state: &DayState| (std::cmp::Reverse(state.status), state.fetched_at);
    match known.get(&day) {
        Some((_, Some(_))) => {}
        Some((there, None)) if told.is_none() && worth(there) >= worth(state) => {}
        _ => drop(known.insert(day, (state.clone(), told))),
    }
}
