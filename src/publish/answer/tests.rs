//! Sixty seeded worlds: the rules of the definitions, written again as a table of sentences, against
//! the answer.

use crate::base::calendar::{Day, Grain, Period};
use crate::model::metric::{Metric, Population, Reason};
use crate::model::number::Number;
use crate::publish::place::Place;
use crate::publish::privacy::Line;

use super::{Answer, Assumptions, answer_lines};

const MIN_PEOPLE: u64 = 5;

/// A small generator of random numbers (an LCG), so that a seed gives the same world everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }
}

/// What is known about the seats of a world.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    InUse,
    Partly,
    Hardly,
    NotUsed,
    MissingDaysInUse,
    Sample,
    NoSeatList,
    NoSeatLines,
    SeatsSuppressed,
    TinyGroup,
    AgentsOnly,
    NoEvents,
}

const KINDS: [Kind; 12] = [
    Kind::InUse,
    Kind::Partly,
    Kind::Hardly,
    Kind::NotUsed,
    Kind::MissingDaysInUse,
    Kind::Sample,
    Kind::NoSeatList,
    Kind::NoSeatLines,
    Kind::SeatsSuppressed,
    Kind::TinyGroup,
    Kind::AgentsOnly,
    Kind::NoEvents,
];

/// The values of a world, before they are known or not.
#[derive(Clone, Debug)]
struct World {
    kind: Kind,
    purchased: u64,
    assigned: u64,
    active: u64,
    regular: u64,
    heavy: u64,
    people: u64,
    idle: u64,
    slips: [u64; 4],
    weeks: Vec<u64>,
    fails: [u64; 2],
    sessions: u64,
    success: u64,
    run_out: Option<u64>,
}

impl World {
    fn seeded(seed: u64) -> World {
        let kind = KINDS[seed as usize % KINDS.len()];
        let mut random = Random(seed * 7 + 1);
        let assigned = random.between(60, 2_400);
        let share = match kind {
            Kind::InUse | Kind::MissingDaysInUse => random.between(50, 99),
            Kind::Partly => random.between(20, 49),
            Kind::Hardly | Kind::Sample => random.between(2, 19),
            Kind::NotUsed => 0,
            _ => random.between(30, 90),
        };
        // Rounded up, so that a share of 50 is at least 50%.
        let active = (assigned * share).div_ceil(100);
        let regular = random.between(0, active);
        let level = random.between(40, 900);
        let growth = random.below(3);
        let weeks: Vec<u64> =
            (0..random.between(6, 14)).map(|at| level + at * growth * level / 20 + random.below(5)).collect();
        World {
            kind,
            purchased: assigned + random.below(40),
            assigned,
            active,
            regular,
            heavy: random.between(0, regular),
            people: active + random.below(80),
            idle: random.below(30).min(assigned - active),
            slips: [random.below(30), random.below(9), random.below(9), random.below(6)],
            weeks,
            fails: [random.between(0, 60), random.between(0, 60)],
            sessions: 100,
            success: random.between(0, 100),
            run_out: (random.below(3) == 0).then(|| random.between(20, 30)),
        }
    }

    fn has_seats(&self) -> bool {
        !matches!(
            self.kind,
            Kind::NoSeatList
                | Kind::NoSeatLines
                | Kind::SeatsSuppressed
                | Kind::TinyGroup
                | Kind::AgentsOnly
                | Kind::NoEvents
        )
    }

    fn is_complete(&self) -> bool {
        !matches!(self.kind, Kind::MissingDaysInUse | Kind::Sample)
    }
}

/// Published lines under construction.
#[derive(Default)]
struct Lines(Vec<(Metric, bool)>);

fn day(text: &str) -> Day {
    text.parse().expect("a literal day")
}

fn window() -> Period {
    Period { grain: Grain::Window, start: day("2026-09-28"), end: day("2026-10-25") }
}

