//! Names of models: clients bring the names they know, and the workspace has its own.

use std::sync::Arc;

use zo_engine::protocol::{Answer, ProviderLine, Query, Request, Response};

use crate::app::App;
use crate::calls::Call;
use crate::problem::Problem;

/// The name that stands for whichever model answers by default.
pub(crate) const DEFAULT: &str = "zo";
/// In front of a model's name, or alone: an agent with the workspace's own tools answers.
pub(crate) const AGENT: &str = "zo/agent";
/// The built-in responder, which is no language model.
const OFFLINE: &str = "offline";

/// The model that a client's name means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meant {
    /// `provider/name` or `offline`; none: whichever answers by default.
    pub(crate) model: Option<String>,
    /// Whether an agent is to answer.
    pub(crate) agent: bool,
    /// What is to be said of it: that there is no such model, and another one answers.
    pub(crate) note: Option<String>,
}

/// The model that a name means. One that is not known means the default, and that is said.
pub(crate) fn meant(app: &App, name: Option<&str>) -> Meant {
    let has_provider = |provider: &str| app.engine.has_provider(provider);
    resolve(name, &app.options.aliases, &has_provider)
}

fn resolve(name: Option<&str>, aliases: &[(String, String)], has_provider: &dyn Fn(&str) -> bool) -> Meant {
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Meant::default() };
    if let Some(rest) = name.strip_prefix(AGENT) {
        let inner = rest.strip_prefix(['/', ':']);
        if rest.is_empty() || inner.is_some() {
            return Meant { agent: true, ..resolve(inner, aliases, has_provider) };
        }
    }
    if let Some((_, model)) = aliases.iter().find(|(alias, _)| alias == name) {
        return Meant { model: Some(model.clone()), ..Meant::default() };
    }
    if name == DEFAULT {
        return Meant::default();
    }
    let known = name == OFFLINE || name.split_once('/').is_some_and(|(provider, _)| has_provider(provider));
    if known {
        return Meant { model: Some(name.to_owned()), ..Meant::default() };
    }
    let note = format!("{name:?} is no model of this workspace: the one that was chosen here answers");
    Meant { note: Some(note), ..Meant::default() }
}

/// A model that can be asked for.
pub(crate) struct Available {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) vendor: String,
    pub(crate) description: String,
}

/// The models that can be asked for without looking further: the default, an agent, `offline`, the aliases, and the usual
/// model of each provider that can be called.
pub(crate) async fn available(app: &Arc<App>) -> Result<Vec<Available>, Problem> {
    let query = Query::Providers { environment: app.engine.environment().clone() };
    let response = Call::begin(app, Request::Query { query, at: None }).await?.last().await?;
    let providers = match response {
        Response::Answer(answer) => match *answer {
            Answer::Providers(providers) => providers,
            _ => return Err(Problem::internal()),
        },
        _ => return Err(Problem::internal()),
    };
    let own = |name: &str, title: &str, description: &str| Available {
        name: name.to_owned(),
        title: title.to_owned(),
        vendor: "ZoClone".to_owned(),
        description: description.to_owned(),
    };
    let mut models = vec![
        own(DEFAULT, "Zo", "The model that was chosen for this workspace, with its memory"),
        own(AGENT, "Zo, as an agent", "The same with the workspace's tools"),
        own(OFFLINE, "Offline", "No language model: it quotes what is remembered"),
    ];
    let callable = |provider: &&ProviderLine| provider.key.is_some() || (!provider.needs_key && provider.added);
    for provider in providers.iter().filter(callable) {
        let Some(model) = &provider.default_model else { continue };
        models.push(Available {
            name: format!("{}/{model}", provider.name),
            title: model.clone(),
            vendor: provider.title.clone(),
            description: format!("The usual model of {}", provider.title),
        });
    }
    let aliases = app.options.aliases.iter();
    models.extend(aliases.map(|(alias, model)| own(alias, alias, &format!("Another name of {model}"))));
    Ok(models)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, model: Option<&str>, agent: bool, noted: bool) {
        let aliases = [("gpt-4o".to_owned(), "near/by".to_owned())];
        let meant = resolve(Some(name), &aliases, &|provider| provider == "near");
        assert_eq!((meant.model.as_deref(), meant.agent, meant.note.is_some()), (model, agent, noted), "{name}");
    }

    #[test]
    fn a_name_means_a_model_of_the_workspace_or_the_default() {
        check("near/model:7b", Some("near/model:7b"), false, false);
        check("offline", Some("offline"), false, false);
        check("gpt-4o", Some("near/by"), false, false);
        check("zo", None, false, false);
        check("", None, false, false);
        check("some-unknown", None, false, true);
        check("far/model", None, false, true);
    }

    #[test]
    fn an_agent_answers_by_any_model() {
        check("zo/agent", None, true, false);
        check("zo/agent/near/x", Some("near/x"), true, false);
        check("zo/agent:gpt-4o", Some("near/by"), true, false);
        check("zo/agent/far/x", None, true, true);
        check("zo/agents", None, false, true);
    }
}
