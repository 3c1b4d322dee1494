//! Retention: of the people who began in a week, who is still there some weeks later.

use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Grain, Period, WINDOW_DAYS};
use crate::model::record::{Number, Reason};

pub(super) const FAMILY: Family = Family { definitions: &[&RETENTION], compute };

const RETENTION: Definition = Definition {
    metric: "engagement.retention",
    title: "Retention",
    unit: Unit::Share(&[]),
    grains: &[Grain::Week],
    by: &["cohort×week"],
    text: "Of the people whose first week with a deliberate event is cohort (its Monday), the share with one in the week of \
           the line, which is so many weeks later (week 0 is the first). The first week is known where the 28 days \
           before it are, and nobody of the cohort was active in any day known before. Nothing is told with a day of these or \
           of the week missing or partial; the coverage is that of all of them. The people behind it are those who are \
           still there or, where there are none, the cohort.",
};

const DAYS_OF_A_WEEK: i64 = 7;

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    let period = page.period;
    if period.grain != Grain::Week || !page.rest_on(Source::Usage, &[]) {
        return;
    }
    let Some(first_day) = page.activity.first_day else { return };
    let is_whole = view.is_whole(Source::Usage, period);
    let mut cohort = Period::holding(Grain::Week, first_day, first_day).start;
    while cohort <= period.start {
        let (start, end) = (cohort.plus(-WINDOW_DAYS), cohort.plus(DAYS_OF_A_WEEK - 1));
        let looked_back = Period { grain: Grain::Window, start, end };
        let since = Period { start: period.start.max(end.plus(1)), ..period };
        page.rest_on_stretches(Source::Usage, &[looked_back, since]);
        let figure = if !is_whole {
            Figure::unknown(Reason::PeriodIncomplete)
        } else if !view.is_whole(Source::Usage, looked_back) {
            Figure::unknown(Reason::LookBackIncomplete)
        } else {
            let (still, all) = page.activity.still_active(cohort, period.start);
            let people = if still == 0 { all } else { still };
            Figure::rate(Number::Count(still), Number::Count(all), Some(people))
        };
        let week = period.start.days_since(cohort) / DAYS_OF_A_WEEK;
        page.emit(&RETENTION, &[("cohort", &cohort.to_string()), ("week", &week.to_string())], figure);
        cohort = cohort.plus(DAYS_OF_A_WEEK);
    }
}
