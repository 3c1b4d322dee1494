//! How idle a seat is: said once, for whatever counts or lists idle seats.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{LastTold, Source, View};
use crate::base::calendar::Day;
use crate::model::record::Status;

/// Days without activity from which on a seat is probably idle, and certainly.
const PROBABLE_FROM: i64 = 28;
const CERTAIN_FROM: i64 = 60;
/// Days with a seat from which on one that was never used is certainly idle.
const NEVER_USED_FROM: i64 = 30;

/// How idle a seat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Used within 28 days.
    Active,
    /// Not known to be used ever, and had for less than 30 days.
    New,
    /// Not used for 28 to 59 days.
    Probable,
    /// Not used for 60 days or more, or never and had for 30 days or more.
    Certain,
}

/// Since when somebody has a seat, by the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The day of the first of the unbroken lists that have them.
    pub since: Day,
    /// Whether that is the first list of all: then the seat may be older.
    pub is_as_old_as_the_lists: bool,
}

/// What is known of a seat and of whoever has it.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// The last day of activity as GitLab tells it.
    pub told: Option<LastTold>,
    /// The last day with an event.
    pub seen: Option<Day>,
    /// The day of the first of the unbroken lists that have the seat.
    pub since: Day,
}

impl Tier {
    /// The word in the files.
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
    /// The last day of any activity; `None` when there was none that is known of.
    pub fn last(&self) -> Option<Day> {
        self.told.map(|told| told.day).max(self.seen)
    }

    /// How idle the seat is on a day. `unknown` is what [`last_unknown`] says of that day; the tier is `None` when what
    /// happened then could make somebody active who is idle by what is known, or idle for less long.
    pub fn tier(&self, on: Day, unknown: Option<Day>) -> Option<Tier> {
        let last = self.last();
        let tier = match last.map(|last| on.days_since(last)) {
            Some(days) if days < PROBABLE_FROM => return Some(Tier::Active),
            Some(days) if days < CERTAIN_FROM => Tier::Probable,
            None if on.days_since(self.since) < NEVER_USED_FROM => return Some(Tier::New),
            _ => Tier::Certain,
        };
        // The date that GitLab tells speaks of the days before the list was taken.
        let seen_until = last.map_or(self.since, |last| last.plus(1));
        let open_from = self.told.map_or(seen_until, |told| told.taken_on.max(seen_until));
        unknown.is_none_or(|unknown| unknown < open_from).then_some(tier)
    }
}

/// The last day up to this one, of those that can matter for a tier on it, of which not all events are known. A day that is
/// partial is one of them: whoever was not seen on it may have been active all the same.
pub fn last_unknown(view: &View<'_>, on: Day) -> Option<Day> {
    let days = view.days_of(Source::Usage);
    let is_whole =
        |day: &Day| days.and_then(|days| days.get(day)).is_some_and(|state| state.status == Status::Complete);
    on.plus(1 - CERTAIN_FROM).through(on).rev().find(|day| !is_whole(day))
}

/// Since when people have a seat who have one by the last list up to a day, of any of the scopes.
pub fn held(view: &View<'_>, last: Day) -> HashMap<PersonId, Held> {
    let mut held: HashMap<PersonId, Held> = HashMap::new();
    for lists in &view.seat_lists {
        let lists = lists.iter().filter(|(taken_on, _)| *taken_on <= last);
        let first = lists.clone().next().map(|(taken_on, _)| *taken_on);
        let holders =
            lists.map(|(taken_on, fetch)| (*taken_on, fetch.seats.values().flatten().copied().collect()));
        for (person, since) in unbroken(holders) {
            let of_scope = Held { since, is_as_old_as_the_lists: Some(since) == first };
            let of_all = held.entry(person).or_insert(of_scope);
            of_all.since = of_all.since.min(since);
            of_all.is_as_old_as_the_lists |= of_scope.is_as_old_as_the_lists;
        }
    }
    held
}

/// What is on the last of these lists, and since when it is on every one. They come by day.
pub fn unbroken<T: Copy + Eq + Hash>(lists: impl Iterator<Item = (Day, HashSet<T>)>) -> HashMap<T, Day> {
    let mut since: HashMap<T, Day> = HashMap::new();
    for (taken_on, list) in lists {
        since.retain(|thing, _| list.contains(thing));
        for thing in list {
            since.entry(thing).or_insert(taken_on);
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

    fn tier(told: Option<&str>, seen: Option<&str>, since: &str, unknown: Option<&str>) -> Option<Tier> {
        let told = told.map(|told| LastTold { day: day(told), taken_on: day("2026-11-01") });
        let evidence = Evidence { told, seen: seen.map(day), since: day(since) };
        evidence.tier(day("2026-10-31"), unknown.map(day))
    }

    #[test]
    fn the_tiers_begin_at_28_and_60_days_and_a_seat_never_used_at_30() {
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
    fn nobody_is_idle_by_days_that_are_not_known() {
        let gap = Some("2026-10-15");
        assert_eq!(tier(None, Some("2026-09-01"), "2026-01-01", gap), None);
        assert_eq!(
            tier(None, Some("2026-10-14"), "2026-01-01", gap),
            Some(Tier::Active),
            "whatever was then"
        );
        assert_eq!(tier(None, None, "2026-08-01", gap), None);
        assert_eq!(
            tier(Some("2026-08-01"), None, "2026-01-01", gap),
            Some(Tier::Certain),
            "GitLab would tell"
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
            "whoever was seen before the seat may have been active later, too"
        );
    }
}
