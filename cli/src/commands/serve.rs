//! `zo serve`: the engine for as long as it is wanted. [`unit`] has systemd start it.

mod ready;
pub(super) mod unit;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::protocol::FailureKind;
use zo_engine::work::WorkOptions;
use zo_http::{Http, HttpError, HttpOptions, TlsFiles};

use super::agent::options::skill_folders;
use super::node::offer::Offer;
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::text::counted;
use crate::serving::Serving;

/// How often it is looked whether to stop, and whether the home is free.
const LOOK: Duration = Duration::from_millis(100);

/// How long jobs may take to get done when it is to stop, in seconds.
const USUAL_DRAIN: u64 = 10;

/// Keep the engine running: schedules, jobs, services, HTTP
///
/// Examples:
///   zo serve
///   zo serve --listen 127.0.0.1:8080 --capacity 4
///   zo serve --listen 0.0.0.0:7733 --tls-cert cert.pem --tls-key key.pem --allow-host hub.example.org
///   zo serve --install
///
/// What is due is done, jobs are carried out here and by every `zo worker`, services run, and HTTP listens at 127.0.0.1:7733 (and
/// hosted files at 7734). Whoever asks needs a token: zo token create. Any other `zo` command works as before, through this process.
/// Should another process hold the home, it is waited for. Ctrl-C and SIGTERM end it in good order: what runs is given back, and
/// goes on when it is started again; a second one ends it at once.
///
/// --install writes a unit of systemd, so that it starts when you log in. Where it must unlock the vault by itself, let
/// ZO_PASSPHRASE_FILE name a file with the passphrase: the unit takes it over.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Serve {
    /// Where HTTP listens; anything but this machine needs --tls-cert and --tls-key [default: 127.0.0.1:7733]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_address)]
    listen: Option<SocketAddr>,
    /// Where hosted files are served [default: 127.0.0.1:7734]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_address)]
    files_listen: Option<SocketAddr>,
    /// The certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A name by which others call this machine; can be given more than once
    #[arg(long = "allow-host", value_name = "HOST")]
    allow_hosts: Vec<String>,
    /// An origin whose pages may use it: https://app.example; can be given more than once
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allow_origins: Vec<String>,
    /// A model that clients name, and the one that answers in its place; can be given more than once
    #[arg(long = "model-alias", value_name = "NAME=PROVIDER/NAME", value_parser = crate::input::key_value)]
    aliases: Vec<(String, String)>,
    /// Do not listen: schedules, jobs and services alone
    #[arg(long, conflicts_with_all = ["listen", "files_listen", "tls_cert", "allow_hosts", "allow_origins", "aliases"])]
    no_http: bool,
    #[command(flatten)]
    offer: Offer,
    /// When it is to stop, begin nothing more and wait so long for the jobs that run here; then they are ended: done once more by the next
    /// one, or interrupted if they may be done only once
    #[arg(long, value_name = "SECONDS", default_value_t = USUAL_DRAIN)]
    drain: u64,
    /// Write a unit of systemd for your own services, with these options
    #[arg(long, conflicts_with = "uninstall")]
    install: bool,
    /// Remove that unit
    #[arg(long)]
    uninstall: bool,
}

/// Where it listens, as JSON has it.
#[derive(Serialize)]
struct ServingJson<'a> {
    #[serde(flatten)]
    serving: &'a Serving,
    api_url: Option<String>,
    files_url: Option<String>,
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address and a port are expected, as in 127.0.0.1:7733 or [::1]:7733".to_owned())
}

