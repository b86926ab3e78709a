//! OpenAI's interface, with a model that says what it is told to.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use zo_http::HttpOptions;
use zo_model_server::{ModelServer, Response, openai, talking};

use crate::support::{Served, options};

/// A workspace whose model `near/scripted` answers with a script.
fn with_model(script: impl Fn(&zo_model_server::Request) -> Response + Send + Sync + 'static) -> (Served, ModelServer) {
    let server = ModelServer::start(script);
    let served = Served::with(HttpOptions { aliases: vec![("gpt-4o".into(), "near/scripted".into())], ..options() });
    let provider = json!({"name": "near", "dialect": "openai", "base_url": format!("{}/v1", server.url())});
    assert_eq!(served.post("/api/v1/add_provider", &provider).0, StatusCode::OK);
    (served, server)
}

fn ask(served: &Served, messages: &Value) -> (StatusCode, Value) {
    let body = json!({"model": "near/scripted", "messages": messages});
    served.send(served.as_("ask", &Method::POST, "/v1/chat/completions").json(&body))
}

/// How many conversations there are, and how many messages they have.
fn counted(served: &Served) -> Vec<u64> {
    let (_, json) = served.get("/api/v1/query/conversations");
    let conversations = json["conversations"]["conversations"].as_array().expect("a list");
    conversations.iter().map(|line| line["messages"].as_u64().expect("a number")).collect()
}

#[test]
fn a_question_is_answered_in_openais_shape() {
    let (served, _server) = with_model(talking(|question| format!("You said: {question}")));
    let (status, json) = ask(&served, &json!([{"role": "user", "content": "hi there"}]));
    assert_eq!(status, StatusCode::OK, "{json}");
    assert_eq!(json["object"], "chat.completion");
    assert_eq!(json["choices"][0]["message"]["content"], "You said: hi there");
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    assert_eq!(json["model"], "near/scripted");
    assert!(json["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{json}");
    assert!(json["id"].as_str().is_some_and(|id| id.starts_with("chatcmpl-01")), "{json}");
}

#[test]
fn only_what_is_new_is_added_to_a_known_conversation() {
    let (served, _server) = with_model(talking(|question| format!("on {question}")));
    let first = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one"}]);
    ask(&served, &first);
    assert_eq!(counted(&served), [2]);
    let second = json!([
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "on one"},
        {"role": "user", "content": "two"},
    ]);
    let (_, json) = ask(&served, &second);
    assert_eq!(json["choices"][0]["message"]["content"], "on two");
    assert_eq!(counted(&served), [4], "a question and its answer are new");

    ask(&served, &second);
    assert_eq!(counted(&served), [6], "the same once more is a branch beside it");

    let unknown = json!([
        {"role": "user", "content": "from elsewhere"},
        {"role": "assistant", "content": "indeed"},
        {"role": "user", "content": "three"},
    ]);
    ask(&served, &unknown);
    assert_eq!(counted(&served), [4, 6], "what is not known begins another conversation");
    ask(&served, &json!([{"role": "user", "content": "one"}]));
    assert_eq!(counted(&served), [2, 4, 6], "so does a first question, even if another one was alike");
}

#[test]
fn a_conversation_is_known_again_after_a_restart() {
    let (mut served, _server) = with_model(talking(|question| format!("on {question}")));
    ask(&served, &json!([{"role": "user", "content": "one"}]));
    served.http.take().expect("it runs").stop();
    let http = zo_http::Http::start(served.engine.clone(), options()).expect("it starts");
    served.url = format!("http://{}", http.local_addr());
    served.http = Some(http);
    ask(
        &served,
        &json!([
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "on one"},
            {"role": "user", "content": "two"},
        ]),
    );
    assert_eq!(counted(&served), [4]);
}

#[test]
fn what_is_remembered_is_told_to_the_model() {
    let (served, server) = with_model(talking(|_| "seven".to_owned()));
    served.post("/api/v1/memorize", &json!({"items": [{"content": "The bakery opens at seven"}]}));
    ask(&served, &json!([{"role": "user", "content": "When does the bakery open?"}]));
    let sent = server.requests().last().expect("it was asked").json();
    assert!(sent.to_string().contains("The bakery opens at seven"), "{sent}");
}

#[test]
fn an_answer_comes_piece_by_piece() {
    let (served, _server) = with_model(talking(|_| "a b c".to_owned()));
    let body = json!({
        "model": "gpt-4o", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "count"}],
    });
    let text = served.text(served.as_("ask", &Method::POST, "/v1/chat/completions").json(&body));
    let chunks: Vec<Value> = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "a b c");
    let last = chunks.last().expect("there are some");
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["completion_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{last}");
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
}

/// Asks for the tool `add` until there is a result of it.
fn adding(request: &zo_model_server::Request) -> Response {
    let body = request.json();
    let last = body["messages"].as_array().and_then(|messages| messages.last()).cloned().unwrap_or_default();
    if last["role"] == "tool" {
        return openai::stream("scripted", &[&format!("It is {}", last["content"].as_str().unwrap_or_default())]);
    }
    assert_eq!(body["tools"][0]["function"]["name"], "add", "{body}");
    Response::sse(200)
        .send(openai::tool_call_chunk(Some(0), Some("call_7"), Some("add"), "{\"a\": 1, \"b\": 2}"))
        .send(openai::finish("tool_calls"))
        .send(openai::usage(7, 3))
        .send(openai::DONE)
}

