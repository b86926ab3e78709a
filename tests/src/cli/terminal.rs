//! The program on a pseudo-terminal: what a person sees, and what happens when a person types.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What a person saw.
pub struct Seen {
    /// How the program ended.
    pub status: ExitStatus,
    /// Everything that reached the terminal, escape sequences included.
    pub screen: String,
}

/// Runs `command` on a terminal of its own, where a person has typed `typed` already.
///
/// # Panics
/// If the system has no pseudo-terminals, or the program cannot be run.
pub fn run_on_terminal(mut command: Command, typed: &str) -> Seen {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("the system has pseudo-terminals");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("it is ours");
    let name = ptsname(&master, Vec::new()).expect("it has a name");
    let open = || -> OwnedFd {
        rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end can be opened")
    };
    command.stdin(Stdio::from(open())).stdout(Stdio::from(open())).stderr(Stdio::from(open()));
    let mut child = command.spawn().expect("the program can be run");
    // The command holds the other end open too, and then nobody would ever see its end.
    drop(command);
    let mut master = File::from(master);
    master.write_all(typed.as_bytes()).expect("a terminal takes what is typed");
    let mut screen = Vec::new();
    let mut buffer = [0; 4096];
    // Reading fails (EIO) when the last one that had the terminal open is gone.
    while let Ok(length @ 1..) = master.read(&mut buffer) {
        screen.extend_from_slice(&buffer[..length]);
    }
    let status = child.wait().expect("it ends");
    Seen { status, screen: String::from_utf8_lossy(&screen).into_owned() }
}
