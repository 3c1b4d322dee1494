//! The answer: verdict, trend, impact, staircase and actions, for the first screen, the landing
//! page, the digest and the print.
//!
//! Everything is made from published lines, after suppression. So `answer.*` lines and sentences
//! contain nothing that a reader of the other lines could not compute.

mod actions;
mod assumptions;
mod facts;
mod impact;
mod projects;
mod seats;
mod sentence;
mod trend;
mod verdict;

#[cfg(test)]
mod tests;

pub use actions::{Action, MAX_ACTIONS};
pub use assumptions::{Assumptions, SeatPrice, parse_target};
pub use facts::{AnswerLine, Fact, Share};
pub use seats::{Staircase, Step, Subject};
pub use sentence::{Part, Sentence, Tone};
pub use trend::{Change, Direction, Trend};

use crate::base::calendar::Period;
use crate::publish::number::{Style, count, level, percent, points};
use crate::publish::place::Place;

use actions::Found;
use seats::Seats;
use verdict::Verdict;

/// The answer of one place.
pub struct Answer {
    /// One or two sentences.
    pub verdict: Vec<Sentence>,
    /// Trend, surprise and impact.
    pub details: Vec<Sentence>,
    /// From money to habit; `None` if neither seats nor segments are known.
    pub staircase: Option<Staircase>,
    /// Up to [`MAX_ACTIONS`] actions, the most urgent first.
    pub actions: Vec<Action>,
    /// Whether there are rules for actions.
    pub has_actions: bool,
    /// The days of the verdict.
    pub period: Option<Period>,
    /// The `answer.*` lines.
    pub lines: Vec<AnswerLine>,
}

impl Answer {
    /// The answer on GitLab Duo.
    pub fn duo(place: &Place<'_>, assumptions: &Assumptions, min_people: u64) -> Answer {
        let price = assumptions.seat_price.as_ref();
        let seats = Seats::of(place);
        let verdict = Verdict::of(place, &seats, price);
        let found = Found::of(place, &seats, min_people);
        let people = Trend::of(place, "users.active", &[], Style::Plain);
        let acceptance = Trend::of(place, "code_suggestions.acceptance_rate", &[], Style::Percent);
        let (impact, impact_line) = impact::impact(place);
        let surprise = found.without_seat.map(|share| {
            let verb = if share.n == 1 { "has" } else { "have" };
            Sentence::plain(format!(
                "{} of {} active people {verb} no seat.",
                count(share.n),
                count(share.of)
            ))
        });
        let details = [trend_of_people(people), trend_of_acceptance(acceptance), surprise, impact];
        let mut lines: Vec<AnswerLine> = verdict.line.into_iter().collect();
        lines.extend(seats.lines());
        lines.extend(trend::lines(place, "people", people, Style::Plain));
        lines.extend(trend::lines(place, "acceptance", acceptance, Style::Percent));
        lines.extend(impact_line);
        let actions = found.actions(price);
        lines.extend(found.lines);
        Answer {
            verdict: verdict.sentences,
            details: details.into_iter().flatten().collect(),
            staircase: seats.staircase().or_else(|| Staircase::of_people(place)),
            actions,
            has_actions: true,
            period: verdict::period(place, &seats),
            lines,
        }
    }

    /// The verdict as one text.
    pub fn verdict_text(&self) -> String {
        texts(&self.verdict)
    }

    /// Trend, surprise and impact as one text.
    pub fn details_text(&self) -> String {
        texts(&self.details)
    }
}

/// The `answer.*` lines of all places.
pub fn answer_lines(places: &[Place<'_>], min_people: u64) -> Vec<AnswerLine> {
    let of_place = |place| Answer::duo(place, &Assumptions::default(), min_people).lines;
    places.iter().flat_map(of_place).collect()
}

fn texts(sentences: &[Sentence]) -> String {
    sentences.iter().map(Sentence::text).collect::<Vec<_>>().join(" ")
}

fn trend_of_people(trend: Trend) -> Option<Sentence> {
    let text = match trend {
        Trend::NoData => return None,
        Trend::Suppressed => "Whether use grows cannot be said: suppressed for privacy.".to_owned(),
        Trend::TooShort(weeks) => format!(
            "Whether use grows cannot be said yet: that takes eight complete weeks, and there are {weeks}."
        ),
        Trend::Known(change) => {
            let [now, before, noise] = [change.now, change.before, change.noise].map(level);
            let start = match change.direction() {
                Direction::NoClearChange => "No clear change",
                Direction::Up => "Use is growing",
                Direction::Down => "Use is falling",
            };
            format!("{start}: {now} people a week, {before} in the four weeks before (noise ±{noise}).")
        }
    };
    Some(Sentence::plain(text))
}

fn trend_of_acceptance(trend: Trend) -> Option<Sentence> {
    let change = trend.known()?;
    let (now, before) = (percent(change.now), percent(change.before));
    let noise = points(change.noise);
    Some(Sentence::plain(match change.direction() {
        Direction::NoClearChange => format!("Acceptance of suggestions holds at {now} (±{noise})."),
        Direction::Up => format!("Acceptance of suggestions rose to {now} from {before} (noise ±{noise})."),
        Direction::Down => format!("Acceptance of suggestions fell to {now} from {before} (noise ±{noise})."),
    }))
}
