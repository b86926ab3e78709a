//! `zo service add`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use zo_engine::protocol::{HealthCheck, Request, ServiceInput};

use super::super::job::what::{absolute_all, here, text_of, variables};
use super::note_nobody_serves;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input;
use crate::time::parse_duration;

/// Add a service and start it, or give one other properties
///
/// Examples:
///   zo service add notes --port 8080 --health / -- python3 -m http.server --bind 127.0.0.1 8080
///   zo service add api --folder ~/api --write ~/api/data --env MODE=live -- ./api
///   zo service add later --stopped -- ./later
///
/// It is told its port as PORT, and may listen at that one alone; without --port any free one is taken each time. It may read the
/// folder it starts in, and write what --write names. Its environment is PATH, HOME, TMPDIR, LANG, PORT and what --env says. It
/// counts as healthy when it takes connections, or with --health when that path is answered with 2xx; one that is not is started
/// anew.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Add {
    /// What it is called: lowercase letters, digits, `-`, `_` and `.`
    label: String,
    /// The program and its arguments, behind `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// The port it listens at [default: any that is free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// A path that must be answered
    #[arg(long, value_name = "PATH", value_parser = parse_path)]
    health: Option<String>,
    /// How often it is asked whether it answers [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    health_every: Option<Duration>,
    /// How long it may take to answer [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    health_timeout: Option<Duration>,
    /// How often in a row it may not answer [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    health_threshold: Option<u32>,
    /// The folder it starts in and may read [default: the current one]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A variable that it gets; can be given more than once
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = input::key_value)]
    environment: Vec<(String, String)>,
    /// A file or folder that it may read; can be given more than once
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// A file or folder that it may read and write; can be given more than once
    #[arg(long, value_name = "PATH")]
    write: Vec<PathBuf>,
    /// Add it, and do not start it
    #[arg(long)]
    stopped: bool,
}

impl Add {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let argv = self.command.iter().map(|word| input::text_of_argument(word)).collect::<Result<_, _>>()?;
        let folder = match &self.folder {
            Some(folder) => absolute_all(std::slice::from_ref(folder))?.pop(),
            None => Some(text_of(&here()?)?),
        };
        let service = Box::new(ServiceInput {
            label: self.label.clone(),
            argv,
            folder,
            env: variables(&self.environment)?,
            write: absolute_all(&self.write)?,
            read: absolute_all(&self.read)?,
            port: self.port,
            health: self.health(),
            stopped: self.stopped,
        });
        let mut client = context.open()?;
        let acknowledged = write_one(&mut client, &Request::AddService { service })?;
        context.print_acknowledged(&acknowledged, "added")?;
        if !self.stopped {
            note_nobody_serves(context, &client);
        }
        context.close(client)
    }

    /// How it is found out whether it answers, if anything is said of that.
    fn health(&self) -> Option<HealthCheck> {
        let milliseconds = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let health = HealthCheck {
            path: self.health.clone(),
            interval_ms: self.health_every.map(milliseconds),
            timeout_ms: self.health_timeout.map(milliseconds),
            threshold: self.health_threshold,
        };
        (health != HealthCheck::default()).then_some(health)
    }
}

fn parse_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("a path begins with /, as in /healthz".to_owned()) }
}
