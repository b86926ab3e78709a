//! Damage to a closed home: bytes flipped, files cut, pages zeroed, files deleted. Whatever is done, opening never panics,
//! and either everything is there, or the damage is named and a backup brings everything back. Never silently less.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use zo_engine::bench::Noise;
use zo_engine::engine::Engine;
use zo_engine::maintenance;
use zo_engine::protocol::{Asking, ConversationChoice, Failure, NewMemory, Request};
use zo_engine::service;
use zo_projections::{Actor, Position};
use zo_tests::powercut::seed;
use zo_tests::story;

use super::{folder, is_long};

/// Small, so that there are sealed segments, spare files and an open one.
const JOURNAL_BYTES: u64 = 64 * 1024;
const PAGE: usize = 4096;

/// What was done to one file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip(usize),
    Cut(usize),
    ZeroPage(usize),
    Delete,
}

/// How it was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    /// Nothing was missing, and nothing said: it did not matter, or is made anew.
    Harmless,
    /// It was said and mended on opening.
    Mended,
    /// Opening was refused with its name; the backup brought everything back.
    Restored,
    /// It was only noticed when it was read; the backup brought everything back.
    RestoredAfterReading,
}

/// A closed home, a backup of it, and everything that is in it.
struct Fixture {
    root: tempfile::TempDir,
    contents: Vec<String>,
}

