//! Seats of a view: snapshots, lists of holders, and the last activity of people with a seat.

use std::collections::{BTreeMap, BTreeSet};

use super::View;
use super::resolve::{Resolved, ScopeKey};
use super::source::Source;
use super::state::CountedDays;
use crate::aggregate::rollup::{PeopleSet, PersonId, Pool, Purchase, Symbol};
use crate::base::calendar::{Day, Period};
use crate::model::coverage::Status;

/// The seats of a day.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// People with a seat, without bots; `None` if the source does not list who has the assigned
    /// seats.
    pub holders: Option<BTreeSet<PersonId>>,
    /// The number of people who are listed, also those whom the view leaves out.
    pub listed: u64,
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
    /// The number of people who are listed, also those whom the view leaves out.
    pub listed: u64,
    /// Assigned seats beyond those of the listed people.
    pub unlisted: u64,
}

impl SeatList<'_> {
    /// The share of assigned seats whose holders are listed.
    pub fn share_listed(&self) -> f64 {
        let listed = self.listed as f64;
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

/// Days after the last reported day on which a snapshot still counts: today's run reports yesterday.
const SNAPSHOT_GRACE_DAYS: i64 = 2;

/// Days after the end of a period in which the first list of seats applies to it. The last closed week
/// can have ended 14 days before the first list of all.
const LIST_GRACE_DAYS: i64 = 14;

/// The day of the list of seats for a period, of these in order: the last one within it, else the first of
/// the 14 days after it.
pub fn list_day(mut days: impl Iterator<Item = Day> + Clone, period: Period) -> Option<Day> {
    let within = days.clone().filter(|day| (period.start..=period.end).contains(day)).last();
    let grace = period.end.plus(1)..=period.end.plus(LIST_GRACE_DAYS);
    within.or_else(|| days.find(|day| grace.contains(day)))
}

/// The last day that a report can use: seat snapshots may be this many days late.
pub fn last_day_used(until: Day) -> Day {
    until.plus(SNAPSHOT_GRACE_DAYS)
}

/// The lists of seats of a scope, or of the top-level group of subgroups.
struct SeatsOfScope<'r, 'a> {
    instance: Symbol,
    days: &'r CountedDays<'a>,
    /// The members of the subgroups, whose seats count.
    only: Option<PeopleSet>,
}

impl<'a> Resolved<'a> {
    /// The lists of seats of these scopes, each once: subgroups have those of their top-level group.
    fn seat_lists_of(&self, scopes: &[ScopeKey], members_on: Day) -> Vec<SeatsOfScope<'_, 'a>> {
        let mut lists: Vec<SeatsOfScope<'_, 'a>> = Vec::new();
        for scope in self.outermost(scopes, |scope| self.days_of("seats", scope).is_some()) {
            let Some(days) = self.days_of("seats", scope) else { continue };
            let members = match self.root_of(scope) {
                None => None,
                // Without its members, the seats of a subgroup are not known.
                Some(_) => match self.members_of(scope, members_on) {
                    None => continue,
                    members => members,
                },
            };
            match (lists.iter_mut().find(|list| std::ptr::eq(list.days, days)), members) {
                (None, members) => {
                    let only = members.as_deref().cloned();
                    lists.push(SeatsOfScope { instance: scope.0, days, only });
                }
                (Some(list), None) => list.only = None,
                (Some(list), Some(more)) => list.only.iter_mut().for_each(|only| only.add_all(&more)),
            }
        }
        lists
    }

    /// A day has a snapshot if every scope has a complete one: a rate over part of the seats would
    /// be wrong.
    pub(super) fn collect_snapshots(&self, view: &mut View<'a>, scopes: &[ScopeKey], members_on: Day) {
        let Some(states) = view.sources.get(&Source::Seats).map(|seats| &seats.days) else { return };
        let lists = self.seat_lists_of(scopes, members_on);
        for list in &lists {
            let lists = list.days.range(..=last_day_used(view.until));
            let lists = lists.filter_map(|(day, (state, fetch))| Some((*day, state.status, (*fetch)?)));
            for (taken_on, _, fetch) in lists.clone() {
                view.reported_activity.push((taken_on, &fetch.last_duo_activity));
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
            let mut listed: BTreeSet<PersonId> = BTreeSet::new();
            for SeatsOfScope { instance, days, only } in &lists {
                let Some((_, Some(fetch))) = days.get(&day) else { continue };
                // Purchases do not belong to a subgroup.
                for (purchase, pool) in fetch.pools.iter().filter(|_| only.is_none()) {
                    // Two groups may have seen the purchase at different times of the day, with
                    // different sizes.
                    let known = pools.entry((*instance, *purchase)).or_insert(*pool);
                    *known = known.larger(*pool, &self.rollups.symbols);
                }
                // Groups of an instance that buys for all of them share the same purchases.
                let seats = unlisted.entry((*instance, fetch.pools.keys().copied().collect())).or_default();
                *seats = fetch.unlisted_seats().max(*seats);
                if !fetch.lists_all_holders() {
                    holders = None;
                }
                if let Some(holders) = &mut holders {
                    let is_bot = |person: &PersonId| self.bots.is_bot(*person, day);
                    let people = fetch.seats.values().flatten().filter(|person| !is_bot(person));
                    listed.extend(people.clone());
                    let counts =
                        |person: &&PersonId| only.as_ref().is_none_or(|only| only.contains(**person));
                    holders.extend(people.filter(counts));
                }
            }
            // Some add-ons are for everyone and have no assigned seats: then there is no list.
            let holders = holders.filter(|_| !listed.is_empty());
            let (listed, unlisted) = (listed.len() as u64, unlisted.values().sum());
            view.snapshots.insert(day, Snapshot { holders, listed, unlisted, pools });
        }
    }
}
