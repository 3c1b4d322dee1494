//! The mergeable middle between records and metrics: counts by day, person, event and dimensions, kept apart by
//! fetch. Records may come in any order and any number of times; memory grows with people, days and dimensions,
//! not with events.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::calendar::{Day, Timestamp};
use crate::line::Record;
use crate::record::{
    Coverage, Dora, DoraMeasure, Event, MergeRequest, Origin, Pipeline, Row, Seat, SeatPool, Status,
};

/// A text that occurs often, as a number; see [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u32);

/// A user of an instance, bots included, as a number from 0; see [`People`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u32);

/// Texts and their numbers.
#[derive(Debug, Default)]
pub struct Names {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, Name>,
}

/// Everybody seen, by (instance, user).
#[derive(Debug, Default)]
pub struct People {
    numbers: HashMap<(Name, Box<str>), PersonId>,
    bots: Vec<bool>,
}

/// What one fetch is of: a collector, a scope and a day of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The GitLab.
    pub instance: Name,
    /// The collector.
    pub collector: Name,
    /// The group path.
    pub scope: Name,
    /// The day.
    pub day: Day,
}

/// What came of one fetch of a target.
#[derive(Debug, Default)]
pub struct Fetch {
    /// The rows that were seen.
    pub rows: RowSet,
    /// What the coverage line says; `None` when there was none.
    pub declared: Option<Coverage>,
    /// Usage events.
    pub usage: HashMap<UsageKey, Usage>,
    /// People with a seat, by add-on.
    pub seats: BTreeMap<Name, BTreeSet<PersonId>>,
    /// The last day with any Duo activity of people with a seat, where GitLab tells it.
    pub last_duo_activity: HashMap<PersonId, Day>,
    /// Purchases by their id.
    pub pools: BTreeMap<Name, Pool>,
    /// DORA figures of the month up to the day.
    pub dora: BTreeMap<DoraMeasure, Option<f64>>,
    event_ids: HashSet<Box<str>>,
}

/// By what usage events are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// Who.
    pub person: PersonId,
    /// The event's name.
    pub event: Name,
    /// The event's feature.
    pub feature: Name,
    /// The language; `None` where the source does not tell.
    pub language: Option<Name>,
    /// The editor; `None` where the source does not tell.
    pub ide: Option<Name>,
}

/// Counts of usage events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Events.
    pub events: u64,
    /// Events that carry a size.
    pub sized: u64,
    /// Sum of their sizes, in lines of code.
    pub lines: u64,
}

/// A purchase of seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pool {
    /// Seats purchased.
    pub purchased: u64,
    /// Seats assigned.
    pub assigned: u64,
    /// The add-on.
    pub add_on: Name,
}

/// A thing that has a state rather than events, with the newest state seen.
#[derive(Debug)]
pub struct State<T> {
    /// The GitLab.
    pub instance: Name,
    /// The newest state.
    pub newest: T,
    /// The scopes it was seen in.
    pub scopes: BTreeSet<Name>,
    /// Which of two states is the newer. Of two of the same moment that of the later day and row is taken, and of two
    /// groups the one whose path sorts last: a rule that does not depend on the order of the input.
    age: (Timestamp, Day, Row, Box<str>),
}

/// The part of a merge request that metrics need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeRequestState {
    /// The project's full path.
    pub project: Name,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// Who opened it.
    pub author: Option<PersonId>,
    /// Lines added and deleted; `None` where GitLab does not tell.
    pub lines: Option<u64>,
}

/// The part of a pipeline that metrics need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineState {
    /// The project's full path.
    pub project: Name,
    /// When it was created.
    pub created_at: Timestamp,
    /// The status in lower case.
    pub status: Name,
    /// Whether it has finished.
    pub finished: bool,
    /// Seconds it ran.
    pub duration: Option<u64>,
}

/// Identity of a merge request or a pipeline. A project that is renamed or moved keeps its id, so the path serves
/// only where the source does not tell the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateKey {
    instance: Name,
    project: Name,
    id: Name,
}

/// Everything a stream of records and coverage lines says.
#[derive(Debug, Default)]
pub struct Rollups {
    /// The texts behind the numbers.
    pub names: Names,
    /// Everybody seen.
    pub people: People,
    /// What was fetched, when, and what came of it.
    pub fetches: BTreeMap<Target, BTreeMap<Timestamp, Fetch>>,
    /// Coverage lines of fetches that the server never answered.
    pub unanswered: BTreeMap<Target, BTreeSet<(Status, Option<String>)>>,
    /// Merge requests.
    pub merge_requests: HashMap<StateKey, State<MergeRequestState>>,
    /// Pipelines.
    pub pipelines: HashMap<StateKey, State<PipelineState>>,
}

