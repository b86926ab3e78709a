use super::*;
use crate::chat::ToolSpec;
use crate::provider::Dialect;

fn sent(request: &ChatRequest) -> Value {
    let provider = Provider::custom("mine", Dialect::OpenAi, "https://host/v1").unwrap();
    body(&provider, request, None, Adjustments::default())
}

fn request(messages: Vec<ChatMessage>) -> ChatRequest {
    ChatRequest { model: "m".to_string(), messages, ..ChatRequest::default() }
}

fn picture() -> Part {
    Part::Image { media_type: "image/png".to_string(), bytes: vec![0] }
}

fn answer(id: &str, parts: Vec<Part>) -> ChatMessage {
    ChatMessage { role: Role::Tool, parts, tool_calls: Vec::new(), tool_call_id: Some(id.to_string()) }
}

#[test]
fn pictures_of_tools_follow_once_all_answers_are_through() {
    let text = |text: &str| Part::Text(text.to_string());
    let messages = vec![
        answer("a", vec![text("one"), picture()]),
        answer("b", vec![text("two")]),
        ChatMessage::text(Role::Assistant, "I see."),
        answer("c", vec![picture()]),
    ];
    let body = sent(&request(messages));
    let roles: Vec<&str> =
        body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["tool", "tool", "user", "assistant", "tool", "user"]);
    assert_eq!(body["messages"][0]["content"], "one");
    assert_eq!(body["messages"][2]["content"][0]["type"], "image_url");
}

#[test]
fn what_is_not_asked_for_is_not_sent() {
    let body = sent(&request(vec![ChatMessage::text(Role::User, "hello")]));
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["model", "messages", "stream", "stream_options"]);
    assert_eq!(body["messages"], json!([{"role": "user", "content": "hello"}]));
}

#[test]
fn temperatures_are_written_as_they_were_meant() {
    assert_eq!(rounded(0.7).to_string(), "0.7");
    assert_eq!(rounded(0.0).to_string(), "0.0");
    assert_eq!(rounded(f32::NAN), Value::Null);
}

#[test]
fn what_is_known_of_a_model_is_done_at_once_and_only_where_it_matters() {
    let openai = Provider::preset("openai").unwrap();
    let tool = ToolSpec { name: "t".to_string(), description: String::new(), parameters: json!({}) };
    let plain = request(vec![ChatMessage::text(Role::User, "hello")]);
    let with_tools = ChatRequest { tools: vec![tool], ..plain.clone() };
    let effort = |model: &str, request: &ChatRequest| {
        body(&openai, request, None, Adjustments::expected(&openai, model)).get("reasoning_effort").cloned()
    };
    assert_eq!(effort("gpt-6-luna", &with_tools), Some(json!("none")));
    assert_eq!(effort("gpt-6-luna", &plain), None);
    assert_eq!(effort("gpt-5-mini", &with_tools), None);
    let anthropic = Provider::preset("anthropic").unwrap();
    assert!(Adjustments::expected(&anthropic, "claude-sonnet-5-5").asks_in_words());
    assert!(!Adjustments::expected(&anthropic, "claude-haiku-4-5").asks_in_words());
}
