//! What can be told of a job before it is run anywhere.

use std::path::Path;

use serde_json::Value;
use thiserror::Error;
use zo_egress::{HostPattern, Method, Policy};

use super::{AgentSpec, CommandSpec, HttpSpec, JobSpec, LimitsSpec, MemorizeSpec, SkillSpec};

/// Bytes of an environment and arguments together: what the system takes at the least.
const MOST_WORDS_BYTES: usize = 1 << 20;
/// Bytes of one argument: Linux takes 128 KiB less one.
const MOST_WORD_BYTES: usize = 128 * 1024 - 1;
/// The longest that a URL may be waited for: a day.
const MOST_TIMEOUT_MS: u64 = 86_400_000;

/// Why a job cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a {kind} job's `{field}` {why}")]
pub struct SpecError {
    /// The kind of job.
    pub kind: &'static str,
    /// The field that is wrong.
    pub field: String,
    /// What is wrong with it, with the value.
    pub why: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// What is wrong, before it is known of which kind of job.
struct Wrong {
    field: String,
    why: String,
    hint: Option<String>,
}

impl JobSpec {
    /// Whether it can be carried out as far as can be told without trying: nothing is looked up, no file and no name.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check(&self) -> Result<(), SpecError> {
        let checked = match self {
            Self::Command(command) => check_command(command),
            Self::Skill(skill) => check_skill(skill),
            Self::Agent(agent) => check_agent(agent),
            Self::Http(http) => check_http(http),
            Self::Memorize(memorize) => check_memorize(memorize),
        };
        checked.map_err(|Wrong { field, why, hint }| SpecError { kind: self.kind(), field, why, hint })
    }
}

fn check_command(command: &CommandSpec) -> Result<(), Wrong> {
    let program = command.argv.first().filter(|program| !program.is_empty());
    program.ok_or_else(|| wrong("argv", "names no program").hint("{\"argv\": [\"program\", \"argument\"]}"))?;
    let mut bytes = 0;
    for word in &command.argv {
        bytes += check_word("argv", word)?;
    }
    for (name, value) in &command.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(wrong("env", format!("has a variable called {name:?}")));
        }
        bytes += name.len() + check_word("env", value)?;
    }
    if bytes > MOST_WORDS_BYTES {
        let why = format!("has {bytes} bytes with `env`, at most {MOST_WORDS_BYTES} fit");
        return Err(wrong("argv", why).hint("give what is long as `stdin`"));
    }
    check_folder("folder", command.folder.as_deref())?;
    command.read.iter().try_for_each(|path| check_path("read", path))?;
    command.write.iter().try_for_each(|path| check_path("write", path))?;
    check_hosts(&command.hosts)?;
    check_limits(&command.limits)
}

fn check_skill(skill: &SkillSpec) -> Result<(), Wrong> {
    check_text("name", &skill.name)?;
    if let Some(script) = &skill.script {
        check_text("script", script)?;
    }
    check_folder("folder", skill.folder.as_deref())?;
    check_limits(&skill.limits)
}

fn check_agent(agent: &AgentSpec) -> Result<(), Wrong> {
    check_text("prompt", &agent.prompt)?;
    check_folder("workspace", agent.workspace.as_deref())?;
    let counts = [
        ("steps", agent.steps.map(u64::from)),
        ("tokens", agent.tokens),
        ("wall_ms", agent.wall_ms),
        ("concurrency", agent.concurrency.map(u64::from)),
    ];
    counts.into_iter().try_for_each(|(field, count)| check_count(field, count))?;
    if let Some(script) = &agent.script {
        let read: Result<Vec<Value>, _> = serde_json::from_str(script);
        read.map_err(|error| wrong("script", format!("is no list as JSON: {error}")))?;
    }
    Ok(())
}

