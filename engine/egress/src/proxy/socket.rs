//! A proxy on a Unix socket, which is for its owner alone from the moment it can be seen.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::UnixListener;

use super::Serving;
use super::way::Way;
use crate::error::{EgressError, ErrorKind};
use crate::runtime::Inner;

/// A proxy on a Unix socket that runs. Dropping it closes its connections and removes its socket.
pub struct Proxy {
    path: PathBuf,
    serving: Serving,
}

impl Proxy {
    /// Starts a proxy at that path.
    pub(crate) fn start(inner: &Arc<Inner>, path: &Path) -> Result<Self, EgressError> {
        let way = Way::new(inner.policy.clone(), inner.names.clone(), None);
        let serving = Serving::start(inner, &way, || listen(path))?;
        Ok(Proxy { path: path.to_path_buf(), serving })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.stop();
        // Somebody may have removed it already.
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens at a path. The socket is made beside it and moved there when nobody else can open it.
fn listen(path: &Path) -> Result<UnixListener, EgressError> {
    let failed = |error: io::Error| {
        EgressError::new(ErrorKind::Proxy, format!("no proxy can listen at {}: {error}", path.display()))
            .hint("its folder must be there and writable, and the whole path is at most 100 bytes long")
    };
    make_room(path).map_err(failed)?;
    let made = beside(path);
    // One that a process of the same number left when it was killed.
    let _ = fs::remove_file(&made);
    let listener = UnixListener::bind(&made).map_err(failed)?;
    let moved = fs::set_permissions(&made, Permissions::from_mode(0o600)).and_then(|()| fs::rename(&made, path));
    if moved.is_err() {
        // What is left of it is in nobody's way.
        let _ = fs::remove_file(&made);
    }
    moved.map_err(failed)?;
    Ok(listener)
}

/// Removes a socket that nobody listens on.
fn make_room(path: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !there.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something else is there"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    name.into()
}