impl Fixture {
    fn new() -> Result<Self> {
        let root = folder()?;
        let home = root.path().join("home");
        let engine = story::open(&home, JOURNAL_BYTES)?;
        for n in 0..220_u64 {
            let content = format!("note {n}: {}", Noise::new(n + 1).text(if n == 100 { 400_000 } else { 300 }));
            let content = if n == 100 { noisy(400_000) } else { content };
            let id = n.is_multiple_of(3).then(|| format!("note-{n}"));
            ask(
                &engine,
                Request::Memorize {
                    actor: Actor::User,
                    items: vec![NewMemory { id, content, ..NewMemory::default() }],
                },
            )?;
        }
        let key = Request::SetKey { key: "k".into(), value: "v".into(), expected: None, idempotency: 1 };
        ask(&engine, key)?;
        let conversation = ConversationChoice::Named("talk".to_owned());
        ask(&engine, Request::Ask(Box::new(Asking::new(conversation, "which note is number 7?", 5))))?;
        engine.store().settle(std::time::Duration::from_secs(20));
        let backup = root.path().join("backup").display().to_string();
        ask(&engine, Request::Backup { folder: backup, with_keys: true })?;
        let contents = contents(&engine)?;
        engine.close();
        drop(engine);
        Ok(Self { root, contents })
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn backup(&self) -> PathBuf {
        self.root.path().join("backup")
    }
}

/// Text that does not compress, so that it goes to the blob store.
fn noisy(length: usize) -> String {
    Noise::new(9).bytes(length / 2).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ask(engine: &Engine, request: Request) -> Result<(), Failure> {
    service::handle(engine, request, &mut |_| ControlFlow::Continue(()))
}

/// Everything that the log says, bodies opened.
fn contents(engine: &Engine) -> Result<Vec<String>> {
    let mut contents = Vec::new();
    let mut unread = None;
    engine.reader().each(Position(1), engine.writer().position(), &mut |event| {
        unread = unread.take().or(event.sealed.clone());
        contents.push(format!("{:?} {:?}", event.recorded, event.body.map(|body| blake3::hash(&body))));
        ControlFlow::Continue(())
    })?;
    ensure!(unread.is_none(), "{}", unread.unwrap_or_default());
    Ok(contents)
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("an entry has a name")?);
        if path.is_dir() {
            copy_tree(&path, &target)?;
        } else if path.is_file() {
            fs::copy(&path, &target)?;
        }
        fs::set_permissions(&target, fs::metadata(&path)?.permissions())
            .or_else(|error| if target.exists() { Err(error) } else { Ok(()) })?;
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    Ok(())
}

fn inflict(path: &Path, damage: Damage) -> Result<()> {
    let mut bytes = fs::read(path)?;
    match damage {
        Damage::Flip(at) => bytes[at] ^= 0x10,
        Damage::Cut(at) => bytes.truncate(at),
        Damage::ZeroPage(page) => {
            let end = bytes.len().min((page + 1) * PAGE);
            bytes[page * PAGE..end].fill(0);
        }
        Damage::Delete => return Ok(fs::remove_file(path)?),
    }
    Ok(fs::write(path, bytes)?)
}

/// The damages to try on a file: all of them in the long form, a sample in the short one.
fn damages(bytes: &[u8], noise: &mut Noise) -> Vec<Damage> {
    let pick = |noise: &mut Noise| usize::try_from(noise.below(bytes.len().max(1) as u64)).unwrap_or(0);
    // Most of a journal file are zeros that were never used; what is used is looked at byte by byte.
    let used: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    let mut damages = vec![Damage::Delete];
    if bytes.is_empty() {
        return damages;
    }
    let flips = if is_long() { used.len().min(4000) } else { 6 };
    for n in 0..flips {
        let at =
            if flips == used.len() { used[n] } else { used.get(pick(noise) % used.len().max(1)).copied().unwrap_or(0) };
        damages.push(Damage::Flip(at));
    }
    for _ in 0..if is_long() { 200 } else { 3 } {
        damages.push(Damage::Flip(pick(noise)));
        damages.push(Damage::Cut(pick(noise)));
    }
    let pages = bytes.len().div_ceil(PAGE);
    for page in (0..pages).step_by(if is_long() { 1 } else { pages.div_ceil(3) }) {
        damages.push(Damage::ZeroPage(page));
    }
    damages
}

/// Opens the damaged home and says how the damage was met.
fn meet(fixture: &Fixture, home: &Path) -> Result<Met> {
    match story::open(home, JOURNAL_BYTES) {
        Ok(engine) => {
            let said = !engine.notes().is_empty() || !engine.store().health().is_empty();
            let read = contents(&engine);
            engine.close();
            drop(engine);
            match read {
                Ok(contents) => {
                    ensure!(contents == fixture.contents, "something is missing or other, and nothing was said");
                    Ok(if said { Met::Mended } else { Met::Harmless })
                }
                Err(error) => {
                    restore(fixture, home).with_context(|| format!("after reading failed: {error:#}"))?;
                    Ok(Met::RestoredAfterReading)
                }
            }
        }
        Err(error) => {
            restore(fixture, home).with_context(|| format!("after opening failed: {error:#}"))?;
            Ok(Met::Restored)
        }
    }
}

fn restore(fixture: &Fixture, home: &Path) -> Result<()> {
    maintenance::restore(home, Some(&fixture.backup()), false)?;
    let engine = story::open(home, JOURNAL_BYTES).context("it does not open after the restore")?;
    let contents = contents(&engine).context("it cannot be read after the restore")?;
    engine.close();
    ensure!(contents == fixture.contents, "the restore did not bring everything back");
    Ok(())
}

/// What sort of file it is, for the table.
fn sort_of(path: &Path) -> String {
    let text = path.display().to_string();
    for (part, sort) in [
        ("log/journal/", "log/journal/*"),
        ("log/recent/", "log/recent/* (sled)"),
        ("log/segments/", "log/segments/*.zos"),
        ("derived/index/", "derived/index/*"),
        ("derived/snapshots/", "derived/snapshots/*"),
        ("blobs/", "blobs/*"),
    ] {
        if text.starts_with(part) {
            return sort.to_owned();
        }
    }
    text
}

#[test]
fn whatever_is_damaged_nothing_is_silently_less() -> Result<()> {
    let fixture = Fixture::new()?;
    let seed = seed();
    let mut noise = Noise::new(seed);
    let mut paths = Vec::new();
    files_below(&fixture.home(), &mut paths)?;
    paths.sort();
    let mut table: BTreeMap<(String, Met), usize> = BTreeMap::new();
    for path in &paths {
        let relative = path.strip_prefix(fixture.home())?;
        for damage in damages(&fs::read(path)?, &mut noise) {
            let home = fixture.root.path().join("damaged");
            copy_tree(&fixture.home(), &home)?;
            inflict(&home.join(relative), damage)?;
            let met =
                meet(&fixture, &home).with_context(|| format!("{}, {damage:?}, ZO_SEED={seed}", relative.display()))?;
            *table.entry((sort_of(relative), met)).or_default() += 1;
            fs::remove_dir_all(&home)?;
        }
    }
    for ((file, met), times) in &table {
        println!("{file:<28} {met:?}: {times}");
    }
    let sorts = |met: Met| table.keys().filter(|(_, found)| *found == met).count();
    assert!(sorts(Met::Mended) > 3 && sorts(Met::Restored) > 0, "the damages did not reach what they are meant for");
    Ok(())
}

#[test]
fn folders_that_are_gone_are_named_and_nothing_is_made_in_their_place() -> Result<()> {
    let fixture = Fixture::new()?;
    for gone in
        [&["log"][..], &["keys"], &["blobs"], &["log/segments"], &["format", "log/journal"], &["format", "log", "keys"]]
    {
        let home = fixture.root.path().join("damaged");
        copy_tree(&fixture.home(), &home)?;
        for path in gone {
            let path = home.join(path);
            if path.is_dir() {
                fs::remove_dir_all(path)?
            } else {
                fs::remove_file(path)?
            };
        }
        let met = meet(&fixture, &home).with_context(|| format!("without {gone:?}"))?;
        ensure!(met != Met::Harmless, "without {gone:?}: {met:?}");
        fs::remove_dir_all(&home)?;
    }
    Ok(())
}
