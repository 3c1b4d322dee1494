//! Index of published lines by place: a GitLab instance and a group.

use std::collections::BTreeMap;

use crate::base::calendar::{Day, Grain, Period};
use crate::model::scope::{ALL_SCOPES, INSTANCE_SCOPE};

use super::privacy::Line;
use super::text::{MAX_LABEL_LEN, plain};

/// The label of a scope.
pub fn scope_name(scope: &str) -> String {
    match scope {
        ALL_SCOPES => "all groups".into(),
        INSTANCE_SCOPE => "the whole instance".into(),
        path => plain(path, MAX_LABEL_LEN),
    }
}

/// The lines of one group, or of the union of all.
pub struct Place<'a> {
    scope: &'a str,
    lines: BTreeMap<(&'a str, Grain), Vec<&'a Line<'a>>>,
}

impl<'a> Place<'a> {
    /// The places of the lines: first the main one (the union, if there is one), then the others by
    /// name.
    pub fn all(lines: &'a [Line<'a>]) -> Vec<Place<'a>> {
        let mut index: BTreeMap<(&str, &str), Place> = BTreeMap::new();
        // `publish` returns lines in order of time.
        for line in lines {
            let place = index
                .entry((line.scope, line.instance))
                .or_insert_with(|| Place { scope: line.scope, lines: BTreeMap::new() });
            place.lines.entry((line.metric, line.period.grain)).or_default().push(line);
        }
        let mut places: Vec<Place> = index.into_values().collect();
        places.sort_by_key(|place| place.scope != ALL_SCOPES);
        places
    }

    /// Whether this is the union of several groups.
    pub fn is_union(&self) -> bool {
        self.scope == ALL_SCOPES
    }

    /// The group path; [`ALL_SCOPES`] for the union.
    pub fn scope(&self) -> &'a str {
        self.scope
    }

    /// The label of the group or the union.
    pub fn name(&self) -> String {
        scope_name(self.scope)
    }

    /// The lines of a metric and grain with exactly these dimensions, in order of time.
    pub fn series(&self, metric: &'a str, grain: Grain, by: &[(&str, &str)]) -> Vec<&'a Line<'a>> {
        let matches = |line: &&&Line<'_>| {
            line.by.len() == by.len() && by.iter().all(|(key, value)| line.by.get(key) == Some(*value))
        };
        self.lines.get(&(metric, grain)).into_iter().flatten().filter(matches).copied().collect()
    }

    /// The newest line of a metric and grain with exactly these dimensions.
    pub fn newest(&self, metric: &'a str, grain: Grain, by: &[(&str, &str)]) -> Option<&'a Line<'a>> {
        self.series(metric, grain, by).pop()
    }

    /// The line of the 28-day window.
    pub fn window(&self, metric: &'a str, by: &[(&str, &str)]) -> Option<&'a Line<'a>> {
        self.newest(metric, Grain::Window, by)
    }

    /// The lines of a metric by one dimension, in the newest period of the grain. `also` are the
    /// values of further dimensions.
    pub fn split(
        &self,
        metric: &'a str,
        grain: Grain,
        key: &str,
        also: &[(&str, &str)],
    ) -> BTreeMap<&'a str, &'a Line<'a>> {
        let fits = |line: &&&Line<'_>| {
            line.by.len() == 1 + also.len()
                && line.by.contains(key)
                && also.iter().all(|(key, value)| line.by.get(key) == Some(*value))
        };
        let cells = self.lines.get(&(metric, grain)).into_iter().flatten().filter(fits);
        let Some(newest) = cells.clone().map(|line| line.period.start).max() else { return BTreeMap::new() };
        cells
            .filter(|line| line.period.start == newest)
            .filter_map(|line| Some((line.by.get(key)?, *line)))
            .collect()
    }

    /// Every line of the place: by metric and grain, then in order of time.
    pub fn lines(&self) -> impl Iterator<Item = &'a Line<'a>> {
        self.lines.values().flatten().copied()
    }

    /// Every line of a metric and grain, in order of time.
    pub fn every(&self, metric: &'a str, grain: Grain) -> &[&'a Line<'a>] {
        self.lines.get(&(metric, grain)).map_or(&[], Vec::as_slice)
    }
}

/// Metrics whose lines do not end with the last reported day: a seat list is of the day after it, and
/// bills and comparisons run up to the last collected day.
const NOT_BY_DAY: [&str; 4] = ["seats.", "coverage.", "credits.", "reconcile."];

/// The first and the last day that lines of these metrics and periods cover: those of the day
/// lines, else of the others.
pub fn reported_days<'a>(lines: impl Iterator<Item = (&'a str, Period)> + Clone) -> Option<(Day, Day)> {
    let mut days = lines
        .filter(|(metric, _)| !NOT_BY_DAY.iter().any(|name| metric.starts_with(name)))
        .map(|(_, period)| period);
    let span = |periods: &mut dyn Iterator<Item = Period>| {
        periods.fold(None, |span: Option<(Day, Day)>, period| {
            let (start, end) = span.unwrap_or((period.start, period.end));
            Some((start.min(period.start), end.max(period.end)))
        })
    };
    span(&mut days.clone().filter(|period| period.grain == Grain::Day))
        .or_else(|| span(&mut days.clone().filter(|period| period.grain == Grain::Window)))
        .or_else(|| span(&mut days))
}
