//! Schedules as they are asked about: what is refused, what is kept of what a person wrote, which one is meant.

use serde_json::{Value, json};

use crate::service::testing::{Desk, at, id};

const DAY: i64 = 24 * 3_600_000;

/// A schedule, with what else is said of it.
fn schedule(number: u128, rule: &str, more: Value) -> Value {
    let spec = json!({ "kind": "command", "argv": ["true"] });
    let mut said = json!({ "id": id(number), "rule": rule, "zone": "Europe/Berlin", "spec": spec });
    said.as_object_mut().expect("it is an object").extend(more.as_object().cloned().unwrap_or_default());
    json!({ "schedule": said })
}

fn add(desk: &Desk, number: u128, rule: &str, more: Value) {
    desk.told("add_schedule", schedule(number, rule, more));
}

fn edited(reference: &str, rule: &str, more: Value) -> Value {
    let mut said = schedule(1, rule, more);
    said["reference"] = json!(reference);
    said
}

fn shown(desk: &Desk, reference: &str) -> Value {
    desk.answer("schedule", json!({ "reference": reference }))
}

#[test]
fn a_rule_is_resolved_without_being_kept() {
    let desk = Desk::new();
    let head = desk.engine.writer.position();
    let asked = json!({ "rule": "every day at 8:30", "zone": "Europe/Berlin", "from": at(0), "count": 2 });
    let preview = desk.answer("preview_rule", asked);
    assert_eq!(preview["tzid"], "Europe/Berlin");
    let times = |name: &str| [preview["occurrences"][0][name].clone(), preview["occurrences"][1][name].clone()];
    assert_eq!(times("local"), ["2026-03-02T08:30:00+01:00", "2026-03-03T08:30:00+01:00"]);
    assert_eq!(times("utc"), ["2026-03-02T07:30:00Z", "2026-03-03T07:30:00Z"]);
    let wrong = |rule: &str, zone: &str| desk.no_answer("preview_rule", json!({ "rule": rule, "zone": zone }));
    assert!(wrong("every day at 8:30", "Europe/Berln").contains("(did you mean Europe/Berlin?)"));
    assert!(wrong("0 0 30 2 *", "UTC").starts_with("Invalid: "));
    assert_eq!(desk.engine.writer.position(), head);
}

#[test]
fn what_never_comes_due_or_is_no_schedules_is_refused() {
    let desk = Desk::new();
    let refused = |rule: &str, more: Value, expected: &str| {
        let told = desk.refused("add_schedule", schedule(1, rule, more));
        assert!(told.starts_with("Invalid: ") && told.contains(expected), "{told}");
    };
    refused("DTSTART;TZID=UTC:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3", json!({}), "never comes due again");
    for options in [
        json!({ "unique": "x" }),
        json!({ "after": [id(5)] }),
        json!({ "not_before": at(1) }),
        json!({ "deadline": at(1) }),
    ] {
        refused("every day at 8:30", json!({ "options": options }), "have no unique key, no moment of their own");
    }
    refused("every day at 8:30", json!({ "check_in": {} }), "a check-in is an agent's");
    let agent = json!({ "kind": "agent", "prompt": "look" });
    refused("every day at 8:30", json!({ "spec": agent, "check_in": { "hours": "8" } }), "write them as in 8:00-18:00");
    refused("every day at 8:30", json!({ "spec": { "kind": "command", "argv": [] } }), "names no program");
    add(&desk, 1, "every day at 8:30", json!({ "name": "tea" }));
    let told = desk.refused("add_schedule", schedule(2, "every day at 8:30", json!({ "name": "tea" })));
    let expected =
        format!("Conflict: schedule {} is called tea already (choose another name, or edit that one)", id(1));
    assert_eq!(told, expected);
    let head = desk.engine.writer.position();
    add(&desk, 1, "every day at 8:30", json!({ "name": "tea" }));
    assert_eq!(desk.engine.writer.position(), head, "the same again changes nothing");
}

