//! Retention: of the people who started in a week or month, who is still active some weeks or months
//! later.

use super::definition::CountRef;
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::{Grain, Period, WINDOW_DAYS};
use crate::model::metric::Reason;
use crate::model::number::Number;

pub(super) const FAMILY: Family = Family { definitions: &[&RETENTION], compute };

const RETENTION: Definition = Definition {
    metric: "engagement.retention",
    title: "Retention",
    unit: Unit::Share(&[]),
    grains: &[Grain::Week, Grain::Month],
    by: &["cohort×week", "cohort×month"],
    relations: &[
        Relation::PartsOf {
            over: &["cohort", "week"],
            only: None,
            except: None,
            total: CountRef::of("users.active"),
        },
        Relation::PartsOf {
            over: &["cohort", "month"],
            only: None,
            except: None,
            total: CountRef::of("users.active"),
        },
    ],
    text: "Of the people whose first week with an event of intentional use is cohort (its Monday), \
           the share with such an event in the week of the line. The dimension week is the number of \
           weeks since the cohort's first week, which is 0. A cohort is known if the 28 days before \
           it are; it contains nobody who was active on an earlier known day. If one of these days \
           or of the days of the week is missing or partial, there is no value; the coverage spans \
           all of them. The people behind the value are those who were active again or, if there are \
           none, the cohort. By month the same holds for calendar months: cohort is the first day of \
           the first active month, month the number of months since, which suits groups whose \
           weekly cohorts have too few people.",
};

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    let period = sink.period;
    let dimension = match period.grain {
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Day | Grain::Window => return,
    };
    if !sink.require(Source::Usage, &[]) {
        return;
    }
    let Some(first_day) = sink.activity.first_day else { return };
    let is_complete = view.is_complete(Source::Usage, period);
    let cohorts = Period::covering(period.grain, first_day, period.end);
    for (age, cohort) in (0..).zip(cohorts.iter().rev()) {
        let look_back =
            Period { grain: Grain::Window, start: cohort.start.plus(-WINDOW_DAYS), end: cohort.end };
        let since = Period { start: period.start.max(cohort.end.plus(1)), ..period };
        sink.cover_ranges(Source::Usage, &[look_back, since]);
        let value = if !is_complete {
            MetricValue::unknown(Reason::PeriodIncomplete)
        } else if !view.is_complete(Source::Usage, look_back) {
            MetricValue::unknown(Reason::LookBackIncomplete)
        } else {
            let (active, size) = sink.activity.still_active(period.grain, cohort.start, period.start);
            let people = if active == 0 { size } else { active };
            MetricValue::rate(Number::Count(active), Number::Count(size), Some(people))
        };
        let (age, start): (i64, _) = (age, cohort.start.to_string());
        sink.emit(&RETENTION, &[("cohort", &start), (dimension, &age.to_string())], value);
    }
}
