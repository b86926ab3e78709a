use super::*;

fn came(status: &str) -> Came {
    Came { run: "R".to_owned(), status: status.to_owned(), answer: None, reason: None }
}

fn spawn(first: bool) -> Spawn {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        spawn: Spawn,
    }
    let line = <Line as clap::Parser>::parse_from(["spawn", "one", "two"]);
    Spawn { first, ..line.spawn }
}

#[test]
fn the_script_starts_the_agents_and_tells_what_they_came_to() {
    let each = Each { model: Some("near/x".to_owned()), steps: Some(3), ..Each::default() };
    let tasks = ["a \"b\"".to_owned(), "c".to_owned()];
    let script: Value = serde_json::from_str(&script(&tasks, &each, true)).expect("JSON");
    assert_eq!(script[0]["tool_calls"][0]["name"], "spawn_agents");
    let arguments = json!({"agents": [
        {"task": "a \"b\"", "model": "near/x", "steps": 3},
        {"task": "c", "model": "near/x", "steps": 3},
    ], "first": true});
    assert_eq!(script[0]["tool_calls"][0]["arguments"], arguments);
    assert_eq!(script[1], json!({"text": "{{results}}"}));
}

#[test]
fn it_fails_if_one_did_not_finish_unless_the_first_one_is_enough() {
    assert!(spawn(false).judged(&[came("finished"), came("finished")]).is_ok());
    let error = spawn(false).judged(&[came("finished"), came("failed")]).expect_err("one failed");
    assert_eq!((error.message.as_str(), error.kind), ("1 of 2 agents did not finish", Kind::Incomplete));
    assert!(spawn(true).judged(&[came("cancelled"), came("finished")]).is_ok());
    assert!(spawn(true).judged(&[came("cancelled"), came("failed")]).is_err());
}

#[test]
fn what_is_no_list_of_results_is_said() {
    let mut output = Output::new(true, true, crate::output::Color::Never);
    assert!(print(&mut output, &HashMap::new(), "{{results}}").is_err());
}
