//! The sandbox under attack. Every attack is shown to succeed without the sandbox and to be stopped by it: with the rights
//! of who runs the tests and, where that is root, of an ordinary user; with namespaces and without.
//!
//! - [`attacks`]: what is tried. [`world`]: what it is tried on. [`running`]: what else must hold while commands run.
//!
//! Needs `/usr/bin/python3`, and `setpriv` where root runs it.

mod attacks;
mod running;
mod world;

use std::net::TcpListener;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use crate::attacks::{ATTACKS, Attack, BEGUN, PRELUDE, WON};
use crate::world::{PYTHON, User, World};

/// How an attack is run.
#[derive(Clone, Copy, Debug)]
enum How {
    Freely,
    At(&'static str),
    /// With a port at which it is reached.
    Listening(&'static str),
}

impl Attack {
    /// Whether it got what it wanted, what there is to say, and what harm it did.
    fn run(&self, user: User, how: How) -> (bool, String, Option<String>) {
        let world = World::new(user, self.script);
        let script = format!("{PRELUDE}\n{}", self.script.trim());
        let program = [PYTHON.to_owned(), "-c".to_owned(), script, world.description().to_string()];
        let mut words = Vec::new();
        if let How::At(level) | How::Listening(level) = how {
            let work = world.path("work").display().to_string();
            let zo = world.zo.display().to_string();
            words.extend([&zo, "sandbox", "run", "--level", level, "--write", &work].map(str::to_owned));
            let limits = "--memory 256M --processes 64 --tmp 32M --output 4M --timeout 20 --";
            let port = matches!(how, How::Listening(_)).then(|| format!("--listen {} ", free_port()));
            let limits = port.unwrap_or_default() + limits;
            words.extend(limits.split(' ').map(str::to_owned));
        }
        words.extend(program);
        let output: Output = world.command(words).output().expect("it can be run");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let won = match self.late {
            None => String::from_utf8_lossy(&output.stdout).contains(WON),
            Some(patience) => {
                let until = Instant::now() + patience;
                let marker = world.path("work/marker");
                while !marker.exists() && Instant::now() < until {
                    thread::sleep(Duration::from_millis(20));
                }
                marker.exists()
            }
        };
        // What was not even tried was not stopped.
        assert!(String::from_utf8_lossy(&output.stdout).contains(BEGUN), "{}: {said}", self.name);
        (won, format!("{}: {}", output.status, said.trim()), world.harm())
    }

    fn is_possible_for(&self, user: User) -> bool {
        user.is_root() || !self.root_only
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    listener.local_addr().expect("it is bound").port()
}

/// The attacks that this user can make.
fn attacks_of(user: User) -> impl Iterator<Item = &'static Attack> {
    ATTACKS.iter().filter(move |attack| attack.is_possible_for(user))
}

/// Users whose rights attackers can have here.
fn other_user() -> Option<User> {
    User::Own.is_root().then_some(User::Nobody)
}

#[track_caller]
fn all_succeed_freely(user: User) {
    let failed: Vec<String> = attacks_of(user)
        .filter_map(|attack| {
            let (won, said, _) = attack.run(user, How::Freely);
            (!won).then(|| format!("{}: {said}", attack.name))
        })
        .collect();
    assert!(
        failed.is_empty(),
        "without a sandbox these do not succeed, so that stopping them shows nothing:\n{}",
        failed.join("\n")
    );
}

#[track_caller]
fn all_are_stopped(user: User, how: How) {
    let got_through: Vec<String> = attacks_of(user)
        .filter_map(|attack| {
            let (won, said, harm) = attack.run(user, how);
            (won || harm.is_some()).then(|| format!("{}: {said} {}", attack.name, harm.unwrap_or_default()))
        })
        .collect();
    assert!(got_through.is_empty(), "not stopped:\n{}", got_through.join("\n"));
}

#[test]
fn there_are_enough_attacks() {
    assert!(attacks_of(User::Nobody).count() >= 25);
}

#[test]
fn every_attack_succeeds_without_a_sandbox() {
    all_succeed_freely(User::Own);
}

#[test]
fn every_attack_of_another_user_succeeds_without_a_sandbox() {
    other_user().into_iter().for_each(all_succeed_freely);
}

#[test]
fn namespaces_stop_every_attack() {
    all_are_stopped(User::Own, How::At("namespaces"));
}

#[test]
fn namespaces_stop_every_attack_of_another_user() {
    other_user().into_iter().for_each(|user| all_are_stopped(user, How::At("namespaces")));
}

#[test]
fn to_be_reached_at_a_port_opens_nothing_else() {
    all_are_stopped(User::Own, How::Listening("namespaces"));
}

#[test]
fn to_be_reached_at_a_port_opens_nothing_else_to_another_user() {
    other_user().into_iter().for_each(|user| all_are_stopped(user, How::Listening("namespaces")));
}

#[test]
fn landlock_stops_every_attack() {
    all_are_stopped(User::Own, How::At("landlock"));
}

#[test]
fn landlock_stops_every_attack_of_another_user() {
    other_user().into_iter().for_each(|user| all_are_stopped(user, How::At("landlock")));
}
