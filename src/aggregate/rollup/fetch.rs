//! The content of one fetch.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::aggregates::Aggregates;
use super::interner::{Interner, PersonId, Symbol};
use super::row_set::RowSet;
use super::sessions::{AgentCell, AgentEntries, AgentTally, Facts, Sessions};
use super::sorted_runs::OnDuplicate;
use super::states::{MergeRequestState, Observation, PipelineState};
use super::tally::{CellId, Entries, Tally};
use super::totals::GitlabTotals;
use crate::base::calendar::{Day, Timestamp};
use crate::model::coverage::{Coverage, Status};
use crate::model::number::TOO_LARGE;
use crate::model::record::{DoraMeasure, Row};

/// The content of one fetch of a target.
#[derive(Debug, Default)]
pub struct Fetch {
    pub(super) rows: RowSet,
    /// Its coverage line; `None` if it has none.
    pub declared: Option<Coverage>,
    pub(super) from_records: Segment,
    pub(super) parts: BTreeMap<Box<str>, Segment>,
    pub(super) counted: u64,
    /// Bots and service accounts, by any record of the fetch.
    pub bots: BTreeSet<PersonId>,
    /// People with a seat, by add-on.
    pub seats: BTreeMap<Symbol, BTreeSet<PersonId>>,
    /// Direct members of groups, by the path of the group.
    pub members: BTreeMap<Symbol, BTreeSet<PersonId>>,
    /// The last day with any Duo activity of people with a seat, if GitLab reports it.
    pub last_duo_activity: HashMap<PersonId, Day>,
    /// Purchases by their id.
    pub pools: BTreeMap<Purchase, Pool>,
    /// States of merge requests.
    pub merge_requests: Vec<Observation<MergeRequestState>>,
    /// States of pipelines.
    pub pipelines: Vec<Observation<PipelineState>>,
    /// DORA values of the month up to the day.
    pub dora: BTreeMap<DoraMeasure, Option<f64>>,
    /// GitLab Credits with their product and flow, if reported; unordered.
    pub credits: Vec<(Option<Symbol>, Option<Symbol>, f64)>,
    /// What GitLab aggregated; few fetches have it.
    pub(super) aggregates: Option<Box<Aggregates>>,
    /// What GitLab counted itself.
    pub totals: GitlabTotals,
    /// Balances of GitLab Credits by month, with the time of this fetch and their row; unordered.
    pub balances: Vec<(Timestamp, Row, Balance)>,
}

/// GitLab Credits of a month. A value that GitLab does not return is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Balance {
    /// The first day that GitLab counted.
    pub start: Day,
    /// The last day that GitLab counted.
    pub end: Day,
    /// Credits used.
    pub used: Option<f64>,
    /// Credits of the commitment.
    pub commitment: Option<f64>,
    /// Credits used of the commitment.
    pub commitment_used: Option<f64>,
    /// Credits of the waiver.
    pub waiver: Option<f64>,
    /// Credits used of the waiver.
    pub waiver_used: Option<f64>,
    /// On-demand credits used.
    pub overage_used: Option<f64>,
    /// Users of credits.
    pub active_users: Option<u64>,
    /// People whom a cap blocks.
    pub blocked_users: Option<u64>,
    /// The time of the last event that changed a balance.
    pub last_event_at: Option<Timestamp>,
}

/// Rows of a fetch that were counted together.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub(super) usage: Tally,
    pub(super) sessions: Sessions,
    pub(super) agents: AgentTally,
}

/// Identifies a purchase of seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purchase {
    /// Its id.
    Id(Symbol),
    /// Scope and row, if the source reports no id: each row is a purchase.
    Row(Symbol, Row),
}

/// A purchase of seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Seats purchased.
    pub purchased: u64,
    /// Seats assigned.
    pub assigned: u64,
    /// The add-on.
    pub add_on: Symbol,
}

impl Fetch {
    /// The sums of usage events by cell, with the people of each.
    pub fn usage(&self) -> impl Iterator<Item = (CellId, Entries<'_>)> + Clone {
        self.parts.values().chain([&self.from_records]).flat_map(|part| part.usage.cells())
    }

