//! Impact in words: whether merge requests of people who use Duo are merged faster.

use crate::aggregate::metrics::answer::IMPACT;
use crate::model::number::Number;
use crate::publish::number::{duration, reason};
use crate::publish::place::Place;
use crate::publish::privacy::Line;

use super::facts::{AnswerLine, window};
use super::sentence::Sentence;

const METRIC: &str = "impact.time_to_merge_seconds";

/// Median and interval of one group of authors, in seconds.
struct Median<'a> {
    value: f64,
    low: f64,
    high: f64,
    line: &'a Line<'a>,
}

/// The sentence and its line; the sentence is `None` if there are no lines about impact.
pub(super) fn impact(place: &Place<'_>) -> (Option<Sentence>, Option<AnswerLine>) {
    let (with, without) = (median(place, "true"), median(place, "false"));
    let (Ok(with), Ok(without)) = (&with, &without) else {
        let missing = [with.err(), without.err()].into_iter().flatten().next().flatten();
        let why = missing.map(|why| format!("An effect on time to merge cannot be said: {why}."));
        return (why.map(Sentence::plain), None);
    };
    let (key, sentence) = if with.low <= without.high && without.low <= with.high {
        ("overlap", "No difference in time to merge can be shown: the ranges overlap.".to_owned())
    } else {
        let key = if with.value < without.value { "shorter" } else { "longer" };
        let sentence = format!(
            "Merge requests of people active with Duo took {} to merge (median), others {}; that proves no cause.",
            duration(with.value),
            duration(without.value)
        );
        (key, sentence)
    };
    let inputs = [with.line, without.line];
    let line = AnswerLine::from(IMPACT.metric, &[("sentence", key)], &inputs).filter(|_| without.value > 0.0);
    let (n, of) = (Number::Measure(with.value), Number::Measure(without.value));
    let line = line.map(|line| line.with_value(with.value / without.value, n, of));
    (Some(Sentence::plain(sentence)), line)
}

/// The median of a group, or why there is none; without a line, `Err(None)`.
fn median<'a>(place: &Place<'a>, with_duo: &str) -> Result<Median<'a>, Option<&'static str>> {
    let stat = |stat| window(place, METRIC, &[("with_duo", with_duo), ("stat", stat)], None);
    let line = stat("p50").ok_or(None)?;
    let value = |line: Option<&Line<'_>>| {
        let line = line.ok_or(None)?;
        match line.value {
            _ if line.is_suppressed => Err(Some("suppressed for privacy")),
            Some(value) => Ok(value.as_f64()),
            None => Err(Some(reason(line.reason))),
        }
    };
    Ok(Median { value: value(Some(line))?, low: value(stat("low"))?, high: value(stat("high"))?, line })
}
