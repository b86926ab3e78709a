//! What conversations can be told.

use super::*;
use crate::command::Command;
use crate::decide::{MAX_NAME_BYTES, MAX_TEXT_BYTES};
use crate::event::conversation::ToolCall;
use crate::event::run::Usage;
use crate::testing::{assert_lines, digest_of, message, told};

fn name(text: &str) -> Name {
    Name { digest: digest_of(text), text: text.to_owned() }
}

/// Starts a conversation; with an empty name, without one.
fn start(id: u128, text: &str) -> Command {
    Command::StartConversation { id: ConversationId(id), name: (!text.is_empty()).then(|| name(text)), fork_of: None }
}

fn add(conversation: u128, message: NewMessage) -> Command {
    Command::AddMessage { conversation: ConversationId(conversation), message, files: Vec::new() }
}

fn say(conversation: u128, id: u128) -> Command {
    add(conversation, message(id, "hello"))
}

fn behind(parent: Parent, id: u128) -> NewMessage {
    NewMessage { parent, ..message(id, "hello") }
}

fn select(conversation: u128, message: u128) -> Command {
    Command::SelectBranch { conversation: ConversationId(conversation), message: MessageId(message) }
}

fn rename(conversation: u128, text: &str) -> Command {
    Command::RenameConversation { conversation: ConversationId(conversation), name: name(text) }
}

fn delete(conversation: u128) -> Command {
    Command::DeleteConversation { conversation: ConversationId(conversation) }
}

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_conversation_is_started_once() {
    check(&[start(1, "")], "1 conversation/1 v1 conversation.started");
    check(&[start(1, "trip")], "1 conversation/1 v1 conversation.started name=74726970 | name=trip");
    check(&[start(1, ""), say(1, 9), start(1, "trip")], "already: conversation/1 at 2");
    check(&[start(1, ""), delete(1), start(1, "")], "rejected: conversation 1 was deleted");
}

#[test]
fn a_name_belongs_to_one_conversation() {
    check(&[start(1, "trip"), start(2, "trip")], "rejected: the name \"trip\": conversation 1 has it");
    check(&[start(1, "trip"), start(2, ""), rename(2, "trip")], "rejected: the name \"trip\": conversation 1 has it");
    let taken_over = "conversation.started name=74726970 | name=trip";
    check(&[start(1, "trip"), delete(1), start(2, "trip")], &format!("3 conversation/2 v1 {taken_over}"));
    check(&[start(1, "trip"), rename(1, "tour"), start(2, "trip")], &format!("3 conversation/2 v1 {taken_over}"));
    check(&[start(1, "a\tb")], "rejected: the name: it has a control character in it");
    check(&[start(1, " ")], "rejected: the name: it is empty");
    let long = "a".repeat(MAX_NAME_BYTES + 1);
    check(&[start(1, &long)], "rejected: the name: 1025 bytes are more than the 1024 that one may have");
}

#[test]
fn a_conversation_is_renamed() {
    check(&[start(1, "trip"), rename(1, "tour")], "2 conversation/1 v2 conversation.renamed name=746f7572 | name=tour");
    check(&[start(1, "trip"), say(1, 9), rename(1, "trip")], "already: conversation/1 at 1");
    check(&[start(1, ""), rename(1, "trip"), say(1, 9), rename(1, "trip")], "already: conversation/1 at 2");
    check(&[rename(1, "trip")], "rejected: there is no conversation 1");
    check(&[start(1, ""), delete(1), rename(1, "trip")], "rejected: there is no conversation 1");
    check(&[start(1, ""), rename(1, "")], "rejected: the name: it is empty");
}

#[test]
fn a_conversation_is_deleted_once() {
    check(&[start(1, ""), delete(1)], "2 conversation/1 v2 conversation.deleted");
    check(&[start(1, ""), delete(1), delete(1)], "already: conversation/1 at 2");
    check(&[delete(1)], "rejected: there is no conversation 1");
}

