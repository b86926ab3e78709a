use super::*;

#[test]
fn sizes_have_units() {
    for (text, bytes) in [("4096", 4096), ("64k", 64 << 10), ("512M", 512 << 20), ("2GiB", 2 << 30)] {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    for text in ["", "0", "M", "-1", "1.5G", "3 parsecs", "99999999999G"] {
        assert!(size(text).is_err(), "{text}");
    }
}

#[test]
fn shells_are_told_as_usual() {
    for (ending, code) in [
        (Ending::Exited(7), 7),
        (Ending::Signalled(9), 137),
        (Ending::TimedOut, 124),
        (Ending::CpuLimit, 152),
        (Ending::MemoryLimit, 137),
        (Ending::Stopped, 130),
    ] {
        assert_eq!(exit_code(ending), code, "{ending:?}");
    }
}

#[test]
fn letters_are_not_cut() {
    let mut rest = Vec::new();
    let bytes = "a €".as_bytes();
    assert_eq!(whole_letters(&mut rest, &bytes[..3]), "a ");
    assert_eq!(whole_letters(&mut rest, &bytes[3..]), "€");
    assert_eq!(whole_letters(&mut rest, b"\xff!"), "\u{fffd}!", "what is no letter does not wait");
    assert!(rest.is_empty());
}
