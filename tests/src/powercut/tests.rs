//! The model, on traces made up here: each test tells a story and names everything a cut may leave of it.

mod law;
mod story;

use std::fs;
use std::path::Path;

use super::fate::{Cut, Fate};
use super::{Model, Trace};
use story::Story;

#[track_caller]
fn check(story: &Story, expected: &[&str]) {
    check_model(story, Model::Journal, expected);
}

/// All that cuts at the end of the story may leave, by every fate and many seeds.
#[track_caller]
fn check_model(story: &Story, model: Model, expected: &[&str]) {
    let outcomes = story.outcomes(model);
    assert_eq!(outcomes, expected, "what may be left is another set");
}

#[test]
fn unsynced_data_and_its_length_survive_or_not() {
    check(&Story::new().create("f").sync("f").write("f", 0, "ab"), &["f=", "f=00", "f=0b", "f=a0", "f=ab"]);
}

#[test]
fn synced_data_survives() {
    check(&Story::new().create("f").write("f", 0, "ab").sync("f"), &["f=ab"]);
}

#[test]
fn a_sync_covers_what_was_written_before_it_began() {
    let story = Story::new().create("f").write("f", 0, "a").begin("f", 1).write("f", 0, "b").end(1);
    check(&story, &["f=a", "f=b"]);
}

#[test]
fn a_sync_that_has_not_returned_promises_nothing() {
    check(&Story::new().create("f").sync("f").write("f", 0, "a").begin("f", 1), &["f=", "f=0", "f=a"]);
}

#[test]
fn a_page_holds_some_prefix_of_the_writes_to_it() {
    let story = Story::new().create("f").write("f", 0, "aa").sync("f").write("f", 0, "bb").write("f", 1, "c");
    check(&story, &["f=aa", "f=ab", "f=ac", "f=ba", "f=bb", "f=bc"]);
}

#[test]
fn a_write_through_o_sync_is_durable_alone() {
    let story = Story::new().create("f").write("f", 0, "aa").sync("f").write("f", 0, "b").write_synced("f", 1, "c");
    check(&story, &["f=ac", "f=bc"]);
}

#[test]
fn a_kept_shrinking_takes_the_old_data_with_it() {
    let story = Story::new().create("f").write("f", 0, "aaa").sync("f").length("f", 0).write("f", 0, "b");
    // The new page may be lost when its length is not, but the old bytes never come back behind the new end.
    check(&story, &["f=", "f=0", "f=aaa", "f=b"]);
}

#[test]
fn what_follows_a_dropped_shrinking_in_its_page_may_survive() {
    let half = 2048;
    let story = Story::new().create("f").write("f", 0, "a").sync("f").length_bytes("f", half);
    // Half a page, the whole page, or the whole page with the zeros that the kernel put behind the new end.
    check(&story, &["f=(2048a 2048-)", "f=(2048a)", "f=a"]);
}

#[test]
fn behind_a_kept_shrinking_are_zeros_when_the_file_grows_again() {
    let story = Story::new().create("f").write("f", 0, "a").sync("f").write("f", 0, "b");
    // Never a whole page of b before the zeros of the second.
    check(
        &story.length_bytes("f", 2048).length("f", 2),
        &["f=(2048a 2048-)0", "f=(2048a)", "f=(2048b 2048-)", "f=(2048b 2048-)0", "f=(2048b)", "f=a", "f=b"],
    );
}

#[test]
fn a_punched_hole_is_data_like_any_other() {
    check(&Story::new().create("f").write("f", 0, "ab").sync("f").punch("f", 1, 1), &["f=a0", "f=ab"]);
}

#[test]
fn entries_of_a_folder_survive_as_a_prefix() {
    let story = Story::new().create("a").create("b").remove("a");
    check(&story, &["", "a=", "a= b=", "b="]);
}

#[test]
fn a_rename_survives_without_the_data() {
    let story = Story::new().create("f").write("f", 0, "a").sync("f").create("t").write("t", 0, "b").rename("t", "f");
    check(&story, &["f=", "f=0", "f=a", "f=a t=", "f=a t=0", "f=a t=b", "f=b"]);
}

