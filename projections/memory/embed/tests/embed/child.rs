//! Tests that run in a process of their own.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Variables that would decide what a child finds.
const CLEARED: [&str; 12] = [
    "ORT_DYLIB_PATH",
    "ZO_EMBED_RUNTIME",
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_TOKEN",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "RUST_BACKTRACE",
];

/// The library that the tests are to use; `None`, with a line that says so, where there is none.
///
/// A variable that names no file fails the test: it was meant to be there.
pub(crate) fn onnx_runtime() -> Option<PathBuf> {
    let Some(path) = env::var_os("ZO_TEST_ONNXRUNTIME") else {
        eprintln!("SKIPPED: ZO_TEST_ONNXRUNTIME is not set; tests/run sets it");
        return None;
    };
    let path = PathBuf::from(path);
    assert!(path.is_file(), "ZO_TEST_ONNXRUNTIME={} is no file", path.display());
    Some(path)
}

/// Runs an ignored test of this program in a process of its own and returns what it printed; fails if it fails.
pub(crate) fn run(test: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().expect("the test knows its program"));
    command.args(["--exact", test, "--ignored", "--nocapture"]).stdin(Stdio::null());
    for name in CLEARED {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().expect("the test's own program can be started");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test} with {variables:?} ended with {}\n{stdout}{stderr}", output.status);
    assert!(stdout.contains("1 passed"), "{test} was not run\n{stdout}");
    stdout
}
