//! What the rollups say about one scope: of each day, which fetch counts, and how complete it is.

mod agents;
mod bots;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use agents::Agents;
pub use agents::{AgentUse, Credits, Session};
use bots::Bots;

use crate::aggregate::rollup::{
    Cell, Cells, Entries, Fetch, MergeRequestState, Name, Names, Newest, People, PersonId, PipelineState,
    Pool, Purchase, Rollups, Target,
};
use crate::base::calendar::{Day, Period, Timestamp};
use crate::collect::collectors::{Level, Span, by_name};
use crate::events::features::{CODE_SUGGESTIONS, feature_of};
use crate::model::record::{ALL_SCOPES, Coverage, DoraMeasure, IMPORTED, INSTANCE_SCOPE, Status, is_within};

/// What a metric rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `usage_events`, or `instance_usage_events` for the instance as a whole, and the events of collectors of somebody's own.
    Usage,
    /// `code_suggestion_events` where its day is complete, else what is the source of usage.
    CodeSuggestions,
    /// `seats`.
    Seats,
    /// `merge_requests`.
    MergeRequests,
    /// `pipelines`.
    Pipelines,
    /// `dora`.
    Dora,
    /// Whatever tells sessions of agents by their ids.
    Sessions,
    /// The first of the exports that tells calls of tools, else collectors of somebody's own.
    Tools,
    /// The first of the exports that tells tokens, else collectors of somebody's own.
    Tokens,
    /// `credits`.
    Credits,
}

/// Event streams that did not come from `fetch`, in the order in which one of them stands for a day of which GitLab's own
/// events are not known.
const EXPORTS: [&str; 5] = ["ai_usage_events", "snowplow", "internal_events", "service_log", "service_calls"];

/// Whether records of this collector are of an event stream that did not come from `fetch`.
pub fn is_export(collector: &str) -> bool {
    EXPORTS.contains(&collector)
}

/// The collector of code suggestions with their language.
const CODE_SUGGESTION_EVENTS: &str = "code_suggestion_events";

/// Collectors of GitLab's own events: their users have ids that everything else of GitLab knows, too.
const OWN: [&str; 2] = ["usage_events", "instance_usage_events"];

/// The place of a collector among those that tell the same event: GitLab's own, the exports, and any other.
fn own_rank(collector: &str) -> usize {
    let all = OWN.iter().chain(&EXPORTS);
    all.into_iter().position(|name| *name == collector).unwrap_or(OWN.len() + EXPORTS.len())
}

/// Whether a collector can tell all calls of tools and of models: GitLab's own events know those over MCP at most.
fn tells_of_calls(collector: &str) -> bool {
    by_name(collector).is_none() && collector != EXPORTS[0]
}

/// What is known of a collector, scope and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayState {
    /// How complete it is.
    pub status: Status,
    /// Rows that count; null where there are none to count.
    pub rows: Option<u64>,
    /// When it was fetched.
    pub fetched_at: Option<Timestamp>,
    /// Why it is not complete, or not the newest.
    pub reason: Option<String>,
    /// Nodes that GitLab returned as null: rows that happened and could not be read.
    pub unreadable: u64,
    /// True when a newer fetch had fewer rows or was cut, so that an older one counts.
    pub is_shrunk: bool,
    /// True when the user named the collector.
    pub is_named: bool,
    /// True when rows are missing that the stream itself says there are, or when a newer fetch had fewer.
    pub is_cut: bool,
    /// True for an export of which nobody says whether it is whole: what is not in it may still have been.
    pub is_excerpt: bool,
    /// True when it is not complete for no other reason than that: nothing is known to be missing.
    pub is_imported: bool,
}

/// The seats of a day.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Who has a seat, bots left out; `None` where seats are assigned to people who are not told.
    pub holders: Option<BTreeSet<PersonId>>,
    /// Seats that are assigned beside those of the people who are told.
    pub untold: u64,
    /// Purchases by instance and id.
    pub pools: BTreeMap<(Name, Purchase), Pool>,
}

/// Who has a seat, by a snapshot that tells it of everybody.
#[derive(Clone, Copy, Debug)]
pub struct SeatList<'a> {
    /// The day it was taken on.
    pub taken_on: Day,
    /// Who has a seat, bots left out.
    pub holders: &'a BTreeSet<PersonId>,
    /// Seats that are assigned beside theirs, to whom is not told.
    pub untold: u64,
}

impl SeatList<'_> {
    /// The share of those who have a seat that is told.
    pub fn share_told(&self) -> f64 {
        let told = self.holders.len() as f64;
        told / (told + self.untold as f64)
    }
}

/// What GitLab tells of somebody's activity beside the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastTold {
    /// The last day with any Duo activity.
    pub day: Day,
    /// The day of the newest list of seats that tells one: it speaks of the days before.
    pub taken_on: Day,
}

/// The part of the usage of a fetch that counts.
#[derive(Clone)]
struct Chosen<'a> {
    fetch: &'a Fetch,
    /// Whether a cell counts, by its number.
    counts: Arc<[bool]>,
}

