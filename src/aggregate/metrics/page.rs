//! Where a family puts its numbers: what every metric line carries beside them is filled in here.

use std::collections::BTreeSet;

use super::activity::Activity;
use super::{Definition, Thresholds};
use crate::aggregate::prices::Prices;
use crate::aggregate::view::{DayState, Source, View};
use crate::base::calendar::{Day, Period};
use crate::base::decimal::Decimal;
use crate::events::agents::Role;
use crate::model::record::{Metric, Number, Population, Reason, Status, TOO_LARGE};

/// The metrics of one scope and period.
pub(super) struct Page<'a, 'v> {
    pub(super) period: Period,
    pub(super) thresholds: Thresholds,
    pub(super) activity: &'a Activity,
    view: &'a View<'v>,
    /// What models cost, where a file says it.
    pub(super) prices: Option<&'a Prices>,
    metrics: &'a mut Vec<Metric>,
    coverage: f64,
    /// The share of the rows of those days that could be read.
    readable: f64,
    imported: f64,
    /// Whether it rests on an export that does not say whether it is whole.
    is_excerpt: bool,
    is_final: bool,
}

/// The dimensions of a line: names and values.
pub(super) type By<'a> = &'a [(&'a str, &'a str)];

/// A number, or why there is none, with what stands behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    value: Option<Number>,
    n: Option<Number>,
    of: Option<Number>,
    people: Option<u64>,
    basis: Option<f64>,
    reason: Option<Reason>,
    is_by_prices: bool,
    population: Option<Population>,
}

/// Days after which no more late events are expected.
const DAYS_UNTIL_FINAL: i64 = 7;

impl Figure {
    /// A number of things; `people` stand behind it.
    pub(super) fn count(n: u64, people: Option<u64>) -> Figure {
        let n = Some(Number::Count(n));
        Figure {
            value: n,
            n,
            of: None,
            people,
            basis: Some(1.0),
            reason: None,
            is_by_prices: false,
            population: None,
        }
    }

    /// A number of people.
    pub(super) fn people(n: u64) -> Figure {
        Figure::count(n, Some(n))
    }

    /// `n` of `of`; not known when `of` is zero.
    pub(super) fn rate(n: Number, of: Number, people: Option<u64>) -> Figure {
        let known = of.as_f64() != 0.0;
        Figure {
            value: known.then(|| Number::Measure(n.as_f64() / of.as_f64())),
            n: Some(n),
            of: Some(of),
            people,
            basis: Some(1.0),
            reason: (!known).then_some(Reason::NothingShown),
            is_by_prices: false,
            population: None,
        }
    }

    /// A statistic over `n` observations; not known without any, and some not with few.
    pub(super) fn statistic(value: Option<u64>, n: usize, people: Option<u64>) -> Figure {
        let value = value.map(Number::Count);
        let why = if n == 0 { Reason::NothingShown } else { Reason::TooFew };
        let reason = value.is_none().then_some(why);
        Figure {
            value,
            n: Some(Number::Count(n as u64)),
            of: None,
            people,
            basis: Some(1.0),
            reason,
            is_by_prices: false,
            population: None,
        }
    }

    /// A statistic of milliseconds, told in seconds.
    pub(super) fn seconds(milliseconds: Option<u64>, n: usize, people: Option<u64>) -> Figure {
        let figure = Figure::statistic(milliseconds, n, people);
        let in_seconds = |milliseconds: u64| match milliseconds % 1000 {
            0 => Number::Count(milliseconds / 1000),
            _ => Number::Measure(milliseconds as f64 / 1000.0),
        };
        Figure { value: milliseconds.map(in_seconds), ..figure }
    }

    /// A sum that is no whole number, of `n` things.
    pub(super) fn amount(sum: Decimal, n: u64, people: Option<u64>) -> Figure {
        let value = sum.as_f64().map_or(Number::Count(TOO_LARGE), Number::Measure);
        Figure { value: Some(value), ..Figure::count(n, people) }
    }

    /// The same, where these are counted and others could be.
    pub(super) fn among(self, population: Population) -> Figure {
        Figure { population: Some(population), ..self }
    }

    /// The same, which rests on a file of prices.
    pub(super) fn by_prices(self) -> Figure {
        Figure { is_by_prices: true, ..self }
    }

    /// What the source itself gives for a number; it does not say out of how many things. Not known without one.
    pub(super) fn as_given(value: Option<f64>) -> Figure {
        let reason = value.is_none().then_some(Reason::NothingShown);
        Figure {
            value: value.map(Number::Measure),
            n: None,
            of: None,
            people: None,
            basis: Some(1.0),
            reason,
            is_by_prices: false,
            population: None,
        }
    }

    /// No number.
    pub(super) fn unknown(reason: Reason) -> Figure {
        Figure {
            value: None,
            n: None,
            of: None,
            people: None,
            basis: None,
            reason: Some(reason),
            is_by_prices: false,
            population: None,
        }
    }