#[test]
fn a_careful_replacement_leaves_the_old_or_the_new() {
    let before = Story::new().create("f").write("f", 0, "a").sync("f").create("t").write("t", 0, "b").sync("t");
    let renamed = before.rename("t", "f");
    check(&renamed, &["f=a t=b", "f=b"]);
    check(&renamed.sync(""), &["f=b"]);
}

#[test]
fn a_rename_between_folders_survives_in_both_or_neither() {
    let story =
        Story::new().folder("x").folder("y").create("x/f").sync("x/f").sync("y").rename("x/f", "y/g").create("y/h");
    check(&story, &["x/ x/f= y/", "x/ y/ y/g=", "x/ y/ y/g= y/h="]);
    check(&story.sync("x"), &["x/ y/ y/g=", "x/ y/ y/g= y/h="]);
}

#[test]
fn an_exchange_of_two_names_is_one_change() {
    let story = Story::new().create("f").write("f", 0, "a").sync("f").create("g").write("g", 0, "b").sync("g");
    check(&story.exchange("f", "g"), &["f=a g=b", "f=b g=a"]);
}

#[test]
fn by_the_journal_model_a_synced_file_has_its_name_and_folders() {
    let story = Story::new().folder("x").create("x/f").write("x/f", 0, "a").sync("x/f");
    check_model(&story, Model::Journal, &["x/ x/f=a"]);
    check_model(&story, Model::Posix, &["", "x/", "x/ x/f=a"]);
    check_model(&story.sync("x").sync(""), Model::Posix, &["x/ x/f=a"]);
}

#[test]
fn a_sync_of_everything_covers_everything() {
    let story = Story::new().folder("x").create("x/f").write("x/f", 0, "a").link("x/f", "g").symlink("s", "x/f");
    check_model(&story.sync_all(), Model::Posix, &["g=a s->x/f x/ x/f=a"]);
}

#[test]
fn an_inode_number_used_again_is_another_file() {
    let story = Story::new().create("f").write("f", 0, "a").sync("f").remove("f").sync("").create("g").sync("g");
    check(&story.write("g", 0, "b"), &["g=", "g=0", "g=b"]);
}

#[test]
fn a_file_without_a_name_gets_one_by_a_link() {
    let story = Story::new().create_unnamed("f").write("f", 0, "a").sync("f");
    check(&story, &[""]);
    check(&story.link("f", "f"), &["", "f=a"]);
    check(&story.link("f", "f").sync(""), &["f=a"]);
}

#[test]
fn a_moved_folder_takes_its_files_along() {
    let story = Story::new().folder("x").create("x/f").write("x/f", 0, "a").sync("x/f").rename("x", "y");
    check(&story, &["x/ x/f=a", "y/ y/f=a"]);
}

#[test]
fn acknowledgements_count_from_their_record_on() {
    let story = Story::new().stdout("one\n").create("f").stdout("two\n").stdout_short(1);
    let trace = story.trace();
    let text = |at: usize| String::from_utf8_lossy(trace.acked_before(at)).into_owned();
    assert_eq!([text(0), text(1), text(2), text(3)], ["", "one\n", "one\n", "one\ntwo"]);
}

#[test]
fn a_torn_last_record_is_left_out() {
    let story = Story::new().create("f").write("f", 0, "a").write("f", 1, "b");
    let whole = fs::read(story.path()).expect("the story is a file");
    for cut in [1, 100, 4096, 4100] {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let path = scratch.path().join("trace");
        fs::write(&path, &whole[..whole.len() - cut]).expect("a shorter trace");
        let trace = Trace::open(&path).expect("a torn trace opens");
        assert_eq!((trace.len(), trace.torn()), (2, true), "cut {cut} bytes short");
    }
}

