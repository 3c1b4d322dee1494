//! Secondary suppression: removes further values until no suppressed count can be computed, exactly or
//! within fewer than k neighboring values, and no difference counts 1 to k-1 people.
//!
//! This is cell suppression with an audit after each round, as statistical offices do it. Among the
//! values that could protect a suppressed one, the one with the fewest people goes first.

use std::collections::{BTreeMap, BTreeSet};

use super::audit::{self, Bounds, Propagation};
use super::order::Order;
use super::partial_weeks::is_partial_week;
use super::relations::{Count, Group, Kind, Relations};
use super::teams::TeamRelations;
use super::{Line, has_no_personal_data};
use crate::aggregate::metrics::Unit;
use crate::base::calendar::Grain;

/// How many weeks back something new can change bounds: a month has days of six weeks. Beyond, it would have to pass
/// through several relations of many values each, which takes most of the time and was never seen to matter.
const REACH: u32 = 6;

/// How many values more than k a count of few people must be able to have. Relations used together can narrow
/// it further than one after the other, as it is done here: with two values more, linear programming over the
/// relations around a count finds none with fewer than k (`tests/integration/attack`).
const MARGIN: u64 = 2;

/// Of a part of a week, nobody may know who is behind it. Fewer cases than this for each of k people
/// can be those of few.
const CASES_PER_PERSON: u64 = 4;

/// What suppression has to know of a line: a small part of it, for there are many and it is read often.
struct Facts {
    /// Distinct people behind the line.
    people: Option<u64>,
    /// When the line is published for the first time, as a position in time.
    stage: u32,
    /// How much readers miss the line, together with those that have the same count.
    importance: u8,
    /// How long its period is: a day, a week, or more.
    length: u8,
    /// Whether it is a rate, whose counts other lines have.
    is_rate: bool,
    /// Whether it is only implied by published lines.
    is_implied: bool,
    /// Whether it is a part of a week.
    is_partial_week: bool,
    /// Whether it contains nothing about what people did.
    is_impersonal: bool,
    /// Whether it is suppressed.
    is_suppressed: bool,
}

/// The state of secondary suppression.
pub(super) struct Suppressor<'s> {
    /// In the order of publication.
    lines: Vec<Facts>,
    relations: &'s Relations,
    /// The true counts, by [`Count::index`].
    values: Vec<Option<f64>>,
    /// Whether the true counts agree with each group.
    holds: Vec<bool>,
    /// Whether each count can be zero although it is suppressed, by [`Count::index`].
    possible_zeros: Vec<bool>,
    /// The stage with which each group is complete.
    stage_of_group: Vec<u32>,
    /// The lines with the same count as a line.
    equal: BTreeMap<usize, Vec<usize>>,
    /// The stage whose lines are being decided.
    stage: u32,
    /// What everyone knows of the lines of earlier stages.
    known: Vec<Bounds>,
    /// What everyone can conclude in this stage.
    propagation: Propagation<'s>,
    /// The suppressed counts that are known too well.
    narrow: BTreeSet<usize>,
    /// The lines suppressed since the bounds were computed.
    newly_suppressed: Vec<usize>,
    min_people: u64,
}

impl<'s> Suppressor<'s> {
    pub(super) fn new(
        lines: &[Line<'_>],
        order: &Order,
        relations: &'s Relations,
        teams: &TeamRelations,
        min_people: u64,
    ) -> Suppressor<'s> {
        let lines = order.sorted(lines);
        let values = audit::values(&lines);
        let holds = |group: &Group| {
            audit::holds(relations, group, &values) || is_of_unknown_parts(&lines, relations, group, &values)
        };
        let holds = relations.groups.iter().map(holds).collect();
        let units = audit::units();
        let importance = importance(&lines, relations);
        let facts = |(at, line): (usize, &&Line<'_>)| Facts {
            people: line.people,
            stage: order.stages[at],
            importance: importance[at],
            length: match line.period.grain {
                Grain::Day => 0,
                Grain::Month => 1,
                Grain::Week => 2,
                Grain::Window => 3,
            },
            is_rate: matches!(units.get(line.metric), Some(Unit::Share(_) | Unit::PerPerson(_))),
            is_implied: line.is_implied(),
            is_partial_week: is_partial_week(line.period),
            is_impersonal: has_no_personal_data(line.metric),
            is_suppressed: line.is_suppressed,
        };
        let facts: Vec<Facts> = lines.iter().enumerate().map(facts).collect();
        let stage_of = |group| relations.lines_of(group).map(|line| facts[line].stage).max().unwrap_or(0);
        let stage_of_group = relations.groups.iter().map(stage_of).collect();
        let mut equal: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let of_teams = teams.equal.iter().map(|pair| pair.map(|line| order.place(line)));
        for [one, other] in relations.equal.iter().copied().chain(of_teams) {
            equal.entry(one).or_default().push(other);
            equal.entry(other).or_default().push(one);
        }
        let known = vec![Bounds::UNKNOWN; lines.len() * 2];
        let propagation = Propagation::new(relations, known.clone(), audit::whole_numbers(&lines, &values));
        Suppressor {
            lines: facts,
            relations,
            holds,
            possible_zeros: audit::possible_zeros(&lines),
            values,
            stage_of_group,
            equal,
            stage: 0,
            known,
            propagation,
            narrow: BTreeSet::new(),
            newly_suppressed: Vec::new(),
            min_people,
        }
    }

