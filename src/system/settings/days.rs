//! The current time and the days to collect.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Environment;
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::Error;

/// The maximum number of days per run.
const MAX_RANGE_DAYS: i64 = 3_660;

/// The days of a first run: without ClickHouse, GitLab keeps usage events for three months (its model
/// `Ai::UsageEvent` has monthly partitions that it drops after that). Retention, segments and the
/// movement between them look back up to 56 days, so they exist from the first day on.
pub const FIRST_RUN_DAYS: i64 = 90;

impl Environment {
    /// The current time: `DUO_METRICS_NOW`, else the system clock. Also returns whether the
    /// variable was set.
    pub fn now(&self) -> Result<(Timestamp, bool), Error> {
        match self.get("DUO_METRICS_NOW") {
            Some(text) => {
                let now = text.parse().map_err(|error| Error::Usage(format!("DUO_METRICS_NOW: {error}")))?;
                Ok((now, true))
            }
            None => {
                let seconds =
                    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
                let now = i64::try_from(seconds).ok().and_then(Timestamp::from_unix_seconds);
                now.map(|now| (now, false)).ok_or_else(|| {
                    Error::Configuration(
                        "the system clock is not between the years 2000 and 2199; set it".to_owned(),
                    )
                })
            }
        }
    }

    /// A day from a flag or a variable.
    pub fn day(&self, flag: Option<Day>, name: &'static str) -> Result<Option<Day>, Error> {
        match (flag, self.get(name)) {
            (Some(day), _) => Ok(Some(day)),
            (None, Some(text)) => {
                text.parse().map(Some).map_err(|error| Error::Usage(format!("{name}: {error}")))
            }
            (None, None) => Ok(None),
        }
    }

    /// Whether a first day or a number of days is set.
    pub fn has_first_day(&self, since: Option<Day>) -> bool {
        since.is_some()
            || ["DUO_METRICS_SINCE", "DUO_METRICS_DAYS"].iter().any(|name| self.get(name).is_some())
    }

    /// The first and last day to collect. The default is this many days, up to yesterday.
    pub fn range(
        &self,
        since: Option<Day>,
        until: Option<Day>,
        now: Timestamp,
        default_days: i64,
    ) -> Result<(Day, Day), Error> {
        let until = self.day(until, "DUO_METRICS_UNTIL")?.unwrap_or_else(|| now.day().plus(-1));
        let days = self.days(default_days)?;
        let since = self.day(since, "DUO_METRICS_SINCE")?.unwrap_or_else(|| until.plus(1 - days));
        check_range(Some(since), Some(until))?;
        if until.days_since(since) >= MAX_RANGE_DAYS {
            return Err(Error::Usage(format!("{since} to {until} is more than ten years; check --since")));
        }
        if until > now.day() {
            return Err(Error::Usage(format!("{until} is in the future; check --until")));
        }
        Ok((since, until))
    }

    /// The number of days to collect if no first day is given.
    fn days(&self, default_days: i64) -> Result<i64, Error> {
        let Some(text) = self.get("DUO_METRICS_DAYS") else { return Ok(default_days) };
        text.parse().ok().filter(|days| (1..=MAX_RANGE_DAYS).contains(days)).ok_or_else(|| {
            Error::Usage(format!(
                "DUO_METRICS_DAYS is {text:?}; set it to a number from 1 to {MAX_RANGE_DAYS}"
            ))
        })
    }
}

/// Fails if a range ends before it starts.
pub fn check_range(since: Option<Day>, until: Option<Day>) -> Result<(), Error> {
    match (since, until) {
        (Some(since), Some(until)) if since > until => Err(Error::Usage(format!(
            "the range ends on {until}, before it starts on {since}; check --since and --until"
        ))),
        _ => Ok(()),
    }
}
