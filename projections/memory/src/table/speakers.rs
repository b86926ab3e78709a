//! Who speaks in the index, and whom a question names.

use std::collections::{BTreeSet, HashMap};

use crate::analysis;

use super::NONE;

/// A word that stands in more people's names than this names nobody.
const MAX_NAMED: usize = 64;

/// The different people who said something, by the words of their names: `anna` and `Anna` are one.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    /// By the name as it is spelled.
    numbers: HashMap<Box<str>, u32>,
    /// By the words of the name.
    by_words: HashMap<BTreeSet<String>, u32>,
    /// The people in whose names a word stands.
    by_word: HashMap<String, Vec<u32>>,
}

impl Speakers {
    /// The number of a name; [`NONE`] for the empty one.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return NONE;
        }
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let mut words = BTreeSet::new();
        analysis::for_each_term(name, |word| {
            words.insert(word.to_owned());
        });
        let next = self.by_words.len() as u32;
        let number = *self.by_words.entry(words.clone()).or_insert(next);
        if number == next {
            for word in words {
                self.by_word.entry(word).or_default().push(number);
            }
        }
        self.numbers.insert(name.into(), number);
        number
    }

    /// Whether a word stands in someone's name.
    pub(crate) fn is_in_a_name(&self, word: &str) -> bool {
        self.by_word.contains_key(word)
    }

    /// The people whom the words name. Someone of whom fewer words are here than of another one with
    /// the same words is not named: `Anna Okafor` does not name another Anna.
    pub(crate) fn named<'w>(&self, words: impl Iterator<Item = &'w str>) -> Vec<u32> {
        let mut having: HashMap<u32, Vec<&str>> = HashMap::new();
        for word in words {
            for number in self.by_word.get(word).map_or(&[][..], Vec::as_slice) {
                having.entry(*number).or_default().push(word);
            }
        }
        if having.len() > MAX_NAMED {
            return Vec::new();
        }
        let beaten = |number: u32, words: &[&str]| {
            having.iter().any(|(other, more)| {
                *other != number && more.len() > words.len() && words.iter().all(|word| more.contains(word))
            })
        };
        let named = having.iter().filter(|(number, words)| !beaten(**number, words));
        let mut named: Vec<u32> = named.map(|(number, _)| *number).collect();
        named.sort_unstable();
        named
    }

    pub(super) fn bytes_in_memory(&self) -> usize {
        const PER_NAME: usize = 200;
        self.numbers.len() * PER_NAME
    }
}