#[test]
fn a_message_follows_the_selected_one_the_one_it_names_or_none() {
    let added = |position: u64, message: &str, parent: &str| {
        let version = position;
        format!(
            "{position} conversation/1 v{version} conversation.message_added message={message}{parent} role=user size=5 tool_calls=0 \
             selected=true | content=hello"
        )
    };
    check(&[start(1, ""), say(1, 9)], &added(2, "9", ""));
    check(&[start(1, ""), say(1, 9), say(1, 8)], &added(3, "8", " parent=9"));
    check(&[start(1, ""), say(1, 9), say(1, 8), add(1, behind(Parent::Root, 7))], &added(4, "7", ""));
    check(
        &[start(1, ""), say(1, 9), say(1, 8), add(1, behind(Parent::Message(MessageId(9)), 7))],
        &added(4, "7", " parent=9"),
    );
    check(&[start(1, ""), say(1, 9), say(1, 8), select(1, 9), say(1, 7)], &added(5, "7", " parent=9"));
    check(
        &[start(1, ""), start(2, ""), say(2, 9), add(1, behind(Parent::Message(MessageId(9)), 7))],
        "rejected: there is no message 9",
    );
    check(&[start(1, ""), add(1, behind(Parent::Message(MessageId(7)), 7))], "rejected: there is no message 7");
}

#[test]
fn everything_about_a_message_is_recorded() {
    let call = ToolCall { id: "c1".to_owned(), name: "read".to_owned(), arguments: "{}".to_owned() };
    let body = MessageBody {
        content: String::new(),
        author: Some("Ada".to_owned()),
        tool_calls: vec![call; 2],
        tool_call_id: Some("c0".to_owned()),
        meta: Some("{}".to_owned()),
    };
    let message = NewMessage {
        role: Role::Assistant,
        body,
        model: Some("offline".to_owned()),
        occurred_at: Some(crate::Timestamp(1)),
        interrupted: true,
        selected: false,
        ..message(9, "")
    };
    check(
        &[start(1, ""), add(1, message)],
        "2 conversation/1 v2 conversation.message_added message=9 role=assistant size=0 tool_calls=2 model=offline \
         occurred_at=1970-01-01T00:00:00.001Z interrupted=true | content= author=Ada \
         tool_calls=[{arguments:{},id:c1,name:read},{arguments:{},id:c1,name:read}] tool_call_id=c0 meta={}"
            .replace("{arguments:{},id:c1,name:read}", "{id:c1,name:read,arguments:{}}")
            .as_str(),
    );
}

#[test]
fn a_message_is_added_once() {
    check(&[start(1, ""), say(1, 9), say(1, 8), say(1, 9)], "already: conversation/1 at 2");
    check(&[start(1, ""), start(2, ""), say(1, 9), say(2, 9)], "rejected: message 9 is in conversation 1");
    check(&[say(1, 9)], "rejected: there is no conversation 1");
    check(&[start(1, ""), delete(1), say(1, 9)], "rejected: there is no conversation 1");
}

#[test]
fn a_branch_is_selected_by_its_last_message() {
    check(
        &[start(1, ""), say(1, 9), say(1, 8), select(1, 9)],
        "4 conversation/1 v4 conversation.branch_selected message=9",
    );
    check(&[start(1, ""), say(1, 9), say(1, 8), select(1, 8)], "already: conversation/1 at 3");
    check(&[start(1, ""), select(1, 9)], "rejected: there is no message 9");
    check(&[start(1, ""), start(2, ""), say(2, 9), select(1, 9)], "rejected: there is no message 9");
    check(&[select(1, 9)], "rejected: there is no conversation 1");
    check(&[start(1, ""), say(1, 9), delete(1), select(1, 9)], "rejected: there is no conversation 1");
}

#[test]
fn what_cannot_be_a_message_is_rejected() {
    let no = |message: NewMessage, why: &str| check(&[start(1, ""), add(1, message)], &format!("rejected: {why}"));
    let said = |change: fn(&mut NewMessage)| {
        let mut message = message(9, "hello");
        change(&mut message);
        message
    };
    no(message(9, " \n"), "the message: it is empty");
    no(
        said(|m| m.body.content = "a".repeat(MAX_TEXT_BYTES + 1)),
        "the message: 16777217 bytes are more than the 16777216 that one may have",
    );
    no(
        said(|m| m.body.meta = Some("a".repeat(MAX_TEXT_BYTES + 1))),
        "the meta: 16777217 bytes are more than the 16777216 that one may have",
    );
    no(
        said(|m| m.model = Some("a".repeat(MAX_NAME_BYTES + 1))),
        "the model: 1025 bytes are more than the 1024 that one may have",
    );
    no(
        said(|m| {
            m.body.tool_calls =
                vec![ToolCall { id: String::new(), name: String::new(), arguments: String::new() }; 65536]
        }),
        "the message: it asks for more than 65535 tool calls",
    );
    no(
        said(|m| m.body.author = Some("a".repeat(64 * 1024 * 1024))),
        "the body: 67108896 bytes are more than the 67108864 that one may have",
    );
}

