//! The program on a pseudo-terminal: what a person sees, and what happens when a person types.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Long enough for a slow machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

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
pub fn run_on_terminal(command: Command, typed: &str) -> Seen {
    let mut terminal = Terminal::start(command);
    terminal.type_in(typed);
    terminal.end()
}

/// A program that runs on a terminal of its own, and a person before it.
pub struct Terminal {
    child: Child,
    /// Path of the end that the program has.
    name: OsString,
    keyboard: File,
    screen: Arc<Screen>,
    reading: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Screen {
    shown: Mutex<Vec<u8>>,
    changed: Condvar,
}

impl Terminal {
    /// Starts the program.
    ///
    /// # Panics
    /// If the system has no pseudo-terminals, or the program cannot be run.
    pub fn start(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("the system has pseudo-terminals");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("it is ours");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let open = || -> OwnedFd {
            rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end can be opened")
        };
        command.stdin(Stdio::from(open())).stdout(Stdio::from(open())).stderr(Stdio::from(open()));
        let child = command.spawn().expect("the program can be run");
        // The command holds the other end open too, and then nobody would ever see its end.
        drop(command);
        let keyboard = File::from(master);
        let mut shown = keyboard.try_clone().expect("it can be opened twice");
        let screen = Arc::new(Screen::default());
        let seen = Arc::clone(&screen);
        let reading = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails (EIO) when the last one that had the terminal open is gone.
            while let Ok(length @ 1..) = shown.read(&mut buffer) {
                seen.shown.lock().expect("nobody panics with it").extend_from_slice(&buffer[..length]);
                seen.changed.notify_all();
            }
        });
        Self { child, name: OsString::from_vec(name.into_bytes()), keyboard, screen, reading: Some(reading) }
    }

    /// The program, to send it signals.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Whether the terminal shows what is typed, by itself.
    ///
    /// # Panics
    /// If it does not tell.
    pub fn echoes(&self) -> bool {
        let stty = Command::new("stty").arg("-F").arg(&self.name).arg("-a").output().expect("the system has stty");
        let modes = String::from_utf8_lossy(&stty.stdout).into_owned();
        assert!(stty.status.success(), "{}", String::from_utf8_lossy(&stty.stderr));
        modes.split_whitespace().any(|mode| mode == "echo")
    }

    /// Types.
    ///
    /// # Panics
    /// If the terminal takes nothing.
    pub fn type_in(&mut self, typed: &str) {
        self.keyboard.write_all(typed.as_bytes()).expect("a terminal takes what is typed");
    }

    /// Waits until `text` was shown so many times since the program was started.
    ///
    /// # Panics
    /// If that does not come to be.
    #[track_caller]
    pub fn wait_for(&self, text: &str, times: usize) {
        let shown = self.screen.shown.lock().expect("nobody panics with it");
        let missing = |shown: &mut Vec<u8>| String::from_utf8_lossy(shown).matches(text).count() < times;
        let (shown, waited) =
            self.screen.changed.wait_timeout_while(shown, PATIENCE, missing).expect("nobody panics with it");
        assert!(!waited.timed_out(), "{text:?} was not shown {times} times: {:?}", String::from_utf8_lossy(&shown));
    }

    /// Waits until the program ends.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn end(mut self) -> Seen {
        let reading = self.reading.take().expect("it ends once");
        let begun = Instant::now();
        while !reading.is_finished() {
            let shown =
                || String::from_utf8_lossy(&self.screen.shown.lock().expect("nobody panics with it")).into_owned();
            assert!(begun.elapsed() < PATIENCE, "it does not end: {:?}", shown());
            thread::sleep(Duration::from_millis(5));
        }
        reading.join().expect("the reading thread does not panic");
        let status = self.child.wait().expect("it ends");
        let screen = self.screen.shown.lock().expect("nobody panics with it");
        Seen { status, screen: String::from_utf8_lossy(&screen).into_owned() }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // After a failed test the program would wait for somebody to type.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
