//! Agent sessions: how many, how they end, and whose they are.

use std::collections::BTreeMap;

use super::agents::label;
use super::agents_labels::for_each_label;
use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::{By, MetricSink};
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::{Ends, PersonId, Symbol};
use crate::aggregate::view::{Session, Source, View};
use crate::base::calendar::Grain;
use crate::events::agents::{CHAT, SessionStatus};
use crate::model::metric::{MetricSource, Reason};
use crate::model::number::Number;

pub(super) const FAMILY: Family =
    Family { definitions: &[&SESSIONS, &SUCCESS_RATE, &COMPLETION_RATE, &USERS], compute };

const SESSIONS: Definition = Definition {
    metric: "agents.sessions",
    title: "Agent sessions",
    unit: Unit::Sessions,
    grains: ALL_GRAINS,
    by: &[
        TOTAL,
        "flow",
        "status",
        "flow×status",
        "project",
        "agent",
        "item_type",
        "flow×flow_version",
        "team",
        "cost_center",
    ],
    relations: &[
        Relation::Sums,
        Relation::same_as_event(&[], &[("event", "agent_platform_session_created")]),
        Relation::same_as_event(&[("status", "failed")], &[("event", "agent_platform_session_dropped")]),
        Relation::same_as_event(&[("status", "finished")], &[("event", "agent_platform_session_finished")]),
        Relation::same_as_event(&[("status", "stopped")], &[("event", "agent_platform_session_stopped")]),
    ],
    text: "Agent sessions by the UTC day of their creation (of their first step, if sessions are \
           reported individually); a session counts once, even if several sources report it. Each \
           day comes from one source, the field source: individual sessions (sessions); else what \
           GitLab aggregated (gitlab_aggregate), of duoWorkflows, agentPlatformSessions and aiMetrics \
           the first one that has the day; else events of their creation (events); mixed if the days \
           of the period differ. A complete day of a later source counts instead of an incomplete one \
           of an earlier source. The status is that of the last step that ended the session: finished, \
           failed, stopped, cancelled, stuck (cleaned up by GitLab; only event streams report it, \
           GraphQL returns such a session as failed), open without a known end, or other: not known \
           or not reported. agentPlatformSessions and aiMetrics report only which sessions finished, \
           events of creation no status. Agentic Chat is the flow chat. An unknown flow is (none); so \
           is the project of a session that belongs to none, and of sessions whose source does not \
           report it. The agent (its name, else the id of the custom item), the item type \
           (foundational or custom agent, flow or external agent) and the version of a flow come from \
           the AI Context, the version also from the name of the flow (fix_pipeline/v1). A session \
           with several counts under the one that appeared last. A split exists if some session of \
           the period has the value; the others are (none). By team, only its people count, so that \
           sessions without a known user are left out: basis is the share of all sessions with one. \
           Teams overlap, so they do not add up.",
};

const FINISHED: CountRef = CountRef::of("agents.sessions").by(&[("status", "finished")]);
const FAILED: CountRef = CountRef::of("agents.sessions").by(&[("status", "failed")]);
const STOPPED: CountRef = CountRef::of("agents.sessions").by(&[("status", "stopped")]);
const STUCK: CountRef = CountRef::of("agents.sessions").by(&[("status", "stuck")]);
const CANCELLED: CountRef = CountRef::of("agents.sessions").by(&[("status", "cancelled")]);
const OPEN: CountRef = CountRef::of("agents.sessions").by(&[("status", "open")]);
const OTHER: CountRef = CountRef::of("agents.sessions").by(&[("status", "other")]);

const SUCCESS_RATE: Definition = Definition {
    metric: "agents.success_rate",
    title: "Agent success rate",
    unit: Unit::Share(&[
        &[FINISHED],
        &[FINISHED, FAILED, STOPPED, STUCK],
        &[FAILED, STOPPED, STUCK],
        &[CANCELLED, OPEN, OTHER],
    ]),
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL, "flow", "agent", "item_type", "flow×flow_version"],
    relations: &[Relation::Statistics],
    text: "Finished sessions divided by the sessions that finished, failed, were stopped or got \
           stuck. Cancelled, open and other sessions are left out, and so is chat, which hands the \
           turn back instead of ending. If the source does not report which sessions failed, there is \
           no value.",
};

