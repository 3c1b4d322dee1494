//! GitLab Credits of a month against the commitment, and how the month may go on.

use super::definition::TOTAL;
use super::forecast::{KnownDays, draw_months, percentile};
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Balance;
use crate::aggregate::view::{MonthBalance, Source, View};
use crate::base::calendar::{Day, Grain, Period};
use crate::base::decimal::Decimal;
use crate::model::metric::Reason;

pub(super) const FAMILY: Family = Family {
    definitions: &[&COMMITMENT, &USED, &OVERAGE, &WAIVER, &PEOPLE_OVER_CAP, &FORECAST, &RUN_OUT_ON],
    compute,
};

const COMMITMENT: Definition = Definition {
    metric: "credits.commitment",
    title: "Committed credits",
    unit: Unit::Credits,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "GitLab Credits committed for the month, as the Customers Portal reports them for the \
           top-level group or the instance that pays. They expire at the end of the month. Without a \
           commitment there is no value.",
};

const USED: Definition = Definition {
    metric: "credits.used",
    title: "Credits used in the month",
    unit: Unit::Credits,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics, Relation::SameLinesAs("agents.credits")],
    text: "GitLab Credits used in the month up to the newest answer of the Customers Portal, which is \
           some hours behind. GitLab's figure includes credits that are not billed, of beta and \
           experiment features, and those included with the seats of people.",
};

const OVERAGE: Definition = Definition {
    metric: "credits.overage",
    title: "On-demand credits",
    unit: Unit::Credits,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "GitLab Credits used on demand in the month, beyond the commitment, as the Customers Portal \
           reports them.",
};

const WAIVER: Definition = Definition {
    metric: "credits.waiver",
    title: "Waived credits",
    unit: Unit::Credits,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::Statistics],
    text: "GitLab Credits of the month's waiver, which GitLab grants in addition to the commitment, as \
           the Customers Portal reports them: all of them, used or not.",
};

const PEOPLE_OVER_CAP: Definition = Definition {
    metric: "credits.people_over_cap",
    title: "People blocked by a cap",
    unit: Unit::People,
    grains: &[Grain::Month],
    by: &[TOTAL],
    relations: &[Relation::People],
    text: "People whom their cap of credits blocks, the cap of everyone or their own, on the last day \
           of the month on which GitLab was asked. Service accounts do not count. Several groups \
           together have no value, because people can be in more than one.",
};

const FORECAST: Definition = Definition {
    metric: "credits.forecast",
    title: "Credits at the end of the month",
    unit: Unit::Credits,
    grains: &[Grain::Month],
    by: &["stat"],
    relations: &[Relation::Statistics],
    text: "GitLab Credits used by the end of the month, by stat: in 2,000 simulated months, the value \
           that 10% (p10), 50% (p50) and 90% (p90) of them do not exceed. Days that are known count \
           as they are: those fetched completely at least a day after they ended, because GitLab counts \
           credits some hours late. The other days are drawn from the known days of the month and of \
           the 56 days before it. Each \
           simulation first draws whole weeks with replacement, two fewer than there are, and fits a \
           line through their working days (Monday to Friday). It then continues the month week by \
           week: a working day has the credits of a random working day of one of these weeks, any \
           other day those of a random other day, times the level of the line on the new day divided \
           by that on the old one; the level stays between half and twice its mean. Fewer than four \
           weeks are too few. The random numbers have a fixed seed, so the same data give the same \
           values. If all days are known, all three are their sum.",
};

const RUN_OUT_ON: Definition = Definition {
    metric: "credits.run_out_on",
    title: "Day on which the commitment is used up",
    unit: Unit::Days,
    grains: &[Grain::Month],
    by: &["stat"],
    relations: &[Relation::Statistics],
    text: "The day of the month, from 1, on which commitment and waiver are used up, by stat: the day \
           by which 10% (p10), 50% (p50) and 90% (p90) of the simulated months of credits.forecast \
           have used them up. A day's credits count by the share that was charged in the month so \
           far: credits used of commitment and waiver and on demand, divided by all credits used; the \
           rest is not billed or included with seats. A day contradicted by GitLab's current balance \
           is replaced by the nearest day that is not. Without a commitment there is no day, and none \
           if fewer simulated months use them up. Several groups together have no value, because each \
           has a commitment of its own.",
};

/// The quantiles of the simulated months.
const STATS: [(&str, usize); 3] = [("p10", 10), ("p50", 50), ("p90", 90)];

/// Differences up to this are rounding errors of binary fractions.
const MAX_ROUNDING_ERROR: f64 = 1e-6;

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if sink.period.grain != Grain::Month {
        return;
    }
    let balances = view.balances(sink.period);
    if balances.iter().all(Option::is_none) {
        sink.require(Source::CreditMonths, FAMILY.definitions);
    } else {
        emit_balances(&balances, sink);
    }
    emit_outlook(view, &balances, sink);
}

