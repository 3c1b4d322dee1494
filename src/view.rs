//! What the rollups say about one scope: of each day, which fetch counts, and how complete it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::calendar::{Day, Period, Timestamp};
use crate::events::CODE_SUGGESTIONS;
use crate::record::{ALL_SCOPES, Coverage, Status};
use crate::rollup::{
    Fetch, MergeRequestState, Name, Names, People, PersonId, PipelineState, Pool, Rollups, State, StateKey,
    Target, Usage, UsageKey,
};

/// What a metric rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `usage_events`.
    Usage,
    /// `code_suggestion_events` where its day is complete, else `usage_events`.
    CodeSuggestions,
    /// `seats`.
    Seats,
    /// `merge_requests`.
    MergeRequests,
    /// `pipelines`.
    Pipelines,
}

/// What is known of a collector, scope and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayState {
    /// How complete it is.
    pub status: Status,
    /// Rows that count.
    pub rows: Option<u64>,
    /// When it was fetched.
    pub fetched_at: Option<Timestamp>,
    /// Why it is not complete, or not the newest.
    pub reason: Option<String>,
    /// True when rows are missing that the stream itself says there are, or when a newer fetch had fewer.
    pub is_cut: bool,
}

/// The seats of a day.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Who has a seat, bots left out.
    pub holders: BTreeSet<PersonId>,
    /// Purchases by instance and id.
    pub pools: BTreeMap<(Name, Name), Pool>,
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
    /// Usage by day.
    pub usage: BTreeMap<Day, Vec<(&'a UsageKey, &'a Usage)>>,
    /// Complete snapshots of seats by day.
    pub snapshots: BTreeMap<Day, Snapshot>,
    /// Merge requests by project.
    pub merge_requests: Vec<(Name, &'a MergeRequestState)>,
    /// Pipelines by project.
    pub pipelines: Vec<(Name, &'a PipelineState)>,
    /// What is known of each day, by collector.
    pub collectors: BTreeMap<&'a str, BTreeMap<Day, DayState>>,
    sources: HashMap<Source, BTreeMap<Day, DayState>>,
}

/// Days after the end of a period within which a snapshot still speaks of it: a run of today reports yesterday.
const SNAPSHOT_GRACE_DAYS: i64 = 2;

/// The last day that anything reported can rest on: a snapshot of the days of grace.
pub fn last_day_used(until: Day) -> Day {
    until.plus(SNAPSHOT_GRACE_DAYS)
}

impl DayState {
    /// Whether there is anything to count.
    pub fn is_known(&self) -> bool {
        matches!(self.status, Status::Complete | Status::Partial)
    }
}

impl View<'_> {
    /// What is known of each day; `None` when nobody collected the source.
    pub fn days_of(&self, source: Source) -> Option<&BTreeMap<Day, DayState>> {
        self.sources.get(&source)
    }

    /// The days of a period up to the last day reported of which something is known.
    pub fn known_days(&self, source: Source, period: Period) -> impl Iterator<Item = (Day, &DayState)> {
        let days = self.sources.get(&source).into_iter();
        days.flat_map(move |days| days.range(period.start..=period.end.min(self.until).max(period.start)))
            .filter(move |(day, state)| **day <= self.until && state.is_known())
            .map(|(day, state)| (*day, state))
    }

    /// The usage of a period, up to the last day reported.
    pub fn usage_in(&self, period: Period) -> impl Iterator<Item = (Day, &(&UsageKey, &Usage))> {
        self.usage
            .range(period.start..)
            .take_while(move |(day, _)| **day <= period.end && **day <= self.until)
            .flat_map(|(day, rows)| rows.iter().map(move |row| (*day, row)))
    }

    /// The seats that count for a period: the last snapshot taken within it or, failing that, up to two days after.
    pub fn snapshot_of(&self, period: Period) -> Option<&Snapshot> {
        let within = self.snapshots.range(period.start..=period.end).next_back();
        let soon_after =
            || self.snapshots.range(period.end.plus(1)..=period.end.plus(SNAPSHOT_GRACE_DAYS)).next();
        within.or_else(soon_after).map(|(_, snapshot)| snapshot)
    }
}

