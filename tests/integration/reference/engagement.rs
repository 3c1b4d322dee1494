//! Engagement segments, movement between them, and retention.

use super::seats::holders;
use super::*;

const SEGMENTS: [&str; 4] = ["inactive", "experimenting", "regular", "heavy"];

pub(super) fn engagement(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    if period.grain == "day" {
        return;
    }
    let organization = collected.organization;
    let look_back = Period {
        grain: "window",
        start: period.end.checked_sub_days(Days::new(27)).expect("a day"),
        end: period.end,
    };
    let seen = organization.usage_events.iter().filter(|event| {
        let day = event.timestamp.date_naive();
        groups.contains(&event.group) && day <= period.end && collected.has(event)
    });
    let was_person = seen.filter(|event| !collected.is_of_bot(event)).map(|event| event.person);
    let people = was_person.filter(|person| !collected.is_bot(*person, period.end)).collect();
    let mut populations: Vec<(&str, BTreeSet<usize>)> = vec![("people", people)];
    populations.extend(holders(collected, groups, period).map(|holders| ("seat_holders", holders)));
    let days_of = active_days(collected, groups, true);
    let segment = |person: usize, in_days: Period| {
        let days = days_of.get(&person).into_iter().flatten();
        match days.filter(|day| (in_days.start..=in_days.end).contains(*day)).count() {
            0 => "inactive",
            1..=3 => "experimenting",
            4..=11 => "regular",
            _ => "heavy",
        }
    };
    let known = |look_back: Period| {
        if period.end > collected.until {
            Some(unknown("period_incomplete"))
        } else if !collected.knows_all(look_back) {
            Some(unknown("look_back_incomplete"))
        } else {
            None
        }
    };
    for (population, members) in populations {
        let now: BTreeMap<usize, &str> =
            members.iter().map(|person| (*person, segment(*person, look_back))).collect();
        for name in SEGMENTS {
            let people = now.values().filter(|segment| **segment == name).count();
            let number = known(look_back).unwrap_or(count(people, Some(people)));
            put("engagement.users", &[(POPULATION, population), ("segment", name)], &[look_back], number);
        }
        if period.grain != "window" {
            continue;
        }
        let month = Days::new(28);
        let before = Period {
            start: look_back.start.checked_sub_days(month).expect("a day"),
            end: look_back.end.checked_sub_days(month).expect("a day"),
            ..period
        };
        let both = Period { end: period.end, ..before };
        for from in SEGMENTS {
            for to in SEGMENTS {
                let moved =
                    now.iter().filter(|(person, now)| **now == to && segment(**person, before) == from);
                let people = moved.count();
                let number = known(both).unwrap_or(count(people, Some(people)));
                let by = [(POPULATION, population), ("from", from), ("to", to)];
                put("engagement.movement", &by, &[both], number);
            }
        }
    }
}

pub(super) fn retention(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    match period.grain {
        "week" => retention_by_week(collected, groups, period, put),
        "month" => retention_by_month(collected, groups, period, put),
        _ => {}
    }
}

fn retention_by_month(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    let first = |day: NaiveDate| day.with_day(1).expect("a day");
    let mut months: BTreeMap<usize, BTreeSet<NaiveDate>> = BTreeMap::new();
    for (person, days) in active_days(collected, groups, true) {
        months.insert(person, days.into_iter().map(first).collect());
    }
    let known_days = days(Period { grain: "", start: collected.since, end: collected.until });
    let first_day = known_days.into_iter().find(|day| collected.knows(*day)).expect("some day is known");
    let mut cohort = first(first_day);
    while cohort <= period.start {
        let next = cohort.checked_add_months(chrono::Months::new(1)).expect("a day");
        let later =
            (0..).find(|later| cohort.checked_add_months(chrono::Months::new(*later)) == Some(period.start));
        let look_back = Period {
            grain: "",
            start: cohort.checked_sub_days(Days::new(28)).expect("a day"),
            end: next.pred_opt().expect("a day"),
        };
        let of: Vec<_> = months.values().filter(|months| months.first() == Some(&cohort)).collect();
        let still = of.iter().filter(|months| months.contains(&period.start)).count();
        let number = if !collected.knows_all(period) {
            unknown("period_incomplete")
        } else if !collected.knows_all(look_back) {
            unknown("look_back_incomplete")
        } else {
            rate(still as f64, of.len() as f64, Some(if still == 0 { of.len() } else { still }))
        };
        let (start, later) = (cohort.to_string(), later.expect("a number of months").to_string());
        let of_both = [look_back, period];
        let covered = if later == "0" { &of_both[..1] } else { &of_both[..] };
        put("engagement.retention", &[("cohort", &start), ("month", &later)], covered, number);
        cohort = next;
    }
}

fn retention_by_week(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    let monday = |day: NaiveDate| {
        day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).expect("a day")
    };
    let mut weeks: BTreeMap<usize, BTreeSet<NaiveDate>> = BTreeMap::new();
    for (person, days) in active_days(collected, groups, true) {
        weeks.insert(person, days.into_iter().map(monday).collect());
    }
    let first_day = days(Period { grain: "", start: collected.since, end: collected.until })
        .into_iter()
        .find(|day| collected.knows(*day))
        .expect("some day is known");
    for cohort in monday(first_day).iter_weeks().take_while(|cohort| *cohort <= period.start) {
        let later = (period.start - cohort).num_weeks();
        let look_back = Period {
            grain: "",
            start: cohort.checked_sub_days(Days::new(28)).expect("a day"),
            end: cohort.checked_add_days(Days::new(6)).expect("a day"),
        };
        let of: Vec<_> = weeks.values().filter(|weeks| weeks.first() == Some(&cohort)).collect();
        let still = of.iter().filter(|weeks| weeks.contains(&period.start)).count();
        let number = if !collected.knows_all(period) {
            unknown("period_incomplete")
        } else if !collected.knows_all(look_back) {
            unknown("look_back_incomplete")
        } else {
            let people = if still == 0 { of.len() } else { still };
            rate(still as f64, of.len() as f64, Some(people))
        };
        let by = [("cohort", cohort.to_string()), ("week", later.to_string())];
        let of_both = [look_back, period];
        // The first week of a cohort is part of the look-back period.
        let covered = if later == 0 { &of_both[..1] } else { &of_both[..] };
        put("engagement.retention", &[(by[0].0, &by[0].1), (by[1].0, &by[1].1)], covered, number);
    }
}
