//! The mergeable middle between records and metrics: counts by day, person, event and dimensions, kept apart by
//! fetch. Records may come in any order and any number of times; memory grows with people, days and dimensions,
//! not with events.

mod batch;
mod names;
mod opening;
mod phrases;
mod plain_event;
mod reader;
mod rows;
mod runs;
mod sessions;
mod states;
mod tally;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use batch::{Batch, Meanings};
pub use names::{Name, Names, People, PersonId};
pub use reader::{CONTRADICTION, Crowd, CrowdCounts, OTHER_DAY, Reader};
pub use rows::RowSet;
use runs::Twice;
pub use sessions::{AgentCell, AgentEntries, AgentKey, Facts, SessionFact};
use sessions::{AgentTally, Sessions};
pub use states::{MergeRequestState, Newest, PipelineState, StateKey, Told};
use tally::Tally;
pub use tally::{CellId, Entries, Usage};

use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::events::agents::{self, AgentCounts};
use crate::model::line::{Record, Rollup};
use crate::model::record::{
    AgentRollup, Coverage, Credit, Dora, DoraMeasure, MergeRequest, Origin, Pipeline, RollupKind, Row,
    RowsCounted, Seat, SeatPool, SessionRollup, Status, TOO_LARGE, UsageRollup,
};

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

/// What a coverage line says of a target that the server never answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unanswered {
    /// How the collection ended.
    pub status: Status,
    /// Why.
    pub reason: Option<String>,
    /// Whether the user named the collector.
    pub is_named: bool,
}

/// What came of one fetch of a target.
#[derive(Debug, Default)]
pub struct Fetch {
    rows: RowSet,
    /// What the coverage line says; `None` when there was none.
    pub declared: Option<Coverage>,
    own: Part,
    parts: BTreeMap<Box<str>, Part>,
    counted: u64,
    /// Who is a bot or service account by any record of it.
    pub bots: BTreeSet<PersonId>,
    /// People with a seat, by add-on.
    pub seats: BTreeMap<Name, BTreeSet<PersonId>>,
    /// The last day with any Duo activity of people with a seat, where GitLab tells it.
    pub last_duo_activity: HashMap<PersonId, Day>,
    /// Purchases by their id.
    pub pools: BTreeMap<Purchase, Pool>,
    /// States of merge requests.
    pub merge_requests: Vec<Told<MergeRequestState>>,
    /// States of pipelines.
    pub pipelines: Vec<Told<PipelineState>>,
    /// DORA figures of the month up to the day.
    pub dora: BTreeMap<DoraMeasure, Option<f64>>,
    /// GitLab Credits, each with its product and flow where those are told; in no order.
    pub credits: Vec<(Option<Name>, Option<Name>, f64)>,
}

/// Rows of a fetch that were counted together.
#[derive(Debug, Default)]
struct Part {
    usage: Tally,
    sessions: Sessions,
    agents: AgentTally,
}

/// A cell of the counts: by what usage events are counted, beside fetch and person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The event's name.
    pub event: Name,
    /// Whether whoever did it did something, rather than being shown something.
    pub is_deliberate: bool,
    /// The event's feature.
    pub feature: Name,
    /// The language; `None` where the source does not tell.
    pub language: Option<Name>,
    /// The editor; `None` where the source does not tell.
    pub ide: Option<Name>,
}

/// Every cell seen, by its number.
#[derive(Debug, Default)]
pub struct Cells {
    cells: Vec<Cell>,
    numbers: HashMap<Cell, CellId, foldhash::fast::RandomState>,
}

/// What tells one purchase of seats from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purchase {
    /// Its id.
    Id(Name),
    /// Where no id is told: the scope and the row, as each row is a purchase of its own.
    Row(Name, Row),
}

/// A purchase of seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Seats purchased.
    pub purchased: u64,
    /// Seats assigned.
    pub assigned: u64,
    /// The add-on.
    pub add_on: Name,
}

