//! An estimate of what the tokens of agents cost, from a price file.

use std::collections::BTreeMap;

use super::agents::{Split, Sums};
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::base::decimal::Decimal;

pub(super) const FAMILY: Family = Family { definitions: &[&COST], compute };

const COST: Definition = Definition {
    metric: "agents.cost_estimate",
    title: "Token cost estimate",
    unit: Unit::Dollars,
    grains: &[Grain::Month, Grain::Window],
    by: &["model", "flow"],
    relations: &[Relation::Sums],
    text: "An estimate: tokens times the prices in a file that you provide (--prices, in the format \
           of LiteLLM); prices contains its name and date. Tokens read from or written to the cache \
           are priced separately, and subtracted from an input that includes them. The field basis \
           is the share of calls that report tokens and have a model with a price; the cost of other \
           calls is unknown. Without a file there is no value. It is not what GitLab charges: see \
           agents.credits.",
};

/// The cost of calls, in US dollars, and the number of calls with a known cost.
struct Cost {
    dollars: Decimal,
    priced: u64,
    calls: u64,
}

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    let Some(prices) = sink.prices else { return };
    if !COST.grains.contains(&sink.period.grain) || !sink.require(Source::Tokens, FAMILY.definitions) {
        return;
    }
    let split =
        Split::of(view, view.tokens_in(sink.period), ["model", "flow"], |used| [used.key.model, used.flow]);
    // The sums by one dimension have the people, those by both have the price.
    let mut costs: BTreeMap<(&str, &str), Cost> = BTreeMap::new();
    for ([model, flow], Sums { counts, .. }) in split.cells() {
        let price = prices.price_of(model);
        for place in [("model", model), ("flow", flow)] {
            let cost = costs.entry(place).or_insert(Cost { dollars: Decimal::ZERO, priced: 0, calls: 0 });
            cost.calls = cost.calls.saturating_add(counts.events);
            if let Some(price) = price {
                cost.dollars = cost.dollars + price.cost(counts);
                cost.priced = cost.priced.saturating_add(counts.events_with_tokens());
            }
        }
    }
    split.for_each(|by, sums| {
        if let [(dimension, value)] = by
            && let Some(Cost { dollars, priced, calls }) = costs.get(&(*dimension, *value))
        {
            let value = MetricValue::amount(*dollars, *priced, sums.people());
            sink.emit(&COST, by, value.with_basis(*priced, *calls).with_prices());
        }
    });
}
