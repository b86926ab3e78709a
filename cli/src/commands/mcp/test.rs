//! `zo mcp test`.

use std::ops::ControlFlow;

use clap::Args;
use zo_engine::protocol::{FailureKind, McpCall, McpTested, Request, Response};

use crate::context::{Context, stream};
use crate::error::{CliError, Kind};
use crate::output::Table;
use crate::passphrase::unlocked;

/// Start a server, list its tools, and call one
///
/// Examples:
///   zo mcp test files
///   zo mcp test files --call read_file --arguments '{"path": "/home/me/notes/a.md"}'
///
/// A call that is made here is yours and no agent's: no rule is asked.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Test {
    /// Its name
    name: String,
    /// A tool to call, as the server calls it
    #[arg(long, value_name = "TOOL")]
    call: Option<String>,
    /// What the tool is called with, a JSON object
    #[arg(long, value_name = "JSON", requires = "call")]
    arguments: Option<String>,
    /// Give up if it has not listed its tools, or not answered the call, after so many seconds [default: 60, and 600 for the call]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
}

impl Test {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut environment = context.environment();
        let mut client = context.open_existing()?;
        let call = self.call.clone().map(|tool| McpCall { tool, arguments: self.arguments.clone() });
        let mut tested = None;
        unlocked(&mut context.output, &mut environment, |output, environment| {
            let (name, call, environment) = (self.name.clone(), call.clone(), environment.clone());
            let deadline_ms = self.timeout.map(|seconds| seconds * 1000);
            stream(&mut client, &Request::TestMcpServer { name, call, deadline_ms, environment }, |response| {
                match response {
                    Response::Tested(step) => output.note(format!("{}: {}", step.step, step.detail)),
                    Response::McpTested(found) => tested = Some(*found),
                    _ => {}
                }
                Ok(ControlFlow::Continue(()))
            })
        })?;
        let nothing = || CliError::new(Kind::Engine(FailureKind::Io), "the test ended without a result");
        print(context, &tested.ok_or_else(nothing)?)?;
        context.close(client)
    }
}

fn print(context: &mut Context, tested: &McpTested) -> Result<(), CliError> {
    if context.output.is_json() {
        return context.output.data(tested);
    }
    if let Some(called) = &tested.called {
        if called.is_error {
            return Err(CliError::new(Kind::Engine(FailureKind::Refused), format!("the tool failed: {}", called.text)));
        }
        return context.output.line(context.output.shown(&called.text));
    }
    let mut table = Table::new(&["TOOL", "EFFECT", "FOR"]);
    for tool in &tested.tools {
        let about = tool.description.lines().next().unwrap_or_default().to_owned();
        table.row([tool.name.clone(), format!("{:?}", tool.effect).to_lowercase(), about]);
    }
    table.print(&mut context.output)?;
    for left in &tested.left_out {
        context.output.note(format!("not offered: {left}"));
    }
    Ok(())
}
