//! Files as they are asked about: every version of a name, parts of them, and who may read what without a token.

use std::ops::ControlFlow;

use super::*;
use crate::service::testing::{Desk, NOON};

fn put_text(desk: &Desk, name: &str, text: &str) {
    put(&desk.engine, name.to_owned(), None, FileContent::Bytes(text.into()), &mut |_| ControlFlow::Continue(()))
        .expect("it is put");
}

/// What is read of a file, as text; why it is not.
fn read(desk: &Desk, name: &str, version: Option<u32>, part: (u64, Option<u64>)) -> Result<String, String> {
    let mut bytes = Vec::new();
    let got = get(&desk.engine, name, version, part.0, part.1, &mut |response| {
        if let Response::FileBytes(piece) = response {
            bytes.extend(piece);
        }
        ControlFlow::Continue(())
    });
    let text = |failure: Failure| format!("{} ({})", failure.message, failure.hint.unwrap_or_default());
    got.map(|()| String::from_utf8(bytes).expect("it is text")).map_err(text)
}

fn all(desk: &Desk, name: &str, version: Option<u32>) -> Result<String, String> {
    read(desk, name, version, (0, None))
}

/// The files of the store of chunks.
fn chunks(desk: &Desk) -> usize {
    let folders = std::fs::read_dir(desk.folder().join("home/files")).expect("a folder").flatten();
    folders.map(|folder| std::fs::read_dir(folder.path()).expect("a folder").count()).sum()
}

#[test]
fn what_is_removed_is_not_erased_every_version_can_be_had() {
    let desk = Desk::new();
    put_text(&desk, "a.txt", "one");
    put_text(&desk, "a.txt", "two");
    remove(&desk.engine, "a.txt".to_owned()).expect("it is removed");
    let told = all(&desk, "a.txt", None).expect_err("it is removed");
    assert_eq!(told, "a.txt was removed (its versions are there: zo file get a.txt --version 2)");
    assert_eq!(
        (all(&desk, "a.txt", Some(1)), all(&desk, "a.txt", Some(2))),
        (Ok("one".to_owned()), Ok("two".to_owned()))
    );
    for wrong in [0, 3] {
        let told = all(&desk, "a.txt", Some(wrong)).expect_err("there is none");
        assert_eq!(told, format!("a.txt has no version {wrong}: it has 1 to 2 ()"));
    }
    assert_eq!(chunks(&desk), 2);
    put_text(&desk, "a.txt", "one");
    assert_eq!((all(&desk, "a.txt", None), chunks(&desk)), (Ok("one".to_owned()), 2), "what is there is stored once");
    let Answer::Files { files, .. } = versions(&desk.engine, "a.txt").expect("they are listed") else { panic!() };
    assert_eq!(files.iter().map(|file| file.version).collect::<Vec<_>>(), [3, 2, 1]);
}

#[test]
fn a_part_of_a_file_is_read_also_over_the_borders_of_chunks() {
    let desk = Desk::new();
    let size = u64::from(CHUNK_BYTES) + 10;
    let text: String = (0..size).map(|at| char::from(b'a' + u8::try_from(at % 26).expect("small"))).collect();
    put_text(&desk, "long.txt", &text);
    let part = |offset: u64, length: Option<u64>| read(&desk, "long.txt", None, (offset, length));
    let at = |from: u64, to: u64| Ok(text[from as usize..to as usize].to_owned());
    assert_eq!(part(3, Some(4)), at(3, 7));
    assert_eq!(part(size - 12, Some(5)), at(size - 12, size - 7), "a border is in it");
    assert_eq!(part(size - 3, Some(500)), at(size - 3, size), "no more than there is");
    assert_eq!((part(size, None), part(5, Some(0))), (Ok(String::new()), Ok(String::new())));
    let told = part(size + 1, None).expect_err("none begin there");
    assert_eq!(told, format!("long.txt has {size} bytes: none begin at {} ()", size + 1));
}

#[test]
fn a_name_that_is_not_there_is_told_the_nearest() {
    let desk = Desk::new();
    put_text(&desk, "report.txt", "x");
    for told in [
        all(&desk, "reprot.txt", None).expect_err("it is not there"),
        remove(&desk.engine, "reprot.txt".to_owned()).expect_err("it is not there").hint.unwrap_or_default(),
        versions(&desk.engine, "reprot.txt").expect_err("it is not there").hint.unwrap_or_default(),
    ] {
        assert!(told.contains("did you mean report.txt?"), "{told}");
    }
    let told = all(&desk, "nothing-like-it", None).expect_err("it is not there");
    assert_eq!(told, "there is no file nothing-like-it (`zo file list` shows those there are)");
    for path in ["/no/such/file", "/tmp"] {
        let content = FileContent::Path(path.to_owned());
        let failure = put(&desk.engine, "x".to_owned(), None, content, &mut |_| ControlFlow::Continue(()))
            .expect_err("it cannot be read");
        assert!(failure.message.starts_with(&format!("cannot read {path}: ")), "{failure}");
    }
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let desk = Desk::new();
    for name in ["", "../x", "/x", "a/../x", "a//x", "a/.", "a\0b"] {
        let failure = put(&desk.engine, name.to_owned(), None, FileContent::Bytes(b"x".to_vec()), &mut |_| {
            ControlFlow::Continue(())
        });
        assert_eq!(failure.expect_err(name).kind, FailureKind::Invalid, "{name:?}");
    }
}

