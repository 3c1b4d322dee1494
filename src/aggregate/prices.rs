//! Prices of models, from a file in LiteLLM's format that the user supplies.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::decimal::Decimal;
use crate::events::agents::AgentCounts;

/// The prices of models.
#[derive(Clone, Debug)]
pub struct Prices {
    /// The name and date of the file.
    pub label: String,
    /// By the exact name in the file.
    by_name: BTreeMap<String, Price>,
    /// By the name without provider and date.
    by_canonical_name: BTreeMap<String, Price>,
}

/// The price of a model, in US dollars per token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    input: f64,
    output: f64,
    cache_read: f64,
    cache_write: f64,
    cache_write_1h: f64,
}

impl Prices {
    /// Reads a file: an object with one object per model. Models without an input or an output
    /// price are left out. The error states what is wrong with the file.
    pub fn parse(text: &str, label: String) -> Result<Prices, String> {
        #[derive(Deserialize)]
        struct Entry {
            input_cost_per_token: Option<f64>,
            output_cost_per_token: Option<f64>,
            cache_read_input_token_cost: Option<f64>,
            cache_creation_input_token_cost: Option<f64>,
            cache_creation_input_token_cost_above_1hr: Option<f64>,
        }
        let entries: BTreeMap<String, serde_json::Value> = serde_json::from_str(text)
            .map_err(|_| "it is not a JSON object with one entry per model".to_owned())?;
        let mut by_name: BTreeMap<String, Price> = BTreeMap::new();
        for (name, entry) in entries {
            // Entries that are not models have no prices, and the sample entry has texts instead of
            // numbers.
            let Ok(entry) = serde_json::from_value::<Entry>(entry) else { continue };
            let (Some(input), Some(output)) = (entry.input_cost_per_token, entry.output_cost_per_token)
            else {
                continue;
            };
            let cache_write = entry.cache_creation_input_token_cost.unwrap_or(input);
            let price = Price {
                input,
                output,
                cache_read: entry.cache_read_input_token_cost.unwrap_or(input),
                cache_write,
                cache_write_1h: entry.cache_creation_input_token_cost_above_1hr.unwrap_or(cache_write),
            };
            by_name.insert(name, price);
        }
        if by_name.is_empty() {
            return Err("it contains no model with input_cost_per_token and output_cost_per_token".to_owned());
        }
        // If a model has several names, the shortest is its own; the others are those of resellers.
        let mut names: Vec<(&String, &Price)> = by_name.iter().collect();
        names.sort_by_key(|(name, _)| (name.len(), *name));
        let mut by_canonical_name = BTreeMap::new();
        for (name, price) in names {
            by_canonical_name.entry(canonical_name(name)).or_insert(*price);
        }
        Ok(Prices { label, by_name, by_canonical_name })
    }

    /// The price of a model by its exact name, else by its canonical name.
    pub fn price_of(&self, model: &str) -> Option<&Price> {
        self.by_name.get(model).or_else(|| self.by_canonical_name.get(&canonical_name(model)))
    }
}

impl Price {
    /// The cost of these tokens, in US dollars.
    pub fn cost(&self, counts: &AgentCounts) -> Decimal {
        let written_1h = counts.cache_write_1h.min(counts.cache_write);
        [
            (counts.uncached_input, self.input),
            (counts.output_tokens, self.output),
            (counts.cache_read, self.cache_read),
            (counts.cache_write - written_1h, self.cache_write),
            (written_1h, self.cache_write_1h),
        ]
        .into_iter()
        .map(|(tokens, price)| Decimal::from_f64(price).times(tokens))
        .sum()
    }
}

/// The name of a model without the parts that differ between providers: where it is hosted, its
/// date and its revision.
fn canonical_name(model: &str) -> String {
    let lower = model.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let name = name.split(['@', ':']).next().unwrap_or_default();
    // Bedrock prefixes region and maker: `us.anthropic.claude-…`.
    let is_maker = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut name = name;
    while let Some((first, rest)) = name.split_once('.')
        && is_maker(first)
    {
        name = rest;
    }
    let mut parts: Vec<&str> = name.split(['-', '.']).collect();
    let is_date = |part: &str| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit());
    while let Some(last) = parts.last()
        && parts.len() > 1
        && (is_date(last) || ["latest", "default", "v1", "v2"].contains(last))
    {
        parts.pop();
    }
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "sample_spec": {"input_cost_per_token": "a price", "max_tokens": "a number"},
        "claude-sonnet-4-5": {"input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6,
            "cache_read_input_token_cost": 3e-7, "cache_creation_input_token_cost": 3.75e-6,
            "cache_creation_input_token_cost_above_1hr": 6e-6, "mode": "chat"},
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0": {"input_cost_per_token": 9, "output_cost_per_token": 9},
        "vertex_ai/claude-opus-4-7@default": {"input_cost_per_token": 5e-6, "output_cost_per_token": 25e-6},
        "embedding": {"input_cost_per_token": 1e-7}
    }"#;

    #[test]
    fn finds_a_model_by_exact_name_or_without_provider_and_date() {
        let prices = Prices::parse(FILE, "prices.json".to_owned()).expect("good");
        let input = |model: &str| prices.price_of(model).map(|price| price.input);
        assert_eq!(input("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), Some(9.0));
        for model in [
            "claude-sonnet-4-5",
            "claude-sonnet-4-5-20250929",
            "Claude-Sonnet-4.5",
            "anthropic/claude-sonnet-4-5@20250929",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ] {
            assert_eq!(input(model), Some(3e-6), "{model}");
        }
        assert_eq!(input("claude-opus-4-7@default"), Some(5e-6));
        assert_eq!((input("claude-sonnet-4"), input("embedding"), input("(none)")), (None, None, None));
        assert!(Prices::parse("[]", String::new()).is_err() && Prices::parse("{}", String::new()).is_err());
    }

    #[test]
    fn tokens_cost_by_kind() {
        let prices = Prices::parse(FILE, String::new()).expect("good");
        let counts = AgentCounts {
            uncached_input: 1_000_000,
            output_tokens: 1_000_000,
            cache_read: 1_000_000,
            cache_write: 3_000_000,
            cache_write_1h: 1_000_000,
            ..AgentCounts::default()
        };
        let cost = |model| prices.price_of(model).expect("a price").cost(&counts).as_f64();
        assert_eq!(cost("claude-sonnet-4-5"), Some(3.0 + 15.0 + 0.3 + 7.5 + 6.0));
        // Without cache prices, tokens read from and written to the cache cost as much as input.
        assert_eq!(cost("claude-opus-4-7"), Some(5.0 * 5.0 + 25.0));
    }
}
