//! How idle a seat is: said once, for whatever counts or lists idle seats.

use crate::calendar::Day;

/// Days without activity from which on a seat is probably idle, and certainly.
const PROBABLE_FROM: i64 = 28;
const CERTAIN_FROM: i64 = 60;
/// Days with a seat from which on one that was never used is certainly idle.
const NEVER_USED_FROM: i64 = 30;

/// How idle a seat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Used within 28 days.
    Active,
    /// Never used, and had for less than 30 days.
    New,
    /// Not used for 28 to 59 days.
    Probable,
    /// Not used for 60 days or more, or never and had for 30 days or more.
    Certain,
}

/// What is known of a seat and of whoever has it.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// The last day of activity as GitLab tells it, and the day of the list in which it does.
    pub told: Option<(Day, Day)>,
    /// The last day with an event.
    pub seen: Option<Day>,
    /// The day of the first of the unbroken lists that have the seat.
    pub since: Day,
}

impl Tier {
    /// The word in the files.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Active => "active",
            Tier::New => "new",
            Tier::Probable => "probable",
            Tier::Certain => "certain",
        }
    }
}

impl Evidence {
    /// The last day of any activity; `None` when there was none that is known of.
    pub fn last(&self) -> Option<Day> {
        self.told.map(|(day, _)| day).max(self.seen)
    }

    /// How idle the seat is on a day. `unknown` is the last day, up to that one, of which not all events are known; the
    /// tier is `None` when what happened then could make it another one.
    pub fn tier(&self, on: Day, unknown: Option<Day>) -> Option<Tier> {
        let last = self.last();
        let tier = match last.map(|last| on.days_since(last)) {
            Some(days) if days < PROBABLE_FROM => return Some(Tier::Active),
            Some(days) if days < CERTAIN_FROM => Tier::Probable,
            None if on.days_since(self.since) < NEVER_USED_FROM => Tier::New,
            _ => Tier::Certain,
        };
        // The date that GitLab tells speaks of the days before the list was taken.
        let told_until = self.told.map(|(_, listed)| listed);
        let open_from = last.map_or(self.since, |last| last.plus(1)).max(told_until.unwrap_or(self.since));
        unknown.is_none_or(|unknown| unknown < open_from).then_some(tier)
    }

    /// The first day that can matter for the tier on a day.
    pub fn first_day_that_matters(on: Day) -> Day {
        on.plus(1 - CERTAIN_FROM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a literal day")
    }

    fn tier(told: Option<&str>, seen: Option<&str>, since: &str, unknown: Option<&str>) -> Option<Tier> {
        let told = told.map(|told| (day(told), day("2026-11-01")));
        let evidence = Evidence { told, seen: seen.map(day), since: day(since) };
        evidence.tier(day("2026-10-31"), unknown.map(day))
    }

    #[test]
    fn the_tiers_begin_at_28_and_60_days_and_a_seat_never_used_at_30() {
        let seen = |seen| tier(None, Some(seen), "2026-01-01", None);
        assert_eq!(seen("2026-10-04"), Some(Tier::Active));
        assert_eq!(seen("2026-10-03"), Some(Tier::Probable));
        assert_eq!(seen("2026-09-02"), Some(Tier::Probable), "59 days");
        assert_eq!(seen("2026-09-01"), Some(Tier::Certain), "60 days");
        assert_eq!(seen("2026-11-01"), Some(Tier::Active), "after the day");
        assert_eq!(tier(None, None, "2026-10-02", None), Some(Tier::New));
        assert_eq!(tier(None, None, "2026-10-01", None), Some(Tier::Certain));
        assert_eq!(tier(Some("2026-10-20"), Some("2026-08-01"), "2026-01-01", None), Some(Tier::Active));
        assert_eq!(tier(Some("2026-08-01"), Some("2026-10-20"), "2026-01-01", None), Some(Tier::Active));
    }

    #[test]
    fn nobody_is_idle_by_days_that_are_not_known() {
        let gap = Some("2026-10-15");
        assert_eq!(tier(None, Some("2026-09-01"), "2026-01-01", gap), None);
        assert_eq!(
            tier(None, Some("2026-10-14"), "2026-01-01", gap),
            Some(Tier::Active),
            "whatever was then"
        );
        assert_eq!(tier(None, None, "2026-08-01", gap), None);
        assert_eq!(
            tier(Some("2026-08-01"), None, "2026-01-01", gap),
            Some(Tier::Certain),
            "GitLab would tell"
        );
        assert_eq!(tier(None, None, "2026-10-16", gap), Some(Tier::New), "before the seat was there");
    }
}
