//! Zo's own interface.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Served;

fn with_a_memory() -> Served {
    let served = Served::new();
    served.post("/api/v1/memorize", &json!({"items": [{"content": "The bakery opens at seven"}]}));
    served
}

#[test]
fn the_request_of_zoclones_agent_manager_works_unchanged() {
    let served = with_a_memory();
    let body = json!({"input": "When does the bakery open?", "model_name": "some-unknown"});
    let request = served
        .client
        .post(format!("{}/zo/ask", served.url))
        .header("authorization", served.token("ask"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let (status, json) = served.send(request);
    assert_eq!(status, StatusCode::OK, "{json}");
    assert!(json["output"].as_str().is_some_and(|output| output.contains("seven")), "{json}");
    assert_eq!(json["model"], "offline");
    assert!(json["note"].as_str().is_some_and(|note| note.contains("\"some-unknown\" is no model")), "{json}");
}

#[test]
fn a_conversation_goes_on() {
    let served = with_a_memory();
    let (_, first) = served.post("/zo/ask", &json!({"input": "When does the bakery open?"}));
    assert!(first.get("note").is_none(), "{first}");
    let id = first["conversation_id"].as_str().expect("an id");
    let (_, second) = served.post("/zo/ask", &json!({"input": "And the bakery?", "conversation_id": id}));
    assert_eq!(second["conversation_id"], id);
    let (_, shown) = served.get(&format!("/api/v1/query/conversation?reference={id}"));
    assert_eq!(shown["conversation"]["total"], 4, "{shown}");
    let (status, json) = served.post("/zo/ask", &json!({"input": "?", "conversation_id": "none"}));
    assert_eq!(status, StatusCode::NOT_FOUND, "{json}");
}

#[test]
fn an_answer_comes_in_zos_events() {
    let served = with_a_memory();
    let body = json!({"input": "When does the bakery open?", "stream": true});
    let (conversation, text) = served.runtime.block_on(async {
        let request = served.as_("ask", &Method::POST, "/zo/ask").json(&body);
        let response = request.send().await.expect("answered");
        let conversation = response.headers()["x-conversation-id"].to_str().expect("a text").to_owned();
        (conversation, response.text().await.expect("a text"))
    });
    let events: Vec<(&str, Value)> = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("event: ")?.split_once("\ndata: "))
        .map(|(name, data)| (name, serde_json::from_str(data).expect("JSON")))
        .collect();
    let (name, end) = events.last().expect("there are some");
    assert_eq!((*name, end["conversation_id"].as_str()), ("End", Some(conversation.as_str())), "{text}");
    let pieces: String = events
        .iter()
        .filter(|(name, _)| *name == "FrontendModelResponse")
        .filter_map(|(_, data)| data["content"].as_str())
        .collect();
    assert_eq!(end["output"], pieces.as_str(), "{text}");
}

#[test]
fn models_that_can_be_asked_for_are_listed() {
    let served = Served::new();
    let (status, json) = served.send(served.as_("ask", &Method::GET, "/models/available"));
    assert_eq!(status, StatusCode::OK);
    let names: Vec<&str> =
        json["models"].as_array().expect("a list").iter().filter_map(|model| model["model_name"].as_str()).collect();
    assert_eq!(names, ["zo", "zo/agent", "offline"]);
}

#[test]
fn bad_questions_are_refused() {
    let served = Served::new();
    for (body, expected) in [
        (json!({}), "missing field `input`"),
        (json!({"input": 7}), "input: invalid type"),
        (json!({"input": "x", "output_format": {"type": "object"}}), "`offline`"),
        (json!({"input": "x", "stream": "yes"}), "stream: invalid type"),
    ] {
        let (status, json) = served.post("/zo/ask", &body);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {json}");
        assert!(json["error"]["message"].as_str().is_some_and(|message| message.contains(expected)), "{json}");
    }
}
