//! The verdict on GitLab Duo: the first sentences of the dashboard.

use crate::aggregate::metrics::answer::VERDICT;
use crate::base::calendar::Grain;
use crate::model::metric::Population;
use crate::publish::days;
use crate::publish::number::{count, counted, percent};
use crate::publish::place::Place;
use crate::publish::privacy::Line;

use super::assumptions::SeatPrice;
use super::facts::{AnswerLine, Fact, Share, parts, window};
use super::seats::Seats;
use super::sentence::{Sentence, Tone};

/// The share of active seats from which Duo is in use.
const IN_USE_FROM: f64 = 0.5;

/// The share of active seats from which it is partly in use.
const PARTLY_FROM: f64 = 0.2;

/// The verdict.
pub(super) struct Verdict {
    pub(super) sentences: Vec<Sentence>,
    pub(super) line: Option<AnswerLine>,
}

impl Verdict {
    /// The verdict of a place, from the best input that is known: seats, people, sessions.
    pub(super) fn of(place: &Place<'_>, seats: &Seats<'_>, price: Option<&SeatPrice>) -> Verdict {
        let people = window(place, "users.active", &[], None);
        if let (Some(line), Some(active)) = (seats.active_line, seats.active.filter(|share| share.of > 0)) {
            return of_seats(line, active, seats, price);
        }
        match (people, Fact::of(people)) {
            (Some(line), Fact::Known(active)) => of_people(place, line, active, seats),
            (_, missing) => of_sessions(place, missing).unwrap_or_else(|| unknown(people, missing)),
        }
    }

    fn new(key: &'static str, input: &Line<'_>, sentences: Vec<Sentence>) -> Verdict {
        Verdict { sentences, line: AnswerLine::from(VERDICT.metric, &[("sentence", key)], &[input]) }
    }

    fn with_share(self, share: Share) -> Verdict {
        Verdict { line: self.line.map(|line| line.with_share(share)), ..self }
    }

    fn with_fact(self, fact: Fact) -> Verdict {
        Verdict { line: self.line.map(|line| line.with_fact(fact)), ..self }
    }
}

fn of_seats(line: &Line<'_>, active: Share, seats: &Seats<'_>, price: Option<&SeatPrice>) -> Verdict {
    let Share { n, of } = active;
    let is_complete = line.coverage >= 1.0;
    let share = active.value();
    let verb = if n == 1 { "was" } else { "were" };
    let known = if line.basis.is_some_and(|basis| basis < 1.0) { " with a known holder" } else { "" };
    let seats_active = format!("{} of {} assigned seats{known} {verb} active", count(n), count(of));
    let (key, sentence) = match (is_complete, share) {
        (true, _) if n == 0 => (
            "not_used",
            start("not used", format!(": none of {} assigned seats{known} was active.", count(of))),
        ),
        (true, share) => {
            let (key, words) = match share {
                share if share >= IN_USE_FROM => ("in_use", "in use"),
                share if share >= PARTLY_FROM => ("partly_used", "partly in use"),
                _ => ("hardly_used", "hardly in use"),
            };
            (key, start(words, format!(": {seats_active}{}.", regularly(seats.regular))))
        }
        (false, share) if share >= IN_USE_FROM => {
            ("in_use", start("in use", format!(": at least {seats_active} ({}).", days::collected(line))))
        }
        (false, _) => (
            "incomplete",
            cannot_say(format!("How much Duo is used cannot be said: {}", days::collected(line)))
                .then(format!(" At least {seats_active}.")),
        ),
    };
    let mut sentences = vec![sentence];
    sentences.extend(unused(seats, price));
    Verdict::new(key, line, sentences).with_share(active)
}

/// `Duo is in use`, with emphasis on what it is.
fn start(words: &str, rest: String) -> Sentence {
    Sentence::plain("Duo is ").with(Tone::Strong, words).then(rest)
}

fn cannot_say(text: String) -> Sentence {
    Sentence::plain(format!("{text}."))
}

/// `, 118 of them regularly`; empty if that cannot be said.
fn regularly(regular: Fact) -> String {
    match regular {
        Fact::Known(0) => ", none of them regularly".to_owned(),
        Fact::Known(people) => format!(", {} of them regularly", count(people)),
        _ => String::new(),
    }
}

