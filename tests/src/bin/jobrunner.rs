//! The child of the crash tests of jobs: has the home and gives jobs out, or carries them out, until it is killed.
//!
//! `jobrunner hub HOME` · `jobrunner worker HOME NAME EFFECTS FAILS`

use std::path::Path;

use anyhow::{Result, bail};
use zo_tests::jobs::{hub, worker};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["hub", home] => hub::serve(Path::new(home)),
        ["worker", home, name, effects, fails] => {
            worker::work(Path::new(home), name, Path::new(effects), fails.parse()?)
        }
        _ => bail!("usage: jobrunner hub HOME | worker HOME NAME EFFECTS FAILS"),
    }
}
