//! Check-ins: an agent looks at a list, says nothing if there is nothing to say, and says what there is.

use std::fs;

use serde_json::{Value, json};
use zo_model_server::{ModelServer, talking};

use super::NOTHING_TO_SAY;
use crate::service::testing::{Desk, id};

/// A model that finds something to say if the list that it is told has an oven on it.
fn watchful() -> ModelServer {
    let says = |told: &str| if told.contains("the oven is on") { "Turn the oven off." } else { NOTHING_TO_SAY };
    ModelServer::start(talking(move |told| says(told).to_owned()))
}

/// What an occurrence of the check-in came to.
fn look(desk: &Desk, job: u128) -> Value {
    desk.told("run_schedule", json!({ "reference": "look", "job": id(job) }));
    let responses = desk.responses(None, "watch_jobs", json!({ "jobs": [id(job)] })).expect("it is watched");
    let ended = responses.iter().map(|response| &response["job_arrived"]).find(|it| it["event"] == "ended");
    let ended = ended.unwrap_or_else(|| panic!("it has not ended: {responses:?}"));
    assert_eq!(ended["job"]["state"], "done", "{ended}");
    ended["result"].clone()
}

#[test]
fn a_check_in_is_silent_when_there_is_nothing_to_say_and_speaks_when_there_is() {
    let (desk, model) = (Desk::new(), watchful());
    let list = desk.folder().join("checklist.md");
    fs::write(&list, "- is the oven off?\n").expect("a file");
    let provider = json!({ "name": "near", "dialect": "openai", "base_url": format!("{}/v1", model.url()) });
    desk.told("add_provider", provider);
    let schedule = json!({
        "id": id(1),
        "name": "look",
        "rule": "every 30 minutes",
        "zone": "UTC",
        "spec": { "kind": "agent", "prompt": "Look around the house.", "model": "near/scripted" },
        "check_in": { "checklist": list },
    });
    desk.told("add_schedule", json!({ "schedule": schedule }));

    let silent = look(&desk, 11);
    assert_eq!((&silent["silent"], &silent["answer"]), (&json!(true), &json!("")), "{silent}");
    // The list is read anew each time.
    fs::write(&list, "- the oven is on\n").expect("a file");
    let speaks = look(&desk, 12);
    assert_eq!((&speaks["silent"], &speaks["answer"]), (&json!(false), &json!("Turn the oven off.")), "{speaks}");
    // One that cannot be read is something to say, for who can.
    fs::remove_file(&list).expect("it is removed");
    look(&desk, 13);
    let told: Vec<String> = model.requests().iter().map(zo_model_server::Request::last_user_text).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    for (told, expected) in told.iter().zip(["- is the oven off?", "- the oven is on", "cannot be read"]) {
        assert!(told.contains("Look around the house.") && told.contains(expected), "{told}");
        assert!(told.contains(&format!("answer with exactly {NOTHING_TO_SAY}")), "{told}");
    }
    let shown = desk.answer("schedule", json!({ "reference": "look" }));
    let states: Vec<&Value> = shown["history"].as_array().expect("a list").iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["done", "done", "done"]);
}
