//! Frames on the home's socket: a little-endian `u32` length, then the bincode of the value.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::{Decode, Encode};

use crate::protocol::{MAX_FRAME_BYTES, VERSION};

/// Name of the socket within its folder.
pub const SOCKET: &str = "zo.sock";
/// A path longer than this does not fit into the address of a socket.
const MAX_SOCKET_PATH: usize = 100;

const CODEC: Configuration<LittleEndian, Fixint, Limit<MAX_FRAME_BYTES>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<MAX_FRAME_BYTES>();

/// The first frame of a connection, from the holder.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Hello {
    /// Number of the protocol it speaks.
    pub version: u32,
    /// Version of zo.
    pub zo_version: String,
    /// Its process id.
    pub pid: u32,
}

impl Hello {
    /// That of this process.
    pub fn new() -> Self {
        Self { version: VERSION, zo_version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() }
    }
}

impl Default for Hello {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes one frame; the caller flushes.
///
/// # Errors
/// If the peer is gone, or the value is longer than a frame may be.
pub fn write(output: &mut impl Write, value: &impl Encode) -> io::Result<()> {
    let bytes = bincode::encode_to_vec(value, CODEC).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= MAX_FRAME_BYTES);
    let length = length.ok_or_else(|| io::Error::other(format!("{} bytes are too long for a frame", bytes.len())))?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(&bytes)
}

/// Reads one frame; `None` if the peer has left between two.
///
/// # Errors
/// If the peer left within a frame, or what came is not a `T`.
pub fn read<T: Decode<()>>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::other(format!("a frame of {length} bytes is longer than one may be")));
    }
    let mut bytes = Vec::new();
    input.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (value, used) = bincode::decode_from_slice(&bytes, CODEC).map_err(io::Error::other)?;
    if used != bytes.len() {
        return Err(io::Error::other("a frame has bytes left over"));
    }
    Ok(Some(value))
}

/// A path to the socket in a folder that fits into a socket's address, however long the folder's own path is.
pub struct SocketPath {
    path: PathBuf,
    /// Keeps the path valid where it goes through the open folder.
    _folder: Option<OwnedFd>,
}

impl SocketPath {
    /// The path to the socket in `folder`, which must exist.
    ///
    /// # Errors
    /// If the folder cannot be opened.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(SOCKET);
        if path.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok(Self { path, _folder: None });
        }
        let folder: OwnedFd = std::fs::File::open(folder)?.into();
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()));
        Ok(Self { path, _folder: Some(folder) })
    }

    /// The path; valid for as long as this value lives.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Checks that the peer is a process of the same user.
///
/// # Errors
/// If it is not, or the system does not say.
#[cfg(target_os = "linux")]
pub fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    if peer.uid == rustix::process::geteuid() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {} is not the home's", peer.uid.as_raw())))
}

/// Elsewhere the folder's mode is what keeps other users away.
#[cfg(not(target_os = "linux"))]
pub fn check_peer(_stream: &UnixStream) -> io::Result<()> {
    Ok(())
}