impl Lines {
    fn add(&mut self, metric: &'static str, period: Period, by: &[(&str, &str)]) -> &mut Metric {
        self.0.push((
            Metric {
                metric: metric.into(),
                instance: "https://gitlab.example.com".into(),
                scope: "acme".into(),
                grain: period.grain,
                start: period.start,
                end: period.end,
                by: by.iter().copied().collect(),
                population: None,
                value: None,
                n: None,
                of: None,
                people: None,
                coverage: 1.0,
                imported: 0.0,
                basis: None,
                is_final: true,
                reason: None,
                prices: None,
                source: None,
                explanation: None,
            },
            false,
        ));
        &mut self.0.last_mut().expect("just added").0
    }

    fn count(
        &mut self,
        metric: &'static str,
        period: Period,
        by: &[(&str, &str)],
        value: u64,
    ) -> &mut Metric {
        let line = self.add(metric, period, by);
        (line.value, line.n) = (Some(Number::Count(value)), Some(Number::Count(value)));
        line
    }

    fn rate(&mut self, metric: &'static str, by: &[(&str, &str)], n: u64, of: u64) -> &mut Metric {
        let line = self.add(metric, window(), by);
        line.value = Some(Number::Measure(n as f64 / of as f64));
        (line.n, line.of) = (Some(Number::Count(n)), Some(Number::Count(of)));
        line
    }

    fn unknown(&mut self, metric: &'static str, by: &[(&str, &str)], reason: Reason) {
        self.add(metric, window(), by).reason = Some(reason);
    }

    /// Suppresses the line that was added last.
    fn suppress(&mut self) {
        let (line, suppression) = self.0.last_mut().expect("a line");
        (line.value, line.n, line.of) = (None, None, None);
        *suppression = true;
    }

    fn published(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> =
            self.0.iter().map(|(metric, is_suppressed)| Line::published(metric, *is_suppressed)).collect();
        lines.sort_by(|one, other| one.key().cmp(&other.key()));
        lines
    }
}

/// The lines of a world, as they would be published.
fn lines_of(world: &World) -> Lines {
    let mut lines = Lines::default();
    let coverage = if world.is_complete() { 1.0 } else { 7.0 / 28.0 };
    if !matches!(world.kind, Kind::AgentsOnly | Kind::NoEvents) {
        lines.count("users.active", window(), &[], world.people).coverage = coverage;
        if world.kind == Kind::TinyGroup {
            lines.suppress();
        }
    }
    if world.kind == Kind::NoEvents {
        lines.unknown("users.active", &[], Reason::NotCollected);
    }
    seat_lines(world, &mut lines, coverage);
    for (at, people) in world.weeks.iter().rev().enumerate() {
        let end = window().end.plus(-7 * at as i64);
        let week = Period { grain: Grain::Week, start: end.plus(-6), end };
        lines.count("users.active", week, &[], *people);
        if world.kind == Kind::TinyGroup {
            lines.suppress();
        }
    }
    if world.kind == Kind::AgentsOnly {
        lines.count("agents.sessions", window(), &[], world.sessions);
        lines.rate("agents.success_rate", &[], world.success, world.sessions);
    }
    for (flow, failed) in ["fix_pipeline", "software_development"].iter().zip(world.fails) {
        lines.rate("agents.success_rate", &[("flow", flow)], world.sessions - failed, world.sessions);
    }
    if let Some(day) = world.run_out {
        let month = Period::containing(Grain::Month, window().end, window().end);
        lines.count("credits.run_out_on", month, &[("stat", "p50")], day);
    }
    lines
}

