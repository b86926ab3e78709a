//! The child of the crash tests: tells a story into a home until it is killed, or checks one.
//!
//! `storyteller tell HOME BATCH JOURNAL_BYTES UNTIL` · `storyteller check HOME ACKNOWLEDGED JOURNAL_BYTES`

use std::path::Path;

use anyhow::{Result, bail};
use zo_tests::story::{self, Telling};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| -> Result<u64> { Ok(arguments[index].parse()?) };
    match arguments.first().map(String::as_str) {
        Some("tell") if arguments.len() == 5 => {
            let telling = Telling { batch: number(2)?, journal_bytes: number(3)?, until: number(4)? };
            story::tell(Path::new(&arguments[1]), telling)
        }
        Some("check") if arguments.len() == 4 => {
            story::check(Path::new(&arguments[1]), number(2)?, number(3)?).map(|_| ())
        }
        _ => bail!("usage: storyteller tell|check HOME …"),
    }
}
