//! The counts of one scope, or of several together: of each day, which fetch counts and how
//! complete it is.

mod agents;
mod bots;
mod build;
mod credits;
mod merge;
mod resolve;
mod seats;
mod session_days;
mod source;
mod state;
mod teams;
mod usage;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use agents::Agents;
pub use agents::{AgentUse, Credits, CreditsOfDay, Session, SessionLabels};
pub use credits::MonthBalance;
pub use resolve::Resolved;
pub use resolve::ScopeKey;
pub use seats::{LastActivity, SeatList, Snapshot, last_day_used, list_day};
pub use source::{CODE_SUGGESTION_EVENTS, Source, is_export};
pub use state::DayState;
use state::{SourceStates, StatesBySource};
pub use teams::{Membership, collected_for_subgroups};
use usage::CountedFetch;
pub use usage::CountedPeople;

use crate::aggregate::rollup::{
    Cell, CellId, Cells, Fetch, Interner, MergeRequestState, People, PeopleSet, PersonId, PipelineState,
    SuggestionRow, Symbol,
};
use crate::base::calendar::{Day, Period, Timestamp};
use crate::model::coverage::Status;
use crate::model::record::DoraMeasure;

/// Everything that counts for one scope, or for the union of all.
pub struct View<'a> {
    /// The GitLab instance; `*` for several.
    pub instance: String,
    /// The group path; `*` for the union.
    pub scope: String,
    /// The last day reported; later days do not count.
    pub until: Day,
    /// The texts of symbols.
    pub symbols: &'a Interner,
    /// All users seen.
    pub people: &'a People,
    /// Complete snapshots of seats by day, up to the last one that a reported period can use.
    pub snapshots: BTreeMap<Day, Snapshot>,
    /// The days of last activity on each list of seats that the report can use, with the day it was
    /// taken. An incomplete list is still correct for the people on it.
    reported_activity: Vec<(Day, &'a HashMap<PersonId, Day>)>,
    /// The complete lists of seats of each scope, from the first to the last one taken, if they
    /// list who has a seat.
    pub seat_lists: Vec<Vec<(Day, &'a Fetch)>>,
    /// DORA values of the month up to each day. Empty for several groups, whose values do not add
    /// up.
    pub dora: BTreeMap<Day, &'a BTreeMap<DoraMeasure, Option<f64>>>,
    /// The state of each day, by collector.
    pub collectors: BTreeMap<&'a str, BTreeMap<Day, DayState>>,
    cells: &'a Cells,
    usage: BTreeMap<Day, Vec<CountedFetch<'a>>>,
    suggestions: BTreeMap<Day, Vec<CountedFetch<'a>>>,
    /// Code suggestions that GitLab counted by editor, on days with a known state.
    suggestions_by_editor: BTreeMap<Day, Vec<&'a [SuggestionRow]>>,
    /// Merge requests by the day they were opened.
    opened: BTreeMap<Day, Vec<&'a MergeRequestState>>,
    /// Merge requests by the day they were merged.
    merged: BTreeMap<Day, Vec<(Timestamp, &'a MergeRequestState)>>,
    /// Pipelines by the day they were created.
    pipelines: BTreeMap<Day, Vec<&'a PipelineState>>,
    sources: StatesBySource,
    /// Agent data, merged on first use because that takes time.
    agents: Arc<OnceLock<Agents<'a>>>,
    /// The people of the view, if they are not all.
    only: Option<Arc<PeopleSet>>,
    resolved: &'a Resolved<'a>,
    scopes: Vec<ScopeKey>,
}

impl<'a> View<'a> {
    /// The state of each day; `None` if the source was not collected.
    pub fn days_of(&self, source: Source) -> Option<&BTreeMap<Day, DayState>> {
        Some(&self.states_of(source)?.days)
    }

    fn states_of(&self, source: Source) -> Option<&SourceStates> {
        let sources = match source {
            Source::Sessions | Source::Tools | Source::Tokens => &self.agents().sources,
            _ => &self.sources,
        };
        sources.get(&source)
    }

    /// The days of a period, up to the last day reported, of which only imported events are known:
    /// days with some, and days without any between those, which may have had none. Their
    /// completeness is unknown; days before and after are missing.
    pub fn imported_days(&self, source: Source, period: Period) -> impl Iterator<Item = Day> {
        let span = self.states_of(source).and_then(|states| Some((states, states.imported?)));
        span.into_iter().flat_map(move |(states, (first, last))| {
            let days = period.start.max(first).through(period.end.min(last).min(self.until));
            days.filter(|day| states.days.get(day).is_none_or(|state| state.is_imported))
        })
    }

    /// The days of a period, up to the last day reported, with a known state.
    pub fn known_days(&self, source: Source, period: Period) -> impl Iterator<Item = (Day, &DayState)> {
        let days =
            self.days_of(source).into_iter().flat_map(move |days| days.range(period.start..=period.end));
        days.filter(|(day, state)| **day <= self.until && state.is_known()).map(|(day, state)| (*day, state))
    }

    /// Whether every day is complete. On a partial day, people may have been active unseen.
    pub fn is_complete(&self, source: Source, period: Period) -> bool {
        let complete =
            self.known_days(source, period).filter(|(_, state)| state.status == Status::Complete).count();
        complete as i64 == period.length()
    }

    /// The usage of a period up to the last day reported, by day and cell, with the counts by
    /// person.
    pub fn usage_in(&self, period: Period) -> impl Iterator<Item = (Day, &'a Cell, CountedPeople<'_, 'a>)> {
        self.cells_in(&self.usage, period, self.only.as_deref())
    }

    /// Everyone with intentional use in a period, whether or not the view includes them: the authors
    /// of the merge requests of a subgroup need not be its members.
    pub fn active_anywhere(&self, period: Period) -> PeopleSet {
        let mut active = PeopleSet::default();
        let days = self.usage.range(period.start..=period.end).filter(|(day, _)| **day <= self.until);
        for (day, rows) in days {
            let cells =
                rows.iter().flat_map(|row| row.fetch.usage().filter(|(cell, _)| row.counts[cell.index()]));
            let intentional = cells.filter(|(cell, _)| self.cells.cell(*cell).is_intentional);
            let people = intentional.flat_map(|(_, entries)| entries).map(|(person, _)| person);
            active.extend(people.filter(|person| self.is_person(*person, *day)));
        }
        active
    }

    /// Whether usage is that of some people only.
    pub fn is_of_members(&self) -> bool {
        self.usage.values().flatten().any(|row| row.only.is_some())
    }

    /// The code suggestions of a period up to the last day reported, by day and cell, with the
    /// counts by person.
    pub fn suggestions_in(
        &self,
        period: Period,
    ) -> impl Iterator<Item = (Day, &'a Cell, CountedPeople<'_, 'a>)> {
        self.cells_in(&self.suggestions, period, self.only.as_deref())
    }

    /// The code suggestions by editor that GitLab counted, of a period up to the last day reported.
    pub fn suggestions_by_editor_in(&self, period: Period) -> impl Iterator<Item = (Day, &'a SuggestionRow)> {
        let days = self.suggestions_by_editor.range(period.start..=period.end);
        let days = days.filter(|(day, _)| **day <= self.until);
        days.flat_map(|(day, rows)| rows.iter().copied().flatten().map(|row| (*day, row)))
    }

    /// The merge requests opened in a period, on days with a known state. A state has more
    /// timestamps than were requested, and only those on collected days are complete.
    pub fn opened_in(&self, period: Period) -> impl Iterator<Item = &'a MergeRequestState> {
        self.known_of(Source::MergeRequests, &self.opened, period)
    }

    /// The merge requests merged in a period, with the time of the merge, on days with a known
    /// state.
    pub fn merged_in(&self, period: Period) -> impl Iterator<Item = (Timestamp, &'a MergeRequestState)> {
        self.known_of(Source::MergeRequests, &self.merged, period)
    }

    /// The pipelines created in a period, on days with a known state.
    pub fn pipelines_in(&self, period: Period) -> impl Iterator<Item = &'a PipelineState> {
        self.known_of(Source::Pipelines, &self.pipelines, period)
    }

    /// The last activity of people with a seat, if GitLab reports it, from the lists taken up to a
    /// day.
    pub fn last_activity(&self, taken_until: Day) -> HashMap<PersonId, LastActivity> {
        let mut all: HashMap<PersonId, LastActivity> = HashMap::new();
        for (taken_on, days) in self.reported_activity.iter().filter(|(day, _)| *day <= taken_until) {
            for (person, day) in *days {
                let last = all.entry(*person).or_insert(LastActivity { day: *day, taken_on: *taken_on });
                last.day = last.day.max(*day);
                last.taken_on = last.taken_on.max(*taken_on);
            }
        }
        all
    }

    /// The people with a seat in a period; see [`View::seat_list`].
    pub fn holders_of(&self, period: Period) -> Option<&BTreeSet<PersonId>> {
        self.seat_list(period).map(|list| list.holders)
    }

    /// The list of seats for a period: the last one taken within it, else the first one of the 14
    /// days after it. None is later than two days after the last day reported.
    pub fn seat_list(&self, period: Period) -> Option<SeatList<'_>> {
        let days = self.snapshots.iter().filter(|(_, snapshot)| snapshot.holders.is_some());
        let day = list_day(days.map(|(day, _)| *day), period)?;
        self.lists().find(|list| list.taken_on == day)
    }

    /// All lists of people with a seat, from the first to the last one taken.
    pub fn lists(&self) -> impl Iterator<Item = SeatList<'_>> {
        self.snapshots.iter().filter_map(|(day, snapshot)| {
            Some(SeatList {
                taken_on: *day,
                holders: snapshot.holders.as_ref()?,
                listed: snapshot.listed,
                unlisted: snapshot.unlisted,
            })
        })
    }

    /// Whether a user is a bot or service account on a day.
    #[inline]
    pub fn is_bot(&self, person: PersonId, day: Day) -> bool {
        self.resolved.bots.is_bot(person, day)
    }

    /// Whether a user is a person on a day: known to the source, and not a bot.
    #[inline]
    pub fn is_person(&self, person: PersonId, day: Day) -> bool {
        !self.is_bot(person, day) && !self.people.is_placeholder(person)
    }

    /// The fetches of a collector that count on the days of a period, with their states; none for
    /// several scopes together, whose totals do not add up, and for some people alone.
    pub fn fetches_of(
        &self,
        collector: &str,
        period: Period,
    ) -> impl Iterator<Item = (Day, &'a DayState, &'a Fetch)> {
        let days = match self.scopes.as_slice() {
            [scope] if self.only.is_none() => self.resolved.days_of(collector, *scope),
            _ => None,
        };
        let days = days.into_iter().flat_map(move |days| days.range(period.start..=period.end));
        days.filter_map(|(day, (state, fetch))| Some((*day, state, (*fetch)?)))
    }

    /// The event of a cell.
    pub fn event_of(&self, cell: CellId) -> Symbol {
        self.cells.cell(cell).event
    }

    /// All days with a state.
    pub fn days(&self) -> BTreeSet<Day> {
        self.collectors.values().flat_map(|days| days.keys().copied()).collect()
    }

    fn known_of<'s, T: Copy>(
        &'s self,
        source: Source,
        things: &'s BTreeMap<Day, Vec<T>>,
        period: Period,
    ) -> impl Iterator<Item = T> + use<'s, 'a, T> {
        self.known_days(source, period).flat_map(|(day, _)| things.get(&day).into_iter().flatten().copied())
    }

    fn cells_in<'s>(
        &'s self,
        chosen: &'s BTreeMap<Day, Vec<CountedFetch<'a>>>,
        period: Period,
        people: Option<&'s PeopleSet>,
    ) -> impl Iterator<Item = (Day, &'a Cell, CountedPeople<'s, 'a>)> {
        let (table, until) = (self.cells, self.until);
        let days =
            chosen.range(period.start..).take_while(move |(day, _)| **day <= period.end && **day <= until);
        days.flat_map(move |(day, chosen)| {
            let bots = people.map(|_| (&self.resolved.bots, *day));
            chosen.iter().flat_map(move |chosen| {
                let only = [chosen.only.as_deref(), people];
                let cells = chosen.fetch.usage().filter(|(cell, _)| chosen.counts[cell.index()]);
                cells.map(move |(cell, entries)| {
                    (*day, table.cell(cell), CountedPeople::new(entries, only, bots))
                })
            })
        })
    }
}
