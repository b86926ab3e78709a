//! Tools of who asks: the model asks for them, and who asks calls them.

use serde_json::json;

use super::*;
use crate::protocol::{MessageChoice, MessageInput, ToolInput};

/// Asks for `add` until there is a result, which it repeats.
fn adding(asked: &Asked) -> Scripted {
    let body = asked.json();
    let last = body["messages"].as_array().and_then(|messages| messages.last()).cloned().unwrap_or_default();
    if last["role"] == "tool" {
        return openai::stream("scripted", &["It is ", last["content"].as_str().unwrap_or_default()]);
    }
    Scripted::sse(200)
        .send(openai::tool_call_chunk(Some(0), Some("call_7"), Some("add"), "{\"a\": 1}"))
        .send(openai::finish("tool_calls"))
        .send(openai::usage(7, 3))
        .send(openai::DONE)
}

fn tool(name: &str) -> ToolInput {
    let parameters = json!({"type": "object", "properties": {"a": {"type": "number"}}}).to_string();
    ToolInput { name: name.to_owned(), description: "adds".to_owned(), parameters }
}

fn with_tools(text: &str, run: u128) -> Asking {
    Asking { tools: vec![tool("add")], ..asking(text, run) }
}

#[test]
fn a_call_is_the_answer_and_its_result_is_asked_on() {
    let story = Story::new(adding);
    let (_, answered) = story.ask(with_tools("What is 1 + 2?", 1)).expect("it is answered");
    assert_eq!(answered.answer, "");
    assert_eq!((answered.tool_calls[0].id.as_str(), answered.tool_calls[0].name.as_str()), ("call_7", "add"));
    let offered = story.server.requests()[0].json();
    assert_eq!(offered["tools"][0]["function"]["name"], "add", "{offered}");

    let result = MessageInput {
        id: MessageChoice::Id(77),
        parent: None,
        role: Role::Tool,
        content: "3".to_owned(),
        author: None,
        tool_calls: Vec::new(),
        tool_call_id: Some("call_7".to_owned()),
        meta: None,
        occurred_at: None,
        selected: true,
    };
    let added = Request::AddMessages { actor: Actor::Client, conversation: choice(), messages: vec![result] };
    story.put(added).expect("it is added");
    let question = Question::Again { question: Some(MessageId(77).to_string()) };
    let (_, answered) = story.ask(Asking { question, ..with_tools("", 2) }).expect("it is answered");
    assert_eq!(answered.answer, "It is 3");
    let told = story.server.requests()[1].json();
    let messages = told["messages"].as_array().expect("a list");
    let [.., call, result] = messages.as_slice() else { panic!("{told}") };
    assert_eq!((&call["tool_calls"][0]["id"], &result["tool_call_id"]), (&json!("call_7"), &json!("call_7")));
    assert_eq!(
        story.branch("talk"),
        ["User: What is 1 + 2?", "Assistant: ", "Tool: 3", "Assistant: It is 3"].map(str::to_owned)
    );
}

#[test]
fn tools_that_are_none_are_refused_before_anything_is_recorded() {
    let story = Story::new(adding);
    let bad = |tools: Vec<ToolInput>| story.ask(Asking { tools, ..asking("x", 1) }).expect_err("refused").message;
    assert!(bad(vec![tool("a b")]).contains("letters, digits"));
    assert!(bad(vec![tool("a"), tool("a")]).contains("two of that name"));
    assert!(bad(vec![ToolInput { parameters: "[]".to_owned(), ..tool("a") }]).contains("no JSON Schema"));
    assert_eq!(story.kinds(), Vec::<&str>::new());
}

#[test]
fn a_question_behind_a_message_is_a_branch_of_its_own() {
    let story = Story::new(|asked: &Asked| openai::stream("scripted", &[&format!("answer {}", asked.number)]));
    let (_, first) = story.ask(asking("one", 1)).expect("it is answered");
    story.ask(asking("two", 2)).expect("it is answered");
    let question = Question::Behind { message: first.message, text: "three".to_owned(), files: Vec::new() };
    story.ask(Asking { question, ..asking("", 3) }).expect("it is answered");
    assert_eq!(
        story.branch("talk"),
        ["User: one", "Assistant: answer 0", "User: three", "Assistant: answer 2"].map(str::to_owned)
    );
    let question = Question::Behind { message: MessageId(9).to_string(), text: "four".to_owned(), files: Vec::new() };
    let failure = story.ask(Asking { question, ..asking("", 4) }).expect_err("there is no such message");
    assert_eq!(failure.kind, FailureKind::NotFound);
}