/// A set of rows, a bit each: 64 rows that lie together take about 24 bytes.
#[derive(Debug, Default)]
pub struct RowSet {
    words: HashMap<(u32, u32), u64>,
    count: u64,
}

impl Rollups {
    /// Takes a coverage line.
    pub fn cover(&mut self, coverage: Coverage) {
        let target = self.target(&coverage.instance, &coverage.collector, &coverage.scope, coverage.day);
        let Some(fetched_at) = coverage.fetched_at else {
            self.unanswered.entry(target).or_default().insert((coverage.status, coverage.reason));
            return;
        };
        let fetch = self.fetches.entry(target).or_default().entry(fetched_at).or_default();
        // The same fetch is covered once. Should two lines differ all the same, the choice must not depend on order.
        if fetch.declared.as_ref().is_none_or(|declared| coverage < *declared) {
            fetch.declared = Some(coverage);
        }
    }

    /// Takes a record. The error says why it cannot be what it claims to be.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), &'static str> {
        if !record.is_of_its_day() {
            return Err("its stamp is of another day than its fetch");
        }
        let origin = record.origin();
        let target = self.target(&origin.instance, &origin.collector, &origin.scope, origin.day);
        let fetch = self.fetches.entry(target).or_default().entry(origin.fetched_at).or_default();
        if !fetch.rows.insert(origin.row) {
            return Ok(());
        }
        match record {
            Record::Event(event) => self.add_event(target, event),
            Record::Seat(seat) => self.add_seat(target, seat),
            Record::SeatPool(pool) => self.add_pool(target, pool),
            Record::MergeRequest(merge_request) => self.add_merge_request(target, merge_request),
            Record::Pipeline(pipeline) => self.add_pipeline(target, pipeline),
            Record::Dora(dora) => self.add_dora(target, dora),
        }
        Ok(())
    }

    fn add_event(&mut self, target: Target, event: &Event<'_>) {
        if let Some(id) = &event.event_id
            && !self.fetch(target, &event.origin).event_ids.insert(id.as_ref().into())
        {
            return;
        }
        let key = UsageKey {
            person: self.people.number(target.instance, &event.user, event.bot),
            event: self.names.number(&event.event),
            feature: self.names.number(&event.feature),
            language: event.language.as_ref().map(|language| self.names.number(language)),
            ide: event.ide.as_ref().map(|ide| self.names.number(ide)),
        };
        let usage = self.fetch(target, &event.origin).usage.entry(key).or_default();
        usage.events += 1;
        if let Some(lines) = event.lines {
            usage.sized += 1;
            usage.lines += u64::from(lines);
        }
    }

    fn add_seat(&mut self, target: Target, seat: &Seat<'_>) {
        let person = self.people.number(target.instance, &seat.user, seat.bot);
        let add_on = self.names.number(&seat.add_on);
        if seat.assigned {
            let fetch = self.fetch(target, &seat.origin);
            fetch.seats.entry(add_on).or_default().insert(person);
            if let Some(day) = seat.last_duo_activity_on {
                let last = fetch.last_duo_activity.entry(person).or_insert(day);
                *last = day.max(*last);
            }
        }
    }

    fn add_pool(&mut self, target: Target, pool: &SeatPool<'_>) {
        let purchase = self.names.number(pool.purchase.as_ref().unwrap_or(&pool.add_on));
        let add_on = self.names.number(&pool.add_on);
        let pool_of = Pool { add_on, purchased: pool.purchased.into(), assigned: pool.assigned.into() };
        self.fetch(target, &pool.origin).pools.insert(purchase, pool_of);
    }

    fn add_merge_request(&mut self, target: Target, merge_request: &MergeRequest<'_>) {
        let project = merge_request.project_id.as_ref().unwrap_or(&merge_request.project);
        let key = self.state_key(target, project, &merge_request.iid);
        let author = merge_request.author.as_ref();
        let state = MergeRequestState {
            project: self.names.number(&merge_request.project),
            created_at: merge_request.created_at,
            merged_at: merge_request.merged_at,
            author: author.map(|author| self.people.number(target.instance, author, merge_request.bot)),
            lines: merge_request
                .additions
                .zip(merge_request.deletions)
                .map(|(more, less)| more.saturating_add(less)),
        };
        keep_newest(&mut self.merge_requests, key, state, target.scope, &merge_request.origin);
    }

    fn add_pipeline(&mut self, target: Target, pipeline: &Pipeline<'_>) {
        let project = pipeline.project_id.as_ref().unwrap_or(&pipeline.project);
        let key = self.state_key(target, project, &pipeline.id);
        let state = PipelineState {
            project: self.names.number(&pipeline.project),
            created_at: pipeline.created_at,
            status: self.names.number(&pipeline.status),
            finished: pipeline.finished_at.is_some(),
            duration: pipeline.duration,
        };
        keep_newest(&mut self.pipelines, key, state, target.scope, &pipeline.origin);
    }

    fn add_dora(&mut self, target: Target, dora: &Dora<'_>) {
        let known = self.fetch(target, &dora.origin).dora.entry(dora.measure).or_insert(dora.value);
        // A fetch tells one figure. Should it tell two all the same, the choice must not depend on order.
        if let Some(value) = dora.value
            && known.is_none_or(|known| value.total_cmp(&known).is_gt())
        {
            *known = Some(value);
        }
    }

    /// What the coverage lines speak of.
    pub fn covered(&self) -> impl Iterator<Item = Target> {
        let declared =
            self.fetches.iter().filter(|(_, fetches)| fetches.values().any(|fetch| fetch.declared.is_some()));
        declared.map(|(target, _)| *target).chain(self.unanswered.keys().copied())
    }

    fn target(&mut self, instance: &str, collector: &str, scope: &str, day: Day) -> Target {
        Target {
            instance: self.names.number(instance),
            collector: self.names.number(collector),
            scope: self.names.number(scope),
            day,
        }
    }

    fn state_key(&mut self, target: Target, project: &str, id: &str) -> StateKey {
        StateKey { instance: target.instance, project: self.names.number(project), id: self.names.number(id) }
    }

    fn fetch(&mut self, target: Target, origin: &Origin<'_>) -> &mut Fetch {
        self.fetches.entry(target).or_default().entry(origin.fetched_at).or_default()
    }
}

