//! What of a reply has come so far, whichever dialect it came in.

use std::collections::HashSet;

use crate::chat::ToolCall;
use crate::error::ErrorKind;
use crate::fault::Fault;
use crate::listener::Listener;
use crate::reply::{Delta, Finish, TokenUsage};

/// The largest reply that is taken, text, reasoning and arguments together: the longest outputs of today are below 1 MiB, and a
/// server that never stops must not exhaust memory.
pub(crate) const LARGEST_REPLY: usize = 8 << 20;

/// A reply in the making.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) tool_calls: Vec<ToolCall>,
    pub(crate) finish: Option<Finish>,
    pub(crate) usage: Option<TokenUsage>,
    pub(crate) model: Option<String>,
    /// Text is collected but not passed on, for it must be unwrapped first.
    pub(crate) held_back: bool,
    size: usize,
}

impl Draft {
    pub(crate) fn new(held_back: bool) -> Self {
        Draft { held_back, ..Draft::default() }
    }

    /// A piece of the answer.
    pub(crate) fn text(&mut self, piece: &str, listener: &mut Listener<'_>) -> Result<(), Fault> {
        if piece.is_empty() {
            return Ok(());
        }
        self.grow(piece.len())?;
        self.text.push_str(piece);
        if !self.held_back {
            listener.tell(Delta::Text(piece))?;
        }
        Ok(())
    }

    /// A piece of what the model thinks aloud.
    pub(crate) fn reasoning(&mut self, piece: &str, listener: &mut Listener<'_>) -> Result<(), Fault> {
        if piece.is_empty() {
            return Ok(());
        }
        self.grow(piece.len())?;
        listener.tell(Delta::Reasoning(piece))?;
        Ok(())
    }

    /// Counts bytes that belong to the reply.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Fault> {
        self.size += bytes;
        if self.size <= LARGEST_REPLY {
            return Ok(());
        }
        Err(Fault::new(ErrorKind::Protocol, format!("a reply of more than {LARGEST_REPLY} bytes")).sent())
    }

    /// Gives each call an id that no other has, for results are told apart by them. The first to come with an id keeps it; who has none,
    /// or another's, gets one that is made up.
    pub(crate) fn distinguish_calls(&mut self) {
        let mut taken: HashSet<String> = self.tool_calls.iter().map(|call| call.id.clone()).collect();
        let mut seen = HashSet::from([String::new()]);
        for (number, call) in self.tool_calls.iter_mut().enumerate() {
            if !seen.insert(call.id.clone()) {
                let mut made = (number..).map(|number| format!("call_{number}"));
                call.id = made.find(|id| !taken.contains(id)).expect("numbers do not end");
                taken.insert(call.id.clone());
                seen.insert(call.id.clone());
            }
        }
    }

    /// Whether anything came that a model made.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tool_calls.is_empty()
    }
}
