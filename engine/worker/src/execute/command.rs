//! Programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use zo_sandbox::{Command, Network, Policy, interpreter, interpreter_roots};

use super::confined::limits;
use super::reach::{Way, patterns};
use super::{AttemptContext, Executor, Outcome, Sink};
use crate::spec::CommandSpec;

impl Executor {
    pub(super) fn command(&self, spec: &CommandSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome {
        match self.run_command(spec, attempt, sink) {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    fn run_command(&self, spec: &CommandSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Result<Outcome, Outcome> {
        let paths = |texts: &[String]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        let (mut read, mut write) = (self.named(&paths(&spec.read))?, self.named(&paths(&spec.write))?);
        let named = self.named(&paths(spec.folder.as_slice()))?.pop();
        let own = self.own_folder()?;
        let folder = match named {
            Some(folder) => {
                read.push(folder.clone());
                folder
            }
            None => {
                write.push(own.path().to_owned());
                own.path().to_owned()
            }
        };
        let mut argv: Vec<OsString> = spec.argv.iter().map(OsString::from).collect();
        // An interpreter that lives in a home may be a launcher, and is no use without what belongs to it.
        if let Some(program) = interpreter(Path::new(&argv[0])) {
            let roots = interpreter_roots(&program);
            if !roots.is_empty() {
                read.extend(roots);
                argv[0] = program.into();
            }
        }
        let hosts = patterns(&spec.hosts).map_err(Outcome::hopeless)?;
        let way = if hosts.is_empty() { None } else { Some(Way::to(&self.egress, hosts)?) };
        let network = way.as_ref().map_or(Network::None, |way| Network::Proxy(way.socket()));
        let policy = Policy { read, write, network, limits: limits(&spec.limits, attempt) };
        let environment = spec.env.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let stdin = spec.stdin.clone().unwrap_or_default().into_bytes();
        let command = Command { argv, folder, environment, stdin, policy };
        Ok(self.confined(&command, false, attempt, sink))
    }
}
