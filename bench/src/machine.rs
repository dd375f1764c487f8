//! The machine, as the table names it.

use std::fs;

/// CPU, cores, memory and kernel, in a line.
pub fn describe() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Its version: what follows names whoever built it.
    let version: String = kernel.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    format!("{cpu}, {cores} cores, {memory} of memory, Linux {version}")
}

/// Resident memory of a process in kB.
pub fn resident_kb(process: u32) -> Option<u64> {
    field(&format!("/proc/{process}/status"), "VmRSS")?.trim_end_matches("kB").trim().parse().ok()
}

/// The most resident memory that a process ever had, in kB.
pub fn most_resident_kb(process: u32) -> Option<u64> {
    field(&format!("/proc/{process}/status"), "VmHWM")?.trim_end_matches("kB").trim().parse().ok()
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
