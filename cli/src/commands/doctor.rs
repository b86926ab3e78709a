//! `zo doctor`: looks at everything that `zo` stands on, and says what is missing and how to get it.
//!
//! [`disk`] is about the home and the disk below it, [`asking`] about keys and models, [`work`] about `zo serve` and time zones,
//! [`surroundings`] about the rest of the machine.

mod asking;
mod disk;
mod surroundings;
mod work;

use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::text::counted;
use crate::output::{Output, Style};

/// Find what is missing, and how to get it
///
/// Examples:
///   zo doctor
///   zo --home /mnt/usb/zo doctor
///   zo doctor --json | jq 'select(.state != "ok")'
///
/// Writes, syncs and locks a file of its own where the home is or would be, and opens the home if there is one. The
/// exit code is 3 if something fails that zo cannot do without.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Doctor {}

/// What looking at one thing came to.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    state: State,
    message: String,
    hint: Option<String>,
}

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Ok,
    /// It works, or works for now.
    Warn,
    /// It does not work.
    Fail,
}

impl Check {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: State::Ok, message: message.into(), hint: None }
    }

    fn warn(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, state: State::Warn, message: message.into(), hint: Some(hint.into()) }
    }

    fn fail(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, state: State::Fail, message: message.into(), hint: Some(hint.into()) }
    }
}

impl Doctor {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut failed = 0;
        let mut look = |output: &mut Output, check: Check| {
            failed += u64::from(check.state == State::Fail);
            print(output, &check)
        };
        // Each is printed as soon as it is known: a disk that hangs is seen to hang.
        let home = context.home.clone();
        look(&mut context.output, disk::folder(&home))?;
        let place = disk::nearest_folder(&home);
        for check in [disk::filesystem, disk::space, disk::sync, disk::lock] {
            look(&mut context.output, check(&place))?;
        }
        let (store, recorded_at) = disk::store(context);
        look(&mut context.output, store)?;
        look(&mut context.output, disk::socket(&home))?;
        let environment = context.environment();
        look(&mut context.output, asking::identity(&environment, &home))?;
        look(&mut context.output, asking::vault(&home))?;
        for check in [asking::key, asking::model] {
            let check = check(context, &environment);
            look(&mut context.output, check)?;
        }
        for check in work::serve(context) {
            look(&mut context.output, check)?;
        }
        look(&mut context.output, work::unit(&home))?;
        look(&mut context.output, surroundings::clock(recorded_at))?;
        look(&mut context.output, work::time_zone())?;
        for check in surroundings::proxies() {
            look(&mut context.output, check)?;
        }
        look(&mut context.output, surroundings::certificates())?;
        look(&mut context.output, surroundings::browser(&home))?;
        look(&mut context.output, surroundings::onnx_runtime())?;
        let terminal = surroundings::terminal(&context.output);
        look(&mut context.output, terminal)?;
        match failed {
            0 => Ok(()),
            failed => Err(CliError::new(Kind::Unsound, format!("{} failed", counted(failed, "check")))),
        }
    }
}

fn print(output: &mut Output, check: &Check) -> Result<(), CliError> {
    if output.is_json() {
        output.data(check)?;
        return output.flush();
    }
    let (style, word) = match check.state {
        State::Ok => (Style::Green, "ok  "),
        State::Warn => (Style::Yellow, "warn"),
        State::Fail => (Style::Red, "fail"),
    };
    let word = output.paint(style, word);
    output.line(format!("{word}  {:12}  {}", check.check, output.shown(&check.message)))?;
    if let Some(hint) = &check.hint {
        output.line(format!("{:20}hint: {}", "", output.shown(hint)))?;
    }
    output.flush()
}
