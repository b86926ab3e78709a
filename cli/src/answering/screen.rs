//! What is printed while an answer comes, and when it is there.

use std::time::Instant;

use zo_engine::protocol::{AgentArrival, AnswerBegun, Answered, Arrival};
use zo_projections::event::run::Ending;

use super::json::{AnswerJson, Line};
use super::{Given, Manner, OFFLINE, cost};
use crate::error::CliError;
use crate::following::Following;
use crate::output::Output;

/// Prints an answer, piece by piece.
pub(super) struct Screen<'a> {
    pub(super) output: &'a mut Output,
    /// The question is in the log.
    pub(super) begun: Option<Box<AnswerBegun>>,
    manner: Manner,
    /// The agent that answers.
    following: Option<Following>,
    /// What is on stdout of the answer.
    printed: String,
    /// What has arrived of the answer, since the question was put the last time.
    arrived: String,
    since: Instant,
}

impl<'a> Screen<'a> {
    pub(super) fn new(output: &'a mut Output, manner: Manner, following: Option<Following>) -> Self {
        let (printed, arrived) = (String::new(), String::new());
        Self { output, begun: None, manner, following, printed, arrived, since: Instant::now() }
    }

    /// Whether a person can be asked for something.
    pub(super) fn can_ask(&self) -> bool {
        !self.output.is_json() && self.output.is_interactive()
    }

    /// Says something about the answer to a person.
    pub(super) fn say(&mut self, note: &str) {
        let note = format!("note: {note}");
        match &mut self.following {
            Some(following) => following.say(note, self.output),
            None => {
                let note = self.output.shown_err(&note);
                self.output.note(note);
            }
        }
    }

    /// Asks the agent to stop, once its run is known; whether there is one, which then ends by itself.
    pub(super) fn stop(&mut self) -> bool {
        if let (Some(following), Some(_)) = (&mut self.following, &self.begun) {
            following.stop(self.output);
        }
        self.following.is_some()
    }