/// All that counts for one scope, or for the union of all.
pub struct View<'a> {
    /// The GitLab; `*` where several are united.
    pub instance: String,
    /// The group path; `*` for the union.
    pub scope: String,
    /// The last day reported; later days do not count.
    pub until: Day,
    /// The texts behind the numbers.
    pub names: &'a Names,
    /// Everybody seen.
    pub people: &'a People,
    /// Complete snapshots of seats by day, up to the last one that anything reported can rest on.
    pub snapshots: BTreeMap<Day, Snapshot>,
    /// The last activity of people with a seat, where GitLab tells it, by all lists that the report can rest on; one that
    /// is not complete tells the truth of those who are on it.
    pub last_told: HashMap<PersonId, LastTold>,
    /// The complete lists of seats of each scope, from the first to the last one taken, where they tell who has one.
    pub seat_lists: Vec<Vec<(Day, &'a Fetch)>>,
    /// DORA figures of the month up to each day; none where several groups are united, whose figures do not add up.
    pub dora: BTreeMap<Day, &'a BTreeMap<DoraMeasure, Option<f64>>>,
    /// What is known of each day, by collector.
    pub collectors: BTreeMap<&'a str, BTreeMap<Day, DayState>>,
    cells: &'a Cells,
    usage: BTreeMap<Day, Vec<Chosen<'a>>>,
    suggestions: BTreeMap<Day, Vec<Chosen<'a>>>,
    /// Merge requests by the day they were opened.
    opened: BTreeMap<Day, Vec<&'a MergeRequestState>>,
    /// Merge requests by the day they were merged.
    merged: BTreeMap<Day, Vec<(Timestamp, &'a MergeRequestState)>>,
    /// Pipelines by the day they were created.
    pipelines: BTreeMap<Day, Vec<&'a PipelineState>>,
    sources: StatesOfSources,
    /// What is told of agents: put together when it is first asked for, as that takes a while.
    agents: OnceLock<Agents<'a>>,
    resolved: &'a Resolved<'a>,
    scopes: Vec<Root>,
}

/// What is known of each day, by what a metric rests on.
type StatesOfSources = HashMap<Source, SourceStates>;

/// What is known of each day of a source.
#[derive(Debug, Default)]
struct SourceStates {
    days: BTreeMap<Day, DayState>,
    /// The first and the last day with imported events, where there are any.
    imported: Option<(Day, Day)>,
}

/// Of everything collected, what counts and how complete it is.
pub struct Resolved<'a> {
    rollups: &'a Rollups,
    /// Whether a cell is of code suggestions, by its number, and whether it is not.
    suggestions: Arc<[bool]>,
    others: Arc<[bool]>,
    days: BTreeMap<(Name, Root), CountedDays<'a>>,
    merge_requests: Newest<'a, MergeRequestState>,
    pipelines: Newest<'a, PipelineState>,
    /// The last day on which a group that is no longer asked for is part of the union.
    former: BTreeMap<Root, Day>,
    bots: Bots,
}

/// An instance and a scope.
type Root = (Name, Name);

/// What counts of a collector and scope, by day.
type CountedDays<'a> = Days<Option<&'a Fetch>>;

/// What is known of each day, and what comes of it.
type Days<T> = BTreeMap<Day, (DayState, T)>;

/// Days after the end of a period within which a snapshot still speaks of it: a run of today reports yesterday.
const SNAPSHOT_GRACE_DAYS: i64 = 2;

/// The last day that anything reported can rest on: a snapshot of the days of grace.
pub fn last_day_used(until: Day) -> Day {
    until.plus(SNAPSHOT_GRACE_DAYS)
}

impl DayState {
    /// The rows that can be read and those that cannot.
    pub fn rows_there_are(&self) -> (u64, u64) {
        (self.rows.unwrap_or(0), self.unreadable)
    }

    /// A day of which nothing arrived.
    fn without_rows(status: Status, fetched_at: Option<Timestamp>, reason: Option<String>) -> DayState {
        DayState {
            status,
            rows: None,
            fetched_at,
            reason,
            unreadable: 0,
            is_shrunk: false,
            is_named: false,
            is_cut: false,
            is_excerpt: false,
            is_imported: false,
        }
    }

    /// A day without any event in an import that has events of days before and after.
    fn without_imported_events() -> DayState {
        let state = DayState::without_rows(Status::Partial, None, Some(IMPORTED.to_owned()));
        DayState { is_excerpt: true, is_imported: true, ..state }
    }

    /// Whether there is anything to count. Of a day that broke off before its first row, nothing is known.
    pub fn is_known(&self) -> bool {
        match self.status {
            Status::Complete => true,
            Status::Partial => self.rows.is_some_and(|rows| rows > 0),
            _ => false,
        }
    }
}

impl<'a> View<'a> {
    /// What is known of each day; `None` when nobody collected the source.
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

    /// The days of a period, up to the last day reported, of which only imported events are known: days with some, and
    /// days without any between those, which may have had none. Their completeness is unknown; days before and after
    /// are missing.
    pub fn imported_days(&self, source: Source, period: Period) -> impl Iterator<Item = Day> {
        let span = self.states_of(source).and_then(|states| Some((states, states.imported?)));
        span.into_iter().flat_map(move |(states, (first, last))| {
            let days = period.start.max(first).through(period.end.min(last).min(self.until));
            days.filter(|day| states.days.get(day).is_none_or(|state| state.is_imported))
        })
    }

    /// The days of a period up to the last day reported of which something is known.
    pub fn known_days(&self, source: Source, period: Period) -> impl Iterator<Item = (Day, &DayState)> {
        let days =
            self.days_of(source).into_iter().flat_map(move |days| days.range(period.start..=period.end));
        days.filter(|(day, state)| **day <= self.until && state.is_known()).map(|(day, state)| (*day, state))
    }

    /// Whether all is known of each of these days: on a partial one anybody may have been active who was not seen.
    pub fn is_whole(&self, source: Source, period: Period) -> bool {
        let whole =
            self.known_days(source, period).filter(|(_, state)| state.status == Status::Complete).count();
        whole as i64 == period.length()
    }

    /// The usage of a period up to the last day reported, by cell: what, and who how often.
    pub fn usage_in(&self, period: Period) -> impl Iterator<Item = (Day, &'a Cell, Entries<'a>)> {
        self.cells_in(&self.usage, period)
    }

