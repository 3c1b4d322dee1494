//! Secondary suppression: removes further values until no suppressed count can be computed, exactly or
//! within fewer than k neighboring values, and no difference counts 1 to k-1 people.
//!
//! This is cell suppression with an audit after each round, as statistical offices do it. Among the
//! values that could protect a suppressed one, the one with the fewest people goes first.

use std::collections::{BTreeMap, BTreeSet};

use super::Line;
use super::audit::{self, Bounds};
use super::relations::{Count, Group, Kind, Relations};
use super::teams::TeamRelations;
use crate::aggregate::metrics::Unit;
use crate::base::calendar::{Day, Grain};

/// The state of secondary suppression.
pub(super) struct Suppressor<'s, 'a> {
    lines: &'s mut [Line<'a>],
    relations: &'s Relations,
    /// The true counts, by [`Count::index`].
    values: Vec<Option<f64>>,
    /// Whether the true counts agree with each group.
    holds: Vec<bool>,
    /// Whether each line has amounts in place of counts.
    is_amount: Vec<bool>,
    /// Whether each line is a rate, whose counts other lines have.
    is_rate: Vec<bool>,
    /// How much readers miss each line, together with those that have the same count.
    importance: Vec<u8>,
    /// When each line is published for the first time, as positions in time.
    stages: Vec<usize>,
    /// The groups that are complete with each stage.
    groups_of_stage: Vec<Vec<usize>>,
    /// The stage whose lines are being decided.
    stage: usize,
    /// What everyone knows of the lines of earlier stages.
    known: Vec<Bounds>,
    min_people: u64,
}

impl<'s, 'a> Suppressor<'s, 'a> {
    pub(super) fn new(
        lines: &'s mut [Line<'a>],
        relations: &'s Relations,
        first_published: impl Fn(&Line<'a>) -> Option<Day>,
        min_people: u64,
    ) -> Suppressor<'s, 'a> {
        let values = audit::values(lines);
        let holds = relations.groups.iter().map(|group| audit::holds(relations, group, &values)).collect();
        let units = audit::units();
        let is_amount =
            |line: &Line<'_>| matches!(units.get(line.metric), Some(Unit::Dollars | Unit::Credits));
        let is_rate =
            |line: &Line<'_>| matches!(units.get(line.metric), Some(Unit::Share(_) | Unit::PerPerson(_)));
        let (is_amount, is_rate) =
            (lines.iter().map(is_amount).collect(), lines.iter().map(is_rate).collect());
        let importance = importance(lines, relations);
        let days: Vec<Option<Day>> = lines.iter().map(first_published).collect();
        let in_order: BTreeSet<Option<Day>> = days.iter().copied().collect();
        let positions: BTreeMap<Option<Day>, usize> = in_order.into_iter().zip(0..).collect();
        let stages: Vec<usize> = days.iter().map(|day| positions[day]).collect();
        let mut groups_of_stage = vec![Vec::new(); positions.len()];
        for (at, group) in relations.groups.iter().enumerate() {
            let stage = relations.lines_of(group).map(|line| stages[line]).max();
            groups_of_stage[stage.unwrap_or(0)].push(at);
        }
        let known = vec![Bounds::UNKNOWN; lines.len() * 2];
        Suppressor {
            lines,
            relations,
            values,
            holds,
            is_amount,
            is_rate,
            importance,
            stages,
            groups_of_stage,
            stage: 0,
            known,
            min_people,
        }
    }

    /// Suppresses until nothing is revealed, stage by stage: what was published before stays.
    pub(super) fn run(mut self, teams: &TeamRelations) {
        for stage in 0..self.groups_of_stage.len() {
            self.stage = stage;
            loop {
                while self.suppress_differences()
                    | self.suppress_second_parts()
                    | self.suppress_equal()
                    | teams.suppress(self.lines, self.min_people)
                {}
                if !self.widen() {
                    break;
                }
            }
        }
    }

