//! Envelopes: what log collectors and container platforms wrap around the lines of a log.
//!
//! | writer | field of the line |
//! |---|---|
//! | Docker's `json-file` driver, Fluent Bit, Fluentd, FireLens | `log` |
//! | Kubernetes (CRI): `<time> stdout F <line>`, `kubectl logs --prefix` or `--timestamps`, `docker compose logs`, syslog, `grep` | after a prefix |
//! | journald (`journalctl -o json`) | `MESSAGE`, a text or a list of bytes |
//! | Elasticsearch and OpenSearch: hits, whole answers, elasticdump | `_source` |
//! | Google Cloud Logging | `jsonPayload`, `textPayload` |
//! | Amazon CloudWatch: `get-log-events`, subscriptions, Insights | `events`, `logEvents`, `results` |
//! | Vector, Filebeat, Logstash, SNS | `message`, `json`, `event.original`, `Message` |
//! | Datadog | `content`, `attributes`, `data` |
//! | Grafana Loki: `logcli -o jsonl`, its API | `line`, `data.result[].values` |
//! | Splunk: export, HTTP Event Collector | `result._raw`, `event` |
//! | Azure Monitor | `records`, `LogMessage`, `LogEntry` |
//! | OpenTelemetry | `resourceLogs`, `body.stringValue` |

use memchr::memmem;
use serde_json::{Map, Value};

use super::{Found, find_in_object, find_in_text};

/// The fields that contain a line, as text or as an object.
const LINE_FIELDS: &[&str] = &[
    "_source",
    "log_processed",
    "log",
    "MESSAGE",
    "jsonPayload",
    "textPayload",
    "json",
    "line",
    "message",
    "Message",
    "msg",
    "@message",
    "_raw",
    "body",
    "stringValue",
    "content",
    "attributes",
    "LogMessage",
    "LogEntry",
    "event",
    "original",
    "fields",
    "result",
    "value",
    "hits",
    "events",
    "logEvents",
    "records",
    "results",
    "values",
    "entries",
    "data",
    "resourceLogs",
    "scopeLogs",
    "logRecords",
];

/// The deepest nesting of envelopes, for example an answer of an API, its list, a hit, the line of
/// a log collector, and Docker's line.
pub(super) const MAX_DEPTH: u32 = 8;

/// The longest prefix of a line, in bytes.
const MAX_PREFIX_LEN: usize = 512;

/// Why a segment of a line is rejected.
pub(super) const SEGMENT: &str =
    "a segment of a line that the container runtime split; join the segments first";

/// Whether a text is the first segment of a line that Docker split (moby,
/// `daemon/logger/copier.go`, `defaultBufSize`): only the last segment ends with a line break.
fn is_segment(value: &Value) -> bool {
    const SPLIT_AT: usize = 16 << 10;
    value.as_str().is_some_and(|text| {
        text.len() >= SPLIT_AT && !text.ends_with('\n') && text.contains('{') && !text.ends_with('}')
    })
}

/// Opens an object that is an envelope; `None` if it is not one, or contains no JSON.
pub(super) fn open(object: &Map<String, Value>, depth: u32) -> Option<Found> {
    if depth >= MAX_DEPTH {
        return None;
    }
    let mut inside = None;
    for field in LINE_FIELDS {
        let Some(value) = object.get(*field) else { continue };
        match open_value(value, depth + 1) {
            // A segment of a line may or may not belong to an event.
            Some(found) if *field == "log" && !found.has_event() && is_segment(value) => {
                return Some(Found::one(Err(SEGMENT.to_owned())));
            }
            Some(found @ Found::Events { .. }) => return Some(found),
            Some(found) => inside = Some(found),
            None => {}
        }
    }
    inside
}

