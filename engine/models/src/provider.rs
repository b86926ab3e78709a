//! Where models are to be had: the presets, and any other base URL.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// A family of wire formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// OpenAI's chat completions, which most servers speak.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::OpenAi => "openai",
            Dialect::Anthropic => "anthropic",
        })
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "openai" => Ok(Dialect::OpenAi),
            "anthropic" => Ok(Dialect::Anthropic),
            _ => Err(format!("expected openai or anthropic, found {text:?}")),
        }
    }
}

/// Where models are to be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// What it is called in commands: `openai`.
    pub name: String,
    /// What it is called in sentences: `OpenAI`.
    pub title: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// What the dialect's paths are appended to, without a trailing slash: `https://api.openai.com/v1`.
    pub base_url: String,
    /// Whether it answers nobody without a key.
    pub needs_key: bool,
    /// Environment variables that hold its key, the first one first; read by the caller.
    pub key_variables: Vec<String>,
    /// The model that is taken if none is named.
    pub default_model: Option<String>,
    /// Whether it runs on the user's own machine and costs nothing.
    pub local: bool,
    /// Where one gets a key.
    pub keys_page: Option<String>,
}

/// A row of the table of presets.
struct Preset {
    name: &'static str,
    title: &'static str,
    dialect: Dialect,
    base_url: &'static str,
    key_variable: Option<&'static str>,
    default_model: Option<&'static str>,
    keys_page: Option<&'static str>,
}

impl Provider {
    /// Those that are known by name, the remote ones first.
    pub fn presets() -> Vec<Provider> {
        PRESETS.iter().map(Provider::from).collect()
    }

    /// The preset of that name.
    pub fn preset(name: &str) -> Option<Provider> {
        PRESETS.iter().find(|preset| preset.name == name).map(Provider::from)
    }

    /// Any other provider. A trailing slash of `base_url` is dropped; no key is needed, but one is sent if there is one.
    ///
    /// # Errors
    /// What is wrong with the URL: not `http` or `https`, user information or a query in it, a dialect's path at its end, or `http` to a host that is
    /// neither this machine nor in a private network (a key would travel in clear).
    pub fn custom(name: &str, dialect: Dialect, base_url: &str) -> Result<Provider, String> {
        let url = Url::parse(base_url).map_err(|error| format!("base URL {}: {error}", safe_url(base_url)))?;
        let shown = safe_url(base_url);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("base URL {shown}: expected http or https, found {}", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("base URL {shown}: a user name or password does not belong into it"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("base URL {shown}: a query or fragment does not belong into it"));
        }
        let path = url.path().trim_end_matches('/');
        if let Some(end) =
            ["/chat/completions", "/completions", "/messages", "/models"].iter().find(|end| path.ends_with(*end))
        {
            return Err(format!("base URL {shown}: leave {end} off, it is appended"));
        }
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "http" && !is_private(host) {
            return Err(format!("base URL {shown}: http to {host} would send keys and texts in clear; use https"));
        }
        Ok(Provider {
            name: name.to_string(),
            title: name.to_string(),
            dialect,
            base_url: url.as_str().trim_end_matches('/').to_string(),
            needs_key: false,
            key_variables: Vec::new(),
            default_model: None,
            local: is_private(host),
            keys_page: None,
        })
    }
}

impl From<&Preset> for Provider {
    fn from(preset: &Preset) -> Self {
        Provider {
            name: preset.name.to_string(),
            title: preset.title.to_string(),
            dialect: preset.dialect,
            base_url: preset.base_url.to_string(),
            needs_key: preset.key_variable.is_some(),
            key_variables: preset.key_variable.iter().map(ToString::to_string).collect(),
            default_model: preset.default_model.map(str::to_string),
            local: preset.key_variable.is_none(),
            keys_page: preset.keys_page.map(str::to_string),
        }
    }
}

