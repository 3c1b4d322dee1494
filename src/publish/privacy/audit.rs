//! What an attacker can compute from published lines: the bounds of each suppressed count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Line;
use super::relations::{Count, Group, Kind, Relations, number_of};
use crate::aggregate::metrics::{Unit, definitions};

/// The values that a count can have, according to what is published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Rounding of sums of amounts.
pub(super) const TOLERANCE: f64 = 1e-6;

/// Below this width, every change of the bounds of a whole number counts.
const SMALL_EXTENT: f64 = 32.0;

/// How often a relation is used on average at most.
const MAX_STEPS_PER_GROUP: usize = 100;

/// The lower or the upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Low,
    High,
}

impl Side {
    fn opposite(self) -> Side {
        match self {
            Side::Low => Side::High,
            Side::High => Side::Low,
        }
    }
}

impl Bounds {
    /// Nothing is known but that the count exists.
    pub(super) const UNKNOWN: Bounds = Bounds { low: 0.0, high: f64::INFINITY };

    fn exactly(value: f64) -> Bounds {
        Bounds { low: value, high: value }
    }

    /// Whether a value can be the count.
    pub(super) fn contains(self, value: f64) -> bool {
        self.low - TOLERANCE <= value && value <= self.high + TOLERANCE
    }

    /// Whether it is one value, or one of fewer than `min_people` neighboring ones.
    pub(super) fn is_narrow(self, min_people: u64) -> bool {
        self.high - self.low + 1.0 < min_people as f64
    }

    /// Restricts the bounds, unless that contradicts them: then the relation does not hold exactly.
    ///
    /// Bounds can approach a limit without end. So those of whole numbers are rounded, and small
    /// changes of wide bounds are ignored.
    fn restrict(&mut self, low: f64, high: f64, is_whole: bool) -> bool {
        if low <= self.low && high >= self.high {
            return false;
        }
        let (low, high) =
            if is_whole { ((low - TOLERANCE).ceil(), (high + TOLERANCE).floor()) } else { (low, high) };
        let narrowed = Bounds { low: self.low.max(low), high: self.high.min(high) };
        let width = self.high - self.low;
        let extent = if width.is_finite() { width } else { self.low };
        let least =
            if is_whole && extent < SMALL_EXTENT { TOLERANCE } else { (extent / 16.0).max(TOLERANCE) };
        let changes = narrowed.low > self.low + least || narrowed.high < self.high - least;
        if !changes || narrowed.low > narrowed.high + TOLERANCE {
            return false;
        }
        *self = narrowed;
        true
    }
}

/// The units of the metrics, by name.
pub(super) fn units() -> BTreeMap<&'static str, Unit> {
    definitions().map(|definition| (definition.metric, definition.unit)).collect()
}

/// The true values of all counts of the lines, where they are known.
pub(super) fn values(lines: &[&Line<'_>]) -> Vec<Option<f64>> {
    let units = units();
    let of_line = |line: &&Line<'_>| {
        let unit = units.get(line.metric).copied();
        [number_of(line, false, unit), number_of(line, true, unit)]
    };
    lines.iter().flat_map(of_line).collect()
}

