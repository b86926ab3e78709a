//! Requests on their way through the engine, which is synchronous: each has a thread of its own while it lasts.
//!
//! ```text
//! client ◄── body ◄── channel of items ◄── thread: service::handle_of(engine, token, request)
//! ```
//!
//! When the client goes away the channel is closed; the next response that the engine has breaks the request off. So a
//! question that nobody waits for any more is stopped, and what had come of the answer is kept.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use zo_engine::protocol::{Arrival, Failure, FailureKind, Request, Response};
use zo_engine::service;
use zo_projections::TokenId;

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;

/// Items that lie between the engine and the client: some, so that neither waits for the other's every step.
const AHEAD: usize = 32;
/// Between two looks whether there is room.
const NO_ROOM: Duration = Duration::from_millis(2);
/// What the engine says to who follows when nothing happens.
const FOLLOWING: &str = "following";

/// What comes of a request.
pub(crate) enum Item {
    /// A response.
    Response(Box<Response>),
    /// Nothing for the moment.
    Idle,
    /// How it ended.
    End(Result<(), Failure>),
}

/// A request that is being answered.
pub(crate) struct Call {
    items: mpsc::Receiver<Item>,
}

impl Call {
    /// Has the engine answer a request that was put together here.
    ///
    /// # Errors
    /// If so much is asked for at once that it must wait too long.
    pub(crate) async fn begin(app: &Arc<App>, request: Request) -> Result<Self, Problem> {
        Self::begin_of(app, None, request).await
    }

    /// Has the engine answer a request as it came from who has this token: it speaks for its own nodes and no others.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) async fn begin_for(app: &Arc<App>, caller: &Caller, request: Request) -> Result<Self, Problem> {
        Self::begin_of(app, Some(caller.0.id), request).await
    }

    async fn begin_of(app: &Arc<App>, token: Option<TokenId>, request: Request) -> Result<Self, Problem> {
        let permit = turn(app, is_long(&request)).await?;
        let (tx, items) = mpsc::channel(AHEAD);
        let app = app.clone();
        tokio::task::spawn_blocking(move || answer(&app, token, request, &tx, permit));
        Ok(Self { items })
    }

    /// The next item. A request whose thread came to an end without a word has failed.
    pub(crate) async fn next(&mut self) -> Item {
        self.items.recv().await.unwrap_or_else(|| Item::End(Err(broken())))
    }

    /// The same for who polls.
    pub(crate) fn poll_next(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Item> {
        self.items.poll_recv(context).map(|item| item.unwrap_or_else(|| Item::End(Err(broken()))))
    }

    /// The first item that says something: whether the request fails is known then.
    ///
    /// # Errors
    /// The failure, if that is the first thing that comes.
    pub(crate) async fn first(&mut self) -> Result<Item, Problem> {
        match self.next().await {
            Item::End(Err(failure)) => Err(failure.into()),
            item => Ok(item),
        }
    }

    /// The last response of a request, apart from progress; [`Response::Done`] if it has none.
    ///
    /// # Errors
    /// The failure that the request ends with.
    pub(crate) async fn last(mut self) -> Result<Response, Problem> {
        let mut last = Response::Done;
        loop {
            match self.next().await {
                Item::Response(response) if matches!(*response, Response::Progress { .. }) => {}
                Item::Response(response) => last = *response,
                Item::Idle => {}
                Item::End(Ok(())) => return Ok(last),
                Item::End(Err(failure)) => return Err(failure.into()),
            }
        }
    }
}

fn broken() -> Failure {
    Failure::new(FailureKind::Io, "the request failed unexpectedly")
}

/// Whether a request may take as long as somebody listens.
fn is_long(request: &Request) -> bool {
    match request {
        Request::Ask(_)
        | Request::Browse(_)
        | Request::Resume { .. }
        | Request::Replay { .. }
        | Request::WatchJobs { .. } => true,
        Request::ClaimJobs { wait_ms, .. } => *wait_ms > 0,
        Request::Events { follow, .. } | Request::ServiceLog { follow, .. } => *follow,
        _ => false,
    }
}

/// Waits for a turn.
async fn turn(app: &App, long: bool) -> Result<OwnedSemaphorePermit, Problem> {
    let limits = &app.options.limits;
    if long {
        let streams = app.streams.clone().try_acquire_owned();
        return streams.map_err(|_| {
            let message = format!("{} answers and streams are on their way already", limits.streams_at_once);
            Problem::later(StatusCode::SERVICE_UNAVAILABLE, "busy", message, 5)
        });
    }
    match timeout(limits.turn_timeout, app.turns.clone().acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(Problem::internal()),
        Err(_) => {
            let message = format!("{} requests are being worked on already", limits.requests_at_once);
            Err(Problem::later(StatusCode::SERVICE_UNAVAILABLE, "busy", message, 1))
        }
    }
}

/// Answers a request on this thread. The permit is given back when it is answered.
fn answer(app: &App, token: Option<TokenId>, request: Request, tx: &mpsc::Sender<Item>, permit: OwnedSemaphorePermit) {
    let follows = matches!(
        request,
        Request::Events { follow: true, .. } | Request::ServiceLog { follow: true, .. } | Request::WatchJobs { .. }
    );
    let send = |item: Item| hand_over(tx, item, app.options.limits.write_timeout);
    let result = service::handle_of(&app.engine, token, request, &mut |response| {
        if tx.is_closed() || (follows && app.stopping.load(Ordering::Relaxed)) {
            return ControlFlow::Break(());
        }
        if is_idle(&response) {
            // If there is something to read still, nobody needs to be told that there is nothing new.
            let _ = tx.try_send(Item::Idle);
            return ControlFlow::Continue(());
        }
        send(Item::Response(Box::new(response)))
    });
    let _ = send(Item::End(result));
    drop(permit);
}

/// Hands something to who sends it on, and waits while there is no room. Who takes nothing for so long is gone, even if the
/// connection still stands.
///
/// It looks again and again, since models tell what arrives from within a runtime of their own, where no other can be
/// waited for.
pub(crate) fn hand_over<T>(tx: &mpsc::Sender<T>, mut item: T, patience: Duration) -> ControlFlow<()> {
    let begun = Instant::now();
    loop {
        item = match tx.try_send(item) {
            Ok(()) => return ControlFlow::Continue(()),
            Err(TrySendError::Closed(_)) => return ControlFlow::Break(()),
            Err(TrySendError::Full(item)) => item,
        };
        if begun.elapsed() >= patience {
            return ControlFlow::Break(());
        }
        thread::sleep(NO_ROOM);
    }
}

/// Whether a response only says that somebody is still there.
fn is_idle(response: &Response) -> bool {
    match response {
        Response::Arrived(Arrival::Nothing) => true,
        Response::Progress { what, .. } => what == FOLLOWING,
        _ => false,
    }
}
