//! Decisions about the home: its beginning, and what is chosen for all of it.

use super::{Decision, HOME, MAX_FALLBACKS, MAX_NAME_BYTES, NewEvent, check_length, check_name, record};
use crate::command::Rejection;
use crate::event::home::{
    Created, DailyBudgetSet, EmbedderChosen, ModelChosen, ProviderAdded, ProviderRemoved, RuleAdded, RuleRemoved,
};
use crate::ids::Position;
use crate::views::Views;

pub(super) fn create(views: &Views, zo_version: String) -> Result<Decision, Rejection> {
    if views.position != Position::START {
        return Err(Rejection::Invalid { what: "the home".to_owned(), why: "it was created before".to_owned() });
    }
    check_length("the version", zo_version.len(), MAX_NAME_BYTES)?;
    Ok(record([NewEvent::new(HOME, Created { zo_version })]))
}

pub(super) fn choose_embedder(views: &Views, model: String) -> Result<Decision, Rejection> {
    check_name("the model", &model)?;
    Ok(match views.settings.embedder() {
        Some((chosen, since)) if chosen == model => Decision::already(HOME, since),
        _ => record([NewEvent::new(HOME, EmbedderChosen { model })]),
    })
}

pub(super) fn choose_model(
    views: &Views,
    model: Option<String>,
    fallbacks: Vec<String>,
) -> Result<Decision, Rejection> {
    check_fallbacks(&fallbacks)?;
    model.iter().try_for_each(|model| check_name("the model", model))?;
    Ok(match views.settings.model() {
        Some(chosen) if chosen.model == model && chosen.fallbacks == fallbacks => Decision::already(HOME, chosen.since),
        _ => record([NewEvent::new(HOME, ModelChosen { model, fallbacks })]),
    })
}

/// Checks the models that are called in turn.
pub(super) fn check_fallbacks(fallbacks: &[String]) -> Result<(), Rejection> {
    if fallbacks.len() > MAX_FALLBACKS {
        let why = format!("{} are more than the {MAX_FALLBACKS} that there may be", fallbacks.len());
        return Err(Rejection::Invalid { what: "the fallbacks".to_owned(), why });
    }
    fallbacks.iter().try_for_each(|model| check_name("a fallback", model))
}

pub(super) fn add_provider(views: &Views, provider: ProviderAdded) -> Result<Decision, Rejection> {
    check_provider(&provider.name)?;
    check_name("the dialect", &provider.dialect)?;
    check_name("the base URL", &provider.base_url)?;
    Ok(match views.settings.providers().get(&provider.name) {
        Some(there) if there.dialect == provider.dialect && there.base_url == provider.base_url => {
            Decision::already(HOME, there.since)
        }
        _ => record([NewEvent::new(HOME, provider)]),
    })
}

/// Checks a provider's name, which stands in front of a slash.
pub(super) fn check_provider(name: &str) -> Result<(), Rejection> {
    check_name("the provider", name)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' || c == '.';
    if name.chars().all(plain) {
        return Ok(());
    }
    let why = "it may have lowercase letters, digits, `-`, `_` and `.`".to_owned();
    Err(Rejection::Invalid { what: format!("the provider {name:?}"), why })
}

pub(super) fn remove_provider(views: &Views, name: String) -> Result<Decision, Rejection> {
    if !views.settings.providers().contains_key(&name) {
        return Err(Rejection::not_found("provider", name));
    }
    Ok(record([NewEvent::new(HOME, ProviderRemoved { name })]))
}

pub(super) fn add_rule(views: &Views, rule: String) -> Result<Decision, Rejection> {
    check_name("the rule", &rule)?;
    Ok(match views.rules.since(&rule) {
        Some(since) => Decision::already(HOME, since),
        None => record([rule_added(rule)]),
    })
}

/// The event that adds a rule.
pub(super) fn rule_added(rule: String) -> NewEvent {
    NewEvent::new(HOME, RuleAdded { rule })
}

pub(super) fn remove_rule(views: &Views, rule: String) -> Result<Decision, Rejection> {
    if views.rules.since(&rule).is_none() {
        return Err(Rejection::not_found("rule", rule));
    }
    Ok(record([NewEvent::new(HOME, RuleRemoved { rule })]))
}

pub(super) fn set_daily_budget(views: &Views, cost_micros: Option<u64>) -> Result<Decision, Rejection> {
    Ok(match views.rules.daily_budget_set() {
        Some((set, since)) if set == cost_micros => Decision::already(HOME, since),
        _ => record([NewEvent::new(HOME, DailyBudgetSet { cost_micros })]),
    })
}

#[cfg(test)]
mod tests {
    //! What can be chosen for the whole home, and what is recorded of the vault.

    use crate::command::Command;
    use crate::event::home::ProviderAdded;
    use crate::testing::{assert_lines, told};

    fn check(commands: &[Command], expected: &str) {
        assert_lines(&told(commands), expected);
    }

    fn choose(model: Option<&str>, fallbacks: &[&str]) -> Command {
        let fallbacks = fallbacks.iter().map(|model| (*model).to_owned()).collect();
        Command::ChooseModel { model: model.map(str::to_owned), fallbacks }
    }