/// Whether each count is a whole number, by the unit of its metric and, where it is known, the count.
pub(super) fn whole_numbers(lines: &[&Line<'_>], values: &[Option<f64>]) -> Vec<bool> {
    let units = units();
    let is_whole = |at: usize| {
        let is_amount = matches!(
            units.get(lines[at / 2].metric),
            Some(Unit::Dollars | Unit::Credits | Unit::PerPerson(_))
        );
        !is_amount && values[at].is_none_or(|value| value.fract() == 0.0)
    };
    (0..values.len()).map(is_whole).collect()
}

/// Whether each count can be zero, or below one, although it is suppressed. Zeros are published, except for
/// the numerators of rates, the denominators of rates without a value, amounts, measures, what is only
/// implied, and the lines of a group that publishes nothing.
pub(super) fn possible_zeros(lines: &[&Line<'_>]) -> Vec<bool> {
    let units = units();
    let shows_any = |line: &&&Line<'_>| !line.is_suppressed && !line.metric.starts_with("coverage.");
    let shown: BTreeSet<(&str, &str)> =
        lines.iter().filter(shows_any).map(|line| (line.instance, line.scope)).collect();
    let of_line = |line: &&Line<'_>| match units.get(line.metric) {
        Some(Unit::Dollars | Unit::Credits | Unit::DeploymentsPerDay) => [true, true],
        // Without a number of observations, it is a measure.
        Some(Unit::Seconds | Unit::Days) if line.n.is_none() => [true, true],
        _ if line.is_implied() || !shown.contains(&(line.instance, line.scope)) => [true, true],
        Some(Unit::Share(_) | Unit::PerPerson(_)) => [true, line.value.is_none()],
        _ => [false, false],
    };
    lines.iter().flat_map(of_line).collect()
}

/// What everyone knows of a count before using any relation: its value, if it is published.
pub(super) fn known(is_suppressed: bool, value: Option<f64>, can_be_zero: bool) -> Bounds {
    match (is_suppressed, value) {
        (true, _) if can_be_zero => Bounds::UNKNOWN,
        (true, _) => Bounds { low: 1.0, high: f64::INFINITY },
        (false, Some(value)) => Bounds::exactly(value),
        (false, None) => Bounds::UNKNOWN,
    }
}

/// Whether the true values agree with a relation. Those that do not hold say nothing.
pub(super) fn holds(relations: &Relations, group: &Group, values: &[Option<f64>]) -> bool {
    let value = |count: &Count| values[count.index()];
    let parts = relations.parts_of(group);
    if let (Kind::Balance, [a, b, c, d]) = (group.kind, parts) {
        let sides = value(a).zip(value(b)).zip(value(c).zip(value(d)));
        return sides.is_some_and(|((a, b), (c, d))| (a + b - c - d).abs() <= TOLERANCE * (a + b).max(1.0));
    }
    let Some(total) = group.total.as_ref().and_then(value) else { return false };
    let (mut sum, mut largest) = (0.0, 0.0_f64);
    for part in parts {
        let Some(part) = value(part) else { return false };
        (sum, largest) = (sum + part, largest.max(part));
    }
    match group.kind {
        Kind::Sum | Kind::Revealed => (sum - total).abs() <= TOLERANCE * total.abs().max(1.0),
        Kind::Near | Kind::Balance => false,
        Kind::Within => sum <= total + TOLERANCE * total.abs().max(1.0),
        Kind::Around => sum >= total - TOLERANCE * total.abs().max(1.0),
        Kind::Cover => largest <= total && total <= sum,
        Kind::Nested | Kind::AtMost => largest <= total,
    }
}

/// No relation set a bound.
const NONE: u32 = u32::MAX;

/// The bounds of all counts, and which relations set them: if a published value is suppressed, only
/// what was concluded from it is computed again.
pub(super) struct Propagation<'r> {
    relations: &'r Relations,
    bounds: Vec<Bounds>,
    /// The relation that set the lower and the upper bound.
    reasons: Vec<[u32; 2]>,
    /// How many bounds each relation set.
    bounds_set: Vec<u32>,
    /// Whether each count is a whole number.
    is_whole: Vec<bool>,
    /// Whether each relation waits for its turn.
    is_waiting: Vec<bool>,
}

