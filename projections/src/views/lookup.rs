//! Finding things in a vector by a key that they hold themselves.

use std::hash::{BuildHasher, Hash};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

/// Where the thing with a key lies: only its place is stored, so that a million of 16-byte ids cost 5 MB and not 33.
///
/// The keys stay where the things are; every call is given `key_of`, which reads the key of a place. The hash is
/// seeded at random: some ids are digests of what a person chose, and nobody can choose them to collide.
#[derive(Clone, Debug)]
pub(super) struct Lookup<Place> {
    places: HashTable<Place>,
    hasher: DefaultHashBuilder,
}

impl<Place> Default for Lookup<Place> {
    fn default() -> Self {
        Self { places: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl<Place: Copy + PartialEq> Lookup<Place> {
    /// The place of `key`.
    pub(super) fn get<Key: Hash + Eq>(&self, key: &Key, key_of: impl Fn(Place) -> Key) -> Option<Place> {
        self.places.find(self.hasher.hash_one(key), |&place| key_of(place) == *key).copied()
    }

    /// Says where `key` lies, unless that is known already: then nothing changes, and the answer is false.
    pub(super) fn insert<Key: Hash + Eq>(&mut self, key: &Key, place: Place, key_of: impl Fn(Place) -> Key) -> bool {
        let hasher = &self.hasher;
        let rehash = |&place: &Place| hasher.hash_one(key_of(place));
        match self.places.entry(hasher.hash_one(key), |&place| key_of(place) == *key, rehash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(place);
                true
            }
        }
    }

    /// Forgets that `key` lies at `place`; false if it does not.
    pub(super) fn remove<Key: Hash>(&mut self, key: &Key, place: Place) -> bool {
        match self.places.find_entry(self.hasher.hash_one(key), |&other| other == place) {
            Ok(entry) => {
                entry.remove();
                true
            }
            Err(_) => false,
        }
    }

    /// Makes room for so many more places.
    pub(super) fn reserve<Key: Hash>(&mut self, more: usize, key_of: impl Fn(Place) -> Key) {
        let hasher = &self.hasher;
        self.places.reserve(more, |&place| hasher.hash_one(key_of(place)));
    }
}