fn seat_lines(world: &World, lines: &mut Lines, coverage: f64) {
    if world.kind == Kind::NoSeatList {
        lines.unknown("seats.active", &[], Reason::NoSnapshot);
    }
    if world.kind == Kind::SeatsSuppressed || world.kind == Kind::TinyGroup {
        lines.rate("seats.active", &[], 3, 4);
        lines.suppress();
    }
    if !world.has_seats() {
        return;
    }
    lines.rate("seats.active", &[], world.active, world.assigned).coverage = coverage;
    // An older list and a later one do not belong to the window.
    for (on, more) in [("2026-10-01", 900), ("2026-10-25", 0), ("2026-10-28", 900)] {
        let on = Period { grain: Grain::Day, start: day(on), end: day(on) };
        lines.count("seats.purchased", on, &[("add_on", "DUO_PRO")], 10 + more);
        lines.count("seats.purchased", on, &[("add_on", "DUO_ENTERPRISE")], world.purchased - 10);
        lines.count("seats.assigned", on, &[("add_on", "DUO_PRO")], 10);
        lines.count("seats.assigned", on, &[("add_on", "DUO_ENTERPRISE")], world.assigned - 10);
    }
    if !world.is_complete() {
        return;
    }
    let holders = |lines: &mut Lines, metric, by: &[(&str, &str)], value| {
        lines.count(metric, window(), by, value).population = Some(Population::SeatHolders);
    };
    holders(lines, "engagement.users", &[("segment", "regular")], world.regular - world.heavy);
    holders(lines, "engagement.users", &[("segment", "heavy")], world.heavy);
    lines.count("seats.idle", window(), &[("tier", "certain")], world.idle);
    let pairs = [("regular", "experimenting"), ("regular", "inactive"), ("heavy", "experimenting")];
    for ((from, to), people) in pairs.into_iter().chain([("heavy", "inactive")]).zip(world.slips) {
        holders(lines, "engagement.movement", &[("from", from), ("to", to)], people);
        if (1..MIN_PEOPLE).contains(&people) {
            lines.suppress();
        }
    }
}

/// `12,345`, without the code under test.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<String> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(",")
}

/// A number with at most one decimal; from 10 on without.
fn decimal(value: f64) -> String {
    if value >= 10.0 {
        return grouped(value.round() as u64);
    }
    let tenths = (value * 10.0).round() as u64;
    let tail = if tenths.is_multiple_of(10) { String::new() } else { format!(".{}", tenths % 10) };
    format!("{}{tail}", grouped(tenths / 10))
}

/// The table of rules: the verdict of each kind of world.
fn expected_verdict(world: &World) -> String {
    let World { purchased, assigned, active, regular, people, .. } = world;
    let were = if *active == 1 { "was" } else { "were" };
    let seats = format!("{} of {} assigned seats {were} active", grouped(*active), grouped(*assigned));
    let regularly = match regular {
        0 => ", none of them regularly".to_owned(),
        regular => format!(", {} of them regularly", grouped(*regular)),
    };
    let unused = match purchased - active {
        0 => String::new(),
        1 => format!(" 1 of {} purchased seats was not used.", grouped(*purchased)),
        unused => format!(" {} of {} purchased seats were not used.", grouped(unused), grouped(*purchased)),
    };
    let used_by = format!("{} people used it in 28 days", grouped(*people));
    match world.kind {
        Kind::InUse => format!("Duo is in use: {seats}{regularly}.{unused}"),
        Kind::Partly => format!("Duo is partly in use: {seats}{regularly}.{unused}"),
        Kind::Hardly => format!("Duo is hardly in use: {seats}{regularly}.{unused}"),
        Kind::NotUsed => {
            format!("Duo is not used: none of {} assigned seats was active.{unused}", grouped(*assigned))
        }
        Kind::MissingDaysInUse => format!("Duo is in use: at least {seats} (7 of 28 days collected)."),
        Kind::Sample => {
            format!("How much Duo is used cannot be said: 7 of 28 days collected. At least {seats}.")
        }
        Kind::NoSeatList | Kind::NoSeatLines => {
            format!("Duo is in use: {used_by}. How many seats are used cannot be said: no seat list.")
        }
        Kind::SeatsSuppressed => format!(
            "Duo is in use: {used_by}. How many seats are used cannot be said: suppressed for privacy."
        ),
        Kind::TinyGroup => "Whether Duo is in use cannot be said: suppressed for privacy.".to_owned(),
        Kind::AgentsOnly => {
            let success = world.success;
            format!(
                "Agents are in use: 100 sessions in 28 days, and {success}% of those that ended succeeded. How many people use Duo cannot be said: no data."
            )
        }
        Kind::NoEvents => "Whether Duo is in use cannot be said: not collected.".to_owned(),
    }
}

