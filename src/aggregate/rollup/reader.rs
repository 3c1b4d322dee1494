//! Reads lines on several threads. Each reader assigns its own ids to texts, people and fetches,
//! and returns batches of counted events.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::batch::{
    AgentEvent, AgentPart, AgentRows, Batch, CountedEvent, CountedPart, Extra, RepeatedEvent,
};
use super::fast_event::LineCache;
use super::row_set::EventId;
use super::sessions::{LabelFields, SessionLabel};
use super::tally::Usage;
use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::base::digits;
use crate::events::agents::{self, AgentCounts, AgentRole, Tokens};
use crate::json;
use crate::model::event::Event;
use crate::model::line::{Line, ROLLUP_START, Record, Rollup};
use crate::model::record::Origin;
use crate::model::rollup::{AgentRollup, CountedRows, SessionRollup, UsageRollup};

/// Reads lines; each thread has one.
#[derive(Default)]
pub struct Reader {
    pub(super) cache: LineCache,
    texts: IdMap<Box<str>>,
    fetches: IdMap<Box<[u8]>>,
    /// The day of each fetch.
    pub(super) fetch_days: Vec<Box<str>>,
    /// The index in `people` of the instance of each fetch.
    instances: Vec<usize>,
    /// Ids of actions, by the texts of event and feature.
    actions: IdMap<[u32; 2]>,
    action_table: Vec<Action>,
    /// Ids of editors, by the texts of language and editor.
    editors: IdMap<[Option<u32>; 2]>,
    editor_texts: Vec<[Option<u32>; 2]>,
    /// Ids of cells, by action and editor.
    cells: IdMap<CellKey>,
    recent_cells: RecentCells,
    /// The id of the editor without language and editor.
    without_editor: Option<u32>,
    /// The people of each instance.
    people: Vec<PeopleOfInstance>,
    /// The index in `people` of each instance, by its text.
    instance_indexes: HashMap<u32, usize, RandomState>,
    /// Number of users with an id.
    people_seen: u32,
    /// Bots of the current batch, as (fetch, person).
    bots: HashSet<(u32, u32), RandomState>,
    scratch: Vec<u8>,
    /// A line without the white space between its tokens.
    compact: String,
    /// The last user name of each person, if user names are kept.
    usernames: Option<HashMap<u32, Box<str>, RandomState>>,
    /// Users of events in the batch that are still to be looked up.
    pending_people: Vec<PendingPerson>,
    batch: Batch,
}

/// The ids of action and editor.
type CellKey = (u32, u32);

/// A direct-mapped cache of recent cells. With some dozens of actions and editors, nearly every
/// cell in use has an entry of its own and is found without hashing.
struct RecentCells([Option<(CellKey, u32)>; RECENT_CELLS]);

const RECENT_CELLS: usize = 1 << 10;

/// An event and its feature.
struct Action {
    event: u32,
    feature: u32,
    /// The name of the event.
    name: Box<str>,
    /// Its role for agents.
    role: Option<AgentRole>,
}

/// The user of an event whose id is still to be looked up.
struct PendingPerson {
    /// The index of the event in the batch.
    index: usize,
    instance: usize,
    /// The number in the user's global id.
    id: u32,
}

/// The reader-local ids of users of an instance.
pub struct PeopleIds(Vec<u32>);

/// Counts of one user in [`PeopleIds`].
pub struct PersonCounts {
    /// The index of the user.
    pub index: usize,
    /// Whether the counted fetch reports the user as a bot or service account.
    pub bot: bool,
    /// The counts.
    pub usage: Usage,
}

/// The users of an instance with their ids.
#[derive(Default)]
struct PeopleOfInstance {
    /// Users with a global id, by the number in it. There are many and each line has one: comparing
    /// texts would cost another cache miss. A smaller table has more of its entries in the cache.
    by_id: HashMap<u32, u32, RandomState>,
    others: HashMap<Box<str>, u32, RandomState>,
}

/// Assigns ids to keys, from 0.
struct IdMap<K>(HashMap<K, u32, RandomState>);

impl<K> Default for IdMap<K> {
    fn default() -> IdMap<K> {
        IdMap(HashMap::default())
    }
}

