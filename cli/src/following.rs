//! An agent, followed: what it does is told on stderr as it happens, a person at the terminal is asked what it asks for,
//! and Ctrl-C asks it to stop. The same where a question is answered by an agent and where somebody only watches.
//!
//! - [`telling`]: what agents do, in lines. [`permission`]: a person is asked. [`control`]: what is said to the run meanwhile.

mod control;
mod permission;
mod telling;

use std::path::Path;

use zo_engine::protocol::{AgentArrival, Environment, PermissionLine, Request};
use zo_projections::event::run::agent::Verdict;

use self::control::Control;
use self::permission::{Decision, Permissions};
use self::telling::Telling;
use crate::output::Output;

/// Lines that are held back while a person is asked; of more than these only the last ones are kept.
const HELD_LINES: usize = 200;

/// A run that is followed.
pub(crate) struct Following {
    /// The run: the topmost one of those that are told of; empty if there are several.
    run: String,
    telling: Telling,
    permissions: Permissions,
    control: Control,
    /// What is said when nobody is asked any more: a question that is asked stays the last line.
    held: Vec<String>,
    stopping: bool,
}

impl Following {
    /// Follows `run`; `can_ask`: a person is asked for permissions.
    pub(crate) fn new(run: String, home: &Path, environment: Environment, can_ask: bool) -> Self {
        Self {
            telling: Telling::new(&run),
            run,
            permissions: Permissions::new(can_ask),
            control: Control::new(home, environment),
            held: Vec::new(),
            stopping: false,
        }
    }

    /// Follows every agent of a home.
    pub(crate) fn all(home: &Path, environment: Environment, can_ask: bool) -> Self {
        Self::new(String::new(), home, environment, can_ask)
    }

    /// The run that is followed; empty if all are.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Goes on with another run, which has taken the place of the one before.
    pub(crate) fn follow(&mut self, run: &str) {
        if self.run != run {
            self.telling = Telling::new(run);
            run.clone_into(&mut self.run);
        }
    }

    /// Says which tasks the run will give to agents below it, if that is known: they are numbered so.
    pub(crate) fn expect(&mut self, tasks: &[String]) {
        self.telling.expect(tasks);
    }

    /// Adds an agent that was there before anything was followed.
    pub(crate) fn add(&mut self, parent: &str, run: &str, task: &str) {
        self.telling.add(parent, run, task);
    }

    /// Whether a run is the one that is followed or below it, as far as is known.
    pub(crate) fn knows(&self, run: &str) -> bool {
        self.telling.knows(run)
    }

    /// Whether the run was asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether a person is being asked something just now: nothing else may be written to the terminal.
    pub(crate) fn is_asking(&self) -> bool {
        self.permissions.is_open()
    }

    /// Tells what an agent did.
    pub(crate) fn arrived(&mut self, arrival: AgentArrival, output: &mut Output) {
        if let Some(line) = self.telling.told(&arrival) {
            self.say(line, output);
        }
        match arrival {
            AgentArrival::PermissionAsked(line) => self.asked(line, output),
            AgentArrival::PermissionAnswered { run, call, verdict } => {
                let word = if verdict == Verdict::Allowed { "allowed" } else { "denied" };
                self.answered(&run, &call, &format!("(it was {word} elsewhere)"), output);
            }
            // What was denied returns without another word.
            AgentArrival::ToolReturned { run, call, .. } => self.answered(&run, &call, "(answered elsewhere)", output),
            _ => {}
        }
    }

    /// Somebody has said whether a call may be done: the person needs not.
    fn answered(&mut self, run: &str, call: &str, why: &str, output: &mut Output) {
        if self.permissions.answered(run, call) {
            output.end_question(why);
            self.go_on(output);
        }
    }

    /// A call waits for somebody to permit it.
    pub(crate) fn asked(&mut self, line: PermissionLine, output: &mut Output) {
        if self.permissions.can_ask() {
            self.permissions.asked(line);
            self.permissions.open_next(output);
        } else {
            let (PermissionLine { run, call, .. }, deed) = (&line, permission::deed(&line));
            let text = format!("{deed} waits to be permitted: `zo agent answer {run} {call} --allow` or --deny");
            self.say(text, output);
        }
    }

    /// Looks whether the person has typed an answer, and whether what was sent has failed. To be called several times a
    /// second.
    pub(crate) fn look(&mut self, output: &mut Output) {
        for failure in self.control.failures() {
            self.say(failure.message, output);
        }
        let Some((line, decision)) = self.permissions.look(output) else { return };
        let PermissionLine { run, call, .. } = line;
        let answer = |verdict, always| {
            let (run, call) = (run.clone(), Some(call));
            Request::AnswerPermission { run, call, verdict, always }
        };
        match decision {
            Decision::Allow => self.control.send(answer(Verdict::Allowed, false)),
            Decision::Always => self.control.send(answer(Verdict::Allowed, true)),
            Decision::Deny => self.control.send(answer(Verdict::Denied, false)),
            Decision::Stop if self.run.is_empty() => self.control.send(Request::CancelAgent { run }),
            Decision::Stop => self.stop(output),
        }
        self.go_on(output);
    }

    /// Asks the run to stop, once, and says so.
    pub(crate) fn stop(&mut self, output: &mut Output) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        if self.permissions.close_all() {
            output.end_question("");
        }
        self.flush(output);
        output.note("stopping … press Ctrl-C again to leave");
        self.control.send(Request::CancelAgent { run: self.run.clone() });
    }

    /// Says something, when nobody is being asked.
    pub(crate) fn say(&mut self, line: String, output: &mut Output) {
        let line = output.shown_err(&line);
        if !self.is_asking() {
            return output.note(line);
        }
        if self.held.len() == HELD_LINES {
            self.held.remove(0);
        }
        self.held.push(line);
    }

    /// How far those agents are that are too many to be told of one by one, else for how long something is awaited.
    pub(crate) fn progress(&self) -> Option<String> {
        self.telling.progress()
    }

    /// The run has ended.
    pub(crate) fn end(&mut self, output: &mut Output) {
        if self.permissions.close_all() {
            output.end_question("(nobody waits for it any more)");
        }
        self.flush(output);
        for failure in self.control.finish() {
            // Whoever stops a run that ends by itself has what was wanted.
            if !self.stopping {
                output.warn(&failure);
            }
        }
    }

    /// A question was answered: what was held back is said, and the next one is asked.
    fn go_on(&mut self, output: &mut Output) {
        if !self.is_asking() {
            self.flush(output);
        }
        self.permissions.open_next(output);
    }

    fn flush(&mut self, output: &mut Output) {
        for line in std::mem::take(&mut self.held) {
            output.note(line);
        }
    }
}
