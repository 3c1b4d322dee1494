//! Numbers, days and reasons as text for readers.

use crate::base::calendar::{Day, Grain, Period, Timestamp};
use crate::collect::collectors::by_name;
use crate::model::coverage::{Coverage, Status};
use crate::model::metric::Reason;
use crate::model::number::Number;

/// Shown instead of an unknown value.
pub const UNKNOWN: &str = "–";

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LONG_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How values of a metric are formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `12,345`, or `4.2` with one decimal.
    Plain,
    /// A share from 0 to 1 as `31.2%`.
    Percent,
    /// Seconds as `4.2 h`.
    Duration,
}

impl Style {
    /// The value as text.
    pub fn text(self, value: f64) -> String {
        match self {
            Style::Plain => plain(value),
            Style::Percent => percent(value),
            Style::Duration => duration(value),
        }
    }
}

/// `12,345`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of a metric line: a count without decimals, a measure with at most one.
pub fn number(value: Number) -> String {
    match value {
        Number::Count(value) => count(value),
        Number::Measure(value) => plain(value),
    }
}

/// A share from 0 to 1 as `31.2%`.
pub fn percent(share: f64) -> String {
    let hundred = share * 100.0;
    // 99.96% must not become 100%, nor 0.04% zero: "all" and "none" are different claims.
    if (share > 0.0 && hundred < 0.05) || (share < 1.0 && hundred >= 99.95) {
        return if share < 0.5 { "<0.1%".into() } else { ">99.9%".into() };
    }
    let is_integer = hundred.fract().abs() < 1e-9;
    if is_integer { format!("{hundred:.0}%") } else { format!("{hundred:.1}%") }
}

/// A mean for readers: without decimals from 10 on.
pub fn level(value: f64) -> String {
    plain(if value.abs() >= 10.0 { value.round() } else { value })
}

/// A share as percentage points, for example `1.2 points`.
pub fn points(share: f64) -> String {
    match plain(share * 100.0).as_str() {
        "1" => "1 point".to_owned(),
        points => format!("{points} points"),
    }
}

/// Seconds as `48 s`, `12 min`, `5.2 h` or `3.1 days`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.0 => UNKNOWN.into(),
        s if s < 59.5 => format!("{s:.0} s"),
        s if s < 3_570.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{} h", plain(s / 3_600.0)),
        s => format!("{} days", plain(s / 86_400.0)),
    }
}

/// The change from one value to another, for example `+2.5 points`; `None` for a negative base.
pub fn change(style: Style, from: f64, to: f64) -> Option<String> {
    let size = (to - from).abs();
    let text = match style {
        Style::Percent => Some(points(size)).filter(|points| points != "0 points"),
        _ if from < 0.0 => return None,
        _ if style.text(size) == style.text(0.0) => None,
        // A percentage of a small base is less useful than the difference.
        _ if from < 20.0 => Some(style.text(size)),
        _ => match size / from * 100.0 {
            percent if percent < 0.05 => None,
            percent if percent < 0.95 => Some(format!("{percent:.1}%")),
            percent => Some(format!("{percent:.0}%")),
        },
    };
    Some(text.map_or_else(|| "no change".into(), |text| format!("{}{text}", sign(to - from))))
}

/// `1 day`, `2 days`.
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// `5 Oct`.
pub fn short_day(day: Day) -> String {
    let (_, month, date) = parts(day);
    format!("{date} {}", MONTHS[month])
}

/// `Mon 5 Oct 2026`.
pub fn long_day(day: Day) -> String {
    let (year, month, date) = parts(day);
    format!("{} {date} {} {year}", weekday(day), MONTHS[month])
}

/// `12 September – 31 October 2026`.
pub fn span(start: Day, end: Day) -> String {
    let (first_year, first_month, first) = parts(start);
    let (year, month, last) = parts(end);
    let end_text = format!("{last} {} {year}", LONG_MONTHS[month]);
    if start == end {
        end_text
    } else if first_year != year {
        format!("{first} {} {first_year} – {end_text}", LONG_MONTHS[first_month])
    } else if first_month != month {
        format!("{first} {} – {end_text}", LONG_MONTHS[first_month])
    } else {
        format!("{first}–{end_text}")
    }
}

/// The name of a period: `October 2026`, `week of 5 Oct`, `28 days to 31 Oct`.
pub fn period(period: Period) -> String {
    match period.grain {
        Grain::Day => long_day(period.start),
        Grain::Week => format!("week of {}", short_day(period.start)),
        Grain::Month => {
            let (year, month, _) = parts(period.start);
            format!("{} {year}", LONG_MONTHS[month])
        }
        Grain::Window => format!("28 days to {}", short_day(period.end)),
    }
}

/// `1 November 2026, 03:00 UTC`.
pub fn instant(instant: Timestamp) -> String {
    let (year, month, date) = parts(instant.day());
    let text = instant.to_string();
    let clock = text.get(11..16).unwrap_or(UNKNOWN);
    format!("{date} {} {year}, {clock} UTC", LONG_MONTHS[month])
}

/// Why a value is missing, as the end of a sentence. `templates/html/script` has the same texts.
pub fn reason(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::NotCollected) => "not collected",
        Some(Reason::NoSnapshot) => "no seat list",
        Some(Reason::NothingShown) => "no cases",
        Some(Reason::PeriodIncomplete) => "period incomplete",
        Some(Reason::LookBackIncomplete) => "not enough history yet",
        Some(Reason::NotInSource) => "not reported by GitLab",
        Some(Reason::TooFew) => "too few cases for an interval",
        Some(Reason::NoCommitment) => "no commitment",
        Some(Reason::NotReached) => "not expected in this period",
        Some(Reason::Other) | None => "unknown",
    }
}

