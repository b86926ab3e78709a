//! How the demo is told: chapters, what is typed, what came back, and claims that were checked.

use std::path::Path;

use serde::Serialize;

use crate::error::{CliError, Kind};
use crate::output::text::counted;
use crate::output::{Output, Style};

/// What was claimed so far.
pub(super) struct Story {
    chapters: u32,
    claims: u64,
    failed: u64,
}

/// A claim, as JSON has it.
#[derive(Serialize)]
struct Claim<'a> {
    claim: &'a str,
    ok: bool,
}

impl Story {
    pub(super) fn new() -> Self {
        Self { chapters: 0, claims: 0, failed: 0 }
    }

    /// Begins a chapter.
    pub(super) fn chapter(&mut self, output: &mut Output, title: &str) -> Result<(), CliError> {
        self.chapters += 1;
        if output.is_json() {
            return Ok(());
        }
        if self.chapters > 1 {
            output.line("")?;
        }
        let title = format!("{}. {title}", self.chapters);
        output.line(output.paint(Style::Bold, &title))?;
        output.flush()
    }

    /// Tells what is done, as somebody would type it.
    pub(super) fn say(&self, output: &mut Output, command: &str) -> Result<(), CliError> {
        if output.is_json() {
            return Ok(());
        }
        let line = format!("   $ {command}");
        output.line(output.paint(Style::Dim, &line))?;
        output.flush()
    }

    /// Shows what came back.
    pub(super) fn quote(&self, output: &mut Output, text: &str) -> Result<(), CliError> {
        if output.is_json() {
            return Ok(());
        }
        text.lines().try_for_each(|line| output.line(format!("     {}", output.shown(line))))
    }

    /// Says what was checked, and whether it is so.
    pub(super) fn claim(&mut self, output: &mut Output, ok: bool, claim: &str) -> Result<(), CliError> {
        self.claims += 1;
        self.failed += u64::from(!ok);
        if output.is_json() {
            output.data(&Claim { claim, ok })?;
            return output.flush();
        }
        let word = if ok { output.paint(Style::Green, "ok  ") } else { output.paint(Style::Red, "FAIL") };
        output.line(format!("   {word} {claim}"))?;
        output.flush()
    }

    /// Says where everything is, and fails if a claim did.
    pub(super) fn end(self, output: &mut Output, home: &Path) -> Result<(), CliError> {
        if !output.is_json() {
            output.line("")?;
            output.line(format!("The home is kept, to look around in: export ZO_HOME={}", home.display()))?;
            output.line("   zo log tail")?;
            output.line("   zo memory list")?;
            output.line("   zo conversation show demo")?;
        }
        if self.failed > 0 {
            let claims = counted(self.claims, "claim");
            let message = format!("{} of {claims} did not hold; the home is {}", self.failed, home.display());
            return Err(CliError::new(Kind::Unsound, message));
        }
        Ok(())
    }
}
