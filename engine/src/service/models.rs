//! Requests about language models and their providers.

use zo_models::{Dialect, Provider, facts};
use zo_projections::event::home::ProviderAdded;
use zo_projections::{Actor, Command, Rejection, Submission};

use super::{Each, acknowledge, asking, deliver};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, At, ChatModelLine, ChosenModel, Environment, Failure, FailureKind, ProviderLine, Response,
    TestStep, WouldAnswer,
};
use crate::providers::{self, OFFLINE};

/// Records which model answers where no other is named. It need not be there: it may be, later.
pub(super) fn choose(engine: &Engine, model: Option<String>, fallbacks: Vec<String>) -> Result<Acknowledged, Failure> {
    let model = model.map(|model| full_name(engine, model)).transpose()?;
    let fallbacks: Vec<String> =
        fallbacks.into_iter().map(|model| full_name(engine, model)).collect::<Result<_, _>>()?;
    let id = model.clone().unwrap_or_else(|| "auto".to_owned());
    let command = Command::ChooseModel { model, fallbacks };
    acknowledge(id, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// `provider/name` of a model of a provider that there is; a provider alone stands for its default model.
fn full_name(engine: &Engine, model: String) -> Result<String, Failure> {
    if model == OFFLINE {
        return Ok(model);
    }
    let (name, rest) = model.split_once('/').unwrap_or((&model, ""));
    let provider = providers::find(engine, &Environment::default(), name)?;
    match (rest, provider.default_model) {
        ("", Some(default)) => Ok(format!("{name}/{default}")),
        ("", None) => Err(Failure::new(FailureKind::Invalid, format!("which model of {name}?"))
            .hint(format!("`zo model list {name}` shows those there are"))),
        _ => Ok(model),
    }
}

pub(super) fn chosen(engine: &Engine, at: Option<At>) -> Result<Answer, Failure> {
    let chosen = engine.ask_views(at, |views| views.settings.model().cloned())?;
    Ok(Answer::ChosenModel(chosen.map_or_else(ChosenModel::default, |chosen| ChosenModel {
        model: chosen.model,
        fallbacks: chosen.fallbacks,
        since: Some(chosen.since),
    })))
}

/// What would answer a question now, and why.
pub(super) fn would_answer(engine: &Engine, environment: &Environment) -> Result<Answer, Failure> {
    let choice = asking::usual(engine, environment, None)?;
    let why = choice.why();
    Ok(Answer::WouldAnswer(WouldAnswer { model: choice.model, why }))
}

pub(super) fn add_provider(
    engine: &Engine,
    name: String,
    dialect: &str,
    base_url: &str,
) -> Result<Acknowledged, Failure> {
    let invalid = |what: &str, why: String| Failure::from(Rejection::Invalid { what: what.to_owned(), why });
    let dialect: Dialect =
        dialect.parse().map_err(|_| invalid("the dialect", format!("{dialect:?} is neither openai nor anthropic")))?;
    if name == OFFLINE {
        return Err(invalid("the name", format!("{OFFLINE:?} is the built-in responder")));
    }
    let provider = Provider::custom(&name, dialect, base_url).map_err(|why| invalid("the base URL", why))?;
    let provider = ProviderAdded { name: provider.name, dialect: dialect.to_string(), base_url: provider.base_url };
    acknowledge(name, engine.writer.submit_one(Submission::new(Actor::User, Command::AddProvider { provider })))
}

pub(super) fn remove_provider(engine: &Engine, name: String) -> Result<Acknowledged, Failure> {
    let command = Command::RemoveProvider { name: name.clone() };
    let removed = acknowledge(name.clone(), engine.writer.submit_one(Submission::new(Actor::User, command)));
    removed.map_err(|failure| match failure.kind {
        FailureKind::NotFound if Provider::preset(&name).is_some() => {
            Failure::new(FailureKind::Refused, format!("{name} is one of those that zo knows, and cannot be removed"))
        }
        FailureKind::NotFound => failure.hint("`zo provider list` shows those there are"),
        _ => failure,
    })
}

pub(super) fn providers(engine: &Engine, environment: &Environment) -> Result<Answer, Failure> {
    let all = providers::all(engine, environment)?;
    let in_vault: Vec<String> =
        engine.writer.read(|views| views.provider_keys.iter().map(|(provider, _)| provider.to_owned()).collect())?;
    let lines = all.into_iter().map(|(provider, added)| {
        let in_vault = in_vault.contains(&provider.name).then_some("vault");
        let key = providers::in_environment(environment, &provider).map(|_| "environment").or(in_vault);
        ProviderLine {
            key: key.map(str::to_owned),
            name: provider.name,
            title: provider.title,
            dialect: provider.dialect.to_string(),
            base_url: provider.base_url,
            added,
            needs_key: provider.needs_key,
            key_variables: provider.key_variables,
            default_model: provider.default_model,
        }
    });
    Ok(Answer::Providers(lines.collect()))
}

pub(super) fn list(engine: &Engine, provider: &str, environment: &Environment) -> Result<Vec<ChatModelLine>, Failure> {
    let provider = providers::find(engine, environment, provider)?;
    let key = providers::key_of(engine, environment, &provider)?.map(|(key, _)| key);
    let models = engine.models.list(&provider, key.as_ref()).map_err(|error| cleaned(engine, error.into()))?;
    let line = |model: zo_models::ModelInfo| {
        let known = facts(&provider.name, &model.id);
        let price = known.as_ref().and_then(|facts| facts.price);
        ChatModelLine {
            name: format!("{}/{}", provider.name, model.id),
            context_window: model.context_window.or(known.map(|facts| facts.context_window)),
            input_price: price.as_ref().map(|price| price.input),
            output_price: price.as_ref().map(|price| price.output),
            description: model.description,
        }
    };
    Ok(models.into_iter().map(line).collect())
}

pub(super) fn test(
    engine: &Engine,
    model: Option<&str>,
    environment: &Environment,
    each: Each<'_>,
) -> Result<(), Failure> {
    let choice = asking::usual(engine, environment, model)?;
    if choice.model == OFFLINE {
        let detail = "the built-in responder answers: there is nothing to connect to".to_owned();
        let (step, outcome) = ("offline".to_owned(), "ok".to_owned());
        return deliver(each, Response::Tested(TestStep { step, outcome, detail, hint: None, elapsed_us: 0 }));
    }
    let target = providers::target(engine, environment, &choice.model)?;
    let mut failed = None;
    let ok = engine.models.test(&target.provider, target.key.as_ref(), &target.model, &mut |step| {
        let step = TestStep {
            step: step.name.to_owned(),
            outcome: match step.outcome {
                zo_models::Outcome::Ok => "ok",
                zo_models::Outcome::Failed => "failed",
                zo_models::Outcome::Skipped => "skipped",
            }
            .to_owned(),
            detail: engine.writer.redactor().clean(&step.detail),
            hint: step.hint.clone(),
            elapsed_us: step.elapsed.as_micros().try_into().unwrap_or(u64::MAX),
        };
        if step.outcome == "failed" {
            failed = Some(step.clone());
        }
        let _ = each(Response::Tested(step));
    });
    match failed {
        None if ok => Ok(()),
        failed => {
            let step = failed.map_or_else(|| "a step".to_owned(), |step| step.step);
            Err(Failure::new(FailureKind::Model, format!("{} cannot be used: {step} failed", target.name())))
        }
    }
}

/// A failure without keys in it.
pub(super) fn cleaned(engine: &Engine, failure: Failure) -> Failure {
    Failure { message: engine.writer.redactor().clean(&failure.message), ..failure }
}