    /// The groups whose last lines are being decided.
    fn groups(&self) -> impl Iterator<Item = (usize, &'s Group)> + use<'s, 'a> {
        let groups: Vec<usize> = self.groups_of_stage[self.stage].clone();
        let relations = self.relations;
        groups.into_iter().map(move |at| (at, &relations.groups[at]))
    }

    /// The groups of this stage and of those before it.
    fn complete_groups(&self) -> impl Iterator<Item = &'s Group> + use<'_, 's, 'a> {
        let groups = self.groups_of_stage[..=self.stage].iter().flatten();
        groups.filter(|at| self.holds[**at]).map(|at| &self.relations.groups[*at])
    }

    /// The published value of a count that is not zero.
    fn published(&self, count: Count) -> Option<f64> {
        let is_open = !self.lines[count.line].is_suppressed;
        self.values[count.index()].filter(|value| is_open && *value != 0.0)
    }

    /// Whether a count is published and can still be suppressed.
    fn is_candidate(&self, count: Count) -> bool {
        self.stages[count.line] == self.stage && self.published(count).is_some()
    }

    fn suppress(&mut self, line: usize) {
        self.lines[line].is_suppressed = true;
    }

    /// Suppresses parts of people whose difference from the total counts 1 to k-1 people.
    fn suppress_differences(&mut self) -> bool {
        let mut changed = false;
        for (at, group) in self.groups() {
            if group.kind != Kind::Nested || !self.holds[at] {
                continue;
            }
            let (Some(total), Some(part)) = (group.total, self.relations.parts_of(group).first().copied())
            else {
                continue;
            };
            let (Some(all), Some(some)) = (self.published(total), self.published(part)) else { continue };
            if (1.0..self.min_people as f64).contains(&(all - some))
                && let Some(cheaper) = self.cheapest(group)
            {
                self.suppress(cheaper.line);
                changed = true;
            }
        }
        changed
    }

    /// What is lost with a line: parts go before totals, days before longer periods, and then lines
    /// with few people.
    fn cost(&self, count: Count) -> (u8, u8, u64, u64, usize) {
        let line = &self.lines[count.line];
        let people = line.people.unwrap_or(u64::MAX);
        let size = self.values[count.index()].map_or(0, |value| value as u64);
        let length = match line.period.grain {
            Grain::Day => 0,
            Grain::Week => 1,
            Grain::Month | Grain::Window => 2,
        };
        (self.importance[count.line], length, people, size, count.line)
    }

    /// If one count of a sum is suppressed, or only counts of few people are, suppresses another part
    /// or else the total.
    fn suppress_second_parts(&mut self) -> bool {
        let mut changed = false;
        for (_, group) in self.groups() {
            if !matches!(group.kind, Kind::Sum | Kind::Revealed | Kind::Near) || self.is_needless(group) {
                continue;
            }
            let parts = self.relations.parts_of(group);
            let is_suppressed = |count: &Count| self.lines[count.line].is_suppressed;
            let suppressed = parts.iter().chain(&group.total).filter(|count| is_suppressed(count));
            let protects =
                |count: &&Count| self.lines[count.line].people.is_none_or(|people| people >= self.min_people);
            let is_safe = match suppressed.clone().take(2).count() {
                0 => true,
                1 => false,
                // The sum of the suppressed parts is known: it is that of few people, unless it is all.
                _ => {
                    group.total.is_none_or(|total| is_suppressed(&total))
                        || suppressed.clone().any(|count| protects(&count))
                        || !parts.iter().any(|part| self.published(*part).is_some())
                }
            };
            if !is_safe && let Some(second) = self.cheapest(group) {
                self.suppress(second.line);
                changed = true;
            }
        }
        changed
    }

    /// Whether the group protects a rate that is suppressed for the sake of one of its counts.
    fn is_needless(&self, group: &Group) -> bool {
        matches!(group.kind, Kind::Revealed | Kind::Near)
            && group
                .total
                .is_some_and(|total| self.lines[total.line].is_suppressed && !self.is_protected(total.line))
    }

