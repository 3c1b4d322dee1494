//! Teams overlap and nest, so their values reveal people by subtraction: everyone except a team, a
//! team without the teams within it, or the people that two teams share.
//!
//! Each combination of teams that someone is in is an atom. The value of a team counts the people
//! of some atoms. A sum of such values with the factors 1 and -1 counts people if it has every atom
//! once or not at all; then it must not count 1 to k-1 people.

use std::collections::{BTreeMap, BTreeSet};

use super::Line;
use super::line_index::{LineIndex, LineRef};
use crate::base::calendar::Period;
use crate::base::dimensions::Dimensions;
use crate::model::metric::{Metric, Population};
use crate::model::scope::{INSTANCE_SCOPE, is_within};

/// The dimensions of teams, each with that of the combinations of teams that people are in.
const TEAM_DIMENSIONS: [(&str, &str); 2] = [("team", "teams"), ("cost_center", "cost_centers")];

/// The metric of the combinations. It is never published.
const OVERLAP: &str = "teams.overlap";

/// Up to this number of teams, all sums are checked.
const MAX_TEAMS_FOR_ALL_SUMS: usize = 6;

/// Up to this number of teams, all sums of three values are checked. With more teams, only the kinds
/// of sums that people think of.
const MAX_TEAMS_FOR_TRIPLES: usize = 16;

/// A value in a sum: the position of a team, or everyone, and its factor.
type Term = (Option<usize>, i8);

/// A line in a sum, and its factor.
type LineTerm = (usize, i8);

/// The place of teams: instance, scope, period and dimension.
type Place<'a> = (&'a str, &'a str, Period, &'a str);

/// The lines that differ only in their team: place, metric, population and other dimensions.
type Family<'a> = (Place<'a>, &'a str, Option<Population>, Vec<(&'a str, &'a str)>);

/// Whether a metric is only needed for suppression.
pub(super) fn is_internal(metric: &str) -> bool {
    metric == OVERLAP
}

/// Whether a dimension is one of teams, whose values do not add up.
pub(super) fn is_of_teams(dimension: &str) -> bool {
    TEAM_DIMENSIONS.iter().any(|(team, _)| *team == dimension)
}

/// The combinations of teams that people are in, by place.
#[derive(Default)]
pub(super) struct Combinations<'a>(BTreeMap<Place<'a>, BTreeSet<Vec<String>>>);

/// How the values of teams reveal people. Lines are referred to by their index.
#[derive(Default)]
pub(super) struct TeamRelations {
    /// Sums that count people.
    sums: Vec<Vec<LineTerm>>,
    /// Lines of a group, each with the one of a group around it: the rest is a difference.
    nested: Vec<[usize; 2]>,
    /// Lines of teams with the same people.
    pub(super) equal: Vec<[usize; 2]>,
}

/// The teams of a place.
struct TeamSets<'a> {
    names: Vec<&'a str>,
    /// Whether each team has each atom.
    atoms: Vec<Vec<bool>>,
    /// The number of combinations; one more atom is everyone in no team.
    combinations: usize,
}

impl<'a> Combinations<'a> {
    /// Adds a metric, if it is a combination.
    pub(super) fn add(&mut self, metric: &'a Metric) {
        if !is_internal(&metric.metric) {
            return;
        }
        for (dimension, combined) in TEAM_DIMENSIONS {
            let names = metric.by.get(combined).and_then(|names| serde_json::from_str(names).ok());
            if let Some(names) = names {
                let place = (metric.instance.as_str(), metric.scope.as_str(), metric.period(), dimension);
                self.0.entry(place).or_default().insert(names);
            }
        }
    }

