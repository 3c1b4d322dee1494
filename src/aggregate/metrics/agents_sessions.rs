//! Agent sessions: how many, how they end, and whose they are.

use std::collections::BTreeMap;

use super::agents::label;
use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::people::PeopleSet;
use super::sink::{By, MetricSink};
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Session, Source, View};
use crate::base::calendar::Grain;
use crate::events::agents::{CHAT, SessionStatus};
use crate::model::metric::Reason;
use crate::model::number::Number;

pub(super) const FAMILY: Family =
    Family { definitions: &[&SESSIONS, &SUCCESS_RATE, &COMPLETION_RATE, &USERS], compute };

const SESSIONS: Definition = Definition {
    metric: "agents.sessions",
    title: "Agent sessions",
    unit: Unit::Sessions,
    grains: ALL_GRAINS,
    by: &[TOTAL, "flow", "status", "flow×status", "team", "cost_center"],
    text: "Agent sessions by the UTC day of their first step; a session counts once, even if \
           several sources report it. The status is that of the last step that ended the session: \
           finished, failed, stopped, cancelled, stuck (cleaned up by GitLab; only event streams \
           report it, GraphQL returns such a session as failed), or open without a known end. \
           Agentic Chat is the flow chat. The events of a group contain no sessions; then there is \
           no value. By team, only its people count; teams overlap, so they do not add up.",
};

const FINISHED: CountRef = CountRef::of("agents.sessions").by(&[("status", "finished")]);
const FAILED: CountRef = CountRef::of("agents.sessions").by(&[("status", "failed")]);
const STOPPED: CountRef = CountRef::of("agents.sessions").by(&[("status", "stopped")]);
const STUCK: CountRef = CountRef::of("agents.sessions").by(&[("status", "stuck")]);
const CANCELLED: CountRef = CountRef::of("agents.sessions").by(&[("status", "cancelled")]);
const OPEN: CountRef = CountRef::of("agents.sessions").by(&[("status", "open")]);

const SUCCESS_RATE: Definition = Definition {
    metric: "agents.success_rate",
    title: "Agent success rate",
    unit: Unit::Share(&[
        &[FINISHED],
        &[FINISHED, FAILED, STOPPED, STUCK],
        &[FAILED, STOPPED, STUCK],
        &[CANCELLED, OPEN],
    ]),
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL, "flow"],
    text: "Finished sessions divided by the sessions that finished, failed, were stopped or got \
           stuck. Cancelled and open sessions are left out, and so is chat, which hands the turn \
           back instead of ending.",
};

const COMPLETION_RATE: Definition = Definition {
    metric: "agents.completion_rate",
    title: "Agent completion rate",
    unit: Unit::Share(&[
        &[FINISHED],
        &[CountRef::of("agents.sessions")],
        &[FAILED, STOPPED, STUCK, CANCELLED, OPEN],
    ]),
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL, "flow"],
    text: "Finished sessions divided by all sessions, including chat and open sessions: the \
           definition that GitLab uses, for comparison.",
};

const USERS: Definition = Definition {
    metric: "agents.users",
    title: "People with agent sessions",
    unit: Unit::People,
    grains: ALL_GRAINS,
    by: &[TOTAL, "flow", "team", "cost_center"],
    text: "Distinct people with a session in the period. If several sources report the user of a \
           session, GitLab's own value counts. The field basis is the share of sessions with a \
           known user. Bots and service accounts are not counted. By team, only its people count; \
           teams overlap, so they do not add up.",
};

#[derive(Default)]
struct SessionCounts {
    all: u64,
    by_status: BTreeMap<SessionStatus, (u64, PeopleSet)>,
    /// Finished sessions, without chat.
    finished: u64,
    /// Sessions with a known result, without chat.
    ended: u64,
    with_user: u64,
    people: PeopleSet,
    people_of_ended: PeopleSet,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
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
    for session in view.sessions_in(sink.period) {
        for counts in [&mut all, by_flow.entry(label(view, session.flow)).or_default()] {
            counts.add(session, view);
        }
    }
    all.emit(sink, &[]);
    for (flow, counts) in &by_flow {
        counts.emit(sink, &[("flow", flow)]);
    }
}

impl SessionCounts {
    fn add(&mut self, session: &Session, view: &View<'_>) {
        let person = view.person_of(session);
        let add = |people: &mut PeopleSet| people.extend(person);
        self.all += 1;
        self.with_user += u64::from(session.person.is_some());
        add(&mut self.people);
        let (count, people) = self.by_status.entry(session.status).or_default();
        *count += 1;
        add(people);
        let has_ended =
            !matches!(session.status, SessionStatus::Open | SessionStatus::Cancelled | SessionStatus::Other);
        if has_ended && !view.is_chat(session) {
            self.ended += 1;
            self.finished += u64::from(session.status == SessionStatus::Finished);
            add(&mut self.people_of_ended);
        }
    }

    fn emit(&self, sink: &mut MetricSink<'_, '_>, flow: By<'_>) {
        let people = Some(self.people.len());
        sink.emit(&SESSIONS, flow, MetricValue::count(self.all, people));
        for status in SessionStatus::ALL {
            if let Some((count, people)) = self.by_status.get(&status) {
                let by: Vec<(&str, &str)> =
                    flow.iter().copied().chain([("status", status.as_str())]).collect();
                sink.emit(&SESSIONS, &by, MetricValue::count(*count, Some(people.len())));
            }
        }
        if !flow.contains(&("flow", CHAT)) {
            let ended = Number::Count(self.ended);
            let people = Some(self.people_of_ended.len());
            sink.emit(&SUCCESS_RATE, flow, MetricValue::rate(Number::Count(self.finished), ended, people));
        }
        let finished = self.by_status.get(&SessionStatus::Finished).map_or(0, |(count, _)| *count);
        let rate = MetricValue::rate(Number::Count(finished), Number::Count(self.all), people);
        sink.emit(&COMPLETION_RATE, flow, rate);
        sink.emit(&USERS, flow, MetricValue::people(self.people.len()).with_basis(self.with_user, self.all));
    }
}
