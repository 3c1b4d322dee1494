//! The times of sources: RFC 3339, and what databases and loggers write in its place.

use std::borrow::Cow;

use crate::calendar::Timestamp;

/// The instant in a text. Without an offset it is UTC, as GitLab, Snowplow and ClickHouse write it.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    if !text.is_ascii() {
        return None;
    }
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', ' '])?;
    let time = time.strip_suffix(" UTC").or_else(|| time.strip_suffix('Z')).unwrap_or(time);
    let offset = time.rfind(['+', '-']).unwrap_or(time.len());
    let (time, offset) = time.split_at(offset);
    let offset: Cow<'_, str> = match offset.len() {
        0 => "Z".into(),
        3 => format!("{offset}:00").into(),
        5 => format!("{}:{}", &offset[..3], &offset[3..]).into(),
        _ => offset.into(),
    };
    format!("{date}T{}{offset}", time.trim_end()).parse().ok()
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
        ] {
            let read = moment(text).map(|instant| instant.to_string());
            assert_eq!(read.as_deref(), Some("2026-08-18T09:00:05.250Z"), "{text}");
        }
        for text in [
            "",
            "18/08/2026 12:00",
            "2026-08-18",
            "2026-08-1é 09:00:00",
            "1787043605000",
            "2026-08-18 09:00:00+0é0",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(of_milliseconds("1787043606300").as_deref(), Some("2026-08-18T09:00:06.300Z"));
        assert_eq!(of_milliseconds("soon"), None);
    }
}
