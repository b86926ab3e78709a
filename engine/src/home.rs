//! The folder of a home: where everything lies.
//!
//! ```text
//! HOME/format              the format's version and the home's id         kept
//!      lock                held by the process that has the store
//!      log/                journal, recent range, segments, head          kept
//!      blobs/              bodies too long for the log, by their hash     kept
//!      keys/               the home's key and the streams' keys, twice    kept
//!      vault/              keys of providers, encrypted with age         kept
//!      arriving/           replies on their way, sealed                   until they are recorded
//!      derived/snapshots/  the views as of some positions                 rebuilt
//!      derived/index/      the memory index: words and vectors             rebuilt
//!      cache/models/       embedding models that were fetched             fetched again
//!      run/                the holder's socket, mode 0700
//! ```
//!
//! What is not marked *kept* may be deleted at any time.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::disk::{DiskError, files};

/// Version of the folder's layout written by this code; a higher one is refused.
pub const FORMAT: u32 = 1;

/// The folder of a home, and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
    id: [u8; 16],
    used: bool,
}

/// Why a folder is no home that can be opened.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is nothing yet, and it was not to be made.
    #[error("there is no home at {folder}")]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// It is something else.
    #[error("{folder} is not a folder")]
    NotAFolder {
        /// The path.
        folder: PathBuf,
    },
    /// It is a folder with other things in it.
    #[error("{folder} is not empty, and not a home of zo")]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// A newer version of zo has written it.
    #[error("the home at {folder} has format {found}, and this version of zo knows {FORMAT} at the most")]
    Newer {
        /// The folder.
        folder: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The file `format` is damaged or gone, and the id cannot be had from the log either.
    #[error("{path} is damaged or gone, and the log does not say which home it is of")]
    NoId {
        /// The file.
        path: PathBuf,
    },
    /// The home was in use, and its log is gone.
    #[error("the log of the home at {folder} is gone: `log` holds no event, and the home had some")]
    LogGone {
        /// The folder.
        folder: PathBuf,
    },
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Home {
    /// Looks whether `folder` is a home or can become one, and makes the folder if `create` is set. Nothing is written
    /// into it: take the lock next, then [`Home::identify`].
    ///
    /// # Errors
    /// If the folder is something else, is not there, or cannot be read or made.
    pub fn prepare(folder: &Path, create: bool) -> Result<PathBuf, HomeError> {
        let folder = std::path::absolute(folder).map_err(DiskError::on("find", folder))?;
        match fs::metadata(&folder) {
            Ok(metadata) if !metadata.is_dir() => return Err(HomeError::NotAFolder { folder }),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !create {
                    return Err(HomeError::Missing { folder });
                }
                files::make_folder(&folder)?;
                // What is derived from sealed bodies lies here in clear: for the owner alone.
                fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
                    .map_err(DiskError::on("protect", &folder))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(HomeError::NotAFolder { folder });
            }
            Err(error) => return Err(DiskError::on("open", &folder)(error).into()),
        }
        let entries = entries(&folder)?;
        if entries.iter().any(|name| KEPT.contains(&name.as_str())) {
            return Ok(folder);
        }
        // A folder that someone else fills is not ours to write into.
        if !entries.iter().all(|name| OURS.contains(&name.as_str()) || files::is_temporary(Path::new(name))) {
            return Err(HomeError::Foreign { folder });
        }
        if create { Ok(folder) } else { Err(HomeError::Missing { folder }) }
    }

    /// Reads which home the folder is, and gives a new one the id `fresh_id`. The lock must be held. The second value says
    /// what was mended on the way, for people.
    ///
    /// # Errors
    /// If it was written by a newer version, or nothing says any more which home it is.
    pub fn identify(folder: PathBuf, fresh_id: u128) -> Result<(Self, Option<String>), HomeError> {
        let path = folder.join("format");
        let text = match fs::read(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(DiskError::on("read", &path)(error).into()),
        };
        match text.as_deref().map(parse) {
            Some(Some((format, _, _))) if format > FORMAT => Err(HomeError::Newer { folder, found: format }),
            Some(Some((_, id, used))) => Ok((Self { folder, id, used }, None)),
            found => {
                let kept = entries(&folder)?.into_iter().any(|name| KEPT.contains(&name.as_str()) && name != "format");
                if kept {
                    let id = crate::disk::journal::home_id(&folder.join("log"))
                        .ok_or(HomeError::NoId { path: path.clone() })?;
                    files::write_atomic(&path, &render(id, true), 0o600)?;
                    let what = if found.is_some() { "damaged" } else { "gone" };
                    let mended = format!("{} was {what}; written anew from the log", path.display());
                    return Ok((Self { folder, id, used: true }, Some(mended)));
                }
                let id = fresh_id.to_be_bytes();
                files::write_atomic(&path, &render(id, false), 0o600)?;
                Ok((Self { folder, id, used: false }, None))
            }
        }
    }

    /// Records that the log has an event: from now on an empty log is a log that is gone.
    ///
    /// # Errors
    /// If the disk says no.
    pub fn mark_used(&self) -> Result<(), HomeError> {
        Ok(files::write_atomic(&self.folder.join("format"), &render(self.id, true), 0o600)?)
    }

    /// Whether its log ever had an event.
    pub fn is_used(&self) -> bool {
        self.used
    }

    /// The folder, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The id: 128 bits that never change.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// `log/`.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// `blobs/`.
    pub fn blobs(&self) -> PathBuf {
        self.folder.join("blobs")
    }

    /// `keys/`.
    pub fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// `vault/`: the keys of providers.
    pub fn vault(&self) -> PathBuf {
        self.folder.join("vault")
    }

    /// `arriving/jobs/`: what jobs print that are running.
    pub fn job_logs(&self) -> PathBuf {
        self.arriving().join("jobs")
    }

    /// `service-logs/`: what services print.
    pub fn service_logs(&self) -> PathBuf {
        self.folder.join("service-logs")
    }

    /// `files/`: the contents of hosted files, sealed, in chunks.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// `browser/`: of each session its profile and what it has downloaded.
    pub fn browsers(&self) -> PathBuf {
        self.folder.join("browser")
    }

    /// `scratch/`: folders that jobs are given to work in.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// `arriving/`: replies on their way.
    pub fn arriving(&self) -> PathBuf {
        self.folder.join("arriving")
    }

    /// `derived/snapshots/`.
    pub fn snapshots(&self) -> PathBuf {
        self.folder.join("derived/snapshots")
    }

    /// `cache/models/`: models that were fetched.
    pub fn models(&self) -> PathBuf {
        self.folder.join("cache/models")
    }

    /// `cache/skills/`: the skills that ship with zo, as files.
    pub fn skills(&self) -> PathBuf {
        self.folder.join("cache/skills")
    }

    /// `derived/index/`.
    pub fn index(&self) -> PathBuf {
        self.folder.join("derived/index")
    }
}