fn keep_newest<T>(
    states: &mut HashMap<StateKey, State<T>>,
    key: StateKey,
    state: T,
    scope: Name,
    origin: &Origin<'_>,
) {
    let age = (origin.fetched_at, origin.day, origin.row, Box::from(origin.scope.as_ref()));
    match states.entry(key) {
        Entry::Vacant(vacant) => {
            vacant.insert(State {
                instance: key.instance,
                newest: state,
                scopes: BTreeSet::from([scope]),
                age,
            });
        }
        Entry::Occupied(occupied) => {
            let known = occupied.into_mut();
            known.scopes.insert(scope);
            if age > known.age {
                (known.newest, known.age) = (state, age);
            }
        }
    }
}

impl Fetch {
    /// What is missing of the rows that the stream itself says there are.
    pub fn lost_rows(&self) -> Option<String> {
        let arrived = self.rows.len();
        match &self.declared {
            None if arrived == 0 => None,
            None => Some("the stream is cut: rows came without their coverage line".to_owned()),
            Some(declared) => {
                let rows = declared.rows.unwrap_or(0);
                (rows != arrived).then(|| format!("the stream is cut: {arrived} of {rows} rows arrived"))
            }
        }
    }
}

impl Names {
    /// The number of a text.
    pub fn number(&mut self, text: &str) -> Name {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        let name =
            Name(u32::try_from(self.texts.len()).expect("four thousand million names do not fit in memory"));
        self.texts.push(text.into());
        self.numbers.insert(text.into(), name);
        name
    }

    /// The number of a text, if it has one.
    pub fn find(&self, text: &str) -> Option<Name> {
        self.numbers.get(text).copied()
    }

    /// The text of a number.
    pub fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }
}

impl People {
    /// The number of a user. Whoever is once said to be a bot is one.
    fn number(&mut self, instance: Name, user: &str, bot: bool) -> PersonId {
        let next = PersonId(
            u32::try_from(self.bots.len()).expect("four thousand million users do not fit in memory"),
        );
        let person = *self.numbers.entry((instance, user.into())).or_insert(next);
        match self.bots.get_mut(person.0 as usize) {
            Some(known) => *known |= bot,
            None => self.bots.push(bot),
        }
        person
    }

    /// Whether the user is a bot or service account.
    pub fn is_bot(&self, person: PersonId) -> bool {
        self.bots[person.0 as usize]
    }

    /// How many users there are, bots included.
    pub fn len(&self) -> usize {
        self.bots.len()
    }

    /// Whether nobody was seen.
    pub fn is_empty(&self) -> bool {
        self.bots.is_empty()
    }
}

impl RowSet {
    /// Adds a row; false when it was there.
    pub fn insert(&mut self, row: Row) -> bool {
        let word = self.words.entry((row.page, row.index / 64)).or_default();
        let bit = 1 << (row.index % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    /// How many rows it holds.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_new_once() {
        let mut rows = RowSet::default();
        let row = |text: &str| text.parse::<Row>().expect("a literal row");
        assert!(
            rows.insert(row("1:63"))
                && rows.insert(row("1:64"))
                && rows.insert(row("2:63"))
                && rows.insert(row("64"))
        );
        assert!(!rows.insert(row("1:63")) && !rows.insert(row("64")));
        assert!(rows.insert(row("4294967295:4294967295")));
        assert_eq!(rows.len(), 5);
    }
}
