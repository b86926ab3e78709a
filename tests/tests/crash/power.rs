//! Power cuts: any subset of what was not synced survives.

use anyhow::Result;
use zo_tests::powercut::{PowerCut, seed};
use zo_tests::story::acknowledged;

use super::{check, folder, is_long, storyteller};

/// Records a storyteller of `megabytes`, then cuts the power `cuts` times.
fn cut(batch: u64, megabytes: u64, journal_bytes: u64, cuts: usize) -> Result<()> {
    let root = folder()?;
    let home = root.path().join("home");
    // An event of the story takes about 360 bytes.
    let until = megabytes * 1_000_000 / 360;
    let arguments = [
        "tell".to_owned(),
        home.display().to_string(),
        batch.to_string(),
        journal_bytes.to_string(),
        until.to_string(),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut trace = PowerCut::record(storyteller(&arguments), root.path())?;
    let checked =
        trace.check(seed(), cuts, |folder, stdout| check(&folder.join("home"), acknowledged(stdout), journal_bytes))?;
    println!("batches of {batch}, {megabytes} MB: {checked:?}");
    assert!(checked.cuts == cuts && checked.dropped_pages > 0, "nothing was ever at stake: {checked:?}");
    Ok(())
}

#[test]
fn power_cuts_lose_nothing_with_single_events() -> Result<()> {
    if is_long() { cut(1, 220, 16 << 20, 150) } else { cut(1, 1, 128 * 1024, 60) }
}

#[test]
fn power_cuts_lose_nothing_with_large_batches() -> Result<()> {
    if is_long() { cut(1024, 220, 16 << 20, 150) } else { cut(1024, 12, 1 << 20, 60) }
}
