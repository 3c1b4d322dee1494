//! What suppression costs: the share of the values of a site that are still shown.

use std::collections::BTreeMap;
use std::fmt;

use super::meaning::is_about_people;
use super::site::Row;

/// Shown and all values, by whether they are split by a dimension, and by grain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loss(BTreeMap<(&'static str, String), (u64, u64)>);

impl Loss {
    /// Counts the rows of one site.
    pub(crate) fn of(rows: &[Row]) -> Loss {
        let mut loss = Loss::default();
        for row in rows.iter().filter(|row| is_about_people(&row.metric)) {
            let is_suppressed = !row.hidden.is_empty();
            // An unknown value is not lost by suppression.
            if !is_suppressed && row.value.is_none() {
                continue;
            }
            let is_total = row.by.keys().all(|name| name == "stat" || name == "add_on");
            let split = if is_total { "total" } else { "by dimension" };
            for grain in [row.grain.as_str(), "all"] {
                let (shown, all) = loss.0.entry((split, grain.to_owned())).or_default();
                *shown += u64::from(!is_suppressed);
                *all += 1;
            }
        }
        loss
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((split, grain), (shown, all)) in &self.0 {
            let percent = *shown as f64 * 100.0 / *all as f64;
            write!(out, "{split} {grain} {percent:.0}% ({shown} of {all}); ")?;
        }
        Ok(())
    }
}