    /// Suppresses until nothing is revealed, stage by stage: what was published before stays. Returns
    /// whether each line is suppressed, in the order of publication.
    pub(super) fn run(mut self) -> Vec<bool> {
        let lines = by_stage(self.lines.iter().map(|line| line.stage));
        let mut groups = by_stage(self.stage_of_group.iter().copied());
        for (stage, lines) in lines {
            self.stage = stage;
            let groups = groups.remove(&stage).unwrap_or_default();
            self.decide(&lines, &groups);
        }
        self.lines.into_iter().map(|line| line.is_suppressed).collect()
    }

    /// Decides the lines of a stage, with which these groups are complete.
    fn decide(&mut self, lines: &[usize], groups: &[usize]) {
        for line in lines.iter().filter(|line| self.lines[**line].is_suppressed).copied().collect::<Vec<_>>()
        {
            self.suppress_equal(line);
        }
        self.suppress_revealing(groups.iter().copied().collect());
        self.newly_suppressed.clear();
        let mut touched = self.conclude(lines, groups);
        let mut touched_in_stage = touched.clone();
        loop {
            self.find_narrow(&touched);
            self.victims().into_iter().for_each(|line| self.suppress(line));
            if self.newly_suppressed.is_empty() {
                break;
            }
            let around = self.newly_suppressed.iter().flat_map(|line| self.relations.groups_of(*line));
            self.suppress_revealing(around.collect());
            touched = self.conclude_again();
            touched_in_stage.extend(&touched);
        }
        touched_in_stage.sort_unstable();
        touched_in_stage.dedup();
        for count in touched_in_stage {
            self.known[count] = self.propagation.settle(count);
            // A contradiction would hide what is revealed, and suppress what is not.
            debug_assert!(
                self.values[count].is_none_or(|value| self.known[count].contains(value)),
                "count {count} is not within its bounds"
            );
        }
    }

    /// Computes the bounds of the lines of this stage, and returns the counts whose bounds are new.
    fn conclude(&mut self, lines: &[usize], groups: &[usize]) -> Vec<usize> {
        let mut new: Vec<usize> = lines.iter().flat_map(|line| [2 * line, 2 * line + 1]).collect();
        for count in &new {
            let is_suppressed = self.lines[count / 2].is_suppressed;
            let known = audit::known(is_suppressed, self.values[*count], self.possible_zeros[*count]);
            self.propagation.set(*count, known);
        }
        let usable = Usable { holds: &self.holds, stage_of_group: &self.stage_of_group, stage: self.stage };
        new.extend(self.propagation.propagate(groups.iter().copied(), |group| usable.contains(group)));
        new
    }

    /// Computes what was concluded from lines that are suppressed now, and returns the counts whose
    /// bounds are new.
    fn conclude_again(&mut self) -> Vec<usize> {
        let suppressed = std::mem::take(&mut self.newly_suppressed);
        let suppressed = suppressed.iter().filter(|line| self.lines[**line].stage <= self.stage);
        let counts = suppressed.flat_map(|line| [2 * line, 2 * line + 1]).collect();
        let known = |count: usize| {
            let line = &self.lines[count / 2];
            match line.stage == self.stage {
                true => audit::known(line.is_suppressed, self.values[count], self.possible_zeros[count]),
                false => self.known[count],
            }
        };
        let mut new = self.propagation.forget(counts, known);
        let start = new.iter().flat_map(|count| self.relations.groups_of(count / 2));
        let usable = Usable { holds: &self.holds, stage_of_group: &self.stage_of_group, stage: self.stage };
        let changed = self.propagation.propagate(start, |group| usable.contains(group));
        new.extend(changed);
        new
    }

