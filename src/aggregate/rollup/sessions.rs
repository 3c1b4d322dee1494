//! Agent data of a fetch: sessions by id, and sums of tool calls and tokens.

use super::interner::{PersonId, Symbol};
use super::sorted_runs::{Members, OnDuplicate, Packing, SortedRuns, read_number, write_number};
use crate::base::calendar::Timestamp;
use crate::events::agents::{AgentCounts, Step};
use crate::model::number::TOO_LARGE;

/// A fact about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionFact {
    /// A user, and the time of the user's first event.
    User(PersonId, Timestamp),
    /// The flow type.
    Flow(Symbol),
    /// The environment.
    Environment(Symbol),
    /// A step and its time.
    Step(Timestamp, Step),
    /// A label, its text, and the time of the first event with it.
    Label(SessionLabel, Symbol, Timestamp),
}

/// What an event reports of its session besides the flow type: fields of the AI Context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionLabel {
    /// The name of an agent that acts in it.
    Agent,
    /// The version of its flow or agent.
    Version,
    /// What runs: a foundational or custom agent, flow or external agent.
    ItemType,
    /// The id of its custom agent or flow.
    Item,
}

impl SessionLabel {
    /// Every label, in order.
    pub const ALL: [SessionLabel; 4] =
        [SessionLabel::Agent, SessionLabel::Version, SessionLabel::ItemType, SessionLabel::Item];
}

/// The fields of an event line that label its session.
#[derive(Clone, Copy, Default)]
pub(super) struct LabelFields<'a> {
    pub(super) agent: Option<&'a str>,
    pub(super) flow_version: Option<&'a str>,
    pub(super) item_type: Option<&'a str>,
    pub(super) item: Option<&'a str>,
    pub(super) item_version: Option<&'a str>,
}

impl<'a> LabelFields<'a> {
    /// The texts in the order of [`SessionLabel::ALL`]. The version of the item replaces that of the
    /// flow in newer releases; `version` is the one in the name of the flow, if it has one.
    pub(super) fn texts(self, version: Option<&'a str>) -> [Option<&'a str>; SessionLabel::ALL.len()] {
        let LabelFields { agent, flow_version, item_type, item, item_version } = self;
        [agent, item_version.or(flow_version).or(version), item_type, item]
    }
}

/// The dimensions of a count of tool calls and tokens, besides the fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentKey {
    /// The user.
    pub person: PersonId,
    /// The event's name.
    pub event: Symbol,
    /// The flow type, if the event reports it.
    pub flow: Option<Symbol>,
    /// The session, if the event does not report the flow type.
    pub session: Option<Symbol>,
    /// The tool.
    pub tool: Option<Symbol>,
    /// The model.
    pub model: Option<Symbol>,
}

/// The dimensions of a count of tool calls and tokens, besides fetch, user and session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentCell {
    /// The event's name.
    pub event: Symbol,
    /// The flow type, if the event reports it.
    pub flow: Option<Symbol>,
    /// The tool.
    pub tool: Option<Symbol>,
    /// The model.
    pub model: Option<Symbol>,
}

/// Facts about sessions, about seven bytes each. A set: repeated facts change nothing.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    runs: SortedRuns<BySession>,
    pending: Vec<(Symbol, SessionFact)>,
}

/// Facts in the order of their sessions.
#[derive(Clone, Debug)]
pub struct Facts<'a>(Members<'a, BySession>);

/// Packed facts: the distance of the session from the one before, and the fact. Of a user or label
/// with several times, the first one stays.
#[derive(Debug)]
struct BySession;

/// Identifies a fact within a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum FactKey {
    User(PersonId),
    Flow(Symbol),
    Environment(Symbol),
    Step(Timestamp, Step),
    Label(SessionLabel, Symbol),
}

/// The number of the first label among the kinds of packed facts, which have three bits.
const FIRST_LABEL: u64 = 4;

/// Facts that may be pending before they are sorted. Most days have fewer in all.
const MAX_PENDING_FACTS: usize = 1 << 15;

/// Tool calls and tokens summed by key; each sum takes five to about forty bytes.
#[derive(Debug, Default)]
pub(super) struct AgentTally {
    runs: SortedRuns<ByCaller>,
    /// Pending keys, each with the start of its counts.
    pending: Vec<(AgentKey, u32)>,
    /// The packed pending counts: most numbers are zero.
    counts: Vec<u8>,
}

/// The sums of a cell by user and session.
#[derive(Clone, Debug)]
pub struct AgentEntries<'a> {
    cell: AgentCell,
    callers: Members<'a, ByCaller>,
}

/// Packed tool calls and tokens, grouped by cell: the distance of the user from the one before, the
/// session if it counts, and the counts.
#[derive(Debug)]
struct ByCaller;

/// Counts of tool calls and tokens that may be pending before they are summed.
const MAX_PENDING: usize = 1 << 12;

