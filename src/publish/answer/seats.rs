//! The staircase from purchased seats to habit.

use crate::aggregate::metrics::answer::STAIRCASE;
use crate::aggregate::view;
use crate::base::calendar::{Day, Grain};
use crate::model::metric::{Population, Reason};
use crate::publish::place::Place;
use crate::publish::privacy::Line;

use super::facts::{AnswerLine, Fact, Share, parts, window};

/// Purchased and assigned seats, and how many of them are used how often.
pub(super) struct Seats<'a> {
    /// `seats.active` of the last 28 days.
    pub(super) active_line: Option<&'a Line<'a>>,
    /// All purchased seats.
    pub(super) purchased: Fact,
    /// All assigned seats.
    pub(super) assigned: Fact,
    /// Active seat holders, of the known ones.
    pub(super) active: Option<Share>,
    /// Regular and heavy users among the seat holders.
    pub(super) regular: Fact,
    /// Heavy users among the seat holders.
    pub(super) heavy: Fact,
}

impl<'a> Seats<'a> {
    pub(super) fn of(place: &Place<'a>) -> Seats<'a> {
        let active_line = window(place, "seats.active", &[], None);
        let holders = |segment| {
            let by = [("segment", segment)];
            Fact::of(window(place, "engagement.users", &by, Some(Population::SeatHolders)))
        };
        let heavy = holders("heavy");
        let day = list_day(place, active_line);
        let on_day = |metric| -> Vec<&'a Line<'a>> {
            let lines = place.every(metric, Grain::Day).iter().copied();
            lines.filter(|line| Some(line.period.end) == day && line.by.contains("add_on")).collect()
        };
        let (purchased, assigned) = (on_day("seats.purchased"), on_day("seats.assigned"));
        Seats {
            active_line,
            purchased: sum(&purchased),
            assigned: sum(&assigned),
            active: parts(active_line),
            regular: holders("regular").plus(heavy),
            heavy,
        }
    }

    /// Purchased seats that are not assigned.
    pub(super) fn never_assigned(&self) -> Option<Share> {
        let (purchased, assigned) = (self.purchased.known()?, self.assigned.known()?);
        Some(Share { n: purchased.saturating_sub(assigned), of: purchased })
    }

    /// Assigned seats whose holder was not active. `None` unless every day is known.
    pub(super) fn idle(&self) -> Option<Share> {
        let active = self.active?;
        self.active_line.filter(|line| line.coverage >= 1.0)?;
        Some(Share { n: active.of.saturating_sub(active.n), of: active.of })
    }

    /// Purchased seats that nobody used: not assigned, or assigned to someone who was not active.
    pub(super) fn unused(&self) -> Option<Share> {
        let (never, idle) = (self.never_assigned()?, self.idle()?);
        Some(Share { n: never.n + idle.n, of: never.of })
    }

    /// The step of active seats.
    fn active_fact(&self) -> Fact {
        match self.active {
            Some(active) => Fact::Known(active.n),
            None => match Fact::of(self.active_line) {
                Fact::Known(_) => Fact::Unknown(None),
                missing => missing,
            },
        }
    }

    /// The lines of the staircase; none if there is no line about seats.
    pub(super) fn lines(&self) -> Vec<AnswerLine> {
        let Some(active_line) = self.active_line else { return Vec::new() };
        let steps = [
            ("purchased", self.purchased),
            ("assigned", self.assigned),
            ("active", self.active_fact()),
            ("regular", self.regular),
            ("heavy", self.heavy),
        ];
        let line = |(step, fact): (&str, Fact)| {
            let inputs = [active_line];
            AnswerLine::from(STAIRCASE.metric, &[("step", step)], &inputs).map(|line| line.with_fact(fact))
        };
        steps.into_iter().filter_map(line).collect()
    }

    /// The staircase for readers; `None` if nothing about seats is known.
    pub(super) fn staircase(&self) -> Option<Staircase> {
        let is_known = self.active.is_some() || self.assigned.known().is_some();
        if !is_known && !matches!(self.active_fact(), Fact::Suppressed) {
            return None;
        }
        let idle = self.idle().map(|idle| idle.n);
        let trying = match (self.active, self.regular.known(), self.idle()) {
            (Some(active), Some(regular), Some(_)) => Some(active.n.saturating_sub(regular)),
            _ => None,
        };
        let step = |key, label, count, lost: Option<u64>, loss| Step {
            key,
            label,
            count,
            loss: lost.filter(|lost| *lost > 0),
            loss_text: loss,
        };
        Some(Staircase {
            of: Subject::Seats,
            steps: vec![
                step("purchased", "Purchased", self.purchased, None, ""),
                step(
                    "assigned",
                    "Assigned",
                    self.assigned,
                    self.never_assigned().map(|never| never.n),
                    "never assigned",
                ),
                step("active", "Active in 28 days", self.active_fact(), idle, "idle"),
                step("regular", "Regular", self.regular, trying, "only trying it"),
                step("heavy", "Heavy", self.heavy, None, ""),
            ],
        })
    }
}

/// From the first step to the last.
pub struct Staircase {
    /// What is counted.
    pub of: Subject,
    /// The steps, each a part of the one before.
    pub steps: Vec<Step>,
}

/// What a staircase counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Seats.
    Seats,
    /// People, where no seat list is known.
    People,
}

