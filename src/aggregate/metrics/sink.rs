//! Collects the metric lines that a family computes for one scope and period, and adds coverage,
//! finality and the share of readable rows.

use std::collections::BTreeSet;

use super::activity::Activity;
use super::value::MetricValue;
use super::{Definition, Thresholds};
use crate::aggregate::prices::Prices;
use crate::aggregate::view::{DayState, Source, View};
use crate::base::calendar::{DAYS_UNTIL_FINAL, Day, Period, Timestamp};
use crate::events::agents::AgentRole;
use crate::model::coverage::Status;
use crate::model::metric::{Metric, MetricSource, Reason};

/// The metrics of one scope and period.
pub(super) struct MetricSink<'a, 'v> {
    pub(super) period: Period,
    pub(super) thresholds: Thresholds,
    pub(super) activity: &'a Activity,
    view: &'a View<'v>,
    /// The price file, if there is one.
    pub(super) prices: Option<&'a Prices>,
    /// The team whose people the view has alone, as a dimension: only metrics with it are emitted.
    pub(super) team: Option<(&'a str, &'a str)>,
    /// The kind of source of the period, if the metric has several.
    pub(super) source: Option<MetricSource>,
    metrics: &'a mut Vec<Metric>,
    /// Complete days divided by the days of the period.
    coverage: f64,
    /// Share of the rows of those days that could be read, from 0 to 1.
    readable: f64,
    /// Days known from imported events alone, divided by the days of the period.
    imported: f64,
    /// Whether a day comes from an event export that may be incomplete.
    is_excerpt: bool,
    is_final: bool,
}

/// The dimensions of a line: pairs of name and value.
pub(super) type By<'a> = &'a [(&'a str, &'a str)];

impl<'a, 'v> MetricSink<'a, 'v> {
    pub(super) fn new(
        view: &'a View<'v>,
        activity: &'a Activity,
        period: Period,
        thresholds: Thresholds,
        metrics: &'a mut Vec<Metric>,
    ) -> MetricSink<'a, 'v> {
        MetricSink {
            period,
            thresholds,
            activity,
            view,
            prices: None,
            team: None,
            source: None,
            metrics,
            coverage: 0.0,
            readable: 1.0,
            imported: 0.0,
            is_excerpt: false,
            is_final: false,
        }
    }

