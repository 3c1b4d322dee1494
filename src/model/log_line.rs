//! Detects the lines of a log that are not events: headers, separators, banners and other log
//! lines.
//!
//! These are skipped and counted. Only certain cases are listed here: any other line that is not an
//! event may be a damaged one, and is rejected.

use serde_json::{Map, Value};

/// Whether a line is noise around the lines of a log: a header, a separator, or a banner of the
/// program that printed the log.
pub fn is_log_noise(line: &str) -> bool {
    let line = line.trim();
    let is_framed = |start: &str, end: &str| line.starts_with(start) && line.ends_with(end);
    // JSON arrays, tables and horizontal rules.
    line.bytes().all(|byte| b"-=*_+~.|,[] \t".contains(&byte))
        || is_framed("==> ", " <==")
        || (is_framed("(", " rows)") || is_framed("(", " row)"))
        || (BANNERS.iter().any(|banner| line.starts_with(banner)) && !holds_members(line))
}

/// Prefixes of the lines that programs print around logs.
const BANNERS: &[&str] = &[
    // Ruby's Logger (`Logfile created on`), W3C logs (`#Fields:`), comments.
    "#",
    // journalctl (`-- Logs begin at`, `-- Reboot --`), SQL comments.
    "-- ",
    // tail -F.
    "tail: ",
    // kubectl logs, docker compose logs.
    "Defaulted container ",
    "Found ",
    "Attaching to ",
    // script, nohup.
    "Script started on ",
    "Script done on ",
    "nohup: ",
    // Excel's separator line, Markdown.
    "sep=",
    "```",
    // GitLab CI/CD job logs.
    "section_start:",
    "section_end:",
];

/// Whether a line is a log message in plain text, without JSON.
pub(crate) fn is_text(line: &str) -> bool {
    !holds_members(line)
        && (starts_with_time(line)
            || starts_with_level(line)
            || starts_with_container(line)
            || is_access(line)
            || TEXT_STARTS.iter().any(|start| line.starts_with(start)))
}

/// Prefixes of stack traces, logfmt, syslog with a priority, and startup messages of web servers
/// and shells.
const TEXT_STARTS: &[&str] = &[
    "Traceback (most recent call last)",
    "Caused by: ",
    "File \"",
    "at ",
    "from ",
    "level=",
    "severity=",
    "time=",
    "ts=",
    "msg=",
    "=> ",
    "* ",
    "+ ",
    "$ ",
    "Puma starting",
    "<1",
    "<2",
    "<3",
];

const LEVELS: &[&str] = &[
    "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "ERR", "CRITICAL", "FATAL", "ALERT",
    "PANIC",
];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Whether the text contains members of a JSON object, and so may be a fragment of one.
fn holds_members(text: &str) -> bool {
    text.contains("\":") || text.contains("\\\":")
}

/// Whether a text starts with a pattern, in which `0` matches any digit.
fn starts_like(text: &str, pattern: &str) -> bool {
    text.len() >= pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(byte, expected)| match expected {
            b'0' => byte.is_ascii_digit(),
            expected => byte == expected,
        })
}

/// Whether a line starts with a time as loggers write it, followed by a space, a bracket or
/// nothing. Table rows may also start with a time, but no space separates it from the next cell.
fn starts_with_time(line: &str) -> bool {
    // Ruby's Logger: `I, [2026-10-01T09:00:00.123456 #17]`; klog: `I1001 09:00:00.123`.
    if starts_like(line.get(1..).unwrap_or_default(), ", [0000-00-00T00:00")
        || starts_like(line.get(1..).unwrap_or_default(), "0000 00:00:00")
    {
        return true;
    }
    let text = line.strip_prefix('[').unwrap_or(line);
    // Syslog: `Oct  1 09:00:00 host`.
    if MONTHS.iter().any(|month| text.starts_with(month)) {
        return ["  0 00:00:00", " 00 00:00:00"]
            .iter()
            .any(|pattern| starts_like(text.get(3..).unwrap_or_default(), pattern));
    }
    let date = ["0000-00-00", "0000/00/00"].iter().any(|pattern| starts_like(text, pattern));
    let time = text.get(10..).unwrap_or_default();
    let is_timed = ["T00:00", " 00:00", "_00:00"].iter().any(|pattern| starts_like(time, pattern));
    let rest = time
        .get(1..)
        .unwrap_or_default()
        .trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | ',' | '+' | '-' | 'Z'));
    date && is_timed && (rest.is_empty() || rest.starts_with([' ', ']']))
}

fn starts_with_level(line: &str) -> bool {
    let text = line.strip_prefix('[').unwrap_or(line);
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word)) && rest.starts_with([' ', ':', ']'])
}

