//! Killed in the middle of writing: what was acknowledged is there, and the vault opens.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// Names the place in which the child is to set keys.
const CHILD: &str = "ZO_VAULT_TEST_CHILD";
/// How many children are killed.
const KILLS: usize = 30;
/// The most keys that a child sets before; so many names it has for them.
const MAX_KEYS: usize = 5;
/// Longer than a child ever takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the child does for ever: sets a key after the other, says so, and writes the identity anew in between.
fn child(place: &Path) {
    let vault = Vault::new(place.join("home/vault"), place.join("config/zo/identity"));
    for number in 0.. {
        let name = format!("p{}", number % MAX_KEYS);
        vault.set(&name, &Secret::new(format!("key-{number}")), Unlock::Plain).expect("it opens");
        writeln!(std::io::stdout(), "set {number}").expect("somebody listens");
        vault.set_passphrase(None, None).expect("it opens");
    }
}

/// Whether a file is being written at this moment.
fn is_writing(place: &Path) -> bool {
    let folders = ["home/vault", "config/zo"].map(|folder| fs::read_dir(place.join(folder)));
    let mut names = folders.into_iter().flatten().flatten().flatten().map(|entry| entry.file_name());
    names.any(|name| name.as_encoded_bytes().ends_with(b".unfinished"))
}

#[test]
fn a_kill_leaves_the_old_vault_or_the_new_one() {
    if let Some(place) = std::env::var_os(CHILD) {
        return child(Path::new(&place));
    }
    let mut in_the_middle = 0;
    for kill in 0..KILLS {
        let place = Place::new();
        let mut child = Command::new(std::env::current_exe().expect("we run"))
            .args(["--exact", "kill::a_kill_leaves_the_old_vault_or_the_new_one", "--nocapture"])
            .env(CHILD, place.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be run again");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut sets = output.lines().map_while(Result::ok).filter_map(|line| {
            // The harness says things of its own, and its last words stand before the child's first.
            line.rsplit_once("set ").and_then(|(_, number)| number.parse::<usize>().ok())
        });
        let mut acknowledged = sets.by_ref().take(kill % (2 * MAX_KEYS)).last();
        let until = Instant::now() + PATIENCE;
        while !is_writing(place.folder.path()) && Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        acknowledged = sets.last().or(acknowledged);
        in_the_middle += usize::from(is_writing(place.folder.path()));

        // Of the names that were set, each has its last key that was acknowledged, or the one that was not any more.
        let next = acknowledged.map_or(0, |last| last + 1);
        let kept = keys(&place.vault(), Unlock::Plain);
        for (place_of_name, name) in (0..MAX_KEYS).map(|number| (number, format!("p{number}"))) {
            let last = (0..next).rev().find(|number| number % MAX_KEYS == place_of_name);
            let allowed = [last, Some(next).filter(|next| next % MAX_KEYS == place_of_name).or(last)];
            let key = kept.get(&name).map(|key| key["key-".len()..].parse().expect("it is one of ours"));
            assert!(allowed.contains(&key), "kill {kill}: {name} is {key:?}, and should be one of {allowed:?}");
        }
        // And everything goes on.
        place.vault().set("after", &Secret::new(KEY), Unlock::Plain).expect("it opens");
        place.vault().set_passphrase(None, None).expect("it opens");
        assert!(!is_writing(place.folder.path()), "what the child has left is swept");
    }
    eprintln!("{in_the_middle} of {KILLS} children were killed with a file half written");
    assert!(in_the_middle > 0, "not one child was killed in the middle of writing");
}
