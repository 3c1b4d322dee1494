//! Mergeable counts between records and metrics: by day, person, event and dimensions, separate for
//! each fetch. Records may arrive in any order and any number of times. Memory grows with people,
//! days and dimensions, not with events.

mod aggregates;
mod batch;
mod cells;
mod fast_event;
mod fetch;
mod field_cache;
mod interner;
mod line_prefix;
mod lines;
mod people_set;
mod reader;
mod row_set;
mod sessions;
mod sorted_runs;
mod states;
mod tally;
mod totals;

use std::collections::{BTreeMap, BTreeSet};

pub use aggregates::{Aggregates, CreatedSessions, DurationRow, Ends, SessionRow, SuggestionRow};
pub use batch::{Batch, LocalIds};
pub use cells::{Cell, Cells};
pub use fetch::{Balance, Fetch, Pool, Purchase};
pub use interner::{Interner, People, PersonId, Symbol};
pub use people_set::PeopleSet;
pub use reader::{INCONSISTENT_COUNTS, PeopleIds, PersonCounts, Reader, WRONG_DAY};
pub use row_set::RowSet;
pub use sessions::{AgentCell, AgentEntries, AgentKey, Facts, SessionFact, SessionLabel};
pub use states::{MergeRequestState, NewestStates, Observation, PipelineState, StateKey};
pub use tally::{CellId, Entries, Usage};
pub use totals::{GitlabTotals, UserTotals};

use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp};
use crate::events::agents;
use crate::model::coverage::{Coverage, Status};
use crate::model::line::Record;
use crate::model::record::{
    Credit, CreditMonth, Dora, Member, MergeRequest, Origin, Pipeline, Seat, SeatPool,
};

/// The target of a fetch: collector, scope and day of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The GitLab instance.
    pub instance: Symbol,
    /// The collector.
    pub collector: Symbol,
    /// The group path.
    pub scope: Symbol,
    /// The day.
    pub day: Day,
}

/// The coverage line of a target for which the server never responded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unanswered {
    /// The status of the collection.
    pub status: Status,
    /// The reason.
    pub reason: Option<String>,
    /// Whether the user named the collector.
    pub is_named: bool,
}

/// Everything that a stream of records and coverage lines contains.
#[derive(Debug, Default)]
pub struct Rollups {
    /// The texts of symbols.
    pub symbols: Interner,
    /// All users seen.
    pub people: People,
    /// All cells seen.
    pub cells: Cells,
    /// All fetches by target and time.
    pub fetches: BTreeMap<Target, BTreeMap<Timestamp, Fetch>>,
    /// Coverage lines of targets for which the server never responded.
    pub unanswered: BTreeMap<Target, BTreeSet<Unanswered>>,
    /// The people by user name, if they are kept.
    pub usernames: Option<Usernames>,
    /// Number of pending counts in all tallies together.
    pending: usize,
}

/// People by instance and user name in lower case, with the time of the record that has it.
pub type Usernames = BTreeMap<(Symbol, String), (Timestamp, PersonId)>;

/// The maximum of [`Rollups::pending`]. Almost every pending count takes 16 bytes.
const MAX_PENDING: usize = 1 << 19;

/// The pending agent data of one event takes as much memory as this many counts.
const AGENT_WEIGHT: usize = 8;

impl Rollups {
    /// Adds a coverage line.
    pub fn add_coverage(&mut self, coverage: Coverage) {
        let target = self.target(&coverage.instance, &coverage.collector, &coverage.scope, coverage.day);
        let Some(fetched_at) = coverage.fetched_at else {
            let Coverage { status, reason, named, .. } = coverage;
            self.unanswered.entry(target).or_default().insert(Unanswered { status, reason, is_named: named });
            return;
        };
        let fetch = self.fetches.entry(target).or_default().entry(fetched_at).or_default();
        // A fetch has one coverage line. If two differ nevertheless, the choice must not depend on
        // their order.
        if fetch.declared.as_ref().is_none_or(|declared| coverage < *declared) {
            fetch.declared = Some(coverage);
        }
    }