#[test]
fn what_a_file_is_is_told_by_its_name_and_then_by_what_is_in_it() {
    for (name, beginning, expected) in [
        ("a.html", &b"\0\0"[..], "text/html"),
        ("a.png", b"text", "image/png"),
        ("a", b"text", "text/plain"),
        // A letter that is cut at the end of what is looked at is no reason to think otherwise.
        ("a", b"gr\xc3", "text/plain"),
        ("a", b"gr\xc3(", "application/octet-stream"),
        ("a", b"\x7fELF\0", "application/octet-stream"),
    ] {
        assert_eq!(media_type_of(name, beginning), expected, "{name} {beginning:?}");
    }
}

/// The id and the secret of a link.
fn link(desk: &Desk, name: &str, site: bool, expires_at: Option<Timestamp>) -> (String, String) {
    let line = super::share(&desk.engine, name.to_owned(), site, expires_at).expect("it is shared");
    let path = line.path.trim_start_matches("/s/").trim_end_matches('/').to_owned();
    let (id, secret) = path.split_once('-').expect("a path has both");
    (id.to_owned(), secret.to_owned())
}

#[test]
fn a_link_leads_to_what_it_is_for_and_nothing_else() {
    let desk = Desk::new();
    for name in ["site/index.html", "site/a/index.html", "site/b.txt", "siteline", "other.txt"] {
        put_text(&desk, name, name);
    }
    let ((site, secret), (folder, key)) = (link(&desk, "site/", true, None), link(&desk, "site/", false, None));
    let (file, word) = link(&desk, "other.txt", true, None);
    let leads =
        |id: &str, secret: &str, path: &str| shared_file(&desk.engine, id, secret, path).ok().map(|(name, _)| name);
    let to = |name: &str| Some(name.to_owned());
    assert_eq!(leads(&site, &secret, ""), to("site/index.html"));
    assert_eq!(
        (leads(&site, &secret, "a"), leads(&site, &secret, "a/")),
        (to("site/a/index.html"), to("site/a/index.html"))
    );
    assert_eq!((leads(&site, &secret, "b.txt"), leads(&folder, &key, "b.txt")), (to("site/b.txt"), to("site/b.txt")));
    assert_eq!(leads(&folder, &key, ""), None, "without a site there is no index");
    assert_eq!((leads(&file, &word, ""), leads(&file, &word, "x")), (to("other.txt"), None));
    for path in ["../other.txt", "line", "nothing"] {
        assert_eq!(leads(&site, &secret, path), None, "{path}");
    }
    for (id, secret) in [(&*site, &*key), (&*folder, &*secret), ("nonsense", &*secret), (&*site, "")] {
        assert_eq!(leads(id, secret, "b.txt"), None, "the secret of another");
    }
    remove(&desk.engine, "site/b.txt".to_owned()).expect("it is removed");
    assert_eq!(leads(&site, &secret, "b.txt"), None, "what is removed is served no more");
    unshare(&desk.engine, &site).expect("it is taken back");
    assert_eq!(leads(&site, &secret, ""), None);
}

#[test]
fn a_link_holds_until_its_time_is_over() {
    let desk = Desk::new();
    put_text(&desk, "a.txt", "x");
    let (id, secret) = link(&desk, "a.txt", false, Some(Timestamp(NOON.0 + 1000)));
    let holds = || shared_file(&desk.engine, &id, &secret, "").is_ok();
    desk.set_clock(999);
    assert!(holds());
    desk.set_clock(1000);
    assert!(!holds());
    let Answer::Shares(lines) = shares(&desk.engine).expect("they are listed") else { panic!() };
    assert_eq!((lines.len(), lines[0].path.contains(&secret)), (1, true), "it is listed, with its address");
}

#[test]
fn who_no_longer_waits_for_a_large_file_stops_it() {
    let desk = Desk::new();
    let file = desk.folder().join("large");
    std::fs::write(&file, vec![7; 40 << 20]).expect("it is written");
    let file = file.display().to_string();
    let mut told = Vec::new();
    let stopped = put(&desk.engine, "large".to_owned(), None, FileContent::Path(file), &mut |response| {
        let Response::Progress { done, total, .. } = response else { panic!("{response:?}") };
        told.push((done, total));
        if told.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(stopped.expect_err("it was stopped").message.contains("it was stopped"));
    assert!(told.iter().all(|(done, total)| done < total && *total == 40 << 20), "{told:?}");
}
