//! Jobs as they are asked about: what is refused before it is decided, which job is meant, what is listed and told.

use serde_json::{Value, json};

use crate::service::testing::{Desk, at, id, job, number_of};

/// A desk with jobs of these numbers.
fn desk(numbers: &[u128]) -> Desk {
    let desk = Desk::new();
    numbers.iter().for_each(|number| desk.submit(*number, json!({})));
    desk
}

/// The numbers of the jobs that a list has, and how many it says there are.
fn listed(desk: &Desk, said: Value) -> (Vec<u128>, u64) {
    let answer = desk.answer("jobs", said);
    let jobs = answer["jobs"].as_array().expect("jobs").iter().map(|line| number_of(&line["id"])).collect();
    (jobs, answer["total"].as_u64().expect("a number"))
}

/// How a watched job ended, and why.
fn ended(desk: &Desk, number: u128) -> (String, String) {
    let responses = desk.responses(None, "watch_jobs", json!({ "jobs": [id(number)] })).expect("it is watched");
    let ended = responses.iter().map(|response| &response["job_arrived"]).find(|it| it["event"] == "ended");
    let ended = ended.unwrap_or_else(|| panic!("it has not ended: {responses:?}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&ended["job"]["state"]), text(&ended["reason"]))
}

#[test]
fn a_deadline_that_has_passed_is_refused() {
    let desk = Desk::new();
    let until = |deadline: i64| json!({ "jobs": [job(1, json!({ "options": { "deadline": at(deadline) } }))] });
    let told = desk.refused("submit_jobs", until(0));
    assert_eq!(told, "Invalid: the deadline 2026-03-01T12:00:00.000Z has passed already");
    assert!(desk.refused("submit_jobs", until(-1)).contains("has passed already"));
    desk.told("submit_jobs", until(1));
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_recorded() {
    let desk = Desk::new();
    let head = desk.engine.writer.position();
    let refused = |said: Value, expected: &str| {
        let told = desk.refused("submit_jobs", json!({ "jobs": [job(1, said)] }));
        assert!(told.contains(expected), "{told}");
    };
    refused(json!({ "spec": { "kind": "comand" } }), "what the job is to do cannot be read");
    refused(json!({ "spec": { "kind": "command", "argv": [] } }), "names no program");
    let both = json!({ "options": { "delay_ms": 5, "not_before": at(9) } });
    refused(both, "either a delay or a moment");
    refused(json!({ "options": { "after": ["ZZZZZZ"] } }), "there is no job ZZZZZZ");
    refused(json!({ "options": { "after": [id(1)] } }), &format!("there is no job {}", id(1)));
    assert_eq!(desk.engine.writer.position(), head);
}

#[test]
fn jobs_that_come_together_are_brought_into_an_order_or_refused_together() {
    let named =
        |number: u128, name: &str, after: &[&str]| job(number, json!({ "name": name, "options": { "after": after } }));
    let desk = Desk::new();
    let circle = json!([named(1, "a", &["c"]), named(2, "b", &["a"]), named(3, "c", &["b"]), named(4, "d", &[])]);
    let told = desk.refused("submit_jobs", json!({ "jobs": circle }));
    assert_eq!(told, "Invalid: jobs wait for each other in a circle: a → c → b → a (take one `after` out)");
    let twins = json!([named(1, "a", &[]), named(2, "a", &[]), named(3, "c", &["a"])]);
    let told = desk.refused("submit_jobs", json!({ "jobs": twins }));
    assert_eq!(told, "Invalid: two jobs are called a, and another one waits for it: which one?");
    assert_eq!(listed(&desk, json!({})).1, 0, "none of them was taken");

    let jobs = json!([named(1, "a", &["b", "c"]), named(2, "b", &["c"]), named(3, "c", &[])]);
    let done = desk.responses(None, "submit_jobs", json!({ "jobs": jobs })).expect("they are taken");
    let numbers: Vec<u128> = done.iter().map(|done| number_of(&done["id"])).collect();
    assert_eq!(numbers, [1, 2, 3], "they are acknowledged in the order in which they were said");
    assert_eq!(
        listed(&desk, json!({ "state": "blocked" })).0,
        [2, 1],
        "and stand in the one in which they can be done"
    );
}

#[test]
fn one_of_its_key_stands_for_another() {
    let desk = Desk::new();
    desk.submit(1, json!({ "options": { "unique": "report" } }));
    let second = desk.told("submit_jobs", json!({ "jobs": [job(2, json!({ "options": { "unique": "report" } }))] }));
    assert_eq!(number_of(&second["id"]), 1);
    assert_eq!(listed(&desk, json!({})), (vec![1], 1));
}

#[test]
fn a_job_is_meant_by_its_id_or_the_end_of_it() {
    // These two end alike, as far as four characters go.
    let desk = desk(&[5, 5 + (1 << 20), 6]);
    let shown = |reference: &str| number_of(&desk.answer("job", json!({ "job": reference }))["job"]["id"]);
    assert_eq!((shown(&id(5)), shown(&id(6)[22..]), shown(&id(5)[20..])), (5, 6, 5));
    let told = desk.no_answer("job", json!({ "job": &id(5)[22..] }));
    assert_eq!(told, "Invalid: the ids of several jobs end with 0005 (give a longer end of it)");
    for wrong in ["0007", "x", &id(7), ""] {
        let told = desk.no_answer("job", json!({ "job": wrong }));
        assert!(told.starts_with(&format!("NotFound: there is no job {wrong} (`zo job list` shows")), "{told}");
    }
    desk.told("cancel_job", json!({ "job": &id(6)[22..] }));
    assert_eq!(shown("0006"), 6, "what has ended is found as well");
}

#[test]
fn lists_have_open_jobs_first_and_then_what_has_ended_newest_first() {
    let desk = Desk::new();
    let jobs: Vec<Value> = (1..=6).map(|number| job(number, json!({ "options": { "queue": "mail" } }))).collect();
    desk.responses(None, "submit_jobs", json!({ "jobs": jobs, "batch": true })).expect("they are taken");
    desk.submit(7, json!({ "options": { "priority": 3 } }));
    desk.submit(8, json!({}));
    desk.join("far");
    assert_eq!(desk.claim("far", 3), [(7, 1), (1, 1), (2, 1)]);
    let attempt = |number: u128| json!({ "node": "far", "job": id(number), "attempt": 1 });
    desk.told("complete_job", attempt(1));
    desk.told("complete_job", attempt(7));
    desk.told("cancel_job", json!({ "job": id(4) }));

    assert_eq!(listed(&desk, json!({})), (vec![2, 3, 5, 6, 8, 7, 4, 1], 8));
    assert_eq!(listed(&desk, json!({ "queue": "mail" })), (vec![2, 3, 5, 6, 4, 1], 6));
    assert_eq!(listed(&desk, json!({ "batch": id(1) })), (vec![2, 3, 5, 6, 4, 1], 6));
    assert_eq!(listed(&desk, json!({ "queue": "default" })), (vec![8, 7], 2));
    assert_eq!(listed(&desk, json!({ "queue": "nobody's" })), (vec![], 0));
    assert_eq!(listed(&desk, json!({ "state": "done" })), (vec![7, 1], 2));
    assert_eq!(listed(&desk, json!({ "state": "done", "queue": "mail" })), (vec![1], 1));
    assert_eq!(listed(&desk, json!({ "state": "cancelled", "batch": id(1) })), (vec![4], 1));
    assert_eq!(listed(&desk, json!({ "state": "ready", "batch": id(1) })), (vec![3, 5, 6], 3));
    assert_eq!(listed(&desk, json!({ "state": "done", "queue": "mail", "batch": id(7) })), (vec![], 0));
    // Pages go over the border between the two.
    assert_eq!(listed(&desk, json!({ "queue": "mail", "skip": 3, "limit": 2 })), (vec![6, 4], 6));
    assert_eq!(listed(&desk, json!({ "batch": id(1), "skip": 5, "limit": 2 })), (vec![1], 6));
    assert_eq!(listed(&desk, json!({ "skip": 4, "limit": 2 })), (vec![8, 7], 8));
    let told = desk.no_answer("jobs", json!({ "state": "deed" }));
    assert!(told.starts_with("Invalid: no job is ever deed; jobs are blocked, "), "{told}");
}

#[test]
fn each_attempt_is_told_with_what_became_of_it() {
    let desk = Desk::new();
    desk.submit(1, json!({ "options": { "backoff": { "first_ms": 0, "longest_ms": 0 } } }));
    desk.join("far");
    assert_eq!(desk.claim("far", 9), [(1, 1)]);
    let of = |attempt: u32, more: Value| {
        let mut said = json!({ "node": "far", "job": id(1), "attempt": attempt });
        said.as_object_mut().expect("it is an object").extend(more.as_object().cloned().unwrap_or_default());
        said
    };
    desk.told("append_job_log", of(1, json!({ "offset": 0, "text": "first\n" })));
    desk.told("fail_job", of(1, json!({ "reason": "no luck" })));
    assert_eq!(desk.claim("far", 9), [(1, 2)]);
    desk.told("release_job", of(2, Value::Null));
    assert_eq!(desk.claim("far", 9), [(1, 3)]);
    desk.told("append_job_log", of(3, json!({ "offset": 0, "text": "third\n" })));
    assert_eq!(desk.answer("job_log", json!({ "job": id(1) }))["text"], "third\n", "also while it runs");
    desk.told("complete_job", of(3, json!({ "result": { "x": 5 } })));

    let shown = desk.answer("job", json!({ "job": id(1) }));
    let attempts = shown["attempts"].as_array().expect("attempts").iter();
    let attempts: Vec<(u64, &str)> = attempts
        .map(|attempt| (attempt["attempt"].as_u64().expect("a number"), attempt["outcome"].as_str().expect("text")))
        .collect();
    assert_eq!(attempts, [(1, "failed"), (2, "released"), (3, "done")]);
    assert_eq!((&shown["attempts"][0]["reason"], &shown["result"]), (&json!("no luck"), &json!({ "x": 5 })));
    assert_eq!((&shown["job"]["state"], &shown["job"]["attempt"]), (&json!("done"), &json!(3)));

    let log = |attempt: Value| desk.answer("job_log", json!({ "job": id(1), "attempt": attempt }))["text"].clone();
    assert_eq!((log(json!(1)), log(Value::Null)), (json!("first\n"), json!("third\n")));
    let told = desk.no_answer("job_log", json!({ "job": id(1), "attempt": 4 }));
    assert_eq!(told, format!("NotFound: job {} has no attempt 4: it has 3", id(1)));
    desk.submit(2, json!({}));
    assert!(desk.no_answer("job_log", json!({ "job": id(2) })).ends_with("was not begun yet"));
}

#[test]
fn who_waits_for_a_job_behind_a_dead_one_is_told_so() {
    let desk = Desk::new();
    desk.submit(1, json!({ "options": { "delay_ms": 60_000, "deadline": at(1000) } }));
    desk.submit(2, json!({ "options": { "after": [id(1)] } }));
    desk.submit(3, json!({ "options": { "after": [id(2)] } }));
    desk.set_clock(2000);
    desk.engine.do_what_is_due(desk.engine.world.now()).expect("what is due is done");
    let waits = format!("it waits for job {}, which is not done and waits for a person", id(1));
    assert_eq!(ended(&desk, 3), ("blocked".to_owned(), waits.clone()), "directly or not");
    assert_eq!(ended(&desk, 2), ("blocked".to_owned(), waits));
    let line = desk.answer("job", json!({ "job": id(3) }))["job"].clone();
    assert_eq!(line["waits_for"], json!(format!("job {}, which waits for a person", id(1))), "and whoever looks too");
    let too_late = ("dead".to_owned(), "its deadline passed before it was begun".to_owned());
    assert_eq!(ended(&desk, 1), too_late);
}

#[test]
fn all_of_a_batch_are_told_to_who_waits_for_it_also_those_that_have_ended_before() {
    let desk = Desk::new();
    let later = |number: u128| job(number, json!({ "options": { "delay_ms": 60_000 } }));
    desk.responses(None, "submit_jobs", json!({ "jobs": [later(1), later(2)], "batch": true }))
        .expect("they are taken");
    desk.told("cancel_job", json!({ "job": id(2), "reason": "not today" }));
    desk.told("cancel_job", json!({ "job": id(1) }));
    let responses = desk.responses(None, "watch_jobs", json!({ "batch": id(1) })).expect("it is watched");
    let ended = responses.iter().map(|response| &response["job_arrived"]).filter(|it| it["event"] == "ended");
    let ended: Vec<(u128, &Value)> = ended.map(|it| (number_of(&it["job"]["id"]), &it["reason"])).collect();
    assert_eq!(ended, [(1, &Value::Null), (2, &json!("not today"))]);
}

#[test]
fn what_is_ready_says_why_nobody_takes_it() {
    let desk = desk(&[1]);
    let why = || desk.answer("job", json!({ "job": id(1) }))["job"]["waits_for"].clone();
    assert_eq!(why(), "no node is there that takes jobs");
    desk.join("far");
    assert_eq!(why(), Value::Null);
    desk.told("set_queue", json!({ "queue": "default", "limit": 1, "paused": true }));
    assert_eq!(why(), "queue default is paused");
    desk.told("set_queue", json!({ "queue": "default", "limit": 1, "paused": false }));
    desk.submit(2, json!({ "options": { "priority": 1 } }));
    assert_eq!(desk.claim("far", 9), [(2, 1)]);
    assert_eq!(why(), "queue default runs 1 at a time");
}
