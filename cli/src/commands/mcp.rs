//! `zo mcp …`: one file per command.

mod add;
mod list;
mod remove;
mod serve;
mod test;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::error::CliError;

/// The Model Context Protocol: use other programs' tools, and be theirs
///
/// Examples:
///   zo mcp
///   zo mcp add files -- npx -y @modelcontextprotocol/server-filesystem ~/notes
///   zo mcp add tracker --url https://mcp.example.org/mcp --secret Authorization
///   zo mcp list
///   zo mcp test files --call list_directory --arguments '{"path": "/home/me/notes"}'
///   zo mcp remove files
///
/// Alone it is a server on stdin and stdout, for programs such as Claude Code, Cursor, goose and VS Code: `claude mcp add zo -- zo
/// mcp`. `zo serve` is the same at /mcp. The tools of servers that were added are offered to agents as mcp_NAME_TOOL, and are asked
/// about unless a rule allows them: `zo permission allow 'mcp_files_read_file(*)'`.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Mcp {
    #[command(subcommand)]
    command: Option<McpCommand>,
}

#[derive(Subcommand, Debug)]
enum McpCommand {
    Serve(serve::Serve),
    Add(Box<add::Add>),
    List(list::List),
    Test(test::Test),
    Remove(remove::Remove),
}

impl Mcp {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match &self.command {
            None => serve::Serve {}.run(context),
            Some(McpCommand::Serve(command)) => command.run(context),
            Some(McpCommand::Add(command)) => command.run(context),
            Some(McpCommand::List(command)) => command.run(context),
            Some(McpCommand::Test(command)) => command.run(context),
            Some(McpCommand::Remove(command)) => command.run(context),
        }
    }
}
