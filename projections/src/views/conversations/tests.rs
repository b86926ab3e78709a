//! Conversations: trees, names, and what cannot be.

use super::*;
use crate::event::conversation::{BranchSelected, Deleted, MessageAdded, Renamed, Started};
use crate::testing::{assert_lines, digest_of, fold, letters};

fn started(name: &str) -> Event {
    Started { name: (!name.is_empty()).then(|| digest_of(name)) }.into()
}

/// A message; `parent` 0 is none.
fn added(id: u128, parent: u128) -> MessageAdded {
    MessageAdded {
        message: MessageId(id),
        parent: (parent != 0).then_some(MessageId(parent)),
        role: Role::User,
        size: 5,
        tool_calls: 0,
        model: None,
        occurred_at: None,
        interrupted: false,
        selected: true,
    }
}

fn message(id: u128, parent: u128) -> Event {
    added(id, parent).into()
}

fn aside(id: u128, parent: u128) -> Event {
    MessageAdded { selected: false, ..added(id, parent) }.into()
}

fn selected(id: u128) -> Event {
    BranchSelected { message: MessageId(id) }.into()
}

fn renamed(name: &str) -> Event {
    Renamed { name: digest_of(name) }.into()
}

fn deleted() -> Event {
    Deleted {}.into()
}

fn folded(events: &[(u128, Event)]) -> (Conversations, String) {
    let events: Vec<_> = events.iter().map(|(id, event)| (ConversationId(*id).into(), event.clone())).collect();
    fold(&events)
}

/// Folds events of conversations; each with its name, its messages as `id<parent` and the selected branch, then the
/// counts and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let (conversations, anomalies) = folded(events);
    let mut text = String::new();
    for conversation in conversations.iter() {
        text += &format!("{}", conversation.id.0);
        if let Some((name, position)) = conversation.name {
            text += &format!(" {:?} from {position}", letters(name));
        }
        if let Some(position) = conversation.deleted {
            text += &format!(" deleted at {position}");
        }
        text += ":";
        for message in &conversation.messages {
            let parent = message.parent.map_or(0, |parent| conversation.messages[parent as usize].id.0);
            text += &format!(" {}<{parent}", message.id.0);
        }
        let branch: Vec<_> = conversation.branch().iter().map(|message| message.id.0).collect();
        text +=
            &format!(", selected {branch:?} of {}, changed {}\n", conversation.branches(), conversation.changed_at.0);
    }
    text += &format!("{} live, {} messages\n", conversations.live(), conversations.messages());
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn messages_make_a_tree_of_which_one_branch_is_selected() {
    check(
        &[
            (1, started("trip")),
            (1, message(11, 0)),
            (1, message(12, 11)),
            (1, message(13, 11)),
            (1, aside(14, 12)),
            (2, started("")),
            (2, aside(21, 0)),
            (1, message(15, 0)),
        ],
        "1 \"trip\" from 1: 11<0 12<11 13<11 14<12 15<0, selected [15] of 3, changed 8
         2: 21<0, selected [21] of 1, changed 7
         2 live, 6 messages",
    );
    check(
        &[(1, started("")), (1, message(11, 0)), (1, message(12, 11)), (1, message(13, 11)), (1, selected(12))],
        "1: 11<0 12<11 13<11, selected [11, 12] of 2, changed 5
         1 live, 3 messages",
    );
}

#[test]
fn what_is_said_of_a_message_is_kept() {
    let event = MessageAdded { role: Role::Assistant, size: 7, tool_calls: 3, interrupted: true, ..added(11, 0) };
    let (conversations, _) = folded(&[(1, started("")), (1, event.into())]);
    let (conversation, index) = conversations.by_message(MessageId(11)).expect("it was just added");
    let message = Message {
        id: MessageId(11),
        position: Position(2),
        parent: None,
        size: 7,
        role: Role::Assistant,
        interrupted: true,
        tool_calls: 3,
    };
    assert_eq!((conversation.id, index, conversation.messages[0]), (ConversationId(1), 0, message));
    assert_eq!((conversation.index_of(MessageId(11)), conversation.index_of(MessageId(12))), (Some(0), None));
}

#[test]
fn a_deleted_conversation_is_not_counted_and_takes_nothing_more() {
    check(
        &[
            (1, started("trip")),
            (1, message(11, 0)),
            (1, deleted()),
            (1, message(12, 11)),
            (1, selected(11)),
            (1, renamed("tour")),
            (1, deleted()),
            (1, started("trip")),
        ],
        "1 \"trip\" from 1 deleted at 3: 11<0, selected [11] of 1, changed 3
         0 live, 0 messages
         !4 conversation 1 was deleted before
         !5 conversation 1 was deleted before
         !6 conversation 1 was deleted before
         !7 conversation 1 was deleted before
         !8 conversation 1 was started before",
    );
}

