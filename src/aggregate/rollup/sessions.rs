//! What the rows of a fetch tell of agents: sessions by their id, and calls of tools and tokens, counted.

use super::names::{Name, PersonId};
use super::runs::{Members, Packing, Runs, Twice, read, write};
use crate::base::calendar::Timestamp;
use crate::events::agents::{AgentCounts, Step};
use crate::model::record::TOO_LARGE;

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

/// By what calls of tools and tokens are counted, beside the user and the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentCell {
    /// The event's name.
    pub event: Name,
    /// The flow type, where the event tells it.
    pub flow: Option<Name>,
    /// The tool.
    pub tool: Option<Name>,
    /// The model.
    pub model: Option<Name>,
}

/// What is told of sessions, in some seven bytes a fact. It is a set: telling it again changes nothing.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    runs: Runs<BySession>,
    waiting: Vec<(Name, SessionFact)>,
}

/// What is told of sessions, by session.
#[derive(Clone, Debug)]
pub struct Facts<'a>(Members<'a, BySession>);

/// What is told of sessions, packed: how far the session is from the one before, and the fact. Of a user who is told twice
/// the first moment stays.
#[derive(Debug)]
struct BySession;

/// What tells one fact of a session from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum FactKey {
    User(PersonId),
    Flow(Name),
    Environment(Name),
    Step(Timestamp, Step),
}

/// How many facts wait before they are put in order: of most days all.
const MOST_FACTS_WAITING: usize = 1 << 15;

/// Calls of tools and tokens summed by key, in little memory: from five bytes to some forty for each of them.
#[derive(Debug, Default)]
pub(super) struct AgentTally {
    runs: Runs<ByCaller>,
    /// What waits to be summed, with where its counts start.
    waiting: Vec<(AgentKey, u32)>,
    /// The counts of those, packed: most of the numbers are zero.
    counts: Vec<u8>,
}

/// The sums of a cell, by user and session.
#[derive(Clone, Debug)]
pub struct AgentEntries<'a> {
    cell: AgentCell,
    callers: Members<'a, ByCaller>,
}

/// Calls of tools and tokens by cell, and by user and session, packed: how far the user is from the one before, the session
/// where it counts, and the counts.
#[derive(Debug)]
struct ByCaller;

/// How many counts of calls of tools and of tokens wait before they are summed.
const MOST_WAITING: usize = 1 << 12;

impl SessionFact {
    /// What tells it from others, and the moment of a user.
    fn parts(self) -> (FactKey, Option<Timestamp>) {
        match self {
            SessionFact::User(person, since) => (FactKey::User(person), Some(since)),
            SessionFact::Flow(flow) => (FactKey::Flow(flow), None),
            SessionFact::Environment(environment) => (FactKey::Environment(environment), None),
            SessionFact::Step(at, step) => (FactKey::Step(at, step), None),
        }
    }
}

impl Sessions {
    /// Adds what is told of a session.
    pub(super) fn add(&mut self, session: Name, fact: SessionFact) {
        self.waiting.push((session, fact));
        if self.waiting.len() >= MOST_FACTS_WAITING {
            self.settle();
        }
    }

    /// Puts what waits in order, and gives back the memory it waited in.
    pub(super) fn settle(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_unstable();
        self.runs.add(waiting.into_iter().map(|(session, fact)| {
            let (key, since) = fact.parts();
            (((), (session, key)), since)
        }));
    }

    /// Puts everything in order, after which it can be read.
    pub(super) fn finish(&mut self) {
        self.settle();
        self.runs.finish();
    }

    /// Everything, by session. What waits, or was not merged, is not in order: finish first.
    pub(super) fn facts(&self) -> impl Iterator<Item = Facts<'_>> {
        self.runs.groups().map(|((), facts)| Facts(facts))
    }
}

impl Packing for BySession {
    type Group = ();
    type Member = (Name, FactKey);
    /// The moment of a user.
    type Sum = Option<Timestamp>;

    fn add(since: &mut Option<Timestamp>, other: &Option<Timestamp>) {
        *since = (*since).min(*other);
    }

    fn is_too_large(_: &Option<Timestamp>) -> bool {
        false
    }

    fn write(
        bytes: &mut Vec<u8>,
        before: Option<Self::Member>,
        (session, fact): Self::Member,
        since: &Option<Timestamp>,
    ) {
        let distance = u64::from(session.0 - before.map_or(0, |(before, _)| before.0));
        let mut start = |kind: u64, number: u64| {
            write(bytes, distance << 2 | kind);
            write(bytes, number);
        };
        match fact {
            FactKey::User(person) => start(0, person.0.into()),
            FactKey::Flow(flow) => start(1, flow.0.into()),
            FactKey::Environment(environment) => start(2, environment.0.into()),
            FactKey::Step(_, step) => start(3, step as u64),
        }
        let at = if let FactKey::Step(at, _) = fact { Some(at) } else { *since };
        if let Some((seconds, nanoseconds)) = at.map(Timestamp::unix_parts) {
            write(bytes, seconds as u64);
            write(bytes, nanoseconds.into());
        }
    }

