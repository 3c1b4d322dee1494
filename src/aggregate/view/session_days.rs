//! Which source of agent sessions counts on each day.

use std::collections::BTreeMap;

use super::View;
use super::agents::{Agents, IndividualSession, IndividualSessions, Session, SessionLabels};
use super::resolve::{Resolved, ScopeKey};
use super::source::{SESSION_AGGREGATES, SESSION_DURATIONS, Source};
use super::state::{CountedDays, DayState, MergedDays, SourceStates};
use crate::aggregate::rollup::{Aggregates, CreatedSessions, DurationRow, Ends, Fetch, SessionRow, Symbol};
use crate::base::calendar::{Day, Grain, Period, Timestamp};
use crate::events::agents::SessionStatus;
use crate::model::coverage::Status;
use crate::model::metric::MetricSource;

/// The agent sessions of a day, from the source that counts.
pub(super) enum DaySessions<'a> {
    /// Individual sessions.
    Individual(Vec<IndividualSession>),
    /// Sessions that GitLab aggregated, by fetch.
    Rows(Vec<&'a [SessionRow]>),
    /// Sessions that GitLab only counted.
    Counted(CreatedSessions),
    /// Events that report the creation of a session, in the usage of the day.
    Events,
}

/// The event of a new session.
const CREATED: &str = "agent_platform_session_created";

/// The flow of the durations of sessions without a flow.
const NO_FLOW: &str = "(none)";

/// A source of sessions in a view.
struct Candidate {
    kind: Kind,
    /// The state of each day, and the scopes that count; none for events.
    days: MergedDays,
}

/// The source of a candidate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Individual,
    /// This collector.
    Aggregate(&'static str),
    Events,
}

/// The durations of sessions by first and last day and flow, with the time of their fetch. `None`
/// if a fetch has several of the same flow, which happens if two versions of a flow were used:
/// quantiles cannot be merged.
pub(super) type Durations<'a> = BTreeMap<(Day, Day, Option<Symbol>), (Timestamp, Option<&'a DurationRow>)>;

impl<'a> View<'a> {
    /// Selects the source of sessions of each day: the first one in the order of [`SESSION_AGGREGATES`],
    /// after individual sessions and before events, that has the day. A complete day of a later
    /// source is better than an incomplete one of an earlier source.
    ///
    /// Events do not replace imported sessions: they report neither flow nor status.
    pub(super) fn select_sessions(&self, agents: &mut Agents<'a>, individual: IndividualSessions) {
        let IndividualSessions { days, mut by_day } = individual;
        let candidates = self.session_candidates(days);
        let mut chosen = MergedDays::new();
        let mut days: Vec<Day> =
            candidates.iter().flat_map(|candidate| candidate.days.keys().copied()).collect();
        days.sort_unstable();
        days.dedup();
        for day in days {
            let Some(candidate) = self.best_candidate(&candidates, day) else { continue };
            let (state, scopes) = &candidate.days[&day];
            let sessions = match candidate.kind {
                Kind::Individual => DaySessions::Individual(by_day.remove(&day).unwrap_or_default()),
                Kind::Aggregate(collector) => self.resolved.aggregated_sessions(collector, scopes, day),
                Kind::Events => DaySessions::Events,
            };
            if state.is_known() && day <= self.until {
                agents.sessions.insert(day, sessions);
            }
            chosen.insert(day, (state.clone(), scopes.clone()));
        }
        if !candidates.is_empty() {
            agents.sources.insert(Source::Sessions, SourceStates::of(chosen));
        }
    }

