//! The child of the crash tests of agents: carries an agent on until it has ended, or kills itself at a chosen position.
//!
//! `agentrunner FOLDER TASK KILL_AT|- PROCESS ask|resume`

use std::path::Path;

use anyhow::{Result, bail};
use zo_tests::agents::child::{Part, take_part};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, task, kill_at, process, how] = &arguments[..] else {
        bail!("usage: agentrunner FOLDER TASK KILL_AT|- PROCESS ask|resume");
    };
    let kill_at = if kill_at == "-" { None } else { Some(kill_at.parse()?) };
    let part = Part { task, kill_at, process: process.parse()?, resume: how == "resume" };
    take_part(Path::new(folder), part)
}