    fn read(bytes: &mut &[u8], before: Option<Self::Member>) -> Option<(Self::Member, Option<Timestamp>)> {
        let (first, number) = (read(bytes)?, read(bytes)?);
        let session = Name(before.map_or(0, |(before, _)| before.0) + (first >> 2) as u32);
        let mut at = || Timestamp::from_unix_parts((read(bytes)? as i64, read(bytes)? as u32));
        let (fact, since) = match first & 3 {
            0 => (FactKey::User(PersonId(number as u32)), Some(at()?)),
            1 => (FactKey::Flow(Name(number as u32)), None),
            2 => (FactKey::Environment(Name(number as u32)), None),
            _ => (FactKey::Step(at()?, Step::ALL[number as usize]), None),
        };
        Some(((session, fact), since))
    }
}

impl Iterator for Facts<'_> {
    type Item = (Name, SessionFact);

    fn next(&mut self) -> Option<(Name, SessionFact)> {
        let ((session, fact), since) = self.0.next()?;
        let fact = match fact {
            FactKey::User(person) => SessionFact::User(person, since?),
            FactKey::Flow(flow) => SessionFact::Flow(flow),
            FactKey::Environment(environment) => SessionFact::Environment(environment),
            FactKey::Step(at, step) => SessionFact::Step(at, step),
        };
        Some((session, fact))
    }
}

impl AgentKey {
    /// By what is counted, beside the user and the session.
    fn cell(&self) -> AgentCell {
        AgentCell { event: self.event, flow: self.flow, tool: self.tool, model: self.model }
    }

    fn caller(&self) -> (PersonId, Option<Name>) {
        (self.person, self.session)
    }
}

impl AgentTally {
    /// An empty tally.
    pub(super) fn new(twice: Twice) -> AgentTally {
        AgentTally { runs: Runs::new(twice), ..AgentTally::default() }
    }

    /// Adds counts.
    pub(super) fn add(&mut self, key: AgentKey, counts: &AgentCounts) {
        let start = u32::try_from(self.counts.len()).expect("what waits is little");
        self.waiting.push((key, start));
        write_counts(&mut self.counts, counts);
        if self.waiting.len() >= MOST_WAITING {
            self.settle();
        }
    }

    /// Sums what waits, and gives back the memory it waited in.
    pub(super) fn settle(&mut self) {
        let (mut waiting, packed) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.counts));
        waiting.sort_unstable_by_key(|(key, _)| (key.cell(), key.caller()));
        self.runs.add(waiting.iter().map(|(key, start)| {
            let counts = read_counts(&mut &packed[*start as usize..]).expect("they were written");
            ((key.cell(), key.caller()), counts)
        }));
    }

    /// Sums everything, after which it can be read.
    pub(super) fn finish(&mut self) {
        self.settle();
        self.runs.finish();
    }

    /// Whether a sum is more than a number can hold. What waits is not in it: finish first.
    pub(super) fn is_too_large(&self) -> bool {
        self.runs.is_too_large()
    }

    /// The sums by cell, sorted. What waits, or was not merged, is not in it: finish first.
    pub(super) fn cells(&self) -> impl Iterator<Item = (AgentCell, AgentEntries<'_>)> {
        self.runs.groups().map(|(cell, callers)| (cell, AgentEntries { cell, callers }))
    }

    /// The same one by one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (AgentKey, AgentCounts)> {
        self.cells().flat_map(|(_, entries)| entries)
    }
}

impl Packing for ByCaller {
    type Group = AgentCell;
    type Member = (PersonId, Option<Name>);
    type Sum = AgentCounts;

    fn add(sum: &mut AgentCounts, more: &AgentCounts) {
        sum.add(more);
    }

    fn is_too_large(sum: &AgentCounts) -> bool {
        sum.all().contains(&TOO_LARGE)
    }

    fn write(
        bytes: &mut Vec<u8>,
        before: Option<Self::Member>,
        (person, session): Self::Member,
        counts: &AgentCounts,
    ) {
        let distance = u64::from(person.0 - before.map_or(0, |(before, _)| before.0));
        write(bytes, distance << 1 | u64::from(session.is_some()));
        if let Some(session) = session {
            write(bytes, session.0.into());
        }
        write_counts(bytes, counts);
    }

    fn read(bytes: &mut &[u8], before: Option<Self::Member>) -> Option<(Self::Member, AgentCounts)> {
        let first = read(bytes)?;
        let person = PersonId(before.map_or(0, |(before, _)| before.0) + (first >> 1) as u32);
        let session = match first & 1 {
            0 => None,
            _ => Some(Name(read(bytes)? as u32)),
        };
        Some(((person, session), read_counts(bytes)?))
    }
}

