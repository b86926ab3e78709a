//! Jobs submitted, taken and completed, each step durable before it is acknowledged: zo in process and through the process that
//! has the home, beside PostgreSQL (`FOR UPDATE SKIP LOCKED`) and Redis (`appendfsync always`), in turns, on one disk.
//!
//! `cargo bench --workspace --bench dispatch`; `ZO_BENCH_ROUNDS`, `ZO_BENCH_JOBS` (per round), `ZO_BENCH_DIR`. PostgreSQL and Redis
//! are Debian's: `apt-get install --no-install-recommends postgresql redis-server`. See `DISPATCH.md`.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, ensure};
use zo_benches::BenchFolder;
use zo_benches::processes::computed;
use zo_engine::bench::{RawFile, Rounds};
use zo_engine::client::{Client, OpenOptions};
use zo_engine::engine::Engine;
use zo_engine::work::WorkOptions;
use zo_peers::queues::{Access, Hand, OurHand, PostgresQueue, RedisQueue, round};

const PRODUCERS: usize = 16;
const CONSUMERS: usize = 32;
/// Processes that the hands of the last contestant are spread over.
const GUESTS: usize = 4;
/// A commit of a few small events.
const FSYNC_BYTES: usize = 1024;
const FSYNCS: usize = 40;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--hold", folder] => return hold(Path::new(folder)),
        ["--guest", folder, number] => return guest(Path::new(folder), number),
        _ if arguments.iter().any(|argument| argument == "--test") => return Ok(()),
        _ => {}
    }
    let number = |name: &str, usual: usize| std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(usual);
    let (rounds, jobs) = (number("ZO_BENCH_ROUNDS", 7), number("ZO_BENCH_JOBS", 3200));
    let folder = BenchFolder::new()?;
    // The servers of the peers run as users of their own, and each makes its own folder its alone.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    let mut contestants: Vec<Box<dyn Contestant>> = vec![
        Box::new(InProcess::start(folder.path())?),
        Box::new(ThroughHolder::start(folder.path())?),
        Box::new(Postgres::start(folder.path())?),
        Box::new(Redis::start(folder.path())?),
    ];
    let mut raw = RawFile::create(&folder.path().join("raw"))?;
    let mut syncs = Rounds::default();
    let mut figures = vec![Figures::default(); contestants.len()];
    println!("{PRODUCERS} producers, {CONSUMERS} consumers, {jobs} jobs a round, {rounds} rounds in turns");
    for round in 0..=rounds {
        for (contestant, figures) in contestants.iter_mut().zip(&mut figures) {
            for _ in 0..FSYNCS {
                syncs.time(|| raw.append(&[7; FSYNC_BYTES]))?;
            }
            let before = contestant.computed()?;
            let took = contestant.round(jobs).with_context(|| contestant.name())?;
            let computing = contestant.computed()? - before;
            // The first one fills caches.
            if round > 0 {
                figures.add(jobs, took, computing);
            }
        }
    }
    println!(
        "fdatasync of {FSYNC_BYTES} bytes behind a file, all along: p50 {:.0} us, p99 {:.0} us\n",
        syncs.quantile(0.5).as_secs_f64() * 1e6,
        syncs.quantile(0.99).as_secs_f64() * 1e6
    );
    println!(
        "{:<36} {:>8} {:>17} {:>11}   ratio to PostgreSQL, Redis",
        "median of the rounds", "jobs/s", "from to", "CPU us/job"
    );
    for (contestant, own) in contestants.iter().zip(&figures) {
        let [low, middle, high] = own.rates();
        let ratios: Vec<String> = figures[2..].iter().map(|peer| format!("{:.2}", own.ratio_to(peer))).collect();
        println!(
            "{:<36} {middle:>8.0} {low:>8.0} {high:>8.0} {:>11.0}   {}",
            contestant.name(),
            own.computing_us(),
            ratios.join(", ")
        );
    }
    Ok(())
}

/// What was measured of a contestant, round by round.
#[derive(Clone, Debug, Default)]
struct Figures {
    rates: Vec<f64>,
    computing: f64,
    jobs: f64,
}

impl Figures {
    #[allow(clippy::cast_precision_loss)]
    fn add(&mut self, jobs: usize, took: Duration, computing: f64) {
        self.rates.push(jobs as f64 / took.as_secs_f64());
        self.computing += computing;
        self.jobs += jobs as f64;
    }

