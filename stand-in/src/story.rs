//! What happens to the organization of the demo, so that its pages have something to tell.

use chrono::NaiveDate;

use super::organization::{DATA, GLOBEX, Person};
use super::sessions::mixed;

/// The share of suggestions that people accept.
pub(super) const USUAL_ACCEPTANCE: f64 = 0.22;

/// One group starts to use Duo, a team stops, a better model arrives, and a new release has an event that nobody
/// knows. The times of all this are shares of the simulated days.
pub(super) struct Story {
    first_day: NaiveDate,
    days: u32,
}

/// When the first and the last person of the group start.
const ROLLOUT: (f64, f64) = (0.35, 0.65);
/// When people accept more suggestions.
const BETTER_MODEL: f64 = 0.6;
/// When the new release is installed.
const NEW_RELEASE: f64 = 0.7;
/// When the team stops.
const STOP: f64 = 0.78;

impl Story {
    pub(super) fn of(first_day: NaiveDate, days: u32) -> Story {
        Story { first_day, days }
    }

    /// Whether a person uses Duo on a day at all.
    pub(super) fn uses_duo(&self, person: &Person, day: NaiveDate) -> bool {
        let now = self.share(day);
        if person.groups[0] == GLOBEX {
            let (first, last) = ROLLOUT;
            let place = (mixed(person.id) % 100) as f64 / 100.0;
            return now >= first + (last - first) * place;
        }
        person.teams != [DATA] || now < STOP
    }

    /// The share of suggestions that people accept.
    pub(super) fn acceptance(&self, day: NaiveDate) -> f64 {
        if self.share(day) < BETTER_MODEL { USUAL_ACCEPTANCE } else { 0.31 }
    }

    /// Whether the new release is installed.
    pub(super) fn has_new_event(&self, day: NaiveDate) -> bool {
        self.share(day) >= NEW_RELEASE
    }

    fn share(&self, day: NaiveDate) -> f64 {
        (day - self.first_day).num_days() as f64 / f64::from(self.days)
    }
}
