//! GitLab Credits, as the Customers Portal counts them.

use std::collections::BTreeMap;

use super::definition::TOTAL;
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::calendar::Grain;
use crate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&CREDITS], compute };

const CREDITS: Definition = Definition {
    metric: "agents.credits",
    title: "GitLab Credits",
    unit: Unit::Credits,
    grains: &[Grain::Day, Grain::Month],
    by: &[TOTAL, "product", "flow"],
    text: "GitLab Credits used, as the Customers Portal counts them: all of them, those of each product, and those of each \
           flow that has a product of its own. Products can hold only a part of all.",
};

fn compute(view: &View<'_>, page: &mut Page<'_>) {
    if !CREDITS.grains.contains(&page.period.grain) || !page.rest_on(Source::Credits, FAMILY.definitions) {
        return;
    }
    let mut used: BTreeMap<Vec<(&str, &str)>, Vec<f64>> = BTreeMap::new();
    for (product, flow, credits) in view.credits_in(page.period) {
        let text = |name| view.names.text(name);
        let places: Vec<Vec<(&str, &str)>> = match product {
            None => vec![vec![]],
            Some(product) => {
                let flow = flow.map(|flow| vec![("flow", text(flow))]);
                [Some(vec![("product", text(product))]), flow].into_iter().flatten().collect()
            }
        };
        places.into_iter().for_each(|by| used.entry(by).or_default().push(credits));
    }
    for (by, mut credits) in used {
        // A sum of fractions depends on their order.
        credits.sort_unstable_by(f64::total_cmp);
        let sum: f64 = credits.iter().sum();
        page.emit(&CREDITS, &by, Figure::amount(sum, credits.len() as u64, None));
    }
}