impl<'r> Propagation<'r> {
    /// Bounds without any conclusion, by [`Count::index`].
    pub(super) fn new(relations: &'r Relations, bounds: Vec<Bounds>, is_whole: Vec<bool>) -> Propagation<'r> {
        let reasons = vec![[NONE; 2]; bounds.len()];
        let bounds_set = vec![0; relations.groups.len()];
        let is_waiting = vec![false; relations.groups.len()];
        Propagation { relations, bounds, reasons, bounds_set, is_whole, is_waiting }
    }

    /// The bounds, by [`Count::index`].
    pub(super) fn bounds(&self) -> &[Bounds] {
        &self.bounds
    }

    /// The relations that set the bounds of a count.
    pub(super) fn reasons(&self, count: usize) -> impl Iterator<Item = usize> {
        self.reasons[count].into_iter().filter(|reason| *reason != NONE).map(|reason| reason as usize)
    }

    /// Replaces the bounds of a count by what is known of it without any relation.
    pub(super) fn set(&mut self, count: usize, bounds: Bounds) {
        self.bounds[count] = bounds;
        self.settle(count);
    }

    /// Makes the bounds of a count part of what is known without any relation.
    pub(super) fn settle(&mut self, count: usize) -> Bounds {
        [Side::Low, Side::High].into_iter().for_each(|side| self.explain(count, side, NONE));
        self.bounds[count]
    }

    /// Replaces the relation that set a bound.
    fn explain(&mut self, count: usize, side: Side, by: u32) {
        let before = std::mem::replace(&mut self.reasons[count][side as usize], by);
        if before != NONE {
            self.bounds_set[before as usize] -= 1;
        }
        if by != NONE {
            self.bounds_set[by as usize] += 1;
        }
    }

    /// Forgets everything concluded from these counts, and returns all counts that have to be computed
    /// again, in order. `known` returns what is known of a count without any relation.
    pub(super) fn forget(&mut self, counts: Vec<usize>, known: impl Fn(usize) -> Bounds) -> Vec<usize> {
        let mut waiting: Vec<(usize, Side)> = Vec::new();
        for count in &counts {
            self.set(*count, known(*count));
            waiting.extend([(*count, Side::Low), (*count, Side::High)]);
        }
        let mut forgotten = counts;
        while let Some((count, side)) = waiting.pop() {
            for at in self.relations.groups_of(count / 2) {
                if self.bounds_set[at] == 0 {
                    continue;
                }
                let group = &self.relations.groups[at];
                for (other, other_side) in follows(self.relations, group, count, side) {
                    if self.reasons[other][other_side as usize] == at as u32 {
                        self.explain(other, other_side, NONE);
                        let known = known(other);
                        match other_side {
                            Side::Low => self.bounds[other].low = known.low,
                            Side::High => self.bounds[other].high = known.high,
                        }
                        forgotten.push(other);
                        waiting.push((other, other_side));
                    }
                }
            }
        }
        forgotten.sort_unstable();
        forgotten.dedup();
        forgotten
    }

    /// Narrows the bounds by relations until nothing changes: by those that `start` names, and by each
    /// other one that `is_usable` and has a count whose bounds change. Returns the counts whose bounds
    /// changed, in order.
    pub(super) fn propagate(
        &mut self,
        start: impl Iterator<Item = usize>,
        is_usable: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let mut waiting = VecDeque::new();
        for group in start.filter(|group| is_usable(*group)) {
            if !std::mem::replace(&mut self.is_waiting[group], true) {
                waiting.push_back(group);
            }
        }
        let mut all_changed = Vec::new();
        // A limit for what approaches its bounds very slowly.
        let mut steps = MAX_STEPS_PER_GROUP * self.relations.groups.len();
        let mut changed = Vec::new();
        while let Some(at) = waiting.pop_front() {
            self.is_waiting[at] = false;
            if steps == 0 {
                continue;
            }
            steps -= 1;
            self.apply(at, &mut changed);
            for (count, side) in changed.drain(..) {
                all_changed.push(count.index());
                for other in self.relations.groups_of(count.line()) {
                    if !self.is_waiting[other]
                        && is_usable(other)
                        && concludes(&self.relations.groups[other], count, side)
                    {
                        self.is_waiting[other] = true;
                        waiting.push_back(other);
                    }
                }
            }
        }
        all_changed.sort_unstable();
        all_changed.dedup();
        all_changed
    }

    /// Narrows the bounds of a count by a relation.
    fn narrow(&mut self, at: usize, count: Count, low: f64, high: f64, changed: &mut Vec<(Count, Side)>) {
        let index = count.index();
        let before = self.bounds[index];
        if self.bounds[index].restrict(low, high, self.is_whole[index]) {
            let after = self.bounds[index];
            if after.low > before.low {
                self.explain(index, Side::Low, at as u32);
                changed.push((count, Side::Low));
            }
            if after.high < before.high {
                self.explain(index, Side::High, at as u32);
                changed.push((count, Side::High));
            }
        }
    }

    /// Narrows bounds by one relation, and adds those that change to `changed`.
    fn apply(&mut self, at: usize, changed: &mut Vec<(Count, Side)>) {
        let relations = self.relations;
        let group = &relations.groups[at];
        if group.kind == Kind::Balance {
            for (part, implied) in balance(relations, group, &self.bounds) {
                self.narrow(at, part, implied.low, implied.high, changed);
            }
            return;
        }
        let Some(total) = group.total.filter(|_| group.kind != Kind::Near) else { return };
        let parts = relations.parts_of(group);
        let (mut low, mut high, mut largest) = (0.0, 0.0, 0.0_f64);
        for part in parts {
            let bounds = self.bounds[part.index()];
            (low, high, largest) = (low + bounds.low, high + bounds.high, largest.max(bounds.low));
        }
        let of_total = self.bounds[total.index()];
        // Everything is known.
        if low == high && of_total.low == of_total.high {
            return;
        }
        let (total_low, total_high) = match group.kind {
            Kind::Sum | Kind::Revealed => (low, high),
            Kind::Within => (low, f64::INFINITY),
            Kind::Around => (0.0, high),
            Kind::Cover | Kind::Near | Kind::Balance => (largest, high),
            Kind::Nested | Kind::AtMost => (largest, f64::INFINITY),
        };
        self.narrow(at, total, total_low, total_high, changed);
        for count in parts {
            let part = self.bounds[count.index()];
            let others_high = if high.is_finite() { high - part.high } else { f64::INFINITY };
            let (part_low, part_high) = match group.kind {
                Kind::Sum | Kind::Revealed => (of_total.low - others_high, of_total.high - (low - part.low)),
                Kind::Within => (0.0, of_total.high - (low - part.low)),
                Kind::Around => (of_total.low - others_high, f64::INFINITY),
                Kind::Cover | Kind::Near | Kind::Balance => (of_total.low - others_high, of_total.high),
                Kind::Nested | Kind::AtMost => (0.0, of_total.high),
            };
            self.narrow(at, *count, part_low, part_high, changed);
        }
    }
}

/// Whether a relation concludes anything from one bound of a count. Relations are listed by line: for the
/// other count of a line, the answer does not matter.
fn concludes(group: &Group, count: Count, side: Side) -> bool {
    let is_total = group.total == Some(count);
    match group.kind {
        Kind::Sum | Kind::Revealed | Kind::Cover | Kind::Balance => true,
        Kind::Within | Kind::Nested | Kind::AtMost => is_total == (side == Side::High),
        Kind::Around => is_total == (side == Side::Low),
        Kind::Near => false,
    }
}

/// The bounds that a relation concludes from one bound of a count.
fn follows(
    relations: &Relations,
    group: &Group,
    count: usize,
    side: Side,
) -> impl Iterator<Item = (usize, Side)> {
    let (kind, parts) = (group.kind, relations.parts_of(group));
    let is_total = group.total.is_some_and(|total| total.index() == count);
    // The first two parts are on one side of a balance.
    let is_left = |at: usize| at < 2;
    let place = parts.iter().position(|part| part.index() == count);
    let of_part = move |(at, part): (usize, &Count)| {
        let (is_concluded, is_same_side) = match kind {
            Kind::Sum | Kind::Revealed | Kind::Within | Kind::Around => (true, is_total),
            Kind::Balance => (true, place.is_some_and(|place| is_left(place) != is_left(at))),
            Kind::Cover => (is_total || side == Side::High, is_total),
            Kind::Nested | Kind::AtMost => (is_total, is_total),
            Kind::Near => (false, false),
        };
        is_concluded.then_some((part.index(), if is_same_side { side } else { side.opposite() }))
    };
    let total = group.total.filter(|_| !is_total).map(|total| (total.index(), side));
    let others = parts.iter().enumerate().filter(move |(_, part)| part.index() != count);
    others.filter_map(of_part).chain(total)
}

/// What each of the four counts of a balance can be, according to the other three.
pub(super) fn balance(relations: &Relations, group: &Group, bounds: &[Bounds]) -> Vec<(Count, Bounds)> {
    let [a, b, c, d] = relations.parts_of(group) else { return Vec::new() };
    let sides = [(a, b, [c, d]), (b, a, [c, d]), (c, d, [a, b]), (d, c, [a, b])];
    let implied = |(count, other, [one, two]): (&Count, &Count, [&Count; 2])| {
        let [other, one, two] = [other, one, two].map(|count| bounds[count.index()]);
        let bounds = Bounds { low: one.low + two.low - other.high, high: one.high + two.high - other.low };
        (*count, bounds)
    };
    sides.into_iter().map(implied).collect()
}
