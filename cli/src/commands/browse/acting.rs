//! Something is done in a browser, and what came of it is shown.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use zo_browser::How;
use zo_browser::act::Act;
use zo_engine::client::Client;
use zo_engine::protocol::{BrowseInput, Browsed, FailureKind, Request, Response, SecretText, USUAL_SESSION};

use super::acts::{Acts, Secret};
use crate::context::{Context, stream, unexpected};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::secret;
use crate::serving;

/// Acts that are asked for what they give; of others it is enough that they are done.
const ASKS: [&str; 6] = ["eval", "get", "is", "tabs", "cookies", "storage"];

/// Which session, and what it may reach.
#[derive(Args, Debug)]
pub(super) struct SessionArgs {
    /// The session
    #[arg(long, short, global = true, value_name = "NAME", default_value = USUAL_SESSION, display_order = 800)]
    pub(super) session: String,
    /// Give up after so many seconds
    #[arg(long, global = true, value_name = "SECONDS", display_order = 801, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
    /// Show the window
    #[arg(long, global = true, display_order = 802)]
    pub(super) visible: bool,
    /// Make it a session that agents use too: it reaches no private address
    #[arg(long, global = true, display_order = 803)]
    guarded: bool,
    /// Reach this host alone from now on, as *.example.org or 127.0.0.1:8080; can be given several times, `any` lifts it
    #[arg(long, global = true, value_name = "HOST", display_order = 804)]
    only: Vec<String>,
    /// Do not reach this host from now on; can be given several times, `none` lifts it
    #[arg(long, global = true, value_name = "HOST", display_order = 805)]
    deny: Vec<String>,
}

impl SessionArgs {
    pub(super) fn input(&self, act: &Act, secret: Option<SecretText>) -> Result<BrowseInput, CliError> {
        let hosts = |said: &[String], lifted: &str| match said {
            [] => None,
            [one] if one == lifted => Some(Vec::new()),
            hosts => Some(hosts.to_vec()),
        };
        let act = serde_json::to_string(act).map_err(|error| CliError::invalid(error.to_string()))?;
        Ok(BrowseInput {
            session: self.session.clone(),
            act,
            id: None,
            secret,
            deadline_ms: self.timeout.map(|seconds| seconds * 1000),
            visible: self.visible,
            guarded: self.guarded,
            only_hosts: hosts(&self.only, "any"),
            deny_hosts: hosts(&self.deny, "none"),
        })
    }
}

/// What came of something, as it is printed: contents are in files.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    browsed: &'a Browsed,
    /// The files that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
}

/// Does one thing, and prints what came of it.
pub(super) fn run_one(context: &mut Context, session: &SessionArgs, acts: &Acts) -> Result<(), CliError> {
    check_display(session.visible)?;
    let act = acts.act()?;
    check_out(acts.out())?;
    if context.output.is_json() && acts.out() == Some(Path::new("-")) {
        return Err(CliError::usage("-o - and --json would both be on stdout").hint("write it into a file: -o FILE"));
    }
    let secret = read_secret(context, acts)?;
    let mut client = context.open()?;
    let interrupt = Interrupt::watch()?;
    let alone = client.engine().is_some() && serving::of(&client, &context.home).is_none();
    let browsed = browse(&mut client, session.input(&act, secret)?, &interrupt).map_err(|error| {
        let refers = act.target().is_some_and(|target| matches!(target.how(), How::Reference(_)));
        match alone && refers && error.kind == Kind::Engine(FailureKind::NotFound) {
            true => {
                error.hint("each command has a browser of its own: `zo serve` keeps one, and so does `zo browse run`")
            }
            false => error,
        }
    })?;
    let is_not_so = matches!(act, Act::Is(_)) && browsed.value.as_deref() == Some("false");
    print(context, browsed, acts.out())?;
    if matches!(act, Act::Open(_)) && alone {
        context.output.note(
            "note: the browser ends with this command, and the next one opens the page again; `zo serve` keeps it",
        );
    }
    context.close(client)?;
    // As `test` and `grep` do: what it says is on stdout, and in the exit code.
    if is_not_so { Err(CliError::new(Kind::Child(1), "it is not so")) } else { Ok(()) }
}

pub(super) fn read_secret(context: &mut Context, acts: &Acts) -> Result<Option<SecretText>, CliError> {
    match acts.secret() {
        Secret::No => Ok(None),
        Secret::Asked => secret::read(context, "text", None).map(Some),
        Secret::File(file) => secret::read(context, "text", Some(file)).map(Some),
    }
}

/// A window needs somewhere to be shown.
pub(super) fn check_display(visible: bool) -> Result<(), CliError> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if visible && cfg!(not(target_os = "macos")) && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
        return Err(CliError::new(
            Kind::Engine(FailureKind::Refused),
            "there is no display here that a window could be shown on",
        )
        .hint("run it in a graphical session; without a window everything else works"));
    }
    Ok(())
}

