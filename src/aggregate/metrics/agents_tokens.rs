//! Tokens that agents use, by kind, and the share of the input that comes from the cache.

use super::agents::{Split, Sums};
use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::events::agents::AgentCounts;
use crate::model::metric::Reason;
use crate::model::number::Number;

pub(super) const FAMILY: Family = Family { definitions: &[&TOKENS, &CACHE_HIT_RATE], compute };

const TOKENS: Definition = Definition {
    metric: "agents.tokens",
    title: "Tokens of agents",
    unit: Unit::Tokens,
    grains: ALL_GRAINS,
    by: &["kind", "kind×model", "kind×flow"],
    relations: &[Relation::Sums],
    text: "Tokens by kind: input (for most models including cached tokens), output, cache_read, \
           cache_write_5m and cache_write_1h (if the lifetime is reported), cache_write (all of \
           them), and gitlab_total, GitLab's own sum of input and output. No other kinds are added \
           up. The field basis is the share of calls that report the kind. Each day comes from one \
           event stream: the first of Snowplow, internal events and the service log that reports \
           tokens. Models have the names that their provider uses.",
};

const CACHE_HIT_RATE: Definition = Definition {
    metric: "agents.cache_hit_rate",
    title: "Input from the cache",
    unit: Unit::Share(&[
        &[CountRef::of("agents.tokens").by(&[("kind", "cache_read")])],
        &[CountRef::of("agents.tokens").by(&[("kind", "input")])],
    ]),
    grains: &[Grain::Week, Grain::Month, Grain::Window],
    by: &[TOTAL, "model"],
    relations: &[Relation::Statistics],
    text: "Tokens read from the cache divided by input tokens, over the calls whose input includes \
           the cache; basis is their share of the calls with input. A cache that is not reported can \
           appear as 0.",
};

/// A kind of tokens, and the sum and the number of events that report it.
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

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    let split =
        Split::of(view, view.tokens_in(sink.period), ["model", "flow"], |used| [used.key.model, used.flow]);
    if !sink.require_agents(Source::Tokens, FAMILY.definitions, split.is_empty()) {
        return;
    }
    if split.is_empty() && sink.period.grain != Grain::Day {
        for (kind, _) in KINDS {
            sink.emit(&TOKENS, &[("kind", kind)], MetricValue::unknown(Reason::NotInSource));
        }
        sink.emit(&CACHE_HIT_RATE, &[], MetricValue::unknown(Reason::NotInSource));
    }
    split.for_each(|by, sums| {
        if by.len() < 2 {
            for (kind, sum_of) in KINDS {
                let by: Vec<(&str, &str)> = [("kind", kind)].into_iter().chain(by.iter().copied()).collect();
                let (tokens, events) = sum_of(&sums.counts);
                let value = MetricValue::count(tokens, sums.people());
                sink.emit(&TOKENS, &by, value.with_basis(events, sums.counts.events));
            }
            if !by.iter().any(|(dimension, _)| *dimension == "flow") {
                sink.emit(&CACHE_HIT_RATE, by, hit_rate(sums));
            }
        }
    });
}

fn hit_rate(sums: &Sums) -> MetricValue {
    let counts = &sums.counts;
    let (read, input) = (counts.inclusive_cache_read, counts.inclusive_input);
    let rate = MetricValue::rate(Number::Count(read), Number::Count(input), sums.people());
    rate.with_basis(counts.inclusive_events, counts.input_told)
}
