//! Memories: what each event makes of each state.

use super::*;
use crate::event::memory::{Forgotten, Memorized, Retracted, Superseded};
use crate::testing::{assert_lines, digest_of, fold, letters, recorded};

fn memorized(text: &str) -> Event {
    Memorized { digest: digest_of(text), named: false, size: text.len() as u32, occurred_at: None }.into()
}

fn named(text: &str) -> Event {
    Memorized { digest: digest_of(text), named: true, size: text.len() as u32, occurred_at: None }.into()
}

fn superseded(text: &str) -> Event {
    Superseded { digest: digest_of(text), size: text.len() as u32, occurred_at: None }.into()
}

fn retracted() -> Event {
    Retracted {}.into()
}

fn forgotten() -> Event {
    Forgotten {}.into()
}

fn folded(events: &[(u128, Event)]) -> (Memories, String) {
    let events: Vec<_> = events.iter().map(|(id, event)| (MemoryId(*id).into(), event.clone())).collect();
    fold(&events)
}

/// Folds events of memories; the memories, the counts, and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let (memories, anomalies) = folded(events);
    let mut text = String::new();
    for memory in memories.iter() {
        let state = match memory.state {
            State::Live => "live".to_owned(),
            State::Retracted(since) => format!("retracted at {since}"),
            State::Forgotten(since) => format!("forgotten at {since}"),
        };
        text += &format!("{} {state}:", memory.id.0);
        for (revision, until) in &memory.older {
            text += &format!(" {} {}..{until}", letters(revision.digest), revision.position);
        }
        let until = memory.until.map_or(String::new(), |until| until.to_string());
        text += &format!(" {} {}..{until}\n", letters(memory.current.digest), memory.current.position);
    }
    text += &format!("{} live, {} retracted, {} bytes\n", memories.live(), memories.retracted(), memories.bytes());
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_memory_lives_through_revisions() {
    check(
        &[(1, memorized("tea")), (1, superseded("green tea")), (2, memorized("milk")), (1, superseded("mint"))],
        "1 live: tea 1..2 green tea 2..4 mint 4..
         2 live: milk 3..
         2 live, 0 retracted, 8 bytes",
    );
}

#[test]
fn a_retracted_memory_can_be_forgotten_and_both_can_come_back() {
    check(
        &[(1, memorized("tea")), (1, retracted()), (1, forgotten()), (2, named("milk")), (2, forgotten())],
        "1 forgotten at 3: tea 1..2
         2 forgotten at 5: milk 4..5
         0 live, 0 retracted, 0 bytes",
    );
    check(
        &[
            (1, memorized("tea")),
            (1, retracted()),
            (1, forgotten()),
            (1, memorized("tea")),
            (1, retracted()),
            (1, memorized("mint")),
        ],
        "1 live: tea 1..2 tea 4..5 mint 6..
         1 live, 0 retracted, 4 bytes",
    );
}

#[test]
fn every_event_in_every_state() {
    let states: [(&str, &[Event]); 4] = [
        ("was never memorized", &[]),
        ("is live", &[memorized("tea")]),
        ("was retracted at position 2", &[memorized("tea"), retracted()]),
        ("was forgotten at position 2", &[memorized("tea"), forgotten()]),
    ];
    let legal = |event: &Event, state: &str| match event {
        Event::Memorized(_) => state != "is live",
        Event::Superseded(_) | Event::Retracted(_) => state == "is live",
        Event::Forgotten(_) => state == "is live" || state.starts_with("was retracted"),
        _ => false,
    };
    for (state, before) in states {
        for event in [memorized("mint"), superseded("mint"), retracted(), forgotten()] {
            let events: Vec<_> = before.iter().chain([&event]).map(|event| (1, event.clone())).collect();
            let (_, anomalies) = folded(&events);
            let expected =
                if legal(&event, state) { String::new() } else { format!("!{} memory 1 {state}\n", events.len()) };
            assert_eq!(anomalies, expected, "{} of a memory that {state}", event.name());
        }
    }
}