#[test]
fn tools_of_the_client_are_passed_on_and_their_results_come_back() {
    let (served, _server) = with_model(adding);
    let parameters = json!({"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}});
    let tools =
        json!([{"type": "function", "function": {"name": "add", "description": "adds", "parameters": parameters}}]);
    let ask = |messages: &Value| {
        let body = json!({"model": "near/scripted", "messages": messages, "tools": tools});
        served.send(served.as_("ask", &Method::POST, "/v1/chat/completions").json(&body)).1
    };
    let question = json!({"role": "user", "content": "What is 1 + 2?"});
    let json = ask(&json!([question]));
    let choice = &json["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls", "{json}");
    assert_eq!(choice["message"]["content"], Value::Null);
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!((&call["id"], &call["function"]["name"]), (&json!("call_7"), &json!("add")));
    let result = json!({"role": "tool", "tool_call_id": "call_7", "content": "3"});
    let json = ask(&json!([question, choice["message"], result]));
    assert_eq!(json["choices"][0]["message"]["content"], "It is 3", "{json}");
    assert_eq!(counted(&served), [4], "the question, the call, its result and the answer");
    let both = json!({"model": "zo/agent", "messages": [question], "tools": tools});
    let (status, json) = served.post("/v1/chat/completions", &both);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{json}");
}

#[test]
fn an_answer_can_be_json_of_a_schema() {
    let (served, _server) = with_model(talking(|_| "{\"n\": 3}".to_owned()));
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let body = json!({
        "model": "near/scripted", "messages": [{"role": "user", "content": "count"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    });
    let (status, json) = served.post("/v1/chat/completions", &body);
    assert_eq!(status, StatusCode::OK, "{json}");
    let content = json["choices"][0]["message"]["content"].as_str().expect("a text");
    assert_eq!(serde_json::from_str::<Value>(content).expect("JSON"), json!({"n": 3}));
}

#[test]
fn an_unknown_model_is_the_default_and_that_is_said() {
    let served = Served::new();
    let body = json!({"model": "gpt-9", "messages": [{"role": "user", "content": "hi"}]});
    let (status, json) = served.post("/v1/chat/completions", &body);
    assert_eq!(status, StatusCode::OK, "{json}");
    assert_eq!(json["model"], "offline");
    assert!(json["note"].as_str().is_some_and(|note| note.contains("gpt-9")), "{json}");
}

#[test]
fn texts_become_vectors() {
    let served = Served::new();
    let embed = |body: &Value| served.send(served.as_("read", &Method::POST, "/v1/embeddings").json(body));
    let (status, json) = embed(&json!({"model": "any", "input": ["a cat", "a kitten", "the stock market"]}));
    assert_eq!(status, StatusCode::OK, "{json}");
    let vectors: Vec<Vec<f64>> = json["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["embedding"].as_array().expect("a vector").iter().filter_map(Value::as_f64).collect())
        .collect();
    let cosine = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]) + 0.2);
    let (_, encoded) = embed(&json!({"input": "a cat", "encoding_format": "base64"}));
    let bytes = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        encoded["data"][0]["embedding"].as_str().expect("a text"),
    )
    .expect("base64");
    let first = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    assert!((f64::from(first) - vectors[0][0]).abs() < 1e-3, "{first} {}", vectors[0][0]);
    assert_eq!(bytes.len(), vectors[0].len() * 4);
    for bad in [
        json!({}),
        json!({"input": []}),
        json!({"input": " "}),
        json!({"input": 7}),
        json!({"input": "x", "dimensions": 3}),
    ] {
        let (status, json) = embed(&bad);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}: {json}");
    }
}

#[test]
fn models_are_listed_and_shown() {
    let served = Served::new();
    let (_, json) = served.get("/v1/models");
    assert_eq!((&json["object"], &json["data"][0]["id"]), (&json!("list"), &json!("zo")));
    assert_eq!(served.get("/v1/models/zo/agent").1["id"], "zo/agent");
    assert_eq!(served.get("/v1/models/none").0, StatusCode::NOT_FOUND);
}

#[test]
fn problems_have_openais_shape() {
    let served = Arc::new(Served::new());
    let url = format!("{}/v1/models", served.url);
    let (status, json) = served.send(served.client.get(url));
    assert_eq!((status, &json["error"]["type"]), (StatusCode::UNAUTHORIZED, &json!("authentication_error")));
    for (body, message) in [
        (json!({"messages": []}), "nothing is asked"),
        (json!({"model": "zo"}), "missing field `messages`"),
        (json!({"messages": [{"role": "robot", "content": ""}]}), "messages[0]"),
        (json!({"messages": [{"role": "user", "content": "x"}], "n": 2}), "n: one answer"),
    ] {
        let (status, json) = served.post("/v1/chat/completions", &body);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{json}");
        let told = json["error"]["message"].as_str().unwrap_or_default();
        assert!(told.contains(message) && json["error"]["type"] == "invalid_request_error", "{json}");
    }
}
