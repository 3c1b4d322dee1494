//! How long sessions of agents take, as the clock goes and as they are worked on.

use std::collections::BTreeMap;

use super::agents::told;
use super::page::{By, Figure, Page};
use super::people::PeopleSet;
use super::statistics::{QUANTILES, nearest_rank};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Session, Source, View};
use crate::base::calendar::Grain;
use crate::events::agents::SessionStatus;

pub(super) const FAMILY: Family = Family { definitions: &[&DURATION], compute };

const DURATION: Definition = Definition {
    metric: "agents.duration_seconds",
    title: "Duration of agent sessions",
    unit: Unit::Seconds,
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &["stat", "flow×stat"],
    text: "Seconds from the creation of a session (else its start) to the last step that ended it, for the sessions of the \
           period that ended, however they did: median (p50) and 95th percentile (p95), by nearest rank. active and \
           active_p95 are the same of the time that was worked on it: less its pauses, which only the service that runs \
           sessions tells, and not of stuck ones. The basis says which share of the ended sessions tells it.",
};

/// The names of the statistics of the time worked.
const ACTIVE: [&str; 2] = ["active", "active_p95"];

#[derive(Default)]
struct Times {
    wall: Observed,
    active: Observed,
    ended: u64,
}

#[derive(Default)]
struct Observed {
    milliseconds: Vec<u64>,
    people: PeopleSet,
}

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !DURATION.grains.contains(&page.period.grain) || !page.rest_on(Source::Sessions, FAMILY.definitions) {
        return;
    }
    let mut all = Times::default();
    let mut by_flow: BTreeMap<&str, Times> = BTreeMap::new();
    for session in view.sessions_in(page.period).filter(|session| session.status != SessionStatus::Open) {
        for times in [&mut all, by_flow.entry(told(view, session.flow)).or_default()] {
            times.ended += 1;
            times.wall.add(session.wall, session, view);
            times.active.add(session.active, session, view);
        }
    }
    all.emit(page, &[]);
    for (flow, times) in &mut by_flow {
        times.emit(page, &[("flow", flow)]);
    }
}

impl Times {
    fn emit(&mut self, page: &mut Page<'_, '_>, flow: By<'_>) {
        let wall_stats = QUANTILES.iter().map(|(stat, _)| *stat);
        for (observed, stats) in
            [(&mut self.wall, wall_stats.collect::<Vec<_>>()), (&mut self.active, ACTIVE.to_vec())]
        {
            observed.milliseconds.sort_unstable();
            let (n, people) = (observed.milliseconds.len(), Some(observed.people.len()));
            for (stat, (_, percent)) in stats.into_iter().zip(QUANTILES) {
                let by: Vec<(&str, &str)> = flow.iter().copied().chain([("stat", stat)]).collect();
                let figure = Figure::seconds(nearest_rank(&observed.milliseconds, *percent), n, people);
                page.emit(&DURATION, &by, figure.on_basis(n as u64, self.ended));
            }
        }
    }
}

impl Observed {
    fn add(&mut self, milliseconds: Option<u64>, session: &Session, view: &View<'_>) {
        let Some(milliseconds) = milliseconds else { return };
        self.milliseconds.push(milliseconds);
        self.people.extend(view.person_of(session));
    }
}
