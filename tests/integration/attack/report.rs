//! What the attack found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::knowledge::{Knowledge, Range, Variable, days};
use super::meaning::Kind;
use super::relations::{Relation, Sense};
use super::site::MIN_PEOPLE;

/// Findings of each kind that are printed, unless `DUO_METRICS_ATTACK_EXAMPLES` sets another number.
const EXAMPLES: usize = 3;

/// What an attacker derives from one world.
pub(crate) struct Report {
    pub(crate) rows: u64,
    pub(crate) suppressed: u64,
    pub(crate) telling_marks: u64,
    /// Zeros that are suppressed.
    pub(crate) hidden_zeros: Vec<String>,
    /// Cells that rest on few people.
    pub(crate) sensitive: usize,
    /// Findings by kind.
    pub(crate) findings: BTreeMap<String, Vec<String>>,
    /// Relations that the truth contradicts, and numbers that contradict each other: errors of the
    /// attack.
    pub(crate) broken: BTreeMap<String, u64>,
    /// Bounds that exclude the truth: errors of the attack.
    pub(crate) excluded: Vec<String>,
}

/// Relations that the truth contradicts.
pub(crate) fn broken(knowledge: &Knowledge, relations: &[Relation]) -> BTreeMap<String, u64> {
    let mut found = knowledge.contradictions.clone();
    for relation in relations {
        let terms: Option<Vec<f64>> = (relation.terms.iter())
            .map(|(at, factor)| Some(f64::from(*factor) * knowledge.variables[*at].truth?))
            .collect();
        let Some(sum) = terms.map(|terms| terms.iter().sum::<f64>()) else { continue };
        let is_broken = match relation.sense {
            Sense::Equal => sum.abs() > 1e-6,
            Sense::AtMost => sum > 1e-6,
        };
        if is_broken {
            let names: Vec<String> = (relation.terms.iter())
                .map(|(at, factor)| {
                    let quantity = &knowledge.series[knowledge.variables[*at].series].quantity;
                    let by: Vec<&String> = quantity.by.keys().collect();
                    format!("{factor:+} {}{by:?}", quantity.name)
                })
                .take(3)
                .collect();
            let first = if found.len() < 12 { explain(knowledge, relation) } else { String::new() };
            *found.entry(format!("{:?} {names:?} {first}", relation.rule)).or_default() += 1;
        }
    }
    found
}

pub(crate) fn explain(knowledge: &Knowledge, relation: &Relation) -> String {
    let text: Vec<String> = (relation.terms.iter())
        .take(40)
        .map(|(at, factor)| {
            let variable = &knowledge.variables[*at];
            format!(
                "{factor:+} {} in [{}, {}] is {}",
                knowledge.name(*at),
                variable.low,
                variable.high,
                variable.truth.map_or_else(|| "?".to_owned(), |truth| truth.to_string())
            )
        })
        .collect();
    format!("{:?} {:?}: {}", relation.rule, relation.sense, text.join("; "))
}

impl Report {
    /// Judges the bounds by the truth.
    pub(crate) fn of(knowledge: &Knowledge, relations: &[Relation], reasons: &[Option<usize>]) -> Report {
        let mut report = Report {
            rows: knowledge.rows,
            suppressed: knowledge.suppressed_rows,
            telling_marks: knowledge.telling_marks,
            hidden_zeros: knowledge.hidden_zeros.clone(),
            sensitive: 0,
            findings: BTreeMap::new(),
            broken: BTreeMap::new(),
            excluded: Vec::new(),
        };
        for (at, variable) in knowledge.variables.iter().enumerate() {
            let is_outside = |truth: f64| truth < variable.low - 1e-6 || truth > variable.high + 1e-6;
            if variable.truth.is_some_and(is_outside) {
                let reason =
                    reasons[at].map_or(String::new(), |reason| explain(knowledge, &relations[reason]));
                report.excluded.push(format!(
                    "{} [{}, {}] is {:?}: {reason}",
                    knowledge.name(at),
                    variable.low,
                    variable.high,
                    variable.truth
                ));
            }
            if variable.few_people.is_some() {
                report.sensitive += 1;
                report.judge(knowledge, at, relations, reasons);
            }
        }
        report.add_differences(knowledge);
        report
    }

    fn judge(&mut self, knowledge: &Knowledge, at: usize, relations: &[Relation], reasons: &[Option<usize>]) {
        let variable = &knowledge.variables[at];
        let width = variable.high - variable.low;
        if width > (MIN_PEOPLE - 1) as f64 - 1e-6 && !variable.is_shown {
            return;
        }
        let quantity = &knowledge.series[variable.series].quantity;
        let field = if quantity.kind == Kind::Additive { "count" } else { "people" };
        let place = match variable {
            Variable { is_shown: true, .. } => "shown",
            Variable { is_suppressed: true, .. } => "suppressed",
            _ => "not published",
        };
        let precision = if width < 1e-6 { "exact" } else { "narrow" };
        let reason = reasons[at].map_or_else(String::new, |reason| explain(knowledge, &relations[reason]));
        self.findings.entry(format!("{place} {field} {precision}")).or_default().push(format!(
            "{} in [{}, {}] is {:?} of {} people: {reason}",
            knowledge.name(at),
            variable.low,
            variable.high,
            variable.truth,
            variable.few_people.unwrap_or_default()
        ));
    }