/// What the status of a day means, and the next step.
pub fn remedy(line: &Coverage) -> String {
    let needs = by_name(&line.collector).map(|collector| format!(" It needs {}.", collector.info().needs));
    let needs = needs.unwrap_or_default();
    match line.status {
        Status::Complete => "Nothing to do.".to_owned(),
        Status::Partial => "Some pages are missing. The next run fetches the day again.".to_owned(),
        Status::Denied => {
            format!("No permission: check the role of the token, the tier and the add-on.{needs}")
        }
        Status::Unsupported => {
            format!("Not available in this GitLab version, or switched off.{needs}")
        }
        Status::Failed => "No data arrived. The next run fetches the day again.".to_owned(),
        Status::Skipped => "Skipped on purpose (sampling).".to_owned(),
    }
}

fn plain(value: f64) -> String {
    if !value.is_finite() {
        return UNKNOWN.into();
    }
    let tenths = (value.abs() * 10.0).round();
    let (whole, fraction) = ((tenths / 10.0).trunc() as u64, (tenths % 10.0) as u64);
    let minus = if value < 0.0 && tenths > 0.0 { "−" } else { "" };
    match fraction {
        0 => format!("{minus}{}", count(whole)),
        fraction => format!("{minus}{}.{fraction}", count(whole)),
    }
}

fn sign(value: f64) -> char {
    if value < 0.0 { '−' } else { '+' }
}

fn weekday(day: Day) -> &'static str {
    let monday = Period::containing(Grain::Week, day, day).start;
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][day.days_since(monday).clamp(0, 6) as usize]
}

/// Year, month from 0 and day of the month, parsed from the text of [`Day`], which is `YYYY-MM-DD`.
fn parts(day: Day) -> (u32, usize, u32) {
    let text = day.to_string();
    let mut numbers = text.split('-').map(|part| part.parse::<u32>().unwrap_or(1));
    let mut next = || numbers.next().unwrap_or(1);
    let (year, month, date) = (next(), next(), next());
    (year, (month.clamp(1, 12) - 1) as usize, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a literal day")
    }

    #[test]
    fn groups_digits_by_thousands() {
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1_000, 1_234_567].map(count));
        assert_eq!(number(Number::Measure(1_234.56)), "1,234.6");
        assert_eq!(number(Number::Measure(-0.04)), "0");
        assert_eq!(plain(f64::NAN), UNKNOWN);
    }

    #[test]
    fn rounding_does_not_reach_0_or_100_percent() {
        let text = [0.0, 0.0001, 0.25, 0.312, 0.9999, 1.0].map(percent);
        assert_eq!(text, ["0%", "<0.1%", "25%", "31.2%", ">99.9%", "100%"]);
    }

    #[test]
    fn durations_have_a_suitable_unit() {
        let text = [0.0, 48.0, 720.0, 18_720.0, 267_840.0].map(duration);
        assert_eq!(text, ["0 s", "48 s", "12 min", "5.2 h", "3.1 days"]);
    }

    #[test]
    fn changes_are_points_percent_or_differences() {
        assert_eq!(change(Style::Percent, 0.30, 0.325).as_deref(), Some("+2.5 points"));
        assert_eq!(change(Style::Plain, 200.0, 150.0).as_deref(), Some("−25%"));
        assert_eq!(change(Style::Plain, 4.0, 6.0).as_deref(), Some("+2"));
        assert_eq!(change(Style::Plain, 0.0, 0.0).as_deref(), Some("no change"));
    }

    #[test]
    fn a_change_is_never_zero_percent_and_one_point_is_singular() {
        let people = [997.0, 991.0, 990.0, 999.9, 1_000.0].map(|to| change(Style::Plain, 1_000.0, to));
        let people = people.map(|text| text.expect("both are known"));
        assert_eq!(people, ["−0.3%", "−0.9%", "−1%", "no change", "no change"]);
        let points = [0.31, 0.2901, 0.3004, 0.30, 0.302].map(|to| change(Style::Percent, 0.30, to));
        let points = points.map(|text| text.expect("both are known"));
        assert_eq!(points, ["+1 point", "−1 point", "no change", "no change", "+0.2 points"]);
        assert_eq!(change(Style::Duration, 86_400.0, 86_430.0).as_deref(), Some("no change"));
    }

    #[test]
    fn periods_have_names() {
        assert_eq!(span(day("2026-09-12"), day("2026-10-31")), "12 September – 31 October 2026");
        assert_eq!(span(day("2026-10-01"), day("2026-10-31")), "1–31 October 2026");
        assert_eq!(span(day("2025-12-30"), day("2026-01-02")), "30 December 2025 – 2 January 2026");
        assert_eq!(span(day("2026-10-01"), day("2026-10-01")), "1 October 2026");
        assert_eq!(long_day(day("2026-10-05")), "Mon 5 Oct 2026");
        let month = Period::containing(Grain::Month, day("2026-10-05"), day("2026-10-31"));
        assert_eq!(period(month), "October 2026");
        assert_eq!(
            instant("2026-11-01T03:00:00Z".parse().expect("a literal time")),
            "1 November 2026, 03:00 UTC"
        );
    }
}
