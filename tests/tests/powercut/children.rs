//! Small programs that write to a folder and say on stdout what is durable, and what must hold of the folder after a
//! power cut. Some of them are right.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const CHILD: &str = "ZO_POWERCUT_CHILD";
const FOLDER: &str = "ZO_POWERCUT_FOLDER";
const RECORDS: u64 = 60;
/// Not a divisor of the page, so that records straddle pages.
const RECORD_LENGTH: usize = 3000;
const THREADS: u64 = 8;
const O_DSYNC: i32 = 0o10000;

/// What the process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child {
    AppendUnsynced,
    AppendSynced,
    AppendDirectlySynced,
    AcknowledgeEarly,
    ReplaceUnsynced,
    ReplaceWithoutFolder,
    ReplaceSynced,
    OverwriteInPlace,
    ManyThreads,
    Contention,
    Killed,
    Writer,
    Killer,
    Copy,
    SledFlushOnly,
    SledVerify,
}

const CHILDREN: [Child; 16] = [
    Child::AppendUnsynced,
    Child::AppendSynced,
    Child::AppendDirectlySynced,
    Child::AcknowledgeEarly,
    Child::ReplaceUnsynced,
    Child::ReplaceWithoutFolder,
    Child::ReplaceSynced,
    Child::OverwriteInPlace,
    Child::ManyThreads,
    Child::Contention,
    Child::Killed,
    Child::Writer,
    Child::Killer,
    Child::Copy,
    Child::SledFlushOnly,
    Child::SledVerify,
];

impl Child {
    /// This program, started as that child.
    pub(crate) fn command(self, folder: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("a running program has a path"));
        command
            .args(["children::child_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, format!("{self:?}"))
            .env(FOLDER, folder);
        command
    }

    fn run(self, folder: &Path) -> Result<()> {
        match self {
            Self::AppendUnsynced => append(folder, |_, number| say(number)),
            Self::AppendSynced => append(folder, |file, number| {
                file.sync_data()?;
                say(number)
            }),
            Self::AcknowledgeEarly => append(folder, |file, number| {
                say(number)?;
                Ok(file.sync_data()?)
            }),
            Self::Contention => contend(folder),
            Self::Killed => append(folder, |file, number| {
                file.sync_data()?;
                say(number)?;
                if number == 20 {
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
                }
                Ok(())
            }),
            Self::Writer => write_for_ever(folder),
            Self::Killer => kill_writers(folder),
            Self::AppendDirectlySynced => append_directly(folder),
            Self::ReplaceUnsynced => replace(folder, false, false),
            Self::ReplaceWithoutFolder => replace(folder, true, false),
            Self::ReplaceSynced => replace(folder, true, true),
            Self::OverwriteInPlace => overwrite(folder),
            Self::ManyThreads => many_threads(folder),
            Self::Copy => copy(folder),
            Self::SledFlushOnly => sled_flush_only(folder),
            Self::SledVerify => sled_verify(folder),
        }
    }
}

/// Not a test: where a child begins.
#[test]
fn child_process() -> Result<()> {
    let Ok(wanted) = std::env::var(CHILD) else {
        return Ok(());
    };
    let child = CHILDREN.into_iter().find(|child| format!("{child:?}") == wanted).context("no such child")?;
    child.run(Path::new(&std::env::var_os(FOLDER).context("a child needs its folder")?))
}

/// Acknowledges a number.
fn say(number: u64) -> Result<()> {
    // In one write, past std's buffer.
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(format!("ack {number}\n").as_bytes())?;
    Ok(stdout.flush()?)
}

/// The numbers that a child has acknowledged, among what the test harness printed.
pub(crate) fn acknowledged(stdout: &[u8]) -> Vec<u64> {
    let text = String::from_utf8_lossy(stdout);
    // A line may follow what the harness has begun. The last may be cut off.
    let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    lines.filter_map(|line| line.rsplit_once("ack ")?.1.parse().ok()).collect()
}

/// A number, bytes that follow from it, and their checksum.
fn record(number: u64) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(RECORD_LENGTH - 32, number as u8 | 0x80);
    let digest = blake3::hash(&bytes);
    bytes.extend(digest.as_bytes());
    bytes
}