    /// Whether the agent was asked to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.following.as_ref().is_some_and(Following::is_stopping)
    }

    /// Looks what a person has typed meanwhile, if one is asked.
    pub(super) fn look(&mut self) {
        if let Some(following) = &mut self.following {
            following.look(self.output);
        }
    }

    /// Nothing more arrives.
    pub(super) fn end(&mut self) {
        if let Some(following) = &mut self.following {
            following.end(self.output);
        }
        self.output.take_away_awaited();
    }

    /// The question is put again, since who was answering it has gone.
    pub(super) fn put_again(&mut self) {
        self.arrived.clear();
        self.say("the process that had the home open has gone; asking its successor");
    }

    /// The question is in the log.
    pub(super) fn begin(&mut self, begun: Box<AnswerBegun>) -> Result<(), CliError> {
        self.arrived.clear();
        if let Some(following) = &mut self.following {
            following.follow(&begun.run);
        }
        if self.streams_lines() {
            self.output.data_now(&Line::Begun(&begun))?;
        }
        if begun.model != OFFLINE {
            if let Some(why) = &begun.why {
                self.say(why);
            }
            self.output.awaiting("thinking …");
        }
        self.begun = Some(begun);
        Ok(())
    }

    /// Something has arrived.
    pub(super) fn arrived(&mut self, arrival: Arrival) -> Result<(), CliError> {
        if self.streams_lines() {
            let line = match &arrival {
                Arrival::Text(text) => Line::Text { text },
                Arrival::Reasoning(text) => Line::Reasoning { text },
                Arrival::Note(text) => Line::Note { text },
                Arrival::Agent(arrival) => Line::Agent(arrival),
                Arrival::Nothing => return Ok(()),
            };
            return self.output.data_now(&line);
        }
        if self.output.is_json() {
            return Ok(());
        }
        match arrival {
            Arrival::Text(piece) if self.holds_back() => {
                if self.manner.show_reasoning {
                    self.arrived.push_str(&piece);
                }
                self.await_more();
            }
            Arrival::Text(piece) => return self.text(&piece),
            Arrival::Reasoning(piece) if self.manner.show_reasoning && !self.is_asking() => self.output.aside(&piece),
            Arrival::Note(note) => self.say(&note),
            Arrival::Agent(arrival) => return self.agent(*arrival),
            Arrival::Reasoning(_) | Arrival::Nothing => self.await_more(),
        }
        Ok(())
    }

    /// Whether a person is being asked something.
    fn is_asking(&self) -> bool {
        self.following.as_ref().is_some_and(Following::is_asking)
    }

    /// Whether what arrives waits until it is known to be the answer: of an agent any reply may turn out to ask for
    /// tools, and only a person who reads along does without what was printed.
    fn holds_back(&self) -> bool {
        self.manner.withhold || (self.following.is_some() && !self.output.is_terminal())
    }

    /// An agent has done something.
    fn agent(&mut self, arrival: AgentArrival) -> Result<(), CliError> {
        let Some(following) = &mut self.following else { return Ok(()) };
        let run = match &arrival {
            AgentArrival::ToolCalled { run, .. } | AgentArrival::ToolReturned { run, .. } => Some(run),
            AgentArrival::PermissionAsked(line) => Some(&line.run),
            _ => None,
        };
        if run.is_some_and(|run| run == following.run()) {
            // What was said so far was said beside a call, and is not the answer.
            if !self.printed.is_empty() {
                self.output.end_pieces()?;
                self.printed.clear();
            } else if self.manner.show_reasoning && !self.arrived.is_empty() {
                following.say(std::mem::take(&mut self.arrived), self.output);
            }
            self.arrived.clear();
        }
        self.since = Instant::now();
        following.arrived(arrival, self.output);
        self.await_more();
        Ok(())
    }

    /// Prints what is new of the answer. After a take-over the beginning comes once more, and is not printed twice.
    fn text(&mut self, piece: &str) -> Result<(), CliError> {
        let level = self.arrived.len() == self.printed.len();
        self.arrived.push_str(piece);
        if level {
            // The usual case, without looking at what came before.
            self.printed.push_str(piece);
            return self.output.piece(piece);
        }
        if self.printed.starts_with(&self.arrived) {
            return Ok(());
        }
        let arrived = self.arrived.clone();
        self.bring_to(&arrived)
    }

    /// Makes what is printed end as `answer`: by its rest, or by the whole of it anew.
    fn bring_to(&mut self, answer: &str) -> Result<(), CliError> {
        if let Some(rest) = answer.strip_prefix(self.printed.as_str()) {
            self.output.piece(rest)?;
        } else {
            self.output.end_pieces()?;
            self.say("the answer is not what was printed so far; here it is as a whole");
            self.output.piece(answer)?;
        }
        answer.clone_into(&mut self.printed);
        Ok(())
    }

    fn await_more(&mut self) {
        if self.is_asking() {
            return;
        }
        if let Some(progress) = self.following.as_ref().and_then(Following::progress) {
            return self.output.awaiting(&progress);
        }
        if self.printed.is_empty() && self.begun.as_ref().is_some_and(|begun| begun.model != OFFLINE) {
            match self.since.elapsed().as_secs() {
                0 => self.output.awaiting("thinking …"),
                seconds => self.output.awaiting(&format!("thinking … {seconds} s")),
            }
        }
    }

    fn streams_lines(&self) -> bool {
        self.output.is_json() && self.manner.stream
    }

    /// Prints what is left of the answer, and what is to be said of it.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(super) fn finish(&mut self, given: &Given) -> Result<(), CliError> {
        let answered = &given.answered;
        if self.manner.withhold {
            return Ok(());
        }
        if self.output.is_json() {
            let json = AnswerJson::of(answered);
            return if self.manner.stream {
                self.output.data_now(&Line::Answered(json))
            } else {
                self.output.data_now(&json)
            };
        }
        self.bring_to(&answered.answer)?;
        self.output.end_pieces()?;
        self.conclude(answered);
        Ok(())
    }

    fn conclude(&mut self, answered: &Answered) {
        match answered.account.ending {
            Ending::Length => self.say("the answer ends where the model's limit is: ask it to go on"),
            Ending::Filtered => self.say("the provider's filter stopped the answer"),
            Ending::Complete | Ending::Interrupted => {}
        }
        if answered.model == OFFLINE {
            let usual = "`offline` answered, which is no language model: it quotes what is remembered";
            // Where nobody has chosen it, it is said how another one is chosen.
            let why = self.begun.as_ref().and_then(|begun| begun.why.clone());
            self.say(why.as_deref().unwrap_or(usual));
        } else {
            let line = format!("{}: {}", answered.model, cost(&answered.usage, &answered.account));
            let line = self.output.shown_err(&line);
            self.output.dim_note(&line);
        }
    }
}
