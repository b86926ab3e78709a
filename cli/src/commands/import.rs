//! `zo import`: what people bring along, read by `zo-import` and sent in batches.
//!
//! [`mod@format`] tells what a path is; [`taking`] puts each thing where it belongs and counts.

mod format;
mod taking;

use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::client::Client;
use zo_import::{chatgpt, jsonl, markdown, zoclone};

use self::format::Format;
use self::taking::{Taking, Tally};
use crate::context::Context;
use crate::embedding::embed_behind;
use crate::error::{CliError, Kind};
use crate::intake::{Source, Taken};
use crate::interrupt::Interrupt;
use crate::output::text::{count, counted};
use crate::output::{Output, Progress, Total};

/// Take over notes, chats and databases
///
/// Examples:
///   zo import ~/notes
///   zo import conversations.json
///   zo import facts.jsonl
///   zo import --zoclone ~/.zoclone
///   zo import ~/notes --no-wait
///
/// What it is is found out: a folder of Markdown and text, ChatGPT's conversations.json, JSON lines, a folder with the
/// databases of ZoClone. Run again, it adds only what is new: notes that have changed supersede what they said before.
/// Whatever cannot be taken is named, and the rest goes on; the exit code is 3 then. Ctrl-C keeps what is in by then.
///
/// Everything can be found by its words as soon as it is in. Then it is embedded, so that it is found by its meaning too;
/// Ctrl-C ends that, and whatever command comes next carries on.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Import {
    /// A file or folder
    #[arg(required_unless_present = "zoclone")]
    path: Option<PathBuf>,
    /// It is a file of JSON lines, as `zo memorize --jsonl` takes them
    #[arg(long, group = "format")]
    jsonl: bool,
    /// It is an export of ChatGPT: conversations.json, or the folder it lies in
    #[arg(long, group = "format")]
    chatgpt: bool,
    /// It is a folder of Markdown and text, or one such file
    #[arg(long, group = "format")]
    markdown: bool,
    /// A folder with the databases of ZoClone
    #[arg(long, value_name = "DIR", group = "format", conflicts_with = "path")]
    zoclone: Option<PathBuf>,
    /// Do not wait until everything is embedded
    #[arg(long)]
    no_wait: bool,
}

impl Import {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let (path, format) = self.what()?;
        let (source, total) = open(&path, format)?;
        if self.zoclone.is_none() {
            context.output.note(format!("reading {} as {}", path.display(), format.name()));
        }
        let interrupt = Interrupt::watch()?;
        let (tally, mut client) = run(context, source, total, format.name_of_source(), &interrupt)?;
        print(&mut context.output, &tally)?;
        context.output.flush()?;
        if tally.taken() > 0 && !self.no_wait {
            embed_behind(&mut client, &mut context.output, &interrupt, tally.newly_findable(), "text");
        }
        context.close(client)?;
        if tally.failed == 0 {
            return Ok(());
        }
        let failed = counted(tally.failed, "item");
        Err(CliError::new(Kind::Incomplete, format!("{failed} could not be taken; everything else is in"))
            .hint("mend them and import again: what is in already stays as it is"))
    }

    fn what(&self) -> Result<(PathBuf, Format), CliError> {
        if let Some(folder) = &self.zoclone {
            return Ok((folder.clone(), Format::ZoClone));
        }
        let path = self.path.clone().ok_or_else(|| CliError::usage("there is nothing to import"))?;
        let format = match (self.jsonl, self.chatgpt, self.markdown) {
            (true, _, _) => Format::Jsonl,
            (_, true, _) => Format::ChatGpt,
            (_, _, true) => Format::Markdown,
            _ => format::detect(&path)?,
        };
        Ok((path, format))
    }
}

/// Begins to read; also tells how much there is.
fn open(path: &Path, format: Format) -> Result<(Source, Total), CliError> {
    Ok(match format {
        Format::Markdown => {
            let passages = markdown::MarkdownFolder::open(path)?.into_iter();
            let total = Total::Items(passages.files_total() as u64);
            (Source::read(passages, |passages| passages.files_read() as u64), total)
        }
        Format::Jsonl => {
            let total = std::fs::metadata(path).map_or(Total::Unknown, |metadata| Total::Bytes(metadata.len()));
            (Source::read(jsonl::open(path, jsonl::MetaKeys::default())?, jsonl::Jsonl::bytes_read), total)
        }
        Format::ChatGpt => {
            let export = chatgpt::open(path)?;
            let total = Total::Bytes(export.bytes_total());
            (Source::read(export, chatgpt::ChatGptExport::bytes_read), total)
        }
        Format::ZoClone => (Source::read(zoclone::open(path)?, |_| 0), Total::Unknown),
    })
}

/// Imports the Markdown below a folder, without a word; for the demo.
///
/// # Errors
/// As the command.
pub(super) fn markdown_folder(context: &mut Context, folder: &Path) -> Result<Tally, CliError> {
    let interrupt = Interrupt::watch()?;
    whole(context, folder, Format::Markdown, &interrupt)
}

/// Imports a ChatGPT export, without a word but for what cannot be taken: for the demo.
///
/// # Errors
/// As the command.
pub(super) fn chatgpt_export(context: &mut Context, path: &Path) -> Result<Tally, CliError> {
    let interrupt = Interrupt::watch()?;
    whole(context, path, Format::ChatGpt, &interrupt)
}

/// Imports a file of JSON lines, without a word but for what cannot be taken; for a bench.
///
/// # Errors
/// As the command.
pub(super) fn lines_of_json(context: &mut Context, path: &Path, interrupt: &Interrupt) -> Result<Tally, CliError> {
    whole(context, path, Format::Jsonl, interrupt)
}

fn whole(context: &mut Context, path: &Path, format: Format, interrupt: &Interrupt) -> Result<Tally, CliError> {
    let (source, total) = open(path, format)?;
    let (tally, client) = run(context, source, total, format.name_of_source(), interrupt)?;
    context.close(client)?;
    Ok(tally)
}

/// Takes everything from `source` until its end or Ctrl-C; the home stays open.
fn run(
    context: &mut Context,
    source: Source,
    total: Total,
    name: &'static str,
    interrupt: &Interrupt,
) -> Result<(Tally, Client), CliError> {
    let client = context.open()?;
    let mut taking = Taking::new(client, name);
    let progress = context.output.progress("importing", total);
    let result = take_all(&mut context.output, &source, &mut taking, interrupt, &progress);
    drop(progress);
    match result {
        Err(error) if error.kind == Kind::Interrupted => {
            let kept = counted(taking.tally().taken(), "item");
            Err(CliError::new(Kind::Interrupted, format!("interrupted; {kept} in"))
                .hint("import again to go on: what is in already stays as it is"))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(taking.end()),
    }
}

fn take_all(
    output: &mut Output,
    source: &Source,
    taking: &mut Taking,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<(), CliError> {
    loop {
        let Taken::Items(readings) = source.take(interrupt)? else { return Ok(()) };
        for (reading, consumed) in readings {
            match reading {
                Ok(item) => taking.take(output, item)?,
                Err(error) => taking.refuse(output, error.into())?,
            }
            progress.set(consumed);
        }
        taking.flush(output)?;
        let taken = taking.tally().taken();
        progress.say(format!("{}, {}/s", counted(taken, "item"), count(progress.per_second(taken))));
    }
}

fn print(output: &mut Output, tally: &Tally) -> Result<(), CliError> {
    if output.is_json() {
        return output.data(tally);
    }
    for line in tally.lines() {
        output.line(line)?;
    }
    Ok(())
}
