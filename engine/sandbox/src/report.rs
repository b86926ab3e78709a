//! What this machine enforces, found out by trying.

use serde::{Deserialize, Serialize};

use crate::policy::Level;
use crate::sandbox::Sandbox;

/// What this machine enforces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The level that commands run at; [`Level::None`] if they are refused.
    pub level: Level,
    /// Whether commands are confined at that level.
    pub enforced: bool,
    /// What to do, where nothing can be enforced.
    pub hint: Option<String>,
    /// Every level, and every mechanism they stand on.
    pub mechanisms: Vec<Mechanism>,
}

/// A level, or something levels stand on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mechanism {
    /// Its name.
    pub name: String,
    /// Whether this machine has it.
    pub available: bool,
    /// What it protects.
    pub protects: String,
    /// Its version, or why it is not available.
    pub detail: String,
}

impl Report {
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        let mut level = None;
        let mut mechanisms = Vec::new();
        let tried = [Level::Namespaces, Level::Landlock, Level::Bubblewrap, Level::Seatbelt];
        for candidate in tried.into_iter().filter(|&level| belongs_here(level)) {
            let result = sandbox.probe(candidate);
            let wanted = sandbox.forced().is_none_or(|forced| forced == candidate);
            if result.is_ok() && wanted && level.is_none() {
                level = Some(candidate);
            }
            mechanisms.push(Mechanism {
                name: format!("level {candidate}"),
                available: result.is_ok(),
                protects: protects(candidate).to_owned(),
                detail: result.err().unwrap_or_else(|| "tried out".to_owned()),
            });
        }
        #[cfg(target_os = "linux")]
        mechanisms.extend(crate::linux::mechanisms());
        let hint = level.is_none().then(|| how_to_allow().to_owned());
        Self { level: level.unwrap_or(Level::None), enforced: level.is_some(), hint, mechanisms }
    }
}

/// Whether a level is one of this system's at all.
fn belongs_here(level: Level) -> bool {
    cfg!(target_os = "macos") == (level == Level::Seatbelt)
}

fn protects(level: Level) -> &'static str {
    match level {
        Level::Namespaces => {
            "only allowed folders exist; processes, network and /tmp of its own; limits on everything together"
        }
        Level::Landlock => {
            "only allowed folders can be opened; no sockets; signals stay inside; permissions cannot be changed"
        }
        Level::Bubblewrap => "as namespaces, made by bwrap (not tested by its makers)",
        Level::Seatbelt => "only allowed folders can be written; no network (not tested by its makers)",
        Level::None => "nothing",
    }
}

/// What to do where nothing can be enforced.
pub(crate) fn how_to_allow() -> &'static str {
    if cfg!(target_os = "linux") {
        "allow user namespaces (`sysctl user.max_user_namespaces`, `kernel.unprivileged_userns_clone`, \
         `kernel.apparmor_restrict_unprivileged_userns`), use Linux 6.2 or newer with Landlock, or install bubblewrap; \
         `--unsandboxed` runs commands without protection"
    } else {
        "`--unsandboxed` runs commands without protection"
    }
}