/// Opens a value that is a line, an event, or a list of these; `None` if it contains no JSON.
fn open_value(value: &Value, depth: u32) -> Option<Found> {
    let found = match value {
        Value::String(text) if text.contains('{') => find_in_text(trimmed(text), None, depth),
        Value::Object(object) => find_in_object(object.clone(), depth),
        // journald writes texts that are not UTF-8, or have control characters, as a list of bytes.
        Value::Array(list) if list.first().is_some_and(Value::is_u64) => {
            let bytes: Option<Vec<u8>> =
                list.iter().map(|byte| byte.as_u64().and_then(|byte| byte.try_into().ok())).collect();
            find_in_text(trimmed(&String::from_utf8_lossy(&bytes?)), None, depth)
        }
        Value::Array(list) if depth < MAX_DEPTH => {
            let mut events = Vec::new();
            let mut skipped = 0;
            for element in list {
                match open_value(element, depth + 1) {
                    Some(Found::Events { events: more, skipped: other }) => {
                        events.extend(more);
                        skipped += other;
                    }
                    Some(Found::Nothing | Found::Unknown) => skipped += 1,
                    None => {}
                }
            }
            if !events.is_empty() {
                Found::Events { events, skipped }
            } else if skipped > 0 {
                Found::Nothing
            } else {
                return None;
            }
        }
        _ => return None,
    };
    Some(found).filter(|found| *found != Found::Unknown)
}

/// A line without its line break. Tabs at its ends belong to it: cells of a table can be empty.
fn trimmed(line: &str) -> &str {
    line.trim_matches([' ', '\r', '\n'])
}

/// Splits a line into a prefix and the JSON object after it.
pub(super) fn split_prefix(line: &str) -> Option<(&str, &str)> {
    let at = memmem::find(line.as_bytes(), b"{\"").filter(|at| *at <= MAX_PREFIX_LEN)?;
    let (prefix, json) = line.split_at(at);
    // After a quotation mark, the object would be a member of a damaged object.
    (!prefix.contains(['"', '{', '}'])).then_some((prefix, json))
}

/// Whether a prefix belongs to a segment of a line: the Kubernetes container runtime interface
/// splits lines at 16 KiB, and marks all segments but the last with `P` (Kubernetes,
/// `pkg/kubelet/kuberuntime/logs`).
pub(super) fn is_segment_prefix(prefix: &str) -> bool {
    prefix.ends_with(" stdout P ") || prefix.ends_with(" stderr P ")
}

/// Whether a truncated JSON text belongs to an event, rather than to another line in an envelope.
pub(super) fn is_of_event(text: &str) -> bool {
    ["event", "tstamp", "se_ac", "payload", "contexts", "_tokens"]
        .iter()
        .any(|mark| memmem::find(text.as_bytes(), mark.as_bytes()).is_some())
}

/// The line without escape sequences for colors, which are invalid in JSON; `None` if there are
/// none.
pub(super) fn without_colors(line: &str) -> Option<String> {
    if !line.contains('\u{1b}') {
        return None;
    }
    let mut pieces = line.split('\u{1b}');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        // A control sequence: parameters, then one letter (ECMA-48, 5.4).
        let text = piece.strip_prefix('[').map_or(piece, |sequence| {
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).map_or(sequence.len(), |at| at + 1);
            &sequence[end..]
        });
        plain.push_str(text);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_only_colors() {
        let colored = "\u{1b}[1;34m{\u{1b}[0m\"a\":\u{1b}[32m\"é\"\u{1b}[0m}\u{1b}[K";
        assert_eq!(without_colors(colored).as_deref(), Some("{\"a\":\"é\"}"));
        assert_eq!(without_colors("{\"a\":\"\\u001b[0m\"}"), None);
        assert_eq!(without_colors("\u{1b}").as_deref(), Some(""));
    }

    #[test]
    fn a_prefix_contains_no_json() {
        let line = "2026-10-01T09:00:00Z stdout F {\"a\":{\"b\":1}}";
        assert_eq!(split_prefix(line), Some(("2026-10-01T09:00:00Z stdout F ", "{\"a\":{\"b\":1}}")));
        for line in ["x\",\"extra\":{\"a\":1}}", "plain", "{x} {\"a\":1}"] {
            assert_eq!(split_prefix(line), None, "{line}");
        }
    }
}
