//! Nodes keep to the tokens they joined with.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Served;

/// A served workspace with two tokens of nodes, `one` and `two`.
fn served() -> Served {
    let mut served = Served::new();
    for name in ["one", "two"] {
        let body = json!({"name": name, "scopes": ["node"]});
        let (status, made) = served.post("/api/v1/create_token", &body);
        assert_eq!(status, StatusCode::OK, "{made}");
        served.keep_token(name, made["token_made"]["secret"].as_str().expect("a secret"));
    }
    served
}

fn call(served: &Served, token: &str, name: &str, body: &Value) -> (StatusCode, Value) {
    served.send(served.as_(token, &Method::POST, &format!("/api/v1/{name}")).json(body))
}

fn join(served: &Served, token: &str) -> (StatusCode, Value) {
    call(served, token, "join_node", &json!({"node": {"name": "far", "capacity": 1}}))
}

fn joined(served: &Served, token: &str) -> String {
    let (status, json) = join(served, token);
    assert_eq!(status, StatusCode::OK, "{json}");
    json["node_joined"]["node"].as_str().expect("an id").to_owned()
}

/// Everything that a worker says, beside joining.
fn sayings(node: &str) -> [(&'static str, Value); 7] {
    let attempt = |more: Value| {
        let mut body = json!({"node": node, "job": "01JCZ0000000000000000000ZZ", "attempt": 1});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    [
        ("claim_jobs", json!({"node": node, "most": 1})),
        ("heartbeat_node", json!({"node": node})),
        ("complete_job", attempt(json!({}))),
        ("fail_job", attempt(json!({"reason": "so"}))),
        ("release_job", attempt(json!({}))),
        ("append_job_log", attempt(json!({"offset": 0, "text": "so"}))),
        ("leave_node", json!({"node": node})),
    ]
}

#[test]
fn a_node_is_spoken_for_with_the_token_it_joined_with() {
    let served = served();
    let node = joined(&served, "one");
    for (name, body) in sayings(&node) {
        let (status, json) = call(&served, "two", name, &body);
        assert_eq!(
            (status, json["error"]["kind"].as_str()),
            (StatusCode::FORBIDDEN, Some("forbidden")),
            "{name}: {json}"
        );
        assert_eq!(json["error"]["message"], "node far joined with another token", "{name}");
        assert!(json["error"]["hint"].as_str().is_some_and(|hint| hint.contains("zo node remove")), "{json}");
    }
    // By its name as little as by its id.
    assert_eq!(call(&served, "two", "leave_node", &json!({"node": "far"})).0, StatusCode::FORBIDDEN);
    for token in ["one", "admin"] {
        for (name, body) in sayings(&node) {
            let (status, json) = call(&served, token, name, &body);
            assert_ne!(status, StatusCode::FORBIDDEN, "{name} as {token}: {json}");
        }
    }
}

#[test]
fn a_node_is_joined_again_with_another_token_only_when_the_first_holds_no_more() {
    let served = served();
    let node = joined(&served, "one");
    let (status, json) = join(&served, "two");
    assert_eq!((status, json["error"]["kind"].as_str()), (StatusCode::FORBIDDEN, Some("forbidden")), "{json}");
    assert_eq!(joined(&served, "one"), node, "with its own, as often as it likes");
    let (status, json) = served.post("/api/v1/revoke_token", &json!({"token": "one"}));
    assert_eq!(status, StatusCode::OK, "{json}");
    assert_eq!(
        call(&served, "two", "heartbeat_node", &json!({"node": node})).0,
        StatusCode::FORBIDDEN,
        "not joined yet"
    );
    assert_eq!(joined(&served, "two"), node);
    assert_eq!(call(&served, "two", "heartbeat_node", &json!({"node": node})).0, StatusCode::OK);
}

#[test]
fn an_admin_takes_a_node_over_or_frees_its_name() {
    let served = served();
    let node = joined(&served, "one");
    assert_eq!(joined(&served, "admin"), node);
    assert_eq!(call(&served, "one", "heartbeat_node", &json!({"node": node})).0, StatusCode::FORBIDDEN);
    let (status, json) = served.post("/api/v1/remove_node", &json!({"node": "far"}));
    assert_eq!(status, StatusCode::OK, "{json}");
    assert_eq!(joined(&served, "two"), node, "as nobody has joined it before");
}
