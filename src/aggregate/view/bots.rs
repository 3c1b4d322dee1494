//! On which days users are bots or service accounts.
//!
//! Records mark their user as a bot or do not. The newest record of a source decides, from its day
//! on: a mark does not apply to the days before, and a later record can remove it. A source without
//! marks cannot remove those of another one: with several sources, a user is a bot if any of them
//! has the mark.

use std::collections::{BTreeMap, HashMap};

use super::resolve::ScopeKey;
use super::source::CODE_SUGGESTION_EVENTS;
use super::state::CountedDays;
use crate::aggregate::rollup::{Fetch, Interner, People, PersonId, SessionRow, Symbol};
use crate::base::calendar::Day;
use crate::model::scope::INSTANCE_SCOPE;

/// Users who are bots or service accounts, by day.
#[derive(Default)]
pub(super) struct Bots {
    /// Whether a user is a bot on any day, by id; users beyond the end are not.
    on_any_day: Vec<bool>,
    /// The days on which each of those becomes a bot or stops being one, in order. The first one
    /// also applies to the days before it, of which nothing else is known.
    since: HashMap<PersonId, Vec<(Day, bool)>>,
}

/// The marks of each user and source, by day.
type Marks<'a> = HashMap<(PersonId, &'a str), BTreeMap<Day, bool>>;

impl Bots {
    /// From the fetches that count. Of several records on one day of a source, one with the mark is
    /// enough.
    pub(super) fn of<'a>(
        days: &BTreeMap<(Symbol, ScopeKey), CountedDays<'a>>,
        symbols: &Interner,
        people: &People,
    ) -> Bots {
        let fetches = || {
            days.iter().flat_map(|((collector, (_, scope)), days)| {
                let source = source_of(symbols.text(*collector), symbols.text(*scope));
                days.iter().filter_map(move |(day, (_, fetch))| Some((source, *day, (*fetch)?)))
            })
        };
        let mut on_any_day = vec![false; people.len()];
        let mut marks = Marks::new();
        for (source, day, fetch) in fetches() {
            for person in &fetch.bots {
                on_any_day[person.0 as usize] = true;
                marks.entry((*person, source)).or_default().insert(day, true);
            }
        }
        if marks.is_empty() {
            return Bots::default();
        }
        // All other users never have the mark.
        for (source, day, fetch) in fetches() {
            let mut last = None;
            for person in users(fetch).filter(|person| on_any_day[person.0 as usize]) {
                // Many consecutive rows have the same user.
                if last.replace(person) != Some(person) {
                    marks.entry((person, source)).or_default().entry(day).or_insert(false);
                }
            }
        }
        let mut by_person: HashMap<PersonId, Vec<BTreeMap<Day, bool>>> = HashMap::new();
        for ((person, _), by_day) in marks {
            by_person.entry(person).or_default().push(by_day);
        }
        let since = by_person.into_iter().map(|(person, sources)| (person, merge_marks(&sources))).collect();
        Bots { on_any_day, since }
    }

    /// Whether a user is a bot or service account on a day.
    #[inline]
    pub(super) fn is_bot(&self, person: PersonId, day: Day) -> bool {
        self.on_any_day.get(person.0 as usize).is_some_and(|is_one| *is_one) && self.was_bot(person, day)
    }

    fn was_bot(&self, person: PersonId, day: Day) -> bool {
        let Some(since) = self.since.get(&person) else { return false };
        let after = since.partition_point(|(from, _)| *from <= day);
        since.get(after.saturating_sub(1)).is_some_and(|(_, is_bot)| *is_bot)
    }
}

/// The days on which it changes whether the newest record of any of these sources has the mark.
fn merge_marks(sources: &[BTreeMap<Day, bool>]) -> Vec<(Day, bool)> {
    let mut days: Vec<Day> = sources.iter().flat_map(|by_day| by_day.keys().copied()).collect();
    days.sort_unstable();
    days.dedup();
    let is_bot =
        |day: Day| sources.iter().any(|by_day| by_day.range(..=day).next_back().is_some_and(|(_, is)| *is));
    let mut since: Vec<(Day, bool)> = days.into_iter().map(|day| (day, is_bot(day))).collect();
    since.dedup_by_key(|(_, is_bot)| *is_bot);
    since
}

/// The users of all records of a fetch.
fn users(fetch: &Fetch) -> impl Iterator<Item = PersonId> {
    let of_events = fetch.usage().flat_map(|(_, entries)| entries.map(|(person, _)| person));
    let of_seats = fetch.seats.values().flatten().copied();
    let members = fetch.members.values().flatten().copied();
    let authors = fetch.merge_requests.iter().filter_map(|observation| observation.state.author);
    let sessions = fetch.aggregates().into_iter().flat_map(|aggregates| &aggregates.sessions);
    let of_sessions = sessions.filter_map(SessionRow::person);
    of_events.chain(of_seats).chain(members).chain(authors).chain(of_sessions)
}

/// The source of the marks of a collector. GitLab's API always marks bots in its events of groups,
/// in seats and in members, so these are one source, whose newest record counts. Any other collector is a
/// separate source: exports mark bots only sometimes, and GitLab's own ClickHouse tables, which
/// have the events of a whole instance, never.
fn source_of<'a>(collector: &'a str, scope: &str) -> &'a str {
    match collector {
        "usage_events" | "seats" | "members" | "merge_requests" | "agent_flows" | "agent_sessions" => "",
        CODE_SUGGESTION_EVENTS if scope != INSTANCE_SCOPE => "",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a literal day")
    }

    #[test]
    fn newest_record_of_a_source_decides_from_its_day_on() {
        let by_day = |days: &[(&str, bool)]| days.iter().map(|(text, is)| (day(text), *is)).collect();
        let person = PersonId(1);
        let is_bot = |sources: &[BTreeMap<Day, bool>], on: &str| {
            let bots = Bots { on_any_day: vec![false, true], since: [(person, merge_marks(sources))].into() };
            bots.is_bot(person, day(on))
        };
        let turns = [by_day(&[("2026-10-03", false), ("2026-10-05", true), ("2026-10-09", false)])];
        for (on, expected) in [
            ("2026-10-01", false),
            ("2026-10-04", false),
            ("2026-10-05", true),
            ("2026-10-08", true),
            ("2026-10-09", false),
            ("2026-12-01", false),
        ] {
            assert_eq!(is_bot(&turns, on), expected, "{on}");
        }
        // Nothing else is known of the days before the first record.
        assert!(is_bot(&[by_day(&[("2026-10-05", true)])], "2026-10-01"));
        // A source without marks removes nothing.
        let two = [by_day(&[("2026-10-05", true)]), by_day(&[("2026-10-02", false), ("2026-10-08", false)])];
        assert!(!is_bot(&two, "2026-10-04") && is_bot(&two, "2026-10-05") && is_bot(&two, "2026-10-08"));
        assert!(!is_bot(&two, "2026-10-01"), "the first record of any source");
        assert!(!Bots::default().is_bot(person, day("2026-10-05")));
    }
}
