//! Questions to a person: before destroying something, to go on with the next step, or for a secret.

use std::io::{self, BufRead, Stdin};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zo_engine::protocol::SecretText;

use super::Output;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;

/// How long one look at the terminal waits for a key, in tenths of a second: between two, signals are looked at.
const LOOK_TENTHS: u8 = 2;
/// A look that comes back with nothing so soon has met the end of the terminal.
const TOO_SOON: Duration = Duration::from_millis(20);
/// The longest secret, in bytes.
const MAX_SECRET_BYTES: usize = 16 * 1024;

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

    /// Asks a person for a secret, which is not shown while it is typed. Whatever ends the asking, the terminal is left as it
    /// was. What is asked for should not end with a blank: `passphrase`.
    ///
    /// # Errors
    /// [`Kind::Usage`] where nobody can be asked, [`Kind::Interrupted`] after Ctrl-C, [`Kind::Declined`] if nothing was typed.
    pub(crate) fn prompt_secret(&mut self, what: &str) -> Result<SecretText, CliError> {
        let what = super::text::clean(what).into_owned();
        if !self.is_interactive() {
            return Err(CliError::usage(format!("nobody can be asked for the {what}, since this is not a terminal")));
        }
        let interrupt = Interrupt::watch()?;
        let silent = Silent::new(io::stdin())?;
        self.say(&format!("{what} (not shown): "));
        let typed = silent.read_secret(&interrupt);
        drop(silent);
        self.say("\n");
        let typed = typed?;
        if typed.0.is_empty() { Err(CliError::new(Kind::Declined, format!("no {what} was typed"))) } else { Ok(typed) }
    }
}

/// A terminal that shows nothing of what is typed and hands over every key at once, until this is dropped.
struct Silent {
    terminal: Stdin,
    before: Termios,
}

impl Silent {
    fn new(terminal: Stdin) -> Result<Self, CliError> {
        let before = tcgetattr(terminal.as_fd()).map_err(|error| cannot_read(error.into()))?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        silent.input_modes.insert(InputModes::ICRNL);
        silent.special_codes[SpecialCodeIndex::VMIN] = 0;
        silent.special_codes[SpecialCodeIndex::VTIME] = LOOK_TENTHS;
        // What was typed before it was asked for belongs to nobody's secret, but a test and a script type ahead.
        tcsetattr(terminal.as_fd(), OptionalActions::Now, &silent).map_err(|error| cannot_read(error.into()))?;
        Ok(Self { terminal, before })
    }

    /// What is typed until Enter.
    fn read_secret(&self, interrupt: &Interrupt) -> Result<SecretText, CliError> {
        let mut typed: Vec<u8> = Vec::new();
        loop {
            let mut key = [0];
            let begun = Instant::now();
            match rustix::io::read(self.terminal.as_fd(), &mut key) {
                Ok(0) if begun.elapsed() < TOO_SOON && !interrupt.is_set() => break,
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => match key[0] {
                    b'\n' | b'\r' | 0x04 => break,
                    0x03 => interrupt.set(),
                    0x08 | 0x7f => without_last_letter(&mut typed),
                    0x15 => typed.clear(),
                    byte if typed.len() < MAX_SECRET_BYTES => typed.push(byte),
                    _ => return Err(CliError::invalid(format!("that is longer than {MAX_SECRET_BYTES} bytes"))),
                },
                Err(error) => return Err(cannot_read(error.into())),
            }
            if interrupt.is_set() {
                return Err(CliError::new(Kind::Interrupted, "interrupted; nothing was changed"));
            }
        }
        let text = String::from_utf8(typed);
        text.map(SecretText).map_err(|_| CliError::invalid("what was typed is not UTF-8"))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal.as_fd(), OptionalActions::Now, &self.before);
    }
}

/// Takes off the last letter, all its bytes.
fn without_last_letter(typed: &mut Vec<u8>) {
    while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

fn cannot_read(error: io::Error) -> CliError {
    CliError::io("cannot read the terminal", &error)
}

/// A line from the terminal; empty at its end.
fn read_line() -> Result<String, CliError> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(cannot_read)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::without_last_letter;

    #[test]
    fn backspace_takes_a_whole_letter() {
        let mut typed = "aé".as_bytes().to_vec();
        without_last_letter(&mut typed);
        assert_eq!(typed, b"a");
        without_last_letter(&mut typed);
        without_last_letter(&mut typed);
        assert!(typed.is_empty());
    }
}