    /// Sets coverage from the days of a source and returns whether the source has data for any day
    /// of the period. If it was requested but has none, emits the totals of `definitions` as not
    /// collected; if it was not requested, emits nothing.
    pub(super) fn require(&mut self, source: Source, definitions: &[&'static Definition]) -> bool {
        let view = self.view;
        let Some(days) = view.days_of(source) else { return false };
        self.cover(source, self.period);
        let is_known = view.known_days(source, self.period).next().is_some();
        if !is_known && days.range(self.period.start..=self.period.end).next().is_some() {
            for definition in definitions.iter().filter(|definition| definition.has_total()) {
                self.emit(definition, &[], MetricValue::unknown(Reason::NotCollected));
            }
        }
        is_known
    }

    /// [`MetricSink::require`] for agent data that not every source contains. If there is none
    /// (`is_empty`), returns whether there was agent activity nevertheless: the values are then not
    /// in the source.
    pub(super) fn require_agents(
        &mut self,
        source: Source,
        definitions: &[&'static Definition],
        is_empty: bool,
    ) -> bool {
        if self.require(source, definitions) && !is_empty {
            return true;
        }
        is_empty && self.require_agent_activity()
    }

    /// Sets coverage from the source that shows agent activity in the period: sessions, or events
    /// of sessions without their ids. Returns false if there is none.
    pub(super) fn require_agent_activity(&mut self) -> bool {
        let is_step =
            |event| AgentRole::of(self.view.symbols.text(event)).is_some_and(|role| role.step.is_some());
        if self.view.sessions_in(self.period).next().is_some() {
            self.require(Source::Sessions, &[])
        } else if self.activity.events_in(self.period).any(|(_, event, _)| is_step(event)) {
            self.require(Source::Usage, &[])
        } else {
            false
        }
    }

    /// Sets coverage and finality from the days of `range`, which can be longer than the period.
    pub(super) fn cover(&mut self, source: Source, range: Period) {
        let known: Vec<&DayState> = self.view.known_days(source, range).map(|(_, state)| state).collect();
        self.is_excerpt = known.iter().any(|state| state.is_excerpt);
        self.readable = readable(known.iter().copied());
        (self.coverage, self.is_final) = completeness(known.into_iter(), range);
        let imported = self.view.imported_days(source, range).count();
        self.imported = imported as f64 / range.length() as f64;
    }

    /// Sets coverage and finality from several ranges of days that do not overlap; they can be
    /// empty.
    pub(super) fn cover_ranges(&mut self, source: Source, ranges: &[Period]) {
        let length = |range: &Period| range.length().max(0);
        let (mut complete, mut imported, mut is_final) = (0.0, 0.0, true);
        let mut known: Vec<&DayState> = Vec::new();
        let view = self.view;
        for range in ranges.iter().filter(|range| length(range) > 0) {
            self.cover(source, *range);
            known.extend(view.known_days(source, *range).map(|(_, state)| state));
            complete += self.coverage * length(range) as f64;
            imported += self.imported * length(range) as f64;
            is_final &= self.is_final;
        }
        self.readable = readable(known.into_iter());
        let days = ranges.iter().map(length).sum::<i64>() as f64;
        (self.coverage, self.imported) = (complete.round() / days, imported.round() / days);
        self.is_final = is_final;
    }

    /// Sets coverage and finality from days of one collector, all of them in the period.
    pub(super) fn cover_states<'s>(&mut self, states: impl Iterator<Item = &'s DayState> + Clone) {
        self.readable = readable(states.clone());
        (self.coverage, self.is_final) = completeness(states, self.period);
        self.imported = 0.0;
    }

    /// Sets coverage and finality from several sources: a day is complete if it is in each of them.
    pub(super) fn cover_all(&mut self, sources: &[Source]) {
        let (view, period) = (self.view, self.period);
        let days_of = |source: &Source| view.known_days(*source, period);
        let complete_in_all = |day: Day| {
            let states = sources.iter().filter_map(|source| {
                days_of(source).find(|(known, state)| *known == day && state.status == Status::Complete)
            });
            let states: Vec<&DayState> = states.map(|(_, state)| state).collect();
            let oldest = states.iter().copied().min_by_key(|state| state.fetched_at);
            oldest.filter(|_| states.len() == sources.len())
        };
        let states: Vec<&DayState> = period.days().filter_map(complete_in_all).collect();
        self.cover_states(states.into_iter());
        // A value needs a row of each source, so the shares multiply.
        self.readable =
            sources.iter().map(|source| readable(days_of(source).map(|(_, state)| state))).product();
        let complete_or_imported = |source: &Source| -> BTreeSet<Day> {
            let complete = days_of(source).filter(|(_, state)| state.status == Status::Complete);
            complete.map(|(day, _)| day).chain(view.imported_days(*source, period)).collect()
        };
        let known: Vec<BTreeSet<Day>> = sources.iter().map(complete_or_imported).collect();
        let in_all = self.period.days().filter(|day| known.iter().all(|days| days.contains(day))).count();
        let length = self.period.length() as f64;
        self.imported = (in_all as f64 - self.coverage * length).round().max(0.0) / length;
    }

    /// Sets coverage and finality for values of several sources together that cover the first days
    /// of the period: of each, how many days, and when they were fetched. `None` is a source
    /// without a value.
    pub(super) fn cover_first_days(&mut self, covered: impl Iterator<Item = Option<(i64, Timestamp)>>) {
        let (mut days, mut is_final) = (self.period.length(), true);
        for covered in covered {
            let (covered, fetched_at) = covered.unwrap_or((0, self.period.start.midnight()));
            days = days.min(covered);
            is_final &= covered == self.period.length() && fetched_at >= settled_at(self.period);
        }
        self.coverage = days as f64 / self.period.length() as f64;
        (self.readable, self.imported, self.is_excerpt, self.is_final) = (1.0, 0.0, false, is_final);
    }

    /// Sets coverage and finality for a running value that covers the period up to `day`.
    pub(super) fn cover_up_to(&mut self, day: Day, state: &DayState) {
        let is_complete = state.status == Status::Complete;
        let days = day.days_since(self.period.start) + i64::from(is_complete);
        self.readable = readable(std::iter::once(state));
        self.coverage = days as f64 / self.period.length() as f64;
        self.is_final = days == self.period.length() && is_settled(state, self.period);
        self.imported = 0.0;
    }

    /// Marks the values as known whatever days were collected.
    pub(super) fn cover_everything(&mut self) {
        (self.coverage, self.readable) = (1.0, 1.0);
    }

    /// Adds one metric line, unless the metric is not defined for this grain.
    pub(super) fn emit(&mut self, definition: &'static Definition, by: By<'_>, value: MetricValue) {
        if !definition.grains.contains(&self.period.grain) {
            return;
        }
        let of_team: Vec<(&str, &str)>;
        let by = match self.team {
            None => by,
            Some(team) => {
                of_team = by.iter().copied().chain([team]).collect();
                if !definition.is_split_by(&of_team) {
                    return;
                }
                &of_team
            }
        };
        // An excerpt proves no absence: a zero in it is unknown.
        let is_zero = value.n.or(value.value).is_some_and(|number| number.as_f64() == 0.0);
        let value = if self.is_excerpt && is_zero {
            MetricValue {
                population: value.population,
                source: value.source,
                ..MetricValue::unknown(Reason::NotInSource)
            }
        } else {
            value
        };
        debug_assert!(definition.is_split_by(by), "{} by {by:?}", definition.metric);
        self.metrics.push(Metric {
            metric: definition.metric.into(),
            instance: self.view.instance.clone(),
            scope: self.view.scope.clone(),
            grain: self.period.grain,
            start: self.period.start,
            end: self.period.end,
            by: by.iter().copied().collect(),
            population: value.population,
            value: value.value,
            n: value.n,
            of: value.of,
            people: value.people,
            coverage: self.coverage,
            imported: self.imported,
            basis: value.basis.map(|basis| basis * self.readable),
            is_final: self.is_final,
            reason: value.reason,
            prices: self.prices.filter(|_| value.uses_prices).map(|prices| prices.label.clone()),
            source: value.source.or(self.source),
            explanation: value.explanation,
        });
    }
}

/// The share of the days of a period that are complete, and whether all of them are final.
fn completeness<'s>(states: impl Iterator<Item = &'s DayState>, period: Period) -> (f64, bool) {
    let (mut complete, mut final_days) = (0, 0);
    for state in states.filter(|state| state.status == Status::Complete) {
        complete += 1;
        final_days += i64::from(is_settled(state, period));
    }
    (complete as f64 / period.length() as f64, final_days == period.length())
}

/// Readable rows divided by all rows that GitLab has for these days; 1 without rows.
fn readable<'s>(states: impl Iterator<Item = &'s DayState>) -> f64 {
    let add = |(rows, missing): (u64, u64), state: &DayState| {
        let (readable, unreadable) = state.row_counts();
        (rows + readable, missing + unreadable)
    };
    match states.fold((0, 0), add) {
        (_, 0) => 1.0,
        (rows, missing) => rows as f64 / (rows + missing) as f64,
    }
}

/// Whether the day was fetched so late that no late events of the period are expected.
fn is_settled(state: &DayState, period: Period) -> bool {
    state.fetched_at.is_some_and(|at| at >= settled_at(period))
}

/// When no late events of the period are expected any more.
fn settled_at(period: Period) -> Timestamp {
    period.end.plus(1 + DAYS_UNTIL_FINAL).midnight()
}
