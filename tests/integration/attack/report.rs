//! What the attack found.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::knowledge::{Knowledge, Range, Series, Variable, days};
use super::loss::Loss;
use super::meaning::{Kind, Quantity};
use super::relations::{Relation, Sense};
use super::site::MIN_PEOPLE;

/// Findings of each kind that are printed, unless `DUO_METRICS_ATTACK_EXAMPLES` sets another number.
const EXAMPLES: usize = 3;

/// What an attacker derives from one world.
pub(crate) struct Report {
    pub(crate) rows: u64,
    pub(crate) loss: Loss,
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

/// The conclusions that led to the bounds of a number, the last one first.
fn chain(relations: &[Relation], reasons: &[Option<usize>], at: usize) -> Vec<usize> {
    let mut used: Vec<usize> = Vec::new();
    let mut waiting = std::collections::VecDeque::from([at]);
    while let Some(at) = waiting.pop_front() {
        let Some(reason) = reasons[at].filter(|reason| !used.contains(reason)) else { continue };
        used.push(reason);
        if used.len() == 12 {
            break;
        }
        waiting.extend(relations[reason].terms.iter().map(|(other, _)| *other));
    }
    used
}

fn texts(knowledge: &Knowledge, relations: &[Relation], used: &[usize]) -> String {
    let texts: Vec<String> = used.iter().map(|reason| explain(knowledge, &relations[*reason])).collect();
    texts.join("\n              ")
}

fn explain(knowledge: &Knowledge, relation: &Relation) -> String {
    let text: Vec<String> = (relation.terms.iter())
        .take(12)
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
    /// Findings that leave fewer than k possible values.
    pub(crate) fn certain(&self) -> BTreeMap<&str, usize> {
        let is_certain = |kind: &&String| !kind.ends_with("almost open");
        (self.findings.iter().filter(|(kind, _)| is_certain(kind)))
            .map(|(kind, texts)| (&**kind, texts.len()))
            .collect()
    }

    /// Judges the bounds by the truth.
    pub(crate) fn of(
        knowledge: &Knowledge,
        relations: &[Relation],
        reasons: &[Option<usize>],
        proofs: &HashMap<usize, Vec<usize>>,
    ) -> Report {
        let mut report = Report {
            rows: knowledge.rows,
            loss: knowledge.loss.clone(),
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
                let reason = match proofs.get(&at) {
                    Some(proof) => texts(knowledge, relations, proof),
                    None => texts(knowledge, relations, &chain(relations, reasons, at)),
                };
                report.judge(knowledge, at, &reason);
            }
        }
        report.add_differences(knowledge);
        report
    }

    fn judge(&mut self, knowledge: &Knowledge, at: usize, reason: &str) {
        let variable = &knowledge.variables[at];
        let width = variable.high - variable.low;
        // Who knows that it is nobody learns nothing of anyone. It is somebody on an earlier site only.
        if !variable.is_derived() || variable.high <= 0.0 {
            return;
        }
        let quantity = &knowledge.series[variable.series].quantity;
        let field = if quantity.kind == Kind::Additive { "count" } else { "people" };
        let place = match variable {
            Variable { is_shown: true, .. } => "shown",
            Variable { is_suppressed: true, .. } => "suppressed",
            _ => "not published",
        };
        let precision = if width < 1e-6 {
            "exact"
        } else if width < (MIN_PEOPLE - 1) as f64 - 1e-6 {
            "narrow"
        } else {
            // k possible values, so the ends differ by less than k.
            "almost open"
        };
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
        // By series, then by range and vintage.
        let mut known: BTreeMap<usize, BTreeMap<(Range, u32), f64>> = BTreeMap::new();
        for variable in &knowledge.variables {
            let quantity = &knowledge.series[variable.series].quantity;
            let counts = quantity.kind == Kind::People
                || ["engagement.", "seats.", "teams."].iter().any(|name| quantity.name.starts_with(name));
            if counts && variable.high - variable.low < 1e-6 {
                known
                    .entry(variable.series)
                    .or_default()
                    .insert((variable.range, variable.vintage), variable.low);
            }
        }
        for (series, cells) in &known {
            if knowledge.series[*series].quantity.kind == Kind::People {
                self.add_longer_periods(knowledge, *series, cells);
            }
        }
        for (whole, part, kind) in nested(knowledge) {
            let (Some(wholes), Some(parts)) = (known.get(&whole), known.get(&part)) else { continue };
            for (cell, more) in wholes {
                if let Some(fewer) = parts.get(cell)
                    && is_few(more - fewer)
                {
                    let (whole, part) = (&knowledge.series[whole], &knowledge.series[part]);
                    self.findings
                        .entry(format!("difference: {kind}"))
                        .or_default()
                        .push(format!("{whole} {} = {more} minus {part} = {fewer}", days(cell.0)));
                }
            }
        }
    }

