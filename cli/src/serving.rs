//! Whether a `zo serve` runs for a home, and where it listens: a note that it leaves in the home for as long as it runs.
//!
//! The note is a hint and no truth: it counts only if the process that wrote it is the one that holds the store.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zo_engine::client::Client;

/// What a `zo serve` says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Serving {
    /// Its process.
    pub(crate) pid: u32,
    /// Where the interface is; none without HTTP.
    pub(crate) api: Option<SocketAddr>,
    /// Where hosted files are.
    pub(crate) files: Option<SocketAddr>,
    /// Whether they speak TLS.
    pub(crate) tls: bool,
}

impl Serving {
    /// The address of the interface, as a client writes it.
    pub(crate) fn api_url(&self) -> Option<String> {
        self.api.map(|address| self.url(address))
    }

    /// The same for hosted files.
    pub(crate) fn files_url(&self) -> Option<String> {
        self.files.map(|address| self.url(address))
    }

    fn url(&self, address: SocketAddr) -> String {
        format!("{}://{address}", if self.tls { "https" } else { "http" })
    }

    /// Leaves the note.
    ///
    /// # Errors
    /// If the home cannot be written.
    pub(crate) fn announce(&self, home: &Path) -> io::Result<()> {
        let (file, new) = (note(home), note(home).with_extension("new"));
        // Whoever reads meets the whole note, or the one before.
        fs::write(&new, serde_json::to_vec(self)?)?;
        fs::rename(&new, &file)
    }

    /// Takes the note away, which says that it is over.
    pub(crate) fn withdraw(home: &Path) {
        let _ = fs::remove_file(note(home));
    }
}

/// The `zo serve` that a client talks to, if it does.
pub(crate) fn of(client: &Client, home: &Path) -> Option<Serving> {
    of_process(home, client.holder())
}

/// The `zo serve` that this process is, if it is one.
fn of_process(home: &Path, pid: u32) -> Option<Serving> {
    let serving: Serving = serde_json::from_slice(&fs::read(note(home)).ok()?).ok()?;
    (serving.pid == pid).then_some(serving)
}

fn note(home: &Path) -> PathBuf {
    home.join("run/serve.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_counts_for_who_wrote_it() {
        let home = tempfile::tempdir().expect("a scratch folder");
        fs::create_dir(home.path().join("run")).expect("a folder");
        let address = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        let serving = Serving { pid: 7, api: address(7733), files: None, tls: false };
        assert_eq!(of_process(home.path(), 7), None, "there is none");
        serving.announce(home.path()).expect("it can be written");
        assert_eq!(of_process(home.path(), 7), Some(serving.clone()));
        assert_eq!(of_process(home.path(), 8), None, "somebody else holds the store");
        assert_eq!((serving.api_url().as_deref(), serving.files_url()), (Some("http://127.0.0.1:7733"), None));
        Serving::withdraw(home.path());
        assert_eq!(of_process(home.path(), 7), None);
    }
}