    /// Whether the counts of a line must stay unknown once it is suppressed.
    fn is_protected(&self, line: usize) -> bool {
        let has_few = self.lines[line].people.is_some_and(|people| (1..self.min_people).contains(&people));
        !self.is_rate[line] || has_few
    }

    /// The published count of a group that is the least loss: a rate, a part, else the total.
    fn cheapest(&self, group: &Group) -> Option<Count> {
        let rate = group.total.filter(|total| {
            matches!(group.kind, Kind::Revealed | Kind::Near) && self.published(*total).is_some()
        });
        if rate.is_some() {
            return rate;
        }
        let counts = self.relations.parts_of(group).iter().copied().chain(group.total);
        counts.filter(|count| self.is_candidate(*count)).min_by_key(|count| self.cost(*count))
    }

    /// Suppresses the other line of a pair with the same count.
    fn suppress_equal(&mut self) -> bool {
        let mut changed = false;
        for pair in &self.relations.equal {
            for [one, other] in [[pair[0], pair[1]], [pair[1], pair[0]]] {
                let is_open = !self.lines[other].is_suppressed && self.stages[other] == self.stage;
                if self.lines[one].is_suppressed && self.stages[one] == self.stage && is_open {
                    self.lines[other].is_suppressed = true;
                    changed = true;
                }
            }
        }
        changed
    }

    /// Computes what an attacker knows, and suppresses a count for each suppressed one that is known too
    /// well. Returns whether there was one.
    fn widen(&mut self) -> bool {
        let mut bounds = self.known.clone();
        for (at, line) in self.lines.iter().enumerate().filter(|(at, _)| self.stages[*at] == self.stage) {
            for count in [Count { line: at, is_of: false }, Count { line: at, is_of: true }] {
                bounds[count.index()] = audit::known(line, self.values[count.index()], self.is_amount[at]);
            }
        }
        let mut is_complete = vec![false; self.relations.groups.len()];
        for groups in &self.groups_of_stage[..=self.stage] {
            groups.iter().for_each(|group| is_complete[*group] = self.holds[*group]);
        }
        let start = self.groups_of_stage[self.stage].iter().copied();
        audit::propagate(self.relations, start, |group| is_complete[group], &mut bounds);
        let narrow: Vec<bool> = (0..self.lines.len())
            .flat_map(|line| [Count { line, is_of: false }, Count { line, is_of: true }])
            .map(|count| {
                self.lines[count.line].is_suppressed
                    && self.stages[count.line] <= self.stage
                    && self.is_protected(count.line)
                    && self.values[count.index()].is_some()
                    && bounds[count.index()].is_narrow(self.min_people)
            })
            .collect();
        if !narrow.contains(&true) {
            self.known = bounds;
            return false;
        }
        let mut victims: Vec<usize> = self.binding_victims(&bounds, &narrow);
        // Everything around is suppressed already: take what bounds its neighbors.
        if victims.is_empty() {
            victims.extend(self.neighbors_of(&narrow));
        }
        if victims.is_empty() {
            self.known = bounds;
            return false;
        }
        victims.iter().for_each(|line| self.lines[*line].is_suppressed = true);
        true
    }

    /// For narrow counts, the cheapest published count of a relation that makes them narrow. A count
    /// that shares a relation with one before it is left to the next round: it may be wide by then.
    fn binding_victims(&self, bounds: &[Bounds], narrow: &[bool]) -> Vec<usize> {
        let mut binding: Vec<(Count, &Group)> = Vec::new();
        for (_, group) in self.groups().filter(|(at, _)| self.holds[*at]) {
            if is_binding(self.relations, group, bounds, narrow, self.min_people)
                && let Some(victim) = self.cheapest(group)
            {
                binding.push((victim, group));
            }
        }
        binding.sort_by_key(|(victim, _)| self.cost(*victim));
        let mut touched = vec![false; self.lines.len()];
        let mut victims = Vec::new();
        for (victim, group) in binding {
            let counts = || self.relations.parts_of(group).iter().chain(&group.total);
            let is_narrow = |count: &Count| narrow[count.index()];
            if counts().any(|count| is_narrow(count) && touched[count.line]) || touched[victim.line] {
                continue;
            }
            counts().for_each(|count| touched[count.line] = true);
            victims.push(victim.line);
        }
        victims
    }