/// The coverage lines of everything that was collected, as it turned out: a day whose rows did not all arrive is
/// partial here, whatever `fetch` declared.
pub fn coverage(rollups: &Rollups) -> Vec<Coverage> {
    let names = &rollups.names;
    let mut lines: Vec<Coverage> = targets(rollups)
        .into_iter()
        .map(|target| {
            let (state, _) = resolve(rollups, target);
            Coverage {
                collector: names.text(target.collector).to_owned(),
                instance: names.text(target.instance).to_owned(),
                scope: names.text(target.scope).to_owned(),
                day: target.day,
                status: state.status,
                rows: state.rows,
                fetched_at: state.fetched_at,
                reason: state.reason,
            }
        })
        .collect();
    lines.sort();
    lines
}

/// How many collector-days were cut or shrunk on their way here.
pub fn cut_days(rollups: &Rollups) -> Vec<Coverage> {
    let cut: BTreeSet<Target> =
        targets(rollups).into_iter().filter(|target| resolve(rollups, *target).0.is_cut).collect();
    let names = &rollups.names;
    coverage(rollups)
        .into_iter()
        .filter(|line| {
            let find = |text: &str| names.find(text);
            match (find(&line.instance), find(&line.collector), find(&line.scope)) {
                (Some(instance), Some(collector), Some(scope)) => {
                    cut.contains(&Target { instance, collector, scope, day: line.day })
                }
                _ => false,
            }
        })
        .collect()
}

/// One view a scope, and one of the union where there are several.
pub fn views(rollups: &Rollups, until: Day) -> Vec<View<'_>> {
    let targets = targets(rollups);
    let mut scopes: Vec<(Name, Name)> =
        targets.iter().map(|target| (target.instance, target.scope)).collect();
    scopes.sort_by_key(|(instance, scope)| (rollups.names.text(*instance), rollups.names.text(*scope)));
    scopes.dedup();
    let mut views: Vec<View<'_>> =
        scopes.iter().map(|scope| build(rollups, &targets, &[*scope], until)).collect();
    if scopes.len() > 1 {
        views.push(build(rollups, &targets, &scopes, until));
    }
    views
}

fn targets(rollups: &Rollups) -> BTreeSet<Target> {
    rollups.fetches.keys().chain(rollups.unanswered.keys()).copied().collect()
}

/// Which fetch of a target counts. The newest complete one does, unless an older complete one has more rows;
/// without a complete one, the fullest does, and the day is partial.
fn resolve(rollups: &Rollups, target: Target) -> (DayState, Option<&Fetch>) {
    let fetches = rollups.fetches.get(&target).into_iter().flatten();
    let is_complete = |fetch: &Fetch| {
        fetch.declared.as_ref().is_some_and(|declared| {
            declared.status == Status::Complete && declared.rows == Some(fetch.rows.len())
        })
    };
    let complete = fetches.clone().filter(|(_, fetch)| is_complete(fetch));
    if let Some((at, fetch)) = complete.clone().max_by_key(|(at, fetch)| (fetch.rows.len(), **at)) {
        let shrunk = complete.filter(|(newer, _)| *newer > at).map(|(_, newer)| newer.rows.len()).max();
        let reason = shrunk.map(|fewer| {
            format!("shrunk: a newer fetch has {fewer} of {} rows; the fuller one counts", fetch.rows.len())
        });
        let is_cut = shrunk.is_some();
        let state = DayState {
            status: Status::Complete,
            rows: Some(fetch.rows.len()),
            fetched_at: Some(*at),
            reason,
            is_cut,
        };
        return (state, Some(fetch));
    }
    let fullest = fetches
        .clone()
        .filter(|(_, fetch)| !fetch.rows.is_empty())
        .max_by_key(|(at, fetch)| (fetch.rows.len(), **at));
    if let Some((at, fetch)) = fullest {
        let (reason, is_cut) = match &fetch.declared {
            None => (Some("the stream is cut: rows came without their coverage line".to_owned()), true),
            Some(declared) if declared.rows == Some(fetch.rows.len()) => (declared.reason.clone(), false),
            Some(declared) => {
                let of = declared.rows.map_or("an unknown number of".to_owned(), |rows| rows.to_string());
                let cut = format!("{} of {of} rows arrived here", fetch.rows.len());
                (Some(declared.reason.iter().chain([&cut]).cloned().collect::<Vec<_>>().join("; ")), true)
            }
        };
        let state = DayState {
            status: Status::Partial,
            rows: Some(fetch.rows.len()),
            fetched_at: Some(*at),
            reason,
            is_cut,
        };
        return (state, Some(fetch));
    }
    // Nothing to count: what the newest line says, one that the server answered first.
    if let Some(declared) = fetches.filter_map(|(_, fetch)| fetch.declared.as_ref()).next_back() {
        let lost = declared.rows.is_some_and(|rows| rows > 0);
        let (status, reason) = match declared.status {
            Status::Complete => (
                Status::Failed,
                Some(format!(
                    "the stream is cut: none of {} rows arrived",
                    declared.rows.unwrap_or_default()
                )),
            ),
            status => (status, declared.reason.clone()),
        };
        return (
            DayState { status, rows: None, fetched_at: declared.fetched_at, reason, is_cut: lost },
            None,
        );
    }
    let said = rollups.unanswered.get(&target).and_then(BTreeSet::first);
    let (status, reason) = said.cloned().unwrap_or((Status::Failed, None));
    (DayState { status, rows: None, fetched_at: None, reason, is_cut: false }, None)
}

