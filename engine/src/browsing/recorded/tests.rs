//! What is written down of acts, and what is not.

use super::*;
use serde_json::json;

fn check(given: Value, is_secret: bool, expected: &str) {
    let act = Act::from_value(given).expect("it is an act");
    assert_eq!(super::act(&act, is_secret), expected);
}

#[test]
fn secrets_are_left_out_and_the_rest_is_not() {
    let fill = json!({"act": "fill", "target": "#a", "text": "hunter2"});
    check(fill.clone(), false, r##"{"act":"fill","target":"#a","text":"hunter2"}"##);
    check(fill, true, r##"{"act":"fill","target":"#a","text":"[left out]"}"##);
    check(
        json!({"act": "storage", "op": "set", "key": "token", "value": "s3cret"}),
        false,
        r#"{"act":"storage","op":"set","key":"token","value":"[left out]"}"#,
    );
    let cookie = Act::from_value(
        json!({"act": "cookies", "op": "set", "name": "sid", "value": "s3cret", "url": "https://a.b/"}),
    );
    assert!(!super::act(&cookie.expect("it is an act"), false).contains("s3cret"));
}

#[test]
fn values_of_cookies_and_storage_are_left_out_of_what_was_given() {
    let act = |value: Value| Act::from_value(value).expect("it is an act");
    let cookies = json!([{"name": "sid", "value": "s3cret", "domain": "a.b"}]);
    let (value, text) = given(&act(json!({"act": "cookies"})), &cookies, Some("sid=s3cret"));
    assert_eq!((value.as_deref(), text), (Some(r#"[{"name":"sid","value":"[left out]","domain":"a.b"}]"#), None));
    let stored = given(&act(json!({"act": "storage"})), &json!({"token": "s3cret"}), Some("token: s3cret"));
    assert_eq!(stored, (None, None));
    let read = given(&act(json!({"act": "get", "what": "title"})), &json!("Home"), Some("Home"));
    assert_eq!(read, (Some("\"Home\"".to_owned()), Some("Home".to_owned())));
}

#[test]
fn notes_are_sentences() {
    let dialog = Note::Dialog { kind: "confirm".to_owned(), message: "sure?".to_owned(), accepted: false, text: None };
    assert_eq!(note(&dialog), "a dialog (confirm) was dismissed: sure?");
    let blocked = Note::Blocked { url: "10.0.0.1:80".to_owned(), reason: "private".to_owned() };
    assert_eq!(note(&blocked), "10.0.0.1:80 was refused: private");
}
