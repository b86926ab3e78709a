//! Replies on their way: what has come of them, so that a process that dies in the middle loses none of it.
//!
//! ```text
//! arriving/RUN      "ZOAR", then frames: u32 length, [24] nonce, the piece sealed under the home's key      0600
//! ```
//!
//! The number of a frame and the run are sealed with it. Nothing is synced: what a killed process has written is in the
//! system's cache, and after a power cut the reply counts as cut off earlier. A file goes when its reply is in the log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use zo_projections::RunId;

use super::{DiskError, files};

const MAGIC: [u8; 4] = *b"ZOAR";
/// A piece is a few words; nobody sends more than this at once.
const MAX_PIECE: usize = 16 * 1024 * 1024;

/// The folder of replies on their way.
pub struct Arriving {
    folder: PathBuf,
    key: [u8; 32],
}

/// One reply on its way.
pub struct ArrivingReply {
    file: File,
    run: RunId,
    frames: u64,
    cipher: XChaCha20Poly1305,
}

impl Arriving {
    /// Replies in `folder`, sealed under `key`.
    pub fn new(folder: PathBuf, key: [u8; 32]) -> Self {
        Self { folder, key }
    }

    /// Begins the reply for a run; what an earlier call for it had brought is gone.
    ///
    /// # Errors
    /// If the disk says no.
    pub fn begin(&self, run: RunId) -> Result<ArrivingReply, DiskError> {
        files::make_folder(&self.folder)?;
        let path = self.path(run);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(DiskError::on("write", &path))?;
        file.write_all(&MAGIC).map_err(DiskError::on("write", &path))?;
        Ok(ArrivingReply { file, run, frames: 0, cipher: self.cipher() })
    }

    /// What has come for a run: up to the first piece that is not whole. Empty if nothing has.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn read(&self, run: RunId) -> Result<String, DiskError> {
        let path = self.path(run);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(DiskError::on("read", &path)(error)),
        };
        let cipher = self.cipher();
        let mut text = String::new();
        let mut rest = bytes.strip_prefix(&MAGIC).unwrap_or_default();
        for frame in 0.. {
            let Some((piece, behind)) = open_frame(&cipher, run, frame, rest) else { break };
            text.push_str(&piece);
            rest = behind;
        }
        Ok(text)
    }

    /// Whether anything was kept for a run.
    pub fn is_there(&self, run: RunId) -> bool {
        self.path(run).exists()
    }

    /// The runs that something is kept for.
    pub fn kept(&self) -> Vec<RunId> {
        let files = files::list(&self.folder).unwrap_or_default();
        files.iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect()
    }

    /// Forgets the reply for a run, which is in the log or came to nothing.
    pub fn end(&self, run: RunId) {
        let path = self.path(run);
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} stays behind: {error}", path.display());
        }
    }

    /// Forgets all but the replies for these runs.
    pub fn keep_only(&self, runs: impl Fn(RunId) -> bool) {
        for run in self.kept().into_iter().filter(|run| !runs(*run)) {
            self.end(run);
        }
    }

    fn path(&self, run: RunId) -> PathBuf {
        self.folder.join(run.to_string())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.key))
    }
}

impl ArrivingReply {
    /// Adds a piece. It outlives this process once this returns.
    ///
    /// # Errors
    /// If the disk says no; the reply itself is none the worse.
    pub fn add(&mut self, piece: &str) -> io::Result<()> {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(|error| io::Error::other(error.to_string()))?;
        let payload = Payload { msg: piece.as_bytes(), aad: &additional(self.run, self.frames) };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|error| io::Error::other(error.to_string()))?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        let mut frame = Vec::with_capacity(28 + sealed.len());
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(&nonce);
        frame.extend_from_slice(&sealed);
        self.file.write_all(&frame)?;
        self.frames += 1;
        Ok(())
    }
}

/// The piece in the first frame of `bytes`, and what is behind it; none if that is no whole frame.
fn open_frame<'a>(cipher: &XChaCha20Poly1305, run: RunId, frame: u64, bytes: &'a [u8]) -> Option<(String, &'a [u8])> {
    let (length, bytes) = bytes.split_first_chunk::<4>()?;
    let (nonce, bytes) = bytes.split_first_chunk::<24>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= MAX_PIECE)?;
    let (sealed, behind) = bytes.split_at_checked(length)?;
    let payload = Payload { msg: sealed, aad: &additional(run, frame) };
    let piece = cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
    Some((String::from_utf8(piece).ok()?, behind))
}

fn additional(run: RunId, frame: u64) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(&run.0.to_le_bytes());
    bytes[16..].copy_from_slice(&frame.to_le_bytes());
    bytes
}

/// Whether nothing is on its way: for a look at a folder, without a key.
#[cfg(test)]
pub(crate) fn is_empty(folder: &std::path::Path) -> bool {
    files::list(folder).unwrap_or_default().is_empty()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn arriving(folder: &Path) -> Arriving {
        Arriving::new(folder.join("arriving"), [7; 32])
    }

    #[test]
    fn what_came_is_there_up_to_the_first_piece_that_is_not_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let (arriving, run) = (arriving(folder.path()), RunId(5));
        let mut reply = arriving.begin(run).expect("it can be written");
        for piece in ["Grüße", ", ", "世界", "!"] {
            reply.add(piece).expect("it can be written");
        }
        assert_eq!(arriving.read(run).expect("it can be read"), "Grüße, 世界!");
        let path = arriving.path(run);
        let bytes = fs::read(&path).expect("it is there");
        assert!(!bytes.windows(5).any(|window| window == "Grü".as_bytes() || window == b"Gr\xc3\xbc\xc3"), "sealed");
        let mut seen = std::collections::BTreeSet::new();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).expect("it can be written");
            let text = arriving.read(run).expect("it can be read");
            assert!("Grüße, 世界!".starts_with(&text), "{text}");
            seen.insert(text);
        }
        assert_eq!(seen.len(), 4, "every whole piece counts");
        for place in MAGIC.len()..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            fs::write(&path, &damaged).expect("it can be written");
            assert!("Grüße, 世界!".starts_with(&arriving.read(run).expect("it can be read")));
        }
    }

    #[test]
    fn a_reply_belongs_to_its_run_and_goes_when_it_is_recorded() {
        let folder = tempfile::tempdir().expect("a folder");
        let arriving = arriving(folder.path());
        assert_eq!(arriving.read(RunId(1)).expect("nothing is there"), "");
        arriving.begin(RunId(1)).expect("it can be written").add("one").expect("it can be written");
        arriving.begin(RunId(2)).expect("it can be written").add("two").expect("it can be written");
        fs::copy(arriving.path(RunId(1)), arriving.path(RunId(3))).expect("it can be copied");
        assert_eq!(arriving.read(RunId(3)).expect("it can be read"), "", "what is sealed for another run is none");
        arriving.keep_only(|run| run == RunId(2));
        assert_eq!(arriving.read(RunId(1)).expect("it is gone"), "");
        assert_eq!(arriving.read(RunId(2)).expect("it can be read"), "two");
        arriving.end(RunId(2));
        assert!(is_empty(&folder.path().join("arriving")));
    }
}
