//! `zo memorize`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use zo_engine::protocol::NewMemory;
use zo_import::jsonl::{self, Jsonl};
use zo_import::{Imported, ImportedMemory, MetaKeys};
use zo_projections::{Actor, Timestamp};

use crate::context::{Context, write_one};
use crate::embedding::embed_behind;
use crate::error::{CliError, Kind};
use crate::input;
use crate::intake::{Intake, OnError, Source, Taken};
use crate::interrupt::Interrupt;
use crate::output::{Output, Progress, Total, text};
use crate::time::parse_time;

/// How many malformed lines are named when a whole file is checked first.
const PROBLEMS_SHOWN: usize = 20;

/// Keep a text, or many
///
/// Examples:
///   zo memorize "The staging database listens on port 5433"
///   git log -1 --format=%B | zo memorize --meta source=git
///   zo memorize --id deploy-steps --file deploy.md
///   zo memorize --jsonl facts.jsonl --on-error skip
///   producer | zo memorize --jsonl - --json
///
/// Without an id, the same text with the same meta is one memory, however often it comes. With --id, another text
/// under the same id supersedes the one before; both stay in the log, and `zo memory show` has them.
///
/// A line of JSONL is an object: {"id"?, "content", "meta"?, "at"?}. Lines are sent as they come, so a producer at the
/// other end of a pipe has its acknowledgements at once. With --json every acknowledged item is one line
/// {"id", "position"}, in the order of the input, printed when the item is durable and not before.
///
/// Everything can be found by its words as soon as it is durable. Then the lines are embedded, so that they are found by
/// their meaning too; Ctrl-C ends that, and whatever command comes next carries on. With --json that is left to it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Memorize {
    /// The text; `-` reads it from stdin, which is also done without it if stdin is not a terminal
    text: Option<OsString>,
    /// Read a text from a file; may be given more than once
    #[arg(long = "file", short, value_name = "FILE", conflicts_with_all = ["text", "jsonl"])]
    files: Vec<PathBuf>,
    /// Read memories from a file of JSON lines; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    jsonl: Option<PathBuf>,
    /// The memory's id, by which it is found and superseded
    #[arg(long, conflicts_with = "jsonl")]
    id: Option<String>,
    /// Say something about it; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = input::key_value)]
    meta: Vec<(String, String)>,
    /// When it happened, if that is not now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    /// Where meta has conversation, session, speaker and time, as in conversation=thread,time=ts
    #[arg(long, value_name = "WHAT=KEY,…")]
    keys: Option<MetaKeys>,
    /// What to do about a line that cannot be taken
    #[arg(
        long,
        value_enum,
        default_value_t,
        requires = "jsonl",
        value_name = "stop|skip",
        hide_possible_values = true
    )]
    on_error: OnError,
    /// Check every line before the first is kept
    #[arg(long, requires = "jsonl", conflicts_with = "on_error")]
    all_or_nothing: bool,
    /// Do not wait until everything is embedded
    #[arg(long, requires = "jsonl")]
    no_wait: bool,
}

