//! The counts of readers, by reader-local ids, and how the rollups merge them under their own ids.
//! Only the rollups know which rows were counted before.

use super::cells::Cell;
use super::fetch::{Fetch, Segment};
use super::interner::{PersonId, Symbol, Texts};
use super::row_set::{EventId, word_key};
use super::sessions::{AgentKey, SessionFact, SessionLabel};
use super::tally::{CellId, Usage};
use super::{Rollups, Target};
use crate::base::calendar::{Day, Timestamp};
use crate::events::agents::{AgentCounts, Step};
use crate::events::features as known_events;
use crate::model::record::Row;

/// The counts of a reader since its last batch, by reader-local ids.
#[derive(Default)]
pub struct Batch {
    pub(super) texts: Vec<Box<str>>,
    /// The ids of sessions, once per use: there are too many for a reader to intern.
    pub(super) sessions: Texts,
    /// Ids of the texts of the instances.
    pub(super) instances: Vec<u32>,
    pub(super) people: Vec<(usize, Box<str>)>,
    /// User names of people, with the time of the fetch.
    pub(super) usernames: Vec<(u32, Box<str>, Timestamp)>,
    /// Bots by a record of a fetch, as (fetch, person).
    pub(super) bots: Vec<(u32, u32)>,
    pub(super) cells: Vec<(u32, u32, Option<u32>, Option<u32>)>,
    pub(super) fetches: Vec<([u32; 3], Day, Timestamp)>,
    pub(super) events: Vec<CountedEvent>,
    /// The parts that only a few events have, ordered by the index of the event.
    pub(super) extras: Vec<Extra>,
    pub(super) repeated: Vec<RepeatedEvent>,
    pub(super) parts: Vec<CountedPart>,
    pub(super) agents: Vec<AgentPart>,
}

/// Translates reader-local ids to the ids of the rollups.
#[derive(Default)]
pub struct LocalIds {
    texts: Vec<Symbol>,
    /// The sessions of the current batch only.
    sessions: Vec<Symbol>,
    instances: Vec<Symbol>,
    people: Vec<PersonId>,
    cells: Vec<CellId>,
    fetches: Vec<TimedTarget>,
}

/// The target of a fetch, and when it was fetched.
#[derive(Clone, Copy)]
struct TimedTarget {
    target: Target,
    fetched_at: Timestamp,
}

pub(super) struct CountedEvent {
    pub(super) fetch: u32,
    pub(super) row: Row,
    pub(super) cell: u32,
    pub(super) person: u32,
    pub(super) lines: Option<u32>,
}

pub(super) struct CountedPart {
    pub(super) fetch: u32,
    pub(super) part: u32,
    pub(super) cell: u32,
    pub(super) person: u32,
    pub(super) usage: Usage,
}

/// Equal events in consecutive rows.
pub(super) struct RepeatedEvent {
    pub(super) first: CountedEvent,
    pub(super) rows: u32,
    pub(super) agent: Option<AgentEvent>,
}

/// The parts that only a few events have: their own id, or agent data.
pub(super) struct Extra {
    /// The index of the event in [`Batch::events`].
    pub(super) index: usize,
    pub(super) id: Option<EventId>,
    pub(super) agent: Option<AgentEvent>,
}

/// The agent data of an event.
pub(super) struct AgentEvent {
    pub(super) ts: Timestamp,
    pub(super) step: Option<Step>,
    pub(super) event: u32,
    /// Its index in [`Batch::sessions`].
    pub(super) session: Option<u32>,
    pub(super) flow: Option<u32>,
    pub(super) environment: Option<u32>,
    /// The texts of each label, in the order of [`SessionLabel::ALL`].
    pub(super) labels: [Option<u32>; SessionLabel::ALL.len()],
    pub(super) tool: Option<u32>,
    pub(super) model: Option<u32>,
    /// The counts of a tool call or model call.
    pub(super) counts: Option<AgentCounts>,
}

/// Agent data of a part of a fetch, from a rollup line.
pub(super) struct AgentPart {
    pub(super) fetch: u32,
    pub(super) part: u32,
    pub(super) rows: AgentRows,
}

pub(super) enum AgentRows {
    Session {
        session: u32,
        users: Vec<(u32, Timestamp)>,
        flows: Vec<u32>,
        environments: Vec<u32>,
        labels: Vec<(SessionLabel, u32, Timestamp)>,
        steps: Vec<(Timestamp, Step)>,
    },
    Counts {
        person: u32,
        event: u32,
        session: Option<u32>,
        /// Flow, tool and model.
        dimensions: [Option<u32>; 3],
        counts: Box<AgentCounts>,
    },
}