    /// Finds out which of these counts are suppressed, and known too well.
    fn find_narrow(&mut self, counts: &[usize]) {
        for count in counts {
            let line = count / 2;
            let bounds = self.propagation.bounds()[*count];
            let is_narrow = self.lines[line].is_suppressed
                && self.lines[line].stage <= self.stage
                && if self.values[*count].is_some() {
                    let margin = if self.has_few_people(line) { MARGIN } else { 0 };
                    self.is_protected(line) && bounds.is_narrow(self.min_people + margin)
                } else {
                    let is_safe = bounds.low >= (CASES_PER_PERSON * self.min_people) as f64;
                    self.lines[line].is_partial_week && !is_safe && bounds.is_narrow(self.min_people)
                };
            match is_narrow {
                true => self.narrow.insert(*count),
                false => self.narrow.remove(count),
            };
        }
    }

    /// The published value of a count that is not zero.
    fn published(&self, count: Count) -> Option<f64> {
        let is_open = !self.lines[count.line()].is_suppressed;
        self.values[count.index()].filter(|value| is_open && *value != 0.0)
    }

    /// Whether a count is published and can still be suppressed. How many seats are assigned is no secret.
    fn is_candidate(&self, count: Count) -> bool {
        self.lines[count.line()].stage == self.stage
            && self.published(count).is_some()
            && !self.lines[count.line()].is_impersonal
    }

    fn suppress(&mut self, line: usize) {
        if !self.lines[line].is_suppressed {
            self.lines[line].is_suppressed = true;
            self.newly_suppressed.push(line);
            self.suppress_equal(line);
        }
    }

    /// Suppresses the lines of this stage with the same count as a suppressed line of this stage. A zero is
    /// no count of people, and is published except in a group that publishes nothing.
    fn suppress_equal(&mut self, line: usize) {
        if self.lines[line].stage == self.stage {
            let equal = self.equal.get(&line).cloned().unwrap_or_default();
            let is_zero = |other: usize| !self.lines[other].is_rate && self.values[2 * other] == Some(0.0);
            let of_stage =
                equal.into_iter().filter(|other| self.lines[*other].stage == self.stage && !is_zero(*other));
            of_stage.collect::<Vec<usize>>().into_iter().for_each(|other| self.suppress(other));
        }
    }

    /// Suppresses what reveals a count of few people by a single relation, until none of these groups
    /// and those of the suppressed lines does.
    fn suppress_revealing(&mut self, mut waiting: BTreeSet<usize>) {
        while let Some(at) = waiting.pop_first() {
            if self.stage_of_group[at] != self.stage {
                continue;
            }
            let before = self.newly_suppressed.len();
            self.suppress_difference(at);
            self.suppress_second_part(at);
            for line in &self.newly_suppressed[before..] {
                waiting.extend(self.relations.groups_of(*line));
            }
        }
    }

    /// Suppresses a part of people whose difference from the total counts 1 to k-1 people.
    fn suppress_difference(&mut self, at: usize) {
        let group = &self.relations.groups[at];
        if group.kind != Kind::Nested || !self.holds[at] {
            return;
        }
        let (Some(total), Some(part)) = (group.total, self.relations.parts_of(group).first().copied()) else {
            return;
        };
        let (Some(all), Some(some)) = (self.published(total), self.published(part)) else { return };
        if (1.0..self.min_people as f64).contains(&(all - some))
            && let Some(cheaper) = self.cheapest(group)
        {
            self.suppress(cheaper.line());
        }
    }

    /// What is lost with a line: parts go before totals, days before longer periods, and then lines
    /// with few people.
    fn cost(&self, count: Count) -> (u8, u8, u64, u64, usize) {
        let line = &self.lines[count.line()];
        let people = line.people.unwrap_or(u64::MAX);
        let size = self.values[count.index()].map_or(0, |value| value as u64);
        (line.importance, line.length, people, size, count.line())
    }

