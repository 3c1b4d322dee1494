//! Seats of a view: snapshots, lists of holders, and the last activity of people with a seat.

use std::collections::{BTreeMap, BTreeSet};

use super::View;
use super::resolve::{Resolved, ScopeKey};
use super::source::Source;
use crate::aggregate::rollup::{PersonId, Pool, Purchase, Symbol};
use crate::base::calendar::Day;
use crate::model::coverage::Status;

/// The seats of a day.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// People with a seat, without bots; `None` if the source does not list who has the assigned
    /// seats.
    pub holders: Option<BTreeSet<PersonId>>,
    /// Assigned seats beyond those of the listed people.
    pub unlisted: u64,
    /// Purchases by instance and id.
    pub pools: BTreeMap<(Symbol, Purchase), Pool>,
}

/// The people with a seat, from a snapshot that lists them.
#[derive(Clone, Copy, Debug)]
pub struct SeatList<'a> {
    /// The day of the snapshot.
    pub taken_on: Day,
    /// People with a seat, without bots.
    pub holders: &'a BTreeSet<PersonId>,
    /// Assigned seats beyond those of the listed people.
    pub unlisted: u64,
}

impl SeatList<'_> {
    /// The share of assigned seats whose holders are listed.
    pub fn share_listed(&self) -> f64 {
        let listed = self.holders.len() as f64;
        listed / (listed + self.unlisted as f64)
    }
}

/// The last activity of a person as GitLab reports it besides the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastActivity {
    /// The last day with any Duo activity.
    pub day: Day,
    /// The day of the newest list of seats that reports one; it covers the days before.
    pub taken_on: Day,
}

/// Days after the end of a period on which a snapshot still applies to it: today's run reports
/// yesterday.
pub(super) const SNAPSHOT_GRACE_DAYS: i64 = 2;

/// The last day that a report can use: seat snapshots may be this many days late.
pub fn last_day_used(until: Day) -> Day {
    until.plus(SNAPSHOT_GRACE_DAYS)
}

impl<'a> Resolved<'a> {
    /// A day has a snapshot if every scope has a complete one: a rate over part of the seats would
    /// be wrong.
    pub(super) fn collect_snapshots(&self, view: &mut View<'a>, scopes: &[ScopeKey]) {
        let (Some(states), Some(seats)) =
            (view.sources.get(&Source::Seats).map(|seats| &seats.days), self.rollups.symbols.find("seats"))
        else {
            return;
        };
        let scopes = self.outermost(scopes, |scope| self.days.contains_key(&(seats, scope)));
        for scope in &scopes {
            let lists = self.days[&(seats, *scope)].range(..=last_day_used(view.until));
            let lists = lists.filter_map(|(day, (state, fetch))| Some((*day, state.status, (*fetch)?)));
            for (taken_on, _, fetch) in lists.clone() {
                for (person, day) in &fetch.last_duo_activity {
                    let last =
                        view.last_activity.entry(*person).or_insert(LastActivity { day: *day, taken_on });
                    last.day = last.day.max(*day);
                    last.taken_on = last.taken_on.max(taken_on);
                }
            }
            let complete = lists.filter(|(_, status, fetch)| {
                *status == Status::Complete && !fetch.seats.is_empty() && fetch.lists_all_holders()
            });
            view.seat_lists.push(complete.map(|(taken_on, _, fetch)| (taken_on, fetch)).collect());
        }
        let states = states.range(..=last_day_used(view.until));
        for day in states.filter(|(_, state)| state.status == Status::Complete).map(|(day, _)| *day) {
            let mut holders = Some(BTreeSet::new());
            let mut pools: BTreeMap<(Symbol, Purchase), Pool> = BTreeMap::new();
            let mut unlisted: BTreeMap<(Symbol, Vec<Purchase>), u64> = BTreeMap::new();
            for scope in &scopes {
                let Some((_, Some(fetch))) = self.days[&(seats, *scope)].get(&day) else { continue };
                for (purchase, pool) in &fetch.pools {
                    // Two groups may have seen the purchase at different times of the day, with
                    // different sizes.
                    let known = pools.entry((scope.0, *purchase)).or_insert(*pool);
                    *known = known.larger(*pool, &self.rollups.symbols);
                }
                // Groups of an instance that buys for all of them share the same purchases.
                let seats = unlisted.entry((scope.0, fetch.pools.keys().copied().collect())).or_default();
                *seats = fetch.unlisted_seats().max(*seats);
                if !fetch.lists_all_holders() {
                    holders = None;
                }
                if let Some(holders) = &mut holders {
                    let is_bot = |person: &PersonId| self.bots.is_bot(*person, day);
                    holders.extend(fetch.seats.values().flatten().filter(|person| !is_bot(person)));
                }
            }
            // Some add-ons are for everyone and have no assigned seats: then there is no list.
            let holders = holders.filter(|holders| !holders.is_empty());
            view.snapshots.insert(day, Snapshot { holders, unlisted: unlisted.values().sum(), pools });
        }
    }
}