impl Serve {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if self.install {
            return unit::install(context, &self.words()?);
        }
        if self.uninstall {
            return unit::uninstall(context);
        }
        let interrupt = Interrupt::watch()?;
        let Some(client) = become_holder(context, &interrupt)? else { return Ok(()) };
        let served = self.serve(context, &client, &interrupt);
        // Whatever it ended with, what runs is given back and the home is left in good order.
        if served.is_ok() {
            context.output.note("stopping …");
        }
        context.close(client)?;
        served
    }

    /// Works until it is told to stop.
    fn serve(&self, context: &mut Context, client: &Client, interrupt: &Interrupt) -> Result<(), CliError> {
        let Some(engine) = client.engine() else { return Ok(()) };
        let http = match self.no_http {
            true => None,
            false => Some(Http::start(engine.clone(), self.http()).map_err(|error| no_http(&error))?),
        };
        engine.serve(self.work()?);
        let serving = Serving {
            pid: std::process::id(),
            api: http.as_ref().map(Http::local_addr),
            files: http.as_ref().and_then(Http::files_addr),
            tls: self.tls_cert.is_some(),
        };
        let announced = serving.announce(&context.home);
        announced.map_err(|error| CliError::io(format!("cannot write into {}", context.home.display()), &error))?;
        tell(context, &serving)?;
        ready::tell();
        while !interrupt.is_set() {
            thread::sleep(LOOK);
        }
        let mut told = false;
        let left = engine.drain(Duration::from_secs(self.drain), &mut |running| {
            if !std::mem::replace(&mut told, true) {
                let (jobs, seconds) = (counted(running as u64, "job"), self.drain);
                context.output.note(format!("waiting for {jobs} up to {seconds} s; Ctrl-C ends them"));
            }
        });
        if left > 0 {
            context.output.note(format!("{} ended before they were done", counted(left as u64, "job")));
        }
        Serving::withdraw(&context.home);
        if let Some(http) = http {
            http.stop();
        }
        Ok(())
    }

    fn http(&self) -> HttpOptions {
        let usual = HttpOptions::default();
        let files = self.files_listen.or_else(|| match self.listen {
            // Beside an interface anywhere, files are anywhere: at the port that is asked for, or where there is room.
            Some(listen) if listen.port() == 0 => Some(SocketAddr::new(listen.ip(), 0)),
            Some(listen) => usual.files_listen.map(|files| SocketAddr::new(listen.ip(), files.port())),
            None => usual.files_listen,
        });
        let tls = self.tls_cert.clone().zip(self.tls_key.clone());
        HttpOptions {
            listen: self.listen.unwrap_or(usual.listen),
            files_listen: files,
            tls: tls.map(|(certificates, key)| TlsFiles { certificates, key }),
            allowed_hosts: self.allow_hosts.clone(),
            allowed_origins: self.allow_origins.clone(),
            aliases: self.aliases.clone(),
            ..usual
        }
    }

    fn work(&self) -> Result<WorkOptions, CliError> {
        let usual = WorkOptions::default();
        let mut labels = usual.labels.clone();
        labels.extend(self.offer.labels.iter().cloned());
        Ok(WorkOptions {
            capacity: self.offer.capacity.unwrap_or(usual.capacity),
            labels,
            region: self.offer.region.clone(),
            gpu: self.offer.gpu.clone(),
            price_micros: self.offer.price.unwrap_or(usual.price_micros),
            skills: skill_folders(None)?.into_iter().map(|(folder, origin)| (folder.into(), origin)).collect(),
            ..usual
        })
    }

    /// The options as words, for who starts it again.
    fn words(&self) -> Result<Vec<String>, CliError> {
        let mut words = Vec::new();
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        let absolute = |path: &PathBuf| super::job::what::absolute_file(path.as_os_str());
        self.listen.iter().for_each(|address| add("--listen", address.to_string()));
        self.files_listen.iter().for_each(|address| add("--files-listen", address.to_string()));
        for (name, file) in [("--tls-cert", &self.tls_cert), ("--tls-key", &self.tls_key)] {
            if let Some(file) = file {
                add(name, absolute(file)?);
            }
        }
        self.allow_hosts.iter().for_each(|host| add("--allow-host", host.clone()));
        self.allow_origins.iter().for_each(|origin| add("--allow-origin", origin.clone()));
        self.aliases.iter().for_each(|(name, model)| add("--model-alias", format!("{name}={model}")));
        words.extend(self.offer.words());
        if self.drain != USUAL_DRAIN {
            words.extend(["--drain".to_owned(), self.drain.to_string()]);
        }
        if self.no_http {
            words.push("--no-http".to_owned());
        }
        Ok(words)
    }
}

/// Opens the home, and waits until nobody else holds it. `None`: it was stopped before.
fn become_holder(context: &mut Context, interrupt: &Interrupt) -> Result<Option<Client>, CliError> {
    let mut told = None;
    while !interrupt.is_set() {
        let client = context.open()?;
        if client.engine().is_some() {
            return Ok(Some(client));
        }
        let holder = client.holder();
        if let Some(serving) = crate::serving::of(&client, &context.home) {
            let place = serving.api_url().map_or_else(String::new, |url| format!(", at {url}"));
            let message = format!("process {holder} serves this home already{place}");
            return Err(CliError::new(Kind::Engine(FailureKind::Refused), message)
                .hint(format!("`kill {holder}` ends it in good order; another home is served with --home DIR")));
        }
        drop(client);
        if told != Some(holder) {
            context.output.note(format!("process {holder} holds the home; it is served when that one leaves"));
            told = Some(holder);
        }
        thread::sleep(LOOK);
    }
    Ok(None)
}

/// Says where it listens and how to get in.
fn tell(context: &mut Context, serving: &Serving) -> Result<(), CliError> {
    let (api_url, files_url) = (serving.api_url(), serving.files_url());
    if context.output.is_json() {
        return context.output.data_now(&ServingJson { serving, api_url, files_url });
    }
    let output = &mut context.output;
    output.note(format!("serving {}: schedules, jobs and services", context.home.display()));
    if let Some(url) = api_url {
        output.note(format!("HTTP at {url}; hosted files at {}", files_url.as_deref().unwrap_or("no address")));
        output.note("whoever asks needs a token: zo token create NAME --scope ask,read");
    }
    output.note("Ctrl-C ends it");
    Ok(())
}

fn no_http(error: &HttpError) -> CliError {
    let kind = match error {
        HttpError::NeedsTls { .. } | HttpError::Name { .. } => Kind::Usage,
        HttpError::Tls { .. } => Kind::Engine(FailureKind::Invalid),
        HttpError::InUse { .. } | HttpError::NeedsToken { .. } => Kind::Engine(FailureKind::Refused),
        _ => Kind::Engine(FailureKind::Io),
    };
    CliError::new(kind, error.to_string()).hint(error.hint())
}
