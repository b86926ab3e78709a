//! What runs can be told.

use super::*;
use crate::command::Command;
use crate::decide::MAX_TEXT_BYTES;
use crate::event::conversation::Role;
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
        run: RunId(run),
        model: "offline".to_owned(),
    }
}

fn recall(run: u128, scores: &[f32]) -> Command {
    let passage = |&score| Passage { memory: MemoryId(5), position: Position(1), score, coverage: 1.0, cosine: None };
    Command::RecordRecall { run: RunId(run), passages: scores.iter().map(passage).collect(), indexed: Position(3) }
}

fn finish(run: u128, answer: u128) -> Command {
    let message = NewMessage { role: Role::Assistant, ..message(answer, "so") };
    let usage = Usage { input_tokens: 1, output_tokens: 2, cost_micros: 3 };
    Command::FinishRun { run: RunId(run), message, usage }
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
        id: ConversationId(2),
        name: Some(Name { digest: digest_of(name), text: name.to_owned() }),
    };
    check(&[start("trip"), ask(9)], "rejected: the name \"trip\": conversation 2 has it");
    let Command::Ask { conversation, name, message, run, .. } = ask(9) else { unreachable!("it asks") };
    check(
        &[Command::Ask { conversation, name, message, run, model: "a".repeat(1025) }],
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
    check(&[ask(9), recall(9, &[0.5, f32::NAN])], "rejected: the passages: memory 5 has no score: NaN, coverage 1");
}

#[test]
fn the_answer_and_the_end_of_the_run_are_recorded_together() {
    check(
        &[ask(9), finish(9, 10)],
        "4 conversation/1 v3 conversation.message_added message=A parent=9 role=assistant size=2 tool_calls=0 selected=true | content=so
         5 run/9 v2 run.finished answer=A model=offline usage={input_tokens:1,output_tokens:2,cost_micros:3}",
    );
    let Command::FinishRun { run, mut message, usage } = finish(9, 10) else { unreachable!("it ends a run") };
    message.model = Some("claude".to_owned());
    check(
        &[ask(9), Command::FinishRun { run, message, usage }],
        "4 conversation/1 v3 conversation.message_added message=A parent=9 role=assistant size=2 tool_calls=0 model=claude selected=true | content=so
         5 run/9 v2 run.finished answer=A model=claude usage={input_tokens:1,output_tokens:2,cost_micros:3}",
    );
}

#[test]
fn a_run_is_finished_once_with_an_answer_that_is_new() {
    check(&[ask(9), finish(9, 10), finish(9, 11)], "rejected: run 9 is not outstanding");
    check(&[finish(9, 10)], "rejected: run 9 is not outstanding");
    check(&[ask(9), delete(), finish(9, 10)], "rejected: there is no conversation 1");
    // The fold would have refused the message, and the run would have been answered by nothing.
    check(&[ask(9), finish(9, 9)], "rejected: message 9 was added before, and is no answer of this run");
    let start = Command::StartConversation { id: ConversationId(2), name: None };
    let elsewhere = Command::AddMessage { conversation: ConversationId(2), message: message(10, "hello") };
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
