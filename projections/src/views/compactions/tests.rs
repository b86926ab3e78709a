//! Compactions: which ranges of which conversations.

use super::*;
use crate::event::conversation::{Compacted, Deleted, Uncompacted};
use crate::event::run::Usage;
use crate::testing::{assert_lines, fold};

fn compacted(from: u128, through: u128) -> Event {
    let (from, through, model) = (MessageId(from), MessageId(through), "offline".to_owned());
    Compacted { from, through, messages: 3, model, usage: Usage::default() }.into()
}

fn uncompacted(position: u64) -> Event {
    Uncompacted { compaction: Position(position) }.into()
}

/// Folds events of conversations; the compactions of each, and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let events: Vec<_> = events.iter().map(|(id, event)| (ConversationId(*id).into(), event.clone())).collect();
    let (compactions, anomalies) = fold::<Compactions>(&events);
    let mut text = String::new();
    for (id, of) in &compactions.of {
        assert!(!of.is_empty(), "a conversation without one is not kept");
        assert_eq!(compactions.of(*id), &of[..]);
        for Compaction { from, through, messages, position } in of {
            text += &format!("{}: {}..{}, {messages} at {position}\n", id.0, from.0, through.0);
        }
    }
    assert_eq!(compactions.of(ConversationId(99)), []);
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn ranges_are_kept_by_conversation_oldest_first() {
    check(
        &[(2, compacted(21, 23)), (1, compacted(14, 16)), (1, compacted(11, 13))],
        "1: 14..16, 3 at 2
         1: 11..13, 3 at 3
         2: 21..23, 3 at 1",
    );
}

#[test]
fn one_is_undone_by_its_position_and_once() {
    check(&[(1, compacted(11, 13)), (1, compacted(11, 13)), (1, uncompacted(1))], "1: 11..13, 3 at 2");
    check(
        &[(1, compacted(11, 13)), (1, uncompacted(2)), (2, uncompacted(1)), (1, uncompacted(1)), (1, uncompacted(1))],
        "!2 there is no compaction at 2
         !3 there is no compaction at 1
         !5 there is no compaction at 1",
    );
}

#[test]
fn those_of_a_deleted_conversation_are_gone() {
    check(&[(1, compacted(11, 13)), (2, compacted(21, 22)), (1, Deleted {}.into())], "2: 21..22, 3 at 2");
    check(&[(1, Deleted {}.into())], "");
}
