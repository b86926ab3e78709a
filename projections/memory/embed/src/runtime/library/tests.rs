use std::{fs, os::unix::net::UnixListener};

use tempfile::TempDir;

use super::*;

/// The least ELF file that says it is ONNX Runtime of this version: header, two program headers, dynamic section, names.
fn made_up(machine: u16, names: &str) -> Vec<u8> {
    let strings: Vec<u8> = names.bytes().map(|byte| if byte == b' ' { 0 } else { byte }).collect();
    let (programs, dynamic) = (64, 64 + 2 * 56);
    let table = dynamic + 2 * 16;
    let length = (table + strings.len()) as u64;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([3_u16, machine].iter().flat_map(|value| value.to_le_bytes()));
    file.extend([1, 0, 0, 0]);
    file.extend([0, programs, 0_u64].iter().flat_map(|value| value.to_le_bytes()));
    file.extend([0, 0, 0, 0]);
    file.extend([64_u16, 56, 2, 64, 0, 0].iter().flat_map(|value| value.to_le_bytes()));
    let mut segment = |kind: u32, offset: u64, address: u64, size: u64| {
        file.extend(kind.to_le_bytes());
        file.extend([0; 4]);
        file.extend([offset, address, address, size, size, 8].iter().flat_map(|value| value.to_le_bytes()));
    };
    segment(1, 0, 0x1000, length);
    segment(2, dynamic as u64, 0x1000 + dynamic as u64, 32);
    file.extend([5, 0x1000 + table as u64, 10, strings.len() as u64].iter().flat_map(|value| value.to_le_bytes()));
    file.extend(strings);
    file
}

const THIS_MACHINE: u16 = if cfg!(target_arch = "x86_64") { 62 } else { 183 };

fn library(version: &str) -> Vec<u8> {
    made_up(THIS_MACHINE, &format!(" OrtGetApiBase libc.so.6 VERS_{version} "))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

fn judge_bytes(bytes: &[u8]) -> Finding {
    let folder = folder();
    let path = folder.path().join("libonnxruntime.so");
    fs::write(&path, bytes).expect("it is writable");
    judge(&path)
}

fn reason(finding: Finding) -> String {
    match finding {
        Finding::NotALibrary { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn version_is_read_from_the_file() {
    let required = required();
    assert_eq!(judge_bytes(&library("1.24.4")), Finding::Usable { version: Some("1.24.4".into()) });
    assert_eq!(judge_bytes(&library("1.101.0")), Finding::Usable { version: Some("1.101.0".into()) });
    for version in ["1.23.2", "1.9.0", "0.25.0", "2.0.0", "x"] {
        let finding = Finding::WrongVersion { version: version.into(), required: required.clone() };
        assert_eq!(judge_bytes(&library(version)), finding);
    }
    assert_eq!(judge_bytes(&made_up(THIS_MACHINE, " OrtGetApiBase ")), Finding::Usable { version: None });
}

#[test]
fn what_is_no_library_is_told_apart() {
    assert_eq!(
        reason(judge_bytes(b"#!/bin/sh\necho this is a text file, longer than a header would be, to be read whole\n")),
        "it is no ELF file"
    );
    assert_eq!(reason(judge_bytes(b"")), "it is no ELF file");
    assert_eq!(
        reason(judge_bytes(&made_up(3, " OrtGetApiBase "))),
        format!("it is for another machine than {}", std::env::consts::ARCH)
    );
    assert_eq!(
        reason(judge_bytes(&made_up(THIS_MACHINE, " printf VERS_1.24.4 "))),
        "it has no OrtGetApiBase, so it is not ONNX Runtime"
    );
}

#[test]
fn library_that_is_cut_short_is_never_usable() {
    let whole = library("1.24.4");
    for length in 0..whole.len() {
        assert!(matches!(judge_bytes(&whole[..length]), Finding::NotALibrary { .. }), "{length} bytes");
    }
}

#[test]
fn damaged_headers_are_survived() {
    let whole = library("1.24.4");
    for at in 0..whole.len() {
        for byte in [0, 0x7f, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            // Any finding will do, as long as there is one.
            judge_bytes(&damaged);
        }
    }
}

#[test]
fn what_is_no_file_is_not_opened() {
    let folder = folder();
    assert_eq!(judge(folder.path()), Finding::NotAFile);
    assert_eq!(judge(&folder.path().join("gone.so")), Finding::Missing);
    let socket = folder.path().join("libonnxruntime.so");
    let _listener = UnixListener::bind(&socket).expect("a socket can be made");
    assert_eq!(judge(&socket), Finding::NotAFile);
}

#[test]
fn latest_version_of_a_folder_comes_first_and_links_count_once() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("it is writable");
    write("libonnxruntime.so.1.24.9", &library("1.24.9"));
    write("libonnxruntime.so.1.24.10", &library("1.24.10"));
    write("libonnxruntime.so.1.20.1", &library("1.20.1"));
    write("libonnxruntime_providers_shared.so", b"");
    write("libonnxruntime.txt", b"");
    std::os::unix::fs::symlink("libonnxruntime.so.1.24.10", folder.path().join("libonnxruntime.so"))
        .expect("it is writable");
    let places = Places { explicit: None, folders: vec![folder.path().to_owned()] };
    let found: Vec<String> = survey(&places).iter().map(|candidate| candidate.finding.to_string()).collect();
    assert_eq!(found, ["is version 1.24.10", "is version 1.24.9", "is version 1.20.1, 1.24 or later is needed"]);
}

#[test]
fn explicit_path_is_the_only_one_considered() {
    let folder = folder();
    fs::write(folder.path().join("libonnxruntime.so"), library("1.24.4")).expect("it is writable");
    let places =
        Places { explicit: Some("/nowhere/libonnxruntime.so".into()), folders: vec![folder.path().to_owned()] };
    let found = survey(&places);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "/nowhere/libonnxruntime.so does not exist");
}
