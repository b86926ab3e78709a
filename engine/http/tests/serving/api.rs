//! The protocol over HTTP.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Served;

#[test]
fn what_is_memorized_is_found_again() {
    let served = Served::new();
    let items = json!({"items": [{"id": "port", "content": "Postgres listens on 5433", "meta": {"topic": "db"}}]});
    let (status, json) = served.post("/api/v1/memorize", &items);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(json["acknowledged"][0]["id"], "port", "{json}");

    let (status, json) = served.get("/api/v1/query/memories?limit=5");
    assert_eq!(status, StatusCode::OK, "{json}");
    let memory = &json["memories"]["memories"][0];
    assert_eq!((&memory["content"], &memory["meta"]), (&json!("Postgres listens on 5433"), &json!({"topic": "db"})));
    let (_, same) = served.post("/api/v1/query/memories", &json!({"limit": 5}));
    assert_eq!(json, same, "by address and by body alike");
    let (_, before) = served.get("/api/v1/query/memories?limit=5&at=1");
    assert_eq!(before["memories"]["memories"], json!([]), "{before}");

    let (status, json) = served.get("/api/v1/query/recall?text=which+port+has+postgres&limit=1");
    assert_eq!(status, StatusCode::OK, "{json}");
    assert_eq!(json["recalled"]["hits"][0]["id"], "port", "{json}");
}