    fn add_longer_periods(
        &mut self,
        knowledge: &Knowledge,
        series: usize,
        cells: &BTreeMap<(Range, u32), f64>,
    ) {
        for ((long, vintage), more) in cells {
            for ((short, _), fewer) in cells {
                let is_within = long != short && long.0 <= short.0 && short.1 <= long.1;
                if is_within && knowledge.vintage(*short, knowledge.last) <= *vintage && is_few(more - fewer)
                {
                    let series = &knowledge.series[series];
                    let text = format!("{series} {} = {more} minus {} = {fewer}", days(*long), days(*short));
                    let kind = "difference: longer minus shorter period".to_owned();
                    self.findings.entry(kind).or_default().push(text);
                }
            }
        }
    }
}

fn is_few(difference: f64) -> bool {
    difference > 0.5 && difference < MIN_PEOPLE as f64 - 0.5
}

/// Pairs of series of which the second counts some of the people of the first.
fn nested(knowledge: &Knowledge) -> Vec<(usize, usize, &'static str)> {
    let mut found = Vec::new();
    for (part, series) in knowledge.series.iter().enumerate() {
        let quantity = &series.quantity;
        let mut add = |whole: Series, kind| {
            found.extend(
                knowledge.find_series(&whole).filter(|whole| *whole != part).map(|whole| (whole, part, kind)),
            );
        };
        let named = |name: &str, kind: Kind| {
            let quantity = Quantity { name: name.to_owned(), by: quantity.by.clone(), kind };
            Series { quantity, ..series.clone() }
        };
        if quantity.kind == Kind::People {
            add(Series { scope: "*".to_owned(), ..series.clone() }, "union minus group");
        }
        if quantity.name == "users.active#people" {
            add(named("events.count#people", Kind::People), "reached minus active");
        }
        if let Some((rate, grain)) = quantity.name.split_once('@') {
            if ["seats.active", "seats.activated"].contains(&rate) {
                add(named(&format!("seats.active#of@{grain}"), Kind::Partition), "seats without activity");
            }
            if rate == "engagement.users" && series.population == "seat_holders" {
                let whole = Series { population: "people".to_owned(), ..named(rate, Kind::Partition) };
                add(whole, "people minus seat holders");
            }
        }
        // Segments and the like are parts of no published total.
        let dimensions: Vec<String> = quantity.by.keys().cloned().collect();
        for dimension in dimensions {
            let mut whole = series.clone();
            let value = whole.quantity.by.remove(&dimension);
            if quantity.kind == Kind::People {
                let kind = if dimension == "team" {
                    "group minus team"
                } else {
                    "total minus part (people without it)"
                };
                add(whole.clone(), kind);
            }
            if let Some((parent, _)) =
                value.filter(|_| dimension == "team").as_deref().and_then(|team| team.rsplit_once('/'))
            {
                whole.quantity.by.insert(dimension, parent.to_owned());
                add(whole, "team minus team within it");
            }
        }
    }
    found
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
        writeln!(out, "  shown on the last site: {}", self.loss)?;
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
