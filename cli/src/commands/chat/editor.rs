//! The line editor of a terminal. Only this file knows rustyline.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::completion::{Completer, FilenameCompleter, Pair, unescape};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, CompletionType, ConditionalEventHandler, Config, Event, EventContext, EventHandler, Helper, KeyEvent,
    RepeatCount,
};

use super::lines::{Typed, is_incomplete};
use super::slash::COMMANDS;
use crate::error::CliError;

/// Names of models to complete; it grows while a chat goes on.
pub(super) type ModelNames = Rc<RefCell<Vec<String>>>;

/// How many questions can be called back.
const HISTORY: usize = 1000;

/// A line editor with the questions that were asked.
pub(super) struct Editor {
    editor: rustyline::Editor<Assistant, MemHistory>,
    /// Whether the line was empty when Ctrl-C was pressed.
    empty: Arc<AtomicBool>,
}

impl Editor {
    /// An editor without questions.
    ///
    /// # Errors
    /// If the terminal cannot be used.
    pub(super) fn new(models: ModelNames) -> Result<Self, CliError> {
        let config = Config::builder().completion_type(CompletionType::List);
        let config = config.max_history_size(HISTORY).map_err(cannot)?.build();
        let history = MemHistory::with_config(&config);
        let mut editor = rustyline::Editor::with_history(config, history).map_err(cannot)?;
        editor.set_helper(Some(Assistant { models, files: FilenameCompleter::new() }));
        let empty = Arc::new(AtomicBool::new(true));
        let on_interrupt = EventHandler::Conditional(Box::new(OnInterrupt { empty: Arc::clone(&empty) }));
        editor.bind_sequence(KeyEvent::ctrl('C'), on_interrupt);
        Ok(Self { editor, empty })
    }

    /// Adds a question to those that can be called back.
    pub(super) fn remember(&mut self, question: &str) {
        // It is only refused if it cannot be kept, and then it cannot be called back.
        let _ = self.editor.add_history_entry(question);
    }

    /// Lets a person type, beginning with `prefill`.
    ///
    /// # Errors
    /// If the terminal cannot be used.
    pub(super) fn read(&mut self, prompt: &str, prefill: &str) -> Result<Typed, CliError> {
        self.empty.store(true, Ordering::Relaxed);
        match self.editor.readline_with_initial(prompt, (prefill, "")) {
            Ok(text) => Ok(Typed::Text(text)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Cleared { empty: self.empty.load(Ordering::Relaxed) }),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(cannot(error)),
        }
    }
}

fn cannot(error: ReadlineError) -> CliError {
    match error {
        ReadlineError::Io(error) => CliError::io("cannot use the terminal", &error),
        other => CliError::io("cannot use the terminal", &std::io::Error::other(other)),
    }
}

/// Notes whether there was anything to clear.
struct OnInterrupt {
    empty: Arc<AtomicBool>,
}

impl ConditionalEventHandler for OnInterrupt {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        self.empty.store(context.line().is_empty(), Ordering::Relaxed);
        Some(Cmd::Interrupt)
    }
}

/// Completes commands, files and models, and knows when a text goes on.
struct Assistant {
    models: ModelNames,
    files: FilenameCompleter,
}

impl Helper for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let incomplete = is_incomplete(context.input());
        Ok(if incomplete { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..position];
        let models = self.models.borrow();
        if typed.starts_with("/file ") || typed.starts_with("/image ") {
            return self.files.complete_path(line, position);
        }
        for command in ["/model ", "/retry with "] {
            if let Some(begun) = typed.strip_prefix(command) {
                return Ok((command.len(), those_that_begin(begun, models.iter().map(String::as_str))));
            }
        }
        if typed.starts_with('/') && !typed.contains(char::is_whitespace) {
            let mut commands = those_that_begin(typed, COMMANDS.iter().map(|(name, ..)| *name));
            commands.iter_mut().for_each(|pair| pair.replacement.push(' '));
            return Ok((0, commands));
        }
        Ok((position, Vec::new()))
    }
}

fn those_that_begin<'a>(begun: &str, names: impl Iterator<Item = &'a str>) -> Vec<Pair> {
    let fitting = names.filter(|name| name.starts_with(begun));
    fitting.map(|name| Pair { display: name.to_owned(), replacement: name.to_owned() }).collect()
}

/// The path that was typed or completed: without quotes and backslashes, and with the home folder for `~`.
pub(super) fn path_of(typed: &str) -> std::path::PathBuf {
    let quoted = |quote: char| typed.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let path = match (quoted('"'), quoted('\'')) {
        (Some(path), _) | (None, Some(path)) => path.to_owned(),
        (None, None) => unescape(typed, Some('\\')).into_owned(),
    };
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(below), Some(home)) => std::path::PathBuf::from(home).join(below),
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Vec<String> {
        let models = Rc::new(RefCell::new(vec!["near/one".to_owned(), "near/two".to_owned(), "offline".to_owned()]));
        let assistant = Assistant { models, files: FilenameCompleter::new() };
        let history = MemHistory::new();
        let context = rustyline::Context::new(&history);
        let (start, pairs) = assistant.complete(line, line.len(), &context).expect("no failure");
        pairs.into_iter().map(|pair| format!("{}{}", &line[..start], pair.replacement)).collect()
    }

    #[test]
    fn commands_models_and_files_are_completed() {
        assert_eq!(completed("/mo"), ["/model "]);
        assert_eq!(completed("/model near/"), ["/model near/one", "/model near/two"]);
        assert_eq!(completed("/retry with o"), ["/retry with offline"]);
        let folder = tempfile::tempdir().expect("scratch space");
        std::fs::write(folder.path().join("a note.md"), "x").expect("it can be written");
        let begun = format!("/file {}/a", folder.path().display());
        assert_eq!(completed(&begun), [format!("/file {}/a\\ note.md", folder.path().display())]);
        assert!(completed("what is /mo").is_empty() && completed("").is_empty());
    }

    #[test]
    fn a_path_may_be_quoted() {
        for typed in ["a\\ note.md", "\"a note.md\"", "'a note.md'", "a note.md"] {
            assert_eq!(path_of(typed), std::path::Path::new("a note.md"), "{typed}");
        }
    }
}
