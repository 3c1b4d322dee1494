//! What GitLab counted itself in one fetch, to be compared with the events.

use std::collections::{BTreeMap, BTreeSet};

use super::interner::{Interner, PersonId, Symbol};
use crate::base::calendar::Day;
use crate::model::number::Number;
use crate::model::record::{GroupTotal, Totals};

/// The totals of one fetch, in place of its rows.
#[derive(Debug, Default)]
pub struct GitlabTotals {
    /// The counts of a group and day by `feature.measure`.
    pub of_group: BTreeMap<Symbol, u64>,
    /// The counts of all users together.
    pub of_users: Option<UserTotals>,
    /// The number of agent sessions that were created on the day.
    pub sessions: u64,
}

/// Counts of users over several days, up to the day of the fetch.
#[derive(Debug)]
pub struct UserTotals {
    /// The first day counted.
    pub since: Day,
    /// The sums over all users by `feature.measure`.
    pub sums: BTreeMap<Symbol, u64>,
    /// The users that GitLab lists.
    pub users: BTreeSet<PersonId>,
}

/// The measure of agent sessions in totals by flow.
const SESSIONS: &str = "agent_platform.total_count";

impl GitlabTotals {
    /// Adds the totals of a group.
    pub(super) fn add_group(&mut self, total: &GroupTotal<'_>, symbols: &mut Interner) {
        if total.start != total.end {
            return;
        }
        for (name, count) in counts(&total.values) {
            if name == SESSIONS {
                self.sessions = self.sessions.saturating_add(count);
            } else if total.flow.is_none() {
                // A fetch has one total. If two differ nevertheless, the choice must not depend on
                // their order.
                let known = self.of_group.entry(symbols.intern(name)).or_default();
                *known = count.max(*known);
            }
        }
    }

    /// Adds the totals of one user since this day. Those of other days are not added to them.
    pub(super) fn add_user(
        &mut self,
        since: Day,
        user: PersonId,
        values: &Totals<'_>,
        symbols: &mut Interner,
    ) {
        let totals = self.of_users.get_or_insert_with(|| UserTotals {
            since,
            sums: BTreeMap::new(),
            users: BTreeSet::new(),
        });
        if totals.since != since {
            return;
        }
        totals.users.insert(user);
        for (name, count) in counts(values) {
            let sum = totals.sums.entry(symbols.intern(name)).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

fn counts<'t>(values: &'t Totals<'_>) -> impl Iterator<Item = (&'t str, u64)> {
    values.iter().filter_map(|(name, value)| match value {
        Number::Count(count) => Some((name.as_ref(), *count)),
        Number::Measure(_) => None,
    })
}