    /// The sources with a known day, in order of preference.
    fn session_candidates(&self, individual_days: Option<MergedDays>) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        candidates.extend(individual_days.map(|days| Candidate { kind: Kind::Individual, days }));
        for collector in SESSION_AGGREGATES {
            let days_of: BTreeMap<ScopeKey, CountedDays<'a>> = self
                .scopes
                .iter()
                .filter_map(|scope| Some((*scope, self.resolved.days_with_sessions(collector, *scope)?)))
                .collect();
            let days = self.resolved.merged_days(&self.scopes, |scope| days_of.get(&scope));
            candidates.extend(days.map(|days| Candidate { kind: Kind::Aggregate(collector), days }));
        }
        if let Some(states) = self.sources.get(&Source::Usage).filter(|_| self.has_created_events()) {
            let days = states.days.iter().map(|(day, state)| (*day, (state.clone(), Vec::new()))).collect();
            candidates.push(Candidate { kind: Kind::Events, days });
        }
        candidates.retain(|candidate| candidate.days.values().any(|(state, _)| state.is_known()));
        candidates
    }

    fn best_candidate<'c>(&self, candidates: &'c [Candidate], day: Day) -> Option<&'c Candidate> {
        let mut known = candidates.iter().filter(|candidate| candidate.knows(day));
        let Some(first) = known.next() else {
            return candidates.iter().find(|candidate| candidate.days.contains_key(&day));
        };
        if first.is_complete(day) {
            return Some(first);
        }
        let better = known.find(|other| other.is_complete(day) && self.can_replace(first, other, day));
        Some(better.unwrap_or(first))
    }

    /// Whether a complete day of a later source has all the sessions of the day that an earlier
    /// source should have: those of all its scopes.
    fn can_replace(&self, first: &Candidate, other: &Candidate, day: Day) -> bool {
        let ((state, scopes), (_, others)) = (&first.days[&day], &other.days[&day]);
        match other.kind {
            Kind::Events => !state.is_excerpt,
            _ => scopes.iter().all(|scope| {
                others.iter().any(|other| scope == other || self.resolved.is_within(*scope, *other))
            }),
        }
    }

    /// Whether the usage contains events of the creation of sessions. Releases without this event
    /// report other steps.
    fn has_created_events(&self) -> bool {
        let Some(created) = self.symbols.find(CREATED) else { return false };
        let mut usage = self.usage.range(..=self.until).flat_map(|(_, counted)| counted);
        usage.any(|counted| {
            let mut cells = counted.fetch.usage().filter(|(cell, _)| counted.counts[cell.index()]);
            cells.any(|(cell, _)| self.cells.cell(cell).event == created)
        })
    }

    /// The agent sessions of a period up to the last day reported; each belongs to the day of its
    /// first step. A view of some people has only sessions whose user is one of them.
    pub fn sessions_in(&self, period: Period) -> impl Iterator<Item = Session> {
        self.sessions_of_scope(period).filter(|session| match &self.only {
            None => true,
            Some(only) => self.person_of(session).is_some_and(|person| only.contains(person)),
        })
    }

    /// Of the sessions of a period in the whole scope, how many have a known user, and how many there
    /// are: it is not known which of the others belong to the people of a view.
    pub fn sessions_with_user(&self, period: Period) -> (u64, u64) {
        self.sessions_of_scope(period).fold((0_u64, 0_u64), |(with_user, all), session| {
            let known = if session.person.is_some() { session.count } else { 0 };
            (with_user.saturating_add(known), all.saturating_add(session.count))
        })
    }

    fn sessions_of_scope(&self, period: Period) -> impl Iterator<Item = Session> {
        let days = self.agents().sessions.range(period.start..=period.end);
        days.flat_map(|(day, sessions)| self.sessions_of(*day, sessions))
    }

    fn sessions_of<'s>(
        &'s self,
        day: Day,
        sessions: &'s DaySessions<'a>,
    ) -> Box<dyn Iterator<Item = Session> + 's> {
        match sessions {
            DaySessions::Individual(sessions) => {
                let labels = &self.agents().labels;
                Box::new(sessions.iter().map(move |session| session.on(day, labels)))
            }
            DaySessions::Rows(rows) => {
                let rows = rows.iter().copied().flatten();
                Box::new(rows.map(move |row| Session::of_row(day, row)))
            }
            DaySessions::Counted(counted) => Box::new(Session::of_count(day, *counted)),
            DaySessions::Events => Box::new(self.created_in(day)),
        }
    }

    /// The sessions by the events of their creation, one entry for each person.
    fn created_in(&self, day: Day) -> impl Iterator<Item = Session> {
        let created = self.symbols.find(CREATED);
        let period = Period { grain: Grain::Day, start: day, end: day };
        let cells = self.cells_in(&self.usage, period, None);
        let cells = cells.filter(move |(_, cell, _)| Some(cell.event) == created);
        cells.flat_map(|(_, _, people)| people).map(move |(person, usage)| Session {
            person: Some(person).filter(|person| !self.people.is_placeholder(*person)),
            count: usage.events,
            ..Session::unknown(day)
        })
    }

    /// The source of the sessions of a period; `None` if no day is known.
    pub fn session_source(&self, period: Period) -> Option<MetricSource> {
        let days = self.agents().sessions.range(period.start..=period.end);
        let sources = days.map(|(_, sessions)| match sessions {
            DaySessions::Individual(_) => MetricSource::Sessions,
            DaySessions::Rows(_) | DaySessions::Counted(_) => MetricSource::GitlabAggregate,
            DaySessions::Events => MetricSource::Events,
        });
        sources.reduce(|one, other| if one == other { one } else { MetricSource::Mixed })
    }

    /// Whether GitLab aggregated sessions of the period.
    pub fn has_aggregated_sessions(&self, period: Period) -> bool {
        let mut days = self.agents().sessions.range(period.start..=period.end);
        days.any(|(_, sessions)| matches!(sessions, DaySessions::Rows(_) | DaySessions::Counted(_)))
    }

    /// The duration that GitLab computed for the sessions of exactly this period up to the last day
    /// reported, of all flows.
    pub fn session_duration(&self, period: Period) -> Option<&'a DurationRow> {
        self.duration_row(period, None)
    }

    /// The same for a flow; `None` is sessions without one.
    pub fn session_duration_of(&self, period: Period, flow: Option<Symbol>) -> Option<&'a DurationRow> {
        // A row without a flow is of all flows.
        let flow = flow.or_else(|| self.symbols.find(NO_FLOW))?;
        self.duration_row(period, Some(flow))
    }

    fn duration_row(&self, period: Period, flow: Option<Symbol>) -> Option<&'a DurationRow> {
        // GitLab's quantiles are those of the whole scope.
        if self.only.is_some() {
            return None;
        }
        self.agents().durations.get(&(period.start, period.end.min(self.until), flow))?.1
    }
}

