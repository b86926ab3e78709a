//! Damage to every byte of a small log: never a panic, never silently less.
//!
//! By default a sample of the bytes is damaged. `ZO_DAMAGE=all` damages each of them, which takes minutes, and
//! `--nocapture` shows the table of what was found and how it was restored.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// What is done to one file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip(usize),
    Cut(usize),
    ZeroPage(usize),
    Delete,
}

/// How a log fared: for every kind of file and damage, what was said and how often.
type Table = BTreeMap<(String, &'static str, String), usize>;

#[test]
fn damage_to_a_log_closed_in_order_is_restored_or_named() {
    let sample = small_log();
    print(&damage_everywhere(&sample), "closed in order");
}

#[test]
fn damage_to_a_log_after_a_kill_is_restored_or_named() {
    let sample = small_log();
    let Opened { store, .. } = sample.open(tiny());
    let mut sample = sample;
    sample.append(&store, 2, 1, 500);
    settle(&store);
    let killed = sample.killed();
    drop(store);
    print(&damage_everywhere(&killed), "after a kill");
}

/// A log with two segments, their last twin, a live file and its twin, closed in order.
fn small_log() -> Sample {
    let mut sample = Sample::in_memory();
    let Opened { store, .. } = sample.open(tiny());
    sample.append(&store, 16, 1, 1500);
    sample.append(&store, 3, 2, 300);
    settle(&store);
    assert_eq!(store.shared.lock().segments.len(), 2);
    store.close();
    sample
}

fn damage_everywhere(sample: &Sample) -> Table {
    let all = std::env::var("ZO_DAMAGE").is_ok_and(|value| value == "all");
    let mut cases = Vec::new();
    for path in files_below(&sample.log()) {
        let bytes = fs::read(&path).expect("a file");
        cases.push((path.clone(), Damage::Delete));
        let (flip, cut) = if all { (1, 61) } else { (331, 2039) };
        // Of long runs of zeros a sample is enough: they are free space.
        let matters = |at: &usize| bytes[*at] != 0 || at.is_multiple_of(997);
        cases.extend((0..bytes.len()).filter(matters).step_by(flip).map(|at| (path.clone(), Damage::Flip(at))));
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        cases.extend((0..used).step_by(cut).map(|at| (path.clone(), Damage::Cut(at))));
        cases.extend((0..used).step_by(4096).map(|at| (path.clone(), Damage::ZeroPage(at))));
    }
    let halves = cases.len() / 2;
    let (left, right) = cases.split_at(halves);
    let run = |cases: &[(PathBuf, Damage)]| {
        let mut table = Table::new();
        for (path, damage) in cases {
            let name = path.strip_prefix(sample.log()).expect("below the log").display().to_string();
            for said in suffer(sample, path, *damage) {
                *table.entry((shape(&name), kind(*damage), shape(&said))).or_default() += 1;
            }
        }
        table
    };
    let mut table = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(right));
        let table = run(left);
        other.join().map(|other| (table, other)).expect("no case fails")
    });
    table.1.into_iter().for_each(|(key, count)| *table.0.entry(key).or_default() += count);
    table.0
}

/// Damages a copy of the log, opens it, reads all of it, and returns what was said about it.
fn suffer(sample: &Sample, path: &Path, damage: Damage) -> Vec<String> {
    let copy = sample.killed();
    let target = copy.log().join(path.strip_prefix(sample.log()).expect("below the log"));
    let mut bytes = fs::read(&target).expect("a file");
    match damage {
        Damage::Flip(at) => bytes[at] ^= 1 << (at % 8),
        Damage::Cut(at) => bytes.truncate(at),
        Damage::ZeroPage(at) => {
            let end = bytes.len().min(at + 4096);
            bytes[at..end].fill(0);
        }
        Damage::Delete => {}
    }
    match damage {
        Damage::Delete => fs::remove_file(&target).expect("deleted"),
        _ => fs::write(&target, bytes).expect("damaged"),
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let Opened { store, report } = match LocalStore::open(&copy.log(), HOME, tiny()) {
            Ok(opened) => opened,
            Err(error) => return Err(error.to_string()),
        };
        copy.check(&store);
        // Half of the time go on writing, so that the twin is opened and checked.
        let mut said: Vec<String> = report.findings.iter().map(Finding::to_string).collect();
        let more = packs_after(&store.head(), 1, 100);
        store.append(store.head(), &more).expect("a log that opens can be appended to");
        settle(&store);
        assert_eq!(read_all(&*store, Position(1)).len(), copy.packs.len() + 1);
        said.extend(store.health().iter().map(Finding::to_string));
        store.close();
        Ok(said)
    }));
    let place = target.display();
    match outcome {
        Ok(Ok(said)) if said.is_empty() => vec!["nothing was lost, nothing was said".to_owned()],
        Ok(Ok(said)) => said,
        Ok(Err(refused)) => vec![format!("REFUSED: {refused}")],
        Err(_) => panic!("{damage:?} of {place}: something acknowledged is missing, or a panic"),
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in crate::disk::files::list(folder).expect("a folder") {
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Without its numbers, which differ from case to case.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for letter in text.chars() {
        match letter {
            '0'..='9' if shape.ends_with('#') => {}
            '0'..='9' => shape.push('#'),
            _ => shape.push(letter),
        }
    }
    shape
}

fn kind(damage: Damage) -> &'static str {
    match damage {
        Damage::Flip(_) => "flip",
        Damage::Cut(_) => "cut",
        Damage::ZeroPage(_) => "zero page",
        Damage::Delete => "delete",
    }
}

#[allow(clippy::print_stdout, reason = "the table is asked for with --nocapture")]
fn print(table: &Table, title: &str) {
    println!("\n{title}");
    for ((file, kind, said), count) in table {
        println!("{count:6}  {kind:9}  {file:28}  {said}");
    }
}
