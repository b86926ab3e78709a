//! Builds the recorder, runs a process under it, and checks that nothing went past it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::FlockOperation;
use tempfile::TempDir;

use super::format::{Event, Name, Span, Writer};
use super::trace::Trace;

const SOURCE: &str = include_str!("../../powercut/recorder.c");
/// What is in the folder beforehand goes into the trace in pieces of this many bytes.
const BUFFER: usize = 1 << 20;

/// The way to record a process.
#[derive(Debug)]
pub struct PowerCut;

impl PowerCut {
    /// Runs `command` to its end and records what it and its children do below `root`, which must exist and may hold
    /// files: those count as durable. What it prints to stdout is taken as acknowledgements and kept in the trace; stdin and
    /// stderr are as `command` says.
    ///
    /// The command may kill itself or be killed: the trace ends there. With `ZO_TRACE` set nothing is run and that trace is
    /// taken.
    ///
    /// # Errors
    /// If there is no C compiler, the command cannot be run or fails, or it changed files past the recorder.
    pub fn record(mut command: Command, root: &Path) -> Result<Trace> {
        if let Some(trace) = std::env::var_os("ZO_TRACE") {
            return Trace::open(Path::new(&trace));
        }
        let recording = Self::prepare(&mut command, root)?;
        command.stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        if let Some(mut stdout) = child.stdout.take() {
            // Into the void: the recorder has the bytes. The end comes when the last process has closed it.
            std::io::copy(&mut stdout, &mut std::io::sink())?;
        }
        recording.finish(child.wait()?)
    }

    /// Sets `command` up to be recorded, for callers that run it themselves. They should not let it share its stdout
    /// with processes that say something else, and must wait for it and its children before [`Recording::finish`].
    ///
    /// # Errors
    /// If there is no C compiler, or `root` cannot be read.
    pub fn prepare(command: &mut Command, root: &Path) -> Result<Recording> {
        let scratch = scratch()?;
        let trace = scratch.path().join("trace");
        let root = root.canonicalize().with_context(|| format!("{} does not exist", root.display()))?;
        describe(&root, &trace)?;
        command
            .env("LD_PRELOAD", recorder()?)
            .env("POWERCUT_ROOT", &root)
            .env("POWERCUT_TRACE", &trace)
            .env_remove("POWERCUT_STDOUT");
        Ok(Recording { root, trace, scratch, killed: false })
    }
}

/// A process that is being recorded.
#[derive(Debug)]
pub struct Recording {
    root: PathBuf,
    trace: PathBuf,
    scratch: TempDir,
    /// Whether [`Recording::kill`] was used.
    killed: bool,
}

impl Recording {
    /// Sends SIGKILL at a moment at which every change that the process made is in the trace.
    ///
    /// # Errors
    /// If the trace cannot be locked or the process has been waited for.
    pub fn kill(&mut self, child: &mut Child) -> Result<()> {
        // The recorder holds this lock from before a change until after its record; closing the file releases it.
        let trace = File::options().write(true).open(&self.trace)?;
        rustix::fs::fcntl_lock(&trace, FlockOperation::LockExclusive)?;
        child.kill()?;
        self.killed = true;
        Ok(())
    }

    /// Reads the trace, after the process has ended with `status`.
    ///
    /// # Errors
    /// If it did not end well or be killed, or if the folder differs from what was recorded. This is not looked at if it
    /// was killed by other means than [`Recording::kill`]: then its last change may be missing in the trace, and nothing
    /// that follows in the trace can depend on it.
    pub fn finish(self, status: ExitStatus) -> Result<Trace> {
        let killed = status.signal() == Some(KILLED);
        ensure!(killed || status.success(), "the recorded command failed: {status}");
        let mut trace = Trace::open_in(&self.trace, self.scratch)?;
        ensure!(
            trace.first() > 0,
            "nothing was recorded: the recorder was not loaded (a static program, or one that may not be preloaded?)"
        );
        if !killed || self.killed {
            trace.compare(&self.root)?;
        }
        Ok(trace)
    }
}

/// SIGKILL.
const KILLED: i32 = 9;

/// A new folder on the disk that cargo builds on, for traces and images, which are large.
pub(crate) fn scratch() -> Result<TempDir> {
    let folder = target_folder();
    let builder = || tempfile::Builder::new().prefix("powercut-").tempdir_in(&folder);
    builder().with_context(|| format!("no folder can be made in {}", folder.display()))
}

/// `target/tmp`, or the system's folder for temporary files where the running program does not lie in a target folder.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    let folder = target.map(|target| target.join("tmp"));
    folder.filter(|folder| fs::create_dir_all(folder).is_ok()).unwrap_or_else(std::env::temp_dir)
}