impl<'a> Resolved<'a> {
    /// The days of a collector, without days with rows of which none reports sessions: of those,
    /// nothing is known.
    fn days_with_sessions(&self, collector: &str, scope: ScopeKey) -> Option<CountedDays<'a>> {
        let days = self.days_of(collector, scope)?.iter();
        let is_usable = |(_, (_, fetch)): &(&Day, &(DayState, Option<&Fetch>))| {
            let Some(fetch) = fetch else { return true };
            let has_sessions = |of: &Aggregates| of.created.is_some() || !of.sessions.is_empty();
            fetch.aggregates().is_some_and(has_sessions)
                || (fetch.arrived() == 0 && collector != "ai_metrics")
        };
        Some(days.filter(is_usable).map(|(day, counted)| (*day, counted.clone())).collect())
    }

    /// The sessions of a day that GitLab aggregated in these scopes.
    fn aggregated_sessions(&self, collector: &str, scopes: &[ScopeKey], day: Day) -> DaySessions<'a> {
        let aggregates = scopes.iter().filter_map(|scope| {
            let (_, fetch) = self.days_of(collector, *scope)?.get(&day)?;
            (*fetch)?.aggregates()
        });
        let (mut rows, mut counted) = (Vec::new(), None);
        for of_scope in aggregates {
            rows.push(&*of_scope.sessions);
            counted = of_scope.created.map(|created| created.plus(counted)).or(counted);
        }
        match counted {
            Some(counted) => DaySessions::Counted(counted),
            None => DaySessions::Rows(rows),
        }
    }

    /// The durations of sessions, if they are those of one group: quantiles of several groups
    /// cannot be merged.
    pub(super) fn durations(&self, scopes: &[ScopeKey]) -> Durations<'a> {
        let mut durations = Durations::new();
        let expected = self.expected(scopes, |scope| self.days_of(SESSION_DURATIONS, scope).is_some());
        let [scope] = expected[..] else { return durations };
        for (state, fetch) in self.days_of(SESSION_DURATIONS, scope).into_iter().flat_map(BTreeMap::values) {
            let Some((fetched_at, aggregates)) = state.fetched_at.zip(fetch.and_then(Fetch::aggregates))
            else {
                continue;
            };
            for row in &aggregates.durations {
                let known =
                    durations.entry((row.start, row.end, row.flow)).or_insert((fetched_at, Some(row)));
                if known.0 < fetched_at {
                    *known = (fetched_at, Some(row));
                } else if known.0 == fetched_at && known.1.is_some_and(|known| known != row) {
                    known.1 = None;
                }
            }
        }
        durations
    }
}

impl Candidate {
    fn knows(&self, day: Day) -> bool {
        self.days.get(&day).is_some_and(|(state, _)| state.is_known())
    }

    fn is_complete(&self, day: Day) -> bool {
        self.days.get(&day).is_some_and(|(state, _)| state.status == Status::Complete)
    }
}

impl Session {
    /// A session of which only the day is known.
    fn unknown(day: Day) -> Session {
        Session {
            day,
            person: None,
            flow: None,
            project: None,
            status: SessionStatus::Other,
            ends: Ends::Unknown,
            count: 1,
            wall: None,
            active: None,
            labels: SessionLabels::default(),
        }
    }

    fn of_row(day: Day, row: &SessionRow) -> Session {
        Session {
            person: row.person(),
            flow: row.flow(),
            project: row.project(),
            status: row.status,
            ends: row.ends,
            count: row.sessions.into(),
            labels: SessionLabels { version: row.version(), ..SessionLabels::default() },
            ..Session::unknown(day)
        }
    }

    /// The finished sessions, and all others.
    fn of_count(
        day: Day,
        CreatedSessions { sessions, finished }: CreatedSessions,
    ) -> impl Iterator<Item = Session> {
        let ends = if finished.is_some() { Ends::Finished } else { Ends::Unknown };
        let finished = finished.unwrap_or(0);
        let parts = [(SessionStatus::Finished, finished), (SessionStatus::Other, sessions - finished)];
        let parts = parts.into_iter().filter(|(_, count)| *count > 0);
        parts.map(move |(status, count)| Session { status, ends, count, ..Session::unknown(day) })
    }
}

impl CreatedSessions {
    /// The sum with the sessions of another scope, saturating.
    fn plus(self, other: Option<CreatedSessions>) -> CreatedSessions {
        let Some(other) = other else { return self };
        CreatedSessions {
            sessions: self.sessions.saturating_add(other.sessions),
            finished: self.finished.zip(other.finished).map(|(one, other)| one.saturating_add(other)),
        }
    }
}
