//! How long agent sessions take: elapsed time, and working time without pauses.

use std::collections::BTreeMap;

use super::agents::label;
use super::agents_labels::for_each_label;
use super::people::PeopleSet;
use super::sink::{By, MetricSink};
use super::statistics::{QUANTILES, nearest_rank};
use super::value::MetricValue;
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
    by: &["stat", "flow×stat", "agent×stat", "item_type×stat", "flow×flow_version×stat"],
    text: "Seconds from the creation of a session (without one, from its start) to the last step \
           that ended it, over the sessions of the period that ended, with any status: median (p50) \
           and 95th percentile (p95), by nearest rank. active and active_p95 are the same statistics \
           of the working time, without pauses; only the service that runs sessions reports it, and \
           not for stuck sessions. The field basis is the share of ended sessions with a known time.",
};

/// The names of the statistics of the working time, in the order of [`QUANTILES`].
const ACTIVE_STATS: [&str; 2] = ["active", "active_p95"];

#[derive(Default)]
struct Times {
    elapsed: Durations,
    active: Durations,
    /// Number of ended sessions.
    ended: u64,
}

#[derive(Default)]
struct Durations {
    milliseconds: Vec<u64>,
    people: PeopleSet,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !DURATION.grains.contains(&sink.period.grain) || !sink.require(Source::Sessions, FAMILY.definitions) {
        return;
    }
    let mut all = Times::default();
    let mut by_flow: BTreeMap<&str, Times> = BTreeMap::new();
    let ended = view.sessions_in(sink.period).filter(|session| session.status != SessionStatus::Open);
    for session in ended.clone() {
        for times in [&mut all, by_flow.entry(label(view, session.flow)).or_default()] {
            times.add(session, view);
        }
    }
    all.emit(sink, &[]);
    for (flow, times) in &mut by_flow {
        times.emit(sink, &[("flow", flow)]);
    }
    let add = |times: &mut Times, session: &Session| times.add(session, view);
    for_each_label(view, ended, add, |times, by| times.emit(sink, by));
}

impl Times {
    fn add(&mut self, session: &Session, view: &View<'_>) {
        self.ended += 1;
        self.elapsed.add(session.wall, session, view);
        self.active.add(session.active, session, view);
    }

    fn emit(&mut self, sink: &mut MetricSink<'_, '_>, flow: By<'_>) {
        let elapsed_stats = QUANTILES.iter().map(|(stat, _)| *stat);
        for (durations, stats) in [
            (&mut self.elapsed, elapsed_stats.collect::<Vec<_>>()),
            (&mut self.active, ACTIVE_STATS.to_vec()),
        ] {
            durations.milliseconds.sort_unstable();
            let (n, people) = (durations.milliseconds.len(), Some(durations.people.len()));
            for (stat, (_, percent)) in stats.into_iter().zip(QUANTILES) {
                let by: Vec<(&str, &str)> = flow.iter().copied().chain([("stat", stat)]).collect();
                let value = MetricValue::seconds(nearest_rank(&durations.milliseconds, *percent), n, people);
                sink.emit(&DURATION, &by, value.with_basis(n as u64, self.ended));
            }
        }
    }
}

impl Durations {
    fn add(&mut self, milliseconds: Option<u64>, session: &Session, view: &View<'_>) {
        let Some(milliseconds) = milliseconds else { return };
        self.milliseconds.push(milliseconds);
        self.people.extend(view.person_of(session));
    }
}