    /// Facts about sessions, one sorted sequence per part; parts may overlap.
    pub fn sessions(&self) -> impl Iterator<Item = Facts<'_>> {
        self.parts.values().chain([&self.from_records]).flat_map(|part| part.sessions.facts())
    }

    /// The sums of tool calls and tokens by cell, with the users and sessions of each.
    pub fn agents(&self) -> impl Iterator<Item = (AgentCell, AgentEntries<'_>)> {
        self.parts.values().chain([&self.from_records]).flat_map(|part| part.agents.cells())
    }

    /// Whether it lists the holders of every add-on with assigned seats. Some add-ons are for
    /// everyone and have no assigned seats.
    pub fn lists_all_holders(&self) -> bool {
        self.pools.values().all(|pool| pool.assigned == 0 || self.seats.contains_key(&pool.add_on))
    }

    /// Assigned seats beyond those of the listed people.
    pub fn unlisted_seats(&self) -> u64 {
        let mut assigned: BTreeMap<Symbol, u64> = BTreeMap::new();
        for pool in self.pools.values() {
            *assigned.entry(pool.add_on).or_default() += pool.assigned;
        }
        let listed = |add_on: &Symbol| self.seats.get(add_on).map_or(0, |people| people.len() as u64);
        assigned.iter().map(|(add_on, assigned)| assigned.saturating_sub(listed(add_on))).sum()
    }

    /// Whether all its events have their own ids: then they are from an export, not from `fetch`.
    pub fn has_only_event_ids(&self) -> bool {
        self.rows.has_only_ids()
    }

    /// Whether all rows that the server declared were received.
    pub fn is_complete(&self) -> bool {
        self.declared.as_ref().is_some_and(|declared| {
            declared.status == Status::Complete && declared.rows == Some(self.arrived())
        })
    }

    /// The usage counts by part and cell.
    pub fn parts(&self) -> impl Iterator<Item = (Cow<'_, str>, impl Iterator<Item = (CellId, Entries<'_>)>)> {
        self.all_parts().map(|(part, counted)| (part, counted.usage.cells()))
    }

    pub(super) fn all_parts(&self) -> impl Iterator<Item = (Cow<'_, str>, &Segment)> {
        let from_records =
            (!self.from_records.usage.is_empty()).then(|| (self.rows.digest().into(), &self.from_records));
        self.parts.iter().map(|(part, counted)| (part.as_ref().into(), counted)).chain(from_records)
    }

    /// Sums everything. Rows that arrived both as records and as a rollup line count once.
    pub fn finish(&mut self) {
        for part in self.parts.values_mut().chain([&mut self.from_records]) {
            part.usage.finish();
            part.sessions.finish();
            part.agents.finish();
        }
        if !self.parts.is_empty() && !self.from_records.usage.is_empty() {
            self.parts.remove(self.rows.digest().as_str());
        }
        if let Some(aggregates) = &mut self.aggregates {
            aggregates.sessions.shrink_to_fit();
        }
        let counted = self.parts.values().flat_map(|part| part.usage.iter());
        self.counted = counted.fold(0, |sum, (.., usage)| sum.saturating_add(usage.events));
    }

    pub(super) fn settle(&mut self) {
        for part in self.parts.values_mut().chain([&mut self.from_records]) {
            part.usage.settle();
            part.sessions.settle();
            part.agents.settle();
        }
    }

    /// The counts of a part that arrived as rollup lines.
    pub(super) fn part(&mut self, part: &str) -> &mut Segment {
        if !self.parts.contains_key(part) {
            let once = OnDuplicate::KeepOne;
            let counted =
                Segment { usage: Tally::new(once), agents: AgentTally::new(once), ..Segment::default() };
            self.parts.insert(part.into(), counted);
        }
        self.parts.get_mut(part).expect("it is there")
    }

    /// Number of received rows, as records or counted.
    pub fn arrived(&self) -> u64 {
        self.rows.len().saturating_add(self.counted)
    }

    /// Whether a sum overflows.
    pub fn is_too_large(&self) -> bool {
        let parts = self.parts.values().chain([&self.from_records]);
        self.counted == TOO_LARGE
            || parts.into_iter().any(|part| part.usage.is_too_large() || part.agents.is_too_large())
    }

    /// Whether more rows were received than declared: parts that overlap were counted separately.
    pub fn overlaps(&self) -> bool {
        let declared = self.declared.as_ref().and_then(|declared| declared.rows);
        self.counted > 0 && declared.is_some_and(|rows| self.arrived() > rows)
    }

    /// Why received and declared rows differ; `None` if they are equal.
    pub fn lost_rows(&self) -> Option<String> {
        let arrived = self.arrived();
        match &self.declared {
            None if arrived == 0 => None,
            None => Some("truncated input: rows without a coverage line".to_owned()),
            Some(declared) => {
                let rows = declared.rows.unwrap_or(0);
                (rows != arrived).then(|| format!("truncated input: {arrived} of {rows} rows arrived"))
            }
        }
    }
}

impl Pool {
    /// The larger of two sizes of one purchase. If they differ, the choice must not depend on their
    /// order.
    #[must_use]
    pub fn larger(self, other: Pool, symbols: &Interner) -> Pool {
        let size = |pool: &Pool| (pool.purchased, pool.assigned, symbols.text(pool.add_on));
        if size(&other) > size(&self) { other } else { self }
    }
}
