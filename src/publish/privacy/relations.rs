//! All relations among published lines, from the [`Relation`]s that the metrics declare.

mod periods;
pub(super) mod rates;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::line_index::{LineIndex, LineRef};
use super::order::Order;
use super::teams::is_of_teams;
use super::{Line, definition_of};
use crate::aggregate::metrics::reconcile::METRIC;
use crate::aggregate::metrics::{CountRef, Definition, Relation, Unit};
use crate::base::calendar::Period;
use crate::base::dimensions::Dimensions;
use crate::model::metric::Population;
use crate::model::number::Number;
use crate::model::scope::ALL_SCOPES;
use rates::without_stat;

/// A count of a line: its value, or one of the two counts of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Count(u32);

impl Count {
    /// The count of a line, or the numerator of a rate.
    pub(super) fn of(line: usize) -> Count {
        Count::at(line * 2)
    }

    /// The denominator of a rate.
    fn denominator(line: usize) -> Count {
        Count::at(line * 2 + 1)
    }

    /// There are millions of counts, in several relations each: they are half the size of an index.
    fn at(index: usize) -> Count {
        Count(u32::try_from(index).expect("fewer than two billion lines"))
    }

    /// A number below twice the number of lines.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// The index of the line.
    pub(super) fn line(self) -> usize {
        self.index() / 2
    }
}

/// How the parts and the total of a group of counts are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The parts add up to the total.
    Sum,
    /// The total is a count of a rate, which the parts add up to. The rate is not needed to keep it
    /// secret.
    Revealed,
    /// The same for a rate that leaves some cases out: it is near the sum of its counts.
    Near,
    /// The parts add up to at most the total: complete weeks within a month.
    Within,
    /// The parts add up to at least the total: all weeks with a day of a month.
    Around,
    /// The parts count distinct people, and together those of the total.
    Cover,
    /// The single part counts some of the people of the total; the difference counts the others.
    Nested,
    /// The single part is at most the total.
    AtMost,
    /// The first two parts add up to the same as the last two; there is no total.
    Balance,
}

/// Counts that reveal each other.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) total: Option<Count>,
    /// Whether the counts are always related so. People are in another segment of the union than of their
    /// groups, if they are active in several: only who knows the counts knows whether the groups cover it.
    pub(super) is_certain: bool,
    /// A range of [`Relations::parts`].
    parts: Range<u32>,
}

/// Lines of a metric and period with the same dimensions.
type Split<'a> = (&'a str, Period, Vec<&'a str>);

/// Everything by which published lines reveal each other.
#[derive(Default)]
pub(super) struct Relations {
    pub(super) groups: Vec<Group>,
    parts: Vec<Count>,
    /// Lines with the same count: both are published or neither.
    pub(super) equal: Vec<[usize; 2]>,
    /// Where the groups of each line start in [`Relations::group_list`], and the end.
    starts: Vec<u32>,
    group_list: Vec<u32>,
}

impl Relations {
    /// All relations among the lines, which are numbered in this order.
    pub(super) fn of(lines: &LineIndex<'_, '_>, order: &Order) -> Relations {
        let mut relations = Relations::default();
        for range in lines.metrics() {
            match definition_of(lines[range.start].metric) {
                Some(definition) => {
                    let declared = definition.relations.iter();
                    declared.for_each(|relation| relations.add(lines, range.clone(), definition, relation));
                    relations.add_rates(lines, range.clone(), definition);
                }
                // A newer version wrote the line.
                None => relations.add_sums(lines, range.clone(), Kind::Sum),
            }
        }
        relations.add_cohorts(lines);
        relations.add_segments(lines);
        relations.add_seat_holders(lines);
        relations.renumber(order);
        relations.index(lines.len());
        relations
    }

