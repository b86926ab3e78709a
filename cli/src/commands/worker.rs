//! `zo worker`: this machine as a node of a `zo serve` elsewhere.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use zo_egress::{HostPattern, Policy};
use zo_engine::protocol::{FailureKind, SecretText};
use zo_projections::event::skill::Origin;
use zo_sandbox::Sandbox;
use zo_skills::SearchPath;
use zo_worker::hub::messages::Join;
use zo_worker::{
    Executor, HttpHub, HubError, HubOptions, Notice, OpenHubError, Worker as Node, WorkerError, WorkerOptions,
};

use super::agent::options::skill_folders;
use super::node::offer::Offer;
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::input;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::secret;
use crate::time::parse_duration;

/// The variable that has the token, where nobody can be asked.
const TOKEN: &str = "ZO_TOKEN";
/// How long jobs are waited for when the worker is to stop.
const USUAL_DRAIN: Duration = Duration::from_secs(30);

/// Carry out jobs for a `zo serve` on another machine
///
/// Examples:
///   zo worker --hub https://hub.example.org:7733 --token-file build-7.token
///   zo worker --hub http://127.0.0.1:7733 --capacity 8 --label big-disk
///   zo worker --hub https://10.0.0.2:7733 --ca hub.pem --gpu a100 --region eu --price 1.20
///
/// Make a token for it on the hub: zo token create build-7 --scope node. Without --token-file it is taken from the variable
/// ZO_TOKEN, or asked for, or read from stdin. The worker takes jobs as it has room for them, says now and then what it runs, and goes on
/// when the hub or the network was away: no job is lost, and none counts twice. Ctrl-C and SIGTERM let it finish what it runs, for as
/// long as --drain says, and give the rest back; a second one ends it at once. No home is needed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Worker {
    /// Where the hub is; another machine needs https
    #[arg(long, value_name = "URL")]
    hub: String,
    /// A file with the token; `-` is stdin
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file with certificates (PEM) to trust beside the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// What it is called; the same name again is the same node [default: the name of this machine]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    offer: Offer,
    /// A host that jobs may reach although it is private: host:port; can be given more than once
    #[arg(long = "allow-host", value_name = "HOST", value_parser = parse_host)]
    allow_hosts: Vec<HostPattern>,
    /// How long what runs may go on when it is to stop
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    drain: Option<Duration>,
    /// Where folders of jobs are made [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Carry jobs out without protection, with nothing but limits
    #[arg(long)]
    unsandboxed: bool,
}

/// How temporary folders of workers begin; the process's id follows.
const FOLDERS: &str = "zo-worker-";

/// What a worker does, as JSON has it.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Joined { node: &'a str },
    Took { job: &'a str, attempt: u32, what: &'a str },
    Delivered { job: &'a str, attempt: u32, how: &'a str },
    Dropped { job: &'a str, attempt: u32, why: &'a str },
    Unreachable { why: &'a str },
    Reached,
    Draining { running: usize },
}

