//! `credits_run_out`: commitment and waiver of GitLab Credits will be used up before the month ends.

use super::{Kind, Test};
use crate::base::calendar::Grain;
use crate::base::severity::Severity;
use crate::base::yaml::LineError;
use crate::check::context::Context;
use crate::check::fields::Fields;
use crate::check::finding::{Finding, Judgment};
use crate::publish::answer::Sentence;
use crate::publish::number::{long_day, period};

pub(super) const KIND: Kind = Kind {
    name: "credits_run_out",
    severity: Severity::Warning,
    is_builtin: true,
    title: "GitLab Credits last until the end of the month",
    read,
};

const METRIC: &str = "credits.run_out_on";

/// The forecasts, with what each says.
const STATS: [(&str, &str); 3] =
    [("p10", "one of ten forecasts"), ("p50", "half of the forecasts"), ("p90", "nine of ten forecasts")];

#[derive(Debug)]
struct CreditsRunOut {
    stat: &'static str,
    share_of_forecasts: &'static str,
}

fn read(fields: &mut Fields<'_>) -> Result<Box<dyn Test>, LineError> {
    let named = fields.text("stat")?.unwrap_or((fields.line, "p50"));
    let (stat, share_of_forecasts) = STATS
        .into_iter()
        .find(|(stat, _)| *stat == named.1)
        .ok_or_else(|| (named.0, "stat is p10, p50 or p90".to_owned()))?;
    Ok(Box::new(CreditsRunOut { stat, share_of_forecasts }))
}

impl Test for CreditsRunOut {
    fn judge(&self, context: &Context<'_, '_>) -> Judgment {
        let mut judgment = Judgment::default();
        for place in context.places() {
            let Some(line) = place.newest(METRIC, Grain::Month, &[("stat", self.stat)]) else { continue };
            let length = line.period.length();
            let day = line.value.map(|value| value.as_f64() as i64).filter(|day| (1..length).contains(day));
            let (Some(day), false) = (day, context.input.today > line.period.end) else { continue };
            let sentence = Sentence::plain(format!(
                "GitLab Credits of {} will be used up on {} or before, in {}; see credits.forecast",
                period(line.period),
                long_day(line.period.start.plus(day - 1)),
                self.share_of_forecasts
            ));
            let finding = Finding::of_line(METRIC, line, sentence);
            judgment.findings.push(finding.with_values(day as f64, length as f64));
        }
        judgment
    }
}
