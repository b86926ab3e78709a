//! What several tests need: folders of skills, and scripts run with bounded time.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::invocation::{Invocation, invocation};
use crate::skill::{Origin, Skill};

/// Longest that a script may take here.
const MAX_TIME: Duration = Duration::from_secs(60);

/// Writes a file with its folders.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    fs::write(path, content).expect("a file");
}

/// A skill folder `name` in `into` with this SKILL.md.
pub(crate) fn skill_folder(into: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let folder = into.join(name);
    write(&folder.join("SKILL.md"), text);
    folder
}

/// A skill folder with nothing wrong.
pub(crate) fn good(into: &Path, name: &str) -> PathBuf {
    skill_folder(into, name, format!("---\nname: {name}\ndescription: Does {name}.\n---\n\nDo it.\n"))
}

/// A skill with one script.
pub(crate) fn with_script(into: &Path, name: &str, file: &str, content: &str) -> Skill {
    let folder = good(into, name);
    write(&folder.join("scripts").join(file), content);
    crate::load(&folder, Origin::User).expect("a skill")
}

/// Whether the problems are these, as `line: message begins so`.
pub(crate) fn check_lines(problems: &[crate::Problem], expected: &[(Option<u32>, &str)]) {
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), expected.len(), "{shown:#?}");
    for (problem, (line, words)) in problems.iter().zip(expected) {
        assert_eq!(problem.line, *line, "{problem}");
        assert!(problem.message.contains(words), "`{words}` in: {problem}");
    }
}

/// What a script came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// The JSON it printed.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_slice(&self.stdout).expect("JSON")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("UTF-8")
    }
}

/// Runs a script of a skill.
pub(crate) fn run(skill: &Skill, script: &str, arguments: &Value, work: &Path) -> Ran {
    run_within(&invocation(skill, script, arguments, work).expect("a call"), MAX_TIME).expect("in time")
}

/// Runs it at most so long, in an environment with a path alone; nothing if it took longer.
pub(crate) fn run_within(invocation: &Invocation, limit: Duration) -> Option<Ran> {
    let mut child = Command::new(&invocation.argv[0])
        .args(&invocation.argv[1..])
        .current_dir(&invocation.folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let (mut stdin, input) = (child.stdin.take().expect("stdin"), invocation.stdin.clone());
    // A script that does not read its input closes it.
    thread::spawn(move || drop(stdin.write_all(&input)));
    let stdout = collected(child.stdout.take().expect("stdout"));
    let stderr = collected(child.stderr.take().expect("stderr"));
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait().expect("its state") {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                child.kill().expect("its end");
                child.wait().expect("its end");
                return None;
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let wait = |receiver: mpsc::Receiver<Vec<u8>>| receiver.recv_timeout(limit).expect("its output");
    Some(Ran { code: status.code(), stdout: wait(stdout), stderr: text(wait(stderr)) })
}

fn collected(mut from: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("output");
        sender.send(bytes)
    });
    receiver
}
