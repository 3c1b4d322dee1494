//! How a month of credits may go on: resampled from the days before.
//!
//! A plain bootstrap of days is too sure of itself: use grows, and busy days come in a row. So each
//! draw resamples whole weeks, fits a line through their working days, and continues the month with
//! weeks of that sample, scaled along the line.

use std::collections::BTreeMap;

use crate::base::calendar::{Day, Grain, Period};
use crate::base::decimal::Decimal;

/// The number of draws.
pub(super) const DRAWS: usize = 2_000;

/// The days that are resampled: those of the month, and of this many days before it.
pub(super) const DAYS_BEFORE: i64 = 56;

/// The fewest weeks with a known working day.
const MIN_WEEKS: usize = 4;

/// The level of a draw changes at most by this factor from its mean.
const MAX_CHANGE: f64 = 2.0;

/// A line has two parameters, so a sample of two weeks fewer varies as much as it should.
const PARAMETERS: usize = 2;

/// The credits of each known day.
pub(super) type KnownDays = BTreeMap<Day, Decimal>;

/// Ways in which a month may end, each with the credits used up to the end of each day. The
/// credits of known days are the same in all of them. If all days are known, there is one. `None`
/// if too few days are known. The same days always give the same draws.
pub(super) fn draw_months(known: &KnownDays, month: Period) -> Option<Vec<Vec<f64>>> {
    let mut used = Decimal::ZERO;
    let mut up_to = Vec::new();
    for day in month.days() {
        let Some(credits) = known.get(&day) else { break };
        used = used + *credits;
        up_to.push(used.as_f64()?);
    }
    let rest: Vec<Drawn> = month.days().skip(up_to.len()).map(Drawn::of).collect();
    if rest.is_empty() {
        return Some(vec![up_to]);
    }
    let weeks = Week::all(known, month)?;
    let used = used.as_f64()?;
    let mut random = Random(0);
    let mut draws = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let (mut sum, mut draw) = (used, up_to.clone());
        draw_days(&weeks, &rest, &mut random, |credits| {
            sum += credits;
            draw.push(sum);
        });
        draws.push(draw);
    }
    Some(draws)
}

/// The quantile `percent` (0 to 100) by nearest rank: of 2,000 draws an observed one.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// Draws the credits of these days, which follow each other.
fn draw_days(weeks: &[Week], days: &[Drawn], random: &mut Random, mut on_credits: impl FnMut(f64)) {
    let sample: Vec<&Week> =
        (0..weeks.len() - PARAMETERS).map(|_| &weeks[random.below(weeks.len())]).collect();
    // The working days of the sample, and its other days: of all weeks, if the sample has none.
    let working: Vec<Used> = sample.iter().flat_map(|week| &week.working).copied().collect();
    let mut other: Vec<Used> = sample.iter().flat_map(|week| &week.other).copied().collect();
    if other.is_empty() {
        other = weeks.iter().flat_map(|week| &week.other).copied().collect();
    }
    let level = Level::fit(&working);
    let mut week = None;
    for day in days {
        if day.is_monday {
            week = None;
        }
        let week = *week.get_or_insert_with(|| sample[random.below(sample.len())]);
        let (of_week, of_sample) =
            if day.is_working { (&week.working, &working) } else { (&week.other, &other) };
        let from = if of_week.is_empty() { of_sample } else { of_week };
        let drawn = from[random.below(from.len())];
        on_credits(drawn.credits * level.at(day.number) / level.at(drawn.day));
    }
}

/// A day whose credits are drawn.
struct Drawn {
    number: f64,
    is_working: bool,
    is_monday: bool,
}

impl Drawn {
    fn of(day: Day) -> Drawn {
        Drawn { number: day.number() as f64, is_working: day.is_working_day(), is_monday: monday(day) == day }
    }
}

/// The credits of one day.
#[derive(Clone, Copy)]
struct Used {
    /// The number of the day.
    day: f64,
    credits: f64,
}

/// The known days of one week.
#[derive(Default)]
struct Week {
    working: Vec<Used>,
    other: Vec<Used>,
}

