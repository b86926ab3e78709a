//! The workspace as other people's agents have it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use zo_mcp::server::Workspace;

use super::*;
use crate::engine::{Engine, EngineOptions};

struct Held {
    home: Home<Arc<Engine>>,
    engine: Arc<Engine>,
    _folder: tempfile::TempDir,
}

fn held() -> Held {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(&folder.path().join("home"), EngineOptions::default()).expect("the home opens");
    Held { home: Home::new(engine.clone(), Vec::new()), engine, _folder: folder }
}

impl Held {
    fn call_as(&self, access: Access, name: &str, arguments: Value) -> Result<Told, Refusal> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        self.home.call(name, arguments, &Doing { access, progress: &|_, _| {}, stop: &|| false })
    }

    fn call(&self, name: &str, arguments: Value) -> String {
        match self.call_as(Access::ALL, name, arguments) {
            Ok(told) => told.text,
            Err(refusal) => format!("refused: {refusal}"),
        }
    }
}

#[test]
fn every_tool_has_a_schema_that_is_an_object_and_refuses_what_it_does_not_know() {
    let held = held();
    for offer in offered(Access::ALL) {
        assert_eq!(offer.parameters["type"], "object", "{}", offer.name);
        zo_models::check_schema(&offer.parameters).expect("it is a JSON Schema");
        let refused = held.call(offer.name, json!({"nonsense": 1}));
        let begin = format!("refused: the arguments of {} cannot be taken: ", offer.name);
        assert!(refused.starts_with(&begin), "{refused}");
    }
    held.engine.close();
}

#[test]
fn what_a_token_does_not_allow_is_neither_offered_nor_done() {
    let held = held();
    let read = Access { read: true, ..Access::NONE };
    assert!(offered(read).iter().all(|offer| offer.read_only));
    assert!(!offered(read).iter().any(|offer| offer.name == "ask" || offer.name == "memorize"));
    let ask = Access { ask: true, ..Access::NONE };
    assert_eq!(offered(ask).iter().map(|offer| offer.name).collect::<Vec<_>>(), ["ask"]);
    let refused = held.call_as(read, "memorize", json!({"content": "a"})).expect_err("it is not allowed");
    assert_eq!(refused, Refusal::Forbidden("memorize needs a token with the scope admin".to_owned()));
    held.engine.close();
}

#[test]
fn what_is_kept_is_recalled_and_read() {
    let held = held();
    let kept = held.call("memorize", json!({"content": "Staging listens on port 5433.", "id": "port"}));
    assert!(kept.starts_with("kept: port (position "), "{kept}");
    assert!(held.call("recall", json!({"query": "staging port"})).contains("5433"));
    let memory = held.home.read("zo://memory/port").expect("it is there");
    assert!(memory.text.contains("5433"), "{}", memory.text);
    assert!(held.home.read("zo://events").expect("they are there").text.contains("memory.memorized"));
    assert!(matches!(held.home.read("zo://memory/nobody"), Err(Refusal::NotFound(_))));
    assert!(matches!(held.home.read("file:///etc/passwd"), Err(Refusal::NotFound(_))));
    held.engine.close();
}

#[test]
fn questions_are_answered_and_their_conversations_listed() {
    let held = held();
    let answer = held.call("ask", json!({"question": "Which port?", "conversation": "work", "model": "offline"}));
    assert!(!answer.starts_with("refused"), "{answer}");
    let page = held.home.resources(None).expect("they are there");
    let conversation = page.items.iter().find(|item| item.title.as_deref() == Some("work")).expect("it is listed");
    assert!(held.home.read(&conversation.uri).expect("it is there").text.contains("Which port?"));
    assert_eq!(page.next, None);
    assert!(matches!(held.home.resources(Some("x")), Err(Refusal::Invalid(_))));
    held.engine.close();
}

#[test]
fn files_jobs_and_schedules_are_there() {
    let held = held();
    assert!(held.call("file_put", json!({"name": "a/b.txt", "text": "Grüße"})).starts_with("kept: a/b.txt"));
    assert_eq!(held.call("file_get", json!({"name": "a/b.txt"})), "Grüße");
    assert!(held.call("file_list", json!({"prefix": "a/"})).contains("a/b.txt"));
    assert!(held.call("file_put", json!({"name": "a"})).contains("either as text or as base64"));
    let spec = json!({"kind": "command", "argv": ["true"]});
    assert!(held.call("job_submit", json!({"spec": spec, "name": "one"})).starts_with("submitted: "));
    assert!(held.call("job_list", json!({})).contains("one"));
    assert!(held.call("job_submit", json!({"spec": {"kind": "nonsense"}})).starts_with("refused: "));
    let daily = json!({"rule": "every day at 9:00", "zone": "Europe/Berlin", "spec": spec, "name": "daily"});
    assert!(held.call("schedule_add", daily).starts_with("added: "));
    assert!(held.call("schedule_list", json!({})).contains("daily"));
    assert!(held.call("schedule_remove", json!({"schedule": "daily"})).starts_with("removed: "));
    assert!(held.call("schedule_remove", json!({"schedule": "daily"})).starts_with("refused: "));
    held.engine.close();
}

#[test]
fn skills_are_prompts() {
    let held = held();
    let prompts = held.home.prompts().expect("they are there");
    let first = prompts.first().expect("some ship");
    let task = BTreeMap::from([("task".to_owned(), "Do it.".to_owned())]);
    let filled = held.home.prompt(&first.name, &task).expect("it is there");
    assert!(filled.text.contains("Do this by it: Do it."), "{}", filled.text);
    assert!(matches!(held.home.prompt("nobody", &BTreeMap::new()), Err(Refusal::NotFound(_))));
    assert!(held.call("skill_use", json!({"name": first.name})).len() > 100);
    held.engine.close();
}
