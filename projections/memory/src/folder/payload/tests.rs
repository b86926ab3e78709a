use super::*;

#[test]
fn a_payload_reads_back_as_written() {
    let payload = Payload::new([0xab; 32], 1_234, 567);
    let line = payload.to_line();
    assert_eq!(Payload::parse(&line).expect("just written"), payload);
    assert_eq!(payload.accept(&[0xab; 32], 567).expect("its own home and count"), 1_234);
}

#[test]
fn every_changed_byte_is_noticed() {
    let line = Payload::new([7; 32], 99, 12).to_line();
    for at in 0..line.len() {
        let mut bytes = line.clone().into_bytes();
        bytes[at] ^= 1;
        let changed = String::from_utf8(bytes).expect("still ASCII");
        assert!(Payload::parse(&changed).is_err(), "{changed}");
    }
}

#[test]
fn another_home_version_or_count_is_refused() {
    let payload = Payload::new([7; 32], 99, 12);
    assert!(payload.accept(&[8; 32], 12).is_err());
    assert!(payload.accept(&[7; 32], 13).is_err());
    let older = Payload { schema_version: 0, ..payload };
    assert!(older.accept(&[7; 32], 12).is_err());
}
