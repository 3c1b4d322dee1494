//! Seats and seat lists.

use super::*;

/// Rates of seats.
pub(super) fn seats(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    if period.grain == "day" {
        return;
    }
    let organization = collected.organization;
    let holders = holders(collected, groups, period);
    let any = active_days(collected, groups, false);
    let intentional = active_days(collected, groups, true);
    let days_of = |person: usize, is_intentional: bool| -> BTreeSet<NaiveDate> {
        let days = if is_intentional { &intentional } else { &any };
        days.get(&person).cloned().unwrap_or_default()
    };
    let share = |counted: &dyn Fn(usize) -> bool| match &holders {
        None => unknown("no_snapshot"),
        Some(holders) => {
            let found = holders.iter().filter(|person| counted(**person)).count();
            rate(found as f64, holders.len() as f64, Some(found))
        }
    };
    let is_in = |day: &NaiveDate| (period.start..=period.end).contains(day);
    put("seats.active", &[], &[period], share(&|person| days_of(person, true).iter().any(is_in)));
    if period.grain == "window" {
        let since = if holders.is_none() { period.start } else { collected.since };
        let ever = Period { start: period.start.min(since), ..period };
        // The first of the consecutive lists, up to the one that counts, that contain a person.
        let lists = collected.lists_of(groups);
        let until = list_of(collected, groups, period).map(|(day, _)| day);
        // Only the newest list reports the last activity. A window that ended before it stays as it was then.
        let is_reported =
            period.end == collected.until || until == collected.lists_of(groups).last().map(|(day, _)| *day);
        let had_since = |person: usize| {
            let up_to = lists.iter().filter(|(day, _)| Some(*day) <= until).rev();
            let unbroken = up_to.take_while(|(_, holders)| holders.contains(&person));
            unbroken.last().map(|(day, _)| *day).expect("a holder on the list that counts")
        };
        let is_activated = |person: usize| {
            let since = had_since(person);
            let is_as_old_as_the_lists = since == lists[0].0;
            let is_used = |day: &NaiveDate| *day <= period.end && (is_as_old_as_the_lists || *day >= since);
            days_of(person, true).iter().any(is_used)
        };
        put("seats.activated", &[], &[ever], share(&is_activated));
        for (tier, from, to) in [("certain", 60, i64::MAX), ("probable", 28, 59)] {
            let number = match &holders {
                None => unknown("no_snapshot"),
                Some(holders) => {
                    let is_idle = |person: &&usize| {
                        let reported =
                            organization.people[**person].last_duo_activity_on.filter(|_| is_reported);
                        let seen =
                            days_of(**person, false).into_iter().filter(|day| *day <= period.end).max();
                        match reported.max(seen) {
                            Some(last) => (from..=to).contains(&(period.end - last).num_days()),
                            None => tier == "certain" && (period.end - had_since(**person)).num_days() >= 30,
                        }
                    };
                    let idle = holders.iter().filter(is_idle).count();
                    count(idle, Some(idle))
                }
            };
            put("seats.idle", &[("tier", tier)], &[period], number);
        }
    }
    if period.grain == "month" {
        let lists = collected.lists_of(groups);
        let number = if lists.is_empty() {
            unknown("no_snapshot")
        } else {
            days_to_first_use(collected, &lists, &intentional, is_in)
        };
        put("seats.days_to_first_use", &[], &[period], number);
    }
}

/// The median number of days from the first list with a person to their first intentional use since
/// then.
fn days_to_first_use(
    collected: &Collected<'_>,
    lists: &[(NaiveDate, BTreeSet<usize>)],
    intentional: &BTreeMap<usize, BTreeSet<NaiveDate>>,
    is_in: impl Fn(&NaiveDate) -> bool,
) -> Number {
    let (mut waits, mut excluded) = (Vec::new(), 0);
    for (person, days_of) in intentional {
        let Some((since, _)) = lists.iter().find(|(_, holders)| holders.contains(person)) else { continue };
        let is_as_old_as_the_lists = *since == lists[0].0;
        let first = days_of.iter().find(|day| is_as_old_as_the_lists || *day >= since);
        let Some(first) = first.filter(|first| is_in(first)) else { continue };
        let between = Period { grain: "", start: *since, end: *first };
        if is_as_old_as_the_lists || !days(between).into_iter().all(|day| collected.knows_completely(day)) {
            excluded += 1;
        } else {
            waits.push((*first - *since).num_days());
        }
    }
    waits.sort_unstable();
    match (waits.len(), excluded) {
        (0, 0) => Number { n: json!(0), people: json!(0), ..unknown("nothing_shown") },
        (0, _) => Number { basis: json!(0.0), ..unknown("look_back_incomplete") },
        (n, _) => Number {
            value: json!(waits[n.div_ceil(2) - 1]),
            basis: json!(n as f64 / (n + excluded) as f64),
            ..count(n, Some(n))
        },
    }
}

/// The seat holders by the list that counts for a period.
pub(super) fn holders(
    collected: &Collected<'_>,
    groups: &[usize],
    period: Period,
) -> Option<BTreeSet<usize>> {
    list_of(collected, groups, period).map(|(_, holders)| holders)
}

/// The seat list that counts for a period: the last one in it, else the first one of the 14 days
/// after it.
fn list_of(
    collected: &Collected<'_>,
    groups: &[usize],
    period: Period,
) -> Option<(NaiveDate, BTreeSet<usize>)> {
    let lists = collected.lists_of(groups);
    let grace = period.end.checked_add_days(Days::new(14)).expect("a day");
    let last = collected.until.checked_add_days(Days::new(2)).expect("a day");
    let lists = || lists.iter().filter(|(day, _)| *day <= last);
    let within = lists().rfind(|(day, _)| (period.start..=period.end).contains(day));
    let after = || lists().find(|(day, _)| *day > period.end && *day <= grace);
    within.or_else(after).cloned()
}
