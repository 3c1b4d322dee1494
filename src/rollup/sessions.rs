//! What the rows of a fetch tell of agents: sessions by their id, and calls of tools and tokens, counted.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::names::{Name, PersonId};
use super::tally::Twice;
use crate::agents::{AgentCounts, Step};
use crate::calendar::Timestamp;

/// What is told of a session. Everything in it is a sorted set, so that telling it again changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// Its users, and the moment of the first event of each; by user.
    pub users: Vec<(PersonId, Timestamp)>,
    /// Its flow types.
    pub flows: Vec<Name>,
    /// Where it runs.
    pub environments: Vec<Name>,
    /// Its steps.
    pub steps: Vec<(Timestamp, Step)>,
}

/// By what calls of tools and tokens are counted, beside the fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentKey {
    /// The user.
    pub person: PersonId,
    /// The event's name.
    pub event: Name,
    /// The flow type, where the event tells it.
    pub flow: Option<Name>,
    /// The session, where the event does not tell the flow.
    pub session: Option<Name>,
    /// The tool.
    pub tool: Option<Name>,
    /// The model.
    pub model: Option<Name>,
}

/// Sessions by their id.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<Name, SessionFacts, RandomState>);

/// Sums by key.
#[derive(Debug, Default)]
pub(super) struct AgentTally {
    twice: Twice,
    sums: HashMap<AgentKey, AgentCounts, RandomState>,
}

impl SessionFacts {
    /// Adds what else is told.
    pub fn add(&mut self, other: &SessionFacts) {
        for (person, since) in &other.users {
            match self.users.binary_search_by_key(person, |(known, _)| *known) {
                Ok(at) => self.users[at].1 = self.users[at].1.min(*since),
                Err(at) => self.users.insert(at, (*person, *since)),
            }
        }
        other.flows.iter().for_each(|flow| note(&mut self.flows, *flow));
        other.environments.iter().for_each(|environment| note(&mut self.environments, *environment));
        other.steps.iter().for_each(|step| note(&mut self.steps, *step));
    }
}

fn note<T: Ord>(sorted: &mut Vec<T>, item: T) {
    // Most streams tell what happened in its order.
    if sorted.last().is_none_or(|last| *last < item) {
        sorted.push(item);
    } else if let Err(at) = sorted.binary_search(&item) {
        sorted.insert(at, item);
    }
}

impl Sessions {
    /// Adds what is told of a session.
    pub(super) fn add(&mut self, session: Name, facts: &SessionFacts) {
        self.0.entry(session).or_default().add(facts);
    }

    /// Every session, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Name, &SessionFacts)> {
        self.0.iter().map(|(session, facts)| (*session, facts))
    }
}

impl AgentTally {
    /// An empty tally.
    pub(super) fn new(twice: Twice) -> AgentTally {
        AgentTally { twice, ..AgentTally::default() }
    }

    /// Adds counts.
    pub(super) fn add(&mut self, key: AgentKey, counts: &AgentCounts) {
        let sum = self.sums.entry(key).or_default();
        match self.twice {
            Twice::AddUp => sum.add(counts),
            // Should they differ all the same, the choice must not depend on their order.
            Twice::CountOnce => *sum = (*sum).max(*counts),
        }
    }

    /// Every sum, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&AgentKey, &AgentCounts)> {
        self.sums.iter()
    }
}
