//! Golden files: bytes that were written once and must be read for ever.
//!
//! A file holds one or more stanzas, set apart by an empty line: the bytes in hex, then what they mean as JSON.
//! `ZO_BLESS=1` writes files that are missing. It never touches one that is there: to change what is frozen is
//! a decision, and made by hand.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// One stanza.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Golden {
    pub(crate) bytes: Vec<u8>,
    pub(crate) meaning: serde_json::Value,
}

impl Golden {
    pub(crate) fn new(bytes: Vec<u8>, meaning: &impl serde::Serialize) -> Self {
        // By way of the text: a value made directly would widen an f32, and 0.1 would have seventeen digits.
        let text = serde_json::to_string(meaning).expect("what tests freeze is JSON");
        Self { bytes, meaning: serde_json::from_str(&text).expect("what was just written is JSON") }
    }
}

/// Path of a fixture.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

/// What a golden file holds; `None` if there is no such file.
pub(crate) fn read_golden(name: &str) -> Option<Vec<Golden>> {
    let text = std::fs::read_to_string(fixture(name)).ok()?;
    let stanza = |stanza: &str| {
        let (hex, json) = stanza.split_at(stanza.find('{').expect("a stanza has its meaning behind the bytes"));
        Golden { bytes: from_hex(hex), meaning: serde_json::from_str(json).expect("the meaning is JSON") }
    };
    Some(text.trim().split("\n\n").map(stanza).collect())
}

/// Compares with a golden file. Writes it if it is missing and `ZO_BLESS` is 1.
pub(crate) fn check_golden(name: &str, actual: &[Golden]) {
    if read_golden(name).is_none() && std::env::var("ZO_BLESS").is_ok_and(|bless| bless == "1") {
        let path = fixture(name);
        std::fs::create_dir_all(path.parent().expect("a fixture is in a folder")).expect("the fixtures are writable");
        let stanzas: Vec<String> = actual.iter().map(render).collect();
        std::fs::write(path, stanzas.join("\n")).expect("the fixtures are writable");
    }
    let golden = read_golden(name)
        .unwrap_or_else(|| panic!("fixtures/{name} is missing: run the tests once with ZO_BLESS=1 and commit it"));
    assert_eq!(
        golden.iter().map(render).collect::<Vec<_>>(),
        actual.iter().map(render).collect::<Vec<_>>(),
        "fixtures/{name} is frozen: old logs have these bytes. Something new is a new schema"
    );
}

fn render(golden: &Golden) -> String {
    let mut text = String::new();
    for line in golden.bytes.chunks(32) {
        writeln!(text, "{}", to_hex(line)).expect("a string takes everything");
    }
    let meaning = serde_json::to_string_pretty(&golden.meaning).expect("JSON can be written");
    writeln!(text, "{meaning}").expect("a string takes everything");
    text
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    assert!(digits.len().is_multiple_of(2), "hex has two digits a byte: {text}");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two hex digits are a byte")).collect()
}
