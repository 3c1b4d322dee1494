//! What the rows of a fetch tell of agents: sessions by their id, and calls of tools and tokens, counted.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::names::{Name, PersonId};
use super::tally::Twice;
use crate::agents::{AgentCounts, Step};
use crate::calendar::Timestamp;

/// One thing that is told of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionFact {
    /// A user of it, and the moment of the first event of theirs.
    User(PersonId, Timestamp),
    /// Its flow type.
    Flow(Name),
    /// Where it runs.
    Environment(Name),
    /// A step of it.
    Step(Timestamp, Step),
}

/// How many facts may wait to be put in order, beside as many as are in order.
const FEW_FACTS: usize = 1 << 10;

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

/// What is told of sessions, in 24 bytes a fact. It is a set: telling it again changes nothing.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Sorted, up to what was added since.
    facts: Vec<(Name, SessionFact)>,
    sorted: usize,
}

/// Sums by key.
#[derive(Debug, Default)]
pub(super) struct AgentTally {
    twice: Twice,
    sums: HashMap<AgentKey, AgentCounts, RandomState>,
}

impl Sessions {
    /// Adds what is told of a session.
    pub(super) fn add(&mut self, session: Name, fact: SessionFact) {
        self.facts.push((session, fact));
        if self.facts.len() - self.sorted > self.sorted + FEW_FACTS {
            self.settle();
        }
    }

    /// Puts it in order, after which it can be read, and gives back the memory that it no longer needs.
    pub(super) fn finish(&mut self) {
        self.settle();
        self.facts.shrink_to_fit();
    }

    /// Everything, by session. What was added since is not in order: finish first.
    pub(super) fn facts(&self) -> &[(Name, SessionFact)] {
        &self.facts
    }

    fn settle(&mut self) {
        // What is sorted already and what came since are two runs, which this sort only has to merge.
        self.facts.sort();
        self.facts.dedup_by(|later, fact| match (&*later, &*fact) {
            // Of a user, the first moment stays.
            ((session, SessionFact::User(user, _)), (of, SessionFact::User(person, _))) => {
                (session, user) == (of, person)
            }
            (later, fact) => later == fact,
        });
        self.sorted = self.facts.len();
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
