//! Reading lines side by side. Each reader numbers texts, people and fetches by itself and hands on batches of counted
//! events; the rollups take them over under the numbers of their own. Only they know which rows were seen before.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::names::{Name, Names, PersonId};
use super::rows::{EventId, word_of};
use super::sessions::{AgentKey, SessionFact};
use super::tally::{CellId, Usage};
use super::{Cell, Fetch, Part, Rollups, Target};
use crate::agents::{self, AgentCounts, Role, Step, Tokens};
use crate::calendar::{Day, Timestamp, is_moment_of};
use crate::events as known_events;
use crate::line::{Line, Record, Rollup};
use crate::plain::{Fields, Keys, Next, Value};
use crate::record::{AgentRollup, Event, Row, RowsCounted, SessionRollup, UsageRollup};

/// Reads lines, one a thread.
pub struct Reader {
    keys: Keys,
    last: LastFetch,
    texts: Numbers<Box<str>>,
    fetches: Numbers<Box<[u8]>>,
    cells: CellNumbers,
    /// The instance of each fetch, by its place among those that people were seen in.
    instances: Vec<usize>,
    /// The people of each instance.
    people: Vec<PeopleOfInstance>,
    /// The place of each instance among them, by the number of its text.
    instance_places: HashMap<u32, usize, RandomState>,
    bots: Vec<bool>,
    /// What the events of each cell are to agents.
    roles: Vec<Option<Role>>,
    scratch: Vec<u8>,
    /// Users of events of the batch that are still to be looked up.
    unknown: Vec<UnknownPerson>,
    batch: Batch,
}

/// The user of an event whose number is still to be looked up.
struct UnknownPerson {
    /// The place of the event among those of the batch.
    place: usize,
    instance: usize,
    /// The number in the user's global id.
    id: u64,
}

/// The fetch of the event before, as its line spells it: most lines are of the same.
#[derive(Default)]
struct LastFetch {
    /// From the value of `instance` to that of `fetched_at`.
    spelling: String,
    day: String,
    number: u32,
}

/// What a reader found, in its own numbers.
#[derive(Default)]
pub struct Batch {
    texts: Vec<Box<str>>,
    /// The ids of sessions, by numbers of their own: they are too many for a reader to keep.
    sessions: Names,
    /// The texts of the instances.
    instances: Vec<u32>,
    people: Vec<(usize, Box<str>)>,
    bots: Vec<u32>,
    cells: Vec<(u32, u32, Option<u32>, Option<u32>)>,
    fetches: Vec<([u32; 3], Day, Timestamp)>,
    events: Vec<CountedEvent>,
    /// What few events have, by their place.
    extras: Vec<Extra>,
    alike: Vec<Alike>,
    parts: Vec<CountedPart>,
    agents: Vec<AgentPart>,
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

/// Users of an instance, as a reader numbers them.
pub struct Crowd(Vec<u32>);

struct CountedEvent {
    fetch: u32,
    row: Row,
    cell: u32,
    person: u32,
    lines: Option<u32>,
}

struct CountedPart {
    fetch: u32,
    part: u32,
    cell: u32,
    person: u32,
    usage: Usage,
}

/// Events that say the same, of rows one after the other.
struct Alike {
    first: CountedEvent,
    rows: u32,
    told: Option<AgentEvent>,
}

/// What few events have.
struct Extra {
    /// The place of the event among the events.
    place: usize,
    id: Option<EventId>,
    told: Option<AgentEvent>,
}

/// What an event tells of agents.
struct AgentEvent {
    ts: Timestamp,
    step: Option<Step>,
    event: u32,
    session: Option<Name>,
    flow: Option<u32>,
    environment: Option<u32>,
    tool: Option<u32>,
    model: Option<u32>,
    /// Of a call of a tool, or of tokens.
    counts: Option<AgentCounts>,
}

/// A part of what a fetch tells of agents, as it came in a line.
struct AgentPart {
    fetch: u32,
    part: u32,
    told: AgentsTold,
}

enum AgentsTold {
    Session {
        session: Name,
        users: Vec<(u32, Timestamp)>,
        flows: Vec<u32>,
        environments: Vec<u32>,
        steps: Vec<(Timestamp, Step)>,
    },
    Counts {
        person: u32,
        event: u32,
        session: Option<Name>,
        /// Flow, tool and model.
        names: [Option<u32>; 3],
        counts: Box<AgentCounts>,
    },
}

/// The users of an instance, with their numbers.
#[derive(Default)]
struct PeopleOfInstance {
    /// Those with a global id, by the number in it: there are many, each line has one, and comparing texts is a wait for
    /// memory more.
    by_id: HashMap<u64, u32, RandomState>,
    others: HashMap<Box<str>, u32, RandomState>,
}

/// The texts of cells and their numbers, from 0.
#[derive(Default)]
struct CellNumbers {
    cells: Vec<CellTexts>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

struct CellTexts {
    event: Box<str>,
    feature: Box<str>,
    language: Option<Box<str>>,
    ide: Option<Box<str>>,
}

/// Keys and their numbers, from 0.
struct Numbers<K>(HashMap<K, u32, RandomState>);

impl<K> Default for Numbers<K> {
    fn default() -> Numbers<K> {
        Numbers(HashMap::default())
    }
}

/// The texts of an event or rollup line that rollups are made of.
#[derive(Clone, Copy, Default)]
struct Texts<'a> {
    instance: &'a str,
    collector: &'a str,
    scope: &'a str,
    day: &'a str,
    fetched_at: &'a str,
    user: &'a str,
    bot: bool,
    event: &'a str,
    feature: &'a str,
    language: Option<&'a str>,
    ide: Option<&'a str>,
}

/// What an event line tells beside that, where it does.
#[derive(Clone, Copy, Default)]
struct Told<'a> {
    lines: Option<u32>,
    event_id: Option<&'a str>,
    session: Option<&'a str>,
    flow: Option<&'a str>,
    environment: Option<&'a str>,
    tool: Option<&'a str>,
    model: Option<&'a str>,
    outcome: Option<&'a str>,
    tokens: Tokens,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader {
            keys: Keys::new(FIELDS),
            last: LastFetch::default(),
            texts: Numbers::default(),
            fetches: Numbers::default(),
            cells: CellNumbers::default(),
            instances: Vec::new(),
            people: Vec::new(),
            instance_places: HashMap::default(),
            bots: Vec::new(),
            roles: Vec::new(),
            scratch: Vec::new(),
            unknown: Vec::new(),
            batch: Batch::default(),
        }
    }
}