fn check_http(http: &HttpSpec) -> Result<(), Wrong> {
    let method: Result<Method, _> = http.method.parse();
    method.map_err(|_| {
        wrong("method", format!("is {:?}", http.method)).hint("expected GET, HEAD, POST, PUT, DELETE or PATCH")
    })?;
    let hosts = check_hosts(&http.hosts)?;
    // Where it leads can be judged only where it is called: here it is only read.
    let policy = Policy { allow_private: true, allow_hosts: hosts, ..Policy::default() };
    policy.check_url(&http.url).map_err(|error| Wrong {
        field: "url".to_owned(),
        why: format!("cannot be called: {}", error.message),
        hint: error.hint,
    })?;
    for (name, value) in &http.headers {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(wrong("headers", format!("has a name {name:?}, which is none (RFC 9110, section 5.6.2)")));
        }
        if value.contains(['\r', '\n', '\0']) {
            return Err(wrong("headers", format!("has line breaks in {name}")));
        }
    }
    for status in http.expect.iter().flatten() {
        if !(100..=599).contains(status) {
            return Err(wrong("expect", format!("has {status}, which is no HTTP status")));
        }
    }
    if http.expect.as_ref().is_some_and(Vec::is_empty) {
        return Err(wrong("expect", "has no status in it").hint("leave it out for 200 to 299"));
    }
    check_count("timeout_ms", http.timeout_ms)?;
    match http.timeout_ms {
        Some(timeout) if timeout > MOST_TIMEOUT_MS => {
            Err(wrong("timeout_ms", format!("is {timeout}, at most {MOST_TIMEOUT_MS} (a day) is waited")))
        }
        _ => Ok(()),
    }
}

fn check_memorize(memorize: &MemorizeSpec) -> Result<(), Wrong> {
    check_text("content", &memorize.content)
}

fn check_text(field: &str, text: &str) -> Result<(), Wrong> {
    if text.trim().is_empty() { Err(wrong(field, "is empty")) } else { Ok(()) }
}

fn check_word(field: &str, word: &str) -> Result<usize, Wrong> {
    if word.contains('\0') {
        return Err(wrong(field, "has a NUL in it"));
    }
    if word.len() > MOST_WORD_BYTES {
        let why = format!("has a text of {} bytes, at most {MOST_WORD_BYTES} fit", word.len());
        return Err(wrong(field, why).hint("give what is long as `stdin`"));
    }
    Ok(word.len() + 1)
}

fn check_folder(field: &str, folder: Option<&str>) -> Result<(), Wrong> {
    folder.map_or(Ok(()), |folder| check_path(field, folder))
}

fn check_path(field: &str, path: &str) -> Result<(), Wrong> {
    if path.contains('\0') {
        return Err(wrong(field, "has a NUL in it"));
    }
    if !Path::new(path).is_absolute() {
        let why = format!("has {path:?}, which depends on where one is");
        return Err(wrong(field, why).hint("write the whole path, from / on"));
    }
    Ok(())
}

fn check_hosts(hosts: &[String]) -> Result<Vec<HostPattern>, Wrong> {
    let parse = |host: &String| {
        HostPattern::parse(host).map_err(|error| {
            wrong("hosts", format!("has {host:?}: {}", error.why))
                .hint("expected example.org, *.example.org or 127.0.0.1:8080")
        })
    };
    hosts.iter().map(parse).collect()
}

fn check_limits(limits: &LimitsSpec) -> Result<(), Wrong> {
    let counts = [
        ("limits.wall_ms", limits.wall_ms),
        ("limits.cpu_ms", limits.cpu_ms),
        ("limits.memory_bytes", limits.memory_bytes),
    ];
    counts.into_iter().try_for_each(|(field, count)| check_count(field, count))
}

fn check_count(field: &str, count: Option<u64>) -> Result<(), Wrong> {
    if count == Some(0) { Err(wrong(field, "is 0: it could do nothing")) } else { Ok(()) }
}

fn wrong(field: &str, why: impl Into<String>) -> Wrong {
    Wrong { field: field.to_owned(), why: why.into(), hint: None }
}

impl Wrong {
    fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }
}