/// The preloadable library, compiled if this version of it has not been yet.
fn recorder() -> Result<PathBuf> {
    let folder = target_folder();
    let digest = blake3::hash(SOURCE.as_bytes()).to_hex();
    let library = folder.join(format!("recorder-{}.so", &digest[..16]));
    if library.exists() {
        return Ok(library);
    }
    // In a folder of its own and then renamed: other test processes may be doing the same.
    let scratch = scratch()?;
    let source = scratch.path().join("recorder.c");
    let object = scratch.path().join("recorder.so");
    fs::write(&source, SOURCE)?;
    let output =
        Command::new("cc").args(["-O2", "-Wall", "-shared", "-fPIC", "-o"]).args([&object, &source]).output().context(
            "power-cut tests need a C compiler named cc (Debian: apt-get install gcc; Fedora: dnf install gcc)",
        )?;
    ensure!(output.status.success(), "recorder.c does not compile: {}", String::from_utf8_lossy(&output.stderr));
    fs::rename(&object, &library)?;
    Ok(library)
}

/// Begins a trace with what is in the folder already, as if it had been written and synced.
fn describe(root: &Path, trace: &Path) -> Result<()> {
    let mut writer = Writer::create(trace)?;
    let mut first_names = Vec::new();
    describe_folder(&mut writer, root, Path::new(""), &mut first_names)?;
    writer.append(&Event::SyncBegin { inode: 0, token: 0 }, b"")?;
    writer.append(&Event::SyncEnd { token: 0 }, b"")
}

/// `seen` holds the inodes of files with several names that were described already.
fn describe_folder(writer: &mut Writer, root: &Path, folder: &Path, seen: &mut Vec<u64>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let below = folder.join(entry.file_name());
        let path: Name = below.as_os_str().as_bytes().into();
        let status = entry.metadata()?;
        let (inode, mode) = (status.ino(), status.mode() & 0o7777);
        if status.is_dir() {
            writer.append(&Event::MakeFolder { inode, path, mode }, b"")?;
            describe_folder(writer, root, &below, seen)?;
        } else if status.is_symlink() {
            let text = fs::read_link(entry.path())?.as_os_str().as_bytes().into();
            writer.append(&Event::Symlink { inode, path, text }, b"")?;
        } else if status.is_file() && seen.contains(&inode) {
            writer.append(&Event::Link { inode, path }, b"")?;
        } else if status.is_file() {
            writer.append(&Event::Create { inode, path: Some(path), mode }, b"")?;
            describe_data(writer, &entry.path(), inode, status.len())?;
            if status.nlink() > 1 {
                seen.push(inode);
            }
        }
    }
    Ok(())
}

fn describe_data(writer: &mut Writer, path: &Path, inode: u64, length: u64) -> Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; BUFFER];
    let mut offset = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        // Holes stay holes as long as they are whole buffers.
        if buffer[..count].iter().any(|byte| *byte != 0) {
            let span = Span::default();
            writer.append(&Event::Write { inode, offset, data: span, synced: false, path: span }, &buffer[..count])?;
        }
        offset += count as u64;
    }
    writer.append(&Event::SetLength { inode, length }, b"")
}

/// Fails unless `image` holds what `real` does, apart from sockets and pipes and the data of `mapped` files.
pub(crate) fn compare(image: &Path, real: &Path, below: &Path, mapped: &HashSet<PathBuf>) -> Result<()> {
    let names = |root: &Path| -> Result<Vec<_>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(root.join(below))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() || kind.is_file() || kind.is_symlink() {
                names.push(entry.file_name());
            }
        }
        names.sort();
        Ok(names)
    };
    let (recorded, found) = (names(image)?, names(real)?);
    ensure!(recorded == found, "{below:?} holds {found:?}, but {recorded:?} were recorded");
    for name in recorded {
        let path = below.join(name);
        let (ours, theirs) = (image.join(&path), real.join(&path));
        let (our_kind, their_kind) =
            (fs::symlink_metadata(&ours)?.file_type(), fs::symlink_metadata(&theirs)?.file_type());
        ensure!(our_kind == their_kind, "{path:?} is a {their_kind:?}, but a {our_kind:?} was recorded");
        if our_kind.is_dir() {
            compare(image, real, &path, mapped)?;
        } else if our_kind.is_symlink() {
            ensure!(fs::read_link(&ours)? == fs::read_link(&theirs)?, "link {path:?} differs");
        } else if !mapped.contains(&path) {
            compare_files(&ours, &theirs).with_context(|| format!("file {path:?}"))?;
        }
    }
    Ok(())
}

fn compare_files(ours: &Path, theirs: &Path) -> Result<()> {
    let (ours, theirs) = (File::open(ours)?, File::open(theirs)?);
    let (our_length, length) = (ours.metadata()?.len(), theirs.metadata()?.len());
    ensure!(our_length == length, "it is {length} bytes long, but {our_length} were recorded");
    let (mut ours_buffer, mut theirs_buffer) = (vec![0; BUFFER], vec![0; BUFFER]);
    let mut offset = 0;
    while offset < length {
        let count = (length - offset).min(BUFFER as u64) as usize;
        ours.read_exact_at(&mut ours_buffer[..count], offset)?;
        theirs.read_exact_at(&mut theirs_buffer[..count], offset)?;
        if ours_buffer[..count] != theirs_buffer[..count] {
            let at = (0..count).find(|at| ours_buffer[*at] != theirs_buffer[*at]).unwrap_or_default();
            bail!("byte {} is not what was recorded", offset + at as u64);
        }
        offset += count as u64;
    }
    Ok(())
}