impl Week {
    /// The weeks with a known working day, up to the last known day of the month; `None` if there
    /// are too few, or no day that is not a working day.
    fn all(known: &KnownDays, month: Period) -> Option<Vec<Week>> {
        let mut weeks: BTreeMap<Day, Week> = BTreeMap::new();
        for (day, credits) in known.range(month.start.plus(-DAYS_BEFORE)..=month.end) {
            let week = weeks.entry(monday(*day)).or_default();
            let used = Used { day: day.number() as f64, credits: credits.as_f64()? };
            if day.is_working_day() {
                week.working.push(used);
            } else {
                week.other.push(used);
            }
        }
        let weeks: Vec<Week> = weeks.into_values().filter(|week| !week.working.is_empty()).collect();
        let has_other = weeks.iter().any(|week| !week.other.is_empty());
        (weeks.len() >= MIN_WEEKS && has_other).then_some(weeks)
    }
}

/// The line through the credits of working days (least squares), relative to their mean.
struct Level {
    middle: f64,
    /// Per day.
    growth: f64,
}

impl Level {
    fn fit(days: &[Used]) -> Level {
        let count = days.len() as f64;
        let middle = days.iter().map(|used| used.day).sum::<f64>() / count;
        let mean = days.iter().map(|used| used.credits).sum::<f64>() / count;
        let spread: f64 = days.iter().map(|used| (used.day - middle).powi(2)).sum();
        let rise: f64 = days.iter().map(|used| (used.day - middle) * (used.credits - mean)).sum();
        let is_flat = mean <= 0.0 || spread == 0.0;
        Level { middle, growth: if is_flat { 0.0 } else { rise / spread / mean } }
    }

    fn at(&self, day: f64) -> f64 {
        (1.0 + self.growth * (day - self.middle)).clamp(1.0 / MAX_CHANGE, MAX_CHANGE)
    }
}

fn monday(day: Day) -> Day {
    Period::containing(Grain::Week, day, day).start
}

/// `SplitMix64`, from a fixed seed: a report must not change without new data.
struct Random(u64);