/// Whether a line starts with a container name as `docker compose logs` or `kubectl logs --prefix`
/// prints it.
fn starts_with_container(line: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let rest = line.trim_start_matches(is_name);
    line.starts_with("[pod/") || (rest.len() < line.len() && rest.trim_start().starts_with("| "))
}

/// Whether a line is from the access log of a web server.
fn is_access(line: &str) -> bool {
    line.split_once(" - ").is_some_and(|(host, rest)| !host.contains(' ') && rest.contains("] \""))
}

/// Whether an object of unknown form is another log line: it has a field that loggers or log
/// collectors add, and none that only events have.
pub(crate) fn is_other(object: &Map<String, Value>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    let is_event = has(EVENT_FIELDS) || object.get("event").is_some_and(|event| !event.is_object());
    let is_bulk = object.len() == 1
        && ["index", "create", "update", "delete"].iter().any(|name| {
            object.get(*name).and_then(Value::as_object).is_some_and(|action| action.contains_key("_index"))
        });
    !is_event && (is_bulk || has(LOG_FIELDS) || (has(TIMES) && has(MESSAGES)))
}

/// Fields that only events have, in any form.
const EVENT_FIELDS: &[&str] = &[
    "additional_properties",
    "ai_context",
    "contexts",
    "cx",
    "e",
    "eid",
    "event_id",
    "event_name",
    "extras",
    "rawEvent",
    "se_ac",
    "se_action",
    "standard_context",
    "type",
];

/// Fields that only loggers and log collectors add.
const LOG_FIELDS: &[&str] = &[
    "@timestamp",
    "MESSAGE",
    "_source",
    "insertId",
    "jsonPayload",
    "kubernetes",
    "level",
    "levelname",
    "log",
    "logEvents",
    "log_level",
    "logger",
    "severity",
    "severity_text",
    "textPayload",
    "took",
];

const TIMES: &[&str] = &["date", "datetime", "time", "timestamp", "ts"];

const MESSAGES: &[&str] = &["component", "line", "message", "method", "msg", "path", "status", "text"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_separators_and_banners_are_log_noise() {
        for line in [
            "# Logfile created on 2026-08-18 00:00:00 +0000 by logger.rb/v1.6.4",
            "#Fields: date time cs-method",
            "",
            "--",
            "----------+-------",
            "[",
            "],",
            "==> /var/log/gitlab/gitlab-rails/product_usage_data.log <==",
            "-- Logs begin at Thu 2026-10-01 09:00:00 UTC. --",
            "-- Reboot --",
            "tail: product_usage_data.log: file truncated",
            "Defaulted container \"webservice\" out of: webservice, workhorse",
            "(12 rows)",
            "sep=,",
            "```json",
        ] {
            assert!(is_log_noise(line), "{line}");
        }
    }

    #[test]
    fn recognizes_log_text_by_its_start() {
        for line in [
            "2026-10-01 09:00:00,123 INFO server started",
            "2026-10-01T09:00:00.123456789Z stdout F Puma starting",
            "2026-10-01_09:00:00.12345 started",
            "2026/10/01 09:00:00 [notice] 1#1: start",
            "[2026-10-01 09:00:00 +0000] [7] [INFO] Booting worker",
            "I, [2026-10-01T09:00:00.123456 #17]  INFO -- : started",
            "I1001 09:00:00.123456       1 main.go:5] started",
            "Oct  1 09:00:00 host gitlab[17]: started",
            "Oct 11 09:00:00 host gitlab[17]: started",
            "<134>1 2026-10-01T09:00:00Z host gitlab - - - started",
            "INFO:     Started server process [1]",
            "[warn] deprecated",
            "level=info msg=\"started\"",
            "webservice-1  | Puma starting in single mode",
            "[pod/webservice/webservice] started",
            "10.0.0.1 - - [01/Oct/2026:09:00:00 +0000] \"GET /-/health HTTP/1.1\" 200 2",
            "Traceback (most recent call last):",
            "File \"main.py\", line 3, in main",
        ] {
            assert!(is_text(line), "{line}");
        }
    }

    #[test]
    fn possible_fragments_of_events_and_rows_are_not_skipped() {
        for line in [
            "not json",
            "garbage",
            "# \",\"event\":\"x\"}",
            "\"model_name\":\"m\",\"input_tokens\":1000}",
            "2026-08-18T09:00:00Z\",\"user\":{\"id\":42}}",
            "2026-08-18 09:00:00.000,42,8,ruby",
            "2026-08-18 09:00:00.000\t42\t8",
            "2026-08-18",
            "INFO\",\"time\":\"2026-08-18T09:00:00Z\"}",
            "1,2026-08-18 09:00:00,42,8",
            "}",
            "{",
            "ERRATIC text",
            "{\\\"event\\\":1",
        ] {
            assert!(!is_log_noise(line) && !is_text(line), "{line}");
        }
    }
}