    /// The cheapest published count among the relations of the suppressed counts that are related to
    /// narrow ones.
    fn neighbors_of(&self, narrow: &[bool]) -> Option<usize> {
        let mut near: Vec<bool> = narrow.to_vec();
        loop {
            let mut reached = near.clone();
            let mut victims: Vec<Count> = Vec::new();
            for group in self.complete_groups() {
                let counts = || self.relations.parts_of(group).iter().chain(&group.total).copied();
                if counts().any(|count| near[count.index()]) {
                    victims.extend(self.cheapest(group));
                    counts().filter(|count| self.lines[count.line].is_suppressed).for_each(|count| {
                        reached[count.index()] = true;
                    });
                }
            }
            let victim = victims.into_iter().min_by_key(|count| self.cost(*count));
            if victim.is_some() || reached == near {
                return victim.map(|count| count.line);
            }
            near = reached;
        }
    }
}

/// How much readers miss each line: a part, the total of all events, or another total. Lines with the
/// same count go together, so they are missed together.
fn importance(lines: &[Line<'_>], relations: &Relations) -> Vec<u8> {
    let of_line = |line: &Line<'_>| match line.by.is_empty() {
        false => 0,
        true if line.metric == "events.count" => 1,
        true => 2,
    };
    let mut importance: Vec<u8> = lines.iter().map(of_line).collect();
    // A total of a single part is the same count.
    let single_parts = relations.groups.iter().filter_map(|group| match relations.parts_of(group) {
        [part] if group.kind == Kind::Sum => Some([group.total?.line, part.line]),
        _ => None,
    });
    let same: Vec<[usize; 2]> = relations.equal.iter().copied().chain(single_parts).collect();
    loop {
        let before = importance.clone();
        for [one, other] in &same {
            let both = importance[*one].max(importance[*other]);
            (importance[*one], importance[*other]) = (both, both);
        }
        if importance == before {
            return importance;
        }
    }
}

/// Whether a relation alone makes one of its narrow counts narrow.
fn is_binding(
    relations: &Relations,
    group: &Group,
    bounds: &[Bounds],
    narrow: &[bool],
    min_people: u64,
) -> bool {
    if group.kind == Kind::Balance {
        let limits = |(count, implied): (Count, Bounds)| {
            let known = bounds[count.index()];
            let width = implied.high.min(known.high) - implied.low.max(known.low.min(1.0));
            narrow[count.index()] && width < min_people as f64
        };
        return audit::balance(relations, group, bounds).into_iter().any(limits);
    }
    let Some(total) = group.total else { return false };
    let of_total = bounds[total.index()];
    let parts = relations.parts_of(group);
    let low: f64 = parts.iter().map(|part| bounds[part.index()].low).sum();
    let limit = |count: &Count, high: f64| {
        narrow[count.index()] && high - bounds[count.index()].low < min_people as f64
    };
    let of_part = |part: &Count| match group.kind {
        Kind::Sum | Kind::Revealed => limit(part, of_total.high - (low - bounds[part.index()].low)),
        Kind::Cover | Kind::Nested | Kind::AtMost | Kind::Near | Kind::Balance => limit(part, of_total.high),
    };
    let high: f64 = parts.iter().map(|part| bounds[part.index()].high).sum();
    parts.iter().any(of_part) || (!matches!(group.kind, Kind::Nested | Kind::AtMost) && limit(&total, high))
}
