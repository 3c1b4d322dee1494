//! GitLab Credits of a month: balances, people over their cap, and the outlook.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use serde_json::{Value, json};
use stand_in::Session;

use super::{Collected, Lines, Number, Period, Put, count, days, key, unknown};

/// The balance of one group in a month, in hundredths of a credit.
struct Balance {
    committed: u32,
    waived: u32,
    used: u32,
    used_of_commitment: u32,
    used_of_waiver: u32,
    on_demand: u32,
    people: usize,
    over_cap: usize,
    last_event: Option<NaiveDate>,
}

/// The sessions of a group in a month with the time of their creation, the earliest first.
fn sessions_of<'a>(
    collected: &Collected<'a>,
    group: usize,
    month: Period,
) -> Vec<(DateTime<Utc>, &'a Session)> {
    let mut sessions: Vec<_> = collected
        .organization
        .sessions
        .iter()
        .filter(|session| session.group == group)
        .filter_map(|session| Some((session.created_at?, session)))
        .filter(|(at, _)| (month.start..=month.end).contains(&at.date_naive()))
        .collect();
    sessions.sort_by_key(|(at, session)| (*at, session.id));
    sessions
}

fn balance(collected: &Collected<'_>, group: usize, month: Period) -> Balance {
    let purchases = collected.organization.add_on_purchases.iter();
    let seats: u32 = purchases.filter(|bought| bought.group == group).map(|bought| bought.purchased).sum();
    let sessions = sessions_of(collected, group, month);
    let used: u32 = sessions.iter().map(|(_, session)| session.credits).sum();
    let used_of_commitment = used.min(seats * 400);
    let used_of_waiver = (used - used_of_commitment).min(seats * 50);
    let mut by_person: BTreeMap<usize, u32> = BTreeMap::new();
    for (_, session) in &sessions {
        *by_person.entry(session.person).or_default() += session.credits;
    }
    let is_person = |person: &usize| !collected.organization.people[*person].bot;
    Balance {
        committed: seats * 400,
        waived: seats * 50,
        used,
        used_of_commitment,
        used_of_waiver,
        on_demand: used - used_of_commitment - used_of_waiver,
        people: by_person.len(),
        over_cap: by_person.iter().filter(|(person, used)| is_person(person) && **used >= 2_000).count(),
        last_event: sessions.last().map(|(at, _)| at.date_naive()),
    }
}

/// The lines of a month's balances. GitLab answers for all days of the month up to the fetch,
/// whatever days were collected.
pub(super) fn balances(
    collected: &Collected<'_>,
    name: &str,
    groups: &[usize],
    month: Period,
    lines: &mut Lines,
) {
    let of_groups: Vec<Balance> = groups.iter().map(|group| balance(collected, *group, month)).collect();
    let sum = |part: fn(&Balance) -> u32| {
        let hundredths: u32 = of_groups.iter().map(part).sum();
        json!(f64::from(hundredths) / 100.0)
    };
    let today = collected.fetched_at.date_naive();
    let people = of_groups.iter().map(|balance| balance.people).max();
    let n = of_groups.len();
    let mut numbers = vec![
        ("credits.commitment", Number { value: sum(|balance| balance.committed), ..count(n, None) }),
        ("credits.used", Number { value: sum(|balance| balance.used), ..count(n, people) }),
        ("credits.overage", Number { value: sum(|balance| balance.on_demand), ..count(n, people) }),
        ("credits.waiver", Number { value: sum(|balance| balance.waived), ..count(n, None) }),
    ];
    if let [balance] = &of_groups[..] {
        // Who is blocked is known for today only.
        let is_now = (month.start..=month.end).contains(&today);
        let over_cap = balance.over_cap;
        numbers.push((
            "credits.people_over_cap",
            if is_now { count(over_cap, Some(over_cap)) } else { unknown("not_in_source") },
        ));
    }
    let covered = days(month).into_iter().filter(|day| *day < today).count();
    let settled = month.end.checked_add_days(Days::new(8)).expect("a day");
    let is_final = covered == days(month).len() && today >= settled;
    for (metric, Number { value, n, of, people, basis, reason }) in numbers {
        let line = json!({"metric": metric, "scope": name, "grain": "month", "start": month.start.to_string(),
            "end": month.end.to_string(), "by": {}, "value": value, "n": n, "of": of, "people": people,
            "coverage": covered as f64 / days(month).len() as f64, "basis": basis, "final": is_final,
            "reason": reason});
        assert!(lines.insert(key(&line), line).is_none(), "twice: {metric}");
    }
}

