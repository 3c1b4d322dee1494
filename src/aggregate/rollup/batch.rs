//! What readers find, in numbers of their own, and how the rollups take it over under theirs. Only they know which rows were seen
//! before.

use super::names::{Name, PersonId, Texts};
use super::rows::{EventId, word_of};
use super::sessions::{AgentKey, SessionFact};
use super::tally::{CellId, Usage};
use super::{Cell, Fetch, Part, Rollups, Target};
use crate::base::calendar::{Day, Timestamp};
use crate::events::agents::{AgentCounts, Step};
use crate::events::features as known_events;
use crate::model::record::Row;

/// What a reader found, in its own numbers.
#[derive(Default)]
pub struct Batch {
    pub(super) texts: Vec<Box<str>>,
    /// The ids of sessions, as often as they are told: they are too many for a reader to keep.
    pub(super) sessions: Texts,
    /// The texts of the instances.
    pub(super) instances: Vec<u32>,
    pub(super) people: Vec<(usize, Box<str>)>,
    /// Who is a bot by a record of a fetch: the fetch and the user.
    pub(super) bots: Vec<(u32, u32)>,
    pub(super) cells: Vec<(u32, u32, Option<u32>, Option<u32>)>,
    pub(super) fetches: Vec<([u32; 3], Day, Timestamp)>,
    pub(super) events: Vec<CountedEvent>,
    /// What few events have, by their place.
    pub(super) extras: Vec<Extra>,
    pub(super) alike: Vec<Alike>,
    pub(super) parts: Vec<CountedPart>,
    pub(super) agents: Vec<AgentPart>,
}

/// The numbers that a reader's own stand for.
#[derive(Default)]
pub struct Meanings {
    texts: Vec<Name>,
    /// Those of the batch.
    sessions: Vec<Name>,
    instances: Vec<Name>,
    people: Vec<PersonId>,
    cells: Vec<CellId>,
    fetches: Vec<(Target, Timestamp)>,
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

/// Events that say the same, of rows one after the other.
pub(super) struct Alike {
    pub(super) first: CountedEvent,
    pub(super) rows: u32,
    pub(super) told: Option<AgentEvent>,
}

/// What few events have.
pub(super) struct Extra {
    /// The place of the event among the events.
    pub(super) place: usize,
    pub(super) id: Option<EventId>,
    pub(super) told: Option<AgentEvent>,
}

/// What an event tells of agents.
pub(super) struct AgentEvent {
    pub(super) ts: Timestamp,
    pub(super) step: Option<Step>,
    pub(super) event: u32,
    /// Its place among the sessions of the batch.
    pub(super) session: Option<u32>,
    pub(super) flow: Option<u32>,
    pub(super) environment: Option<u32>,
    pub(super) tool: Option<u32>,
    pub(super) model: Option<u32>,
    /// Of a call of a tool, or of tokens.
    pub(super) counts: Option<AgentCounts>,
}

/// A part of what a fetch tells of agents, as it came in a line.
pub(super) struct AgentPart {
    pub(super) fetch: u32,
    pub(super) part: u32,
    pub(super) told: AgentsTold,
}

pub(super) enum AgentsTold {
    Session {
        session: u32,
        users: Vec<(u32, Timestamp)>,
        flows: Vec<u32>,
        environments: Vec<u32>,
        steps: Vec<(Timestamp, Step)>,
    },
    Counts {
        person: u32,
        event: u32,
        session: Option<u32>,
        /// Flow, tool and model.
        names: [Option<u32>; 3],
        counts: Box<AgentCounts>,
    },
}

impl Batch {
    /// How many events and rollups it holds.
    pub fn len(&self) -> u64 {
        (self.events.len() + self.alike.len() + self.parts.len() + self.agents.len()) as u64
    }

    /// Whether many of its events tell more than a count, which takes several times as much memory.
    pub fn tells_much(&self) -> bool {
        self.extras.len() > self.events.len() / 4
    }

