use std::path::Path;
use std::sync::Arc;
use std::thread;

use zo_projections::command::{NewMessage, Parent};
use zo_projections::event::conversation::{MessageBody, Role};
use zo_projections::event::run::RequestBody;
use zo_projections::{Actor, Command, ConversationId, MessageId, RunId, Submission};

use super::*;
use crate::engine::EngineOptions;
use crate::protocol::{Answered, Asking, ConversationChoice, NewMemory};

fn open(folder: &Path) -> Arc<Engine> {
    Engine::open(folder, EngineOptions::default()).expect("the home opens")
}

fn call(engine: &Engine, request: Request) -> Vec<Response> {
    let mut responses = Vec::new();
    handle(engine, request, &mut |response| {
        responses.push(response);
        ControlFlow::Continue(())
    })
    .expect("the request is answered");
    responses
}

fn memorize(engine: &Engine, content: &str) {
    let items = vec![NewMemory { content: content.to_owned(), ..NewMemory::default() }];
    call(engine, Request::Memorize { actor: Actor::User, items });
}

fn ask(engine: &Engine, name: &str, question: &str, run: u128) -> Answered {
    let conversation = ConversationChoice::Named(name.to_owned());
    let request = Request::Ask(Box::new(Asking::new(conversation, question, run)));
    match call(engine, request).pop() {
        Some(Response::Answered(answered)) => *answered,
        other => panic!("an answer was expected: {other:?}"),
    }
}

#[test]
fn terminals_that_begin_one_conversation_at_once_share_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = open(folder.path());
    memorize(&engine, "The kettle is in the lower cupboard.");
    thread::scope(|scope| {
        for run in 1..=16 {
            let engine = &engine;
            scope.spawn(move || ask(engine, "kitchen", "Where is the kettle?", run));
        }
    });
    let (live, messages) =
        engine.writer.read(|views| (views.conversations.live(), views.conversations.messages())).expect("well");
    assert_eq!((live, messages), (1, 32));
    engine.close();
}

#[test]
fn a_question_put_again_gets_the_first_answer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = open(folder.path());
    memorize(&engine, "The kettle is in the lower cupboard.");
    let first = ask(&engine, "kitchen", "Where is the kettle?", 7);
    let head = engine.writer.position();
    let again = ask(&engine, "kitchen", "Where is the kettle?", 7);
    assert_eq!((first.answer, first.position), (again.answer, again.position));
    assert_eq!(engine.writer.position(), head, "nothing more was recorded");
    engine.close();
}

#[test]
fn a_run_that_a_crash_left_behind_is_carried_on_by_the_next_open() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = open(folder.path());
    memorize(&engine, "The kettle is in the lower cupboard.");
    // What is in the log when a process dies right after the question was recorded.
    let conversation = ConversationId(99);
    let message = NewMessage {
        id: engine.names.question(7),
        parent: Parent::Selected,
        role: Role::User,
        body: MessageBody { content: "Where is the kettle?".to_owned(), ..MessageBody::default() },
        model: None,
        occurred_at: None,
        interrupted: false,
        selected: true,
    };
    let command = Command::Ask {
        conversation,
        name: None,
        message,
        files: Vec::new(),
        run: RunId(7),
        model: "offline".to_owned(),
        request: RequestBody::default(),
        agent: None,
    };
    engine.writer.submit_one(Submission::new(Actor::User, command)).expect("it is asked");
    engine.close();
    drop(engine);

    let engine = open(folder.path());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !engine.writer.read(|views| views.runs.outstanding().is_empty()).expect("well") {
        assert!(std::time::Instant::now() < until, "nobody carried it on");
        thread::sleep(std::time::Duration::from_millis(5));
    }
    let answer: MessageId = engine.names.answer(7);
    assert!(engine.writer.read(|views| views.conversations.by_message(answer).is_some()).expect("well"));
    engine.close();
}