/// Where a browser is installed for the home in `folder`: `cache/browser`.
pub fn browser_folder(folder: &Path) -> PathBuf {
    folder.join("cache/browser")
}

/// The browser that was installed for the home in `folder`, if one was.
pub fn installed_browser(folder: &Path) -> Option<PathBuf> {
    let named = std::fs::read_to_string(browser_folder(folder).join(BROWSER)).ok()?;
    Some(PathBuf::from(named.trim_end())).filter(|program| program.is_file())
}

/// Notes that a browser was installed for the home in `folder`.
///
/// # Errors
/// If it cannot be written down.
pub fn note_browser(folder: &Path, program: &Path) -> std::io::Result<()> {
    std::fs::write(browser_folder(folder).join(BROWSER), format!("{}\n", program.display()))
}

/// The file that names the program, in the folder where it was installed.
const BROWSER: &str = "program";

/// The lock file of the home in `folder`, whether there is one yet or not.
pub fn lock_path(folder: &Path) -> PathBuf {
    folder.join("lock")
}

/// The folder of the holder's socket.
pub fn socket_folder(folder: &Path) -> PathBuf {
    folder.join("run")
}

/// What a home cannot do without: where one of these is, there is a home, or what is left of one.
const KEPT: [&str; 4] = ["format", "log", "keys", "blobs"];
/// What a process may have made before it was killed in the middle of making a home.
const OURS: [&str; 3] = ["lock", "run", "derived"];

fn entries(folder: &Path) -> Result<Vec<String>, DiskError> {
    let entries = fs::read_dir(folder).map_err(DiskError::on("read", folder))?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

fn render(id: [u8; 16], used: bool) -> Vec<u8> {
    let state = if used { "used" } else { "new" };
    let lines = format!("zo home\nformat {FORMAT}\nid {:032x}\nstate {state}\n", u128::from_be_bytes(id));
    format!("{lines}check {:08x}\n", crc32fast::hash(lines.as_bytes())).into_bytes()
}

/// Format, id, and whether the log ever had an event.
fn parse(text: &[u8]) -> Option<(u32, [u8; 16], bool)> {
    let text = std::str::from_utf8(text).ok()?;
    let (lines, check) = text.split_at(text.rfind("check ")?);
    if check != format!("check {:08x}\n", crc32fast::hash(lines.as_bytes())) {
        return None;
    }
    let mut lines = lines.lines();
    if lines.next()? != "zo home" {
        return None;
    }
    let format = lines.next()?.strip_prefix("format ")?.parse().ok()?;
    let id = u128::from_str_radix(lines.next()?.strip_prefix("id ")?, 16).ok()?;
    Some((format, id.to_be_bytes(), lines.next() != Some("state new")))
}
