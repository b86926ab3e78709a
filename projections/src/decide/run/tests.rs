//! What runs can be told.

use super::*;
use crate::command::Command;
use crate::decide::MAX_TEXT_BYTES;
use crate::event::conversation::Role;
use crate::event::run::{KeyOrigin, Source};
use crate::ids::MemoryId;
use crate::testing::{assert_lines, digest_of, message, told};

/// Asks in conversation 1 with a message; run and message have the same number.
fn ask(id: u128) -> Command {
    ask_with(id, id)
}

fn ask_with(id: u128, run: u128) -> Command {
    Command::Ask {
        conversation: ConversationId(1),
        name: Some(Name { digest: digest_of("trip"), text: "trip".to_owned() }),
        message: message(id, "why?"),
        files: Vec::new(),
        run: RunId(run),
        model: "offline".to_owned(),
        request: RequestBody::default(),
        agent: None,
    }
}

fn recall(run: u128, scores: &[f32]) -> Command {
    let passage = |&score| Passage {
        source: Source::Memory(MemoryId(5)),
        position: Position(1),
        score,
        coverage: 1.0,
        cosine: None,
    };
    Command::RecordRecall { run: RunId(run), passages: scores.iter().map(passage).collect(), indexed: Position(3) }
}

fn finish(run: u128, answer: u128) -> Command {
    let message = NewMessage { role: Role::Assistant, ..message(answer, "so") };
    let usage = Usage { input_tokens: 1, output_tokens: 2, cost_micros: 3 };
    Command::FinishRun { run: RunId(run), message, usage, account: Account::default(), reason: None }
}

fn fail(run: u128) -> Command {
    Command::FailRun { run: RunId(run), reason: "no model".to_owned() }
}

fn delete() -> Command {
    Command::DeleteConversation { conversation: ConversationId(1) }
}

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_question_begins_its_conversation_and_its_run() {
    check(
        &[ask(9)],
        "1 conversation/1 v1 conversation.started name=74726970 | name=trip
         2 conversation/1 v2 conversation.message_added message=9 role=user size=4 tool_calls=0 selected=true | content=why?
         3 run/9 v1 run.started conversation=1 question=9 model=offline",
    );
    check(
        &[ask(9), ask(8)],
        "4 conversation/1 v3 conversation.message_added message=8 parent=9 role=user size=4 tool_calls=0 selected=true | content=why?
         5 run/8 v1 run.started conversation=1 question=8 model=offline",
    );
}

#[test]
fn a_question_that_was_put_is_not_put_again() {
    check(&[ask(9), ask(9)], "already: conversation/1 at 2");
    check(&[ask(9), finish(9, 10), ask(9)], "already: conversation/1 at 2");
    check(&[ask(9), ask_with(8, 9)], "rejected: run 9 was started before");
    check(&[ask(9), finish(9, 10), ask_with(8, 9)], "rejected: run 9 was started before");
    check(&[ask(9), delete(), ask(8)], "rejected: there is no conversation 1");
    let start = |name: &str| Command::StartConversation {
        fork_of: None,
        id: ConversationId(2),
        name: Some(Name { digest: digest_of(name), text: name.to_owned() }),
    };
    check(&[start("trip"), ask(9)], "rejected: the name \"trip\": conversation 2 has it");
    let Command::Ask { conversation, name, message, run, files, request, .. } = ask(9) else { unreachable!("it asks") };
    check(
        &[Command::Ask { conversation, name, message, files, run, model: "a".repeat(1025), request, agent: None }],
        "rejected: the model: 1025 bytes are more than the 1024 that one may have",
    );
}

#[test]
fn a_run_recalls_once() {
    check(
        &[ask(9), recall(9, &[0.5])],
        "4 run/9 v2 run.recalled passages=[{memory:5,position:1,score:0.5,coverage:1.0}] indexed=3",
    );
    check(&[ask(9), recall(9, &[])], "4 run/9 v2 run.recalled indexed=3");
    check(&[ask(9), recall(9, &[]), recall(9, &[0.5])], "already: run/9 at 4");
    check(&[recall(9, &[])], "rejected: run 9 is not outstanding");
    check(&[ask(9), fail(9), recall(9, &[])], "rejected: run 9 is not outstanding");
}

#[test]
fn a_recall_has_as_many_passages_as_can_be_read_again() {
    assert!(told(&[ask(9), recall(9, &[0.5; 1000])]).starts_with("4 run/9 v2 run.recalled"));
    check(&[ask(9), recall(9, &[0.5; 1001])], "rejected: the passages: 1001 are more than the 1000 that one may have");
    check(
        &[ask(9), recall(9, &[0.5, f32::NAN])],
        "rejected: the passages: that of position 1 has no score: NaN, coverage 1",
    );
}

#[test]
fn the_answer_and_the_end_of_the_run_are_recorded_together() {
    check(
        &[ask(9), finish(9, 10)],
        "4 conversation/1 v3 conversation.message_added message=A parent=9 role=assistant size=2 tool_calls=0 selected=true | content=so
         5 run/9 v2 run.finished answer=A model=offline usage={input_tokens:1,output_tokens:2,cost_micros:3} account={cached_tokens:0,estimated:false,unpriced:false,attempts:0,ending:complete}",
    );
    let Command::FinishRun { run, mut message, usage, account, reason } = finish(9, 10) else {
        unreachable!("it ends a run")
    };
    message.model = Some("claude".to_owned());
    check(
        &[ask(9), Command::FinishRun { run, message, usage, account, reason }],
        "4 conversation/1 v3 conversation.message_added message=A parent=9 role=assistant size=2 tool_calls=0 model=claude selected=true | content=so
         5 run/9 v2 run.finished answer=A model=claude usage={input_tokens:1,output_tokens:2,cost_micros:3} account={cached_tokens:0,estimated:false,unpriced:false,attempts:0,ending:complete}",
    );
}

