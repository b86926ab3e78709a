//! Putting a question, and printing the answer as it arrives: the same for `ask`, `chat` and agents.
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
    AnswerBegun, Answered, Asking, ConversationChoice, Environment, Failure, FailureKind, Question, Request, Response,
};
use zo_engine::world::{SystemWorld, World};
use zo_projections::RunId;
use zo_projections::event::run::Ending;

use self::screen::Screen;
pub(crate) use self::summary::{OFFLINE, cost};
use crate::context::{Context, unexpected};
use crate::error::{CliError, Kind};
use crate::following::Following;
use crate::interrupt::Interrupt;
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
    /// What the model thinks aloud too; of an agent also what it says before it has its answer.
    pub(crate) show_reasoning: bool,
    /// The answer is printed by who asks, in another form; only what is said beside it is printed here.
    pub(crate) withhold: bool,
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
/// ends the process. An agent is asked to stop instead. Where a passphrase is needed and a person is there, it is asked for
/// and stays in `asking`.
///
/// # Errors
/// Why there is no answer; one that was cut off is an answer.
pub(crate) fn ask(
    client: &mut Client,
    asking: &mut Asking,
    context: &mut Context,
    manner: Manner,
) -> Result<Given, Unanswered> {
    ask_knowing(client, asking, context, manner, &[])
}

/// The same where it is known which tasks the agent that answers will give to others.
///
/// # Errors
/// Why there is no answer.
pub(crate) fn ask_knowing(
    client: &mut Client,
    asking: &mut Asking,
    context: &mut Context,
    manner: Manner,
    tasks: &[String],
) -> Result<Given, Unanswered> {
    let following = asking.agent.is_some().then(|| {
        let run = RunId(asking.run).to_string();
        // Somebody at another terminal may be able to answer where nobody is at this one.
        let mut following = Following::new(run, &context.home, asking.environment.clone(), can_ask(context));
        following.expect(tasks);
        following
    });
    put_on_screen(client, &mut Wanted::Answer(asking), context, manner, following)
}

/// Carries on an agent's run that has not ended, and prints the answer as [`ask`] does.
///
/// # Errors
/// Why there is no answer.
pub(crate) fn resume(
    client: &mut Client,
    run: &str,
    context: &mut Context,
    manner: Manner,
) -> Result<Given, Unanswered> {
    let environment = context.environment();
    let can_ask = can_ask(context);
    let following = Following::new(run.to_owned(), &context.home, environment.clone(), can_ask);
    let wanted = &mut Wanted::Rest { run, can_ask, environment };
    put_on_screen(client, wanted, context, manner, Some(following))
}

/// Whether a person can be asked for something while an agent works.
pub(crate) fn can_ask(context: &Context) -> bool {
    !context.output.is_json() && context.output.is_interactive()
}

/// What is asked for.
enum Wanted<'a> {
    /// The answer to a question.
    Answer(&'a mut Asking),
    /// What is left to do of a run.
    Rest { run: &'a str, can_ask: bool, environment: Environment },
}

impl Wanted<'_> {
    fn request(&self) -> Request {
        match self {
            Self::Answer(asking) => Request::Ask(Box::new((**asking).clone())),
            Self::Rest { run, can_ask, environment } => {
                Request::Resume { run: (*run).to_owned(), can_ask: *can_ask, environment: environment.clone() }
            }
        }
    }

    fn environment(&mut self) -> &mut Environment {
        match self {
            Self::Answer(asking) => &mut asking.environment,
            Self::Rest { environment, .. } => environment,
        }
    }

    /// The question is in the log, and its run has ended: it is asked once more.
    fn once_more(&mut self, begun: &AnswerBegun) {
        if let Self::Answer(asking) = self {
            asking.conversation = ConversationChoice::Existing(begun.conversation.clone());
            asking.question = Question::Again { question: Some(begun.question.clone()) };
            asking.run = SystemWorld::default().fresh_id();
        }
    }
}

fn put_on_screen(
    client: &mut Client,
    wanted: &mut Wanted<'_>,
    context: &mut Context,
    manner: Manner,
    following: Option<Following>,
) -> Result<Given, Unanswered> {
    let mut screen = Screen::new(&mut context.output, manner, following);
    let result = answer(client, wanted, &mut screen);
    screen.end();
    let finished = result.and_then(|given| screen.finish(&given).map(|()| given));
    finished.map_err(|error| Unanswered { error, begun: screen.begun })
}

/// Goes on until there is an answer, or a reason why there is none.
fn answer(client: &mut Client, wanted: &mut Wanted<'_>, screen: &mut Screen<'_>) -> Result<Given, CliError> {
    let interrupt = Interrupt::watch()?;
    let (mut take_overs, mut passphrases) = (0, 0);
    loop {
        let request = wanted.request();
        match put(client, &request, screen, Some(&interrupt))? {
            End::Answered(answered) => return Ok(Given { answered: *answered, stopped: interrupt.is_set() }),
            End::Stopped => return after_stop(client, &request, screen),
            End::Failed(failure) if failure.kind == FailureKind::Disconnected && take_overs < TAKE_OVERS => {
                take_overs += 1;
                screen.put_again();
            }
            End::Failed(failure) if screen.is_stopping() => {
                return Err(CliError::new(Kind::Interrupted, format!("interrupted; {}", failure.message)));
            }
            End::Failed(failure) => {
                let error = CliError::from(failure);
                let is_locked = passphrase::is_locked(&error);
                let mistyped = is_locked && passphrases > 0 && passphrases < PASSPHRASES;
                let is_wanted = is_locked && wanted.environment().passphrase.is_none();
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
                wanted.environment().passphrase = Some(screen.output.prompt_secret("passphrase of the identity")?);
                if let Some(begun) = &screen.begun {
                    wanted.once_more(begun);
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
        screen.look();
        let interrupted = answered.is_none() && interrupt.is_some_and(Interrupt::is_set);
        // An agent ends by itself when it was asked to stop; whatever is under way is closed first.
        stopped = interrupted && !screen.stop();
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
