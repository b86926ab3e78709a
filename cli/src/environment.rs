//! What of this process's surroundings matters to models: keys, the identity that opens the vault, a local Ollama. The
//! engine itself looks at no variable; what it is to know travels with a request.

use std::env;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use zo_engine::protocol::{Environment, SecretText};

use crate::passphrase;

/// How variables end that may hold keys.
const KEY_VARIABLE_END: &str = "_API_KEY";

/// The surroundings of this process.
pub(crate) fn of_process() -> Environment {
    Environment { passphrase: passphrase::of_variable(), ..of(env::vars_os()) }
}

/// The surroundings that these variables make. What is no UTF-8 or empty is as if it were not there.
fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
    let mut variables: Vec<(String, String)> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(_, value)| !value.trim().is_empty())
        .collect();
    variables.sort();
    let value = |name: &str| variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    Environment {
        identity: identity(value),
        passphrase: None,
        ollama: value("OLLAMA_HOST").map(ollama_url),
        keys: variables
            .iter()
            .filter(|(name, _)| name.ends_with(KEY_VARIABLE_END))
            .map(|(name, value)| (name.clone(), SecretText(value.trim().to_owned())))
            .collect(),
    }
}

/// The file with the identity: `$ZO_IDENTITY`, else `$XDG_CONFIG_HOME/zo/identity`, else `~/.config/zo/identity`.
fn identity<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let folder = || {
        // The XDG base directory specification: a relative path is to be ignored.
        let config = value("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        config.or_else(|| value("HOME").map(|home| PathBuf::from(home).join(".config")))
    };
    let named = value("ZO_IDENTITY").map(PathBuf::from);
    let file = named.or_else(|| folder().map(|folder| folder.join("zo/identity")))?;
    std::path::absolute(file).ok()?.into_os_string().into_string().ok()
}

/// `OLLAMA_HOST` as Ollama's own client reads it (`envconfig.Host`, ollama/envconfig/config.go): scheme, host and port may
/// each be left out; the port is 11434, or the scheme's own if there is a scheme; what is no port counts as none.
fn ollama_url(given: &str) -> String {
    let given = given.trim().trim_matches(|letter| matches!(letter, '"' | '\'')).trim();
    let (scheme, rest, usual_port) = match given.split_once("://") {
        None if given == "ollama.com" => return "https://ollama.com:443".to_owned(),
        None => ("http", given, "11434"),
        Some(("http", rest)) => ("http", rest, "80"),
        Some(("https", rest)) => ("https", rest, "443"),
        Some((scheme, rest)) => (scheme, rest, "11434"),
    };
    let (address, path) = rest.split_once('/').map_or((rest, String::new()), |(address, path)| {
        (address, if path.is_empty() { String::new() } else { format!("/{path}") })
    });
    let (host, port) = host_and_port(address);
    let port = port.filter(|port| port.parse::<u16>().is_ok()).unwrap_or(usual_port);
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("{scheme}://[{address}]:{port}{path}"),
        _ => format!("{scheme}://{host}:{port}{path}"),
    }
}

/// Host and port of an address; the brackets of an IPv6 address are taken off.
fn host_and_port(address: &str) -> (&str, Option<&str>) {
    if let Some(bracketed) = address.strip_prefix('[')
        && let Some((host, rest)) = bracketed.split_once(']')
    {
        return (host, rest.strip_prefix(':'));
    }
    match address.split_once(':') {
        // More than one colon and no brackets: an IPv6 address without a port.
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (address, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        of(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn keys_are_taken_from_variables_that_are_named_so() {
        let variables = [("OPENAI_API_KEY", "sk-1\n"), ("EMPTY_API_KEY", " "), ("PATH", "/bin"), ("A_API_KEY", "a")];
        let keys = environment(&variables).keys;
        let plain: Vec<(&str, &str)> = keys.iter().map(|(name, key)| (name.as_str(), key.0.as_str())).collect();
        assert_eq!(plain, [("A_API_KEY", "a"), ("OPENAI_API_KEY", "sk-1")]);
        assert!(!format!("{keys:?}").contains("sk-1"), "a key never shows itself");
    }

    #[test]
    fn the_identity_is_apart_from_the_home() {
        let identity = |variables: &[(&str, &str)]| environment(variables).identity;
        assert_eq!(identity(&[("HOME", "/h")]).as_deref(), Some("/h/.config/zo/identity"));
        assert_eq!(identity(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]).as_deref(), Some("/x/zo/identity"));
        assert_eq!(
            identity(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")]).as_deref(),
            Some("/h/.config/zo/identity"),
            "a relative XDG_CONFIG_HOME is ignored"
        );
        assert_eq!(identity(&[("HOME", "/h"), ("ZO_IDENTITY", "/i")]).as_deref(), Some("/i"));
        assert_eq!(identity(&[]), None);
    }

    #[test]
    fn ollama_is_where_its_own_client_looks_for_it() {
        for (given, expected) in [
            ("127.0.0.1", "http://127.0.0.1:11434"),
            ("localhost:1234", "http://localhost:1234"),
            (":1234", "http://127.0.0.1:1234"),
            (" \"0.0.0.0\" ", "http://0.0.0.0:11434"),
            ("http://models.lan", "http://models.lan:80"),
            ("https://models.lan", "https://models.lan:443"),
            ("https://models.lan:8443/ollama", "https://models.lan:8443/ollama"),
            ("localhost:port", "http://localhost:11434"),
            ("localhost:70000", "http://localhost:11434"),
            ("::1", "http://[::1]:11434"),
            ("[::1]:1234", "http://[::1]:1234"),
            ("[::1]", "http://[::1]:11434"),
            ("ollama.com", "https://ollama.com:443"),
        ] {
            assert_eq!(ollama_url(given), expected, "{given}");
        }
        assert_eq!(environment(&[("OLLAMA_HOST", "")]).ollama, None);
    }
}