impl Batch {
    /// Number of events and rollups.
    pub fn len(&self) -> u64 {
        (self.events.len() + self.repeated.len() + self.parts.len() + self.agents.len()) as u64
    }

    /// Whether so many events have extras that the batch takes several times as much memory.
    pub fn has_many_extras(&self) -> bool {
        self.extras.len() > self.events.len() / 4
    }

    /// The batch without any counts: only the ids that the reader assigned.
    #[must_use]
    pub fn without_counts(self) -> Batch {
        let Batch { texts, sessions, instances, people, cells, fetches, .. } = self;
        Batch { texts, sessions, instances, people, cells, fetches, ..Batch::default() }
    }

    /// Whether it has no counts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Rollups {
    /// Adds the counts of a reader. `local_ids` belongs to that reader.
    pub fn add_batch(&mut self, mut batch: Batch, local_ids: &mut LocalIds) {
        self.add_local_ids(&mut batch, local_ids);
        let Batch { usernames, bots, events, extras, repeated, parts, agents, .. } = batch;
        for (person, username, at) in usernames {
            self.keep_username(local_ids.person(person), &username, at);
        }
        for (fetch, person) in bots {
            let person = local_ids.person(person);
            self.fetch_of(local_ids.fetch(fetch)).bots.insert(person);
        }
        self.add_events(&events, &extras, local_ids);
        self.add_repeated(&repeated, local_ids);
        for of_part in parts.chunk_by(|one, other| (one.fetch, one.part) == (other.fetch, other.part)) {
            let part = self.symbols.text(local_ids.text(of_part[0].part)).to_owned();
            let tally = &mut self.fetch_of(local_ids.fetch(of_part[0].fetch)).part(&part).usage;
            for CountedPart { cell, person, usage, .. } in of_part {
                tally.add(local_ids.cell(*cell), local_ids.person(*person), *usage);
            }
        }
        for AgentPart { fetch, part, rows } in &agents {
            let part = self.symbols.text(local_ids.text(*part)).to_owned();
            rows.add_to(self.fetch_of(local_ids.fetch(*fetch)).part(&part), local_ids);
        }
        let agent_weight = extras.iter().filter(|extra| extra.agent.is_some()).count()
            + repeated.iter().filter(|repeated| repeated.agent.is_some()).count()
            + agents.iter().map(|part| part.rows.weight()).sum::<usize>();
        self.settle_if_many(events.len() + repeated.len() + parts.len(), agent_weight);
    }

    /// Interns what is new in the batch.
    fn add_local_ids(&mut self, batch: &mut Batch, local_ids: &mut LocalIds) {
        local_ids.texts.extend(batch.texts.iter().map(|text| self.symbols.intern(text)));
        local_ids.sessions.clear();
        local_ids.sessions.extend(batch.sessions.iter().map(|session| self.symbols.intern(session)));
        let symbol = |id: u32| local_ids.texts[id as usize];
        local_ids.instances.extend(batch.instances.drain(..).map(symbol));
        for (instance, user) in batch.people.drain(..) {
            local_ids.people.push(self.people.intern(local_ids.instances[instance], &user));
        }
        for (event, feature, language, ide) in batch.cells.drain(..) {
            let cell = Cell {
                event: symbol(event),
                is_intentional: known_events::is_intentional_use(self.symbols.text(symbol(event))),
                feature: symbol(feature),
                language: language.map(symbol),
                ide: ide.map(symbol),
            };
            local_ids.cells.push(self.cells.intern(cell));
        }
        for ([instance, collector, scope], day, fetched_at) in batch.fetches.drain(..) {
            let target = Target {
                instance: symbol(instance),
                collector: symbol(collector),
                scope: symbol(scope),
                day,
            };
            local_ids.fetches.push(TimedTarget { target, fetched_at });
        }
    }

    fn add_events(&mut self, events: &[CountedEvent], extras: &[Extra], local_ids: &LocalIds) {
        let mut index = 0;
        let mut extras = extras.iter().peekable();
        for of_fetch in events.chunk_by(|one, other| one.fetch == other.fetch) {
            let fetch = self.fetch_of(local_ids.fetch(of_fetch[0].fetch));
            for of_word in of_fetch.chunk_by(|one, other| word_key(one.row) == word_key(other.row)) {
                let (mut rows, ids) = fetch.rows.word_and_ids(of_word[0].row);
                for event in of_word {
                    let extra = extras.next_if(|extra| extra.index == index);
                    index += 1;
                    // If the source has event ids, the row is meaningless: another file has another
                    // event in that row.
                    let is_new = match extra.and_then(|extra| extra.id) {
                        Some(id) => ids.insert(id),
                        None => rows.insert(event.row),
                    };
                    if !is_new {
                        continue;
                    }
                    let person = local_ids.person(event.person);
                    let usage = Usage::of_event(event.lines);
                    fetch.from_records.usage.add(local_ids.cell(event.cell), person, usage);
                    if let Some(agent) = extra.and_then(|extra| extra.agent.as_ref()) {
                        agent.add_to(&mut fetch.from_records, person, local_ids, 1);
                    }
                }
            }
        }
    }

