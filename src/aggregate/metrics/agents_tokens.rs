//! Tokens that agents used, by kind, and how much of the input came from the cache.

use super::agents::{Split, Sums};
use super::definition::{Count, EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::events::agents::AgentCounts;
use crate::model::record::{Number, Reason};

pub(super) const FAMILY: Family = Family { definitions: &[&TOKENS, &CACHE_HIT_RATE], compute };

const TOKENS: Definition = Definition {
    metric: "agents.tokens",
    title: "Tokens of agents",
    unit: Unit::Tokens,
    grains: EVERY_GRAIN,
    by: &["kind", "kind×model", "kind×flow"],
    text: "Tokens by kind: input (of most models with those from the cache in it), output, cache_read, cache_write_5m and \
           cache_write_1h (where it is told for how long), cache_write (all of them), and gitlab_total, which is GitLab's \
           own sum of input and output. Kinds are never added otherwise. The basis says which share of the calls tells the \
           kind. A day counts by one event stream: the first of Snowplow, internal events and the service's log that tells \
           tokens. Models are spelled as their provider does.",
};

const CACHE_HIT_RATE: Definition = Definition {
    metric: "agents.cache_hit_rate",
    title: "Input from the cache",
    unit: Unit::Share(&[
        &[Count::of("agents.tokens").by(&[("kind", "cache_read")])],
        &[Count::of("agents.tokens").by(&[("kind", "input")])],
    ]),
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL, "model"],
    text: "Tokens read from the cache of the tokens of input, over the calls whose input includes the cache; the basis says \
           which share of the calls with input those are. A cache of which nothing is told can be told as 0.",
};

/// A kind of tokens: its sum and how many events tell it.
type Kind = (&'static str, fn(&AgentCounts) -> (u64, u64));

const KINDS: [Kind; 7] = [
    ("input", |counts| (counts.input_tokens, counts.input_told)),
    ("output", |counts| (counts.output_tokens, counts.output_told)),
    ("cache_read", |counts| (counts.cache_read, counts.cache_read_told)),
    ("cache_write_5m", |counts| (counts.cache_write_5m, counts.cache_write_5m_told)),
    ("cache_write_1h", |counts| (counts.cache_write_1h, counts.cache_write_1h_told)),
    ("cache_write", |counts| (counts.cache_write, counts.cache_write_told)),
    ("gitlab_total", |counts| {
        (counts.input_tokens.saturating_add(counts.output_tokens), counts.input_told.min(counts.output_told))
    }),
];

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    let split =
        Split::of(view, view.tokens_in(page.period), ["model", "flow"], |used| [used.key.model, used.flow]);
    if !page.rest_on_agents(Source::Tokens, FAMILY.definitions, split.is_empty()) {
        return;
    }
    if split.is_empty() && page.period.grain != Grain::Day {
        for (kind, _) in KINDS {
            page.emit(&TOKENS, &[("kind", kind)], Figure::unknown(Reason::NotInSource));
        }
        page.emit(&CACHE_HIT_RATE, &[], Figure::unknown(Reason::NotInSource));
    }
    split.for_each(|by, sums| {
        if by.len() < 2 {
            for (kind, told) in KINDS {
                let by: Vec<(&str, &str)> = [("kind", kind)].into_iter().chain(by.iter().copied()).collect();
                let (tokens, events) = told(&sums.counts);
                let figure = Figure::count(tokens, sums.people());
                page.emit(&TOKENS, &by, figure.on_basis(events, sums.counts.events));
            }
            if !by.iter().any(|(dimension, _)| *dimension == "flow") {
                page.emit(&CACHE_HIT_RATE, by, hit_rate(sums));
            }
        }
    });
}

fn hit_rate(sums: &Sums) -> Figure {
    let counts = &sums.counts;
    let (read, input) = (counts.inclusive_cache_read, counts.inclusive_input);
    let rate = Figure::rate(Number::Count(read), Number::Count(input), sums.people());
    rate.on_basis(counts.inclusive_events, counts.input_told)
}
