//! `unused_seats`: too many seats are idle.

use super::{Kind, Test};
use crate::base::severity::Severity;
use crate::base::yaml::LineError;
use crate::check::context::Context;
use crate::check::fields::Fields;
use crate::check::finding::{Finding, Judgment};
use crate::publish::answer::Sentence;
use crate::publish::number::{count, percent, period};

pub(super) const KIND: Kind = Kind {
    name: "unused_seats",
    severity: Severity::Info,
    is_builtin: true,
    title: "Few seats are idle",
    read,
};

const METRIC: &str = "seats.idle";

const SHARE: f64 = 0.2;

#[derive(Debug)]
struct UnusedSeats {
    /// The greatest share of idle seats.
    share: f64,
}

fn read(fields: &mut Fields<'_>) -> Result<Box<dyn Test>, LineError> {
    Ok(Box::new(UnusedSeats { share: fields.share("share", SHARE)? }))
}

impl Test for UnusedSeats {
    fn judge(&self, context: &Context<'_, '_>) -> Judgment {
        let mut judgment = Judgment::default();
        for place in context.places() {
            let Some(line) = place.window(METRIC, &[("tier", "certain")]) else { continue };
            let holders = place.window("seats.active", &[]).filter(|seats| seats.period == line.period);
            let of = holders.and_then(|seats| seats.of).map(|of| of.as_f64() as u64).filter(|of| *of > 0);
            let (Some(idle), Some(of)) = (line.value.map(|value| value.as_f64() as u64), of) else {
                let why =
                    if line.is_suppressed { "suppressed for privacy" } else { "the seats are not known" };
                judgment.add_unknown(place, METRIC, why);
                continue;
            };
            let share = idle as f64 / of as f64;
            if share > self.share {
                let sentence = Sentence::plain(format!(
                    "{} of {} seats are idle ({}, limit {}), {}; \"duo-metrics export --people\" lists them",
                    count(idle),
                    count(of),
                    percent(share),
                    percent(self.share),
                    period(line.period)
                ));
                judgment
                    .findings
                    .push(Finding::of_line(METRIC, line, sentence).with_values(share, self.share));
            }
        }
        judgment
    }
}
