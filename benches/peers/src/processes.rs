//! Servers of peers as processes: found, and started in a folder of their own.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A server that does not answer for so long does not come up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A program of a peer: on the path, or in one of these folders.
///
/// # Errors
/// If it is not there: says which packages have it.
pub(crate) fn program(name: &str, folders: &[&str], packages: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().map(PathBuf::from).chain(std::env::split_paths(&path));
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("there is no {name} here: apt-get install --no-install-recommends {packages}"))
}

/// Who a server runs as: those that refuse to run as root run as this user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    ids: Option<(u32, u32)>,
}

impl User {
    /// This process's user; if that is root, the one of this name, else `nobody`.
    pub(crate) fn not_root(name: &str) -> Result<Self> {
        let id = |arguments: &[&str]| -> Result<Option<u32>> {
            let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().context("cannot run id")?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
        };
        if id(&["-u"])? != Some(0) {
            return Ok(Self { ids: None });
        }
        for name in [name, "nobody"] {
            if let (Some(user), Some(group)) = (id(&["-u", name])?, id(&["-g", name])?) {
                return Ok(Self { ids: Some((user, group)) });
            }
        }
        bail!("neither {name} nor nobody is a user here, and a server is not to run as root")
    }

    /// Makes a folder that is this user's alone.
    pub(crate) fn make_folder(self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        if let Some((user, group)) = self.ids {
            chown(folder, Some(user), Some(group))?;
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        Ok(())
    }

    /// A command that runs as this user.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// Waits until a server that was started answers.
pub(crate) fn wait_for<T>(child: &mut Child, mut connect: impl FnMut() -> Result<T>) -> Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        let error = match connect() {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        if let Some(status) = child.try_wait()? {
            let mut said = String::new();
            if let Some(stderr) = &mut child.stderr {
                stderr.read_to_string(&mut said)?;
            }
            bail!("the server ended at once ({status}): {}", said.trim());
        }
        if Instant::now() > until {
            return Err(error.context("the server does not answer"));
        }
        thread::sleep(LOOK);
    }
}
