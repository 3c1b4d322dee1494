//! Interval propagation: each relation narrows the bounds of its variables by those of the others,
//! until nothing changes.

use std::collections::VecDeque;

use super::knowledge::{Knowledge, Variable};
use super::meaning::Kind;
use super::relations::{Relation, Sense};

/// How often a variable may be narrowed; bounds that creep further are left.
const MAX_UPDATES: u32 = 200;

const EPSILON: f64 = 1e-6;

/// The relations of each variable.
pub(crate) struct Propagation<'a> {
    relations: &'a [Relation],
    of_variable: Vec<Vec<u32>>,
    is_whole: Vec<bool>,
}

impl<'a> Propagation<'a> {
    pub(crate) fn new(knowledge: &Knowledge, relations: &'a [Relation]) -> Propagation<'a> {
        let mut of_variable: Vec<Vec<u32>> = vec![Vec::new(); knowledge.variables.len()];
        for (at, relation) in relations.iter().enumerate() {
            for (variable, _) in &relation.terms {
                of_variable[*variable].push(at as u32);
            }
        }
        let is_whole = |variable: &Variable| {
            let quantity = &knowledge.series[variable.series].quantity;
            quantity.kind != Kind::Additive || quantity.name.ends_with("#n") || quantity.name.ends_with("#of")
        };
        Propagation { relations, of_variable, is_whole: knowledge.variables.iter().map(is_whole).collect() }
    }

    /// Narrows the bounds of all variables. Returns for each variable the relation that narrowed it
    /// last, to explain findings.
    pub(crate) fn run(&self, knowledge: &mut Knowledge) -> Vec<Option<usize>> {
        let mut queue: VecDeque<u32> = (0..self.relations.len() as u32).collect();
        let mut reasons = vec![None; knowledge.variables.len()];
        let mut updates = vec![0_u32; knowledge.variables.len()];
        let mut is_queued = vec![false; self.relations.len()];
        queue.iter().for_each(|at| is_queued[*at as usize] = true);
        let mut narrowed = Vec::new();
        while let Some(at) = queue.pop_front() {
            is_queued[at as usize] = false;
            narrow(knowledge, &self.relations[at as usize], &self.is_whole, &mut narrowed);
            for variable in narrowed.drain(..) {
                updates[variable] += 1;
                reasons[variable] = Some(at as usize);
                if updates[variable] > MAX_UPDATES {
                    continue;
                }
                for other in &self.of_variable[variable] {
                    if !std::mem::replace(&mut is_queued[*other as usize], true) {
                        queue.push_back(*other);
                    }
                }
            }
        }
        reasons
    }
}

/// Narrows the variables of one relation; adds those that changed.
fn narrow(knowledge: &mut Knowledge, relation: &Relation, is_whole: &[bool], narrowed: &mut Vec<usize>) {
    // The smallest and the largest sum, with infinite terms apart.
    let (mut low, mut high, mut infinite) = (0.0, 0.0, (0_u32, 0_u32));
    for (at, factor) in &relation.terms {
        let variable = &knowledge.variables[*at];
        let (least, most) = ends(*factor, variable.low, variable.high);
        if least.is_finite() {
            low += least
        } else {
            infinite.0 += 1
        }
        if most.is_finite() { high += most } else { infinite.1 += 1 }
    }
    for (at, factor) in &relation.terms {
        let variable = &knowledge.variables[*at];
        if variable.high - variable.low < EPSILON {
            continue;
        }
        let (least, most) = ends(*factor, variable.low, variable.high);
        let (mut new_low, mut new_high) = (variable.low, variable.high);
        let mut bound = |limit: f64, is_upper: bool| {
            // factor * x is at most (or at least) the limit.
            let limit = limit / f64::from(*factor);
            if is_upper == (*factor > 0) {
                new_high = new_high.min(limit)
            } else {
                new_low = new_low.max(limit)
            }
        };
        let others_infinite = infinite.0 - u32::from(!least.is_finite());
        if others_infinite == 0 {
            bound(-(low - if least.is_finite() { least } else { 0.0 }), true);
        }
        let others_infinite = infinite.1 - u32::from(!most.is_finite());
        if relation.sense == Sense::Equal && others_infinite == 0 {
            bound(-(high - if most.is_finite() { most } else { 0.0 }), false);
        }
        if is_whole[*at] {
            (new_low, new_high) = ((new_low - EPSILON).ceil(), (new_high + EPSILON).floor());
        }
        let variable = &mut knowledge.variables[*at];
        if new_low > variable.low + EPSILON || new_high < variable.high - EPSILON {
            // The sums above still contain the old bounds; they are only wider.
            (variable.low, variable.high) = (new_low.max(variable.low), new_high.min(variable.high));
            narrowed.push(*at);
        }
    }
}

fn ends(factor: i8, low: f64, high: f64) -> (f64, f64) {
    let factor = f64::from(factor);
    if factor > 0.0 { (factor * low, factor * high) } else { (factor * high, factor * low) }
}