    /// Adds a record that is not a usage event; those arrive in batches. The error states why the
    /// record is invalid.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), &'static str> {
        if !record.belongs_to_requested_day() {
            return Err(WRONG_DAY);
        }
        let origin = record.origin();
        let target = self.target(&origin.instance, &origin.collector, &origin.scope, origin.day);
        self.add_username(target, record);
        let fetch = self.fetches.entry(target).or_default().entry(origin.fetched_at).or_default();
        if !fetch.rows.insert(origin.row) {
            return Ok(());
        }
        match record {
            Record::Event(_) => return Err("usage events are counted in batches"),
            Record::Seat(seat) => self.add_seat(target, seat),
            Record::SeatPool(pool) => self.add_pool(target, pool),
            Record::MergeRequest(merge_request) => self.add_merge_request(target, merge_request),
            Record::Pipeline(pipeline) => self.add_pipeline(target, pipeline),
            Record::Member(member) => self.add_member(target, member),
            // They count as rows of their fetch; no metric uses their content yet.
            Record::Project(_) => {}
            Record::CreditMonth(month) => self.add_credit_month(target, month),
            Record::GroupTotal(total) => {
                fetch.totals.add_group(total, &mut self.symbols);
                self.add_group_total(target, total);
            }
            Record::UserTotal(total) => {
                let user = self.people.intern(target.instance, &total.user);
                fetch.totals.add_user(total.start, user, &total.values, &mut self.symbols);
            }
            Record::SessionTotal(total) => {
                if total.start == total.end {
                    fetch.totals.sessions = fetch.totals.sessions.saturating_add(total.sessions);
                }
                return self.add_session_total(target, total);
            }
            Record::SessionDuration(duration) => self.add_session_duration(target, duration),
            Record::SuggestionTotal(total) => self.add_suggestion_total(target, total),
            Record::Credit(credit) => self.add_credit(target, credit),
            // It counts as a row of its fetch; no metric uses its content yet.
            Record::AgentSession(_) => {}
            Record::Dora(dora) => self.add_dora(target, dora),
        }
        Ok(())
    }

    fn add_seat(&mut self, target: Target, seat: &Seat<'_>) {
        let person = self.people.intern(target.instance, &seat.user);
        let add_on = self.symbols.intern(&seat.add_on);
        let is_placeholder = self.people.is_placeholder(person);
        let fetch = self.fetch(target, &seat.origin);
        if seat.bot {
            fetch.bots.insert(person);
        }
        // A seat without a user is assigned to a person who is not listed.
        if seat.assigned && !is_placeholder {
            fetch.seats.entry(add_on).or_default().insert(person);
            if let Some(day) = seat.last_duo_activity_on {
                let last = fetch.last_duo_activity.entry(person).or_insert(day);
                *last = day.max(*last);
            }
        }
    }

    fn add_member(&mut self, target: Target, member: &Member<'_>) {
        let person = self.people.intern(target.instance, &member.user);
        let team = self.symbols.intern(&member.team);
        let fetch = self.fetch(target, &member.origin);
        if member.bot {
            fetch.bots.insert(person);
        }
        fetch.members.entry(team).or_default().insert(person);
    }

    /// Keeps the user name of a record, if it has one.
    fn add_username(&mut self, target: Target, record: &Record<'_>) {
        let (user, username) = match record {
            Record::Seat(seat) => (Some(&seat.user), &seat.username),
            Record::Member(member) => (Some(&member.user), &member.username),
            Record::UserTotal(total) => (Some(&total.user), &total.username),
            Record::SessionTotal(total) => (total.user.as_ref(), &total.username),
            _ => return,
        };
        if let (Some(user), Some(username), true) = (user, username, self.usernames.is_some()) {
            let person = self.people.intern(target.instance, user);
            self.keep_username(person, username, record.origin().fetched_at);
        }
    }

    /// Keeps a user name. If several people had it, the newest record counts.
    fn keep_username(&mut self, person: PersonId, username: &str, at: Timestamp) {
        let instance = self.people.instance(person);
        if let Some(usernames) = &mut self.usernames {
            let newest = usernames.entry((instance, username.to_lowercase())).or_insert((at, person));
            *newest = (at, person).max(*newest);
        }
    }

    fn add_pool(&mut self, target: Target, pool: &SeatPool<'_>) {
        let purchase = match &pool.purchase {
            Some(id) => Purchase::Id(self.symbols.intern(id)),
            None => Purchase::Row(target.scope, pool.origin.row),
        };
        let add_on = self.symbols.intern(&pool.add_on);
        let pool_size = Pool { add_on, purchased: pool.purchased.into(), assigned: pool.assigned.into() };
        let known = self.fetch(target, &pool.origin).pools.get(&purchase).copied();
        let larger = known.map_or(pool_size, |known| known.larger(pool_size, &self.symbols));
        self.fetch(target, &pool.origin).pools.insert(purchase, larger);
    }

    fn add_merge_request(&mut self, target: Target, merge_request: &MergeRequest<'_>) {
        let project = merge_request.project_id.as_ref().unwrap_or(&merge_request.project);
        let key = self.state_key(target, project, &merge_request.iid);
        let author = merge_request.author.as_ref();
        let author = author.map(|author| self.people.intern(target.instance, author));
        if let Some(author) = author.filter(|_| merge_request.bot) {
            self.fetch(target, &merge_request.origin).bots.insert(author);
        }
        let state = MergeRequestState {
            project: self.symbols.intern(&merge_request.project),
            created_at: merge_request.created_at,
            merged_at: merge_request.merged_at,
            author,
            lines: merge_request
                .additions
                .zip(merge_request.deletions)
                .map(|(more, less)| more.saturating_add(less)),
        };
        let observation = Observation { key, row: merge_request.origin.row, state };
        self.fetch(target, &merge_request.origin).merge_requests.push(observation);
    }

    fn add_pipeline(&mut self, target: Target, pipeline: &Pipeline<'_>) {
        let project = pipeline.project_id.as_ref().unwrap_or(&pipeline.project);
        let key = self.state_key(target, project, &pipeline.id);
        let state = PipelineState {
            project: self.symbols.intern(&pipeline.project),
            created_at: pipeline.created_at,
            status: self.symbols.intern(&pipeline.status),
            finished: pipeline.finished_at.is_some(),
            duration: pipeline.duration,
        };
        let observation = Observation { key, row: pipeline.origin.row, state };
        self.fetch(target, &pipeline.origin).pipelines.push(observation);
    }

    /// Sums pending counts once there are many.
    fn settle_if_many(&mut self, added: usize, agent_weight: usize) {
        self.pending += added + AGENT_WEIGHT * agent_weight;
        if self.pending >= MAX_PENDING {
            self.pending = 0;
            self.fetches_mut().for_each(Fetch::settle);
        }
    }

    /// All fetches. Each must be finished before it is read.
    pub fn fetches_mut(&mut self) -> impl Iterator<Item = &mut Fetch> {
        self.fetches.values_mut().flat_map(BTreeMap::values_mut)
    }

    /// The collector and number of received rows of each fetch.
    pub fn arrived_by_collector(&self) -> impl Iterator<Item = (&str, u64)> {
        self.fetches.iter().flat_map(|(target, fetches)| {
            fetches.values().map(|fetch| (self.symbols.text(target.collector), fetch.arrived()))
        })
    }

    /// A fetch with more received rows than it has: its parts overlap.
    pub fn overlap(&self) -> Option<(Target, Timestamp)> {
        self.first_fetch(Fetch::overlaps)
    }

    /// A fetch with a sum that overflows.
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

    /// All targets with a fetch or a coverage line.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.fetches.keys().chain(self.unanswered.keys()).copied()
    }

    /// The target of a record.
    pub fn target_of(&mut self, origin: &Origin<'_>) -> Target {
        self.target(&origin.instance, &origin.collector, &origin.scope, origin.day)
    }

    fn add_dora(&mut self, target: Target, dora: &Dora<'_>) {
        let known = self.fetch(target, &dora.origin).dora.entry(dora.measure).or_insert(dora.value);
        // A fetch has one value. If two differ nevertheless, the choice must not depend on their
        // order.
        if let Some(value) = dora.value
            && known.is_none_or(|known| value.total_cmp(&known).is_gt())
        {
            *known = Some(value);
        }
    }

    fn add_credit(&mut self, target: Target, credit: &Credit<'_>) {
        let flow = credit.flow.as_deref().map(agents::flow_type);
        let [product, flow] =
            [credit.product.as_deref(), flow].map(|name| name.map(|name| self.symbols.intern(name)));
        if let Some(credits) = credit.credits {
            self.fetch(target, &credit.origin).credits.push((product, flow, credits));
        }
    }

    fn add_credit_month(&mut self, target: Target, month: &CreditMonth<'_>) {
        let balance = Balance {
            start: month.start,
            end: month.end,
            used: month.used,
            commitment: month.commitment,
            commitment_used: month.commitment_used,
            waiver: month.waiver,
            waiver_used: month.waiver_used,
            overage_used: month.overage_used,
            active_users: month.active_users,
            blocked_users: month.blocked_users,
            last_event_at: month.last_event_at,
        };
        let Origin { fetched_at, row, .. } = month.origin;
        self.fetch(target, &month.origin).balances.push((fetched_at, row, balance));
    }

    fn target(&mut self, instance: &str, collector: &str, scope: &str, day: Day) -> Target {
        Target {
            instance: self.symbols.intern(&canonical(instance)),
            collector: self.symbols.intern(collector),
            scope: self.symbols.intern(scope),
            day,
        }
    }

    fn state_key(&mut self, target: Target, project: &str, id: &str) -> StateKey {
        StateKey {
            instance: target.instance,
            project: self.symbols.intern(project),
            id: self.symbols.intern(id),
        }
    }

    fn fetch(&mut self, target: Target, origin: &Origin<'_>) -> &mut Fetch {
        self.fetches.entry(target).or_default().entry(origin.fetched_at).or_default()
    }
}