fn append(folder: &Path, mut then: impl FnMut(&File, u64) -> Result<()>) -> Result<()> {
    let mut file = File::create(folder.join("log"))?;
    for number in 0..RECORDS {
        file.write_all(&record(number))?;
        then(&file, number)?;
    }
    Ok(())
}

fn append_directly(folder: &Path) -> Result<()> {
    let path = folder.join("log");
    File::create(&path)?.sync_all()?;
    let mut file = OpenOptions::new().append(true).custom_flags(O_DSYNC).open(&path)?;
    for number in 0..RECORDS {
        file.write_all(&record(number))?;
        say(number)?;
    }
    // At stake, so that the test is not about nothing.
    Ok(fs::write(folder.join("unsynced"), vec![1; 10_000])?)
}

/// Every record that was acknowledged is where it was written.
pub(crate) fn verify_records(home: &Path, acknowledged: &[u64]) -> Result<()> {
    verify_log(&home.join("log"), acknowledged, 0)
}

fn verify_log(path: &Path, acknowledged: &[u64], first: u64) -> Result<()> {
    let log = fs::read(path).unwrap_or_default();
    for number in acknowledged {
        let start = (number - first) as usize * RECORD_LENGTH;
        let found = log.get(start..start + RECORD_LENGTH);
        ensure!(found == Some(&record(*number)), "{number} was acknowledged and is lost");
    }
    Ok(())
}

fn replace(folder: &Path, sync_file: bool, sync_folder: bool) -> Result<()> {
    for number in 0..RECORDS {
        let temporary = folder.join("state.new");
        let mut file = File::create(&temporary)?;
        file.write_all(&record(number))?;
        if sync_file {
            file.sync_all()?;
        }
        fs::rename(&temporary, folder.join("state"))?;
        if sync_folder {
            File::open(folder)?.sync_all()?;
        }
        say(number)?;
    }
    Ok(())
}

/// The file is whole, and not older than what was acknowledged.
pub(crate) fn verify_replaced(home: &Path, acknowledged: &[u64]) -> Result<()> {
    let Some(newest) = acknowledged.last() else {
        return Ok(());
    };
    let state = fs::read(home.join("state")).context("state was acknowledged and is lost")?;
    ensure!(!state.is_empty(), "state is empty");
    let number = u64::from_le_bytes(state[..8].try_into()?);
    ensure!(state == record(number), "state is torn");
    ensure!(number >= *newest, "{newest} was acknowledged and is lost: there is {number}");
    Ok(())
}

const WIDE: usize = 3 * 4096;

fn overwrite(folder: &Path) -> Result<()> {
    let file = File::create(folder.join("wide"))?;
    for number in 0..RECORDS {
        file.write_all_at(&[number as u8 + 1; WIDE], 0)?;
        file.sync_data()?;
        say(number)?;
    }
    Ok(())
}

/// The record of three pages, which has no checksum, is of one piece.
pub(crate) fn verify_overwritten(home: &Path, acknowledged: &[u64]) -> Result<()> {
    let Some(newest) = acknowledged.last() else {
        return Ok(());
    };
    let bytes = fs::read(home.join("wide"))?;
    ensure!(bytes.len() == WIDE, "wide has {} bytes", bytes.len());
    ensure!(bytes.iter().all(|byte| *byte == bytes[0]), "wide is torn");
    ensure!(u64::from(bytes[0]) > *newest, "{newest} was acknowledged and is lost");
    Ok(())
}

fn many_threads(folder: &Path) -> Result<()> {
    let thread = |thread: u64| -> Result<()> {
        let mut file = File::create(folder.join(thread.to_string()))?;
        for number in thread * 1000..thread * 1000 + 40 {
            file.write_all(&record(number))?;
            file.sync_data()?;
            say(number)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || thread(number))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })
}