    fn add(name: &str, url: &str) -> Command {
        let (name, dialect, base_url) = (name.to_owned(), "openai".to_owned(), url.to_owned());
        Command::AddProvider { provider: ProviderAdded { name, dialect, base_url } }
    }

    fn remove(name: &str) -> Command {
        Command::RemoveProvider { name: name.to_owned() }
    }

    fn key(provider: &str, fingerprint: &str) -> Command {
        Command::RecordKey { provider: provider.to_owned(), fingerprint: fingerprint.to_owned() }
    }

    fn key_gone(provider: &str) -> Command {
        Command::RecordKeyRemoval { provider: provider.to_owned() }
    }

    #[test]
    fn a_model_is_chosen_until_another_one_is() {
        check(&[choose(Some("a/x"), &["b/y"])], "1 home/0 v1 home.model_chosen model=a/x fallbacks=[b/y]");
        check(&[choose(Some("a/x"), &[]), choose(Some("a/x"), &[])], "already: home/0 at 1");
        check(&[choose(Some("a/x"), &[]), choose(None, &[])], "2 home/0 v2 home.model_chosen");
        check(&[choose(Some(""), &[])], "rejected: the model: it is empty");
        check(&[choose(None, &["a/x"; 17])], "rejected: the fallbacks: 17 are more than the 16 that there may be");
    }

    #[test]
    fn a_provider_is_added_changed_and_removed() {
        let line = "home.provider_added name=near dialect=openai base_url";
        check(&[add("near", "http://a")], &format!("1 home/0 v1 {line}=http://a"));
        check(&[add("near", "http://a"), add("near", "http://a")], "already: home/0 at 1");
        check(&[add("near", "http://a"), add("near", "http://b")], &format!("2 home/0 v2 {line}=http://b"));
        check(&[add("near", "http://a"), remove("near")], "2 home/0 v2 home.provider_removed name=near");
        check(&[remove("near")], "rejected: there is no provider near");
        check(
            &[add("a/b", "http://a")],
            r#"rejected: the provider "a/b": it may have lowercase letters, digits, `-`, `_` and `.`"#,
        );
    }

    fn add_rule(rule: &str) -> Command {
        Command::AddRule { rule: rule.to_owned() }
    }

    fn remove_rule(rule: &str) -> Command {
        Command::RemoveRule { rule: rule.to_owned() }
    }

    fn budget(cost_micros: Option<u64>) -> Command {
        Command::SetDailyBudget { cost_micros }
    }

    #[test]
    fn a_rule_is_laid_down_until_it_is_taken_back() {
        check(&[add_rule("allow: read")], "1 home/0 v1 home.rule_added rule=allow: read");
        check(&[add_rule("allow: read"), add_rule("allow: read")], "already: home/0 at 1");
        check(&[add_rule("allow: read"), add_rule("deny: read")], "2 home/0 v2 home.rule_added rule=deny: read");
        check(&[add_rule("a"), remove_rule("a")], "2 home/0 v2 home.rule_removed rule=a");
        check(&[add_rule("a"), remove_rule("a"), add_rule("a")], "3 home/0 v3 home.rule_added rule=a");
        check(&[remove_rule("a")], "rejected: there is no rule a");
        check(&[add_rule("a"), remove_rule("a"), remove_rule("a")], "rejected: there is no rule a");
        check(&[add_rule(" ")], "rejected: the rule: it is empty");
        check(&[add_rule("a\nb")], "rejected: the rule: it has a control character in it");
        let long = "a".repeat(1025);
        check(&[add_rule(&long)], "rejected: the rule: 1025 bytes are more than the 1024 that one may have");
    }

    #[test]
    fn a_day_may_cost_what_was_laid_down_last() {
        check(&[budget(Some(5))], "1 home/0 v1 home.daily_budget_set cost_micros=5");
        check(&[budget(Some(5)), add_rule("a"), budget(Some(5))], "already: home/0 at 1");
        check(&[budget(Some(5)), budget(Some(0))], "2 home/0 v2 home.daily_budget_set cost_micros=0");
        check(&[budget(Some(5)), budget(None)], "2 home/0 v2 home.daily_budget_set");
        check(&[budget(Some(5)), budget(None), budget(None)], "already: home/0 at 2");
        // "No limit" is laid down too: nobody is told that it was so at a position where something else happened.
        check(&[add_rule("a"), budget(None)], "2 home/0 v2 home.daily_budget_set");
    }

    #[test]
    fn a_key_is_recorded_by_its_fingerprint() {
        check(&[key("openai", "01ab")], "1 vault/0 v1 vault.key_set provider=openai fingerprint=01ab");
        check(&[key("openai", "01ab"), key("openai", "01ab")], "already: vault/0 at 1");
        check(
            &[key("openai", "01ab"), key("openai", "02cd")],
            "2 vault/0 v2 vault.key_set provider=openai fingerprint=02cd",
        );
        check(&[key("openai", "01ab"), key_gone("openai")], "2 vault/0 v2 vault.key_removed provider=openai");
        check(&[key_gone("openai")], "rejected: there is no key openai");
    }
}