impl Memorize {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match &self.jsonl {
            Some(path) => self.lines(context, path),
            None => self.texts(context),
        }
    }

    /// Keeps the texts of the command line, files or stdin.
    fn texts(&self, context: &mut Context) -> Result<(), CliError> {
        if self.files.len() > 1 && self.id.is_some() {
            return Err(CliError::usage("--id names one memory, and there are several files"));
        }
        if let Some(id) = &self.id {
            input::check_name("the id", id)?;
        }
        let keys = self.keys.clone().unwrap_or_default();
        // Everything is read before anything is kept: a missing third file leaves nothing half done.
        let mut items = Vec::new();
        for (name, content) in self.contents()? {
            let mut meta = input::meta(&self.meta)?;
            name_usually(&keys, &mut meta);
            items.push(NewMemory {
                id: self.id.clone(),
                content: input::not_blank(&name, content)?,
                occurred_at: self.at.or_else(|| keys.time_of(&meta).map(Timestamp)),
                meta: input::meta_text(&meta),
            });
        }
        let mut client = context.open()?;
        for item in items {
            let request = zo_engine::protocol::Request::Memorize { actor: Actor::User, items: vec![item] };
            let acknowledged = write_one(&mut client, &request)?;
            context.print_acknowledged(&acknowledged, "memorized")?;
        }
        context.close(client)
    }

    /// Each text with what to call it in messages.
    fn contents(&self) -> Result<Vec<(String, String)>, CliError> {
        if !self.files.is_empty() {
            return self.files.iter().map(|file| Ok((file.display().to_string(), input::from_file(file)?))).collect();
        }
        let content = match &self.text {
            Some(text) => input::from_argument(text)?,
            None => input::from_stdin_unless_terminal()?,
        };
        Ok(vec![("the text".to_owned(), content)])
    }

    /// Keeps the memories of a stream of lines.
    fn lines(&self, context: &mut Context, path: &Path) -> Result<(), CliError> {
        let defaults = input::meta(&self.meta)?;
        let mut stream = Lines::open(path)?;
        if self.all_or_nothing {
            stream.spool()?;
            self.check(stream.jsonl(self.keys())?, context)?;
        }
        let total = stream.length.map_or(Total::Unknown, Total::Bytes);
        let source = Source::read(stream.jsonl(self.keys())?, Jsonl::bytes_read);
        let client = context.open()?;
        let interrupt = Interrupt::watch()?;
        let mut intake = Intake::new(client, Actor::User, self.on_error, context.output.is_json());
        let progress = context.output.progress("memorizing", total);
        let result = self.take_all(&mut context.output, &source, &mut intake, &interrupt, &defaults, &progress);
        let kept = intake.counts.kept();
        let rate = text::count(progress.per_second(kept));
        drop(progress);
        match result {
            Err(error) if error.kind == Kind::Interrupted => {
                return Err(CliError::new(
                    Kind::Interrupted,
                    format!("interrupted; {} kept", text::counted(kept, "memory")),
                )
                .hint("run it again to go on: what is there already stays as it is"));
            }
            result => result?,
        }
        if !context.output.is_json() {
            context.output.line(format!("{} ({rate}/s)", intake.counts.in_words()))?;
            context.output.flush()?;
            // A program that reads acknowledgements goes on when it has the last one, and not minutes later.
            if kept > 0 && !self.no_wait {
                let new = intake.counts.new + intake.counts.superseded;
                embed_behind(&mut intake.client, &mut context.output, &interrupt, new, "memory");
            }
        }
        context.close(intake.client)
    }

    fn take_all(
        &self,
        output: &mut Output,
        source: &Source,
        intake: &mut Intake,
        interrupt: &Interrupt,
        defaults: &Map<String, Value>,
        progress: &Progress,
    ) -> Result<(), CliError> {
        let keys = self.keys();
        loop {
            let Taken::Items(readings) = source.take(interrupt)? else { return Ok(()) };
            for (reading, consumed) in readings {
                progress.set(consumed);
                match reading {
                    Ok(Imported::Memory(memory)) => {
                        let place = memory.source.clone();
                        intake.add(output, self.new_memory(memory, &keys, defaults), place)?;
                    }
                    Ok(other) => debug_assert!(false, "a line of JSONL is a memory, not {other:?}"),
                    Err(error) => intake.refuse(output, error.into())?,
                }
            }
            intake.flush(output)?;
            let rate = text::count(progress.per_second(intake.counts.kept()));
            progress.say(format!("{}, {rate}/s", intake.counts.in_words()));
        }
    }

    fn new_memory(&self, memory: ImportedMemory, keys: &MetaKeys, defaults: &Map<String, Value>) -> NewMemory {
        let ImportedMemory { name, content, mut meta, occurred_at_ms, .. } = memory;
        for (key, value) in defaults {
            meta.entry(key).or_insert_with(|| value.clone());
        }
        name_usually(keys, &mut meta);
        let occurred_at = occurred_at_ms.or_else(|| keys.time_of(&meta)).map(Timestamp).or(self.at);
        NewMemory { id: name, content, meta: input::meta_text(&meta), occurred_at }
    }

    fn keys(&self) -> MetaKeys {
        self.keys.clone().unwrap_or_default()
    }

    /// Reads everything and keeps nothing.
    fn check(
        &self,
        lines: impl Iterator<Item = Result<Imported, zo_import::ImportError>>,
        context: &mut Context,
    ) -> Result<(), CliError> {
        let mut good = 0_u64;
        let mut problems = Vec::new();
        for line in lines {
            match line {
                Ok(_) => good += 1,
                Err(error) => problems.push(CliError::from(error)),
            }
        }
        let Some(first) = problems.first() else { return Ok(()) };
        if problems.len() == 1 {
            return Err(CliError::invalid(format!("{}; nothing was kept", first.message)));
        }
        for problem in problems.iter().take(PROBLEMS_SHOWN) {
            context.output.warn(problem);
        }
        let all = good + problems.len() as u64;
        let bad = text::count(problems.len() as u64);
        Err(CliError::invalid(format!("{bad} of {} cannot be taken; nothing was kept", text::counted(all, "line"))))
    }
}