/// The view of these scopes. An ancestor contains its descendants, so in a union only the outermost scopes count.
fn build<'a>(
    rollups: &'a Rollups,
    targets: &BTreeSet<Target>,
    scopes: &[(Name, Name)],
    until: Day,
) -> View<'a> {
    let names = &rollups.names;
    let mut view = View {
        instance: one_or_all(scopes.iter().map(|(instance, _)| names.text(*instance))),
        scope: one_or_all(scopes.iter().map(|(_, scope)| names.text(*scope))),
        until,
        names,
        people: &rollups.people,
        usage: BTreeMap::new(),
        snapshots: BTreeMap::new(),
        merge_requests: states(&rollups.merge_requests, scopes),
        pipelines: states(&rollups.pipelines, scopes),
        collectors: BTreeMap::new(),
        sources: HashMap::new(),
    };
    if scopes.len() > 1 {
        view.scope = ALL_SCOPES.to_owned();
    }
    let outermost = |target: &Target| {
        !targets.iter().any(|other| {
            (other.instance, other.collector) == (target.instance, target.collector)
                && is_within(names.text(target.scope), names.text(other.scope))
        })
    };
    let mut roots: Roots<'_> = BTreeMap::new();
    let mut is_outermost: HashMap<(Name, Name, Name), bool> = HashMap::new();
    for target in targets {
        let root = (target.collector, target.instance, target.scope);
        let counts = scopes.contains(&(target.instance, target.scope))
            && (scopes.len() == 1 || *is_outermost.entry(root).or_insert_with(|| outermost(target)));
        if counts {
            roots.entry(root).or_default().insert(target.day, resolve(rollups, *target));
        }
    }
    view.collect_states(&roots);
    view.collect_usage(&roots);
    view.collect_snapshots(&roots);
    view
}

/// What counts of a collector and scope, by day.
type CountedDays<'a> = BTreeMap<Day, (DayState, Option<&'a Fetch>)>;

/// What counts, by collector, instance and scope.
type Roots<'a> = BTreeMap<(Name, Name, Name), CountedDays<'a>>;

impl<'a> View<'a> {
    fn collect_states(&mut self, roots: &Roots<'a>) {
        let mut by_collector: BTreeMap<&'a str, Vec<&CountedDays<'a>>> = BTreeMap::new();
        for ((collector, ..), days) in roots {
            by_collector.entry(self.names.text(*collector)).or_default().push(days);
        }
        for (collector, scopes) in by_collector {
            let all_days: BTreeSet<Day> = scopes.iter().flat_map(|days| days.keys().copied()).collect();
            let states = all_days
                .into_iter()
                .map(|day| (day, unite(scopes.iter().map(|days| days.get(&day).map(|(state, _)| state)))));
            self.collectors.insert(collector, states.collect());
        }
        let of = |collector: &str| self.collectors.get(collector).cloned();
        let sources = [
            (Source::Usage, of("usage_events")),
            (Source::CodeSuggestions, either(of("code_suggestion_events"), of("usage_events"))),
            (Source::Seats, of("seats")),
            (Source::MergeRequests, of("merge_requests")),
            (Source::Pipelines, of("pipelines")),
        ];
        self.sources = sources.into_iter().filter_map(|(source, days)| Some((source, days?))).collect();
    }

