//! The statements, as files: what `duo-metrics sql` prints is what is sent.

const SCHEMA: &str = include_str!("schema.sql");
const CLUSTER: &str = include_str!("cluster.sql");

/// Usage events, counted, as rollup lines.
pub const USAGE: &str = include_str!("usage.sql");

/// Every other line.
pub const LINES: &str = include_str!("lines.sql");

/// The version of the schema that is read and written.
pub(super) const VERSION: &str = "1";

/// The version of the schema that is there, on every shard.
pub(super) const VERSION_THERE: &str = "SELECT DISTINCT version FROM duo_schema FORMAT TabSeparatedRaw";

/// Tables and views for one server, or for each node of a cluster.
pub fn schema(cluster: Option<&str>) -> String {
    match cluster {
        None => SCHEMA.replace("{local}", ""),
        Some(cluster) => {
            format!("{}\n{}", SCHEMA.replace("{local}", "_local"), CLUSTER.replace("{cluster}", cluster))
        }
    }
}

/// A statement as HTTP takes it: servers of old take neither comments nor a semicolon there.
pub(super) fn bare(statement: &str) -> String {
    let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_end_matches(|sign: char| sign == ';' || sign.is_whitespace()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left_and_the_version_is_the_one_that_is_asked_for() {
        for schema in [schema(None), schema(Some("duo"))] {
            assert!(!schema.contains(['{', '}']), "{schema}");
            assert!(schema.contains(&format!("SELECT toUInt32({VERSION}) AS version")));
        }
        assert!(schema(Some("duo")).contains("Distributed(duo, currentDatabase(), duo_events_local"));
        assert!(!schema(None).contains("duo_events_local"), "a single server has one table of each");
    }

    #[test]
    fn a_bare_statement_has_no_comment_and_no_semicolon() {
        assert_eq!(bare("-- a; b\nSELECT 1 -- one\n  -- c\n;\n"), "SELECT 1 -- one");
        for statement in [USAGE, LINES] {
            assert!(!bare(statement).contains(';') && !bare(statement).contains("--"), "{statement}");
        }
    }
}
