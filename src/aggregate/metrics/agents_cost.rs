//! What the tokens of agents would cost by a list of prices: an estimate.

use std::collections::BTreeMap;

use super::agents::{Split, Sums};
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::base::decimal::Decimal;

pub(super) const FAMILY: Family = Family { definitions: &[&COST], compute };

const COST: Definition = Definition {
    metric: "agents.cost_estimate",
    title: "Cost of tokens, an estimate",
    unit: Unit::Dollars,
    grains: &[Grain::Month, Grain::Window],
    by: &["model", "flow"],
    text: "An estimate: tokens times the prices of a file that the user gives (--prices, in the format of LiteLLM), whose name \
           and date stand in prices. Input is priced less what was read from or written to the cache, where it includes \
           that, and the cache by its own prices. The basis says which share of the calls tells tokens, of a model with a \
           price: of others no cost is known. Without a file there is no figure. It is not what GitLab charges: see \
           agents.credits.",
};

/// What calls cost, and of how many of them it is known.
struct Cost {
    dollars: Decimal,
    priced: u64,
    calls: u64,
}

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    let Some(prices) = page.prices else { return };
    if !COST.grains.contains(&page.period.grain) || !page.rest_on(Source::Tokens, FAMILY.definitions) {
        return;
    }
    let split =
        Split::of(view, view.tokens_in(page.period), ["model", "flow"], |used| [used.key.model, used.flow]);
    // What is by one dimension alone has the people, and what is by both a price.
    let mut costs: BTreeMap<(&str, &str), Cost> = BTreeMap::new();
    for ([model, flow], Sums { counts, .. }) in split.cells() {
        let price = prices.of_model(model);
        for place in [("model", model), ("flow", flow)] {
            let cost = costs.entry(place).or_insert(Cost { dollars: Decimal::ZERO, priced: 0, calls: 0 });
            cost.calls = cost.calls.saturating_add(counts.events);
            if let Some(price) = price {
                cost.dollars = cost.dollars + price.of(counts);
                cost.priced = cost.priced.saturating_add(counts.told());
            }
        }
    }
    split.for_each(|by, sums| {
        if let [(dimension, value)] = by
            && let Some(Cost { dollars, priced, calls }) = costs.get(&(*dimension, *value))
        {
            let figure = Figure::amount(*dollars, *priced, sums.people());
            page.emit(&COST, by, figure.on_basis(*priced, *calls).by_prices());
        }
    });
}