/// The texts that identify the fetch of a line.
#[derive(Clone, Copy)]
pub(super) struct FetchTexts<'a> {
    pub(super) instance: &'a str,
    pub(super) collector: &'a str,
    pub(super) scope: &'a str,
    pub(super) day: &'a str,
    pub(super) fetched_at: &'a str,
}

/// The agent data of an event line.
#[derive(Clone, Copy, Default)]
pub(super) struct AgentFields<'a> {
    pub(super) session: Option<&'a str>,
    pub(super) flow: Option<&'a str>,
    pub(super) environment: Option<&'a str>,
    pub(super) labels: LabelFields<'a>,
    pub(super) tool: Option<&'a str>,
    pub(super) model: Option<&'a str>,
    pub(super) outcome: Option<&'a str>,
    pub(super) tokens: Tokens,
}

impl Reader {
    /// A reader that also keeps the user names of events, which takes several times as long.
    pub fn with_usernames() -> Reader {
        Reader { usernames: Some(HashMap::default()), ..Reader::default() }
    }

    /// Whether user names are kept.
    pub(super) fn keeps_usernames(&self) -> bool {
        self.usernames.is_some()
    }

    /// Reads a line: counts an event or a rollup, and returns any other line. The error states why
    /// the line is invalid and quotes nothing of it.
    pub fn read<'a>(&mut self, line: &'a str) -> Result<Option<Line<'a>>, String> {
        if let Some(length) = self.decode_event_fast(line) {
            debug_assert_eq!(length, line.len(), "it is one line");
            return Ok(None);
        }
        self.parse(line)
    }

    /// Reads a line that is not in canonical form.
    pub fn parse<'a>(&mut self, line: &'a str) -> Result<Option<Line<'a>>, String> {
        if !line.starts_with(ROLLUP_START) {
            let mut compact = std::mem::take(&mut self.compact);
            let is_read = json::compact(line, &mut compact) && self.decode_event_fast(&compact).is_some();
            self.compact = compact;
            if is_read {
                return Ok(None);
            }
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

    /// The counts since the last call.
    pub fn take_batch(&mut self) -> Batch {
        // Look up users in one go: while one lookup waits for memory, the next ones are under way.
        let mut pending_people = std::mem::take(&mut self.pending_people);
        for PendingPerson { index, instance, id } in pending_people.drain(..) {
            self.batch.events[index].person = self.person_of_id(instance, id);
        }
        self.pending_people = pending_people;
        self.bots.clear();
        // The next batch will have about the same size.
        let next = Batch {
            events: Vec::with_capacity(self.batch.events.len()),
            extras: Vec::with_capacity(self.batch.extras.len()),
            ..Batch::default()
        };
        std::mem::replace(&mut self.batch, next)
    }

    fn add_event(&mut self, event: &Event<'_>) -> Result<(), &'static str> {
        if event.ts.day() != event.origin.day {
            return Err(WRONG_DAY);
        }
        let Origin { instance, collector, scope, day, fetched_at, row } = &event.origin;
        let fetch = self.fetch_of(instance, collector, scope, *day, *fetched_at)?;
        let fields = AgentFields {
            session: event.session.as_deref(),
            flow: event.flow.as_deref(),
            environment: event.environment.as_deref(),
            labels: LabelFields {
                agent: event.agent.as_deref(),
                flow_version: event.flow_version.as_deref(),
                item_type: event.item_type.as_deref(),
                item: event.item.as_deref(),
                item_version: event.item_version.as_deref(),
            },
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
        let agent = self.agent_event(action, &fields, event.ts);
        let person = self.person(fetch, &event.user, event.bot);
        if let (Some(last), Some(username)) = (&mut self.usernames, &event.username)
            && last.get(&person).is_none_or(|last| **last != **username)
        {
            last.insert(person, username.as_ref().into());
            self.batch.usernames.push((person, username.as_ref().into(), *fetched_at));
        }
        let counted = CountedEvent { fetch, row: *row, cell, person, lines: event.lines };
        self.count_event(counted, event.event_id.as_deref().map(EventId::of), agent);
        Ok(())
    }

    /// Counts `rows` equal events in consecutive rows, of which `event` is the first.
    pub fn add_repeated(&mut self, event: &Event<'_>, rows: u32) -> Result<(), &'static str> {
        self.add_event(event)?;
        let first = self.batch.events.pop().expect("an event was added");
        let index = self.batch.events.len();
        let agent = self.batch.extras.pop_if(|extra| extra.index == index).and_then(|extra| extra.agent);
        self.batch.repeated.push(RepeatedEvent { first, rows, agent });
        Ok(())
    }

    /// Counts an event, with its own id and agent data if it has them.
    pub(super) fn count_event(
        &mut self,
        counted: CountedEvent,
        id: Option<EventId>,
        agent: Option<AgentEvent>,
    ) {
        if id.is_some() || agent.is_some() {
            self.batch.extras.push(Extra { index: self.batch.events.len(), id, agent });
        }
        self.batch.events.push(counted);
    }

    /// Whether an action has a role for agents.
    pub(super) fn has_agent_role(&self, action: u32) -> bool {
        self.action_table[action as usize].role.is_some()
    }

    /// The agent data of an event whose action has a role for agents.
    pub(super) fn agent_event(
        &mut self,
        action: u32,
        fields: &AgentFields<'_>,
        ts: Timestamp,
    ) -> Option<AgentEvent> {
        let Action { event, name, role, .. } = &self.action_table[action as usize];
        let (event, role) = (*event, (*role)?);
        let failed = role.is_tool_call.then(|| agents::has_failed(name, fields.outcome)).flatten();
        let tokens = if role.reports_tokens { fields.tokens } else { Tokens::default() };
        let is_counted = role.is_tool_call || role.reports_tokens;
        let (flow, version) = fields.flow.map(agents::flow_and_version).unzip();
        // An event without a session labels none.
        let labels = fields.session.map_or([None; 4], |_| fields.labels.texts(version.flatten()));
        Some(AgentEvent {
            ts,
            step: role.step(fields.outcome),
            event,
            session: fields.session.map(|session| self.batch.sessions.push(session)),
            flow: flow.map(|flow| self.text(flow)),
            environment: fields.environment.map(|environment| self.text(environment)),
            labels: labels.map(|text| text.map(|text| self.text(text))),
            tool: fields.tool.map(|tool| self.text(tool)),
            model: fields.model.map(|model| self.text(model)),
            counts: is_counted.then(|| AgentCounts::of_event(failed, tokens)),
        })
    }

    fn add_session(&mut self, rollup: &SessionRollup<'_>) -> Result<(), &'static str> {
        let (fetch, part) = self.part_of(&rollup.counted_rows)?;
        let users = rollup.users.iter();
        let users = users
            .map(|(user, since)| (self.person(fetch, user, rollup.bots.contains(user)), *since))
            .collect();
        let labels = [&rollup.agents, &rollup.flow_versions, &rollup.item_types, &rollup.items];
        let labels = SessionLabel::ALL
            .into_iter()
            .zip(labels)
            .flat_map(|(label, texts)| texts.iter().map(move |(text, since)| (label, text, *since)));
        let rows = AgentRows::Session {
            session: self.batch.sessions.push(&rollup.session),
            users,
            flows: rollup.flows.iter().map(|flow| self.text(flow)).collect(),
            environments: rollup.environments.iter().map(|environment| self.text(environment)).collect(),
            labels: labels.map(|(label, text, since)| (label, self.text(text), since)).collect(),
            steps: rollup.steps.iter().copied().collect(),
        };
        self.batch.agents.push(AgentPart { fetch, part, rows });
        Ok(())
    }

    fn add_agent_counts(&mut self, rollup: &AgentRollup<'_>) -> Result<(), &'static str> {
        if !rollup.counts.are_consistent() {
            return Err(INCONSISTENT_COUNTS);
        }
        let (fetch, part) = self.part_of(&rollup.counted_rows)?;
        let dimensions = [&rollup.flow, &rollup.tool, &rollup.model];
        let rows = AgentRows::Counts {
            person: self.person(fetch, &rollup.user, rollup.bot),
            event: self.text(&rollup.event),
            session: rollup.session.as_ref().map(|session| self.batch.sessions.push(session)),
            dimensions: dimensions.map(|name| name.as_ref().map(|name| self.text(name))),
            counts: Box::new(rollup.counts),
        };
        self.batch.agents.push(AgentPart { fetch, part, rows });
        Ok(())
    }

    /// The ids of the fetch and the part of a rollup line.
    fn part_of(&mut self, rows: &CountedRows<'_>) -> Result<(u32, u32), &'static str> {
        let fetch = self.fetch_of(&rows.instance, &rows.collector, &rows.scope, rows.day, rows.fetched_at)?;
        Ok((fetch, self.text(&rows.part)))
    }

    fn add_rollup(&mut self, rollup: &UsageRollup<'_>) -> Result<(), &'static str> {
        if !rollup.is_consistent() {
            return Err(INCONSISTENT_COUNTS);
        }
        let (fetch, cell, part) = self.cell_of_rollup(rollup)?;
        let person = self.person(fetch, &rollup.user, rollup.bot);
        let usage = Usage { events: rollup.events, sized: rollup.sized, lines: rollup.lines };
        self.batch.parts.push(CountedPart { fetch, part, cell, person, usage });
        Ok(())
    }

    /// The reader-local ids of users of an instance.
    pub fn people_ids(&mut self, instance: &str, users: &[String]) -> PeopleIds {
        let name = self.text(&canonical(instance));
        let instance = self.instance(name);
        PeopleIds(users.iter().map(|user| self.person_in(instance, user)).collect())
    }

    /// Adds counts of these people. `rollup` supplies the fetch and the cell; its user and counts
    /// are ignored.
    pub fn add_counts(
        &mut self,
        rollup: &UsageRollup<'_>,
        people: &PeopleIds,
        counts: impl Iterator<Item = PersonCounts>,
    ) -> Result<(), &'static str> {
        let (fetch, cell, part) = self.cell_of_rollup(rollup)?;
        for PersonCounts { index, bot, usage } in counts {
            let person = people.0[index];
            if bot {
                self.record_bot(fetch, person);
            }
            self.batch.parts.push(CountedPart { fetch, part, cell, person, usage });
        }
        Ok(())
    }

    /// The ids of the fetch, the cell and the part of a rollup.
    fn cell_of_rollup(&mut self, rollup: &UsageRollup<'_>) -> Result<(u32, u32, u32), &'static str> {
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
        fetch.ok_or("its day or timestamp cannot be parsed")
    }

    /// The id of a fetch; `None` if its day or time is invalid.
    pub(super) fn fetch(&mut self, texts: &FetchTexts<'_>) -> Option<u32> {
        self.scratch.clear();
        for text in [texts.instance, texts.collector, texts.scope, texts.day, texts.fetched_at] {
            append_delimited(&mut self.scratch, text);
        }
        if let Some(id) = self.fetches.0.get(self.scratch.as_slice()) {
            return Some(*id);
        }
        let (day, fetched_at) = (texts.day.parse().ok()?, texts.fetched_at.parse().ok()?);
        let key = self.scratch.as_slice().into();
        let instance = canonical(texts.instance);
        let ids = [&*instance, texts.collector, texts.scope].map(|text| self.text(text));
        self.batch.fetches.push((ids, day, fetched_at));
        let index = self.instance(ids[0]);
        self.instances.push(index);
        self.fetch_days.push(texts.day.into());
        Some(self.fetches.insert(key))
    }

    /// The index of an instance in `people`.
    fn instance(&mut self, name: u32) -> usize {
        let index = *self.instance_indexes.entry(name).or_insert(self.people.len());
        if index == self.people.len() {
            self.people.push(PeopleOfInstance::default());
            self.batch.instances.push(name);
        }
        index
    }

    /// The id of an event and its feature.
    pub(super) fn action(&mut self, name: &str, feature: &str) -> u32 {
        let (event, feature) = (self.text(name), self.text(feature));
        if let Some(id) = self.actions.0.get(&[event, feature]) {
            return *id;
        }
        self.action_table.push(Action { event, feature, name: name.into(), role: AgentRole::of(name) });
        self.actions.insert([event, feature])
    }

    /// The id of language and editor.
    pub(super) fn editor(&mut self, language: Option<&str>, ide: Option<&str>) -> u32 {
        let is_without = language.is_none() && ide.is_none();
        if let (true, Some(id)) = (is_without, self.without_editor) {
            return id;
        }
        let texts = [language, ide].map(|text| text.map(|text| self.text(text)));
        if let Some(id) = self.editors.0.get(&texts) {
            return *id;
        }
        self.editor_texts.push(texts);
        let id = self.editors.insert(texts);
        if is_without {
            self.without_editor = Some(id);
        }
        id
    }

    /// The id of a cell.
    pub(super) fn cell(&mut self, action: u32, editor: u32) -> u32 {
        let key = (action, editor);
        match self.recent_cells.at(key) {
            Some((last, id)) if *last == key => *id,
            _ => {
                let id = self.cells.0.get(&key).copied().unwrap_or_else(|| self.new_cell(key));
                *self.recent_cells.at(key) = Some((key, id));
                id
            }
        }
    }

    fn new_cell(&mut self, (action, editor): CellKey) -> u32 {
        let Action { event, feature, .. } = self.action_table[action as usize];
        let [language, ide] = self.editor_texts[editor as usize];
        self.batch.cells.push((event, feature, language, ide));
        self.cells.insert((action, editor))
    }

    /// The id of a user of the instance of a fetch.
    pub(super) fn person(&mut self, fetch: u32, user: &str, bot: bool) -> u32 {
        let person = self.person_in(self.instances[fetch as usize], user);
        if bot {
            self.record_bot(fetch, person);
        }
        person
    }

    /// Records that a fetch reports a user as a bot or service account.
    fn record_bot(&mut self, fetch: u32, person: u32) {
        if self.bots.insert((fetch, person)) {
            self.batch.bots.push((fetch, person));
        }
    }

    /// Records that the next counted event belongs to the user with this number in the global id.
    pub(super) fn defer_person(&mut self, fetch: u32, id: u32) -> u32 {
        let instance = self.instances[fetch as usize];
        self.pending_people.push(PendingPerson { index: self.batch.events.len(), instance, id });
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

    /// The id of the user with this number in the global id.
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
        self.people_seen = person.checked_add(1).expect("four billion users do not fit in memory");
        person
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(id) = self.texts.0.get(text) {
            return *id;
        }
        self.batch.texts.push(text.into());
        self.texts.insert(text.into())
    }
}

impl RecentCells {
    fn at(&mut self, (action, editor): CellKey) -> &mut Option<(CellKey, u32)> {
        &mut self.0[action.wrapping_mul(61).wrapping_add(editor) as usize % RECENT_CELLS]
    }
}

impl Default for RecentCells {
    fn default() -> RecentCells {
        RecentCells([None; RECENT_CELLS])
    }
}

/// The rejection reason for a rollup with impossible counts.
pub const INCONSISTENT_COUNTS: &str = "its counts contradict each other";

/// The rejection reason for a record outside the day of its fetch.
pub const WRONG_DAY: &str = "its timestamp is outside the day of its fetch";

/// The prefix of a user's global id.
const GLOBAL_ID: &str = "gid://gitlab/User/";

/// The number in a user's global id in GitLab's canonical form, where each number has exactly one
/// text. Ids with more digits are handled as texts.
pub(super) fn global_id(user: &str) -> Option<u32> {
    let (id, length) = leading_global_id(user.as_bytes())?;
    (length == user.len()).then_some(id)
}

/// The number in the global id that these bytes start with, and the length of that id.
#[inline]
pub(super) fn leading_global_id(bytes: &[u8]) -> Option<(u32, usize)> {
    let digits = bytes.strip_prefix(GLOBAL_ID.as_bytes())?;
    let (id, count) = digits::parse_short_prefix(digits)?;
    (digits[0] != b'0').then_some((id, GLOBAL_ID.len() + count))
}

/// Appends a text with its length, so that it cannot run into the next one.
fn append_delimited(scratch: &mut Vec<u8>, text: &str) {
    scratch.extend((text.len() as u64).to_le_bytes());
    scratch.extend(text.as_bytes());
}

impl<K: std::hash::Hash + Eq> IdMap<K> {
    fn insert(&mut self, key: K) -> u32 {
        let next = u32::try_from(self.0.len()).expect("four billion keys do not fit in memory");
        *self.0.entry(key).or_insert(next)
    }
}

#[cfg(test)]
mod tests;
