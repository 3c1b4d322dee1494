//! Days, periods and timestamps. All days are UTC days; nothing here reads a clock.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, TimeDelta, Timelike, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A UTC calendar day between the years 2000 and 2199, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

/// An instant in UTC, written as RFC 3339 with a `Z`; fractions of a second are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

/// The length of a period of a metric line.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Grain {
    /// One UTC day.
    Day,
    /// An ISO week, Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// 28 days (rolling): those that end with the last reported day, and those that end with the
    /// last closed week.
    Window,
}

/// A period of a metric line. It includes both `start` and `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// The length of the period.
    pub grain: Grain,
    /// The first day.
    pub start: Day,
    /// The last day.
    pub end: Day,
}

/// Days in [`Grain::Window`], and in the look-back of segments.
pub const WINDOW_DAYS: i64 = 28;

/// Days after the end of a period until it is final: no late events are expected any more.
pub const DAYS_UNTIL_FINAL: i64 = 7;

impl Day {
    /// The day this many days later (earlier if negative).
    pub fn plus(self, days: i64) -> Day {
        Day(self.0 + TimeDelta::days(days))
    }

    /// Days since the start of the Common Era; 1 is 0001-01-01.
    pub fn number(self) -> i64 {
        i64::from(self.0.num_days_from_ce())
    }

    /// Days from `earlier` to this day; negative if this day is before it.
    pub fn days_since(self, earlier: Day) -> i64 {
        (self.0 - earlier.0).num_days()
    }

    /// The first instant of the day.
    pub fn midnight(self) -> Timestamp {
        Timestamp(self.0.and_time(chrono::NaiveTime::MIN).and_utc())
    }

    /// Whether the day had ended at this time.
    pub fn is_over(self, at: Timestamp) -> bool {
        at >= self.plus(1).midnight()
    }

    /// Whether the day is Monday to Friday. Public holidays differ between people and are not
    /// considered.
    pub fn is_working_day(self) -> bool {
        self.0.weekday().number_from_monday() <= 5
    }

    /// The last day of the last closed week, for data up to this day: the last Sunday after which
    /// [`DAYS_UNTIL_FINAL`] days have passed. Days up to it do not change any more.
    pub fn last_closed(self) -> Day {
        let settled = self.plus(-DAYS_UNTIL_FINAL);
        settled.plus(-i64::from(settled.0.weekday().num_days_from_sunday()))
    }

    /// The days from this one to `last`, both included; none if `last` is earlier.
    pub fn through(self, last: Day) -> impl DoubleEndedIterator<Item = Day> + Clone {
        (0..=last.days_since(self)).map(move |offset| self.plus(offset))
    }

    /// The day as `YYYY-MM-DD`, without `core::fmt`: every line contains several days. `None` if
    /// the year does not have four digits.
    fn to_ascii(self) -> Option<[u8; 10]> {
        let year = u32::try_from(self.0.year()).ok().filter(|year| *year <= 9999)?;
        let mut text = *b"0000-00-00";
        put_digits(&mut text, [(0, year / 100), (2, year % 100), (5, self.0.month()), (8, self.0.day())]);
        Some(text)
    }

    /// Whether the day is the first of an ISO week.
    pub fn is_monday(self) -> bool {
        self.monday() == self
    }

    /// The last day of the ISO week.
    pub fn sunday(self) -> Day {
        self.monday().plus(6)
    }

    fn monday(self) -> Day {
        self.plus(-i64::from(self.0.weekday().num_days_from_monday()))
    }

    pub(crate) fn first_of_month(self) -> Day {
        self.plus(-i64::from(self.0.day0()))
    }
}

impl Timestamp {
    /// The UTC day of this instant.
    pub fn day(self) -> Day {
        Day(self.0.date_naive())
    }

    /// The instant this many seconds later (earlier if negative).
    pub fn plus_seconds(self, seconds: i64) -> Timestamp {
        Timestamp(self.0 + TimeDelta::seconds(seconds))
    }

    /// Whole seconds from `earlier` to this instant; negative if this instant is before it.
    pub fn seconds_since(self, earlier: Timestamp) -> i64 {
        (self.0 - earlier.0).num_seconds()
    }

