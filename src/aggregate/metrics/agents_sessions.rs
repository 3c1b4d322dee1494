//! Sessions of agents: how many, how they end, and whose they are.

use std::collections::BTreeMap;

use super::agents::told;
use super::definition::{Count, EVERY_GRAIN, TOTAL};
use super::page::{By, Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Session, Source, View};
use crate::base::calendar::Grain;
use crate::events::agents::{CHAT, SessionStatus};
use crate::model::record::{Number, Reason};

pub(super) const FAMILY: Family =
    Family { definitions: &[&SESSIONS, &SUCCESS_RATE, &COMPLETION_RATE, &USERS], compute };

const SESSIONS: Definition = Definition {
    metric: "agents.sessions",
    title: "Agent sessions",
    unit: Unit::Sessions,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "flow", "status", "flow×status"],
    text: "Sessions of agents by the UTC day of their first step, each once however many sources tell of it. The status is \
           that of the last step that ended it: finished, failed, stopped, cancelled, stuck (cleaned up by GitLab; only \
           event streams tell it, GraphQL calls such a session failed), or open where no end is told. Agentic chat is the \
           flow chat. Events of a group carry no session: then nothing is told.",
};

const FINISHED: Count = Count::of("agents.sessions").by(&[("status", "finished")]);
const FAILED: Count = Count::of("agents.sessions").by(&[("status", "failed")]);
const STOPPED: Count = Count::of("agents.sessions").by(&[("status", "stopped")]);
const STUCK: Count = Count::of("agents.sessions").by(&[("status", "stuck")]);
const CANCELLED: Count = Count::of("agents.sessions").by(&[("status", "cancelled")]);
const OPEN: Count = Count::of("agents.sessions").by(&[("status", "open")]);

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
    text: "Of the sessions that finished, failed, were stopped or got stuck, the share that finished. Cancelled and open \
           ones are left out, and chat, which hands the turn back instead of ending.",
};

const COMPLETION_RATE: Definition = Definition {
    metric: "agents.completion_rate",
    title: "Agent completion rate",
    unit: Unit::Share(&[
        &[FINISHED],
        &[Count::of("agents.sessions")],
        &[FAILED, STOPPED, STUCK, CANCELLED, OPEN],
    ]),
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL, "flow"],
    text: "Finished sessions of all sessions, those of chat and those still open included: GitLab's own figure, so that the \
           two can be compared.",
};

const USERS: Definition = Definition {
    metric: "agents.users",
    title: "People with agent sessions",
    unit: Unit::People,
    grains: EVERY_GRAIN,
    by: &[TOTAL, "flow"],
    text: "Distinct people who have a session of the period; where several sources name its user, as GitLab itself does. The \
           basis says of which share of the sessions the user is told. Bots and service accounts are not counted.",
};

#[derive(Default)]
struct Counts {
    all: u64,
    by_status: BTreeMap<SessionStatus, (u64, PeopleSet)>,
    /// Finished, and ended otherwise; without chat.
    finished: u64,
    ended: u64,
    with_user: u64,
    people: PeopleSet,
    people_of_ended: PeopleSet,
}

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::Sessions, FAMILY.definitions) {
        // Events of sessions without their ids say that there are some, and not how many.
        if page.rest_on_agents_at_work() {
            for definition in FAMILY.definitions {
                page.emit(definition, &[], Figure::unknown(Reason::NotInSource));
            }
        }
        return;
    }
    let mut all = Counts::default();
    let mut by_flow: BTreeMap<&str, Counts> = BTreeMap::new();
    for session in view.sessions_in(page.period) {
        for counts in [&mut all, by_flow.entry(told(view, session.flow)).or_default()] {
            counts.add(session, view);
        }
    }
    all.emit(page, &[]);
    for (flow, counts) in &by_flow {
        counts.emit(page, &[("flow", flow)]);
    }
}

impl Counts {
    fn add(&mut self, session: &Session, view: &View<'_>) {
        let person = view.person_of(session);
        let add = |people: &mut PeopleSet| people.extend(person);
        self.all += 1;
        self.with_user += u64::from(session.person.is_some());
        add(&mut self.people);
        let of_status = self.by_status.entry(session.status).or_default();
        of_status.0 += 1;
        add(&mut of_status.1);
        let has_ended = !matches!(session.status, SessionStatus::Open | SessionStatus::Cancelled);
        if has_ended && !view.is_chat(session) {
            self.ended += 1;
            self.finished += u64::from(session.status == SessionStatus::Finished);
            add(&mut self.people_of_ended);
        }
    }

    fn emit(&self, page: &mut Page<'_, '_>, flow: By<'_>) {
        let people = Some(self.people.len());
        page.emit(&SESSIONS, flow, Figure::count(self.all, people));
        for status in SessionStatus::ALL {
            if let Some((count, people)) = self.by_status.get(&status) {
                let by: Vec<(&str, &str)> =
                    flow.iter().copied().chain([("status", status.as_str())]).collect();
                page.emit(&SESSIONS, &by, Figure::count(*count, Some(people.len())));
            }
        }
        if !flow.contains(&("flow", CHAT)) {
            let ended = Number::Count(self.ended);
            let people = Some(self.people_of_ended.len());
            page.emit(&SUCCESS_RATE, flow, Figure::rate(Number::Count(self.finished), ended, people));
        }
        let finished = self.by_status.get(&SessionStatus::Finished).map_or(0, |(count, _)| *count);
        let rate = Figure::rate(Number::Count(finished), Number::Count(self.all), people);
        page.emit(&COMPLETION_RATE, flow, rate);
        page.emit(&USERS, flow, Figure::people(self.people.len()).on_basis(self.with_user, self.all));
    }
}
