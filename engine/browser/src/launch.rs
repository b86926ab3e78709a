//! Starting a browser, and ending it with all that it started.
//!
//! It is a process group of its own. One of its file descriptors is the end of a pipe from this process, which it takes for a connection
//! of DevTools; so it ends by itself when this process ends, also by SIGKILL. The other connection, over which it is driven, is a
//! WebSocket on loopback with an address that cannot be guessed; pages cannot connect to it, since it refuses whoever says an origin.

mod flags;
mod profile;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::error::OpenError;
use crate::options::SessionOptions;
use crate::process;
pub(crate) use profile::Profile;

/// How long a browser may take to be ready; it takes half a second on a machine that is idle.
const READY: Duration = Duration::from_secs(30);

/// How long one that was asked to end may take to write its profile.
const GRACE: Duration = Duration::from_secs(5);

/// Lines of what a browser says that are kept for when it fails.
const TAIL: usize = 12;

/// What of this process's environment a browser gets; no keys and tokens.
const ENVIRONMENT: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "LD_LIBRARY_PATH",
];

/// Hands the browser its pipe as descriptor 3, and nothing to write into as descriptor 4; `exec` keeps the process and its group.
const SHELL: &str = r#"exec "$@" 3<&0 4>/dev/null 0</dev/null"#;

/// A browser that runs. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// Closed, it ends the browser.
    pipe: Option<ChildStdin>,
    /// Where it is driven.
    pub(crate) address: String,
    /// Where it puts what it downloads, by number.
    pub(crate) incoming: PathBuf,
    /// What it needs for a while.
    temporary: PathBuf,
    profile: PathBuf,
}

impl Running {
    /// Starts a browser on this profile and waits until it can be driven.
    pub(crate) fn start(options: &SessionOptions, profile: &Profile) -> Result<Running, OpenError> {
        profile.take_over()?;
        let (incoming, temporary) = profile.folders()?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SHELL, "sh"]).arg(&options.program).args(flags::flags(options, profile.path()));
        command.env_clear().envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        // There may be no bus, and there is nothing to say on it; Chromium would try again and again.
        command.env("DBUS_SESSION_BUS_ADDRESS", "disabled:").env("DBUS_SYSTEM_BUS_ADDRESS", "disabled:");
        command.env("TMPDIR", &temporary);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        if let Err(source) = fs::metadata(&options.program) {
            return Err(OpenError::Program { program: options.program.clone(), source });
        }
        let mut child =
            command.spawn().map_err(|source| OpenError::Program { program: options.program.clone(), source })?;
        let pipe = child.stdin.take();
        let stderr = child.stderr.take().expect("asked for as a pipe");
        let mut running =
            Running { child, pipe, address: String::new(), incoming, temporary, profile: profile.path().to_owned() };
        profile.record(running.child.id());
        running.address = running.wait_until_ready(options, stderr)?;
        Ok(running)
    }

    /// The address that it says, or why it says none. What it says later is read too, since it would stop at a full pipe.
    fn wait_until_ready(&mut self, options: &SessionOptions, stderr: ChildStderr) -> Result<String, OpenError> {
        let (tx, rx) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("zo-browser-stderr".to_owned())
            .spawn(move || listen(stderr, &tx))
            .map_err(OpenError::Threads)?;
        let program = || options.program.clone();
        match rx.recv_timeout(READY) {
            Ok(Ok(address)) => Ok(address),
            Ok(Err(stderr)) => {
                let status = if process::ended(&mut self.child, Duration::from_secs(1)) {
                    self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
                } else {
                    "a closed stderr".to_owned()
                };
                Err(OpenError::Ended { program: program(), status, stderr })
            }
            Err(_) => Err(OpenError::Timeout { program: program(), seconds: READY.as_secs(), stderr: String::new() }),
        }
    }

    /// The browser's own process, which leads the group.
    pub(crate) fn leader(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended, if it does so within a moment.
    pub(crate) fn status_soon(&mut self) -> Option<String> {
        process::ended(&mut self.child, Duration::from_millis(200));
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Waits until it has ended by itself, which it was asked for, and ends it if it does not.
    pub(crate) fn finish(mut self) {
        self.pipe = None;
        process::ended(&mut self.child, GRACE);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        process::end(&mut self.child);
        profile::tidy(&self.profile, &self.temporary);
    }
}

/// Sends the first address that is said, or the last lines if the end comes first; reads on to the end.
fn listen(stderr: ChildStderr, tx: &mpsc::SyncSender<Result<String, String>>) {
    let mut tail: Vec<String> = Vec::new();
    for line in BufReader::new(stderr).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line).trim().chars().take(400).collect::<String>();
        if let Some(address) = line.strip_prefix("DevTools listening on ") {
            // Nobody listens any more when it took too long.
            let _ = tx.try_send(Ok(address.to_owned()));
        }
        if !line.is_empty() {
            tail.push(line);
            if tail.len() > TAIL {
                tail.remove(0);
            }
        }
    }
    let _ = tx.try_send(Err(tail.join("; ")));
}