/// Everything a stream of records and coverage lines says.
#[derive(Debug, Default)]
pub struct Rollups {
    /// The texts behind the numbers.
    pub names: Names,
    /// Everybody seen.
    pub people: People,
    /// By what usage events are counted.
    pub cells: Cells,
    /// What was fetched, when, and what came of it.
    pub fetches: BTreeMap<Target, BTreeMap<Timestamp, Fetch>>,
    /// Coverage lines of fetches that the server never answered.
    pub unanswered: BTreeMap<Target, BTreeSet<Unanswered>>,
    /// How many counts may wait to be summed.
    waiting: usize,
}

/// How many counts may wait in all tallies together: nearly each takes 16 bytes.
const MOST_WAITING: usize = 1 << 19;

/// As how many counts waits what one event tells of agents.
const WEIGHT_OF_AGENTS: usize = 8;

impl Rollups {
    /// Takes a coverage line.
    pub fn cover(&mut self, coverage: Coverage) {
        let target = self.target(&coverage.instance, &coverage.collector, &coverage.scope, coverage.day);
        let Some(fetched_at) = coverage.fetched_at else {
            let Coverage { status, reason, named, .. } = coverage;
            self.unanswered.entry(target).or_default().insert(Unanswered { status, reason, is_named: named });
            return;
        };
        let fetch = self.fetches.entry(target).or_default().entry(fetched_at).or_default();
        // The same fetch is covered once. Should two lines differ all the same, the choice must not depend on order.
        if fetch.declared.as_ref().is_none_or(|declared| coverage < *declared) {
            fetch.declared = Some(coverage);
        }
    }

