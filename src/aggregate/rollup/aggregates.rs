//! What GitLab counted itself: agent sessions, their durations, and code suggestions by editor.

use super::interner::{PersonId, Symbol};
use super::{Rollups, Target};
use crate::aggregate::rollup::Fetch;
use crate::base::calendar::Day;
use crate::events::agents::{self, SessionStatus};
use crate::model::number::Number;
use crate::model::record::{GroupTotal, SessionDuration, SessionTotal, SuggestionTotal};

/// The aggregates of one fetch.
#[derive(Debug, Default)]
pub struct Aggregates {
    /// Agent sessions of the day.
    pub sessions: Vec<SessionRow>,
    /// Agent sessions of the day, if GitLab only counts them.
    pub created: Option<CreatedSessions>,
    /// Durations of agent sessions, each of a week, month or the last 28 days.
    pub durations: Vec<DurationRow>,
    /// Code suggestions of the day by editor.
    pub suggestions: Vec<SuggestionRow>,
}

/// Agent sessions with the same user, flow, project and status.
///
/// There is one for each day, person, flow, project and status, so it is compact: ids are plain
/// numbers, and [`NONE`] is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionRow {
    person: u32,
    flow: u32,
    version: u32,
    project: u32,
    /// Number of sessions.
    pub sessions: u32,
    /// How they ended.
    pub status: SessionStatus,
    /// What the source reports about the end of sessions.
    pub ends: Ends,
}

/// What a source of sessions reports about their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ends {
    /// Nothing.
    Unknown,
    /// Which sessions finished.
    Finished,
    /// The status of each session.
    Status,
}

/// Agent sessions of a day without flow, user and project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreatedSessions {
    /// All sessions.
    pub sessions: u64,
    /// Finished sessions, at most all; `None` if GitLab does not return their number.
    pub finished: Option<u64>,
}

/// The duration of agent sessions of one flow, or of all flows, in a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DurationRow {
    /// The first day of the period.
    pub start: Day,
    /// The last day of the period, included.
    pub end: Day,
    /// The flow; `None` for all flows.
    pub flow: Option<Symbol>,
    /// All sessions.
    pub sessions: u64,
    /// Finished sessions, which alone have a duration; at most all.
    pub finished: u64,
    /// Distinct users, with bots; `None` if GitLab does not return it.
    pub users: Option<u64>,
    /// The median in seconds.
    pub p50: Option<f64>,
    /// The 95th percentile in seconds.
    pub p95: Option<f64>,
}

/// Code suggestions of one editor and language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuggestionRow {
    /// The editor; `None` if it is not known.
    pub ide: Option<Symbol>,
    /// The language; `None` if it is not known.
    pub language: Option<Symbol>,
    /// Suggestions shown.
    pub shown: u64,
    /// Suggestions accepted.
    pub accepted: u64,
    /// Suggestions rejected.
    pub rejected: u64,
    /// Distinct users, with bots; `None` if GitLab does not return it.
    pub users: Option<u64>,
}

/// The number of no id.
const NONE: u32 = u32::MAX;

/// The names of GitLab's counts of sessions, of `aiMetrics` and of `agentPlatformSessions`.
const CREATED: [&str; 2] = ["agent_platform.created_session_event_count", "agent_platform.total_count"];
const FINISHED: [&str; 2] = ["agent_platform.finished_session_event_count", "agent_platform.finished_count"];

impl SessionRow {
    /// The user, if reported.
    pub fn person(&self) -> Option<PersonId> {
        (self.person != NONE).then_some(PersonId(self.person))
    }

    /// The flow, if reported.
    pub fn flow(&self) -> Option<Symbol> {
        (self.flow != NONE).then_some(Symbol(self.flow))
    }

    /// The version of the flow, if its name contains one.
    pub fn version(&self) -> Option<Symbol> {
        (self.version != NONE).then_some(Symbol(self.version))
    }

    /// The project, if reported and if the sessions belong to one.
    pub fn project(&self) -> Option<Symbol> {
        (self.project != NONE).then_some(Symbol(self.project))
    }
}