    /// The same with another reason, when it is not known.
    pub(super) fn unknown_because(self, reason: Reason) -> Figure {
        Figure { reason: self.reason.and(Some(reason)), ..self }
    }

    /// The same, where only this share of the rows could have been in it.
    pub(super) fn out_of(self, share: f64) -> Figure {
        Figure { basis: self.basis.map(|basis| basis * share), ..self }
    }

    /// The same, resting on `carrying` of `rows` rows. With rows that all lack the field, nothing is known.
    pub(super) fn on_basis(self, carrying: u64, rows: u64) -> Figure {
        match (carrying, rows) {
            (_, 0) => Figure { basis: None, ..self },
            (0, _) => Figure {
                basis: Some(0.0),
                population: self.population,
                ..Figure::unknown(Reason::NotInSource)
            },
            _ => Figure { basis: Some(carrying as f64 / rows as f64), ..self },
        }
    }
}

impl<'a, 'v> Page<'a, 'v> {
    pub(super) fn new(
        view: &'a View<'v>,
        activity: &'a Activity,
        period: Period,
        thresholds: Thresholds,
        metrics: &'a mut Vec<Metric>,
    ) -> Page<'a, 'v> {
        Page {
            period,
            thresholds,
            activity,
            view,
            prices: None,
            metrics,
            coverage: 0.0,
            readable: 1.0,
            imported: 0.0,
            is_excerpt: false,
            is_final: false,
        }
    }

