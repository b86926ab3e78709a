//! What a worker says is what the engine understands: the two are written apart, as a worker has no engine in it.

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zo_engine::protocol::{AttemptRef, JobInput};
use zo_engine::protocol::{ClaimedJob, NodeHeard, NodeJoined, Request, Response};
use zo_worker::JobSpec;
use zo_worker::hub::messages::{
    AppendLog, Appended, Attempt, Claim, Claimed, Completed, Failed, Heard, Heartbeat, Join, Joined, Released, Running,
};

fn attempt() -> Attempt {
    Attempt { job: "01J".to_owned(), attempt: 2 }
}

/// That this body of this method is a request, and keeps everything it says.
fn is_request(method: &str, body: impl Serialize) -> Result<()> {
    let said = json!({ method: body });
    let request: Request = serde_json::from_value(said.clone()).with_context(|| said.to_string())?;
    let understood = serde_json::to_value(&request)?;
    keeps(&said, &understood);
    Ok(())
}

/// That whatever one has, the other has.
#[track_caller]
fn keeps(said: &Value, understood: &Value) {
    match (said, understood) {
        (Value::Object(said), Value::Object(understood)) => {
            for (name, value) in said {
                keeps(value, understood.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(said), Value::Array(understood)) => {
            assert_eq!(said.len(), understood.len());
            said.iter().zip(understood).for_each(|(said, understood)| keeps(said, understood));
        }
        (said, understood) => assert_eq!(said, understood),
    }
}

#[test]
fn the_engine_understands_what_a_worker_says() -> Result<()> {
    let node = || "n".to_owned();
    let join = Join {
        name: "far".to_owned(),
        capacity: 3,
        labels: vec!["gpu".to_owned()],
        region: Some("eu".to_owned()),
        gpu: Some("a100".to_owned()),
        price_micros: Some(7),
        running: vec![attempt()],
    };
    is_request("join_node", json!({ "node": join }))?;
    is_request("claim_jobs", Claim { node: node(), most: 2, wait_ms: 20_000 })?;
    let running = vec![Running { attempt: attempt(), percent: Some(12.5), message: Some("half".to_owned()) }];
    is_request("heartbeat_node", Heartbeat { node: node(), running, draining: true })?;
    is_request("complete_job", Completed { node: node(), attempt: attempt(), result: json!({ "x": [1] }) })?;
    for not_begun in [false, true] {
        let reason = "why".to_owned();
        is_request("fail_job", Failed { node: node(), attempt: attempt(), reason, retriable: false, not_begun })?;
    }
    is_request("release_job", Released { node: node(), attempt: attempt(), reason: "why".to_owned() })?;
    is_request("append_job_log", AppendLog { node: node(), attempt: attempt(), offset: 5, text: "ä".to_owned() })?;
    is_request("leave_node", json!({ "node": node() }))
}

/// What the engine answers, as the worker reads it.
fn read<T: DeserializeOwned>(response: &Response, name: &str) -> Result<T> {
    let answer = serde_json::to_value(response)?;
    serde_json::from_value(answer[name].clone()).with_context(|| answer.to_string())
}

#[test]
fn a_worker_understands_what_the_engine_answers() -> Result<()> {
    let joined = NodeJoined { node: "n".to_owned(), heartbeat_ms: 1, lease_ms: 2 };
    let joined: Joined = read(&Response::NodeJoined(joined), "node_joined")?;
    assert_eq!(joined, Joined { node: "n".to_owned(), heartbeat_ms: 1, lease_ms: 2 });
    let spec = r#"{"kind":"command","argv":["true"]}"#.to_owned();
    let jobs = vec![ClaimedJob { job: "01J".to_owned(), attempt: 2, spec, lease_ms: 3, deadline_ms: Some(4) }];
    let jobs: Vec<Claimed> = read(&Response::JobsClaimed(jobs), "jobs_claimed")?;
    assert_eq!((jobs[0].attempt, jobs[0].lease_ms, jobs[0].deadline_ms), (2, 3, Some(4)));
    let spec: JobSpec = serde_json::from_value(jobs[0].spec.clone())?;
    assert_eq!(spec.kind(), "command");
    let lost = AttemptRef { job: "01J".to_owned(), attempt: 2 };
    let heard = NodeHeard { cancelled: vec![], lost: vec![lost], drain: true };
    let heard: Heard = read(&Response::NodeHeard(heard), "node_heard")?;
    assert_eq!(heard, Heard { cancelled: vec![], lost: vec![attempt()], drain: true });
    let appended: Appended = read(&Response::LogAppended { next: 9 }, "log_appended")?;
    assert_eq!(appended, Appended { next: 9 });
    Ok(())
}

#[test]
fn a_job_is_submitted_as_it_is_carried_out() -> Result<()> {
    let spec = json!({ "kind": "http", "url": "https://example.org/" });
    let job: JobInput = serde_json::from_value(json!({ "spec": spec }))?;
    let carried_out: JobSpec = serde_json::from_str(&job.spec)?;
    assert_eq!(serde_json::to_value(carried_out)?, spec);
    Ok(())
}