    /// Takes a record that is not a usage event; those come in batches. The error says why it cannot be what it claims
    /// to be.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), &'static str> {
        if !record.is_of_its_day() {
            return Err(OTHER_DAY);
        }
        let origin = record.origin();
        let target = self.target(&origin.instance, &origin.collector, &origin.scope, origin.day);
        let fetch = self.fetches.entry(target).or_default().entry(origin.fetched_at).or_default();
        if !fetch.rows.insert(origin.row) {
            return Ok(());
        }
        match record {
            Record::Event(_) => return Err("a usage event, which is counted in a batch"),
            Record::Seat(seat) => self.add_seat(target, seat),
            Record::SeatPool(pool) => self.add_pool(target, pool),
            Record::MergeRequest(merge_request) => self.add_merge_request(target, merge_request),
            Record::Pipeline(pipeline) => self.add_pipeline(target, pipeline),
            // Rows of their fetch, and nothing that a metric rests on so far.
            Record::Project(_) | Record::GroupTotal(_) | Record::UserTotal(_) => {}
            Record::Credit(credit) => self.add_credit(target, credit),
            Record::Dora(dora) => self.add_dora(target, dora),
        }
        Ok(())
    }

    /// Hands out all events as rollup lines, in a fixed order.
    pub fn for_each_rollup<E>(&self, mut take: impl FnMut(&Rollup<'_>) -> Result<(), E>) -> Result<(), E> {
        let text = |name: Name| Cow::from(self.names.text(name));
        let mut fetches: Vec<_> = self
            .fetches
            .iter()
            .flat_map(|(target, fetches)| fetches.iter().map(move |(at, fetch)| (target, *at, fetch)))
            .collect();
        fetches.sort_by_cached_key(|(target, at, _)| {
            (text(target.instance), text(target.collector), text(target.scope), target.day, *at)
        });
        for (target, fetched_at, fetch) in fetches {
            let mut lines: Vec<Rollup<'_>> = Vec::new();
            for (part, counted) in fetch.all_parts() {
                let of = self.rows_counted(target, fetched_at, part);
                let usage = counted.usage.iter();
                lines.extend(usage.map(|counts| Rollup::Usage(self.usage_rollup(&of, fetch, counts))));
                lines.extend(self.session_rollups(&of, fetch, counted).map(Rollup::Session));
                let agents = counted.agents.iter();
                lines.extend(
                    agents.map(|counts| Rollup::Agent(Box::new(self.agent_rollup(&of, fetch, counts)))),
                );
            }
            lines.sort_unstable();
            lines.iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    fn rows_counted<'s>(
        &'s self,
        target: &Target,
        fetched_at: Timestamp,
        part: Cow<'s, str>,
    ) -> RowsCounted<'s> {
        let text = |name: Name| Cow::from(self.names.text(name));
        RowsCounted {
            instance: text(target.instance),
            collector: text(target.collector),
            scope: text(target.scope),
            day: target.day,
            fetched_at,
            part,
        }
    }

    fn usage_rollup<'s>(
        &'s self,
        of: &RowsCounted<'s>,
        fetch: &Fetch,
        (cell, person, usage): (CellId, PersonId, Usage),
    ) -> UsageRollup<'s> {
        let text = |name: Name| Cow::from(self.names.text(name));
        let Cell { event, feature, language, ide, .. } = *self.cells.cell(cell);
        let RowsCounted { instance, collector, scope, day, fetched_at, part } = of.clone();
        UsageRollup {
            kind: RollupKind::Usage,
            instance,
            collector,
            scope,
            day,
            fetched_at,
            part,
            user: self.people.user(person).into(),
            bot: fetch.bots.contains(&person),
            event: text(event),
            feature: text(feature),
            language: language.map(text),
            ide: ide.map(text),
            events: usage.events,
            sized: usage.sized,
            lines: usage.lines,
        }
    }

    /// The sessions of a part as lines.
    fn session_rollups<'s>(
        &'s self,
        of: &RowsCounted<'s>,
        fetch: &'s Fetch,
        part: &'s Part,
    ) -> impl Iterator<Item = SessionRollup<'s>> {
        let mut facts = part.sessions.facts().flatten().peekable();
        std::iter::from_fn(move || {
            let (session, _) = *facts.peek()?;
            let text = |name: Name| Cow::from(self.names.text(name));
            let mut rollup = SessionRollup {
                kind: RollupKind::Session,
                of: of.clone(),
                session: text(session),
                users: BTreeMap::new(),
                bots: BTreeSet::new(),
                flows: BTreeSet::new(),
                environments: BTreeSet::new(),
                steps: BTreeSet::new(),
            };
            while let Some((_, fact)) = facts.next_if(|(of, _)| *of == session) {
                match fact {
                    SessionFact::User(person, since) => {
                        let user = Cow::from(self.people.user(person));
                        if fetch.bots.contains(&person) {
                            rollup.bots.insert(user.clone());
                        }
                        rollup.users.insert(user, since);
                    }
                    SessionFact::Flow(flow) => drop(rollup.flows.insert(text(flow))),
                    SessionFact::Environment(environment) => {
                        rollup.environments.insert(text(environment));
                    }
                    SessionFact::Step(at, step) => drop(rollup.steps.insert((at, step))),
                }
            }
            Some(rollup)
        })
    }

    /// Calls of tools and tokens as a line.
    fn agent_rollup<'s>(
        &'s self,
        of: &RowsCounted<'s>,
        fetch: &Fetch,
        (key, counts): (AgentKey, AgentCounts),
    ) -> AgentRollup<'s> {
        let text = |name: Name| Cow::from(self.names.text(name));
        AgentRollup {
            kind: RollupKind::Agent,
            of: of.clone(),
            user: self.people.user(key.person).into(),
            bot: fetch.bots.contains(&key.person),
            event: text(key.event),
            flow: key.flow.map(text),
            session: key.session.map(text),
            tool: key.tool.map(text),
            model: key.model.map(text),
            counts,
        }
    }

    /// The rows that fetches of a target tell of agents, as lines: sessions, and calls of tools and tokens.
    pub fn agents_of<'s>(
        &'s self,
        target: Target,
        fetches: impl Iterator<Item = (Timestamp, &'s Fetch)>,
    ) -> (Vec<SessionRollup<'s>>, Vec<AgentRollup<'s>>) {
        let (mut sessions, mut agents) = (Vec::new(), Vec::new());
        for (fetched_at, fetch) in fetches {
            for (part, counted) in fetch.all_parts() {
                let of = self.rows_counted(&target, fetched_at, part);
                sessions.extend(self.session_rollups(&of, fetch, counted));
                agents.extend(counted.agents.iter().map(|counts| self.agent_rollup(&of, fetch, counts)));
            }
        }
        sessions.sort_unstable();
        agents.sort_unstable();
        (sessions, agents)
    }

    fn add_seat(&mut self, target: Target, seat: &Seat<'_>) {
        let person = self.people.number(target.instance, &seat.user);
        let add_on = self.names.number(&seat.add_on);
        let is_of_nobody = self.people.is_nobody(person);
        let fetch = self.fetch(target, &seat.origin);
        if seat.bot {
            fetch.bots.insert(person);
        }
        // A seat of nobody is one of those that are assigned to people who are not listed.
        if seat.assigned && !is_of_nobody {
            fetch.seats.entry(add_on).or_default().insert(person);
            if let Some(day) = seat.last_duo_activity_on {
                let last = fetch.last_duo_activity.entry(person).or_insert(day);
                *last = day.max(*last);
            }
        }
    }

    fn add_pool(&mut self, target: Target, pool: &SeatPool<'_>) {
        let purchase = match &pool.purchase {
            Some(id) => Purchase::Id(self.names.number(id)),
            None => Purchase::Row(target.scope, pool.origin.row),
        };
        let add_on = self.names.number(&pool.add_on);
        let told = Pool { add_on, purchased: pool.purchased.into(), assigned: pool.assigned.into() };
        let known = self.fetch(target, &pool.origin).pools.get(&purchase).copied();
        let greater = known.map_or(told, |known| known.greater(told, &self.names));
        self.fetch(target, &pool.origin).pools.insert(purchase, greater);
    }

    fn add_merge_request(&mut self, target: Target, merge_request: &MergeRequest<'_>) {
        let project = merge_request.project_id.as_ref().unwrap_or(&merge_request.project);
        let key = self.state_key(target, project, &merge_request.iid);
        let author = merge_request.author.as_ref();
        let author = author.map(|author| self.people.number(target.instance, author));
        if let Some(author) = author.filter(|_| merge_request.bot) {
            self.fetch(target, &merge_request.origin).bots.insert(author);
        }
        let state = MergeRequestState {
            project: self.names.number(&merge_request.project),
            created_at: merge_request.created_at,
            merged_at: merge_request.merged_at,
            author,
            lines: merge_request
                .additions
                .zip(merge_request.deletions)
                .map(|(more, less)| more.saturating_add(less)),
        };
        let told = Told { key, row: merge_request.origin.row, state };
        self.fetch(target, &merge_request.origin).merge_requests.push(told);
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
        let told = Told { key, row: pipeline.origin.row, state };
        self.fetch(target, &pipeline.origin).pipelines.push(told);
    }

    /// Sums what waits when it has become much.
    fn settle_now_and_then(&mut self, added: usize, of_agents: usize) {
        self.waiting += added + WEIGHT_OF_AGENTS * of_agents;
        if self.waiting >= MOST_WAITING {
            self.waiting = 0;
            self.fetches_mut().for_each(Fetch::settle);
        }
    }

    /// Every fetch, to be finished before it is read.
    pub fn fetches_mut(&mut self) -> impl Iterator<Item = &mut Fetch> {
        self.fetches.values_mut().flat_map(BTreeMap::values_mut)
    }

    /// How many rows arrived of each fetch, with its collector.
    pub fn arrived_by_collector(&self) -> impl Iterator<Item = (&str, u64)> {
        self.fetches.iter().flat_map(|(target, fetches)| {
            fetches.values().map(|fetch| (self.names.text(target.collector), fetch.arrived()))
        })
    }

    /// A fetch of which more rows arrived, counted in parts, than it brought.
    pub fn overlap(&self) -> Option<(Target, Timestamp)> {
        self.first_fetch(Fetch::overlaps)
    }

    /// A fetch with a sum that is more than a number can hold.
    pub fn too_large(&self) -> Option<(Target, Timestamp)> {
        self.first_fetch(Fetch::is_too_large)
    }

    fn first_fetch(&self, is_it: impl Fn(&Fetch) -> bool) -> Option<(Target, Timestamp)> {
        let fetches = self
            .fetches
            .iter()
            .flat_map(|(target, fetches)| fetches.iter().map(move |entry| (*target, entry)));
        fetches.filter(|(_, (_, fetch))| is_it(fetch)).map(|(target, (at, _))| (target, *at)).next()
    }

    /// The coverage lines, in a fixed order.
    pub fn coverage(&self) -> Vec<Coverage> {
        let unanswered = self.unanswered.keys().flat_map(|target| self.coverage_unanswered(*target));
        let declared =
            self.fetches.values().flat_map(BTreeMap::values).filter_map(|fetch| fetch.declared.clone());
        let mut lines: Vec<Coverage> = declared.chain(unanswered).collect();
        lines.sort();
        lines
    }

    /// Every collector, scope and day that anything was said of.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.fetches.keys().chain(self.unanswered.keys()).copied()
    }

    /// The coverage lines of a target that the server never answered.
    pub fn coverage_unanswered(&self, target: Target) -> impl Iterator<Item = Coverage> {
        let text = |name| self.names.text(name).to_owned();
        let (collector, instance, scope) =
            (text(target.collector), text(target.instance), text(target.scope));
        self.unanswered.get(&target).into_iter().flatten().map(move |said| Coverage {
            collector: collector.clone(),
            instance: instance.clone(),
            scope: scope.clone(),
            day: target.day,
            status: said.status,
            rows: None,
            fetched_at: None,
            reason: said.reason.clone(),
            unreadable: 0,
            key_check: None,
            shrunk: false,
            named: said.is_named,
        })
    }

    /// What a record is of.
    pub fn target_of(&mut self, origin: &Origin<'_>) -> Target {
        self.target(&origin.instance, &origin.collector, &origin.scope, origin.day)
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

    fn add_credit(&mut self, target: Target, credit: &Credit<'_>) {
        let flow = credit.flow.as_deref().map(agents::flow_type);
        let [product, flow] =
            [credit.product.as_deref(), flow].map(|name| name.map(|name| self.names.number(name)));
        if let Some(credits) = credit.credits {
            self.fetch(target, &credit.origin).credits.push((product, flow, credits));
        }
    }

    fn target(&mut self, instance: &str, collector: &str, scope: &str, day: Day) -> Target {
        Target {
            instance: self.names.number(&canonical(instance)),
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

impl Fetch {
    /// The sums of usage events by cell, with the people of each.
    pub fn usage(&self) -> impl Iterator<Item = (CellId, Entries<'_>)> + Clone {
        self.parts.values().chain([&self.own]).flat_map(|part| part.usage.cells())
    }

    /// What is told of sessions, by each part, sorted by session; parts may tell the same.
    pub fn sessions(&self) -> impl Iterator<Item = Facts<'_>> {
        self.parts.values().chain([&self.own]).flat_map(|part| part.sessions.facts())
    }

    /// The sums of calls of tools and tokens by cell, with the users and sessions of each.
    pub fn agents(&self) -> impl Iterator<Item = (AgentCell, AgentEntries<'_>)> {
        self.parts.values().chain([&self.own]).flat_map(|part| part.agents.cells())
    }

    /// Whether everybody is told to whom a seat is assigned; some add-ons are for everybody and assigned to nobody.
    pub fn tells_who_has_seats(&self) -> bool {
        self.pools.values().all(|pool| pool.assigned == 0 || self.seats.contains_key(&pool.add_on))
    }

    /// Seats that are assigned beside those of the people who are told.
    pub fn untold_seats(&self) -> u64 {
        let mut assigned: BTreeMap<Name, u64> = BTreeMap::new();
        for pool in self.pools.values() {
            *assigned.entry(pool.add_on).or_default() += pool.assigned;
        }
        let told = |add_on: &Name| self.seats.get(add_on).map_or(0, |people| people.len() as u64);
        assigned.iter().map(|(add_on, assigned)| assigned.saturating_sub(told(add_on))).sum()
    }

    /// Whether its events are known by ids alone: then they are of an export and not of a fetch.
    pub fn is_known_by_ids(&self) -> bool {
        self.rows.has_only_ids()
    }

    /// Whether all rows arrived that the server said there are.
    pub fn is_whole(&self) -> bool {
        self.declared.as_ref().is_some_and(|declared| {
            declared.status == Status::Complete && declared.rows == Some(self.arrived())
        })
    }

    /// The counts by the part they are of, and of each by cell.
    pub fn parts(&self) -> impl Iterator<Item = (Cow<'_, str>, impl Iterator<Item = (CellId, Entries<'_>)>)> {
        self.all_parts().map(|(part, counted)| (part, counted.usage.cells()))
    }

    fn all_parts(&self) -> impl Iterator<Item = (Cow<'_, str>, &Part)> {
        let own = (!self.own.usage.is_empty()).then(|| (self.rows.digest().into(), &self.own));
        self.parts.iter().map(|(part, counted)| (part.as_ref().into(), counted)).chain(own)
    }

    /// Sums what was added. Rows that came as records and counted count once.
    pub fn finish(&mut self) {
        for part in self.parts.values_mut().chain([&mut self.own]) {
            part.usage.finish();
            part.sessions.finish();
            part.agents.finish();
        }
        if !self.parts.is_empty() && !self.own.usage.is_empty() {
            self.parts.remove(self.rows.digest().as_str());
        }
        let counted = self.parts.values().flat_map(|part| part.usage.iter());
        self.counted = counted.fold(0, |sum, (.., usage)| sum.saturating_add(usage.events));
    }

    fn settle(&mut self) {
        for part in self.parts.values_mut().chain([&mut self.own]) {
            part.usage.settle();
            part.sessions.settle();
            part.agents.settle();
        }
    }

    /// The counts of a part that came as rollup lines.
    fn part(&mut self, part: &str) -> &mut Part {
        if !self.parts.contains_key(part) {
            let once = Twice::CountOnce;
            let counted = Part { usage: Tally::new(once), agents: AgentTally::new(once), ..Part::default() };
            self.parts.insert(part.into(), counted);
        }
        self.parts.get_mut(part).expect("it is there")
    }

    /// How many rows arrived, as records or counted.
    pub fn arrived(&self) -> u64 {
        self.rows.len().saturating_add(self.counted)
    }

    /// Whether a sum is more than a number can hold.
    pub fn is_too_large(&self) -> bool {
        let parts = self.parts.values().chain([&self.own]);
        self.counted == TOO_LARGE
            || parts.into_iter().any(|part| part.usage.is_too_large() || part.agents.is_too_large())
    }

    /// Whether more rows arrived than the fetch brought: parts that overlap were counted apart.
    pub fn overlaps(&self) -> bool {
        let declared = self.declared.as_ref().and_then(|declared| declared.rows);
        self.counted > 0 && declared.is_some_and(|rows| self.arrived() > rows)
    }

    /// What is missing of the rows that the stream itself says there are.
    pub fn lost_rows(&self) -> Option<String> {
        let arrived = self.arrived();
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

impl Pool {
    /// The greater of two figures of one purchase: should they differ, the choice must not depend on order.
    #[must_use]
    pub fn greater(self, other: Pool, names: &Names) -> Pool {
        let size = |pool: &Pool| (pool.purchased, pool.assigned, names.text(pool.add_on));
        if size(&other) > size(&self) { other } else { self }
    }
}

impl Cells {
    /// The number of a cell.
    fn number(&mut self, cell: Cell) -> CellId {
        *self.numbers.entry(cell).or_insert_with(|| {
            self.cells.push(cell);
            CellId(
                u32::try_from(self.cells.len() - 1)
                    .expect("four thousand million cells do not fit in memory"),
            )
        })
    }

    /// The cell of a number.
    pub fn cell(&self, id: CellId) -> &Cell {
        &self.cells[id.0 as usize]
    }

    /// Every cell, by its number.
    pub fn all(&self) -> &[Cell] {
        &self.cells
    }
}