    /// Whole milliseconds from `earlier` to this instant; negative if this instant is before it.
    pub fn milliseconds_since(self, earlier: Timestamp) -> i64 {
        (self.0 - earlier.0).num_milliseconds()
    }

    /// Seconds since the Unix epoch.
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub fn unix_milliseconds(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Seconds since the Unix epoch, and nanoseconds. Within a leap second, nanoseconds are
    /// 1,000,000,000 or more.
    pub fn unix_parts(self) -> (i64, u32) {
        (self.0.timestamp(), self.0.timestamp_subsec_nanos())
    }

    /// The inverse of [`Timestamp::unix_parts`].
    pub fn from_unix_parts(seconds: i64, nanoseconds: u32) -> Option<Timestamp> {
        DateTime::from_timestamp(seconds, nanoseconds).map(Timestamp)
    }

    /// Parses the `Date` header of an HTTP response (RFC 9110, IMF-fixdate).
    pub fn from_http_date(text: &str) -> Option<Timestamp> {
        let instant = DateTime::parse_from_rfc2822(text).ok()?;
        Timestamp::in_range(instant.to_utc())
    }

    /// The instant this many seconds after the Unix epoch; `None` outside the years 2000 to 2199.
    pub fn from_unix_seconds(seconds: i64) -> Option<Timestamp> {
        Timestamp::in_range(DateTime::from_timestamp(seconds, 0)?)
    }

    /// The instant this many milliseconds after the Unix epoch; `None` outside the years 2000 to
    /// 2199.
    pub fn from_unix_milliseconds(milliseconds: i64) -> Option<Timestamp> {
        Timestamp::in_range(DateTime::from_timestamp_millis(milliseconds)?)
    }

    /// Appends the instant as RFC 3339, like `Display`.
    pub fn write_to(self, output: &mut Vec<u8>) {
        match self.to_ascii() {
            Some(text) => output.extend_from_slice(&text),
            None => output.extend_from_slice(self.to_string().as_bytes()),
        }
    }

    /// The instant as `YYYY-MM-DDTHH:MM:SSZ`, without `core::fmt`: every record contains
    /// timestamps. `None` if it has a fraction of a second.
    fn to_ascii(self) -> Option<[u8; 20]> {
        let time = self.0.time();
        let mut text = *b"0000-00-00T00:00:00Z";
        text[..10].copy_from_slice(&self.day().to_ascii()?);
        put_digits(&mut text, [(11, time.hour()), (14, time.minute()), (17, time.second())]);
        (time.nanosecond() == 0).then_some(text)
    }

    /// The inverse of [`Timestamp::to_ascii`]; `None` for any other RFC 3339 form.
    fn from_ascii(text: &str) -> Option<Timestamp> {
        let text: &[u8; 20] = text.as_bytes().try_into().ok()?;
        let has_separators = (text[4], text[7], text[10], text[13], text[16], text[19])
            == (b'-', b'-', b'T', b':', b':', b'Z');
        let number = |start: usize, digits: usize| {
            text[start..start + digits].iter().try_fold(0, |number, byte| {
                byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
            })
        };
        let date = NaiveDate::from_ymd_opt(number(0, 4)?.try_into().ok()?, number(5, 2)?, number(8, 2)?)?;
        let instant = date.and_hms_opt(number(11, 2)?, number(14, 2)?, number(17, 2)?)?.and_utc();
        Timestamp::in_range(instant).filter(|_| has_separators)
    }

    fn in_range(instant: DateTime<Utc>) -> Option<Timestamp> {
        (2000..=2199).contains(&instant.year()).then_some(Timestamp(instant))
    }
}

impl Period {
    /// The period of this grain that contains `day`; for [`Grain::Window`], the one that ends with
    /// `until`.
    pub fn containing(grain: Grain, day: Day, until: Day) -> Period {
        let (start, end) = match grain {
            Grain::Day => (day, day),
            Grain::Week => (day.monday(), day.monday().plus(6)),
            Grain::Month => {
                let start = day.first_of_month();
                (start, start.plus(31).first_of_month().plus(-1))
            }
            Grain::Window => (until.plus(1 - WINDOW_DAYS), until),
        };
        Period { grain, start, end }
    }

