//! Bad libraries: each ends in rten with a reason, never in a panic, an abort or a hang.

use std::{fs, path::Path};

use zo_embed::{EmbedError, Models, Role, Runtime, RuntimePreference};

use crate::child;

/// What a child says of the library at this path.
fn said(path: &Path) -> String {
    let stdout = child::run("runtimes::model_opens_all_the_same", &[("ORT_DYLIB_PATH", &path.to_string_lossy())]);
    let line = stdout.lines().find_map(|line| line.split_once("WHY ")).expect("the child says why");
    line.1.to_owned()
}

#[test]
#[ignore = "run by others, in a process of its own"]
fn model_opens_all_the_same() {
    let report = zo_embed::runtime();
    assert_eq!(report.used, Runtime::Rten);
    println!("WHY {}", report.why_not().expect("it is not used"));
    let models = Models::new("/nowhere".into());
    let mut embedder = models.open(Models::DEFAULT).expect("rten is always there");
    assert_eq!(*embedder.runtime(), Runtime::Rten);
    assert_eq!(embedder.embed(Role::Query, &["tea"]).expect("every text has a vector")[0].len(), 384);
    let error = models.open_with(Models::DEFAULT, RuntimePreference::OnnxRuntime).err().expect("there is none");
    assert!(matches!(&error, EmbedError::NeedsRuntime { .. }), "{error}");
    assert!(error.hint().expect("there is something to do").contains("pip install onnxruntime"));
}

#[test]
fn text_file_folder_and_missing_file_end_in_rten() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("libonnxruntime.so");
    assert_eq!(said(&path), format!("{} does not exist", path.display()));
    fs::write(&path, "a text file\n".repeat(100)).expect("it is writable");
    assert_eq!(said(&path), format!("{} is no usable library: it is no ELF file", path.display()));
    assert_eq!(said(folder.path()), format!("{} is not a file", folder.path().display()));
}

#[test]
fn other_library_ends_in_rten() {
    // This very program is an ELF file for this machine, of the kind that libraries are.
    let program = std::env::current_exe().expect("the test knows its program");
    assert!(said(&program).contains("it has no OrtGetApiBase"), "{}", said(&program));
}

#[test]
fn wrong_version_cut_short_and_unloadable_library_end_in_rten() {
    let Some(library) = child::onnx_runtime() else { return };
    let bytes = fs::read(&library).expect("it is readable");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("libonnxruntime.so");
    let said_of = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("it is writable");
        said(&path).replace(&*path.to_string_lossy(), "LIBRARY")
    };
    let is = version(&library);
    let was = is.replace("1.2", "1.1");
    let older = replaced(&bytes, format!("VERS_{is}").as_bytes(), format!("VERS_{was}").as_bytes());
    assert_eq!(said_of(&older), format!("LIBRARY is version {was}, 1.24 or later is needed"));
    assert!(said_of(&bytes[..bytes.len() / 2]).starts_with("LIBRARY is no usable library: it is cut short"));
    let unloadable = said_of(&replaced(&bytes, b"libstdc++.so.6", b"libstdc++.so.7"));
    assert!(
        unloadable.starts_with("LIBRARY cannot be loaded") && unloadable.contains("libstdc++.so.7"),
        "{unloadable}"
    );
}

#[test]
fn engine_can_be_chosen_by_a_variable() {
    let run =
        |value: &str| child::run("runtimes::open_says", &[("ZO_EMBED_RUNTIME", value), ("ORT_DYLIB_PATH", "/nowhere")]);
    assert!(run("rten").contains("SAYS rten"));
    assert!(run("quick").contains("SAYS rten"));
    assert!(run("").contains("SAYS rten"));
    assert!(run("cuda").contains("SAYS ZO_EMBED_RUNTIME=cuda names no engine"));
    assert!(run("onnxruntime").contains("needs ONNX Runtime, and /nowhere does not exist"));
    if let Some(library) = child::onnx_runtime() {
        let library = library.to_string_lossy();
        let variables = |value| [("ZO_EMBED_RUNTIME", value), ("ORT_DYLIB_PATH", &*library)];
        let says = format!("SAYS ONNX Runtime {} ({library})", version(Path::new(&*library)));
        assert!(child::run("runtimes::open_says", &variables("onnxruntime")).contains(&says));
        assert!(child::run("runtimes::open_says", &variables("auto")).contains(&says));
        assert!(child::run("runtimes::open_says", &variables("rten")).contains("SAYS rten"));
    }
}

#[test]
#[ignore = "run by engine_can_be_chosen_by_a_variable, in a process of its own"]
fn open_says() {
    match Models::new("/nowhere".into()).open(Models::DEFAULT) {
        Ok(embedder) => println!("SAYS {}", embedder.runtime()),
        Err(error) => println!("SAYS {error}"),
    }
}

#[test]
fn library_in_a_virtual_environment_is_found() {
    let Some(library) = child::onnx_runtime() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let package = folder.path().join("lib/python3.12/site-packages/onnxruntime/capi");
    fs::create_dir_all(&package).expect("it is writable");
    let link = package.join("libonnxruntime.so");
    std::os::unix::fs::symlink(&library, &link).expect("it is writable");
    let stdout = child::run("runtimes::report_says", &[("VIRTUAL_ENV", &folder.path().to_string_lossy())]);
    assert!(stdout.contains("USED ONNX Runtime"), "{stdout}");
    assert!(stdout.contains(&format!("FOUND {} is version {}", link.display(), version(&library))), "{stdout}");
}

#[test]
#[ignore = "run by library_in_a_virtual_environment_is_found, in a process of its own"]
fn report_says() {
    let report = zo_embed::runtime();
    println!("USED {}", report.used);
    for candidate in &report.candidates {
        println!("FOUND {candidate}");
    }
}

/// The version in the library's name, `libonnxruntime.so.1.24.4`.
fn version(library: &Path) -> String {
    let name = library.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.trim_start_matches("libonnxruntime.so.").to_owned()
}

/// The bytes with every occurrence of a text replaced by one of the same length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}