impl Random {
    /// A number from 0 to `count - 1`.
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        ((u128::from(bits) * count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of 2026 with credits: 56 days before a month, and the month.
    struct Invented {
        month: Period,
        days: KnownDays,
        /// Its use up to the end of each day of the month.
        up_to: Vec<f64>,
    }

    impl Random {
        /// A number from `low` to `high`.
        fn between(&mut self, low: f64, high: f64) -> f64 {
            low + (high - low) * self.below(1_000_001) as f64 / 1e6
        }

        /// The exponential of a normal variable.
        fn log_normal(&mut self, deviation: f64) -> f64 {
            let normal = (0..12).map(|_| self.between(0.0, 1.0)).sum::<f64>() - 6.0;
            (normal * deviation).exp()
        }
    }

    /// Weekdays differ, use grows or shrinks by up to 1.2% a day, and now and then some busy days
    /// come in a row.
    fn invent(seed: u64) -> (Invented, Random) {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let first: Day = format!("2026-{:02}-01", 1 + seed % 12).parse().expect("a day");
        let month = Period::containing(Grain::Month, first, first);
        let base = random.between(50.0, 1_000.0);
        let of_weekday: Vec<f64> = (0..7)
            .map(|weekday| if weekday < 5 { random.between(0.8, 1.2) } else { random.between(0.0, 0.3) })
            .collect();
        let growth = random.between(-0.004, 0.012);
        let (noise, busy) = (random.between(0.1, 0.35), random.between(0.0, 0.08));
        let (mut busy_left, mut factor) = (0, 1.0);
        let mut level = base;
        let (mut days, mut up_to, mut sum) = (KnownDays::new(), Vec::new(), Decimal::ZERO);
        for day in month.start.plus(-DAYS_BEFORE).through(month.end) {
            (busy_left, factor) = match busy_left {
                0 if random.between(0.0, 1.0) < busy => (1 + random.below(4), random.between(1.5, 3.0)),
                0 | 1 => (0, 1.0),
                left => (left - 1, factor),
            };
            level *= 1.0 + growth;
            let weekday = day.days_since(monday(day)) as usize;
            let credits = level * of_weekday[weekday] * factor * random.log_normal(noise);
            let credits = Decimal::from_f64((credits * 100.0).round() / 100.0);
            days.insert(day, credits);
            if day >= month.start {
                sum = sum + credits;
                up_to.push(sum.as_f64().expect("it fits"));
            }
        }
        (Invented { month, days, up_to }, random)
    }

    /// What the 80% band of 100 months is worth, seen on a day of the month.
    #[derive(Default)]
    struct Tried {
        days_within: usize,
        totals_within: usize,
        /// In days of the month that remain.
        mean_width: f64,
        mean_share: f64,
    }

    fn try_months(seen_on: i64) -> Tried {
        let mut tried = Tried::default();
        for seed in 0..100 {
            let (Invented { month, days, up_to }, mut random) = invent(seed);
            // The commitment runs out on a day from the 21st to the last but one.
            let run_out = 20 + random.below(up_to.len() - 21);
            let before = up_to[run_out - 1];
            let commitment = before + (up_to[run_out] - before) * random.between(0.001, 1.0);
            let known = days.into_iter().filter(|(day, _)| *day < month.start.plus(seen_on - 1)).collect();
            let draws = draw_months(&known, month).expect("eight weeks are known");
            let mut totals: Vec<f64> = draws.iter().filter_map(|draw| draw.last().copied()).collect();
            totals.sort_by(f64::total_cmp);
            let day_of = |draw: &Vec<f64>| {
                draw.iter().position(|used| *used >= commitment).map_or(up_to.len(), |index| index) as f64
            };
            let mut days: Vec<f64> = draws.iter().map(day_of).collect();
            days.sort_by(f64::total_cmp);
            let band = |sorted: &[f64]| [10, 90].map(|p| percentile(sorted, p).expect("there are draws"));
            let ([first, last], [low, high]) = (band(&days), band(&totals));
            let (true_day, true_total) = (run_out as f64, up_to[up_to.len() - 1]);
            tried.days_within += usize::from(first <= true_day && true_day <= last);
            tried.totals_within += usize::from(low <= true_total && true_total <= high);
            tried.mean_width += (last - first + 1.0) / 100.0;
            tried.mean_share += (high - low) / true_total / 100.0;
        }
        tried
    }

    #[test]
    fn bands_of_a_hundred_months_contain_the_truth_and_are_narrow() {
        // From the day seen: the largest mean width in days, and as a share of the month's credits.
        for (seen_on, widest, widest_share) in [(10, 8.0, 0.45), (15, 6.5, 0.35), (20, 4.5, 0.25)] {
            let Tried { days_within, totals_within, mean_width, mean_share } = try_months(seen_on);
            let found = format!(
                "seen on {seen_on}: {days_within} run-out days and {totals_within} totals within, mean \
                 width {mean_width:.1} days, {mean_share:.2} of the total"
            );
            println!("{found}");
            assert!(days_within >= 75 && totals_within >= 65, "{found}");
            assert!(mean_width <= widest && mean_share <= widest_share, "{found}");
        }
    }

    #[test]
    fn known_days_stay_and_equal_weeks_continue() {
        let month = Period::containing(
            Grain::Month,
            "2026-10-01".parse().expect("a day"),
            "2026-10-01".parse().expect("a day"),
        );
        let credits = |day: Day| Decimal::from_f64(if day.is_working_day() { 10.0 } else { 1.0 });
        let known = |last: i64| -> KnownDays {
            month.start.plus(-30).through(month.start.plus(last - 1)).map(|day| (day, credits(day))).collect()
        };
        let whole = known(31);
        let expected = draw_months(&whole, month).expect("all days are known");
        assert_eq!((expected.len(), expected[0].len(), expected[0][30]), (1, 31, 229.0));
        let draws = draw_months(&known(12), month).expect("there are enough weeks");
        assert_eq!(draws.len(), DRAWS);
        assert!(draws.iter().all(|draw| *draw == expected[0]), "no week differs from another");
        let few: KnownDays = whole.into_iter().filter(|(day, _)| *day < month.start.plus(-7)).collect();
        assert!(draw_months(&few, month).is_some());
        let few: KnownDays = few.into_iter().skip(10).collect();
        assert!(draw_months(&few, month).is_none(), "two or three weeks are too few");
        assert!(draw_months(&KnownDays::new(), month).is_none());
    }
}