    /// Code suggestions come twice, with and without their language: of each scope and day one source counts.
    fn collect_usage(&mut self, roots: &Roots<'a>) {
        let feature = self.names.find(CODE_SUGGESTIONS);
        let scopes: BTreeSet<(Name, Name)> =
            roots.keys().map(|(_, instance, scope)| (*instance, *scope)).collect();
        let days_of = |collector: &str, (instance, scope): (Name, Name)| {
            self.names.find(collector).and_then(|collector| roots.get(&(collector, instance, scope)))
        };
        for scope in scopes {
            let (all, suggestions) =
                (days_of("usage_events", scope), days_of("code_suggestion_events", scope));
            let days: BTreeSet<Day> =
                all.into_iter().chain(suggestions).flat_map(|days| days.keys().copied()).collect();
            for day in days {
                let get = |days: Option<&CountedDays<'a>>| days.and_then(|days| days.get(&day)).cloned();
                let (all, suggestions) = (get(all), get(suggestions));
                let suggestions_count = match (&suggestions, &all) {
                    (Some((state, _)), _) if state.status == Status::Complete => true,
                    (Some(_), Some((_, fetch))) => fetch.is_none(),
                    (Some(_), None) => true,
                    (None, _) => false,
                };
                let rows = self.usage.entry(day).or_default();
                if let Some((_, Some(fetch))) = all {
                    rows.extend(
                        fetch
                            .usage
                            .iter()
                            .filter(|(key, _)| !(suggestions_count && Some(key.feature) == feature)),
                    );
                }
                if let (true, Some((_, Some(fetch)))) = (suggestions_count, suggestions) {
                    rows.extend(fetch.usage.iter());
                }
            }
        }
    }

    /// A day has a snapshot when every scope has a complete one of it: part of the seats would make a rate wrong.
    fn collect_snapshots(&mut self, roots: &Roots<'a>) {
        let Some(states) = self.sources.get(&Source::Seats) else { return };
        let Some(collector) = self.names.find("seats") else { return };
        for day in states.iter().filter(|(_, state)| state.status == Status::Complete).map(|(day, _)| *day) {
            let mut snapshot = Snapshot::default();
            for ((_, instance, _), days) in roots.iter().filter(|((of, ..), _)| *of == collector) {
                if let Some((_, Some(fetch))) = days.get(&day) {
                    snapshot
                        .holders
                        .extend(fetch.seats.iter().filter(|person| !self.people.is_bot(**person)));
                    for (purchase, pool) in &fetch.pools {
                        // Seen through two groups at two moments of a day, one of two sizes has to be taken.
                        let known = snapshot.pools.entry((*instance, *purchase)).or_insert(*pool);
                        *known = (*known).max(*pool);
                    }
                }
            }
            self.snapshots.insert(day, snapshot);
        }
    }
}

fn states<'a, T>(states: &'a HashMap<StateKey, State<T>>, scopes: &[(Name, Name)]) -> Vec<(Name, &'a T)> {
    let is_in = |key: &StateKey, state: &State<T>| {
        scopes.iter().any(|(instance, scope)| *instance == key.instance && state.scopes.contains(scope))
    };
    let mut found: Vec<(&StateKey, &T)> = states
        .iter()
        .filter(|(key, state)| is_in(key, state))
        .map(|(key, state)| (key, &state.newest))
        .collect();
    found.sort_by_key(|(key, _)| **key);
    found.into_iter().map(|(key, state)| (key.project, state)).collect()
}

/// The state of a day for several scopes together; `None` is a scope that has no line of that day.
fn unite<'a>(states: impl Iterator<Item = Option<&'a DayState>> + Clone) -> DayState {
    let known = states.clone().flatten();
    let is_complete = states.clone().all(|state| state.is_some_and(|state| state.status == Status::Complete));
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
        is_cut: known.clone().any(|state| state.is_cut),
    }
}

/// Day by day the first of two where it is complete, else the second.
fn either(
    first: Option<BTreeMap<Day, DayState>>,
    second: Option<BTreeMap<Day, DayState>>,
) -> Option<BTreeMap<Day, DayState>> {
    let (Some(first), Some(second)) = (&first, &second) else { return first.or(second) };
    let mut days = second.clone();
    for (day, state) in first {
        let other_counts = days.get(day).is_some_and(DayState::is_known);
        if state.status == Status::Complete || !other_counts {
            days.insert(*day, state.clone());
        }
    }
    Some(days)
}

fn is_within(scope: &str, ancestor: &str) -> bool {
    scope.strip_prefix(ancestor).is_some_and(|rest| rest.starts_with('/'))
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
        assert!(
            !is_within("acme", "acme") && !is_within("acme-labs", "acme") && !is_within("acme", "acme/web")
        );
    }
}