    /// Slowest, median, fastest.
    fn rates(&self) -> [f64; 3] {
        let mut sorted = self.rates.clone();
        sorted.sort_by(f64::total_cmp);
        [sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]]
    }

    /// The median of the ratios of rounds that followed each other.
    fn ratio_to(&self, peer: &Self) -> f64 {
        let mut ratios: Vec<f64> = self.rates.iter().zip(&peer.rates).map(|(own, peer)| own / peer).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }

    fn computing_us(&self) -> f64 {
        self.computing / self.jobs * 1e6
    }
}

/// A queue with everybody who works on it.
trait Contestant {
    fn name(&self) -> String;

    /// How long so many jobs take until the last one is done.
    fn round(&mut self, jobs: usize) -> Result<Duration>;

    /// Seconds that everybody concerned has computed, this process among them.
    fn computed(&self) -> Result<f64>;
}

type Hands = Vec<Box<dyn Hand>>;

/// Everybody a thread of this process.
struct InProcess {
    engine: Arc<Engine>,
    producers: Hands,
    consumers: Hands,
}

impl InProcess {
    fn start(folder: &Path) -> Result<Self> {
        let engine = zo_benches::open(&folder.join("ours"))?;
        engine.serve(WorkOptions::default());
        let hand = |name: String| -> Result<Box<dyn Hand>> {
            Ok(Box::new(OurHand::join(Access::Here(engine.clone()), &name)?))
        };
        let producers = (0..PRODUCERS).map(|index| hand(format!("producer-{index}"))).collect::<Result<_>>()?;
        let consumers = (0..CONSUMERS).map(|index| hand(format!("consumer-{index}"))).collect::<Result<_>>()?;
        Ok(Self { engine, producers, consumers })
    }
}

impl Contestant for InProcess {
    fn name(&self) -> String {
        "zo, in process".to_owned()
    }

    fn round(&mut self, jobs: usize) -> Result<Duration> {
        round(&mut self.producers, &mut self.consumers, jobs)
    }

    fn computed(&self) -> Result<f64> {
        computed(std::process::id())
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.engine.close();
    }
}

struct Postgres {
    queue: PostgresQueue,
    producers: Hands,
    consumers: Hands,
}

impl Postgres {
    fn start(folder: &Path) -> Result<Self> {
        let queue = PostgresQueue::start(&folder.join("postgres"))?;
        let hands = |count: usize| (0..count).map(|_| queue.hand()).collect::<Result<_>>();
        let (producers, consumers) = (hands(PRODUCERS)?, hands(CONSUMERS)?);
        Ok(Self { queue, producers, consumers })
    }
}

impl Contestant for Postgres {
    fn name(&self) -> String {
        "PostgreSQL, SKIP LOCKED".to_owned()
    }

    fn round(&mut self, jobs: usize) -> Result<Duration> {
        round(&mut self.producers, &mut self.consumers, jobs)
    }

    fn computed(&self) -> Result<f64> {
        Ok(computed(std::process::id())? + self.queue.computed()?)
    }
}

struct Redis {
    queue: RedisQueue,
    producers: Hands,
    consumers: Hands,
}

impl Redis {
    fn start(folder: &Path) -> Result<Self> {
        let queue = RedisQueue::start(&folder.join("redis"))?;
        let producers = (0..PRODUCERS).map(|index| queue.hand(index)).collect::<Result<_>>()?;
        let consumers = (0..CONSUMERS).map(|index| queue.hand(PRODUCERS + index)).collect::<Result<_>>()?;
        Ok(Self { queue, producers, consumers })
    }
}

impl Contestant for Redis {
    fn name(&self) -> String {
        "Redis, appendfsync always".to_owned()
    }

    fn round(&mut self, jobs: usize) -> Result<Duration> {
        round(&mut self.producers, &mut self.consumers, jobs)
    }

    fn computed(&self) -> Result<f64> {
        Ok(computed(std::process::id())? + self.queue.computed()?)
    }
}

