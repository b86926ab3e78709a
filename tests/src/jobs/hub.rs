//! The process that has the home: gives jobs out, watches leases, has schedules come due.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use zo_engine::engine::{Engine, EngineOptions, OpenError};
use zo_engine::server::Server;
use zo_engine::work::WorkOptions;

/// Short, so that what a killed worker had is given to another one soon.
const LEASE: Duration = Duration::from_millis(600);
const HEARTBEAT: Duration = Duration::from_millis(100);
/// So long a home is waited for whose holder was killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has the home until standard input ends; says `open` when it has it.
///
/// # Errors
/// If the home does not open.
pub fn serve(home: &Path) -> Result<()> {
    let engine = open(home)?;
    let server = Server::start(engine.clone())?;
    engine.serve(WorkOptions { capacity: 1, heartbeat: HEARTBEAT, lease: LEASE, ..WorkOptions::default() });
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "open")?;
    stdout.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    server.stop();
    engine.close();
    Ok(())
}

/// Opens the home, once the process that had it is gone for good.
///
/// # Errors
/// If it does not open.
pub fn open(home: &Path) -> Result<Arc<Engine>> {
    let until = Instant::now() + PATIENCE;
    loop {
        match Engine::open(home, EngineOptions::default()) {
            Ok(engine) => return Ok(engine),
            Err(held @ OpenError::Held { .. }) if Instant::now() > until => bail!("{held}"),
            Err(OpenError::Held { .. }) => thread::sleep(Duration::from_millis(2)),
            Err(error) => return Err(error.into()),
        }
    }
}