/// What was paid for and not used.
fn unused(seats: &Seats<'_>, price: Option<&SeatPrice>) -> Option<Sentence> {
    let of_purchased = seats.unused().map(|share| (share, "purchased"));
    let (share, kind) = of_purchased.or_else(|| seats.idle().map(|share| (share, "assigned")))?;
    if share.n == 0 {
        return None;
    }
    let money = price.map_or_else(String::new, |price| format!(": {} a month", price.times(share.n)));
    let verb = if share.n == 1 { "was" } else { "were" };
    let text = format!("{} of {} {kind} seats {verb} not used{money}.", count(share.n), count(share.of));
    Some(Sentence::default().with(Tone::Loss, text))
}

fn of_people(place: &Place<'_>, line: &Line<'_>, active: u64, seats: &Seats<'_>) -> Verdict {
    let is_complete = line.coverage >= 1.0;
    let segment = |segment| {
        Fact::of(window(place, "engagement.users", &[("segment", segment)], Some(Population::People)))
    };
    let people = counted(active, "person", "people");
    let (key, sentence) = match (active, is_complete) {
        (0, true) => ("nobody", start("not used", ": nobody used it in these 28 days.".to_owned())),
        (0, false) => (
            "incomplete",
            cannot_say(format!("Whether Duo is in use cannot be said: {}", days::collected(line))),
        ),
        (_, true) => {
            let regular = regularly(segment("regular").plus(segment("heavy")));
            ("used_without_seats", start("in use", format!(": {people} used it in 28 days{regular}.")))
        }
        (_, false) => (
            "used_without_seats",
            start("in use", format!(": at least {people} used it ({}).", days::collected(line))),
        ),
    };
    let mut sentences = vec![sentence];
    if active > 0 {
        let why = match seats.active_line {
            Some(line) if line.value.is_some() => "no seat is assigned",
            Some(line) => Fact::of(Some(line)).why(),
            None => "no seat list",
        };
        sentences.push(match (seats.regular.known(), seats.assigned.known()) {
            (Some(regular), Some(assigned)) if regular > 0 => Sentence::plain(format!(
                "Of {} assigned seats, {} were used regularly; how many were used at all cannot be said: {why}.",
                count(assigned),
                count(regular)
            )),
            _ => Sentence::plain(format!("How many seats are used cannot be said: {why}.")),
        });
    }
    Verdict::new(key, line, sentences).with_fact(Fact::Known(active))
}

/// Sessions of agents, where nothing says who was active.
fn of_sessions(place: &Place<'_>, people: Fact) -> Option<Verdict> {
    let line = window(place, "agents.sessions", &[], None)?;
    let sessions = Fact::of(Some(line)).known().filter(|sessions| *sessions > 0)?;
    let success = parts(window(place, "agents.success_rate", &[], None));
    let success = success.filter(|share| share.of > 0).map_or_else(String::new, |share| {
        format!(", and {} of those that ended succeeded", percent(share.value()))
    });
    let sentence = Sentence::plain("Agents are ")
        .with(Tone::Strong, "in use")
        .then(format!(": {} in 28 days{success}.", counted(sessions, "session", "sessions")));
    let who = Sentence::plain(format!("How many people use Duo cannot be said: {}.", people.why()));
    Some(Verdict::new("agents_only", line, vec![sentence, who]).with_fact(Fact::Known(sessions)))
}

fn unknown(line: Option<&Line<'_>>, missing: Fact) -> Verdict {
    let key = if matches!(missing, Fact::Suppressed) { "suppressed" } else { "unknown" };
    let why = if line.is_none() { "no week of use has been published yet" } else { missing.why() };
    let sentence = cannot_say(format!("Whether Duo is in use cannot be said: {why}"));
    match line {
        Some(line) => Verdict::new(key, line, vec![sentence]).with_fact(missing),
        None => Verdict { sentences: vec![sentence], line: None },
    }
}

/// The period that the verdict is about.
pub(super) fn period(place: &Place<'_>, seats: &Seats<'_>) -> Option<crate::base::calendar::Period> {
    let people = window(place, "users.active", &[], None);
    let sessions = || place.newest("agents.sessions", Grain::Window, &[]);
    seats.active_line.or(people).or_else(sessions).map(|line| line.period)
}
