use super::*;

fn message(role: Role, text: &str) -> ChatMessage {
    ChatMessage::text(role, text)
}

#[test]
fn an_answer_that_is_to_be_continued_ends_without_white_space() {
    let sent = messages(&[message(Role::User, "count "), message(Role::Assistant, "one, two, \n")]);
    assert_eq!(sent[0]["content"][0]["text"], "count ");
    assert_eq!(sent[1]["content"][0]["text"], "one, two,");
}

#[test]
fn arguments_are_an_object_whatever_a_model_wrote() {
    assert_eq!(input("{\"a\":1}"), json!({"a": 1}));
    assert_eq!(input(""), json!({}));
    assert_eq!(input("[1]"), json!({"arguments": [1]}));
    assert_eq!(input("{\"a\":"), json!({"arguments": "{\"a\":"}));
}

#[test]
fn ids_have_only_characters_that_are_allowed() {
    assert_eq!(tool_id("functions.look:0"), "functions_look_0");
    assert_eq!(tool_id("toolu_1-a"), "toolu_1-a");
    assert_eq!(tool_id(""), "call");
}

#[test]
fn answers_of_tools_stand_before_what_else_the_user_says() {
    let answer = ChatMessage { tool_call_id: Some("a".to_string()), ..message(Role::Tool, "42") };
    let sent = messages(&[message(Role::User, "q"), message(Role::Assistant, "x"), message(Role::User, "and"), answer]);
    assert_eq!(sent.as_array().unwrap().len(), 3);
    assert_eq!(sent[2]["content"][0]["type"], "tool_result");
    assert_eq!(sent[2]["content"][1]["text"], "and");
}

#[test]
fn a_turn_of_nothing_but_white_space_is_left_out() {
    let sent = messages(&[message(Role::User, "a"), message(Role::Assistant, " \n"), message(Role::User, "b")]);
    assert_eq!(
        sent,
        json!([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}])
    );
}
