//! What to do: rules with thresholds. A rule with an input that is suppressed or unknown is silent.

use crate::aggregate::metrics::answer::ACTION;
use crate::base::calendar::{Grain, Period};
use crate::model::metric::Population;
use crate::publish::number::{count, counted, percent, short_day};
use crate::publish::place::Place;
use crate::publish::privacy::Line;
use crate::publish::text::{MAX_LABEL_LEN, plain};

use super::assumptions::SeatPrice;
use super::facts::{AnswerLine, Fact, Share, parts, window};
use super::seats::Seats;
use super::sentence::{Sentence, Tone};

/// The number of actions shown.
pub const MAX_ACTIONS: usize = 4;

/// Smallest shares at which rules fire; `ACTION` documents them.
const MIN_NEVER_ASSIGNED: f64 = 0.02;
const MIN_IDLE: f64 = 0.02;
const MIN_WITHOUT_SEAT: f64 = 0.05;
const MIN_SLIPPING: f64 = 0.05;
const MIN_FLOW_FAILS: f64 = 0.25;
const MIN_TOOL_FAILS: f64 = 0.10;

/// Sessions or calls below which a failure rate says little.
const MIN_CASES: u64 = 30;

/// An action with its evidence.
pub struct Action {
    /// The rules that fired, for example `seats_never_assigned`.
    pub rules: Vec<&'static str>,
    /// What to do, and why.
    pub sentence: Sentence,
    /// The name of the evidence.
    pub evidence: &'static str,
    /// The view of the page with the evidence.
    pub href: &'static str,
}

/// What the rules found.
pub(super) struct Found {
    never_assigned: Option<Share>,
    idle: Option<Share>,
    pub(super) without_seat: Option<Share>,
    slipping: Option<Slipping>,
    flow: Option<Worst>,
    tool: Option<Worst>,
    run_out: Option<RunOut>,
    pub(super) lines: Vec<AnswerLine>,
}

/// People who were regular or heavy users and are not any more.
struct Slipping {
    share: Share,
    /// The share of the four pairs of segments that are published.
    basis: f64,
}

/// The flow or tool that fails most.
struct Worst {
    name: String,
    share: Share,
}

/// When credits are used up.
struct RunOut {
    day: u64,
    month: Period,
}

impl Found {
    /// Applies all rules to the lines of a place. No group below `min_people` fires one.
    pub(super) fn of(place: &Place<'_>, seats: &Seats<'_>, min_people: u64) -> Found {
        let mut lines = Vec::new();
        let mut add = |by: &[(&str, &str)], inputs: &[&Line<'_>], share: Share, basis: Option<f64>| {
            let line = AnswerLine::from(ACTION.metric, by, inputs).map(|line| line.with_share(share));
            lines.extend(line.map(|line| basis.iter().fold(line, |line, basis| line.with_basis(*basis))));
        };
        let active_seats = seats.active_line;
        let never_assigned =
            seats.never_assigned().filter(|share| share.reaches(min_people, MIN_NEVER_ASSIGNED));
        if let (Some(share), Some(input)) = (never_assigned, active_seats) {
            add(&[("rule", "seats_never_assigned")], &[input], share, None);
        }
        let idle_line = window(place, "seats.idle", &[("tier", "certain")], None);
        let idle = idle_share(idle_line, seats).filter(|share| share.reaches(min_people, MIN_IDLE));
        if let (Some(share), Some(input)) = (idle, idle_line) {
            add(&[("rule", "seats_idle")], &[input], share, None);
        }
        let active = window(place, "users.active", &[], None);
        let without_seat =
            without_seat(active, seats).filter(|share| share.reaches(min_people, MIN_WITHOUT_SEAT));
        if let (Some(share), Some(people), Some(holders)) = (without_seat, active, active_seats) {
            add(&[("rule", "active_without_seat")], &[people, holders], share, None);
        }
        let slipping = slipping(place, seats);
        let slipping = slipping.filter(|(found, _)| found.share.reaches(min_people, MIN_SLIPPING));
        if let Some((found, input)) = &slipping {
            add(&[("rule", "slipping_back")], &[input], found.share, Some(found.basis));
        }
        let flow = worst(place, "agents.success_rate", "flow", MIN_FLOW_FAILS, min_people);
        if let Some((found, input)) = &flow {
            add(&[("rule", "flow_fails_most"), ("flow", &found.name)], &[input], found.share, None);
        }
        let tool = worst(place, "agents.tool_failure_rate", "tool", MIN_TOOL_FAILS, min_people);
        if let Some((found, input)) = &tool {
            add(&[("rule", "tool_fails_most"), ("tool", &found.name)], &[input], found.share, None);
        }
        let run_out = run_out(place);
        if let Some((found, input)) = &run_out {
            let days = Share { n: found.day, of: found.month.length() as u64 };
            add(&[("rule", "credits_run_out")], &[input], days, None);
        }
        Found {
            never_assigned,
            idle,
            without_seat,
            slipping: slipping.map(|(found, _)| found),
            flow: flow.map(|(found, _)| found),
            tool: tool.map(|(found, _)| found),
            run_out: run_out.map(|(found, _)| found),
            lines,
        }
    }

