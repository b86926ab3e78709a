//! What the tests of this crate share: a writer without a disk, short texts for what it did, and golden files.

mod golden;
mod story;
mod writer;

pub(crate) use golden::{Golden, check_golden, fixture, read_golden, to_hex};
pub(crate) use story::{call_id, digest_of, message, samples, story};
pub(crate) use writer::{Writer, recorded};

use crate::command::{Command, Submission};
use crate::event::Event;
use crate::ids::{Digest, StreamId};
use crate::projection::Projection;
use crate::record::Actor;

/// Folds events, which lie at positions 1, 2, 3…; returns the state and the anomalies as text, one a line. Checks on
/// the way that an anomaly leaves the state as it was, and that every state is the same after it was saved and loaded.
pub(crate) fn fold<P: Projection>(events: &[(StreamId, Event)]) -> (P, String) {
    let mut versions = std::collections::BTreeMap::new();
    let (mut state, mut anomalies) = (P::default(), String::new());
    for ((stream, event), position) in events.iter().zip(1..) {
        let version = versions.entry(*stream).and_modify(|version| *version += 1).or_insert(1);
        let before = saved(&state);
        if let Err(anomaly) = state.apply(&recorded(position, *stream, *version, event.clone())) {
            assert_eq!(saved(&state), before, "{} at {position} changed the state", event.name());
            anomalies += &format!("!{} {}\n", anomaly.position, short(&anomaly.what));
        }
        let loaded = P::load(&saved(&state)).expect("it was just saved");
        assert_eq!(saved(&loaded), saved(&state), "after {} at {position}", event.name());
    }
    (state, anomalies)
}

/// What the last of some commands of a person comes to, when those before it were carried out.
pub(crate) fn told(commands: &[Command]) -> String {
    told_by(Actor::User, commands)
}

/// The same, when `actor` gives the last one.
pub(crate) fn told_by(actor: Actor, commands: &[Command]) -> String {
    let mut writer = Writer::default();
    let mut text = String::new();
    for (index, command) in commands.iter().enumerate() {
        let actor = if index + 1 == commands.len() { actor } else { Actor::User };
        text = writer.tell(Submission::new(actor, command.clone()));
    }
    assert_eq!(writer.views.anomalies, [], "what was decided is possible");
    text
}

/// What a projection saves.
pub(crate) fn saved(projection: &impl Projection) -> Vec<u8> {
    let mut bytes = Vec::new();
    projection.save(&mut bytes);
    bytes
}

/// The text that [`digest_of`] made a digest of.
pub(crate) fn letters(digest: Digest) -> String {
    digest.0.to_be_bytes().into_iter().filter(|byte| *byte != 0).map(char::from).collect()
}

/// Compares lines, without regard to how the expectation is indented.
#[track_caller]
pub(crate) fn assert_lines(actual: &str, expected: &str) {
    let lines = |text: &str| text.trim().lines().map(|line| line.trim().to_owned() + "\n").collect::<String>();
    let (actual, expected) = (lines(actual), lines(expected));
    assert!(actual == expected, "\n--- expected\n{expected}--- actual\n{actual}");
}

/// Takes the leading zeros out of ids and digests: `memory/0000000000000000000000000A` becomes `memory/A`.
pub(crate) fn short(text: &str) -> String {
    let mut out = String::new();
    for token in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = token.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let number = if word.len() >= 26 && word.starts_with("00000000") { word.trim_start_matches('0') } else { word };
        out.push_str(if number.is_empty() && !word.is_empty() { "0" } else { number });
        out.push_str(&token[word.len()..]);
    }
    out
}
