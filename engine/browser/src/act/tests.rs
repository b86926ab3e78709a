use super::*;

fn refusal(text: &str) -> String {
    let error = Act::parse_json(text).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Invalid);
    format!("{} | {}", error.message, error.hint.unwrap_or_default())
}

#[test]
fn each_act_is_read_by_its_name_and_written_as_it_was() {
    for text in [
        r#"{"act":"open","url":"https://example.org"}"#,
        r#"{"act":"open","url":"https://example.org","new_tab":true}"#,
        r#"{"act":"back"}"#,
        r#"{"act":"forward"}"#,
        r#"{"act":"reload"}"#,
        r#"{"act":"read"}"#,
        r#"{"act":"read","format":"outline","target":"main","max_chars":10,"offset":5}"#,
        r#"{"act":"snapshot","max_nodes":50,"interactive":true}"#,
        r##"{"act":"click","target":"#a","button":"right","count":2,"modifiers":["shift"]}"##,
        r#"{"act":"fill","target":"@e1","text":"x"}"#,
        r#"{"act":"type","text":"x"}"#,
        r#"{"act":"press","keys":"Control+A"}"#,
        r#"{"act":"hover","target":"@e1"}"#,
        r#"{"act":"select","target":"@e1","values":["a"]}"#,
        r#"{"act":"check","target":"@e1","checked":false}"#,
        r#"{"act":"scroll","to":"bottom"}"#,
        r#"{"act":"upload","target":"@e1","files":["/tmp/x"]}"#,
        r#"{"act":"download","url":"https://example.org/x"}"#,
        r#"{"act":"screenshot","full":true,"format":"jpeg"}"#,
        r#"{"act":"pdf","landscape":true}"#,
        r#"{"act":"eval","script":"1 + 1"}"#,
        r#"{"act":"get","what":"attribute","target":"@e1","name":"href"}"#,
        r#"{"act":"is","target":"@e1","state":"visible"}"#,
        r#"{"act":"wait","load":"idle","deadline_ms":100}"#,
        r#"{"act":"tabs","op":"switch","tab":2}"#,
        r#"{"act":"cookies","op":"set","name":"a","value":"b","same_site":"lax"}"#,
        r#"{"act":"storage","kind":"session","op":"get","key":"a"}"#,
        r#"{"act":"dialog","policy":{"answer":"accept","text":"x"}}"#,
    ] {
        let act = Act::parse_json(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(serde_json::to_string(&act).unwrap(), text);
        assert!(text.contains(&format!("\"act\":\"{}\"", act.name())));
    }
}

#[test]
fn what_is_misspelt_is_refused() {
    assert_eq!(refusal(r#"{"act":"clik"}"#), "there is no act `clik` | did you mean `click`?");
    assert!(refusal(r#"{"act":"zzz"}"#).starts_with("there is no act `zzz` | one of open, back"));
    assert!(refusal(r#"{"act":"back","tab":1}"#).starts_with("act `back`: unknown field `tab`"));
    let error = refusal(r#"{"act":"open","ulr":"x"}"#);
    assert!(error.starts_with("act `open`: unknown field `ulr`, expected one of `url`, `new_tab`, `until`"), "{error}");
    assert!(refusal(r#"{"act":"click"}"#).starts_with("act `click`: missing field `target`"));
    assert!(refusal(r#"{"act":"click","target":"@x"}"#).starts_with("act `click`: `@x` is no reference"));
    assert!(refusal("{").starts_with("an act has to be JSON"));
    assert!(refusal("[]").starts_with("an act has to be an object"));
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (text, message) in [
        (r#"{"act":"wait"}"#, "act `wait`: 0 conditions are given"),
        (r#"{"act":"wait","text":"a","url":"b"}"#, "act `wait`: 2 conditions are given"),
        (r#"{"act":"download"}"#, "act `download`: exactly one of `target` and `url`"),
        (r#"{"act":"scroll"}"#, "act `scroll`: it is not said where to"),
        (r#"{"act":"get","what":"value"}"#, "act `get`: it is not said of which element"),
        (r#"{"act":"get","what":"attribute","target":"a"}"#, "act `get`: `name` is for `what: attribute`"),
        (r#"{"act":"tabs","op":"switch"}"#, "act `tabs`: it is not said which tab"),
        (r#"{"act":"cookies","op":"set","name":"a"}"#, "act `cookies`: a cookie needs `name` and `value`"),
        (r##"{"act":"click","target":"a","count":9}"##, "act `click`: count is 9"),
    ] {
        assert!(refusal(text).starts_with(message), "{text}: {}", refusal(text));
    }
}

#[test]
fn looking_changes_nothing_and_a_script_may() {
    let changes = |text: &str| Act::parse_json(text).unwrap().changes();
    assert!(!changes(r#"{"act":"snapshot"}"#));
    assert!(!changes(r#"{"act":"cookies"}"#));
    assert!(!changes(r#"{"act":"wait","text":"a"}"#));
    assert!(changes(r#"{"act":"wait","script":"f()"}"#));
    assert!(changes(r#"{"act":"eval","script":"1"}"#));
    assert!(changes(r#"{"act":"storage","op":"clear"}"#));
    assert!(changes(r#"{"act":"hover","target":"a"}"#));
}

#[test]
fn the_schema_names_every_act() {
    let schema = serde_json::to_string(&schemars::schema_for!(Act)).unwrap();
    for name in NAMES {
        assert!(schema.contains(&format!("\"const\":\"{name}\"")), "{name}");
    }
}
