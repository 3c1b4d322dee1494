//! Attacks published lines, as anyone who kept them could: what do they reveal together?

use std::collections::{BTreeMap, BTreeSet};

use super::Line;
use super::audit::{self, Bounds, Propagation};
use super::line_index::LineIndex;
use super::open::is_of_any_day;
use super::order::Order;
use super::partial_weeks;
use super::relations::{Count, Kind, Relations};
use crate::aggregate::metrics::Unit;

/// Something that published lines reveal.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The index of the line.
    pub line: usize,
    /// What is revealed about it.
    pub revealed: Revealed,
}

/// What is revealed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Revealed {
    /// A suppressed count lies between these numbers, both included.
    Suppressed {
        /// The lowest possible count.
        low: f64,
        /// The highest possible count.
        high: f64,
    },
    /// This many people are counted by the line with this index, but not by this one.
    Others {
        /// The number of people.
        people: u64,
        /// The index of the line that counts them too.
        of: usize,
    },
    /// The number of people is below the threshold.
    FewPeople(u64),
}

/// What these lines reveal, which are all that is known and sorted like [`publish`] returns them.
///
/// [`publish`]: super::publish
pub fn attack(lines: &[Line<'_>], min_people: u64) -> Vec<Finding> {
    // With the place of each published line.
    let published = lines.iter().cloned().enumerate().map(|(at, line)| (Some(at), line));
    let parts = partial_weeks::unknown_parts(lines).into_iter().map(|line| (None, line));
    let mut all: Vec<(Option<usize>, Line<'_>)> = published.chain(parts).collect();
    all.sort_by(|(_, one), (_, other)| one.key().cmp(&other.key()));
    let (places, all): (Vec<Option<usize>>, Vec<Line<'_>>) = all.into_iter().unzip();
    let order = Order::of(&all, |_| None);
    let relations = Relations::of(&LineIndex::of(&all), &order);
    let in_order = order.sorted(&all);
    let (values, units) = (audit::values(&in_order), audit::units());
    let possible_zeros = audit::possible_zeros(&in_order);
    let mut bounds: Vec<Bounds> = Vec::with_capacity(values.len());
    for (at, line) in all.iter().enumerate() {
        bounds.extend(
            [2 * at, 2 * at + 1]
                .map(|count| audit::known(line.is_suppressed, values[count], possible_zeros[count])),
        );
    }
    let mut propagation = Propagation::new(&relations, bounds, audit::whole_numbers(&in_order, &values));
    propagation.propagate(0..relations.groups.len(), |group| relations.groups[group].is_certain);
    let bounds = propagation.bounds();
    let mut findings = few_people(lines, min_people);
    for (at, line) in all.iter().enumerate().filter(|(_, line)| line.is_suppressed) {
        let Some(place) = places[at] else { continue };
        let unit = units.get(line.metric);
        let is_rate = matches!(unit, Some(Unit::Share(_) | Unit::PerPerson(_)));
        let known = bounds[Count::of(at).index()];
        // The value protects others, which are attacked themselves.
        let is_of_many = unit == Some(&Unit::People) && known.low >= min_people as f64;
        let is_of_nobody = known.high == 0.0;
        if !is_rate && !is_of_many && !is_of_nobody && known.is_narrow(min_people) {
            let revealed = Revealed::Suppressed { low: known.low, high: known.high };
            findings.push(Finding { line: place, revealed });
        }
    }
    let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
    for group in relations.groups.iter().filter(|group| group.kind == Kind::Nested && group.is_certain) {
        let (Some(total), Some(part)) = (group.total, relations.parts_of(group).first()) else { continue };
        let exact = |count: Count| Some(bounds[count.index()]).filter(|bounds| bounds.low == bounds.high);
        let (Some(all), Some(some)) = (exact(total), exact(*part)) else { continue };
        let others = all.low - some.low;
        let is_zero = some.low == 0.0;
        let (Some(part), Some(total)) = (places[part.line()], places[total.line()]) else { continue };
        if !is_zero && (1.0..min_people as f64).contains(&others) && seen.insert((part, total)) {
            let revealed = Revealed::Others { people: others as u64, of: total };
            findings.push(Finding { line: part, revealed });
        }
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

/// Published numbers of people below the threshold.
fn few_people(lines: &[Line<'_>], min_people: u64) -> Vec<Finding> {
    let is_few = |people: &u64| (1..min_people).contains(people);
    let of_line = |(line, people): (usize, Option<u64>)| {
        Some(Finding { line, revealed: Revealed::FewPeople(people.filter(is_few)?) })
    };
    lines.iter().map(|line| line.people).enumerate().filter_map(of_line).collect()
}

/// All that several sites say about the same lines: a value seen once stays known. `sites` are sorted
/// like [`publish`] returns them; the second result lists lines whose value changed from one site to
/// another, with the difference.
///
/// [`publish`]: super::publish
pub fn combine<'a>(sites: &[Vec<Line<'a>>]) -> (Vec<Line<'a>>, Vec<(usize, f64)>) {
    let mut known: BTreeMap<super::Key<'a>, (Line<'a>, f64)> = BTreeMap::new();
    let number = |line: &Line<'_>| line.n.or(line.value).map(|number| number.as_f64());
    for line in sites.iter().flatten() {
        match known.get_mut(&line.key()) {
            None => drop(known.insert(line.key(), (line.clone(), 0.0))),
            Some((before, _)) if before.is_suppressed || before.value.is_none() => *before = line.clone(),
            Some((before, difference)) => {
                // Bills and seats are published for every day, and contain no count of what people did.
                if !is_of_any_day(line.metric)
                    && let Some((now, then)) = number(line).zip(number(before))
                {
                    *difference = f64::max(*difference, (now - then).abs());
                }
            }
        }
    }
    let changes = known.values().enumerate().filter(|(_, (_, difference))| *difference > 0.0);
    let changes = changes.map(|(at, (_, difference))| (at, *difference)).collect();
    (known.into_values().map(|(line, _)| line).collect(), changes)
}