impl Worker {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let name = self.name()?;
        let _alone = self.alone(&name)?;
        let token = self.token(context)?;
        let hub = HttpHub::new(&HubOptions { url: self.hub.clone(), token: token.0, authority: self.ca.clone() });
        let hub = hub.map_err(not_opened)?;
        // Kept until the end, for it goes away with this.
        let (folder, _temporary) = self.folder()?;
        let executor = self.executor(context, folder.clone())?;
        executor.tidy();
        let options =
            WorkerOptions { join: self.join(name), drain: self.drain.unwrap_or(USUAL_DRAIN), scratch: folder };
        let interrupt = Interrupt::watch()?;
        let output = Mutex::new(&mut context.output);
        let stop = || interrupt.is_set();
        let notice = |notice: Notice| {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            tell(&mut output, &notice);
        };
        Node::run(Arc::new(hub), &executor, &options, &stop, &notice).map_err(|WorkerError::Hub(error)| refused(error))
    }

    fn name(&self) -> Result<String, CliError> {
        if let Some(name) = &self.name {
            input::check_name("the name", name)?;
            return Ok(name.clone());
        }
        let name = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
        let name = name.map(|name| name.trim().to_owned()).ok().filter(|name| !name.is_empty());
        name.ok_or_else(|| CliError::usage("this machine has no name").hint("give the worker one: --name NAME"))
    }

    /// Held as long as this worker runs: a second one of the name would take its jobs over. Workers on other machines are not known here.
    fn alone(&self, name: &str) -> Result<Option<fs::File>, CliError> {
        let folder = env::var_os("XDG_RUNTIME_DIR").map_or_else(env::temp_dir, PathBuf::from);
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let path = folder.join(format!("zo-worker.{}.{}.lock", plain(&self.hub), plain(name)));
        let mut options = fs::OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        // Where no file can be, as in a folder of another user, nobody is told.
        let Ok(file) = options.open(&path) else { return Ok(None) };
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => {
                let message = format!("a worker called {name} runs for {} on this machine already", self.hub);
                Err(CliError::new(Kind::Engine(FailureKind::Refused), message)
                    .hint("give this one a name of its own: --name NAME"))
            }
            _ => Ok(Some(file)),
        }
    }

    /// The token: from its file, the variable, whoever is at the terminal, or stdin.
    fn token(&self, context: &mut Context) -> Result<SecretText, CliError> {
        let variable = env::var(TOKEN).ok().filter(|token| !token.trim().is_empty());
        let token = match (&self.token_file, variable) {
            (Some(file), _) => secret::from_file(&mut context.output, file)?,
            (None, Some(token)) => SecretText(token.trim().to_owned()),
            (None, None) => secret::read(context, "token of the hub", None)?,
        };
        if token.0.trim().is_empty() {
            return Err(CliError::usage("there is no token")
                .hint("make one on the hub, `zo token create NAME --scope node`, and give it with --token-file FILE"));
        }
        secret::check_key(&token).map_err(|error| CliError::invalid(error.message.replacen("key", "token", 1)))?;
        Ok(SecretText(token.0.trim().to_owned()))
    }

    fn join(&self, name: String) -> Join {
        let cores = thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
        let mut labels = self.offer.labels.clone();
        labels.extend([env::consts::ARCH.to_owned(), env::consts::OS.to_owned()]);
        labels.sort();
        labels.dedup();
        Join {
            name,
            capacity: self.offer.capacity.unwrap_or(cores),
            labels,
            region: self.offer.region.clone(),
            gpu: self.offer.gpu.clone(),
            price_micros: self.offer.price,
            running: Vec::new(),
        }
    }

    /// Where folders of jobs are made, and the temporary folder that it is in if nobody has named one.
    fn folder(&self) -> Result<(PathBuf, Option<tempfile::TempDir>), CliError> {
        let Some(folder) = &self.scratch else {
            remove_left_behind();
            let made = tempfile::Builder::new().prefix(&format!("{FOLDERS}{}-", std::process::id())).tempdir();
            let made = made.map_err(|error| CliError::io("cannot make a temporary folder", &error))?;
            return Ok((made.path().to_owned(), Some(made)));
        };
        let cannot = |error: io::Error| CliError::io(format!("cannot use {}", folder.display()), &error);
        fs::create_dir_all(folder).map_err(cannot)?;
        Ok((folder.canonicalize().map_err(cannot)?, None))
    }

    fn executor(&self, context: &Context, folder: PathBuf) -> Result<Executor, CliError> {
        let mut sandbox = Sandbox::new();
        if self.unsandboxed {
            sandbox = sandbox.allow_unsandboxed(true);
        }
        let egress = Policy { allow_hosts: self.allow_hosts.clone(), ..Policy::default() };
        let shipped = zo_skills::materialise_shipped(&folder.join("skills"));
        let shipped = shipped.map_err(|error| CliError::io(format!("cannot write {}", folder.display()), &error))?;
        let user = skill_folders(None)?.into_iter().filter(|(_, origin)| *origin == Origin::User);
        let skills = SearchPath::new(Vec::new(), user.map(|(folder, _)| folder.into()).collect(), Some(shipped));
        Ok(Executor::new(sandbox, egress, skills, folder).keeping_out(vec![context.home.clone()]))
    }
}

