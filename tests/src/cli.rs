//! Running the real `zo` as a user would: a scratch home, an environment of its own, and what came out.
//!
//! Start at [`Zo::new`]. The program is the one that `ZO_BIN` names, else the `zo` beside the test binary: build it first
//! (`cargo build --release -p zo`). [`terminal`] runs it on a pseudo-terminal, [`snapshot`] compares JSON.

pub mod snapshot;
pub mod terminal;

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

/// A scratch folder with a home in it, and the program.
pub struct Zo {
    scratch: TempDir,
    binary: PathBuf,
}

/// What a call came to.
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Default for Zo {
    fn default() -> Self {
        Self::new()
    }
}

impl Zo {
    /// A home that does not exist yet.
    ///
    /// # Panics
    /// If there is no scratch space or no program.
    pub fn new() -> Self {
        let scratch = tempfile::Builder::new().prefix("zo-test-").tempdir().expect("there is scratch space");
        Self { scratch, binary: binary() }
    }

    /// The scratch folder.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.scratch.path().join("home")
    }

    /// The program.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// A call that is yet to be made, in a hermetic environment.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.scratch());
        hermetic(&mut command, self.scratch(), &self.home());
        command
    }

    /// Calls it with nothing on stdin.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        let output = self.command(arguments).stdin(Stdio::null()).output();
        Ran::of(output.expect("the program can be run"))
    }

    /// Calls it with `input` on stdin.
    pub fn run_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: impl AsRef<[u8]>) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be run");
        let mut stdin = child.stdin.take().expect("it was asked for");
        let input = input.as_ref().to_vec();
        // On a thread of its own: who is refused may not read to the end, and who answers may not wait for it.
        let writing = thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("it ends");
        writing.join().expect("the writing thread does not panic");
        Ran::of(output)
    }

    /// Writes a file into the scratch folder; returns its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.scratch().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder in the scratch folder");
        }
        std::fs::write(&path, content).expect("a file in the scratch folder");
        path
    }
}

/// Nothing of the developer's own environment reaches the program.
fn hermetic(command: &mut Command, scratch: &Path, home: &Path) {
    command.env_clear();
    command.env("HOME", scratch).env("ZO_HOME", home).env("TMPDIR", scratch);
    command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("LANG", "C.UTF-8").env("TZ", "UTC");
}

/// The program: what `ZO_BIN` names, or `zo` two folders above the test binary.
fn binary() -> PathBuf {
    if let Some(named) = env::var_os("ZO_BIN") {
        return PathBuf::from(named);
    }
    let test = env::current_exe().expect("a test knows its own path");
    let found = test.ancestors().skip(1).map(|folder| folder.join("zo")).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("there is no zo beside {}: `cargo build --release -p zo`", test.display()))
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its exit code; 128 and the signal, if one ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default())
    }

    /// That it succeeded; what it printed, without the last line end.
    ///
    /// # Panics
    /// If it did not succeed.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code(), 0, "{self}");
        self.stdout.trim_end_matches('\n')
    }

    /// That it ended with this exit code, and printed nothing to stdout; what it said.
    ///
    /// # Panics
    /// If it ended otherwise.
    #[track_caller]
    pub fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code(), code, "{self}");
        &self.stderr
    }

    /// That it succeeded and printed JSON lines.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        assert_eq!(self.code(), 0, "{self}");
        lines_of_json(&self.stdout)
    }

    /// The one object that it printed.
    ///
    /// # Panics
    /// If it printed anything else.
    #[track_caller]
    pub fn json_object(&self) -> Value {
        let mut values = self.json();
        assert_eq!(values.len(), 1, "{self}");
        values.remove(0)
    }

    /// The error that it ended with under `--json`: the last line of stderr.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn json_error(&self) -> Value {
        let values = lines_of_json(&self.stderr);
        let error = values.last().and_then(|value| value.get("error")).cloned();
        error.unwrap_or_else(|| panic!("there is no error: {self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}\n--- stderr\n{}", self.code(), self.stdout, self.stderr)
    }
}

/// Every line as JSON.
///
/// # Panics
/// If a line is none.
#[track_caller]
pub fn lines_of_json(text: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(parse).collect()
}
