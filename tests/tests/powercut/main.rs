//! That the power-cut machinery finds the bugs it is made for, in real processes, and finds none where there is none.
//!
//! The processes are this program again, started as one of the [`children`].

mod children;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use zo_tests::powercut::{self, Model, PowerCut, Trace};

use children::Child;

const CUTS: usize = 150;

/// A folder for a child, on the disk that cargo builds on.
fn folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

fn record(child: Child) -> Result<Trace> {
    let root = folder()?;
    PowerCut::record(child.command(root.path()), root.path())
}

/// Cuts the power in every way and expects `verify` never to fail.
fn never(mut trace: Trace, verify: fn(&Path, &[u64]) -> Result<()>) -> Result<()> {
    let checked = trace.check(powercut::seed(), CUTS, |home, stdout| verify(home, &children::acknowledged(stdout)))?;
    ensure!(checked.cuts == CUTS && checked.dropped_pages > 0, "nothing was ever at stake: {checked:?}");
    Ok(())
}

/// Cuts the power in every way and expects `verify` to fail with a message that contains `what`.
fn found(mut trace: Trace, verify: fn(&Path, &[u64]) -> Result<()>, what: &str) -> Result<()> {
    let cuts = trace.cuts(powercut::seed(), CUTS);
    let mut messages: BTreeMap<String, usize> = BTreeMap::new();
    for cut in cuts {
        let home = trace.materialise(cut)?;
        if let Err(error) = verify(&home, &children::acknowledged(trace.acked_before(cut))) {
            *messages.entry(format!("{error:#}")).or_default() += 1;
        }
    }
    let times: usize = messages.iter().filter(|(message, _)| message.contains(what)).map(|(_, times)| times).sum();
    ensure!(times > 0, "ZO_SEED={}: {what:?} was not found in {CUTS} cuts: {messages:?}", powercut::seed());
    Ok(())
}

#[test]
fn appending_without_a_sync_loses_what_was_acknowledged() -> Result<()> {
    found(record(Child::AppendUnsynced)?, children::verify_records, "was acknowledged and is lost")
}

#[test]
fn appending_with_a_sync_loses_nothing() -> Result<()> {
    never(record(Child::AppendSynced)?, children::verify_records)
}

#[test]
fn writing_through_o_dsync_loses_nothing() -> Result<()> {
    never(record(Child::AppendDirectlySynced)?, children::verify_records)
}

#[test]
fn acknowledging_before_the_sync_is_found() -> Result<()> {
    found(record(Child::AcknowledgeEarly)?, children::verify_records, "was acknowledged and is lost")
}

#[test]
fn replacing_a_file_without_a_sync_leaves_it_empty() -> Result<()> {
    found(record(Child::ReplaceUnsynced)?, children::verify_replaced, "is empty")
}

#[test]
fn replacing_a_file_without_syncing_the_folder_leaves_the_old_one() -> Result<()> {
    found(record(Child::ReplaceWithoutFolder)?, children::verify_replaced, "was acknowledged and is lost")
}

#[test]
fn replacing_a_file_with_all_syncs_loses_nothing() -> Result<()> {
    let mut trace = record(Child::ReplaceSynced)?;
    trace.set_model(Model::Posix)?;
    never(trace, children::verify_replaced)
}

#[test]
fn overwriting_in_place_tears_the_record() -> Result<()> {
    found(record(Child::OverwriteInPlace)?, children::verify_overwritten, "is torn")
}

#[test]
fn many_threads_are_recorded_in_the_order_of_their_syncs() -> Result<()> {
    let trace = record(Child::ManyThreads)?;
    ensure!(children::acknowledged(trace.acked_before(trace.len())).len() == 8 * 40, "acknowledgements are missing");
    never(trace, children::verify_threads)
}

#[test]
fn writes_of_many_threads_to_one_place_are_recorded_in_their_order() -> Result<()> {
    // The comparison with the real folder is the test: who came last in each place, and where what was appended went.
    let trace = record(Child::Contention)?;
    ensure!(trace.len() > 8 * 2000, "there are only {} records", trace.len());
    Ok(())
}

#[test]
fn the_trace_of_a_killed_process_is_good() -> Result<()> {
    let trace = record(Child::Killed)?;
    ensure!(children::acknowledged(trace.acked_before(trace.len())).len() >= 20, "it was killed after the twentieth");
    never(trace, children::verify_records)
}

