//! An attack on what is published: what an attacker with all files of all daily sites can derive.
//!
//! It is written from the meaning of the metrics (docs/metrics.md, docs/streams.md), apart from the
//! suppression, and uses nothing of it but its result.

mod knowledge;
mod linear;
mod loss;
mod meaning;
mod propagation;
mod relations;
mod report;
mod simplex;
mod site;
mod worlds;

use std::time::Instant;

use duo_metrics::base::calendar::Grain;
use knowledge::Knowledge;
use linear::Limits;
use propagation::Propagation;
use report::Report;
use site::Cut;
use worlds::{Plan, Shape, World};

/// Attacks one world.
fn attack(plan: Plan) -> Report {
    attack_after(None, plan)
}

/// Attacks one world, whose lines were published in two parts.
fn attack_after(cut: Option<Cut>, plan: Plan) -> Report {
    let started = Instant::now();
    let world = World::new(plan);
    let mut knowledge = Knowledge::of(&world, cut);
    let read = started.elapsed();
    let started = Instant::now();
    let relations = relations::relations(&mut knowledge);
    let broken = report::broken(&knowledge, &relations);
    let reasons = Propagation::new(&knowledge, &relations).run(&mut knowledge);
    let propagated = started.elapsed();
    let examined = linear::narrow(&mut knowledge, &relations, limits());
    let mut report = Report::of(&knowledge, &relations, &reasons, &examined.proofs);
    report.broken = broken;
    eprintln!(
        "{plan:?}: {} variables, {} relations; read in {read:?}, propagated in {propagated:?}, all in {:?}; {examined}",
        knowledge.variables.len(),
        relations.len(),
        started.elapsed()
    );
    report
}

#[test]
fn nothing_about_few_people_can_be_derived_from_a_small_site() {
    let plan = Plan {
        people: 20,
        shape: Shape::One,
        sites: 1,
        every: 1,
        is_corrected: false,
        has_gaps: false,
        seed: 1,
    };
    let report = attack(plan);
    assert!(report.broken.is_empty() && report.excluded.is_empty(), "the attack is wrong: {report}");
    assert!(report.sensitive > 1000, "{}", report.sensitive);
    assert!(report.certain().is_empty(), "{report}");
}

/// Days that were not collected add nothing to the periods around them, which everyone knows.
#[test]
fn days_that_were_not_collected_do_not_reveal_the_others() {
    let plan = Plan {
        people: 40,
        shape: Shape::Shared,
        sites: 1,
        every: 1,
        is_corrected: false,
        has_gaps: true,
        seed: 1,
    };
    let report = attack(plan);
    assert!(report.excluded.is_empty(), "the attack is wrong: {report}");
    assert!(report.sensitive > 1000, "{}", report.sensitive);
    assert!(report.certain().is_empty(), "{report}");
}

/// What suppression does not know, the attack must find: without the relations between these lines and all others, counts
/// of few people can be derived.
#[test]
fn a_relation_that_suppression_does_not_know_is_noticed() {
    let cuts: [(&str, Shape, Cut); 5] = [
        ("days and longer periods", Shape::One, |line| line.grain == Grain::Day),
        ("totals and their parts", Shape::One, |line| line.by.is_empty()),
        ("events and the metrics of one event", Shape::Shared, |line| line.metric == "events.count"),
        ("groups and their union", Shape::Shared, |line| line.scope == "*"),
        ("windows and weeks", Shape::One, |line| line.grain == Grain::Window),
    ];
    for (name, shape, cut) in cuts {
        let plan =
            Plan { people: 40, shape, sites: 1, every: 1, is_corrected: false, has_gaps: false, seed: 1 };
        let report = attack_after(Some(cut), plan);
        assert!(!report.certain().is_empty(), "without the relations between {name}: {report}");
    }
}

/// How far linear programming goes: `DUO_METRICS_ATTACK_LINEAR="VARIABLES NUMBERS"`.
fn limits() -> Limits {
    let named = std::env::var("DUO_METRICS_ATTACK_LINEAR").unwrap_or_else(|_| "120 400".to_owned());
    let numbers: Vec<usize> = named.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    Limits { variables: numbers[0], numbers: numbers[1] }
}

/// The plans that `DUO_METRICS_ATTACK` names, separated by commas: people, shape (`one`, `shared`,
/// `tiny`, `teams`), sites and, if they are not daily, the days between them; then `late` for
/// late events and a day that shrinks, and `gaps` for days that were not collected. By default all.
fn plans() -> Vec<Plan> {
    let named = std::env::var("DUO_METRICS_ATTACK").unwrap_or_else(|_| {
        "20 one 30, 40 one 30, 60 shared 30, 60 teams 30, 60 tiny 30 1 late, 120 one 30, 300 one 30 7"
            .to_owned()
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
            every: words.get(3).and_then(|days| days.parse().ok()).unwrap_or(1),
            is_corrected: words.contains(&"late"),
            has_gaps: words.contains(&"gaps"),
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
        eprintln!("{}", attack(plan));
    }
}
