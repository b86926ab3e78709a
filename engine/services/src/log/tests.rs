use super::*;

/// The text of lines, without their times.
fn texts(piece: &LogPiece) -> Vec<&str> {
    piece.lines.iter().map(|line| line.split_once(' ').unwrap().1).collect()
}

#[test]
fn lines_have_their_time_and_where_they_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogWriter::open(folder.path(), "a").unwrap();
    log.note("started").unwrap();
    log.print(From::Stdout, b"one\ntw").unwrap();
    log.print(From::Stderr, b"oh\r\n").unwrap();
    log.print(From::Stdout, b"o\nthree").unwrap();
    log.finish().unwrap();
    let piece = LogReader::new(folder.path(), "a").last(10).unwrap();
    assert_eq!(texts(&piece), ["zo  started", "out one", "err oh", "out two", "out three"]);
    let time = piece.lines[0].split(' ').next().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
    let piece = LogReader::new(folder.path(), "a").last(2).unwrap();
    assert_eq!(texts(&piece), ["out two", "out three"]);
}

#[test]
fn files_are_bounded_and_a_place_means_the_same_line_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogWriter::with_file_bytes(folder.path(), "a", 1000).unwrap();
    let reader = LogReader::new(folder.path(), "a");
    let (mut next, mut seen) = (0, Vec::new());
    for number in 0..200 {
        log.print(From::Stdout, format!("line {number}\n").as_bytes()).unwrap();
        if number % 7 == 0 {
            let piece = reader.after(next, u64::MAX).unwrap();
            assert_eq!(piece.skipped, 0);
            seen.extend(texts(&piece).into_iter().map(str::to_owned));
            next = piece.next;
        }
    }
    seen.extend(texts(&reader.after(next, u64::MAX).unwrap()).into_iter().map(str::to_owned));
    let expected: Vec<String> = (0..200).map(|number| format!("out line {number}")).collect();
    assert_eq!(seen, expected);
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.log", "a.log.1", "a.log.2", "a.log.3"]);
    for name in names {
        assert!(fs::metadata(folder.path().join(&name)).unwrap().len() < 1100, "{name:?}");
    }
    // Who comes too late is told what it missed.
    let piece = reader.after(0, u64::MAX).unwrap();
    assert!(piece.skipped > 0);
    assert_eq!(*texts(&piece).last().unwrap(), "out line 199");
    assert_eq!(reader.last(1_000_000).unwrap().lines, piece.lines);
}

#[test]
fn it_goes_on_after_a_restart_also_in_the_middle_of_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let reader = LogReader::new(folder.path(), "a");
    let mut log = LogWriter::with_file_bytes(folder.path(), "a", 100).unwrap();
    for _ in 0..5 {
        log.print(From::Stdout, b"before\n").unwrap();
    }
    let place = reader.last(1).unwrap().next;
    drop(log);
    OpenOptions::new().append(true).open(folder.path().join("a.log")).unwrap().write_all(b"torn").unwrap();
    assert_eq!(reader.after(place, 1000).unwrap().lines, Vec::<String>::new(), "only whole lines are read");
    let mut log = LogWriter::with_file_bytes(folder.path(), "a", 100).unwrap();
    log.print(From::Stdout, b"after\n").unwrap();
    let piece = reader.after(place, 1000).unwrap();
    assert_eq!(piece.lines[0], "torn");
    assert!(piece.lines[1].ends_with("out after"));
    drop(log);
    fs::remove_file(folder.path().join("a.log")).unwrap();
    drop(LogWriter::with_file_bytes(folder.path(), "a", 100).unwrap());
    let piece = reader.last(1).unwrap();
    assert!(piece.lines.len() == 1 && piece.next > 0, "the older file tells where to go on: {piece:?}");
}

#[test]
fn a_line_without_end_is_not_held_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogWriter::open(folder.path(), "a").unwrap();
    log.print(From::Stdout, &vec![b'x'; 3 * LINE_BYTES + 5]).unwrap();
    let reader = LogReader::new(folder.path(), "a");
    assert_eq!(reader.last(10).unwrap().lines.len(), 3);
    log.finish().unwrap();
    assert_eq!(texts(&reader.last(10).unwrap()).last(), Some(&"out xxxxx"));
}

#[test]
fn what_was_asked_for_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogWriter::open(folder.path(), "a").unwrap();
    let line = [b"y".repeat(1000).as_slice(), b"\n"].concat();
    for _ in 0..100 {
        log.print(From::Stdout, &line).unwrap();
    }
    let reader = LogReader::new(folder.path(), "a");
    let (mut place, mut count, mut pieces) = (0, 0, 0);
    loop {
        let piece = reader.after(place, 1).unwrap();
        if piece.lines.is_empty() {
            break;
        }
        assert!(piece.lines.len() <= 33, "{}", piece.lines.len());
        (place, count, pieces) = (piece.next, count + piece.lines.len(), pieces + 1);
    }
    assert_eq!((count, pieces > 2), (100, true));
    assert!(LogReader::new(folder.path(), "none").last(5).unwrap().lines.is_empty());
}