    /// The code suggestions of a period up to the last day reported, by cell: what, and who how often.
    pub fn suggestions_in(&self, period: Period) -> impl Iterator<Item = (Day, &'a Cell, Entries<'a>)> {
        self.cells_in(&self.suggestions, period)
    }

    /// The merge requests opened in a period, on the days of which something is known: a state tells more stamps than
    /// were asked for, and only those of collected days are all there.
    pub fn opened_in(&self, period: Period) -> impl Iterator<Item = &'a MergeRequestState> {
        self.known_of(Source::MergeRequests, &self.opened, period)
    }

    /// The merge requests merged in a period, and when each was; of the days of which something is known.
    pub fn merged_in(&self, period: Period) -> impl Iterator<Item = (Timestamp, &'a MergeRequestState)> {
        self.known_of(Source::MergeRequests, &self.merged, period)
    }

    /// The pipelines created in a period, on the days of which something is known.
    pub fn pipelines_in(&self, period: Period) -> impl Iterator<Item = &'a PipelineState> {
        self.known_of(Source::Pipelines, &self.pipelines, period)
    }

    /// The people who have a seat, as it counts for a period; see [`View::list_of`].
    pub fn holders_of(&self, period: Period) -> Option<&BTreeSet<PersonId>> {
        self.list_of(period).map(|list| list.holders)
    }

    /// The list of seats that counts for a period: the last one taken within it or, failing that, the first one of
    /// the two days after it. None is later than the last day reported and the two days after that.
    pub fn list_of(&self, period: Period) -> Option<SeatList<'_>> {
        let within = self.lists().filter(|list| (period.start..=period.end).contains(&list.taken_on)).last();
        let grace = period.end.plus(1)..=period.end.plus(SNAPSHOT_GRACE_DAYS);
        within.or_else(|| self.lists().find(|list| grace.contains(&list.taken_on)))
    }

    /// Every list of the people who have a seat, from the first to the last one taken.
    pub fn lists(&self) -> impl Iterator<Item = SeatList<'_>> {
        self.snapshots.iter().filter_map(|(day, snapshot)| {
            Some(SeatList { taken_on: *day, holders: snapshot.holders.as_ref()?, untold: snapshot.untold })
        })
    }

    /// Whether a user is a bot or service account on a day.
    #[inline]
    pub fn is_bot(&self, person: PersonId, day: Day) -> bool {
        self.resolved.bots.is_bot(person, day)
    }

    /// Whether a user is a person on a day: named, and no bot.
    #[inline]
    pub fn is_person(&self, person: PersonId, day: Day) -> bool {
        !self.is_bot(person, day) && !self.people.is_nobody(person)
    }

    /// The days that any line speaks of.
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

    fn cells_in(
        &self,
        chosen: &BTreeMap<Day, Vec<Chosen<'a>>>,
        period: Period,
    ) -> impl Iterator<Item = (Day, &'a Cell, Entries<'a>)> {
        let (table, until) = (self.cells, self.until);
        let days =
            chosen.range(period.start..).take_while(move |(day, _)| **day <= period.end && **day <= until);
        days.flat_map(move |(day, chosen)| {
            let cells = chosen
                .iter()
                .flat_map(|chosen| chosen.fetch.usage().filter(|(cell, _)| chosen.counts[cell.index()]));
            cells.map(move |(cell, entries)| (*day, table.cell(cell), entries))
        })
    }
}

