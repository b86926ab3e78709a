//! Who permits a tool call: the rules, else somebody at a terminal of this home, else nobody.

use std::str::FromStr;

use zo_projections::event::run::agent::{CallId, Consent, Effect, PermissionBody};
use zo_projections::views::agents::{RunningAgent, ToolCall};
use zo_projections::{Command, RunId};

use super::Agent;
use super::calls::from_agent;
use crate::engine::Engine;
use crate::protocol::{Failure, PermissionLine};
use crate::service::conversation::body_of;
use crate::tools::rules::{Rule, Ruling, judge as judge_by};
use crate::tools::{Prepared, find};

/// What becomes of a call.
pub(super) enum Judged {
    /// It may be done.
    Allowed,
    /// It may not: why.
    Refused(String),
    /// Somebody was asked.
    Asked,
}

/// Judges a call that nobody has said anything to, and asks if it has to be.
pub(super) fn judge(
    agent: &Agent<'_>,
    state: &RunningAgent,
    id: CallId,
    call: &ToolCall,
    prepared: &Prepared,
) -> Result<Judged, Failure> {
    if call.asked.is_some() {
        return Ok(Judged::Asked);
    }
    let usually = find(&call.tool).map_or(crate::tools::Usually::Ask, |tool| tool.usually);
    let tainted = state.tainted || agent.given_untrusted;
    let careful = tainted && prepared.effect == Effect::Once;
    let rules = rules(agent, state)?;
    let as_named = judge_by(&rules, &prepared.subject, usually, careful);
    // A path that is a link, or absolute, is judged by what it means, too: the stricter one holds.
    let as_meant = prepared.meant(&agent.options).map(|subject| judge_by(&rules, &subject, usually, careful));
    let (why, by_rule) = match (as_named, as_meant) {
        (Ruling::Deny(why), _) | (_, Some(Ruling::Deny(why))) => return Ok(Judged::Refused(why)),
        (Ruling::Ask { why, by_rule }, _) | (_, Some(Ruling::Ask { why, by_rule })) => (why, by_rule),
        (Ruling::Allow, None | Some(Ruling::Allow)) => return Ok(Judged::Allowed),
    };
    // Where a rule says that it is to be asked, there is no "always".
    let rule = prepared.subject.rule().filter(|_| !by_rule);
    if agent.consent() == Consent::Deny {
        let allow = rule.as_deref().and_then(|rule| rule.strip_prefix("allow: "));
        let how = allow.map(|what| format!("; `--allow '{what}'` would permit it")).unwrap_or_default();
        return Ok(Judged::Refused(format!("{why}, and nobody can be asked{how}")));
    }
    let details = prepared.details.as_deref().map(|details| format!("\n{details}")).unwrap_or_default();
    let what = plain(&format!("{} {}{details}", call.tool, prepared.subject));
    let body = PermissionBody { what, why, rule };
    let command = Command::AskPermission { run: agent.id, id, body };
    agent.engine.writer.submit_one(from_agent(agent, command))?;
    Ok(Judged::Asked)
}

/// A text that does nothing to a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// The rules that hold for an agent: those of the home, its own, and what its skills say they need.
pub(super) fn rules(agent: &Agent<'_>, state: &RunningAgent) -> Result<Vec<Rule>, Failure> {
    let of_home: Vec<String> =
        agent.engine.writer.read(|views| views.rules.rules().iter().map(|(rule, _)| rule.clone()).collect())?;
    let all = of_home.iter().chain(&agent.options.rules);
    // One that a newer version wrote says nothing here; what it would have denied is asked about, or denied.
    let mut rules: Vec<Rule> = all.filter_map(|rule| Rule::from_str(rule).ok()).collect();
    if !state.skills.is_empty() {
        let skills = crate::skills::usable(agent.engine, &agent.options.skills)?.skills;
        let used = |skill: &&zo_skills::Skill| state.skills.iter().any(|used| used.name == skill.name);
        for skill in skills.iter().filter(used) {
            rules.extend(skill.allowed_tools.iter().filter_map(|tool| Rule::of_skill(tool)));
        }
    }
    Ok(rules)
}

/// A call that waits for somebody to permit it, as people read it.
pub(crate) fn waiting(engine: &Engine, run: RunId, id: CallId) -> Result<Option<PermissionLine>, Failure> {
    let found = engine.writer.read(|views| {
        let call = views.agents.running().get(&run)?.call(id)?;
        (call.verdict.is_none() && call.returned.is_none()).then(|| Some((call.asked?, call.tool.clone())))?
    })?;
    let Some((position, tool)) = found else { return Ok(None) };
    let body: PermissionBody = body_of(&engine.reader.event(position)?)?.unwrap_or_default();
    let PermissionBody { what, why, rule } = body;
    Ok(Some(PermissionLine { run: run.to_string(), call: id.to_string(), tool, what, why, rule }))
}