#[test]
fn what_was_never_started_takes_nothing() {
    check(
        &[(1, message(11, 0)), (1, selected(11)), (1, renamed("tour")), (1, deleted())],
        "0 live, 0 messages
         !1 conversation 1 was never started
         !2 conversation 1 was never started
         !3 conversation 1 was never started
         !4 conversation 1 was never started",
    );
}

#[test]
fn a_message_is_added_once_and_follows_one_of_its_own_conversation() {
    check(
        &[
            (1, started("")),
            (2, started("")),
            (1, message(11, 0)),
            (2, message(21, 0)),
            (1, message(11, 0)),
            (2, message(11, 0)),
            (1, message(12, 21)),
            (1, message(12, 12)),
            (1, message(12, 99)),
            (1, selected(21)),
            (1, selected(99)),
            (1, started("")),
        ],
        "1: 11<0, selected [11] of 1, changed 3
         2: 21<0, selected [21] of 1, changed 4
         2 live, 2 messages
         !5 message B was added before
         !6 message B was added before
         !7 it follows message N, which is not there
         !8 it follows message C, which is not there
         !9 it follows message 33, which is not there
         !10 message N is not there
         !11 message 33 is not there
         !12 conversation 1 was started before",
    );
}

/// Who has a name, after each event.
fn check_by_name(name: &str, events: &[(u128, Event)], expected: &[u128]) {
    let found = |conversations: &Conversations| conversations.by_name(digest_of(name)).map_or(0, |found| found.id.0);
    let after: Vec<u128> = (1..=events.len()).map(|length| found(&folded(&events[..length]).0)).collect();
    assert_eq!(after, expected);
    let (conversations, _) = folded(events);
    let mut bytes = Vec::new();
    conversations.save(&mut bytes);
    let loaded = Conversations::load(&bytes).expect("it was just saved");
    assert_eq!(found(&loaded), found(&conversations), "the same after it was loaded");
}

#[test]
fn a_name_follows_renames_and_is_free_after_a_deletion() {
    check_by_name(
        "trip",
        &[
            (1, started("trip")),
            (1, renamed("tour")),
            (2, started("")),
            (2, renamed("trip")),
            (2, renamed("trip")),
            (2, deleted()),
            (1, renamed("trip")),
        ],
        &[1, 0, 0, 2, 2, 0, 1],
    );
}

#[test]
fn a_name_belongs_to_one_conversation_at_a_time() {
    // It used to go to the last one renamed, but to the oldest after the next start.
    check(
        &[(1, started("trip")), (2, started("trip")), (3, started("tour")), (3, renamed("trip"))],
        "1 \"trip\" from 1:, selected [] of 0, changed 1
         3 \"tour\" from 3:, selected [] of 0, changed 3
         2 live, 0 messages
         !2 the name belongs to conversation 1
         !4 the name belongs to conversation 1",
    );
    check_by_name("trip", &[(1, started("trip")), (3, started("tour")), (3, renamed("trip"))], &[1, 1, 1]);
}

/// Changes a good state before it is loaded.
fn check_load(change: impl Fn(&mut Vec<Conversation>), expected: &str) {
    let (conversations, _) = folded(&[
        (1, started("trip")),
        (1, message(11, 0)),
        (1, message(12, 11)),
        (2, started("tour")),
        (2, message(21, 0)),
    ]);
    let mut all = conversations.all;
    change(&mut all);
    let mut bytes = Vec::new();
    save_value(&all, &mut bytes);
    let loaded = Conversations::load(&bytes).map(|loaded| format!("{} messages", loaded.messages()));
    assert_eq!(
        loaded.map_err(|error| error.0),
        if expected.ends_with("messages") { Ok(expected.to_owned()) } else { Err(expected.to_owned()) }
    );
}

#[test]
fn a_state_that_no_fold_has_written_is_not_loaded() {
    check_load(|_| {}, "3 messages");
    check_load(
        |all| all[0].messages[1].parent = Some(1),
        "message 0000000000000000000000000C does not follow its parent",
    );
    check_load(
        |all| all[0].messages[0].parent = Some(7),
        "message 0000000000000000000000000B does not follow its parent",
    );
    check_load(|all| all[1].selected = Some(1), "conversation 00000000000000000000000002 selects what is not there");
    check_load(|all| all[1].id = all[0].id, "the id of conversation 00000000000000000000000001 is there twice");
    check_load(|all| all[1].name = all[0].name, "the name of conversation 00000000000000000000000002 is there twice");
    check_load(
        |all| all[1].messages[0].id = MessageId(11),
        "a message of conversation 00000000000000000000000002 is there twice",
    );
}