impl SessionFact {
    /// The key of the fact, and the time of a user or label.
    fn parts(self) -> (FactKey, Option<Timestamp>) {
        match self {
            SessionFact::User(person, since) => (FactKey::User(person), Some(since)),
            SessionFact::Flow(flow) => (FactKey::Flow(flow), None),
            SessionFact::Environment(environment) => (FactKey::Environment(environment), None),
            SessionFact::Step(at, step) => (FactKey::Step(at, step), None),
            SessionFact::Label(label, text, since) => (FactKey::Label(label, text), Some(since)),
        }
    }
}

impl Sessions {
    /// Adds a fact.
    pub(super) fn add(&mut self, session: Symbol, fact: SessionFact) {
        self.pending.push((session, fact));
        if self.pending.len() >= MAX_PENDING_FACTS {
            self.settle();
        }
    }

    /// Sorts pending facts and frees their memory.
    pub(super) fn settle(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_unstable();
        self.runs.add(pending.into_iter().map(|(session, fact)| {
            let (key, since) = fact.parts();
            (((), (session, key)), since)
        }));
    }

    /// Sorts and merges everything; required before reading.
    pub(super) fn finish(&mut self) {
        self.settle();
        self.runs.finish();
    }

    /// All facts by session. Call [`Sessions::finish`] first.
    pub(super) fn facts(&self) -> impl Iterator<Item = Facts<'_>> {
        self.runs.groups().map(|((), facts)| Facts(facts))
    }
}

impl Packing for BySession {
    type Group = ();
    type Member = (Symbol, FactKey);
    /// The time of a user or label.
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
            write_number(bytes, distance << 3 | kind);
            write_number(bytes, number);
        };
        match fact {
            FactKey::User(person) => start(0, person.0.into()),
            FactKey::Flow(flow) => start(1, flow.0.into()),
            FactKey::Environment(environment) => start(2, environment.0.into()),
            FactKey::Step(_, step) => start(3, step as u64),
            FactKey::Label(label, text) => start(FIRST_LABEL + label as u64, text.0.into()),
        }
        let at = if let FactKey::Step(at, _) = fact { Some(at) } else { *since };
        if let Some((seconds, nanoseconds)) = at.map(Timestamp::unix_parts) {
            write_number(bytes, seconds as u64);
            write_number(bytes, nanoseconds.into());
        }
    }

    fn read(bytes: &mut &[u8], before: Option<Self::Member>) -> Option<(Self::Member, Option<Timestamp>)> {
        let (first, number) = (read_number(bytes)?, read_number(bytes)?);
        let session = Symbol(before.map_or(0, |(before, _)| before.0) + (first >> 3) as u32);
        let mut at = || Timestamp::from_unix_parts(read_number(bytes)? as i64, read_number(bytes)? as u32);
        let (fact, since) = match first & 7 {
            0 => (FactKey::User(PersonId(number as u32)), Some(at()?)),
            1 => (FactKey::Flow(Symbol(number as u32)), None),
            2 => (FactKey::Environment(Symbol(number as u32)), None),
            3 => (FactKey::Step(at()?, Step::ALL[number as usize]), None),
            kind => {
                let label = SessionLabel::ALL[(kind - FIRST_LABEL) as usize];
                (FactKey::Label(label, Symbol(number as u32)), Some(at()?))
            }
        };
        Some(((session, fact), since))
    }
}

impl Iterator for Facts<'_> {
    type Item = (Symbol, SessionFact);

    fn next(&mut self) -> Option<(Symbol, SessionFact)> {
        let ((session, fact), since) = self.0.next()?;
        let fact = match fact {
            FactKey::User(person) => SessionFact::User(person, since?),
            FactKey::Flow(flow) => SessionFact::Flow(flow),
            FactKey::Environment(environment) => SessionFact::Environment(environment),
            FactKey::Step(at, step) => SessionFact::Step(at, step),
            FactKey::Label(label, text) => SessionFact::Label(label, text, since?),
        };
        Some((session, fact))
    }
}

impl AgentKey {
    /// The key without user and session.
    fn cell(&self) -> AgentCell {
        AgentCell { event: self.event, flow: self.flow, tool: self.tool, model: self.model }
    }

    fn caller(&self) -> (PersonId, Option<Symbol>) {
        (self.person, self.session)
    }
}

impl AgentTally {
    /// An empty tally.
    pub(super) fn new(on_duplicate: OnDuplicate) -> AgentTally {
        AgentTally { runs: SortedRuns::new(on_duplicate), ..AgentTally::default() }
    }

    /// Adds counts.
    pub(super) fn add(&mut self, key: AgentKey, counts: &AgentCounts) {
        let start = u32::try_from(self.counts.len()).expect("few counts are pending");
        self.pending.push((key, start));
        write_counts(&mut self.counts, counts);
        if self.pending.len() >= MAX_PENDING {
            self.settle();
        }
    }

