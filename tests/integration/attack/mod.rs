//! An attack on what is published: what an attacker with all files of all daily sites can derive.
//!
//! It is written from the meaning of the metrics (docs/metrics.md, docs/streams.md), apart from the
//! suppression, and uses nothing of it but its result.

mod knowledge;
mod meaning;
mod propagation;
mod relations;
mod report;
mod site;
mod worlds;

use std::time::Instant;

use knowledge::Knowledge;
use report::Report;
use worlds::{Plan, Shape, World};

/// Attacks one world.
fn attack(plan: Plan) -> Report {
    let started = Instant::now();
    let world = World::new(plan);
    let mut knowledge = Knowledge::of(&world);
    let read = started.elapsed();
    let started = Instant::now();
    let relations = relations::relations(&mut knowledge);
    let broken = report::broken(&knowledge, &relations);
    let reasons = propagation::propagate(&mut knowledge, &relations);
    if let Ok(wanted) = std::env::var("ZZ") {
        for at in 0..knowledge.variables.len() {
            if knowledge.name(at) == wanted {
                if let Some(r) = reasons[at] {
                    eprintln!("ZY {}", report::explain(&knowledge, &relations[r]));
                }
            }
        }
    }
    let mut report = Report::of(&knowledge, &relations, &reasons);
    report.broken = broken;
    eprintln!(
        "{plan:?}: {} variables, {} relations, read in {read:?}, attacked in {:?}",
        knowledge.variables.len(),
        relations.len(),
        started.elapsed()
    );
    report
}

/// The plans that `DUO_METRICS_ATTACK` names: `PEOPLE SHAPE SITES`, separated by commas; by
/// default all.
fn plans() -> Vec<Plan> {
    let named = std::env::var("DUO_METRICS_ATTACK").unwrap_or_else(|_| {
        "20 one 1, 20 one 30, 40 one 1, 40 one 30, 60 shared 30, 120 one 30, 300 one 1".to_owned()
    });
    let plan = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let shape = match words[1] {
            "one" => Shape::One,
            "shared" => Shape::Shared,
            "tiny" => Shape::Tiny,
            _ => Shape::Teams,
        };
        Plan {
            people: words[0].parse().expect("a number of people"),
            shape,
            sites: words[2].parse().expect("a number of sites"),
            is_corrected: words.get(3).is_some(),
            seed: 1,
        }
    };
    named.split(',').map(plan).collect()
}

/// `DUO_METRICS_ATTACK="40 one 30" cargo test --test integration attack:: -- --ignored --nocapture`
#[test]
#[ignore = "prints what can be derived in all worlds; takes minutes"]
fn what_can_be_derived() {
    for plan in plans() {
        println!("{}", attack(plan));
    }
}