fn emit_balances(balances: &[Option<MonthBalance<'_>>], sink: &mut MetricSink<'_, '_>) {
    let month = sink.period;
    let covered = balances.iter().map(|balance| {
        let balance = (*balance)?;
        Some((days_covered(&balance, month), balance.fetched_at))
    });
    sink.cover_first_days(covered);
    let people = people(balances);
    let sum = |field: fn(&Balance) -> Option<f64>| {
        let credits: Option<Vec<Decimal>> =
            balances.iter().map(|balance| field((*balance)?.balance).map(Decimal::from_f64)).collect();
        credits.map(|credits| credits.into_iter().sum::<Decimal>())
    };
    let value = |sum: Option<Decimal>, people, reason| match sum {
        Some(sum) => MetricValue::amount(sum, balances.len() as u64, people),
        None => MetricValue::unknown(reason),
    };
    let commitment = sum(|balance| balance.commitment);
    sink.emit(&COMMITMENT, &[], value(commitment, None, Reason::NoCommitment));
    sink.emit(&USED, &[], value(sum(|balance| balance.used), people, Reason::NotInSource));
    sink.emit(&OVERAGE, &[], value(sum(|balance| balance.overage_used), people, Reason::NotInSource));
    sink.emit(&WAIVER, &[], value(sum(|balance| balance.waiver), None, Reason::NotInSource));
    if let [Some(balance)] = balances {
        let blocked = balance.blocked_users.map(MetricValue::people);
        sink.emit(
            &PEOPLE_OVER_CAP,
            &[],
            blocked.unwrap_or_else(|| MetricValue::unknown(Reason::NotInSource)),
        );
    }
}

/// Days of the month that the balance covers. The day of the fetch had not ended.
fn days_covered(balance: &MonthBalance<'_>, month: Period) -> i64 {
    let last = balance.balance.end.min(balance.fetched_at.day().plus(-1)).min(month.end);
    (last.days_since(balance.balance.start) + 1).max(0)
}

/// The number of people behind the credits: of several payers the largest, as they can share
/// people.
fn people(balances: &[Option<MonthBalance<'_>>]) -> Option<u64> {
    let people: Option<Vec<u64>> = balances.iter().map(|balance| (*balance)?.balance.active_users).collect();
    people?.into_iter().max()
}

fn emit_outlook(view: &View<'_>, balances: &[Option<MonthBalance<'_>>], sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::Credits, &[]) {
        return;
    }
    let month = sink.period;
    let known = view.known_credits();
    let draws = if has_gap(&known, month) {
        Err(Reason::PeriodIncomplete)
    } else {
        draw_months(&known, month).ok_or(Reason::TooFew)
    };
    let observed = known.range(month.start.plus(-super::forecast::DAYS_BEFORE)..=month.end).count() as u64;
    let people = people(balances);
    let mut totals: Vec<f64> = draws.iter().flatten().filter_map(|draw| draw.last().copied()).collect();
    totals.sort_by(f64::total_cmp);
    for (stat, percent) in STATS {
        let value = match (&draws, percentile(&totals, percent)) {
            (Ok(_), Some(total)) => {
                MetricValue::amount(Decimal::from_f64(to_hundredths(total)), observed, people)
            }
            (Err(reason), _) => MetricValue::unknown(*reason),
            (Ok(_), None) => MetricValue::unknown(Reason::TooFew),
        };
        sink.emit(&FORECAST, &[("stat", stat)], value);
    }
    let [Some(balance)] = balances else { return };
    let days = draws.and_then(|draws| run_out_days(&draws, balance, month));
    for (stat, percent) in STATS {
        let value = match &days {
            Ok(days) => {
                let day = percentile(days, percent).filter(|day| *day <= month.length() as f64);
                MetricValue::statistic(day.map(|day| day as u64), observed as usize, people)
                    .with_reason(Reason::NotReached)
            }
            Err(reason) => MetricValue::unknown(*reason),
        };
        sink.emit(&RUN_OUT_ON, &[("stat", stat)], value);
    }
}

/// Whether a day of the month is missing before the last known day.
fn has_gap(known: &KnownDays, month: Period) -> bool {
    let last = known.range(month.start..=month.end).next_back().map(|(day, _)| *day);
    let Some(last) = last else { return false };
    month.days().any(|day| day < last && !known.contains_key(&day))
}

/// The day of the month on which each draw has used up commitment and waiver, sorted; infinite if
/// it does not.
fn run_out_days(draws: &[Vec<f64>], balance: &MonthBalance<'_>, month: Period) -> Result<Vec<f64>, Reason> {
    let Balance { used, commitment, commitment_used, waiver, waiver_used, overage_used, .. } =
        *balance.balance;
    let commitment = commitment.filter(|commitment| *commitment > 0.0).ok_or(Reason::NoCommitment)?;
    let available = commitment + waiver.unwrap_or(0.0);
    let waived = match waiver {
        Some(_) => waiver_used.ok_or(Reason::NotInSource)?,
        None => waiver_used.unwrap_or(0.0),
    };
    let spent = commitment_used.ok_or(Reason::NotInSource)? + waived;
    let is_used_up = spent >= available - MAX_ROUNDING_ERROR;
    // Nothing is used on demand before the rest is used up.
    let on_demand = match overage_used {
        None if is_used_up => return Err(Reason::NotInSource),
        overage => overage.unwrap_or(0.0),
    };
    let used = used.ok_or(Reason::NotInSource)?;
    let charged = spent + on_demand;
    let share = if used > 0.0 { (charged / used).min(1.0) } else { 1.0 };
    if share <= 0.0 {
        return Err(Reason::TooFew);
    }
    let number = |day: Day| (day.days_since(month.start) + 1) as f64;
    let (mut earliest, mut latest) = (1.0, f64::INFINITY);
    if is_used_up {
        latest = number(balance.balance.end);
    } else if let Some(at) = balance.balance.last_event_at {
        earliest = number(at.day()).max(1.0);
    }
    let day_of = |draw: &Vec<f64>| {
        let reached = draw.iter().position(|used| used * share >= available - MAX_ROUNDING_ERROR);
        let day = reached.map_or(f64::INFINITY, |index| (index + 1) as f64);
        day.max(earliest).min(latest)
    };
    let mut days: Vec<f64> = draws.iter().map(day_of).collect();
    days.sort_by(f64::total_cmp);
    Ok(days)
}

fn to_hundredths(credits: f64) -> f64 {
    (credits * 100.0).round() / 100.0
}
