//! GitLab Credits, as the Customers Portal counts them.

use std::collections::BTreeMap;

use super::agents::NO_VALUE;
use super::definition::TOTAL;
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::base::decimal::Decimal;

pub(super) const FAMILY: Family = Family { definitions: &[&CREDITS], compute };

/// The dimensions of credits.
const SPLITS: [&str; 2] = ["product", "flow"];

/// Differences up to this are rounding errors of binary fractions.
const MAX_ROUNDING_ERROR: f64 = 1e-6;

const CREDITS: Definition = Definition {
    metric: "agents.credits",
    title: "GitLab Credits",
    unit: Unit::Credits,
    grains: &[Grain::Day, Grain::Month],
    by: &[TOTAL, "product", "flow"],
    relations: &[Relation::Sums],
    text: "GitLab Credits used, as the Customers Portal counts them: in total, by product, and by \
           flow as it reports them for each flow. Its figures include credits that are not billed, of \
           beta and experiment features. On complete days with a total, credits without a product or \
           flow are (none).",
};

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !CREDITS.grains.contains(&sink.period.grain) || !sink.require(Source::Credits, FAMILY.definitions) {
        return;
    }
    let mut used: BTreeMap<Vec<(&str, &str)>, Vec<Decimal>> = BTreeMap::new();
    let mut unattributed: BTreeMap<&str, Vec<Decimal>> = BTreeMap::new();
    for day in view.credits_in(sink.period) {
        let text = |name| view.symbols.text(name);
        let (mut total, mut parts) = (Vec::new(), BTreeMap::from(SPLITS.map(|split| (split, Vec::new()))));
        for (product, flow, credits) in day.rows {
            let credits = Decimal::from_f64(*credits);
            // Older versions took the flow of a product from its only flow type, which proves nothing.
            let (split, value) = match (product, flow) {
                (Some(product), _) => ("product", text(*product)),
                (None, Some(flow)) => ("flow", text(*flow)),
                (None, None) => {
                    total.push(credits);
                    continue;
                }
            };
            parts.entry(split).or_default().push(credits);
            used.entry(vec![(split, value)]).or_default().push(credits);
        }
        if !total.is_empty() {
            // What is left on an incomplete day may have a product or flow that was not collected.
            for (split, of_split) in parts.into_iter().filter(|_| day.is_complete) {
                let rest = sum(&total) - sum(&of_split);
                let is_any = rest.as_f64().is_none_or(|rest| rest > MAX_ROUNDING_ERROR);
                unattributed.entry(split).or_default().extend(Some(rest).filter(|_| is_any));
            }
            used.entry(vec![]).or_default().extend(total);
        }
    }
    // A source that never reports the product has no rows by product, rather than one unknown row.
    for (split, rest) in unattributed {
        if !rest.is_empty() && used.keys().any(|by| by.iter().any(|(dimension, _)| *dimension == split)) {
            used.insert(vec![(split, NO_VALUE)], rest);
        }
    }
    for (by, credits) in used {
        let value = MetricValue::amount(sum(&credits), credits.len() as u64, None);
        sink.emit(&CREDITS, &by, value);
    }
}

fn sum(credits: &[Decimal]) -> Decimal {
    credits.iter().copied().sum()
}
