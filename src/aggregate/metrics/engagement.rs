//! How often people use Duo: segments by active days.

use super::page::{Figure, Page};
use super::{Definition, Family, Thresholds, Unit};
use crate::aggregate::rollup::PersonId;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Grain, Period, WINDOW_DAYS};
use crate::model::record::{Population, Reason};

pub(super) const FAMILY: Family = Family { definitions: &[&USERS, &MOVEMENT], compute };

const USERS: Definition = Definition {
    metric: "engagement.users",
    title: "People by engagement",
    unit: Unit::People,
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &["segment"],
    text: "People by their days with a deliberate event within the 28 days that end with the period: inactive 0, \
           experimenting 1 to 3, regular 4 to 11, heavy 12 and more (the limits can be set). There are two series, by \
           population: people are all who were ever seen up to the end of the period, without bots; seat_holders are the \
           people with a seat, where there is a list of seats of the period. Lines of the two are never compared or added. \
           With a day of the 28 missing or partial, nothing is reported.",
};

const MOVEMENT: Definition = Definition {
    metric: "engagement.movement",
    title: "Movement between segments",
    unit: Unit::People,
    grains: &[Grain::Window],
    by: &["from×to"],
    text: "The same people by their segment of 28 days ago (from) and of now (to), by population as there. With a day of the \
           56 missing or partial, nothing is reported.",
};

const SEGMENTS: [&str; 4] = ["inactive", "experimenting", "regular", "heavy"];

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    let period = page.period;
    if !USERS.grains.contains(&period.grain) || !page.rest_on(Source::Usage, &[]) {
        return;
    }
    let look_back = Period::holding(Grain::Window, period.end, period.end);
    page.rest_on_days(Source::Usage, look_back);
    let now = page.activity.active_days(look_back);
    let unknown = unknown(view, period, look_back);
    let populations = populations(view, page);
    for (population, members) in &populations {
        let mut counts = [0; SEGMENTS.len()];
        for person in members {
            counts[segment(&now, *person, page.thresholds)] += 1;
        }
        for (segment, people) in SEGMENTS.iter().zip(counts) {
            let figure = unknown.map_or_else(|| Figure::people(people), Figure::unknown);
            page.emit(&USERS, &[("segment", segment)], figure.among(*population));
        }
    }
    if period.grain == Grain::Window {
        for population in &populations {
            movement(view, page, population, &now);
        }
    }
}

/// Who is counted: everybody ever seen who is no bot by the end of the period, and, where there is a list of seats of the
/// period, who has one. A series that took the one for some periods and the other for others would tell of changes that there
/// were none of.
fn populations(view: &View<'_>, page: &Page<'_, '_>) -> Vec<(Population, Vec<PersonId>)> {
    let end = page.period.end;
    let seen = page.activity.seen_until(end).filter(|person| !view.is_bot(*person, end));
    let everybody = (Population::People, seen.collect());
    let holders = view.holders_of(page.period);
    let holders = holders.map(|holders| (Population::SeatHolders, holders.iter().copied().collect()));
    [everybody].into_iter().chain(holders).collect()
}

fn movement(
    view: &View<'_>,
    page: &mut Page<'_, '_>,
    (population, members): &(Population, Vec<PersonId>),
    now: &[u32],
) {
    let period = page.period;
    let both = Period { start: period.start.plus(-WINDOW_DAYS), ..period };
    page.rest_on_days(Source::Usage, both);
    let unknown = unknown(view, period, both);
    let before = page.activity.active_days(Period { end: period.start.plus(-1), ..both });
    let mut counts = [[0; SEGMENTS.len()]; SEGMENTS.len()];
    for person in members {
        let segment = |days: &[u32]| segment(days, *person, page.thresholds);
        counts[segment(&before)][segment(now)] += 1;
    }
    for (from, counts) in SEGMENTS.iter().zip(counts) {
        for (to, people) in SEGMENTS.iter().zip(counts) {
            let figure = unknown.map_or_else(|| Figure::people(people), Figure::unknown);
            page.emit(&MOVEMENT, &[("from", from), ("to", to)], figure.among(*population));
        }
    }
}

/// Why nothing can be said. A day that is not known whole could make anybody more active: with one missing, nobody is
/// known to be inactive.
fn unknown(view: &View<'_>, period: Period, looked_at: Period) -> Option<Reason> {
    if period.end > view.until {
        Some(Reason::PeriodIncomplete)
    } else if !view.is_whole(Source::Usage, looked_at) {
        Some(Reason::LookBackIncomplete)
    } else {
        None
    }
}

/// The segment of somebody, of these active days by person.
fn segment(active_days: &[u32], person: PersonId, thresholds: Thresholds) -> usize {
    match active_days.get(person.0 as usize).copied().unwrap_or(0) {
        0 => 0,
        days if days >= thresholds.heavy_from => 3,
        days if days >= thresholds.regular_from => 2,
        _ => 1,
    }
}
