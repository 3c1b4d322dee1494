//! The times of sources: RFC 3339, and what databases, loggers and collectors write in its place.

use std::borrow::Cow;

use crate::base::calendar::Timestamp;

/// The instant in a text. Without an offset it is UTC, as GitLab, Snowplow and ClickHouse write it. A number counts from
/// 1970, in the unit that its size allows: see `since_1970`.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    if !text.is_ascii() {
        return None;
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(['-', ':']) {
        return since_1970(text);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', ' '])?;
    let time = time.strip_suffix(" UTC").or_else(|| time.strip_suffix('Z')).unwrap_or(time);
    let offset = time.rfind(['+', '-']).unwrap_or(time.len());
    let (time, offset) = time.split_at(offset);
    // Python's logging writes milliseconds behind a comma.
    let time = time.replacen(',', ".", 1);
    let offset: Cow<'_, str> = match offset.len() {
        0 => "Z".into(),
        3 => format!("{offset}:00").into(),
        5 => format!("{}:{}", &offset[..3], &offset[3..]).into(),
        _ => offset.into(),
    };
    format!("{date}T{}{offset}", time.trim_end()).parse().ok()
}

/// The instant that a number of seconds, milliseconds, microseconds or nanoseconds since 1970 is. Of the years 1973 to
/// 5138 no two of these units share a number; what is outside of them is no time. Seconds can have a fraction.
fn since_1970(text: &str) -> Option<Timestamp> {
    const FIRST: u64 = 100_000_000;
    const LAST: u64 = 100_000_000_000;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole: u64 = whole.parse().ok().filter(|_| is_number(whole) && is_number(fraction))?;
    let milliseconds = match whole {
        FIRST..LAST => {
            let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
            whole * 1_000 + thousandths
        }
        _ if (FIRST..LAST).contains(&(whole / 1_000)) => whole,
        _ if (FIRST..LAST).contains(&(whole / 1_000_000)) => whole / 1_000,
        _ if (FIRST..LAST).contains(&(whole / 1_000_000_000)) => whole / 1_000_000,
        _ => return None,
    };
    Timestamp::from_unix_milliseconds(milliseconds.try_into().ok()?)
}

/// A tracker's milliseconds since 1970 as RFC 3339.
pub(super) fn of_milliseconds(text: &str) -> Option<String> {
    let instant = Timestamp::from_unix_milliseconds(text.trim().parse().ok()?)?;
    Some(instant.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_databases_and_loggers_are_read_as_utc() {
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
            let read = moment(text).map(|instant| instant.to_string());
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
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(of_milliseconds("1787043606300").as_deref(), Some("2026-08-18T09:00:06.300Z"));
        assert_eq!(of_milliseconds("soon"), None);
    }
}
