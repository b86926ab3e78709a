//! `zo browse …`: what is done in a browser is in [`acts`], how it is asked for and shown in [`acting`]; the rest is about sessions.

mod acting;
mod acts;
mod history;
mod install;
mod profiles;
mod run;
mod sessions;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::error::CliError;

/// Use a real browser: open, read, click, fill in, take pictures
///
/// Examples:
///   zo browse open https://example.org
///   zo browse snapshot
///   zo browse click @e12
///   zo browse fill 'label=Search' 'sled database'
///   zo browse press Enter
///   zo browse read --format text
///   zo browse screenshot --full -o page.png
///   zo browse run steps.txt --bail
///   zo browse history
///
/// A target is a reference of the last snapshot (@e12), CSS, text=…, role=button[name=Send], label=…, or testid=….
/// What is done goes on in one session, `main` unless --session names another. While `zo serve` runs, its browser keeps running
/// between commands; else each command opens the pages again that were open. What was done can be looked at
/// later, without the browser: `zo browse history`.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Browse {
    #[command(flatten)]
    session: acting::SessionArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[command(flatten)]
    Act(Box<acts::Acts>),
    Run(run::Run),
    Login(sessions::Login),
    List(sessions::List),
    Close(sessions::Close),
    Remove(sessions::Remove),
    Export(profiles::Export),
    Import(profiles::Import),
    History(history::History),
    Show(history::Show),
    Install(install::Install),
}

impl Browse {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match &self.command {
            Command::Act(act) => acting::run_one(context, &self.session, act),
            Command::Run(command) => command.run(context, &self.session),
            Command::Login(command) => command.run(context, &self.session),
            Command::List(command) => command.run(context),
            Command::Close(command) => command.run(context, &self.session),
            Command::Remove(command) => command.run(context, &self.session),
            Command::Export(command) => command.run(context, &self.session),
            Command::Import(command) => command.run(context, &self.session),
            Command::History(command) => command.run(context, &self.session),
            Command::Show(command) => command.run(context),
            Command::Install(command) => command.run(context),
        }
    }
}
