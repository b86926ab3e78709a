//! `zo token create`.

use clap::Args;
use zo_engine::protocol::{Request, Response};
use zo_projections::Timestamp;
use zo_projections::event::vault::Scope;

use super::scopes;
use crate::context::{Context, unexpected};
use crate::error::CliError;
use crate::input;
use crate::suggest::nearest;
use crate::time::{minute, parse_expiry};

/// Make a token, and print it: the only time that it is shown
///
/// Examples:
///   zo token create phone --scope ask,read --expires 90d
///   zo token create build-7 --scope node > build-7.token
///   zo token create backup --scope read --json | jq -r .secret
///
/// It is sent as `Authorization: Bearer TOKEN`. Whoever has it may do what its scopes say, so keep it as you keep a password.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Create {
    /// What it is called
    name: String,
    /// What it is good for, with commas between: admin, ask, read, node
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_delimiter = ',', value_parser = parse_scope)]
    scopes: Vec<Scope>,
    /// Until when it holds: 90d, 2027-01-01 [default: until it is revoked]
    #[arg(long, value_name = "DURATION|TIME", value_parser = parse_expiry)]
    expires: Option<Timestamp>,
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    let names = Scope::ALL.map(Scope::name);
    Scope::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| match nearest(text, names) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("a scope is one of {}", names.join(", ")),
    })
}

impl Create {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        input::check_name("the name", &self.name)?;
        let mut scopes_given = self.scopes.clone();
        scopes_given.sort();
        scopes_given.dedup();
        let mut client = context.open()?;
        let request = Request::CreateToken { name: self.name.clone(), scopes: scopes_given, expires_at: self.expires };
        let made = match client.one(&request)? {
            Response::TokenMade(made) => *made,
            Response::Acknowledged(results) => match results.into_iter().next() {
                Some(Err(failure)) => return Err(failure.into()),
                other => return Err(unexpected(&Response::Acknowledged(other.into_iter().collect()))),
            },
            other => return Err(unexpected(&other)),
        };
        let output = &mut context.output;
        if output.is_json() {
            output.data(&made)?;
        } else {
            output.line(&made.secret)?;
            output.note(format!("good for {}{}", scopes(&made.token), until(made.token.expires_at)));
            output.note("note: it is not shown again; whoever has it may do that, so keep it as you keep a password");
        }
        context.close(client)
    }
}

/// Until when something holds, in words.
fn until(expires_at: Option<Timestamp>) -> String {
    expires_at.map_or_else(|| ", until it is revoked".to_owned(), |at| format!(", until {}", minute(at)))
}