/// As [`verify_records`], by thread.
pub(crate) fn verify_threads(home: &Path, acknowledged: &[u64]) -> Result<()> {
    (0..THREADS).try_for_each(|thread| {
        let mine: Vec<u64> = acknowledged.iter().copied().filter(|number| number / 1000 == thread).collect();
        verify_log(&home.join(thread.to_string()), &mine, thread * 1000)
    })
}

/// Threads overwrite one place, append to one file, and write at a place of a file that only appends.
fn contend(folder: &Path) -> Result<()> {
    let place = File::create(folder.join("place"))?;
    let appended = OpenOptions::new().append(true).create(true).open(folder.join("appended"))?;
    let thread = |thread: u64| -> Result<()> {
        for number in 0..1000_u64 {
            let bytes = [(thread * 31 + number) as u8; 500];
            place.write_all_at(&bytes, number % 4 * 100)?;
            if number % 2 == 0 {
                (&appended).write_all(&bytes[..(number % 500) as usize + 1])?;
            } else {
                appended.write_all_at(&bytes[..100], 0)?;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let thread = &thread;
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || thread(number))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })
}

/// Large writes, small ones, renames, until somebody kills it.
fn write_for_ever(folder: &Path) -> Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join("large"))?;
    say(0)?;
    for number in 0_u64.. {
        file.write_all_at(&vec![number as u8; 300_000], number % 7 * 100_000)?;
        fs::write(folder.join("new"), number.to_string())?;
        fs::rename(folder.join("new"), folder.join("number"))?;
    }
    Ok(())
}

/// Starts writers and kills each in the middle of its work.
fn kill_writers(folder: &Path) -> Result<()> {
    for round in 0..30 {
        let mut writer = Child::Writer.command(folder).stdout(Stdio::piped()).spawn()?;
        let mut stdout = BufReader::new(writer.stdout.take().context("it is piped")?);
        let mut line = String::new();
        while !line.contains("ack") {
            line.clear();
            ensure!(stdout.read_line(&mut line)? > 0, "the writer has ended");
        }
        std::thread::sleep(Duration::from_micros(round * 150));
        writer.kill()?;
        writer.wait()?;
        say(round)?;
    }
    Ok(())
}

fn copy(folder: &Path) -> Result<()> {
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|number| (number ^ (number >> 8)) as u8).collect();
    fs::write(folder.join("source"), bytes)?;
    fs::copy(folder.join("source"), folder.join("copy"))?;
    let mut appended = OpenOptions::new().append(true).open(folder.join("copy"))?;
    std::io::copy(&mut File::open(folder.join("source"))?, &mut appended)?;
    Ok(())
}

fn sled_config(folder: &Path) -> sled::Config {
    sled::Config::default().path(folder.join("sled")).flush_every_ms(None)
}

fn sled_flush_only(folder: &Path) -> Result<()> {
    let database = sled_config(folder).open()?;
    for number in 0..RECORDS {
        database.insert(number.to_be_bytes(), record(number))?;
        database.flush()?;
        say(number)?;
    }
    // Without sled's own end, which would sync.
    std::process::exit(0);
}

/// Opens the database in a process of its own, since sled panics on much that a power cut leaves.
pub(crate) fn verify_sled(home: &Path, acknowledged_before: &[u64]) -> Result<()> {
    let output = Child::SledVerify.command(home).output()?;
    ensure!(output.status.success(), "sled does not open: {}", String::from_utf8_lossy(&output.stderr));
    let found = acknowledged(&output.stdout);
    for number in acknowledged_before {
        ensure!(found.contains(number), "{number} was acknowledged and is lost");
    }
    Ok(())
}

fn sled_verify(folder: &Path) -> Result<()> {
    let database = sled_config(folder).open()?;
    for number in 0..RECORDS {
        if database.get(number.to_be_bytes())?.is_some_and(|value| value == record(number)) {
            say(number)?;
        }
    }
    Ok(())
}