#[test]
fn a_damaged_trace_is_refused() {
    let story = Story::new().create("f").write("f", 0, "a");
    let mut bytes = fs::read(story.path()).expect("the story is a file");
    bytes[0] ^= 1;
    fs::write(story.path(), bytes).expect("the story is a file");
    let error = Trace::open(&story.path()).expect_err("no magic, no record");
    assert!(format!("{error:#}").contains("no record at byte 0"), "{error:#}");
}

#[test]
fn going_back_in_the_trace_starts_anew() {
    let story = Story::new().create("f").write("f", 0, "a").sync("f").write("f", 0, "b").sync("f");
    let mut trace = story.trace();
    let mut at = |at| {
        let home = trace.materialise(Cut { at, fate: Fate::AllDropped, seed: 0 }).expect("an image");
        story::snapshot(&home)
    };
    assert_eq!([at(7), at(4), at(7), at(0)], ["f=b", "f=a", "f=b", ""]);
}

#[test]
fn what_a_verifier_changed_is_put_right_and_the_rest_is_left() {
    let story = Story::new().create("f").write("f", 0, "a").sync("f").create("g").write("g", 0, "b").sync("g");
    let mut trace = story.trace();
    let cut = Cut { at: story.len(), fate: Fate::AllDropped, seed: 0 };
    assert_eq!(trace.materialise(cut).expect("an image").report.reused_files, 0);
    assert_eq!(trace.materialise(cut).expect("an image").report.reused_files, 2);

    let home = trace.materialise(cut).expect("an image");
    overwrite(&home.join("f"), b"x");
    fs::remove_file(home.join("g")).expect("it is there");
    fs::create_dir(home.join("g")).expect("the name is free");
    fs::write(home.join("g/more"), "more").expect("a folder");
    fs::write(home.join("new"), "new").expect("a folder");
    let home = trace.materialise(cut).expect("an image");
    assert_eq!((story::snapshot(&home).as_str(), home.report.reused_files), ("f=a g=b", 0));
}

#[test]
fn a_shared_mapping_is_refused_unless_tolerated() {
    let story = Story::new().create("f").mapped("f");
    let mut trace = story.trace();
    let cut = Cut { at: story.len(), fate: Fate::AllKept, seed: 0 };
    let error = trace.materialise(cut).expect_err("stores were not recorded");
    assert!(format!("{error:#}").contains("\"f\" was mapped"), "{error:#}");
    trace.tolerate_mappings();
    trace.materialise(cut).expect("the user knows");
}

#[test]
fn cuts_depend_on_the_seed_alone_and_go_forward() {
    let story = Story::new().create("f").write("f", 0, "a").sync("f").write("f", 0, "b").rename("f", "g");
    let trace = story.trace();
    let cuts = trace.cuts(7, 100);
    assert_eq!(cuts, trace.cuts(7, 100));
    assert_ne!(cuts, trace.cuts(8, 100));
    assert!(cuts.is_sorted_by_key(|cut| cut.at));
    for at in 0..=trace.len() {
        assert!(cuts.iter().any(|cut| cut.at == at), "no cut after {at} records");
    }
    for fate in Fate::ALL {
        assert!(cuts.iter().any(|cut| cut.fate == fate), "{fate:?} never comes");
    }
}

#[test]
fn a_failure_names_seed_cut_and_trace() {
    let story = Story::new().create("f").write("f", 0, "a").stdout("done");
    let mut trace = story.trace();
    let error = trace
        .check(42, 10, |home, acknowledged| {
            anyhow::ensure!(acknowledged.is_empty() || home.join("f").exists(), "f was lost");
            Ok(())
        })
        .expect_err("nothing was synced");
    let message = format!("{error:#}");
    for part in ["f was lost", "ZO_SEED=42", "ZO_TRACE=", "cut after 3 records, AllDropped"] {
        assert!(message.contains(part), "{message}");
    }
}

/// Changes bytes in place, so that neither length nor inode tell.
fn overwrite(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = fs::OpenOptions::new().write(true).open(path).expect("it is there");
    file.write_all_at(bytes, 0).expect("it is writable");
}
