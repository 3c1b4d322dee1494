//! Reading lines side by side. Each reader numbers texts, people and fetches by itself and hands on batches of counted
//! events.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::batch::{AgentEvent, AgentPart, AgentsTold, Alike, Batch, CountedEvent, CountedPart, Extra};
use super::plain_event::Expected;
use super::rows::EventId;
use super::tally::Usage;
use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::base::digits;
use crate::events::agents::{self, AgentCounts, Role, Tokens};
use crate::json;
use crate::model::event::Event;
use crate::model::line::{Line, Record, Rollup};
use crate::model::record::{AgentRollup, Origin, RowsCounted, SessionRollup, UsageRollup};

/// Reads lines, one a thread.
#[derive(Default)]
pub struct Reader {
    pub(super) expected: Expected,
    texts: Numbers<Box<str>>,
    fetches: Numbers<Box<[u8]>>,
    /// The day of each fetch.
    pub(super) fetch_days: Vec<Box<str>>,
    /// The instance of each fetch, by its place among those that people were seen in.
    instances: Vec<usize>,
    /// What events say that happened, by the texts of event and feature.
    actions: Numbers<[u32; 2]>,
    told_by: Vec<Action>,
    /// The texts of language and editor where they are told.
    editors: Numbers<[Option<u32>; 2]>,
    editor_texts: Vec<[Option<u32>; 2]>,
    /// What is counted by, by the numbers of action and editor.
    cells: Numbers<CellKey>,
    last_cells: LastCells,
    /// The number of what events say that tell no language and no editor.
    without_editor: Option<u32>,
    /// The people of each instance.
    people: Vec<PeopleOfInstance>,
    /// The place of each instance among them, by the number of its text.
    instance_places: HashMap<u32, usize, RandomState>,
    /// How many users have a number.
    people_seen: u32,
    /// The bots of the batch; most of their events are alike.
    bots: HashSet<(u32, u32), RandomState>,
    scratch: Vec<u8>,
    /// A line without the white space between its tokens.
    compact: String,
    /// Users of events of the batch that are still to be looked up.
    unknown: Vec<UnknownPerson>,
    batch: Batch,
}

/// The numbers of action and editor.
type CellKey = (u32, u32);

/// Cells that were asked for, each at a place that its key says: of some dozens of actions and of editors nearly all that are asked for again
/// and again have one for themselves, and are found without hashing.
struct LastCells([Option<(CellKey, u32)>; LAST_CELLS]);

const LAST_CELLS: usize = 1 << 10;

/// What an event says that happened.
struct Action {
    event: u32,
    feature: u32,
    /// The name of the event.
    name: Box<str>,
    /// What it is to agents.
    role: Option<Role>,
}

/// The user of an event whose number is still to be looked up.
struct UnknownPerson {
    /// The place of the event among those of the batch.
    place: usize,
    instance: usize,
    /// The number in the user's global id.
    id: u32,
}

/// Users of an instance, as a reader numbers them.
pub struct Crowd(Vec<u32>);

/// Counts of somebody in a crowd, by the place there.
pub struct CrowdCounts {
    /// The place.
    pub place: usize,
    /// Whether it is a bot or service account by the fetch that is counted.
    pub bot: bool,
    /// The counts.
    pub usage: Usage,
}

/// The users of an instance, with their numbers.
#[derive(Default)]
struct PeopleOfInstance {
    /// Those with a global id, by the number in it: there are many, each line has one, and comparing texts is a wait for
    /// memory more. The smaller the table, the more of it is in the cache.
    by_id: HashMap<u32, u32, RandomState>,
    others: HashMap<Box<str>, u32, RandomState>,
}

/// Keys and their numbers, from 0.
struct Numbers<K>(HashMap<K, u32, RandomState>);

impl<K> Default for Numbers<K> {
    fn default() -> Numbers<K> {
        Numbers(HashMap::default())
    }
}

/// The texts that say which fetch a line is of.
#[derive(Clone, Copy)]
pub(super) struct FetchTexts<'a> {
    pub(super) instance: &'a str,
    pub(super) collector: &'a str,
    pub(super) scope: &'a str,
    pub(super) day: &'a str,
    pub(super) fetched_at: &'a str,
}

/// What an event line tells of agents, where it does.
#[derive(Clone, Copy, Default)]
pub(super) struct Told<'a> {
    pub(super) session: Option<&'a str>,
    pub(super) flow: Option<&'a str>,
    pub(super) environment: Option<&'a str>,
    pub(super) tool: Option<&'a str>,
    pub(super) model: Option<&'a str>,
    pub(super) outcome: Option<&'a str>,
    pub(super) tokens: Tokens,
}