    /// Sums pending counts and frees their memory.
    pub(super) fn settle(&mut self) {
        let (mut pending, packed) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.counts));
        pending.sort_unstable_by_key(|(key, _)| (key.cell(), key.caller()));
        self.runs.add(pending.iter().map(|(key, start)| {
            let counts = read_counts(&mut &packed[*start as usize..]).expect("they were written");
            ((key.cell(), key.caller()), counts)
        }));
    }

    /// Sums everything; required before reading.
    pub(super) fn finish(&mut self) {
        self.settle();
        self.runs.finish();
    }

    /// Whether a sum overflows. Call [`AgentTally::finish`] first.
    pub(super) fn is_too_large(&self) -> bool {
        self.runs.is_too_large()
    }

    /// The sums by cell, sorted. Call [`AgentTally::finish`] first.
    pub(super) fn cells(&self) -> impl Iterator<Item = (AgentCell, AgentEntries<'_>)> {
        self.runs.groups().map(|(cell, callers)| (cell, AgentEntries { cell, callers }))
    }

    /// The sums one by one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (AgentKey, AgentCounts)> {
        self.cells().flat_map(|(_, entries)| entries)
    }
}

impl Packing for ByCaller {
    type Group = AgentCell;
    type Member = (PersonId, Option<Symbol>);
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
        write_number(bytes, distance << 1 | u64::from(session.is_some()));
        if let Some(session) = session {
            write_number(bytes, session.0.into());
        }
        write_counts(bytes, counts);
    }

    fn read(bytes: &mut &[u8], before: Option<Self::Member>) -> Option<(Self::Member, AgentCounts)> {
        let first = read_number(bytes)?;
        let person = PersonId(before.map_or(0, |(before, _)| before.0) + (first >> 1) as u32);
        let session = match first & 1 {
            0 => None,
            _ => Some(Symbol(read_number(bytes)? as u32)),
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

/// Writes a bit mask of the counts that are not zero, then those counts.
fn write_counts(bytes: &mut Vec<u8>, counts: &AgentCounts) {
    let numbers = counts.all();
    let nonzero = (0..).zip(&numbers).filter(|(_, number)| **number != 0);
    write_number(bytes, nonzero.clone().map(|(index, _)| 1 << index).sum());
    nonzero.for_each(|(_, number)| write_number(bytes, *number));
}

/// Reads what [`write_counts`] wrote; `None` at the end.
fn read_counts(bytes: &mut &[u8]) -> Option<AgentCounts> {
    let mask = read_number(bytes)?;
    let mut counts = AgentCounts::default();
    for (index, number) in counts.all_mut().into_iter().enumerate() {
        if mask & (1 << index) != 0 {
            *number = read_number(bytes)?;
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
        let name = || prop_oneof![0..2_u32, Just(200), Just(u32::MAX)].prop_map(Symbol);
        let optional = || proptest::option::of(name());
        let key = (name(), name(), optional(), optional(), optional(), optional()).prop_map(
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

    fn facts() -> impl Strategy<Value = Vec<(Symbol, SessionFact)>> {
        let number = || prop_oneof![0..3_u32, Just(200), Just(u32::MAX)];
        let at = || {
            let parts =
                (prop_oneof![0..3_i64, Just(1_788_000_000)], prop_oneof![Just(0), Just(250_000_000_u32)]);
            parts.prop_map(|(seconds, nanoseconds)| {
                Timestamp::from_unix_parts(seconds, nanoseconds).expect("a timestamp")
            })
        };
        let step = proptest::sample::select(Step::ALL.to_vec());
        let label = proptest::sample::select(SessionLabel::ALL.to_vec());
        let fact = prop_oneof![
            (number(), at()).prop_map(|(person, since)| SessionFact::User(PersonId(person), since)),
            number().prop_map(|flow| SessionFact::Flow(Symbol(flow))),
            number().prop_map(|environment| SessionFact::Environment(Symbol(environment))),
            (at(), step).prop_map(|(at, step)| SessionFact::Step(at, step)),
            (label, number(), at()).prop_map(|(label, text, since)| SessionFact::Label(
                label,
                Symbol(text),
                since
            )),
        ];
        proptest::collection::vec((number().prop_map(Symbol), fact), 0..80)
    }

    proptest! {
        #[test]
        fn facts_are_a_sorted_set_with_the_first_time_of_each_user(
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
            let mut expected: Vec<_> = facts.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            expected.dedup_by_key(|(session, fact)| (*session, fact.parts().0));
            prop_assert_eq!(sessions.facts().flatten().collect::<Vec<_>>(), expected);
        }

        #[test]
        fn sums_equal_those_of_a_map_however_often_they_are_settled(
            mut counts in counts(),
            again in 0..3_usize,
            every in 1..20_usize,
            once in any::<bool>(),
        ) {
            (0..again).for_each(|_| counts.extend_from_within(..counts.len().min(9)));
            let on_duplicate = if once { OnDuplicate::KeepOne } else { OnDuplicate::Add };
            let mut tally = AgentTally::new(on_duplicate);
            let mut expected: BTreeMap<AgentKey, AgentCounts> = BTreeMap::new();
            for (number, (key, more)) in counts.iter().enumerate() {
                tally.add(*key, more);
                let sum = expected.entry(*key).or_default();
                match on_duplicate {
                    OnDuplicate::Add => sum.add(more),
                    OnDuplicate::KeepOne => *sum = (*sum).max(*more),
                }
                if number % every == 0 {
                    tally.settle();
                }
            }
            tally.finish();
            let mut sums: Vec<_> = tally.iter().collect();
            sums.sort_unstable();
            prop_assert_eq!(sums, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
