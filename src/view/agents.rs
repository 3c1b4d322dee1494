//! What the collected rows say of agents: sessions put together from all that tell of them, and calls of tools and tokens
//! from one teller a day.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::{DayState, Resolved, Root, Source, View, own_rank};
use crate::agents::{self, AgentCounts, CHAT, Role, SessionStatus};
use crate::calendar::{Day, Period, Timestamp};
use crate::record::NOBODY;
use crate::rollup::{AgentKey, Fetch, Name, PersonId, SessionFacts};

/// A session, put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
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
pub struct AgentUse<'a> {
    /// Who, and by what else they are counted.
    pub key: &'a AgentKey,
    /// The flow type, by the event or by its session; `None` where nobody tells.
    pub flow: Option<Name>,
    /// The counts.
    pub counts: &'a AgentCounts,
}

/// GitLab Credits, with their product and flow where those are told.
pub type Credits = (Option<Name>, Option<Name>, f64);

/// What one view holds of agents, by day.
#[derive(Default)]
pub(super) struct Agents<'a> {
    sessions: BTreeMap<Day, Vec<Session>>,
    tools: BTreeMap<Day, Vec<AgentUse<'a>>>,
    tokens: BTreeMap<Day, Vec<AgentUse<'a>>>,
    credits: BTreeMap<Day, Vec<Credits>>,
}

/// A session as it is put together.
#[derive(Default)]
struct Merged<'a> {
    facts: SessionFacts,
    /// The best user told so far: by teller, moment and text.
    user: Option<(usize, Timestamp, &'a str, PersonId)>,
}

/// Sessions by instance and id.
type Sessions<'a> = HashMap<(Name, Name), Merged<'a>, RandomState>;

/// The days of each scope of which something is known.
type DaysOfScopes = HashMap<Root, BTreeMap<Day, DayState>>;

impl<'a> View<'a> {
    /// The sessions of a period up to the last day reported; each is of the day of its first step.
    pub fn sessions_in(&self, period: Period) -> impl Iterator<Item = &Session> {
        self.agents.sessions.range(period.start..=period.end).flat_map(|(_, sessions)| sessions)
    }

    /// The calls of tools of a period up to the last day reported.
    pub fn tool_calls_in(&self, period: Period) -> impl Iterator<Item = AgentUse<'a>> {
        self.agents.tools.range(period.start..=period.end).flat_map(|(_, uses)| uses.iter().copied())
    }

    /// The tokens of a period up to the last day reported.
    pub fn tokens_in(&self, period: Period) -> impl Iterator<Item = AgentUse<'a>> {
        self.agents.tokens.range(period.start..=period.end).flat_map(|(_, uses)| uses.iter().copied())
    }

    /// The GitLab Credits of a period up to the last day reported.
    pub fn credits_in(&self, period: Period) -> impl Iterator<Item = Credits> {
        let until = self.until;
        let days = self.agents.credits.range(period.start..=period.end);
        days.filter(move |(day, _)| **day <= until).flat_map(|(_, credits)| credits.iter().copied())
    }

    /// Whether a session is of agentic chat.
    pub fn is_chat(&self, session: &Session) -> bool {
        session.flow.is_some_and(|flow| self.names.text(flow) == CHAT)
    }
}

impl<'a> Resolved<'a> {
    /// Fills in what a view says of agents.
    pub(super) fn add_agents(&self, view: &mut View<'a>, scopes: &[Root]) {
        let merged = self.add_sessions(view, scopes);
        for (source, is_meant) in [
            (Source::Tools, (|role| role.is_tool_call) as fn(Role) -> bool),
            (Source::Tokens, |role| role.tells_tokens),
        ] {
            let uses = self.add_uses(view, scopes, source, is_meant, &merged);
            match source {
                Source::Tools => view.agents.tools = uses,
                _ => view.agents.tokens = uses,
            }
        }
        let credits = self.rollups.names.find("credits");
        let days_of = |root: Root| credits.and_then(|credits| self.days.get(&(credits, root)));
        for root in self.outermost(scopes, |root| days_of(root).is_some()) {
            for (day, (_, fetch)) in days_of(root).into_iter().flatten() {
                let told = fetch.iter().flat_map(|fetch| &fetch.credits).copied();
                view.agents.credits.entry(*day).or_default().extend(told);
            }
        }
    }