/// The table of rules: what the weeks say.
fn expected_trend(world: &World) -> String {
    let weeks = &world.weeks;
    if world.kind == Kind::TinyGroup {
        return "Whether use grows cannot be said: suppressed for privacy.".to_owned();
    }
    if weeks.len() < 7 {
        return format!(
            "Whether use grows cannot be said yet: that takes eight complete weeks, and there are {}.",
            weeks.len()
        );
    }
    let newest: Vec<f64> = weeks.iter().rev().take(13).map(|week| *week as f64).collect();
    let mean = |weeks: &[f64]| weeks.iter().sum::<f64>() / weeks.len() as f64;
    let (now, before) = (mean(&newest[..4]), mean(&newest[4..newest.len().min(8)]));
    let mut steps: Vec<f64> = (1..newest.len()).map(|at| (newest[at] - newest[at - 1]).abs()).collect();
    steps.sort_by(f64::total_cmp);
    let (low, high) = ((steps.len() - 1) / 2, steps.len() / 2);
    let noise = (1.4826 * (steps[low] + steps[high]) / 2.0).max(before / 50.0);
    let change = now - before;
    let start = if change.abs() <= noise {
        "No clear change"
    } else if change > 0.0 {
        "Use is growing"
    } else {
        "Use is falling"
    };
    format!(
        "{start}: {} people a week, {} in the four weeks before (noise ±{}).",
        decimal(now),
        decimal(before),
        decimal(noise)
    )
}

/// The table of rules: which ones fire, in the order of the lines.
fn expected_rules(world: &World) -> Vec<&'static str> {
    let fires = |n: u64, of: u64, percent: u64| n >= MIN_PEOPLE && n * 100 >= percent * of;
    let mut rules = Vec::new();
    let has_seats = world.has_seats();
    if has_seats && fires(world.purchased - world.assigned, world.purchased, 2) {
        rules.push("seats_never_assigned");
    }
    let is_complete = has_seats && world.is_complete();
    if is_complete && fires(world.idle, world.assigned, 2) {
        rules.push("seats_idle");
    }
    if has_seats && fires(world.people - world.active, world.people, 5) {
        rules.push("active_without_seat");
    }
    let published: u64 = world.slips.iter().filter(|people| !(1..MIN_PEOPLE).contains(*people)).sum();
    if is_complete && fires(published, world.assigned, 5) {
        rules.push("slipping_back");
    }
    if world.fails.iter().any(|failed| fires(*failed, world.sessions, 25)) {
        rules.push("flow_fails_most");
    }
    if world.run_out.is_some() {
        rules.push("credits_run_out");
    }
    rules
}

#[test]
fn sixty_worlds_have_the_sentences_and_actions_of_the_table() {
    for seed in 0..60 {
        let world = World::seeded(seed);
        let lines = lines_of(&world);
        let published = lines.published();
        let places = Place::all(&published);
        let answer = Answer::duo(&places[0], &Assumptions::default(), MIN_PEOPLE);
        assert_eq!(answer.verdict_text(), expected_verdict(&world), "{seed}: {world:?}");
        let trend = answer.details.first().expect("a trend").text();
        assert_eq!(trend, expected_trend(&world), "{seed}: {world:?}");
        let fired: Vec<String> = answer_lines(&places, MIN_PEOPLE)
            .iter()
            .map(|line| line.line())
            .filter(|line| line.metric == "answer.action")
            .map(|line| line.by.get("rule").expect("a rule").to_owned())
            .collect();
        assert_eq!(fired, expected_rules(&world), "{seed}: {world:?}");
        let shown: Vec<&str> = answer.actions.iter().flat_map(|action| action.rules.clone()).collect();
        assert!(shown.iter().all(|rule| fired.iter().any(|fired| fired == rule)), "{seed}: {shown:?}");
        assert!(answer.actions.len() <= 4 && fired.is_empty() == answer.actions.is_empty(), "{seed}");
        let all = [answer.verdict_text(), answer.details_text()].join(" ");
        assert!(!all.contains('$') && !all.contains("target"), "{seed}: {all}");
    }
}

