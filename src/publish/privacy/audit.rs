//! What an attacker can compute from published lines: the bounds of each suppressed count.

use std::collections::BTreeMap;

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

/// Most passes over all relations. Bounds that are still moving then are wide.
const MAX_PASSES: usize = 60;

impl Bounds {
    /// Nothing is known but that the count exists.
    const UNKNOWN: Bounds = Bounds { low: 0.0, high: f64::INFINITY };

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
    let (Some(parts), Some(Some(total))) = (parts, total) else { return false };
    let sum: f64 = parts.iter().sum();
    let largest = parts.iter().copied().fold(0.0, f64::max);
    match group.kind {
        Kind::Sum | Kind::Revealed => (sum - total).abs() <= TOLERANCE * total.abs().max(1.0),
        Kind::Near => false,
        Kind::Cover => largest <= total && total <= sum,
        Kind::Nested => largest <= total,
    }
}

/// Narrows the bounds by all relations until nothing changes.
pub(super) fn propagate<'g>(
    relations: &Relations,
    groups: impl Iterator<Item = &'g Group> + Clone,
    bounds: &mut [Bounds],
) {
    for _ in 0..MAX_PASSES {
        let mut changed = false;
        for group in groups.clone() {
            changed |= apply(relations, group, bounds);
        }
        if !changed {
            return;
        }
    }
}

/// Narrows the bounds by one relation.
fn apply(relations: &Relations, group: &Group, bounds: &mut [Bounds]) -> bool {
    let Some(total) = group.total.map(Count::index).filter(|_| group.kind != Kind::Near) else {
        return false;
    };
    let parts = relations.parts_of(group);
    let (mut low, mut high, mut largest) = (0.0, 0.0, 0.0_f64);
    for part in parts {
        let bounds = bounds[part.index()];
        (low, high, largest) = (low + bounds.low, high + bounds.high, largest.max(bounds.low));
    }
    let of_total = bounds[total];
    let mut changed = match group.kind {
        Kind::Sum | Kind::Revealed => bounds[total].restrict(low, high),
        Kind::Cover | Kind::Near => bounds[total].restrict(largest, high),
        Kind::Nested => bounds[total].restrict(largest, f64::INFINITY),
    };
    for part in parts {
        let part = &mut bounds[part.index()];
        let others_high = if high.is_finite() { high - part.high } else { f64::INFINITY };
        changed |= match group.kind {
            Kind::Sum | Kind::Revealed => {
                part.restrict(of_total.low - others_high, of_total.high - (low - part.low))
            }
            Kind::Cover | Kind::Near => part.restrict(of_total.low - others_high, of_total.high),
            Kind::Nested => part.restrict(0.0, of_total.high),
        };
    }
    changed
}
