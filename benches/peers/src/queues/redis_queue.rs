//! A queue in lists of Redis: what is taken moves to a list of whoever took it, and goes from there when it is done.
//!
//! That has no leases and no attempts, which would cost a command more each: it is the cheapest that loses nothing.

use std::path::{Path, PathBuf};
use std::process::Child;

use anyhow::{Result, ensure};
use redis::{Connection, cmd};
use zo_benches::processes::computed;

use super::{Hand, spec};
use crate::processes::{User, program, wait_for};

const PACKAGES: &str = "redis-server";
/// Where jobs stand.
const JOBS: &str = "jobs";
/// So many seconds a hand waits for a job.
const WAIT: f64 = 0.1;

/// A server with `appendfsync always`, ended when it is dropped.
pub struct RedisQueue {
    folder: PathBuf,
    server: Child,
}

struct Connected {
    connection: Connection,
    taken: String,
}

impl RedisQueue {
    /// Starts a server in `folder`, which is not there yet.
    ///
    /// # Errors
    /// If there is no Redis here, or it does not start.
    pub fn start(folder: &Path) -> Result<Self> {
        let user = User::not_root("redis")?;
        let server = program("redis-server", &["/usr/bin"], PACKAGES)?;
        user.make_folder(folder)?;
        let mut command = user.command(&server);
        command.args(["--port", "0", "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--unixsocket"]);
        command.arg(folder.join("socket")).arg("--dir").arg(folder).current_dir(folder);
        let mut queue = Self { folder: folder.to_owned(), server: command.spawn()? };
        let path = queue.folder.clone();
        let mut connection = wait_for(&mut queue.server, || connect(&path))?;
        let said: Vec<String> = cmd("CONFIG").arg("GET").arg("appendfsync").query(&mut connection)?;
        ensure!(said.last().is_some_and(|value| value == "always"), "the server syncs {said:?}");
        Ok(queue)
    }

    /// A hand with a connection of its own.
    ///
    /// # Errors
    /// If the server says no.
    pub fn hand(&self, number: usize) -> Result<Box<dyn Hand>> {
        Ok(Box::new(Connected { connection: connect(&self.folder)?, taken: format!("taken:{number}") }))
    }

    /// Seconds that the server has computed.
    ///
    /// # Errors
    /// If it is not there any more.
    pub fn computed(&self) -> Result<f64> {
        computed(self.server.id())
    }
}

impl Drop for RedisQueue {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn connect(folder: &Path) -> Result<Connection> {
    let url = format!("redis+unix://{}", folder.join("socket").display());
    Ok(redis::Client::open(url)?.get_connection()?)
}

impl Hand for Connected {
    fn submit(&mut self, number: u64) -> Result<()> {
        let _: usize = cmd("LPUSH").arg(JOBS).arg(spec(number)).query(&mut self.connection)?;
        Ok(())
    }

    fn work(&mut self) -> Result<bool> {
        let mut take = cmd("BRPOPLPUSH");
        let job: Option<String> = take.arg(JOBS).arg(&self.taken).arg(WAIT).query(&mut self.connection)?;
        let Some(job) = job else { return Ok(false) };
        let removed: usize = cmd("LREM").arg(&self.taken).arg(1).arg(&job).query(&mut self.connection)?;
        ensure!(removed == 1, "{job} was not this one's any more");
        Ok(true)
    }
}