#[test]
fn keys_are_set_only_as_expected() {
    let served = Served::new();
    assert_eq!(served.post("/api/v1/set_key", &json!({"key": "a", "value": "1"})).0, StatusCode::OK);
    let (status, json) = served.post("/api/v1/set_key", &json!({"key": "a", "value": "2", "expected": 7}));
    assert_eq!((status, json["error"]["kind"].as_str()), (StatusCode::CONFLICT, Some("conflict")), "{json}");
    let (_, json) = served.get("/api/v1/query/key?key=a");
    assert_eq!(json["keys"][0]["value"], "1");
    let (status, json) = served.get("/api/v1/query/key?key=b");
    assert_eq!((status, json["error"]["kind"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")), "{json}");
    let same = json!({"key": "a", "value": "3", "idempotency": "01K9ZQ4R1M3V8K2T6W5X7Y0ABC"});
    let (_, first) = served.post("/api/v1/set_key", &same);
    let (_, again) = served.post("/api/v1/set_key", &same);
    assert_eq!(first, again, "a repetition does nothing twice");
}

#[test]
fn bad_input_is_refused_with_what_is_wrong_and_where() {
    let served = Served::new();
    let check = |path: &str, body: &str, status: StatusCode, message: &str| {
        let request = served.as_("admin", &Method::POST, path).header("content-type", "application/json");
        let (found, json) = served.send(request.body(body.to_owned()));
        let told = json["error"]["message"].as_str().unwrap_or_default();
        assert!(found == status && told.contains(message), "{path} {body}: {found} {json}");
    };
    check("/api/v1/memorize", "{", StatusCode::BAD_REQUEST, "no JSON: EOF while parsing an object at line 1 column 1");
    check("/api/v1/memorize", "[]", StatusCode::UNPROCESSABLE_ENTITY, "no object");
    check("/api/v1/memorize", "{}", StatusCode::UNPROCESSABLE_ENTITY, "missing field `items`");
    check("/api/v1/memorize", r#"{"items":[{"content":1}]}"#, StatusCode::UNPROCESSABLE_ENTITY, "items[0].content: ");
    check("/api/v1/memorize", r#"{"items":[],"x":1}"#, StatusCode::UNPROCESSABLE_ENTITY, "unknown field `x`");
    check("/api/v1/verify", r#"{"deep":1}"#, StatusCode::UNPROCESSABLE_ENTITY, "unknown field `deep`");
    check("/api/v1/nothing", "{}", StatusCode::NOT_FOUND, "no request \"nothing\"");
    check("/api/v1/introduce", "{}", StatusCode::NOT_FOUND, "no request");
    check("/api/v1/query/nothing", "{}", StatusCode::NOT_FOUND, "no query");
    check("/api/v1/query/status", r#"{"at":"noon"}"#, StatusCode::UNPROCESSABLE_ENTITY, "at: ");
    check("/api/v1/forget", r#"{"memory":"none"}"#, StatusCode::NOT_FOUND, "none");
    check("/nowhere", "{}", StatusCode::NOT_FOUND, "nothing at /nowhere");

    let form = served.as_("admin", &Method::POST, "/api/v1/forget").header("content-type", "text/plain").body("{}");
    let (status, json) = served.send(form);
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{json}");
    let (status, _) = served.send(served.as_("admin", &Method::GET, "/api/v1/forget"));
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let (status, json) = served.get("/api/v1/query/memories?limit=many");
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{json}");
}

#[test]
fn requests_that_take_long_come_line_by_line() {
    let served = Served::new();
    let text = served.text(served.as_("admin", &Method::POST, "/api/v1/verify"));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.last(), Some(&json!("done")), "{text}");
    assert!(lines.iter().any(|line| line["verification"]["ok"] == true), "{text}");
    let events = served.as_("admin", &Method::POST, "/api/v1/verify").header("accept", "text/event-stream");
    let text = served.text(events);
    assert!(text.contains("event: verification\ndata: {\"ok\":true") && text.ends_with("event: done\ndata: null\n\n"));
}

#[test]
fn a_question_is_answered_piece_by_piece() {
    let served = Served::new();
    served.post("/api/v1/memorize", &json!({"items": [{"content": "The bakery opens at seven"}]}));
    let body = json!({"question": {"new": {"text": "When does the bakery open?"}}, "model": "offline"});
    let text = served.text(served.as_("ask", &Method::POST, "/api/v1/ask").json(&body));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines[0]["begun"]["run"].is_string(), "{text}");
    let answered = &lines[lines.len() - 2]["answered"];
    assert!(answered["answer"].as_str().is_some_and(|answer| answer.contains("seven")), "{text}");
    let (status, json) = served.post("/api/v1/ask", &json!({"question": {"new": {"text": "?"}}, "model": "no/such"}));
    assert_eq!(status, StatusCode::NOT_FOUND, "a failure before the answer has its status: {json}");
}

/// Reads a stream of events until one says what is waited for.
async fn read_until(response: &mut reqwest::Response, text: &mut String, wanted: &str) {
    while !text.contains(wanted) {
        let chunk = response.chunk().await.expect("it goes on").expect("it has not ended");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
}

#[test]
fn events_are_followed_from_where_one_was() {
    let served = Served::new();
    served.post("/api/v1/set_key", &json!({"key": "a", "value": "first"}));
    let follow = |last: Option<&str>| {
        let request = served.as_("read", &Method::GET, "/api/v1/events?kind=kv").header("accept", "text/event-stream");
        match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        }
    };
    served.runtime.block_on(async {
        let mut response = follow(None).send().await.expect("answered");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut text = String::new();
        read_until(&mut response, &mut text, "first").await;
        assert!(text.starts_with("id: 7\ndata: {\"position\":7,"), "{text}");
        let set = json!({"key": "a", "value": "second"});
        let posted = served.as_("admin", &Method::POST, "/api/v1/set_key").json(&set).send().await.expect("answered");
        assert_eq!(posted.status(), StatusCode::OK);
        read_until(&mut response, &mut text, "second").await;
        drop(response);

        let mut again = follow(Some("7")).send().await.expect("answered");
        let mut text = String::new();
        read_until(&mut again, &mut text, "second").await;
        assert!(!text.contains("first"), "{text}");
    });
    let lines = served.text(served.as_("read", &Method::GET, "/api/v1/events?from=1&to=2"));
    assert_eq!(lines.lines().count(), 3, "two events and the end: {lines}");
    let (status, _) = served.get("/api/v1/events?kind=nonsense");
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn who_follows_is_let_go_when_the_server_stops() {
    let mut served = Served::new();
    let request = served.as_("read", &Method::GET, "/api/v1/events").header("accept", "text/event-stream");
    let mut response = served.runtime.block_on(async {
        let mut response = request.send().await.expect("answered");
        read_until(&mut response, &mut String::new(), "id: 6").await;
        response
    });
    let http = served.http.take().expect("it runs");
    let address = http.local_addr();
    http.stop();
    let rest = served.runtime.block_on(async {
        let mut text = String::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        text
    });
    assert!(rest.ends_with("event: done\ndata: null\n\n"), "it ends, and is not cut off: {rest:?}");
    assert!(std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_err(), "nobody listens");
}

#[test]
fn figures_are_counted() {
    let served = Served::new();
    served.get("/api/v1/query/status");
    served.get("/api/v1/query/no-such-thing");
    let text = served.text(served.as_("read", &Method::GET, "/metrics"));
    for expected in [
        "zo_http_requests_total{method=\"GET\",route=\"/api/v1/query/status\",status=\"200\"} 1",
        "zo_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"} 1",
        "zo_events 6\n",
        "zo_http_request_seconds_bucket",
        "# EOF",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let resident = text.lines().find_map(|line| line.strip_prefix("zo_resident_bytes ")).expect("it is there");
    assert!(resident.parse::<u64>().expect("a number") > 1_000_000, "{resident}");
}
