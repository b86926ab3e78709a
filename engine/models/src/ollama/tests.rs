use super::*;

#[test]
fn capabilities_decide_and_without_them_the_name() {
    let embedder = json!({"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}});
    let chatter = json!({"name": "llama3.2:3b", "details": {"family": "llama"}});
    assert!(!can_chat(&chatter, &json!({"capabilities": ["embedding"]})));
    assert!(can_chat(&embedder, &json!({"capabilities": ["completion", "tools"]})));
    assert!(!can_chat(&embedder, &json!({})));
    assert!(can_chat(&chatter, &json!({})));
}
