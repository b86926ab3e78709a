use std::io;

use super::*;

#[test]
fn exit_codes_tell_refusals_from_failures() {
    for (kind, code) in [
        (Kind::Engine(FailureKind::NotFound), 1),
        (Kind::Engine(FailureKind::Conflict), 1),
        (Kind::Engine(FailureKind::Refused), 1),
        (Kind::Engine(FailureKind::Invalid), 1),
        (Kind::Engine(FailureKind::Key), 1),
        (Kind::Engine(FailureKind::Locked), 1),
        (Kind::Engine(FailureKind::Forbidden), 1),
        (Kind::NotDone, 1),
        (Kind::Usage, 2),
        (Kind::Engine(FailureKind::Model), 3),
        (Kind::KeyNotTaken, 3),
        (Kind::Engine(FailureKind::DiskFull), 3),
        (Kind::Engine(FailureKind::Io), 3),
        (Kind::Incomplete, 3),
        (Kind::ClosedPipe, 0),
    ] {
        assert_eq!(kind.exit_code(), code, "{}", kind.name());
    }
}

#[test]
fn refusal_of_the_engine_and_exit_code_one_are_the_same() {
    use FailureKind::*;
    for kind in
        [NotFound, Conflict, Refused, Invalid, DiskFull, Poisoned, Damaged, Newer, Disconnected, Io, Model, Key, Locked]
    {
        let refusal = Failure::new(kind, "").is_refusal();
        assert_eq!(Kind::Engine(kind).exit_code() == 1, refusal, "{kind:?}");
        assert_eq!(serde_json::to_value(kind).expect("a kind is JSON"), Kind::Engine(kind).name());
    }
}

#[test]
fn the_json_form_has_kind_message_and_hint() {
    let error = CliError::not_found("there is no memory x").hint("`zo memory list`");
    let json = serde_json::to_string(&error.to_json()).expect("an error is JSON");
    assert_eq!(json, r#"{"error":{"kind":"not_found","message":"there is no memory x","hint":"`zo memory list`"}}"#);
    let json = serde_json::to_string(&CliError::usage("what").to_json()).expect("an error is JSON");
    assert_eq!(json, r#"{"error":{"kind":"usage","message":"what","hint":null}}"#);
}

#[test]
fn the_systems_words_lose_their_number() {
    let error = io::Error::from_raw_os_error(2);
    assert_eq!(reason(&error), "no such file or directory");
    assert_eq!(CliError::io("cannot read x", &error).message, "cannot read x: no such file or directory");
    assert_eq!(CliError::io("x", &io::Error::from_raw_os_error(28)).kind, Kind::Engine(FailureKind::DiskFull));
}
