use super::*;

const NAMES: [&str; 6] = [
    "gpt-5",
    "gpt-5-mini",
    "gpt-5-mini-2025-08-07",
    "text-embedding-3-small",
    "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "o3",
];

fn suggest(wanted: &str) -> Option<String> {
    did_you_mean(wanted, NAMES.into_iter())
}

#[test]
fn near_names_are_suggested_best_first() {
    assert_eq!(suggest("gpt-5-mni").as_deref(), Some("did you mean gpt-5-mini?"));
    assert_eq!(suggest("gtp-5").as_deref(), Some("did you mean gpt-5?"));
    assert_eq!(suggest("GPT-5-Mini").as_deref(), Some("did you mean gpt-5-mini or gpt-5-mini-2025-08-07?"));
    assert_eq!(
        suggest("llama-3.3-70b-instruct").as_deref(),
        Some("did you mean meta-llama/Llama-3.3-70B-Instruct-Turbo?")
    );
}

#[test]
fn nothing_is_suggested_where_nothing_is_near() {
    assert_eq!(suggest("claude-sonnet-4-5"), None);
    assert_eq!(did_you_mean("x", std::iter::empty()), None);
}
