//! The verdict on merge requests and pipelines.

use crate::publish::number::{Style, count, counted, duration, level, percent, points};
use crate::publish::place::Place;

use super::facts::{Fact, parts, window};
use super::sentence::{Sentence, Tone};
use super::trend::{Direction, Trend};
use super::{Answer, MAX_ACTIONS};

impl Answer {
    /// The answer on merge requests and pipelines: without seats, staircase and actions.
    pub fn projects(place: &Place<'_>) -> Answer {
        let merged = window(place, "merge_requests.merged", &[], None);
        let pipelines = window(place, "pipelines.success_rate", &[], None);
        let details = [merged_trend(place), pipeline_trend(place)];
        Answer {
            verdict: [Some(merged_sentence(place)), pipeline_sentence(place)].into_iter().flatten().collect(),
            details: details.into_iter().flatten().collect(),
            staircase: None,
            actions: Vec::with_capacity(MAX_ACTIONS),
            has_actions: false,
            period: merged.or(pipelines).map(|line| line.period),
            lines: Vec::new(),
        }
    }
}

fn merged_sentence(place: &Place<'_>) -> Sentence {
    let line = window(place, "merge_requests.merged", &[], None);
    let merged = match Fact::of(line) {
        Fact::Known(merged) => merged,
        missing => {
            return Sentence::plain(format!("How much is merged cannot be said: {}.", missing.why()));
        }
    };
    let at_least = if line.is_some_and(|line| line.coverage < 1.0) { "At least " } else { "" };
    let median = window(place, "merge_requests.time_to_merge_seconds", &[("stat", "p50")], None);
    let median = median.filter(|line| !line.is_suppressed).and_then(|line| line.value);
    let median = median.map_or_else(String::new, |seconds| {
        format!(", with a median of {} from opening to merging", duration(seconds.as_f64()))
    });
    let verb = if merged == 1 { "was" } else { "were" };
    Sentence::plain(at_least)
        .with(Tone::Strong, counted(merged, "merge request", "merge requests"))
        .then(format!(" {verb} merged in 28 days{median}."))
}

fn pipeline_sentence(place: &Place<'_>) -> Option<Sentence> {
    let share = parts(window(place, "pipelines.success_rate", &[], None)).filter(|share| share.of > 0)?;
    let text = format!("{} of {} finished pipelines succeeded.", percent(share.value()), count(share.of));
    Some(Sentence::plain(text))
}

fn merged_trend(place: &Place<'_>) -> Option<Sentence> {
    let text = match Trend::of(place, "merge_requests.merged", &[], Style::Plain) {
        Trend::NoData => return None,
        Trend::Suppressed => {
            "Whether more is merged than before cannot be said: suppressed for privacy.".into()
        }
        Trend::TooShort(weeks) => format!(
            "Whether more is merged than before cannot be said yet: that takes eight complete weeks, and there are {weeks}."
        ),
        Trend::Known(change) => {
            let [now, before, noise] = [change.now, change.before, change.noise].map(level);
            let start = match change.direction() {
                Direction::NoClearChange => "No clear change",
                Direction::Up => "More is merged",
                Direction::Down => "Less is merged",
            };
            format!("{start}: {now} a week, {before} in the four weeks before (noise ±{noise}).")
        }
    };
    Some(Sentence::plain(text))
}

fn pipeline_trend(place: &Place<'_>) -> Option<Sentence> {
    let change = Trend::of(place, "pipelines.success_rate", &[], Style::Percent).known()?;
    let (now, before) = (percent(change.now), percent(change.before));
    let noise = points(change.noise);
    Some(Sentence::plain(match change.direction() {
        Direction::NoClearChange => format!("The success rate of pipelines holds at {now} (±{noise})."),
        Direction::Up => {
            format!("The success rate of pipelines rose to {now} from {before} (noise ±{noise}).")
        }
        Direction::Down => {
            format!("The success rate of pipelines fell to {now} from {before} (noise ±{noise}).")
        }
    }))
}
