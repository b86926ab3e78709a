//! What slash commands do.

use zo_engine::protocol::{Acknowledged, ConversationChoice, FailureKind, FileInput, ProviderLine, Request, Response};

use super::super::editor::path_of;
use super::super::slash::{COMMANDS, Slash};
use super::{Next, Session};
use crate::answering::{OFFLINE, cost};
use crate::attachments;
use crate::commands::conversation::{MessageJson, each_message, print_message};
use crate::context::{unexpected, write_one};
use crate::error::{CliError, Kind};
use crate::output::Table;
use crate::output::text::{bytes, counted};
use crate::passphrase::unlocked;
use crate::providers::{chosen_model, providers};
use crate::suggest::nearest;

/// What takes back what was chosen in a chat.
const USUAL: &str = "-";

impl Session<'_> {
    pub(super) fn command(&mut self, command: Slash<'_>) -> Result<Next, CliError> {
        match command {
            Slash::Help => self.help()?,
            Slash::Model(None) => self.show_models()?,
            Slash::Model(Some(name)) => self.choose_model(name)?,
            Slash::Retry(model) => self.ask_again(model)?,
            Slash::Edit(Some(text)) => self.ask_instead(text.to_owned())?,
            Slash::Edit(None) => {
                let last = self.last.as_ref().ok_or_else(|| CliError::not_found("there is no question to edit yet"))?;
                return Ok(Next::Edit(format!("/edit {}", last.text)));
            }
            Slash::Fork(name) => self.fork(name)?,
            Slash::New(name) => self.begin(name),
            Slash::System(text) => self.instructions(text)?,
            Slash::File(None) | Slash::Image(None) => self.show_files()?,
            Slash::File(Some(USUAL)) | Slash::Image(Some(USUAL)) => {
                let count = self.files.drain(..).count();
                self.context.output.note(format!("{} taken off", counted(count as u64, "file")));
            }
            Slash::File(Some(path)) => self.attach(attachments::document(&path_of(path))?)?,
            Slash::Image(Some(path)) => self.attach(attachments::image(&path_of(path))?)?,
            Slash::History => self.history()?,
            Slash::Usage => self.usage()?,
            Slash::Recalled => self.show_recalled()?,
            Slash::Tools(wanted) => self.switch_tools(wanted)?,
            Slash::Compact => self.compact()?,
            Slash::Uncompact => self.uncompact()?,
            Slash::Quit => return Ok(Next::Leave),
        }
        Ok(Next::Go)
    }

    /// Prints a line for people; programs are not told.
    fn line(&mut self, line: &str) -> Result<(), CliError> {
        let output = &mut self.context.output;
        if output.is_json() { Ok(()) } else { output.line(output.shown(line)) }
    }

    fn help(&mut self) -> Result<(), CliError> {
        for (name, follows, does) in COMMANDS {
            self.line(&format!("{:22} {does}", format!("{name} {follows}")))?;
        }
        self.line(
            "A line that ends with \\ goes on; \"\"\" begins and ends a text of many lines. Ctrl-C stops an answer.",
        )
    }

    /// Learns names of models to complete, as far as they are known without asking anybody.
    pub(super) fn collect_models(&mut self) {
        let providers = providers(&mut self.client, &self.context.environment()).unwrap_or_default();
        let usual = providers.iter().filter(|provider| is_usable(provider));
        let usual = usual.filter_map(|it| Some(format!("{}/{}", it.name, it.default_model.as_ref()?)));
        let names = providers.iter().map(|provider| provider.name.clone());
        self.add_models(usual.chain(names).chain([OFFLINE.to_owned()]).chain(self.model.clone()));
    }

    fn add_models(&self, names: impl IntoIterator<Item = String>) {
        let mut models = self.models.borrow_mut();
        models.extend(names);
        models.sort();
        models.dedup();
    }

    fn show_models(&mut self) -> Result<(), CliError> {
        let chosen = chosen_model(&mut self.client)?.model;
        let current = match (&self.model, chosen) {
            (Some(model), _) => format!("{model}, in this chat"),
            (None, Some(model)) => format!("{model}, as chosen"),
            (None, None) => "whichever is there: none was chosen".to_owned(),
        };
        self.line(&current)?;
        let mut table = Table::new(&["PROVIDER", "KEY", "USUAL MODEL"]);
        for provider in
            providers(&mut self.client, &self.context.environment())?.iter().filter(|provider| is_usable(provider))
        {
            let key = provider.key.clone().unwrap_or_else(|| "none needed".to_owned());
            table.row([provider.name.clone(), key, provider.default_model.clone().unwrap_or_default()]);
        }
        if self.context.output.is_json() { Ok(()) } else { table.print(&mut self.context.output) }
    }

    fn choose_model(&mut self, name: &str) -> Result<(), CliError> {
        if name == USUAL {
            self.model = None;
            self.context.output.note("the model that was chosen answers");
            return Ok(());
        }
        if name != OFFLINE {
            self.check_provider(name.split('/').next().unwrap_or_default())?;
            if !name.contains('/') {
                return self.list_models(name);
            }
        }
        self.model = Some(name.to_owned());
        self.fallbacks.clear();
        self.add_models([name.to_owned()]);
        let name = self.context.output.shown_err(name);
        self.context.output.note(format!("{name} answers from here on"));
        Ok(())
    }

    /// That there is such a provider.
    fn check_provider(&mut self, name: &str) -> Result<(), CliError> {
        let providers = providers(&mut self.client, &self.context.environment())?;
        let names = || providers.iter().map(|known| known.name.as_str());
        if names().any(|known| known == name) {
            return Ok(());
        }
        let error = CliError::not_found(format!("there is no provider {name}"));
        Err(match nearest(name, names().chain([OFFLINE])) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("/model lists those that can be used"),
        })
    }

    fn list_models(&mut self, provider: &str) -> Result<(), CliError> {
        let environment = self.context.environment();
        let request = Request::ListModels { provider: provider.to_owned(), environment };
        let models = match self.client.one(&request)? {
            Response::ChatModels(models) => models,
            other => return Err(unexpected(&other)),
        };
        self.add_models(models.iter().map(|model| model.name.clone()));
        models.iter().try_for_each(|model| self.line(&model.name))?;
        let counted = counted(models.len() as u64, "model");
        self.context.output.note(format!("{counted}; `/model {provider}/NAME` takes one"));
        Ok(())
    }

    fn fork(&mut self, name: Option<&str>) -> Result<(), CliError> {
        self.begun_place()?;
        let (id, name) = (self.context.fresh_id(), name.map(str::to_owned));
        let request = Request::Fork { from: self.reference(), message: None, id, name: name.clone() };
        let forked = write_one(&mut self.client, &request)?;
        self.place = ConversationChoice::Existing(forked.id.clone());
        self.title = name.unwrap_or_else(|| format!("{} (fork)", self.title));
        // The messages of the copy have ids of their own; the last question of its branch is the same one.
        if let Some(last) = &mut self.last {
            last.id = None;
        }
        if self.context.output.is_json() {
            return self.context.output.data_now(&forked);
        }
        self.context.output.note(format!("going on in a copy, {}", forked.id));
        Ok(())
    }

    fn begin(&mut self, name: Option<&str>) {
        let name = name.map(str::to_owned);
        self.title = name.clone().unwrap_or_else(|| "new".to_owned());
        self.place = ConversationChoice::New { id: self.context.fresh_id(), name };
        self.last = None;
        self.recalled.clear();
        self.context.output.note("a new conversation; it begins with the next question");
    }

    fn instructions(&mut self, text: Option<&str>) -> Result<(), CliError> {
        match text {
            None => {
                let shown = self.system.clone().unwrap_or_else(|| "the usual instructions".to_owned());
                return self.line(&shown);
            }
            Some(USUAL) => self.system = None,
            Some(text) => self.system = Some(text.to_owned()),
        }
        self.context.output.note("that holds from the next question on");
        Ok(())
    }

    fn attach(&mut self, file: FileInput) -> Result<(), CliError> {
        let name = self.context.output.shown_err(&file.name);
        let note = format!("{name} ({}, {}) goes with the next question", file.media_type, size(&file));
        self.files.push(file);
        if let Err(error) = attachments::check_together(&self.files) {
            self.files.pop();
            return Err(error);
        }
        self.context.output.note(note);
        Ok(())
    }

    fn show_files(&mut self) -> Result<(), CliError> {
        let line = |file: &FileInput| format!("{}  {}, {}", file.name, file.media_type, size(file));
        let lines: Vec<String> = self.files.iter().map(line).collect();
        if lines.is_empty() {
            self.context.output.note("nothing is attached");
        }
        lines.iter().try_for_each(|line| self.line(line))
    }

    fn history(&mut self) -> Result<(), CliError> {
        let nothing = || CliError::not_found("nothing was asked here yet");
        self.begun_place()?;
        let reference = self.reference();
        let output = &mut self.context.output;
        let shown = each_message(&mut self.client, &reference, false, None, |_, message| {
            if output.is_json() { output.data_now(&MessageJson::of(message)) } else { print_message(output, message) }
        });
        match shown {
            Err(error) if error.kind == Kind::Engine(FailureKind::NotFound) => Err(nothing()),
            other => other.map(|_| ()),
        }
    }

    fn usage(&mut self) -> Result<(), CliError> {
        let total = &self.total;
        let line = match total.answers {
            0 => "no answer yet".to_owned(),
            answers => format!("{}: {}", counted(answers, "answer"), cost(&total.usage, &total.account)),
        };
        self.line(&line)
    }

    fn switch_tools(&mut self, wanted: Option<&str>) -> Result<(), CliError> {
        self.tools = match wanted {
            None => self.tools,
            Some("on") => true,
            Some("off") => false,
            Some(other) => return Err(CliError::usage(format!("`{other}` is neither on nor off"))),
        };
        self.context.output.note(match (self.tools, &self.agent.workspace) {
            (true, Some(folder)) => format!("tools are on: agents answer, and work in {folder}"),
            (true, None) => "tools are on: agents answer, and work on no files".to_owned(),
            (false, _) => "tools are off: a model answers at once".to_owned(),
        });
        Ok(())
    }

    fn compact(&mut self) -> Result<(), CliError> {
        self.begun_place()?;
        let mut environment = self.context.environment();
        environment.passphrase = self.passphrase.take();
        let (conversation, model, client) = (self.reference(), self.model.clone(), &mut self.client);
        let compacted = unlocked(&mut self.context.output, &mut environment, |_, environment| {
            let (conversation, model) = (conversation.clone(), model.clone());
            write_one(client, &Request::Compact { conversation, model, environment: environment.clone() })
        });
        self.passphrase = environment.passphrase.take();
        self.done(&compacted?, "the older messages are told by a summary; /uncompact undoes that")
    }

    fn uncompact(&mut self) -> Result<(), CliError> {
        self.begun_place()?;
        let request = Request::Uncompact { conversation: self.reference() };
        let undone = write_one(&mut self.client, &request)?;
        self.done(&undone, "the messages are told as they are again")
    }

    /// Says that something was done; programs get the acknowledgement.
    fn done(&mut self, acknowledged: &Acknowledged, what: &str) -> Result<(), CliError> {
        if self.context.output.is_json() {
            return self.context.output.data_now(acknowledged);
        }
        self.context.output.note(what);
        Ok(())
    }

    fn show_recalled(&mut self) -> Result<(), CliError> {
        if self.context.output.is_json() {
            return self.context.output.data_now(&self.recalled);
        }
        if self.recalled.is_empty() {
            self.context.output.note("nothing was recalled");
        }
        let mut table = Table::new(&["SCORE", "KIND", "ID"]);
        for line in &self.recalled {
            table.row([format!("{:.2}", line.score), line.kind.clone(), line.id.clone()]);
        }
        table.print(&mut self.context.output)
    }
}

/// Whether a provider can be called as it is.
fn is_usable(provider: &ProviderLine) -> bool {
    provider.key.is_some() || !provider.needs_key
}

fn size(file: &FileInput) -> String {
    bytes(file.bytes.len() as u64)
}
