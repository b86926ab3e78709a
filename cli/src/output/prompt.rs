//! Questions to a person: before destroying something, or to go on with the next step.

use std::io::{self, BufRead};

use super::Output;
use crate::error::{CliError, Kind};

impl Output {
    /// Makes sure that something is to be destroyed: `yes` was given, or a person says so.
    ///
    /// # Errors
    /// [`Kind::Usage`] where nobody can be asked, [`Kind::Declined`] if the person says no.
    pub(crate) fn confirm(&mut self, question: &str, yes: bool) -> Result<(), CliError> {
        if yes {
            return Ok(());
        }
        if !self.is_interactive() {
            return Err(CliError::usage(format!("{question} Nobody can be asked, since this is not a terminal"))
                .hint("say --yes to do it without being asked"));
        }
        self.say(&format!("{} [y/N] ", super::text::clean(question)));
        match read_line()?.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::new(Kind::Declined, "nothing was changed")),
        }
    }

    /// Waits until a person presses Enter. `false`: the person wants no more.
    ///
    /// # Errors
    /// If the terminal cannot be read.
    pub(crate) fn wait_for_enter(&mut self) -> Result<bool, CliError> {
        self.say("-- Enter: next event, q: stop -- ");
        let line = read_line()?;
        Ok(!line.is_empty() && !line.trim().eq_ignore_ascii_case("q"))
    }
}

/// A line from the terminal; empty at its end.
fn read_line() -> Result<String, CliError> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| CliError::io("cannot read the terminal", &error))?;
    Ok(line)
}