#[test]
fn processes_killed_by_a_recorded_one_leave_nothing_unrecorded() -> Result<()> {
    // The comparison with the real folder is the test.
    let trace = record(Child::Killer)?;
    let rounds = children::acknowledged(trace.acked_before(trace.len()));
    ensure!(rounds == (0..30).collect::<Vec<_>>(), "only the killer's own stdout counts, not {rounds:?}");
    Ok(())
}

#[test]
fn a_process_killed_by_the_harness_leaves_nothing_unrecorded() -> Result<()> {
    for round in 0..10 {
        let root = folder()?;
        let mut command = Child::Writer.command(root.path());
        let mut recording = PowerCut::prepare(&mut command, root.path())?;
        let mut writer = command.stdout(Stdio::null()).spawn()?;
        while !root.path().join("number").exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(round * 300));
        recording.kill(&mut writer)?;
        let trace = recording.finish(writer.wait()?)?;
        ensure!(!trace.torn(), "its last record is torn");
    }
    Ok(())
}

#[test]
fn sled_without_an_fsync_loses_what_was_acknowledged() -> Result<()> {
    found(record(Child::SledFlushOnly)?, children::verify_sled, "was acknowledged and is lost")
}

#[test]
fn what_was_in_the_folder_before_is_durable() -> Result<()> {
    let root = folder()?;
    fs::create_dir(root.path().join("old"))?;
    fs::write(root.path().join("old/file"), vec![b'x'; 3_000_000])?;
    fs::hard_link(root.path().join("old/file"), root.path().join("twin"))?;
    let mut trace = PowerCut::record(Child::AppendUnsynced.command(root.path()), root.path())?;
    trace.check(powercut::seed(), 30, |home, _| {
        ensure!(fs::read(home.join("old/file"))? == vec![b'x'; 3_000_000], "old/file has changed");
        ensure!(fs::read(home.join("twin"))?.len() == 3_000_000, "twin has changed");
        Ok(())
    })?;
    Ok(())
}

#[test]
fn commands_of_a_shell_are_recorded_across_processes() -> Result<()> {
    let root = folder()?;
    let mut shell = Command::new("sh");
    shell.current_dir(root.path()).args(["-ec", SCRIPT]);
    // That the end state is as recorded was checked on the way.
    let mut trace = PowerCut::record(shell, root.path())?;
    ensure!(trace.acked_before(trace.len()) == b"linked\n", "the shell's own line is missing");
    for cut in trace.every_cut(powercut::seed()) {
        let home = trace.materialise(cut)?;
        let acknowledged = trace.acked_before(cut).len();
        ensure!(acknowledged == 0 || fs::read_to_string(home.join("kept/b"))? == "one\n", "{cut}: kept/b is lost");
    }
    Ok(())
}

const SCRIPT: &str = "
    echo one > a
    mkdir kept
    mv a kept/b
    ln -s kept/b link
    ln kept/b twin
    cp twin copy
    dd if=/dev/zero of=zeros bs=5000 count=3 2> /dev/null
    truncate -s 6000 zeros
    fallocate -l 20000 zeros
    fallocate -p -o 4096 -l 4096 zeros
    chmod 600 zeros
    sync
    echo linked
    rm link copy twin
    rmdir kept 2> /dev/null || true
";

#[test]
fn what_goes_past_the_recorder_is_noticed() -> Result<()> {
    let root = folder()?;
    let mut shell = Command::new("sh");
    shell.current_dir(root.path()).args(["-ec", "echo one > a; env -u LD_PRELOAD sh -c 'echo two >> a'"]);
    let error = PowerCut::record(shell, root.path()).err().context("the second line was not recorded")?;
    ensure!(format!("{error:#}").contains("it is 8 bytes long, but 4 were recorded"), "{error:#}");
    Ok(())
}

#[test]
fn a_command_that_fails_is_no_trace() -> Result<()> {
    let root = folder()?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "exit 3"]);
    let error = PowerCut::record(shell, root.path()).err().context("it failed")?;
    ensure!(format!("{error:#}").contains("exit status: 3"), "{error:#}");
    Ok(())
}

#[test]
fn copies_inside_the_kernel_are_recorded() -> Result<()> {
    // The comparison with the real folder is the test: std::fs::copy uses copy_file_range, std::io::copy may splice.
    let trace = record(Child::Copy)?;
    ensure!(trace.data_bytes() > 2 * 40_000_000, "the copies' data is missing");
    Ok(())
}