#[test]
fn a_schedule_that_is_edited_keeps_its_phrase_unless_another_rule_is_said() {
    let desk = Desk::new();
    add(&desk, 1, "every day at 8:30", json!({ "name": "tea" }));
    let rule = shown(&desk, "tea")["schedule"]["rule"].as_str().expect("a rule").to_owned();
    // Who changes something else says the rule as it was resolved.
    desk.told("edit_schedule", edited("tea", &rule, json!({ "name": "coffee", "options": { "priority": 4 } })));
    let line = shown(&desk, "coffee");
    assert_eq!(
        (&line["schedule"]["written"], &line["schedule"]["rule"], &line["options"]["priority"]),
        (&json!("every day at 8:30"), &json!(rule), &json!(4))
    );
    desk.told("edit_schedule", edited("coffee", "every day at 9:30", json!({ "name": "coffee" })));
    let line = shown(&desk, "coffee")["schedule"].clone();
    assert_eq!(
        (&line["written"], &line["next_local"]),
        (&json!("every day at 9:30"), &json!("2026-03-02T09:30:00+01:00"))
    );
    assert_ne!(shown(&desk, "coffee")["options"]["priority"], 4, "what is not said is as usual");
    // A name that another one has is refused; its own is not.
    add(&desk, 2, "every day at 8:30", json!({ "name": "cake" }));
    assert!(
        desk.refused("edit_schedule", edited("coffee", "every day at 8:30", json!({ "name": "cake" })))
            .contains("is called")
    );
}

#[test]
fn a_schedule_is_meant_by_its_name_its_id_or_the_end_of_it() {
    let desk = Desk::new();
    add(&desk, 5, "every day at 8:30", json!({ "name": "morning" }));
    add(&desk, 5 + (1 << 20), "every day at 8:30", json!({}));
    let meant = |reference: &str| shown(&desk, reference)["schedule"]["id"].as_str().expect("an id").to_owned();
    assert_eq!([meant("morning"), meant(&id(5)), meant(&id(5)[20..])], [id(5), id(5), id(5)]);
    let told = |reference: &str| desk.no_answer("schedule", json!({ "reference": reference }));
    assert_eq!(told("0005"), "Invalid: the ids of several schedules end with 0005 (give a longer end of it)");
    assert_eq!(told("mornign"), "NotFound: there is no schedule mornign (did you mean morning?)");
    assert!(told("0007").contains("`zo schedule list` shows"));
}

#[test]
fn what_was_due_while_a_schedule_was_paused_is_not_made_up_for() {
    let desk = Desk::new();
    add(&desk, 1, "every day at 8:30", json!({ "name": "tea", "misfire": { "all": 9 } }));
    desk.told("pause_schedule", json!({ "reference": "tea" }));
    let line = shown(&desk, "tea")["schedule"].clone();
    assert_eq!(
        (&line["paused"], desk.answer("schedules", Value::Null)[0]["paused"].clone()),
        (&json!(true), json!(true))
    );
    desk.set_clock(5 * DAY);
    desk.told("resume_schedule", json!({ "reference": "tea" }));
    let line = shown(&desk, "tea")["schedule"].clone();
    assert_eq!((&line["paused"], &line["next_local"]), (&json!(false), &json!("2026-03-07T08:30:00+01:00")));
    assert_eq!((&line["occurred"], &line["missed"]), (&json!(0), &json!(0)));
    desk.told("remove_schedule", json!({ "reference": "tea" }));
    assert!(desk.refused("resume_schedule", json!({ "reference": "tea" })).contains("there is no schedule tea"));
}

#[test]
fn what_is_run_by_hand_is_in_the_history_with_its_job_and_once() {
    let desk = Desk::new();
    add(&desk, 1, "every day at 8:30", json!({ "name": "tea" }));
    let run = || desk.told("run_schedule", json!({ "reference": "tea", "job": id(9) }));
    assert_eq!((run()["id"].clone(), run()["id"].clone()), (json!(id(9)), json!(id(9))));
    let history = || shown(&desk, "tea")["history"].clone();
    assert_eq!(history().as_array().map(Vec::len), Some(1), "the same job is run once");
    let happened = history()[0].clone();
    assert_eq!(
        (&happened["by_hand"], &happened["job"], &happened["state"]),
        (&json!(true), &json!(id(9)), &json!("ready"))
    );
    desk.join("far");
    assert_eq!(desk.claim("far", 1), [(9, 1)]);
    desk.told("complete_job", json!({ "node": "far", "job": id(9), "attempt": 1 }));
    assert_eq!(history()[0]["state"], "done");
    assert_eq!(shown(&desk, "tea")["schedule"]["next_local"], "2026-03-02T08:30:00+01:00", "when it is due stays");
}