impl<'a> Resolved<'a> {
    /// Decides for every collector, scope and day which fetch counts.
    pub fn of(rollups: &'a Rollups) -> Resolved<'a> {
        let mut days: BTreeMap<(Name, Root), CountedDays<'a>> = BTreeMap::new();
        let targets: BTreeSet<Target> =
            rollups.fetches.keys().chain(rollups.unanswered.keys()).copied().collect();
        for target in targets {
            let key = (target.collector, (target.instance, target.scope));
            days.entry(key).or_default().insert(target.day, resolve(rollups, target));
        }
        let is_suggestion = |cell: &Cell| feature_of(rollups.names.text(cell.event)) == CODE_SUGGESTIONS;
        let suggestions: Arc<[bool]> = rollups.cells.all().iter().map(is_suggestion).collect();
        let others = suggestions.iter().map(|is_suggestion| !is_suggestion).collect();
        let counted = || {
            days.iter().flat_map(|((collector, (instance, scope)), days)| {
                days.iter().filter_map(|(day, (state, fetch))| {
                    let target =
                        Target { instance: *instance, collector: *collector, scope: *scope, day: *day };
                    Some((target, rollups.names.text(*scope), state.fetched_at?, (*fetch)?))
                })
            })
        };
        let merge_requests = Newest::of(counted(), |fetch| &fetch.merge_requests);
        let pipelines = Newest::of(counted(), |fetch| &fetch.pipelines);
        let bots = Bots::of(&days, &rollups.names, &rollups.people);
        let former = BTreeMap::new();
        Resolved { rollups, suggestions, others, days, merge_requests, pipelines, former, bots }
    }

    /// Lets groups that are no longer asked for, each as (address, path, last day), count in the union up to that day.
    pub fn with_former_groups<'f>(
        mut self,
        former: impl Iterator<Item = (&'f str, &'f str, Day)>,
    ) -> Resolved<'a> {
        let names = &self.rollups.names;
        let root = |(instance, scope, day): (&str, &str, Day)| {
            Some(((names.find(instance)?, names.find(scope)?), day))
        };
        self.former = former.filter_map(root).collect();
        self
    }

    /// Which fetch of a target counts.
    pub fn counted(&self, target: Target) -> Option<Timestamp> {
        let days = self.days.get(&(target.collector, (target.instance, target.scope)))?;
        let (state, fetch) = days.get(&target.day)?;
        state.fetched_at.filter(|_| fetch.is_some())
    }

    /// The coverage lines of everything that was collected, as it turned out, and of each whether it was cut or
    /// shrunk on its way here: a day whose rows did not all arrive is partial, whatever `fetch` declared.
    pub fn coverage(&self) -> Vec<(Coverage, bool)> {
        let names = &self.rollups.names;
        let mut lines: Vec<(Coverage, bool)> = Vec::new();
        for ((collector, (instance, scope)), days) in &self.days {
            for (day, (state, _)) in days {
                let line = Coverage {
                    collector: names.text(*collector).to_owned(),
                    instance: names.text(*instance).to_owned(),
                    scope: names.text(*scope).to_owned(),
                    day: *day,
                    status: state.status,
                    rows: state.rows,
                    fetched_at: state.fetched_at,
                    reason: state.reason.clone(),
                    unreadable: state.unreadable,
                    key_check: None,
                    shrunk: state.is_shrunk,
                    named: state.is_named,
                };
                lines.push((line, state.is_cut));
            }
        }
        lines.sort();
        lines
    }

    /// One view a scope, and one of the union where there are several.
    pub fn views(&'a self, until: Day) -> Vec<View<'a>> {
        let names = &self.rollups.names;
        let mut roots: Vec<Root> = self.days.keys().map(|(_, root)| *root).collect();
        roots.sort_by_key(|(instance, scope)| (names.text(*instance), names.text(*scope)));
        roots.dedup();
        // Who pays for the groups was not asked for by anybody, and is no group of the report.
        if roots.iter().any(|root| self.is_asked(*root, |level| level != Level::Subscription)) {
            roots.retain(|root| self.is_asked(*root, |level| level != Level::Subscription));
        }
        let mut views: Vec<View<'a>> = roots.iter().map(|root| self.view(&[*root], until)).collect();
        if roots.len() > 1 {
            views.push(self.view(&roots, until));
        }
        views
    }

    /// The view of these scopes together.
    fn view(&'a self, scopes: &[Root], until: Day) -> View<'a> {
        let names = &self.rollups.names;
        let all_scopes = ALL_SCOPES.to_owned();
        let mut view = View {
            instance: one_or_all(scopes.iter().map(|(instance, _)| names.text(*instance))),
            scope: if scopes.len() > 1 {
                all_scopes
            } else {
                one_or_all(scopes.iter().map(|(_, scope)| names.text(*scope)))
            },
            until,
            names,
            people: &self.rollups.people,
            snapshots: BTreeMap::new(),
            last_told: HashMap::new(),
            seat_lists: Vec::new(),
            dora: BTreeMap::new(),
            collectors: BTreeMap::new(),
            cells: &self.rollups.cells,
            usage: BTreeMap::new(),
            suggestions: BTreeMap::new(),
            opened: BTreeMap::new(),
            merged: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            sources: HashMap::new(),
            agents: OnceLock::new(),
            resolved: self,
            scopes: scopes.to_vec(),
        };
        for state in self.merge_requests.in_scopes(scopes) {
            view.opened.entry(state.created_at.day()).or_default().push(state);
            if let Some(merged_at) = state.merged_at {
                view.merged.entry(merged_at.day()).or_default().push((merged_at, state));
            }
        }
        for state in self.pipelines.in_scopes(scopes) {
            view.pipelines.entry(state.created_at.day()).or_default().push(state);
        }
        let collectors: BTreeSet<Name> = self.days.keys().map(|(collector, _)| *collector).collect();
        for collector in collectors {
            if let Some(days) = self.united(scopes, |root| self.days.get(&(collector, root))) {
                view.collectors.insert(names.text(collector), states_of(days));
            }
        }
        let counted = |collector: &str, root: Root| {
            names.find(collector).and_then(|collector| self.days.get(&(collector, root)))
        };
        for (source, collector) in [
            (Source::Seats, "seats"),
            (Source::MergeRequests, "merge_requests"),
            (Source::Pipelines, "pipelines"),
            (Source::Dora, "dora"),
            (Source::Credits, "credits"),
        ] {
            let days = self.united(scopes, |root| counted(collector, root));
            view.sources.extend(days.map(|days| (source, SourceStates::of(days))));
        }
        let mut chosen: BTreeMap<Root, ChosenUsage<'a>> = scopes
            .iter()
            .map(|root| {
                (
                    *root,
                    self.with_own(
                        self.choose_usage(
                            counted("usage_events", *root)
                                .or_else(|| counted("instance_usage_events", *root)),
                            counted(CODE_SUGGESTION_EVENTS, *root),
                        ),
                        *root,
                    ),
                )
            })
            .collect();
        self.fill_from_exports(&mut chosen, until);
        for source in [Source::Usage, Source::CodeSuggestions] {
            let Some(days) = self.united(scopes, |root| chosen[&root].of(source)) else { continue };
            let rows = if source == Source::Usage { &mut view.usage } else { &mut view.suggestions };
            for (day, (_, counting)) in &days {
                let chosen = counting.iter().filter_map(|root| chosen[root].of(source)?.get(day));
                rows.insert(*day, chosen.flat_map(|(_, rows)| rows).cloned().collect());
            }
            view.sources.insert(source, SourceStates::of(days));
        }
        self.collect_snapshots(&mut view, scopes);
        // Figures of several groups do not add up: those of one are told where it is all that there is.
        if let [root] = self.expected(scopes, |root| counted("dora", root).is_some())[..] {
            let days = counted("dora", root).into_iter().flatten();
            view.dora = days.filter_map(|(day, (_, fetch))| Some((*day, &(*fetch)?.dora))).collect();
        }
        view
    }

    /// Code suggestions come twice, with and without their language: of each day one source counts.
    fn choose_usage(&self, all: Option<&CountedDays<'a>>, told: Option<&CountedDays<'a>>) -> ChosenUsage<'a> {
        let mut chosen = ChosenUsage { usage: all.map(|_| BTreeMap::new()), suggestions: None };
        let days: BTreeSet<Day> = all.into_iter().chain(told).flat_map(|days| days.keys().copied()).collect();
        for day in days {
            let get = |days: Option<&CountedDays<'a>>| days.and_then(|days| days.get(&day)).cloned();
            let (all, told) = (get(all), get(told));
            let all_known = all.as_ref().is_some_and(|(state, _)| state.is_known());
            let told_counts =
                told.as_ref().is_some_and(|(state, _)| state.status == Status::Complete || !all_known);
            let suggestions = if told_counts { &told } else { &all };
            let suggestion_rows = suggestions
                .as_ref()
                .and_then(|(_, fetch)| Some(Chosen { fetch: (*fetch)?, counts: self.suggestions.clone() }));
            if let Some((state, fetch)) = &all {
                let mut state = state.clone();
                let mut usage_rows: Vec<Chosen<'a>> = Vec::new();
                if state.is_known() {
                    usage_rows.extend(fetch.map(|fetch| Chosen { fetch, counts: self.others.clone() }));
                    usage_rows.extend(suggestion_rows.clone());
                    // A day is as old as the older of the two that it is put together from.
                    let of_suggestions = suggestions.as_ref().and_then(|(state, _)| state.fetched_at);
                    state.fetched_at = state.fetched_at.min(of_suggestions.or(state.fetched_at));
                    // Both can lack rows; those that both lack lower the basis twice rather than not at all.
                    if told_counts {
                        state.unreadable += suggestions.as_ref().map_or(0, |(state, _)| state.unreadable);
                    }
                }
                chosen.usage.get_or_insert_default().insert(day, (state, usage_rows));
            }
            if let Some((state, _)) = suggestions {
                chosen
                    .suggestions
                    .get_or_insert_default()
                    .insert(day, (state.clone(), suggestion_rows.into_iter().collect()));
            }
        }
        chosen
    }

    /// Lets exports stand for usage that nothing else tells of a GitLab: of each scope and day the first that tells any.
    /// Never beside GitLab's own events, also not on other days: the users of the two have different ids, so that people
    /// would count twice in whatever speaks of several days.
    fn fill_from_exports(&self, chosen: &mut BTreeMap<Root, ChosenUsage<'a>>, until: Day) {
        let every: Arc<[bool]> = vec![true; self.suggestions.len()].into();
        for (source, counts) in [(Source::Usage, every), (Source::CodeSuggestions, self.suggestions.clone())]
        {
            let tells = |fetch: &Fetch| fetch.usage().any(|(cell, _)| counts[cell.index()]);
            let is_known = |(day, (state, _)): (&Day, &(DayState, _))| *day <= until && state.is_known();
            let told: BTreeSet<Name> = chosen
                .iter()
                .filter(|(_, usage)| usage.of(source).into_iter().flatten().any(is_known))
                .map(|((instance, _), _)| *instance)
                .collect();
            let untold = chosen.iter_mut().filter(|((instance, _), _)| !told.contains(instance));
            for (root, usage) in untold {
                let exports = EXPORTS.iter().filter_map(|name| self.rollups.names.find(name));
                for (day, (state, fetch)) in
                    exports.filter_map(|export| self.days.get(&(export, *root))).flatten()
                {
                    let Some(fetch) = fetch.filter(|fetch| state.is_known() && tells(fetch)) else {
                        continue;
                    };
                    let days = usage.of_mut(source).get_or_insert_default();
                    if days.get(day).is_none_or(|(state, _)| !state.is_known()) {
                        let rows = vec![Chosen { fetch, counts: counts.clone() }];
                        days.insert(*day, (state.clone(), rows));
                    }
                }
            }
        }
    }

    /// Adds the events that came through collectors of somebody's own. An event that GitLab's own collectors bring too is
    /// left to them, or it would count twice. A day of usage is as whole as the worst of what it is put together from;
    /// without GitLab's own events it is never whole.
    fn with_own(&self, mut chosen: ChosenUsage<'a>, root: Root) -> ChosenUsage<'a> {
        let names = &self.rollups.names;
        let own = self.days.iter().filter(|((collector, of), days)| {
            let has_events =
                |(_, fetch): &(_, Option<&Fetch>)| fetch.is_some_and(|fetch| fetch.usage().next().is_some());
            let name = names.text(*collector);
            let is_own = by_name(name).is_none() && !is_export(name);
            *of == root && is_own && days.values().any(has_events)
        });
        let cells = self.rollups.cells.all();
        let told: BTreeSet<Name> = chosen
            .usage
            .iter()
            .flat_map(BTreeMap::values)
            .flat_map(|(_, chosen)| chosen)
            .flat_map(|chosen| chosen.fetch.usage().filter(|(cell, _)| chosen.counts[cell.index()]))
            .map(|(cell, _)| cells[cell.index()].event)
            .collect();
        let untold: Arc<[bool]> = cells.iter().map(|cell| !told.contains(&cell.event)).collect();
        for (day, (state, fetch)) in own.flat_map(|(_, days)| days) {
            let usage = chosen.usage.get_or_insert_default();
            let others = usage.remove(day);
            let mut united = unite([others.as_ref().map(|(state, _)| state), Some(state)].into_iter());
            let mut counted = others.map(|(_, counted)| counted).unwrap_or_default();
            if united.is_known() {
                counted.extend(fetch.map(|fetch| Chosen { fetch, counts: untold.clone() }));
            } else {
                counted.clear();
            }
            united.fetched_at = united.fetched_at.min(state.fetched_at);
            usage.insert(*day, (united, counted));
        }
        chosen
    }

    /// A day has a snapshot when every scope has a complete one of it: part of the seats would make a rate wrong.
    fn collect_snapshots(&self, view: &mut View<'a>, scopes: &[Root]) {
        let (Some(states), Some(seats)) =
            (view.sources.get(&Source::Seats).map(|seats| &seats.days), self.rollups.names.find("seats"))
        else {
            return;
        };
        let roots = self.outermost(scopes, |root| self.days.contains_key(&(seats, root)));
        for root in &roots {
            let lists = self.days[&(seats, *root)].range(..=last_day_used(view.until));
            let lists = lists.filter_map(|(day, (state, fetch))| Some((*day, state.status, (*fetch)?)));
            for (taken_on, _, fetch) in lists.clone() {
                for (person, day) in &fetch.last_duo_activity {
                    let told = view.last_told.entry(*person).or_insert(LastTold { day: *day, taken_on });
                    told.day = told.day.max(*day);
                    told.taken_on = told.taken_on.max(taken_on);
                }
            }
            let tells = lists.filter(|(_, status, fetch)| {
                *status == Status::Complete && !fetch.seats.is_empty() && fetch.tells_who_has_seats()
            });
            view.seat_lists.push(tells.map(|(taken_on, _, fetch)| (taken_on, fetch)).collect());
        }
        let states = states.range(..=last_day_used(view.until));
        for day in states.filter(|(_, state)| state.status == Status::Complete).map(|(day, _)| *day) {
            let mut holders = Some(BTreeSet::new());
            let mut pools: BTreeMap<(Name, Purchase), Pool> = BTreeMap::new();
            let mut untold: BTreeMap<(Name, Vec<Purchase>), u64> = BTreeMap::new();
            for root in &roots {
                let Some((_, Some(fetch))) = self.days[&(seats, *root)].get(&day) else { continue };
                for (purchase, pool) in &fetch.pools {
                    // Seen through two groups at two moments of a day, one of two sizes has to be taken.
                    let known = pools.entry((root.0, *purchase)).or_insert(*pool);
                    *known = known.greater(*pool, &self.rollups.names);
                }
                // Groups of an instance that buys for all of them have the same purchases.
                let of_purchases = untold.entry((root.0, fetch.pools.keys().copied().collect())).or_default();
                *of_purchases = fetch.untold_seats().max(*of_purchases);
                if !fetch.tells_who_has_seats() {
                    holders = None;
                }
                if let Some(holders) = &mut holders {
                    let is_bot = |person: &PersonId| self.bots.is_bot(*person, day);
                    holders.extend(fetch.seats.values().flatten().filter(|person| !is_bot(person)));
                }
            }
            // Some add-ons are for everybody and assigned to nobody: then there is no list to speak of.
            let holders = holders.filter(|holders| !holders.is_empty());
            view.snapshots.insert(day, Snapshot { holders, untold: untold.values().sum(), pools });
        }
    }

    /// The scopes that have something and lie within no other that has it: an ancestor contains its descendants.
    fn outermost(&self, scopes: &[Root], has: impl Fn(Root) -> bool) -> Vec<Root> {
        let having: Vec<Root> = scopes.iter().copied().filter(|root| has(*root)).collect();
        having
            .iter()
            .copied()
            .filter(|root| !having.iter().any(|other| self.is_within(*root, *other)))
            .collect()
    }

    /// What is known of several scopes together, by day, and which of them count on it: the outermost ones that know the
    /// day. So a scope that is asked from some day on takes nothing from the days before. The day is complete where
    /// every scope of [`Resolved::expected`] has it complete; `None` when nobody asked any.
    fn united<'s, T: 's>(
        &self,
        scopes: &[Root],
        days_of: impl Fn(Root) -> Option<&'s Days<T>>,
    ) -> Option<UnitedDays> {
        let speaking: Vec<(Root, &Days<T>)> =
            scopes.iter().filter_map(|root| Some((*root, days_of(*root)?))).collect();
        if speaking.is_empty() {
            return None;
        }
        let around: Vec<Vec<usize>> = speaking
            .iter()
            .map(|(root, _)| {
                let others = speaking.iter().enumerate();
                others.filter(|(_, (other, _))| self.is_within(*root, *other)).map(|(at, _)| at).collect()
            })
            .collect();
        let places: HashMap<Root, usize> = speaking.iter().map(|(root, _)| *root).zip(0..).collect();
        let spans: Vec<Option<(Day, Day)>> = speaking.iter().map(|(_, days)| imported_span(days)).collect();
        // Between days with imported events, one without may have had none.
        let silent_import = DayState::without_imported_events();
        let is_silent_import =
            |at: usize, day: Day| spans[at].is_some_and(|(first, last)| first < day && day < last);
        let all_days: BTreeSet<Day> = speaking.iter().flat_map(|(_, days)| days.keys().copied()).collect();
        let mut expected_of: HashMap<Vec<Root>, Vec<Root>> = HashMap::new();
        let united = |day: Day| {
            let parts: Vec<Root> =
                scopes.iter().copied().filter(|root| self.is_part_of(scopes, *root, day)).collect();
            let expected = match expected_of.get(&parts) {
                Some(expected) => expected,
                None => {
                    let expected = self.expected(&parts, |root| days_of(root).is_some());
                    expected_of.entry(parts).or_insert(expected)
                }
            };
            let state_of = |at: usize| match speaking[at].1.get(&day) {
                _ if !self.is_part_of(scopes, speaking[at].0, day) => None,
                Some((state, _)) => Some(state),
                None => is_silent_import(at, day).then_some(&silent_import),
            };
            let states: Vec<Option<&DayState>> = (0..speaking.len()).map(state_of).collect();
            let knows = |at: &usize| states[*at].is_some_and(DayState::is_known);
            let counts = |at: &usize| knows(at) && !around[*at].iter().any(knows);
            let counting: Vec<usize> = (0..speaking.len()).filter(counts).collect();
            let others = counting.iter().filter(|at| !expected.contains(&speaking[**at].0));
            let expected = expected.iter().map(|root| places.get(root).and_then(|at| states[*at]));
            let all: Vec<Option<&DayState>> = expected.chain(others.map(|at| states[*at])).collect();
            // A day of former groups alone is none of the union.
            let state = (!all.is_empty()).then(|| unite(all.iter().copied()))?;
            Some((day, (state, counting.into_iter().map(|at| speaking[at].0).collect())))
        };
        Some(all_days.into_iter().filter_map(united).collect())
    }

    /// Whether a scope belongs to what these scopes are together on a day. By itself, a group that is no longer asked for is what it was.
    fn is_part_of(&self, scopes: &[Root], root: Root, day: Day) -> bool {
        scopes.len() == 1 || self.former.get(&root).is_none_or(|until| day <= *until)
    }

    /// The scopes without which a day is not complete: the outermost of those that speak, and of those that nobody asked
    /// though they are groups or all that is known of their GitLab.
    fn expected(&self, scopes: &[Root], speaks: impl Fn(Root) -> bool) -> Vec<Root> {
        let is_group = |root: &Root| self.is_asked(*root, |level| level == Level::Group);
        let groups: BTreeSet<Root> = scopes.iter().copied().filter(is_group).collect();
        let with_groups: BTreeSet<Name> = groups.iter().map(|(instance, _)| *instance).collect();
        // What is no group cannot be asked most things.
        self.outermost(scopes, |root| {
            speaks(root) || groups.contains(&root) || !with_groups.contains(&root.0)
        })
    }

    /// Whether a scope was asked by a collector of such a level; one that nobody knows is asked of groups.
    fn is_asked(&self, root: Root, of: impl Fn(Level) -> bool) -> bool {
        let scope = self.rollups.names.text(root.1);
        let level = |collector: Name| match self.rollups.names.text(collector) {
            name if is_export(name) && scope == INSTANCE_SCOPE => Level::Instance,
            name => by_name(name).map_or(Level::Group, |known| known.about().level),
        };
        self.days.keys().any(|(collector, asked)| *asked == root && of(level(*collector)))
    }

    fn is_within(&self, root: Root, other: Root) -> bool {
        let names = &self.rollups.names;
        root.0 == other.0 && is_within(names.text(root.1), names.text(other.1))
    }
}

/// The days of a source of usage: their states and what counts.
type SourceDays<'a> = Days<Vec<Chosen<'a>>>;

/// Which usage of a scope counts.
struct ChosenUsage<'a> {
    usage: Option<SourceDays<'a>>,
    suggestions: Option<SourceDays<'a>>,
}