impl Iterator for AgentEntries<'_> {
    type Item = (AgentKey, AgentCounts);

    fn next(&mut self) -> Option<(AgentKey, AgentCounts)> {
        let AgentCell { event, flow, tool, model } = self.cell;
        let ((person, session), counts) = self.callers.next()?;
        Some((AgentKey { person, event, flow, session, tool, model }, counts))
    }
}

/// Writes which counts are not zero, a bit each, and then those.
fn write_counts(bytes: &mut Vec<u8>, counts: &AgentCounts) {
    let numbers = counts.all();
    let told = (0..).zip(&numbers).filter(|(_, number)| **number != 0);
    write(bytes, told.clone().map(|(place, _)| 1 << place).sum());
    told.for_each(|(_, number)| write(bytes, *number));
}

/// Reads what was written so; `None` at the end.
fn read_counts(bytes: &mut &[u8]) -> Option<AgentCounts> {
    let told = read(bytes)?;
    let mut counts = AgentCounts::default();
    for (place, number) in counts.all_mut().into_iter().enumerate() {
        if told & (1 << place) != 0 {
            *number = read(bytes)?;
        }
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn counts() -> impl Strategy<Value = Vec<(AgentKey, AgentCounts)>> {
        let name = || prop_oneof![0..2_u32, Just(200), Just(u32::MAX)].prop_map(Name);
        let told = || proptest::option::of(name());
        let key = (name(), name(), told(), told(), told(), told()).prop_map(
            |(person, event, flow, session, tool, model)| AgentKey {
                person: PersonId(person.0),
                event,
                flow,
                session,
                tool,
                model,
            },
        );
        let number = prop_oneof![3 => Just(0), 1 => 0..300_u64, 1 => Just(u64::MAX)];
        let counts = proptest::collection::vec(number, 19).prop_map(|numbers| {
            let mut counts = AgentCounts::default();
            counts.all_mut().into_iter().zip(numbers).for_each(|(count, number)| *count = number);
            counts
        });
        proptest::collection::vec((key, counts), 0..60)
    }

    fn facts() -> impl Strategy<Value = Vec<(Name, SessionFact)>> {
        let number = || prop_oneof![0..3_u32, Just(200), Just(u32::MAX)];
        let at = || {
            let parts =
                (prop_oneof![0..3_i64, Just(1_788_000_000)], prop_oneof![Just(0), Just(250_000_000_u32)]);
            parts.prop_map(|parts| Timestamp::from_unix_parts(parts).expect("a moment"))
        };
        let step = proptest::sample::select(Step::ALL.to_vec());
        let fact = prop_oneof![
            (number(), at()).prop_map(|(person, since)| SessionFact::User(PersonId(person), since)),
            number().prop_map(|flow| SessionFact::Flow(Name(flow))),
            number().prop_map(|environment| SessionFact::Environment(Name(environment))),
            (at(), step).prop_map(|(at, step)| SessionFact::Step(at, step)),
        ];
        proptest::collection::vec((number().prop_map(Name), fact), 0..80)
    }

    proptest! {
        #[test]
        fn facts_are_a_set_in_order_and_of_a_user_the_first_moment_stays(
            facts in facts(),
            every in 1..20_usize,
        ) {
            let mut sessions = Sessions::default();
            for (number, (session, fact)) in facts.iter().enumerate() {
                sessions.add(*session, *fact);
                if number % every == 0 {
                    sessions.settle();
                }
            }
            sessions.finish();
            let mut plain: Vec<_> = facts.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            plain.dedup_by_key(|(session, fact)| (*session, fact.parts().0));
            prop_assert_eq!(sessions.facts().flatten().collect::<Vec<_>>(), plain);
        }

        #[test]
        fn sums_are_those_of_a_plain_map_however_they_are_settled(
            mut counts in counts(),
            again in 0..3_usize,
            every in 1..20_usize,
            once in any::<bool>(),
        ) {
            (0..again).for_each(|_| counts.extend_from_within(..counts.len().min(9)));
            let twice = if once { Twice::CountOnce } else { Twice::AddUp };
            let mut tally = AgentTally::new(twice);
            let mut plain: BTreeMap<AgentKey, AgentCounts> = BTreeMap::new();
            for (number, (key, more)) in counts.iter().enumerate() {
                tally.add(*key, more);
                let sum = plain.entry(*key).or_default();
                match twice {
                    Twice::AddUp => sum.add(more),
                    Twice::CountOnce => *sum = (*sum).max(*more),
                }
                if number % every == 0 {
                    tally.settle();
                }
            }
            tally.finish();
            let mut sums: Vec<_> = tally.iter().collect();
            sums.sort_unstable();
            prop_assert_eq!(sums, plain.into_iter().collect::<Vec<_>>());
        }
    }
}