    /// The relations of these lines.
    pub(super) fn relations(&self, lines: &LineIndex<'_, '_>) -> TeamRelations {
        let mut families: BTreeMap<Family<'_>, BTreeMap<&str, usize>> = BTreeMap::new();
        for (at, line) in lines.iter().enumerate() {
            for (dimension, _) in TEAM_DIMENSIONS {
                let Some(team) = line.by.get(dimension) else { continue };
                let rest = line.by.iter().filter(|(name, _)| *name != dimension).collect();
                let place = (line.instance, line.scope, line.period, dimension);
                families.entry((place, line.metric, line.population, rest)).or_default().insert(team, at);
            }
        }
        let mut found = TeamRelations::default();
        let mut known: Option<(Place<'_>, TeamSets<'_>, Vec<Vec<Term>>)> = None;
        for ((place, metric, population, rest), by_team) in &families {
            // Families are sorted by place.
            if known.as_ref().is_none_or(|(of, ..)| of != place) {
                let sets = self.0.get(place).map_or_else(|| TeamSets::unknown(by_team), TeamSets::of);
                let sums = sets.sums();
                known = Some((*place, sets, sums));
            }
            let (Some((_, sets, sums)), Some(any)) = (&known, by_team.values().next()) else { continue };
            let by: Dimensions = rest.iter().copied().collect();
            let wanted = LineRef { metric, period: place.2, population: *population, by: &by };
            let total = lines.find(&lines[*any], &wanted);
            let line = |team: Option<usize>| match team {
                None => total,
                Some(team) => by_team.get(sets.names[team]).copied(),
            };
            let sum_of =
                |sum: &Vec<Term>| sum.iter().map(|(team, factor)| Some((line(*team)?, *factor))).collect();
            found.sums.extend(sums.iter().filter_map(sum_of));
            let same = sets.equal().filter_map(|[one, other]| Some([line(Some(one))?, line(Some(other))?]));
            found.equal.extend(same);
        }
        found.nested = nested_scopes(lines);
        found
    }
}

