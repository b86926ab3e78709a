use super::*;

fn record() -> Record {
    let entry = |path: &str, length| Entry { path: path.into(), length, digest: blake3::hash(path.as_bytes()) };
    Record { entries: vec![entry("models--a--b/snapshots/c/onnx/model.onnx", 7), entry("with blank.json", 0)] }
}

#[test]
fn record_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("bge-small-en-v1.5.complete");
    record().write(&path).expect("it is writable");
    assert_eq!(Record::parse(&fs::read_to_string(&path).expect("it is there")), Some(record()));
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1, "nothing else is left");
}

#[test]
fn part_of_a_record_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("x.complete");
    record().write(&path).expect("it is writable");
    let text = fs::read_to_string(&path).expect("it is there");
    for length in 0..text.len() {
        assert_eq!(Record::parse(&text[..length]), None, "{length} bytes");
    }
    assert_eq!(Record::parse(&text.replace("zo model 1", "zo model 2")), None);
}
