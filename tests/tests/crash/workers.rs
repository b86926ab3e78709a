//! `zo serve` and `zo worker` as they are run, killed at random: no job is lost, and none is completed twice.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zo_engine::bench::Noise;
use zo_projections::JobId;
use zo_tests::cli::Zo;
use zo_tests::jobs::guest::Guest;
use zo_tests::jobs::hub;
use zo_tests::jobs::law::{self, Found};
use zo_tests::powercut::seed;

use super::is_long;
use super::jobs::queues;

const WORKERS: usize = 2;
/// Jobs of a round: a third for each of what follows.
const JOBS: usize = 30;
/// What is not over by then hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// A process, killed when it is dropped as nobody can refuse.
struct Process(Child);

impl Process {
    fn start(mut command: Command) -> Result<Self> {
        Ok(Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?))
    }

    /// Waits until it has said a line; whether it lives so long.
    fn hears(&mut self) -> Result<bool> {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().context("it speaks once")?).read_line(&mut line)?;
        Ok(!line.is_empty())
    }

    fn kill(mut self) -> Result<()> {
        let ended = self.0.try_wait()?;
        ensure!(ended.is_none(), "it ended by itself: {ended:?}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A home, who serves it at an address that stays, and who works for it.
struct Round {
    zo: Zo,
    address: String,
    hub: Option<Process>,
    workers: Vec<Option<Process>>,
}

impl Round {
    fn start() -> Result<Self> {
        let zo = Zo::new();
        let token = zo.run(["token", "create", "workers", "--scope", "admin,node"]).ok().to_owned();
        zo.file("token", token);
        // Free now, and hardly anybody else's before it is taken.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut round = Self { zo, address, hub: None, workers: Vec::new() };
        round.restart_hub()?;
        for index in 0..WORKERS {
            round.workers.push(None);
            round.restart_worker(index)?;
        }
        Ok(round)
    }

    fn restart_hub(&mut self) -> Result<()> {
        if let Some(hub) = self.hub.take() {
            hub.kill().context("the hub")?;
        }
        let words = ["serve", "--json", "--capacity", "1", "--listen", &self.address, "--files-listen", "127.0.0.1:0"];
        let mut hub = Process::start(self.zo.command(words))?;
        ensure!(hub.hears()?, "the hub does not begin");
        self.hub = Some(hub);
        Ok(())
    }

    fn restart_worker(&mut self, index: usize) -> Result<()> {
        if let Some(worker) = self.workers[index].take() {
            worker.kill().context("a worker")?;
        }
        let (url, name) = (format!("http://{}", self.address), format!("worker-{index}"));
        let words = ["worker", "--json", "--hub", &url, "--token-file", "token", "--name", &name, "--scratch", &name];
        let offer = ["--label", "far", "--capacity", "2"];
        self.workers[index] = Some(Process::start(self.zo.command([&words[..], &offer].concat()))?);
        Ok(())
    }

    /// Kills somebody, the hub one time in three, and has another one take its place.
    fn kill_one(&mut self, noise: &mut Noise) -> Result<()> {
        match noise.below(3) {
            0 => self.restart_hub(),
            _ => self.restart_worker(usize::try_from(noise.below(WORKERS as u64))?),
        }
    }

    /// Submits jobs that workers do, such as they must not do twice, and such as the hub does.
    fn submit(&self) -> Result<Vec<JobId>> {
        let lines: String = (0..JOBS / 3).map(|number| format!("0.{number:02}\n")).collect();
        self.zo.file("pauses", lines);
        let usual = ["job", "submit", "--each", "pauses", "--scratch", "--attempts", "1000", "--backoff", "5ms:20ms"];
        let mut jobs = Vec::new();
        for more in [&["--label", "far"][..], &["--label", "far", "--once"], &[]] {
            let ran = self.zo.run([&usual[..], more, &["--", "sleep", "{}"]].concat());
            for id in ran.ok().lines() {
                jobs.push(id.parse()?);
            }
        }
        ensure!(jobs.len() == JOBS, "there are {} jobs", jobs.len());
        Ok(jobs)
    }

    /// Waits until nothing is going on any more.
    fn settle(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let mut guest = Guest::new(&self.zo.home());
        loop {
            let counts = queues(&mut guest)?.counts;
            if counts.blocked + counts.waiting + counts.ready + counts.running == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < until, "after {PATIENCE:?} there are still {counts:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn round(noise: &mut Noise) -> Result<Found> {
    let mut round = Round::start()?;
    let jobs = round.submit()?;
    for _ in 0..=noise.below(4) {
        thread::sleep(Duration::from_millis(noise.below(300)));
        round.kill_one(noise)?;
    }
    round.settle()?;
    for worker in &mut round.workers {
        worker.take().map_or(Ok(()), Process::kill).context("a worker")?;
    }
    round.hub.take().map_or(Ok(()), Process::kill).context("the hub")?;
    let engine = hub::open(&round.zo.home())?;
    let nothing = tempfile::tempdir()?;
    let found = law::check(&engine, &jobs, nothing.path());
    engine.close();
    found
}

#[test]
fn real_workers_and_their_hub_killed_at_random_lose_no_job_and_complete_none_twice() -> Result<()> {
    let seed = seed();
    let mut noise = Noise::new(seed);
    let mut found = Found::default();
    let rounds = if is_long() { 100 } else { 5 };
    for number in 0..rounds {
        found = found.plus(round(&mut noise).with_context(|| format!("round {number}, ZO_SEED={seed}"))?);
    }
    println!("{rounds} rounds: {found:?}; ZO_SEED={seed}");
    ensure!(found.lost > 0, "nothing happened to them: {found:?}");
    Ok(())
}