/// Gives what `--keys` found under other names the usual ones too, by which everything that reads meta later finds it.
fn name_usually(keys: &MetaKeys, meta: &mut Map<String, Value>) {
    let usual = MetaKeys::default();
    let found = [
        ("conversation", usual.conversation_of(meta), keys.conversation_of(meta)),
        ("session", usual.session_of(meta), keys.session_of(meta)),
        ("speaker", usual.speaker_of(meta), keys.speaker_of(meta)),
    ];
    for (name, usually, named) in found {
        if let (None, Some(value)) = (usually, named) {
            meta.insert(name.to_owned(), Value::from(value));
        }
    }
}

/// A stream of JSON lines: a file or stdin.
struct Lines {
    name: String,
    file: Option<File>,
    /// Its length in bytes, where it has one.
    length: Option<u64>,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, CliError> {
        if path == Path::new("-") {
            return Ok(Self { name: "stdin".to_owned(), file: None, length: None });
        }
        let name = path.display().to_string();
        let cannot = |error: io::Error| CliError::io(format!("cannot read {name}"), &error);
        let file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            return Err(CliError::invalid(format!("{name} is a folder, not a file of JSON lines")));
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self { name, file: Some(file), length })
    }

    /// Makes it readable twice: what cannot be read again is copied to a temporary file.
    fn spool(&mut self) -> Result<(), CliError> {
        if self.file.is_some() && self.length.is_some() {
            return Ok(());
        }
        let cannot = |error: io::Error| CliError::io("cannot set the input aside to check it", &error);
        let mut copy = tempfile::tempfile().map_err(cannot)?;
        let length = match self.file.take() {
            Some(mut pipe) => io::copy(&mut pipe, &mut copy).map_err(cannot)?,
            None => io::copy(&mut io::stdin().lock(), &mut copy).map_err(cannot)?,
        };
        self.file = Some(copy);
        self.length = Some(length);
        Ok(())
    }

    /// A reader from the beginning.
    fn jsonl(&mut self, keys: MetaKeys) -> Result<Jsonl<Box<dyn BufRead + Send>>, CliError> {
        let cannot = |error: io::Error| CliError::io(format!("cannot read {}", self.name), &error);
        let reader: Box<dyn BufRead + Send> = match &self.file {
            None => Box::new(BufReader::with_capacity(READ_BYTES, io::stdin())),
            Some(file) => {
                let mut file = file.try_clone().map_err(cannot)?;
                if self.length.is_some() {
                    file.seek(SeekFrom::Start(0)).map_err(cannot)?;
                }
                Box::new(BufReader::with_capacity(READ_BYTES, file))
            }
        };
        Ok(jsonl::Jsonl::new(reader, self.name.clone(), keys))
    }
}

/// What is read at once.
const READ_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keys_name_gets_its_usual_name_too() {
        let keys: MetaKeys = "conversation=thread,speaker=who".parse().expect("keys");
        let Value::Object(mut meta) = serde_json::json!({"thread": "t1", "who": "Ann"}) else { panic!("an object") };
        name_usually(&keys, &mut meta);
        assert_eq!(
            Value::Object(meta),
            serde_json::json!({"thread": "t1", "who": "Ann", "conversation": "t1", "speaker": "Ann"})
        );
    }

    #[test]
    fn a_usual_name_is_left_as_it_is() {
        let Value::Object(mut meta) = serde_json::json!({"conv": "a", "role": "user"}) else { panic!("an object") };
        let before = meta.clone();
        name_usually(&MetaKeys::default(), &mut meta);
        assert_eq!(meta, before);
    }
}
