//! `zo browse install`.

use clap::Args;
use zo_engine::home::{browser_folder, note_browser};

use crate::context::Context;
use crate::error::{CliError, Kind};

/// Download a browser for this home, where the system has none
///
/// Examples:
///   zo browse install
///   zo browser install --json
///
/// It is Chrome for Testing, some 150 MB, from its maker, and lies in the home's `cache/browser`. A Chromium of the system's is
/// preferred by nobody but you: what is installed here is used first.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Install {}

impl Install {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let folder = browser_folder(&context.home);
        let output = &mut context.output;
        let program = zo_browser::install::install(&folder, &mut |step| output.note(step)).map_err(|error| {
            CliError::new(Kind::Unavailable, error.to_string()).hint("`apt install chromium` will do as well")
        })?;
        note_browser(&context.home, &program)
            .map_err(|error| CliError::io(format!("cannot write into {}", folder.display()), &error))?;
        if context.output.is_json() {
            return context.output.data(&serde_json::json!({"program": program}));
        }
        let shown = context.output.shown(&program.display().to_string());
        context.output.line(shown)
    }
}
