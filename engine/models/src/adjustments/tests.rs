use serde_json::json;

use super::*;
use crate::chat::ToolSpec;

#[test]
fn refusals_change_one_thing_at_a_time_and_each_once() {
    let tool = ToolSpec { name: "t".to_string(), description: String::new(), parameters: json!({}) };
    let request = ChatRequest {
        tools: vec![tool],
        schema: Some(json!({})),
        max_output_tokens: Some(1),
        temperature: Some(1.0),
        ..ChatRequest::default()
    };
    let refusal = "stream_options max_completion_tokens temperature reasoning_effort response_format: Invalid schema";
    let mut adjustments = Adjustments::default();
    let mut changes = 0;
    while let Some(next) = adjustments.after_refusal(refusal, &request) {
        assert_ne!(next, adjustments);
        adjustments = next;
        changes += 1;
        assert!(changes <= 6, "it ends");
    }
    assert_eq!(changes, 6);
    assert_eq!(Adjustments::default().after_refusal("temperature", &ChatRequest::default()), None);
}
