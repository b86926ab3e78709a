//! Running tests in a program that is its own supervisor: the standard one has a `main` of its own.

use std::io::{self, Write};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

/// A test and its name.
pub(crate) type Test = (&'static str, fn());

/// Runs those whose name has one of the arguments in it; all, if there are none.
pub(crate) fn main(tests: &[Test]) -> io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut failed = Vec::new();
    for (name, test) in tests {
        if !words.is_empty() && !words.iter().any(|word| name.contains(word)) {
            continue;
        }
        let begun = Instant::now();
        let result = catch_unwind(test);
        let how = if result.is_ok() { "ok" } else { "FAILED" };
        writeln!(io::stdout(), "test {name} ... {how} ({} ms)", begun.elapsed().as_millis())?;
        if result.is_err() {
            failed.push(*name);
        }
    }
    writeln!(io::stdout(), "test result: {} failed {failed:?}", failed.len())?;
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The tests of these names.
macro_rules! tests {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
}
pub(crate) use tests;