/// A step of the staircase.
pub struct Step {
    /// Its key in `answer.staircase`.
    pub key: &'static str,
    /// Its label.
    pub label: &'static str,
    /// How many are left.
    pub count: Fact,
    /// How many of the step before are lost; `None` if none are, or it is not certain.
    pub loss: Option<u64>,
    /// What became of them.
    pub loss_text: &'static str,
}

impl Staircase {
    /// The steps of all people, from published segments; `None` if they are unknown.
    pub(super) fn of_people(place: &Place<'_>) -> Option<Staircase> {
        let segment = |segment| {
            let by = [("segment", segment)];
            Fact::of(window(place, "engagement.users", &by, Some(Population::People)))
        };
        let heavy = segment("heavy");
        let regular = segment("regular").plus(heavy);
        let active = segment("experimenting").plus(regular);
        let seen = segment("inactive").plus(active);
        let lost = |from: Fact, to: Fact| {
            let lost = from.known()?.saturating_sub(to.known()?);
            (lost > 0).then_some(lost)
        };
        active.known().or(regular.known())?;
        let step = |key, label, count, loss, loss_text| Step { key, label, count, loss, loss_text };
        Some(Staircase {
            of: Subject::People,
            steps: vec![
                step("seen", "Ever seen", seen, None, ""),
                step("active", "Active in 28 days", active, lost(seen, active), "not active"),
                step("regular", "Regular", regular, lost(active, regular), "only trying it"),
                step("heavy", "Heavy", heavy, None, ""),
            ],
        })
    }

    /// The largest known step, at least 1, with what is lost at it: the full width of the bars.
    pub fn full(&self) -> u64 {
        let known = self.steps.iter().filter_map(|step| Some(step.count.known()? + step.loss.unwrap_or(0)));
        known.max().unwrap_or(1).max(1)
    }
}

/// The sum over the add-ons. Unknown without lines.
fn sum(lines: &[&Line<'_>]) -> Fact {
    let facts = lines.iter().map(|line| Fact::of(Some(line)));
    facts.reduce(Fact::plus).unwrap_or(Fact::Unknown(Some(Reason::NoSnapshot)))
}

/// The day of the seat list that counts for `seats.active`; without it, of the newest one.
fn list_day(place: &Place<'_>, active: Option<&Line<'_>>) -> Option<Day> {
    let days = place.every("seats.assigned", Grain::Day).iter().map(|line| line.period.end);
    match active.filter(|line| line.n.is_some()) {
        Some(line) => view::list_day(days, line.period),
        None => days.max(),
    }
}
