//! Linear programming: the least and the most that a suppressed number can be, over all relations
//! in its neighborhood at once. It finds what no single relation reveals, for example a cell of a
//! table of which rows and columns have two suppressed cells each.
//!
//! All relations of a world are too many, so each number is examined with those around it, up to a
//! number of variables. Numbers farther away keep the bounds that propagation found, which is
//! weaker but never wrong.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use super::knowledge::{Knowledge, Variable};
use super::meaning::Kind;
use super::relations::{Relation, Sense};
use super::simplex::{NoOptimum, Simplex};
use super::site::MIN_PEOPLE;

const EPSILON: f64 = 1e-5;

/// How far the search goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Unknown numbers in a program.
    pub(crate) variables: usize,
    /// Numbers examined in a world.
    pub(crate) numbers: usize,
}

/// What the search did.
#[derive(Clone, Default)]
pub(crate) struct Examined {
    pub(crate) numbers: usize,
    /// Numbers whose neighborhood was cut.
    pub(crate) cut: usize,
    /// Numbers that were not examined, because there were too many.
    pub(crate) left_out: usize,
    /// Programs without a solution, because of numerical trouble.
    pub(crate) failed: usize,
    /// The relations that narrow each number together, without those that are not needed.
    pub(crate) proofs: HashMap<usize, Vec<usize>>,
}

impl fmt::Display for Examined {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Examined { numbers, cut, left_out, failed, .. } = self;
        write!(
            out,
            "{numbers} numbers by linear programming ({cut} cut, {failed} failed), {left_out} left out"
        )
    }
}

/// Narrows numbers of few people that propagation left open.
pub(crate) fn narrow(knowledge: &mut Knowledge, relations: &[Relation], limits: Limits) -> Examined {
    let mut of_variable: Vec<Vec<usize>> = vec![Vec::new(); knowledge.variables.len()];
    for (at, relation) in relations.iter().enumerate() {
        for (variable, _) in &relation.terms {
            of_variable[*variable].push(at);
        }
    }
    let mut open: Vec<usize> = (0..knowledge.variables.len())
        .filter(|at| {
            let variable = &knowledge.variables[*at];
            variable.few_people.is_some() && !variable.is_derived() && !of_variable[*at].is_empty()
        })
        .collect();
    // Suppressed counts first: they are in the published tables.
    open.sort_by_key(|at| {
        let variable = &knowledge.variables[*at];
        let is_people = knowledge.series[variable.series].quantity.kind == Kind::People;
        (!variable.is_suppressed, is_people, variable.high.is_infinite(), *at)
    });
    let mut examined =
        Examined { left_out: open.len().saturating_sub(limits.numbers), ..Examined::default() };
    for target in open.into_iter().take(limits.numbers) {
        let around = neighborhood(knowledge, relations, &of_variable, target, limits.variables);
        examined.numbers += 1;
        examined.cut += usize::from(around.is_cut);
        let ends = ends(knowledge, relations, &around.relations, target);
        if is_narrow(&knowledge.variables[target], &ends) {
            let proof = proof(knowledge, relations, around.relations, target);
            examined.proofs.insert(target, proof);
        }
        let variable = &mut knowledge.variables[target];
        for (end, is_most) in ends.into_iter().zip([false, true]) {
            match end {
                Ok(value) if is_most => variable.high = variable.high.min((value + EPSILON).floor()),
                Ok(value) => variable.low = variable.low.max((value - EPSILON).ceil()),
                Err(NoOptimum::Unbounded) => {}
                Err(NoOptimum::Failed) => examined.failed += 1,
            }
        }
    }
    examined
}

/// The least and the most that a number can be.
type Ends = [Result<f64, NoOptimum>; 2];

fn ends(knowledge: &Knowledge, relations: &[Relation], around: &[usize], target: usize) -> Ends {
    let (mut program, at) = program(knowledge, relations, around, target);
    [program.optimum(at, false), program.optimum(at, true)]
}

/// Whether these ends leave fewer than k whole numbers.
fn is_narrow(variable: &Variable, ends: &Ends) -> bool {
    let low = ends[0].as_ref().map_or(variable.low, |low| low.max(variable.low));
    let high = ends[1].as_ref().map_or(variable.high, |high| high.min(variable.high));
    high + EPSILON - low < (MIN_PEOPLE - 1) as f64
}

/// Leaves out each relation without which the number is narrow too.
fn proof(knowledge: &Knowledge, relations: &[Relation], mut around: Vec<usize>, target: usize) -> Vec<usize> {
    let mut at = around.len();
    while at > 0 {
        at -= 1;
        let relation = around.remove(at);
        if !is_narrow(&knowledge.variables[target], &ends(knowledge, relations, &around, target)) {
            around.insert(at, relation);
        }
    }
    around
}

/// The relations around a number.
struct Neighborhood {
    relations: Vec<usize>,
    is_cut: bool,
}

fn is_known(variable: &Variable) -> bool {
    variable.high - variable.low < EPSILON
}

/// The relations nearest to a number, as long as they have few unknown numbers.
fn neighborhood(
    knowledge: &Knowledge,
    relations: &[Relation],
    of_variable: &[Vec<usize>],
    target: usize,
    most: usize,
) -> Neighborhood {
    let mut found = Neighborhood { relations: Vec::new(), is_cut: false };
    let mut variables: HashMap<usize, ()> = HashMap::from([(target, ())]);
    let mut taken: HashMap<usize, ()> = HashMap::new();
    let mut queue = VecDeque::from([target]);
    while let Some(variable) = queue.pop_front() {
        for at in &of_variable[variable] {
            if taken.contains_key(at) {
                continue;
            }
            let unknown = relations[*at].terms.iter().map(|(variable, _)| *variable);
            let new: Vec<usize> = unknown
                .filter(|variable| {
                    !is_known(&knowledge.variables[*variable]) && !variables.contains_key(variable)
                })
                .collect();
            if variables.len() + new.len() > most {
                found.is_cut = true;
                continue;
            }
            taken.insert(*at, ());
            found.relations.push(*at);
            for variable in new {
                variables.insert(variable, ());
                queue.push_back(variable);
            }
        }
    }
    found
}

/// The program of some relations, and the position of the number in it.
fn program(
    knowledge: &Knowledge,
    relations: &[Relation],
    around: &[usize],
    target: usize,
) -> (Simplex, usize) {
    let mut positions = HashMap::from([(target, 0)]);
    let mut bounds = vec![(knowledge.variables[target].low.max(0.0), knowledge.variables[target].high)];
    for (at, _) in around.iter().flat_map(|relation| &relations[*relation].terms) {
        let variable = &knowledge.variables[*at];
        if !is_known(variable) && !positions.contains_key(at) {
            positions.insert(*at, bounds.len());
            bounds.push((variable.low.max(0.0), variable.high));
        }
    }
    let mut program = Simplex::new(&bounds);
    for relation in around.iter().map(|at| &relations[*at]) {
        let mut constant = 0.0;
        let mut terms = Vec::new();
        for (at, factor) in &relation.terms {
            match positions.get(at) {
                Some(position) => terms.push((*position, f64::from(*factor))),
                None => constant += f64::from(*factor) * knowledge.variables[*at].low,
            }
        }
        let low = match relation.sense {
            Sense::Equal => -constant,
            Sense::AtMost => f64::NEG_INFINITY,
        };
        program.constrain(&terms, low, -constant);
    }
    (program, 0)
}
