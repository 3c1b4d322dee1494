//! Coverage of lines as text, and which lines can be compared.

use crate::model::number::Number;

use super::number::{self, Style};
use super::privacy::Line;

/// Replaces the number of missing days where all other days were imported.
const UNKNOWN_COMPLETENESS: &str = "completeness unknown";

/// Whether every day of a line that is not complete was imported, so that no day is known to be
/// missing.
pub fn is_imported(line: &Line<'_>) -> bool {
    let days = line.period.length() as f64;
    line.imported > 0.0 && ((line.coverage + line.imported) * days).round() >= days
}

/// How many of its days a line covers: `12 of 28 days collected`, or that they were imported.
pub fn collected(line: &Line<'_>) -> String {
    let days = line.period.length();
    let of_days = |share: f64| format!("{} of {days} days", (share * days as f64).round() as i64);
    let collected = format!("{} collected", of_days(line.coverage));
    if line.imported == 0.0 {
        return collected;
    }
    let imported = if is_imported(line) {
        format!("imported events, {UNKNOWN_COMPLETENESS}")
    } else {
        format!("{} imported, {UNKNOWN_COMPLETENESS}", of_days(line.imported))
    };
    if line.coverage > 0.0 { format!("{collected}, {imported}") } else { imported }
}

/// The change between two lines, or why there is none: only complete periods of one grain are
/// compared. `None` when a value is unknown or suppressed.
pub fn change(style: Style, earlier: &Line<'_>, later: &Line<'_>) -> Option<Result<String, String>> {
    for line in [later, earlier] {
        if line.coverage < 1.0 {
            let name = number::period(line.period);
            return Some(Err(if is_imported(line) {
                format!("completeness of {name} is unknown")
            } else {
                format!("{name} is incomplete")
            }));
        }
    }
    if earlier.period.grain != later.period.grain {
        return None;
    }
    let value = |line: &Line<'_>| line.value.map(Number::as_f64);
    number::change(style, value(earlier)?, value(later)?).map(Ok)
}
