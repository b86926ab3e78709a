//! What a session may reach. Pure.

use zo_egress::{HostPattern, PatternError, Policy};
use zo_projections::views::browsers::Browser;

use crate::tools::rules::Rule;

/// What a session may reach: a person's, everything that they can; an agent's, the public internet, and what the user's rules name
/// with its port. Hosts that a rule denies are denied to both.
///
/// # Errors
/// If a host that the session was given is none.
pub(crate) fn policy(browser: &Browser, rules: &[Rule]) -> Result<Policy, PatternError> {
    let parse = |hosts: &[String]| hosts.iter().map(|host| HostPattern::parse(host)).collect::<Result<Vec<_>, _>>();
    let mut deny_hosts = parse(&browser.deny_hosts)?;
    deny_hosts.extend(rules.iter().filter_map(Rule::denied_host).filter_map(|host| HostPattern::parse(&host).ok()));
    let mut allow_hosts = Vec::new();
    if browser.guarded {
        let origins = rules.iter().filter_map(|rule| rule.allowed_origin("browse_open"));
        allow_hosts.extend(origins.filter_map(|origin| HostPattern::parse(&origin).ok()));
        if !allow_hosts.is_empty() {
            allow_hosts.extend(HostPattern::parse("*").ok());
        }
    }
    let only_hosts = parse(&browser.only_hosts)?;
    Ok(Policy { allow_private: !browser.guarded, allow_hosts, only_hosts, deny_hosts, system_proxy: false })
}

#[cfg(test)]
mod tests;
