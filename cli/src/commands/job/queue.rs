//! `zo job queue …`.

use clap::{Args, Subcommand};
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, Query, QueuesAnswer, Request};

use crate::context::{Context, query, write_one};
use crate::error::CliError;
use crate::output::Table;
use crate::output::text::count;

/// List queues, give them a limit, stop them
///
/// Examples:
///   zo job queue list
///   zo job queue set gpu --limit 2
///   zo job queue set mail --pause
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Queue {
    List(List),
    Set(Set),
}

impl Queue {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(context),
            Self::Set(command) => command.run(context),
        }
    }
}

/// List the queues, and how many jobs there are in which state
///
/// Examples:
///   zo job queue list
///   zo job queue list --json | jq .counts
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let answer = queues(&mut client)?;
        if context.output.is_json() {
            context.output.data(&answer)?;
        } else {
            print(context, &answer)?;
        }
        context.close(client)
    }
}

fn print(context: &mut Context, answer: &QueuesAnswer) -> Result<(), CliError> {
    let mut table = Table::new(&["QUEUE", "RUNNING", "LIMIT", "TO BE DONE", "STATE"]);
    for queue in &answer.queues {
        table.row([
            queue.name.clone(),
            queue.running.to_string(),
            queue.limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string()),
            count(queue.pending),
            if queue.paused { "paused" } else { "open" }.to_owned(),
        ]);
    }
    table.print(&mut context.output)?;
    let counts = &answer.counts;
    let open = counts.blocked + counts.waiting + counts.ready + counts.running;
    context.output.note(format!(
        "{} to be done, {} interrupted, {} dead, {} done, {} cancelled",
        count(open),
        count(counts.interrupted),
        count(counts.dead),
        count(counts.done),
        count(counts.cancelled)
    ));
    Ok(())
}

fn queues(client: &mut Client) -> Result<QueuesAnswer, CliError> {
    query(client, Query::Queues, None, |answer| match answer {
        Answer::Queues(queues) => Some(queues),
        _ => None,
    })
}

/// Say how many jobs of a queue may run at a time, stop it, or let it go on
///
/// Examples:
///   zo job queue set gpu --limit 2
///   zo job queue set gpu --no-limit
///   zo job queue set mail --pause
///   zo job queue set mail --resume
///
/// What is not said stays as it is. Jobs that run are not stopped.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Set {
    /// The queue
    name: String,
    /// How many of its jobs may run at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Any number may
    #[arg(long, conflicts_with = "limit")]
    no_limit: bool,
    /// Begin none of its jobs
    #[arg(long)]
    pause: bool,
    /// Begin them again
    #[arg(long, conflicts_with = "pause")]
    resume: bool,
}

impl Set {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if self.limit.is_none() && !self.no_limit && !self.pause && !self.resume {
            return Err(CliError::usage("it is not said what the queue is to be")
                .hint("--limit N, --no-limit, --pause or --resume; `zo job queue list` shows what it is"));
        }
        let mut client = context.open()?;
        let known = queues(&mut client)?.queues.into_iter().find(|queue| queue.name == self.name);
        let (limit, paused) = known.map_or((None, false), |queue| (queue.limit, queue.paused));
        let request = Request::SetQueue {
            queue: self.name.clone(),
            limit: if self.no_limit { None } else { self.limit.or(limit) },
            paused: self.pause || (paused && !self.resume),
        };
        let acknowledged = write_one(&mut client, &request)?;
        context.print_acknowledged(&acknowledged, "set")?;
        context.close(client)
    }
}
