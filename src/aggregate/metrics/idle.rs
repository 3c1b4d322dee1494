//! How idle a seat is, for the metric `seats.idle` and for `export --people`.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{LastActivity, Source, View};
use crate::base::calendar::Day;
use crate::model::coverage::Status;

/// Minimum of days without activity for [`Tier::Probable`].
const MIN_PROBABLE_DAYS: i64 = 28;
/// Minimum of days without activity for [`Tier::Certain`].
const MIN_CERTAIN_DAYS: i64 = 60;
/// Minimum of days with a seat for [`Tier::Certain`], if it was never used.
const MIN_NEVER_USED_DAYS: i64 = 30;

/// How idle a seat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Used within 28 days.
    Active,
    /// Never used, and assigned for less than 30 days.
    New,
    /// Not used for 28 to 59 days.
    Probable,
    /// Not used for 60 days or more, or never used and assigned for 30 days or more.
    Certain,
}

/// Since when a person has a seat, according to the seat lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatTenure {
    /// The day of the first of the consecutive lists that contain the person.
    pub since: Day,
    /// Whether that is the first list of all; the seat may then be older.
    pub since_first_list: bool,
}

/// The known activity of a seat.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// The last day of activity that GitLab reports.
    pub reported: Option<LastActivity>,
    /// The last day with an event.
    pub seen: Option<Day>,
    /// The day of the first of the consecutive lists that contain the seat.
    pub since: Day,
}

impl Tier {
    /// The name in the exported files.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Active => "active",
            Tier::New => "new",
            Tier::Probable => "probable",
            Tier::Certain => "certain",
        }
    }
}

impl Evidence {
    /// The last day of any known activity.
    pub fn last(&self) -> Option<Day> {
        self.reported.map(|reported| reported.day).max(self.seen)
    }

    /// How idle the seat is on a day. `unknown` is the [`last_incomplete_day`] of that day; the
    /// tier is `None` if activity on that day or before could change it.
    pub fn tier(&self, on: Day, unknown: Option<Day>) -> Option<Tier> {
        let last = self.last();
        let tier = match last.map(|last| on.days_since(last)) {
            Some(days) if days < MIN_PROBABLE_DAYS => return Some(Tier::Active),
            Some(days) if days < MIN_CERTAIN_DAYS => Tier::Probable,
            None if on.days_since(self.since) < MIN_NEVER_USED_DAYS => return Some(Tier::New),
            _ => Tier::Certain,
        };
        // The date that GitLab reports covers the days before the list was taken.
        let seen_until = last.map_or(self.since, |last| last.plus(1));
        let open_from = self.reported.map_or(seen_until, |reported| reported.taken_on.max(seen_until));
        unknown.is_none_or(|unknown| unknown < open_from).then_some(tier)
    }
}

/// The last day up to `on` that is missing or partial, among the days that can matter for a tier on
/// it. On a partial day, people without an event may have been active nevertheless.
pub fn last_incomplete_day(view: &View<'_>, on: Day) -> Option<Day> {
    let days = view.days_of(Source::Usage);
    let is_complete =
        |day: &Day| days.and_then(|days| days.get(day)).is_some_and(|state| state.status == Status::Complete);
    on.plus(1 - MIN_CERTAIN_DAYS).through(on).rev().find(|day| !is_complete(day))
}

/// The seats on the last list up to `last` of each scope, and since when people have them.
pub fn seat_tenures(view: &View<'_>, last: Day) -> HashMap<PersonId, SeatTenure> {
    let mut tenures: HashMap<PersonId, SeatTenure> = HashMap::new();
    for lists in &view.seat_lists {
        let lists = lists.iter().filter(|(taken_on, _)| *taken_on <= last);
        let first = lists.clone().next().map(|(taken_on, _)| *taken_on);
        let holders =
            lists.map(|(taken_on, fetch)| (*taken_on, fetch.seats.values().flatten().copied().collect()));
        for (person, since) in continuous_since(holders) {
            let in_scope = SeatTenure { since, since_first_list: Some(since) == first };
            let tenure = tenures.entry(person).or_insert(in_scope);
            tenure.since = tenure.since.min(since);
            tenure.since_first_list |= in_scope.since_first_list;
        }
    }
    tenures
}

/// The items of the last list, and the day since when every list contains them. Lists are in order
/// of their days.
pub fn continuous_since<T: Copy + Eq + Hash>(
    lists: impl Iterator<Item = (Day, HashSet<T>)>,
) -> HashMap<T, Day> {
    let mut since: HashMap<T, Day> = HashMap::new();
    for (taken_on, list) in lists {
        since.retain(|item, _| list.contains(item));
        for item in list {
            since.entry(item).or_insert(taken_on);
        }
    }
    since
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a literal day")
    }

    fn tier(reported: Option<&str>, seen: Option<&str>, since: &str, unknown: Option<&str>) -> Option<Tier> {
        let reported = reported.map(|text| LastActivity { day: day(text), taken_on: day("2026-11-01") });
        let evidence = Evidence { reported, seen: seen.map(day), since: day(since) };
        evidence.tier(day("2026-10-31"), unknown.map(day))
    }

    #[test]
    fn tiers_start_at_28_and_60_days_and_at_30_for_a_seat_never_used() {
        let seen = |seen| tier(None, Some(seen), "2026-01-01", None);
        assert_eq!(seen("2026-10-04"), Some(Tier::Active));
        assert_eq!(seen("2026-10-03"), Some(Tier::Probable));
        assert_eq!(seen("2026-09-02"), Some(Tier::Probable), "59 days");
        assert_eq!(seen("2026-09-01"), Some(Tier::Certain), "60 days");
        assert_eq!(seen("2026-11-01"), Some(Tier::Active), "after the day");
        assert_eq!(tier(None, None, "2026-10-02", None), Some(Tier::New));
        assert_eq!(tier(None, None, "2026-10-01", None), Some(Tier::Certain));
        assert_eq!(tier(Some("2026-10-20"), Some("2026-08-01"), "2026-01-01", None), Some(Tier::Active));
        assert_eq!(tier(Some("2026-08-01"), Some("2026-10-20"), "2026-01-01", None), Some(Tier::Active));
    }

    #[test]
    fn unknown_days_make_nobody_idle() {
        let gap = Some("2026-10-15");
        assert_eq!(tier(None, Some("2026-09-01"), "2026-01-01", gap), None);
        assert_eq!(
            tier(None, Some("2026-10-14"), "2026-01-01", gap),
            Some(Tier::Active),
            "active in any case"
        );
        assert_eq!(tier(None, None, "2026-08-01", gap), None);
        assert_eq!(
            tier(Some("2026-08-01"), None, "2026-01-01", gap),
            Some(Tier::Certain),
            "GitLab would report it"
        );
        assert_eq!(tier(None, None, "2026-10-10", gap), Some(Tier::New), "not idle either way");
        assert_eq!(
            tier(None, None, "2026-10-01", Some("2026-09-30")),
            Some(Tier::Certain),
            "before the seat"
        );
        assert_eq!(
            tier(None, Some("2026-09-01"), "2026-10-01", Some("2026-09-15")),
            None,
            "someone seen before the seat list can have been active later"
        );
    }
}
