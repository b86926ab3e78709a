//! Logs of attempts: told, kept over a restart, and cut in the middle.

use super::*;

const JOB: JobId = JobId(7);

fn files() -> (tempfile::TempDir, Arriving) {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Arriving::new(folder.path().join("jobs"), [7; 32]);
    (folder, files)
}

#[test]
fn what_was_printed_is_told_from_where_somebody_is() {
    let (_folder, files) = files();
    let logs = Logs::default();
    assert_eq!(logs.append(&files, JOB, 1, None, "one\n"), 4);
    assert_eq!(logs.append(&files, JOB, 1, None, "two\n"), 8);
    assert_eq!(logs.since(JOB, 1, 0), Some(("one\ntwo\n".to_owned(), 8)));
    assert_eq!(logs.since(JOB, 1, 4), Some(("two\n".to_owned(), 8)));
    assert_eq!(logs.since(JOB, 1, 8), None);
    assert_eq!(logs.since(JOB, 2, 0), None);
}

#[test]
fn a_piece_that_is_sent_twice_is_there_once_and_a_gap_takes_nothing() {
    let (_folder, files) = files();
    let logs = Logs::default();
    assert_eq!(logs.append(&files, JOB, 1, Some(0), "abc"), 3);
    assert_eq!(logs.append(&files, JOB, 1, Some(0), "abc"), 3);
    assert_eq!(logs.append(&files, JOB, 1, Some(1), "bcd"), 4);
    assert_eq!(logs.append(&files, JOB, 1, Some(9), "z"), 4);
    assert_eq!(logs.whole(&files, JOB, 1), ("abcd".to_owned(), 0));
}

#[test]
fn a_process_that_ended_leaves_what_was_printed_to_the_next() {
    let (_folder, files) = files();
    Logs::default().append(&files, JOB, 3, None, "before\n");
    let logs = Logs::default();
    assert_eq!(logs.whole(&files, JOB, 3), ("before\n".to_owned(), 0));
    assert_eq!(logs.whole(&files, JOB, 4), (String::new(), 0));
    assert_eq!(logs.append(&files, JOB, 3, Some(7), "behind\n"), 14);
    assert_eq!(logs.whole(&files, JOB, 3), ("before\nbehind\n".to_owned(), 0));
    logs.forget(&files, JOB);
    assert_eq!(Logs::default().whole(&files, JOB, 3), (String::new(), 0));
}

#[test]
fn another_attempt_begins_anew_and_an_old_one_adds_nothing() {
    let (_folder, files) = files();
    let logs = Logs::default();
    logs.append(&files, JOB, 1, None, "first");
    assert_eq!(logs.append(&files, JOB, 2, None, "second"), 6);
    assert_eq!(logs.append(&files, JOB, 1, None, "late"), 0);
    assert_eq!(logs.whole(&files, JOB, 2), ("second".to_owned(), 0));
}

#[test]
fn of_a_long_log_the_beginning_and_the_end_are_kept() {
    let (_folder, files) = files();
    let logs = Logs::default();
    let line = format!("{}\n", "ä".repeat(499));
    let count = 20_000;
    for _ in 0..count {
        logs.append(&files, JOB, 1, None, &line);
    }
    logs.append(&files, JOB, 1, None, "the end");
    let (text, left_out) = logs.whole(&files, JOB, 1);
    assert!(text.len() < HEAD_BYTES + 2 * TAIL_BYTES + 100, "{}", text.len());
    assert!(text.starts_with(&line) && text.ends_with("the end"));
    assert!(text.contains("bytes left out"));
    assert_eq!(
        text.len() as u64 + left_out - format!("\n… {left_out} bytes left out …\n").len() as u64,
        (line.len() * count + 7) as u64
    );
}
