//! `zo file put`.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::{FileContent, Outcome, Request, Response};

use super::super::job::what::text_of;
use super::folder::{Found, contents};
use crate::context::{Context, stream, unexpected};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::Total;
use crate::output::text::{bytes, counted};
use zo_engine::protocol::FailureKind;

/// What stdin is called among paths.
const STDIN: &str = "-";

/// Keep files, or all that is in folders
///
/// Examples:
///   zo file put report.pdf
///   zo file put build/report-2026.pdf --name report.pdf
///   zo file put ./site
///   tar c photos | zo file put - --name photos.tar
///
/// A file is called as it is on the disk, and a folder's files begin with the folder's name: `site/index.html`. Put again under the
/// same name it is a further version; put again as it was, nothing changes. In folders, links and what begins with a dot are left out.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Put {
    /// Files and folders; `-` is stdin
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// What it is called instead: a relative path with `/`
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it is, such as text/html [default: told from the name and the content]
    #[arg(long = "type", value_name = "TYPE")]
    media_type: Option<String>,
    /// What begins with a dot too
    #[arg(long)]
    hidden: bool,
}

/// What became of the files.
#[derive(Default)]
struct Tally {
    put: u64,
    unchanged: u64,
    bytes: u64,
}

impl Put {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if self.name.is_some() && self.paths.len() > 1 {
            return Err(CliError::usage("one name is for one file or folder").hint("put them one by one"));
        }
        let (files, spool) = self.files(context)?;
        let mut client = context.open()?;
        let tally = self.put(context, &mut client, &files)?;
        drop(spool);
        if files.len() > 1 {
            let (all, unchanged) = (counted(tally.put, "file"), tally.unchanged);
            context.output.note(format!("{all} put, {}; {unchanged} were so already", bytes(tally.bytes)));
        }
        context.close(client)
    }

    /// The files, all of them known before the first is put; what stdin had lies in a file of ours as long as it is needed.
    fn files(&self, context: &mut Context) -> Result<(Vec<Found>, Option<tempfile::NamedTempFile>), CliError> {
        let (mut files, mut spool) = (Vec::new(), None);
        for path in &self.paths {
            if path == Path::new(STDIN) {
                let name = self.name.clone().ok_or_else(|| {
                    CliError::usage("what comes from stdin has no name").hint("give it one: --name NAME")
                })?;
                let file = spooled()?;
                files.push(found(file.path(), name)?);
                spool = Some(file);
                continue;
            }
            let cannot = |error: io::Error| CliError::io(format!("cannot read {}", path.display()), &error);
            let real = path.canonicalize().map_err(cannot)?;
            let name = match &self.name {
                Some(name) => name.trim_end_matches('/').to_owned(),
                None => own_name(&real)?,
            };
            if !real.is_dir() {
                files.push(found(&real, name)?);
                continue;
            }
            let home = context.home.canonicalize().unwrap_or_else(|_| context.home.clone());
            if home.starts_with(&real) || real.starts_with(&home) {
                let message = format!("{} and the home of zo, {}, overlap", path.display(), home.display());
                return Err(CliError::new(Kind::Engine(FailureKind::Refused), message)
                    .hint("put a folder that does not hold it"));
            }
            let found = contents(&real, &name, self.hidden)?;
            for what in found.left_out {
                context.output.warn(&CliError::invalid(format!("{what}, and is left out")));
            }
            files.extend(found.files);
        }
        if files.is_empty() {
            return Err(CliError::not_found("there is no file to put")
                .hint("what begins with a dot is put with --hidden, and links never"));
        }
        Ok((files, spool))
    }

    fn put(&self, context: &mut Context, client: &mut Client, files: &[Found]) -> Result<Tally, CliError> {
        let interrupt = Interrupt::watch()?;
        let progress = context.output.progress("putting", Total::Bytes(files.iter().map(|file| file.size).sum()));
        let mut tally = Tally::default();
        for file in files {
            if interrupt.is_set() {
                return Err(interrupted(&tally, files.len()));
            }
            progress.say(file.name.clone());
            let request = Request::PutFile {
                name: file.name.clone(),
                media_type: self.media_type.clone(),
                content: FileContent::Path(text_of(&file.path)?),
            };
            let mut acknowledged = None;
            let told = stream(client, &request, |response| {
                match response {
                    Response::Acknowledged(results) => acknowledged = results.into_iter().next(),
                    Response::Progress { done, .. } => progress.set(tally.bytes + done),
                    other => return Err(unexpected(&other)),
                }
                Ok(if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            });
            let acknowledged = match (acknowledged, told) {
                (Some(acknowledged), _) => acknowledged.map_err(|failure| CliError::from(failure).at(&file.name))?,
                (None, Err(error)) if !interrupt.is_set() => return Err(error.at(&file.name)),
                (None, _) => return Err(interrupted(&tally, files.len())),
            };
            tally.put += 1;
            tally.bytes += file.size;
            tally.unchanged += u64::from(acknowledged.outcome == Outcome::Unchanged);
            progress.set(tally.bytes);
            if files.len() > 1 && !context.output.is_json() {
                context.output.line(context.output.shown(&acknowledged.id))?;
            } else {
                context.print_acknowledged(&acknowledged, "put")?;
            }
            context.output.flush()?;
        }
        Ok(tally)
    }
}

fn interrupted(tally: &Tally, files: usize) -> CliError {
    let message = format!("interrupted; {} of {} are kept", tally.put, counted(files as u64, "file"));
    CliError::new(Kind::Interrupted, message).hint("put again, what is there already costs nothing")
}

/// What stdin has, in a file of ours: whoever has the home reads it from there, however large it is.
fn spooled() -> Result<tempfile::NamedTempFile, CliError> {
    let cannot = |error: io::Error| CliError::io("cannot keep what stdin has in a temporary file", &error);
    let mut file = tempfile::Builder::new().prefix("zo-put-").tempfile().map_err(cannot)?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(cannot)?;
    Ok(file)
}

fn found(path: &Path, name: String) -> Result<Found, CliError> {
    let cannot = |error: io::Error| CliError::io(format!("cannot read {}", path.display()), &error);
    // Opened too: that it can be read is told before anything is put.
    let metadata = fs::File::open(path).and_then(|file| file.metadata()).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(CliError::invalid(format!("{} is no ordinary file", path.display()))
            .hint("give what it has through a pipe: zo file put - --name NAME"));
    }
    Ok(Found { path: path.to_owned(), name, size: metadata.len() })
}

/// The last part of a path.
fn own_name(path: &Path) -> Result<String, CliError> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| {
        CliError::usage(format!("{} has no name of its own", path.display())).hint("give it one: --name NAME")
    })
}