/// Each line of a group, with those of the groups around it that differ in nothing else: a subgroup
/// and its group can both be reported.
fn nested_scopes(lines: &[Line<'_>]) -> Vec<[usize; 2]> {
    let scopes: BTreeSet<&str> = lines.iter().map(|line| line.scope).collect();
    let around = |scope: &str| -> Vec<&str> {
        let is_around = |other: &&&str| **other != INSTANCE_SCOPE && is_within(scope, other);
        scopes.iter().filter(is_around).copied().collect()
    };
    let around: BTreeMap<&str, Vec<&str>> = scopes.iter().map(|scope| (*scope, around(scope))).collect();
    let mut nested = Vec::new();
    for (inner, line) in lines.iter().enumerate() {
        for scope in around.get(line.scope).into_iter().flatten() {
            let outer = Line { scope, ..line.clone() }.key();
            nested.extend(lines.binary_search_by(|line| line.key().cmp(&outer)).map(|outer| [inner, outer]));
        }
    }
    nested
}

impl<'a> TeamSets<'a> {
    fn of(combinations: &'a BTreeSet<Vec<String>>) -> TeamSets<'a> {
        let names: BTreeSet<&str> = combinations.iter().flatten().map(String::as_str).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let has =
            |name: &str| combinations.iter().map(|names| names.iter().any(|other| other == name)).collect();
        TeamSets {
            atoms: names.iter().map(|name| has(name)).collect(),
            names,
            combinations: combinations.len(),
        }
    }

    /// Teams without known combinations: any two could have no one in common.
    fn unknown(by_team: &BTreeMap<&'a str, usize>) -> TeamSets<'a> {
        let names: Vec<&str> = by_team.keys().copied().collect();
        let count = names.len();
        let atoms = (0..count).map(|team| (0..count).map(|atom| atom == team).collect()).collect();
        TeamSets { names, atoms, combinations: count }
    }

    /// The teams with exactly the same people.
    fn equal(&self) -> impl Iterator<Item = [usize; 2]> {
        let pairs = (0..self.names.len()).flat_map(|one| (0..one).map(move |other| [one, other]));
        pairs.filter(|[one, other]| self.atoms[*one] == self.atoms[*other])
    }

    /// Whether everyone of a team is in another one; everyone is in `None`.
    fn is_within(&self, team: usize, other: Option<usize>) -> bool {
        let Some(other) = other else { return true };
        self.atoms[team].iter().zip(&self.atoms[other]).all(|(one, other)| *other || !*one)
    }

    /// All sums to check.
    fn sums(&self) -> Vec<Vec<Term>> {
        let teams = self.names.len();
        let mut sums: BTreeSet<Vec<Term>> = BTreeSet::new();
        if teams <= MAX_TEAMS_FOR_ALL_SUMS {
            self.add_all_sums(&mut sums);
        } else {
            let everyone = || std::iter::once(None).chain((0..teams).map(Some));
            for whole in everyone() {
                sums.extend(self.rests(whole));
            }
            if teams <= MAX_TEAMS_FOR_TRIPLES {
                let of_three = |a, b, c| {
                    [[1, 1, -1], [1, -1, 1], [-1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
                        .map(|[x, y, z]| vec![(a, x), (b, y), (c, z)])
                };
                for a in everyone() {
                    for b in everyone().filter(|b| *b > a) {
                        sums.extend(everyone().filter(|c| *c > b).flat_map(|c| of_three(a, b, c)));
                    }
                }
            }
        }
        sums.into_iter().filter(|sum| self.counts_people(sum)).collect()
    }

    /// The sums of all values, each with each factor.
    fn add_all_sums(&self, sums: &mut BTreeSet<Vec<Term>>) {
        let mut partial: Vec<Vec<Term>> = vec![Vec::new()];
        for value in std::iter::once(None).chain((0..self.names.len()).map(Some)) {
            let with = |factor| partial.iter().map(move |sum| [&sum[..], &[(value, factor)]].concat());
            let longer: Vec<Vec<Term>> = with(1).chain(with(-1)).collect();
            partial.extend(longer);
        }
        sums.extend(partial);
    }

    /// A value without one of the teams within it, without as many of them as have no one in common,
    /// and the people that those within it share.
    fn rests(&self, whole: Option<usize>) -> Vec<Vec<Term>> {
        let size = |team: &usize| self.atoms[*team].iter().filter(|has| **has).count();
        let mut within: Vec<usize> = (0..self.names.len()).collect();
        within.retain(|team| Some(*team) != whole && self.is_within(*team, whole));
        within.sort_by_key(|team| std::cmp::Reverse(size(team)));
        let mut sums: Vec<Vec<Term>> =
            within.iter().map(|team| vec![(whole, 1), (Some(*team), -1)]).collect();
        let (mut apart, mut outermost) = (vec![(whole, 1)], vec![(whole, -1)]);
        for team in within.iter().copied() {
            let is_inside = |(other, _): &Term| *other != whole && self.is_within(team, *other);
            let has_common = |(other, _): &Term| {
                let other = other.filter(|other| Some(*other) != whole);
                other.is_some_and(|other| {
                    self.atoms[team].iter().zip(&self.atoms[other]).any(|(one, other)| *one && *other)
                })
            };
            if !apart.iter().any(has_common) {
                apart.push((Some(team), -1));
            }
            if !outermost.iter().any(is_inside) {
                outermost.push((Some(team), 1));
            }
        }
        sums.extend([apart, outermost]);
        sums
    }

    /// Whether a sum subtracts something and has every atom once or not at all: if there are people
    /// in no team, or if there are none.
    fn counts_people(&self, sum: &[Term]) -> bool {
        let factors = |wanted: i8| sum.iter().any(|(_, factor)| *factor == wanted);
        let count = |atom: usize| -> i64 {
            let has =
                |team: &Option<usize>| team.is_none_or(|team| self.atoms[team].get(atom) == Some(&true));
            sum.iter().filter(|(team, _)| has(team)).map(|(_, factor)| i64::from(*factor)).sum()
        };
        factors(1) && factors(-1) && (0..self.combinations).all(|atom| (0..=1).contains(&count(atom)))
    }
}

impl TeamRelations {
    /// Suppresses the smallest team of each sum that counts 1 to `min_people - 1` people.
    pub(super) fn suppress(&self, lines: &mut [Line<'_>], min_people: u64) {
        let people = |lines: &[Line<'_>], at: usize| {
            lines[at].people.filter(|_| !lines[at].is_suppressed && lines[at].value.is_some())
        };
        for sum in &self.sums {
            let counted =
                sum.iter().map(|(at, factor)| Some(i128::from(people(lines, *at)?) * i128::from(*factor)));
            let Some(rest) = counted.sum::<Option<i128>>() else { continue };
            if !(1..i128::from(min_people)).contains(&rest) {
                continue;
            }
            let is_team = |at: &usize| TEAM_DIMENSIONS.iter().any(|(team, _)| lines[*at].by.contains(team));
            let of_teams = sum.iter().map(|(at, _)| *at).filter(is_team);
            let smallest =
                of_teams.filter(|at| lines[*at].people != Some(0)).min_by_key(|at| (lines[*at].people, *at));
            if let Some(smallest) = smallest {
                lines[smallest].is_suppressed = true;
            }
        }
        for [inner, outer] in &self.nested {
            let rest = people(lines, *outer).zip(people(lines, *inner));
            let rest = rest.map(|(outer, inner)| outer.abs_diff(inner));
            if rest.is_some_and(|rest| (1..min_people).contains(&rest)) && lines[*inner].people != Some(0) {
                lines[*inner].is_suppressed = true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
