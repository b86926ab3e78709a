//! `zo completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::context::Context;
use crate::error::CliError;

/// Print completions for your shell
///
/// Examples:
///   zo completions bash > ~/.local/share/bash-completion/completions/zo
///   zo completions zsh > ~/.zfunc/_zo
///   zo completions fish > ~/.config/fish/completions/zo.fish
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        // Generated into memory: the generator would panic on a pipe that is closed.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "zo", &mut script);
        context.output.text(&String::from_utf8_lossy(&script))
    }
}
