//! The first screen: verdict, staircase, actions, tiles and trust, as values of its template.

use minijinja::{Value, context};

use crate::publish::answer::{Action, Answer, Assumptions, Fact, Sentence, Staircase, Subject, Tone};
use crate::publish::trust::{State, Trust};

use super::number::{self, count, percent};

/// The first screen of a dashboard.
pub(super) fn value(answer: &Answer, trust: &Trust, scope: &str, assumptions: &Assumptions) -> Value {
    let period = answer.period.map(|period| number::span(period.start, period.end));
    context! {
        scope => scope,
        period => period.unwrap_or_default(),
        trust => trust_value(trust),
        verdict => answer.verdict.iter().map(sentence).collect::<Vec<Value>>(),
        details => answer.details.iter().map(sentence).collect::<Vec<Value>>(),
        staircase => answer.staircase.as_ref().map(|staircase| staircase_value(staircase, assumptions)),
        has_actions => answer.has_actions,
        actions => answer.actions.iter().map(action).collect::<Vec<Value>>(),
    }
}

/// The facts about the data.
pub(super) fn trust_value(trust: &Trust) -> Value {
    let (tone, sign) = match trust.state {
        State::Complete if !trust.is_published => ("empty", "–"),
        State::Complete => ("complete", "✓"),
        State::Empty | State::Unknown => ("empty", "–"),
        State::Sampled | State::Partial | State::Imported => ("partial", "!"),
    };
    context! { tone => tone, sign => sign, summary => &*trust.summary, facts => &trust.facts }
}

fn sentence(sentence: &Sentence) -> Value {
    let part = |part: &crate::publish::answer::Part| {
        let class = match part.tone {
            Tone::Plain => "",
            Tone::Strong => "strong",
            Tone::Loss => "loss",
            Tone::Name => "name",
        };
        context! { text => &*part.text, class => class }
    };
    Value::from(sentence.parts.iter().map(part).collect::<Vec<Value>>())
}

fn action(action: &Action) -> Value {
    context! { parts => sentence(&action.sentence), evidence => action.evidence, href => action.href }
}

fn staircase_value(staircase: &Staircase, assumptions: &Assumptions) -> Value {
    let full = staircase.full() as f64;
    let step_of =
        |key| staircase.steps.iter().find(|step| step.key == key).and_then(|step| step.count.known());
    let width = |value: u64| format!("{:.2}", value as f64 / full * 100.0);
    let assigned = step_of("assigned");
    let steps: Vec<Value> = (staircase.steps.iter())
        .map(|step| {
            let base = match (staircase.of, step.key) {
                (_, "purchased" | "seen") => None,
                (Subject::Seats, "assigned") => step_of("purchased"),
                (Subject::Seats, _) => assigned,
                (Subject::People, _) => step_of("seen"),
            };
            let known = step.count.known();
            let share = match (known, base) {
                (Some(count), Some(base)) if base > 0 => percent(count as f64 / base as f64),
                _ => String::new(),
            };
            context! {
                label => step.label,
                known => known.is_some(),
                count => match step.count {
                    Fact::Known(value) => count(value),
                    Fact::Suppressed => number::UNKNOWN.to_owned(),
                    Fact::Unknown(_) => number::UNKNOWN.to_owned(),
                },
                why => step.count.why(),
                width => known.map_or_else(String::new, width),
                share => share,
                loss => step.loss.map_or_else(String::new, |loss| format!("{} {}", count(loss), step.loss_text)),
                loss_width => step.loss.map_or_else(String::new, width),
            }
        })
        .collect();
    let target = match (staircase.of, assigned, assumptions.target) {
        (Subject::Seats, Some(assigned), Some(target)) => Some((assigned, target)),
        _ => None,
    };
    let target = target.map(|(assigned, target)| {
        let seats = (assigned as f64 * f64::from(target) / 100.0).ceil() as u64;
        context! { percent => target, seats => count(seats), at => width(seats) }
    });
    context! {
        title => match staircase.of {
            Subject::Seats => "Are the seats worth it?",
            Subject::People => "How far did people get?",
        },
        note => match staircase.of {
            Subject::Seats => "From paid to habit. Hatched: what is lost at each step.",
            Subject::People => "From first use to habit, without a seat list. Hatched: what is lost at each step.",
        },
        of => match staircase.of {
            Subject::Seats => "of the assigned",
            Subject::People => "of all",
        },
        steps => steps,
        target => target,
        price => assumptions.seat_price.as_ref().map_or_else(String::new, |price| price.times(1)),
    }
}