    /// The actions for readers: what is urgent first, then seats, people and agents.
    pub(super) fn actions(&self, price: Option<&SeatPrice>) -> Vec<Action> {
        let all = [
            self.credits_action(),
            self.seats_action(price),
            self.without_seat_action(),
            self.slipping_action(),
            self.agents_action(),
        ];
        all.into_iter().flatten().take(MAX_ACTIONS).collect()
    }

    fn credits_action(&self) -> Option<Action> {
        let found = self.run_out.as_ref()?;
        let day = found.month.start.plus(found.day as i64 - 1);
        let left = found.month.end.days_since(day).max(0) as u64;
        let sentence = Sentence::strong(format!("GitLab Credits run out on about {}", short_day(day)))
            .then(format!(", {} before the month ends.", counted(left, "day", "days")));
        Some(action(&["credits_run_out"], sentence, "Credits and forecast", "#cost"))
    }

    fn seats_action(&self, price: Option<&SeatPrice>) -> Option<Action> {
        let money =
            |seats: u64| price.map_or_else(String::new, |price| format!(" ({})", price.calculation(seats)));
        let (rules, sentence): (&[&'static str], Sentence) = match (self.never_assigned, self.idle) {
            (Some(never), Some(idle)) => (
                &["seats_never_assigned", "seats_idle"],
                Sentence::strong(format!("Assign or return {}", counted(never.n, "seat", "seats")))
                    .then(" never assigned, and ")
                    .with(Tone::Strong, format!("reclaim {}", counted(idle.n, "seat", "seats")))
                    .then(format!(" idle for a long time{}.", money(never.n + idle.n))),
            ),
            (Some(never), None) => (
                &["seats_never_assigned"],
                Sentence::strong(format!("Assign or return {}", counted(never.n, "seat", "seats")))
                    .then(format!(" purchased and never assigned{}.", money(never.n))),
            ),
            (None, Some(idle)) => (
                &["seats_idle"],
                Sentence::strong(format!("Reclaim {}", counted(idle.n, "seat", "seats")))
                    .then(format!(" idle for a long time{}.", money(idle.n))),
            ),
            (None, None) => return None,
        };
        Some(action(rules, sentence, "Seats", "#cost"))
    }

    fn without_seat_action(&self) -> Option<Action> {
        let people = self.without_seat?;
        let advice = match self.never_assigned {
            Some(never) => {
                format!(" Assign them the {} free before buying more.", counted(never.n, "seat", "seats"))
            }
            None => " Check how they get access, and whether they need a seat.".to_owned(),
        };
        let verb = if people.n == 1 { "person uses" } else { "people use" };
        let sentence =
            Sentence::strong(format!("{} {verb} Duo without a seat.", count(people.n))).then(advice);
        Some(action(&["active_without_seat"], sentence, "People and seats", "#used"))
    }

    fn slipping_action(&self) -> Option<Action> {
        let Slipping { share, basis } = self.slipping.as_ref()?;
        let start = if *basis < 1.0 { "At least " } else { "" };
        let sentence = Sentence::strong(format!("{start}{} people are slipping back:", count(share.n)))
            .then(" regular or heavy users 28 days ago, now only trying it or inactive. Ask them why.");
        Some(action(&["slipping_back"], sentence, "Movement between segments", "#used"))
    }

    fn agents_action(&self) -> Option<Action> {
        let fails = |worst: &Worst, cases: &str| {
            format!("{} of {} {cases}", percent(worst.share.value()), count(worst.share.of))
        };
        let (rules, sentence): (&[&'static str], Sentence) = match (&self.flow, &self.tool) {
            (Some(flow), Some(tool)) => (
                &["flow_fails_most", "tool_fails_most"],
                Sentence::default()
                    .with(Tone::Name, &*flow.name)
                    .with(Tone::Strong, format!(" fails in {};", fails(flow, "sessions")))
                    .then(" of the tools, ")
                    .with(Tone::Name, &*tool.name)
                    .then(format!(" fails most ({}).", fails(tool, "calls"))),
            ),
            (Some(flow), None) => (
                &["flow_fails_most"],
                Sentence::default()
                    .with(Tone::Name, &*flow.name)
                    .with(Tone::Strong, format!(" fails in {}.", fails(flow, "sessions")))
                    .then(" No other flow fails more often."),
            ),
            (None, Some(tool)) => (
                &["tool_fails_most"],
                Sentence::default()
                    .with(Tone::Name, &*tool.name)
                    .with(Tone::Strong, format!(" fails in {}.", fails(tool, "calls")))
                    .then(" No other tool fails more often."),
            ),
            (None, None) => return None,
        };
        Some(action(rules, sentence, "Agents", "#how"))
    }
}

fn action(rules: &[&'static str], sentence: Sentence, evidence: &'static str, href: &'static str) -> Action {
    Action { rules: rules.to_vec(), sentence, evidence, href }
}

/// Certainly idle seat holders, of all.
fn idle_share(line: Option<&Line<'_>>, seats: &Seats<'_>) -> Option<Share> {
    let (idle, holders) = (Fact::of(line).known()?, seats.active?.of);
    Some(Share { n: idle, of: holders })
}

/// Active people who are no seat holders, of all active people.
fn without_seat(active: Option<&Line<'_>>, seats: &Seats<'_>) -> Option<Share> {
    let (active, holders) = (active?, seats.active_line?);
    if active.period != holders.period {
        return None;
    }
    let people = Fact::of(Some(active)).known()?;
    Some(Share { n: people.saturating_sub(seats.active?.n), of: people })
}

/// The pairs of segments of those who slip back.
const SLIPS: [[&str; 2]; 4] = [
    ["regular", "experimenting"],
    ["regular", "inactive"],
    ["heavy", "experimenting"],
    ["heavy", "inactive"],
];

fn slipping<'a>(place: &Place<'a>, seats: &Seats<'a>) -> Option<(Slipping, &'a Line<'a>)> {
    let of_population = |population, of: Option<u64>| {
        let cell = |[from, to]: [&str; 2]| {
            window(place, "engagement.movement", &[("from", from), ("to", to)], Some(population))
        };
        let lines: Vec<&Line<'_>> = SLIPS.into_iter().filter_map(cell).collect();
        let known: Vec<u64> = lines.iter().filter_map(|line| Fact::of(Some(line)).known()).collect();
        let first = lines.into_iter().find(|line| line.value.is_some())?;
        let share = Share { n: known.iter().sum(), of: of? };
        Some((Slipping { share, basis: known.len() as f64 / SLIPS.len() as f64 }, first))
    };
    let holders = seats.active.map(|active| active.of);
    of_population(Population::SeatHolders, holders)
        .or_else(|| of_population(Population::People, people_seen(place)))
}

/// Everyone ever seen, if all segments are published.
fn people_seen(place: &Place<'_>) -> Option<u64> {
    let segments = ["inactive", "experimenting", "regular", "heavy"].into_iter();
    let facts = segments.map(|segment| {
        Fact::of(window(place, "engagement.users", &[("segment", segment)], Some(Population::People)))
    });
    facts.reduce(Fact::plus)?.known()
}

/// The flow or tool with the highest share of failures. The success rate counts successes, the
/// failure rate failures.
fn worst<'a>(
    place: &Place<'a>,
    metric: &'a str,
    key: &str,
    min_share: f64,
    min_people: u64,
) -> Option<(Worst, &'a Line<'a>)> {
    let counts_successes = metric == "agents.success_rate";
    let failures = |line: &'a Line<'a>| {
        let Share { n, of } = parts(Some(line))?;
        let share = Share { n: if counts_successes { of.saturating_sub(n) } else { n }, of };
        let is_known = line.people.is_none_or(|people| people >= min_people) && of >= MIN_CASES;
        (is_known && share.reaches(min_people, min_share)).then_some(share)
    };
    let lines = place.split(metric, Grain::Window, key, &[]);
    let found = lines.into_iter().filter(|(name, _)| *name != "(none)");
    let found = found.filter_map(|(name, line)| Some((name, failures(line)?, line)));
    // Of equal shares, the first name counts.
    let (name, share, line) =
        found.reduce(|worst, other| if other.1.value() > worst.1.value() { other } else { worst })?;
    Some((Worst { name: plain(name, MAX_LABEL_LEN), share }, line))
}

/// The day on which half of the simulated months have used up their credits, in the newest month.
fn run_out<'a>(place: &Place<'a>) -> Option<(RunOut, &'a Line<'a>)> {
    let line = place.newest("credits.run_out_on", Grain::Month, &[("stat", "p50")])?;
    let month = line.period;
    // A month that is over needs no action.
    let reported_until = place.lines().map(|line| line.period).filter(|period| period.grain == Grain::Window);
    let reported_until = reported_until.map(|period| period.end).max()?;
    let day = Fact::of(Some(line)).known().filter(|_| reported_until < month.end)?;
    (1..=month.length() as u64).contains(&day).then_some((RunOut { day, month }, line))
}