#[test]
fn the_result_of_a_tool_may_be_empty() {
    let empty = NewMessage { role: Role::Tool, ..message(9, "") };
    check(
        &[start(1, ""), add(1, empty)],
        "2 conversation/1 v2 conversation.message_added message=9 role=tool size=0 tool_calls=0 selected=true | content=",
    );
}

fn compact(from: u128, through: u128) -> Command {
    let (from, through, model) = (MessageId(from), MessageId(through), "offline".to_owned());
    // The writer counts the messages itself.
    let compacted = Compacted { from, through, messages: 99, model, usage: Usage::default() };
    Command::Compact { conversation: ConversationId(1), compacted, summary: "tea".to_owned() }
}

fn uncompact(position: u64) -> Command {
    Command::Uncompact { conversation: ConversationId(1), compaction: Position(position) }
}

/// A conversation with messages 11, 12, 13, 14 at positions 2 to 5, 15 beside 13 at 6, and another one with 21 at 8.
fn with_messages(more: &[Command]) -> Vec<Command> {
    let branch = add(1, NewMessage { selected: false, ..behind(Parent::Message(MessageId(12)), 15) });
    let begun = [start(1, ""), say(1, 11), say(1, 12), say(1, 13), say(1, 14), branch, start(2, ""), say(2, 21)];
    [&begun[..], more].concat()
}

#[test]
fn messages_that_follow_each_other_are_compacted() {
    // Ids are shown in base 32: B is 11, F is 15.
    let check = |from, through, shown: &str| {
        let line = format!("9 conversation/1 v7 conversation.compacted {shown} model=offline");
        let usage = "usage={input_tokens:0,output_tokens:0,cost_micros:0}";
        check(&with_messages(&[compact(from, through)]), &format!("{line} {usage} | summary=tea"));
    };
    check(11, 13, "from=B through=D messages=3");
    check(11, 14, "from=B through=E messages=4");
    check(12, 12, "from=C through=C messages=1");
    // Also on a branch that is not the selected one.
    check(11, 15, "from=B through=F messages=3");
}

#[test]
fn what_does_not_follow_each_other_is_no_range() {
    let check = |from, through, expected: &str| check(&with_messages(&[compact(from, through)]), expected);
    check(13, 11, "rejected: the range: message D does not come before B");
    check(13, 15, "rejected: the range: message D does not come before F");
    check(11, 99, "rejected: there is no message 33");
    check(99, 11, "rejected: there is no message 33");
    check(11, 21, "rejected: there is no message N");
    check(21, 11, "rejected: there is no message N");
}

#[test]
fn a_compaction_has_its_limits_and_its_conversation() {
    check(&[compact(11, 11)], "rejected: there is no conversation 1");
    check(&with_messages(&[delete(1), compact(11, 12)]), "rejected: there is no conversation 1");
    let Command::Compact { conversation, compacted, .. } = compact(11, 12) else { unreachable!("it compacts") };
    let summary = "a".repeat(MAX_TEXT_BYTES + 1);
    let long = Command::Compact { conversation, compacted: compacted.clone(), summary };
    let why = "rejected: the summary: 16777217 bytes are more than the 16777216 that one may have";
    check(&with_messages(&[long]), why);
    let nobody = Compacted { model: String::new(), ..compacted };
    let nobody = Command::Compact { conversation, compacted: nobody, summary: String::new() };
    check(&with_messages(&[nobody]), "rejected: the model: it is empty");
}

#[test]
fn a_compaction_is_undone_once() {
    let begun = with_messages(&[compact(11, 12), compact(11, 13)]);
    let check = |more: &[Command], expected: &str| check(&[&begun[..], more].concat(), expected);
    check(&[uncompact(9)], "11 conversation/1 v9 conversation.uncompacted compaction=9");
    check(&[uncompact(9), uncompact(10)], "12 conversation/1 v10 conversation.uncompacted compaction=10");
    check(&[uncompact(9), uncompact(9)], "rejected: there is no compaction 9");
    check(&[uncompact(8)], "rejected: there is no compaction 8");
    check(&[delete(1), uncompact(9)], "rejected: there is no conversation 1");
    let elsewhere = Command::Uncompact { conversation: ConversationId(2), compaction: Position(9) };
    check(&[elsewhere], "rejected: there is no compaction 9");
}