impl<'a> ChosenUsage<'a> {
    fn of(&self, source: Source) -> Option<&SourceDays<'a>> {
        match source {
            Source::CodeSuggestions => self.suggestions.as_ref(),
            _ => self.usage.as_ref(),
        }
    }

    fn of_mut(&mut self, source: Source) -> &mut Option<SourceDays<'a>> {
        match source {
            Source::CodeSuggestions => &mut self.suggestions,
            _ => &mut self.usage,
        }
    }
}

/// Of each day, what is known of several scopes together, and which of them count.
type UnitedDays = Days<Vec<Root>>;

impl SourceStates {
    fn of(days: UnitedDays) -> SourceStates {
        SourceStates { imported: imported_span(&days), days: states_of(days) }
    }
}

/// The first and the last day with imported events.
fn imported_span<T>(days: &Days<T>) -> Option<(Day, Day)> {
    let mut imported = days.iter().filter(|(_, (state, _))| state.is_imported).map(|(day, _)| *day);
    let first = imported.next()?;
    Some((first, imported.next_back().unwrap_or(first)))
}

fn states_of(days: UnitedDays) -> BTreeMap<Day, DayState> {
    days.into_iter().map(|(day, (state, _))| (day, state)).collect()
}

/// Which fetch of a target counts. The newest complete one does, unless an older complete one has more rows;
/// without a complete one, the fullest does, and the day is partial.
fn resolve(rollups: &Rollups, target: Target) -> (DayState, Option<&Fetch>) {
    let collector = rollups.names.text(target.collector);
    let span = by_name(collector).map(|collector| collector.span());
    // An export has no coverage line, unless somebody gives one.
    let is_excerpt =
        |fetch: &Fetch| fetch.declared.is_none() && (is_export(collector) || fetch.is_known_by_ids());
    let lost_rows = |fetch: &Fetch| if is_excerpt(fetch) { None } else { fetch.lost_rows() };
    let is_snapshot = span == Some(Span::Snapshot);
    let fetches = rollups.fetches.get(&target).into_iter().flatten().map(|(at, fetch)| (*at, fetch));
    let is_complete = |(at, fetch): &(Timestamp, &Fetch)| {
        let is_over = is_snapshot || target.day.is_over(*at);
        is_over
            && fetch.declared.as_ref().is_some_and(|declared| {
                declared.status == Status::Complete && declared.rows == Some(fetch.arrived())
            })
    };
    let complete = fetches.clone().filter(is_complete);
    // Sums that end on the same day can start on different ones: then fewer rows are not a loss.
    let fullness = |fetch: &Fetch| if span == Some(Span::Sum) { 0 } else { fetch.arrived() };
    if let Some((at, fetch)) = complete.clone().max_by_key(|(at, fetch)| (fullness(fetch), *at)) {
        let rows = fetch.arrived();
        let shrunk = complete.filter(|(newer, _)| *newer > at).map(|(_, newer)| newer.arrived()).max();
        let cut = fetches.filter(|(newer, _)| *newer > at).find_map(|(_, newer)| lost_rows(newer));
        let reason = match (shrunk, cut) {
            (Some(fewer), _) => {
                Some(format!("shrunk: a newer fetch has {fewer} of {rows} rows; the fuller one counts"))
            }
            (None, Some(lost)) => Some(format!("of a newer fetch {lost}; the older one counts")),
            (None, None) => None,
        };
        let is_cut = reason.is_some();
        let declared = fetch.declared.as_ref();
        let unreadable = declared.map_or(0, |declared| declared.unreadable);
        let why_unreadable = declared.filter(|_| unreadable > 0).and_then(|declared| declared.reason.clone());
        let state = DayState {
            rows: Some(rows),
            unreadable,
            is_shrunk: is_cut,
            is_named: declared.is_some_and(|declared| declared.named),
            is_cut,
            ..DayState::without_rows(Status::Complete, Some(at), reason.or(why_unreadable))
        };
        return (state, Some(fetch));
    }
    let any_lost = fetches.clone().find_map(|(_, fetch)| lost_rows(fetch));
    let fullest = fetches
        .clone()
        .filter(|(_, fetch)| fetch.arrived() > 0)
        .max_by_key(|(at, fetch)| (fetch.arrived(), *at));
    if let Some((at, fetch)) = fullest {
        let declared = fetch.declared.as_ref();
        let not_over = (declared.is_some() && !is_snapshot && !target.day.is_over(at))
            .then(|| "the day was not over".to_owned());
        let unsaid = is_excerpt(fetch).then(|| IMPORTED.to_owned());
        let said = declared.and_then(|declared| declared.reason.clone()).or(not_over).or(unsaid);
        let lost = lost_rows(fetch).or(any_lost);
        let is_cut = lost.is_some();
        let reason = [said, lost].into_iter().flatten().collect::<Vec<_>>().join("; ");
        let state = DayState {
            status: Status::Partial,
            rows: Some(fetch.arrived()),
            fetched_at: Some(at),
            reason: (!reason.is_empty()).then_some(reason),
            unreadable: declared.map_or(0, |declared| declared.unreadable),
            is_shrunk: false,
            is_named: declared.is_some_and(|declared| declared.named),
            is_cut,
            is_excerpt: is_excerpt(fetch),
            is_imported: is_excerpt(fetch) && !is_cut,
        };
        return (state, Some(fetch));
    }
    // Nothing to count: what the newest line says, one that the server answered first.
    let mut told = fetches.filter_map(|(at, fetch)| Some((at, fetch, fetch.declared.as_ref()?)));
    if let Some((at, fetch, declared)) = told.next_back() {
        let lost = lost_rows(fetch).or(any_lost);
        let (status, reason) = match declared.status {
            Status::Complete if lost.is_none() => (Status::Partial, Some("the day was not over".to_owned())),
            Status::Complete | Status::Partial if lost.is_some() => (Status::Failed, lost.clone()),
            status => (status, declared.reason.clone()),
        };
        let is_cut = lost.is_some();
        let state = DayState {
            unreadable: declared.unreadable,
            is_named: declared.named,
            is_cut,
            ..DayState::without_rows(status, Some(at), reason)
        };
        return (state, None);
    }
    let said = rollups.unanswered.get(&target).and_then(BTreeSet::first);
    let (status, reason, is_named) =
        said.map_or((Status::Failed, None, false), |said| (said.status, said.reason.clone(), said.is_named));
    (DayState { is_named, ..DayState::without_rows(status, None, reason) }, None)
}

