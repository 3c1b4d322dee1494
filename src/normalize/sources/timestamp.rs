//! Timestamps of sources: RFC 3339, and the formats of databases, loggers and log collectors.

use std::borrow::Cow;

use crate::base::calendar::Timestamp;

/// Parses a timestamp. Without an offset it is UTC, as GitLab, Snowplow and ClickHouse write it. A
/// number counts from 1970; its size determines the unit (see `from_unix_number`).
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    if !text.is_ascii() {
        return None;
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(['-', ':']) {
        return from_unix_number(text);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', ' '])?;
    let time = time.strip_suffix(" UTC").or_else(|| time.strip_suffix('Z')).unwrap_or(time);
    let offset = time.rfind(['+', '-']).unwrap_or(time.len());
    let (time, offset) = time.split_at(offset);
    // Python's logging separates milliseconds by a comma.
    let time = time.replacen(',', ".", 1);
    let offset: Cow<'_, str> = match offset.len() {
        0 => "Z".into(),
        3 => format!("{offset}:00").into(),
        5 => format!("{}:{}", &offset[..3], &offset[3..]).into(),
        _ => offset.into(),
    };
    format!("{date}T{}{offset}", time.trim_end()).parse().ok()
}

/// Converts seconds, milliseconds, microseconds or nanoseconds since 1970. For the years 1973 to
/// 5138 the ranges of these units do not overlap; numbers outside them are rejected. Seconds can
/// have a fraction.
fn from_unix_number(text: &str) -> Option<Timestamp> {
    const MIN_SECONDS: u64 = 100_000_000;
    const MAX_SECONDS: u64 = 100_000_000_000;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole: u64 = whole.parse().ok().filter(|_| is_number(whole) && is_number(fraction))?;
    let milliseconds = match whole {
        MIN_SECONDS..MAX_SECONDS => {
            let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
            whole * 1_000 + thousandths
        }
        _ if (MIN_SECONDS..MAX_SECONDS).contains(&(whole / 1_000)) => whole,
        _ if (MIN_SECONDS..MAX_SECONDS).contains(&(whole / 1_000_000)) => whole / 1_000,
        _ if (MIN_SECONDS..MAX_SECONDS).contains(&(whole / 1_000_000_000)) => whole / 1_000_000,
        _ => return None,
    };
    Timestamp::from_unix_milliseconds(milliseconds.try_into().ok()?)
}

/// Milliseconds since 1970, as a tracker sends them, in RFC 3339.
pub(super) fn rfc_3339_of_milliseconds(text: &str) -> Option<String> {
    let instant = Timestamp::from_unix_milliseconds(text.trim().parse().ok()?)?;
    Some(instant.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_timestamps_of_databases_and_loggers_as_utc() {
        for text in [
            "2026-08-18T09:00:05.25Z",
            "2026-08-18 09:00:05.250",
            "2026-08-18 09:00:05.250000 UTC",
            "2026-08-18T09:00:05.250",
            "2026-08-18 11:00:05.25+02",
            "2026-08-18 05:00:05.25-0400",
            "2026-08-18T09:00:05.250+00:00",
            "2026-08-18 09:00:05.250 +0000",
            "2026-08-18 09:00:05,250",
            "1787043605.25",
            "1787043605.250999",
            "1787043605250",
            "1787043605250000",
            "1787043605250000000",
        ] {
            let read = parse_timestamp(text).map(|instant| instant.to_string());
            assert_eq!(read.as_deref(), Some("2026-08-18T09:00:05.250Z"), "{text}");
        }
        for text in [
            "",
            "18/08/2026 12:00",
            "2026-08-18",
            "2026-08-1é 09:00:00",
            "1787043605.",
            "1787043605.2.5",
            "1787043605x",
            "17870",
            "20260818",
            "99999999999999999999999",
            "2026-08-18 09:00:00+0é0",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        assert_eq!(rfc_3339_of_milliseconds("1787043606300").as_deref(), Some("2026-08-18T09:00:06.300Z"));
        assert_eq!(rfc_3339_of_milliseconds("soon"), None);
    }
}