impl Reader {
    /// Reads a line: counts an event or a rollup, and hands back a line of another type. The error says why it cannot be read,
    /// without repeating any of its content.
    pub fn read<'a>(&mut self, line: &'a str) -> Result<Option<Line<'a>>, String> {
        if let Some(length) = self.read_plain_event(line) {
            debug_assert_eq!(length, line.len(), "it is one line");
            return Ok(None);
        }
        self.parse(line)
    }

    /// Reads a line that is not plain.
    pub fn parse<'a>(&mut self, line: &'a str) -> Result<Option<Line<'a>>, String> {
        let mut compact = std::mem::take(&mut self.compact);
        let is_read = json::compact(line, &mut compact) && self.read_plain_event(&compact).is_some();
        self.compact = compact;
        if is_read {
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
        self.bots.clear();
        // The next one will hold about as much.
        let next = Batch {
            events: Vec::with_capacity(self.batch.events.len()),
            extras: Vec::with_capacity(self.batch.extras.len()),
            ..Batch::default()
        };
        std::mem::replace(&mut self.batch, next)
    }

    fn add_event(&mut self, event: &Event<'_>) -> Result<(), &'static str> {
        if event.ts.day() != event.origin.day {
            return Err(OTHER_DAY);
        }
        let Origin { instance, collector, scope, day, fetched_at, row } = &event.origin;
        let fetch = self.fetch_of(instance, collector, scope, *day, *fetched_at)?;
        let told = Told {
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
        let action = self.action(&event.event, &event.feature);
        let editor = self.editor(event.language.as_deref(), event.ide.as_deref());
        let cell = self.cell(action, editor);
        let told = self.agent_event(action, &told, event.ts);
        let person = self.person(fetch, &event.user, event.bot);
        let counted = CountedEvent { fetch, row: *row, cell, person, lines: event.lines };
        self.count_event(counted, event.event_id.as_deref().map(EventId::of), told);
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

    /// Counts an event; one of a source with ids of its own with its id, and one that is something to agents with what it tells.
    pub(super) fn count_event(
        &mut self,
        counted: CountedEvent,
        id: Option<EventId>,
        told: Option<AgentEvent>,
    ) {
        if id.is_some() || told.is_some() {
            self.batch.extras.push(Extra { place: self.batch.events.len(), id, told });
        }
        self.batch.events.push(counted);
    }

    /// Whether an action is something to agents.
    pub(super) fn is_of_agents(&self, action: u32) -> bool {
        self.told_by[action as usize].role.is_some()
    }

    /// What an event tells of agents, if its action is something to them.
    pub(super) fn agent_event(&mut self, action: u32, told: &Told<'_>, ts: Timestamp) -> Option<AgentEvent> {
        let Action { event, name, role, .. } = &self.told_by[action as usize];
        let (event, role) = (*event, (*role)?);
        let failed = role.is_tool_call.then(|| agents::has_failed(name, told.outcome)).flatten();
        let tokens = if role.tells_tokens { told.tokens } else { Tokens::default() };
        let is_counted = role.is_tool_call || role.tells_tokens;
        Some(AgentEvent {
            ts,
            step: role.step(told.outcome),
            event,
            session: told.session.map(|session| self.batch.sessions.push(session)),
            flow: told.flow.map(|flow| self.text(agents::flow_type(flow))),
            environment: told.environment.map(|environment| self.text(environment)),
            tool: told.tool.map(|tool| self.text(tool)),
            model: told.model.map(|model| self.text(model)),
            counts: is_counted.then(|| AgentCounts::of_event(failed, tokens)),
        })
    }

    fn add_session(&mut self, rollup: &SessionRollup<'_>) -> Result<(), &'static str> {
        let (fetch, part) = self.rows_of(&rollup.of)?;
        let users = rollup.users.iter();
        let users = users
            .map(|(user, since)| (self.person(fetch, user, rollup.bots.contains(user)), *since))
            .collect();
        let told = AgentsTold::Session {
            session: self.batch.sessions.push(&rollup.session),
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
            person: self.person(fetch, &rollup.user, rollup.bot),
            event: self.text(&rollup.event),
            session: rollup.session.as_ref().map(|session| self.batch.sessions.push(session)),
            names: names.map(|name| name.as_ref().map(|name| self.text(name))),
            counts: Box::new(rollup.counts),
        };
        self.batch.agents.push(AgentPart { fetch, part, told });
        Ok(())
    }

    /// The numbers of the fetch and the part of rows that were counted together.
    fn rows_of(&mut self, of: &RowsCounted<'_>) -> Result<(u32, u32), &'static str> {
        let fetch = self.fetch_of(&of.instance, &of.collector, &of.scope, of.day, of.fetched_at)?;
        Ok((fetch, self.text(&of.part)))
    }

    fn add_rollup(&mut self, rollup: &UsageRollup<'_>) -> Result<(), &'static str> {
        if !rollup.is_possible() {
            return Err(CONTRADICTION);
        }
        let (fetch, cell, part) = self.place_of(rollup)?;
        let person = self.person(fetch, &rollup.user, rollup.bot);
        let usage = Usage { events: rollup.events, sized: rollup.sized, lines: rollup.lines };
        self.batch.parts.push(CountedPart { fetch, part, cell, person, usage });
        Ok(())
    }

    /// The numbers of users of an instance.
    pub fn crowd(&mut self, instance: &str, users: &[String]) -> Crowd {
        let name = self.text(&canonical(instance));
        let instance = self.instance(name);
        Crowd(users.iter().map(|user| self.person_in(instance, user)).collect())
    }

    /// Adds counts of a crowd; `rollup` says what is counted, its user and counts do not matter.
    pub fn add_counts(
        &mut self,
        rollup: &UsageRollup<'_>,
        crowd: &Crowd,
        counts: impl Iterator<Item = CrowdCounts>,
    ) -> Result<(), &'static str> {
        let (fetch, cell, part) = self.place_of(rollup)?;
        for CrowdCounts { place, bot, usage } in counts {
            let person = crowd.0[place];
            if bot {
                self.note_bot(fetch, person);
            }
            self.batch.parts.push(CountedPart { fetch, part, cell, person, usage });
        }
        Ok(())
    }

    /// The numbers of the fetch, the cell and the part of a rollup.
    fn place_of(&mut self, rollup: &UsageRollup<'_>) -> Result<(u32, u32, u32), &'static str> {
        let UsageRollup { instance, collector, scope, day, fetched_at, event, feature, .. } = rollup;
        let fetch = self.fetch_of(instance, collector, scope, *day, *fetched_at)?;
        let action = self.action(event, feature);
        let editor = self.editor(rollup.language.as_deref(), rollup.ide.as_deref());
        Ok((fetch, self.cell(action, editor), self.text(&rollup.part)))
    }

    fn fetch_of(
        &mut self,
        instance: &str,
        collector: &str,
        scope: &str,
        day: Day,
        fetched_at: Timestamp,
    ) -> Result<u32, &'static str> {
        let (day, fetched_at) = (&day.to_string(), &fetched_at.to_string());
        let fetch = self.fetch(&FetchTexts { instance, collector, scope, day, fetched_at });
        fetch.ok_or("its day or moment cannot be read again")
    }

    /// The number of a fetch; `None` when its day or moment is not one.
    pub(super) fn fetch(&mut self, texts: &FetchTexts<'_>) -> Option<u32> {
        self.scratch.clear();
        for text in [texts.instance, texts.collector, texts.scope, texts.day, texts.fetched_at] {
            put(&mut self.scratch, text);
        }
        if let Some(number) = self.fetches.0.get(self.scratch.as_slice()) {
            return Some(*number);
        }
        let (day, fetched_at) = (texts.day.parse().ok()?, texts.fetched_at.parse().ok()?);
        let key = self.scratch.as_slice().into();
        let instance = canonical(texts.instance);
        let names = [&*instance, texts.collector, texts.scope].map(|text| self.text(text));
        self.batch.fetches.push((names, day, fetched_at));
        let place = self.instance(names[0]);
        self.instances.push(place);
        self.fetch_days.push(texts.day.into());
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

    /// The number of what an event says that happened.
    pub(super) fn action(&mut self, name: &str, feature: &str) -> u32 {
        let (event, feature) = (self.text(name), self.text(feature));
        if let Some(number) = self.actions.0.get(&[event, feature]) {
            return *number;
        }
        self.told_by.push(Action { event, feature, name: name.into(), role: Role::of(name) });
        self.actions.insert([event, feature])
    }

    /// The number of language and editor.
    pub(super) fn editor(&mut self, language: Option<&str>, ide: Option<&str>) -> u32 {
        let is_without = language.is_none() && ide.is_none();
        if let (true, Some(number)) = (is_without, self.without_editor) {
            return number;
        }
        let texts = [language, ide].map(|text| text.map(|text| self.text(text)));
        if let Some(number) = self.editors.0.get(&texts) {
            return *number;
        }
        self.editor_texts.push(texts);
        let number = self.editors.insert(texts);
        if is_without {
            self.without_editor = Some(number);
        }
        number
    }

    /// The number of what is counted by.
    pub(super) fn cell(&mut self, action: u32, editor: u32) -> u32 {
        let key = (action, editor);
        match self.last_cells.at(key) {
            Some((last, number)) if *last == key => *number,
            _ => {
                let number = self.cells.0.get(&key).copied().unwrap_or_else(|| self.new_cell(key));
                *self.last_cells.at(key) = Some((key, number));
                number
            }
        }
    }

    fn new_cell(&mut self, (action, editor): CellKey) -> u32 {
        let Action { event, feature, .. } = self.told_by[action as usize];
        let [language, ide] = self.editor_texts[editor as usize];
        self.batch.cells.push((event, feature, language, ide));
        self.cells.insert((action, editor))
    }

    /// The number of a user of the instance of a fetch.
    pub(super) fn person(&mut self, fetch: u32, user: &str, bot: bool) -> u32 {
        let person = self.person_in(self.instances[fetch as usize], user);
        if bot {
            self.note_bot(fetch, person);
        }
        person
    }

    /// Notes that a record of a fetch says of a user to be a bot or service account.
    fn note_bot(&mut self, fetch: u32, person: u32) {
        if self.bots.insert((fetch, person)) {
            self.batch.bots.push((fetch, person));
        }
    }

    /// Notes that the user of the event that is counted next is the one with this number in the global id.
    pub(super) fn person_later(&mut self, fetch: u32, id: u32) -> u32 {
        let instance = self.instances[fetch as usize];
        self.unknown.push(UnknownPerson { place: self.batch.events.len(), instance, id });
        u32::MAX
    }

    fn person_in(&mut self, instance: usize, user: &str) -> u32 {
        match global_id(user) {
            Some(id) => self.person_of_id(instance, id),
            None => match self.people[instance].others.get(user) {
                Some(person) => *person,
                None => {
                    let person = self.new_person(instance, user);
                    self.people[instance].others.insert(user.into(), person);
                    person
                }
            },
        }
    }

    /// The number of the user with this number in the global id.
    fn person_of_id(&mut self, instance: usize, id: u32) -> u32 {
        if let Some(person) = self.people[instance].by_id.get(&id) {
            return *person;
        }
        let person = self.new_person(instance, &format!("{GLOBAL_ID}{id}"));
        self.people[instance].by_id.insert(id, person);
        person
    }

    fn new_person(&mut self, instance: usize, user: &str) -> u32 {
        self.batch.people.push((instance, user.into()));
        let person = self.people_seen;
        self.people_seen = person.checked_add(1).expect("four thousand million users do not fit in memory");
        person
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(number) = self.texts.0.get(text) {
            return *number;
        }
        self.batch.texts.push(text.into());
        self.texts.insert(text.into())
    }
}

impl LastCells {
    fn at(&mut self, (action, editor): CellKey) -> &mut Option<(CellKey, u32)> {
        &mut self.0[action.wrapping_mul(61).wrapping_add(editor) as usize % LAST_CELLS]
    }
}

impl Default for LastCells {
    fn default() -> LastCells {
        LastCells([None; LAST_CELLS])
    }
}

/// Why a rollup cannot be.
pub const CONTRADICTION: &str = "its counts contradict each other";

/// Why a record is not of its fetch.
pub const OTHER_DAY: &str = "its stamp is of another day than its fetch";

/// What a user's global id begins with.
const GLOBAL_ID: &str = "gid://gitlab/User/";

/// The number in a user's global id, where it is spelled as GitLab spells it: one number, one text. Longer ones are texts to us.
pub(super) fn global_id(user: &str) -> Option<u32> {
    let (id, length) = leading_global_id(user.as_bytes())?;
    (length == user.len()).then_some(id)
}

/// The number in the user's global id that these bytes begin with, and how long that is.
#[inline]
pub(super) fn leading_global_id(bytes: &[u8]) -> Option<(u32, usize)> {
    let digits = bytes.strip_prefix(GLOBAL_ID.as_bytes())?;
    let (id, count) = digits::leading_short(digits)?;
    (digits[0] != b'0').then_some((id, GLOBAL_ID.len() + count))
}

/// Appends a text so that it cannot run into the next one.
fn put(scratch: &mut Vec<u8>, text: &str) {
    scratch.extend((text.len() as u64).to_le_bytes());
    scratch.extend(text.as_bytes());
}

impl<K: std::hash::Hash + Eq> Numbers<K> {
    fn insert(&mut self, key: K) -> u32 {
        let next = u32::try_from(self.0.len()).expect("four thousand million keys do not fit in memory");
        *self.0.entry(key).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn cells_are_told_apart_where_they_share_a_place() {
        let mut reader = Reader::default();
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..2 {
            for (action, editor) in (0..40).flat_map(|action| (0..130).map(move |editor| (action, editor))) {
                let action = reader.action("e", &format!("f{action}"));
                let editor = reader.editor(Some(&format!("l{editor}")), None);
                let cell = reader.cell(action, editor);
                assert_eq!(*seen.entry((action, editor)).or_insert(cell), cell);
            }
        }
        let cells: std::collections::BTreeSet<u32> = seen.values().copied().collect();
        assert_eq!((cells.len(), reader.batch.cells.len()), (40 * 130, 40 * 130));
    }
}