/// A process of this bench, ended when it is dropped.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().context("it was asked for")?);
        let mut process = Self { input: child.stdin.take(), child, output };
        ensure!(process.hears()? == "ready", "it did not get ready");
        Ok(process)
    }

    fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.input.as_mut().context("it is not told to end yet")?, "{line}").context("it is gone")
    }

    fn hears(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "it ended");
        Ok(line.trim().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It ends by itself when its input does.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// A process that has the home, and others on its socket.
struct ThroughHolder {
    // In the order in which they end.
    guests: Vec<Process>,
    holder: Process,
}

impl ThroughHolder {
    fn start(folder: &Path) -> Result<Self> {
        let home: PathBuf = folder.join("held");
        let home = home.to_str().context("a plain name")?;
        let holder = Process::start(&["--hold", home])?;
        let guest = |number: usize| Process::start(&["--guest", home, &number.to_string()]);
        Ok(Self { guests: (0..GUESTS).map(guest).collect::<Result<_>>()?, holder })
    }
}

impl Contestant for ThroughHolder {
    fn name(&self) -> String {
        format!("zo, {GUESTS} processes and the holder")
    }

    fn round(&mut self, jobs: usize) -> Result<Duration> {
        let share = jobs / GUESTS;
        ensure!(share * GUESTS == jobs, "{jobs} jobs cannot be shared by {GUESTS} processes");
        let begun = now_us()?;
        for guest in &mut self.guests {
            guest.say(&share.to_string())?;
        }
        let (mut done, mut last) = (0, begun);
        for guest in &mut self.guests {
            let said = guest.hears()?;
            let (count, at) = said.split_once(' ').with_context(|| said.clone())?;
            done += count.parse::<usize>()?;
            last = last.max(at.parse()?);
        }
        ensure!(done == jobs, "{done} jobs were done, and {jobs} submitted");
        Ok(Duration::from_micros(last - begun))
    }

    fn computed(&self) -> Result<f64> {
        let guests: f64 = self.guests.iter().map(|guest| computed(guest.child.id())).sum::<Result<_>>()?;
        Ok(guests + computed(self.holder.child.id())?)
    }
}

fn now_us() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros())?)
}

/// Has the home and serves, until its input ends.
fn hold(folder: &Path) -> Result<()> {
    let client = Client::open(folder, &OpenOptions::default()).map_err(|failure| anyhow!("{failure}"))?;
    client.engine().context("another process has the home")?.serve(WorkOptions::default());
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    client.close().map_err(|failure| anyhow!("{failure}"))
}

/// A share of the hands, each with a connection of its own: does rounds until its input ends.
fn guest(folder: &Path, number: &str) -> Result<()> {
    let hand = |name: String| OurHand::join(Access::through_socket(folder)?, &name);
    let named = |kind: &str, count: usize| -> Result<Vec<OurHand>> {
        (0..count).map(|index| hand(format!("{kind}-{number}-{index}"))).collect()
    };
    let mut producers = named("producer", PRODUCERS / GUESTS)?;
    let mut consumers = named("consumer", CONSUMERS / GUESTS)?;
    println!("ready");
    for line in std::io::stdin().lines() {
        let jobs: usize = line?.trim().parse()?;
        let (done, last) = share_of_round(&mut producers, &mut consumers, jobs)?;
        println!("{done} {last}");
    }
    Ok(())
}

/// How many jobs were done here, and when the last one was.
fn share_of_round(producers: &mut [OurHand], consumers: &mut [OurHand], jobs: usize) -> Result<(usize, u64)> {
    let each = jobs.div_ceil(producers.len());
    thread::scope(|scope| {
        let mut submitting = Vec::new();
        for (index, producer) in producers.iter_mut().enumerate() {
            let numbers = (index * each)..((index + 1) * each).min(jobs);
            submitting
                .push(scope.spawn(move || numbers.into_iter().try_for_each(|number| producer.submit(number as u64))));
        }
        let working: Vec<_> = consumers.iter_mut().map(|consumer| scope.spawn(|| work(consumer))).collect();
        for submitted in submitting {
            submitted.join().map_err(|_| anyhow!("a producer panicked"))??;
        }
        let mut sum = (0, 0);
        for worked in working {
            let (done, last) = worked.join().map_err(|_| anyhow!("a consumer panicked"))??;
            sum = (sum.0 + done, sum.1.max(last));
        }
        Ok(sum)
    })
}

/// Works until there is nothing left to do; how many jobs were done, and when the last one was.
fn work(consumer: &mut OurHand) -> Result<(usize, u64)> {
    let (mut done, mut last, mut in_vain) = (0, 0, 0);
    // There is none for so long only when all of all processes are done.
    while in_vain < 5 {
        if consumer.work()? {
            (done, last, in_vain) = (done + 1, now_us()?, 0);
        } else {
            in_vain += 1;
        }
    }
    Ok((done, last))
}
