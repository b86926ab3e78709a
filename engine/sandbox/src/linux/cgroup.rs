//! Control groups: limits on processes and memory that bind root too. Used where this process may make some, which as a
//! rule only root may; the keeper watches the same limits in any case.
//!
//! Version 1, one hierarchy for each controller; in version 2 a process that is in a group cannot give its children
//! controllers of their own without being moved, which is its manager's business and not ours.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::policy::Limits;
use crate::report::Mechanism;

const ROOT: &str = "/sys/fs/cgroup";
const PREFIX: &str = "zo-sandbox-";
/// What the stages themselves use.
const STAGE_PROCESSES: u64 = 300;
const STAGE_BYTES: u64 = 64 << 20;

/// The groups this process is in, with all it starts; left and removed when dropped.
#[derive(Debug)]
pub(super) struct Cgroup {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    folder: PathBuf,
    /// The group this process came from.
    parent: PathBuf,
}

impl Cgroup {
    /// Joins groups with these limits, as far as there are any that this process may make.
    pub(super) fn join(limits: &Limits) -> Option<Self> {
        let memory = limits.memory_bytes.saturating_add(limits.temporary_bytes).saturating_add(STAGE_BYTES);
        let processes = u64::from(limits.processes).saturating_add(STAGE_PROCESSES);
        let wanted = [("pids", "pids.max", processes), ("memory", "memory.limit_in_bytes", memory)];
        let groups: Vec<Group> = wanted
            .into_iter()
            .filter_map(|(controller, file, limit)| Group::join(&current(controller)?, file, limit).ok())
            .collect();
        (!groups.is_empty()).then_some(Self { groups })
    }
}

impl Group {
    fn join(parent: &Path, file: &str, limit: u64) -> io::Result<Self> {
        remove_abandoned(parent);
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&folder)?;
        let group = Self { folder, parent: parent.to_owned() };
        fs::write(group.folder.join(file), limit.to_string())?;
        fs::write(group.folder.join("cgroup.procs"), std::process::id().to_string())?;
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Also when it was not joined; what cannot be removed now, the next one will.
        let _ = fs::write(self.parent.join("cgroup.procs"), std::process::id().to_string());
        let _ = fs::remove_dir(&self.folder);
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.groups.clear();
    }
}

/// Groups of supervisors that were killed. A group with processes in it cannot be removed.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The folder of the group this process is in, in the hierarchy of a controller.
fn current(controller: &str) -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut lines = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let (_, path) = lines.find(|(controllers, _)| controllers.split(',').any(|name| name == controller))?;
    Some(Path::new(ROOT).join(controller).join(path.trim_start_matches('/')))
}

/// Whether groups can be made here.
pub(super) fn mechanism() -> Mechanism {
    let limits = Limits::default();
    let joined = Cgroup::join(&limits).map_or(0, |cgroup| cgroup.groups.len());
    let detail = match joined {
        0 => "no groups can be made; the same limits are watched from outside".to_owned(),
        1 => "for one of processes and memory; the other is watched from outside".to_owned(),
        _ => "version 1, for processes and memory".to_owned(),
    };
    Mechanism {
        name: "cgroups".to_owned(),
        available: joined > 0,
        protects: "the machine from too many processes and too much memory, also where root runs them".to_owned(),
        detail,
    }
}
