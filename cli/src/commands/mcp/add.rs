//! `zo mcp add`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use zo_engine::protocol::{McpServerInput, Request, SecretText};

use super::super::job::what::{absolute_all, here, text_of, variables};
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input;
use crate::passphrase::unlocked;
use crate::secret;

/// Variables that a program is given as they are now, unless --env says something else.
const USUAL: [&str; 4] = ["PATH", "HOME", "USER", "LANG"];

/// Add a server whose tools agents may call, or give one other properties
///
/// Examples:
///   zo mcp add files -- npx -y @modelcontextprotocol/server-filesystem ~/notes
///   zo mcp add github --secret GITHUB_TOKEN -- docker run -i --rm -e GITHUB_TOKEN ghcr.io/github/github-mcp-server
///   zo mcp add tracker --url https://mcp.example.org/mcp --secret Authorization
///
/// A program runs as you do and is not confined, in a process group of its own, for as long as it is needed; when it dies it is started
/// anew. Its environment is PATH, HOME, USER and LANG as they are now, and what --env and --secret say. The value of a secret is asked
/// for, or comes through a pipe or from a file, and lies in the vault: a variable of a program, a header of a URL; of Authorization only
/// the token is given.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Add {
    /// What it is called: small letters, digits and `-`; its tools are called mcp_NAME_TOOL
    name: String,
    /// The program and its arguments, behind `--`
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "url", conflicts_with = "url")]
    command: Vec<OsString>,
    /// Where it is reached by HTTP, in place of a program
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The folder it starts in [default: the current one]
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    folder: Option<PathBuf>,
    /// A variable that it gets; can be given more than once
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = input::key_value, conflicts_with = "url")]
    environment: Vec<(String, String)>,
    /// A header of every request; can be given more than once
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = input::key_value, requires = "url")]
    headers: Vec<(String, String)>,
    /// A variable or header whose value is a secret; can be given more than once at a terminal
    #[arg(long = "secret", value_name = "NAME")]
    secrets: Vec<String>,
    /// Read the value of the secret from a file; `-` is stdin
    #[arg(long, value_name = "FILE", requires = "secrets")]
    from_file: Option<PathBuf>,
    /// Believe it what it says of its tools: that they only read, or may be called twice
    #[arg(long)]
    trust_hints: bool,
}

impl Add {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let server = self.input()?;
        if self.secrets.len() > 1 && self.from_file.is_some() {
            return Err(CliError::usage("--from-file has the value of one secret, and several are named")
                .hint("leave it away, and type them when asked"));
        }
        let mut secrets: Vec<(String, SecretText)> = Vec::new();
        for name in &self.secrets {
            let value = secret::read(context, &format!("value of {name}"), self.from_file.as_deref())?;
            secret::check_key(&value)?;
            secrets.push((name.clone(), value));
        }
        let mut environment = context.environment();
        let mut client = context.open()?;
        let acknowledged = unlocked(&mut context.output, &mut environment, |_, environment| {
            let (server, secrets, environment) = (Box::new(server.clone()), secrets.clone(), environment.clone());
            write_one(&mut client, &Request::AddMcpServer { server, secrets, environment })
        })?;
        context.print_acknowledged(&acknowledged, "added")?;
        context.output.note(format!("`zo mcp test {}` tries it", self.name));
        context.close(client)
    }

    fn input(&self) -> Result<McpServerInput, CliError> {
        let mut input = McpServerInput {
            name: self.name.clone(),
            url: self.url.clone(),
            headers: variables(&self.headers)?,
            trust_hints: self.trust_hints,
            ..McpServerInput::default()
        };
        if self.url.is_none() {
            input.argv = self.command.iter().map(|word| input::text_of_argument(word)).collect::<Result<_, _>>()?;
            input.folder = match &self.folder {
                Some(folder) => absolute_all(std::slice::from_ref(folder))?.pop(),
                None => Some(text_of(&here()?)?),
            };
            input.env = usual();
            input.env.extend(variables(&self.environment)?);
            self.secrets.iter().for_each(|name| drop(input.env.remove(name)));
        }
        Ok(input)
    }
}

/// What any program needs to be found and to find its own files.
fn usual() -> BTreeMap<String, String> {
    let value = |name: &str| Some((name.to_owned(), env::var(name).ok().filter(|value| !value.is_empty())?));
    USUAL.iter().filter_map(|name| value(name)).collect()
}