impl Reader {
    /// Reads a line: counts an event or a rollup, and hands back a line of another type. The error says why it cannot be read,
    /// without repeating any of its content.
    pub fn read<'a>(&mut self, line: &'a str) -> Result<Option<Line<'a>>, String> {
        if self.read_plain_event(line) {
            return Ok(None);
        }
        match Line::parse(line)? {
            Line::Record(Record::Event(event)) => self.add_event(&event)?,
            Line::Rollup(Rollup::Usage(rollup)) => self.add_rollup(&rollup)?,
            Line::Rollup(Rollup::Session(rollup)) => self.add_session(&rollup)?,
            Line::Rollup(Rollup::Agent(rollup)) => self.add_agent_counts(&rollup)?,
            other => return Ok(Some(other)),
        }
        Ok(None)
    }

    /// What was found since the last time.
    pub fn batch(&mut self) -> Batch {
        // One after the other: while one waits for memory, the next are on their way.
        let mut unknown = std::mem::take(&mut self.unknown);
        for UnknownPerson { place, instance, id } in unknown.drain(..) {
            self.batch.events[place].person = self.person_of_id(instance, id);
        }
        self.unknown = unknown;
        // The next one will hold about as much.
        let next = Batch {
            events: Vec::with_capacity(self.batch.events.len()),
            extras: Vec::with_capacity(self.batch.extras.len()),
            ..Batch::default()
        };
        std::mem::replace(&mut self.batch, next)
    }

    /// Reads an event that is spelled plainly; false when the parser has to look at the line.
    fn read_plain_event(&mut self, line: &str) -> bool {
        self.plain_event(line).is_some()
    }

    fn plain_event(&mut self, line: &str) -> Option<()> {
        let mut said = [""; COUNTED_TEXTS];
        let (mut bot, mut lines, mut counts) = (false, None, [None; COUNTS.end - COUNTS.start]);
        let mut seen = 0_u64;
        // Where the fields of the fetch start, and how many of them came one after the other.
        let (mut spelling, mut neighbours, mut is_last_fetch) = (0..0, 0, false);
        let mut fields = Fields::of(line, &self.keys);
        loop {
            let key_start = fields.position();
            let number = match fields.next(&mut self.keys)? {
                Next::Key(number) => number,
                Next::Other => {
                    fields.value()?;
                    continue;
                }
                Next::End => break,
            };
            if seen & (1 << number) != 0 {
                return None;
            }
            if number == INSTANCE && seen & OF_FETCH == 0 && fields.pass(&self.last.spelling, FETCHED_AT) {
                seen |= OF_FETCH;
                is_last_fetch = true;
                continue;
            }
            seen |= 1 << number;
            let start = fields.position();
            // What does not count has to be of the right form all the same.
            match (number, fields.text()) {
                (..COUNTED_TEXTS, Some(text)) => said[number] = text,
                (COUNTED_TEXTS.., Some(_)) if (TOTAL_TOKENS + 1..FOR_THE_PARSER).contains(&number) => {}
                (BOT, None) => {
                    let Value::Bool(is) = fields.value()? else { return None };
                    bot = is;
                }
                (LINES..=TOTAL_TOKENS, None) => {
                    let Value::Count(count) = fields.value()? else { return None };
                    match number {
                        LINES => lines = Some(u32::try_from(count).ok()?),
                        TOTAL_TOKENS => {}
                        _ => counts[number - COUNTS.start] = Some(count),
                    }
                }
                _ => return None,
            }
            if !(INSTANCE..=FETCHED_AT).contains(&number) {
                continue;
            }
            if number == INSTANCE {
                (spelling, neighbours) = (start..fields.position(), 1);
            } else if number == INSTANCE + neighbours && key_start == spelling.end {
                (spelling.end, neighbours) = (fields.position(), neighbours + 1);
            }
        }
        if seen & REQUIRED != REQUIRED || !fields.is_over() || said[0] != "event" {
            return None;
        }
        let optional = |number: usize| (seen & (1 << number) != 0).then_some(said[number]);
        let [_, ts, instance, collector, scope, day, fetched_at, row, event, feature, user, ..] = said;
        let (language, ide) = (optional(LANGUAGE), optional(LANGUAGE + 1));
        let texts =
            Texts { instance, collector, scope, day, fetched_at, user, bot, event, feature, language, ide };
        // The texts of the fetch are absent where it is the last one: then nothing looks at them.
        // A stamp of another day may be no day at all: the parser says which.
        if !is_moment_of(ts, if is_last_fetch { &self.last.day } else { day }) {
            return None;
        }
        let row = row.parse().ok()?;
        let fetch = if is_last_fetch { self.last.number } else { self.fetch(&texts)? };
        if neighbours == FETCHED_AT - INSTANCE + 1 {
            self.last = LastFetch { spelling: line[spelling].to_owned(), day: day.to_owned(), number: fetch };
        }
        let [input, output, cache_read, cache_write_5m, cache_write_1h, cache_write] = counts;
        let told = Told {
            lines,
            event_id: optional(EVENT_ID),
            session: optional(EVENT_ID + 1),
            flow: optional(EVENT_ID + 2),
            environment: optional(EVENT_ID + 3),
            tool: optional(EVENT_ID + 4),
            model: optional(EVENT_ID + 5),
            outcome: optional(EVENT_ID + 6),
            tokens: Tokens { input, output, cache_read, cache_write_5m, cache_write_1h, cache_write },
        };
        let cell = self.cell(&texts);
        let role = match self.roles[cell as usize] {
            Some(role) => Some((role, ts.parse().ok()?)),
            None => None,
        };
        let instance = self.instances[fetch as usize];
        let person = match global_id(texts.user).filter(|_| !texts.bot) {
            Some(id) => {
                self.unknown.push(UnknownPerson { place: self.batch.events.len(), instance, id });
                u32::MAX
            }
            None => self.person(instance, texts.user, texts.bot),
        };
        self.count_event(
            CountedEvent { fetch, row, cell, person, lines: told.lines },
            role,
            texts.event,
            &told,
        );
        Some(())
    }

    fn add_event(&mut self, event: &Event<'_>) -> Result<(), &'static str> {
        if event.ts.day() != event.origin.day {
            return Err(OTHER_DAY);
        }
        let (day, fetched_at) = (event.origin.day.to_string(), event.origin.fetched_at.to_string());
        let texts = Texts {
            instance: &event.origin.instance,
            collector: &event.origin.collector,
            scope: &event.origin.scope,
            day: &day,
            fetched_at: &fetched_at,
            user: &event.user,
            bot: event.bot,
            event: &event.event,
            feature: &event.feature,
            language: event.language.as_deref(),
            ide: event.ide.as_deref(),
        };
        let fetch = self.fetch(&texts).ok_or("its day or moment cannot be read again")?;
        let told = Told {
            lines: event.lines,
            event_id: event.event_id.as_deref(),
            session: event.session.as_deref(),
            flow: event.flow.as_deref(),
            environment: event.environment.as_deref(),
            tool: event.tool.as_deref(),
            model: event.model.as_deref(),
            outcome: event.outcome.as_deref(),
            tokens: Tokens {
                input: event.input_tokens,
                output: event.output_tokens,
                cache_read: event.cache_read,
                cache_write_5m: event.cache_write_5m,
                cache_write_1h: event.cache_write_1h,
                cache_write: event.cache_write,
            },
        };
        let cell = self.cell(&texts);
        let role = self.roles[cell as usize].map(|role| (role, event.ts));
        let person = self.person(self.instances[fetch as usize], texts.user, texts.bot);
        let counted = CountedEvent { fetch, row: event.origin.row, cell, person, lines: told.lines };
        self.count_event(counted, role, texts.event, &told);
        Ok(())
    }

    /// Counts events that say the same: this one, and so many rows in all, of which its own is the first.
    pub fn add_alike(&mut self, event: &Event<'_>, rows: u32) -> Result<(), &'static str> {
        self.add_event(event)?;
        let first = self.batch.events.pop().expect("an event was added");
        let place = self.batch.events.len();
        let told = self.batch.extras.pop_if(|extra| extra.place == place).and_then(|extra| extra.told);
        self.batch.alike.push(Alike { first, rows, told });
        Ok(())
    }

    /// Counts an event; one that is something to agents, with its moment.
    fn count_event(
        &mut self,
        counted: CountedEvent,
        role: Option<(Role, Timestamp)>,
        event: &str,
        told: &Told<'_>,
    ) {
        let agent_event = role.map(|(role, ts)| self.agent_event(role, event, told, ts));
        if told.event_id.is_some() || agent_event.is_some() {
            let (place, id) = (self.batch.events.len(), told.event_id.map(EventId::of));
            self.batch.extras.push(Extra { place, id, told: agent_event });
        }
        self.batch.events.push(counted);
    }

    fn agent_event(&mut self, role: Role, event: &str, told: &Told<'_>, ts: Timestamp) -> AgentEvent {
        let failed = role.is_tool_call.then(|| agents::has_failed(event, told.outcome)).flatten();
        let tokens = if role.tells_tokens { told.tokens } else { Tokens::default() };
        let is_counted = role.is_tool_call || role.tells_tokens;
        AgentEvent {
            ts,
            step: role.step(told.outcome),
            event: self.text(event),
            session: told.session.map(|session| self.batch.sessions.number(session)),
            flow: told.flow.map(|flow| self.text(agents::flow_type(flow))),
            environment: told.environment.map(|environment| self.text(environment)),
            tool: told.tool.map(|tool| self.text(tool)),
            model: told.model.map(|model| self.text(model)),
            counts: is_counted.then(|| AgentCounts::of_event(failed, tokens)),
        }
    }

    fn add_session(&mut self, rollup: &SessionRollup<'_>) -> Result<(), &'static str> {
        let (fetch, part) = self.rows_of(&rollup.of)?;
        let instance = self.instances[fetch as usize];
        let users = rollup.users.iter();
        let users = users
            .map(|(user, since)| (self.person(instance, user, rollup.bots.contains(user)), *since))
            .collect();
        let told = AgentsTold::Session {
            session: self.batch.sessions.number(&rollup.session),
            users,
            flows: rollup.flows.iter().map(|flow| self.text(flow)).collect(),
            environments: rollup.environments.iter().map(|environment| self.text(environment)).collect(),
            steps: rollup.steps.iter().copied().collect(),
        };
        self.batch.agents.push(AgentPart { fetch, part, told });
        Ok(())
    }

    fn add_agent_counts(&mut self, rollup: &AgentRollup<'_>) -> Result<(), &'static str> {
        if !rollup.counts.are_possible() {
            return Err(CONTRADICTION);
        }
        let (fetch, part) = self.rows_of(&rollup.of)?;
        let names = [&rollup.flow, &rollup.tool, &rollup.model];
        let told = AgentsTold::Counts {
            person: self.person(self.instances[fetch as usize], &rollup.user, rollup.bot),
            event: self.text(&rollup.event),
            session: rollup.session.as_ref().map(|session| self.batch.sessions.number(session)),
            names: names.map(|name| name.as_ref().map(|name| self.text(name))),
            counts: Box::new(rollup.counts),
        };
        self.batch.agents.push(AgentPart { fetch, part, told });
        Ok(())
    }

    /// The numbers of the fetch and the part of rows that were counted together.
    fn rows_of(&mut self, of: &RowsCounted<'_>) -> Result<(u32, u32), &'static str> {
        let (day, fetched_at) = (of.day.to_string(), of.fetched_at.to_string());
        let texts = Texts {
            instance: &of.instance,
            collector: &of.collector,
            scope: &of.scope,
            day: &day,
            fetched_at: &fetched_at,
            ..Texts::default()
        };
        let fetch = self.fetch(&texts).ok_or("its day or moment cannot be read again")?;
        Ok((fetch, self.text(&of.part)))
    }

    fn add_rollup(&mut self, rollup: &UsageRollup<'_>) -> Result<(), &'static str> {
        if !rollup.is_possible() {
            return Err(CONTRADICTION);
        }
        let (fetch, cell, part) = self.place_of(rollup)?;
        let person = self.person(self.instances[fetch as usize], &rollup.user, rollup.bot);
        let usage = Usage { events: rollup.events, sized: rollup.sized, lines: rollup.lines };
        self.batch.parts.push(CountedPart { fetch, part, cell, person, usage });
        Ok(())
    }

    /// The numbers of users of an instance, bots by their place.
    pub fn crowd(&mut self, instance: &str, users: &[String], bots: &[u32]) -> Crowd {
        let name = self.text(instance);
        let instance = self.instance(name);
        let mut numbers: Vec<u32> = users.iter().map(|user| self.person(instance, user, false)).collect();
        for bot in bots {
            if let Some(user) = users.get(*bot as usize) {
                numbers[*bot as usize] = self.person(instance, user, true);
            }
        }
        Crowd(numbers)
    }

    /// Adds counts of a crowd, by the place of each person in it; `rollup` says what is counted, its user and counts do
    /// not matter.
    pub fn add_counts(
        &mut self,
        rollup: &UsageRollup<'_>,
        crowd: &Crowd,
        counts: impl Iterator<Item = (usize, Usage)>,
    ) -> Result<(), &'static str> {
        let (fetch, cell, part) = self.place_of(rollup)?;
        self.batch.parts.extend(counts.map(|(place, usage)| CountedPart {
            fetch,
            part,
            cell,
            person: crowd.0[place],
            usage,
        }));
        Ok(())
    }

    /// The numbers of the fetch, the cell and the part of a rollup.
    fn place_of(&mut self, rollup: &UsageRollup<'_>) -> Result<(u32, u32, u32), &'static str> {
        let (day, fetched_at) = (rollup.day.to_string(), rollup.fetched_at.to_string());
        let texts = Texts {
            instance: &rollup.instance,
            collector: &rollup.collector,
            scope: &rollup.scope,
            day: &day,
            fetched_at: &fetched_at,
            user: &rollup.user,
            bot: rollup.bot,
            event: &rollup.event,
            feature: &rollup.feature,
            language: rollup.language.as_deref(),
            ide: rollup.ide.as_deref(),
        };
        let fetch = self.fetch(&texts).ok_or("its day or moment cannot be read again")?;
        Ok((fetch, self.cell(&texts), self.text(&rollup.part)))
    }

    /// The number of a fetch; `None` when its day or moment is not one.
    fn fetch(&mut self, texts: &Texts<'_>) -> Option<u32> {
        self.scratch.clear();
        for text in [texts.instance, texts.collector, texts.scope, texts.day, texts.fetched_at] {
            put(&mut self.scratch, text);
        }
        if let Some(number) = self.fetches.0.get(self.scratch.as_slice()) {
            return Some(*number);
        }
        let (day, fetched_at) = (texts.day.parse().ok()?, texts.fetched_at.parse().ok()?);
        let key = self.scratch.as_slice().into();
        let names = [texts.instance, texts.collector, texts.scope].map(|text| self.text(text));
        self.batch.fetches.push((names, day, fetched_at));
        let place = self.instance(names[0]);
        self.instances.push(place);
        Some(self.fetches.insert(key))
    }

    /// The place of an instance among those that people are seen in.
    fn instance(&mut self, name: u32) -> usize {
        let place = *self.instance_places.entry(name).or_insert(self.people.len());
        if place == self.people.len() {
            self.people.push(PeopleOfInstance::default());
            self.batch.instances.push(name);
        }
        place
    }

    fn cell(&mut self, texts: &Texts<'_>) -> u32 {
        if let Some(number) = self.cells.find(texts) {
            return number;
        }
        let cell = (
            self.text(texts.event),
            self.text(texts.feature),
            texts.language.map(|language| self.text(language)),
            texts.ide.map(|ide| self.text(ide)),
        );
        self.batch.cells.push(cell);
        self.roles.push(Role::of(texts.event));
        self.cells.insert(texts)
    }

    fn person(&mut self, instance: usize, user: &str, bot: bool) -> u32 {
        let person = match global_id(user) {
            Some(id) => self.person_of_id(instance, id),
            None => match self.people[instance].others.get(user) {
                Some(person) => *person,
                None => {
                    let person = self.new_person(instance, user);
                    self.people[instance].others.insert(user.into(), person);
                    person
                }
            },
        };
        if bot && !std::mem::replace(&mut self.bots[person as usize], true) {
            self.batch.bots.push(person);
        }
        person
    }

    /// The number of the user with this number in the global id.
    fn person_of_id(&mut self, instance: usize, id: u64) -> u32 {
        if let Some(person) = self.people[instance].by_id.get(&id) {
            return *person;
        }
        let person = self.new_person(instance, &format!("{GLOBAL_ID}{id}"));
        self.people[instance].by_id.insert(id, person);
        person
    }

    fn new_person(&mut self, instance: usize, user: &str) -> u32 {
        self.bots.push(false);
        self.batch.people.push((instance, user.into()));
        u32::try_from(self.bots.len() - 1).expect("four thousand million users do not fit in memory")
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(number) = self.texts.0.get(text) {
            return *number;
        }
        self.batch.texts.push(text.into());
        self.texts.insert(text.into())
    }
}

/// Why a rollup cannot be.
pub const CONTRADICTION: &str = "its counts contradict each other";

/// Why a record is not of its fetch.
pub const OTHER_DAY: &str = "its stamp is of another day than its fetch";

/// The fields of an event: texts, of which it cannot do without the first eleven, then what is no text, then texts that do not
/// count, then what only the parser reads.
const FIELDS: &[&str] = &[
    "type",
    "ts",
    "instance",
    "collector",
    "scope",
    "day",
    "fetched_at",
    "row",
    "event",
    "feature",
    "user",
    "language",
    "ide",
    "event_id",
    "session",
    "flow",
    "environment",
    "tool",
    "model",
    "outcome",
    "bot",
    "lines",
    "input_tokens",
    "output_tokens",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "cache_write",
    "total_tokens",
    "username",
    "tracking_id",
    "namespace",
    "project",
    "model_engine",
    "language_original",
    "ide_original",
    "model_provider",
    "agent",
    "agent_type",
    "flow_version",
    "user_type",
    "global_user_id",
    "reason",
    "source",
    "context",
    "kind",
];

/// The fields without which there is no event, a bit each.
const REQUIRED: u64 = (1 << 11) - 1;

/// The places of fields that are named in the reader. The editor follows the language; session, flow, environment, tool, model
/// and outcome follow the id.
const LANGUAGE: usize = 11;
const EVENT_ID: usize = 13;
const BOT: usize = 20;
const LINES: usize = 21;
const COUNTS: std::ops::Range<usize> = 22..28;
const TOTAL_TOKENS: usize = 28;
const FOR_THE_PARSER: usize = FIELDS.len() - 2;

/// How many texts count.
const COUNTED_TEXTS: usize = BOT;

/// The first field of those that say which fetch it was.
const INSTANCE: usize = 2;

/// The last of them.
const FETCHED_AT: usize = 6;

/// All of them, a bit each.
const OF_FETCH: u64 = 0b11111 << INSTANCE;

/// What a user's global id begins with.
const GLOBAL_ID: &str = "gid://gitlab/User/";

/// The number in a user's global id, where it is spelled as GitLab spells it: one number, one text.
fn global_id(user: &str) -> Option<u64> {
    let digits = user.strip_prefix(GLOBAL_ID)?.as_bytes();
    if !(1..=18).contains(&digits.len()) || digits[0] == b'0' {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

/// Appends a text so that it cannot run into the next one.
fn put(scratch: &mut Vec<u8>, text: &str) {
    scratch.extend((text.len() as u64).to_le_bytes());
    scratch.extend(text.as_bytes());
}

/// Event, feature, language and editor.
type CellKey<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

impl CellNumbers {
    fn find(&self, texts: &Texts<'_>) -> Option<u32> {
        let key = (texts.event, texts.feature, texts.language, texts.ide);
        let is_it = |number: &u32| self.cells[*number as usize].key() == key;
        self.numbers.find(self.hash(key), is_it).copied()
    }

    /// The number of a cell that has none.
    fn insert(&mut self, texts: &Texts<'_>) -> u32 {
        let number =
            u32::try_from(self.cells.len()).expect("four thousand million cells do not fit in memory");
        self.cells.push(CellTexts {
            event: texts.event.into(),
            feature: texts.feature.into(),
            language: texts.language.map(Into::into),
            ide: texts.ide.map(Into::into),
        });
        let mut numbers = std::mem::take(&mut self.numbers);
        let hash = |number: &u32| self.hash(self.cells[*number as usize].key());
        numbers.insert_unique(hash(&number), number, hash);
        self.numbers = numbers;
        number
    }

    /// What nearly always tells cells apart: the feature follows from the event.
    fn hash(&self, (event, _, language, ide): CellKey<'_>) -> u64 {
        self.hasher.hash_one((event, language.unwrap_or_default(), ide.unwrap_or_default()))
    }
}

impl CellTexts {
    fn key(&self) -> CellKey<'_> {
        (&self.event, &self.feature, self.language.as_deref(), self.ide.as_deref())
    }
}

impl<K: std::hash::Hash + Eq> Numbers<K> {
    fn insert(&mut self, key: K) -> u32 {
        let next = u32::try_from(self.0.len()).expect("four thousand million keys do not fit in memory");
        *self.0.entry(key).or_insert(next)
    }
}

impl Batch {
    /// How many events and rollups it holds.
    pub fn len(&self) -> u64 {
        (self.events.len() + self.alike.len() + self.parts.len() + self.agents.len()) as u64
    }

    /// The same without any count: what was numbered keeps its number.
    #[must_use]
    pub fn numbers_alone(self) -> Batch {
        let Batch { texts, sessions, instances, people, bots, cells, fetches, .. } = self;
        Batch { texts, sessions, instances, people, bots, cells, fetches, ..Batch::default() }
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
        meanings.sessions.extend(sessions.texts().map(|session| self.names.number(session)));
        let name = |number: u32| meanings.texts[number as usize];
        meanings.instances.extend(instances.into_iter().map(name));
        for (instance, user) in people {
            meanings.people.push(self.people.number(meanings.instances[instance], &user, false));
        }
        bots.into_iter().for_each(|person| self.people.note_bot(meanings.people[person as usize]));
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

    fn session(&self, number: Name) -> Name {
        self.sessions[number.0 as usize]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of lines, when the parser reads each of them or only those that are not plain.
    fn read(lines: &[String], may_be_plain: bool) -> (Vec<String>, Vec<Result<(), String>>) {
        let (mut rollups, mut meanings, mut reader) =
            (Rollups::default(), Meanings::default(), Reader::default());
        let mut said = Vec::new();
        for line in lines {
            // A blank at the end is not plain, and says nothing.
            let line = if may_be_plain { line.clone() } else { format!("{line} ") };
            said.push(reader.read(&line).map(|_| ()));
            rollups.take(reader.batch(), &mut meanings);
        }
        rollups.fetches_mut().for_each(Fetch::finish);
        let mut lines = Vec::new();
        rollups
            .for_each_rollup(|line| {
                lines.push(serde_json::to_string(line).expect("serialises"));
                Ok::<(), ()>(())
            })
            .expect("nothing fails");
        (lines, said)
    }

    #[test]
    fn lines_of_the_fetch_before_say_the_same_as_alone_and_are_known_by_its_spelling() {
        let line = |fetch: &str, row: u32| {
            format!(
                r#"{{"type":"event","ts":"2026-10-01T12:34:56Z",{fetch},"row":"1:{row}","event":"x","feature":"y","user":"u{row}"}}"#
            )
        };
        let first = r#""instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z""#;
        let fetches = [
            first.to_owned(),
            first.replace("03:00", "04:00"),
            first.replace(r#""scope":"s""#, r#""scope":"st""#),
            first.replace(r#""instance":"i","collector":"c""#, r#""collector":"c","instance":"i""#),
            first.replace("2026-10-01", "2026-10-03"),
            format!(r#"{first},"scope":"t""#),
        ];
        let mut lines = Vec::new();
        for (one, other) in
            (0..fetches.len()).flat_map(|one| (0..fetches.len()).map(move |other| (one, other)))
        {
            for fetch in [one, one, other, one] {
                lines.push(line(&fetches[fetch], lines.len() as u32));
            }
        }
        let together = read(&lines, true);
        assert_eq!(together, read(&lines, false));
        assert!(together.1.iter().any(Result::is_err) && together.0.len() > 60);
        let mut reader = Reader::default();
        assert!(reader.read(&lines[0]).is_ok());
        assert_eq!(reader.last.spelling, first.strip_prefix(r#""instance":"#).expect("its first key"));
    }

    #[test]
    fn what_comes_again_is_known_by_its_number() {
        let mut reader = Reader::default();
        for (number, user) in
            (0..40).zip(["gid://gitlab/User/42", "gid://gitlab/User/042", "hmac:0"].iter().cycle())
        {
            let line = format!(
                r#"{{"type":"event","ts":"2026-10-01T12:34:56Z","instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","row":"1:{number}","event":"e{}","feature":"f","user":"{user}","language":"l"}}"#,
                number % 2
            );
            assert!(matches!(reader.read(&line), Ok(None)));
        }
        let Batch { texts, people, cells, fetches, events, .. } = reader.batch();
        assert_eq!((texts.len(), people.len(), cells.len(), fetches.len()), (7, 3, 2, 1));
        let first: Vec<_> = events.iter().map(|event| (event.person, event.cell)).take(7).collect();
        assert_eq!(first[6], first[0]);
        assert_eq!(
            first[..3].iter().map(|(person, _)| people[*person as usize].1.as_ref()).collect::<Vec<_>>(),
            ["gid://gitlab/User/42", "gid://gitlab/User/042", "hmac:0"]
        );
    }

    #[test]
    fn plain_or_not_a_line_says_the_same_whatever_its_fields_hold() {
        let counted: usize = [r#""x""#, r#""request_duo_workflow_success""#, r#""token_usage_duo_chat""#]
            .map(says_the_same_plain_or_not)
            .into_iter()
            .sum();
        assert!(counted > 1_000, "most lines are events: {counted}");
    }

    /// How many lines came of events of this name with one field changed or doubled.
    fn says_the_same_plain_or_not(event: &str) -> usize {
        let fields = [
            ("type", r#""event""#),
            ("ts", r#""2026-10-01T12:34:56Z""#),
            ("instance", r#""https://gitlab.example.com""#),
            ("collector", r#""usage_events""#),
            ("scope", r#""acme""#),
            ("day", r#""2026-10-01""#),
            ("fetched_at", r#""2026-10-02T03:00:00Z""#),
            ("row", r#""3:17""#),
            ("event", event),
            ("feature", r#""y""#),
            ("user", r#""gid://gitlab/User/1""#),
            ("username", r#""ana""#),
            ("bot", "true"),
            ("language", r#""rust""#),
            ("ide", r#""neovim""#),
            ("lines", "7"),
            ("tracking_id", r#""t""#),
            ("event_id", r#""e""#),
            ("namespace", r#""acme""#),
            ("project", r#""p""#),
            ("session", r#""s""#),
            ("flow", r#""f""#),
            ("environment", r#""ide""#),
            ("tool", r#""t""#),
            ("model", r#""m""#),
            ("model_engine", r#""m""#),
            ("model_provider", r#""p""#),
            ("agent", r#""a""#),
            ("agent_type", r#""a""#),
            ("flow_version", r#""v1""#),
            ("user_type", r#""human""#),
            ("global_user_id", r#""g""#),
            ("outcome", r#""completed""#),
            ("reason", r#""r""#),
            ("input_tokens", "9"),
            ("output_tokens", "8"),
            ("total_tokens", "17"),
            ("cache_read", "3"),
            ("cache_write_5m", "2"),
            ("cache_write_1h", "1"),
            ("cache_write", "3"),
            ("source", r#""gitlab-rails""#),
            ("context", r#"{"plan":"free"}"#),
            ("kind", r#""x""#),
            ("language_original", r#""Rust""#),
            ("ide_original", r#""Neovim""#),
            ("of_tomorrow", "1"),
        ];
        let values = [
            "",
            r#""""#,
            r#""x""#,
            "null",
            "true",
            "7",
            "-7",
            "1.5",
            "4294967296",
            "[]",
            r#""2026-10-01T24:00:00Z""#,
            r#""2026-10-01T12:34:60Z""#,
            r#""2026-10-01T12:34:56.5Z""#,
            r#""2026-10-01T12:34:56.789Z""#,
            r#""2026-10-01T12:34:56.78aZ""#,
            r#""2026-02-30T12:34:56Z""#,
            r#""2026-10-02T00:00:00Z""#,
            r#""2026-10-01""#,
            r#""2026-13-01""#,
            r#""1:2:3""#,
            r#""17""#,
            r#""\u0065""#,
            r#""événement élémentaire""#,
        ];
        let line = |fields: &[(&str, &str)]| {
            let fields: Vec<String> = fields
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!(r#""{name}":{value}"#))
                .collect();
            format!("{{{}}}", fields.join(","))
        };
        let mut counted = 0;
        for place in 0..fields.len() {
            for value in values {
                let mut changed = fields.to_vec();
                changed[place].1 = value;
                let mut doubled = fields.to_vec();
                doubled.push((fields[place].0, value));
                for line in [line(&changed), line(&doubled)] {
                    let plain = read(std::slice::from_ref(&line), true);
                    assert_eq!(plain, read(std::slice::from_ref(&line), false), "{line}");
                    counted += plain.0.len();
                }
            }
        }
        counted
    }
}