    fn add_repeated(&mut self, repeated: &[RepeatedEvent], local_ids: &LocalIds) {
        for RepeatedEvent { first, rows, agent } in repeated {
            let fetch = self.fetch_of(local_ids.fetch(first.fetch));
            let person = local_ids.person(first.person);
            let rows = fetch.rows.insert_range(first.row, *rows);
            if rows == 0 {
                continue;
            }
            let usage = Usage::of_event(first.lines).times(rows);
            fetch.from_records.usage.add(local_ids.cell(first.cell), person, usage);
            if let Some(agent) = agent {
                agent.add_to(&mut fetch.from_records, person, local_ids, rows);
            }
        }
    }

    fn fetch_of(&mut self, key: TimedTarget) -> &mut Fetch {
        self.fetches.entry(key.target).or_default().entry(key.fetched_at).or_default()
    }
}

impl LocalIds {
    fn text(&self, id: u32) -> Symbol {
        self.texts[id as usize]
    }

    fn session(&self, index: u32) -> Symbol {
        self.sessions[index as usize]
    }

    fn person(&self, id: u32) -> PersonId {
        self.people[id as usize]
    }

    fn cell(&self, id: u32) -> CellId {
        self.cells[id as usize]
    }

    fn fetch(&self, id: u32) -> TimedTarget {
        self.fetches[id as usize]
    }
}

impl AgentEvent {
    /// Adds the agent data of this many equal events.
    fn add_to(&self, part: &mut Segment, person: PersonId, local_ids: &LocalIds, events: u64) {
        let name = |id: Option<u32>| id.map(|id| local_ids.text(id));
        let (session, flow) = (self.session.map(|session| local_ids.session(session)), name(self.flow));
        if let Some(session) = session {
            let facts = [
                Some(SessionFact::User(person, self.ts)),
                flow.map(SessionFact::Flow),
                name(self.environment).map(SessionFact::Environment),
                self.step.map(|step| SessionFact::Step(self.ts, step)),
            ];
            let labels = SessionLabel::ALL.into_iter().zip(self.labels);
            let labels =
                labels.filter_map(|(label, text)| Some(SessionFact::Label(label, name(text)?, self.ts)));
            let facts = facts.into_iter().flatten().chain(labels);
            facts.for_each(|fact| part.sessions.add(session, fact));
        }
        if let Some(counts) = &self.counts {
            let key = AgentKey {
                person,
                event: local_ids.text(self.event),
                flow,
                session: session.filter(|_| flow.is_none()),
                tool: name(self.tool),
                model: name(self.model),
            };
            part.agents.add(key, &counts.times(events));
        }
    }
}

impl AgentRows {
    /// An estimate of its size in agent events, at least one.
    fn weight(&self) -> usize {
        match self {
            AgentRows::Session { users, flows, environments, labels, steps, .. } => {
                1 + (users.len() + flows.len() + environments.len() + labels.len() + steps.len()) / 4
            }
            AgentRows::Counts { .. } => 1,
        }
    }

    fn add_to(&self, part: &mut Segment, local_ids: &LocalIds) {
        match self {
            AgentRows::Session { session, users, flows, environments, labels, steps } => {
                let session = local_ids.session(*session);
                let mut add = |fact| part.sessions.add(session, fact);
                users
                    .iter()
                    .for_each(|(user, since)| add(SessionFact::User(local_ids.person(*user), *since)));
                flows.iter().for_each(|flow| add(SessionFact::Flow(local_ids.text(*flow))));
                let environments = environments.iter().map(|environment| local_ids.text(*environment));
                environments.for_each(|environment| add(SessionFact::Environment(environment)));
                labels.iter().for_each(|(label, text, since)| {
                    add(SessionFact::Label(*label, local_ids.text(*text), *since));
                });
                steps.iter().for_each(|(at, step)| add(SessionFact::Step(*at, *step)));
            }
            AgentRows::Counts { person, event, session, dimensions, counts } => {
                let [flow, tool, model] = dimensions.map(|id| id.map(|id| local_ids.text(id)));
                let session = session.map(|session| local_ids.session(session));
                let (person, event) = (local_ids.person(*person), local_ids.text(*event));
                part.agents.add(AgentKey { person, event, flow, session, tool, model }, counts);
            }
        }
    }
}