fn call(run: u128, model: &str) -> Command {
    let called = Called {
        model: model.to_owned(),
        key: KeyOrigin::Vault,
        messages: 1,
        left_out: 0,
        passages: 2,
        input_tokens: 7,
        budget: 9,
    };
    Command::RecordCall { run: RunId(run), called }
}

fn call_failed(run: u128, attempts: u32) -> Command {
    let failed = CallFailed { model: "a/x".to_owned(), attempts, usage: Usage::default(), estimated: false };
    Command::RecordCallFailure { run: RunId(run), failed, reason: "too busy".to_owned() }
}

#[test]
fn a_call_is_recorded_before_it_is_made_and_when_it_fails() {
    check(
        &[ask(9), call(9, "a/x")],
        "4 run/9 v2 run.called model=a/x key=vault messages=1 left_out=0 passages=2 input_tokens=7 budget=9",
    );
    check(
        &[ask(9), call(9, "a/x"), call_failed(9, 2)],
        "5 run/9 v3 run.call_failed model=a/x attempts=2 usage={input_tokens:0,output_tokens:0,cost_micros:0} | reason=too busy",
    );
    check(&[ask(9), call(9, "a/x"), call(9, "b/y")], "rejected: run 9 waits for the call at position 4");
    check(&[ask(9), call_failed(9, 1)], "rejected: run 9 waits for no call");
    check(&[ask(9), call(9, "a/x"), call_failed(9, 1), call_failed(9, 1)], "rejected: run 9 waits for no call");
    check(&[ask(9), fail(9), call(9, "a/x")], "rejected: run 9 is not outstanding");
    check(&[ask(9), call(9, " ")], "rejected: the model: it is empty");
}

#[test]
fn a_question_is_answered_once_more_by_another_run() {
    let again = |question: u128, run: u128| Command::Answer {
        conversation: ConversationId(1),
        question: MessageId(question),
        run: RunId(run),
        model: "a/x".to_owned(),
        request: RequestBody { system: Some("Be brief.".to_owned()), ..RequestBody::default() },
        agent: None,
    };
    check(
        &[ask(9), finish(9, 10), again(9, 7)],
        "6 run/7 v1 run.started conversation=1 question=9 model=a/x | system=Be brief.",
    );
    check(&[ask(9), again(9, 7), again(9, 7)], "already: run/7 at 4");
    check(&[ask(9), again(8, 7)], "rejected: there is no message 8");
    check(&[ask(9), delete(), again(9, 7)], "rejected: there is no conversation 1");
    check(&[again(9, 7)], "rejected: there is no conversation 1");
}

#[test]
fn a_question_comes_with_its_files() {
    let Command::Ask { conversation, name, message, run, model, request, .. } = ask(9) else { unreachable!("it asks") };
    let file =
        |size: usize| NewFile { name: "plan.png".to_owned(), media_type: "image/png".to_owned(), bytes: vec![7; size] };
    let with = |files: Vec<NewFile>| {
        let (name, message, model, request) = (name.clone(), message.clone(), model.clone(), request.clone());
        Command::Ask { conversation, name, message, files, run, model, request, agent: None }
    };
    check(
        &[with(vec![file(2)])],
        "1 conversation/1 v1 conversation.started name=74726970 | name=trip
         2 conversation/1 v2 conversation.message_added message=9 role=user size=4 tool_calls=0 selected=true | content=why?
         3 conversation/1 v3 conversation.file_attached message=9 media_type=image/png size=2 | name=plan.png
         4 run/9 v1 run.started conversation=1 question=9 model=offline",
    );
    let why = r#"rejected: the file "plan.png": 33554433 bytes are more than the 33554432 that one may have"#;
    check(&[with(vec![file((32 << 20) + 1)])], why);
    check(&[with(vec![file(1); 101])], "rejected: the files: 101 are more than the 100 that a message may have");
}

#[test]
fn a_run_is_finished_once_with_an_answer_that_is_new() {
    check(&[ask(9), finish(9, 10), finish(9, 11)], "rejected: run 9 is not outstanding");
    check(&[finish(9, 10)], "rejected: run 9 is not outstanding");
    check(&[ask(9), delete(), finish(9, 10)], "rejected: there is no conversation 1");
    // The fold would have refused the message, and the run would have been answered by nothing.
    check(&[ask(9), finish(9, 9)], "rejected: message 9 was added before, and is no answer of this run");
    let start = Command::StartConversation { id: ConversationId(2), name: None, fork_of: None };
    let elsewhere =
        Command::AddMessage { conversation: ConversationId(2), message: message(10, "hello"), files: Vec::new() };
    check(&[ask(9), start, elsewhere, finish(9, 10)], "rejected: message A is in conversation 2");
}

#[test]
fn a_run_fails_once_also_when_its_conversation_is_gone() {
    check(&[ask(9), fail(9)], "4 run/9 v2 run.failed | reason=no model");
    check(&[ask(9), delete(), fail(9)], "5 run/9 v2 run.failed | reason=no model");
    check(&[ask(9), fail(9), fail(9)], "rejected: run 9 is not outstanding");
    check(&[ask(9), finish(9, 10), fail(9)], "rejected: run 9 is not outstanding");
    check(
        &[ask(9), Command::FailRun { run: RunId(9), reason: "a".repeat(MAX_TEXT_BYTES + 1) }],
        "rejected: the reason: 16777217 bytes are more than the 16777216 that one may have",
    );
}
