//! A person at the terminal is asked whether a tool call may be done. The terminal stays as it is, line by line, so that
//! whatever ends the process leaves it in order; and it is only looked at, so that nothing waits for who types.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use zo_engine::protocol::PermissionLine;

use crate::output::{Output, Typing, text};

/// Bytes of what is to be permitted that are shown at once.
const MOST_SHOWN: usize = 8 * 1024;

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// This once.
    Allow,
    /// Not this time.
    Deny,
    /// From now on, by a rule.
    Always,
    /// The whole run is to stop.
    Stop,
}

impl Decision {
    /// What a typed line says; none if it says nothing that was offered.
    fn of(typed: &str, has_rule: bool) -> Option<Self> {
        match typed.trim().to_lowercase().as_str() {
            "y" | "yes" => Some(Self::Allow),
            "n" | "no" => Some(Self::Deny),
            "a" | "always" if has_rule => Some(Self::Always),
            "s" | "stop" => Some(Self::Stop),
            _ => None,
        }
    }
}

/// Calls that wait for the person, of which the first may be asked about just now.
pub(super) struct Permissions {
    can_ask: bool,
    waiting: VecDeque<PermissionLine>,
    typing: Option<Typing>,
}

impl Permissions {
    pub(super) fn new(can_ask: bool) -> Self {
        Self { can_ask, waiting: VecDeque::new(), typing: None }
    }

    /// Whether there is a person.
    pub(super) fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Whether the person is being asked just now.
    pub(super) fn is_open(&self) -> bool {
        self.typing.is_some()
    }

    /// A call waits; whoever begins to watch is told again, which changes nothing.
    pub(super) fn asked(&mut self, line: PermissionLine) {
        if !self.waiting.iter().any(|known| known.run == line.run && known.call == line.call) {
            self.waiting.push_back(line);
        }
    }

    /// Asks about the first call that waits, if nothing is being asked.
    pub(super) fn open_next(&mut self, output: &mut Output) {
        if self.typing.is_some() {
            return;
        }
        let Some(line) = self.waiting.front() else { return };
        for (index, text) in whole(line).iter().enumerate() {
            let mark = if index == 0 { "?" } else { " " };
            output.note(output.shown_err(&format!("{mark} {text}")));
        }
        output.note(output.shown_err(&format!("  {}", line.why)));
        self.typing = Some(output.ask(&offered(line)));
    }

    /// Somebody has answered; whether the person was being asked for that.
    pub(super) fn answered(&mut self, run: &str, call: &str) -> bool {
        let is_meant = |line: &PermissionLine| line.run == run && line.call == call;
        let was_open = self.typing.is_some() && self.waiting.front().is_some_and(is_meant);
        self.waiting.retain(|line| !is_meant(line));
        if was_open {
            self.typing = None;
        }
        was_open
    }

    /// What the person has decided, if anything new.
    pub(super) fn look(&mut self, output: &mut Output) -> Option<(PermissionLine, Decision)> {
        let typing = self.typing.as_mut()?;
        let typed = match typing.line() {
            Ok(typed) => typed?,
            Err(error) => {
                // The person has gone; whoever is at another terminal may answer.
                output.end_question("");
                output.warn(&error.hint("`zo agent answer` in another terminal says yes or no"));
                self.can_ask = false;
                self.close_all();
                return None;
            }
        };
        let line = self.waiting.front()?;
        let Some(decision) = Decision::of(&typed, line.rule.is_some()) else {
            *typing = output.ask(&offered(line));
            return None;
        };
        self.typing = None;
        let line = self.waiting.pop_front()?;
        Some((line, decision))
    }

    /// Asks no more; whether the person was being asked.
    pub(super) fn close_all(&mut self) -> bool {
        self.waiting.clear();
        self.typing.take().is_some()
    }
}

/// What is to be permitted, all of it: nobody says yes to what was not shown.
fn whole(line: &PermissionLine) -> Vec<String> {
    let PermissionLine { tool, what, run, call, .. } = line;
    let named = what.strip_prefix(tool.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let what = if named { what.clone() } else { format!("{tool} {what}") };
    let shown = &what[..what.floor_char_boundary(MOST_SHOWN)];
    let mut lines: Vec<String> = shown.lines().map(str::to_owned).collect();
    if shown.len() < what.len() {
        let rest = what.len() - shown.len();
        lines.push(format!(
            "… THIS IS NOT ALL: {rest} bytes follow; `zo agent answer` shows them (run {run}, call {call})"
        ));
    }
    lines
}

/// What is to be permitted, in a line: `run_command git push`.
pub(super) fn deed(line: &PermissionLine) -> String {
    let PermissionLine { tool, what, .. } = line;
    let named = what.strip_prefix(tool.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    text::preview(&if named { what.clone() } else { format!("{tool} {what}") })
}

/// What can be answered.
fn offered(line: &PermissionLine) -> String {
    let always = line.rule.as_ref().map(|rule| format!("[a]lways (adds: {rule}), ")).unwrap_or_default();
    format!("  [y]es, [n]o, {always}[s]top: ")
}
