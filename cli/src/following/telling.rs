//! What agents do, in lines: a call is one, what it came to is another below it, and what an agent below does stands further
//! to the right, behind its number. Of many agents at once only their number is told, and those that fail.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use zo_engine::protocol::AgentArrival;
use zo_projections::event::run::agent::ToolStatus;

use crate::output::text::{self, bytes, counted};

/// Agents of one parent that are told of one by one; of more than these at once nobody could tell who does what.
const FEW: u64 = 4;
/// The most columns of what a call is to do.
const WHAT_COLUMNS: usize = 120;

/// What is known of the agents that are told of.
pub(super) struct Telling {
    root: String,
    seats: HashMap<String, Seat>,
    /// What calls that have not returned are to do.
    calls: HashMap<(String, String), String>,
    /// The tasks that the topmost one gives to others, where they are known and have not been met yet.
    expected: Vec<Option<String>>,
    /// The call whose line was told last.
    last: Option<(String, String)>,
}

/// An agent.
#[derive(Default)]
struct Seat {
    parent: Option<String>,
    /// `2.1` is the first agent of the second one; empty for the topmost.
    number: String,
    task: String,
    /// Agents that it started since it last had none.
    started: u64,
    ended: u64,
    failed: u64,
    /// How many there will be, if that is known.
    expected: u64,
    /// It is no agent, but the place above those that nobody has started.
    is_home: bool,
}

impl Seat {
    fn is_crowded(&self) -> bool {
        !self.is_home && self.started.max(self.expected) > FEW
    }
}

impl Telling {
    /// Of `root` and those below it; if it is empty, of all that there are.
    pub(super) fn new(root: &str) -> Self {
        let seat = Seat { is_home: root.is_empty(), ..Seat::default() };
        let seats = HashMap::from([(root.to_owned(), seat)]);
        Self { root: root.to_owned(), seats, calls: HashMap::new(), expected: Vec::new(), last: None }
    }

    /// The topmost one will give these tasks to others, which have their numbers.
    pub(super) fn expect(&mut self, tasks: &[String]) {
        if let Some(seat) = self.seats.get_mut(&self.root) {
            seat.expected = tasks.len() as u64;
        }
        self.expected = tasks.iter().map(|task| Some(text::preview(task))).collect();
    }

    /// The number of a task that was expected of the topmost one.
    fn expected_number(&mut self, parent: &str, task: &str) -> Option<u64> {
        if parent != self.root {
            return None;
        }
        // What is told of a long one is its beginning.
        let told = text::preview(task);
        let is_it = |expected: &Option<String>| match (expected, told.strip_suffix('…')) {
            (Some(expected), Some(beginning)) => expected.starts_with(beginning),
            (expected, _) => expected.as_ref() == Some(&told),
        };
        let index = self.expected.iter().position(is_it)?;
        self.expected[index] = None;
        Some(index as u64 + 1)
    }

    /// An agent is there.
    pub(super) fn add(&mut self, parent: &str, run: &str, task: &str) {
        if self.seats.contains_key(run) {
            return;
        }
        let expected = self.expected_number(parent, task);
        let above = self.seats.entry(parent.to_owned()).or_default();
        above.started += 1;
        let own = expected.unwrap_or(above.started);
        let number = match above.number.as_str() {
            "" => own.to_string(),
            number => format!("{number}.{own}"),
        };
        let seat = Seat { parent: Some(parent.to_owned()), number, task: text::preview(task), ..Seat::default() };
        self.seats.insert(run.to_owned(), seat);
    }

    pub(super) fn knows(&self, run: &str) -> bool {
        self.seats.contains_key(run)
    }

    /// The line to be told, if any.
    pub(super) fn told(&mut self, arrival: &AgentArrival) -> Option<String> {
        match arrival {
            AgentArrival::ToolCalled { run, call, tool, what } => {
                let what = text::cut(text::preview(&format!("{tool} {what}")).trim_end(), WHAT_COLUMNS);
                let key = (run.clone(), call.clone());
                self.calls.insert(key.clone(), what.clone());
                let line = self.line(run, &format!("· {what}"));
                if line.is_some() {
                    self.last = Some(key);
                }
                line
            }
            AgentArrival::ToolReturned { run, call, tool, status, summary, bytes } => {
                self.returned(run, call, tool, *status, summary, *bytes)
            }
            AgentArrival::AgentStarted { parent, run, task } => {
                let known = self.knows(run);
                self.add(parent, run, task);
                let above = self.seats.get(parent)?;
                let begins_crowd = above.started.max(above.expected) == above.started && above.started == FEW + 1;
                if begins_crowd && !known {
                    let line = "… and more agents, which are not told of one by one";
                    return self.said_of(parent, line);
                }
                self.line(run, &format!("agent: {}", self.seats.get(run)?.task))
            }
            AgentArrival::AgentEnded { parent, run, status } => self.ended(parent, run, status),
            AgentArrival::PermissionAsked(_) | AgentArrival::PermissionAnswered { .. } => {
                // Whoever reads on is told again which call it is that returned.
                self.last = None;
                None
            }
        }
    }

