//! What runs, as `/proc` tells.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// One process of `/proc/PID/stat` (proc_pid_stat(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) dead: bool,
    pub(super) threads: u32,
    /// Time it computed, and its children it has waited for.
    pub(super) cpu: Duration,
    pub(super) resident_bytes: u64,
}

/// Which processes are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// All of this pid namespace but its first, which is this process.
    Namespace,
    /// What this process has started, and what that has: orphans come to it.
    Descendants,
}

/// Units of the kernel's times and sizes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    ticks_per_second: u64,
    page_bytes: u64,
}

impl Units {
    pub(super) fn of_this_system() -> Self {
        // Both have had these values on every system for decades, should they not be told.
        let value = |variable, usual| {
            let told = sysconf(variable).ok().flatten();
            told.and_then(|value| u64::try_from(value).ok()).filter(|&value| value > 0).unwrap_or(usual)
        };
        Self { ticks_per_second: value(SysconfVar::CLK_TCK, 100), page_bytes: value(SysconfVar::PAGE_SIZE, 4096) }
    }
}

impl Tree {
    /// The processes there are now, without those that are dead and wait to be reaped.
    pub(super) fn processes(self, units: Units) -> Vec<Process> {
        let all = all(units);
        let own = std::process::id().cast_signed();
        let mut found: Vec<Process> = match self {
            Self::Namespace => all.into_iter().filter(|process| process.pid != own).collect(),
            Self::Descendants => descendants(all, own),
        };
        found.retain(|process| !process.dead);
        found
    }

    /// Asks all of them to end.
    pub(super) fn terminate(self, units: Units) {
        let pids: Vec<i32> = self.processes(units).iter().map(|process| process.pid).collect();
        signal_all(&pids, Signal::SIGTERM);
    }

    /// Kills all of them, however fast they start others: first they are stopped, then they are killed.
    pub(super) fn kill(self, units: Units) {
        for _ in 0..MAX_PASSES {
            if self == Self::Namespace {
                // To everything but the first process of the namespace.
                let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
            }
            let mut seen = BTreeSet::new();
            loop {
                let fresh: Vec<i32> =
                    self.processes(units).iter().map(|process| process.pid).filter(|pid| seen.insert(*pid)).collect();
                if fresh.is_empty() {
                    break;
                }
                signal_all(&fresh, Signal::SIGSTOP);
            }
            if seen.is_empty() {
                return;
            }
            signal_all(&seen, Signal::SIGKILL);
        }
    }
}

fn signal_all<'a>(pids: impl IntoIterator<Item = &'a i32>, signal: Signal) {
    for &pid in pids {
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Passes over everything that runs before it is given up; one or two are enough for what does not fight back.
const MAX_PASSES: usize = 1000;

/// How many threads there are on the whole system, as far as this process can see.
pub(super) fn threads_of_all() -> u32 {
    all(Units::of_this_system()).iter().map(|process| process.threads).sum()
}

fn all(units: Units) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter_map(|pid| parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, units)).collect()
}

fn descendants(all: Vec<Process>, of: i32) -> Vec<Process> {
    let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process);
    }
    let (mut found, mut waiting) = (Vec::new(), vec![of]);
    while let Some(parent) = waiting.pop() {
        for process in children.remove(&parent).unwrap_or_default() {
            waiting.push(process.pid);
            found.push(process);
        }
    }
    found
}

/// Parses a line of `/proc/PID/stat`. The name, in parentheses, may contain anything.
fn parse(line: &str, units: Units) -> Option<Process> {
    let (pid, rest) = line.split_once(" (")?;
    let fields: Vec<&str> = rest.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
    // The first of these is field 3.
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
    let ticks: i64 = [14, 15, 16, 17].into_iter().filter_map(number).sum();
    let millis = u64::try_from(ticks).unwrap_or(0).saturating_mul(1000) / units.ticks_per_second;
    Some(Process {
        pid: pid.parse().ok()?,
        parent: i32::try_from(number(4)?).ok()?,
        dead: matches!(*fields.first()?, "Z" | "X"),
        threads: u32::try_from(number(20)?).ok()?,
        cpu: Duration::from_millis(millis),
        resident_bytes: u64::try_from(number(24)?).unwrap_or(0).saturating_mul(units.page_bytes),
    })
}

/// The memory of a process with what it shares counted in parts, in bytes; `None` if the kernel does not tell.
pub(super) fn proportional_bytes(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
