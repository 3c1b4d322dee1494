//! How often the comparison is wrong, measured over seeded worlds. docs/alerts.md has the results.

use super::*;

/// Worlds of each measurement.
const WORLDS: u64 = 200;

/// The days of a world, from a Monday.
const DAYS: i64 = 126;

/// Monday to Friday, relative to each other.
const WEEK: [f64; 5] = [1.0, 1.08, 1.06, 1.0, 0.86];

/// The metrics of a world that the default rule compares, per person and working day: active people,
/// events, suggestions, messages.
const PER_PERSON: [f64; 4] = [0.5, 6.0, 3.0, 0.8];

/// What varies in a world.
#[derive(Clone, Copy, PartialEq)]
enum Noise {
    /// Everything happens independently (Poisson).
    Independent,
    /// Each active person has a number of events of their own, which varies as much as its mean, and
    /// all other counts follow it.
    ByPerson,
}

/// A group of people whose use grows slowly, by up to 1% a week.
struct World {
    random: fastrand::Rng,
    people: f64,
    growth: f64,
    noise: Noise,
}

impl World {
    /// A world of a size from `people.0` to `people.1`.
    fn new(seed: u64, people: (f64, f64), noise: Noise) -> World {
        let mut random = fastrand::Rng::with_seed(seed);
        let people = (people.0 * (people.1 / people.0).powf(random.f64())).round();
        let growth = (1.0 + 0.01 * random.f64()).powf(1.0 / 7.0);
        World { random, people, growth, noise }
    }

    /// The values of the metrics on each working day; `share` is what is left of the use on a day.
    fn series(mut self, share: impl Fn(i64) -> f64) -> [Vec<(Day, f64)>; 4] {
        let first: Day = "2026-06-01".parse().expect("a Monday");
        let mut series: [Vec<(Day, f64)>; 4] = std::array::from_fn(|_| Vec::new());
        for at in (0..DAYS).filter(|at| at % 7 < 5) {
            let level = self.people * WEEK[(at % 7) as usize] * self.growth.powi(at as i32) * share(at);
            let values = self.values(level);
            for (series, value) in series.iter_mut().zip(values) {
                series.push((first.plus(at), value));
            }
        }
        series
    }

    fn values(&mut self, level: f64) -> [f64; 4] {
        let values = PER_PERSON.map(|rate| rate * level);
        if self.noise == Noise::ByPerson {
            let active = self.poisson(values[0]);
            let each = 12.0;
            let events: f64 = (0..active as u64).map(|_| -each * (1.0 - self.random.f64()).ln()).sum();
            return [active, events.round(), self.poisson(events / 2.0), self.poisson(events / 7.5)];
        }
        values.map(|mean| self.poisson(mean))
    }

    fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 60.0 {
            let radius = (-2.0 * (1.0 - self.random.f64()).ln()).sqrt();
            let normal = radius * (std::f64::consts::TAU * self.random.f64()).cos();
            return (mean + normal * mean.sqrt()).round().max(0.0);
        }
        let (mut product, mut count) = (self.random.f64(), 0.0);
        while product > (-mean).exp() {
            product *= self.random.f64();
            count += 1.0;
        }
        count
    }
}

/// Whether the default rule reports a fall with the data up to this working day.
fn falls(series: &[Vec<(Day, f64)>; 4], days: usize) -> bool {
    let falls = |series: &Vec<(Day, f64)>| {
        DailyChange::of(&series[..days])
            .is_ok_and(|found| found.change <= -0.1 && found.evidence <= -MIN_EVIDENCE)
    };
    series.iter().any(falls)
}

/// The working days of a world on which there is enough data, as the number of days up to them.
fn judged_days() -> std::ops::RangeInclusive<usize> {
    MIN_USUAL + NEWEST..=(DAYS / 7 * 5) as usize
}

/// Applies a measurement to every world, on two threads.
fn measure<T: Send>(of_world: impl Fn(u64) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let half = |from, to| (from..to).map(&of_world).collect::<Vec<T>>();
        let other = scope.spawn(move || half(WORLDS / 2, WORLDS));
        let mut all = half(0, WORLDS / 2);
        all.extend(other.join().expect("no panic"));
        all
    })
}

/// The worlds that ever report a fall while nothing happens but these days, and the share of days.
fn false_alarms(noise: Noise, share: impl Fn(i64) -> f64 + Sync) -> (usize, f64) {
    let alarms = measure(|seed| {
        let series = World::new(seed, (30.0, 3000.0), noise).series(&share);
        judged_days().filter(|days| falls(&series, *days)).count()
    });
    let days = judged_days().count() as f64 * WORLDS as f64;
    (alarms.iter().filter(|alarms| **alarms > 0).count(), alarms.iter().sum::<usize>() as f64 / days)
}

