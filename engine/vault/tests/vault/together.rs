//! Several at once.

use std::sync::Barrier;
use std::thread;

use super::*;

const WRITERS: usize = 8;
const KEYS_EACH: usize = 6;

#[test]
fn no_key_is_lost_when_many_set_some_at_once() {
    let place = Place::new();
    let start = Barrier::new(WRITERS + 1);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            // Each with a vault of its own, as processes have; even the identity is not there yet.
            let (vault, start) = (place.vault(), &start);
            scope.spawn(move || {
                start.wait();
                for number in 0..KEYS_EACH {
                    let name = format!("p{writer}-{number}");
                    vault.set(&name, &Secret::new(format!("key-{name}")), Unlock::Plain).expect("it is free in time");
                    if number % 3 == 2 {
                        assert!(vault.remove(&name, Unlock::Plain).expect("it is free in time"));
                    }
                }
            });
        }
        // Who only reads sees a whole vault at any time.
        let (vault, start) = (place.vault(), &start);
        scope.spawn(move || {
            start.wait();
            while !vault.is_used() {
                thread::yield_now();
            }
            for _ in 0..50 {
                for (name, key) in vault.keys(Unlock::Plain).expect("it is whole") {
                    assert_eq!(key.expose(), format!("key-{name}"));
                }
            }
        });
    });
    let kept = keys(&place.vault(), Unlock::Plain);
    assert_eq!(kept.len(), WRITERS * (KEYS_EACH - KEYS_EACH / 3), "{kept:?}");
}

#[test]
fn homes_that_make_the_same_identity_at_once_share_it() {
    for _ in 0..10 {
        let place = Place::new();
        let start = Barrier::new(WRITERS);
        let vaults: Vec<_> = (0..WRITERS)
            .map(|home| Vault::new(place.folder.path().join(format!("home-{home}/vault")), place.identity()))
            .collect();
        thread::scope(|scope| {
            for vault in &vaults {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    vault.set("openai", &Secret::new(KEY), Unlock::Plain).expect("it is free in time");
                });
            }
        });
        for vault in &vaults {
            assert_eq!(keys(vault, Unlock::Plain).len(), 1);
        }
    }
}
