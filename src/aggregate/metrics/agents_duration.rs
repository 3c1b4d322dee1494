//! How long agent sessions take: elapsed time, and working time without pauses.

use std::collections::BTreeMap;

use super::agents::label;
use super::agents_labels::for_each_label;
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::{By, MetricSink};
use super::statistics::{QUANTILES, nearest_rank};
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::{DurationRow, Symbol};
use crate::aggregate::view::{Session, Source, View};
use crate::base::calendar::Grain;
use crate::events::agents::SessionStatus;
use crate::model::metric::{MetricSource, Reason};

pub(super) const FAMILY: Family = Family { definitions: &[&DURATION], compute };

const DURATION: Definition = Definition {
    metric: "agents.duration_seconds",
    title: "Duration of agent sessions",
    unit: Unit::Seconds,
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &["stat", "flow×stat", "agent×stat", "item_type×stat", "flow×flow_version×stat"],
    relations: &[Relation::Statistics],
    text: "Seconds from the creation of a session (without one, from its start) to the last step \
           that ended it, over the sessions of the period that ended, with any status: median (p50) \
           and 95th percentile (p95), by nearest rank. active and active_p95 are the same statistics \
           of the working time, without pauses; only the service that runs sessions reports it, and \
           not for stuck sessions. The field basis is the share of ended sessions with a known time. \
           Where GitLab aggregates sessions (source is gitlab_aggregate or mixed), p50 and p95 are \
           what GitLab computed for exactly this period: only finished sessions, complete seconds, \
           interpolated between two durations; n is the number of finished sessions, and basis their \
           share of all sessions. They are never computed from shorter periods or several groups; \
           without GitLab's own value there is none.",
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
    sink.source = view.session_source(sink.period);
    if sink.source != Some(MetricSource::Sessions) {
        emit_aggregated(view, sink);
        return;
    }
    let mut all = Times::default();
    let mut by_flow: BTreeMap<&str, Times> = BTreeMap::new();
    let period = sink.period;
    let ended = || view.sessions_in(period).filter(|session| session.status != SessionStatus::Open);
    for session in ended() {
        for times in [&mut all, by_flow.entry(label(view, session.flow)).or_default()] {
            times.add(&session, view);
        }
    }
    all.emit(sink, &[]);
    for (flow, times) in &mut by_flow {
        times.emit(sink, &[("flow", flow)]);
    }
    let add = |times: &mut Times, session: &Session| times.add(session, view);
    for_each_label(view, ended, add, |times, by| times.emit(sink, by));
}

/// Emits the durations that GitLab computed.
fn emit_aggregated(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    let has_durations = view.has_aggregated_sessions(sink.period);
    let mut all = PeopleSet::default();
    let mut by_flow: BTreeMap<Option<Symbol>, PeopleSet> = BTreeMap::new();
    for session in view.sessions_in(sink.period) {
        let people = by_flow.entry(session.flow).or_default();
        if session.status == SessionStatus::Finished {
            let person = view.person_of(&session);
            all.extend(person);
            people.extend(person);
        }
    }
    if by_flow.is_empty() {
        // Nothing took any time, which needs no value of GitLab's.
        for (stat, _) in QUANTILES {
            let nothing = MetricValue::statistic(None, 0, Some(0));
            sink.emit(&DURATION, &[("stat", stat)], nothing.with_basis(0, 0));
        }
        return;
    }
    let duration = view.session_duration(sink.period).filter(|_| has_durations);
    let mut lines = vec![(Vec::new(), duration, all)];
    lines.extend(by_flow.into_iter().map(|(flow, people)| {
        let duration = view.session_duration_of(sink.period, flow).filter(|_| has_durations);
        (vec![("flow", label(view, flow))], duration, people)
    }));
    for (flow, duration, people) in &lines {
        for (stat, _) in QUANTILES {
            let by: Vec<(&str, &str)> = flow.iter().copied().chain([("stat", *stat)]).collect();
            sink.emit(&DURATION, &by, aggregated(*duration, *stat == "p50", people));
        }
    }
}

/// The value of a duration that GitLab computed: the median, or the 95th percentile.
fn aggregated(duration: Option<&DurationRow>, is_median: bool, people: &PeopleSet) -> MetricValue {
    let Some(duration) = duration else { return MetricValue::unknown(Reason::NotInSource) };
    let people = if people.is_empty() { duration.users } else { Some(people.len()) };
    let seconds = if is_median { duration.p50 } else { duration.p95 };
    let value = MetricValue::seconds_of(seconds, duration.finished, people);
    match (duration.finished, seconds) {
        (0, _) => MetricValue { basis: None, ..value },
        (_, None) => MetricValue::unknown(Reason::NotInSource),
        (finished, _) => value.with_basis(finished, duration.sessions),
    }
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