    /// Sets what the next numbers rest on: the days of a source. Without any day that is known, the totals of
    /// these definitions are told as not collected and false is returned; a source that nobody asked for is not
    /// spoken of at all.
    pub(super) fn rest_on(&mut self, source: Source, definitions: &[&'static Definition]) -> bool {
        let view = self.view;
        let Some(days) = view.days_of(source) else { return false };
        self.rest_on_days(source, self.period);
        let is_known = view.known_days(source, self.period).next().is_some();
        if !is_known && days.range(self.period.start..=self.period.end).next().is_some() {
            for definition in definitions.iter().filter(|definition| definition.has_total()) {
                self.emit(definition, &[], Figure::unknown(Reason::NotCollected));
            }
        }
        is_known
    }

    /// Sets what numbers rest on that not every source of agents tells. Where there are none in the period, false is
    /// returned, unless something tells that agents were at work: then they are not in the source.
    pub(super) fn rest_on_agents(
        &mut self,
        source: Source,
        definitions: &[&'static Definition],
        is_empty: bool,
    ) -> bool {
        if self.rest_on(source, definitions) && !is_empty {
            return true;
        }
        is_empty && self.rest_on_agents_at_work()
    }

    /// Sets what is rested on to whatever tells that agents were at work in the period: sessions, or events of them that do
    /// not say of which. Without either, false is returned.
    pub(super) fn rest_on_agents_at_work(&mut self) -> bool {
        let is_step = |event| Role::of(self.view.names.text(event)).is_some_and(|role| role.step.is_some());
        if self.view.sessions_in(self.period).next().is_some() {
            self.rest_on(Source::Sessions, &[])
        } else if self.activity.events_in(self.period).any(|(_, event, _)| is_step(event)) {
            self.rest_on(Source::Usage, &[])
        } else {
            false
        }
    }

    /// Sets coverage and finality from the days of `looked_at`, which may be longer than the period told.
    pub(super) fn rest_on_days(&mut self, source: Source, looked_at: Period) {
        let known: Vec<&DayState> = self.view.known_days(source, looked_at).map(|(_, state)| state).collect();
        self.is_excerpt = known.iter().any(|state| state.is_excerpt);
        self.readable = readable(known.iter().copied());
        (self.coverage, self.is_final) = completeness(known.into_iter(), looked_at);
        let imported = self.view.imported_days(source, looked_at).count();
        self.imported = imported as f64 / looked_at.length() as f64;
    }

    /// Sets coverage and finality from the days of several stretches that do not overlap; one can be empty.
    pub(super) fn rest_on_stretches(&mut self, source: Source, stretches: &[Period]) {
        let length = |stretch: &Period| stretch.length().max(0);
        let (mut complete, mut imported, mut is_final) = (0.0, 0.0, true);
        let mut known: Vec<&DayState> = Vec::new();
        let view = self.view;
        for stretch in stretches.iter().filter(|stretch| length(stretch) > 0) {
            self.rest_on_days(source, *stretch);
            known.extend(view.known_days(source, *stretch).map(|(_, state)| state));
            complete += self.coverage * length(stretch) as f64;
            imported += self.imported * length(stretch) as f64;
            is_final &= self.is_final;
        }
        self.readable = readable(known.into_iter());
        let days = stretches.iter().map(length).sum::<i64>() as f64;
        (self.coverage, self.imported) = (complete.round() / days, imported.round() / days);
        self.is_final = is_final;
    }

    /// Sets coverage and finality from days of one collector that are known to be of the period.
    pub(super) fn rest_on_states<'s>(&mut self, states: impl Iterator<Item = &'s DayState> + Clone) {
        self.readable = readable(states.clone());
        (self.coverage, self.is_final) = completeness(states, self.period);
        self.imported = 0.0;
    }

    /// Sets coverage and finality from the days of several sources: a day is whole that is whole in each.
    pub(super) fn rest_on_all(&mut self, sources: &[Source]) {
        let (view, period) = (self.view, self.period);
        let days_of = |source: &Source| view.known_days(*source, period);
        let of_all = |day: Day| {
            let states = sources.iter().filter_map(|source| {
                days_of(source).find(|(known, state)| *known == day && state.status == Status::Complete)
            });
            let states: Vec<&DayState> = states.map(|(_, state)| state).collect();
            let oldest = states.iter().copied().min_by_key(|state| state.fetched_at);
            oldest.filter(|_| states.len() == sources.len())
        };
        let states: Vec<&DayState> = period.days().filter_map(of_all).collect();
        self.rest_on_states(states.into_iter());
        // A thing that rests on rows of each source is there when none of them is missing.
        self.readable =
            sources.iter().map(|source| readable(days_of(source).map(|(_, state)| state))).product();
        let whole_or_imported = |source: &Source| -> BTreeSet<Day> {
            let complete = days_of(source).filter(|(_, state)| state.status == Status::Complete);
            complete.map(|(day, _)| day).chain(view.imported_days(*source, period)).collect()
        };
        let of_each: Vec<BTreeSet<Day>> = sources.iter().map(whole_or_imported).collect();
        let of_all = self.period.days().filter(|day| of_each.iter().all(|days| days.contains(day))).count();
        let length = self.period.length() as f64;
        self.imported = (of_all as f64 - self.coverage * length).round().max(0.0) / length;
    }

    /// Sets coverage and finality from the last day of the period that a running figure speaks of.
    pub(super) fn rest_on_days_up_to(&mut self, day: Day, state: &DayState) {
        let is_whole = state.status == Status::Complete;
        let days = day.days_since(self.period.start) + i64::from(is_whole);
        self.readable = readable(std::iter::once(state));
        self.coverage = days as f64 / self.period.length() as f64;
        self.is_final = days == self.period.length() && is_settled(state, self.period);
        self.imported = 0.0;
    }

    /// Puts one number; nothing happens when the metric is not defined for this grain.
    pub(super) fn emit(&mut self, definition: &'static Definition, by: By<'_>, figure: Figure) {
        if !definition.grains.contains(&self.period.grain) {
            return;
        }
        // What is not in an excerpt may have been all the same: neither no events nor none of some are known.
        let is_nothing = figure.n.or(figure.value).is_some_and(|number| number.as_f64() == 0.0);
        let figure = match self.is_excerpt && is_nothing {
            true => Figure { population: figure.population, ..Figure::unknown(Reason::NotInSource) },
            false => figure,
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
            population: figure.population,
            value: figure.value,
            n: figure.n,
            of: figure.of,
            people: figure.people,
            coverage: self.coverage,
            imported: self.imported,
            basis: figure.basis.map(|basis| basis * self.readable),
            is_final: self.is_final,
            reason: figure.reason,
            prices: self.prices.filter(|_| figure.is_by_prices).map(|prices| prices.label.clone()),
        });
    }
}

/// The share of the days of a period that are complete, and whether all are and were fetched late enough.
fn completeness<'s>(states: impl Iterator<Item = &'s DayState>, period: Period) -> (f64, bool) {
    let (mut complete, mut final_days) = (0, 0);
    for state in states.filter(|state| state.status == Status::Complete) {
        complete += 1;
        final_days += i64::from(is_settled(state, period));
    }
    (complete as f64 / period.length() as f64, final_days == period.length())
}

/// The share of the rows of some days that could be read, of all that GitLab has.
fn readable<'s>(states: impl Iterator<Item = &'s DayState>) -> f64 {
    let add = |(rows, missing): (u64, u64), state: &DayState| {
        let (readable, unreadable) = state.rows_there_are();
        (rows + readable, missing + unreadable)
    };
    match states.fold((0, 0), add) {
        (_, 0) => 1.0,
        (rows, missing) => rows as f64 / (rows + missing) as f64,
    }
}

/// Whether the day was fetched when no late events of the period were to be expected any more.
fn is_settled(state: &DayState, period: Period) -> bool {
    let settled = period.end.plus(1 + DAYS_UNTIL_FINAL).midnight();
    state.fetched_at.is_some_and(|at| at >= settled)
}