#[test]
fn lines_have_the_values_of_the_sentences() {
    let world = World {
        purchased: 196,
        assigned: 178,
        active: 154,
        regular: 118,
        heavy: 30,
        people: 221,
        ..World::seeded(0)
    };
    let lines = lines_of(&world);
    let published = lines.published();
    let places = Place::all(&published);
    let answers = answer_lines(&places, MIN_PEOPLE);
    let value = |metric: &str, by: &[(&str, &str)]| {
        let line = answers.iter().map(|line| line.line()).find(|line| {
            line.metric == metric && by.iter().all(|(key, value)| line.by.get(key) == Some(*value))
        });
        let line = line.unwrap_or_else(|| panic!("{metric} {by:?}"));
        (line.value, line.n, line.of)
    };
    let count = |count| Some(Number::Count(count));
    for (step, expected) in
        [("purchased", 196), ("assigned", 178), ("active", 154), ("regular", 118), ("heavy", 30)]
    {
        assert_eq!(value("answer.staircase", &[("step", step)]), (count(expected), count(expected), None));
    }
    let share = Some(Number::Measure(154.0 / 178.0));
    assert_eq!(value("answer.verdict", &[("sentence", "in_use")]), (share, count(154), count(178)));
    let without = Some(Number::Measure(67.0 / 221.0));
    assert_eq!(value("answer.action", &[("rule", "active_without_seat")]), (without, count(67), count(221)));
    let assumptions = Assumptions { seat_price: "39:USD".parse().ok(), target: None };
    let answer = Answer::duo(&places[0], &assumptions, MIN_PEOPLE);
    assert!(answer.verdict_text().ends_with("42 of 196 purchased seats were not used: $1,638 a month."));
}

#[test]
fn suppressed_inputs_silence_rules_and_steps() {
    let world = World { purchased: 400, assigned: 200, active: 100, people: 190, ..World::seeded(0) };
    let mut lines = lines_of(&world);
    for (line, suppression) in &mut lines.0 {
        if line.metric == "seats.purchased" || line.metric == "engagement.users" {
            (line.value, line.n, *suppression) = (None, None, true);
        }
    }
    let published = lines.published();
    let places = Place::all(&published);
    let answer = Answer::duo(&places[0], &Assumptions::default(), MIN_PEOPLE);
    assert_eq!(
        answer.verdict_text(),
        "Duo is in use: 100 of 200 assigned seats were active. 100 of 200 assigned seats were not used."
    );
    assert!(answer.actions.iter().all(|action| !action.rules.contains(&"seats_never_assigned")));
    for line in answer.lines.iter().map(|line| line.line()).filter(|line| line.metric == "answer.staircase") {
        let is_known = ["assigned", "active"].contains(&line.by.get("step").expect("a step"));
        assert_eq!((line.value.is_some(), !line.is_suppressed), (is_known, is_known), "{line:?}");
    }
    // The same with a higher bound for groups: the rules need larger groups.
    let strict = Answer::duo(&places[0], &Assumptions::default(), 1_000);
    assert!(strict.actions.iter().all(|action| action.rules == ["credits_run_out"]));
}

#[test]
fn one_person_learns_nothing_from_the_answer() {
    let mut lines = Lines::default();
    lines.count("users.active", window(), &[], 1);
    lines.suppress();
    let published = lines.published();
    let answer = Answer::duo(&Place::all(&published)[0], &Assumptions::default(), MIN_PEOPLE);
    assert_eq!(answer.verdict_text(), "Whether Duo is in use cannot be said: suppressed for privacy.");
    assert!(answer.staircase.is_none() && answer.actions.is_empty());
    let line = answer.lines[0].line();
    assert_eq!((line.value, line.n, line.is_suppressed), (None, None, true));
}