    fn returned(
        &mut self,
        run: &str,
        call: &str,
        tool: &str,
        status: ToolStatus,
        summary: &str,
        length: u64,
    ) -> Option<String> {
        let key = (run.to_owned(), call.to_owned());
        let what = self.calls.remove(&key);
        let crowd = self.end_of_crowd(run, tool);
        let came_to = match status {
            ToolStatus::Done => format!("ok, {}", crowd.unwrap_or_else(|| bytes(length))),
            ToolStatus::Failed => format!("failed: {}", text::preview(summary)),
            ToolStatus::Refused => format!("refused: {}", text::preview(summary)),
            ToolStatus::Invalid => format!("not called: {}", text::preview(summary)),
            ToolStatus::Interrupted => format!("interrupted: {}", text::preview(summary)),
            ToolStatus::Cancelled => "stopped".to_owned(),
        };
        let is_below = self.last.take().is_some_and(|last| last == key);
        let line = if is_below {
            format!("  {came_to}")
        } else {
            format!("  {}: {came_to}", what.unwrap_or_else(|| tool.to_owned()))
        };
        self.line(run, &line)
    }

    fn ended(&mut self, parent: &str, run: &str, status: &str) -> Option<String> {
        let finished = status == "finished";
        if let Some(above) = self.seats.get_mut(parent) {
            above.ended += 1;
            above.failed += u64::from(!finished);
        }
        let crowded = self.seats.get(parent).is_some_and(Seat::is_crowded);
        let line = match self.seats.get(run) {
            Some(seat) if crowded && !finished => {
                let line = format!("[{}] {status}: {}", seat.number, text::cut(&seat.task, WHAT_COLUMNS));
                self.said_of(parent, &line)
            }
            Some(_) => self.line(run, status),
            None => None,
        };
        self.seats.remove(run);
        self.calls.retain(|(of, _), _| of != run);
        line
    }

    /// What those came to that were too many, when they have all ended.
    fn end_of_crowd(&mut self, run: &str, tool: &str) -> Option<String> {
        let seat = self.seats.get_mut(run)?;
        if !seat.is_crowded() || seat.ended < seat.started || tool != "spawn_agents" {
            return None;
        }
        let finished = seat.ended - seat.failed;
        let mut line = format!("{} finished", counted(finished, "agent"));
        if seat.failed > 0 {
            line.push_str(&format!(", {} did not", seat.failed));
        }
        (seat.started, seat.ended, seat.failed, seat.expected) = (0, 0, 0, 0);
        Some(line)
    }

    /// How far those are that are too many to be told of one by one.
    pub(super) fn progress(&self) -> Option<String> {
        let crowds =
            self.seats.values().filter(|seat| seat.is_crowded() && seat.ended < seat.started.max(seat.expected));
        let (ended, all) =
            crowds.fold((0, 0), |(ended, all), seat| (ended + seat.ended, all + seat.started.max(seat.expected)));
        (all > 0).then(|| format!("{ended} of {all} agents done"))
    }

    /// A line about what a run does; none if it is one of too many.
    fn line(&self, run: &str, line: &str) -> Option<String> {
        let mut above = self.seats.get(run)?.parent.as_ref();
        while let Some(parent) = above.and_then(|parent| self.seats.get(parent)) {
            if parent.is_crowded() {
                return None;
            }
            above = parent.parent.as_ref();
        }
        self.said_of(run, line)
    }

    /// A line behind the number of the run that it is about.
    fn said_of(&self, run: &str, line: &str) -> Option<String> {
        let seat = self.seats.get(run)?;
        if seat.number.is_empty() {
            return Some(line.to_owned());
        }
        let depth = seat.number.split('.').count();
        Some(format!("{}[{}] {line}", "  ".repeat(depth), seat.number))
    }
}
