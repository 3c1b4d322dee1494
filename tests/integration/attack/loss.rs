//! What suppression costs: the share of the values of a site that are still shown.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use duo_metrics::aggregate::aggregator::MetricReport;

use super::meaning::is_about_people;
use super::site::{MIN_PEOPLE, Row};

/// The values of a site.
#[derive(Clone, Copy, Debug, Default)]
struct Values {
    shown: u64,
    /// Those that do not rest on few people.
    of_many: u64,
    all: u64,
}

/// Values by whether they are split by a dimension, and by grain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loss(BTreeMap<(&'static str, String), Values>);

impl Loss {
    /// Counts the rows of one site, which was made from a report.
    pub(crate) fn of(rows: &[Row], report: &MetricReport) -> Loss {
        let mut loss = Loss::default();
        let is_of_few = |people: Option<u64>| people.is_some_and(|people| (1..MIN_PEOPLE).contains(&people));
        let of_few: HashSet<String> = (report.metrics.iter().filter(|line| is_of_few(line.people)))
            .map(|line| {
                let by: BTreeMap<&str, &str> = line.by.iter().collect();
                let population = line.population.map_or("", |population| population.as_str());
                format!("{} {} {} {} {population} {by:?}", line.metric, line.scope, line.grain, line.start)
            })
            .collect();
        for row in rows.iter().filter(|row| is_about_people(&row.metric)) {
            let is_suppressed = !row.hidden.is_empty();
            // An unknown value is not lost by suppression.
            if !is_suppressed && row.value.is_none() {
                continue;
            }
            let is_total = row.by.keys().all(|name| name == "stat" || name == "add_on");
            let split = if is_total { "total" } else { "by dimension" };
            let Row { metric, scope, grain, start, population, by, .. } = row;
            let key = format!("{metric} {scope} {grain} {start} {population} {by:?}");
            for grain in [grain.as_str(), "all"] {
                let values = loss.0.entry((split, grain.to_owned())).or_default();
                values.shown += u64::from(!is_suppressed);
                values.of_many += u64::from(!of_few.contains(&key));
                values.all += 1;
            }
        }
        loss
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((split, grain), Values { shown, of_many, all }) in &self.0 {
            let percent = |part: &u64| *part as f64 * 100.0 / *all as f64;
            let (shown, of_many) = (percent(shown), percent(of_many));
            write!(out, "{split} {grain} {shown:.0}% of {all}, {of_many:.0}% rest on enough people; ")?;
        }
        Ok(())
    }
}
