//! Rates reveal the counts that they divide.

use std::ops::Range;

use super::super::Line;
use super::super::line_index::{LineIndex, LineRef};
use super::{Count, Kind, Relations};
use crate::aggregate::metrics::{CountRef, Definition, Relation, Unit};
use crate::base::calendar::Period;
use crate::base::dimensions::Dimensions;
use crate::model::number::Number;

/// Its observations are the finished sessions.
pub(in super::super) const DURATION: &str = "agents.duration_seconds";

impl Relations {
    /// The counts that the rates of a metric reveal, and the people that a rate of people leaves out.
    pub(super) fn add_rates(
        &mut self,
        lines: &LineIndex<'_, '_>,
        range: Range<usize>,
        definition: &Definition,
    ) {
        let counts = definition.unit.revealed_counts();
        let is_of_people = matches!(definition.unit, Unit::Share(_))
            && definition.relations.iter().any(|relation| {
                matches!(relation, Relation::People | Relation::ActivePeople | Relation::PartsOf { .. })
            });
        for at in range {
            let line = &lines[at];
            if is_of_people {
                self.group(Kind::Nested, Some(Count::denominator(at)), [Count::of(at)]);
            }
            for list in counts {
                let parts: Vec<usize> = list.iter().flat_map(|count| lines_of(lines, line, count)).collect();
                self.add_revealed(lines, at, &parts);
                if parts.is_empty() {
                    self.add_same_people(lines, at, list);
                }
            }
            if definition.metric == DURATION {
                let wanted =
                    LineRef { metric: "agents.sessions", by: &finished(line.by), ..LineRef::of(line) };
                let sessions = lines.find(line, &wanted).filter(|sessions| lines[*sessions].n == line.n);
                self.equal.extend(sessions.map(|sessions| [at, sessions]));
            }
        }
    }

    /// A rate of a week or month whose denominator counts the same people as counts over the 28 days that end with it.
    fn add_same_people(&mut self, lines: &LineIndex<'_, '_>, rate: usize, list: &[CountRef]) {
        let line = &lines[rate];
        let parts: Vec<usize> =
            list.iter().filter_map(|count| line_of(lines, line, count, line.period)).collect();
        let sum: Option<f64> = parts.iter().map(|at| lines[*at].n.map(Number::as_f64)).sum();
        if !parts.is_empty() && sum.is_some() && sum == line.of.map(Number::as_f64) {
            self.group(Kind::Revealed, Some(Count::denominator(rate)), parts.into_iter().map(Count::of));
        }
    }

    /// A rate whose numerator, denominator or the rest of it is the sum of these counts.
    fn add_revealed(&mut self, lines: &LineIndex<'_, '_>, rate: usize, parts: &[usize]) {
        if parts.is_empty() {
            return;
        }
        let line = &lines[rate];
        let (n, of) = (line.n.map(Number::as_f64), line.of.map(Number::as_f64));
        let sum: Option<f64> = parts.iter().map(|at| lines[*at].n.map(Number::as_f64)).sum();
        let counts = || parts.iter().copied().map(Count::of);
        let (is_numerator, is_denominator) = (sum.is_some() && sum == n, sum.is_some() && sum == of);
        let is_rest = sum.is_some() && sum == of.zip(n).map(|(of, n)| of - n);
        if is_denominator {
            self.group(Kind::Revealed, Some(Count::denominator(rate)), counts());
        }
        if is_rest {
            self.group(Kind::Revealed, Some(Count::denominator(rate)), counts().chain([Count::of(rate)]));
        }
        if is_numerator {
            self.group(Kind::Revealed, Some(Count::of(rate)), counts());
        }
        if !(is_numerator || is_denominator || is_rest) {
            self.group(Kind::Near, Some(Count::of(rate)), counts());
        }
    }
}

/// The lines of a count that a rate reveals.
fn lines_of(lines: &LineIndex<'_, '_>, line: &Line<'_>, count: &CountRef) -> Vec<usize> {
    count.periods(line.period).into_iter().filter_map(|period| line_of(lines, line, count, period)).collect()
}

/// The line of a count in the place of a rate, of this period.
fn line_of(lines: &LineIndex<'_, '_>, rate: &Line<'_>, count: &CountRef, period: Period) -> Option<usize> {
    let by: Dimensions = rate.by.iter().chain(count.by.iter().copied()).collect();
    let (metric, population) = (count.metric, count.population);
    lines.find(rate, &LineRef { metric, period, population, by: &by })
}

/// The dimensions of the finished sessions of a duration. Only they have a duration where GitLab
/// aggregates sessions.
pub(in super::super) fn finished(duration: &Dimensions) -> Dimensions {
    without_stat(duration).iter().chain([("status", "finished")]).collect()
}

/// The dimensions of the observations of a statistic.
pub(in super::super) fn without_stat(by: &Dimensions) -> Dimensions {
    by.iter().filter(|(name, _)| *name != "stat").collect()
}
