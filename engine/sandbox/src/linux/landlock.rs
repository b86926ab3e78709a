//! Landlock: which files may be opened, which sockets connected, and whom signals reach (landlock(7)).
//!
//! The kernel's answer decides, not the wish: what it does not know is not asked for, and what was asked for must have been
//! put in place.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use crate::job::{Failure, Job, RawPath};
use crate::lookup::{SYSTEM_DEVICES, SYSTEM_FILES, SYSTEM_FOLDERS};
use crate::policy::Level;
use crate::report::Mechanism;

/// The version from which a file cannot be truncated that cannot be written; without namespaces, none below it will do.
const LEAST_ALONE: ABI = ABI::V3;
/// The version from which signals stay inside.
const SIGNALS: ABI = ABI::V6;

/// What of `/proc` a program may know of the machine, where there is no namespace to show it less.
const PROC_FILES: [&str; 9] = [
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/kernel/ngroups_max",
    "/proc/uptime",
    "/proc/version",
];

/// The newest version this kernel and this program both know, of those that forbid something new; `None` if the kernel has
/// none of it.
pub(super) fn version() -> Option<ABI> {
    let versions = [ABI::V9, ABI::V6, ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1];
    versions.into_iter().find(|&version| ruleset(version, true).is_ok())
}

/// Whether the kernel keeps signals inside.
pub(super) fn keeps_signals_inside() -> bool {
    version().is_some_and(|version| version >= SIGNALS)
}

/// A ruleset in which everything of a version is forbidden. `sockets`: TCP too.
fn ruleset(version: ABI, sockets: bool) -> Result<RulesetCreated, landlock::RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(version))?;
    if sockets && version >= ABI::V4 {
        ruleset = ruleset.handle_access(AccessNet::from_all(version))?;
    }
    if version >= SIGNALS {
        ruleset = ruleset.scope(Scope::from_all(version))?;
    }
    ruleset.create()
}

/// Restricts this process to what the job allows, with everything it will start.
pub(super) fn restrict(job: &Job) -> Result<(), Failure> {
    let alone = job.level == Level::Landlock;
    let Some(version) = version() else {
        // Where only what is allowed exists, this is the second lock on the door.
        return if alone { Err(Failure::unavailable("use Landlock", "the kernel has none of it")) } else { Ok(()) };
    };
    if alone && version < LEAST_ALONE {
        return Err(Failure::unavailable("use Landlock", format!("version {version} cannot forbid to truncate files")));
    }
    let failed = |error: landlock::RulesetError| Failure::unavailable("restrict with Landlock", error);
    let read = AccessFs::from_read(version);
    let all = AccessFs::from_all(version);
    let mut rules = Rules { set: ruleset(version, alone).map_err(failed)?, version };
    if alone {
        for path in SYSTEM_FOLDERS.iter().chain(&SYSTEM_FILES).chain(&PROC_FILES) {
            rules.allow(Path::new(path), read)?;
        }
        for path in job.read.iter().map(RawPath::path) {
            rules.allow_existing(&path, read)?;
        }
        if let Some(own) = &job.temporary {
            rules.allow_existing(&own.path(), all)?;
        }
    } else {
        rules.allow_existing(Path::new("/"), read)?;
        for path in ["/tmp", "/dev/shm"] {
            rules.allow(Path::new(path), all)?;
        }
    }
    for path in SYSTEM_DEVICES {
        rules.allow(Path::new(path), read | AccessFs::WriteFile)?;
    }
    for path in job.write.iter().map(RawPath::path) {
        rules.allow_existing(&path, all)?;
    }
    let status = rules.set.restrict_self().map_err(failed)?;
    if status.ruleset != RulesetStatus::FullyEnforced || !status.no_new_privs {
        return Err(Failure::unavailable("restrict with Landlock", format!("it was put in place in part: {status:?}")));
    }
    Ok(())
}

struct Rules {
    set: RulesetCreated,
    version: ABI,
}

impl Rules {
    /// Allows what may or may not be there.
    fn allow(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), Failure> {
        if path.exists() { self.allow_existing(path, access) } else { Ok(()) }
    }

    fn allow_existing(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::other(format!("allow {} with Landlock", path.display()), error.to_string())
        };
        let descriptor = PathFd::new(path).map_err(|error| failed(&error))?;
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(self.version) };
        (&mut self.set).add_rule(PathBeneath::new(descriptor, access)).map_err(|error| failed(&error))?;
        Ok(())
    }
}

/// What this kernel has.
pub(super) fn mechanism() -> Mechanism {
    let version = version();
    let detail = match version {
        None => "the kernel has none of it, or it is not among its security modules".to_owned(),
        Some(version) => {
            let alone = if version < LEAST_ALONE { "; too old to be used without namespaces" } else { "" };
            let signals = if version < SIGNALS { "; signals are forbidden instead of kept inside" } else { "" };
            format!("version {version} or a newer one that forbids no more{alone}{signals}")
        }
    };
    Mechanism {
        name: "landlock".to_owned(),
        available: version.is_some(),
        protects: "files and folders that are not allowed; abstract sockets and signals to others".to_owned(),
        detail,
    }
}