fn parse_host(text: &str) -> Result<HostPattern, String> {
    text.parse::<HostPattern>().map_err(|error| error.to_string())
}

/// Removes the temporary folders of workers that were killed. What cannot be removed is somebody else's.
fn remove_left_behind() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let owner = entry.file_name().to_str().and_then(|name| {
            let (pid, _) = name.strip_prefix(FOLDERS)?.split_once('-')?;
            pid.parse::<i32>().ok().and_then(rustix::process::Pid::from_raw)
        });
        if owner.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Tells what happens: a line each on stderr, or on stdout under --json.
fn tell(output: &mut Output, notice: &Notice) {
    if output.is_json() {
        // Whoever no longer reads it does not stop the work.
        let _ = output.data_now(&event(notice));
        return;
    }
    let line = match notice {
        Notice::Joined { node } => format!("joined as node {node}; Ctrl-C finishes what runs and leaves"),
        Notice::Took { attempt, summary } => format!("job {} (attempt {}): {summary}", attempt.job, attempt.attempt),
        Notice::Delivered { attempt, how } => format!("job {}: {how}", attempt.job),
        Notice::Dropped { attempt, why } => format!("job {}: dropped, {why}", attempt.job),
        Notice::Unreachable { why } => format!("the hub cannot be reached, and is tried again: {why}"),
        Notice::Reached => "the hub is there again".to_owned(),
        Notice::Draining { running: 0 } => "leaving".to_owned(),
        Notice::Draining { running } => format!("leaving when {running} running are done; Ctrl-C ends it at once"),
    };
    let line = output.shown_err(&line);
    output.note(line);
}

fn event(notice: &Notice) -> Event<'_> {
    match notice {
        Notice::Joined { node } => Event::Joined { node },
        Notice::Took { attempt, summary } => Event::Took { job: &attempt.job, attempt: attempt.attempt, what: summary },
        Notice::Delivered { attempt, how } => Event::Delivered { job: &attempt.job, attempt: attempt.attempt, how },
        Notice::Dropped { attempt, why } => Event::Dropped { job: &attempt.job, attempt: attempt.attempt, why },
        Notice::Unreachable { why } => Event::Unreachable { why },
        Notice::Reached => Event::Reached,
        Notice::Draining { running } => Event::Draining { running: *running },
    }
}

fn not_opened(error: OpenHubError) -> CliError {
    let message = error.to_string();
    match error {
        OpenHubError::Url { .. } => CliError::usage(message)
            .hint("as in https://hub.example.org:7733, or http://127.0.0.1:7733 on this machine"),
        OpenHubError::Token => CliError::invalid(message),
        OpenHubError::Authority { .. } => {
            CliError::invalid(message).hint("a file with certificates in PEM is expected")
        }
        OpenHubError::Setup(_) => CliError::new(Kind::Engine(FailureKind::Io), message),
    }
}

fn refused(error: HubError) -> CliError {
    let message = error.to_string();
    match error {
        HubError::Denied(_) => CliError::new(Kind::Engine(FailureKind::Refused), message)
            .hint("make a token on the hub: zo token create NAME --scope node"),
        HubError::Untrusted(_) => CliError::new(Kind::Engine(FailureKind::Refused), message)
            .hint("--ca FILE trusts a certificate of your own"),
        HubError::Unreachable(_) => CliError::new(Kind::Engine(FailureKind::Io), message),
        _ => CliError::new(Kind::Engine(FailureKind::Refused), message),
    }
}