/// Looks whether something can be written there, before it is got.
pub(super) fn check_out(out: Option<&Path>) -> Result<(), CliError> {
    let Some(path) = out.filter(|path| *path != Path::new("-")) else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = |what: &str| {
        let message = format!("cannot write {}: {} {what}", path.display(), folder.display());
        Err(CliError::invalid(message).hint("-o takes a file, or a folder that is there"))
    };
    match folder.metadata() {
        Err(_) => cannot("is not there"),
        Ok(found) if !found.is_dir() => cannot("is no folder"),
        Ok(_) => Ok(()),
    }
}

/// Does one thing; Ctrl-C has it stopped.
pub(super) fn browse(client: &mut Client, input: BrowseInput, interrupt: &Interrupt) -> Result<Browsed, CliError> {
    let mut browsed = None;
    let request = Request::Browse(Box::new(input));
    let interrupted = || CliError::new(Kind::Interrupted, "what was being done in the browser was stopped");
    let told = stream(client, &request, |response| {
        match response {
            Response::Browsed(done) => browsed = Some(*done),
            Response::Progress { .. } => {}
            other => return Err(unexpected(&other)),
        }
        Ok(if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    match (told, browsed) {
        (_, Some(browsed)) => Ok(browsed),
        (Err(error), None) if !interrupt.is_set() => Err(error),
        _ => Err(interrupted()),
    }
}

/// Prints what came of it: data to stdout, the rest to stderr.
pub(super) fn print(context: &mut Context, mut browsed: Browsed, out: Option<&Path>) -> Result<(), CliError> {
    let mut files = Vec::new();
    for artifact in &mut browsed.artifacts {
        let bytes = std::mem::take(&mut artifact.bytes);
        if out == Some(Path::new("-")) {
            context.output.bytes(&bytes)?;
            continue;
        }
        let path = place(out, &artifact.name);
        std::fs::write(&path, bytes)
            .map_err(|error| CliError::io(format!("cannot write {}", path.display()), &error))?;
        files.push(path.display().to_string());
    }
    for download in &mut browsed.downloads {
        if out == Some(Path::new("-")) {
            let cannot = |error: io::Error| CliError::io(format!("cannot read {}", download.path), &error);
            context.output.bytes(&std::fs::read(&download.path).map_err(cannot)?)?;
            // What is left is the session's to remove.
            let _ = std::fs::remove_file(&download.path);
            continue;
        }
        let path = place(out, &download.name);
        take(Path::new(&download.path), &path)?;
        download.path = path.display().to_string();
        files.push(download.path.clone());
    }
    for note in &browsed.notes {
        context.output.note(format!("note: {}", context.output.shown_err(note)));
    }
    if context.output.is_json() {
        return context.output.data(&Printed { browsed: &browsed, files });
    }
    if !files.is_empty() {
        return files.iter().try_for_each(|file| context.output.line(context.output.shown(file)));
    }
    if out == Some(Path::new("-")) {
        return Ok(());
    }
    shown(context, &browsed)
}

fn shown(context: &mut Context, browsed: &Browsed) -> Result<(), CliError> {
    if let Some(text) = &browsed.text {
        let shown = context.output.shown(text);
        return context.output.line(shown.trim_end_matches('\n'));
    }
    let value = browsed.value.as_deref().filter(|_| ASKS.contains(&browsed.act.as_str()));
    match value.map(serde_json::from_str::<serde_json::Value>) {
        Some(Ok(serde_json::Value::String(text))) => {
            let shown = context.output.shown(&text);
            context.output.line(shown)
        }
        Some(Ok(value)) => context.output.line(context.output.shown(&value.to_string())),
        _ => {
            let at = if browsed.title.is_empty() {
                browsed.url.clone()
            } else {
                format!("{} ({})", browsed.url, browsed.title)
            };
            context.output.note(format!("{}: {}", browsed.act, context.output.shown_err(&at)));
            Ok(())
        }
    }
}

/// Where something of this name goes: where it is wanted, or under a free name in the folder that is meant.
fn place(out: Option<&Path>, name: &str) -> PathBuf {
    match out {
        Some(path) if path.is_dir() => free_name(path, name),
        Some(path) => path.to_owned(),
        None => free_name(Path::new("."), name),
    }
}

/// A name that no file there has.
fn free_name(folder: &Path, name: &str) -> PathBuf {
    let mut paths = zo_browser::numbered(name).map(|name| folder.join(name));
    let free = paths.find(|path| path.symlink_metadata().is_err()).expect("there is always one number more");
    free.strip_prefix("./").map(Path::to_owned).unwrap_or(free)
}

/// Takes a file that was downloaded to where it is wanted.
fn take(from: &Path, to: &Path) -> Result<(), CliError> {
    if std::fs::rename(from, to).is_ok() {
        return Ok(());
    }
    let cannot = |error: io::Error| {
        CliError::io(format!("cannot write {}", to.display()), &error).hint(format!("the file is {}", from.display()))
    };
    std::fs::copy(from, to).map_err(cannot)?;
    // The copy is there; what is left is the session's to remove.
    let _ = std::fs::remove_file(from);
    Ok(())
}
