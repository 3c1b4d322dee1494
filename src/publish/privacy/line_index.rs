//! Lines by their keys.

use std::collections::HashMap;
use std::ops::{Deref, Range};

use foldhash::fast::FixedState;

use super::Line;
use crate::base::calendar::Period;
use crate::base::dimensions::Dimensions;
use crate::model::metric::Population;

/// What distinguishes a line from another one of the same instance and scope.
pub(super) struct LineRef<'a> {
    pub(super) metric: &'a str,
    pub(super) period: Period,
    pub(super) population: Option<Population>,
    pub(super) by: &'a Dimensions,
}

impl<'a> LineRef<'a> {
    /// The reference of a line itself.
    pub(super) fn of(line: &Line<'a>) -> LineRef<'a> {
        LineRef { metric: line.metric, period: line.period, population: line.population, by: line.by }
    }
}

/// Lines that are sorted by their keys, and where those of each metric and group are.
pub(super) struct LineIndex<'l, 'a> {
    lines: &'l [Line<'a>],
    places: HashMap<[&'a str; 3], Range<usize>, FixedState>,
}

impl<'l, 'a> LineIndex<'l, 'a> {
    pub(super) fn of(lines: &'l [Line<'a>]) -> LineIndex<'l, 'a> {
        let place = |line: &Line<'a>| [line.metric, line.instance, line.scope];
        let mut places = HashMap::default();
        let mut start = 0;
        for of_place in lines.chunk_by(|one, other| place(one) == place(other)) {
            places.insert(place(&of_place[0]), start..start + of_place.len());
            start += of_place.len();
        }
        LineIndex { lines, places }
    }

    /// The range of the lines of each metric.
    pub(super) fn metrics(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let of_metric = self.lines.chunk_by(|one, other| one.metric == other.metric).map(|lines| {
            start += lines.len();
            start - lines.len()..start
        });
        of_metric.collect()
    }

    /// The index of a line of the same instance and scope as `line`.
    pub(super) fn find(&self, line: &Line<'_>, wanted: &LineRef<'_>) -> Option<usize> {
        let range = self.places.get(&[wanted.metric, line.instance, line.scope])?;
        let key = (wanted.period, wanted.population, wanted.by);
        let of_place = &self.lines[range.clone()];
        let found = of_place.binary_search_by(|line| (line.period, line.population, line.by).cmp(&key));
        found.ok().map(|at| range.start + at)
    }
}

impl<'a> Deref for LineIndex<'_, 'a> {
    type Target = [Line<'a>];

    fn deref(&self) -> &[Line<'a>] {
        self.lines
    }
}
