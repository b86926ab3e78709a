//! The processes of one browser: a group of their own, how much memory they use, how they are ended.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// How often a process that is to end is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A process, as the system's table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    pid: u32,
    parent: u32,
    group: u32,
    zombie: bool,
}

/// The processes of the group that `leader` leads, and all that descend from it, the leader first; those that have ended are left out.
pub(crate) fn members(leader: u32) -> Vec<u32> {
    members_of(leader, &table())
}

fn members_of(leader: u32, table: &[Entry]) -> Vec<u32> {
    let mut found: BTreeSet<u32> = table.iter().filter(|entry| entry.group == leader).map(|entry| entry.pid).collect();
    found.insert(leader);
    loop {
        let before = found.len();
        found.extend(
            table.iter().filter(|entry| found.contains(&entry.parent)).map(|entry| entry.pid).collect::<Vec<_>>(),
        );
        if found.len() == before {
            break;
        }
    }
    let alive = |pid: u32| table.iter().any(|entry| entry.pid == pid && !entry.zombie);
    let mut members: Vec<u32> = found.into_iter().filter(|pid| alive(*pid)).collect();
    members.sort_by_key(|pid| *pid != leader);
    members
}

/// All processes. From `/proc` where there is one, else from `ps`.
fn table() -> Vec<Entry> {
    let Ok(entries) = fs::read_dir("/proc") else { return table_of_ps() };
    let found: Vec<Entry> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect();
    if found.is_empty() { table_of_ps() } else { found }
}

/// `/proc/PID/stat`: the name is in brackets and may have any character, so what matters is behind the last of them.
fn parse_stat(pid: u32, stat: &str) -> Option<Entry> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some(Entry { pid, parent, group, zombie: matches!(state, "Z" | "X") })
}

fn table_of_ps() -> Vec<Entry> {
    let Ok(output) = Command::new("ps").args(["-axo", "pid=,ppid=,pgid=,stat="]).output() else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(parse_ps).collect()
}

fn parse_ps(line: &str) -> Option<Entry> {
    let mut fields = line.split_ascii_whitespace();
    let mut number = || fields.next()?.parse().ok();
    let (pid, parent, group) = (number()?, number()?, number()?);
    Some(Entry { pid, parent, group, zombie: fields.next()?.starts_with('Z') })
}

/// When a process was started, in the system's own ticks: with its number, what tells it from a later one of the same number.
pub(crate) fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Whether a process is there and was told this on its command line.
pub(crate) fn was_told(pid: u32, argument: &str) -> bool {
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => line.split(|byte| *byte == 0 || *byte == b' ').any(|part| part == argument.as_bytes()),
        Err(_) if fs::metadata("/proc/self").is_ok() => false,
        Err(_) => {
            let output = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
            output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(argument))
        }
    }
}

/// What this machine is called.
pub(crate) fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| {
        let output = Command::new("uname").arg("-n").output().ok()?;
        String::from_utf8(output.stdout).ok()
    })?;
    Some(name.trim().to_owned())
}

/// Bytes of memory that these processes use, what several share counted once as far as the system tells (Linux: PSS).
pub(crate) fn memory(pids: &[u32]) -> u64 {
    pids.iter().map(|pid| proportional(*pid).or_else(|| resident(*pid)).unwrap_or(0)).sum()
}

/// Whether these processes use more than this; what is cheap to know is asked first.
pub(crate) fn uses_more(pids: &[u32], limit: u64) -> Option<u64> {
    let at_most: u64 = pids.iter().filter_map(|pid| resident(*pid)).sum();
    if at_most <= limit {
        return None;
    }
    Some(memory(pids)).filter(|used| *used > limit)
}

fn proportional(pid: u32) -> Option<u64> {
    field_kib(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss:")
}

fn resident(pid: u32) -> Option<u64> {
    if let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) {
        return field_kib(&status, "VmRSS:");
    }
    let output = Command::new("ps").args(["-o", "rss=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok()? * 1024)
}

fn field_kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Ends a browser and everything that it started, at once, and waits until it is gone.
pub(crate) fn end(child: &mut Child) {
    let leader = child.id();
    // Before it is waited for: until then no other process can get its number.
    let members = if matches!(child.try_wait(), Ok(None)) { members(leader) } else { Vec::new() };
    let _ = killpg(pid(leader), Signal::SIGKILL);
    for member in members {
        let _ = kill(pid(member), Signal::SIGKILL);
    }
    let _ = child.wait();
    let until = Instant::now() + Duration::from_secs(2);
    while !members_left(leader).is_empty() && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
}

/// Ends all processes of a group at once, and does not wait.
pub(crate) fn kill_group(leader: u32) {
    let _ = killpg(pid(leader), Signal::SIGKILL);
}

/// Ends a group whose leader is no child of ours, and waits until it is gone.
pub(crate) fn end_group(leader: u32, grace: Duration) {
    let gone = |within: Duration| {
        let until = Instant::now() + within;
        loop {
            if members(leader).is_empty() {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(LOOK);
        }
    };
    if gone(grace) {
        return;
    }
    for member in members(leader) {
        let _ = kill(pid(member), Signal::SIGKILL);
    }
    gone(Duration::from_secs(2));
}

/// Waits until a child has ended by itself; false if it has not within this time.
pub(crate) fn ended(child: &mut Child, within: Duration) -> bool {
    let until = Instant::now() + within;
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
            Ok(None) => return false,
            Ok(Some(_)) | Err(_) => return true,
        }
    }
}

fn members_left(leader: u32) -> Vec<u32> {
    table().iter().filter(|entry| entry.group == leader && !entry.zombie).map(|entry| entry.pid).collect()
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).expect("the system's process numbers fit"))
}
