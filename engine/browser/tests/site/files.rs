//! Downloads stay in their folder whatever they are called, uploads arrive whole.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use zo_browser::{ActErrorKind, Downloaded, Note};

use crate::support::World;

/// That a download is a file of its own in the folder, with a name that is only a name.
fn is_kept_well(world: &World, file: &Downloaded) {
    let folder = world.folder().join("downloads").canonicalize().unwrap();
    let path = file.path.canonicalize().unwrap();
    assert_eq!(path.parent(), Some(folder.as_path()), "{file:?}");
    assert_eq!(path.file_name().unwrap().to_str(), Some(file.name.as_str()), "{file:?}");
    assert!(!file.name.starts_with('.') && file.name.len() <= 255 && !file.name.is_empty(), "{file:?}");
    let bad = |c: char| c.is_control() || "/\\\u{202e}\u{202d}".contains(c);
    assert!(!file.name.contains(bad), "{file:?}");
    assert_eq!(fs::metadata(&path).unwrap().len(), file.size, "{file:?}");
}

fn files_below(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, |entries| entries.flatten().filter(|entry| entry.path().is_file()).count())
}

#[test]
fn files_with_hostile_names_stay_in_their_folder() {
    let world = World::new();
    world.open("/downloads");
    let names = [
        "plain",
        "traversal",
        "absolute",
        "backslash",
        "encoded",
        "null",
        "newline",
        "dots",
        "hidden",
        "device",
        "spaces",
        "tilde",
        "desktop",
        "unicode",
        "reversed",
        "unnamed",
        "empty",
        "long",
    ];
    let mut seen = HashSet::new();
    for name in names {
        let done = world.act(json!({"act": "download", "target": format!("#{name}")}));
        assert_eq!(done.downloads.len(), 1, "{name}: {done:?}");
        let file = &done.downloads[0];
        is_kept_well(&world, file);
        assert_eq!(fs::read_to_string(&file.path).unwrap(), format!("content of {name}\n"));
        assert!(seen.insert(file.name.clone()), "{name}: {} again", file.name);
    }
    for name in ["attribute", "blob"] {
        let done = world.act(json!({"act": "download", "target": format!("#{name}")}));
        is_kept_well(&world, &done.downloads[0]);
    }
    assert_eq!(files_below(&world.folder().join("downloads")), names.len() + 2);
    assert!(seen.contains("report.txt"), "{seen:?}");
    world.close();
}

#[test]
fn the_same_name_twice_is_two_files() {
    let world = World::new();
    world.open("/downloads");
    let mut names = HashSet::new();
    for _ in 0..2 {
        let done = world.act(json!({"act": "download", "url": world.site.url_of("/download/plain")}));
        names.insert(done.downloads[0].name.clone());
    }
    assert_eq!(names.len(), 2, "{names:?}");
    // Two that nobody waits for are told with a later act.
    let mut told = world.click("#twice").downloads.len();
    for _ in 0..50 {
        if told == 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        told += world.act(json!({"act": "get", "what": "title"})).downloads.len();
    }
    assert_eq!(told, 2);
}

#[test]
fn downloads_that_are_too_large_or_endless_are_broken_off() {
    let world = World::with(|options| options.download_limit = 1 << 20);
    world.open("/downloads");
    for name in ["large", "endless"] {
        let error = world.fails(&[ActErrorKind::TooLarge], json!({"act": "download", "target": format!("#{name}")}));
        assert!(error.message.contains("1"), "it says how much is permitted: {error}");
    }
    let error = world.attempt(json!({"act": "download", "target": "#stalled"}), Duration::from_secs(2)).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Timeout, "{error}");
    assert_eq!(files_below(&world.folder().join("downloads")), 0, "nothing of them is left");
    world.works();
    world.open("/downloads");
    let notes = world.click("#large").notes;
    let mut failed = notes.iter().any(|note| matches!(note, Note::DownloadFailed { .. }));
    for _ in 0..50 {
        if failed {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        let notes = world.act(json!({"act": "get", "what": "title"})).notes;
        failed = notes.iter().any(|note| matches!(note, Note::DownloadFailed { .. }));
    }
    assert!(failed, "who only clicks hears of it too");
    world.close();
}

#[test]
fn what_does_not_download_is_told() {
    let world = World::new();
    world.open("/downloads");
    let url = |path: &str| json!({"act": "download", "url": world.site.url_of(path)});
    assert!(world.attempt(url("/status/404"), Duration::from_secs(10)).is_err());
    world.fails(
        &[ActErrorKind::Refused, ActErrorKind::Invalid],
        json!({"act": "download", "url": "file:///etc/passwd"}),
    );
    let forbidden = json!({"act": "download", "url": world.site.forbidden_url_of("/download/plain")});
    assert!(world.attempt(forbidden, Duration::from_secs(10)).is_err());
    world.nobody_arrived();
    assert_eq!(files_below(&world.folder().join("downloads")), 0);
    world.works();
}

#[test]
fn uploads_arrive_whole() {
    let world = World::new();
    let file = |name: &str, bytes: &[u8]| {
        let path = world.folder().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let (one, two) = (file("Übung 😀.bin", &large), file("b.txt", b"hello"));
    world.open("/upload");
    world.act(json!({"act": "upload", "target": "label=\"One file\"", "files": [one]}));
    world.act(json!({"act": "upload", "target": "css=[name=several]", "files": [one, two]}));
    world.act(json!({"act": "upload", "target": "text=\"Choose a picture\"", "files": [two]}));
    world.click("role=button[name=Upload]");
    let told = world.text("#files");
    let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex();
    let expected = [
        format!("one Übung 😀.bin 3000000 {}", hash(&large)),
        format!("several Übung 😀.bin 3000000 {}", hash(&large)),
        format!("several b.txt 5 {}", hash(b"hello")),
        format!("picture b.txt 5 {}", hash(b"hello")),
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    world.open("/upload");
    let missing = json!({"act": "upload", "target": "css=[name=one]", "files": ["/nothing/there"]});
    world.fails(&[ActErrorKind::Io, ActErrorKind::NotFound, ActErrorKind::Invalid], missing);
    let two_in_one = json!({"act": "upload", "target": "css=[name=one]", "files": [one, two]});
    world.fails(&[ActErrorKind::Invalid], two_in_one);
    let no_field = json!({"act": "upload", "target": "h1", "files": [two]});
    assert!(world.attempt(no_field, Duration::from_secs(10)).is_err());
}