    /// Differences of two known counts of people, one within the other.
    fn add_differences(&mut self, knowledge: &Knowledge) {
        let is_known = |variable: &Variable| variable.high - variable.low < 1e-6;
        let is_few = |difference: f64| difference > 0.5 && difference < MIN_PEOPLE as f64 - 0.5;
        // By name, scope and population, then by range.
        let mut known: BTreeMap<usize, Vec<(Range, u32, f64)>> = BTreeMap::new();
        for variable in &knowledge.variables {
            if knowledge.series[variable.series].quantity.kind == Kind::People && is_known(variable) {
                known.entry(variable.series).or_default().push((
                    variable.range,
                    variable.vintage,
                    variable.low,
                ));
            }
        }
        let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (series, cells) in &known {
            let name = |range: Range, value: f64| format!("{} = {value}", days(range));
            let text = knowledge.series[*series].to_string();
            for (long, vintage, more) in cells {
                for (short, _, fewer) in cells {
                    let is_within = long != short && long.0 <= short.0 && short.1 <= long.1;
                    if is_within
                        && knowledge.vintage(*short, knowledge.last) <= *vintage
                        && is_few(more - fewer)
                    {
                        found.entry("difference: longer minus shorter period").or_default().insert(format!(
                            "{text}: {} - {}",
                            name(*long, *more),
                            name(*short, *fewer)
                        ));
                    }
                }
            }
            for (other, others) in &known {
                let kind = match relation_of(knowledge, *series, *other) {
                    Some(kind) => kind,
                    None => continue,
                };
                for (range, vintage, more) in cells {
                    let same = others
                        .iter()
                        .find(|(other, other_vintage, _)| other == range && other_vintage == vintage);
                    if let Some((_, _, fewer)) = same
                        && is_few(more - fewer)
                    {
                        found.entry(kind).or_default().insert(format!(
                            "{text} {} minus {} = {fewer}",
                            name(*range, *more),
                            knowledge.series[*other]
                        ));
                    }
                }
            }
        }
        for variable in &knowledge.variables {
            let series = &knowledge.series[variable.series];
            let Some(name) = series.quantity.name.strip_prefix("seats.active#of@") else { continue };
            for rate in ["seats.active", "seats.activated"] {
                let mut other = series.clone();
                other.quantity.name = format!("{rate}@{name}");
                let Some(other) = knowledge.find_series(&other) else { continue };
                let Some(n) = knowledge.find(other, variable.range, knowledge.last) else { continue };
                let n = &knowledge.variables[n];
                if is_known(variable) && is_known(n) && is_few(variable.low - n.low) {
                    found
                        .entry("difference: seats without activity")
                        .or_default()
                        .insert(format!("{rate} {}: {} of {}", series.scope, n.low, variable.low));
                }
            }
        }
        for (kind, texts) in found {
            self.findings.insert(kind.to_owned(), texts.into_iter().collect());
        }
    }
}

/// How the people of one series contain those of another.
fn relation_of(knowledge: &Knowledge, whole: usize, part: usize) -> Option<&'static str> {
    let (whole, part) = (&knowledge.series[whole], &knowledge.series[part]);
    if whole.population != part.population {
        return None;
    }
    let same_scope = whole.scope == part.scope;
    if whole.quantity == part.quantity && whole.scope == "*" && !same_scope {
        return Some("difference: union minus group");
    }
    let same_by = whole.quantity.by == part.quantity.by;
    if !same_scope {
        return None;
    }
    if whole.quantity.name == "events.count#people" && part.quantity.name == "users.active#people" && same_by
    {
        return Some("difference: reached minus active");
    }
    let is_part = whole.quantity.name == part.quantity.name
        && whole.quantity.by.len() < part.quantity.by.len()
        && whole.quantity.by.iter().all(|(name, value)| part.quantity.by.get(name) == Some(value));
    is_part.then_some("difference: total minus part (people without it)")
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "rows {} suppressed {} (marks that say which: {}), zeros suppressed: {}; sensitive numbers {}; errors of the attack: {} {}",
            self.rows,
            self.suppressed,
            self.telling_marks,
            self.hidden_zeros.len(),
            self.sensitive,
            self.broken.values().sum::<u64>(),
            self.excluded.len()
        )?;
        for text in self.hidden_zeros.iter().take(3) {
            writeln!(out, "  suppressed zero: {text}")?;
        }
        for (text, count) in self.broken.iter().take(12) {
            writeln!(out, "  broken {count}: {text}")?;
        }
        for text in self.excluded.iter().take(6) {
            writeln!(out, "  excluded {text}")?;
        }
        let examples = std::env::var("DUO_METRICS_ATTACK_EXAMPLES").ok();
        let examples = examples.and_then(|number| number.parse().ok()).unwrap_or(EXAMPLES);
        for (kind, texts) in &self.findings {
            writeln!(out, "{:7} {kind}", texts.len())?;
            for text in texts.iter().step_by((texts.len() / examples.max(1)).max(1)).take(examples) {
                writeln!(out, "          {text}")?;
            }
        }
        Ok(())
    }
}
