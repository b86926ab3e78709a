//! Agents below agents.

use super::*;

fn script(replies: &Value) -> Option<String> {
    Some(replies.to_string())
}

/// A script that starts these agents, and answers what they gave.
fn spawning(arguments: Value) -> Option<String> {
    script(&json!([
        {"tool_calls": [{"name": "spawn_agents", "arguments": arguments}]},
        {"text": "{{results}}"},
    ]))
}

fn given(answered: &Answered) -> Vec<Value> {
    serde_json::from_str(&answered.answer).expect("it is a list")
}

#[test]
fn agents_work_side_by_side_and_their_answers_come_in_order() {
    let story = Story::new(|asked| says(&format!("done: {}", asked.last_user_text())));
    let tasks: Vec<Value> = (0..20).map(|n| json!({"task": format!("task {n}"), "model": "near/x"})).collect();
    let agent = AgentRequest { script: spawning(json!({"agents": tasks})), ..story.request() };
    let given = given(&story.run("go", 1, agent).expect("it is answered"));
    let answers: Vec<String> = given.iter().map(|it| it["answer"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(answers, (0..20).map(|n| format!("done: task {n}")).collect::<Vec<_>>());
    let detail = story.show(1);
    assert_eq!((detail.children.len(), detail.line.agents), (20, 20));
    assert!(detail.children.iter().all(|child| child.status == "finished"));
    story.is_whole();
}

#[test]
fn one_that_fails_does_not_fail_the_others() {
    let story = Story::new(|asked| match asked.last_user_text().as_str() {
        "bad" => openai::error(401, "invalid_api_key", "no"),
        text => says(text),
    });
    let agents = json!({"agents": [
        {"task": "one", "model": "near/x"},
        {"task": "bad", "model": "near/x"},
        {"task": "lost", "model": "nowhere/x"},
        {"task": "two", "model": "near/x"},
    ]});
    let agent = AgentRequest { script: spawning(agents), ..story.request() };
    let given = given(&story.run("go", 1, agent).expect("it is answered"));
    let statuses: Vec<&str> = given.iter().filter_map(|it| it["status"].as_str()).collect();
    assert_eq!(statuses, ["finished", "failed", "refused", "finished"]);
    assert!(given[1]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{given:?}");
    story.is_whole();
}

#[test]
fn the_first_answer_is_enough_where_that_is_wanted() {
    let gate = zo_model_server::Gate::new();
    let held = gate.clone();
    let story = Story::new(move |asked| match asked.last_user_text().as_str() {
        "fast" => says("here"),
        _ => Scripted::sse(200).gate(&held).send(openai::chunk("late")).send(openai::DONE),
    });
    let agents = json!({"first": true, "agents": [
        {"task": "slow", "model": "near/x"}, {"task": "fast", "model": "near/x"}, {"task": "slow", "model": "near/x"},
    ]});
    let agent = AgentRequest { script: spawning(agents), ..story.request() };
    let given = given(&story.run("go", 1, agent).expect("it is answered"));
    let finished: Vec<&Value> = given.iter().filter(|it| it["status"] == "finished").collect();
    assert_eq!((finished.len(), finished[0]["answer"].as_str()), (1, Some("here")));
    gate.open();
    story.is_whole();
}

#[test]
fn agents_are_nested_as_deep_as_they_may_be() {
    let story = Story::new(|_| says("never"));
    let leaf = json!([{"text": "leaf"}]);
    let nested = |script: Value| {
        json!([
            {"tool_calls": [{"name": "spawn_agents", "arguments": {"agents": [{"task": "below", "script": script}]}}]},
            {"text": "{{results}}"},
        ])
    };
    let two = nested(nested(leaf.clone()));
    let agent = AgentRequest { script: script(&two), depth: Some(2), ..story.request() };
    let answer = story.run("go", 1, agent).expect("it is answered").answer;
    assert!(answer.contains("leaf"), "{answer}");
    let agent = AgentRequest { script: script(&nested(two)), depth: Some(2), ..story.request() };
    let answer = story.run("go", 2, agent).expect("it is answered").answer;
    assert!(answer.contains("is not offered the tool spawn_agents") && !answer.contains("leaf"), "{answer}");
    story.is_whole();
}

#[test]
fn stopping_an_agent_stops_those_below_it() {
    let gate = zo_model_server::Gate::new();
    let held = gate.clone();
    let story = Story::new(move |_| Scripted::sse(200).gate(&held).send(openai::chunk("late")).send(openai::DONE));
    let agents = json!({"agents": [{"task": "a", "model": "near/x"}, {"task": "b", "model": "near/x"}]});
    let agent = AgentRequest { script: spawning(agents), ..story.request() };
    std::thread::scope(|scope| {
        let run = scope.spawn(|| story.run("go", 1, agent));
        assert!(story.server.wait_for_requests(2, Duration::from_secs(20)));
        story.put(Request::CancelAgent { run: RunId(1).to_string() }).expect("it is asked");
        run.join().expect("no panic").expect_err("it was stopped");
        gate.open();
    });
    assert!(story.show(1).children.iter().all(|child| child.status == "cancelled"), "{:?}", story.show(1).children);
    story.is_whole();
}

#[test]
fn what_agents_cost_counts_for_who_started_them() {
    let story = Story::new(|_| says("so"));
    let engine = story.engine();
    let agents = json!({"agents": [{"task": "a", "model": "near/x"}, {"task": "b", "model": "near/x"}]});
    let agent = AgentRequest { script: spawning(agents), tokens: Some(1_000_000), ..story.request() };
    story.run("go", 1, agent).expect("it is answered");
    let children = story.show(1).children;
    assert!(children.iter().all(|child| child.usage.input_tokens > 0));
    let ended = engine.writer.read(|views| views.agents.ended().len()).expect("well");
    assert_eq!(ended, 3);
}
