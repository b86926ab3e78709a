//! What agents' acts are called, and what doing them twice does.

use super::*;

fn check(arguments: &str, effect: Effect, expected: &str) {
    let tool: BrowseAct = serde_json::from_str(arguments).expect("they are arguments");
    assert_eq!(tool.effect(), effect, "{arguments}");
    let said = tool.subject().map_or_else(|error| error, |subject| subject.to_string());
    assert_eq!(said, expected, "{arguments}");
}

#[test]
fn an_act_is_named_by_its_words() {
    check(r#"{"act": "click", "target": "@e12"}"#, Effect::Once, "click @e12");
    check(r#"{"act": "fill", "target": "label=Name", "text": "Ada"}"#, Effect::Idempotent, "fill label=Name Ada");
    check(r#"{"act": "press", "keys": "Enter"}"#, Effect::Once, "press Enter");
    check(r#"{"act": "wait", "text": "Done"}"#, Effect::Pure, "wait Done");
}

#[test]
fn what_does_not_fit_together_is_said_before_anybody_is_asked() {
    let tool: BrowseAct = serde_json::from_str(r#"{"act": "click"}"#).expect("they are arguments");
    assert!(tool.subject().is_err_and(|error| error.contains("target")));
    assert!(serde_json::from_str::<BrowseAct>(r#"{"act": "eval", "text": "1"}"#).is_err());
}

#[test]
fn an_address_is_named_as_it_is_requested() {
    let tool: BrowseOpen = serde_json::from_str(r#"{"url": "HTTPS://Example.org"}"#).expect("they are arguments");
    assert_eq!(tool.subject().map(|subject| subject.to_string()), Ok("https://example.org/".to_owned()));
}