/// The share of worlds in which a lasting fall by 20% is found within five working days.
fn found(noise: Noise, people: (f64, f64)) -> f64 {
    let found = measure(|seed| {
        let from = 12 * 7 + [0, 1, 2, 3, 4][(seed % 5) as usize];
        let series = World::new(1000 + seed, people, noise).series(|at| if at < from { 1.0 } else { 0.8 });
        let before = (from / 7 * 5 + from % 7) as usize;
        (before + 1..=before + 5).any(|days| falls(&series, days))
    });
    found.iter().filter(|found| **found).count() as f64 / WORLDS as f64
}

#[test]
fn no_quiet_world_ever_reports_a_fall() {
    assert_eq!(false_alarms(Noise::Independent, |_| 1.0), (0, 0.0));
    let (worlds, share_of_days) = false_alarms(Noise::ByPerson, |_| 1.0);
    assert!(worlds <= 4 && share_of_days < 0.0009, "{worlds} worlds, {share_of_days}");
}

#[test]
fn a_lasting_fall_of_a_fifth_is_found_within_five_working_days() {
    assert_eq!(found(Noise::Independent, (100.0, 3000.0)), 1.0);
    for (noise, people, at_least) in [
        (Noise::Independent, 70.0, 0.99),
        (Noise::Independent, 50.0, 0.86),
        (Noise::ByPerson, 1000.0, 0.99),
        (Noise::ByPerson, 500.0, 0.76),
    ] {
        let share = found(noise, (people, people));
        assert!(share >= at_least, "{people}: {share}");
    }
}

#[test]
fn two_public_holidays_in_a_week_are_no_fall() {
    // Good Friday and Easter Monday, and one more holiday later.
    let holidays = [88, 91, 109];
    let share = |at: i64| if holidays.contains(&at) { 0.03 } else { 1.0 };
    assert_eq!(false_alarms(Noise::Independent, share), (0, 0.0));
}

#[test]
fn unknown_days_are_left_out_and_too_many_of_them_leave_nothing_to_judge() {
    let world = || World::new(7, (300.0, 300.0), Noise::Independent);
    let [_, quiet, ..] = world().series(|_| 1.0);
    let [_, fallen, ..] = world().series(|at| if at < 112 { 1.0 } else { 0.7 });
    let without = |series: &[(Day, f64)], is_left_out: fn(usize) -> bool| -> Vec<(Day, f64)> {
        series.iter().enumerate().filter(|(at, _)| !is_left_out(*at)).map(|(_, value)| *value).collect()
    };
    let every_fourth = |at| at % 4 == 0;
    let change = |series: &[(Day, f64)]| DailyChange::of(series).expect("enough days");
    assert!(change(&without(&quiet, every_fourth)).evidence.abs() < MIN_EVIDENCE);
    let found = change(&without(&fallen, every_fourth));
    assert!(found.evidence < -MIN_EVIDENCE && (-0.4..-0.2).contains(&found.change), "{found:?}");
    assert_eq!(DailyChange::of(&quiet[..MIN_USUAL + NEWEST - 1]), Err(MIN_USUAL - 1));
    assert_eq!(DailyChange::of(&quiet[..3]), Err(3));
    // Two weeks without data before the last days.
    assert!(DailyChange::of(&without(&quiet, |at| (76..88).contains(&at))).is_err());
}

#[test]
fn growth_and_the_weekday_are_no_change_and_a_rise_is_one() {
    let day: Day = "2026-06-01".parse().expect("a Monday");
    let series = |share: f64| -> Vec<(Day, f64)> {
        let value = |at: i64| {
            let level = 1000.0 * (1.0 + 0.004 * at as f64) * WEEK[(at % 7) as usize];
            (day.plus(at), (if at < 105 { level } else { level * share }).round())
        };
        (0..112).filter(|at| at % 7 < 5).map(value).collect()
    };
    let quiet = DailyChange::of(&series(1.0)).expect("enough days");
    assert!(quiet.change.abs() < 0.02 && quiet.evidence.abs() < 1.0, "{quiet:?}");
    let risen = DailyChange::of(&series(1.3)).expect("enough days");
    assert!((risen.change - 0.3).abs() < 0.02 && risen.evidence > MIN_EVIDENCE, "{risen:?}");
    assert_eq!(risen.days, (day.plus(105), day.plus(109)));
}