const COMPLETION_RATE: Definition = Definition {
    metric: "agents.completion_rate",
    title: "Agent completion rate",
    unit: Unit::Share(&[
        &[FINISHED],
        &[CountRef::of("agents.sessions")],
        &[FAILED, STOPPED, STUCK, CANCELLED, OPEN, OTHER],
    ]),
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL, "flow"],
    relations: &[Relation::Statistics],
    text: "Finished sessions divided by all sessions, including chat and open sessions: the \
           definition that GitLab uses, for comparison. If the source does not report which sessions \
           finished, there is no value.",
};

const USERS: Definition = Definition {
    metric: "agents.users",
    title: "People with agent sessions",
    unit: Unit::People,
    grains: ALL_GRAINS,
    by: &[TOTAL, "flow", "agent", "item_type", "flow×flow_version", "team", "cost_center"],
    relations: &[Relation::AtMost(CountRef::of("agents.sessions")), Relation::ActivePeople],
    text: "Distinct people with a session in the period. If several sources report the user of a \
           session, GitLab's own value counts. The field basis is the share of sessions with a \
           known user. Bots and service accounts are not counted. By team, only its people count; \
           teams overlap, so they do not add up.",
};

/// Sessions and the people behind them.
#[derive(Default)]
struct Sum {
    sessions: u64,
    with_user: u64,
    people: PeopleSet,
}

/// The sessions of a flow, or of all flows.
#[derive(Default)]
struct SessionCounts {
    all: Sum,
    by_status: BTreeMap<SessionStatus, Sum>,
    /// Finished sessions, without chat.
    finished: u64,
    /// Sessions with a known result, without chat.
    ended: Sum,
    /// Sessions without chat of which the source does not report how they ended.
    without_status: u64,
    /// Sessions of which the source does not report whether they finished.
    without_end: u64,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    sink.source = view.session_source(sink.period);
    if !sink.require(Source::Sessions, FAMILY.definitions) {
        // Events of sessions without ids show that there are sessions, but not how many.
        if sink.require_agent_activity() {
            for definition in FAMILY.definitions {
                sink.emit(definition, &[], MetricValue::unknown(Reason::NotInSource));
            }
        }
        return;
    }
    let mut all = SessionCounts::default();
    let mut by_flow: BTreeMap<&str, SessionCounts> = BTreeMap::new();
    let mut by_project: BTreeMap<Option<Symbol>, Sum> = BTreeMap::new();
    // A source that never reports the project has no rows by project, rather than one without.
    let has_projects = view.sessions_in(sink.period).any(|session| session.project.is_some());
    for session in view.sessions_in(sink.period) {
        let person = view.person_of(&session);
        for counts in [&mut all, by_flow.entry(label(view, session.flow)).or_default()] {
            counts.add(&session, person, view);
        }
        if has_projects {
            by_project.entry(session.project).or_default().add(&session, person);
        }
    }
    if sink.team.is_some() {
        let (with_user, sessions) = view.sessions_with_user(sink.period);
        all.emit_of_team(sink, with_user, sessions);
        return;
    }
    all.emit(sink, &[]);
    for (flow, counts) in &by_flow {
        counts.emit(sink, &[("flow", flow)]);
    }
    for (project, sum) in &by_project {
        sum.emit(sink, &[("project", label(view, *project))]);
    }
    let add =
        |counts: &mut SessionCounts, session: &Session| counts.add(session, view.person_of(session), view);
    let period = sink.period;
    for_each_label(view, || view.sessions_in(period), add, |counts, by| counts.emit_labeled(sink, by));
}

impl Sum {
    fn add(&mut self, session: &Session, person: Option<PersonId>) {
        self.sessions = self.sessions.saturating_add(session.count);
        if session.person.is_some() {
            self.with_user = self.with_user.saturating_add(session.count);
        }
        self.people.extend(person);
    }