/// Forecast and run-out day of a month with a collected day.
pub(super) fn outlook(collected: &Collected<'_>, groups: &[usize], month: Period, put: &mut Put<'_>) {
    let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).expect("midnight").and_utc();
    let is_final = |day: &NaiveDate| {
        let late = day.checked_add_days(Days::new(2)).expect("a day");
        collected.in_range(*day) && collected.fetched_at >= midnight(late)
    };
    let first = month.start.checked_sub_days(Days::new(56)).expect("a day");
    let pool = days(Period { grain: "window", start: first, end: month.end });
    let used_on = |day: NaiveDate| {
        let on = Period { grain: "day", start: day, end: day };
        let sessions = groups.iter().flat_map(|group| sessions_of(collected, *group, on));
        sessions.map(|(_, session)| f64::from(session.credits)).sum::<f64>() / 100.0
    };
    let known: Vec<(NaiveDate, f64)> =
        pool.into_iter().filter(is_final).map(|day| (day, used_on(day))).collect();
    let of_month: Vec<f64> =
        known.iter().filter(|(day, _)| *day >= month.start).map(|(_, used)| *used).collect();
    let last = known.last().map(|(day, _)| *day).filter(|day| *day >= month.start);
    let up_to_last = last.map_or(0, |last| (last - month.start).num_days() as usize + 1);
    let months = if of_month.len() < up_to_last {
        Err("period_incomplete")
    } else {
        simulate(&known, &of_month, month).ok_or("too_few")
    };
    let balances: Vec<Balance> = groups.iter().map(|group| balance(collected, *group, month)).collect();
    let people = balances.iter().map(|balance| balance.people).max();
    for (stat, percent) in [("p10", 10), ("p50", 50), ("p90", 90)] {
        let by = [("stat", stat)];
        put(
            "credits.forecast",
            &by,
            match &months {
                Ok(months) => {
                    let total = rank(months.iter().map(|month| month.iter().sum()).collect(), percent);
                    Number { value: json!((total * 100.0).round() / 100.0), ..count(known.len(), people) }
                }
                Err(reason) => unknown(reason),
            },
        );
        let [balance] = &balances[..] else { continue };
        let number = match &months {
            Ok(_) if balance.committed == 0 => unknown("no_commitment"),
            Ok(months) => {
                let ends = months.iter().map(|of_days| run_out(of_days, balance, month, collected)).collect();
                match rank(ends, percent) {
                    day if day > 31.0 => Number {
                        value: Value::Null,
                        reason: json!("not_reached"),
                        ..count(known.len(), people)
                    },
                    day => Number { value: json!(day), ..count(known.len(), people) },
                }
            }
            Err(reason) => unknown(reason),
        };
        put("credits.run_out_on", &by, number);
    }
}

/// The day of the month on which commitment and waiver are used up; 99 if they are not.
fn run_out(of_days: &[f64], balance: &Balance, month: Period, collected: &Collected<'_>) -> f64 {
    let available = f64::from(balance.committed + balance.waived) / 100.0;
    let (mut used, mut day) = (0.0, 99.0);
    for (at, credits) in of_days.iter().enumerate() {
        used += credits;
        if day == 99.0 && used + 1e-6 >= available {
            day = (at + 1) as f64;
        }
    }
    let today = collected.fetched_at.date_naive().min(month.end);
    if balance.on_demand > 0
        || balance.used_of_commitment + balance.used_of_waiver == balance.committed + balance.waived
    {
        day.min(f64::from(today.day()))
    } else if let Some(last) = balance.last_event {
        day.max(f64::from(last.day()))
    } else {
        day
    }
}

