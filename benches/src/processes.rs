//! What processes compute and hold, as Linux says it.

use std::fs;

use anyhow::{Context, Result};

/// Units of the times in `/proc/PID/stat`: Linux shows programs 100 a second on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds that a process has computed, those of the children that it has waited for included.
///
/// # Errors
/// If there is no such process.
pub fn computed(pid: u32) -> Result<f64> {
    let fields = stat(pid)?;
    // Behind the name: state is the first, utime to cstime are the 12th to the 15th.
    let ticks: f64 = fields.get(11..15).into_iter().flatten().filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_SECOND)
}

/// Seconds that a process and all its children have computed.
///
/// # Errors
/// If there is no such process.
pub fn computed_with_children(pid: u32) -> Result<f64> {
    let mut sum = computed(pid)?;
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ends meanwhile is among those that were waited for the next time.
        let is_child = stat(child).is_ok_and(|fields| fields.get(1).and_then(|it| it.parse().ok()) == Some(pid));
        if is_child {
            sum += computed(child).unwrap_or_default();
        }
    }
    Ok(sum)
}

/// Memory of a process that is resident, in KiB.
///
/// # Errors
/// If there is no such process.
pub fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a kernel that says it")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// The fields of `/proc/PID/stat` behind the name, which may have blanks in it.
fn stat(pid: u32) -> Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect())
}
