//! Nodes as they speak: who may, what they are told, and what of them is kept.

use serde_json::{Value, json};

use super::LOST_ANSWER_MS;
use crate::service::testing::{Desk, id};

/// What a node says of an attempt, with what else is said.
fn of(name: &str, number: u128, attempt: u32, more: Value) -> Value {
    let mut said = json!({ "node": name, "job": id(number), "attempt": attempt });
    said.as_object_mut().expect("it is an object").extend(more.as_object().cloned().unwrap_or_default());
    said
}

/// A desk with jobs that are tried again at once, of which the node `far` has the first.
fn begun() -> Desk {
    let desk = Desk::new();
    desk.join("far");
    let options = json!({ "options": { "attempts": 100, "backoff": { "first_ms": 0, "longest_ms": 0 } } });
    desk.submit(1, options);
    assert_eq!(desk.claim("far", 1), [(1, 1)]);
    desk
}

/// The line of a node in the list.
fn line(desk: &Desk, name: &str) -> Value {
    let lines = desk.answer("nodes", Value::Null);
    let found = lines.as_array().expect("lines").iter().find(|line| line["name"] == name).cloned();
    found.unwrap_or_else(|| panic!("there is no {name} in {lines}"))
}

#[test]
fn nobody_else_is_the_process_that_has_the_home() {
    let desk = Desk::new();
    let told = desk.refused("join_node", json!({ "node": { "name": "local", "capacity": 1 } }));
    assert_eq!(told, "Invalid: local is the name of the process that has the home (give the node another name)");
    let told = desk.refused("claim_jobs", json!({ "node": "nobody", "most": 1, "wait_ms": 0 }));
    assert_eq!(told, "NotFound: there is no node nobody (`zo node list` shows those there are)");
    // Once it is a node, others do not speak for it either.
    desk.submit(1, json!({ "spec": { "kind": "memorize", "content": "tea" } }));
    desk.responses(None, "watch_jobs", json!({ "jobs": [id(1)] })).expect("it is done");
    let told = desk.refused("claim_jobs", json!({ "node": "local", "most": 1, "wait_ms": 0 }));
    assert_eq!(told, "Refused: local is the process that has the home: nobody else speaks for it");
    assert!(desk.refused("leave_node", json!({ "node": "local" })).starts_with("Refused: "));
}

#[test]
fn a_node_is_spoken_for_with_the_token_it_joined_with() {
    let desk = Desk::new();
    let made = desk.told("create_token", json!({ "name": "one", "scopes": ["node"] }));
    let made = [made, desk.told("create_token", json!({ "name": "other", "scopes": ["node"] }))];
    let token = |made: &Value| {
        let id = made["token_made"]["token"]["id"].as_str().expect("an id");
        id.parse::<zo_projections::TokenId>().expect("an id").0
    };
    let (one, other) = (token(&made[0]), token(&made[1]));
    let join = || json!({ "node": { "name": "far", "capacity": 1 } });
    desk.responses(Some(one), "join_node", join()).expect("it joins");
    let claim = || json!({ "node": "far", "most": 1, "wait_ms": 0 });
    for (method, said) in [("join_node", join()), ("claim_jobs", claim()), ("leave_node", json!({ "node": "far" }))] {
        let told = desk.refused_with(Some(other), method, said);
        assert!(told.starts_with("Forbidden: ") && told.contains("use the token it joined with"), "{method}: {told}");
    }
    desk.responses(Some(one), "claim_jobs", claim()).expect("it is its own");
    desk.told("revoke_token", json!({ "token": "one" }));
    desk.responses(Some(other), "join_node", join()).expect("the next one takes it over");
}

#[test]
fn a_completion_that_is_said_again_counts_once_and_one_of_an_old_attempt_is_refused() {
    let desk = begun();
    desk.told("release_job", of("far", 1, 1, Value::Null));
    assert_eq!(desk.claim("far", 1), [(1, 2)]);
    let told = desk.refused("complete_job", of("far", 1, 1, Value::Null));
    assert!(told.starts_with("Refused: ") && told.contains("attempt 1 is over"), "{told}");
    let first = desk.told("complete_job", of("far", 1, 2, json!({ "result": 5 })));
    let head = desk.engine.writer.position();
    let again = desk.told("complete_job", of("far", 1, 2, json!({ "result": 5 })));
    assert_eq!((&first["position"], desk.engine.writer.position()), (&again["position"], head));
    assert!(desk.refused("complete_job", of("far", 1, 1, Value::Null)).contains("is done since position"));
    assert!(desk.refused("fail_job", of("far", 1, 2, json!({ "reason": "x" }))).contains("is done since position"));
    assert_eq!(line(&desk, "far")["completed"], 1);
}

