//! What an attacker can compute from published lines: the bounds of each suppressed count.

use std::collections::{BTreeMap, VecDeque};

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
const TOLERANCE: f64 = 1e-6;

/// How often a relation is used on average at most.
const MAX_STEPS_PER_GROUP: usize = 100;

impl Bounds {
    /// Nothing is known but that the count exists.
    pub(super) const UNKNOWN: Bounds = Bounds { low: 0.0, high: f64::INFINITY };

    fn exactly(value: f64) -> Bounds {
        Bounds { low: value, high: value }
    }

    /// Whether it is one value, or one of fewer than `min_people` neighboring ones.
    pub(super) fn is_narrow(self, min_people: u64) -> bool {
        self.high - self.low < min_people as f64
    }

    /// Restricts the bounds, unless that contradicts them: then the relation does not hold exactly.
    fn restrict(&mut self, low: f64, high: f64) -> bool {
        let narrowed = Bounds { low: self.low.max(low), high: self.high.min(high) };
        let changes = narrowed.low > self.low + TOLERANCE || narrowed.high < self.high - TOLERANCE;
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
pub(super) fn values(lines: &[Line<'_>]) -> Vec<Option<f64>> {
    let units = units();
    let of_line = |line: &Line<'_>| {
        let unit = units.get(line.metric).copied();
        [number_of(line, false, unit), number_of(line, true, unit)]
    };
    lines.iter().flat_map(of_line).collect()
}

/// What everyone knows of a count before using any relation: its value, if it is published. A
/// suppressed count is not zero, because zeros are published.
pub(super) fn known(line: &Line<'_>, value: Option<f64>, is_amount: bool) -> Bounds {
    match (line.is_suppressed, value) {
        (true, _) if is_amount => Bounds::UNKNOWN,
        (true, _) => Bounds { low: 1.0, high: f64::INFINITY },
        (false, Some(value)) => Bounds::exactly(value),
        (false, None) => Bounds::UNKNOWN,
    }
}

/// Whether the true values agree with a relation. Those that do not hold say nothing.
pub(super) fn holds(relations: &Relations, group: &Group, values: &[Option<f64>]) -> bool {
    let parts: Option<Vec<f64>> = relations.parts_of(group).iter().map(|part| values[part.index()]).collect();
    let total = group.total.map(|total| values[total.index()]);
    if let (Kind::Balance, Some([a, b, c, d])) = (group.kind, parts.as_deref()) {
        return (a + b - c - d).abs() <= TOLERANCE * (a + b).max(1.0);
    }
    let (Some(parts), Some(Some(total))) = (parts, total) else { return false };
    let sum: f64 = parts.iter().sum();
    let largest = parts.iter().copied().fold(0.0, f64::max);
    match group.kind {
        Kind::Sum | Kind::Revealed => (sum - total).abs() <= TOLERANCE * total.abs().max(1.0),
        Kind::Near | Kind::Balance => false,
        Kind::Cover => largest <= total && total <= sum,
        Kind::Nested | Kind::AtMost => largest <= total,
    }
}

/// Narrows the bounds by relations until nothing changes: by those that `start` names, and by each
/// other one that `is_usable` and has a count whose bounds change.
pub(super) fn propagate(
    relations: &Relations,
    start: impl Iterator<Item = usize>,
    is_usable: impl Fn(usize) -> bool,
    bounds: &mut [Bounds],
) {
    let mut waiting: VecDeque<usize> = start.filter(|group| is_usable(*group)).collect();
    let mut is_waiting = vec![false; relations.groups.len()];
    waiting.iter().for_each(|group| is_waiting[*group] = true);
    // Amounts can approach their bounds without end.
    let mut steps = MAX_STEPS_PER_GROUP * relations.groups.len();
    while let Some(at) = waiting.pop_front() {
        is_waiting[at] = false;
        let group = &relations.groups[at];
        if steps == 0 {
            return;
        }
        steps -= 1;
        apply(relations, group, bounds, |count| {
            for other in relations.groups_of(count.line) {
                if !is_waiting[*other] && is_usable(*other) {
                    is_waiting[*other] = true;
                    waiting.push_back(*other);
                }
            }
        });
    }
}

/// Narrows the bounds by one relation, and calls `changed` for each count whose bounds change.
fn apply(relations: &Relations, group: &Group, bounds: &mut [Bounds], mut changed: impl FnMut(Count)) {
    if group.kind == Kind::Balance {
        for (part, implied) in balance(relations, group, bounds) {
            if bounds[part.index()].restrict(implied.low, implied.high) {
                changed(part);
            }
        }
        return;
    }
    let Some(total) = group.total.filter(|_| group.kind != Kind::Near) else { return };
    let parts = relations.parts_of(group);
    let (mut low, mut high, mut largest) = (0.0, 0.0, 0.0_f64);
    for part in parts {
        let bounds = bounds[part.index()];
        (low, high, largest) = (low + bounds.low, high + bounds.high, largest.max(bounds.low));
    }
    let of_total = bounds[total.index()];
    let is_narrower = match group.kind {
        Kind::Sum | Kind::Revealed => bounds[total.index()].restrict(low, high),
        Kind::Cover | Kind::Near | Kind::Balance => bounds[total.index()].restrict(largest, high),
        Kind::Nested | Kind::AtMost => bounds[total.index()].restrict(largest, f64::INFINITY),
    };
    if is_narrower {
        changed(total);
    }
    for count in parts {
        let part = &mut bounds[count.index()];
        let others_high = if high.is_finite() { high - part.high } else { f64::INFINITY };
        let is_narrower = match group.kind {
            Kind::Sum | Kind::Revealed => {
                part.restrict(of_total.low - others_high, of_total.high - (low - part.low))
            }
            Kind::Cover | Kind::Near | Kind::Balance => {
                part.restrict(of_total.low - others_high, of_total.high)
            }
            Kind::Nested | Kind::AtMost => part.restrict(0.0, of_total.high),
        };
        if is_narrower {
            changed(*count);
        }
    }
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