    /// The same without any count: what was numbered keeps its number.
    #[must_use]
    pub fn numbers_alone(self) -> Batch {
        let Batch { texts, sessions, instances, people, cells, fetches, .. } = self;
        Batch { texts, sessions, instances, people, cells, fetches, ..Batch::default() }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Rollups {
    /// Takes what a reader found; `meanings` are those of the same reader every time.
    pub fn take(&mut self, batch: Batch, meanings: &mut Meanings) {
        let Batch {
            texts,
            sessions,
            instances,
            people,
            bots,
            cells,
            fetches,
            events,
            extras,
            alike,
            parts,
            agents,
        } = batch;
        meanings.texts.extend(texts.iter().map(|text| self.names.number(text)));
        meanings.sessions.clear();
        meanings.sessions.extend(sessions.iter().map(|session| self.names.number(session)));
        let name = |number: u32| meanings.texts[number as usize];
        meanings.instances.extend(instances.into_iter().map(name));
        for (instance, user) in people {
            meanings.people.push(self.people.number(meanings.instances[instance], &user));
        }
        for (event, feature, language, ide) in cells {
            let cell = Cell {
                event: name(event),
                is_deliberate: known_events::is_deliberate(self.names.text(name(event))),
                feature: name(feature),
                language: language.map(name),
                ide: ide.map(name),
            };
            meanings.cells.push(self.cells.number(cell));
        }
        for ([instance, collector, scope], day, fetched_at) in fetches {
            let target =
                Target { instance: name(instance), collector: name(collector), scope: name(scope), day };
            meanings.fetches.push((target, fetched_at));
        }
        for (fetch, person) in bots {
            let person = meanings.people[person as usize];
            self.fetch_of(meanings.fetches[fetch as usize]).bots.insert(person);
        }
        let told = extras.iter().filter(|extra| extra.told.is_some()).count();
        let told_alike = alike.iter().filter(|alike| alike.told.is_some()).count();
        let of_agents = told + told_alike + agents.iter().map(|part| part.told.weight()).sum::<usize>();
        let mut place = 0;
        let mut extras = extras.iter().peekable();
        for of_fetch in events.chunk_by(|one, other| one.fetch == other.fetch) {
            let fetch = self.fetch_of(meanings.fetches[of_fetch[0].fetch as usize]);
            for together in of_fetch.chunk_by(|one, other| word_of(one.row) == word_of(other.row)) {
                let (mut rows, ids) = fetch.rows.part_of(together[0].row);
                for event in together {
                    let extra = extras.next_if(|extra| extra.place == place);
                    place += 1;
                    // Where a source has ids of its own, the row says nothing: another file has another event there.
                    let is_new = match extra.and_then(|extra| extra.id) {
                        Some(id) => ids.insert(id),
                        None => rows.insert(event.row),
                    };
                    if !is_new {
                        continue;
                    }
                    let person = meanings.people[event.person as usize];
                    fetch.own.usage.add(
                        meanings.cells[event.cell as usize],
                        person,
                        Usage::of_event(event.lines),
                    );
                    if let Some(told) = extra.and_then(|extra| extra.told.as_ref()) {
                        told.add_to(&mut fetch.own, person, meanings, 1);
                    }
                }
            }
        }
        for Alike { first, rows, told } in &alike {
            let fetch = self.fetch_of(meanings.fetches[first.fetch as usize]);
            let person = meanings.people[first.person as usize];
            let rows = fetch.rows.insert_all(first.row, *rows);
            if rows == 0 {
                continue;
            }
            let usage = Usage::of_event(first.lines).times(rows);
            fetch.own.usage.add(meanings.cells[first.cell as usize], person, usage);
            if let Some(told) = told {
                told.add_to(&mut fetch.own, person, meanings, rows);
            }
        }
        for of_part in parts.chunk_by(|one, other| (one.fetch, one.part) == (other.fetch, other.part)) {
            let part = self.names.text(name(of_part[0].part)).to_owned();
            let tally = &mut self.fetch_of(meanings.fetches[of_part[0].fetch as usize]).part(&part).usage;
            for CountedPart { cell, person, usage, .. } in of_part {
                tally.add(meanings.cells[*cell as usize], meanings.people[*person as usize], *usage);
            }
        }
        for AgentPart { fetch, part, told } in &agents {
            let part = self.names.text(name(*part)).to_owned();
            told.add_to(self.fetch_of(meanings.fetches[*fetch as usize]).part(&part), meanings);
        }
        self.settle_now_and_then(events.len() + alike.len() + parts.len(), of_agents);
    }

    fn fetch_of(&mut self, (target, at): (Target, Timestamp)) -> &mut Fetch {
        self.fetches.entry(target).or_default().entry(at).or_default()
    }
}

impl Meanings {
    fn text(&self, number: u32) -> Name {
        self.texts[number as usize]
    }

    fn session(&self, place: u32) -> Name {
        self.sessions[place as usize]
    }

    fn person(&self, number: u32) -> PersonId {
        self.people[number as usize]
    }
}

impl AgentEvent {
    /// Adds what so many events tell that say the same.
    fn add_to(&self, part: &mut Part, person: PersonId, meanings: &Meanings, events: u64) {
        let name = |number: Option<u32>| number.map(|number| meanings.text(number));
        let (session, flow) = (self.session.map(|session| meanings.session(session)), name(self.flow));
        if let Some(session) = session {
            let told = [
                Some(SessionFact::User(person, self.ts)),
                flow.map(SessionFact::Flow),
                name(self.environment).map(SessionFact::Environment),
                self.step.map(|step| SessionFact::Step(self.ts, step)),
            ];
            told.into_iter().flatten().for_each(|fact| part.sessions.add(session, fact));
        }
        if let Some(counts) = &self.counts {
            let key = AgentKey {
                person,
                event: meanings.text(self.event),
                flow,
                session: session.filter(|_| flow.is_none()),
                tool: name(self.tool),
                model: name(self.model),
            };
            part.agents.add(key, &counts.times(events));
        }
    }
}

impl AgentsTold {
    /// As many facts and counts as it has, at least one.
    fn weight(&self) -> usize {
        match self {
            AgentsTold::Session { users, flows, environments, steps, .. } => {
                1 + (users.len() + flows.len() + environments.len() + steps.len()) / 4
            }
            AgentsTold::Counts { .. } => 1,
        }
    }

    fn add_to(&self, part: &mut Part, meanings: &Meanings) {
        match self {
            AgentsTold::Session { session, users, flows, environments, steps } => {
                let session = meanings.session(*session);
                let mut add = |fact| part.sessions.add(session, fact);
                users.iter().for_each(|(user, since)| add(SessionFact::User(meanings.person(*user), *since)));
                flows.iter().for_each(|flow| add(SessionFact::Flow(meanings.text(*flow))));
                let environments = environments.iter().map(|environment| meanings.text(*environment));
                environments.for_each(|environment| add(SessionFact::Environment(environment)));
                steps.iter().for_each(|(at, step)| add(SessionFact::Step(*at, *step)));
            }
            AgentsTold::Counts { person, event, session, names, counts } => {
                let [flow, tool, model] = names.map(|number| number.map(|number| meanings.text(number)));
                let session = session.map(|session| meanings.session(session));
                let (person, event) = (meanings.person(*person), meanings.text(*event));
                part.agents.add(AgentKey { person, event, flow, session, tool, model }, counts);
            }
        }
    }
}
