//! The days that a line rests on: how many there are, in words, and which lines can be compared.

use crate::model::record::Number;

use super::number::{self, Style};
use super::privacy::Line;

/// What a line reports instead of missing days when all it rests on was imported.
const UNKNOWN_COMPLETENESS: &str = "completeness unknown";

/// Whether no day of a line is known to be missing: the ones that are not complete were imported.
pub fn is_imported(line: &Line<'_>) -> bool {
    let days = line.period.length() as f64;
    line.imported > 0.0 && ((line.coverage + line.imported) * days).round() >= days
}

/// How many of its days a line rests on, in words: `12 of 28 days collected`, or that they were imported.
pub fn collected(line: &Line<'_>) -> String {
    let days = line.period.length();
    let of_days = |share: f64| format!("{} of {days} days", (share * days as f64).round() as i64);
    let collected = format!("{} collected", of_days(line.coverage));
    if line.imported == 0.0 {
        return collected;
    }
    let imported = match is_imported(line) {
        true => format!("imported events, {UNKNOWN_COMPLETENESS}"),
        false => format!("{} imported, {UNKNOWN_COMPLETENESS}", of_days(line.imported)),
    };
    if line.coverage > 0.0 { format!("{collected}, {imported}") } else { imported }
}

/// The change from one line to another, in words, or why there is none: only periods of one kind are compared, and only
/// when all days of both were collected. `None` when a value is not known or hidden.
pub fn change(style: Style, earlier: &Line<'_>, later: &Line<'_>) -> Option<Result<String, String>> {
    for line in [later, earlier] {
        if line.coverage < 1.0 {
            let name = number::period(line.period);
            return Some(Err(match is_imported(line) {
                true => format!("whether {name} is complete is unknown"),
                false => format!("{name} is not complete"),
            }));
        }
    }
    if earlier.period.grain != later.period.grain {
        return None;
    }
    let value = |line: &Line<'_>| line.value.map(Number::as_f64);
    number::change(style, value(earlier)?, value(later)?).map(Ok)
}
