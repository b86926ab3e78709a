//! Random histories against a plain list of packs, and readers beside a writer that rotates all the time.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append {
        commits: usize,
        packs: usize,
        bytes: usize,
    },
    /// Wait until everything is filled and sealed.
    Settle,
    Close,
    /// Dropped without a close, as it lies.
    Drop,
    /// As a kill leaves the files at this moment.
    Kill,
    /// A kill in the middle of a commit, so many bytes of which were written.
    Tear(usize),
    /// A power cut: the head file is an old one, and the recent range is gone.
    PowerCut,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![20..200_usize, 500..3000_usize, 3000..40_000_usize];
    let append =
        (1..8_usize, 1..6_usize, bytes).prop_map(|(commits, packs, bytes)| Step::Append { commits, packs, bytes });
    prop_oneof![
        6 => append,
        2 => Just(Step::Settle),
        1 => Just(Step::Close),
        1 => Just(Step::Drop),
        2 => Just(Step::Kill),
        1 => (1..3000_usize).prop_map(Step::Tear),
        1 => Just(Step::PowerCut),
    ]
}

/// Few by default, since each opens a log dozens of times.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_log_holds_what_was_acknowledged_whatever_happens(steps in prop::collection::vec(step(), 1..24)) {
        let mut sample = Sample::in_memory();
        let mut store = sample.open(tiny()).store;
        let mut old_head = fs::read(sample.log().join("head")).expect("the head file");
        for step in steps {
            match step {
                Step::Append { commits, packs, bytes } => {
                    sample.append(&store, commits, packs, bytes);
                    continue;
                }
                Step::Settle => {
                    settle(&store);
                    sample.check(&store);
                    old_head = fs::read(sample.log().join("head")).expect("the head file");
                    continue;
                }
                Step::Close => store.close(),
                Step::Drop => {}
                Step::Kill | Step::Tear(_) | Step::PowerCut => {
                    let copy = killed_at_rest(&sample, &store);
                    drop(std::mem::replace(&mut sample, copy));
                }
            }
            drop(store);
            match step {
                Step::Tear(bytes) => tear(&sample, bytes),
                Step::PowerCut => {
                    fs::write(sample.log().join("head"), &old_head).expect("put back");
                    fs::remove_dir_all(sample.log().join("recent")).ok();
                }
                _ => {}
            }
            store = sample.open(tiny()).store;
            sample.check(&store);
            old_head = fs::read(sample.log().join("head")).expect("the head file");
        }
        sample.check(&store);
        settle(&store);
        assert!(store.verify(&mut |_| {}).expect("it can be looked at").is_ok());
        let unexpected: Vec<_> = store.health().into_iter().filter(|f| !f.place.starts_with("recent")).collect();
        assert_eq!(unexpected, []);
    }
}

/// A copy is not taken at one instant: the sealer must not move files meanwhile.
fn killed_at_rest(sample: &Sample, store: &LocalStore) -> Sample {
    let _writer = store.writer();
    loop {
        let before = files_and_lengths(&sample.log());
        let copy = sample.killed_if_possible();
        if let Some(copy) = copy
            && before == files_and_lengths(&sample.log())
        {
            return copy;
        }
    }
}

fn files_and_lengths(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for path in crate::disk::files::list(folder).unwrap_or_default() {
        if path.is_dir() {
            found.extend(files_and_lengths(&path));
        } else {
            let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            found.push((path, length));
        }
    }
    found
}

/// Writes the beginning of one more commit behind the last one.
fn tear(sample: &Sample, bytes: usize) {
    use std::os::unix::fs::FileExt;
    let head = sample.packs.last().map_or(Head::start(&HOME), Pack::head);
    let torn: Vec<u8> = packs_after(&head, 2, 1500).iter().flat_map(|pack| pack.bytes().to_vec()).collect();
    let (live, _) = crate::disk::journal::files(&sample.log().join("journal")).expect("the journal");
    let (sequence, path) = live.last().expect("a file").clone();
    let file = crate::disk::journal::JournalFile::open(&path, sequence).expect("a file");
    let content = file.read_all().expect("a file");
    let header = crate::disk::journal::FileHeader::decode(&content).expect("a header");
    let end = crate::disk::journal::scan(&content, 4096, header.start, Position::START).end_offset;
    let first = packs_after(&head, 1, 1500)[0].bytes().len();
    // One whole pack would be a commit that was written but not acknowledged; the last byte may be a zero.
    let bytes = bytes.min(first - 32);
    let file = fs::OpenOptions::new().write(true).open(path).expect("a file");
    file.write_all_at(&torn[..bytes], end as u64).expect("written");
}

#[test]
fn readers_never_see_a_gap_while_files_are_sealed_and_recycled() {
    let mut sample = Sample::in_memory();
    let Opened { store, .. } = sample.open(tiny());
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3_u64)
        .map(|seed| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            std::thread::spawn(move || {
                let mut random = seed;
                let mut reads = 0_u32;
                while !done.load(Ordering::Acquire) {
                    let head = store.head();
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let from = Position(1 + (random >> 33) % head.position.0.max(1));
                    let packs = store.read(from, 5000).expect("what is durable can be read");
                    if head.position != Position::START {
                        assert!(packs[0].first() <= from && from <= packs[0].last());
                        assert!(packs.windows(2).all(|pair| pair[1].follows(&pair[0].head())));
                        reads += 1;
                    }
                }
                reads
            })
        })
        .collect();
    sample.append(&store, 600, 2, 700);
    settle(&store);
    done.store(true, Ordering::Release);
    for reader in readers {
        assert!(reader.join().expect("no gap was seen") > 0);
    }
    sample.check(&store);
    assert_eq!(store.health(), []);
}