#[test]
fn a_heartbeat_is_answered_with_what_is_to_be_stopped_and_what_is_lost() {
    let desk = begun();
    desk.submit(2, json!({}));
    assert_eq!(desk.claim("far", 1), [(2, 1)]);
    let said = |attempts: &[(u128, u32)]| {
        let running: Vec<Value> = attempts
            .iter()
            .map(|(number, attempt)| json!({ "job": id(*number), "attempt": attempt, "percent": 40.0 }))
            .collect();
        json!({ "node": "far", "running": running, "draining": false })
    };
    let heard = desk.told("heartbeat_node", said(&[(1, 1), (2, 1)]))["node_heard"].clone();
    assert_eq!(heard, json!({ "cancelled": [], "lost": [], "drain": false }));
    assert_eq!(desk.answer("job", json!({ "job": id(1) }))["job"]["percent"], 40.0);
    desk.told("cancel_job", json!({ "job": id(1) }));
    desk.told("release_job", of("far", 2, 1, Value::Null));
    desk.told("drain_node", json!({ "node": "far", "resume": false }));
    let heard = desk.told("heartbeat_node", said(&[(1, 1), (2, 1), (9, 1)]))["node_heard"].clone();
    let attempt = |number: u128| json!({ "job": id(number), "attempt": 1 });
    let expected = json!({ "cancelled": [attempt(1)], "lost": [attempt(2), attempt(9)], "drain": true });
    assert_eq!(heard, expected);
}

#[test]
fn what_a_node_was_given_and_never_speaks_of_is_anothers_though_it_is_heard_from() {
    let desk = begun();
    desk.submit(2, json!({}));
    assert_eq!(desk.claim("far", 1), [(2, 1)]);
    let beat = |said: &[u128]| {
        let running: Vec<Value> = said.iter().map(|number| json!({ "job": id(*number), "attempt": 1 })).collect();
        desk.told("heartbeat_node", json!({ "node": "far", "running": running, "draining": false }));
    };
    let state = |number: u128| desk.answer("job", json!({ "job": id(number) }))["job"]["state"].clone();
    // The answer that gave it the second one may still be on its way.
    desk.set_clock(LOST_ANSWER_MS);
    beat(&[1]);
    assert_eq!((state(1), state(2)), (json!("running"), json!("running")));
    desk.set_clock(LOST_ANSWER_MS + 1);
    beat(&[1]);
    assert_eq!((state(1), state(2)), (json!("running"), json!("ready")));
    // What it speaks of stays its own, for as long as it does.
    desk.set_clock(100 * LOST_ANSWER_MS);
    beat(&[1]);
    assert_eq!(state(1), "running");
    desk.join("other");
    assert_eq!(desk.claim("other", 9), [(2, 2)]);
}

#[test]
fn what_it_could_not_begin_counts_against_a_node_and_what_failed_there_does_not() {
    let desk = begun();
    let mut attempt = 1;
    let mut fail = |not_begun: bool| {
        let said = json!({ "reason": "so", "retriable": true, "not_begun": not_begun });
        desk.told("fail_job", of("far", 1, attempt, said));
        attempt += 1;
        assert_eq!(desk.claim("far", 1), [(1, u64::from(attempt))]);
        line(&desk, "far")["reputation"].as_f64().expect("a number")
    };
    for _ in 0..9 {
        assert!((fail(false) - 1.0).abs() < 1e-6, "a job's own failures are its own");
    }
    assert!((fail(true) - 0.9).abs() < 1e-6);
    for _ in 0..6 {
        fail(true);
    }
    // From now on it gets nothing urgent, and is told so.
    desk.submit(2, json!({ "options": { "priority": 5 } }));
    assert_eq!(desk.claim("far", 5), []);
    let waits_for = desk.answer("job", json!({ "job": id(2) }))["job"]["waits_for"].clone();
    assert_eq!(waits_for, "no node has the reputation that work of a high priority needs");
    let far = line(&desk, "far");
    assert_eq!((&far["failed"], &far["completed"], &far["lost"]), (&json!(16), &json!(0), &json!(0)));
}

#[test]
fn a_log_is_taken_from_who_has_the_attempt_and_from_where_it_is() {
    let desk = begun();
    let log = |offset: u64, text: &str| of("far", 1, 1, json!({ "offset": offset, "text": text }));
    assert_eq!(desk.told("append_job_log", log(0, "one\n"))["log_appended"]["next"], 4);
    assert_eq!(desk.told("append_job_log", log(0, "one\n"))["log_appended"]["next"], 4, "said again");
    assert_eq!(desk.told("append_job_log", log(9, "gap\n"))["log_appended"]["next"], 4, "it is told where to go on");
    desk.join("other");
    let told = desk.refused("append_job_log", of("other", 1, 1, json!({ "offset": 0, "text": "x" })));
    assert!(told.starts_with("Refused: ") && told.contains("is not this node's any more"), "{told}");
}

#[test]
fn a_node_drains_resumes_leaves_and_is_removed() {
    let desk = Desk::new();
    desk.join("far");
    desk.submit(1, json!({}));
    desk.told("drain_node", json!({ "node": "far", "resume": false }));
    assert_eq!((line(&desk, "far")["state"].clone(), desk.claim("far", 1)), (json!("draining"), vec![]));
    desk.told("drain_node", json!({ "node": "far", "resume": true }));
    assert_eq!((line(&desk, "far")["state"].clone(), desk.claim("far", 1)), (json!("up"), vec![(1, 1)]));
    // What it runs when it is removed is another's.
    desk.told("remove_node", json!({ "node": "far" }));
    assert!(desk.refused("complete_job", of("far", 1, 1, Value::Null)).contains("there is no node far"));
    desk.join("next");
    assert_eq!(desk.claim("next", 1), [(1, 2)]);
    desk.told("release_job", of("next", 1, 2, Value::Null));
    desk.told("leave_node", json!({ "node": "next" }));
    assert_eq!((line(&desk, "next")["state"].clone(), desk.claim("next", 1)), (json!("left"), vec![]));
}
