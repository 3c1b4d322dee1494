//! OpenMetrics text for Prometheus: the newest complete period of each grain.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::aggregate::metrics::{Definition, Unit};
use crate::base::calendar::{Day, Grain};
use crate::base::text::is_printable;
use crate::publish::privacy::Line;

/// The OpenMetrics text, and what was left out of it.
#[derive(Debug)]
pub struct Exposition {
    /// The text, including the final `# EOF`.
    pub text: String,
    /// Number of samples, without the ends of periods.
    pub samples: u64,
    /// Number of lines of newest complete periods that have no definition, or dimensions that
    /// cannot be labels.
    pub left_out: u64,
}

/// The prefix of all family names.
const PREFIX: &str = "duo_metrics";

/// The family with the ends of the reported periods.
const PERIOD_END: &str = "duo_metrics_period_end_timestamp_seconds";

/// The lines as gauges: for each metric, instance, scope and grain, the newest period whose days
/// are all complete. Unknown and suppressed values are left out. `lines` are in the order of
/// [`crate::publish::privacy::publish`].
pub fn openmetrics(lines: &[Line<'_>], definitions: &[&Definition]) -> Exposition {
    let mut newest: BTreeMap<(&str, &str, &str, Grain), Day> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.coverage >= 1.0) {
        let key = (line.metric, line.instance, line.scope, line.period.grain);
        let end = newest.entry(key).or_insert(line.period.end);
        *end = line.period.end.max(*end);
    }
    let is_newest = |line: &&Line<'_>| {
        let key = (line.metric, line.instance, line.scope, line.period.grain);
        line.coverage >= 1.0 && newest.get(&key) == Some(&line.period.end)
    };

    let mut found = Exposition { text: String::new(), samples: 0, left_out: 0 };
    for definition in definitions {
        let (name, unit) = family(definition);
        let mut samples = String::new();
        for line in lines.iter().filter(|line| line.metric == definition.metric).filter(is_newest) {
            let Some(value) = line.value else { continue };
            if !line.by.iter().all(|(key, value)| is_label_name(key) && !value.is_empty()) {
                found.left_out += 1;
                continue;
            }
            let population =
                line.population.map(|population| ("population".to_owned(), population.as_str().to_owned()));
            let by = line.by.iter().map(|(key, value)| (format!("by_{key}"), value.to_owned()));
            let more = population.into_iter().chain(by);
            let labels = labels(line.instance, line.scope, line.period.grain, more);
            let _ = writeln!(samples, "{name}{{{labels}}} {value}");
            found.samples += 1;
        }
        if !samples.is_empty() {
            header(&mut found.text, &name, unit, &format!("{}: {}", definition.title, definition.text));
            found.text.push_str(&samples);
        }
    }

    let is_defined = |metric: &str| definitions.iter().any(|definition| definition.metric == metric);
    found.left_out += lines.iter().filter(is_newest).filter(|line| !is_defined(line.metric)).count() as u64;

    let mut ends = String::new();
    for ((metric, instance, scope, grain), end) in newest.into_iter().filter(|(key, _)| is_defined(key.0)) {
        let labels = labels(instance, scope, grain, [("metric".to_owned(), metric.to_owned())]);
        let _ = writeln!(ends, "{PERIOD_END}{{{labels}}} {}", end.plus(1).midnight().unix_seconds());
    }
    if !ends.is_empty() {
        let help = "End of the newest complete period, which the values of this metric cover, as Unix time.";
        header(&mut found.text, PERIOD_END, Some("seconds"), help);
        found.text.push_str(&ends);
    }
    found.text.push_str("# EOF\n");
    found
}

/// The name of the family, and its unit, which is the suffix of the name.
fn family(definition: &Definition) -> (String, Option<&'static str>) {
    let name = format!("{PREFIX}_{}", definition.metric.replace('.', "_"));
    let unit = match definition.unit {
        Unit::People => "people",
        Unit::Events => "events",
        Unit::Share(_) => "ratio",
        Unit::PerPerson(_) | Unit::DeploymentsPerDay => return (name, None),
        Unit::Lines => "lines",
        Unit::Seats => "seats",
        Unit::MergeRequests => "merge_requests",
        Unit::Pipelines => "pipelines",
        Unit::Seconds => "seconds",
        Unit::Days => "days",
        Unit::Sessions => "sessions",
        Unit::Tokens => "tokens",
        Unit::Dollars => "dollars",
        Unit::Credits => "credits",
    };
    if name.ends_with(&format!("_{unit}")) {
        (name, Some(unit))
    } else {
        (format!("{name}_{unit}"), Some(unit))
    }
}

fn header(text: &mut String, name: &str, unit: Option<&str>, help: &str) {
    let _ = writeln!(text, "# TYPE {name} gauge");
    if let Some(unit) = unit {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
    let _ = writeln!(text, "# HELP {name} {}", escape(help));
}

/// The labels of a sample. `gitlab` is the instance, because Prometheus uses the label `instance`
/// for the scraped target.
fn labels(
    instance: &str,
    scope: &str,
    grain: Grain,
    more: impl IntoIterator<Item = (String, String)>,
) -> String {
    let grain = grain.to_string();
    let fixed = [("gitlab", instance), ("scope", scope), ("grain", &grain)];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let labels = fixed.into_iter().chain(more).map(|(name, value)| format!("{name}=\"{}\"", escape(&value)));
    labels.collect::<Vec<_>>().join(",")
}

/// Escapes a label value or the text of HELP.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            // OpenMetrics has no escape for it, so that it becomes text.
            other if !is_printable(other) => {
                let _ = write!(escaped, "\\{}", other.escape_unicode());
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Whether a dimension is a valid label name without changes, which could merge two dimensions.
fn is_label_name(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::aggregate::metrics::definitions;

    #[test]
    fn control_characters_become_text() {
        assert_eq!(escape("a\\b\"c\nd\u{1b}[31m\u{202e}é"), r#"a\\b\"c\nd\\u{1b}[31m\\u{202e}é"#);
    }

    #[test]
    fn every_metric_is_a_separate_family_named_after_its_unit() {
        let families: Vec<_> = definitions().map(family).collect();
        let names: BTreeSet<&str> = families.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names.len(), families.len());
        assert!(!names.contains(PERIOD_END));
        for (name, unit) in &families {
            assert!(is_label_name(name), "{name}");
            assert!(unit.is_none_or(|unit| name.ends_with(&format!("_{unit}"))), "{name}");
            // OpenMetrics reserves these suffixes.
            for suffix in ["_total", "_count", "_sum", "_bucket", "_created", "_info"] {
                assert!(!name.ends_with(suffix), "{name}");
            }
        }
        assert!(names.contains("duo_metrics_code_suggestions_acceptance_rate_ratio"));
        assert!(names.contains("duo_metrics_pipelines_duration_seconds"));
    }
}