/// The smallest value that at least this percentage of the values does not exceed.
fn rank(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent).div_ceil(100).max(1) - 1]
}

/// The credits by day of 2,000 simulated months, as the definition of `credits.forecast` says.
fn simulate(known: &[(NaiveDate, f64)], of_month: &[f64], month: Period) -> Option<Vec<Vec<f64>>> {
    let rest = &days(month)[of_month.len()..];
    if rest.is_empty() {
        return Some(vec![of_month.to_vec()]);
    }
    let is_working = |day: NaiveDate| day.weekday().number_from_monday() <= 5;
    let week_of = |day: NaiveDate| (day.iso_week().year(), day.iso_week().week());
    let weeks: BTreeSet<(i32, u32)> =
        known.iter().filter(|(day, _)| is_working(*day)).map(|(day, _)| week_of(*day)).collect();
    let weeks = Vec::from_iter(weeks);
    let days_in = |week: (i32, u32), working: bool| -> Vec<(NaiveDate, f64)> {
        let mut days = known.to_vec();
        days.retain(|(day, _)| week_of(*day) == week && is_working(*day) == working);
        days
    };
    let all_other: Vec<(NaiveDate, f64)> = weeks.iter().flat_map(|week| days_in(*week, false)).collect();
    if weeks.len() < 4 || all_other.is_empty() {
        return None;
    }
    let of_weeks: BTreeMap<((i32, u32), bool), Vec<(NaiveDate, f64)>> = weeks
        .iter()
        .flat_map(|week| [true, false].map(|working| ((*week, working), days_in(*week, working))))
        .collect();
    let mut state = 0_u64;
    let mut random = |count: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ (mixed >> 31)) * count as u128) >> 64) as usize
    };
    let number = |day: NaiveDate| f64::from(day.num_days_from_ce());
    let mut months = Vec::new();
    for _ in 0..2_000 {
        let sample: Vec<(i32, u32)> = (2..weeks.len()).map(|_| weeks[random(weeks.len())]).collect();
        let sampled = |working: bool| -> Vec<(NaiveDate, f64)> {
            sample.iter().flat_map(|week| of_weeks[&(*week, working)].clone()).collect()
        };
        let (working, mut other) = (sampled(true), sampled(false));
        if other.is_empty() {
            other.clone_from(&all_other);
        }
        let n = working.len() as f64;
        let center = working.iter().map(|(day, _)| number(*day)).sum::<f64>() / n;
        let mean = working.iter().map(|(_, used)| used).sum::<f64>() / n;
        let squares: f64 = working.iter().map(|(day, _)| (number(*day) - center).powi(2)).sum();
        let products: f64 = working.iter().map(|(day, used)| (number(*day) - center) * (used - mean)).sum();
        let slope = if mean > 0.0 && squares > 0.0 { products / squares / mean } else { 0.0 };
        let level = |day: NaiveDate| (1.0 + slope * (number(day) - center)).clamp(0.5, 2.0);
        let mut simulated = of_month.to_vec();
        let mut week = None;
        for day in rest {
            if day.weekday().number_from_monday() == 1 {
                week = None;
            }
            let week = *week.get_or_insert_with(|| sample[random(sample.len())]);
            let own = &of_weeks[&(week, is_working(*day))];
            let of_sample = if is_working(*day) { &working } else { &other };
            let from = if own.is_empty() { of_sample } else { own };
            let (on, used) = from[random(from.len())];
            simulated.push(used * level(*day) / level(on));
        }
        months.push(simulated);
    }
    Some(months)
}