    /// Puts the sessions together, of all tellers: everything in them is a set, so what is told twice counts once.
    fn add_sessions(&self, view: &mut View<'a>, scopes: &[Root]) -> Sessions<'a> {
        let names = &self.rollups.names;
        let mut merged: Sessions<'a> = HashMap::default();
        let mut days_of: DaysOfScopes = HashMap::new();
        for ((collector, root), days) in self.days.iter().filter(|((_, root), _)| scopes.contains(root)) {
            let rank = own_rank(names.text(*collector));
            let counted = days.range(..=view.until).filter(|(_, (state, _))| state.is_known());
            let mut tells = false;
            for (session, facts) in
                counted.clone().filter_map(|(_, (_, fetch))| *fetch).flat_map(Fetch::sessions)
            {
                tells |= !facts.steps.is_empty();
                let known = merged.entry((root.0, session)).or_default();
                known.facts.add(facts);
                for (person, since) in &facts.users {
                    let user = self.rollups.people.user(*person);
                    let told = (rank, *since, user, *person);
                    if user != NOBODY && known.user.is_none_or(|best| told < best) {
                        known.user = Some(told);
                    }
                }
            }
            if tells {
                note_days(
                    days_of.entry(*root).or_default(),
                    days.iter().map(|(day, (state, _))| (*day, state)),
                );
            }
        }
        for Merged { facts, user } in merged.values() {
            let Some((first, _)) = facts.steps.first() else { continue };
            view.agents.sessions.entry(first.day()).or_default().push(Session {
                person: user.map(|(.., person)| person),
                flow: self.first_of(&facts.flows),
                status: agents::status(&facts.steps),
                wall: agents::wall(&facts.steps),
                active: agents::active(&facts.steps),
            });
        }
        self.add_source(view, scopes, Source::Sessions, &days_of);
        merged
    }

    /// Chooses who tells of tools or tokens: the same calls can be told by several, and of each instance and day the first
    /// that tells any counts.
    fn add_uses(
        &self,
        view: &mut View<'a>,
        scopes: &[Root],
        source: Source,
        is_meant: fn(Role) -> bool,
        sessions: &Sessions<'_>,
    ) -> BTreeMap<Day, Vec<AgentUse<'a>>> {
        let names = &self.rollups.names;
        let roles: HashMap<Name, bool> = self
            .days
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(|(_, fetch)| *fetch)
            .flat_map(Fetch::agents)
            .map(|(key, _)| (key.event, Role::of(names.text(key.event)).is_some_and(is_meant)))
            .collect();
        let meant = |fetch: &'a Fetch| fetch.agents().filter(|(key, _)| roles.get(&key.event) == Some(&true));
        let mut tellers: Vec<Name> = self.days.keys().map(|(collector, _)| *collector).collect();
        tellers.retain(|collector| super::tells_of_calls(names.text(*collector)));
        // Of the two that a service's log holds, only the calls tell the model.
        let is_second = |collector: &str| source == Source::Tokens && collector == "service_log";
        tellers.sort_by_key(|collector| {
            let collector = names.text(*collector);
            (is_second(collector), own_rank(collector), collector)
        });
        tellers.dedup();
        let mut days_of: DaysOfScopes = HashMap::new();
        let mut told_by: BTreeMap<(Name, Day), Name> = BTreeMap::new();
        let mut uses: BTreeMap<Day, Vec<AgentUse<'a>>> = BTreeMap::new();
        for teller in tellers {
            let tells = |root: Root| {
                let days = self.days.get(&(teller, root)).into_iter().flat_map(BTreeMap::values);
                days.filter_map(|(_, fetch)| *fetch).any(|fetch| meant(fetch).next().is_some())
            };
            for root in self.outermost(scopes, tells) {
                let days = &self.days[&(teller, root)];
                note_days(
                    days_of.entry(root).or_default(),
                    days.iter().map(|(day, (state, _))| (*day, state)),
                );
                for (day, (state, fetch)) in days.range(..=view.until) {
                    let Some(fetch) = fetch.filter(|_| state.is_known()) else { continue };
                    if meant(fetch).next().is_none()
                        || *told_by.entry((root.0, *day)).or_insert(teller) != teller
                    {
                        continue;
                    }
                    uses.entry(*day).or_default().extend(meant(fetch).map(|(key, counts)| {
                        let of_session = || {
                            let session = sessions.get(&(root.0, key.session?))?;
                            self.first_of(&session.facts.flows)
                        };
                        AgentUse { key, flow: key.flow.or_else(of_session), counts }
                    }));
                }
            }
        }
        self.add_source(view, scopes, source, &days_of);
        uses
    }

    /// Notes the days of a source that several collectors tell of.
    fn add_source(&self, view: &mut View<'a>, scopes: &[Root], source: Source, days_of: &DaysOfScopes) {
        let states =
            |root| days_of.get(&root).map(|days| days.iter().map(|(day, state)| (*day, state)).collect());
        view.sources.extend(self.united(scopes, states).map(|days| (source, days)));
    }

    /// The first of several names by their text: where tellers differ, the choice must not depend on their order.
    fn first_of(&self, several: &[Name]) -> Option<Name> {
        several.iter().copied().min_by_key(|name| self.rollups.names.text(*name))
    }
}

/// Notes days that another collector tells of: of each the better state counts.
fn note_days<'s>(known: &mut BTreeMap<Day, DayState>, days: impl Iterator<Item = (Day, &'s DayState)>) {
    for (day, state) in days {
        let worth = |state: &DayState| (std::cmp::Reverse(state.status), state.fetched_at);
        match known.get(&day) {
            Some(there) if worth(there) >= worth(state) => {}
            _ => drop(known.insert(day, state.clone())),
        }
    }
}
