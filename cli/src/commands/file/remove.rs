//! `zo file remove`.

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::Request;

use super::{all, with_nearest};
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::output::text::counted;

/// Remove files; their versions stay
///
/// Examples:
///   zo file remove report.pdf
///   zo file remove site/ --yes
///
/// A name that ends with a slash stands for all files below it. Links to what is removed lead nowhere. What a name had can still be
/// had: `zo file get NAME --version N`.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Remove folders without asking
    #[arg(long, short)]
    yes: bool,
}

impl Remove {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        for name in self.all(context, &mut client)? {
            let removed = write_one(&mut client, &Request::RemoveFile { name: name.clone() });
            let acknowledged = removed.map_err(|error| with_nearest(error, &mut client, &name))?;
            context.print_acknowledged(&acknowledged, "removed")?;
            context.output.flush()?;
        }
        context.close(client)
    }

    /// The names of all files that are meant.
    fn all(&self, context: &mut Context, client: &mut Client) -> Result<Vec<String>, CliError> {
        let mut names = Vec::new();
        for name in &self.names {
            if !name.ends_with('/') {
                names.push(name.clone());
                continue;
            }
            let below = all(client, name)?;
            if below.is_empty() {
                return Err(CliError::not_found(format!("there is no file below {name}"))
                    .hint("`zo file list` shows the files there are"));
            }
            let question = format!("Remove {} below {name}?", counted(below.len() as u64, "file"));
            context.output.confirm(&question, self.yes)?;
            names.extend(below.into_iter().map(|file| file.name));
        }
        Ok(names)
    }
}