    /// The number of people; `None` if GitLab aggregated sessions without their users.
    fn people(&self, sink: &MetricSink<'_, '_>) -> Option<u64> {
        let is_known =
            self.with_user > 0 || self.sessions == 0 || sink.source == Some(MetricSource::Sessions);
        is_known.then(|| self.people.len())
    }

    fn emit(&self, sink: &mut MetricSink<'_, '_>, by: By<'_>) {
        let people = self.people(sink);
        sink.emit(&SESSIONS, by, MetricValue::count(self.sessions, people));
    }
}

impl SessionCounts {
    fn add(&mut self, session: &Session, person: Option<PersonId>, view: &View<'_>) {
        self.all.add(session, person);
        self.by_status.entry(session.status).or_default().add(session, person);
        let is_chat = view.is_chat(session);
        match session.status {
            SessionStatus::Open | SessionStatus::Cancelled => {}
            SessionStatus::Other => {
                let count = |is_unknown: bool| if is_unknown { session.count } else { 0 };
                let is_without_status = session.ends != Ends::Status && !is_chat;
                self.without_status = self.without_status.saturating_add(count(is_without_status));
                self.without_end = self.without_end.saturating_add(count(session.ends == Ends::Unknown));
            }
            status if !is_chat => {
                self.ended.add(session, person);
                if status == SessionStatus::Finished {
                    self.finished = self.finished.saturating_add(session.count);
                }
            }
            _ => {}
        }
    }

    fn emit(&self, sink: &mut MetricSink<'_, '_>, flow: By<'_>) {
        self.emit_labeled(sink, flow);
        for status in SessionStatus::ALL {
            if let Some(sum) = self.by_status.get(&status) {
                let by: Vec<(&str, &str)> =
                    flow.iter().copied().chain([("status", status.as_str())]).collect();
                sum.emit(sink, &by);
            }
        }
        sink.emit(&COMPLETION_RATE, flow, self.completion_rate(sink));
    }

    /// Emits the metrics that are also split by agent, item type and version.
    fn emit_labeled(&self, sink: &mut MetricSink<'_, '_>, by: By<'_>) {
        self.all.emit(sink, by);
        if !by.contains(&("flow", CHAT)) {
            sink.emit(&SUCCESS_RATE, by, self.success_rate(sink));
        }
        let users = MetricValue::people(self.all.people.len());
        sink.emit(&USERS, by, users.with_basis(self.all.with_user, self.all.sessions));
    }

    /// Emits the sessions of a team. Of the sessions without a user, it is not known which belong to
    /// the team: the basis is the share of the sessions of the scope with one.
    fn emit_of_team(&self, sink: &mut MetricSink<'_, '_>, with_user: u64, all: u64) {
        let people = self.all.people.len();
        let sessions = MetricValue::count(self.all.sessions, Some(people));
        let sessions = if all == 0 { sessions } else { sessions.with_basis(with_user, all) };
        sink.emit(&SESSIONS, &[], sessions);
        sink.emit(&USERS, &[], MetricValue::people(people).with_basis(with_user, all));
    }

    fn success_rate(&self, sink: &MetricSink<'_, '_>) -> MetricValue {
        if self.without_status > 0 {
            return MetricValue::unknown(Reason::NotInSource);
        }
        let (finished, ended) = (Number::Count(self.finished), Number::Count(self.ended.sessions));
        MetricValue::rate(finished, ended, self.ended.people(sink))
    }

    fn completion_rate(&self, sink: &MetricSink<'_, '_>) -> MetricValue {
        if self.without_end > 0 {
            return MetricValue::unknown(Reason::NotInSource);
        }
        let finished = self.by_status.get(&SessionStatus::Finished).map_or(0, |sum| sum.sessions);
        let (finished, all) = (Number::Count(finished), Number::Count(self.all.sessions));
        MetricValue::rate(finished, all, self.all.people(sink))
    }
}
