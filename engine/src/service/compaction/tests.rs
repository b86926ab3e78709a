use zo_projections::event::conversation::Role;

use super::*;
use crate::engine::EngineOptions;
use crate::protocol::{ConversationChoice, MessageChoice, MessageInput, Request};
use crate::service::handle;

fn message(number: u128) -> MessageInput {
    MessageInput {
        id: MessageChoice::Id(number + 1),
        parent: None,
        role: if number.is_multiple_of(2) { Role::User } else { Role::Assistant },
        content: format!("message {number} says this. And more."),
        author: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
        meta: None,
        occurred_at: None,
        selected: true,
    }
}

fn put(engine: &Engine, request: Request) -> Result<(), Failure> {
    handle(engine, request, &mut |_| ControlFlow::Continue(()))
}

fn compacting(model: &str) -> Request {
    let (conversation, model) = ("talk".to_owned(), Some(model.to_owned()));
    Request::Compact { conversation, model, environment: Environment::default() }
}

#[test]
fn older_messages_are_told_by_a_summary_until_that_is_undone() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(&folder.path().join("home"), EngineOptions::default()).expect("the home opens");
    let add = |messages: Vec<MessageInput>| {
        let conversation = ConversationChoice::Named("talk".to_owned());
        put(&engine, Request::AddMessages { actor: Actor::User, conversation, messages }).expect("they are added");
    };
    add((0..4).map(message).collect());
    let refused = put(&engine, compacting("offline")).expect_err("there are few");
    assert!(refused.message.contains("there are 4 messages"), "{}", refused.message);
    add((4..10).map(message).collect());
    put(&engine, compacting("offline")).expect("it is summarised");
    let summary = || {
        let (id, path) = branch(&engine, "talk").expect("it is there");
        summary_for(&engine, id, &path).expect("it can be read").map(|it| (it.messages, it.text))
    };
    let (messages, text) = summary().expect("there is one");
    assert_eq!(messages, 4);
    assert_eq!(text.lines().next(), Some("- asked: message 0 says this."));
    // A later one stands for what the earlier one stood for, too.
    add((10..14).map(message).collect());
    put(&engine, compacting("offline")).expect("it is summarised");
    assert_eq!(summary().map(|(messages, _)| messages), Some(8));
    let undo = || put(&engine, Request::Uncompact { conversation: "talk".to_owned() });
    undo().expect("it is undone");
    assert_eq!(summary().map(|(messages, _)| messages), Some(4));
    undo().expect("it is undone");
    assert_eq!(summary(), None);
    assert!(undo().expect_err("there is none").message.contains("told by a summary"));
    engine.close();
}

#[test]
fn sentences_are_picked_within_a_limit() {
    let long = vec![(Role::User, "word ".repeat(10_000)); 500];
    assert!(extract(&long).len() < 3 * OFFLINE_BYTES);
}
