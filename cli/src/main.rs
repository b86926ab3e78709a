//! `zo`: the command line of ZoClone.
//!
//! What lives here is what a terminal needs and nothing else: parsing, words, tables, progress, exit codes. Every
//! command is one file in [`commands`], whose doc comment is its help; it talks to the store through
//! `zo_engine::client::Client` alone, so it works the same whether this process holds the store or another one does.
//!
//! - [`commands`]: the table of commands; start here.
//! - [`error`]: the one error, its kinds and exit codes. [`output`]: the only place that prints.
//! - [`input`]: texts from arguments, stdin and files. [`time`]: moments as people write them.
//! - [`intake`]: many memories from a stream, acknowledged as they become durable.
//! - [`answering`]: a question put, its answer printed as it comes. [`attachments`]: the files that go with it.
//! - [`following`]: what agents do, told as it happens; permissions asked for, and Ctrl-C.
//! - [`embedding`]: what can be found by its words only is embedded, until it is done or Ctrl-C.
//! - [`environment`]: the variables that matter to models.
//! - [`secret`]: keys and passphrases, never from arguments. [`passphrase`]: asked for when the vault wants it.
//! - [`providers`]: providers of language models, and which model answers.
//! - [`serving`]: whether a `zo serve` runs, and where it listens.
//! - [`context`]: the home and an open client. [`suggest`]: the nearest name after a typo.

mod answering;
mod attachments;
mod commands;
mod context;
mod embedding;
mod environment;
mod error;
mod following;
mod input;
mod intake;
mod interrupt;
mod output;
mod passphrase;
mod providers;
mod secret;
mod serving;
mod suggest;
mod time;

use std::process::ExitCode;

fn main() -> ExitCode {
    // A stage of a sandbox is this program too, and nothing else of it.
    if let Some(code) = zo_sandbox::child_main() {
        return code;
    }
    commands::main()
}
