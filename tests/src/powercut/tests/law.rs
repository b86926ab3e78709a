//! Laws over random stories of one file, against a model that keeps every state in memory.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::story::Story;
use crate::powercut::fate::{Cut, Fate};

const PAGE: usize = 4096;
const LONGEST: u64 = 5 * PAGE as u64;

#[derive(Clone, Debug)]
enum Step {
    Write { offset: u64, length: usize, letter: u8 },
    Length(u64),
    Sync,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0..LONGEST, 1..2 * PAGE, b'a'..=b'z')
            .prop_map(|(offset, length, letter)| Step::Write { offset, length, letter }),
        2 => (0..LONGEST).prop_map(Step::Length),
        1 => Just(Step::Sync),
    ];
    prop::collection::vec(step, 1..12)
}

/// The file as a process sees it after each step, and the index of the last synced state.
fn states(steps: &[Step]) -> (Vec<Vec<u8>>, usize) {
    let mut states = vec![Vec::new()];
    let mut synced = 0;
    for step in steps {
        let mut state = states.last().expect("it has begun").clone();
        match step {
            Step::Write { offset, length, letter } => {
                let (start, end) = (*offset as usize, *offset as usize + length);
                if state.len() < end {
                    state.resize(end, 0);
                }
                state[start..end].fill(*letter);
            }
            Step::Length(length) => state.resize(*length as usize, 0),
            Step::Sync => synced = states.len(),
        }
        states.push(state);
    }
    (states, synced)
}

fn story(steps: &[Step]) -> Story {
    let begin = Story::new().create("f").sync("f");
    steps.iter().fold(begin, |story, step| match step {
        Step::Write { offset, length, letter } => story.write_bytes("f", *offset, &vec![*letter; *length], false),
        Step::Length(length) => story.length_bytes("f", *length),
        Step::Sync => story.sync("f"),
    })
}

/// A page of a state, filled up with the zeros that would be read if the file were longer.
fn page(state: &[u8], page: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = state.iter().skip(page * PAGE).take(PAGE).copied().collect();
    bytes.resize(PAGE, 0);
    bytes
}

#[test]
fn every_page_and_the_length_come_from_states_since_the_sync() {
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(steps(), any::<u64>()), |(steps, seed)| {
        let (states, synced) = states(&steps);
        let since = &states[synced..];
        let story = story(&steps);
        let mut trace = story.trace();
        for fate in Fate::ALL {
            let home = trace.materialise(Cut { at: story.len(), fate, seed }).expect("an image");
            let left = std::fs::read(home.join("f")).expect("its name is durable");
            match fate {
                Fate::AllDropped => prop_assert_eq!(&left, &since[0]),
                Fate::AllKept => prop_assert_eq!(&left, &since[since.len() - 1]),
                Fate::Earlier => prop_assert!(since.contains(&left)),
                _ => {}
            }
            prop_assert!(since.iter().any(|state| state.len() == left.len()), "length {}", left.len());
            for index in 0..left.len().div_ceil(PAGE) {
                let here = &left[index * PAGE..left.len().min((index + 1) * PAGE)];
                // A kept shrinking or a dropped extension leaves zeros where no state had them.
                let known = since
                    .iter()
                    .map(|state| page(state, index))
                    .any(|page| here.iter().zip(&page).all(|(byte, before)| byte == before || *byte == 0));
                prop_assert!(known, "page {} of {:?} comes from nowhere", index, fate);
            }
        }
        Ok(())
    });
    result.expect("the law holds");
}