    /// If one count of a sum is suppressed, or only counts of few people are, suppresses another part
    /// or else the total.
    fn suppress_second_part(&mut self, at: usize) {
        let group = &self.relations.groups[at];
        if !matches!(group.kind, Kind::Sum | Kind::Revealed | Kind::Near) || self.is_needless(group) {
            return;
        }
        let parts = self.relations.parts_of(group);
        // The bounds of implied counts say more.
        if self.relations.lines_of(group).any(|line| self.lines[line].is_implied) {
            return;
        }
        let is_suppressed = |count: &Count| self.lines[count.line()].is_suppressed;
        let suppressed = parts.iter().chain(&group.total).filter(|count| is_suppressed(count));
        let protects =
            |count: &&Count| self.lines[count.line()].people.is_none_or(|people| people >= self.min_people);
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
            self.suppress(second.line());
        }
    }

    /// Whether the group protects a rate that is suppressed for the sake of one of its counts.
    fn is_needless(&self, group: &Group) -> bool {
        matches!(group.kind, Kind::Revealed | Kind::Near)
            && group.total.is_some_and(|total| {
                self.lines[total.line()].is_suppressed && !self.is_protected(total.line())
            })
    }

    /// Whether the counts of a line must stay unknown once it is suppressed.
    fn is_protected(&self, line: usize) -> bool {
        self.has_few_people(line) || !(self.lines[line].is_rate || self.lines[line].is_implied)
    }

    fn has_few_people(&self, line: usize) -> bool {
        self.lines[line].people.is_some_and(|people| (1..self.min_people).contains(&people))
    }

    /// The published count of a group that is the least loss: a rate, a part, else the total.
    fn cheapest(&self, group: &Group) -> Option<Count> {
        let rate = group
            .total
            .filter(|total| matches!(group.kind, Kind::Revealed | Kind::Near) && self.is_candidate(*total));
        if rate.is_some() {
            return rate;
        }
        let counts = self.relations.parts_of(group).iter().copied().chain(group.total);
        counts.filter(|count| self.is_candidate(*count)).min_by_key(|count| self.cost(*count))
    }

    /// The lines to suppress for the counts that are known too well.
    fn victims(&mut self) -> Vec<usize> {
        let victims = self.binding_victims();
        // Everything around is suppressed already: take what bounds its neighbors.
        if victims.is_empty() { self.neighboring_victims() } else { victims }
    }

    /// For narrow counts, the cheapest published count of a relation that makes them narrow. A count
    /// that shares a relation with one before it is left to the next round: it may be wide by then.
    fn binding_victims(&self) -> Vec<usize> {
        let of_count = |count: &usize| self.relations.groups_of(count / 2);
        let groups: BTreeSet<usize> = self.narrow.iter().flat_map(of_count).collect();
        let mut binding: Vec<(Count, &Group)> = Vec::new();
        for at in groups {
            let group = &self.relations.groups[at];
            if self.stage_of_group[at] == self.stage
                && self.holds[at]
                && self.is_binding(group)
                && let Some(victim) = self.cheapest(group)
            {
                binding.push((victim, group));
            }
        }
        binding.sort_by_key(|(victim, _)| self.cost(*victim));
        let mut touched: BTreeSet<usize> = BTreeSet::new();
        let mut victims = Vec::new();
        for (victim, group) in binding {
            let counts = || self.relations.parts_of(group).iter().chain(&group.total);
            let is_narrow = |count: &Count| self.narrow.contains(&count.index());
            if counts().any(|count| is_narrow(count) && touched.contains(&count.line()))
                || touched.contains(&victim.line())
            {
                continue;
            }
            touched.extend(counts().map(|count| count.line()));
            victims.push(victim.line());
        }
        victims
    }

    /// For each narrow count, the cheapest published count from which its bounds were concluded, by way
    /// of the fewest suppressed ones. Narrow counts on the way to a victim are left to the
    /// next round: they may be wide by then.
    fn neighboring_victims(&mut self) -> Vec<usize> {
        let mut passed: BTreeSet<usize> = BTreeSet::new();
        let mut victims = Vec::new();
        for narrow in self.narrow.clone() {
            if passed.contains(&narrow) {
                continue;
            }
            let (victim, reached) = self.nearest_victim(narrow);
            match victim {
                Some(victim) => victims.push(victim),
                // Until its bounds change.
                None => drop(self.narrow.remove(&narrow)),
            }
            passed.extend(reached);
        }
        victims
    }

    /// The cheapest candidate among those from which the bounds of a count were concluded in the fewest
    /// steps, and the suppressed counts on the way to it.
    fn nearest_victim(&self, from: usize) -> (Option<usize>, BTreeSet<usize>) {
        let mut reached: BTreeSet<usize> = [from].into_iter().collect();
        let mut frontier = vec![from];
        while !frontier.is_empty() {
            let mut candidates: Vec<Count> = Vec::new();
            let mut next: Vec<usize> = Vec::new();
            for at in frontier.iter().flat_map(|count| self.propagation.reasons(*count)) {
                let group = &self.relations.groups[at];
                // The lines of other groups were decided before.
                if self.stage_of_group[at] == self.stage {
                    candidates.extend(self.cheapest(group));
                }
                let counts = self.relations.parts_of(group).iter().chain(&group.total);
                let suppressed = counts.filter(|count| self.lines[count.line()].is_suppressed);
                next.extend(suppressed.map(|count| count.index()).filter(|count| reached.insert(*count)));
            }
            if let Some(victim) = candidates.into_iter().min_by_key(|count| self.cost(*count)) {
                return (Some(victim.line()), reached);
            }
            frontier = next;
        }
        (None, reached)
    }

    /// Whether a relation alone makes one of its narrow counts narrow.
    fn is_binding(&self, group: &Group) -> bool {
        let (bounds, min_people) = (self.propagation.bounds(), self.min_people);
        let is_narrow = |count: &Count| self.narrow.contains(&count.index());
        if group.kind == Kind::Balance {
            let limits = |(count, implied): (Count, Bounds)| {
                let known = bounds[count.index()];
                let low = implied.low.max(known.low.min(1.0));
                is_narrow(&count) && Bounds { low, high: implied.high.min(known.high) }.is_narrow(min_people)
            };
            return audit::balance(self.relations, group, bounds).into_iter().any(limits);
        }
        let Some(total) = group.total else { return false };
        let of_total = bounds[total.index()];
        let parts = self.relations.parts_of(group);
        let low: f64 = parts.iter().map(|part| bounds[part.index()].low).sum();
        let limit = |count: &Count, high: f64| {
            is_narrow(count) && Bounds { high, ..bounds[count.index()] }.is_narrow(min_people)
        };
        let of_part = |part: &Count| match group.kind {
            Kind::Sum | Kind::Revealed | Kind::Within => {
                limit(part, of_total.high - (low - bounds[part.index()].low))
            }
            Kind::Around => false,
            Kind::Cover | Kind::Nested | Kind::AtMost | Kind::Near | Kind::Balance => {
                limit(part, of_total.high)
            }
        };
        let high: f64 = parts.iter().map(|part| bounds[part.index()].high).sum();
        parts.iter().any(of_part)
            || (!matches!(group.kind, Kind::Nested | Kind::AtMost | Kind::Within) && limit(&total, high))
    }
}