/// Whether the host is this machine, however it is written.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether the host is this machine or in a private network: an address of one, a bare name, or one of the local zones.
pub(crate) fn is_private(host: &str) -> bool {
    if is_loopback(host) {
        return true;
    }
    let bare = host.trim_matches(['[', ']']);
    match bare.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.is_private() || address.is_link_local() || shared_space(address.octets()),
        Ok(IpAddr::V6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        Err(_) => {
            let name = bare.trim_end_matches('.').to_ascii_lowercase();
            !name.is_empty()
                && (!name.contains('.')
                    || [".local", ".lan", ".internal", ".home.arpa"].iter().any(|zone| name.ends_with(zone)))
        }
    }
}

/// 100.64.0.0/10 (RFC 6598), which private overlay networks use.
fn shared_space(octets: [u8; 4]) -> bool {
    octets[0] == 100 && octets[1] & 0b1100_0000 == 64
}

/// A URL without what may be secret in it: user information, query and fragment.
pub(crate) fn safe_url(text: &str) -> String {
    let Some(mut url) = Url::parse(text).ok().filter(Url::has_host) else {
        let end = text.find(['?', '#']).unwrap_or(text.len());
        let start = text[..end].rfind('@').map_or(0, |at| at + 1);
        return text[start..end].to_string();
    };
    let slash = text.ends_with('/');
    // Both fail only for URLs that cannot have user information at all.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    let clean = url.to_string();
    if slash { clean } else { clean.trim_end_matches('/').to_string() }
}

const PRESETS: &[Preset] = &[
    Preset {
        name: "openai",
        title: "OpenAI",
        dialect: Dialect::OpenAi,
        base_url: "https://api.openai.com/v1",
        key_variable: Some("OPENAI_API_KEY"),
        default_model: Some("gpt-6-luna"),
        keys_page: Some("https://platform.openai.com/api-keys"),
    },
    Preset {
        name: "anthropic",
        title: "Anthropic",
        dialect: Dialect::Anthropic,
        base_url: "https://api.anthropic.com/v1",
        key_variable: Some("ANTHROPIC_API_KEY"),
        default_model: Some("claude-sonnet-5-5"),
        keys_page: Some("https://console.anthropic.com/settings/keys"),
    },
    Preset {
        name: "groq",
        title: "Groq",
        dialect: Dialect::OpenAi,
        base_url: "https://api.groq.com/openai/v1",
        key_variable: Some("GROQ_API_KEY"),
        default_model: Some("openai/gpt-oss-120b"),
        keys_page: Some("https://console.groq.com/keys"),
    },
    Preset {
        name: "together",
        title: "Together AI",
        dialect: Dialect::OpenAi,
        base_url: "https://api.together.xyz/v1",
        key_variable: Some("TOGETHER_API_KEY"),
        default_model: Some("deepseek-ai/DeepSeek-V4.1-Flash"),
        keys_page: Some("https://api.together.ai/settings/api-keys"),
    },
    Preset {
        name: "openrouter",
        title: "OpenRouter",
        dialect: Dialect::OpenAi,
        base_url: "https://openrouter.ai/api/v1",
        key_variable: Some("OPENROUTER_API_KEY"),
        default_model: Some("openrouter/auto"),
        keys_page: Some("https://openrouter.ai/settings/keys"),
    },
    // 127.0.0.1 and not localhost: no name to resolve, and no IPv6 address tried on which none of these listens.
    Preset {
        name: "ollama",
        title: "Ollama",
        dialect: Dialect::OpenAi,
        base_url: "http://127.0.0.1:11434/v1",
        key_variable: None,
        default_model: None,
        keys_page: None,
    },
    Preset {
        name: "lmstudio",
        title: "LM Studio",
        dialect: Dialect::OpenAi,
        base_url: "http://127.0.0.1:1234/v1",
        key_variable: None,
        default_model: None,
        keys_page: None,
    },
    Preset {
        name: "vllm",
        title: "vLLM",
        dialect: Dialect::OpenAi,
        base_url: "http://127.0.0.1:8000/v1",
        key_variable: None,
        default_model: None,
        keys_page: None,
    },
];

#[cfg(test)]
mod tests;
