//! The engine as a library: opens a home, memorizes, asks, reads back.
//!
//! `cargo run --release -p zo-engine --example remember -- /tmp/some-home`

#![allow(clippy::print_stdout)] // a program for people to look at

use std::path::Path;

use zo_engine::client::{Client, OpenOptions};
use zo_engine::protocol::{Answer, Asking, ConversationChoice, NewMemory, Query, Request, Response};
use zo_projections::Actor;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "remember-home".to_owned());
    let mut home = Client::open(Path::new(&folder), &OpenOptions::default())?;

    let content = "The staging database runs on port 5433.".to_owned();
    let items = vec![NewMemory { content, ..NewMemory::default() }];
    let Response::Acknowledged(acknowledged) = home.one(&Request::Memorize { actor: Actor::User, items })? else {
        anyhow::bail!("memorize is answered with acknowledgements");
    };
    for memory in acknowledged {
        let memory = memory?;
        println!("{} is durable at position {}", memory.id, memory.position);
    }

    let question = "Which port does staging use?".to_owned();
    let conversation = ConversationChoice::Named("notes".to_owned());
    if let Response::Answered(answer) =
        home.one(&Request::Ask(Box::new(Asking::new(conversation, question, fresh_run()))))?
    {
        println!("{}", answer.answer);
    }
    if let Answer::Status(status) = home.query(Query::Status, None)? {
        println!("{} events in {}", status.head, status.folder);
    }
    Ok(home.close()?)
}

fn fresh_run() -> u128 {
    use zo_engine::world::{SystemWorld, World};
    SystemWorld::default().fresh_id()
}