impl Rollups {
    /// Adds agent sessions that GitLab aggregated.
    pub(super) fn add_session_total(
        &mut self,
        target: Target,
        total: &SessionTotal<'_>,
    ) -> Result<(), &'static str> {
        let sessions = u32::try_from(total.sessions).map_err(|_| "too many sessions in one row")?;
        let person = total.user.as_ref().map(|user| self.people.intern(target.instance, user));
        let person = person.filter(|person| !self.people.is_placeholder(*person));
        let named = total.flow.as_deref().map(agents::flow_and_version);
        let flow = named.map(|(flow, _)| self.symbols.intern(flow));
        let version = named.and_then(|(_, version)| version).map(|version| self.symbols.intern(version));
        let project = total.project.as_ref().or(total.project_id.as_ref());
        let project = project.map(|project| self.symbols.intern(project));
        let fetch = self.fetch(target, &total.origin);
        if let Some(person) = person.filter(|_| total.bot) {
            fetch.bots.insert(person);
        }
        // Sessions of several days cannot be assigned to one.
        if total.start != total.end {
            return Ok(());
        }
        let row = |(status, sessions), ends| SessionRow {
            person: person.map_or(NONE, |person| person.0),
            flow: flow.map_or(NONE, |flow| flow.0),
            version: version.map_or(NONE, |version| version.0),
            project: project.map_or(NONE, |project| project.0),
            sessions,
            status,
            ends,
        };
        let rows = &mut fetch.aggregates_mut().sessions;
        let finished = total.finished.map(|finished| u32::try_from(finished).unwrap_or(sessions));
        match (&total.status, finished) {
            (Some(status), _) => rows.push(row((status_of(status), sessions), Ends::Status)),
            (None, Some(finished)) => {
                let finished = finished.min(sessions);
                let parts =
                    [(SessionStatus::Finished, finished), (SessionStatus::Other, sessions - finished)];
                rows.extend(
                    parts.into_iter().filter(|(_, part)| *part > 0).map(|part| row(part, Ends::Finished)),
                );
            }
            (None, None) => rows.push(row((SessionStatus::Other, sessions), Ends::Unknown)),
        }
        Ok(())
    }

    /// Adds the number of agent sessions, if the totals contain it. Histories of earlier versions
    /// contain `agentPlatformSessions` in this form, by flow.
    pub(super) fn add_group_total(&mut self, target: Target, total: &GroupTotal<'_>) {
        let count = |names: [&str; 2]| {
            names.iter().find_map(|name| match total.values.get(*name) {
                Some(Number::Count(count)) => Some(*count),
                _ => None,
            })
        };
        let Some(sessions) = count(CREATED) else { return };
        if total.start != total.end {
            return;
        }
        let finished = count(FINISHED).map(|finished| finished.min(sessions));
        let collector = self.symbols.text(target.collector);
        match &total.flow {
            None if collector == "ai_metrics" => {
                let fetch = self.fetch(target, &total.origin);
                fetch.aggregates_mut().created = Some(CreatedSessions { sessions, finished });
            }
            Some(_) | None if collector == "agent_sessions" => {
                let total = SessionTotal {
                    origin: total.origin.clone(),
                    start: total.start,
                    end: total.end,
                    flow: total.flow.clone(),
                    status: None,
                    user: None,
                    username: None,
                    bot: false,
                    project: None,
                    project_id: None,
                    model: None,
                    sessions,
                    finished,
                };
                // A number of sessions that does not fit is no number of sessions of a day.
                let _ = self.add_session_total(target, &total);
            }
            _ => {}
        }
    }

    /// Adds durations of agent sessions.
    pub(super) fn add_session_duration(&mut self, target: Target, duration: &SessionDuration<'_>) {
        let flow = duration.flow.as_deref().map(|flow| self.symbols.intern(agents::flow_type(flow)));
        let row = DurationRow {
            start: duration.start,
            end: duration.end,
            flow,
            sessions: duration.sessions,
            finished: duration.finished.min(duration.sessions),
            users: duration.users,
            p50: duration.p50,
            p95: duration.p95,
        };
        self.fetch(target, &duration.origin).aggregates_mut().durations.push(row);
    }

    /// Adds code suggestions by editor.
    pub(super) fn add_suggestion_total(&mut self, target: Target, total: &SuggestionTotal<'_>) {
        let [ide, language] =
            [&total.ide, &total.language].map(|name| name.as_deref().map(|name| self.symbols.intern(name)));
        // Suggestions of several days cannot be assigned to one.
        if total.start != total.end {
            return;
        }
        let row = SuggestionRow {
            ide,
            language,
            shown: total.shown,
            accepted: total.accepted,
            rejected: total.rejected,
            users: total.users,
        };
        self.fetch(target, &total.origin).aggregates_mut().suggestions.push(row);
    }
}

impl Fetch {
    /// What GitLab aggregated, if it is in this fetch.
    pub fn aggregates(&self) -> Option<&Aggregates> {
        self.aggregates.as_deref()
    }

    fn aggregates_mut(&mut self) -> &mut Aggregates {
        self.aggregates.get_or_insert_default()
    }
}

/// The status for one of GitLab's statuses of a session, from `ee/app/models/ai/duo_workflows/workflow.rb`
/// of GitLab 18.9.
fn status_of(status: &str) -> SessionStatus {
    match status {
        "finished" => SessionStatus::Finished,
        "failed" => SessionStatus::Failed,
        "stopped" => SessionStatus::Stopped,
        "created"
        | "running"
        | "paused"
        | "input_required"
        | "plan_approval_required"
        | "tool_call_approval_required" => SessionStatus::Open,
        _ => SessionStatus::Other,
    }
}