    /// Every period of this grain that overlaps `since` to `until`, in order.
    pub fn covering(grain: Grain, since: Day, until: Day) -> Vec<Period> {
        let mut periods = Vec::new();
        let mut day = since;
        while day <= until {
            let period = Period::containing(grain, day, until);
            day = period.end.plus(1);
            periods.push(period);
        }
        periods
    }

    /// The days of the period, in order.
    pub fn days(self) -> impl DoubleEndedIterator<Item = Day> + Clone {
        self.start.through(self.end)
    }

    /// The number of days of the period.
    pub fn length(self) -> i64 {
        self.end.days_since(self.start) + 1
    }
}

/// Adds two-digit numbers to the ASCII zeros at these offsets.
fn put_digits<const N: usize>(text: &mut [u8], numbers: [(usize, u32); N]) {
    for (offset, number) in numbers {
        text[offset] += (number / 10) as u8;
        text[offset + 1] += (number % 10) as u8;
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_ascii() {
            Some(text) => formatter.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?),
            None => write!(formatter, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day()),
        }
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Day, String> {
        let invalid = || format!("{text:?} is not a day; write it as YYYY-MM-DD, for example 2026-10-01");
        let has_format = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !has_format || !("2000"..="2199").contains(&&text[..4]) {
            return Err(invalid());
        }
        let number = |digits: &str| digits.parse().map_err(|_| invalid());
        let date =
            NaiveDate::from_ymd_opt(number(&text[..4])? as i32, number(&text[5..7])?, number(&text[8..])?);
        date.map(Day).ok_or_else(invalid)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_ascii() {
            Some(text) => formatter.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?),
            None => formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

/// Whether `text` is an RFC 3339 timestamp on this day in whole seconds, as [`Timestamp`] displays
/// it. `day` has to be a valid day.
pub fn is_whole_second_timestamp_on(text: &str, day: &str) -> bool {
    text.len() == 20 && is_timestamp_on(text, day)
}

/// Whether `text` is an RFC 3339 timestamp on this day in whole seconds or milliseconds. `day` has
/// to be a valid day.
pub fn is_timestamp_on(text: &str, day: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = match bytes.len() {
        20 => bytes[19] == b'Z',
        24 => bytes[19] == b'.' && bytes[20..23].iter().all(u8::is_ascii_digit) && bytes[23] == b'Z',
        _ => false,
    };
    ends && bytes[10] == b'T'
        && bytes[..10] == *day.as_bytes()
        && bytes[11..].first_chunk().is_some_and(|time| is_time_of_day(*time))
}

/// Whether this is a time of day from 00:00:00 to 23:59:59.
#[inline]
pub fn is_time_of_day(text: [u8; 8]) -> bool {
    const HIGHEST_BITS: u64 = u64::from_le_bytes([0x80; 8]);
    // Adding this sets the highest bit of each byte that is above its maximum in 29:59:59.
    const TO_HIGHEST_BIT: u64 = HIGHEST_BITS - u64::from_le_bytes([3, 10, 1, 6, 10, 1, 6, 10]);
    // The value of each digit, and zero for each colon.
    let counts = u64::from_le_bytes(text) ^ u64::from_le_bytes(*b"00:00:00");
    let [tens, ones, ..] = counts.to_le_bytes();
    (counts | counts.wrapping_add(TO_HIGHEST_BIT)) & HIGHEST_BITS == 0 && (tens < 2 || ones < 4)
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Timestamp, String> {
        let any_form = || Timestamp::in_range(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
        Timestamp::from_ascii(text)
            .or_else(any_form)
            .ok_or_else(|| format!("{text:?} is not an RFC 3339 time, for example 2026-10-01T12:34:56Z"))
    }
}

impl fmt::Display for Grain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
            Grain::Window => "window",
        })
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?Z$";
        json_schema!({"type": "string", "format": "date-time", "pattern": pattern})
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        deserializer.deserialize_str(Parsed(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_str(Parsed(std::marker::PhantomData))
    }
}

struct Parsed<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a day or an RFC 3339 time as text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a literal day")
    }