/// Who is found by a content, after each event.
fn check_by_digest(text: &str, events: &[(u128, Event)], expected: &[u128]) {
    let found = |memories: &Memories| memories.by_digest(digest_of(text)).map_or(0, |memory| memory.id.0);
    let after: Vec<u128> = (1..=events.len()).map(|length| found(&folded(&events[..length]).0)).collect();
    assert_eq!(after, expected);
    let mut bytes = Vec::new();
    let (memories, _) = folded(events);
    memories.save(&mut bytes);
    let loaded = Memories::load(&bytes).expect("it was just saved");
    assert_eq!(found(&loaded), found(&memories), "the same after it was loaded");
}

#[test]
fn a_content_is_found_at_the_oldest_memory_that_has_it() {
    // Two memories come to have the same content when one is superseded with that of the other. The younger one must
    // not be lost when the older one goes, and not come into sight only after the next start.
    check_by_digest(
        "tea",
        &[
            (1, memorized("milk")),
            (2, memorized("tea")),
            (3, memorized("salt")),
            (3, superseded("tea")),
            (1, superseded("tea")),
            (2, retracted()),
            (1, superseded("milk")),
            (3, forgotten()),
            (2, memorized("tea")),
        ],
        &[0, 2, 2, 2, 1, 1, 3, 0, 2],
    );
    // The next oldest comes after it, and not the youngest.
    check_by_digest(
        "tea",
        &[
            (1, memorized("tea")),
            (2, memorized("a")),
            (3, memorized("b")),
            (3, superseded("tea")),
            (2, superseded("tea")),
            (1, retracted()),
            (2, retracted()),
        ],
        &[1, 1, 1, 1, 1, 2, 3],
    );
}

#[test]
fn a_memory_that_was_given_an_id_is_not_found_by_its_content() {
    check_by_digest("tea", &[(1, named("tea")), (2, memorized("tea")), (2, retracted())], &[0, 2, 0]);
    check_by_digest(
        "tea",
        &[(1, memorized("tea")), (1, retracted()), (1, named("tea")), (1, forgotten()), (1, memorized("tea"))],
        &[1, 0, 0, 0, 1],
    );
}

#[test]
fn only_the_newest_revision_of_a_live_memory_is_current() {
    let current = |events: &[(u128, Event)]| {
        let (memories, _) = folded(events);
        (0..4).filter(|position| memories.is_current(MemoryId(1), Position(*position))).collect::<Vec<_>>()
    };
    assert_eq!(current(&[(1, memorized("tea"))]), [1]);
    assert_eq!(current(&[(1, memorized("tea")), (1, superseded("mint"))]), [2]);
    assert_eq!(current(&[(1, memorized("tea")), (1, retracted())]), [0; 0]);
    assert_eq!(current(&[(2, memorized("tea"))]), [0; 0]);
}

#[test]
fn a_revision_knows_when_and_in_which_version_it_was_recorded() {
    let event = Memorized { digest: digest_of("tea"), named: true, size: 3, occurred_at: Some(Timestamp(-5)) };
    let mut memories = Memories::default();
    memories.apply(&recorded(9, MemoryId(1), 4, event)).expect("it is new");
    let memory = memories.get(MemoryId(1)).expect("it was just memorized");
    let revision = Revision {
        position: Position(9),
        version: 4,
        at: Timestamp(9),
        occurred_at: Some(Timestamp(-5)),
        digest: digest_of("tea"),
        size: 3,
    };
    assert_eq!((memory.current, memory.named, memory.older.len()), (revision, true, 0));
}

#[test]
fn a_state_with_one_id_twice_is_not_loaded() {
    let (memories, _) = folded(&[(1, memorized("tea"))]);
    let twice = vec![memories.all[0].clone(), memories.all[0].clone()];
    let mut bytes = Vec::new();
    save_value(&twice, &mut bytes);
    let error = Memories::load(&bytes).expect_err("one id is there twice").to_string();
    assert_eq!(error, "not a snapshot of this projection: memory 00000000000000000000000001 is there twice");
}