/// Whether a group adds up although it has parts of weeks of which nobody knows what they count.
fn is_of_unknown_parts(
    lines: &[&Line<'_>],
    relations: &Relations,
    group: &Group,
    values: &[Option<f64>],
) -> bool {
    let is_unknown = |line: &usize| values[2 * line].is_none();
    let mut unknown = relations.lines_of(group).filter(is_unknown).peekable();
    let Some(first) = unknown.peek().map(|line| lines[*line]) else { return false };
    unknown.all(|line| is_partial_week(lines[line].period))
        && relations.lines_of(group).map(|line| lines[line]).all(|line| {
            (line.metric, line.instance, line.scope) == (first.metric, first.instance, first.scope)
                && (line.population, line.by) == (first.population, first.by)
        })
}

/// The indices of what belongs to each stage.
fn by_stage(stages: impl Iterator<Item = u32>) -> BTreeMap<u32, Vec<usize>> {
    let mut of_stage: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    stages.enumerate().for_each(|(at, stage)| of_stage.entry(stage).or_default().push(at));
    of_stage
}

/// The relations that are used in a stage.
struct Usable<'a> {
    holds: &'a [bool],
    stage_of_group: &'a [u32],
    stage: u32,
}

impl Usable<'_> {
    fn contains(&self, group: usize) -> bool {
        let stage = self.stage_of_group[group];
        self.holds[group] && (self.stage.saturating_sub(REACH)..=self.stage).contains(&stage)
    }
}

/// How much readers miss each line: a part, the total of all events, or another total. Lines with the
/// same count go together, so they are missed together.
fn importance(lines: &[&Line<'_>], relations: &Relations) -> Vec<u8> {
    let of_line = |line: &&Line<'_>| match line.by.is_empty() {
        false => 0,
        true if line.metric == "events.count" => 1,
        true => 2,
    };
    let mut importance: Vec<u8> = lines.iter().map(of_line).collect();
    // A total of a single part is the same count.
    let single_parts = relations.groups.iter().filter_map(|group| match relations.parts_of(group) {
        [part] if group.kind == Kind::Sum => Some([group.total?.line(), part.line()]),
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
