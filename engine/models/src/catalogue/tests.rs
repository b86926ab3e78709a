use super::*;
use crate::provider::Provider;

fn price(provider: &str, model: &str) -> Price {
    facts(provider, model).and_then(|facts| facts.price).unwrap()
}

#[test]
fn dated_names_are_their_models() {
    assert_eq!(facts("anthropic", "claude-haiku-4-5-20251001"), facts("anthropic", "claude-haiku-4-5"));
    assert_eq!(facts("openai", "gpt-5-mini-2025-08-07"), facts("openai", "gpt-5-mini"));
    assert_eq!(facts("anthropic", "claude-sonnet-4-5-latest"), facts("anthropic", "claude-sonnet-4-5"));
    assert_ne!(facts("openai", "gpt-5-mini"), facts("openai", "gpt-5"));
    assert_ne!(facts("anthropic", "claude-sonnet-5-5"), facts("anthropic", "claude-sonnet-5"));
}

#[test]
fn a_name_that_only_begins_alike_is_unknown() {
    for (provider, model) in
        [("openai", "gpt-5-codex"), ("openai", "gpt-5.9"), ("openai", "gpt"), ("mine", "gpt-5"), ("openai", "")]
    {
        assert_eq!(facts(provider, model), None, "{provider}/{model}");
    }
}

#[test]
fn openrouters_names_have_their_makers_sizes_and_no_price() {
    let direct = facts("anthropic", "claude-sonnet-5-5").unwrap();
    for name in ["anthropic/claude-sonnet-5.5", "anthropic/claude-sonnet-5-5", "anthropic/claude-sonnet-5.5:free"] {
        assert_eq!(facts("openrouter", name), Some(ModelFacts { price: None, ..direct }), "{name}");
    }
    assert_eq!(facts("openrouter", "openai/gpt-5.5").map(|facts| facts.context_window), Some(1_050_000));
    assert_eq!(facts("openrouter", "openrouter/auto"), None);
}

#[test]
fn every_default_model_with_a_price_is_known() {
    for provider in
        Provider::presets().into_iter().filter(|provider| provider.needs_key && provider.name != "openrouter")
    {
        let model = provider.default_model.unwrap();
        assert!(facts(&provider.name, &model).is_some(), "{}/{model}", provider.name);
    }
}

#[test]
fn rows_make_sense() {
    for row in TABLE {
        let [input, cached, write, output] = row.price;
        assert!(cached <= input && input <= write && input <= output && cached > 0, "{}", row.model);
        assert!(row.max_output < row.context_window, "{}", row.model);
        assert_eq!(TABLE.iter().filter(|other| (other.provider, other.model) == (row.provider, row.model)).count(), 1);
    }
}

#[test]
fn costs_are_in_millionths_of_a_dollar_and_rounded_up() {
    let sonnet = price("anthropic", "claude-sonnet-4-5");
    assert_eq!(sonnet, Price { input: 3_000_000, cached_input: 300_000, cache_write: 3_750_000, output: 15_000_000 });
    let usage = |input, cached_input, cache_write, output| TokenUsage {
        input,
        cached_input,
        cache_write,
        output,
        cost_micros: None,
    };
    assert_eq!(sonnet.cost_micros(&usage(1_000_000, 0, 0, 0)), 3_000_000);
    assert_eq!(sonnet.cost_micros(&usage(1000, 600, 100, 10)), 300 * 3 + 180 + 375 + 150);
    assert_eq!(sonnet.cost_micros(&usage(1, 1, 0, 0)), 1, "0.3 is rounded up");
    assert_eq!(sonnet.cost_micros(&usage(0, 0, 0, 0)), 0);
    assert_eq!(sonnet.cost_micros(&usage(5, 9, 9, 0)), 37, "more from the cache than in all is taken as it is said");
    assert_eq!(sonnet.cost_micros(&usage(u64::MAX, 0, 0, u64::MAX)), u64::MAX);
}