/// The state of a day for several scopes together; `None` is a scope that has no line of that day.
fn unite<'a>(states: impl Iterator<Item = Option<&'a DayState>> + Clone) -> DayState {
    let known = states.clone().flatten();
    let is_complete = states.clone().all(|state| state.is_some_and(|state| state.status == Status::Complete));
    let is_whole_or_imported = |state: Option<&DayState>| {
        state.is_some_and(|state| state.status == Status::Complete || state.is_imported)
    };
    let some_known = known.clone().any(DayState::is_known);
    let worst = known
        .clone()
        .filter(|state| state.status != Status::Complete)
        .max_by_key(|state| (state.status, state.reason.as_deref()));
    let status = match worst {
        _ if is_complete => Status::Complete,
        _ if some_known => Status::Partial,
        Some(worst) => worst.status,
        None => Status::Failed,
    };
    DayState {
        status,
        rows: some_known.then(|| known.clone().filter_map(|state| state.rows).sum()),
        fetched_at: known.clone().filter_map(|state| state.fetched_at).min(),
        reason: worst.and_then(|worst| worst.reason.clone()),
        unreadable: known.clone().map(|state| state.unreadable).sum(),
        is_shrunk: known.clone().any(|state| state.is_shrunk),
        is_named: known.clone().any(|state| state.is_named),
        is_cut: known.clone().any(|state| state.is_cut),
        is_excerpt: known.clone().any(|state| state.is_excerpt),
        is_imported: !is_complete && states.clone().all(is_whole_or_imported),
    }
}

fn one_or_all<'a>(mut texts: impl Iterator<Item = &'a str>) -> String {
    let first = texts.next().unwrap_or(ALL_SCOPES);
    if texts.all(|text| text == first) { first.to_owned() } else { ALL_SCOPES.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_within_its_ancestors_and_not_within_its_namesakes() {
        assert!(is_within("acme/web", "acme") && is_within("acme/web/ui", "acme"));
        assert!(is_within("acme", INSTANCE_SCOPE) && !is_within(INSTANCE_SCOPE, INSTANCE_SCOPE));
        assert!(
            !is_within(INSTANCE_SCOPE, "acme")
                && !is_within("acme", "acme")
                && !is_within("acme-labs", "acme")
                && !is_within("acme", "acme/web")
        );
    }
}
