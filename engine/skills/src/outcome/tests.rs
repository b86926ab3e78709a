use serde_json::json;

use super::*;

#[test]
fn what_is_json_is_json_and_what_is_not_says_so() {
    assert_eq!(result_of(b" {\"a\": [1]}\n"), ScriptResult::Json { value: json!({"a": [1]}) });
    assert_eq!(result_of(b"null"), ScriptResult::Json { value: Value::Null });
    assert_eq!(result_of(b" \n"), ScriptResult::Nothing);
    let ScriptResult::Text { text, why } = result_of(b"done: 3 files\xff\n") else { panic!("no text") };
    assert_eq!(text, "done: 3 files\u{fffd}\n");
    assert!(why.starts_with("not JSON"), "{why}");
    let ScriptResult::Text { why, .. } = result_of(b"{\"a\":1}\n{\"a\":2}") else { panic!("no text") };
    assert!(why.contains("trailing characters"), "{why}");
    let deep = "[".repeat(100_000);
    assert!(matches!(result_of(deep.as_bytes()), ScriptResult::Text { .. }));
    let large = vec![b'1'; MAX_RESULT_BYTES + 1];
    let ScriptResult::Text { why, .. } = result_of(&large) else { panic!("no text") };
    assert!(why.contains("at most 8388608"), "{why}");
}
