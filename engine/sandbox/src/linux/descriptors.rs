//! Files that stages hand to each other, and those they must not.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, FdFlag, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// The first descriptor that is not a standard stream.
const FIRST: i32 = 3;

/// Closes every file this process inherited, but the standard streams and `kept`. To be called before any is opened.
pub(super) fn close_inherited(kept: &[i32]) -> io::Result<()> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        if let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) {
            open.push(number);
        }
    }
    for number in open.into_iter().filter(|number| *number >= FIRST && !kept.contains(number)) {
        // The folder that was listed is among them, and closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

/// An unnamed file in memory with these contents, which nobody can change any more; the next reader starts at its beginning.
pub(super) fn sealed(name: &str, contents: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
    let descriptor = memfd_create(name, MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC)?;
    let mut file = File::from(descriptor);
    contents(&mut file)?;
    file.flush()?;
    file.seek(SeekFrom::Start(0))?;
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file)
}

/// Lets a file pass an exec. Only in processes that start one thing at a time.
pub(super) fn keep_over_exec(file: &impl AsFd) -> io::Result<()> {
    fcntl(file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(())
}

/// Opens a file that was handed over by its number, from its beginning, and closes the handed one.
pub(super) fn take(number: i32) -> io::Result<File> {
    let file = File::open(format!("/proc/self/fd/{number}"))?;
    nix::unistd::close(number)?;
    Ok(file)
}

/// Opens the write end of a pipe that was handed over by its number, and closes the handed one.
pub(super) fn take_pipe(number: i32) -> io::Result<File> {
    let file = OpenOptions::new().write(true).open(format!("/proc/self/fd/{number}"))?;
    nix::unistd::close(number)?;
    Ok(file)
}
