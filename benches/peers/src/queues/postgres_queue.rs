//! A queue in a table of PostgreSQL, taken from with `FOR UPDATE SKIP LOCKED`.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use postgres::{Client, NoTls, Statement};
use zo_benches::processes::computed_with_children;

use super::{Hand, spec};
use crate::processes::{User, program, wait_for};

const PACKAGES: &str = "postgresql";
/// Where Debian has the server's programs, newest first.
const FOLDERS: [&str; 4] = [
    "/usr/lib/postgresql/18/bin",
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/15/bin",
];
/// So long is waited before it is looked again whether there is a job.
const PAUSE: Duration = Duration::from_millis(1);

const SCHEMA: &str = "CREATE TABLE jobs (
        id bigserial PRIMARY KEY, priority smallint NOT NULL DEFAULT 0, state smallint NOT NULL DEFAULT 0,
        attempt integer NOT NULL DEFAULT 0, lease timestamptz, spec text NOT NULL, result text);
    CREATE INDEX ready ON jobs (priority DESC, id) WHERE state = 0;";
const SUBMIT: &str = "INSERT INTO jobs (spec) VALUES ($1)";
const CLAIM: &str = "UPDATE jobs SET state = 1, attempt = attempt + 1, lease = now() + interval '150 seconds'
    WHERE id = (SELECT id FROM jobs WHERE state = 0 ORDER BY priority DESC, id FOR UPDATE SKIP LOCKED LIMIT 1)
    RETURNING id, attempt, spec";
const COMPLETE: &str =
    "UPDATE jobs SET state = 2, lease = NULL, result = '{}' WHERE id = $1 AND attempt = $2 AND state = 1";

/// A server with such a table, ended when it is dropped.
pub struct PostgresQueue {
    user: User,
    folder: PathBuf,
    server: Child,
}

struct Connected {
    client: Client,
    submit: Statement,
    claim: Statement,
    complete: Statement,
}

impl PostgresQueue {
    /// Makes a cluster in `folder`, which is not there yet, and starts its server: `fsync` and `synchronous_commit` on, everything
    /// else as it comes.
    ///
    /// # Errors
    /// If there is no PostgreSQL here, or it does not start.
    pub fn start(folder: &Path) -> Result<Self> {
        let user = User::not_root("postgres")?;
        let (initdb, server) = (program("initdb", &FOLDERS, PACKAGES)?, program("postgres", &FOLDERS, PACKAGES)?);
        user.make_folder(folder)?;
        let mut make = user.command(&initdb);
        let made = make
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--pgdata"])
            .arg(folder.join("data"))
            .current_dir(folder)
            .output()?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr).trim());
        let mut command = user.command(&server);
        let set =
            ["listen_addresses=", "fsync=on", "synchronous_commit=on", "max_connections=100", "log_min_messages=fatal"];
        command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).current_dir(folder);
        set.iter().for_each(|set| {
            command.args(["-c", set]);
        });
        let mut queue = Self { user, folder: folder.to_owned(), server: command.spawn()? };
        let path = queue.folder.clone();
        let mut client = wait_for(&mut queue.server, || connect(&path))?;
        client.batch_execute(SCHEMA)?;
        Ok(queue)
    }

    /// A hand with a connection of its own.
    ///
    /// # Errors
    /// If the server says no.
    pub fn hand(&self) -> Result<Box<dyn Hand>> {
        let mut client = connect(&self.folder)?;
        let (submit, claim, complete) = (client.prepare(SUBMIT)?, client.prepare(CLAIM)?, client.prepare(COMPLETE)?);
        Ok(Box::new(Connected { client, submit, claim, complete }))
    }

    /// Seconds that the server has computed.
    ///
    /// # Errors
    /// If it is not there any more.
    pub fn computed(&self) -> Result<f64> {
        computed_with_children(self.server.id())
    }
}

impl Drop for PostgresQueue {
    fn drop(&mut self) {
        let stop = program("pg_ctl", &FOLDERS, PACKAGES).and_then(|stop| {
            let mut command = self.user.command(&stop);
            command.args(["stop", "--mode=fast", "--pgdata"]).arg(self.folder.join("data")).current_dir(&self.folder);
            Ok(command.output()?)
        });
        if !stop.is_ok_and(|output| output.status.success()) {
            // Its backends end by themselves when they find it gone.
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

fn connect(folder: &Path) -> Result<Client> {
    Ok(postgres::Config::new().host_path(folder).user("postgres").dbname("postgres").connect(NoTls)?)
}

impl Hand for Connected {
    fn submit(&mut self, number: u64) -> Result<()> {
        self.client.execute(&self.submit, &[&spec(number)])?;
        Ok(())
    }

    fn work(&mut self) -> Result<bool> {
        let Some(row) = self.client.query_opt(&self.claim, &[])? else {
            thread::sleep(PAUSE);
            return Ok(false);
        };
        let (id, attempt): (i64, i32) = (row.try_get(0)?, row.try_get(1)?);
        let completed = self.client.execute(&self.complete, &[&id, &attempt])?;
        ensure!(completed == 1, "job {id} was not this one's any more");
        Ok(true)
    }
}