    #[test]
    fn accepts_only_valid_times_of_day() {
        let times: Vec<String> = (0..100_u32)
            .flat_map(|hour| (0..100).map(move |minute| format!("{hour:02}:{minute:02}:{:02}", 99 - minute)))
            .collect();
        let is_one = |text: &str| text[..2] < *"24" && text[3..5] < *"60" && text[6..] < *"60";
        assert!(times.iter().any(|text| is_one(text)));
        for text in &times {
            assert_eq!(is_time_of_day(text.as_bytes().try_into().expect("eight")), is_one(text), "{text}");
        }
        for index in 0..8 {
            for byte in 0..=255_u8 {
                let mut text = *b"12:34:56";
                text[index] = byte;
                let is_one = match index {
                    2 | 5 => byte == b':',
                    0 => (b'0'..=b'2').contains(&byte),
                    3 | 6 => (b'0'..=b'5').contains(&byte),
                    _ => byte.is_ascii_digit(),
                };
                assert_eq!(is_time_of_day(text), is_one, "{byte} at {index}");
            }
        }
    }

    #[test]
    fn a_window_has_28_days() {
        let window = Period::containing(Grain::Window, day("2026-03-01"), day("2026-10-31"));
        assert_eq!((window.start, window.end), (day("2026-10-04"), day("2026-10-31")));
        assert_eq!(window.days().count(), 28);
    }

    #[test]
    fn weeks_start_on_monday_and_months_have_leap_days() {
        let week = Period::containing(Grain::Week, day("2026-01-01"), day("2026-12-31"));
        assert_eq!((week.start, week.end), (day("2025-12-29"), day("2026-01-04")));
        let february = Period::containing(Grain::Month, day("2028-02-10"), day("2028-12-31"));
        assert_eq!(february.end, day("2028-02-29"));
        let december = Period::containing(Grain::Month, day("2026-12-31"), day("2026-12-31"));
        assert_eq!((december.start, december.end), (day("2026-12-01"), day("2026-12-31")));
    }

    #[test]
    fn covering_periods_overlap_the_range() {
        let weeks = Period::covering(Grain::Week, day("2026-10-07"), day("2026-10-19"));
        let starts: Vec<String> = weeks.iter().map(|week| week.start.to_string()).collect();
        assert_eq!(starts, ["2026-10-05", "2026-10-12", "2026-10-19"]);
        assert_eq!(Period::covering(Grain::Window, day("2026-10-07"), day("2026-10-19")).len(), 1);
        assert!(Period::covering(Grain::Day, day("2026-10-07"), day("2026-10-06")).is_empty());
    }

    #[test]
    fn rejects_invalid_days() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "26-10-01",
            "2026-10-1",
            "2026-10-011",
            "0000-01-01",
            "1999-12-31",
            "2200-01-01",
            "",
            "２026-10-01",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn timestamps_are_utc_and_keep_their_fraction() {
        let instant: Timestamp = "2026-10-01T01:30:00.250+02:00".parse().expect("a literal time");
        assert_eq!(instant.to_string(), "2026-09-30T23:30:00.250Z");
        assert_eq!(instant.day(), day("2026-09-30"));
        assert_eq!(day("2026-10-01").midnight().to_string(), "2026-10-01T00:00:00Z");
        for text in ["2028-02-29T23:59:59Z", "2000-01-01T00:00:00Z", "2199-12-31T07:08:09Z"] {
            let instant: Timestamp = text.parse().expect("a literal time");
            assert_eq!((instant.to_string(), instant.day()), (text.to_owned(), day(&text[..10])));
        }
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-10-01T24:00:00Z",
            "2026-10-01T00:60:00Z",
            "1999-12-31T23:59:59Z",
            "2026-10-01 00x00:00Z",
            "2026-10-01T00:00:0éZ",
            "+026-10-01T00:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        let header = Timestamp::from_http_date("Sun, 01 Nov 2026 03:00:00 GMT").expect("a literal date");
        assert_eq!(header.to_string(), "2026-11-01T03:00:00Z");
    }
}
