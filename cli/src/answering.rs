//! Putting a question, and printing the answer as it arrives: the same for `ask`, `chat` and `demo`.
//!
//! [`ask`] is the way in. A question has the id of its run, chosen here, so it may be put again at any time without
//! being asked twice: after Ctrl-C, to learn what was kept, and after the process that answered it has gone.
//!
//! - [`screen`]: what is printed while an answer comes, and when it is there. [`json`]: the same for programs.
//! - [`summary`]: what it cost, in a line.

mod json;
mod screen;
mod summary;

use std::ops::ControlFlow;

use zo_engine::client::Client;
use zo_engine::protocol::{
    AnswerBegun, Answered, Asking, ConversationChoice, Failure, FailureKind, Question, Request, Response,
};
use zo_engine::world::{SystemWorld, World};
use zo_projections::event::run::Ending;

use self::screen::Screen;
pub(crate) use self::summary::{OFFLINE, cost};
use crate::context::unexpected;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::passphrase;

/// So often a question is put again because who held the home has gone.
const TAKE_OVERS: u32 = 3;
/// So often a person may mistype a passphrase.
const PASSPHRASES: u32 = 3;

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Under `--json`: every piece as a line, and not only the whole.
    pub(crate) stream: bool,
    /// What the model thinks aloud too.
    pub(crate) show_reasoning: bool,
}

/// A question was answered, perhaps not to the end.
#[derive(Debug)]
pub(crate) struct Given {
    /// The answer.
    pub(crate) answered: Answered,
    /// Whether somebody pressed Ctrl-C before it was all there.
    pub(crate) stopped: bool,
}

/// A question was not answered.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// Why not.
    pub(crate) error: CliError,
    /// Where the question is, if it is in the log.
    pub(crate) begun: Option<Box<AnswerBegun>>,
}

impl From<Unanswered> for CliError {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.error
    }
}

impl From<CliError> for Unanswered {
    fn from(error: CliError) -> Self {
        Self { error, begun: None }
    }
}

impl Given {
    /// That the answer is whole.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] after Ctrl-C, [`FailureKind::Model`] if it was cut off otherwise.
    pub(crate) fn whole(&self) -> Result<(), CliError> {
        let Answered { message, account, .. } = &self.answered;
        if account.ending != Ending::Interrupted {
            return Ok(());
        }
        let kept = format!("what came is kept as message {message}");
        Err(if self.stopped {
            CliError::new(Kind::Interrupted, format!("interrupted; {kept}"))
        } else {
            CliError::new(Kind::Engine(FailureKind::Model), format!("the answer was cut off; {kept}"))
                .hint("`zo ask --retry` asks once more")
        })
    }
}

/// Puts a question and prints the answer as it arrives. Ctrl-C stops the answer, and what came is kept; pressed again, it
/// ends the process. Where a passphrase is needed and a person is there, it is asked for and stays in `asking`.
///
/// # Errors
/// Why there is no answer; one that was cut off is an answer.
pub(crate) fn ask(
    client: &mut Client,
    asking: &mut Asking,
    output: &mut Output,
    manner: Manner,
) -> Result<Given, Unanswered> {
    let mut screen = Screen::new(output, manner);
    let result = answer(client, asking, &mut screen);
    screen.output.take_away_awaited();
    let finished = result.and_then(|given| screen.finish(&given).map(|()| given));
    finished.map_err(|error| Unanswered { error, begun: screen.begun })
}

/// Goes on until there is an answer, or a reason why there is none.
fn answer(client: &mut Client, asking: &mut Asking, screen: &mut Screen<'_>) -> Result<Given, CliError> {
    let interrupt = Interrupt::watch()?;
    let (mut take_overs, mut passphrases) = (0, 0);
    loop {
        let request = Request::Ask(Box::new(asking.clone()));
        match put(client, &request, screen, Some(&interrupt))? {
            End::Answered(answered) => return Ok(Given { answered: *answered, stopped: interrupt.is_set() }),
            End::Stopped => return after_stop(client, &request, screen),
            End::Failed(failure) if failure.kind == FailureKind::Disconnected && take_overs < TAKE_OVERS => {
                take_overs += 1;
                screen.put_again();
            }
            End::Failed(failure) => {
                let error = CliError::from(failure);
                let is_locked = passphrase::is_locked(&error);
                let mistyped = is_locked && passphrases > 0 && passphrases < PASSPHRASES;
                let is_wanted = is_locked && asking.environment.passphrase.is_none();
                if !is_wanted && !mistyped {
                    return Err(error);
                }
                if !screen.can_ask() {
                    return Err(passphrase::not_to_be_had(error));
                }
                passphrases += 1;
                if mistyped {
                    screen.say(&error.message);
                }
                asking.environment.passphrase = Some(screen.output.prompt_secret("passphrase of the identity")?);
                if let Some(begun) = &screen.begun {
                    // The question is in the log, and its run has ended: it is asked once more.
                    asking.conversation = ConversationChoice::Existing(begun.conversation.clone());
                    asking.question = Question::Again { question: Some(begun.question.clone()) };
                    asking.run = SystemWorld::default().fresh_id();
                }
            }
        }
    }
}

/// After Ctrl-C: asks for the same run, to learn what was kept of its answer. Another Ctrl-C ends the process.
fn after_stop(client: &mut Client, request: &Request, screen: &mut Screen<'_>) -> Result<Given, CliError> {
    let nothing = |why: String| CliError::new(Kind::Interrupted, format!("interrupted; {why}"));
    match put(client, request, screen, None)? {
        End::Answered(answered) => Ok(Given { answered: *answered, stopped: true }),
        End::Stopped => Err(nothing("nothing is known of what came".to_owned())),
        End::Failed(failure) => Err(nothing(failure.message).hint("`zo ask --retry` asks once more")),
    }
}

/// What a request for an answer came to.
enum End {
    Answered(Box<Answered>),
    Stopped,
    Failed(Failure),
}

/// Sends the request and shows what arrives, until it ends or `interrupt` is set.
fn put(
    client: &mut Client,
    request: &Request,
    screen: &mut Screen<'_>,
    interrupt: Option<&Interrupt>,
) -> Result<End, CliError> {
    let mut answered = None;
    let mut failed = None;
    let mut stopped = false;
    let called = client.call(request, &mut |response| {
        let shown = match response {
            Response::Begun(begun) => screen.begin(begun),
            Response::Arrived(arrival) => screen.arrived(arrival),
            Response::Answered(answer) => {
                answered = Some(answer);
                Ok(())
            }
            Response::Progress { .. } => Ok(()),
            other => Err(unexpected(&other)),
        };
        if let Err(error) = shown {
            failed = Some(error);
            return ControlFlow::Break(());
        }
        stopped = answered.is_none() && interrupt.is_some_and(Interrupt::is_set);
        if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match (failed, answered, called) {
        (Some(error), ..) => Err(error),
        (None, Some(answered), _) => Ok(End::Answered(answered)),
        (None, None, _) if stopped => Ok(End::Stopped),
        (None, None, Err(failure)) => Ok(End::Failed(failure)),
        (None, None, Ok(())) => {
            Err(CliError::new(Kind::Engine(FailureKind::Io), "the question ended without an answer"))
        }
    }
}