    /// The groups that a line is in.
    pub(super) fn groups_of(&self, line: usize) -> impl Iterator<Item = usize> + use<'_> {
        let [start, end] = [line, line + 1].map(|line| self.starts[line] as usize);
        self.group_list[start..end].iter().map(|group| *group as usize)
    }

    /// The lines of a group.
    pub(super) fn lines_of<'g>(&'g self, group: &'g Group) -> impl Iterator<Item = usize> + use<'g> {
        self.parts_of(group).iter().chain(&group.total).map(|count| count.line())
    }

    /// Numbers the lines in another order, and the groups in that of their last lines: what is used
    /// together is close together.
    fn renumber(&mut self, order: &Order) {
        let renumbered = |count: Count| Count::at(order.place(count.line()) * 2 + count.index() % 2);
        self.parts.iter_mut().for_each(|part| *part = renumbered(*part));
        self.groups.iter_mut().for_each(|group| group.total = group.total.map(renumbered));
        self.equal.iter_mut().flatten().for_each(|line| *line = order.place(*line));
        let mut groups = std::mem::take(&mut self.groups);
        groups.sort_by_cached_key(|group| self.lines_of(group).map(|line| order.stages[line]).max());
        let mut parts = Vec::with_capacity(self.parts.len());
        for group in &mut groups {
            let start = parts.len() as u32;
            parts.extend(self.parts_of(group));
            group.parts = start..parts.len() as u32;
        }
        (self.groups, self.parts) = (groups, parts);
    }

    /// Lists the groups of each line.
    fn index(&mut self, lines: usize) {
        let mut starts = vec![0_u32; lines + 1];
        for group in &self.groups {
            self.lines_of(group).for_each(|line| starts[line + 1] += 1);
        }
        (0..lines).for_each(|line| starts[line + 1] += starts[line]);
        let mut next = starts.clone();
        let mut list = vec![0_u32; starts[lines] as usize];
        for (at, group) in self.groups.iter().enumerate() {
            for line in self.lines_of(group) {
                list[next[line] as usize] = at as u32;
                next[line] += 1;
            }
        }
        (self.starts, self.group_list) = (starts, list);
    }

    /// The parts of a group.
    pub(super) fn parts_of(&self, group: &Group) -> &[Count] {
        &self.parts[group.parts.start as usize..group.parts.end as usize]
    }

    fn group(&mut self, kind: Kind, total: Option<Count>, parts: impl IntoIterator<Item = Count>) {
        let start = self.parts.len() as u32;
        self.parts.extend(parts);
        let parts = start..self.parts.len() as u32;
        if !parts.is_empty() {
            self.groups.push(Group { kind, total, is_certain: true, parts });
        }
    }

    /// The relations of one metric, whose lines are in `range`.
    fn add(
        &mut self,
        lines: &LineIndex<'_, '_>,
        range: Range<usize>,
        definition: &Definition,
        relation: &Relation,
    ) {
        match relation {
            Relation::Impersonal => {}
            Relation::Sums => {
                self.add_sums(lines, range.clone(), Kind::Sum);
                self.add_periods(lines, range, Kind::Sum);
            }
            Relation::People => self.add_sums(lines, range, Kind::Cover),
            Relation::Partition => {
                self.add_dimensions(lines, range.clone(), Kind::Sum);
                let first = self.groups.len();
                self.add_scopes(lines, range, Kind::Cover);
                self.groups[first..].iter_mut().for_each(|group| group.is_certain = false);
            }
            Relation::ActivePeople => {
                self.add_sums(lines, range.clone(), Kind::Cover);
                self.add_periods(lines, range, Kind::Cover);
            }
            Relation::Statistics => {
                self.add_statistics(lines, range.clone());
                if definition.metric != METRIC {
                    self.add_sums(lines, range.clone(), Kind::Sum);
                    self.add_periods(lines, range, Kind::Sum);
                }
            }
            Relation::PartsOf { over, only, except, total } => {
                self.add_parts(lines, range, over, [*only, *except], total);
            }
            Relation::MarginOf { dimension, metric, as_dimension } => {
                self.add_margins(lines, range, [dimension, metric, as_dimension]);
            }
            Relation::SubsetOf(whole) => self.add_bounded(lines, range, whole, Kind::Nested),
            Relation::AtMost(most) => self.add_bounded(lines, range, most, Kind::AtMost),
            Relation::SameAs { by, metric, as_by } => {
                let by: Dimensions = by.iter().copied().collect();
                let as_by: Dimensions = as_by.iter().copied().collect();
                self.add_same(lines, range, |line| (*line.by == by).then_some((*metric, &as_by)));
            }
            Relation::SameLinesAs(metric) => self.add_same_lines(lines, range, metric, |_| true),
            Relation::ObservationsOf(metric) => {
                self.add_same_lines(lines, range, metric, |dimension| dimension != "stat");
            }
        }
    }

    fn add_same<'b>(
        &mut self,
        lines: &LineIndex<'_, '_>,
        range: Range<usize>,
        same_as: impl Fn(&Line<'_>) -> Option<(&'b str, &'b Dimensions)>,
    ) {
        for at in range {
            let line = &lines[at];
            let Some((metric, by)) = same_as(line) else { continue };
            let wanted = LineRef { metric, by, population: None, period: line.period };
            if let Some(other) = lines.find(line, &wanted) {
                self.same(lines, at, other);
            }
        }
    }

    /// Two lines with the same count.
    fn same(&mut self, lines: &LineIndex<'_, '_>, one: usize, other: usize) {
        // What is not published cannot be left out together with the other.
        if lines[one].is_implied() || lines[other].is_implied() {
            self.group(Kind::Sum, Some(Count::of(one)), [Count::of(other)]);
        } else {
            self.equal.push([one, other]);
        }
    }

    /// Statistics of the same observations.
    fn add_statistics(&mut self, lines: &LineIndex<'_, '_>, range: Range<usize>) {
        let observations = |at: usize| (lines[at].series(), without_stat(lines[at].by));
        let mut order: Vec<usize> = range.filter(|at| lines[*at].by.contains("stat")).collect();
        order.sort_by_cached_key(|at| observations(*at));
        for pair in order.windows(2).filter(|pair| observations(pair[0]) == observations(pair[1])) {
            self.same(lines, pair[0], pair[1]);
        }
    }

    /// Lines of another metric with the same dimensions, as far as it has them.
    fn add_same_lines(
        &mut self,
        lines: &LineIndex<'_, '_>,
        range: Range<usize>,
        metric: &str,
        has: impl Fn(&str) -> bool,
    ) {
        for at in range {
            let line = &lines[at];
            let by: Dimensions = line.by.iter().filter(|(name, _)| has(name)).collect();
            if let Some(other) = lines.find(line, &LineRef { metric, by: &by, ..LineRef::of(line) }) {
                self.same(lines, at, other);
            }
        }
    }

    /// Across the dimensions, and from the groups to their union.
    fn add_sums(&mut self, lines: &LineIndex<'_, '_>, range: Range<usize>, kind: Kind) {
        self.add_dimensions(lines, range.clone(), kind);
        self.add_scopes(lines, range, kind);
    }

    fn add_dimensions(&mut self, lines: &LineIndex<'_, '_>, range: Range<usize>, kind: Kind) {
        let mut start = range.start;
        for series in lines[range].chunk_by(|one, other| one.series() == other.series()) {
            self.add_dimensions_of_series(lines, start..start + series.len(), kind);
            start += series.len();
        }
    }

    /// Lines that differ only in their dimensions.
    fn add_dimensions_of_series<'l>(&mut self, lines: &LineIndex<'_, 'l>, range: Range<usize>, kind: Kind) {
        let (start, series) = (range.start, &lines[range]);
        let mut parts: Vec<(&'l str, usize)> = Vec::new();
        for (at, line) in series.iter().enumerate() {
            parts.extend(line.by.names().filter(|key| is_summed_over(line, key, kind)).map(|key| (key, at)));
        }
        let rest = |part: &(_, usize)| other_dimensions(series[part.1].by, part.0);
        let compare = |one: &(&'l str, usize), other: &(&'l str, usize)| {
            one.0.cmp(other.0).then_with(|| rest(one).cmp(rest(other)))
        };
        parts.sort_by(compare);
        for parts in parts.chunk_by(|one, other| compare(one, other).is_eq()) {
            let total = series.binary_search_by(|line| line.by.iter().cmp(rest(&parts[0]))).ok();
            // People of parts overlap: without a total, nothing is known of them.
            if kind == Kind::Sum || total.is_some() {
                self.whole(lines, kind, total.map(|at| start + at), parts.iter().map(|(_, at)| start + at));
            }
        }
    }

    /// Adds a group, and, for people, the difference of the total and each part. Parts that were not
    /// collected are in no total.
    fn whole(
        &mut self,
        lines: &LineIndex<'_, '_>,
        kind: Kind,
        total: Option<usize>,
        parts: impl IntoIterator<Item = usize>,
    ) {
        let is_unknown = |line: &Line<'_>| !line.is_suppressed && line.n.or(line.value).is_none();
        let parts = parts.into_iter().filter(|at| !is_unknown(&lines[*at]));
        let parts: Vec<Count> = parts.map(Count::of).collect();
        let total = total.map(Count::of);
        if kind == Kind::Cover {
            parts.iter().for_each(|part| self.group(Kind::Nested, total, [*part]));
        }
        self.group(kind, total, parts);
    }

    /// From the groups to their union.
    fn add_scopes(&mut self, lines: &LineIndex<'_, '_>, range: Range<usize>, kind: Kind) {
        let is_union = |at: usize| lines[at].scope == ALL_SCOPES;
        if !range.clone().any(is_union) {
            return;
        }
        let mut splits: BTreeMap<Split<'_>, BTreeSet<&str>> = BTreeMap::new();
        for line in &lines[range.clone()] {
            if line.scope != ALL_SCOPES {
                for names in [line.by.names().collect(), Vec::new()] {
                    splits.entry((line.metric, line.period, names)).or_default().insert(line.scope);
                }
            }
        }
        let mut order: Vec<usize> = range.collect();
        let key = |at: usize| (lines[at].period, lines[at].population, lines[at].by);
        order.sort_by_key(|&at| key(at));
        for same_key in order.chunk_by(|&one, &other| key(one) == key(other)) {
            let parts = || same_key.iter().copied().filter(|&at| !is_union(at));
            // The union of several instances has the instance `*`, the union within one has its
            // URL.
            let instances = parts().map(|at| lines[at].instance).chain(parts().next().map(|_| ALL_SCOPES));
            let union_of = |instance: &str| {
                same_key.iter().copied().find(|&at| is_union(at) && lines[at].instance == instance)
            };
            if let Some(total) = instances.filter_map(union_of).next() {
                let names = lines[total].by.names().collect::<Vec<&str>>();
                let of_split = |at: usize| (lines[at].metric, lines[at].period, names.clone());
                let groups = |splits: &BTreeMap<Split<'_>, BTreeSet<&str>>, key| {
                    splits.get(&key).map_or(0, BTreeSet::len)
                };
                // A group without the split has its cases in no part.
                let is_split_everywhere = groups(&splits, of_split(total))
                    == groups(&splits, (lines[total].metric, lines[total].period, Vec::new()));
                let kind = if kind == Kind::Sum && !is_split_everywhere { Kind::Near } else { kind };
                // A team of one group, for example.
                if let ([only], false) = (&*parts().collect::<Vec<usize>>(), kind == Kind::Near) {
                    self.same(lines, *only, total);
                }
                self.whole(lines, kind, Some(total), parts());
            }
        }
    }

    /// Lines that add up to a count of another metric.
    fn add_parts(
        &mut self,
        lines: &LineIndex<'_, '_>,
        range: Range<usize>,
        over: &[&str],
        [only, except]: [Option<(&str, &str)>; 2],
        total: &CountRef,
    ) {
        let has = |line: &Line<'_>, dimension: (&str, &str)| line.by.get(dimension.0) == Some(dimension.1);
        let is_part = |line: &Line<'_>| {
            over.iter().all(|name| line.by.contains(name))
                && only.is_none_or(|only| has(line, only))
                && except.is_none_or(|except| !has(line, except))
                && line.population != Some(Population::SeatHolders)
        };
        let mut start = range.start;
        for series in lines[range].chunk_by(|one, other| one.series() == other.series()) {
            let mut by_rest: BTreeMap<Dimensions, Vec<Count>> = BTreeMap::new();
            for (at, line) in (start..).zip(series).filter(|(_, line)| is_part(line)) {
                let rest = line.by.iter().filter(|(name, _)| !over.contains(name));
                by_rest
                    .entry(rest.chain(total.by.iter().copied()).collect())
                    .or_default()
                    .push(Count::of(at));
            }
            start += series.len();
            let line = &series[0];
            for (by, parts) in by_rest {
                for period in total.periods(line.period) {
                    let wanted =
                        LineRef { metric: total.metric, period, population: total.population, by: &by };
                    let found = lines.find(line, &wanted).map(Count::of);
                    self.group(Kind::Sum, found, parts.iter().copied());
                }
            }
        }
    }

    /// Lines of each value of a dimension that add up to a line of another metric.
    fn add_margins(
        &mut self,
        lines: &LineIndex<'_, '_>,
        range: Range<usize>,
        [dimension, metric, as_dimension]: [&str; 3],
    ) {
        let mut start = range.start;
        for series in lines[range].chunk_by(|one, other| one.series() == other.series()) {
            let mut by_value: BTreeMap<&str, Vec<Count>> = BTreeMap::new();
            for (at, line) in (start..).zip(series) {
                if let Some(value) = line.by.get(dimension) {
                    by_value.entry(value).or_default().push(Count::of(at));
                }
            }
            start += series.len();
            let line = &series[0];
            for (value, parts) in by_value {
                let by: Dimensions = [(as_dimension, value)].into_iter().collect();
                let wanted = LineRef { metric, by: &by, ..LineRef::of(line) };
                let total = lines.find(line, &wanted).map(Count::of);
                self.group(Kind::Sum, total, parts);
            }
        }
    }

    /// Lines that are at most another count.
    fn add_bounded(&mut self, lines: &LineIndex<'_, '_>, range: Range<usize>, whole: &CountRef, kind: Kind) {
        for at in range {
            let line = &lines[at];
            let by: Dimensions = line.by.iter().chain(whole.by.iter().copied()).collect();
            for period in whole.periods(line.period) {
                let wanted = LineRef { metric: whole.metric, period, population: whole.population, by: &by };
                let found = lines.find(line, &wanted).map(Count::of);
                if found.is_some() {
                    self.group(kind, found, [Count::of(at)]);
                }
            }
        }
    }
}

/// All dimensions but this one, with their values.
fn other_dimensions<'a>(by: &'a Dimensions, key: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    by.iter().filter(move |(other, _)| *other != key)
}

/// Whether the values of a dimension add up to something that is published: `v1` of one flow has
/// nothing to do with `v1` of another, and no line counts both. Teams overlap, statistics are of the
/// same observations, and the total of people contains no bots.
fn is_summed_over(line: &Line<'_>, dimension: &str, kind: Kind) -> bool {
    !is_of_teams(dimension)
        && dimension != "stat"
        && (kind == Kind::Sum || dimension != "kind")
        && (dimension != "flow" || !line.by.contains("flow_version"))
}

/// The quantity of a count that adds up: an amount, or the number of cases.
pub(super) fn number_of(line: &Line<'_>, is_of: bool, unit: Option<Unit>) -> Option<f64> {
    let is_amount = matches!(unit, Some(Unit::Dollars | Unit::Credits));
    let number = match (is_of, is_amount) {
        (true, _) => line.of,
        (false, true) => line.value,
        (false, false) => line.n.or(line.value),
    };
    number.map(Number::as_f64)
}
