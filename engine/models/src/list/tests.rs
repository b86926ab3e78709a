use serde_json::json;

use super::*;

#[test]
fn lists_of_all_providers_are_read() {
    let openrouter = json!({"data": [{"id": "a/b", "name": "B", "context_length": 131072, "description": "A model."}]});
    let groq =
        json!({"object": "list", "data": [{"id": "llama", "context_window": 8192, "active": true}, {"no": "id"}]});
    let together = json!([{"id": "x", "display_name": "X", "context_length": 0}]);
    let anthropic = json!({"data": [{"type": "model", "id": "claude", "display_name": "Claude"}], "has_more": false});
    let read = |value: &Value| {
        let line = |model: ModelInfo| format!("{} {:?} {:?}", model.id, model.context_window, model.description);
        parse(value).unwrap().into_iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(read(&openrouter), [r#"a/b Some(131072) Some("A model.")"#]);
    assert_eq!(read(&groq), ["llama Some(8192) None"]);
    assert_eq!(read(&together), [r#"x None Some("X")"#]);
    assert_eq!(read(&anthropic), [r#"claude None Some("Claude")"#]);
    assert_eq!(read(&json!({"object": "list", "data": null})), Vec::<String>::new());
}

#[test]
fn what_is_no_list_is_said_to_be_none() {
    assert_eq!(parse(&json!({"hello": 1})).unwrap_err().text, r#"200, but no list of models: "{\"hello\":1}""#);
}
