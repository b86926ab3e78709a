//! `zo token revoke`.

use clap::Args;
use zo_engine::protocol::Request;

use super::tokens;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::suggest::nearest;

/// Take a token back
///
/// Examples:
///   zo token revoke phone
///   zo token revoke 01K…
///
/// From then on it is refused. What was done with it stays done.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Revoke {
    /// Its name or id
    token: String,
}

impl Revoke {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let tokens = tokens(&mut client)?;
        let is_it = |name: &str, id: &str| name == self.token || id.eq_ignore_ascii_case(&self.token);
        let Some(line) = tokens.iter().find(|line| is_it(&line.name, &line.id)) else {
            let error = CliError::not_found(format!("there is no token {}", self.token));
            return Err(match nearest(&self.token, tokens.iter().map(|line| line.name.as_str())) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("`zo token list` shows the tokens there are"),
            });
        };
        let acknowledged = write_one(&mut client, &Request::RevokeToken { token: line.id.clone() })?;
        context.print_acknowledged(&acknowledged, "revoked")?;
        context.close(client)
    }
}
