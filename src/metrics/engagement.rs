//! How often people use Duo: segments by active days.

use std::collections::HashMap;

use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::calendar::{Day, Grain, Period};
use crate::events;
use crate::record::Reason;
use crate::rollup::PersonId;
use crate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&USERS], compute };

const USERS: Definition = Definition {
    metric: "engagement.users",
    title: "People by engagement",
    unit: Unit::People,
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &["segment"],
    text: "People by their days with a deliberate event within the 28 days that end with the period: inactive 0, \
           experimenting 1 to 3, regular 4 to 11, heavy 12 and more (the limits can be set). Counted are the people with a \
           seat or, without a list of seats, all people ever seen up to the end of the period. With a day of the 28 \
           missing nothing is told.",
};

const SEGMENTS: [&str; 4] = ["inactive", "experimenting", "regular", "heavy"];

fn compute(view: &View<'_>, page: &mut Page<'_>) {
    let period = page.period;
    if !USERS.grains.contains(&period.grain) || !page.rest_on(Source::Usage, &[]) {
        return;
    }
    let look_back = Period::holding(Grain::Window, period.end, period.end);
    page.rest_on_days(Source::Usage, look_back);
    let first_known =
        view.days_of(Source::Usage).and_then(|days| days.iter().find(|(_, state)| state.is_known()));
    // A day that is not known could make anybody more active: with one missing, nobody is known to be inactive.
    let known_days = view.known_days(Source::Usage, look_back).count() as i64;
    let unknown = if period.end > view.until {
        Some(Reason::PeriodIncomplete)
    } else if known_days < look_back.length() {
        Some(Reason::LookBackIncomplete)
    } else {
        None
    };
    if let Some(reason) = unknown {
        for segment in SEGMENTS {
            page.emit(&USERS, &[("segment", segment)], Figure::unknown(reason));
        }
        return;
    }
    let mut active_days: HashMap<PersonId, (u32, Option<Day>)> = HashMap::new();
    let mut ever_seen = PeopleSet::default();
    let ever = Period { start: first_known.map_or(look_back.start, |(first, _)| *first), ..look_back };
    for (day, row) in view.usage_in(ever) {
        ever_seen.add(row.person, view.people);
        if day >= look_back.start && events::is_deliberate(view.names.text(row.group.event)) {
            let (days, last) = active_days.entry(row.person).or_default();
            if *last != Some(day) {
                (*days, *last) = (*days + 1, Some(day));
            }
        }
    }
    let mut counts = [0; SEGMENTS.len()];
    let mut count = |person: PersonId| {
        let days = active_days.get(&person).map_or(0, |(days, _)| *days);
        let segment = match days {
            0 => 0,
            days if days >= page.thresholds.heavy_from => 3,
            days if days >= page.thresholds.regular_from => 2,
            _ => 1,
        };
        counts[segment] += 1;
    };
    match view.holders_of(period) {
        Some(holders) => holders.iter().for_each(|person| count(*person)),
        None => (0..view.people.len() as u32)
            .map(PersonId)
            .filter(|person| ever_seen.contains(*person))
            .for_each(&mut count),
    }
    for (segment, people) in SEGMENTS.iter().zip(counts) {
        page.emit(&USERS, &[("segment", segment)], Figure::people(people));
    }
}
