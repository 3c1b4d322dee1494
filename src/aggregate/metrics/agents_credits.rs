//! GitLab Credits, as the Customers Portal counts them.

use std::collections::BTreeMap;

use super::agents::UNTOLD;
use super::definition::TOTAL;
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::base::decimal::Decimal;

pub(super) const FAMILY: Family = Family { definitions: &[&CREDITS], compute };

/// By what credits are told, beside all of them.
const SPLITS: [&str; 2] = ["product", "flow"];

/// The largest rounding error of binary fractions whose sums are equal.
const NOTHING: f64 = 1e-6;

const CREDITS: Definition = Definition {
    metric: "agents.credits",
    title: "GitLab Credits",
    unit: Unit::Credits,
    grains: &[Grain::Day, Grain::Month],
    by: &[TOTAL, "product", "flow"],
    text: "GitLab Credits used, as the Customers Portal counts them: all of them, those of each product, and those of each \
           flow that has a product of its own. What is of no product or flow, of days that tell all of them, is (none).",
};

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !CREDITS.grains.contains(&page.period.grain) || !page.rest_on(Source::Credits, FAMILY.definitions) {
        return;
    }
    let mut used: BTreeMap<Vec<(&str, &str)>, Vec<Decimal>> = BTreeMap::new();
    let mut untold: BTreeMap<&str, Vec<Decimal>> = BTreeMap::new();
    for told in view.credits_in(page.period) {
        let text = |name| view.names.text(name);
        let (mut all, mut parts) = (Vec::new(), BTreeMap::from(SPLITS.map(|split| (split, Vec::new()))));
        for (product, flow, credits) in told {
            let credits = Decimal::of(*credits);
            let Some(product) = product else {
                all.push(credits);
                continue;
            };
            let flow = flow.map(|flow| ("flow", text(flow)));
            for (split, value) in [Some(("product", text(*product))), flow].into_iter().flatten() {
                parts.entry(split).or_default().push(credits);
                used.entry(vec![(split, value)]).or_default().push(credits);
            }
        }
        if !all.is_empty() {
            for (split, of_split) in parts {
                let rest = sum(&all) - sum(&of_split);
                let is_any = rest.as_f64().is_none_or(|rest| rest > NOTHING);
                untold.entry(split).or_default().extend(Some(rest).filter(|_| is_any));
            }
            used.entry(vec![]).or_default().extend(all);
        }
    }
    // A source that never tells the product has no rows by product, rather than one row of all unknown.
    for (split, rest) in untold {
        if !rest.is_empty() && used.keys().any(|by| by.iter().any(|(dimension, _)| *dimension == split)) {
            used.insert(vec![(split, UNTOLD)], rest);
        }
    }
    for (by, credits) in used {
        let figure = Figure::amount(sum(&credits), credits.len() as u64, None);
        page.emit(&CREDITS, &by, figure);
    }
}

fn sum(credits: &[Decimal]) -> Decimal {
    credits.iter().copied().sum()
}
